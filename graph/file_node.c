/* SPDX-License-Identifier: MIT */
/* Nodes: a table of types, each with its keys and its check; expressions compiled; `react` written out as two nodes. */
#include "graph/file_node.h"
#include "runtime/json/json.h"

#include <stdio.h>

struct node_type {
  struct fl_file_shape shape;
  fl_node_check_fn *check;
};

/* ---- expressions of a node ---- */

/* The way from the node's entry to the spot. */
static void add_pointer(const struct fl_node_load *load, const struct fl_spot *spot, struct fl_buf *pointer) {
  if (spot->parent != load->spot) add_pointer(load, spot->parent, pointer);
  if (spot->key != NULL) fl_json_pointer_add(pointer, fl_slice_of(spot->key));
  else fl_json_pointer_add_index(pointer, spot->index);
}

void fl_node_load_expr(struct fl_node_load *load, const struct fl_spot *spot) {
  struct fl_expr *expr = spot->value != NULL ? fl_file_expr(spot) : NULL;
  if (expr == NULL) return;
  FL_BUF_AUTO pointer = {0};
  add_pointer(load, spot, &pointer);
  fl_expr_destroy(fl_map_set(&load->exprs, pointer.data, expr));
}

void fl_node_load_required_expr(struct fl_node_load *load, const char *key) {
  struct fl_spot spot = fl_spot_member(load->spot, key);
  if (spot.value == NULL) fl_spot_key_error(load->spot, NULL, "\"%s\" is missing", key);
  fl_node_load_expr(load, &spot);
}

void fl_node_load_expr_map(struct fl_node_load *load, const char *key, bool of_channels) {
  struct fl_spot map = fl_spot_member(load->spot, key);
  if (map.value == NULL || !fl_spot_is(&map, FL_OBJECT)) return;
  for (struct fl_member m = {0}; fl_next_member(map.value, &m);) {
    struct fl_spot spot = fl_spot_member(&map, m.key);
    if (of_channels) fl_file_write_channel(&spot, m.key);
    fl_node_load_expr(load, &spot);
  }
}

void fl_node_load_channel(struct fl_node_load *load, const char *key) {
  const char *name = fl_spot_text(load->spot, key, false);
  struct fl_spot spot = fl_spot_member(load->spot, key);
  if (name != NULL) fl_file_write_channel(&spot, name);
}

/* ---- types ---- */

static void check_tool(struct fl_node_load *load) {
  const char *name = fl_spot_text(load->spot, "tool", true);
  struct fl_spot tool = fl_spot_member(load->spot, "tool");
  if (name != NULL) fl_file_check_tool(&tool, name, false);
  fl_node_load_expr_map(load, "args", false);
  fl_node_load_channel(load, "write");
}

static void check_set(struct fl_node_load *load) {
  struct fl_spot write = fl_spot_member(load->spot, "write");
  if (write.value == NULL && fl_get(load->spot->value, "goto") == NULL)
    fl_spot_key_error(load->spot, NULL, "\"write\" is missing");
  fl_node_load_ways(load);
  fl_node_load_expr_map(load, "write", !load->is_for_parent);
  fl_unset(load->config, "goto");
  fl_unset(load->config, "graph");
}

static void check_fail(struct fl_node_load *load) { fl_node_load_required_expr(load, "message"); }

static void check_interrupt(struct fl_node_load *load) {
  fl_node_load_required_expr(load, "value");
  fl_node_load_channel(load, "resume");
}

static void check_c(struct fl_node_load *load) { fl_spot_text(load->spot, "function", true); }

static const char *const tool_keys[] = {FL_NODE_COMMON, "tool", "args", "write", NULL};
static const char *const set_keys[] = {FL_NODE_COMMON, "write", "goto", "graph", NULL};
static const char *const fail_keys[] = {FL_NODE_COMMON, "message", NULL};
static const char *const interrupt_keys[] = {FL_NODE_COMMON, "value", "resume", NULL};
static const char *const c_keys[] = {FL_NODE_COMMON, "function", NULL};

