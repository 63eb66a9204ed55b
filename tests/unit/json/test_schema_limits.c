/* SPDX-License-Identifier: MIT */
/* Schemas and instances that are made to cost much: whatever they do, validation ends soon, with a verdict or with
 * FL_E_LIMIT, and what it tells is short. Schemas come from servers that nobody vouches for. */
#include "runtime/base/buf.h"
#include "runtime/base/mem.h"
#include "runtime/json/json.h"
#include "runtime/json/schema.h"
#include "tests/support/support.h"

#include <string.h>
#include <time.h>

enum {
  SOON_MS = 20000 /* under sanitizers, on a machine with other work; without the bounds these rows take minutes */
};

static int64_t cpu_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static struct fl_value *parse(const struct fl_buf *text) {
  struct fl_value *value = NULL;
  struct fl_error err = {0};
  if (fl_parse(text->data, text->size, &value, &err) != 0) fail_msg("%s", err.text);
  return value;
}

/* {"$defs":{"x":DEF},"allOf":[{"$ref":"#/$defs/x"}, … `count` times]} */
static struct fl_schema *many_references(const char *def, int count) {
  FL_BUF_AUTO text = {0};
  fl_buf_addf(&text, "{\"$defs\":{\"x\":%s},\"allOf\":[", def);
  for (int i = 0; i < count; i++) fl_buf_addf(&text, "%s{\"$ref\":\"#/$defs/x\"}", i > 0 ? "," : "");
  fl_buf_add_text(&text, "]}");
  FL_VALUE_AUTO value = parse(&text);
  struct fl_schema_options options = {.size = sizeof options, .check_format = true};
  struct fl_schema *schema = NULL;
  struct fl_error err = {0};
  if (fl_schema_create(value, &options, &schema, &err) != 0) fail_msg("%s", err.text);
  return schema;
}

static char *repeat(const char *before, const char *part, int count, const char *after) {
  struct fl_buf text = {0};
  fl_buf_add_text(&text, before);
  for (int i = 0; i < count; i++) fl_buf_addf(&text, "%s%s", i > 0 ? "," : "", part);
  fl_buf_add_text(&text, after);
  return fl_buf_take(&text, NULL);
}

static void ends_at_the_limit(const char *def, const struct fl_value *instance) {
  struct fl_schema *schema = many_references(def, 40000);
  int64_t start = cpu_ms();
  struct fl_schema_result result;
  int rc = fl_schema_validate(schema, instance, &result);
  int64_t took = cpu_ms() - start;
  if (rc != FL_E_LIMIT || took > SOON_MS) fail_msg("%.60s: %d after %lld ms", def, rc, (long long)took);
  assert_int_equal(result.count, 0);
  fl_schema_result_deinit(&result);
  fl_schema_destroy(schema);
}

static struct fl_value *long_text(size_t size) {
  FL_FREE_AUTO char *text = fl_alloc(size);
  memset(text, 'x', size);
  return fl_string_n(text, size);
}

static void long_texts_are_paid_for(void **state) {
  FL_VALUE_AUTO text = long_text(1024 * 1024);
  ends_at_the_limit("{\"minLength\":3}", text);
  ends_at_the_limit("{\"maxLength\":100000000}", text);
  ends_at_the_limit("{\"pattern\":\"^x\"}", text);
}

static void large_constants_are_paid_for(void **state) {
  FL_FREE_AUTO char *def = repeat("{\"const\":[", "[0,1]", 20000, "]}");
  FL_BUF_AUTO text = {0};
  fl_buf_add(&text, def + 9, strlen(def) - 10);
  FL_VALUE_AUTO instance = parse(&text);
  ends_at_the_limit(def, instance);
}

static void long_lists_of_names_are_paid_for(void **state) {
  FL_BUF_AUTO dependent = {0}, required = {0}, text = {0};
  fl_buf_add_text(&dependent, "{\"dependentRequired\":{");
  fl_buf_add_text(&required, "{\"required\":[");
  fl_buf_add_text(&text, "{");
  for (int i = 0; i < 2000; i++) {
    fl_buf_addf(&dependent, "%s\"k%d\":[\"k0\"]", i > 0 ? "," : "", i);
    fl_buf_addf(&required, "%s\"k%d\"", i > 0 ? "," : "", i);
    fl_buf_addf(&text, "%s\"k%d\":1", i > 0 ? "," : "", i);
  }
  fl_buf_add_text(&dependent, "}}");
  fl_buf_add_text(&required, "]}");
  fl_buf_add_text(&text, "}");
  FL_VALUE_AUTO instance = parse(&text);
  ends_at_the_limit(dependent.data, instance);
  ends_at_the_limit(required.data, instance);
}

