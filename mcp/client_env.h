/* SPDX-License-Identifier: MIT */
/* The environment that a tool server gets: ours without our secrets, and what its entry names. Pure. */
#pragma once
#include <stdbool.h>

/* Whether a variable of ours stays with us: its name ends in API_KEY, ACCESS_KEY, SECRET_KEY, SECRET, TOKEN or
 * PASSWORD, as a whole or after "_". A server that needs one gets it by name, through `env` of its entry. */
bool fl_mcp_is_secret_name(const char *name_and_value);

/* `inherited` without secrets and without what `own` sets, then `own`; both NULL-terminated lists of NAME=VALUE, `own`
 * may be NULL. The caller frees the list with fl_mcp_env_free. */
char **fl_mcp_env_make(const char *const *inherited, const char *const *own);
/* For a server in a sandbox: PATH and what `names` (NULL-terminated; NULL: none) names, of `own` where that sets it,
 * otherwise of `inherited`. */
char **fl_mcp_env_pick(const char *const *inherited, const char *const *own, const char *const *names);
void fl_mcp_env_free(char **env); /* any NULL-terminated list of owned strings; NULL allowed */
