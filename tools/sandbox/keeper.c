/* SPDX-License-Identifier: MIT */
/* The start of the tool, and the keeper: process 1 of the tool's namespaces.
 *
 *   launcher ── keeper ── tool ── …        with namespaces
 *   launcher ── tool ── …                  without
 *
 * Happy path: the keeper enters its namespaces, starts the tool, says so on the channel; reaps; tells the tool's end on
 * the channel, and ends, by which the kernel kills whatever else is in there.
 * Failure modes: the machine allows no namespaces, or not all of them: the channel ends without a word, and the tool is
 * started without (they are never required). The launcher dies: so does the keeper. A limit is passed: that is told as
 * the end. */
#include "tools/sandbox/launch.h"

#include "tools/sandbox/layers.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct keeper {
  struct fl_watched watched;
  pid_t tool;
  int signal_fd, channel_fd;
};

static _Noreturn void tell_end(const struct keeper *keeper, int status, const char *limit) {
  struct fl_launch_end end = {.status = status};
  snprintf(end.limit, sizeof end.limit, "%s", limit);
  _exit(write(keeper->channel_fd, &end, sizeof end) == sizeof end ? 0 : 1);
}

static void reap(const struct keeper *keeper) {
  int status = 0;
  for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
    if (pid == keeper->tool) tell_end(keeper, status, "");
}

static _Noreturn void keep(const struct keeper *keeper) {
  bool must_look = fl_watch_is_needed(&keeper->watched);
  for (;;) {
    struct pollfd fds[] = {{.fd = keeper->signal_fd, .events = POLLIN}, {.fd = keeper->channel_fd, .events = POLLIN}};
    struct signalfd_siginfo info;
    poll(fds, 2, must_look ? FL_WATCH_MS : -1);
    if (fds[1].revents != 0) _exit(1); /* the launcher is gone */
    while (read(keeper->signal_fd, &info, sizeof info) == sizeof info) continue;
    reap(keeper);
    const char *limit = must_look ? fl_watch_look(&keeper->watched) : NULL;
    if (limit != NULL) tell_end(keeper, SIGKILL, limit);
  }
}

static _Noreturn void enter(struct fl_launch *launch, struct keeper keeper, uid_t uid, gid_t gid) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  setsid();
  fl_cgroup_forget(&launch->confinement->cgroup); /* it is the launcher that looks there */
  if (fl_space_enter(launch->confinement, uid, gid) != 0) _exit(1);
  if (launch->confinement->sandbox.has_way_out && fl_launch_open_door(launch) != 0) _exit(1);
  keeper.tool = fork();
  if (keeper.tool == 0) fl_launch_exec(launch, getppid());
  if (keeper.tool < 0 || write(keeper.channel_fd, "r", 1) != 1) _exit(1);
  fl_launch_let_go(launch);
  if (launch->control_fd >= 0) close(launch->control_fd);
  keep(&keeper);
}

static pid_t start_inside(struct fl_launch *launch, int signal_fd) {
  int ends[2];
  char word = 0;
  uid_t uid = geteuid();
  gid_t gid = getegid();
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return -1;
  launch->confinement->has_namespaces = true;
  fl_base_add(launch->confinement);
  struct keeper keeper = {fl_watch_of(launch->confinement), 0, signal_fd, ends[1]};
  pid_t pid = fl_cgroup_clone(&launch->confinement->cgroup, FL_SPACE_FLAGS);
  if (pid == 0) {
    close(ends[0]);
    enter(launch, keeper, uid, gid);
  }
  close(ends[1]);
  launch->channel_fd = ends[0];
  if (pid > 0 && read(ends[0], &word, 1) == 1) return pid;
  if (pid > 0) waitpid(pid, NULL, 0);
  close(ends[0]);
  launch->channel_fd = -1;
  launch->confinement->has_namespaces = false;
  return -1;
}

/* Who looks at the limits, the keeper or this process, comes before what it looks at. */
static void prefer_watch(const struct fl_launch *launch, pid_t keeper) {
  const struct fl_watched watched = fl_watch_of(launch->confinement);
  bool has_cgroup = launch->confinement->cgroup.leaf_fd >= 0;
  if (fl_watch_is_needed(&watched)) fl_watch_prefer(keeper);
  if (keeper != 0 && has_cgroup && fl_sandbox_has_limits(&launch->confinement->sandbox)) fl_watch_prefer(0);
}

/* Without one, limits are watched. */
static void open_cgroup(const struct fl_launch *launch) {
  struct fl_confinement *confinement = launch->confinement;
  if (fl_sandbox_wants(&confinement->sandbox, FL_LAYER_CGROUP))
    fl_cgroup_open(&confinement->cgroup, &confinement->sandbox, launch->parent);
}

pid_t fl_launch_start(struct fl_launch *launch, int signal_fd) {
  struct fl_confinement *confinement = launch->confinement;
  if (confinement != NULL) {
    open_cgroup(launch);
    bool wants_inside = fl_sandbox_wants(&confinement->sandbox, FL_LAYER_NAMESPACES);
    pid_t pid = wants_inside ? start_inside(launch, signal_fd) : -1;
    if (pid > 0) prefer_watch(launch, pid);
    if (pid > 0) return pid;
    if (wants_inside && confinement->sandbox.has_way_out) {
      fl_cgroup_close(&confinement->cgroup);
      fl_launch_complain(
          "this machine does not enforce the layer \"namespaces\", and without it there is no way out by "
          "host name (the user may do without the layer, and the tool without a network)");
      _exit(FL_LAUNCH_REFUSED);
    }
    fl_base_add(confinement);
  }
  pid_t supervisor = getpid();
  pid_t pid = fl_cgroup_clone(confinement != NULL ? &confinement->cgroup : &FL_CGROUP_NONE, 0);
  if (pid == 0) fl_launch_exec(launch, supervisor);
  if (pid > 0 && confinement != NULL) prefer_watch(launch, 0);
  if (pid < 0 && confinement != NULL) fl_cgroup_close(&confinement->cgroup);
  return pid;
}
