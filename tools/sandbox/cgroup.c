/* SPDX-License-Identifier: MIT */
/* The leaf: one tool's cgroup, from before its first instruction until nothing of it is left. */
#include "tools/sandbox/cgroup.h"

#include "tools/sandbox/layers.h"
#include "tools/sandbox/launch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define LEAF_PREFIX "fairlead-tool."
enum { NAMES_MAX = 16, REMOVE_ROUNDS_MAX = 200 };

static uint64_t number_after(const char *text, const char *key) {
  size_t size = strlen(key);
  for (const char *line = text; line != NULL; line = strchr(line, '\n'), line += line != NULL) {
    if (strncmp(line, key, size) == 0 && line[size] == ' ') return strtoull(line + size + 1, NULL, 10);
  }
  return 0;
}

static bool remove_leaf(int base, int leaf, const char *name) {
  for (int i = 0; i < REMOVE_ROUNDS_MAX; i++) {
    if (unlinkat(base, name, AT_REMOVEDIR) == 0 || errno == ENOENT) return true;
    if (errno != EBUSY) return false;
    fl_cgroup_write(leaf, "cgroup.kill", "1");
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
  }
  return false;
}

/* ---- what others left behind ---- */

/* The launcher of this leaf is gone: its lock is. */
static void clear_one(int base, const char *name) {
  int leaf = openat(base, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (leaf < 0) return;
  if (flock(leaf, LOCK_EX | LOCK_NB) == 0) remove_leaf(base, leaf, name);
  close(leaf);
}

static void clear_left(int base) {
  int copy = openat(base, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *folder = copy >= 0 ? fdopendir(copy) : NULL;
  if (folder == NULL && copy >= 0) close(copy);
  for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;)
    if (strncmp(entry->d_name, LEAF_PREFIX, sizeof LEAF_PREFIX - 1) == 0) clear_one(base, entry->d_name);
  if (folder != NULL) closedir(folder);
}

/* ---- the life of a leaf ---- */

/* Another launcher may take a new leaf for one that was left, until it is locked: then there is a next name. */
static int make_leaf(struct fl_cgroup *cgroup) {
  for (int i = 0; i < NAMES_MAX; i++) {
    snprintf(cgroup->name, sizeof cgroup->name, LEAF_PREFIX "%d.%d", (int)getpid(), i);
    if (mkdirat(cgroup->base_fd, cgroup->name, 0755) != 0) {
      if (errno == EEXIST) continue;
      return -1;
    }
    cgroup->leaf_fd = openat(cgroup->base_fd, cgroup->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool is_ours = cgroup->leaf_fd >= 0 && flock(cgroup->leaf_fd, LOCK_EX | LOCK_NB) == 0;
    if (is_ours && faccessat(cgroup->leaf_fd, "cgroup.procs", W_OK, AT_EACCESS) == 0) return 0;
    if (cgroup->leaf_fd >= 0) close(cgroup->leaf_fd);
    cgroup->leaf_fd = -1;
  }
  errno = EAGAIN;
  return -1;
}

/* What is written to swap would not count as memory. Threads count as processes to the kernel, so its limit of them is
 * the wall behind the count of fl_cgroup_look. */
static void set_limits(struct fl_cgroup *cgroup, const struct fl_sandbox *sandbox) {
  enum { THREADS_EACH = 16, THREADS_BESIDE = 64 };
  int leaf = cgroup->leaf_fd;
  char line[32];
  cgroup->has_memory = faccessat(leaf, "memory.max", F_OK, 0) == 0;
  if (sandbox->memory != 0 && cgroup->has_memory) {
    snprintf(line, sizeof line, "%" PRIu64, sandbox->memory);
    fl_cgroup_write(leaf, "memory.swap.max", "0"); /* is not there where nothing can be swapped */
    cgroup->has_memory =
        fl_cgroup_write(leaf, "memory.oom.group", "1") == 0 && fl_cgroup_write(leaf, "memory.max", line) == 0;
  }
  snprintf(line, sizeof line, "%" PRIu64, sandbox->procs * THREADS_EACH + THREADS_BESIDE);
  if (sandbox->procs != 0) fl_cgroup_write(leaf, "pids.max", line);
}

int fl_cgroup_open(struct fl_cgroup *cgroup, const struct fl_sandbox *sandbox, pid_t parent) {
  *cgroup = FL_CGROUP_NONE;
  cgroup->base_fd = fl_cgroup_place(parent);
  if (cgroup->base_fd < 0) return -1;
  clear_left(cgroup->base_fd);
  if (make_leaf(cgroup) == 0) {
    set_limits(cgroup, sandbox);
    return 0;
  }
  int why = errno;
  fl_cgroup_forget(cgroup);
  errno = why;
  return -1;
}

/* Begun there, not moved there: a move waits for the kernel's other processors, for milliseconds. Where clone3 is
 * refused (by the filter of a container), the child moves itself. */
pid_t fl_cgroup_clone(const struct fl_cgroup *cgroup, uint64_t flags) {
  bool has_leaf = cgroup->leaf_fd >= 0;
  struct clone_args args = {
      .flags = flags | CLONE_INTO_CGROUP, .exit_signal = SIGCHLD, .cgroup = (uint64_t)(has_leaf ? cgroup->leaf_fd : 0)};
  pid_t pid = has_leaf ? (pid_t)syscall(SYS_clone3, &args, sizeof args) : -1;
  if (pid >= 0) return pid;
  pid = (pid_t)syscall(SYS_clone, (unsigned long)flags | SIGCHLD, NULL, NULL, NULL, NULL);
  if (pid == 0 && has_leaf && fl_cgroup_write(cgroup->leaf_fd, "cgroup.procs", "0") != 0) {
    fl_launch_complain("cannot enter the tool's cgroup: %s", strerror(errno));
    _exit(FL_LAUNCH_REFUSED);
  }
  return pid;
}

/* ---- limits ---- */

/* No more lines than it takes to know. */
static bool has_more_than(int leaf, uint64_t most) {
  char text[4096];
  uint64_t lines = 0;
  int fd = openat(leaf, "cgroup.procs", O_RDONLY | O_CLOEXEC);
  ssize_t got = 0;
  while (fd >= 0 && lines <= most && (got = read(fd, text, sizeof text)) > 0)
    for (ssize_t i = 0; i < got; i++) lines += text[i] == '\n';
  if (fd >= 0) close(fd);
  return lines > most;
}

const char *fl_cgroup_look(const struct fl_cgroup *cgroup, const struct fl_sandbox *sandbox, size_t beside) {
  char text[4096];
  int leaf = cgroup->leaf_fd;
  if (leaf < 0) return NULL;
  if (sandbox->procs != 0 && has_more_than(leaf, sandbox->procs + beside)) return "procs";
  if (sandbox->cpu_ms == 0 || fl_cgroup_read(leaf, "cpu.stat", text, sizeof text) == 0) return NULL;
  return number_after(text, "usage_usec") / 1000 > sandbox->cpu_ms ? "cpu" : NULL;
}

const char *fl_cgroup_killed_for(const struct fl_cgroup *cgroup) {
  char text[1024];
  if (cgroup->leaf_fd < 0 || fl_cgroup_read(cgroup->leaf_fd, "memory.events.local", text, sizeof text) == 0)
    return NULL;
  return number_after(text, "oom") > 0 && number_after(text, "oom_kill") > 0 ? "memory" : NULL;
}

/* ---- the end ---- */

void fl_cgroup_kill(const struct fl_cgroup *cgroup) {
  if (cgroup->leaf_fd >= 0) fl_cgroup_write(cgroup->leaf_fd, "cgroup.kill", "1");
}

void fl_cgroup_forget(struct fl_cgroup *cgroup) {
  if (cgroup->leaf_fd >= 0) close(cgroup->leaf_fd);
  if (cgroup->base_fd >= 0) close(cgroup->base_fd);
  *cgroup = FL_CGROUP_NONE;
}

void fl_cgroup_close(struct fl_cgroup *cgroup) {
  if (cgroup->leaf_fd >= 0) remove_leaf(cgroup->base_fd, cgroup->leaf_fd, cgroup->name);
  fl_cgroup_forget(cgroup);
}
