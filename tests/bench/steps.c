/* SPDX-License-Identifier: MIT */
/* Runs one shape of graph a fixed number of times, for counting instructions (instructions.sh): what a run costs when
 * the process is warm is all inside fl_bench_measured. Prints how many supersteps those were.
 *   bench-steps chain|fan|sends|react|stored */
#include "tests/bench/graphs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WARM_TIMES = 20, SENDS = 100, STORED_STEPS = 100 };

struct shape {
  struct fl_runtime *runtime;
  struct fl_definition *definition;
  const char *thread; /* NULL: nothing is stored */
  bool has_message;   /* in its input */
};

static void run(const struct shape *shape, int times) {
  for (int i = 0; i < times; i++) {
    struct fl_value *input = shape->has_message ? bench_user_input(i) : fl_object();
    if (shape->thread != NULL) fl_set_int(input, "n", -STORED_STEPS);
    bench_run(shape->runtime, shape->definition, shape->thread, input, 0);
  }
}

void fl_bench_measured(const struct shape *shape, int times);
__attribute__((noinline)) void fl_bench_measured(const struct shape *shape, int times) {
  run(shape, times);
  __asm__ volatile(""); /* no tail call: the count ends when this function returns */
}

int main(int argc, char **argv) {
  static const int sends = SENDS, zero = 0;
  const char *name = argc > 1 ? argv[1] : "";
  struct shape shape = {.runtime = bench_runtime(NULL)};
  int times = 0, steps = 0; /* of one run, the input not counted */
  if (strcmp(name, "chain") == 0) shape.definition = bench_chain(), times = 200, steps = 3;
  if (strcmp(name, "fan") == 0) shape.definition = bench_fan(), times = 200, steps = 2;
  if (strcmp(name, "sends") == 0) shape.definition = bench_sends(&sends), times = 20, steps = 2;
  if (strcmp(name, "react") == 0)
    shape.definition = bench_react(shape.runtime), shape.has_message = true, times = 2, steps = BENCH_REACT_STEPS;
  if (strcmp(name, "stored") == 0)
    shape.definition = bench_loop(&zero), shape.thread = "t", times = 4, steps = STORED_STEPS;
  if (shape.definition == NULL) {
    fprintf(stderr, "bench-steps: name chain, fan, sends, react or stored\n");
    return 2;
  }
  run(&shape, times > WARM_TIMES ? WARM_TIMES : 1);
  fl_bench_measured(&shape, times);
  printf("%d\n", times * steps);
  fl_runtime_destroy(shape.runtime);
  fl_definition_unref(shape.definition);
  return 0;
}
