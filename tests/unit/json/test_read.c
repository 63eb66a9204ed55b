/* SPDX-License-Identifier: MIT */
#include "runtime/json/json.h"
#include "runtime/json/known.h"
#include "runtime/json/utf8.h"
#include "tests/support/support.h"

#include <stdio.h>
#include <stdlib.h>

static int read_text(fl_slice text, enum fl_json_mode mode, struct fl_value **ret_value, struct fl_error *err) {
  char *exact = malloc(text.size + (text.size == 0)); /* so that the sanitizer sees any byte read beyond the end */
  memcpy(exact, text.data, text.size);
  int rc = fl_json_read(fl_slice_n(exact, text.size), mode, ret_value, err);
  free(exact);
  return rc;
}

static void assert_fault(const char *text, int code, const char *message) {
  struct fl_value *value = (struct fl_value *)&text;
  struct fl_error err = {0};
  assert_int_equal(read_text(fl_slice_of(text), FL_JSON_STRICT, &value, &err), code);
  assert_string_equal(err.text, message);
  assert_int_equal(err.code, code);
  assert_ptr_equal(value, &text); /* untouched */
}

static void faults_name_line_and_column(void **state) {
  assert_fault("", FL_E_SYNTAX, "line 1, column 1: expected a value, found the end of the text");
  assert_fault(" \n\n ", FL_E_SYNTAX, "line 3, column 2: expected a value, found the end of the text");
  assert_fault("[1,\n  2 3]", FL_E_SYNTAX, "line 2, column 5: expected ',' or ']', found '3'");
  assert_fault("[1,]", FL_E_SYNTAX, "line 1, column 4: expected a value, found ']'");
  assert_fault("{\"\u00e4\u20ac\":1;}", FL_E_SYNTAX, "line 1, column 8: expected ',' or '}', found ';'");
  assert_fault("{\"a\" 1}", FL_E_SYNTAX, "line 1, column 6: expected ':', found '1'");
  assert_fault("{a:1}", FL_E_SYNTAX, "line 1, column 2: expected a key in quotes, found 'a'");
  assert_fault("{\"a\":1,}", FL_E_SYNTAX, "line 1, column 8: expected a key in quotes, found '}'");
  assert_fault("\"abc", FL_E_SYNTAX, "line 1, column 5: expected the end of a string, found the end of the text");
  assert_fault("\"a\nb\"", FL_E_SYNTAX,
               "line 1, column 3: a control character in a string must be written as an escape");
  assert_fault("\"a\\nb\tc\"", FL_E_SYNTAX,
               "line 1, column 6: a control character in a string must be written as an escape");
  assert_fault("\"\\x\"", FL_E_SYNTAX, "line 1, column 2: there is no such escape");
  assert_fault("\"ab\\", FL_E_SYNTAX, "line 1, column 5: expected the rest of an escape, found the end of the text");
  assert_fault("\"\\u12G4\"", FL_E_SYNTAX, "line 1, column 2: \\u wants four hexadecimal digits");
  assert_fault("\"\\ud800\"", FL_E_SYNTAX, "line 1, column 2: half of a surrogate pair stands alone");
  assert_fault("\"\\udc00\\ud800\"", FL_E_SYNTAX, "line 1, column 2: half of a surrogate pair stands alone");
  assert_fault("\"\\ud800\\u0041\"", FL_E_SYNTAX, "line 1, column 2: half of a surrogate pair stands alone");
  assert_fault("\"a\xff\"", FL_E_SYNTAX, "line 1, column 3: invalid UTF-8");
  assert_fault("\"a\\u0000\"", FL_E_SYNTAX, "line 1, column 3: a NUL character is not allowed");
  assert_fault("1 2", FL_E_SYNTAX, "line 1, column 3: expected nothing more after the value, found '2'");
  assert_fault("\xEF\xBB\xBF[]", FL_E_SYNTAX, "line 1, column 1: expected a value, found a byte order mark");
  assert_fault("[tru]", FL_E_SYNTAX, "line 1, column 2: expected a value, found 't'");
  assert_fault("[01]", FL_E_SYNTAX, "line 1, column 3: expected a number as JSON writes it, found '1'");
  assert_fault("[1.]", FL_E_SYNTAX, "line 1, column 4: expected a number as JSON writes it, found ']'");
  assert_fault("[\x01]", FL_E_SYNTAX, "line 1, column 2: expected a value, found byte 0x01");
  assert_fault("{\"a\":1,\n \"a\":2}", FL_E_SYNTAX, "line 2, column 2: the key stands in this object twice");
  assert_fault("{\"a\":1, \"\\u0061\":2}", FL_E_SYNTAX, "line 1, column 9: the key stands in this object twice");
  assert_fault("[9223372036854775808]", FL_E_LIMIT, "line 1, column 2: the integer does not fit 64 bits");
  assert_fault("[1e400]", FL_E_LIMIT, "line 1, column 2: the number is beyond the range of a double");
}

