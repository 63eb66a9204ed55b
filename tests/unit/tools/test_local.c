/* SPDX-License-Identifier: MIT */
/* C functions as a source of tools, in the real world: on the pool, checked before and after, cancelled, timed out,
 * pending. */
#include "runtime/base/mem.h"
#include "runtime/io/vault.h"
#include "runtime/io/world.h"
#include "tests/support/support.h"
#include "tools/source.h"

#include <fairlead/tools.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct fl_world *world;
static struct fl_tool_source *source;

/* ---- tools ---- */

static atomic_int running, running_most, finished;
static atomic_bool may_end;

static void note_running(int change) {
  int now = atomic_fetch_add(&running, change) + change;
  if (now > atomic_load(&running_most)) atomic_store(&running_most, now);
  if (change < 0) atomic_fetch_add(&finished, 1);
}

static int add(struct fl_call *call, const struct fl_value *args, void *user) {
  return fl_call_return_double(call, fl_get_double(args, "a", 0) + fl_get_double(args, "b", 0));
}

static int nap(struct fl_call *call, const struct fl_value *args, void *user) {
  note_running(1);
  usleep((useconds_t)fl_get_int(args, "ms", 0) * 1000);
  note_running(-1);
  return fl_call_return_text(call, "slept, id %s", fl_call_id(call));
}

static int until_cancelled(struct fl_call *call, const struct fl_value *args, void *user) {
  while (!fl_call_is_cancelled(call) && !atomic_load(&may_end)) usleep(1000);
  atomic_fetch_add(&finished, 1);
  return fl_call_return_text(call, "ended");
}

static int talk(struct fl_call *call, const struct fl_value *args, void *user) {
  fl_call_log(call, "warning", "step %d", 1);
  fl_call_log(call, "shouting", "step %d", 2);
  fl_call_progress(call, 1, 2, "half \xff");
  usleep(20000);
  for (int i = 0; i < 100000; i++) fl_call_progress(call, 2, 2, "done");
  return fl_call_return_text(call, "bad byte \xff");
}

static void *complete_later(void *user) {
  struct fl_call *call = user;
  usleep(10000);
  fl_call_return_text(call, "later");
  fl_call_complete(call);
  return NULL;
}

static int pending(struct fl_call *call, const struct fl_value *args, void *user) {
  pthread_t thread;
  if (fl_get_bool(args, "at_once", false)) { /* complete before the handler has returned */
    fl_call_return_text(call, "at once");
    fl_call_complete(call);
    return FL_CALL_PENDING;
  }
  pthread_create(&thread, NULL, complete_later, call);
  pthread_detach(thread);
  return FL_CALL_PENDING;
}

static pthread_t quick_thread;
static int talk_quickly(struct fl_call *call, const struct fl_value *args, void *user) {
  quick_thread = pthread_self();
  fl_call_log(call, "info", "quick");
  fl_call_progress(call, 1, 1, NULL);
  return fl_call_return_text(call, "quick");
}

static int nothing(struct fl_call *call, const struct fl_value *args, void *user) {
  return (int)fl_get_int(args, "code", 0);
}

static int structured(struct fl_call *call, const struct fl_value *args, void *user) {
  return fl_call_return_take(call, fl_value_ref(fl_get(args, "give")));
}

static int blocks(struct fl_call *call, const struct fl_value *args, void *user) {
  return fl_call_return_content_take(call, fl_value_ref(fl_get(args, "give")));
}

static int refuses(struct fl_call *call, const struct fl_value *args, void *user) {
  return fl_call_return_error(call, "no %s today", "sugar");
}

