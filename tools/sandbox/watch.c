/* SPDX-License-Identifier: MIT */
/* What the kernel does not count for us without a cgroup: the processes of a tool, their memory and their time, looked
 * up in /proc every FL_WATCH_MS.
 *
 * A process belongs to the tool when one of its ancestors is the calling process. Memory is what is not a file's:
 * anonymous, shared and swapped out; pages that a fork shares count for both. */
#include "tools/sandbox/layers.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { SEEN_MAX = 32768 };

struct seen {
  pid_t pid, parent;
  uint64_t cpu_ms;
  bool is_ours;
};

static size_t read_small(pid_t pid, const char *name, char *text, size_t size) {
  char path[40];
  snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t got = fd >= 0 ? read(fd, text, size - 1) : 0;
  if (fd >= 0) close(fd);
  text[got > 0 ? got : 0] = '\0';
  return got > 0 ? (size_t)got : 0;
}

/* state, ppid, pgrp, session, tty, tpgid, flags, 4 kinds of faults, utime, stime, cutime, cstime */
static bool read_stat(pid_t pid, struct seen *seen) {
  char text[512];
  if (read_small(pid, "stat", text, sizeof text) == 0) return false;
  const char *at = strrchr(text, ')'); /* the name may hold anything */
  unsigned long times[4] = {0};
  int parent = 0;
  if (at == NULL || sscanf(at + 1, " %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %lu %lu", &parent, &times[0],
                           &times[1], &times[2], &times[3]) != 5)
    return false;
  uint64_t ticks = (uint64_t)times[0] + times[1] + times[2] + times[3];
  *seen = (struct seen){.pid = pid, .parent = parent, .cpu_ms = ticks * 1000 / (uint64_t)sysconf(_SC_CLK_TCK)};
  return true;
}

static uint64_t memory_of(pid_t pid) {
  static const char *const names[] = {"RssAnon:", "RssShmem:", "VmSwap:"};
  char text[4096];
  uint64_t size = 0;
  read_small(pid, "status", text, sizeof text);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const char *at = strstr(text, names[i]);
    if (at != NULL) size += strtoull(at + strlen(names[i]), NULL, 10) * 1024;
  }
  return size;
}

/* Not more than `most`: a bomb is over its limit long before it is counted to the end. */
static size_t read_all(struct seen *all, size_t most) {
  DIR *proc = opendir("/proc");
  pid_t self = getpid();
  size_t count = 0;
  if (proc == NULL) return 0;
  for (struct dirent *entry; count < most && (entry = readdir(proc)) != NULL;) {
    pid_t pid = isdigit((unsigned char)entry->d_name[0]) ? (pid_t)strtol(entry->d_name, NULL, 10) : self;
    if (pid != self) count += read_stat(pid, &all[count]);
  }
  closedir(proc);
  return count;
}

static int by_pid(const void *a, const void *b) {
  pid_t first = ((const struct seen *)a)->pid, second = ((const struct seen *)b)->pid;
  return (first > second) - (first < second);
}

/* In a namespace there is nobody else. Otherwise until a round finds no more: a child may have a lower number than its
 * parent, but seldom has. */
static void mark_ours(struct seen *all, size_t count) {
  pid_t self = getpid();
  if (self != 1) qsort(all, count, sizeof *all, by_pid);
  for (bool has_more = true; has_more;) {
    has_more = false;
    for (size_t i = 0; i < count; i++) {
      if (all[i].is_ours) continue;
      const struct seen key = {.pid = all[i].parent};
      const struct seen *parent = self == 1 ? NULL : bsearch(&key, all, count, sizeof *all, by_pid);
      all[i].is_ours = self == 1 || all[i].parent == self || (parent != NULL && parent->is_ours);
      has_more = has_more || all[i].is_ours;
    }
  }
}

static uint64_t ended_cpu_ms(void) {
  struct rusage usage;
  if (getrusage(RUSAGE_CHILDREN, &usage) != 0) return 0;
  return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
         (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
}

void fl_watch_prefer(pid_t pid) {
  sched_setscheduler(pid, SCHED_RR | SCHED_RESET_ON_FORK, &(struct sched_param){.sched_priority = 1});
}

static struct seen all[SEEN_MAX];

size_t fl_watch_kill_all(void) {
  size_t count = read_all(all, SEEN_MAX), killed = 0;
  mark_ours(all, count);
  for (size_t i = 0; i < count; i++) /* stopped first, so that none forks while the others are killed */
    if (all[i].is_ours) kill(all[i].pid, SIGSTOP);
  for (size_t i = 0; i < count; i++)
    if (all[i].is_ours) killed += kill(all[i].pid, SIGKILL) == 0;
  return killed;
}

struct fl_watched fl_watch_of(const struct fl_confinement *confinement) {
  const struct fl_sandbox *sandbox = &confinement->sandbox;
  if (confinement->cgroup.leaf_fd < 0) return (struct fl_watched){sandbox->procs, sandbox->memory, sandbox->cpu_ms};
  return (struct fl_watched){.memory = confinement->cgroup.has_memory ? 0 : sandbox->memory};
}

const char *fl_watch_look(const struct fl_watched *watched) {
  bool is_alone = getpid() == 1; /* of its namespace */
  size_t most = is_alone && watched->procs != 0 && watched->procs < SEEN_MAX ? watched->procs + 1 : SEEN_MAX;
  size_t count = read_all(all, most), processes = 0;
  uint64_t memory = 0, cpu_ms = ended_cpu_ms();
  mark_ours(all, count);
  for (size_t i = 0; i < count; i++) {
    if (!all[i].is_ours) continue;
    processes++;
    cpu_ms += all[i].cpu_ms;
    if (watched->memory != 0) memory += memory_of(all[i].pid);
  }
  if (watched->procs != 0 && processes > watched->procs) return "procs";
  if (watched->memory != 0 && memory > watched->memory) return "memory";
  if (watched->cpu_ms != 0 && cpu_ms > watched->cpu_ms) return "cpu";
  return NULL;
}
