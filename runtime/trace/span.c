/* SPDX-License-Identifier: MIT */
/* Spans as text: see the header. Every superstep of every run writes a few, so numbers and names are put down by hand;
 * printf would be a third of what tracing costs. */
#include "runtime/trace/span.h"

#include "runtime/base/id.h"
#include "runtime/json/json.h"

#include <stdio.h>
#include <string.h>

enum { ROW_SIZE = 768, SPAN_HEAD_MAX = 6 * FL_DECIMAL_SIZE };

const char *fl_span_kind_name(enum fl_span_kind kind) {
  static const char *const names[FL_SPAN_KIND_COUNT] = {"run",      "step",   "node",      "model", "tool",
                                                        "function", "commit", "interrupt", "resume"};
  return (unsigned)kind < FL_SPAN_KIND_COUNT ? names[kind] : "?";
}

/* ---- writing ---- */

static char *put_number(char *at, int64_t number) {
  if (number < 0) *at++ = '-';
  return at + fl_decimal(number < 0 ? 0 - (uint64_t)number : (uint64_t)number, at);
}

static bool is_plain(const char *text, size_t size) {
  for (size_t i = 0; i < size; i++) {
    unsigned char c = (unsigned char)text[i];
    if (c < 0x20 || c > 0x7e || c == '"' || c == '\\') return false;
  }
  return true;
}

static void put_text(struct fl_buf *row, const char *text) {
  size_t size = strlen(text);
  if (!is_plain(text, size) || fl_buf_reserve(row, size + 2) != 0) {
    fl_json_write_string(row, fl_slice_n(text, size));
    return;
  }
  char *at = row->data + row->size;
  *at++ = '"';
  memcpy(at, text, size);
  at[size] = '"';
  at[size + 1] = '\0';
  row->size += size + 2;
}

struct fl_span_writer fl_span_begin(struct fl_buf *row, const struct fl_span *span) {
  struct fl_span_writer writer = {.row = row};
  if (fl_buf_reserve(row, row->capacity == 0 ? ROW_SIZE : SPAN_HEAD_MAX) != 0) return writer;
  char *at = row->data + row->size;
  const int64_t numbers[] = {span->kind, span->n, span->parent, span->start_us, span->duration_us};
  *at++ = row->size == 0 ? '[' : ',';
  *at++ = '[';
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
    at = put_number(at, numbers[i]);
    *at++ = ',';
  }
  row->size = (size_t)(at - row->data);
  put_text(row, span->name);
  return writer;
}

static void add_key(struct fl_span_writer *writer, const char *key) {
  fl_buf_add_text(writer->row, writer->has_attributes ? ",\"" : ",{\"");
  fl_buf_add_text(writer->row, key);
  fl_buf_add(writer->row, "\":", 2);
  writer->has_attributes = true;
}

void fl_span_add_int(struct fl_span_writer *writer, const char *key, int64_t value) {
  char text[FL_DECIMAL_SIZE + 1];
  add_key(writer, key);
  fl_buf_add(writer->row, text, (size_t)(put_number(text, value) - text));
}

void fl_span_add_text(struct fl_span_writer *writer, const char *key, const char *text) {
  if (text == NULL) return;
  add_key(writer, key);
  put_text(writer->row, text);
}

void fl_span_end(struct fl_span_writer *writer) { fl_buf_add_text(writer->row, writer->has_attributes ? "}]" : "]"); }

void fl_spans_move(struct fl_buf *to, struct fl_buf *from) {
  if (from->size == 0) return;
  if (to->size == 0) {
    struct fl_buf spare = *to;
    *to = *from;
    *from = spare;
  } else {
    fl_buf_add_char(to, ',');
    fl_buf_add(to, from->data + 1, from->size - 1);
  }
  fl_buf_clear(from);
}

char *fl_spans_take(struct fl_buf *row, size_t *ret_size) {
  fl_buf_add_char(row, ']');
  return fl_buf_take(row, ret_size);
}

/* ---- reading ---- */

static bool read_span(const struct fl_value *value, struct fl_span *ret_span) {
  enum { HEAD = 6 };
  for (size_t i = 0; i < HEAD - 1; i++)
    if (!fl_is(fl_at(value, i), FL_INT)) return false;
  const char *name = fl_as_string(fl_at(value, HEAD - 1));
  int64_t kind = fl_as_int(fl_at(value, 0), -1), n = fl_as_int(fl_at(value, 1), 0);
  int64_t parent = fl_as_int(fl_at(value, 2), 0);
  if (name == NULL || kind < 0 || n <= 0 || n > UINT32_MAX || parent < 0 || parent > UINT32_MAX) return false;
  struct fl_value *attributes = fl_at(value, HEAD);
  if (attributes != NULL && !fl_is(attributes, FL_OBJECT)) return false;
  *ret_span = (struct fl_span){.kind = kind < FL_SPAN_KIND_COUNT ? (enum fl_span_kind)kind : FL_SPAN_KIND_COUNT,
                               .n = (uint32_t)n,
                               .parent = (uint32_t)parent,
                               .start_us = fl_as_int(fl_at(value, 3), 0),
                               .duration_us = fl_as_int(fl_at(value, 4), 0),
                               .name = name,
                               .attributes = attributes};
  return true;
}

int fl_spans_read(fl_slice row, void (*visit)(const struct fl_span *span, void *user), void *user,
                  struct fl_error *err) {
  FL_VALUE_AUTO spans = NULL;
  bool is_row = fl_json_read(row, FL_JSON_STRICT, &spans, NULL) == 0 && fl_is(spans, FL_ARRAY);
  for (size_t i = 0; is_row && i < fl_size(spans); i++) {
    struct fl_span span;
    is_row = fl_is(fl_at(spans, i), FL_ARRAY) && read_span(fl_at(spans, i), &span);
    if (is_row && span.kind < FL_SPAN_KIND_COUNT) visit(&span, user);
  }
  return is_row ? 0 : fl_error_set(err, FL_E_CORRUPT, "a row of spans is damaged");
}
