/* SPDX-License-Identifier: MIT */
#include "runtime/base/buf.h"
#include "runtime/base/mem.h"
#include "runtime/io/world.h"
#include "tests/support/support.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* One process and what came of it. */
struct seen {
  struct fl_process process;
  struct fl_buf out, errors;
  int end_count, exit_count;
  int exit_status, term_signal;
};

static struct fl_world *world;

static int setup(void **state) {
  world = fl_world_uv_create(NULL);
  return 0;
}

static int teardown(void **state) {
  fl_world_destroy(world);
  return 0;
}

static void on_stdout(struct fl_process *process, fl_slice data) {
  fl_buf_add(&((struct seen *)process->user)->out, data.data, data.size);
}

static void on_stderr(struct fl_process *process, fl_slice data) {
  fl_buf_add(&((struct seen *)process->user)->errors, data.data, data.size);
}

static void on_stdout_end(struct fl_process *process) {
  struct seen *seen = process->user;
  assert_int_equal(seen->exit_count, 0);
  seen->end_count++;
}

static void on_exit_seen(struct fl_process *process, int exit_status, int term_signal) {
  struct seen *seen = process->user;
  assert_int_equal(seen->end_count, 1);
  assert_null(process->impl);
  assert_int_equal(process->pid, 0);
  seen->exit_count++;
  seen->exit_status = exit_status;
  seen->term_signal = term_signal;
}

static void seen_init(struct seen *seen) {
  *seen = (struct seen){
      .process = {
          .on_stdout = on_stdout, .on_stderr = on_stderr, .on_stdout_end = on_stdout_end, .on_exit = on_exit_seen}};
  seen->process.user = seen;
  fl_buf_add_text(&seen->out, "");
  fl_buf_add_text(&seen->errors, "");
}

static void seen_deinit(struct seen *seen) {
  fl_buf_deinit(&seen->out);
  fl_buf_deinit(&seen->errors);
}

#define SEEN_AUTO __attribute__((cleanup(seen_deinit))) struct seen

static void start_with(struct seen *seen, struct fl_process_options options) {
  struct fl_error err = {0};
  seen_init(seen);
  options.size = sizeof options;
  int failure = fl_process_start(world, &seen->process, &options, &err);
  if (failure != 0) fail_msg("%s", err.text);
  assert_true(seen->process.pid > 0);
}

static void start_shell(struct seen *seen, const char *script) {
  start_with(seen, (struct fl_process_options){.argv = (const char *const[]){"sh", "-c", script, NULL}});
}

static int start_error(const struct fl_process_options *options, struct fl_error *err) {
  struct fl_process process = {.on_exit = on_exit_seen};
  int failure = fl_process_start(world, &process, options, err);
  assert_null(process.impl);
  return failure;
}

static void echoes_what_it_reads(void **state) {
  SEEN_AUTO seen;
  start_with(&seen, (struct fl_process_options){.argv = (const char *const[]){"cat", NULL}});
  assert_int_equal(fl_process_write(&seen.process, FL_SLICE("hello ")), 0);
  assert_int_equal(fl_process_write(&seen.process, FL_SLICE("there")), 0);
  fl_process_close_stdin(&seen.process);
  assert_int_equal(fl_process_write(&seen.process, FL_SLICE("late")), FL_E_CLOSED);
  assert_int_equal(seen.out.size, 0);
  fl_world_run(world);
  assert_string_equal(seen.out.data, "hello there");
  assert_int_equal(seen.exit_count, 1);
  assert_int_equal(seen.exit_status, 0);
  assert_int_equal(fl_process_write(&seen.process, FL_SLICE("late")), FL_E_CLOSED);
  fl_process_kill(&seen.process, SIGTERM); /* harmless when it is gone */
}

static void carries_megabytes_both_ways(void **state) {
  SEEN_AUTO seen;
  start_with(&seen, (struct fl_process_options){.argv = (const char *const[]){"cat", NULL}});
  FL_FREE_AUTO char *block = fl_alloc(5 * 1000 * 1000);
  for (int i = 0; i < 5 * 1000 * 1000; i++) block[i] = (char)(i % 253);
  for (int i = 0; i < 5; i++) fl_process_write(&seen.process, fl_slice_n(block + i * 1000000, 1000000));
  fl_process_close_stdin(&seen.process);
  fl_world_run(world);
  assert_int_equal(seen.out.size, 5 * 1000 * 1000);
  assert_memory_equal(seen.out.data, block, 5 * 1000 * 1000);
}

