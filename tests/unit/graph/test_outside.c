/* SPDX-License-Identifier: MIT */
/* What comes from outside: inputs that do not fit, updates as if by a node, answers by id, a new input into unfinished
 * work. */
#include "tests/unit/graph/fixture.h"

#include "graph/definition.h"

#include <stdlib.h>

static void say_name(struct test_call *call) { test_write(call, "log", fl_string(call->start->node)); }

static void ask_name(struct test_call *call) {
  struct fl_value *answer = test_ask(call, fl_stringf("%s?", call->start->node));
  if (answer != NULL) test_write(call, "log", fl_stringf("%s: %s", call->start->node, fl_as_string(answer)));
}

static void write_twice(struct test_call *call) {
  test_write(call, "one", fl_int(1));
  test_write(call, "one", fl_int(2));
}

static void write_one(struct test_call *call) { test_write(call, "one", fl_string(call->start->node)); }

static void write_unknown(struct test_call *call) { test_write(call, "lgo", fl_int(1)); }

static struct fl_graph *begin_graph(void) {
  struct fl_graph *graph = fl_graph_create("outside");
  test_channel(graph, "log", FL_APPEND, NULL);
  test_channel(graph, "one", FL_LAST, NULL);
  return graph;
}

/* START -> a -> b -> c */
static struct fl_definition *chain(test_node_fn *b) {
  struct fl_graph *graph = begin_graph();
  test_node(graph, "a", say_name);
  test_node(graph, "b", b);
  test_node(graph, "c", say_name);
  fl_graph_edge(graph, FL_START, "a");
  fl_graph_edge(graph, "a", "b");
  fl_graph_edge(graph, "b", "c");
  return test_compile(graph);
}

/* START -> left, right -> last, which waits for both */
static struct fl_definition *forked(test_node_fn *left, test_node_fn *right) {
  struct fl_graph *graph = begin_graph();
  test_node(graph, "left", left);
  test_node(graph, "right", right);
  test_node(graph, "last", say_name);
  fl_graph_edge(graph, FL_START, "left");
  fl_graph_edge(graph, FL_START, "right");
  test_join2(graph, "left", "right", "last");
  return test_compile(graph);
}

static void begin(struct test_engine *engine, struct fl_definition *definition) {
  test_engine_init(engine, definition);
  engine->user = engine;
}

static void end(struct test_engine *engine) {
  assert_string_equal(engine->fault, "");
  struct fl_definition *definition = engine->definition;
  test_engine_deinit(engine);
  fl_definition_unref(definition);
}

static void assert_fails(const struct test_engine *engine, int code, const char *part) {
  assert_int_equal(engine->status, FL_RUN_FAILED);
  if (engine->error.code != code || strstr(engine->error.text, part) == NULL)
    fail_msg("%d %s, not %d %s", engine->error.code, engine->error.text, code, part);
}

static void assert_next(const struct test_engine *engine, const char *json) {
  FL_VALUE_AUTO described = fl_run_describe(engine->run);
  FL_VALUE_AUTO expected = test_json(json);
  char *text = fl_dump(fl_get(described, "next"), NULL);
  if (!fl_equal(fl_get(described, "next"), expected)) fail_msg("next is %s, not %s", text, json);
  fl_text_free(text);
}

/* The same after the process has started anew. */
static void assert_next_kept(struct test_engine *engine, const char *json) {
  assert_next(engine, json);
  test_engine_restart(engine);
  assert_next(engine, json);
}

/* ---- inputs ---- */

static void inputs_that_do_not_fit_change_nothing(void **state) {
  struct test_engine engine;
  begin(&engine, chain(say_name));
  test_continue(&engine);
  assert_fails(&engine, FL_E_STATE, "give it an input first");
  test_input(&engine, "{\"lg\":1}");
  assert_fails(&engine, FL_E_NOT_FOUND, "the input: there is no channel \"lg\"; did you mean \"log\"?");
  test_input(&engine, "{\"branch:to:c\":1}");
  assert_fails(&engine, FL_E_NOT_FOUND, "there is no channel");
  test_input(&engine, "[1]");
  assert_fails(&engine, FL_E_INVALID, "an input must be an object");
  test_resume(&engine, "1");
  assert_fails(&engine, FL_E_CONFLICT, "no interrupt waits");
  assert_int_equal(engine.store.commit_count, 0);
  test_input(&engine, "{\"log\":\"in\"}");
  assert_state(&engine, "{\"log\":[\"in\",\"a\",\"b\",\"c\"]}");
  end(&engine);
}

