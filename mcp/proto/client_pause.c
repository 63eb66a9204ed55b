/* SPDX-License-Identifier: MIT */
/* Calls that end at a question and go on as another call, after an answer that may take days: what the protocol keeps
 * between the two (the server's state, the task's id) is all that is needed, so the second may be made by another
 * process. */
#include "mcp/proto/client_internal.h"
#include "runtime/base/mem.h"

static const char INPUT[] = "input_required", TASK[] = "task", VISIT[] = "visit";

static const char *kind_of(const struct fl_mcp_client_session *session, const struct fl_mcp_client_call *call) {
  if (call->task_id != NULL) return TASK;
  return fl_mcp_client_is_modern(session) ? INPUT : VISIT;
}

static struct fl_value *questions_of(const struct fl_value *requests) {
  struct fl_value *questions = fl_object();
  struct fl_member member = {0};
  while (requests != NULL && fl_next_member(requests, &member)) {
    struct fl_value *params = fl_get(member.value, "params");
    fl_set_take_n(questions, member.key, member.key_size, params != NULL ? fl_value_ref(params) : fl_object());
  }
  return questions;
}

void fl_mcp_client_pause(struct fl_mcp_client_session *session, struct fl_mcp_client_call *call,
                         const struct fl_value *requests, struct fl_mcp_client_effects *effects) {
  struct fl_value *pause = fl_object();
  fl_set_string(pause, "kind", kind_of(session, call));
  fl_set_take(pause, "questions", questions_of(requests));
  fl_set_int(pause, "rounds", call->rounds);
  if (call->task_id != NULL) {
    fl_set_string(pause, "task", call->task_id);
    fl_set_take(pause, "asked", fl_value_ref(call->asked_keys));
    fl_set_int(pause, "interval_ms", call->poll_interval_ms);
  } else if (call->request_state != NULL) {
    fl_set_take(pause, "state", fl_value_ref(call->request_state));
  }
  fl_mcp_client_call_pause_take(session, call, pause, effects);
}

/* A pause comes from a store and is looked at as what a server sends. */
void fl_mcp_client_unpause(struct fl_mcp_client_call *call, int64_t now_ms, const struct fl_value *pause,
                           const struct fl_value *answers) {
  const char *kind = fl_get_string(pause, "kind", ""), *task = fl_get_string(pause, "task", NULL);
  int64_t rounds = fl_get_int(pause, "rounds", 0), interval_ms = fl_get_int(pause, "interval_ms", 0);
  call->rounds = rounds >= 0 && rounds < FL_MCP_ROUNDS_MAX ? (unsigned)rounds : FL_MCP_ROUNDS_MAX;
  bool has_answers = fl_size(answers) > 0 && strcmp(kind, VISIT) != 0;
  if (has_answers) call->inputs = fl_value_ref((struct fl_value *)(uintptr_t)answers);
  if (strcmp(kind, INPUT) == 0) call->request_state = fl_value_ref(fl_get(pause, "state"));
  if (strcmp(kind, TASK) != 0 || task == NULL) return;
  const struct fl_value *asked = fl_get(pause, "asked");
  call->task_id = fl_strdup(task);
  call->asked_keys = fl_is(asked, FL_OBJECT) ? fl_copy_shallow(asked) : fl_object();
  if (has_answers || interval_ms <= 0 || interval_ms > UINT32_MAX) return;
  call->poll_interval_ms = (uint32_t)interval_ms;
  call->poll_ms = now_ms + interval_ms;
  call->idle_deadline_ms = call->poll_ms + call->idle_timeout_ms;
  call->state = FL_MCP_CALL_POLLS;
}
