/* SPDX-License-Identifier: MIT */
/* What runs inside a task ask, as the run of the task's graph sees it: several questions at once, answered in any part
 * and any order, across a new start of the process; and where lasting subgraphs stand. The runs inside are played: a
 * node names what they wait for, as long as it has no answer. */
#include "tests/unit/graph/shapes.h"

#include "runtime/base/mem.h"

static void add_question(struct fl_value *children, const char *id, const char *node) {
  struct fl_value *one = fl_object();
  fl_set_string(one, "id", id);
  fl_set_string(one, "node", node);
  fl_set_string(one, "task_id", "inside");
  fl_set_take(one, "value", fl_stringf("%s?", node));
  fl_set_string(one, "ns", "n:1");
  fl_append_take(children, one);
}

/* Asks for `x` and `y`; when both are answered, for `z`; writes the answers. */
static void ask_inside(struct test_call *call) {
  static const char *const first[] = {"x", "y"};
  struct fl_value *resume = call->start->resume;
  struct fl_value *children = fl_array();
  for (size_t i = 0; i < 2; i++)
    if (fl_get(resume, first[i]) == NULL) add_question(children, first[i], first[i]);
  if (fl_size(children) == 0 && fl_get(resume, "z") == NULL) add_question(children, "z", "z");
  if (fl_size(children) > 0) {
    call->children = children;
    call->outcome = TEST_ASKS;
    return;
  }
  fl_value_unref(children);
  test_write(call, "log",
             fl_stringf("%s %s %s", fl_get_string(resume, "x", ""), fl_get_string(resume, "y", ""),
                        fl_get_string(resume, "z", "")));
}

/* Stands at a static interrupt until it is entered again. */
static void stop_inside(struct test_call *call) {
  if (call->start->children != NULL) {
    say_name(call);
    return;
  }
  struct fl_value *stop = fl_object();
  fl_set_string(stop, "node", "deep");
  fl_set_string(stop, "when", "before");
  fl_set_string(stop, "ns", "n:1");
  call->children = fl_array();
  fl_append_take(call->children, stop);
  call->outcome = TEST_ASKS;
}

static void has_head(struct test_call *call) {
  call->heads = fl_object();
  fl_set_int(call->heads, call->start->node, 40 + (int64_t)attempts_of(call->user, call->start->node));
  say_name(call);
}

static void has_head_and_fails(struct test_call *call) {
  has_head(call);
  if (attempts_of(call->user, call->start->node) == 1) test_fail(call, FL_E_REMOTE, "not today");
}

struct played {
  struct test_engine engine;
  bool restarts;
};

static void begin_played(struct played *played, struct fl_definition *definition, bool restarts) {
  test_engine_init(&played->engine, definition);
  played->engine.user = &played->engine;
  played->restarts = restarts;
}

static void end_played(struct played *played) {
  assert_string_equal(played->engine.fault, "");
  struct fl_definition *definition = played->engine.definition;
  test_engine_deinit(&played->engine);
  fl_definition_unref(definition);
}

static struct fl_definition *graph_of(test_node_fn *a, test_node_fn *b) {
  struct fl_graph *graph = begin_graph();
  test_node(graph, "a", a);
  test_node(graph, "b", b);
  test_node(graph, "c", say_name);
  add_edges(graph, "START>a START>b a+b>c c>END");
  return test_compile(graph);
}

/* The nodes that wait, as one text. */
static const char *waits(const struct test_engine *engine) {
  static char text[256];
  text[0] = '\0';
  FL_VALUE_AUTO waiting = fl_run_waits(engine->run);
  for (size_t i = 0; i < fl_size(waiting); i++)
    snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", i > 0 ? " " : "",
             fl_get_string(fl_at(waiting, i), "node", "?"));
  return text;
}

static void answer(struct played *played, const char *json) {
  if (played->restarts) test_engine_restart(&played->engine);
  test_resume_map(&played->engine, test_json(json));
  if (played->restarts) test_engine_restart(&played->engine);
}

static void each_way(void (*play)(struct played *played, bool restarts)) {
  for (int restarts = 0; restarts < 2; restarts++) {
    struct played played;
    play(&played, restarts == 1);
    end_played(&played);
  }
}

/* ---- questions ---- */

