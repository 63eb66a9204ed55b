/* SPDX-License-Identifier: MIT */
/* A node that asks a person: the run ends with the question, the thread waits in the store, and a later run goes on
 * with the answer. The node is entered again from its start; what it asked before has its answer then.
 *
 * prints: waits for: "Pay 40?"
 * prints: paid: yes */
#include <fairlead/runtime.h>
#include <stdio.h>

static int pay(struct fl_task *task, void *user) {
  FL_VALUE_AUTO question = fl_stringf("Pay %d?", (int)fl_as_int(fl_state_get(fl_task_state(task), "amount"), 0));
  struct fl_value *answer = NULL;
  int rc = fl_task_interrupt(task, question, &answer);
  if (rc != 0) return rc; /* FL_INTERRUPT: there is no answer yet */
  return fl_task_write_take(task, "paid", fl_value_ref(answer));
}

static struct fl_definition *make(struct fl_error *err) {
  struct fl_graph *graph = fl_graph_create("interrupt");
  fl_graph_channel(graph, "amount", &(struct fl_channel_options){.size = sizeof(struct fl_channel_options)});
  fl_graph_channel(graph, "paid", &(struct fl_channel_options){.size = sizeof(struct fl_channel_options)});
  fl_graph_node(graph, "pay", pay, NULL, NULL);
  fl_graph_edge(graph, FL_START, "pay");
  struct fl_definition *definition = NULL;
  return fl_graph_compile(graph, NULL, &definition, err) == 0 ? definition : NULL;
}

static int ask(struct fl_runtime *runtime, struct fl_definition *definition, struct fl_error *err) {
  FL_VALUE_AUTO input = fl_object();
  fl_set_int(input, "amount", 40);
  struct fl_invoke_options options = {.size = sizeof options, .thread = "bill", .input = input};
  struct fl_invoke_result result = {0};
  int rc = fl_runtime_invoke(runtime, definition, &options, &result, err);
  char *question = fl_dump(fl_get(fl_at(result.interrupts, 0), "value"), NULL);
  if (rc == 1) printf("waits for: %s\n", question);
  fl_text_free(question);
  fl_invoke_result_deinit(&result);
  return rc;
}

static int answer(struct fl_runtime *runtime, struct fl_definition *definition, struct fl_error *err) {
  FL_VALUE_AUTO yes = fl_string("yes");
  struct fl_invoke_options options = {.size = sizeof options, .thread = "bill", .resume = yes};
  struct fl_invoke_result result = {0};
  int rc = fl_runtime_invoke(runtime, definition, &options, &result, err);
  if (rc == 0) printf("paid: %s\n", fl_get_string(result.output, "paid", "no"));
  fl_invoke_result_deinit(&result);
  return rc;
}

int main(void) {
  struct fl_error err = {0};
  struct fl_runtime *runtime = NULL;
  struct fl_definition *definition = make(&err);
  int rc = definition == NULL ? err.code : 0;
  if (rc == 0) /* with .store_path the thread would also wait through the end of this program */
    rc = fl_runtime_create(&(struct fl_runtime_options){.size = sizeof(struct fl_runtime_options)}, &runtime, &err);
  if (rc == 0) rc = ask(runtime, definition, &err);
  if (rc == 1) rc = answer(runtime, definition, &err);
  if (rc < 0) fprintf(stderr, "interrupt: %s\n", err.text);
  fl_runtime_destroy(runtime);
  fl_definition_unref(definition);
  return rc != 0;
}
