/* SPDX-License-Identifier: MIT */
#include "runtime/base/known.h"
#include "runtime/base/mem.h"
#include "tests/support/spelling.h"
#include "tests/support/support.h"

#include <time.h>

static struct fl_known *knowing(const char *name, fl_slice value) {
  struct fl_known *known = fl_known_create();
  assert_int_equal(fl_known_add(known, name, value, NULL), 0);
  return known;
}

static char *hidden(const struct fl_known *known, fl_slice text) {
  FL_BUF_AUTO out = {0};
  fl_known_hide(known, text, &out);
  return fl_buf_take(&out, NULL);
}

static char *streamed(const struct fl_known *known, fl_slice text, size_t first, size_t piece) {
  FL_BUF_AUTO out = {0};
  struct fl_known_stream *stream = fl_known_stream_create();
  for (size_t at = 0; at < text.size;) {
    size_t size = at == 0 ? first : piece;
    if (size > text.size - at) size = text.size - at;
    fl_known_stream_feed(stream, known, fl_slice_n(text.data + at, size), &out);
    at += size;
  }
  fl_known_stream_end(stream, &out);
  fl_known_stream_destroy(stream);
  return fl_buf_take(&out, NULL);
}

/* Values that are hard in one way or another. */
static const char *const values[] = {
    "hunter22",
    "s3cr3t/with+every=thing&more",
    "quote\"back\\slash/t\xc3\xa9\xe2\x82\xac\xf0\x9f\x94\x91",
    "aaaaaaab",
    "abababababac",
    "two words and more",
    "-----BEGIN KEY-----\nMIIBVgIBADANBg\nkqhkiG9w0BAQEF\n-----END KEY-----",
    "12345678901",
    "\\\\n\\u0041%41%25",
    "%%%%%%%%%a",
    "nnnnnnnnt\\",
};
enum { VALUE_COUNT = sizeof values / sizeof *values };

static void every_spelling_goes(void **state) {
  for (size_t i = 0; i < VALUE_COUNT; i++) {
    struct fl_known *known = knowing("KEY", fl_slice_of(values[i]));
    for (int kind = 0; kind < SPELLING_COUNT; kind++) {
      FL_BUF_AUTO spelled = {0}, text = {0};
      if (!spell(&spelled, fl_slice_of(values[i]), kind)) continue;
      fl_buf_add_text(&text, "before <");
      fl_buf_add(&text, spelled.data, spelled.size);
      fl_buf_add_text(&text, "> after");
      FL_FREE_AUTO char *out = hidden(known, fl_buf_slice(&text));
      bool is_fine = strncmp(out, "before <", 8) == 0 && strstr(out, "[secret KEY]") != NULL &&
                     strcmp(out + strlen(out) - 7, "> after") == 0;
      /* base64's outermost characters hold bits of what stands beside the value */
      size_t rest = strlen(out) - strlen("before <[secret KEY]> after");
      if (!is_fine || rest > 18 || strstr(out, spelled.data) != NULL)
        fail_msg("%s, %s: %s", values[i], spelling_name(kind), out);
    }
    fl_known_destroy(known);
  }
}

static void cut_anywhere_it_is_the_same(void **state) {
  for (size_t i = 0; i < VALUE_COUNT; i++) {
    struct fl_known *known = knowing("KEY", fl_slice_of(values[i]));
    for (int kind = 0; kind < SPELLING_COUNT; kind++) {
      FL_BUF_AUTO text = {0};
      fl_buf_addf(&text, "%.3s ", values[i]); /* it begins like it and is not */
      if (!spell(&text, fl_slice_of(values[i]), kind)) continue;
      spell(&text, fl_slice_of(values[i]), (kind + 1) % SPELLING_COUNT);
      fl_buf_addf(&text, "\\%%4 %.5s", values[i]);
      FL_FREE_AUTO char *whole = hidden(known, fl_buf_slice(&text));
      for (size_t cut = 1; cut < text.size; cut++) {
        FL_FREE_AUTO char *two = streamed(known, fl_buf_slice(&text), cut, text.size);
        if (strcmp(two, whole) != 0) fail_msg("%s, %s cut at %zu: %s", values[i], spelling_name(kind), cut, two);
      }
      for (size_t piece = 1; piece < 9; piece++) {
        FL_FREE_AUTO char *many = streamed(known, fl_buf_slice(&text), piece, piece);
        assert_string_equal(many, whole);
      }
    }
    fl_known_destroy(known);
  }
}