static void play_one_by_one(struct played *played, bool restarts) {
  begin_played(played, graph_of(ask_inside, say_name), restarts);
  test_input(&played->engine, "{}");
  assert_int_equal(played->engine.status, FL_RUN_INTERRUPTED);
  assert_string_equal(waits(&played->engine), "x y");
  answer(played, "{\"y\":\"2\"}");
  assert_string_equal(waits(&played->engine), "x");
  answer(played, "{\"x\":\"1\"}");
  assert_string_equal(waits(&played->engine), "z");
  answer(played, "{\"z\":\"3\"}");
  assert_string_equal(waits(&played->engine), "");
  assert_state(&played->engine, "{\"log\":[\"1 2 3\",\"b\",\"c\"]}");
  assert_int_equal(attempts_of(&played->engine, "b"), 1);
}

static void answers_come_one_by_one(void **state) { each_way(play_one_by_one); }

static void play_together(struct played *played, bool restarts) {
  begin_played(played, graph_of(ask_inside, ask_name), restarts);
  test_input(&played->engine, "{}");
  assert_string_equal(waits(&played->engine), "x y b");
  answer(played, "{\"x\":\"1\",\"y\":\"2\"}");
  assert_string_equal(waits(&played->engine), "z b");
  FL_VALUE_AUTO described = fl_run_describe(played->engine.run);
  const char *own = fl_get_string(fl_at(fl_get(described, "interrupts"), 1), "id", "");
  FL_FREE_AUTO char *both = fl_format("{\"z\":\"3\",\"%s\":\"me\"}", own);
  answer(played, both);
  assert_state(&played->engine, "{\"log\":[\"1 2 3\",\"b: me\",\"c\"]}");
}

static void answers_to_a_task_and_to_what_is_inside_another_go_together(void **state) { each_way(play_together); }

static void an_id_is_answered_once(void **state) {
  struct played played;
  begin_played(&played, graph_of(ask_inside, say_name), false);
  test_input(&played.engine, "{}");
  answer(&played, "{\"x\":\"1\"}");
  answer(&played, "{\"x\":\"again\"}");
  assert_int_equal(played.engine.error.code, FL_E_CONFLICT);
  assert_string_equal(waits(&played.engine), "y");
  answer(&played, "{\"nobody\":\"1\"}");
  assert_int_equal(played.engine.error.code, FL_E_CONFLICT);
  end_played(&played);
}

static void several_questions_inside_one_task_need_their_ids(void **state) {
  struct played played;
  begin_played(&played, graph_of(ask_inside, say_name), false);
  test_input(&played.engine, "{}");
  test_resume(&played.engine, "\"1\"");
  assert_int_equal(played.engine.error.code, FL_E_INVALID);
  answer(&played, "{\"x\":\"1\"}");
  test_resume(&played.engine, "\"2\"");
  assert_string_equal(waits(&played.engine), "z");
  test_resume(&played.engine, "\"3\"");
  assert_int_equal(played.engine.status, FL_RUN_DONE);
  end_played(&played);
}

/* The answer is stored, and then the process dies before the run inside has taken it. */
static void an_answer_that_was_stored_is_not_asked_for_again(void **state) {
  struct played played;
  begin_played(&played, graph_of(ask_inside, say_name), false);
  test_input(&played.engine, "{}");
  played.engine.manual = true;
  test_resume_map(&played.engine, test_json("{\"x\":\"1\",\"y\":\"2\"}"));
  test_engine_restart(&played.engine);
  played.engine.manual = false;
  assert_true(fl_run_is_unfinished(played.engine.run));
  assert_string_equal(waits(&played.engine), "");
  test_continue(&played.engine);
  assert_string_equal(waits(&played.engine), "z");
  end_played(&played);
}

/* As the run of a subgraph is answered: with everything that was ever answered, of which some is for others. */
static void a_lenient_answer_passes_over_what_does_not_wait(void **state) {
  struct played played;
  begin_played(&played, graph_of(ask_inside, say_name), false);
  test_input(&played.engine, "{}");
  FL_VALUE_AUTO all = test_json("{\"other\":\"0\",\"x\":\"1\",\"y\":\"2\",\"z\":\"3\"}");
  struct fl_ev ev = {.kind = FL_EV_RESUME, .value = all, .is_map = true, .is_lenient = true};
  test_send(&played.engine, &ev);
  assert_string_equal(waits(&played.engine), "z");
  FL_VALUE_AUTO none = test_json("{\"other\":\"0\"}");
  ev.value = none;
  test_send(&played.engine, &ev);
  assert_int_equal(played.engine.status, FL_RUN_INTERRUPTED);
  ev.value = all;
  test_send(&played.engine, &ev);
  assert_int_equal(played.engine.status, FL_RUN_DONE);
  test_send(&played.engine, &ev);
  assert_int_equal(played.engine.status, FL_RUN_DONE);
  end_played(&played);
}

