/* SPDX-License-Identifier: MIT */
/* Nodes of type memory, and the agent that runs out of steps. */
#include "rig.h"

static const char notes[] =
    "fairlead: 1\nname: notes\nstate: { op: {}, who: { default: ann }, text: { default: '' }, got: {}, found: {}, "
    "gone: {} }\n"
    "nodes:\n"
    "  put: { type: memory, op: put, namespace: \"['notes', state.who]\", key: \"'k' + string(size(state.text))\",\n"
    "         value: \"{'text': state.text, 'n': size(state.text)}\", ttl_ms: 60000 }\n"
    "  get: { type: memory, op: get, namespace: \"['notes', state.who]\", key: \"'k5'\", write: got }\n"
    "  search: { type: memory, op: search, namespace: \"['notes']\", query: state.text, filter: \"{'n': {'$gt': "
    "3}}\",\n"
    "            limit: 2, write: found }\n"
    "  delete: { type: memory, op: delete, namespace: \"['notes', state.who]\", key: \"'k5'\", write: gone }\n"
    "edges:\n  - from: START\n    branch:\n      - { when: \"state.op == 'put'\", to: put }\n"
    "      - { when: \"state.op == 'get'\", to: get }\n      - { when: \"state.op == 'search'\", to: search }\n"
    "      - { to: delete }\n";

static int play(struct rig *rig, const char *input) {
  return rig_run(rig, rig_load(rig, notes, NULL), (struct fl_invoke_options){.input = json(input)});
}

static void items_outlive_threads(void **state) {
  struct rig rig = {0};
  rig_up(&rig);
  assert_int_equal(play(&rig, "{'op':'get'}"), 0);
  assert_int_equal(fl_type_of(rig_out(&rig, "got")), FL_NULL);
  assert_int_equal(play(&rig, "{'op':'put','text':'ropes'}"), 0);
  assert_int_equal(play(&rig, "{'op':'put','text':'rope walk'}"), 0);
  assert_int_equal(play(&rig, "{'op':'get'}"), 0);
  assert_json(fl_get(rig_out(&rig, "got"), "value"), "{'text':'ropes','n':5}");
  assert_json(fl_get(rig_out(&rig, "got"), "namespace"), "['notes','ann']");
  assert_int_equal(play(&rig, "{'op':'get','who':'bob'}"), 0);
  assert_int_equal(fl_type_of(rig_out(&rig, "got")), FL_NULL);
  assert_int_equal(play(&rig, "{'op':'search','text':'walk'}"), 0);
  assert_int_equal(fl_size(rig_out(&rig, "found")), 1);
  assert_json(fl_get(fl_get(fl_at(rig_out(&rig, "found"), 0), "value"), "text"), "'rope walk'");
  assert_int_equal(play(&rig, "{'op':'delete'}"), 0);
  assert_json(rig_out(&rig, "gone"), "true");
  assert_int_equal(play(&rig, "{'op':'delete'}"), 0);
  assert_json(rig_out(&rig, "gone"), "false");
  rig_deinit(&rig);
}

#define VECTORS(SECTION, RANK)                                                                                   \
  "fairlead: 1\nname: v\nstate: { text: { default: '' }, key: { default: 'k' }, found: {} }\n" SECTION           \
  "nodes:\n  put: { type: memory, op: put, namespace: \"['v']\", key: state.key, value: \"{'text': state.text, " \
  "'other': 'anchor'}\" }\n"                                                                                     \
  "  search: { type: memory, op: search, namespace: \"['v']\", query: state.text, write: found" RANK " }\n"      \
  "edges:\n  - { from: START, branch: [ { when: \"state.key != ''\", to: put }, { to: search } ] }\n"

static int turn(struct rig *rig, const char *graph, const char *input) {
  return rig_run(rig, rig_load(rig, graph, NULL), (struct fl_invoke_options){.input = json(input)});
}

static void a_graph_file_says_how_the_memory_is_searched(void **state) {
  static const char graph[] =
      VECTORS("memory: { embed: { provider: hash, dims: 64 }, fields: [text] }\n", ", rank: vectors");
  struct rig rig = {0};
  rig_up(&rig);
  assert_int_equal(turn(&rig, graph, "{'key':'a','text':'a long rope'}"), 0);
  assert_int_equal(turn(&rig, graph, "{'key':'b','text':'a brass bell'}"), 0);
  assert_int_equal(turn(&rig, graph, "{'key':'','text':'brass bell'}"), 0);
  assert_int_equal(fl_size(rig_out(&rig, "found")), 2); /* vectors rank all; words would find one */
  assert_string_equal(fl_get_string(fl_at(rig_out(&rig, "found"), 0), "key", ""), "b");
  assert_true(fl_get_double(fl_at(rig_out(&rig, "found"), 0), "score", 0) > 0.7);
  static const char words[] =
      VECTORS("memory: { embed: { provider: hash, dims: 64 }, fields: [text] }\n", ", rank: words");
  assert_int_equal(turn(&rig, words, "{'key':'','text':'anchor'}"), 0);
  assert_int_equal(fl_size(rig_out(&rig, "found")), 0); /* what no field names is not searched */
  assert_int_equal(turn(&rig, words, "{'key':'','text':'bell'}"), 0);
  assert_int_equal(fl_size(rig_out(&rig, "found")), 1);
  rig_deinit(&rig);
}

