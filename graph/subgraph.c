/* SPDX-License-Identifier: MIT */
/* Nodes that run a graph, as the builder collects and checks them. Pure. */
#include "graph/builder.h"

#include "runtime/base/diag.h"
#include "runtime/base/mem.h"
#include "runtime/json/json.h"

void fl_graph_set_subgraph(struct fl_graph *graph, struct fl_definition *definition, enum fl_checkpoints checkpoints) {
  struct fl_node_def *node = fl_graph_last_node(graph);
  node->subgraph = definition != NULL ? fl_definition_ref(definition) : NULL;
  node->checkpoints = checkpoints;
}

void fl_graph_subgraph(struct fl_graph *graph, const char *name, struct fl_definition *definition,
                       const struct fl_subgraph_options *options) {
  struct fl_value *config = fl_object();
  struct fl_value *input = fl_option(options, input, NULL), *output = fl_option(options, output, NULL);
  if (input != NULL) fl_set_take(config, "input", fl_value_ref(input));
  if (output != NULL) fl_set_take(config, "output", fl_value_ref(output));
  fl_graph_typed_node_take(graph, name != NULL ? name : "", "graph", fl_option(options, description, NULL), config,
                           NULL);
  fl_graph_set_subgraph(graph, definition, fl_option(options, checkpoints, FL_CHECKPOINTS_INHERIT));
}

/* ---- checks ---- */

static bool has_channel(const struct fl_graph *graph, const char *name) {
  for (size_t i = 0; i < graph->channel_count; i++)
    if (strcmp(graph->channels[i].name, name) == 0) return true;
  return false;
}

static bool child_has_channel(const struct fl_definition *child, const char *name) {
  ptrdiff_t index = fl_definition_channel(child, name);
  return index >= 0 && (size_t)index < child->state_channel_count;
}

/* One member of `input` or `output`; those of a graph file are compiled by then. */
static void check_expr(struct fl_node_def *node, const char *group, const struct fl_member *member,
                       struct fl_problems *problems) {
  FL_BUF_AUTO pointer = {0};
  fl_json_pointer_add(&pointer, fl_slice_of(group));
  fl_json_pointer_add(&pointer, fl_slice_of(member->key));
  if (fl_map_get(&node->exprs, pointer.data) != NULL) return;
  struct fl_expr *expr = NULL;
  struct fl_error err = {0};
  const char *text = fl_as_string(member->value);
  if (text == NULL)
    fl_problems_add(problems, "node \"%s\": %s must be an expression, which is a text", node->name, pointer.data);
  else if (fl_expr_create(fl_slice_of(text), &expr, &err) < 0)
    fl_problems_add(problems, "node \"%s\": the expression at %s is not valid: %s", node->name, pointer.data, err.text);
  else fl_map_set(&node->exprs, pointer.data, expr);
}

static void check_mapping(const struct fl_graph *graph, struct fl_node_def *node, struct fl_problems *problems) {
  for (struct fl_member m = {0}; fl_next_member(fl_get(node->config, "input"), &m);) {
    check_expr(node, "input", &m, problems);
    if (child_has_channel(node->subgraph, m.key)) continue;
    const char *nearest = fl_definition_nearest_channel(node->subgraph, m.key);
    fl_problems_add(problems, "node \"%s\": its graph \"%s\" has no channel \"%s\" to take an input%s%s%s", node->name,
                    node->subgraph->name, m.key, nearest != NULL ? "; did you mean \"" : "",
                    nearest != NULL ? nearest : "", nearest != NULL ? "\"?" : "");
  }
  for (struct fl_member m = {0}; fl_next_member(fl_get(node->config, "output"), &m);) {
    check_expr(node, "output", &m, problems);
    if (!has_channel(graph, m.key))
      fl_problems_add(problems, "node \"%s\": there is no channel \"%s\" to take an output of its graph", node->name,
                      m.key);
  }
}

/* Where a node inside goes in this graph: a node of it, or END. */
static void check_goal(const struct fl_graph *graph, const struct fl_node_def *node, const char *goal,
                       struct fl_problems *problems) {
  FL_FREE_AUTO const char **names = fl_new_array(const char *, graph->node_count);
  if (fl_is_end(goal)) return;
  for (size_t i = 0; i < graph->node_count; i++) {
    names[i] = graph->nodes[i].name;
    if (strcmp(names[i], goal) == 0) return;
  }
  const char *nearest = fl_nearest(goal, names, graph->node_count);
  fl_problems_add(problems, "node \"%s\": its graph \"%s\" goes to the node \"%s\" here, which there is not%s%s%s",
                  node->name, node->subgraph->name, goal, nearest != NULL ? "; did you mean \"" : "",
                  nearest != NULL ? nearest : "", nearest != NULL ? "\"?" : "");
}

static void check_goals(const struct fl_graph *graph, const struct fl_node_def *node, struct fl_problems *problems) {
  for (size_t i = 0; i < node->subgraph->node_count; i++) {
    const struct fl_node_def *inside = &node->subgraph->nodes[i];
    for (size_t j = 0; j < inside->way_count && inside->is_for_parent; j++) {
      const struct fl_way_def *way = &inside->ways[j];
      for (size_t k = 0; k < way->target_count; k++) check_goal(graph, node, way->targets[k], problems);
      if (way->send != NULL) check_goal(graph, node, way->send->node, problems);
    }
  }
}

void fl_graph_check_subgraphs(struct fl_graph *graph, struct fl_problems *problems) {
  for (size_t i = 0; i < graph->node_count; i++) {
    struct fl_node_def *node = &graph->nodes[i];
    if (strcmp(node->type, "graph") != 0) continue;
    if (node->subgraph == NULL) fl_problems_add(problems, "node \"%s\" has no graph to run", node->name);
    else if (node->subgraph->depth >= FL_GRAPH_DEPTH_MAX)
      fl_problems_add(problems, "node \"%s\": graphs stand inside one another more than %d deep", node->name,
                      FL_GRAPH_DEPTH_MAX);
    else {
      check_mapping(graph, node, problems);
      check_goals(graph, node, problems);
    }
  }
}
