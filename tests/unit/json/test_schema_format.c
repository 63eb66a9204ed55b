/* SPDX-License-Identifier: MIT */
/* The formats, each with texts that are and texts that are not; and every prefix of what is, so that no reader runs
 * over an end. */
#include "runtime/json/schema_format.h"
#include "tests/support/support.h"

#include <stdlib.h>
#include <string.h>

enum { TEXTS_MAX = 24 };

struct row {
  const char *name;
  const char *yes[TEXTS_MAX];
  const char *no[TEXTS_MAX];
};

/* In memory of exactly its size, so that the sanitizer sees a reader that goes too far. */
static bool is_valid(const struct fl_schema_format *format, const char *text, size_t size) {
  char *copy = malloc(size > 0 ? size : 1);
  memcpy(copy, text, size);
  bool valid = format->is_valid(fl_slice_n(copy, size));
  free(copy);
  return valid;
}

static void check_row(const struct row *row) {
  const struct fl_schema_format *format = fl_schema_format_find(row->name);
  assert_non_null(format);
  if (!is_valid(format, format->example, strlen(format->example))) fail_msg("%s: the example is none", row->name);
  for (size_t i = 0; i < TEXTS_MAX && row->yes[i] != NULL; i++) {
    size_t size = strlen(row->yes[i]);
    if (!is_valid(format, row->yes[i], size)) fail_msg("\"%s\" must be a valid %s", row->yes[i], row->name);
    for (size_t end = 0; end < size; end++) is_valid(format, row->yes[i], end);
  }
  for (size_t i = 0; i < TEXTS_MAX && row->no[i] != NULL; i++)
    if (is_valid(format, row->no[i], strlen(row->no[i])))
      fail_msg("\"%s\" must not be a valid %s", row->no[i], row->name);
}

static void check_rows(const struct row *rows, size_t row_count) {
  for (size_t i = 0; i < row_count; i++) check_row(&rows[i]);
}
#define CHECK_ROWS(rows) check_rows(rows, sizeof(rows) / sizeof *(rows))

static void times(void **state) {
  static const struct row rows[] = {
      {"date",
       {"2024-02-29", "2000-02-29", "1999-12-31", "0000-01-01"},
       {"2023-02-29", "1900-02-29", "2024-04-31", "2024-13-01", "2024-00-10", "2024-1-1", "24-01-01", "2024-01-01 ",
        "2024/01/01", "", "2024-01-0a"}},
      {"time",
       {"00:00:00Z", "23:59:59.999999999z", "12:30:00+05:30", "12:30:00-23:59", "23:59:60Z", "00:59:60+01:00",
        "22:59:60-01:00"},
       {"24:00:00Z", "12:60:00Z", "12:00:61Z", "12:00:00", "12:00Z", "12:00:00.Z", "12:00:00+24:00", "12:00:00+0530",
        "22:59:60Z", "12:00:00Zz", "1:00:00Z"}},
      {"date-time",
       {"2024-05-01T10:00:00Z", "2024-05-01t10:00:00.5+02:00", "1998-12-31T23:59:60Z"},
       {"2024-05-01 10:00:00Z", "2024-05-01T10:00:00", "2024-05-01", "10:00:00Z", "2024-05-32T10:00:00Z",
        "2024-05-01T25:00:00Z"}},
      {"duration",
       {"P1Y", "P1M", "P1D", "PT1H", "PT1M", "PT1S", "P2W", "P1Y2M3DT4H5M6S", "P1DT1H", "PT0S", "P007D"},
       {"P", "PT", "P1", "1D", "P1DT", "P1H", "PT1D", "P1W1D", "P1Y1D", "PT1H1S", "P-1D", "P1.5D", "P1D ", "p1d", "PW",
        ""}},
  };
  CHECK_ROWS(rows);
}

