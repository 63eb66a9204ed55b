/* SPDX-License-Identifier: MIT */
/* Edges: "A -> B -> C", {from, to}, {from: [a, b], to}, {from, branch}, {from, send}. What leaves a react node leaves
 * it only when the model asked for no tool. */
#include "graph/file_loader.h"

static const char has_calls[] = "has(last(state.messages).tool_calls) && size(last(state.messages).tool_calls) > 0";
/* After a node of the loop's own has had a look: it may have answered some of the calls, or all. */
static const char has_open_calls[] = "size(pending_calls(state.messages)) > 0";
static const char has_results[] = "size(state.messages) > 0 && last(state.messages).role == 'tool'";

static bool is_react(const struct fl_entry *entry) { return entry != NULL && entry->tools_name != NULL; }

/* ---- ends of edges ---- */

static bool check_from(const struct fl_spot *spot, const char *name, struct fl_entry **ret_entry) {
  *ret_entry = NULL;
  if (fl_is_start(name)) return true;
  if (!fl_is_end(name)) return fl_file_use_node(spot, name, ret_entry);
  fl_spot_error(spot, NULL, "nothing leads on from END");
  return false;
}

static bool check_to(const struct fl_spot *spot, const char *name) {
  struct fl_entry *entry;
  if (fl_is_end(name)) return true;
  if (!fl_is_start(name)) return fl_file_use_node(spot, name, &entry);
  fl_spot_error(spot, NULL, "nothing leads back to START");
  return false;
}

static void add_edge(const struct fl_spot *spot, struct fl_entry *from_entry, const char *from, const char *to) {
  if (!is_react(from_entry)) {
    fl_graph_edge(spot->loader->graph, from, to);
    return;
  }
  from_entry->leave_targets =
      fl_realloc(from_entry->leave_targets, (from_entry->leave_count + 1) * sizeof(const char *));
  from_entry->leave_targets[from_entry->leave_count++] = to;
}

/* A text or a list of texts; the names lent in a new array. NULL when wrong. */
static const char **read_names(const struct fl_spot *spot, size_t *ret_count) {
  bool is_list = fl_is(spot->value, FL_ARRAY);
  size_t count = is_list ? fl_size(spot->value) : 1;
  if (!is_list && !fl_spot_is(spot, FL_STRING)) return NULL;
  if (count == 0) {
    fl_spot_error(spot, NULL, "the list names no node");
    return NULL;
  }
  const char **names = fl_new_array(const char *, count);
  for (size_t i = 0; i < count; i++) {
    struct fl_spot element = is_list ? fl_spot_element(spot, i) : *spot;
    names[i] = fl_spot_is(&element, FL_STRING) ? fl_as_string(element.value) : NULL;
    if (names[i] != NULL) continue;
    fl_free(names);
    return NULL;
  }
  *ret_count = count;
  return names;
}

static bool check_targets(const struct fl_spot *spot, const char *const *names, size_t count) {
  bool is_right = true;
  for (size_t i = 0; i < count; i++) {
    struct fl_spot element = fl_is(spot->value, FL_ARRAY) ? fl_spot_element(spot, i) : *spot;
    is_right = check_to(&element, names[i]) && is_right;
  }
  return is_right;
}

/* ---- "A -> B -> C" ---- */

static fl_slice trim(fl_slice text) {
  while (text.size > 0 && strchr(" \t\r\n", text.data[0]) != NULL) text = fl_slice_n(text.data + 1, text.size - 1);
  while (text.size > 0 && strchr(" \t\r\n", text.data[text.size - 1]) != NULL) text.size--;
  return text;
}

/* The name of the node itself, which outlives the text of the edge. */
static const char *lasting_name(const struct fl_loader *loader, const char *name) {
  if (fl_is_start(name)) return FL_START;
  if (fl_is_end(name)) return FL_END;
  const struct fl_entry *entry = fl_section_find(&loader->nodes, name);
  if (entry != NULL) return entry->name;
  const struct fl_entry *maker = fl_map_get(&loader->tools_names, name);
  return maker != NULL ? maker->tools_name : NULL;
}

