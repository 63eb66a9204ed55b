/* SPDX-License-Identifier: MIT */
/* Requests of the client: sent when the server is ready, always with a progress token, so that progress can move the
 * idle deadline; the total deadline moves only by the time that people took to answer questions. */
#include "mcp/proto/client_internal.h"
#include "mcp/proto/param_header.h"
#include "runtime/base/check.h"
#include "runtime/base/mem.h"
#include "runtime/json/json.h"

#include <inttypes.h>

static fl_slice key_of(const int64_t *id) { return fl_slice_n((const char *)id, sizeof *id); }

/* ---- life ---- */

void fl_mcp_client_call_land(struct fl_mcp_client_session *session, struct fl_mcp_client_call *call) {
  if (call->id != 0) fl_map_remove_n(&session->sent, key_of(&call->id));
  call->id = 0;
}

static void call_destroy(struct fl_mcp_client_session *session, struct fl_mcp_client_call *call) {
  if (call->previous != NULL) call->previous->next = call->next;
  else session->first = call->next;
  if (call->next != NULL) call->next->previous = call->previous;
  else session->last = call->previous;
  session->call_count--;
  if (call->held_count > 0) fl_mcp_client_asks_lose_call(session, call);
  fl_mcp_client_call_land(session, call);
  fl_free(call->method);
  fl_free(call->tool);
  fl_free(call->call_id);
  fl_free(call->traceparent);
  fl_free(call->tracestate);
  fl_free(call->cursor);
  fl_free(call->task_id);
  fl_value_unref(call->args);
  fl_value_unref(call->pages);
  fl_value_unref(call->inputs);
  fl_value_unref(call->request_state);
  fl_value_unref(call->asked_keys);
  fl_free(call);
}

void fl_mcp_client_calls_destroy(struct fl_mcp_client_session *session) {
  while (session->first != NULL) call_destroy(session, session->first);
}

/* The report that it is done, NULL when nobody is told; the call is gone afterwards. */
static struct fl_mcp_client_report *end_call(struct fl_mcp_client_session *session, struct fl_mcp_client_call *call,
                                             struct fl_mcp_client_effects *effects) {
  fl_mcp_client_asks_gone(session, call, effects);
  struct fl_mcp_client_report *report = NULL;
  if (!call->is_hidden) {
    report = fl_mcp_client_report(effects, FL_MCP_CLIENT_CALL_DONE);
    report->call_user = call->user;
    report->sent = call->was_sent;
  }
  call_destroy(session, call);
  return report;
}

void fl_mcp_client_call_end_take(struct fl_mcp_client_session *session, struct fl_mcp_client_call *call,
                                 struct fl_value *result, struct fl_mcp_client_effects *effects) {
  struct fl_mcp_client_report *report = end_call(session, call, effects);
  if (report != NULL) report->result = result;
  else fl_value_unref(result);
}

void fl_mcp_client_call_pause_take(struct fl_mcp_client_session *session, struct fl_mcp_client_call *call,
                                   struct fl_value *pause, struct fl_mcp_client_effects *effects) {
  struct fl_mcp_client_report *report = end_call(session, call, effects);
  if (report != NULL) report->pause = pause;
  else fl_value_unref(pause);
}

void fl_mcp_client_call_fail(struct fl_mcp_client_session *session, struct fl_mcp_client_call *call, int status,
                             struct fl_mcp_client_effects *effects, const char *format, ...) {
  FL_BUF_AUTO text = {0};
  va_list args;
  va_start(args, format);
  if (call->tool != NULL) fl_buf_addf(&text, "%s/%s: ", session->config.server_name, call->tool);
  else fl_buf_addf(&text, "server %s: %s: ", session->config.server_name, call->method);
  fl_buf_vaddf(&text, format, args);
  va_end(args);
  struct fl_mcp_client_report *report = end_call(session, call, effects);
  if (report == NULL) {
    fl_mcp_client_logf(effects, "warning", "%s", text.data);
    return;
  }
  report->status = status;
  report->text = fl_buf_take(&text, NULL);
}

/* ---- sending ---- */

void fl_mcp_client_call_note_deadline(struct fl_mcp_client_session *session, const struct fl_mcp_client_call *call) {
  int64_t deadline =
      call->idle_deadline_ms < call->total_deadline_ms ? call->idle_deadline_ms : call->total_deadline_ms;
  if (call->state == FL_MCP_CALL_ASKS) return;
  if (call->held_count > 0) deadline = call->asked_ms + FL_MCP_HOLD_MS_MAX;
  if (call->state == FL_MCP_CALL_POLLS && call->poll_ms < deadline) deadline = call->poll_ms;
  if (deadline < session->call_deadline_ms) session->call_deadline_ms = deadline;
}

