/* SPDX-License-Identifier: MIT */
#include "runtime/io/key_source.h"

#include "runtime/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WORDS_MAX = 32, OUTPUT_MAX = 256, WAIT_MS = 30000 };

static int64_t now_ms(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static size_t split(char *command, char *ret_words[WORDS_MAX + 1]) {
  size_t count = 0;
  char *rest = NULL;
  for (char *word = strtok_r(command, " \t", &rest); word != NULL && count < WORDS_MAX;
       word = strtok_r(NULL, " \t", &rest))
    ret_words[count++] = word;
  ret_words[count] = NULL;
  return count;
}

/* Starts the command with its standard output in a pipe. */
static int start(char **words, pid_t *ret_pid, int *ret_fd) {
  int ends[2];
  posix_spawn_file_actions_t actions;
  if (pipe2(ends, O_CLOEXEC) != 0) return errno;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  int code = posix_spawnp(ret_pid, words[0], &actions, NULL, words, environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  if (code != 0) close(ends[0]);
  *ret_fd = ends[0];
  return code;
}

/* What it prints, up to its end; -1: it took too long, or cannot be read. */
static ssize_t read_output(int fd, char *text, size_t size_max) {
  int64_t until_ms = now_ms() + WAIT_MS;
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

static int read_command(const char *command, struct fl_secret *ret_key, struct fl_error *err) {
  char *words[WORDS_MAX + 1], text[OUTPUT_MAX];
  FL_FREE_AUTO char *copy = fl_strdup(command);
  pid_t pid;
  int fd = -1, state = 0;
  if (split(copy, words) == 0) return fl_error_set(err, FL_E_INVALID, "FAIRLEAD_STORE_KEY_COMMAND names no command");
  int code = start(words, &pid, &fd);
  if (code != 0)
    return fl_error_set(err, FL_E_REMOTE, "the command %s, which gives a key: %s", words[0], strerror(code));
  ssize_t size = read_output(fd, text, sizeof text);
  close(fd);
  if (size < 0) kill(pid, SIGKILL);
  while (waitpid(pid, &state, 0) < 0 && errno == EINTR) {}
  int status = 0;
  if (size < 0) status = fl_error_set(err, FL_E_TIMEOUT, "the command %s gave no key in time", words[0]);
  else if (!WIFEXITED(state) || WEXITSTATUS(state) != 0)
    status = fl_error_set(err, FL_E_REMOTE, "the command %s, which gives a key, failed", words[0]);
  else status = fl_key_read(fl_slice_n(text, (size_t)size), "what the command printed", ret_key, err);
  fl_wipe(text, sizeof text);
  return status;
}

int fl_key_source_store(struct fl_secret *ret_key, struct fl_error *err) {
  const char *file = secure_getenv("FAIRLEAD_STORE_KEY_FILE");
  const char *command = secure_getenv("FAIRLEAD_STORE_KEY_COMMAND");
  const char *credentials = secure_getenv("CREDENTIALS_DIRECTORY");
  if (file != NULL && file[0] != '\0') return fl_key_file_read(file, ret_key, err);
  if (command != NULL && command[0] != '\0') return read_command(command, ret_key, err);
  if (credentials == NULL || credentials[0] == '\0') return 0;
  FL_FREE_AUTO char *path = fl_format("%s/fairlead-store-key", credentials);
  return access(path, F_OK) == 0 ? fl_key_file_read(path, ret_key, err) : 0;
}
