/* SPDX-License-Identifier: MIT */
/* A graph file from text to definition: parse it and its includes, bring the sections together, check and build in one
 * pass over each, then compile. An error anywhere means that nothing is built, but everything has been looked at by
 * then. */
#include "graph/file_loader.h"

#include <stdio.h>

/* ---- shapes that are not nodes ---- */

static const char *const graph_keys[] = {"$schema",
                                         "fairlead",
                                         "name",
                                         "description",
                                         "include",
                                         "state",
                                         "models",
                                         "mcpServers",
                                         "effects",
                                         "nodes",
                                         "edges",
                                         "interrupt_before",
                                         "interrupt_after",
                                         "recursion_limit",
                                         "context",
                                         "max_concurrency",
                                         "durability",
                                         "defaults",
                                         "http",
                                         "graphs",
                                         "input",
                                         "output",
                                         "builtin",
                                         "memory",
                                         "manifest",
                                         "trace",
                                         NULL};
static const char *const subgraph_keys[] = {"description",
                                            "state",
                                            "nodes",
                                            "edges",
                                            "interrupt_before",
                                            "interrupt_after",
                                            "recursion_limit",
                                            "max_concurrency",
                                            "defaults",
                                            "graphs",
                                            "input",
                                            "output",
                                            NULL};
static const char *const part_keys[] = {"$schema", "fairlead",   "description", "state",
                                        "models",  "mcpServers", "nodes",       NULL};
static const char *const channel_keys[] = {"reducer",    "type",  "schema",  "default", "description",
                                           "accumulate", "guard", "private", NULL};
static const char *const model_keys[] = {"provider",
                                         "model",
                                         "base_url",
                                         "api_key",
                                         "script",
                                         "temperature",
                                         "top_p",
                                         "max_tokens",
                                         "stop",
                                         "seed",
                                         "max_retries",
                                         "first_byte_timeout_ms",
                                         "extra",
                                         "tool_choice",
                                         "parallel_tool_calls",
                                         "reasoning_effort",
                                         "tool_schemas",
                                         "reasoning_field",
                                         "idle_timeout_ms",
                                         NULL};
static const char *const server_keys[] = {"type", "command", "args", "env", "cwd",
                                          "url",  "headers", "auth", "pin", NULL};
static const char *const auth_keys[] = {"grant",           "dpop",
                                        "client_id",       "client_secret",
                                        "private_key_pem", "client_metadata_url",
                                        "client_name",     "scope",
                                        "redirect_uri",    "issuer",
                                        "idp_issuer",      "idp_token_endpoint",
                                        "idp_client_id",   "idp_client_secret",
                                        "idp_id_token",    "idp_id_token_file",
                                        "assertion",       "assertion_file",
                                        "allow_addresses", NULL};
static const char *const edge_keys[] = {"from", "to", "branch", "send", NULL};
static const char *const arm_keys[] = {"when", "to", "send", NULL};

const struct fl_file_shape fl_shape_graph = {"graph_file", "a graph file", graph_keys, NULL};
const struct fl_file_shape fl_shape_subgraph = {"subgraph", "a graph in a graph file", subgraph_keys, NULL};
const struct fl_file_shape fl_shape_part = {"part", "an included file", part_keys, NULL};
const struct fl_file_shape fl_shape_channel = {"channel", "a channel", channel_keys, NULL};
const struct fl_file_shape fl_shape_model = {"model", "a model", model_keys, NULL};
const struct fl_file_shape fl_shape_server = {"server", "a server", server_keys, NULL};
const struct fl_file_shape fl_shape_auth = {"auth", "the authorization of a server", auth_keys, NULL};
const struct fl_file_shape fl_shape_edge = {"edge", "an edge", edge_keys, NULL};
const struct fl_file_shape fl_shape_arm = {"arm", "a way of a branch", arm_keys, NULL};

/* ---- the file and its includes ---- */

static bool check_version(const struct fl_spot *root, bool is_required) {
  struct fl_spot version = fl_spot_member(root, "fairlead");
  if (version.value == NULL && !is_required) return true;
  if (version.value == NULL)
    fl_spot_error(root, "begin it with \"fairlead: 1\"", "the file does not say which version of the format it is in");
  else if (!fl_is(version.value, FL_INT) || fl_as_int(version.value, 0) != 1)
    fl_spot_error(&version, "write 1", "this fairlead reads version 1 of the graph file only");
  else return true;
  return false;
}

