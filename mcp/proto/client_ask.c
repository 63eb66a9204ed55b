/* SPDX-License-Identifier: MIT */
/* The server's questions: a form or a page for a person (elicitation), a model's text (sampling), folders (roots). A
 * legacy server sends them as requests; a modern one answers a call with them, and the call is made again with the
 * answers. Whoever answers sees no difference. */
#include "mcp/proto/client_internal.h"
#include "runtime/base/mem.h"
#include "runtime/json/json.h"

static const struct kind {
  const char *method, *capability;
} KINDS[] = {{"elicitation/create", "elicitation"}, {"sampling/createMessage", "sampling"}, {"roots/list", "roots"}};

/* Whether we have said that it may be asked. A page to visit is a capability of its own; a form need not be. */
static bool may_ask(const struct fl_mcp_client_session *session, const char *method, const struct fl_value *params) {
  for (size_t i = 0; i < sizeof KINDS / sizeof KINDS[0]; i++) {
    if (strcmp(KINDS[i].method, method) != 0) continue;
    const struct fl_value *offered = fl_get(session->config.capabilities, KINDS[i].capability);
    bool is_visit = i == 0 && strcmp(fl_get_string(params, "mode", "form"), "url") == 0;
    return offered != NULL && (!is_visit || fl_get(offered, "url") != NULL);
  }
  return false;
}

static struct fl_mcp_client_ask *add_ask(struct fl_mcp_client_session *session, const char *method,
                                         const struct fl_value *params, struct fl_mcp_client_call *call,
                                         struct fl_mcp_client_effects *effects) {
  struct fl_mcp_client_ask *ask = fl_new(struct fl_mcp_client_ask);
  ask->id = session->next_ask_id++;
  ask->call = call;
  ask->next = session->asks;
  session->asks = ask;
  session->ask_count++;
  struct fl_mcp_client_report *report = fl_mcp_client_report(effects, FL_MCP_CLIENT_ASK);
  report->ask_id = ask->id;
  report->text = fl_strdup(method);
  report->params = params != NULL ? fl_value_ref((struct fl_value *)(uintptr_t)params) : fl_object();
  report->call_user = call != NULL ? call->user : NULL;
  return ask;
}

static void free_ask(struct fl_mcp_client_session *session, struct fl_mcp_client_ask *ask) {
  struct fl_mcp_client_ask **link = &session->asks;
  while (*link != ask) link = &(*link)->next;
  *link = ask->next;
  session->ask_count--;
  fl_free(ask->key);
  fl_value_unref(ask->rpc_id);
  fl_free(ask);
}

void fl_mcp_client_asks_gone(struct fl_mcp_client_session *session, const struct fl_mcp_client_call *call,
                             struct fl_mcp_client_effects *effects) {
  if (call != NULL && call->ask_count == 0) return;
  for (struct fl_mcp_client_ask *ask = session->asks, *next; ask != NULL; ask = next) {
    next = ask->next;
    if (ask->call != call) continue;
    struct fl_mcp_client_report *report = fl_mcp_client_report(effects, FL_MCP_CLIENT_ASK_GONE);
    report->ask_id = ask->id;
    report->call_user = call != NULL ? call->user : ask->holder != NULL ? ask->holder->user : NULL;
    if (ask->holder != NULL) ask->holder->held_count--;
    free_ask(session, ask);
  }
}

void fl_mcp_client_asks_destroy(struct fl_mcp_client_session *session) {
  while (session->asks != NULL) free_ask(session, session->asks);
}

/* ---- requests of a legacy server ---- */

/* The call that a request is about: over HTTP the one on whose stream it came; otherwise the only one that is out, for
 * nothing in the request says more. NULL: not known. */
static struct fl_mcp_client_call *holder_of(const struct fl_mcp_client_session *session, int64_t origin) {
  struct fl_mcp_client_call *found = fl_mcp_client_call_find_n(session, origin);
  for (struct fl_mcp_client_call *call = session->first; origin == 0 && call != NULL; call = call->next) {
    if (call->state != FL_MCP_CALL_FLIES || call->is_hidden) continue;
    if (found != NULL) return NULL;
    found = call;
  }
  return found != NULL && !found->is_hidden ? found : NULL;
}

