/* SPDX-License-Identifier: MIT */
/* The superstep as it shows in its effects: each scenario's trace stands in tests/golden/graph, to be read. "> " is
 * what comes in, the rest is what the core asks for. */
#include "tests/unit/graph/fixture.h"

#include "graph/definition.h"

static void add_one(struct test_call *call) { test_write(call, "n", fl_int(1)); }

static void say_name(struct test_call *call) { test_write(call, "log", fl_string(call->start->node)); }

/* Says how often it failed before: twice. */
static void fail_twice(struct test_call *call) {
  struct test_engine *engine = call->user;
  if ((uintptr_t)fl_map_get(&engine->attempts, call->start->node) <= 2)
    test_fail(call, FL_E_REMOTE, "the model is overloaded");
  else say_name(call);
}

static void ask_name(struct test_call *call) {
  struct fl_value *name = test_ask(call, fl_string("your name?"));
  if (name != NULL) test_write(call, "log", fl_stringf("%s heard %s", call->start->node, fl_as_string(name)));
}

static void ask_twice(struct test_call *call) {
  struct fl_value *first = test_ask(call, fl_string("first?"));
  struct fl_value *second = first != NULL ? test_ask(call, fl_string("second?")) : NULL;
  if (second != NULL) test_write(call, "log", fl_stringf("%s, then %s", fl_as_string(first), fl_as_string(second)));
}

static void begin(struct test_engine *engine, struct fl_definition *definition) {
  test_engine_init(engine, definition);
  engine->user = engine;
  engine->traces = true;
}

static void end(struct test_engine *engine, const char *golden) {
  assert_golden(engine, golden);
  struct fl_definition *definition = engine->definition;
  test_engine_deinit(engine);
  fl_definition_unref(definition);
}

static void set_modes(struct test_engine *engine, uint32_t modes) {
  engine->settings.stream_modes = modes;
  fl_run_configure(engine->run, &engine->settings);
}

/* START -> first -> left, right -> last (which waits for both). */
static struct fl_definition *diamond(test_node_fn *left, test_node_fn *right) {
  struct fl_graph *graph = fl_graph_create("diamond");
  test_channel(graph, "log", FL_APPEND, NULL);
  test_node(graph, "first", say_name);
  test_node(graph, "left", left);
  test_node(graph, "right", right);
  test_node(graph, "last", say_name);
  fl_graph_edge(graph, FL_START, "first");
  fl_graph_edge(graph, "first", "left");
  fl_graph_edge(graph, "first", "right");
  test_join2(graph, "left", "right", "last");
  return test_compile(graph);
}

static void a_chain(void **state) {
  struct fl_graph *graph = fl_graph_create("chain");
  test_channel(graph, "n", FL_SUM, "0");
  test_node(graph, "a", add_one);
  test_node(graph, "b", add_one);
  fl_graph_edge(graph, FL_START, "a");
  fl_graph_edge(graph, "a", "b");
  fl_graph_edge(graph, "b", FL_END);
  struct test_engine engine;
  begin(&engine, test_compile(graph));
  test_input(&engine, "{\"n\":10}");
  assert_int_equal(engine.status, FL_RUN_DONE);
  test_input(&engine, "{\"n\":100}");
  assert_state(&engine, "{\"n\":114}");
  end(&engine, "chain");
}

static void siblings_end_in_any_order(void **state) {
  struct test_engine engine;
  begin(&engine, diamond(say_name, say_name));
  engine.manual = true;
  test_input(&engine, "{}");
  test_finish(&engine, "first");
  test_finish(&engine, "right");
  assert_state(&engine, "{\"log\":[\"first\",\"right\"]}"); /* what is finished shows, though nothing is folded yet */
  test_finish(&engine, "left");
  assert_state(&engine, "{\"log\":[\"first\",\"left\",\"right\"]}");
  test_finish(&engine, "last");
  assert_true(engine.has_ended);
  end(&engine, "siblings");
}

