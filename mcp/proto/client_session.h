/* SPDX-License-Identifier: MIT */
/* One server seen from its client, without the transport: messages, losses, ends and times in; messages to send and
 * reports out. Finds out which era the server speaks (probe `server/discover`; on anything but a modern answer,
 * `initialize`), lists its tools, follows changes, carries requests with their deadlines, brings the server's questions
 * to whoever answers them, and follows tasks to their end. The same over stdio, where messages are lines, and over
 * HTTP, where each has a request of its own. Pure: time comes with each event, in monotonic milliseconds.
 *
 * Invariants. (1) Every call is reported done exactly once. (2) A call is sent at most once, except where the protocol
 * itself asks for it again (answers to input_required, a server that says that it no longer knows the session); `sent`
 * says whether it was. (3) A server that says something wrong is told nothing and loses nothing but that message: it is
 * logged and skipped. (4) Everything a server can make grow has a limit. (5) A question is answered or gone exactly
 * once, and never outlives its call. (6) A call that goes on with a pause is, to the server, the call that paused. */
#pragma once
#include "mcp/proto/rpc.h"
#include "mcp/proto/version.h"

enum {
  FL_MCP_PAGES_MAX = 100,
  FL_MCP_TOOLS_MAX = 10000, /* of any list */
  FL_MCP_PROBE_TIMEOUT_MS = 10000,
  FL_MCP_RELIST_PAUSE_MS = 1000, /* a server that cries "changed" all the time is listed no more often than this */
  FL_MCP_LOG_LINE_MAX = 500,
  FL_MCP_ROUNDS_MAX = 20,              /* of questions in one call */
  FL_MCP_ASKS_MAX = 64,                /* questions open at the same time */
  FL_MCP_HOLD_MS_MAX = 60 * 60 * 1000, /* how long a call is kept for the answer to a legacy server's question */
  FL_MCP_POLL_MS = 1000,               /* how often a task is looked at when the server names no interval */
};

struct fl_mcp_client_session;

enum fl_mcp_client_report_type {
  FL_MCP_CLIENT_READY,   /* its tools are listed */
  FL_MCP_CLIENT_FAILED,  /* it cannot be used: `error` says why; the process should end */
  FL_MCP_CLIENT_RESPAWN, /* it died of how it was greeted: start it again; then it is greeted otherwise */
  FL_MCP_CLIENT_TOOLS_CHANGED,
  FL_MCP_CLIENT_CHANGED, /* `text`: "prompts", "resources", or the URI of a resource that was subscribed to */
  FL_MCP_CLIENT_CALL_DONE,
  FL_MCP_CLIENT_CALL_PROGRESS,
  FL_MCP_CLIENT_LOG,
  FL_MCP_CLIENT_ASK,      /* the server asks: method `text`, `params`; to be answered by `ask_id` */
  FL_MCP_CLIENT_ASK_GONE, /* nobody waits for the answer of `ask_id` any more */
};

struct fl_mcp_client_report {
  enum fl_mcp_client_report_type type;
  void *call_user;                 /* CALL_*, and ASK and ASK_GONE when it is known whose call asks: the caller's */
  int status;                      /* CALL_DONE */
  bool sent;                       /* CALL_DONE: the server may have seen it */
  struct fl_value *result;         /* CALL_DONE with status 0; a reference */
  struct fl_value *error;          /* CALL_DONE with FL_E_REMOTE: the JSON-RPC error; a reference */
  struct fl_rpc_progress progress; /* CALL_PROGRESS; its message is `text` */
  const char *level;               /* LOG */
  char *text;                      /* LOG, CALL_PROGRESS, CHANGED, ASK; and the error's text of FAILED and CALL_DONE */
  int64_t ask_id;
  struct fl_value *params; /* ASK; a reference */
  struct fl_value *pause;  /* CALL_DONE with status 0: instead of a result, when the server asks; a reference */
};

/* What goes out, one entry for each message in `out`. Over stdio only the bytes count; an HTTP transport needs the
 * rest. */
enum fl_mcp_outgoing_kind { FL_MCP_SEND_REQUEST, FL_MCP_SEND_NOTIFICATION, FL_MCP_SEND_RESPONSE, FL_MCP_SEND_DROP };
struct fl_mcp_outgoing {
  enum fl_mcp_outgoing_kind kind;
  int64_t id;                     /* REQUEST: its id; DROP (no message): close whatever carries this request */
  size_t start, size;             /* in `out`, with the newline */
  const char *method;             /* lent; NULL for a response */
  char *name;                     /* what Mcp-Name says; NULL: nothing */
  char *traceparent, *tracestate; /* the headers of these names; NULL: none */
  struct fl_value *param_headers; /* {"Region": "us-west1"}: what Mcp-Param-* say, not encoded yet; NULL: nothing */
  const char *revision;           /* what MCP-Protocol-Version says; NULL: nothing */
  bool is_modern;                 /* the standard headers go with it; it is not resumed */
};

struct fl_mcp_client_effects {
  struct fl_buf out; /* whole lines, in order */
  struct fl_mcp_outgoing *outgoing;
  size_t outgoing_count, outgoing_capacity;
  struct fl_mcp_client_report *reports;
  size_t count, capacity;
};
void fl_mcp_client_effects_clear(struct fl_mcp_client_effects *effects);
void fl_mcp_client_effects_clear_out(struct fl_mcp_client_effects *effects); /* what goes out only */
void fl_mcp_client_effects_deinit(struct fl_mcp_client_effects *effects);

