/* SPDX-License-Identifier: MIT */
/* The public client, in the simulated world: blocking and not, questions answered now, later and never, and what it
 * offers of itself. */
#include "mcp/client_api.h"
#include "peer.h"
#include "runtime/base/mem.h"
#include "tests/support/support.h"

#include <stdio.h>
#include <stdlib.h>

static struct fl_world *world;
static struct fl_client *client;
static struct peer peer;
static char told[2000];
static struct fl_client_ask *kept; /* a question that is answered later */
static int gone_count;

static void tell(const char *what, const char *text) {
  size_t used = strlen(told);
  snprintf(told + used, sizeof told - used, "%s%s;", what, text);
}

static void on_changed(struct fl_client *from, const char *what, void *user) { tell("changed ", what); }

static void accept(struct fl_client_ask *ask) {
  struct fl_value *result = fl_object();
  fl_set_string(result, "action", "accept");
  fl_set_take(result, "content", fl_client_form_defaults(fl_get(fl_client_ask_params(ask), "requestedSchema")));
  fl_client_answer_take(ask, result);
}

static void answer_now(struct fl_client *from, struct fl_client_ask *ask, void *user) {
  tell("", fl_client_ask_method(ask));
  accept(ask);
}

static void keep(struct fl_client *from, struct fl_client_ask *ask, void *user) { kept = ask; }
static void refuse(struct fl_client *from, struct fl_client_ask *ask, void *user) { fl_client_refuse(ask); }

/* A tool that asks before it answers; what came back is in the answer. */
static bool asks(struct peer *me, struct fl_sim_exchange *exchange, const struct fl_value *message) {
  const struct fl_value *params = fl_get(message, "params");
  if (strcmp(fl_get_string(params, "name", ""), "moody") != 0) return false;
  char *answers = fl_dump(fl_get(params, "inputResponses"), NULL), *id = fl_dump(fl_get(message, "id"), NULL);
  FL_VALUE_AUTO said = fl_string(answers);
  char *quoted = fl_dump(said, NULL);
  FL_FREE_AUTO char *text =
      fl_get(params, "inputResponses") == NULL
          ? fl_format(
                "{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{\"resultType\":\"input_required\",\"inputRequests\":{\"k\":"
                "{\"method\":\"elicitation/create\",\"params\":{\"message\":\"?\",\"requestedSchema\":{\"type\":"
                "\"object\",\"properties\":{\"n\":{\"type\":\"integer\",\"default\":3},\"m\":{\"type\":\"string\"}}}}}}"
                "}}",
                id)
          : fl_format("{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{\"resultType\":\"complete\",\"content\":[{\"type\":"
                      "\"text\",\"text\":%s}]}}",
                      id, quoted);
  peer_respond(exchange, 200, "application/json", text);
  fl_text_free(answers);
  fl_text_free(id);
  fl_text_free(quoted);
  return true;
}

static void connect_with(fl_client_ask_fn *on_elicit) {
  struct fl_client_options options = {.size = sizeof options,
                                      .url = "http://mcp.test/mcp",
                                      .headers = (const char *const[]){"Authorization: Bearer x", NULL},
                                      .on_elicit = on_elicit,
                                      .on_changed = on_changed};
  struct fl_error err = {0};
  world = fl_world_sim_create(1);
  peer_install(&peer, world);
  if (fl_client_connect_in(world, &options, &client, &err) < 0) fail_msg("%s", err.text);
}

static void disconnect(void) {
  fl_client_close(client);
  fl_world_destroy(world);
}

static int reset(void **state) {
  peer = (struct peer){.is_modern = true, .get_status = 405, .on_request = asks};
  told[0] = '\0';
  kept = NULL;
  gone_count = 0;
  return 0;
}

static void lists_and_calls_block_until_they_are_done(void **state) {
  connect_with(NULL);
  assert_int_equal(fl_size(fl_client_tools(client)), 3);
  FL_VALUE_AUTO about = fl_client_about(client);
  assert_string_equal(fl_get_string(about, "era", ""), "modern");
  FL_VALUE_AUTO tools = NULL;
  FL_VALUE_AUTO result = NULL;
  struct fl_value *nothing = NULL;
  struct fl_error err = {0};
  assert_int_equal(fl_client_list(client, "tools", &tools, &err), 0);
  assert_int_equal(fl_size(tools), 3);
  assert_int_equal(fl_client_call_tool(client, "echo", NULL, &result, &err), 0);
  assert_string_equal(fl_get_string(result, "resultType", ""), "complete");
  assert_int_equal(fl_client_list(client, "prompts", &nothing, &err), FL_E_UNSUPPORTED);
  assert_non_null(strstr(err.text, "the server offers no prompts"));
  assert_int_equal(fl_client_list(client, "sorrows", &nothing, &err), FL_E_INVALID);
  assert_int_equal(fl_client_request(client, "no/such", NULL, &nothing, &err), FL_E_REMOTE);
  assert_null(nothing);
  disconnect();
}

