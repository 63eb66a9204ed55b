/* SPDX-License-Identifier: MIT */
/* What tests of process life see from outside: the children, descriptors and threads of this process. It is made the
 * one that orphans are handed down to, so whatever descends from a process that was killed is sooner or later a child
 * of ours: no child means that nothing at all is left. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

int64_t processes_now_ms(void);
void processes_adopt_orphans(void);
/* Milliseconds from now until no child is left; -1: after `most_ms` there still was one. Reaps what has ended. */
int64_t processes_wait_for_none(int64_t most_ms);
/* Kills children until none is left. How many there were. */
int processes_clear(void);

/* Entries of /proc/self/fd or /proc/self/task. */
int processes_count(const char *folder);

/* A child with pipes at its standard input and output; its standard error goes to /dev/null. */
struct spawned {
  pid_t pid;
  int in, out;
};
struct spawned processes_spawn(const char *const *argv);
/* Reads until `words` have come; false: the output has ended before. */
bool spawned_read_until(const struct spawned *spawned, const char *words);
bool spawned_write(const struct spawned *spawned, const char *text);
/* Milliseconds until it has ended; -1: it has not within `most_ms`. */
int64_t spawned_wait(const struct spawned *spawned, int64_t most_ms, int *ret_status);
void spawned_close(struct spawned *spawned);
