/* SPDX-License-Identifier: MIT */
/* Happy path: the request leaves, the answer's body is collected, and becomes the result. Failure modes: arguments that
 * are no request; an address that may not be asked; an answer that is late, too large or cut off; a cancel. In each
 * case on_end comes once, and only there the exchange is freed. */
#include "tools/http.h"

#include "runtime/base/buf.h"
#include "runtime/base/mem.h"
#include "runtime/io/vault.h"
#include "runtime/json/hide.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { DEFAULT_TIMEOUT_MS = 30 * 1000, DEFAULT_BODY_MAX = 1024 * 1024, HEADERS_MAX = 64 };

struct http_source {
  struct fl_tool_source source;
  struct fl_world *world;
  struct fl_post ready, closed;
};

struct exchange {
  struct fl_http http;
  struct fl_timer timer;
  struct fl_tool_request *request;
  struct fl_world *world;
  struct fl_buf body;
  int status;
  bool may_be_private, was_refused, is_late;
};

/* ---- the result ---- */

static struct fl_value *read_headers(const struct fl_http *http) {
  static const char *const names[] = {"Content-Type", "ETag", "Last-Modified", "Link", "Location", "Retry-After"};
  struct fl_value *headers = fl_object();
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    const char *value = fl_http_header(http, names[i]);
    char name[32] = {0};
    for (size_t j = 0; names[i][j] != '\0'; j++)
      name[j] = (char)(names[i][j] >= 'A' && names[i][j] <= 'Z' ? names[i][j] + 32 : names[i][j]);
    if (value != NULL) fl_set_string(headers, name, value);
  }
  return headers;
}

static struct fl_value *read_body(const struct exchange *exchange) {
  const char *type = fl_http_header(&exchange->http, "Content-Type");
  struct fl_value *value = NULL;
  const char *data = exchange->body.data != NULL ? exchange->body.data : "";
  bool is_json = type != NULL && (strncasecmp(type, "application/json", 16) == 0 || strstr(type, "+json") != NULL);
  if (is_json && fl_parse(data, exchange->body.size, &value, NULL) == 0) return value;
  return fl_string_n(data, exchange->body.size);
}

static struct fl_value *make_result(const struct exchange *exchange) {
  struct fl_value *answer = fl_object(), *block = fl_object(), *content = fl_array(), *result = fl_object();
  fl_set_int(answer, "status", exchange->status);
  fl_set_take(answer, "headers", read_headers(&exchange->http));
  fl_set_take(answer, "body", read_body(exchange));
  fl_set_string(block, "type", "text");
  fl_set_take(block, "text", fl_stringf("HTTP %d", exchange->status));
  fl_append_take(content, block);
  fl_set_take(result, "content", content);
  fl_set_take(result, "structuredContent", answer);
  fl_set_bool(result, "isError", false);
  return result;
}

/* ---- the exchange ---- */

static void on_headers(struct fl_http *http, int status) {
  struct exchange *exchange = http->user;
  exchange->status = status;
}

static void on_body(struct fl_http *http, fl_slice data) {
  struct exchange *exchange = http->user;
  fl_buf_add(&exchange->body, data.data, data.size);
}

static void on_end(struct fl_http *http, int status, const struct fl_error *err) {
  struct exchange *exchange = http->user;
  struct fl_tool_request *request = exchange->request;
  struct fl_error late = {0};
  fl_timer_stop(exchange->world, &exchange->timer);
  request->impl = NULL;
  const struct fl_known *known = fl_vault_known(exchange->world);
  FL_VALUE_AUTO raw = status == 0 ? make_result(exchange) : NULL;
  FL_VALUE_AUTO result = fl_hide_value(known, raw);
  struct fl_error shown = err != NULL ? *err : (struct fl_error){0};
  fl_known_hide_error(known, &shown);
  if (err != NULL) err = &shown;
  if (exchange->is_late && status != 0) {
    status = fl_error_set(&late, FL_E_TIMEOUT, "the answer was not there in time");
    err = &late;
  } else if (exchange->was_refused && status != 0) {
    status = fl_error_set(&late, FL_E_DENIED,
                          "the address belongs to this machine or to a private network; only an "
                          "origin that names such an address itself may be asked there");
    err = &late;
  }
  bool was_sent = http->has_left && !exchange->was_refused;
  fl_buf_deinit(&exchange->body);
  fl_free(exchange);
  request->on_done(request, status, result, was_sent, err);
}

static void on_late(struct fl_timer *timer) {
  struct exchange *exchange = timer->user;
  exchange->is_late = true;
  fl_http_cancel(&exchange->http);
}

static bool allow_address(const char *address, uint16_t port, void *user) {
  struct exchange *exchange = user;
  exchange->was_refused = !exchange->may_be_private && fl_http_is_private_address(address);
  return !exchange->was_refused;
}

/* ---- the request ---- */

