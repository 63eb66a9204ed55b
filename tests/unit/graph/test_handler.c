/* SPDX-License-Identifier: MIT */
/* A node that runs in place of one that failed, and limits on how many tasks run at the same time. Graphs are texts as
 * in shapes.h; a node that fails has a handler "h", which says whose error it handles. */
#include "tests/unit/graph/shapes.h"

#include "graph/core.h"

/* ---- nodes ---- */

static void fail_always(struct test_call *call) { test_fail(call, FL_E_REMOTE, "never today"); }

static void say_error(struct test_call *call) {
  const struct fl_value *error = call->start->error;
  test_write(call, "log",
             fl_stringf("%s: %s %s %s", call->start->node, fl_get_string(error, "node", "?"),
                        fl_get_string(error, "code", "?"), fl_get_string(error, "message", "?")));
}

static void ask_about_error(struct test_call *call) {
  struct fl_value *answer = test_ask(call, fl_string("what now?"));
  if (answer != NULL) test_write(call, "log", fl_stringf("h: %s", fl_as_string(answer)));
}

static void write_unknown(struct test_call *call) { test_write(call, "nowhere", fl_int(1)); }

/* Letters say their names, but `bad` does what it is told and has the handler "h". */
static struct fl_definition *handled(const char *letters, const char *edges, test_node_fn *bad, test_node_fn *handler) {
  struct fl_graph *graph = begin_graph();
  for (; *letters != '\0'; letters++) {
    char name[2] = {*letters, '\0'};
    if (*letters == 'x')
      test_node_with(graph, name, bad,
                     &(struct fl_node_options){.size = sizeof(struct fl_node_options), .on_error = "h"});
    else test_node(graph, name, *letters == 'h' ? handler : say_name);
  }
  add_edges(graph, edges);
  return test_compile(graph);
}

static void run(struct test_engine *engine, struct fl_definition *definition) {
  begin(engine, definition);
  test_input(engine, "{}");
}

/* ---- handlers ---- */

static void a_handler_sees_who_failed_and_why(void **state) {
  struct test_engine engine;
  run(&engine, handled("xh", "START>x", fail_always, say_error));
  assert_int_equal(engine.status, FL_RUN_DONE);
  assert_log(&engine, "[\"h: x remote never today\"]");
  end(&engine);
}

static void edges_of_the_handler_fire_and_those_of_the_node_do_not(void **state) {
  struct test_engine engine;
  run(&engine, handled("xhab", "START>x x>a h>b", fail_always, say_name));
  assert_int_equal(engine.status, FL_RUN_DONE);
  assert_log(&engine, "[\"h\",\"b\"]");
  end(&engine);
}

static void a_node_that_does_not_fail_needs_no_handler(void **state) {
  struct test_engine engine;
  run(&engine, handled("xhab", "START>x x>a h>b", say_name, say_name));
  assert_log(&engine, "[\"x\",\"a\"]");
  assert_int_equal(attempts_of(&engine, "h"), 0);
  end(&engine);
}

/* The superstep is one: what the handler writes is folded at the failed node's place. */
static void the_handler_runs_in_the_same_superstep(void **state) {
  struct test_engine engine;
  run(&engine, handled("axbh", "START>a,x,b", fail_always, say_name));
  assert_int_equal(engine.status, FL_RUN_DONE);
  assert_log(&engine, "[\"a\",\"h\",\"b\"]");
  FL_VALUE_AUTO described = fl_run_describe(engine.run);
  assert_int_equal(fl_get_int(described, "step", -1), 1);
  end(&engine);
}

static void siblings_are_not_cancelled(void **state) {
  struct test_engine engine;
  begin(&engine, handled("axh", "START>a,x", fail_always, say_name));
  engine.manual = true;
  test_input(&engine, "{}");
  test_finish(&engine, "x");
  assert_int_equal(engine.running_count, 2); /* a, and h in place of x */
  test_finish(&engine, "a");
  assert_false(engine.has_ended);
  test_finish(&engine, "h");
  assert_int_equal(engine.status, FL_RUN_DONE);
  assert_log(&engine, "[\"a\",\"h\"]");
  end(&engine);
}

static void a_handler_that_fails_ends_the_run(void **state) {
  struct test_engine engine;
  run(&engine, handled("xh", "START>x", fail_always, fail_always));
  assert_fails(&engine, FL_E_REMOTE, "node \"h\": never today");
  assert_next(&engine, "[\"h\"]");
  end(&engine);
}

