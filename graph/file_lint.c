/* SPDX-License-Identifier: MIT */
/* Warnings: what is allowed, but hardly meant. */
#include "graph/file_loader.h"

static void warn_unused(const struct fl_section *section, const char *what, const char *advice) {
  for (size_t i = 0; i < section->own_count; i++) {
    const struct fl_entry *entry = section->items[i];
    if (!entry->is_used) fl_spot_key_warn(&entry->spot, advice, "no node uses %s \"%s\"", what, entry->name);
  }
}

static bool has_type(const struct fl_loader *loader, const char *type) {
  for (size_t i = 0; i < loader->nodes.count; i++) {
    if (loader->nodes.items[i]->type != NULL && strcmp(loader->nodes.items[i]->type, type) == 0) return true;
  }
  return false;
}

/* Whether a tools node calls what this agent asks for: one that names it, or one that names nobody. */
static bool has_tools_node(const struct fl_loader *loader, const struct fl_entry *agent) {
  for (size_t i = 0; i < loader->nodes.count; i++) {
    const struct fl_entry *entry = loader->nodes.items[i];
    if (entry->type == NULL || strcmp(entry->type, "tools") != 0) continue;
    const char *name = fl_get_string(entry->spot.value, "agent", NULL);
    if (name == NULL || strcmp(name, agent->name) == 0) return true;
  }
  return false;
}

static void warn_about_agents(const struct fl_loader *loader) {
  for (size_t i = 0; i < loader->nodes.count; i++) {
    const struct fl_entry *entry = loader->nodes.items[i];
    bool has_tools = fl_size(fl_get(entry->spot.value, "tools")) > 0;
    if (strcmp(entry->type, "agent") == 0 && has_tools && !has_tools_node(loader, entry))
      fl_spot_key_warn(&entry->spot, "add a node of type tools, or make the type react",
                       "the agent has tools, but no node calls them");
    if (strcmp(entry->type, "tools") == 0 && !has_type(loader, "agent") && !has_type(loader, "c"))
      fl_spot_key_warn(&entry->spot, NULL, "there is no agent whose calls the node could make");
  }
}

/* Whether something else follows the node of an edge. */
static bool has_other_edge(const struct fl_value *edges, size_t except) {
  const char *from = fl_get_string(fl_at((struct fl_value *)edges, except), "from", "");
  for (size_t i = 0; i < fl_size(edges); i++) {
    struct fl_value *edge = fl_at((struct fl_value *)edges, i);
    const char *chain = fl_as_string(edge), *place = chain != NULL ? strstr(chain, from) : NULL;
    if (place != NULL && strstr(place, "->") != NULL) return true;
    bool is_map = i != except && fl_is(edge, FL_OBJECT);
    if (is_map && strcmp(fl_get_string(edge, "from", ""), from) == 0) return true;
  }
  return false;
}

static void warn_about_send(const struct fl_spot *spot) {
  struct fl_spot send = fl_spot_member(spot, "send");
  if (fl_get(send.value, "for") != NULL && fl_get(send.value, "else") == NULL)
    fl_spot_key_warn(&send, "add \"else\" to the send", "when the list is empty, nothing follows");
}

static void warn_about_edges(const struct fl_loader *loader) {
  struct fl_spot edges = fl_spot_member(fl_loader_root(loader), "edges");
  for (size_t i = 0; i < fl_size(edges.value); i++) {
    struct fl_spot edge = fl_spot_element(&edges, i), branch = fl_spot_member(&edge, "branch");
    if (!fl_is(edge.value, FL_OBJECT) || has_other_edge(edges.value, i)) continue;
    warn_about_send(&edge);
    for (size_t j = 0; j < fl_size(branch.value); j++) {
      struct fl_spot arm = fl_spot_element(&branch, j);
      if (fl_get(arm.value, "to") == NULL) warn_about_send(&arm);
    }
  }
}

/* Patterns of a manifest or of C code are not seen here: servers and models may have uses of their own there. */
void fl_file_lint(struct fl_loader *loader) {
  warn_about_agents(loader);
  warn_about_edges(loader);
  if (has_type(loader, "c")) return;
  warn_unused(&loader->state, "channel", NULL);
  warn_unused(&loader->models, "model", NULL);
  warn_unused(&loader->servers, "server", "name its tools in an agent's \"tools\"");
}
