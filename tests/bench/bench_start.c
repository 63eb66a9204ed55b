/* SPDX-License-Identifier: MIT */
/* Starting: `fairlead version` from exec to exit; `fairlead run` from exec to its first step, before any server is
 * started, and with the network module loaded; resident memory of a run that waits. The peer of the ratio is /bin/true,
 * the floor of a process. FL_BUILD_ROOT names the folder of the binary. */
#include "tests/bench/bench.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 41 };

static int compare(const void *a, const void *b) {
  return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

static double median(double *values) {
  qsort(values, ROUNDS, sizeof *values, compare);
  return values[ROUNDS / 2];
}

/* Runs a program until it prints `until` on its standard output (NULL: until it ends): milliseconds of wall clock. */
static double start_once(const char *const argv[], const char *until, long *ret_rss_kb) {
  int out[2];
  if (pipe(out) < 0) exit(2);
  double begin = bench_wall_us();
  pid_t pid = fork();
  if (pid == 0) {
    dup2(out[1], 1);
    close(out[0]);
    close(out[1]);
    if (freopen("/dev/null", "w", stderr) == NULL) _exit(126);
    execv(argv[0], (char *const *)argv);
    _exit(127);
  }
  close(out[1]);
  char text[65536];
  size_t size = 0;
  bool has_seen = false;
  for (ssize_t got; size < sizeof text - 1 && (got = read(out[0], text + size, sizeof text - 1 - size)) > 0;) {
    size += (size_t)got;
    text[size] = '\0';
    has_seen = until != NULL && strstr(text, until) != NULL;
    if (has_seen) break;
  }
  double ms = (bench_wall_us() - begin) / 1000;
  struct rusage usage;
  if (has_seen) kill(pid, SIGKILL);
  close(out[0]);
  wait4(pid, NULL, 0, &usage);
  if (until == NULL) ms = (bench_wall_us() - begin) / 1000;
  else if (!has_seen) fprintf(stderr, "bench: never saw %s\n", until);
  if (ret_rss_kb != NULL) *ret_rss_kb = usage.ru_maxrss;
  return ms;
}

static double start(const char *const argv[], const char *until, long *ret_rss_kb) {
  double values[ROUNDS];
  for (int i = 0; i < ROUNDS; i++) values[i] = start_once(argv, until, ret_rss_kb);
  return median(values);
}

int main(void) {
  const char *build = getenv("FL_BUILD_ROOT");
  char fairlead[4096], store[4096], agent[4096], network_agent[4096];
  snprintf(fairlead, sizeof fairlead, "%s/fairlead", build != NULL ? build : "build");
  snprintf(store, sizeof store, "%s/start.db", bench_folder());
  const char *source = getenv("FL_SOURCE_ROOT");
  snprintf(agent, sizeof agent, "%s/examples/math/agent.yaml", source != NULL ? source : ".");
  snprintf(network_agent, sizeof network_agent, "%s/tests/bench/network.yaml", source != NULL ? source : ".");
  setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1", 1); /* nobody listens there */
  setenv("OPENAI_API_KEY", "none", 1);
  const char *const true_argv[] = {"/bin/true", NULL};
  const char *const version[] = {fairlead, "version", NULL};
  const char *const run[] = {fairlead, "run", agent, "--store", store, "--json", "what's (3 + 5) x 12?", NULL};
  const char *const network[] = {fairlead, "run", network_agent, "--store", store, "--json", "hello", NULL};
  long version_rss = 0, run_rss = 0, network_rss = 0;
  double floor_ms = start(true_argv, NULL, NULL);
  double version_ms = start(version, NULL, &version_rss);
  double run_ms = start(run, "node_start", &run_rss);
  double network_ms = start(network, "model_end", &network_rss);
  printf("start: /bin/true %.2f ms, version %.2f ms (%ld KB), run to the first step %.2f ms (%ld KB), with the network "
         "module %.2f ms (%ld KB)\n",
         floor_ms, version_ms, version_rss, run_ms, run_rss, network_ms, network_rss);
  bench_limit("start-version", version_ms, "ms", 10);
  bench_limit("start-run-to-first-step", run_ms, "ms", 10);
  bench_limit("rss-version", (double)version_rss / 1024, "MB", 10);
  return bench_done();
}
