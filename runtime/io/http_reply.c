/* SPDX-License-Identifier: MIT */
/* Answers. A whole one is one head and one body, with Content-Length; one in pieces is chunked, or, in HTTP/1.0, ends
 * with the connection. */
#include "runtime/base/check.h"
#include "runtime/io/http_server_internal.h"

#include <stdio.h>
#include <time.h>

static struct http_connection *connection_of(struct fl_http_exchange *exchange) {
  return (struct http_connection *)((char *)exchange - offsetof(struct http_connection, exchange));
}

int fl_http_add_field(struct fl_buf *fields, const char *name, fl_slice value) {
  if (!fl_http1_is_value(value)) return FL_E_INVALID;
  fl_buf_add_text(fields, name);
  fl_buf_add_text(fields, ": ");
  fl_buf_add(fields, value.data, value.size);
  return fl_buf_add_text(fields, "\r\n");
}

static void update_date(struct fl_http_server *server) {
  int64_t now_s = fl_world_wall_ms(server->world) / 1000;
  if (now_s == server->date_s) return;
  server->date_s = now_s;
  struct tm parts;
  time_t time = (time_t)now_s;
  gmtime_r(&time, &parts);
  static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
  snprintf(server->date, sizeof server->date, "Date: %.3s, %02d %.3s %d %02d:%02d:%02d GMT\r\n",
           days + parts.tm_wday * 3, parts.tm_mday, months + parts.tm_mon * 3, parts.tm_year + 1900, parts.tm_hour,
           parts.tm_min, parts.tm_sec);
}

/* Inline: the size of a constant text is known then. */
static inline void add_text(struct fl_buf *out, const char *text) { fl_buf_add(out, text, strlen(text)); }

static void add_number(struct fl_buf *out, size_t number) {
  char digits[24];
  int at = sizeof digits;
  do digits[--at] = (char)('0' + number % 10);
  while ((number /= 10) > 0);
  fl_buf_add(out, digits + at, sizeof digits - (size_t)at);
}

static void add_head(struct http_connection *connection, const struct fl_http_reply *reply, struct fl_buf *out) {
  update_date(connection->server);
  add_text(out, "HTTP/1.1 ");
  add_number(out, (size_t)reply->status);
  fl_buf_add_char(out, ' ');
  add_text(out, fl_http1_status_text(reply->status));
  add_text(out, "\r\n");
  add_text(out, connection->server->date);
  if (reply->content_type != NULL) {
    add_text(out, "Content-Type: ");
    add_text(out, reply->content_type);
    add_text(out, "\r\n");
  }
  if (reply->fields.size > 0) fl_buf_add(out, reply->fields.data, reply->fields.size);
  /* An answer before the end of the body: what follows could not be told from a request. */
  if (connection->state == HTTP_HEAD || connection->state == HTTP_BODY || connection->server->is_closing)
    connection->keeps_alive = false;
  if (!connection->keeps_alive) add_text(out, "Connection: close\r\n");
  else if (connection->is_http10) add_text(out, "Connection: keep-alive\r\n");
}

static int put(struct http_connection *connection, fl_slice data) {
  int failure = fl_stream_write(&connection->stream, data);
  if (failure == 0) connection->written += data.size;
  return failure;
}

static bool has_no_body(int status) { return status == 204 || status == 304 || status < 200; }

void fl_http_reply(struct fl_http_exchange *exchange, const struct fl_http_reply *reply) {
  struct http_connection *connection = connection_of(exchange);
  fl_check(connection->is_answering && !connection->has_replied_head);
  struct fl_buf *out = &connection->server->scratch;
  fl_buf_clear(out);
  add_head(connection, reply, out);
  if (!has_no_body(reply->status)) {
    add_text(out, "Content-Length: ");
    add_number(out, reply->body.size);
    add_text(out, "\r\n");
  }
  add_text(out, "\r\n");
  int failure = put(connection, fl_buf_slice(out));
  bool has_body = reply->body.size > 0 && !connection->is_head_request && !has_no_body(reply->status);
  if (failure == 0 && has_body) failure = put(connection, reply->body);
  if (failure == FL_E_LIMIT) connection->keeps_alive = false; /* cut short: the size tells */
  http_connection_answered(connection);
}

void fl_http_reply_start(struct fl_http_exchange *exchange, const struct fl_http_reply *reply) {
  struct http_connection *connection = connection_of(exchange);
  fl_check(connection->is_answering && !connection->has_replied_head);
  struct fl_buf *out = &connection->server->scratch;
  fl_buf_clear(out);
  connection->has_replied_head = true;
  connection->is_chunked_reply = !connection->is_http10;
  if (connection->is_http10) connection->keeps_alive = false;
  add_head(connection, reply, out);
  add_text(out, connection->is_chunked_reply ? "Transfer-Encoding: chunked\r\n\r\n" : "\r\n");
  put(connection, fl_buf_slice(out));
}

int fl_http_reply_data(struct fl_http_exchange *exchange, fl_slice data) {
  struct http_connection *connection = connection_of(exchange);
  fl_check(connection->is_answering && connection->has_replied_head);
  if (data.size == 0 || connection->is_head_request) return 0;
  if (!connection->is_chunked_reply) return put(connection, data);
  if (data.size + 32 > FL_STREAM_QUEUE_MAX - fl_stream_queued(&connection->stream)) return FL_E_LIMIT;
  char size[24];
  int digits = snprintf(size, sizeof size, "%zx\r\n", data.size);
  int failure = put(connection, fl_slice_n(size, (size_t)digits));
  if (failure == 0) failure = put(connection, data);
  return failure == 0 ? put(connection, FL_SLICE("\r\n")) : failure;
}

void fl_http_reply_end(struct fl_http_exchange *exchange) {
  struct http_connection *connection = connection_of(exchange);
  fl_check(connection->is_answering && connection->has_replied_head);
  if (connection->is_chunked_reply && !connection->is_head_request) put(connection, FL_SLICE("0\r\n\r\n"));
  http_connection_answered(connection);
}

size_t fl_http_queued(const struct fl_http_exchange *exchange) {
  const struct http_connection *connection =
      (const struct http_connection *)((const char *)exchange - offsetof(struct http_connection, exchange));
  return fl_stream_queued(&connection->stream);
}

void fl_http_abort(struct fl_http_exchange *exchange) {
  struct http_connection *connection = connection_of(exchange);
  fl_check(connection->is_answering);
  connection->is_answering = false;
  http_connection_close(connection);
}

const struct fl_http1_head *fl_http_head(const struct fl_http_exchange *exchange) {
  const struct http_connection *connection =
      (const struct http_connection *)((const char *)exchange - offsetof(struct http_connection, exchange));
  fl_check(connection->head != NULL);
  return connection->head;
}
