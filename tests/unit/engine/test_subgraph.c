/* SPDX-License-Identifier: MIT */
/* Graphs inside graphs, as a runtime runs them: what goes in and comes out, questions inside, going on after a crash in
 * the middle of a child, failures, cancels, graphs in graphs in graphs, and the three ways of keeping checkpoints. The
 * crash rule holds inside: finished nodes never run again, and a call that may happen once happens once. */
#include "subgraphs.h"

/* ---- what goes in and comes out ---- */

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

/* ---- a call inside, and the process dies in it ---- */

/* The child echoes, crashes in a call, and says who it is; around it a node that counts. */
#define CALLING(kept)                                                                                   \
  "fairlead: 1\nname: calling\nstate: { log: { reducer: append }, n: { reducer: sum, default: 0 } }\n"  \
  "nodes:\n  count: { type: set, write: { n: 1 } }\n  sub: { type: graph, graph: c, checkpoints: " kept \
  ", input: {}, output: { log: state.log } }\n"                                                         \
  "edges: [ START -> count, count -> sub, sub -> END ]\n"                                               \
  "graphs:\n  c:\n    state: { log: { reducer: append } }\n    nodes:\n"                                \
  "      a: { type: tool, tool: t/echo, args: { text: \"'a'\" }, write: log }\n"                        \
  "      b: { type: tool, tool: t/crash, args: { text: \"'b'\" }, write: log }\n"                       \
  "      c: { type: tool, tool: t/echo, args: { text: \"'c'\" }, write: log }\n"                        \
  "    edges: [ START -> a, a -> b, b -> c, c -> END ]\n"

static const char *const calling[] = {CALLING("inherit"), CALLING("own"), CALLING("none")};

/* Nobody knows whether the crashed call happened: a person is asked, and what had finished is not done again. */
static void what_was_finished_inside_stays_finished(void **state) {
  for (int kept = 0; kept < 3; kept++) {
    struct rig rig = {.crashes_left = 1};
    rig_up(&rig);
    rig_start(&rig, rig_load(&rig, calling[kept], NULL), on_thread(json("{}")));
    assert_int_equal(rig_turn(&rig), FL_SIM_CRASHED);
    rig_down(&rig);
    rig_up(&rig);
    struct fl_definition *graph = rig_load(&rig, calling[kept], NULL);
    assert_int_equal(rig_run(&rig, graph, (struct fl_invoke_options){.thread = "t"}), 1);
    const struct fl_value *one = fl_at(rig.interrupts, 0);
    assert_json(fl_get(fl_get(one, "value"), "kind"), "'outcome_unknown'");
    assert_int_equal(strncmp(fl_get_string(one, "ns", ""), "sub", 3), 0);
    assert_int_equal(rig_run(&rig, graph, answering(json("{'action':'result','text':'it was'}"), false)), 0);
    assert_json(rig_out(&rig, "log"), "['a','it was','c']");
    assert_json(rig_out(&rig, "n"), "1");
    assert_string_equal(rig.calls.data, "echo crash echo ");
    rig_deinit(&rig);
  }
}

static void a_call_inside_that_may_be_repeated_is_repeated(void **state) {
  for (int kept = 0; kept < 3; kept++) {
    struct rig rig = {.crashes_left = 2};
    FL_FREE_AUTO char *text = fl_format("%seffects: { 't/*': read }\n", calling[kept]);
    rig_up(&rig);
    rig_start(&rig, rig_load(&rig, text, NULL), on_thread(json("{}")));
    for (int life = 0; life < 2; life++) {
      assert_int_equal(rig_turn(&rig), FL_SIM_CRASHED);
      rig_down(&rig);
      rig_up(&rig);
      rig_start(&rig, rig_load(&rig, text, NULL), (struct fl_invoke_options){.thread = "t"});
    }
    rig_turn(&rig);
    assert_int_equal(rig.status, 0);
    assert_json(rig_out(&rig, "log"), "['a','b','c']");
    /* A child without checkpoints does not wait for the journal before it goes on. */
    if (kept != FL_CHECKPOINTS_NONE) assert_string_equal(rig.calls.data, "echo crash crash crash echo ");
    rig_deinit(&rig);
  }
}

/* ---- several at once ---- */

static const char sending[] =
    "fairlead: 1\nname: sending\nstate: { items: {}, log: { reducer: append } }\n"
    "nodes:\n  plan: { type: set, write: { log: \"'plan'\" } }\n"
    "  each: { type: graph, graph: ask, input: { item: state.item }, output: { log: state.said } }\n"
    "edges:\n  - START -> plan\n  - { from: plan, send: { to: each, for: state.items, as: item, else: END } }\n"
    "graphs:\n  ask:\n    state: { item: {}, said: {} }\n    nodes:\n"
    "      q: { type: interrupt, value: state.item, resume: said }\n    edges: [ START -> q, q -> END ]\n";

