/* SPDX-License-Identifier: MIT */
/* Schemas beside the official tests: what the messages say, what a wrong schema is told, the bounds, older drafts. */
#include "runtime/json/json.h"
#include "runtime/json/schema.h"
#include "runtime/json/schema_uri.h"
#include "tests/support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct fl_value *parse(const char *text) {
  struct fl_value *value = NULL;
  struct fl_error err = {0};
  if (fl_parse(text, strlen(text), &value, &err) != 0) fail_msg("%s: %s", text, err.text);
  return value;
}

static struct fl_schema *compile(const char *text, const struct fl_schema_options *options) {
  struct fl_schema *schema = NULL;
  struct fl_error err = {0};
  FL_VALUE_AUTO value = parse(text);
  if (fl_schema_create(value, options, &schema, &err) != 0) fail_msg("%s: %s", text, err.text);
  return schema;
}

static int validate(const char *schema_text, const char *instance_text) {
  struct fl_schema *schema = compile(schema_text, NULL);
  FL_VALUE_AUTO instance = parse(instance_text);
  int rc = fl_schema_validate(schema, instance, NULL);
  fl_schema_destroy(schema);
  return rc;
}

/* The whole text for an instance, "" when it is valid. Static, good until the next call. */
static const char *complaints(const char *schema_text, const char *instance_text) {
  static char text[4096];
  const struct fl_schema_options options = {.size = sizeof options, .check_format = true};
  struct fl_schema *schema = compile(schema_text, &options);
  struct fl_value *instance = parse(instance_text);
  struct fl_schema_result result;
  FL_BUF_AUTO buf = {0};
  fl_schema_validate(schema, instance, &result);
  fl_value_unref(instance); /* the result stands alone */
  fl_schema_destroy(schema);
  fl_schema_result_text(&result, &buf);
  snprintf(text, sizeof text, "%s", buf.size > 0 ? buf.data : "");
  fl_schema_result_deinit(&result);
  fl_schema_result_deinit(&result);
  return text;
}

struct row {
  const char *schema, *instance, *text;
};

static void check_rows(const struct row *rows, size_t row_count) {
  for (size_t i = 0; i < row_count; i++) {
    const char *text = complaints(rows[i].schema, rows[i].instance);
    if (strcmp(text, rows[i].text) != 0)
      fail_msg("%s with %s:\n  says     %s\n  expected %s", rows[i].schema, rows[i].instance, text, rows[i].text);
  }
}
#define CHECK_ROWS(rows) check_rows(rows, sizeof(rows) / sizeof *(rows))

static void messages_say_what_is_and_what_must_be(void **state) {
  static const struct row rows[] = {
      {"{\"properties\":{\"a\":{\"type\":\"integer\"}}}", "{\"a\":\"x\"}", "/a: is a string, but must be an integer"},
      {"{\"type\":[\"object\",\"null\",\"integer\",\"number\"]}", "true",
       "(root): is a boolean, but must be a number, an object or null"},
      {"{\"const\":{\"a\":1}}", "[1,2]", "(root): is [1,2], but must be {\"a\":1}"},
      {"{\"enum\":[\"red\",\"green\",\"blue\"]}", "\"gren\"",
       "(root): is \"gren\", but must be one of \"red\", \"green\", \"blue\"; did you mean \"green\"?"},
      {"{\"minimum\":5}", "3", "(root): is 3, but must be at least 5"},
      {"{\"exclusiveMaximum\":1.5}", "1.5", "(root): is 1.5, but must be less than 1.5"},
      {"{\"multipleOf\":2}", "7", "(root): is 7, but must be a multiple of 2"},
      {"{\"minLength\":3}", "\"\\u00e9\\u00e9\"", "(root): must have at least 3 characters, but has 2"},
      {"{\"maxItems\":1}", "[1,2]", "(root): must have at most 1 item, but has 2"},
      {"{\"minProperties\":1}", "{}", "(root): must have at least 1 property, but has 0"},
      {"{\"pattern\":\"^a\"}", "\"b\"", "(root): is \"b\", but must match the pattern ^a"},
      {"{\"format\":\"date\"}", "\"soon\"", "(root): is \"soon\", but must be a valid date, as 2024-05-01"},
      {"{\"uniqueItems\":true}", "[1,{\"a\":1},2,{\"a\":1.0}]",
       "(root): items 1 and 3 are equal, but all items must be different"},
      {"{\"required\":[\"a\",\"b\"]}", "{\"b\":1}", "(root): lacks the required property \"a\""},
      {"{\"dependentRequired\":{\"a\":[\"b\"]}}", "{\"a\":1}",
       "(root): has the property \"a\", and so must have \"b\" too"},
      {"{\"items\":{\"items\":{\"type\":\"null\"}}}", "[[null,1],[2]]",
       "/0/1: is an integer, but must be null; /1/0: is an integer, but must be null"},
      {"{\"prefixItems\":[true],\"items\":false}", "[1,2,3]", "(root): must have at most 1 item, but has 3"},
      {"{\"contains\":{\"type\":\"null\"},\"minContains\":2}", "[1,null]",
       "(root): must hold at least 2 items that fit `contains`, but holds 1"},
      {"{\"properties\":{\"first\":true,\"second\":true},\"additionalProperties\":false}", "{\"secnd\":1}",
       "/secnd: is not a property that is allowed here; known are \"first\", \"second\"; did you mean \"second\"?"},
      {"{\"properties\":{\"a\":true},\"unevaluatedProperties\":false}", "{\"b/c\":1}",
       "/b~1c: is not a property that is allowed here"},
      {"{\"unevaluatedItems\":false}", "[1]", "/0: is not allowed here"},
      {"{\"propertyNames\":{\"maxLength\":1}}", "{\"ab\":1}",
       "/ab: the name of this property must have at most 1 character, but has 2"},
      {"{\"not\":{\"type\":\"null\"}}", "null", "(root): is null, which is just what it must not be"},
      {"{\"if\":{\"type\":\"integer\"},\"then\":{\"minimum\":0},\"else\":{\"type\":\"string\"}}", "-1",
       "(root): is -1, but must be at least 0"},
      {"false", "1", "(root): is not allowed here"},
      {"{\"type\":\"string\"}", "\"fine\"", ""},
  };
  CHECK_ROWS(rows);
}

