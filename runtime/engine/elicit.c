/* SPDX-License-Identifier: MIT */
#include "runtime/engine/elicit.h"

#include "runtime/base/mem.h"
#include "runtime/engine/question.h"
#include "runtime/json/json.h"

/* The rows: {"fairlead/pause": PAUSE}, {"fairlead/claims": index of an answer, "key": of the question}, and
 * {"fairlead/forgotten": true}, when the server no longer knew what it had asked. */
static const char PAUSE[] = "fairlead/pause", CLAIMS[] = "fairlead/claims", FORGOTTEN[] = "fairlead/forgotten";

bool fl_elicit_is_step(const struct fl_loaded_call *found) {
  if (!found->has_result || found->is_error) return false;
  return fl_get(found->result, PAUSE) != NULL || fl_get(found->result, CLAIMS) != NULL ||
         fl_get(found->result, FORGOTTEN) != NULL;
}

/* ---- the call's own ---- */

static void drop_pause(struct fl_task_call *call) {
  fl_value_unref(call->pause);
  fl_value_unref(call->answers);
  fl_free(call->problem);
  call->pause = call->answers = NULL;
  call->problem = NULL;
  call->claim = 0;
}

void fl_elicit_start_over(struct fl_task_call *call) {
  drop_pause(call);
  call->has_new_answer = false;
  if (call->kept == NULL) return;
  fl_value_unref(call->known);
  call->known = call->kept;
  call->kept = NULL;
}

void fl_elicit_forget(struct fl_task_call *call) {
  drop_pause(call);
  fl_value_unref(call->known);
  fl_value_unref(call->kept);
  call->known = call->kept = NULL;
}

/* The question that is open: the first that has no answer. NULL: none. */
static const struct fl_value *open_question(const struct fl_task_call *call, const char **ret_key) {
  const struct fl_value *questions = fl_get(call->pause, "questions");
  struct fl_member member = {0};
  while (fl_is(questions, FL_OBJECT) && fl_next_member(questions, &member)) {
    if (fl_get_n(call->answers, member.key, member.key_size) != NULL) continue;
    *ret_key = member.key;
    return member.value;
  }
  return NULL;
}

static bool has_open(const struct fl_task_call *call) {
  const char *key = NULL;
  return open_question(call, &key) != NULL;
}

static bool wait_for_answer(struct fl_task_call *call) {
  call->is_unknown = true; /* waits with those whose outcome nobody knows */
  fl_invocation_wake(call->task->invocation);
  return true;
}

bool fl_elicit_waits(struct fl_task_call *call) {
  return call->pause != NULL && has_open(call) && wait_for_answer(call);
}

static bool has_kind(const struct fl_task_call *call, const char *kind) {
  return call->pause != NULL && strcmp(fl_get_string(call->pause, "kind", ""), kind) == 0;
}

bool fl_elicit_is_lost(const struct fl_task_call *call) {
  return has_kind(call, "held") &&
         !fl_registry_holds(call->task->invocation->runtime->registry, call->name, call->pause);
}

bool fl_elicit_is_repeatable(const struct fl_task_call *call) { return has_kind(call, "task"); }

/* ---- walking the journal ---- */

static void keep(struct fl_task_call *call, const struct fl_value *question, struct fl_value *answer) {
  struct fl_value *one = fl_object();
  fl_set_take(one, "question", fl_value_ref((struct fl_value *)(uintptr_t)question));
  fl_set_take(one, "answer", fl_value_ref(answer));
  if (call->kept == NULL) call->kept = fl_array();
  fl_append_take(call->kept, one);
}

/* What was answered before the call began again is not asked again, each of them once. Where the source holds the call
 * it has done so itself. */
static void use_known(struct fl_task_call *call) {
  struct fl_member member = {0};
  const struct fl_value *questions = fl_get(call->pause, "questions");
  if (has_kind(call, "held") || !fl_is(questions, FL_OBJECT)) return;
  while (call->known != NULL && fl_next_member(questions, &member)) {
    FL_VALUE_AUTO answer = fl_tool_known_answer(&call->known, member.value);
    if (answer == NULL) continue;
    keep(call, member.value, answer);
    fl_set_take_n(call->answers, member.key, member.key_size, fl_value_ref(answer));
  }
}

static void take_pause(struct fl_task_call *call, const struct fl_value *pause) {
  struct fl_value *taken = fl_value_ref((struct fl_value *)(uintptr_t)pause);
  drop_pause(call);
  call->pause = taken;
  call->answers = fl_object();
  use_known(call);
  fl_call_next_place(call);
}

