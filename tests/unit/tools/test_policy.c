/* SPDX-License-Identifier: MIT */
/* The decision about a tool, as a table: who may call what, by which rule, and how often it may be repeated. */
#include "tests/support/support.h"
#include "tools/policy/policy.h"

#include <stdio.h>
#include <string.h>

enum { READ = 0, KEYED = 1, ONCE = 2 };

static const char *const graph_list[] = {"math/*", "mail/send", "files/read*", "files/read_secret_*", NULL};

static struct fl_policy *create(const char *const *allow, const char *effects_text) {
  struct fl_value *effects = NULL;
  if (effects_text != NULL) assert_int_equal(fl_parse(effects_text, strlen(effects_text), &effects, NULL), 0);
  struct fl_policy *policy = fl_policy_create_allow_list(allow, effects);
  fl_value_unref(effects); /* copied */
  return policy;
}

static struct fl_decision decide(const struct fl_policy *policy, const char *tool, const char *const *node_allow) {
  struct fl_policy_call call = {.node = "agent", .tool = tool, .node_allow = node_allow};
  struct fl_decision decision;
  memset(&decision, 0xff, sizeof decision);
  fl_policy_decide(policy, &call, &decision);
  return decision;
}

static void what_no_pattern_names_is_denied(void **state) {
  static const struct {
    const char *tool;
    enum fl_verdict verdict;
    const char *rule;
  } rows[] = {
      {"math/add", FL_VERDICT_ALLOW, "tools of the graph: math/*"},
      {"math/", FL_VERDICT_ALLOW, "tools of the graph: math/*"},
      {"math", FL_VERDICT_DENY, "no tool list of the graph names math"},
      {"maths/add", FL_VERDICT_DENY, "no tool list of the graph names maths/add"},
      {"Math/add", FL_VERDICT_DENY, "no tool list of the graph names Math/add"},
      {"mail/send", FL_VERDICT_ALLOW, "tools of the graph: mail/send"},
      {"mail/send_all", FL_VERDICT_DENY, "no tool list of the graph names mail/send_all"},
      {"mail/*", FL_VERDICT_DENY, "no tool list of the graph names mail/*"},
      {"files/read_secret_key", FL_VERDICT_ALLOW, "tools of the graph: files/read_secret_*"},
      {"", FL_VERDICT_DENY, "no tool list of the graph names "},
      {NULL, FL_VERDICT_DENY, "no tool list of the graph names "},
  };
  struct fl_policy *policy = create(graph_list, NULL);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct fl_decision decision = decide(policy, rows[i].tool, NULL);
    assert_int_equal(decision.verdict, rows[i].verdict);
    assert_string_equal(decision.rule, rows[i].rule);
  }
  fl_policy_destroy(policy);
}

static void an_empty_list_allows_nothing(void **state) {
  static const char *const nothing[] = {NULL}, *const empty[] = {"", NULL};
  const char *const *const lists[] = {NULL, nothing, empty};
  for (size_t i = 0; i < 3; i++) {
    struct fl_policy *policy = create(lists[i], NULL);
    assert_int_equal(decide(policy, "math/add", NULL).verdict, FL_VERDICT_DENY);
    assert_int_equal(decide(policy, "", NULL).verdict, FL_VERDICT_DENY);
    fl_policy_destroy(policy);
  }
  static const char *const all[] = {"*", NULL};
  struct fl_policy *policy = create(all, NULL);
  assert_int_equal(decide(policy, "math/add", NULL).verdict, FL_VERDICT_ALLOW);
  assert_int_equal(decide(policy, "", NULL).verdict, FL_VERDICT_DENY);
  fl_policy_destroy(policy);
  fl_policy_destroy(NULL);
}

