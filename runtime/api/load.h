/* SPDX-License-Identifier: MIT */
/* Loading a graph file into a runtime: its text and environment in, models, servers and policy out. */
#pragma once
#include "runtime/engine/engine.h"

/* The environment, with the variables of a `.env` file in the working folder behind it. Lent until the process ends. */
/* The trust file of $FAIRLEAD_TRUST, or fairlead/trust.yaml in the XDG configuration folder; trust NULL: there is none.
 * A file that is named and cannot be used is an error in `diags`. */
struct fl_load_trust {
  struct fl_trust *trust;
  int64_t now_s;
};
int fl_load_find_trust(struct fl_load_trust *ret_trust, struct fl_diags *diags);

const char *fl_load_getenv(const char *name);

/* Fills `graph` (cleared by the caller, who frees it also on failure) and adds its servers to the registry. */
/* Puts a loaded graph, and those inside it, into the runtime's list. */
void fl_load_graph_settle(struct fl_runtime *runtime, struct fl_loaded_graph *graph);
int fl_load_graph(struct fl_runtime *runtime, const char *path, struct fl_loaded_graph *graph, struct fl_diags *diags);

/* A graph file alone, without starting or adding anything; for checks and drawings. */
int fl_load_graph_file(const char *path, struct fl_graph_file *ret_file, struct fl_diags *diags);

/* As fl_runtime_load, with the mistakes one by one. `diags` may hold warnings on success. */
int fl_runtime_load_diags(struct fl_runtime *runtime, const char *path, struct fl_definition **ret_definition,
                          struct fl_diags *diags);

/* The whole text of a file; the caller frees it with fl_free. */
int fl_load_read_file(const char *path, char **ret_text, size_t *ret_size, struct fl_error *err);

/* ---- load_manifest.c ---- */

/* The manifests of a loaded graph and of the files that it runs as graphs, each within what is around it. A manifest
 * with a mistake is FL_E_INVALID, and said. `trust`: who may have
 * signed them, and the time. `rehearsal`: may give others, and cut them; NULL: it is none. */
int fl_load_manifests(struct fl_loaded_graph *graph, const struct fl_policy *within, const struct fl_load_trust *trust,
                      const struct fl_rehearsal *rehearsal, struct fl_diags *diags);
/* One line for a person: what a run of the graph may do, at worst. Its manifest, or without one what the file implies:
 * the tools that its nodes name, and the servers that it declares. */
void fl_load_describe(struct fl_runtime *runtime, struct fl_definition *definition, struct fl_buf *text);
/* The same mistakes, for a graph file that is only checked. */
int fl_load_check_manifests(const struct fl_graph_file *file, struct fl_diags *diags);
