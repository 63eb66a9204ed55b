/* SPDX-License-Identifier: MIT */
/* Loading a graph file into a runtime: its text and environment in, models, servers and policy out. */
#pragma once
#include "runtime/engine/engine.h"

/* The environment, with the variables of a `.env` file in the working folder behind it. Lent until the process ends. */
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
