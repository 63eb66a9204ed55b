/* SPDX-License-Identifier: MIT */
/* Nodes: a table of types, each with its keys and its check; expressions compiled; `react` written out as two nodes. */
#include "graph/file_loader.h"
#include "runtime/json/json.h"

#include <stdio.h>

/* A node being loaded. `config` is what the engine will read, `exprs` its expressions by pointer into it. */
struct node_load {
  struct fl_loader *loader;
  struct fl_entry *entry;
  const struct fl_spot *spot;
  struct fl_value *config;
  struct fl_map exprs;
};

typedef void node_check_fn(struct node_load *load);

struct node_type {
  struct fl_file_shape shape;
  node_check_fn *check;
};

/* ---- expressions of a node ---- */

static void add_expr(struct node_load *load, const struct fl_spot *spot) {
  struct fl_expr *expr = spot->value != NULL ? fl_file_expr(spot) : NULL;
  if (expr == NULL) return;
  FL_BUF_AUTO pointer = {0};
  if (spot->parent != load->spot) fl_json_pointer_add(&pointer, fl_slice_of(spot->parent->key));
  fl_json_pointer_add(&pointer, fl_slice_of(spot->key));
  fl_expr_destroy(fl_map_set(&load->exprs, pointer.data, expr));
}

static void add_required_expr(struct node_load *load, const char *key) {
  struct fl_spot spot = fl_spot_member(load->spot, key);
  if (spot.value == NULL) fl_spot_key_error(load->spot, NULL, "\"%s\" is missing", key);
  add_expr(load, &spot);
}

/* A map whose values are expressions; with `of_channels` its keys are channels. */
static void add_expr_map(struct node_load *load, const char *key, bool of_channels) {
  struct fl_spot map = fl_spot_member(load->spot, key);
  if (map.value == NULL || !fl_spot_is(&map, FL_OBJECT)) return;
  for (struct fl_member m = {0}; fl_next_member(map.value, &m);) {
    struct fl_spot spot = fl_spot_member(&map, m.key);
    if (of_channels) fl_file_use_channel(&spot, m.key);
    add_expr(load, &spot);
  }
}

static void use_channel_of(struct node_load *load, const char *key) {
  const char *name = fl_spot_text(load->spot, key, false);
  struct fl_spot spot = fl_spot_member(load->spot, key);
  if (name != NULL) fl_file_use_channel(&spot, name);
}

/* ---- types ---- */

static void need_messages(struct node_load *load) {
  struct fl_entry *channel = fl_section_find(&load->loader->state, "messages");
  if (channel != NULL) channel->is_used = true;
  if (fl_file_has_messages(load->loader)) return;
  fl_spot_key_error(load->spot, "add \"messages: { reducer: messages }\" to state",
                    "a node of type %s needs the channel \"messages\" with the reducer messages", load->entry->type);
}

/* An agent that names no model has the only one there is. */
static void check_model(struct node_load *load) {
  struct fl_section *models = &load->loader->models;
  const char *name = fl_spot_text(load->spot, "model", false);
  struct fl_spot spot = fl_spot_member(load->spot, "model");
  if (name != NULL) {
    fl_section_use(models, &spot, "model", name);
  } else if (spot.value == NULL && models->count == 1) {
    models->items[0]->is_used = true;
    fl_set_string(load->config, "model", models->items[0]->name);
  } else if (spot.value == NULL && models->count == 0) {
    fl_spot_key_warn(load->spot, "declare one under models, or run with --model", "the agent has no model");
  } else if (spot.value == NULL) {
    fl_spot_key_error(load->spot, "add \"model\"", "the agent does not say which of the %zu models it uses",
                      models->count);
  }
}

static void check_agent(struct node_load *load) {
  need_messages(load);
  check_model(load);
  struct fl_spot prompt = fl_spot_member(load->spot, "prompt"), tools = fl_spot_member(load->spot, "tools");
  fl_spot_is(&prompt, FL_STRING);
  fl_file_check_tools(&tools);
}

static void check_tools(struct node_load *load) {
  need_messages(load);
  struct fl_spot agent = fl_spot_member(load->spot, "agent"), tools = fl_spot_member(load->spot, "tools");
  fl_file_check_tools(&tools);
  const char *name = fl_spot_text(load->spot, "agent", false);
  struct fl_entry *entry = NULL;
  if (name == NULL || !fl_file_use_node(&agent, name, &entry)) return;
  if (entry == NULL || !fl_file_is_agent(entry)) fl_spot_error(&agent, NULL, "\"%s\" is not an agent", name);
}

static void check_tool(struct node_load *load) {
  const char *name = fl_spot_text(load->spot, "tool", true);
  struct fl_spot tool = fl_spot_member(load->spot, "tool");
  if (name != NULL) fl_file_check_tool(&tool, name, false);
  add_expr_map(load, "args", false);
  use_channel_of(load, "write");
}

static void check_set(struct node_load *load) {
  struct fl_spot write = fl_spot_member(load->spot, "write");
  if (write.value == NULL) fl_spot_key_error(load->spot, NULL, "\"write\" is missing");
  add_expr_map(load, "write", true);
}

static void check_fail(struct node_load *load) { add_required_expr(load, "message"); }

static void check_interrupt(struct node_load *load) {
  add_required_expr(load, "value");
  use_channel_of(load, "resume");
}

static void check_c(struct node_load *load) { fl_spot_text(load->spot, "function", true); }

