/* SPDX-License-Identifier: MIT */
#include "mcp/auth/store_file.h"
#include "mcp/auth/store.h"
#include "runtime/base/mem.h"
#include "runtime/io/key_file.h"

#include <errno.h>
#include <stdio.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LOCK_TRIES = 50, LOCK_PAUSE_NS = 20 * 1000 * 1000 };

static int fail(struct fl_error *err, const char *what, const char *path) {
  int code = errno == ENOSPC ? FL_E_NO_SPACE : FL_E_IO;
  return fl_error_set(err, code, "%s %s: %s", what, path, strerror(errno));
}

int fl_store_make_folder(const char *folder, struct fl_error *err) {
  FL_FREE_AUTO char *path = fl_strdup(folder);
  for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
    *slash = '\0';
    mkdir(path, 0700); /* the last one tells */
    *slash = '/';
  }
  if (mkdir(path, 0700) != 0 && errno != EEXIST) return fail(err, "cannot make the folder", path);
  struct stat info;
  if (stat(path, &info) != 0 || !S_ISDIR(info.st_mode)) return fail(err, "cannot use the folder", path);
  if ((info.st_mode & 077) != 0 && chmod(path, 0700) != 0) return fail(err, "cannot close to others the folder", path);
  return 0;
}

int fl_store_read_file(const char *path, struct fl_buf *buf, struct fl_error *err) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return errno == ENOENT ? FL_E_NOT_FOUND : fail(err, "cannot open", path);
  char chunk[8192];
  ssize_t got;
  int failure = 0;
  while (failure == 0 && (got = read(fd, chunk, sizeof chunk)) > 0) failure = fl_buf_add(buf, chunk, (size_t)got);
  fl_wipe(chunk, sizeof chunk);
  if (failure == 0 && got < 0) failure = fail(err, "cannot read", path);
  else if (failure != 0) fl_error_set(err, failure, "%s is too large", path);
  close(fd);
  return failure;
}

/* ---- the key ---- */

int fl_store_load_key(const char *folder, const uint8_t fresh[FL_SEAL_KEY_SIZE], struct fl_secret *ret_key,
                      struct fl_error *err) {
  const char *given = secure_getenv("FAIRLEAD_AUTH_KEY");
  if (given != NULL && *given != '\0') return fl_key_read(fl_slice_of(given), "FAIRLEAD_AUTH_KEY", ret_key, err);
  FL_FREE_AUTO char *path = fl_format("%s/key", folder);
  struct stat info;
  int failure = lstat(path, &info) != 0 && errno == ENOENT ? fl_key_file_make(path, fresh, err) : 0;
  return failure == 0 ? fl_key_file_read(path, ret_key, err) : failure;
}

/* ---- locks ---- */

int fl_store_try_lock(const char *path, int *ret_lock) {
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return FL_E_IO;
  if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
    *ret_lock = fd;
    return 0;
  }
  int failure = errno == EWOULDBLOCK ? FL_E_BUSY : FL_E_IO;
  close(fd);
  return failure;
}

int fl_store_lock_folder(const char *folder, int *ret_lock, struct fl_error *err) {
  FL_FREE_AUTO char *path = fl_format("%s/lock", folder);
  int failure = 0;
  for (int i = 0; i < LOCK_TRIES; i++) {
    failure = fl_store_try_lock(path, ret_lock);
    if (failure != FL_E_BUSY) break;
    nanosleep(&(struct timespec){.tv_nsec = LOCK_PAUSE_NS}, NULL);
  }
  if (failure == FL_E_BUSY) return fl_error_set(err, FL_E_BUSY, "another process holds %s", path);
  return failure != 0 ? fail(err, "cannot lock", path) : 0;
}

void fl_auth_store_unlock(int lock) {
  if (lock >= 0) close(lock);
}
