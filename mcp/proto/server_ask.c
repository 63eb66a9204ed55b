/* SPDX-License-Identifier: MIT */
/* Questions of a handler to the client: elicitation, sampling, roots. One meaning in both eras: the call ends its turn
 * with what it asks and starts again with the answers. Modern: the questions are the reply, the client calls again.
 * Legacy: each is a request of ours on the call's channel, and the call waits. A task: they stand in the task. */
#include "mcp/proto/server_internal.h"
#include "runtime/base/check.h"
#include "runtime/base/mem.h"
#include "runtime/json/json.h"

#include <inttypes.h>
#include <stdio.h>

/* ---- what clients can do ---- */

struct fl_value *fl_mcp_missing_for(const struct fl_value *request, const struct fl_value *capabilities) {
  const char *method = fl_get_string(request, "method", "");
  const struct fl_value *params = fl_get(request, "params");
  const char *name, *part = NULL;
  if (strcmp(method, "elicitation/create") == 0) {
    name = "elicitation";
    bool by_url = strcmp(fl_get_string(params, "mode", "form"), "url") == 0;
    /* A bare {} means forms. */
    if (by_url) part = "url";
    else if (fl_size(fl_get(capabilities, name)) > 0 && fl_get(fl_get(capabilities, name), "url") != NULL)
      part = "form";
  } else if (strcmp(method, "sampling/createMessage") == 0) {
    name = "sampling";
    if (fl_get(params, "tools") != NULL) part = "tools";
  } else name = "roots";
  const struct fl_value *own = fl_get(capabilities, name);
  if (fl_is(own, FL_OBJECT) && (part == NULL || fl_is(fl_get(own, part), FL_OBJECT))) return NULL;
  struct fl_value *missing = fl_object(), *inner = fl_object();
  if (part != NULL) fl_set_take(inner, part, fl_object());
  fl_set_take(missing, name, inner);
  return missing;
}

static bool is_one_of(const char *text, const char *const *words) {
  for (; *words != NULL; words++)
    if (text != NULL && strcmp(text, *words) == 0) return true;
  return false;
}

bool fl_mcp_is_answer_for(const struct fl_value *request, const struct fl_value *answer) {
  static const char *const actions[] = {"accept", "decline", "cancel", NULL};
  const char *method = fl_get_string(request, "method", "");
  if (!fl_is(answer, FL_OBJECT)) return false;
  if (strcmp(method, "elicitation/create") == 0) {
    const struct fl_value *content = fl_get(answer, "content");
    return is_one_of(fl_get_string(answer, "action", NULL), actions) && (content == NULL || fl_is(content, FL_OBJECT));
  }
  if (strcmp(method, "sampling/createMessage") == 0)
    return fl_get_string(answer, "role", NULL) != NULL && fl_get(answer, "content") != NULL;
  return fl_is(fl_get(answer, "roots"), FL_ARRAY);
}

/* ---- legacy ---- */

void fl_mcp_drop_questions(struct fl_mcp_served_call *call) {
  if (call->questions == NULL) return;
  struct fl_mcp_server_session *session = call->session;
  size_t cursor = 0;
  for (struct fl_map_entry *at; (at = fl_map_next(&session->asked, &cursor)) != NULL;) {
    struct fl_mcp_question *question = at->value;
    if (question->call != call) continue;
    fl_map_remove_n(&session->asked, fl_slice_n(at->key, at->key_size));
    fl_free(question->key);
    fl_free(question);
  }
  fl_value_unref(call->questions);
  call->questions = NULL;
}

static void ask_client(struct fl_mcp_served_call *call, const char *key, const struct fl_value *request,
                       struct fl_mcp_server_effects *effects) {
  struct fl_mcp_server_session *session = call->session;
  int64_t id = ++session->next_request_id;
  struct fl_rpc_line line = fl_rpc_begin_request(&effects->out, id, fl_get_string(request, "method", ""));
  FL_VALUE_AUTO none = fl_object();
  const struct fl_value *params = fl_get(request, "params");
  if (fl_json_write(line.buf, params != NULL ? params : none, FL_JSON_COMPACT) < 0) line.buf->failed = true;
  if (fl_rpc_end(line) < 0) return;
  fl_mcp_send(effects, session, call->channel, line.start);
  struct fl_mcp_question *question = fl_new(struct fl_mcp_question);
  *question = (struct fl_mcp_question){.call = call, .key = fl_strdup(key)};
  char text[24];
  snprintf(text, sizeof text, "i%" PRId64, id);
  fl_map_set(&session->asked, text, question);
}

static void ask_all(struct fl_mcp_served_call *call, const struct fl_value *requests,
                    struct fl_mcp_server_effects *effects) {
  call->questions = fl_copy_shallow(requests);
  struct fl_member member = {0};
  while (fl_next_member(requests, &member)) ask_client(call, member.key, member.value, effects);
}