static void load_chain(const struct fl_spot *spot) {
  const char *rest = fl_as_string(spot->value);
  const char *from = NULL;
  if (strstr(rest, "->") == NULL) {
    fl_spot_error(spot, "write \"A -> B\"", "\"%s\" is not an edge", rest);
    return;
  }
  for (bool is_first = true; rest != NULL; is_first = false) {
    const char *arrow = strstr(rest, "->");
    fl_slice part = trim(arrow != NULL ? fl_slice_n(rest, (size_t)(arrow - rest)) : fl_slice_of(rest));
    FL_FREE_AUTO char *name = fl_strndup(part.data, part.size);
    struct fl_entry *entry = NULL;
    bool is_right = (is_first || check_to(spot, name)) && (arrow == NULL || check_from(spot, name, &entry));
    if (is_right && from != NULL)
      add_edge(spot, fl_section_find(&spot->loader->nodes, from), from, lasting_name(spot->loader, name));
    from = is_right ? lasting_name(spot->loader, name) : NULL;
    rest = arrow != NULL ? arrow + 2 : NULL;
  }
}

/* ---- {from, to} and {from: [a, b], to} ---- */

static bool check_join_source(const struct fl_spot *spot, const char *name) {
  struct fl_entry *entry;
  if (fl_is_start(name)) {
    fl_spot_error(spot, "leave START out", "there is nothing to wait for in START");
    return false;
  }
  if (!check_from(spot, name, &entry)) return false;
  if (!is_react(entry)) return true;
  fl_spot_error(
      spot, "put a node of type set after it and wait for that",
      "a react node runs many times; waiting for \"%s\" together with others would not wait for its last answer", name);
  return false;
}

static void load_join(const struct fl_spot *from, const char *const *names, size_t count, const struct fl_spot *to) {
  bool is_right = fl_spot_is(to, FL_STRING);
  for (size_t i = 0; i < count; i++) {
    struct fl_spot element = fl_spot_element(from, i);
    is_right = check_join_source(&element, names[i]) && is_right;
    for (size_t j = 0; j < i; j++) {
      if (strcmp(names[i], names[j]) != 0) continue;
      fl_spot_error(&element, NULL, "\"%s\" is there twice", names[i]);
      is_right = false;
    }
  }
  if (!is_right) return;
  const char *target = fl_as_string(to->value);
  if (fl_is_end(target)) fl_spot_error(to, "leave the edge out", "END waits for every path by itself");
  else if (check_to(to, target)) fl_graph_join(from->loader->graph, names, count, target);
}

static void load_from_to(const struct fl_spot *spot) {
  struct fl_spot from = fl_spot_member(spot, "from"), to = fl_spot_member(spot, "to");
  size_t from_count = 0, to_count = 0;
  FL_FREE_AUTO const char **sources = read_names(&from, &from_count);
  if (sources == NULL) return;
  if (from_count > 1) {
    load_join(&from, sources, from_count, &to);
    return;
  }
  FL_FREE_AUTO const char **targets = read_names(&to, &to_count);
  struct fl_entry *entry;
  bool is_right = check_from(&from, sources[0], &entry);
  if (targets == NULL || !check_targets(&to, targets, to_count) || !is_right) return;
  for (size_t i = 0; i < to_count; i++) add_edge(spot, entry, sources[0], targets[i]);
}

/* ---- {from, branch} ---- */

struct arms {
  struct fl_branch_arm_spec *items;
  size_t count;
  bool is_right;
};

static void arms_deinit(struct arms *arms) {
  for (size_t i = 0; i < arms->count; i++) {
    fl_expr_destroy(arms->items[i].when);
    fl_send_def_destroy(arms->items[i].send);
    fl_free((void *)arms->items[i].targets);
  }
  fl_free(arms->items);
}

