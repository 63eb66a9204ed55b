/* SPDX-License-Identifier: MIT */
/* Short ways to make graphs and to look at runs, for the tests of this folder. A graph is a text: "START>a a>b,c b+c>d"
 * gives edges and a join; its channels are `log` (a list of who ran), `one` (one value) and `n` (a sum). Everything is
 * static, so that each test is one file. */
#pragma once
#include "tests/unit/graph/fixture.h"

#include "graph/definition.h"

#include <stdio.h>
#include <stdlib.h>

#define UNUSED __attribute__((unused))

/* ---- what nodes do ---- */

UNUSED static void say_name(struct test_call *call) { test_write(call, "log", fl_string(call->start->node)); }

UNUSED static void ask_name(struct test_call *call) {
  struct fl_value *answer = test_ask(call, fl_stringf("%s?", call->start->node));
  if (answer != NULL) test_write(call, "log", fl_stringf("%s: %s", call->start->node, fl_as_string(answer)));
}

UNUSED static void ask_two(struct test_call *call) {
  struct fl_value *first = test_ask(call, fl_stringf("%s 1?", call->start->node));
  struct fl_value *second = first != NULL ? test_ask(call, fl_stringf("%s 2?", call->start->node)) : NULL;
  if (second == NULL) return;
  test_write(call, "log", fl_stringf("%s: %s, %s", call->start->node, fl_as_string(first), fl_as_string(second)));
}

UNUSED static void count_one(struct test_call *call) { test_write(call, "n", fl_int(1)); }

UNUSED static void write_one(struct test_call *call) { test_write(call, "one", fl_string(call->start->node)); }

UNUSED static size_t attempts_of(const struct test_engine *engine, const char *node) {
  return (size_t)(uintptr_t)fl_map_get(&engine->attempts, node);
}

/* Fails the first time. */
UNUSED static void fail_once(struct test_call *call) {
  if (attempts_of(call->user, call->start->node) == 1) test_fail(call, FL_E_REMOTE, "not today");
  else say_name(call);
}

/* One send to w for each element of the list in `one`: {"x": element}. */
UNUSED static void fan_out(struct test_call *call) {
  struct fl_value *list = fl_state_get(call->start->state, "one");
  for (size_t i = 0; fl_is(list, FL_ARRAY) && i < fl_size(list); i++) {
    struct fl_value *arg = fl_object();
    fl_set_take(arg, "x", fl_value_ref(fl_at(list, i)));
    test_goto(call, "w", arg);
  }
  say_name(call);
}

UNUSED static const char *x_of(const struct test_call *call) {
  const char *x = fl_as_string(fl_state_get(call->start->state, "x"));
  return x != NULL ? x : "nothing";
}

/* What a send gave it. */
UNUSED static void say_x(struct test_call *call) {
  test_write(call, "log", fl_stringf("%s %s", call->start->node, x_of(call)));
}

UNUSED static void ask_x(struct test_call *call) {
  struct fl_value *answer = test_ask(call, fl_stringf("%s?", x_of(call)));
  if (answer != NULL) test_write(call, "log", fl_stringf("%s: %s", x_of(call), fl_as_string(answer)));
}

/* The one that got "bad" fails, the first time that any task of the node fails. */
UNUSED static void fail_bad(struct test_call *call) {
  struct test_engine *engine = call->user;
  bool is_bad = strcmp(x_of(call), "bad") == 0 && fl_map_get(&engine->attempts, "failed") == NULL;
  if (!is_bad) {
    say_x(call);
    return;
  }
  fl_map_set(&engine->attempts, "failed", engine);
  test_fail(call, FL_E_REMOTE, "bad luck");
}

/* ---- graphs ---- */

UNUSED static struct fl_graph *begin_graph(void) {
  struct fl_graph *graph = fl_graph_create("shape");
  test_channel(graph, "log", FL_APPEND, NULL);
  test_channel(graph, "one", FL_LAST, NULL);
  test_channel(graph, "n", FL_SUM, NULL);
  return graph;
}

/* The names of a list like "a+b": returns how many; they stand in `text`, which is cut up. */
static size_t split_names(char *text, char separator, const char *names[], size_t limit) {
  size_t count = 0;
  for (char *name = text; name != NULL && count < limit; count++) {
    names[count] = name;
    name = strchr(name, separator);
    if (name != NULL) *name++ = '\0';
  }
  return count;
}

