/* SPDX-License-Identifier: MIT */
/* Where tools may have their cgroups.
 *
 * The kernel gives controllers to the children of a cgroup only when no process is in the cgroup itself (the root
 * excepted). So this program's own processes move into a child, FL_CGROUP_SELF, first; where others are there as well
 * (a shell, say), nobody is moved, and the tools get cgroups without controllers. */
#include "tools/sandbox/cgroup.h"

#include "tools/sandbox/layers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FL_CGROUP_SELF "fairlead-self"
enum { ROUNDS_MAX = 5, ANCESTORS_MAX = 64, LIST_SIZE = 64 * 1024 };

static const char *const controllers[] = {"memory", "pids"};
enum { CONTROLLER_COUNT = sizeof controllers / sizeof *controllers };

size_t fl_cgroup_read(int folder, const char *name, char *text, size_t size) {
  int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
  ssize_t got = 0;
  size_t used = 0;
  while (fd >= 0 && used < size - 1 && (got = read(fd, text + used, size - 1 - used)) > 0) used += (size_t)got;
  if (fd >= 0) close(fd);
  text[used] = '\0';
  return used;
}

int fl_cgroup_write(int folder, const char *name, const char *text) {
  int fd = openat(folder, name, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  ssize_t size = write(fd, text, strlen(text));
  int why = errno;
  close(fd);
  errno = why;
  return size == (ssize_t)strlen(text) ? 0 : -1;
}

/* ---- where we are ---- */

/* "36 35 0:31 ROOT POINT rw,… - cgroup2 …"; the first one counts. */
static bool find_mount(char root[FL_LAUNCH_PATH_SIZE], char point[FL_LAUNCH_PATH_SIZE]) {
  FILE *mounts = fopen("/proc/self/mountinfo", "re");
  char *line = NULL;
  size_t size = 0;
  bool is_found = false;
  while (mounts != NULL && !is_found && getline(&line, &size, mounts) > 0)
    is_found = strstr(line, " - cgroup2 ") != NULL && sscanf(line, "%*d %*d %*s %4095s %4095s", root, point) == 2;
  free(line);
  if (mounts != NULL) fclose(mounts);
  return is_found;
}

/* "0::PATH", as seen from the root of the cgroup namespace. */
static bool find_own(char path[FL_LAUNCH_PATH_SIZE]) {
  FILE *list = fopen("/proc/self/cgroup", "re");
  char *line = NULL;
  size_t size = 0;
  bool is_found = false;
  while (list != NULL && !is_found && getline(&line, &size, list) > 0) {
    line[strcspn(line, "\n")] = '\0';
    is_found = strncmp(line, "0::/", 4) == 0 && strstr(line, "/..") == NULL &&
               snprintf(path, FL_LAUNCH_PATH_SIZE, "%s", line + 3) < FL_LAUNCH_PATH_SIZE;
  }
  free(line);
  if (list != NULL) fclose(list);
  return is_found;
}

static bool find_folder(char folder[FL_LAUNCH_PATH_SIZE]) {
  char root[FL_LAUNCH_PATH_SIZE], point[FL_LAUNCH_PATH_SIZE], own[FL_LAUNCH_PATH_SIZE];
  if (!find_mount(root, point) || !find_own(own)) return false;
  size_t skip = strcmp(root, "/") == 0 ? 0 : strlen(root);
  if (strncmp(own, root, skip) != 0 || (skip != 0 && own[skip] != '/' && own[skip] != '\0')) return false;
  int size = snprintf(folder, FL_LAUNCH_PATH_SIZE, "%s%s", point, own + skip);
  if (size <= 0 || size >= FL_LAUNCH_PATH_SIZE) return false;
  if (size > 1 && folder[size - 1] == '/') folder[size - 1] = '\0';
  return true;
}

/* ---- whose processes are there ---- */

static pid_t parent_of(pid_t pid) {
  char path[40], text[512];
  snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
  if (fl_cgroup_read(AT_FDCWD, path, text, sizeof text) == 0) return 0;
  const char *at = strrchr(text, ')'); /* the name may hold anything */
  int parent = 0;
  return at != NULL && sscanf(at + 1, " %*c %d", &parent) == 1 ? parent : 0;
}

/* Of the process that started this one, or of those below it. One that has ended in the meantime is nobody's. */
static bool is_ours(pid_t pid, pid_t parent) {
  for (int i = 0; i < ANCESTORS_MAX && pid > 0; i++) {
    if (pid == parent) return true;
    pid = parent_of(pid);
  }
  return false;
}

static bool are_ours(const char *list, pid_t parent) {
  for (char *end = NULL; *list != '\0'; list = *end == '\n' ? end + 1 : end) {
    pid_t pid = (pid_t)strtol(list, &end, 10); /* 0: it is outside of our namespace */
    if (end == list || !is_ours(pid, parent)) return false;
  }
  return true;
}

/* Until nobody is left: some may be started while others are moved. */
static bool move_ours(int base, pid_t parent) {
  static char list[LIST_SIZE];
  for (int round = 0; round < ROUNDS_MAX; round++) {
    if (fl_cgroup_read(base, "cgroup.procs", list, sizeof list) == 0) return true;
    if (!are_ours(list, parent) || (mkdirat(base, FL_CGROUP_SELF, 0755) != 0 && errno != EEXIST)) return false;
    for (char *rest = NULL, *pid = strtok_r(list, "\n", &rest); pid != NULL; pid = strtok_r(NULL, "\n", &rest))
      if (fl_cgroup_write(base, FL_CGROUP_SELF "/cgroup.procs", pid) != 0 && errno != ESRCH) return false;
  }
  return false;
}

/* ---- controllers ---- */

static bool has_word(const char *text, const char *word) {
  size_t size = strlen(word);
  for (const char *at = text; (at = strstr(at, word)) != NULL; at += size)
    if ((at == text || at[-1] == ' ') && strchr(" \n", at[size]) != NULL) return true;
  return false;
}

/* What can be had is asked for; what came of it is seen in the leaf. */
static void enable(int base, pid_t parent, bool may_hold_processes) {
  char there[512], given[512], line[32];
  fl_cgroup_read(base, "cgroup.controllers", there, sizeof there);
  fl_cgroup_read(base, "cgroup.subtree_control", given, sizeof given);
  for (size_t i = 0; i < CONTROLLER_COUNT; i++) {
    if (!has_word(there, controllers[i]) || has_word(given, controllers[i])) continue;
    if (!may_hold_processes && !move_ours(base, parent)) return;
    may_hold_processes = true;
    snprintf(line, sizeof line, "+%s", controllers[i]);
    if (fl_cgroup_write(base, "cgroup.subtree_control", line) != 0) return;
  }
}

int fl_cgroup_place(pid_t parent) {
  char folder[FL_LAUNCH_PATH_SIZE];
  errno = ENOENT;
  if (!find_folder(folder)) return -1;
  char *slash = strrchr(folder, '/');
  bool is_moved = slash != NULL && slash != folder && strcmp(slash + 1, FL_CGROUP_SELF) == 0;
  if (is_moved) *slash = '\0';
  int base = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (base < 0) return -1;
  if (faccessat(base, ".", W_OK, AT_EACCESS) != 0 || faccessat(base, "cgroup.procs", W_OK, AT_EACCESS) != 0) {
    int why = errno;
    close(base);
    errno = why;
    return -1;
  }
  bool is_root = faccessat(base, "cgroup.type", F_OK, 0) != 0;
  enable(base, parent, is_root || is_moved);
  return base;
}