static void faults_need_no_place_to_go(void **state) {
  struct fl_value *value = NULL;
  assert_int_equal(fl_json_read(FL_SLICE("["), FL_JSON_STRICT, &value, NULL), FL_E_SYNTAX);
  assert_int_equal(fl_json_read(fl_slice_n(NULL, 0), FL_JSON_STRICT, &value, NULL), FL_E_SYNTAX);
}

static void assert_nested(size_t depth, enum fl_json_mode mode, int expected) {
  FL_BUF_AUTO text = {0};
  for (size_t i = 0; i < depth; i++) fl_buf_add_text(&text, i % 2 == 0 ? "[" : "{\"a\":");
  if (depth % 2 == 0) fl_buf_add_text(&text, "1");
  for (size_t i = depth; i > 0; i--) fl_buf_add_text(&text, i % 2 == 1 ? "]" : "}");
  FL_VALUE_AUTO value = NULL;
  assert_int_equal(fl_json_read(fl_buf_slice(&text), mode, &value, NULL), expected);
  if (expected < 0) return;
  FL_BUF_AUTO again = {0};
  assert_int_equal(fl_json_write(&again, value, FL_JSON_COMPACT), 0);
  assert_string_equal(again.data, text.data);
  assert_int_equal(fl_json_skip(fl_buf_slice(&text)), text.size);
}

static void depth_is_bounded(void **state) {
  assert_nested(FL_JSON_DEPTH_STRICT, FL_JSON_STRICT, 0);
  assert_nested(FL_JSON_DEPTH_STRICT + 1, FL_JSON_STRICT, FL_E_LIMIT);
  assert_nested(FL_JSON_DEPTH_FULL, FL_JSON_FULL, 0);
  assert_nested(FL_JSON_DEPTH_FULL + 1, FL_JSON_FULL, FL_E_LIMIT);
  assert_nested(100000, FL_JSON_FULL, FL_E_LIMIT);
}

static void depth_counts_what_is_open_only(void **state) {
  FL_BUF_AUTO text = {0};
  fl_buf_add_text(&text, "[0");
  for (int i = 0; i < 300; i++) fl_buf_add_text(&text, ",[],{}");
  fl_buf_add_text(&text, "]");
  FL_VALUE_AUTO value = NULL;
  assert_int_equal(fl_json_read(fl_buf_slice(&text), FL_JSON_STRICT, &value, NULL), 0);
  assert_int_equal(fl_size(value), 601);
}