static void addresses(void **state) {
  static const struct row rows[] = {
      {"hostname",
       {"localhost", "a", "a.b-c.d", "1.2", "xn--nxasmq6b",
        "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk"},
       {"", ".", "a.", ".a", "a..b", "-a", "a-", "a_b", "a b", "ab--c", "xn--", "\xc3\xa9.com",
        "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijkl"}},
      {"email",
       {"a@b", "a.b+c@example.com", "\"a b\"@example.com", "\"a\\\"b\"@example.com", "a@[192.0.2.1]",
        "a@[IPv6:2001:db8::1]", "!#$%&'*+-/=?^_`{|}~@example.com"},
       {"", "a", "@b", "a@", ".a@b", "a.@b", "a..b@c", "a b@c", "a@b@c", "\"a@b", "\"a\"b@c", "a@[1.2.3]", "a@-b",
        "a@[x]"}},
      {"ipv4",
       {"0.0.0.0", "255.255.255.255", "192.0.2.10"},
       {"", "1.2.3", "1.2.3.4.5", "256.0.0.1", "01.2.3.4", "1.2.3.04", "1.2.3.4 ", "a.b.c.d", "1..2.3", "1.2.3.",
        "0x1.2.3.4"}},
      {"ipv6",
       {"::", "::1", "1::", "1:2:3:4:5:6:7:8", "1::8", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "::ffff:192.0.2.1",
        "1:2:3:4:5:6:1.2.3.4", "ABCD:ef01::"},
       {"", ":", ":::", "1", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", "12345::", "g::", ":1::", "1::2:",
        "::1.2.3", "1:2:3:4:5:6:7:1.2.3.4", "::1%eth0", "1:2:3:4:5:6:7:8::", "::1 "}},
      {"uuid",
       {"2eb8aa08-aa98-11ea-b4aa-73b441d16380", "2EB8AA08-AA98-11EA-B4AA-73B441D16380"},
       {"", "2eb8aa08aa9811eab4aa73b441d16380", "2eb8aa08-aa98-11ea-b4aa-73b441d1638",
        "2eb8aa08-aa98-11ea-b4aa-73b441d1638g", "2eb8aa08-aa98-11ea-b4aa73b441d163-80"}},
  };
  CHECK_ROWS(rows);
}

static void pointers_and_patterns(void **state) {
  static const struct row rows[] = {
      {"json-pointer", {"", "/", "/a/b", "/~0~1", "//"}, {"a", "/~", "/~2", "#/a", "/a~"}},
      {"relative-json-pointer", {"0", "1/a", "10#", "0/", "2"}, {"", "/a", "01", "-1", "0##", "1a", "0/~"}},
      {"regex", {"", "^a$", "[a-z]+", "(?<=a+)b", "\\p{Lu}"}, {"(", "[", "*", "\\a", "a{2}{3}", "(?P<a>b)"}},
      {"uri-template",
       {"", "/a", "{a}", "x{?a,b*}y", "{+a:3}", "{a.b}", "{%20}", "%20", "{#a}"},
       {"{", "}", "{}", "{a", "{a,}", "{,a}", "{a:0}", "{a:10000}", "{a b}", "%2", "<", "{a..b}", "{=a}"}},
  };
  CHECK_ROWS(rows);
}

static void uris(void **state) {
  static const struct row rows[] = {
      {"uri",
       {"http://a", "a:", "mailto:x@y", "urn:a:b", "http://u:p@h:80/p;q?r=s#f", "http://[::1]:8080/", "http://[v1.x]/",
        "a:/b", "http://h/%20", "file:///a", "http://h:"},
       {"", "a", "/a", "//a", "1a:b", "http://a b", "http://a/\"", "http://a/%2", "http://a/%zz", "http://[::1",
        "http://[::1]x", "http://[:]", "http://h:8a", "http://\xc3\xa9", "http://a/{b}", "http://a@b@c", "http://a#b#c",
        "http://[v.x]"}},
      {"uri-reference",
       {"", "a", "/a", "//a/b", "?q", "#f", "./a:b", "../a", "http://a", "a/b:c", "%41"},
       {"1:a", ":a", "a b", "\\", "#a#b", "//[", "a%", "\xc3\xa9"}},
      {"iri", {"http://\xc3\xa9/\xc3\xa9?\xc3\xa9#\xc3\xa9", "http://a"}, {"\xc3\xa9", "http://a b", "/a"}},
      {"iri-reference", {"\xc3\xa9", "/\xc3\xa9", "a"}, {"a b", "\\\xc3\xa9"}},
  };
  CHECK_ROWS(rows);
  const struct fl_schema_format *uri = fl_schema_format_find("uri");
  assert_false(uri->is_valid(fl_slice_n("a:b\0c", 5)));
  assert_false(fl_schema_format_find("hostname")->is_valid(fl_slice_n("a\0b", 3)));
  assert_false(fl_schema_format_find("date")->is_valid(fl_slice_n("2024-01-0\0", 10)));
}

static void unknown_names_are_none(void **state) {
  assert_null(fl_schema_format_find("idn-email"));
  assert_null(fl_schema_format_find(""));
  assert_null(fl_schema_format_find("Date"));
}

static void total_length_of_a_host_name(void **state) {
  char name[256];
  for (size_t i = 0; i < 255; i++) name[i] = i % 50 == 49 ? '.' : 'a';
  const struct fl_schema_format *format = fl_schema_format_find("hostname");
  assert_true(format->is_valid(fl_slice_n(name, 253)));
  assert_false(format->is_valid(fl_slice_n(name, 254)));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(times),
      cmocka_unit_test(addresses),
      cmocka_unit_test(pointers_and_patterns),
      cmocka_unit_test(uris),
      cmocka_unit_test(unknown_names_are_none),
      cmocka_unit_test(total_length_of_a_host_name),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
