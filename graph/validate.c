/* SPDX-License-Identifier: MIT */
/* Everything that can be wrong with a graph, found in one pass: names, edges that lead nowhere, nodes that nothing
 * leads to, defaults that their reducer or schema does not take. Each line says what to write instead where that can be
 * known. Pure. */
#include "graph/builder.h"

#include "runtime/base/diag.h"
#include "runtime/base/mem.h"

#include <stdio.h>

/* The graph with its names in maps, for the length of a validation. */
struct check {
  const struct fl_graph *graph;
  struct fl_problems *problems;
  struct fl_map nodes; /* name -> index + 1 */
  const char **node_names;
  bool *reached;
  size_t *queue;
  size_t queue_count;
};

static const char *suggestion(const char *name, const char *const *names, size_t count,
                              char ret_text[FL_GRAPH_NAME_SIZE_MAX + 32]) {
  const char *nearest = fl_nearest(name, names, count);
  ret_text[0] = '\0';
  if (nearest != NULL) snprintf(ret_text, FL_GRAPH_NAME_SIZE_MAX + 32, "; did you mean \"%s\"?", nearest);
  return ret_text;
}

static bool has_any(const char *name, const char *unwanted) {
  for (const char *c = name; *c != '\0'; c++)
    if ((unsigned char)*c < 0x20 || strchr(unwanted, *c) != NULL) return true;
  return false;
}

/* Control characters and the signs that namespaces and hidden channels are made of. */
static void check_name(struct check *check, const char *what, const char *name, const char *unwanted) {
  if (name[0] == '\0') fl_problems_add(check->problems, "a %s has no name", what);
  else if (strlen(name) > FL_GRAPH_NAME_SIZE_MAX)
    fl_problems_add(check->problems, "the name of %s \"%.40s…\" is longer than %d bytes", what, name,
                    FL_GRAPH_NAME_SIZE_MAX);
  else if (has_any(name, unwanted))
    fl_problems_add(check->problems, "the name of %s \"%s\" must not hold control characters or any of \"%s\"", what,
                    name, unwanted);
  else if (strncmp(name, "__", 2) == 0)
    fl_problems_add(check->problems, "the name of %s \"%s\" must not begin with \"__\": such names are reserved", what,
                    name);
}

/* ---- channels ---- */

static bool reducer_takes(enum fl_reducer reducer, const struct fl_value *value) {
  switch (reducer) {
  case FL_LAST:
  case FL_UNTRACKED:
  case FL_CUSTOM: return true;
  case FL_ANY:
  case FL_EPHEMERAL: return false;
  case FL_TOPIC:
  case FL_APPEND:
  case FL_MESSAGES: return fl_is(value, FL_ARRAY);
  case FL_SUM: return fl_is_number(value) || fl_is(value, FL_STRING) || fl_is(value, FL_ARRAY);
  case FL_AND:
  case FL_OR: return fl_is(value, FL_BOOL);
  case FL_MIN:
  case FL_MAX: return fl_is_number(value) || fl_is(value, FL_STRING);
  case FL_MERGE: return fl_is(value, FL_OBJECT);
  }
  return false;
}

static void check_default(struct check *check, const struct fl_channel_def *channel) {
  struct fl_value *value = channel->default_value;
  if (value == NULL) return;
  if (fl_channel_fades(channel)) {
    fl_problems_add(
        check->problems,
        "channel \"%s\" has a default, but its reducer %s holds nothing unless a superstep writes it: leave the "
        "default out",
        channel->name, fl_reducer_name(channel->reducer));
    return;
  }
  if (!reducer_takes(channel->reducer, value)) {
    fl_problems_add(check->problems,
                    "the default of channel \"%s\" is of type %s, which its reducer %s cannot start from",
                    channel->name, fl_type_name(fl_type_of(value)), fl_reducer_name(channel->reducer));
    return;
  }
  if (channel->schema == NULL) return;
  struct fl_schema_result result = {0};
  if (fl_schema_validate(channel->schema, value, &result) != 0) {
    FL_BUF_AUTO text = {0};
    fl_schema_result_text(&result, &text);
    fl_problems_add(check->problems, "the default of channel \"%s\" does not satisfy its schema: %s", channel->name,
                    text.size > 0 ? text.data : "too large to check");
  }
  fl_schema_result_deinit(&result);
}

