/* SPDX-License-Identifier: MIT */
/* Inside of the Streamable HTTP server: http_server.c (life, time), http_request.c (what comes in), http_session.c
 * (legacy sessions), http_stream.c (what goes out).
 *
 * Invariants. (1) A stream is found by its channel from its opening to its last reply; whoever holds a channel that is
 * over finds nothing. (2) A modern stream without a peer does not exist; a legacy one does until its replies are made.
 * (3) A request that waits (for the guard, for the log) outlives its exchange and is counted in `pending`. */
#pragma once
#include "mcp/auth/guard.h"
#include "mcp/transport/http_server.h"
#include "runtime/base/map.h"

enum { MCP_SESSION_ID_SIZE = 33, MCP_CHANNEL_SLOT_BITS = 24 };

struct mcp_session;

struct mcp_stream {
  struct fl_mcp_http *http;
  uint64_t channel;
  struct fl_mcp_server_session *core;
  struct mcp_session *session;       /* NULL: modern */
  struct fl_http_exchange *exchange; /* NULL: nobody reads */
  struct mcp_stream *previous, *next;
  char *fields;              /* more fields of the answer's head; NULL: none */
  size_t expected, replied;  /* replies */
  uint64_t id, number, told; /* legacy: "id_number" names its events; the last made, the last sent */
  int64_t written_ms;
  bool is_sse, is_get, is_opening; /* opening: answers `initialize` */
  bool prefers_events;             /* the client named event streams ahead of JSON */
};

struct mcp_session {
  char id[MCP_SESSION_ID_SIZE];
  struct fl_mcp_server_session *core;
  struct mcp_session *previous, *next; /* the longest unused last */
  char *principal;
  int64_t used_ms;
  struct mcp_stream *get; /* for what belongs to no request; always there */
  size_t waiting_count;   /* streams with a peer */
  uint64_t next_stream;
};

/* A request from its head to its stream. */
struct mcp_request {
  struct fl_mcp_http *http;
  struct fl_http_exchange *exchange; /* NULL: gone meanwhile */
  enum fl_http1_method method;
  struct fl_buf fields; /* as they came; a terminator behind each value */
  struct {
    uint16_t name_size, name, value; /* places in `fields` */
  } places[FL_HTTP1_FIELDS_MAX];
  size_t field_count;
  char *target;
  char *principal;     /* NULL: nobody is known */
  struct fl_buf body;  /* copied when the request waits */
  bool is_ambiguous;   /* a field that counts stands there twice */
  bool was_looked_for; /* its session was asked of the log */
  bool was_live;       /* the stream that is asked for again was not over */
  int read_count;
  struct fl_event_log_read read;
  struct fl_mcp_guard_check check;
  uint64_t stream, after; /* of Last-Event-ID */
};

struct fl_mcp_http {
  struct fl_world *world;
  struct fl_mcp_http_options options;
  struct fl_mcp_http_host host;
  struct fl_http_server *server;
  struct fl_mcp_server_session *modern;
  char *path;
  struct mcp_stream *streams;
  struct mcp_stream **slots; /* by the low bits of a channel */
  uint32_t *generations, *free_slots;
  size_t slot_count, free_count, stream_count;
  struct fl_map sessions, by_core; /* by id; by the bytes of the pointer to the core's session */
  struct mcp_session *newest, *oldest;
  size_t pending;
  struct fl_timer sweep;
  struct fl_post give_up; /* modern streams whose peer does not take what it is sent */
  uint64_t *given_up;
  size_t given_up_count, given_up_capacity;
  struct fl_buf scratch;
  bool is_closing, is_server_closed, is_giving_up;
  void (*on_closed)(void *user);
  void *closed_user;
};

/* http_request.c */
void mcp_http_on_request(struct fl_http_exchange *exchange, const struct fl_http1_head *head, void *user);
const char *mcp_request_field(struct mcp_request *request, const char *name); /* NULL: absent */
void mcp_request_go_on(struct mcp_request *request, fl_slice body); /* passed the guard; frees it in the end */
void mcp_request_free(struct mcp_request *request);
/* Ends the request with an answer; a JSON-RPC error as its body. */
void mcp_request_fail(struct mcp_request *request, int status, int code, const char *text);
void mcp_request_reply(struct mcp_request *request, const struct fl_http_reply *reply);
/* Hands a message over and opens its stream. `session` NULL: modern. */
void mcp_request_dispatch(struct mcp_request *request, struct mcp_session *session,
                          const struct fl_rpc_message *message, size_t size);
char *mcp_request_cors(struct mcp_request *request); /* fields for pages of an allowed origin; NULL: none */

/* http_session.c */
struct mcp_session *mcp_session_find(struct fl_mcp_http *http, const char *id);
struct mcp_session *mcp_session_open(struct fl_mcp_http *http, const char *principal);
void mcp_session_remember(struct mcp_session *session, fl_slice opening); /* in the log */
void mcp_session_close(struct fl_mcp_http *http, struct mcp_session *session, bool forgets);
void mcp_session_use(struct fl_mcp_http *http, struct mcp_session *session);
void mcp_sessions_expire(struct fl_mcp_http *http, int64_t now_ms);
/* The session of a legacy request, or NULL: then the request was answered, or waits and goes on by itself. */
struct mcp_session *mcp_request_session(struct mcp_request *request, fl_slice body);
void mcp_request_listen(struct mcp_request *request); /* GET */
void mcp_request_delete(struct mcp_request *request); /* DELETE */

/* http_stream.c */
struct mcp_stream *mcp_stream_open(struct fl_mcp_http *http, struct mcp_session *session);
void mcp_stream_attach(struct mcp_stream *stream, struct fl_http_exchange *exchange, char *fields_take);
void mcp_stream_detach(struct mcp_stream *stream); /* nobody reads any more; the answer, if any, is ended */
void mcp_stream_free(struct mcp_stream *stream);
struct mcp_stream *mcp_stream_find(struct fl_mcp_http *http, uint64_t channel);
void mcp_stream_begin(struct mcp_stream *stream);                                 /* the head of an event stream */
void mcp_stream_write(struct mcp_stream *stream, uint64_t number, fl_slice data); /* an event that stands in the log */
void mcp_stream_keep_alive(struct mcp_stream *stream, int64_t now_ms);
bool mcp_stream_is_over(const struct mcp_stream *stream); /* all replies are out */
void mcp_http_gone(struct fl_http_exchange *exchange);

/* http_server.c */
void mcp_http_finish(struct fl_mcp_http *http); /* when closing, and nothing is left */
