/* SPDX-License-Identifier: MIT */
/* Legacy sessions: opened by `initialize`, found by their id, gone by DELETE, after a time without use, or when there
 * are too many; found again after a restart by the `initialize` that the log keeps. And the GET stream: what belongs to
 * no request, and what a peer missed of any stream. */
#include "runtime/base/check.h"
#include "runtime/base/mem.h"
#include "mcp/transport/http_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { NO_SESSION = -32001, BAD_REQUEST = -32000 };

/* ---- life ---- */

static fl_slice core_key(const struct mcp_session *session) {
  return fl_slice_n((const char *)&session->core, sizeof session->core);
}

struct mcp_session *mcp_session_find(struct fl_mcp_http *http, const char *id) {
  return fl_map_get(&http->sessions, id);
}

static void unlink_session(struct fl_mcp_http *http, struct mcp_session *session) {
  if (session->previous != NULL) session->previous->next = session->next;
  else http->newest = session->next;
  if (session->next != NULL) session->next->previous = session->previous;
  else http->oldest = session->previous;
}

static void link_session(struct fl_mcp_http *http, struct mcp_session *session) {
  session->previous = NULL;
  session->next = http->newest;
  if (http->newest != NULL) http->newest->previous = session;
  else http->oldest = session;
  http->newest = session;
}

void mcp_session_use(struct fl_mcp_http *http, struct mcp_session *session) {
  session->used_ms = fl_world_now_ms(http->world);
  unlink_session(http, session);
  link_session(http, session);
}

void mcp_session_close(struct fl_mcp_http *http, struct mcp_session *session, bool forgets) {
  fl_map_remove(&http->sessions, session->id);
  fl_map_remove_n(&http->by_core, core_key(session));
  for (struct mcp_stream *at = http->streams, *next; at != NULL; at = next) {
    next = at->next;
    if (at->session == session) mcp_stream_free(at);
  }
  unlink_session(http, session);
  if (forgets && http->options.log != NULL) fl_event_log_drop_session(http->options.log, session->id);
  http->host.close(http->host.user, session->core);
  fl_free(session->principal);
  fl_free(session);
}

/* The longest unused one that nobody listens to makes room. */
static bool make_room(struct fl_mcp_http *http) {
  if (http->sessions.count < http->options.sessions_max) return true;
  struct mcp_session *session = http->oldest;
  while (session != NULL && session->waiting_count > 0) session = session->previous;
  if (session != NULL) mcp_session_close(http, session, true);
  return session != NULL;
}

static struct mcp_session *add_session(struct fl_mcp_http *http, const char *id, const char *principal) {
  struct mcp_session *session = fl_new(struct mcp_session);
  snprintf(session->id, sizeof session->id, "%s", id);
  session->core = http->host.open(http->host.user, 0);
  session->principal = fl_strdup(principal != NULL ? principal : "");
  session->used_ms = fl_world_now_ms(http->world);
  session->next_stream = 1;
  session->get = mcp_stream_open(http, session);
  session->get->is_get = true;
  link_session(http, session);
  fl_map_set(&http->sessions, session->id, session);
  fl_map_set_n(&http->by_core, core_key(session), session);
  return session;
}

struct mcp_session *mcp_session_open(struct fl_mcp_http *http, const char *principal) {
  if (!make_room(http)) return NULL;
  unsigned char bytes[(MCP_SESSION_ID_SIZE - 1) / 2];
  char id[MCP_SESSION_ID_SIZE];
  fl_world_random(http->world, bytes, sizeof bytes);
  for (size_t i = 0; i < sizeof bytes; i++) snprintf(id + 2 * i, 3, "%02x", bytes[i]);
  return add_session(http, id, principal);
}

void mcp_session_remember(struct mcp_session *session, fl_slice opening) {
  struct fl_mcp_http *http = session->get->http;
  if (http->options.log == NULL) return;
  FL_BUF_AUTO text = {0};
  fl_buf_add_text(&text, session->principal);
  fl_buf_add(&text, "\n", 1);
  fl_buf_add(&text, opening.data, opening.size);
  fl_event_log_put_session(http->options.log, session->id, fl_buf_slice(&text));
}

