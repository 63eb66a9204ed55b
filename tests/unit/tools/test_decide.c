/* SPDX-License-Identifier: MIT */
/* Calls against a manifest, as data (tests/golden/policy): attempts to get around it, each with the rule that refuses
 * it; honest calls, which pass, in the spelling in which they are made; calls that a person is asked about. */
#include "runtime/base/mem.h"
#include "runtime/json/json.h"
#include "runtime/json/utf8.h"
#include "tests/support/support.h"
#include "tools/policy/canonical.h"
#include "tools/policy/manifest_impl.h"
#include "tools/policy/policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NOW_S = 1796000000 }; /* 2026-11-30 */

struct table {
  struct fl_manifest *manifest;
  struct fl_policy *policy;
  struct fl_value *rows;
};

static char *read_golden(const char *name, size_t *ret_size) {
  FL_FREE_AUTO char *path = fl_format("%s/tests/golden/policy/%s", getenv("FL_SOURCE_ROOT"), name);
  char *text = test_read_file(path, ret_size);
  assert_non_null(text);
  return text;
}

static struct fl_manifest *load_manifest(const char *text, size_t size) {
  struct fl_manifest *manifest = NULL;
  struct fl_diags diags = {0};
  int rc = fl_manifest_load("m.yaml", fl_slice_n(text, size), &manifest, &diags);
  if (rc < 0) fail_msg("%u:%u: %s", diags.items[0].line, diags.items[0].column, diags.items[0].message);
  fl_diags_deinit(&diags);
  return manifest;
}

static struct table open_table_of(const char *manifest_name, const char *name) {
  struct table table = {0};
  size_t size = 0;
  FL_FREE_AUTO char *manifest = read_golden(manifest_name, &size);
  table.manifest = load_manifest(manifest, size);
  table.policy = fl_policy_create_manifest(table.manifest, NULL);
  FL_FREE_AUTO char *rows = read_golden(name, &size);
  struct fl_error err = {0};
  if (fl_parse(rows, size, &table.rows, &err) < 0) fail_msg("%s: %s", name, err.text);
  return table;
}

static struct table open_table(const char *name) { return open_table_of("bank.manifest.yaml", name); }

static void close_table(struct table *table) {
  fl_policy_destroy(table->policy);
  fl_manifest_unref(table->manifest);
  fl_value_unref(table->rows);
}

static uint64_t labels_of(const struct fl_value *names) {
  uint64_t labels = 0;
  for (size_t i = 0; i < fl_size(names); i++) {
    const char *name = fl_as_string(fl_at(names, i));
    labels |= strcmp(name, "unknown") == 0 ? FL_LABELS_UNKNOWN : fl_label_bit(name);
  }
  return labels;
}

/* A grant of the table is of the table's manifest where it says HASH. */
static struct fl_value *grants_of(const struct table *table, const struct fl_value *given) {
  struct fl_value *grants = fl_array();
  for (size_t i = 0; i < fl_size(given); i++) {
    struct fl_value *grant = fl_copy_shallow(fl_at(given, i));
    if (strcmp(fl_get_string(grant, "manifest", ""), "HASH") == 0)
      fl_set_string(grant, "manifest", fl_manifest_hash(table->manifest));
    fl_append_take(grants, grant);
  }
  return grants;
}

/* What the row does not say is known: today, and no calls yet. */
static struct fl_policy_facts facts_of(const struct fl_value *row, struct fl_value *no_calls) {
  const struct fl_value *given = fl_get(row, "facts"), *now = fl_get(given, "now"), *calls = fl_get(given, "calls");
  struct fl_policy_facts facts = {.now_s = NOW_S, .calls = no_calls};
  if (now != NULL) facts.now_s = 0;
  if (fl_is(now, FL_STRING)) assert_int_equal(fl_manifest_date(fl_as_string(now), &facts.now_s), 0);
  if (calls != NULL) facts.calls = fl_is(calls, FL_OBJECT) ? calls : NULL;
  facts.resolved = fl_get(given, "resolved");
  facts.addresses = fl_get(given, "addresses");
  facts.listing = fl_get_string(given, "listing", NULL);
  facts.origins = fl_get(given, "origins");
  facts.spent = fl_get(given, "spent");
  facts.labels = labels_of(fl_get(given, "labels"));
  facts.run_labels = labels_of(fl_get(given, "run_labels"));
  if (fl_get_bool(given, "open_world", false)) facts.class.leads_to = FL_LABEL_EGRESS;
  return facts;
}

