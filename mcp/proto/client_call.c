/* SPDX-License-Identifier: MIT */
/* Calls of the client: sent when the server is ready, always with a progress token, so that progress can move the idle
 * deadline; the total deadline does not move. */
#include "mcp/proto/client_internal.h"
#include "runtime/base/check.h"
#include "runtime/base/mem.h"
#include "runtime/json/json.h"

#include <inttypes.h>

enum { MESSAGE_SHOWN_MAX = 500 };

static fl_slice key_of(const int64_t *id) { return fl_slice_n((const char *)id, sizeof *id); }

static void call_destroy(struct fl_mcp_client_session *session, struct fl_mcp_client_call *call) {
  if (call->previous != NULL) call->previous->next = call->next;
  else session->first = call->next;
  if (call->next != NULL) call->next->previous = call->previous;
  else session->last = call->previous;
  session->call_count--;
  if (call->id != 0) fl_map_remove_n(&session->sent, key_of(&call->id));
  fl_free(call->tool);
  fl_free(call->call_id);
  fl_value_unref(call->args);
  fl_free(call);
}

void fl_mcp_client_calls_destroy(struct fl_mcp_client_session *session) {
  while (session->first != NULL) call_destroy(session, session->first);
}

static void call_done(struct fl_mcp_client_session *session, struct fl_mcp_client_call *call, int status, char *text,
                      struct fl_mcp_client_effects *effects) {
  struct fl_mcp_client_report *report = fl_mcp_client_report(effects, FL_MCP_CLIENT_CALL_DONE);
  report->call_user = call->user;
  report->status = status;
  report->sent = call->id != 0;
  report->text = text;
  call_destroy(session, call);
}

void fl_mcp_client_call_fail(struct fl_mcp_client_session *session, struct fl_mcp_client_call *call, int status,
                             struct fl_mcp_client_effects *effects, const char *format, ...) {
  FL_BUF_AUTO text = {0};
  va_list args;
  va_start(args, format);
  fl_buf_addf(&text, "%s/%s: ", session->config.server_name, call->tool);
  fl_buf_vaddf(&text, format, args);
  va_end(args);
  call_done(session, call, status, fl_buf_take(&text, NULL), effects);
}

/* ---- sending ---- */

static void note_deadline(struct fl_mcp_client_session *session, const struct fl_mcp_client_call *call) {
  if (call->idle_deadline_ms < session->call_deadline_ms) session->call_deadline_ms = call->idle_deadline_ms;
  if (call->total_deadline_ms < session->call_deadline_ms) session->call_deadline_ms = call->total_deadline_ms;
}

static void send_call(struct fl_mcp_client_session *session, struct fl_mcp_client_call *call,
                      struct fl_mcp_client_effects *effects) {
  int64_t id = session->next_id++;
  struct fl_rpc_line line = fl_rpc_begin_request(&effects->out, id, "tools/call");
  fl_mcp_client_open_params(session, line.buf, id, call->call_id);
  fl_buf_add_text(line.buf, ",\"name\":");
  fl_rpc_add_text(line.buf, call->tool);
  fl_buf_add_text(line.buf, ",\"arguments\":");
  int status = fl_json_write(line.buf, call->args, FL_JSON_COMPACT);
  fl_buf_add_char(line.buf, '}');
  if (status < 0) line.buf->failed = true;
  if (fl_rpc_end(line) < 0) {
    fl_mcp_client_call_fail(session, call, FL_E_LIMIT, effects, "the arguments are too large or too deep to be sent");
    return;
  }
  call->id = id;
  fl_map_set_n(&session->sent, key_of(&call->id), call);
}

void fl_mcp_client_send_waiting(struct fl_mcp_client_session *session, struct fl_mcp_client_effects *effects) {
  for (struct fl_mcp_client_call *call = session->first, *next; call != NULL; call = next) {
    next = call->next;
    if (call->id == 0) send_call(session, call, effects);
  }
}

struct fl_mcp_client_call *fl_mcp_client_call(struct fl_mcp_client_session *session, int64_t now_ms,
                                              const struct fl_mcp_client_call_options *options,
                                              struct fl_mcp_client_effects *effects) {
  struct fl_mcp_client_call *call = fl_new(struct fl_mcp_client_call);
  *call = (struct fl_mcp_client_call){
      .tool = fl_strdup(options->tool),
      .call_id = fl_strdup(options->call_id),
      .user = options->user,
      .args = options->args != NULL ? fl_value_ref((struct fl_value *)(uintptr_t)options->args) : fl_object(),
      .idle_timeout_ms = options->idle_timeout_ms,
      .result_max = options->result_max,
      .idle_deadline_ms = now_ms + options->idle_timeout_ms,
      .total_deadline_ms = now_ms + options->total_timeout_ms};
  call->previous = session->last;
  if (call->previous != NULL) call->previous->next = call;
  else session->first = call;
  session->last = call;
  session->call_count++;
  note_deadline(session, call);
  if (session->state == FL_MCP_UP) send_call(session, call, effects);
  return call;
}

/* ---- ending ---- */

