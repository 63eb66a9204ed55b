/* SPDX-License-Identifier: MIT */
/* A graph file with a node that is a function of this program. What the file wires together, the program need not know.
 *
 *   example-file [GRAPH_FILE]
 *
 * prints: fairlead has 8 letters */
#include <fairlead/runtime.h>
#include <stdio.h>
#include <string.h>

/* A node runs on the loop and must not block; it reads the state and writes to channels of the file. */
static int measure(struct fl_task *task, void *user) {
  const char *text = fl_as_string(fl_state_get(fl_task_state(task), "text"));
  int64_t *runs = user;
  (*runs)++;
  return fl_task_write_take(task, "length", fl_int((int64_t)strlen(text)));
}

static int run(struct fl_runtime *runtime, struct fl_definition *definition, struct fl_error *err) {
  FL_VALUE_AUTO input = fl_object();
  fl_set_string(input, "text", "fairlead");
  struct fl_invoke_options options = {.size = sizeof options, .input = input};
  struct fl_invoke_result result = {0};
  int rc = fl_runtime_invoke(runtime, definition, &options, &result, err);
  if (rc == 0) printf("%s\n", fl_get_string(result.output, "report", ""));
  fl_invoke_result_deinit(&result);
  return rc;
}

int main(int argc, char **argv) {
  const char *path = argc > 1 ? argv[1] : "examples/how-to/measure.yaml";
  int64_t runs = 0;
  struct fl_error err = {0};
  struct fl_definition *definition = NULL;
  struct fl_runtime *runtime = NULL;
  int rc = fl_runtime_create(&(struct fl_runtime_options){.size = sizeof(struct fl_runtime_options)}, &runtime, &err);
  if (rc == 0) rc = fl_runtime_add_function(runtime, "measure", measure, &runs, &err); /* before the file names it */
  if (rc == 0) rc = fl_runtime_load(runtime, path, &definition, &err);
  if (rc == 0) rc = run(runtime, definition, &err);
  if (rc < 0) fprintf(stderr, "file: %s\n", err.text);
  fl_definition_unref(definition);
  fl_runtime_destroy(runtime);
  return rc != 0 || runs != 1;
}
