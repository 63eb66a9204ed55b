/* SPDX-License-Identifier: MIT */
/* Which of the planned tasks run now, and what runs in place of one that failed. Pure.
 *
 * Invariants. (1) Tasks start in task order; with a limit on how many run at the same time the rest stay ready and
 * start as others end. (2) A handler takes the place of the task that failed: the same state and argument, the same
 * place in the order; what it writes and where it leads counts instead. That it does is stored with the error, so that
 * a crash goes on with the handler. */
#include "graph/core.h"
#include "runtime/base/mem.h"

/* ---- starting ---- */

/* A node that names its input sees those channels and no others. */
struct fl_state *fl_task_view(const struct fl_run *run, const struct fl_planned *task) {
  const struct fl_node_def *node = fl_run_node(run, task);
  if (task->kind == FL_TASK_PUSH) return fl_state_create_arg(run->definition, task->arg, task->id);
  return node->input_names == NULL ? fl_state_ref((struct fl_state *)fl_run_base(run))
                                   : fl_state_restrict(fl_run_base(run), node->input_channels, node->input_count);
}

static void start_task(struct fl_run *run, struct fl_planned *task) {
  fl_emit_task_start(run, task);
  struct fl_do *effect = fl_effects_add(run->effects, FL_DO_START_TASK);
  effect->after = fl_run_faults.start_before_commit ? 0 : run->last_seq; /* invariant 2 of run.h */
  memcpy(effect->start.id, task->id, FL_UUID_SIZE);
  effect->start.node = fl_run_node(run, task)->name;
  effect->start.node_index = task->node;
  effect->start.checkpoint_no = run->checkpoint_no;
  effect->start.step = run->step + 1;
  effect->start.state = fl_task_view(run, task);
  effect->start.labels = fl_task_labels(run, task);
  effect->start.arg = fl_value_ref(task->arg);
  effect->start.answers = fl_value_ref(task->answers);
  effect->start.remaining_steps = fl_run_remaining_steps(run);
  effect->start.resume = fl_value_ref(task->resume);
  effect->start.children = fl_value_ref(task->children);
  effect->start.was_failed = task->error != NULL;
  effect->start.error = fl_value_ref(task->handled);
  task->status = FL_TASK_RUNNING;
  task->start_seq = run->last_seq;
  run->running_count++;
  run->running_of[task->node]++;
}

static bool is_ready(const struct fl_planned *task) {
  return task->status == FL_TASK_READY || task->status == FL_TASK_FAILED;
}

static bool has_room(const struct fl_run *run, const struct fl_planned *task) {
  uint32_t limit = fl_run_node(run, task)->policy.concurrency;
  return limit == 0 || run->running_of[task->node] < limit;
}

/* How many tasks surely start now: those that wait for no room. */
static size_t count_starts(const struct fl_run *run, size_t limit) {
  size_t count = 0, most = limit > run->running_count ? limit - run->running_count : 0;
  for (size_t i = run->first_ready; i < run->task_count && count < most; i++)
    count += is_ready(&run->tasks[i]) && fl_run_node(run, &run->tasks[i])->policy.concurrency == 0;
  return count;
}

void fl_run_start_more(struct fl_run *run) {
  enum { MANY = 16 };
  size_t limit = run->max_concurrency > 0 ? run->max_concurrency : SIZE_MAX;
  while (run->first_ready < run->task_count && !is_ready(&run->tasks[run->first_ready])) run->first_ready++;
  if (run->task_count - run->first_ready > MANY) fl_effects_reserve(run->effects, count_starts(run, limit));
  for (size_t i = run->first_ready; i < run->task_count && run->running_count < limit; i++)
    if (is_ready(&run->tasks[i]) && has_room(run, &run->tasks[i])) start_task(run, &run->tasks[i]);
}

void fl_run_task_stopped(struct fl_run *run, const struct fl_planned *task) {
  run->running_count--;
  run->running_of[task->node]--;
}

/* ---- handlers ---- */

static void take_place(struct fl_run *run, struct fl_planned *task, size_t handler, struct fl_value *handled) {
  char id[FL_UUID_SIZE];
  fl_slice parts[] = {fl_slice_of(task->id), FL_SLICE("on_error"), fl_slice_of(run->definition->nodes[handler].name)};
  fl_derived_id(parts, sizeof parts / sizeof parts[0], id);
  fl_planned_forget(task);
  fl_value_unref(task->answers);
  fl_value_unref(task->question);
  fl_value_unref(task->children);
  fl_value_unref(task->resume);
  fl_free(task->interrupt_id);
  fl_free(task->error);
  task->answers = task->question = task->children = task->resume = NULL;
  task->interrupt_id = NULL;
  task->interrupt_index = 0;
  task->error = NULL;
  task->handled = handled;
  memcpy(task->id, id, FL_UUID_SIZE);
  task->node = handler;
  task->status = FL_TASK_READY;
  run->task_slot_count = 0; /* it is found by another id now */
  size_t place = (size_t)(task - run->tasks);
  if (place < run->first_ready) run->first_ready = place;
}

bool fl_task_has_handler(const struct fl_run *run, const struct fl_planned *task) {
  return task->node == task->planned && fl_run_node(run, task)->policy.handler != FL_NODE_END;
}

struct fl_value *fl_task_handler_record(const struct fl_run *run, const struct fl_planned *task,
                                        const struct fl_error *err) {
  int code = err != NULL && err->code < 0 ? err->code : FL_E_TASK;
  const struct fl_node_def *node = fl_run_node(run, task);
  struct fl_value *record = fl_object();
  fl_set_string(record, "handler", run->definition->nodes[node->policy.handler].name);
  fl_set_string(record, "node", node->name);
  fl_set_string(record, "code", fl_error_word(code));
  fl_set_string(record, "message", err != NULL && err->text[0] != '\0' ? err->text : fl_error_sentence(code));
  return record;
}

bool fl_task_hand_over(struct fl_run *run, struct fl_planned *task, const struct fl_value *record) {
  ptrdiff_t handler = fl_definition_node(run->definition, fl_get_string(record, "handler", ""));
  if (handler < 0 || task->node != task->planned) return false; /* the graph has changed: the node runs again */
  struct fl_value *handled = fl_copy_shallow(record);
  fl_unset(handled, "handler");
  take_place(run, task, (size_t)handler, handled);
  return true;
}
