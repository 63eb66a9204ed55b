/* SPDX-License-Identifier: MIT */
/* Inside of the HTTP transport: http_client.c (Streamable HTTP), http_sse.c (HTTP+SSE of 2024-11-05). */
#pragma once
#include "mcp/transport/http_exchange.h"
#include "mcp/transport/transport.h"

enum http_request_kind {
  HTTP_REQUEST, /* a POST that is answered */
  HTTP_NOTE,    /* a POST of a notification or an answer of ours */
  HTTP_STREAM,  /* the GET for what the server says unasked */
  HTTP_SSE,     /* the GET of HTTP+SSE, on which everything comes */
  HTTP_GOODBYE, /* DELETE */
};

struct http_client;

struct http_request {
  struct fl_mcp_exchange exchange;
  struct http_client *client;
  enum http_request_kind kind;
  int64_t id;                /* of the JSON-RPC request that it carries; 0: none */
  const char *revision;      /* MCP-Protocol-Version; NULL: none */
  struct fl_buf own_headers; /* as of the exchange */
  bool is_modern, is_initialize, is_handshake;
  bool is_queued;  /* an answer, for the end of another one */
  bool is_answer;  /* to a question of the server, counted in the client */
  bool is_waiting; /* for the end of client->held */
  bool is_dropped, is_lingering, is_resuming, has_events, has_messages, had_session;
  bool is_ending; /* its end is being told */
  bool has_left;  /* somebody may have seen it */
  unsigned resume_count;
  int refused_status;    /* HTTP_SSE: with which `initialize` was met */
  struct fl_timer timer; /* lingering, or the pause before it starts again */
  struct http_request *next;
};

struct http_client {
  struct fl_mcp_transport transport; /* first */
  char *url;
  char **headers;
  struct fl_mcp_auth *auth;
  bool owns_auth; /* made by start from what follows, gone before on_down */
  struct fl_mcp_auth_options authorize;
  struct fl_value *auth_config;
  char *auth_folder;
  bool is_up, is_stopping, is_post_waiting;
  const char *down_text;
  struct fl_post down_post;
  char *session_id;           /* legacy; NULL: none */
  char *post_url;             /* HTTP+SSE: where messages go; NULL: Streamable HTTP */
  struct http_request *first; /* all, in order */
  size_t answer_count;
  bool is_flooded;           /* answers were left out, and it was said */
  struct http_request *held; /* `initialized` on its way: the rest waits */
};

struct http_request *http_request_new(struct http_client *client, enum http_request_kind kind, const char *method);
void http_request_start(struct http_request *request);
void http_request_free(struct http_request *request);
void http_on_message(struct fl_mcp_exchange *exchange, const char *type, fl_slice message);
void http_stream_open(struct http_client *client, const char *revision);
void http_log(struct http_client *client, const char *level, const char *what, const struct fl_mcp_exchange_end *end);

/* Whether the server should know the session that the request names. */
static inline bool client_has_session(const struct http_request *request) {
  return request->client->session_id != NULL && !request->is_modern && request->revision != NULL;
}

/* `initialize` was refused: the older transport is tried with it. False: it has been tried. Takes the request. */
bool http_sse_fall_back(struct http_request *request);
