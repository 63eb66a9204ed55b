/* SPDX-License-Identifier: MIT */
/* Graphs inside graphs, as a runtime runs them: what goes in and comes out, questions inside, going on after a crash in
 * the middle of a child, failures, cancels, graphs in graphs in graphs, and the three ways of keeping checkpoints. The
 * crash rule holds inside: finished nodes never run again, and a call that may happen once happens once. */
#include "rig.h"

static struct fl_invoke_options on_thread(struct fl_value *input) {
  return (struct fl_invoke_options){.thread = "t", .input = input};
}

static struct fl_invoke_options answering(struct fl_value *answer, bool is_map) {
  return (struct fl_invoke_options){.thread = "t", .resume = answer, .resume_is_map = is_map};
}

/* A graph whose only node `sub` runs `child`; channels as the child's tests need them. */
static struct fl_definition *around(struct rig *rig, struct fl_definition *child,
                                    const struct fl_subgraph_options *options) {
  struct fl_graph *graph = fl_graph_create("outer");
  struct fl_channel_options list = {.size = sizeof list, .reducer = FL_APPEND},
                            sum = {.size = sizeof sum, .reducer = FL_SUM};
  fl_graph_channel(graph, "x", NULL);
  fl_graph_channel(graph, "answer", NULL);
  fl_graph_channel(graph, "log", &list);
  fl_graph_channel(graph, "n", &sum);
  fl_graph_subgraph(graph, "sub", child, options);
  fl_graph_edge(graph, FL_START, "sub");
  fl_graph_edge(graph, "sub", FL_END);
  struct fl_definition *definition = NULL;
  struct fl_error err = {0};
  if (fl_graph_compile(graph, NULL, &definition, &err) < 0) fail_msg("%s", err.text);
  fl_runtime_graph(rig->runtime, definition); /* the runtime holds it */
  fl_definition_unref(definition);
  return definition;
}

/* ---- what goes in and comes out ---- */

static const char doubling[] = "fairlead: 1\nname: doubling\nstate: { x: {}, own: { default: 1 } }\n"
                               "nodes:\n  a: { type: set, write: { x: 'state.x * 2' } }\n"
                               "  b: { type: set, write: { own: 'state.x + 1' } }\n"
                               "edges: [ START -> a, a -> b, b -> END ]\n";

static void channels_of_one_name_are_shared(void **state) {
  for (int kept = 0; kept < 2; kept++) {
    struct rig rig = {0};
    rig_up(&rig);
    struct fl_definition *graph = around(&rig, rig_load(&rig, doubling, NULL), NULL);
    struct fl_invoke_options options = {.thread = kept ? "t" : NULL, .input = json("{'x':21}")};
    assert_int_equal(rig_run(&rig, graph, options), 0);
    assert_json(rig_out(&rig, "x"), "42");
    assert_null(rig_out(&rig, "own"));
    rig_deinit(&rig);
  }
}

static void expressions_say_what_goes_in_and_comes_out(void **state) {
  struct rig rig = {0};
  rig_up(&rig);
  struct fl_subgraph_options options = {.size = sizeof options,
                                        .input = json("{'x':'state.n + 1'}"),
                                        .output = json("{'answer':'[state.x, state.own]'}")};
  struct fl_definition *graph = around(&rig, rig_load(&rig, doubling, NULL), &options);
  assert_int_equal(rig_run(&rig, graph, on_thread(json("{'n':4,'x':'mine'}"))), 0);
  assert_json(rig_out(&rig, "answer"), "[10,11]");
  assert_json(rig_out(&rig, "x"), "'mine'");
  fl_value_unref(options.input);
  fl_value_unref(options.output);
  rig_deinit(&rig);
}

static void mistakes_of_a_mapping_are_said_at_once(void **state) {
  struct rig rig = {0};
  rig_up(&rig);
  struct fl_definition *child = rig_load(&rig, doubling, NULL), *definition = NULL;
  FL_VALUE_AUTO input = json("{'owm':'1','x':'1 +'}");
  FL_VALUE_AUTO output = json("{'nothing':'state.x','x':3}");
  struct fl_subgraph_options options = {.size = sizeof options, .input = input, .output = output};
  struct fl_graph *graph = fl_graph_create("outer");
  fl_graph_channel(graph, "x", NULL);
  fl_graph_subgraph(graph, "sub", child, &options);
  fl_graph_subgraph(graph, "none", NULL, NULL);
  fl_graph_edge(graph, FL_START, "sub");
  fl_graph_edge(graph, FL_START, "none");
  struct fl_error err = {0};
  assert_int_equal(fl_graph_compile(graph, NULL, &definition, &err), FL_E_GRAPH);
  static const char *const said[] = {
      "no channel \"owm\"",     "did you mean \"own\"?",           "at /input/x is not valid",
      "no channel \"nothing\"", "/output/x must be an expression", "node \"none\" has no graph to run"};
  for (size_t i = 0; i < sizeof said / sizeof *said; i++)
    if (strstr(err.text, said[i]) == NULL) fail_msg("not said: %s in\n%s", said[i], err.text);
  rig_deinit(&rig);
}

