/* SPDX-License-Identifier: MIT */
#include "tools/sandbox/launch.h"

#include "tools/sandbox/layers.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

void fl_launch_complain(const char *format, ...) {
  char line[1024];
  va_list args;
  va_start(args, format);
  int size = vsnprintf(line, sizeof line - 1, format, args);
  va_end(args);
  if (size >= (int)sizeof line - 1) size = sizeof line - 2;
  line[size] = '\n';
  dprintf(2, "fairlead-launch: %.*s", size + 1, line);
}

static _Noreturn void misuse(const char *what) {
  fl_launch_complain(
      "%s; usage: fairlead-launch [--policy-fd N] [--env-fd N] [--control-fd N] --parent PID -- PROGRAM [ARGUMENT...]",
      what);
  _exit(FL_LAUNCH_MISUSED);
}

static int parse_number(const char *text, int least, const char *complaint) {
  char *end = NULL;
  long number = text != NULL ? strtol(text, &end, 10) : -1;
  if (text == NULL || *text == '\0' || *end != '\0' || number < least || number > 0x7fffffff) misuse(complaint);
  return (int)number;
}

static struct fl_launch parse(char **argv) {
  struct fl_launch launch = {.policy_fd = -1, .env_fd = -1, .control_fd = -1, .channel_fd = -1};
  for (argv++; *argv != NULL && strcmp(*argv, "--") != 0; argv += 2) {
    if (strcmp(*argv, "--policy-fd") == 0)
      launch.policy_fd = parse_number(argv[1], 3, "--policy-fd needs a descriptor from 3 on");
    else if (strcmp(*argv, "--env-fd") == 0)
      launch.env_fd = parse_number(argv[1], 3, "--env-fd needs a descriptor from 3 on");
    else if (strcmp(*argv, "--control-fd") == 0)
      launch.control_fd = parse_number(argv[1], 3, "--control-fd needs a descriptor from 3 on");
    else if (strcmp(*argv, "--parent") == 0) launch.parent = parse_number(argv[1], 1, "--parent needs a process id");
    else misuse("unknown option");
  }
  if (launch.parent == 0) misuse("--parent is missing");
  if (*argv == NULL || argv[1] == NULL) misuse("the program is missing");
  launch.argv = argv + 1;
  return launch;
}

void fl_launch_let_go(const struct fl_launch *launch) {
  fl_launch_forget_environment(launch);
  int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int fd = 0; fd <= 2; fd++)
    if (null_fd < 0 || dup2(null_fd, fd) < 0) close(fd);
  if (null_fd > 2) close(null_fd);
  if (launch->policy_fd >= 0) close(launch->policy_fd);
  if (launch->env_fd >= 0) close(launch->env_fd);
  if (launch->confinement != NULL && launch->confinement->program_fd >= 0) close(launch->confinement->program_fd);
}

static void read_input(struct fl_launch *launch) {
  launch->env = environ;
  if (launch->env_fd >= 0 && fl_launch_read_environment(launch) != 0) _exit(FL_LAUNCH_REFUSED);
  if (launch->policy_fd >= 0 && fl_launch_read_policy(launch) != 0) _exit(FL_LAUNCH_REFUSED);
  if (launch->confinement == NULL) return;
  if (fl_program_find(launch->confinement, launch->argv[0], launch->env) != 0) _exit(FL_LAUNCH_NOT_FOUND);
  if (launch->confinement->sandbox.sha256 != NULL && fl_program_pin(launch->confinement) != 0) _exit(FL_LAUNCH_REFUSED);
}

int main(int argc, char **argv) {
  if (argc == 2 && strcmp(argv[1], "--probe") == 0) return fl_launch_probe();
  struct fl_launch launch = parse(argv);
  /* Whatever else was leaked stays behind. */
  fl_launch_close_except((const int[]){launch.policy_fd, launch.env_fd, launch.control_fd, -1});
  if (launch.control_fd >= 0) fcntl(launch.control_fd, F_SETFD, FD_CLOEXEC);
  int signal_fd = fl_launch_signal_fd();
  if (signal_fd < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) {
    fl_launch_complain("cannot supervise: %s", strerror(errno));
    _exit(FL_LAUNCH_REFUSED);
  }
  setsid(); /* fails when it leads a group already, which is as good */
  prctl(PR_SET_DUMPABLE, 0);
  read_input(&launch);
  pid_t tool = fl_launch_start(&launch, signal_fd);
  if (tool < 0) {
    fl_launch_complain("cannot start a process: %s", strerror(errno));
    _exit(FL_LAUNCH_REFUSED);
  }
  fl_launch_let_go(&launch);
  fl_launch_supervise(&launch, tool, signal_fd);
}
