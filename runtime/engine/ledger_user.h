/* SPDX-License-Identifier: MIT */
/* What a user spends in a day (UTC), over all threads: an item of the memory for each thread, under a name that is a
 * hash of the user's. Each is written by the holder of its thread alone, so that nothing is lost between processes. */
#pragma once
#include "runtime/engine/engine.h"

/* Sums what other threads have spent today; `ret_own` (NULL: not wanted): what this one has. */
void fl_ledger_user_read(struct fl_invocation *invocation, double ret_others[FL_SPENDING_COUNT],
                         double ret_own[FL_SPENDING_COUNT]);
/* Submitted before the commit that follows, so that it is on disk with it. */
void fl_ledger_user_write(struct fl_invocation *invocation, const double own[FL_SPENDING_COUNT]);