/* False when nothing can be read from it. */
static bool add_part(struct fl_loader *loader, const char *path, fl_slice text) {
  struct fl_file_part *part = fl_new(struct fl_file_part);
  if (fl_document_parse(path, text, &part->document, loader->diags) < 0) {
    fl_free(part);
    return false;
  }
  loader->parts[loader->part_count++] = part;
  part->root = (struct fl_spot){.loader = loader, .document = &part->document, .value = part->document.root};
  bool is_main = loader->part_count == 1;
  if (!fl_spot_is(&part->root, FL_OBJECT)) return false;
  fl_spot_check_keys(&part->root, is_main ? &fl_shape_graph : &fl_shape_part);
  check_version(&part->root, is_main);
  return true;
}

/* As a person would name it: an included file is said relative to where fairlead stands, as the graph file is. */
char *fl_file_name_of(struct fl_loader *loader, const char *path) {
  const char *main_path = loader->parts[0]->document.file, *slash = strrchr(main_path, '/');
  if (slash == NULL || path[0] == '/') return fl_strdup(path);
  return fl_format("%.*s/%s", (int)(slash - main_path), main_path, path);
}

static void include_one(struct fl_loader *loader, const struct fl_spot *spot) {
  if (!fl_spot_is(spot, FL_STRING)) return;
  const char *path = fl_as_string(spot->value);
  FL_FREE_AUTO char *text = NULL;
  size_t size = 0;
  struct fl_error err = {0};
  if (fl_option(loader->options, read, NULL) == NULL) fl_spot_error(spot, NULL, "files cannot be included here");
  else if (loader->part_count > FL_FILE_INCLUDE_MAX)
    fl_spot_error(spot, NULL, "more than %d files are included", FL_FILE_INCLUDE_MAX);
  else if (fl_file_read(loader, path, &text, &size, &err) < 0)
    fl_spot_error(spot, NULL, "\"%s\" cannot be included: %s", path, err.text);
  else {
    FL_FREE_AUTO char *name = fl_file_name_of(loader, path);
    add_part(loader, name, fl_slice_n(text, size));
  }
}

static void load_includes(struct fl_loader *loader) {
  struct fl_spot include = fl_spot_member(fl_loader_root(loader), "include");
  if (include.value == NULL || !fl_spot_is(&include, FL_ARRAY)) return;
  for (size_t i = 0; i < fl_size(include.value); i++) {
    struct fl_spot element = fl_spot_element(&include, i);
    include_one(loader, &element);
  }
}

/* ---- compile options ---- */

static const char **read_stops(struct fl_loader *loader, const char *key) {
  struct fl_spot list = fl_spot_member(fl_loader_root(loader), key);
  const char **names = fl_new_array(const char *, fl_size(list.value) + 1);
  size_t count = 0;
  if (list.value == NULL || !fl_spot_is(&list, FL_ARRAY)) return names;
  for (size_t i = 0; i < fl_size(list.value); i++) {
    struct fl_spot element = fl_spot_element(&list, i);
    struct fl_entry *entry;
    if (!fl_spot_is(&element, FL_STRING)) continue;
    const char *name = fl_as_string(element.value);
    if (strcmp(name, "*") == 0 || fl_file_use_node(&element, name, &entry)) names[count++] = name;
  }
  return names;
}

/* Channels of the graph's input or output; NULL when nothing is said. */
static const char **read_channels(struct fl_loader *loader, const char *key) {
  struct fl_spot list = fl_spot_member(fl_loader_root(loader), key);
  if (list.value == NULL || !fl_spot_is(&list, FL_ARRAY)) return NULL;
  const char **names = fl_new_array(const char *, fl_size(list.value) + 1);
  size_t count = 0;
  for (size_t i = 0; i < fl_size(list.value); i++) {
    struct fl_spot element = fl_spot_element(&list, i);
    if (!fl_spot_is(&element, FL_STRING)) continue;
    fl_file_use_channel(&element, fl_as_string(element.value));
    names[count++] = fl_as_string(element.value);
  }
  return names;
}