static void a_failure_keeps_what_siblings_did(void **state) {
  struct test_engine engine;
  begin(&engine, diamond(say_name, fail_twice));
  test_input(&engine, "{}");
  assert_int_equal(engine.status, FL_RUN_FAILED);
  assert_int_equal(engine.error.code, FL_E_REMOTE);
  test_continue(&engine);
  assert_int_equal(engine.status, FL_RUN_FAILED);
  test_engine_restart(&engine);
  test_continue(&engine);
  assert_int_equal(engine.status, FL_RUN_DONE);
  assert_int_equal((uintptr_t)fl_map_get(&engine.attempts, "left"), 1);
  assert_int_equal((uintptr_t)fl_map_get(&engine.attempts, "right"), 3);
  end(&engine, "failure");
}

static void a_failure_cancels_running_siblings(void **state) {
  struct test_engine engine;
  begin(&engine, diamond(say_name, fail_twice));
  engine.manual = true;
  test_input(&engine, "{}");
  test_finish(&engine, "first");
  test_finish(&engine, "right");
  assert_true(engine.has_ended);
  end(&engine, "failure-cancels");
}

static void a_cancelled_run_can_go_on(void **state) {
  struct test_engine engine;
  begin(&engine, diamond(say_name, say_name));
  engine.manual = true;
  test_input(&engine, "{}");
  test_finish(&engine, "first");
  test_finish(&engine, "left");
  test_cancel(&engine);
  assert_int_equal(engine.status, FL_RUN_CANCELLED);
  engine.manual = false;
  test_continue(&engine);
  assert_state(&engine, "{\"log\":[\"first\",\"left\",\"right\",\"last\"]}");
  end(&engine, "cancel");
}

static void a_question_waits_for_its_answer(void **state) {
  struct test_engine engine;
  begin(&engine, diamond(say_name, ask_name));
  test_input(&engine, "{}");
  assert_int_equal(engine.status, FL_RUN_INTERRUPTED);
  test_engine_restart(&engine);
  test_resume(&engine, "\"Ada\"");
  assert_int_equal(engine.status, FL_RUN_DONE);
  test_resume(&engine, "\"Ada again\"");
  assert_int_equal(engine.error.code, FL_E_CONFLICT);
  end(&engine, "interrupt");
}

static void two_questions_one_after_the_other(void **state) {
  struct test_engine engine;
  begin(&engine, diamond(say_name, ask_twice));
  test_input(&engine, "{}");
  test_resume(&engine, "\"one\"");
  assert_int_equal(engine.status, FL_RUN_INTERRUPTED);
  test_resume(&engine, "\"two\"");
  assert_state(&engine, "{\"log\":[\"first\",\"left\",\"one, then two\",\"last\"]}");
  end(&engine, "interrupt-twice");
}

static void standing_before_and_after_a_node(void **state) {
  struct test_engine engine;
  begin(&engine, diamond(say_name, say_name));
  engine.settings.interrupt_before = (const char *const[]){"left", NULL};
  engine.settings.interrupt_after = (const char *const[]){"last", NULL};
  fl_run_configure(engine.run, &engine.settings);
  test_input(&engine, "{}");
  test_continue(&engine);
  test_continue(&engine);
  assert_int_equal(engine.status, FL_RUN_DONE);
  end(&engine, "static-interrupts");
}

static void a_store_that_fails_ends_the_run(void **state) {
  struct test_engine engine;
  begin(&engine, diamond(say_name, say_name));
  engine.refuse_seq = 2;
  test_input(&engine, "{}");
  assert_int_equal(engine.error.code, FL_E_NO_SPACE);
  test_continue(&engine);
  assert_int_equal(engine.error.code, FL_E_STATE);
  engine.refuse_seq = 0;
  test_engine_restart(&engine);
  test_continue(&engine);
  assert_int_equal(engine.status, FL_RUN_DONE);
  end(&engine, "commit-failed");
}

static void a_store_that_fails_while_a_sibling_runs(void **state) {
  struct test_engine engine;
  begin(&engine, diamond(say_name, say_name));
  engine.manual = true;
  engine.refuse_seq = 3;
  test_input(&engine, "{}");
  test_finish(&engine, "first");
  test_finish(&engine, "left");
  assert_int_equal(engine.error.code, FL_E_NO_SPACE);
  end(&engine, "commit-failed-cancels");
}

static struct fl_expr *expr(const char *text) {
  struct fl_expr *parsed;
  assert_int_equal(fl_expr_create(fl_slice_of(text), &parsed, NULL), 0);
  return parsed;
}