static const char *id_of(const struct rig *rig, const char *value) {
  for (size_t i = 0; i < fl_size(rig->interrupts); i++)
    if (strcmp(fl_get_string(fl_at(rig->interrupts, i), "value", ""), value) == 0)
      return fl_get_string(fl_at(rig->interrupts, i), "id", "");
  fail_msg("%s does not ask", value);
  return NULL;
}

static void children_side_by_side_ask_and_are_answered_in_any_part(void **state) {
  for (int anew = 0; anew < 2; anew++) {
    struct rig rig = {0};
    rig_up(&rig);
    struct fl_definition *graph = rig_load(&rig, sending, NULL);
    assert_int_equal(rig_run(&rig, graph, on_thread(json("{'items':['a','b','c']}"))), 1);
    assert_int_equal(fl_size(rig.interrupts), 3);
    FL_FREE_AUTO char *two = fl_format("{'%s':'C','%s':'A'}", id_of(&rig, "c"), id_of(&rig, "a"));
    if (anew) {
      rig_down(&rig);
      rig_up(&rig);
      graph = rig_load(&rig, sending, NULL);
    }
    assert_int_equal(rig_run(&rig, graph, answering(json(two), true)), 1);
    assert_int_equal(fl_size(rig.interrupts), 1);
    assert_int_equal(rig_run(&rig, graph, answering(json(two), true)), FL_E_CONFLICT);
    assert_int_equal(rig_run(&rig, graph, answering(json("'B'"), false)), 0);
    assert_json(rig_out(&rig, "log"), "['plan','A','B','C']");
    rig_deinit(&rig);
  }
}

static void many_children_side_by_side(void **state) {
  static const char text[] =
      "fairlead: 1\nname: many\nstate: { items: {}, sum: { reducer: sum, default: 0 } }\n"
      "nodes: { each: { type: graph, graph: c, input: { x: state.item }, output: { sum: state.x } } }\n"
      "edges: [ { from: START, send: { to: each, for: state.items, as: item, else: END } } ]\n"
      "graphs: { c: { state: { x: {} }, nodes: { a: { type: set, write: { x: state.x * 2 } } }, edges: [ START -> a ] "
      "} }\n";
  for (int kept = 0; kept < 2; kept++) {
    struct rig rig = {0};
    rig_up(&rig);
    struct fl_value *items = fl_array(), *input = fl_object();
    for (int i = 0; i < 300; i++) fl_append_take(items, fl_int(i));
    fl_set_take(input, "items", items);
    struct fl_invoke_options options = {.thread = kept ? "t" : NULL, .input = input};
    assert_int_equal(rig_run(&rig, rig_load(&rig, text, NULL), options), 0);
    assert_json(rig_out(&rig, "sum"), "89700");
    rig_deinit(&rig);
  }
}

/* ---- what a child says to the graph above ---- */

static const char upward[] =
    "fairlead: 1\nname: upward\nstate: { log: { reducer: append }, x: {} }\n"
    "nodes:\n  sub: { type: graph, graph: c, input: {}, output: { log: \"'out'\" } }\n"
    "  far: { type: set, write: { log: \"'far'\" } }\n  near: { type: set, write: { log: \"'near'\" } }\n"
    "edges: [ START -> sub, sub -> near, far -> END, START -> far ]\n"
    "graphs:\n  c:\n    state: { y: {} }\n    nodes:\n      a: { type: set, write: { y: 1 } }\n"
    "      up: { type: set, graph: parent, write: { x: state.y + 1, log: \"'up'\" }, goto: far }\n"
    "      never: { type: fail, message: \"'never'\" }\n"
    "    edges: [ START -> a, a -> up, up -> never ]\n";

static void a_command_to_the_graph_above_is_the_nodes_own(void **state) {
  for (int kept = 0; kept < 2; kept++) {
    struct rig rig = {0};
    rig_up(&rig);
    struct fl_invoke_options options = {.thread = kept ? "t" : NULL, .input = json("{}")};
    assert_int_equal(rig_run(&rig, rig_load(&rig, upward, NULL), options), 0);
    assert_json(rig_out(&rig, "x"), "2");
    assert_json(rig_out(&rig, "log"), "['up','far','far','near']");
    rig_deinit(&rig);
  }
}

/* ---- failures, limits, cancels ---- */

