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

void fl_mcp_client_effects_clear(struct fl_mcp_client_effects *effects) {
  for (size_t i = 0; i < effects->count; i++) {
    fl_value_unref(effects->reports[i].result);
    fl_free(effects->reports[i].text);
  }
  effects->count = 0;
  fl_buf_clear(&effects->out);
}

void fl_mcp_client_effects_deinit(struct fl_mcp_client_effects *effects) {
  fl_mcp_client_effects_clear(effects);
  fl_free(effects->reports);
  fl_buf_deinit(&effects->out);
  *effects = (struct fl_mcp_client_effects){0};
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
  struct fl_mcp_client_report *report = fl_mcp_client_report(effects, FL_MCP_CLIENT_FAILED);
  report->status = status;
  report->text = fl_buf_take(&text, NULL);
}

/* ---- life ---- */

struct fl_mcp_client_session *fl_mcp_client_session_create(const struct fl_mcp_client_config *config) {
  struct fl_mcp_client_session *session = fl_new(struct fl_mcp_client_session);
  session->config = *config;
  session->next_id = 1;
  session->call_deadline_ms = session->handshake_deadline_ms = session->probe_deadline_ms = INT64_MAX;
  session->tools = fl_array();
  fl_map_init(&session->page_names);
  fl_map_init(&session->sent);
  return session;
}

void fl_mcp_client_session_destroy(struct fl_mcp_client_session *session) {
  if (session == NULL) return;
  fl_mcp_client_calls_destroy(session);
  fl_map_deinit(&session->sent);
  fl_map_deinit(&session->page_names);
  fl_value_unref(session->page_tools);
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
  session->was_probed = false;
  fl_mcp_client_begin(session, effects);
  /* The probe leaves at least half of the time to the handshake that may have to follow it. */
  int64_t probe_ms = session->config.start_timeout_ms / 2;
  if (probe_ms > FL_MCP_PROBE_TIMEOUT_MS) probe_ms = FL_MCP_PROBE_TIMEOUT_MS;
  session->probe_deadline_ms = session->state == FL_MCP_PROBING ? now_ms + probe_ms : INT64_MAX;
}

/* ---- lines ---- */

static void answer_request(const struct fl_mcp_client_session *session, const struct fl_rpc_message *message,
                           struct fl_mcp_client_effects *effects) {
  if (strcmp(message->method, "ping") == 0) {
    struct fl_rpc_line line = fl_rpc_begin_result(&effects->out, message->id);
    fl_buf_add_text(line.buf, "{}");
    fl_rpc_end(line);
    return;
  }
  struct fl_rpc_fault fault = {.id = message->id,
                               .code = FL_RPC_METHOD_NOT_FOUND,
                               .message = "Method not found: this client declares no capability"};
  fl_rpc_write_error(&effects->out, &fault);
}

static void take_log(const struct fl_value *params, struct fl_mcp_client_effects *effects) {
  const struct fl_value *data = fl_get(params, "data");
  const char *text = fl_as_string(data);
  char *dumped = text == NULL ? fl_dump(data, NULL) : NULL;
  const char *level = fl_mcp_level_name(fl_mcp_level_rank(fl_get_string(params, "level", "")));
  fl_mcp_client_logf(effects, level, "%.*s", 8 * FL_MCP_LOG_LINE_MAX, text != NULL ? text : dumped);
  fl_text_free(dumped);
}

static void take_notification(struct fl_mcp_client_session *session, int64_t now_ms,
                              const struct fl_rpc_message *message, struct fl_mcp_client_effects *effects) {
  if (strcmp(message->method, "notifications/progress") == 0)
    fl_mcp_client_call_progress(session, now_ms, message->params, effects);
  else if (strcmp(message->method, "notifications/message") == 0) take_log(message->params, effects);
  else if (strcmp(message->method, "notifications/tools/list_changed") == 0 && session->state == FL_MCP_UP)
    fl_mcp_client_list(session, now_ms, effects);
}

static void take_response(struct fl_mcp_client_session *session, int64_t now_ms, const struct fl_rpc_message *message,
                          size_t line_size, struct fl_mcp_client_effects *effects) {
  if (fl_mcp_client_take_response(session, now_ms, message, effects)) return;
  struct fl_mcp_client_call *call = fl_mcp_client_call_find(session, message->id);
  if (call != NULL) fl_mcp_client_call_answer(session, call, message, line_size, effects);
  else fl_mcp_client_logf(effects, "debug", "an answer to nothing that is in flight was skipped");
}