/* Keywords that say nothing about the list as a whole: with only these, new elements are checked and not the whole
 * list. */
static bool speaks_of_items_only(const struct fl_value *schema) {
  static const char *const harmless[] = {"type",    "items",    "title",   "description",
                                         "default", "examples", "$schema", "$comment"};
  if (!fl_is(schema, FL_OBJECT)) return false;
  struct fl_member member = {0};
  while (fl_next_member(schema, &member)) {
    bool known = false;
    for (size_t i = 0; i < sizeof harmless / sizeof harmless[0] && !known; i++)
      known = strcmp(member.key, harmless[i]) == 0;
    if (!known) return false;
  }
  return !fl_is(fl_get(schema, "items"), FL_ARRAY);
}

static bool type_allows_array(const struct fl_value *type) {
  if (type == NULL) return true;
  const char *name = fl_as_string(type);
  if (name != NULL) return strcmp(name, "array") == 0;
  for (size_t i = 0; i < fl_size(type); i++)
    if (fl_as_string(fl_at(type, i)) != NULL && strcmp(fl_as_string(fl_at(type, i)), "array") == 0) return true;
  return false;
}

static void compile_item_schema(struct check *check, struct fl_channel_def *channel) {
  if (!type_allows_array(fl_get(channel->schema_value, "type"))) {
    fl_problems_add(check->problems, "channel \"%s\" holds a list (reducer %s), but its schema does not allow an array",
                    channel->name, fl_reducer_name(channel->reducer));
    return;
  }
  channel->checks_items = speaks_of_items_only(channel->schema_value);
  struct fl_value *items = fl_get(channel->schema_value, "items");
  if (!channel->checks_items || items == NULL) return;
  struct fl_error err;
  if (fl_schema_create(items, NULL, &channel->item_schema, &err) < 0) channel->checks_items = false;
}

static void compile_schema(struct check *check, struct fl_channel_def *channel) {
  if (channel->schema_value == NULL) return;
  struct fl_error err;
  if (fl_schema_create(channel->schema_value, NULL, &channel->schema, &err) < 0)
    fl_problems_add(check->problems, "the schema of channel \"%s\": %s", channel->name, err.text);
  else if (fl_reducer_makes_list(channel->reducer)) compile_item_schema(check, channel);
}

static void check_channels(struct check *check, struct fl_graph *graph) {
  struct fl_map seen = {0};
  if (graph->channel_count > FL_GRAPH_CHANNELS_MAX)
    fl_problems_add(check->problems, "there are %zu channels; the limit is %d", graph->channel_count,
                    FL_GRAPH_CHANNELS_MAX);
  for (size_t i = 0; i < graph->channel_count; i++) {
    struct fl_channel_def *channel = &graph->channels[i];
    check_name(check, "channel", channel->name, ":");
    if (fl_map_set(&seen, channel->name, channel) != NULL)
      fl_problems_add(check->problems, "channel \"%s\" is declared twice", channel->name);
    if (channel->reducer == FL_CUSTOM && channel->reduce == NULL)
      fl_problems_add(check->problems, "channel \"%s\" has a reducer of its own, but no function", channel->name);
    compile_schema(check, channel);
    check_default(check, channel);
  }
  fl_map_deinit(&seen);
}

/* ---- nodes and edges ---- */

static void check_nodes(struct check *check) {
  const struct fl_graph *graph = check->graph;
  if (graph->node_count == 0) fl_problems_add(check->problems, "there are no nodes");
  if (graph->node_count > FL_GRAPH_NODES_MAX)
    fl_problems_add(check->problems, "there are %zu nodes; the limit is %d", graph->node_count, FL_GRAPH_NODES_MAX);
  for (size_t i = 0; i < graph->node_count; i++) {
    const struct fl_node_def *node = &graph->nodes[i];
    if (fl_is_start(node->name) || fl_is_end(node->name))
      fl_problems_add(check->problems, "a node must not be named \"%s\": the name is reserved", node->name);
    check_name(check, "node", node->name, ":|+*");
    if (fl_map_get(&check->nodes, node->name) != NULL)
      fl_problems_add(check->problems, "node \"%s\" is defined twice", node->name);
    else fl_map_set(&check->nodes, node->name, (void *)(uintptr_t)(i + 1));
    if (strcmp(node->type, "c") == 0 && node->run == NULL && node->config == NULL)
      fl_problems_add(check->problems, "node \"%s\" has no function", node->name);
    check->node_names[i] = node->name;
  }
}

