/* SPDX-License-Identifier: MIT */
/* The child's way to becoming the tool. The order matters: what needs rights comes before what takes them away. */
#include "tools/sandbox/launch.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

static void close_span(unsigned first, unsigned last) {
  if (first > last || close_range(first, last, 0) == 0) return;
  long limit = sysconf(_SC_OPEN_MAX); /* a kernel before 5.9 */
  for (unsigned fd = first; fd <= last && (long)fd < limit; fd++) close((int)fd);
}

void fl_launch_close_except(int keep, int keep_too) {
  int keeps[] = {keep < keep_too ? keep : keep_too, keep < keep_too ? keep_too : keep};
  unsigned from = 3;
  for (int i = 0; i < 2; i++) {
    if (keeps[i] < (int)from) continue;
    close_span(from, (unsigned)keeps[i] - 1);
    from = (unsigned)keeps[i] + 1;
  }
  close_span(from, UINT_MAX);
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
  fl_launch_close_except(launch->policy_fd, -1);
  reset_signals();
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    fl_launch_complain("cannot give up privileges: %s", strerror(errno));
    _exit(FL_LAUNCH_REFUSED);
  }
  if (launch->policy_fd >= 0 && fl_launch_policy_apply(launch->policy_fd) != 0) _exit(FL_LAUNCH_REFUSED);
  if (launch->policy_fd >= 0) close(launch->policy_fd);
  execvp(launch->argv[0], launch->argv);
  fl_launch_complain("cannot run %s: %s", launch->argv[0], errno == ENOENT ? "No such file" : strerror(errno));
  _exit(FL_LAUNCH_NOT_FOUND);
}
