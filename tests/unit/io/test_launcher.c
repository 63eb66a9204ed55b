/* SPDX-License-Identifier: MIT */
/* The launcher by itself, as a program: what it says and how it exits. What it does for a living is in
 * test_process.c. */
#include "tests/support/support.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char said[4096]; /* on both outputs */

static int run(const char *const *argv) {
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  pid_t pid = fork();
  if (pid == 0) {
    dup2(ends[1], 1);
    dup2(ends[1], 2);
    execv(getenv("FAIRLEAD_LAUNCHER"), (char **)(intptr_t)argv);
    _exit(99);
  }
  close(ends[1]);
  size_t used = 0;
  for (ssize_t got; (got = read(ends[0], said + used, sizeof said - 1 - used)) > 0;) used += (size_t)got;
  said[used] = '\0';
  close(ends[0]);
  int status = 0;
  waitpid(pid, &status, 0);
  return status;
}

static const char *own_pid(void) {
  static char text[16];
  snprintf(text, sizeof text, "%d", (int)getpid());
  return text;
}

#define RUN(...) run((const char *const[]){"fairlead-launch", __VA_ARGS__, NULL})

static void exits_as_the_tool_does(void **state) {
  assert_int_equal(WEXITSTATUS(RUN("--parent", own_pid(), "--", "sh", "-c", "echo hi; exit 42")), 42);
  assert_string_equal(said, "hi\n");
  assert_int_equal(WTERMSIG(RUN("--parent", own_pid(), "--", "sh", "-c", "kill -TERM $$")), SIGTERM);
  assert_int_equal(WTERMSIG(RUN("--parent", own_pid(), "--", "sh", "-c", "kill -KILL $$")), SIGKILL);
}

static void says_what_it_cannot_run(void **state) {
  assert_int_equal(WEXITSTATUS(RUN("--parent", own_pid(), "--", "no-such-tool", "x")), 127);
  assert_string_equal(said, "fairlead-launch: cannot run no-such-tool: No such file\n");
  assert_int_equal(WEXITSTATUS(RUN("--parent", own_pid(), "--", "/etc/passwd")), 127);
  assert_non_null(strstr(said, "Permission denied"));
}

static void refuses_wrong_use(void **state) {
  assert_int_equal(WEXITSTATUS(RUN("--", "true")), 125);
  assert_non_null(strstr(said, "--parent is missing"));
  assert_int_equal(WEXITSTATUS(RUN("--parent", own_pid())), 125);
  assert_int_equal(WEXITSTATUS(RUN("--parent", own_pid(), "--")), 125);
  assert_int_equal(WEXITSTATUS(RUN("--parent", "zero", "--", "true")), 125);
  assert_int_equal(WEXITSTATUS(RUN("--parent")), 125);
  assert_int_equal(WEXITSTATUS(RUN("--policy-fd", "1", "--parent", own_pid(), "--", "true")), 125);
  assert_int_equal(WEXITSTATUS(RUN("--what", "1", "--parent", own_pid(), "--", "true")), 125);
  assert_non_null(strstr(said, "unknown option"));
}

static void refuses_what_it_cannot_enforce_or_read(void **state) {
  assert_int_equal(WEXITSTATUS(RUN("--policy-fd", "9", "--parent", own_pid(), "--", "echo", "started")), 126);
  assert_null(strstr(said, "started"));
  assert_int_equal(WEXITSTATUS(RUN("--env-fd", "9", "--parent", own_pid(), "--", "echo", "started")), 126);
  assert_null(strstr(said, "started"));
}

static void starts_nothing_lasting_for_a_parent_that_is_gone(void **state) {
  assert_int_equal(WTERMSIG(RUN("--parent", "1", "--", "sleep", "300")), SIGTERM);
}

/* ---- the control pipe ---- */

struct started {
  pid_t pid;
  int control_fd, output_fd;
};

/* Descriptor 3 is the control pipe's end, 4 another of the parent's that must not reach the tool. */
static struct started start_controlled(const char *script) {
  int control[2], output[2];
  assert_int_equal(pipe2(control, O_CLOEXEC), 0);
  assert_int_equal(pipe2(output, O_CLOEXEC), 0);
  const char *parent = own_pid();
  pid_t pid = fork();
  if (pid == 0) {
    dup2(output[1], 1);
    int end = fcntl(control[0], F_DUPFD, 10);
    dup2(end, 3);
    dup2(end, 4);
    execl(getenv("FAIRLEAD_LAUNCHER"), "fairlead-launch", "--control-fd", "3", "--parent", parent, "--", "sh", "-c",
          script, (char *)NULL);
    _exit(99);
  }
  close(control[0]);
  close(output[1]);
  return (struct started){.pid = pid, .control_fd = control[1], .output_fd = output[0]};
}

