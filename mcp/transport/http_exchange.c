/* SPDX-License-Identifier: MIT */
/* Happy path: start, (headers of the authorization,) the request, its head, messages, on_over with status 0.
 * Failure modes: the request cannot be made (told later, never from inside start); 401 and 403 (the authorization says
 * whether to ask again); a redirect (followed within the origin, where method and body stay the same; otherwise it is
 * the answer); a message beyond the limit (on_too_long, then FL_E_LIMIT); whatever the network does. */
#include "mcp/transport/http_exchange.h"

#include "mcp/proto/rpc.h"
#include "runtime/base/mem.h"

#include <strings.h>

enum { FOREVER_MS = 24 * 3600 * 1000, REDIRECTS_MAX = 5, TEXT_MAX = 64 * 1024, SHOWN_MAX = 200 };

static void launch(struct fl_mcp_exchange *exchange, const char *const *more);

void fl_mcp_exchange_header(struct fl_mcp_exchange *exchange, const char *name, const char *value) {
  fl_buf_addf(&exchange->headers, "%s: %s", name, value);
  fl_buf_add_char(&exchange->headers, '\0');
}

static void tell_over(struct fl_mcp_exchange *exchange, int status, const struct fl_error *err) {
  struct fl_error kept = {0}; /* on_over may free what err lies in */
  if (err != NULL) kept = *err;
  exchange->is_running = false;
  struct fl_mcp_exchange_end end = {.status = exchange->is_too_long ? FL_E_LIMIT : status,
                                    .http_status = exchange->http_status,
                                    .has_left = exchange->http.has_left,
                                    .was_stream = exchange->is_stream,
                                    .is_json = exchange->is_json,
                                    .body = fl_buf_slice(&exchange->answer),
                                    .text = exchange->is_too_long ? "the answer is too large" : kept.text};
  exchange->on_over(exchange, &end);
}

static void on_late(struct fl_timer *timer) {
  struct fl_mcp_exchange *exchange = timer->user;
  if (exchange->failure.code != 0) tell_over(exchange, exchange->failure.code, &exchange->failure);
  else fl_mcp_exchange_start(exchange);
}

static void later(struct fl_mcp_exchange *exchange) {
  exchange->late.on_fire = on_late;
  exchange->late.user = exchange;
  fl_timer_start(exchange->world, &exchange->late, 0);
}

/* ---- the answer ---- */

static bool has_type(const struct fl_http *http, const char *type) {
  const char *value = fl_http_header(http, "Content-Type");
  size_t size = strlen(type);
  if (value == NULL || strncasecmp(value, type, size) != 0) return false;
  return value[size] == '\0' || value[size] == ';' || value[size] == ' ';
}

static void on_headers(struct fl_http *http, int status) {
  struct fl_mcp_exchange *exchange = http->user;
  bool is_success = status >= 200 && status < 300;
  exchange->http_status = status;
  const char *nonce = fl_http_header(http, "DPoP-Nonce");
  if (exchange->auth != NULL && nonce != NULL && is_success) fl_mcp_auth_note_nonce(exchange->auth, nonce);
  exchange->is_stream = is_success && has_type(http, "text/event-stream");
  exchange->is_json = has_type(http, "application/json");
  if (is_success && exchange->on_answer != NULL) exchange->on_answer(exchange);
}

static int on_event(const struct fl_sse_event *event, void *user) {
  struct fl_mcp_exchange *exchange = user;
  FL_FREE_AUTO char *type = fl_strndup(event->type.data, event->type.size);
  exchange->on_message(exchange, type, event->data);
  return exchange->is_cancelled ? 1 : 0;
}

static void refuse_long(struct fl_mcp_exchange *exchange, fl_slice front) {
  if (exchange->is_too_long) return;
  exchange->is_too_long = true;
  if (exchange->on_too_long != NULL) exchange->on_too_long(exchange, front);
  fl_http_cancel(&exchange->http);
}

static void on_body(struct fl_http *http, fl_slice data) {
  struct fl_mcp_exchange *exchange = http->user;
  bool is_message = exchange->is_json && exchange->http_status >= 200 && exchange->http_status < 300;
  size_t most = is_message ? exchange->message_max : TEXT_MAX;
  if (exchange->is_cancelled || exchange->is_too_long) return;
  if (exchange->is_stream) {
    if (fl_sse_feed(&exchange->sse, data, on_event, exchange) == FL_E_LIMIT)
      refuse_long(exchange, fl_sse_front(&exchange->sse));
    return;
  }
  size_t room = most - exchange->answer.size;
  fl_buf_add(&exchange->answer, data.data, data.size < room ? data.size : room);
  if (data.size > room && is_message) refuse_long(exchange, fl_buf_slice(&exchange->answer));
}

