/* SPDX-License-Identifier: MIT */
/* The side lock: see the header. Runs on the store's writer thread, and on the loop while a store opens and closes. */
#include "runtime/store/lock.h"

#include "runtime/base/check.h"
#include "runtime/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

enum { PAUSE_FIRST_US = 100, PAUSE_LAST_US = 5000 };

int fl_lock_open(struct fl_lock *lock, const char *path, struct fl_error *err) {
  char *lock_path = fl_format("%s.lock", path);
  int fd = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) {
    int status = fl_error_set(err, errno == ENOSPC ? FL_E_NO_SPACE : FL_E_IO, "%s: %s", lock_path, strerror(errno));
    fl_free(lock_path);
    return status;
  }
  *lock = (struct fl_lock){.fd = fd, .path = lock_path};
  return 0;
}

void fl_lock_close(struct fl_lock *lock) {
  if (lock->path == NULL) return;
  close(lock->fd);
  fl_free(lock->path);
  *lock = (struct fl_lock){.fd = -1};
}

static long read_holder(const struct fl_lock *lock) {
  char text[32];
  ssize_t size = pread(lock->fd, text, sizeof text - 1, 0);
  if (size <= 0) return 0;
  text[size] = 0;
  return strtol(text, NULL, 10);
}

/* For the message of whoever waits; nothing depends on it, so a full disk is no reason to stop here. */
static void write_holder(const struct fl_lock *lock) {
  char text[16];
  snprintf(text, sizeof text, "%10d\n", (int)getpid());
  if (pwrite(lock->fd, text, strlen(text), 0) < 0) return;
}

bool fl_lock_try(struct fl_lock *lock) {
  int status;
  do status = flock(lock->fd, LOCK_EX | LOCK_NB);
  while (status != 0 && errno == EINTR);
  if (status == 0) write_holder(lock);
  return status == 0;
}

static int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int fl_lock_take(struct fl_lock *lock, struct fl_error *err) {
  int64_t end_ms = now_ms() + FL_LOCK_WAIT_MS;
  for (useconds_t pause_us = PAUSE_FIRST_US; !fl_lock_try(lock); pause_us *= 2) {
    if (errno != EWOULDBLOCK)
      return fl_error_set(err, FL_E_IO, "%s: cannot be locked: %s", lock->path, strerror(errno));
    if (now_ms() >= end_ms)
      return fl_error_set(err, FL_E_BUSY, "%s: pid %ld has held the store for %d seconds; is it stopped?", lock->path,
                          read_holder(lock), FL_LOCK_WAIT_MS / 1000);
    if (pause_us > PAUSE_LAST_US) pause_us = PAUSE_LAST_US;
    usleep(pause_us);
  }
  return 0;
}

void fl_lock_drop(struct fl_lock *lock) { fl_check(flock(lock->fd, LOCK_UN) == 0); }
