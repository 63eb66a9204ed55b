/* SPDX-License-Identifier: MIT */
/* Nodes that a react node runs around its model: before each question, after each reply. */
#include "rig.h"

#define HEAD                                                                               \
  "fairlead: 1\nname: h\nstate:\n  messages: { reducer: messages }\n  log: { reducer: append }\n" \
  "  ok: {}\nmodels: { main: { provider: scripted, script: script.yaml } }\nnodes:\n"

static const char script[] =
    "replies:\n  - when: { user: '^two' }\n    calls:\n      - { name: t__echo, args: { text: one } }\n"
    "      - { name: t__echo, args: { text: other } }\n"
    "  - when: { tool: '(.*)' }\n    text: 'heard ${result.1}'\n  - text: hello\n";

static int run_graph(struct rig *rig, const char *text, const char *input) {
  rig_up(rig);
  return rig_run(rig, rig_load(rig, text, script), (struct fl_invoke_options){.thread = "t", .input = json(input)});
}

static void before_and_after_run_in_each_round(void **state) {
  static const char text[] =
      HEAD "  b: { type: set, write: { log: \"'before ' + string(size(state.messages))\" } }\n"
           "  f: { type: set, write: { log: \"'after ' + string(size(pending_calls(state.messages)))\" } }\n"
           "  a: { type: react, tools: [t/*], before_model: b, after_model: f }\n"
           "edges: [ START -> a -> END ]\n";
  struct rig rig = {0};
  assert_int_equal(run_graph(&rig, text, "{'messages':'two'}"), 0);
  assert_json(rig_out(&rig, "log"), "['before 1','after 2','before 4','after 0']");
  assert_string_equal(rig_messages(&rig, 0),
                      "user: two\nassistant: \ntool: one\ntool: other\nassistant: heard other\n");
  assert_string_equal(rig.calls.data, "echo echo ");
  rig_deinit(&rig);
}

/* What the node after the model answers is not called; what it leaves open is. */
static void calls_that_are_answered_are_not_made(void **state) {
  static const struct {
    const char *refuses, *messages, *calls;
  } rows[] = {
      {"c.args.text == 'one'",
       "user: two\nassistant: \ntool: not allowed\ntool: other\nassistant: heard other\n", "echo "},
      {"true", "user: two\nassistant: \ntool: not allowed\ntool: not allowed\nassistant: heard not allowed\n", ""},
      {"false", "user: two\nassistant: \ntool: one\ntool: other\nassistant: heard other\n", "echo echo "},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    FL_FREE_AUTO char *text =
        fl_format(HEAD "  f:\n    type: set\n    write:\n"
                       "      messages: \"pending_calls(state.messages).filter(c, %s).map(c, {'role': 'tool', "
                       "'tool_call_id': c.id, 'name': c.name, 'status': 'error', 'content': 'not allowed'})\"\n"
                       "  a: { type: react, tools: [t/*], after_model: f }\nedges: [ START -> a ]\n",
                  rows[i].refuses);
    struct rig rig = {0};
    int status = run_graph(&rig, text, "{'messages':'two'}");
    if (status != 0) fail_msg("%s: %s", rows[i].refuses, rig.error.text);
    assert_string_equal(rig_messages(&rig, 0), rows[i].messages);
    assert_string_equal(rig.calls.size > 0 ? rig.calls.data : "", rows[i].calls);
    rig_deinit(&rig);
  }
}

/* A person looks at the calls before they are made, and what the react node leads to comes after that. */
static void the_node_after_may_ask_a_person(void **state) {
  static const char text[] = HEAD "  f: { type: interrupt, value: size(pending_calls(state.messages)), resume: ok }\n"
                                  "  a: { type: react, tools: [t/*], after_model: f }\n"
                                  "  said: { type: set, write: { log: \"'said'\" } }\n"
                                  "  shouted: { type: set, write: { log: \"'shouted'\" } }\n"
                                  "edges:\n  - START -> a\n"
                                  "  - from: a\n"
                                  "    branch: [ { when: state.ok == 'loud', to: shouted }, { to: said } ]\n";
  struct rig rig = {0};
  assert_int_equal(run_graph(&rig, text, "{'messages':'two'}"), 1);
  assert_json(fl_get(fl_at(rig.interrupts, 0), "value"), "2");
  assert_int_equal(rig.calls.size, 0);
  struct fl_definition *definition = rig_load(&rig, text, script);
  struct fl_invoke_options answer = {.thread = "t", .resume = json("'yes'")};
  assert_int_equal(rig_run(&rig, definition, answer), 1);
  assert_json(fl_get(fl_at(rig.interrupts, 0), "value"), "0");
  assert_string_equal(rig.calls.data, "echo echo ");
  struct fl_invoke_options last = {.thread = "t", .resume = json("'loud'")};
  assert_int_equal(rig_run(&rig, definition, last), 0);
  assert_json(rig_out(&rig, "log"), "['shouted']");
  rig_deinit(&rig);
}

/* Edges, branches, sends and gotos that lead to the node lead to what runs before its model. */
static void every_way_in_goes_through_the_node_before(void **state) {
  static const char *const ways[] = {
      "START -> a",
      "{ from: START, branch: [ { when: \"true\", to: a } ] }",
      "START -> g",
      "{ from: START, send: { to: x, for: \"[]\", as: e, else: a } }",
      "{ from: [g2, x2], to: a }",
  };
  for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
    FL_FREE_AUTO char *text =
        fl_format(HEAD "  b: { type: set, write: { log: \"'before'\" } }\n  a: { type: react, before_model: b }\n"
                       "%sedges: [ %s%s ]\n",
                  i == 2   ? "  g: { type: set, goto: a }\n"
                  : i == 3 ? "  x: { type: set, write: { ok: state.e } }\n"
                  : i == 4 ? "  g2: { type: set, write: { ok: 1 } }\n  x2: { type: set, write: { messages: \"[]\" } }\n"
                           : "",
                  i == 4 ? "START -> g2, START -> x2, " : "", ways[i]);
    struct rig rig = {0};
    int status = run_graph(&rig, text, "{'messages':'hi'}");
    if (status != 0) fail_msg("%s: %s", ways[i], rig.error.text);
    assert_json(rig_out(&rig, "log"), "['before']");
    assert_string_equal(rig_messages(&rig, 0), "user: hi\nassistant: hello\n");
    rig_deinit(&rig);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(before_and_after_run_in_each_round),
      cmocka_unit_test(calls_that_are_answered_are_not_made),
      cmocka_unit_test(the_node_after_may_ask_a_person),
      cmocka_unit_test(every_way_in_goes_through_the_node_before),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
