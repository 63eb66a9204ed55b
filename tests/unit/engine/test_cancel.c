/* SPDX-License-Identifier: MIT */
/* Cancelling a run: in every phase, and at every effect. A cancelled run ends once, tells its tools, leaves the thread
 * as a thread that can go on, and repeats nothing unasked. */
#include "rig.h"

static const char tools_graph[] = "fairlead: 1\nname: tools\nstate: { messages: { reducer: messages } }\n"
                                  "nodes: { tools: { type: tools, tools: [t/*, wild/*] } }\n"
                                  "edges: [ START -> tools, tools -> END ]\n";
#define ASKS(CALLS) "{'messages':[{'role':'assistant','content':'','tool_calls':[" CALLS "]}]}"
#define ECHO "{'id':'1','name':'t__echo','args':{'text':'hello'}}"
#define HANG "{'id':'1','name':'wild__hang','args':{}}"

static void cancel(void *user) { fl_invocation_cancel(user); }

/* Cancels after so many milliseconds; asserts that the run ended as cancelled, then. */
static void cancel_at(struct rig *rig, struct fl_definition *definition, struct fl_invoke_options options,
                      uint32_t ms) {
  struct fl_invocation *invocation = rig_start(rig, definition, options);
  fl_world_sim_after(rig->world, ms, cancel, invocation);
  rig_turn(rig);
  assert_true(rig->is_over);
  assert_int_equal(rig->status, FL_E_CANCELLED);
  assert_non_null(strstr(rig->error.text, "cancelled"));
}

static void before_it_begins_nothing_is_written(void **state) {
  for (int is_kept = 0; is_kept < 2; is_kept++) {
    struct rig rig = {.seed = 1};
    rig_up(&rig);
    rig.runtime->keeps_nothing = !is_kept;
    struct fl_definition *definition = rig_load(&rig, tools_graph, NULL);
    struct fl_invoke_options options = {.thread = is_kept ? "a" : NULL, .input = json(ASKS(ECHO))};
    struct fl_invocation *invocation = rig_start(&rig, definition, options);
    fl_invocation_cancel(invocation);
    fl_invocation_cancel(invocation);
    rig_turn(&rig);
    assert_true(rig.is_over);
    assert_int_equal(rig.status, FL_E_CANCELLED);
    assert_int_equal(rig.calls.size, 0);
    struct fl_loaded loaded = {0};
    if (is_kept) assert_int_equal(fl_store_load(rig.store, "a", "", 0, &loaded, NULL), 0);
    assert_int_equal(loaded.checkpoint_no, 0);
    fl_loaded_deinit(&loaded);
    rig_deinit(&rig);
  }
}

static void while_a_server_starts(void **state) {
  struct rig rig = {.seed = 1, .wild_open_ms = 1000};
  rig_up(&rig);
  struct fl_definition *definition = rig_load(&rig, tools_graph, NULL);
  cancel_at(&rig, definition, (struct fl_invoke_options){.thread = "a", .input = json(ASKS(ECHO))}, 500);
  assert_string_equal(rig_stored_status(&rig, "a"), "cancelled");
  assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.thread = "a"}), 0);
  assert_string_equal(rig_messages(&rig, 1), "tool: hello\n");
  rig_deinit(&rig);
}

static void while_the_server_of_a_call_starts(void **state) {
  static const char one[] =
      "fairlead: 1\nname: one\nstate: { a: {} }\n"
      "nodes: { x: { type: tool, tool: wild/end, args: {}, write: a } }\nedges: [ START -> x, x -> END ]\n";
  struct rig rig = {.seed = 1, .wild_open_ms = 1000};
  rig_up(&rig);
  struct fl_definition *definition = rig_load(&rig, one, NULL);
  cancel_at(&rig, definition, (struct fl_invoke_options){.thread = "a", .input = json("{'a':1}")}, 500);
  assert_int_equal(rig.calls.size, 0);
  rig_deinit(&rig);
}