static void the_full_mode_takes_more(void **state) {
  FL_VALUE_AUTO last = NULL;
  FL_VALUE_AUTO nul = NULL;
  FL_VALUE_AUTO wide = NULL;
  struct fl_value *none = NULL;
  assert_int_equal(fl_json_read(FL_SLICE("{\"a\":1,\"b\":2,\"a\":3}"), FL_JSON_FULL, &last, NULL), 0);
  assert_int_equal(fl_get_int(last, "a", 0), 3);
  assert_int_equal(fl_size(last), 2);
  assert_int_equal(fl_json_read(FL_SLICE("\"a\\u0000b\""), FL_JSON_FULL, &nul, NULL), 0);
  assert_int_equal(fl_string_size(nul), 3);
  assert_memory_equal(fl_as_string(nul), "a\0b", 4);
  assert_int_equal(fl_json_read(FL_SLICE("18446744073709551616"), FL_JSON_FULL, &wide, NULL), 0);
  assert_int_equal(fl_type_of(wide), FL_DOUBLE);
  assert_true(fl_as_double(wide, 0) == 0x1p64);
  assert_int_equal(fl_json_read(FL_SLICE("{\"a\\u0000\":1}"), FL_JSON_FULL, &none, NULL), FL_E_SYNTAX);
  assert_int_equal(fl_json_read(FL_SLICE("1e400"), FL_JSON_FULL, &none, NULL), FL_E_LIMIT);
  assert_int_equal(fl_json_read(FL_SLICE("\"\\ud800\""), FL_JSON_FULL, &none, NULL), FL_E_SYNTAX);
}

