/* SPDX-License-Identifier: MIT */
#include "mcp/proto/client_session.h"

#include "mcp/proto/client_internal.h"
#include "mcp/proto/level.h"
#include "runtime/base/check.h"
#include "runtime/base/mem.h"
#include "runtime/json/json.h"

/* ---- effects ---- */

struct fl_mcp_client_report *fl_mcp_client_report(struct fl_mcp_client_effects *effects,
                                                  enum fl_mcp_client_report_type type) {
  if (effects->count == effects->capacity) {
    effects->capacity = effects->capacity == 0 ? 16 : effects->capacity * 2;
    effects->reports = fl_realloc(effects->reports, effects->capacity * sizeof effects->reports[0]);
  }
  struct fl_mcp_client_report *report = &effects->reports[effects->count++];
  *report = (struct fl_mcp_client_report){.type = type};
  return report;
}

void fl_mcp_client_effects_clear_out(struct fl_mcp_client_effects *effects) {
  for (size_t i = 0; i < effects->outgoing_count; i++) {
    fl_free(effects->outgoing[i].name);
    fl_free(effects->outgoing[i].traceparent);
    fl_free(effects->outgoing[i].tracestate);
    fl_value_unref(effects->outgoing[i].param_headers);
  }
  effects->outgoing_count = 0;
  fl_buf_clear(&effects->out);
}

void fl_mcp_client_effects_clear(struct fl_mcp_client_effects *effects) {
  for (size_t i = 0; i < effects->count; i++) {
    fl_value_unref(effects->reports[i].result);
    fl_value_unref(effects->reports[i].error);
    fl_value_unref(effects->reports[i].params);
    fl_value_unref(effects->reports[i].pause);
    fl_free(effects->reports[i].text);
  }
  effects->count = 0;
  fl_mcp_client_effects_clear_out(effects);
}

void fl_mcp_client_effects_deinit(struct fl_mcp_client_effects *effects) {
  fl_mcp_client_effects_clear(effects);
  fl_free(effects->reports);
  fl_free(effects->outgoing);
  fl_buf_deinit(&effects->out);
  *effects = (struct fl_mcp_client_effects){0};
}

/* ---- messages that go out ---- */

static struct fl_mcp_outgoing *push_outgoing(struct fl_mcp_client_effects *effects,
                                             const struct fl_mcp_outgoing *about) {
  if (effects->outgoing_count == effects->outgoing_capacity) {
    effects->outgoing_capacity = effects->outgoing_capacity == 0 ? 8 : effects->outgoing_capacity * 2;
    effects->outgoing = fl_realloc(effects->outgoing, effects->outgoing_capacity * sizeof effects->outgoing[0]);
  }
  effects->outgoing[effects->outgoing_count] = *about;
  return &effects->outgoing[effects->outgoing_count++];
}

int fl_mcp_client_send(struct fl_mcp_client_session *session, struct fl_mcp_client_effects *effects,
                       struct fl_rpc_line line, const struct fl_mcp_outgoing *about) {
  if (fl_rpc_end(line) < 0) {
    fl_free(about->name);
    fl_free(about->traceparent);
    fl_free(about->tracestate);
    fl_value_unref(about->param_headers);
    return FL_E_LIMIT;
  }
  struct fl_mcp_outgoing *sent = push_outgoing(effects, about);
  bool begins = about->method != NULL && strcmp(about->method, "initialize") == 0;
  sent->start = line.start;
  sent->size = effects->out.size - line.start;
  sent->is_modern = fl_mcp_client_is_modern(session) && !begins;
  if (session->state == FL_MCP_PROBING && !begins) sent->revision = FL_MCP_REVISION_MODERN;
  else if (session->revision != NULL && !begins) sent->revision = session->revision->name;
  return 0;
}

int fl_mcp_client_send_plain(struct fl_mcp_client_session *session, struct fl_mcp_client_effects *effects,
                             struct fl_rpc_line line, int64_t id, const char *method) {
  struct fl_mcp_outgoing about = {
      .kind = id != 0 ? FL_MCP_SEND_REQUEST : FL_MCP_SEND_NOTIFICATION, .id = id, .method = method};
  return fl_mcp_client_send(session, effects, line, &about);
}