static void hold(struct fl_mcp_client_ask *ask, int64_t now_ms, struct fl_mcp_client_call *call,
                 struct fl_mcp_client_effects *effects) {
  if (call == NULL) return;
  ask->holder = call;
  if (call->held_count++ == 0) call->asked_ms = now_ms;
  effects->reports[effects->count - 1].call_user = call->user;
}

/* The time that the answer took is not the server's. */
static void let_go(struct fl_mcp_client_session *session, struct fl_mcp_client_ask *ask, int64_t now_ms) {
  struct fl_mcp_client_call *call = ask->holder;
  if (call == NULL || --call->held_count > 0) return;
  call->total_deadline_ms += now_ms - call->asked_ms;
  call->idle_deadline_ms = now_ms + call->idle_timeout_ms;
  fl_mcp_client_call_note_deadline(session, call);
}

void fl_mcp_client_asks_lose_call(struct fl_mcp_client_session *session, const struct fl_mcp_client_call *call) {
  for (struct fl_mcp_client_ask *ask = session->asks; ask != NULL; ask = ask->next)
    if (ask->holder == call) ask->holder = NULL;
}

static void send_response(struct fl_mcp_client_session *session, const struct fl_value *id,
                          const struct fl_value *result, struct fl_mcp_client_effects *effects) {
  struct fl_rpc_line line = fl_rpc_begin_result(&effects->out, id);
  if (fl_json_write(line.buf, result, FL_JSON_COMPACT) < 0) line.buf->failed = true;
  fl_mcp_client_send(session, effects, line, &(struct fl_mcp_outgoing){.kind = FL_MCP_SEND_RESPONSE});
}

static void send_error(struct fl_mcp_client_session *session, const struct fl_value *id, int code, const char *text,
                       struct fl_mcp_client_effects *effects) {
  struct fl_rpc_line line = {&effects->out, effects->out.size};
  struct fl_rpc_fault fault = {.id = id, .code = code, .message = text};
  if (fl_rpc_write_error(&effects->out, &fault) < 0) return;
  effects->out.size -= 2; /* "}\n", which the sending puts back */
  fl_mcp_client_send(session, effects, line, &(struct fl_mcp_outgoing){.kind = FL_MCP_SEND_RESPONSE});
}

void fl_mcp_client_take_request(struct fl_mcp_client_session *session, int64_t now_ms, int64_t origin,
                                const struct fl_rpc_message *message, struct fl_mcp_client_effects *effects) {
  if (fl_mcp_client_is_modern(session)) {
    fl_mcp_client_logf(effects, "warning", "a request of the server was skipped: %.100s", message->method);
    return;
  }
  if (strcmp(message->method, "ping") == 0) {
    FL_VALUE_AUTO nothing = fl_object();
    send_response(session, message->id, nothing, effects);
  } else if (!may_ask(session, message->method, message->params)) {
    send_error(session, message->id, FL_RPC_METHOD_NOT_FOUND, "Method not found: this client does not offer it",
               effects);
  } else if (session->ask_count >= FL_MCP_ASKS_MAX) {
    send_error(session, message->id, FL_RPC_INTERNAL_ERROR, "Too many questions are open", effects);
  } else {
    struct fl_mcp_client_ask *ask = add_ask(session, message->method, message->params, NULL, effects);
    ask->rpc_id = fl_value_ref((struct fl_value *)(uintptr_t)message->id);
    hold(ask, now_ms, holder_of(session, origin), effects);
  }
}

void fl_mcp_client_asks_withdrawn(struct fl_mcp_client_session *session, int64_t now_ms, const struct fl_value *rpc_id,
                                  struct fl_mcp_client_effects *effects) {
  for (struct fl_mcp_client_ask *ask = session->asks, *next; ask != NULL; ask = next) {
    next = ask->next;
    if (ask->rpc_id == NULL || !fl_equal(ask->rpc_id, rpc_id)) continue;
    struct fl_mcp_client_report *report = fl_mcp_client_report(effects, FL_MCP_CLIENT_ASK_GONE);
    report->ask_id = ask->id;
    report->call_user = ask->holder != NULL ? ask->holder->user : NULL;
    let_go(session, ask, now_ms);
    free_ask(session, ask);
  }
}