static void a_continue_goes_on_with_the_handler(void **state) {
  for (int restarts = 0; restarts < 2; restarts++) {
    struct test_engine engine;
    run(&engine, handled("xha", "START>x h>a", fail_always, fail_once));
    assert_int_equal(engine.status, FL_RUN_FAILED);
    if (restarts) test_engine_restart(&engine);
    assert_next(&engine, "[\"h\"]");
    test_continue(&engine);
    assert_int_equal(engine.status, FL_RUN_DONE);
    assert_log(&engine, "[\"h\",\"a\"]");
    assert_int_equal(attempts_of(&engine, "x"), 1);
    end(&engine);
  }
}

/* Killed at each moment: the node that failed never runs again once its handler has begun. */
static void a_crash_goes_on_with_the_handler(void **state) {
  size_t dead = 0;
  for (size_t budget = 1; budget < 40; budget++) {
    struct test_engine engine;
    begin(&engine, handled("axh", "START>a,x h>a", fail_always, say_error));
    engine.budget = budget;
    test_input(&engine, "{}");
    engine.budget = 0;
    dead += engine.is_dead;
    size_t begun = attempts_of(&engine, "h"), failed = attempts_of(&engine, "x");
    if (engine.is_dead) {
      test_engine_restart(&engine);
      if (engine.store.commit_count == 0) test_input(&engine, "{}");
      else test_continue(&engine);
    }
    assert_int_equal(engine.status, FL_RUN_DONE);
    assert_log(&engine, "[\"a\",\"h: x remote never today\",\"a\"]");
    if (begun > 0) assert_int_equal(attempts_of(&engine, "x"), failed);
    end(&engine);
  }
  assert_true(dead > 8);
}

static void a_handler_may_ask_a_person(void **state) {
  for (int restarts = 0; restarts < 2; restarts++) {
    struct test_engine engine;
    run(&engine, handled("xh", "START>x", fail_always, ask_about_error));
    assert_int_equal(engine.status, FL_RUN_INTERRUPTED);
    assert_waits(&engine, "[\"h\"]");
    if (restarts) test_engine_restart(&engine);
    test_resume(&engine, "\"go on\"");
    assert_int_equal(engine.status, FL_RUN_DONE);
    assert_log(&engine, "[\"h: go on\"]");
    end(&engine);
  }
}

static void ask_then_fail(struct test_call *call) {
  struct fl_value *answer = test_ask(call, fl_string("may I?"));
  if (answer != NULL) test_fail(call, FL_E_TASK, "after the answer");
}

/* The answers that the failed node had are not the handler's. */
static void a_node_that_asked_and_then_failed_is_handled(void **state) {
  for (int restarts = 0; restarts < 2; restarts++) {
    struct test_engine engine;
    run(&engine, handled("xh", "START>x", ask_then_fail, ask_about_error));
    assert_waits(&engine, "[\"x\"]");
    test_resume(&engine, "\"yes\"");
    assert_int_equal(engine.status, FL_RUN_INTERRUPTED);
    if (restarts) test_engine_restart(&engine);
    assert_waits(&engine, "[\"h\"]");
    test_resume(&engine, "\"fine\"");
    assert_int_equal(engine.status, FL_RUN_DONE);
    assert_log(&engine, "[\"h: fine\"]");
    end(&engine);
  }
}

static void writes_that_the_graph_refuses_are_handled_too(void **state) {
  struct test_engine engine;
  run(&engine, handled("xh", "START>x", write_unknown, say_error));
  assert_int_equal(engine.status, FL_RUN_DONE);
  assert_log(&engine, "[\"h: x not_found there is no channel \\\"nowhere\\\"\"]");
  end(&engine);
}

static void a_join_waits_for_the_handler_under_its_own_name(void **state) {
  struct test_engine engine;
  run(&engine, handled("axhj", "START>a,x a+h>j", fail_always, say_name));
  assert_int_equal(engine.status, FL_RUN_DONE);
  assert_log(&engine, "[\"a\",\"h\",\"j\"]");
  end(&engine);
}

static void a_failed_sibling_without_handler_still_ends_the_run(void **state) {
  struct test_engine engine;
  struct fl_graph *graph = begin_graph();
  test_node_with(graph, "x", fail_always,
                 &(struct fl_node_options){.size = sizeof(struct fl_node_options), .on_error = "h"});
  test_node(graph, "y", fail_once);
  test_node(graph, "h", say_name);
  add_edges(graph, "START>x,y");
  run(&engine, test_compile(graph));
  assert_int_equal(engine.status, FL_RUN_FAILED);
  test_continue(&engine);
  assert_int_equal(engine.status, FL_RUN_DONE);
  assert_log(&engine, "[\"h\",\"y\"]");
  assert_int_equal(attempts_of(&engine, "x"), 1);
  end(&engine);
}