static void reports_exit_status_and_standard_error(void **state) {
  SEEN_AUTO seen;
  start_shell(&seen, "echo out; echo bad >&2; exit 7");
  fl_world_run(world);
  assert_string_equal(seen.out.data, "out\n");
  assert_string_equal(seen.errors.data, "bad\n");
  assert_int_equal(seen.exit_status, 7);
  assert_int_equal(seen.term_signal, 0);
}

static void reports_the_signal_that_ended_it(void **state) {
  SEEN_AUTO seen;
  start_shell(&seen, "kill -SEGV $$");
  fl_world_run(world);
  assert_int_equal(seen.term_signal, SIGSEGV);
}

static void environment_and_folder_are_those_given(void **state) {
  SEEN_AUTO seen;
  start_with(&seen, (struct fl_process_options){
                        .argv = (const char *const[]){"sh", "-c", "pwd; echo $WORD; env | wc -l", NULL},
                        .env = (const char *const[]){"WORD=x", "PATH=/usr/bin:/bin", NULL},
                        .cwd = "/usr"});
  fl_world_run(world);
  assert_true(strncmp(seen.out.data, "/usr\nx\n", 7) == 0);
  assert_true(atoi(seen.out.data + 7) <= 4); /* the shell adds PWD, SHLVL and such */
}

static void the_environment_is_the_tools_and_not_the_launchers(void **state) {
  SEEN_AUTO seen;
  /* A library that does not exist: whoever loads with this environment says so on standard error. */
  start_with(&seen,
             (struct fl_process_options){.argv = (const char *const[]){"/bin/true", NULL},
                                         .env = (const char *const[]){"LD_PRELOAD=/no/such.so", "EMPTY=", NULL}});
  fl_world_run(world);
  const char *first = strstr(seen.errors.data, "/no/such.so");
  assert_non_null(first);
  assert_null(strstr(first + 1, "/no/such.so"));
  SEEN_AUTO none;
  start_with(&none, (struct fl_process_options){.argv = (const char *const[]){"/usr/bin/env", NULL},
                                                .env = (const char *const[]){NULL}});
  fl_world_run(world);
  assert_string_equal(none.out.data, "");
  assert_int_equal(none.exit_status, 0);
}

static void what_cannot_be_found_is_said_at_once(void **state) {
  struct fl_error err = {0};
  struct fl_process_options options = {.size = sizeof options, .argv = (const char *const[]){"no-such-tool", NULL}};
  assert_int_equal(start_error(&options, &err), FL_E_NOT_FOUND);
  assert_non_null(strstr(err.text, "no-such-tool"));
  assert_non_null(strstr(err.text, "PATH"));
  options.argv = (const char *const[]){"/no/such/tool", NULL};
  assert_int_equal(start_error(&options, &err), FL_E_NOT_FOUND);
  options.argv = (const char *const[]){"/etc/passwd", NULL};
  assert_int_equal(start_error(&options, &err), FL_E_IO);
  assert_non_null(strstr(err.text, "executed"));
  options.argv = (const char *const[]){"ls", NULL};
  options.env = (const char *const[]){"PATH=/nowhere", NULL};
  assert_int_equal(start_error(&options, &err), FL_E_NOT_FOUND);
  options.env = NULL;
  options.cwd = "/nowhere";
  assert_int_equal(start_error(&options, &err), FL_E_NOT_FOUND);
  assert_non_null(strstr(err.text, "folder /nowhere"));
  options.cwd = NULL;
  options.argv = (const char *const[]){"", NULL};
  assert_int_equal(start_error(&options, &err), FL_E_INVALID);
}

static void a_missing_launcher_is_said_with_its_name(void **state) {
  FL_FREE_AUTO char *before = fl_strdup(getenv("FAIRLEAD_LAUNCHER"));
  setenv("FAIRLEAD_LAUNCHER", "/no/launcher", 1);
  struct fl_error err = {0};
  struct fl_process_options options = {.size = sizeof options, .argv = (const char *const[]){"ls", NULL}};
  assert_int_equal(start_error(&options, &err), FL_E_IO);
  assert_non_null(strstr(err.text, "/no/launcher"));
  fl_world_run(world);
  setenv("FAIRLEAD_LAUNCHER", before, 1);
}

