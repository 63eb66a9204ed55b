/* SPDX-License-Identifier: MIT */
/* A server over HTTP. Each message is a POST of its own, whose answer is a body or a stream of events.
 *
 * Happy path, modern: POST, answer; nothing else. Legacy: `initialize` is answered with a session id that goes with
 * everything from then on; after `initialized` a GET opens a stream for what the server says unasked; at the end
 * DELETE.
 * Failure modes: a stream of the legacy era breaks off before its answer (GET with Last-Event-ID after the time that
 * the server named; without an id the request is lost); a stream of the modern era breaks off (lost); the server does
 * not know our session (said so, once); `initialize` is met with 4xx (HTTP+SSE of 2024-11-05 is tried: http_sse.c); the
 * stream for what is said unasked is not offered (405: done without).
 *
 * Invariants. (1) What must follow `initialized` waits until that is answered. (2) An exchange whose request nobody
 * awaits any more is closed. (3) on_down comes when no exchange is left. */
#include "mcp/transport/http_client.h"

#include "mcp/proto/param_header.h"
#include "mcp/proto/version.h"
#include "runtime/base/mem.h"
#include "runtime/json/json.h"

#include <ctype.h>
#include <stdio.h>
#include <strings.h>

enum {
  RETRY_MS = 1000,
  RETRY_MIN_MS = 100, /* after a stream that brought no message */
  RETRY_MAX_MS = 30 * 1000,
  RESUMES_MAX = 8,  /* in a row, without an event */
  LINGER_MS = 1000, /* a stream that has given its answer may stay open so long */
  NOTE_TIMEOUT_MS = 30 * 1000,
  ANSWERS_MAX = 100,   /* answers of ours that a server has not taken, each a request, … */
  ANSWERS_AT_ONCE = 4, /* … of which so many are on their way */
  GOODBYE_TIMEOUT_MS = 2000,
  SHOWN_MAX = 200,
};

static struct http_client *of_transport(struct fl_mcp_transport *transport) {
  return (struct http_client *)(void *)transport;
}

static void request_over(struct fl_mcp_exchange *exchange, const struct fl_mcp_exchange_end *end);

/* ---- exchanges ---- */

static void tell_down(void *user) {
  struct http_client *client = user;
  client->is_up = false;
  client->transport.on_down(&client->transport, client->down_text);
}

static void on_down_post(struct fl_post *post) {
  struct http_client *client = post->user;
  struct fl_mcp_auth *auth = client->auth;
  client->is_post_waiting = false;
  if (!client->is_stopping || client->first != NULL) return;
  if (!client->owns_auth || auth == NULL) {
    tell_down(client);
    return;
  }
  client->auth = NULL;
  fl_mcp_auth_close(auth, tell_down, client);
}

static void look_whether_down(struct http_client *client) {
  if (!client->is_stopping || client->first != NULL || client->is_post_waiting) return;
  client->is_post_waiting = true;
  client->down_post = (struct fl_post){.on_post = on_down_post, .user = client};
  fl_world_post(client->transport.world, &client->down_post);
}

static void start_next_answer(struct http_client *client) {
  struct http_request *request = client->first;
  while (request != NULL && !request->is_queued) request = request->next;
  if (request == NULL || client->is_stopping) return;
  request->is_queued = false;
  request->is_waiting = client->held != NULL;
  if (!request->is_waiting) http_request_start(request);
}

void http_request_free(struct http_request *request) {
  struct http_client *client = request->client;
  struct http_request **link = &client->first;
  while (*link != request) link = &(*link)->next;
  *link = request->next;
  bool was_answer = request->is_answer;
  client->answer_count -= was_answer;
  fl_timer_stop(client->transport.world, &request->timer);
  fl_mcp_exchange_deinit(&request->exchange);
  fl_buf_deinit(&request->own_headers);
  fl_free(request);
  if (was_answer) start_next_answer(client);
  look_whether_down(client);
}

static void on_timer(struct fl_timer *timer) {
  struct http_request *request = timer->user;
  if (request->is_lingering) fl_mcp_exchange_cancel(&request->exchange);
  else http_request_start(request);
}