static void a_cancelled_node_is_not_handled(void **state) {
  struct test_engine engine;
  begin(&engine, handled("xh", "START>x", fail_always, say_name));
  engine.manual = true;
  test_input(&engine, "{}");
  test_cancel(&engine);
  assert_int_equal(engine.status, FL_RUN_CANCELLED);
  assert_int_equal(attempts_of(&engine, "h"), 0);
  end(&engine);
}

static void a_graph_that_lost_its_handler_runs_the_node_again(void **state) {
  struct test_engine engine;
  run(&engine, handled("xh", "START>x", fail_always, fail_always));
  assert_int_equal(engine.status, FL_RUN_FAILED);
  change_graph(&engine, shape("x", "START>x", NULL, NULL));
  assert_next(&engine, "[\"x\"]");
  test_continue(&engine);
  assert_int_equal(engine.status, FL_RUN_DONE);
  assert_log(&engine, "[\"x\"]");
  end(&engine);
}

static void a_handler_may_also_be_a_node_of_its_own(void **state) {
  struct test_engine engine;
  run(&engine, handled("xha", "START>x,h h>a", fail_always, say_error));
  assert_int_equal(engine.status, FL_RUN_DONE);
  assert_log(&engine, "[\"h: x remote never today\",\"h: ? ? ?\",\"a\"]");
  end(&engine);
}

static void followers_see_the_failure_and_then_the_handler(void **state) {
  struct test_engine engine;
  begin(&engine, handled("xh", "START>x", fail_always, say_error));
  engine.settings.stream_modes = FL_STREAM_BIT(FL_STREAM_UPDATES) | FL_STREAM_BIT(FL_STREAM_TASKS);
  fl_run_configure(engine.run, &engine.settings);
  engine.traces = true;
  test_input(&engine, "{}");
  assert_golden(&engine, "handler");
  end(&engine);
}

/* ---- limits ---- */

static struct fl_definition *wide(uint32_t concurrency) {
  struct fl_graph *graph = begin_graph();
  for (const char *letter = "abcde"; *letter != '\0'; letter++)
    test_node_with(graph, (const char[]){*letter, '\0'}, say_name,
                   &(struct fl_node_options){.size = sizeof(struct fl_node_options), .concurrency = concurrency});
  add_edges(graph, "START>a,b,c,d,e");
  return test_compile(graph);
}

static void assert_running(const struct test_engine *engine, const char *nodes) {
  char text[64] = "";
  for (size_t i = 0; i < engine->running_count; i++) text[i] = engine->running[i].node[0];
  assert_string_equal(text, nodes);
}

static void begin_limited(struct test_engine *engine, struct fl_definition *definition, uint32_t most) {
  begin(engine, definition);
  engine->settings.max_concurrency = most;
  fl_run_configure(engine->run, &engine->settings);
  engine->manual = true;
  test_input(engine, "{}");
}

static void tasks_start_in_order_as_others_end(void **state) {
  struct test_engine engine;
  begin_limited(&engine, wide(0), 2);
  assert_running(&engine, "ab");
  test_finish(&engine, "b");
  assert_running(&engine, "ac");
  test_finish(&engine, "c");
  assert_running(&engine, "ad");
  test_finish(&engine, "a");
  assert_running(&engine, "de");
  test_finish(&engine, "d");
  test_finish(&engine, "e");
  assert_int_equal(engine.status, FL_RUN_DONE);
  assert_log(&engine, "[\"a\",\"b\",\"c\",\"d\",\"e\"]");
  end(&engine);
}

static void without_a_limit_all_start(void **state) {
  struct test_engine engine;
  begin_limited(&engine, wide(0), 0);
  assert_running(&engine, "abcde");
  end(&engine);
}

static void the_run_can_have_another_limit_than_the_graph(void **state) {
  struct fl_graph *graph = begin_graph();
  for (const char *letter = "abc"; *letter != '\0'; letter++) test_node(graph, (const char[]){*letter, '\0'}, say_name);
  add_edges(graph, "START>a,b,c");
  struct fl_compile_options options = {.size = sizeof options, .max_concurrency = 1};
  struct fl_definition *definition = NULL;
  assert_int_equal(fl_graph_compile(graph, &options, &definition, NULL), 0);
  struct test_engine engine;
  begin_limited(&engine, fl_definition_ref(definition), 0);
  assert_running(&engine, "a");
  end(&engine);
  begin_limited(&engine, definition, 2);
  assert_running(&engine, "ab");
  end(&engine);
}

