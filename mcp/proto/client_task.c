/* SPDX-License-Identifier: MIT */
/* The tasks extension (SEP-2663): a call that the server does in its own time. It is looked at with tasks/get until it
 * is over; what it asks goes the way of all questions, and back with tasks/update. A task outlives connections: after a
 * restart it is looked at again. */
#include "mcp/proto/client_internal.h"
#include "runtime/base/mem.h"
#include "runtime/json/json.h"

enum { POLL_FIRST_MS = 50, POLL_LAST_MS = 60 * 1000 };

bool fl_mcp_client_has_extension(const struct fl_mcp_client_session *session, const char *name) {
  return fl_get(fl_get(session->config.capabilities, "extensions"), name) != NULL &&
         fl_get(fl_get(session->capabilities, "extensions"), name) != NULL;
}

static uint32_t interval_of(const struct fl_value *task) {
  int64_t interval = fl_get_int(task, "pollIntervalMs", FL_MCP_POLL_MS);
  if (interval < POLL_FIRST_MS) interval = POLL_FIRST_MS;
  return (uint32_t)(interval > POLL_LAST_MS ? POLL_LAST_MS : interval);
}

static void poll_later(struct fl_mcp_client_session *session, int64_t now_ms, struct fl_mcp_client_call *call,
                       const struct fl_value *task) {
  call->poll_interval_ms = interval_of(task);
  call->poll_ms = now_ms + call->poll_interval_ms;
  call->idle_deadline_ms = call->poll_ms + call->idle_timeout_ms; /* it has just said that it lives */
  call->state = FL_MCP_CALL_POLLS;
  fl_mcp_client_call_note_deadline(session, call);
}

void fl_mcp_client_task_begin(struct fl_mcp_client_session *session, int64_t now_ms, struct fl_mcp_client_call *call,
                              const struct fl_value *result, struct fl_mcp_client_effects *effects) {
  const char *id = fl_get_string(result, "taskId", NULL);
  if (id == NULL || call->tool == NULL) {
    fl_mcp_client_call_fail(session, call, FL_E_PROTOCOL, effects, "the server made a task without an id");
    return;
  }
  call->task_id = fl_strdup(id);
  call->asked_keys = fl_object();
  if (call->ends_at_questions && strcmp(fl_get_string(result, "status", ""), "working") == 0) {
    call->poll_interval_ms = interval_of(result);
    fl_mcp_client_pause(session, call, NULL, effects);
    return;
  }
  fl_mcp_client_task_looked(session, now_ms, call, result, effects);
}

/* With answers at hand these are sent, and the task is looked at afterwards. */
void fl_mcp_client_task_send(struct fl_mcp_client_session *session, struct fl_mcp_client_call *call,
                             struct fl_mcp_client_effects *effects) {
  int64_t id = session->next_id++;
  bool has_answers = call->inputs != NULL;
  const char *method = has_answers ? "tasks/update" : "tasks/get";
  struct fl_rpc_line line = fl_rpc_begin_request(&effects->out, id, method);
  fl_mcp_client_open_params(session, line.buf, id, NULL);
  fl_buf_add_text(line.buf, ",\"taskId\":");
  fl_rpc_add_text(line.buf, call->task_id);
  if (has_answers) {
    fl_buf_add_text(line.buf, ",\"inputResponses\":");
    if (fl_json_write(line.buf, call->inputs, FL_JSON_COMPACT) < 0) line.buf->failed = true;
  }
  fl_buf_add_char(line.buf, '}');
  struct fl_mcp_outgoing about = {.kind = FL_MCP_SEND_REQUEST, .id = id, .method = method};
  if (session->config.is_http) about.name = fl_strdup(call->task_id);
  if (fl_mcp_client_send(session, effects, line, &about) < 0) {
    fl_mcp_client_call_fail(session, call, FL_E_LIMIT, effects, "the answers are too large to be sent");
    return;
  }
  call->id = id;
  call->was_sent = true;
  call->state = FL_MCP_CALL_FLIES;
  fl_map_set_n(&session->sent, fl_slice_n((const char *)&call->id, sizeof call->id), call);
}