struct http_request *http_request_new(struct http_client *client, enum http_request_kind kind, const char *method) {
  struct http_request *request = fl_new(struct http_request);
  fl_mcp_exchange_init(&request->exchange, client->transport.world);
  request->client = client;
  request->kind = kind;
  request->timer = (struct fl_timer){.on_fire = on_timer, .user = request};
  request->exchange.method = method;
  request->exchange.url = fl_strdup(client->post_url != NULL && kind != HTTP_SSE ? client->post_url : client->url);
  request->exchange.auth = client->auth;
  request->exchange.message_max = FL_MCP_CLIENT_MESSAGE_SIZE_MAX;
  request->exchange.user = request;
  request->exchange.on_message = http_on_message;
  request->exchange.on_over = request_over;
  struct http_request **link = &client->first;
  while (*link != NULL) link = &(*link)->next;
  *link = request;
  return request;
}

static void add_common_headers(struct http_request *request) {
  const struct http_client *client = request->client;
  struct fl_mcp_exchange *exchange = &request->exchange;
  for (size_t i = 0; client->headers[i] != NULL; i++) {
    fl_buf_add_text(&exchange->headers, client->headers[i]);
    fl_buf_add_char(&exchange->headers, '\0');
  }
  if (request->revision != NULL) fl_mcp_exchange_header(exchange, "MCP-Protocol-Version", request->revision);
  if (client->session_id != NULL && !request->is_modern && request->revision != NULL)
    fl_mcp_exchange_header(exchange, "Mcp-Session-Id", client->session_id);
}

/* The headers are made when it starts: a session may have begun meanwhile. */
void http_request_start(struct http_request *request) {
  struct fl_mcp_exchange *exchange = &request->exchange;
  bool reads = request->kind == HTTP_STREAM || request->kind == HTTP_SSE || request->is_resuming;
  fl_buf_clear(&exchange->headers);
  add_common_headers(request);
  if (reads) {
    fl_mcp_exchange_header(exchange, "Accept", "text/event-stream");
    if (exchange->sse.id.size > 0) fl_mcp_exchange_header(exchange, "Last-Event-ID", exchange->sse.id.data);
  } else if (request->kind != HTTP_GOODBYE) {
    fl_mcp_exchange_header(exchange, "Content-Type", "application/json");
    fl_mcp_exchange_header(exchange, "Accept", "application/json, text/event-stream");
  }
  fl_buf_add(&exchange->headers, request->own_headers.data, request->own_headers.size);
  request->has_events = request->has_messages = request->is_ending = false;
  request->had_session = client_has_session(request);
  fl_mcp_exchange_start(exchange);
}

/* ---- what comes ---- */

/* The answer is there: a stream that stays open after it is closed in a while. */
static void linger(struct http_request *request) {
  if (request->id == 0 || request->is_lingering) return;
  if (request->client->transport.awaits(&request->client->transport, request->id)) return;
  request->is_lingering = true;
  fl_timer_start(request->client->transport.world, &request->timer, LINGER_MS);
}

void http_on_message(struct fl_mcp_exchange *exchange, const char *type, fl_slice message) {
  struct http_request *request = exchange->user;
  struct http_client *client = request->client;
  request->has_events = true;
  request->resume_count = 0;
  if (message.size == 0 || client->is_stopping) return;
  request->has_messages = true;
  if (type[0] != '\0' && strcmp(type, "message") != 0) return;
  client->transport.on_message(&client->transport, request->id, message);
  linger(request);
}

static void on_too_long(struct fl_mcp_exchange *exchange, fl_slice front) {
  struct http_request *request = exchange->user;
  request->client->transport.on_too_long(&request->client->transport, request->id, front);
}

static bool is_session_id(const char *text) {
  size_t size = strlen(text);
  for (size_t i = 0; i < size; i++)
    if (text[i] < 0x21 || text[i] > 0x7e) return false;
  return size > 0 && size <= 1024;
}

static void on_initialize_answer(struct fl_mcp_exchange *exchange) {
  struct http_request *request = exchange->user;
  struct http_client *client = request->client;
  const char *id = fl_http_header(&exchange->http, "Mcp-Session-Id");
  fl_free(client->session_id);
  client->session_id = id != NULL && is_session_id(id) ? fl_strdup(id) : NULL;
}

/* ---- how requests end ---- */