static void a_new_input_drops_what_is_unfinished(void **state) {
  struct test_engine engine;
  begin(&engine, forked(say_name, ask_name));
  test_input(&engine, "{}");
  assert_int_equal(engine.status, FL_RUN_INTERRUPTED);
  test_input(&engine, "{\"log\":\"again\"}"); /* what left did is kept, what right asked is not */
  assert_int_equal(engine.status, FL_RUN_INTERRUPTED);
  assert_state(&engine, "{\"log\":[\"left\",\"again\",\"left\"]}");
  test_resume(&engine, "\"yes\"");
  assert_state(&engine, "{\"log\":[\"left\",\"again\",\"left\",\"right: yes\",\"last\"]}");
  end(&engine);
}

/* ---- writes that do not fit ---- */

static void writing_what_is_not_there(void **state) {
  struct test_engine engine;
  begin(&engine, chain(write_unknown));
  test_input(&engine, "{}");
  assert_fails(&engine, FL_E_NOT_FOUND, "node \"b\": there is no channel \"lgo\"; did you mean \"log\"?");
  assert_next_kept(&engine, "[\"b\"]");
  end(&engine);
}

static void writing_one_value_twice(void **state) {
  struct test_engine engine;
  begin(&engine, chain(write_twice));
  test_input(&engine, "{}");
  assert_fails(&engine, FL_E_GRAPH, "node \"b\": it wrote channel \"one\" twice");
  end(&engine);
}

/* Both have ended, so both are kept: only a graph with a reducer, an update or a new input helps. */
static void siblings_that_write_one_value(void **state) {
  struct test_engine engine;
  begin(&engine, forked(write_one, write_one));
  test_input(&engine, "{}");
  assert_fails(&engine, FL_E_GRAPH, "nodes \"left\" and \"right\" wrote it both in one superstep");
  assert_next_kept(&engine, "[]");
  test_continue(&engine);
  assert_fails(&engine, FL_E_GRAPH, "INVALID_CONCURRENT_GRAPH_UPDATE");
  assert_int_equal(engine.starts, 2);
  end(&engine);
}

static int choose_badly(const struct fl_state *state, struct fl_targets *targets, void *user, struct fl_error *err) {
  fl_targets_add(targets, user);
  return 0;
}

static int choose_nothing(const struct fl_state *state, struct fl_targets *targets, void *user, struct fl_error *err) {
  return fl_error_set(err, FL_E_INVALID, "cannot decide");
}

static void branch_fails(fl_branch_fn *choose, const char *user, int code, const char *part) {
  struct fl_graph *graph = begin_graph();
  test_node(graph, "a", say_name);
  test_node(graph, "b", say_name);
  test_node(graph, "c", say_name);
  fl_graph_edge(graph, FL_START, "a");
  fl_graph_edge(graph, FL_START, "c");
  fl_graph_branch(graph, "a", choose, (void *)user, (const char *const[]){"b"}, 1);
  struct test_engine engine;
  begin(&engine, test_compile(graph));
  test_input(&engine, "{}");
  assert_fails(&engine, code, part);
  end(&engine);
}

static void branches_that_go_wrong(void **state) {
  branch_fails(choose_badly, "bb", FL_E_GRAPH, "node \"a\": the branch after \"a\": it chose the unknown node \"bb\"");
  branch_fails(choose_badly, "c", FL_E_GRAPH, "it chose node \"c\", which is not among its declared targets");
  branch_fails(choose_nothing, NULL, FL_E_INVALID, "the branch after \"a\": cannot decide");
}

/* ---- updates ---- */

