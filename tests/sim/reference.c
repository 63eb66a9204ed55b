/* SPDX-License-Identifier: MIT */
/* What graphs mean, as naively as it can be said: one thread, one superstep after the other, everything in plain
 * arrays, every state a full copy, nothing stored. No line of it is shared with graph/ or runtime/engine/. */
#include "tests/sim/shape.h"

#include <stdio.h>
#include <stdlib.h>

enum { LOG_MAX = 800, TASKS_MAX = 32, TEXT_MAX = 24 };

struct state {
  char log[LOG_MAX][TEXT_MAX];
  int log_count, n, x; /* x: the node that wrote it, or -1 */
};

enum task_status { READY, DONE, FAILED, ASKS };
struct task {
  int node;
  enum task_status status;
  bool is_answered;
  char wrote[TEXT_MAX], question[TEXT_MAX];
};

struct thread {
  const struct shape *shape;
  struct state state;
  bool is_triggered[SHAPE_NODES_MAX];
  bool has_reported[SHAPE_EDGES_MAX][SHAPE_ENDS_MAX];
  struct task tasks[TASKS_MAX];
  int task_count, step, used;
  bool stands_before, stands_after, has_begun, is_over;
  const char *stop_after[TASKS_MAX];
  int stop_after_count;
  const char *error; /* of the step of the case */
  struct fl_value *stream, *checkpoints, *updates[TASKS_MAX];
};

/* ---- the state ---- */

static void write_log(struct state *state, const char *text) {
  if (state->log_count < LOG_MAX) snprintf(state->log[state->log_count++], TEXT_MAX, "%s", text);
}

/* What a task writes, onto a state; whether it does so to the one value x. */
static bool fold(const struct thread *thread, const struct task *task, struct state *onto) {
  const struct shape_node *node = &thread->shape->nodes[task->node];
  write_log(onto, task->wrote);
  if (node->kind == NODE_SET && node->writes_n) onto->n += node->add;
  if (node->kind != NODE_SET || !node->writes_x) return false;
  onto->x = task->node;
  return true;
}

static struct fl_value *told_state(const struct state *state) {
  struct fl_value *value = fl_object(), *log = fl_array();
  for (int i = 0; i < state->log_count; i++) fl_append_take(log, fl_string(state->log[i]));
  fl_set_take(value, "log", log);
  fl_set_int(value, "n", state->n);
  if (state->x >= 0) fl_set_string(value, "x", shape_name(state->x));
  return value;
}

static bool holds(const struct shape_arm *arm, const struct state *state) {
  switch (arm->when) {
  case WHEN_ALWAYS: return true;
  case WHEN_N_BELOW: return state->n < arm->bound;
  case WHEN_N_ODD: return state->n % 2 == 1;
  case WHEN_LOG_BELOW: return state->log_count < arm->bound;
  case WHEN_HAS_X: return state->x >= 0;
  }
  return false;
}

/* ---- telling ---- */

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
static bool is_due(const struct task *task) {
  return task->status == READY || task->status == FAILED || (task->status == ASKS && task->is_answered);
}

static void tell_checkpoint(struct thread *thread, const char *source) {
  struct fl_value *entry = fl_array();
  fl_append_take(entry, fl_string(source));
  fl_append_take(entry, fl_int(thread->step));
  fl_append_take(entry, told_tasks(thread, is_any));
  fl_append_take(thread->checkpoints, entry);
}

/* ---- what follows ---- */

static void trigger(struct thread *thread, const struct shape_ends *to) {
  for (int i = 0; i < to->count; i++)
    if (to->nodes[i] >= 0) thread->is_triggered[to->nodes[i]] = true;
}

static void lead(struct thread *thread, int from, const struct state *view) {
  for (int i = 0; i < thread->shape->edge_count; i++) {
    const struct shape_edge *edge = &thread->shape->edges[i];
    for (int j = 0; edge->kind == EDGE_JOIN && j < edge->from_count; j++)
      if (edge->from[j] == from) thread->has_reported[i][j] = true;
    if (edge->kind == EDGE_JOIN || edge->from[0] != from) continue;
    if (edge->kind == EDGE_PLAIN) trigger(thread, &edge->to);
    for (int j = 0; edge->kind == EDGE_BRANCH && j < edge->arm_count; j++) {
      if (!holds(&edge->arms[j], view)) continue;
      trigger(thread, &edge->arms[j].to);
      break;
    }
  }
}