void fl_mcp_client_drop(const struct fl_mcp_client_session *session, struct fl_mcp_client_effects *effects,
                        int64_t id) {
  if (!session->config.is_http || id == 0) return;
  push_outgoing(effects, &(struct fl_mcp_outgoing){.kind = FL_MCP_SEND_DROP, .id = id});
}

void fl_mcp_client_logf(struct fl_mcp_client_effects *effects, const char *level, const char *format, ...) {
  FL_BUF_AUTO text = {0};
  va_list args;
  va_start(args, format);
  fl_buf_vaddf(&text, format, args);
  va_end(args);
  struct fl_mcp_client_report *report = fl_mcp_client_report(effects, FL_MCP_CLIENT_LOG);
  report->level = level;
  report->text = fl_buf_take(&text, NULL);
}

void fl_mcp_client_fail(struct fl_mcp_client_session *session, struct fl_mcp_client_effects *effects, int status,
                        const char *format, ...) {
  FL_BUF_AUTO text = {0};
  va_list args;
  va_start(args, format);
  fl_buf_addf(&text, "server %s", session->config.server_name);
  fl_buf_vaddf(&text, format, args);
  va_end(args);
  session->state = FL_MCP_BROKEN;
  if (session->is_guess) session->known_era = 0; /* the next start asks */
  session->is_guess = false;
  struct fl_mcp_client_report *report = fl_mcp_client_report(effects, FL_MCP_CLIENT_FAILED);
  report->status = status;
  report->text = fl_buf_take(&text, NULL);
}

/* ---- life ---- */

struct fl_mcp_client_session *fl_mcp_client_session_create(const struct fl_mcp_client_config *config) {
  struct fl_mcp_client_session *session = fl_new(struct fl_mcp_client_session);
  session->config = *config;
  session->next_id = session->next_ask_id = 1;
  session->call_deadline_ms = session->handshake_deadline_ms = session->probe_deadline_ms = INT64_MAX;
  session->listen_again_ms = session->tools_until_ms = INT64_MAX;
  session->tools = fl_array();
  session->followed = fl_object();
  fl_map_init(&session->page_names);
  fl_map_init(&session->tools_by_name);
  fl_map_init(&session->sent);
  fl_map_init(&session->cache);
  fl_buf_add_text(&session->client_info, "{\"name\":");
  fl_rpc_add_text(&session->client_info, config->client_name != NULL ? config->client_name : "fairlead");
  fl_buf_add_text(&session->client_info, ",\"version\":");
  fl_rpc_add_text(&session->client_info, config->client_version);
  fl_buf_add_char(&session->client_info, '}');
  if (config->capabilities == NULL) fl_buf_add_text(&session->capabilities_text, "{}");
  else fl_json_write(&session->capabilities_text, config->capabilities, FL_JSON_COMPACT);
  return session;
}

void fl_mcp_client_session_destroy(struct fl_mcp_client_session *session) {
  if (session == NULL) return;
  fl_mcp_client_calls_destroy(session);
  fl_mcp_client_asks_destroy(session);
  fl_mcp_client_cache_forget(session, NULL, NULL);
  fl_mcp_client_forget_listing(session);
  fl_map_deinit(&session->cache);
  fl_map_deinit(&session->sent);
  fl_map_deinit(&session->page_names);
  fl_map_deinit(&session->tools_by_name);
  fl_buf_deinit(&session->client_info);
  fl_buf_deinit(&session->capabilities_text);
  fl_value_unref(session->followed);
  fl_value_unref(session->tools);
  fl_value_unref(session->server_info);
  fl_value_unref(session->capabilities);
  fl_value_unref(session->instructions);
  fl_free(session);
}

