/* SPDX-License-Identifier: MIT */
/* Leases: see the header. */
#include "runtime/store/lease.h"

#include "runtime/store/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A small file of /proc, terminated; its size, or 0. */
static size_t read_small(const char *path, char *ret_text, size_t text_max) {
  FILE *file = fopen(path, "re");
  if (file == NULL) return 0;
  size_t size = fread(ret_text, 1, text_max - 1, file);
  fclose(file);
  ret_text[size] = 0;
  return size;
}

enum { PF_EXITING = 4 }; /* the kernel's flag of a task on its way out */

/* Fields 3 (state), 9 (flags), 20 (threads) and 22 (start time) of /proc/PID/stat, counted after the command's name,
 * which may hold anything but ends at the last ")". A process that only waits to be reaped has ended, and so has one
 * whose last thread is on its way out. Where the first thread has ended and others have not, the process lives. */
static bool read_start_ticks(int64_t pid, uint64_t *ret_ticks) {
  char path[64], text[1024], state;
  unsigned flags;
  long threads;
  snprintf(path, sizeof path, "/proc/%" PRId64 "/stat", pid);
  if (read_small(path, text, sizeof text) == 0) return false;
  char *at = strrchr(text, ')');
  if (at == NULL || sscanf(at, ") %c %*d %*d %*d %*d %*d %u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %ld %*d %" SCNu64,
                           &state, &flags, &threads, ret_ticks) != 4)
    return false;
  bool is_ending = state == 'Z' || state == 'X' || (flags & PF_EXITING) != 0;
  return !is_ending || threads > 1;
}

static void read_place(char ret_place[64]) {
  char boot[48];
  struct stat status;
  ret_place[0] = 0;
  if (read_small("/proc/sys/kernel/random/boot_id", boot, 37) != 36) return;
  if (stat("/proc/self/ns/pid", &status) != 0) return;
  snprintf(ret_place, 64, "%s/%" PRIu64, boot, (uint64_t)status.st_ino);
}

void fl_holder_self(uint64_t token, struct fl_holder *ret_self) {
  *ret_self = (struct fl_holder){.pid = getpid(), .token = token};
  read_place(ret_self->place);
  if (!read_start_ticks(ret_self->pid, &ret_self->start_ticks)) ret_self->place[0] = 0;
}

bool fl_holder_is_dead(const struct fl_holder *holder, const struct fl_holder *self) {
  if (self->place[0] == 0 || strcmp(holder->place, self->place) != 0) return false;
  uint64_t start_ticks;
  return !read_start_ticks(holder->pid, &start_ticks) || start_ticks != holder->start_ticks;
}

bool fl_holder_is_other(const struct fl_holder *holder, const struct fl_holder *self) {
  return holder->token != self->token;
}

bool fl_lease_is_held(const struct fl_lease *lease, const struct fl_lease_ask *ask) {
  return lease->holder.pid != 0 && ask->wall_ms < lease->expires_ms && !ask->is_gone(&lease->holder, ask->self);
}

int fl_lease_check(const struct fl_lease *lease, const struct fl_lease_ask *ask, struct fl_error *err) {
  if (lease->fence == ask->fence) return 0;
  if (lease->holder.pid != 0)
    return fl_error_set(err, FL_E_CONFLICT,
                        "thread %s lost its lease to pid %" PRId64 " (fence %" PRIu64 " is now %" PRIu64 ")",
                        ask->thread, lease->holder.pid, ask->fence, lease->fence);
  return fl_error_set(err, FL_E_CONFLICT,
                      "thread %s lost its lease: it was run by another process since (fence %" PRIu64 " is now %" PRIu64
                      ")",
                      ask->thread, ask->fence, lease->fence);
}

int fl_lease_check_free(const struct fl_lease *lease, const struct fl_lease_ask *ask, struct fl_error *err) {
  if (!fl_lease_is_held(lease, ask)) return 0;
  return fl_error_set(err, FL_E_BUSY, "thread %s is being run by pid %" PRId64 "; wait for it to end, or stop it",
                      ask->thread, lease->holder.pid);
}

int fl_lease_check_held(const struct fl_lease *lease, const struct fl_lease_ask *ask, struct fl_error *err) {
  if (fl_lease_is_held(lease, ask)) return 0;
  return fl_error_set(err, FL_E_STATE, "nobody runs thread %s", ask->thread);
}

static int64_t expires_ms(const struct fl_lease_ask *ask) {
  return ask->wall_ms + (ask->lease_ms > 0 ? ask->lease_ms : FL_LEASE_MS);
}

int fl_lease_acquire(struct fl_lease *lease, const struct fl_lease_ask *ask, struct fl_error *err) {
  int status = fl_lease_check_free(lease, ask, err);
  if (status != 0) return status;
  lease->holder = *ask->self;
  lease->fence++;
  lease->expires_ms = expires_ms(ask);
  return 0;
}

int fl_lease_renew(struct fl_lease *lease, const struct fl_lease_ask *ask, struct fl_error *err) {
  int status = fl_lease_check(lease, ask, err);
  if (status != 0) return status;
  if (lease->holder.pid == 0)
    return fl_error_set(err, FL_E_CONFLICT, "the lease of thread %s was given back before it was renewed", ask->thread);
  lease->expires_ms = expires_ms(ask);
  return 0;
}

int fl_lease_release(struct fl_lease *lease, const struct fl_lease_ask *ask, struct fl_error *err) {
  int status = fl_lease_check(lease, ask, err);
  if (status != 0) return status;
  lease->holder = (struct fl_holder){0};
  lease->expires_ms = 0;
  return 0;
}