static bool is_joined(const struct thread *thread, int edge) {
  bool all = thread->shape->edges[edge].kind == EDGE_JOIN;
  for (int j = 0; j < thread->shape->edges[edge].from_count; j++) all &= thread->has_reported[edge][j];
  return all;
}

static void plan(struct thread *thread) {
  thread->task_count = 0;
  thread->stands_before = false;
  for (int node = 0; node < thread->shape->node_count; node++) {
    bool is_due_now = thread->is_triggered[node];
    for (int i = 0; i < thread->shape->edge_count; i++)
      if (thread->shape->edges[i].to.nodes[0] == node) is_due_now |= is_joined(thread, i);
    if (!is_due_now) continue;
    thread->tasks[thread->task_count++] = (struct task){.node = node};
    thread->stands_before |= thread->shape->nodes[node].stops_before;
  }
}

/* The joins whose node is about to have run begin anew; triggers last for one superstep. */
static void use_up(struct thread *thread) {
  memset(thread->is_triggered, 0, sizeof thread->is_triggered);
  for (int i = 0; i < thread->shape->edge_count; i++)
    if (is_joined(thread, i)) memset(thread->has_reported[i], 0, sizeof thread->has_reported[i]);
}

/* ---- a superstep ---- */

static void run_task(struct thread *thread, int at) {
  struct task *task = &thread->tasks[at];
  const struct shape_node *node = &thread->shape->nodes[task->node];
  const char *name = shape_name(task->node);
  if (node->kind == NODE_ASK && !task->is_answered) {
    snprintf(task->question, TEXT_MAX, "%s %d", name, thread->state.n);
    task->status = ASKS;
    return;
  }
  if (node->kind == NODE_FAIL) {
    task->status = FAILED;
    thread->error = "task";
    return;
  }
  if (node->kind == NODE_SET) snprintf(task->wrote, TEXT_MAX, "%s%d", name, thread->state.n);
  task->status = DONE;
  struct fl_value *wrote = fl_object(), *update = fl_object();
  fl_set_string(wrote, "log", task->wrote);
  if (node->kind == NODE_SET && node->writes_n) fl_set_int(wrote, "n", node->add);
  if (node->kind == NODE_SET && node->writes_x) fl_set_string(wrote, "x", name);
  fl_set_take(update, name, wrote);
  tell(thread, "updates", update);
}

static int pending_folded(const struct thread *thread, struct state *onto) {
  int x_count = 0;
  *onto = thread->state;
  for (int i = 0; i < thread->task_count; i++)
    if (thread->tasks[i].status == DONE) x_count += fold(thread, &thread->tasks[i], onto);
  return x_count;
}

static bool complete(struct thread *thread) {
  struct state next;
  if (pending_folded(thread, &next) > 1) {
    thread->error = "graph";
    return false;
  }
  use_up(thread);
  thread->stands_after = false;
  for (int i = 0; i < thread->task_count; i++) {
    struct state view = thread->state;
    fold(thread, &thread->tasks[i], &view);
    lead(thread, thread->tasks[i].node, &view);
    thread->stands_after |= thread->shape->nodes[thread->tasks[i].node].stops_after;
  }
  thread->stop_after_count = 0;
  for (int i = 0; i < thread->task_count; i++)
    if (thread->shape->nodes[thread->tasks[i].node].stops_after)
      thread->stop_after[thread->stop_after_count++] = shape_name(thread->tasks[i].node);
  thread->state = next;
  thread->step++;
  plan(thread);
  if (thread->stands_after) thread->stands_before = false;
  tell(thread, "values", told_state(&thread->state));
  tell_checkpoint(thread, "loop");
  return true;
}

