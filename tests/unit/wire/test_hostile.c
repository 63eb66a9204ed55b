/* SPDX-License-Identifier: MIT */
/* Streams that are made to cost much: everything costs in proportion to its bytes, however they are cut, and what is
 * held stays within the limit. Each test would take hours if one byte cost as much as all before it. */
#include "runtime/base/buf.h"
#include "runtime/base/mem.h"
#include "runtime/wire/lines.h"
#include "runtime/wire/sse.h"
#include "tests/support/support.h"

#include <string.h>

enum { MANY = 2 * 1024 * 1024 };

struct tally {
  size_t lines, bytes, too_long;
};

static int count_line(int status, fl_slice line, void *user) {
  struct tally *tally = user;
  tally->lines++;
  tally->bytes += line.size;
  tally->too_long += status == FL_E_LIMIT;
  return 0;
}

static struct tally feed_lines(fl_slice text, size_t limit, size_t step) {
  struct tally tally = {0};
  struct fl_lines lines;
  fl_lines_init(&lines, limit);
  for (size_t at = 0; at < text.size; at += step) {
    size_t size = text.size - at < step ? text.size - at : step;
    assert_int_equal(fl_lines_feed(&lines, fl_slice_n(text.data + at, size), count_line, &tally), 0);
    assert_in_range(lines.partial.size, 0, limit + 1);
  }
  assert_int_equal(fl_lines_end(&lines, count_line, &tally), 0);
  fl_lines_deinit(&lines);
  return tally;
}

static char *filled(char c, size_t size) {
  char *text = fl_alloc(size);
  memset(text, c, size);
  return text;
}

static void a_long_line_may_come_byte_by_byte(void **state) {
  FL_FREE_AUTO char *text = filled('x', MANY);
  text[MANY - 1] = '\n';
  struct tally tally = feed_lines(fl_slice_n(text, MANY), MANY, 1);
  assert_int_equal(tally.lines, 1);
  assert_int_equal(tally.bytes, MANY - 1);
}

static void a_line_without_end_is_told_once(void **state) {
  FL_FREE_AUTO char *text = filled('x', MANY);
  struct tally tally = feed_lines(fl_slice_n(text, MANY), 1000, 7);
  assert_int_equal(tally.lines, 1);
  assert_int_equal(tally.too_long, 1);
  assert_int_equal(tally.bytes, 1000);
}

static void lines_may_all_be_empty(void **state) {
  FL_FREE_AUTO char *text = filled('\n', MANY);
  struct tally tally = feed_lines(fl_slice_n(text, MANY), 1000, 65536);
  assert_int_equal(tally.lines, MANY);
  assert_int_equal(tally.bytes, 0);
}

static void carriage_returns_belong_to_the_line_but_for_the_last(void **state) {
  FL_FREE_AUTO char *text = filled('\r', MANY);
  text[MANY - 1] = '\n';
  struct tally tally = feed_lines(fl_slice_n(text, MANY), MANY, 4096);
  assert_int_equal(tally.lines, 1);
  assert_int_equal(tally.bytes, MANY - 2);
}

static int count_event(const struct fl_sse_event *event, void *user) {
  struct tally *tally = user;
  tally->lines++;
  tally->bytes += event->data.size;
  return 0;
}

static struct tally feed_sse(fl_slice text, size_t step, int expected) {
  struct tally tally = {0};
  struct fl_sse sse;
  fl_sse_init(&sse, 0, 0);
  int rc = 0;
  for (size_t at = 0; at < text.size && rc == 0; at += step) {
    size_t size = text.size - at < step ? text.size - at : step;
    rc = fl_sse_feed(&sse, fl_slice_n(text.data + at, size), count_event, &tally);
  }
  assert_int_equal(rc, expected);
  fl_sse_deinit(&sse);
  return tally;
}

static void an_event_stream_may_be_all_ends(void **state) {
  static const char ends[] = {'\r', '\n'};
  for (size_t i = 0; i < sizeof ends; i++) {
    FL_FREE_AUTO char *text = filled(ends[i], MANY);
    assert_int_equal(feed_sse(fl_slice_n(text, MANY), 65536, 0).lines, 0);
    assert_int_equal(feed_sse(fl_slice_n(text, MANY), 1, 0).lines, 0);
  }
}

static void an_event_may_have_many_small_parts(void **state) {
  FL_BUF_AUTO text = {0};
  enum { PARTS = 200000 };
  for (int i = 0; i < PARTS; i++) fl_buf_add_text(&text, "data:x\n:c\nevent:e\n");
  fl_buf_add_text(&text, "\n");
  struct tally tally = feed_sse(fl_buf_slice(&text), 13, 0);
  assert_int_equal(tally.lines, 1);
  assert_int_equal(tally.bytes, 2 * PARTS - 1);
}

static void an_event_without_end_meets_its_limit(void **state) {
  FL_BUF_AUTO text = {0};
  while (text.size < (size_t)FL_SSE_EVENT_SIZE_MAX + MANY)
    fl_buf_add_text(&text, "data:0123456789012345678901234567890123456789\n");
  assert_int_equal(feed_sse(fl_buf_slice(&text), 65536, FL_E_LIMIT).lines, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_long_line_may_come_byte_by_byte),
      cmocka_unit_test(a_line_without_end_is_told_once),
      cmocka_unit_test(lines_may_all_be_empty),
      cmocka_unit_test(carriage_returns_belong_to_the_line_but_for_the_last),
      cmocka_unit_test(an_event_stream_may_be_all_ends),
      cmocka_unit_test(an_event_may_have_many_small_parts),
      cmocka_unit_test(an_event_without_end_meets_its_limit),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