/* Why the server cannot be asked this; NULL: it can. */
static const char *why_not(const struct fl_mcp_client_session *session, const struct fl_mcp_client_call *call) {
  const struct fl_mcp_client_method *known = call->known;
  if (known == NULL || call->tool != NULL) return NULL;
  if (known->era != 0 && known->era != session->revision->era) return "there is no such method in the server's era";
  if (known->capability != NULL && fl_get(session->capabilities, known->capability) == NULL) return known->capability;
  return NULL;
}

static void refuse(struct fl_mcp_client_session *session, struct fl_mcp_client_call *call, const char *why,
                   struct fl_mcp_client_effects *effects) {
  bool is_capability = call->known->capability == why;
  fl_mcp_client_call_fail(session, call, FL_E_UNSUPPORTED, effects, is_capability ? "the server offers no %s" : "%s",
                          why);
}

static void add_member(struct fl_buf *buf, const char *key, const struct fl_value *value) {
  if (value == NULL) return;
  fl_buf_addf(buf, ",\"%s\":", key);
  if (fl_json_write(buf, value, FL_JSON_COMPACT) < 0) buf->failed = true;
}

static void add_params(struct fl_buf *buf, const struct fl_mcp_client_call *call) {
  struct fl_member member = {0};
  while (call->tool == NULL && fl_next_member(call->args, &member)) {
    if (strcmp(member.key, "_meta") == 0 || (call->cursor != NULL && strcmp(member.key, "cursor") == 0)) continue;
    fl_buf_add_char(buf, ',');
    fl_rpc_add_text(buf, member.key);
    fl_buf_add_char(buf, ':');
    if (fl_json_write(buf, member.value, FL_JSON_COMPACT) < 0) buf->failed = true;
  }
  if (call->tool != NULL) {
    fl_buf_add_text(buf, ",\"name\":");
    fl_rpc_add_text(buf, call->tool);
    add_member(buf, "arguments", call->args);
  }
  if (call->cursor != NULL) {
    fl_buf_add_text(buf, ",\"cursor\":");
    fl_rpc_add_text(buf, call->cursor);
  }
  add_member(buf, "inputResponses", call->inputs);
  add_member(buf, "requestState", call->request_state);
}

/* What the standard headers of HTTP repeat. */
static void describe(const struct fl_mcp_client_session *session, const struct fl_mcp_client_call *call,
                     struct fl_mcp_outgoing *about) {
  if (session->config.is_http) about->traceparent = fl_strdup(call->traceparent);
  if (session->config.is_http) about->tracestate = fl_strdup(call->tracestate);
  if (!session->config.is_http || !fl_mcp_client_is_modern(session)) return;
  const char *name = call->tool;
  if (name == NULL && call->known != NULL && call->known->name_key != NULL)
    name = fl_get_string(call->args, call->known->name_key, NULL);
  about->name = fl_strdup(name);
  const struct fl_value *tool = call->tool != NULL ? fl_mcp_client_find_tool(session, call->tool) : NULL;
  if (tool != NULL) about->param_headers = fl_mcp_param_headers(fl_get(tool, "inputSchema"), call->args);
}

static void send_request(struct fl_mcp_client_session *session, struct fl_mcp_client_call *call,
                         struct fl_mcp_client_effects *effects) {
  int64_t id = session->next_id++;
  struct fl_mcp_outgoing about = {.kind = FL_MCP_SEND_REQUEST, .id = id, .method = "tools/call"};
  if (call->known != NULL) about.method = call->known->name;
  else if (call->tool == NULL) about.method = call->method;
  struct fl_rpc_line line = fl_rpc_begin_request(&effects->out, id, call->method);
  fl_mcp_client_open_params(session, line.buf, id, call);
  add_params(line.buf, call);
  fl_buf_add_char(line.buf, '}');
  describe(session, call, &about);
  if (fl_mcp_client_send(session, effects, line, &about) < 0) {
    fl_mcp_client_call_fail(session, call, FL_E_LIMIT, effects, "the arguments are too large or too deep to be sent");
    return;
  }
  call->id = id;
  call->state = FL_MCP_CALL_FLIES;
  call->was_sent = true;
  fl_map_set_n(&session->sent, key_of(&call->id), call);
}

