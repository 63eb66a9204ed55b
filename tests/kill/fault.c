/* SPDX-License-Identifier: MIT */
/* A library that is loaded in front of a program (LD_PRELOAD) and lets its n-th system call that writes go wrong, or
 * writes down what the program does to its database. What it does stands in the environment:
 *
 *   FL_FAULT="ACTION THREAD N"   ACTION  kill: the process is killed before the call
 *                                        ENOSPC, EIO: the call on a file fails; with a + every later one does as well
 *                                        EINTR: the call fails and has done nothing; short: it does half of its work
 *                                        nomem: the n-th allocation gets no memory
 *                                THREAD  main, or other: all the others together
 *   FL_FAULT_NOTE=FILE           is made when the call came, so that a sweep knows where to end
 *   FL_FAULT_RECORD=FILE         every write, truncation, sync and unlink of *.db and *.db-wal, see record.h
 *
 * Only the program itself is meant: the processes that it starts get an environment without the library. Calls are
 * counted per thread, so that the n-th is the same call in each run. */
#include "tests/kill/record.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum action { NOTHING, KILL, FAIL, INTERRUPT, SHORTEN, NO_MEMORY };

static struct {
  enum action action;
  bool is_main, lasts;
  int error;
  long at;
  char note[512];
  int record_fd;
} plan = {.record_fd = -1};

static atomic_long count;
static atomic_bool is_broken;
static pthread_mutex_t record_mutex = PTHREAD_MUTEX_INITIALIZER;

/* ---- what is to go wrong ---- */

static void parse(const char *text) {
  char action[16], thread[16];
  if (sscanf(text, "%15s %15s %ld", action, thread, &plan.at) != 3) abort();
  plan.is_main = strcmp(thread, "main") == 0;
  plan.lasts = action[strlen(action) - 1] == '+';
  if (strcmp(action, "kill") == 0) plan.action = KILL;
  else if (strncmp(action, "ENOSPC", 6) == 0) plan.action = FAIL, plan.error = ENOSPC;
  else if (strncmp(action, "EIO", 3) == 0) plan.action = FAIL, plan.error = EIO;
  else if (strcmp(action, "EINTR") == 0) plan.action = INTERRUPT;
  else if (strcmp(action, "short") == 0) plan.action = SHORTEN;
  else if (strcmp(action, "nomem") == 0) plan.action = NO_MEMORY;
  else abort();
}