static void during_a_tool_call_the_tool_is_told(void **state) {
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  struct fl_definition *definition = rig_load(&rig, tools_graph, NULL);
  struct fl_invoke_options options = {.thread = "a",
                                      .input = json(ASKS(HANG ",{'id':'2','name':'t__echo','args':{'text':'x'}}"))};
  cancel_at(&rig, definition, options, 500);
  assert_int_equal(rig.cancelled_count, 1);
  /* Whether it happened is not known; the other call has been answered and is not made again. */
  assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.thread = "a"}), 1);
  assert_string_equal(fl_get_string(fl_get(fl_at(rig.interrupts, 0), "value"), "tool", ""), "wild/hang");
  struct fl_invoke_options resume = {.thread = "a", .resume = json("{'action':'result','text':'it did'}")};
  assert_int_equal(rig_run(&rig, definition, resume), 0);
  assert_string_equal(rig_messages(&rig, 1), "tool: it did\ntool: x\n");
  rig_deinit(&rig);
}

static void a_tool_that_answers_all_the_same_has_answered(void **state) {
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  struct fl_definition *definition = rig_load(&rig, tools_graph, NULL);
  struct fl_invoke_options options = {.thread = "a",
                                      .input = json(ASKS("{'id':'1','name':'t__echo','args':{'text':'x'}}"))};
  struct fl_invocation *invocation = rig_start(&rig, definition, options);
  while (rig.calls.size == 0) assert_true(fl_world_sim_step(rig.world));
  fl_invocation_cancel(invocation);
  rig_turn(&rig);
  assert_int_equal(rig.status, FL_E_CANCELLED);
  int status = rig_run(&rig, definition, (struct fl_invoke_options){.thread = "a"});
  if (status == 1)
    status = rig_run(&rig, definition, (struct fl_invoke_options){.thread = "a", .resume = json("'retry'")});
  assert_int_equal(status, 0);
  assert_string_equal(rig_messages(&rig, 1), "tool: x\n");
  rig_deinit(&rig);
}

static void what_a_cancelled_tool_has_done_is_kept(void **state) {
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  struct fl_definition *definition = rig_load(&rig, tools_graph, NULL);
  struct fl_invoke_options options = {.thread = "a", .input = json(ASKS("{'id':'1','name':'wild__firm','args':{}}"))};
  cancel_at(&rig, definition, options, 500);
  assert_int_equal(rig.cancelled_count, 1);
  assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.thread = "a"}), 0);
  assert_string_equal(rig_messages(&rig, 1), "tool: it is done\n");
  assert_string_equal(rig.calls.data, "firm ");
  rig_deinit(&rig);
}

static void after_the_end_it_says_nothing(void **state) {
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  struct fl_definition *definition = rig_load(&rig,
                                              "fairlead: 1\nname: s\nstate: { n: {} }\nnodes: { s: { type: set, write: "
                                              "{ n: '2' } } }\nedges: [ START -> s, s -> END ]\n",
                                              NULL);
  fl_store_memory_set_delay(rig.store, 100); /* at 100 the lease, at 200 the input, at 300 the end is on disk */
  struct fl_invocation *invocation =
      rig_start(&rig, definition, (struct fl_invoke_options){.thread = "a", .input = json("{'n':1}")});
  fl_world_sim_after(rig.world, 250, cancel, invocation);
  rig_turn(&rig);
  assert_int_equal(rig.status, 0);
  assert_int_equal(rig.end_count, 1);
  assert_string_equal(rig_stored_status(&rig, "a"), "idle");
  rig_deinit(&rig);
}

static void during_a_model_call(void **state) {
  static const char agent[] = "fairlead: 1\nname: agent\nstate: { messages: { reducer: messages } }\n"
                              "models: { main: { provider: scripted, script: script.yaml } }\n"
                              "nodes: { agent: { type: agent } }\nedges: [ START -> agent, agent -> END ]\n";
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  struct fl_definition *definition =
      rig_load(&rig, agent, "replies: [ { text: abcdefghij, pieces: 10, delay_ms: 100 } ]\n");
  struct fl_invoke_options options = {.thread = "a", .input = json("{'messages':'hi'}"), .follow = FL_FOLLOW_MESSAGES};
  cancel_at(&rig, definition, options, 450);
  assert_non_null(strstr(rig.told.data, "\"text\":\"c\""));
  assert_null(strstr(rig.told.data, "\"text\":\"j\""));
  assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.thread = "a"}), 0);
  assert_string_equal(rig_messages(&rig, 0), "user: hi\nassistant: abcdefghij\n");
  rig_deinit(&rig);
}

