/* SPDX-License-Identifier: MIT */
/* Where nodes go by themselves, through the whole engine: sends and gotos of graph files and of nodes in C. */
#include "rig.h"

#define HEAD \
  "fairlead: 1\nname: ways\nstate: { n: { default: 0 }, items: { reducer: append }, out: { reducer: append } }\n"
#define WORK "  work: { type: set, write: { out: 'state.item * 10' } }\n"

static const struct {
  const char *text, *input, *output; /* of `out`; "!" and a part of the error */
} rows[] = {
    {HEAD "nodes:\n  a: { type: set, write: { n: 1 } }\n" WORK
          "edges:\n  - START -> a\n  - { from: a, send: { to: work, for: state.items, as: item, else: END } }\n",
     "{'items':[1,2,3]}", "[10,20,30]"},
    {HEAD "nodes:\n" WORK "edges:\n  - { from: START, send: { to: work, for: state.items, as: item, else: END } }\n",
     "{'items':[3,2]}", "[30,20]"},
    {HEAD "nodes:\n  none: { type: set, write: { out: \"'none'\" } }\n" WORK
          "edges:\n  - { from: START, send: { to: work, for: state.items, as: item, else: none } }\n",
     "{}", "['none']"},
    {HEAD
     "nodes:\n  work: { type: set, write: { out: '{\"i\": state.item, \"f\": state.factor, \"n\": has(state.n)}' } }\n"
     "edges:\n  - { from: START, send: { to: work, for: state.items, as: item, with: { factor: 'item + state.n' }, "
     "else: END } }\n",
     "{'n':5,'items':[1]}", "[{'i':1,'f':6,'n':false}]"},
    {HEAD "nodes:\n  work: { type: set, write: { out: 'state.x' } }\n"
          "edges:\n  - { from: START, send: { to: work, with: { x: \"'once'\" } } }\n",
     "{}", "['once']"},
    {HEAD "nodes:\n  work: { type: set, write: { out: 'state.item' } }\n"
          "edges:\n  - { from: START, send: { to: work, for: state.n, as: item, else: END } }\n",
     "{}", "!not a list"},
    {HEAD "nodes:\n" WORK "edges:\n  - { from: START, send: { to: work, for: state.items, as: item, else: END } }\n",
     "{'items':['x']}", "!/write/out"},
    {HEAD "nodes:\n  a: { type: set, write: { n: 1 }, goto: [b, { to: c, when: 'state.n == 0' }, { to: d, when: "
          "'state.n == 1' }] }\n"
          "  b: { type: set, write: { out: \"'b'\" } }\n  c: { type: set, write: { out: \"'c'\" } }\n"
          "  d: { type: set, write: { out: \"'d'\" } }\nedges: [ START -> a ]\n",
     "{}", "['b','c']"}, /* conditions are of the state that the node saw */
    {HEAD "nodes:\n  a: { type: set, goto: [{ to: work, for: state.items, as: item }, { to: work, with: { item: 7 }, "
          "when: 'true' }] }\n" WORK "edges: [ START -> a ]\n",
     "{'items':[1]}", "[10,70]"},
    {HEAD "nodes:\n  a: { type: set, goto: b, write: { out: \"'a'\" } }\n  b: { type: set, write: { out: \"'b'\" } }\n"
          "  c: { type: set, write: { out: \"'c'\" } }\nedges: [ START -> a, a -> c ]\n",
     "{}", "['a','b','c']"},
    {HEAD "nodes:\n  a: { type: set, goto: END, write: { out: \"'a'\" } }\nedges: [ START -> a ]\n", "{}", "['a']"},
    {HEAD "nodes:\n  a: { type: set, write: { n: 1 }, goto: there, graph: parent }\nedges: [ START -> a ]\n", "{}",
     "!not inside another"},
    {HEAD "nodes:\n  a: { type: set, write: { n: 'state.n + 1', out: 'run.step' }, goto: { to: a, when: "
          "'!run.is_last_step' } }\n"
          "edges: [ START -> a ]\nrecursion_limit: 5\n",
     "{}", "[1,2,3,4]"}, /* stops by itself before the limit does */
    {HEAD "nodes:\n  a: { type: set, write: { out: '[run.remaining_steps]' } }\n  b: { type: set, write: { out: "
          "'[run.remaining_steps]' } }\n"
          "edges: [ START -> a -> b ]\nrecursion_limit: 9\n",
     "{}", "[8,7]"},
    {HEAD "nodes:\n  fan: { type: set, goto: [{ to: work, for: state.items, as: item }, sum] }\n" WORK
          "  sum: { type: set, defer: true, write: { out: 'size(state.out)' } }\nedges: [ START -> fan ]\n",
     "{'items':[1,2,3]}", "[10,20,30,3]"},
};

