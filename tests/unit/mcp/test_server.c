/* SPDX-License-Identifier: MIT */
/* A server's connection in the simulated world: however its input is cut, whatever order things happen in, its replies
 * are the same, and it ends when it should. */
#include "mcp/server.h"
#include "runtime/base/buf.h"
#include "runtime/base/mem.h"
#include "runtime/io/world_sim.h"
#include "tests/support/support.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum { IN = 5, OUT = 6 };

static int echo(struct fl_call *call, const struct fl_value *args, void *user) {
  fl_call_progress(call, 1, 2, "half");
  return fl_call_return_text(call, "%s", fl_get_string(args, "text", ""));
}

static struct fl_call *parked[8];
static int parked_count;
static int park(struct fl_call *call, const struct fl_value *args, void *user) {
  parked[parked_count++] = call;
  return FL_CALL_PENDING;
}

static void complete_parked(void *user) {
  for (; parked_count > 0; parked_count--) {
    fl_call_return_text(parked[parked_count - 1], "completed");
    fl_call_complete(parked[parked_count - 1]);
  }
}

static const struct fl_tool TOOLS[] = {
    {.size = sizeof(struct fl_tool),
     .name = "echo",
     .run = echo,
     .flags = FL_TOOL_PARALLEL,
     .input_schema = "{\"type\":\"object\",\"properties\":{\"text\":{\"type\":\"string\"}}}"},
    {.size = sizeof(struct fl_tool), .name = "quick", .run = echo, .flags = FL_TOOL_QUICK},
    {.size = sizeof(struct fl_tool), .name = "park", .run = park},
    {.size = sizeof(struct fl_tool), .name = "hasty", .run = park, .timeout_ms = 20},
};

static struct fl_world *world;
static struct fl_server *server;
static struct fl_error failure;

static void begin(uint64_t seed) {
  world = fl_world_sim_create(seed);
  server = fl_server_create(
      &(struct fl_server_options){.size = sizeof(struct fl_server_options), .name = "test", .version = "1"});
  for (size_t i = 0; i < 4; i++) assert_int_equal(fl_server_add_tool(server, &TOOLS[i], NULL), 0);
  parked_count = 0;
}

static int serve(void) {
  bool has_work = true;
  failure = (struct fl_error){0};
  int status = fl_server_serve(server, world, (int[]){IN, OUT}, &has_work, &failure);
  assert_false(has_work);
  return status;
}

static void end(void) {
  fl_server_destroy(server);
  fl_world_destroy(world);
}

#define META                                                                                         \
  "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\",\"io.modelcontextprotocol/" \
  "clientCapabilities\":{}"
static const char SCRIPT[] =
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"2025-06-18\"}}\n"
    "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/"
    "call\",\"params\":{\"name\":\"echo\",\"arguments\":{\"text\":\"h\xc3\xa9\"}}}\r\n"
    "\n"
    "oops\n"
    "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"tools/"
    "call\",\"params\":{\"name\":\"echo\",\"arguments\":{\"text\":5},\"_meta\":{\"progressToken\":1}}}\n"
    "{\"jsonrpc\":\"2.0\",\"id\":4,\"method\":\"tools/call\",\"params\":{\"name\":\"echo\"," META "}}}\n"
    "{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"tools/call\",\"params\":{\"name\":\"echo\"," META
    ",\"progressToken\":\"p\"}}}\n"
    "{\"jsonrpc\":\"2.0\",\"id\":6,\"method\":\"tools/call\",\"params\":{\"name\":\"quick\"," META
    ",\"progressToken\":\"q\"}}}";

