/* SPDX-License-Identifier: MIT */
/* What the naive executor (reference.c) works on, for the part that tells it (reference_told.c). */
#pragma once
#include "tests/sim/shape.h"

enum { LOG_MAX = 2000, TASKS_MAX = 64, TEXT_MAX = 24 };

struct state {
  char log[LOG_MAX][TEXT_MAX];
  int log_count, n, x; /* x: the node that wrote it, or -1 */
};

enum task_status { READY, DONE, FAILED, ASKS };
struct task {
  int node, element; /* element: of the send that starts it; 0: an edge does */
  enum task_status status;
  bool is_answered;
  char wrote[TEXT_MAX], question[TEXT_MAX];
  struct thread *child; /* of a node that runs a graph; owned */
};

struct thread {
  const struct shape *shape;
  int limit;
  struct state state;
  bool is_triggered[SHAPE_NODES_MAX];
  bool has_reported[SHAPE_EDGES_MAX][SHAPE_ENDS_MAX];
  struct task sends[TASKS_MAX], tasks[TASKS_MAX];
  int send_count, task_count, step, used;
  bool stands_before, stands_after, has_begun, is_over;
  const char *stop_after[TASKS_MAX];
  int stop_after_count;
  const char *error;                               /* of the step of the case */
  struct fl_value *stream, *checkpoints, *running; /* stream NULL: a child, of which nothing is told */
};

static inline bool is_due(const struct task *task) {
  return task->status == READY || task->status == FAILED || (task->status == ASKS && task->is_answered);
}

/* reference.c: the state with what finished tasks of an unfinished superstep wrote; how many of them wrote x. */
int reference_pending(const struct thread *thread, struct state *onto);
/* Whether an input or an answer is next is the thread's to know; how the step ended: done, interrupted, failed. */
const char *reference_step(struct thread *thread, int at);
struct thread *reference_thread(const struct shape *shape, int limit);
void reference_free(struct thread *thread);

/* reference_told.c, in the form of tests/semantics */
void tell_run(struct thread *thread);
void tell_update(struct thread *thread, const struct task *task);
void tell_values(struct thread *thread);
void tell_checkpoint(struct thread *thread, const char *source);