static void a_question_makes_room(void **state) {
  struct test_engine engine;
  begin_limited(&engine, shape("abc", "START>a,b,c", "a", ask_name), 1);
  test_finish(&engine, "a");
  assert_running(&engine, "b");
  test_finish(&engine, "b");
  test_finish(&engine, "c");
  assert_int_equal(engine.status, FL_RUN_INTERRUPTED);
  test_resume(&engine, "\"yes\"");
  test_finish(&engine, "a");
  assert_log(&engine, "[\"a: yes\",\"b\",\"c\"]");
  end(&engine);
}

static void a_failure_starts_nothing_more(void **state) {
  struct test_engine engine;
  begin_limited(&engine, shape("abc", "START>a,b,c", "a", fail_once), 1);
  test_finish(&engine, "a");
  assert_int_equal(engine.status, FL_RUN_FAILED);
  assert_int_equal(attempts_of(&engine, "b"), 0);
  engine.manual = false;
  test_continue(&engine);
  assert_int_equal(engine.status, FL_RUN_DONE);
  assert_log(&engine, "[\"a\",\"b\",\"c\"]");
  end(&engine);
}

static void a_handler_waits_for_its_turn(void **state) {
  struct test_engine engine;
  begin_limited(&engine, handled("xabh", "START>x,a,b", fail_always, say_name), 2);
  assert_running(&engine, "xa");
  test_finish(&engine, "x");
  assert_running(&engine, "ah"); /* its place is before b */
  test_finish(&engine, "h");
  assert_running(&engine, "ab");
  end(&engine);
}

static void cancelling_leaves_what_waits(void **state) {
  struct test_engine engine;
  begin_limited(&engine, wide(0), 1);
  test_cancel(&engine);
  assert_int_equal(engine.status, FL_RUN_CANCELLED);
  assert_int_equal(engine.starts, 1);
  assert_next(&engine, "[\"a\",\"b\",\"c\",\"d\",\"e\"]");
  end(&engine);
}

/* Under a limit of one the order in which tasks end is the task order: with any limit and any order the same comes
 * out. */
static void every_limit_gives_the_same_state(void **state) {
  for (uint32_t limit = 0; limit < 6; limit++) {
    for (uint64_t seed = 1; seed < 30; seed++) {
      struct test_engine engine;
      begin(&engine, handled("axbch", "START>a,x,b a+h>c", fail_always, say_name));
      engine.settings.max_concurrency = limit;
      fl_run_configure(engine.run, &engine.settings);
      engine.random = seed;
      test_input(&engine, "{}");
      assert_int_equal(engine.status, FL_RUN_DONE);
      assert_log(&engine, "[\"a\",\"h\",\"b\",\"c\"]");
      end(&engine);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_handler_sees_who_failed_and_why),
      cmocka_unit_test(edges_of_the_handler_fire_and_those_of_the_node_do_not),
      cmocka_unit_test(a_node_that_does_not_fail_needs_no_handler),
      cmocka_unit_test(the_handler_runs_in_the_same_superstep),
      cmocka_unit_test(siblings_are_not_cancelled),
      cmocka_unit_test(a_handler_that_fails_ends_the_run),
      cmocka_unit_test(a_continue_goes_on_with_the_handler),
      cmocka_unit_test(a_crash_goes_on_with_the_handler),
      cmocka_unit_test(a_handler_may_ask_a_person),
      cmocka_unit_test(a_node_that_asked_and_then_failed_is_handled),
      cmocka_unit_test(writes_that_the_graph_refuses_are_handled_too),
      cmocka_unit_test(a_join_waits_for_the_handler_under_its_own_name),
      cmocka_unit_test(a_failed_sibling_without_handler_still_ends_the_run),
      cmocka_unit_test(a_cancelled_node_is_not_handled),
      cmocka_unit_test(a_graph_that_lost_its_handler_runs_the_node_again),
      cmocka_unit_test(a_handler_may_also_be_a_node_of_its_own),
      cmocka_unit_test(followers_see_the_failure_and_then_the_handler),
      cmocka_unit_test(tasks_start_in_order_as_others_end),
      cmocka_unit_test(without_a_limit_all_start),
      cmocka_unit_test(the_run_can_have_another_limit_than_the_graph),
      cmocka_unit_test(a_question_makes_room),
      cmocka_unit_test(a_failure_starts_nothing_more),
      cmocka_unit_test(a_handler_waits_for_its_turn),
      cmocka_unit_test(cancelling_leaves_what_waits),
      cmocka_unit_test(every_limit_gives_the_same_state),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
