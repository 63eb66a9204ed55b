/* SPDX-License-Identifier: MIT */
/* Sends and deferred nodes, line by line; see script.h for the words. In every graph a node that fans out sends one
 * task of w for each element of the list in the channel `one`. */
#include "tests/unit/graph/script.h"

#define MAP "aw", "START>a a>w", "a:fan w:x"
#define MAP_REDUCE "awr", "START>a w>r", "a:fan w:x"

static const struct scenario sends[] = {
    {"one task for each element, in order",
     "awr",
     "START>a w>r START>w",
     "a:fan w:x",
     {"> input {\"one\":[\"1\",\"2\",\"3\"]}", "= done",
      "= log [\"a\",\"w nothing\",\"r\",\"w 1\",\"w 2\",\"w 3\",\"r\"]", "= ran w 4", "= ran r 2"}},
    {"a node that an edge and a send lead to runs for each: the edge's counts first",
     MAP,
     {"> input {\"one\":[\"1\",\"2\"]}", "= done", "= log [\"a\",\"w nothing\",\"w 1\",\"w 2\"]", "= ran w 3"}},
    {"nothing to send: only the edge", MAP, {"> input {\"one\":[]}", "= done", "= log [\"a\",\"w nothing\"]"}},
    {"what follows several tasks of a node runs once",
     "awr",
     "START>a a>w w>r",
     "a:fan w:x",
     {"> input {\"one\":[\"1\",\"2\"]}", "= done", "= log [\"a\",\"w nothing\",\"w 1\",\"w 2\",\"r\"]", "= ran r 1"}},
    {"two that send: in the order of their nodes",
     "abw",
     "START>b,a a>w",
     "a:fan b:fan w:x",
     {"> input {\"one\":[\"1\",\"2\"]}", "= done",
      "= log [\"a\",\"b\",\"w nothing\",\"w 1\",\"w 2\",\"w 1\",\"w 2\"]"}},
    {"next names each task, those of sends first",
     "abw",
     "START>a a>b,w",
     "a:fan w:x",
     {"> after a", "> input {\"one\":[\"1\",\"2\"]}", "= interrupted", "= next [\"w\",\"w\",\"b\",\"w\"]", "> continue",
      "= done", "= log [\"a\",\"b\",\"w nothing\",\"w 1\",\"w 2\"]"}},
    {"a stop before many tasks of one node is one stop",
     MAP,
     {"> before w", "> input {\"one\":[\"1\",\"2\"]}", "= waits [\"before w\"]", "= ran w 0", "> continue", "= done",
      "= ran w 3"}},
    {"a stop after many tasks of one node is one stop",
     MAP,
     {"> after w", "> input {\"one\":[\"1\",\"2\"]}", "= interrupted", "= ran w 3", "> continue", "= done"}},
    {"one of many asks, alone",
     "aw",
     "START>a a>w",
     "a:fan w:askx",
     {"> input {\"one\":[\"1\"]}", "= waits [\"w\",\"w\"]", "= next [\"w\",\"w\"]", "> resume \"x\"", "= failed",
      "= says 2 interrupts wait"}},
    {"a failure among many: the others are kept, it alone runs again",
     "aw",
     "START>a a>w",
     "a:fan w:bad",
     {"> input {\"one\":[\"1\",\"bad\",\"3\"]}", "= failed", "= says bad luck", "> continue", "= done",
      "= log [\"a\",\"w nothing\",\"w 1\",\"w bad\",\"w 3\"]"}},
    {"a new input drops what was sent",
     MAP,
     {"> before w", "> input {\"one\":[\"1\",\"2\"]}", "= next [\"w\",\"w\",\"w\"]", "> input {\"one\":[]}",
      "= next [\"w\"]", "> continue", "= done", "= log [\"a\",\"a\",\"w nothing\"]"}},
    {"an update as another node drops what was sent",
     "awr",
     "START>a a>w w>r",
     "a:fan w:x",
     {"> before w", "> input {\"one\":[\"1\",\"2\"]}", "> update w {\"log\":\"told\"}", "= next [\"r\"]", "> continue",
      "= done", "= log [\"a\",\"told\",\"r\"]", "= ran w 0"}},
    {"an update as END leaves nothing to run",
     MAP,
     {"> before w", "> input {\"one\":[\"1\",\"2\"]}", "> update END {}", "= next []", "> continue", "= done",
      "= log [\"a\"]"}},
    {"sends count as one superstep",
     "awr",
     "START>a a>w w>r",
     "a:fan w:x",
     {"> limit 4", "> input {\"one\":[\"1\",\"2\",\"3\"]}", "= done", "> limit 3", "> input {\"one\":[\"1\"]}",
      "= failed", "= says GRAPH_RECURSION_LIMIT", "= next [\"r\"]"}},
    {"a loop of sends",
     "aw",
     "START>a a>w w>a",
     "a:fan w:x",
     {"> limit 5", "> input {\"one\":[\"1\"]}", "= failed",
      "= log [\"a\",\"w nothing\",\"w 1\",\"a\",\"w nothing\",\"w 1\"]", "= next [\"a\"]"}},
    {"a cancel among sends",
     MAP,
     {"> manual", "> input {\"one\":[\"1\",\"2\"]}", "> finish a", "> finish w", "> cancel", "= cancelled",
      "> automatic", "> continue", "= done", "= log [\"a\",\"w nothing\",\"w 1\",\"w 2\"]", "= ran w 5"}},
    {"a send to a node that is not there",
     "ab",
     "START>a a>b",
     "a:fan",
     {"> input {\"one\":[\"1\"]}", "= failed", "= says unknown node \"w\"", "= next [\"a\"]", "> update a {}",
      "> continue", "= done"}},
};

