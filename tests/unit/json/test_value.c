/* SPDX-License-Identifier: MIT */
#include "runtime/json/json.h"
#include "tests/support/support.h"

static struct fl_value *parse(const char *text) {
  struct fl_value *value = NULL;
  struct fl_error err = {0};
  if (fl_parse(text, strlen(text), &value, &err) < 0) fail_msg("%s: %s", text, err.text);
  return value;
}

static void assert_text(const struct fl_value *value, const char *expected) {
  char *text = fl_dump(value, NULL);
  assert_string_equal(text, expected);
  fl_text_free(text);
}

static void absent_reads_as_null(void **state) {
  assert_int_equal(fl_type_of(NULL), FL_NULL);
  assert_null(fl_get(NULL, "a"));
  assert_null(fl_at(NULL, 0));
  assert_int_equal(fl_size(NULL), 0);
  assert_null(fl_as_string(NULL));
  assert_int_equal(fl_as_int(NULL, 7), 7);
  assert_true(fl_as_bool(NULL, true));
  assert_text(NULL, "null");
  fl_value_unref(fl_value_ref(NULL));
}

static void readers_convert_numbers_and_nothing_else(void **state) {
  FL_VALUE_AUTO value = parse("{\"i\":3,\"d\":4.0,\"f\":4.5,\"b\":true,\"s\":\"x\",\"big\":1e300}");
  assert_int_equal(fl_get_int(value, "i", -1), 3);
  assert_int_equal(fl_get_int(value, "d", -1), 4);
  assert_int_equal(fl_get_int(value, "f", -1), -1);
  assert_int_equal(fl_get_int(value, "big", -1), -1);
  assert_int_equal(fl_get_int(value, "s", -1), -1);
  assert_true(fl_get_double(value, "i", 0) == 3.0);
  assert_true(fl_get_double(value, "s", 0.5) == 0.5);
  assert_true(fl_get_bool(value, "b", false));
  assert_false(fl_get_bool(value, "i", false));
  assert_string_equal(fl_get_string(value, "s", NULL), "x");
  assert_string_equal(fl_get_string(value, "i", "none"), "none");
  assert_string_equal(fl_type_name(fl_type_of(fl_get(value, "f"))), "number");
}

static void integers_at_the_edge_of_double(void **state) {
  FL_VALUE_AUTO edge = fl_double(0x1p63);
  FL_VALUE_AUTO low = fl_double(-0x1p63);
  assert_int_equal(fl_as_int(edge, 5), 5);
  assert_true(fl_as_int(low, 5) == INT64_MIN);
}

static void not_finite_becomes_null(void **state) {
  assert_int_equal(fl_type_of(fl_double(1.0 / 0.0)), FL_NULL);
  assert_int_equal(fl_type_of(fl_double(0.0 / 0.0)), FL_NULL);
}

static void invalid_utf8_is_replaced_byte_by_byte(void **state) {
  FL_VALUE_AUTO value = fl_string_n("a\xff\xc3(\xed\xa0\x80z", 8);
  assert_string_equal(fl_as_string(value), "a\uFFFD\uFFFD(\uFFFD\uFFFD\uFFFDz");
  FL_VALUE_AUTO cut = fl_string_n("\xe2\x82", 2);
  assert_string_equal(fl_as_string(cut), "\uFFFD\uFFFD");
  FL_VALUE_AUTO object = fl_object();
  fl_set_take_n(object, "a\0\xff", 3, fl_int(1));
  assert_int_equal(fl_get_int(object, "a\uFFFD\uFFFD", 0), 1);
}

static void strings_keep_nul_and_size(void **state) {
  FL_VALUE_AUTO value = fl_string_n("a\0b", 3);
  assert_int_equal(fl_string_size(value), 3);
  assert_memory_equal(fl_as_string(value), "a\0b", 4);
  FL_VALUE_AUTO made = fl_stringf("%s-%d", "x", 7);
  assert_string_equal(fl_as_string(made), "x-7");
  FL_VALUE_AUTO empty = fl_string_n(NULL, 0);
  assert_string_equal(fl_as_string(empty), "");
}

static void members_come_in_insertion_order(void **state) {
  FL_VALUE_AUTO object = fl_object();
  fl_set_int(object, "z", 1);
  fl_set_string(object, "a", "x");
  fl_set_bool(object, "m", true);
  fl_set_take(object, "n", NULL);
  fl_set_int(object, "z", 2);
  assert_text(object, "{\"z\":2,\"a\":\"x\",\"m\":true,\"n\":null}");
  fl_unset(object, "a");
  fl_unset(object, "absent");
  struct fl_member member = {0};
  char keys[8] = "";
  while (fl_next_member(object, &member)) strncat(keys, member.key, member.key_size);
  assert_string_equal(keys, "zmn");
  struct fl_member none = {0};
  assert_false(fl_next_member(NULL, &none));
}

