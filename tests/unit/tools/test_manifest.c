/* SPDX-License-Identifier: MIT */
/* Manifests as text: what is read, and what is said about those that cannot be. */
#include "runtime/base/mem.h"
#include "runtime/json/json.h"
#include "tests/support/support.h"
#include "tools/policy/manifest_impl.h"

#include <stdio.h>
#include <stdint.h>
#include <string.h>

static int load(const char *text, struct fl_manifest **ret_manifest, struct fl_diags *diags) {
  *ret_manifest = NULL;
  return fl_manifest_load("m.yaml", fl_slice_of(text), ret_manifest, diags);
}

static struct fl_manifest *must_load(const char *text) {
  struct fl_manifest *manifest;
  struct fl_diags diags = {0};
  if (load(text, &manifest, &diags) < 0) fail_msg("%s", diags.items[0].message);
  fl_diags_deinit(&diags);
  return manifest;
}

#define HEAD "manifest: 1\nid: x\n"
#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

static const struct {
  const char *text, *said;
} wrong[] = {
    {"manifest: 2\nid: x\ntools: []\n", "m.yaml:1:11: error: is 2, but must be 1 (at /manifest)"},
    {"id: x\ntools: []\n", "m.yaml:1:1: error: lacks the required property \"manifest\""},
    {HEAD "tols: []\ntools: []\n",
     "m.yaml:3:1: error: a manifest has no key \"tols\" here (at /tols); did you mean \"tools\"?"},
    {HEAD "tools:\n  - { match: a/b, max_cals: 3 }\n", "m.yaml:4:19: error: a manifest has no key \"max_cals\" here "
                                                       "(at /tools/0/max_cals); did you mean \"max_calls\"?"},
    {HEAD "tools: []\nmodel: { stepz: 3 }\n",
     "m.yaml:4:10: error: a manifest has no key \"stepz\" here (at /model/stepz); did you mean \"steps\"?"},
    {HEAD "tools: []\nservers: { a: { sandbox: { fs: { reed: [] } } } }\n",
     "a manifest has no key \"reed\" here (at /servers/a/sandbox/fs/reed); did you mean \"read\"?"},
    {HEAD "tools: [{ match: \"*\" }]\n", "(at /tools/0/match)"},
    {HEAD "tools: [{ match: \"a/b\", effect: twice }]\n", "(at /tools/0/effect)"},
    {HEAD "tools: [{ match: a/b }, { match: a/b }]\n", "(at /tools/1/match)"},
    {HEAD "tools: [{ match: a/b, approval: { when: \"args.x >\" } }]\n", "(at /tools/0/approval/when)"},
    {HEAD "tools: [{ match: a/b, approval: { when: \"state.x\" } }]\n", "there is no \"state\" here"},
    {HEAD "tools: []\nforbid: [{ match: a/b, when: \"1 +\" }]\n", "(at /forbid/0/when)"},
    {HEAD "tools: [{ match: a/b, args: { properties: { q: { type: strnig } } } }]\n",
     "m.yaml:3:56: error: must be null, boolean, integer, number, string, array, object, or an array of these (at "
     "/tools/0/args/properties/q/type)"},
    {HEAD "tools: [{ match: a/b, args: { properties: { q: { not: { $ref: \"#/a\" } } } } }]\n",
     "(at /tools/0/args/properties/q/not)"},
    {HEAD "tools: [{ match: a/b, args: { properties: { q: { pattern: \"(\" } } } }]\n",
     "(at /tools/0/args/properties/q/pattern)"},
    {HEAD "tools: [{ match: a/b, args: { properties: { q: { pattern: \"a)|(?:b\" } } } }]\n",
     "(at /tools/0/args/properties/q/pattern)"},
    {HEAD "tools: [{ match: a/b, args: { patternProperties: { \"a)|(?:b\": true } } }]\n",
     "(at /tools/0/args/patternProperties)"},
    {HEAD "tools: []\nexpires: 2027-02-29\n", "m.yaml:4:10: error: is neither a date"},
    {HEAD "tools: []\nlabels: { rules: [\"private -> egress\"] }\n", "(at /labels/rules/0)"},
    {HEAD "tools: []\nservers: { a: { limits: { call: soon } } }\n", "(at /servers/a/limits/call)"},
    {HEAD "tools: []\nservers: { a: { exec_sha256: abc } }\n", "(at /servers/a/exec_sha256)"},
    {HEAD "tools: []\nservers: { a: { sandbox: { secrets: [{ name: X, as: argv }] } } }\n",
     "must be one of \"env\", \"file\" (at /servers/a/sandbox/secrets/0/as)"},
    {HEAD "tools: []\nservers: { a: { sandbox: { secrets: [{ name: X, as: env, value: x }] } } }\n",
     "a manifest has no key \"value\" here"},
    {HEAD "tools: []\nservers: { a: { sandbox: { secrets: [{ name: X-Y, as: env }] } } }\n", "secrets/0/name)"},
    {HEAD "tools: []\nservers: { a: { sandbox: { secrets: [{ name: X, as: env, from: {} }] } } }\n", "secrets/0/from)"},
    {HEAD "tools: []\nservers: { a: { sandbox: { secrets: [{ name: X, as: env, from: { env: A, file: b } }] } } }\n",
     "secrets/0/from)"},
    {HEAD "tools: []\nservers: { a: { sandbox: { secrets: [{ name: X, as: env, from: { credential: ../x } }] } } }\n",
     "secrets/0/from/credential)"},
    {HEAD "tools: []\nservers: { a: { sandbox: { env: [X], secrets: [{ name: X, as: env }] } } }\n",
     "X stands in \"env\" as well"},
    {HEAD "tools: []\nservers: { a: { sandbox: { env: [X_FILE], secrets: [{ name: X, as: file }] } } }\n",
     "X_FILE stands in \"env\" as well"},
    {HEAD "tools: []\nservers: { a: { sandbox: { secrets: [{ name: X, as: env }, { name: X, as: file }] } } }\n",
     "there are two secrets that come by the variable X_FILE (at /servers/a/sandbox/secrets/1/name)"},
    {HEAD "tools: []\nservers: { a: { sandbox: { secrets: [{ name: A, as: file }, { name: A_FILE, as: env }] } } }\n",
     "there are two secrets that come by the variable A_FILE"},
    {HEAD "tools: []\nservers: { a: { sandbox: { secrets: [{ name: LD_PRELOAD, as: env }] } } }\n",
     "no name for a secret"},
    {HEAD "tools: []\nid: y\n", "m.yaml:4:1"},
    {HEAD "tools: {}\n", "(at /tools)"},
    {"[]", "m.yaml:1:1"},
    {"", "m.yaml"},
    {"manifest: &a 1\nid: x\ntools: []\n", "m.yaml:1"},
};