static void escapes_decode(void **state) {
  static const char *const rows[][2] = {
      {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"},
      {"\"\\u0041\\u00e9\\u20AC\\ud83d\\ude00\"", "A\u00e9\u20ac\U0001F600"},
      {"\"plain\"", "plain"},
      {"\"\"", ""},
      {"\"\\u0061\"", "a"},
      {"\"long enough to pass a word \\n and again long\\t\"", "long enough to pass a word \n and again long\t"},
      {"\"\u00e9\\n\u20ac\\\\\U0001F600 tail\"", "\u00e9\n\u20ac\\\U0001F600 tail"},
      {"\"\\udbff\\udfff\\uffff\\u007f\\u0080\\u07ff\\u0800\"", "\U0010FFFF\uFFFF\x7f\xc2\x80\u07ff\u0800"}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    FL_VALUE_AUTO value = NULL;
    assert_int_equal(read_text(fl_slice_of(rows[i][0]), FL_JSON_STRICT, &value, NULL), 0);
    assert_string_equal(fl_as_string(value), rows[i][1]);
  }
}

static void a_key_with_escapes_outlives_the_strings_in_its_value(void **state) {
  FL_VALUE_AUTO value = NULL;
  static const char text[] = "{\"k\\n1\":{\"k\\t2\":\"a much longer text \\n that moves the scratch buffer \\u20ac\"}}";
  assert_int_equal(fl_parse(text, sizeof text - 1, &value, NULL), 0);
  const char *inner = fl_get_string(fl_get(value, "k\n1"), "k\t2", "lost");
  assert_string_equal(inner, "a much longer text \n that moves the scratch buffer \u20ac");
}

/* A special byte at every place of a word, with and without letters beyond ASCII in front of it. */
static void specials_are_found_at_every_offset(void **state) {
  static const char specials[] = {'"', '\\', '\n', 0x1f, 0x01, (char)0x80, (char)0xff};
  for (size_t at = 0; at < 40; at++) {
    for (size_t i = 0; i < sizeof specials; i++) {
      char text[48];
      memset(text, "!#[]~"[at % 5], sizeof text);
      text[0] = text[44] = '"';
      text[at + 1] = specials[i];
      struct fl_value *value = NULL;
      size_t used;
      int rc = fl_json_read_prefix(fl_slice_n(text, 45), FL_JSON_STRICT, &value, &used, NULL);
      assert_int_equal(rc, specials[i] == '"' ? 0 : FL_E_SYNTAX);
      if (rc == 0) assert_int_equal(used, at + 2);
      if (rc == 0) fl_value_unref(value);
    }
  }
}

static void prefixes_tell_their_size(void **state) {
  static const struct {
    const char *text;
    size_t used;
  } rows[] = {{"{\"a\":1} {\"b\":2}", 7}, {" [1] x", 4}, {"12,", 2},     {"truely", 4},
              {"\"a\"\"b\"", 3},          {"1", 1},      {"\n null", 6}, {"1.5e3]", 5}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    FL_VALUE_AUTO value = NULL;
    size_t used = 0;
    assert_int_equal(fl_json_read_prefix(fl_slice_of(rows[i].text), FL_JSON_STRICT, &value, &used, NULL), 0);
    assert_int_equal(used, rows[i].used);
  }
  struct fl_value *none = NULL;
  size_t untouched = 77;
  assert_int_equal(fl_json_read_prefix(FL_SLICE("  "), FL_JSON_STRICT, &none, &untouched, NULL), FL_E_SYNTAX);
  assert_int_equal(untouched, 77);
}

/* ---- with a memory ---- */

static struct fl_value *read_memo(struct fl_json_memo *memo, const char *text) {
  struct fl_value *value = NULL, *plain = NULL;
  size_t size = strlen(text);
  char *exact = malloc(size); /* so that the sanitizer sees any byte read beyond the end */
  memcpy(exact, text, size);
  int status = fl_json_read_memo(fl_slice_n(exact, size), memo, &value, NULL);
  assert_int_equal(status, fl_json_read(fl_slice_n(exact, size), FL_JSON_STRICT, &plain, NULL));
  assert_true(status < 0 || fl_equal(value, plain)); /* whatever is remembered, the value is the text's */
  fl_value_unref(plain);
  free(exact);
  return value;
}

static void what_stands_there_again_is_given_again(void **state) {
  struct fl_json_memo memo = {.key = FL_SLICE("m")};
  FL_VALUE_AUTO first = read_memo(&memo, "{\"a\":1,\"m\":{\"k\":[1,{}]}}");
  FL_VALUE_AUTO second = read_memo(&memo, "{\"m\": \n {\"k\":[1,{}]} ,\"a\":2}");
  assert_ptr_equal(fl_get(first, "m"), fl_get(second, "m"));
  FL_VALUE_AUTO other = read_memo(&memo, "{\"m\":{\"k\":[1,{}],\"l\":2}}");
  assert_ptr_not_equal(fl_get(first, "m"), fl_get(other, "m"));
  FL_VALUE_AUTO inside = read_memo(&memo, "[{\"m\":{\"m\":{}}},{\"m\":{\"m\":{}}}]");
  assert_ptr_equal(fl_get(fl_at(inside, 0), "m"), fl_get(fl_at(inside, 1), "m"));
  fl_json_memo_deinit(&memo);
  fl_json_memo_deinit(&memo);
  assert_int_equal(fl_get_int(fl_get(other, "m"), "l", 0), 2); /* they outlive it */
}

static void only_a_whole_object_is_remembered(void **state) {
  struct fl_json_memo memo = {.key = FL_SLICE("m")};
  static const char *const plain[] = {"{\"m\":12}", "{\"m\":123}", "{\"m\":[1]}", "{\"m\":\"t\"}", "{\"m\":null}"};
  for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) fl_value_unref(read_memo(&memo, plain[i]));
  assert_null(memo.value);
  fl_value_unref(read_memo(&memo, "{\"m\":{\"a\":1}}"));
  assert_non_null(memo.value);
  static const char *const broken[] = {
      "{\"m\":{\"a\":1}x}",         "{\"m\":{\"a\":1}",          "{\"m\":{\"a\":1",         "{\"m\":{\"a\":1}}}",
      "{\"m\":{\"a\":1},\"m\":{}}", "{\"m\":{\"a\":1,\"a\":1}}", "{\"m\":{\"a\":\"\x80\"}}"};
  for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) assert_null(read_memo(&memo, broken[i]));
  char large[FL_JSON_MEMO_SIZE_MAX + 64];
  snprintf(large, sizeof large, "{\"m\":{\"l\":\"%0*d\"}}", FL_JSON_MEMO_SIZE_MAX, 1);
  FL_VALUE_AUTO value = read_memo(&memo, large);
  assert_ptr_not_equal(memo.value, fl_get(value, "m"));
  fl_json_memo_deinit(&memo);
}

