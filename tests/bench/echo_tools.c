/* SPDX-License-Identifier: MIT */
/* The smallest server there is to measure: a tool that gives back its text, on the loop and on a worker thread. With
 * a number: that many tools, all but these two of which nobody calls. */
#include <fairlead/tools.h>

#include <stdio.h>
#include <stdlib.h>

static int echo(struct fl_call *call, const struct fl_value *args, void *user) {
  return fl_call_return_text(call, "%s", fl_get_string(args, "message", ""));
}

int main(int argc, char **argv) {
  static const char schema[] = "{\"type\":\"object\",\"properties\":{\"message\":{\"type\":\"string\"}},"
                               "\"required\":[\"message\"],\"additionalProperties\":false}";
  static const struct fl_tool tools[] = {
      {.size = sizeof(struct fl_tool),
       .name = "echo",
       .description = "Gives back its text.",
       .input_schema = schema,
       .flags = FL_TOOL_QUICK | FL_TOOL_READ_ONLY,
       .run = echo},
      {.size = sizeof(struct fl_tool),
       .name = "echo_on_a_thread",
       .description = "Gives back its text, as a tool would that may block.",
       .input_schema = schema,
       .flags = FL_TOOL_PARALLEL | FL_TOOL_READ_ONLY,
       .run = echo},
  };
  size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : 2;
  if (count <= 2) return fl_tools_main(1, argv, "echo", "1.0", tools, 2);
  struct fl_tool *all = calloc(count, sizeof *all);
  char(*names)[32] = calloc(count, sizeof *names);
  if (all == NULL || names == NULL) abort();
  for (size_t i = 0; i < count; i++) {
    all[i] = tools[i < 2 ? i : 0];
    snprintf(names[i], sizeof names[i], "echo_%zu", i);
    if (i >= 2) all[i].name = names[i];
  }
  return fl_tools_main(1, argv, "echo", "1.0", all, count);
}
