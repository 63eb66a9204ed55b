/* SPDX-License-Identifier: MIT */
/* The child's way to becoming the tool. The order matters: what needs rights comes before what takes them away. */
#include "tools/sandbox/launch.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static void close_span(unsigned first, unsigned last) {
  if (first > last || close_range(first, last, 0) == 0) return;
  long limit = sysconf(_SC_OPEN_MAX); /* a kernel before 5.9 */
  for (unsigned fd = first; fd <= last && (long)fd < limit; fd++) close((int)fd);
}

void fl_launch_close_except(const int keep[FL_LAUNCH_KEEP_COUNT]) {
  unsigned from = 3;
  for (;;) {
    unsigned next = UINT_MAX;
    for (int i = 0; i < FL_LAUNCH_KEEP_COUNT; i++)
      if (keep[i] >= (int)from && (unsigned)keep[i] < next) next = (unsigned)keep[i];
    close_span(from, next == UINT_MAX ? next : next - 1);
    if (next == UINT_MAX) return;
    from = next + 1;
  }
}

/* Read whole before anything is given up; the memory is the tool's until exec. */
static int take_environment(int fd) {
  struct stat info;
  if (fstat(fd, &info) != 0) return -1;
  size_t size = (size_t)info.st_size, count = 0, at = 0;
  char *text = calloc(1, size + 1);
  if (text == NULL || pread(fd, text, size, 0) != (ssize_t)size || (size > 0 && text[size - 1] != '\0')) return -1;
  for (size_t i = 0; i < size; i++) count += text[i] == '\0';
  char **env = calloc(count + 1, sizeof *env);
  if (env == NULL) return -1;
  for (size_t i = 0; i < count; i++) {
    env[i] = text + at;
    at += strlen(text + at) + 1;
  }
  environ = env;
  close(fd);
  return 0;
}

static void reset_signals(void) {
  for (int number = 1; number <= SIGRTMAX; number++) signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

_Noreturn void fl_launch_exec(const struct fl_launch *launch, pid_t supervisor) {
  setsid();
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != supervisor) _exit(FL_LAUNCH_REFUSED); /* it died before the kernel was asked */
  setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
  fl_launch_close_except((const int[]){launch->policy_fd, launch->env_fd, -1});
  reset_signals();
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    fl_launch_complain("cannot give up privileges: %s", strerror(errno));
    _exit(FL_LAUNCH_REFUSED);
  }
  if (launch->env_fd >= 0 && take_environment(launch->env_fd) != 0) {
    fl_launch_complain("cannot read the environment of %s", launch->argv[0]);
    _exit(FL_LAUNCH_REFUSED);
  }
  if (launch->policy_fd >= 0 && fl_launch_policy_apply(launch->policy_fd) != 0) _exit(FL_LAUNCH_REFUSED);
  if (launch->policy_fd >= 0) close(launch->policy_fd);
  execvp(launch->argv[0], launch->argv);
  fl_launch_complain("cannot run %s: %s", launch->argv[0], errno == ENOENT ? "No such file" : strerror(errno));
  _exit(FL_LAUNCH_NOT_FOUND);
}