/* ---- its end ---- */

/* 307 and 308 keep method and body; another origin would get headers that are not meant for it. */
static bool follow(struct fl_mcp_exchange *exchange) {
  const char *location = fl_http_header(&exchange->http, "Location");
  bool is_redirect = exchange->http_status == 307 || exchange->http_status == 308;
  if (!is_redirect || location == NULL || exchange->redirect_count >= REDIRECTS_MAX) return false;
  struct fl_url base = {0}, target = {0};
  bool follows = fl_url_parse(fl_slice_of(exchange->url), FL_URL_HTTP, &base, NULL) == 0 &&
                 fl_url_resolve(&base, fl_slice_of(location), FL_URL_HTTP, &target, NULL) == 0 &&
                 fl_url_is_same_origin(&base, &target);
  if (follows) {
    fl_free(exchange->url);
    exchange->url = fl_url_format(&target);
    exchange->redirect_count++;
  }
  fl_url_deinit(&base);
  fl_url_deinit(&target);
  return follows;
}

static void deliver_body(struct fl_mcp_exchange *exchange) {
  bool is_success = exchange->http_status >= 200 && exchange->http_status < 300;
  if (!is_success || !exchange->is_json || exchange->answer.size == 0) return;
  exchange->on_message(exchange, "", fl_buf_slice(&exchange->answer));
}

/* 401 and 403 are the authorization's to judge; true when it does. */
static bool hand_over(struct fl_mcp_exchange *exchange) {
  bool is_challenge = exchange->http_status == 401 || exchange->http_status == 403;
  if (!is_challenge || exchange->auth == NULL) return false;
  struct fl_mcp_auth_answer answer = {.status = exchange->http_status,
                                      .www_authenticate = fl_http_header(&exchange->http, "WWW-Authenticate"),
                                      .dpop_nonce = fl_http_header(&exchange->http, "DPoP-Nonce")};
  exchange->is_asking_auth = true;
  fl_mcp_auth_challenge(exchange->auth, &exchange->auth_request, &answer);
  return true;
}

static void on_end(struct fl_http *http, int status, const struct fl_error *err) {
  struct fl_mcp_exchange *exchange = http->user;
  if (exchange->is_cancelled || exchange->is_too_long) {
    tell_over(exchange, FL_E_CANCELLED, NULL);
    return;
  }
  if (status == 0 && hand_over(exchange)) return;
  if (status == 0 && follow(exchange)) {
    exchange->failure.code = 0;
    later(exchange);
    return;
  }
  if (exchange->is_stream && status == 0) fl_sse_end(&exchange->sse, on_event, exchange);
  else if (status == 0) deliver_body(exchange);
  tell_over(exchange, exchange->is_cancelled ? FL_E_CANCELLED : status, err);
}

/* ---- the request ---- */

static const char **list_headers(const struct fl_mcp_exchange *exchange, const char *const *more) {
  size_t count = 0, more_count = 0;
  for (size_t i = 0; i < exchange->headers.size; i++) count += exchange->headers.data[i] == '\0';
  while (more != NULL && more[more_count] != NULL) more_count++;
  const char **list = fl_new_array(const char *, count + more_count + 1);
  const char *at = exchange->headers.data;
  for (size_t i = 0; i < count; i++, at += strlen(at) + 1) list[i] = at;
  for (size_t i = 0; i < more_count; i++) list[count + i] = more[i];
  return list;
}

static void launch(struct fl_mcp_exchange *exchange, const char *const *more) {
  const char **headers = list_headers(exchange, more);
  struct fl_http_options options = {
      .size = sizeof options,
      .trust = FL_TRUST_TOOL,
      .method = exchange->method,
      .url = exchange->url,
      .headers = headers,
      .body = fl_buf_slice(&exchange->body),
      .first_byte_timeout_ms = exchange->timeout_ms != 0 ? exchange->timeout_ms : FOREVER_MS,
      .idle_timeout_ms = exchange->timeout_ms != 0 ? exchange->timeout_ms : FOREVER_MS,
      .body_max = SIZE_MAX / 2};
  exchange->http = (struct fl_http){.on_headers = on_headers, .on_body = on_body, .on_end = on_end, .user = exchange};
  if (fl_http_start(exchange->world, &exchange->http, &options, &exchange->failure) < 0) later(exchange);
  fl_free(headers);
}

