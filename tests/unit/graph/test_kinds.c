/* SPDX-License-Identifier: MIT */
/* Kinds of channels over several supersteps: what fades, what is never stored, what is private, what a node sees. Each
 * row is played with one life and with a new one before each input; what must hold then is the same. */
#include "tests/unit/graph/shapes.h"

/* Node a writes what the input put into `plan` for it: {"a": {channel: value}, "b": …}. */
static void follow_plan(struct test_call *call) {
  struct fl_value *plan = fl_state_get(call->start->state, "plan"), *mine = fl_get(plan, call->start->node);
  struct fl_member member = {0};
  while (fl_is(mine, FL_OBJECT) && fl_next_member(mine, &member))
    test_write(call, member.key, fl_value_ref(member.value));
  FL_VALUE_AUTO sees = fl_state_to_value(call->start->state);
  fl_unset(sees, "plan");
  fl_unset(sees, "saw");
  struct fl_value *saw = fl_object();
  struct fl_value *list = fl_array(); /* which merging replaces */
  fl_append_take(list, fl_value_ref(sees));
  fl_set_take(saw, call->start->node, list);
  test_write(call, "saw", saw);
}

static int longest(struct fl_value *held, struct fl_value *written, struct fl_value **ret_value, void *user,
                   struct fl_error *err) {
  if (!fl_is(written, FL_STRING)) return fl_error_set(err, FL_E_INVALID, "only texts");
  *ret_value = fl_value_ref(fl_string_size(written) > fl_string_size(held) ? written : held);
  return 0;
}

struct row {
  const char *name;
  struct fl_channel_options options;
  const char *inputs[3]; /* of plan and c */
  const char *saw;       /* by the nodes a, b, c of the last run; "!" and a part of the error */
  const char *state;     /* of c, at the end; NULL: nothing */
};

#define OPTIONS(...) \
  { .size = sizeof(struct fl_channel_options), __VA_ARGS__ }
#define ONCE "{\"plan\":{\"a\":{\"c\":1}}}"

