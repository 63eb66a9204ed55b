/* SPDX-License-Identifier: MIT */
/* Lines from bytes: a table of inputs and what they give, fed whole, at every split in two, and byte by byte. The trace
 * is
 * "[line]" for a line and "<front>" for one that was too long. */
#include "runtime/wire/lines.h"
#include "tests/support/support.h"

static int write_trace(int status, fl_slice line, void *user) {
  struct fl_buf *trace = user;
  fl_buf_add_char(trace, status == 0 ? '[' : '<');
  fl_buf_add(trace, line.data, line.size);
  return fl_buf_add_char(trace, status == 0 ? ']' : '>');
}

struct row {
  const char *name;
  fl_slice input;
  const char *trace;
};

/* The limit is 4 bytes. */
static const struct row rows[] = {
    {"one line", {"ab\n", 3}, "[ab]"},
    {"nothing", {"", 0}, ""},
    {"empty lines", {"\n\r\n\n", 4}, "[][][]"},
    {"CRLF and LF mixed", {"a\r\nb\nc\r\n", 8}, "[a][b][c]"},
    {"only one CR is of the newline", {"a\r\r\n", 4}, "[a\r]"},
    {"a bare CR is content", {"a\rb\n", 4}, "[a\rb]"},
    {"NUL is content", {"a\0b\n", 4}, "[a"},
    {"exactly the limit", {"abcd\n", 5}, "[abcd]"},
    {"exactly the limit with CRLF", {"abcd\r\nx\n", 8}, "[abcd][x]"},
    {"one over", {"abcde\nx\n", 8}, "<abcd>[x]"},
    {"one over by a CR that is content", {"abcd\r\r\nx\n", 9}, "<abcd>[x]"},
    {"far over, then the neighbours", {"a\nbcdefghijkl\nm\n", 16}, "[a]<bcde>[m]"},
    {"two long ones", {"abcdef\nghijkl\n", 14}, "<abcd><ghij>"},
    {"a long one without an end", {"abcdefgh", 8}, "<abcd>"},
    {"last line without newline", {"a\nbc", 4}, "[a][bc]"},
    {"last line ends in CR", {"a\nbc\r", 5}, "[a][bc\r]"},
    {"limit and CR at the end of input", {"abcd\r", 5}, "<abcd>"},
};

static bool feed_split(const struct row *row, size_t split, size_t step, struct fl_buf *trace) {
  struct fl_lines lines;
  fl_lines_init(&lines, 4);
  fl_buf_clear(trace);
  fl_buf_add_text(trace, "");
  int rc = fl_lines_feed(&lines, fl_slice_n(row->input.data, split), write_trace, trace);
  for (size_t i = split; i < row->input.size && rc == 0; i += step) {
    size_t size = row->input.size - i < step ? row->input.size - i : step;
    rc = fl_lines_feed(&lines, fl_slice_n(row->input.data + i, size), write_trace, trace);
  }
  if (rc == 0) rc = fl_lines_end(&lines, write_trace, trace);
  fl_lines_deinit(&lines);
  return rc == 0;
}

static void every_row_at_every_split(void **state) {
  FL_BUF_AUTO trace = {0};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    const struct row *row = &rows[i];
    for (size_t split = 0; split <= row->input.size; split++) {
      assert_true(feed_split(row, split, row->input.size + 1, &trace));
      if (strcmp(trace.data, row->trace) != 0) fail_msg("%s, split at %zu: %s", row->name, split, trace.data);
    }
    assert_true(feed_split(row, 0, 1, &trace));
    if (strcmp(trace.data, row->trace) != 0) fail_msg("%s, byte by byte: %s", row->name, trace.data);
  }
}

static int stop_at_b(int status, fl_slice line, void *user) {
  write_trace(status, line, user);
  return fl_slice_equal(line, FL_SLICE("b")) ? FL_E_CANCELLED : 0;
}

static void a_callback_can_stop(void **state) {
  FL_BUF_AUTO trace = {0};
  struct fl_lines lines;
  fl_lines_init(&lines, 0);
  assert_int_equal(fl_lines_feed(&lines, FL_SLICE("a\nb\nc\n"), stop_at_b, &trace), FL_E_CANCELLED);
  assert_string_equal(trace.data, "[a][b]");
  assert_int_equal(fl_lines_feed(&lines, FL_SLICE("d\n"), stop_at_b, &trace), 0);
  assert_string_equal(trace.data, "[a][b][d]");
  fl_lines_deinit(&lines);
}

static void the_end_makes_ready_for_new_input(void **state) {
  FL_BUF_AUTO trace = {0};
  struct fl_lines lines;
  fl_lines_init(&lines, 4);
  assert_int_equal(fl_lines_feed(&lines, FL_SLICE("abcdefgh"), write_trace, &trace), 0);
  assert_int_equal(fl_lines_end(&lines, write_trace, &trace), 0);
  assert_int_equal(fl_lines_feed(&lines, FL_SLICE("x\n"), write_trace, &trace), 0);
  assert_string_equal(trace.data, "<abcd>[x]");
  fl_lines_deinit(&lines);
  fl_lines_deinit(&lines);
}

