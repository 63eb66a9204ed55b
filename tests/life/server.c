/* SPDX-License-Identifier: MIT */
/* A server as a C programmer writes it: one tool that answers at once, and one that sleeps as long as it is told and
 * does not care whether anybody still waits. */
#include <fairlead/tools.h>

#include <time.h>

static int echo(struct fl_call *call, const struct fl_value *args, void *user) {
  return fl_call_return_text(call, "%s", fl_get_string(args, "message", ""));
}

static int sleep_long(struct fl_call *call, const struct fl_value *args, void *user) {
  struct timespec time = {.tv_sec = (time_t)fl_get_int(args, "seconds", 10)};
  while (nanosleep(&time, &time) != 0) continue;
  return fl_call_return_text(call, "slept");
}

int main(int argc, char **argv) {
  static const struct fl_tool tools[] = {
      {.size = sizeof(struct fl_tool),
       .name = "echo",
       .description = "Gives back its message.",
       .input_schema = "{\"type\":\"object\",\"properties\":{\"message\":{\"type\":\"string\"}}}",
       .flags = FL_TOOL_QUICK | FL_TOOL_READ_ONLY,
       .run = echo},
      {.size = sizeof(struct fl_tool),
       .name = "sleep",
       .description = "Sleeps, whatever happens.",
       .input_schema = "{\"type\":\"object\",\"properties\":{\"seconds\":{\"type\":\"integer\"}}}",
       .flags = FL_TOOL_PARALLEL | FL_TOOL_READ_ONLY,
       .run = sleep_long},
  };
  return fl_tools_main(argc, argv, "life", "1.0", tools, 2);
}
