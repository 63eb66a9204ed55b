/* SPDX-License-Identifier: MIT */
/* A node that calls a tool, which is a C function of this program. The call is journalled: when the node runs again
 * after a crash, it finds the answer and the tool is not called a second time.
 *
 * prints: the tool says: 42 */
#include <fairlead/runtime.h>
#include <fairlead/tools.h>
#include <stdio.h>

static int run_add(struct fl_call *call, const struct fl_value *args, void *user) {
  return fl_call_return_text(call, "%d", (int)(fl_get_int(args, "a", 0) + fl_get_int(args, "b", 0)));
}

static const struct fl_tool tools[] = {
    {.size = sizeof(struct fl_tool),
     .name = "add",
     .description = "Adds two numbers.",
     .input_schema = "{\"type\":\"object\",\"required\":[\"a\",\"b\"],"
                     "\"properties\":{\"a\":{\"type\":\"integer\"},\"b\":{\"type\":\"integer\"}}}",
     .run = run_add},
};

static void on_sum(struct fl_task *task, struct fl_value *result, const struct fl_error *err, void *user) {
  if (result == NULL) {
    fl_task_complete(task, fl_task_fail(task, err->code, "%s", err->text));
    return;
  }
  printf("the tool says: %s\n", fl_get_string(fl_at(fl_get(result, "content"), 0), "text", ""));
  fl_task_complete(task, FL_DONE);
}

static int ask(struct fl_task *task, void *user) {
  FL_VALUE_AUTO args = fl_object();
  fl_set_int(args, "a", 40);
  fl_set_int(args, "b", 2);
  int rc = fl_task_call_tool(task, "math/add", args, on_sum, NULL);
  return rc < 0 ? rc : FL_PENDING; /* on_sum completes the task */
}

int main(void) {
  struct fl_error err = {0};
  struct fl_graph *graph = fl_graph_create("tools");
  fl_graph_node(graph, "ask", ask, NULL, NULL);
  fl_graph_channel(graph, "go", &(struct fl_channel_options){.size = sizeof(struct fl_channel_options)});
  fl_graph_edge(graph, FL_START, "ask");
  struct fl_definition *definition = NULL;
  struct fl_runtime *runtime = NULL;
  int rc = fl_graph_compile(graph, NULL, &definition, &err);
  if (rc == 0)
    rc = fl_runtime_create(&(struct fl_runtime_options){.size = sizeof(struct fl_runtime_options)}, &runtime, &err);
  if (rc == 0) rc = fl_runtime_add_tools(runtime, "math", tools, 1, &err);
  if (rc == 0) {
    FL_VALUE_AUTO input = fl_object();
    fl_set_bool(input, "go", true);
    struct fl_invoke_options options = {.size = sizeof options, .input = input};
    struct fl_invoke_result result = {0};
    rc = fl_runtime_invoke(runtime, definition, &options, &result, &err);
    fl_invoke_result_deinit(&result);
  }
  if (rc < 0) fprintf(stderr, "tools: %s\n", err.text);
  fl_runtime_destroy(runtime);
  fl_definition_unref(definition);
  return rc != 0;
}
