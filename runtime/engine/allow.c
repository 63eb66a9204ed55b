/* SPDX-License-Identifier: MIT */
/* The policy of a graph, as far as today's goes: what its own nodes name, and what the embedding program has granted.
 * Pure. */
#include "runtime/engine/engine.h"

#include "runtime/base/mem.h"
#include "tools/http.h"

struct pattern_list {
  const char **items;
  size_t count;
};

static void add_pattern(struct pattern_list *list, const char *pattern) {
  list->items = fl_realloc(list->items, (list->count + 2) * sizeof *list->items);
  list->items[list->count++] = pattern;
  list->items[list->count] = NULL;
}

/* Also what the nodes of subgraphs name: they run under the policy of the graph around them. */
static void add_patterns(struct pattern_list *list, const struct fl_definition *definition) {
  for (size_t i = 0; i < definition->node_count; i++) {
    const struct fl_value *config = definition->nodes[i].config;
    const char *tool = fl_get_string(config, "tool", NULL);
    if (tool != NULL) add_pattern(list, tool);
    const struct fl_value *tools = fl_get(config, "tools");
    for (size_t j = 0; j < fl_size(tools); j++)
      if (fl_as_string(fl_at(tools, j)) != NULL) add_pattern(list, fl_as_string(fl_at(tools, j)));
    if (definition->nodes[i].subgraph != NULL) add_patterns(list, definition->nodes[i].subgraph);
  }
}

struct fl_policy *fl_allow_list(struct fl_runtime *runtime, const struct fl_definition *definition,
                                const struct fl_value *effects) {
  struct pattern_list list = {fl_new_array(const char *, 1), 0};
  add_patterns(&list, definition);
  for (size_t i = 0; i < runtime->granted_count; i++) add_pattern(&list, runtime->granted[i]);
  FL_VALUE_AUTO all = effects != NULL ? fl_copy_shallow(effects) : fl_object();
  fl_set_string(all, FL_HTTP_SOURCE "/read", "read"); /* what nodes of type http say of their requests */
  fl_set_string(all, FL_HTTP_SOURCE "/keyed", "keyed");
  struct fl_policy *policy = fl_policy_create_allow_list(list.items, all);
  fl_free(list.items);
  return policy;
}
