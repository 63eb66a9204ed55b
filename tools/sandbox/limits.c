/* SPDX-License-Identifier: MIT */
/* What is given up for good: resources beyond a limit, capabilities, the keys of the session. */
#include "tools/sandbox/launch.h"
#include "tools/sandbox/layers.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Never more than there was: raising a limit is not ours to do. */
static int lower(int resource, uint64_t most, uint64_t hard) {
  struct rlimit limit;
  if (getrlimit((__rlimit_resource_t)resource, &limit) != 0) return -1;
  if (limit.rlim_cur > most) limit.rlim_cur = most;
  if (limit.rlim_max > hard) limit.rlim_max = hard;
  return setrlimit((__rlimit_resource_t)resource, &limit);
}

/* Address space is not limited: runtimes that reserve much of it and use little (node, Go, Java) would not start.
 * RLIMIT_NPROC counts threads, and all of a user's; the watch counts processes. It is the wall behind that: in a
 * namespace of its own, a bomb meets it between two looks. */
int fl_limits_apply(const struct fl_confinement *confinement) {
  enum { THREADS_EACH = 16, THREADS_BESIDE = 64 };
  const struct fl_sandbox *sandbox = &confinement->sandbox;
  uint64_t seconds = (sandbox->cpu_ms + 999) / 1000;
  if (lower(RLIMIT_CORE, FL_LAUNCH_CORE_BYTES, FL_LAUNCH_CORE_BYTES) != 0) return -1;
  if (sandbox->cpu_ms != 0 && lower(RLIMIT_CPU, seconds, seconds + 1) != 0) return -1;
  if (sandbox->fds != 0 && lower(RLIMIT_NOFILE, sandbox->fds, sandbox->fds) != 0) return -1;
  uint64_t threads = sandbox->procs * THREADS_EACH + THREADS_BESIDE;
  if (sandbox->procs != 0 && confinement->has_namespaces) return lower(RLIMIT_NPROC, threads, threads);
  return 0;
}

int fl_rights_drop(void) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct none[2] = {{0}};
  syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL); /* a kernel without keys has none to lose */
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++)
    prctl(PR_CAPBSET_DROP, capability, 0, 0, 0); /* an ordinary user may not, and has nothing to gain from them */
  if (syscall(SYS_capset, &header, none) != 0) return -1;
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}
