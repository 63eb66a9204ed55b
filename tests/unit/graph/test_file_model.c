/* SPDX-License-Identifier: MIT */
/* Graph files with nodes that ask a model: what they become, and what is said about mistakes. The JSON Schema refuses
 * what it can see. */
#include "graph/file_loader.h"
#include "runtime/json/schema.h"
#include "tests/support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int load(const char *text, struct fl_graph_file *file, struct fl_diags *diags) {
  static const char *const servers[] = {"local", NULL};
  struct fl_graph_file_options options = {.size = sizeof options, .servers = servers};
  return fl_graph_file_load("a.yaml", fl_slice_of(text), &options, file, diags);
}

static struct fl_schema *file_schema(void) {
  struct fl_value *value = NULL;
  struct fl_schema *schema = NULL;
  struct fl_error err = {0};
  const char *text = fl_graph_file_schema();
  if (fl_parse(text, strlen(text), &value, &err) < 0 || fl_schema_create(value, NULL, &schema, &err) < 0)
    fail_msg("%s", err.text);
  fl_value_unref(value);
  return schema;
}

static bool schema_accepts(const struct fl_schema *schema, const char *text) {
  struct fl_document document = {0};
  struct fl_diags diags = {0};
  bool accepts = fl_document_parse("a.yaml", fl_slice_of(text), &document, &diags) == 0 &&
                 fl_schema_validate(schema, document.root, NULL) == 0;
  fl_document_deinit(&document);
  fl_diags_deinit(&diags);
  return accepts;
}

#define HEAD                                                                                                    \
  "fairlead: 1\nmodels: {m: {provider: openai, model: x}, k: {provider: openai, model: x}}\nstate: {messages: " \
  "{reducer: messages}, n: {}, v: {}}\n"
#define TAIL "\nedges: [START -> a]\n"
#define AGENT(KEYS) "{type: agent, model: m, " KEYS "}"
#define REACT(KEYS) "{type: react, model: m, " KEYS "}"
#define JUDGE(KEYS) "{type: judge, model: m, " KEYS "}"

struct mistake {
  const char *node, *pointer, *message;
  bool schema_too;
};