/* An error is an answer too: the handler sees that there is none. */
static struct fl_value *answer_of(const struct fl_rpc_message *message, const struct fl_value *request) {
  if (message->kind == FL_RPC_RESULT && fl_mcp_is_answer_for(request, message->result))
    return fl_value_ref(message->result);
  struct fl_value *answer = fl_object();
  fl_set_take(
      answer, "error",
      message->kind == FL_RPC_ERROR ? fl_value_ref(message->error) : fl_string("the answer does not fit the question"));
  return answer;
}

void fl_mcp_take_answer(struct fl_mcp_step *step) {
  struct fl_mcp_server_session *session = step->session;
  if (step->message->id == NULL) return;
  fl_rpc_id_key(step->message->id, &session->key);
  struct fl_mcp_question *question = fl_map_remove_n(&session->asked, fl_buf_slice(&session->key));
  if (question == NULL) return; /* we asked nothing, or have the answer */
  struct fl_mcp_served_call *call = question->call;
  FL_VALUE_AUTO answer = answer_of(step->message, fl_get(call->questions, question->key));
  fl_mcp_add_answer(call, question->key, answer);
  fl_unset(call->questions, question->key);
  fl_free(question->key);
  fl_free(question);
  if (fl_size(call->questions) > 0) return;
  fl_mcp_drop_questions(call);
  fl_mcp_start_call(call, step->effects);
}

/* ---- modern ---- */

static void reply_questions(struct fl_mcp_served_call *call, const struct fl_value *requests,
                            const struct fl_value *state, struct fl_mcp_server_effects *effects) {
  struct fl_rpc_message message = {.id = call->id};
  struct fl_mcp_step step = fl_mcp_step_of_call(call, &message, effects);
  FL_BUF_AUTO sealed = {0};
  if (fl_mcp_state_seal(call, requests, state, &sealed) < 0) {
    fl_mcp_reply_error(&step, FL_RPC_INTERNAL_ERROR, "what is to be kept for the call is too large");
    return;
  }
  struct fl_rpc_line line = fl_rpc_begin_result(&effects->out, call->id);
  fl_buf_add_text(line.buf, "{\"resultType\":\"input_required\"");
  if (fl_size(requests) > 0) {
    fl_buf_add_text(line.buf, ",\"inputRequests\":");
    if (fl_json_write(line.buf, requests, FL_JSON_COMPACT) < 0) line.buf->failed = true;
  }
  fl_buf_addf(line.buf, ",\"requestState\":\"%s\"", sealed.data);
  fl_mcp_end_result(line.buf, &call->session->core->catalog, true, NULL);
  fl_mcp_end_reply(&step, line, "what is asked");
}

/* The call's end, for a client that lacks what it takes. Takes `missing`. */
static void refuse_take(struct fl_mcp_served_call *call, struct fl_value *missing,
                        struct fl_mcp_server_effects *effects) {
  static const char text[] = "The client did not declare that it can answer what has to be asked";
  struct fl_rpc_message message = {.id = call->id};
  struct fl_mcp_step step = fl_mcp_step_of_call(call, &message, effects);
  if (call->is_task) fl_mcp_task_failed(call, FL_RPC_MISSING_CAPABILITY, text, effects);
  else if (!call->is_cancelled && call->revision->era == FL_MCP_MODERN) {
    fl_mcp_reply_missing_take(&step, text, missing);
    return;
  } else if (!call->is_cancelled) fl_mcp_reply_error_data(&step, FL_RPC_INVALID_REQUEST, text, NULL);
  fl_value_unref(missing);
}

void fl_mcp_server_call_lacks(struct fl_mcp_server_session *session, struct fl_mcp_served_call *call,
                              const struct fl_value *missing, struct fl_mcp_server_effects *effects) {
  fl_check(call->is_running);
  call->is_running = false;
  refuse_take(call, fl_copy_shallow(missing), effects);
  fl_mcp_served_call_destroy(call);
}

static bool refuse_what_is_missing(struct fl_mcp_served_call *call, const struct fl_value *requests,
                                   struct fl_mcp_server_effects *effects) {
  struct fl_member member = {0};
  while (fl_next_member(requests, &member)) {
    struct fl_value *missing = fl_mcp_missing_for(member.value, call->client_capabilities);
    if (missing == NULL) continue;
    refuse_take(call, missing, effects);
    return true;
  }
  return false;
}

void fl_mcp_server_call_asks(struct fl_mcp_server_session *session, struct fl_mcp_served_call *call,
                             const struct fl_value *requests, struct fl_value *state,
                             struct fl_mcp_server_effects *effects) {
  fl_check(call->is_running);
  call->is_running = false;
  bool is_over = call->is_cancelled || refuse_what_is_missing(call, requests, effects);
  if (!is_over && call->is_task) {
    fl_mcp_task_asks(call, requests, state, effects);
    return;
  }
  if (!is_over && call->revision->era == FL_MCP_LEGACY && fl_size(requests) > 0) {
    fl_value_ref(state);
    fl_value_unref(call->state);
    call->state = state;
    ask_all(call, requests, effects);
    return;
  }
  if (!is_over) reply_questions(call, requests, state, effects);
  fl_mcp_served_call_destroy(call);
}
