/* SPDX-License-Identifier: MIT */
/* The life of a definition, and looking things up in it. Pure. */
#include "graph/definition.h"

#include "graph/builder.h"
#include "runtime/base/diag.h"
#include "runtime/base/mem.h"

const char *fl_reducer_name(enum fl_reducer reducer) {
  static const char *const names[] = {"last",  "append",   "sum", "and",       "or",    "min",       "max",
                                      "merge", "messages", "any", "ephemeral", "topic", "untracked", "custom"};
  return (size_t)reducer < sizeof names / sizeof names[0] ? names[reducer] : "unknown";
}

void fl_channel_def_deinit(struct fl_channel_def *channel) {
  fl_free(channel->name);
  fl_value_unref(channel->default_value);
  fl_value_unref(channel->schema_value);
  fl_schema_destroy(channel->schema);
  fl_schema_destroy(channel->item_schema);
  for (size_t i = 0; channel->names != NULL && channel->names[i] != NULL; i++) fl_free(channel->names[i]);
  fl_free(channel->names);
}

static void texts_free(char **texts, size_t count) {
  for (size_t i = 0; i < count; i++) fl_free(texts[i]);
  fl_free(texts);
}

void fl_send_def_destroy(struct fl_send_def *send) {
  if (send == NULL) return;
  fl_free(send->node);
  fl_expr_destroy(send->each);
  fl_free(send->as);
  for (size_t i = 0; i < send->with_count; i++) {
    fl_free(send->with[i].name);
    fl_expr_destroy(send->with[i].value);
  }
  fl_free(send->with);
  texts_free(send->otherwise, send->otherwise_count);
  fl_free(send);
}

static void branch_deinit(struct fl_branch_def *branch) {
  for (size_t i = 0; i < branch->arm_count; i++) {
    fl_expr_destroy(branch->arms[i].when);
    fl_send_def_destroy(branch->arms[i].send);
    fl_free(branch->arms[i].targets);
    fl_free(branch->arms[i].label);
  }
  fl_free(branch->arms);
  fl_free(branch->targets);
}

static void branches_free(struct fl_branch_def *branches, size_t count) {
  for (size_t i = 0; i < count; i++) branch_deinit(&branches[i]);
  fl_free(branches);
}

void fl_exprs_deinit(struct fl_map *exprs) {
  size_t cursor = 0;
  for (struct fl_map_entry *entry; (entry = fl_map_next(exprs, &cursor)) != NULL;) fl_expr_destroy(entry->value);
  fl_map_deinit(exprs);
}

void fl_node_def_deinit(struct fl_node_def *node) {
  fl_free(node->name);
  fl_free(node->type);
  fl_free(node->description);
  fl_value_unref(node->config);
  fl_exprs_deinit(&node->exprs);
  for (size_t i = 0; node->input_names != NULL && node->input_names[i] != NULL; i++) fl_free(node->input_names[i]);
  fl_free(node->input_names);
  fl_free(node->input_channels);
  fl_free(node->plain_targets);
  fl_free(node->barrier_channels);
  fl_free(node->trigger_channels);
  branches_free(node->branches, node->branch_count);
  fl_node_policy_deinit(&node->policy);
  fl_definition_unref(node->subgraph);
  for (size_t i = 0; i < node->way_count; i++) {
    fl_expr_destroy(node->ways[i].when);
    texts_free(node->ways[i].targets, node->ways[i].target_count);
    fl_send_def_destroy(node->ways[i].send);
  }
  fl_free(node->ways);
  for (size_t i = 0; node->destinations != NULL && node->destinations[i] != NULL; i++) fl_free(node->destinations[i]);
  fl_free(node->destinations);
}

struct fl_definition *fl_definition_ref(struct fl_definition *definition) {
  __atomic_add_fetch(&definition->ref_count, 1, __ATOMIC_RELAXED);
  return definition;
}

void fl_definition_unref(struct fl_definition *definition) {
  if (definition == NULL || __atomic_sub_fetch(&definition->ref_count, 1, __ATOMIC_ACQ_REL) > 0) return;
  for (size_t i = 0; i < definition->channel_count; i++) fl_channel_def_deinit(&definition->channels[i]);
  for (size_t i = 0; i < definition->node_count; i++) fl_node_def_deinit(&definition->nodes[i]);
  fl_free(definition->channels);
  fl_free(definition->fading_channels);
  fl_free(definition->nodes);
  fl_map_deinit(&definition->channel_index);
  fl_map_deinit(&definition->node_index);
  fl_free(definition->entry_targets);
  branches_free(definition->entry_branches, definition->entry_branch_count);
  fl_value_unref(definition->context_schema_value);
  fl_value_unref(definition->context_defaults);
  fl_schema_destroy(definition->context_schema);
  fl_exprs_deinit(&definition->default_exprs);
  fl_free(definition->name);
  fl_free(definition);
}

const char *fl_definition_name(const struct fl_definition *definition) { return definition->name; }

ptrdiff_t fl_definition_node(const struct fl_definition *definition, const char *name) {
  return (ptrdiff_t)(uintptr_t)fl_map_get(&definition->node_index, name) - 1;
}

ptrdiff_t fl_definition_channel(const struct fl_definition *definition, const char *name) {
  return (ptrdiff_t)(uintptr_t)fl_map_get(&definition->channel_index, name) - 1;
}

const char *fl_definition_nearest_channel(const struct fl_definition *definition, const char *name) {
  FL_FREE_AUTO const char **names = fl_new_array(const char *, definition->state_channel_count);
  for (size_t i = 0; i < definition->state_channel_count; i++) names[i] = definition->channels[i].name;
  return fl_nearest(name, names, definition->state_channel_count);
}

const char *fl_definition_nearest_node(const struct fl_definition *definition, const char *name) {
  FL_FREE_AUTO const char **names = fl_new_array(const char *, definition->node_count);
  for (size_t i = 0; i < definition->node_count; i++) names[i] = definition->nodes[i].name;
  return fl_nearest(name, names, definition->node_count);
}