static void ways_of_graph_files(void **state) {
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct rig rig = {0};
    rig_up(&rig);
    struct fl_invoke_options options = {.thread = "t", .input = json(rows[i].input)};
    int rc = rig_run(&rig, rig_load(&rig, rows[i].text, NULL), options);
    bool is_right = rows[i].output[0] == '!'
                        ? rc < 0 && strstr(rig.error.text, rows[i].output + 1) != NULL
                        : rc == 0 && strcmp(text_of(rig_out(&rig, "out")), text_of_json(rows[i].output)) == 0;
    if (!is_right) fail_msg("row %zu: %d %s, out %s", i, rc, rig.error.text, text_of(rig_out(&rig, "out")));
    rig_deinit(&rig);
  }
}

/* ---- nodes in C ---- */

static int fan(struct fl_task *task, void *user) {
  const char *mode = user;
  if (strcmp(mode, "end") == 0) return fl_task_send_take(task, FL_END, NULL);
  if (strcmp(mode, "unknown") == 0) return fl_task_goto(task, "wrk");
  if (strcmp(mode, "undeclared") == 0) return fl_task_goto(task, "fan");
  for (int i = 0; i < 3; i++) {
    int rc = fl_task_send_take(task, "work", fl_int(i));
    if (rc < 0) return rc;
  }
  assert_null(fl_task_arg(task));
  int rc = fl_task_goto(task, FL_END);
  return rc < 0 ? rc : FL_DONE;
}

static int work(struct fl_task *task, void *user) {
  return fl_task_write_take(task, "out", fl_int(fl_as_int(fl_task_arg(task), -1) * 2));
}

static const char *run_fan(struct rig *rig, const char *mode) {
  struct fl_graph *graph = fl_graph_create("fan");
  fl_graph_channel(graph, "out",
                   &(struct fl_channel_options){.size = sizeof(struct fl_channel_options), .reducer = FL_APPEND});
  struct fl_node_options options = {.size = sizeof options, .destinations = (const char *const[]){"work", NULL}};
  fl_graph_node(graph, "fan", fan, (void *)mode, &options);
  fl_graph_node(graph, "work", work, NULL, NULL);
  fl_graph_edge(graph, FL_START, "fan");
  struct fl_definition *definition = NULL;
  struct fl_error err;
  assert_int_equal(fl_graph_compile(graph, NULL, &definition, &err), 0);
  int rc = rig_run(rig, definition, (struct fl_invoke_options){.thread = "t", .input = json("{}")});
  fl_definition_unref(definition);
  return rc < 0 ? rig->error.text : text_of(rig_out(rig, "out"));
}

static void ways_of_nodes_in_c(void **state) {
  static const struct {
    const char *mode;
    const char *says;
  } modes[] = {{"", "[0,2,4]"},
               {"end", "sends to END"},
               {"unknown", "did you mean \"work\"?"},
               {"undeclared", "not among its declared destinations"}};
  for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
    struct rig rig = {0};
    rig_up(&rig);
    const char *said = run_fan(&rig, modes[i].mode);
    if (strstr(said, modes[i].says) == NULL) fail_msg("%s: %s", modes[i].mode, said);
    rig_deinit(&rig);
  }
}