static void the_tool_starts_clean(void **state) {
  int leaked = open("/dev/null", O_RDONLY); /* not close-on-exec, on purpose */
  signal(SIGUSR2, SIG_IGN);
  SEEN_AUTO seen;
  /* without a pipe behind ls: its end would be the shell's for a moment */
  start_shell(&seen, "ls /proc/$$/fd; grep -c 'NoNewPrivs:.*1' /proc/self/status; "
                     "grep -E 'Sig(Blk|Ign)' /proc/$$/status | tr -d '\\n\\t'; ulimit -c");
  fl_world_run(world);
  signal(SIGUSR2, SIG_DFL);
  close(leaked);
  assert_string_equal(seen.out.data, "0\n1\n2\n1\nSigBlk:0000000000000000SigIgn:00000000000000000\n");
}

static void a_policy_that_the_launcher_cannot_enforce_starts_nothing(void **state) {
  SEEN_AUTO seen;
  start_with(&seen, (struct fl_process_options){.argv = (const char *const[]){"echo", "started", NULL},
                                                .policy = "{\"version\": 999}"});
  fl_world_run(world);
  assert_string_equal(seen.out.data, "");
  assert_int_equal(seen.exit_status, 126);
  assert_non_null(strstr(seen.errors.data, "policy"));
}

static void a_limit_that_ends_a_tool_is_named(void **state) {
  SEEN_AUTO seen;
  start_with(&seen, (struct fl_process_options){.argv = (const char *const[]){"sh", "-c", "while :; do :; done", NULL},
                                                .policy = "sandbox 1\ncpu 200\n"});
  fl_world_run(world);
  assert_string_equal(seen.process.limit, "cpu");
  assert_int_not_equal(seen.term_signal, 0);
  seen_deinit(&seen);
  start_with(&seen, (struct fl_process_options){.argv = (const char *const[]){"sh", "-c", "exit 3", NULL},
                                                .policy = "sandbox 1\ncpu 60000\n"});
  fl_world_run(world);
  assert_string_equal(seen.process.limit, "");
  assert_int_equal(seen.exit_status, 3);
}

static void a_tool_in_a_sandbox_sees_what_it_was_granted(void **state) {
  SEEN_AUTO seen;
  start_with(&seen, (struct fl_process_options){
                        .argv = (const char *const[]){"sh", "-c", "read line </etc/passwd; echo $X$HOME; cat", NULL},
                        .env = (const char *const[]){"PATH=/usr/bin:/bin", "X=y", NULL},
                        .policy = "sandbox 1\nexec yes\n"});
  fl_process_write(&seen.process, fl_slice_of("through\n"));
  fl_process_close_stdin(&seen.process);
  fl_world_run(world);
  assert_string_equal(seen.out.data, "y\nthrough\n");
  assert_non_null(strstr(seen.errors.data, "/etc/passwd"));
  assert_int_equal(seen.exit_status, 0);
}

static void end_lets_a_tool_finish_by_itself(void **state) {
  SEEN_AUTO seen;
  start_shell(&seen, "cat >/dev/null; echo bye");
  fl_process_end(&seen.process, 5000);
  int64_t start = fl_world_now_ms(world);
  fl_world_run(world);
  assert_string_equal(seen.out.data, "bye\n");
  assert_int_equal(seen.exit_status, 0);
  assert_true(fl_world_now_ms(world) - start < 5000);
}

static void end_escalates_to_term_and_to_kill(void **state) {
  SEEN_AUTO polite, stubborn;
  start_shell(&polite, "trap 'echo asked; exit 3' TERM; while :; do sleep 0.01; done");
  start_shell(&stubborn, "trap '' TERM; sh -c 'trap \"\" TERM; sleep 100' & sleep 100; sleep 100");
  fl_process_end(&polite.process, 150);
  fl_process_end(&stubborn.process, 150);
  int64_t start = fl_world_now_ms(world);
  fl_world_run(world);
  assert_string_equal(polite.out.data, "asked\n");
  assert_int_equal(polite.exit_status, 3);
  assert_int_equal(stubborn.term_signal, SIGKILL);
  assert_true(fl_world_now_ms(world) - start < 9000);
}

static void kill_reaches_the_whole_group(void **state) {
  SEEN_AUTO seen;
  start_shell(&seen, "sleep 100 & sleep 100 & wait");
  fl_process_kill(&seen.process, SIGTERM);
  int64_t start = fl_world_now_ms(world);
  fl_world_run(world);
  assert_int_equal(seen.term_signal, SIGTERM);
  assert_true(fl_world_now_ms(world) - start < 8000);
}

/* ---- nothing outlives ---- */