/* ---- nodes in C ---- */

struct pending {
  struct rig *rig;
  struct fl_task *task;
  bool was_cancelled, calls_after;
  int completed_count;
};

static void on_late_answer(struct fl_task *task, struct fl_value *result, const struct fl_error *err, void *user) {
  ((struct pending *)user)->completed_count++;
  assert_int_equal(err->code, FL_E_CANCELLED);
  fl_task_complete(task, err->code);
}

static void later(void *user) {
  struct pending *pending = user;
  pending->was_cancelled = fl_task_is_cancelled(pending->task);
  if (!pending->calls_after) {
    pending->completed_count++;
    fl_task_complete(pending->task, FL_DONE);
    return;
  }
  FL_VALUE_AUTO args = json("{'text':'too late'}");
  assert_int_equal(fl_task_call_tool(pending->task, "t/echo", args, on_late_answer, pending), 0);
}

static int run_pending(struct fl_task *task, void *user) {
  struct pending *pending = user;
  pending->task = task;
  fl_world_sim_after(pending->rig->world, 1000, later, pending);
  return FL_PENDING;
}

/* The node is ended for it; its task lives until it has completed, and whatever it does then is ignored. */
static void a_node_that_waits_for_something_of_its_own(void **state) {
  for (int calls_after = 0; calls_after < 2; calls_after++) {
    struct rig rig = {.seed = 1};
    struct pending pending = {.rig = &rig, .calls_after = calls_after};
    rig_up(&rig);
    fl_runtime_add_function(rig.runtime, "wait", run_pending, &pending, NULL);
    struct fl_definition *definition = rig_load(&rig,
                                                "fairlead: 1\nname: w\nstate: { a: {} }\nnodes: { w: { type: c, "
                                                "function: wait } }\nedges: [ START -> w, w -> END ]\n",
                                                NULL);
    cancel_at(&rig, definition, (struct fl_invoke_options){.thread = "a", .input = json("{'a':1}")}, 500);
    assert_true(pending.was_cancelled);
    assert_int_equal(pending.completed_count, 1);
    assert_int_equal(rig.calls.size, 0);
    assert_string_equal(rig_stored_status(&rig, "a"), "cancelled");
    rig_deinit(&rig);
  }
}

static void on_ended_by_follower(const struct fl_run_event *event, void *user) {
  struct pending *pending = user;
  if (pending->task != NULL && strcmp(fl_get_string(event->data, "outcome", ""), "cancelled") == 0) {
    pending->completed_count++;
    fl_task_complete(pending->task, FL_DONE);
    pending->task = NULL;
  }
}

static int run_waiting(struct fl_task *task, void *user) {
  ((struct pending *)user)->task = task;
  return FL_PENDING;
}

static void a_node_may_complete_while_it_is_being_ended(void **state) {
  struct rig rig = {.seed = 1};
  struct pending pending = {.rig = &rig};
  rig_up(&rig);
  fl_runtime_add_function(rig.runtime, "wait", run_waiting, &pending, NULL);
  struct fl_definition *definition = rig_load(&rig,
                                              "fairlead: 1\nname: w\nstate: { a: {} }\nnodes: { w: { type: c, "
                                              "function: wait } }\nedges: [ START -> w, w -> END ]\n",
                                              NULL);
  struct fl_invoke_options options = {.thread = "a",
                                      .input = json("{'a':1}"),
                                      .follow = FL_FOLLOW_EVENTS,
                                      .on_event = on_ended_by_follower,
                                      .user = &pending};
  cancel_at(&rig, definition, options, 500);
  assert_int_equal(pending.completed_count, 1);
  rig_deinit(&rig);
}

