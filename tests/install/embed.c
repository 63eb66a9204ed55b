/* SPDX-License-Identifier: MIT */
/* Runs the graph file of its first argument on the text of its second and prints the answer: the library finds the
 * launcher of tool servers by itself. */
#include <fairlead/runtime.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv) {
  struct fl_error err = {0};
  struct fl_runtime *runtime = NULL;
  struct fl_definition *definition = NULL;
  struct fl_value *input = NULL;
  struct fl_invoke_result result = {0};
  char text[1024];
  snprintf(text, sizeof text, "{\"messages\":[{\"role\":\"user\",\"content\":\"%s\"}]}", argc > 2 ? argv[2] : "");
  int rc = fl_runtime_create(&(struct fl_runtime_options){.size = sizeof(struct fl_runtime_options)}, &runtime, &err);
  if (rc == 0) rc = fl_runtime_load(runtime, argv[1], &definition, &err);
  if (rc == 0) rc = fl_parse(text, strlen(text), &input, &err);
  struct fl_invoke_options options = {.size = sizeof options, .input = input};
  if (rc == 0) rc = fl_runtime_invoke(runtime, definition, &options, &result, &err);
  const struct fl_value *messages = fl_get(result.output, "messages");
  if (rc == 0) puts(fl_get_string(fl_at(messages, fl_size(messages) - 1), "content", ""));
  else fprintf(stderr, "embed: %s\n", err.text);
  fl_invoke_result_deinit(&result);
  fl_value_unref(input);
  fl_definition_unref(definition);
  fl_runtime_destroy(runtime);
  return rc != 0;
}
