/* SPDX-License-Identifier: MIT */
/* What the processes of tests/contend share while they run: a page of counters in a file, for nobody but the driver's
 * sense of time. What is checked afterwards stands in the record, a line for each thing that a client did or was told:
 *
 *   start TOKEN NANOSECOND STRATEGY PID
 *   end TOKEN NANOSECOND STATUS CHECKPOINT|- TEXT
 *   resume THREAD ROLE STATUS TEXT
 *   state THREAD ANSWER[,ANSWER…]
 *
 * A token names one run of one client: CLIENT.INCARNATION.NUMBER; none is used twice. */
#pragma once
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { CLIENTS = 8, LEASE_MS = 300, TOKEN_SIZE = 24, TEXT_SIZE = 200 };

struct board {
  atomic_long ended[CLIENTS]; /* runs that have ended, of each client */
  atomic_long done;           /* runs that were told to be done */
  atomic_long done_by[CLIENTS];
  atomic_int runner;          /* the process whose node ran last */
  atomic_int arrived;         /* at the barrier of the resumes */
};

static inline struct board *board_open(const char *path) {
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0 || ftruncate(fd, sizeof(struct board)) != 0) abort();
  struct board *board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (board == MAP_FAILED) abort();
  close(fd);
  return board;
}
