/* SPDX-License-Identifier: MIT */
/* A thread that stands somewhere odd can be put right: by going on, by an answer, by an update, by a new input. */
#include "tests/unit/graph/shapes.h"

/* ---- a stop that was passed is passed ---- */

static void a_question_behind_a_stop_outlives_the_process(void **state) {
  struct test_engine engine;
  begin(&engine, shape("abc", "START>a a>b b>c", "b", ask_name));
  stop_at(&engine, (const char *const[]){"b", NULL}, NULL);
  test_input(&engine, "{}");
  assert_waits(&engine, "[\"before b\"]");
  test_engine_restart(&engine);
  assert_waits(&engine, "[\"before b\"]");
  test_continue(&engine);
  assert_waits(&engine, "[\"b\"]");
  test_engine_restart(&engine);
  assert_waits(&engine, "[\"b\"]"); /* the question, not the stop before it */
  test_resume(&engine, "\"yes\"");
  assert_int_equal(engine.status, FL_RUN_DONE);
  assert_log(&engine, "[\"a\",\"b: yes\",\"c\"]");
  end(&engine);
}

static void a_failure_behind_a_stop_outlives_the_process(void **state) {
  struct test_engine engine;
  begin(&engine, shape("abc", "START>a a>b b>c", "b", fail_once));
  stop_at(&engine, NULL, (const char *const[]){"a", NULL});
  test_input(&engine, "{}");
  test_continue(&engine);
  assert_int_equal(engine.status, FL_RUN_FAILED);
  test_engine_restart(&engine);
  assert_waits(&engine, "[]");
  assert_true(fl_run_is_unfinished(engine.run));
  test_continue(&engine);
  assert_log(&engine, "[\"a\",\"b\",\"c\"]");
  end(&engine);
}

/* A call that was dispatched tells it too, before the task has said anything. */
static void a_call_behind_a_stop_outlives_the_process(void **state) {
  struct test_engine engine;
  begin(&engine, shape("ab", "START>a a>b", NULL, NULL));
  stop_at(&engine, (const char *const[]){"b", NULL}, NULL);
  test_input(&engine, "{}");
  FL_VALUE_AUTO described = fl_run_describe(engine.run);
  struct fl_loaded_call call = {0};
  snprintf(call.task_id, sizeof call.task_id, "%s", fl_get_string(fl_at(fl_get(described, "tasks"), 0), "id", ""));
  for (int has_call = 0; has_call < 2; has_call++) {
    struct fl_loaded loaded;
    test_store_load(&engine.store, &loaded);
    loaded.calls = &call;
    loaded.call_count = (size_t)has_call;
    struct fl_run *run = fl_run_create(engine.definition, &loaded, &engine.settings);
    assert_int_equal(fl_run_is_unfinished(run), has_call == 1);
    fl_run_destroy(run);
    loaded.calls = NULL;
    loaded.call_count = 0;
    fl_loaded_deinit(&loaded);
  }
  end(&engine);
}

/* ---- updates after which the right things run ---- */

static void an_update_before_the_first_node_of_a_turn_is_part_of_the_input(void **state) {
  struct test_engine engine;
  begin(&engine, shape("abc", "START>a a>b b>c", NULL, NULL));
  stop_at(&engine, (const char *const[]){"a", NULL}, NULL);
  for (int turn = 0; turn < 2; turn++) {
    test_input(&engine, "{}");
    test_update(&engine, "{\"n\":1}", NULL);
    assert_next(&engine, "[\"a\"]"); /* in the second turn too, although c ran last */
    test_engine_restart(&engine);
    test_update(&engine, "{\"n\":1}", NULL);
    assert_next(&engine, "[\"a\"]");
    test_continue(&engine);
    assert_int_equal(engine.status, FL_RUN_DONE);
  }
  assert_state(&engine, "{\"log\":[\"a\",\"b\",\"c\",\"a\",\"b\",\"c\"],\"n\":4}");
  end(&engine);
}

