/* SPDX-License-Identifier: MIT */
/* sandbox [--table] LAUNCHER HOSTILE: what a hostile tool gets, as root and as an ordinary user, with all layers and
 * with each of them switched off; hogs; pinned programs. Prints TAP; with --table, also what came of each attempt under
 * each set of layers.
 *
 * An attempt counts only where it succeeds without a sandbox: the control run shows that it is a real one. */
#include "tests/sandbox/attempts.h"
#include "tests/sandbox/world.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdarg.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ATTEMPTS_MAX = 100, NOBODY = 65534 };

static const struct column {
  const char *name, *without;
  bool is_judged;
} columns[] = {
    {"all layers", "", true},
    {"without landlock", "without landlock\n", true},
    {"without scope", "without scope\n", true},
    {"without landlock and scope", "without landlock\nwithout scope\n", true},
    {"without seccomp", "without seccomp\n", true},
    {"without namespaces", "without namespaces\n", true},
    {"without cgroup", "without cgroup\n", true},
    {"landlock alone", "without seccomp\nwithout namespaces\n", false},
    {"seccomp alone", "without landlock\nwithout scope\nwithout namespaces\n", false},
    {"namespaces alone", "without landlock\nwithout scope\nwithout seccomp\n", false},
};
enum { COLUMN_COUNT = sizeof columns / sizeof *columns };

static struct {
  const char *launcher, *hostile, *user;
  int failures;
  int control[ATTEMPTS_MAX], got[COLUMN_COUNT][ATTEMPTS_MAX]; /* errno, 0: it got it, -1: no word of it */
} run;