static const struct row rows[] = {
    {"last keeps", OPTIONS(.reducer = FL_LAST), {ONCE}, "[{},{\"c\":1},{\"c\":1}]", "1"},
    {"any fades", OPTIONS(.reducer = FL_ANY), {ONCE}, "[{},{\"c\":1},{}]", NULL},
    {"any of an input fades", OPTIONS(.reducer = FL_ANY), {"{\"c\":5}"}, "[{\"c\":5},{},{}]", NULL},
    {"any is seen as long as it is written",
     OPTIONS(.reducer = FL_ANY),
     {"{\"plan\":{\"a\":{\"c\":1},\"b\":{\"c\":2},\"c\":{\"c\":3}}}"},
     "[{},{\"c\":1},{\"c\":2}]",
     "3"},
    {"any fades at the next input",
     OPTIONS(.reducer = FL_ANY),
     {"{\"plan\":{\"c\":{\"c\":3}}}", "{\"plan\":{}}"},
     "[{},{},{}]",
     NULL},
    {"ephemeral fades", OPTIONS(.reducer = FL_EPHEMERAL), {ONCE}, "[{},{\"c\":1},{}]", NULL},
    {"ephemeral of the last step stands",
     OPTIONS(.reducer = FL_EPHEMERAL),
     {"{\"plan\":{\"c\":{\"c\":1}}}"},
     "[{},{},{}]",
     "1"},
    {"ephemeral fades at the next input",
     OPTIONS(.reducer = FL_EPHEMERAL),
     {"{\"plan\":{\"c\":{\"c\":1}}}", "{\"plan\":{}}"},
     "[{},{},{}]",
     NULL},
    {"a topic holds the last step", OPTIONS(.reducer = FL_TOPIC), {ONCE}, "[{\"c\":[]},{\"c\":[1]},{\"c\":[]}]", "[]"},
    {"a topic takes new for old",
     OPTIONS(.reducer = FL_TOPIC),
     {"{\"c\":[1,2],\"plan\":{\"a\":{\"c\":3},\"b\":{\"c\":[4]}}}"},
     "[{\"c\":[1,2]},{\"c\":[3]},{\"c\":[4]}]",
     "[]"},
    {"a topic that accumulates",
     OPTIONS(.reducer = FL_TOPIC, .accumulate = true),
     {"{\"c\":[1,2],\"plan\":{\"a\":{\"c\":3},\"b\":{\"c\":[4]}}}", "{\"plan\":{}}"},
     "[{\"c\":[1,2,3,4]},{\"c\":[1,2,3,4]},{\"c\":[1,2,3,4]}]",
     "[1,2,3,4]"},
    {"untracked lasts for the run", OPTIONS(.reducer = FL_UNTRACKED), {ONCE}, "[{},{\"c\":1},{\"c\":1}]", "1"},
    {"untracked is gone in the next run",
     OPTIONS(.reducer = FL_UNTRACKED),
     {ONCE, "{\"plan\":{}}"},
     "[{},{},{}]",
     NULL},
    {"untracked of an input lasts for the run",
     OPTIONS(.reducer = FL_UNTRACKED),
     {"{\"c\":7}"},
     "[{\"c\":7},{\"c\":7},{\"c\":7}]",
     "7"},
    {"private is a channel like any other",
     OPTIONS(.reducer = FL_LAST, .is_private = true),
     {ONCE},
     "[{},{\"c\":1},{\"c\":1}]",
     "1"},
    {"private takes no input", OPTIONS(.reducer = FL_LAST, .is_private = true), {"{\"c\":1}"}, "!it is private", NULL},
    {"a reducer of one's own",
     OPTIONS(.reduce = longest),
     {"{\"plan\":{\"a\":{\"c\":\"xx\"},\"b\":{\"c\":\"x\"},\"c\":{\"c\":\"xxx\"}}}"},
     "[{},{\"c\":\"xx\"},{\"c\":\"xx\"}]",
     "\"xxx\""},
    {"a reducer of one's own that refuses",
     OPTIONS(.reduce = longest),
     {"{\"c\":\"x\",\"plan\":{\"a\":{\"c\":1}}}"},
     "!channel \"c\", written by node \"a\": only texts",
     "\"x\""},
    {"a reducer of one's own is overwritten",
     OPTIONS(.reduce = longest),
     {"{\"c\":\"xxx\",\"plan\":{\"a\":{\"c\":{\"__overwrite__\":\"y\"}}}}"},
     "[{\"c\":\"xxx\"},{\"c\":\"y\"},{\"c\":\"y\"}]",
     "\"y\""},
    {"append is overwritten, and stored so",
     OPTIONS(.reducer = FL_APPEND),
     {"{\"c\":[1,2],\"plan\":{\"a\":{\"c\":{\"__overwrite__\":[9]}},\"b\":{\"c\":3}}}", "{\"plan\":{}}"},
     "[{\"c\":[9,3]},{\"c\":[9,3]},{\"c\":[9,3]}]",
     "[9,3]"},
    {"messages are overwritten",
     OPTIONS(.reducer = FL_MESSAGES),
     {"{\"c\":[{\"role\":\"user\",\"id\":\"1\",\"content\":\"a\"}],\"plan\":{\"a\":{\"c\":{\"__overwrite__\":[{"
      "\"role\":\"user\",\"id\":\"2\","
      "\"content\":\"b\"}]}}}}",
      "{\"plan\":{}}"},
     "[{\"c\":[{\"role\":\"user\",\"id\":\"2\",\"content\":\"b\"}]},{\"c\":[{\"role\":\"user\",\"id\":\"2\","
     "\"content\":\"b\"}]},"
     "{\"c\":[{\"role\":\"user\",\"id\":\"2\",\"content\":\"b\"}]}]",
     "[{\"role\":\"user\",\"id\":\"2\",\"content\":\"b\"}]"},
};

static struct fl_definition *definition_of(const struct row *row) {
  struct fl_graph *graph = fl_graph_create("kinds");
  test_channel(graph, "plan", FL_LAST, "{}");
  test_channel(graph, "saw", FL_MERGE, "{}");
  fl_graph_channel(graph, "c", &row->options);
  for (const char *name = "abc"; *name != '\0'; name++) test_node(graph, (const char[]){*name, '\0'}, follow_plan);
  add_edges(graph, "START>a a>b b>c");
  return test_compile(graph);
}

