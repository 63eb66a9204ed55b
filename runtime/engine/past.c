/* SPDX-License-Identifier: MIT */
/* What the calls of earlier attempts of a task came to: the next attempt finds the results of those that succeeded, and
 * makes those that failed anew, each at the next place of the journal. */
#include "runtime/engine/elicit.h"

#include "runtime/base/mem.h"
#include "runtime/json/json.h"

static bool was_answered(int code) {
  static const int codes[] = {FL_E_REMOTE, FL_E_RATE,      FL_E_AUTH,        FL_E_INVALID,
                              FL_E_DENIED, FL_E_NOT_FOUND, FL_E_UNSUPPORTED, FL_E_LIMIT};
  for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
    if (codes[i] == code) return true;
  return false;
}

static bool has_failed(const struct fl_loaded_call *found) {
  if (fl_get_bool(found->result, "fairlead/answered", false)) return false; /* a person has decided */
  return found->is_error || (found->kind == FL_CALL_TOOL && fl_get_bool(found->result, "isError", false));
}

/* A call that failed in an earlier attempt is made anew, at the next place of the journal; but not one that must not be
 * repeated and may have happened. */
bool fl_call_is_made_anew(struct fl_task_call *call, const struct fl_loaded_call *found) {
  struct fl_task *task = call->task;
  bool is_past = found >= task->past && found < task->past + task->past_count;
  if (!has_failed(found) || (!is_past && !task->start.was_failed)) return false;
  bool may_have_happened = found->is_error && fl_get_bool(found->result, "sent", true) &&
                           !was_answered((int)fl_get_int(found->result, "code", 0));
  if (call->effect != FL_EFFECT_ONCE || !may_have_happened) return true;
  task->is_stuck = true;
  return false;
}

bool fl_call_was_answered(const struct fl_loaded_call *found) {
  return !found->is_error || was_answered((int)fl_get_int(found->result, "code", 0));
}

/* ---- from one attempt to the next ---- */

static void add_past(struct fl_task *task, const struct fl_loaded_call *call) {
  task->past = fl_realloc(task->past, (task->past_count + 1) * sizeof *task->past);
  struct fl_loaded_call *past = &task->past[task->past_count++];
  *past = *call;
  past->name = fl_strdup(call->name);
  fl_value_ref(past->args);
  fl_value_ref(past->result);
}

static struct fl_value *past_result(const struct fl_task_call *call) {
  if (call->error == NULL && !call->is_answered && call->answers_used == 0) return fl_value_ref(call->result);
  struct fl_value *result = call->error == NULL ? fl_copy_shallow(call->result) : fl_object();
  if (call->answers_used > 0) fl_set_int(result, "fairlead/approved", call->answers_used);
  if (call->error == NULL) {
    if (call->is_answered) fl_set_bool(result, "fairlead/answered", true);
    return result;
  }
  fl_set_int(result, "code", call->error->code);
  fl_set_string(result, "text", call->error->text);
  fl_set_bool(result, "sent", call->is_sent);
  return result;
}

void fl_task_calls_take_past(struct fl_task *task, const struct fl_task *from) {
  for (size_t i = 0; i < from->past_count; i++) add_past(task, &from->past[i]);
  for (const struct fl_task_call *call = from->calls; call != NULL; call = call->next) {
    if (call->has_not_left || (call->result == NULL && call->error == NULL)) continue;
    FL_VALUE_AUTO result = past_result(call);
    struct fl_loaded_call past = {.index = fl_call_place(call),
                                  .kind = call->kind,
                                  .effect = call->effect,
                                  .name = call->name,
                                  .has_result = true,
                                  .is_error = call->error != NULL,
                                  .labels = call->labels,
                                  .args = call->args,
                                  .result = result};
    if (call->args != NULL) fl_json_hash(call->args, past.argument_hash);
    add_past(task, &past);
  }
}

void fl_task_past_add(struct fl_task_call *call, struct fl_value *step) {
  struct fl_loaded_call past = {.index = fl_call_place(call),
                                .kind = call->kind,
                                .effect = call->effect,
                                .name = call->name,
                                .has_result = true,
                                .args = call->args,
                                .result = step};
  if (call->args != NULL) fl_json_hash(call->args, past.argument_hash);
  add_past(call->task, &past);
}

void fl_task_past_free(struct fl_task *task) {
  for (size_t i = 0; i < task->past_count; i++) {
    fl_free(task->past[i].name);
    fl_value_unref(task->past[i].args);
    fl_value_unref(task->past[i].result);
  }
  fl_free(task->past);
}
