/* SPDX-License-Identifier: MIT */
/* What must hold of a thread that many clients ran, by four things that the driver puts into a folder: `record` (what
 * the clients did and were told, board.h), `export` (the thread as a file), `state` (as `threads show --json` says it)
 * and `witness` (what a trigger in the database noted at each row: FENCE|PID|KEY|BODY).
 *
 * (1) One chain: every checkpoint but the first builds on the one before it.
 * (2) No stale write: the checkpoints of one run stand together; whatever a process wrote was written while the lease
 *     was that process's, and fences never fall.
 * (3) Serial: the entries of a run stand together in the log, in order, each once; the n-th count found n - 1.
 * (4) Nothing lost, nothing doubled: a run that was told "done" is whole and its checkpoint is in the chain; one that
 *     was refused, or told that its writes were taken back, left nothing.
 * (5) In real time: a run that began after another was told to be done comes after it.  */
#pragma once
#include <stdbool.h>

struct tally {
  long runs, done, refused, cancelled, taken_back, lost_lease, unknown;
  long checkpoints, audited;
};
/* Says on standard error what does not hold. */
bool check_history(const char *folder, struct tally *tally);

/* Of the resumes: one of each two won, the other was told why not, and the answer of the winner is the only one. */
bool check_resumes(const char *folder, long rounds, bool may_be_busy, struct tally *tally);
