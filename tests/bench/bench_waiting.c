/* SPDX-License-Identifier: MIT */
/* Memory of threads that do nothing: those that wait for a person (rows on disk, and nothing else) and those in flight,
 * whose node has not answered yet. Each of these figures is a difference between two numbers of threads in one process,
 * so that what a process has once (caches, what a runtime keeps at hand) is not counted. And what it takes to answer a
 * thread that waits. */
#include "tests/bench/bench.h"
#include "tests/bench/graphs.h"

#include "runtime/engine/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WAITING_FIRST = 2000, WAITING_LAST = 10000, FLIGHT_FIRST = 1000, FLIGHT_LAST = 4000, FLIGHT_BATCH = 50 };
enum { ANSWERS = 100 };

static const char *path_of(const char *name, char path[4200]) {
  snprintf(path, 4200, "%s/%s", bench_folder(), name);
  return path;
}

/* Answers the first of the waiting threads: the middle of the times from the answer to the end of the run. */
static void answer_some(struct fl_runtime *runtime, struct fl_definition *definition) {
  double walls[ANSWERS];
  FL_VALUE_AUTO reply = fl_bool(true);
  double cpu = bench_cpu_us();
  for (int i = 0; i < ANSWERS; i++) {
    char thread[32];
    struct fl_invoke_result result = {0};
    struct fl_error err = {0};
    snprintf(thread, sizeof thread, "waiting-%d", i);
    struct fl_invoke_options options = {.size = sizeof options, .thread = thread, .resume = reply, .no_output = true};
    double begin = bench_wall_us();
    int status = fl_runtime_invoke(runtime, definition, &options, &result, &err);
    walls[i] = bench_wall_us() - begin;
    bench_must(status, &err);
    if (status != 0) exit(2);
    fl_invoke_result_deinit(&result);
  }
  bench_figure("resume-waiting-cpu", (bench_cpu_us() - cpu) / ANSWERS, "us");
  bench_figure("resume-waiting", bench_middle(walls, ANSWERS), "us");
}

/* Bytes of memory that a thread which waits for a person adds. */
static double waiting_bytes(void) {
  char path[4200], thread[32];
  struct fl_definition *definition = bench_question();
  struct fl_runtime *runtime = bench_runtime(path_of("waiting.db", path));
  long before = 0;
  printf("resident memory with a store open and idle: %ld KB\n", bench_rss_kb());
  for (int i = 0; i < WAITING_LAST; i++) {
    if (i == WAITING_FIRST) before = bench_rss_kb();
    snprintf(thread, sizeof thread, "waiting-%d", i);
    bench_run(runtime, definition, thread, bench_user_input(i), 1);
  }
  double bytes = (double)(bench_rss_kb() - before) * 1024 / (WAITING_LAST - WAITING_FIRST);
  printf("resident memory at %d waiting threads: %ld KB, at %d: %ld KB\n", WAITING_FIRST, before, WAITING_LAST,
         bench_rss_kb());
  answer_some(runtime, definition);
  fl_runtime_destroy(runtime);
  fl_definition_unref(definition);
  return bytes;
}

static int running_count;

static void on_end(struct fl_invoke_result *result, const struct fl_error *err, void *user) {
  bench_must(result->status, err);
  fl_invoke_result_deinit(result);
  if (--running_count == 0) fl_world_stop(fl_runtime_world(user));
}

static void look(struct fl_timer *timer) {
  struct fl_runtime *runtime = timer->user;
  if (bench_gate_count() == (size_t)running_count) fl_world_stop(fl_runtime_world(runtime));
  else fl_timer_start(fl_runtime_world(runtime), timer, 1);
}

static void start(struct fl_runtime *runtime, struct fl_definition *definition, bool has_store) {
  char thread[32];
  struct fl_error err = {0};
  FL_VALUE_AUTO input = bench_user_input(running_count);
  snprintf(thread, sizeof thread, "flight-%d", running_count);
  struct fl_invoke_options options = {
      .size = sizeof options, .thread = has_store ? thread : NULL, .input = input, .no_output = true};
  bench_must(fl_runtime_start(runtime, definition, &options, on_end, runtime, NULL, &err), &err);
  running_count++;
}

/* Starts runs, some at a time, until so many are at the gate. */
static void fly(struct fl_runtime *runtime, struct fl_definition *definition, int count, bool has_store) {
  while (running_count < count) {
    for (int i = 0; i < FLIGHT_BATCH; i++) start(runtime, definition, has_store);
    struct fl_timer timer = {.on_fire = look, .user = runtime};
    fl_timer_start(fl_runtime_world(runtime), &timer, 1);
    fl_world_run(fl_runtime_world(runtime));
  }
}

/* Bytes of memory that a thread in flight adds. */
static double flight_bytes(bool has_store) {
  char path[4200];
  struct fl_definition *definition = bench_gate();
  struct fl_runtime *runtime = bench_runtime(has_store ? path_of("flight.db", path) : NULL);
  fly(runtime, definition, FLIGHT_FIRST, has_store);
  long before = bench_rss_kb();
  fly(runtime, definition, FLIGHT_LAST, has_store);
  double bytes = (double)(bench_rss_kb() - before) * 1024 / (FLIGHT_LAST - FLIGHT_FIRST);
  bench_gate_open();
  fl_world_run(fl_runtime_world(runtime));
  if (running_count != 0) exit(2);
  fl_runtime_destroy(runtime);
  fl_definition_unref(definition);
  return bytes;
}

static double flight_in_memory(void) { return flight_bytes(false); }
static double flight_on_disk(void) { return flight_bytes(true); }

/* Measures in a process of its own, whose memory nobody has used before. */
static double apart(double (*measure)(void)) {
  int ends[2];
  double bytes = 0;
  bench_folder();
  fflush(stdout);
  if (pipe(ends) < 0) exit(2);
  pid_t pid = fork();
  if (pid == 0) {
    bytes = measure();
    fflush(stdout);
    _exit(write(ends[1], &bytes, sizeof bytes) == sizeof bytes ? 0 : 1);
  }
  int status = 0;
  close(ends[1]);
  bool has_read = read(ends[0], &bytes, sizeof bytes) == sizeof bytes;
  close(ends[0]);
  if (pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0 || !has_read) exit(2);
  return bytes;
}

int main(void) {
  /* nothing, within what the kernel and malloc give away in steps */
  bench_limit("bytes-per-waiting-thread", apart(waiting_bytes), "B", 16);
  bench_limit("bytes-per-flight", apart(flight_in_memory), "B", 8192);
  bench_limit("bytes-per-durable-flight", apart(flight_on_disk), "B", 8192);
  return bench_done();
}