static int compare_lines(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* The lines that came out, sorted: calls end in any order. */
static char *sorted_output(void) {
  fl_slice output = fl_world_sim_output(world, OUT);
  char *text = fl_strndup(output.data, output.size), *lines[64];
  size_t count = 0;
  char *rest = text;
  for (char *line; (line = strsep(&rest, "\n")) != NULL && count < 64;) lines[count++] = line;
  qsort(lines, count, sizeof lines[0], compare_lines);
  struct fl_buf sorted = {0};
  for (size_t i = 0; i < count; i++) fl_buf_addf(&sorted, "%s%s", lines[i], i + 1 < count ? "\n" : "");
  fl_free(text);
  return fl_buf_take(&sorted, NULL);
}

static char *run_script(uint64_t seed, size_t cut) {
  begin(seed);
  fl_world_sim_set_splits(world, cut == 0);
  fl_world_sim_input(world, IN, 0, fl_slice_n(SCRIPT, cut));
  fl_world_sim_input(world, IN, 1, fl_slice_n(SCRIPT + cut, sizeof SCRIPT - 1 - cut));
  fl_world_sim_input_end(world, IN, 0); /* right behind its last byte, as from a shell */
  assert_int_equal(serve(), 0);
  char *output = sorted_output();
  end();
  return output;
}

static void the_input_may_be_cut_anywhere(void **state) {
  FL_FREE_AUTO char *expected = run_script(1, sizeof SCRIPT - 1);
  assert_non_null(
      strstr(expected,
             "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"h\xc3\xa9\"}]}}"));
  assert_non_null(strstr(expected, "Invalid arguments for tool echo"));
  assert_non_null(strstr(expected, "-32700"));
  assert_non_null(strstr(expected, "{\"progressToken\":\"p\",\"progress\":1,\"total\":2,\"message\":\"half\"}"));
  assert_non_null(strstr(expected, "\"id\":5,\"result\":{\"resultType\":\"complete\""));
  assert_non_null(strstr(expected, "{\"progressToken\":\"q\""));
  assert_non_null(strstr(expected, "\"id\":6,\"result\""));
  for (size_t cut = 1; cut < sizeof SCRIPT - 1; cut++) {
    FL_FREE_AUTO char *output = run_script(1, cut);
    assert_string_equal(output, expected);
  }
  for (uint64_t seed = 1; seed < 50; seed++) {
    FL_FREE_AUTO char *output = run_script(seed, 0);
    assert_string_equal(output, expected);
  }
}

static void call(const char *tool, int id) {
  FL_FREE_AUTO char *line = fl_format(
      "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"tools/call\",\"params\":{\"name\":\"%s\"," META "}}}\n", id, tool);
  fl_world_sim_input(world, IN, 0, fl_slice_of(line));
}

static bool has_output(const char *text) {
  fl_slice output = fl_world_sim_output(world, OUT);
  return memmem(output.data, output.size, text, strlen(text)) != NULL;
}

static void a_call_that_ends_shortly_after_the_input_is_answered(void **state) {
  begin(1);
  call("park", 1);
  fl_world_sim_input_end(world, IN, 0);
  fl_world_sim_after(world, 30, complete_parked, NULL);
  assert_int_equal(serve(), 0);
  assert_true(fl_world_now_ms(world) < 60);
  assert_true(has_output("completed"));
  end();
}

static void sigterm_ends_it(void **state) {
  begin(1);
  call("echo", 1);
  fl_world_sim_signal(world, 500, SIGTERM);
  assert_int_equal(serve(), 0);
  assert_int_equal(fl_world_now_ms(world), 500);
  assert_true(has_output("\"id\":1,\"result\""));
  end();
}

static void a_client_that_is_gone_ends_it(void **state) {
  begin(1);
  fl_world_sim_break_output(world, OUT);
  call("echo", 1);
  call("echo", 2);
  fl_world_sim_input(world, IN, 100, FL_SLICE("{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"ping\"}\n"));
  assert_int_equal(serve(), 0);
  end();
}

static void a_tool_with_a_limit_of_its_own_is_cut_off(void **state) {
  begin(1);
  call("hasty", 7);
  fl_world_sim_input(world, IN, 200, FL_SLICE("\n"));
  fl_world_sim_after(world, 210, complete_parked, NULL);
  fl_world_sim_input_end(world, IN, 100);
  assert_int_equal(serve(), 0);
  assert_true(has_output("\"id\":7,\"result\":{\"resultType\":\"complete\",\"content\":[{\"type\":\"text\",\"text\":"
                         "\"Tool hasty: it took too long.\"}],\"isError\":true"));
  assert_false(has_output("completed"));
  end();
}

static void a_cancelled_call_gets_no_reply(void **state) {
  begin(1);
  call("park", 7);
  fl_world_sim_input(
      world, IN, 10,
      FL_SLICE("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":7}}\n"));
  fl_world_sim_after(world, 50, complete_parked, NULL);
  fl_world_sim_input_end(world, IN, 100);
  assert_int_equal(serve(), 0);
  assert_int_equal(fl_world_sim_output(world, OUT).size, 0);
  end();
}

static void more_calls_than_the_limit_are_refused_not_queued(void **state) {
  begin(1);
  FL_BUF_AUTO many = {0};
  for (int i = 0; i < 20000; i++)
    fl_buf_addf(&many,
                "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"tools/call\",\"params\":{\"name\":\"echo\"," META "}}}\n",
                i);
  fl_world_sim_input(world, IN, 0, fl_buf_slice(&many));
  fl_world_sim_input_end(world, IN, 0);
  assert_int_equal(serve(), 0);
  size_t replies = 0;
  fl_slice output = fl_world_sim_output(world, OUT);
  for (size_t i = 0; i < output.size; i++) replies += output.data[i] == '\n';
  assert_int_equal(replies, 20000);
  end();
}

static void servers_refuse_wrong_tools(void **state) {
  struct fl_error err;
  begin(1);
  assert_int_equal(fl_server_add_tool(server, &TOOLS[0], &err), FL_E_EXISTS);
  assert_string_equal(err.text, "there are two tools with the name \"echo\"");
  assert_int_equal(fl_server_add_plugin(server, "/no/such/file.so", &err), FL_E_NOT_FOUND);
  fl_server_destroy(NULL);
  end();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_input_may_be_cut_anywhere),
      cmocka_unit_test(a_call_that_ends_shortly_after_the_input_is_answered),
      cmocka_unit_test(sigterm_ends_it),
      cmocka_unit_test(a_client_that_is_gone_ends_it),
      cmocka_unit_test(a_tool_with_a_limit_of_its_own_is_cut_off),
      cmocka_unit_test(a_cancelled_call_gets_no_reply),
      cmocka_unit_test(more_calls_than_the_limit_are_refused_not_queued),
      cmocka_unit_test(servers_refuse_wrong_tools),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
