/* SPDX-License-Identifier: MIT */
/* Listing and finding: both walk a folder in the order of names, and stop at their limits. */
#include "tools/builtin/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct walk;

/* What stands in a folder. False: the walk is over. */
typedef bool visit_fn(struct walk *walk, const char *path, const struct stat *info);

struct walk {
  struct fl_call *call;
  const struct fl_files *files;
  struct fl_files_place place;
  int depth;
  int visit_count;
  bool is_cut; /* a limit was met, or the call is over */
  struct fl_value *entries;
  const char *name_pattern; /* NULL: any */
  const char *text;         /* to be found in a line; NULL: only names are looked at */
  visit_fn *visit;
};

/* An open folder, and how many levels of it are looked at. */
struct spot {
  int folder;
  const char *path;
  int depth;
};

static void walk_folder(struct walk *walk, const char *path, int depth);

static int skip_dots(const struct dirent *entry) {
  return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static int by_name(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }

static bool must_stop(struct walk *walk) {
  if (++walk->visit_count > FL_FILES_VISITS_MAX || fl_call_is_cancelled(walk->call)) walk->is_cut = true;
  return walk->is_cut;
}

static void visit_entry(struct walk *walk, const struct spot *spot, const char *name) {
  struct stat info;
  const char *path = spot->path;
  char whole[FL_FILES_PATH_MAX];
  int size = strcmp(path, ".") == 0 ? snprintf(whole, sizeof whole, "%s", name)
                                    : snprintf(whole, sizeof whole, "%s/%s", path, name);
  if (size >= (int)sizeof whole || fstatat(spot->folder, name, &info, AT_SYMLINK_NOFOLLOW) != 0) return;
  if (!walk->visit(walk, whole, &info)) walk->is_cut = true;
  if (!walk->is_cut && S_ISDIR(info.st_mode) && spot->depth > 1) walk_folder(walk, whole, spot->depth - 1);
}

static void walk_open(struct walk *walk, const struct spot *spot) {
  struct dirent **entries = NULL;
  int count = scandirat(spot->folder, ".", &entries, skip_dots, by_name);
  for (int i = 0; i < count; i++) {
    if (!walk->is_cut && !must_stop(walk)) visit_entry(walk, spot, entries[i]->d_name);
    free(entries[i]);
  }
  free(entries);
}

/* A folder that cannot be read is passed over, but for the first one, which the caller opens. */
static void walk_folder(struct walk *walk, const char *path, int depth) {
  struct spot spot = {fl_files_open(&walk->place, path, O_RDONLY | O_DIRECTORY, 0), path, depth};
  if (spot.folder < 0) return;
  walk_open(walk, &spot);
  close(spot.folder);
}

static bool add_entry(struct walk *walk, struct fl_value *entry) {
  fl_append_take(walk->entries, entry);
  return fl_size(walk->entries) < FL_FILES_ENTRIES_MAX;
}

static const char *kind_of(const struct stat *info) {
  if (S_ISREG(info->st_mode)) return "file";
  if (S_ISDIR(info->st_mode)) return "folder";
  return S_ISLNK(info->st_mode) ? "link" : "other";
}

static bool list_visit(struct walk *walk, const char *path, const struct stat *info) {
  struct fl_value *entry = fl_object();
  fl_set_string(entry, "path", path);
  fl_set_string(entry, "type", kind_of(info));
  if (S_ISREG(info->st_mode)) fl_set_int(entry, "size", info->st_size);
  fl_set_int(entry, "modified", info->st_mtime);
  return add_entry(walk, entry);
}

/* ---- finding ---- */

static bool add_line(struct walk *walk, const char *path, int64_t number, const char *line, size_t size) {
  enum { SHOWN_MAX = 300 };
  bool is_text;
  struct fl_value *entry = fl_object();
  fl_set_string(entry, "path", path);
  fl_set_int(entry, "line", number);
  size = fl_files_text_front(line, size > SHOWN_MAX ? SHOWN_MAX : size, &is_text);
  fl_set_take(entry, "text", fl_string_n(line, size));
  return add_entry(walk, entry);
}

static bool find_lines(struct walk *walk, const char *path, const char *data, size_t size) {
  const char *at = data, *end = data + size;
  for (int64_t number = 1; at < end; number++) {
    const char *newline = memchr(at, '\n', (size_t)(end - at)), *line_end = newline != NULL ? newline : end;
    if (memmem(at, (size_t)(line_end - at), walk->text, strlen(walk->text)) != NULL &&
        !add_line(walk, path, number, at, (size_t)(line_end - at)))
      return false;
    at = line_end + 1;
  }
  return true;
}

/* Files that are not text, or too large to be read at once, are passed over. */
static bool find_in_file(struct walk *walk, const char *path) {
  struct stat info;
  int fd = fl_files_open_regular(&walk->place, path, &info);
  if (fd < 0) return true;
  bool goes_on = true, is_text = false;
  char *data = info.st_size > 0 && (size_t)info.st_size <= walk->files->read_max ? malloc((size_t)info.st_size) : NULL;
  ssize_t got = data != NULL ? fl_files_read(fd, data, (size_t)info.st_size, 0) : 0;
  if (got > 0 && fl_files_text_front(data, (size_t)got, &is_text) == (size_t)got && is_text)
    goes_on = find_lines(walk, path, data, (size_t)got);
  free(data);
  close(fd);
  return goes_on;
}

static bool find_visit(struct walk *walk, const char *path, const struct stat *info) {
  const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
  if (walk->name_pattern != NULL && !fl_files_name_fits(name, walk->name_pattern)) return true;
  if (walk->text == NULL) return list_visit(walk, path, info);
  return !S_ISREG(info->st_mode) || find_in_file(walk, path);
}

/* ---- the tools ---- */

static int run_walk(struct walk *walk, const struct fl_value *args) {
  if (!fl_files_place_of(walk->files, args, &walk->place))
    return fl_call_return_error(walk->call, "%s", walk->place.error);
  struct spot spot = {.path = walk->place.path, .depth = walk->depth};
  spot.folder = fl_files_open(&walk->place, spot.path, O_RDONLY | O_DIRECTORY, 0);
  if (spot.folder < 0) return fl_files_fail(walk->call, "Cannot list", spot.path, -spot.folder);
  walk->entries = fl_array();
  walk_open(walk, &spot);
  close(spot.folder);
  struct fl_value *result = fl_object();
  fl_set_take(result, "entries", walk->entries);
  fl_set_bool(result, "truncated", walk->is_cut);
  return fl_call_return_take(walk->call, result);
}

int fl_files_list_tool(struct fl_call *call, const struct fl_value *args, void *user) {
  struct walk walk = {.call = call, .files = user, .visit = list_visit};
  walk.depth = (int)fl_get_int(args, "depth", 1);
  return run_walk(&walk, args);
}

int fl_files_find_tool(struct fl_call *call, const struct fl_value *args, void *user) {
  struct walk walk = {.call = call, .files = user, .depth = FL_FILES_DEPTH_MAX, .visit = find_visit};
  walk.name_pattern = fl_get_string(args, "name", NULL);
  walk.text = fl_get_string(args, "text", NULL);
  if (walk.name_pattern == NULL && (walk.text == NULL || walk.text[0] == '\0'))
    return fl_call_return_error(call, "Say what to find: a name such as *.md, a text, or both");
  return run_walk(&walk, args);
}
