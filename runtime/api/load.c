/* SPDX-License-Identifier: MIT */
#include "runtime/api/load.h"
#include "tools/policy/signature.h"

#include "mcp/client_source.h"
#include "runtime/base/mem.h"
#include "runtime/api/builtin_host.h"
#include "runtime/api/grant.h"
#include "runtime/engine/audit.h"
#include "runtime/engine/rehearsal.h"
#include "runtime/engine/tracing.h"
#include "runtime/io/vault.h"
#include "tools/builtin/kit.h"
#include "tools/http.h"

#include <errno.h>
#include <fairlead/memory.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

/* ---- .env ---- */

enum { FL_ENV_FILE_MAX = 64 * 1024 };

static struct fl_map env_values;
static bool env_is_read;

/* The value without its quotes and without the comment behind it. */
static fl_slice env_value(const char *text) {
  text += strspn(text, " \t");
  if (*text == '"' || *text == '\'') {
    const char *close = strchr(text + 1, *text);
    if (close != NULL) return fl_slice_n(text + 1, (size_t)(close - text - 1));
  }
  size_t size = strlen(text);
  for (size_t i = 0; i < size; i++)
    if (text[i] == '#' && (i == 0 || text[i - 1] == ' ' || text[i - 1] == '\t')) size = i;
  while (size > 0 && strchr(" \t\r", text[size - 1]) != NULL) size--;
  return fl_slice_n(text, size);
}

/* NAME=VALUE, `export ` allowed in front, quotes around the value removed, # begins a comment. */
static void read_env_line(char *line) {
  line += strspn(line, " \t");
  if (strncmp(line, "export", 6) == 0 && (line[6] == ' ' || line[6] == '\t')) line += 6 + strspn(line + 6, " \t");
  char *equals = strchr(line, '=');
  if (*line == '#' || equals == NULL) return;
  size_t name_size = (size_t)(equals - line);
  while (name_size > 0 && (line[name_size - 1] == ' ' || line[name_size - 1] == '\t')) name_size--;
  fl_slice value = env_value(equals + 1);
  if (name_size > 0)
    fl_free(fl_map_set_n(&env_values, fl_slice_n(line, name_size), fl_strndup(value.data, value.size)));
}

