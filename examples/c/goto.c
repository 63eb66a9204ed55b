/* SPDX-License-Identifier: MIT */
/* A node that writes and says where to go in one step, and a loop that it leaves by itself. Its destinations are
 * declared, so that drawings and checks know them.
 *
 * prints: 3 tries */
#include <fairlead/runtime.h>
#include <stdio.h>

static int try(struct fl_task *task, void *user) {
  int64_t tries = fl_as_int(fl_state_get(fl_task_state(task), "tries"), 0) + 1;
  int rc = fl_task_write_take(task, "tries", fl_int(tries));
  if (rc == 0) rc = fl_task_goto(task, tries < 3 ? "try" : "report");
  return rc < 0 ? rc : FL_DONE;
}

static int report(struct fl_task *task, void *user) {
  printf("%d tries\n", (int)fl_as_int(fl_state_get(fl_task_state(task), "tries"), 0));
  return FL_DONE;
}

int main(void) {
  struct fl_error err = {0};
  struct fl_graph *graph = fl_graph_create("goto");
  FL_VALUE_AUTO zero = fl_int(0);
  fl_graph_channel(graph, "tries",
                   &(struct fl_channel_options){.size = sizeof(struct fl_channel_options), .default_value = zero});
  fl_graph_channel(graph, "go", &(struct fl_channel_options){.size = sizeof(struct fl_channel_options)});
  fl_graph_node(graph, "try", try, NULL,
                &(struct fl_node_options){.size = sizeof(struct fl_node_options),
                                          .destinations = (const char *const[]){"try", "report", NULL}});
  fl_graph_node(graph, "report", report, NULL, NULL);
  fl_graph_edge(graph, FL_START, "try");
  struct fl_definition *definition = NULL;
  struct fl_runtime *runtime = NULL;
  int rc = fl_graph_compile(graph, NULL, &definition, &err);
  if (rc == 0)
    rc = fl_runtime_create(&(struct fl_runtime_options){.size = sizeof(struct fl_runtime_options)}, &runtime, &err);
  if (rc == 0) {
    FL_VALUE_AUTO input = fl_object();
    fl_set_bool(input, "go", true);
    struct fl_invoke_options options = {.size = sizeof options, .input = input};
    struct fl_invoke_result result = {0};
    rc = fl_runtime_invoke(runtime, definition, &options, &result, &err);
    fl_invoke_result_deinit(&result);
  }
  if (rc < 0) fprintf(stderr, "goto: %s\n", err.text);
  fl_runtime_destroy(runtime);
  fl_definition_unref(definition);
  return rc != 0;
}