static struct fl_definition *loop(void) {
  struct fl_graph *graph = fl_graph_create("loop");
  test_channel(graph, "n", FL_SUM, "0");
  test_node(graph, "count", add_one);
  fl_graph_edge(graph, FL_START, "count");
  fl_graph_expr_branch_take(graph, "count",
                            (struct fl_branch_arm_spec[]){{expr("state.n < 3"), (const char *const[]){"count"}, 1}}, 1);
  return test_compile(graph);
}

static void a_loop_with_a_condition(void **state) {
  struct test_engine engine;
  begin(&engine, loop());
  test_input(&engine, "{}");
  assert_state(&engine, "{\"n\":3}");
  end(&engine, "loop");
}

static void the_recursion_limit(void **state) {
  struct test_engine engine;
  begin(&engine, loop());
  engine.settings.recursion_limit = 3; /* the input and two steps: one less than the loop needs */
  fl_run_configure(engine.run, &engine.settings);
  test_input(&engine, "{}");
  assert_int_equal(engine.error.code, FL_E_RECURSION);
  test_continue(&engine);
  assert_int_equal(engine.status, FL_RUN_DONE);
  engine.settings.recursion_limit = 4;
  fl_run_configure(engine.run, &engine.settings);
  test_input(&engine, "{\"n\":-3}");
  assert_int_equal(engine.status, FL_RUN_DONE);
  end(&engine, "recursion");
}

static void every_stream(void **state) {
  struct test_engine engine;
  begin(&engine, diamond(say_name, ask_name));
  set_modes(&engine, ~0u);
  test_input(&engine, "{}");
  test_resume(&engine, "\"Ada\"");
  end(&engine, "streams");
}

/* ---- messages: what is stored is what was done ---- */

static void write_messages(struct test_call *call) {
  struct test_engine *engine = call->user;
  static const char *const written[] = {
      "\"hello\"", /* a text: a user's message */
      "[{\"role\":\"assistant\",\"id\":\"m1\",\"content\":\"Hi, how can I help you today?\"}]",
      "[{\"role\":\"assistant\",\"id\":\"m1\",\"content\":\"Hi!\"}]", /* replaced in place */
      "[[\"user\",\"bye\"],{\"role\":\"remove\",\"id\":\"m1\"}]",
      "[{\"role\":\"remove\",\"id\":\"__remove_all__\"},{\"role\":\"user\",\"id\":\"new\",\"content\":\"fresh\"}]",
  };
  uintptr_t visit = (uintptr_t)fl_map_get(&engine->attempts, "talk") - 1;
  test_write(call, "messages", test_json(written[visit % 5]));
  test_write(call, "n", fl_int(1));
}

static void messages_are_stored_as_changes(void **state) {
  struct fl_graph *graph = fl_graph_create("talk");
  test_channel(graph, "n", FL_SUM, "0");
  test_channel(graph, "messages", FL_MESSAGES, NULL);
  test_node(graph, "talk", write_messages);
  fl_graph_edge(graph, FL_START, "talk");
  fl_graph_expr_branch_take(graph, "talk",
                            (struct fl_branch_arm_spec[]){{expr("state.n < 5"), (const char *const[]){"talk"}, 1}}, 1);
  struct test_engine engine;
  begin(&engine, test_compile(graph));
  test_input(&engine, "{}");
  char *before = test_state(&engine);
  test_engine_restart(&engine);
  char *after = test_state(&engine);
  assert_string_equal(before, after);
  fl_text_free(before);
  fl_text_free(after);
  end(&engine, "messages");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_chain),
      cmocka_unit_test(siblings_end_in_any_order),
      cmocka_unit_test(a_failure_keeps_what_siblings_did),
      cmocka_unit_test(a_failure_cancels_running_siblings),
      cmocka_unit_test(a_cancelled_run_can_go_on),
      cmocka_unit_test(a_question_waits_for_its_answer),
      cmocka_unit_test(two_questions_one_after_the_other),
      cmocka_unit_test(standing_before_and_after_a_node),
      cmocka_unit_test(a_store_that_fails_ends_the_run),
      cmocka_unit_test(a_store_that_fails_while_a_sibling_runs),
      cmocka_unit_test(a_loop_with_a_condition),
      cmocka_unit_test(the_recursion_limit),
      cmocka_unit_test(every_stream),
      cmocka_unit_test(messages_are_stored_as_changes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
