/* SPDX-License-Identifier: MIT */
/* One server seen from its client, without the process: lines, ends and times in; lines to write and reports out. Finds
 * out which era the server speaks (probe `server/discover`; on anything but a modern answer, `initialize`), lists its
 * tools, follows changes of the list, and carries calls with their deadlines. Pure: time comes with each event, in
 * monotonic milliseconds.
 *
 * Invariants. (1) Every call is reported done exactly once. (2) A call is sent at most once; `sent` says whether it
 * was. (3) A server that says something wrong is told nothing and loses nothing but that line: it is logged and
 * skipped. (4) Everything a server can make grow has a limit. */
#pragma once
#include "mcp/proto/rpc.h"
#include "mcp/proto/version.h"

enum {
  FL_MCP_PAGES_MAX = 100,
  FL_MCP_TOOLS_MAX = 10000,
  FL_MCP_PROBE_TIMEOUT_MS = 10000,
  FL_MCP_RELIST_PAUSE_MS = 1000, /* a server that cries "changed" all the time is listed no more often than this */
  FL_MCP_LOG_LINE_MAX = 500,
};

struct fl_mcp_client_session;

enum fl_mcp_client_report_type {
  FL_MCP_CLIENT_READY,   /* its tools are listed */
  FL_MCP_CLIENT_FAILED,  /* it cannot be used: `error` says why; the process should end */
  FL_MCP_CLIENT_RESPAWN, /* it died of the probe: start it again; then it is initialized at once */
  FL_MCP_CLIENT_TOOLS_CHANGED,
  FL_MCP_CLIENT_CALL_DONE,
  FL_MCP_CLIENT_CALL_PROGRESS,
  FL_MCP_CLIENT_LOG,
};

struct fl_mcp_client_report {
  enum fl_mcp_client_report_type type;
  void *call_user;         /* CALL_*: the caller's */
  int status;              /* CALL_DONE */
  bool sent;               /* CALL_DONE: the server may have seen it */
  struct fl_value *result; /* CALL_DONE with status 0: {"content", "structuredContent", "isError"}; a reference */
  struct fl_rpc_progress progress; /* CALL_PROGRESS; its message is `text` */
  const char *level;               /* LOG */
  char *text;                      /* LOG, CALL_PROGRESS; and the error's text of FAILED and CALL_DONE */
};

struct fl_mcp_client_effects {
  struct fl_buf out; /* whole lines, in order */
  struct fl_mcp_client_report *reports;
  size_t count, capacity;
};
void fl_mcp_client_effects_clear(struct fl_mcp_client_effects *effects);
void fl_mcp_client_effects_deinit(struct fl_mcp_client_effects *effects);

struct fl_mcp_client_config {
  const char *server_name; /* for messages; lent for the life of the session */
  const char *client_version;
  enum fl_mcp_era era;       /* 0: find out */
  uint32_t start_timeout_ms; /* until its tools are listed */
};
struct fl_mcp_client_session *fl_mcp_client_session_create(const struct fl_mcp_client_config *config);
void fl_mcp_client_session_destroy(
    struct fl_mcp_client_session *session); /* calls that wait are dropped without a report */

/* A process was started; the handshake begins. What an earlier process of the same server taught about its era is used.
 */
void fl_mcp_client_started(struct fl_mcp_client_session *session, int64_t now_ms,
                           struct fl_mcp_client_effects *effects);
void fl_mcp_client_line(struct fl_mcp_client_session *session, int64_t now_ms, fl_slice line,
                        struct fl_mcp_client_effects *effects);
void fl_mcp_client_line_too_long(struct fl_mcp_client_session *session, fl_slice front,
                                 struct fl_mcp_client_effects *effects);
/* The process is gone; `how` for messages: "exited with status 1". Calls in flight are done (FL_E_CLOSED, sent); calls
 * that were not sent wait for the next process. */
void fl_mcp_client_exited(struct fl_mcp_client_session *session, const char *how,
                          struct fl_mcp_client_effects *effects);
/* No next process comes: what waits is done (FL_E_CLOSED, not sent). */
void fl_mcp_client_given_up(struct fl_mcp_client_session *session, const char *why,
                            struct fl_mcp_client_effects *effects);
/* When to call fl_mcp_client_time at the latest; -1: never. */
int64_t fl_mcp_client_deadline_ms(const struct fl_mcp_client_session *session);
void fl_mcp_client_time(struct fl_mcp_client_session *session, int64_t now_ms, struct fl_mcp_client_effects *effects);

struct fl_mcp_client_call;
struct fl_mcp_client_call_options {
  const char *tool;
  const struct fl_value *args; /* NULL: {} */
  const char *call_id;         /* NULL: none */
  uint32_t idle_timeout_ms, total_timeout_ms;
  size_t result_max; /* bytes of the line that carries it */
  void *user;
};
/* Everything is copied or referenced. The handle is good until CALL_DONE is reported. */
struct fl_mcp_client_call *fl_mcp_client_call(struct fl_mcp_client_session *session, int64_t now_ms,
                                              const struct fl_mcp_client_call_options *options,
                                              struct fl_mcp_client_effects *effects);
/* Tells the server at once and reports CALL_DONE (FL_E_CANCELLED). */
void fl_mcp_client_cancel(struct fl_mcp_client_session *session, struct fl_mcp_client_call *call, const char *reason,
                          struct fl_mcp_client_effects *effects);

bool fl_mcp_client_is_ready(const struct fl_mcp_client_session *session);
size_t fl_mcp_client_waiting(const struct fl_mcp_client_session *session); /* calls that are not done */
/* The listed tools, an array of MCP Tool objects that have a name and an input schema; lent until the next READY or
 * CHANGED. */
const struct fl_value *fl_mcp_client_tools(const struct fl_mcp_client_session *session);
/* {"protocolVersion","era","serverInfo","capabilities","instructions"}; a new reference; NULL before the handshake. */
struct fl_value *fl_mcp_client_session_describe(const struct fl_mcp_client_session *session);
