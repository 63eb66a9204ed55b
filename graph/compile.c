/* SPDX-License-Identifier: MIT */
/* From a graph that was found to be right to its definition: names become indices, edges become hidden channels. Pure.
 *
 * Channels stand in this order: the declared ones, "branch:to:NODE" for each node in node order, "join:A+B:NODE" for
 * each join, "__tasks__". So the trigger channel of node i is state_channel_count + i. */
#include "graph/builder.h"

#include "runtime/base/check.h"
#include "runtime/base/id.h"
#include "runtime/base/mem.h"
#include "runtime/json/json.h"

static void push_index(size_t **items, size_t *count, size_t index) {
  for (size_t i = 0; i < *count; i++)
    if ((*items)[i] == index) return;
  *items = fl_realloc(*items, (*count + 1) * sizeof **items);
  (*items)[(*count)++] = index;
}

static size_t target_index(const struct fl_definition *definition, const char *name) {
  if (fl_is_end(name)) return FL_NODE_END;
  ptrdiff_t index = fl_definition_node(definition, name);
  fl_check(index >= 0);
  return (size_t)index;
}

/* ---- channels and nodes ---- */

static void move_channels(struct fl_graph *graph, struct fl_definition *definition) {
  size_t room = graph->channel_count + graph->node_count + graph->join_count + 1;
  definition->channels = fl_new_array(struct fl_channel_def, room);
  if (graph->channel_count > 0)
    memcpy(definition->channels, graph->channels, graph->channel_count * sizeof *graph->channels);
  definition->channel_count = definition->state_channel_count = graph->channel_count;
  graph->channel_count = 0;
  for (size_t i = 0; i < definition->channel_count; i++)
    fl_map_set(&definition->channel_index, definition->channels[i].name, (void *)(uintptr_t)(i + 1));
}

/* What a folding channel starts from when its schema names one type and nothing else is said; NULL: the first value.
 * The zeros of and, min and max would decide the result, so they have none. */
static struct fl_value *zero_of(const struct fl_channel_def *channel) {
  const char *type = fl_as_string(fl_get(channel->schema_value, "type"));
  if (type == NULL) return NULL;
  bool is_number = strcmp(type, "integer") == 0 || strcmp(type, "number") == 0;
  if (channel->reducer == FL_SUM && is_number) return fl_int(0);
  if (channel->reducer == FL_SUM && strcmp(type, "string") == 0) return fl_string("");
  if (channel->reducer == FL_SUM && strcmp(type, "array") == 0) return fl_array();
  if (channel->reducer == FL_OR && strcmp(type, "boolean") == 0) return fl_bool(false);
  if (channel->reducer == FL_MERGE && strcmp(type, "object") == 0) return fl_object();
  return NULL;
}

static void give_zero(struct fl_channel_def *channel) {
  if (channel->default_value != NULL || !fl_is(channel->schema_value, FL_OBJECT)) return;
  struct fl_value *zero = zero_of(channel);
  if (zero != NULL && fl_schema_validate(channel->schema, zero, NULL) == 0) channel->default_value = zero;
  else fl_value_unref(zero);
}

static void resolve_channels(struct fl_definition *definition, const struct fl_compile_options *options) {
  const char *const *input = fl_option(options, input, NULL), *const *output = fl_option(options, output, NULL);
  for (size_t i = 0; i < definition->state_channel_count; i++) {
    struct fl_channel_def *channel = &definition->channels[i];
    give_zero(channel);
    channel->is_input = !channel->is_private && (input == NULL || fl_names_hold(input, channel->name));
    channel->is_output = !channel->is_private && (output == NULL || fl_names_hold(output, channel->name));
    definition->has_untracked |= channel->reducer == FL_UNTRACKED;
    if (fl_channel_fades(channel)) push_index(&definition->fading_channels, &definition->fading_count, i);
  }
  for (size_t i = 0; i < definition->node_count; i++) {
    struct fl_node_def *node = &definition->nodes[i];
    for (size_t j = 0; node->input_names != NULL && node->input_names[j] != NULL; j++)
      push_index(&node->input_channels, &node->input_count,
                 (size_t)fl_definition_channel(definition, node->input_names[j]));
  }
}

