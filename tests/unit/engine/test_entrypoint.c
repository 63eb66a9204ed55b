/* SPDX-License-Identifier: MIT */
/* Programs without a graph: journalled calls of functions, what a thread saves, and questions in between. */
#include "rig.h"

#include <fairlead/entrypoint.h>

static int calls; /* of functions, over all lives */
static int crash_at, fail_at;
static struct rig *rig_of_functions;

static int twice(const struct fl_value *args, void *user, struct fl_value **ret_result, struct fl_error *err) {
  calls++;
  if (calls == crash_at) fl_world_sim_crash(rig_of_functions->world);
  if (calls == fail_at) return fl_error_set(err, FL_E_IO, "it broke");
  *ret_result = fl_int(2 * fl_as_int(args, 0));
  return 0;
}

static int call_twice(struct fl_task *task, int64_t n, fl_task_call_fn *on_done) {
  struct fl_function function = {.size = sizeof function, .name = "twice", .run = twice};
  FL_VALUE_AUTO args = fl_int(n);
  int rc = fl_task_call_function(task, &function, args, on_done, NULL);
  return rc < 0 ? rc : FL_PENDING;
}

/* Doubles its input until it is large, one call after the other, and adds what was saved. */
static void on_doubled(struct fl_task *task, struct fl_value *result, const struct fl_error *err, void *user) {
  int rc;
  int64_t n = fl_as_int(result, 0);
  if (result == NULL) rc = fl_task_fail(task, err->code, "%s", err->text);
  else if (n < 40) rc = call_twice(task, n, on_doubled);
  else rc = fl_task_return_take(task, fl_int(n + fl_as_int(fl_task_previous(task), 0)));
  if (rc != FL_PENDING) fl_task_complete(task, rc < 0 ? rc : FL_DONE);
}

static int run_doubling(struct fl_task *task, void *user) {
  return call_twice(task, fl_as_int(fl_task_input(task), 0), on_doubled);
}

static struct fl_definition *create(fl_node_fn *run, const struct fl_node_options *options) {
  struct fl_definition *definition = NULL;
  struct fl_entrypoint entrypoint = {.size = sizeof entrypoint, .name = "e", .run = run, .options = options};
  struct fl_error err = {0};
  if (fl_entrypoint_create(&entrypoint, &definition, &err) < 0) fail_msg("%s", err.text);
  return definition;
}

static void up(struct rig *rig) {
  rig_up(rig);
  rig_of_functions = rig;
}

static struct fl_invoke_options input(int64_t n) {
  return (struct fl_invoke_options){.thread = "a", .input = fl_entrypoint_input_take(fl_int(n))};
}

static void begin(struct rig *rig) {
  calls = crash_at = fail_at = 0;
  up(rig);
}

static void the_last_call_gives_the_output(void **state) {
  struct rig rig = {.seed = 1};
  begin(&rig);
  struct fl_definition *definition = create(run_doubling, NULL);
  assert_int_equal(rig_run(&rig, definition, input(5)), 0);
  assert_json(rig.output, "{'output':40}");
  assert_int_equal(calls, 3);
  fl_definition_unref(definition);
  rig_deinit(&rig);
}

static void a_thread_keeps_what_was_returned(void **state) {
  struct rig rig = {.seed = 1};
  begin(&rig);
  struct fl_definition *definition = create(run_doubling, NULL);
  assert_int_equal(rig_run(&rig, definition, input(20)), 0);
  assert_int_equal(rig_run(&rig, definition, input(30)), 0);
  assert_json(rig.output, "{'output':100}");
  fl_definition_unref(definition);
  rig_deinit(&rig);
}

static int run_final(struct fl_task *task, void *user) {
  int64_t n = fl_as_int(fl_task_previous(task), 0);
  return fl_task_final_take(task, fl_stringf("was %d", (int)n), fl_int(n + 1));
}

static void what_is_saved_may_differ_from_what_is_returned(void **state) {
  struct rig rig = {.seed = 1};
  begin(&rig);
  struct fl_definition *definition = create(run_final, NULL);
  for (int i = 0; i < 3; i++) assert_int_equal(rig_run(&rig, definition, input(0)), 0);
  assert_json(rig.output, "{'output':'was 2'}");
  fl_definition_unref(definition);
  rig_deinit(&rig);
}

/* The process dies in the third call: the first two are found in the journal. */
static void finished_calls_are_not_made_again(void **state) {
  struct rig rig = {.seed = 1};
  begin(&rig);
  crash_at = 3;
  struct fl_definition *definition = create(run_doubling, NULL);
  rig_start(&rig, definition, input(5));
  assert_int_equal(rig_turn(&rig), FL_SIM_CRASHED);
  rig_down(&rig);
  fl_definition_unref(definition);
  assert_int_equal(calls, 3);
  up(&rig);
  definition = create(run_doubling, NULL);
  assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.thread = "a"}), 0);
  assert_json(rig.output, "{'output':40}");
  assert_int_equal(calls, 4);
  fl_definition_unref(definition);
  rig_deinit(&rig);
}

