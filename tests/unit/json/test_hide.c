/* SPDX-License-Identifier: MIT */
#include "runtime/base/mem.h"
#include "runtime/json/hide.h"
#include "runtime/json/json.h"
#include "tests/support/support.h"

static struct fl_known *known;

static int set_up(void **state) {
  known = fl_known_create();
  fl_known_add(known, "KEY", FL_SLICE("quote\"canary\n1"), NULL);
  return fl_known_add(known, "PIN", FL_SLICE("1234567890"), NULL);
}

static int tear_down(void **state) {
  fl_known_destroy(known);
  return 0;
}

static void expect(const char *json, const char *expected) {
  struct fl_value *value = NULL;
  assert_int_equal(fl_parse(json, strlen(json), &value, NULL), 0);
  FL_VALUE_AUTO shown = fl_hide_value(known, value);
  char *text = fl_dump(shown, NULL);
  assert_string_equal(text, expected);
  assert_true((shown == value) == (strcmp(json, expected) == 0));
  fl_text_free(text);
  fl_value_unref(value);
}

static void texts_anywhere_in_a_value_are_hidden(void **state) {
  expect("{\"a\":[1,{\"b\":\"x quote\\\"canary\\n1 y\"}],\"c\":null}",
         "{\"a\":[1,{\"b\":\"x [secret KEY] y\"}],\"c\":null}");
  expect("\"quote\\\"canary\\n1\"", "\"[secret KEY]\"");
  expect("{\"quote\\\"canary\\n1\":1}", "{\"[secret KEY]\":1}");
  expect("[\"{\\\"in\\\":\\\"quote\\\\\\\"canary\\\\n1\\\"}\"]", "[\"{\\\"in\\\":\\\"[secret KEY]\\\"}\"]");
  expect("[\"quote\\\"canary\",{\"n\":1.5,\"b\":true}]", "[\"quote\\\"canary\",{\"n\":1.5,\"b\":true}]");
}

static void numbers_that_are_secrets_are_hidden(void **state) {
  expect("{\"pin\":1234567890,\"more\":[81234567890,123456789,1234567890.5]}",
         "{\"pin\":\"[secret PIN]\",\"more\":[\"8[secret PIN]\",123456789,1234567890.5]}");
}

static void nothing_known_changes_nothing(void **state) {
  FL_VALUE_AUTO value = fl_string("quote\"canary\n1");
  FL_VALUE_AUTO same = fl_hide_value(NULL, value);
  FL_BUF_AUTO out = {0};
  assert_ptr_equal(value, same);
  assert_null(fl_hide_value(known, NULL));
  assert_false(fl_hide_json(NULL, FL_SLICE("\"1234567890\""), &out));
  assert_int_equal(out.size, 0);
}

static void json_texts_stay_json(void **state) {
  FL_BUF_AUTO out = {0}, broken = {0};
  assert_false(fl_hide_json(known, FL_SLICE("{\"a\": 1}"), &out));
  assert_false(fl_hide_json(known, FL_SLICE("{\"a\": "), &out));
  assert_int_equal(out.size, 0);
  assert_true(fl_hide_json(known, FL_SLICE("{\"a\": \"q\\u0075ote\\\"canary\\n1\"}"), &out));
  assert_string_equal(out.data, "{\"a\":\"[secret KEY]\"}");
  assert_true(fl_hide_json(known, FL_SLICE("no JSON 1234567890"), &broken));
  assert_string_equal(broken.data, "no JSON [secret PIN]");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(texts_anywhere_in_a_value_are_hidden),
      cmocka_unit_test(numbers_that_are_secrets_are_hidden),
      cmocka_unit_test(nothing_known_changes_nothing),
      cmocka_unit_test(json_texts_stay_json),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
