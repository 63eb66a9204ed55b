/* SPDX-License-Identifier: MIT */
/* The superstep as it shows in its effects: each scenario's trace stands in tests/golden/graph, to be read. */
#include "tests/unit/graph/fixture.h"

static void add_one(struct test_call *call) { test_write(call, "n", fl_int(1)); }

static void say_name(struct test_call *call) { test_write(call, "log", fl_string(call->start->node)); }

static void say_size(struct test_call *call) {
  test_write(call, "log", fl_stringf("%s saw %zu", call->start->node, fl_state_list_size(call->start->state, "log")));
}

static struct fl_definition *chain(void) {
  struct fl_graph *graph = fl_graph_create("chain");
  test_channel(graph, "n", FL_SUM, "0");
  test_node(graph, "a", add_one);
  test_node(graph, "b", add_one);
  test_node(graph, "c", add_one);
  fl_graph_edge(graph, FL_START, "a");
  fl_graph_edge(graph, "a", "b");
  fl_graph_edge(graph, "b", "c");
  fl_graph_edge(graph, "c", FL_END);
  return test_compile(graph);
}

static void a_chain(void **state) {
  struct fl_definition *definition = chain();
  struct test_engine engine;
  test_engine_init(&engine, definition);
  engine.traces = true;
  test_input(&engine, "{\"n\":10}");
  assert_int_equal(engine.status, FL_RUN_DONE);
  assert_state(&engine, "{\"n\":13}");
  test_input(&engine, "{\"n\":100}");
  assert_state(&engine, "{\"n\":116}");
  assert_golden(&engine, "chain");
  test_engine_deinit(&engine);
  fl_definition_unref(definition);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_chain),
  };
  (void)say_name;
  (void)say_size;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