static bool is_alive(int pid) {
  char path[40], text[200];
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  FILE *file = fopen(path, "r");
  if (file == NULL) return false;
  size_t size = fread(text, 1, sizeof text - 1, file);
  fclose(file);
  text[size] = '\0';
  const char *end = strrchr(text, ')');
  return end != NULL && end[2] != 'Z' && end[2] != 'X';
}

static bool wait_until_gone(const int *pids, int count, int timeout_ms) {
  for (int waited = 0;; waited += 10) {
    int alive = 0;
    for (int i = 0; i < count; i++) alive += is_alive(pids[i]);
    if (alive == 0) return true;
    if (waited >= timeout_ms) return false;
    usleep(10000);
  }
}

/* A tool with a child and a daemon: forked twice, in a session of its own, with a pipe of ours in its hands. */
#define FAMILY "echo $$; sleep 300 & echo $!; (setsid sh -c 'trap \"\" TERM HUP; echo $$; sleep 300; sleep 300' &) ; "

static int read_pids(const char *text, int pids[8]) {
  int count = 0;
  for (char *end; count < 8; text = end) {
    long pid = strtol(text, &end, 10);
    if (end == text) break;
    pids[count++] = (int)pid;
  }
  return count;
}

static void on_family_output(struct fl_process *process, fl_slice data) {
  on_stdout(process, data);
  int pids[8];
  struct seen *seen = process->user;
  if (read_pids(seen->out.data, pids) == 3 && seen->out.data[seen->out.size - 1] == '\n') fl_world_stop(world);
}

static void a_kill_reaches_daemons_too(void **state) {
  SEEN_AUTO seen;
  start_shell(&seen, FAMILY "wait");
  seen.process.on_stdout = on_family_output;
  fl_world_run(world);
  int pids[8];
  assert_int_equal(read_pids(seen.out.data, pids), 3);
  for (int i = 0; i < 3; i++) assert_true(is_alive(pids[i]));
  fl_process_kill(&seen.process, SIGKILL);
  fl_world_run(world);
  assert_int_equal(seen.term_signal, SIGKILL);
  assert_true(wait_until_gone(pids, 3, 0)); /* gone when on_exit comes */
}

static void what_a_tool_leaves_behind_goes_with_it(void **state) {
  SEEN_AUTO seen;
  start_shell(&seen, FAMILY "sleep 0.2; exit 5");
  int64_t start = fl_world_now_ms(world);
  fl_world_run(world);
  int pids[8];
  assert_int_equal(read_pids(seen.out.data, pids), 3);
  assert_int_equal(seen.exit_status, 5);
  assert_true(wait_until_gone(pids, 3, 0));
  assert_true(fl_world_now_ms(world) - start < 8000);
}

/* Opening the tool's stdout by /proc makes us a holder of the pipe that no sweep can reach. */
static void a_pipe_that_is_held_outside_does_not_hold_the_exit(void **state) {
  SEEN_AUTO seen;
  start_shell(&seen, "echo $$; echo 1; echo 1; read line");
  seen.process.on_stdout = on_family_output;
  fl_world_run(world);
  int pids[8];
  assert_int_equal(read_pids(seen.out.data, pids), 3);
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/fd/1", pids[0]);
  int held = open(path, O_WRONLY | O_CLOEXEC);
  assert_true(held >= 0);
  fl_process_write(&seen.process, FL_SLICE("go\n"));
  int64_t start = fl_world_now_ms(world);
  fl_world_run(world);
  assert_int_equal(seen.exit_count, 1);
  assert_true(fl_world_now_ms(world) - start < 8000);
  close(held);
}

static void a_killed_launcher_takes_the_tool_with_it(void **state) {
  SEEN_AUTO seen;
  start_shell(&seen, "echo $$; echo 1; echo 1; exec sleep 300");
  seen.process.on_stdout = on_family_output;
  fl_world_run(world);
  int pids[8];
  read_pids(seen.out.data, pids);
  kill(seen.process.pid, SIGKILL);
  fl_world_run(world);
  assert_int_equal(seen.term_signal, SIGKILL);
  assert_true(wait_until_gone(pids, 1, 2000));
}

/* Runs in a child of the test: a program with a tool, until it is killed. */
static void live_as_parent(int report_fd) {
  struct fl_world *mine = fl_world_uv_create(NULL);
  world = mine;
  struct seen seen;
  start_shell(&seen, FAMILY "wait");
  seen.process.on_stdout = on_family_output;
  fl_world_run(mine);
  ssize_t put = write(report_fd, seen.out.data, seen.out.size);
  if (put < 0) _exit(1);
  fl_world_run(mine);
  _exit(1);
}