static void what_is_wrong_has_a_place_and_advice(void **state) {
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    struct fl_manifest *manifest;
    struct fl_diags diags = {0};
    assert_true(load(wrong[i].text, &manifest, &diags) < 0);
    assert_null(manifest);
    assert_true(diags.error_count > 0);
    bool is_said = false;
    FL_BUF_AUTO all = {0};
    for (size_t j = 0; j < diags.count; j++) {
      FL_FREE_AUTO char *line = fl_diag_format(&diags.items[j]);
      is_said |= strstr(line, wrong[i].said) != NULL;
      fl_buf_addf(&all, "\n  %s", line);
    }
    if (!is_said) fail_msg("row %zu: nothing says \"%s\" but:%s", i, wrong[i].said, all.data);
    fl_diags_deinit(&diags);
  }
}

static void dates_end_when_they_say(void **state) {
  static const struct {
    const char *text;
    int64_t first_invalid_s; /* -1: no date */
  } rows[] = {{"1970-01-01", 86400},
              {"2027-06-30", 1814400000},
              {"2027-06-30T12:00:00Z", 1814356800},
              {"2027-06-30T12:00:00.5+02:00", 1814349600},
              {"2027-06-30t12:00:00-00:30", 1814358600},
              {"2024-02-29", 1709251200},
              {"2023-02-29", -1},
              {"2027-13-01", -1},
              {"2027-00-01", -1},
              {"2027-06-31", -1},
              {"2027-6-30", -1},
              {"2027-06-30T25:00:00Z", -1},
              {"2027-06-30T12:00:00", -1},
              {"2027-06-30T12:00:00+2:00", -1},
              {"2027-06-30T12:00:00.Z", -1},
              {"2027-06-30 12:00:00Z", -1},
              {"1969-12-31", -1}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    int64_t found = -1;
    int rc = fl_manifest_date(rows[i].text, &found);
    if (found != rows[i].first_invalid_s || (rc < 0) != (found == -1))
      fail_msg("%s: %lld", rows[i].text, (long long)found);
  }
}

