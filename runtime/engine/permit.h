/* SPDX-License-Identifier: MIT */
/* Whether a tool may be listed or called, a model called, a task begun: what the engine knows goes to the policy, and
 * where a person must decide, the person is asked. */
#pragma once
#include "runtime/engine/engine.h"

/* The decision about a call, or with args == NULL about listing; ret_decision is the caller's to deinit. `node_allow`
 * may be NULL. */
void fl_permit_decide(const struct fl_task *task, const char *const *node_allow, const char *tool,
                      struct fl_value *args, struct fl_decision *ret_decision);

/* True: the call of a tool may leave, or its result is known. Otherwise it has been refused, or waits for a person. */
bool fl_permit_call(struct fl_task_call *call);

/* The hosts in the arguments of a call whose addresses would be decided about; none when it is denied in any case. A
 * new array. */
struct fl_value *fl_permit_hosts(struct fl_task_call *call);

/* Whether the journal has the result of this very call, so that nothing is decided about it any more. */
bool fl_permit_is_past(struct fl_task_call *call);

/* Likewise a call of a model: the models that may be called, and budgets. False: it has been refused. */
bool fl_permit_model(struct fl_task_call *call);

/* Whether a task may begin: budgets of steps and time. FL_E_BUDGET, said in the task. */
int fl_permit_step(struct fl_task *task);

/* Whether the policy lets the node know of a tool at all; what it refuses may not show in a text for the model. */
bool fl_task_knows_tool(const struct fl_task *task, const char *tool);
/* The patterns of tools that the task's node may call; NULL: whatever the graph allows. Lent. */
const struct fl_value *fl_task_tool_patterns(const struct fl_task *task);
