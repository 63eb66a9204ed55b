/* SPDX-License-Identifier: MIT */
/* What the engine says to the audit log of its store: how each tool call was decided under a manifest, what was denied
 * in any case, and what persons answered. The records stand in task->audit until the next commit of the task takes
 * them: that of the call's intent, of its result, or of the task's end. */
#pragma once
#include "runtime/engine/engine.h"

/* What became of a call: "call.allowed", "call.denied", "call.asked", "call.approved", "call.rejected". A call whose
 * result is in the journal (`is_past`) was decided about before, and a call that only the graph's own list allows says
 * nothing: the journal has it. */
void fl_audit_permit(struct fl_task_call *call, const struct fl_decision *decision, bool is_past, bool is_permitted);
/* "call.suspended": the definition of its tool is not the one that is pinned. */
void fl_audit_suspended(struct fl_task_call *call);

/* Into a list of records that is about to be committed. */
void fl_audit_join(struct fl_task *task, struct fl_records *records);
/* The task has ended: into the first commit among the effects of that, or a commit of their own. */
void fl_audit_settle(struct fl_task *task, struct fl_effects *effects);
