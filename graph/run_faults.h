/* SPDX-License-Identifier: MIT */
/* Faults that tests plant to see that they are caught: each breaks one invariant of run.h. All false, always, in
 * production. */
#pragma once
#include <stdbool.h>

struct fl_run_faults {
  bool fold_in_arrival_order; /* breaks (1) */
  bool start_before_commit;   /* breaks (2) */
  bool forget_stored_writes;  /* breaks (3) */
  bool forget_labels;         /* breaks (5): of what stands beside a checkpoint */
  bool no_barrier;            /* a join starts its node at the first report */
};
extern struct fl_run_faults fl_run_faults;
