/* SPDX-License-Identifier: MIT */
/* What is kept of graphs inside graphs and what is shown of them: checkpoints of their own, static interrupts,
 * followers, states, channels that are not shared; and graphs that nodes in C run. */
#include "subgraphs.h"

#include <fairlead/thread.h>

/* ---- checkpoints of its own ---- */

static const char lasting[] =
    "fairlead: 1\nname: lasting\nstate: { heard: {}, add: {}, items: { default: [] } }\n"
    "nodes: { sub: { type: graph, graph: c, checkpoints: own, input: { log: state.add }, output: { heard: state.log } "
    "} }\n"
    "edges: [ START -> sub, sub -> END ]\n"
    "graphs:\n  c:\n    state: { log: { reducer: append } }\n    nodes: { a: { type: set, write: { log: \"'.'\" } } }\n"
    "    edges: [ START -> a ]\n";

static void a_graph_with_checkpoints_of_its_own_remembers(void **state) {
  for (int anew = 0; anew < 2; anew++) {
    struct rig rig = {0};
    rig_up(&rig);
    for (int turn = 0; turn < 3; turn++) {
      struct fl_definition *graph = rig_load(&rig, lasting, NULL);
      assert_int_equal(rig_run(&rig, graph, on_thread(json(turn == 0 ? "{'add':'a'}" : "{'add':'b'}"))), 0);
      if (!anew) continue;
      rig_down(&rig);
      rig_up(&rig);
    }
    assert_json(rig_out(&rig, "heard"), "['a','.','b','.','b','.']");
    rig_deinit(&rig);
  }
}

/* Runs that begin in the past find the child as it was then. */
static void a_fork_finds_the_child_as_it_was(void **state) {
  struct rig rig = {0};
  rig_up(&rig);
  struct fl_definition *graph = rig_load(&rig, lasting, NULL);
  assert_int_equal(rig_run(&rig, graph, on_thread(json("{'add':'a'}"))), 0);
  struct fl_loaded loaded = {0};
  assert_int_equal(fl_store_load(rig.store, "t", "", 0, &loaded, NULL), 0);
  assert_int_equal(rig_run(&rig, graph, on_thread(json("{'add':'b'}"))), 0);
  assert_json(rig_out(&rig, "heard"), "['a','.','b','.']");
  struct fl_invoke_options options = on_thread(json("{'add':'c'}"));
  options.checkpoint = loaded.checkpoint_id;
  assert_int_equal(rig_run(&rig, graph, options), 0);
  assert_json(rig_out(&rig, "heard"), "['a','.','c','.']");
  assert_int_equal(rig_run(&rig, graph, on_thread(json("{'add':'d'}"))), 0);
  assert_json(rig_out(&rig, "heard"), "['a','.','c','.','d','.']");
  fl_loaded_deinit(&loaded);
  rig_deinit(&rig);
}

static void one_state_cannot_be_in_two_runs_at_once(void **state) {
  const char *text = lasting, *edges = strstr(text, "START -> sub, sub -> END ]");
  FL_FREE_AUTO char *two = fl_format("%.*s{ from: START, send: { to: sub, for: state.items, as: add, else: END } } ]%s",
                                     (int)(edges - text), text, edges + strlen("START -> sub, sub -> END ]"));
  struct rig rig = {0};
  rig_up(&rig);
  assert_int_equal(rig_run(&rig, rig_load(&rig, two, NULL), on_thread(json("{'items':['a','b']}"))), FL_E_CONFLICT);
  assert_non_null(strstr(rig.error.text, "one state cannot be in two runs"));
  assert_non_null(strstr(rig.error.text, "node \"sub\""));
  rig_deinit(&rig);
}

/* ---- static interrupts ---- */

static void a_run_that_stops_inside_goes_on_when_continued(void **state) {
  static const char text[] =
      "fairlead: 1\nname: stops\nstate: { log: { reducer: append } }\n"
      "nodes: { sub: { type: graph, graph: c, input: {}, checkpoints: %s } }\nedges: [ START -> sub ]\n"
      "graphs:\n  c:\n    interrupt_before: [ b ]\n    state: { log: { reducer: append } }\n    nodes:\n"
      "      a: { type: set, write: { log: \"'a'\" } }\n      b: { type: set, write: { log: \"'b'\" } }\n"
      "    edges: [ START -> a, a -> b ]\n";
  static const char *const kinds[] = {"inherit", "own", "none"};
  for (int i = 0; i < 6; i++) {
    struct rig rig = {0};
    FL_FREE_AUTO char *one = fl_format(text, kinds[i % 3]);
    rig_up(&rig);
    assert_int_equal(rig_run(&rig, rig_load(&rig, one, NULL), on_thread(json("{}"))), 1);
    assert_string_equal(fl_get_string(fl_at(rig.interrupts, 0), "node", ""), "b");
    assert_string_equal(fl_get_string(fl_at(rig.interrupts, 0), "when", ""), "before");
    if (i >= 3) {
      rig_down(&rig);
      rig_up(&rig);
    }
    struct fl_invoke_options options = {.thread = "t"};
    assert_int_equal(rig_run(&rig, rig_load(&rig, one, NULL), options), 0);
    assert_json(rig_out(&rig, "log"), "['a','b']");
    rig_deinit(&rig);
  }
}

