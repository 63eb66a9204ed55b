/* SPDX-License-Identifier: MIT */
/* The side lock: a file beside the database, locked by flock around everything that writes or checkpoints, so that no
 * two connections of any process are ever in either at the same time. The kernel frees it when its holder dies. The
 * file says who holds it, or held it last. Not SQLite's own locks: those protect a file, not a sequence of steps. */
#pragma once
#include <fairlead/error.h>
#include <stdbool.h>
#include <stdint.h>

enum { FL_LOCK_WAIT_MS = 5000 };

struct fl_lock {
  int fd; /* -1 when closed */
  char *path;
};

/* PATH is the database's; the lock is PATH ".lock", made with mode 0600. */
int fl_lock_open(struct fl_lock *lock, const char *path, struct fl_error *err);
void fl_lock_close(struct fl_lock *lock); /* repeatable */

/* Waits up to FL_LOCK_WAIT_MS, then FL_E_BUSY with the holder's pid. */
int fl_lock_take(struct fl_lock *lock, struct fl_error *err);
bool fl_lock_try(struct fl_lock *lock);
void fl_lock_drop(struct fl_lock *lock);
