/* SPDX-License-Identifier: MIT */
#include "tests/life/processes.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int64_t processes_now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void nap(void) { nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL); }

void processes_adopt_orphans(void) {
  if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) abort();
}

int64_t processes_wait_for_none(int64_t most_ms) {
  int64_t begin_ms = processes_now_ms();
  for (;;) {
    pid_t pid = waitpid(-1, NULL, WNOHANG);
    if (pid < 0 && errno == ECHILD) return processes_now_ms() - begin_ms;
    if (pid != 0) continue;
    if (processes_now_ms() - begin_ms > most_ms) return -1;
    nap();
  }
}

static pid_t parent_of(const char *pid) {
  char path[300], text[512];
  snprintf(path, sizeof path, "/proc/%s/stat", pid);
  FILE *file = fopen(path, "re");
  if (file == NULL) return 0;
  size_t size = fread(text, 1, sizeof text - 1, file);
  fclose(file);
  text[size] = '\0';
  const char *name_end = strrchr(text, ')');
  return name_end != NULL && strlen(name_end) > 4 ? (pid_t)strtol(name_end + 4, NULL, 10) : 0;
}

int processes_clear(void) {
  int killed = 0;
  while (processes_wait_for_none(20) < 0) {
    DIR *proc = opendir("/proc");
    for (struct dirent *entry; proc != NULL && (entry = readdir(proc)) != NULL;) {
      pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
      if (pid > 0 && parent_of(entry->d_name) == getpid() && kill(pid, SIGKILL) == 0) killed++;
    }
    if (proc != NULL) closedir(proc);
  }
  return killed;
}

int processes_count(const char *folder) {
  int count = 0;
  DIR *entries = opendir(folder);
  if (entries == NULL) abort();
  for (struct dirent *entry; (entry = readdir(entries)) != NULL;) count += entry->d_name[0] != '.';
  closedir(entries);
  return count;
}

/* ---- a child with pipes ---- */

struct spawned processes_spawn(const char *const *argv) {
  int to_child[2], from_child[2];
  if (pipe2(to_child, O_CLOEXEC) != 0 || pipe2(from_child, O_CLOEXEC) != 0) abort();
  struct spawned spawned = {.pid = fork(), .in = to_child[1], .out = from_child[0]};
  if (spawned.pid == 0) {
    int null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (dup2(to_child[0], 0) < 0 || dup2(from_child[1], 1) < 0 || dup2(null_fd, 2) < 0) _exit(127);
    execv(argv[0], (char **)(uintptr_t)argv);
    _exit(127);
  }
  if (spawned.pid < 0) abort();
  close(to_child[0]);
  close(from_child[1]);
  return spawned;
}

bool spawned_write(const struct spawned *spawned, const char *text) {
  for (size_t size = strlen(text); size > 0;) {
    ssize_t written = write(spawned->in, text, size);
    if (written < 0 && errno != EINTR) return false;
    if (written > 0) {
      text += written;
      size -= (size_t)written;
    }
  }
  return true;
}

bool spawned_read_until(const struct spawned *spawned, const char *words) {
  static char text[1 << 16];
  size_t used = 0;
  for (;;) {
    ssize_t got = read(spawned->out, text + used, sizeof text - 1 - used);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    used += (size_t)got;
    text[used] = '\0';
    if (strstr(text, words) != NULL) return true;
    if (used < sizeof text / 2) continue;
    size_t kept = strlen(words); /* they may have come in part */
    memmove(text, text + used - kept, kept);
    used = kept;
  }
}

int64_t spawned_wait(const struct spawned *spawned, int64_t most_ms, int *ret_status) {
  int64_t begin_ms = processes_now_ms();
  while (waitpid(spawned->pid, ret_status, WNOHANG) != spawned->pid) {
    if (processes_now_ms() - begin_ms > most_ms) return -1;
    nap();
  }
  return processes_now_ms() - begin_ms;
}

void spawned_close(struct spawned *spawned) {
  if (spawned->in >= 0) close(spawned->in);
  if (spawned->out >= 0) close(spawned->out);
  spawned->in = spawned->out = -1;
}
