/* SPDX-License-Identifier: MIT */
#include "tools/builtin/files.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- where ---- */

static const struct fl_files_root *find_root(const struct fl_files *files, const char *name) {
  for (size_t i = 0; i < files->count; i++)
    if (strcmp(files->roots[i].name, name) == 0) return &files->roots[i];
  return NULL;
}

bool fl_files_place_of(const struct fl_files *files, const struct fl_value *args, struct fl_files_place *ret_place) {
  const char *name = fl_get_string(args, "root", NULL), *path = fl_get_string(args, "path", ".");
  *ret_place = (struct fl_files_place){0};
  if (name == NULL && files->count != 1) {
    snprintf(ret_place->error, sizeof ret_place->error, "Say which root: there are %zu", files->count);
    return false;
  }
  const struct fl_files_root *root = name != NULL ? find_root(files, name) : &files->roots[0];
  if (root == NULL) {
    snprintf(ret_place->error, sizeof ret_place->error, "There is no root \"%.100s\"", name);
    return false;
  }
  if (path[0] == '/') {
    snprintf(ret_place->error, sizeof ret_place->error, "A path begins below its root, without a slash: \"%.300s\"",
             path);
    return false;
  }
  ret_place->root = root;
  ret_place->path = path[0] != '\0' ? path : ".";
  return true;
}

/* ---- opening ---- */

