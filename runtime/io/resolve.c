/* SPDX-License-Identifier: MIT */
#include "runtime/io/resolve.h"

#include "runtime/base/mem.h"

#include <errno.h>
#include <fairlead/error.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PATH_SIZE_MAX = 4096, PARTS_MAX = 256 };

static int code_of(int error) {
  if (error == EXDEV || error == ELOOP) return FL_E_DENIED;
  return error == ENOENT || error == ENOTDIR ? FL_E_NOT_FOUND : FL_E_IO;
}

/* Where an open file is, by the kernel's own word. */
static int name_of(int fd, char ret_name[PATH_SIZE_MAX]) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t size = readlink(link, ret_name, PATH_SIZE_MAX - 1);
  if (size <= 0) return FL_E_IO;
  ret_name[size] = '\0';
  return 0;
}

/* A link to what is not there leads somewhere all the same, for who would make it. */
static bool is_link(const char *path) {
  char target[PATH_SIZE_MAX];
  return readlink(path, target, sizeof target) >= 0;
}

/* Of what is there. A relative path comes back relative to the working folder. */
static int follow(const char *path, char ret_name[PATH_SIZE_MAX]) {
  bool is_relative = path[0] != '/';
  struct open_how how = {.flags = O_PATH | O_CLOEXEC,
                         .resolve = RESOLVE_NO_MAGICLINKS | (is_relative ? RESOLVE_BENEATH : 0)};
  int fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
  int error = code_of(errno);
  if (fd < 0) return error == FL_E_NOT_FOUND && is_link(path) ? FL_E_DENIED : error;
  int rc = name_of(fd, ret_name);
  close(fd);
  char folder[PATH_SIZE_MAX];
  if (rc < 0 || !is_relative) return rc;
  if (getcwd(folder, sizeof folder) == NULL) return FL_E_IO;
  size_t size = strcmp(folder, "/") == 0 ? 0 : strlen(folder);
  if (strncmp(ret_name, folder, size) != 0 || (ret_name[size] != '/' && ret_name[size] != '\0')) return FL_E_DENIED;
  const char *rest = ret_name[size] == '/' ? ret_name + size + 1 : ".";
  memmove(ret_name, rest, strlen(rest) + 1);
  return 0;
}

int fl_resolve_path(const char *path, char **ret_target) {
  char front[PATH_SIZE_MAX], target[PATH_SIZE_MAX];
  size_t size = strlen(path);
  if (size == 0 || size >= sizeof front) return FL_E_INVALID;
  memcpy(front, path, size + 1);
  for (int parts = 0; parts < PARTS_MAX; parts++) {
    int rc = follow(front[0] != '\0' ? front : ".", target);
    if (rc != FL_E_NOT_FOUND) {
      const char *rest = path + strlen(front);
      bool is_folder = strcmp(target, ".") == 0 || strcmp(target, "/") == 0;
      if (rc == 0 && is_folder && *rest != '\0')
        *ret_target = fl_format("%s%s", target[0] == '/' ? "/" : "", rest + (*rest == '/'));
      else if (rc == 0) *ret_target = fl_format("%s%s", target, rest);
      return rc;
    }
    char *slash = strrchr(front, '/'); /* what is not there yet: where its folder leads */
    if (slash == NULL) front[0] = '\0';
    else slash[slash == front && slash[1] != '\0'] = '\0';
  }
  return FL_E_LIMIT;
}
