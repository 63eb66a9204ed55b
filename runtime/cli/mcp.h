/* SPDX-License-Identifier: MIT */
/* What the commands of `fairlead mcp` share. */
#pragma once
#include "runtime/cli/cli.h"

#include <fairlead/mcp.h>

/* The values of --header, NULL-terminated; room for FL_OPTION_VALUES_MAX + 1. */
void fl_mcp_headers(const struct fl_args *args, const char **ret_headers);

/* ---- mcp serve ---- */

struct fl_builtin_kit;

/* Whether an option asks for built-in tools. */
bool fl_serve_has_builtin_options(const struct fl_args *args);
/* Adds them to the server, which lends them from the kit; 0, or an exit code after a message. The caller destroys the
 * kit after the server, also on failure. */
int fl_serve_builtin(const struct fl_args *args, struct fl_server *server, struct fl_builtin_kit **ret_kit);