static void expect(const struct table *table, const struct fl_value *row, struct fl_value *args) {
  static const char *const verdicts[] = {"deny", "ask", "allow"};
  FL_VALUE_AUTO no_calls = fl_object();
  struct fl_policy_facts facts = facts_of(row, no_calls);
  FL_VALUE_AUTO grants = grants_of(table, fl_get(fl_get(row, "facts"), "grants"));
  facts.grants = grants;
  struct fl_policy_call call = {.tool = fl_get_string(row, "tool", ""), .args = args, .facts = &facts};
  struct fl_decision decision;
  fl_policy_decide(table->policy, &call, &decision);
  bool fits = strcmp(verdicts[decision.verdict], fl_get_string(row, "verdict", "")) == 0 &&
              strcmp(decision.pointer, fl_get_string(row, "rule", "")) == 0;
  const struct fl_value *called = fl_get(row, "called") != NULL ? fl_get(row, "called") : args;
  bool is_kept = decision.verdict == FL_VERDICT_DENY ? decision.args == NULL : fl_equal(decision.args, called);
  if (!fits || !is_kept || strstr(decision.rule, decision.pointer) == NULL) {
    char *text = fl_dump(row, NULL), *got = fl_dump(decision.args, NULL);
    print_error("%s\n  is decided: %s, %s (%s) %s\n", text, verdicts[decision.verdict], decision.pointer, decision.rule,
                got);
    fl_text_free(text);
    fl_text_free(got);
    fail();
  }
  fl_decision_deinit(&decision);
}

/* A text that cannot be read as arguments is refused before anybody decides. */
static void expect_text(const struct table *table, const struct fl_value *row) {
  const struct fl_value *text = fl_get(row, "text");
  FL_VALUE_AUTO args = NULL;
  int rc = fl_parse(fl_as_string(text), fl_string_size(text), &args, NULL);
  bool is_unreadable = strcmp(fl_get_string(row, "rule", ""), "unreadable") == 0;
  if ((rc < 0) != is_unreadable) fail_msg("%s: %s", fl_as_string(text), rc < 0 ? "unreadable" : "readable");
  if (rc == 0) expect(table, row, args);
}

static void walk_table_of(const char *manifest, const char *name, size_t least) {
  struct table table = open_table_of(manifest, name);
  assert_true(fl_size(table.rows) >= least);
  for (size_t i = 0; i < fl_size(table.rows); i++) {
    struct fl_value *row = fl_at(table.rows, i);
    if (fl_get(row, "text") != NULL) expect_text(&table, row);
    else expect(&table, row, fl_get(row, "args"));
  }
  close_table(&table);
}

static void walk_table(const char *name, size_t least) { walk_table_of("bank.manifest.yaml", name, least); }

static void no_attempt_passes_and_each_names_its_rule(void **state) { walk_table("bypass.json", 400); }
static void honest_calls_pass(void **state) { walk_table("honest.json", 100); }
static void a_person_is_asked(void **state) { walk_table("ask.json", 8); }
/* Labels, origins of arguments, budgets and grants: what gets around them, and what must pass. */
static void data_goes_where_it_may(void **state) { walk_table_of("flow.manifest.yaml", "flow.json", 100); }

/* ---- listing ---- */

static struct fl_decision list(const struct fl_policy *policy, const char *tool, const struct fl_policy_facts *facts) {
  struct fl_policy_call call = {.tool = tool, .facts = facts};
  struct fl_decision decision;
  fl_policy_decide(policy, &call, &decision);
  assert_null(decision.args);
  return decision;
}

/* What is listed is what some call could be made of; what is denied whatever the arguments is not listed. */
static void listing_and_calling_are_decided_by_the_same_rules(void **state) {
  static const struct {
    const char *tool;
    enum fl_verdict verdict;
    const char *pointer;
    int effect;
  } rows[] = {{"bank/send_money", FL_VERDICT_ASK, "/tools/0/approval", 2},
              {"bank/list_payees", FL_VERDICT_ALLOW, "/tools/1", 0},
              {"bank/list_secrets", FL_VERDICT_DENY, "/forbid/0", 0},
              {"bank/other", FL_VERDICT_DENY, "/tools", 2},
              {"files/read", FL_VERDICT_ALLOW, "/tools/7", 0},
              {"files/write", FL_VERDICT_ALLOW, "/tools/8", 1},
              {"calendar/delete", FL_VERDICT_DENY, "/forbid/1", 1},
              {"shop/order", FL_VERDICT_ASK, "/tools/10/approval", 2}};
  struct table table = open_table("ask.json");
  FL_VALUE_AUTO calls = fl_object();
  struct fl_policy_facts facts = {.now_s = NOW_S, .calls = calls};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct fl_decision decision = list(table.policy, rows[i].tool, &facts);
    assert_int_equal(decision.verdict, rows[i].verdict);
    assert_string_equal(decision.pointer, rows[i].pointer);
    assert_int_equal(decision.effect, rows[i].effect);
    assert_string_equal(decision.file, "m.yaml");
  }
  fl_set_int(calls, "bank/send_money", 2);
  assert_string_equal(list(table.policy, "bank/send_money", &facts).pointer, "/tools/0/max_calls");
  facts.now_s = 0;
  assert_string_equal(list(table.policy, "bank/list_payees", &facts).pointer, "/expires");
  assert_string_equal(list(table.policy, "bank/list_payees", NULL).pointer, "/expires");
  close_table(&table);
}

