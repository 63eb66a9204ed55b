/* SPDX-License-Identifier: MIT */
/* Channels as data: what is held, what is written in one superstep, what is held then; or which error. */
#include "tests/unit/graph/fixture.h"

#include "graph/channel.h"
#include "graph/scope.h"

struct row {
  enum fl_reducer reducer;
  const char *held;    /* JSON; NULL: nothing yet */
  const char *writes;  /* JSON array: one element for each write */
  const char *expects; /* JSON, or "!" and a part of the error */
};

static const struct row rows[] = {
    {FL_LAST, NULL, "[1]", "1"},
    {FL_LAST, "1", "[null]", "null"},
    {FL_LAST, "1", "[2,3]", "!INVALID_CONCURRENT_GRAPH_UPDATE"},
    {FL_LAST, "1", "[]", "1"},
    {FL_APPEND, NULL, "[1]", "[1]"},
    {FL_APPEND, "[1]", "[[2,3],4]", "[1,2,3,4]"},
    {FL_APPEND, "[1]", "[[]]", "[1]"},
    {FL_APPEND, "[]", "[[[1,2]]]", "[[1,2]]"}, /* one level only */
    {FL_APPEND, "[]", "[null,{\"a\":1}]", "[null,{\"a\":1}]"},
    {FL_SUM, NULL, "[1,2]", "3"},
    {FL_SUM, "1", "[2,0.5]", "3.5"},
    {FL_SUM, "\"a\"", "[\"b\",\"c\"]", "\"abc\""},
    {FL_SUM, "[1]", "[[2],[3]]", "[1,2,3]"},
    {FL_SUM, "1", "[\"x\"]", "!reducer sum cannot combine a value of type integer with one of type string"},
    {FL_SUM, NULL, "[true]", "!reducer sum does not take a value of type boolean"},
    {FL_SUM, "9223372036854775807", "[1]", "!does not fit 64 bits"},
    {FL_SUM, "-9223372036854775807", "[-1]", "-9223372036854775808"},
    {FL_AND, NULL, "[true,true]", "true"},
    {FL_AND, "true", "[true,false]", "false"},
    {FL_AND, NULL, "[1]", "!reducer and does not take"},
    {FL_OR, NULL, "[false]", "false"},
    {FL_OR, "false", "[false,true]", "true"},
    {FL_MIN, NULL, "[3,1,2]", "1"},
    {FL_MIN, "1", "[0.5]", "0.5"},
    {FL_MIN, "\"b\"", "[\"a\",\"c\"]", "\"a\""},
    {FL_MAX, "9007199254740993", "[9007199254740992]", "9007199254740993"}, /* integers are compared as integers */
    {FL_MAX, "\"ab\"", "[\"a\"]", "\"ab\""},
    {FL_MAX, "1", "[\"a\"]", "!cannot combine"},
    {FL_MAX, "1", "[null]", "!does not take"},
    {FL_MERGE, NULL, "[{\"a\":1},{\"b\":{\"c\":2}}]", "{\"a\":1,\"b\":{\"c\":2}}"},
    {FL_MERGE, "{\"a\":1,\"b\":{\"c\":2,\"d\":3}}", "[{\"a\":null,\"b\":{\"c\":4}}]", "{\"b\":{\"c\":4,\"d\":3}}"},
    {FL_MERGE, "{}", "[[1]]", "!does not take a value of type array"},
    {FL_LAST, NULL, "[{\"a\":[1,{\"b\":null}]}]", "{\"a\":[1,{\"b\":null}]}"},
    {FL_LAST, "{\"a\":1}", "[{\"b\":2}]", "{\"b\":2}"}, /* replaced, not merged */
    {FL_APPEND, "[1]", "[{\"a\":[2]}]", "[1,{\"a\":[2]}]"},
    {FL_APPEND, "[]", "[\"\",[\"\"],false]", "[\"\",\"\",false]"},
    {FL_SUM, "0.5", "[1]", "1.5"},
    {FL_SUM, "\"\"", "[\"\",\"\"]", "\"\""},
    {FL_SUM, "[]", "[[[1]],[2]]", "[[1],2]"}, /* one level only */
    {FL_SUM, "[1]", "[2]", "!cannot combine a value of type array with one of type integer"},
    {FL_SUM, "1", "[null]", "!does not take a value of type null"},
    {FL_SUM, "1", "[{}]", "!does not take a value of type object"},
    {FL_SUM, "1.7e308", "[1.7e308]", "!the sum does not fit a double"},
    {FL_SUM, "-1.7e308", "[-1.7e308]", "!the sum does not fit a double"},
    {FL_SUM, "1.7e308", "[-1.7e308]", "0.0"},
    {FL_SUM, "-9223372036854775808", "[-1]", "!does not fit 64 bits"},
    {FL_AND, "false", "[true,true]", "false"},
    {FL_OR, "true", "[false,false]", "true"},
    {FL_OR, NULL, "[null]", "!reducer or does not take"},
    {FL_MIN, "-1", "[-2,0]", "-2"},
    {FL_MIN, "\"a\"", "[\"\"]", "\"\""},
    {FL_MIN, "\"a\"", "[1]", "!cannot combine"},
    {FL_MAX, "1", "[1.5,1.25]", "1.5"},
    {FL_MAX, "\"z\"", "[\"\u00e9\"]", "\"\u00e9\""}, /* by bytes */
    {FL_MAX, NULL, "[true]", "!does not take a value of type boolean"},
    {FL_MERGE, "{\"a\":{\"b\":1}}", "[{\"a\":2}]", "{\"a\":2}"},
    {FL_MERGE, "{\"a\":[1]}", "[{\"a\":[2]}]", "{\"a\":[2]}"}, /* lists are replaced */
    {FL_MERGE, "{\"a\":1}", "[{}]", "{\"a\":1}"},
    {FL_MERGE, "{\"a\":1}", "[{\"b\":null}]", "{\"a\":1}"},
    /* kinds that do not fold */
    {FL_ANY, NULL, "[1,2]", "2"},
    {FL_ANY, NULL, "[null]", "null"},
    {FL_EPHEMERAL, NULL, "[1]", "1"},
    {FL_EPHEMERAL, NULL, "[1,2]", "!guard: false"},
    {FL_UNTRACKED, "1", "[2]", "2"},
    {FL_UNTRACKED, NULL, "[1,2]", "!INVALID_CONCURRENT_GRAPH_UPDATE"},
    {FL_TOPIC, NULL, "[1,2]", "[1,2]"},
    {FL_TOPIC, NULL, "[[1,2],3,[[4]]]", "[1,2,3,[4]]"},
    {FL_TOPIC, NULL, "[[]]", "[]"},
    /* overwriting what is held */
    {FL_APPEND, "[1]", "[{\"__overwrite__\":[9]}]", "[9]"},
    {FL_APPEND, "[1]", "[2,{\"__overwrite__\":[9]},3]", "[9]"},
    {FL_APPEND, "[1]", "[{\"__overwrite__\":9}]", "[9]"},
    {FL_APPEND, "[1]", "[{\"__overwrite__\":[]}]", "[]"},
    {FL_APPEND, "[1]", "[{\"type\":\"__overwrite__\",\"value\":[7]}]", "[7]"},
    {FL_APPEND, "[1]", "[{\"__overwrite__\":[1]},{\"__overwrite__\":[2]}]", "!overwritten twice"},
    {FL_APPEND, "[1]", "[{\"__overwrite__\":[9],\"x\":1}]", "[1,{\"__overwrite__\":[9],\"x\":1}]"},
    {FL_SUM, "5", "[1,{\"__overwrite__\":2},10]", "2"},
    {FL_SUM, NULL, "[{\"__overwrite__\":2}]", "2"},
    {FL_SUM, "5", "[{\"__overwrite__\":{}}]", "!does not take a value of type object"},
    {FL_SUM, "5", "[{\"__overwrite__\":2},{\"type\":\"__overwrite__\",\"value\":3}]", "!overwritten twice"},
    {FL_AND, "false", "[{\"__overwrite__\":true}]", "true"},
    {FL_OR, "true", "[{\"__overwrite__\":false}]", "false"},
    {FL_MIN, "1", "[{\"__overwrite__\":4}]", "4"},
    {FL_MAX, "9", "[{\"__overwrite__\":4}]", "4"},
    {FL_MERGE, "{\"a\":1}", "[{\"__overwrite__\":{\"b\":2}}]", "{\"b\":2}"},
    {FL_MERGE, "{\"a\":1}", "[{\"b\":2},{\"__overwrite__\":{}}]", "{}"},
    {FL_LAST, "1", "[{\"__overwrite__\":2}]", "{\"__overwrite__\":2}"}, /* which holds one value anyway */
};

