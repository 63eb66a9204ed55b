/* SPDX-License-Identifier: MIT */
/* Labels of what a run reads and writes, between the pure core, which carries them, and the policy, which decides by
 * them. Nothing is done where no manifest is. */
#pragma once
#include "runtime/engine/engine.h"

bool fl_flow_is_kept(const struct fl_task *task);
/* The task has read something with these labels. */
void fl_flow_note(struct fl_task *task, uint64_t labels);
/* Of all that the task has seen so far. */
uint64_t fl_flow_seen(const struct fl_task *task);
/* What a tool of the registry is by itself. */
struct fl_tool_class fl_flow_class(const struct fl_task *task, const char *tool);
/* A call has come to an end: its result has the labels of its source and of what it was called with. */
void fl_flow_result(struct fl_task_call *call);

/* Items of the memory across threads: the labels stand beside the item, under a name of ours, and are written before
 * it. `ns` is an array of names; what is not there has none. */
void fl_flow_keep_item(struct fl_task *task, const struct fl_value *ns, const char *key);
void fl_flow_read_item(struct fl_task *task, const struct fl_value *ns, const char *key);
