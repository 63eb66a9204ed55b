/* SPDX-License-Identifier: MIT */
/* Two C functions that every MCP client can call. */
#include <fairlead/tools.h>

static int add(struct fl_call *call, const struct fl_value *args, void *user) {
  return fl_call_return_double(call, fl_get_double(args, "a", 0) + fl_get_double(args, "b", 0));
}

static int multiply(struct fl_call *call, const struct fl_value *args, void *user) {
  return fl_call_return_double(call, fl_get_double(args, "a", 0) * fl_get_double(args, "b", 0));
}

#define NUMBERS                                                                                    \
  "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"number\"},\"b\":{\"type\":\"number\"}}," \
  "\"required\":[\"a\",\"b\"],\"additionalProperties\":false}"
#define NUMBER "{\"type\":\"object\",\"properties\":{\"result\":{\"type\":\"number\"}},\"required\":[\"result\"]}"

int main(int argc, char **argv) {
  static const struct fl_tool tools[] = {
      {.size = sizeof(struct fl_tool),
       .name = "add",
       .description = "Adds two numbers.",
       .input_schema = NUMBERS,
       .output_schema = NUMBER,
       .flags = FL_TOOL_READ_ONLY | FL_TOOL_QUICK,
       .run = add},
      {.size = sizeof(struct fl_tool),
       .name = "multiply",
       .description = "Multiplies two numbers.",
       .input_schema = NUMBERS,
       .output_schema = NUMBER,
       .flags = FL_TOOL_READ_ONLY | FL_TOOL_QUICK,
       .run = multiply},
  };
  return fl_tools_main(argc, argv, "math", "1.0", tools, 2);
}
