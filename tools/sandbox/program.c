/* SPDX-License-Identifier: MIT */
/* The program that is started: found once, checked once, and started as what was checked.
 *
 * A pinned program is held by a lease from before it is read until it runs: whoever opens it for writing waits, and
 * whoever has it open already makes the lease impossible. Where there are no leases (another's file, some file
 * systems), what is root's alone to write is good as it is, and anything else is copied to sealed memory, and the copy
 * is checked and run. */
#include "tools/sandbox/layers.h"

#include "tools/sandbox/sha256.h"
#include "tools/sandbox/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- finding ---- */

static const char *path_of(char *const *env) {
  for (; *env != NULL; env++)
    if (strncmp(*env, "PATH=", 5) == 0) return *env + 5;
  return "/bin:/usr/bin";
}

static bool take_path(struct fl_confinement *confinement, const char *path) {
  struct stat info;
  if (stat(path, &info) != 0 || !S_ISREG(info.st_mode) || access(path, X_OK) != 0) return false;
  char *real = realpath(path, NULL);
  bool fits = real != NULL && strlen(real) < sizeof confinement->program;
  if (fits) snprintf(confinement->program, sizeof confinement->program, "%s", real);
  free(real);
  return fits;
}

static bool search(struct fl_confinement *confinement, const char *name, const char *path) {
  char candidate[FL_LAUNCH_PATH_SIZE];
  for (const char *end; path != NULL; path = *end == ':' ? end + 1 : NULL) {
    end = strchrnul(path, ':');
    int size = snprintf(candidate, sizeof candidate, "%.*s/%s", (int)(end - path), path, name);
    if (end > path && size > 0 && size < (int)sizeof candidate && take_path(confinement, candidate)) return true;
  }
  errno = ENOENT;
  return false;
}

/* "#!/usr/bin/python3 -I": the first word. */
static int read_interpreter(struct fl_confinement *confinement) {
  char head[256] = {0};
  int fd = open(confinement->program, O_RDONLY | O_CLOEXEC);
  ssize_t size = fd >= 0 ? pread(fd, head, sizeof head - 1, 0) : -1;
  if (fd >= 0) close(fd);
  if (size < 0) return -1;
  if (head[0] != '#' || head[1] != '!') return 0;
  char *word = head + 2 + strspn(head + 2, " \t");
  word[strcspn(word, " \t\n")] = '\0';
  snprintf(confinement->interpreter, sizeof confinement->interpreter, "%s", word);
  return 0;
}

int fl_program_find(struct fl_confinement *confinement, const char *name, char *const *env) {
  bool is_found = strchr(name, '/') != NULL ? take_path(confinement, name) : search(confinement, name, path_of(env));
  if (is_found && read_interpreter(confinement) == 0) return 0;
  fl_launch_complain("cannot run %s: %s", name, errno == ENOENT ? "No such file" : strerror(errno));
  return -1;
}

/* ---- pinning ---- */

static bool is_of_root_alone(int fd) {
  struct stat info;
  return fstat(fd, &info) == 0 && info.st_uid == 0 && (info.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

static int hash_of(int fd, char ret_hex[2 * FL_LAUNCH_SHA256_SIZE + 1]) {
  struct stat info;
  if (fstat(fd, &info) != 0 || info.st_size == 0) return -1;
  void *bytes = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (bytes == MAP_FAILED) return -1;
  uint8_t hash[FL_LAUNCH_SHA256_SIZE];
  fl_launch_sha256(bytes, (size_t)info.st_size, hash);
  munmap(bytes, (size_t)info.st_size);
  for (size_t i = 0; i < sizeof hash; i++) snprintf(ret_hex + 2 * i, 3, "%02x", hash[i]);
  return 0;
}

static int copy_sealed(int from) {
  int fd = memfd_create("fairlead-pinned", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  char bytes[65536];
  ssize_t size = fd >= 0 ? 1 : -1;
  for (off_t at = 0; size > 0; at += size) {
    size = pread(from, bytes, sizeof bytes, at);
    if (size > 0 && write(fd, bytes, (size_t)size) != size) size = -1;
  }
  if (size == 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0) return fd;
  if (fd >= 0) close(fd);
  return -1;
}

/* The descriptor whose content stays what it is. */
static int hold(struct fl_confinement *confinement, int fd) {
  signal(SIGIO, SIG_IGN); /* somebody wants to write: they wait */
  if (fcntl(fd, F_SETLEASE, F_RDLCK) == 0) return fd;
  if (errno == EAGAIN) {
    fl_launch_complain("%s is pinned by its hash, and somebody has it open for writing", confinement->program);
    return -1;
  }
  if (is_of_root_alone(fd)) return fd;
  int copy = copy_sealed(fd);
  confinement->is_copy = copy >= 0;
  if (copy < 0) fl_launch_complain("cannot copy %s: %s", confinement->program, strerror(errno));
  return copy;
}

int fl_program_pin(struct fl_confinement *confinement) {
  char hex[2 * FL_LAUNCH_SHA256_SIZE + 1] = "";
  int fd = open(confinement->program, O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    fl_launch_complain("cannot read %s, which is pinned by its hash: %s", confinement->program, strerror(errno));
    return -1;
  }
  confinement->program_fd = hold(confinement, fd);
  if (confinement->program_fd != fd) close(fd);
  if (confinement->program_fd < 0) return -1;
  if (hash_of(confinement->program_fd, hex) == 0 && strcmp(hex, confinement->sandbox.sha256) == 0) return 0;
  fl_launch_complain("%s is not the program that the manifest names: its SHA-256 is %s, not %s", confinement->program,
                     hex, confinement->sandbox.sha256);
  return -1;
}

int fl_program_reopen(struct fl_confinement *confinement) {
  struct stat checked, now;
  if (confinement->program_fd < 0 || confinement->is_copy) return 0;
  int fd = open(confinement->program, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || fstat(fd, &now) != 0 || fstat(confinement->program_fd, &checked) != 0) return -1;
  confinement->program_fd = fd; /* the other stays open, and with it the lease, until the program runs */
  if (now.st_dev == checked.st_dev && now.st_ino == checked.st_ino) return 0;
  errno = ESTALE;
  return -1;
}

/* ---- starting ---- */

int fl_program_secret(const struct fl_confinement *confinement, struct fl_program_call *ret_call) {
  size_t size = strlen(confinement->program) + 2;
  uint64_t random[2];
  if (getrandom(random, sizeof random, 0) != sizeof random) return -1;
  void *hint = (void *)(uintptr_t)((random[0] & 0x3fffffffffff) & ~(uint64_t)0xfff);
  char *place = mmap(hint, 2 * (size_t)FL_LAUNCH_PATH_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (place == MAP_FAILED) return -1;
  place += random[1] % (2 * (size_t)FL_LAUNCH_PATH_SIZE - size + 1);
  memcpy(place, confinement->program, size - 1);
  *ret_call = (struct fl_program_call){.path = place, .empty = place + size - 2}; /* its end is an empty text */
  return 0;
}

/* A script's interpreter opens the descriptor by its number, so it must outlive the start. */
void fl_program_run(const struct fl_confinement *confinement, const struct fl_program_call *call, char *const *argv,
                    char *const *env) {
  int fd = confinement->program_fd;
  if (fd < 0) {
    execve(call->path, argv, env);
    return;
  }
  if (confinement->interpreter[0] != '\0') fcntl(fd, F_SETFD, 0);
  syscall(SYS_execveat, fd, call->empty, argv, env, AT_EMPTY_PATH);
}
