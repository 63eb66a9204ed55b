/* SPDX-License-Identifier: MIT */
/* Commands: where nodes go beside their edges, and what they tell the graph above. */
#include "tests/unit/graph/script.h"

/* ---- a node says where it goes ---- */

/* From b: where the state's channel `one` says; a text or a list of texts. */
static void go_where_it_says(struct test_call *call) {
  struct fl_value *goal = fl_state_get(call->start->state, "one");
  if (fl_is(goal, FL_STRING)) test_goto(call, fl_as_string(goal), NULL);
  for (size_t i = 0; fl_is(goal, FL_ARRAY) && i < fl_size(goal); i++)
    test_goto(call, fl_as_string(fl_at(goal, i)), NULL);
  say_name(call);
}

static const struct {
  const char *letters, *edges, *input, *log; /* the log; "!" and a part of the error */
} rows[] = {
    {"abcd", "START>a a>b c>d", "{\"one\":\"c\"}", "[\"a\",\"b\",\"c\",\"d\"]"},
    {"abcd", "START>a a>b c>d", "{\"one\":\"END\"}", "[\"a\",\"b\"]"},
    {"abcd", "START>a a>b c>d", "{}", "[\"a\",\"b\"]"},
    {"abcd", "START>a a>b", "{\"one\":[\"d\",\"c\"]}", "[\"a\",\"b\",\"c\",\"d\"]"},
    {"abcd", "START>a a>b", "{\"one\":[\"d\",\"d\"]}", "[\"a\",\"b\",\"d\"]"},
    {"abcd", "START>a a>b b>c", "{\"one\":\"d\"}", "[\"a\",\"b\",\"c\",\"d\"]"}, /* its edge fires as well */
    {"abcd", "START>a a>b b>c", "{\"one\":\"c\"}", "[\"a\",\"b\",\"c\"]"},
    {"abcd", "START>a a>b", "{\"one\":\"nobody\"}", "!unknown node \"nobody\""},
    {"abcd", "START>a a>b", "{\"one\":\"START\"}", "!unknown node \"START\""},
};

static void nodes_go_beside_their_edges(void **state) {
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct test_engine engine;
    struct fl_graph *graph = begin_graph();
    for (const char *letter = rows[i].letters; *letter != '\0'; letter++)
      test_node(graph, (const char[]){*letter, '\0'}, *letter == 'b' ? go_where_it_says : say_name);
    add_edges(graph, rows[i].edges);
    add_edges(graph, "START>c START>d"); /* every node can be reached; the test begins at a */
    begin(&engine, test_compile(graph));
    test_update(&engine, rows[i].input, "START");
    test_update(&engine, "{\"log\":\"a\"}", "a");
    test_continue(&engine);
    if (rows[i].log[0] == '!') assert_fails(&engine, FL_E_NOT_FOUND, rows[i].log + 1);
    else assert_log(&engine, rows[i].log);
    end(&engine);
  }
}

/* ---- what is said to the graph above ---- */

static void tell_parent(struct test_call *call) {
  test_write(call, "above", fl_int(1));
  test_goto(call, "somewhere", NULL);
  test_goto(call, "elsewhere", test_json("{\"x\":1}"));
  call->is_for_parent = true;
}

static void a_root_has_nobody_above(void **state) {
  struct test_engine engine;
  begin(&engine, shape("ab", "START>a a>b", "a", tell_parent));
  test_input(&engine, "{}");
  assert_fails(&engine, FL_E_GRAPH, "not inside another");
  assert_next(&engine, "[\"a\"]");
  end(&engine);
}