#define TOOL(NAME, ...) \
  { .size = sizeof(struct fl_tool), .name = #NAME, .run = NAME, __VA_ARGS__ }
#define ANYTHING .input_schema = "{\"type\":\"object\"}"
#define ADDS(NAME, RESULT, REQUIRED)                                                                            \
  {                                                                                                             \
    .size = sizeof(struct fl_tool), .name = NAME, .run = add, ANYTHING,                                         \
    .output_schema = "{\"type\":\"object\",\"properties\":{\"result\":" RESULT "},\"required\":[" REQUIRED "]}" \
  }

static int repeat(struct fl_call *call, const struct fl_value *args, void *user) {
  return fl_call_return_text(call, "%s", fl_get_string(args, "text", "none"));
}

static int blab(struct fl_call *call, const struct fl_value *args, void *user) {
  const char *text = fl_get_string(args, "text", "none");
  fl_call_log(call, "info", "logged %s", text);
  return fl_get_bool(args, "fails", false) ? fl_call_return_error(call, "failed %s", text)
                                           : fl_call_return_text(call, "said %s", text);
}

static const struct fl_tool TOOLS[] = {
    TOOL(add, .description = "Adds.", .flags = FL_TOOL_READ_ONLY,
         .input_schema = "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"number\"}},\"required\":[\"a\"]}"),
    TOOL(nap, ANYTHING),
    TOOL(until_cancelled, ANYTHING),
    TOOL(talk),
    TOOL(pending, ANYTHING),
    TOOL(nothing, ANYTHING),
    TOOL(structured, ANYTHING, .output_schema = "{\"type\":\"object\",\"required\":[\"x\"]}"),
    TOOL(blocks, ANYTHING),
    TOOL(refuses),
    {.size = sizeof(struct fl_tool), .name = "nap_parallel", .run = nap, .flags = FL_TOOL_PARALLEL, ANYTHING},
    {.size = sizeof(struct fl_tool),
     .name = "promise",
     .run = refuses,
     .output_schema = "{\"type\":\"object\"}",
     .timeout_ms = 1000},
    ADDS("add_whole", "{\"type\":\"integer\"}", "\"result\""),
    ADDS("add_small", "{\"type\":\"number\",\"maximum\":9}", "\"result\""),
    ADDS("add_more", "{\"type\":\"number\"}", "\"result\",\"more\""),
    ADDS("add_any", "{\"type\":\"number\",\"title\":\"n\"}", "\"result\""),
    TOOL(repeat, ANYTHING),
    TOOL(blab, ANYTHING),
    {.size = sizeof(struct fl_tool), .name = "impatient", .run = until_cancelled, .timeout_ms = 30, ANYTHING},
    {.size = sizeof(struct fl_tool), .name = "quick", .run = talk_quickly, .flags = FL_TOOL_QUICK, ANYTHING},
    {.size = sizeof(struct fl_tool), .name = "quick_pending", .run = pending, .flags = FL_TOOL_QUICK, ANYTHING},
    {.size = sizeof(struct fl_tool),
     .name = "promise_text",
     .run = nap,
     .output_schema = "{\"type\":\"object\"}",
     ANYTHING},
};

/* ---- driver ---- */

struct asked {
  struct fl_tool_request request;
  struct fl_value *args;
  int done_count, status;
  bool sent;
  char text[1000], error[FL_ERROR_TEXT_MAX];
  int progress_count;
  double progress;
};
static char log_text[2000];
static int waiting;

static void on_done(struct fl_tool_request *request, int status, struct fl_value *result, bool sent,
                    const struct fl_error *err) {
  struct asked *asked = request->user;
  asked->done_count++;
  asked->status = status;
  asked->sent = sent;
  char *text = fl_dump(result, NULL);
  snprintf(asked->text, sizeof asked->text, "%s", text);
  fl_text_free(text);
  if (err != NULL) snprintf(asked->error, sizeof asked->error, "%s", err->text);
  if (--waiting == 0) fl_world_stop(world);
}

static void on_progress(struct fl_tool_request *request, double done, double total, const char *message) {
  struct asked *asked = request->user;
  assert_int_equal(asked->done_count, 0);
  asked->progress_count++;
  asked->progress = done;
}

static void on_log(struct fl_tool_source *from, const char *level, const char *text) {
  size_t used = strlen(log_text);
  snprintf(log_text + used, sizeof log_text - used, "%s:%s\n", level, text);
}

static void ask(struct asked *asked, const char *tool, const char *args) {
  assert_int_equal(fl_parse(args, strlen(args), &asked->args, NULL), 0);
  asked->request.tool = tool;
  asked->request.args = asked->args;
  asked->request.on_done = on_done;
  asked->request.on_progress = on_progress;
  asked->request.user = asked;
  waiting++;
  source->ops->call(source, &asked->request);
  assert_int_equal(asked->done_count, 0);
}

static void wait_all(void) {
  if (waiting > 0) fl_world_run(world);
}

static void forget(struct asked *asked) {
  assert_int_equal(asked->done_count, 1);
  fl_value_unref(asked->args);
}

static void expect(const char *tool, const char *args, const char *result) {
  struct asked asked = {0};
  ask(&asked, tool, args);
  wait_all();
  assert_int_equal(asked.status, 0);
  assert_true(asked.sent);
  assert_string_equal(asked.text, result);
  forget(&asked);
}

static void on_ready(struct fl_tool_source *from, int status, const struct fl_error *err) {
  assert_int_equal(status, 0);
  fl_world_stop(world);
}
static void on_closed(struct fl_tool_source *from) { from->user = NULL; }

static int setup(void **state) {
  world = fl_world_uv_create(NULL);
  atomic_store(&running_most, 0);
  atomic_store(&finished, 0);
  atomic_store(&may_end, false);
  log_text[0] = '\0';
  struct fl_local_tools here = {"here", TOOLS, sizeof TOOLS / sizeof TOOLS[0]};
  assert_int_equal(fl_tool_source_local(world, &here, &source, NULL), 0);
  source->on_ready = on_ready;
  source->on_closed = on_closed;
  source->on_log = on_log;
  source->user = source;
  source->ops->open(source);
  fl_world_run(world);
  return 0;
}

static int teardown(void **state) {
  source->ops->close(source);
  while (source->user != NULL) fl_world_run(world);
  source->ops->destroy(source);
  fl_world_destroy(world);
  return 0;
}

/* ---- tests ---- */

static void tools_are_listed_with_their_schemas(void **state) {
  assert_int_equal(source->tool_count, sizeof TOOLS / sizeof TOOLS[0]);
  assert_string_equal(source->tools[0].name, "add");
  assert_string_equal(source->tools[0].description, "Adds.");
  assert_string_equal(fl_get_string(source->tools[0].input_schema, "type", ""), "object");
  assert_true(fl_get_bool(source->tools[0].annotations, "readOnlyHint", false));
  assert_null(source->tools[1].annotations);
  assert_null(source->tools[1].output_schema);
  assert_non_null(source->tools[6].output_schema);
}

static void a_call_is_answered(void **state) {
  expect("add", "{\"a\":1,\"b\":2}",
         "{\"content\":[{\"type\":\"text\",\"text\":\"3\"}],\"structuredContent\":{\"result\":3}}");
  expect("refuses", "{}", "{\"content\":[{\"type\":\"text\",\"text\":\"no sugar today\"}],\"isError\":true}");
  expect("blocks", "{\"give\":[{\"type\":\"text\",\"text\":\"x\"}]}",
         "{\"content\":[{\"type\":\"text\",\"text\":\"x\"}]}");
  expect("structured", "{\"give\":{\"x\":1}}",
         "{\"content\":[{\"type\":\"text\",\"text\":\"{\\\"x\\\":1}\"}],\"structuredContent\":{\"x\":1}}");
}

static void numbers_are_told_as_they_are(void **state) {
  static const char *const tools[] = {"add", "add_any", "add_small"};
  for (size_t i = 0; i < sizeof tools / sizeof tools[0]; i++) {
    expect(tools[i], "{\"a\":1,\"b\":0.5}",
           "{\"content\":[{\"type\":\"text\",\"text\":\"1.5\"}],\"structuredContent\":{\"result\":1.5}}");
    expect(tools[i], "{\"a\":-4,\"b\":1}",
           "{\"content\":[{\"type\":\"text\",\"text\":\"-3\"}],\"structuredContent\":{\"result\":-3}}");
  }
  expect("add_whole", "{\"a\":2,\"b\":0.0}",
         "{\"content\":[{\"type\":\"text\",\"text\":\"2\"}],\"structuredContent\":{\"result\":2}}");
  expect("add_any", "{\"a\":1e300}",
         "{\"content\":[{\"type\":\"text\",\"text\":\"1e+300\"}],\"structuredContent\":{\"result\":1e+300}}");
}

static void an_argument_can_be_the_result(void **state) {
  expect("repeat", "{\"other\":1,\"text\":\"\\u00e9\\n\"}",
         "{\"content\":[{\"type\":\"text\",\"text\":\"\u00e9\\n\"}]}");
  expect("repeat", "{}", "{\"content\":[{\"type\":\"text\",\"text\":\"none\"}]}");
}

static void arguments_are_checked_before_the_handler_runs(void **state) {
  struct asked asked = {0};
  ask(&asked, "add", "{\"a\":\"x\"}");
  wait_all();
  assert_int_equal(asked.status, 0);
  assert_non_null(strstr(asked.text, "Invalid arguments for tool add"));
  assert_non_null(strstr(asked.text, "\"isError\":true"));
  forget(&asked);
}

static void what_a_handler_gets_wrong_is_an_error_for_the_model(void **state) {
  static const char *const rows[][3] = {
      {"nothing", "{}", "Tool nothing gave no answer."},
      {"nothing", "{\"code\":-9}", "Tool nothing failed: reading or writing failed."},
      {"structured", "{\"give\":{\"y\":1}}", "Tool structured broke its own output schema"},
      {"blocks", "{\"give\":[{}]}", "not a list of content blocks"},
      {"blocks", "{\"give\":7}", "not a list of content blocks"},
      {"promise_text", "{}", "promises a structured result and gave none"},
      {"add", "{\"a\":1e308,\"b\":1e308}", "not a finite number"},
      {"add_any", "{\"a\":1e308,\"b\":1e308}", "not a finite number"},
      {"add_whole", "{\"a\":1,\"b\":0.5}", "Tool add_whole broke its own output schema"},
      {"add_small", "{\"a\":9,\"b\":1}", "Tool add_small broke its own output schema"},
      {"add_more", "{\"a\":1,\"b\":1}", "Tool add_more broke its own output schema"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct asked asked = {0};
    ask(&asked, rows[i][0], rows[i][1]);
    wait_all();
    assert_int_equal(asked.status, 0);
    if (strstr(asked.text, rows[i][2]) == NULL) fail_msg("%s %s: %s", rows[i][0], rows[i][1], asked.text);
    assert_non_null(strstr(asked.text, "\"isError\":true"));
    forget(&asked);
  }
  expect("promise", "{}", "{\"content\":[{\"type\":\"text\",\"text\":\"no sugar today\"}],\"isError\":true}");
}

static void handlers_run_one_at_a_time_unless_they_say_otherwise(void **state) {
  struct asked asked[6] = {0};
  for (int i = 0; i < 3; i++) ask(&asked[i], "nap", "{\"ms\":5}");
  wait_all();
  assert_int_equal(atomic_load(&running_most), 1);
  for (int i = 3; i < 6; i++) ask(&asked[i], "nap_parallel", "{\"ms\":100}");
  wait_all();
  assert_true(atomic_load(&running_most) > 1);
  for (int i = 0; i < 6; i++) forget(&asked[i]);
}

static void the_key_of_a_call_reaches_the_handler(void **state) {
  struct asked asked = {.request = {.call_id = "key-7"}};
  ask(&asked, "nap", "{}");
  wait_all();
  assert_non_null(strstr(asked.text, "id key-7"));
  forget(&asked);
}

static void progress_and_logs_come_before_the_end(void **state) {
  struct asked asked = {0};
  ask(&asked, "talk", "{}");
  wait_all();
  assert_int_equal(asked.status, 0);
  assert_true(asked.progress_count >= 2);
  assert_true(asked.progress_count < 100000); /* folded, not queued */
  assert_true(asked.progress == 2);
  assert_string_equal(log_text, "warning:step 1\ninfo:step 2\n");
  assert_non_null(strstr(asked.text, "bad byte \xef\xbf\xbd"));
  forget(&asked);
}

static void a_pending_call_is_completed_by_any_thread(void **state) {
  expect("pending", "{}", "{\"content\":[{\"type\":\"text\",\"text\":\"later\"}]}");
  expect("pending", "{\"at_once\":true}", "{\"content\":[{\"type\":\"text\",\"text\":\"at once\"}]}");
}

static void quick_handlers_run_on_the_loop_and_still_answer_later(void **state) {
  struct asked asked[3] = {0};
  for (int i = 0; i < 3; i++) ask(&asked[i], "quick", "{}"); /* ask checks that nothing is done inside */
  source->ops->cancel(source, &asked[1].request);
  wait_all();
  assert_true(pthread_equal(quick_thread, pthread_self()));
  assert_int_equal(asked[0].status, 0);
  assert_int_equal(asked[0].progress_count, 1);
  assert_int_equal(asked[1].status, FL_E_CANCELLED);
  assert_int_equal(asked[2].status, 0);
  assert_string_equal(log_text, "info:quick\ninfo:quick\ninfo:quick\n");
  for (int i = 0; i < 3; i++) forget(&asked[i]);
  expect("quick_pending", "{}", "{\"content\":[{\"type\":\"text\",\"text\":\"later\"}]}");
  expect("quick_pending", "{\"at_once\":true}", "{\"content\":[{\"type\":\"text\",\"text\":\"at once\"}]}");
}

static void a_cancelled_call_is_done_at_once_and_its_handler_hears_of_it(void **state) {
  struct asked asked = {0}, waits = {0};
  ask(&asked, "until_cancelled", "{}");
  ask(&waits, "until_cancelled", "{}");
  source->ops->cancel(source, &waits.request);
  source->ops->cancel(source, &asked.request);
  source->ops->cancel(source, &asked.request);
  assert_int_equal(asked.done_count, 0);
  wait_all();
  assert_int_equal(asked.status, FL_E_CANCELLED);
  assert_true(asked.sent);
  assert_int_equal(waits.status, FL_E_CANCELLED);
  assert_false(waits.sent);                    /* it waited for its turn and never began */
  source->ops->cancel(source, &asked.request); /* too late, and harmless */
  forget(&asked);
  forget(&waits);
}

static void a_call_that_takes_too_long_is_done_in_time(void **state) {
  struct asked idle = {.request = {.idle_timeout_ms = 30}}, behind = {.request = {.total_timeout_ms = 30}}, own = {0};
  ask(&idle, "until_cancelled", "{}");
  ask(&behind, "add", "{\"a\":1}");
  wait_all();
  assert_int_equal(idle.status, FL_E_TIMEOUT);
  assert_int_equal(behind.status, FL_E_TIMEOUT);
  assert_non_null(strstr(idle.error, "until_cancelled"));
  ask(&own, "impatient", "{}");
  wait_all();
  assert_int_equal(own.status, FL_E_TIMEOUT);
  forget(&idle);
  forget(&behind);
  forget(&own);
}

static void a_result_over_the_limit_is_refused(void **state) {
  struct asked asked = {.request = {.result_max = 20}};
  ask(&asked, "nap", "{}");
  wait_all();
  assert_int_equal(asked.status, FL_E_LIMIT);
  assert_true(asked.sent);
  forget(&asked);
}

static void an_unknown_tool_is_not_found(void **state) {
  struct asked asked = {0};
  ask(&asked, "nobody", "{}");
  wait_all();
  assert_int_equal(asked.status, FL_E_NOT_FOUND);
  assert_false(asked.sent);
  assert_string_equal(asked.error, "here has no tool \"nobody\"");
  forget(&asked);
}

static void closing_cancels_what_runs(void **state) {
  struct asked asked[3] = {0};
  for (int i = 0; i < 3; i++) ask(&asked[i], "until_cancelled", "{}");
  source->ops->close(source);
  while (source->user != NULL) fl_world_run(world);
  for (int i = 0; i < 3; i++) {
    assert_int_equal(asked[i].status, FL_E_CANCELLED);
    forget(&asked[i]);
  }
  assert_true(atomic_load(&finished) >= 1); /* on_closed waited for the handler that had begun */
}

static void wrong_tools_are_refused(void **state) {
  static const struct {
    struct fl_tool tool;
    int status;
    const char *text;
  } rows[] = {
      {{.size = sizeof(struct fl_tool), .name = "a b", .run = add}, FL_E_INVALID, "only letters"},
      {{.size = sizeof(struct fl_tool), .name = "", .run = add}, FL_E_INVALID, "no name"},
      {{.size = sizeof(struct fl_tool), .run = add}, FL_E_INVALID, "no name"},
      {{.size = sizeof(struct fl_tool), .name = "x"}, FL_E_INVALID, "no function"},
      {{.size = 8, .name = "x", .run = add}, FL_E_INVALID, "sizeof(struct fl_tool)"},
      {{.size = sizeof(struct fl_tool), .name = "x", .run = add, .input_schema = "{"},
       FL_E_INVALID,
       "input_schema of tool \"x\""},
      {{.size = sizeof(struct fl_tool), .name = "x", .run = add, .input_schema = "{\"type\":\"string\"}"},
       FL_E_INVALID,
       "must be \"object\""},
      {{.size = sizeof(struct fl_tool), .name = "x", .run = add, .input_schema = "{\"type\":5}"},
       FL_E_INVALID,
       "input_schema of tool \"x\""},
      {{.size = sizeof(struct fl_tool), .name = "x", .run = add, .output_schema = "true"},
       FL_E_INVALID,
       "must be an object"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct fl_tool_source *made = NULL;
    struct fl_error err;
    assert_int_equal(fl_tool_source_local(world, &(struct fl_local_tools){"w", &rows[i].tool, 1}, &made, &err),
                     rows[i].status);
    assert_null(made);
    if (strstr(err.text, rows[i].text) == NULL) fail_msg("row %zu: %s", i, err.text);
  }
  struct fl_tool twice[] = {TOOLS[0], TOOLS[0]};
  struct fl_tool_source *made = NULL;
  assert_int_equal(fl_tool_source_local(world, &(struct fl_local_tools){"w", twice, 2}, &made, NULL), FL_E_EXISTS);
}

static void no_result_shows_a_secret(void **state) {
  static const char *const args[] = {"{\"text\":\"canary-4711-x\"}", "{\"text\":\"canary-4711-x\",\"fails\":true}",
                                     "{\"text\":\"Y2FuYXJ5LTQ3MTEteA==\"}"};
  const struct fl_secret *value = NULL;
  const struct fl_secret_source printed = {.kind = FL_SECRET_COMMAND,
                                           .argv = (const char *const[]){"echo", "canary-4711-x", NULL}};
  assert_int_equal(fl_vault_read(world, "KEY", &printed, &value, NULL), 0);
  log_text[0] = '\0';
  for (size_t i = 0; i < sizeof args / sizeof *args; i++) {
    struct asked asked = {0};
    ask(&asked, "blab", args[i]);
    wait_all();
    assert_non_null(strstr(asked.text, "[secret KEY]"));
    assert_null(strstr(asked.text, "4711"));
    assert_null(strstr(asked.text, "Y2FuY"));
    forget(&asked);
  }
  assert_non_null(strstr(log_text, "info:logged [secret KEY]\n"));
  assert_null(strstr(log_text, "4711"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(tools_are_listed_with_their_schemas, setup, teardown),
      cmocka_unit_test_setup_teardown(a_call_is_answered, setup, teardown),
      cmocka_unit_test_setup_teardown(numbers_are_told_as_they_are, setup, teardown),
      cmocka_unit_test_setup_teardown(an_argument_can_be_the_result, setup, teardown),
      cmocka_unit_test_setup_teardown(arguments_are_checked_before_the_handler_runs, setup, teardown),
      cmocka_unit_test_setup_teardown(what_a_handler_gets_wrong_is_an_error_for_the_model, setup, teardown),
      cmocka_unit_test_setup_teardown(handlers_run_one_at_a_time_unless_they_say_otherwise, setup, teardown),
      cmocka_unit_test_setup_teardown(the_key_of_a_call_reaches_the_handler, setup, teardown),
      cmocka_unit_test_setup_teardown(progress_and_logs_come_before_the_end, setup, teardown),
      cmocka_unit_test_setup_teardown(a_pending_call_is_completed_by_any_thread, setup, teardown),
      cmocka_unit_test_setup_teardown(quick_handlers_run_on_the_loop_and_still_answer_later, setup, teardown),
      cmocka_unit_test_setup_teardown(a_cancelled_call_is_done_at_once_and_its_handler_hears_of_it, setup, teardown),
      cmocka_unit_test_setup_teardown(a_call_that_takes_too_long_is_done_in_time, setup, teardown),
      cmocka_unit_test_setup_teardown(a_result_over_the_limit_is_refused, setup, teardown),
      cmocka_unit_test_setup_teardown(an_unknown_tool_is_not_found, setup, teardown),
      cmocka_unit_test_setup_teardown(closing_cancels_what_runs, setup, teardown),
      cmocka_unit_test_setup_teardown(wrong_tools_are_refused, setup, teardown),
      cmocka_unit_test_setup_teardown(no_result_shows_a_secret, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