/* ---- static interrupts ---- */

static void play_stop(struct played *played, bool restarts) {
  begin_played(played, graph_of(stop_inside, ask_name), restarts);
  test_input(&played->engine, "{}");
  assert_string_equal(waits(&played->engine), "deep b");
  if (restarts) test_engine_restart(&played->engine);
  assert_false(fl_run_is_unfinished(played->engine.run));
  test_continue(&played->engine);
  assert_string_equal(waits(&played->engine), "b");
  if (restarts) test_engine_restart(&played->engine);
  test_resume(&played->engine, "\"yes\"");
  assert_state(&played->engine, "{\"log\":[\"a\",\"b: yes\",\"c\"]}");
  assert_int_equal(attempts_of(&played->engine, "a"), 2);
}

static void a_run_inside_that_stands_goes_on_when_continued(void **state) { each_way(play_stop); }

static void a_stop_inside_takes_no_answer(void **state) {
  struct played played;
  begin_played(&played, graph_of(stop_inside, say_name), false);
  test_input(&played.engine, "{}");
  test_resume(&played.engine, "\"yes\"");
  assert_int_equal(played.engine.error.code, FL_E_CONFLICT);
  assert_string_equal(waits(&played.engine), "deep");
  end_played(&played);
}

/* ---- namespaces, numbers, heads ---- */

static void questions_of_a_subgraph_say_where_they_are_from(void **state) {
  struct played played;
  begin_played(&played, graph_of(ask_name, say_name), false);
  played.engine.settings.ns = "outer:1|inner:2";
  fl_run_configure(played.engine.run, &played.engine.settings);
  test_input(&played.engine, "{}");
  assert_string_equal(fl_get_string(fl_at(played.engine.interrupts, 0), "ns", ""), "outer:1|inner:2");
  end_played(&played);
}

static void numbers_can_be_shared(void **state) {
  struct fl_definition *definition = graph_of(say_name, say_name);
  struct fl_numbers numbers = {7, 9};
  struct fl_run_settings settings = {.size = sizeof settings, .numbers = &numbers};
  struct fl_run *run = fl_run_create(definition, NULL, &settings);
  FL_VALUE_AUTO input = test_json("{\"n\":1}");
  struct fl_ev ev = {.kind = FL_EV_INPUT, .checkpoint_id = "checkpoint-1", .value = input};
  struct fl_effects effects = {0};
  fl_run_step(run, &ev, &effects);
  assert_ptr_equal(fl_run_numbers(run), &numbers);
  assert_int_equal(fl_run_checkpoint_no(run), 7);
  assert_int_equal(numbers.next_checkpoint_no, 8);
  assert_int_equal(numbers.next_value_no, 10);
  fl_effects_deinit(&effects);
  fl_run_destroy(run);
  fl_definition_unref(definition);
}

static void play_heads(struct played *played, bool restarts) {
  begin_played(played, graph_of(has_head, has_head_and_fails), restarts);
  test_input(&played->engine, "{}");
  assert_int_equal(played->engine.status, FL_RUN_FAILED);
  if (restarts) test_engine_restart(&played->engine);
  assert_int_equal(fl_run_head_of(played->engine.run, "a"), 41);
  assert_int_equal(fl_run_head_of(played->engine.run, "b"), 41);
  test_continue(&played->engine);
  if (restarts) test_engine_restart(&played->engine);
  assert_int_equal(played->engine.status, FL_RUN_DONE);
  assert_int_equal(fl_run_head_of(played->engine.run, "a"), 41);
  assert_int_equal(fl_run_head_of(played->engine.run, "b"), 42);
  assert_int_equal(fl_run_head_of(played->engine.run, "c"), 0);
}

static void where_lasting_subgraphs_stand_is_kept(void **state) { each_way(play_heads); }

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(answers_come_one_by_one),
      cmocka_unit_test(answers_to_a_task_and_to_what_is_inside_another_go_together),
      cmocka_unit_test(an_id_is_answered_once),
      cmocka_unit_test(several_questions_inside_one_task_need_their_ids),
      cmocka_unit_test(an_answer_that_was_stored_is_not_asked_for_again),
      cmocka_unit_test(a_lenient_answer_passes_over_what_does_not_wait),
      cmocka_unit_test(a_run_inside_that_stands_goes_on_when_continued),
      cmocka_unit_test(a_stop_inside_takes_no_answer),
      cmocka_unit_test(questions_of_a_subgraph_say_where_they_are_from),
      cmocka_unit_test(numbers_can_be_shared),
      cmocka_unit_test(where_lasting_subgraphs_stand_is_kept),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