static void row(bool is_good, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void row(bool is_good, const char *format, ...) {
  va_list args;
  va_start(args, format);
  printf("%s - %s: ", is_good ? "ok" : "not ok", run.user);
  vprintf(format, args);
  printf("\n");
  va_end(args);
  run.failures += !is_good;
}

static const struct attempt *attempt_at(size_t index) {
  const struct attempt *const lists[] = {file_attempts, process_attempts, socket_attempts};
  for (size_t i = 0; i < 3; i++)
    for (const struct attempt *attempt = lists[i]; attempt->name != NULL; attempt++)
      if (index-- == 0) return attempt;
  return NULL;
}

/* ---- attempts ---- */

static void read_results(const char *output, int *results) {
  for (size_t i = 0; attempt_at(i) != NULL; i++) {
    char line[80];
    snprintf(line, sizeof line, "\n%s=", attempt_at(i)->name);
    const char *at = strncmp(output, line + 1, strlen(line) - 1) == 0 ? output - 1 : strstr(output, line);
    results[i] = at != NULL ? (int)strtol(at + strlen(line), NULL, 10) : -1;
  }
}

/* All attempts in a world of their own. What has changed in it goes to ret_harm. */
static void try_all(const char *without, int *results, const char **ret_harm) {
  static struct launched launched;
  struct world world;
  struct stat net;
  world_make(&world, run.launcher, run.hostile);
  char policy[1024], numbers[6][24];
  snprintf(policy, sizeof policy, "sandbox 1\nwrite %s\n%s", world.inside, without != NULL ? without : "");
  if (stat("/proc/self/ns/net", &net) != 0) exit(2);
  const uint64_t facts[] = {(uint64_t)world.victim,
                            (uint64_t)getpid(),
                            world.tcp,
                            world.udp,
                            net.st_ino,
                            world.key > 0 ? (uint64_t)world.key : 0};
  const char *words[] = {world.program, "try",      world.outside, world.inside, numbers[0], numbers[1],
                         numbers[2],    numbers[3], numbers[4],    numbers[5],   NULL};
  for (size_t i = 0; i < 6; i++) snprintf(numbers[i], sizeof numbers[i], "%llu", (unsigned long long)facts[i]);
  world_launch(&world, without != NULL ? policy : NULL, words, &launched);
  read_results(launched.output, results);
  if (launched.status != 0) printf("# the attempts ended with %#x: %s\n", launched.status, launched.output);
  *ret_harm = world_harm(&world);
  world_clear(&world);
}

static void judge(size_t column) {
  const char *harm = NULL;
  try_all(columns[column].without, run.got[column], &harm);
  if (!columns[column].is_judged) return;
  for (size_t i = 0; attempt_at(i) != NULL; i++) {
    int got = run.got[column][i];
    if (run.control[i] != 0)
      printf("ok - %s, %s: %s # SKIP not to be had without a sandbox either: %s\n", run.user, columns[column].name,
             attempt_at(i)->name, strerror(run.control[i]));
    else row(got > 0, "%s: %s: %s", columns[column].name, attempt_at(i)->name, got > 0 ? strerror(got) : "got it");
  }
  row(harm == NULL, "%s: %s", columns[column].name, harm != NULL ? harm : "nothing outside is changed");
}

static void judge_all(void) {
  const char *harm = NULL;
  try_all(NULL, run.control, &harm);
  row(harm != NULL, "without a sandbox there is harm: %s", harm != NULL ? harm : "none");
  for (size_t i = 0; i < COLUMN_COUNT; i++) judge(i);
}

static const char *cell(int value) {
  return value == 0 ? "GOT IT" : value < 0 ? "?" : value >= 1000 ? "killed" : strerrorname_np(value);
}

static void print_table(void) {
  printf("# %-20s %-8s", run.user, "control");
  for (size_t i = 0; i < COLUMN_COUNT; i++) printf(" | %s", columns[i].name);
  printf("\n");
  for (size_t i = 0; attempt_at(i) != NULL; i++) {
    printf("# %-20s %-8s", attempt_at(i)->name, cell(run.control[i]));
    for (size_t j = 0; j < COLUMN_COUNT; j++) printf(" | %-*s", (int)strlen(columns[j].name), cell(run.got[j][i]));
    printf("\n");
  }
}

static int first_line(const char *text) { return (int)strcspn(text, "\n"); }

/* ---- what is granted works ---- */

static void check_honest(void) {
  static struct launched launched;
  for (size_t i = 0; i < COLUMN_COUNT && columns[i].is_judged; i++) {
    struct world world;
    char policy[1024], readable[200];
    world_make(&world, run.launcher, run.hostile);
    snprintf(readable, sizeof readable, "%s/readable", world.folder);
    snprintf(policy, sizeof policy, "sandbox 1\nwrite %s\nread %s\n%s", world.inside, readable, columns[i].without);
    const char *words[] = {world.program, "honest", world.inside, readable, NULL};
    world_launch(&world, policy, words, &launched);
    row(launched.status == 0, "%s: what is granted works %.*s", columns[i].name, first_line(launched.output),
        launched.output);
    world_clear(&world);
  }
}

/* ---- hogs ---- */

static size_t count_tools(void) {
  char name[32];
  size_t count = 0;
  snprintf(name, sizeof name, "(tool-%d)", (int)getpid());
  DIR *proc = opendir("/proc");
  for (struct dirent *entry; proc != NULL && (entry = readdir(proc)) != NULL;) {
    char path[300], text[512] = "";
    snprintf(path, sizeof path, "/proc/%s/stat", entry->d_name);
    int fd = open(path, O_RDONLY);
    if (fd < 0) continue;
    if (read(fd, text, sizeof text - 1) > 0 && strstr(text, name) != NULL) count++;
    close(fd);
  }
  if (proc != NULL) closedir(proc);
  return count;
}

static const struct {
  const char *hog, *limits, *named;
} hogs[] = {
    {"cpu", "cpu 500\n", "limit cpu\n"},
    {"crowd", "cpu 500\n", "limit cpu\n"},
    {"memory", "memory 50000000\n", "limit memory\n"},
    {"shared", "memory 50000000\n", "limit memory\n"},
    {"procs", "procs 20\n", "limit procs\n"},
};

static void check_hogs(const char *without, const char *name) {
  static struct launched launched;
  for (size_t i = 0; i < sizeof hogs / sizeof *hogs; i++) {
    struct world world;
    char policy[512];
    world_make(&world, run.launcher, run.hostile);
    snprintf(policy, sizeof policy, "sandbox 1\n%s%s", hogs[i].limits, without);
    world_launch(&world, policy, (const char *const[]){world.program, "hog", hogs[i].hog, NULL}, &launched);
    size_t left = count_tools();
    row(WIFSIGNALED(launched.status) && strcmp(launched.limit, hogs[i].named) == 0 && launched.took_ms < 10000,
        "%s: a hog of %s is ended in %d ms: %.*s", name, hogs[i].hog, (int)launched.took_ms, first_line(launched.limit),
        launched.limit);
    row(left == 0, "%s: %zu processes are left of the hog of %s", name, left, hogs[i].hog);
    world_clear(&world);
  }
  struct world world;
  int count = 0, why = 0;
  char policy[128];
  world_make(&world, run.launcher, run.hostile);
  snprintf(policy, sizeof policy, "sandbox 1\nfds 32\n%s", without);
  world_launch(&world, policy, (const char *const[]){world.program, "hog", "fds", NULL}, &launched);
  sscanf(launched.output, "%d %d", &count, &why);
  row(count > 0 && count < 32 && why == EMFILE, "%s: of 32 descriptors it got %d, then %s", name, count, strerror(why));
  world_clear(&world);
}

/* ---- pinned programs ---- */

static void hash_of(const char *path, char ret_hex[65]) {
  char command[300];
  int ends[2];
  snprintf(command, sizeof command, "sha256sum %s", path);
  if (pipe(ends) != 0) exit(2);
  pid_t pid = fork();
  if (pid == 0) {
    dup2(ends[1], 1);
    execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(1);
  }
  close(ends[1]);
  if (read(ends[0], ret_hex, 64) != 64) exit(2);
  ret_hex[64] = '\0';
  close(ends[0]);
  waitpid(pid, NULL, 0);
}

/* Two programs take turns under one name, by rename and by writing into the file. */
static pid_t start_swapping(const char *path, const char *other) {
  pid_t pid = fork();
  if (pid != 0) return pid;
  char beside[300], command[4096];
  snprintf(beside, sizeof beside, "%s.beside", path);
  snprintf(command, sizeof command,
           "cp %s %s.good; while :; do cp %s %s; mv -f %s %s; cp %s.good %s; mv -f %s %s; sleep 0.005; cat %s >%s; cat "
           "%s.good >%s; sleep 0.005; "
           "done 2>/dev/null",
           path, path, other, beside, beside, path, path, beside, beside, path, other, path, path, path);
  setpgid(0, 0);
  execl("/bin/sh", "sh", "-c", command, (char *)NULL);
  _exit(1);
}

static void check_race(struct world *world, const char *policy, const char *path) {
  static struct launched launched;
  char evil[200];
  int good = 0, refused = 0, bad = 0;
  snprintf(evil, sizeof evil, "%s/evil", world->folder);
  int fd = open(evil, O_CREAT | O_WRONLY, 0755);
  if (fd < 0 || write(fd, "#!/bin/sh\necho evil\n", 20) != 20) exit(2);
  close(fd);
  pid_t swapper = start_swapping(path, evil);
  for (int i = 0; i < 100; i++) {
    world_launch(world, policy, (const char *const[]){path, "hog", "fds", NULL}, &launched);
    if (strstr(launched.output, "evil\n") == launched.output) bad++;
    else if (WIFEXITED(launched.status) && WEXITSTATUS(launched.status) == 0) good++;
    else refused++;
  }
  kill(-swapper, SIGKILL);
  waitpid(swapper, NULL, 0);
  row(bad == 0 && good > 0, "a program that is swapped all the time: %d started, %d refused, %d others", good, refused,
      bad);
}

static void check_pins(const char *without, const char *name) {
  static struct launched launched;
  struct world world;
  char policy[512], hex[65], path[200];
  world_make(&world, run.launcher, run.hostile);
  snprintf(path, sizeof path, "%s", world.program);
  hash_of(path, hex);
  snprintf(policy, sizeof policy, "sandbox 1\nsha256 %s\nfds 32\n%s", hex, without);
  const char *words[] = {path, "hog", "fds", NULL};
  world_launch(&world, policy, words, &launched);
  row(launched.status == 0, "%s: a pinned program starts: %.*s", name, first_line(launched.output), launched.output);
  int writer = open(path, O_WRONLY | O_APPEND);
  world_launch(&world, policy, words, &launched);
  row(WEXITSTATUS(launched.status) == 126 && strstr(launched.output, "open for writing") != NULL,
      "%s: one that somebody writes to does not: %.*s", name, first_line(launched.output), launched.output);
  if (write(writer, "x", 1) != 1) exit(2);
  close(writer);
  world_launch(&world, policy, words, &launched);
  row(WEXITSTATUS(launched.status) == 126 && strstr(launched.output, "not the program that the manifest names") != NULL,
      "%s: one that was changed does not: %.*s", name, first_line(launched.output), launched.output);
  world_clear(&world);
  world_make(&world, run.launcher, run.hostile);
  check_race(&world, policy, world.program);
  world_clear(&world);
}

/* ---- the whole ---- */

static int run_all(const char *user, bool with_table) {
  run.user = user;
  prctl(PR_SET_DUMPABLE, 1); /* after a change of user */
  judge_all();
  check_honest();
  check_hogs("", "namespaces");
  check_hogs("without namespaces\n", "no namespaces");
  check_hogs("without cgroup\n", "no cgroup");
  check_hogs("without cgroup\nwithout namespaces\n", "no cgroup, no namespaces");
  check_pins("", "namespaces");
  check_pins("without namespaces\n", "no namespaces");
  if (with_table) print_table();
  fflush(stdout);
  return run.failures == 0 ? 0 : 1;
}

static int run_as_nobody(bool with_table) {
  int status = 0;
  fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) {
    if (setgroups(0, NULL) != 0 || setresgid(NOBODY, NOBODY, NOBODY) != 0 || setresuid(NOBODY, NOBODY, NOBODY) != 0)
      _exit(2);
    exit(run_all("user 65534", with_table));
  }
  waitpid(pid, &status, 0);
  return status == 0 ? 0 : 1;
}

int main(int argc, char **argv) {
  bool with_table = argc > 1 && strcmp(argv[1], "--table") == 0;
  argv += with_table;
  if (argc - with_table != 3) return 2;
  run.launcher = argv[1];
  run.hostile = argv[2];
  signal(SIGPIPE, SIG_IGN);
  if (geteuid() != 0) {
    printf("ok - root: everything # SKIP this is not run by root\n");
    return run_all("user", with_table);
  }
  if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) return 2;
  int failure = run_as_nobody(with_table);
  return run_all("root", with_table) != 0 || failure != 0 ? 1 : 0;
}
