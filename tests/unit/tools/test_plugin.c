/* SPDX-License-Identifier: MIT */
/* Plugins: loaded, called, and named when they are of no use. */
#include "mcp/server.h"
#include "runtime/io/world_sim.h"
#include "tests/support/support.h"
#include "tools/source.h"

#include <fairlead/mcp.h>
#include <fairlead/tools.h>
#include <stdio.h>
#include <stdlib.h>

static struct fl_world *world;
static char answer[200];

static const char *path_of(const char *file) {
  static char path[4096];
  snprintf(path, sizeof path, "%s/%s", getenv("FL_BUILD_ROOT"), file);
  return path;
}

static void on_done(struct fl_tool_request *request, int status, struct fl_value *result, bool sent,
                    const struct fl_error *err) {
  char *text = fl_dump(result, NULL);
  snprintf(answer, sizeof answer, "%d %s", status, text);
  fl_text_free(text);
}
static void on_closed(struct fl_tool_source *source) {}

static int setup(void **state) {
  world = fl_world_sim_create(1);
  unsetenv("PLUGIN_MODE");
  return 0;
}
static int teardown(void **state) {
  fl_world_destroy(world);
  return 0;
}

static void its_tools_are_called(void **state) {
  struct fl_tool_source *source;
  struct fl_error err = {0};
  if (fl_tool_source_plugin(world, "p", path_of("tests/unit/tools/test-plugin.so"), &source, &err) != 0)
    fail_msg("%s", err.text);
  assert_int_equal(source->tool_count, 1);
  assert_string_equal(source->tools[0].name, "hello");
  struct fl_tool_request request = {.tool = "hello", .on_done = on_done};
  source->ops->call(source, &request);
  fl_world_sim_run(world);
  assert_string_equal(answer, "0 {\"content\":[{\"type\":\"text\",\"text\":\"hello\"}]}");
  source->on_closed = on_closed;
  source->ops->close(source);
  fl_world_sim_run(world);
  source->ops->destroy(source);
}

static void a_server_takes_it_once(void **state) {
  struct fl_server *server =
      fl_server_create(&(struct fl_server_options){.size = sizeof(struct fl_server_options), .name = "s"});
  assert_int_equal(fl_server_add_plugin(server, path_of("tests/unit/tools/test-plugin.so"), NULL), 0);
  assert_int_equal(fl_server_add_plugin(server, path_of("tests/unit/tools/test-plugin.so"), NULL), FL_E_EXISTS);
  assert_non_null(fl_server_offer_find(server, FL_MCP_PROMPTS, "greet"));
  fl_server_destroy(server);
}

static void what_is_of_no_use_is_named(void **state) {
  static const struct {
    const char *file, *mode;
    int status;
    const char *text;
  } rows[] = {
      {"no-such-file.so", "", FL_E_NOT_FOUND, "there is no such file"},
      {"build.ninja", "", FL_E_INVALID, "cannot be loaded"},
      {"libfairlead.so", "", FL_E_UNSUPPORTED, "does not export fl_plugin_v1"},
      {"tests/unit/tools/test-plugin.so", "wrong", FL_E_INVALID, "tool name \"not a name\""},
      {"tests/unit/tools/test-plugin.so", "fail", FL_E_INVALID, "fl_plugin_v1 returned 7"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct fl_tool_source *source;
    struct fl_error err;
    setenv("PLUGIN_MODE", rows[i].mode, 1);
    assert_int_equal(fl_tool_source_plugin(world, "p", path_of(rows[i].file), &source, &err), rows[i].status);
    if (strstr(err.text, rows[i].text) == NULL || strstr(err.text, rows[i].file) == NULL) fail_msg("%s", err.text);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(its_tools_are_called, setup, teardown),
      cmocka_unit_test_setup_teardown(a_server_takes_it_once, setup, teardown),
      cmocka_unit_test_setup_teardown(what_is_of_no_use_is_named, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
