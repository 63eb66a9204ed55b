/* SPDX-License-Identifier: MIT */
/* contend [--all] [--only TEXT] [--seed N]: eight clients on one thread, in one process and in eight, with each
 * strategy for a busy thread. Something is always wrong with one of the processes: it is stopped for longer than its
 * lease, or (where there are others) killed. Afterwards what each client was told is compared with the history that the
 * thread has (check.h). And two resumes of one interrupt, in one process and in two. Prints TAP.
 *
 * Progress: a process that is stopped outside a batch of writes (nobody waits for the store's lock then) stays stopped
 * until another one's run was told to be done; one that is stopped inside is let go before the others give up. */
#include "tests/contend/board.h"
#include "tests/contend/check.h"

#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

enum { PROGRESS_MS_MAX = 60000, STOP_EVERY_MS = 150, PROBES = 60, AIMS = 100 };

static const char *const strategies[] = {"enqueue", "reject", "interrupt", "rollback", "mixed"};
enum { STRATEGY_COUNT = sizeof strategies / sizeof *strategies };

static struct {
  long runs;   /* of a client, in each row */
  long rounds; /* of resumes, in each row */
  const char *only;
  uint64_t random;
  int rows, failed;
} contest = {.runs = 10, .rounds = 40, .random = 0x2545f4914f6cdd1d};

static uint64_t next_random(uint64_t below) {
  contest.random ^= contest.random << 13;
  contest.random ^= contest.random >> 7;
  contest.random ^= contest.random << 17;
  return contest.random % below;
}

static int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- a row ---- */

struct row {
  char folder[300];
  const char *strategy;
  struct board *board;
  pid_t pids[CLIENTS]; /* 0: it has ended */
  int incarnations[CLIENTS];
  int process_count;
  long stops_outside, stops_inside, kills;
  bool is_wrong;
};

static const char *path_of(const struct row *row, const char *name) {
  static char paths[4][512];
  static unsigned turn;
  char *path = paths[turn++ % 4];
  snprintf(path, sizeof paths[0], "%s/%s", row->folder, name);
  return path;
}

__attribute__((format(printf, 1, 2))) static bool run_shell(const char *format, ...) {
  char command[2048];
  va_list args;
  va_start(args, format);
  vsnprintf(command, sizeof command, format, args);
  va_end(args);
  int status = -1;
  pid_t pid = fork();
  if (pid == 0) {
    execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(127);
  }
  waitpid(pid, &status, 0);
  if (status != 0) fprintf(stderr, "contend: %s: %#x\n", command, status);
  return status == 0;
}

static pid_t start_worker(const struct row *row, const char *const *more) {
  char seed[24];
  snprintf(seed, sizeof seed, "%llu", (unsigned long long)next_random(1000000007));
  const char *argv[16] = {getenv("FL_CONTEND_WORKER"), path_of(row, "s.db"), path_of(row, "record"),
                          path_of(row, "board"), seed};
  for (int i = 0; more[i] != NULL; i++) argv[5 + i] = more[i];
  pid_t pid = fork();
  if (pid != 0) return pid;
  execv(argv[0], (char *const *)argv);
  _exit(127);
}

/* Clients from `index` on: all of them, or one for each process. What a killed one has begun counts as one of its runs.
 */
static void start_clients(struct row *row, int index) {
  char first[16], count[16], incarnation[16], runs[16];
  snprintf(first, sizeof first, "%d", index);
  snprintf(count, sizeof count, "%d", CLIENTS / row->process_count);
  snprintf(incarnation, sizeof incarnation, "%d", row->incarnations[index]);
  snprintf(runs, sizeof runs, "%ld", contest.runs - atomic_load(&row->board->ended[index]) - row->incarnations[index]);
  const char *more[] = {"clients", first, count, incarnation, runs, row->strategy, NULL};
  row->pids[index] = start_worker(row, more);
}

/* Makes the store, and watches every row that is written to it, with the fence and the holder of that moment, inside
 * the same transaction. */
static bool set_watch(const struct row *row) {
  const char *more[] = {"clients", "0", "1", "0", "0", row->strategy, NULL};
  int status = -1;
  waitpid(start_worker(row, more), &status, 0);
  return status == 0 &&
         run_shell(
             "sqlite3 \"%s\" \"CREATE TABLE witness(seq INTEGER PRIMARY KEY, fence, pid, k, body);"
             "CREATE TRIGGER watch_row AFTER INSERT ON row BEGIN INSERT INTO witness SELECT NULL, fence, lease_pid,"
             " NEW.k, NEW.body FROM thread WHERE row = NEW.thread; END;"
             "CREATE TRIGGER watch_pending AFTER INSERT ON pending BEGIN INSERT INTO witness SELECT NULL, fence,"
             " lease_pid, 0, NEW.body FROM thread WHERE row = NEW.thread; END;\"",
             path_of(row, "s.db"));
}

