/* SPDX-License-Identifier: MIT */
/* Shapes of graphs: which node runs in which superstep. A node writes its name and its superstep; the input is
 * superstep 0. */
#include "tests/unit/graph/shapes.h"

#include "runtime/base/mem.h"

static void say_step(struct test_call *call) {
  test_write(call, "log", fl_stringf("%s%lld", call->start->node, (long long)call->start->step));
}

struct row {
  const char *name, *letters, *edges, *expects;
};

static const struct row rows[] = {
    {"one node", "a", "START>a", "a1"},
    {"a chain", "abc", "START>a a>b b>c", "a1 b2 c3"},
    {"an edge to the end", "ab", "START>a a>b b>END", "a1 b2"},
    {"two entries", "ab", "START>a,b", "a1 b1"},
    {"the definition's order, not the edges'", "abc", "START>c,a,b", "a1 b1 c1"},
    {"fan-out", "abcd", "START>a a>b,c,d", "a1 b2 c2 d2"},
    {"fan-in by edges runs once", "abcd", "START>a a>b,c b>d c>d", "a1 b2 c2 d3"},
    {"fan-in by a join runs once", "abcd", "START>a a>b,c b+c>d", "a1 b2 c2 d3"},
    {"unequal branches by edges run twice", "abcde", "START>a a>b,c c>d b>e d>e", "a1 b2 c2 d3 e3 e4"},
    {"unequal branches by a join run once", "abcde", "START>a a>b,c c>d b+d>e", "a1 b2 c2 d3 e4"},
    {"a join of branches of one, two and three", "abcdefg", "START>a,b,d b>c d>e e>f a+c+f>g", "a1 b1 d1 c2 e2 f3 g4"},
    {"a join of all entries", "abcd", "START>a,b,c a+b+c>d", "a1 b1 c1 d2"},
    {"a join of one after the other", "abc", "START>a a>b a+b>c", "a1 b2 c3"},
    {"a join and an edge to one node", "abc", "START>a,b a>c a+b>c", "a1 b1 c2"},
    {"a join and a later edge", "abcd", "START>a,b a>d d>c a+b>c", "a1 b1 c2 d2 c3"},
    {"two joins of the same nodes", "abcd", "START>a,b a+b>c a+b>d", "a1 b1 c2 d2"},
    {"two joins share a node", "abcde", "START>a,b,c a+b>d b+c>e", "a1 b1 c1 d2 e2"},
    {"two joins to one node, at different times", "abcde", "START>a,b,c c>d a+b>e a+d>e", "a1 b1 c1 d2 e2 e3"},
    {"a join of joins", "abcdefg", "START>a,b,c,d a+b>e c+d>f e+f>g", "a1 b1 c1 d1 e2 f2 g3"},
    {"a join that starts a fan-out", "abcde", "START>a,b a+b>c c>d,e", "a1 b1 c2 d3 e3"},
    {"a diamond of diamonds", "abcdefg", "START>a a>b,c b+c>d d>e,f e+f>g", "a1 b2 c2 d3 e4 f4 g5"},
    {"a node after two of one chain", "abc", "START>a a>b a>c b>c", "a1 b2 c2 c3"},
    {"three ways of unequal length, by edges", "abcdf", "START>a a>b,c,f b>d d>f c>f", "a1 b2 c2 f2 d3 f3 f4"},
};

static void all_shapes(void **state) {
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct test_engine engine;
    fprintf(stderr, "# %s\n", rows[i].name);
    begin(&engine, shape(rows[i].letters, rows[i].edges, rows[i].letters, say_step));
    test_input(&engine, "{}");
    assert_int_equal(engine.status, FL_RUN_DONE);
    FL_BUF_AUTO text = {0};
    struct fl_value *log = fl_state_get(fl_run_state(engine.run), "log");
    for (size_t j = 0; j < fl_size(log); j++) fl_buf_addf(&text, "%s%s", j > 0 ? " " : "", fl_as_string(fl_at(log, j)));
    if (strcmp(text.data, rows[i].expects) != 0) fail_msg("%s: %s, not %s", rows[i].name, text.data, rows[i].expects);
    end(&engine);
  }
}