static void questions_are_answered_now_or_later(void **state) {
  FL_VALUE_AUTO result = NULL;
  struct fl_error err = {0};
  connect_with(answer_now);
  assert_int_equal(fl_client_call_tool(client, "moody", NULL, &result, &err), 0);
  assert_string_equal(fl_get_string(fl_at(fl_get(result, "content"), 0), "text", ""),
                      "{\"k\":{\"action\":\"accept\",\"content\":{\"n\":3}}}");
  assert_string_equal(told, "elicitation/create;");
  disconnect();
  connect_with(refuse);
  assert_int_equal(fl_client_call_tool(client, "moody", NULL, &result, &err), FL_E_CANCELLED);
  disconnect();
  connect_with(NULL); /* not offered */
  assert_int_equal(fl_client_call_tool(client, "moody", NULL, &result, &err), FL_E_PROTOCOL);
  disconnect();
}

struct flight {
  struct fl_client_request request;
  int done_count, status;
  bool is_done;
};

static void on_done(struct fl_client_request *request, int status, const struct fl_value *result,
                    const struct fl_value *error, const struct fl_error *err) {
  struct flight *flight = request->user;
  flight->done_count++;
  flight->status = status;
  flight->is_done = true;
}

static void start(struct flight *flight, const char *tool) {
  *flight = (struct flight){.request = {.tool = tool, .on_done = on_done, .user = flight}};
  fl_client_request_start(client, &flight->request);
  assert_int_equal(flight->done_count, 0);
}

static void answer_kept(void *user) { accept(kept); }

static void an_answer_may_take_its_time(void **state) {
  struct flight flight;
  connect_with(keep);
  start(&flight, "moody");
  fl_world_sim_run_until(world, fl_world_now_ms(world) + 1000);
  assert_non_null(kept);
  fl_world_sim_after(world, 3600 * 1000, answer_kept, NULL); /* an hour is no time-out */
  fl_client_wait(client, &flight.is_done);
  assert_int_equal(flight.status, 0);
  assert_int_equal(flight.done_count, 1);
  disconnect();
}

static void on_gone(struct fl_client_ask *ask, void *user) { gone_count++; }

static void a_question_whose_call_is_cancelled_is_gone(void **state) {
  for (int is_told = 0; is_told < 2; is_told++) {
    struct flight flight;
    reset(NULL);
    connect_with(keep);
    start(&flight, "moody");
    fl_world_sim_run_until(world, fl_world_now_ms(world) + 1000);
    if (is_told) fl_client_ask_on_gone(kept, on_gone, NULL);
    fl_client_request_cancel(client, &flight.request);
    fl_client_request_cancel(client, &flight.request);
    fl_client_wait(client, &flight.is_done);
    assert_int_equal(flight.status, FL_E_CANCELLED);
    fl_world_sim_run_until(world, fl_world_now_ms(world) + 100);
    assert_int_equal(gone_count, is_told);
    if (!is_told) accept(kept); /* harmless */
    disconnect();
    assert_int_equal(flight.done_count, 1);
  }
}

static void changes_are_told(void **state) {
  connect_with(NULL);
  peer.tool_count = 2;
  fl_world_sim_run_until(world, fl_world_now_ms(world) + 2000);
  peer_event(peer.stream, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}");
  peer_event(peer.stream,
             "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/resources/updated\",\"params\":{\"uri\":\"x:1\"}}");
  fl_world_sim_run_until(world, fl_world_now_ms(world) + 2000);
  assert_string_equal(told, "changed x:1;changed tools;");
  assert_int_equal(fl_size(fl_client_tools(client)), 5);
  disconnect();
}

static void wrong_options_are_explained(void **state) {
  const struct {
    struct fl_client_options options;
    int status;
    const char *text;
  } rows[] = {
      {{.name = "s"}, FL_E_INVALID, "server s has no command"},
      {{.command = (const char *const[]){"x", NULL}, .url = "http://x"}, FL_E_INVALID, "both a command and a URL"},
      {{.url = "ftp://x"}, FL_E_INVALID, "http"},
      {{.url = "http://x", .revision = "2001-01-01"}, FL_E_VERSION, "2001-01-01"},
      {{.url = "http://nobody.test/"}, FL_E_NETWORK, "resolve"},
      {{.command = (const char *const[]){"absent", NULL}}, FL_E_NOT_FOUND, "absent"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct fl_client_options options = rows[i].options;
    struct fl_error err = {0};
    options.size = sizeof options;
    options.headers = (const char *const[]){"Authorization: Bearer x", NULL};
    world = fl_world_sim_create(1);
    int status = fl_client_connect_in(world, &options, &client, &err);
    if (status != rows[i].status || strstr(err.text, rows[i].text) == NULL)
      fail_msg("row %zu: %s %s", i, fl_error_word(status), err.text);
    fl_world_destroy(world);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(lists_and_calls_block_until_they_are_done, reset),
      cmocka_unit_test_setup(questions_are_answered_now_or_later, reset),
      cmocka_unit_test_setup(an_answer_may_take_its_time, reset),
      cmocka_unit_test_setup(a_question_whose_call_is_cancelled_is_gone, reset),
      cmocka_unit_test_setup(changes_are_told, reset),
      cmocka_unit_test_setup(wrong_options_are_explained, reset),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
