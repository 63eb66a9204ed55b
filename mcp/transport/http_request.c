/* SPDX-License-Identifier: MIT */
/* What comes in. Happy path: a POST with a message; its fields are copied, whoever sends it passes the guard, the
 * message goes to its session on a channel of its own. Failure modes, each with its status: another path (404), another
 * method (405), another content type (415), an answer that the client would not read (406), no token (401, 403), no
 * session (404), something that is no message (400). */
#include "runtime/base/check.h"
#include "runtime/base/mem.h"
#include "mcp/transport/http_internal.h"
#include "runtime/json/json.h"

#include <stdio.h>
#include <strings.h>

enum { BAD_REQUEST = -32000 };

static const char json_type[] = "application/json", events_type[] = "text/event-stream";

/* ---- fields ---- */

const char *mcp_request_field(struct mcp_request *request, const char *name) {
  size_t size = strlen(name);
  const char *found = NULL;
  for (size_t i = 0; i < request->field_count; i++) {
    const char *field = request->fields.data + request->places[i].name;
    if (request->places[i].name_size != size || ((*field ^ *name) & ~0x20) != 0) continue;
    if (strncasecmp(field, name, size) != 0) continue;
    if (found != NULL) request->is_ambiguous = true;
    else found = request->fields.data + request->places[i].value;
  }
  return found;
}

/* They lie in the head in one piece, each value with a line's end behind it, where its terminator goes. */
static void copy_fields(struct mcp_request *request, const struct fl_http1_head *head) {
  _Static_assert(FL_HTTP1_HEAD_SIZE_MAX <= UINT16_MAX, "a place fits 16 bits");
  if (head->field_count == 0) return;
  const char *begin = head->fields[0].name.data;
  fl_slice last = head->fields[head->field_count - 1].value;
  fl_buf_add(&request->fields, begin, (size_t)(last.data + last.size - begin));
  for (size_t i = 0; i < head->field_count; i++) {
    fl_slice name = head->fields[i].name, value = head->fields[i].value;
    request->places[i].name_size = (uint16_t)name.size;
    request->places[i].name = (uint16_t)(name.data - begin);
    request->places[i].value = (uint16_t)(value.data - begin);
    request->fields.data[value.data + value.size - begin] = '\0';
  }
  request->field_count = head->field_count;
}

static bool is_range_of(const char *range, size_t size, const char *type) {
  size_t main_size = strcspn(type, "/") + 1;
  if (size == 3 && strncmp(range, "*/*", 3) == 0) return true;
  return size == main_size + 1 && range[main_size] == '*' && strncasecmp(range, type, main_size) == 0;
}

/* Where a list of media ranges has a type, by its name or also by a range ("*" for a part of it is any). */
static const char *find_type(const char *list, const char *type, bool takes_ranges) {
  while (*list != '\0') {
    list += strspn(list, " \t,");
    size_t size = strcspn(list, ",; \t");
    if (size == strlen(type) && strncasecmp(list, type, size) == 0) return list;
    if (takes_ranges && is_range_of(list, size, type)) return list;
    list += strcspn(list, ",");
  }
  return NULL;
}

/* As the clients of all SDKs write it. */
static bool is_usual_accept(const char *list) {
  return list != NULL && strcmp(list, "application/json, text/event-stream") == 0;
}

static bool accepts(const char *list, const char *type) { return list == NULL || find_type(list, type, true) != NULL; }

static bool is_json(const char *type) {
  size_t size = type != NULL ? strcspn(type, "; \t") : 0;
  return size == sizeof json_type - 1 && strncasecmp(type, json_type, size) == 0;
}

/* ---- answers ---- */

char *mcp_request_cors(struct mcp_request *request) {
  const char *origin = mcp_request_field(request, "origin"); /* allowed: otherwise the request was refused */
  if (origin == NULL) return NULL;
  return fl_format(
      "Access-Control-Allow-Origin: %s\r\nAccess-Control-Expose-Headers: Mcp-Session-Id, WWW-Authenticate\r\n"
      "Vary: Origin\r\n",
      origin);
}

void mcp_request_free(struct mcp_request *request) {
  fl_buf_deinit(&request->fields);
  fl_buf_deinit(&request->body);
  fl_free(request->target);
  fl_free(request->principal);
  fl_free(request);
}

