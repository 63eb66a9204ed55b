/* SPDX-License-Identifier: MIT */
/* Files outside, by every route. */
#include "tests/sandbox/attempts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

/* Good until the attempt ends: each has a process of its own. */
static const char *join(const char *folder, const char *name) {
  char *text = NULL;
  if (asprintf(&text, "%s/%s", folder, name) < 0) _exit(ENOMEM);
  return text;
}

const char *outside_path(const struct outside *outside, const char *name) { return join(outside->folder, name); }
const char *inside_path(const struct outside *outside, const char *name) { return join(outside->inside, name); }

int reads_secret(int fd) {
  char text[64] = "";
  if (fd < 0) return errno;
  ssize_t size = read(fd, text, sizeof text - 1);
  int why = size < 0 ? errno : 0;
  close(fd);
  return strstr(text, "SECRET") != NULL ? 0 : why != 0 ? why : ENODATA;
}

static int done(int result) { return result == 0 ? 0 : errno; }

static int by_open(const struct outside *outside) {
  return reads_secret(open(outside_path(outside, "secret"), O_RDONLY));
}

static int by_dots(const struct outside *outside) {
  char path[8192];
  snprintf(path, sizeof path, "%s/../../../../../../../..%s", outside->inside, outside_path(outside, "secret"));
  return reads_secret(open(path, O_RDONLY));
}

static int by_openat2(const struct outside *outside) {
  struct open_how how = {.flags = O_RDONLY};
  return reads_secret((int)syscall(SYS_openat2, AT_FDCWD, outside_path(outside, "secret"), &how, sizeof how));
}

static int by_symlink(const struct outside *outside) {
  const char *link = inside_path(outside, "link");
  unlink(link);
  if (symlink(outside_path(outside, "secret"), link) != 0) return errno;
  return reads_secret(open(link, O_RDONLY));
}

static int by_hardlink(const struct outside *outside) {
  const char *name = inside_path(outside, "hard");
  if (link(outside_path(outside, "secret"), name) != 0) return errno;
  return reads_secret(open(name, O_RDONLY));
}

static int by_rename(const struct outside *outside) {
  return done(rename(outside_path(outside, "moving"), inside_path(outside, "moved")));
}

static int by_renaming_out(const struct outside *outside) {
  int fd = open(inside_path(outside, "mine"), O_CREAT | O_WRONLY, 0600);
  if (fd < 0) return errno;
  close(fd);
  return done(rename(inside_path(outside, "mine"), outside_path(outside, "yours")));
}

static int by_own_root(const struct outside *outside) {
  return reads_secret(open(join("/proc/self/root", outside_path(outside, "secret")), O_RDONLY));
}

static int by_root_of_another(const struct outside *outside) {
  char root[64];
  snprintf(root, sizeof root, "/proc/%d/root", (int)outside->driver);
  return reads_secret(open(join(root, outside_path(outside, "secret")), O_RDONLY));
}

static int by_folder_of_another(const struct outside *outside) {
  char root[64];
  snprintf(root, sizeof root, "/proc/%d/cwd", (int)outside->driver); /* the driver stands in the folder outside */
  return reads_secret(open(join(root, "secret"), O_RDONLY));
}

static int by_bind(const struct outside *outside) {
  const char *here = inside_path(outside, "bound");
  mkdir(here, 0700);
  if (mount(outside->folder, here, NULL, MS_BIND, NULL) != 0) return errno;
  return reads_secret(open(inside_path(outside, "bound/secret"), O_RDONLY));
}

static int by_open_tree(const struct outside *outside) {
  int tree = (int)syscall(SYS_open_tree, AT_FDCWD, outside->folder, 1 | O_CLOEXEC); /* OPEN_TREE_CLONE */
  return tree < 0 ? errno : reads_secret(openat(tree, "secret", O_RDONLY));
}

static int by_truncate(const struct outside *outside) { return done(truncate(outside_path(outside, "victim"), 0)); }

static int by_truncating_open(const struct outside *outside) {
  int fd = open(outside_path(outside, "victim"), O_RDONLY | O_TRUNC);
  return fd < 0 ? errno : 0;
}

static int by_walking_up(const struct outside *outside) {
  for (int i = 0; i < 64; i++)
    if (chdir("..") != 0) return errno;
  return reads_secret(open(outside_path(outside, "secret") + 1, O_RDONLY));
}

static int by_leaked_folder(const struct outside *outside) {
  return reads_secret(openat(LEAKED_FOLDER_FD, "secret", O_RDONLY));
}

static int by_leaked_file(const struct outside *outside) { return reads_secret(dup(LEAKED_FILE_FD)); }

static int by_creating(const struct outside *outside) {
  int fd = open(outside_path(outside, "new"), O_CREAT | O_WRONLY, 0600);
  return fd < 0 ? errno : 0;
}

static int by_writing(const struct outside *outside) {
  int fd = open(outside_path(outside, "victim"), O_WRONLY);
  return fd < 0 ? errno : 0;
}