static void take_message(struct fl_mcp_client_session *session, int64_t now_ms, const struct fl_rpc_message *message,
                         size_t line_size, struct fl_mcp_client_effects *effects) {
  switch (message->kind) {
  case FL_RPC_REQUEST: answer_request(session, message, effects); return;
  case FL_RPC_NOTIFICATION: take_notification(session, now_ms, message, effects); return;
  case FL_RPC_RESULT:
  case FL_RPC_ERROR: take_response(session, now_ms, message, line_size, effects); return;
  case FL_RPC_BATCH:
  case FL_RPC_FAULT:
    fl_mcp_client_logf(effects, "warning", "a message was skipped: %s",
                       message->fault != NULL ? message->fault : "a batch");
    return;
  }
}

static void skip_line(fl_slice line, struct fl_mcp_client_effects *effects) {
  int size = (int)(line.size < FL_MCP_LOG_LINE_MAX ? line.size : FL_MCP_LOG_LINE_MAX);
  fl_mcp_client_logf(effects, "warning", "a line on its standard output is no message: %.*s", size, line.data);
}

void fl_mcp_client_line(struct fl_mcp_client_session *session, int64_t now_ms, fl_slice line,
                        struct fl_mcp_client_effects *effects) {
  if (line.size == 0 || session->state == FL_MCP_DOWN || session->state == FL_MCP_BROKEN) return;
  FL_RPC_MESSAGE_AUTO message;
  fl_rpc_read(line, &message);
  if (message.root == NULL) {
    skip_line(line, effects);
    return;
  }
  if (message.kind != FL_RPC_BATCH) {
    take_message(session, now_ms, &message, line.size, effects);
    return;
  }
  for (size_t i = 0; i < fl_size(message.root); i++) { /* 2025-03-26 */
    FL_RPC_MESSAGE_AUTO member;
    fl_rpc_classify(fl_at(message.root, i), &member);
    take_message(session, now_ms, &member, line.size, effects);
  }
}

/* The answer to a call must not leave its caller waiting, when we can still see whose it was. */
void fl_mcp_client_line_too_long(struct fl_mcp_client_session *session, fl_slice front,
                                 struct fl_mcp_client_effects *effects) {
  FL_VALUE_AUTO id = fl_rpc_peek_id(front);
  struct fl_mcp_client_call *call = fl_mcp_client_call_find(session, id);
  if (call != NULL)
    fl_mcp_client_call_fail(session, call, FL_E_LIMIT, effects, "the answer is larger than %zu bytes", front.size);
  else fl_mcp_client_logf(effects, "warning", "a line of more than %zu bytes was skipped", front.size);
}

/* ---- the end of a process ---- */

static void end_calls(struct fl_mcp_client_session *session, bool also_waiting, const char *how,
                      struct fl_mcp_client_effects *effects) {
  for (struct fl_mcp_client_call *call = session->first, *next; call != NULL; call = next) {
    next = call->next;
    if (call->id != 0)
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
  session->handshake_deadline_ms = session->probe_deadline_ms = INT64_MAX;
  session->is_list_stale = false;
  end_calls(session, false, how, effects);
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

int64_t fl_mcp_client_deadline_ms(const struct fl_mcp_client_session *session) {
  int64_t deadline = session->call_deadline_ms;
  if (session->probe_deadline_ms < deadline) deadline = session->probe_deadline_ms;
  bool is_starting =
      session->state == FL_MCP_PROBING || session->state == FL_MCP_INITIALIZING || session->state == FL_MCP_LISTING;
  if (is_starting && session->handshake_deadline_ms < deadline) deadline = session->handshake_deadline_ms;
  if (session->is_list_stale && session->list_id == 0 && session->relist_ms < deadline) deadline = session->relist_ms;
  return deadline == INT64_MAX ? -1 : deadline;
}

void fl_mcp_client_time(struct fl_mcp_client_session *session, int64_t now_ms, struct fl_mcp_client_effects *effects) {
  bool is_starting =
      session->state == FL_MCP_PROBING || session->state == FL_MCP_INITIALIZING || session->state == FL_MCP_LISTING;
  if (is_starting && now_ms >= session->handshake_deadline_ms)
    fl_mcp_client_fail(session, effects, FL_E_TIMEOUT, " was not ready after %u ms", session->config.start_timeout_ms);
  else if (session->state == FL_MCP_PROBING && now_ms >= session->probe_deadline_ms) {
    session->probe_deadline_ms = INT64_MAX;
    if (session->config.era == 0) fl_mcp_client_initialize(session, effects);
  } else if (session->state == FL_MCP_UP && session->is_list_stale) fl_mcp_client_list(session, now_ms, effects);
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
