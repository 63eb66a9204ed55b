/* SPDX-License-Identifier: MIT */
/* Attempts of a task: retries with their pauses, time-outs, what becomes of the calls of an attempt that failed, and
 * the handler when all of it was in vain. Everything in virtual time. */
#include "rig.h"

/* ---- a node that fails so many times ---- */

static struct {
  int failures, code, entered;
  uint32_t attempts[16];
  int64_t at_ms[16];
  struct rig *rig;
} flaky;

static int run_flaky(struct fl_task *task, void *user) {
  int n = flaky.entered++;
  flaky.attempts[n % 16] = fl_task_attempt(task);
  flaky.at_ms[n % 16] = fl_world_now_ms(flaky.rig->world);
  fl_task_write_take(task, "log", fl_stringf("try %d", n + 1));
  return n < flaky.failures ? fl_task_fail(task, flaky.code, "not yet") : FL_DONE;
}

#define HEAD "fairlead: 1\nname: g\nstate: { log: { reducer: append } }\n"
#define HANDLER "  h: { type: set, write: { log: \"error.node + ' ' + error.code + ': ' + error.message\" } }\n"

static struct fl_definition *load(struct rig *rig, const char *type, const char *policy, const char *rest) {
  FL_FREE_AUTO char *text =
      fl_format(HEAD "nodes:\n  a: { %s%s%s }\n%s", type, policy[0] != '\0' ? ", " : "", policy, rest);
  return rig_load(rig, text, NULL);
}

#define ALONE "edges: [ START -> a ]\n"
#define FLAKY "type: c, function: flaky"
#define QUICK "max_attempts: 3, initial_ms: 100, jitter: false"

static int run(struct rig *rig, struct fl_definition *definition, unsigned follow) {
  return rig_run(rig, definition,
                 (struct fl_invoke_options){.thread = "a", .input = json("{'log':[]}"), .follow = follow});
}

static struct fl_definition *up_flaky(struct rig *rig, const char *policy, int failures, int code) {
  rig_up(rig);
  memset(&flaky, 0, sizeof flaky);
  flaky.rig = rig;
  flaky.failures = failures;
  flaky.code = code;
  fl_runtime_add_function(rig->runtime, "flaky", run_flaky, NULL, NULL);
  bool is_handled = strstr(policy, "on_error") != NULL;
  return load(rig, FLAKY, policy, is_handled ? HANDLER ALONE : ALONE);
}

/* ---- retry ---- */

static void a_failed_node_is_tried_again_after_a_pause(void **state) {
  struct rig rig = {.seed = 1};
  struct fl_definition *definition = up_flaky(&rig, "retry: { " QUICK " }", 2, FL_E_NETWORK);
  assert_int_equal(run(&rig, definition, 0), 0);
  assert_json(rig.output, "{'log':['try 3']}"); /* what failed attempts wrote is dropped */
  assert_int_equal(flaky.entered, 3);
  assert_true(flaky.attempts[0] == 1 && flaky.attempts[1] == 2 && flaky.attempts[2] == 3);
  assert_int_equal(flaky.at_ms[1] - flaky.at_ms[0], 100);
  assert_int_equal(flaky.at_ms[2] - flaky.at_ms[1], 200);
  rig_deinit(&rig);
}

static void after_the_last_attempt_the_run_has_failed(void **state) {
  struct rig rig = {.seed = 1};
  struct fl_definition *definition = up_flaky(&rig, "retry: { " QUICK " }", 5, FL_E_NETWORK);
  assert_int_equal(run(&rig, definition, 0), FL_E_NETWORK);
  assert_non_null(strstr(rig.error.text, "not yet"));
  assert_int_equal(flaky.entered, 3);
  rig_deinit(&rig);
}

static void a_thread_that_failed_has_all_its_attempts_again(void **state) {
  struct rig rig = {.seed = 1};
  struct fl_definition *definition = up_flaky(&rig, "retry: { " QUICK " }", 4, FL_E_NETWORK);
  assert_int_equal(run(&rig, definition, 0), FL_E_NETWORK);
  assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.thread = "a"}), 0);
  assert_json(rig.output, "{'log':['try 5']}");
  assert_int_equal(flaky.attempts[3], 1);
  rig_deinit(&rig);
}