static void an_update_goes_on_from_the_node_that_ran_last(void **state) {
  struct test_engine engine;
  begin(&engine, chain(ask_name));
  test_input(&engine, "{}");
  test_update(&engine, "{\"log\":\"by hand\"}", NULL); /* as a, so b is next, and is asked anew */
  assert_int_equal(engine.status, FL_RUN_DONE);
  assert_next_kept(&engine, "[\"b\"]");
  FL_VALUE_AUTO described = fl_run_describe(engine.run);
  assert_string_equal(fl_get_string(described, "source", ""), "update");
  assert_int_equal(fl_get_int(described, "step", 0), 2);
  test_continue(&engine);
  test_resume(&engine, "\"yes\"");
  assert_state(&engine, "{\"log\":[\"a\",\"by hand\",\"b: yes\",\"c\"]}");
  end(&engine);
}

static void an_update_as_a_node_takes_its_ways(void **state) {
  struct test_engine engine;
  begin(&engine, chain(ask_name));
  test_input(&engine, "{}");
  test_update(&engine, "{\"log\":\"b, by hand\"}", "b");
  assert_next_kept(&engine, "[\"c\"]");
  test_continue(&engine);
  assert_state(&engine, "{\"log\":[\"a\",\"b, by hand\",\"c\"]}");
  test_update(&engine, "{\"log\":\"anew\"}", "START");
  assert_next_kept(&engine, "[\"a\"]");
  test_update(&engine, NULL, "END");
  assert_next_kept(&engine, "[]");
  test_continue(&engine);
  assert_int_equal(engine.status, FL_RUN_DONE);
  assert_state(&engine, "{\"log\":[\"a\",\"b, by hand\",\"c\",\"anew\"]}");
  end(&engine);
}

static void an_update_before_anything_is_a_start(void **state) {
  struct test_engine engine;
  begin(&engine, chain(say_name));
  test_update(&engine, "{\"log\":\"first\"}", NULL);
  assert_next_kept(&engine, "[\"a\"]");
  test_continue(&engine);
  assert_state(&engine, "{\"log\":[\"first\",\"a\",\"b\",\"c\"]}");
  end(&engine);
}

static void updates_that_do_not_fit(void **state) {
  struct test_engine engine;
  begin(&engine, forked(say_name, ask_name));
  test_input(&engine, "{}");
  test_resume(&engine, "\"yes\"");
  test_update(&engine, "{}", "lst");
  assert_fails(&engine, FL_E_NOT_FOUND, "there is no node \"lst\" to write as; did you mean \"last\"?");
  test_update(&engine, "{\"x\":1}", "last");
  assert_fails(&engine, FL_E_NOT_FOUND, "the update: there is no channel \"x\"");
  test_update(&engine, "5", "last");
  assert_fails(&engine, FL_E_INVALID, "must be an object");
  end(&engine);
}

static void an_update_after_two_that_ran_side_by_side_is_ambiguous(void **state) {
  struct fl_graph *graph = begin_graph();
  test_node(graph, "left", say_name);
  test_node(graph, "right", say_name);
  fl_graph_edge(graph, FL_START, "left");
  fl_graph_edge(graph, FL_START, "right");
  struct test_engine engine;
  begin(&engine, test_compile(graph));
  test_input(&engine, "{}");
  test_update(&engine, "{}", NULL);
  assert_fails(&engine, FL_E_INVALID, "ambiguous update: \"left\" and \"right\" ran last");
  end(&engine);
}

/* What left has done is kept, and the join that it reported to remembers it. */
static void an_update_keeps_finished_siblings(void **state) {
  struct test_engine engine;
  begin(&engine, forked(say_name, ask_name));
  test_input(&engine, "{}");
  test_update(&engine, "{\"log\":\"right, by hand\"}", "right");
  assert_next_kept(&engine, "[\"last\"]");
  test_continue(&engine);
  assert_state(&engine, "{\"log\":[\"left\",\"right, by hand\",\"last\"]}");
  end(&engine);
}

/* ---- answers by id ---- */

static char *id_of(const struct test_engine *engine, const char *node) {
  for (size_t i = 0; i < fl_size(engine->interrupts); i++) {
    struct fl_value *asked = fl_at(engine->interrupts, i);
    if (strcmp(fl_get_string(asked, "node", ""), node) == 0) return strdup(fl_get_string(asked, "id", ""));
  }
  return NULL;
}

static struct fl_value *answer(const char *id, const char *text) {
  struct fl_value *map = fl_object();
  fl_set_string(map, id, text);
  return map;
}