static void a_child_leaves_with_its_command(void **state) {
  struct test_engine engine;
  begin(&engine, shape("abc", "START>a,b a>c", "a", tell_parent));
  engine.settings.has_parent = true;
  fl_run_configure(engine.run, &engine.settings);
  engine.manual = true;
  test_input(&engine, "{}");
  test_finish(&engine, "a"); /* b is cancelled */
  assert_true(engine.has_ended);
  assert_int_equal(engine.status, FL_RUN_TO_PARENT);
  assert_int_equal(engine.to_parent.write_count, 1);
  assert_string_equal(engine.to_parent.writes[0].channel, "above");
  assert_int_equal(engine.to_parent.goto_count, 2);
  assert_string_equal(engine.to_parent.gotos[0].node, "somewhere");
  assert_null(engine.to_parent.gotos[0].arg);
  assert_int_equal(fl_get_int(engine.to_parent.gotos[1].arg, "x", 0), 1);
  assert_next(&engine, "[\"a\",\"b\"]"); /* the superstep is not complete */
  test_engine_restart(&engine);
  assert_next(&engine, "[\"a\",\"b\"]");
  assert_log(&engine, "[]");
  end(&engine);
}

static void what_a_sibling_did_is_kept(void **state) {
  struct test_engine engine;
  begin(&engine, shape("abc", "START>a,b a>c", "a", tell_parent));
  engine.settings.has_parent = true;
  fl_run_configure(engine.run, &engine.settings);
  engine.manual = true;
  test_input(&engine, "{}");
  test_finish(&engine, "b");
  test_finish(&engine, "a");
  assert_int_equal(engine.status, FL_RUN_TO_PARENT);
  assert_next(&engine, "[\"a\"]");
  assert_log(&engine, "[\"b\"]");
  end(&engine);
}

/* The graph above has not heard it when the process dies: it is said again, and the node does not run again. */
static void what_was_said_is_said_again(void **state) {
  struct test_engine engine;
  begin(&engine, shape("ab", "START>a a>b", "a", tell_parent));
  engine.user = &engine;
  engine.settings.has_parent = true;
  fl_run_configure(engine.run, &engine.settings);
  test_input(&engine, "{}");
  for (int life = 0; life < 2; life++) {
    test_engine_restart(&engine);
    test_continue(&engine);
    assert_int_equal(engine.status, FL_RUN_TO_PARENT);
    assert_int_equal(engine.to_parent.write_count, 1);
    assert_int_equal(fl_as_int(engine.to_parent.writes[0].value, 0), 1);
    assert_int_equal(engine.to_parent.goto_count, 2);
    assert_null(engine.to_parent.gotos[0].arg);
    assert_int_equal(fl_get_int(engine.to_parent.gotos[1].arg, "x", 0), 1);
    assert_int_equal(attempts_of(&engine, "a"), 1);
  }
  test_engine_restart(&engine);
  test_input(&engine, "{}"); /* a new input has nothing to do with it */
  assert_int_equal(engine.status, FL_RUN_TO_PARENT);
  assert_int_equal(attempts_of(&engine, "a"), 2);
  end(&engine);
}

/* ---- from outside ---- */

#define CHAIN "abcw", "START>a a>b b>c START>w"
#define LOOSE "abc", "START>a a>b START>c"