static void add_ways(struct fl_graph *graph, char *ways) {
  const char *from[8], *to[8];
  char *arrow = strchr(ways, '>');
  assert_non_null(arrow);
  *arrow = '\0';
  size_t from_count = split_names(ways, '+', from, 8), to_count = split_names(arrow + 1, ',', to, 8);
  for (size_t i = 0; i < to_count; i++) {
    if (from_count > 1) fl_graph_join(graph, from, from_count, to[i]);
    else fl_graph_edge(graph, from[0], to[i]);
  }
}

UNUSED static void add_edges(struct fl_graph *graph, const char *edges) {
  char text[512], *rest = text;
  snprintf(text, sizeof text, "%s", edges);
  for (char *ways; (ways = strsep(&rest, " ")) != NULL;) add_ways(graph, ways);
}

/* Nodes that say their names, one letter each; `special` (NULL: none) does something else. */
UNUSED static struct fl_definition *shape(const char *letters, const char *edges, const char *special,
                                          test_node_fn *run) {
  struct fl_graph *graph = begin_graph();
  for (; *letters != '\0'; letters++) {
    bool is_special = special != NULL && strchr(special, *letters) != NULL;
    test_node(graph, (const char[]){*letters, '\0'}, is_special ? run : say_name);
  }
  add_edges(graph, edges);
  return test_compile(graph);
}

/* ---- runs ---- */

UNUSED static void begin(struct test_engine *engine, struct fl_definition *definition) {
  test_engine_init(engine, definition);
  engine->user = engine;
}

UNUSED static void end(struct test_engine *engine) {
  assert_string_equal(engine->fault, "");
  struct fl_definition *definition = engine->definition;
  test_engine_deinit(engine);
  fl_definition_unref(definition);
}

/* The process starts anew, with another graph. */
UNUSED static void change_graph(struct test_engine *engine, struct fl_definition *definition) {
  struct fl_definition *before = engine->definition;
  engine->definition = definition;
  test_engine_restart(engine);
  fl_definition_unref(before);
}

UNUSED static void stop_at(struct test_engine *engine, const char *const *before, const char *const *after) {
  engine->settings.interrupt_before = before;
  engine->settings.interrupt_after = after;
  fl_run_configure(engine->run, &engine->settings);
}

/* ---- looking ---- */

UNUSED static void assert_fails(const struct test_engine *engine, int code, const char *part) {
  assert_int_equal(engine->status, FL_RUN_FAILED);
  if (engine->error.code != code || strstr(engine->error.text, part) == NULL)
    fail_msg("%d %s, not %d %s", engine->error.code, engine->error.text, code, part);
}

static void assert_same(const struct fl_value *actual, const char *json, const char *what) {
  FL_VALUE_AUTO expected = test_json(json);
  if (fl_equal(actual, expected)) return;
  char *text = fl_dump(actual, NULL);
  fail_msg("%s: it is %s, not %s", what, text, json);
}

UNUSED static void assert_next(const struct test_engine *engine, const char *json) {
  FL_VALUE_AUTO described = fl_run_describe(engine->run);
  assert_same(fl_get(described, "next"), json, "next");
}

UNUSED static void assert_log(const struct test_engine *engine, const char *json) {
  assert_same(fl_state_get(fl_run_state(engine->run), "log"), json, "log");
}

/* What the run waits for: ["node"] of a question, ["before node"] and ["after node"] of a stop. */
UNUSED static void assert_waits(const struct test_engine *engine, const char *json) {
  FL_VALUE_AUTO described = fl_run_describe(engine->run);
  FL_VALUE_AUTO names = fl_array();
  struct fl_value *interrupts = fl_get(described, "interrupts");
  for (size_t i = 0; i < fl_size(interrupts); i++) {
    const char *when = fl_get_string(fl_at(interrupts, i), "when", NULL),
               *node = fl_get_string(fl_at(interrupts, i), "node", "");
    fl_append_take(names, when != NULL ? fl_stringf("%s %s", when, node) : fl_string(node));
  }
  assert_same(names, json, "what it waits for");
}