static void marks_are_paid_for(void **state) {
  FL_BUF_AUTO text = {0};
  FL_FREE_AUTO char *items = repeat("[", "1", 200000, "]");
  fl_buf_add_text(&text, items);
  FL_VALUE_AUTO instance = parse(&text);
  ends_at_the_limit("{\"items\":true,\"unevaluatedItems\":false}", instance);
}

/* Ordinary sizes are far from the bounds. */
static void what_is_large_but_honest_passes(void **state) {
  FL_VALUE_AUTO text = long_text(8 * 1024 * 1024);
  struct fl_schema *schema = many_references("{\"type\":\"string\",\"minLength\":1,\"maxLength\":10000000}", 10);
  assert_int_equal(fl_schema_validate(schema, text, NULL), 0);
  fl_schema_destroy(schema);
}

/* Many alternatives refuse a value of megabytes: the text shows its front, or its type, and is made quickly. */
static void a_huge_value_is_shown_by_its_front(void **state) {
  FL_BUF_AUTO schema_text = {0};
  fl_buf_add_text(&schema_text, "{\"anyOf\":[");
  for (int i = 0; i < 60; i++) fl_buf_addf(&schema_text, "%s{\"const\":\"c%d\"}", i > 0 ? "," : "", i);
  fl_buf_add_text(&schema_text, "]}");
  FL_VALUE_AUTO schema_value = parse(&schema_text);
  struct fl_schema *schema = NULL;
  assert_int_equal(fl_schema_create(schema_value, NULL, &schema, NULL), 0);
  FL_BUF_AUTO array_text = {0};
  FL_FREE_AUTO char *items = repeat("[", "\"item\"", 300000, "]");
  fl_buf_add_text(&array_text, items);
  struct fl_value *instances[] = {long_text(8 * 1024 * 1024), parse(&array_text)};
  static const char *const fronts[] = {"(root): is \"xxxxx", "(root): is an array, but must be one of \"c0\", \"c1\""};
  int64_t start = cpu_ms();
  for (size_t i = 0; i < 2; i++) {
    struct fl_schema_result result;
    FL_BUF_AUTO told = {0};
    assert_int_equal(fl_schema_validate(schema, instances[i], &result), 1);
    fl_schema_result_text(&result, &told);
    assert_memory_equal(told.data, fronts[i], strlen(fronts[i]));
    assert_non_null(strstr(told.data, " and 48 more"));
    assert_in_range(told.size, 100, 300);
    fl_schema_result_deinit(&result);
    fl_value_unref(instances[i]);
  }
  assert_in_range(cpu_ms() - start, 0, SOON_MS / 4);
  fl_schema_destroy(schema);
}

/* The cut never falls into a character, wherever that stands. */
static void the_front_ends_between_characters(void **state) {
  FL_VALUE_AUTO schema_value = NULL;
  assert_int_equal(fl_parse("{\"const\":1}", 11, &schema_value, NULL), 0);
  struct fl_schema *schema = NULL;
  assert_int_equal(fl_schema_create(schema_value, NULL, &schema, NULL), 0);
  for (int lead = 0; lead < 8; lead++) {
    FL_BUF_AUTO text = {0}, told = {0};
    for (int i = 0; i < lead; i++) fl_buf_add_char(&text, 'a');
    for (int i = 0; i < 100; i++) fl_buf_add_text(&text, i % 3 == 0 ? "\U0001F600" : i % 3 == 1 ? "é" : "\n");
    FL_VALUE_AUTO instance = fl_string_n(text.data, text.size);
    struct fl_schema_result result;
    assert_int_equal(fl_schema_validate(schema, instance, &result), 1);
    fl_schema_result_text(&result, &told);
    FL_VALUE_AUTO again = fl_string_n(told.data, told.size); /* would hold U+FFFD for what is no character */
    assert_string_equal(fl_as_string(again), told.data);
    assert_null(strstr(told.data, "\uFFFD"));
    assert_non_null(strstr(told.data, "…\", but must be 1"));
    fl_schema_result_deinit(&result);
  }
  fl_schema_destroy(schema);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(long_texts_are_paid_for),           cmocka_unit_test(large_constants_are_paid_for),
      cmocka_unit_test(long_lists_of_names_are_paid_for),  cmocka_unit_test(marks_are_paid_for),
      cmocka_unit_test(what_is_large_but_honest_passes),   cmocka_unit_test(a_huge_value_is_shown_by_its_front),
      cmocka_unit_test(the_front_ends_between_characters),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