void mcp_sessions_expire(struct fl_mcp_http *http, int64_t now_ms) {
  for (struct mcp_session *at = http->oldest, *newer; at != NULL; at = newer) {
    newer = at->previous;
    if (now_ms - at->used_ms < http->options.session_idle_ms) return;
    if (at->waiting_count == 0) mcp_session_close(http, at, true);
  }
}

/* ---- found again after a restart ---- */

static void feed(struct mcp_session *session, fl_slice text) {
  struct fl_mcp_http *http = session->get->http;
  FL_RPC_MESSAGE_AUTO message;
  fl_rpc_read(text, &message);
  /* No stream has this channel: the reply, which the client had long ago, goes nowhere. */
  struct fl_mcp_incoming incoming = {.message = &message, .size = text.size, .channel = UINT64_MAX};
  http->host.take(http->host.user, session->core, &incoming);
  http->host.flush(http->host.user);
}

static struct mcp_session *restore(struct mcp_request *request) {
  const struct fl_event_log_read *read = &request->read;
  const char *newline = read->opening != NULL ? strchr(read->opening, '\n') : NULL;
  if (newline == NULL || !make_room(request->http)) return NULL;
  FL_FREE_AUTO char *principal = fl_strndup(read->opening, (size_t)(newline - read->opening));
  struct mcp_session *session = add_session(request->http, read->session, principal);
  session->next_stream = read->last_stream + 1;
  feed(session, fl_slice_of(newline + 1));
  feed(session, FL_SLICE("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}"));
  return session;
}

static void on_session_read(struct fl_event_log_read *read, int status, const struct fl_error *err) {
  struct mcp_request *request = read->user;
  struct fl_mcp_http *http = request->http;
  http->pending--;
  if (request->exchange == NULL || http->is_closing) mcp_request_free(request);
  else {
    if (mcp_session_find(http, read->session) == NULL) restore(request);
    struct fl_buf body = request->body;
    request->body = (struct fl_buf){0};
    mcp_request_go_on(request, body.data != NULL ? fl_buf_slice(&body) : FL_SLICE(""));
    fl_buf_deinit(&body);
  }
  mcp_http_finish(http);
}

static void look_for_session(struct mcp_request *request, const char *id, fl_slice body) {
  request->was_looked_for = true;
  fl_buf_add(&request->body, body.data, body.size);
  request->read =
      (struct fl_event_log_read){.session = id, .after = INT64_MAX, .on_read = on_session_read, .user = request};
  request->http->pending++;
  fl_event_log_read(request->http->options.log, &request->read);
}

static bool has_known_revision(struct mcp_request *request) {
  const char *name = mcp_request_field(request, "mcp-protocol-version");
  return name == NULL || fl_mcp_revision_find(name) != NULL;
}

struct mcp_session *mcp_request_session(struct mcp_request *request, fl_slice body) {
  struct fl_mcp_http *http = request->http;
  const char *id = mcp_request_field(request, "mcp-session-id");
  if (id == NULL || request->is_ambiguous) {
    mcp_request_fail(request, 400, BAD_REQUEST, "The field Mcp-Session-Id is missing, or there twice.");
    return NULL;
  }
  struct mcp_session *session = mcp_session_find(http, id);
  bool may_be_kept = session == NULL && http->options.log != NULL && strlen(id) == MCP_SESSION_ID_SIZE - 1;
  if (may_be_kept && !request->was_looked_for) {
    look_for_session(request, id, body);
    return NULL;
  }
  const char *principal = request->principal != NULL ? request->principal : "";
  if (session == NULL || strcmp(session->principal, principal) != 0) {
    mcp_request_fail(request, 404, NO_SESSION, "There is no such session; begin a new one.");
    return NULL;
  }
  if (!has_known_revision(request)) {
    mcp_request_fail(request, 400, BAD_REQUEST, "The server does not know that MCP-Protocol-Version.");
    return NULL;
  }
  mcp_session_use(http, session);
  return session;
}

void mcp_request_delete(struct mcp_request *request) {
  struct fl_mcp_http *http = request->http;
  struct mcp_session *session = mcp_request_session(request, FL_SLICE(""));
  if (session == NULL) return;
  mcp_session_close(http, session, true);
  http->host.flush(http->host.user);
  mcp_request_reply(request, &(struct fl_http_reply){.status = 204});
}

