/* SPDX-License-Identifier: MIT */
#include "runtime/base/mem.h"
#include "runtime/json/json.h"
#include "tests/support/support.h"

#include <stdio.h>

static struct fl_value *parse(const char *text) {
  struct fl_value *value = NULL;
  struct fl_error err = {0};
  if (fl_json_read(fl_slice_of(text), FL_JSON_FULL, &value, &err) < 0) fail_msg("%s: %s", text, err.text);
  return value;
}

static void assert_written(const char *text, enum fl_json_style style, const char *expected) {
  FL_VALUE_AUTO value = parse(text);
  FL_BUF_AUTO buf = {0};
  assert_int_equal(fl_json_write(&buf, value, style), 0);
  assert_string_equal(buf.data, expected);
}

static void compact_text_has_no_space(void **state) {
  assert_written(" [ 1 , -2 , { \"b\" : null , \"a\" : [ ] } , { } , true , false ] ", FL_JSON_COMPACT,
                 "[1,-2,{\"b\":null,\"a\":[]},{},true,false]");
  assert_written("[0,7,10,99,100,12345,-9223372036854775808,9223372036854775807]", FL_JSON_COMPACT,
                 "[0,7,10,99,100,12345,-9223372036854775808,9223372036854775807]");
}

static void pretty_text_is_indented_by_two(void **state) {
  assert_written("{\"a\":[1,{\"b\":2}],\"c\":{},\"d\":[]}", FL_JSON_PRETTY,
                 "{\n  \"a\": [\n    1,\n    {\n      \"b\": 2\n    }\n  ],\n  \"c\": {},\n  \"d\": []\n}");
  assert_written("3", FL_JSON_PRETTY, "3");
}

static void a_double_stays_a_double(void **state) {
  assert_written("[1.0,-0.0,0.0,1e20,1e21,0.1,-2.50,1e-7]", FL_JSON_COMPACT,
                 "[1.0,-0.0,0.0,100000000000000000000.0,1e+21,0.1,-2.5,1e-7]");
  assert_written("[1.0]", FL_JSON_PRETTY, "[\n  1.0\n]");
  FL_VALUE_AUTO value = fl_double(3);
  char *text = fl_dump(value, NULL);
  FL_VALUE_AUTO again = parse(text);
  assert_int_equal(fl_type_of(again), FL_DOUBLE);
  fl_text_free(text);
}

static void strings_are_escaped_where_they_must_be(void **state) {
  FL_BUF_AUTO buf = {0};
  static const char text[] = "\0\x01\b\t\n\v\f\r\x1f \"\\/\x7f\u00e9\u2028\U0001F600";
  assert_int_equal(fl_json_write_string(&buf, fl_slice_n(text, sizeof text - 1)), 0);
  assert_string_equal(buf.data, "\"\\u0000\\u0001\\b\\t\\n\\u000b\\f\\r\\u001f \\\"\\\\/\x7f\u00e9\u2028\U0001F600\"");
  fl_buf_clear(&buf);
  assert_int_equal(fl_json_write_string(&buf, fl_slice_n("a\xff\xe2\x82z", 5)), 0);
  assert_string_equal(buf.data, "\"a\uFFFD\uFFFD\uFFFDz\"");
  fl_buf_clear(&buf);
  assert_int_equal(fl_json_write_string(&buf, fl_slice_n(NULL, 0)), 0);
  assert_string_equal(buf.data, "\"\"");
}

static void escapes_are_found_at_every_offset(void **state) {
  for (size_t at = 0; at < 24; at++) {
    for (int c = 0; c < 0x80; c++) {
      char text[24];
      memset(text, at % 2 == 0 ? '!' : '\xc3', sizeof text);
      for (size_t i = 1; at % 2 == 1 && i < sizeof text; i += 2) text[i] = '\xa9';
      if (at % 2 == 1) text[at - 1] = 'x';
      text[at] = (char)c;
      FL_VALUE_AUTO value = fl_string_n(text, sizeof text);
      FL_BUF_AUTO buf = {0};
      FL_VALUE_AUTO again = NULL;
      assert_int_equal(fl_json_write(&buf, value, FL_JSON_COMPACT), 0);
      assert_int_equal(fl_json_read(fl_buf_slice(&buf), FL_JSON_FULL, &again, NULL), 0);
      assert_true(fl_equal(value, again));
      assert_memory_equal(fl_as_string(again), text, sizeof text);
    }
  }
}