static void wrong_sections_are_told(void **state) {
  static const struct {
    const char *graph, *error;
  } rows[] = {{VECTORS("memory: { embd: {} }\n", ""), "did you mean \"embed\"?"},
              {VECTORS("memory: { embed: {} }\n", ""), "\"provider\" is missing"},
              {VECTORS("memory: { embed: { provider: nobody, model: m, dims: 3 } }\n", ""), "nobody"},
              {VECTORS("memory: { ttl_ms: 0 }\n", ""), "must be from 1"},
              {VECTORS("", ", rank: meaning"), "there is no rank \"meaning\""}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct rig rig = {0};
    rig_up(&rig);
    FL_FREE_AUTO char *text = rig_load_fails(&rig, rows[i].graph, NULL);
    if (strstr(text, rows[i].error) == NULL) fail_msg("%s: %s", rows[i].error, text);
    rig_deinit(&rig);
  }
}

static void what_the_memory_refuses_fails_the_node(void **state) {
  static const struct {
    const char *input, *error;
  } rows[] = {{"{'op':'get','who':''}", "node \"get\""},
              {"{'op':'get','who':'a.b'}", "node \"get\""},
              {"{'op':'search','text':7}", "/query: must be of type string, not integer"}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct rig rig = {0};
    rig_up(&rig);
    assert_int_equal(play(&rig, rows[i].input), FL_E_INVALID);
    if (strstr(rig.error.text, rows[i].error) == NULL) fail_msg("%s: %s", rows[i].input, rig.error.text);
    rig_deinit(&rig);
  }
}

static void mistakes_are_told(void **state) {
  static const struct {
    const char *keys, *message;
  } rows[] = {{"op: put, namespace: \"['a']\"", "\"key\" is missing: put needs it"},
              {"op: putt, namespace: \"['a']\"", "did you mean \"put\""},
              {"op: fetch, namespace: \"['a']\"", "put, get, delete and search"},
              {"namespace: \"['a']\"", "\"op\" is missing"},
              {"op: get, key: \"'k'\", write: a", "\"namespace\" is missing"},
              {"op: get, namespace: \"['a']\", key: \"'k'\"", "\"write\" is missing: get needs it"},
              {"op: get, namespace: \"['a']\", key: \"'k'\", write: b", "no channel \"b\""},
              {"op: search, namespace: \"['a']\", key: \"'k'\", write: a", "the operation search has no \"key\""},
              {"op: search, namespace: \"['a']\", limit: 0, write: a", "must be from 1 to 1000"},
              {"op: put, namespace: \"['a']\", key: \"'k'\", value: state.b", "no channel \"b\""}};
  struct rig rig = {0};
  rig_up(&rig);
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    FL_FREE_AUTO char *text = fl_format(
        "fairlead: 1\nstate: { a: {} }\nnodes: { m: { type: memory, %s } }\nedges: [ START -> m ]\n", rows[i].keys);
    FL_FREE_AUTO char *told = rig_load_fails(&rig, text, NULL);
    if (strstr(told, rows[i].message) == NULL) fail_msg("row %zu: %s", i, told);
  }
  rig_deinit(&rig);
}

/* ---- an agent whose tools could not run any more ---- */

static void a_react_node_says_when_steps_run_out(void **state) {
  static const char text[] = "fairlead: 1\nname: r\nstate: { messages: { reducer: messages } }\n"
                             "models: { main: { provider: scripted, script: script.yaml } }\n"
                             "nodes: { a: { type: react, tools: [t/echo] } }\nedges: [ START -> a ]\n";
  static const char script[] = "replies:\n  - calls: [ { name: t__echo, args: { text: again } } ]\n";
  for (uint32_t limit = 2; limit <= 5; limit++) {
    struct rig rig = {0};
    rig_up(&rig);
    struct fl_invoke_options options = {.input = json("{'messages':'go'}"), .recursion_limit = limit};
    int status = rig_run(&rig, rig_load(&rig, text, script), options);
    const struct fl_value *messages = rig_out(&rig, "messages");
    const char *last = fl_get_string(fl_at(messages, fl_size(messages) - 1), "content", "");
    bool ends_at_the_agent = limit % 2 == 0; /* the input is the first step, the agent runs in every other one */
    if (ends_at_the_agent) {
      assert_int_equal(status, 0);
      assert_string_equal(last, "Sorry, need more steps to process this request.");
    } else {
      assert_true(status < 0);
      assert_non_null(strstr(rig.error.text, "recursion"));
    }
    rig_deinit(&rig);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(items_outlive_threads),   cmocka_unit_test(a_graph_file_says_how_the_memory_is_searched),
      cmocka_unit_test(wrong_sections_are_told), cmocka_unit_test(what_the_memory_refuses_fails_the_node),
      cmocka_unit_test(mistakes_are_told),       cmocka_unit_test(a_react_node_says_when_steps_run_out),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
