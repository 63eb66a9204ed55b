/* SPDX-License-Identifier: MIT */
#include "runtime/io/key_file.h"
#include "runtime/base/id.h"
#include "runtime/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEY_FILE_SIZE_MAX = 256 };

static int fail(struct fl_error *err, const char *what, const char *path) {
  int code = errno == ENOSPC || errno == EDQUOT ? FL_E_NO_SPACE : FL_E_IO;
  return fl_error_set(err, code, "%s %s: %s", what, path, strerror(errno));
}

/* ---- texts ---- */

static int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool fl_key_unhex(fl_slice hex, uint8_t *ret_bytes, size_t size) {
  bool is_fine = hex.size == 2 * size;
  for (size_t i = 0; is_fine && i < size; i++) {
    int high = digit_of(hex.data[2 * i]), low = digit_of(hex.data[2 * i + 1]);
    is_fine = high >= 0 && low >= 0;
    if (is_fine) ret_bytes[i] = (uint8_t)(high << 4 | low);
  }
  return is_fine;
}

int fl_key_read(fl_slice text, const char *where, struct fl_secret *ret_key, struct fl_error *err) {
  uint8_t key[FL_KEY_SIZE];
  while (text.size > 0 && strchr("\r\n", text.data[text.size - 1]) != NULL) text.size--;
  bool is_fine = fl_key_unhex(text, key, sizeof key);
  if (is_fine) fl_secret_set(ret_key, fl_slice_n((char *)key, sizeof key));
  fl_wipe(key, sizeof key);
  return is_fine ? 0 : fl_error_set(err, FL_E_INVALID, "%s does not hold a key of 64 hex digits", where);
}

/* ---- reading ---- */

static int check_owner(int fd, const char *path, struct fl_error *err) {
  struct stat info;
  if (fstat(fd, &info) != 0) return fail(err, "cannot use the key", path);
  if (S_ISREG(info.st_mode) && (info.st_mode & 077) == 0 && info.st_uid == geteuid()) return 0;
  return fl_error_set(err, FL_E_DENIED, "the key %s must be a file that its owner alone may read (chmod 600)", path);
}

int fl_key_file_read(const char *path, struct fl_secret *ret_key, struct fl_error *err) {
  char text[KEY_FILE_SIZE_MAX];
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0 && errno == ENOENT) return fl_error_set(err, FL_E_NOT_FOUND, "there is no key %s", path);
  if (fd < 0 && errno == ELOOP)
    return fl_error_set(err, FL_E_DENIED, "the key %s must be a file, not a link to one", path);
  if (fd < 0) return fail(err, "cannot use the key", path);
  int status = check_owner(fd, path, err);
  ssize_t size = status == 0 ? read(fd, text, sizeof text) : 0;
  if (size < 0) status = fail(err, "cannot read the key", path);
  if (status == 0) status = fl_key_read(fl_slice_n(text, (size_t)size), path, ret_key, err);
  fl_wipe(text, sizeof text);
  close(fd);
  return status;
}

/* ---- writing ---- */

static int write_all(int fd, fl_slice bytes, bool syncs) {
  while (bytes.size > 0) {
    ssize_t put = write(fd, bytes.data, bytes.size);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return -1;
    bytes = fl_slice_n(bytes.data + put, bytes.size - (size_t)put);
  }
  return syncs ? fsync(fd) : 0;
}

static void sync_folder(const char *path) {
  FL_FREE_AUTO char *folder = fl_strdup(path);
  char *slash = strrchr(folder, '/');
  if (slash != NULL) slash[slash == folder] = '\0';
  int fd = open(slash != NULL ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  fsync(fd); /* not every file system can; the file itself was synced */
  close(fd);
}

/* A new file beside the final one, whose name is the caller's to free; NULL with `err` set. */
static char *write_beside(const char *path, fl_slice bytes, bool syncs, struct fl_error *err) {
  char *beside = fl_format("%s.new-XXXXXX", path);
  int fd = mkostemp(beside, O_CLOEXEC); /* 0600 */
  bool is_fine = fd >= 0 && write_all(fd, bytes, syncs) == 0;
  if (!is_fine) fail(err, "cannot write", beside);
  if (fd >= 0 && close(fd) != 0 && is_fine) is_fine = fail(err, "cannot write", beside) == 0;
  if (is_fine) return beside;
  if (fd >= 0) unlink(beside);
  fl_free(beside);
  return NULL;
}

int fl_key_file_make(const char *path, const uint8_t fresh[FL_KEY_SIZE], struct fl_error *err) {
  char hex[FL_KEY_HEX_SIZE + 1];
  struct fl_error failed = {.code = FL_E_IO};
  fl_hex(fresh, FL_KEY_SIZE, hex);
  FL_FREE_AUTO char *beside = write_beside(path, fl_slice_n(hex, FL_KEY_HEX_SIZE), true, &failed);
  fl_wipe(hex, sizeof hex);
  if (beside == NULL) return fl_error_set(err, failed.code, "%s", failed.text);
  int status = link(beside, path) == 0 || errno == EEXIST ? 0 : fail(err, "cannot make the key", path);
  unlink(beside);
  if (status == 0) sync_folder(path);
  return status;
}

int fl_key_file_replace(const char *path, fl_slice bytes, bool syncs, struct fl_error *err) {
  struct fl_error failed = {.code = FL_E_IO};
  FL_FREE_AUTO char *beside = write_beside(path, bytes, syncs, &failed);
  if (beside == NULL) return fl_error_set(err, failed.code, "%s", failed.text);
  if (rename(beside, path) != 0) {
    int status = fail(err, "cannot replace", path);
    unlink(beside);
    return status;
  }
  if (syncs) sync_folder(path);
  return 0;
}