/* Whatever the order in which tasks end, commits are acknowledged and the process dies: the same. */
static void all_shapes_in_any_order(void **state) {
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    for (uint64_t seed = 1; seed <= 12; seed++) {
      struct test_engine engine;
      begin(&engine, shape(rows[i].letters, rows[i].edges, rows[i].letters, say_step));
      engine.random = seed;
      engine.budget = seed % 3 == 0 ? 0 : 3 + seed * 2;
      test_input(&engine, "{}");
      while (engine.is_dead) {
        test_engine_restart(&engine);
        engine.budget = 0;
        if (test_store_head(&engine.store) == 0) test_input(&engine, "{}");
        else test_continue(&engine);
      }
      FL_BUF_AUTO text = {0};
      struct fl_value *log = fl_state_get(fl_run_state(engine.run), "log");
      for (size_t j = 0; j < fl_size(log); j++)
        fl_buf_addf(&text, "%s%s", j > 0 ? " " : "", fl_as_string(fl_at(log, j)));
      if (strcmp(text.data, rows[i].expects) != 0) fail_msg("%s, seed %d: %s", rows[i].name, (int)seed, text.data);
      end(&engine);
    }
}

/* ---- branches ---- */

/* Goes to the nodes that the channel `one` names, a text or a list of texts. */
static int to_named(const struct fl_state *state, struct fl_targets *targets, void *user, struct fl_error *err) {
  struct fl_value *named = fl_state_get(state, "one");
  if (fl_is(named, FL_STRING)) fl_targets_add(targets, fl_as_string(named));
  for (size_t i = 0; fl_is(named, FL_ARRAY) && i < fl_size(named); i++)
    fl_targets_add(targets, fl_as_string(fl_at(named, i)));
  return 0;
}

struct choice {
  const char *name, *from, *one, *expects;
};

/* The graph is a -> (branch or edges), with b, c, d, and e after b and c together. */
static const struct choice choices[] = {
    {"one target", "a", "\"b\"", "[\"a\",\"b\"]"},
    {"the end", "a", "\"END\"", "[\"a\"]"},
    {"nothing", "a", "null", "[\"a\"]"},
    {"an empty list", "a", "[]", "[\"a\"]"},
    {"two", "a", "[\"b\",\"d\"]", "[\"a\",\"b\",\"d\"]"},
    {"the same twice is once", "a", "[\"d\",\"d\"]", "[\"a\",\"d\"]"},
    {"a target and the end", "a", "[\"END\",\"d\"]", "[\"a\",\"d\"]"},
    {"both of a join", "a", "[\"c\",\"b\"]", "[\"a\",\"b\",\"c\",\"e\"]"},
    {"one of a join never fires it", "a", "[\"c\",\"d\"]", "[\"a\",\"c\",\"d\"]"},
    {"entry: one", FL_START, "\"d\"", "[\"d\"]"},
    {"entry: several", FL_START, "[\"d\",\"b\",\"c\"]", "[\"b\",\"c\",\"d\",\"e\"]"},
    {"entry: none", FL_START, "[]", "[]"},
    {"entry: the end", FL_START, "\"END\"", "[]"},
    {"entry: into the middle", FL_START, "\"a\"", "[\"a\"]"},
};

static struct fl_definition *branching(const char *from) {
  struct fl_graph *graph = begin_graph();
  for (const char *letter = "abcde"; *letter != '\0'; letter++)
    test_node(graph, (const char[]){*letter, '\0'}, say_name);
  if (strcmp(from, "a") == 0) add_edges(graph, "START>a");
  add_edges(graph, "b+c>e");
  fl_graph_branch(graph, from, to_named, NULL, (const char *const[]){"a", "b", "c", "d", FL_END}, 5);
  return test_compile(graph);
}

static void all_choices(void **state) {
  for (size_t i = 0; i < sizeof choices / sizeof choices[0]; i++) {
    struct test_engine engine;
    FL_BUF_AUTO input = {0};
    fl_buf_addf(&input, "{\"one\":%s}", choices[i].one);
    begin(&engine, branching(choices[i].from));
    test_input(&engine, input.data);
    assert_int_equal(engine.status, FL_RUN_DONE);
    assert_same(fl_state_get(fl_run_state(engine.run), "log"), choices[i].expects, choices[i].name);
    end(&engine);
  }
}

/* Two branches after one node, and an edge beside them: all of what they say. */
static void several_branches_after_one_node(void **state) {
  struct fl_graph *graph = begin_graph();
  for (const char *letter = "abcd"; *letter != '\0'; letter++)
    test_node(graph, (const char[]){*letter, '\0'}, say_name);
  add_edges(graph, "START>a a>d");
  fl_graph_branch(graph, "a", to_named, NULL, (const char *const[]){"b", "c"}, 2);
  fl_graph_branch(graph, "a", to_named, NULL, (const char *const[]){"c", "b", "d"}, 3);
  struct test_engine engine;
  begin(&engine, test_compile(graph));
  test_input(&engine, "{\"one\":[\"c\"]}");
  assert_log(&engine, "[\"a\",\"c\",\"d\"]");
  end(&engine);
}

