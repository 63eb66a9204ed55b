/* SPDX-License-Identifier: MIT */
/* Calls over MCP on standard input and output: CPU time of the server for each, time to the answer, start, memory.
 * The floor is a child that gives back each line as it came (this program with "echo"): what pipes and wake-ups cost,
 * whatever the server does. Client and server share one core, so that nobody's wake-up on another one is measured;
 * rounds are interleaved and medians compared. FL_BUILD_ROOT names the folder of the programs. */
#include "tests/bench/bench.h"
#include "tests/bench/mcp_peer.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  ROUNDS = 7,
  WARM_UP = 500,
  CALLS = 20000,
  DEPTH_MAX = 64,
  RACE_ROUNDS = 5,
  RACE_WARM_UP = 2000,
  RACE_CALLS = 10000
};

struct samples {
  double cpu_us[ROUNDS], p50_us[ROUNDS], deep_cpu_us[ROUNDS], start_ms[ROUNDS], idle_mb[ROUNDS], growth_mb[ROUNDS];
};

/* CPU time of the server for a call, with so many calls under way. */
static double run_calls(struct mcp_peer *peer, long count, long depth, double *ret_p50_us) {
  static double latencies[CALLS];
  double before = mcp_peer_cpu_us(peer);
  for (long i = 0; i < depth; i++) mcp_peer_call(peer);
  for (long i = 0; i < count; i++) {
    mcp_peer_take(peer, peer->subject->expected);
    double begin = bench_wall_us();
    if (i + depth < count) mcp_peer_call(peer);
    if (i > 0) latencies[i - 1] = begin - latencies[i - 1];
    latencies[i] = begin;
  }
  if (ret_p50_us != NULL) *ret_p50_us = bench_middle(latencies, (int)count - 1);
  return (mcp_peer_cpu_us(peer) - before) / (double)count;
}

static void measure(const struct mcp_subject *subject, struct mcp_peer *peer, struct samples *samples, int round) {
  double begin = bench_wall_us();
  mcp_peer_start(peer, subject);
  mcp_peer_greet(peer);
  samples->start_ms[round] = (bench_wall_us() - begin) / 1000;
  run_calls(peer, WARM_UP, 1, NULL);
  samples->idle_mb[round] = mcp_peer_mb(peer, "VmRSS");
  samples->cpu_us[round] = run_calls(peer, CALLS, 1, &samples->p50_us[round]);
  samples->deep_cpu_us[round] = run_calls(peer, CALLS, DEPTH_MAX, NULL);
  samples->growth_mb[round] = mcp_peer_mb(peer, "VmRSS") - samples->idle_mb[round];
  mcp_peer_end(peer);
}

/* ---- what is measured, and what is asked of it ---- */

static void judge(const struct mcp_subject *subject, struct samples *samples, const struct samples *floor) {
  char name[128];
  double cpu_us = bench_middle(samples->cpu_us, ROUNDS), p50_us = bench_middle(samples->p50_us, ROUNDS);
  double deep_cpu_us = bench_middle(samples->deep_cpu_us, ROUNDS);
  printf("%s: %.2f us of CPU a call, %.2f with %d under way; answer after %.1f us; floor %.2f, %.2f, %.1f\n",
         subject->name, cpu_us, deep_cpu_us, DEPTH_MAX, p50_us, floor->cpu_us[ROUNDS / 2],
         floor->deep_cpu_us[ROUNDS / 2], floor->p50_us[ROUNDS / 2]);
  /* A wake-up there, one back. */
  bool is_threaded = strcmp(subject->tool, "echo_on_a_thread") == 0;
  snprintf(name, sizeof name, "mcp-cpu-%s", subject->name);
  bench_limit(name, cpu_us / floor->cpu_us[ROUNDS / 2], "floors", is_threaded ? 12 : 5);
  snprintf(name, sizeof name, "mcp-answer-%s", subject->name);
  bench_limit(name, p50_us / floor->p50_us[ROUNDS / 2], "floors", is_threaded ? 12 : 5);
  snprintf(name, sizeof name, "mcp-cpu-%s-%d", subject->name, DEPTH_MAX);
  bench_limit(name, deep_cpu_us, "us", is_threaded ? 30 : 8);
  snprintf(name, sizeof name, "mcp-start-%s", subject->name);
  bench_limit(name, bench_middle(samples->start_ms, ROUNDS), "ms", 10);
  snprintf(name, sizeof name, "mcp-rss-%s", subject->name);
  bench_limit(name, bench_middle(samples->idle_mb, ROUNDS), "MB", 8);
  snprintf(name, sizeof name, "mcp-growth-%s", subject->name);
  bench_limit(name, bench_middle(samples->growth_mb, ROUNDS), "MB", is_threaded ? 4 : 1);
}

/* ---- beside the SDK for TypeScript ---- */

struct race {
  double calls_per_s[RACE_ROUNDS], cpu_us[RACE_ROUNDS];
};

static void run_race(const struct mcp_subject *subject, struct mcp_peer *peer, struct race *race, int round) {
  mcp_peer_start(peer, subject);
  mcp_peer_greet(peer);
  run_calls(peer, RACE_WARM_UP, DEPTH_MAX, NULL);
  double begin_us = bench_wall_us();
  race->cpu_us[round] = run_calls(peer, RACE_CALLS, DEPTH_MAX, NULL);
  race->calls_per_s[round] = RACE_CALLS * 1e6 / (bench_wall_us() - begin_us);
  mcp_peer_end(peer);
}