static uint32_t read_recursion_limit(struct fl_loader *loader) {
  struct fl_spot limit = fl_spot_member(fl_loader_root(loader), "recursion_limit");
  if (limit.value == NULL || !fl_spot_is(&limit, FL_INT)) return 0;
  int64_t number = fl_as_int(limit.value, 0);
  if (number >= 1 && number <= FL_FILE_RECURSION_MAX) return (uint32_t)number;
  fl_spot_error(&limit, NULL, "must be from 1 to %d", FL_FILE_RECURSION_MAX);
  return 0;
}

/* ---- compiling ---- */

/* The builder names nodes and channels in quotes; with the name comes the place. */
static bool say_at_name(struct fl_loader *loader, const char *line, const char *mark,
                        const struct fl_section *section) {
  const char *at = strstr(line, mark);
  if (at == NULL) return false;
  const char *name = at + strlen(mark), *end = strchr(name, '"');
  if (end == NULL) return false;
  const struct fl_entry *entry = fl_map_get_n(&section->index, fl_slice_n(name, (size_t)(end - name)));
  if (entry == NULL) return false;
  fl_spot_key_error(&entry->spot, NULL, "%s", line);
  return true;
}

static void say_problem(struct fl_loader *loader, const char *line) {
  while (*line == ' ') line++;
  if (say_at_name(loader, line, "channel \"", &loader->state) || say_at_name(loader, line, "node \"", &loader->nodes) ||
      say_at_name(loader, line, "after \"", &loader->nodes))
    return;
  fl_spot_error(fl_loader_root(loader), NULL, "%s", line);
}

/* The first line of the builder's text is a heading. */
static void say_problems(struct fl_loader *loader, const char *text) {
  const char *line = strchr(text, '\n');
  if (line == NULL) say_problem(loader, text);
  while (line != NULL) {
    const char *end = strchr(++line, '\n');
    FL_FREE_AUTO char *one = fl_strndup(line, end != NULL ? (size_t)(end - line) : strlen(line));
    say_problem(loader, one);
    line = end;
  }
}

static struct fl_definition *compile(struct fl_loader *loader, const struct fl_compile_options *options) {
  struct fl_definition *definition = NULL;
  struct fl_error err = {0};
  struct fl_graph *graph = loader->graph;
  loader->graph = NULL;
  if (fl_graph_compile(graph, options, &definition, &err) < 0) say_problems(loader, err.text);
  return definition;
}

/* ---- loading ---- */

char *fl_file_folder_of(const char *path) {
  const char *slash = strrchr(path, '/');
  if (slash == NULL) return fl_strdup(".");
  return slash == path ? fl_strdup("/") : fl_strndup(path, (size_t)(slash - path));
}

/* The file's name without folder and ending, when it does not say its own. */
static char *name_of(const struct fl_spot *root, const char *path) {
  const char *name = fl_spot_text(root, "name", false);
  if (name != NULL) return fl_strdup(name);
  const char *slash = strrchr(path, '/'), *base = slash != NULL ? slash + 1 : path;
  const char *dot = strrchr(base, '.');
  return dot != NULL && dot != base ? fl_strndup(base, (size_t)(dot - base)) : fl_strdup(base);
}

static void load_sections(struct fl_loader *loader, struct fl_graph_file *file) {
  const struct fl_spot *root = fl_loader_root(loader);
  struct fl_spot nodes = fl_spot_member(root, "nodes");
  fl_file_collect(loader);
  fl_file_declare_nodes(loader);
  fl_file_load_state(loader);
  file->models = fl_file_load_models(loader);
  file->servers = fl_file_load_servers(loader);
  file->effects = fl_file_load_effects(loader);
  file->builtin = fl_file_load_builtin(loader);
  file->memory = fl_file_load_memory(loader);
  file->trace = fl_file_load_trace(loader);
  fl_file_collect_sends(loader);
  fl_file_check_http(loader);
  fl_file_load_nodes(loader);
  fl_file_load_graphs(loader);
  if (loader->nodes.count == 0 && (nodes.value == NULL || fl_is(nodes.value, FL_OBJECT)))
    fl_spot_error(root, "add \"nodes\"", "the graph has no nodes");
  else fl_file_load_edges(loader);
  file->description = fl_strdup(fl_spot_text(root, "description", false));
  if (!loader->is_inline) file->manifest = fl_strdup(fl_spot_text(root, "manifest", false));
}