static int by_unlink(const struct outside *outside) { return done(unlink(outside_path(outside, "doomed"))); }
static int by_mkdir(const struct outside *outside) { return done(mkdir(outside_path(outside, "folder"), 0700)); }
static int by_chmod(const struct outside *outside) { return done(chmod(outside_path(outside, "victim"), 0777)); }

static int by_times(const struct outside *outside) {
  struct timespec times[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
  return done(utimensat(AT_FDCWD, outside_path(outside, "victim"), times, 0));
}

static int by_xattr(const struct outside *outside) {
  return done(setxattr(outside_path(outside, "victim"), "user.mine", "x", 1, 0));
}

/* The handle of the folder itself, opened through one that is granted. */
static int by_handle(const struct outside *outside) {
  char space[sizeof(struct file_handle) + 128] __attribute__((aligned(8))) = {0};
  struct file_handle *handle = (struct file_handle *)(void *)space;
  int mount_id = 0, fd = open(outside->inside, O_RDONLY | O_DIRECTORY);
  handle->handle_bytes = 128;
  if (name_to_handle_at(AT_FDCWD, outside_path(outside, "secret"), handle, &mount_id, 0) != 0) return errno;
  return reads_secret(open_by_handle_at(fd, handle, O_RDONLY));
}

/* One entry: openat, by the kernel's own hand. */
static int by_io_uring(const struct outside *outside) {
  struct io_uring_params params = {0};
  int ring = (int)syscall(SYS_io_uring_setup, 4, &params);
  if (ring < 0) return errno;
  size_t sq_size = params.sq_off.array + params.sq_entries * sizeof(uint32_t);
  size_t cq_size = params.cq_off.cqes + params.cq_entries * sizeof(struct io_uring_cqe);
  char *sq = mmap(NULL, sq_size, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
  char *cq = mmap(NULL, cq_size, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_CQ_RING);
  struct io_uring_sqe *entries =
      mmap(NULL, params.sq_entries * sizeof *entries, PROT_READ | PROT_WRITE, MAP_SHARED, ring, (off_t)IORING_OFF_SQES);
  if (sq == MAP_FAILED || cq == MAP_FAILED || entries == MAP_FAILED) return errno;
  entries[0] = (struct io_uring_sqe){.opcode = IORING_OP_OPENAT,
                                     .fd = AT_FDCWD,
                                     .addr = (uintptr_t)outside_path(outside, "secret"),
                                     .open_flags = O_RDONLY};
  ((uint32_t *)(void *)(sq + params.sq_off.array))[0] = 0;
  __atomic_store_n((uint32_t *)(void *)(sq + params.sq_off.tail), 1, __ATOMIC_RELEASE);
  if (syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0) return errno;
  struct io_uring_cqe *completed = (struct io_uring_cqe *)(void *)(cq + params.cq_off.cqes);
  return completed->res < 0 ? -completed->res : reads_secret(completed->res);
}

/* ---- programs ---- */

static int status_of(pid_t pid) {
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
}

static int run(const char *path, const char *const *argv) {
  pid_t pid = fork();
  if (pid == 0) {
    execve(path, (char **)(uintptr_t)argv, environ);
    _exit(errno);
  }
  return status_of(pid);
}

static int by_running(const struct outside *outside) {
  const char *path = outside_path(outside, "program");
  return run(path, (const char *const[]){path, NULL});
}

static int by_running_true(const struct outside *outside) {
  return run("/bin/true", (const char *const[]){"true", NULL});
}

const struct attempt file_attempts[] = {{"open", by_open, false},
                                        {"open by ..", by_dots, false},
                                        {"openat2", by_openat2, false},
                                        {"symlink", by_symlink, false},
                                        {"hard link", by_hardlink, false},
                                        {"rename in", by_rename, false},
                                        {"rename out", by_renaming_out, false},
                                        {"/proc/self/root", by_own_root, false},
                                        {"/proc/PID/root", by_root_of_another, false},
                                        {"/proc/PID/cwd", by_folder_of_another, false},
                                        {"bind mount", by_bind, true},
                                        {"open_tree", by_open_tree, true},
                                        {"truncate", by_truncate, false},
                                        {"O_TRUNC", by_truncating_open, false},
                                        {"chdir ..", by_walking_up, false},
                                        {"leaked folder", by_leaked_folder, false},
                                        {"leaked file", by_leaked_file, false},
                                        {"create", by_creating, false},
                                        {"write", by_writing, false},
                                        {"unlink", by_unlink, false},
                                        {"mkdir", by_mkdir, false},
                                        {"chmod", by_chmod, false},
                                        {"utimensat", by_times, false},
                                        {"setxattr", by_xattr, false},
                                        {"file handle", by_handle, true},
                                        {"io_uring open", by_io_uring, false},
                                        {"run from outside", by_running, false},
                                        {"run a program", by_running_true, false},
                                        {NULL, NULL, false}};