static void report_loss(struct http_request *request, const struct fl_mcp_exchange_end *end, bool is_session_unknown) {
  struct http_client *client = request->client;
  int http = end->http_status;
  char text[FL_ERROR_TEXT_MAX];
  FL_VALUE_AUTO body = fl_string_n(end->body.data, end->body.size);
  int shown = fl_rpc_shown(fl_as_string(body), SHOWN_MAX);
  struct fl_mcp_client_loss loss = {
      .id = request->id, .http_status = http, .text = text, .is_session_unknown = is_session_unknown};
  loss.sent = request->has_left && end->status != FL_E_DENIED && http != 401 && http != 403 && http != 404 &&
              http != 405 && http != 429;
  loss.status = end->status != 0             ? end->status
                : http == 401 || http == 403 ? FL_E_AUTH
                : http == 429                ? FL_E_RATE
                : end->was_stream            ? FL_E_TRUNCATED
                : http < 300                 ? FL_E_PROTOCOL
                                             : FL_E_REMOTE;
  if (end->status != 0) snprintf(text, sizeof text, "%s", end->text);
  else if (end->was_stream) snprintf(text, sizeof text, "the stream ended before the answer");
  else if (http < 300) snprintf(text, sizeof text, "HTTP status %d, but no answer", http);
  else snprintf(text, sizeof text, "HTTP status %d%s%.*s", http, shown > 0 ? ": " : "", shown, fl_as_string(body));
  client->transport.on_lost(&client->transport, &loss);
}

/* An error that is a message of the protocol, whatever the status. */
static bool is_rpc_error(const struct fl_mcp_exchange_end *end) {
  FL_VALUE_AUTO value = NULL;
  if (end->http_status < 400 || fl_json_read(end->body, FL_JSON_STRICT, &value, NULL) < 0) return false;
  return fl_is(fl_get(value, "error"), FL_OBJECT) && strcmp(fl_get_string(value, "jsonrpc", ""), "2.0") == 0;
}

/* Whether the status comes from whoever stands before the server, or from a server in trouble: then what the body says
 * is no answer to a handshake, and a refusal of who asks is one to nothing. */
static bool overrules_body(const struct http_request *request, int http_status) {
  if (http_status == 401 || http_status == 403 || http_status == 407) return true;
  return request->is_handshake && (http_status == 408 || http_status == 429 || http_status >= 500);
}

/* 404 says so; some servers say it with 400 and words. */
static bool is_session_unknown(const struct http_request *request, const struct fl_mcp_exchange_end *end) {
  if (!request->had_session) return false;
  if (end->http_status == 404) return true;
  if (end->http_status != 400) return false;
  FL_FREE_AUTO char *text = fl_strndup(end->body.data != NULL ? end->body.data : "", end->body.size);
  return strcasestr(text, "session") != NULL;
}

/* As the server wishes, doubled for each time that brought no event; a server that says nothing and ends its streams at
 * once is not asked without a pause. */
static uint64_t pause_before(const struct http_request *request, unsigned doublings) {
  int64_t wish_ms = request->exchange.sse.retry_ms;
  uint64_t pause_ms = wish_ms >= 0 ? (uint64_t)wish_ms : RETRY_MS;
  if (!request->has_messages && pause_ms < RETRY_MIN_MS) pause_ms = RETRY_MIN_MS;
  for (unsigned i = 0; i < doublings && pause_ms < RETRY_MAX_MS; i++) pause_ms *= 2;
  return pause_ms;
}

/* A stream of the legacy era that broke off is taken up again where it was. */
static bool resume(struct http_request *request, const struct fl_mcp_exchange_end *end) {
  struct fl_mcp_exchange *exchange = &request->exchange;
  bool was_refused = request->is_resuming && end->http_status >= 400 && end->http_status < 500;
  bool may_resume = !request->is_modern && exchange->sse.id.size > 0 && (end->was_stream || request->is_resuming);
  if (!may_resume || was_refused || end->status == FL_E_LIMIT || ++request->resume_count > RESUMES_MAX) return false;
  request->is_resuming = true;
  request->is_ending = false;
  exchange->method = "GET";
  fl_buf_clear(&exchange->body);
  fl_buf_clear(&request->own_headers);
  fl_timer_start(request->client->transport.world, &request->timer, pause_before(request, request->resume_count - 1));
  return true;
}

