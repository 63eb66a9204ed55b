/* SPDX-License-Identifier: MIT */
/* A call that left, and of which nobody knows more: a person is asked, and decides. */
#include "runtime/base/mem.h"
#include "runtime/engine/elicit.h"

/* `misread`: an answer that says none of what can be done; NULL: there was none yet. */
static struct fl_value *unknown_outcome_question(const struct fl_task_call *call, struct fl_value *misread) {
  struct fl_value *question = fl_object();
  fl_set_string(question, "kind", "outcome_unknown");
  fl_set_string(question, "tool", call->name);
  fl_set_take(question, "args", fl_value_ref(call->args));
  fl_set_string(question, "call_id", call->call_id);
  fl_set_string(question, "message",
                "The call had left when the run was stopped, so it may or may not have happened. Answer {\"action\": "
                "\"retry\"} to call again, {\"action\": \"result\", \"text\": …} to tell what it answered, or "
                "{\"action\": \"fail\"}.");
  if (misread != NULL) fl_set_take(question, "not_understood", fl_value_ref(misread));
  return question;
}

/* The answer tells what the call came to. */
static void answer_with_result(struct fl_task_call *call, const char *text, bool is_error) {
  FL_VALUE_AUTO result = fl_object();
  struct fl_value *block = fl_object();
  fl_set_string(block, "type", "text");
  fl_set_string(block, "text", text);
  struct fl_value *content = fl_array();
  fl_append_take(content, block);
  fl_set_take(result, "content", content);
  fl_set_bool(result, "isError", is_error);
  call->is_answered = true;
  fl_call_ended(call, result, NULL);
}

enum verdict { ASKS_AGAIN, CALLS_AGAIN, TAKES_RESULT, FAILS };

/* An answer that is none of the three decides nothing: what a slip of the hand would do cannot be undone. */
static enum verdict read_verdict(const struct fl_value *answer) {
  const char *action = fl_type_of(answer) == FL_STRING ? fl_as_string(answer) : fl_get_string(answer, "action", "");
  if (strcmp(action, "retry") == 0) return CALLS_AGAIN;
  if (strcmp(action, "fail") == 0) return FAILS;
  bool is_result = strcmp(action, "result") == 0 && fl_get_string(answer, "text", NULL) != NULL;
  return is_result ? TAKES_RESULT : ASKS_AGAIN;
}

/* A call left and nobody knows more. Each attempt takes one answer of the task that says something, also when the task
 * runs again. Returns whether there is another attempt to look at. */
bool fl_call_ask_about_unknown(struct fl_task_call *call) {
  struct fl_value *answer = NULL;
  enum verdict verdict = ASKS_AGAIN;
  while (verdict == ASKS_AGAIN) {
    FL_VALUE_AUTO question = unknown_outcome_question(call, answer);
    if (fl_task_interrupt(call->task, question, &answer) != 0) {
      call->is_unknown = true;
      return false;
    }
    verdict = read_verdict(answer);
  }
  if (verdict == CALLS_AGAIN) {
    if (fl_elicit_is_lost(call)) fl_elicit_start_over(call);
    fl_call_made_anew(call);
    return true;
  }
  bool is_error = verdict == FAILS;
  const char *unknown = is_error ? "The call failed: its outcome is unknown." : "";
  answer_with_result(call, fl_get_string(answer, "text", unknown), is_error);
  return false;
}
