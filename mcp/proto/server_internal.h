/* SPDX-License-Identifier: MIT */
/* Inside of the server's side of the protocol: what its files share. A message goes: server_session.c (table, era,
 * envelope, fields), server_headers.c, then a handler in server_method.c, server_subscribe.c, server_task.c or
 * server_call.c (what a handler of the program must answer); server_ask.c has its questions, server_state.c what a
 * client carries for us, server_core.c life and the writing of replies. Pure. */
#pragma once
#include "mcp/proto/ask.h"
#include "mcp/proto/server_session.h"
#include "runtime/json/known.h"

enum {
  FL_MCP_NAME_SHOWN_MAX = 200,
  FL_MCP_STATE_TTL_MS = 3600 * 1000,   /* how long a client may take to answer */
  FL_MCP_STATE_SIZE_MAX = 1024 * 1024, /* of a sealed state, as text */
  FL_MCP_TASKS_MAX = 10000,
  FL_MCP_SUBSCRIPTIONS_MAX = 20000, /* of one session */
  FL_MCP_URIS_MAX = 1000,           /* of one subscription, and of a legacy session */
};

struct fl_mcp_server_core {
  struct fl_mcp_catalog catalog;
  uint8_t key[FL_MCP_KEY_SIZE], salt[FL_MCP_KEY_SIZE];
  uint64_t drawn; /* nonces and ids so far */
  int64_t now_ms;
  bool saves_tasks;
  struct fl_map tasks;      /* struct fl_mcp_task by id */
  struct fl_map spent;      /* struct fl_mcp_spent by nonce: sealed states that may not come again */
  struct fl_json_memo meta; /* the `_meta` that was read last */
};

/* subscriptions/listen */
struct fl_mcp_subscription {
  struct fl_mcp_subscription *previous, *next;
  struct fl_mcp_subscription *channel_next; /* of the same channel */
  uint64_t channel;
  struct fl_value *id;
  unsigned lists; /* bit per enum fl_mcp_list */
  struct fl_map uris;
};

/* What a channel holds; of a stateless session alone. */
struct fl_mcp_channel {
  struct fl_mcp_served_call *calls;
  struct fl_mcp_subscription *subscriptions;
};

struct fl_mcp_server_session {
  struct fl_mcp_server_core *core;
  unsigned flags;
  const struct fl_mcp_revision *legacy; /* what initialize agreed on; NULL before */
  struct fl_value *client_capabilities; /* legacy */
  int log_rank;                         /* legacy: of the session */
  struct fl_map calls;                  /* struct fl_mcp_served_call by id key; not those that were cancelled */
  struct fl_mcp_served_call *all;       /* including cancelled ones */
  size_t calls_live;
  size_t calls_size;                /* of their lines */
  struct fl_map channels;           /* stateless: struct fl_mcp_channel by its number */
  struct fl_map subscribed;         /* legacy: URIs */
  struct fl_map subscription_by_id; /* modern, by id key */
  struct fl_mcp_subscription *subscriptions;
  struct fl_map asked; /* legacy: struct fl_mcp_question by the id of our request */
  int64_t next_request_id;
  struct fl_buf key; /* scratch */
};

struct fl_mcp_question {
  struct fl_mcp_served_call *call;
  char *key;
};

/* What of `_meta` counts; NULL: absent. */
struct fl_mcp_envelope {
  struct fl_value *version, *capabilities, *call_id, *log_level, *progress_token, *traceparent, *tracestate;
};

/* One message under way. */
struct fl_mcp_step {
  struct fl_mcp_server_session *session;
  struct fl_mcp_server_effects *effects;
  const struct fl_rpc_message *message;
  size_t line_size;
  uint64_t channel;
  const char *principal;
  const struct fl_mcp_headers *headers;
  const struct fl_mcp_revision *revision; /* of this message */
  const struct fl_value *params;          /* NULL: none */
  struct fl_mcp_envelope envelope;
  bool is_envelope_wrong; /* the error is about the message's frame: HTTP 400 */
};

/* ---- server_core.c ---- */

struct fl_mcp_server_effect *fl_mcp_add_effect(struct fl_mcp_server_effects *effects, enum fl_mcp_server_do type);
/* The line that was begun at line.start has ended well: it goes out on the channel. */
struct fl_mcp_server_effect *fl_mcp_send(struct fl_mcp_server_effects *effects, struct fl_mcp_server_session *session,
                                         uint64_t channel, size_t start);
void fl_mcp_reply_error_data(struct fl_mcp_step *step, int code, const char *text, const struct fl_value *data);
void fl_mcp_reply_error(struct fl_mcp_step *step, int code, const char *format, ...) FL_PRINTF(3, 4);
void fl_mcp_reply_text(struct fl_mcp_step *step, const struct fl_buf *result);
/* {"resultType":"complete",…} in the modern era, {} in the other. */
void fl_mcp_reply_empty(struct fl_mcp_step *step);
/* Ends a line that is a result; one that is too large becomes an error. */
void fl_mcp_end_reply(struct fl_mcp_step *step, struct fl_rpc_line line, const char *what);
/* `,"_meta":{…}` and the closing brace of a modern result, or the brace alone. */
void fl_mcp_end_result(struct fl_buf *buf, const struct fl_mcp_catalog *catalog, bool is_modern,
                       const struct fl_value *meta);