void fl_mcp_client_started(struct fl_mcp_client_session *session, int64_t now_ms,
                           struct fl_mcp_client_effects *effects) {
  fl_check(session->state == FL_MCP_DOWN);
  session->handshake_deadline_ms = now_ms + session->config.start_timeout_ms;
  session->revision = NULL;
  session->was_probed = session->was_probed_twice = session->is_renewing = false;
  fl_mcp_client_begin(session, effects);
  /* The probe leaves at least half of the time to the handshake that may have to follow it. */
  int64_t probe_ms = session->config.start_timeout_ms / 2;
  if (probe_ms > FL_MCP_PROBE_TIMEOUT_MS) probe_ms = FL_MCP_PROBE_TIMEOUT_MS;
  session->probe_deadline_ms = session->state == FL_MCP_PROBING ? now_ms + probe_ms : INT64_MAX;
}

/* ---- messages ---- */

static void take_log(const struct fl_value *params, struct fl_mcp_client_effects *effects) {
  const struct fl_value *data = fl_get(params, "data");
  const char *text = fl_as_string(data);
  char *dumped = text == NULL ? fl_dump(data, NULL) : NULL;
  const char *level = fl_mcp_level_name(fl_mcp_level_rank(fl_get_string(params, "level", "")));
  const char *shown = text != NULL ? text : dumped != NULL ? dumped : "";
  fl_mcp_client_logf(effects, level, "%.*s", fl_rpc_shown(shown, 8 * FL_MCP_LOG_LINE_MAX), shown);
  fl_text_free(dumped);
}

static void take_cancelled(struct fl_mcp_client_session *session, int64_t now_ms, const struct fl_value *params,
                           struct fl_mcp_client_effects *effects) {
  const struct fl_value *id = fl_get(params, "requestId");
  bool is_listening = session->listen_id != 0 && fl_as_int(id, 0) == session->listen_id && fl_is(id, FL_INT);
  if (is_listening) fl_mcp_client_listen_ended(session, now_ms, true, effects);
  else fl_mcp_client_asks_withdrawn(session, now_ms, id, effects);
}

static void take_notification(struct fl_mcp_client_session *session, int64_t now_ms,
                              const struct fl_rpc_message *message, struct fl_mcp_client_effects *effects) {
  const char *method = message->method;
  if (strcmp(method, "notifications/progress") == 0)
    fl_mcp_client_call_progress(session, now_ms, message->params, effects);
  else if (strcmp(method, "notifications/message") == 0) take_log(message->params, effects);
  else if (strcmp(method, "notifications/cancelled") == 0) take_cancelled(session, now_ms, message->params, effects);
  else if (strcmp(method, "notifications/subscriptions/acknowledged") == 0) fl_mcp_client_listen_acknowledged(session);
  else fl_mcp_client_take_change(session, now_ms, message, effects);
}

static void take_response(struct fl_mcp_client_session *session, int64_t now_ms, const struct fl_rpc_message *message,
                          size_t size, struct fl_mcp_client_effects *effects) {
  int64_t id = fl_is(message->id, FL_INT) ? fl_as_int(message->id, 0) : 0;
  struct fl_mcp_client_call *call = fl_mcp_client_call_find_n(session, id);
  if (id != 0 && id == session->handshake_id) fl_mcp_client_take_handshake(session, now_ms, message, effects);
  else if (id != 0 && id == session->list_id) fl_mcp_client_take_list(session, now_ms, message, effects);
  else if (id != 0 && id == session->listen_id)
    fl_mcp_client_listen_ended(session, now_ms, message->kind == FL_RPC_RESULT, effects);
  else if (call != NULL && message->kind == FL_RPC_RESULT && size > call->result_max)
    fl_mcp_client_call_fail(session, call, FL_E_LIMIT, effects, "the result has %zu bytes; %zu are allowed", size,
                            call->result_max);
  else if (call != NULL) fl_mcp_client_call_answer(session, now_ms, call, message, effects);
  else fl_mcp_client_logf(effects, "debug", "an answer to nothing that is in flight was skipped");
}

/* What a message came in. */
struct frame {
  int64_t origin;
  size_t size;
};

