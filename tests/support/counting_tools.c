/* SPDX-License-Identifier: MIT */
/* An MCP server for tests: add and multiply, as in the example, but each call is noted in the file $FL_COUNT_FILE,
 * outside of everything that fairlead stores, when it begins and when it ends, with $FL_COUNT_CLOCK also at which
 * nanosecond of the monotonic clock; and it may take its time ($FL_TOOL_SLEEP_MS). */
#include <fairlead/tools.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void note(const char *what, const char *tool, double a, double b) {
  const char *path = getenv("FL_COUNT_FILE");
  if (path == NULL) return;
  char line[128], clock[32] = "";
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  if (getenv("FL_COUNT_CLOCK") != NULL)
    snprintf(clock, sizeof clock, " @%lld%09ld", (long long)now.tv_sec, now.tv_nsec);
  int size = snprintf(line, sizeof line, "%s %s %g %g%s\n", what, tool, a, b, clock);
  int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (fd < 0 || write(fd, line, (size_t)size) != size) abort();
  close(fd);
}

static void take_time(void) {
  const char *ms = getenv("FL_TOOL_SLEEP_MS");
  if (ms != NULL) usleep((useconds_t)strtol(ms, NULL, 10) * 1000);
}

static int calculate(struct fl_call *call, const struct fl_value *args, void *user) {
  const char *tool = user;
  double a = fl_get_double(args, "a", 0), b = fl_get_double(args, "b", 0);
  note("begin", tool, a, b);
  take_time();
  note("end", tool, a, b);
  return fl_call_return_double(call, strcmp(tool, "add") == 0 ? a + b : a * b);
}

int main(int argc, char **argv) {
  static const char schema[] =
      "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"number\"},\"b\":{\"type\":\"number\"}},"
      "\"required\":[\"a\",\"b\"],\"additionalProperties\":false}";
  static char add[] = "add", multiply[] = "multiply";
  static const struct fl_tool tools[] = {
      {.size = sizeof(struct fl_tool),
       .name = "add",
       .description = "Adds a and b.",
       .input_schema = schema,
       .run = calculate,
       .user = add},
      {.size = sizeof(struct fl_tool),
       .name = "multiply",
       .description = "Multiplies a and b.",
       .input_schema = schema,
       .run = calculate,
       .user = multiply},
  };
  return fl_tools_main(argc, argv, "counting", "1.0", tools, 2);
}
