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
#include "tests/hostile/load.h"

#include <fairlead/client.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
  ROUNDS_MAX = 5,
  MESSAGE_MB = 64,
  BIG_ARGUMENT = 8 * 1024 * 1024,
  DEAF_CALLS_MAX = 24,
  CHANGES_MS = 2500,
  SLICE_US = 4000
};

static struct {
  const char *rude, *only;
  bool is_whole;
  int rows, failed;
} hostile;

/* What was seen of the hostile server. */
struct visit {
  int connect_status, call_status;
  struct fl_error err; /* of the last of them that failed */
  size_t tools;
  long logs, changes, calls;
};

struct complaint {
  const char *name, *way;
  const char *amount, *amount_short; /* its second argument */
  bool (*is_as_expected)(const struct visit *visit);
  void (*call)(struct fl_client *client, struct visit *visit); /* NULL: one call */
  uint32_t idle_ms, total_ms;
};

/* ---- visiting a server ---- */

static void on_log(struct fl_client *client, const char *level, const char *text, void *user) {
  struct visit *visit = user;
  visit->logs++;
}

static void on_changed(struct fl_client *client, const char *what, void *user) {
  struct visit *visit = user;
  visit->changes++;
}

static void call_with(struct fl_client *client, const struct fl_value *args, struct visit *visit) {
  FL_VALUE_AUTO result = NULL;
  visit->calls++;
  visit->call_status = fl_client_call_tool(client, "echo", args, &result, &visit->err);
}

static void call_once(struct fl_client *client, struct visit *visit) { call_with(client, NULL, visit); }

/* The first has no answer, and the second may not get the first one's. */
static void call_twice(struct fl_client *client, struct visit *visit) {
  call_once(client, visit);
  call_once(client, visit);
}

static void call_until_closed(struct fl_client *client, struct visit *visit) {
  char *text = malloc(BIG_ARGUMENT);
  memset(text, 'x', BIG_ARGUMENT);
  struct fl_value *args = fl_object();
  fl_set_take(args, "message", fl_string_n(text, BIG_ARGUMENT));
  free(text);
  for (int i = 0; i < DEAF_CALLS_MAX && visit->call_status != FL_E_CLOSED; i++) call_with(client, args, visit);
  fl_value_unref(args);
}

static void call_for_a_while(struct fl_client *client, struct visit *visit) {
  int64_t end_us = load_now_us() + CHANGES_MS * 1000;
  while (load_now_us() < end_us && visit->call_status == 0) call_once(client, visit);
}

static void visit_server(const struct complaint *complaint, void *loop, struct visit *visit) {
  const char *amount = hostile.is_whole ? complaint->amount : complaint->amount_short;
  const char *command[] = {hostile.rude, complaint->way, amount, NULL};
  struct fl_client_options options = {.size = sizeof options,
                                      .command = command,
                                      .name = "hostile",
                                      .idle_timeout_ms = complaint->idle_ms,
                                      .total_timeout_ms = complaint->total_ms,
                                      .on_log = on_log,
                                      .on_changed = on_changed,
                                      .user = visit,
                                      .loop = loop};
  struct fl_client *client = NULL;
  visit->connect_status = fl_client_connect(&options, &client, &visit->err);
  if (visit->connect_status != 0) return;
  visit->tools = fl_size(fl_client_tools(client));
  (complaint->call != NULL ? complaint->call : call_once)(client, visit);
  fl_client_close(client);
}

/* ---- complaints ---- */

static bool is_served(const struct visit *visit) { return visit->connect_status == 0 && visit->call_status == 0; }
static bool is_logged(const struct visit *visit) { return is_served(visit) && visit->logs > 1; }
static bool is_cut(const struct visit *visit) { return is_served(visit) && visit->tools == 10000; }
static bool is_paged(const struct visit *visit) { return is_served(visit) && visit->tools == 100; }

static bool is_listed_rarely(const struct visit *visit) {
  return is_served(visit) && visit->changes >= 1 && visit->changes <= CHANGES_MS / 1000 + 1;
}

static bool is_too_large(const struct visit *visit) {
  return visit->connect_status == 0 && visit->call_status == FL_E_LIMIT &&
         strstr(visit->err.text, "larger than") != NULL;
}

static bool is_unreadable(const struct visit *visit) {
  return visit->connect_status == 0 && visit->call_status == FL_E_PROTOCOL &&
         strstr(visit->err.text, "cannot be read") != NULL;
}

static bool is_late(const struct visit *visit) {
  return visit->connect_status == 0 && visit->call_status == FL_E_TIMEOUT && visit->err.text[0] != '\0';
}

static bool is_killed(const struct visit *visit) {
  return visit->connect_status == 0 && visit->call_status == FL_E_CLOSED &&
         strstr(visit->err.text, "did not read its input") != NULL;
}

static const struct complaint COMPLAINTS[] = {
    {"1 GB on standard error", "stderr", "1000", "64", is_logged},
    {"a line of 100 MB without end", "line", NULL, NULL, is_too_large},
    {"nesting 100,000 deep", "nesting", NULL, NULL, is_unreadable},
    {"invalid UTF-8", "utf8", NULL, NULL, is_unreadable},
    {"100,000 tools", "tools", NULL, NULL, is_cut},
    {"60 MB of the smallest numbers", "numbers", NULL, NULL, is_unreadable},
    {"60 MB of empty objects", "objects", NULL, NULL, is_unreadable},
    {"60 MB of members", "members", NULL, NULL, is_unreadable},
    {"a slow drip", "drip", NULL, NULL, is_late, NULL, 300, 0},
    {"a list that changes on every call", "changes", NULL, NULL, is_listed_rarely, call_for_a_while},
    {"a storm of notifications", "storm", NULL, NULL, is_late, NULL, 0, 1500},
    {"a server that never reads its input", "deaf", NULL, NULL, is_killed, call_until_closed, 100, 0},
    {"wrong, null and duplicate ids", "ids", NULL, NULL, is_served, call_twice},
    {"answers after a cancel", "late", NULL, NULL, is_late, call_twice, 200, 0},
    {"logs on standard output", "logs", NULL, NULL, is_logged, call_twice},
    {"cursors without end", "cursors", NULL, NULL, is_paged},
};
enum { COMPLAINT_COUNT = sizeof COMPLAINTS / sizeof *COMPLAINTS };

/* ---- one row ---- */

struct round {
  struct load_result alone, beside;
  struct visit visit;
  long before_kb, peak_kb;
  bool is_ok, is_as_expected, is_quick;
};

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
  struct load *load = load_start(hostile.rude, is_threaded);
  do {
    run_round(complaint, load, is_threaded, &round);
    rounds++;
  } while (round.is_ok && !round.is_quick && rounds < ROUNDS_MAX);
  load_end(load);
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
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--all") == 0) hostile.is_whole = true;
    else if (strcmp(argv[i], "--only") == 0 && i + 1 < argc) hostile.only = argv[++i];
    else return 2;
  }
  if (hostile.rude == NULL) return 2;
  signal(SIGPIPE, SIG_IGN);
  setvbuf(stdout, NULL, _IOLBF, 0);
  for (size_t i = 0; i < COMPLAINT_COUNT; i++) {
    if (hostile.is_whole) run_in_process(&COMPLAINTS[i], false);
    run_in_process(&COMPLAINTS[i], true);
  }
  printf("1..%d\n", hostile.rows);
  return hostile.failed > 0;
}