static void check_saw(const struct row *row, const struct test_engine *engine) {
  FL_VALUE_AUTO expected = test_json(row->saw);
  struct fl_value *saw = fl_state_get(fl_run_state(engine->run), "saw");
  for (size_t i = 0; i < 3; i++) {
    struct fl_value *mine = fl_at(fl_get(saw, (const char[]){(char)('a' + i), '\0'}), 0);
    char *text = fl_dump(mine, NULL);
    if (!fl_equal(mine, fl_at(expected, i))) fail_msg("%s: node %zu saw %s", row->name, i, text);
    fl_text_free(text);
  }
}

static void play_row(const struct row *row, bool restarts) {
  struct test_engine engine;
  begin(&engine, definition_of(row));
  for (size_t i = 0; i < 3 && row->inputs[i] != NULL; i++) {
    if (restarts) test_engine_restart(&engine);
    test_input(&engine, row->inputs[i]);
  }
  if (row->saw[0] == '!') {
    if (engine.status != FL_RUN_FAILED || strstr(engine.error.text, row->saw + 1) == NULL)
      fail_msg("%s: %s", row->name, engine.error.text);
  } else {
    assert_int_equal(engine.status, FL_RUN_DONE);
    check_saw(row, &engine);
  }
  FL_VALUE_AUTO expected = row->state != NULL ? test_json(row->state) : NULL;
  struct fl_value *actual = fl_state_get(fl_run_state(engine.run), "c");
  char *text = actual != NULL ? fl_dump(actual, NULL) : NULL;
  if ((actual == NULL) != (expected == NULL) || (actual != NULL && !fl_equal(actual, expected)))
    fail_msg("%s: at the end it holds %s", row->name, text != NULL ? text : "nothing");
  fl_text_free(text);
  end(&engine);
}

static void kinds_over_supersteps(void **state) {
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    play_row(&rows[i], false);
    play_row(&rows[i], true);
  }
}

static void what_was_said_last_is_what_is_loaded(void **state) {
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    if (rows[i].options.reducer == FL_UNTRACKED) continue;
    struct test_engine engine;
    begin(&engine, definition_of(&rows[i]));
    for (size_t j = 0; j < 3 && rows[i].inputs[j] != NULL; j++) test_input(&engine, rows[i].inputs[j]);
    char *before = test_state(&engine);
    test_engine_restart(&engine);
    char *after = test_state(&engine);
    assert_string_equal(before, after);
    fl_text_free(before);
    fl_text_free(after);
    end(&engine);
  }
}

/* ---- starts ---- */

static const struct {
  enum fl_reducer reducer;
  const char *schema, *state; /* at the start; NULL: nothing */
} starts[] = {
    {FL_SUM, "{\"type\":\"integer\"}", "0"},
    {FL_SUM, "{\"type\":\"number\"}", "0"},
    {FL_SUM, "{\"type\":\"string\"}", "\"\""},
    {FL_SUM, "{\"type\":\"array\"}", "[]"},
    {FL_SUM, "{\"type\":[\"integer\",\"null\"]}", NULL},
    {FL_SUM, "{\"type\":\"integer\",\"minimum\":1}", NULL}, /* zero is not allowed */
    {FL_SUM, NULL, NULL},
    {FL_OR, "{\"type\":\"boolean\"}", "false"},
    {FL_AND, "{\"type\":\"boolean\"}", NULL},
    {FL_MIN, "{\"type\":\"integer\"}", NULL},
    {FL_MAX, "{\"type\":\"integer\"}", NULL},
    {FL_MERGE, "{\"type\":\"object\"}", "{}"},
    {FL_LAST, "{\"type\":\"integer\"}", NULL},
};

