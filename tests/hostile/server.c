/* SPDX-License-Identifier: MIT */
#include "tests/hostile/server.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static void fail(const char *program) {
  printf("# %s cannot be started\n", program);
  fflush(stdout);
  _exit(3);
}

/* The ports of two processes must not be each other's to hold: close on exec. */
static pid_t spawn(const char *program, const char *way, const int input[2], const int output[2]) {
  posix_spawn_file_actions_t actions;
  pid_t pid = -1;
  char *argv[] = {(char *)(unsigned long)program, (char *)(unsigned long)way, NULL};
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input[0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output[1], STDOUT_FILENO);
  if (posix_spawn(&pid, program, &actions, NULL, argv, environ) != 0) pid = -1;
  posix_spawn_file_actions_destroy(&actions);
  return pid;
}

void server_start(struct server *server, const char *program, const char *way) {
  int input[2], output[2], port = 0;
  if (pipe2(input, O_CLOEXEC) != 0 || pipe2(output, O_CLOEXEC) != 0) fail(program);
  server->pid = spawn(program, way, input, output);
  close(input[0]);
  close(output[1]);
  FILE *told = fdopen(output[0], "r");
  if (server->pid < 0 || told == NULL || fscanf(told, "%d", &port) != 1) fail(program);
  fclose(told);
  server->input = input[1];
  snprintf(server->url, sizeof server->url, "http://127.0.0.1:%d/mcp", port);
}

void server_stop(struct server *server) {
  close(server->input);
  waitpid(server->pid, NULL, 0);
}