#define COMMON "type", "description"
static const char *const later_keys[] = {"retry", "timeout", "cache", "defer", "on_error", NULL};
static const char *const later_set_keys[] = {"retry", "timeout", "cache", "defer", "on_error", "goto", "graph", NULL};
static const char *const agent_keys[] = {COMMON, "model", "prompt", "tools", NULL};
static const char *const tools_keys[] = {COMMON, "agent", "tools", NULL};
static const char *const tool_keys[] = {COMMON, "tool", "args", "write", NULL};
static const char *const set_keys[] = {COMMON, "write", NULL};
static const char *const fail_keys[] = {COMMON, "message", NULL};
static const char *const interrupt_keys[] = {COMMON, "value", "resume", NULL};
static const char *const c_keys[] = {COMMON, "function", NULL};

static const struct node_type types[] = {
    {{"react", "a node of type react", agent_keys, later_keys}, check_agent},
    {{"agent", "a node of type agent", agent_keys, later_keys}, check_agent},
    {{"tools", "a node of type tools", tools_keys, later_keys}, check_tools},
    {{"tool", "a node of type tool", tool_keys, later_keys}, check_tool},
    {{"set", "a node of type set", set_keys, later_set_keys}, check_set},
    {{"fail", "a node of type fail", fail_keys, later_keys}, check_fail},
    {{"interrupt", "a node of type interrupt", interrupt_keys, later_keys}, check_interrupt},
    {{"c", "a node of type c", c_keys, later_keys}, check_c},
};
enum { TYPE_COUNT = sizeof types / sizeof *types };

static const struct node_type *find_type(const char *name) {
  for (size_t i = 0; i < TYPE_COUNT; i++) {
    if (strcmp(types[i].shape.name, name) == 0) return &types[i];
  }
  return NULL;
}

static void refuse_type(const struct fl_spot *spot, const char *name) {
  static const char *const later[] = {"graph", "judge", "http"};
  const char *names[TYPE_COUNT];
  for (size_t i = 0; i < 3; i++) {
    if (strcmp(name, later[i]) != 0) continue;
    fl_spot_error(
        spot, NULL,
        "nodes of type \"%s\" are not in version 1 of the graph file as this fairlead reads it: they come later", name);
    return;
  }
  for (size_t i = 0; i < TYPE_COUNT; i++) names[i] = types[i].shape.name;
  char advice[FL_SUGGESTION_MAX];
  const char *near = fl_suggest(name, names, TYPE_COUNT, advice);
  fl_spot_error(spot, near != NULL ? near : "the types are react, agent, tools, tool, set, fail, interrupt and c",
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

static void declare(struct fl_loader *loader, struct fl_entry *entry) {
  check_name(entry);
  if (!fl_spot_is(&entry->spot, FL_OBJECT)) return;
  const char *name = fl_spot_text(&entry->spot, "type", true);
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
}

bool fl_file_is_agent(const struct fl_entry *entry) {
  return entry->type == NULL || strcmp(entry->type, "agent") == 0 || strcmp(entry->type, "react") == 0;
}

bool fl_file_use_node(const struct fl_spot *spot, const char *name, struct fl_entry **ret_entry) {
  struct fl_loader *loader = spot->loader;
  *ret_entry = NULL;
  if (fl_map_get(&loader->tools_names, name) != NULL) return true;
  *ret_entry = fl_section_use(&loader->nodes, spot, "node", name);
  return *ret_entry != NULL;
}

/* ---- loading ---- */

static void destroy_exprs(struct fl_map *exprs) {
  struct fl_map_entry *entry;
  for (size_t cursor = 0; (entry = fl_map_next(exprs, &cursor)) != NULL;) fl_expr_destroy(entry->value);
  fl_map_deinit(exprs);
}

/* react: NAME is the agent, NAME_tools calls what it asks for and leads back to it. The way out of NAME is a matter of
 * edges. */
static void add_react(struct node_load *load) {
  const struct fl_entry *entry = load->entry;
  struct fl_value *tools_config = fl_object();
  fl_set_string(tools_config, "agent", entry->name);
  struct fl_value *tools = fl_get(load->config, "tools");
  if (tools != NULL) fl_set_take(tools_config, "tools", fl_value_ref(tools));
  fl_graph_typed_node_take(load->loader->graph, entry->tools_name, "tools", NULL, tools_config, NULL);
  fl_graph_edge(load->loader->graph, entry->tools_name, entry->name);
}

static void load_node(struct fl_loader *loader, struct fl_entry *entry) {
  const struct node_type *type = entry->type != NULL ? find_type(entry->type) : NULL;
  if (type == NULL) return;
  struct node_load load = {
      .loader = loader, .entry = entry, .spot = &entry->spot, .config = fl_copy_shallow(entry->spot.value)};
  fl_unset(load.config, "type");
  fl_unset(load.config, "description");
  fl_spot_check_keys(&entry->spot, &type->shape);
  type->check(&load);
  const char *description = fl_spot_text(&entry->spot, "description", false);
  bool is_react = strcmp(entry->type, "react") == 0;
  fl_graph_typed_node_take(loader->graph, entry->name, is_react ? "agent" : entry->type, description, load.config,
                           &load.exprs);
  if (is_react) add_react(&load);
  destroy_exprs(&load.exprs);
}

void fl_file_load_nodes(struct fl_loader *loader) {
  for (size_t i = 0; i < loader->nodes.count; i++) load_node(loader, loader->nodes.items[i]);
}

/* ---- all shapes ---- */

const struct fl_file_shape *const *fl_file_shapes(void) {
  static const struct fl_file_shape *all[TYPE_COUNT + 8];
  static const struct fl_file_shape *const others[] = {&fl_shape_graph, &fl_shape_part,   &fl_shape_channel,
                                                       &fl_shape_model, &fl_shape_server, &fl_shape_edge,
                                                       &fl_shape_arm};
  for (size_t i = 0; i < TYPE_COUNT; i++) all[i] = &types[i].shape;
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) all[TYPE_COUNT + i] = others[i];
  return all;
}
