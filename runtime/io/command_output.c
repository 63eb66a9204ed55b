/* SPDX-License-Identifier: MIT */
#include "runtime/io/command_output.h"

#include "runtime/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int64_t now_ms(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* Starts the command with its standard output in a pipe. */
static int start(const struct fl_command *command, pid_t *ret_pid, int *ret_fd) {
  int ends[2];
  posix_spawn_file_actions_t actions;
  if (pipe2(ends, O_CLOEXEC) != 0) return errno;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  if (command->is_quiet) posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  if (command->folder != NULL) posix_spawn_file_actions_addchdir_np(&actions, command->folder);
  int code = posix_spawnp(ret_pid, command->argv[0], &actions, NULL, (char *const *)(uintptr_t)command->argv, environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  if (code != 0) close(ends[0]);
  *ret_fd = ends[0];
  return code;
}

/* What it prints, up to its end or one byte more than there is room for; -1: it took too long, or cannot be read. */
static ssize_t read_output(int fd, char *text, size_t size_max, int wait_ms) {
  int64_t until_ms = now_ms() + wait_ms;
  size_t size = 0;
  while (size < size_max) {
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    int64_t left_ms = until_ms - now_ms();
    int ready = left_ms > 0 ? poll(&poll_fd, 1, (int)left_ms) : 0;
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return -1;
    ssize_t got = read(fd, text + size, size_max - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -1;
    if (got == 0) break;
    size += (size_t)got;
  }
  return (ssize_t)size;
}

int fl_command_output(const struct fl_command *command, struct fl_secret *ret_output, struct fl_error *err) {
  const char *program = command->argv[0], *gives = command->gives;
  pid_t pid;
  int fd = -1, state = 0;
  int code = start(command, &pid, &fd);
  if (code != 0)
    return fl_error_set(err, FL_E_REMOTE, "the command %s, which gives a %s: %s", program, gives, strerror(code));
  char *text = fl_locked_new(command->output_max + 1);
  ssize_t size = read_output(fd, text, command->output_max + 1, command->wait_ms);
  bool is_too_long = size > (ssize_t)command->output_max;
  close(fd);
  if (size < 0 || is_too_long) kill(pid, SIGKILL);
  while (waitpid(pid, &state, 0) < 0 && errno == EINTR) {}
  int status = 0;
  if (size < 0) status = fl_error_set(err, FL_E_TIMEOUT, "the command %s gave no %s in time", program, gives);
  else if (is_too_long)
    status = fl_error_set(err, FL_E_LIMIT, "the command %s, which gives a %s, printed more than %zu bytes", program,
                          gives, command->output_max);
  else if (!WIFEXITED(state) || WEXITSTATUS(state) != 0)
    status = fl_error_set(err, FL_E_REMOTE, "the command %s, which gives a %s, failed", program, gives);
  else fl_secret_set(ret_output, fl_slice_n(text, (size_t)size));
  fl_locked_free(text);
  return status;
}
