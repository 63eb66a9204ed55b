/* SPDX-License-Identifier: MIT */
#include "tools/sandbox/machine.h"

#include "runtime/base/mem.h"
#include "runtime/io/locate.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int spawn_probe(const char *launcher, int output, pid_t *ret_pid) {
  posix_spawn_file_actions_t actions;
  char name[] = "fairlead-launch", option[] = "--probe", *const argv[] = {name, option, NULL}, *const env[] = {NULL};
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output, 1);
  int failure = posix_spawn(ret_pid, launcher, &actions, NULL, argv, env);
  posix_spawn_file_actions_destroy(&actions);
  return failure;
}

static int run_probe(const char *launcher, char *text, size_t size, struct fl_error *err) {
  int ends[2], status = 0;
  pid_t pid = 0;
  size_t used = 0;
  if (pipe2(ends, O_CLOEXEC) != 0) return fl_error_set(err, FL_E_IO, "no pipe: %s", strerror(errno));
  int failure = spawn_probe(launcher, ends[1], &pid);
  close(ends[1]);
  for (ssize_t got = 1; failure == 0 && got > 0 && used<size - 1; used += got> 0 ? (size_t)got : 0)
    got = read(ends[0], text + used, size - 1 - used);
  text[used] = '\0';
  close(ends[0]);
  if (failure != 0) return fl_error_set(err, FL_E_IO, "cannot run %s: %s", launcher, strerror(failure));
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  if (status == 0) return 0;
  return fl_error_set(err, FL_E_VERSION, "%s cannot say what this machine enforces; is it of another version?",
                      launcher);
}

/* "landlock yes ABI 7" */
static void read_line(struct fl_machine *machine, char *line) {
  char *state = strchr(line, ' ');
  if (state == NULL) return;
  *state++ = '\0';
  int layer = fl_layer_find(line);
  char *detail = strchr(state, ' ');
  if (layer < 0) return;
  machine->has[layer] = strncmp(state, "yes", 3) == 0;
  snprintf(machine->detail[layer], sizeof machine->detail[layer], "%s", detail != NULL ? detail + 1 : "");
}

int fl_machine_probe(struct fl_machine *ret_machine, struct fl_error *err) {
  FL_FREE_AUTO char *launcher = NULL;
  struct fl_machine machine = {0};
  char text[2048], *rest = NULL;
  int rc = fl_locate_companion("FAIRLEAD_LAUNCHER", FL_LIBEXECDIR, "fairlead-launch", &launcher, err);
  if (rc == 0) rc = run_probe(launcher, text, sizeof text, err);
  if (rc < 0) return rc;
  for (char *line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest))
    read_line(&machine, line);
  *ret_machine = machine;
  return 0;
}