static void what_only_looks_like_it_stays(void **state) {
  struct fl_known *known = knowing("KEY", FL_SLICE("hunter22+x"));
  const char *const same[] = {
      "hunter22", "HUNTER22+X",  "hunter22 x", "hunter2+x hunter22 +x", "h\n\n\nunter22+x", "hunter22%2",
      "%",        "\\",          "\\u00",      "\\ud83d\\u0020",        "\\ud83d hunter",   "100 %\n",
      "",         "hunter22%2Cx"};
  for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
    FL_FREE_AUTO char *whole = hidden(known, fl_slice_of(same[i]));
    FL_FREE_AUTO char *pieces = streamed(known, fl_slice_of(same[i]), 1, 1);
    assert_string_equal(whole, same[i]);
    assert_string_equal(pieces, same[i]);
    assert_false(fl_known_finds(known, fl_slice_of(same[i])));
  }
  fl_known_destroy(known);
}

static void expect(const struct fl_known *known, const char *text, const char *expected) {
  FL_FREE_AUTO char *whole = hidden(known, fl_slice_of(text));
  FL_FREE_AUTO char *pieces = streamed(known, fl_slice_of(text), 1, 1);
  assert_string_equal(whole, expected);
  assert_string_equal(pieces, expected);
}

static void values_may_overlap(void **state) {
  struct fl_known *known = knowing("OUTER", FL_SLICE("abcdefghijkl"));
  assert_int_equal(fl_known_add(known, "INNER", FL_SLICE("defghijk"), NULL), 0);
  assert_int_equal(fl_known_add(known, "NEXT", FL_SLICE("ijklmnopqrst"), NULL), 0);
  expect(known, "_abcdefghijkl_", "_[secret OUTER]_");
  expect(known, "_abcdefghijk_", "_abc[secret INNER]_");
  expect(known, "_abcdefghijklmnopqrst_", "_[secret OUTER]_"); /* whatever any of them takes is gone */
  expect(known, "defghijkdefghijk", "[secret INNER][secret INNER]");
  expect(known, "abcdefghijabcdefghijkl", "abcdefghij[secret OUTER]");
  fl_known_destroy(known);
}

static void some_values_are_refused(void **state) {
  struct fl_known *known = fl_known_create();
  struct fl_error err = {0};
  assert_int_equal(fl_known_add(known, "S", FL_SLICE("short77"), &err), FL_E_INVALID);
  assert_non_null(strstr(err.text, "its value has 7 bytes"));
  assert_null(strstr(err.text, "short77"));
  assert_int_equal(fl_known_add(known, "S", FL_SLICE("xxxxxxxxxxxx"), &err), FL_E_INVALID);
  assert_null(strstr(err.text, "xxxx"));
  FL_FREE_AUTO char *large = fl_alloc(FL_KNOWN_SIZE_MAX + 1);
  for (size_t i = 0; i <= FL_KNOWN_SIZE_MAX; i++) large[i] = (char)(i * i >> 3);
  assert_int_equal(fl_known_add(known, "L", fl_slice_n(large, FL_KNOWN_SIZE_MAX + 1), &err), FL_E_INVALID);
  assert_false(fl_known_finds(known, FL_SLICE("short77")));
  assert_int_equal(fl_known_add(known, "L", fl_slice_n(large, FL_KNOWN_SIZE_MAX), &err), 0);
  assert_true(fl_known_finds(known, fl_slice_n(large, FL_KNOWN_SIZE_MAX)));
  for (int i = 0; i < FL_KNOWN_COUNT_MAX - 1; i++) {
    FL_FREE_AUTO char *value = fl_format("value-%08d", i);
    assert_int_equal(fl_known_add(known, "N", fl_slice_of(value), &err), 0);
    if (i == 3) i = FL_KNOWN_COUNT_MAX - 5; /* each makes the automaton anew */
  }
  fl_known_destroy(known);
}

