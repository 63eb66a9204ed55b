/* SPDX-License-Identifier: MIT */
/* hostile [--all] [--only TEXT]: a server that does what people complain about (rude.c), and beside it in the same
 * process a good one that is called all the time. Prints TAP, a row for each complaint and placement: both servers on
 * one loop, or each on a thread of its own.
 *
 * Checked: the hostile server's calls end as the table says, and no call of the good one fails; memory at its peak
 * stays within what it was before and twice the limit of a message; the 99th percentile of the good server's calls is
 * at most twice what it is without the hostile one (ROUNDS_MAX tries: other work disturbs it, in one direction).
 * Without it, it counts as one time slice of the scheduler at least: a flood keeps two processors busy, and what is
 * measured below that is the turn that the good one has to wait for. Each row is a process of its own, so its peak is
 * its own. */
#include "tests/hostile/complaints.h"
#include "tests/hostile/load.h"
#include "tests/hostile/server.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS_MAX = 5, MESSAGE_MB = 64, SLICE_US = 4000 };

static struct {
  const char *rude, *rude_http, *only;
  bool is_whole;
  int rows, failed;
} hostile;

/* ---- one row ---- */

struct round {
  struct load_result alone, beside;
  struct visit visit;
  long before_kb, peak_kb;
  bool is_ok, is_as_expected, is_quick;
};

static void visit_server(const struct complaint *complaint, void *loop, struct visit *visit) {
  const char *amount = hostile.is_whole ? complaint->amount : complaint->amount_short;
  const char *command[] = {hostile.rude, complaint->way, amount, NULL};
  struct fl_client_options options = {.size = sizeof options, .loop = loop};
  struct server server = {0};
  if (complaint->is_http) {
    server_start(&server, hostile.rude_http, complaint->way);
    options.url = server.url;
  } else options.command = command;
  complaint_visit(complaint, &options, visit);
  if (complaint->is_http) server_stop(&server);
}

/* Peaks are over what there was before the first round. */
static void run_round(const struct complaint *complaint, struct load *load, bool is_threaded, struct round *round) {
  long before_kb = round->before_kb != 0 ? round->before_kb : load_memory_kb("VmRSS:");
  *round = (struct round){.before_kb = before_kb};
  load_turn(load, hostile.is_whole ? 1000 : 150);
  round->alone = load_take_result(load);
  load_forget_peak();
  visit_server(complaint, is_threaded ? NULL : load_loop(load), &round->visit);
  load_turn(load, hostile.is_whole ? 1000 : 150);
  round->beside = load_take_result(load);
  round->peak_kb = load_memory_kb("VmHWM:") - before_kb;
  round->is_as_expected = complaint->is_as_expected(&round->visit);
  int64_t alone_us = round->alone.p99_us > SLICE_US ? round->alone.p99_us : SLICE_US;
  round->is_quick = round->beside.p99_us <= 2 * alone_us;
  round->is_ok = round->is_as_expected && round->alone.failed + round->beside.failed == 0 && round->beside.count > 0 &&
                 round->peak_kb <= 2L * MESSAGE_MB * 1024;
}

static bool run_row(const struct complaint *complaint, bool is_threaded, int number) {
  struct round round = {0};
  int rounds = 0;
  struct server good = {0};
  if (complaint->is_http) server_start(&good, hostile.rude_http, "polite");
  struct load *load = load_start(hostile.rude, complaint->is_http ? good.url : NULL, is_threaded);
  do {
    run_round(complaint, load, is_threaded, &round);
    rounds++;
  } while (round.is_ok && !round.is_quick && rounds < ROUNDS_MAX);
  load_end(load);
  if (complaint->is_http) server_stop(&good);
  const struct visit *visit = &round.visit;
  bool is_ok = round.is_ok && round.is_quick;
  printf("%s %d - %s, %s: connect %d, call %d, %s; %ld calls, %zu tools, %ld logs, %ld changes; peak %.1f MB more; "
         "the good one: %ld calls, %ld failed, p99 %.2f ms (%.2f alone), longest %.1f ms (%.1f), round %d\n",
         is_ok ? "ok" : "not ok", number, complaint->name, is_threaded ? "two threads" : "one loop",
         visit->connect_status, visit->call_status, round.is_as_expected ? "as expected" : "NOT as expected",
         visit->calls, visit->tools, visit->logs, visit->changes, (double)round.peak_kb / 1024, round.beside.count,
         round.alone.failed + round.beside.failed, (double)round.beside.p99_us / 1000,
         (double)round.alone.p99_us / 1000, (double)round.beside.longest_us / 1000,
         (double)round.alone.longest_us / 1000, rounds);
  if (visit->err.text[0] != '\0') printf("#   it is told: %.300s\n", visit->err.text);
  fflush(stdout);
  return is_ok;
}

static void run_in_process(const struct complaint *complaint, bool is_threaded) {
  if (complaint->is_long && !hostile.is_whole) return;
  if (hostile.only != NULL && strstr(complaint->name, hostile.only) == NULL) return;
  int status = 0, number = ++hostile.rows;
  pid_t pid = fork();
  if (pid == 0) _exit(run_row(complaint, is_threaded, number) ? 0 : 1);
  bool is_over = pid > 0 && waitpid(pid, &status, 0) == pid;
  if (!is_over || !WIFEXITED(status) || WEXITSTATUS(status) > 1)
    printf("not ok %d - %s: the client died, wait status %d\n", number, complaint->name, status);
  hostile.failed += !is_over || status != 0;
}

int main(int argc, char **argv) {
  hostile.rude = getenv("FL_HOSTILE_RUDE");
  hostile.rude_http = getenv("FL_HOSTILE_RUDE_HTTP");
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--all") == 0) hostile.is_whole = true;
    else if (strcmp(argv[i], "--only") == 0 && i + 1 < argc) hostile.only = argv[++i];
    else return 2;
  }
  if (hostile.rude == NULL || hostile.rude_http == NULL) return 2;
  signal(SIGPIPE, SIG_IGN);
  setvbuf(stdout, NULL, _IOLBF, 0);
  for (const struct complaint *complaint = COMPLAINTS; complaint->name != NULL; complaint++) {
    if (hostile.is_whole) run_in_process(complaint, false);
    run_in_process(complaint, true);
  }
  printf("1..%d\n", hostile.rows);
  return hostile.failed > 0;
}