static void a_node_can_only_take_away(void **state) {
  static const char *const node[] = {"math/add", "shell/*", NULL}, *const none[] = {NULL}, *const all[] = {"*", NULL};
  struct fl_policy *policy = create(graph_list, NULL);
  struct fl_decision decision = decide(policy, "math/add", node);
  assert_int_equal(decision.verdict, FL_VERDICT_ALLOW);
  assert_string_equal(decision.rule, "tools of node agent: math/add");
  decision = decide(policy, "math/sub", node);
  assert_int_equal(decision.verdict, FL_VERDICT_DENY);
  assert_string_equal(decision.rule, "the tools of node agent do not name math/sub");
  assert_int_equal(decide(policy, "shell/run", node).verdict, FL_VERDICT_DENY); /* the graph does not */
  assert_int_equal(decide(policy, "math/add", none).verdict, FL_VERDICT_DENY);
  assert_int_equal(decide(policy, "shell/run", all).verdict, FL_VERDICT_DENY);
  assert_int_equal(decide(policy, "mail/send", all).verdict, FL_VERDICT_ALLOW);
  fl_policy_destroy(policy);
}

static void the_most_specific_pattern_says_the_effect(void **state) {
  static const struct {
    const char *tool;
    int effect;
  } rows[] = {
      {"math/add", READ},   {"math/store", ONCE}, {"math/storage", KEYED},
      {"math/stop", KEYED}, {"mail/send", ONCE},  {"x/y", ONCE},
  };
  static const char *const texts[] = {
      "{\"math/*\":\"read\",\"math/sto*\":\"keyed\",\"math/store\":\"once\",\"x/*\":\"sometimes\",\"x/y\":3}",
      "{\"x/y\":3,\"math/store\":\"once\",\"x/*\":\"sometimes\",\"math/sto*\":\"keyed\",\"math/*\":\"read\"}",
  };
  for (size_t k = 0; k < 2; k++) { /* the order of the file does not count */
    struct fl_policy *policy = create(graph_list, texts[k]);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
      assert_int_equal(decide(policy, rows[i].tool, NULL).effect, rows[i].effect);
    fl_policy_destroy(policy);
  }
  struct fl_policy *policy = create(graph_list, NULL);
  assert_int_equal(decide(policy, "math/add", NULL).effect, ONCE);
  fl_policy_destroy(policy);
}

static void listing_and_calling_are_decided_alike(void **state) {
  static const char *const tools[] = {"math/add", "mail/send", "mail/read", "files/readme", "", "shell/run"};
  static const char *const node[] = {"m*", NULL};
  FL_VALUE_AUTO args = fl_object();
  fl_set_string(args, "path", "/etc/passwd");
  struct fl_policy *policy = create(graph_list, "{\"*\":\"read\"}");
  for (size_t i = 0; i < sizeof tools / sizeof *tools; i++) {
    struct fl_policy_call call = {.node = "agent", .tool = tools[i], .node_allow = node};
    struct fl_decision listed, called;
    fl_policy_decide(policy, &call, &listed);
    call.args = args;
    fl_policy_decide(policy, &call, &called);
    assert_int_equal(listed.verdict, called.verdict);
    assert_int_equal(listed.effect, called.effect);
    assert_string_equal(listed.rule, called.rule);
    fl_decision_deinit(&called);
  }
  fl_policy_destroy(policy);
}

/* A rule that is too long for its field is cut, between characters. */
static void long_names_are_cut_between_characters(void **state) {
  struct fl_policy *policy = create(graph_list, NULL);
  for (size_t lead = 0; lead < 4; lead++) {
    char tool[400] = "";
    memset(tool, 'a', lead);
    for (size_t at = lead; at + 3 < sizeof tool; at += 3) memcpy(tool + at, "\xe2\x82\xac", 4);
    struct fl_decision decision = decide(policy, tool, NULL);
    assert_int_equal(decision.verdict, FL_VERDICT_DENY);
    FL_VALUE_AUTO text = fl_string(decision.rule);
    assert_string_equal(fl_as_string(text), decision.rule);
    assert_true(strlen(decision.rule) > sizeof decision.rule - 5);
  }
  fl_policy_destroy(policy);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_no_pattern_names_is_denied),
      cmocka_unit_test(an_empty_list_allows_nothing),
      cmocka_unit_test(a_node_can_only_take_away),
      cmocka_unit_test(the_most_specific_pattern_says_the_effect),
      cmocka_unit_test(listing_and_calling_are_decided_alike),
      cmocka_unit_test(long_names_are_cut_between_characters),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
