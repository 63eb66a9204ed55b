/* SPDX-License-Identifier: MIT */
/* The eight log levels of MCP (RFC 5424). Pure. */
#pragma once

#define FL_MCP_LEVELS "debug, info, notice, warning, error, critical, alert, emergency"

/* debug 0 … emergency 7; -1 for anything else, NULL included. */
int fl_mcp_level_rank(const char *level);
const char *fl_mcp_level_name(int rank); /* "info" for a number that is none */
