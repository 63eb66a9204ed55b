/* SPDX-License-Identifier: MIT */
/* What runs come to: counted by hand, and compared. */
#include "runtime/trace/stats.h"

#include "tests/unit/trace/traces.h"

static void add(struct fl_trace_stats *stats, const char *end, const char *spans) {
  struct fl_trace trace = trace_of(end, spans);
  fl_trace_stats_add(stats, &trace);
  fl_trace_deinit(&trace);
}

static const struct fl_value *group(const struct fl_value *stats, const char *kind, const char *name) {
  const struct fl_value *groups = fl_get(stats, kind);
  for (size_t i = 0; i < fl_size(groups); i++)
    if (strcmp(fl_get_string(fl_at(groups, i), "name", ""), name) == 0) return fl_at(groups, i);
  fail_msg("no %s in %s", name, kind);
  return NULL;
}

static void assert_near(const struct fl_value *object, const char *key, double expected) {
  double value = fl_get_double(object, key, -1);
  if (value < expected - 1e-9 || value > expected + 1e-9) fail_msg("%s is %g, not %g", key, value, expected);
}

static void runs_are_counted_by_graph(void **state) {
  struct fl_trace_stats *stats = fl_trace_stats_create();
  add(stats, "{\"status\":\"done\",\"us\":100,\"input_tokens\":5,\"output_tokens\":1,\"cost_nusd\":2000}", "[]");
  add(stats, "{\"status\":\"interrupted\",\"us\":300,\"first_token_us\":40}", "[]");
  add(stats, "{\"status\":\"failed\",\"us\":200}", "[]");
  add(stats, NULL, "[]");
  FL_VALUE_AUTO value = fl_trace_stats_value(stats);
  const struct fl_value *chat = group(value, "graphs", "chat");
  assert_int_equal(fl_get_int(chat, "count", 0), 4);
  assert_int_equal(fl_get_int(chat, "errors", 0), 1);
  assert_near(chat, "error_rate", 0.25);
  assert_near(chat, "success_rate", 2.0 / 3);
  assert_int_equal(fl_get_int(chat, "p50_us", 0), 200);
  assert_int_equal(fl_get_int(chat, "p99_us", 0), 300);
  assert_int_equal(fl_get_int(chat, "first_token_p50_us", 0), 40);
  assert_near(chat, "cost_usd", 2e-6);
  fl_trace_stats_destroy(stats);
}

static void spans_are_counted_by_node_model_and_tool(void **state) {
  struct fl_trace_stats *stats = fl_trace_stats_create();
  add(stats, "{\"status\":\"done\",\"us\":9}",
      "[[2,2,1,0,7,\"agent\"],[2,3,1,0,9,\"agent\",{\"outcome\":\"failed\",\"code\":\"timeout\"}],"
      "[3,4,2,0,5,\"main\",{\"model\":\"m-1\",\"input_tokens\":10,\"output_tokens\":2,\"cost_nusd\":500,"
      "\"first_token_us\":3}],[3,5,2,0,6,\"main\",{\"model\":\"m-1\",\"input_tokens\":1,\"output_tokens\":1}],"
      "[4,6,2,0,1,\"s/a\",{\"decision\":\"allow\"}],[4,7,2,0,2,\"s/a\",{\"decision\":\"deny\",\"code\":\"denied\"}],"
      "[4,8,2,0,3,\"s/a\",{\"outcome\":\"tool_error\"}],[4,9,2,0,4,\"s/b\",{\"decision\":\"ask\"}],"
      "[6,10,1,0,4,\"\"]]");
  FL_VALUE_AUTO value = fl_trace_stats_value(stats);
  assert_int_equal(fl_size(fl_get(value, "nodes")), 1);
  assert_near(group(value, "nodes", "agent"), "error_rate", 0.5);
  const struct fl_value *model = group(value, "models", "m-1"), *tool = group(value, "tools", "s/a");
  assert_int_equal(fl_get_int(model, "input_tokens", 0), 11);
  assert_int_equal(fl_get_int(model, "unpriced", 0), 1);
  assert_near(model, "cost_usd", 5e-7);
  assert_int_equal(fl_get_int(model, "first_token_p50_us", 0), 3);
  assert_int_equal(fl_get_int(tool, "count", 0), 3);
  assert_int_equal(fl_get_int(tool, "errors", 0), 2);
  assert_int_equal(fl_get_int(tool, "denied", 0), 1);
  assert_near(tool, "share", 0.75);
  assert_int_equal(fl_get_int(group(value, "tools", "s/b"), "asked", 0), 1);
  fl_trace_stats_destroy(stats);
}

static void percentiles_are_nearest_ranks(void **state) {
  struct fl_trace_stats *stats = fl_trace_stats_create();
  for (int us = 200; us >= 1; us--) {
    FL_FREE_AUTO char *end = fl_format("{\"status\":\"done\",\"us\":%d}", us);
    add(stats, end, "[]");
  }
  FL_VALUE_AUTO value = fl_trace_stats_value(stats);
  const struct fl_value *chat = group(value, "graphs", "chat");
  assert_int_equal(fl_get_int(chat, "p50_us", 0), 100);
  assert_int_equal(fl_get_int(chat, "p90_us", 0), 180);
  assert_int_equal(fl_get_int(chat, "p99_us", 0), 198);
  assert_int_equal(fl_get_int(chat, "max_us", 0), 200);
  fl_trace_stats_destroy(stats);
}

static void nothing_is_counted_of_nothing(void **state) {
  struct fl_trace_stats *stats = fl_trace_stats_create();
  FL_VALUE_AUTO value = fl_trace_stats_value(stats);
  FL_FREE_AUTO char *text = fl_dump(value, NULL);
  assert_string_equal(text, "{\"graphs\":[],\"nodes\":[],\"models\":[],\"tools\":[]}");
  fl_trace_stats_destroy(stats);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(runs_are_counted_by_graph),
      cmocka_unit_test(spans_are_counted_by_node_model_and_tool),
      cmocka_unit_test(percentiles_are_nearest_ranks),
      cmocka_unit_test(nothing_is_counted_of_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
