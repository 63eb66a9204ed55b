/* SPDX-License-Identifier: MIT */
/* A graph inside a graph: the inner one has a state of its own, and expressions say what goes in and what comes out.
 *
 * prints: price 120 with tax 144 */
#include <fairlead/runtime.h>
#include <stdio.h>

static const size_t channel_size = sizeof(struct fl_channel_options);

static int add_tax(struct fl_task *task, void *user) {
  double net = fl_as_double(fl_state_get(fl_task_state(task), "net"), 0);
  return fl_task_write_take(task, "gross", fl_double(net * 1.2));
}

static struct fl_definition *make_inner(struct fl_error *err) {
  struct fl_graph *graph = fl_graph_create("tax");
  fl_graph_channel(graph, "net", &(struct fl_channel_options){.size = channel_size});
  fl_graph_channel(graph, "gross", &(struct fl_channel_options){.size = channel_size});
  fl_graph_node(graph, "add_tax", add_tax, NULL, NULL);
  fl_graph_edge(graph, FL_START, "add_tax");
  struct fl_definition *definition = NULL;
  return fl_graph_compile(graph, NULL, &definition, err) == 0 ? definition : NULL;
}

static struct fl_definition *make(struct fl_definition *inner, struct fl_error *err) {
  struct fl_graph *graph = fl_graph_create("shop");
  FL_VALUE_AUTO input = fl_object();
  FL_VALUE_AUTO output = fl_object();
  fl_set_string(input, "net", "state.price");
  fl_set_string(output, "total", "state.gross");
  fl_graph_channel(graph, "price", &(struct fl_channel_options){.size = channel_size});
  fl_graph_channel(graph, "total", &(struct fl_channel_options){.size = channel_size});
  fl_graph_subgraph(
      graph, "tax", inner,
      &(struct fl_subgraph_options){.size = sizeof(struct fl_subgraph_options), .input = input, .output = output});
  fl_graph_edge(graph, FL_START, "tax");
  struct fl_definition *definition = NULL;
  return fl_graph_compile(graph, NULL, &definition, err) == 0 ? definition : NULL;
}

int main(void) {
  struct fl_error err = {0};
  struct fl_runtime *runtime = NULL;
  struct fl_definition *inner = make_inner(&err), *definition = inner != NULL ? make(inner, &err) : NULL;
  int rc = definition == NULL ? err.code : 0;
  if (rc == 0)
    rc = fl_runtime_create(&(struct fl_runtime_options){.size = sizeof(struct fl_runtime_options)}, &runtime, &err);
  if (rc == 0) {
    FL_VALUE_AUTO input = fl_object();
    fl_set_int(input, "price", 120);
    struct fl_invoke_options options = {.size = sizeof options, .input = input};
    struct fl_invoke_result result = {0};
    rc = fl_runtime_invoke(runtime, definition, &options, &result, &err);
    if (rc == 0)
      printf("price %d with tax %d\n", (int)fl_get_int(result.output, "price", 0),
             (int)fl_get_double(result.output, "total", 0));
    fl_invoke_result_deinit(&result);
  }
  if (rc < 0) fprintf(stderr, "subgraph: %s\n", err.text);
  fl_runtime_destroy(runtime);
  fl_definition_unref(definition);
  fl_definition_unref(inner);
  return rc != 0;
}
