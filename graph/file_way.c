/* SPDX-License-Identifier: MIT */
/* Sends and gotos of a graph file: {to, for, as, with, else}, and the list of ways that a node of type set goes. What a
 * send gives its node, by name, is known before any node is loaded: expressions of that node read it as state.NAME. */
#include "graph/file_node.h"

static const char *const send_keys[] = {"to", "for", "as", "with", "else", NULL};
static const char *const way_keys[] = {"when", "to", "for", "as", "with", "else", NULL};
const struct fl_file_shape fl_shape_send = {"send", "a send", send_keys, NULL};
const struct fl_file_shape fl_shape_way = {"way", "a way of goto", way_keys, NULL};

/* ---- what sends give ---- */

static void note_name(struct fl_loader *loader, const char *node, const char *name) {
  FL_FREE_AUTO char *key = fl_format("%s\n%s", node, name);
  fl_map_set(&loader->sent_names, key, loader);
}

static void note_send(struct fl_loader *loader, const struct fl_value *send) {
  const char *node = fl_get_string(send, "to", NULL), *as = fl_get_string(send, "as", NULL);
  struct fl_value *with = fl_get(send, "with");
  if (node == NULL) return;
  if (as != NULL) note_name(loader, node, as);
  for (struct fl_member m = {0}; fl_is(with, FL_OBJECT) && fl_next_member(with, &m);) note_name(loader, node, m.key);
}

static void note_ways(struct fl_loader *loader, const struct fl_value *ways) {
  if (fl_is(ways, FL_OBJECT)) note_send(loader, ways);
  for (size_t i = 0; fl_is(ways, FL_ARRAY) && i < fl_size(ways); i++)
    if (fl_is(fl_at((struct fl_value *)ways, i), FL_OBJECT)) note_send(loader, fl_at((struct fl_value *)ways, i));
}

static void note_edge(struct fl_loader *loader, const struct fl_value *edge) {
  struct fl_value *branch = fl_get(edge, "branch"), *send = fl_get(edge, "send");
  if (fl_is(send, FL_OBJECT)) note_send(loader, send);
  for (size_t i = 0; fl_is(branch, FL_ARRAY) && i < fl_size(branch); i++) {
    if (!fl_is(fl_at(branch, i), FL_OBJECT)) continue;
    struct fl_value *of_arm = fl_get(fl_at(branch, i), "send");
    if (fl_is(of_arm, FL_OBJECT)) note_send(loader, of_arm);
  }
}

void fl_file_collect_sends(struct fl_loader *loader) {
  struct fl_value *edges = fl_get(fl_loader_root(loader)->value, "edges");
  for (size_t i = 0; fl_is(edges, FL_ARRAY) && i < fl_size(edges); i++)
    if (fl_is(fl_at(edges, i), FL_OBJECT)) note_edge(loader, fl_at(edges, i));
  for (size_t i = 0; i < loader->nodes.count; i++) {
    struct fl_value *node = loader->nodes.items[i]->spot.value;
    if (fl_is(node, FL_OBJECT)) note_ways(loader, fl_get(node, "goto"));
  }
}

bool fl_file_is_sent(const struct fl_loader *loader, const char *name) {
  if (loader->loading_node == NULL) return false;
  FL_FREE_AUTO char *key = fl_format("%s\n%s", loader->loading_node, name);
  return fl_map_get(&loader->sent_names, key) != NULL;
}

/* ---- one send ---- */

static bool check_node(const struct fl_spot *spot, const char *name, bool is_for_parent) {
  struct fl_entry *entry;
  if (is_for_parent || fl_file_use_node(spot, name, &entry)) return true;
  return false;
}

static bool check_goal(const struct fl_spot *spot, const char *name, bool is_for_parent) {
  if (fl_is_end(name)) return true;
  if (!fl_is_start(name)) return check_node(spot, name, is_for_parent);
  fl_spot_error(spot, NULL, "nothing leads back to START");
  return false;
}

/* A name or a list of names, copied; NULL when wrong. */
static char **read_goals(const struct fl_spot *spot, bool is_for_parent, size_t *ret_count) {
  bool is_list = fl_is(spot->value, FL_ARRAY), is_right = true;
  if (!is_list && !fl_spot_is(spot, FL_STRING)) return NULL;
  size_t count = is_list ? fl_size(spot->value) : 1;
  char **names = fl_new_array(char *, count);
  for (size_t i = 0; i < count; i++) {
    struct fl_spot element = is_list ? fl_spot_element(spot, i) : *spot;
    bool is_name = fl_spot_is(&element, FL_STRING);
    names[i] = fl_strdup(is_name ? fl_as_string(element.value) : "");
    is_right = is_name && check_goal(&element, names[i], is_for_parent) && is_right;
  }
  *ret_count = is_right ? count : 0;
  if (is_right && count > 0) return names;
  if (count == 0) fl_spot_error(spot, NULL, "the list names no node");
  for (size_t i = 0; i < count; i++) fl_free(names[i]);
  fl_free(names);
  return NULL;
}

static bool load_target(struct fl_send_def *send, const struct fl_spot *spot, bool is_for_parent) {
  struct fl_spot to = fl_spot_member(spot, "to");
  if (to.value == NULL) {
    fl_spot_error(spot, NULL, "\"to\" is missing: the node that the send starts");
    return false;
  }
  if (fl_is(to.value, FL_ARRAY)) {
    fl_spot_error(&to, "write a send for each", "a send starts one node");
    return false;
  }
  if (!fl_spot_is(&to, FL_STRING)) return false;
  const char *name = fl_as_string(to.value);
  send->node = fl_strdup(name);
  if (!fl_is_end(name) && !fl_is_start(name)) return check_node(&to, name, is_for_parent);
  fl_spot_error(&to, NULL, "a send starts a node; nothing runs in %s", name);
  return false;
}

