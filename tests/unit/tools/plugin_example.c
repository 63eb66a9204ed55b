/* SPDX-License-Identifier: MIT */
/* A plugin for test_plugin.c; what it does is told by PLUGIN_MODE. */
#include <fairlead/tools.h>
#include <stdlib.h>
#include <string.h>

static int hello(struct fl_call *call, const struct fl_value *args, void *user) {
  return fl_call_return_text(call, "hello");
}

static const struct fl_tool TOOLS[] = {
    {.size = sizeof(struct fl_tool), .name = "hello", .description = "Greets.", .run = hello},
    {.size = sizeof(struct fl_tool), .name = "not a name", .run = hello},
};

FL_API fl_plugin_fn fl_plugin_v1;
int fl_plugin_v1(struct fl_plugin_host *host) {
  const char *mode = getenv("PLUGIN_MODE");
  if (mode != NULL && strcmp(mode, "wrong") == 0) return fl_plugin_tools(host, TOOLS, 2);
  if (mode != NULL && strcmp(mode, "fail") == 0) return 7;
  return fl_plugin_tools(host, TOOLS, 1);
}
