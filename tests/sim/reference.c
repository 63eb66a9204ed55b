/* SPDX-License-Identifier: MIT */
/* What graphs mean, as naively as it can be said: one thread, one superstep after the other, everything in plain
 * arrays, every state a full copy, nothing stored; a graph inside a node is the same once more. No line of it is shared
 * with graph/ or runtime/engine/. */
#include "tests/sim/reference.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- the state ---- */

static void write_log(struct state *state, const char *text) {
  if (state->log_count == LOG_MAX) abort(); /* the shape is drawn so that it stays below */
  snprintf(state->log[state->log_count++], TEXT_MAX, "%s", text);
}

/* What a task writes, onto a state; whether it does so to the one value x. */
static bool fold(const struct thread *thread, const struct task *task, struct state *onto) {
  const struct shape_node *node = &thread->shape->nodes[task->node];
  for (int i = 0; node->kind == NODE_CHILD && i < task->child->state.log_count; i++)
    write_log(onto, task->child->state.log[i]);
  if (node->kind != NODE_CHILD) write_log(onto, task->wrote);
  if (node->kind == NODE_SET && node->writes_n) onto->n += node->add;
  if (node->kind != NODE_SET || !node->writes_x) return false;
  onto->x = task->node;
  return true;
}

/* Tasks that edges started come first, then those of sends, each in their order. */
int reference_pending(const struct thread *thread, struct state *onto) {
  int x_count = 0;
  *onto = thread->state;
  for (int sent = 0; sent < 2; sent++)
    for (int i = 0; i < thread->task_count; i++)
      if (thread->tasks[i].status == DONE && (thread->tasks[i].element > 0) == (sent == 1))
        x_count += fold(thread, &thread->tasks[i], onto);
  return x_count;
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

/* ---- what follows ---- */

static void trigger(struct thread *thread, const struct shape_ends *to) {
  for (int element = 1; element <= to->sends; element++) {
    if (thread->send_count == TASKS_MAX) abort();
    thread->sends[thread->send_count++] = (struct task){.node = to->nodes[0], .element = element};
  }
  for (int i = 0; to->sends == 0 && i < to->count; i++)
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

static void add_task(struct thread *thread, struct task task) {
  if (thread->task_count == TASKS_MAX) abort();
  thread->tasks[thread->task_count++] = task;
  thread->stands_before |= thread->shape->nodes[task.node].stops_before;
}

static void plan_nodes(struct thread *thread, bool deferred) {
  for (int node = 0; node < thread->shape->node_count; node++) {
    bool is_wanted = thread->is_triggered[node];
    for (int i = 0; i < thread->shape->edge_count; i++)
      if (thread->shape->edges[i].to.nodes[0] == node) is_wanted |= is_joined(thread, i);
    if (is_wanted && thread->shape->nodes[node].is_deferred == deferred) add_task(thread, (struct task){.node = node});
  }
}

static void drop_tasks(struct thread *thread) {
  for (int i = 0; i < thread->task_count; i++) reference_free(thread->tasks[i].child);
  thread->task_count = 0;
}

/* Sends first, then nodes; deferred ones when there is nothing else. */
static void plan(struct thread *thread) {
  drop_tasks(thread);
  thread->stands_before = false;
  for (int i = 0; i < thread->send_count; i++) add_task(thread, thread->sends[i]);
  thread->send_count = 0;
  plan_nodes(thread, false);
  if (thread->task_count == 0) plan_nodes(thread, true);
}

static bool has_run(const struct thread *thread, int node) {
  for (int i = 0; i < thread->task_count; i++)
    if (thread->tasks[i].node == node && thread->tasks[i].element == 0) return true;
  return false;
}

/* Joins whose node has run begin anew; triggers last for one superstep, those of a deferred node until it has run. */
static void use_up(struct thread *thread) {
  for (int node = 0; node < thread->shape->node_count; node++)
    if (!thread->shape->nodes[node].is_deferred || has_run(thread, node)) thread->is_triggered[node] = false;
  for (int i = 0; i < thread->shape->edge_count; i++)
    if (is_joined(thread, i) && has_run(thread, thread->shape->edges[i].to.nodes[0]))
      memset(thread->has_reported[i], 0, sizeof thread->has_reported[i]);
}

/* ---- a superstep ---- */

static void take_input(struct thread *thread, const char *text, int number);
static const char *proceed(struct thread *thread);

static void run_child(struct thread *thread, struct task *task) {
  if (task->child == NULL) {
    task->child = reference_thread(thread->shape->nodes[task->node].child, thread->limit);
    take_input(task->child, NULL, task->element > 0 ? task->element : thread->state.n);
  } else task->child->used = 0;
  task->child->error = NULL;
  const char *end = proceed(task->child);
  task->status = *end == 'd' ? DONE : *end == 'i' ? ASKS : FAILED;
  task->is_answered = false;
  if (task->status == FAILED) thread->error = task->child->error;
}

static void run_task(struct thread *thread, struct task *task) {
  const struct shape_node *node = &thread->shape->nodes[task->node];
  const char *name = shape_name(task->node), *sign = task->element > 0 ? "e" : "";
  int number = task->element > 0 ? task->element : thread->state.n;
  if (node->kind == NODE_CHILD) run_child(thread, task);
  else if (node->kind == NODE_ASK && !task->is_answered) {
    snprintf(task->question, TEXT_MAX, "%s %s%d", name, sign, number);
    task->status = ASKS;
  } else if (node->kind == NODE_FAIL) {
    task->status = FAILED;
    thread->error = "task";
  } else {
    if (node->kind == NODE_SET) snprintf(task->wrote, TEXT_MAX, "%s%s%d", name, sign, number);
    task->status = DONE;
  }
  if (task->status == DONE) tell_update(thread, task);
}

static bool complete(struct thread *thread) {
  struct state next;
  if (reference_pending(thread, &next) > 1) {
    thread->error = "graph";
    return false;
  }
  use_up(thread);
  thread->stands_after = false;
  thread->stop_after_count = 0;
  for (int i = 0; i < 2 * thread->task_count; i++) {
    const struct task *task = &thread->tasks[i % thread->task_count];
    struct state view = thread->state;
    if ((task->element > 0) != (i >= thread->task_count)) continue; /* in the order in which they are folded */
    fold(thread, task, &view);
    lead(thread, task->node, &view);
  }
  for (int i = 0; i < thread->task_count; i++) {
    if (!thread->shape->nodes[thread->tasks[i].node].stops_after) continue;
    thread->stands_after = true;
    thread->stop_after[thread->stop_after_count++] = shape_name(thread->tasks[i].node);
  }
  thread->state = next;
  thread->step++;
  plan(thread);
  if (thread->stands_after) thread->stands_before = false;
  tell_values(thread);
  tell_checkpoint(thread, "loop");
  return true;
}

static const char *proceed(struct thread *thread) {
  for (;;) {
    if (thread->stands_after) return "interrupted";
    if (thread->task_count == 0) return "done";
    if (thread->used >= thread->limit) {
      thread->error = "recursion";
      return "failed";
    }
    if (thread->stands_before) return "interrupted";
    thread->used++;
    tell_run(thread);
    for (int i = 0; i < thread->task_count; i++)
      if (is_due(&thread->tasks[i])) run_task(thread, &thread->tasks[i]);
    bool asks = false;
    for (int i = 0; i < thread->task_count; i++) asks |= thread->tasks[i].status == ASKS;
    if (thread->error != NULL) return "failed";
    if (asks) return "interrupted";
    if (!complete(thread)) return "failed";
  }
}

/* ---- what is done to the thread ---- */

static void take_input(struct thread *thread, const char *text, int number) {
  if (text != NULL) write_log(&thread->state, text);
  thread->state.n += number;
  memset(thread->is_triggered, 0, sizeof thread->is_triggered);
  lead(thread, SHAPE_START, &thread->state);
  thread->step = thread->has_begun ? thread->step + 2 : 0;
  thread->has_begun = true;
  thread->used = 1;
  thread->stands_after = false;
  plan(thread);
  tell_values(thread);
  tell_checkpoint(thread, "input");
}

/* To the first task that asks; inside, to the question whose text comes first, since those stand in no order. */
static void answer(struct thread *thread, const char *text, bool is_inside) {
  struct task *first = NULL;
  for (int i = 0; i < thread->task_count; i++) {
    struct task *task = &thread->tasks[i];
    bool is_before = first == NULL || (is_inside && strcmp(task->question, first->question) < 0);
    if (task->status == ASKS && is_before) first = task;
  }
  if (first == NULL) return;
  first->is_answered = true;
  snprintf(first->wrote, TEXT_MAX, "%s", text);
  if (first->child != NULL) answer(first->child, text, true);
}

const char *reference_step(struct thread *thread, int at) {
  char text[TEXT_MAX];
  snprintf(text, sizeof text, "in%d", at);
  thread->error = NULL;
  if (!thread->has_begun || thread->task_count == 0) {
    take_input(thread, text, thread->shape->steps[at].number);
  } else {
    tell_values(thread);
    thread->stands_before = thread->stands_after = false;
    thread->used = 0;
    answer(thread, text, false);
  }
  return proceed(thread);
}

struct thread *reference_thread(const struct shape *shape, int limit) {
  struct thread *thread = calloc(1, sizeof *thread);
  if (thread == NULL) abort();
  thread->shape = shape;
  thread->limit = limit;
  thread->state.x = -1;
  return thread;
}

void reference_free(struct thread *thread) {
  if (thread == NULL) return;
  drop_tasks(thread);
  free(thread);
}