/* ---- who follows ---- */

static void followers_hear_of_the_inside_when_they_want_to(void **state) {
  for (int wants = 0; wants < 2; wants++) {
    struct rig rig = {0};
    rig_up(&rig);
    struct fl_invoke_options options = on_thread(json("{'x':21}"));
    options.follow = FL_FOLLOW_UPDATES | FL_FOLLOW_EVENTS | (wants ? FL_FOLLOW_SUBGRAPHS : 0);
    struct fl_definition *graph = around(&rig, rig_load(&rig, doubling, NULL), NULL);
    assert_int_equal(rig_run(&rig, graph, options), 0);
    bool has_inner = strstr(rig.told.data, "{\"a\":{\"x\":42}}") != NULL;
    assert_int_equal(has_inner, wants);
    assert_int_equal(strstr(rig.told.data, "events a ") != NULL, wants);
    assert_non_null(strstr(rig.told.data, "{\"sub\":{\"x\":42}}"));
    rig_deinit(&rig);
  }
}

/* ---- what a child does not show ---- */

static void only_inputs_and_outputs_are_shared(void **state) {
  static const char text[] =
      "fairlead: 1\nname: lists\nstate: { x: { default: 1 }, y: { default: 1 }, z: { default: 1 } }\n"
      "nodes: { sub: { type: graph, graph: c } }\nedges: [ START -> sub ]\n"
      "graphs:\n  c:\n    state: { x: { default: 5 }, y: { default: 5 }, z: { default: 5, private: true } }\n"
      "    input: [ x ]\n    output: [ y ]\n    nodes:\n"
      "      a: { type: set, write: { x: state.x + 10, y: state.y + 10, z: state.z + 10 } }\n    edges: [ START -> a "
      "]\n";
  struct rig rig = {0};
  rig_up(&rig);
  assert_int_equal(rig_run(&rig, rig_load(&rig, text, NULL), on_thread(json("{}"))), 0);
  assert_json(rig.output, "{'x':1,'y':15,'z':1}");
  rig_deinit(&rig);
}

static void the_context_is_known_inside(void **state) {
  static const char text[] =
      "fairlead: 1\nname: context\ncontext: { user: { type: string, default: anon } }\nstate: { x: {} }\n"
      "nodes: { sub: { type: graph, graph: c } }\nedges: [ START -> sub ]\n"
      "graphs: { c: { state: { x: {} }, nodes: { a: { type: set, write: { x: context.user } } }, edges: [ START -> a ] "
      "} }\n";
  struct rig rig = {0};
  rig_up(&rig);
  FL_VALUE_AUTO context = json("{'user':'ada'}");
  struct fl_invoke_options options = on_thread(json("{}"));
  options.context = context;
  assert_int_equal(rig_run(&rig, rig_load(&rig, text, NULL), options), 0);
  assert_json(rig_out(&rig, "x"), "'ada'");
  rig_deinit(&rig);
}

/* ---- graphs that a C node runs ---- */

static void on_second(struct fl_task *task, const struct fl_state *state, const struct fl_error *err, void *user) {
  if (state != NULL) fl_task_write_take(task, "log", fl_value_ref(fl_state_get(state, "answer")));
  fl_task_complete(task, state != NULL ? FL_DONE : fl_task_fail(task, err->code, "%s", err->text));
}

static void on_first(struct fl_task *task, const struct fl_state *state, const struct fl_error *err, void *user) {
  if (state != NULL) fl_task_write_take(task, "log", fl_value_ref(fl_state_get(state, "answer")));
  int rc = state != NULL ? fl_task_call_graph_take(task, user, fl_object(), on_second, NULL) : err->code;
  if (rc < 0) fl_task_complete(task, rc);
}

static int run_twice(struct fl_task *task, void *user) {
  int rc = fl_task_call_graph_take(task, user, fl_object(), on_first, user);
  return rc < 0 ? rc : FL_PENDING;
}