/* ---- questions of a call ---- */

bool fl_mcp_client_may_ask_all(struct fl_mcp_client_session *session, struct fl_mcp_client_call *call,
                               const struct fl_value *requests, struct fl_mcp_client_effects *effects) {
  struct fl_member member = {0};
  while (fl_next_member(requests, &member)) {
    const char *method = fl_get_string(member.value, "method", "");
    if (may_ask(session, method, fl_get(member.value, "params"))) continue;
    fl_mcp_client_call_fail(session, call, FL_E_PROTOCOL, effects,
                            "the server asks for input (%.50s), which this client did not offer", method);
    return false;
  }
  if (session->ask_count + fl_size(requests) <= FL_MCP_ASKS_MAX) return true;
  fl_mcp_client_call_fail(session, call, FL_E_LIMIT, effects, "the server asks more than %d questions at once",
                          FL_MCP_ASKS_MAX);
  return false;
}

bool fl_mcp_client_ask_all(struct fl_mcp_client_session *session, int64_t now_ms, struct fl_mcp_client_call *call,
                           const struct fl_value *requests, struct fl_mcp_client_effects *effects) {
  if (!fl_mcp_client_may_ask_all(session, call, requests, effects)) return false;
  if (call->ends_at_questions) {
    fl_mcp_client_pause(session, call, requests, effects);
    return true;
  }
  call->state = FL_MCP_CALL_ASKS;
  call->asked_ms = now_ms;
  fl_value_unref(call->inputs);
  call->inputs = fl_object();
  struct fl_member member = {0};
  while (fl_next_member(requests, &member)) {
    const char *method = fl_get_string(member.value, "method", "");
    struct fl_mcp_client_ask *ask = add_ask(session, method, fl_get(member.value, "params"), call, effects);
    ask->key = fl_strdup(member.key);
    call->ask_count++;
  }
  return true;
}

/* The time that the answers took is not the server's. */
static void go_on(struct fl_mcp_client_session *session, int64_t now_ms, struct fl_mcp_client_call *call,
                  struct fl_mcp_client_effects *effects) {
  call->total_deadline_ms += now_ms - call->asked_ms;
  call->idle_deadline_ms = now_ms + call->idle_timeout_ms;
  call->state = FL_MCP_CALL_WAITS;
  if (!fl_mcp_client_is_modern(session)) { /* pages were visited: the call as it was */
    fl_value_unref(call->inputs);
    call->inputs = NULL;
  }
  fl_mcp_client_call_note_deadline(session, call);
  if (session->state == FL_MCP_UP) fl_mcp_client_call_send(session, call, effects);
}

static bool is_refusal(const struct fl_mcp_client_session *session, const struct fl_value *result) {
  if (result == NULL) return true; /* a legacy server cannot be told that a page was not visited */
  return !fl_mcp_client_is_modern(session) && strcmp(fl_get_string(result, "action", ""), "accept") != 0;
}

void fl_mcp_client_answer(struct fl_mcp_client_session *session, int64_t now_ms, int64_t ask_id,
                          const struct fl_value *result, struct fl_mcp_client_effects *effects) {
  struct fl_mcp_client_ask *ask = session->asks;
  while (ask != NULL && ask->id != ask_id) ask = ask->next;
  if (ask == NULL) return;
  struct fl_mcp_client_call *call = ask->call;
  FL_FREE_AUTO char *key = fl_strdup(ask->key);
  FL_VALUE_AUTO rpc_id = fl_value_ref(ask->rpc_id);
  if (call != NULL) call->ask_count--;
  else let_go(session, ask, now_ms);
  free_ask(session, ask);
  if (call == NULL && result != NULL) send_response(session, rpc_id, result, effects);
  else if (call == NULL) send_error(session, rpc_id, -1, "The question was refused", effects);
  else if (is_refusal(session, result))
    fl_mcp_client_call_fail(session, call, FL_E_CANCELLED, effects, "the server's question was refused");
  else {
    fl_set_take(call->inputs, key, fl_value_ref((struct fl_value *)(uintptr_t)result));
    if (call->ask_count == 0) go_on(session, now_ms, call, effects);
  }
}