static void a_mistake_is_not_tried_again(void **state) {
  struct rig rig = {.seed = 1};
  struct fl_definition *definition = up_flaky(&rig, "retry: true", 1, FL_E_INVALID);
  assert_int_equal(run(&rig, definition, 0), FL_E_INVALID);
  assert_int_equal(flaky.entered, 1);
  rig_deinit(&rig);
}

static void without_a_policy_a_failure_is_final(void **state) {
  struct rig rig = {.seed = 1};
  struct fl_definition *definition = up_flaky(&rig, "", 1, FL_E_NETWORK);
  assert_int_equal(run(&rig, definition, 0), FL_E_NETWORK);
  assert_int_equal(flaky.entered, 1);
  rig_deinit(&rig);
}

static void jitter_comes_from_the_world(void **state) {
  int64_t first = 0;
  for (int i = 0; i < 3; i++) { /* the same seed, the same pause; another seed, another one */
    struct rig rig = {.seed = i < 2 ? 7 : 8};
    struct fl_definition *definition = up_flaky(&rig, "retry: { initial_ms: 100 }", 1, FL_E_NETWORK);
    assert_int_equal(run(&rig, definition, 0), 0);
    int64_t pause = flaky.at_ms[1] - flaky.at_ms[0];
    assert_true(pause >= 100 && pause <= 1100);
    if (i == 0) first = pause;
    assert_true((pause == first) == (i < 2));
    rig_deinit(&rig);
  }
}

static void followers_hear_of_a_retry(void **state) {
  struct rig rig = {.seed = 1};
  struct fl_definition *definition = up_flaky(&rig, "retry: { " QUICK " }", 1, FL_E_RATE);
  assert_int_equal(run(&rig, definition, FL_FOLLOW_EVENTS), 0);
  assert_non_null(strstr(rig.told.data, "events a {\"type\":\"node_retry\",\"attempt\":1,\"delay_ms\":100,\"code\":"
                                        "\"rate\",\"error\":\"not yet\"}"));
  assert_non_null(strstr(rig.told.data, "\"attempt\":2"));
  rig_deinit(&rig);
}

static void expressions_know_the_attempt(void **state) {
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  struct fl_definition *definition =
      load(&rig, "type: set, write: { log: 'run.attempt < 3 ? 1 / (run.attempt - run.attempt) : run.attempt' }",
           "retry: { " QUICK ", on: [ expression ] }", ALONE);
  assert_int_equal(run(&rig, definition, 0), 0);
  assert_json(rig.output, "{'log':[3]}");
  rig_deinit(&rig);
}

static void a_cancel_in_the_pause_ends_the_run(void **state) {
  struct rig rig = {.seed = 1};
  struct fl_definition *definition = up_flaky(&rig, "retry: { initial_ms: 60000, jitter: false }", 9, FL_E_NETWORK);
  struct fl_invocation *invocation =
      rig_start(&rig, definition, (struct fl_invoke_options){.thread = "a", .input = json("{'log':[]}")});
  fl_world_sim_after(rig.world, 1000, (void (*)(void *))fl_invocation_cancel, invocation);
  rig_turn(&rig);
  assert_int_equal(rig.status, FL_E_CANCELLED);
  assert_int_equal(flaky.entered, 1);
  assert_true(fl_world_now_ms(rig.world) < 50000);
  rig_deinit(&rig);
}

static void a_crash_in_the_pause_begins_anew(void **state) {
  struct rig rig = {.seed = 1};
  struct fl_definition *definition = up_flaky(&rig, "retry: { " QUICK " }", 1, FL_E_NETWORK);
  rig_start(&rig, definition, (struct fl_invoke_options){.thread = "a", .input = json("{'log':[]}")});
  fl_world_sim_after(rig.world, 50, (void (*)(void *))fl_world_sim_crash, rig.world);
  assert_int_equal(rig_turn(&rig), FL_SIM_CRASHED);
  rig_down(&rig);
  definition = up_flaky(&rig, "retry: { " QUICK " }", 1, FL_E_NETWORK);
  assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.thread = "a"}), 0);
  assert_json(rig.output, "{'log':['try 2']}");
  rig_deinit(&rig);
}

