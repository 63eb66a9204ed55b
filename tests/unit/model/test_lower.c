/* SPDX-License-Identifier: MIT */
/* Schemas as providers take them: the cases of tests/golden/lowering, the schemas of servers that people use, and what
 * must hold of whatever comes out. With FL_ACCEPT=1 the files are written anew. */
#include "tests/support/support.h"
#include "runtime/base/buf.h"
#include "runtime/base/mem.h"
#include "runtime/json/json.h"
#include "runtime/model/lower.h"
#include "runtime/model/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const dialects[] = {"openai", "openai-strict", "anthropic", "gemini"};

static enum fl_lower_dialect dialect_of(const char *word) {
  enum fl_lower_dialect dialect;
  if (!fl_lower_dialect_of(word, &dialect)) fail_msg("there is no dialect %s", word);
  return dialect;
}

static char *path_of(const char *name) {
  const char *root = getenv("FL_SOURCE_ROOT");
  return fl_format("%s/tests/golden/lowering/%s", root != NULL ? root : ".", name);
}

static struct fl_value *read_golden(const char *name) {
  FL_FREE_AUTO char *path = path_of(name);
  FILE *file = fopen(path, "re");
  if (file == NULL) fail_msg("cannot read %s", path);
  FL_BUF_AUTO text = {0};
  char chunk[8192];
  for (size_t got; (got = fread(chunk, 1, sizeof chunk, file)) > 0;) fl_buf_add(&text, chunk, got);
  fclose(file);
  struct fl_value *value = NULL;
  assert_int_equal(fl_parse(text.data, text.size, &value, NULL), 0);
  return value;
}

/* One row a line, so that a change is seen. */
static void write_golden(const char *name, const struct fl_value *rows) {
  FL_FREE_AUTO char *path = path_of(name);
  FILE *file = fopen(path, "we");
  assert_non_null(file);
  for (size_t i = 0; i < fl_size(rows); i++) {
    FL_BUF_AUTO text = {0};
    fl_json_write(&text, fl_at(rows, i), FL_JSON_COMPACT);
    fprintf(file, "%s%s", i == 0 ? "[\n" : ",\n", text.data);
  }
  fprintf(file, "\n]\n");
  fclose(file);
}

static bool is_accepting(void) { return getenv("FL_ACCEPT") != NULL; }

static void check_same(const char *what, const struct fl_value *expected, const struct fl_value *got) {
  if (fl_equal(expected, got)) return;
  FL_FREE_AUTO char *want = fl_dump(expected, NULL), *have = fl_dump(got, NULL);
  fail_msg("%s:\n  expected %s\n  got      %s", what, want, have);
}

/* ---- what must hold ---- */

struct holding {
  const char *dialect, *what;
};

static void must(const struct holding *holding, bool is_so, const char *rule, const struct fl_value *schema) {
  if (is_so) return;
  FL_FREE_AUTO char *text = fl_dump(schema, NULL);
  fail_msg("%s for %s: %s: %s", holding->what, holding->dialect, rule, text);
}

static bool is_word_of(const char *words, const char *word) {
  FL_FREE_AUTO char *marked = fl_format(" %s ", word);
  return strstr(words, marked) != NULL;
}

static void hold_gemini(const struct holding *holding, const struct fl_value *schema) {
  static const char keys[] = " type format title description nullable enum properties required items minItems maxItems "
                             "minimum maximum minLength maxLength minProperties maxProperties pattern anyOf ";
  for (struct fl_member m = {0}; fl_next_member(schema, &m);)
    must(holding, is_word_of(keys, m.key), "a key that it does not know", schema);
  const char *type = fl_get_string(schema, "type", "");
  must(holding, !fl_is(fl_get(schema, "type"), FL_ARRAY), "several types", schema);
  if (strcmp(type, "array") == 0) must(holding, fl_get(schema, "items") != NULL, "an array without items", schema);
  if (strcmp(type, "object") == 0) must(holding, fl_size(fl_get(schema, "properties")) > 0, "an empty object", schema);
  if (fl_get(schema, "enum") != NULL) must(holding, strcmp(type, "string") == 0, "an enumeration not of texts", schema);
  for (struct fl_member m = {0}; fl_next_member(fl_get(schema, "properties"), &m);) hold_gemini(holding, m.value);
  if (fl_get(schema, "items") != NULL) hold_gemini(holding, fl_get(schema, "items"));
  for (size_t i = 0; i < fl_size(fl_get(schema, "anyOf")); i++) hold_gemini(holding, fl_at(fl_get(schema, "anyOf"), i));
}

