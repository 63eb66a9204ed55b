/* SPDX-License-Identifier: MIT */
/* life-rude WAY…: an MCP server that does not want to go. It answers what a client needs to connect and to call its
 * tool, knows nothing of fairlead, and is rude in the named ways before it answers for the first time:
 *   deaf     ignores every signal that can be ignored
 *   stays    lives on after the end of its input
 *   holds    a child that is as deaf keeps its pipes open
 *   daemon   forks twice and calls setsid; what comes of it is deaf and keeps the pipes open
 *   groups   ten children, each in a process group of its own and as deaf
 *   hops     a process that forks and ends, over and over, in a session of its own: no two looks find the same one
 *   freezes  stops itself (SIGSTOP) once it has answered a call
 *   leaves   forks twice and ends: its grandchild would serve on */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_deaf, stays, freezes;

static void ignore_signals(void) {
  for (int number = 1; number < NSIG; number++)
    if (number != SIGKILL && number != SIGSTOP) signal(number, SIG_IGN);
}

static _Noreturn void stay(void) {
  ignore_signals();
  for (;;) pause();
}

static void start_daemon(void) {
  if (fork() != 0) return;
  setsid();
  if (fork() != 0) _exit(0);
  stay();
}

static void start_groups(void) {
  for (int i = 0; i < 10; i++) {
    if (fork() != 0) continue;
    setpgid(0, 0);
    stay();
  }
}

static void start_hops(void) {
  if (fork() != 0) return;
  setsid();
  ignore_signals();
  for (;;) {
    if (fork() != 0) _exit(0);
    usleep(2000);
  }
}

static void leave(void) {
  if (fork() == 0 && fork() == 0) stay();
  usleep(20000);
  _exit(0);
}

static void be_rude(char *const ways[]) {
  for (; *ways != NULL; ways++) {
    if (strcmp(*ways, "deaf") == 0) is_deaf = true;
    else if (strcmp(*ways, "stays") == 0) stays = true;
    else if (strcmp(*ways, "freezes") == 0) freezes = true;
    else if (strcmp(*ways, "daemon") == 0) start_daemon();
    else if (strcmp(*ways, "groups") == 0) start_groups();
    else if (strcmp(*ways, "hops") == 0) start_hops();
    else if (strcmp(*ways, "leaves") == 0) leave();
    else if (strcmp(*ways, "holds") == 0 && fork() == 0) stay();
  }
  if (is_deaf) ignore_signals();
}

/* ---- the least that a client takes for a server ---- */

static const char *result_of(const char *line) {
  if (strstr(line, "\"initialize\"") != NULL)
    return "{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{\"tools\":{}},"
           "\"serverInfo\":{\"name\":\"rude\",\"version\":\"1\"}}";
  if (strstr(line, "\"tools/list\"") != NULL)
    return "{\"tools\":[{\"name\":\"echo\",\"inputSchema\":{\"type\":\"object\"}}]}";
  if (strstr(line, "\"tools/call\"") != NULL) return "{\"content\":[{\"type\":\"text\",\"text\":\"no\"}]}";
  return NULL;
}

static void answer(const char *line) {
  const char *id = strstr(line, "\"id\":"), *result = result_of(line);
  if (id == NULL) return;
  printf("{\"jsonrpc\":\"2.0\",\"id\":%ld,", strtol(id + 5, NULL, 10));
  if (result != NULL) printf("\"result\":%s}\n", result);
  else printf("\"error\":{\"code\":-32601,\"message\":\"no such method\"}}\n");
  fflush(stdout);
  if (freezes && strstr(line, "\"tools/call\"") != NULL) kill(getpid(), SIGSTOP);
}

int main(int argc, char **argv) {
  static char line[65536];
  bool is_first = true;
  while (fgets(line, sizeof line, stdin) != NULL) {
    if (is_first) be_rude(argv + 1);
    is_first = false;
    answer(line);
  }
  while (stays) pause();
  return 0;
}