static void a_second_update_goes_on_from_the_first(void **state) {
  struct test_engine engine;
  begin(&engine, shape("abcd", "START>a a>b b>c c>d", "b", ask_name));
  test_input(&engine, "{}");
  test_update(&engine, "{\"log\":\"b, by hand\"}", "b");
  assert_next(&engine, "[\"c\"]");
  test_engine_restart(&engine);
  test_update(&engine, "{\"log\":\"more\"}", NULL); /* as b, whose place was taken, not as a */
  assert_next(&engine, "[\"c\"]");
  test_continue(&engine);
  assert_log(&engine, "[\"a\",\"b, by hand\",\"more\",\"c\",\"d\"]");
  end(&engine);
}

static void an_update_as_the_node_after_a_join_takes_its_place(void **state) {
  struct test_engine engine;
  begin(&engine, shape("abcd", "START>a,b a+b>c c>d", "c", ask_name));
  test_input(&engine, "{}");
  assert_waits(&engine, "[\"c\"]");
  test_update(&engine, "{\"log\":\"c, by hand\"}", "c");
  assert_next(&engine, "[\"d\"]"); /* c does not run once more */
  test_engine_restart(&engine);
  assert_next(&engine, "[\"d\"]");
  test_continue(&engine);
  assert_log(&engine, "[\"a\",\"b\",\"c, by hand\",\"d\"]");
  test_input(&engine, "{}"); /* and the join works as before */
  assert_waits(&engine, "[\"c\"]");
  end(&engine);
}

/* ---- a superstep that cannot be folded ---- */

static void a_new_input_gets_past_a_superstep_that_cannot_be_folded(void **state) {
  struct test_engine engine;
  begin(&engine, shape("abc", "START>a,b a+b>c", "ab", write_one));
  test_input(&engine, "{}");
  assert_fails(&engine, FL_E_GRAPH, "INVALID_CONCURRENT_GRAPH_UPDATE");
  test_engine_restart(&engine);
  test_input(&engine, "{\"log\":\"again\"}");
  assert_fails(&engine, FL_E_GRAPH, "INVALID_CONCURRENT_GRAPH_UPDATE"); /* of the new superstep */
  assert_log(&engine, "[\"again\"]");
  test_update(&engine, "{\"one\":1}", FL_END);
  assert_int_equal(engine.status, FL_RUN_DONE);
  assert_state(&engine, "{\"log\":[\"again\"],\"one\":1}");
  end(&engine);
}

static void write_text(struct test_call *call) { test_write(call, "count", fl_string("many")); }

static void a_new_input_gets_past_a_value_against_its_schema(void **state) {
  struct fl_graph *graph = begin_graph();
  FL_VALUE_AUTO integer = test_json("{\"type\":\"integer\"}");
  fl_graph_channel(graph, "count",
                   &(struct fl_channel_options){.size = sizeof(struct fl_channel_options), .schema = integer});
  test_node(graph, "a", say_name);
  test_node(graph, "b", write_text);
  add_edges(graph, "START>a a>b");
  struct test_engine engine;
  begin(&engine, test_compile(graph));
  test_input(&engine, "{}");
  assert_fails(&engine, FL_E_INVALID, "does not satisfy its schema");
  test_input(&engine, "{\"n\":1}"); /* it gets as far as before */
  assert_fails(&engine, FL_E_INVALID, "does not satisfy its schema");
  test_engine_restart(&engine);
  test_update(&engine, "{\"count\":7}", "b");
  assert_int_equal(engine.status, FL_RUN_DONE);
  assert_state(&engine, "{\"log\":[\"a\",\"a\"],\"n\":1,\"count\":7}");
  test_input(&engine, "{\"count\":\"x\"}"); /* what is given itself is still checked */
  assert_fails(&engine, FL_E_INVALID, "the input: channel \"count\"");
  end(&engine);
}

static struct fl_value *deep(size_t depth) {
  struct fl_value *value = fl_int(1);
  for (size_t i = 0; i < depth; i++) {
    struct fl_value *outer = fl_array();
    fl_append_take(outer, value);
    value = outer;
  }
  return value;
}

/* Too deep to be stored the first time. */
static void write_deep_once(struct test_call *call) {
  test_write(call, "one", attempts_of(call->user, call->start->node) == 1 ? deep(5000) : fl_int(2));
}