static void a_shallow_copy_shares_the_members(void **state) {
  FL_VALUE_AUTO object = parse("{\"a\":[1,2]}");
  FL_VALUE_AUTO copy = fl_copy_shallow(object);
  fl_set_int(copy, "b", 1);
  assert_text(object, "{\"a\":[1,2]}");
  assert_ptr_equal(fl_get(object, "a"), fl_get(copy, "a"));
  assert_false(fl_json_is_unshared(fl_get(copy, "a")));
  assert_true(fl_json_is_unshared(copy));
  assert_int_equal(fl_type_of(fl_copy_shallow(NULL)), FL_NULL);
}

static void equality_is_deep_and_by_number(void **state) {
  static const struct {
    const char *a, *b;
    bool equal;
  } rows[] = {{"1", "1.0", true},
              {"0", "-0.0", true},
              {"1", "2", false},
              {"0", "0.5", false},
              {"1", "1.5", false},
              {"9007199254740993", "9007199254740992.0", false},
              {"9007199254740992", "9007199254740992.0", true},
              {"{\"a\":1,\"b\":[true,null]}", "{\"b\":[true,null],\"a\":1.0}", true},
              {"{\"a\":1}", "{\"b\":1}", false},
              {"{\"a\":1}", "{\"a\":1,\"b\":2}", false},
              {"[1,2]", "[2,1]", false},
              {"[1]", "[1,1]", false},
              {"\"a\"", "\"b\"", false},
              {"\"a\"", "\"a\"", true},
              {"true", "false", false},
              {"null", "false", false},
              {"0", "false", false},
              {"\"1\"", "1", false},
              {"[]", "{}", false}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    FL_VALUE_AUTO a = parse(rows[i].a);
    FL_VALUE_AUTO b = parse(rows[i].b);
    if (fl_equal(a, b) != rows[i].equal || fl_equal(b, a) != rows[i].equal) fail_msg("%s and %s", rows[i].a, rows[i].b);
    uint8_t x[32], y[32];
    fl_json_hash(a, x);
    fl_json_hash(b, y);
    if ((memcmp(x, y, 32) == 0) != rows[i].equal) fail_msg("hash of %s and %s", rows[i].a, rows[i].b);
  }
}

static void weight_grows_with_what_is_held(void **state) {
  FL_VALUE_AUTO small = parse("{\"a\":\"x\"}");
  FL_VALUE_AUTO large = parse("{\"a\":\"0123456789012345678901234567890123456789\",\"b\":[1,2,3]}");
  assert_true(fl_json_weight(large) > fl_json_weight(small) + 40);
  assert_int_equal(fl_json_weight(NULL), 0);
}

