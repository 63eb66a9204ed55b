/* SPDX-License-Identifier: MIT */
/* A plugin for test_plugin.c; what it does is told by PLUGIN_MODE. */
#include <fairlead/mcp.h>
#include <stdlib.h>
#include <string.h>

static int hello(struct fl_call *call, const struct fl_value *args, void *user) {
  return fl_call_return_text(call, "hello");
}

static const struct fl_tool TOOLS[] = {
    {.size = sizeof(struct fl_tool), .name = "hello", .description = "Greets.", .run = hello},
    {.size = sizeof(struct fl_tool), .name = "not a name", .run = hello},
};

static int greet(struct fl_call *call, const struct fl_value *args, void *user) {
  return fl_call_return_message(call, "user", "Greet them.");
}

/* For a server there is a prompt too; an agent that uses the tools has no place for it. */
static int add_prompt(struct fl_server *server) {
  static const struct fl_prompt prompt = {.size = sizeof(struct fl_prompt), .name = "greet", .run = greet};
  return server != NULL ? fl_server_add_prompt(server, &prompt, NULL) : 0;
}

FL_API fl_plugin_fn fl_plugin_v1;
int fl_plugin_v1(struct fl_plugin_host *host) {
  const char *mode = getenv("PLUGIN_MODE");
  if (mode != NULL && strcmp(mode, "wrong") == 0) return fl_plugin_tools(host, TOOLS, 2);
  if (mode != NULL && strcmp(mode, "fail") == 0) return 7;
  int status = fl_plugin_tools(host, TOOLS, 1);
  return status == 0 ? add_prompt(fl_plugin_server(host)) : status;
}
