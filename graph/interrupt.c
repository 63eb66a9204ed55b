/* SPDX-License-Identifier: MIT */
/* Interrupts: a task that asks a person, and nodes that the graph stops before or after. An answer is stored before the
 * task that asked runs again, and each question is answered once. Pure. */
#include "graph/core.h"
#include "runtime/base/mem.h"

/* Whether one of the children's interrupts has its answer: then the task is ready, and the run inside it will take the
 * answer. */
static bool is_answered_inside(const struct fl_planned *task) {
  for (size_t i = 0; i < fl_size(task->children); i++) {
    const char *id = fl_get_string(fl_at(task->children, i), "id", NULL);
    if (id != NULL && fl_get(task->resume, id) != NULL) return true;
  }
  return false;
}

bool fl_task_is_pending(const struct fl_planned *task) {
  if (task->status == FL_TASK_DONE) return false;
  if (task->children != NULL) return !is_answered_inside(task);
  return task->question != NULL && fl_size(task->answers) <= task->interrupt_index;
}

bool fl_task_is_stopped(const struct fl_planned *task) {
  if (task->status != FL_TASK_INTERRUPTED) return false;
  for (size_t i = 0; i < fl_size(task->children); i++)
    if (fl_get(fl_at(task->children, i), "id") == NULL) return true;
  return false;
}

/* ---- asking ---- */

/* The same for the n-th question of a task whenever it is asked. */
void fl_interrupt_id(const char *task_id, size_t index, char ret_id[FL_UUID_SIZE]) {
  char number[FL_DECIMAL_SIZE];
  size_t number_size = fl_decimal(index, number);
  fl_slice parts[] = {fl_slice_of(task_id), FL_SLICE("interrupt"), fl_slice_n(number, number_size)};
  fl_derived_id(parts, sizeof parts / sizeof parts[0], ret_id);
}

static struct fl_value *stored_form(const struct fl_planned *task) {
  struct fl_value *stored = fl_object();
  if (task->children != NULL) {
    fl_set_take(stored, "children", fl_value_ref(task->children));
    return stored;
  }
  fl_set_string(stored, "id", task->interrupt_id);
  fl_set_int(stored, "index", (int64_t)task->interrupt_index);
  fl_set_take(stored, "value", fl_value_ref(task->question));
  return stored;
}

static void forget_question(struct fl_planned *task) {
  fl_free(task->interrupt_id);
  fl_value_unref(task->question);
  fl_value_unref(task->children);
  task->interrupt_id = NULL;
  task->question = task->children = NULL;
}

void fl_task_attach_interrupt(struct fl_planned *task, const struct fl_value *stored) {
  forget_question(task);
  struct fl_value *children = fl_get(stored, "children");
  if (fl_size(children) > 0 && fl_is(children, FL_ARRAY)) {
    task->children = fl_value_ref(children);
    return;
  }
  task->question = fl_value_ref(fl_get(stored, "value"));
  if (task->question == NULL) task->question = fl_null();
  task->interrupt_id = fl_strdup(fl_get_string(stored, "id", ""));
  task->interrupt_index = (size_t)fl_get_int(stored, "index", 0);
}

static void take_question(const struct fl_run *run, struct fl_planned *task) {
  char id[FL_UUID_SIZE];
  forget_question(task);
  if (fl_size(run->ev->children) > 0) {
    task->children = fl_value_ref(run->ev->children);
    return;
  }
  task->interrupt_index = fl_size(task->answers);
  fl_interrupt_id(task->id, task->interrupt_index, id);
  task->interrupt_id = fl_strdup(run->ev->interrupt_id != NULL ? run->ev->interrupt_id : id);
  task->question = run->ev->value != NULL ? fl_value_ref(run->ev->value) : fl_null();
}

void fl_task_ask(struct fl_run *run, struct fl_planned *task) {
  take_question(run, task);
  task->status = FL_TASK_INTERRUPTED;
  if (run->ephemeral) return;
  struct fl_records records = {0};
  FL_VALUE_AUTO stored = stored_form(task);
  fl_checkpoint_write(run, task, FL_WRITE_INTERRUPT, stored, &records);
  fl_checkpoint_heads(run, task, &records);
  fl_run_commit(run, &records, run->checkpoint_no);
}

/* A subgraph says whose question it is; the root's own need no namespace. */
static void set_ns(const struct fl_run *run, struct fl_value *one) {
  if (run->ns[0] != '\0') fl_set_string(one, "ns", run->ns);
}

