/* SPDX-License-Identifier: MIT */
#include "runtime/engine/load.h"

#include "mcp/client.h"
#include "runtime/base/mem.h"
#include "tools/builtin/builtin.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

/* ---- .env ---- */

enum { FL_ENV_FILE_MAX = 64 * 1024 };

static struct fl_map env_values;
static bool env_is_read;

/* NAME=VALUE, `export ` allowed in front, quotes around the value removed, # begins a comment line. */
static void read_env_line(char *line) {
  while (*line == ' ' || *line == '\t') line++;
  if (strncmp(line, "export ", 7) == 0) line += 7;
  char *equals = strchr(line, '=');
  if (*line == '#' || equals == NULL) return;
  size_t name_size = (size_t)(equals - line);
  while (name_size > 0 && (line[name_size - 1] == ' ' || line[name_size - 1] == '\t')) name_size--;
  char *value = equals + 1;
  while (*value == ' ' || *value == '\t') value++;
  size_t size = strlen(value);
  while (size > 0 && (value[size - 1] == ' ' || value[size - 1] == '\t' || value[size - 1] == '\r')) size--;
  if (size >= 2 && (value[0] == '"' || value[0] == '\'') && value[size - 1] == value[0]) {
    value++;
    size -= 2;
  }
  if (name_size > 0) fl_free(fl_map_set_n(&env_values, fl_slice_n(line, name_size), fl_strndup(value, size)));
}

static void read_env_file(void) {
  env_is_read = true;
  FILE *file = fopen(".env", "re");
  if (file == NULL) return;
  FL_FREE_AUTO char *text = fl_alloc(FL_ENV_FILE_MAX + 1);
  text[fread(text, 1, FL_ENV_FILE_MAX, file)] = '\0';
  fclose(file);
  char *rest = NULL;
  for (char *line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) read_env_line(line);
}

const char *fl_load_getenv(const char *name) {
  const char *value = getenv(name);
  if (value != NULL) return value;
  if (!env_is_read) read_env_file();
  return fl_map_get(&env_values, name);
}

/* ---- files ---- */

static int read_file(const char *path, char **ret_text, size_t *ret_size, struct fl_error *err) {
  FILE *file = fopen(path, "re");
  if (file == NULL)
    return fl_error_set(err, errno == ENOENT ? FL_E_NOT_FOUND : FL_E_IO, "cannot read %s: %s", path, strerror(errno));
  struct stat info;
  if (fstat(fileno(file), &info) == 0 && S_ISDIR(info.st_mode)) {
    fclose(file);
    return fl_error_set(err, FL_E_IO, "cannot read %s: it is a folder; name the graph file in it", path);
  }
  char *text = fl_alloc(FL_DOCUMENT_SIZE_MAX + 2);
  size_t size = fread(text, 1, FL_DOCUMENT_SIZE_MAX + 1, file);
  bool has_failed = ferror(file) != 0;
  fclose(file);
  if (has_failed) {
    fl_free(text);
    return fl_error_set(err, FL_E_IO, "cannot read %s: %s", path, strerror(errno));
  }
  text[size] = '\0';
  *ret_text = text;
  *ret_size = size;
  return 0;
}

static int read_include(const char *path, char **ret_text, size_t *ret_size, void *user, struct fl_error *err) {
  return read_file(path, ret_text, ret_size, err);
}

/* ---- what belongs to a graph ---- */

static void add_diag(const char *path, const char *pointer, struct fl_diags *diags, const struct fl_error *err) {
  fl_diags_add(diags, &(struct fl_diag){.file = path, .pointer = pointer, .message = err->text});
}

static int load_models(struct fl_loaded_graph *graph, struct fl_diags *diags) {
  int rc = 0;
  struct fl_member member = {0};
  while (fl_next_member(graph->file.models, &member)) {
    struct fl_model_config *config = fl_new(struct fl_model_config);
    struct fl_error err = {0};
    if (fl_model_config_read(member.value, graph->file.folder, fl_load_getenv, config, &err) == 0) {
      fl_map_set(&graph->models, member.key, config);
      continue;
    }
    fl_free(config);
    FL_FREE_AUTO char *pointer = fl_format("/models/%s", member.key);
    add_diag(graph->file.path, pointer, diags, &err);
    rc = FL_E_INVALID;
  }
  return rc;
}

static int load_server(struct fl_runtime *runtime, struct fl_loaded_graph *graph, const struct fl_member *member,
                       struct fl_error *err) {
  struct fl_tool_source *source = NULL;
  int rc = fl_mcp_client_from_config(runtime->world, member->key, member->value, graph->file.folder, &source, err);
  return rc < 0 ? rc : fl_registry_add_take(runtime->registry, source, err);
}

static int load_servers(struct fl_runtime *runtime, struct fl_loaded_graph *graph, struct fl_diags *diags) {
  int rc = 0;
  struct fl_member member = {0};
  while (fl_next_member(graph->file.servers, &member)) {
    struct fl_error err = {0};
    if (load_server(runtime, graph, &member, &err) == 0) continue;
    FL_FREE_AUTO char *pointer = fl_format("/mcpServers/%s", member.key);
    add_diag(graph->file.path, pointer, diags, &err);
    rc = FL_E_INVALID;
  }
  return rc;
}