/* ---- GET ---- */

static bool parse_event_id(const char *text, uint64_t *ret_stream, uint64_t *ret_number) {
  char *end = NULL;
  errno = 0;
  *ret_stream = strtoull(text, &end, 10);
  if (*text < '0' || *text > '9' || *end != '_' || end[1] < '0' || end[1] > '9') return false;
  *ret_number = strtoull(end + 1, &end, 10);
  return *end == '\0' && errno == 0;
}

static struct mcp_stream *live_stream(struct mcp_session *session, uint64_t id) {
  if (id == 0) return session->get;
  for (struct mcp_stream *at = session->get->http->streams; at != NULL; at = at->next)
    if (at->session == session && at->id == id && !at->is_get) return at;
  return NULL;
}

static void read_missed(struct mcp_request *request);

/* The newest asker gets a stream; whoever held it before is sent away. */
static void join(struct mcp_request *request, struct mcp_stream *stream) {
  mcp_stream_detach(stream);
  struct fl_http_exchange *exchange = request->exchange;
  char *fields = mcp_request_cors(request);
  stream->told = request->after;
  mcp_request_free(request);
  mcp_stream_attach(stream, exchange, fields);
  mcp_stream_begin(stream);
}

/* Whether something was sent to the log after it was read. A log that fails to write is not asked for ever. */
static bool is_behind(struct mcp_request *request, const struct mcp_stream *stream) {
  const struct fl_event_log_read *read = &request->read;
  uint64_t highest = read->count > 0 ? read->events[read->count - 1].number : request->after;
  bool was_live = request->was_live;
  request->was_live = stream != NULL;
  if (++request->read_count > 3) return false;
  return stream != NULL ? stream->number > highest : was_live;
}

static void give_missed(struct mcp_request *request, struct mcp_session *session) {
  struct mcp_stream *stream = live_stream(session, request->stream);
  const struct fl_event_log_read read = request->read; /* the request is gone soon */
  bool is_over = stream == NULL;                       /* its replies are all made: the log has the rest */
  if (is_behind(request, stream)) {
    read_missed(request);
    return;
  }
  if (is_over) {
    stream = mcp_stream_open(session->get->http, session);
    stream->id = request->stream;
  }
  uint64_t highest = read.count > 0 ? read.events[read.count - 1].number : 0;
  if (stream->number < highest) stream->number = highest; /* of an earlier process */
  join(request, stream);
  for (size_t i = 0; i < read.count; i++) mcp_stream_write(stream, read.events[i].number, read.events[i].data);
  if (is_over) mcp_stream_free(stream);
}

static void on_missed_read(struct fl_event_log_read *read, int status, const struct fl_error *err) {
  struct mcp_request *request = read->user;
  struct fl_mcp_http *http = request->http;
  struct mcp_session *session = mcp_session_find(http, read->session);
  http->pending--;
  if (request->exchange == NULL || http->is_closing) mcp_request_free(request);
  else if (session == NULL) mcp_request_fail(request, 404, NO_SESSION, "There is no such session; begin a new one.");
  else give_missed(request, session);
  mcp_http_finish(http);
}

static void read_missed(struct mcp_request *request) {
  request->read = (struct fl_event_log_read){.session = mcp_request_field(request, "mcp-session-id"),
                                             .stream = request->stream,
                                             .after = request->after,
                                             .on_read = on_missed_read,
                                             .user = request};
  request->http->pending++;
  fl_event_log_read(request->http->options.log, &request->read);
}

void mcp_request_listen(struct mcp_request *request) {
  struct mcp_session *session = mcp_request_session(request, FL_SLICE(""));
  if (session == NULL) return;
  struct fl_mcp_http *http = request->http;
  const char *last = mcp_request_field(request, "last-event-id");
  request->stream = 0;
  request->after = session->get->told;
  if (last != NULL && !parse_event_id(last, &request->stream, &request->after)) {
    mcp_request_fail(request, 400, BAD_REQUEST, "The server never gave that Last-Event-ID.");
    return;
  }
  bool may_have_missed = last != NULL || session->get->number > request->after;
  if (http->options.log != NULL && may_have_missed) {
    request->was_live = live_stream(session, request->stream) != NULL;
    read_missed(request);
  } else join(request, session->get);
}
