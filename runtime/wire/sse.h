/* SPDX-License-Identifier: MIT */
/* Server-sent events (WHATWG HTML, section 9.2 "event stream"): bytes that arrive split anywhere in, events out. Lines
 * end with LF, CR or CRLF; one byte order mark at the front is skipped; comments and unknown fields are ignored; an
 * `id` with NUL is ignored; `retry` is digits only. Bytes are handed on as they came: whether they are UTF-8 is for the
 * reader of `data` to say. Pure.
 *
 * Invariants. (1) How the bytes are split changes nothing about the events. (2) After an error the parser stays failed.
 * (3) At most line limit + event limit bytes are held, and a line or event that is long alone not twice. */
#pragma once
#include "runtime/base/buf.h"

#include <fairlead/error.h>
#include <stdint.h>

enum {
  FL_SSE_LINE_SIZE_MAX = 16 * 1024 * 1024,
  FL_SSE_EVENT_SIZE_MAX = 16 * 1024 * 1024,
  FL_SSE_FIELD_SIZE_MAX = 4096
};

/* Lent for the call. */
struct fl_sse_event {
  fl_slice type; /* "message" when the event did not name one */
  fl_slice data; /* lines joined by LF */
  fl_slice id;   /* the last event id of the stream, "" before the first */
};

/* Anything but 0 stops the feed. The callback must not feed or free the parser. */
typedef int fl_sse_fn(const struct fl_sse_event *event, void *user);

struct fl_sse {
  struct fl_buf line; /* the line that has no end yet */
  struct fl_buf data;
  struct fl_buf type;
  struct fl_buf id;
  int64_t retry_ms; /* what the stream asked for; -1 when it did not */
  size_t line_limit;
  size_t event_limit;
  uint8_t mark_size; /* bytes of the byte order mark seen so far; past it: 4 */
  bool is_after_cr;
  bool has_data;
  int failed; /* FL_E_* that stopped the stream */
};

void fl_sse_init(struct fl_sse *sse, size_t line_limit, size_t event_limit); /* 0: the limits above */
void fl_sse_deinit(struct fl_sse *sse);                                      /* repeatable */

/* 0; FL_E_LIMIT when a line, an event, or an event's type or id is too long; or what the callback returned. */
int fl_sse_feed(struct fl_sse *sse, fl_slice bytes, fl_sse_fn *on_event, void *user);

/* At the end of the input. The standard drops an event that has no blank line after it; some servers end that way, so
 * the pending event is given here and a caller that wants the standard's way does not call this. */
int fl_sse_end(struct fl_sse *sse, fl_sse_fn *on_event, void *user);

/* What there is of the event that is not over: the front of its data. Lent until the next call. */
fl_slice fl_sse_front(const struct fl_sse *sse);