static int to_c(const struct fl_state *state, struct fl_targets *targets, void *user, struct fl_error *err) {
  fl_targets_add(targets, "c");
  return 0;
}

static void a_value_that_cannot_be_stored_is_forgotten(void **state) {
  struct fl_graph *graph = begin_graph();
  test_node(graph, "a", say_name);
  test_node(graph, "b", write_deep_once);
  test_node(graph, "c", say_name);
  add_edges(graph, "START>a a>b");
  fl_graph_branch(graph, "b", to_c, NULL, (const char *const[]){"c"}, 1);
  struct test_engine engine;
  begin(&engine, test_compile(graph));
  test_input(&engine, "{}");
  assert_fails(&engine, FL_E_LIMIT, "too large or too deep");
  assert_next(&engine, "[\"b\"]");
  test_continue(&engine);
  assert_int_equal(engine.status, FL_RUN_DONE);
  assert_state(&engine, "{\"log\":[\"a\",\"c\"],\"one\":2}");
  end(&engine);
}

/* ---- sums ---- */

static void write_huge(struct test_call *call) { test_write(call, "n", fl_double(1.7e308)); }

static void a_sum_that_no_number_can_hold_is_an_error(void **state) {
  struct test_engine engine;
  begin(&engine, shape("ab", "START>a,b", "ab", write_huge));
  test_input(&engine, "{}");
  assert_fails(&engine, FL_E_LIMIT, "the sum does not fit");
  end(&engine);
}

/* ---- what is stored beside a checkpoint, read by another graph ---- */

static struct fl_definition *a_writes_and_b_asks(enum fl_reducer reducer) {
  struct fl_graph *graph = fl_graph_create("asks");
  test_channel(graph, "log", FL_APPEND, NULL);
  test_channel(graph, "one", reducer, NULL);
  test_node(graph, "a", write_one);
  test_node(graph, "b", ask_name);
  add_edges(graph, "START>a,b");
  return test_compile(graph);
}

static void read_by_another(enum fl_reducer reducer, const char *held) {
  struct test_engine engine;
  begin(&engine, a_writes_and_b_asks(FL_LAST));
  test_input(&engine, "{}");
  assert_waits(&engine, "[\"b\"]");
  change_graph(&engine, a_writes_and_b_asks(reducer));
  test_resume(&engine, "\"yes\"");
  assert_int_equal(engine.status, FL_RUN_DONE);
  struct fl_value *one = fl_state_get(fl_run_state(engine.run), "one");
  if (held != NULL) assert_same(one, held, "one");
  else assert_string_equal(fl_get_string(fl_at(one, 0), "content", ""), "a"); /* a user's message, with an id */
  if (held == NULL) assert_int_equal(strlen(fl_get_string(fl_at(one, 0), "id", "")), 36);
  assert_int_equal(attempts_of(&engine, "a"), 1);
  end(&engine);
}

static void pending_writes_are_read_by_the_new_reducer(void **state) {
  read_by_another(FL_LAST, "\"a\"");
  read_by_another(FL_APPEND, "[\"a\"]");
  read_by_another(FL_SUM, "\"a\"");
  read_by_another(FL_MESSAGES, NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_question_behind_a_stop_outlives_the_process),
      cmocka_unit_test(a_failure_behind_a_stop_outlives_the_process),
      cmocka_unit_test(a_call_behind_a_stop_outlives_the_process),
      cmocka_unit_test(an_update_before_the_first_node_of_a_turn_is_part_of_the_input),
      cmocka_unit_test(a_second_update_goes_on_from_the_first),
      cmocka_unit_test(an_update_as_the_node_after_a_join_takes_its_place),
      cmocka_unit_test(a_new_input_gets_past_a_superstep_that_cannot_be_folded),
      cmocka_unit_test(a_new_input_gets_past_a_value_against_its_schema),
      cmocka_unit_test(a_value_that_cannot_be_stored_is_forgotten),
      cmocka_unit_test(a_sum_that_no_number_can_hold_is_an_error),
      cmocka_unit_test(pending_writes_are_read_by_the_new_reducer),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