static void row_begin(struct row *row) {
  snprintf(row->folder, sizeof row->folder, "%s/%d", getenv("FL_CONTEND_FOLDER"), contest.rows);
  mkdir(row->folder, 0700);
  row->board = board_open(path_of(row, "board"));
}

static void row_end(struct row *row, const char *text) {
  bool is_ok = !row->is_wrong;
  munmap(row->board, sizeof *row->board);
  printf("%s %d - %s\n", is_ok ? "ok" : "not ok", ++contest.rows, text);
  fflush(stdout);
  contest.failed += !is_ok;
  if (is_ok) run_shell("rm -rf \"%s\"", row->folder);
}

static void wrong(struct row *row, const char *text, long number) {
  fprintf(stderr, "%s: %s (%ld)\n", row->folder, text, number);
  row->is_wrong = true;
}

/* ---- what goes wrong with processes ---- */

/* Whether some process ends; kills are expected, other ends are right or wrong. */
static int live_count(struct row *row) {
  int live = 0;
  for (int i = 0; i < CLIENTS; i++) {
    int status = 0;
    if (row->pids[i] > 0 && waitpid(row->pids[i], &status, WNOHANG) == row->pids[i]) {
      row->pids[i] = 0;
      if (status != 0) wrong(row, "a worker ended by itself with status", status);
    }
    live += row->pids[i] > 0;
  }
  return live;
}

/* The process whose node ran last has the lease, so it is the one to choose, mostly. */
static int choose(const struct row *row) {
  int runner = atomic_load(&row->board->runner), index = (int)next_random(CLIENTS);
  for (int i = 0; i < CLIENTS && next_random(4) > 0; i++)
    if (row->pids[i] > 0 && row->pids[i] == runner) return i;
  while (row->pids[index] == 0) index = (index + 1) % CLIENTS;
  return index;
}

/* The side lock is held for the length of a batch; a stopped process in the middle of one holds it all the time. */
static bool is_in_batch(const struct row *row) {
  int fd = open(path_of(row, "s.db.lock"), O_RDWR | O_CLOEXEC);
  bool is_free = false;
  for (int i = 0; fd >= 0 && !is_free && i < PROBES; i++, usleep(500)) is_free = flock(fd, LOCK_EX | LOCK_NB) == 0;
  if (fd >= 0) close(fd); /* and with it the lock */
  return !is_free;
}

/* Whether others were told "done" since; only asked where others still have runs to do. */
static bool has_progressed(const struct row *row, int stopped, long before) {
  return atomic_load(&row->board->done) - atomic_load(&row->board->done_by[stopped]) > before;
}

/* False when it has just ended. */
static bool stop(pid_t pid) {
  siginfo_t info = {0};
  kill(pid, SIGSTOP);
  waitid(P_PID, (id_t)pid, &info, WSTOPPED | WEXITED | WNOWAIT);
  return info.si_code == CLD_STOPPED;
}

/* Stops a process, which may be anywhere. Batches are short: who aims at one lets go and tries again. */
static bool stop_aimed(const struct row *row, pid_t pid, bool *ret_is_inside) {
  int tries = next_random(3) == 0 ? AIMS : 1;
  for (int i = 0; i < tries; i++) {
    if (!stop(pid)) return false;
    *ret_is_inside = is_in_batch(row);
    if (*ret_is_inside || i + 1 == tries) return true;
    kill(pid, SIGCONT);
    usleep((useconds_t)next_random(700));
  }
  return true;
}

static void stop_one(struct row *row, int index) {
  struct board *board = row->board;
  bool is_inside = false;
  if (!stop_aimed(row, row->pids[index], &is_inside)) return;
  int64_t begin_ms = now_ms(), waited_ms = 0;
  long before = atomic_load(&board->done) - atomic_load(&board->done_by[index]);
  while (waited_ms < LEASE_MS + 200 || (!is_inside && !has_progressed(row, index, before))) {
    usleep(2000);
    waited_ms = now_ms() - begin_ms;
    if (waited_ms > LEASE_MS + 200 && live_count(row) < 2) break; /* nobody is left who could */
    if (waited_ms < PROGRESS_MS_MAX) continue;
    wrong(row, "nobody made progress while a process was stopped for ms", waited_ms);
    break;
  }
  row->stops_inside += is_inside;
  row->stops_outside += !is_inside;
  kill(row->pids[index], SIGCONT);
}

static void kill_one(struct row *row, int index) {
  int status = 0;
  kill(row->pids[index], SIGKILL);
  waitpid(row->pids[index], &status, 0);
  row->pids[index] = 0;
  if (!WIFSIGNALED(status)) return; /* it had just ended */
  row->kills++;
  row->incarnations[index]++;
  if (contest.runs > atomic_load(&row->board->ended[index]) + row->incarnations[index]) start_clients(row, index);
}

