/* SPDX-License-Identifier: MIT */
/* Who runs a thread: a lease with a fence that rises with every acquisition. The decisions are pure functions over the
 * row; whether a process lives is read from /proc. A process is told by pid, start time, boot and pid namespace, so a
 * reused pid is not taken for the holder, and a process that this one cannot see is believed until its lease ends. */
#pragma once
#include <fairlead/error.h>
#include <stdbool.h>
#include <stdint.h>

struct fl_holder {
  int64_t pid; /* 0: nobody */
  uint64_t start_ticks;
  uint64_t token; /* of one open store */
  char place[64]; /* boot id, "/", inode of the pid namespace; "" when unknown */
};

struct fl_lease {
  struct fl_holder holder;
  uint64_t fence;
  int64_t expires_ms;
};

/* Whether `holder` can no longer do anything, as seen by `self`. */
typedef bool (*fl_is_gone_fn)(const struct fl_holder *holder, const struct fl_holder *self);

/* This process; the token is the caller's to give. */
void fl_holder_self(uint64_t token, struct fl_holder *ret_self);

/* By the process table, and by the token alone (for a store that belongs to one process). */
bool fl_holder_is_dead(const struct fl_holder *holder, const struct fl_holder *self);
bool fl_holder_is_other(const struct fl_holder *holder, const struct fl_holder *self);

/* The questions of a transaction about the lease of `thread`; they change `lease` on success only. */
struct fl_lease_ask {
  const char *thread;
  const struct fl_holder *self;
  fl_is_gone_fn is_gone;
  uint64_t fence;
  int64_t wall_ms;
  int64_t lease_ms; /* 0: FL_LEASE_MS */
};
bool fl_lease_is_held(const struct fl_lease *lease, const struct fl_lease_ask *ask);
int fl_lease_check_free(const struct fl_lease *lease, const struct fl_lease_ask *ask,
                        struct fl_error *err); /* FL_E_BUSY */
int fl_lease_check_held(const struct fl_lease *lease, const struct fl_lease_ask *ask,
                        struct fl_error *err); /* FL_E_STATE */
int fl_lease_check(const struct fl_lease *lease, const struct fl_lease_ask *ask, struct fl_error *err);
int fl_lease_acquire(struct fl_lease *lease, const struct fl_lease_ask *ask, struct fl_error *err);
int fl_lease_renew(struct fl_lease *lease, const struct fl_lease_ask *ask, struct fl_error *err);
int fl_lease_release(struct fl_lease *lease, const struct fl_lease_ask *ask, struct fl_error *err);