void fl_mcp_client_call_send(struct fl_mcp_client_session *session, struct fl_mcp_client_call *call,
                             struct fl_mcp_client_effects *effects) {
  const char *why = why_not(session, call);
  if (why != NULL) refuse(session, call, why, effects);
  else if (call->task_id != NULL) fl_mcp_client_task_send(session, call, effects);
  else send_request(session, call, effects);
}

void fl_mcp_client_send_waiting(struct fl_mcp_client_session *session, struct fl_mcp_client_effects *effects) {
  for (struct fl_mcp_client_call *call = session->first, *next; call != NULL; call = next) {
    next = call->next;
    if (call->state == FL_MCP_CALL_WAITS) fl_mcp_client_call_send(session, call, effects);
  }
}

/* ---- beginning ---- */

static struct fl_mcp_client_call *add_call(struct fl_mcp_client_session *session, const char *method) {
  struct fl_mcp_client_call *call = fl_new(struct fl_mcp_client_call);
  call->method = fl_strdup(method);
  call->known = fl_mcp_client_method_find(method);
  call->previous = session->last;
  if (call->previous != NULL) call->previous->next = call;
  else session->first = call;
  session->last = call;
  session->call_count++;
  return call;
}

struct fl_mcp_client_call *fl_mcp_client_call(struct fl_mcp_client_session *session, int64_t now_ms,
                                              const struct fl_mcp_client_call_options *options,
                                              struct fl_mcp_client_effects *effects) {
  bool is_tool = options->method == NULL;
  const struct fl_value *args = is_tool ? options->args : options->params;
  struct fl_mcp_client_call *call = add_call(session, is_tool ? "tools/call" : options->method);
  if (is_tool) call->tool = fl_strdup(options->tool);
  call->call_id = fl_strdup(options->call_id);
  call->traceparent = fl_strdup(options->traceparent);
  call->tracestate = fl_strdup(options->tracestate);
  call->user = options->user;
  call->is_whole = options->is_whole || !is_tool;
  call->args = args != NULL ? fl_value_ref((struct fl_value *)(uintptr_t)args) : fl_object();
  call->idle_timeout_ms = options->idle_timeout_ms;
  call->result_max = options->result_max;
  call->idle_deadline_ms = now_ms + options->idle_timeout_ms;
  call->total_deadline_ms = now_ms + options->total_timeout_ms;
  call->ends_at_questions = options->ends_at_questions;
  if (options->pause != NULL) fl_mcp_client_unpause(call, now_ms, options->pause, options->answers);
  if (options->reads_all && call->known != NULL && call->known->list_key != NULL) call->pages = fl_array();
  struct fl_value *cached = is_tool ? NULL : fl_mcp_client_cache_find(session, now_ms, call->method, call->args);
  fl_mcp_client_call_note_deadline(session, call);
  if (cached != NULL && call->pages == NULL) fl_mcp_client_call_end_take(session, call, fl_value_ref(cached), effects);
  else if (session->state == FL_MCP_UP) {
    if (is_tool && session->list_id == 0 && now_ms >= session->tools_until_ms)
      fl_mcp_client_list(session, now_ms, effects);
    if (call->state == FL_MCP_CALL_WAITS) fl_mcp_client_call_send(session, call, effects);
  }
  return call;
}

void fl_mcp_client_call_hidden(struct fl_mcp_client_session *session, const char *method, struct fl_value *params,
                               struct fl_mcp_client_effects *effects) {
  struct fl_mcp_client_call *call = add_call(session, method);
  call->is_hidden = true;
  call->args = params;
  call->idle_deadline_ms = call->total_deadline_ms = INT64_MAX;
  call->result_max = FL_BUF_LIMIT_DEFAULT;
  fl_mcp_client_call_send(session, call, effects);
}

/* ---- ending ---- */

/* The server is told where it can be: by closing the request's stream over HTTP, by a notification otherwise. */
static void tell_cancelled(struct fl_mcp_client_session *session, const struct fl_mcp_client_call *call,
                           const char *reason, struct fl_mcp_client_effects *effects) {
  if (call->task_id != NULL && session->state == FL_MCP_UP) {
    struct fl_value *params = fl_object();
    fl_set_string(params, "taskId", call->task_id);
    fl_mcp_client_call_hidden(session, "tasks/cancel", params, effects);
  }
  if (call->id == 0) return;
  if (!session->config.is_http || !fl_mcp_client_is_modern(session)) {
    struct fl_rpc_line line = fl_rpc_begin_notification(&effects->out, "notifications/cancelled");
    fl_buf_addf(line.buf, "{\"requestId\":%" PRId64 ",\"reason\":", call->id);
    fl_rpc_add_text(line.buf, reason);
    fl_buf_add_char(line.buf, '}');
    fl_mcp_client_send_plain(session, effects, line, 0, "notifications/cancelled");
  }
  fl_mcp_client_drop(session, effects, call->id);
}