static void alternatives_come_down_to_the_one_that_was_meant(void **state) {
#define FORMS                                                                                                        \
  "{\"oneOf\":[{\"properties\":{\"kind\":{\"const\":\"circle\"},\"r\":{\"type\":\"number\"}},\"required\":[\"r\"]}," \
  "{\"properties\":{\"kind\":{\"const\":\"box\"},\"w\":{\"type\":\"number\"}},\"required\":[\"w\"]}]}"
  static const struct row rows[] = {
      {"{\"anyOf\":[{\"type\":\"integer\"},{\"type\":\"null\"}]}", "\"x\"",
       "(root): is a string, but must be an integer or null"},
      {"{\"anyOf\":[{\"type\":\"object\",\"required\":[\"a\"]},{\"type\":\"null\"}]}", "{}",
       "(root): lacks the required property \"a\""},
      {"{\"oneOf\":[{\"const\":\"a\",\"title\":\"A\"},{\"const\":\"b\"},{\"enum\":[\"c\",\"d\"]}]}", "\"e\"",
       "(root): is \"e\", but must be one of \"a\", \"b\", \"c\", \"d\""},
      {FORMS, "{\"kind\":\"box\",\"w\":\"x\"}", "/w: is a string, but must be a number"},
      {FORMS, "{\"kind\":\"ball\",\"w\":1,\"r\":2}", "/kind: is \"ball\", but must be one of \"circle\", \"box\""},
      {FORMS, "{\"w\":1,\"r\":1}", "(root): fits more than one of the 2 forms (1 and 2), but must fit exactly one"},
      {"{\"anyOf\":[{\"required\":[\"a\",\"b\"]},{\"required\":[\"c\"]}]}", "{}",
       "(root): fits none of the 2 allowed forms; the nearest is form 2, but it lacks the required property \"c\""},
      {"{\"items\":{\"anyOf\":[{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"null\"}]},{\"type\":\"boolean\"}]}}",
       "[1]", "/0: is an integer, but must be a string, a boolean or null"},
      {"{\"anyOf\":[{\"type\":\"string\",\"minLength\":5},{\"type\":\"string\",\"pattern\":\"^x\"}]}", "\"ab\"",
       "(root): fits none of the 2 allowed forms; the nearest is form 1, but it must have "
       "at least 5 characters, but has 2"},
  };
  CHECK_ROWS(rows);
}

