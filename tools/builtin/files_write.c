/* SPDX-License-Identifier: MIT */
/* Writing, editing and deleting. A file that stands is replaced by renaming a finished one over it. */
#include "tools/builtin/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct text {
  const char *data;
  size_t size;
};

static int write_all(int fd, struct text text) {
  for (size_t done = 0; done < text.size;) {
    ssize_t got = write(fd, text.data + done, text.size - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -errno;
    done += (size_t)got;
  }
  return fsync(fd) == 0 ? 0 : -errno;
}

/* The folder a path stands in, opened, and its last part. "." and ".." are no names of files. */
static int open_folder_of(const struct fl_files_place *place, const char **ret_name) {
  const char *slash = strrchr(place->path, '/'), *name = slash != NULL ? slash + 1 : place->path;
  if (name[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) return -EISDIR;
  char folder[FL_FILES_PATH_MAX] = ".";
  if (slash != NULL) snprintf(folder, sizeof folder, "%.*s", (int)(slash - place->path), place->path);
  *ret_name = name;
  return fl_files_open(place, folder, O_RDONLY | O_DIRECTORY, 0);
}

/* Whether something that is not a regular file stands there; its mode goes to the new one. */
static int check_old(int folder, const char *name, bool must_be_new, mode_t *ret_mode) {
  struct stat info;
  *ret_mode = 0644;
  if (fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) != 0) return errno == ENOENT ? 0 : -errno;
  if (S_ISDIR(info.st_mode)) return -EISDIR;
  if (!S_ISREG(info.st_mode)) return -EINVAL;
  if (must_be_new) return -EEXIST;
  *ret_mode = info.st_mode & 0777;
  return 0;
}

static int replace_in(int folder, const char *name, struct text text, mode_t mode) {
  char temporary[80];
  int fd = -1, rc;
  for (unsigned attempt = 0; fd < 0 && attempt < 100; attempt++) {
    snprintf(temporary, sizeof temporary, ".fairlead-%ld-%u.part", (long)gettid(), attempt);
    fd = openat(folder, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 && errno != EEXIST) return -errno;
  }
  if (fd < 0) return -EEXIST;
  rc = write_all(fd, text);
  if (rc == 0 && fchmod(fd, mode) != 0) rc = -errno;
  if (close(fd) != 0 && rc == 0) rc = -errno;
  if (rc == 0 && renameat(folder, temporary, folder, name) != 0) rc = -errno;
  if (rc != 0) unlinkat(folder, temporary, 0);
  else if (fsync(folder) != 0) rc = -errno;
  return rc;
}

static int replace(const struct fl_files_place *place, struct text text, bool must_be_new) {
  const char *name;
  mode_t mode;
  int folder = open_folder_of(place, &name);
  if (folder < 0) return folder;
  int rc = check_old(folder, name, must_be_new, &mode);
  if (rc == 0) rc = replace_in(folder, name, text, mode);
  close(folder);
  return rc;
}

static int append(const struct fl_files_place *place, struct text text) {
  struct stat info;
  int fd = fl_files_open(place, place->path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK, 0644);
  if (fd < 0) return fd;
  int rc = fstat(fd, &info) == 0 && S_ISREG(info.st_mode) ? write_all(fd, text) : -EINVAL;
  close(fd);
  return rc;
}

/* "a/b" of "a/b/c": each folder that is missing is made. */
static int make_folders(const struct fl_files_place *place) {
  char part[FL_FILES_PATH_MAX];
  for (const char *slash = strchr(place->path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
    snprintf(part, sizeof part, "%.*s", (int)(slash - place->path), place->path);
    struct fl_files_place folder = {.root = place->root, .path = part};
    int fd = fl_files_open(&folder, part, O_RDONLY | O_DIRECTORY, 0);
    if (fd == -ENOENT) {
      const char *name;
      int above = open_folder_of(&folder, &name);
      if (above < 0) return above;
      int rc = mkdirat(above, name, 0755) == 0 || errno == EEXIST ? 0 : -errno;
      close(above);
      if (rc < 0) return rc;
    } else if (fd < 0) {
      return fd;
    } else {
      close(fd);
    }
  }
  return 0;
}

static bool find_place(struct fl_call *call, const struct fl_files *files, const struct fl_value *args,
                       struct fl_files_place *ret_place) {
  if (!fl_files_place_of(files, args, ret_place)) {
    fl_call_return_error(call, "%s", ret_place->error);
    return false;
  }
  if (!ret_place->root->may_write)
    fl_call_return_error(call, "The root \"%s\" may only be read", ret_place->root->name);
  return ret_place->root->may_write;
}

static int fail_large(struct fl_call *call, const struct fl_files *files) {
  return fl_call_return_error(call, "A file may be written with at most %zu bytes", files->write_max);
}

int fl_files_write_tool(struct fl_call *call, const struct fl_value *args, void *user) {
  const struct fl_files *files = user;
  struct fl_files_place place;
  if (!find_place(call, files, args, &place)) return 0;
  const struct fl_value *value = fl_get(args, "text");
  struct text text = {fl_as_string(value), fl_string_size(value)};
  const char *mode = fl_get_string(args, "mode", "create");
  if (text.size > files->write_max) return fail_large(call, files);
  int rc = make_folders(&place);
  if (rc == 0)
    rc = strcmp(mode, "append") == 0 ? append(&place, text) : replace(&place, text, strcmp(mode, "create") == 0);
  if (rc == -EEXIST)
    return fl_call_return_error(call, "\"%.300s\" is there already; use mode \"replace\" or \"append\"", place.path);
  if (rc < 0) return fl_files_fail(call, "Cannot write", place.path, -rc);
  return fl_call_return_text(call, "Wrote %zu bytes to %s", text.size, place.path);
}

/* ---- editing ---- */

static size_t count_places(struct text text, struct text old) {
  size_t count = 0;
  const char *at = text.data, *end = text.data + text.size;
  while ((at = memmem(at, (size_t)(end - at), old.data, old.size)) != NULL) {
    count++;
    at += old.size;
  }
  return count;
}

/* The text with each `old` replaced; the caller frees it. */
static struct text edited(struct text text, struct text old, struct text new_text, size_t count) {
  struct text result = {.size = text.size - count * old.size + count * new_text.size};
  char *out = malloc(result.size + 1), *to = out;
  const char *at = text.data, *end = text.data + text.size, *next;
  if (out == NULL) return result;
  while ((next = memmem(at, (size_t)(end - at), old.data, old.size)) != NULL) {
    to = mempcpy(to, at, (size_t)(next - at));
    to = mempcpy(to, new_text.data, new_text.size);
    at = next + old.size;
  }
  memcpy(to, at, (size_t)(end - at));
  result.data = out;
  return result;
}

static int edit_text(struct fl_call *call, const struct fl_files *files, const struct fl_files_place *place,
                     const struct fl_value *args, struct text text) {
  const struct fl_value *old_value = fl_get(args, "old"), *new_value = fl_get(args, "new");
  struct text old = {fl_as_string(old_value), fl_string_size(old_value)};
  struct text new_text = {fl_as_string(new_value), fl_string_size(new_value)};
  size_t count = count_places(text, old);
  if (count == 0) return fl_call_return_error(call, "\"%.300s\" does not have that text", place->path);
  if (count > 1 && !fl_get_bool(args, "all", false))
    return fl_call_return_error(call, "\"%.300s\" has that text %zu times; give more of it, or say all", place->path,
                                count);
  if (new_text.size > old.size && count > files->write_max / (new_text.size - old.size)) return fail_large(call, files);
  struct text result = edited(text, old, new_text, count);
  int rc = -ENOMEM;
  bool is_large = result.size > files->write_max;
  if (result.data != NULL && !is_large) rc = replace(place, result, false);
  free((char *)result.data);
  if (is_large) return fail_large(call, files);
  if (rc < 0) return fl_files_fail(call, "Cannot write", place->path, -rc);
  return fl_call_return_text(call, "Replaced it in %zu place%s of %s", count, count == 1 ? "" : "s", place->path);
}

int fl_files_edit_tool(struct fl_call *call, const struct fl_value *args, void *user) {
  const struct fl_files *files = user;
  struct fl_files_place place;
  struct stat info;
  if (!find_place(call, files, args, &place)) return 0;
  int fd = fl_files_open_regular(&place, place.path, &info);
  if (fd < 0) return fl_files_fail(call, "Cannot read", place.path, -fd);
  if ((size_t)info.st_size > files->write_max) {
    close(fd);
    return fail_large(call, files);
  }
  char *data = malloc((size_t)info.st_size + 1);
  ssize_t got = data != NULL ? fl_files_read(fd, data, (size_t)info.st_size, 0) : -ENOMEM;
  close(fd);
  int rc = got < 0 ? fl_files_fail(call, "Cannot read", place.path, (int)-got)
                   : edit_text(call, files, &place, args, (struct text){data, (size_t)got});
  free(data);
  return rc;
}

int fl_files_delete_tool(struct fl_call *call, const struct fl_value *args, void *user) {
  struct fl_files_place place;
  const char *name;
  if (!find_place(call, user, args, &place)) return 0;
  mode_t mode;
  int folder = open_folder_of(&place, &name), rc = folder;
  if (folder >= 0) {
    rc = check_old(folder, name, false, &mode);
    if (rc == 0 && unlinkat(folder, name, 0) != 0) rc = -errno;
    close(folder);
  }
  if (rc < 0) return fl_files_fail(call, "Cannot delete", place.path, -rc);
  return fl_call_return_text(call, "Deleted %s", place.path);
}
