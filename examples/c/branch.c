/* SPDX-License-Identifier: MIT */
/* A branch in C: what follows is decided on the state, with the node's own writes applied.
 *
 * prints: 7 is odd
 * prints: 8 is even */
#include <fairlead/runtime.h>
#include <stdio.h>

static int look(struct fl_task *task, void *user) {
  int64_t n = fl_as_int(fl_state_get(fl_task_state(task), "n"), 0);
  return fl_task_write_take(task, "rest", fl_int(n % 2));
}

static int by_rest(const struct fl_state *state, struct fl_targets *targets, void *user, struct fl_error *err) {
  fl_targets_add(targets, fl_as_int(fl_state_get(state, "rest"), 0) == 1 ? "odd" : "even");
  return 0;
}

static int say(struct fl_task *task, void *user) {
  printf("%d is %s\n", (int)fl_as_int(fl_state_get(fl_task_state(task), "n"), 0), fl_task_node(task));
  return FL_DONE;
}

static int run(struct fl_runtime *runtime, struct fl_definition *definition, int n, struct fl_error *err) {
  FL_VALUE_AUTO input = fl_object();
  fl_set_int(input, "n", n);
  struct fl_invoke_options options = {.size = sizeof options, .input = input};
  struct fl_invoke_result result = {0};
  int rc = fl_runtime_invoke(runtime, definition, &options, &result, err);
  fl_invoke_result_deinit(&result);
  return rc;
}

int main(void) {
  struct fl_error err = {0};
  struct fl_graph *graph = fl_graph_create("branch");
  fl_graph_channel(graph, "n", &(struct fl_channel_options){.size = sizeof(struct fl_channel_options)});
  fl_graph_channel(graph, "rest", &(struct fl_channel_options){.size = sizeof(struct fl_channel_options)});
  fl_graph_node(graph, "look", look, NULL, NULL);
  fl_graph_node(graph, "odd", say, NULL, NULL);
  fl_graph_node(graph, "even", say, NULL, NULL);
  fl_graph_edge(graph, FL_START, "look");
  fl_graph_branch(graph, "look", by_rest, NULL, (const char *const[]){"odd", "even"}, 2);
  struct fl_definition *definition = NULL;
  struct fl_runtime *runtime = NULL;
  int rc = fl_graph_compile(graph, NULL, &definition, &err);
  if (rc == 0)
    rc = fl_runtime_create(&(struct fl_runtime_options){.size = sizeof(struct fl_runtime_options)}, &runtime, &err);
  for (int n = 7; rc == 0 && n <= 8; n++) rc = run(runtime, definition, n, &err);
  if (rc < 0) fprintf(stderr, "branch: %s\n", err.text);
  fl_runtime_destroy(runtime);
  fl_definition_unref(definition);
  return rc != 0;
}
