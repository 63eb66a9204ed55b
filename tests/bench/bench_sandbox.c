/* SPDX-License-Identifier: MIT */
/* Launching: /bin/true from fork to exit, plain, under the launcher alone, and in a sandbox with each layer and with
 * all of them; and a pinned program. The limit is what a sandbox may cost over a plain spawn. FL_BUILD_ROOT names the
 * folder of the launcher. The kinds take turns, so that a busy machine slows all alike; the least counts beside the
 * median, for what it costs is what it takes when nobody is in the way. */
#include "tests/bench/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 151, POLICY_FD = 20 };

static const struct kind {
  const char *name, *policy; /* NULL: none */
  bool is_plain;
} kinds[] = {
    {"plain spawn", NULL, true},
    {"launcher alone", NULL, false},
    {"rights and limits", "without landlock\nwithout scope\nwithout seccomp\nwithout namespaces\n", false},
    {"landlock and scope", "without seccomp\nwithout namespaces\n", false},
    {"seccomp", "without landlock\nwithout scope\nwithout namespaces\n", false},
    {"namespaces", "without landlock\nwithout scope\nwithout seccomp\n", false},
    {"all layers", "memory 268435456\ncpu 30000\nprocs 8\nfds 64\n", false},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static char launcher[4096], parent[16];

static void become(const struct kind *kind) {
  char policy[1024];
  const char *argv[] = {launcher, "--parent", parent, "--policy-fd", "20", "--", "/bin/true", NULL};
  const char *alone[] = {launcher, "--parent", parent, "--", "/bin/true", NULL}, *plain[] = {"/bin/true", NULL};
  if (kind->is_plain) execv(plain[0], (char *const *)plain);
  if (kind->policy == NULL) execv(launcher, (char *const *)alone);
  int size = snprintf(policy, sizeof policy, "sandbox 1\nexec yes\n%s", kind->policy);
  int fd = memfd_create("policy", 0);
  if (write(fd, policy, (size_t)size) == size && dup2(fd, POLICY_FD) == POLICY_FD) execv(launcher, (char *const *)argv);
  _exit(127);
}

static double launch(const struct kind *kind) {
  int status = 0;
  double begin = bench_wall_us();
  pid_t pid = fork();
  if (pid == 0) become(kind);
  waitpid(pid, &status, 0);
  if (status != 0) fprintf(stderr, "bench: %s ended with %#x\n", kind->name, status);
  return (bench_wall_us() - begin) / 1000;
}

int main(void) {
  static double values[KINDS][ROUNDS];
  const char *build = getenv("FL_BUILD_ROOT");
  double least[KINDS];
  snprintf(launcher, sizeof launcher, "%s/fairlead-launch", build != NULL ? build : "build");
  snprintf(parent, sizeof parent, "%d", (int)getpid());
  for (int i = 0; i < ROUNDS; i++)
    for (int j = 0; j < KINDS; j++) values[j][i] = launch(&kinds[j]);
  for (int j = 0; j < KINDS; j++) {
    char name[80];
    least[j] = values[j][0];
    for (int i = 1; i < ROUNDS; i++) least[j] = values[j][i] < least[j] ? values[j][i] : least[j];
    snprintf(name, sizeof name, "launch %s, least", kinds[j].name);
    bench_figure(name, least[j], "ms");
    snprintf(name, sizeof name, "launch %s, median", kinds[j].name);
    bench_figure(name, bench_middle(values[j], ROUNDS), "ms");
  }
  bench_figure("launch in a sandbox, times a plain spawn", least[KINDS - 1] / least[0], "x");
  bench_limit("launch in a sandbox, over a plain spawn", least[KINDS - 1] - least[0], "ms", 5);
  return bench_done();
}