static void the_handler_runs_when_all_attempts_have_failed(void **state) {
  struct rig rig = {.seed = 1};
  struct fl_definition *definition = up_flaky(&rig, "retry: { " QUICK " }, on_error: h", 9, FL_E_NETWORK);
  assert_int_equal(run(&rig, definition, 0), 0);
  assert_json(rig.output, "{'log':['a network: not yet']}");
  assert_int_equal(flaky.entered, 3);
  rig_deinit(&rig);
}

/* ---- time-outs ---- */

#define WILD "type: tool, tool: wild/hang"

static void a_node_that_takes_too_long_has_failed(void **state) {
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  struct fl_definition *definition = load(&rig, WILD, "timeout: 5000", ALONE);
  assert_int_equal(run(&rig, definition, FL_FOLLOW_EVENTS), FL_E_TIMEOUT);
  assert_non_null(strstr(rig.error.text, "it took longer than 5000 ms (timeout), so it was ended"));
  assert_int_equal(rig.cancelled_count, 1); /* its call was told */
  assert_non_null(strstr(rig.told.data, "\"outcome\":\"failed\""));
  assert_int_equal(fl_world_now_ms(rig.world) / 1000, 5);
  rig_deinit(&rig);
}

static void a_timeout_is_tried_again(void **state) {
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  struct fl_definition *definition =
      load(&rig, WILD, "timeout: 5000, retry: { " QUICK ", on: [ timeout ] }, on_error: h",
           HANDLER "effects: { 'wild/*': read }\n" ALONE);
  assert_int_equal(run(&rig, definition, 0), 0);
  assert_string_equal(rig.calls.data, "hang hang hang ");
  assert_int_equal(rig.cancelled_count, 3);
  assert_json(rig.output, "{'log':['a timeout: it took longer than 5000 ms (timeout), so it was ended']}");
  rig_deinit(&rig);
}

/* Whether it has happened nobody knows: a call that is `once` is not made again. */
static void a_call_that_may_have_happened_is_not_made_again(void **state) {
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  struct fl_definition *definition = load(&rig, WILD, "timeout: 5000, retry: { " QUICK " }", ALONE);
  assert_true(run(&rig, definition, 0) < 0);
  assert_string_equal(rig.calls.data, "hang ");
  rig_deinit(&rig);
}

static void a_call_that_finished_all_the_same_is_not_made_again(void **state) {
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  struct fl_definition *definition =
      load(&rig, "type: tool, tool: wild/firm, write: log", "timeout: 5000, retry: { " QUICK " }", ALONE);
  assert_int_equal(run(&rig, definition, 0), 0);
  assert_string_equal(rig.calls.data, "firm ");
  assert_json(rig.output, "{'log':['it is done']}");
  rig_deinit(&rig);
}

static void an_error_of_a_tool_is_tried_again(void **state) {
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  struct fl_definition *definition =
      load(&rig, "type: tool, tool: t/error, args: { text: \"'no'\" }", "retry: { " QUICK " }", ALONE);
  assert_int_equal(run(&rig, definition, 0), FL_E_REMOTE);
  assert_string_equal(rig.calls.data, "error error error ");
  rig_deinit(&rig);
}

/* The first call answers, the second fails once: the next attempt makes only the second. */
static int first_then_wild(struct fl_task *task, void *user);

static void on_second(struct fl_task *task, struct fl_value *result, const struct fl_error *err, void *user) {
  fl_task_complete(task, result != NULL ? FL_DONE : fl_task_fail(task, err->code, "%s", err->text));
}

static void on_first(struct fl_task *task, struct fl_value *result, const struct fl_error *err, void *user) {
  FL_VALUE_AUTO args = json("{'code':-16,'text':'gone'}");
  fl_task_write_take(task, "log", fl_string(fl_get_string(fl_at(fl_get(result, "content"), 0), "text", "")));
  int rc = fl_task_call_tool(task, "wild/end", args, on_second, NULL);
  if (rc < 0) fl_task_complete(task, rc);
}

