/* SPDX-License-Identifier: MIT */
/* The event stream parser: a table of streams and their events, fed whole, at every split in two, and byte by byte. The
 * trace is "type|data|id;" for each event; "!" when the end gave a pending event. */
#include "runtime/wire/sse.h"
#include "tests/support/support.h"

static int write_trace(const struct fl_sse_event *event, void *user) {
  struct fl_buf *trace = user;
  fl_buf_add(trace, event->type.data, event->type.size);
  fl_buf_add_char(trace, '|');
  for (size_t i = 0; i < event->data.size; i++)
    fl_buf_add_char(trace, event->data.data[i] == '\n' ? '/' : event->data.data[i]);
  fl_buf_add_char(trace, '|');
  fl_buf_add(trace, event->id.data, event->id.size);
  return fl_buf_add_char(trace, ';');
}

#define BYTES(literal) \
  { (literal), sizeof(literal) - 1 }
struct row {
  const char *name;
  fl_slice input;
  const char *trace;
  int64_t retry_ms;
};

static const struct row rows[] = {
    {"nothing", BYTES(""), "", -1},
    {"one event", BYTES("data: a\n\n"), "message|a|;", -1},
    {"without the space", BYTES("data:a\n\n"), "message|a|;", -1},
    {"only one space is taken off", BYTES("data:  a\n\n"), "message| a|;", -1},
    {"lines are joined", BYTES("data: a\ndata: b\ndata\n\n"), "message|a/b/|;", -1},
    {"a longer line behind shorter ones", BYTES("data: a\ndata: b\ndata:cdefghijkl\ndata: m\n\ndata: nop\n\n"),
     "message|a/b/cdefghijkl/m|;message|nop|;", -1},
    {"an empty line, then a long one", BYTES("data\ndata: abcdefghijkl\n\n"), "message|/abcdefghijkl|;", -1},
    {"an empty data line is an event", BYTES("data\n\n"), "message||;", -1},
    {"two empty data lines", BYTES("data\ndata\n\n"), "message|/|;", -1},
    {"no data, no event", BYTES("event: x\n\ndata: a\n\n"), "message|a|;", -1},
    {"type, and it does not last", BYTES("event: x\ndata: a\n\ndata: b\n\n"), "x|a|;message|b|;", -1},
    {"the last type counts", BYTES("event: x\nevent: y\ndata: a\n\n"), "y|a|;", -1},
    {"id lasts", BYTES("id: 1\ndata: a\n\ndata: b\n\nid\ndata: c\n\n"), "message|a|1;message|b|1;message|c|;", -1},
    {"id without data lasts too", BYTES("id: 7\n\ndata: b\n\n"), "message|b|7;", -1},
    {"id with NUL is ignored", BYTES("id: 1\nid: 2\0003\ndata: a\n\n"), "message|a|1;", -1},
    {"retry", BYTES("retry: 1500\ndata: a\n\n"), "message|a|;", 1500},
    {"retry that is no number", BYTES("retry: 10\nretry: 1s\nretry: -1\nretry\n\n"), "", 10},
    {"retry that is too large", BYTES("retry: 99999999999999999999\n\n"), "", INT32_MAX},
    {"comments", BYTES(": ping\n:\ndata: a\n: x: y\n\n"), "message|a|;", -1},
    {"unknown fields", BYTES("dat: x\ndata : y\n data: z\nDATA: q\ndata: a\n\n"), "message|a|;", -1},
    {"colons in the value", BYTES("data: {\"a\":1}\n\n"), "message|{\"a\":1}|;", -1},
    {"CRLF", BYTES("event: x\r\ndata: a\r\n\r\ndata: b\r\n\r\n"), "x|a|;message|b|;", -1},
    {"CR", BYTES("data: a\rdata: b\r\rdata: c\r\r"), "message|a/b|;message|c|;", -1},
    {"all three newlines", BYTES("data: a\r\n\ndata: b\r\r\ndata: c\n\r"), "message|a|;message|b|;message|c|;", -1},
    {"byte order mark",
     BYTES("\xEF\xBB\xBF"
           "data: a\n\n"),
     "message|a|;", -1},
    {"only one mark",
     BYTES("\xEF\xBB\xBF\xEF\xBB\xBF"
           "data: a\n\ndata: b\n\n"),
     "message|b|;", -1},
    {"half a mark is content",
     BYTES("\xEF\xBB"
           "data: a\ndata: b\n\n"),
     "message|b|;", -1},
    {"blank lines do not repeat", BYTES("\n\n\ndata: a\n\n\n\n"), "message|a|;", -1},
    {"the end gives the pending event", BYTES("data: a\n\ndata: b\n"), "message|a|;message|b|;", -1},
    {"the end gives the pending line", BYTES("data: a\n\nevent: e\ndata: b"), "message|a|;e|b|;", -1},
    {"NUL in data is kept for the reader", BYTES("data: a\0\n\n"), "message|a", -1},
};

static int feed_split(fl_slice input, size_t split, size_t step, struct fl_sse *sse, struct fl_buf *trace) {
  fl_buf_clear(trace);
  fl_buf_add_text(trace, "");
  int rc = fl_sse_feed(sse, fl_slice_n(input.data, split), write_trace, trace);
  for (size_t i = split; i < input.size && rc == 0; i += step)
    rc =
        fl_sse_feed(sse, fl_slice_n(input.data + i, input.size - i < step ? input.size - i : step), write_trace, trace);
  return rc == 0 ? fl_sse_end(sse, write_trace, trace) : rc;
}