static void behave(struct test_call *call) {}

static struct fl_definition *one_channel(enum fl_reducer reducer, const char *held, struct fl_value *schema) {
  struct fl_graph *graph = fl_graph_create("one");
  FL_VALUE_AUTO value = held != NULL ? test_json(held) : NULL;
  fl_graph_channel(
      graph, "c",
      &(struct fl_channel_options){
          .size = sizeof(struct fl_channel_options), .reducer = reducer, .default_value = value, .schema = schema});
  test_node(graph, "node", behave);
  fl_graph_edge(graph, FL_START, "node");
  return test_compile(graph);
}

static int fold_all(struct fl_folds *folds, const char *writes, struct fl_error *err) {
  FL_VALUE_AUTO all = test_json(writes);
  int rc = 0;
  for (size_t i = 0; i < fl_size(all) && rc == 0; i++)
    rc = fl_folds_write(folds, 0, fl_at(all, i), i == 0 ? "left" : "right", err);
  return rc == 0 ? fl_folds_check(folds, err) : rc;
}

static bool comes_out(const struct fl_state *state, const struct fl_folds *folds, const char *expects) {
  struct fl_state *next = fl_state_with(state, folds);
  FL_VALUE_AUTO expected = test_json(expects);
  bool same = fl_equal(fl_state_get(next, "c"), expected);
  fl_state_unref(next);
  return same;
}