static void wait_for_output(const struct started *started, const char *expected) {
  char text[200] = {0};
  for (size_t used = 0; strstr(text, expected) == NULL;) {
    ssize_t got = read(started->output_fd, text + used, sizeof text - 1 - used);
    if (got <= 0) fail_msg("the output ended with \"%s\"", text);
    used += (size_t)got;
  }
}

static void send_byte(const struct started *started, int number) {
  unsigned char byte = (unsigned char)number;
  assert_int_equal(write(started->control_fd, &byte, 1), 1);
}

static int end_of(const struct started *started) {
  int status = 0;
  assert_int_equal(waitpid(started->pid, &status, 0), started->pid);
  close(started->output_fd);
  return status;
}

static void a_byte_is_a_signal_for_the_whole_group(void **state) {
  struct started started = start_controlled("trap 'echo got usr1' USR1; echo ready; while :; do sleep 0.02; done");
  wait_for_output(&started, "ready\n");
  send_byte(&started, SIGUSR1);
  wait_for_output(&started, "got usr1\n");
  send_byte(&started, 0);   /* no signal */
  send_byte(&started, 255); /* none either */
  send_byte(&started, SIGTERM);
  assert_int_equal(WTERMSIG(end_of(&started)), SIGTERM);
  close(started.control_fd);
}

static void the_end_of_the_pipe_is_term_then_kill(void **state) {
  struct started polite = start_controlled("trap 'exit 3' TERM; echo ready; while :; do sleep 0.02; done");
  wait_for_output(&polite, "ready\n");
  close(polite.control_fd);
  assert_int_equal(WEXITSTATUS(end_of(&polite)), 3);
  struct started stubborn = start_controlled("trap '' TERM; echo ready; while :; do sleep 0.02; done");
  wait_for_output(&stubborn, "ready\n");
  close(stubborn.control_fd);
  assert_int_equal(WTERMSIG(end_of(&stubborn)), SIGKILL);
}

static void a_stopped_tool_is_killed_all_the_same(void **state) {
  struct started started = start_controlled("echo ready; kill -STOP $$");
  wait_for_output(&started, "ready\n");
  close(started.control_fd);
  assert_int_equal(WTERMSIG(end_of(&started)), SIGTERM);
}

static void a_signal_to_the_launcher_is_for_the_tool(void **state) {
  struct started started = start_controlled("trap 'echo asked; exit 4' TERM; echo ready; while :; do sleep 0.02; done");
  wait_for_output(&started, "ready\n");
  kill(started.pid, SIGTERM);
  wait_for_output(&started, "asked\n");
  assert_int_equal(WEXITSTATUS(end_of(&started)), 4);
  close(started.control_fd);
}

static void the_tool_gets_three_descriptors(void **state) {
  struct started started =
      start_controlled("for i in 0 2 3 4 10; do [ -e /proc/$$/fd/$i ] && echo has $i; done; echo end");
  char text[400] = {0};
  for (size_t used = 0; strstr(text, "end") == NULL;) {
    ssize_t got = read(started.output_fd, text + used, sizeof text - 1 - used);
    assert_true(got > 0);
    used += (size_t)got;
  }
  assert_string_equal(text, "has 0\nhas 2\nend\n");
  assert_int_equal(WEXITSTATUS(end_of(&started)), 0);
  close(started.control_fd);
}

static void a_tool_may_close_its_output_and_live_on(void **state) {
  struct started started = start_controlled("echo ready; exec >&-; sleep 0.1; exit 6");
  wait_for_output(&started, "ready\n");
  char byte;
  assert_int_equal(read(started.output_fd, &byte, 1), 0); /* the launcher does not hold it open */
  int status = 0;
  assert_int_equal(waitpid(started.pid, &status, WNOHANG), 0);
  assert_int_equal(WEXITSTATUS(end_of(&started)), 6);
  close(started.control_fd);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(exits_as_the_tool_does),
      cmocka_unit_test(says_what_it_cannot_run),
      cmocka_unit_test(refuses_wrong_use),
      cmocka_unit_test(refuses_what_it_cannot_enforce_or_read),
      cmocka_unit_test(starts_nothing_lasting_for_a_parent_that_is_gone),
      cmocka_unit_test(a_byte_is_a_signal_for_the_whole_group),
      cmocka_unit_test(the_end_of_the_pipe_is_term_then_kill),
      cmocka_unit_test(a_stopped_tool_is_killed_all_the_same),
      cmocka_unit_test(a_signal_to_the_launcher_is_for_the_tool),
      cmocka_unit_test(the_tool_gets_three_descriptors),
      cmocka_unit_test(a_tool_may_close_its_output_and_live_on),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