static const char *proceed(struct thread *thread) {
  for (;;) {
    if (thread->stands_after) return "interrupted";
    if (thread->task_count == 0) return "done";
    if (thread->used >= thread->shape->recursion_limit) {
      thread->error = "recursion";
      return "failed";
    }
    if (thread->stands_before) return "interrupted";
    thread->used++;
    struct fl_value *names = told_tasks(thread, is_due);
    if (fl_size(names) > 0) tell(thread, "run", names);
    else fl_value_unref(names);
    for (int i = 0; i < thread->task_count; i++)
      if (is_due(&thread->tasks[i])) run_task(thread, i);
    bool asks = false;
    for (int i = 0; i < thread->task_count; i++) asks |= thread->tasks[i].status == ASKS;
    if (thread->error != NULL) return "failed";
    if (asks) return "interrupted";
    if (!complete(thread)) return "failed";
  }
}

/* ---- the steps of the case ---- */

static void take_input(struct thread *thread, int at) {
  char text[TEXT_MAX];
  snprintf(text, sizeof text, "in%d", at);
  write_log(&thread->state, text);
  thread->state.n += thread->shape->steps[at].number;
  memset(thread->is_triggered, 0, sizeof thread->is_triggered);
  lead(thread, SHAPE_START, &thread->state);
  thread->step = thread->has_begun ? thread->step + 2 : 0;
  thread->has_begun = true;
  thread->used = 1;
  thread->stands_after = false;
  plan(thread);
  tell(thread, "values", told_state(&thread->state));
  tell_checkpoint(thread, "input");
}

static void go_on(struct thread *thread, int at) {
  tell(thread, "values", told_state(&thread->state));
  thread->stands_before = thread->stands_after = false;
  thread->used = 0;
  for (int i = 0; i < thread->task_count; i++) {
    struct task *task = &thread->tasks[i];
    if (task->status != ASKS) continue;
    task->is_answered = true;
    snprintf(task->wrote, TEXT_MAX, "in%d", at);
    break;
  }
}

static struct fl_value *interrupts_of(const struct thread *thread) {
  struct fl_value *list = fl_array();
  for (int i = 0; i < thread->stop_after_count && thread->stands_after && thread->task_count > 0; i++) {
    struct fl_value *stop = fl_object();
    fl_set_string(stop, "node", thread->stop_after[i]);
    fl_set_string(stop, "when", "after");
    fl_append_take(list, stop);
  }
  for (int i = 0; i < thread->task_count; i++) {
    const struct task *task = &thread->tasks[i];
    bool stops = thread->stands_before && thread->shape->nodes[task->node].stops_before;
    if (task->status != ASKS && !stops) continue;
    struct fl_value *question = fl_object();
    fl_set_string(question, "node", shape_name(task->node));
    fl_set_string(question, stops ? "when" : "value", stops ? "before" : task->question);
    fl_append_take(list, question);
  }
  return list;
}

static void set_unless_empty(struct fl_value *object, const char *key, struct fl_value *list) {
  if (fl_size(list) > 0) fl_set_take(object, key, list);
  else fl_value_unref(list);
}

static struct fl_value *tell_step(struct thread *thread, const char *end) {
  struct fl_value *told = fl_object();
  struct state seen;
  if (pending_folded(thread, &seen) > 1) seen = thread->state;
  fl_set_string(told, "end", end);
  if (thread->error != NULL) fl_set_string(told, "error", thread->error);
  fl_set_take(told, "stream", thread->stream);
  fl_set_take(told, "values", told_state(&seen));
  set_unless_empty(told, "next", told_tasks(thread, is_open));
  set_unless_empty(told, "interrupts", interrupts_of(thread));
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
  thread->error = NULL;
  if (!thread->has_begun || thread->task_count == 0) take_input(thread, at);
  else go_on(thread, at);
  const char *end = proceed(thread);
  FL_VALUE_AUTO open = told_tasks(thread, is_open);
  thread->is_over = thread->error != NULL && fl_size(open) == 0;
  return tell_step(thread, end);
}

struct fl_value *reference_play(const struct shape *shape) {
  struct thread *thread = fl_new(struct thread);
  thread->shape = shape;
  thread->state.x = -1;
  struct fl_value *told = fl_array();
  for (int i = 0; i < shape->step_count; i++) fl_append_take(told, play_step(thread, i));
  fl_free(thread);
  return told;
}