void fl_task_interrupts_add(const struct fl_run *run, const struct fl_planned *task, struct fl_value *array) {
  for (size_t i = 0; i < fl_size(task->children); i++) {
    struct fl_value *child = fl_at(task->children, i);
    const char *id = fl_get_string(child, "id", NULL);
    if (id == NULL || fl_get(task->resume, id) == NULL) fl_append_take(array, fl_value_ref(child));
  }
  if (task->children != NULL) return;
  struct fl_value *one = fl_object();
  fl_set_string(one, "id", task->interrupt_id);
  fl_set_string(one, "node", fl_run_node(run, task)->name);
  fl_set_string(one, "task_id", task->id);
  fl_set_take(one, "value", fl_value_ref(task->question));
  set_ns(run, one);
  fl_append_take(array, one);
}

struct fl_value *fl_run_interrupts(const struct fl_run *run) {
  if (run->stops != NULL) return fl_value_ref(run->stops);
  struct fl_value *all = NULL;
  for (size_t i = 0; i < run->task_count; i++) {
    if (!fl_task_is_pending(&run->tasks[i])) continue;
    if (all == NULL) all = fl_array();
    fl_task_interrupts_add(run, &run->tasks[i], all);
  }
  return all;
}

/* ---- static interrupts ---- */

void fl_run_note_stops(struct fl_run *run, bool after) {
  enum { NOTED = 128 }; /* several tasks of one node are one stop */
  uint8_t flag = after ? FL_STOP_AFTER : FL_STOP_BEFORE;
  for (size_t i = 0; i < run->task_count; i++) {
    uint8_t *flags = &run->stop_flags[run->tasks[i].node];
    if ((*flags & flag) == 0 || (*flags & NOTED) != 0) continue;
    *flags |= NOTED;
    if (run->stops == NULL) run->stops = fl_array();
    struct fl_value *stop = fl_object();
    fl_set_string(stop, "node", fl_run_node(run, &run->tasks[i])->name);
    fl_set_string(stop, "when", after ? "after" : "before");
    set_ns(run, stop);
    fl_append_take(run->stops, stop);
  }
  for (size_t i = 0; i < run->task_count; i++) run->stop_flags[run->tasks[i].node] &= (uint8_t)~NOTED;
}

void fl_run_pass_stops(struct fl_run *run) {
  fl_value_unref(run->stops); /* it was stopped here once; now it goes on */
  run->stops = NULL;
  for (size_t i = 0; i < run->task_count; i++)
    if (fl_task_is_stopped(&run->tasks[i])) run->tasks[i].status = FL_TASK_READY;
}

/* ---- answering ---- */

/* A question that waits: of a task itself, or of a run inside it. */
struct asked {
  struct fl_planned *task;
  const char *id; /* lent by the task */
  bool is_inside;
};

/* Looks at the questions of a task: those with this id (NULL: all). The first found goes to *ret_asked. */
static size_t find_in_task(struct fl_planned *task, const char *id, struct asked *ret_asked) {
  if (!fl_task_is_pending(task) || (task->children == NULL && id != NULL && strcmp(task->interrupt_id, id) != 0))
    return 0;
  if (task->children == NULL) {
    *ret_asked = (struct asked){task, task->interrupt_id, false};
    return 1;
  }
  size_t count = 0;
  for (size_t i = 0; i < fl_size(task->children); i++) {
    const char *child_id = fl_get_string(fl_at(task->children, i), "id", NULL);
    if (child_id == NULL || (id != NULL && strcmp(child_id, id) != 0)) continue;
    if (count++ == 0) *ret_asked = (struct asked){task, child_id, true};
  }
  return count;
}

static size_t find_asked(const struct fl_run *run, const char *id, struct asked *ret_asked) {
  size_t count = 0;
  for (size_t i = run->task_count; i > 0; i--) count += find_in_task(&run->tasks[i - 1], id, ret_asked);
  return count;
}

/* A task's own answers are an array, in order; those to runs inside it an object by interrupt id. */
static struct fl_value *stored_answers(const struct fl_planned *task) {
  if (task->resume == NULL) return fl_value_ref(task->answers);
  struct fl_value *stored = fl_object();
  fl_set_take(stored, "answers", fl_value_ref(task->resume));
  if (task->answers != NULL) fl_set_take(stored, "own", fl_value_ref(task->answers));
  return stored;
}

