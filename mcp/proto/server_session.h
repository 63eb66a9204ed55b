/* SPDX-License-Identifier: MIT */
/* A server without its connections: messages, ends of calls and passing time in; messages to write, calls to start and
 * to cancel out. All revisions side by side, chosen by each message: a request whose _meta names a revision is modern
 * and stands alone, one without it belongs to the session that `initialize` opened. Pure.
 *
 * A *core* is what all connections of a server share: what it offers (the catalog), its tasks, the key that seals what
 * clients carry for it. A *session* is a conversation: over stdio there is one, for both eras. Over HTTP each legacy
 * session (Mcp-Session-Id) is one, and one more, with FL_MCP_STATELESS, serves every modern request of every client.
 * A *channel* is the way that a message came and that its answers go: a number that the driver chooses. Over stdio it
 * is always 0. Over HTTP each POST is one; 0 is then the stream for what belongs to no request (a legacy session's
 * GET).
 *
 * Invariants. (1) Every request gets exactly one reply, except one that was cancelled, which gets none. (2) Between a
 * call's start and its end the peer hears of it only by progress and log messages that it asked for, and by questions;
 * after its reply, nothing. (3) A message that is wrong never ends the session. */
#pragma once
#include "mcp/proto/catalog.h"
#include "mcp/proto/rpc.h"

enum {
  FL_MCP_SERVER_MESSAGE_SIZE_MAX = 32 * 1024 * 1024, /* of a message that a client sends */
  FL_MCP_REPLY_SIZE_MAX = 64 * 1024 * 1024,
  FL_MCP_SERVER_CALLS_MAX = 16384,
  FL_MCP_SERVER_ARGS_SIZE_MAX = 256 * 1024 * 1024, /* lines of all calls in flight together */
  FL_MCP_BATCH_MAX = 1000,
  FL_MCP_KEY_SIZE = 32,
  FL_MCP_TASK_TTL_MS = 24 * 3600 * 1000, /* how long an ended task is kept, counted from its creation */
};

struct fl_mcp_server_core;
struct fl_mcp_server_session;
struct fl_mcp_task;

/* ---- calls ---- */

enum fl_mcp_call_kind { FL_MCP_CALL_TOOL, FL_MCP_CALL_PROMPT, FL_MCP_CALL_RESOURCE, FL_MCP_CALL_COMPLETION };

/* A call in flight: something that a handler must answer. The driver learns of it by a START effect, which may come
 * again for the same call when questions of its handler were answered. Each START is ended by exactly one of
 * fl_mcp_server_call_done, _failed and _asks, also when the call was cancelled. */
struct fl_mcp_served_call {
  enum fl_mcp_call_kind kind;
  const char *name;         /* of the tool or prompt; the URI of a resource; of what a completion is for */
  const char *template_uri; /* a resource that a template made, or a completion for one: the template; else NULL */
  struct fl_value *args;    /* NULL: none given. Resources: {"uri", and the template's variables}. Completions:
                               {"argument", "value", "context": {…}} */
  struct fl_value *answers; /* by key, what the client answered to the handler's questions so far; NULL: none */
  struct fl_value *state;   /* what the handler kept when it asked; NULL: nothing */
  const char *call_id;      /* the client's idempotency key, "" when it gave none */
  const char *traceparent, *tracestate; /* as the client gave them, unchecked; NULL: it gave none, or to a task that
                                           has begun again */
  const char *principal;                /* who calls, "" when nobody is known */
  struct fl_value *client_capabilities; /* what the caller can do; NULL: nothing */
  bool wants_progress;
  bool wants_log;
  bool may_be_task; /* the caller knows tasks */
  bool is_task;     /* it has become one: `task_id` */
  const char *task_id;
  void *user, *handle; /* the driver's */

  /* private, see server_internal.h */
  struct fl_mcp_server_session *session;
  const struct fl_mcp_revision *revision;
  struct fl_value *request; /* the params: holds what is lent above */
  struct fl_value *id;
  const struct fl_value *progress_token;
  uint64_t channel;
  struct fl_mcp_served_call *previous, *next;
  struct fl_mcp_served_call *channel_previous, *channel_next;
  struct fl_mcp_channel *on_channel; /* NULL: on none */
  struct fl_mcp_task *task;
  struct fl_value *own_args;  /* made here, not lent by the request */
  struct fl_value *questions; /* legacy: asked and not yet answered, by key */
  size_t line_size;
  double progress;
  bool owns_trace; /* its texts are copies of fields, not lent by the request */
  bool has_progress;
  bool has_id;     /* the session finds it by its id */
  bool is_running; /* between a START and its end */
  bool is_cancelled;
  int log_rank; /* modern: the request's own level, -1: silent */
};

/* ---- effects ---- */

