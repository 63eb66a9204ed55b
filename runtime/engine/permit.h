/* SPDX-License-Identifier: MIT */
/* Whether a tool may be listed or called: what the engine knows goes to fl_policy_decide, and where a person must
 * decide, the person is asked. */
#pragma once
#include "runtime/engine/engine.h"

/* The decision about a call, or with args == NULL about listing; ret_decision is the caller's to deinit. `node_allow`
 * may be NULL. */
void fl_permit_decide(const struct fl_task *task, const char *const *node_allow, const char *tool,
                      struct fl_value *args, struct fl_decision *ret_decision);

/* Whether the journal has the result of this very call, so that there is nothing left to decide. */
bool fl_permit_is_past(struct fl_task_call *call, const struct fl_decision *decision);

/* True: a person has approved this call. False: it waits for an answer, or was rejected and has ended. */
bool fl_permit_ask(struct fl_task_call *call, const struct fl_decision *decision);

/* The call is made: it counts against max_calls of its rule. */
void fl_permit_count(const struct fl_task_call *call);
