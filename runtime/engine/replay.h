/* SPDX-License-Identifier: MIT */
/* A run once more, with the answers that models and tools gave before: nothing leaves the process. The answers are the
 * messages that each superstep of the root graph added, in their order: an assistant's message answers the next call of
 * a model in that superstep, tool messages stand for the whole of a tools node. A call without an answer fails. */
#pragma once
#include "runtime/engine/engine.h"

/* {"STEP": [MESSAGE…]}: from now on all runs of the runtime are answered from them. Takes the object, which nobody
 * else may hold. */
void fl_replay_set_take(struct fl_runtime *runtime, struct fl_value *steps);

/* For the engine: whether a call was answered (or failed), and what became of a node: 1, its results are written; 0,
 * it is entered; negative, it has failed. */
bool fl_replay_call(struct fl_task_call *call);
int fl_replay_node(struct fl_task *task);