/* ---- within ---- */

#define HEAD "manifest: 1\nid: x\n"

struct nest {
  struct fl_manifest *outer_manifest, *inner_manifest;
  struct fl_policy *list, *outer, *inner;
};

static struct nest open_nest(const char *outer, const char *inner) {
  static const char *const graph[] = {"a/*", "b/get", NULL};
  FL_VALUE_AUTO effects = fl_object();
  fl_set_string(effects, "a/*", "read");
  struct nest nest = {load_manifest(outer, strlen(outer)), load_manifest(inner, strlen(inner)),
                      fl_policy_create_allow_list(graph, effects), NULL, NULL};
  nest.outer = fl_policy_create_manifest(nest.outer_manifest, nest.list);
  nest.inner = fl_policy_create_manifest(nest.inner_manifest, nest.outer);
  return nest;
}

static void close_nest(struct nest *nest) {
  fl_policy_destroy(nest->inner);
  fl_policy_destroy(nest->outer);
  fl_policy_destroy(nest->list);
  fl_manifest_unref(nest->outer_manifest);
  fl_manifest_unref(nest->inner_manifest);
}

static struct fl_decision call(const struct fl_policy *policy, const char *tool, int64_t n) {
  FL_VALUE_AUTO args = fl_object();
  FL_VALUE_AUTO calls = fl_object();
  fl_set_int(args, "n", n);
  struct fl_policy_facts facts = {.now_s = NOW_S, .calls = calls};
  struct fl_policy_call question = {.node = "agent", .tool = tool, .args = args, .facts = &facts};
  struct fl_decision decision;
  fl_policy_decide(policy, &question, &decision);
  fl_decision_deinit(&decision);
  return decision;
}

/* The manifest of a graph inside can name what it likes: what the one around denies stays denied, what it asks about is
 * asked. */
static void a_manifest_inside_only_narrows(void **state) {
  static const struct {
    const char *tool;
    int64_t n;
    enum fl_verdict verdict;
    const char *rule; /* a part of it */
    int effect;
  } rows[] = {{"a/x", 1, FL_VERDICT_ALLOW, "m.yaml#/tools/0: a/*", 2},
              {"a/x", 11, FL_VERDICT_DENY, "/tools/0/args/properties/n/maximum", 2},
              {"a/x", 6, FL_VERDICT_ASK, "/tools/0/approval", 2},
              {"a/forbidden", 1, FL_VERDICT_DENY, "/forbid/0", 2},
              {"a/inner_forbidden", 1, FL_VERDICT_DENY, "/forbid/0", 2},
              {"b/get", 1, FL_VERDICT_ALLOW, "m.yaml#/tools/1: b/get", 1},
              {"c/get", 1, FL_VERDICT_DENY, "m.yaml#/tools: no rule names c/get", 2},
              {"b/put", 1, FL_VERDICT_DENY, "no tool list of the graph names b/put", 2},
              {"a/used", 1, FL_VERDICT_DENY, "/tools/3/max_calls", 0}};
  struct nest nest = open_nest(
      HEAD "tools:\n  - { match: a/*, effect: once, args: { properties: { n: { type: integer, maximum: 10 } } }, "
           "approval: { when: \"args.n > 5\" } }\n  - { match: b/get, effect: keyed }\n  - { match: b/put }\n"
           "  - { match: a/used, max_calls: 0 }\nforbid: [{ match: a/forbidden }]\n",
      HEAD "tools: [{ match: a/*, effect: read }, { match: b/get }, { match: b/put }, { match: c/get }]\n"
           "forbid: [{ match: a/inner* }]\n");
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct fl_decision decision = call(nest.inner, rows[i].tool, rows[i].n);
    if (decision.verdict != rows[i].verdict || strstr(decision.rule, rows[i].rule) == NULL ||
        decision.effect != rows[i].effect)
      fail_msg("row %zu: %d %s, effect %d", i, (int)decision.verdict, decision.rule, decision.effect);
  }
  assert_string_equal(fl_policy_manifest_hash(nest.inner), fl_manifest_hash(nest.inner_manifest));
  assert_string_equal(fl_policy_manifest_hash(nest.outer), fl_manifest_hash(nest.outer_manifest));
  assert_null(fl_policy_manifest_hash(nest.list));
  close_nest(&nest);
}

