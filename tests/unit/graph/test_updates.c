/* SPDX-License-Identifier: MIT */
/* What comes from outside, line by line: updates as a node, as START, as END, as whoever ran last; inputs on threads
 * that stand in the middle of something; and threads whose graph is another one the next time. See script.h for the
 * words. */
#include "tests/unit/graph/script.h"

#include "runtime/base/mem.h"

#define DIAMOND "abcd", "START>a a>b,c b+c>d"
#define CHAIN "abc", "START>a a>b b>c"
#define PAIR "abc", "START>a,b a+b>c"

static const struct scenario updates[] = {
    {"before anything: as START",
     CHAIN,
     NULL,
     {"> update - {\"log\":\"u\"}", "= done", "= next [\"a\"]", "= ran a 0", "> continue", "= done",
      "= log [\"u\",\"a\",\"b\",\"c\"]"}},
    {"before anything, as a node",
     CHAIN,
     NULL,
     {"> update a {\"log\":\"u\"}", "= next [\"b\"]", "> continue", "= log [\"u\",\"b\",\"c\"]", "= ran a 0"}},
    {"before anything, as the last node",
     CHAIN,
     NULL,
     {"> update c {\"log\":\"u\"}", "= next []", "> continue", "= done", "= log [\"u\"]"}},
    {"after the end: as the node that ran last",
     CHAIN,
     NULL,
     {"> input {}", "> update - {\"log\":\"u\"}", "= next []", "= log [\"a\",\"b\",\"c\",\"u\"]", "> continue",
      "= done", "= ran c 1"}},
    {"after the end, as a node: its edges fire",
     CHAIN,
     NULL,
     {"> input {}", "> update b {\"log\":\"u\"}", "= next [\"c\"]", "> continue",
      "= log [\"a\",\"b\",\"c\",\"u\",\"c\"]"}},
    {"after the end, as START: a new turn",
     CHAIN,
     NULL,
     {"> input {}", "> update START {}", "= next [\"a\"]", "> continue",
      "= log [\"a\",\"b\",\"c\",\"a\",\"b\",\"c\"]"}},
    {"as END: nothing is left to run",
     CHAIN,
     "b:ask",
     {"> input {}", "> update END {\"log\":\"u\"}", "= next []", "= waits []", "> continue", "= done",
      "= log [\"a\",\"u\"]", "> input {}", "= waits [\"b\"]"}},
    {"as the node that asks: it is not asked any more",
     CHAIN,
     "b:ask",
     {"> input {}", "> update b {\"log\":\"u\"}", "= next [\"c\"]", "= waits []", "> resume 1", "= failed",
      "> continue", "= done", "= log [\"a\",\"u\",\"c\"]", "= ran b 1"}},
    {"as the node before the one that asks: it asks anew",
     CHAIN,
     "b:ask",
     {"> input {}", "> update a {\"log\":\"u\"}", "= next [\"b\"]", "= waits []", "> continue", "= waits [\"b\"]",
      "> resume \"x\"", "= done", "= log [\"a\",\"u\",\"b: x\",\"c\"]"}},
    {"as the node that failed",
     CHAIN,
     "b:fail",
     {"> input {}", "= failed", "> update b {\"log\":\"u\"}", "= next [\"c\"]", "> continue", "= done", "= ran b 1",
      "= log [\"a\",\"u\",\"c\"]"}},
    {"at a stop: goes on as if by the node before",
     CHAIN,
     NULL,
     {"> before b", "> input {}", "> update - {\"log\":\"u\"}", "= next [\"b\"]", "> continue", "= done",
      "= log [\"a\",\"u\",\"b\",\"c\"]"}},
    {"at a stop, as the node that it stands before",
     CHAIN,
     NULL,
     {"> before b", "> input {}", "> update b {\"log\":\"u\"}", "= next [\"c\"]", "> continue",
      "= log [\"a\",\"u\",\"c\"]", "= ran b 0"}},
    {"one side of a join by hand",
     DIAMOND,
     "c:ask",
     {"> input {}", "> update c {\"log\":\"u\"}", "= next [\"d\"]", "> continue", "= log [\"a\",\"b\",\"u\",\"d\"]",
      "= ran b 1"}},
    {"both sides of a join by hand",
     DIAMOND,
     NULL,
     {"> update b {\"log\":\"x\"}", "= next []", "> update c {\"log\":\"y\"}", "= next [\"d\"]", "> continue",
      "= log [\"x\",\"y\",\"d\"]"}},
    {"the same side twice does not fire a join",
     DIAMOND,
     NULL,
     {"> update b {}", "> update b {}", "= next []", "> update c {}", "= next [\"d\"]"}},
    {"side by side: ambiguous",
     PAIR,
     NULL,
     {"> before c", "> input {}", "> update - {}", "= failed", "= says ambiguous update", "= next [\"c\"]"}},
    {"a join that is due stays due beside an update as another node",
     PAIR,
     NULL,
     {"> before c", "> input {}", "> update a {\"log\":\"u\"}", "= next [\"c\"]", "> continue",
      "= log [\"a\",\"b\",\"u\",\"c\"]", "= ran c 1"}},
    {"three in a row, each as the one before",
     CHAIN,
     "b:ask",
     {"> input {}", "> update b {\"n\":1}", "> update - {\"n\":1}", "> update - {\"n\":1}", "= next [\"c\"]",
      "> continue", "= done", "= state {\"log\":[\"a\",\"c\"],\"n\":3}"}},
    {"an update between two turns does not stay",
     CHAIN,
     NULL,
     {"> input {}", "> update a {}", "= next [\"b\"]", "> input {}", "= done", "> update - {}", "= next []"}},
    {"what is refused changes nothing",
     CHAIN,
     "b:ask",
     {"> input {}", "> update x {}", "= says there is no node \"x\"", "> update b {\"nope\":1}",
      "= says there is no channel \"nope\"", "> update b [1]", "= says must be an object", "= waits [\"b\"]",
      "> resume \"x\"", "= done", "= log [\"a\",\"b: x\",\"c\"]"}},
};

