/* SPDX-License-Identifier: MIT */
/* The smallest server there is to measure: a tool that gives back its text, on the loop and on a worker thread. */
#include <fairlead/tools.h>

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
  return fl_tools_main(argc, argv, "echo", "1.0", tools, 2);
}