static size_t add_hidden_channel(struct fl_definition *definition, enum fl_channel_kind kind, char *name) {
  size_t index = definition->channel_count++;
  definition->channels[index] = (struct fl_channel_def){.name = name, .kind = kind};
  fl_map_set(&definition->channel_index, name, (void *)(uintptr_t)(index + 1));
  return index;
}

static void move_nodes(struct fl_graph *graph, struct fl_definition *definition) {
  definition->nodes = graph->nodes;
  definition->node_count = graph->node_count;
  graph->nodes = NULL;
  graph->node_count = 0;
  for (size_t i = 0; i < definition->node_count; i++) {
    struct fl_node_def *node = &definition->nodes[i];
    fl_map_set(&definition->node_index, node->name, (void *)(uintptr_t)(i + 1));
    node->trigger_channel = add_hidden_channel(definition, FL_CHANNEL_TRIGGER, fl_format("branch:to:%s", node->name));
    definition->channels[node->trigger_channel].is_deferred = node->is_deferred;
    definition->has_deferred |= node->is_deferred;
    push_index(&node->trigger_channels, &node->trigger_channel_count, node->trigger_channel);
  }
}

/* ---- edges ---- */

static void add_edges(const struct fl_graph *graph, struct fl_definition *definition) {
  for (size_t i = 0; i < graph->edge_count; i++) {
    const struct fl_edge_spec *edge = &graph->edges[i];
    size_t target = target_index(definition, edge->to);
    if (fl_is_start(edge->from)) {
      push_index(&definition->entry_targets, &definition->entry_target_count, target);
      continue;
    }
    struct fl_node_def *node = &definition->nodes[target_index(definition, edge->from)];
    push_index(&node->plain_targets, &node->plain_target_count, target);
  }
}

static char *join_channel_name(const struct fl_join_spec *join) {
  struct fl_buf name = {0};
  fl_buf_add_text(&name, "join:");
  for (size_t i = 0; i < join->from.count; i++) fl_buf_addf(&name, "%s%s", i > 0 ? "+" : "", join->from.items[i]);
  fl_buf_addf(&name, ":%s", join->to);
  return fl_buf_take(&name, NULL);
}

static void add_join(const struct fl_join_spec *join, struct fl_definition *definition) {
  char *name = join_channel_name(join);
  if (fl_definition_channel(definition, name) >= 0) { /* the same join, given twice */
    fl_free(name);
    return;
  }
  size_t channel = add_hidden_channel(definition, FL_CHANNEL_BARRIER, name);
  char **names = fl_new_array(char *, join->from.count + 1);
  for (size_t i = 0; i < join->from.count; i++) {
    names[i] = fl_strdup(join->from.items[i]);
    struct fl_node_def *node = &definition->nodes[target_index(definition, names[i])];
    push_index(&node->barrier_channels, &node->barrier_channel_count, channel);
  }
  definition->channels[channel].names = names;
  struct fl_node_def *to = &definition->nodes[target_index(definition, join->to)];
  definition->channels[channel].is_deferred = to->is_deferred;
  push_index(&to->trigger_channels, &to->trigger_channel_count, channel);
}

static void add_send_targets(const struct fl_send_def *send, const struct fl_definition *definition,
                             struct fl_branch_def *branch) {
  if (send == NULL) return;
  push_index(&branch->targets, &branch->target_count, target_index(definition, send->node));
  for (size_t i = 0; i < send->otherwise_count; i++)
    push_index(&branch->targets, &branch->target_count, target_index(definition, send->otherwise[i]));
}