static void read_arm(struct arms *arms, const struct fl_spot *spot, bool is_last) {
  struct fl_branch_arm_spec *arm = &arms->items[arms->count];
  struct fl_spot when = fl_spot_member(spot, "when"), to = fl_spot_member(spot, "to");
  arms->is_right = fl_spot_is(spot, FL_OBJECT) && arms->is_right;
  if (!fl_is(spot->value, FL_OBJECT)) return;
  fl_spot_check_keys(spot, &fl_shape_arm);
  if (when.value == NULL && !is_last) {
    fl_spot_error(spot, "put it last", "a way without \"when\" is always taken, so that the ways after it never are");
    arms->is_right = false;
  }
  struct fl_spot send = fl_spot_member(spot, "send");
  if (to.value == NULL && send.value == NULL) fl_spot_error(spot, NULL, "\"to\" or \"send\" is missing");
  if (send.value != NULL) arm->send = fl_file_load_send(&send);
  if (when.value != NULL) arm->when = fl_file_expr(&when);
  size_t count = 0;
  arm->targets = to.value != NULL ? read_names(&to, &count) : NULL;
  arm->target_count = count;
  arms->count++;
  bool is_right = to.value == NULL || (arm->targets != NULL && check_targets(&to, arm->targets, count));
  is_right = is_right && (when.value == NULL || arm->when != NULL) && (send.value == NULL || arm->send != NULL);
  arms->is_right = is_right && (to.value != NULL || send.value != NULL) && arms->is_right;
}

enum { GUARDS_MAX = 2 };

static struct fl_expr *condition(const char *text) {
  struct fl_expr *expr = NULL;
  fl_expr_create(fl_slice_of(text), &expr, NULL);
  return expr;
}

/* The ways back into the loop of a react node, in front of those that leave it. Without targets: the branch of the loop
 * itself goes there. */
static size_t loop_arms(const struct fl_entry *entry, const char *const *tools, const char *const *again,
                        struct fl_branch_arm_spec arms[GUARDS_MAX]) {
  const char *calls = entry->after != NULL ? has_open_calls : has_calls;
  arms[0] = (struct fl_branch_arm_spec){.when = condition(calls), .targets = tools, .target_count = tools != NULL};
  if (entry->after == NULL) return 1;
  arms[1] =
      (struct fl_branch_arm_spec){.when = condition(has_results), .targets = again, .target_count = again != NULL};
  return 2;
}

/* A branch after a react node is taken only when the loop is left: the first arms lead nowhere. */
static void guard(const struct fl_entry *entry, struct arms *arms) {
  struct fl_branch_arm_spec guards[GUARDS_MAX];
  size_t count = loop_arms(entry, NULL, NULL, guards);
  memmove(arms->items + count, arms->items, arms->count * sizeof *arms->items);
  memcpy(arms->items, guards, count * sizeof *guards);
  arms->count += count;
}

static const char *last_of(const struct fl_entry *entry, const char *name) {
  return is_react(entry) && entry->after != NULL ? entry->after : name;
}

static void add_branch(const struct fl_spot *spot, struct fl_entry *entry, const char *from, struct arms *arms) {
  if (is_react(entry)) guard(entry, arms);
  if (arms->is_right) {
    fl_graph_expr_branch_take(spot->loader->graph, last_of(entry, from), arms->items, arms->count);
    for (size_t i = 0; i < arms->count; i++) {
      arms->items[i].when = NULL;
      arms->items[i].send = NULL;
    }
  }
  arms_deinit(arms);
}

/* ---- {from, send} ---- */

/* A branch with one way. */
static void load_send(const struct fl_spot *spot) {
  struct fl_spot from = fl_spot_member(spot, "from"), send = fl_spot_member(spot, "send");
  struct fl_entry *entry = NULL;
  if (fl_is(from.value, FL_ARRAY)) {
    fl_spot_error(&from, "write a send for each", "a send starts at one node");
    return;
  }
  bool is_right = fl_spot_is(&from, FL_STRING) && check_from(&from, fl_as_string(from.value), &entry);
  struct arms arms = {.items = fl_new_array(struct fl_branch_arm_spec, 1 + GUARDS_MAX), .count = 1};
  arms.items[0].send = fl_file_load_send(&send);
  arms.is_right = is_right && arms.items[0].send != NULL;
  add_branch(spot, entry, is_right ? fl_as_string(from.value) : "", &arms);
}

