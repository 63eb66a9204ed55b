/* SPDX-License-Identifier: MIT */
/* Launching: /bin/true from fork to exit, plain, under the launcher alone, and in a sandbox with each layer and with
 * all of them. The limit is what a sandbox may cost over a plain spawn: in processor time of all its processes, which
 * is the same on a busy machine, and on a quiet one is what is waited for. FL_BUILD_ROOT names the folder of the
 * launcher. The kinds take turns. */
#include "tests/bench/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 151, POLICY_FD = 20 };

static const struct kind {
  const char *name, *policy; /* NULL: none */
  bool is_plain;
} kinds[] = {
    {"plain spawn", NULL, true},
    {"launcher alone", NULL, false},
    {"rights and limits", "without landlock\nwithout scope\nwithout seccomp\nwithout namespaces\nwithout cgroup\n",
     false},
    {"landlock and scope", "without seccomp\nwithout namespaces\nwithout cgroup\n", false},
    {"seccomp", "without landlock\nwithout scope\nwithout namespaces\nwithout cgroup\n", false},
    {"namespaces", "without landlock\nwithout scope\nwithout seccomp\nwithout cgroup\n", false},
    {"cgroup", "without landlock\nwithout scope\nwithout seccomp\nwithout namespaces\n", false},
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

static double cpu_of_children_ms(void) {
  struct rusage usage;
  getrusage(RUSAGE_CHILDREN, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e3 +
         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e3;
}

static double launch(const struct kind *kind, double *cpu_ms) {
  int status = 0;
  double cpu_before = cpu_of_children_ms();
  double begin = bench_wall_us();
  pid_t pid = fork();
  if (pid == 0) become(kind);
  waitpid(pid, &status, 0);
  if (status != 0) fprintf(stderr, "bench: %s ended with %#x\n", kind->name, status);
  *cpu_ms = cpu_of_children_ms() - cpu_before;
  return (bench_wall_us() - begin) / 1000;
}

int main(void) {
  static double wall[KINDS][ROUNDS], cpu[KINDS][ROUNDS];
  const char *build = getenv("FL_BUILD_ROOT");
  double middle[KINDS];
  snprintf(launcher, sizeof launcher, "%s/fairlead-launch", build != NULL ? build : "build");
  snprintf(parent, sizeof parent, "%d", (int)getpid());
  for (int i = 0; i < ROUNDS; i++)
    for (int j = 0; j < KINDS; j++) wall[j][i] = launch(&kinds[j], &cpu[j][i]);
  for (int j = 0; j < KINDS; j++) {
    char name[80];
    middle[j] = bench_middle(cpu[j], ROUNDS);
    snprintf(name, sizeof name, "launch %s, CPU", kinds[j].name);
    bench_figure(name, middle[j], "ms");
    bench_middle(wall[j], ROUNDS); /* sorts */
    snprintf(name, sizeof name, "launch %s, the least wait", kinds[j].name);
    bench_figure(name, wall[j][0], "ms");
  }
  bench_figure("launch in a sandbox, times the CPU of a plain spawn", middle[KINDS - 1] / middle[0], "x");
  bench_limit("launch in a sandbox, CPU over a plain spawn", middle[KINDS - 1] - middle[0], "ms", 5);
  return bench_done();
}