static void a_failure_inside_fails_the_node_and_can_be_continued(void **state) {
  static const char text[] = "fairlead: 1\nname: failing\nstate: { log: { reducer: append } }\n"
                             "nodes: { sub: { type: graph, graph: c, input: {} } }\nedges: [ START -> sub ]\n"
                             "graphs:\n  c:\n    state: { log: { reducer: append } }\n    nodes:\n"
                             "      a: { type: set, write: { log: \"'a'\" } }\n      b: { type: tool, tool: t/error, "
                             "args: { text: \"'no'\" } }\n"
                             "    edges: [ START -> a, a -> b ]\n";
  struct rig rig = {0};
  rig_up(&rig);
  struct fl_definition *graph = rig_load(&rig, text, NULL);
  assert_int_equal(rig_run(&rig, graph, on_thread(json("{}"))), FL_E_REMOTE);
  assert_non_null(strstr(rig.error.text, "node \"sub\": node \"b\": the tool answered: no"));
  assert_string_equal(rig_stored_status(&rig, "t"), "error");
  assert_int_equal(rig_run(&rig, graph, (struct fl_invoke_options){.thread = "t"}), FL_E_REMOTE);
  assert_string_equal(rig.calls.data, "error error ");
  rig_deinit(&rig);
}

static void each_run_counts_its_own_supersteps(void **state) {
  static const char text[] =
      "fairlead: 1\nname: limits\nrecursion_limit: 4\nstate: { n: { default: 0 } }\n"
      "nodes: { a: { type: graph, graph: c }, b: { type: graph, graph: c } }\nedges: [ START -> a, a -> b ]\n"
      "graphs:\n  c:\n    recursion_limit: %d\n    state: { n: { default: 0 } }\n    nodes:\n"
      "      x: { type: set, write: { n: state.n + 1 } }\n      y: { type: set, write: { n: state.n + 1 } }\n"
      "      z: { type: set, write: { n: state.n + 1 } }\n    edges: [ START -> x, x -> y, y -> z ]\n";
  for (int limit = 3; limit <= 4; limit++) {
    struct rig rig = {0};
    rig_up(&rig);
    FL_FREE_AUTO char *one = fl_format(text, limit);
    assert_int_equal(rig_run(&rig, rig_load(&rig, one, NULL), on_thread(json("{}"))), limit == 4 ? 0 : FL_E_RECURSION);
    if (limit == 4) assert_json(rig_out(&rig, "n"), "6");
    rig_deinit(&rig);
  }
}

static const char waiting_inside[] =
    "fairlead: 1\nname: waiting\nstate: { log: { reducer: append } }\n"
    "nodes: { sub: { type: graph, graph: c } }\nedges: [ START -> sub ]\n"
    "graphs:\n  c:\n    state: { log: { reducer: append } }\n    nodes:\n"
    "      a: { type: tool, tool: wild/hang, args: {}, write: log }\n    edges: [ START -> a ]\n";

static void cancel(void *user) { fl_invocation_cancel(user); }

static void a_cancel_reaches_the_calls_inside(void **state) {
  for (int kept = 0; kept < 2; kept++) {
    struct rig rig = {0};
    rig_up(&rig);
    struct fl_invoke_options options = {.thread = kept ? "t" : NULL, .input = json("{}")};
    struct fl_invocation *invocation = rig_start(&rig, rig_load(&rig, waiting_inside, NULL), options);
    fl_world_sim_after(rig.world, 100, cancel, invocation);
    rig_turn(&rig);
    assert_int_equal(rig.status, FL_E_CANCELLED);
    assert_int_equal(rig.end_count, 1);
    assert_int_equal(rig.cancelled_count, 1);
    if (kept) assert_string_equal(rig_stored_status(&rig, "t"), "cancelled");
    rig_deinit(&rig);
  }
}

static void a_store_that_fails_ends_what_runs_inside(void **state) {
  for (uint64_t ms = 0; ms < 40; ms += 4) {
    struct rig rig = {0};
    rig_up(&rig);
    struct fl_definition *graph = rig_load(&rig, calling[0], NULL);
    fl_store_memory_set_delay(rig.store, 5);
    rig_start(&rig, graph, on_thread(json("{}")));
    fl_world_sim_run_until(rig.world, fl_world_now_ms(rig.world) + (int64_t)ms);
    fl_store_memory_set_error(rig.store, FL_E_NO_SPACE);
    rig_turn(&rig);
    assert_true(rig.is_over);
    fl_store_memory_set_error(rig.store, 0);
    if (rig.status != 0) assert_int_equal(rig.status, FL_E_NO_SPACE);
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
      cmocka_unit_test(what_was_finished_inside_stays_finished),
      cmocka_unit_test(a_call_inside_that_may_be_repeated_is_repeated),
      cmocka_unit_test(children_side_by_side_ask_and_are_answered_in_any_part),
      cmocka_unit_test(many_children_side_by_side),
      cmocka_unit_test(a_command_to_the_graph_above_is_the_nodes_own),
      cmocka_unit_test(a_failure_inside_fails_the_node_and_can_be_continued),
      cmocka_unit_test(each_run_counts_its_own_supersteps),
      cmocka_unit_test(a_cancel_reaches_the_calls_inside),
      cmocka_unit_test(a_store_that_fails_ends_what_runs_inside),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
