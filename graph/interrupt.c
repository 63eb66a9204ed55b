/* SPDX-License-Identifier: MIT */
/* Interrupts: a task that asks a person, and nodes that the graph stops before or after. An answer is stored before the
 * task that asked runs again, and each question is answered once. Pure. */
#include "graph/core.h"
#include "runtime/base/mem.h"

#include <stdio.h>

bool fl_task_is_pending(const struct fl_planned *task) {
  return task->status != FL_TASK_DONE && task->question != NULL && fl_size(task->answers) <= task->interrupt_index;
}

/* ---- asking ---- */

/* The same for the n-th question of a task whenever it is asked. */
void fl_interrupt_id(const char *task_id, size_t index, char ret_id[FL_UUID_SIZE]) {
  char number[24];
  snprintf(number, sizeof number, "%zu", index);
  fl_slice parts[] = {fl_slice_of(task_id), FL_SLICE("interrupt"), fl_slice_of(number)};
  fl_derived_id(parts, sizeof parts / sizeof parts[0], ret_id);
}

static struct fl_value *stored_form(const struct fl_planned *task) {
  struct fl_value *stored = fl_object();
  fl_set_string(stored, "id", task->interrupt_id);
  fl_set_int(stored, "index", (int64_t)task->interrupt_index);
  fl_set_take(stored, "value", fl_value_ref(task->question));
  return stored;
}

void fl_task_ask(struct fl_run *run, struct fl_planned *task) {
  char id[FL_UUID_SIZE];
  task->interrupt_index = fl_size(task->answers);
  fl_interrupt_id(task->id, task->interrupt_index, id);
  fl_free(task->interrupt_id);
  task->interrupt_id = fl_strdup(run->ev->interrupt_id != NULL ? run->ev->interrupt_id : id);
  fl_value_unref(task->question);
  task->question = run->ev->value != NULL ? fl_value_ref(run->ev->value) : fl_null();
  task->status = FL_TASK_INTERRUPTED;
  if (run->ephemeral) return;
  struct fl_records records = {0};
  FL_VALUE_AUTO stored = stored_form(task);
  fl_checkpoint_write(run, task, FL_WRITE_INTERRUPT, stored, &records);
  fl_run_commit(run, &records, run->checkpoint_no);
}

struct fl_value *fl_task_interrupt_value(const struct fl_run *run, const struct fl_planned *task) {
  struct fl_value *one = fl_object();
  fl_set_string(one, "id", task->interrupt_id);
  fl_set_string(one, "node", fl_run_node(run, task)->name);
  fl_set_string(one, "task_id", task->id);
  fl_set_take(one, "value", fl_value_ref(task->question));
  return one;
}

struct fl_value *fl_run_interrupts(const struct fl_run *run) {
  if (run->stops != NULL) return fl_value_ref(run->stops);
  struct fl_value *all = NULL;
  for (size_t i = 0; i < run->task_count; i++) {
    if (!fl_task_is_pending(&run->tasks[i])) continue;
    if (all == NULL) all = fl_array();
    fl_append_take(all, fl_task_interrupt_value(run, &run->tasks[i]));
  }
  return all;
}

/* ---- static interrupts ---- */

void fl_run_note_stops(struct fl_run *run, bool after) {
  uint8_t flag = after ? FL_STOP_AFTER : FL_STOP_BEFORE;
  for (size_t i = 0; i < run->task_count; i++) {
    if ((run->stop_flags[run->tasks[i].node] & flag) == 0) continue;
    if (run->stops == NULL) run->stops = fl_array();
    struct fl_value *stop = fl_object();
    fl_set_string(stop, "node", fl_run_node(run, &run->tasks[i])->name);
    fl_set_string(stop, "when", after ? "after" : "before");
    fl_append_take(run->stops, stop);
  }
}

/* ---- answering ---- */

static size_t pending_count(const struct fl_run *run, struct fl_planned **ret_first) {
  size_t count = 0;
  for (size_t i = run->task_count; i > 0; i--) {
    if (!fl_task_is_pending(&run->tasks[i - 1])) continue;
    *ret_first = &run->tasks[i - 1];
    count++;
  }
  return count;
}

static struct fl_planned *pending_by_id(const struct fl_run *run, const char *id) {
  for (size_t i = 0; i < run->task_count; i++)
    if (fl_task_is_pending(&run->tasks[i]) && strcmp(run->tasks[i].interrupt_id, id) == 0) return &run->tasks[i];
  return NULL;
}

void fl_task_answer(struct fl_run *run, struct fl_planned *task, struct fl_value *answer, struct fl_records *records) {
  struct fl_value *answers = task->answers != NULL ? fl_copy_shallow(task->answers) : fl_array();
  fl_append_take(answers, fl_value_ref(answer));
  fl_value_unref(task->answers);
  task->answers = answers;
  task->status = FL_TASK_READY;
  if (!run->ephemeral) fl_checkpoint_write(run, task, FL_WRITE_RESUME, answers, records);
}

/* Whether the answers fit what is asked; otherwise the event has been refused and nothing is changed. */
static bool fits_questions(struct fl_run *run, size_t pending) {
  const struct fl_ev *ev = run->ev;
  if (ev->value == NULL || (ev->is_map && (!fl_is(ev->value, FL_OBJECT) || fl_size(ev->value) == 0))) {
    fl_run_refuse(run, FL_E_INVALID, "a resume needs an answer%s",
                  ev->is_map ? ": an object of interrupt ids and answers" : "");
    return false;
  }
  if (pending == 0) {
    fl_run_refuse(run, FL_E_CONFLICT,
                  "no interrupt waits for an answer: it has been answered already, or there was none");
    return false;
  }
  if (!ev->is_map && pending > 1) {
    fl_run_refuse(run, FL_E_INVALID, "%zu interrupts wait for an answer: name each answer's interrupt id", pending);
    return false;
  }
  struct fl_member member = {0};
  while (ev->is_map && fl_next_member(ev->value, &member)) {
    if (pending_by_id(run, member.key) != NULL) continue;
    fl_run_refuse(run, FL_E_CONFLICT,
                  "the interrupt \"%.64s\" does not wait for an answer: it has been answered already, or it "
                  "never was one of this thread",
                  member.key);
    return false;
  }
  return true;
}

void fl_run_on_resume(struct fl_run *run) {
  struct fl_planned *only = NULL;
  if (!fl_run_may_begin(run)) return;
  if (fl_run_is_past(run)) {
    if (!fl_run_answer_past(run)) return;
    fl_emit_values(run);
    fl_run_proceed(run);
    return;
  }
  if (!fits_questions(run, pending_count(run, &only))) return;
  struct fl_records records = {0};
  if (!run->ev->is_map) fl_task_answer(run, only, run->ev->value, &records);
  struct fl_member member = {0};
  while (run->ev->is_map && fl_next_member(run->ev->value, &member))
    fl_task_answer(run, pending_by_id(run, member.key), member.value, &records);
  fl_run_commit(run, &records, run->checkpoint_no);
  fl_emit_values(run);
  fl_run_proceed(run);
}
