/* SPDX-License-Identifier: MIT */
/* The layers of the launcher, one file each. All of them work on the calling process. What is asked for and cannot be
 * had is -1 with errno; nothing is weakened silently but what `struct fl_confinement` says. */
#pragma once
#include "tools/sandbox/cgroup.h"
#include "tools/sandbox/policy.h"

#include <sys/types.h>

struct fl_launch;

enum { FL_REACH_PATHS_MAX = FL_SANDBOX_PATHS_MAX + 64, FL_LAUNCH_PATH_SIZE = 4096 };

struct fl_reach_path {
  const char *path;
  bool may_write, may_run;
};

/* One policy on this machine. Filled by the launcher before it starts the tool. */
struct fl_confinement {
  struct fl_sandbox sandbox;
  struct fl_reach_path paths[FL_REACH_PATHS_MAX]; /* what the sandbox grants, the system's part, the program */
  size_t path_count;
  char program[FL_LAUNCH_PATH_SIZE];     /* absolute */
  char interpreter[FL_LAUNCH_PATH_SIZE]; /* of a script; "": none */
  char cwd[FL_LAUNCH_PATH_SIZE];
  int program_fd;      /* of a pinned program; -1: none */
  bool is_copy;        /* it is a sealed copy of the program, and has no path */
  bool has_namespaces; /* the calling process is in namespaces of its own */
  bool has_scope;      /* the kernel keeps signals inside */
  uint16_t port;       /* of the proxy inside the namespace; 0: none */
  struct fl_cgroup cgroup;
};

/* base.c: what every program needs of the system, the program itself, and what the policy grants. */
void fl_base_add(struct fl_confinement *confinement);

/* program.c: finds the program as execvp would, under the PATH of `env`; checks its hash. -1 after a complaint. */
int fl_program_find(struct fl_confinement *confinement, const char *name, char *const *env);
int fl_program_pin(struct fl_confinement *confinement);
/* In another tree of files: the same file again, or -1. */
int fl_program_reopen(struct fl_confinement *confinement);
/* Becomes the program; returns after a failure, with errno. The texts must be those of fl_program_secret. */
struct fl_program_call {
  char *path, *empty; /* where nobody expects them: the filter lets these through by their place alone */
};
int fl_program_secret(const struct fl_confinement *confinement, struct fl_program_call *ret_call);
void fl_program_run(const struct fl_confinement *confinement, const struct fl_program_call *call, char *const *argv,
                    char *const *env);

/* landlock.c */
int fl_landlock_abi(void); /* 0: none */
int fl_landlock_apply(const struct fl_confinement *confinement);

/* filter.c: seccomp. */
bool fl_filter_is_there(void);
int fl_filter_apply(const struct fl_confinement *confinement, const struct fl_program_call *call);

/* limits.c: rlimits, capabilities and other things that are given up for good. */
int fl_limits_apply(const struct fl_confinement *confinement);
int fl_rights_drop(void);

/* watch.c: what the kernel does not count for us, because there is no cgroup or not all of its controllers. */
struct fl_watched {
  uint64_t procs, memory, cpu_ms; /* 0: not watched */
};
struct fl_watched fl_watch_of(const struct fl_confinement *confinement);
/* The name of the limit that the descendants of this process are over; NULL: none. */
const char *fl_watch_look(const struct fl_watched *watched);
/* The watching process comes before all that it watches, where the user may say so (root may; and only root has no
 * limit of the kernel's behind the watch): among thousands that run, its turn would come after seconds. 0: this
 * process. */
void fl_watch_prefer(pid_t pid);
/* Kills all descendants of this process that there are now, at whatever depth. How many. */
size_t fl_watch_kill_all(void);
enum { FL_WATCH_MS = 20 };
static inline bool fl_watch_is_needed(const struct fl_watched *watched) {
  return watched->procs != 0 || watched->memory != 0 || watched->cpu_ms != 0;
}

/* space.c: namespaces. */
enum {
  FL_SPACE_FLAGS = 0x7c020000
}; /* of a process that is process 1 of its own; CLONE_NEW: NS, UTS, IPC, USER, PID, NET */
int fl_space_enter(struct fl_confinement *confinement, uid_t uid, gid_t gid); /* its maps and its files */