void fl_task_attach_answers(struct fl_planned *task, struct fl_value *stored) {
  struct fl_value *own = fl_is(stored, FL_ARRAY) ? stored : fl_get(stored, "own");
  struct fl_value *inside = fl_get(stored, "answers");
  task->answers = fl_is(own, FL_ARRAY) ? fl_value_ref(own) : NULL;
  task->resume = fl_is(inside, FL_OBJECT) ? fl_value_ref(inside) : NULL;
}

static void give_answer(const struct asked *asked, struct fl_value *answer) {
  struct fl_planned *task = asked->task;
  if (asked->is_inside) {
    struct fl_value *resume = task->resume != NULL ? fl_copy_shallow(task->resume) : fl_object();
    fl_set_take(resume, asked->id, fl_value_ref(answer));
    fl_value_unref(task->resume);
    task->resume = resume;
    return;
  }
  struct fl_value *answers = task->answers != NULL ? fl_copy_shallow(task->answers) : fl_array();
  fl_append_take(answers, fl_value_ref(answer));
  fl_value_unref(task->answers);
  task->answers = answers;
}

void fl_task_answer(struct fl_run *run, struct fl_planned *task, struct fl_value *answer, struct fl_records *records) {
  give_answer(&(struct asked){.task = task}, answer);
  task->status = FL_TASK_READY;
  FL_VALUE_AUTO stored = stored_answers(task);
  if (!run->ephemeral) fl_checkpoint_write(run, task, FL_WRITE_RESUME, stored, records);
}

/* Tasks that asked and have an answer now are ready, and the answers are stored first. */
static void take_answers(struct fl_run *run, struct fl_records records) {
  for (size_t i = 0; i < run->task_count; i++) {
    struct fl_planned *task = &run->tasks[i];
    if (task->status != FL_TASK_INTERRUPTED || fl_task_is_pending(task)) continue;
    task->status = FL_TASK_READY;
    FL_VALUE_AUTO stored = stored_answers(task);
    if (!run->ephemeral) fl_checkpoint_write(run, task, FL_WRITE_RESUME, stored, &records);
  }
  fl_run_commit(run, &records, run->checkpoint_no);
}

/* Whether the answers fit what is asked; otherwise the event has been refused and nothing is changed. */
static bool fits_questions(struct fl_run *run, size_t pending) {
  const struct fl_ev *ev = run->ev;
  if (ev->value == NULL || (ev->is_map && (!fl_is(ev->value, FL_OBJECT) || fl_size(ev->value) == 0))) {
    fl_run_refuse(run, FL_E_INVALID, "a resume needs an answer%s",
                  ev->is_map ? ": an object of interrupt ids and answers" : "");
    return false;
  }
  if (ev->is_lenient) return true;
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
    struct asked asked;
    if (find_asked(run, member.key, &asked) > 0) continue;
    fl_run_refuse(run, FL_E_CONFLICT,
                  "the interrupt \"%.64s\" does not wait for an answer: it has been answered already, or it "
                  "never was one of this thread",
                  member.key);
    return false;
  }
  return true;
}

/* The answers of a map by id. Several questions inside one task are looked for before any of them is answered: a task
 * with an answer waits no more. */
static void give_answers(struct fl_run *run) {
  struct fl_value *answers = run->ev->value;
  FL_FREE_AUTO struct asked *found = fl_new_array(struct asked, fl_size(answers));
  size_t i = 0;
  for (struct fl_member m = {0}; fl_next_member(answers, &m);) find_asked(run, m.key, &found[i++]);
  i = 0;
  for (struct fl_member m = {0}; fl_next_member(answers, &m); i++)
    if (found[i].task != NULL) give_answer(&found[i], m.value);
}

void fl_run_on_resume(struct fl_run *run) {
  struct asked only = {0};
  if (!fl_run_may_begin(run)) return;
  if (fl_run_is_past(run)) {
    if (!fl_run_answer_past(run)) return;
    fl_emit_values(run);
    fl_run_proceed(run);
    return;
  }
  if (!fits_questions(run, find_asked(run, NULL, &only))) return;
  struct fl_records records = {0};
  if (!fl_given_take(run, &records)) return;
  find_asked(run, NULL, &only); /* the plan may have grown */
  if (run->ev->is_map) give_answers(run);
  else give_answer(&only, run->ev->value);
  take_answers(run, records);
  if (run->ev->is_lenient && !run->ev->keeps_stops) fl_run_pass_stops(run);
  fl_emit_values(run);
  fl_run_proceed(run);
}