/* -32021, with what is needed. Takes `required`. */
void fl_mcp_reply_missing_take(struct fl_mcp_step *step, const char *text, struct fl_value *required);
/* The id's key in session->key: with the channel's number in front when ids belong to channels. */
void fl_mcp_id_key(struct fl_mcp_server_session *session, uint64_t channel, const struct fl_value *id);
bool fl_mcp_has_extension(const struct fl_value *capabilities, const char *extension);
/* 24 bytes that no other draw of this core gives. */
void fl_mcp_draw(struct fl_mcp_server_core *core, const char *purpose, uint8_t ret_bytes[24]);
struct fl_mcp_channel *fl_mcp_channel_at(struct fl_mcp_server_session *session, uint64_t number); /* makes it */
/* Drops one that is empty. */
void fl_mcp_channel_check(struct fl_mcp_server_session *session, struct fl_mcp_channel *channel, uint64_t number);
fl_slice fl_mcp_channel_key(const uint64_t *number);

/* ---- server_headers.c ---- */

/* Whether MCP-Protocol-Version is the body's; ahead of whether that is supported. */
bool fl_mcp_check_version_header(struct fl_mcp_step *step, const char *version);
/* Whether the other header fields say what the body says; otherwise it has replied. */
bool fl_mcp_check_headers(struct fl_mcp_step *step, const char *name_field);

/* ---- methods ---- */

void fl_mcp_run_discover(struct fl_mcp_step *step);
void fl_mcp_run_initialize(struct fl_mcp_step *step);
void fl_mcp_run_ping(struct fl_mcp_step *step);
void fl_mcp_run_list(struct fl_mcp_step *step);
void fl_mcp_run_set_level(struct fl_mcp_step *step);
void fl_mcp_run_skills_get(struct fl_mcp_step *step);
void fl_mcp_run_directory_read(struct fl_mcp_step *step);
void fl_mcp_run_subscribe(struct fl_mcp_step *step);
void fl_mcp_run_unsubscribe(struct fl_mcp_step *step);
void fl_mcp_run_listen(struct fl_mcp_step *step);
void fl_mcp_run_cancelled(struct fl_mcp_step *step);
void fl_mcp_run_tools_call(struct fl_mcp_step *step);
void fl_mcp_run_prompts_get(struct fl_mcp_step *step);
void fl_mcp_run_resources_read(struct fl_mcp_step *step);
void fl_mcp_run_complete(struct fl_mcp_step *step);
void fl_mcp_run_tasks_get(struct fl_mcp_step *step);
void fl_mcp_run_tasks_update(struct fl_mcp_step *step);
void fl_mcp_run_tasks_cancel(struct fl_mcp_step *step);
void fl_mcp_take_answer(struct fl_mcp_step *step); /* a response to a request of ours */

/* ---- server_call.c ---- */

void fl_mcp_served_call_destroy(struct fl_mcp_served_call *call);
void fl_mcp_start_call(struct fl_mcp_served_call *call, struct fl_mcp_server_effects *effects);
/* A step that replies to the call's request. */
struct fl_mcp_step fl_mcp_step_of_call(struct fl_mcp_served_call *call, const struct fl_rpc_message *message,
                                       struct fl_mcp_server_effects *effects);
void fl_mcp_cancel_call(struct fl_mcp_served_call *call, struct fl_mcp_server_effects *effects);
/* The call has had its reply, or gets none: its id is free. */
void fl_mcp_retire_call(struct fl_mcp_served_call *call);
/* Appends the result's object, without the `,"_meta"…` end. FL_E_LIMIT. */
int fl_mcp_write_call_result(struct fl_buf *buf, const struct fl_mcp_served_call *call, const struct fl_value *result);
/* Adds an answer to call->answers. */
void fl_mcp_add_answer(struct fl_mcp_served_call *call, const char *key, struct fl_value *answer);

/* ---- server_ask.c, server_state.c ---- */

void fl_mcp_drop_questions(struct fl_mcp_served_call *call);
/* Appends the sealed state of a call that asks, as text. FL_E_LIMIT. */
int fl_mcp_state_seal(struct fl_mcp_served_call *call, const struct fl_value *requests, const struct fl_value *state,
                      struct fl_buf *ret_text);
/* Reads params.requestState and inputResponses into the call; false: it has replied. */
bool fl_mcp_state_open(struct fl_mcp_step *step, struct fl_mcp_served_call *call, bool is_single_use);

/* ---- server_task.c ---- */

void fl_mcp_task_begin(struct fl_mcp_served_call *call, struct fl_mcp_server_effects *effects);
void fl_mcp_task_start(struct fl_mcp_served_call *call, struct fl_mcp_server_effects *effects);
void fl_mcp_task_done(struct fl_mcp_served_call *call, const struct fl_value *result,
                      struct fl_mcp_server_effects *effects);
void fl_mcp_task_failed(struct fl_mcp_served_call *call, int code, const char *text,
                        struct fl_mcp_server_effects *effects);
void fl_mcp_task_asks(struct fl_mcp_served_call *call, const struct fl_value *requests, struct fl_value *state,
                      struct fl_mcp_server_effects *effects);
void fl_mcp_task_progress(struct fl_mcp_served_call *call, const char *text);
void fl_mcp_task_lost(struct fl_mcp_served_call *call); /* the call's memory goes */
void fl_mcp_tasks_destroy(struct fl_mcp_server_core *core);

/* ---- server_subscribe.c ---- */

void fl_mcp_subscription_destroy(struct fl_mcp_server_session *session, struct fl_mcp_subscription *subscription);