static void load_branch(const struct fl_spot *spot) {
  struct fl_spot from = fl_spot_member(spot, "from"), branch = fl_spot_member(spot, "branch");
  struct fl_entry *entry = NULL;
  if (fl_is(from.value, FL_ARRAY)) {
    fl_spot_error(&from, "write a branch for each", "a branch starts at one node");
    return;
  }
  bool is_right = fl_spot_is(&from, FL_STRING) && check_from(&from, fl_as_string(from.value), &entry);
  if (!fl_spot_is(&branch, FL_ARRAY)) return;
  size_t count = fl_size(branch.value);
  if (count == 0) fl_spot_error(&branch, NULL, "the branch has no way to go");
  struct arms arms = {.items = fl_new_array(struct fl_branch_arm_spec, count + GUARDS_MAX),
                      .is_right = is_right && count > 0};
  for (size_t i = 0; i < count; i++) {
    struct fl_spot arm = fl_spot_element(&branch, i);
    read_arm(&arms, &arm, i + 1 == count);
  }
  add_branch(spot, entry, is_right ? fl_as_string(from.value) : "", &arms);
}

/* ---- all of them ---- */

static void load_edge(const struct fl_spot *spot) {
  if (fl_is(spot->value, FL_STRING)) {
    load_chain(spot);
    return;
  }
  if (!fl_is(spot->value, FL_OBJECT)) {
    fl_spot_error(spot, NULL, "an edge is a text \"A -> B\" or a map with \"from\"");
    return;
  }
  fl_spot_check_keys(spot, &fl_shape_edge);
  struct fl_spot to = fl_spot_member(spot, "to"), branch = fl_spot_member(spot, "branch");
  struct fl_spot send = fl_spot_member(spot, "send");
  int kinds = (to.value != NULL) + (branch.value != NULL) + (send.value != NULL);
  if (fl_get(spot->value, "from") == NULL) fl_spot_error(spot, NULL, "\"from\" is missing");
  else if (kinds > 1)
    fl_spot_key_error(branch.value != NULL ? &branch : &send, "make it two edges",
                      "an edge has one of \"to\", \"branch\" and \"send\"");
  else if (send.value != NULL) load_send(spot);
  else if (branch.value != NULL) load_branch(spot);
  else if (to.value != NULL) load_from_to(spot);
  else fl_spot_error(spot, NULL, "\"to\", \"branch\" or \"send\" is missing");
}

/* With calls to the tools, without them along the node's own edges. */
static void close_loop(struct fl_loader *loader, const struct fl_entry *entry) {
  const char *tools = entry->tools_name, *again = entry->name;
  struct fl_branch_arm_spec arms[GUARDS_MAX + 1];
  size_t count = loop_arms(entry, &tools, &again, arms);
  if (entry->leave_count > 0)
    arms[count++] = (struct fl_branch_arm_spec){.targets = entry->leave_targets, .target_count = entry->leave_count};
  fl_graph_expr_branch_take(loader->graph, last_of(entry, entry->name), arms, count);
}

void fl_file_load_edges(struct fl_loader *loader) {
  struct fl_spot edges = fl_spot_member(fl_loader_root(loader), "edges");
  if (edges.value == NULL)
    fl_spot_error(fl_loader_root(loader), "add \"edges: [ START -> NODE ]\"", "\"edges\" is missing");
  else if (fl_spot_is(&edges, FL_ARRAY)) {
    for (size_t i = 0; i < fl_size(edges.value); i++) {
      struct fl_spot edge = fl_spot_element(&edges, i);
      load_edge(&edge);
    }
  }
  for (size_t i = 0; i < loader->nodes.count; i++) {
    if (is_react(loader->nodes.items[i])) close_loop(loader, loader->nodes.items[i]);
  }
  fl_file_lead_through_hooks(loader);
}