/* What waited for `initialized` may leave now, and the server may speak. */
static void release_held(struct http_client *client) {
  client->held = NULL;
  for (struct http_request *request = client->first; request != NULL; request = request->next) {
    if (!request->is_waiting) continue;
    request->is_waiting = false;
    http_request_start(request);
  }
}

static void after_initialized(struct http_request *request, const struct fl_mcp_exchange_end *end) {
  struct http_client *client = request->client;
  if (client->held != request) return;
  if (end->status == 0 && end->http_status < 300 && !client->is_stopping && client->post_url == NULL)
    http_stream_open(client, request->revision);
  release_held(client);
}

/* With the id of another request it has told nobody anything, and there will be no other answer. */
static void answer_by_error(struct http_request *request, const struct fl_mcp_exchange_end *end) {
  struct fl_mcp_transport *transport = &request->client->transport;
  transport->on_message(transport, request->id, end->body);
  if (transport->awaits(transport, request->id)) report_loss(request, end, false);
}

static void answer_over(struct http_request *request, const struct fl_mcp_exchange_end *end) {
  bool is_refused = end->status == 0 && end->http_status >= 400 && end->http_status < 500;
  if (is_session_unknown(request, end)) {
    report_loss(request, end, true);
  } else if (!overrules_body(request, end->http_status) && is_rpc_error(end)) answer_by_error(request, end);
  else if (is_refused && request->is_initialize && end->http_status != 401 && end->http_status != 403 &&
           http_sse_fall_back(request))
    return;
  else if (request->id != 0 && resume(request, end)) return;
  else report_loss(request, end, false);
  http_request_free(request);
}

static void request_over(struct fl_mcp_exchange *exchange, const struct fl_mcp_exchange_end *end) {
  struct http_request *request = exchange->user;
  struct http_client *client = request->client;
  bool is_awaited = request->id != 0 && client->transport.awaits(&client->transport, request->id);
  bool is_fine = end->status == 0 && end->http_status >= 200 && end->http_status < 300;
  request->is_ending = true;
  request->has_left |= end->has_left; /* also when what failed was to go on with its stream */
  after_initialized(request, end);
  if (client->is_stopping || request->is_dropped) http_request_free(request);
  else if (is_awaited && client->post_url != NULL && is_fine) http_request_free(request); /* HTTP+SSE: it comes there */
  else if (is_awaited) answer_over(request, end);
  else {
    bool is_unknown = request->id == 0 && is_session_unknown(request, end);
    if (is_unknown) report_loss(request, end, true);
    else if (request->id == 0 && !is_fine) http_log(client, "warning", "a message was not taken", end);
    http_request_free(request);
  }
}

void http_log(struct http_client *client, const char *level, const char *what, const struct fl_mcp_exchange_end *end) {
  FL_FREE_AUTO char *text =
      end->status != 0 ? fl_format("%s: %s", what, end->text) : fl_format("%s: HTTP status %d", what, end->http_status);
  client->transport.on_log(&client->transport, level, text);
}

/* ---- the stream for what the server says unasked ---- */

static void stream_over(struct fl_mcp_exchange *exchange, const struct fl_mcp_exchange_end *end) {
  struct http_request *request = exchange->user;
  struct http_client *client = request->client;
  bool has_refusal = end->status == 0 || end->status == FL_E_AUTH;
  bool is_refused = has_refusal && end->http_status >= 300 && end->http_status < 500;
  bool is_nothing = end->status == 0 && end->http_status < 300 && !end->was_stream;
  if (client->is_stopping || request->is_dropped || is_refused || is_nothing) {
    http_request_free(request);
    return;
  }
  uint64_t pause_ms = pause_before(request, request->resume_count);
  request->resume_count = request->has_events ? 0 : request->resume_count + 1;
  fl_timer_start(client->transport.world, &request->timer, pause_ms < RETRY_MAX_MS ? pause_ms : RETRY_MAX_MS);
}

static void drop(struct http_request *request) {
  request->is_dropped = true;
  if (request->is_ending) return; /* whoever is telling about it frees it afterwards */
  if (!request->exchange.is_running) http_request_free(request);
  else fl_mcp_exchange_cancel(&request->exchange);
}