/* $FL_BENCH_TYPESCRIPT and $FL_BENCH_NODE: the folder and the node of peers/mcp/install.sh. */
static void race_typescript(const struct mcp_subject *ours, struct mcp_peer *peer) {
  const char *folder = getenv("FL_BENCH_TYPESCRIPT"), *node = getenv("FL_BENCH_NODE");
  if (folder == NULL || node == NULL) {
    printf("skipped: the MCP SDK for TypeScript is not installed\n");
    return;
  }
  char script[4096];
  snprintf(script, sizeof script, "%s/stdio.mjs", folder);
  struct mcp_subject subjects[2] = {*ours, *ours};
  subjects[1].name = "typescript";
  subjects[1].argv[0] = node;
  subjects[1].argv[1] = script;
  subjects[0].is_free = subjects[1].is_free = true;
  struct race races[2];
  for (int round = 0; round < RACE_ROUNDS; round++)
    for (int i = 0; i < 2; i++) run_race(&subjects[i], peer, &races[i], round);
  double rates[2], cpu_us[2];
  for (int i = 0; i < 2; i++) {
    rates[i] = bench_middle(races[i].calls_per_s, RACE_ROUNDS);
    cpu_us[i] = bench_middle(races[i].cpu_us, RACE_ROUNDS);
  }
  printf("%d calls under way: %.0f a second, %.2f us of CPU each; the SDK for TypeScript %.0f, %.2f us\n", DEPTH_MAX,
         rates[0], cpu_us[0], rates[1], cpu_us[1]);
  bench_ratio("mcp-rate-to-typescript", rates[0] / rates[1], 5);
  bench_figure("mcp-cpu-of-typescript", cpu_us[1] / cpu_us[0], "times");
}

/* ---- all of it ---- */

static void measure_all(const struct mcp_subject *subjects, size_t count, struct mcp_peer *peer) {
  struct samples *samples = calloc(count, sizeof *samples);
  if (samples == NULL) abort();
  for (int round = 0; round < ROUNDS; round++)
    for (size_t i = 0; i < count; i++) measure(&subjects[i], peer, &samples[i], round);
  bench_middle(samples[0].cpu_us, ROUNDS);
  bench_middle(samples[0].deep_cpu_us, ROUNDS);
  bench_middle(samples[0].p50_us, ROUNDS); /* sorted now: the middle is the median */
  for (size_t i = 1; i < count; i++) judge(&subjects[i], &samples[i], &samples[0]);
  free(samples);
}

/* Rounds side by side, so that what else the machine does is in both. */
static void compare_catalogs(const struct mcp_subject *one, const struct mcp_subject *many, struct mcp_peer *peer) {
  double ratios[ROUNDS], deep_ratios[ROUNDS];
  for (int round = 0; round < ROUNDS; round++) {
    static struct samples samples[2];
    measure(one, peer, &samples[0], 0);
    measure(many, peer, &samples[1], 0);
    ratios[round] = samples[1].cpu_us[0] / samples[0].cpu_us[0];
    deep_ratios[round] = samples[1].deep_cpu_us[0] / samples[0].deep_cpu_us[0];
  }
  bench_limit("mcp-cpu-1000-tools-to-2", bench_middle(ratios, ROUNDS), "times", 1.15);
  bench_limit("mcp-cpu-1000-tools-to-2-deep", bench_middle(deep_ratios, ROUNDS), "times", 1.15);
}

int main(int argc, char **argv) {
  if (argc == 2 && strcmp(argv[1], "echo") == 0) return mcp_echo_lines();
  const char *build = getenv("FL_BUILD_ROOT");
  char fairlead[4096], tools[4096];
  snprintf(fairlead, sizeof fairlead, "%s/fairlead", build != NULL ? build : "build");
  snprintf(tools, sizeof tools, "%s/tests/bench/bench-echo-tools", build != NULL ? build : "build");
  const char *message = "{\"message\":\"hello world\"}", *sum = "{\"expression\":\"2 + 3 * 4\"}";
  const char *said = "\"text\":\"hello world\"", *result = "\"result\":14";
  const struct mcp_subject subjects[] = {
      {"floor", MCP_ECHO, {"/proc/self/exe", "echo"}, "echo", message, "hello world"},
      {"echo-legacy", MCP_LEGACY, {tools}, "echo", message, said},
      {"echo-modern", MCP_MODERN, {tools}, "echo", message, said},
      {"calculator-legacy", MCP_LEGACY, {fairlead, "mcp", "serve"}, "calculator", sum, result},
      {"calculator-modern", MCP_MODERN, {fairlead, "mcp", "serve"}, "calculator", sum, result},
      {"thread-modern", MCP_MODERN, {tools}, "echo_on_a_thread", message, said},
  };
  const struct mcp_subject many = {"echo-of-1000", MCP_MODERN, {tools, "1000"}, "echo", message, said};
  enum { SUBJECTS = sizeof subjects / sizeof subjects[0] };
  struct mcp_peer peer = {0};
  mcp_stay_on_one_core();
  signal(SIGPIPE, SIG_IGN);
  measure_all(subjects, SUBJECTS, &peer);
  compare_catalogs(&subjects[2], &many, &peer);
  race_typescript(&subjects[2], &peer);
  free(peer.data);
  return bench_done();
}
