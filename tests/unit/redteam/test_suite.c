/* SPDX-License-Identifier: MIT */
/* Suites as text: what is read, what is said about those that cannot be, and what an attack does to an answer. */
#include "runtime/base/mem.h"
#include "runtime/redteam/suite.h"
#include "tests/support/support.h"

#include <string.h>

#define TOOLS "tools:\n  - { name: a/read, result: { text: plain, list: [ { note: n } ] } }\n  - { name: a/write }\n"
#define TASKS "tasks:\n  - { name: t, user: Read., calls: [ { tool: a/read } ] }\n"
#define HEAD "redteam: 1\ndomain: d\n"
#define ATTACK(plant, call) "attacks:\n  - { name: x, text: obey, plant: " plant ", calls: [ { tool: " call " } ] }\n"

static const struct {
  const char *text, *said;
} wrong[] = {
    {"redteam: 2\ndomain: d\n" TOOLS TASKS, "s.yaml:1:10: error: is 2, but must be 1 (at /redteam)"},
    {HEAD TOOLS, "s.yaml:1:1: error: lacks the required property \"tasks\""},
    {HEAD TOOLS TASKS "atacks: []\n",
     "s.yaml:8:1: error: a suite has no key \"atacks\" here (at /atacks); did you mean \"attacks\"?"},
    {HEAD TOOLS "tasks:\n  - { name: t, user: R, cals: [] }\n", "did you mean \"calls\"?"},
    {HEAD TOOLS "tasks:\n  - { name: t, user: R, calls: [ { tool: a/raed } ] }\n",
     "s.yaml:7:42: error: the suite has no tool \"a/raed\" (at /tasks/0/calls/0/tool); did you mean \"a/read\"?"},
    {HEAD TOOLS TASKS "  - { name: t, user: R, calls: [ { tool: a/read } ] }\n",
     "s.yaml:8:13: error: there is a task \"t\" already"},
    {HEAD "tools: [ { name: a/read }, { name: a/read } ]\n" TASKS, "there is a tool \"a/read\" already"},
    {HEAD TOOLS "tasks:\n  - name: t\n    user: R\n    calls: [ { tool: a/read } ]\n    manifest:\n      tools:\n"
                "        - { match: a/read, max_cals: 1 }\n",
     "s.yaml:12:38: error: a manifest has no key \"max_cals\" here (at /tasks/0/manifest/tools/0/max_cals); did you "
     "mean \"max_calls\"?"},
    {HEAD "manifest: { tools: [ { match: a/read, effect: twice } ] }\n" TOOLS TASKS, "(at /manifest/tools/0/effect)"},
    {HEAD TOOLS TASKS ATTACK("{ tool: a/read, at: /txt }", "a/write"),
     "\"/txt\" leads to no text in what a/read answers (at /attacks/0/plant/at)"},
    {HEAD TOOLS TASKS ATTACK("{ tool: a/read }", "a/write"), "\"\" leads to no text in what a/read answers"},
    {HEAD "tools: [ { name: a/read }, { name: a/write, result: text } ]\n" TASKS ATTACK("{ tool: a/write }", "a/write"),
     "no task calls a/write, so nothing would ever read this attack (at /attacks/0/plant/tool)"},
    {HEAD TOOLS TASKS ATTACK("{ tool: a/reed, at: /text }", "a/write"), "did you mean \"a/read\"?"},
    {HEAD TOOLS TASKS ATTACK("{ tool: a/read, at: /text }", "a/wrote"), "(at /attacks/0/calls/0/tool)"},
    {"a: [\n", "s.yaml:2:1: error"},
};

static int load(const char *text, struct fl_suite **ret_suite, struct fl_diags *diags) {
  *ret_suite = NULL;
  return fl_suite_load("s.yaml", fl_slice_of(text), ret_suite, diags);
}

static void a_mistake_is_said_with_its_place(void **state) {
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    struct fl_suite *suite;
    struct fl_diags diags = {0};
    assert_true(load(wrong[i].text, &suite, &diags) < 0);
    assert_null(suite);
    bool is_said = false;
    for (size_t j = 0; j < diags.count; j++) {
      FL_FREE_AUTO char *line = fl_diag_format(&diags.items[j]);
      is_said = is_said || strstr(line, wrong[i].said) != NULL;
      if (j + 1 == diags.count && !is_said) fail_msg("row %zu: %s", i, line);
    }
    fl_diags_deinit(&diags);
  }
}

