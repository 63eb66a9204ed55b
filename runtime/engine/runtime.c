/* SPDX-License-Identifier: MIT */
/* The runtime: what runs share. It owns the store, the registry of tools, the models and the loaded graphs. */
#include "runtime/engine/engine.h"

#include "runtime/base/check.h"
#include "runtime/base/mem.h"
#include "runtime/engine/discovery.h"
#include "runtime/engine/pins.h"
#include "runtime/engine/tracing.h"
#include "runtime/io/vault.h"
#include "tools/policy/manifest.h"

#include <fairlead/tools.h>

/* ---- ids and stamps ---- */

void fl_runtime_new_id(struct fl_runtime *runtime, char ret_id[FL_UUID_SIZE]) {
  uint8_t random[10];
  fl_world_random(runtime->world, random, sizeof random);
  fl_uuid7(fl_world_wall_ms(runtime->world), random, ret_id);
}

/* Checkpoint ids rise within a process even when the clock stands still or goes back. */
void fl_runtime_stamp(struct fl_runtime *runtime, struct fl_ev *ev) {
  ev->wall_ms = fl_world_wall_ms(runtime->world);
  int64_t ticks = ev->wall_ms * 10000;
  if (ticks <= runtime->last_ticks) ticks = runtime->last_ticks + 1;
  runtime->last_ticks = ticks;
  fl_uuid6(ticks, 0, runtime->node_id, ev->checkpoint_id);
}

/* ---- life ---- */

struct fl_runtime *fl_runtime_create_in(struct fl_world *world, struct fl_store *store) {
  struct fl_runtime *runtime = fl_new(struct fl_runtime);
  runtime->world = world;
  runtime->store = store;
  runtime->lease_ms = FL_LEASE_MS;
  runtime->registry = fl_registry_create(world);
  runtime->server_entries = fl_object();
  fl_world_random(world, runtime->node_id, sizeof runtime->node_id);
  return runtime;
}

static void on_registry_closed(void *user) {
  struct fl_runtime *runtime = user;
  runtime->is_closed = true;
  if (runtime->owns_world) fl_world_stop(runtime->world); /* fl_runtime_destroy turns it */
}

void fl_runtime_shutdown(struct fl_runtime *runtime) {
  fl_check(runtime->invocation_count == 0);
  runtime->is_closing = true;
  fl_vault_watch(runtime->world, NULL, NULL);
  fl_timer_stop(runtime->world, &runtime->look_timer);
  fl_memory_destroy(runtime->memory);
  runtime->memory = NULL;
  fl_pins_destroy(runtime->pins);
  runtime->pins = NULL;
  fl_discovery_destroy(runtime->discovery);
  runtime->discovery = NULL;
  while (runtime->threads != NULL) fl_thread_close(runtime, runtime->threads);
  fl_tracing_close(runtime);
  fl_registry_close(runtime->registry, on_registry_closed, runtime);
}

static void free_models(struct fl_map *models) {
  size_t cursor = 0;
  for (struct fl_map_entry *entry; (entry = fl_map_next(models, &cursor)) != NULL;) {
    fl_model_config_deinit(entry->value);
    fl_free(entry->value);
  }
  fl_map_deinit(models);
}

void fl_loaded_graph_free(struct fl_loaded_graph *graph) {
  for (struct fl_loaded_graph *inner = graph->inner, *next; inner != NULL; inner = next) {
    next = inner->next;
    fl_loaded_graph_free(inner);
  }
  free_models(&graph->models);
  fl_policy_destroy(graph->policy);
  fl_manifest_unref(graph->manifest);
  fl_value_unref(graph->kept_pins);
  fl_policy_destroy(graph->list);
  fl_definition_unref(graph->definition);
  fl_graph_file_deinit(&graph->file);
  fl_free(graph);
}

static void free_plain(struct fl_map *functions) {
  size_t cursor = 0;
  for (struct fl_map_entry *entry; (entry = fl_map_next(functions, &cursor)) != NULL;) fl_free(entry->value);
  fl_map_deinit(functions);
}

