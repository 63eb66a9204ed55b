/* SPDX-License-Identifier: MIT */
/* However many nodes, graphs inside graphs, runs at the same time and runs one after the other call a server's tools:
 * the process has one connection to it. The server is a real process, and a file beside it has a line for each that
 * was started, and everything that it was sent. */
#include "runtime/base/mem.h"
#include "tests/support/support.h"

#include <fairlead/runtime.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { AT_ONCE = 8, CALLS_OF_RUN = 6 };

/* `sh` is the server for whoever looks at the command; the pipe is what a person would put there to listen in. */
#define SERVERS                                                                                          \
  "mcpServers:\n  s:\n    command: sh\n"                                                                 \
  "    args: [-c, \"echo started >> ${FL_COUNTED}.starts; tee -a ${FL_COUNTED}.sent | ${FL_SERVER}\"]\n" \
  "effects: { 's/*': read }\n"

static const char inner[] = "fairlead: 1\nname: inner\nstate: { a: {}, b: {} }\n" SERVERS
                            "nodes:\n  deep: { type: tool, tool: s/echo, args: { text: \"'deep'\" }, write: a }\n"
                            "  deeper: { type: tool, tool: s/echo, args: { text: \"'deeper'\" }, write: b }\n"
                            "edges:\n  - START -> deep -> deeper -> END\n";

/* Two tool nodes side by side, an agent that calls twice, and a graph with two tool nodes. */
static const char outer[] =
    "fairlead: 1\nname: outer\nstate: { messages: { reducer: messages }, a: {}, b: {}, c: {} }\n"
    "models: { main: { provider: scripted, script: script.yaml } }\n" SERVERS "nodes:\n"
    "  one: { type: tool, tool: s/echo, args: { text: \"'one'\" }, write: a }\n"
    "  two: { type: tool, tool: s/echo, args: { text: \"'two'\" }, write: b }\n"
    "  agent: { type: react, prompt: You echo., tools: [s/echo] }\n"
    "  inner: { type: graph, file: inner.yaml, output: { c: state.b } }\n"
    "edges:\n  - START -> one -> agent\n  - START -> two -> agent\n  - agent -> inner -> END\n";

static const char script[] = "replies:\n  - { when: { user: go }, calls: [ { name: s__echo, args: { text: x } }, { "
                             "name: s__echo, args: { text: y "
                             "} } ] }\n  - { when: { tool: . }, text: done }\n";

static char folder[] = "/tmp/fairlead-connection-XXXXXX";

static const char *path_of(const char *name) {
  static char path[200];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return path;
}

static void write_file(const char *name, const char *text) {
  FILE *file = fopen(path_of(name), "w");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
}

static int count_in(const char *name, const char *what) {
  int count = 0;
  char line[65536];
  FILE *file = fopen(path_of(name), "r");
  while (file != NULL && fgets(line, sizeof line, file) != NULL) count += strstr(line, what) != NULL;
  if (file != NULL) fclose(file);
  return count;
}

/* The pipe is answered through before its file has the line. */
static int count_up_to(const char *name, const char *what, int expected) {
  for (int i = 0; i < 500 && count_in(name, what) < expected; i++) usleep(10000);
  return count_in(name, what);
}

/* ---- runs ---- */

struct runs {
  struct fl_runtime *runtime;
  struct fl_definition *graphs[2];
  int started, ended, failed;
};

static void on_end(struct fl_invoke_result *result, const struct fl_error *err, void *user) {
  struct runs *runs = user;
  runs->ended++;
  if (result->status != 0) {
    runs->failed++;
    print_message("# %s\n", err != NULL ? err->text : "interrupted");
  }
  fl_invoke_result_deinit(result);
}

static void run_one(struct runs *runs, bool waits) {
  static const char text[] = "{\"messages\":\"go\"}";
  FL_VALUE_AUTO input = NULL;
  struct fl_error err = {0};
  struct fl_invoke_result result = {0};
  struct fl_definition *graph = runs->graphs[runs->started++ % 2];
  fl_parse(text, strlen(text), &input, NULL);
  struct fl_invoke_options options = {.size = sizeof options, .input = input};
  if (waits) {
    fl_runtime_invoke(runs->runtime, graph, &options, &result, &err);
    on_end(&result, &err, runs);
  } else if (fl_runtime_start(runs->runtime, graph, &options, on_end, runs, NULL, &err) != 0) fail_msg("%s", err.text);
}

/* Several at the same time, and one after the other until these have ended, too. */
static void run_many(struct runs *runs) {
  for (int i = 0; i < AT_ONCE; i++) run_one(runs, false);
  do run_one(runs, true);
  while (runs->ended < runs->started);
}

static void load(struct runs *runs, int index) {
  struct fl_error err = {0};
  if (fl_runtime_load(runs->runtime, path_of("outer.yaml"), &runs->graphs[index], &err) != 0) fail_msg("%s", err.text);
}

static void all_nodes_and_runs_share_one_connection(void **state) {
  struct fl_error err = {0};
  struct runs runs = {0};
  struct fl_runtime_options options = {.size = sizeof options};
  assert_int_equal(fl_runtime_create(&options, &runs.runtime, &err), 0);
  load(&runs, 0);
  load(&runs, 1); /* the same file again, as a program that serves it may */
  run_many(&runs);
  run_many(&runs);
  assert_int_equal(runs.failed, 0);
  assert_int_equal(count_in("counted.starts", "started"), 1);
  int calls = runs.started * CALLS_OF_RUN;
  assert_int_equal(count_up_to("counted.sent", "\"tools/call\"", calls), calls);
  assert_in_range(count_in("counted.sent", "\"server/discover\"") + count_in("counted.sent", "\"initialize\""), 1, 2);
  assert_int_equal(count_in("counted.sent", "\"tools/list\""), 1);
  for (int i = 0; i < 2; i++) fl_definition_unref(runs.graphs[i]);
  fl_runtime_destroy(runs.runtime);
}

static int make_files(void **state) {
  if (mkdtemp(folder) == NULL) return -1;
  FL_FREE_AUTO char *server = fl_format("%s/tests/unit/mcp/mcp-stdio-tools", getenv("FL_BUILD_ROOT"));
  setenv("FL_SERVER", server, 1);
  setenv("FL_COUNTED", path_of("counted"), 1);
  write_file("inner.yaml", inner);
  write_file("outer.yaml", outer);
  write_file("script.yaml", script);
  return 0;
}

static int remove_files(void **state) {
  static const char *const names[] = {"inner.yaml", "outer.yaml", "script.yaml", "counted.starts", "counted.sent"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) unlink(path_of(names[i]));
  return rmdir(folder);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(all_nodes_and_runs_share_one_connection)};
  return cmocka_run_group_tests(tests, make_files, remove_files);
}
