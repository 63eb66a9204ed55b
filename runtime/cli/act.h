/* SPDX-License-Identifier: MIT */
/* Acts of whoever administers, as commands leave them in the audit log of a store. */
#pragma once
#include "graph/record.h"
#include "runtime/cli/cli.h"

/* Adds a record to those that a transaction brings for the log (txn->audit): what was done, to what, and by whom: the
 * user of this process. Takes `body`. */
void fl_act_add(struct fl_records *records, const char *what, struct fl_value *body, int64_t wall_ms);

/* Leaves a record about something that is not in the store, in the store of --store or else in the default one if there
 * is one: what is done without a store is not recorded. Takes `body`. 0, or an exit code after a message. */
int fl_act_leave(const struct fl_args *args, const char *what, struct fl_value *body);
