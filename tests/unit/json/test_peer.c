/* SPDX-License-Identifier: MIT */
/* Beside jansson's own codec, on generated texts, whole, cut off at every byte and with bytes changed: both take the
 * same texts and read the same values, and each reads what the other writes. The one difference, by design: the full
 * mode reads an integer beyond 64 bits as a double, where jansson gives up. */
#include "runtime/json/raw.h"
#include "tests/support/support.h"

#include <stdio.h>
#include <stdlib.h>

enum { TEXTS = 400, DEPTH = 5 };

static uint32_t next_random(uint32_t below) {
  static uint64_t random_state = 0x2545F4914F6CDD1Du;
  random_state = random_state * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(random_state >> 33) % below;
}

static void make_space(struct fl_buf *text) {
  static const char *const spaces[] = {"", "", "", " ", "\n", "\t ", "\r\n  "};
  fl_buf_add_text(text, spaces[next_random(7)]);
}

static void make_string(struct fl_buf *text) {
  static const char *const pieces[] = {
      "a",       "plain text ", "0123456789abcdef", "\\n",    "\\\"",   "\\\\",       "\\/",
      "\\u0041", "\\u00e9",     "\\ud83d\\ude00",   "\u00e9", "\u20ac", "\U0001F600", "\x7f",
      "\\t",     "{[,:]}",      "\\uD834\\uDD1E",   "\\u2028"};
  fl_buf_add_char(text, '"');
  for (uint32_t i = next_random(7); i > 0; i--) fl_buf_add_text(text, pieces[next_random(18)]);
  fl_buf_add_char(text, '"');
}

static void make_number(struct fl_buf *text) {
  static const char *const numbers[] = {
      "0",    "-0",      "1",      "-1",  "9223372036854775807", "-9223372036854775808",   "0.5",    "1e5",
      "1E+5", "-2.5e-3", "1e-400", "0.1", "3.141592653589793",   "1.7976931348623157e308", "5e-324", "123456.789"};
  if (next_random(2) == 0) fl_buf_add_text(text, numbers[next_random(16)]);
  else fl_buf_addf(text, "%s%u.%u", next_random(2) == 0 ? "-" : "", next_random(100000), next_random(1000000));
}

static void make_value(struct fl_buf *text, int depth);

static void make_container(struct fl_buf *text, int depth, bool is_object) {
  fl_buf_add_char(text, is_object ? '{' : '[');
  uint32_t count = next_random(5);
  for (uint32_t i = 0; i < count; i++) {
    if (i > 0) fl_buf_add_char(text, ',');
    make_space(text);
    if (is_object) make_string(text);
    if (is_object) fl_buf_add_char(text, ':');
    make_value(text, depth - 1);
  }
  make_space(text);
  fl_buf_add_char(text, is_object ? '}' : ']');
}

static void make_value(struct fl_buf *text, int depth) {
  static const char *const words[] = {"true", "false", "null"};
  make_space(text);
  uint32_t kind = depth == 0 ? next_random(3) : next_random(6);
  if (kind == 0) fl_buf_add_text(text, words[next_random(3)]);
  else if (kind == 1) make_number(text);
  else if (kind == 2) make_string(text);
  else make_container(text, depth, kind != 3);
  make_space(text);
}

static json_t *read_peer(fl_slice text, enum fl_json_mode mode) {
  size_t flags = JSON_DECODE_ANY | (mode == FL_JSON_STRICT ? JSON_REJECT_DUPLICATES : JSON_ALLOW_NUL);
  return json_loadb(text.data, text.size, flags, NULL);
}

static bool has_wide_digits(fl_slice text) {
  size_t run = 0;
  for (size_t i = 0; i < text.size && run < 19; i++) run = text.data[i] >= '0' && text.data[i] <= '9' ? run + 1 : 0;
  return run == 19;
}

static bool agree(fl_slice text, enum fl_json_mode mode) {
  FL_VALUE_AUTO ours = NULL;
  struct fl_error err;
  int rc = fl_json_read(text, mode, &ours, &err);
  json_t *peer = read_peer(text, mode);
  bool same = (rc == 0) == (peer != NULL) && (rc < 0 || json_equal(fl_raw(ours), peer));
  bool is_wide = mode == FL_JSON_FULL && rc == 0 && peer == NULL && has_wide_digits(text);
  json_decref(peer);
  return same || is_wide;
}

