/* SPDX-License-Identifier: MIT */
/* What this machine can enforce, found by trying: "LAYER yes|no DETAIL", a line each, on standard output. */
#include "tools/sandbox/launch.h"

#include "tools/sandbox/layers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void say(enum fl_layer layer, bool is_there, const char *detail) {
  printf("%s %s %s\n", fl_layer_name(layer), is_there ? "yes" : "no", detail);
}

/* The whole way into the namespaces, in a child that ends there. */
static bool try_namespaces(char detail[128]) {
  static struct fl_confinement confinement = {.program_fd = -1, .has_namespaces = true};
  snprintf(confinement.program, sizeof confinement.program, "/proc/self/exe");
  fl_base_add(&confinement);
  uid_t uid = geteuid();
  gid_t gid = getegid();
  int status = 0;
  fflush(stdout);
  pid_t pid = fl_cgroup_clone(&FL_CGROUP_NONE, FL_SPACE_FLAGS);
  if (pid == 0) _exit(fl_space_enter(&confinement, uid, gid) == 0 ? 0 : errno > 0 && errno < 256 ? errno : 255);
  if (pid < 0) snprintf(detail, 128, "they cannot be made: %s", strerror(errno));
  if (pid < 0 || waitpid(pid, &status, 0) != pid) return false;
  bool is_good = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  snprintf(detail, 128, is_good ? "users, files, processes, network, names" : "they cannot be furnished: %s",
           strerror(WEXITSTATUS(status)));
  return is_good;
}

/* As for a tool with limits, in the name of whoever asks. */
static bool try_cgroup(char detail[128]) {
  static const struct fl_sandbox sandbox = {.procs = 1, .memory = 1 << 30};
  struct fl_cgroup cgroup;
  if (fl_cgroup_open(&cgroup, &sandbox, getppid()) != 0) {
    bool is_absent = errno == ENOENT;
    snprintf(detail, 128, is_absent ? "no cgroups of version 2" : "none is left to this user: %s", strerror(errno));
    return false;
  }
  snprintf(detail, 128, "%stime, end%s", cgroup.has_memory ? "memory, processes, " : "processes, ",
           cgroup.has_memory ? "" : "; memory is not to be had here and is watched");
  fl_cgroup_close(&cgroup);
  return true;
}

int fl_launch_probe(void) {
  char detail[128] = "";
  int abi = fl_landlock_abi();
  snprintf(detail, sizeof detail, abi > 0 ? "ABI %d" : "the kernel has none, or it is switched off", abi);
  say(FL_LAYER_LANDLOCK, abi > 0, detail);
  say(FL_LAYER_SCOPE, abi >= 6, abi >= 6 ? "signals and abstract sockets" : "from ABI 6 of Landlock on");
  say(FL_LAYER_SECCOMP, fl_filter_is_there(), "");
  bool has_namespaces = try_namespaces(detail);
  say(FL_LAYER_NAMESPACES, has_namespaces, detail);
  bool has_cgroup = try_cgroup(detail);
  say(FL_LAYER_CGROUP, has_cgroup, detail);
  return 0;
}