/* ---- at every effect ---- */

struct trigger {
  struct fl_invocation *invocation;
  uint64_t number;
};

static void on_effect(enum fl_sim_effect effect, uint64_t number, void *user) {
  struct trigger *trigger = user;
  if (number == trigger->number && trigger->invocation != NULL) fl_invocation_cancel(trigger->invocation);
}

static int run_to_the_end(struct rig *rig, struct fl_definition *definition, const char *input) {
  int retries = 0;
  struct fl_loaded loaded = {0};
  bool has_begun = fl_store_load(rig->store, "a", "", 0, &loaded, NULL) == 0 && loaded.checkpoint_no > 0;
  fl_loaded_deinit(&loaded);
  struct fl_invoke_options options = {.thread = "a", .input = has_begun ? NULL : json(input)};
  while (rig_run(rig, definition, options) == 1) {
    options = (struct fl_invoke_options){.thread = "a", .resume = json("'retry'")};
    retries++;
  }
  if (rig->status != 0) fail_msg("%s", rig->error.text);
  return retries;
}

static void at_any_effect_the_run_ends_once_and_the_thread_goes_on(void **state) {
  static const char input[] =
      ASKS("{'id':'1','name':'t__echo','args':{'text':'a'}},{'id':'2','name':'t__late','args':{'text':'b','ms':9}},"
           "{'id':'3','name':'t__echo','args':{'text':'c'}}");
  int cancelled = 0;
  uint64_t number = 0;
  for (bool goes_on = true; goes_on;) {
    struct rig rig = {.seed = 5, .wild_open_ms = 3};
    rig_up(&rig);
    fl_store_memory_set_delay(rig.store, 2);
    struct fl_definition *definition = rig_load(&rig, tools_graph, NULL);
    struct fl_invoke_options options = {.thread = "a", .input = json(input), .follow = 127};
    struct trigger trigger = {.invocation = rig_start(&rig, definition, options)};
    trigger.number = fl_world_sim_effect_count(rig.world) + ++number;
    fl_world_sim_observe(rig.world, on_effect, &trigger);
    while (!rig.is_over && fl_world_sim_step(rig.world)) {}
    fl_world_sim_observe(rig.world, NULL, NULL);
    goes_on = fl_world_sim_effect_count(rig.world) >= trigger.number;
    assert_true(rig.is_over);
    assert_int_equal(rig.end_count, 1);
    if (rig.status == FL_E_CANCELLED) cancelled++;
    else assert_int_equal(rig.status, 0);
    assert_string_not_equal(rig_stored_status(&rig, "a"), "busy");
    rig_turn(&rig);
    int retries = run_to_the_end(&rig, definition, input);
    assert_string_equal(rig_messages(&rig, 1), "tool: a\ntool: b\ntool: c\n");
    int begun = 0;
    for (const char *at = rig.calls.data; (at = strchr(at, ' ')) != NULL; at++) begun++;
    if (begun > 3 + retries) fail_msg("effect %d: %d calls, %d repeats allowed", (int)number, begun, retries);
    rig_deinit(&rig);
  }
  assert_true(cancelled > 10);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(before_it_begins_nothing_is_written),
      cmocka_unit_test(while_a_server_starts),
      cmocka_unit_test(while_the_server_of_a_call_starts),
      cmocka_unit_test(during_a_tool_call_the_tool_is_told),
      cmocka_unit_test(a_tool_that_answers_all_the_same_has_answered),
      cmocka_unit_test(what_a_cancelled_tool_has_done_is_kept),
      cmocka_unit_test(after_the_end_it_says_nothing),
      cmocka_unit_test(during_a_model_call),
      cmocka_unit_test(a_node_that_waits_for_something_of_its_own),
      cmocka_unit_test(a_node_may_complete_while_it_is_being_ended),
      cmocka_unit_test(at_any_effect_the_run_ends_once_and_the_thread_goes_on),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