static void an_output_that_cannot_be_computed_fails_the_node(void **state) {
  struct rig rig = {0};
  rig_up(&rig);
  FL_VALUE_AUTO output = json("{'answer':'state.x[3]'}");
  struct fl_subgraph_options options = {.size = sizeof options, .output = output};
  struct fl_definition *graph = around(&rig, rig_load(&rig, doubling, NULL), &options);
  assert_true(rig_run(&rig, graph, on_thread(json("{'x':1}"))) < 0);
  assert_non_null(strstr(rig.error.text, "/output/answer: state.x[3]"));
  rig_deinit(&rig);
}

/* ---- depth ---- */

static struct fl_definition *nested(struct rig *rig, size_t depth) {
  struct fl_definition *graph = rig_load(rig, doubling, NULL);
  for (size_t i = 0; i < depth; i++) graph = around(rig, graph, NULL);
  return graph;
}

static void graphs_stand_inside_one_another(void **state) {
  for (size_t depth = 1; depth < FL_GRAPH_DEPTH_MAX; depth += 7) {
    struct rig rig = {0};
    rig_up(&rig);
    assert_int_equal(rig_run(&rig, nested(&rig, depth), on_thread(json("{'x':3}"))), 0);
    assert_json(rig_out(&rig, "x"), "6");
    rig_deinit(&rig);
  }
}

static void too_deep_is_a_mistake(void **state) {
  struct rig rig = {0};
  rig_up(&rig);
  struct fl_definition *deepest = nested(&rig, FL_GRAPH_DEPTH_MAX - 1), *definition = NULL;
  struct fl_graph *graph = fl_graph_create("one more");
  fl_graph_subgraph(graph, "sub", deepest, NULL);
  fl_graph_edge(graph, FL_START, "sub");
  struct fl_error err = {0};
  assert_int_equal(fl_graph_compile(graph, NULL, &definition, &err), FL_E_GRAPH);
  assert_non_null(strstr(err.text, "more than 16 deep"));
  rig_deinit(&rig);
}

/* ---- questions inside ---- */

static const char asking[] = "fairlead: 1\nname: asking\nstate: { log: { reducer: append }, answer: {} }\n"
                             "nodes:\n  first: { type: set, write: { log: \"'first'\" } }\n"
                             "  ask: { type: interrupt, value: \"'your name?'\", resume: answer }\n"
                             "  last: { type: set, write: { log: \"'hello ' + state.answer\" } }\n"
                             "edges: [ START -> first, first -> ask, ask -> last, last -> END ]\n";

/* How the process lives between the runs. */
enum life { SAME, ANEW, LIVES };

static struct fl_definition *asking_graph(struct rig *rig, enum fl_checkpoints checkpoints, size_t depth) {
  struct fl_subgraph_options options = {.size = sizeof options, .checkpoints = checkpoints};
  struct fl_definition *graph = rig_load(rig, asking, NULL);
  for (size_t i = 0; i < depth; i++) graph = around(rig, graph, &options);
  return graph;
}

static void a_question_inside_waits_for_its_answer(void **state) {
  for (int i = 0; i < LIVES * 3 * 3; i++) {
    enum fl_checkpoints checkpoints = (enum fl_checkpoints)(i / LIVES % 3);
    size_t depth = 1 + (size_t)i / LIVES / 3;
    struct rig rig = {0};
    rig_up(&rig);
    assert_int_equal(rig_run(&rig, asking_graph(&rig, checkpoints, depth), on_thread(json("{}"))), 1);
    const struct fl_value *one = fl_at(rig.interrupts, 0);
    assert_json(fl_get(one, "value"), "'your name?'");
    assert_string_equal(fl_get_string(one, "node", ""), "ask");
    assert_int_equal(strncmp(fl_get_string(one, "ns", ""), "sub", 3), 0);
    if (i % LIVES == ANEW) {
      rig_down(&rig);
      rig_up(&rig);
    }
    struct fl_definition *again = asking_graph(&rig, checkpoints, depth);
    assert_int_equal(rig_run(&rig, again, answering(json("'Ada'"), false)), 0);
    assert_json(rig_out(&rig, "log"), "['first','hello Ada']");
    assert_int_equal(rig_run(&rig, again, answering(json("'Ada'"), false)), FL_E_CONFLICT);
    rig_deinit(&rig);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(channels_of_one_name_are_shared),
      cmocka_unit_test(expressions_say_what_goes_in_and_comes_out),
      cmocka_unit_test(mistakes_of_a_mapping_are_said_at_once),
      cmocka_unit_test(an_output_that_cannot_be_computed_fails_the_node),
      cmocka_unit_test(graphs_stand_inside_one_another),
      cmocka_unit_test(too_deep_is_a_mistake),
      cmocka_unit_test(a_question_inside_waits_for_its_answer),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
