/* SPDX-License-Identifier: MIT */
/* The child's way to becoming the tool. The order matters: what needs rights comes before what takes them away. */
#include "tools/sandbox/launch.h"

#include "tools/sandbox/layers.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
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

static void reset_signals(void) {
  for (int number = 1; number <= SIGRTMAX; number++) signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void refuse(const char *what) {
  fl_launch_complain("%s: %s", what, strerror(errno));
  _exit(FL_LAUNCH_REFUSED);
}

/* What needs rights comes before what takes them away, and the filter last. */
static void confine(struct fl_confinement *confinement, struct fl_program_call *ret_call) {
  if (confinement->has_namespaces && fl_program_reopen(confinement) != 0)
    refuse("cannot open the pinned program again");
  if (fl_limits_apply(confinement) != 0) refuse("cannot set limits");
  if (fl_program_secret(confinement, ret_call) != 0) refuse("cannot hide the program's name");
  if (fl_rights_drop() != 0) refuse("cannot give up privileges");
  if (fl_landlock_apply(confinement) != 0)
    refuse("this machine does not enforce the layer \"landlock\", and the user has not done without it");
  if (fl_filter_apply(confinement, ret_call) != 0)
    refuse("this machine does not enforce the layer \"seccomp\", and the user has not done without it");
}

static _Noreturn void run_confined(const struct fl_launch *launch) {
  struct fl_confinement *confinement = launch->confinement;
  struct fl_program_call call;
  if (fl_launch_place_secrets(launch) != 0) refuse("cannot hand over a secret");
  confine(confinement, &call);
  fl_program_run(confinement, &call, launch->argv, launch->env);
  fl_launch_complain("cannot run %s: %s", launch->argv[0], strerror(errno));
  _exit(FL_LAUNCH_NOT_FOUND);
}

_Noreturn void fl_launch_exec(const struct fl_launch *launch, pid_t supervisor) {
  struct fl_confinement *confinement = launch->confinement;
  bool is_inside = confinement != NULL && confinement->has_namespaces;
  if (!is_inside) setsid(); /* the keeper leads the group there */
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != (is_inside ? 1 : supervisor)) _exit(FL_LAUNCH_REFUSED); /* it died before the kernel was asked */
  setrlimit(RLIMIT_CORE, &(struct rlimit){FL_LAUNCH_CORE_BYTES, FL_LAUNCH_CORE_BYTES});
  fl_launch_close_except((const int[]){confinement != NULL ? confinement->program_fd : -1, -1, -1, -1});
  reset_signals();
  if (confinement != NULL) run_confined(launch);
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) refuse("cannot give up privileges");
  environ = launch->env;
  execvp(launch->argv[0], launch->argv);
  fl_launch_complain("cannot run %s: %s", launch->argv[0], errno == ENOENT ? "No such file" : strerror(errno));
  _exit(FL_LAUNCH_NOT_FOUND);
}
