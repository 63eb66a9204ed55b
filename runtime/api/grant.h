/* SPDX-License-Identifier: MIT */
/* What the manifests around a graph grant to one of its servers, as its transport and the launcher take it. */
#pragma once
#include "mcp/client_source.h"
#include "runtime/engine/engine.h"

struct fl_grant {
  char *policy;                            /* for the launcher; NULL: no sandbox */
  char *layers; /* that the sandbox has on this machine, as "landlock,seccomp"; NULL: no sandbox */
  char **env;                              /* names of variables that it may see; NULL with a policy: none */
  const struct fl_process_secret *secrets; /* lent by the world */
  size_t secret_count;
  const struct fl_value *secret_rules; /* what the manifest says of them; lent by it; NULL: nothing */
  struct fl_mcp_limits limits;
};

/* `entry` is the server's in the graph file (NULL: the built-in tools). Nothing is granted (no policy, no limits) where
 * no manifest speaks of servers. Errors: FL_E_DENIED, FL_E_INVALID, FL_E_NOT_FOUND, FL_E_UNSUPPORTED. */
int fl_grant_read(const struct fl_loaded_graph *graph, const char *name, const struct fl_value *entry,
                  struct fl_grant *ret_grant, struct fl_error *err);
void fl_grant_deinit(struct fl_grant *grant);

/* grant_secrets.c */

/* Adds what its manifest gives it: reads the values into the world's vault. FL_E_DENIED with the place in the manifest
 * and why a source gives none. */
int fl_grant_read_secrets(struct fl_world *world, const struct fl_loaded_graph *graph, const char *name,
                          struct fl_grant *grant, struct fl_error *err);
/* Takes the variables that a manifest names as secrets out of our environment, before anything is started. */
void fl_grant_take_variables(struct fl_world *world, const struct fl_loaded_graph *graph);

/* The tools of the program itself must stay within what is granted to "builtin": their folders, databases and hosts.
 * `settings` are those of the graph file, NULL: none. */
int fl_grant_check_builtin(const struct fl_loaded_graph *graph, const struct fl_value *settings, const char *folder,
                           struct fl_error *err);

/* Layers that the user does without, for graphs that are loaded from now on: names with commas between. FL_E_INVALID.
 * What the environment says in FAIRLEAD_WITHOUT_LAYERS holds besides. */
int fl_grant_without(const char *layers, struct fl_error *err);