static const struct node_type types[] = {
    {{"react", "a node of type react", fl_node_react_keys, NULL}, fl_node_check_agent},
    {{"agent", "a node of type agent", fl_node_agent_keys, NULL}, fl_node_check_agent},
    {{"tools", "a node of type tools", fl_node_tools_keys, NULL}, fl_node_check_tools},
    {{"tool", "a node of type tool", tool_keys, NULL}, check_tool},
    {{"set", "a node of type set", set_keys, NULL}, check_set},
    {{"fail", "a node of type fail", fail_keys, NULL}, check_fail},
    {{"interrupt", "a node of type interrupt", interrupt_keys, NULL}, check_interrupt},
    {{"graph", "a node of type graph", fl_node_graph_keys, NULL}, fl_node_check_graph},
    {{"judge", "a node of type judge", fl_node_judge_keys, NULL}, fl_node_check_judge},
    {{"http", "a node of type http", fl_node_http_keys, NULL}, fl_node_check_http},
    {{"memory", "a node of type memory", fl_node_memory_keys, NULL}, fl_node_check_memory},
    {{"c", "a node of type c", c_keys, NULL}, check_c},
};
enum { TYPE_COUNT = sizeof types / sizeof *types };

static const struct node_type *find_type(const char *name) {
  for (size_t i = 0; i < TYPE_COUNT; i++) {
    if (strcmp(types[i].shape.name, name) == 0) return &types[i];
  }
  return NULL;
}

static void refuse_type(const struct fl_spot *spot, const char *name) {
  const char *names[TYPE_COUNT];
  for (size_t i = 0; i < TYPE_COUNT; i++) names[i] = types[i].shape.name;
  char advice[FL_SUGGESTION_MAX];
  const char *near = fl_suggest(name, names, TYPE_COUNT, advice);
  fl_spot_error(spot,
                near != NULL
                    ? near
                    : "the types are react, agent, tools, tool, set, fail, interrupt, graph, judge, http, memory and c",
                "there is no node type \"%s\"", name);
}

/* ---- declaring ---- */

static void check_name(const struct fl_entry *entry) {
  const char *name = entry->name;
  if (fl_is_start(name) || fl_is_end(name))
    fl_spot_key_error(&entry->spot, NULL,
                      "\"%s\" is no name for a node: it stands for where every graph begins or ends", name);
  else if (strncmp(name, "__", 2) == 0)
    fl_spot_key_error(&entry->spot, NULL, "names that begin with \"__\" are reserved");
  else if (strpbrk(name, ":|+*,") != NULL || strstr(name, "->") != NULL || strlen(name) > FL_GRAPH_NAME_SIZE_MAX)
    fl_spot_key_error(&entry->spot, NULL, "the name of a node has at most %d bytes and none of : | + * , ->",
                      FL_GRAPH_NAME_SIZE_MAX);
}

/* Nobody looks at the other keys of a node without a type: the one that was meant for it is named here. */
static void miss_type(const struct fl_entry *entry) {
  static const char *const type[] = {"type"};
  char advice[FL_SUGGESTION_MAX];
  for (struct fl_member m = {0}; fl_next_member(entry->spot.value, &m);) {
    if (fl_suggest(m.key, type, 1, advice) == NULL) continue;
    struct fl_spot spot = fl_spot_member(&entry->spot, m.key);
    fl_spot_key_error(&spot, advice, "a node has no key \"%s\"", m.key);
    return;
  }
  fl_spot_key_error(&entry->spot, "say what the node does: \"type: …\"", "\"type\" is missing");
}

