/* SPDX-License-Identifier: MIT */
/* The other ends that a handler's turn may have: it asks the client, or fails as the protocol knows failures; and what
 * it says of the way that its answer goes. From any thread, as in call_api.c. */
#include "mcp/proto/ask.h"
#include "runtime/base/buf.h"
#include "runtime/base/mem.h"
#include "tools/call_impl.h"

static const char *const METHODS[] = {[FL_ASK_ELICITATION] = "elicitation/create",
                                      [FL_ASK_SAMPLING] = "sampling/createMessage",
                                      [FL_ASK_ROOTS] = "roots/list"};

/* ---- questions ---- */

int fl_call_ask_take(struct fl_call *call, const char *key, enum fl_ask_kind kind, struct fl_value *params,
                     const struct fl_value **ret_answer) {
  const struct fl_value *answer = fl_get(call->options.answers, key);
  FL_VALUE_AUTO request = fl_object();
  fl_set_string(request, "method", METHODS[kind]);
  if (params != NULL) fl_set_take(request, "params", params);
  if (answer != NULL && fl_get(answer, "error") != NULL) return FL_E_REMOTE;
  if (answer != NULL && fl_mcp_is_answer_for(request, answer)) {
    *ret_answer = answer;
    return 0;
  }
  struct fl_value *missing = fl_mcp_missing_for(request, call->options.client_capabilities);
  if (missing != NULL) {
    fl_value_unref(call->missing);
    call->missing = missing;
    return FL_E_UNSUPPORTED;
  }
  if (call->asks == NULL) call->asks = fl_object();
  fl_set_take(call->asks, key, fl_value_ref(request));
  return FL_CALL_ASKING;
}

/* A form of one member. Takes the member's schema. */
static int ask_form(struct fl_call *call, const char *key, const char *question, struct fl_value *member,
                    const struct fl_value **ret_answer) {
  struct fl_value *params = fl_object(), *schema = fl_object(), *properties = fl_object(), *required = fl_array();
  fl_set_take(properties, "answer", member);
  fl_append_take(required, fl_string("answer"));
  fl_set_string(schema, "type", "object");
  fl_set_take(schema, "properties", properties);
  fl_set_take(schema, "required", required);
  fl_set_string(params, "message", question);
  fl_set_take(params, "requestedSchema", schema);
  return fl_call_ask_take(call, key, FL_ASK_ELICITATION, params, ret_answer);
}

static const struct fl_value *content_of(const struct fl_value *answer) {
  return strcmp(fl_get_string(answer, "action", ""), "accept") == 0 ? fl_get(fl_get(answer, "content"), "answer")
                                                                    : NULL;
}

int fl_call_ask_text(struct fl_call *call, const char *key, const char *question, const char **ret_text) {
  struct fl_value *member = fl_object();
  const struct fl_value *answer = NULL;
  fl_set_string(member, "type", "string");
  int status = ask_form(call, key, question, member, &answer);
  if (status == 0) *ret_text = fl_as_string(content_of(answer));
  return status;
}

int fl_call_ask_yes(struct fl_call *call, const char *key, const char *question, bool *ret_yes) {
  struct fl_value *member = fl_object();
  const struct fl_value *answer = NULL;
  fl_set_string(member, "type", "boolean");
  int status = ask_form(call, key, question, member, &answer);
  if (status == 0) *ret_yes = fl_as_bool(content_of(answer), false);
  return status;
}

const struct fl_value *fl_call_state(const struct fl_call *call) {
  return call->state != NULL ? call->state : call->options.state;
}

void fl_call_set_state_take(struct fl_call *call, struct fl_value *state) {
  fl_value_unref(call->state);
  call->state = state;
}

/* ---- failing ---- */

int fl_call_fail(struct fl_call *call, int code, const char *format, ...) {
  FL_BUF_AUTO text = {.limit = FL_CALL_LOG_TEXT_MAX};
  va_list args;
  va_start(args, format);
  if (fl_buf_vaddf(&text, format, args) < 0) fl_buf_add_text(&text, "(a message that is too long)");
  va_end(args);
  fl_value_unref(call->failure);
  call->failure = fl_object();
  fl_set_int(call->failure, "code", code);
  fl_set_string(call->failure, "message", text.data != NULL ? text.data : "");
  return 0;
}

/* ---- the end ---- */

bool fl_call_has_other_end(struct fl_call *call, int returned) {
  if (call->failure != NULL) return true;
  if (call->result != NULL) return false;
  if (returned == FL_CALL_ASKING) return call->asks != NULL || call->state != NULL;
  if (call->asks != NULL && returned == 0) return true; /* a pending call that was completed with its questions open */
  if (returned != FL_E_UNSUPPORTED || call->missing == NULL || !call->options.knows_failures) return false;
  fl_call_fail(call, FL_CALL_MISSING_CAPABILITY, "The client did not declare that it can answer what has to be asked");
  fl_set_take(call->failure, "missing", fl_value_ref(call->missing));
  return true;
}

int fl_call_outcome(const struct fl_call *call, struct fl_value **ret_result) {
  if (call->failure != NULL) {
    *ret_result = fl_value_ref(call->failure);
    return FL_CALL_FAILED;
  }
  struct fl_value *result = fl_value_ref(call->result);
  *ret_result = call->options.takes_plain ? result : fl_call_whole_result_take(result);
  if (result != NULL) return 0;
  *ret_result = fl_object();
  fl_set_take(*ret_result, "requests", call->asks != NULL ? fl_value_ref(call->asks) : fl_object());
  struct fl_value *state = call->state != NULL ? call->state : call->options.state;
  if (state != NULL) fl_set_take(*ret_result, "state", fl_value_ref(state));
  return FL_CALL_ASKING;
}

/* ---- meanwhile ---- */

void fl_call_become_task(struct fl_call *call) {
  if (call->options.on_task == NULL || atomic_exchange(&call->is_task_wanted, true)) return;
  fl_call_send(call, &call->task_node);
}

void fl_call_close_stream(struct fl_call *call) {
  if (call->options.on_close_stream == NULL || atomic_exchange(&call->is_stream_closed, true)) return;
  fl_call_send(call, &call->stream_node);
}

const char *fl_call_task_id(const struct fl_call *call) { return call->task_id; }
const char *fl_call_principal(const struct fl_call *call) { return call->principal; }