/* An answer that does not fit is used up; the question stays open. */
static void take_answer(struct fl_task_call *call, const struct fl_value *answer) {
  const char *key = NULL;
  const struct fl_value *question = open_question(call, &key);
  struct fl_value *result = NULL;
  struct fl_error why = {0};
  fl_free(call->problem);
  call->problem = NULL;
  if (question == NULL) return;
  if (fl_question_read(question, answer, &result, &why) < 0) {
    call->problem = fl_strdup(why.text);
    return;
  }
  keep(call, question, result);
  call->has_new_answer = true;
  fl_set_take(call->answers, key, result);
}

bool fl_elicit_take(struct fl_task_call *call, const struct fl_loaded_call *found) {
  const struct fl_value *pause = fl_get(found->result, PAUSE);
  if (pause != NULL) {
    take_pause(call, pause);
    return true;
  }
  if (fl_get(found->result, FORGOTTEN) != NULL) {
    fl_elicit_start_over(call);
    fl_call_next_place(call);
    return true;
  }
  size_t index = (size_t)fl_get_int(found->result, CLAIMS, 0);
  if (index >= fl_size(call->task->start.answers)) {
    call->claim = index + 1;
    return !wait_for_answer(call);
  }
  take_answer(call, fl_at(call->task->start.answers, index));
  fl_call_next_place(call);
  return true;
}

/* ---- pausing ---- */

/* Also for another attempt of the task in this life, which finds what the journal did not have when it was loaded. */
static void add_step_take(struct fl_task_call *call, struct fl_value *step) {
  FL_VALUE_AUTO row = step;
  fl_call_record_step(call, row);
  fl_task_past_add(call, row);
}

void fl_elicit_pause(struct fl_task_call *call, const struct fl_value *pause) {
  struct fl_value *step = fl_object();
  fl_set_take(step, PAUSE, fl_value_ref((struct fl_value *)(uintptr_t)pause));
  call->is_running = false;
  fl_task_heartbeat(call->task);
  add_step_take(call, step);
  take_pause(call, pause);
  if (!fl_elicit_waits(call)) fl_call_go(call); /* a task, of which there is nothing to ask yet */
}

/* The server has said that it has done nothing, so the call may be made from its beginning, whatever its kind; but each
 * time with an answer that is new, or it would go on for ever. */
bool fl_elicit_begin_again(struct fl_task_call *call) {
  if (!call->has_new_answer) return false;
  struct fl_value *step = fl_object();
  fl_set_bool(step, FORGOTTEN, true);
  call->is_running = false;
  add_step_take(call, step);
  fl_elicit_start_over(call);
  fl_call_next_place(call);
  fl_call_go(call);
  return true;
}

void fl_elicit_fill(struct fl_task_call *call, struct fl_tool_request *request) {
  if (call->effect != FL_EFFECT_ONCE && fl_elicit_is_lost(call)) fl_elicit_start_over(call);
  request->pause = call->pause;
  request->answers = call->answers;
  request->known = call->pause == NULL ? call->known : NULL;
}

/* ---- asking ---- */

static struct fl_task_call *next_to_ask(const struct fl_task *task, bool is_claimed) {
  struct fl_task_call *call = task->calls;
  while (call != NULL &&
         (!call->is_unknown || call->is_delivered || !has_open(call) || (is_claimed && call->claim == 0)))
    call = call->next;
  return call;
}

static void claim(struct fl_task_call *call, const char *key) {
  struct fl_value *step = fl_object();
  fl_set_int(step, CLAIMS, (int64_t)fl_size(call->task->start.answers));
  fl_set_string(step, "key", key);
  add_step_take(call, step);
}

void fl_elicit_ask(struct fl_task *task) {
  struct fl_task_call *call = next_to_ask(task, true);
  if (call == NULL && task->question == NULL) call = next_to_ask(task, false);
  if (call == NULL) return;
  const char *key = NULL;
  const struct fl_value *question = open_question(call, &key);
  const struct fl_question_place place = {
      .tool = call->name, .args = call->args, .call_id = call->call_id, .problem = call->problem};
  fl_value_unref(task->question);
  task->question = fl_question_shown(question, &place);
  if (call->claim == 0) claim(call, key);
}

size_t fl_elicit_unclaimed(const struct fl_task *task, size_t count) {
  const struct fl_loaded *loaded = fl_task_journal(task);
  size_t size = fl_size(task->start.answers);
  bool *are_claimed = fl_new_array(bool, size + 1);
  for (size_t i = 0; loaded != NULL && i < loaded->call_count; i++) {
    const struct fl_loaded_call *found = &loaded->calls[i];
    if (!found->has_result || found->is_error || strcmp(found->task_id, task->start.id) != 0) continue;
    int64_t index = fl_get_int(found->result, CLAIMS, -1);
    if (index >= 0 && (size_t)index < size) are_claimed[index] = true;
  }
  size_t place = 0;
  for (; place < size; place++)
    if (!are_claimed[place] && count-- == 0) break;
  fl_free(are_claimed);
  return place; /* beyond the last: it is not there yet */
}
