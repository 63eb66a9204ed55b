/* SPDX-License-Identifier: MIT */
/* One connection: from bytes to requests.
 *
 * Happy path: accepted; a head comes and is parsed where it lies, in the world's read buffer; the handler is asked; the
 * body, when it lies there whole as well, is lent to it without a copy; the answer goes out; what came meanwhile is
 * parsed next. Nothing is kept of an idle connection.
 * Failure modes: a head or body comes in parts (copied until it is whole, within limits and time); a request is refused
 * (answered, then the connection ends, after the peer had a moment to read that); the peer sends ahead without reading
 * (reading stops); the peer ends its output, which counts as its going (the handler hears on_gone); a peer that neither
 * reads nor goes (cut after a time). */
#include "runtime/base/check.h"
#include "runtime/base/mem.h"
#include "runtime/io/http_server_internal.h"
#include "runtime/io/tls.h"

static void process_input(struct http_connection *connection);

static int64_t after_ms(struct http_connection *connection, uint32_t wait_ms) {
  return fl_world_now_ms(connection->server->world) + wait_ms;
}

/* ---- closing ---- */

static void forget_request(struct http_connection *connection) {
  if (connection->head != &connection->server->head) fl_free(connection->head);
  connection->head = NULL;
  connection->server->bodies_size -= connection->collected.size;
  fl_buf_deinit(&connection->head_bytes);
  fl_buf_deinit(&connection->collected);
}

static void free_connection(struct http_connection *connection) {
  fl_buf_deinit(&connection->input);
  struct fl_http_server *server = connection->server;
  if (connection->previous != NULL) connection->previous->next = connection->next;
  else server->first = connection->next;
  if (connection->next != NULL) connection->next->previous = connection->previous;
  http_connection_gone(connection);
  fl_free(connection);
}

static void on_stream_closed(struct fl_stream *stream) {
  struct http_connection *connection = stream->user;
  if (!connection->is_resuming) free_connection(connection); /* otherwise on_resume does it */
}

static void tell_gone(struct http_connection *connection) {
  if (!connection->is_answering) return;
  connection->is_answering = false;
  if (connection->exchange.on_gone != NULL) connection->exchange.on_gone(&connection->exchange);
}

void http_connection_close(struct http_connection *connection) {
  if (connection->state == HTTP_CLOSING) return;
  connection->state = HTTP_CLOSING;
  connection->deadline_ms = after_ms(connection, HTTP_LINGER_MS);
  tell_gone(connection);
  if (!connection->is_processing) forget_request(connection);
  fl_stream_close(&connection->stream, on_stream_closed);
}

static void cut(struct http_connection *connection) {
  http_connection_close(connection);
  connection->deadline_ms = INT64_MAX;
  if (connection->stream.impl != NULL) fl_stream_close(&connection->stream, on_stream_closed); /* drops what waits */
}

static void linger(struct http_connection *connection) {
  connection->state = HTTP_LINGER;
  connection->deadline_ms = after_ms(connection, HTTP_LINGER_MS);
  fl_buf_deinit(&connection->input);
  fl_stream_end(&connection->stream);
  if (connection->is_paused) fl_stream_pause(&connection->stream, false); /* to see the peer's end */
  connection->is_paused = false;
}

void http_connection_refuse(struct http_connection *connection, int status, const char *reason) {
  tell_gone(connection);
  if (connection->state == HTTP_CLOSING || connection->state == HTTP_LINGER) return;
  connection->keeps_alive = false;
  if (connection->state == HTTP_HEAD) connection->is_head_request = false; /* of the request before */
  if (connection->has_replied_head) {
    http_connection_close(connection);
    return;
  }
  FL_BUF_AUTO body = {0};
  fl_buf_addf(&body, "%s\n", reason);
  connection->is_answering = true;
  fl_http_reply(&connection->exchange,
                &(struct fl_http_reply){.status = status, .content_type = "text/plain", .body = fl_buf_slice(&body)});
}

/* ---- answers ---- */

static void on_resume(struct fl_post *post) {
  struct http_connection *connection = post->user;
  connection->is_resuming = false;
  if (connection->stream.impl == NULL) free_connection(connection);
  else if (connection->state == HTTP_HEAD) process_input(connection);
}

void http_connection_answered(struct http_connection *connection) {
  connection->is_answering = connection->has_replied_head = false;
  if (!connection->is_processing) forget_request(connection);
  if (!connection->keeps_alive || connection->server->is_closing) {
    linger(connection);
    return;
  }
  connection->state = HTTP_HEAD;
  connection->deadline_ms = after_ms(connection, connection->server->options.idle_timeout_ms);
  if (connection->is_processing || connection->input.size == 0 || connection->is_resuming) return;
  connection->is_resuming = true;
  fl_world_post(connection->server->world, &connection->resume);
}

/* ---- requests ---- */

static void deliver(struct http_connection *connection, fl_slice body) {
  connection->state = HTTP_ANSWER;
  connection->deadline_ms = INT64_MAX;
  connection->exchange.on_body(&connection->exchange, body);
  forget_request(connection);
}

