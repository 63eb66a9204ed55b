/* SPDX-License-Identifier: MIT */
/* Files under named roots, for the tools that list, read, find, write, edit and delete them.
 *
 * Invariants. (1) Every name is resolved by the kernel beneath its root's descriptor, and no link is followed
 * (openat2): what a path means cannot change between check and use. (2) Only regular files are read and written; a pipe
 * or a device is an error, and nothing waits for one. (3) A file is replaced whole (a new one is renamed over it) or
 * not at all. (4) A root that may not be written has no tool that tries. */
#pragma once
#include <fairlead/tools.h>
#include <sys/stat.h>
#include <sys/types.h>

enum {
  FL_FILES_ROOTS_MAX = 32,
  FL_FILES_PATH_MAX = 4096,
  FL_FILES_ENTRIES_MAX = 1000, /* of a list, and of what is found */
  FL_FILES_VISITS_MAX = 100000,
  FL_FILES_DEPTH_MAX = 32,
  FL_FILES_TEXT_MAX = 512, /* of an error */
};

struct fl_files_root {
  char *name;
  int fd; /* of the folder */
  bool may_write;
};

struct fl_files {
  struct fl_files_root roots[FL_FILES_ROOTS_MAX];
  size_t count;
  size_t read_max, write_max; /* bytes of one call */
};

/* Where a call points: a root, and a path below it without a slash in front. */
struct fl_files_place {
  const struct fl_files_root *root;
  const char *path;                   /* "." for the root itself */
  char error[FL_FILES_TEXT_MAX + 64]; /* why it is none */
};
/* From the arguments "root" (may be left out when there is one) and "path". False: `error` is for the model. */
bool fl_files_place_of(const struct fl_files *files, const struct fl_value *args, struct fl_files_place *ret_place);

/* A descriptor, or -errno; `flags` as for open(2). */
int fl_files_open(const struct fl_files_place *place, const char *path, int flags, mode_t mode);
/* The same for a regular file that is read; its size goes to *ret_info. */
int fl_files_open_regular(const struct fl_files_place *place, const char *path, struct stat *ret_info);
/* Up to `size` bytes from `offset`; how many, or -errno. */
ssize_t fl_files_read(int fd, char *data, size_t size, off_t offset);

int fl_files_fail(struct fl_call *call, const char *what, const char *path, int error); /* an error for the model */

fl_tool_fn fl_files_list_tool, fl_files_read_tool, fl_files_find_tool; /* user: struct fl_files */
fl_tool_fn fl_files_write_tool, fl_files_edit_tool, fl_files_delete_tool;

/* Whether a name fits a pattern of * (any characters), ? (one) and others (themselves); linear in the worst case. */
bool fl_files_name_fits(const char *name, const char *pattern);
/* The length of the longest front of `data` that is whole UTF-8 text without NUL; `size` when all is, or when only the
 * last character is cut (*ret_is_text). */
size_t fl_files_text_front(const char *data, size_t size, bool *ret_is_text);