void fl_mcp_client_cancel(struct fl_mcp_client_session *session, struct fl_mcp_client_call *call, const char *reason,
                          struct fl_mcp_client_effects *effects) {
  tell_cancelled(session, call, reason, effects);
  fl_mcp_client_call_fail(session, call, FL_E_CANCELLED, effects, "the call was cancelled");
}

/* False: the call has ended. */
static bool call_time(struct fl_mcp_client_session *session, int64_t now_ms, struct fl_mcp_client_call *call,
                      struct fl_mcp_client_effects *effects) {
  bool is_over = now_ms >= call->total_deadline_ms;
  if (call->state == FL_MCP_CALL_ASKS) return true;
  if (call->held_count > 0) is_over = now_ms >= call->asked_ms + FL_MCP_HOLD_MS_MAX;
  if (!is_over && now_ms < call->idle_deadline_ms) {
    if (call->state == FL_MCP_CALL_POLLS && now_ms >= call->poll_ms) {
      call->state = FL_MCP_CALL_WAITS;
      if (session->state == FL_MCP_UP) fl_mcp_client_call_send(session, call, effects);
    }
    return true;
  }
  const char *why = is_over ? "the call took longer than its limit" : "no answer and no progress in time";
  tell_cancelled(session, call, why, effects);
  if (!call->was_sent) why = "the server was not ready in time";
  fl_mcp_client_call_fail(session, call, FL_E_TIMEOUT, effects, "%s", why);
  return false;
}

/* While a legacy server waits for an answer of ours, it is not idle. */
static void hold_idle(struct fl_mcp_client_session *session, int64_t now_ms) {
  bool asks = false;
  for (const struct fl_mcp_client_ask *ask = session->asks; ask != NULL; ask = ask->next)
    asks = asks || ask->call == NULL;
  for (struct fl_mcp_client_call *call = session->first; asks && call != NULL; call = call->next)
    if (call->state == FL_MCP_CALL_FLIES && !call->is_hidden) call->idle_deadline_ms = now_ms + call->idle_timeout_ms;
}

void fl_mcp_client_calls_time(struct fl_mcp_client_session *session, int64_t now_ms,
                              struct fl_mcp_client_effects *effects) {
  if (now_ms < session->call_deadline_ms) return;
  session->call_deadline_ms = INT64_MAX;
  hold_idle(session, now_ms);
  for (struct fl_mcp_client_call *call = session->first, *next; call != NULL; call = next) {
    next = call->next;
    if (call_time(session, now_ms, call, effects)) fl_mcp_client_call_note_deadline(session, call);
  }
}

struct fl_mcp_client_call *fl_mcp_client_call_find_n(const struct fl_mcp_client_session *session, int64_t id) {
  return id != 0 ? fl_map_get_n(&session->sent, key_of(&id)) : NULL;
}

struct fl_mcp_client_call *fl_mcp_client_call_find(const struct fl_mcp_client_session *session,
                                                   const struct fl_value *id) {
  return fl_is(id, FL_INT) ? fl_mcp_client_call_find_n(session, fl_as_int(id, 0)) : NULL;
}

void fl_mcp_client_call_progress(struct fl_mcp_client_session *session, int64_t now_ms, const struct fl_value *params,
                                 struct fl_mcp_client_effects *effects) {
  struct fl_mcp_client_call *call = fl_mcp_client_call_find(session, fl_get(params, "progressToken"));
  const struct fl_value *done = fl_get(params, "progress");
  if (call == NULL || call->is_hidden || !fl_is_number(done)) return;
  call->idle_deadline_ms = now_ms + call->idle_timeout_ms;
  struct fl_mcp_client_report *report = fl_mcp_client_report(effects, FL_MCP_CLIENT_CALL_PROGRESS);
  report->call_user = call->user;
  report->progress.done = fl_as_double(done, 0);
  report->progress.total = fl_get_double(params, "total", 0);
  report->text = fl_strdup(fl_get_string(params, "message", NULL));
  report->progress.message = report->text;
}