static void declare(struct fl_loader *loader, struct fl_entry *entry) {
  check_name(entry);
  if (!fl_spot_is(&entry->spot, FL_OBJECT)) return;
  if (fl_get(entry->spot.value, "type") == NULL) miss_type(entry);
  const char *name = fl_spot_text(&entry->spot, "type", false);
  if (name == NULL) return;
  struct fl_spot spot = fl_spot_member(&entry->spot, "type");
  const struct node_type *type = find_type(name);
  if (type == NULL) refuse_type(&spot, name);
  else entry->type = type->shape.name;
  if (entry->type == NULL || strcmp(entry->type, "react") != 0) return;
  entry->tools_name = fl_format("%s_tools", entry->name);
  fl_map_set(&loader->tools_names, entry->tools_name, entry);
}

void fl_file_declare_nodes(struct fl_loader *loader) {
  for (size_t i = 0; i < loader->nodes.count; i++) declare(loader, loader->nodes.items[i]);
  for (size_t i = 0; i < loader->nodes.count; i++) {
    const struct fl_entry *entry = loader->nodes.items[i];
    const struct fl_entry *maker = fl_map_get(&loader->tools_names, entry->name);
    if (maker != NULL)
      fl_spot_key_error(&entry->spot, "rename one of them",
                        "the name is taken: react node \"%s\" makes a node \"%s\" for its tools", maker->name,
                        entry->name);
  }
  fl_file_declare_hooks(loader);
}

bool fl_file_is_agent(const struct fl_entry *entry) {
  return entry->type == NULL || strcmp(entry->type, "agent") == 0 || strcmp(entry->type, "react") == 0;
}

bool fl_file_use_node(const struct fl_spot *spot, const char *name, struct fl_entry **ret_entry) {
  struct fl_loader *loader = spot->loader;
  *ret_entry = NULL;
  if (fl_map_get(&loader->tools_names, name) != NULL) return true;
  *ret_entry = fl_section_use(&loader->nodes, spot, "node", name);
  return *ret_entry != NULL && !fl_file_refuse_hook(spot, *ret_entry);
}

/* ---- loading ---- */

/* react: NAME is the agent, NAME_tools calls what it asks for and leads back to it. The way out of NAME is a matter of
 * edges. */
static void add_react(struct fl_node_load *load) {
  const struct fl_entry *entry = load->entry;
  struct fl_value *tools_config = fl_object();
  fl_set_string(tools_config, "agent", entry->name);
  struct fl_value *tools = fl_get(load->config, "tools");
  if (tools != NULL) fl_set_take(tools_config, "tools", fl_value_ref(tools));
  struct fl_value *direct = fl_get(load->config, "return_direct");
  if (direct != NULL) fl_set_take(tools_config, "return_direct", fl_value_ref(direct));
  struct fl_value *spill = fl_get(load->config, "spill_above");
  if (spill != NULL) fl_set_take(tools_config, "spill_above", fl_value_ref(spill));
  fl_graph_typed_node_take(load->loader->graph, entry->tools_name, "tools", NULL, tools_config, NULL);
  struct fl_node_policy policy = load->policy;
  policy.caches = false; /* the cache is the agent's */
  fl_node_policy_copy(fl_graph_last_policy(load->loader->graph), &policy);
  fl_graph_edge(load->loader->graph, entry->tools_name, entry->name);
}

/* What goes beyond the builder's calls. */
static char **read_input(const struct fl_node_load *load) {
  struct fl_spot input = fl_spot_member(load->spot, "input");
  if (input.value == NULL || !fl_spot_is(&input, FL_ARRAY)) return NULL;
  char **names = fl_new_array(char *, fl_size(input.value) + 1);
  size_t count = 0;
  for (size_t i = 0; i < fl_size(input.value); i++) {
    struct fl_spot element = fl_spot_element(&input, i);
    if (!fl_spot_is(&element, FL_STRING)) continue;
    fl_file_use_channel(&element, fl_as_string(element.value));
    names[count++] = fl_strdup(fl_as_string(element.value));
  }
  return names;
}