static void check_row(const struct row *row, size_t index, struct fl_value *schema) {
  struct fl_definition *definition = one_channel(row->reducer, row->held, schema);
  struct fl_state *state = fl_state_create(definition);
  FL_VALUE_AUTO before = fl_state_to_value(state);
  struct fl_folds folds;
  struct fl_error err = {0};
  fl_folds_init(&folds, state, true);
  int rc = fold_all(&folds, row->writes, &err);
  if (row->expects[0] == '!') {
    if (rc == 0 || strstr(err.text, row->expects + 1) == NULL) fail_msg("row %zu: %d %s", index, rc, err.text);
    assert_non_null(strstr(err.text, "channel \"c\""));
  } else if (rc < 0 || !comes_out(state, &folds, row->expects)) fail_msg("row %zu: %d %s", index, rc, err.text);
  FL_VALUE_AUTO after = fl_state_to_value(state);
  assert_true(fl_equal(before, after)); /* the state it started from is as it was */
  fl_folds_deinit(&folds);
  fl_state_unref(state);
  fl_definition_unref(definition);
}

static void reducers(void **state) {
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) check_row(&rows[i], i, NULL);
}

static void two_writers_are_named(void **state) {
  struct fl_definition *definition = one_channel(FL_LAST, NULL, NULL);
  struct fl_state *empty = fl_state_create(definition);
  struct fl_folds folds;
  struct fl_error err;
  fl_folds_init(&folds, empty, false);
  assert_int_equal(fold_all(&folds, "[1,2]", &err), FL_E_GRAPH);
  assert_non_null(strstr(err.text, "nodes \"left\" and \"right\" wrote it both in one superstep"));
  assert_non_null(strstr(err.text, "give the channel a reducer"));
  fl_folds_deinit(&folds);
  fl_state_unref(empty);
  fl_definition_unref(definition);
}

