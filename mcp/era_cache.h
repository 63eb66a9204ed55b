/* SPDX-License-Identifier: MIT */
/* What the connections of this process have found out about the eras of servers, by how these are reached: the next
 * connection to one that knows no server/discover does not ask it again. From any thread. A verdict holds for an hour,
 * and is no promise: a server may have become another one meanwhile (see fl_mcp_client_guess_era). */
#pragma once
#include "mcp/proto/version.h"

#include <stdint.h>

enum { FL_MCP_ERA_HOLDS_MS = 3600 * 1000, FL_MCP_ERAS_MAX = 1024 };

/* `origin`: the URL, or the command line with its folder; only a hash of it is kept. NULL: nothing is known of it. */
enum fl_mcp_era fl_mcp_era_known(const char *origin, int64_t wall_ms); /* 0: nothing */
void fl_mcp_era_learn(const char *origin, enum fl_mcp_era era, int64_t wall_ms);
void fl_mcp_era_forget(const char *origin);
void fl_mcp_era_forget_all(void);