static void several_questions_are_answered_by_id(void **state) {
  struct test_engine engine;
  begin(&engine, forked(ask_name, ask_name));
  test_input(&engine, "{}");
  assert_int_equal(fl_size(engine.interrupts), 2);
  char *left = id_of(&engine, "left"), *right = id_of(&engine, "right");
  test_resume(&engine, "\"whom\"");
  assert_fails(&engine, FL_E_INVALID, "2 interrupts wait for an answer: name each answer's interrupt id");
  test_resume_map(&engine, answer("nobody", "x"));
  assert_fails(&engine, FL_E_CONFLICT, "the interrupt \"nobody\" does not wait");
  test_resume_map(&engine, fl_object());
  assert_fails(&engine, FL_E_INVALID, "a resume needs an answer");
  test_resume_map(&engine, answer(right, "R"));
  assert_int_equal(engine.status, FL_RUN_INTERRUPTED); /* left still waits, and was not asked again */
  assert_int_equal((uintptr_t)fl_map_get(&engine.attempts, "left"), 1);
  test_engine_restart(&engine);
  test_resume_map(&engine, answer(right, "R again"));
  assert_fails(&engine, FL_E_CONFLICT, "answered already");
  test_resume(&engine, "\"L\"");
  assert_state(&engine, "{\"log\":[\"left: L\",\"right: R\",\"last\"]}");
  test_resume_map(&engine, answer(left, "L again"));
  assert_fails(&engine, FL_E_CONFLICT, "no interrupt waits");
  free(left);
  free(right);
  end(&engine);
}

static void going_on_does_not_answer(void **state) {
  struct test_engine engine;
  begin(&engine, chain(ask_name));
  test_input(&engine, "{}");
  test_continue(&engine);
  assert_int_equal(engine.status, FL_RUN_INTERRUPTED);
  assert_int_equal((uintptr_t)fl_map_get(&engine.attempts, "b"), 1);
  FL_VALUE_AUTO described = fl_run_describe(engine.run);
  assert_int_equal(fl_size(fl_get(described, "interrupts")), 1);
  assert_string_equal(fl_get_string(fl_at(fl_get(described, "interrupts"), 0), "value", ""), "b?");
  end(&engine);
}

/* ---- a graph that changed between two lives ---- */

static void a_thread_outlives_a_change_of_its_graph(void **state) {
  struct test_engine engine;
  begin(&engine, chain(ask_name));
  test_input(&engine, "{\"one\":[1,2]}");
  struct fl_graph *graph = fl_graph_create("changed");
  test_channel(graph, "one", FL_APPEND, NULL); /* held one value before */
  test_channel(graph, "new", FL_SUM, "5");
  test_node(graph, "b", ask_name);
  fl_graph_edge(graph, FL_START, "b");
  struct fl_definition *before = engine.definition;
  engine.definition = test_compile(graph);
  test_engine_restart(&engine);
  fl_definition_unref(before);
  assert_state(&engine, "{\"one\":[1,2],\"new\":5}");
  assert_next(&engine, "[\"b\"]");
  test_input(&engine, "{\"one\":3}");
  assert_state(&engine, "{\"one\":[1,2,3],\"new\":5}");
  test_engine_restart(&engine);
  assert_state(&engine, "{\"one\":[1,2,3],\"new\":5}");
  end(&engine);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(inputs_that_do_not_fit_change_nothing),
      cmocka_unit_test(a_new_input_drops_what_is_unfinished),
      cmocka_unit_test(writing_what_is_not_there),
      cmocka_unit_test(writing_one_value_twice),
      cmocka_unit_test(siblings_that_write_one_value),
      cmocka_unit_test(branches_that_go_wrong),
      cmocka_unit_test(an_update_goes_on_from_the_node_that_ran_last),
      cmocka_unit_test(an_update_as_a_node_takes_its_ways),
      cmocka_unit_test(an_update_before_anything_is_a_start),
      cmocka_unit_test(updates_that_do_not_fit),
      cmocka_unit_test(an_update_after_two_that_ran_side_by_side_is_ambiguous),
      cmocka_unit_test(an_update_keeps_finished_siblings),
      cmocka_unit_test(several_questions_are_answered_by_id),
      cmocka_unit_test(going_on_does_not_answer),
      cmocka_unit_test(a_thread_outlives_a_change_of_its_graph),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