/* Large texts are searched with wide vectors and copied in pieces: what is special, on each side of every seam. */
static void escapes_are_found_in_large_texts(void **state) {
  enum { SIZE = 50 * 1000 };
  static const size_t places[] = {0, 16 * 1024, 32 * 1024, SIZE - 400};
  static const char *const specials[] = {"\"", "\\", "\n", "\x1f", "\xc3\xa9", "\x7f"};
  char *text = fl_alloc(SIZE);
  for (size_t row = 0; row < sizeof places / sizeof places[0]; row++) {
    size_t from = places[row] < 200 ? 0 : places[row] - 200;
    for (size_t at = from; at < from + 400 - 1; at++) {
      const char *special = specials[at % 6];
      for (size_t i = 0; i < SIZE; i++) text[i] = (char)('a' + i % 26);
      memcpy(text + at, special, strlen(special));
      FL_VALUE_AUTO value = fl_string_n(text, SIZE);
      FL_BUF_AUTO buf = {0};
      FL_VALUE_AUTO again = NULL;
      assert_int_equal(fl_json_write(&buf, value, FL_JSON_COMPACT), 0);
      size_t written = SIZE + 2 + (at % 6 < 3 ? 1 : at % 6 == 3 ? 5 : 0);
      assert_int_equal(buf.size, written);
      assert_int_equal(fl_json_read(fl_buf_slice(&buf), FL_JSON_FULL, &again, NULL), 0);
      assert_int_equal(fl_string_size(again), SIZE);
      assert_memory_equal(fl_as_string(again), text, SIZE);
      if (at % 6 != 4) continue;
      buf.data[at + 2] = 'x'; /* half of a character */
      FL_VALUE_AUTO bad = NULL;
      assert_int_not_equal(fl_json_read(fl_buf_slice(&buf), FL_JSON_STRICT, &bad, NULL), 0);
    }
  }
  fl_free(text);
}

/* RFC 8785, sections 3.2.2 to 3.2.4 and appendix B. */
static void canonical_text_follows_rfc_8785(void **state) {
  assert_written("{\"numbers\":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],"
                 "\"string\":\"\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\\"\\/\","
                 "\"literals\":[null,true,false]}",
                 FL_JSON_CANONICAL,
                 "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],"
                 "\"string\":\"\u20ac$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}");
  assert_written("{\"\\u20ac\":\"Euro Sign\",\"\\r\":\"Carriage Return\","
                 "\"\\ufb33\":\"Hebrew Letter Dalet With Dagesh\",\"1\":\"One\","
                 "\"\\ud83d\\ude00\":\"Emoji: Grinning Face\","
                 "\"\\u0080\":\"Control\",\"\\u00f6\":\"Latin Small Letter O With Diaeresis\"}",
                 FL_JSON_CANONICAL,
                 "{\"\\r\":\"Carriage Return\",\"1\":\"One\","
                 "\"\xc2\x80\":\"Control\",\"\u00f6\":\"Latin Small Letter O With Diaeresis\","
                 "\"\u20ac\":\"Euro Sign\",\"\U0001F600\":\"Emoji: Grinning Face\","
                 "\"\ufb33\":\"Hebrew Letter Dalet With Dagesh\"}");
  assert_written("[1.0,-0.0,0,1e21,9007199254740992,-9007199254740992]", FL_JSON_CANONICAL,
                 "[1,0,0,1e+21,9007199254740992,-9007199254740992]");
  assert_written("{\"b\":{\"z\":1,\"y\":2},\"a\":1,\"\":0,\"aa\":2}", FL_JSON_CANONICAL,
                 "{\"\":0,\"a\":1,\"aa\":2,\"b\":{\"y\":2,\"z\":1}}");
}

static void canonical_order_is_that_of_utf16(void **state) {
  assert_written("{\"\uffff\":1,\"\U00010000\":2,\"\ue000\":3,\"\ud7ff\":4,\"\U0010FFFF\":5,"
                 "\"a\uff01\":6,\"a\U0001F600\":7}",
                 FL_JSON_CANONICAL,
                 "{\"a\U0001F600\":7,\"a\uff01\":6,"
                 "\"\ud7ff\":4,\"\U00010000\":2,\"\U0010FFFF\":5,\"\ue000\":3,\"\uffff\":1}");
}

