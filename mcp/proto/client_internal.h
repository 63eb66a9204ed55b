/* SPDX-License-Identifier: MIT */
/* Inside of the client's session: client_session.c (events), client_handshake.c (era), client_list.c (tools),
 * client_listen.c (changes), client_call.c (requests), client_result.c (their answers), client_ask.c (the server's
 * questions), client_pause.c, client_task.c, client_cache.c, client_method.c. */
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

/* What is known of a method that this client sends. */
struct fl_mcp_client_method {
  const char *name;
  const char *capability; /* of the server; NULL: none needed */
  const char *name_key;   /* of the parameter that Mcp-Name repeats; NULL: none */
  const char *list_key;   /* of the result's member that pages split; NULL: no list */
  enum fl_mcp_era era;    /* 0: both */
  bool is_cached;         /* its result may say how long it holds */
};
const struct fl_mcp_client_method *fl_mcp_client_method_find(const char *name); /* NULL: an extension's */

enum fl_mcp_call_state {
  FL_MCP_CALL_WAITS, /* to be sent as soon as the server is ready */
  FL_MCP_CALL_FLIES, /* a request of it is out */
  FL_MCP_CALL_ASKS,  /* the server's questions are being answered */
  FL_MCP_CALL_POLLS, /* its task runs and is looked at again at poll_ms */
};

struct fl_mcp_client_call {
  enum fl_mcp_call_state state;
  int64_t id;                               /* of the request that is out, and its progress token; 0: none */
  bool was_sent, was_replayed, is_hidden;   /* hidden: nobody is told of its end */
  char *method, *tool, *call_id;            /* tool: NULL for another method */
  char *traceparent, *tracestate;           /* NULL: none */
  const struct fl_mcp_client_method *known; /* NULL: a method of an extension */
  struct fl_value *args;                    /* the tool's arguments, or the params of another method */
  void *user;
  bool is_whole;
  uint32_t idle_timeout_ms;
  size_t result_max;
  int64_t idle_deadline_ms, total_deadline_ms, asked_ms;

  struct fl_value *pages; /* so far, when all are read; NULL: one page is enough */
  char *cursor;           /* of the page to read next */
  size_t page_count;

  unsigned rounds;                         /* of questions */
  struct fl_value *inputs, *request_state; /* for the next request; NULL: none */
  size_t ask_count;                        /* questions of it that are open */
  bool ends_at_questions;
  size_t held_count; /* requests of a legacy server, about this call, that are open; since asked_ms */

  char *task_id; /* its task, once there is one */
  int64_t poll_ms;
  uint32_t poll_interval_ms;
  struct fl_value *asked_keys; /* what the task has asked already */

  struct fl_mcp_client_call *previous, *next;
};

/* A question of the server. */
struct fl_mcp_client_ask {
  int64_t id;
  struct fl_mcp_client_call *call;   /* whose it is; NULL: a request of a legacy server */
  char *key;                         /* among the call's; NULL likewise */
  struct fl_mcp_client_call *holder; /* of a legacy server's request: the call that waits for it; NULL: not known */
  struct fl_value *rpc_id;           /* of a legacy server's request */
  struct fl_mcp_client_ask *next;
};

struct fl_mcp_cached {
  struct fl_value *result;
  int64_t until_ms;
  size_t weight;
  char *method, *uri; /* uri: of resources/read, else NULL */
};

struct fl_mcp_client_session {
  struct fl_mcp_client_config config;
  struct fl_buf client_info, capabilities_text;
  enum fl_mcp_client_state state;
  enum fl_mcp_era known_era; /* 0: not known yet */
  bool is_guess;             /* that it is legacy, others say; this session has not seen it yet */
  const struct fl_mcp_revision *revision;
  struct fl_value *server_info, *capabilities, *instructions;
  int64_t next_id;
  int64_t handshake_id;          /* of what is awaited before READY */
  int64_t handshake_deadline_ms; /* of the whole handshake; the probe has its own */
  int64_t probe_deadline_ms;
  bool was_probed; /* this process */
  bool was_probed_twice;
  bool is_renewing; /* a handshake after READY, since the server lost our session */

  struct fl_value *tools;      /* as listed */
  struct fl_map tools_by_name; /* lends from tools */
  struct fl_value *page_tools; /* so far, of the listing under way */
  struct fl_map page_names;
  int64_t list_id;   /* 0: no listing under way */
  char *list_cursor; /* that was sent last; NULL: the first page */
  size_t page_count;
  bool is_list_stale;     /* changed while it was listed, or too soon after */
  int64_t relist_ms;      /* not before */
  int64_t tools_until_ms; /* how long the list holds, when changes of it are not told; INT64_MAX: until told */
  int64_t listen_id;
  int64_t listen_again_ms; /* INT64_MAX: not */
  uint32_t listen_pause_ms;
  struct fl_value *followed; /* {uri: true} */

  struct fl_mcp_client_call *first, *last; /* all calls, in order */
  size_t call_count;
  struct fl_map sent;       /* by 8 bytes of id */
  int64_t call_deadline_ms; /* a lower bound; INT64_MAX: none */