static bool knows_node(const struct check *check, const char *name) { return fl_map_get(&check->nodes, name) != NULL; }

static void unknown_node(struct check *check, const char *name, const char *where) {
  char hint[FL_GRAPH_NAME_SIZE_MAX + 32];
  fl_problems_add(check->problems, "%s names the unknown node \"%s\"%s", where, name,
                  suggestion(name, check->node_names, check->graph->node_count, hint));
}

static void check_source(struct check *check, const char *name, const char *where) {
  if (fl_is_end(name)) fl_problems_add(check->problems, "%s starts at END, from where nothing leads on", where);
  else if (!fl_is_start(name) && !knows_node(check, name)) unknown_node(check, name, where);
}

static void check_target(struct check *check, const char *name, const char *where) {
  if (fl_is_start(name)) fl_problems_add(check->problems, "%s leads to START, to where nothing leads back", where);
  else if (!fl_is_end(name) && !knows_node(check, name)) unknown_node(check, name, where);
}

/* Names of channels, in a list of the graph's or of a node's. */
static void check_channel_names(struct check *check, const char *const *names, bool may_be_private, const char *where) {
  const struct fl_graph *graph = check->graph;
  FL_FREE_AUTO const char **known = fl_new_array(const char *, graph->channel_count);
  for (size_t i = 0; i < graph->channel_count; i++) known[i] = graph->channels[i].name;
  for (size_t i = 0; names != NULL && names[i] != NULL; i++) {
    size_t place = 0;
    while (place < graph->channel_count && strcmp(graph->channels[place].name, names[i]) != 0) place++;
    char hint[FL_GRAPH_NAME_SIZE_MAX + 32];
    if (place == graph->channel_count)
      fl_problems_add(check->problems, "%s names the unknown channel \"%s\"%s", where, names[i],
                      suggestion(names[i], known, graph->channel_count, hint));
    else if (graph->channels[place].is_private && !may_be_private)
      fl_problems_add(check->problems, "%s names channel \"%s\", which is private", where, names[i]);
  }
}

static void check_node_inputs(struct check *check) {
  for (size_t i = 0; i < check->graph->node_count; i++) {
    const struct fl_node_def *node = &check->graph->nodes[i];
    FL_FREE_AUTO char *where = fl_format("the input of node \"%s\"", node->name);
    check_channel_names(check, (const char *const *)node->input_names, true, where);
  }
}

static void check_edges(struct check *check) {
  const struct fl_graph *graph = check->graph;
  for (size_t i = 0; i < graph->edge_count; i++) {
    FL_FREE_AUTO char *where = fl_format("the edge \"%s -> %s\"", graph->edges[i].from, graph->edges[i].to);
    check_source(check, graph->edges[i].from, where);
    check_target(check, graph->edges[i].to, where);
  }
}

static void check_joins(struct check *check) {
  for (size_t i = 0; i < check->graph->join_count; i++) {
    const struct fl_join_spec *join = &check->graph->joins[i];
    FL_FREE_AUTO char *where = fl_format("the join that leads to \"%s\"", join->to);
    if (join->from.count == 0) fl_problems_add(check->problems, "%s waits for nothing", where);
    for (size_t j = 0; j < join->from.count; j++) {
      if (fl_is_start(join->from.items[j]))
        fl_problems_add(check->problems, "%s waits for START, which has always run: leave it out", where);
      else check_source(check, join->from.items[j], where);
      for (size_t k = 0; k < j; k++)
        if (strcmp(join->from.items[j], join->from.items[k]) == 0)
          fl_problems_add(check->problems, "%s names \"%s\" twice", where, join->from.items[j]);
    }
    if (fl_is_end(join->to))
      fl_problems_add(check->problems, "%s leads to END, which waits for every path anyway: use edges", where);
    else check_target(check, join->to, where);
  }
}

