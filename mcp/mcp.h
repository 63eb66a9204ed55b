/* SPDX-License-Identifier: MIT */
/* Model Context Protocol: serving tools. A server answers every revision from 2024-11-05 to 2026-07-28; which one is
 * told by each message. This version speaks over standard input and output. */
#pragma once
#include <fairlead/tools.h>

#ifdef __cplusplus
extern "C" {
#endif

struct fl_server;

struct fl_server_options {
  size_t size;
  const char *name, *version, *title;
  const char *instructions; /* for the model of the client; NULL: none */
};

FL_API struct fl_server *fl_server_create(const struct fl_server_options *options);
FL_API void fl_server_destroy(struct fl_server *server); /* NULL allowed */

/* The tool and its texts are lent for the life of the server. Errors: FL_E_EXISTS, FL_E_INVALID (name or schema). */
FL_API int fl_server_add_tool(struct fl_server *server, const struct fl_tool *tool, struct fl_error *err);
/* Adds the tools of a plugin file. Errors: FL_E_NOT_FOUND, FL_E_UNSUPPORTED, FL_E_INVALID. */
FL_API int fl_server_add_plugin(struct fl_server *server, const char *path, struct fl_error *err);

/* Serves until standard input ends or SIGTERM; returns an exit code. Points standard output away from the program
 * first. */
FL_API int fl_server_run_stdio(struct fl_server *server);

#ifdef __cplusplus
}
#endif