static const struct mistake mistakes[] = {
    {AGENT("prompt: 5"), "/nodes/a/prompt", "must be a text, not a whole number", true},
    {AGENT("prompt: {}"), "/nodes/a/prompt", "\"expr\" is missing", true},
    {AGENT("prompt: {exp: x}"), "/nodes/a/prompt/exp", "a prompt has no key \"exp\"", true},
    {AGENT("prompt: {expr: state.nn}"), "/nodes/a/prompt/expr", "no channel \"nn\"", false},
    {AGENT("sees: state.mesages"), "/nodes/a/sees", "no channel \"mesages\"", false},
    {AGENT("sees: [state.n]"), "/nodes/a/sees", "must be an expression", true},
    {AGENT("answer: 5"), "/nodes/a/answer", "must be a map", true},
    {AGENT("answer: {write: n}"), "/nodes/a/answer", "\"schema\" is missing", true},
    {AGENT("answer: {schema: {}}"), "/nodes/a/answer", "\"write\" is missing", true},
    {AGENT("answer: {schema: {}, write: m}"), "/nodes/a/answer/write", "no channel \"m\"", false},
    {AGENT("answer: {schema: {type: strin}, write: n}"), "/nodes/a/answer/schema", "the schema is not valid", false},
    {AGENT("answer: {schema: {}, write: n, attempts: 0}"), "/nodes/a/answer/attempts", "must be from 1 to 10", true},
    {AGENT("answer: {schema: {}, write: n, attempts: two}"), "/nodes/a/answer/attempts", "must be a whole number",
     true},
    {AGENT("answer: {schema: {}, write: n, tries: 1}"), "/nodes/a/answer/tries", "has no key \"tries\"", true},
    {AGENT("history: {}"), "/nodes/a/history", "\"max_tokens\" is missing", true},
    {AGENT("history: 100"), "/nodes/a/history", "must be a map", true},
    {AGENT("history: {max_tokens: 0}"), "/nodes/a/history/max_tokens", "must be from 1 to", true},
    {AGENT("history: {max_tokens: 10, strategy: cut}"), "/nodes/a/history/strategy", "no strategy \"cut\"", true},
    {AGENT("history: {max_tokens: 10, model: k}"), "/nodes/a/history/model", "only a history that is summarized",
     false},
    {AGENT("history: {max_tokens: 10, prompt: p}"), "/nodes/a/history/prompt", "only a history that is summarized",
     false},
    {AGENT("history: {max_tokens: 10, strategy: summarize, model: z}"), "/nodes/a/history/model", "no model \"z\"",
     false},
    {AGENT("history: {max_tokens: 10, keep_last: 0}"), "/nodes/a/history/keep_last", "must be from 1", true},
    {AGENT("history: {max_tokens: 10}, sees: state.n"), "/nodes/a/sees", "and so does \"history\"", false},
    {AGENT("return_direct: [local/x]"), "/nodes/a/return_direct", "has no key \"return_direct\"", true},
    {REACT("return_direct: [local/x]"), "/nodes/a/return_direct", "the node has no tools", false},
    {REACT("tools: [local/x], return_direct: [lokal/x]"), "/nodes/a/return_direct/0", "no server \"lokal\"", false},
    {AGENT("after_model: a"), "/nodes/a/after_model", "has no key \"after_model\"", true},
    {REACT("after_model: nobody"), "/nodes/a/after_model", "no node \"nobody\"", false},
    {REACT("before_model: 7"), "/nodes/a/before_model", "must be a text", true},
    {REACT("before_model: a"), "/nodes/a/before_model", "inside another one's loop", false},
    {REACT("before_model: h, after_model: h") ", h: {type: set, write: {v: 1}}", "/nodes/a/after_model",
     "runs in the loop of \"a\" already", false},
    {REACT("after_model: h, tools: [local/x], return_direct: [local/x]") ", h: {type: set, write: {v: 1}}",
     "/nodes/a/return_direct", "do not pass \"after_model\"", false},
    {REACT("tools: [local/x], return_direct: local/x"), "/nodes/a/return_direct", "must be a list", true},
    {JUDGE("value: state.n, write: v, choices: [x, y]"), "/nodes/a", "\"criteria\" is missing", true},
    {JUDGE("criteria: c, write: v, choices: [x, y]"), "/nodes/a", "\"value\" is missing", true},
    {JUDGE("criteria: c, value: state.n, choices: [x, y]"), "/nodes/a", "\"write\" is missing", true},
    {JUDGE("criteria: c, value: state.n, write: w, choices: [x, y]"), "/nodes/a/write", "no channel \"w\"", false},
    {JUDGE("criteria: c, value: state.n, write: v"), "/nodes/a", "\"choices\" is missing, or \"score\"", true},
    {JUDGE("criteria: c, value: state.n, write: v, choices: [x, y], score: [0, 1]"), "/nodes/a/score", "not both",
     true},
    {JUDGE("criteria: c, value: state.n, write: v, choices: [x]"), "/nodes/a/choices", "must be 2 to 100 choices",
     true},
    {JUDGE("criteria: c, value: state.n, write: v, choices: [x, x]"), "/nodes/a/choices/1", "there twice", true},
    {JUDGE("criteria: c, value: state.n, write: v, choices: [x, 1]"), "/nodes/a/choices/1", "must be a text", true},
    {JUDGE("criteria: c, value: state.n, write: v, choices: {x: a, y: 1}"), "/nodes/a/choices/y", "must be a text",
     true},
    {JUDGE("criteria: c, value: state.n, write: v, choices: x"), "/nodes/a/choices", "must be a list", true},
    {JUDGE("criteria: c, value: state.n, write: v, score: [1]"), "/nodes/a/score", "the least and the greatest", true},
    {JUDGE("criteria: c, value: state.n, write: v, score: [2, 1]"), "/nodes/a/score", "the least and the greatest",
     false},
    {JUDGE("criteria: {expr: x}, value: state.n, write: v, score: [0, 1]"), "/nodes/a/criteria/expr", "no \"x\"",
     false},
    {JUDGE("criteria: c, value: state.n, write: v, score: [0, 1], attempts: 11"), "/nodes/a/attempts", "from 1 to 10",
     true},
    {"{type: judge, criteria: c, value: state.n, write: v, score: [0, 1]}", "/nodes/a", "the judge does not say which",
     false},
};