static void disturb(struct row *row) {
  while (live_count(row) > 0) {
    usleep((useconds_t)(1000 * (STOP_EVERY_MS / 2 + next_random(STOP_EVERY_MS))));
    if (live_count(row) < (row->process_count > 1 ? 2 : 1)) continue;
    int index = choose(row);
    if (row->process_count > 1 && next_random(5) == 0) kill_one(row, index);
    else stop_one(row, index);
  }
}

/* ---- rows ---- */

static bool is_wanted(const char *name) { return contest.only == NULL || strstr(name, contest.only) != NULL; }

static void collect(struct row *row, struct tally *tally) {
  const char *db = path_of(row, "s.db"), *fairlead = getenv("FL_FAIRLEAD");
  bool is_there = run_shell("\"%s\" threads export t --store \"%s\" >\"%s\"", fairlead, db, path_of(row, "export"));
  is_there &= run_shell("\"%s\" threads show t --json --store \"%s\" >\"%s\"", fairlead, db, path_of(row, "state"));
  is_there &= run_shell("sqlite3 \"%s\" \"SELECT fence, pid, k, body FROM witness ORDER BY seq\" >\"%s\"", db,
                        path_of(row, "witness"));
  is_there &= run_shell("test \"$(sqlite3 \"%s\" 'pragma integrity_check')\" = ok", db);
  if (!is_there || !check_history(row->folder, tally)) row->is_wrong = true;
  if (tally->done == 0) wrong(row, "no run was done", tally->runs);
}

static void contend_for_thread(int process_count, const char *strategy) {
  char name[64], text[400];
  struct row row = {.strategy = strategy, .process_count = process_count};
  struct tally tally = {0};
  snprintf(name, sizeof name, "eight clients in %s, %s", process_count == 1 ? "one process" : "eight processes",
           strategy);
  if (!is_wanted(name)) return;
  row_begin(&row);
  if (!set_watch(&row)) row.is_wrong = true;
  for (int i = 0; i < process_count; i++) start_clients(&row, i);
  disturb(&row);
  collect(&row, &tally);
  snprintf(text, sizeof text,
           "%s: %ld runs, %ld done, %ld refused, %ld cancelled (%ld taken back), %ld lost their lease, %ld unknown;"
           " %ld checkpoints in one chain, %ld rows by the holder of the lease; %ld stops outside a batch, %ld inside,"
           " %ld kills",
           name, tally.runs, tally.done, tally.refused, tally.cancelled, tally.taken_back, tally.lost_lease,
           tally.unknown, tally.checkpoints, tally.audited, row.stops_outside, row.stops_inside, row.kills);
  row_end(&row, text);
}

static void contend_for_answers(int process_count, const char *strategy) {
  char name[80], text[300], rounds[24];
  struct row row = {.strategy = strategy, .process_count = process_count};
  struct tally tally = {0};
  snprintf(name, sizeof name, "two resumes of one interrupt in %s, %s",
           process_count == 1 ? "one process" : "two processes", strategy);
  if (!is_wanted(name)) return;
  row_begin(&row);
  snprintf(rounds, sizeof rounds, "%ld", contest.rounds);
  for (int i = 0; i < process_count; i++) {
    const char *more[] = {"resumes", process_count == 1 ? "2" : i == 0 ? "0" : "1", rounds, strategy, NULL};
    row.pids[i] = start_worker(&row, more);
  }
  while (live_count(&row) > 0) usleep(2000);
  if (!check_resumes(row.folder, contest.rounds, strcmp(strategy, "reject") == 0, &tally)) row.is_wrong = true;
  snprintf(text, sizeof text, "%s: %ld rounds, %ld won, %ld refused", name, contest.rounds, tally.done, tally.refused);
  row_end(&row, text);
}

int main(int argc, char **argv) {
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--all") == 0) contest.runs = 260, contest.rounds = 1000;
    else if (strcmp(argv[i], "--only") == 0 && i + 1 < argc) contest.only = argv[++i];
    else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc) contest.random += strtoull(argv[++i], NULL, 10) << 20;
    else return 2;
  }
  if (getenv("FL_CONTEND_FOLDER") == NULL || getenv("FL_CONTEND_WORKER") == NULL) return 2;
  for (int i = 0; i < STRATEGY_COUNT; i++) contend_for_thread(1, strategies[i]);
  for (int i = 0; i < STRATEGY_COUNT; i++) contend_for_thread(CLIENTS, strategies[i]);
  for (int i = 0; i < 2; i++) contend_for_answers(1, strategies[i]);
  for (int i = 0; i < 2; i++) contend_for_answers(2, strategies[i]);
  printf("1..%d\n", contest.rows);
  return contest.failed > 0 || contest.rows == 0;
}
