/* SPDX-License-Identifier: MIT */
/* What the launcher is told through descriptors: read whole before anything is given up. */
#include "tools/sandbox/launch.h"

#include "tools/sandbox/layers.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The whole file and an end behind it; the caller frees it. */
static char *read_whole(int fd, size_t most, size_t *ret_size) {
  struct stat info;
  if (fstat(fd, &info) != 0 || info.st_size < 0 || (size_t)info.st_size > most) return NULL;
  size_t size = (size_t)info.st_size;
  char *text = calloc(1, size + 1);
  if (text != NULL && pread(fd, text, size, 0) == (ssize_t)size) {
    *ret_size = size;
    return text;
  }
  free(text);
  return NULL;
}

int fl_launch_read_environment(struct fl_launch *launch) {
  size_t size = 0, count = 0, at = 0;
  char *text = read_whole(launch->env_fd, SIZE_MAX - 1, &size);
  for (size_t i = 0; text != NULL && i < size; i++) count += text[i] == '\0';
  char **env = calloc(count + 1, sizeof *env);
  if (text == NULL || env == NULL || (size > 0 && text[size - 1] != '\0')) {
    fl_launch_complain("cannot read the environment of %s", launch->argv[0]);
    free(text);
    free(env);
    return -1;
  }
  for (size_t i = 0; i < count; i++) {
    env[i] = text + at;
    at += strlen(text + at) + 1;
  }
  launch->env = env;
  return 0;
}

int fl_launch_read_policy(struct fl_launch *launch) {
  static struct fl_confinement confinement;
  char complaint[FL_SANDBOX_COMPLAINT_SIZE] = "the sandbox policy cannot be read";
  size_t size = 0;
  char *text = read_whole(launch->policy_fd, FL_SANDBOX_TEXT_MAX, &size); /* kept: the policy lends it */
  bool is_good = text != NULL && strlen(text) == size;
  if (!is_good || fl_sandbox_parse(text, &confinement.sandbox, complaint) != 0) {
    fl_launch_complain("%s", complaint);
    free(text);
    return -1;
  }
  confinement.program_fd = -1;
  confinement.cgroup = FL_CGROUP_NONE;
  if (getcwd(confinement.cwd, sizeof confinement.cwd) == NULL) confinement.cwd[0] = '\0';
  confinement.has_scope = fl_landlock_abi() >= 6 && fl_sandbox_wants(&confinement.sandbox, FL_LAYER_SCOPE);
  launch->confinement = &confinement;
  return 0;
}