static bool has_message(const struct fl_diags *diags, const struct mistake *m) {
  for (size_t i = 0; i < diags->count; i++)
    if (strcmp(diags->items[i].pointer, m->pointer) == 0 && strstr(diags->items[i].message, m->message) != NULL)
      return true;
  return false;
}

static void says_what_is_wrong_and_where(void **state) {
  struct fl_schema *schema = file_schema();
  for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
    const struct mistake *m = &mistakes[i];
    FL_FREE_AUTO char *text = fl_format(HEAD "nodes: {a: %s}" TAIL, m->node);
    struct fl_graph_file file = {0};
    struct fl_diags diags = {0};
    int rc = load(text, &file, &diags);
    for (size_t j = 0; j < diags.count && !has_message(&diags, m); j++) {
      FL_FREE_AUTO char *line = fl_diag_format(&diags.items[j]);
      print_message("# %s\n", line);
    }
    if (rc != FL_E_INVALID || !has_message(&diags, m)) fail_msg("%s: %s", m->node, m->message);
    if (m->schema_too && schema_accepts(schema, text)) fail_msg("%s: the schema accepts it", m->node);
    fl_graph_file_deinit(&file);
    fl_diags_deinit(&diags);
  }
  fl_schema_destroy(schema);
}

static void what_is_right_loads(void **state) {
  static const char *const nodes[] = {
      AGENT("prompt: {expr: \"'x' + state.n\"}"),
      AGENT("sees: state.n, answer: {schema: true, write: v}"),
      AGENT("history: {max_tokens: 10}"),
      REACT("history: {max_tokens: 10, strategy: summarize, model: k, keep_last: 4, prompt: Sum up.}"),
      REACT("tools: [local/*], return_direct: [local/x, local/y*]"),
      JUDGE("criteria: c, value: state.n, write: v, choices: {x: a, y: b}, attempts: 1"),
      JUDGE("criteria: {expr: state.n}, value: state.n, write: v, score: [-1, 1.5]"),
  };
  struct fl_schema *schema = file_schema();
  for (size_t i = 0; i < sizeof nodes / sizeof nodes[0]; i++) {
    FL_FREE_AUTO char *text = fl_format(HEAD "nodes: {a: %s}" TAIL, nodes[i]);
    struct fl_graph_file file = {0};
    struct fl_diags diags = {0};
    int rc = load(text, &file, &diags);
    for (size_t j = 0; j < diags.count; j++)
      if (diags.items[j].severity == FL_SEVERITY_ERROR) print_message("# %s\n", diags.items[j].message);
    assert_int_equal(rc, 0);
    if (!schema_accepts(schema, text)) fail_msg("%s: the schema refuses it", nodes[i]);
    fl_graph_file_deinit(&file);
    fl_diags_deinit(&diags);
  }
  fl_schema_destroy(schema);
}

static void expressions_deep_in_a_node_have_their_pointer(void **state) {
  struct fl_graph_file file = {0};
  struct fl_diags diags = {0};
  assert_int_equal(
      load(HEAD "nodes: {a: " JUDGE("criteria: {expr: state.n}, value: state.v, write: v, score: [0, 1]") "}" TAIL,
           &file, &diags),
      0);
  struct fl_map *exprs = &file.definition->nodes[0].exprs;
  assert_non_null(fl_map_get(exprs, "/criteria/expr"));
  assert_non_null(fl_map_get(exprs, "/value"));
  assert_int_equal(exprs->count, 2);
  fl_graph_file_deinit(&file);
  fl_diags_deinit(&diags);
}

static void the_tools_of_a_react_node_know_which_results_are_the_answer(void **state) {
  struct fl_graph_file file = {0};
  struct fl_diags diags = {0};
  assert_int_equal(load(HEAD "nodes: {a: " REACT("tools: [local/*], return_direct: [local/x]") "}" TAIL, &file, &diags),
                   0);
  const struct fl_node_def *tools = &file.definition->nodes[fl_definition_node(file.definition, "a_tools")];
  assert_int_equal(fl_size(fl_get(tools->config, "return_direct")), 1);
  fl_graph_file_deinit(&file);
  fl_diags_deinit(&diags);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(says_what_is_wrong_and_where),
      cmocka_unit_test(what_is_right_loads),
      cmocka_unit_test(expressions_deep_in_a_node_have_their_pointer),
      cmocka_unit_test(the_tools_of_a_react_node_know_which_results_are_the_answer),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
