/* SPDX-License-Identifier: MIT */
/* A program that has a libuv loop already: the runtime lives in it, runs advance as it turns, beside the program's own
 * work, and the loop is closed when the runtime is gone.
 *
 * prints: the run is under way
 * prints: n is 5 */
#include <fairlead/runtime.h>
#include <stdio.h>
#include <uv.h>

static int set(struct fl_task *task, void *user) { return fl_task_write_take(task, "n", fl_int(5)); }

static void on_timer(uv_timer_t *timer) {} /* the program's own work */

static void on_end(struct fl_invoke_result *result, const struct fl_error *err, void *user) {
  if (result->status == 0) printf("n is %d\n", (int)fl_get_int(result->output, "n", 0));
  else fprintf(stderr, "loop: %s\n", err != NULL ? err->text : "it waits");
  fl_invoke_result_deinit(result);
  *(int *)user = 1;
}

static int turn(uv_loop_t *loop, struct fl_definition *definition, struct fl_error *err) {
  struct fl_runtime *runtime = NULL;
  int rc = fl_runtime_create(&(struct fl_runtime_options){.size = sizeof(struct fl_runtime_options), .loop = loop},
                             &runtime, err);
  if (rc < 0) return rc;
  FL_VALUE_AUTO input = fl_object();
  fl_set_int(input, "n", 0);
  struct fl_invoke_options options = {.size = sizeof options, .input = input};
  int is_over = 0;
  rc = fl_runtime_start(runtime, definition, &options, on_end, &is_over, NULL, err);
  if (rc == 0) printf("the run is under way\n");
  while (rc == 0 && !is_over) uv_run(loop, UV_RUN_ONCE);
  fl_runtime_destroy(runtime);
  return rc;
}

int main(void) {
  struct fl_error err = {0};
  struct fl_graph *graph = fl_graph_create("loop");
  fl_graph_channel(graph, "n", &(struct fl_channel_options){.size = sizeof(struct fl_channel_options)});
  fl_graph_node(graph, "set", set, NULL, NULL);
  fl_graph_edge(graph, FL_START, "set");
  struct fl_definition *definition = NULL;
  int rc = fl_graph_compile(graph, NULL, &definition, &err);
  uv_loop_t loop;
  uv_timer_t timer;
  uv_loop_init(&loop);
  uv_timer_init(&loop, &timer);
  uv_timer_start(&timer, on_timer, 0, 10);
  if (rc == 0) rc = turn(&loop, definition, &err);
  uv_close((uv_handle_t *)&timer, NULL);
  uv_run(&loop, UV_RUN_DEFAULT); /* once more, so that the runtime's handles can close */
  uv_loop_close(&loop);
  if (rc < 0) fprintf(stderr, "loop: %s\n", err.text);
  fl_definition_unref(definition);
  return rc != 0;
}
