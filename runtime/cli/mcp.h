/* SPDX-License-Identifier: MIT */
/* What the commands of `fairlead mcp` share. */
#pragma once
#include "runtime/cli/cli.h"

/* The values of --header, NULL-terminated; room for FL_OPTION_VALUES_MAX + 1. */
void fl_mcp_headers(const struct fl_args *args, const char **ret_headers);