static void read_env_file(void) {
  env_is_read = true;
  FILE *file = fopen(".env", "re");
  if (file == NULL) return;
  FL_FREE_AUTO char *text = fl_alloc(FL_ENV_FILE_MAX + 1);
  text[fread(text, 1, FL_ENV_FILE_MAX, file)] = '\0';
  fclose(file);
  char *rest = NULL, *first = strncmp(text, "\xef\xbb\xbf", 3) == 0 ? text + 3 : text; /* a byte order mark */
  for (char *line = strtok_r(first, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) read_env_line(line);
}

const char *fl_load_getenv(const char *name) {
  const char *value = getenv(name);
  if (value != NULL) return value;
  if (!env_is_read) read_env_file();
  return fl_map_get(&env_values, name);
}

/* ---- files ---- */

int fl_load_read_file(const char *path, char **ret_text, size_t *ret_size, struct fl_error *err) {
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

/* Where a graph file comes from. */
struct source {
  const char *path;           /* its includes are in the same folder */
  const char *text;           /* of the file; NULL: it is read */
  const char *const *servers; /* that are known beside its own; NULL: none */
  struct fl_world *world;     /* whose known secrets the values become that it takes from the environment; NULL: none */
};

static int know_secret(const char *name, const char *value, void *user, struct fl_error *err) {
  struct fl_world *world = ((const struct source *)user)->world;
  return world != NULL ? fl_vault_know(world, name, fl_slice_of(value), err) : 0;
}

/* `user` is the source of the graph file. */
static int read_include(const char *path, char **ret_text, size_t *ret_size, void *user, struct fl_error *err) {
  const char *file = ((const struct source *)user)->path, *slash = strrchr(file, '/');
  if (slash == NULL || path[0] == '/') return fl_load_read_file(path, ret_text, ret_size, err);
  FL_FREE_AUTO char *whole = fl_format("%.*s/%s", (int)(slash - file), file, path);
  return fl_load_read_file(whole, ret_text, ret_size, err);
}

/* ---- what belongs to a graph ---- */

static void add_diag(const struct fl_loaded_graph *graph, const char *pointer, struct fl_diags *diags,
                     const struct fl_error *err) {
  fl_document_diag(&graph->file.document, diags, FL_SEVERITY_ERROR, pointer, true, NULL, "%s", err->text);
}

static int read_model(const struct fl_runtime *runtime, const struct fl_loaded_graph *graph,
                      const struct fl_value *entry, struct fl_model_config *config, struct fl_error *err) {
  if (runtime->rehearsal == NULL) {
    int rc = fl_model_config_read(entry, graph->file.folder, fl_load_getenv, config, err);
    return rc == 0 ? fl_model_config_know_key(runtime->world, config, err) : rc;
  }
  *config = (struct fl_model_config){
      .provider = FL_MODEL_SCRIPTED, .model = fl_strdup("played"), .player = runtime->rehearsal->player};
  return 0;
}

static int load_models(struct fl_runtime *runtime, struct fl_loaded_graph *graph, struct fl_diags *diags) {
  int rc = 0;
  struct fl_member member = {0};
  while (fl_next_member(graph->file.models, &member)) {
    struct fl_model_config *config = fl_new(struct fl_model_config);
    struct fl_error err = {0};
    if (read_model(runtime, graph, member.value, config, &err) == 0) {
      fl_map_set(&graph->models, member.key, config);
      continue;
    }
    fl_model_config_deinit(config);
    fl_free(config);
    FL_FREE_AUTO char *pointer = fl_format("/models/%s", member.key);
    add_diag(graph, pointer, diags, &err);
    rc = FL_E_INVALID;
  }
  return rc;
}

static void add_text(struct fl_value *list, const char *text) {
  fl_append_take(list, text != NULL ? fl_string(text) : fl_null());
}

/* What two graphs must agree in when they share a server; without a manifest's word on it, folder and entry alone. */
static void add_grant(struct fl_value *entry, const struct fl_grant *grant) {
  const struct fl_mcp_limits *limits = &grant->limits;
  const int64_t numbers[] = {limits->start_ms,   limits->call_ms, limits->output, limits->line,
                             limits->concurrent, limits->rate,    limits->rate_ms};
  add_text(entry, grant->policy);
  fl_append_take(entry, fl_value_ref((struct fl_value *)(uintptr_t)grant->secret_rules));
  for (size_t i = 0; grant->env != NULL && grant->env[i] != NULL; i++) add_text(entry, grant->env[i]);
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) fl_append_take(entry, fl_int(numbers[i]));
}

static int read_secrets(struct fl_runtime *runtime, const struct fl_loaded_graph *graph, const char *name,
                        struct fl_grant *grant, struct fl_error *err) {
  int rc = fl_grant_read_secrets(runtime->world, graph, name, grant, err);
  if (rc == 0 && grant->secret_count > 0) fl_audit_watch_secrets(runtime);
  return rc;
}

static int add_server(struct fl_runtime *runtime, const struct fl_loaded_graph *graph, const struct fl_member *member,
                      const struct fl_grant *grant, struct fl_error *err) {
  struct fl_tool_source *source = NULL;
  struct fl_mcp_client_entry config = {.name = member->key,
                                       .value = member->value,
                                       .folder = graph->file.folder,
                                       .policy = grant->policy,
                                       .allowed_env = (const char *const *)grant->env,
                                       .secrets = grant->secrets,
                                       .secret_count = grant->secret_count,
                                       .limits = grant->limits};
  int rc = fl_mcp_client_from_config(runtime->world, &config, &source, err);
  return rc == 0 ? fl_registry_add_take(runtime->registry, source, err) : rc;
}

/* For the spans of its calls. */
static void note_layers(struct fl_runtime *runtime, const char *name, const struct fl_grant *grant) {
  if (grant->layers == NULL) return;
  if (runtime->sandboxes == NULL) runtime->sandboxes = fl_object();
  fl_set_string(runtime->sandboxes, name, grant->layers);
}

/* Graphs may share a server when they say the same about it, in one folder: a command may be relative to that. */
static int load_server(struct fl_runtime *runtime, struct fl_loaded_graph *graph, const struct fl_member *member,
                       struct fl_error *err) {
  __attribute__((cleanup(fl_grant_deinit))) struct fl_grant grant = {0};
  FL_VALUE_AUTO entry = fl_array();
  int rc = fl_grant_read(graph, member->key, member->value, &grant, err);
  if (rc == 0) rc = read_secrets(runtime, graph, member->key, &grant, err);
  if (rc < 0) return rc;
  fl_append_take(entry, fl_string(graph->file.folder));
  fl_append_take(entry, fl_value_ref(member->value));
  add_grant(entry, &grant);
  const struct fl_value *known = fl_get(runtime->server_entries, member->key);
  if (known != NULL && fl_equal(known, entry)) return 0;
  if (known != NULL)
    return fl_error_set(err, FL_E_EXISTS,
                        "another graph of this program has a different server \"%s\"; give one of them "
                        "another name",
                        member->key);
  rc = add_server(runtime, graph, member, &grant, err);
  if (rc == 0) note_layers(runtime, member->key, &grant);
  if (rc == 0) fl_set_take(runtime->server_entries, member->key, fl_value_ref(entry));
  return rc;
}

static int load_servers(struct fl_runtime *runtime, struct fl_loaded_graph *graph, struct fl_diags *diags) {
  int rc = 0;
  struct fl_member member = {0};
  if (runtime->rehearsal == NULL) fl_grant_take_variables(runtime->world, graph);
  while (runtime->rehearsal == NULL && fl_next_member(graph->file.servers, &member)) {
    struct fl_error err = {0};
    if (load_server(runtime, graph, &member, &err) == 0) continue;
    FL_FREE_AUTO char *pointer = fl_format("/mcpServers/%s", member.key);
    add_diag(graph, pointer, diags, &err);
    rc = FL_E_INVALID;
  }
  return rc;
}

static bool names_server(const struct fl_definition *definition, const char *server) {
  for (size_t i = 0; i < definition->node_count; i++)
    if (definition->nodes[i].subgraph != NULL && names_server(definition->nodes[i].subgraph, server)) return true;
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

static void release_kit(void *user) { fl_builtin_kit_destroy(user); }

static int add_builtin(struct fl_runtime *runtime, const struct fl_loaded_graph *graph, const struct fl_grant *grant,
                       struct fl_error *err) {
  struct fl_builtin_kit_options options = {.settings = graph->file.builtin,
                                           .folder = graph->file.folder,
                                           .host = &fl_builtin_real_host,
                                           .policy = grant->policy,
                                           .env = (const char *const *)grant->env,
                                           .secrets = grant->secrets,
                                           .secret_count = grant->secret_count};
  struct fl_builtin_kit *kit = NULL;
  int rc = fl_builtin_kit_create(&options, &kit, err);
  if (rc < 0) return rc;
  struct fl_local_tools builtin = {.server = "builtin", .release = release_kit, .user = kit};
  builtin.tools = fl_builtin_kit_tools(kit, &builtin.count);
  struct fl_tool_source *source = NULL;
  rc = fl_tool_source_local(runtime->world, &builtin, &source, err);
  return rc < 0 ? rc : fl_registry_add_take(runtime->registry, source, err);
}

/* The file with the settings: this one, or else one that it runs as a graph. */
static const struct fl_loaded_graph *find_settings(const struct fl_loaded_graph *graph) {
  if (graph->file.builtin != NULL) return graph;
  const struct fl_loaded_graph *found = NULL;
  for (const struct fl_loaded_graph *inner = graph->inner; inner != NULL && found == NULL; inner = inner->next)
    found = find_settings(inner);
  return found;
}

/* There is one set of built-in tools: graphs may say the same about it, or nothing. */
static int load_builtin(struct fl_runtime *runtime, struct fl_loaded_graph *graph, struct fl_error *err) {
  if (!names_server(graph->definition, "builtin")) return 0;
  const struct fl_loaded_graph *source = find_settings(graph);
  if (source == NULL) source = graph;
  __attribute__((cleanup(fl_grant_deinit))) struct fl_grant grant = {0};
  int rc = fl_grant_read(source, "builtin", NULL, &grant, err);
  if (rc == 0) rc = fl_grant_check_builtin(source, source->file.builtin, source->file.folder, err);
  if (rc == 0 && runtime->rehearsal == NULL) rc = read_secrets(runtime, source, "builtin", &grant, err);
  if (rc < 0) return rc;
  FL_VALUE_AUTO entry = fl_array();
  fl_append_take(entry, fl_string(graph->file.folder));
  if (source->file.builtin != NULL) fl_append_take(entry, fl_value_ref(source->file.builtin));
  add_grant(entry, &grant);
  const struct fl_value *known = fl_get(runtime->server_entries, "builtin");
  if (known != NULL)
    return fl_equal(known, entry) || (source->file.builtin == NULL && grant.policy == NULL)
               ? 0
               : fl_error_set(err, FL_E_EXISTS,
                              "another graph of this program has other settings of the built-in tools");
  rc = add_builtin(runtime, source, &grant, err);
  if (rc == 0) fl_vault_used(runtime->world, "builtin", grant.secrets, grant.secret_count); /* each command gets them */
  if (rc == 0) note_layers(runtime, "builtin/process", &grant); /* the others are in this process */
  if (rc == 0) fl_set_take(runtime->server_entries, "builtin", fl_value_ref(entry));
  return rc;
}

/* One memory for all graphs of a program: they may say the same about it, or nothing. */
static int load_memory(struct fl_runtime *runtime, const struct fl_loaded_graph *graph, struct fl_error *err) {
  const struct fl_value *settings = graph->file.memory, *known = fl_get(runtime->server_entries, "memory/");
  for (const struct fl_loaded_graph *inner = graph->inner; settings == NULL && inner != NULL; inner = inner->next)
    settings = inner->file.memory;
  if (settings == NULL || (known != NULL && fl_equal(known, settings))) return 0;
  if (known != NULL)
    return fl_error_set(err, FL_E_EXISTS, "another graph of this program has other settings of the memory");
  const struct fl_memory_options options = {.size = sizeof options,
                                            .embed_model = fl_get(settings, "embed"),
                                            .fields = fl_get(settings, "fields"),
                                            .ttl_ms = fl_get_int(settings, "ttl_ms", 0)};
  int rc = fl_runtime_set_memory(runtime, &options, err);
  if (rc == 0) fl_set_take(runtime->server_entries, "memory/", fl_value_ref((struct fl_value *)settings));
  return rc;
}

/* What holds for runs of the graph; that of files inside it does not count. */
static int load_trace(struct fl_runtime *runtime, struct fl_loaded_graph *graph, struct fl_error *err) {
  const char *name = fl_definition_name(graph->definition);
  if (graph->file.trace == NULL) return 0;
  return fl_tracing_add_rule(runtime, graph->file.trace, name, &graph->tracing, err);
}

static int load_http(struct fl_runtime *runtime, struct fl_loaded_graph *graph, struct fl_error *err) {
  if (!names_server(graph->definition, FL_HTTP_SOURCE)) return 0;
  int rc = fl_registry_add_take(runtime->registry, fl_tool_source_http(runtime->world), err);
  return rc == FL_E_EXISTS ? 0 : rc;
}

/* The place of a node's function is known in the file itself; of a graph in its `graphs` section only the graph. */
static void miss_function(const struct fl_loaded_graph *graph, const struct fl_node_def *node, const char *name,
                          struct fl_diags *diags) {
  struct fl_error err = {0};
  fl_error_set(&err, FL_E_NOT_FOUND, "there is no function named \"%s\" in this program", name);
  bool is_own = fl_definition_node(graph->definition, node->name) >= 0;
  FL_FREE_AUTO char *pointer = is_own ? fl_format("/nodes/%s/function", node->name) : fl_strdup("/graphs");
  add_diag(graph, pointer, diags, &err);
}

static bool is_other_file(const struct fl_loaded_graph *graph, const struct fl_definition *definition) {
  for (const struct fl_loaded_graph *inner = graph->inner; inner != NULL; inner = inner->next)
    if (inner->definition == definition) return true;
  return false;
}

/* A node of type `c` must name a function that the embedding program (or a plugin) has added. */
static int check_functions(struct fl_runtime *runtime, struct fl_loaded_graph *graph,
                           const struct fl_definition *definition, struct fl_diags *diags) {
  int rc = 0;
  for (size_t i = 0; i < definition->node_count; i++) {
    const struct fl_node_def *node = &definition->nodes[i];
    const char *name = fl_get_string(node->config, "function", NULL);
    if (node->subgraph != NULL && !is_other_file(graph, node->subgraph) &&
        check_functions(runtime, graph, node->subgraph, diags) < 0)
      rc = FL_E_INVALID;
    if (node->run != NULL || strcmp(node->type, "c") != 0 || name == NULL) continue;
    if (fl_map_get(&runtime->functions, name) != NULL) continue;
    miss_function(graph, node, name, diags);
    rc = FL_E_INVALID;
  }
  return rc;
}

static int load_file(const struct source *source, struct fl_graph_file *ret_file, struct fl_diags *diags) {
  const char *path = source->path, *given = source->text;
  FL_FREE_AUTO char *text = NULL;
  size_t size = 0;
  struct fl_error err = {0};
  int rc = given == NULL ? fl_load_read_file(path, &text, &size, &err) : 0;
  if (given != NULL) text = fl_strndup(given, size = strlen(given));
  if (rc < 0) {
    fl_diags_add(diags, &(struct fl_diag){.message = err.text});
    return rc;
  }
  struct fl_graph_file_options options = {.size = sizeof options,
                                          .read = read_include,
                                          .getenv_fn = fl_load_getenv,
                                          .user = (void *)(uintptr_t)source,
                                          .servers = source->servers,
                                          .on_secret = know_secret};
  return fl_graph_file_load(path, fl_slice_n(text, size), &options, ret_file, diags);
}

int fl_load_graph_file(const char *path, struct fl_graph_file *ret_file, struct fl_diags *diags) {
  int rc = load_file(&(struct source){.path = path}, ret_file, diags);
  return rc == 0 ? fl_load_check_manifests(ret_file, diags) : rc;
}

/* The servers whose tools the embedding program has added: what stands before the slash of what it has granted. */
static char **granted_servers(const struct fl_runtime *runtime) {
  char **names = fl_new_array(char *, runtime->granted_count + 1);
  for (size_t i = 0; i < runtime->granted_count; i++)
    names[i] = fl_strndup(runtime->granted[i], strcspn(runtime->granted[i], "/"));
  return names;
}

/* ---- files that it runs as graphs ---- */

/* What a file says of its tools' effects counts where the one around says nothing. */
static void merge_effects(struct fl_loaded_graph *graph, const struct fl_value *effects) {
  struct fl_value *merged = fl_copy_shallow(graph->file.effects);
  for (struct fl_member m = {0}; fl_next_member(effects, &m);)
    if (fl_get(merged, m.key) == NULL) fl_set_take(merged, m.key, fl_value_ref(m.value));
  fl_value_unref(graph->file.effects);
  graph->file.effects = merged;
}

/* They take their definitions, models and servers with them, and come under the policy of the graph around. */
static void split_children(struct fl_loaded_graph *graph) {
  struct fl_loaded_graph **end = &graph->inner;
  for (size_t i = 0; i < graph->file.child_count; i++) {
    struct fl_loaded_graph *inner = fl_new(struct fl_loaded_graph);
    inner->file = graph->file.children[i];
    inner->definition = fl_definition_ref(inner->file.definition);
    inner->outer = graph;
    split_children(inner);
    merge_effects(graph, inner->file.effects);
    *end = inner;
    end = &inner->next;
  }
  graph->file.child_count = 0;
}

static int load_services(struct fl_runtime *runtime, struct fl_loaded_graph *graph, struct fl_diags *diags) {
  int results[] = {load_models(runtime, graph, diags), load_servers(runtime, graph, diags),
                   check_functions(runtime, graph, graph->definition, diags)};
  int rc = 0;
  for (size_t i = 0; i < sizeof results / sizeof results[0]; i++)
    if (results[i] < 0) rc = results[i];
  for (struct fl_loaded_graph *inner = graph->inner; inner != NULL; inner = inner->next) {
    int inner_rc = load_services(runtime, inner, diags);
    if (inner_rc < 0) rc = inner_rc;
  }
  return rc;
}

void fl_load_graph_settle(struct fl_runtime *runtime, struct fl_loaded_graph *graph) {
  for (struct fl_loaded_graph *inner = graph->inner, *next; inner != NULL; inner = next) {
    next = inner->next;
    fl_load_graph_settle(runtime, inner);
  }
  graph->inner = NULL;
  graph->next = runtime->graphs;
  runtime->graphs = graph;
}

int fl_load_graph(struct fl_runtime *runtime, const char *path, struct fl_loaded_graph *graph, struct fl_diags *diags) {
  struct fl_error err = {0};
  char **servers = granted_servers(runtime);
  const struct fl_rehearsal *rehearsal = runtime->rehearsal;
  const char *given = rehearsal != NULL ? rehearsal->graph : NULL;
  const char *const *known = rehearsal != NULL ? rehearsal->servers : (const char *const *)servers;
  const struct source source = {.path = path, .text = given, .servers = known, .world = runtime->world};
  int rc = load_file(&source, &graph->file, diags);
  for (size_t i = 0; servers[i] != NULL; i++) fl_free(servers[i]);
  fl_free(servers);
  if (rc < 0) return rc;
  graph->definition = fl_definition_ref(graph->file.definition);
  split_children(graph);
  graph->list = fl_allow_list(runtime, graph->definition, graph->file.effects);
  struct fl_load_trust trust = {.now_s = fl_world_wall_ms(runtime->world) / 1000};
  rc = rehearsal == NULL ? fl_load_find_trust(&trust, diags) : 0; /* what is only tried need not be signed */
  if (rc == 0) rc = fl_load_manifests(graph, graph->list, &trust, rehearsal, diags);
  fl_trust_destroy(trust.trust);
  if (rc == 0) rc = load_services(runtime, graph, diags);
  if (rehearsal != NULL) return rc;
  if (rc == 0 && (rc = load_builtin(runtime, graph, &err)) < 0)
    add_diag(graph, graph->file.builtin != NULL ? "/builtin" : "", diags, &err);
  if (rc == 0 && (rc = load_memory(runtime, graph, &err)) < 0) add_diag(graph, "/memory", diags, &err);
  if (rc == 0 && (rc = load_trace(runtime, graph, &err)) < 0) add_diag(graph, "/trace", diags, &err);
  if (rc == 0 && (rc = load_http(runtime, graph, &err)) < 0) add_diag(graph, "", diags, &err);
  return rc;
}
