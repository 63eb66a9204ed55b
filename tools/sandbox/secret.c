/* SPDX-License-Identifier: MIT */
/* Secrets of the tool: out of its environment into files in memory, where that is wanted, and out of our own memory
 * once the tool has them. */
#include "tools/sandbox/launch.h"

#include "tools/sandbox/layers.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static char **find(char **env, const char *name) {
  size_t size = strlen(name);
  while (*env != NULL && (strncmp(*env, name, size) != 0 || (*env)[size] != '=')) env++;
  return *env != NULL ? env : NULL;
}

static void wipe(char *text) { explicit_bzero(text, strlen(text)); }

/* A file that nobody can change any more, read from its front; -1 with errno. */
static int make_file(const char *text) {
  enum { SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE };
  size_t size = strlen(text);
  int fd = memfd_create("secret", MFD_ALLOW_SEALING);
  if (fd < 0) return -1;
  if (write(fd, text, size) == (ssize_t)size && lseek(fd, 0, SEEK_SET) == 0 && fcntl(fd, F_ADD_SEALS, SEALS) == 0)
    return fd;
  close(fd);
  return -1;
}

static int place(char **entry, const char *name) {
  size_t name_size = strlen(name), size = name_size + sizeof "_FILE=/proc/self/fd/" + 12;
  int fd = make_file(*entry + name_size + 1);
  char *path = fd >= 0 ? malloc(size) : NULL;
  if (path == NULL) return -1;
  snprintf(path, size, "%s_FILE=/proc/self/fd/%d", name, fd);
  wipe(*entry);
  *entry = path;
  return 0;
}

int fl_launch_place_secrets(const struct fl_launch *launch) {
  const struct fl_sandbox *sandbox = &launch->confinement->sandbox;
  for (size_t i = 0; i < sandbox->secret_count; i++) {
    char **entry = find(launch->env, sandbox->secrets[i]);
    if (entry == NULL || place(entry, sandbox->secrets[i]) != 0) return -1;
  }
  return 0;
}

void fl_launch_forget_environment(const struct fl_launch *launch) {
  for (char **entry = launch->env_fd >= 0 ? launch->env : NULL; entry != NULL && *entry != NULL; entry++) wipe(*entry);
}
