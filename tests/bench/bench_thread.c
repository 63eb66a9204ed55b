/* SPDX-License-Identifier: MIT */
/* A conversation that grows to 5,000 messages of 200 characters, through the whole engine: bytes on disk and time per
 * turn at 10, 100, 1,000 and 5,000, and the first turn after a restart. */
#include "tests/bench/bench.h"
#include "tests/bench/graphs.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SAMPLE_COUNT = 40, RESTARTS = 9 };

/* The floor of a durable turn: its two commits as appends with fdatasync, in the same folder. */
static double durable_append_us(const char *path) {
  char name[4300], block[4096];
  snprintf(name, sizeof name, "%s.floor", path);
  memset(block, 'x', sizeof block);
  int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  double walls[SAMPLE_COUNT];
  for (int i = 0; i < SAMPLE_COUNT; i++) {
    double begin = bench_wall_us();
    if (write(fd, block, sizeof block) < 0 || fdatasync(fd) < 0) exit(2);
    walls[i] = bench_wall_us() - begin;
  }
  close(fd);
  unlink(name);
  return bench_middle(walls, SAMPLE_COUNT);
}

static void turn(struct fl_runtime *runtime, struct fl_definition *definition, int number) {
  bench_run(runtime, definition, "long", bench_user_input(number), 0);
}

/* The median of some turns, which end at `mark` messages. */
static double sample_turns(struct fl_runtime *runtime, struct fl_definition *definition, int mark, double *ret_cpu) {
  static int count;
  double walls[SAMPLE_COUNT];
  int samples = mark < 4 * SAMPLE_COUNT ? mark / 4 : SAMPLE_COUNT;
  for (; count < mark - 2 * samples; count += 2) turn(runtime, definition, count);
  double cpu = bench_cpu_us();
  for (int i = 0; i < samples; i++, count += 2) {
    double begin = bench_wall_us();
    turn(runtime, definition, count);
    walls[i] = bench_wall_us() - begin;
  }
  *ret_cpu = (bench_cpu_us() - cpu) / samples;
  return bench_middle(walls, samples);
}

static void conversation(const char *path, struct fl_definition *definition) {
  static const int marks[] = {10, 100, 1000, 5000};
  struct fl_runtime *runtime = bench_runtime(path);
  double cpus[4], wall = 0;
  for (int i = 0; i < 4; i++) {
    char name[32];
    wall = sample_turns(runtime, definition, marks[i], &cpus[i]);
    snprintf(name, sizeof name, "turn-%d", marks[i]);
    bench_figure(name, wall, "us");
    snprintf(name, sizeof name, "turn-%d-cpu", marks[i]);
    bench_limit(name, cpus[i], "us", 1000);
    snprintf(name, sizeof name, "bytes-%d", marks[i]);
    if (marks[i] < 5000) bench_figure(name, (double)bench_file_bytes(path) / 1e6, "MB");
  }
  double floor_us = durable_append_us(path);
  printf("append of 4 KB and fdatasync in the same folder: %.0f us wall (median)\n", floor_us);
  bench_limit("turn-5000-wall-in-durable-appends", wall / floor_us, "times", 4);
  bench_limit("turn-cpu-5000-to-100", cpus[3] / cpus[1], "times", 1.5);
  fl_runtime_destroy(runtime);
  bench_limit("bytes-5000", (double)bench_file_bytes(path) / 1e6, "MB", 5.0);
}

/* The machine is shared: the best of several restarts. The first turn takes the lease, loads, and commits twice. */
static void restarts(const char *path, struct fl_definition *definition) {
  double best_cpu = 1e9, best_wall = 1e9;
  for (int round = 0; round < RESTARTS; round++) {
    struct fl_runtime *runtime = bench_runtime(path);
    double begin = bench_wall_us(), begin_cpu = bench_cpu_us();
    turn(runtime, definition, 5000 + round);
    double cpu = (bench_cpu_us() - begin_cpu) / 1000, wall = (bench_wall_us() - begin) / 1000;
    if (cpu < best_cpu) best_cpu = cpu;
    if (wall < best_wall) best_wall = wall;
    fl_runtime_destroy(runtime);
  }
  bench_limit("resume-5000", best_wall, "ms", 5);
  bench_figure("resume-5000-cpu", best_cpu, "ms");
}

int main(void) {
  char path[4200];
  struct fl_definition *definition = bench_talk();
  snprintf(path, sizeof path, "%s/long.db", bench_folder());
  conversation(path, definition);
  restarts(path, definition);
  fl_definition_unref(definition);
  return bench_done();
}