void mcp_request_reply(struct mcp_request *request, const struct fl_http_reply *reply) {
  FL_BUF_AUTO fields = {0};
  FL_FREE_AUTO char *cors = mcp_request_cors(request);
  if (reply->fields.size > 0) fl_buf_add(&fields, reply->fields.data, reply->fields.size);
  if (cors != NULL) fl_buf_add_text(&fields, cors);
  struct fl_http_reply whole = *reply;
  whole.fields = fl_buf_slice(&fields);
  fl_http_reply(request->exchange, &whole);
  mcp_request_free(request);
}

static void fail_with(struct mcp_request *request, const struct fl_http_reply *reply, int code, const char *text) {
  FL_BUF_AUTO body = {0};
  fl_rpc_write_error(&body, &(struct fl_rpc_fault){.has_null_id = true, .code = code, .message = text});
  struct fl_http_reply whole = *reply;
  whole.content_type = json_type;
  whole.body = fl_slice_n(body.data, body.size - 1); /* without the line's end */
  mcp_request_reply(request, &whole);
}

void mcp_request_fail(struct mcp_request *request, int status, int code, const char *text) {
  fail_with(request, &(struct fl_http_reply){.status = status}, code, text);
}

/* ---- messages ---- */

static const char *param_field(void *user, const char *name) {
  char field[128];
  if ((size_t)snprintf(field, sizeof field, "Mcp-Param-%s", name) >= sizeof field) return NULL;
  return mcp_request_field(user, field);
}

/* Of two types that it takes, the one that it names first. */
static bool prefers_events(const char *accept) {
  if (is_usual_accept(accept)) return false;
  const char *json = accept != NULL ? find_type(accept, json_type, false) : NULL;
  const char *events = accept != NULL ? find_type(accept, events_type, false) : NULL;
  return events != NULL && json != NULL && events < json;
}

/* W3C Trace Context, 3.2 and 3.3: a traceparent that is there twice counts as none, tracestates are one list. */
static void take_trace(struct mcp_request *request, struct fl_mcp_headers *headers, struct fl_buf *joined) {
  request->is_ambiguous = false;
  const char *parent = mcp_request_field(request, "traceparent");
  if (parent == NULL || request->is_ambiguous) return;
  headers->traceparent = parent;
  headers->tracestate = mcp_request_field(request, "tracestate");
  if (!request->is_ambiguous) return;
  for (size_t i = 0; i < request->field_count; i++) {
    const char *name = request->fields.data + request->places[i].name;
    if (request->places[i].name_size != sizeof "tracestate" - 1 || strncasecmp(name, "tracestate", 10) != 0) continue;
    if (joined->size > 0) fl_buf_add_char(joined, ',');
    fl_buf_add_text(joined, request->fields.data + request->places[i].value);
  }
  headers->tracestate = joined->data;
}

void mcp_request_dispatch(struct mcp_request *request, struct mcp_session *session,
                          const struct fl_rpc_message *message, size_t size) {
  struct fl_mcp_http *http = request->http;
  struct mcp_stream *stream = mcp_stream_open(http, session);
  struct fl_mcp_headers headers = {.protocol_version = mcp_request_field(request, "mcp-protocol-version"),
                                   .method = mcp_request_field(request, "mcp-method"),
                                   .name = mcp_request_field(request, "mcp-name"),
                                   .param = param_field,
                                   .user = request};
  FL_BUF_AUTO tracestate = {0};
  take_trace(request, &headers, &tracestate);
  const struct fl_mcp_incoming incoming = {.message = message,
                                           .size = size,
                                           .channel = stream->channel,
                                           .principal = request->principal,
                                           .headers = &headers};
  if (session != NULL) stream->id = session->next_stream++;
  stream->prefers_events = prefers_events(mcp_request_field(request, "accept"));
  stream->is_opening = session != NULL && fl_mcp_server_session_revision(session->core) == NULL;
  stream->expected = http->host.take(http->host.user, stream->core, &incoming);
  if (stream->expected == 0) {
    mcp_stream_free(stream);
    mcp_request_reply(request, &(struct fl_http_reply){.status = 202});
  } else {
    char *fields = mcp_request_cors(request);
    struct fl_http_exchange *exchange = request->exchange;
    mcp_request_free(request);
    mcp_stream_attach(stream, exchange, fields);
  }
  http->host.flush(http->host.user);
}