/* A branch sees what its own node wrote, and nothing of the node beside it. */
static int to_c_when_alone(const struct fl_state *state, struct fl_targets *targets, void *user, struct fl_error *err) {
  if (fl_state_list_size(state, "log") == 1) fl_targets_add(targets, "c");
  return 0;
}

static void branches_see_their_own_node_only(void **state) {
  for (uint64_t seed = 0; seed < 10; seed++) {
    struct fl_graph *graph = begin_graph();
    for (const char *letter = "abc"; *letter != '\0'; letter++)
      test_node(graph, (const char[]){*letter, '\0'}, say_name);
    add_edges(graph, "START>a,b");
    fl_graph_branch(graph, "a", to_c_when_alone, NULL, (const char *const[]){"c"}, 1);
    fl_graph_branch(graph, "b", to_c_when_alone, NULL, (const char *const[]){"c"}, 1);
    struct test_engine engine;
    begin(&engine, test_compile(graph));
    engine.random = seed;
    test_input(&engine, "{}");
    assert_log(&engine, "[\"a\",\"b\",\"c\"]");
    end(&engine);
  }
}

/* ---- loops ---- */

static int until_enough(const struct fl_state *state, struct fl_targets *targets, void *user, struct fl_error *err) {
  int64_t enough = fl_as_int(fl_state_get(state, "one"), 0);
  if (fl_as_int(fl_state_get(state, "n"), 0) < enough) fl_targets_add(targets, "a");
  return 0;
}

struct limit {
  uint32_t limit;
  int rounds, ran; /* ran: before the limit stopped it; -1: all */
};

/* A limit of L is enough for L - 1 supersteps of nodes: the input counts as one. */
static const struct limit limits[] = {{0, 24, -1}, {0, 25, 24}, {2, 1, -1}, {2, 2, 1}, {3, 2, -1},
                                      {3, 3, 2},   {6, 5, -1},  {6, 6, 5},  {1, 1, 0}, {1000, 400, -1}};

static void recursion_limits(void **state) {
  for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
    struct fl_graph *graph = begin_graph();
    test_node(graph, "a", count_one);
    add_edges(graph, "START>a");
    fl_graph_branch(graph, "a", until_enough, NULL, (const char *const[]){"a", FL_END}, 2);
    struct test_engine engine;
    FL_BUF_AUTO input = {0};
    fl_buf_addf(&input, "{\"one\":%d}", limits[i].rounds);
    begin(&engine, test_compile(graph));
    engine.settings.recursion_limit = limits[i].limit;
    fl_run_configure(engine.run, &engine.settings);
    test_input(&engine, input.data);
    if (limits[i].ran < 0) assert_int_equal(engine.status, FL_RUN_DONE);
    else assert_fails(&engine, FL_E_RECURSION, "GRAPH_RECURSION_LIMIT");
    assert_int_equal(attempts_of(&engine, "a"), limits[i].ran < 0 ? limits[i].rounds : limits[i].ran);
    assert_int_equal(fl_as_int(fl_state_get(fl_run_state(engine.run), "n"), 0), attempts_of(&engine, "a"));
    if (limits[i].ran >= 0) assert_next(&engine, "[\"a\"]");
    for (int more = 0; engine.status == FL_RUN_FAILED && more < 30; more++) test_continue(&engine);
    assert_int_equal(fl_as_int(fl_state_get(fl_run_state(engine.run), "n"), 0), limits[i].rounds);
    end(&engine);
  }
}

/* A loop with a join in it: the join counts anew in every round. */
static void a_join_in_a_loop(void **state) {
  struct fl_graph *graph = begin_graph();
  for (const char *letter = "abcd"; *letter != '\0'; letter++)
    test_node(graph, (const char[]){*letter, '\0'}, *letter == 'd' ? count_one : say_name);
  add_edges(graph, "START>a a>b,c b+c>d");
  fl_graph_branch(graph, "d", until_enough, NULL, (const char *const[]){"a", FL_END}, 2);
  struct test_engine engine;
  begin(&engine, test_compile(graph));
  test_input(&engine, "{\"one\":3}");
  assert_state(&engine, "{\"log\":[\"a\",\"b\",\"c\",\"a\",\"b\",\"c\",\"a\",\"b\",\"c\"],\"one\":3,\"n\":3}");
  test_engine_restart(&engine);
  test_input(&engine, "{\"one\":4}");
  assert_int_equal(fl_state_list_size(fl_run_state(engine.run), "log"), 12);
  end(&engine);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(all_shapes),
      cmocka_unit_test(all_shapes_in_any_order),
      cmocka_unit_test(all_choices),
      cmocka_unit_test(several_branches_after_one_node),
      cmocka_unit_test(branches_see_their_own_node_only),
      cmocka_unit_test(recursion_limits),
      cmocka_unit_test(a_join_in_a_loop),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