static int first_then_wild(struct fl_task *task, void *user) {
  FL_VALUE_AUTO args = json("{'text':'one'}");
  int rc = fl_task_call_tool(task, "t/echo", args, on_first, NULL);
  return rc < 0 ? rc : FL_PENDING;
}

static void calls_that_succeeded_are_not_made_again(void **state) {
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  fl_runtime_add_function(rig.runtime, "two", first_then_wild, NULL, NULL);
  struct fl_definition *definition =
      load(&rig, "type: c, function: two", "retry: { " QUICK " }", "effects: { 'wild/*': keyed }\n" ALONE);
  assert_int_equal(run(&rig, definition, 0), FL_E_NETWORK);
  assert_string_equal(rig.calls.data, "echo end end end ");
  /* a thread that failed and is told to go on calls again what failed, and nothing else */
  fl_buf_clear(&rig.calls);
  assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.thread = "a"}), FL_E_NETWORK);
  assert_string_equal(rig.calls.data, "end end end ");
  rig_deinit(&rig);
}

static int run_deaf(struct fl_task *task, void *user) {
  *(struct fl_task **)user = task;
  return FL_PENDING;
}

static void complete_late(void *user) { fl_task_complete(*(struct fl_task **)user, FL_DONE); }

/* A node that waits for something of its own is ended for it; its own word comes too late and says nothing. */
static void a_node_that_does_not_react_is_ended_for_it(void **state) {
  struct rig rig = {.seed = 1};
  struct fl_task *task = NULL;
  rig_up(&rig);
  fl_runtime_add_function(rig.runtime, "deaf", run_deaf, &task, NULL);
  struct fl_definition *definition = load(&rig, "type: c, function: deaf", "timeout: 100, on_error: h", HANDLER ALONE);
  fl_world_sim_after(rig.world, 60000, complete_late, &task);
  assert_int_equal(run(&rig, definition, 0), 0);
  assert_json(rig.output, "{'log':['a timeout: it took longer than 100 ms (timeout), so it was ended']}");
  assert_int_equal(rig.end_count, 1);
  rig_deinit(&rig);
}

static int beats;
static struct rig *beating;

static void beat(void *user) {
  struct fl_task *task = *(struct fl_task **)user;
  if (beats-- > 0) {
    fl_task_heartbeat(task);
    fl_world_sim_after(beating->world, 80, beat, user);
  } else {
    fl_task_complete(task, FL_DONE);
  }
}

static void a_heartbeat_puts_the_idle_timeout_off(void **state) {
  struct rig rig = {.seed = 1};
  struct fl_task *task = NULL;
  rig_up(&rig);
  beats = 20;
  beating = &rig;
  fl_runtime_add_function(rig.runtime, "deaf", run_deaf, &task, NULL);
  struct fl_definition *definition = load(&rig, "type: c, function: deaf", "timeout: { idle_ms: 100 }", ALONE);
  fl_world_sim_after(rig.world, 50, beat, &task);
  assert_int_equal(run(&rig, definition, 0), 0);
  assert_true(fl_world_now_ms(rig.world) > 1600);
  rig_deinit(&rig);
}

static void the_hard_timeout_does_not_care_for_heartbeats(void **state) {
  struct rig rig = {.seed = 1};
  struct fl_task *task = NULL;
  rig_up(&rig);
  beats = 20;
  beating = &rig;
  fl_runtime_add_function(rig.runtime, "deaf", run_deaf, &task, NULL);
  struct fl_definition *definition =
      load(&rig, "type: c, function: deaf", "timeout: { idle_ms: 100, run_ms: 500 }", ALONE);
  fl_world_sim_after(rig.world, 50, beat, &task);
  assert_int_equal(run(&rig, definition, 0), FL_E_TIMEOUT);
  assert_non_null(strstr(rig.error.text, "longer than 500 ms"));
  rig_deinit(&rig);
}

