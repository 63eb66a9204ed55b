/* SPDX-License-Identifier: MIT */
#include "mcp/auth/store_file.h"
#include "mcp/auth/store.h"
#include "runtime/base/id.h"
#include "runtime/base/mem.h"

#include <errno.h>
#include <stdio.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { KEY_HEX_SIZE = 2 * FL_SEAL_KEY_SIZE, LOCK_TRIES = 50, LOCK_PAUSE_NS = 20 * 1000 * 1000 };

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

static int write_all(int fd, fl_slice bytes) {
  while (bytes.size > 0) {
    ssize_t put = write(fd, bytes.data, bytes.size);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return -1;
    bytes = fl_slice_n(bytes.data + put, bytes.size - (size_t)put);
  }
  return fsync(fd);
}

static void sync_folder(const char *folder) {
  int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd >= 0) fsync(fd);
  if (fd >= 0) close(fd);
}

/* A new file beside the final one; its name is the caller's to free. */
static char *write_beside(const char *path, fl_slice bytes, struct fl_error *err) {
  char *beside = fl_format("%s.new-XXXXXX", path);
  int fd = mkostemp(beside, O_CLOEXEC); /* 0600 */
  bool is_fine = fd >= 0 && write_all(fd, bytes) == 0;
  if (!is_fine) fail(err, "cannot write", beside);
  if (fd >= 0 && close(fd) != 0 && is_fine) is_fine = fail(err, "cannot write", beside) == 0;
  if (is_fine) return beside;
  if (fd >= 0) unlink(beside);
  fl_free(beside);
  return NULL;
}

int fl_store_replace_file(const char *folder, const char *path, fl_slice bytes, struct fl_error *err) {
  struct fl_error failed = {.code = FL_E_IO};
  FL_FREE_AUTO char *beside = write_beside(path, bytes, &failed);
  if (beside == NULL) return fl_error_set(err, failed.code, "%s", failed.text);
  if (rename(beside, path) != 0) {
    int failure = fail(err, "cannot replace", path);
    unlink(beside);
    return failure;
  }
  sync_folder(folder);
  return 0;
}

/* ---- the key ---- */

static int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static int read_key(fl_slice text, const char *where, struct fl_secret *ret_key, struct fl_error *err) {
  uint8_t key[FL_SEAL_KEY_SIZE];
  while (text.size > 0 && text.data[text.size - 1] == '\n') text.size--;
  bool is_fine = text.size == KEY_HEX_SIZE;
  for (size_t i = 0; is_fine && i < sizeof key; i++) {
    int high = digit_of(text.data[2 * i]), low = digit_of(text.data[2 * i + 1]);
    is_fine = high >= 0 && low >= 0;
    key[i] = (uint8_t)(high << 4 | low);
  }
  if (is_fine) fl_secret_set(ret_key, fl_slice_n((char *)key, sizeof key));
  fl_wipe(key, sizeof key);
  return is_fine ? 0 : fl_error_set(err, FL_E_INVALID, "%s does not hold a key of 64 hex digits", where);
}

/* Two processes may be the first: the link decides which key it is. */
static int make_key(const char *path, const uint8_t fresh[FL_SEAL_KEY_SIZE], struct fl_error *err) {
  char hex[KEY_HEX_SIZE + 1];
  struct fl_error failed = {.code = FL_E_IO};
  fl_hex(fresh, FL_SEAL_KEY_SIZE, hex);
  FL_FREE_AUTO char *beside = write_beside(path, fl_slice_n(hex, KEY_HEX_SIZE), &failed);
  fl_wipe(hex, sizeof hex);
  if (beside == NULL) return fl_error_set(err, failed.code, "%s", failed.text);
  int failure = link(beside, path) == 0 || errno == EEXIST ? 0 : fail(err, "cannot make the key", path);
  unlink(beside);
  return failure;
}

int fl_store_load_key(const char *folder, const uint8_t fresh[FL_SEAL_KEY_SIZE], struct fl_secret *ret_key,
                      struct fl_error *err) {
  const char *given = secure_getenv("FAIRLEAD_AUTH_KEY");
  if (given != NULL && *given != '\0') return read_key(fl_slice_of(given), "FAIRLEAD_AUTH_KEY", ret_key, err);
  FL_FREE_AUTO char *path = fl_format("%s/key", folder);
  struct stat info;
  int failure = 0;
  if (lstat(path, &info) != 0) {
    failure = errno == ENOENT ? make_key(path, fresh, err) : fail(err, "cannot use the key", path);
    if (failure == 0) sync_folder(folder);
    if (failure == 0 && lstat(path, &info) != 0) failure = fail(err, "cannot use the key", path);
  }
  if (failure != 0) return failure;
  if (!S_ISREG(info.st_mode) || (info.st_mode & 077) != 0 || info.st_uid != geteuid())
    return fl_error_set(err, FL_E_DENIED, "the key %s must be a file that its owner alone may read (chmod 600)", path);
  struct fl_buf text = {.limit = 4096};
  fl_buf_reserve(&text, 256);
  failure = fl_store_read_file(path, &text, err);
  if (failure == 0) failure = read_key(fl_buf_slice(&text), path, ret_key, err);
  fl_buf_wipe(&text);
  return failure;
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