static void finish_node(struct fl_node_load *load) {
  struct fl_node_def *node = fl_graph_last_node(load->loader->graph);
  struct fl_spot defer = fl_spot_member(load->spot, "defer");
  node->is_deferred = defer.value != NULL && fl_spot_is(&defer, FL_BOOL) && fl_as_bool(defer.value, false);
  if (strcmp(load->entry->type, "graph") != 0) node->input_names = read_input(load); /* there it is a mapping */
  node->ways = load->ways;
  node->way_count = load->way_count;
  node->is_for_parent = load->is_for_parent;
}

static void load_node(struct fl_loader *loader, struct fl_entry *entry) {
  const struct node_type *type = entry->type != NULL ? find_type(entry->type) : NULL;
  if (type == NULL) return;
  struct fl_node_load load = {
      .loader = loader, .entry = entry, .spot = &entry->spot, .config = fl_copy_shallow(entry->spot.value)};
  fl_unset(load.config, "type");
  fl_unset(load.config, "description");
  fl_unset(load.config, "defer");
  if (strcmp(entry->type, "graph") != 0) fl_unset(load.config, "input");
  loader->loading_node = entry->name;
  fl_file_strip_policy(load.config);
  fl_spot_check_keys(&entry->spot, &type->shape);
  type->check(&load);
  fl_file_load_node_policy(&entry->spot, &load.policy, &load.exprs);
  const char *description = fl_spot_text(&entry->spot, "description", false);
  bool is_react = strcmp(entry->type, "react") == 0;
  fl_unset(load.config, "before_model");
  fl_unset(load.config, "after_model");
  if (is_react) fl_set_bool(load.config, "loops", true); /* it says so when there are no steps left for its tools */
  fl_graph_typed_node_take(loader->graph, entry->name, is_react ? "agent" : entry->type, description, load.config,
                           &load.exprs);
  fl_node_policy_copy(fl_graph_last_policy(loader->graph), &load.policy);
  if (load.subgraph != NULL) fl_graph_set_subgraph(loader->graph, load.subgraph, load.checkpoints);
  finish_node(&load);
  if (is_react) add_react(&load);
  loader->loading_node = NULL;
  fl_node_policy_deinit(&load.policy);
  fl_exprs_deinit(&load.exprs);
}

void fl_file_load_nodes(struct fl_loader *loader) {
  for (size_t i = 0; i < loader->nodes.count; i++) load_node(loader, loader->nodes.items[i]);
}

/* ---- all shapes ---- */

const struct fl_file_shape *const *fl_file_shapes(void) {
  static const struct fl_file_shape *all[TYPE_COUNT + 40];
  static const struct fl_file_shape *const others[] = {
      &fl_shape_graph,         &fl_shape_subgraph,       &fl_shape_part,            &fl_shape_channel,
      &fl_shape_model,         &fl_shape_server,         &fl_shape_edge,            &fl_shape_arm,
      &fl_shape_prompt,        &fl_shape_answer,         &fl_shape_history,         &fl_shape_send,
      &fl_shape_way,           &fl_shape_retry,          &fl_shape_timeout,         &fl_shape_cache,
      &fl_shape_defaults,      &fl_shape_context,        &fl_shape_http,            &fl_shape_builtin,
      &fl_shape_builtin_files, &fl_shape_builtin_sqlite, &fl_shape_builtin_fetch,   &fl_shape_builtin_ping,
      &fl_shape_builtin_place, &fl_shape_memory,         &fl_shape_embed,           &fl_shape_auth,
      &fl_shape_builtin_process, &fl_shape_builtin_command, &fl_shape_trace,        &fl_shape_trace_content,
      &fl_shape_trace_redact,  &fl_shape_trace_export};
  for (size_t i = 0; i < TYPE_COUNT; i++) all[i] = &types[i].shape;
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) all[TYPE_COUNT + i] = others[i];
  return all;
}