static void send_cancelled(const struct fl_mcp_client_call *call, const char *reason,
                           struct fl_mcp_client_effects *effects) {
  if (call->id == 0) return;
  struct fl_rpc_line line = fl_rpc_begin_notification(&effects->out, "notifications/cancelled");
  fl_buf_addf(line.buf, "{\"requestId\":%" PRId64 ",\"reason\":", call->id);
  fl_rpc_add_text(line.buf, reason);
  fl_buf_add_char(line.buf, '}');
  fl_rpc_end(line);
}

void fl_mcp_client_cancel(struct fl_mcp_client_session *session, struct fl_mcp_client_call *call, const char *reason,
                          struct fl_mcp_client_effects *effects) {
  send_cancelled(call, reason, effects);
  fl_mcp_client_call_fail(session, call, FL_E_CANCELLED, effects, "the call was cancelled");
}

void fl_mcp_client_calls_time(struct fl_mcp_client_session *session, int64_t now_ms,
                              struct fl_mcp_client_effects *effects) {
  if (now_ms < session->call_deadline_ms) return;
  session->call_deadline_ms = INT64_MAX;
  for (struct fl_mcp_client_call *call = session->first, *next; call != NULL; call = next) {
    next = call->next;
    bool is_over = now_ms >= call->total_deadline_ms;
    if (!is_over && now_ms < call->idle_deadline_ms) {
      note_deadline(session, call);
      continue;
    }
    const char *why = is_over ? "the call took longer than its limit" : "no answer and no progress in time";
    send_cancelled(call, why, effects);
    if (call->id == 0) why = "the server was not ready in time";
    fl_mcp_client_call_fail(session, call, FL_E_TIMEOUT, effects, "%s", why);
  }
}

struct fl_mcp_client_call *fl_mcp_client_call_find(const struct fl_mcp_client_session *session,
                                                   const struct fl_value *id) {
  if (!fl_is(id, FL_INT)) return NULL;
  int64_t number = fl_as_int(id, 0);
  return fl_map_get_n(&session->sent, key_of(&number));
}

void fl_mcp_client_call_progress(struct fl_mcp_client_session *session, int64_t now_ms, const struct fl_value *params,
                                 struct fl_mcp_client_effects *effects) {
  struct fl_mcp_client_call *call = fl_mcp_client_call_find(session, fl_get(params, "progressToken"));
  const struct fl_value *done = fl_get(params, "progress");
  if (call == NULL || !fl_is_number(done)) return;
  call->idle_deadline_ms = now_ms + call->idle_timeout_ms;
  struct fl_mcp_client_report *report = fl_mcp_client_report(effects, FL_MCP_CLIENT_CALL_PROGRESS);
  report->call_user = call->user;
  report->progress.done = fl_as_double(done, 0);
  report->progress.total = fl_get_double(params, "total", 0);
  report->text = fl_strdup(fl_get_string(params, "message", NULL));
  report->progress.message = report->text;
}

/* ---- answers ---- */

static const char *result_problem(const struct fl_value *result) {
  if (!fl_is(result, FL_OBJECT)) return "the result is not an object";
  const char *type = fl_get_string(result, "resultType", "complete");
  if (strcmp(type, "input_required") == 0) return "the server asks for input, which this client did not offer";
  if (strcmp(type, "complete") != 0) return "the result is of an unknown type";
  const struct fl_value *content = fl_get(result, "content");
  if (content == NULL) return fl_get(result, "structuredContent") != NULL ? NULL : "the result has no content";
  if (!fl_is(content, FL_ARRAY)) return "the result's content is not an array";
  for (size_t i = 0; i < fl_size(content); i++)
    if (fl_get_string(fl_at(content, i), "type", NULL) == NULL) return "the result has a content block without a type";
  return NULL;
}

/* What the rest of the program sees: three members, whatever else the server sent. */
static struct fl_value *make_result(const struct fl_value *result) {
  struct fl_value *made = fl_object();
  struct fl_value *content = fl_get(result, "content"), *structured = fl_get(result, "structuredContent");
  fl_set_take(made, "content", content != NULL ? fl_value_ref(content) : fl_array());
  if (structured != NULL) fl_set_take(made, "structuredContent", fl_value_ref(structured));
  if (fl_get_bool(result, "isError", false)) fl_set_bool(made, "isError", true);
  return made;
}

void fl_mcp_client_call_answer(struct fl_mcp_client_session *session, struct fl_mcp_client_call *call,
                               const struct fl_rpc_message *message, size_t line_size,
                               struct fl_mcp_client_effects *effects) {
  if (message->kind == FL_RPC_ERROR) {
    const char *text = fl_get_string(message->error, "message", "");
    fl_mcp_client_call_fail(session, call, FL_E_REMOTE, effects, "error %" PRId64 ": %.*s",
                            fl_get_int(message->error, "code", 0), fl_rpc_shown(text, MESSAGE_SHOWN_MAX), text);
    return;
  }
  const char *problem = result_problem(message->result);
  if (problem != NULL) {
    fl_mcp_client_call_fail(session, call, FL_E_PROTOCOL, effects, "%s", problem);
    return;
  }
  if (line_size > call->result_max) {
    fl_mcp_client_call_fail(session, call, FL_E_LIMIT, effects, "the result has %zu bytes; %zu are allowed", line_size,
                            call->result_max);
    return;
  }
  call_done(session, call, 0, NULL, effects);
  effects->reports[effects->count - 1].result = make_result(message->result);
}