static void open_session(struct mcp_request *request, const struct fl_rpc_message *message, fl_slice body) {
  struct fl_mcp_http *http = request->http;
  struct mcp_session *session = mcp_session_open(http, request->principal);
  if (session == NULL) {
    mcp_request_fail(request, 503, BAD_REQUEST, "The server has too many sessions.");
    return;
  }
  char id[MCP_SESSION_ID_SIZE];
  memcpy(id, session->id, sizeof id);
  mcp_request_dispatch(request, session, message, body.size);
  session = mcp_session_find(http, id);
  if (session == NULL) return;
  if (fl_mcp_server_session_revision(session->core) != NULL) mcp_session_remember(session, body);
  else mcp_session_close(http, session, false); /* it was refused */
}

/* What the fields say counts where the body says nothing: a request of the modern era may lack its envelope. */
static bool claims_modern(struct mcp_request *request) {
  const char *name = mcp_request_field(request, "mcp-protocol-version");
  const struct fl_mcp_revision *revision = name != NULL ? fl_mcp_revision_find(name) : NULL;
  if (revision != NULL) return revision->era == FL_MCP_MODERN;
  return name != NULL && mcp_request_field(request, "mcp-session-id") == NULL;
}

static void post(struct mcp_request *request, fl_slice body) {
  const char *accept = mcp_request_field(request, "accept");
  if (!is_json(mcp_request_field(request, "content-type"))) {
    mcp_request_fail(request, 415, BAD_REQUEST, "Content-Type must be application/json.");
    return;
  }
  if (!is_usual_accept(accept) && !(accepts(accept, json_type) && accepts(accept, events_type))) {
    mcp_request_fail(request, 406, BAD_REQUEST, "Accept must have application/json and text/event-stream.");
    return;
  }
  FL_RPC_MESSAGE_AUTO message;
  fl_mcp_server_read(request->http->modern, body, &message);
  enum fl_mcp_belongs belongs = fl_mcp_message_belongs(&message);
  bool is_modern = belongs == FL_MCP_TO_MODERN || message.kind == FL_RPC_FAULT;
  if (is_modern || (belongs == FL_MCP_TO_SESSION && claims_modern(request)))
    mcp_request_dispatch(request, NULL, &message, body.size);
  else if (belongs == FL_MCP_TO_NEW_SESSION) open_session(request, &message, body);
  else {
    struct mcp_session *session = mcp_request_session(request, body);
    if (session != NULL) mcp_request_dispatch(request, session, &message, body.size);
  }
}

/* ---- requests ---- */

static void listen(struct mcp_request *request) {
  const char *accept = mcp_request_field(request, "accept");
  bool is_modern_only = mcp_request_field(request, "mcp-session-id") == NULL && claims_modern(request);
  if (is_modern_only)
    fail_with(request, &(struct fl_http_reply){.status = 405, .fields = FL_SLICE("Allow: POST\r\n")}, BAD_REQUEST,
              "This revision has no GET stream; see subscriptions/listen.");
  else if (accept == NULL || !accepts(accept, events_type))
    mcp_request_fail(request, 406, BAD_REQUEST, "Accept must have text/event-stream.");
  else mcp_request_listen(request);
}

static void preflight(struct mcp_request *request) {
  FL_BUF_AUTO fields = {0};
  const char *wanted = mcp_request_field(request, "access-control-request-headers");
  fl_buf_add_text(&fields, "Allow: POST, GET, DELETE, OPTIONS\r\n");
  if (mcp_request_field(request, "origin") != NULL) {
    fl_buf_add_text(&fields, "Access-Control-Allow-Methods: POST, GET, DELETE\r\nAccess-Control-Max-Age: 600\r\n");
    if (wanted != NULL) fl_http_add_field(&fields, "Access-Control-Allow-Headers", fl_slice_of(wanted));
  }
  mcp_request_reply(request, &(struct fl_http_reply){.status = 204, .fields = fl_buf_slice(&fields)});
}

void mcp_request_go_on(struct mcp_request *request, fl_slice body) {
  switch (request->method) {
  case FL_HTTP1_POST: post(request, body); break;
  case FL_HTTP1_GET: listen(request); break;
  case FL_HTTP1_DELETE: mcp_request_delete(request); break;
  case FL_HTTP1_OPTIONS: preflight(request); break;
  default:
    fail_with(request,
              &(struct fl_http_reply){.status = 405, .fields = FL_SLICE("Allow: POST, GET, DELETE, OPTIONS\r\n")},
              BAD_REQUEST, "The endpoint knows POST, GET and DELETE.");
  }
}

static void on_request_gone(struct fl_http_exchange *exchange) {
  struct mcp_request *request = exchange->user;
  if (request != NULL) request->exchange = NULL;
}

