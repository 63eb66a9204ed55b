/* SPDX-License-Identifier: MIT */
/* A graph in C: a node that counts, and a branch that goes on until there are ten. Follows each update as it is made.
 */
#include <fairlead/runtime.h>
#include <stdio.h>

static int count(struct fl_task *task, void *user) { return fl_task_write_take(task, "n", fl_int(1)); }

static int is_enough(const struct fl_state *state, struct fl_targets *targets, void *user, struct fl_error *err) {
  fl_targets_add(targets, fl_as_int(fl_state_get(state, "n"), 0) < 10 ? "count" : FL_END);
  return 0;
}

static void on_event(const struct fl_run_event *event, void *user) {
  char *text = fl_dump(event->data, NULL);
  printf("%s %s\n", event->mode, text);
  fl_text_free(text);
}

int main(void) {
  struct fl_error err = {0};
  struct fl_graph *graph = fl_graph_create("counter");
  fl_graph_channel(graph, "n",
                   &(struct fl_channel_options){.size = sizeof(struct fl_channel_options), .reducer = FL_SUM});
  fl_graph_node(graph, "count", count, NULL, NULL);
  fl_graph_edge(graph, FL_START, "count");
  fl_graph_branch(graph, "count", is_enough, NULL, (const char *const[]){"count", FL_END}, 2);
  struct fl_definition *definition = NULL;
  struct fl_runtime *runtime = NULL;
  int rc = fl_graph_compile(graph, NULL, &definition, &err);
  if (rc == 0)
    rc = fl_runtime_create(&(struct fl_runtime_options){.size = sizeof(struct fl_runtime_options)}, &runtime, &err);
  if (rc == 0) {
    struct fl_value *input = fl_object();
    fl_set_int(input, "n", 0);
    struct fl_invoke_options options = {
        .size = sizeof options, .input = input, .follow = FL_FOLLOW_UPDATES, .on_event = on_event};
    struct fl_invoke_result result = {0};
    rc = fl_runtime_invoke(runtime, definition, &options, &result, &err);
    if (rc == 0) printf("n is %lld\n", (long long)fl_get_int(result.output, "n", 0));
    fl_invoke_result_deinit(&result);
    fl_value_unref(input);
  }
  if (rc < 0) fprintf(stderr, "counter: %s\n", err.text);
  fl_runtime_destroy(runtime);
  fl_definition_unref(definition);
  return rc != 0;
}