static const struct scenario outside[] = {
    {"an update joins what waits",
     CHAIN,
     "b:ask w:x",
     {"> input {}", "= waits [\"b\"]", "> command {\"log\":\"told\"} -", "= interrupted", "= waits [\"b\"]",
      "= log [\"a\",\"w nothing\",\"told\"]", "> resume \"x\"", "= done",
      "= log [\"a\",\"w nothing\",\"told\",\"b: x\",\"c\"]"}},
    {"a goto on a thread that is done",
     CHAIN,
     "w:x",
     {"> input {}", "= done", "> command - c", "= done", "= log [\"a\",\"w nothing\",\"b\",\"c\",\"c\"]", "= ran c 2"}},
    {"a goto and an update",
     CHAIN,
     "w:x",
     {"> input {}", "> command {\"log\":\"told\"} b", "= done",
      "= log [\"a\",\"w nothing\",\"b\",\"c\",\"told\",\"b\",\"c\"]"}},
    {"sends from outside",
     CHAIN,
     "w:x",
     {"> input {}", "> command - w=1,w=2,c", "= done",
      "= log [\"a\",\"w nothing\",\"b\",\"c\",\"c\",\"w 1\",\"w 2\"]"}},
    {"a goto beside what waits",
     CHAIN,
     "b:ask w:x",
     {"> input {}", "> command - c", "= interrupted", "= waits [\"b\"]", "= ran c 1", "= ran b 1", "> resume \"x\"",
      "= done", "= log [\"a\",\"w nothing\",\"b: x\",\"c\",\"c\"]", "= ran c 2"}},
    {"a goto to what waits already",
     CHAIN,
     "b:ask w:x",
     {"> input {}", "> command - b", "= interrupted", "= waits [\"b\"]", "= ran b 1", "> resume \"x\"", "= done",
      "= ran b 2"}},
    {"an answer with an update",
     CHAIN,
     "b:ask w:x",
     {"> input {}", "> tell \"x\" {\"log\":\"told\"} -", "= done",
      "= log [\"a\",\"w nothing\",\"told\",\"b: x\",\"c\"]"}},
    {"an answer with a goto",
     CHAIN,
     "b:ask w:x",
     {"> input {}", "> tell \"x\" - w=9", "= done", "= log [\"a\",\"w nothing\",\"b: x\",\"w 9\",\"c\"]"}},
    {"an answer that fits nothing leaves the update out",
     CHAIN,
     "w:x",
     {"> input {}", "> tell \"x\" {\"log\":\"told\"} -", "= failed", "= says no interrupt waits",
      "= log [\"a\",\"w nothing\",\"b\",\"c\"]"}},
    {"two commands, one after the other",
     CHAIN,
     "b:ask w:x",
     {"> input {}", "> command {\"one\":1} -", "> command {\"one\":2} -", "= waits [\"b\"]", "> resume \"x\"", "= done",
      "= state {\"log\":[\"a\",\"w nothing\",\"b: x\",\"c\"],\"one\":2}"}},
    {"on a new thread it is an input",
     CHAIN,
     "w:x",
     {"> command {\"log\":\"told\"} c", "= done", "= log [\"told\",\"a\",\"c\",\"w nothing\",\"b\",\"c\"]"}},
    {"a failure runs again beside it",
     LOOSE,
     "a:fail",
     {"> input {}", "= failed", "> command {\"log\":\"told\"} -", "= done", "= log [\"told\",\"a\",\"c\",\"b\"]"}},
    {"a new input takes what was told along",
     CHAIN,
     "b:ask w:x",
     {"> input {}", "> command {\"log\":\"told\"} c", "= waits [\"b\"]", "> input {}", "= waits [\"b\"]",
      "= log [\"a\",\"w nothing\",\"told\",\"c\",\"a\",\"w nothing\"]"}},
    {"an unknown node",
     CHAIN,
     "b:ask w:x",
     {"> input {}", "> command {\"log\":\"told\"} q", "= failed", "= says unknown node \"q\"", "= waits [\"b\"]",
      "= log [\"a\",\"w nothing\"]"}},
    {"an unknown channel",
     CHAIN,
     "b:ask w:x",
     {"> input {}", "> command {\"lag\":1} -", "= failed", "= says did you mean \"log\"?", "= waits [\"b\"]"}},
    {"nothing at all", CHAIN, "w:x", {"> input {}", "> command - -", "= failed", "= says needs an update or a node"}},
    {"a command goes on from a stop",
     CHAIN,
     "w:x",
     {"> before b", "> input {}", "= waits [\"before b\"]", "> command {\"log\":\"told\"} -", "= done",
      "= log [\"a\",\"w nothing\",\"told\",\"b\",\"c\"]"}},
};

static void commands_from_outside(void **state) { play_all(outside, sizeof outside / sizeof outside[0]); }

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(nodes_go_beside_their_edges),     cmocka_unit_test(a_root_has_nobody_above),
      cmocka_unit_test(a_child_leaves_with_its_command), cmocka_unit_test(what_a_sibling_did_is_kept),
      cmocka_unit_test(what_was_said_is_said_again),     cmocka_unit_test(commands_from_outside),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