static const struct scenario inputs[] = {
    {"turn after turn",
     CHAIN,
     NULL,
     {"> input {\"n\":1}", "> input {\"n\":2}", "> input {\"n\":4}",
      "= state {\"log\":[\"a\",\"b\",\"c\",\"a\",\"b\",\"c\",\"a\",\"b\",\"c\"],\"n\":7}"}},
    {"an empty input is an input", CHAIN, NULL, {"> input {}", "= done", "= ran a 1", "> input {}", "= ran a 2"}},
    {"nothing to go on from", CHAIN, NULL, {"> continue", "= failed", "= says give it an input first"}},
    {"on a question of one side",
     DIAMOND,
     "c:ask",
     {"> input {}", "= waits [\"c\"]", "> input {}", "= waits [\"c\"]", "= log [\"a\",\"b\",\"a\",\"b\"]",
      "> resume \"x\"", "= done", "= ran d 1", "= log [\"a\",\"b\",\"a\",\"b\",\"c: x\",\"d\"]"}},
    {"at a stop before a join: the join counts anew",
     PAIR,
     NULL,
     {"> before c", "> input {}", "= next [\"c\"]", "> input {}", "= next [\"c\"]", "= ran a 2", "= ran b 2",
      "> continue", "= done", "= ran c 1"}},
    {"that does not fit, at a question",
     CHAIN,
     "b:ask",
     {"> input {}", "> input {\"x\":1}", "= failed", "= waits [\"b\"]", "> input 5", "= failed", "= waits [\"b\"]",
      "> resume \"x\"", "= done"}},
    {"after a recursion limit",
     "abcd",
     "START>a a>b b>c c>d",
     NULL,
     {"> limit 3", "> input {}", "= failed", "> limit 9", "> input {}", "= done",
      "= log [\"a\",\"b\",\"a\",\"b\",\"c\",\"d\"]", "= ran c 1"}},
};

static void updating(void **state) { play_all(updates, sizeof updates / sizeof updates[0]); }
static void giving_inputs(void **state) { play_all(inputs, sizeof inputs / sizeof inputs[0]); }

/* ---- a graph that is another one the next time ---- */

struct change {
  const char *name;
  const char *letters, *edges, *special; /* of the graph afterwards */
  const char *next, *waits, *log;        /* what it finds; the log after the answer, or after going on */
};

/* Before: a diamond in which b waits for its answer and c is done. */
static const struct change changes[] = {
    {"nothing", DIAMOND, "b:ask", "[\"b\"]", "[\"b\"]", "[\"a\",\"b: x\",\"c\",\"d\"]"},
    {"another order of nodes", "dcba", "START>a a>b,c b+c>d", "b:ask", "[\"b\"]", "[\"b\"]",
     "[\"a\",\"c\",\"b: x\",\"d\"]"},
    {"one more node at the end", "abcde", "START>a a>b,c b+c>d d>e", "b:ask", "[\"b\"]", "[\"b\"]",
     "[\"a\",\"b: x\",\"c\",\"d\",\"e\"]"},
    {"the node that asked is gone", "acd", "START>a a>c c>d", NULL, "[]", "[]", "[\"a\",\"c\"]"},
    {"the node that was done is gone", "abd", "START>a a>b b>d", "b:ask", "[\"b\"]", "[\"b\"]",
     "[\"a\",\"b: x\",\"d\"]"},
    {"the first node is gone", "bcd", "START>b,c b+c>d", "b:ask", "[\"b\"]", "[\"b\"]", "[\"a\",\"b: x\",\"c\",\"d\"]"},
    {"the join is an edge", "abcd", "START>a a>b,c b>d", "b:ask", "[\"b\"]", "[\"b\"]", "[\"a\",\"b: x\",\"c\",\"d\"]"},
    {"the node that asked asks no more", DIAMOND, NULL, "[\"b\"]", "[\"b\"]", "[\"a\",\"b\",\"c\",\"d\"]"},
    {"all is new", "xy", "START>x x>y", NULL, "[]", "[]", "[\"a\"]"},
};