static void known_members_are_found_in_one_pass(void **state) {
  struct known {
    struct fl_value *first, *second, *absent;
  } known = {0};
  static const struct fl_json_place places[] = {FL_JSON_PLACE("a", struct known, first),
                                                FL_JSON_PLACE("b\0c", struct known, second),
                                                FL_JSON_PLACE("ab", struct known, absent)};
  FL_VALUE_AUTO value = read_memo(NULL, "{\"x\":{\"ab\":1},\"b\":2,\"a\":3,\"abc\":4}");
  fl_json_members(value, places, 3, &known);
  assert_int_equal(fl_as_int(known.first, 0), 3);
  assert_null(known.second);
  assert_null(known.absent);
  fl_json_members(NULL, places, 3, &known);
  fl_json_members(fl_get(value, "a"), places, 3, &known);
  assert_ptr_equal(known.first, fl_get(value, "a"));
}

static void an_object_of_known_members_needs_no_value_of_its_own(void **state) {
  struct known {
    struct fl_value *a, *b;
  } known = {0};
  static const struct fl_json_place places[] = {FL_JSON_PLACE("a", struct known, a),
                                                FL_JSON_PLACE("b", struct known, b)};
  struct fl_json_memo memo = {.key = FL_SLICE("m")};
  const struct fl_json_known how = {places, 2, &memo};
  FL_VALUE_AUTO other = NULL;
  static const char *const good[] = {"{\"a\":{\"m\":{\"k\":1}}}", " {\"b\" : 2 ,\"a\":{\"m\":{\"k\":1}}} "};
  for (int i = 0; i < 2; i++) {
    assert_int_equal(fl_json_read_known(fl_slice_of(good[i]), &how, &other, &known, NULL), 0);
    assert_null(other);
    assert_ptr_equal(fl_get(known.a, "m"), memo.value);
    assert_int_equal(fl_as_int(known.b, 0), i * 2);
    fl_value_unref(known.a);
    fl_value_unref(known.b);
  }
  fl_json_memo_deinit(&memo);
}

static const char *const others[] = {"",
                                     "{}",
                                     " { } x",
                                     "[1]",
                                     "{\"a\":1",
                                     "{\"a\":1,}",
                                     "{\"a\":1,\"a\":1}",
                                     "{\"b\":1,\"a\":[],\"c\":1}",
                                     "{\"b\":1,\"c\":1,\"b\":2}",
                                     "{\"c\":[1],\"a\":2}",
                                     "{\"a\":1}x",
                                     "{\"a\":1,\"c\":2}x",
                                     "{\"a\" 1}",
                                     "{\"a\":1 \"b\"",
                                     "{\"a\":[}",
                                     "{\"\\u0063\":1}",
                                     "{\"a\":1,5}",
                                     "{\"b\":\"\x80\"}"};

/* Whatever else comes is what the ordinary reader makes of it, its complaints too. */
static void what_is_no_object_of_known_members_is_read_as_any_text(void **state) {
  struct known {
    struct fl_value *a, *b;
  } known = {0};
  static const struct fl_json_place places[] = {FL_JSON_PLACE("a", struct known, a),
                                                FL_JSON_PLACE("b", struct known, b)};
  const struct fl_json_known how = {places, 2, NULL};
  for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
    FL_VALUE_AUTO value = NULL;
    FL_VALUE_AUTO plain = NULL;
    struct fl_error err = {0}, plain_err = {0};
    int status = fl_json_read_known(fl_slice_of(others[i]), &how, &value, &known, &err);
    assert_int_equal(status, fl_json_read_memo(fl_slice_of(others[i]), NULL, &plain, &plain_err));
    assert_string_equal(err.text, plain_err.text);
    assert_true(known.a == NULL && known.b == NULL);
    if (status != 0) continue;
    FL_BUF_AUTO text = {0};
    FL_BUF_AUTO plain_text = {0};
    fl_json_write(&text, value, FL_JSON_COMPACT); /* with the order of the members */
    fl_json_write(&plain_text, plain, FL_JSON_COMPACT);
    assert_string_equal(text.data, plain_text.data);
  }
}

