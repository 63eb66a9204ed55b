/* SPDX-License-Identifier: MIT */
/* The launcher's life after the start: wait for the tool, the control pipe and signals, in one poll loop.
 *
 * Happy path: the tool exits, what it left behind is killed, the launcher exits with the same status.
 * Failure modes: the parent dies or lets go of the control pipe: SIGTERM, FL_LAUNCH_GRACE_MS, then SIGKILL to
 * everything. Descendants that multiply faster than they are killed: the sweep gives up in the end. */
#include "tools/sandbox/launch.h"

#include "tools/sandbox/layers.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct watch {
  const struct fl_launch *launch;
  pid_t tool;
  int signal_fd;
  int control_fd;      /* -1 once it has ended */
  int64_t deadline_ms; /* for the tool to be gone; 0: none */
  const char *limit;   /* that it was over; NULL: none */
};

#define PARENT_DIED SIGRTMAX /* nobody sends this one by chance */

static int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- clearing away ---- */

static void kill_descendants(const struct fl_launch *launch) {
  if (launch->confinement != NULL) fl_cgroup_kill(&launch->confinement->cgroup);
  fl_watch_kill_all();
}

/* Orphans become our children, and descendants are looked for at any depth, so killing and reaping until there are none
 * reaches them all. The number of a child cannot belong to a stranger before we reap it; that of a child's child could
 * only if the kernel went round all numbers between the look and the kill. */
static void sweep(const struct fl_launch *launch, int64_t most_ms) {
  int64_t deadline_ms = now_ms() + most_ms;
  while (now_ms() < deadline_ms) {
    pid_t pid = waitpid(-1, NULL, WNOHANG);
    if (pid < 0 && errno == ECHILD) return;
    if (pid != 0) continue;
    kill_descendants(launch);
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
  }
}

static _Noreturn void end_as(int status) {
  if (WIFEXITED(status)) _exit(WEXITSTATUS(status));
  int number = WTERMSIG(status);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, number);
  signal(number, SIG_DFL);
  sigprocmask(SIG_UNBLOCK, &set, NULL);
  prctl(PR_SET_DUMPABLE, 0); /* no core of the launcher in the tool's name */
  kill(getpid(), number);
  _exit(128 + number);
}

/* What the keeper has told, if there is one and it had the time. */
static struct fl_launch_end read_end(const struct watch *watch, int status) {
  struct fl_launch_end end = {.status = status}, told;
  int channel_fd = watch->launch->channel_fd;
  if (channel_fd >= 0 && recv(channel_fd, &told, sizeof told, MSG_DONTWAIT) == sizeof told) end = told;
  const struct fl_confinement *confinement = watch->launch->confinement;
  const char *limit = watch->limit;
  if (limit == NULL && confinement != NULL) limit = fl_cgroup_killed_for(&confinement->cgroup);
  if (limit != NULL) snprintf(end.limit, sizeof end.limit, "%s", limit);
  bool is_cpu = WIFSIGNALED(end.status) && WTERMSIG(end.status) == SIGXCPU;
  if (end.limit[0] == '\0' && is_cpu && confinement != NULL) snprintf(end.limit, sizeof end.limit, "cpu");
  return end;
}

/* The tool's group is killed while the tool is a zombie, so that its number cannot belong to another group. */
static _Noreturn void finish(const struct watch *watch) {
  int status = 0;
  struct fl_confinement *confinement = watch->launch->confinement;
  kill(-watch->tool, SIGKILL);
  while (waitpid(watch->tool, &status, 0) < 0 && errno == EINTR) continue;
  sweep(watch->launch, watch->limit != NULL ? FL_LAUNCH_BOMB_MS : FL_LAUNCH_SWEEP_MS);
  struct fl_launch_end end = read_end(watch, status);
  if (confinement != NULL) fl_cgroup_close(&confinement->cgroup);
  char line[32];
  int size = snprintf(line, sizeof line, "limit %s\n", end.limit);
  if (end.limit[0] != '\0' && watch->control_fd >= 0) send(watch->control_fd, line, (size_t)size, MSG_NOSIGNAL);
  end_as(end.status);
}

/* ---- events ---- */

static bool has_tool_ended(const struct watch *watch) {
  siginfo_t info = {0};
  while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0) {
    if (info.si_pid == watch->tool) return true;
    waitpid(info.si_pid, NULL, WNOHANG); /* an orphan that was handed down to us */
    info.si_pid = 0;
  }
  return false;
}