static void silence_is_an_idle_timeout(void **state) {
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  struct fl_definition *definition = load(&rig, WILD, "timeout: { idle_ms: 700, run_ms: 60000 }", ALONE);
  assert_int_equal(run(&rig, definition, 0), FL_E_TIMEOUT);
  assert_non_null(strstr(rig.error.text, "there was no sign of life for 700 ms (timeout.idle_ms), so it was ended"));
  rig_deinit(&rig);
}

static void a_node_in_time_is_left_alone(void **state) {
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  struct fl_definition *definition =
      load(&rig, "type: tool, tool: t/late, args: { text: \"'x'\", ms: 900 }, write: log", "timeout: 1000", ALONE);
  assert_int_equal(run(&rig, definition, 0), 0);
  assert_json(rig.output, "{'log':['x']}");
  rig_deinit(&rig);
}

/* A server that could not start left a failed call in the journal; when the thread goes on, it is made. */
static void a_call_that_never_left_is_made_when_the_thread_goes_on(void **state) {
  struct rig rig = {.seed = 1, .wild_open_status = FL_E_IO};
  rig_up(&rig);
  static const char type[] = "type: tool, tool: wild/end, args: { code: 0, text: \"'x'\" }";
  assert_int_equal(run(&rig, load(&rig, type, "", ALONE), 0), FL_E_IO);
  assert_true(rig.calls.size == 0);
  rig_down(&rig);
  rig.wild_open_status = 0;
  rig_up(&rig);
  assert_int_equal(rig_run(&rig, load(&rig, type, "", ALONE), (struct fl_invoke_options){.thread = "a"}), 0);
  assert_string_equal(rig.calls.data, "end ");
  rig_deinit(&rig);
}

/* ---- graphs inside ---- */

#define CHILD                                                                                                        \
  HEAD "nodes:\n  g: { type: graph, graph: child, %s }\n" HANDLER "graphs:\n  child:\n    state: { log: { "          \
       "reducer: append } }\n    nodes:\n      first: { type: set, write: { log: \"'first'\" } }\n      a: { type: " \
       "%s }\n    edges: [ START -> first -> a ]\nedges: [ START -> g ]\n"

static struct fl_definition *load_child(struct rig *rig, const char *policy, const char *type) {
  FL_FREE_AUTO char *text = fl_format(CHILD, policy, type);
  return rig_load(rig, text, NULL);
}

/* The next attempt goes on where the graph failed: its finished nodes do not run again. */
static void a_graph_is_tried_again_from_where_it_failed(void **state) {
  for (int mode = FL_DURABLE_SYNC; mode <= FL_DURABLE_EXIT; mode++) {
    struct rig rig = {.seed = 1};
    up_flaky(&rig, "", 2, FL_E_NETWORK);
    struct fl_definition *definition = load_child(&rig, "retry: { " QUICK " }, on_error: h", "c, function: flaky");
    fl_store_memory_set_delay(rig.store, 300); /* longer than the pauses */
    struct fl_invoke_options options = {.thread = "a",
                                        .input = json("{'log':[]}"),
                                        .durability = (enum fl_durability)mode,
                                        .follow = FL_FOLLOW_EVENTS | FL_FOLLOW_SUBGRAPHS};
    assert_int_equal(rig_run(&rig, definition, options), 0);
    assert_json(rig.output, "{'log':['first','try 3']}");
    const char *first = strstr(rig.told.data, "events first {\"type\":\"node_start\"");
    assert_non_null(first);
    assert_null(strstr(first + 1, "events first {\"type\":\"node_start\""));
    rig_deinit(&rig);
  }
}

static void a_graph_that_takes_too_long_is_cancelled(void **state) {
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  struct fl_definition *definition = load_child(&rig, "timeout: 500, on_error: h", "tool, tool: wild/hang");
  assert_int_equal(run(&rig, definition, 0), 0);
  assert_int_equal(rig.cancelled_count, 1);
  assert_json(rig.output, "{'log':['g timeout: it took longer than 500 ms (timeout), so it was ended']}");
  rig_deinit(&rig);
}

