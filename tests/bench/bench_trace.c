/* SPDX-License-Identifier: MIT */
/* What the trace costs: CPU time of the whole process (the loop and the store's writer) of runs on a store on disk,
 * with the trace and without, rounds taking turns. An agent of a hundred tool calls, and a bare loop of nodes that do
 * next to nothing, which is the worst case. Two rounds that follow each other are compared, and the middle of all pairs
 * counts: a shared machine changes its speed from second to second. */
#include "tests/bench/bench.h"
#include "tests/bench/graphs.h"

#include "runtime/engine/engine.h"

#include <stdio.h>
#include <string.h>

enum { ROUNDS = 150, LOOP_STEPS = 200 };

static const char *no_trace(const char *name) { return strcmp(name, "FAIRLEAD_TRACE") == 0 ? "off" : NULL; }
static const char *with_trace(const char *name) { return NULL; }

struct side {
  struct fl_runtime *runtime;
  struct fl_definition *agent;
  double agent_us[ROUNDS], loop_us[ROUNDS];
  char path[512];
};

static void open_side(struct side *side, const char *name, const char *(*getenv_fn)(const char *name)) {
  snprintf(side->path, sizeof side->path, "%s/trace-%s.db", bench_folder(), name);
  side->runtime = bench_runtime(side->path);
  side->runtime->getenv_fn = getenv_fn;
  side->agent = bench_react(side->runtime);
}

static void run_round(struct side *side, struct fl_definition *loop, int round) {
  char thread[32];
  snprintf(thread, sizeof thread, "agent-%d", round);
  double begin = bench_cpu_us();
  bench_run(side->runtime, side->agent, thread, bench_user_input(0), 0);
  side->agent_us[round] = bench_cpu_us() - begin;
  snprintf(thread, sizeof thread, "loop-%d", round);
  begin = bench_cpu_us();
  bench_run(side->runtime, loop, thread, NULL, 0);
  side->loop_us[round] = bench_cpu_us() - begin;
}

/* The middle of the pairs' ratios, in percent over 1. */
static double overhead(const double *with, const double *without) {
  double ratios[ROUNDS];
  for (int i = 0; i < ROUNDS; i++) ratios[i] = with[i] / without[i];
  return (bench_middle(ratios, ROUNDS) - 1) * 100;
}

int main(void) {
  static const int steps = LOOP_STEPS;
  static struct side with, without;
  struct fl_definition *loop = bench_loop(&steps);
  open_side(&with, "with", with_trace);
  open_side(&without, "without", no_trace);
  for (int round = 0; round < ROUNDS; round++) {
    run_round(round % 2 == 0 ? &with : &without, loop, round);
    run_round(round % 2 == 0 ? &without : &with, loop, round);
  }
  double agent = overhead(with.agent_us, without.agent_us), row = overhead(with.loop_us, without.loop_us);
  bench_figure("trace-agent-step", bench_middle(with.agent_us, ROUNDS) / BENCH_REACT_STEPS, "us");
  bench_figure("trace-agent-step-without", bench_middle(without.agent_us, ROUNDS) / BENCH_REACT_STEPS, "us");
  bench_figure("trace-loop-step", bench_middle(with.loop_us, ROUNDS) / LOOP_STEPS, "us");
  bench_figure("trace-loop-step-without", bench_middle(without.loop_us, ROUNDS) / LOOP_STEPS, "us");
  bench_figure("trace-bytes-per-step",
               (double)(bench_file_bytes(with.path) - bench_file_bytes(without.path)) / ROUNDS /
                   (BENCH_REACT_STEPS + LOOP_STEPS),
               "bytes");
  bench_limit("trace-agent", agent, "% of a run's CPU", 5);
  bench_limit("trace-loop", row, "% of a run's CPU", 20);
  fl_definition_unref(loop);
  fl_definition_unref(with.agent);
  fl_definition_unref(without.agent);
  fl_runtime_destroy(with.runtime);
  fl_runtime_destroy(without.runtime);
  return bench_done();
}
