/* SPDX-License-Identifier: MIT */
/* Inside of the HTTP server: http_server.c (listening, limits in time, the end), http_connection.c (from bytes to
 * requests), http_reply.c (answers). */
#pragma once
#include "runtime/io/http_hosts.h"
#include "runtime/io/http_server.h"

enum {
  HTTP_SWEEP_MS = 250,                /* how exact time-outs are */
  HTTP_LINGER_MS = 1000,              /* for the peer to read a last answer before the connection is cut */
  HTTP_PIPELINE_SIZE_MAX = 64 * 1024, /* of requests that came while one is answered; then reading stops */
  HTTP_REFUSED_MAX = 64,              /* connections above the limit that get an answer */
};

enum http_state {
  HTTP_HEAD,    /* between requests, or in a head */
  HTTP_BODY,    /* in a body */
  HTTP_ANSWER,  /* the request is whole, the answer is not */
  HTTP_LINGER,  /* the last answer is out; what comes is dropped */
  HTTP_CLOSING, /* waits for on_close */
};

struct http_connection {
  struct fl_http_exchange exchange;
  struct fl_http_server *server;
  struct http_connection *previous, *next;
  struct fl_stream stream;
  struct fl_post resume; /* goes on with what waits in `input` */
  enum http_state state;
  bool is_answering;     /* the handler has the exchange */
  bool has_replied_head; /* pieces are going out */
  bool is_chunked_reply, is_head_request, is_http10;
  bool keeps_alive;
  bool in_head; /* some of one has come */
  bool is_processing, is_resuming, is_paused;
  struct fl_buf input;        /* came and not parsed yet */
  struct fl_buf head_bytes;   /* of a request whose body is not whole */
  struct fl_http1_head *head; /* NULL but for a request whose body is not whole, and during callbacks */
  struct fl_http1_body body;
  struct fl_buf collected;
  int64_t deadline_ms;            /* of the state; INT64_MAX: none */
  size_t body_bytes;              /* that came */
  uint64_t written, written_seen; /* bytes given to the stream; of those with the kernel, at the last sweep */
  int64_t moved_ms;               /* when the peer last took something */
};

struct fl_http_server {
  struct fl_world *world;
  struct fl_http_server_options options;
  struct fl_http_hosts rules;
  struct fl_listener listener;
  struct fl_timer sweep;
  struct http_connection *first;
  size_t count, refused_count;
  size_t bodies_size;
  struct fl_http1_head head; /* of whoever is parsed right now */
  struct fl_buf scratch;
  char *address, **hosts, **origins;
  char date[64]; /* "Date: …\r\n" */
  int64_t date_s;
  bool is_closing, is_listening;
  int64_t end_ms; /* when exchanges are ended, while closing */
  void (*on_closed)(void *user);
  void *closed_user;
};

void http_connection_accept(struct fl_http_server *server);
void http_connection_check_time(struct http_connection *connection, int64_t now_ms);
void http_connection_close(struct http_connection *connection); /* tells the handler, flushes, closes */
void http_connection_gone(struct http_connection *connection);  /* it is freed */
void http_server_arm(struct fl_http_server *server);
/* The answer is out: on to the next request, or the end. */
void http_connection_answered(struct http_connection *connection);
void http_connection_refuse(struct http_connection *connection, int status, const char *reason);