static void our_own_death_leaves_nobody(void **state) {
  int ends[2], pids[8];
  assert_int_equal(pipe(ends), 0);
  pid_t parent = fork();
  if (parent == 0) live_as_parent(ends[1]);
  close(ends[1]);
  char text[200] = {0};
  assert_true(read(ends[0], text, sizeof text - 1) > 0);
  close(ends[0]);
  assert_int_equal(read_pids(text, pids), 3);
  for (int i = 0; i < 3; i++) assert_true(is_alive(pids[i]));
  kill(parent, SIGKILL);
  assert_true(wait_until_gone(pids, 3, 2000));
  waitpid(parent, NULL, 0);
}

/* ---- no traces ---- */

static int count_fds(void) {
  int count = 0;
  DIR *folder = opendir("/proc/self/fd");
  while (readdir(folder) != NULL) count++;
  closedir(folder);
  return count;
}

static void many_cycles_leave_no_descriptor_and_no_zombie(void **state) {
  int cycles = getenv("FL_TEST_CYCLES") != NULL ? atoi(getenv("FL_TEST_CYCLES")) : 200;
  SEEN_AUTO first;
  start_shell(&first, "exit 0");
  fl_world_run(world);
  int before = count_fds();
  for (int i = 0; i < cycles; i += 4) {
    struct seen seen[4];
    for (int k = 0; k < 4; k++)
      start_with(&seen[k], (struct fl_process_options){.argv = (const char *const[]){"cat", NULL}});
    fl_process_end(&seen[0].process, 5000);
    fl_process_kill(&seen[1].process, SIGTERM);
    fl_process_kill(&seen[2].process, SIGKILL);
    fl_process_close_stdin(&seen[3].process);
    fl_world_run(world);
    for (int k = 0; k < 4; k++) {
      assert_int_equal(seen[k].exit_count, 1);
      seen_deinit(&seen[k]);
    }
  }
  assert_int_equal(count_fds(), before);
  assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
  assert_int_equal(errno, ECHILD);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(echoes_what_it_reads, setup, teardown),
      cmocka_unit_test_setup_teardown(carries_megabytes_both_ways, setup, teardown),
      cmocka_unit_test_setup_teardown(reports_exit_status_and_standard_error, setup, teardown),
      cmocka_unit_test_setup_teardown(reports_the_signal_that_ended_it, setup, teardown),
      cmocka_unit_test_setup_teardown(environment_and_folder_are_those_given, setup, teardown),
      cmocka_unit_test_setup_teardown(the_environment_is_the_tools_and_not_the_launchers, setup, teardown),
      cmocka_unit_test_setup_teardown(what_cannot_be_found_is_said_at_once, setup, teardown),
      cmocka_unit_test_setup_teardown(a_missing_launcher_is_said_with_its_name, setup, teardown),
      cmocka_unit_test_setup_teardown(the_tool_starts_clean, setup, teardown),
      cmocka_unit_test_setup_teardown(a_policy_that_the_launcher_cannot_enforce_starts_nothing, setup, teardown),
      cmocka_unit_test_setup_teardown(a_limit_that_ends_a_tool_is_named, setup, teardown),
      cmocka_unit_test_setup_teardown(a_tool_in_a_sandbox_sees_what_it_was_granted, setup, teardown),
      cmocka_unit_test_setup_teardown(end_lets_a_tool_finish_by_itself, setup, teardown),
      cmocka_unit_test_setup_teardown(end_escalates_to_term_and_to_kill, setup, teardown),
      cmocka_unit_test_setup_teardown(kill_reaches_the_whole_group, setup, teardown),
      cmocka_unit_test_setup_teardown(a_kill_reaches_daemons_too, setup, teardown),
      cmocka_unit_test_setup_teardown(what_a_tool_leaves_behind_goes_with_it, setup, teardown),
      cmocka_unit_test_setup_teardown(a_pipe_that_is_held_outside_does_not_hold_the_exit, setup, teardown),
      cmocka_unit_test_setup_teardown(a_killed_launcher_takes_the_tool_with_it, setup, teardown),
      cmocka_unit_test_setup_teardown(our_own_death_leaves_nobody, setup, teardown),
      cmocka_unit_test_setup_teardown(many_cycles_leave_no_descriptor_and_no_zombie, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
