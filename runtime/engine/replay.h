/* SPDX-License-Identifier: MIT */
/* A run once more, with the answers that models, tools and people gave before: nothing leaves the process, nobody is
 * asked. The answers are what each superstep of the root graph left in the channels. What has none fails.
 *
 * (1) An assistant's message that came in answers the next call of a model in that superstep; tool messages stand for
 * the whole of a tools node, a person's approval included. The same holds of agents and tools in a graph inside, by the
 * messages that the node around added, if that was the only task of its superstep.
 * (2) What nodes of the types tool, http and judge wrote is what their call came to; what an interrupt or memory node
 * wrote is its outcome. It is taken back out of the channel by its reducer. Where that cannot be done (several writers
 * of a sum, a reducer of a program, a channel that is not stored), and in graphs inside, there is no answer.
 * (3) A call of a tool node with other arguments than then has no answer, either. */
#pragma once
#include "runtime/engine/engine.h"

/* From now on all runs of the runtime are answered from `steps`, which it takes and which nobody else may hold:
 * {"STEP": {"messages": [MESSAGE…],          that it added
 *           "before": {…}, "after": {…},     the state around it
 *           "nodes": {"NODE": COUNT},        how many tasks each node had
 *           "calls": {"NODE": [HASH or null…]}}}  its calls of tools: the hash of the arguments as in the span, if it
 *                                                 is to be compared */
void fl_replay_set_take(struct fl_runtime *runtime, struct fl_value *steps);

/* For the engine: whether a call was answered (or failed), whether a person's approval of it is taken for given, and
 * what became of a node: 1, its results are written; 0, it is entered; negative, it has failed. */
bool fl_replay_is_on(const struct fl_runtime *runtime); /* nothing outside is looked at, either */
bool fl_replay_call(struct fl_task_call *call);
bool fl_replay_approves(const struct fl_task_call *call);
int fl_replay_node(struct fl_task *task);