void http_stream_open(struct http_client *client, const char *revision) {
  for (struct http_request *old = client->first, *next; old != NULL; old = next) {
    next = old->next;
    if (old->kind == HTTP_STREAM) drop(old);
  }
  struct http_request *request = http_request_new(client, HTTP_STREAM, "GET");
  request->revision = revision;
  request->exchange.on_over = stream_over;
  http_request_start(request);
}

/* ---- what goes out ---- */

static void add_trace_header(struct fl_buf *headers, const char *name, const char *value) {
  if (value == NULL) return;
  fl_buf_addf(headers, "%s: %s", name, value);
  fl_buf_add_char(headers, '\0');
}

static void add_standard_headers(struct http_request *request, const struct fl_mcp_outgoing *message) {
  struct fl_buf *headers = &request->own_headers;
  add_trace_header(headers, "traceparent", message->traceparent);
  add_trace_header(headers, "tracestate", message->tracestate);
  if (!message->is_modern || message->method == NULL) return;
  fl_buf_addf(headers, "Mcp-Method: %s", message->method);
  fl_buf_add_char(headers, '\0');
  if (message->name != NULL) {
    fl_buf_add_text(headers, "Mcp-Name: ");
    fl_mcp_header_encode(headers, fl_slice_of(message->name));
    fl_buf_add_char(headers, '\0');
  }
  struct fl_member member = {0};
  while (message->param_headers != NULL && fl_next_member(message->param_headers, &member)) {
    fl_buf_addf(headers, "Mcp-Param-%s: ", member.key);
    fl_mcp_header_encode(headers, fl_slice_n(fl_as_string(member.value), fl_string_size(member.value)));
    fl_buf_add_char(headers, '\0');
  }
}

static void send_one(struct http_client *client, const struct fl_mcp_outgoing *message, fl_slice text) {
  bool is_request = message->kind == FL_MCP_SEND_REQUEST;
  struct http_request *request = http_request_new(client, is_request ? HTTP_REQUEST : HTTP_NOTE, "POST");
  request->id = is_request ? message->id : 0;
  request->is_answer = message->kind == FL_MCP_SEND_RESPONSE;
  client->answer_count += request->is_answer;
  request->revision = message->revision;
  request->is_modern = message->is_modern;
  request->is_initialize = is_request && strcmp(message->method, "initialize") == 0;
  request->is_handshake = request->is_initialize || (is_request && strcmp(message->method, "server/discover") == 0);
  request->exchange.on_too_long = on_too_long;
  if (!is_request) request->exchange.timeout_ms = NOTE_TIMEOUT_MS;
  if (request->is_initialize) request->exchange.on_answer = on_initialize_answer;
  fl_buf_add(&request->exchange.body, text.data, text.size);
  add_standard_headers(request, message);
  bool is_initialized = message->method != NULL && strcmp(message->method, "notifications/initialized") == 0;
  request->is_waiting = client->held != NULL;
  if (is_initialized && client->held == NULL) client->held = request;
  request->is_queued = request->is_answer && !request->is_waiting && client->answer_count > ANSWERS_AT_ONCE;
  if (!request->is_waiting && !request->is_queued) http_request_start(request);
}

static void drop_id(struct http_client *client, int64_t id) {
  for (struct http_request *request = client->first; request != NULL; request = request->next)
    if (request->id == id && !request->is_dropped) {
      drop(request);
      return;
    }
}

/* A server that asks faster than it takes answers goes without some. Said once, until it has taken all. */
static bool is_asking_too_much(struct http_client *client, const struct fl_mcp_outgoing *message) {
  if (message->kind != FL_MCP_SEND_RESPONSE) return false;
  if (client->answer_count < ANSWERS_MAX) {
    if (client->answer_count == 0) client->is_flooded = false;
    return false;
  }
  if (!client->is_flooded)
    client->transport.on_log(&client->transport, "warning",
                             "it asks more than it takes answers; what it asks is not answered until it does");
  client->is_flooded = true;
  return true;
}

static void http_send(struct fl_mcp_transport *transport, const struct fl_mcp_client_effects *effects) {
  struct http_client *client = of_transport(transport);
  if (client->is_stopping) return;
  for (size_t i = 0; i < effects->outgoing_count; i++) {
    const struct fl_mcp_outgoing *message = &effects->outgoing[i];
    if (message->kind == FL_MCP_SEND_DROP) drop_id(client, message->id);
    else if (!is_asking_too_much(client, message))
      send_one(client, message, fl_slice_n(effects->out.data + message->start, message->size - 1));
  }
}