static void schemas_name_channel_node_and_place(void **state) {
  FL_VALUE_AUTO integer = test_json("{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"}}}");
  check_row(&(struct row){FL_LAST, NULL, "[{\"a\":1}]", "{\"a\":1}"}, 0, integer);
  check_row(
      &(struct row){FL_LAST, NULL, "[{\"a\":\"x\"}]", "!written by node \"left\", does not satisfy its schema: /a"}, 1,
      integer);
  FL_VALUE_AUTO items = test_json("{\"type\":\"array\",\"items\":{\"type\":\"integer\"}}");
  check_row(&(struct row){FL_APPEND, "[1]", "[2,[3]]", "[1,2,3]"}, 2, items);
  check_row(&(struct row){FL_APPEND, "[1]", "[2,\"x\"]", "!channel \"c\", element 2, written by node \"left\""}, 3,
            items);
  FL_VALUE_AUTO few = test_json("{\"type\":\"array\",\"maxItems\":2}");
  check_row(&(struct row){FL_APPEND, "[1]", "[2]", "[1,2]"}, 4, few);
  check_row(&(struct row){FL_APPEND, "[1]", "[2,3]", "!does not satisfy its schema"}, 5, few);
}

/* A view takes the list further; the superstep must not copy it to append the same again. */
static void folds_are_taken_over_from_a_view(void **state) {
  struct fl_definition *definition = one_channel(FL_APPEND, "[1]", NULL);
  struct fl_state *base = fl_state_create(definition);
  struct fl_folds view, folds;
  struct fl_error err;
  fl_folds_init(&view, base, true);
  fl_folds_init(&folds, base, true);
  assert_int_equal(fold_all(&view, "[2]", &err), 0);
  struct fl_list *list = view.items[0].var.list;
  fl_folds_adopt(&folds, &view, "task");
  assert_int_equal(view.count, 0);
  assert_ptr_equal(folds.items[0].var.list, list);
  assert_int_equal(fold_all(&folds, "[3]", &err), 0);
  assert_true(comes_out(base, &folds, "[1,2,3]"));
  fl_folds_deinit(&view);
  fl_folds_deinit(&folds);
  fl_state_unref(base);
  fl_definition_unref(definition);
}

static void a_state_reads_by_name(void **state) {
  struct fl_definition *definition = one_channel(FL_APPEND, "[1,2,3]", NULL);
  struct fl_state *held = fl_state_create(definition);
  assert_int_equal(fl_state_list_size(held, "c"), 3);
  assert_int_equal(fl_as_int(fl_state_list_at(held, "c", 1), 0), 2);
  assert_int_equal(fl_as_int(fl_state_list_last(held, "c"), 0), 3);
  assert_null(fl_state_list_at(held, "c", 3));
  assert_null(fl_state_get(held, "nothing"));
  assert_null(fl_state_get(held, "branch:to:node")); /* hidden channels are no state */
  assert_int_equal(fl_state_list_size(held, "nothing"), 0);
  assert_int_equal(fl_size(fl_state_get(held, "c")), 3);
  struct fl_expr_env env = fl_state_env(held);
  struct fl_expr *expr;
  FL_VALUE_AUTO sum = NULL;
  assert_int_equal(fl_expr_create(FL_SLICE("last(state.c) + size(state.c)"), &expr, NULL), 0);
  assert_int_equal(fl_expr_eval(expr, &env, &sum, NULL), 0);
  assert_int_equal(fl_as_int(sum, 0), 6);
  fl_expr_destroy(expr);
  fl_state_unref(held);
  fl_definition_unref(definition);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reducers),
      cmocka_unit_test(two_writers_are_named),
      cmocka_unit_test(schemas_name_channel_node_and_place),
      cmocka_unit_test(folds_are_taken_over_from_a_view),
      cmocka_unit_test(a_state_reads_by_name),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