/* As deep as it may be where it was read first, it is too deep further inside. */
static void what_is_remembered_may_not_stand_too_deep(void **state) {
  struct fl_json_memo memo = {.key = FL_SLICE("m")};
  char text[4 * FL_JSON_DEPTH_STRICT];
  int size = snprintf(text, sizeof text, "{\"m\":{\"x\":");
  int depth = FL_JSON_DEPTH_STRICT - 2;
  memset(text + size, '[', (size_t)depth);
  memset(text + size + depth, ']', (size_t)depth);
  memcpy(text + size + 2 * depth, "}}", 3);
  fl_value_unref(read_memo(&memo, text));
  assert_non_null(memo.value);
  char deeper[sizeof text + 2];
  snprintf(deeper, sizeof deeper, "[%s]", text);
  assert_null(read_memo(&memo, deeper));
  fl_json_memo_deinit(&memo);
}

/* What a peer sends may not become many times its size; what is one large string still fits. */
static void messages_of_tiny_values_are_refused_in_time(void **state) {
  enum { SIZE = 8 * 1024 * 1024, LARGE = 64 * 1024 * 1024 };
  struct known {
    struct fl_value *a;
  } known = {0};
  static const struct fl_json_place places[] = {FL_JSON_PLACE("a", struct known, a)};
  struct fl_error err = {0};
  FL_VALUE_AUTO value = NULL;
  char *text = malloc(LARGE);
  assert_non_null(text);
  memcpy(text, "{\"a\":[0", 7);
  for (size_t i = 7; i < SIZE; i++) text[i] = i % 2 == 1 ? ',' : '0';
  assert_int_equal(fl_json_read_memo(fl_slice_n(text, SIZE), NULL, &value, &err), FL_E_LIMIT);
  assert_non_null(strstr(err.text, "the values take too much memory"));
  const struct fl_json_known how = {places, 1, NULL};
  assert_int_equal(fl_json_read_known(fl_slice_n(text, SIZE), &how, &value, &known, &err), FL_E_LIMIT);
  assert_true(known.a == NULL && value == NULL);
  memset(text, 'x', LARGE);
  memcpy(text, "{\"a\":\"", 6);
  memcpy(text + LARGE - 2, "\"}", 2);
  assert_int_equal(fl_json_read_known(fl_slice_n(text, LARGE), &how, &value, &known, NULL), 0);
  assert_true(known.a != NULL && value == NULL);
  free(text);
  fl_value_unref(known.a);
}

static const char sample[] = " { \"text\" : \"caf\u00e9 \\\"quoted\\\" \\u20ac\\ud83d\\ude00\\n\" , "
                             "\"n\" : [ -12 , 3.25e-7 , 1234567890123456789.5 , true , false , null ] ,"
                             " \"\" : { } , \"deep\" : [ [ [ { \"a\\tb\" : \"\U0001F600\" } ] ] ] } ";

static void no_truncated_text_is_taken(void **state) {
  size_t size = sizeof sample - 1;
  for (size_t cut = 0; cut < size - 1; cut++) {
    struct fl_value *value = NULL;
    assert_int_equal(read_text(fl_slice_n(sample, cut), FL_JSON_STRICT, &value, NULL), FL_E_SYNTAX);
  }
  FL_VALUE_AUTO whole = NULL;
  assert_int_equal(read_text(fl_slice_n(sample, size), FL_JSON_STRICT, &whole, NULL), 0);
  assert_true(fl_as_double(fl_at(fl_get(whole, "n"), 2), 0) == 1234567890123456789.5);
}