static bool names_server(const struct fl_definition *definition, const char *server) {
  FL_FREE_AUTO char *prefix = fl_format("%s/", server);
  for (size_t i = 0; i < definition->node_count; i++) {
    const struct fl_value *config = definition->nodes[i].config;
    const char *tool = fl_get_string(config, "tool", "");
    if (strncmp(tool, prefix, strlen(prefix)) == 0) return true;
    const struct fl_value *tools = fl_get(config, "tools");
    for (size_t j = 0; j < fl_size(tools); j++) {
      const char *pattern = fl_as_string(fl_at(tools, j));
      if (pattern != NULL && strncmp(pattern, prefix, strlen(prefix)) == 0) return true;
    }
  }
  return false;
}

static int load_builtin(struct fl_runtime *runtime, struct fl_loaded_graph *graph, struct fl_error *err) {
  if (!names_server(graph->definition, "builtin")) return 0;
  struct fl_tool_source *source = NULL;
  int rc = fl_tool_source_local(runtime->world, "builtin", fl_builtin_tools, fl_builtin_tool_count, &source, err);
  if (rc < 0) return rc;
  rc = fl_registry_add_take(runtime->registry, source, err);
  return rc == FL_E_EXISTS ? 0 : rc;
}

struct pattern_list {
  const char **items;
  size_t count;
};

static void add_pattern(struct pattern_list *list, const char *pattern) {
  list->items = fl_realloc(list->items, (list->count + 2) * sizeof *list->items);
  list->items[list->count++] = pattern;
  list->items[list->count] = NULL;
}

struct fl_policy *fl_load_policy(struct fl_runtime *runtime, const struct fl_definition *definition,
                                 const struct fl_value *effects) {
  struct pattern_list list = {fl_new_array(const char *, 1), 0};
  for (size_t i = 0; i < definition->node_count; i++) {
    const struct fl_value *config = definition->nodes[i].config;
    const char *tool = fl_get_string(config, "tool", NULL);
    if (tool != NULL) add_pattern(&list, tool);
    const struct fl_value *tools = fl_get(config, "tools");
    for (size_t j = 0; j < fl_size(tools); j++)
      if (fl_as_string(fl_at(tools, j)) != NULL) add_pattern(&list, fl_as_string(fl_at(tools, j)));
  }
  for (size_t i = 0; i < runtime->granted_count; i++) add_pattern(&list, runtime->granted[i]);
  struct fl_policy *policy = fl_policy_create_allow_list(list.items, effects);
  fl_free(list.items);
  return policy;
}

/* A node of type `c` must name a function that the embedding program (or a plugin) has added. */
static int check_functions(struct fl_runtime *runtime, struct fl_loaded_graph *graph, struct fl_diags *diags) {
  int rc = 0;
  for (size_t i = 0; i < graph->definition->node_count; i++) {
    const struct fl_node_def *node = &graph->definition->nodes[i];
    const char *name = fl_get_string(node->config, "function", NULL);
    if (node->run != NULL || strcmp(node->type, "c") != 0 || name == NULL) continue;
    if (fl_map_get(&runtime->functions, name) != NULL) continue;
    struct fl_error err = {0};
    fl_error_set(&err, FL_E_NOT_FOUND, "there is no function named \"%s\" in this program", name);
    FL_FREE_AUTO char *pointer = fl_format("/nodes/%s/function", node->name);
    add_diag(graph->file.path, pointer, diags, &err);
    rc = FL_E_INVALID;
  }
  return rc;
}

int fl_load_graph_file(const char *path, struct fl_graph_file *ret_file, struct fl_diags *diags) {
  FL_FREE_AUTO char *text = NULL;
  size_t size = 0;
  struct fl_error err = {0};
  int rc = read_file(path, &text, &size, &err);
  if (rc < 0) {
    fl_diags_add(diags, &(struct fl_diag){.message = err.text});
    return rc;
  }
  struct fl_graph_file_options options = {.size = sizeof options, .read = read_include, .getenv_fn = fl_load_getenv};
  return fl_graph_file_load(path, fl_slice_n(text, size), &options, ret_file, diags);
}

int fl_load_graph(struct fl_runtime *runtime, const char *path, struct fl_loaded_graph *graph, struct fl_diags *diags) {
  struct fl_error err = {0};
  int rc = fl_load_graph_file(path, &graph->file, diags);
  if (rc < 0) return rc;
  graph->definition = fl_definition_ref(graph->file.definition);
  graph->policy = fl_load_policy(runtime, graph->definition, graph->file.effects);
  int results[] = {load_models(graph, diags), load_servers(runtime, graph, diags),
                   check_functions(runtime, graph, diags)};
  for (size_t i = 0; i < sizeof results / sizeof results[0]; i++)
    if (results[i] < 0) rc = results[i];
  if (rc == 0 && (rc = load_builtin(runtime, graph, &err)) < 0) add_diag(path, "", diags, &err);
  return rc;
}