/* The body is not whole: what the handler may ask of the head must outlive the read buffer. */
static void keep_head(struct http_connection *connection, fl_slice text) {
  size_t used = 0;
  fl_buf_add(&connection->head_bytes, text.data, text.size);
  connection->head = fl_new(struct fl_http1_head);
  fl_check(fl_http1_parse_head(fl_buf_slice(&connection->head_bytes), connection->head, &used) == FL_HTTP1_DONE);
}

static bool passes_checks(struct http_connection *connection, const struct fl_http1_head *head) {
  struct fl_http_server *server = connection->server;
  size_t count = 0;
  fl_slice origin = fl_http1_field(head, "origin", &count);
  if (!fl_http_host_is_allowed(&server->rules, head->host))
    http_connection_refuse(connection, 403, "This server does not go by that Host.");
  else if (count > 1 || !fl_http_origin_is_allowed(&server->rules, origin))
    http_connection_refuse(connection, 403, "Pages of that Origin may not use this server.");
  else if (head->body_size > server->options.body_size_max)
    http_connection_refuse(connection, 413, "The body is too large.");
  else return true;
  return false;
}

static void begin_body(struct http_connection *connection, fl_slice head_text, fl_slice *bytes) {
  struct fl_http1_head *head = connection->head;
  size_t size = head->body_size;
  if (!head->is_chunked && bytes->size >= size) { /* it lies there whole */
    fl_slice body = fl_slice_n(bytes->data, size);
    *bytes = fl_slice_n(bytes->data + size, bytes->size - size);
    deliver(connection, body);
    return;
  }
  if (head->expects_continue && bytes->size == 0) {
    fl_slice go_on = FL_SLICE("HTTP/1.1 100 Continue\r\n\r\n");
    if (fl_stream_write(&connection->stream, go_on) == 0) connection->written += go_on.size;
  }
  connection->body_bytes = 0;
  connection->deadline_ms = after_ms(connection, connection->server->options.body_grace_ms);
  keep_head(connection, head_text);
}

static void begin_request(struct http_connection *connection, fl_slice head_text, fl_slice *bytes) {
  struct fl_http_server *server = connection->server;
  struct fl_http1_head *head = connection->head = &server->head;
  bool has_body = head->is_chunked || head->body_size > 0;
  connection->is_head_request = head->method == FL_HTTP1_HEAD;
  connection->is_http10 = head->is_http10;
  connection->keeps_alive = head->keeps_alive && !server->is_closing;
  connection->in_head = false;
  connection->state = has_body ? HTTP_BODY : HTTP_ANSWER;
  connection->deadline_ms = INT64_MAX;
  connection->exchange = (struct fl_http_exchange){0};
  fl_http1_body_init(&connection->body, head);
  if (!passes_checks(connection, head)) return;
  connection->is_answering = true;
  server->options.on_request(&connection->exchange, head, server->options.user);
  if (!connection->is_answering) return; /* answered at once */
  fl_check(connection->exchange.on_body != NULL);
  if (has_body) begin_body(connection, head_text, bytes);
  else deliver(connection, FL_SLICE(""));
}

/* One head, from the front of the bytes; false: it is not whole, or was the last. */
static bool take_head(struct http_connection *connection, fl_slice *bytes) {
  struct fl_http1_head *head = &connection->server->head;
  size_t used = 0;
  enum fl_http1_verdict verdict = fl_http1_parse_head(*bytes, head, &used);
  if (verdict == FL_HTTP1_REFUSED) http_connection_refuse(connection, head->status, head->reason);
  if (verdict != FL_HTTP1_DONE) return false;
  fl_slice text = fl_slice_n(bytes->data, used);
  *bytes = fl_slice_n(bytes->data + used, bytes->size - used);
  begin_request(connection, text, bytes);
  if (connection->head == head) connection->head = NULL; /* lent no longer */
  return true;
}

static bool collect(struct http_connection *connection, fl_slice piece) {
  struct fl_http_server *server = connection->server;
  const struct fl_http_server_options *options = &server->options;
  connection->body_bytes += piece.size;
  connection->deadline_ms += (int64_t)piece.size;
  if (piece.size > options->body_size_max - connection->collected.size)
    http_connection_refuse(connection, 413, "The body is too large.");
  else if (piece.size > options->bodies_size_max - server->bodies_size)
    http_connection_refuse(connection, 503, "The server has too many requests to read.");
  else {
    connection->collected.limit = options->body_size_max;
    fl_check(fl_buf_add(&connection->collected, piece.data, piece.size) == 0);
    server->bodies_size += piece.size;
    return true;
  }
  return false;
}

