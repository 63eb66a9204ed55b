/* SPDX-License-Identifier: MIT */
/* What is personal or secret goes, what only looks so stays. The numbers are the examples that card companies, banks
 * and services publish for tests. */
#include "runtime/trace/redact.h"

#include "runtime/base/mem.h"
#include "tests/support/support.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

struct row {
  const char *text, *redacted; /* NULL: unchanged */
};

static void check(const struct row *rows, size_t count) {
  for (size_t i = 0; i < count; i++) {
    FL_FREE_AUTO char *redacted = fl_redact_text(rows[i].text);
    assert_string_equal(redacted, rows[i].redacted != NULL ? rows[i].redacted : rows[i].text);
  }
}
#define CHECK(rows) check(rows, sizeof(rows) / sizeof(rows)[0])

static void card_numbers_go(void **state) {
  static const struct row rows[] = {
      {"4111111111111111", "[card]"},
      {"pay with 4111 1111 1111 1111, please", "pay with [card], please"},
      {"5555-5555-5555-4444.", "[card]."},
      {"amex 378282246310005", "amex [card]"},
      {"two: 4012888888881881 and 6011000990139424", "two: [card] and [card]"},
      {"4111111111111112", NULL},     /* a wrong check digit */
      {"41111111111111111111", NULL}, /* too long */
      {"411111111111", NULL},
      {"0000000000000000", NULL},
      {"order 1234567890123", NULL},
      {"x4111111111111111", NULL}, /* in the middle of a word */
      {"4111111111111111x", NULL},
      {"2026-11-30 17:12:08", NULL},
  };
  CHECK(rows);
}

static void ibans_go(void **state) {
  static const struct row rows[] = {
      {"DE89370400440532013000", "[iban]"},
      {"to GB82 WEST 1234 5698 7654 32 today", "to [iban] today"},
      {"FR1420041010050500013M02606", "[iban]"},
      {"NO9386011117947", "[iban]"},
      {"DE89370400440532013001", NULL},
      {"de89370400440532013000", NULL},
      {"AB12", NULL},
  };
  CHECK(rows);
}

static void mail_addresses_go(void **state) {
  static const struct row rows[] = {
      {"ada@example.org", "[email]"},
      {"Write to ada.lovelace+x@mail.example.co.uk.", "Write to [email]."},
      {"<bob@example.com>, \"eve@example.com\"", "<[email]>, \"[email]\""},
      {"mailto:ada@example.org?subject=x", "mailto:[email]?subject=x"},
      {"@example.org", NULL},
      {"ada@localhost", NULL},
      {"a@b", NULL},
      {"user@host.1", NULL},
      {"5 @ 3.20", NULL},
  };
  CHECK(rows);
}

static void keys_go(void **state) {
  static const struct row rows[] = {
      {"key sk-abcdefghijklmnopqrstuvwx", "key [key]"},
      {"AKIAIOSFODNN7EXAMPLE", "[key]"},
      {"ghp_abcdefghijklmnopqrstuvwxyz0123456789", "[key]"},
      {"Authorization: Bearer abcdefghijklmnop.qrs", "Authorization: Bearer [key]"},
      {"token=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl; next", "token=[key]; next"},
      {"-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY----- rest", "[key] rest"},
      {"-----BEGIN RSA PRIVATE KEY-----\nMIIB", "[key]"},
      {"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----", NULL},
      {"sk-short", NULL},
      {"the bearer of news", NULL},
      {"eyJhbGciOiJIUzI1NiJ9", NULL},
      {"a risk-abcdefghijklmnopqrstuvwx", NULL},
  };
  CHECK(rows);
}

static void ordinary_texts_stay(void **state) {
  static const struct row rows[] = {
      {"", NULL}, {"what's (3 + 5) x 12?", NULL}, {"\xc3\xa9t\xc3\xa9 \xe2\x82\xac 12,50", NULL}, {"a\nb\tc", NULL}};
  CHECK(rows);
  assert_null(fl_redact_text(NULL));
}

static void values_are_redacted_where_they_hold_texts(void **state) {
  size_t count = 0;
  struct fl_value *value = NULL;
  static const char text[] =
      "{\"to\":[\"ada@example.org\",7,null],\"ada@example.org\":{\"card\":\"4111111111111111\"}}";
  assert_int_equal(fl_parse(text, sizeof text - 1, &value, NULL), 0);
  FL_VALUE_AUTO redacted = fl_redact_value(value, FL_REDACT_ALL, &count);
  FL_FREE_AUTO char *shown = fl_dump(redacted, NULL);
  assert_string_equal(shown, "{\"to\":[\"[email]\",7,null],\"ada@example.org\":{\"card\":\"[card]\"}}");
  assert_int_equal(count, 2);
  FL_VALUE_AUTO same = fl_redact_value(redacted, FL_REDACT_ALL, &count);
  assert_ptr_equal(same, redacted); /* nothing to copy */
  fl_value_unref(value);
}

/* Each text is the beginning of many things that are none: time grows with the size, not with its square. */
static void time_grows_with_the_size(void **state) {
  static const char *const pieces[] = {"-----BEGIN ", "eyJa.", "eyJ-", "sk-", "a@", "4111 ", "DE89 ", "Bearer "};
  enum { SIZE = 1 << 20 };
  for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
    FL_BUF_AUTO text = {0}, out = {0};
    while (text.size < SIZE) fl_buf_add_text(&text, pieces[i]);
    clock_t begin = clock();
    fl_redact(fl_buf_slice(&text), FL_REDACT_ALL, &out);
    double seconds = (double)(clock() - begin) / CLOCKS_PER_SEC;
    if (seconds > 10) fail_msg("a megabyte of \"%s\" takes %.1f s", pieces[i], seconds);
  }
}

static void a_kind_may_stay_and_keys_never_do(void **state) {
  static const char text[] = "ada@example.org 4111111111111111 DE89370400440532013000 AKIAIOSFODNN7EXAMPLE";
  static const struct {
    unsigned kinds;
    const char *redacted;
  } rows[] = {
      {FL_REDACT_ALL, "[email] [card] [iban] [key]"},
      {FL_REDACT_EMAIL, "[email] 4111111111111111 DE89370400440532013000 [key]"},
      {FL_REDACT_CARD, "ada@example.org [card] DE89370400440532013000 [key]"},
      {FL_REDACT_IBAN, "ada@example.org 4111111111111111 [iban] [key]"},
      {0, "ada@example.org 4111111111111111 DE89370400440532013000 [key]"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    FL_FREE_AUTO char *redacted = fl_redact_text_of(text, rows[i].kinds);
    assert_string_equal(redacted, rows[i].redacted);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_kind_may_stay_and_keys_never_do),
      cmocka_unit_test(card_numbers_go),
      cmocka_unit_test(ibans_go),
      cmocka_unit_test(mail_addresses_go),
      cmocka_unit_test(keys_go),
      cmocka_unit_test(ordinary_texts_stay),
      cmocka_unit_test(values_are_redacted_where_they_hold_texts),
      cmocka_unit_test(time_grows_with_the_size),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