static void durations_are_milliseconds(void **state) {
  assert_int_equal(fl_manifest_time_ms("250ms"), 250);
  assert_int_equal(fl_manifest_time_ms("30s"), 30000);
  assert_int_equal(fl_manifest_time_ms("15m"), 900000);
  assert_int_equal(fl_manifest_time_ms("2h"), 7200000);
  assert_int_equal(fl_manifest_time_ms("1d"), 86400000);
}

static void the_hash_is_that_of_the_meaning(void **state) {
  struct fl_manifest *yaml = must_load(HEAD "tools: [{ match: a/b, effect: read }]\n");
  struct fl_manifest *json = must_load("{\"tools\": [{\"effect\": \"read\", \"match\": \"a/b\"}], \"id\": \"x\", "
                                       "\"manifest\": 1, \"signature\": {\"alg\": \"ed25519\", \"key\": \"k\", "
                                       "\"sig\": \"s\"}}");
  struct fl_manifest *other = must_load(HEAD "tools: [{ match: a/b, effect: once }]\n");
  assert_string_equal(fl_manifest_hash(yaml), fl_manifest_hash(json));
  assert_string_not_equal(fl_manifest_hash(yaml), fl_manifest_hash(other));
  assert_int_equal(strlen(fl_manifest_hash(yaml)), FL_MANIFEST_HASH_SIZE - 1);
  assert_string_equal(fl_manifest_id(yaml), "x");
  assert_string_equal(fl_manifest_file(yaml), "m.yaml");
  assert_int_equal(fl_manifest_rule_count(yaml), 1);
  assert_true(fl_manifest_expires(yaml) == INT64_MAX);
  fl_manifest_unref(fl_manifest_ref(yaml));
  fl_manifest_unref(yaml);
  fl_manifest_unref(json);
  fl_manifest_unref(other);
}

/* Whatever the format has can be read. */
static void every_part_of_the_format_is_taken(void **state) {
  static const char *const rows[] = {
      "tools: []\nmodel: { cost_usd_per_run: 3, unpriced: allow }\n",
      "tools: []\nbudgets: { thread: { cost_usd: 3 } }\n",
      "tools: []\nservers: { a: { sandbox: { secrets: [{ name: X, as: env }, { name: Y, as: file, from: { file: y } "
      "}, "
      "{ name: Z, as: env, from: { command: [pass, show, z] } }, { name: V, as: env, from: { credential: v.txt } }, "
      "{ name: W, as: env, from: { env: OTHER } }] } } }\n",
      "tools: []\nservers: { a: { transport: stdio, exec: [x], exec_sha256: \"" ZEROS "\", limits: { call: 1s } } }\n",
      "tools: []\nservers: { a: { url: x, sandbox: { exec: false } } }\n",
      "tools: []\nservers: { a: { pin: { tools: \"" ZEROS "\", on_change: refuse } } }\n",
      "tools: [{ match: a/b, effect: keyed, idempotency: { arg: x } }]\n",
      "tools: [{ match: a/b, from: { x: [prompt] }, approval: { by: [me] } }]\n",
      "tools: []\nlabels: { sources: { \"a/*\": [private] } }\nmodel: { steps: 3, tokens_per_run: 5 }\n",
      "tools: [{ match: a/b, effect: read, args: {}, max_calls: 1, approval: { when: \"true\", ttl: 5m } }]\n",
      "tools: []\nforbid: [{ match: a/b }]\nexpires: 2027-01-01\ndescription: d\nversion: \"1\"\n",
      "tools: []\nservers: { a: {} }\n",
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    FL_FREE_AUTO char *text = fl_format(HEAD "%s", rows[i]);
    fl_manifest_unref(must_load(text));
  }
}

/* ---- closing ---- */