/* The graph file's word on effects counts where no manifest says anything. */
static void the_manifest_says_what_a_call_does(void **state) {
  struct nest nest = open_nest(HEAD "tools: [{ match: a/said, effect: keyed }, { match: a/* }, { match: b/get }]\n",
                               HEAD "tools: [{ match: a/* }, { match: b/get, effect: read }]\n");
  assert_int_equal(call(nest.outer, "a/said", 1).effect, 1);
  assert_int_equal(call(nest.outer, "a/silent", 1).effect, 0);
  assert_int_equal(call(nest.outer, "b/get", 1).effect, 2);
  assert_int_equal(call(nest.inner, "a/said", 1).effect, 1);
  assert_int_equal(call(nest.inner, "b/get", 1).effect, 2);
  close_nest(&nest);
}

/* A condition that cannot be evaluated decides against the call. */
static void conditions_that_fail_decide_against_the_call(void **state) {
  struct nest nest = open_nest(HEAD "tools:\n  - { match: a/ask, approval: { when: \"args.missing > 5\" } }\n"
                                    "  - { match: a/no }\n  - { match: a/type, approval: { when: \"args.n\" } }\n"
                                    "forbid: [{ match: a/no, when: \"args.missing == 1\" }]\n",
                               HEAD "tools: []\n");
  assert_int_equal(call(nest.outer, "a/ask", 1).verdict, FL_VERDICT_ASK);
  assert_int_equal(call(nest.outer, "a/type", 1).verdict, FL_VERDICT_ASK);
  assert_int_equal(call(nest.outer, "a/no", 1).verdict, FL_VERDICT_DENY);
  assert_non_null(strstr(call(nest.outer, "a/no", 1).rule, "its condition fails"));
  close_nest(&nest);
}

/* ---- what fuzzing has found ---- */

/* What a dot or an encoding hides is seen in the spelling that is called, not only in the one that is given. */
static void a_spelling_is_refused_where_it_would_be_refused_again(void **state) {
  static const char *const paths[] = {"./~", "./~root/x", ".//~/x", "././~"};
  struct fl_error err = {0};
  FL_BUF_AUTO text = {0};
  for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
    assert_int_equal(fl_canonical_text(FL_CANONICAL_PATH, fl_slice_of(paths[i]), NULL, &text, &err), FL_E_INVALID);
  assert_int_equal(fl_canonical_text(FL_CANONICAL_PATH, FL_SLICE("./a~/~b"), NULL, &text, &err), 0);
  assert_true(fl_slice_equal(fl_buf_slice(&text), FL_SLICE("a~/~b")));
  FL_BUF_AUTO url = {0};
  fl_buf_add_text(&url, "https://a.example/");
  while (url.size < 4096) fl_buf_add_text(&url, "\xc3\xa9"); /* three times as long when it is encoded */
  assert_int_equal(fl_canonical_text(FL_CANONICAL_URL, fl_buf_slice(&url), NULL, &text, &err), FL_E_INVALID);
  assert_non_null(strstr(err.text, "is longer than 8192 bytes"));
}

/* The deciding rule is text, also where the name of the tool is cut in it. */
static void a_name_is_not_cut_within_a_character(void **state) {
  struct nest nest = open_nest(HEAD "tools: [{ match: a/* }]\n", HEAD "tools: []\n");
  for (size_t ahead = 55; ahead < 70; ahead++) {
    char tool[128];
    snprintf(tool, sizeof tool, "a/%0*d\xc3\xa9", (int)ahead, 0);
    struct fl_decision decision = call(nest.outer, tool, 1);
    assert_int_equal(decision.verdict, FL_VERDICT_DENY);
    assert_int_equal(fl_utf8_valid_size(decision.rule, strlen(decision.rule)), strlen(decision.rule));
  }
  close_nest(&nest);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(no_attempt_passes_and_each_names_its_rule),
      cmocka_unit_test(honest_calls_pass),
      cmocka_unit_test(a_person_is_asked),
      cmocka_unit_test(data_goes_where_it_may),
      cmocka_unit_test(listing_and_calling_are_decided_by_the_same_rules),
      cmocka_unit_test(a_manifest_inside_only_narrows),
      cmocka_unit_test(the_manifest_says_what_a_call_does),
      cmocka_unit_test(conditions_that_fail_decide_against_the_call),
      cmocka_unit_test(a_spelling_is_refused_where_it_would_be_refused_again),
      cmocka_unit_test(a_name_is_not_cut_within_a_character),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