/* What it asks and has not asked before: it may repeat a question while the answer is on its way. */
static struct fl_value *new_questions(const struct fl_mcp_client_call *call, const struct fl_value *requests) {
  struct fl_value *fresh = fl_object();
  struct fl_member member = {0};
  while (fl_is(requests, FL_OBJECT) && fl_next_member(requests, &member)) {
    if (fl_get_n(call->asked_keys, member.key, member.key_size) != NULL) continue;
    fl_set_take_n(fresh, member.key, member.key_size, fl_value_ref(member.value));
    fl_set_take_n(call->asked_keys, member.key, member.key_size, fl_bool(true));
  }
  return fresh;
}

static void task_asks(struct fl_mcp_client_session *session, int64_t now_ms, struct fl_mcp_client_call *call,
                      const struct fl_value *task, struct fl_mcp_client_effects *effects) {
  FL_VALUE_AUTO fresh = new_questions(call, fl_get(task, "inputRequests"));
  if (fl_size(fresh) == 0) poll_later(session, now_ms, call, task);
  else if (++call->rounds > FL_MCP_ROUNDS_MAX)
    fl_mcp_client_call_fail(session, call, FL_E_LIMIT, effects, "the task has asked for input %d times",
                            FL_MCP_ROUNDS_MAX);
  else fl_mcp_client_ask_all(session, now_ms, call, fresh, effects);
}

static void report_status(struct fl_mcp_client_call *call, const struct fl_value *task,
                          struct fl_mcp_client_effects *effects) {
  const char *text = fl_get_string(task, "statusMessage", NULL);
  if (text == NULL || call->is_hidden) return;
  struct fl_mcp_client_report *report = fl_mcp_client_report(effects, FL_MCP_CLIENT_CALL_PROGRESS);
  report->call_user = call->user;
  report->progress.done = (double)call->page_count++;
  report->text = fl_strdup(text);
  report->progress.message = report->text;
}

static void task_over(struct fl_mcp_client_session *session, struct fl_mcp_client_call *call,
                      const struct fl_value *task, const char *status, struct fl_mcp_client_effects *effects) {
  const struct fl_value *result = fl_get(task, "result"), *error = fl_get(task, "error");
  if (strcmp(status, "completed") == 0 && fl_is(fl_get(result, "content"), FL_ARRAY))
    fl_mcp_client_call_end_take(session, call, fl_value_ref((struct fl_value *)(uintptr_t)result), effects);
  else if (strcmp(status, "completed") == 0)
    fl_mcp_client_call_fail(session, call, FL_E_PROTOCOL, effects, "the task is completed without a result");
  else if (strcmp(status, "failed") == 0 && fl_is(error, FL_OBJECT))
    fl_mcp_client_call_refused(session, call, error, effects);
  else if (strcmp(status, "cancelled") == 0)
    fl_mcp_client_call_fail(session, call, FL_E_CANCELLED, effects, "the task was cancelled");
  else fl_mcp_client_call_fail(session, call, FL_E_PROTOCOL, effects, "the task is \"%.50s\"", status);
}

void fl_mcp_client_task_looked(struct fl_mcp_client_session *session, int64_t now_ms, struct fl_mcp_client_call *call,
                               const struct fl_value *task, struct fl_mcp_client_effects *effects) {
  const char *status = fl_get_string(task, "status", NULL);
  if (call->inputs != NULL) { /* the answer to tasks/update says nothing */
    fl_value_unref(call->inputs);
    call->inputs = NULL;
    call->state = FL_MCP_CALL_WAITS;
    fl_mcp_client_call_send(session, call, effects);
    return;
  }
  report_status(call, task, effects);
  if (status != NULL && strcmp(status, "working") == 0) poll_later(session, now_ms, call, task);
  else if (status != NULL && strcmp(status, "input_required") == 0) task_asks(session, now_ms, call, task, effects);
  else task_over(session, call, task, status != NULL ? status : "nothing", effects);
}
