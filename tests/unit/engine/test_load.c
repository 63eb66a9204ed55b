/* SPDX-License-Identifier: MIT */
/* Loading graph files into a runtime: what is wrong is said with its line, models and servers come with the graph, and
 * graphs share what they agree on. */
#include "rig.h"

#include <stdio.h>
#include <sys/stat.h>

#define HEAD "fairlead: 1\nname: g\nstate: { messages: { reducer: messages }, a: {} }\n"
#define TAIL "edges: [ START -> x, x -> END ]\n"

static void mistakes_are_told_with_their_place(void **state) {
  static const struct {
    const char *text, *says;
  } rows[] = {
      {HEAD "nodes: { x: { type: c, function: nix } }\n" TAIL,
       "there is no function named \"nix\" in this program (at /nodes/x/function)"},
      {HEAD "models: { main: { provider: scripted, script: none.yaml } }\nnodes: { x: { type: agent } }\n" TAIL,
       "graph.yaml:4:11: error: "},
      {HEAD "models: { main: { provider: scripted, script: none.yaml } }\nnodes: { x: { type: agent } }\n" TAIL,
       "none.yaml"},
      {HEAD "mcpServers: { s: { command: 7 } }\nnodes: { x: { type: tool, tool: s/y } }\n" TAIL, "/mcpServers/s"},
      {HEAD "nodes: { x: { type: tool, tool: nix/y } }\n" TAIL, "nix"},
      {HEAD "nodes: { x: { type: set, write: { b: '1' } } }\n" TAIL, "graph.yaml:4:"},
      {"name: [\n", "graph.yaml:"},
      {"", "graph.yaml"},
  };
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    FL_FREE_AUTO char *said = rig_load_fails(&rig, rows[i].text, NULL);
    if (strstr(said, rows[i].says) == NULL) fail_msg("%zu: %s", i, said);
  }
  rig_deinit(&rig);
}

static void all_mistakes_are_told_at_once(void **state) {
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  FL_FREE_AUTO char *said = rig_load_fails(
      &rig,
      HEAD "models: { main: { provider: scripted, script: none.yaml } }\nmcpServers: { s: { command: 'true' } }\n"
           "nodes: { x: { type: agent, tools: [s/*] }, y: { type: c, function: nix } }\n"
           "edges: [ START -> x, x -> y, y -> END ]\n",
      NULL);
  assert_non_null(strstr(said, "none.yaml"));
  assert_non_null(strstr(said, "\"nix\""));
  rig_deinit(&rig);
}

static void what_cannot_be_read_is_named(void **state) {
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  struct fl_definition *definition = NULL;
  struct fl_error err = {0};
  assert_int_equal(fl_runtime_load(rig.runtime, "/nowhere/g.yaml", &definition, &err), FL_E_NOT_FOUND);
  assert_non_null(strstr(err.text, "/nowhere/g.yaml"));
  assert_int_equal(fl_runtime_load(rig.runtime, "/tmp", &definition, &err), FL_E_IO);
  assert_non_null(strstr(err.text, "folder"));
  assert_null(definition);
  rig_deinit(&rig);
}

/* ---- servers ---- */

static int load_from(struct rig *rig, const char *folder, const char *name, const char *command, struct fl_error *err) {
  FL_FREE_AUTO char *path = fl_format("%s/%s", folder, name);
  FILE *file = fopen(path, "we");
  assert_non_null(file);
  fprintf(file, HEAD "mcpServers: { s: { command: %s } }\nnodes: { x: { type: tool, tool: s/y } }\n" TAIL, command);
  fclose(file);
  struct fl_definition *definition = NULL;
  int rc = fl_runtime_load(rig->runtime, path, &definition, err);
  fl_definition_unref(definition);
  return rc;
}

static void graphs_share_a_server_that_they_agree_on(void **state) {
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  struct fl_error err = {0};
  FL_FREE_AUTO char *here = fl_strdup(test_folder());
  FL_FREE_AUTO char *there = fl_strdup(test_folder());
  assert_int_equal(load_from(&rig, here, "a.yaml", "./server", &err), 0);
  assert_int_equal(load_from(&rig, here, "a.yaml", "./server", &err), 0); /* the same again */
  assert_int_equal(load_from(&rig, here, "b.yaml", "./server", &err), 0);
  assert_true(load_from(&rig, here, "c.yaml", "./other", &err) < 0);
  assert_non_null(strstr(err.text, "different server \"s\""));
  assert_true(load_from(&rig, there, "a.yaml", "./server", &err) < 0);
  rig_deinit(&rig);
}

static void tools_of_the_program_may_be_named(void **state) {
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  struct fl_definition *definition = rig_load(
      &rig, HEAD "nodes: { x: { type: tool, tool: t/echo, args: { text: \"'hi'\" }, write: a } }\n" TAIL, NULL);
  assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.input = json("{}")}), 0);
  assert_string_equal(fl_as_string(rig_out(&rig, "a")), "hi");
  rig_deinit(&rig);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(mistakes_are_told_with_their_place), cmocka_unit_test(all_mistakes_are_told_at_once),
      cmocka_unit_test(what_cannot_be_read_is_named),       cmocka_unit_test(graphs_share_a_server_that_they_agree_on),
      cmocka_unit_test(tools_of_the_program_may_be_named),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