static void expect_row(const struct row *row, size_t split, size_t step) {
  FL_BUF_AUTO trace = {0};
  struct fl_sse sse;
  fl_sse_init(&sse, 0, 0);
  assert_int_equal(feed_split(row->input, split, step, &sse, &trace), 0);
  if (strcmp(trace.data, row->trace) != 0) fail_msg("%s, split at %zu by %zu: %s", row->name, split, step, trace.data);
  assert_int_equal(sse.retry_ms, row->retry_ms);
  fl_sse_deinit(&sse);
}

static void every_row_at_every_split(void **state) {
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    for (size_t split = 0; split <= rows[i].input.size; split++) expect_row(&rows[i], split, rows[i].input.size + 1);
    expect_row(&rows[i], 0, 1);
  }
}

static int feed_limited(const char *input, size_t line_limit, size_t event_limit, size_t step) {
  FL_BUF_AUTO trace = {0};
  struct fl_sse sse;
  fl_sse_init(&sse, line_limit, event_limit);
  int rc = feed_split(fl_slice_of(input), 0, step, &sse, &trace);
  if (rc < 0) assert_int_equal(fl_sse_feed(&sse, FL_SLICE("data: z\n\n"), write_trace, &trace), rc); /* stays failed */
  fl_sse_deinit(&sse);
  return rc;
}

static void limits_hold_however_the_bytes_are_split(void **state) {
  for (size_t step = 1; step < 30; step++) {
    assert_int_equal(feed_limited("data: 45678\n\n", 11, 100, step), 0);
    assert_int_equal(feed_limited("data: 456789\n\n", 11, 100, step), FL_E_LIMIT);
    assert_int_equal(feed_limited("data: abc\ndata: ef\n\n", 100, 6, step), 0);
    assert_int_equal(feed_limited("data: abc\ndata: efg\n\n", 100, 6, step), FL_E_LIMIT);
    assert_int_equal(feed_limited("data: a\ndata: cdefgh\n\n", 100, 8, step), 0);
    assert_int_equal(feed_limited("data: a\ndata: cdefghi\n\n", 100, 8, step), FL_E_LIMIT);
    assert_int_equal(feed_limited(": a comment that never ends", 11, 100, step), FL_E_LIMIT);
  }
}

static void a_type_or_id_that_is_too_long_fails(void **state) {
  FL_BUF_AUTO stream = {0};
  fl_buf_add_text(&stream, "id: ");
  for (int i = 0; i < FL_SSE_FIELD_SIZE_MAX + 1; i++) fl_buf_add_char(&stream, 'x');
  fl_buf_add_text(&stream, "\ndata: a\n\n");
  assert_int_equal(feed_limited(stream.data, 0, 0, stream.size), FL_E_LIMIT);
}

static int refuse(const struct fl_sse_event *event, void *user) { return FL_E_PROTOCOL; }

/* 8 MB in pieces, behind a short line: one of the two buffers stays small. */
static int note_capacity(const struct fl_sse_event *event, void *user) {
  const struct fl_sse *sse = user;
  assert_int_equal(event->data.size, 2 + 8192 * 1024);
  assert_true(event->data.data[0] == 'b' && event->data.data[2] == 'a');
  assert_in_range(sse->line.capacity, 1, 4096);
  return 0;
}

static void a_long_line_is_not_held_twice(void **state) {
  char piece[1024];
  struct fl_sse sse;
  memset(piece, 'a', sizeof piece);
  fl_sse_init(&sse, 0, 0);
  fl_sse_feed(&sse, FL_SLICE("data: b\ndata: "), note_capacity, &sse);
  assert_true(fl_slice_equal(fl_sse_front(&sse), FL_SLICE("b\n")));
  for (int i = 0; i < 8192; i++)
    assert_int_equal(fl_sse_feed(&sse, fl_slice_n(piece, sizeof piece), note_capacity, &sse), 0);
  assert_int_equal(fl_sse_feed(&sse, FL_SLICE("\n\n"), note_capacity, &sse), 0);
  fl_sse_deinit(&sse);
}

static void the_front_of_what_is_too_long_is_its_data(void **state) {
  static const struct {
    const char *input, *front;
  } fronts[] = {{"data: {\"id\":1,\"result\"", "{\"id\":1,"}, {": a comment without end", ""}, {"event: abcdef", ""}};
  for (size_t i = 0; i < sizeof fronts / sizeof *fronts; i++) {
    struct fl_sse sse;
    fl_sse_init(&sse, 14, 100); /* a piece that is over the limit adds nothing */
    for (const char *at = fronts[i].input; *at != '\0'; at++) fl_sse_feed(&sse, fl_slice_n(at, 1), refuse, NULL);
    if (!fl_slice_equal(fl_sse_front(&sse), fl_slice_of(fronts[i].front))) fail_msg("%s", fronts[i].input);
    fl_sse_deinit(&sse);
  }
}

static void a_callback_can_stop(void **state) {
  struct fl_sse sse;
  fl_sse_init(&sse, 0, 0);
  assert_int_equal(fl_sse_feed(&sse, FL_SLICE("data: a\n\n"), refuse, NULL), FL_E_PROTOCOL);
  assert_int_equal(fl_sse_end(&sse, refuse, NULL), FL_E_PROTOCOL);
  fl_sse_deinit(&sse);
  fl_sse_deinit(&sse);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_row_at_every_split),
      cmocka_unit_test(limits_hold_however_the_bytes_are_split),
      cmocka_unit_test(a_type_or_id_that_is_too_long_fails),
      cmocka_unit_test(a_long_line_is_not_held_twice),
      cmocka_unit_test(the_front_of_what_is_too_long_is_its_data),
      cmocka_unit_test(a_callback_can_stop),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
