/* SPDX-License-Identifier: MIT */
/* The nodes that a react node runs around its model: `before_model` each time before the model is asked, `after_model`
 * each time after it has answered. They are nodes like any other, whose edges the loader makes:
 *
 *   … -> before -> NAME -> after -> NAME_tools -> before …
 *
 * What led to NAME leads to `before`; what NAME leads to is decided after `after` (file_edge.c): calls that have no
 * result yet go to the tools; results that `after` has written go back to the model; otherwise NAME's own edges are
 * taken. */
#include "graph/builder.h"
#include "graph/file_loader.h"

static const char *read_hook(struct fl_entry *react, const char *key) {
  struct fl_spot spot = fl_spot_member(&react->spot, key);
  if (spot.value == NULL || !fl_spot_is(&spot, FL_STRING)) return NULL;
  struct fl_entry *entry = fl_section_use(&react->spot.loader->nodes, &spot, "node", fl_as_string(spot.value));
  if (entry == NULL) return NULL;
  if (entry->tools_name != NULL)
    fl_spot_error(&spot, "name a node of another type", "a react node cannot run inside another one's loop");
  else if (entry->hook_of != NULL)
    fl_spot_error(&spot, "give each its own node", "node \"%s\" runs in the loop of \"%s\" already", entry->name,
                  entry->hook_of->name);
  else {
    entry->hook_of = react;
    return entry->name;
  }
  return NULL;
}

void fl_file_declare_hooks(struct fl_loader *loader) {
  for (size_t i = 0; i < loader->nodes.count; i++) {
    struct fl_entry *entry = loader->nodes.items[i];
    if (entry->tools_name == NULL) continue;
    entry->before = read_hook(entry, "before_model");
    entry->after = read_hook(entry, "after_model");
    struct fl_spot direct = fl_spot_member(&entry->spot, "return_direct");
    if (direct.value != NULL && entry->after != NULL)
      fl_spot_key_error(&direct, "let the branch after the node decide",
                        "results that are the answer do not pass \"after_model\"");
  }
}

bool fl_file_refuse_hook(const struct fl_spot *spot, const struct fl_entry *entry) {
  if (entry->hook_of == NULL) return false;
  const char *name = entry->hook_of->name;
  fl_spot_error(spot, NULL, "node \"%s\" runs in the loop of \"%s\", which makes its edges; name \"%s\" instead",
                entry->name, name, name);
  return true;
}

void fl_file_lead_through_hooks(struct fl_loader *loader) {
  for (size_t i = 0; i < loader->nodes.count; i++) {
    const struct fl_entry *entry = loader->nodes.items[i];
    if (entry->before != NULL) {
      fl_graph_redirect(loader->graph, entry->name, entry->before);
      fl_graph_edge(loader->graph, entry->before, entry->name);
    }
    if (entry->after != NULL) fl_graph_edge(loader->graph, entry->name, entry->after);
  }
}