static void resolve_arms(struct fl_branch_spec *spec, const struct fl_definition *definition,
                         struct fl_branch_def *branch) {
  branch->arms = fl_new_array(struct fl_branch_arm, spec->arm_count);
  branch->arm_count = spec->arm_count;
  for (size_t i = 0; i < spec->arm_count; i++) {
    struct fl_branch_arm *arm = &branch->arms[i];
    arm->when = spec->arms[i].when;
    spec->arms[i].when = NULL;
    arm->send = spec->arms[i].send;
    spec->arms[i].send = NULL;
    arm->label = arm->when != NULL ? fl_strdup(fl_expr_text(arm->when)) : NULL;
    for (size_t j = 0; j < spec->arms[i].targets.count; j++) {
      size_t target = target_index(definition, spec->arms[i].targets.items[j]);
      push_index(&arm->targets, &arm->target_count, target);
      push_index(&branch->targets, &branch->target_count, target);
    }
    add_send_targets(arm->send, definition, branch);
  }
}

/* A C branch that names no targets may go anywhere. */
static void resolve_targets(const struct fl_branch_spec *spec, const struct fl_definition *definition,
                            struct fl_branch_def *branch) {
  for (size_t i = 0; i < spec->targets.count; i++)
    push_index(&branch->targets, &branch->target_count, target_index(definition, spec->targets.items[i]));
  if (spec->targets.count > 0) return;
  for (size_t i = 0; i < definition->node_count; i++) push_index(&branch->targets, &branch->target_count, i);
  push_index(&branch->targets, &branch->target_count, FL_NODE_END);
}

static void add_branch(struct fl_branch_spec *spec, struct fl_definition *definition) {
  struct fl_branch_def **branches = &definition->entry_branches;
  size_t *count = &definition->entry_branch_count;
  if (!fl_is_start(spec->from)) {
    struct fl_node_def *node = &definition->nodes[target_index(definition, spec->from)];
    branches = &node->branches;
    count = &node->branch_count;
  }
  *branches = fl_realloc(*branches, (*count + 1) * sizeof **branches);
  struct fl_branch_def *branch = &(*branches)[(*count)++];
  *branch = (struct fl_branch_def){.choose = spec->choose, .user = spec->user};
  if (spec->choose != NULL) resolve_targets(spec, definition, branch);
  else resolve_arms(spec, definition, branch);
}

/* ---- the rest ---- */

bool fl_names_hold(const char *const *names, const char *name) {
  for (size_t i = 0; names != NULL && names[i] != NULL; i++)
    if (strcmp(names[i], "*") == 0 || strcmp(names[i], name) == 0) return true;
  return false;
}

static void hash_value(struct fl_buf *text, const struct fl_value *value) {
  if (value == NULL) return;
  uint8_t hash[32];
  char hex[65];
  fl_json_hash(value, hash);
  fl_hex(hash, sizeof hash, hex);
  fl_buf_addf(text, " %s", hex);
}

static void hash_indices(struct fl_buf *text, const char *what, const size_t *items, size_t count) {
  fl_buf_addf(text, " %s", what);
  for (size_t i = 0; i < count; i++) fl_buf_addf(text, " %td", (ptrdiff_t)items[i]);
}

static void hash_send(struct fl_buf *text, const struct fl_send_def *send) {
  fl_buf_addf(text, " send %s %s %s", send->node, send->each != NULL ? fl_expr_text(send->each) : "",
              send->as != NULL ? send->as : "");
  for (size_t i = 0; i < send->with_count; i++)
    fl_buf_addf(text, " %s %s", send->with[i].name, fl_expr_text(send->with[i].value));
  for (size_t i = 0; i < send->otherwise_count; i++) fl_buf_addf(text, " else %s", send->otherwise[i]);
}

