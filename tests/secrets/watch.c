/* SPDX-License-Identifier: MIT */
#include "tests/secrets/watch.h"

#include "runtime/base/mem.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void read_file(pid_t pid, const char *name, struct fl_buf *ret_text) {
  char path[64], piece[8192];
  snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  for (ssize_t size; fd >= 0 && (size = read(fd, piece, sizeof piece)) > 0;) fl_buf_add(ret_text, piece, (size_t)size);
  if (fd >= 0) close(fd);
}

static bool runs(pid_t pid, const char *program) {
  char path[64], target[4096];
  snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
  ssize_t size = readlink(path, target, sizeof target - 1);
  if (size < 0) return false;
  target[size] = '\0';
  return strcmp(target, program) == 0;
}

static void look_at(struct watch *watch, pid_t pid, const char *receiver) {
  FL_BUF_AUTO arguments = {0}, environment = {0};
  char where[64];
  bool is_receiver = runs(pid, receiver);
  snprintf(where, sizeof where, "process %d", (int)pid);
  read_file(pid, "cmdline", &arguments);
  read_file(pid, "environ", &environment);
  if (is_receiver != runs(pid, receiver)) return; /* it became another meanwhile: the next look sees which */
  watch->receiver_count += is_receiver;
  if (arguments.size > 0) canaries_search(&watch->arguments, where, fl_buf_slice(&arguments));
  if (environment.size > 0)
    canaries_search(is_receiver ? &watch->receivers : &watch->others, where, fl_buf_slice(&environment));
}

/* Calls for each process. */
static void each(void (*visit)(pid_t pid, void *user), void *user) {
  DIR *folder = opendir("/proc");
  for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;)
    if (isdigit((unsigned char)entry->d_name[0])) visit((pid_t)strtol(entry->d_name, NULL, 10), user);
  if (folder != NULL) closedir(folder);
}

struct looking {
  struct watch *watch;
  const char *receiver;
};

static void visit_look(pid_t pid, void *user) {
  const struct looking *looking = user;
  look_at(looking->watch, pid, looking->receiver);
}

void watch_look(struct watch *watch, const char *receiver) {
  struct looking looking = {watch, receiver};
  watch->looks++;
  each(visit_look, &looking);
}

static pid_t parent_of(pid_t pid) {
  FL_BUF_AUTO text = {0};
  read_file(pid, "stat", &text);
  const char *end = text.data != NULL ? strrchr(text.data, ')') : NULL;
  int parent = 0;
  return end != NULL && sscanf(end + 1, " %*c %d", &parent) == 1 ? parent : 0;
}

struct finding {
  const char *program;
  pid_t ancestor, found;
};

static void visit_find(pid_t pid, void *user) {
  struct finding *finding = user;
  if (!runs(pid, finding->program)) return;
  for (pid_t at = pid; at > 1; at = parent_of(at))
    if (at == finding->ancestor) finding->found = pid;
}

pid_t watch_find(const char *program, pid_t ancestor) {
  struct finding finding = {program, ancestor, 0};
  each(visit_find, &finding);
  return finding.found;
}