static void assert_agree(fl_slice text) {
  char *exact = malloc(text.size + 1);
  memcpy(exact, text.data, text.size);
  exact[text.size] = '\0';
  bool same = agree(fl_slice_n(exact, text.size), FL_JSON_STRICT) && agree(fl_slice_n(exact, text.size), FL_JSON_FULL);
  if (!same) fail_msg("they differ on: %s", exact);
  free(exact);
}

static void both_take_the_same_texts(void **state) {
  for (int i = 0; i < TEXTS; i++) {
    FL_BUF_AUTO text = {0};
    make_value(&text, DEPTH);
    assert_agree(fl_buf_slice(&text));
    for (size_t cut = 0; cut < text.size && text.size < 600; cut++) assert_agree(fl_slice_n(text.data, cut));
  }
}

static void both_take_the_same_damaged_texts(void **state) {
  static const char bytes[] = "\"\\{}[]:,0159.eE+-tfn \n\x01\x80\xc3\xff/u";
  for (int i = 0; i < TEXTS; i++) {
    FL_BUF_AUTO text = {0};
    make_value(&text, DEPTH - 1);
    for (int j = 0; j < 40; j++) {
      size_t at = next_random((uint32_t)text.size);
      char old = text.data[at];
      text.data[at] = bytes[next_random(sizeof bytes - 1)];
      assert_agree(fl_buf_slice(&text));
      if (next_random(2) == 0) text.data[at] = old;
    }
  }
}

static void each_reads_what_the_other_writes(void **state) {
  for (int i = 0; i < TEXTS; i++) {
    FL_BUF_AUTO text = {0};
    FL_VALUE_AUTO value = NULL;
    FL_VALUE_AUTO back = NULL;
    make_value(&text, DEPTH);
    if (fl_json_read(fl_buf_slice(&text), FL_JSON_FULL, &value, NULL) < 0) fail_msg("refused: %s", text.data);
    for (enum fl_json_style style = FL_JSON_COMPACT; style <= FL_JSON_PRETTY; style++) {
      FL_BUF_AUTO ours = {0};
      assert_int_equal(fl_json_write(&ours, value, style), 0);
      json_t *peer = read_peer(fl_buf_slice(&ours), FL_JSON_FULL);
      if (!json_equal(fl_raw(value), peer)) fail_msg("jansson reads otherwise: %s", ours.data);
      json_decref(peer);
    }
    char *theirs = json_dumps(fl_raw(value), JSON_ENCODE_ANY | JSON_COMPACT);
    assert_int_equal(fl_json_read(fl_slice_of(theirs), FL_JSON_FULL, &back, NULL), 0);
    assert_true(json_equal(fl_raw(value), fl_raw(back)));
    free(theirs);
  }
}

static void canonical_text_depends_on_the_value_alone(void **state) {
  for (int i = 0; i < TEXTS; i++) {
    FL_BUF_AUTO text = {0};
    FL_BUF_AUTO first = {0};
    FL_BUF_AUTO second = {0};
    FL_VALUE_AUTO value = NULL;
    FL_VALUE_AUTO back = NULL;
    make_value(&text, DEPTH);
    assert_int_equal(fl_json_read(fl_buf_slice(&text), FL_JSON_FULL, &value, NULL), 0);
    if (fl_json_write(&first, value, FL_JSON_CANONICAL) < 0) continue; /* an integer beyond 2^53 */
    assert_int_equal(fl_json_read(fl_buf_slice(&first), FL_JSON_FULL, &back, NULL), 0);
    assert_true(fl_equal(value, back));
    assert_int_equal(fl_json_write(&second, back, FL_JSON_CANONICAL), 0);
    assert_string_equal(first.data, second.data);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(both_take_the_same_texts),
      cmocka_unit_test(both_take_the_same_damaged_texts),
      cmocka_unit_test(each_reads_what_the_other_writes),
      cmocka_unit_test(canonical_text_depends_on_the_value_alone),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