void fl_runtime_destroy(struct fl_runtime *runtime) {
  if (runtime == NULL) return;
  if (!runtime->is_closing) fl_runtime_shutdown(runtime);
  while (runtime->owns_world && (!runtime->is_closed || runtime->release_count > 0)) fl_world_run(runtime->world);
  fl_check(runtime->is_closed && runtime->release_count == 0);
  fl_tracing_destroy(runtime);
  if (runtime->owns_world) fl_store_close(runtime->store);
  fl_registry_destroy(runtime->registry);
  while (runtime->graphs != NULL) {
    struct fl_loaded_graph *next = runtime->graphs->next;
    fl_loaded_graph_free(runtime->graphs);
    runtime->graphs = next;
  }
  free_models(&runtime->models);
  free_plain(&runtime->functions);
  free_plain(&runtime->unreturned);
  fl_effects_deinit(&runtime->spare_effects);
  for (size_t i = 0; i < runtime->granted_count; i++) fl_free(runtime->granted[i]);
  fl_free(runtime->granted);
  fl_value_unref(runtime->server_entries);
  fl_value_unref(runtime->sandboxes);
  if (runtime->owns_world) fl_world_destroy(runtime->world);
  fl_free(runtime);
}

struct fl_registry *fl_runtime_registry(struct fl_runtime *runtime) {
  return runtime->registry;
}
struct fl_store *fl_runtime_store(struct fl_runtime *runtime) {
  return runtime->store;
}
struct fl_world *fl_runtime_world(struct fl_runtime *runtime) {
  return runtime->world;
}

/* ---- what an embedding program adds ---- */

void fl_runtime_grant(struct fl_runtime *runtime, const char *server) {
  size_t count = runtime->granted_count++;
  runtime->granted = fl_realloc(runtime->granted, (count + 1) * sizeof *runtime->granted);
  runtime->granted[count] = fl_format("%s/*", server);
  for (struct fl_loaded_graph *graph = runtime->graphs; graph != NULL; graph = graph->next) {
    if (graph->list != NULL) fl_policy_add_allowed(graph->list, runtime->granted[count]);
  }
}

int fl_runtime_add_tools(struct fl_runtime *runtime, const char *server, const struct fl_tool *tools, size_t tool_count,
                         struct fl_error *err) {
  struct fl_tool_source *source = NULL;
  int rc = fl_tool_source_local(runtime->world, &(struct fl_local_tools){server, tools, tool_count}, &source, err);
  if (rc == 0) rc = fl_registry_add_take(runtime->registry, source, err);
  if (rc == 0) fl_runtime_grant(runtime, server);
  return rc;
}

int fl_runtime_add_function(struct fl_runtime *runtime, const char *name, fl_node_fn *run, void *user,
                            struct fl_error *err) {
  if (fl_map_get(&runtime->functions, name) != NULL)
    return fl_error_set(err, FL_E_EXISTS, "a function named \"%s\" was added before", name);
  struct fl_runtime_function *function = fl_new(struct fl_runtime_function);
  *function = (struct fl_runtime_function){run, user};
  fl_map_set(&runtime->functions, name, function);
  return 0;
}

int fl_runtime_add_model(struct fl_runtime *runtime, const char *name, const struct fl_value *entry,
                         struct fl_error *err) {
  if (fl_map_get(&runtime->models, name) != NULL)
    return fl_error_set(err, FL_E_EXISTS, "a model named \"%s\" was added before", name);
  struct fl_model_config *config = fl_new(struct fl_model_config);
  int rc = fl_model_config_read(entry, ".", runtime->getenv_fn, config, err);
  if (rc == 0) rc = fl_model_config_know_key(runtime->world, config, err);
  if (rc < 0) {
    fl_model_config_deinit(config);
    fl_free(config);
    return fl_error_context(err, "model \"%s\"", name);
  }
  fl_map_set(&runtime->models, name, config);
  return 0;
}

/* ---- graphs ---- */

struct fl_loaded_graph *fl_runtime_graph(struct fl_runtime *runtime, struct fl_definition *definition) {
  for (struct fl_loaded_graph *graph = runtime->graphs; graph != NULL; graph = graph->next)
    if (graph->definition == definition) return graph;
  struct fl_loaded_graph *graph = fl_new(struct fl_loaded_graph);
  graph->definition = fl_definition_ref(definition);
  graph->list = fl_allow_list(runtime, definition, NULL);
  graph->next = runtime->graphs;
  return runtime->graphs = graph;
}