static void a_failed_call_is_made_anew_by_the_next_attempt(void **state) {
  struct rig rig = {.seed = 1};
  begin(&rig);
  fail_at = 2;
  struct fl_retry_policy retry = {.size = sizeof retry};
  struct fl_definition *definition =
      create(run_doubling,
             &(struct fl_node_options){.size = sizeof(struct fl_node_options), .retry = &retry, .retry_count = 1});
  assert_int_equal(rig_run(&rig, definition, input(5)), 0);
  assert_int_equal(calls, 4); /* 5, 10 fails, 10 again, 20 */
  fl_definition_unref(definition);
  rig_deinit(&rig);
}

static void the_reason_of_a_function_is_told(void **state) {
  struct rig rig = {.seed = 1};
  begin(&rig);
  fail_at = 1;
  struct fl_definition *definition = create(run_doubling, NULL);
  assert_int_equal(rig_run(&rig, definition, input(5)), FL_E_IO);
  assert_non_null(strstr(rig.error.text, "it broke"));
  fl_definition_unref(definition);
  rig_deinit(&rig);
}

/* A question between two calls. */
static void on_first(struct fl_task *task, struct fl_value *result, const struct fl_error *err, void *user) {
  FL_VALUE_AUTO question = fl_stringf("%d?", (int)fl_as_int(result, 0));
  struct fl_value *answer = NULL;
  int rc = fl_task_interrupt(task, question, &answer);
  if (rc == 0) rc = call_twice(task, fl_as_int(answer, 0), on_doubled);
  if (rc != FL_PENDING) fl_task_complete(task, rc);
}

static int run_asking(struct fl_task *task, void *user) {
  return call_twice(task, fl_as_int(fl_task_input(task), 0), on_first);
}

static void a_question_replays_the_calls_before_it(void **state) {
  struct rig rig = {.seed = 1};
  begin(&rig);
  struct fl_definition *definition = create(run_asking, NULL);
  assert_int_equal(rig_run(&rig, definition, input(5)), 1);
  assert_json(fl_get(fl_at(rig.interrupts, 0), "value"), "'10?'");
  assert_int_equal(calls, 1);
  assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.thread = "a", .resume = json("21")}), 0);
  assert_json(rig.output, "{'output':42}");
  assert_int_equal(calls, 2);
  fl_definition_unref(definition);
  rig_deinit(&rig);
}

static void followers_hear_of_functions(void **state) {
  struct rig rig = {.seed = 1};
  begin(&rig);
  struct fl_definition *definition = create(run_doubling, NULL);
  struct fl_invoke_options options = input(20);
  options.follow = FL_FOLLOW_EVENTS;
  assert_int_equal(rig_run(&rig, definition, options), 0);
  assert_non_null(strstr(rig.told.data, "\"type\":\"function_start\",\"function\":\"twice\""));
  assert_non_null(strstr(rig.told.data, "\"type\":\"function_end\",\"function\":\"twice\""));
  assert_non_null(strstr(rig.told.data, "\"result\":40"));
  fl_definition_unref(definition);
  rig_deinit(&rig);
}

static void without_a_store_it_runs_as_well(void **state) {
  struct rig rig = {.seed = 1};
  begin(&rig);
  struct fl_definition *definition = create(run_doubling, NULL);
  struct fl_invoke_options options = input(5);
  options.thread = NULL;
  assert_int_equal(rig_run(&rig, definition, options), 0);
  assert_json(rig.output, "{'output':40}");
  fl_definition_unref(definition);
  rig_deinit(&rig);
}

static void a_mistake_in_the_entrypoint_is_said(void **state) {
  struct fl_definition *definition = NULL;
  struct fl_error err = {0};
  struct fl_entrypoint entrypoint = {.size = sizeof entrypoint, .name = "a:b", .run = run_final};
  assert_int_equal(fl_entrypoint_create(&entrypoint, &definition, &err), FL_E_GRAPH);
  assert_non_null(strstr(err.text, "a:b"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_last_call_gives_the_output),
      cmocka_unit_test(a_thread_keeps_what_was_returned),
      cmocka_unit_test(what_is_saved_may_differ_from_what_is_returned),
      cmocka_unit_test(finished_calls_are_not_made_again),
      cmocka_unit_test(a_failed_call_is_made_anew_by_the_next_attempt),
      cmocka_unit_test(the_reason_of_a_function_is_told),
      cmocka_unit_test(a_question_replays_the_calls_before_it),
      cmocka_unit_test(followers_hear_of_functions),
      cmocka_unit_test(without_a_store_it_runs_as_well),
      cmocka_unit_test(a_mistake_in_the_entrypoint_is_said),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
