/* SPDX-License-Identifier: MIT */
/* Calls over MCP on standard input and output: CPU time of the server for each, time to the answer, start, memory.
 * The floor is a child that gives back each line as it came (this program with "echo"): what pipes and wake-ups cost,
 * whatever the server does. Client and server share one core, so that nobody's wake-up on another one is measured;
 * rounds are interleaved and medians compared. FL_BUILD_ROOT names the folder of the programs. */
#include "tests/bench/bench.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 7, WARM_UP = 500, CALLS = 20000, DEPTH_MAX = 64, BUFFER_SIZE = 1 << 20 };
enum mode { ECHO, LEGACY, MODERN };

struct subject {
  const char *name;
  enum mode mode;
  const char *argv[4];
  const char *tool, *arguments, *expected;
};

struct samples {
  double cpu_us[ROUNDS], p50_us[ROUNDS], deep_cpu_us[ROUNDS], start_ms[ROUNDS], idle_mb[ROUNDS], growth_mb[ROUNDS];
};

struct peer {
  const struct subject *subject;
  pid_t pid;
  int in, out;
  clockid_t clock;
  char *data;
  size_t from, to;
  long id;
};

static void fail(const struct subject *subject, const char *what) {
  fprintf(stderr, "bench: %s: %s\n", subject->name, what);
  exit(2);
}

