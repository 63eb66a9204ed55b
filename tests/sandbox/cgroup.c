/* SPDX-License-Identifier: MIT */
/* sandbox-cgroup LAUNCHER HOSTILE: tools in cgroups of their own, in each of the ways in which a part of the tree can
 * be left to a user, or not. To be run by root where /sys/fs/cgroup is the unified tree and holds nothing of others':
 * in a machine of its own (cgroup.sh). Prints TAP. */
#include "tests/sandbox/world.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <net/if.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TREE "/sys/fs/cgroup"
#define GIVEN TREE "/given"
enum { NOBODY = 65534 };

static const char *launcher, *hostile;
static int failure_count;

static void row(bool is_good, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void row(bool is_good, const char *format, ...) {
  va_list args;
  va_start(args, format);
  printf("%s - cgroup: ", is_good ? "ok" : "not ok");
  vprintf(format, args);
  printf("\n");
  fflush(stdout);
  va_end(args);
  failure_count += !is_good;
}

/* ---- files of the tree ---- */

static bool put(const char *folder, const char *name, const char *text) {
  char path[300];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  int fd = open(path, O_WRONLY);
  bool is_good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
  if (fd >= 0) close(fd);
  return is_good;
}

static const char *get(const char *folder, const char *name) {
  static char texts[4][1024];
  static unsigned turn;
  char path[300], *text = texts[turn++ % 4];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  int fd = open(path, O_RDONLY);
  ssize_t got = fd >= 0 ? read(fd, text, 1023) : 0;
  if (fd >= 0) close(fd);
  text[got > 0 ? got : 0] = '\0';
  text[strcspn(text, "\n")] = '\0';
  return text;
}

/* How many tools have a folder there, and the path of one of them. */
static int leaves_in(const char *folder, char ret_leaf[300]) {
  int count = 0;
  DIR *list = opendir(folder);
  for (struct dirent *entry; list != NULL && (entry = readdir(list)) != NULL;) {
    if (strncmp(entry->d_name, "fairlead-tool.", 14) != 0) continue;
    snprintf(ret_leaf, 300, "%s/%s", folder, entry->d_name);
    count++;
  }
  if (list != NULL) closedir(list);
  return count;
}

static void wait_ms(long ms) { nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL); }

/* ---- a tool ---- */

static const char *const policies[] = {"", "without namespaces\n"};

static struct launched launch(const char *limits, const char *without, const char *what) {
  static struct launched launched;
  struct world world;
  char policy[512];
  world_make(&world, launcher, hostile);
  snprintf(policy, sizeof policy, "sandbox 1\nwithout landlock\n%s%s", limits, without);
  world_launch(&world, policy, (const char *const[]){world.program, "hog", what, NULL}, &launched);
  world_clear(&world);
  return launched;
}

static bool says(const struct launched *launched, const char *limit) {
  bool is_said = WIFSIGNALED(launched->status) && strcmp(launched->limit, limit) == 0;
  if (!is_said) printf("# ended with %#x, \"%s\", %.300s\n", launched->status, launched->limit, launched->output);
  return is_said;
}

/* What each hog is ended for, and that nothing of it is left in the tree. */
static void check_hogs(const char *who, const char *base, bool has_memory) {
  static const struct {
    const char *hog, *limits, *named;
    bool needs_memory; /* the watch does not see it */
  } hogs[] = {{"memory", "memory 50000000\n", "limit memory\n", false},
              {"shared", "memory 50000000\n", "limit memory\n", false},
              {"files", "memory 50000000\n", "limit memory\n", true},
              {"procs", "procs 20\n", "limit procs\n", false},
              {"crowd", "cpu 300\n", "limit cpu\n", false},
              {"unseen", "cpu 300\n", "limit cpu\n", false}};
  char leaf[300] = "";
  for (size_t i = 0; i < 2; i++)
    for (size_t j = 0; j < sizeof hogs / sizeof *hogs; j++) {
      if (hogs[j].needs_memory && !has_memory) continue;
      struct launched launched = launch(hogs[j].limits, policies[i], hogs[j].hog);
      row(says(&launched, hogs[j].named), "%s, %s: a hog of %s is ended in %d ms by its limit", who,
          i == 0 ? "namespaces" : "none", hogs[j].hog, (int)launched.took_ms);
      row(leaves_in(base, leaf) == 0, "%s: nothing of it is left %s", who, leaf);
    }
}

