/* SPDX-License-Identifier: MIT */
/* The runtime as programs open it: the engine in the real world, with a store, MCP servers and the built-in tools. */
#include "runtime/api/load.h"

#include "graph/option.h"
#include "runtime/base/mem.h"
#include "runtime/engine/tracing.h"

static int check_lease(uint32_t lease_ms, struct fl_error *err) {
  if (lease_ms == 0 || (lease_ms >= FL_LEASE_MS_MIN && lease_ms <= FL_LEASE_MS_MAX)) return 0;
  return fl_error_set(err, FL_E_INVALID, "a lease of %u ms: it lasts %d to %d ms, or 0 for the default", lease_ms,
                      FL_LEASE_MS_MIN, FL_LEASE_MS_MAX);
}

/* What the environment says of prices and of a collector. */
static int set_up_trace(struct fl_runtime *runtime, struct fl_error *err) {
  const char *path = fl_load_getenv("FAIRLEAD_PRICES");
  FL_FREE_AUTO char *text = NULL;
  size_t size = 0;
  int rc = path != NULL && path[0] != '\0' ? fl_load_read_file(path, &text, &size, err) : 0;
  if (rc == 0 && text != NULL) rc = fl_tracing_set_prices(runtime, fl_slice_n(text, size), err);
  if (rc < 0) return fl_error_context(err, "FAIRLEAD_PRICES");
  return fl_tracing_check(runtime, err);
}

int fl_runtime_create(const struct fl_runtime_options *options, struct fl_runtime **ret_runtime, struct fl_error *err) {
  uint32_t lease_ms = fl_option(options, lease_ms, 0);
  int status = check_lease(lease_ms, err);
  if (status < 0) return status;
  struct fl_world *world = fl_world_uv_create(options->loop);
  struct fl_store *store = NULL;
  if (options->store_path != NULL) {
    const struct fl_store_options keyed = {.size = sizeof keyed, .finds_key = true};
    int rc = fl_store_open(world, options->store_path, &keyed, &store, err);
    if (rc < 0) {
      fl_world_destroy(world);
      return rc;
    }
  } else {
    store = fl_store_memory_create(world);
  }
  struct fl_runtime *runtime = fl_runtime_create_in(world, store);
  runtime->owns_world = true;
  if (lease_ms > 0) runtime->lease_ms = lease_ms;
  runtime->getenv_fn = fl_load_getenv;
  runtime->keeps_nothing = options->store_path == NULL;
  status = set_up_trace(runtime, err);
  if (status < 0) {
    fl_runtime_destroy(runtime);
    return status;
  }
  *ret_runtime = runtime;
  return 0;
}

int fl_runtime_load_diags(struct fl_runtime *runtime, const char *path, struct fl_definition **ret_definition,
                          struct fl_diags *diags) {
  struct fl_loaded_graph *graph = fl_new(struct fl_loaded_graph);
  int rc = fl_load_graph(runtime, path, graph, diags);
  if (rc < 0) {
    fl_loaded_graph_free(graph);
    return rc;
  }
  fl_load_graph_settle(runtime, graph);
  *ret_definition = fl_definition_ref(graph->definition);
  return 0;
}

int fl_runtime_load(struct fl_runtime *runtime, const char *path, struct fl_definition **ret_definition,
                    struct fl_error *err) {
  struct fl_diags diags = {0};
  int rc = fl_runtime_load_diags(runtime, path, ret_definition, &diags);
  if (rc < 0) {
    FL_BUF_AUTO text = {0};
    for (size_t i = 0; i < diags.count; i++) {
      FL_FREE_AUTO char *line = fl_diag_format(&diags.items[i]);
      fl_buf_addf(&text, "%s%s", i > 0 ? "\n" : "", line);
    }
    fl_error_set(err, rc, "%s", text.size > 0 ? text.data : fl_error_sentence(rc));
  }
  fl_diags_deinit(&diags);
  return rc;
}
