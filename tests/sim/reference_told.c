/* SPDX-License-Identifier: MIT */
/* What the naive executor did, in the words of tests/semantics: the stream, the state, what is open, the checkpoints.
 */
#include "tests/sim/reference.h"

#include "runtime/base/mem.h"

#include <stdlib.h>

/* ---- while it runs ---- */

static struct fl_value *told_log(const struct state *state) {
  struct fl_value *log = fl_array();
  for (int i = 0; i < state->log_count; i++) fl_append_take(log, fl_string(state->log[i]));
  return log;
}

static struct fl_value *told_state(const struct state *state) {
  struct fl_value *value = fl_object();
  fl_set_take(value, "log", told_log(state));
  fl_set_int(value, "n", state->n);
  if (state->x >= 0) fl_set_string(value, "x", shape_name(state->x));
  return value;
}

static void tell(struct thread *thread, const char *kind, struct fl_value *taken) {
  struct fl_value *entry = fl_array();
  fl_append_take(entry, fl_string(kind));
  fl_append_take(entry, taken);
  fl_append_take(thread->stream, entry);
}

static struct fl_value *told_tasks(const struct thread *thread, bool (*wanted)(const struct task *task)) {
  struct fl_value *names = fl_array();
  for (int i = 0; i < thread->task_count; i++)
    if (wanted(&thread->tasks[i])) fl_append_take(names, fl_string(shape_name(thread->tasks[i].node)));
  return names;
}
static bool is_any(const struct task *task) { return true; }
static bool is_open(const struct task *task) { return task->status != DONE; }
static bool has_failed(const struct task *task) { return task->status == FAILED; }

void tell_run(struct thread *thread) {
  if (thread->stream == NULL) return;
  fl_value_unref(thread->running);
  thread->running = told_tasks(thread, is_due);
  if (fl_size(thread->running) > 0) tell(thread, "run", fl_copy_shallow(thread->running));
}

void tell_update(struct thread *thread, const struct task *task) {
  if (thread->stream == NULL) return;
  const struct shape_node *node = &thread->shape->nodes[task->node];
  const char *name = shape_name(task->node);
  struct fl_value *wrote = fl_object(), *update = fl_object();
  fl_set_take(wrote, "log", task->child != NULL ? told_log(&task->child->state) : fl_string(task->wrote));
  if (node->kind == NODE_SET && node->writes_n) fl_set_int(wrote, "n", node->add);
  if (node->kind == NODE_SET && node->writes_x) fl_set_string(wrote, "x", name);
  fl_set_take(update, name, wrote);
  tell(thread, "updates", update);
  struct fl_value *sorted = trace_sorted(thread->stream, thread->running);
  fl_value_unref(thread->stream);
  thread->stream = sorted;
}

void tell_values(struct thread *thread) {
  if (thread->stream != NULL) tell(thread, "values", told_state(&thread->state));
}

void tell_checkpoint(struct thread *thread, const char *source) {
  if (thread->stream == NULL) return;
  struct fl_value *entry = fl_array();
  fl_append_take(entry, fl_string(source));
  fl_append_take(entry, fl_int(thread->step));
  fl_append_take(entry, told_tasks(thread, is_any));
  fl_append_take(thread->checkpoints, entry);
}

/* ---- what a step came to ---- */

static void add_question(struct fl_value *list, const char *node, const char *key, const char *text) {
  struct fl_value *stop = fl_object();
  fl_set_string(stop, "node", node);
  fl_set_string(stop, key, text);
  fl_append_take(list, stop);
}

/* A node is named once, however many tasks it has. */
static void add_stop(struct fl_value *list, const char *node, const char *when) {
  for (size_t i = 0; i < fl_size(list); i++)
    if (strcmp(fl_get_string(fl_at(list, i), "node", ""), node) == 0 && fl_get(fl_at(list, i), "when") != NULL) return;
  add_question(list, node, "when", when);
}

static void add_inside(struct fl_value *list, const struct thread *child, const char *name);

/* What a graph inside a node asks is told as that node's. */
static void add_questions(struct fl_value *list, const struct thread *thread, const char *outer) {
  for (int i = 0; i < thread->task_count; i++) {
    const struct task *task = &thread->tasks[i];
    const char *name = outer != NULL ? outer : shape_name(task->node);
    if (thread->stands_before && thread->shape->nodes[task->node].stops_before) add_stop(list, name, "before");
    else if (task->status == ASKS && task->child != NULL) add_inside(list, task->child, name);
    else if (task->status == ASKS) add_question(list, name, "value", task->question);
  }
}

static int by_text(const void *a, const void *b) {
  return strcmp(fl_get_string(*(struct fl_value *const *)a, "value", ""),
                fl_get_string(*(struct fl_value *const *)b, "value", ""));
}

/* Those inside a task by their texts. */
static void add_inside(struct fl_value *list, const struct thread *child, const char *name) {
  FL_VALUE_AUTO inside = fl_array();
  add_questions(inside, child, name);
  size_t count = fl_size(inside);
  FL_FREE_AUTO struct fl_value **items = fl_new_array(struct fl_value *, count);
  for (size_t i = 0; i < count; i++) items[i] = fl_at(inside, i);
  if (count > 1) qsort(items, count, sizeof *items, by_text);
  for (size_t i = 0; i < count; i++) fl_append_take(list, fl_value_ref(items[i]));
}

static struct fl_value *told_interrupts(const struct thread *thread) {
  struct fl_value *list = fl_array();
  for (int i = 0; i < thread->stop_after_count && thread->stands_after && thread->task_count > 0; i++)
    add_stop(list, thread->stop_after[i], "after");
  add_questions(list, thread, NULL);
  return list;
}

static void set_unless_empty(struct fl_value *object, const char *key, struct fl_value *list) {
  if (fl_size(list) > 0) fl_set_take(object, key, list);
  else fl_value_unref(list);
}

static struct fl_value *tell_step(struct thread *thread, const char *end) {
  struct fl_value *told = fl_object();
  struct state seen;
  if (reference_pending(thread, &seen) > 1) seen = thread->state;
  fl_set_string(told, "end", end);
  if (thread->error != NULL) fl_set_string(told, "error", thread->error);
  fl_set_take(told, "stream", thread->stream);
  fl_set_take(told, "values", told_state(&seen));
  set_unless_empty(told, "next", told_tasks(thread, is_open));
  set_unless_empty(told, "interrupts", told_interrupts(thread));
  set_unless_empty(told, "failed", told_tasks(thread, has_failed));
  fl_set_take(told, "checkpoints", thread->checkpoints);
  return told;
}

static struct fl_value *play_step(struct thread *thread, int at) {
  if (thread->is_over) {
    struct fl_value *told = fl_object();
    fl_set_string(told, "end", "over");
    return told;
  }
  thread->stream = fl_array();
  thread->checkpoints = fl_array();
  const char *end = reference_step(thread, at);
  FL_VALUE_AUTO open = told_tasks(thread, is_open);
  thread->is_over = thread->error != NULL && fl_size(open) == 0;
  return tell_step(thread, end);
}

struct fl_value *reference_play(const struct shape *shape) {
  struct thread *thread = reference_thread(shape, shape->recursion_limit);
  struct fl_value *told = fl_array();
  for (int i = 0; i < shape->step_count; i++) fl_append_take(told, play_step(thread, i));
  fl_value_unref(thread->running);
  reference_free(thread);
  return told;
}
