/* SPDX-License-Identifier: MIT */
/* Inside of a server: server.c (what it offers), server_stdio.c (one connection over two descriptors). */
#pragma once
#include "mcp/proto/catalog.h"
#include "runtime/io/world.h"
#include "tools/toolset.h"

#include <fairlead/mcp.h>

struct fl_server {
  struct fl_mcp_identity identity; /* copied texts */
  struct fl_tool_set tools;
};

/* Serves one connection until its input ends. Takes the descriptors. Everything of the connection is gone when it
 * returns, unless handlers were still at work: then *ret_has_work is true, and only the end of the process ends them.
 */
int fl_server_serve(struct fl_server *server, struct fl_world *world, const int fds[2], bool *ret_has_work,
                    struct fl_error *err);