/* ---- the guard ---- */

static void refuse_caller(struct mcp_request *request, const struct fl_mcp_guard_verdict *verdict) {
  FL_BUF_AUTO fields = {0};
  if (verdict->www_authenticate != NULL)
    fl_http_add_field(&fields, "WWW-Authenticate", fl_slice_of(verdict->www_authenticate));
  if (verdict->status == 503) fl_buf_add_text(&fields, "Retry-After: 5\r\n");
  const char *text = verdict->error != NULL ? verdict->error : "The request is not authorized.";
  fail_with(request, &(struct fl_http_reply){.status = verdict->status, .fields = fl_buf_slice(&fields)}, BAD_REQUEST,
            text);
}

static void on_verdict(struct fl_mcp_guard_check *check, const struct fl_mcp_guard_verdict *verdict) {
  struct mcp_request *request = check->user;
  struct fl_mcp_http *http = request->http;
  fl_free((void *)(uintptr_t)check->url);
  http->pending--;
  if (request->exchange == NULL || http->is_closing) mcp_request_free(request);
  else if (verdict->status != 200) refuse_caller(request, verdict);
  else {
    request->principal = fl_strdup(verdict->principal);
    struct fl_buf body = request->body;
    request->body = (struct fl_buf){0};
    mcp_request_go_on(request, body.data != NULL ? fl_buf_slice(&body) : FL_SLICE(""));
    fl_buf_deinit(&body);
  }
  mcp_http_finish(http);
}

static void ask_guard(struct mcp_request *request, fl_slice body) {
  const char *authorization = mcp_request_field(request, "authorization"), *dpop = mcp_request_field(request, "dpop");
  if (request->is_ambiguous) {
    mcp_request_fail(request, 400, BAD_REQUEST, "A field about authorization is there twice.");
    return;
  }
  const char *origin = request->http->options.origin;
  request->check = (struct fl_mcp_guard_check){.method = fl_http1_method_name(request->method),
                                               .url = fl_format("%s%s", origin != NULL ? origin : "", request->target),
                                               .authorization = authorization,
                                               .dpop = dpop,
                                               .on_verdict = on_verdict,
                                               .user = request};
  request->body.limit = request->http->options.http.body_size_max;
  fl_buf_add(&request->body, body.data, body.size);
  request->http->pending++;
  fl_mcp_guard_check(request->http->options.guard, &request->check);
}

static void on_body(struct fl_http_exchange *exchange, fl_slice body) {
  const struct fl_http1_head *head = fl_http_head(exchange);
  struct mcp_request *request = fl_new(struct mcp_request);
  request->http = exchange->user;
  request->exchange = exchange;
  request->method = head->method;
  copy_fields(request, head);
  exchange->user = request;
  exchange->on_gone = on_request_gone;
  bool is_guarded = request->http->options.guard != NULL && request->method != FL_HTTP1_OPTIONS;
  if (is_guarded) {
    request->target = fl_strndup(head->target.data, head->target.size);
    ask_guard(request, body);
  } else mcp_request_go_on(request, body);
}

/* Where tokens come from, for whoever has none; for web pages of everywhere, since it is no secret. */
static bool reply_metadata(struct fl_mcp_http *http, struct fl_http_exchange *exchange,
                           const struct fl_http1_head *head) {
  if (http->options.guard == NULL || head->method != FL_HTTP1_GET) return false;
  FL_FREE_AUTO char *path = fl_strndup(head->path.data, head->path.size);
  const char *body = fl_mcp_guard_metadata(http->options.guard, path);
  if (body == NULL) return false;
  fl_http_reply(exchange, &(struct fl_http_reply){.status = 200,
                                                  .content_type = json_type,
                                                  .fields = FL_SLICE("Access-Control-Allow-Origin: *\r\n"),
                                                  .body = fl_slice_of(body)});
  return true;
}

void mcp_http_on_request(struct fl_http_exchange *exchange, const struct fl_http1_head *head, void *user) {
  struct fl_mcp_http *http = user;
  if (!fl_slice_equal(head->path, fl_slice_of(http->path))) {
    if (reply_metadata(http, exchange, head)) return;
    fl_http_reply(exchange,
                  &(struct fl_http_reply){
                      .status = 404, .content_type = "text/plain", .body = FL_SLICE("There is nothing here.\n")});
    return;
  }
  exchange->user = http;
  exchange->on_body = on_body;
}