static void names_the_rule_and_the_place(void **state) {
  struct fl_schema *schema =
      compile("{\"$ref\":\"#/$defs/a~1b\",\"$defs\":{\"a/b\":{\"properties\":{\"x\":{\"type\":\"null\"}}}}}", NULL);
  FL_VALUE_AUTO instance = parse("{\"x\":1}");
  struct fl_schema_result result;
  assert_int_equal(fl_schema_validate(schema, instance, &result), 1);
  assert_int_equal(result.count, 1);
  assert_string_equal(result.violations[0].instance_pointer, "/x");
  assert_string_equal(result.violations[0].schema_pointer, "/$defs/a~1b/properties/x/type");
  assert_string_equal(result.violations[0].keyword, "type");
  fl_schema_result_deinit(&result);
  fl_schema_destroy(schema);
}

static void long_texts_are_cut_between_characters(void **state) {
  FL_BUF_AUTO instance = {0};
  fl_buf_add_char(&instance, '"');
  for (int i = 0; i < 500; i++) fl_buf_add_text(&instance, "\xc3\xa9");
  fl_buf_add_char(&instance, '"');
  const char *text = complaints("{\"const\":1}", instance.data);
  assert_true(strlen(text) < 200);
  FL_VALUE_AUTO again = fl_string(text);
  assert_string_equal(fl_as_string(again), text); /* nothing to repair */
}

static void keeps_the_first_complaints(void **state) {
  FL_BUF_AUTO instance = {0};
  fl_buf_add_text(&instance, "[0");
  for (int i = 0; i < 1000; i++) fl_buf_add_text(&instance, ",0");
  fl_buf_add_text(&instance, "]");
  struct fl_schema *schema = compile("{\"items\":{\"type\":\"null\"}}", NULL);
  FL_VALUE_AUTO value = parse(instance.data);
  struct fl_schema_result result;
  assert_int_equal(fl_schema_validate(schema, value, &result), 1);
  assert_int_equal(result.count, FL_SCHEMA_VIOLATIONS_MAX);
  assert_string_equal(result.violations[FL_SCHEMA_VIOLATIONS_MAX - 1].instance_pointer, "/31");
  fl_schema_result_deinit(&result);
  fl_schema_destroy(schema);
}

