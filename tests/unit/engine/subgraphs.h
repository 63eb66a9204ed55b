/* SPDX-License-Identifier: MIT */
/* Graphs that the tests of graphs inside graphs have in common. */
#pragma once
#include "rig.h"

#define UNUSED __attribute__((unused))

UNUSED static struct fl_invoke_options on_thread(struct fl_value *input) {
  return (struct fl_invoke_options){.thread = "t", .input = input};
}

UNUSED static struct fl_invoke_options answering(struct fl_value *answer, bool is_map) {
  return (struct fl_invoke_options){.thread = "t", .resume = answer, .resume_is_map = is_map};
}

/* A graph whose only node `sub` runs `child`; channels as the child's tests need them. */
UNUSED static struct fl_definition *around(struct rig *rig, struct fl_definition *child,
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

UNUSED static const char doubling[] = "fairlead: 1\nname: doubling\nstate: { x: {}, own: { default: 1 } }\n"
                                      "nodes:\n  a: { type: set, write: { x: 'state.x * 2' } }\n"
                                      "  b: { type: set, write: { own: 'state.x + 1' } }\n"
                                      "edges: [ START -> a, a -> b, b -> END ]\n";

UNUSED static const char asking[] = "fairlead: 1\nname: asking\nstate: { log: { reducer: append }, answer: {} }\n"
                                    "nodes:\n  first: { type: set, write: { log: \"'first'\" } }\n"
                                    "  ask: { type: interrupt, value: \"'your name?'\", resume: answer }\n"
                                    "  last: { type: set, write: { log: \"'hello ' + state.answer\" } }\n"
                                    "edges: [ START -> first, first -> ask, ask -> last, last -> END ]\n";

/* How the process lives between the runs. */
enum life { SAME, ANEW, LIVES };

UNUSED static struct fl_definition *asking_graph(struct rig *rig, enum fl_checkpoints checkpoints, size_t depth) {
  struct fl_subgraph_options options = {.size = sizeof options, .checkpoints = checkpoints};
  struct fl_definition *graph = rig_load(rig, asking, NULL);
  for (size_t i = 0; i < depth; i++) graph = around(rig, graph, &options);
  return graph;
}