static void take_message(struct fl_mcp_client_session *session, int64_t now_ms, const struct fl_rpc_message *message,
                         const struct frame *frame, struct fl_mcp_client_effects *effects) {
  size_t size = frame->size;
  switch (message->kind) {
  case FL_RPC_REQUEST: fl_mcp_client_take_request(session, now_ms, frame->origin, message, effects); return;
  case FL_RPC_NOTIFICATION: take_notification(session, now_ms, message, effects); return;
  case FL_RPC_RESULT:
  case FL_RPC_ERROR: take_response(session, now_ms, message, size, effects); return;
  case FL_RPC_BATCH:
  case FL_RPC_FAULT:
    fl_mcp_client_logf(effects, "warning", "a message was skipped: %s",
                       message->fault != NULL ? message->fault : "a batch");
    return;
  }
}

/* The answer to a call must not leave its caller waiting, when we can still see whose it was. A request of the server's
 * may have the same id. */
static struct fl_mcp_client_call *find_answered(struct fl_mcp_client_session *session, fl_slice front) {
  if (!fl_rpc_peek_is_answer(front)) return NULL;
  FL_VALUE_AUTO id = fl_rpc_peek_id(front);
  return fl_mcp_client_call_find(session, id);
}

static void take_unreadable(struct fl_mcp_client_session *session, fl_slice line, const struct fl_error *why,
                            struct fl_mcp_client_effects *effects) {
  struct fl_mcp_client_call *call = find_answered(session, line);
  int size = (int)(line.size < FL_MCP_LOG_LINE_MAX ? line.size : FL_MCP_LOG_LINE_MAX);
  fl_mcp_client_logf(effects, "warning", "a line on its standard output is no message: %.*s", size, line.data);
  if (call != NULL)
    fl_mcp_client_call_fail(session, call, FL_E_PROTOCOL, effects, "the answer cannot be read: %s", why->text);
}

void fl_mcp_client_message(struct fl_mcp_client_session *session, int64_t now_ms, int64_t origin, fl_slice text,
                           struct fl_mcp_client_effects *effects) {
  if (text.size == 0 || session->state == FL_MCP_DOWN || session->state == FL_MCP_BROKEN) return;
  FL_RPC_MESSAGE_AUTO message;
  fl_rpc_read(text, &message);
  if (message.kind == FL_RPC_FAULT && message.fault_code == FL_RPC_PARSE_ERROR) {
    take_unreadable(session, text, &message.json_error, effects);
    return;
  }
  FL_VALUE_AUTO origin_id = fl_int(origin);
  /* Ours are integers. Python's servers of 2025 answer with "server-error" what they refuse before they look at it. */
  if (message.kind == FL_RPC_ERROR && !fl_is(message.id, FL_INT) && origin != 0) message.id = origin_id;
  const struct frame frame = {origin, text.size};
  if (message.kind != FL_RPC_BATCH) {
    take_message(session, now_ms, &message, &frame, effects);
    return;
  }
  for (size_t i = 0; i < fl_size(message.root); i++) { /* 2025-03-26 */
    FL_RPC_MESSAGE_AUTO member;
    fl_rpc_classify(fl_at(message.root, i), &member);
    take_message(session, now_ms, &member, &frame, effects);
  }
}

void fl_mcp_client_line(struct fl_mcp_client_session *session, int64_t now_ms, fl_slice line,
                        struct fl_mcp_client_effects *effects) {
  fl_mcp_client_message(session, now_ms, 0, line, effects);
}

void fl_mcp_client_line_too_long(struct fl_mcp_client_session *session, fl_slice front,
                                 struct fl_mcp_client_effects *effects) {
  struct fl_mcp_client_call *call = find_answered(session, front);
  if (call != NULL)
    fl_mcp_client_call_fail(session, call, FL_E_LIMIT, effects, "the answer is larger than %zu bytes", front.size);
  else fl_mcp_client_logf(effects, "warning", "a line of more than %zu bytes was skipped", front.size);
}