static bool load_list(struct fl_send_def *send, const struct fl_spot *spot) {
  struct fl_spot each = fl_spot_member(spot, "for"), as = fl_spot_member(spot, "as");
  if (each.value == NULL) {
    if (as.value != NULL)
      fl_spot_key_error(&as, "add \"for\"", "\"as\" names the element of a list, and there is none");
    return as.value == NULL;
  }
  send->each = fl_file_expr(&each);
  if (as.value == NULL) {
    fl_spot_error(spot, "add \"as: item\"", "\"as\" is missing: the name under which the node reads the element");
    return false;
  }
  const char *name = fl_spot_text(spot, "as", true);
  static const char *const taken[] = {"state", "context", "run", "error"};
  for (size_t i = 0; name != NULL && i < sizeof taken / sizeof taken[0]; i++) {
    if (strcmp(name, taken[i]) != 0) continue;
    fl_spot_error(&as, NULL, "\"%s\" has a meaning of its own in expressions", name);
    return false;
  }
  send->as = fl_strdup(name);
  return send->each != NULL && name != NULL;
}

static bool load_with(struct fl_send_def *send, const struct fl_spot *spot) {
  struct fl_spot with = fl_spot_member(spot, "with");
  if (with.value == NULL) return true;
  if (!fl_spot_is(&with, FL_OBJECT)) return false;
  send->with = fl_new_array(struct fl_send_member, fl_size(with.value));
  const char *before = spot->loader->element_name;
  spot->loader->element_name = send->as;
  bool is_right = true;
  for (struct fl_member m = {0}; fl_next_member(with.value, &m);) {
    struct fl_spot member = fl_spot_member(&with, m.key);
    struct fl_expr *expr = fl_file_expr(&member);
    is_right = expr != NULL && is_right;
    if (expr != NULL) send->with[send->with_count++] = (struct fl_send_member){fl_strdup(m.key), expr};
    if (send->as == NULL || strcmp(m.key, send->as) != 0) continue;
    fl_spot_key_error(&member, "rename one of them", "\"%s\" is the element already", m.key);
    is_right = false;
  }
  spot->loader->element_name = before;
  return is_right;
}

static bool load_else(struct fl_send_def *send, const struct fl_spot *spot, bool is_for_parent) {
  struct fl_spot otherwise = fl_spot_member(spot, "else");
  if (otherwise.value == NULL) return true;
  if (send->each == NULL && fl_get(spot->value, "for") == NULL) {
    fl_spot_key_error(&otherwise, NULL, "\"else\" is for an empty list, and there is no \"for\"");
    return false;
  }
  send->otherwise = read_goals(&otherwise, is_for_parent, &send->otherwise_count);
  return send->otherwise != NULL;
}

static struct fl_send_def *load_send(const struct fl_spot *spot, bool is_for_parent) {
  struct fl_send_def *send = fl_new(struct fl_send_def);
  bool is_right = load_target(send, spot, is_for_parent);
  is_right = load_list(send, spot) && is_right;
  is_right = load_with(send, spot) && is_right;
  is_right = load_else(send, spot, is_for_parent) && is_right;
  if (is_right) return send;
  fl_send_def_destroy(send);
  return NULL;
}

struct fl_send_def *fl_file_load_send(const struct fl_spot *spot) {
  if (!fl_spot_is(spot, FL_OBJECT)) return NULL;
  fl_spot_check_keys(spot, &fl_shape_send);
  return load_send(spot, false);
}

/* ---- goto ---- */

static bool is_send(const struct fl_value *way) {
  return fl_get(way, "for") != NULL || fl_get(way, "as") != NULL || fl_get(way, "with") != NULL;
}

static void load_way(struct fl_node_load *load, const struct fl_spot *spot) {
  struct fl_way_def *way = &load->ways[load->way_count++];
  if (fl_is(spot->value, FL_STRING)) {
    way->targets = read_goals(spot, load->is_for_parent, &way->target_count);
    return;
  }
  if (!fl_is(spot->value, FL_OBJECT)) {
    fl_spot_error(spot, NULL, "a way of goto is the name of a node, or a map with \"to\"");
    return;
  }
  fl_spot_check_keys(spot, &fl_shape_way);
  struct fl_spot when = fl_spot_member(spot, "when"), to = fl_spot_member(spot, "to");
  if (when.value != NULL) way->when = fl_file_expr(&when);
  if (is_send(spot->value)) way->send = load_send(spot, load->is_for_parent);
  else if (to.value == NULL) fl_spot_error(spot, NULL, "\"to\" is missing");
  else way->targets = read_goals(&to, load->is_for_parent, &way->target_count);
}

void fl_node_load_ways(struct fl_node_load *load) {
  const char *graph = fl_spot_text(load->spot, "graph", false);
  struct fl_spot ways = fl_spot_member(load->spot, "goto"), graph_spot = fl_spot_member(load->spot, "graph");
  load->is_for_parent = graph != NULL && strcmp(graph, "parent") == 0;
  if (graph != NULL && !load->is_for_parent)
    fl_spot_error(&graph_spot, "write \"graph: parent\", or leave it out", "there is no graph \"%s\" to go to", graph);
  if (ways.value == NULL) return;
  size_t count = fl_is(ways.value, FL_ARRAY) ? fl_size(ways.value) : 1;
  load->ways = fl_new_array(struct fl_way_def, count);
  if (count == 0) fl_spot_error(&ways, NULL, "the list has no way to go");
  for (size_t i = 0; i < count; i++) {
    struct fl_spot element = fl_is(ways.value, FL_ARRAY) ? fl_spot_element(&ways, i) : ways;
    load_way(load, &element);
  }
}
