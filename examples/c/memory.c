/* SPDX-License-Identifier: MIT */
/* What one thread learns, another one knows: a node keeps what it is told in the memory across threads, and finds what
 * fits by its words. Every answer comes later, on the loop, so the node waits for it.
 *
 * prints: 2 found, the best: Ann likes green tea */
#include <fairlead/memory.h>
#include <fairlead/runtime.h>
#include <stdio.h>

static struct fl_value *namespace_of_ann(void) {
  struct fl_value *labels = fl_array();
  fl_append_take(labels, fl_string("users"));
  fl_append_take(labels, fl_string("ann"));
  return labels;
}

static void on_found(struct fl_value *items, const struct fl_error *err, void *user) {
  struct fl_task *task = user;
  if (items == NULL) {
    fl_task_complete(task, fl_task_fail(task, err->code, "%s", err->text));
    return;
  }
  const struct fl_value *best = fl_get(fl_at(items, 0), "value");
  fl_task_write_take(task, "said",
                     fl_stringf("%zu found, the best: %s", fl_size(items), fl_get_string(best, "text", "nothing")));
  fl_task_complete(task, FL_DONE);
}

static void on_kept(struct fl_value *item, const struct fl_error *err, void *user) {
  struct fl_task *task = user;
  FL_VALUE_AUTO ns = namespace_of_ann();
  const char *question = fl_as_string(fl_state_get(fl_task_state(task), "question"));
  struct fl_memory_search search = {.size = sizeof search, .ns = ns, .query = question};
  if (item != NULL) fl_memory_search(fl_task_memory(task), &search, on_found, task);
  else fl_task_complete(task, fl_task_fail(task, err->code, "%s", err->text));
}

/* Keeps the fact under its own text, then searches. A node that runs again puts the same item once more. */
static int learn(struct fl_task *task, void *user) {
  const char *fact = fl_as_string(fl_state_get(fl_task_state(task), "fact"));
  FL_VALUE_AUTO ns = namespace_of_ann();
  FL_VALUE_AUTO value = fl_object();
  fl_set_string(value, "text", fact);
  struct fl_memory_put put = {.size = sizeof put, .ns = ns, .key = fact, .value = value};
  fl_memory_put(fl_task_memory(task), &put, on_kept, task);
  return FL_PENDING;
}

static int tell(struct fl_runtime *runtime, struct fl_definition *definition, const char *fact, bool is_last,
                struct fl_error *err) {
  FL_VALUE_AUTO input = fl_object();
  fl_set_string(input, "fact", fact);
  fl_set_string(input, "question", "which tea does Ann like?");
  struct fl_invoke_options options = {.size = sizeof options, .input = input}; /* each on a thread of its own */
  struct fl_invoke_result result = {0};
  int rc = fl_runtime_invoke(runtime, definition, &options, &result, err);
  if (rc == 0 && is_last) printf("%s\n", fl_get_string(result.output, "said", ""));
  fl_invoke_result_deinit(&result);
  return rc;
}

int main(void) {
  struct fl_error err = {0};
  struct fl_graph *graph = fl_graph_create("memory");
  static const char *const channels[] = {"fact", "question", "said"};
  for (int i = 0; i < 3; i++)
    fl_graph_channel(graph, channels[i], &(struct fl_channel_options){.size = sizeof(struct fl_channel_options)});
  fl_graph_node(graph, "learn", learn, NULL, NULL);
  fl_graph_edge(graph, FL_START, "learn");
  struct fl_definition *definition = NULL;
  struct fl_runtime *runtime = NULL;
  int rc = fl_graph_compile(graph, NULL, &definition, &err);
  if (rc == 0)
    rc = fl_runtime_create(&(struct fl_runtime_options){.size = sizeof(struct fl_runtime_options)}, &runtime, &err);
  if (rc == 0) rc = tell(runtime, definition, "Ann likes green tea", false, &err);
  if (rc == 0) rc = tell(runtime, definition, "Bob is a friend of Ann", true, &err);
  if (rc < 0) fprintf(stderr, "memory: %s\n", err.text);
  fl_runtime_destroy(runtime);
  fl_definition_unref(definition);
  return rc != 0;
}