static void pointers_follow_rfc_6901(void **state) {
  FL_VALUE_AUTO value = parse("{\"foo\":[\"bar\",\"baz\"],\"\":0,\"a/b\":1,"
                              "\"c%d\":2,\" \":7,\"m~n\":8,\"k\\\"l\":6,\"x\":{\"y\":[[5]]}}");
  static const struct {
    const char *pointer;
    int64_t expected;
  } rows[] = {{"/", 0}, {"/a~1b", 1}, {"/c%d", 2}, {"/ ", 7}, {"/m~0n", 8}, {"/k\"l", 6}, {"/x/y/0/0", 5}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    assert_int_equal(fl_as_int(fl_json_pointer(value, rows[i].pointer), -1), rows[i].expected);
  assert_ptr_equal(fl_json_pointer(value, ""), value);
  assert_string_equal(fl_as_string(fl_json_pointer(value, "/foo/1")), "baz");
  static const char *const absent[] = {"foo",
                                       "/foo/2",
                                       "/foo/-",
                                       "/foo/01",
                                       "/foo/1x",
                                       "/foo/",
                                       "/m~n",
                                       "/m~2n",
                                       "/foo/0/0",
                                       "/nope/x",
                                       "/foo/99999999999999999999",
                                       "/m~"};
  for (size_t i = 0; i < sizeof absent / sizeof absent[0]; i++) assert_null(fl_json_pointer(value, absent[i]));
}

static void pointers_are_built_escaped(void **state) {
  FL_BUF_AUTO pointer = {0};
  assert_int_equal(fl_json_pointer_add(&pointer, FL_SLICE("a/b~c")), 0);
  assert_int_equal(fl_json_pointer_add_index(&pointer, 12), 0);
  assert_string_equal(pointer.data, "/a~1b~0c/12");
}

/* The table of RFC 7396, appendix A. */
static void merge_follows_rfc_7396(void **state) {
  static const char *const rows[][3] = {
      {"{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
      {"{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}"},
      {"{\"a\":\"b\"}", "{\"a\":null}", "{}"},
      {"{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}"},
      {"{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
      {"{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}"},
      {"{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}", "{\"a\":{\"b\":\"d\"}}"},
      {"{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}"},
      {"[\"a\",\"b\"]", "[\"c\",\"d\"]", "[\"c\",\"d\"]"},
      {"{\"a\":\"b\"}", "[\"c\"]", "[\"c\"]"},
      {"{\"a\":\"foo\"}", "null", "null"},
      {"{\"a\":\"foo\"}", "\"bar\"", "\"bar\""},
      {"{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}"},
      {"[1,2]", "{\"a\":\"b\",\"c\":null}", "{\"a\":\"b\"}"},
      {"{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    FL_VALUE_AUTO target = parse(rows[i][0]);
    FL_VALUE_AUTO patch = parse(rows[i][1]);
    FL_VALUE_AUTO merged = fl_json_merge(target, patch);
    assert_text(merged, rows[i][2]);
    assert_text(target, rows[i][0]);
  }
}

static void skip_finds_the_end(void **state) {
  static const struct {
    const char *text;
    size_t size;
  } rows[] = {{"{\"a\":[1,\"}\\\"]\"]} tail", 16},
              {"[[],[]],", 7},
              {"\"a\\\\\"x", 5},
              {"12.5e3,", 6},
              {"true]", 4},
              {"null", 4},
              {"", 0},
              {"{\"a\":1", 0},
              {"\"abc", 0},
              {"\"abc\\", 0},
              {"[\"x", 0}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    if (fl_json_skip(fl_slice_of(rows[i].text)) != rows[i].size) fail_msg("%s", rows[i].text);
}

static void members_are_found_in_text(void **state) {
  static const struct {
    const char *text, *expected;
  } rows[] = {{" {\"a\":{\"id\":1},\"id\" : \"x\\\"y\" }", "\"x\\\"y\""},
              {"{\"a\":\"\\\\\",\"id\":\"\\\\\\\"\"}", "\"\\\\\\\"\""},
              {"{\"\":\"\",\"id\":\"\\\\\\\\\"}", "\"\\\\\\\\\""},
              {"{\"id\":\"\\\"}", ""},
              {"{\"id\":12}", "12"},
              {"{\"id\":[1,{\"id\":2}],\"b\":1}", "[1,{\"id\":2}]"},
              {"{\"\\u0069d\":7}", "7"},
              {"{\"id\":1,\"id\":2}", "2"},
              {"{}", ""},
              {"[\"id\",1]", ""},
              {"\"id\"", ""},
              {"", ""},
              {"{\"xid\":1}", ""},
              {"{\"id\"", ""},
              {"{\"id\":", ""},
              {"{\"id", ""},
              {"{\"id\":\"x", ""}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    fl_slice found = fl_json_find_member(fl_slice_of(rows[i].text), FL_SLICE("id"));
    if (!fl_slice_equal(found, fl_slice_of(rows[i].expected))) fail_msg("%s", rows[i].text);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(absent_reads_as_null),
      cmocka_unit_test(readers_convert_numbers_and_nothing_else),
      cmocka_unit_test(integers_at_the_edge_of_double),
      cmocka_unit_test(not_finite_becomes_null),
      cmocka_unit_test(invalid_utf8_is_replaced_byte_by_byte),
      cmocka_unit_test(strings_keep_nul_and_size),
      cmocka_unit_test(members_come_in_insertion_order),
      cmocka_unit_test(a_shallow_copy_shares_the_members),
      cmocka_unit_test(equality_is_deep_and_by_number),
      cmocka_unit_test(weight_grows_with_what_is_held),
      cmocka_unit_test(pointers_follow_rfc_6901),
      cmocka_unit_test(pointers_are_built_escaped),
      cmocka_unit_test(merge_follows_rfc_7396),
      cmocka_unit_test(skip_finds_the_end),
      cmocka_unit_test(members_are_found_in_text),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
