/* SPDX-License-Identifier: MIT */
/* Following a run: updates as tasks end, what a node emits on its own, and the state after each superstep.
 *
 * prints: values {"n":1}
 * prints: custom "half way"
 * prints: updates {"double":{"n":2}}
 * prints: values {"n":2} */
#include <fairlead/runtime.h>
#include <stdio.h>

static int twice(struct fl_task *task, void *user) {
  int64_t n = fl_as_int(fl_state_get(fl_task_state(task), "n"), 0);
  fl_task_emit_take(task, fl_string("half way"));
  return fl_task_write_take(task, "n", fl_int(2 * n));
}

static void on_event(const struct fl_run_event *event, void *user) {
  char *text = fl_dump(event->data, NULL);
  printf("%s %s\n", event->mode, text);
  fl_text_free(text);
}

int main(void) {
  struct fl_error err = {0};
  struct fl_graph *graph = fl_graph_create("stream");
  fl_graph_channel(graph, "n", &(struct fl_channel_options){.size = sizeof(struct fl_channel_options)});
  fl_graph_node(graph, "double", twice, NULL, NULL);
  fl_graph_edge(graph, FL_START, "double");
  struct fl_definition *definition = NULL;
  struct fl_runtime *runtime = NULL;
  int rc = fl_graph_compile(graph, NULL, &definition, &err);
  if (rc == 0)
    rc = fl_runtime_create(&(struct fl_runtime_options){.size = sizeof(struct fl_runtime_options)}, &runtime, &err);
  if (rc == 0) {
    FL_VALUE_AUTO input = fl_object();
    fl_set_int(input, "n", 1);
    struct fl_invoke_options options = {.size = sizeof options,
                                        .input = input,
                                        .follow = FL_FOLLOW_UPDATES | FL_FOLLOW_CUSTOM | FL_FOLLOW_VALUES,
                                        .on_event = on_event};
    struct fl_invoke_result result = {0};
    rc = fl_runtime_invoke(runtime, definition, &options, &result, &err);
    fl_invoke_result_deinit(&result);
  }
  if (rc < 0) fprintf(stderr, "stream: %s\n", err.text);
  fl_runtime_destroy(runtime);
  fl_definition_unref(definition);
  return rc != 0;
}