static void hold_strict(const struct holding *holding, const struct fl_value *schema) {
  static const char keys[] = " type format title description enum const properties required items minItems maxItems "
                             "minimum maximum exclusiveMinimum exclusiveMaximum multipleOf pattern anyOf "
                             "additionalProperties ";
  for (struct fl_member m = {0}; fl_next_member(schema, &m);)
    must(holding, is_word_of(keys, m.key), "a key that it does not know", schema);
  const struct fl_value *properties = fl_get(schema, "properties");
  if (properties != NULL) {
    must(holding, fl_is(fl_get(schema, "additionalProperties"), FL_BOOL), "an open object", schema);
    must(holding, fl_size(fl_get(schema, "required")) == fl_size(properties), "something may be left out", schema);
  }
  for (struct fl_member m = {0}; fl_next_member(properties, &m);) hold_strict(holding, m.value);
  if (fl_get(schema, "items") != NULL) hold_strict(holding, fl_get(schema, "items"));
  for (size_t i = 0; i < fl_size(fl_get(schema, "anyOf")); i++) hold_strict(holding, fl_at(fl_get(schema, "anyOf"), i));
}

static void hold_root(const struct holding *holding, const struct fl_value *schema) {
  static const char *const unwanted[] = {"anyOf", "oneOf", "allOf", "not", "enum", "$ref", "$schema"};
  must(holding, strcmp(fl_get_string(schema, "type", ""), "object") == 0, "no object", schema);
  must(holding, fl_is(fl_get(schema, "properties"), FL_OBJECT), "no properties", schema);
  for (size_t i = 0; i < sizeof unwanted / sizeof *unwanted; i++)
    must(holding, fl_get(schema, unwanted[i]) == NULL, "a combination at the root", schema);
}

static void hold(const char *what, const char *dialect, const struct fl_lowered *lowered) {
  struct holding holding = {dialect, what};
  if (lowered->schema == NULL) {
    assert_string_equal(dialect, "gemini");
    return;
  }
  hold_root(&holding, lowered->schema);
  if (strcmp(dialect, "gemini") == 0) hold_gemini(&holding, lowered->schema);
  if (lowered->is_strict) hold_strict(&holding, lowered->schema);
}

/* ---- the cases ---- */

static void check_restored(const struct fl_value *row) {
  const struct fl_value *pairs = fl_get(row, "restore");
  enum fl_lower_dialect dialect = dialect_of(fl_get_string(row, "dialect", ""));
  for (size_t i = 0; i < fl_size(pairs); i++) {
    FL_VALUE_AUTO restored = fl_lower_restore(fl_get(row, "schema"), dialect, fl_at(fl_at(pairs, i), 0));
    check_same(fl_get_string(row, "about", ""), fl_at(fl_at(pairs, i), 1), restored);
  }
}

static void cases_are_lowered_and_restored(void **state) {
  FL_VALUE_AUTO rows = read_golden("cases.json");
  FL_VALUE_AUTO accepted = fl_array();
  assert_true(fl_size(rows) > 20);
  for (size_t i = 0; i < fl_size(rows); i++) {
    const struct fl_value *row = fl_at(rows, i);
    const char *dialect = fl_get_string(row, "dialect", ""), *about = fl_get_string(row, "about", "");
    struct fl_lowered lowered = fl_lower_schema(fl_get(row, "schema"), dialect_of(dialect));
    if (strcmp(dialect, "none") != 0) hold(about, dialect, &lowered);
    struct fl_value *made = fl_copy_shallow(row);
    fl_set_take(made, "lowered", fl_value_ref(lowered.schema));
    fl_set_bool(made, "strict", lowered.is_strict);
    if (!is_accepting()) {
      check_same(about, fl_get(row, "lowered"), lowered.schema);
      assert_true(fl_get_bool(row, "strict", false) == lowered.is_strict);
    }
    check_restored(row);
    fl_append_take(accepted, made);
    fl_value_unref(lowered.schema);
  }
  if (is_accepting()) write_golden("cases.json", accepted);
}