static void what_happens_inside_is_a_sign_of_life(void **state) {
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  struct fl_definition *definition = load_child(&rig, "timeout: { idle_ms: 700 }, on_error: h",
                                                "tool, tool: t/late, args: { text: \"'x'\", ms: 600 }, write: log");
  assert_int_equal(run(&rig, definition, 0), 0);
  assert_json(rig.output, "{'log':['first','x']}");
  rig_deinit(&rig);
}

/* At each moment of a run with retries, time-outs and a handler: a crash, and what comes out is the same. */
static void a_crash_at_any_effect_changes_nothing(void **state) {
  int crashes = 0;
  for (uint64_t at = 1; at < 60; at++) {
    struct rig rig = {.seed = 1};
    struct fl_definition *definition = up_flaky(&rig, "retry: { " QUICK " }, on_error: h", 99, FL_E_NETWORK);
    rig_start(&rig, definition, (struct fl_invoke_options){.thread = "a", .input = json("{'log':[]}")});
    fl_world_sim_crash_at(rig.world, fl_world_sim_effect_count(rig.world) + at);
    bool has_crashed = rig_turn(&rig) == FL_SIM_CRASHED;
    crashes += has_crashed;
    if (has_crashed) {
      rig_down(&rig);
      definition = up_flaky(&rig, "retry: { " QUICK " }, on_error: h", 99, FL_E_NETWORK);
      struct fl_loaded loaded = {0};
      bool is_new = fl_store_load(rig.store, "a", "", 0, &loaded, NULL) < 0 || loaded.checkpoint_no == 0;
      fl_loaded_deinit(&loaded);
      struct fl_invoke_options again = {.thread = "a", .input = is_new ? json("{'log':[]}") : NULL};
      assert_int_equal(rig_run(&rig, definition, again), 0);
    }
    if (!has_crashed) fl_world_sim_crash_at(rig.world, 0);
    assert_json(rig.output, "{'log':['a network: not yet']}");
    rig_deinit(&rig);
  }
  assert_true(crashes > 5);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_failed_node_is_tried_again_after_a_pause),
      cmocka_unit_test(after_the_last_attempt_the_run_has_failed),
      cmocka_unit_test(a_thread_that_failed_has_all_its_attempts_again),
      cmocka_unit_test(a_mistake_is_not_tried_again),
      cmocka_unit_test(without_a_policy_a_failure_is_final),
      cmocka_unit_test(jitter_comes_from_the_world),
      cmocka_unit_test(followers_hear_of_a_retry),
      cmocka_unit_test(expressions_know_the_attempt),
      cmocka_unit_test(a_cancel_in_the_pause_ends_the_run),
      cmocka_unit_test(a_crash_in_the_pause_begins_anew),
      cmocka_unit_test(the_handler_runs_when_all_attempts_have_failed),
      cmocka_unit_test(a_node_that_takes_too_long_has_failed),
      cmocka_unit_test(a_timeout_is_tried_again),
      cmocka_unit_test(a_call_that_may_have_happened_is_not_made_again),
      cmocka_unit_test(a_call_that_finished_all_the_same_is_not_made_again),
      cmocka_unit_test(an_error_of_a_tool_is_tried_again),
      cmocka_unit_test(calls_that_succeeded_are_not_made_again),
      cmocka_unit_test(a_node_that_does_not_react_is_ended_for_it),
      cmocka_unit_test(a_heartbeat_puts_the_idle_timeout_off),
      cmocka_unit_test(the_hard_timeout_does_not_care_for_heartbeats),
      cmocka_unit_test(silence_is_an_idle_timeout),
      cmocka_unit_test(a_node_in_time_is_left_alone),
      cmocka_unit_test(a_call_that_never_left_is_made_when_the_thread_goes_on),
      cmocka_unit_test(a_graph_is_tried_again_from_where_it_failed),
      cmocka_unit_test(a_graph_that_takes_too_long_is_cancelled),
      cmocka_unit_test(what_happens_inside_is_a_sign_of_life),
      cmocka_unit_test(a_crash_at_any_effect_changes_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
