/* SPDX-License-Identifier: MIT */
/* Requests from bytes: a table of connections and what a server sees of them, fed whole, at every split in two, and
 * byte by byte. The notation is in tests/support/http1_trace.h; H stands for a Host field. */
#include "runtime/base/mem.h"
#include "tests/support/http1_trace.h"
#include "tests/support/support.h"

#include <stdio.h>

#define H "Host: a\r\n"
#define GET "GET / HTTP/1.1\r\n" H
#define POST "POST /p HTTP/1.1\r\n" H
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"

struct row {
  const char *input, *trace;
};

static const struct row rows[] = {
    /* what is accepted */
    {GET "\r\n", "GET / []"},
    {"", ""},
    {"\r\n\r\n" GET "\r\n", "GET / []"},
    {"HEAD /a?b=c&d=%20 HTTP/1.1\r\nhOST:b:80\r\n\r\n", "HEAD /a?b=c&d=%20 []"},
    {"OPTIONS * HTTP/1.1\r\n" H "\r\n", "OPTIONS * []"},
    {"GET / HTTP/1.0\r\n\r\n", "GET / []"},
    {POST "Content-Length: 3\r\n\r\nabc", "POST /p [abc]"},
    {POST "content-length:\t 003 \t\r\n\r\nabc", "POST /p [abc]"},
    {POST "Content-Length: 0\r\n\r\n", "POST /p []"},
    {POST "Content-Length: 3\r\n\r\nabc" GET "\r\n" GET "\r\n", "POST /p [abc]GET / []GET / []"},
    {POST "Content-Length: 3\r\n\r\nabc\r\n" GET "\r\n", "POST /p [abc]GET / []"},
    {POST "X: \xc3\xa9\t\x80\xff\r\n\r\n", "POST /p []"},
    {POST "Upgrade: h2c\r\nConnection: upgrade\r\n\r\n", "POST /p []"},
    {CHUNKED "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", "POST /p [abcde]"},
    {CHUNKED "0\r\n\r\n" GET "\r\n", "POST /p []GET / []"},
    {CHUNKED "00A;x;y=1;z=q\r\n0123456789\r\n000\r\nT: 1\r\nU:\r\n\r\n", "POST /p [0123456789]"},
    /* what is not whole */
    {"GE", "…"},
    {GET, "…"},
    {GET "\r", "…"},
    {POST "Content-Length: 3\r\n\r\nab", "POST /p [ab…"},
    {CHUNKED "3\r\nabc\r\n0\r\n\r", "POST /p [abc…"},
    /* request lines */
    {"get / HTTP/1.1\r\n" H "\r\n", "!501"},
    {"CONNECT a:1 HTTP/1.1\r\n" H "\r\n", "!501"},
    {"G(T / HTTP/1.1\r\n" H "\r\n", "!400"},
    {"GET  / HTTP/1.1\r\n" H "\r\n", "!400"},
    {"GET / HTTP/1.1 \r\n" H "\r\n", "!400"},
    {" GET / HTTP/1.1\r\n" H "\r\n", "!400"},
    {"GET /\tHTTP/1.1\r\n" H "\r\n", "!400"},
    {"GET /a b HTTP/1.1\r\n" H "\r\n", "!400"},
    {"GET /a#b HTTP/1.1\r\n" H "\r\n", "!400"},
    {"GET a HTTP/1.1\r\n" H "\r\n", "!400"},
    {"GET * HTTP/1.1\r\n" H "\r\n", "!400"},
    {"GET http://a/ HTTP/1.1\r\n" H "\r\n", "!400"},
    {"GET /\xc3\xa9 HTTP/1.1\r\n" H "\r\n", "!400"},
    {"GET /\r\n" H "\r\n", "!400"},
    {"GET / HTTP/2.0\r\n" H "\r\n", "!505"},
    {"GET / HTTP/1.2\r\n" H "\r\n", "!505"},
    {"GET / HTTP/0.9\r\n" H "\r\n", "!505"},
    {"GET / HTTP/1.10\r\n" H "\r\n", "!400"},
    {"GET / http/1.1\r\n" H "\r\n", "!400"},
    {"GET / HTTP/1.1\n" H "\r\n", "!400"},
    {"\n" GET "\r\n", "!400"},
    {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "!501"},
    {"\x16\x03\x01\x02", "!400"},
    /* fields */
    {"GET / HTTP/1.1\r\n\r\n", "!400"},
    {GET H "\r\n", "!400"},
    {"GET / HTTP/1.1\r\nHost:\r\n\r\n", "!400"},
    {"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "!400"},
    {"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", "!400"},
    {"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", "!400"},
    {GET "X: 1\n\r\n", "!400"},
    {GET "X: 1\rY: 2\r\n\r\n", "!400"},
    {GET "X: 1\r\n 2\r\n\r\n", "!400"},
    {GET "X : 1\r\n\r\n", "!400"},
    {GET ": 1\r\n\r\n", "!400"},
    {GET "X\r\n\r\n", "!400"},
    {GET "X: a\x7f\r\n\r\n", "!400"},
    {GET "X: a\x01\r\n\r\n", "!400"},
    {GET "X(: a\r\n\r\n", "!400"},
    {GET "\n", "!400"},
    {GET "Expect: 200-maybe\r\n\r\n", "!417"},
    /* framing */
    {POST "Content-Length: 1\r\nContent-Length: 1\r\n\r\na", "!400"},
    {POST "Content-Length: 1, 1\r\n\r\na", "!400"},
    {POST "Content-Length: +1\r\n\r\na", "!400"},
    {POST "Content-Length: -1\r\n\r\na", "!400"},
    {POST "Content-Length: 1 1\r\n\r\na", "!400"},
    {POST "Content-Length: 0x1\r\n\r\na", "!400"},
    {POST "Content-Length:\r\n\r\na", "!400"},
    {POST "Content-Length: 9223372036854775808\r\n\r\na", "!400"},
    {POST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\na", "!400"},
    {POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "!400"},
    {POST "Transfer-Encoding: xchunked\r\n\r\n", "!501"},
    {POST "Transfer-Encoding: gzip, chunked\r\n\r\n", "!501"},
    {POST "Transfer-Encoding: chunked, identity\r\n\r\n", "!501"},
    {POST "Transfer-Encoding:\r\n\r\n", "!501"},
    {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "!400"},
    {CHUNKED "g\r\n", "POST /p [!400"},
    {CHUNKED "\r\n", "POST /p [!400"},
    {CHUNKED "3 \r\nabc", "POST /p [!400"},
    {CHUNKED " 3\r\nabc", "POST /p [!400"},
    {CHUNKED "0x3\r\nabc", "POST /p [!400"},
    {CHUNKED "3\nabc", "POST /p [!400"},
    {CHUNKED "3\r\nabcd", "POST /p [abc!400"},
    {CHUNKED "3\r\nabc\n", "POST /p [abc!400"},
    {CHUNKED "3\r\nabc\r0", "POST /p [abc!400"},
    {CHUNKED "000000001\r\na", "POST /p [!400"},
    {CHUNKED "3;\r\nabc", "POST /p [!400"},
    {CHUNKED "3;a=\r\nabc", "POST /p [!400"},
    {CHUNKED "3; a\r\nabc", "POST /p [!400"},
    {CHUNKED "3;a=\"b\r\nabc", "POST /p [!400"},
    {CHUNKED "3;a=\"b\"\r\nabc", "POST /p [!400"},
    {CHUNKED "3;a=b=c\r\nabc", "POST /p [!400"},
    {CHUNKED "0\r\nContent Length: 1\r\n\r\n", "POST /p [!400"},
    {CHUNKED "0\r\n fold\r\n\r\n", "POST /p [!400"},
    {CHUNKED "0\r\nX: 1\n\r\n", "POST /p [!400"},
    {CHUNKED "0\r\n\n", "POST /p [!400"},
};

static void check_split(const struct row *row, size_t split, size_t step) {
  struct http1_trace trace = {0};
  fl_slice input = fl_slice_of(row->input);
  http1_trace_feed(&trace, fl_slice_n(input.data, split));
  for (size_t i = split; i < input.size; i += step) {
    size_t size = input.size - i < step ? input.size - i : step;
    http1_trace_feed(&trace, fl_slice_n(input.data + i, size));
  }
  http1_trace_end(&trace);
  if (strcmp(trace.out.data, row->trace) != 0)
    fail_msg("split at %zu by %zu: %s\n gave %s\n not  %s", split, step, row->input, trace.out.data, row->trace);
  http1_trace_deinit(&trace);
}

static void test_rows(void **state) {
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    size_t size = strlen(rows[i].input);
    for (size_t split = 0; split <= size; split++) check_split(&rows[i], split, size + 1);
    check_split(&rows[i], 0, 1);
  }
}

static enum fl_http1_verdict parse(const char *text, struct fl_http1_head *head) {
  size_t used = 0;
  return fl_http1_parse_head(fl_slice_of(text), head, &used);
}

static void test_nul_is_refused(void **state) {
  static const char input[] = "GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n";
  struct fl_http1_head head;
  size_t used = 0;
  assert_int_equal(fl_http1_parse_head(FL_SLICE(input), &head, &used), FL_HTTP1_REFUSED);
  assert_int_equal(head.status, 400);
}

static void test_what_a_head_tells(void **state) {
  struct fl_http1_head head;
  assert_int_equal(parse(POST "A: 1\r\na:2\r\nExpect: 100-Continue\r\nContent-Length: 7\r\n\r\n", &head),
                   FL_HTTP1_DONE);
  assert_int_equal(head.body_size, 7);
  assert_true(head.expects_continue && head.keeps_alive);
  size_t count = 0;
  fl_slice value = fl_http1_field(&head, "A", &count);
  assert_true(fl_slice_equal(value, FL_SLICE("1")) && count == 2);
  assert_null(fl_http1_field(&head, "b", &count).data);
  assert_int_equal(parse("GET /a?b HTTP/1.1\r\n" H "Connection: x,\tClose\r\n\r\n", &head), FL_HTTP1_DONE);
  assert_false(head.keeps_alive);
  assert_true(fl_slice_equal(head.path, FL_SLICE("/a")));
  assert_int_equal(parse("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", &head), FL_HTTP1_DONE);
  assert_true(head.is_http10 && head.keeps_alive && head.host.size == 0);
}

static void test_limits_of_a_head(void **state) {
  struct fl_http1_head head;
  FL_BUF_AUTO text = {0};
  fl_buf_add_text(&text, GET);
  for (int i = 1; i < FL_HTTP1_FIELDS_MAX; i++) fl_buf_addf(&text, "X%d: 1\r\n", i);
  size_t used = 0, fitting = text.size;
  fl_buf_add_text(&text, "\r\n");
  assert_int_equal(fl_http1_parse_head(fl_buf_slice(&text), &head, &used), FL_HTTP1_DONE);
  assert_int_equal(used, text.size);
  text.size = fitting;
  fl_buf_add_text(&text, "Y: 1\r\n\r\n");
  assert_int_equal(fl_http1_parse_head(fl_buf_slice(&text), &head, &used), FL_HTTP1_REFUSED);
  assert_int_equal(head.status, 431);

  fl_buf_clear(&text);
  fl_buf_add_text(&text, GET "X: ");
  while (text.size <= FL_HTTP1_HEAD_SIZE_MAX) fl_buf_add_char(&text, 'x');
  assert_int_equal(fl_http1_parse_head(fl_buf_slice(&text), &head, &used), FL_HTTP1_REFUSED);
  assert_int_equal(head.status, 431);
  fl_buf_clear(&text);
  fl_buf_add_text(&text, "GET /");
  while (text.size <= FL_HTTP1_TARGET_SIZE_MAX + 70) fl_buf_add_char(&text, 'x');
  assert_int_equal(fl_http1_parse_head(fl_buf_slice(&text), &head, &used), FL_HTTP1_REFUSED);
  assert_int_equal(head.status, 414);
}

static void test_limits_of_chunk_lines(void **state) {
  FL_BUF_AUTO text = {0};
  fl_buf_add_text(&text, CHUNKED "1;x=");
  for (int i = 0; i < FL_HTTP1_CHUNK_LINE_MAX; i++) fl_buf_add_char(&text, 'y');
  fl_buf_add_text(&text, "\r\na\r\n0\r\n\r\n");
  check_split(&(struct row){text.data, "POST /p [!400"}, 0, text.size);
  fl_buf_clear(&text);
  fl_buf_add_text(&text, CHUNKED "0\r\n");
  for (int i = 0; i < FL_HTTP1_TRAILERS_SIZE_MAX / 8; i++) fl_buf_add_text(&text, "X: 123\r\n");
  fl_buf_add_text(&text, "\r\n");
  check_split(&(struct row){text.data, "POST /p [!400"}, 0, text.size);
}

static void test_what_is_written(void **state) {
  FL_BUF_AUTO out = {0};
  fl_http1_add_chunk(&out, FL_SLICE("0123456789abcdef"));
  fl_http1_add_chunk(&out, FL_SLICE(""));
  fl_http1_add_last_chunk(&out);
  assert_string_equal(out.data, "10\r\n0123456789abcdef\r\n0\r\n\r\n");
  assert_true(fl_http1_is_value(FL_SLICE("a b\t\xc3\xa9")));
  assert_false(fl_http1_is_value(FL_SLICE("a\r\nSet-Cookie: b")));
  assert_string_equal(fl_http1_status_text(404), "Not Found");
}

/* Eight bytes are looked at together: each byte counts, wherever it stands. */
static void test_every_byte_of_a_value(void **state) {
  for (int size = 1; size <= 20; size++) {
    for (int at = 0; at < size; at++) {
      for (int c = 0; c < 256; c++) {
        char text[20];
        memset(text, 'v', sizeof text);
        text[at] = (char)c;
        bool is_good = c == '\t' || (c >= 0x20 && c != 0x7f);
        assert_int_equal(fl_http1_is_value(fl_slice_n(text, (size_t)size)), is_good);
      }
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_rows),
      cmocka_unit_test(test_every_byte_of_a_value),
      cmocka_unit_test(test_nul_is_refused),
      cmocka_unit_test(test_what_a_head_tells),
      cmocka_unit_test(test_limits_of_a_head),
      cmocka_unit_test(test_limits_of_chunk_lines),
      cmocka_unit_test(test_what_is_written),
  };
  return cmocka_run_group_tests_name("http1", tests, NULL, NULL);
}
