/* SPDX-License-Identifier: MIT */
/* Spans as bytes: see the header. Every superstep of every run writes a few. */
#include "runtime/trace/span.h"

#include "runtime/base/id.h"

#include <string.h>

enum { ROW_SIZE = 248, VARINT_MAX = 10, HEAD_VARINTS = 6 };

const char *fl_span_kind_name(enum fl_span_kind kind) {
  static const char *const names[FL_SPAN_KIND_COUNT] = {"run",      "step",   "node",      "model", "tool",
                                                        "function", "commit", "interrupt", "resume"};
  return (unsigned)kind < FL_SPAN_KIND_COUNT ? names[kind] : "?";
}

static uint8_t *put_varint(uint8_t *at, uint64_t number) {
  for (; number >= 0x80; number >>= 7) *at++ = (uint8_t)(number | 0x80);
  *at++ = (uint8_t)number;
  return at;
}

static uint64_t zigzag(int64_t number) { return (uint64_t)number << 1 ^ (uint64_t)(number >> 63); }

/* Room for that much; NULL when there is none (the row has failed then). */
static uint8_t *reserve(struct fl_buf *row, size_t size) {
  if (fl_buf_reserve(row, row->capacity == 0 && size < ROW_SIZE ? ROW_SIZE : size) != 0) return NULL;
  return (uint8_t *)row->data + row->size;
}

static void end_at(struct fl_buf *row, const uint8_t *at) { row->size = (size_t)((const char *)at - row->data); }

static uint8_t *put_bytes(uint8_t *at, const char *bytes, size_t size) {
  memcpy(at, bytes, size);
  return at + size;
}

void fl_span_begin(struct fl_buf *row, const struct fl_span *span) {
  size_t name_size = strlen(span->name);
  uint8_t *at = reserve(row, 1 + HEAD_VARINTS * VARINT_MAX + name_size);
  if (at == NULL) return;
  if (row->size == 0) *at++ = FL_SPANS_FORMAT;
  at = put_varint(at, span->kind);
  at = put_varint(at, span->n);
  at = put_varint(at, span->parent);
  at = put_varint(at, zigzag(span->start_us));
  at = put_varint(at, zigzag(span->duration_us));
  at = put_varint(at, name_size);
  end_at(row, put_bytes(at, span->name, name_size));
}

/* One byte for the first 31 of them. */
static uint8_t *put_key(uint8_t *at, enum fl_span_key key, enum fl_span_how how) {
  return put_varint(at, ((uint64_t)key + 1) * 4 + how);
}

void fl_span_add_int(struct fl_buf *row, enum fl_span_key key, int64_t value) {
  uint8_t *at = reserve(row, 2 * VARINT_MAX);
  if (at == NULL) return;
  at = put_key(at, key, FL_SPAN_INT);
  end_at(row, put_varint(at, zigzag(value)));
}

void fl_span_add_text(struct fl_buf *row, enum fl_span_key key, const char *text) {
  size_t size = text != NULL ? strlen(text) : 0;
  uint8_t *at = text != NULL ? reserve(row, 2 * VARINT_MAX + size) : NULL;
  if (at == NULL) return;
  at = put_key(at, key, FL_SPAN_TEXT);
  at = put_varint(at, size);
  end_at(row, put_bytes(at, text, size));
}

void fl_span_add_id(struct fl_buf *row, enum fl_span_key key, const char *id) {
  uint8_t bytes[FL_SPAN_ID_BYTES];
  if (id == NULL || !fl_uuid_bytes(id, bytes)) {
    fl_span_add_text(row, key, id);
    return;
  }
  uint8_t *at = reserve(row, VARINT_MAX + FL_SPAN_ID_BYTES);
  if (at == NULL) return;
  at = put_key(at, key, FL_SPAN_ID);
  end_at(row, put_bytes(at, (const char *)bytes, FL_SPAN_ID_BYTES));
}

void fl_span_end(struct fl_buf *row) { fl_buf_add_char(row, 0); }

void fl_spans_move(struct fl_buf *to, struct fl_buf *from) {
  if (from->size == 0) return;
  if (to->size == 0) {
    struct fl_buf spare = *to;
    *to = *from;
    *from = spare;
  } else {
    fl_buf_add(to, from->data + 1, from->size - 1);
  }
  fl_buf_clear(from);
}

char *fl_spans_take(struct fl_buf *row, size_t *ret_size) { return fl_buf_take(row, ret_size); }
