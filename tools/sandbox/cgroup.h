/* SPDX-License-Identifier: MIT */
/* A cgroup (version 2) of the tool's own, where a part of the tree is left to us: what is in it is counted exactly,
 * ends at one word, and is held by limits of the kernel's. Linux, Documentation/admin-guide/cgroup-v2.
 *
 * Invariants. (1) Nothing is made outside of the cgroup that this process was started in, so a limit of whoever started
 * it holds for the tool, too. (2) A folder of a tool is locked by its launcher: one that nobody locks was left behind
 * by a launcher that was killed, and is cleared away by the next. (3) No other than this program's own processes are
 * moved.
 */
#pragma once
#include "tools/sandbox/policy.h"

#include <sys/types.h>

struct fl_cgroup {
  int base_fd, leaf_fd; /* the folder of the tools, and the tool's own; -1: there is none */
  char name[40];        /* of the leaf */
  bool has_memory;      /* the kernel holds it to the limit of memory */
};
#define FL_CGROUP_NONE ((struct fl_cgroup){.base_fd = -1, .leaf_fd = -1})

/* cgroup_place.c: the folder in which tools may have theirs, with what controllers can be had. `parent` is the process
 * that started this one. The caller closes it; -1 with errno. */
int fl_cgroup_place(pid_t parent);
/* A small file of a cgroup's, as a text; how much of it, 0 when it cannot be read. */
size_t fl_cgroup_read(int folder, const char *name, char *text, size_t size);
int fl_cgroup_write(int folder, const char *name, const char *text);

/* cgroup.c: makes the leaf, with the limits of this policy. -1 with errno; then there is none. */
int fl_cgroup_open(struct fl_cgroup *cgroup, const struct fl_sandbox *sandbox, pid_t parent);
/* As fork, with these flags of clone; the child begins in the leaf, where there is one. */
pid_t fl_cgroup_clone(const struct fl_cgroup *cgroup, uint64_t flags);
/* The limit that the leaf is over; NULL: none. `beside` processes in it are not the tool's. */
const char *fl_cgroup_look(const struct fl_cgroup *cgroup, const struct fl_sandbox *sandbox, size_t beside);
/* "memory" when the kernel has killed in the leaf because of its limit; NULL: it has not. */
const char *fl_cgroup_killed_for(const struct fl_cgroup *cgroup);
void fl_cgroup_kill(const struct fl_cgroup *cgroup); /* all that is in the leaf, at once; nothing before Linux 5.14 */
void fl_cgroup_forget(struct fl_cgroup *cgroup);     /* the leaf stays */
void fl_cgroup_close(struct fl_cgroup *cgroup);      /* the leaf goes, with all that is in it; repeatable */