static void canonical_text_refuses_integers_that_doubles_cannot_hold(void **state) {
  static const char *const texts[] = {"9007199254740993", "[-9007199254740993]", "{\"a\":9223372036854775807}"};
  for (size_t i = 0; i < 3; i++) {
    FL_VALUE_AUTO value = parse(texts[i]);
    FL_BUF_AUTO buf = {0};
    fl_buf_add_text(&buf, "kept");
    assert_int_equal(fl_json_write(&buf, value, FL_JSON_CANONICAL), FL_E_LIMIT);
    assert_string_equal(buf.data, "kept");
  }
}

/* Whatever the limit: either all of it is there, or nothing was changed. */
static void a_limit_is_met_exactly(void **state) {
  static const char text[] = "{\"a\":[1,-2.5,\"x\\ny\",true,null],\"b\\\"\":{}}";
  FL_VALUE_AUTO value = parse(text);
  for (size_t style = 0; style < 3; style++) {
    FL_BUF_AUTO whole = {0};
    assert_int_equal(fl_json_write(&whole, value, (enum fl_json_style)style), 0);
    for (size_t limit = 2; limit <= whole.size + 2; limit++) {
      FL_BUF_AUTO buf;
      fl_buf_init(&buf, limit);
      fl_buf_add_text(&buf, "<>");
      bool fits = limit == whole.size + 2;
      assert_int_equal(fl_json_write(&buf, value, (enum fl_json_style)style), fits ? 0 : FL_E_LIMIT);
      assert_int_equal(buf.size, fits ? limit : 2);
      assert_int_equal(buf.failed, !fits);
      assert_int_equal(buf.data[buf.size], 0);
    }
  }
}

static void too_deep_a_value_is_refused(void **state) {
  FL_VALUE_AUTO value = fl_int(1);
  for (int i = 0; i < FL_JSON_DEPTH_FULL + 1; i++) {
    struct fl_value *outer = fl_array();
    fl_append_take(outer, value);
    value = outer;
  }
  FL_BUF_AUTO buf = {0};
  uint8_t hash[32], inner_hash[32];
  assert_int_equal(fl_json_write(&buf, value, FL_JSON_COMPACT), FL_E_LIMIT);
  assert_int_equal(buf.size, 0);
  assert_null(fl_dump(value, NULL));
  assert_int_equal(fl_json_write(&buf, fl_at(value, 0), FL_JSON_COMPACT), 0);
  fl_json_hash(value, hash);
  fl_json_hash(fl_at(value, 0), inner_hash);
  assert_memory_not_equal(hash, inner_hash, 32);
}

static void skip_agrees_with_the_reader(void **state) {
  FL_VALUE_AUTO value = parse("[\"a\\\"]}\",{\"k\":[1,2,{\"x\":\"\\\\\"}]},-1.5e-7,true,null,\"\",[],{}]");
  FL_BUF_AUTO buf = {0};
  for (size_t i = 0; i < fl_size(value); i++) {
    fl_buf_clear(&buf);
    assert_int_equal(fl_json_write(&buf, fl_at(value, i), FL_JSON_COMPACT), 0);
    size_t size = buf.size;
    fl_buf_add_text(&buf, ",\"next\"]");
    assert_int_equal(fl_json_skip(fl_buf_slice(&buf)), size);
  }
}

static void a_dump_can_be_empty_handed_of_its_size(void **state) {
  FL_VALUE_AUTO value = fl_string_n("a\0b", 3);
  size_t size = 0;
  char *text = fl_dump(value, &size);
  assert_int_equal(size, 10);
  assert_string_equal(text, "\"a\\u0000b\"");
  fl_text_free(text);
  fl_text_free(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(compact_text_has_no_space),
      cmocka_unit_test(pretty_text_is_indented_by_two),
      cmocka_unit_test(a_double_stays_a_double),
      cmocka_unit_test(strings_are_escaped_where_they_must_be),
      cmocka_unit_test(escapes_are_found_at_every_offset),
      cmocka_unit_test(escapes_are_found_in_large_texts),
      cmocka_unit_test(canonical_text_follows_rfc_8785),
      cmocka_unit_test(canonical_order_is_that_of_utf16),
      cmocka_unit_test(canonical_text_refuses_integers_that_doubles_cannot_hold),
      cmocka_unit_test(a_limit_is_met_exactly),
      cmocka_unit_test(too_deep_a_value_is_refused),
      cmocka_unit_test(skip_agrees_with_the_reader),
      cmocka_unit_test(a_dump_can_be_empty_handed_of_its_size),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