static bool take_body(struct http_connection *connection, fl_slice *bytes) {
  fl_slice piece;
  switch (fl_http1_body_next(&connection->body, bytes, &piece)) {
  case FL_HTTP1_PIECE: return collect(connection, piece);
  case FL_HTTP1_DONE: deliver(connection, fl_buf_slice(&connection->collected)); return true;
  case FL_HTTP1_REFUSED: http_connection_refuse(connection, connection->body.status, connection->body.reason); break;
  default: break;
  }
  return false;
}

/* Takes as much off the front as it can. */
static void process(struct http_connection *connection, fl_slice *bytes) {
  bool goes_on = true;
  connection->is_processing = true;
  while (goes_on) {
    bool has_bytes = bytes->size > 0;
    if (connection->state == HTTP_HEAD && has_bytes) goes_on = take_head(connection, bytes);
    else if (connection->state == HTTP_BODY && (has_bytes || connection->body.left == 0))
      goes_on = take_body(connection, bytes);
    else goes_on = false;
  }
  connection->is_processing = false;
  bool is_over = connection->state == HTTP_LINGER || connection->state == HTTP_CLOSING;
  if (is_over) forget_request(connection);
  if (is_over) *bytes = (fl_slice){0};
}

static void set_reading(struct http_connection *connection) {
  bool pauses = connection->state == HTTP_ANSWER && connection->input.size > HTTP_PIPELINE_SIZE_MAX;
  bool is_over = connection->state == HTTP_LINGER || connection->state == HTTP_CLOSING;
  if (is_over || pauses == connection->is_paused) return;
  connection->is_paused = pauses;
  fl_stream_pause(&connection->stream, pauses);
}

static void process_input(struct http_connection *connection) {
  struct fl_buf taken = connection->input; /* a callback may end the connection, which frees its input */
  connection->input = (struct fl_buf){0};
  fl_slice rest = fl_buf_slice(&taken);
  process(connection, &rest);
  if (rest.size > 0) {
    fl_buf_consume(&taken, taken.size - rest.size);
    connection->input = taken;
  } else fl_buf_deinit(&taken);
  set_reading(connection);
}

static void on_data(struct fl_stream *stream, fl_slice data) {
  struct http_connection *connection = stream->user;
  if (connection->state == HTTP_LINGER || connection->state == HTTP_CLOSING) return;
  if (connection->state == HTTP_HEAD && !connection->in_head) {
    connection->in_head = true;
    connection->deadline_ms = after_ms(connection, connection->server->options.head_timeout_ms);
  }
  bool is_first = connection->input.size == 0 && !connection->is_resuming;
  if (is_first && connection->state != HTTP_ANSWER) process(connection, &data);
  if (data.size > 0) fl_buf_add(&connection->input, data.data, data.size);
  if (!is_first && connection->state != HTTP_ANSWER && !connection->is_resuming) process_input(connection);
  else set_reading(connection);
}

static void on_end(struct fl_stream *stream, int status) { http_connection_close(stream->user); }

/* ---- time ---- */

/* Whether the peer has taken nothing of what waits for too long. */
static bool is_stalled(struct http_connection *connection, int64_t now_ms) {
  size_t queued = fl_stream_queued(&connection->stream);
  uint64_t taken = connection->written - queued;
  if (queued == 0 || taken != connection->written_seen) {
    connection->written_seen = taken;
    connection->moved_ms = now_ms;
  }
  return now_ms - connection->moved_ms >= connection->server->options.stall_timeout_ms;
}

void http_connection_check_time(struct http_connection *connection, int64_t now_ms) {
  if (connection->state != HTTP_CLOSING && is_stalled(connection, now_ms)) {
    cut(connection);
    return;
  }
  if (now_ms < connection->deadline_ms) return;
  if (connection->state == HTTP_BODY || (connection->state == HTTP_HEAD && connection->input.size > 0))
    http_connection_refuse(connection, 408, "The request took too long.");
  else if (connection->state == HTTP_CLOSING || connection->state == HTTP_LINGER) cut(connection);
  else http_connection_close(connection);
}

/* ---- beginning ---- */

void http_connection_accept(struct fl_http_server *server) {
  size_t max = server->options.connections_max;
  if (server->count >= max + HTTP_REFUSED_MAX) return; /* closed unheard */
  struct http_connection *connection = fl_new(struct http_connection);
  connection->server = server;
  connection->stream = (struct fl_stream){.on_data = on_data, .on_end = on_end, .user = connection};
  connection->resume = (struct fl_post){.on_post = on_resume, .user = connection};
  int failure = server->options.tls != NULL ? fl_tls_accept(server->options.tls, &server->listener, &connection->stream)
                                            : fl_listener_accept(&server->listener, &connection->stream);
  if (failure != 0) {
    fl_free(connection);
    return;
  }
  connection->moved_ms = fl_world_now_ms(server->world);
  connection->deadline_ms = connection->moved_ms + server->options.head_timeout_ms;
  connection->next = server->first;
  if (server->first != NULL) server->first->previous = connection;
  server->first = connection;
  server->count++;
  http_server_arm(server);
  if (server->count > max) http_connection_refuse(connection, 503, "The server has too many connections.");
}