static void check_send(struct check *check, const struct fl_send_def *send, const char *where) {
  if (fl_is_end(send->node)) fl_problems_add(check->problems, "%s sends to END, where nothing runs", where);
  else check_target(check, send->node, where);
  for (size_t i = 0; i < send->otherwise_count; i++) check_target(check, send->otherwise[i], where);
}

/* What is for the graph above is checked when that graph takes it. */
static void check_ways(struct check *check) {
  for (size_t i = 0; i < check->graph->node_count; i++) {
    const struct fl_node_def *node = &check->graph->nodes[i];
    FL_FREE_AUTO char *where = fl_format("node \"%s\", which goes by itself,", node->name);
    for (size_t j = 0; j < node->way_count && !node->is_for_parent; j++) {
      for (size_t k = 0; k < node->ways[j].target_count; k++) check_target(check, node->ways[j].targets[k], where);
      if (node->ways[j].send != NULL) check_send(check, node->ways[j].send, where);
    }
    for (size_t j = 0; node->destinations != NULL && node->destinations[j] != NULL; j++)
      check_target(check, node->destinations[j], where);
  }
}

static void check_branches(struct check *check) {
  for (size_t i = 0; i < check->graph->branch_count; i++) {
    const struct fl_branch_spec *branch = &check->graph->branches[i];
    FL_FREE_AUTO char *where = fl_format("the branch after \"%s\"", branch->from);
    check_source(check, branch->from, where);
    if (branch->choose == NULL && branch->arm_count == 0)
      fl_problems_add(check->problems, "%s has no way to go", where);
    for (size_t j = 0; j < branch->targets.count; j++) check_target(check, branch->targets.items[j], where);
    for (size_t j = 0; j < branch->arm_count; j++) {
      const struct fl_arm_spec *arm = &branch->arms[j];
      for (size_t k = 0; k < arm->targets.count; k++) check_target(check, arm->targets.items[k], where);
      if (arm->send != NULL) check_send(check, arm->send, where);
      if (arm->when == NULL && j + 1 < branch->arm_count)
        fl_problems_add(check->problems, "%s: way %zu has no condition, so that the ways after it are never taken",
                        where, j + 1);
    }
  }
}

/* ---- reachability ---- */

static void reach(struct check *check, const char *name) {
  uintptr_t place = (uintptr_t)fl_map_get(&check->nodes, name);
  if (place == 0 || check->reached[place - 1]) return;
  check->reached[place - 1] = true;
  check->queue[check->queue_count++] = place - 1;
}

static void reach_names(struct check *check, const struct fl_names *names) {
  for (size_t i = 0; i < names->count; i++) reach(check, names->items[i]);
}

/* A node that handles another's errors runs in its place. */
static void reach_handler(struct check *check, const char *from) {
  uintptr_t place = (uintptr_t)fl_map_get(&check->nodes, from);
  const struct fl_node_policy *policy = place > 0 ? &check->graph->nodes[place - 1].policy : NULL;
  if (policy != NULL && policy->on_error != NULL) reach(check, policy->on_error);
}

static void reach_send(struct check *check, const struct fl_send_def *send) {
  reach(check, send->node);
  for (size_t i = 0; i < send->otherwise_count; i++) reach(check, send->otherwise[i]);
}

static void reach_ways(struct check *check, const struct fl_node_def *node) {
  for (size_t i = 0; i < node->way_count; i++) {
    for (size_t j = 0; j < node->ways[i].target_count; j++) reach(check, node->ways[i].targets[j]);
    if (node->ways[i].send != NULL) reach_send(check, node->ways[i].send);
  }
}

/* Where a node goes by itself, or a node of the graph that it runs goes in its place. A function that a graph file
 * names may go anywhere; in C there are destinations. */
static void reach_by_itself(struct check *check, const struct fl_node_def *node) {
  const struct fl_definition *inside = node->subgraph;
  if (!node->is_for_parent) reach_ways(check, node);
  for (size_t i = 0; inside != NULL && i < inside->node_count; i++)
    if (inside->nodes[i].is_for_parent) reach_ways(check, &inside->nodes[i]);
  for (size_t i = 0; node->destinations != NULL && node->destinations[i] != NULL; i++)
    reach(check, node->destinations[i]);
  bool is_of_file = strcmp(node->type, "c") == 0 && node->run == NULL && node->destinations == NULL;
  for (size_t i = 0; is_of_file && i < check->graph->node_count; i++) reach(check, check->graph->nodes[i].name);
}