static void folding_starts_at_the_zero_of_its_type(void **state) {
  for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
    FL_VALUE_AUTO schema = starts[i].schema != NULL ? test_json(starts[i].schema) : NULL;
    struct row row = {.options = OPTIONS(.reducer = starts[i].reducer, .schema = schema)};
    struct fl_definition *definition = definition_of(&row);
    FL_VALUE_AUTO expected = starts[i].state != NULL ? test_json(starts[i].state) : NULL;
    if (!(expected == NULL ? definition->channels[2].default_value == NULL
                           : fl_equal(definition->channels[2].default_value, expected)))
      fail_msg("row %zu", i);
    fl_definition_unref(definition);
  }
}

/* ---- input, output and what a node sees ---- */

static struct fl_graph *lists(const struct fl_node_options *of_b) {
  struct fl_graph *graph = fl_graph_create("lists");
  test_channel(graph, "plan", FL_LAST, "{}");
  test_channel(graph, "saw", FL_MERGE, "{}");
  test_channel(graph, "x", FL_LAST, NULL);
  test_channel(graph, "y", FL_LAST, NULL);
  test_node(graph, "a", follow_plan);
  test_node_with(graph, "b", follow_plan, of_b);
  add_edges(graph, "START>a a>b");
  return graph;
}

static void lists_of_channels(void **state) {
  struct fl_node_options of_b = {.size = sizeof of_b, .input = (const char *const[]){"y", NULL}};
  struct fl_compile_options options = {.size = sizeof options,
                                       .input = (const char *const[]){"plan", "x", NULL},
                                       .output = (const char *const[]){"y", NULL}};
  struct fl_definition *definition = NULL;
  struct fl_error err;
  assert_int_equal(fl_graph_compile(lists(&of_b), &options, &definition, &err), 0);
  struct test_engine engine;
  begin(&engine, definition);
  test_input(&engine, "{\"y\":1}");
  assert_fails(&engine, FL_E_INVALID, "the graph's input does not name it");
  test_input(&engine, "{\"x\":1,\"plan\":{\"a\":{\"y\":2}}}");
  assert_int_equal(engine.status, FL_RUN_DONE);
  struct fl_value *saw = fl_state_get(fl_run_state(engine.run), "saw");
  assert_same(fl_at(fl_get(saw, "a"), 0), "{\"x\":1}", "a saw");
  assert_same(fl_at(fl_get(saw, "b"), 0), "{\"y\":2}", "b saw");
  FL_VALUE_AUTO output = fl_state_output(fl_run_state(engine.run));
  assert_same(output, "{\"y\":2}", "the output");
  end(&engine);
}

static void lists_with_mistakes(void **state) {
  struct fl_node_options of_b = {.size = sizeof of_b, .input = (const char *const[]){"yy", NULL}};
  struct fl_compile_options options = {
      .size = sizeof options, .input = (const char *const[]){"zzz", NULL}, .output = (const char *const[]){"c", NULL}};
  struct fl_definition *definition = NULL;
  struct fl_error err;
  struct fl_graph *graph = lists(&of_b);
  fl_graph_channel(graph, "c", &(struct fl_channel_options)OPTIONS(.is_private = true));
  FL_VALUE_AUTO one = fl_int(1);
  fl_graph_channel(graph, "d", &(struct fl_channel_options)OPTIONS(.reducer = FL_EPHEMERAL, .default_value = one));
  fl_graph_channel(graph, "e", &(struct fl_channel_options)OPTIONS(.reducer = FL_CUSTOM));
  assert_int_equal(fl_graph_compile(graph, &options, &definition, &err), FL_E_GRAPH);
  assert_non_null(strstr(err.text, "the input of node \"b\" names the unknown channel \"yy\""));
  assert_non_null(strstr(err.text, "the graph's input names the unknown channel \"zzz\""));
  assert_non_null(strstr(err.text, "\"c\", which is private"));
  assert_non_null(strstr(err.text, "leave the default out"));
  assert_non_null(strstr(err.text, "but no function"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(kinds_over_supersteps),
      cmocka_unit_test(what_was_said_last_is_what_is_loaded),
      cmocka_unit_test(folding_starts_at_the_zero_of_its_type),
      cmocka_unit_test(lists_of_channels),
      cmocka_unit_test(lists_with_mistakes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
