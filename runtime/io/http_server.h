/* SPDX-License-Identifier: MIT */
/* An HTTP/1.1 server on one listener: connections, keep-alive, pipelining, chunked bodies both ways, streaming answers
 * with back-pressure, limits on everything, time-outs for slow peers, checks of Host and Origin, and an end in order.
 * What it serves is the caller's: one callback for each request.
 *
 * Rules. (1) One exchange at a time on each connection, answers in the order of the requests. (2) Every exchange ends
 * exactly once: by a whole answer (fl_http_reply, fl_http_reply_end), by fl_http_abort, or by on_gone; after that the
 * exchange is the server's again and must not be used. (3) on_body and on_gone never come from inside a call of an
 * fl_http_ function. (4) An answer that is given before the body was read closes the connection. (5) A peer that ends
 * its output is gone: it does not get answers that are not made yet. */
#pragma once
#include "runtime/io/listener.h"
#include "runtime/wire/http1.h"

struct fl_http_server;
struct fl_tls_context;

struct fl_http_exchange {
  void *user; /* the handler's */
  /* The request is whole: `body` (empty when it has none) and fl_http_head are lent for the call. */
  void (*on_body)(struct fl_http_exchange *exchange, fl_slice body);
  /* The peer is gone, was too slow, or the server stops; nobody will read an answer. NULL: nobody needs to know. */
  void (*on_gone)(struct fl_http_exchange *exchange);
};

struct fl_http_server_options {
  size_t size;
  struct fl_listener_options listen;
  /* Whom browsers may be: names that Host may have beside those of this machine ("mcp.example.com", with or without a
   * port; "*": any), and whole origins ("https://app.example.com"; "*": any). NULL-terminated, NULL: none. On a
   * loopback address localhost, 127.0.0.1 and [::1] are allowed, on another one that address. A request with another
   * Host or Origin is answered with 403. On a Unix socket, which no browser reaches, Host is not checked. */
  const char *const *hosts, *const *origins;
  struct fl_tls_context *tls; /* NULL: none; lent for the life of the server */

  size_t connections_max;    /* 0: 16,384; more are answered with 503 */
  size_t body_size_max;      /* bytes of one body; 0: 4 MiB; more is 413 */
  size_t bodies_size_max;    /* bytes of all bodies that are not whole yet; 0: 256 MiB; more is 503 */
  uint32_t head_timeout_ms;  /* from the first byte of a head, or the connection, to its end; 0: 10 s; then 408 */
  uint32_t idle_timeout_ms;  /* between two requests; 0: 60 s */
  uint32_t body_grace_ms;    /* a body has this long and 1 ms more for each byte that came; 0: 10 s; then 408 */
  uint32_t stall_timeout_ms; /* of an answer that the peer does not read; 0: 30 s */

  /* A head has come and passed the checks. Sets the exchange's callbacks, or answers at once. `user`: as below. */
  void (*on_request)(struct fl_http_exchange *exchange, const struct fl_http1_head *head, void *user);
  void *user;
};

/* Errors at once: those of fl_listener_open. */
int fl_http_server_open(struct fl_world *world, const struct fl_http_server_options *options,
                        struct fl_http_server **ret_server, struct fl_error *err);
uint16_t fl_http_server_port(const struct fl_http_server *server);
size_t fl_http_server_connections(const struct fl_http_server *server);
/* Listens no more, closes connections without a request, lets exchanges end for `grace_ms` and then ends them
 * (on_gone). on_closed comes when no connection is left; the server is gone then. */
void fl_http_server_close(struct fl_http_server *server, uint32_t grace_ms, void (*on_closed)(void *user), void *user);

/* ---- answers ---- */

struct fl_http_reply {
  int status;
  const char *content_type; /* NULL: no body */
  fl_slice fields;          /* more fields, whole lines with their CRLF; see fl_http_add_field */
  fl_slice body;            /* fl_http_reply only */
};
/* "Name: value\r\n"; FL_E_INVALID and nothing when the value has control characters. */
int fl_http_add_field(struct fl_buf *fields, const char *name, fl_slice value);

const struct fl_http1_head *fl_http_head(const struct fl_http_exchange *exchange); /* until on_body returns */

void fl_http_reply(struct fl_http_exchange *exchange, const struct fl_http_reply *reply); /* all of it */

/* In pieces: start, any number of data, end. Data is copied; FL_E_LIMIT when more than FL_STREAM_QUEUE_MAX bytes wait,
 * FL_E_CLOSED when the peer is gone (on_gone follows). */
void fl_http_reply_start(struct fl_http_exchange *exchange, const struct fl_http_reply *reply);
int fl_http_reply_data(struct fl_http_exchange *exchange, fl_slice data);
void fl_http_reply_end(struct fl_http_exchange *exchange);
size_t fl_http_queued(const struct fl_http_exchange *exchange); /* bytes that the kernel has not taken */
/* Cuts the connection: the peer must not take what it got for the whole. */
void fl_http_abort(struct fl_http_exchange *exchange);