static void hash_branches(struct fl_buf *text, const struct fl_branch_def *branches, size_t count) {
  for (size_t i = 0; i < count; i++) {
    hash_indices(text, "branch", branches[i].targets, branches[i].target_count);
    for (size_t j = 0; j < branches[i].arm_count; j++) {
      const struct fl_branch_arm *arm = &branches[i].arms[j];
      hash_indices(text, arm->label != NULL ? arm->label : "else", arm->targets, arm->target_count);
      if (arm->send != NULL) hash_send(text, arm->send);
    }
  }
}

/* Over everything that decides how a run goes, but not over C functions: they have no text. */
static void compute_hash(struct fl_definition *definition) {
  FL_BUF_AUTO text = {0};
  for (size_t i = 0; i < definition->channel_count; i++) {
    const struct fl_channel_def *channel = &definition->channels[i];
    fl_buf_addf(&text, "\n%d %d %s", channel->kind, channel->reducer, channel->name);
    fl_buf_addf(&text, " %d%d%d%d%d", channel->accumulates, channel->is_guarded, channel->is_private, channel->is_input,
                channel->is_output);
    hash_value(&text, channel->default_value);
    hash_value(&text, channel->schema_value);
  }
  hash_indices(&text, "\nentry", definition->entry_targets, definition->entry_target_count);
  hash_branches(&text, definition->entry_branches, definition->entry_branch_count);
  for (size_t i = 0; i < definition->node_count; i++) {
    const struct fl_node_def *node = &definition->nodes[i];
    fl_buf_addf(&text, "\n%s %s%s", node->name, node->type, node->is_deferred ? " defer" : "");
    hash_value(&text, node->config);
    if (node->subgraph != NULL) fl_buf_addf(&text, " graph %d %s", node->checkpoints, node->subgraph->hash);
    hash_indices(&text, "to", node->plain_targets, node->plain_target_count);
    if (node->policy.on_error != NULL) fl_buf_addf(&text, " on_error %s", node->policy.on_error);
    hash_branches(&text, node->branches, node->branch_count);
  }
  uint8_t hash[FL_HASH_SIZE];
  fl_hash_bytes(fl_buf_slice(&text), hash);
  fl_hex(hash, sizeof hash, definition->hash);
}

struct fl_definition *fl_graph_resolve(struct fl_graph *graph, const struct fl_compile_options *options) {
  struct fl_definition *definition = fl_new(struct fl_definition);
  definition->ref_count = 1;
  definition->name = fl_strdup(graph->name);
  definition->default_exprs = graph->default_exprs;
  fl_map_init(&graph->default_exprs);
  move_channels(graph, definition);
  move_nodes(graph, definition);
  resolve_channels(definition, options);
  add_edges(graph, definition);
  for (size_t i = 0; i < graph->join_count; i++) add_join(&graph->joins[i], definition);
  for (size_t i = 0; i < graph->branch_count; i++) add_branch(&graph->branches[i], definition);
  definition->tasks_channel = add_hidden_channel(definition, FL_CHANNEL_TASKS, fl_strdup(FL_TASKS_CHANNEL));
  for (size_t i = 0; i < definition->node_count; i++) {
    struct fl_node_def *node = &definition->nodes[i];
    node->interrupt_before = fl_names_hold(fl_option(options, interrupt_before, NULL), node->name);
    node->interrupt_after = fl_names_hold(fl_option(options, interrupt_after, NULL), node->name);
    node->first_trigger_slot = definition->trigger_slot_count;
    definition->trigger_slot_count += node->trigger_channel_count;
    uint32_t depth = node->subgraph != NULL ? node->subgraph->depth + 1 : 1;
    if (depth > definition->depth) definition->depth = depth;
  }
  uint32_t limit = fl_option(options, recursion_limit, 0);
  definition->recursion_limit = limit > 0 ? limit : FL_GRAPH_RECURSION_DEFAULT;
  fl_graph_resolve_policies(definition, options);
  compute_hash(definition);
  return definition;
}