/* A stream that goes on where another one broke off keeps what that one said about it. */
static void renew_stream(struct fl_mcp_exchange *exchange) {
  struct fl_sse old = exchange->sse;
  fl_sse_init(&exchange->sse, exchange->message_max, exchange->message_max);
  exchange->sse.retry_ms = old.retry_ms;
  fl_buf_add(&exchange->sse.id, old.id.data, old.id.size);
  fl_sse_deinit(&old);
}

/* ---- its authorization ---- */

static void send(struct fl_mcp_exchange *exchange) {
  exchange->is_too_long = exchange->is_stream = exchange->is_json = false;
  exchange->http_status = 0;
  exchange->failure = (struct fl_error){0};
  fl_buf_clear(&exchange->answer);
  renew_stream(exchange);
  if (exchange->auth == NULL) {
    launch(exchange, NULL);
    return;
  }
  exchange->is_asking_auth = true;
  exchange->auth_request.method = exchange->method;
  exchange->auth_request.url = exchange->url;
  fl_mcp_auth_headers(exchange->auth, &exchange->auth_request);
}

static void on_auth_headers(struct fl_mcp_auth_request *request, const char *const *headers,
                            const struct fl_error *err) {
  struct fl_mcp_exchange *exchange = request->user;
  exchange->is_asking_auth = false;
  if (exchange->is_cancelled) tell_over(exchange, FL_E_CANCELLED, NULL);
  else if (err != NULL) tell_over(exchange, err->code, err);
  else launch(exchange, headers);
}

/* The server's own words stay, with the reason why there is no token that it would take. */
static void give_up(struct fl_mcp_exchange *exchange, const struct fl_error *err) {
  struct fl_error told = {0};
  FL_VALUE_AUTO body = fl_string_n(exchange->answer.data != NULL ? exchange->answer.data : "", exchange->answer.size);
  int shown = fl_rpc_shown(fl_as_string(body), SHOWN_MAX);
  fl_error_set(&told, err->code == FL_E_CANCELLED ? FL_E_CANCELLED : FL_E_AUTH, "HTTP status %d%s%.*s (%s)",
               exchange->http_status, shown > 0 ? ": " : "", shown, fl_as_string(body), err->text);
  tell_over(exchange, told.code, &told);
}

static void on_auth_verdict(struct fl_mcp_auth_request *request, enum fl_mcp_auth_verdict verdict,
                            const struct fl_error *err) {
  struct fl_mcp_exchange *exchange = request->user;
  exchange->is_asking_auth = false;
  if (exchange->is_cancelled) tell_over(exchange, FL_E_CANCELLED, NULL);
  else if (verdict == FL_MCP_AUTH_RETRY) send(exchange);
  else give_up(exchange, err);
}

void fl_mcp_exchange_start(struct fl_mcp_exchange *exchange) {
  exchange->is_running = true;
  exchange->is_cancelled = false;
  exchange->auth_request =
      (struct fl_mcp_auth_request){.on_headers = on_auth_headers, .on_verdict = on_auth_verdict, .user = exchange};
  send(exchange);
}

void fl_mcp_exchange_cancel(struct fl_mcp_exchange *exchange) {
  if (!exchange->is_running || exchange->is_cancelled) return;
  exchange->is_cancelled = true;
  if (exchange->is_asking_auth) fl_mcp_auth_cancel(exchange->auth, &exchange->auth_request);
  else if (exchange->late.impl != NULL) fl_error_set(&exchange->failure, FL_E_CANCELLED, "it was cancelled");
  else fl_http_cancel(&exchange->http);
}

void fl_mcp_exchange_init(struct fl_mcp_exchange *exchange, struct fl_world *world) {
  *exchange = (struct fl_mcp_exchange){.world = world};
  fl_sse_init(&exchange->sse, 0, 0);
}

void fl_mcp_exchange_deinit(struct fl_mcp_exchange *exchange) {
  fl_free(exchange->url);
  fl_buf_deinit(&exchange->body);
  fl_buf_deinit(&exchange->headers);
  fl_buf_deinit(&exchange->answer);
  fl_sse_deinit(&exchange->sse);
}