/* ---- the table ---- */

static int http_start(struct fl_mcp_transport *transport, struct fl_error *err) {
  struct http_client *client = of_transport(transport);
  int status = client->owns_auth ? fl_mcp_auth_create(transport->world, &client->authorize, &client->auth, err) : 0;
  if (status < 0) return status;
  client->is_up = true;
  client->is_stopping = false;
  client->held = NULL;
  client->down_text = "was closed";
  fl_free(client->post_url);
  client->post_url = NULL;
  fl_free(client->session_id);
  client->session_id = NULL;
  return 0;
}

static void say_goodbye(struct http_client *client) {
  struct http_request *request = http_request_new(client, HTTP_GOODBYE, "DELETE");
  request->revision = FL_MCP_REVISION_LEGACY;
  for (struct http_request *other = client->first; other != NULL; other = other->next)
    if (other->kind == HTTP_STREAM) request->revision = other->revision;
  request->exchange.timeout_ms = GOODBYE_TIMEOUT_MS;
  http_request_start(request);
}

static void http_stop(struct fl_mcp_transport *transport) {
  struct http_client *client = of_transport(transport);
  if (client->is_stopping) return;
  client->is_stopping = true;
  if (client->session_id != NULL && client->post_url == NULL) say_goodbye(client);
  for (struct http_request *request = client->first, *next; request != NULL; request = next) {
    next = request->next;
    if (request->kind != HTTP_GOODBYE && !request->is_dropped) drop(request);
  }
  look_whether_down(client);
}

static void http_destroy(struct fl_mcp_transport *transport) {
  struct http_client *client = of_transport(transport);
  for (size_t i = 0; client->headers[i] != NULL; i++) fl_free(client->headers[i]);
  fl_free(client->headers);
  fl_value_unref(client->auth_config);
  fl_free(client->auth_folder);
  fl_free(client->url);
  fl_free(client->post_url);
  fl_free(client->session_id);
  fl_free(client);
}

static const struct fl_mcp_transport_ops HTTP_OPS = {
    .start = http_start, .send = http_send, .stop = http_stop, .destroy = http_destroy};

static int copy_headers(const char *const *headers, char ***ret_copy, struct fl_error *err) {
  size_t count = 0;
  while (headers != NULL && headers[count] != NULL) count++;
  char **copy = fl_new_array(char *, count + 1);
  *ret_copy = copy;
  for (size_t i = 0; i < count; i++) {
    copy[i] = fl_strdup(headers[i]);
    if (strchr(headers[i], ':') == NULL || strpbrk(headers[i], "\r\n") != NULL)
      return fl_error_set(err, FL_E_INVALID, "header %zu is not \"Name: value\" on one line", i + 1);
  }
  return 0;
}

static void copy_authorize(struct http_client *client, const struct fl_mcp_auth_options *authorize) {
  client->auth_config = fl_value_ref((struct fl_value *)(uintptr_t)authorize->config);
  client->auth_folder = fl_strdup(authorize->store_folder);
  client->authorize = *authorize;
  client->authorize.url = client->url;
  client->authorize.config = client->auth_config;
  client->authorize.store_folder = client->auth_folder;
  client->authorize.protocol_version = NULL;
  client->owns_auth = true;
}

int fl_mcp_http_create(struct fl_world *world, const struct fl_mcp_http_options *options,
                       struct fl_mcp_transport **ret_transport, struct fl_error *err) {
  struct fl_url url = {0};
  int status = fl_url_parse(fl_slice_of(options->url), FL_URL_HTTP, &url, err);
  if (status < 0) return status;
  struct http_client *client = fl_new(struct http_client);
  client->transport = (struct fl_mcp_transport){.ops = &HTTP_OPS, .world = world};
  client->url = fl_url_format(&url);
  client->auth = options->auth;
  if (options->auth == NULL && options->authorize != NULL) copy_authorize(client, options->authorize);
  fl_url_deinit(&url);
  status = copy_headers(options->headers, &client->headers, err);
  if (status < 0) http_destroy(&client->transport);
  else *ret_transport = &client->transport;
  return status;
}
