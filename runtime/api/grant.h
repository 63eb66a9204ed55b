/* SPDX-License-Identifier: MIT */
/* What the manifests around a graph grant to one of its servers, as its transport and the launcher take it. */
#pragma once
#include "mcp/client_source.h"
#include "runtime/engine/engine.h"

struct fl_grant {
  char *policy; /* for the launcher; NULL: no sandbox */
  char **env;   /* names of variables that it may see; NULL with a policy: none */
  struct fl_mcp_limits limits;
};

/* `entry` is the server's in the graph file (NULL: the built-in tools). Nothing is granted (no policy, no limits) where
 * no manifest speaks of servers. Errors: FL_E_DENIED, FL_E_INVALID, FL_E_NOT_FOUND, FL_E_UNSUPPORTED. */
int fl_grant_read(const struct fl_loaded_graph *graph, const char *name, const struct fl_value *entry,
                  struct fl_grant *ret_grant, struct fl_error *err);
void fl_grant_deinit(struct fl_grant *grant);

/* The tools of the program itself must stay within what is granted to "builtin": their folders, databases and hosts.
 * `settings` are those of the graph file, NULL: none. */
int fl_grant_check_builtin(const struct fl_loaded_graph *graph, const struct fl_value *settings, const char *folder,
                           struct fl_error *err);

/* Layers that the user does without, for graphs that are loaded from now on: names with commas between. FL_E_INVALID.
 * What the environment says in FAIRLEAD_WITHOUT_LAYERS holds besides. */
int fl_grant_without(const char *layers, struct fl_error *err);