/* ---- losses ---- */

/* A call that the server refused because it has forgotten our session was not done: it is made again in a new one. */
static bool renew_for(struct fl_mcp_client_session *session, int64_t now_ms, struct fl_mcp_client_call *call,
                      struct fl_mcp_client_effects *effects) {
  if (call != NULL && call->was_replayed) return false;
  if (call != NULL) {
    call->was_replayed = true;
    fl_mcp_client_call_land(session, call);
    call->state = FL_MCP_CALL_WAITS;
  }
  fl_mcp_client_renew(session, now_ms, effects);
  return true;
}

bool fl_mcp_client_awaits(const struct fl_mcp_client_session *session, int64_t id) {
  if (session->state == FL_MCP_DOWN || session->state == FL_MCP_BROKEN || id == 0) return false;
  return id == session->handshake_id || id == session->list_id || id == session->listen_id ||
         fl_mcp_client_call_find_n(session, id) != NULL;
}

void fl_mcp_client_lost(struct fl_mcp_client_session *session, int64_t now_ms, const struct fl_mcp_client_loss *loss,
                        struct fl_mcp_client_effects *effects) {
  if (session->state == FL_MCP_DOWN || session->state == FL_MCP_BROKEN) return;
  struct fl_mcp_client_call *call = fl_mcp_client_call_find_n(session, loss->id);
  bool is_up = session->state == FL_MCP_UP;
  if (loss->id != 0 && loss->id == session->handshake_id) {
    fl_mcp_client_handshake_lost(session, loss, effects);
    return;
  }
  if (loss->is_session_unknown && (is_up || session->is_renewing) && renew_for(session, now_ms, call, effects)) return;
  if (loss->id != 0 && loss->id == session->list_id)
    fl_mcp_client_list_failed(session, now_ms, loss->status, loss->text, effects);
  else if (loss->id != 0 && loss->id == session->listen_id)
    fl_mcp_client_listen_ended(session, now_ms, loss->http_status < 300 || loss->http_status >= 500, effects);
  else if (call != NULL) {
    call->was_sent = call->was_sent && (loss->sent || call->rounds > 0);
    fl_mcp_client_call_fail(session, call, loss->status, effects, "%s", loss->text);
  }
}

/* ---- the end of a process ---- */

/* What was asked of a server that is gone, and what was not: a task may be looked at again, and a call that waits for
 * answers has nothing in flight. */
static void end_calls(struct fl_mcp_client_session *session, bool also_waiting, const char *how,
                      struct fl_mcp_client_effects *effects) {
  for (struct fl_mcp_client_call *call = session->first, *next; call != NULL; call = next) {
    next = call->next;
    bool flies = call->state == FL_MCP_CALL_FLIES;
    if (flies && call->task_id != NULL && !also_waiting) {
      fl_mcp_client_call_land(session, call);
      call->state = FL_MCP_CALL_WAITS;
    } else if (flies)
      fl_mcp_client_call_fail(session, call, FL_E_CLOSED, effects, "the server %s during the call", how);
    else if (also_waiting)
      fl_mcp_client_call_fail(session, call, FL_E_CLOSED, effects, "the server cannot be reached: %s", how);
  }
}

void fl_mcp_client_exited(struct fl_mcp_client_session *session, const char *how,
                          struct fl_mcp_client_effects *effects) {
  enum fl_mcp_client_state state = session->state;
  session->state = FL_MCP_DOWN;
  session->handshake_id = session->list_id = session->listen_id = 0;
  session->handshake_deadline_ms = session->probe_deadline_ms = session->listen_again_ms = INT64_MAX;
  session->is_list_stale = session->is_renewing = false;
  fl_mcp_client_asks_gone(session, NULL, effects);
  fl_mcp_client_cache_forget(session, NULL, NULL);
  end_calls(session, false, how, effects);
  if (state == FL_MCP_INITIALIZING && session->is_guess) {
    session->is_guess = false;
    session->known_era = 0;
    fl_mcp_client_report(effects, FL_MCP_CLIENT_RESPAWN);
    return;
  }
  bool was_asked = state == FL_MCP_PROBING || (state == FL_MCP_INITIALIZING && session->was_probed);
  if (was_asked && session->config.era == 0 && session->known_era == 0) {
    session->known_era = FL_MCP_LEGACY; /* some legacy servers die of a request before initialize */
    fl_mcp_client_report(effects, FL_MCP_CLIENT_RESPAWN);
  } else if (state == FL_MCP_PROBING || state == FL_MCP_INITIALIZING || state == FL_MCP_LISTING) {
    fl_mcp_client_fail(session, effects, FL_E_CLOSED, " %s before it was ready", how);
    session->state = FL_MCP_DOWN;
  }
}