/* ---- crashes ---- */

/* The process dies in the tool of one of the sends: what the others did is not done again. */
static void a_crash_among_sends(void **state) {
  static const char text[] =
      HEAD "mcpServers: {}\nnodes:\n  work: { type: tool, tool: t/crash, args: { text: state.item }, write: out }\n"
           "effects: { 't/*': read }\n"
           "edges:\n  - { from: START, send: { to: work, for: state.items, as: item, else: END } }\n";
  struct rig rig = {.crashes_left = 1};
  rig_up(&rig);
  struct fl_invoke_options options = {.thread = "t", .input = json("{'items':['a','b','c']}")};
  rig_start(&rig, rig_load(&rig, text, NULL), options);
  rig_turn(&rig);
  assert_false(rig.is_over);
  rig_down(&rig);
  rig_up(&rig);
  assert_int_equal(rig_run(&rig, rig_load(&rig, text, NULL), (struct fl_invoke_options){.thread = "t"}), 0);
  assert_json(rig_out(&rig, "out"), "['a','b','c']");
  rig_deinit(&rig);
}

/* ---- commands from outside ---- */

static const char asks[] = HEAD "nodes:\n  ask: { type: interrupt, value: \"'which?'\", resume: n }\n  work: { type: "
                                "set, write: { out: state.n } }\n"
                                "  side: { type: set, write: { out: \"'side'\" } }\n"
                                "edges: [ START -> ask, ask -> work, START -> side ]\n";

static void a_command_joins_what_waits(void **state) {
  struct rig rig = {0};
  rig_up(&rig);
  struct fl_definition *definition = rig_load(&rig, asks, NULL);
  assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.thread = "t", .input = json("{}")}), 1);
  FL_VALUE_AUTO update = json("{'out':'told'}");
  struct fl_invoke_options command = {
      .thread = "t", .update = update, .goto_nodes = (const char *const[]){"side", NULL}};
  assert_int_equal(rig_run(&rig, definition, command), 1);
  assert_json(rig_out(&rig, "out"), "['told','side']");
  rig_down(&rig); /* what was told is on disk */
  rig_up(&rig);
  definition = rig_load(&rig, asks, NULL);
  struct fl_invoke_options answer = {.thread = "t", .resume = json("5"), .update = update};
  assert_int_equal(rig_run(&rig, definition, answer), 0);
  assert_json(rig_out(&rig, "out"), "['told','told','side',5]");
  rig_deinit(&rig);
}

static void commands_that_are_refused(void **state) {
  struct rig rig = {0};
  rig_up(&rig);
  struct fl_definition *definition = rig_load(&rig, asks, NULL);
  FL_VALUE_AUTO update = json("{'out':1}");
  struct fl_error err = {0};
  struct fl_invocation *invocation = NULL;
  FL_VALUE_AUTO input = json("{}");
  struct fl_invoke_options both = {.size = sizeof both, .input = input, .update = update};
  assert_int_equal(fl_invocation_create(rig.runtime, definition, &both, &invocation, &err), FL_E_INVALID);
  assert_non_null(strstr(err.text, "not both"));
  struct fl_invoke_options unknown = {.thread = "t", .goto_nodes = (const char *const[]){"sied", NULL}};
  assert_int_equal(rig_run(&rig, definition, unknown), FL_E_NOT_FOUND);
  assert_non_null(strstr(rig.error.text, "did you mean \"side\"?"));
  rig_deinit(&rig);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ways_of_graph_files),       cmocka_unit_test(ways_of_nodes_in_c),
      cmocka_unit_test(a_crash_among_sends),       cmocka_unit_test(a_command_joins_what_waits),
      cmocka_unit_test(commands_that_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
