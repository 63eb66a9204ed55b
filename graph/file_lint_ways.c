/* SPDX-License-Identifier: MIT */
/* Warnings about ways: runs that cannot come to an end, branches that may lead nowhere without saying so, questions
 * whose answer goes nowhere, channels that only one side knows. They look at the definition that the file became. */
#include "graph/draw.h"
#include "graph/file_loader.h"

/* ---- cycles without a way out ---- */

/* A node that ends the run, or of which nobody knows where it leads. */
static bool may_end(const struct fl_node_def *node) {
  if (strcmp(node->type, "fail") == 0 || node->is_for_parent) return true;
  return strcmp(node->type, "c") == 0 && node->destinations == NULL;
}

/* Marks every vertex from which there is a way to the end, from the end backwards. */
static void mark_ending(const struct fl_ways *ways, bool *ends) {
  const struct fl_definition *definition = ways->definition;
  ends[ways->end] = true;
  for (size_t i = 0; i < definition->node_count; i++) ends[i] = may_end(&definition->nodes[i]);
  for (bool has_changed = true; has_changed;) {
    has_changed = false;
    for (size_t i = 0; i < ways->count; i++) {
      const struct fl_way *way = &ways->items[i];
      bool is_news = ends[way->to] && !ends[way->from] && way->kind != FL_WAY_ERROR;
      if (is_news) ends[way->from] = has_changed = true;
    }
  }
}

/* The entry that says how a node runs: of a generated one, the node that made it. */
static const struct fl_entry *entry_of(const struct fl_loader *loader, const char *name) {
  const struct fl_entry *maker = fl_map_get(&loader->tools_names, name);
  return maker != NULL ? maker : fl_section_find(&loader->nodes, name);
}

/* Said once, at the first of the nodes. */
static void warn_about_cycles(const struct fl_loader *loader, const struct fl_ways *ways) {
  bool *ends = fl_new_array(bool, ways->definition->node_count + 2);
  mark_ending(ways, ends);
  for (size_t i = 0; i < ways->definition->node_count; i++) {
    const struct fl_entry *entry = entry_of(loader, ways->definition->nodes[i].name);
    if (ends[i] || entry == NULL) continue;
    fl_spot_key_warn(&entry->spot, "add a branch with a way to END",
                     "from here no way leads to END: the run goes on until the recursion limit of %u stops it",
                     ways->definition->recursion_limit);
    break;
  }
  fl_free(ends);
}

/* ---- branches that may have no way ---- */

static bool is_always_taken(const struct fl_value *arm) {
  const struct fl_value *when = fl_get(arm, "when");
  return when == NULL || (fl_is(when, FL_BOOL) && fl_as_bool(when, false));
}

/* Whether an edge besides the branch leads on from its node; then a branch that adds nothing is no end. */
static bool leads_on(const struct fl_ways *ways, const char *from) {
  ptrdiff_t index = fl_definition_node(ways->definition, from);
  const struct fl_node_def *node = index >= 0 ? &ways->definition->nodes[index] : NULL;
  return node != NULL && (node->plain_target_count > 0 || node->barrier_channel_count > 0 || node->way_count > 0);
}

static void warn_about_branches(const struct fl_loader *loader, const struct fl_ways *ways) {
  struct fl_spot edges = fl_spot_member(fl_loader_root(loader), "edges");
  for (size_t i = 0; i < fl_size(edges.value); i++) {
    struct fl_spot edge = fl_spot_element(&edges, i), branch = fl_spot_member(&edge, "branch");
    size_t count = fl_size(branch.value);
    if (count == 0 || is_always_taken(fl_at(branch.value, count - 1))) continue;
    if (leads_on(ways, fl_get_string(edge.value, "from", ""))) continue;
    fl_spot_key_warn(&branch, "add { to: END } as the last way to say that the path ends there",
                     "when none of the conditions holds, nothing follows");
  }
}

/* ---- questions without a place for the answer ---- */

static void warn_about_questions(const struct fl_loader *loader) {
  for (size_t i = 0; i < loader->nodes.count; i++) {
    const struct fl_entry *entry = loader->nodes.items[i];
    if (strcmp(entry->type, "interrupt") == 0 && fl_get(entry->spot.value, "resume") == NULL)
      fl_spot_key_warn(&entry->spot, "name the channel that takes it: \"resume: CHANNEL\"",
                       "the answer to the question goes nowhere");
  }
}

/* ---- channels that only one side knows ---- */

/* Graphs inside nodes and functions in C read and write what the file does not say. */
static bool hides_channels(const struct fl_loader *loader) {
  for (size_t i = 0; i < loader->nodes.count; i++) {
    const char *type = loader->nodes.items[i]->type;
    if (strcmp(type, "c") == 0 || strcmp(type, "graph") == 0) return true;
  }
  return loader->outer != NULL;
}

/* Whether an input may write it: any that is not private, or those that the graph names. */
static bool is_of_input(const struct fl_loader *loader, const struct fl_entry *entry) {
  const struct fl_value *names = fl_get(fl_loader_root(loader)->value, "input");
  if (!fl_is(names, FL_ARRAY)) return !fl_get_bool(entry->spot.value, "private", false);
  for (size_t i = 0; i < fl_size(names); i++) {
    const char *name = fl_as_string(fl_at(names, i));
    if (name != NULL && strcmp(name, entry->name) == 0) return true;
  }
  return false;
}

/* A channel that is not of the output is still seen by whoever looks into the thread; a private one is not. */
static void warn_about_channels(const struct fl_loader *loader) {
  for (size_t i = 0; i < loader->state.count && !hides_channels(loader); i++) {
    const struct fl_entry *entry = loader->state.items[i];
    if (!is_of_input(loader, entry) && entry->is_read && !entry->is_written &&
        fl_get(entry->spot.value, "default") == NULL)
      fl_spot_key_warn(&entry->spot, "add a node that writes it, or a default",
                       "the channel \"%s\" is read, but nothing writes it", entry->name);
    bool is_private = fl_get_bool(entry->spot.value, "private", false);
    if (is_private && entry->is_written && !entry->is_read)
      fl_spot_key_warn(&entry->spot, "leave it out, or let it be part of the output",
                       "the channel \"%s\" is written, but nothing reads it", entry->name);
  }
}

void fl_file_lint_ways(struct fl_loader *loader, const struct fl_definition *definition) {
  struct fl_ways ways;
  fl_ways_init(&ways, definition);
  warn_about_cycles(loader, &ways);
  warn_about_branches(loader, &ways);
  warn_about_questions(loader);
  warn_about_channels(loader);
  fl_ways_deinit(&ways);
}