__attribute__((constructor)) static void begin(void) {
  const char *note = getenv("FL_FAULT_NOTE"), *record = getenv("FL_FAULT_RECORD"), *fault = getenv("FL_FAULT");
  if (note != NULL) snprintf(plan.note, sizeof plan.note, "%s", note);
  if (record != NULL) plan.record_fd = open(record, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (fault != NULL) parse(fault);
  unsetenv("LD_PRELOAD");
  unsetenv("FL_FAULT");
  unsetenv("FL_FAULT_RECORD");
}

static void note(void) {
  int fd =
      plan.note[0] != '\0' ? (int)syscall(SYS_openat, AT_FDCWD, plan.note, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) : -1;
  if (fd >= 0) syscall(SYS_close, fd);
}

/* Whether this is the call that was meant, or one after it when the fault lasts. */
static bool is_hit(void) {
  bool is_main = syscall(SYS_gettid) == getpid();
  if (is_broken && plan.lasts) return true;
  if (is_main != plan.is_main || atomic_fetch_add(&count, 1) + 1 != plan.at) return false;
  is_broken = true;
  note();
  return true;
}

static bool is_file(int fd) {
  struct stat status;
  return fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

/* Files and sockets; a pipe takes up to PIPE_BUF bytes whole, an eventfd all or nothing. */
static bool may_be_short(int fd, size_t size) {
  struct stat status;
  if (size < 2 || fstat(fd, &status) != 0) return false;
  return S_ISREG(status.st_mode) || S_ISSOCK(status.st_mode) || (S_ISFIFO(status.st_mode) && size > PIPE_BUF);
}

static void die(void) {
  syscall(SYS_kill, getpid(), SIGKILL);
  for (;;) pause();
}

/* A call on a file descriptor that is about to be made: true when it fails instead, and errno says why. */
static bool goes_wrong(int fd) {
  if (plan.action == KILL && is_hit()) die();
  if (plan.action != FAIL || !is_file(fd) || !is_hit()) return false;
  errno = plan.error;
  return true;
}

/* The same for a call that moves `size` bytes, which may be fewer then. */
static bool moves_wrong(int fd, size_t *size) {
  if (plan.action == INTERRUPT && is_hit()) {
    errno = EINTR;
    return true;
  }
  if (plan.action == SHORTEN && may_be_short(fd, *size) && is_hit()) *size /= 2;
  return goes_wrong(fd);
}

/* ---- what is written down ---- */

static int64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static bool ends_with(const char *text, const char *end) {
  size_t size = strlen(text), end_size = strlen(end);
  return size >= end_size && strcmp(text + size - end_size, end) == 0;
}

static uint32_t file_of_path(const char *path) {
  return ends_with(path, ".db") ? RECORD_DB : ends_with(path, ".db-wal") ? RECORD_LOG : RECORD_NOTHING;
}

static uint32_t file_of(int fd) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t size = readlink(link, path, sizeof path - 1);
  path[size > 0 ? size : 0] = '\0';
  return file_of_path(path);
}

/* Held around a call that is written down, so that the order of the record is that of the calls. */
static struct record_entry record_begin(enum record_op op, uint32_t file) {
  struct record_entry entry = {.op = op, .file = file};
  if (plan.record_fd < 0 || file == RECORD_NOTHING) return (struct record_entry){0};
  pthread_mutex_lock(&record_mutex);
  entry.at_ns = now_ns();
  return entry;
}

static void record_end(struct record_entry *entry, const void *bytes, bool worked) {
  if (entry->file == RECORD_NOTHING) return;
  struct iovec parts[] = {{entry, sizeof *entry}, {(void *)bytes, bytes != NULL ? entry->size : 0}};
  if (worked && syscall(SYS_writev, plan.record_fd, parts, 2) < 0) abort();
  pthread_mutex_unlock(&record_mutex);
}

/* ---- the calls ---- */

#define RECORDS(op, fd) record_begin(op, plan.record_fd < 0 ? RECORD_NOTHING : file_of(fd))

ssize_t write(int fd, const void *bytes, size_t size) {
  if (moves_wrong(fd, &size)) return -1;
  return syscall(SYS_write, fd, bytes, size);
}

ssize_t writev(int fd, const struct iovec *parts, int part_count) {
  size_t size = part_count > 0 ? parts[0].iov_len : 0, whole = size;
  if (moves_wrong(fd, &size)) return -1;
  if (size < whole) return syscall(SYS_write, fd, parts[0].iov_base, size);
  return syscall(SYS_writev, fd, parts, part_count);
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t at) {
  if (moves_wrong(fd, &size)) return -1;
  struct record_entry entry = RECORDS(RECORD_WRITE, fd);
  ssize_t done = syscall(SYS_pwrite64, fd, bytes, size, at);
  entry.at = at;
  entry.size = done > 0 ? (uint64_t)done : 0;
  record_end(&entry, bytes, done > 0);
  return done;
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t at) { return pwrite64(fd, bytes, size, at); }

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
  size_t size = message->msg_iovlen > 0 ? message->msg_iov[0].iov_len : 0, whole = size;
  if (moves_wrong(fd, &size)) return -1;
  if (size < whole) return syscall(SYS_write, fd, message->msg_iov[0].iov_base, size);
  return syscall(SYS_sendmsg, fd, message, flags);
}

static int sync_file(int fd, long number) {
  if (goes_wrong(fd)) return -1;
  struct record_entry entry = RECORDS(RECORD_SYNC, fd);
  int status = plan.record_fd >= 0 ? 0 : (int)syscall(number, fd); /* a record needs no real disk */
  record_end(&entry, NULL, status == 0);
  return status;
}

int fsync(int fd) { return sync_file(fd, SYS_fsync); }
int fdatasync(int fd) { return sync_file(fd, SYS_fdatasync); }

int ftruncate64(int fd, off64_t size) {
  if (goes_wrong(fd)) return -1;
  struct record_entry entry = RECORDS(RECORD_TRUNCATE, fd);
  entry.at = size;
  int status = (int)syscall(SYS_ftruncate, fd, size);
  record_end(&entry, NULL, status == 0);
  return status;
}

int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }

int unlink(const char *path) {
  if (plan.action == KILL && is_hit()) die();
  struct record_entry entry = record_begin(RECORD_UNLINK, file_of_path(path));
  int status = (int)syscall(SYS_unlink, path);
  record_end(&entry, NULL, status == 0);
  return status;
}

/* ---- memory ---- */

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t item_count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);

static bool is_out_of_memory(void) {
  if (plan.action != NO_MEMORY || !is_hit()) return false;
  errno = ENOMEM;
  return true;
}

void *malloc(size_t size) { return is_out_of_memory() ? NULL : __libc_malloc(size); }
void *calloc(size_t item_count, size_t size) { return is_out_of_memory() ? NULL : __libc_calloc(item_count, size); }
void *realloc(void *memory, size_t size) { return is_out_of_memory() ? NULL : __libc_realloc(memory, size); }