static void signal_group(const struct watch *watch, int number) {
  if (kill(-watch->tool, number) != 0) kill(watch->tool, number); /* it may have no group of its own yet */
}

static void begin_end(struct watch *watch) {
  if (watch->deadline_ms != 0) return;
  watch->deadline_ms = now_ms() + FL_LAUNCH_GRACE_MS;
  signal_group(watch, SIGTERM);
  signal_group(watch, SIGCONT);
}

static void kill_all(struct watch *watch) {
  signal_group(watch, SIGKILL);
  kill_descendants(watch->launch);
}

static void read_control(struct watch *watch) {
  unsigned char bytes[64];
  ssize_t got = read(watch->control_fd, bytes, sizeof bytes);
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) return;
  for (ssize_t i = 0; i < got; i++) {
    if (bytes[i] == SIGKILL) kill_all(watch);
    else if (bytes[i] > 0 && bytes[i] < NSIG) signal_group(watch, bytes[i]);
  }
  if (got > 0) return;
  close(watch->control_fd);
  watch->control_fd = -1;
  begin_end(watch);
}

static void read_signal(struct watch *watch) {
  struct signalfd_siginfo info;
  if (read(watch->signal_fd, &info, sizeof info) != sizeof info) return;
  int number = (int)info.ssi_signo;
  if (number == PARENT_DIED) {
    if (getppid() != watch->launch->parent) begin_end(watch); /* otherwise only the thread that started us has ended */
  } else if (number != SIGCHLD) {
    signal_group(watch, number);
  }
}

static bool must_look(const struct watch *watch) {
  const struct fl_confinement *confinement = watch->launch->confinement;
  if (confinement == NULL || watch->limit != NULL) return false;
  bool has_cgroup = confinement->cgroup.leaf_fd >= 0;
  return (has_cgroup || watch->launch->channel_fd < 0) && fl_sandbox_has_limits(&confinement->sandbox);
}

/* In the cgroup, where there is one. At the rest it is the keeper that looks, where there is one. */
static const char *limit_passed(const struct watch *watch) {
  const struct fl_confinement *confinement = watch->launch->confinement;
  bool has_keeper = watch->launch->channel_fd >= 0;
  const char *limit = fl_cgroup_look(&confinement->cgroup, &confinement->sandbox, has_keeper);
  const struct fl_watched watched = fl_watch_of(confinement);
  return limit != NULL || has_keeper || !fl_watch_is_needed(&watched) ? limit : fl_watch_look(&watched);
}

static void look(struct watch *watch) {
  watch->limit = limit_passed(watch);
  if (watch->limit != NULL) kill_all(watch);
}

static int wait_ms(const struct watch *watch) {
  int64_t left = watch->deadline_ms != 0 ? watch->deadline_ms - now_ms() : INT32_MAX;
  if (must_look(watch) && left > FL_WATCH_MS) left = FL_WATCH_MS;
  return left == INT32_MAX ? -1 : left > 0 ? (int)left : 0;
}

int fl_launch_signal_fd(void) {
  static const int numbers[] = {SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};
  sigset_t set;
  sigemptyset(&set);
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    signal(numbers[i], SIG_DFL); /* an ignored SIGCHLD would leave nothing to wait for */
    sigaddset(&set, numbers[i]);
  }
  sigaddset(&set, PARENT_DIED);
  if (sigprocmask(SIG_SETMASK, &set, NULL) != 0 || prctl(PR_SET_PDEATHSIG, PARENT_DIED) != 0) return -1;
  return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

_Noreturn void fl_launch_supervise(const struct fl_launch *launch, pid_t tool, int signal_fd) {
  struct watch watch = {.launch = launch, .tool = tool, .signal_fd = signal_fd, .control_fd = launch->control_fd};
  if (getppid() != launch->parent) begin_end(&watch); /* it died before the kernel was asked */
  while (!has_tool_ended(&watch)) {
    struct pollfd fds[] = {{.fd = watch.signal_fd, .events = POLLIN}, {.fd = watch.control_fd, .events = POLLIN}};
    int ready = poll(fds, 2, wait_ms(&watch));
    if (must_look(&watch)) look(&watch);
    if (watch.deadline_ms != 0 && now_ms() >= watch.deadline_ms) {
      kill_all(&watch);
      watch.deadline_ms = now_ms() + 100; /* again, should one have slipped through */
    }
    if (ready <= 0) continue;
    if (fds[0].revents != 0) read_signal(&watch);
    if (fds[1].revents != 0) read_control(&watch);
  }
  finish(&watch);
}
