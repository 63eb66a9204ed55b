/* SPDX-License-Identifier: MIT */
/* The pure part of running graphs: what a run costs before any store, model or tool is there. CPU time, best of several
 * rounds. A loop here performs the effects at once and answers each task with a prepared write. Prints one line per row
 * and exits with 1 when a row is over its ceiling (release builds; ceilings have room for a busy machine). Links the
 * static library only. */
#include "graph/definition.h"
#include "graph/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ROUNDS = 7, NODES_MAX = 64 };

static bool all_ok = true;

static double cpu_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int never(struct fl_task *task, void *user) { abort(); }

static void add_channel(struct fl_graph *graph, const char *name, enum fl_reducer reducer) {
  fl_graph_channel(graph, name,
                   &(struct fl_channel_options){.size = sizeof(struct fl_channel_options), .reducer = reducer});
}

static void add_node(struct fl_graph *graph, const char *name) { fl_graph_node(graph, name, never, NULL, NULL); }

static struct fl_definition *compile(struct fl_graph *graph) {
  struct fl_definition *definition;
  struct fl_error err;
  if (fl_graph_compile(graph, NULL, &definition, &err) == 0) return definition;
  fprintf(stderr, "%s\n", err.text);
  abort();
}

static struct fl_definition *make_chain(void) {
  struct fl_graph *graph = fl_graph_create("chain");
  add_channel(graph, "n", FL_SUM);
  add_node(graph, "a");
  add_node(graph, "b");
  add_node(graph, "c");
  fl_graph_edge(graph, FL_START, "a");
  fl_graph_edge(graph, "a", "b");
  fl_graph_edge(graph, "b", "c");
  fl_graph_edge(graph, "c", FL_END);
  return compile(graph);
}

/* START -> five side by side -> one that waits for all */
static struct fl_definition *make_fan(void) {
  static const char *const names[] = {"a", "b", "c", "d", "e"};
  struct fl_graph *graph = fl_graph_create("fan");
  add_channel(graph, "n", FL_SUM);
  for (size_t i = 0; i < 5; i++) add_node(graph, names[i]);
  add_node(graph, "last");
  for (size_t i = 0; i < 5; i++) fl_graph_edge(graph, FL_START, names[i]);
  fl_graph_join(graph, names, 5, "last");
  return compile(graph);
}

static struct fl_definition *make_talk(void) {
  struct fl_graph *graph = fl_graph_create("talk");
  add_channel(graph, "messages", FL_MESSAGES);
  add_node(graph, "bot");
  fl_graph_edge(graph, FL_START, "bot");
  return compile(graph);
}

/* ---- an engine without a world ---- */

struct bench {
  struct fl_definition *definition;
  struct fl_run_settings settings;
  struct fl_value *input;
  struct fl_write write;
  struct fl_effects effects;
  unsigned long long checkpoint;
};

static void step(struct bench *bench, struct fl_run *run, struct fl_ev *ev) {
  snprintf(ev->checkpoint_id, sizeof ev->checkpoint_id, "%036llu", ++bench->checkpoint);
  fl_run_step(run, ev, &bench->effects);
}

/* Runs until the end; every task that is started is answered with the prepared write. */
static void drive(struct bench *bench, struct fl_run *run) {
  char started[NODES_MAX][FL_UUID_SIZE];
  step(bench, run, &(struct fl_ev){.kind = FL_EV_INPUT, .value = bench->input});
  for (bool ended = false; !ended;) {
    size_t count = 0;
    for (size_t i = 0; i < bench->effects.count; i++) {
      const struct fl_do *effect = &bench->effects.items[i];
      if (effect->kind == FL_DO_START_TASK) memcpy(started[count++], effect->start.id, FL_UUID_SIZE);
      if (effect->kind == FL_DO_END && effect->status != FL_RUN_DONE) abort();
      ended = ended || effect->kind == FL_DO_END;
    }
    fl_effects_clear(&bench->effects);
    for (size_t i = 0; i < count; i++)
      step(bench, run,
           &(struct fl_ev){.kind = FL_EV_TASK_DONE, .task_id = started[i], .writes = &bench->write, .write_count = 1});
  }
}

static void report(const char *name, double seconds, size_t times, double ceiling_us) {
  double us = seconds * 1e6 / (double)times;
  bool ok = us <= ceiling_us;
  all_ok = all_ok && ok;
  printf("time graph-%s %.2f us ceiling %.1f %s\n", name, us, ceiling_us, ok ? "ok" : "HIGH");
}

static void bench_runs(const char *name, struct fl_definition *definition_taken, bool ephemeral, double ceiling_us) {
  enum { TIMES = 3000 };
  struct bench bench = {.definition = definition_taken, .input = fl_object()};
  bench.settings = (struct fl_run_settings){.size = sizeof bench.settings, .ephemeral = ephemeral};
  bench.write = (struct fl_write){(char *)"n", fl_int(1)};
  double best = 1e9;
  for (int round = 0; round < ROUNDS; round++) {
    double start = cpu_seconds();
    for (int i = 0; i < TIMES; i++) {
      struct fl_run *run = fl_run_create(bench.definition, NULL, &bench.settings);
      drive(&bench, run);
      fl_run_destroy(run);
    }
    double time = cpu_seconds() - start;
    if (time < best) best = time;
  }
  report(name, best, TIMES, ceiling_us);
  fl_effects_deinit(&bench.effects);
  fl_value_unref(bench.input);
  fl_value_unref(bench.write.value);
  fl_definition_unref(bench.definition);
}

/* One turn (a message in, a message out, two checkpoints) on a thread that has `length` messages already. */
static double bench_turn(const char *name, size_t length, double ceiling_us) {
  enum { TIMES = 200 };
  struct bench bench = {.definition = make_talk(), .input = fl_object()};
  bench.settings.size = sizeof bench.settings;
  fl_set_take(bench.input, "messages", fl_stringf("%0200d", 0));
  bench.write = (struct fl_write){(char *)"messages", fl_object()};
  fl_set_string(bench.write.value, "role", "assistant");
  fl_set_take(bench.write.value, "content", fl_stringf("%0200d", 1));
  struct fl_run *run = fl_run_create(bench.definition, NULL, &bench.settings);
  for (size_t i = 0; i < length / 2; i++) drive(&bench, run);
  double best = 1e9;
  for (int round = 0; round < ROUNDS; round++) {
    double start = cpu_seconds();
    for (int i = 0; i < TIMES; i++) drive(&bench, run);
    double time = cpu_seconds() - start;
    if (time < best) best = time;
  }
  report(name, best, TIMES, ceiling_us);
  fl_run_destroy(run);
  fl_effects_deinit(&bench.effects);
  fl_value_unref(bench.input);
  fl_value_unref(bench.write.value);
  fl_definition_unref(bench.definition);
  return best / TIMES;
}

int main(void) {
  bench_runs("chain3-memory", make_chain(), true, 10);
  bench_runs("chain3-records", make_chain(), false, 20);
  bench_runs("fan5-join-memory", make_fan(), true, 15);
  bench_runs("fan5-join-records", make_fan(), false, 30);
  double shorter = bench_turn("turn-100", 100, 25), longer = bench_turn("turn-50000", 50000, 25);
  bool ok = longer < 3 * shorter; /* caches apart, length must not show */
  all_ok = all_ok && ok;
  printf("ratio graph-turn-50000-to-100 %.2f ceiling 3.0 %s\n", longer / shorter, ok ? "ok" : "HIGH");
  return all_ok ? 0 : 1;
}