static void servers_that_people_use_are_lowered(void **state) {
  FL_VALUE_AUTO rows = read_golden("servers.json");
  FL_VALUE_AUTO accepted = fl_array();
  assert_true(fl_size(rows) > 30);
  for (size_t i = 0; i < fl_size(rows); i++) {
    struct fl_value *made = fl_copy_shallow(fl_at(rows, i));
    const char *tool = fl_get_string(made, "tool", "");
    for (size_t d = 0; d < sizeof dialects / sizeof *dialects; d++) {
      struct fl_lowered lowered = fl_lower_schema(fl_get(made, "schema"), dialect_of(dialects[d]));
      hold(tool, dialects[d], &lowered);
      if (!is_accepting()) check_same(tool, fl_get(made, dialects[d]), lowered.schema);
      fl_set_take(made, dialects[d], lowered.schema != NULL ? lowered.schema : fl_null());
    }
    fl_append_take(accepted, made);
  }
  if (is_accepting()) write_golden("servers.json", accepted);
}

/* ---- any schema ---- */

static uint64_t seed;
static unsigned draw(unsigned below) {
  seed = seed * 6364136223846793005u + 1442695040888963407u;
  return (unsigned)(seed >> 33) % below;
}

static struct fl_value *draw_schema(int depth) {
  static const char *const types[] = {"string", "integer", "number", "boolean", "null", "object", "array"};
  struct fl_value *schema = fl_object();
  unsigned kind = draw(12);
  if (kind < 7) fl_set_string(schema, "type", types[kind]);
  if (draw(6) == 0) fl_set_take(schema, "default", fl_int(draw(9)));
  if (draw(8) == 0) fl_set_string(schema, "$ref", draw(2) == 0 ? "#/$defs/d" : "#/nowhere");
  if (depth > 3) return schema;
  if (kind == 5 || draw(6) == 0) {
    struct fl_value *properties = fl_object();
    for (unsigned i = draw(4); i > 0; i--)
      fl_set_take(properties, (const char *[]){"a", "b b", "c"}[i - 1], draw_schema(depth + 1));
    fl_set_take(schema, "properties", properties);
  }
  if (kind == 6 && draw(3) > 0) fl_set_take(schema, "items", draw_schema(depth + 1));
  static const char *const combinations[] = {"anyOf", "oneOf", "allOf"};
  if (kind > 8) {
    struct fl_value *list = fl_array();
    for (unsigned i = draw(3); i > 0; i--) fl_append_take(list, draw_schema(depth + 1));
    fl_set_take(schema, combinations[kind - 9], list);
  }
  if (depth == 0) {
    struct fl_value *defs = fl_object();
    fl_set_take(defs, "d", draw_schema(1));
    fl_set_take(schema, "$defs", defs);
  }
  return schema;
}

static void whatever_comes_out_is_what_the_provider_takes(void **state) {
  for (unsigned i = 0; i < 3000; i++) {
    seed = i;
    FL_VALUE_AUTO schema = draw_schema(0);
    FL_FREE_AUTO char *text = fl_dump(schema, NULL);
    for (size_t d = 0; d < sizeof dialects / sizeof *dialects; d++) {
      struct fl_lowered lowered = fl_lower_schema(schema, dialect_of(dialects[d]));
      hold(text, dialects[d], &lowered);
      fl_value_unref(lowered.schema);
      FL_VALUE_AUTO args = fl_object();
      fl_set_take(args, "a", fl_null());
      fl_set_string(args, "b_b", "{\"x\":1}");
      FL_VALUE_AUTO restored = fl_lower_restore(schema, dialect_of(dialects[d]), args);
      assert_true(fl_is(restored, FL_OBJECT));
    }
  }
}

/* ---- which dialect ---- */

static void a_model_implies_its_dialect(void **state) {
  static const struct {
    const char *text, *word;
  } rows[] = {{"openai/gpt-4.1-mini", "openai"},
              {"anthropic/claude-x", "anthropic"},
              {"openai/gemini-2.5-flash", "gemini"},
              {"openai/google/gemini-2.5-flash", "gemini"}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct fl_model_config config = {0};
    assert_int_equal(fl_model_config_parse(rows[i].text, NULL, &config, NULL), 0);
    assert_int_equal(fl_lower_dialect_of_model(&config), dialect_of(rows[i].word));
    fl_model_config_deinit(&config);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(cases_are_lowered_and_restored),
      cmocka_unit_test(servers_that_people_use_are_lowered),
      cmocka_unit_test(whatever_comes_out_is_what_the_provider_takes),
      cmocka_unit_test(a_model_implies_its_dialect),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
