/* SPDX-License-Identifier: MIT */
/* Inside of the client's session: client_session.c (events), client_handshake.c (era, tools), client_call.c (calls). */
#pragma once
#include "mcp/proto/client_session.h"
#include "runtime/base/map.h"

enum fl_mcp_client_state {
  FL_MCP_DOWN,
  FL_MCP_PROBING,      /* server/discover is out */
  FL_MCP_INITIALIZING, /* initialize is out */
  FL_MCP_LISTING,      /* the first tools/list is out */
  FL_MCP_UP,
  FL_MCP_BROKEN, /* FAILED was reported; waits for the end of the process */
};

struct fl_mcp_client_call {
  int64_t id; /* request id and progress token; 0: not sent */
  char *tool, *call_id;
  struct fl_value *args;
  void *user;
  uint32_t idle_timeout_ms;
  size_t result_max;
  int64_t idle_deadline_ms, total_deadline_ms;
  struct fl_mcp_client_call *previous, *next;
};

struct fl_mcp_client_session {
  struct fl_mcp_client_config config;
  enum fl_mcp_client_state state;
  enum fl_mcp_era known_era; /* 0: not known yet */
  const struct fl_mcp_revision *revision;
  struct fl_value *server_info, *capabilities, *instructions;
  int64_t next_id;
  int64_t handshake_id;          /* of what is awaited before READY */
  int64_t handshake_deadline_ms; /* of the whole handshake; the probe has its own */
  int64_t probe_deadline_ms;
  bool was_probed; /* this process */

  struct fl_value *tools;      /* as listed */
  struct fl_value *page_tools; /* so far, of the listing under way */
  struct fl_map page_names;
  int64_t list_id; /* 0: no listing under way */
  size_t page_count;
  bool is_list_stale; /* changed while it was listed, or too soon after */
  int64_t relist_ms;  /* not before */
  int64_t listen_id;

  struct fl_mcp_client_call *first, *last; /* all calls, in order */
  size_t call_count;
  struct fl_map sent;       /* by 8 bytes of id */
  int64_t call_deadline_ms; /* a lower bound; INT64_MAX: none */
};

/* reports */
struct fl_mcp_client_report *fl_mcp_client_report(struct fl_mcp_client_effects *effects,
                                                  enum fl_mcp_client_report_type type);
void fl_mcp_client_logf(struct fl_mcp_client_effects *effects, const char *level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void fl_mcp_client_fail(struct fl_mcp_client_session *session, struct fl_mcp_client_effects *effects, int status,
                        const char *format, ...) __attribute__((format(printf, 4, 5)));

/* "_meta" of a request: what the era wants; `token` 0: none. Opens the params object and leaves it open. */
void fl_mcp_client_open_params(const struct fl_mcp_client_session *session, struct fl_buf *buf, int64_t token,
                               const char *call_id);

/* handshake */
void fl_mcp_client_begin(struct fl_mcp_client_session *session, struct fl_mcp_client_effects *effects);
void fl_mcp_client_initialize(struct fl_mcp_client_session *session, struct fl_mcp_client_effects *effects);
void fl_mcp_client_list(struct fl_mcp_client_session *session, int64_t now_ms, struct fl_mcp_client_effects *effects);
/* True when the response was for the handshake or for a listing. */
bool fl_mcp_client_take_response(struct fl_mcp_client_session *session, int64_t now_ms,
                                 const struct fl_rpc_message *message, struct fl_mcp_client_effects *effects);

/* calls */
void fl_mcp_client_send_waiting(struct fl_mcp_client_session *session, struct fl_mcp_client_effects *effects);
struct fl_mcp_client_call *fl_mcp_client_call_find(const struct fl_mcp_client_session *session,
                                                   const struct fl_value *id);
void fl_mcp_client_call_answer(struct fl_mcp_client_session *session, struct fl_mcp_client_call *call,
                               const struct fl_rpc_message *message, size_t line_size,
                               struct fl_mcp_client_effects *effects);
/* Reports it done and frees it. */
void fl_mcp_client_call_fail(struct fl_mcp_client_session *session, struct fl_mcp_client_call *call, int status,
                             struct fl_mcp_client_effects *effects, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
void fl_mcp_client_calls_time(struct fl_mcp_client_session *session, int64_t now_ms,
                              struct fl_mcp_client_effects *effects);
void fl_mcp_client_call_progress(struct fl_mcp_client_session *session, int64_t now_ms, const struct fl_value *params,
                                 struct fl_mcp_client_effects *effects);
void fl_mcp_client_calls_destroy(struct fl_mcp_client_session *session);
