/* SPDX-License-Identifier: MIT */
#include "runtime/io/locate.h"
#include "runtime/base/mem.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *path_of(const char *const *env) {
  const char *path = env == NULL ? getenv("PATH") : NULL;
  for (; env != NULL && *env != NULL; env++)
    if (strncmp(*env, "PATH=", 5) == 0) path = *env + 5;
  return path != NULL ? path : "/bin:/usr/bin";
}

static int check_runnable(const char *path) {
  struct stat info;
  if (stat(path, &info) != 0) return errno;
  if (!S_ISREG(info.st_mode)) return EACCES;
  return access(path, X_OK) == 0 ? 0 : errno;
}

static char *join(const char *folder, size_t folder_size, const char *name) {
  return fl_format("%.*s/%s", folder_size > 0 ? (int)folder_size : 1, folder_size > 0 ? folder : ".", name);
}

/* `ret_path`: where it was found, the caller's; NULL: nobody asks. */
static int search_path(const char *path, const char *program, char **ret_path) {
  int worst = ENOENT;
  for (const char *end; path != NULL; path = *end == ':' ? end + 1 : NULL) {
    end = strchrnul(path, ':');
    FL_FREE_AUTO char *candidate = join(path, (size_t)(end - path), program);
    int failure = check_runnable(candidate);
    if (failure == 0 && ret_path != NULL) *ret_path = fl_strdup(candidate);
    if (failure == 0) return 0;
    if (failure == EACCES) worst = EACCES;
  }
  return worst;
}

int fl_locate_program(const char *program, const char *const *env, const char *cwd, struct fl_error *err) {
  const char *path = path_of(env);
  bool by_name = strchr(program, '/') == NULL;
  FL_FREE_AUTO char *below = !by_name && program[0] != '/' && cwd != NULL ? join(cwd, strlen(cwd), program) : NULL;
  int failure = by_name ? search_path(path, program, NULL) : check_runnable(below != NULL ? below : program);
  if (failure == 0) return 0;
  if (failure == EACCES)
    return fl_error_set(err, FL_E_IO, "cannot start \"%s\": the file is there, but may not be executed (chmod +x?)",
                        program);
  if (!by_name) return fl_error_set(err, FL_E_NOT_FOUND, "cannot start \"%s\": %s", program, strerror(failure));
  return fl_error_set(err, FL_E_NOT_FOUND,
                      "cannot start \"%s\": no such program in PATH (%.1000s); install it or give its full path",
                      program, path);
}

int fl_locate_path(const char *program, const char *cwd, char **ret_path, struct fl_error *err) {
  int rc = fl_locate_program(program, NULL, cwd, err);
  if (rc < 0) return rc;
  bool is_below = strchr(program, '/') != NULL && program[0] != '/' && cwd != NULL;
  if (is_below) *ret_path = join(cwd, strlen(cwd), program);
  else if (strchr(program, '/') != NULL) *ret_path = fl_strdup(program);
  else if (search_path(path_of(NULL), program, ret_path) != 0) /* gone meanwhile */
    return fl_error_set(err, FL_E_NOT_FOUND, "cannot start \"%s\": no such program in PATH", program);
  return 0;
}

static char *beside_us(const char *name) {
  char self[PATH_MAX];
  ssize_t size = readlink("/proc/self/exe", self, sizeof self - 1);
  if (size <= 0) return NULL;
  self[size] = '\0';
  char *slash = strrchr(self, '/');
  return slash != NULL ? join(self, (size_t)(slash - self), name) : NULL;
}

int fl_locate_companion(const char *variable, const char *folder, const char *name, char **ret_path,
                        struct fl_error *err) {
  const char *named = secure_getenv(variable);
  if (named != NULL && named[0] != '\0') {
    *ret_path = fl_strdup(named);
    return 0;
  }
  FL_FREE_AUTO char *installed = join(folder, strlen(folder), name);
  FL_FREE_AUTO char *beside = beside_us(name);
  const char *found = NULL; /* its own build first: an older installation must not shadow it */
  if (beside != NULL && access(beside, F_OK) == 0) found = beside;
  else if (access(installed, F_OK) == 0) found = installed;
  if (found == NULL)
    return fl_error_set(err, FL_E_NOT_FOUND, "cannot find %s: it is neither %s nor %s; set %s to its path", name,
                        installed, beside != NULL ? beside : "beside the program", variable);
  *ret_path = fl_strdup(found);
  return 0;
}