static void loading_into_another_graph(void **state) {
  static const struct scenario before = {"before", DIAMOND, "b:ask", {NULL}};
  for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
    const struct change *change = &changes[i];
    const struct scenario after = {change->name, change->letters, change->edges, change->special, {NULL}};
    fprintf(stderr, "# %s\n", change->name);
    struct test_engine engine;
    begin(&engine, definition_of(&before));
    test_input(&engine, "{}");
    change_graph(&engine, definition_of(&after));
    assert_next(&engine, change->next);
    assert_waits(&engine, change->waits);
    if (strcmp(change->waits, "[]") == 0) test_continue(&engine);
    else test_resume(&engine, "\"x\"");
    assert_int_equal(engine.status, FL_RUN_DONE);
    assert_log(&engine, change->log);
    test_engine_restart(&engine);
    assert_log(&engine, change->log);
    test_input(&engine, "{}"); /* and the thread lives on */
    assert_int_not_equal(engine.status, FL_RUN_FAILED);
    end(&engine);
  }
}

struct retyped {
  enum fl_reducer before, after;
  const char *written, *held, *more, *then; /* then: after `more` was written as well */
};

static const struct retyped retyped[] = {
    {FL_LAST, FL_APPEND, "[1,2]", "[1,2]", "3", "[1,2,3]"},
    {FL_LAST, FL_APPEND, "{\"a\":1}", "[{\"a\":1}]", "[2]", "[{\"a\":1},2]"},
    {FL_LAST, FL_SUM, "5", "5", "2", "7"},
    {FL_APPEND, FL_LAST, "[1,2]", "[1,2]", "\"x\"", "\"x\""},
    {FL_APPEND, FL_SUM, "[1]", "[1]", "[2]", "[1,2]"},
    {FL_MESSAGES, FL_APPEND, "{\"role\":\"user\",\"id\":\"1\",\"content\":\"a\"}",
     "[{\"role\":\"user\",\"id\":\"1\",\"content\":\"a\"}]", "7",
     "[{\"role\":\"user\",\"id\":\"1\",\"content\":\"a\"},7]"},
    {FL_SUM, FL_MAX, "5", "5", "2", "5"},
    {FL_MERGE, FL_LAST, "{\"a\":1}", "{\"a\":1}", "{\"b\":2}", "{\"b\":2}"},
};

static struct fl_definition *one_channel(enum fl_reducer reducer, const char *name) {
  struct fl_graph *graph = begin_graph();
  test_channel(graph, name, reducer, NULL);
  test_node(graph, "a", say_name);
  fl_graph_edge(graph, FL_START, "a");
  return test_compile(graph);
}

static void write_channel(struct test_engine *engine, const char *name, const char *json) {
  FL_BUF_AUTO input = {0};
  fl_buf_addf(&input, "{\"%s\":%s}", name, json);
  test_input(engine, input.data);
  assert_int_equal(engine->status, FL_RUN_DONE);
}

static void channels_of_another_kind(void **state) {
  for (size_t i = 0; i < sizeof retyped / sizeof retyped[0]; i++) {
    const struct retyped *row = &retyped[i];
    struct test_engine engine;
    begin(&engine, one_channel(row->before, "v"));
    write_channel(&engine, "v", row->written);
    change_graph(&engine, one_channel(row->after, "v"));
    assert_same(fl_state_get(fl_run_state(engine.run), "v"), row->held, "held");
    write_channel(&engine, "v", row->more);
    assert_same(fl_state_get(fl_run_state(engine.run), "v"), row->then, "then");
    test_engine_restart(&engine);
    assert_same(fl_state_get(fl_run_state(engine.run), "v"), row->then, "then, anew");
    end(&engine);
  }
}

static void a_renamed_channel_begins_empty(void **state) {
  struct test_engine engine;
  begin(&engine, one_channel(FL_APPEND, "old"));
  write_channel(&engine, "old", "1");
  change_graph(&engine, one_channel(FL_APPEND, "new"));
  assert_state(&engine, "{\"log\":[\"a\"],\"new\":[]}");
  write_channel(&engine, "new", "2");
  test_engine_restart(&engine);
  assert_state(&engine, "{\"log\":[\"a\",\"a\"],\"new\":[2]}");
  end(&engine);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(updating),
      cmocka_unit_test(giving_inputs),
      cmocka_unit_test(loading_into_another_graph),
      cmocka_unit_test(channels_of_another_kind),
      cmocka_unit_test(a_renamed_channel_begins_empty),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