int fl_files_open(const struct fl_files_place *place, const char *path, int flags, mode_t mode) {
  struct open_how how = {.flags = (uint64_t)(flags | O_CLOEXEC | O_NOCTTY),
                         .mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? mode : 0,
                         .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
  long fd;
  do fd = syscall(SYS_openat2, place->root->fd, path, &how, sizeof how);
  while (fd < 0 && (errno == EINTR || errno == EAGAIN));
  return fd < 0 ? -errno : (int)fd;
}

int fl_files_open_regular(const struct fl_files_place *place, const char *path, struct stat *ret_info) {
  int fd = fl_files_open(place, path, O_RDONLY | O_NONBLOCK, 0);
  if (fd < 0) return fd;
  if (fstat(fd, ret_info) == 0 && S_ISREG(ret_info->st_mode)) return fd;
  int error = S_ISDIR(ret_info->st_mode) ? EISDIR : EINVAL;
  close(fd);
  return -error;
}

ssize_t fl_files_read(int fd, char *data, size_t size, off_t offset) {
  size_t done = 0;
  while (done < size) {
    ssize_t got = pread(fd, data + done, size - done, offset + (off_t)done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -errno;
    if (got == 0) break;
    done += (size_t)got;
  }
  return (ssize_t)done;
}

int fl_files_fail(struct fl_call *call, const char *what, const char *path, int error) {
  const char *why = strerror(error);
  if (error == EXDEV) why = "it leads out of the root";
  if (error == ELOOP) why = "it is a link, or goes through one, and links are not followed";
  if (error == EISDIR) why = "it is a folder";
  if (error == EINVAL) why = "it is not a regular file";
  return fl_call_return_error(call, "%s \"%.300s\": %s", what, path, why);
}

/* ---- text ---- */

/* How many bytes the character has; 0 when it is not one, -1 when it is cut off by the end. */
static int character_size(const unsigned char *at, size_t rest) {
  if (at[0] == 0) return 0;
  if (at[0] < 0x80) return 1;
  int size = at[0] >= 0xc2 && at[0] < 0xe0 ? 2 : (at[0] & 0xf0) == 0xe0 ? 3 : at[0] >= 0xf0 && at[0] < 0xf5 ? 4 : 0;
  for (int i = 1; i < size; i++) {
    if ((size_t)i >= rest) return -1;
    if ((at[i] & 0xc0) != 0x80) return 0;
  }
  bool is_overlong = (at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xf0 && at[1] < 0x90);
  bool is_outside = (at[0] == 0xed && at[1] > 0x9f) || (at[0] == 0xf4 && at[1] > 0x8f);
  return is_overlong || is_outside ? 0 : size;
}

size_t fl_files_text_front(const char *data, size_t size, bool *ret_is_text) {
  size_t at = 0;
  *ret_is_text = true;
  while (at < size) {
    int step = character_size((const unsigned char *)data + at, size - at);
    if (step <= 0) {
      *ret_is_text = step < 0;
      break;
    }
    at += (size_t)step;
  }
  return at;
}

/* The last star is the only one that ever has to give way, so no pattern costs more than size times size. */
bool fl_files_name_fits(const char *name, const char *pattern) {
  const char *star = NULL, *retry = NULL;
  while (*name != '\0') {
    if (*pattern == '*') {
      star = ++pattern;
      retry = name;
    } else if (*pattern == '?' || *pattern == *name) {
      pattern++;
      name++;
    } else if (star != NULL) {
      pattern = star;
      name = ++retry;
    } else {
      return false;
    }
  }
  while (*pattern == '*') pattern++;
  return *pattern == '\0';
}

/* ---- reading ---- */

/* A slice that begins inside a character begins with the next one. */
static size_t skip_rest_of_character(const char *data, size_t size) {
  size_t at = 0;
  while (at < size && at < 3 && ((unsigned char)data[at] & 0xc0) == 0x80) at++;
  return at;
}

struct slice {
  const char *text;
  size_t size;
  int64_t begin, end, file_size;
};

static int answer_slice(struct fl_call *call, const struct slice *slice) {
  struct fl_value *content = fl_array(), *block = fl_object();
  fl_set_string(block, "type", "text");
  fl_set_take(block, "text", fl_string_n(slice->text, slice->size));
  fl_append_take(content, block);
  if (slice->begin > 0 || slice->end < slice->file_size) {
    struct fl_value *note = fl_object();
    fl_set_string(note, "type", "text");
    bool is_end = slice->end >= slice->file_size;
    fl_set_take(
        note, "text",
        is_end ? fl_stringf("[bytes %lld to the end of %lld]", (long long)slice->begin, (long long)slice->file_size)
               : fl_stringf("[bytes %lld to %lld of %lld; go on with offset %lld]", (long long)slice->begin,
                            (long long)slice->end, (long long)slice->file_size, (long long)slice->end));
    fl_append_take(content, note);
  }
  return fl_call_return_content_take(call, content);
}

static int read_slice(struct fl_call *call, const struct fl_files_place *place, int fd, struct slice *slice) {
  size_t size = slice->size;
  char *data = malloc(size + 1);
  if (data == NULL) return fl_call_return_error(call, "There is no memory for %zu bytes", size);
  ssize_t got = fl_files_read(fd, data, size, (off_t)slice->begin);
  size_t front = got > 0 && slice->begin > 0 ? skip_rest_of_character(data, (size_t)got) : 0;
  bool is_text = true;
  int rc;
  if (got < 0) {
    rc = fl_files_fail(call, "Cannot read", place->path, (int)-got);
  } else {
    slice->text = data + front;
    slice->size = fl_files_text_front(slice->text, (size_t)got - front, &is_text);
    slice->begin += (int64_t)front;
    slice->end = slice->begin + (int64_t)slice->size;
    bool is_cut = is_text && slice->begin + (int64_t)slice->size < slice->file_size;
    if (!is_text || (slice->size == 0 && got > (ssize_t)front && !is_cut))
      rc = fl_call_return_error(call, "\"%.300s\" is not text (byte %lld)", place->path, (long long)slice->end);
    else rc = answer_slice(call, slice);
  }
  free(data);
  return rc;
}

int fl_files_read_tool(struct fl_call *call, const struct fl_value *args, void *user) {
  const struct fl_files *files = user;
  struct fl_files_place place;
  struct stat info;
  if (!fl_files_place_of(files, args, &place)) return fl_call_return_error(call, "%s", place.error);
  int fd = fl_files_open_regular(&place, place.path, &info);
  if (fd < 0) return fl_files_fail(call, "Cannot read", place.path, -fd);
  int64_t limit = fl_get_int(args, "limit", (int64_t)files->read_max), rest;
  struct slice slice = {.begin = fl_get_int(args, "offset", 0), .file_size = info.st_size};
  if (limit > (int64_t)files->read_max) limit = (int64_t)files->read_max;
  rest = slice.file_size > slice.begin ? slice.file_size - slice.begin : 0;
  slice.size = (size_t)(rest < limit ? rest : limit);
  int rc = slice.begin > slice.file_size
               ? fl_call_return_error(call, "\"%.300s\" has %lld bytes; there is nothing from %lld on", place.path,
                                      (long long)slice.file_size, (long long)slice.begin)
               : read_slice(call, &place, fd, &slice);
  close(fd);
  return rc;
}