void fl_mcp_client_given_up(struct fl_mcp_client_session *session, const char *why,
                            struct fl_mcp_client_effects *effects) {
  end_calls(session, true, why, effects);
}

/* ---- time ---- */

static bool is_starting(const struct fl_mcp_client_session *session) {
  return session->state == FL_MCP_PROBING || session->state == FL_MCP_INITIALIZING || session->state == FL_MCP_LISTING;
}

int64_t fl_mcp_client_deadline_ms(const struct fl_mcp_client_session *session) {
  int64_t deadline = session->call_deadline_ms;
  if (session->probe_deadline_ms < deadline) deadline = session->probe_deadline_ms;
  if (is_starting(session) && session->handshake_deadline_ms < deadline) deadline = session->handshake_deadline_ms;
  if (session->is_list_stale && session->list_id == 0 && session->relist_ms < deadline) deadline = session->relist_ms;
  if (session->listen_again_ms < deadline) deadline = session->listen_again_ms;
  return deadline == INT64_MAX ? -1 : deadline;
}

/* Over HTTP, silence says nothing about an era. */
static void probe_timed_out(struct fl_mcp_client_session *session, struct fl_mcp_client_effects *effects) {
  session->probe_deadline_ms = INT64_MAX;
  if (session->config.era == 0 && !session->config.is_http) fl_mcp_client_initialize(session, effects);
}

void fl_mcp_client_time(struct fl_mcp_client_session *session, int64_t now_ms, struct fl_mcp_client_effects *effects) {
  bool is_up = session->state == FL_MCP_UP;
  if (is_starting(session) && now_ms >= session->handshake_deadline_ms) {
    fl_mcp_client_drop(session, effects, session->handshake_id);
    fl_mcp_client_fail(session, effects, FL_E_TIMEOUT, " was not ready after %u ms", session->config.start_timeout_ms);
  } else if (session->state == FL_MCP_PROBING && now_ms >= session->probe_deadline_ms) {
    probe_timed_out(session, effects);
  } else if (is_up && session->is_list_stale) fl_mcp_client_list(session, now_ms, effects);
  if (is_up && now_ms >= session->listen_again_ms) fl_mcp_client_listen(session, effects);
  fl_mcp_client_calls_time(session, now_ms, effects);
}

/* ---- what is known ---- */

bool fl_mcp_client_is_ready(const struct fl_mcp_client_session *session) { return session->state == FL_MCP_UP; }
size_t fl_mcp_client_waiting(const struct fl_mcp_client_session *session) { return session->call_count; }
const struct fl_value *fl_mcp_client_tools(const struct fl_mcp_client_session *session) { return session->tools; }

struct fl_value *fl_mcp_client_session_describe(const struct fl_mcp_client_session *session) {
  if (session->revision == NULL) return NULL;
  struct fl_value *about = fl_object();
  fl_set_string(about, "protocolVersion", session->revision->name);
  fl_set_string(about, "era", session->revision->era == FL_MCP_MODERN ? "modern" : "legacy");
  fl_set_take(about, "serverInfo", fl_value_ref(session->server_info));
  fl_set_take(about, "capabilities", fl_value_ref(session->capabilities));
  fl_set_take(about, "instructions", fl_value_ref(session->instructions));
  return about;
}