static struct fl_definition *twice(struct rig *rig) {
  struct fl_graph *graph = fl_graph_create("twice");
  struct fl_channel_options list = {.size = sizeof list, .reducer = FL_APPEND};
  fl_graph_channel(graph, "log", &list);
  fl_graph_node(graph, "both", run_twice, rig_load(rig, asking, NULL), NULL);
  fl_graph_edge(graph, FL_START, "both");
  struct fl_definition *definition = NULL;
  struct fl_error err = {0};
  if (fl_graph_compile(graph, NULL, &definition, &err) < 0) fail_msg("%s", err.text);
  fl_runtime_graph(rig->runtime, definition);
  fl_definition_unref(definition);
  return definition;
}

/* Two in one task, one after the other: each has a namespace and goes on where it was. */
static void a_node_in_c_runs_graphs(void **state) {
  for (int anew = 0; anew < 2; anew++) {
    struct rig rig = {0};
    rig_up(&rig);
    assert_int_equal(rig_run(&rig, twice(&rig), on_thread(json("{}"))), 1);
    for (int i = 0; i < 2; i++) {
      if (anew) {
        rig_down(&rig);
        rig_up(&rig);
      }
      assert_int_equal(rig_run(&rig, twice(&rig), answering(json(i == 0 ? "'a'" : "'b'"), false)), i == 0 ? 1 : 0);
      const char *ns = i == 0 ? fl_get_string(fl_at(rig.interrupts, 0), "ns", "") : "|1";
      assert_string_equal(ns + strlen(ns) - 2, "|1");
    }
    assert_json(rig_out(&rig, "log"), "['a','b']");
    rig_deinit(&rig);
  }
}

static int run_itself(struct fl_task *task, void *user) {
  struct fl_definition **itself = user;
  int rc = fl_task_call_graph_take(task, *itself, fl_object(), on_second, NULL);
  return rc < 0 ? rc : FL_PENDING;
}

static void a_graph_that_runs_itself_is_stopped(void **state) {
  struct rig rig = {0};
  rig_up(&rig);
  struct fl_definition *definition = NULL;
  struct fl_graph *graph = fl_graph_create("itself");
  fl_graph_node(graph, "again", run_itself, &definition, NULL);
  fl_graph_edge(graph, FL_START, "again");
  assert_int_equal(fl_graph_compile(graph, NULL, &definition, NULL), 0);
  assert_int_equal(rig_run(&rig, definition, on_thread(json("{}"))), FL_E_LIMIT);
  assert_non_null(strstr(rig.error.text, "a graph that calls itself?"));
  fl_definition_unref(definition);
  rig_deinit(&rig);
}

/* ---- what is stored ---- */

static void states_inside_are_shown_when_asked_for(void **state) {
  for (int i = 0; i < 2 * 2; i++) {
    enum fl_checkpoints checkpoints = i % 2 == 0 ? FL_CHECKPOINTS_INHERIT : FL_CHECKPOINTS_OWN;
    struct rig rig = {0};
    rig_up(&rig);
    struct fl_definition *graph = asking_graph(&rig, checkpoints, 2);
    assert_int_equal(rig_run(&rig, graph, on_thread(json("{}"))), 1);
    struct fl_thread_place place = {.size = sizeof place, .thread = "t", .definition = graph, .with_subgraphs = i < 2};
    FL_VALUE_AUTO shown = NULL;
    assert_int_equal(fl_thread_state(rig.runtime, &place, &shown, NULL), 0);
    assert_json(fl_get(fl_at(fl_get(shown, "interrupts"), 0), "value"), "'your name?'");
    const struct fl_value *outer = fl_get(fl_at(fl_get(shown, "tasks"), 0), "state");
    assert_int_equal(outer != NULL, i < 2);
    if (outer != NULL) {
      const struct fl_value *inner = fl_get(fl_at(fl_get(outer, "tasks"), 0), "state");
      assert_json(fl_get(fl_get(inner, "values"), "log"), "['first']");
      assert_json(fl_get(inner, "next"), "['ask']");
      assert_int_equal(strncmp(fl_get_string(inner, "ns", ""), fl_get_string(outer, "ns", "-"), 3), 0);
    }
    rig_deinit(&rig);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_graph_with_checkpoints_of_its_own_remembers),
      cmocka_unit_test(a_fork_finds_the_child_as_it_was),
      cmocka_unit_test(one_state_cannot_be_in_two_runs_at_once),
      cmocka_unit_test(a_run_that_stops_inside_goes_on_when_continued),
      cmocka_unit_test(followers_hear_of_the_inside_when_they_want_to),
      cmocka_unit_test(states_inside_are_shown_when_asked_for),
      cmocka_unit_test(only_inputs_and_outputs_are_shared),
      cmocka_unit_test(the_context_is_known_inside),
      cmocka_unit_test(a_node_in_c_runs_graphs),
      cmocka_unit_test(a_graph_that_runs_itself_is_stopped),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
