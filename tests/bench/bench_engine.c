/* SPDX-License-Identifier: MIT */
/* Runs through the whole engine. In memory: a chain of three nodes, a fan-out over five with its join, 100 and 1,000
 * sends in one step, a loop, a ReAct agent with the scripted model; CPU time, the best of several rounds. On disk, with
 * synchronous=FULL: a loop's durable supersteps on 1, 8 and 64 threads against append and fdatasync of the same size,
 * rounds taking turns, the middle one counts; and the agent. */
#include "tests/bench/bench.h"
#include "tests/bench/graphs.h"

#include "runtime/engine/engine.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROUNDS = 7, LOOP_STEPS = 1000, DURABLE_STEPS = 400, STEP_SIZE = 350 };

/* ---- in memory ---- */

/* CPU time of one run in microseconds: the best of several rounds of `times`. */
static double best_run(struct fl_definition *definition, int times, int64_t expected_n) {
  struct fl_runtime *runtime = bench_runtime(NULL);
  double best = 1e12;
  for (int round = 0; round < ROUNDS; round++) {
    double cpu = bench_cpu_us();
    for (int i = 0; i < times; i++)
      if (bench_run(runtime, definition, NULL, NULL, 0) != expected_n) exit(2);
    cpu = (bench_cpu_us() - cpu) / times;
    if (cpu < best) best = cpu;
  }
  fl_runtime_destroy(runtime);
  fl_definition_unref(definition);
  return best;
}

static void in_memory(void) {
  static const int hundred = 100, thousand = 1000, steps = LOOP_STEPS;
  bench_limit("chain-3", best_run(bench_chain(), 20000, 3), "us", 10);
  bench_limit("fan-5-join", best_run(bench_fan(), 10000, 6), "us", 25);
  bench_figure("sends-100", best_run(bench_sends(&hundred), 200, 0), "us");
  bench_limit("sends-1000", best_run(bench_sends(&thousand), 20, 0), "us", 2000);
  bench_figure("steps", LOOP_STEPS / best_run(bench_loop(&steps), 20, LOOP_STEPS) * 1e6, "/s");
}

/* Of a superstep: CPU time in memory, wall clock on disk. */
static double react_us(const char *store_path) {
  double (*now_us)(void) = store_path != NULL ? bench_wall_us : bench_cpu_us;
  struct fl_runtime *runtime = bench_runtime(store_path);
  struct fl_definition *definition = bench_react(runtime);
  double best = 1e12;
  for (int round = 0; round < ROUNDS; round++) {
    char thread[32];
    snprintf(thread, sizeof thread, "react-%d", round);
    double begin = now_us();
    bench_run(runtime, definition, store_path != NULL ? thread : NULL, bench_user_input(0), 0);
    double time = (now_us() - begin) / BENCH_REACT_STEPS;
    if (time < best) best = time;
  }
  fl_runtime_destroy(runtime);
  fl_definition_unref(definition);
  return best;
}

/* ---- on disk ---- */

/* What a superstep of the loop puts on disk, as an append and fdatasync: so many a second. */
static double floor_rate(const char *folder) {
  char path[4200], block[STEP_SIZE];
  snprintf(path, sizeof path, "%s/floor", folder);
  memset(block, 'x', sizeof block);
  int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  double begin = bench_wall_us();
  for (int i = 0; i < DURABLE_STEPS; i++)
    if (write(fd, block, sizeof block) < 0 || fdatasync(fd) < 0) exit(2);
  double rate = DURABLE_STEPS / (bench_wall_us() - begin) * 1e6;
  close(fd);
  return rate;
}

static int running_count;

static void on_end(struct fl_invoke_result *result, const struct fl_error *err, void *user) {
  bench_must(result->status, err);
  if (fl_get_int(result->output, "n", 0) != DURABLE_STEPS) exit(2);
  fl_invoke_result_deinit(result);
  if (--running_count == 0) fl_world_stop(fl_runtime_world(user));
}

/* Durable supersteps a second of so many threads at once, each with a loop of its own. */
static double loop_rate(struct fl_runtime *runtime, struct fl_definition *definition, int threads) {
  static int number;
  FL_VALUE_AUTO input = fl_object();
  struct fl_error err = {0};
  double begin = bench_wall_us();
  running_count = threads;
  for (int i = 0; i < threads; i++) {
    char thread[32];
    snprintf(thread, sizeof thread, "loop-%d", number++);
    struct fl_invoke_options options = {.size = sizeof options, .thread = thread, .input = input};
    bench_must(fl_runtime_start(runtime, definition, &options, on_end, runtime, NULL, &err), &err);
  }
  fl_world_run(fl_runtime_world(runtime));
  return threads * DURABLE_STEPS / (bench_wall_us() - begin) * 1e6;
}

static void on_disk(void) {
  static const int steps = DURABLE_STEPS;
  double floors[ROUNDS], ones[ROUNDS], eights[ROUNDS], sixties[ROUNDS], ratios[3][ROUNDS];
  char path[4200];
  snprintf(path, sizeof path, "%s/engine.db", bench_folder());
  struct fl_runtime *runtime = bench_runtime(path);
  struct fl_definition *definition = bench_loop(&steps);
  for (int i = 0; i < ROUNDS; i++) {
    floors[i] = floor_rate(bench_folder());
    ones[i] = loop_rate(runtime, definition, 1);
    eights[i] = loop_rate(runtime, definition, 8);
    sixties[i] = loop_rate(runtime, definition, 64);
    ratios[0][i] = ones[i] / floors[i], ratios[1][i] = eights[i] / ones[i], ratios[2][i] = sixties[i] / ones[i];
  }
  bench_figure("append-and-fdatasync", bench_middle(floors, ROUNDS), "/s");
  bench_figure("durable-steps-1", bench_middle(ones, ROUNDS), "/s");
  bench_figure("durable-steps-8", bench_middle(eights, ROUNDS), "/s");
  bench_figure("durable-steps-64", bench_middle(sixties, ROUNDS), "/s");
  bench_ratio("durable-steps-1-to-floor", bench_middle(ratios[0], ROUNDS), 0.6);
  bench_ratio("durable-steps-8-to-1", bench_middle(ratios[1], ROUNDS), 2);
  bench_ratio("durable-steps-64-to-1", bench_middle(ratios[2], ROUNDS), 4);
  fl_runtime_destroy(runtime);
  fl_definition_unref(definition);
}

int main(void) {
  char path[4200];
  in_memory();
  bench_figure("react-steps", 1e6 / react_us(NULL), "/s");
  snprintf(path, sizeof path, "%s/react.db", bench_folder());
  bench_figure("durable-react-steps", 1e6 / react_us(path), "/s");
  on_disk();
  return bench_done();
}