static void a_wrong_schema_is_told_where_and_why(void **state) {
  static const struct {
    const char *schema;
    int code;
    const char *text;
  } rows[] = {
      {"1", FL_E_INVALID, "is integer, but a schema must be an object, true or false"},
      {"{\"properties\":{\"a\":[]}}", FL_E_INVALID, "schema /properties/a: is array"},
      {"{\"properties\":{\"a\":{\"type\":\"text\"}}}", FL_E_INVALID,
       "schema /properties/a/type: must be null, boolean"},
      {"{\"items\":[{}]}", FL_E_INVALID, "schema /items: must be a schema; for one schema per item write prefixItems"},
      {"{\"minLength\":-1}", FL_E_INVALID, "schema /minLength: must be a whole number"},
      {"{\"contains\":{},\"maxContains\":\"x\"}", FL_E_INVALID, "schema /maxContains: must be a whole number"},
      {"{\"multipleOf\":0}", FL_E_INVALID, "greater than 0"},
      {"{\"maximum\":\"1\"}", FL_E_INVALID, "must be a number"},
      {"{\"required\":[1]}", FL_E_INVALID, "schema /required: must be an array of strings"},
      {"{\"dependentRequired\":{\"a\":1}}", FL_E_INVALID, "must be an object of arrays of strings"},
      {"{\"enum\":1}", FL_E_INVALID, "must be an array"},
      {"{\"uniqueItems\":1}", FL_E_INVALID, "must be true or false"},
      {"{\"allOf\":[]}", FL_E_INVALID, "at least one schema"},
      {"{\"anyOf\":[true,3]}", FL_E_INVALID, "schema /anyOf/1: is integer"},
      {"{\"properties\":[]}", FL_E_INVALID, "must be an object of schemas"},
      {"{\"pattern\":\"(\"}", FL_E_SYNTAX, "schema /pattern: pattern, offset 1: a parenthesis is not closed"},
      {"{\"patternProperties\":{\"[\":true}}", FL_E_SYNTAX, "schema /patternProperties: pattern, offset 0"},
      {"{\"$ref\":\"#/$defs/x\"}", FL_E_NOT_FOUND, "schema /$ref: \"#/$defs/x\" leads nowhere"},
      {"{\"$ref\":\"#nowhere\"}", FL_E_NOT_FOUND, "\"#nowhere\" leads nowhere"},
      {"{\"$ref\":\"https://example.com/s\"}", FL_E_NOT_FOUND, "there is no schema \"https://example.com/s\" here"},
      {"{\"$ref\":\"#/%zz\"}", FL_E_INVALID, "broken %-escape"},
      {"{\"$ref\":1}", FL_E_INVALID, "schema /$ref: must be a string"},
      {"{\"items\":{\"$ref\":\"#/title\"},\"title\":\"x\"}", FL_E_INVALID, "schema /title: is string"},
      {"{\"$id\":\"a#b\"}", FL_E_INVALID, "has a fragment"},
      {"{\"$defs\":{\"a\":{\"$anchor\":\"x\"},\"b\":{\"$anchor\":\"x\"}}}", FL_E_INVALID,
       "the anchor \"x\" is taken by /$defs/a"},
      {"{\"$defs\":{\"a\":{\"$id\":\"http://x/y\"},\"b\":{\"$id\":\"http://x/y\",\"type\":\"null\"}}}", FL_E_INVALID,
       "is taken by /$defs/a"},
      {"{\"$schema\":\"https://example.com/dialect\"}", FL_E_NOT_FOUND, "the dialect \"https://example.com/dialect\""},
      {"{\"$schema\":\"http://json-schema.org/draft-04/schema#\"}", FL_E_NOT_FOUND, "the dialect"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct fl_schema *schema = NULL;
    struct fl_error err = {0};
    FL_VALUE_AUTO value = parse(rows[i].schema);
    int rc = fl_schema_create(value, NULL, &schema, &err);
    if (rc != rows[i].code || strstr(err.text, rows[i].text) == NULL || schema != NULL)
      fail_msg("%s: %d \"%s\", expected %d \"%s\"", rows[i].schema, rc, err.text, rows[i].code, rows[i].text);
    assert_int_equal(fl_schema_create(value, NULL, &schema, NULL), rc);
  }
}

static void work_and_depth_are_bounded(void **state) {
  assert_int_equal(validate("{\"$ref\":\"#\"}", "1"), FL_E_LIMIT);
  assert_int_equal(validate("{\"allOf\":[{\"$ref\":\"#/$defs/a\"}],\"$defs\":{\"a\":{\"$ref\":\"#\"}}}", "1"),
                   FL_E_LIMIT);
  assert_int_equal(validate("{\"not\":{\"$ref\":\"#\"}}", "1"), FL_E_LIMIT);
  assert_int_equal(validate("{\"$dynamicAnchor\":\"a\",\"$dynamicRef\":\"#a\"}", "1"), FL_E_LIMIT);
  /* Thirty levels of two references each: a thousand million ways down. */
  FL_BUF_AUTO text = {0};
  fl_buf_add_text(&text, "{\"$ref\":\"#/$defs/l0\",\"$defs\":{");
  for (int i = 0; i < 30; i++)
    fl_buf_addf(&text, "\"l%d\":{\"allOf\":[{\"$ref\":\"#/$defs/l%d\"},{\"$ref\":\"#/$defs/l%d\"}]},", i, i + 1, i + 1);
  fl_buf_add_text(&text, "\"l30\":{\"type\":\"integer\"}}}");
  assert_int_equal(validate(text.data, "1"), FL_E_LIMIT);
  assert_int_equal(validate(text.data, "\"x\""), 1); /* the first fault ends it */
  static const char first[] = "(root): is a string, but must be an integer; ";
  assert_int_equal(strncmp(complaints(text.data, "\"x\""), first, sizeof first - 1),
                   0); /* bounded as well, and says something */
  assert_int_equal(validate("{\"pattern\":\"^(a+)+$\"}", "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\""), FL_E_LIMIT);
}

static void deep_schemas_and_deep_data(void **state) {
  FL_BUF_AUTO schema = {0}, instance = {0};
  for (int i = 0; i < 60; i++) fl_buf_add_text(&schema, "{\"not\":");
  fl_buf_add_text(&schema, "{}");
  for (int i = 0; i < 60; i++) fl_buf_add_text(&schema, "}");
  assert_int_equal(validate(schema.data, "1"), 0);
  for (int i = 0; i < 120; i++) fl_buf_add_text(&instance, "[");
  for (int i = 0; i < 120; i++) fl_buf_add_text(&instance, "]");
  assert_int_equal(validate("{\"type\":\"array\",\"items\":{\"$ref\":\"#\"}}", instance.data), 0);
  /* Deeper than any schema that comes from outside. */
  struct fl_value *deep = fl_object();
  for (int i = 0; i < 400; i++) {
    struct fl_value *outer = fl_object();
    fl_set_take(outer, "not", deep);
    deep = outer;
  }
  struct fl_schema *made = NULL;
  assert_int_equal(fl_schema_create(deep, NULL, &made, NULL), FL_E_LIMIT);
  fl_value_unref(deep);
}

/* 20,000 different items, and 20,000 of which the last equals the first: both in sorting time. */
static void unique_items_are_not_compared_pairwise(void **state) {
  struct fl_value *items = fl_array();
  for (int i = 0; i < 20000; i++) {
    struct fl_value *item = fl_object();
    fl_set_int(item, "id", i);
    fl_append_take(items, item);
  }
  struct fl_schema *schema = compile("{\"uniqueItems\":true}", NULL);
  assert_int_equal(fl_schema_validate(schema, items, NULL), 0);
  fl_append_take(items, fl_value_ref(fl_at(items, 0)));
  struct fl_schema_result result;
  assert_int_equal(fl_schema_validate(schema, items, &result), 1);
  assert_string_equal(result.violations[0].message, "items 0 and 20000 are equal, but all items must be different");
  fl_schema_result_deinit(&result);
  fl_value_unref(items);
  fl_schema_destroy(schema);
}

static void older_drafts_by_their_schema_keyword(void **state) {
#define DRAFT7 "\"$schema\":\"http://json-schema.org/draft-07/schema#\""
  static const char tuple[] =
      "{" DRAFT7 ",\"items\":[{\"type\":\"integer\"}],\"additionalItems\":{\"type\":\"string\"}}";
  assert_int_equal(validate(tuple, "[1,\"a\"]"), 0);
  assert_int_equal(validate(tuple, "[1,2]"), 1);
  assert_int_equal(validate(tuple, "[\"a\"]"), 1);
  assert_int_equal(validate("{" DRAFT7 ",\"items\":{\"type\":\"null\"},\"additionalItems\":false}", "[null,null]"), 0);
  static const char reference[] =
      "{" DRAFT7 ",\"$ref\":\"#/definitions/a\",\"type\":\"null\",\"definitions\":{\"a\":{\"type\":\"string\"}}}";
  assert_int_equal(validate(reference, "\"x\""), 0); /* what is beside $ref is ignored */
  assert_int_equal(validate(reference, "null"), 1);
  assert_int_equal(
      validate("{" DRAFT7
               ",\"properties\":{\"p\":{\"$ref\":\"#x\"}},\"definitions\":{\"a\":{\"$id\":\"#x\",\"type\":\"null\"}}}",
               "{\"p\":1}"),
      1);
  assert_int_equal(validate("{" DRAFT7 ",\"dependentRequired\":{\"a\":[\"b\"]}}", "{\"a\":1}"), 0);
  assert_int_equal(validate("{" DRAFT7 ",\"dependencies\":{\"a\":[\"b\"]}}", "{\"a\":1}"), 1);
  assert_int_equal(validate("{" DRAFT7 ",\"prefixItems\":[{\"type\":\"null\"}]}", "[1]"), 0);
  assert_int_equal(
      validate("{\"$schema\":\"https://json-schema.org/draft/2019-09/schema\",\"items\":[{\"type\":\"null\"}]}", "[1]"),
      1);
}

static struct fl_value *resolve_one(const char *uri, void *user) {
  return strcmp(uri, "https://example.com/a/b.json") == 0 ? user : NULL;
}

static void other_documents_come_from_the_caller(void **state) {
  struct fl_value *other = parse("{\"$defs\":{\"n\":{\"type\":\"null\"}}}");
  const struct fl_schema_options options = {.size = sizeof options, .resolve = resolve_one, .user = other};
  struct fl_schema *schema =
      compile("{\"$id\":\"https://example.com/a/\",\"items\":{\"$ref\":\"b.json#/$defs/n\"}}", &options);
  fl_value_unref(other); /* the schema keeps it */
  FL_VALUE_AUTO instance = parse("[1]");
  struct fl_schema_result result;
  assert_int_equal(fl_schema_validate(schema, instance, &result), 1);
  assert_string_equal(result.violations[0].schema_pointer, "https://example.com/a/b.json#/$defs/n/type");
  fl_schema_result_deinit(&result);
  fl_schema_destroy(schema);
}

static void the_metaschema_is_known_without_network(void **state) {
  static const char meta[] = "{\"$ref\":\"https://json-schema.org/draft/2020-12/schema\"}";
  assert_int_equal(validate(meta, "{\"type\":\"object\",\"properties\":{\"a\":{\"minLength\":1}}}"), 0);
  assert_int_equal(validate(meta, "{\"properties\":{\"a\":{\"minLength\":-1}}}"), 1);
  assert_int_equal(validate(meta, "{\"$defs\":{\"x\":{\"type\":\"text\"}}}"), 1);
  assert_string_equal(complaints(meta, "{\"properties\":{\"a\":{\"minLength\":\"x\"}}}"),
                      "/properties/a/minLength: is a string, but must be an integer");
}

static void format_asserts_only_when_asked(void **state) {
  static const char text[] = "{\"format\":\"ipv4\"}";
  assert_int_equal(validate(text, "\"no address\""), 0);
  assert_string_not_equal(complaints(text, "\"no address\""), "");
  assert_string_equal(complaints("{\"format\":\"of-our-own\"}", "\"x\""), "");
}

static void numbers_are_compared_as_written(void **state) {
  assert_int_equal(validate("{\"multipleOf\":0.01}", "4.35"), 0);
  assert_int_equal(validate("{\"multipleOf\":0.1}", "0.30000000000000004"), 1);
  assert_int_equal(validate("{\"multipleOf\":1e300}", "7"), 1);
  assert_int_equal(validate("{\"multipleOf\":3}", "9000000000000000000"), 0);
  assert_int_equal(validate("{\"multipleOf\":7}", "-9223372036854775808"), 1);
  assert_int_equal(validate("{\"multipleOf\":2}", "-9223372036854775808"), 0);
  assert_int_equal(validate("{\"maximum\":9007199254740992}", "9007199254740993"), 1);
  assert_int_equal(validate("{\"maximum\":9007199254740992.0}", "9007199254740993"), 1);
  assert_int_equal(validate("{\"type\":\"integer\"}", "1e308"), 0);
}

static void references_resolve_as_in_rfc_3986(void **state) {
  static const struct {
    const char *reference, *uri;
  } rows[] = {
      {"g:h", "g:h"},
      {"g", "http://a/b/c/g"},
      {"./g", "http://a/b/c/g"},
      {"g/", "http://a/b/c/g/"},
      {"/g", "http://a/g"},
      {"//g", "http://g"},
      {"?y", "http://a/b/c/d;p?y"},
      {"g?y", "http://a/b/c/g?y"},
      {"", "http://a/b/c/d;p?q"},
      {".", "http://a/b/c/"},
      {"..", "http://a/b/"},
      {"../g", "http://a/b/g"},
      {"../..", "http://a/"},
      {"../../../g", "http://a/g"},
      {"/./g", "http://a/g"},
      {"g.", "http://a/b/c/g."},
      {"./g/.", "http://a/b/c/g/"},
      {"g/../h", "http://a/b/c/h"},
      {"#s", "http://a/b/c/d;p?q"},
      {"g#s", "http://a/b/c/g"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    FL_BUF_AUTO uri = {0};
    fl_schema_uri_resolve(fl_slice_of("http://a/b/c/d;p?q"), fl_slice_of(rows[i].reference), &uri);
    assert_string_equal(uri.data, rows[i].uri);
  }
  FL_BUF_AUTO relative = {0};
  fl_schema_uri_resolve(fl_slice_of(""), fl_slice_of("a/b#c"), &relative);
  assert_string_equal(relative.data, "a/b");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(messages_say_what_is_and_what_must_be),
      cmocka_unit_test(alternatives_come_down_to_the_one_that_was_meant),
      cmocka_unit_test(names_the_rule_and_the_place),
      cmocka_unit_test(long_texts_are_cut_between_characters),
      cmocka_unit_test(keeps_the_first_complaints),
      cmocka_unit_test(a_wrong_schema_is_told_where_and_why),
      cmocka_unit_test(work_and_depth_are_bounded),
      cmocka_unit_test(deep_schemas_and_deep_data),
      cmocka_unit_test(unique_items_are_not_compared_pairwise),
      cmocka_unit_test(older_drafts_by_their_schema_keyword),
      cmocka_unit_test(other_documents_come_from_the_caller),
      cmocka_unit_test(the_metaschema_is_known_without_network),
      cmocka_unit_test(format_asserts_only_when_asked),
      cmocka_unit_test(numbers_are_compared_as_written),
      cmocka_unit_test(references_resolve_as_in_rfc_3986),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