enum fl_mcp_server_do {
  FL_MCP_SEND,         /* the message out.data[start .. start + size), with its line end, goes out on `channel` */
  FL_MCP_START_CALL,   /* `call` */
  FL_MCP_CANCEL_CALL,  /* `call`: its handler should stop */
  FL_MCP_CLOSE_STREAM, /* legacy HTTP: the stream of `channel` ends early; what follows waits for its resumption */
  FL_MCP_SAVE_TASK,    /* `task`: write it down, then fl_mcp_server_task_saved */
  FL_MCP_FORGET_TASK,  /* `task_id`: its time is over; drop it from where it was written */
};

struct fl_mcp_server_effect {
  enum fl_mcp_server_do type;
  struct fl_mcp_served_call *call;
  struct fl_mcp_task *task;
  char task_id[40];                      /* FORGET_TASK */
  struct fl_mcp_server_session *session; /* SEND, CLOSE_STREAM */
  uint64_t channel;
  size_t start, size;
  bool is_reply;   /* SEND: answers a request of that channel (a result or an error); of size 0: it was cancelled, and
                      none will come */
  int error_code;  /* SEND: of an error; 0 for everything else */
  int http_status; /* SEND, is_reply: what the answer's head says when nothing was sent on the channel before */
};

struct fl_mcp_server_effects {
  struct fl_buf out; /* whole lines, in order; over stdio that is all one needs of the SENDs */
  struct fl_mcp_server_effect *items;
  size_t count, capacity;
};
void fl_mcp_server_effects_deinit(struct fl_mcp_server_effects *effects);
void fl_mcp_server_effects_clear(struct fl_mcp_server_effects *effects); /* keeps the memory */

/* ---- the core ---- */

struct fl_mcp_core_options {
  const struct fl_mcp_identity *identity; /* copied */
  size_t page_size;                       /* entries on a page of a list; 0: FL_MCP_PAGE_SIZE */
  uint8_t key[FL_MCP_KEY_SIZE];           /* seals requestState; the same key lets another process continue */
  uint8_t salt[FL_MCP_KEY_SIZE];          /* random, new for each core: nonces and task ids are drawn from it */
  bool saves_tasks;                       /* a task is told to its client only when it was saved */
};
struct fl_mcp_server_core *fl_mcp_server_core_create(const struct fl_mcp_core_options *options);
void fl_mcp_server_core_destroy(struct fl_mcp_server_core *core);                   /* after its sessions */
struct fl_mcp_catalog *fl_mcp_server_core_catalog(struct fl_mcp_server_core *core); /* lent */
/* The wall clock, in milliseconds since 1970; tell it before messages (expiry of sealed states and tasks). */
void fl_mcp_server_core_time(struct fl_mcp_server_core *core, int64_t wall_ms);

/* ---- sessions ---- */

enum fl_mcp_session_flags { FL_MCP_STATELESS = 1 }; /* ids belong to their channel; `initialize` is refused */
struct fl_mcp_server_session *fl_mcp_server_session_create(struct fl_mcp_server_core *core, unsigned flags);
/* Calls that have not ended are freed with it. */
void fl_mcp_server_session_destroy(struct fl_mcp_server_session *session);
/* The legacy revision that `initialize` agreed on, NULL before. */
const struct fl_mcp_revision *fl_mcp_server_session_revision(const struct fl_mcp_server_session *session);

/* ---- messages ---- */

/* Which conversation a message belongs to; a batch: that of its first member. */
enum fl_mcp_belongs { FL_MCP_TO_MODERN, FL_MCP_TO_NEW_SESSION, FL_MCP_TO_SESSION };
enum fl_mcp_belongs fl_mcp_message_belongs(const struct fl_rpc_message *message);

/* The header fields that mirror the body (2026-07-28, HTTP); values as they came, blanks around them cut off, NULL:
 * absent. `param` gives the field "Mcp-Param-NAME". */
struct fl_mcp_headers {
  const char *protocol_version, *method, *name;
  const char *traceparent, *tracestate; /* count where `_meta` has no traceparent; NULL: absent */
  const char *(*param)(void *user, const char *name);
  void *user;
};

struct fl_mcp_incoming {
  const struct fl_rpc_message *message;
  size_t size; /* of its text, for the limits */
  uint64_t channel;
  const char *principal;                /* who sends it; copied where it is kept; NULL: nobody is known */
  const struct fl_mcp_headers *headers; /* NULL: no HTTP */
};

/* Events. Each appends to `effects`. */

/* Returns how many replies will go out on the channel for it: 0 for notifications and answers, 1 for a request and for
 * what is no message, in a batch the sum. They may already be among the effects. */
size_t fl_mcp_server_message(struct fl_mcp_server_session *session, const struct fl_mcp_incoming *incoming,
                             struct fl_mcp_server_effects *effects);