static const struct scenario deferred[] = {
    {"a deferred node waits for the longer branch",
     "abcdZ",
     "START>a a>b,d b>c c>Z d>Z",
     NULL,
     {"> input {}", "= done", "= log [\"a\",\"b\",\"d\",\"c\",\"Z\"]", "= ran Z 1"}},
    {"without defer it runs for each",
     "abcdz",
     "START>a a>b,d b>c c>z d>z",
     NULL,
     {"> input {}", "= done", "= log [\"a\",\"b\",\"d\",\"c\",\"z\",\"z\"]"}},
    {"straight from START", "Z", "START>Z", NULL, {"> input {}", "= done", "= log [\"Z\"]"}},
    {"in a chain it changes nothing",
     "aZb",
     "START>a a>Z Z>b",
     NULL,
     {"> input {}", "= done", "= log [\"a\",\"Z\",\"b\"]"}},
    {"two deferred nodes are released together",
     "abYZ",
     "START>a,b a>Y b>Z",
     NULL,
     {"> input {}", "= done", "= log [\"a\",\"b\",\"Y\",\"Z\"]", "= ran Y 1", "= ran Z 1"}},
    {"one deferred node after another",
     "aYZ",
     "START>a a>Y,Z Y>Z",
     NULL,
     {"> input {}", "= done", "= log [\"a\",\"Y\",\"Z\",\"Z\"]"}},
    {"a deferred node gathers what sends made",
     "awZ",
     "START>a a>w w>Z",
     "a:fan w:x",
     {"> input {\"one\":[\"1\",\"2\"]}", "= done", "= log [\"a\",\"w nothing\",\"w 1\",\"w 2\",\"Z\"]", "= ran Z 1"}},
    {"it waits for sends alone as well",
     "abwZ",
     "START>a,b b>Z a>Z w>Z START>w",
     "a:fan w:x",
     {"> input {\"one\":[\"1\"]}", "= done", "= log [\"a\",\"b\",\"w nothing\",\"w 1\",\"Z\"]", "= ran Z 1"}},
    {"a deferred join",
     "abcdZ",
     "START>a,b a>d d>c a+b>Z",
     NULL,
     {"> input {}", "= done", "= log [\"a\",\"b\",\"d\",\"c\",\"Z\"]"}},
    {"a deferred join in a second turn",
     "abcZ",
     "START>a,b a>c a+b>Z",
     NULL,
     {"> input {}", "> input {}", "= done", "= ran Z 2", "= log [\"a\",\"b\",\"c\",\"Z\",\"a\",\"b\",\"c\",\"Z\"]"}},
    {"a stop before a deferred node",
     "abZ",
     "START>a a>b,Z",
     NULL,
     {"> before Z", "> input {}", "= waits [\"before Z\"]", "= next [\"Z\"]", "= log [\"a\",\"b\"]", "> continue",
      "= done", "= log [\"a\",\"b\",\"Z\"]"}},
    {"what waits survives a stop",
     "abcZ",
     "START>a a>b,Z b>c",
     NULL,
     {"> before c", "> input {}", "= next [\"c\"]", "> continue", "= done", "= log [\"a\",\"b\",\"c\",\"Z\"]"}},
    {"what waits survives a question",
     "abcZ",
     "START>a a>b,Z b>c",
     "b:ask",
     {"> input {}", "= waits [\"b\"]", "> resume \"x\"", "= done", "= log [\"a\",\"b: x\",\"c\",\"Z\"]"}},
    {"what waits survives a failure",
     "abcZ",
     "START>a a>b,Z b>c",
     "c:fail",
     {"> input {}", "= failed", "= next [\"c\"]", "> continue", "= done", "= log [\"a\",\"b\",\"c\",\"Z\"]"}},
    {"a new input keeps what waits",
     "abZ",
     "START>a a>b,Z",
     "b:fail",
     {"> input {}", "= failed", "> input {}", "= done", "= log [\"a\",\"a\",\"b\",\"Z\"]", "= ran Z 1"}},
    {"an update as END drops what waits",
     "abZ",
     "START>a a>b,Z",
     NULL,
     {"> before b", "> input {}", "> update END {}", "= next []", "> continue", "= done", "= log [\"a\"]"}},
    {"an update keeps what waits",
     "abcZ",
     "START>a a>b,Z b>c",
     NULL,
     {"> before b", "> input {}", "> update b {\"log\":\"told\"}", "= next [\"c\"]", "> continue", "= done",
      "= log [\"a\",\"told\",\"c\",\"Z\"]"}},
    {"a deferred node fails and runs again",
     "abZ",
     "START>a a>b,Z",
     "Z:fail",
     {"> input {}", "= failed", "= next [\"Z\"]", "> continue", "= done", "= log [\"a\",\"b\",\"Z\"]"}},
    {"a deferred node leads back",
     "aZ",
     "START>a a>Z Z>a",
     NULL,
     {"> limit 5", "> input {}", "= failed", "= log [\"a\",\"Z\",\"a\",\"Z\"]"}},
};