static void a_long_line_is_not_held(void **state) {
  FL_BUF_AUTO trace = {0};
  struct fl_lines lines;
  fl_lines_init(&lines, 100);
  char block[1000];
  memset(block, 'x', sizeof block);
  for (int i = 0; i < 1000; i++)
    assert_int_equal(fl_lines_feed(&lines, fl_slice_n(block, sizeof block), write_trace, &trace), 0);
  assert_true(lines.partial.capacity <= 128);
  assert_int_equal(trace.size, 102); /* reported once */
  fl_lines_deinit(&lines);
}

static int note_size(int status, fl_slice line, void *user) {
  size_t *size = user;
  *size = status == 0 ? line.size : 0;
  for (size_t i = 0; i < line.size; i++) assert_int_equal(line.data[i], 'a' + (int)(i % 10));
  return 0;
}

/* Megabytes in pieces come whole, the limit stands, and their memory is not kept. */
static void a_very_long_line_comes_whole(void **state) {
  enum { SIZE = 3 * 1000 * 1000, PIECE = 64 * 1000 };
  static char text[SIZE + 1];
  for (size_t i = 0; i < SIZE; i++) text[i] = (char)('a' + i % 10);
  text[SIZE] = '\n';
  struct fl_lines lines;
  fl_lines_init(&lines, SIZE);
  size_t size = 0;
  for (size_t at = 0; at < sizeof text; at += PIECE) {
    size_t piece = sizeof text - at < PIECE ? sizeof text - at : PIECE;
    assert_int_equal(fl_lines_feed(&lines, fl_slice_n(text + at, piece), note_size, &size), 0);
    assert_true(lines.partial.capacity <= SIZE + 2);
  }
  assert_int_equal(size, SIZE);
  assert_int_equal(lines.partial.capacity, 0);
  fl_lines_deinit(&lines);
}

/* Feeds pieces; where there is room they are put there first, as one who reads would. */
static void feed_roomy(fl_slice text, size_t limit, size_t step, struct fl_buf *trace, size_t *ret_rooms) {
  struct fl_lines lines;
  fl_lines_init(&lines, limit);
  for (size_t at = 0, size; at < text.size; at += size) {
    size_t room_size = 0;
    char *room = fl_lines_room(&lines, &room_size);
    size = text.size - at < step ? text.size - at : step;
    if (room != NULL && size > room_size) size = room_size;
    if (room != NULL) memcpy(room, text.data + at, size);
    *ret_rooms += room != NULL;
    fl_slice piece = fl_slice_n(room != NULL ? room : text.data + at, size);
    assert_int_equal(fl_lines_feed(&lines, piece, write_trace, trace), 0);
    assert_true(lines.partial.size <= limit + 1);
  }
  assert_int_equal(fl_lines_end(&lines, write_trace, trace), 0);
  fl_lines_deinit(&lines);
}

/* Long lines with short ones around them, so that a piece in the room may hold the end of one and others whole. */
static void what_is_read_into_the_room_is_the_same(void **state) {
  enum { LONG = 700 * 1000 };
  static const size_t limits[] = {LONG - 1, LONG, LONG + 1, 2 * LONG, 300 * 1000},
                      steps[] = {50 * 1000, 300 * 1000, 999};
  FL_BUF_AUTO text = {0};
  for (int line = 0; line < 3; line++) {
    fl_buf_add_text(&text, "before\n\n");
    for (size_t i = 0; i < LONG; i++) fl_buf_add_char(&text, (char)('a' + i % 7));
    fl_buf_add_text(&text, line == 1 ? "\r\nafter\nx\n" : "\nafter\r\n");
  }
  for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
    for (size_t j = 0; j < sizeof steps / sizeof *steps; j++) {
      FL_BUF_AUTO whole = {0};
      FL_BUF_AUTO roomy = {0};
      size_t rooms = 0;
      struct fl_lines lines;
      fl_lines_init(&lines, limits[i]);
      assert_int_equal(fl_lines_feed(&lines, fl_buf_slice(&text), write_trace, &whole), 0);
      assert_int_equal(fl_lines_end(&lines, write_trace, &whole), 0);
      fl_lines_deinit(&lines);
      feed_roomy(fl_buf_slice(&text), limits[i], steps[j], &roomy, &rooms);
      assert_true(fl_slice_equal(fl_buf_slice(&whole), fl_buf_slice(&roomy)));
      assert_true(rooms > 0);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_row_at_every_split),          cmocka_unit_test(a_callback_can_stop),
      cmocka_unit_test(the_end_makes_ready_for_new_input), cmocka_unit_test(a_long_line_is_not_held),
      cmocka_unit_test(a_very_long_line_comes_whole),      cmocka_unit_test(what_is_read_into_the_room_is_the_same),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