/* A tool that lives until it is stopped, so that what the kernel was told about it can be looked at. */
static struct {
  struct world world;
  struct launched launched;
  char policy[256];
  pthread_t thread;
} running;

static void *run(void *nothing) {
  const char *const words[] = {running.world.program, "hog", "nothing", NULL};
  world_launch(&running.world, running.policy, words, &running.launched);
  return nothing;
}

static void start(const char *limits) {
  world_make(&running.world, launcher, hostile);
  snprintf(running.policy, sizeof running.policy, "sandbox 1\nwithout landlock\n%s", limits);
  memset(&running.launched, 0, sizeof running.launched);
  if (pthread_create(&running.thread, NULL, run, NULL) != 0) exit(2);
  const volatile char *said = running.launched.output;
  for (int i = 0; i < 3000 && *said == '\0'; i++) wait_ms(10);
}

static void stop(int number) {
  kill(running.launched.launcher, number);
  pthread_join(running.thread, NULL);
  world_clear(&running.world);
}

static void check_limits(const char *who, const char *base) {
  char leaf[300] = "";
  start("memory 64000000\nprocs 8\n");
  row(leaves_in(base, leaf) == 1, "%s: a tool has a cgroup %s", who, leaf);
  row(strtoull(get(leaf, "memory.max"), NULL, 10) / 4096 == 64000000 / 4096, "%s: memory.max is %s", who,
      get(leaf, "memory.max"));
  row(strcmp(get(leaf, "memory.oom.group"), "1") == 0, "%s: what is over it ends as one", who);
  row(strcmp(get(leaf, "pids.max"), "192") == 0, "%s: pids.max is %s: 16 threads for each of 8, and 64", who,
      get(leaf, "pids.max"));
  row(get(leaf, "cgroup.procs")[0] != '\0', "%s: it is in there", who);
  stop(SIGTERM);
  row(leaves_in(base, leaf) == 0, "%s: no cgroup is left after it", who);
}

/* ---- as whom, and where ---- */

static void become_nobody(void) {
  if (setgroups(0, NULL) != 0 || setresgid(NOBODY, NOBODY, NOBODY) != 0 || setresuid(NOBODY, NOBODY, NOBODY) != 0)
    _exit(2);
  prctl(PR_SET_DUMPABLE, 1);
}

/* A folder that is left to a user, as systemd does it, with what it may have. */
static void give(const char *controllers) {
  static const char *const files[] = {".", "cgroup.procs", "cgroup.threads", "cgroup.subtree_control"};
  put(TREE, "cgroup.subtree_control", controllers);
  if (mkdir(GIVEN, 0755) != 0) exit(2);
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    char path[100];
    snprintf(path, sizeof path, GIVEN "/%s", files[i]);
    if (chown(path, NOBODY, NOBODY) != 0) exit(2);
  }
}

static void take_back(void) {
  rmdir(GIVEN "/fairlead-self");
  for (int i = 0; i < 100 && rmdir(GIVEN) != 0; i++) wait_ms(20);
}

/* The check runs in a process that stands in the folder. */
static void in_given(void (*check)(void)) {
  int status = 0;
  pid_t pid = fork();
  if (pid == 0) {
    if (!put(GIVEN, "cgroup.procs", "0")) _exit(2);
    become_nobody();
    check();
    _exit(failure_count > 0);
  }
  waitpid(pid, &status, 0);
  row(status == 0, "all of it");
}

static void alone(void) {
  check_limits("a folder of its own", GIVEN);
  row(strcmp(get("/proc/self", "cgroup"), "0::/given/fairlead-self") == 0,
      "who starts tools has moved out of the way: %s", get("/proc/self", "cgroup"));
  check_hogs("a folder of its own", GIVEN, true);
}

/* Somebody who is not ours stands there: nobody is moved, and the limits are kept by a watch. */
static void with_a_stranger(void) {
  char leaf[300] = "";
  start("memory 64000000\nprocs 8\n");
  row(leaves_in(GIVEN, leaf) == 1 && get(leaf, "memory.max")[0] == '\0', "a stranger there: a cgroup without limits");
  row(strcmp(get("/proc/self", "cgroup"), "0::/given") == 0, "a stranger there: nobody is moved");
  stop(SIGTERM);
  check_hogs("a stranger there", GIVEN, false);
}