static void reach_from(struct check *check, const char *from) {
  const struct fl_graph *graph = check->graph;
  reach_handler(check, from);
  for (size_t i = 0; i < graph->edge_count; i++)
    if (strcmp(graph->edges[i].from, from) == 0) reach(check, graph->edges[i].to);
  for (size_t i = 0; i < graph->join_count; i++)
    for (size_t j = 0; j < graph->joins[i].from.count; j++)
      if (strcmp(graph->joins[i].from.items[j], from) == 0) reach(check, graph->joins[i].to);
  for (size_t i = 0; i < graph->branch_count; i++) {
    const struct fl_branch_spec *branch = &graph->branches[i];
    if (strcmp(branch->from, from) != 0) continue;
    reach_names(check, &branch->targets);
    for (size_t j = 0; j < branch->arm_count; j++) {
      reach_names(check, &branch->arms[j].targets);
      if (branch->arms[j].send != NULL) reach_send(check, branch->arms[j].send);
    }
    if (branch->choose != NULL && branch->targets.count == 0)
      for (size_t j = 0; j < graph->node_count; j++) reach(check, graph->nodes[j].name);
  }
}

static bool leads_from(const struct fl_graph *graph, const char *from) {
  for (size_t i = 0; i < graph->edge_count; i++)
    if (strcmp(graph->edges[i].from, from) == 0) return true;
  for (size_t i = 0; i < graph->branch_count; i++)
    if (strcmp(graph->branches[i].from, from) == 0) return true;
  return false;
}

static void check_reachability(struct check *check) {
  const struct fl_graph *graph = check->graph;
  if (!leads_from(graph, FL_START)) {
    fl_problems_add(check->problems, "nothing leads from START: add an edge from START to the first node");
    return;
  }
  reach_from(check, FL_START);
  for (size_t i = 0; i < check->queue_count; i++) {
    reach_from(check, graph->nodes[check->queue[i]].name);
    reach_by_itself(check, &graph->nodes[check->queue[i]]);
  }
  for (size_t i = 0; i < graph->node_count; i++)
    if (!check->reached[i] && (uintptr_t)fl_map_get(&check->nodes, graph->nodes[i].name) == i + 1)
      fl_problems_add(
          check->problems, "node \"%s\" cannot be reached from START: add an edge to it%s", graph->nodes[i].name,
          graph->nodes[i].run != NULL ? ", or name it in the destinations of the node that goes there" : "");
}

static void check_interrupts(struct check *check, const char *const *names, const char *where) {
  for (size_t i = 0; names != NULL && names[i] != NULL; i++)
    if (strcmp(names[i], "*") != 0 && !knows_node(check, names[i])) unknown_node(check, names[i], where);
}

void fl_graph_validate(struct fl_graph *graph, const struct fl_compile_options *options, struct fl_problems *problems) {
  struct check check = {.graph = graph, .problems = problems};
  check.node_names = fl_new_array(const char *, graph->node_count);
  check.reached = fl_new_array(bool, graph->node_count);
  check.queue = fl_new_array(size_t, graph->node_count);
  check_channels(&check, graph);
  check_nodes(&check);
  fl_graph_check_subgraphs(graph, problems);
  check_node_inputs(&check);
  check_channel_names(&check, fl_option(options, input, NULL), false, "the graph's input");
  check_channel_names(&check, fl_option(options, output, NULL), false, "the graph's output");
  check_edges(&check);
  check_joins(&check);
  check_branches(&check);
  check_ways(&check);
  fl_graph_check_policies(graph, options, problems);
  if (problems->count == 0) check_reachability(&check);
  check_interrupts(&check, fl_option(options, interrupt_before, NULL), "interrupt_before");
  check_interrupts(&check, fl_option(options, interrupt_after, NULL), "interrupt_after");
  fl_map_deinit(&check.nodes);
  fl_free(check.node_names);
  fl_free(check.reached);
  fl_free(check.queue);
}
