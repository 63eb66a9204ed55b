/* SPDX-License-Identifier: MIT */
/* What a server answers: a result, an error, a page of a list, questions (input_required), a task. */
#include "mcp/proto/client_internal.h"
#include "runtime/base/mem.h"

#include <inttypes.h>

enum { MESSAGE_SHOWN_MAX = 500, URL_ELICITATION_REQUIRED = -32042 };

void fl_mcp_client_call_refused(struct fl_mcp_client_session *session, struct fl_mcp_client_call *call,
                                const struct fl_value *error, struct fl_mcp_client_effects *effects) {
  const char *text = fl_get_string(error, "message", "");
  bool is_told = !call->is_hidden;
  fl_mcp_client_call_fail(session, call, FL_E_REMOTE, effects, "error %" PRId64 ": %.*s", fl_get_int(error, "code", 0),
                          fl_rpc_shown(text, MESSAGE_SHOWN_MAX), text);
  if (is_told) effects->reports[effects->count - 1].error = fl_value_ref((struct fl_value *)(uintptr_t)error);
}

/* ---- a tool's result ---- */

static const char *content_problem(const struct fl_value *result) {
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

/* ---- pages ---- */

static void end_pages(struct fl_mcp_client_session *session, struct fl_mcp_client_call *call,
                      struct fl_mcp_client_effects *effects) {
  struct fl_value *all = fl_object();
  fl_set_take(all, call->known->list_key, fl_value_ref(call->pages));
  fl_mcp_client_call_end_take(session, call, all, effects);
}

static void take_page(struct fl_mcp_client_session *session, struct fl_mcp_client_call *call,
                      const struct fl_value *result, struct fl_mcp_client_effects *effects) {
  const char *key = call->known->list_key, *next = fl_get_string(result, "nextCursor", NULL);
  const struct fl_value *items = fl_get(result, key);
  if (!fl_is(items, FL_ARRAY)) {
    fl_mcp_client_call_fail(session, call, FL_E_PROTOCOL, effects, "the result has no \"%s\"", key);
    return;
  }
  for (size_t i = 0; i < fl_size(items) && fl_size(call->pages) < FL_MCP_TOOLS_MAX; i++)
    fl_append_take(call->pages, fl_value_ref(fl_at(items, i)));
  call->page_count++;
  bool turns = next != NULL && call->cursor != NULL && strcmp(next, call->cursor) == 0;
  bool is_full = turns || call->page_count >= FL_MCP_PAGES_MAX || fl_size(call->pages) >= FL_MCP_TOOLS_MAX;
  if (next != NULL && is_full)
    fl_mcp_client_logf(effects, "warning", "the list of %s is cut after %zu pages and %zu items", key, call->page_count,
                       fl_size(call->pages));
  if (next == NULL || is_full) {
    end_pages(session, call, effects);
    return;
  }
  char *cursor = fl_strdup(next);
  fl_free(call->cursor);
  call->cursor = cursor;
  fl_mcp_client_call_send(session, call, effects);
}

/* ---- results ---- */

/* Nothing is to be asked: the server only wants to see its state again. */
static void ask_again(struct fl_mcp_client_session *session, struct fl_mcp_client_call *call,
                      struct fl_mcp_client_effects *effects) {
  call->state = FL_MCP_CALL_WAITS;
  if (session->state == FL_MCP_UP) fl_mcp_client_call_send(session, call, effects);
}

static void take_questions(struct fl_mcp_client_session *session, int64_t now_ms, struct fl_mcp_client_call *call,
                           const struct fl_value *result, struct fl_mcp_client_effects *effects) {
  const struct fl_value *requests = fl_get(result, "inputRequests"), *state = fl_get(result, "requestState");
  bool has_requests = fl_is(requests, FL_OBJECT) && fl_size(requests) > 0;
  fl_value_unref(call->request_state);
  call->request_state = state != NULL ? fl_value_ref((struct fl_value *)(uintptr_t)state) : NULL;
  fl_value_unref(call->inputs);
  call->inputs = NULL;
  if (++call->rounds > FL_MCP_ROUNDS_MAX)
    fl_mcp_client_call_fail(session, call, FL_E_LIMIT, effects, "the server has asked for input %d times",
                            FL_MCP_ROUNDS_MAX);
  else if (has_requests) fl_mcp_client_ask_all(session, now_ms, call, requests, effects);
  else if (fl_is(state, FL_STRING)) ask_again(session, call, effects);
  else fl_mcp_client_call_fail(session, call, FL_E_PROTOCOL, effects, "the server asks for input, but not for which");
}

static void take_complete(struct fl_mcp_client_session *session, int64_t now_ms, struct fl_mcp_client_call *call,
                          const struct fl_value *result, struct fl_mcp_client_effects *effects) {
  const char *problem = call->tool != NULL ? content_problem(result) : NULL;
  struct fl_value *whole = fl_value_ref((struct fl_value *)(uintptr_t)result);
  if (problem != NULL) fl_mcp_client_call_fail(session, call, FL_E_PROTOCOL, effects, "%s", problem);
  else if (call->pages != NULL) take_page(session, call, result, effects);
  else {
    fl_mcp_client_cache_keep(session, now_ms, call, whole);
    fl_mcp_client_call_end_take(session, call, call->is_whole ? fl_value_ref(whole) : make_result(result), effects);
  }
  fl_value_unref(whole);
}

static void take_result(struct fl_mcp_client_session *session, int64_t now_ms, struct fl_mcp_client_call *call,
                        const struct fl_value *result, struct fl_mcp_client_effects *effects) {
  const char *type = fl_get_string(result, "resultType", "complete");
  if (!fl_is(result, FL_OBJECT))
    fl_mcp_client_call_fail(session, call, FL_E_PROTOCOL, effects, "the result is not an object");
  else if (strcmp(type, "input_required") == 0) take_questions(session, now_ms, call, result, effects);
  else if (strcmp(type, "task") == 0 && fl_mcp_client_has_extension(session, FL_MCP_TASKS))
    fl_mcp_client_task_begin(session, now_ms, call, result, effects);
  else if (strcmp(type, "complete") == 0) take_complete(session, now_ms, call, result, effects);
  else fl_mcp_client_call_fail(session, call, FL_E_PROTOCOL, effects, "the result is of an unknown type");
}

/* 2025-11-25: pages that a person must have visited; the call is made again afterwards. */
static bool wants_visits(struct fl_mcp_client_session *session, int64_t now_ms, struct fl_mcp_client_call *call,
                         const struct fl_value *error, struct fl_mcp_client_effects *effects) {
  const struct fl_value *visits = fl_get(fl_get(error, "data"), "elicitations");
  const struct fl_value *offered = fl_get(fl_get(session->config.capabilities, "elicitation"), "url");
  if (fl_get_int(error, "code", 0) != URL_ELICITATION_REQUIRED || offered == NULL || fl_size(visits) == 0) return false;
  if (fl_mcp_client_is_modern(session) || ++call->rounds > FL_MCP_ROUNDS_MAX) return false;
  FL_VALUE_AUTO requests = fl_object();
  for (size_t i = 0; i < fl_size(visits); i++) {
    FL_FREE_AUTO char *key = fl_format("%zu", i);
    struct fl_value *request = fl_object();
    fl_set_string(request, "method", "elicitation/create");
    fl_set_take(request, "params", fl_value_ref(fl_at(visits, i)));
    fl_set_take(requests, key, request);
  }
  fl_mcp_client_ask_all(session, now_ms, call, requests, effects);
  return true;
}

/* The server's idea of a tool's headers is newer than ours: the list is read again, for the next call. */
static void look_at_error(struct fl_mcp_client_session *session, int64_t now_ms, const struct fl_value *error,
                          struct fl_mcp_client_effects *effects) {
  bool is_mismatch = fl_get_int(error, "code", 0) == FL_RPC_HEADER_MISMATCH;
  if (is_mismatch && session->state == FL_MCP_UP) fl_mcp_client_list(session, now_ms, effects);
}

void fl_mcp_client_call_answer(struct fl_mcp_client_session *session, int64_t now_ms, struct fl_mcp_client_call *call,
                               const struct fl_rpc_message *message, struct fl_mcp_client_effects *effects) {
  fl_mcp_client_call_land(session, call);
  call->idle_deadline_ms = call->is_hidden ? INT64_MAX : now_ms + call->idle_timeout_ms;
  if (message->kind == FL_RPC_RESULT && call->task_id != NULL)
    fl_mcp_client_task_looked(session, now_ms, call, message->result, effects);
  else if (message->kind == FL_RPC_RESULT) take_result(session, now_ms, call, message->result, effects);
  else if (!wants_visits(session, now_ms, call, message->error, effects)) {
    fl_mcp_client_call_refused(session, call, message->error, effects);
    look_at_error(session, now_ms, message->error, effects);
  }
}
