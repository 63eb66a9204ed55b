/* SPDX-License-Identifier: MIT */
#include "runtime/wire/base64.h"
#include "tests/support/support.h"

struct row {
  const char *plain, *standard, *url;
};
/* RFC 4648, section 10, and the characters in which the alphabets differ. */
static const struct row rows[] = {
    {"", "", ""},
    {"f", "Zg==", "Zg"},
    {"fo", "Zm8=", "Zm8"},
    {"foo", "Zm9v", "Zm9v"},
    {"foob", "Zm9vYg==", "Zm9vYg"},
    {"fooba", "Zm9vYmE=", "Zm9vYmE"},
    {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
    {"\xfb\xff\xbf", "+/+/", "-_-_"},
};

static void the_rfc_examples(void **state) {
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    const char *texts[] = {rows[i].standard, rows[i].url};
    for (enum fl_base64_kind kind = FL_BASE64_STANDARD; kind <= FL_BASE64_URL; kind++) {
      FL_BUF_AUTO buf = {0};
      fl_buf_add_text(&buf, ">");
      assert_int_equal(fl_base64_encode(&buf, fl_slice_of(rows[i].plain), kind), 0);
      assert_string_equal(buf.data + 1, texts[kind]);
      assert_int_equal(fl_base64_size(strlen(rows[i].plain), kind), strlen(texts[kind]));
      fl_buf_clear(&buf);
      fl_buf_add_text(&buf, ">");
      assert_int_equal(fl_base64_decode(&buf, fl_slice_of(texts[kind]), kind, NULL), 0);
      assert_string_equal(buf.data + 1, rows[i].plain);
    }
  }
}

static void every_byte_survives(void **state) {
  char bytes[256 * 2];
  for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (char)(i < 256 ? i : i * 7 + i / 3);
  for (size_t size = 0; size <= sizeof bytes; size++) {
    FL_BUF_AUTO text = {0};
    FL_BUF_AUTO back = {0};
    enum fl_base64_kind kind = size % 2 == 0 ? FL_BASE64_STANDARD : FL_BASE64_URL;
    assert_int_equal(fl_base64_encode(&text, fl_slice_n(bytes, size), kind), 0);
    assert_int_equal(fl_base64_decode(&back, fl_buf_slice(&text), kind, NULL), 0);
    assert_true(fl_slice_equal(fl_buf_slice(&back), fl_slice_n(bytes, size)));
  }
}

static void refuse(const char *text, enum fl_base64_kind kind) {
  FL_BUF_AUTO buf = {0};
  struct fl_error err = {0};
  fl_buf_add_text(&buf, "kept");
  if (fl_base64_decode(&buf, fl_slice_of(text), kind, &err) != FL_E_SYNTAX) fail_msg("accepted: %s", text);
  assert_string_equal(buf.data, "kept");
  assert_non_null(strstr(err.text, "base64"));
}

static void wrong_texts_are_refused(void **state) {
  static const char *const standard[] = {"Z",    "Zg",   "Zg=",   "Zg===", "=",    "====",       "Zg=a",    "Z===",
                                         "Zh==", "Zm9=", "Zm9\n", " Zg=",  "-_-_", "Zm\xc3\xa9", "Zg==Zg=="};
  static const char *const url[] = {"Z", "Zg==", "Zm8=", "Zh", "Zm9", "+/+/", "Zm9v\n", "Zm9vZ"};
  for (size_t i = 0; i < sizeof standard / sizeof standard[0]; i++) refuse(standard[i], FL_BASE64_STANDARD);
  for (size_t i = 0; i < sizeof url / sizeof url[0]; i++) refuse(url[i], FL_BASE64_URL);
}

static void limits_hold(void **state) {
  FL_BUF_AUTO buf;
  fl_buf_init(&buf, 5);
  assert_int_equal(fl_base64_encode(&buf, FL_SLICE("abcd"), FL_BASE64_STANDARD), FL_E_LIMIT);
  assert_int_equal(fl_base64_decode(&buf, FL_SLICE("Zm9vYmFy"), FL_BASE64_URL, NULL), FL_E_LIMIT);
  assert_int_equal(buf.size, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_rfc_examples),
      cmocka_unit_test(every_byte_survives),
      cmocka_unit_test(wrong_texts_are_refused),
      cmocka_unit_test(limits_hold),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