static size_t make_headers(const struct fl_tool_request *request, char **lines) {
  size_t count = 0;
  struct fl_member member = {0};
  while (count < HEADERS_MAX && fl_next_member(fl_get(request->args, "headers"), &member))
    lines[count++] =
        fl_format("%s: %s", member.key, fl_as_string(member.value) != NULL ? fl_as_string(member.value) : "");
  if (strcmp(request->tool, "keyed") == 0) lines[count++] = fl_format("Idempotency-Key: %s", request->call_id);
  if (request->traceparent != NULL) lines[count++] = fl_format("traceparent: %s", request->traceparent);
  if (request->traceparent != NULL && request->tracestate != NULL)
    lines[count++] = fl_format("tracestate: %s", request->tracestate);
  return count;
}

static uint32_t clamp(int64_t number, int64_t fallback, int64_t most) {
  return (uint32_t)(number <= 0 ? fallback : number > most ? most : number);
}

static int start(struct exchange *exchange, struct fl_error *err) {
  const struct fl_tool_request *request = exchange->request;
  const struct fl_value *args = request->args, *body = fl_get(args, "body");
  char *lines[HEADERS_MAX + 4] = {0};
  size_t count = make_headers(request, lines);
  uint32_t timeout_ms = clamp(fl_get_int(args, "timeout_ms", 0), DEFAULT_TIMEOUT_MS, FL_HTTP_SOURCE_TIMEOUT_MS_MAX);
  struct fl_http_options options = {
      .size = sizeof options,
      .trust = FL_TRUST_TOOL,
      .method = fl_get_string(args, "method", "GET"),
      .url = fl_get_string(args, "url", ""),
      .headers = (const char *const *)lines,
      .body = fl_slice_n(fl_as_string(body) != NULL ? fl_as_string(body) : "", fl_string_size(body)),
      .first_byte_timeout_ms = timeout_ms,
      .idle_timeout_ms = timeout_ms,
      .body_max = clamp(fl_get_int(args, "max_bytes", 0), DEFAULT_BODY_MAX, FL_HTTP_SOURCE_BODY_MAX),
      .allow_address = allow_address};
  int rc = fl_http_start(exchange->world, &exchange->http, &options, err);
  if (rc == 0) fl_timer_start(exchange->world, &exchange->timer, timeout_ms);
  for (size_t i = 0; i < count; i++) fl_free(lines[i]);
  return rc;
}

static void call(struct fl_tool_source *source, struct fl_tool_request *request) {
  struct http_source *http = (struct http_source *)(void *)source;
  struct exchange *exchange = fl_new(struct exchange);
  exchange->http = (struct fl_http){.on_headers = on_headers, .on_body = on_body, .on_end = on_end, .user = exchange};
  exchange->timer = (struct fl_timer){.on_fire = on_late, .user = exchange};
  exchange->request = request;
  exchange->world = http->world;
  exchange->may_be_private = fl_get_bool(request->args, "private", false);
  request->impl = exchange;
  struct fl_error err = {0};
  if (start(exchange, &err) == 0) return;
  request->impl = NULL;
  fl_free(exchange);
  fl_tool_request_refuse(http->world, request, &err);
}

static void cancel(struct fl_tool_source *source, struct fl_tool_request *request) {
  struct exchange *exchange = request->impl;
  if (exchange != NULL) fl_http_cancel(&exchange->http);
}

/* ---- the source ---- */

static void tell_ready(struct fl_post *post) {
  struct http_source *http = post->user;
  http->source.on_ready(&http->source, 0, NULL);
}

static void tell_closed(struct fl_post *post) {
  struct http_source *http = post->user;
  http->source.on_closed(&http->source);
}

static void open(struct fl_tool_source *source) {
  struct http_source *http = (struct http_source *)(void *)source;
  http->ready = (struct fl_post){.on_post = tell_ready, .user = http};
  fl_world_post(http->world, &http->ready);
}

static void close(struct fl_tool_source *source) {
  struct http_source *http = (struct http_source *)(void *)source;
  http->closed = (struct fl_post){.on_post = tell_closed, .user = http};
  fl_world_post(http->world, &http->closed);
}

static void destroy(struct fl_tool_source *source) {
  for (size_t i = 0; i < source->tool_count; i++) fl_value_unref(source->tools[i].input_schema);
  fl_free(source->tools);
  fl_free(source->name);
  fl_free(source);
}

static const struct fl_tool_source_ops ops = {open, call, cancel, close, destroy};

struct fl_tool_source *fl_tool_source_http(struct fl_world *world) {
  static const char *const names[] = {"read", "keyed", "once"};
  struct http_source *http = fl_new(struct http_source);
  http->world = world;
  http->source.ops = &ops;
  http->source.name = fl_strdup(FL_HTTP_SOURCE);
  http->source.tool_count = sizeof names / sizeof names[0];
  http->source.tools = fl_new_array(struct fl_tool_info, http->source.tool_count);
  for (size_t i = 0; i < http->source.tool_count; i++) {
    struct fl_value *schema = fl_object();
    fl_set_string(schema, "type", "object");
    http->source.tools[i] =
        (struct fl_tool_info){.name = names[i], .description = "An HTTP request.", .input_schema = schema};
  }
  return &http->source;
}
