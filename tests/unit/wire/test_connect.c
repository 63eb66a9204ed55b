/* SPDX-License-Identifier: MIT */
/* Where a client of the proxy wants to go, in one spelling, and what of it was granted. */
#include "runtime/wire/connect.h"
#include "tests/support/support.h"

#include <stdio.h>

static struct fl_connect connect;

static int parse(const char *target) {
  char text[1024];
  int size = snprintf(text, sizeof text, "CONNECT %s HTTP/1.1\r\nHost: x\r\n\r\n", target);
  return fl_connect_parse(fl_slice_n(text, (size_t)size), &connect);
}

static void targets_have_one_spelling(void **state) {
  assert_int_equal(parse("API.Example.ORG.:443"), 0);
  assert_string_equal(connect.host, "api.example.org");
  assert_int_equal(connect.port, 443);
  assert_false(connect.is_address);
  assert_int_equal(parse("192.0.2.1:80"), 0);
  assert_true(connect.is_address);
  assert_int_equal(parse("[2001:DB8::1]:8443"), 0);
  assert_string_equal(connect.host, "2001:db8::1");
  assert_true(connect.is_address);
}

static void what_others_might_read_otherwise_is_refused(void **state) {
  static const char *const wrong[] = {"",
                                      "x",
                                      "x:",
                                      ":443",
                                      "x:0",
                                      "x:65536",
                                      "x:0443",
                                      "x:4 43",
                                      "127.1:443",
                                      "0x7f.1:443",
                                      "2130706433:443",
                                      "0177.0.0.1:443",
                                      "1.2.3.4.5:443",
                                      "x.0x7f:443",
                                      "a..b:443",
                                      ".a:443",
                                      "a b:443",
                                      "user@x:443",
                                      "x/y:443",
                                      "x%2e:443",
                                      "[127.0.0.1]:443",
                                      "::1:443",
                                      "[::1:443",
                                      "x\r:443",
                                      "a\\b:443",
                                      "\xc3\xa4:443",
                                      "[x]:443",
                                      "x:443:443",
                                      "1.2.3.256:443"};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
    if (parse(wrong[i]) != FL_E_SYNTAX) fail_msg("\"%s\" was read as %s:%u", wrong[i], connect.host, connect.port);
}

static void other_requests_are_told_apart(void **state) {
  static const char get[] = "GET http://x/ HTTP/1.1\r\n\r\n", early[] = "CONNECT x:443 HTTP/1.1\r\nHost: x\r\n";
  static const char version[] = "CONNECT x:443 HTTP/2.0\r\n\r\n", bytes[] = "CONNECT x:443 HTTP/1.0\r\n\r\n\x16\x03";
  assert_int_equal(fl_connect_parse(fl_slice_of(get), &connect), FL_E_UNSUPPORTED);
  assert_int_equal(fl_connect_parse(fl_slice_of(early), &connect), FL_E_TRUNCATED);
  assert_int_equal(fl_connect_parse(fl_slice_of(version), &connect), FL_E_SYNTAX);
  assert_int_equal(fl_connect_parse(fl_slice_of(bytes), &connect), 0);
  assert_int_equal(connect.head_size, sizeof bytes - 3);
  static char flood[FL_CONNECT_HEAD_MAX];
  memset(flood, 'a', sizeof flood);
  assert_int_equal(fl_connect_parse(fl_slice_n(flood, sizeof flood - 1), &connect), FL_E_TRUNCATED);
  assert_int_equal(fl_connect_parse(fl_slice_n(flood, sizeof flood), &connect), FL_E_LIMIT);
}

static void patterns_grant_what_they_say(void **state) {
  static const struct {
    const char *pattern, *target;
    bool fits;
  } rows[] = {
      {"api.example.org:443", "api.example.org:443", true},
      {"api.example.org:443", "API.example.org.:443", true},
      {"api.example.org:443", "api.example.org:80", false},
      {"api.example.org:443", "example.org:443", false},
      {"api.example.org:443", "xapi.example.org:443", false},
      {"api.example.org:443", "api.example.org.evil.test:443", false},
      {"*.example.org:443", "api.example.org:443", true},
      {"*.example.org:443", "a.b.example.org:443", true},
      {"*.example.org:443", "example.org:443", false},
      {"*.example.org:443", "evilexample.org:443", false},
      {"*.2.1:80", "192.0.2.1:80", false},
      {"192.0.2.1:80", "192.0.2.1:80", true},
      {"localhost:80", "127.0.0.1:80", false},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    assert_int_equal(parse(rows[i].target), 0);
    if (fl_connect_fits(rows[i].pattern, &connect) != rows[i].fits)
      fail_msg("%s and %s", rows[i].pattern, rows[i].target);
  }
  assert_true(fl_connect_is_pattern("*.example.org:443"));
  assert_false(fl_connect_is_pattern("example.org"));
  assert_false(fl_connect_is_pattern("*:443"));
  assert_false(fl_connect_is_pattern("*.127.0.0.1:443"));
  assert_false(fl_connect_is_pattern("https://example.org:443"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(targets_have_one_spelling),
      cmocka_unit_test(what_others_might_read_otherwise_is_refused),
      cmocka_unit_test(other_requests_are_told_apart),
      cmocka_unit_test(patterns_grant_what_they_say),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