/* Every byte replaced by every other: whatever is still taken must survive being written and read again. */
static void changed_texts_read_back_what_they_wrote(void **state) {
  size_t size = sizeof sample - 1;
  char text[sizeof sample];
  for (size_t at = 0; at < size; at++) {
    for (int byte = 0; byte < 256; byte += at % 3 + 1) {
      FL_VALUE_AUTO value = NULL;
      FL_VALUE_AUTO again = NULL;
      FL_BUF_AUTO written = {0};
      memcpy(text, sample, size);
      text[at] = (char)byte;
      if (fl_json_read(fl_slice_n(text, size), FL_JSON_FULL, &value, NULL) < 0) continue;
      assert_int_equal(fl_json_write(&written, value, FL_JSON_COMPACT), 0);
      assert_int_equal(fl_json_read(fl_buf_slice(&written), FL_JSON_FULL, &again, NULL), 0);
      assert_true(fl_equal(value, again));
    }
  }
}

static void utf8_is_checked_to_the_letter(void **state) {
  static const struct {
    const char *text;
    size_t size;
  } rows[] = {{"a", 1},
              {"\xc2\x80", 2},
              {"\xdf\xbf", 2},
              {"\xe0\xa0\x80", 3},
              {"\xed\x9f\xbf", 3},
              {"\xee\x80\x80", 3},
              {"\xf0\x90\x80\x80", 4},
              {"\xf4\x8f\xbf\xbf", 4},
              {"\x80", 0},
              {"\xc0\x80", 0},
              {"\xc1\xbf", 0},
              {"\xe0\x9f\xbf", 0},
              {"\xed\xa0\x80", 0},
              {"\xf0\x8f\xbf\xbf", 0},
              {"\xf4\x90\x80\x80", 0},
              {"\xf5\x80\x80\x80", 0},
              {"\xff", 0},
              {"\xc2", 0},
              {"\xe2\x82", 0},
              {"\xf0\x9f\x98", 0},
              {"\xe2(\xa1", 0},
              {"\xf0\x9f(\x80", 0},
              {"\xf0\x9f\x98(", 0},
              {"\xe2\x82(", 0}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    size_t size = fl_utf8_sequence(rows[i].text, strlen(rows[i].text));
    assert_int_equal(size, rows[i].size);
    char again[4];
    if (size == 0) continue;
    assert_int_equal(fl_utf8_encode(fl_utf8_decode(rows[i].text, size), again), size);
    assert_memory_equal(again, rows[i].text, size);
  }
  assert_int_equal(fl_utf8_valid_size("0123456789abcdef\xe2\x82\xac!\xff", 21), 20);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(faults_name_line_and_column),
      cmocka_unit_test(faults_need_no_place_to_go),
      cmocka_unit_test(depth_is_bounded),
      cmocka_unit_test(depth_counts_what_is_open_only),
      cmocka_unit_test(the_full_mode_takes_more),
      cmocka_unit_test(escapes_decode),
      cmocka_unit_test(a_key_with_escapes_outlives_the_strings_in_its_value),
      cmocka_unit_test(specials_are_found_at_every_offset),
      cmocka_unit_test(prefixes_tell_their_size),
      cmocka_unit_test(no_truncated_text_is_taken),
      cmocka_unit_test(what_stands_there_again_is_given_again),
      cmocka_unit_test(only_a_whole_object_is_remembered),
      cmocka_unit_test(known_members_are_found_in_one_pass),
      cmocka_unit_test(an_object_of_known_members_needs_no_value_of_its_own),
      cmocka_unit_test(what_is_no_object_of_known_members_is_read_as_any_text),
      cmocka_unit_test(messages_of_tiny_values_are_refused_in_time),
      cmocka_unit_test(what_is_remembered_may_not_stand_too_deep),
      cmocka_unit_test(changed_texts_read_back_what_they_wrote),
      cmocka_unit_test(utf8_is_checked_to_the_letter),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
