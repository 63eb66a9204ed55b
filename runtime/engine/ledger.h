/* SPDX-License-Identifier: MIT */
/* What a thread under a manifest keeps beside its checkpoints: what was spent, what the user said, where values came
 * from, what persons have granted. It stands in the metadata of the thread, under "fairlead", where only runs write it.
 *
 * Invariants. (1) It never goes back: neither a fork, nor a rollback, nor a crash gives anything back that was spent.
 * (2) A reservation is on disk before its call leaves; what the call really spent takes its place when it has answered.
 * So a limit is passed by one call at most, and a crash costs what was reserved. (3) A run counts from an input to the
 * next: what an answer or a new start goes on with counts on. (4) What a user has spent in a day is the sum of items of
 * the memory, one for each thread, each written by the holder of that thread alone. */
#pragma once
#include "runtime/engine/engine.h"

struct fl_ledger;

/* Once the thread is held. Without a manifest there is none. Errors: of reading the store. */
int fl_ledger_open(struct fl_invocation *invocation, struct fl_error *err);
void fl_ledger_close(struct fl_invocation *invocation);
/* An input begins a run of its own; `input` is the user's own text. */
void fl_ledger_begin_run(struct fl_invocation *invocation, const struct fl_value *input);

/* The facts that a decision needs, about a call or only about listing. What they lend is good until the next time. */
void fl_ledger_facts(struct fl_invocation *invocation, bool for_call, struct fl_policy_facts *facts);
/* One call of this tool is left out of what is told until it is said again (NULL: none): that which is asked about has
 * left before, and has counted itself. */
void fl_ledger_leave_out(struct fl_invocation *invocation, const char *tool);
/* A call is about to be made: reserves what it may spend. */
void fl_ledger_reserve(struct fl_task_call *call);
/* It has answered, or come to nothing. */
void fl_ledger_settle(struct fl_task_call *call);
/* A superstep of a frame begins. */
void fl_ledger_step(struct fl_task *task);
/* A person has allowed such calls from now on. Takes the grant. */
void fl_ledger_grant_take(struct fl_invocation *invocation, struct fl_value *grant);
/* The schemas that were granted for a tool before, as a list; the caller's. */
struct fl_value *fl_ledger_grants_of(const struct fl_invocation *invocation, const char *tool);
/* Adds what is not on disk yet to what is about to be committed. */
void fl_ledger_save(struct fl_invocation *invocation, struct fl_records *records);