/* Reads a message for any session of this one's core; fl_rpc_message_deinit it. */
void fl_mcp_server_read(struct fl_mcp_server_session *session, fl_slice text, struct fl_rpc_message *ret_message);
/* Reads a message and takes it, from nobody, on channel 0. */
void fl_mcp_server_line(struct fl_mcp_server_session *session, fl_slice line, struct fl_mcp_server_effects *effects);
void fl_mcp_server_line_too_long(struct fl_mcp_server_session *session, uint64_t channel, fl_slice front,
                                 struct fl_mcp_server_effects *effects);
/* The peer is gone from a channel: its calls are cancelled, its subscriptions end, nothing is sent there any more. Not
 * for a legacy stream that may be resumed. */
void fl_mcp_server_channel_gone(struct fl_mcp_server_session *session, uint64_t channel,
                                struct fl_mcp_server_effects *effects);
/* Every call is cancelled, and what a saved task says of itself stays, so that another process may go on with it: the
 * session is to be destroyed when fl_mcp_server_session_is_idle. */
void fl_mcp_server_session_cancel(struct fl_mcp_server_session *session, struct fl_mcp_server_effects *effects);
bool fl_mcp_server_session_is_idle(const struct fl_mcp_server_session *session); /* no handler is at work for it */
/* The server stops: subscriptions get their last message. */
void fl_mcp_server_session_end(struct fl_mcp_server_session *session, struct fl_mcp_server_effects *effects);

/* Tools: {"content", "structuredContent", "isError", "_meta"}, or a string: a result that is one text; prompts
 * {"messages"}; resources {"contents"}; completions {"values", "total", "hasMore"}. */
void fl_mcp_server_call_done(struct fl_mcp_server_session *session, struct fl_mcp_served_call *call,
                             const struct fl_value *result, struct fl_mcp_server_effects *effects);
/* An error of the protocol (not one for the model). `data` may be NULL. */
void fl_mcp_server_call_failed(struct fl_mcp_server_session *session, struct fl_mcp_served_call *call, int code,
                               const char *text, struct fl_mcp_server_effects *effects);
/* The handler needs answers: `requests` maps keys to {"method", "params"}; the call starts again when they are there,
 * with `state` (NULL: none). A request that the client did not say it can answer fails the call. */
void fl_mcp_server_call_asks(struct fl_mcp_server_session *session, struct fl_mcp_served_call *call,
                             const struct fl_value *requests, struct fl_value *state,
                             struct fl_mcp_server_effects *effects);
/* The client lacks what the handler would have to ask for: `missing` are capabilities. */
void fl_mcp_server_call_lacks(struct fl_mcp_server_session *session, struct fl_mcp_served_call *call,
                              const struct fl_value *missing, struct fl_mcp_server_effects *effects);
/* From here on the call is a task, when its caller knows tasks (else nothing happens): the reply goes out, the handler
 * goes on. */
void fl_mcp_server_call_becomes_task(struct fl_mcp_server_session *session, struct fl_mcp_served_call *call,
                                     struct fl_mcp_server_effects *effects);
/* Legacy HTTP: the stream of the call closes now; the rest is fetched by resumption. */
void fl_mcp_server_call_closes_stream(struct fl_mcp_server_session *session, struct fl_mcp_served_call *call,
                                      struct fl_mcp_server_effects *effects);
void fl_mcp_server_call_progress(struct fl_mcp_server_session *session, struct fl_mcp_served_call *call,
                                 const struct fl_rpc_progress *progress, struct fl_mcp_server_effects *effects);
void fl_mcp_server_call_log(struct fl_mcp_server_session *session, struct fl_mcp_served_call *call, const char *level,
                            const char *text, struct fl_mcp_server_effects *effects);

/* A list of the catalog was changed; sent to who listens. */
void fl_mcp_server_list_changed(struct fl_mcp_server_session *session, enum fl_mcp_list list,
                                struct fl_mcp_server_effects *effects);
/* A resource has new contents; sent to who subscribed to it. */
void fl_mcp_server_resource_updated(struct fl_mcp_server_session *session, const char *uri,
                                    struct fl_mcp_server_effects *effects);

size_t fl_mcp_server_calls(const struct fl_mcp_server_session *session); /* in flight, not counting cancelled ones */

/* ---- tasks that outlive the process ---- */

const char *fl_mcp_task_id(const struct fl_mcp_task *task);
struct fl_value *fl_mcp_task_record(const struct fl_mcp_task *task); /* a new reference: all there is to write down */
/* The last record was written. The task may be gone in the meantime. */
void fl_mcp_server_task_saved(struct fl_mcp_server_core *core, const char *task_id,
                              struct fl_mcp_server_effects *effects);
/* Before the first message: a task of an earlier process. One that was at work is started again, with its state and the
 * answers that it had. Errors: FL_E_INVALID (no record), FL_E_EXISTS, FL_E_NOT_FOUND (its tool is gone). */
int fl_mcp_server_task_restore(struct fl_mcp_server_session *session, const struct fl_value *record,
                               struct fl_mcp_server_effects *effects, struct fl_error *err);
