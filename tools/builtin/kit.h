/* SPDX-License-Identifier: MIT */
/* The built-in tools as a user has switched them on. The settings are one JSON object, the section `builtin` of a graph
 * file or the options of `fairlead mcp serve`:
 *
 *   { "files":  { "roots": { "docs": "./docs", "out": { "path": "./out", "write": true } }, "read_max": 262144 },
 *     "sqlite": { "databases": { "shop": "shop.db", "log": { "path": "log.db", "write": true } }, "rows_max": 1000 },
 *     "fetch":  { "hosts": ["*.example.org"], "private": false, "body_max": 1048576 },
 *     "ping":   { "hosts": ["*"], "private": true },
 *     "process": { "commands": { "log": { "command": ["git", "log", "--oneline"], "args": { "maxItems": 1 },
 *                                         "timeout_ms": 10000, "output_max": 65536 } } } }
 *
 * Calculator and time are always there. What is not named is not there. */
#pragma once
#include <fairlead/tools.h>

struct fl_builtin_host;
struct fl_builtin_kit;
struct fl_process_secret; /* the program's; passed on to its host */

struct fl_builtin_kit_options {
  const struct fl_value *settings;         /* an object, or NULL: none; lent for the call */
  const char *folder;                      /* relative paths start here; NULL: the working folder */
  const struct fl_builtin_host *host;      /* lent for the life of the kit; NULL: no network, no processes */
  const char *policy;                      /* of the sandbox of commands, for the launcher; NULL: none */
  const char *const *env;                  /* with a policy: names of variables that they may see; NULL: none */
  const struct fl_process_secret *secrets; /* with a policy: what they get besides; lent for the life of the kit */
  size_t secret_count;
};

/* Errors: FL_E_INVALID, FL_E_NOT_FOUND, FL_E_IO with what is wrong and its key. */
int fl_builtin_kit_create(const struct fl_builtin_kit_options *options, struct fl_builtin_kit **ret_kit,
                          struct fl_error *err);
void fl_builtin_kit_destroy(struct fl_builtin_kit *kit); /* NULL allowed; no call may be under way */

/* Lent for the life of the kit. */
const struct fl_tool *fl_builtin_kit_tools(const struct fl_builtin_kit *kit, size_t *ret_count);
