/* SPDX-License-Identifier: MIT */
/* One connection of a server, without the connection: lines and ends of calls in; lines to write, calls to start and
 * calls to cancel out. Both eras on one connection, chosen by each message: a request whose _meta names a revision is
 * modern, one without it belongs to the session that `initialize` opened. Pure.
 *
 * Invariants. (1) Every request gets exactly one reply, except one that was cancelled, which gets none. (2) Between a
 * call's start and its end the peer hears of it only by progress and log messages that it asked for; after its reply,
 * nothing. (3) A message that is wrong never ends the session. */
#pragma once
#include "mcp/proto/catalog.h"
#include "mcp/proto/rpc.h"

enum {
  FL_MCP_MESSAGE_SIZE_MAX = 64 * 1024 * 1024,
  FL_MCP_SERVER_CALLS_MAX = 16384,
  FL_MCP_SERVER_ARGS_SIZE_MAX = 256 * 1024 * 1024, /* lines of all calls in flight together */
  FL_MCP_BATCH_MAX = 1000,
};

struct fl_mcp_server_session;

/* A call in flight. The driver learns of it by a START effect and ends it with fl_mcp_server_call_done, also when it
 * was cancelled; then it is gone. */
struct fl_mcp_served_call {
  const char *tool;      /* in the catalog */
  struct fl_value *args; /* NULL: none given */
  const char *call_id;   /* the client's idempotency key, "" when it gave none */
  bool wants_progress;
  bool wants_log;
  void *user, *handle; /* the driver's */

  /* private */
  const struct fl_mcp_revision *revision;
  struct fl_value *request; /* holds what is lent above */
  const struct fl_value *id, *progress_token;
  struct fl_mcp_served_call *previous, *next;
  size_t line_size;
  double progress;
  bool has_progress;
  bool is_cancelled;
  int log_rank; /* modern: the request's own level, -1: silent */
};

struct fl_mcp_server_effect {
  enum { FL_MCP_START_CALL, FL_MCP_CANCEL_CALL } type;
  struct fl_mcp_served_call *call;
};

struct fl_mcp_server_effects {
  struct fl_buf out; /* whole lines, in order */
  struct fl_mcp_server_effect *items;
  size_t count, capacity;
};
void fl_mcp_server_effects_deinit(struct fl_mcp_server_effects *effects);
void fl_mcp_server_effects_clear(struct fl_mcp_server_effects *effects); /* keeps the memory */

/* The catalog is lent. */
struct fl_mcp_server_session *fl_mcp_server_session_create(struct fl_mcp_catalog *catalog);
/* Calls that have not ended are freed with it. */
void fl_mcp_server_session_destroy(struct fl_mcp_server_session *session);

/* Events. Each appends to `effects`. */
void fl_mcp_server_line(struct fl_mcp_server_session *session, fl_slice line, struct fl_mcp_server_effects *effects);
void fl_mcp_server_line_too_long(struct fl_mcp_server_session *session, fl_slice front,
                                 struct fl_mcp_server_effects *effects);
/* `result`: {"content", "structuredContent", "isError"}; frees the call. */
void fl_mcp_server_call_done(struct fl_mcp_server_session *session, struct fl_mcp_served_call *call,
                             const struct fl_value *result, struct fl_mcp_server_effects *effects);
void fl_mcp_server_call_progress(struct fl_mcp_server_session *session, struct fl_mcp_served_call *call,
                                 const struct fl_rpc_progress *progress, struct fl_mcp_server_effects *effects);
void fl_mcp_server_call_log(struct fl_mcp_server_session *session, struct fl_mcp_served_call *call, const char *level,
                            const char *text, struct fl_mcp_server_effects *effects);
/* The catalog's tools were changed. */
void fl_mcp_server_tools_changed(struct fl_mcp_server_session *session, struct fl_mcp_server_effects *effects);

size_t fl_mcp_server_calls(const struct fl_mcp_server_session *session); /* in flight, not counting cancelled ones */