static void the_first_name_of_a_value_stays(void **state) {
  struct fl_known *known = knowing("A", FL_SLICE("one and the same"));
  assert_int_equal(fl_known_add(known, "B", FL_SLICE("one and the same"), NULL), 0);
  expect(known, "one and the same, one%20and+the+same", "[secret A], [secret A]");
  fl_known_destroy(known);
}

static void a_stream_hears_of_values_that_come_later(void **state) {
  struct fl_known *known = knowing("A", FL_SLICE("first-value"));
  struct fl_known_stream *stream = fl_known_stream_create();
  FL_BUF_AUTO out = {0};
  fl_known_stream_feed(stream, NULL, FL_SLICE("first-value "), &out);
  fl_known_stream_feed(stream, known, FL_SLICE("first-value second-"), &out);
  assert_int_equal(fl_known_add(known, "B", FL_SLICE("second-value"), NULL), 0);
  fl_known_stream_feed(stream, known, FL_SLICE("value second-val"), &out);
  assert_string_equal(out.data, "first-value [secret A] second-value ");
  fl_known_destroy(known);
  fl_known_stream_end(stream, &out);
  assert_string_equal(out.data, "first-value [secret A] second-value second-val");
  fl_known_stream_destroy(stream);
}

static void texts_and_errors_are_hidden_in_place(void **state) {
  struct fl_known *known = knowing("A", FL_SLICE("first-value"));
  char *text = fl_strdup("is first-value"), *none = NULL;
  struct fl_error err = {0};
  fl_known_hide_text(known, &text);
  fl_known_hide_text(known, &none);
  assert_string_equal(text, "is [secret A]");
  fl_free(text);
  fl_error_set(&err, FL_E_REMOTE, "it said first-value");
  fl_known_hide_error(known, &err);
  assert_string_equal(err.text, "it said [secret A]");
  memset(err.text, '.', sizeof err.text - 1);
  memcpy(err.text + sizeof err.text - 9, "first-va", 8); /* cut off */
  fl_known_hide_error(known, &err);
  assert_null(strstr(err.text, "first"));
  fl_known_hide_error(NULL, &err);
  fl_known_hide_error(known, NULL);
  fl_known_destroy(known);
}

/* A text that always nearly fits costs what any text costs: the time doubles with the size, and no more. */
static double seconds_for(const struct fl_known *known, size_t size) {
  static const char part[] = "aaaaaaa%61\\u0061\n\\\\";
  FL_BUF_AUTO text = {0}, out = {0};
  while (text.size < size) fl_buf_add(&text, part, sizeof part - 1);
  clock_t start = clock();
  fl_known_hide(known, fl_buf_slice(&text), &out);
  return (double)(clock() - start) / CLOCKS_PER_SEC;
}

static void time_is_linear_in_the_text(void **state) {
  FL_BUF_AUTO value = {0};
  for (int i = 0; i < 4000; i++) fl_buf_add_char(&value, 'a');
  fl_buf_add_char(&value, 'b');
  struct fl_known *known = knowing("A", fl_buf_slice(&value));
  seconds_for(known, 1 << 14);
  double one = seconds_for(known, 1 << 16), eight = seconds_for(known, 1 << 19);
  if (eight > 40 * one + 0.2) fail_msg("%f s for 64 KiB, %f s for 512 KiB", one, eight);
  fl_known_destroy(known);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_spelling_goes),
      cmocka_unit_test(cut_anywhere_it_is_the_same),
      cmocka_unit_test(what_only_looks_like_it_stays),
      cmocka_unit_test(values_may_overlap),
      cmocka_unit_test(some_values_are_refused),
      cmocka_unit_test(the_first_name_of_a_value_stays),
      cmocka_unit_test(a_stream_hears_of_values_that_come_later),
      cmocka_unit_test(texts_and_errors_are_hidden_in_place),
      cmocka_unit_test(time_is_linear_in_the_text),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
