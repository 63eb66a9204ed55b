/* SPDX-License-Identifier: MIT */
#include "runtime/io/secret_source.h"

#include "runtime/base/mem.h"
#include "runtime/io/command_output.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- variables ---- */

/* What was taken from the environment, which is the whole process's, so this is too; it lives as long. */
struct taken {
  char *name;
  struct fl_secret value;
  struct taken *next;
};
static struct taken *all_taken;
static pthread_mutex_t taken_lock = PTHREAD_MUTEX_INITIALIZER;

static const struct taken *find_taken(const char *name) {
  const struct taken *one = all_taken;
  while (one != NULL && strcmp(one->name, name) != 0) one = one->next;
  return one;
}

/* The newest value counts: somebody may have set the variable again. */
static void take_variable(const char *name) {
  char *value = getenv(name);
  if (value == NULL) return;
  struct taken *one = (struct taken *)(uintptr_t)find_taken(name);
  if (one == NULL) {
    one = fl_new(struct taken);
    one->name = fl_strdup(name);
    one->next = all_taken;
    all_taken = one;
  }
  fl_secret_set(&one->value, fl_slice_of(value));
  fl_wipe(value, strlen(value));
  unsetenv(name);
}

static int read_variable(const char *name, struct fl_secret *ret_value, struct fl_error *err) {
  pthread_mutex_lock(&taken_lock);
  take_variable(name);
  const struct taken *one = find_taken(name);
  if (one != NULL) fl_secret_set(ret_value, fl_secret_slice(&one->value));
  pthread_mutex_unlock(&taken_lock);
  if (one == NULL) return fl_error_set(err, FL_E_NOT_FOUND, "the variable %s is not set", name);
  return ret_value->size > 0 ? 0 : fl_error_set(err, FL_E_INVALID, "the variable %s is empty", name);
}

/* ---- files ---- */

static int fail(struct fl_error *err, const char *path) {
  if (errno == ENOENT) return fl_error_set(err, FL_E_NOT_FOUND, "there is no file %s", path);
  if (errno == ELOOP) return fl_error_set(err, FL_E_DENIED, "%s must be a file, not a link to one", path);
  return fl_error_set(err, errno == EACCES ? FL_E_DENIED : FL_E_IO, "cannot read %s: %s", path, strerror(errno));
}

/* systemd lets the service's user in by an access list, whose mask shows as the group's rights. */
static int check_file(int fd, const char *path, bool is_credential, struct fl_error *err) {
  struct stat info;
  if (fstat(fd, &info) != 0) return fail(err, path);
  if (!S_ISREG(info.st_mode)) return fl_error_set(err, FL_E_DENIED, "%s is not a file", path);
  if (info.st_uid != geteuid() && !(is_credential && info.st_uid == 0))
    return fl_error_set(err, FL_E_DENIED, "%s belongs to another user (%u, this is %u)", path, (unsigned)info.st_uid,
                        (unsigned)geteuid());
  if ((info.st_mode & (is_credential ? 037 : 077)) != 0)
    return fl_error_set(err, FL_E_DENIED, "others may read or write %s (its mode is %03o): chmod 600", path,
                        (unsigned)info.st_mode & 0777);
  return 0;
}

static int read_all(int fd, const char *path, struct fl_secret *ret_value, struct fl_error *err) {
  char *text = fl_locked_new(FL_SECRET_VALUE_MAX + 3); /* a line end, and a byte too much */
  ssize_t size = 0, got = 0;
  while ((got = read(fd, text + size, (size_t)(FL_SECRET_VALUE_MAX + 3 - size))) > 0) size += got;
  int status = got < 0 ? fail(err, path) : 0;
  if (status == 0) fl_secret_set(ret_value, fl_slice_n(text, (size_t)size));
  fl_locked_free(text);
  return status;
}

static int read_file(const char *path, bool is_credential, struct fl_secret *ret_value, struct fl_error *err) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) return fail(err, path);
  int status = check_file(fd, path, is_credential, err);
  if (status == 0) status = read_all(fd, path, ret_value, err);
  close(fd);
  return status;
}

static int read_path(const struct fl_secret_source *source, struct fl_secret *ret_value, struct fl_error *err) {
  bool is_whole = source->text[0] == '/' || source->folder == NULL;
  FL_FREE_AUTO char *path = is_whole ? fl_strdup(source->text) : fl_format("%s/%s", source->folder, source->text);
  return read_file(path, false, ret_value, err);
}

static int read_credential(const char *name, struct fl_secret *ret_value, struct fl_error *err) {
  const char *folder = secure_getenv("CREDENTIALS_DIRECTORY");
  if (folder == NULL || folder[0] != '/')
    return fl_error_set(err, FL_E_NOT_FOUND,
                        "there are no credentials: $CREDENTIALS_DIRECTORY is not set (systemd sets it for a unit with "
                        "LoadCredential=)");
  if (name[0] == '.' || strchr(name, '/') != NULL)
    return fl_error_set(err, FL_E_INVALID, "%s is no name of a credential", name);
  FL_FREE_AUTO char *path = fl_format("%s/%s", folder, name);
  return read_file(path, true, ret_value, err);
}

static int read_command(const struct fl_secret_source *source, struct fl_secret *ret_value, struct fl_error *err) {
  const struct fl_command command = {.argv = source->argv,
                                     .gives = "secret",
                                     .folder = source->folder,
                                     .output_max = FL_SECRET_VALUE_MAX + 2,
                                     .wait_ms = FL_SECRET_WAIT_MS,
                                     .is_quiet = true};
  return fl_command_output(&command, ret_value, err);
}

/* ---- all of them ---- */

static int check_value(const struct fl_secret_source *source, struct fl_secret *value, struct fl_error *err) {
  fl_slice text = fl_secret_slice(value);
  while (source->kind != FL_SECRET_ENV && text.size > 0 &&
         (text.data[text.size - 1] == '\n' || text.data[text.size - 1] == '\r'))
    text.size--;
  const char *wrong = text.size == 0                               ? "is empty"
                      : text.size > FL_SECRET_VALUE_MAX            ? "is larger than 8192 bytes"
                      : memchr(text.data, '\0', text.size) != NULL ? "has a NUL in it"
                                                                   : NULL;
  if (wrong == NULL) {
    fl_secret_set(value, text);
    return 0;
  }
  FL_FREE_AUTO char *name = fl_secret_source_name(source);
  return fl_error_set(err, FL_E_INVALID, "what %s gives %s", name, wrong);
}

int fl_secret_source_read(const struct fl_secret_source *source, struct fl_secret *ret_value, struct fl_error *err) {
  FL_SECRET_AUTO value = {0};
  int status = 0;
  switch (source->kind) {
  case FL_SECRET_ENV: status = read_variable(source->text, &value, err); break;
  case FL_SECRET_FILE: status = read_path(source, &value, err); break;
  case FL_SECRET_CREDENTIAL: status = read_credential(source->text, &value, err); break;
  case FL_SECRET_COMMAND: status = read_command(source, &value, err); break;
  }
  if (status == 0) status = check_value(source, &value, err);
  if (status == 0) fl_secret_move(ret_value, &value);
  return status;
}

char *fl_secret_source_name(const struct fl_secret_source *source) {
  switch (source->kind) {
  case FL_SECRET_ENV: return fl_format("the variable %s", source->text);
  case FL_SECRET_FILE: return fl_format("the file %s", source->text);
  case FL_SECRET_CREDENTIAL: return fl_format("the credential %s", source->text);
  case FL_SECRET_COMMAND: break;
  }
  return fl_format("the command %s", source->argv[0]);
}
