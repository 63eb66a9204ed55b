/* SPDX-License-Identifier: MIT */
/* The launcher by itself, as a program: what it says and how it exits. What it does for a living is in test_process.c. */
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

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(exits_as_the_tool_does),
      cmocka_unit_test(says_what_it_cannot_run),
      cmocka_unit_test(refuses_wrong_use),
      cmocka_unit_test(refuses_what_it_cannot_enforce_or_read),
      cmocka_unit_test(starts_nothing_lasting_for_a_parent_that_is_gone),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
