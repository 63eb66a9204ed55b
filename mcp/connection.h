/* SPDX-License-Identifier: MIT */
/* One server and one connection to it, shared by everybody in the process: a session (pure), its transport, its timer;
 * restarts with back-off; and the order in which things are told. The source of tools (client_source.c) and the public
 * client (client_api.c) stand on it. */
#pragma once
#include "mcp/transport/transport.h"

struct fl_mcp_connection;

struct fl_mcp_connection_options {
  struct fl_mcp_transport *transport; /* taken */
  const char *origin;                 /* how the server is reached, see era_cache.h; copied; NULL: nothing is known */
  struct fl_mcp_client_config config; /* texts are copied, values referenced; start_timeout_ms 0: 30 s */
  /* Once for each open: 0 and the tools are listed, or why not. */
  void (*on_ready)(void *user, int status, const struct fl_error *err);
  /* CALL_DONE, CALL_PROGRESS, LOG, ASK, ASK_GONE, CHANGED; TOOLS_CHANGED also when a restart has changed them. Lent. */
  void (*on_report)(void *user, const struct fl_mcp_client_report *report);
  void (*on_closed)(void *user); /* the last */
  /* Every message as it is on the wire; may be NULL. */
  void (*on_wire)(void *user, bool is_ours, fl_slice message);
  void *user;
};
struct fl_mcp_connection *fl_mcp_connection_create(const struct fl_mcp_connection_options *options);
void fl_mcp_connection_open(struct fl_mcp_connection *connection); /* again after a failure; otherwise once */
void fl_mcp_connection_close(struct fl_mcp_connection *connection);
void fl_mcp_connection_destroy(struct fl_mcp_connection *connection); /* never opened, or after on_closed */

/* Why a call can not be made now: 0, or FL_E_CLOSED. */
int fl_mcp_connection_check(const struct fl_mcp_connection *connection, struct fl_error *err);
/* As of the session; what comes of it comes later, never from inside. A server that was given up is tried once more. */
struct fl_mcp_client_call *fl_mcp_connection_call(struct fl_mcp_connection *connection,
                                                  const struct fl_mcp_client_call_options *options);
void fl_mcp_connection_cancel(struct fl_mcp_connection *connection, struct fl_mcp_client_call *call);
void fl_mcp_connection_answer(struct fl_mcp_connection *connection, int64_t ask_id, const struct fl_value *result);
void fl_mcp_connection_subscribe(struct fl_mcp_connection *connection, const char *uri, bool follows);
void fl_mcp_connection_roots_changed(struct fl_mcp_connection *connection);
/* Lent; for what the session knows. */
const struct fl_mcp_client_session *fl_mcp_connection_session(const struct fl_mcp_connection *connection);