static const struct {
  const char *given, *closed;
} closings[] = {
    {"{}", "{'type':'object','additionalProperties':false}"},
    {"{'properties':{'a':true}}",
     "{'properties':{'a':true},'type':'object','additionalProperties':false,'required':['a']}"},
    {"{'properties':{'a':true},'required':[]}",
     "{'properties':{'a':true},'required':[],'type':'object','additionalProperties':false}"},
    {"{'type':'object','additionalProperties':true}", "{'type':'object','additionalProperties':true}"},
    {"{'type':'object','properties':{'a':{'pattern':'x|y'}},'required':[]}",
     "{'type':'object','properties':{'a':{'pattern':'^(?:x|y)$'}},'required':[],'additionalProperties':false}"},
    {"{'type':'object','properties':{'a':{'type':'object','properties':{'b':true}}}}",
     "{'type':'object','properties':{'a':{'type':'object','properties':{'b':true},'additionalProperties':false,"
     "'required':['b']}},'additionalProperties':false,'required':['a']}"},
    {"{'type':'object','allOf':[{'properties':{'a':true}}]}",
     "{'type':'object','allOf':[{'properties':{'a':true}}],'unevaluatedProperties':false}"},
    {"{'type':'object','not':{'properties':{'a':{'pattern':'x'}}}}",
     "{'type':'object','not':{'properties':{'a':{'pattern':'x'}}},'additionalProperties':false}"},
    {"{'type':'object','patternProperties':{'x-':{'type':'string'}}}",
     "{'type':'object','patternProperties':{'^(?:x-)$':{'type':'string'}},'additionalProperties':false}"},
    {"{'type':'object','properties':{'a':{'items':{'type':['object','null']}}},'required':[]}",
     "{'type':'object','properties':{'a':{'items':{'type':['object','null'],'additionalProperties':false}}},"
     "'required':[],'additionalProperties':false}"},
};

static void schemas_are_closed_where_they_are_silent(void **state) {
  for (size_t i = 0; i < sizeof closings / sizeof closings[0]; i++) {
    FL_FREE_AUTO char *given = fl_strdup(closings[i].given), *wanted = fl_strdup(closings[i].closed);
    for (char *c = given; *c != '\0'; c++) *c = *c == '\'' ? '"' : *c;
    for (char *c = wanted; *c != '\0'; c++) *c = *c == '\'' ? '"' : *c;
    FL_VALUE_AUTO schema = NULL;
    FL_VALUE_AUTO expected = NULL;
    assert_int_equal(fl_parse(given, strlen(given), &schema, NULL), 0);
    assert_int_equal(fl_parse(wanted, strlen(wanted), &expected, NULL), 0);
    FL_BUF_AUTO pointer = {0};
    struct fl_error err = {0};
    FL_VALUE_AUTO closed = fl_manifest_close_args(schema, &pointer, &err);
    char *text = fl_dump(closed, NULL);
    if (!fl_equal(closed, expected)) fail_msg("row %zu: %s", i, text);
    fl_text_free(text);
  }
}

static void the_published_schema_knows_the_same_keys(void **state) {
  FL_VALUE_AUTO schema = NULL;
  const char *text = fl_manifest_schema();
  assert_int_equal(fl_parse(text, strlen(text), &schema, NULL), 0);
  static const char *const closed[] = {"",
                                       "/$defs/server",
                                       "/$defs/pin",
                                       "/$defs/sandbox",
                                       "/$defs/secret",
                                       "/$defs/limits",
                                       "/$defs/tool",
                                       "/$defs/approval",
                                       "/$defs/forbid",
                                       "/$defs/labels",
                                       "/$defs/model",
                                       "/$defs/signature",
                                       "/$defs/sandbox/properties/fs",
                                       "/$defs/sandbox/properties/net",
                                       "/$defs/tool/properties/idempotency"};
  for (size_t i = 0; i < sizeof closed / sizeof closed[0]; i++) {
    const struct fl_value *part = fl_json_pointer(schema, closed[i]);
    assert_non_null(part);
    assert_true(fl_is(fl_get(part, "additionalProperties"), FL_BOOL));
    assert_false(fl_get_bool(part, "additionalProperties", true));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_wrong_has_a_place_and_advice),
      cmocka_unit_test(dates_end_when_they_say),
      cmocka_unit_test(durations_are_milliseconds),
      cmocka_unit_test(the_hash_is_that_of_the_meaning),
      cmocka_unit_test(every_part_of_the_format_is_taken),
      cmocka_unit_test(schemas_are_closed_where_they_are_silent),
      cmocka_unit_test(the_published_schema_knows_the_same_keys),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
