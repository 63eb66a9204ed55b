/* SPDX-License-Identifier: MIT */
#include "runtime/wire/lines.h"

#include "runtime/base/check.h"

enum { KEEP_SIZE = 256 * 1024, LONG_SIZE = 1024 * 1024, FAR_SIZE = 16 * 1024 * 1024, ROOM_SIZE = 256 * 1024 };

void fl_lines_init(struct fl_lines *lines, size_t limit) {
  if (limit == 0) limit = FL_LINE_SIZE_MAX;
  *lines = (struct fl_lines){.limit = limit};
  fl_buf_init(&lines->partial, limit + 1);
}

void fl_lines_deinit(struct fl_lines *lines) { fl_buf_deinit(&lines->partial); }

/* Whether the bytes of an unfinished line are too many whatever follows: a CR after the limit may still be part of
 * CRLF. */
static bool is_over(const struct fl_lines *lines, fl_slice line) {
  if (line.size <= lines->limit) return false;
  return line.size > lines->limit + 1 || line.data[line.size - 1] != '\r';
}

static int emit(struct fl_lines *lines, fl_slice line, bool has_newline, fl_line_fn *on_line, void *user) {
  if (has_newline && line.size > 0 && line.data[line.size - 1] == '\r') line.size--;
  if (line.size <= lines->limit) return on_line(0, line, user);
  return on_line(FL_E_LIMIT, fl_slice_n(line.data, lines->limit), user);
}

/* A long line is rare, and its memory is not kept for the next one. */
static void forget_partial(struct fl_lines *lines) {
  if (lines->partial.capacity > KEEP_SIZE) fl_buf_deinit(&lines->partial);
  else fl_buf_clear(&lines->partial);
}

static bool is_in_place(const struct fl_lines *lines, fl_slice piece) {
  return lines->partial.data != NULL && piece.data == lines->partial.data + lines->partial.size;
}

/* What was read into the room is there already; its terminator takes the place of the newline, or of nothing. */
static void append(struct fl_lines *lines, fl_slice piece) {
  struct fl_buf *partial = &lines->partial;
  if (is_in_place(lines, piece)) {
    partial->size += piece.size;
    partial->data[partial->size] = '\0';
  } else fl_check(fl_buf_add(partial, piece.data, piece.size) == 0);
}

/* The end of a line came: what was held and what came now are one line. */
static int finish_line(struct fl_lines *lines, fl_slice piece, fl_line_fn *on_line, void *user) {
  if (lines->is_skipping) {
    lines->is_skipping = false;
    return 0;
  }
  if (lines->partial.size == 0) return emit(lines, piece, true, on_line, user);
  size_t room = lines->limit + 1 - lines->partial.size;
  bool is_cut = piece.size > room;
  append(lines, fl_slice_n(piece.data, is_cut ? room : piece.size));
  fl_slice line = fl_buf_slice(&lines->partial);
  int rc =
      is_cut ? on_line(FL_E_LIMIT, fl_slice_n(line.data, lines->limit), user) : emit(lines, line, true, on_line, user);
  forget_partial(lines);
  return rc;
}

/* What is long mostly becomes longer, and growing step by step copies it each time. Room that is never written to costs
 * nothing. */
static void reserve_far(struct fl_lines *lines) {
  struct fl_buf *partial = &lines->partial;
  size_t wanted = lines->limit + 1 < FAR_SIZE ? lines->limit + 1 : FAR_SIZE;
  if (partial->size < LONG_SIZE || partial->capacity >= wanted) return;
  fl_check(fl_buf_reserve(partial, wanted - partial->size) == 0);
}

/* No end in sight: keep the piece, or give the line up when it is too long already. */
static int hold(struct fl_lines *lines, fl_slice piece, fl_line_fn *on_line, void *user) {
  if (lines->is_skipping || piece.size == 0) return 0;
  size_t room = lines->limit + 1 - lines->partial.size;
  bool is_cut = piece.size > room;
  if (!is_in_place(lines, piece)) reserve_far(lines);
  append(lines, fl_slice_n(piece.data, is_cut ? room : piece.size));
  if (!is_cut && !is_over(lines, fl_buf_slice(&lines->partial))) return 0;
  lines->is_skipping = true;
  int rc = on_line(FL_E_LIMIT, fl_slice_n(lines->partial.data, lines->limit), user);
  forget_partial(lines);
  return rc;
}

char *fl_lines_room(struct fl_lines *lines, size_t *ret_size) {
  struct fl_buf *partial = &lines->partial;
  if (lines->is_skipping || partial->size < KEEP_SIZE || partial->size > lines->limit) return NULL;
  size_t left = lines->limit + 1 - partial->size;
  *ret_size = left < ROOM_SIZE ? left : ROOM_SIZE;
  reserve_far(lines);
  fl_check(fl_buf_reserve(partial, *ret_size) == 0);
  return partial->data + partial->size;
}

int fl_lines_feed(struct fl_lines *lines, fl_slice bytes, fl_line_fn *on_line, void *user) {
  FL_BUF_AUTO behind = {0}; /* of a line whose memory goes */
  while (bytes.size > 0) {
    const char *newline = memchr(bytes.data, '\n', bytes.size);
    if (newline == NULL) return hold(lines, bytes, on_line, user);
    size_t size = (size_t)(newline - bytes.data);
    fl_slice rest = fl_slice_n(newline + 1, bytes.size - size - 1);
    if (rest.size > 0 && is_in_place(lines, bytes)) {
      fl_buf_add(&behind, rest.data, rest.size);
      rest = fl_buf_slice(&behind);
    }
    int rc = finish_line(lines, fl_slice_n(bytes.data, size), on_line, user);
    if (rc != 0) return rc;
    bytes = rest;
  }
  return 0;
}

int fl_lines_end(struct fl_lines *lines, fl_line_fn *on_line, void *user) {
  int rc = 0;
  if (lines->partial.size > 0) rc = emit(lines, fl_buf_slice(&lines->partial), false, on_line, user);
  lines->is_skipping = false;
  forget_partial(lines);
  return rc;
}