void fl_file_load_graph(struct fl_loader *loader, const char *name, struct fl_graph_file *file) {
  loader->graph = fl_graph_create(name);
  load_sections(loader, file);
  FL_FREE_AUTO const char **before = read_stops(loader, "interrupt_before");
  FL_FREE_AUTO const char **after = read_stops(loader, "interrupt_after");
  FL_FREE_AUTO const char **input = read_channels(loader, "input");
  FL_FREE_AUTO const char **output = read_channels(loader, "output");
  struct fl_compile_options options = {.size = sizeof options,
                                       .input = input,
                                       .output = output,
                                       .interrupt_before = before,
                                       .interrupt_after = after,
                                       .recursion_limit = read_recursion_limit(loader)};
  fl_file_load_graph_policy(loader, &options);
  if (loader->diags->error_count == 0) file->definition = compile(loader, &options);
  fl_value_unref(options.context);
  if (file->definition != NULL) fl_file_lint(loader);
  if (file->definition != NULL) fl_file_lint_ways(loader, file->definition);
}

void fl_file_load_text(struct fl_loader *loader, const char *path, fl_slice text, struct fl_graph_file *file) {
  if (!add_part(loader, path, text)) return;
  load_includes(loader);
  FL_FREE_AUTO char *name = name_of(fl_loader_root(loader), path);
  fl_file_load_graph(loader, name, file);
}

static void section_deinit(struct fl_section *section) {
  for (size_t i = 0; i < section->own_count; i++) {
    fl_free(section->items[i]->tools_name);
    fl_free(section->items[i]->leave_targets);
    fl_free(section->items[i]);
  }
  fl_free(section->items);
  fl_free(section->names);
  fl_map_deinit(&section->index);
}

void fl_loader_deinit(struct fl_loader *loader) {
  fl_file_children_free(loader);
  section_deinit(&loader->state);
  section_deinit(&loader->models);
  section_deinit(&loader->servers);
  section_deinit(&loader->nodes);
  fl_map_deinit(&loader->tools_names);
  fl_map_deinit(&loader->sent_names);
  fl_graph_destroy(loader->graph);
  for (size_t i = 0; i < loader->part_count; i++) {
    fl_document_deinit(&loader->parts[i]->document);
    fl_free(loader->parts[i]);
  }
}

/* Collects into diagnostics of its own, so that errors which the caller has already do not count; then hands them over.
 */
int fl_graph_file_load(const char *path, fl_slice text, const struct fl_graph_file_options *options,
                       struct fl_graph_file *ret_file, struct fl_diags *diags) {
  struct fl_diags found = {0};
  struct fl_loader loader = {.options = options, .diags = &found};
  const char *slash = strrchr(path, '/');
  loader.path = slash != NULL ? slash + 1 : path;
  struct fl_graph_file file = {.path = fl_strdup(path), .folder = fl_file_folder_of(path)};
  fl_file_load_text(&loader, path, text, &file);
  if (file.definition != NULL) fl_file_children_take(&loader, &file);
  fl_loader_deinit(&loader);
  fl_diags_sort(&found);
  for (size_t i = 0; i < found.count; i++) fl_diags_add(diags, &found.items[i]);
  diags->dropped_count += found.dropped_count;
  int rc = found.error_count == 0 ? 0 : FL_E_INVALID;
  fl_diags_deinit(&found);
  if (rc == 0) *ret_file = file;
  else fl_graph_file_deinit(&file);
  return rc;
}

void fl_graph_file_deinit(struct fl_graph_file *file) {
  fl_definition_unref(file->definition);
  fl_free(file->path);
  fl_free(file->folder);
  fl_free(file->description);
  fl_free(file->manifest);
  fl_value_unref(file->models);
  fl_value_unref(file->servers);
  fl_value_unref(file->effects);
  fl_value_unref(file->builtin);
  fl_value_unref(file->memory);
  fl_value_unref(file->trace);
  for (size_t i = 0; i < file->child_count; i++) fl_graph_file_deinit(&file->children[i]);
  fl_free(file->children);
  fl_document_deinit(&file->document);
  *file = (struct fl_graph_file){0};
}