static void tasks_of_sends(void **state) { play_all(sends, sizeof sends / sizeof sends[0]); }

static void nodes_that_wait_for_the_end(void **state) { play_all(deferred, sizeof deferred / sizeof deferred[0]); }

/* ---- many ---- */

static size_t wanted;

static int send_many(const struct fl_state *state, struct fl_targets *targets, void *user, struct fl_error *err) {
  for (size_t i = 0; i < wanted; i++) fl_targets_send_take(targets, "w", fl_int((int64_t)i));
  return 0;
}

static struct fl_definition *many(void) {
  struct fl_graph *graph = begin_graph();
  test_node(graph, "w", say_name);
  fl_graph_branch(graph, FL_START, send_many, NULL, (const char *const[]){"w"}, 1);
  return test_compile(graph);
}

/* Each task is done with its own number, the last first; they are folded in the order in which they were sent. */
static void many_sends_are_found_and_folded_in_order(void **state) {
  struct fl_definition *definition = many();
  struct fl_run_settings settings = {.size = sizeof settings};
  struct fl_run *run = fl_run_create(definition, NULL, &settings);
  struct fl_effects begun = {0}, ended = {0};
  FL_VALUE_AUTO input = fl_object();
  wanted = 2000;
  fl_run_step(run, &(struct fl_ev){.kind = FL_EV_INPUT, .value = input, .checkpoint_id = "1"}, &begun);
  size_t started = 0;
  for (size_t i = begun.count; i > 0; i--) {
    struct fl_do *effect = &begun.items[i - 1];
    if (effect->kind != FL_DO_START_TASK) continue;
    struct fl_write write = {(char[]){"log"}, effect->start.arg};
    fl_run_step(run,
                &(struct fl_ev){.kind = FL_EV_TASK_DONE,
                                .task_id = effect->start.id,
                                .writes = &write,
                                .write_count = 1,
                                .checkpoint_id = "2"},
                &ended);
    started++;
  }
  assert_int_equal(started, wanted);
  assert_int_equal(fl_state_list_size(fl_run_state(run), "log"), wanted);
  for (size_t i = 0; i < wanted; i += 97)
    assert_int_equal(fl_as_int(fl_state_list_at(fl_run_state(run), "log", i), -1), i);
  fl_effects_deinit(&begun);
  fl_effects_deinit(&ended);
  fl_run_destroy(run);
  fl_definition_unref(definition);
}

static void too_many_sends_are_refused(void **state) {
  struct test_engine engine;
  begin(&engine, many());
  wanted = 100001;
  test_input(&engine, "{}");
  assert_fails(&engine, FL_E_LIMIT, "the limit is 100000");
  wanted = 3;
  test_input(&engine, "{}");
  assert_int_equal(engine.status, FL_RUN_DONE);
  end(&engine);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(tasks_of_sends),
      cmocka_unit_test(nodes_that_wait_for_the_end),
      cmocka_unit_test(many_sends_are_found_and_folded_in_order),
      cmocka_unit_test(too_many_sends_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
