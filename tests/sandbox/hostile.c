/* SPDX-License-Identifier: MIT */
/* sandbox-hostile try FOLDER INSIDE VICTIM DRIVER TCP UDP INODE KEY: all attempts, each in a child of its own; a line
 * "NAME=ERRNO" each, 0 when it got what it wanted.
 * sandbox-hostile honest INSIDE READABLE: what was granted must work; silent, and ends with 0.
 * sandbox-hostile hog cpu|crowd|unseen|memory|shared|files|procs|fds|nothing: takes until it is stopped, or for some
 * seconds and 2 GB. */
#include "tests/sandbox/attempts.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void try_all(const struct attempt *attempt, const struct outside *outside) {
  for (; attempt->name != NULL; attempt++) {
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) _exit(attempt->run(outside));
    if (pid < 0) exit(3);
    waitpid(pid, &status, 0);
    printf("%s=%d\n", attempt->name, WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status));
    fflush(stdout);
  }
}

static int try(char **words) {
  const struct outside outside = {.folder = words[0],
                                  .inside = words[1],
                                  .victim = (pid_t)strtol(words[2], NULL, 10),
                                  .driver = (pid_t)strtol(words[3], NULL, 10),
                                  .tcp = (uint16_t)strtol(words[4], NULL, 10),
                                  .udp = (uint16_t)strtol(words[5], NULL, 10),
                                  .net_inode = strtoull(words[6], NULL, 10),
                                  .key = (int)strtol(words[7], NULL, 10)};
  try_all(file_attempts, &outside);
  try_all(process_attempts, &outside);
  try_all(socket_attempts, &outside);
  return 0;
}

/* ---- honest work ---- */

static int fail(const char *what) {
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  return 1;
}

static int write_and_read(const char *inside) {
  char path[4096], text[8] = "";
  snprintf(path, sizeof path, "%s/mine", inside);
  int fd = open(path, O_CREAT | O_RDWR, 0600);
  if (fd < 0 || write(fd, "hello", 5) != 5 || pread(fd, text, 5, 0) != 5) return fail(path);
  close(fd);
  snprintf(path, sizeof path, "%s/sub", inside);
  if (mkdir(path, 0700) != 0 || rmdir(path) != 0) return fail(path);
  return 0;
}

static int honest(const char *inside, const char *readable) {
  int pair[2], status = 0;
  if (write_and_read(inside) != 0) return 1;
  if (reads_secret(open(readable, O_RDONLY)) != 0) return fail(readable);
  int fd = open(readable, O_WRONLY);
  if (fd >= 0) return fail("what is readable is writable, too");
  pid_t pid = fork();
  if (pid == 0) _exit(7);
  if (pid < 0 || waitpid(pid, &status, 0) != pid || WEXITSTATUS(status) != 7) return fail("fork");
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) return fail("socketpair");
  fd = open("/dev/null", O_RDWR);
  if (fd < 0 || open("/dev/urandom", O_RDONLY) < 0 || open("/proc/self/status", O_RDONLY) < 0) return fail("devices");
  if (kill(getpid(), 0) != 0) return fail("a signal to itself");
  return 0;
}

/* ---- hogs ---- */

enum { PIECE = 4 << 20, PIECES_MAX = 512, LIFE_S = 5 };

static _Noreturn void spin(void) {
  const struct itimerval life = {
      .it_value = {LIFE_S, 0}}; /* of its own time: a busy machine may give it none for long */
  setitimer(ITIMER_PROF, &life, NULL);
  for (volatile unsigned long i = 0;; i++) continue;
}

static _Noreturn void take_memory(bool is_shared) {
  for (int i = 0; i < PIECES_MAX; i++) {
    char *piece =
        mmap(NULL, PIECE, PROT_READ | PROT_WRITE, (is_shared ? MAP_SHARED : MAP_PRIVATE) | MAP_ANONYMOUS, -1, 0);
    if (piece == MAP_FAILED) exit(4);
    memset(piece, 1, PIECE);
    usleep(500);
  }
  exit(5);
}

/* Memory of a file that nobody has mapped. */
static _Noreturn void take_files(void) {
  static char piece[PIECE];
  int fd = memfd_create("hog", 0);
  for (int i = 0; i < PIECES_MAX; i++) {
    if (write(fd, piece, PIECE) < 0) exit(4);
    usleep(500);
  }
  exit(5);
}

/* One after the other takes its time, and nobody waits for it. */
static _Noreturn void take_unseen(void) {
  signal(SIGCHLD, SIG_IGN);
  for (int i = 0; i < LIFE_S * 20; i++) {
    if (fork() == 0) {
      while (clock() < CLOCKS_PER_SEC / 20) continue;
      _exit(0);
    }
    wait(NULL);
  }
  exit(5);
}

/* A bomb with an end, should nobody stop it. */
static _Noreturn void multiply(void) {
  enum { MOST = 256 };
  int *count = mmap(NULL, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (count == MAP_FAILED) exit(4);
  while (__atomic_fetch_add(count, 1, __ATOMIC_RELAXED) < MOST)
    if (fork() < 0) usleep(1000);
  sleep(5);
  exit(5);
}

static int open_many(void) {
  for (int count = 0; count < 100000; count++)
    if (open("/dev/null", O_RDONLY) < 0) return printf("%d %d\n", count, errno) > 0 ? 0 : 1;
  return 5;
}

static int hog(const char *what) {
  if (strcmp(what, "cpu") == 0) spin();
  if (strcmp(what, "crowd") == 0) {
    for (int i = 0; i < 4; i++)
      if (fork() == 0) spin();
    pause();
  }
  if (strcmp(what, "memory") == 0) take_memory(false);
  if (strcmp(what, "shared") == 0) take_memory(true);
  if (strcmp(what, "files") == 0) take_files();
  if (strcmp(what, "unseen") == 0) take_unseen();
  if (strcmp(what, "procs") == 0) multiply();
  if (strcmp(what, "nothing") == 0) return printf("here\n") > 0 && fflush(stdout) == 0 ? (int)sleep(60) : 1;
  return strcmp(what, "fds") == 0 ? open_many() : 2;
}

int main(int argc, char **argv) {
  if (argc == 10 && strcmp(argv[1], "try") == 0) return try(argv + 2);
  if (argc == 4 && strcmp(argv[1], "honest") == 0) return honest(argv[2], argv[3]);
  if (argc == 3 && strcmp(argv[1], "hog") == 0) return hog(argv[2]);
  return 2;
}
