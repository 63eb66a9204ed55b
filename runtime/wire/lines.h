/* SPDX-License-Identifier: MIT */
/* Bytes in, lines out: newline-delimited text (JSON lines, MCP over stdio) that arrives split anywhere. A line ends
 * with LF; one CR before the LF belongs to the newline. Pure.
 *
 * Invariants. (1) How the bytes are split changes nothing about the lines. (2) A line longer than the limit is reported
 * once, with FL_E_LIMIT, and its bytes are dropped up to the next LF, where reading goes on: one oversized line never
 * costs its neighbours. (3) At most limit + 1 bytes are held. */
#pragma once
#include "runtime/base/buf.h"

#include <fairlead/error.h>

enum { FL_LINE_SIZE_MAX = 16 * 1024 * 1024 }; /* the default limit */

/* status 0: a whole line without its newline, lent for the call (it may be empty). FL_E_LIMIT: a line was too long;
 * `line` is its front, as much as the limit allows. A return other than 0 stops the feed. The callback must not feed or
 * free the lines. */
typedef int fl_line_fn(int status, fl_slice line, void *user);

struct fl_lines {
  struct fl_buf partial; /* the line that has no end yet */
  size_t limit;          /* bytes of a line without its newline */
  bool is_skipping;      /* inside a line that was too long */
};

void fl_lines_init(struct fl_lines *lines, size_t limit); /* 0: FL_LINE_SIZE_MAX */
void fl_lines_deinit(struct fl_lines *lines);             /* repeatable */

/* Where the next bytes may be put so that they need not be copied: behind what is held of a long line. NULL: nowhere.
 * Theirs until the next call here, which must be a feed with what was put there, from the first byte on. */
char *fl_lines_room(struct fl_lines *lines, size_t *ret_size);

/* 0, or what the callback returned when it stopped; the bytes after that line are dropped then. */
int fl_lines_feed(struct fl_lines *lines, fl_slice bytes, fl_line_fn *on_line, void *user);

/* At the end of the input: gives the last line when it had no newline. Leaves the lines empty and ready for
 * new input. */
int fl_lines_end(struct fl_lines *lines, fl_line_fn *on_line, void *user);