struct fl_mcp_client_config {
  const char *server_name; /* for messages; lent for the life of the session */
  const char *client_version;
  enum fl_mcp_era era;                 /* 0: find out */
  uint32_t start_timeout_ms;           /* until its tools are listed */
  const char *client_name;             /* NULL: "fairlead" */
  const char *log_level;               /* from which on it may send log messages; NULL: "warning" */
  const struct fl_value *capabilities; /* what this client can be asked for, as the protocol has it; NULL: nothing */
  bool is_http;
};
struct fl_mcp_client_session *fl_mcp_client_session_create(const struct fl_mcp_client_config *config);
void fl_mcp_client_session_destroy(
    struct fl_mcp_client_session *session); /* calls that wait are dropped without a report */

/* What others have found out about the server, ahead of a start; one that is known to this session already, or that the
 * configuration insists on, counts more. It is a guess: a server that does not keep to it (an error of initialize, a
 * revision that we do not speak, its end) is asked with server/discover after all. */
void fl_mcp_client_guess_era(struct fl_mcp_client_session *session, enum fl_mcp_era era);
enum fl_mcp_era fl_mcp_client_era(const struct fl_mcp_client_session *session); /* once it was READY; 0: not known */

/* A process was started; the handshake begins. What an earlier process of the same server taught about its era is used.
 */
void fl_mcp_client_started(struct fl_mcp_client_session *session, int64_t now_ms,
                           struct fl_mcp_client_effects *effects);
void fl_mcp_client_line(struct fl_mcp_client_session *session, int64_t now_ms, fl_slice line,
                        struct fl_mcp_client_effects *effects);
void fl_mcp_client_line_too_long(struct fl_mcp_client_session *session, fl_slice front,
                                 struct fl_mcp_client_effects *effects);
/* A message that came in answer to the request `origin` (0: on a stream of its own). An error without an id, or with
 * one that is none of ours, a text, is the answer to it then. */
void fl_mcp_client_message(struct fl_mcp_client_session *session, int64_t now_ms, int64_t origin, fl_slice text,
                           struct fl_mcp_client_effects *effects);
/* HTTP: the request `id` got no answer and will get none. */
struct fl_mcp_client_loss {
  int64_t id;
  int status;              /* FL_E_* */
  int http_status;         /* of an answer that was no message; 0: there was none */
  const char *text;        /* for people */
  bool sent;               /* the server may have seen it */
  bool is_session_unknown; /* the server does not know our session: nothing was done; a new one is begun */
};
void fl_mcp_client_lost(struct fl_mcp_client_session *session, int64_t now_ms, const struct fl_mcp_client_loss *loss,
                        struct fl_mcp_client_effects *effects);
/* Whether an answer to the request `id` would still be of use. */
bool fl_mcp_client_awaits(const struct fl_mcp_client_session *session, int64_t id);

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
  const struct fl_value *args;   /* NULL: {} */
  const char *method;            /* NULL: tools/call of `tool` with `args` */
  const struct fl_value *params; /* of another method; NULL: {} */
  bool reads_all;                /* of a method that lists: all pages, put together as one result */
  bool is_whole;       /* the result as the server sent it; otherwise {"content", "structuredContent", "isError"} */
  const char *call_id; /* NULL: none */
  const char *traceparent, *tracestate; /* the trace that the call is part of; NULL: none */
  uint32_t idle_timeout_ms, total_timeout_ms;
  size_t result_max; /* bytes of the line that carries it */
  /* A question, or a task that was made of it, ends the call with a pause: what it takes to go on with it later, also
   * in another process, as another call. {"kind": "input_required", "task" or "visit"; "questions": {KEY: params of
   * elicitation/create}, which may be empty for a task; "rounds", "state", "task", "asked", "interval_ms"}. Questions
   * of a legacy server are reported nevertheless: they live with the connection. */
  bool ends_at_questions;
  const struct fl_value *pause;   /* goes on with it; NULL: a new call */
  const struct fl_value *answers; /* to its questions: {KEY: result of elicitation/create} */
  void *user;
};
/* Everything is copied or referenced. The handle is good until CALL_DONE is reported. */
struct fl_mcp_client_call *fl_mcp_client_call(struct fl_mcp_client_session *session, int64_t now_ms,
                                              const struct fl_mcp_client_call_options *options,
                                              struct fl_mcp_client_effects *effects);
/* Tells the server at once and reports CALL_DONE (FL_E_CANCELLED). */
void fl_mcp_client_cancel(struct fl_mcp_client_session *session, struct fl_mcp_client_call *call, const char *reason,
                          struct fl_mcp_client_effects *effects);

/* Answers a question: a result as the protocol has it (borrowed), or NULL for a refusal, of which the server is told
 * where the protocol can say so; otherwise the call that it belongs to fails. Unknown ids are passed over. */
void fl_mcp_client_answer(struct fl_mcp_client_session *session, int64_t now_ms, int64_t ask_id,
                          const struct fl_value *result, struct fl_mcp_client_effects *effects);
/* Follows a resource, or no longer. Lasts over reconnects. */
void fl_mcp_client_subscribe(struct fl_mcp_client_session *session, const char *uri, bool follows,
                             struct fl_mcp_client_effects *effects);
/* The roots have changed; a legacy server is told. */
void fl_mcp_client_roots_changed(struct fl_mcp_client_session *session, struct fl_mcp_client_effects *effects);

bool fl_mcp_client_is_ready(const struct fl_mcp_client_session *session);
size_t fl_mcp_client_waiting(const struct fl_mcp_client_session *session); /* calls that are not done */
/* The listed tools, an array of MCP Tool objects that have a name and an input schema; lent until the next READY or
 * CHANGED. */
const struct fl_value *fl_mcp_client_tools(const struct fl_mcp_client_session *session);
/* {"protocolVersion","era","serverInfo","capabilities","instructions"}; a new reference; NULL before the handshake. */
struct fl_value *fl_mcp_client_session_describe(const struct fl_mcp_client_session *session);