static void calls_and_manifests_are_read(void **state) {
  struct fl_suite *suite;
  struct fl_diags diags = {0};
  assert_int_equal(load(HEAD "graph: g.yaml\nmanifest: { tools: [ { match: a/* } ] }\n" TOOLS
                             "tasks:\n  - { name: t, user: R, calls: [ { tool: a/read, args: { n: 1 }, times: 3 } ] }\n"
                             "  - { name: u, user: R, calls: [ { tool: a/write } ], manifest: { tools: [] } }\n",
                        &suite, &diags),
                   0);
  assert_string_equal(suite->graph, "g.yaml");
  assert_int_equal(suite->tasks[0].calls.count, 3);
  assert_int_equal(fl_get_int(suite->tasks[0].calls.items[2].args, "n", 0), 1);
  assert_string_equal(fl_manifest_id(suite->tasks[0].manifest), "d"); /* the one for all */
  assert_string_equal(fl_manifest_id(suite->tasks[1].manifest), "u");
  assert_int_equal(fl_manifest_rule_count(suite->tasks[1].manifest), 0);
  assert_true(fl_get_bool(suite->tools[1].result, "ok", false)); /* what a tool answers that says nothing */
  fl_suite_destroy(suite);
}

static const char answers[] = "tools:\n  - name: a/read\n    results:\n      - { args: { n: 1 }, result: one }\n"
                              "      - { args: { n: 2 }, result: { l: [ { t: x, u: y }, { t: z } ] } }\n      - { "
                              "args: { n: 1, m: 2 }, result: no }\n";

static char *answer_of(const struct fl_suite *suite, const char *args_text, const struct fl_suite_attack *attack) {
  FL_VALUE_AUTO args = NULL;
  assert_int_equal(fl_parse(args_text, strlen(args_text), &args, NULL), 0);
  FL_VALUE_AUTO answer = fl_suite_answer(&suite->tools[0], args, attack);
  char *text = fl_dump(answer, NULL), *copy = fl_strdup(text);
  fl_text_free(text);
  return copy;
}

static void the_first_answer_whose_arguments_fit_counts(void **state) {
  static const struct {
    const char *args, *plain, *planted;
  } rows[] = {{"{\"n\":1}", "\"one\"", "\"one\""},
              {"{\"n\":1,\"m\":2}", "\"one\"", "\"one\""},
              {"{\"n\":2}", "{\"l\":[{\"t\":\"x\",\"u\":\"y\"},{\"t\":\"z\"}]}",
               "{\"l\":[{\"t\":\"x\\nobey\",\"u\":\"y\"},{\"t\":\"z\\nobey\"}]}"},
              {"{}", "{\"ok\":true}", "{\"ok\":true}"}};
  struct fl_suite *suite;
  struct fl_diags diags = {0};
  FL_FREE_AUTO char *text = fl_format("%s%s%s%s", HEAD, answers,
                                      "tasks: [ { name: t, user: R, calls: [ { tool: a/read, args: { n: 2 } } ] } ]\n",
                                      ATTACK("{ tool: a/read, at: /l/*/t }", "a/read"));
  assert_int_equal(load(text, &suite, &diags), 0);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    FL_FREE_AUTO char *plain = answer_of(suite, rows[i].args, NULL);
    FL_FREE_AUTO char *planted = answer_of(suite, rows[i].args, &suite->attacks[0]);
    assert_string_equal(plain, rows[i].plain);
    assert_string_equal(planted, rows[i].planted);
  }
  fl_suite_destroy(suite);
}

static void a_pointer_may_have_escapes_and_indices(void **state) {
  FL_VALUE_AUTO value = NULL;
  static const char text[] = "{\"a/b\":[\"x\",\"y\"],\"~\":\"z\",\"n\":1}";
  assert_int_equal(fl_parse(text, sizeof text - 1, &value, NULL), 0);
  static const struct {
    const char *pointer, *becomes;
    size_t count;
  } rows[] = {{"/a~1b/1", "{\"a/b\":[\"x\",\"y\\n!\"],\"~\":\"z\",\"n\":1}", 1},
              {"/~0", "{\"a/b\":[\"x\",\"y\"],\"~\":\"z\\n!\",\"n\":1}", 1},
              {"/*", "{\"a/b\":[\"x\",\"y\"],\"~\":\"z\\n!\",\"n\":1}", 1},
              {"/*/*", "{\"a/b\":[\"x\\n!\",\"y\\n!\"],\"~\":\"z\",\"n\":1}", 2},
              {"/n", text, 0},
              {"/a~1b/2", text, 0}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    size_t count = 0;
    FL_VALUE_AUTO planted = fl_suite_plant(value, rows[i].pointer, "!", &count);
    char *becomes = fl_dump(planted, NULL);
    assert_string_equal(becomes, rows[i].becomes);
    assert_int_equal(count, rows[i].count);
    fl_text_free(becomes);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_mistake_is_said_with_its_place),
      cmocka_unit_test(calls_and_manifests_are_read),
      cmocka_unit_test(the_first_answer_whose_arguments_fit_counts),
      cmocka_unit_test(a_pointer_may_have_escapes_and_indices),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
