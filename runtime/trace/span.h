/* SPDX-License-Identifier: MIT */
/* A span: something that a run did, with its time. How it is written down and read again. Pure.
 *
 * The text of a row is an array of spans; a span is [KIND, N, PARENT, START, DURATION, NAME], or that with an object of
 * attributes behind it. Times are microseconds, START since the run began. N counts the spans of a run from 2;
 * the run itself is span 1, and its text stands elsewhere (store/trace.h). A parent may be written after its children,
 * and may be missing when the process died. The attributes of each kind: docs/trace.md. */
#pragma once
#include "runtime/base/buf.h"

#include <fairlead/value.h>

enum { FL_SPAN_OF_RUN = 1 };

/* The numbers stand in stores: they never change. */
enum fl_span_kind {
  FL_SPAN_RUN,
  FL_SPAN_STEP,
  FL_SPAN_NODE,
  FL_SPAN_MODEL,
  FL_SPAN_TOOL,
  FL_SPAN_FUNCTION,
  FL_SPAN_COMMIT,
  FL_SPAN_INTERRUPT,
  FL_SPAN_RESUME,
  FL_SPAN_KIND_COUNT
};
const char *fl_span_kind_name(enum fl_span_kind kind); /* "run", "step", "node", "model", … */

struct fl_span {
  enum fl_span_kind kind;
  uint32_t n, parent;
  int64_t start_us, duration_us;
  const char *name;
  struct fl_value *attributes; /* read: an object or NULL, owned by the span; not looked at in writing */
};

/* ---- writing: begin, any attributes, end; `row` is a zeroed buffer at first ---- */

struct fl_span_writer {
  struct fl_buf *row;
  bool has_attributes;
};
struct fl_span_writer fl_span_begin(struct fl_buf *row, const struct fl_span *span);
void fl_span_add_int(struct fl_span_writer *writer, const char *key, int64_t value);     /* keys need no escapes */
void fl_span_add_text(struct fl_span_writer *writer, const char *key, const char *text); /* NULL: nothing */
void fl_span_end(struct fl_span_writer *writer);

/* All spans of `from` behind those of `to`; `from` is empty afterwards. */
void fl_spans_move(struct fl_buf *to, struct fl_buf *from);
/* The text of the row, whose memory the caller owns; the buffer is empty afterwards. */
char *fl_spans_take(struct fl_buf *row, size_t *ret_size);

/* ---- reading ---- */

/* Visits the spans of a row; each is lent for the visit. Kinds that are not known are passed over. FL_E_CORRUPT when
 * the text is no row. */
int fl_spans_read(fl_slice row, void (*visit)(const struct fl_span *span, void *user), void *user,
                  struct fl_error *err);
