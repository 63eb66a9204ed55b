/* SPDX-License-Identifier: MIT */
/* What is known of where values came from, as a set of labels for each channel: invariant 5 of run.h. A set only grows,
 * unless its channel is emptied. A thread that once went on without keeping labels is of unknown origin from then on:
 * all labels stand for its whole past, and whatever comes of it. Pure. */
#include "graph/core.h"

static uint64_t of_channels(const struct fl_run *run, const size_t *channels, size_t count) {
  uint64_t labels = 0;
  for (size_t i = 0; i < count; i++) labels |= run->slots[channels[i]].labels;
  return labels;
}

uint64_t fl_run_state_labels(const struct fl_run *run) {
  uint64_t labels = 0;
  for (size_t i = 0; i < run->definition->state_channel_count; i++) labels |= run->slots[i].labels;
  return labels;
}

/* As fl_task_view: a task of a send sees its argument, a node that names its input those channels. */
uint64_t fl_task_labels_kept(const struct fl_run *run, const struct fl_planned *task) {
  const struct fl_node_def *node = fl_run_node(run, task);
  if (run->labels == FL_LABELS_ALL) return run->labels;
  if (task->kind == FL_TASK_PUSH) return task->labels | run->sends_labels;
  if (node->input_names == NULL) return task->labels | fl_run_state_labels(run);
  return task->labels | of_channels(run, node->input_channels, node->input_count);
}

uint64_t fl_run_labels(const struct fl_run *run) { return run->labels; }

void fl_run_load_labels(struct fl_run *run, const struct fl_loaded *loaded) {
  const struct fl_value *stored = fl_get(loaded->body, "labels");
  if (!run->keeps_labels) return;
  run->labels |= (uint64_t)fl_as_int(stored, FL_LABELS_ALL) | fl_run_state_labels(run) | run->sends_labels;
}

void fl_run_keep_labels(struct fl_run *run, bool keeps) {
  bool begins = keeps && !run->keeps_labels && run->checkpoint_no > 0;
  run->keeps_labels = keeps;
  if (begins) run->labels = FL_LABELS_ALL;
}