  struct fl_mcp_client_ask *asks;
  size_t ask_count;
  int64_t next_ask_id;

  struct fl_map cache; /* by method and params */
  size_t cache_weight;
};

static inline bool fl_mcp_client_is_modern(const struct fl_mcp_client_session *session) {
  return session->state == FL_MCP_PROBING || (session->revision != NULL && session->revision->era == FL_MCP_MODERN);
}

/* The guess was wrong, if it was one: then the server is asked, and true. */
bool fl_mcp_client_probe_after_all(struct fl_mcp_client_session *session, struct fl_mcp_client_effects *effects);

/* reports */
struct fl_mcp_client_report *fl_mcp_client_report(struct fl_mcp_client_effects *effects,
                                                  enum fl_mcp_client_report_type type);
void fl_mcp_client_logf(struct fl_mcp_client_effects *effects, const char *level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void fl_mcp_client_fail(struct fl_mcp_client_session *session, struct fl_mcp_client_effects *effects, int status,
                        const char *format, ...) __attribute__((format(printf, 4, 5)));

/* messages: the line ends, and goes out as what `about` says (names and parameters are taken over); FL_E_LIMIT: it was
 * too large, and does not go out. */
int fl_mcp_client_send(struct fl_mcp_client_session *session, struct fl_mcp_client_effects *effects,
                       struct fl_rpc_line line, const struct fl_mcp_outgoing *about);
/* A request of ours without anything special about it. */
int fl_mcp_client_send_plain(struct fl_mcp_client_session *session, struct fl_mcp_client_effects *effects,
                             struct fl_rpc_line line, int64_t id, const char *method);
void fl_mcp_client_drop(const struct fl_mcp_client_session *session, struct fl_mcp_client_effects *effects, int64_t id);

/* "_meta" of a request: what the era wants; `token` 0: none; `call` NULL: of none. Opens the params object and leaves
 * it open. */
void fl_mcp_client_open_params(const struct fl_mcp_client_session *session, struct fl_buf *buf, int64_t token,
                               const struct fl_mcp_client_call *call);

/* handshake */
void fl_mcp_client_begin(struct fl_mcp_client_session *session, struct fl_mcp_client_effects *effects);
void fl_mcp_client_initialize(struct fl_mcp_client_session *session, struct fl_mcp_client_effects *effects);
void fl_mcp_client_take_handshake(struct fl_mcp_client_session *session, int64_t now_ms,
                                  const struct fl_rpc_message *message, struct fl_mcp_client_effects *effects);
void fl_mcp_client_handshake_lost(struct fl_mcp_client_session *session, const struct fl_mcp_client_loss *loss,
                                  struct fl_mcp_client_effects *effects);
void fl_mcp_client_renew(struct fl_mcp_client_session *session, int64_t now_ms, struct fl_mcp_client_effects *effects);

/* tools */
void fl_mcp_client_begin_listing(struct fl_mcp_client_session *session, int64_t now_ms,
                                 struct fl_mcp_client_effects *effects);
void fl_mcp_client_list(struct fl_mcp_client_session *session, int64_t now_ms, struct fl_mcp_client_effects *effects);
void fl_mcp_client_take_list(struct fl_mcp_client_session *session, int64_t now_ms,
                             const struct fl_rpc_message *message, struct fl_mcp_client_effects *effects);
void fl_mcp_client_list_failed(struct fl_mcp_client_session *session, int64_t now_ms, int status, const char *why,
                               struct fl_mcp_client_effects *effects);
void fl_mcp_client_forget_listing(struct fl_mcp_client_session *session);
const struct fl_value *fl_mcp_client_find_tool(const struct fl_mcp_client_session *session, const char *name);

/* changes */
void fl_mcp_client_listen(struct fl_mcp_client_session *session, struct fl_mcp_client_effects *effects);
void fl_mcp_client_listen_ended(struct fl_mcp_client_session *session, int64_t now_ms, bool may_come_back,
                                struct fl_mcp_client_effects *effects);
void fl_mcp_client_listen_acknowledged(struct fl_mcp_client_session *session);
void fl_mcp_client_take_change(struct fl_mcp_client_session *session, int64_t now_ms,
                               const struct fl_rpc_message *message, struct fl_mcp_client_effects *effects);

/* calls */
void fl_mcp_client_send_waiting(struct fl_mcp_client_session *session, struct fl_mcp_client_effects *effects);
void fl_mcp_client_call_send(struct fl_mcp_client_session *session, struct fl_mcp_client_call *call,
                             struct fl_mcp_client_effects *effects);
struct fl_mcp_client_call *fl_mcp_client_call_find(const struct fl_mcp_client_session *session,
                                                   const struct fl_value *id);
struct fl_mcp_client_call *fl_mcp_client_call_find_n(const struct fl_mcp_client_session *session, int64_t id);
void fl_mcp_client_call_answer(struct fl_mcp_client_session *session, int64_t now_ms, struct fl_mcp_client_call *call,
                               const struct fl_rpc_message *message, struct fl_mcp_client_effects *effects);
/* No request of it is out any more; it goes on. */
void fl_mcp_client_call_land(struct fl_mcp_client_session *session, struct fl_mcp_client_call *call);
void fl_mcp_client_call_note_deadline(struct fl_mcp_client_session *session, const struct fl_mcp_client_call *call);
/* Reports it done and frees it; the first takes the result. */
void fl_mcp_client_call_end_take(struct fl_mcp_client_session *session, struct fl_mcp_client_call *call,
                                 struct fl_value *result, struct fl_mcp_client_effects *effects);
void fl_mcp_client_call_fail(struct fl_mcp_client_session *session, struct fl_mcp_client_call *call, int status,
                             struct fl_mcp_client_effects *effects, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
void fl_mcp_client_call_refused(struct fl_mcp_client_session *session, struct fl_mcp_client_call *call,
                                const struct fl_value *error, struct fl_mcp_client_effects *effects);
void fl_mcp_client_calls_time(struct fl_mcp_client_session *session, int64_t now_ms,
                              struct fl_mcp_client_effects *effects);
void fl_mcp_client_call_progress(struct fl_mcp_client_session *session, int64_t now_ms, const struct fl_value *params,
                                 struct fl_mcp_client_effects *effects);
void fl_mcp_client_calls_destroy(struct fl_mcp_client_session *session);
/* A request of the session itself whose answer nobody waits for. Takes the params. */
void fl_mcp_client_call_hidden(struct fl_mcp_client_session *session, const char *method, struct fl_value *params,
                               struct fl_mcp_client_effects *effects);

/* client_pause.c: the call ends with what it takes to go on with it (`requests`: its questions, NULL: none) … */
void fl_mcp_client_pause(struct fl_mcp_client_session *session, struct fl_mcp_client_call *call,
                         const struct fl_value *requests, struct fl_mcp_client_effects *effects);
/* … and a new one takes it up. */
void fl_mcp_client_unpause(struct fl_mcp_client_call *call, int64_t now_ms, const struct fl_value *pause,
                           const struct fl_value *answers);
void fl_mcp_client_call_pause_take(struct fl_mcp_client_session *session, struct fl_mcp_client_call *call,
                                   struct fl_value *pause, struct fl_mcp_client_effects *effects);

/* The call's task after CreateTaskResult, and each look at it. */
void fl_mcp_client_task_begin(struct fl_mcp_client_session *session, int64_t now_ms, struct fl_mcp_client_call *call,
                              const struct fl_value *result, struct fl_mcp_client_effects *effects);
void fl_mcp_client_task_looked(struct fl_mcp_client_session *session, int64_t now_ms, struct fl_mcp_client_call *call,
                               const struct fl_value *task, struct fl_mcp_client_effects *effects);
void fl_mcp_client_task_send(struct fl_mcp_client_session *session, struct fl_mcp_client_call *call,
                             struct fl_mcp_client_effects *effects);
bool fl_mcp_client_has_extension(const struct fl_mcp_client_session *session, const char *name); /* both sides */
#define FL_MCP_TASKS "io.modelcontextprotocol/tasks"

/* The questions of a result or of a task, {key: {"method", "params"}}; false when the call failed of them. */
bool fl_mcp_client_may_ask_all(struct fl_mcp_client_session *session, struct fl_mcp_client_call *call,
                               const struct fl_value *requests, struct fl_mcp_client_effects *effects);
bool fl_mcp_client_ask_all(struct fl_mcp_client_session *session, int64_t now_ms, struct fl_mcp_client_call *call,
                           const struct fl_value *requests, struct fl_mcp_client_effects *effects);
/* `origin`: the request of ours on whose stream it came; 0: none. */
void fl_mcp_client_take_request(struct fl_mcp_client_session *session, int64_t now_ms, int64_t origin,
                                const struct fl_rpc_message *message, struct fl_mcp_client_effects *effects);
void fl_mcp_client_asks_withdrawn(struct fl_mcp_client_session *session, int64_t now_ms, const struct fl_value *rpc_id,
                                  struct fl_mcp_client_effects *effects);
void fl_mcp_client_asks_lose_call(struct fl_mcp_client_session *session, const struct fl_mcp_client_call *call);
/* Those of a call, or with NULL those of requests: nobody waits for them any more. */
void fl_mcp_client_asks_gone(struct fl_mcp_client_session *session, const struct fl_mcp_client_call *call,
                             struct fl_mcp_client_effects *effects);
void fl_mcp_client_asks_destroy(struct fl_mcp_client_session *session);

/* cache */
struct fl_value *fl_mcp_client_cache_find(struct fl_mcp_client_session *session, int64_t now_ms, const char *method,
                                          const struct fl_value *params); /* lent; NULL: nothing that still holds */
void fl_mcp_client_cache_keep(struct fl_mcp_client_session *session, int64_t now_ms,
                              const struct fl_mcp_client_call *call, struct fl_value *result);
/* What a method answered; with `uri` of that resource only. NULL: everything. */
void fl_mcp_client_cache_forget(struct fl_mcp_client_session *session, const char *method, const char *uri);
