/* SPDX-License-Identifier: MIT */
/* What the trace costs: CPU time of the whole process (the loop and the store's writer) of runs on a store on disk,
 * with the trace and without, rounds taking turns. An agent of a hundred tool calls, and a bare loop of nodes that do
 * next to nothing, which is the worst case. The smallest of each counts: other programs only add. */
#include "tests/bench/bench.h"
#include "tests/bench/graphs.h"

#include "runtime/engine/engine.h"

#include <stdio.h>
#include <string.h>

enum { ROUNDS = 15, LOOP_STEPS = 400 };

static const char *no_trace(const char *name) { return strcmp(name, "FAIRLEAD_TRACE") == 0 ? "off" : NULL; }
static const char *with_trace(const char *name) { return NULL; }

struct side {
  struct fl_runtime *runtime;
  struct fl_definition *agent;
  double agent_us, loop_us; /* the best round */
  char path[512];
};

static void open_side(struct side *side, const char *name, const char *(*getenv_fn)(const char *name)) {
  snprintf(side->path, sizeof side->path, "%s/trace-%s.db", bench_folder(), name);
  side->runtime = bench_runtime(side->path);
  side->runtime->getenv_fn = getenv_fn;
  side->agent = bench_react(side->runtime);
  side->agent_us = side->loop_us = 1e12;
}

static void run_round(struct side *side, struct fl_definition *loop, int round) {
  char thread[32];
  snprintf(thread, sizeof thread, "agent-%d", round);
  double begin = bench_cpu_us();
  bench_run(side->runtime, side->agent, thread, bench_user_input(0), 0);
  double cpu = bench_cpu_us() - begin;
  if (cpu < side->agent_us) side->agent_us = cpu;
  snprintf(thread, sizeof thread, "loop-%d", round);
  begin = bench_cpu_us();
  bench_run(side->runtime, loop, thread, NULL, 0);
  cpu = bench_cpu_us() - begin;
  if (cpu < side->loop_us) side->loop_us = cpu;
}

int main(void) {
  static const int steps = LOOP_STEPS;
  struct side with = {0}, without = {0};
  struct fl_definition *loop = bench_loop(&steps);
  open_side(&with, "with", with_trace);
  open_side(&without, "without", no_trace);
  for (int round = 0; round < ROUNDS; round++) {
    run_round(round % 2 == 0 ? &with : &without, loop, round);
    run_round(round % 2 == 0 ? &without : &with, loop, round);
  }
  bench_figure("trace-agent-step", with.agent_us / BENCH_REACT_STEPS, "us");
  bench_figure("trace-agent-step-without", without.agent_us / BENCH_REACT_STEPS, "us");
  bench_figure("trace-loop-step", with.loop_us / LOOP_STEPS, "us");
  bench_figure("trace-loop-step-without", without.loop_us / LOOP_STEPS, "us");
  bench_figure("trace-bytes-per-step",
               (double)(bench_file_bytes(with.path) - bench_file_bytes(without.path)) / ROUNDS /
                   (BENCH_REACT_STEPS + LOOP_STEPS),
               "bytes");
  bench_limit("trace-agent", (with.agent_us / without.agent_us - 1) * 100, "% of a run's CPU", 5);
  bench_limit("trace-loop", (with.loop_us / without.loop_us - 1) * 100, "% of a run's CPU", 20);
  fl_definition_unref(loop);
  fl_definition_unref(with.agent);
  fl_definition_unref(without.agent);
  fl_runtime_destroy(with.runtime);
  fl_runtime_destroy(without.runtime);
  return bench_done();
}
