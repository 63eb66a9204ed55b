/* SPDX-License-Identifier: MIT */
/* Map and reduce: a branch sends each word to a task of its own, the tasks run side by side, and a deferred node puts
 * together what they wrote, in the order of the sends.
 *
 * prints: 3 5 4 = 12 */
#include <fairlead/runtime.h>
#include <stdio.h>
#include <string.h>

static int nothing(struct fl_task *task, void *user) { return FL_DONE; }

static int each_word(const struct fl_state *state, struct fl_targets *targets, void *user, struct fl_error *err) {
  const struct fl_value *words = fl_state_get(state, "words");
  for (size_t i = 0; i < fl_size(words); i++) {
    struct fl_value *arg = fl_object();
    fl_set_take(arg, "word", fl_value_ref(fl_at(words, i)));
    fl_targets_send_take(targets, "measure", arg);
  }
  return 0;
}

/* A task that was sent sees its argument instead of the state. */
static int measure(struct fl_task *task, void *user) {
  const char *word = fl_as_string(fl_state_get(fl_task_state(task), "word"));
  return fl_task_write_take(task, "lengths", fl_int((int64_t)strlen(word)));
}

static int add_up(struct fl_task *task, void *user) {
  const struct fl_state *state = fl_task_state(task);
  int64_t sum = 0;
  for (size_t i = 0; i < fl_state_list_size(state, "lengths"); i++) {
    int64_t length = fl_as_int(fl_state_list_at(state, "lengths", i), 0);
    printf("%d ", (int)length);
    sum += length;
  }
  printf("= %d\n", (int)sum);
  return FL_DONE;
}

static struct fl_definition *make(struct fl_error *err) {
  struct fl_graph *graph = fl_graph_create("sends");
  fl_graph_channel(graph, "words", &(struct fl_channel_options){.size = sizeof(struct fl_channel_options)});
  fl_graph_channel(graph, "lengths",
                   &(struct fl_channel_options){.size = sizeof(struct fl_channel_options), .reducer = FL_APPEND});
  fl_graph_node(graph, "split", nothing, NULL, NULL);
  fl_graph_node(graph, "measure", measure, NULL, NULL);
  fl_graph_node(graph, "add_up", add_up, NULL,
                &(struct fl_node_options){.size = sizeof(struct fl_node_options), .defer = true});
  fl_graph_edge(graph, FL_START, "split");
  fl_graph_branch(graph, "split", each_word, NULL, (const char *const[]){"measure"}, 1);
  fl_graph_edge(graph, "measure", "add_up");
  struct fl_definition *definition = NULL;
  return fl_graph_compile(graph, NULL, &definition, err) == 0 ? definition : NULL;
}

int main(void) {
  struct fl_error err = {0};
  struct fl_runtime *runtime = NULL;
  struct fl_definition *definition = make(&err);
  int rc = definition == NULL ? err.code : 0;
  if (rc == 0)
    rc = fl_runtime_create(&(struct fl_runtime_options){.size = sizeof(struct fl_runtime_options)}, &runtime, &err);
  if (rc == 0) {
    FL_VALUE_AUTO input = NULL;
    static const char text[] = "{\"words\": [\"sea\", \"waves\", \"rope\"]}";
    fl_parse(text, sizeof text - 1, &input, NULL);
    struct fl_invoke_options options = {.size = sizeof options, .input = input};
    struct fl_invoke_result result = {0};
    rc = fl_runtime_invoke(runtime, definition, &options, &result, &err);
    fl_invoke_result_deinit(&result);
  }
  if (rc < 0) fprintf(stderr, "sends: %s\n", err.text);
  fl_runtime_destroy(runtime);
  fl_definition_unref(definition);
  return rc != 0;
}