static int compare(const void *a, const void *b) {
  return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

static double median(double *values, size_t count) {
  qsort(values, count, sizeof *values, compare);
  return values[count / 2];
}

/* ---- the floor ---- */

static int echo_lines(void) {
  static char data[BUFFER_SIZE];
  size_t size = 0;
  for (ssize_t got; (got = read(0, data + size, sizeof data - size)) > 0;) {
    size += (size_t)got;
    char *end = memrchr(data, '\n', size);
    if (end == NULL) continue;
    size_t whole = (size_t)(end - data) + 1;
    if (write(1, data, whole) != (ssize_t)whole) return 1;
    memmove(data, data + whole, size - whole);
    size -= whole;
  }
  return 0;
}

/* ---- a server and its client ---- */

static void peer_start(struct peer *peer, const struct subject *subject) {
  int to_child[2], from_child[2];
  if (pipe(to_child) < 0 || pipe(from_child) < 0) fail(subject, "no pipes");
  char *data = peer->data;
  *peer = (struct peer){.subject = subject, .data = data, .in = to_child[1], .out = from_child[0], .pid = fork()};
  if (peer->pid == 0) {
    dup2(to_child[0], 0);
    dup2(from_child[1], 1);
    for (int i = 0; i < 2; i++) {
      close(to_child[i]);
      close(from_child[i]);
    }
    execv(subject->argv[0], (char *const *)subject->argv);
    _exit(127);
  }
  close(to_child[0]);
  close(from_child[1]);
  if (clock_getcpuclockid(peer->pid, &peer->clock) != 0) fail(subject, "no CPU clock");
}

static void peer_end(struct peer *peer) {
  close(peer->in);
  int status = 0;
  waitpid(peer->pid, &status, 0);
  close(peer->out);
  if (status != 0) fail(peer->subject, "it did not end with 0");
}

static void peer_send(struct peer *peer, const char *text, size_t size) {
  if (write(peer->in, text, size) != (ssize_t)size) fail(peer->subject, "it does not read");
}

static double peer_cpu_us(const struct peer *peer) {
  struct timespec now;
  clock_gettime(peer->clock, &now);
  return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static double peer_rss_mb(const struct peer *peer) {
  char path[64];
  long pages = 0;
  snprintf(path, sizeof path, "/proc/%d/statm", (int)peer->pid);
  FILE *file = fopen(path, "re");
  if (file == NULL || fscanf(file, "%*d %ld", &pages) != 1) fail(peer->subject, "no memory to be seen");
  fclose(file);
  return (double)pages * (double)sysconf(_SC_PAGESIZE) / (1024 * 1024);
}

/* One line, and it must hold the words that are expected of it. */
static void peer_take(struct peer *peer, const char *words) {
  char *end;
  while ((end = memchr(peer->data + peer->from, '\n', peer->to - peer->from)) == NULL) {
    memmove(peer->data, peer->data + peer->from, peer->to - peer->from);
    peer->to -= peer->from;
    peer->from = 0;
    ssize_t got = read(peer->out, peer->data + peer->to, BUFFER_SIZE - peer->to);
    if (got <= 0) fail(peer->subject, "it has ended");
    peer->to += (size_t)got;
  }
  size_t size = (size_t)(end - peer->data) - peer->from;
  if (memmem(peer->data + peer->from, size, words, strlen(words)) == NULL) fail(peer->subject, "an answer is wrong");
  peer->from += size + 1;
}

#define META                                                                                                       \
  "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\",\"io.modelcontextprotocol/clientInfo\":{" \
  "\"name\":\"bench\",\"version\":\"1\"},\"io.modelcontextprotocol/clientCapabilities\":{}}"

static void peer_greet(struct peer *peer) {
  static const char modern[] = "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"server/discover\",\"params\":{" META "}}\n";
  static const char legacy[] =
      "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"2025-11-25\","
      "\"capabilities\":{},\"clientInfo\":{\"name\":\"bench\",\"version\":\"1\"}}}\n";
  static const char ready[] = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n";
  if (peer->subject->mode == MODERN) peer_send(peer, modern, sizeof modern - 1);
  else peer_send(peer, legacy, sizeof legacy - 1);
  peer_take(peer, peer->subject->mode == ECHO ? "\"id\":0" : "\"result\"");
  if (peer->subject->mode == LEGACY) peer_send(peer, ready, sizeof ready - 1);
}

static void peer_call(struct peer *peer) {
  const struct subject *subject = peer->subject;
  char line[1024];
  int size = snprintf(line, sizeof line,
                      "{\"jsonrpc\":\"2.0\",\"id\":%ld,\"method\":\"tools/call\",\"params\":{"
                      "\"name\":\"%s\",\"arguments\":%s%s}}\n",
                      ++peer->id, subject->tool, subject->arguments, subject->mode == MODERN ? "," META : "");
  peer_send(peer, line, (size_t)size);
}

/* CPU time of the server for a call, with so many calls under way. */
static double run_calls(struct peer *peer, long count, long depth, double *ret_p50_us) {
  static double latencies[CALLS];
  double before = peer_cpu_us(peer);
  for (long i = 0; i < depth; i++) peer_call(peer);
  for (long i = 0; i < count; i++) {
    peer_take(peer, peer->subject->expected);
    double begin = bench_wall_us();
    if (i + depth < count) peer_call(peer);
    if (i > 0) latencies[i - 1] = begin - latencies[i - 1];
    latencies[i] = begin;
  }
  if (ret_p50_us != NULL) *ret_p50_us = median(latencies, (size_t)count - 1);
  return (peer_cpu_us(peer) - before) / (double)count;
}

static void measure(const struct subject *subject, struct peer *peer, struct samples *samples, int round) {
  double begin = bench_wall_us();
  peer_start(peer, subject);
  peer_greet(peer);
  samples->start_ms[round] = (bench_wall_us() - begin) / 1000;
  run_calls(peer, WARM_UP, 1, NULL);
  samples->idle_mb[round] = peer_rss_mb(peer);
  samples->cpu_us[round] = run_calls(peer, CALLS, 1, &samples->p50_us[round]);
  samples->deep_cpu_us[round] = run_calls(peer, CALLS, DEPTH_MAX, NULL);
  samples->growth_mb[round] = peer_rss_mb(peer) - samples->idle_mb[round];
  peer_end(peer);
}

/* ---- what is measured, and what is asked of it ---- */

static void judge(const struct subject *subject, struct samples *samples, const struct samples *floor) {
  char name[128];
  double cpu_us = median(samples->cpu_us, ROUNDS), p50_us = median(samples->p50_us, ROUNDS);
  double deep_cpu_us = median(samples->deep_cpu_us, ROUNDS);
  printf("%s: %.2f us of CPU a call, %.2f with %d under way; answer after %.1f us; floor %.2f, %.2f, %.1f\n",
         subject->name, cpu_us, deep_cpu_us, DEPTH_MAX, p50_us, floor->cpu_us[ROUNDS / 2],
         floor->deep_cpu_us[ROUNDS / 2], floor->p50_us[ROUNDS / 2]);
  /* A wake-up there, one back. */
  bool is_threaded = strcmp(subject->tool, "echo_on_a_thread") == 0;
  snprintf(name, sizeof name, "mcp-cpu-%s", subject->name);
  bench_limit(name, cpu_us / floor->cpu_us[ROUNDS / 2], "floors", is_threaded ? 12 : 3);
  snprintf(name, sizeof name, "mcp-answer-%s", subject->name);
  bench_limit(name, p50_us / floor->p50_us[ROUNDS / 2], "floors", is_threaded ? 12 : 3);
  snprintf(name, sizeof name, "mcp-cpu-%s-%d", subject->name, DEPTH_MAX);
  bench_limit(name, deep_cpu_us, "us", is_threaded ? 30 : 8);
  snprintf(name, sizeof name, "mcp-start-%s", subject->name);
  bench_limit(name, median(samples->start_ms, ROUNDS), "ms", 10);
  snprintf(name, sizeof name, "mcp-rss-%s", subject->name);
  bench_limit(name, median(samples->idle_mb, ROUNDS), "MB", 8);
  snprintf(name, sizeof name, "mcp-growth-%s", subject->name);
  bench_limit(name, median(samples->growth_mb, ROUNDS), "MB", is_threaded ? 4 : 1);
}

static void stay_on_one_core(void) {
  cpu_set_t cores, one;
  CPU_ZERO(&one);
  if (sched_getaffinity(0, sizeof cores, &cores) != 0) return;
  for (size_t i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++)
    if (CPU_ISSET(i, &cores)) CPU_SET(i, &one);
  sched_setaffinity(0, sizeof one, &one);
}

int main(int argc, char **argv) {
  if (argc == 2 && strcmp(argv[1], "echo") == 0) return echo_lines();
  const char *build = getenv("FL_BUILD_ROOT");
  char fairlead[4096], tools[4096];
  snprintf(fairlead, sizeof fairlead, "%s/fairlead", build != NULL ? build : "build");
  snprintf(tools, sizeof tools, "%s/tests/bench/bench-echo-tools", build != NULL ? build : "build");
  const char *message = "{\"message\":\"hello world\"}", *sum = "{\"expression\":\"2 + 3 * 4\"}";
  const char *said = "\"text\":\"hello world\"", *result = "\"result\":14";
  const struct subject subjects[] = {
      {"floor", ECHO, {"/proc/self/exe", "echo"}, "echo", message, "hello world"},
      {"echo-legacy", LEGACY, {tools}, "echo", message, said},
      {"echo-modern", MODERN, {tools}, "echo", message, said},
      {"calculator-legacy", LEGACY, {fairlead, "mcp", "serve"}, "calculator", sum, result},
      {"calculator-modern", MODERN, {fairlead, "mcp", "serve"}, "calculator", sum, result},
      {"thread-modern", MODERN, {tools}, "echo_on_a_thread", message, said},
  };
  enum { SUBJECTS = sizeof subjects / sizeof subjects[0] };
  static struct samples samples[SUBJECTS];
  struct peer peer = {.data = malloc(BUFFER_SIZE)};
  if (peer.data == NULL) abort();
  stay_on_one_core();
  signal(SIGPIPE, SIG_IGN);
  for (int round = 0; round < ROUNDS; round++)
    for (size_t i = 0; i < SUBJECTS; i++) measure(&subjects[i], &peer, &samples[i], round);
  median(samples[0].cpu_us, ROUNDS);
  median(samples[0].deep_cpu_us, ROUNDS);
  median(samples[0].p50_us, ROUNDS); /* sorted now: the middle is the median */
  for (size_t i = 1; i < SUBJECTS; i++) judge(&subjects[i], &samples[i], &samples[0]);
  free(peer.data);
  return bench_done();
}
