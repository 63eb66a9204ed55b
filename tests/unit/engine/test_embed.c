/* SPDX-License-Identifier: MIT */
/* A runtime in the libuv loop of the program that embeds it: runs advance as that loop turns, beside the program's own
 * work, and the loop can be closed when the runtime is gone. */
#include "tests/support/support.h"

#include <fairlead/runtime.h>
#include <stdio.h>
#include <uv.h>

struct host {
  uv_loop_t loop;
  uv_timer_t own; /* work of the program itself */
  int ticks, ended, status;
  int64_t n;
};

static int count(struct fl_task *task, void *user) { return fl_task_write_take(task, "n", fl_int(1)); }

static int until_ten(const struct fl_state *state, struct fl_targets *targets, void *user, struct fl_error *err) {
  fl_targets_add(targets, fl_as_int(fl_state_get(state, "n"), 0) < 10 ? "count" : FL_END);
  return 0;
}

static struct fl_definition *counter(void) {
  struct fl_graph *graph = fl_graph_create("counter");
  fl_graph_channel(graph, "n",
                   &(struct fl_channel_options){.size = sizeof(struct fl_channel_options), .reducer = FL_SUM});
  fl_graph_node(graph, "count", count, NULL, NULL);
  fl_graph_edge(graph, FL_START, "count");
  fl_graph_branch(graph, "count", until_ten, NULL, (const char *const[]){"count", FL_END}, 2);
  struct fl_definition *definition = NULL;
  assert_int_equal(fl_graph_compile(graph, NULL, &definition, NULL), 0);
  return definition;
}

static void on_tick(uv_timer_t *timer) { ((struct host *)timer->data)->ticks++; }

static void on_end(struct fl_invoke_result *result, const struct fl_error *err, void *user) {
  struct host *host = user;
  host->ended++;
  host->status = result->status;
  host->n += fl_get_int(result->output, "n", -1000);
  fl_invoke_result_deinit(result);
}

static void start(struct host *host, struct fl_runtime *runtime, struct fl_definition *definition, const char *thread) {
  struct fl_value *input = fl_object();
  fl_set_int(input, "n", 0);
  struct fl_invoke_options options = {.size = sizeof options, .thread = thread, .input = input};
  assert_int_equal(fl_runtime_start(runtime, definition, &options, on_end, host, NULL, NULL), 0);
  fl_value_unref(input);
}

/* Three runs side by side, on two threads and on none, with a store on disk. */
static void runs_turn_with_the_loop_of_the_program(void **state) {
  struct host host = {0};
  assert_int_equal(uv_loop_init(&host.loop), 0);
  uv_timer_init(&host.loop, &host.own);
  host.own.data = &host;
  uv_timer_start(&host.own, on_tick, 0, 1);
  char path[512];
  snprintf(path, sizeof path, "%s/embed.db", test_folder());
  struct fl_runtime *runtime = NULL;
  struct fl_runtime_options options = {.size = sizeof options, .store_path = path, .loop = &host.loop};
  assert_int_equal(fl_runtime_create(&options, &runtime, NULL), 0);
  struct fl_definition *definition = counter();
  start(&host, runtime, definition, "a");
  start(&host, runtime, definition, "b");
  start(&host, runtime, definition, NULL);
  assert_int_equal(host.ended, 0); /* nothing happens before the loop turns */
  while (host.ended < 3) uv_run(&host.loop, UV_RUN_ONCE);
  assert_int_equal(host.status, 0);
  assert_int_equal(host.n, 30);
  assert_true(host.ticks > 0);
  fl_definition_unref(definition);
  fl_runtime_destroy(runtime);
  uv_close((uv_handle_t *)&host.own, NULL);
  uv_run(&host.loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&host.loop), 0);
}

struct latecomer {
  struct fl_runtime *runtime;
  struct fl_definition *definition;
  int tries, code;
};

static void on_late(uv_timer_t *timer) {
  struct latecomer *late = timer->data;
  struct fl_error err = {0};
  struct fl_value *input = fl_object();
  struct fl_invoke_options options = {.size = sizeof options, .thread = "a", .input = input};
  late->tries++;
  late->code = fl_runtime_start(late->runtime, late->definition, &options, on_end, NULL, NULL, &err);
  assert_string_equal(err.text, "the runtime is being destroyed; nothing begins any more");
  fl_value_unref(input);
}

/* The loop turns while a runtime gives back its threads, and a timer of the program goes off in the middle. */
static void nothing_begins_while_a_runtime_is_destroyed(void **state) {
  struct host host = {0};
  assert_int_equal(uv_loop_init(&host.loop), 0);
  uv_timer_init(&host.loop, &host.own);
  char path[512];
  snprintf(path, sizeof path, "%s/late.db", test_folder());
  struct fl_runtime_options options = {.size = sizeof options, .store_path = path, .loop = &host.loop};
  struct latecomer late = {.definition = counter()};
  assert_int_equal(fl_runtime_create(&options, &late.runtime, NULL), 0);
  start(&host, late.runtime, late.definition, "a");
  while (host.ended < 1) uv_run(&host.loop, UV_RUN_ONCE);
  host.own.data = &late;
  uv_timer_start(&host.own, on_late, 0, 0);
  fl_runtime_destroy(late.runtime);
  assert_int_equal(late.tries, 1);
  assert_int_equal(late.code, FL_E_CLOSED);
  fl_definition_unref(late.definition);
  uv_close((uv_handle_t *)&host.own, NULL);
  uv_run(&host.loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&host.loop), 0);
}

/* How long leases last is bounded, and a program that was built before there was a choice gets the default. */
static void a_lease_has_a_length_that_makes_sense(void **state) {
  struct fl_runtime *runtime = NULL;
  struct fl_error err = {0};
  struct fl_runtime_options options = {.size = sizeof options, .lease_ms = FL_LEASE_MS_MIN - 1};
  assert_int_equal(fl_runtime_create(&options, &runtime, &err), FL_E_INVALID);
  assert_string_equal(err.text, "a lease of 99 ms: it lasts 100 to 3600000 ms, or 0 for the default");
  options.lease_ms = FL_LEASE_MS_MAX + 1;
  assert_int_equal(fl_runtime_create(&options, &runtime, &err), FL_E_INVALID);
  assert_null(runtime);
  options.size = offsetof(struct fl_runtime_options, lease_ms);
  assert_int_equal(fl_runtime_create(&options, &runtime, &err), 0);
  fl_runtime_destroy(runtime);
  options.size = sizeof options;
  options.lease_ms = FL_LEASE_MS_MIN;
  assert_int_equal(fl_runtime_create(&options, &runtime, &err), 0);
  fl_runtime_destroy(runtime);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(runs_turn_with_the_loop_of_the_program),
      cmocka_unit_test(nothing_begins_while_a_runtime_is_destroyed),
      cmocka_unit_test(a_lease_has_a_length_that_makes_sense),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
