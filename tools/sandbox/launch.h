/* SPDX-License-Identifier: MIT */
/* fairlead-launch: the small process that stands over one tool for as long as it lives.
 *
 *   fairlead-launch [--policy-fd N] [--env-fd N] [--control-fd N] --parent PID -- PROGRAM [ARGUMENT...]
 *   fairlead-launch --probe
 *
 * It starts the tool in a session of its own and gives it nothing but the descriptors 0, 1 and 2 and what the policy
 * allows. It cannot become the tool itself: the kernel's parent-death signal reaches only a direct child, and a
 * grandchild that has left the group is found only by the process it is handed down to, which is the nearest "child
 * subreaper" above it.
 *
 * Invariants. (1) When the launcher ends in any way but SIGKILL, no descendant of the tool is left. When it is killed,
 * the tool is killed by the kernel. (2) The launcher ends with the tool's exit status, or by the tool's signal. (3)
 * What the launcher cannot enforce is not started (exit 126): an unknown policy is refused. (4) A policy is in force
 * before the first instruction of the tool; the launcher itself stays outside it.
 *
 * Environment: NUL-terminated NAME=VALUE texts on a descriptor. It never is the launcher's own, in which LD_PRELOAD
 * would let a tool's configuration run code ahead of the policy.
 * Control: each byte is the number of a signal for the tool's group, SIGKILL for all descendants. Its end, like
 * the death of the parent, gives the tool FL_LAUNCH_GRACE_MS after a SIGTERM; then everything is killed. When that is a
 * socket, the launcher says on it which limit has ended the tool: "limit memory\n"; and a policy with hosts sends the
 * listening socket of the tool's own network over it, on which the parent runs the proxy: "proxy\n".
 * Exit 127: the program cannot be run; 126: the launcher refused; 125: wrong use. */
#pragma once
#include <sys/types.h>

enum { FL_LAUNCH_GRACE_MS = 500, FL_LAUNCH_SWEEP_MS = 1200, FL_LAUNCH_BOMB_MS = 10000 };
/* No core file: a limit of 0 does not keep the kernel from piping one to a collector (core(5)); of 1 byte it does
 * (fs/coredump.c), and no file is that small. */
enum { FL_LAUNCH_CORE_BYTES = 1 };
enum { FL_LAUNCH_MISUSED = 125, FL_LAUNCH_REFUSED = 126, FL_LAUNCH_NOT_FOUND = 127 };

struct fl_confinement;

struct fl_launch {
  int policy_fd;  /* -1: none */
  int env_fd;     /* -1: the tool has ours */
  int control_fd; /* -1: none */
  pid_t parent;
  char **argv;                        /* of the tool */
  char **env;                         /* of the tool */
  struct fl_confinement *confinement; /* NULL: it may do what we may */
  int channel_fd;                     /* to process 1 of the tool's namespaces; -1: it has none */
};

/* What is known at the end. */
struct fl_launch_end {
  int status;     /* as of waitpid */
  char limit[16]; /* the limit that it was over; "": none */
};

/* launch.c: one line on standard error, after "fairlead-launch: ". */
void fl_launch_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The tool's pipes are the tool's alone: their end must be seen although the launcher lives on. */
void fl_launch_let_go(const struct fl_launch *launch);

/* input.c: the environment and the policy, from their descriptors; 0, or -1 after a complaint. */
int fl_launch_read_environment(struct fl_launch *launch);
int fl_launch_read_policy(struct fl_launch *launch);

/* tool.c: in the child; applies everything and becomes the tool. Does not return. */
_Noreturn void fl_launch_exec(const struct fl_launch *launch, pid_t supervisor);
enum { FL_LAUNCH_KEEP_COUNT = 4 };
/* Closes all descriptors from 3 on but these (-1: none). */
void fl_launch_close_except(const int keep[FL_LAUNCH_KEEP_COUNT]);

/* secret.c: in the child, before its rights go; the policy's secrets become files. -1: that cannot be. */
int fl_launch_place_secrets(const struct fl_launch *launch);
/* Above the tool, once it is on its way: what was read for it, its secrets among that, is wiped. */
void fl_launch_forget_environment(const struct fl_launch *launch);

/* keeper.c: starts the tool, in namespaces with a process 1 above it where that is wanted and works. -1 with errno. */
pid_t fl_launch_start(struct fl_launch *launch, int signal_fd);

/* door.c: in the tool's own network: a listening socket, which goes to the parent, and what programs know a proxy by in
 * the environment. -1 with errno. */
int fl_launch_open_door(struct fl_launch *launch);

/* probe.c: what this machine can enforce, a line for each layer. */
int fl_launch_probe(void);

/* supervise.c: follows the tool to its end, clears away what it left, and ends as the tool did. */
_Noreturn void fl_launch_supervise(const struct fl_launch *launch, pid_t tool, int signal_fd);
/* Blocks the signals it watches, asks for the one of the parent's death; -1 on failure. */
int fl_launch_signal_fd(void);
