/* SPDX-License-Identifier: MIT */
/* What the engine says to the audit log of its store: how each tool call was decided under a manifest, what was denied
 * in any case, and what persons answered. The records stand in task->audit until the next commit of the task takes
 * them: that of the call's intent, of its result, or of the task's end. */
#pragma once
#include "runtime/engine/engine.h"

/* What became of a call of a tool: "call.allowed", "call.denied", "call.asked", "call.approved", "call.edited",
 * "call.rejected", or of a model's "model.denied". A call whose result is in the journal was decided about before, and
 * one that only the graph's own list allows says nothing: the journal has it. */
struct fl_audit_outcome {
  int permitted; /* 1: it may go on; 0: not, or not yet; -1: with other arguments, which are decided about again */
  const struct fl_value *answer; /* of the person who decided; NULL: nobody did */
};
void fl_audit_permit(struct fl_task_call *call, const struct fl_decision *decision,
                     const struct fl_audit_outcome *outcome);
/* "call.suspended": the definition of its tool is not the one that was seen first. (Where a manifest pins the server,
 * fl_audit_permit says so, with the rule.) */
void fl_audit_suspended(struct fl_task_call *call);

/* "call.granted": a person has allowed all calls of this tool that satisfy the schema. */
void fl_audit_granted(struct fl_task_call *call, const struct fl_decision *decision, const struct fl_value *schema,
                      const char *by);

/* audit_secret.c: from now on "secret.used" for each secret that a process is given: its name and whose process it is,
 * in a transaction of its own, of no thread. */
void fl_audit_watch_secrets(struct fl_runtime *runtime);

/* Into a list of records that is about to be committed. */
void fl_audit_join(struct fl_task *task, struct fl_records *records);
/* The task has ended: into the first commit among the effects of that, or a commit of their own. */
void fl_audit_settle(struct fl_task *task, struct fl_effects *effects);
