/* SPDX-License-Identifier: MIT */
/* A server for test_stdio.c: tools that print, sleep, get stuck, give much, and one that crashes. */
#include <fairlead/tools.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int echo(struct fl_call *call, const struct fl_value *args, void *user) {
  fl_call_progress(call, 1, 2, "half");
  return fl_call_return_text(call, "%s", fl_get_string(args, "text", ""));
}
static int print(struct fl_call *call, const struct fl_value *args, void *user) {
  printf("this is not a message\n");
  fflush(stdout);
  char byte;
  ssize_t got = read(0, &byte, 1); /* and the input is not its own either */
  return fl_call_return_text(call, "read %d", (int)got);
}
static int stuck(struct fl_call *call, const struct fl_value *args, void *user) {
  while (pause() != 0) continue;
  return 0;
}
static int waits(struct fl_call *call, const struct fl_value *args, void *user) {
  while (!fl_call_is_cancelled(call)) usleep(1000);
  fprintf(stderr, "it was cancelled\n");
  return fl_call_return_text(call, "cancelled");
}
static int crash(struct fl_call *call, const struct fl_value *args, void *user) {
  fprintf(stderr, "about to crash\n");
  _exit(9);
}

#define TOOL(NAME, ...) \
  { .size = sizeof(struct fl_tool), .name = #NAME, .run = NAME, .input_schema = "{\"type\":\"object\"}", __VA_ARGS__ }
int main(int argc, char **argv) {
  static const struct fl_tool tools[] = {TOOL(echo, .description = "Says it again."), TOOL(print), TOOL(stuck),
                                         TOOL(crash), TOOL(waits, .flags = FL_TOOL_PARALLEL)};
  if (getenv("DIE_EARLY") != NULL) {
    fprintf(stderr, "no database\n");
    return 4;
  }
  return fl_tools_main(argc, argv, "stdio-tools", "1.2", tools, 5);
}