/* A user to whom nothing is left. */
static void without_any(void) {
  char leaf[300] = "";
  become_nobody();
  start("memory 64000000\n");
  row(leaves_in(TREE, leaf) == 0, "nothing left to a user: no cgroup");
  stop(SIGTERM);
  static const char *const hogs[][3] = {{"memory", "memory 50000000\n", "limit memory\n"},
                                        {"procs", "procs 20\n", "limit procs\n"},
                                        {"crowd", "cpu 300\n", "limit cpu\n"}};
  for (size_t i = 0; i < 3; i++) {
    struct launched launched = launch(hogs[i][1], "", hogs[i][0]);
    row(says(&launched, hogs[i][2]), "nothing left to a user: a hog of %s is ended by the watch", hogs[i][0]);
  }
}

static void switched_off(void) {
  char leaf[300] = "";
  start("memory 64000000\nwithout cgroup\n");
  row(leaves_in(TREE, leaf) == 0, "switched off: no cgroup");
  stop(SIGTERM);
  struct launched launched = launch("memory 50000000\n", "without cgroup\n", "memory");
  row(says(&launched, "limit memory\n"), "switched off: a hog of memory is ended by the watch");
}

/* ---- what is left behind ---- */

static void check_left(void) {
  char leaf[300] = "";
  pid_t pid = fork();
  mkdir(TREE "/fairlead-tool.7.0", 0755);
  if (pid == 0) {
    put(TREE "/fairlead-tool.7.0", "cgroup.procs", "0");
    pause();
    _exit(0);
  }
  wait_ms(100);
  launch("memory 50000000\n", "", "fds");
  int status = 0;
  row(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status), "who is left in the cgroup of a dead launcher is killed");
  row(leaves_in(TREE, leaf) == 0, "and that goes away");
  mkdir(TREE "/fairlead-tool.8.0", 0755);
  int held = open(TREE "/fairlead-tool.8.0", O_RDONLY | O_DIRECTORY);
  flock(held, LOCK_EX);
  launch("memory 50000000\n", "", "fds");
  row(leaves_in(TREE, leaf) == 1, "that of a launcher that lives stays");
  close(held);
  launch("memory 50000000\n", "", "fds");
  row(leaves_in(TREE, leaf) == 0, "until it lives no longer");
}

static void check_killed_launcher(void) {
  char leaf[300] = "";
  start("memory 64000000\n");
  stop(SIGKILL);
  for (int i = 0; i < 1000 && (leaves_in(TREE, leaf) != 1 || get(leaf, "cgroup.procs")[0] != '\0'); i++) wait_ms(10);
  row(leaves_in(TREE, leaf) == 1 && get(leaf, "cgroup.procs")[0] == '\0',
      "a launcher is killed: its tool is dead, its cgroup is there");
  launch("memory 50000000\n", "", "fds");
  row(leaves_in(TREE, leaf) == 0, "the next tool's launcher clears it away");
}

/* A new machine's own interface is down. */
static void raise_loopback(void) {
  struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) != 0) exit(2);
  close(fd);
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  launcher = argv[1];
  hostile = argv[2];
  signal(SIGPIPE, SIG_IGN);
  raise_loopback();
  check_limits("the root of the tree", TREE);
  check_hogs("the root of the tree", TREE, true);
  switched_off();
  check_left();
  check_killed_launcher();
  give("+memory +pids");
  in_given(alone);
  take_back();
  give("+memory +pids");
  pid_t stranger = fork();
  if (stranger == 0) pause();
  char text[16];
  snprintf(text, sizeof text, "%d", (int)stranger);
  put(GIVEN, "cgroup.procs", text);
  in_given(with_a_stranger);
  kill(stranger, SIGKILL);
  waitpid(stranger, NULL, 0);
  take_back();
  int status = 0;
  pid_t pid = fork();
  if (pid == 0) {
    without_any();
    _exit(failure_count > 0);
  }
  waitpid(pid, &status, 0);
  row(status == 0, "a user to whom nothing is left");
  return failure_count > 0;
}
