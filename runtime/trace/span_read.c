/* SPDX-License-Identifier: MIT */
/* Spans out of the bytes of a row, and out of the JSON of older stores: see the header. The bytes come from a file that
 * anybody may have written: every size is checked, and texts that are not UTF-8 are repaired. */
#include "runtime/trace/span.h"

#include "runtime/base/id.h"
#include "runtime/json/json.h"
#include "runtime/json/utf8.h"

#include <string.h>

enum { VARINT_BITS = 64 };

static const char *const key_names[FL_SPAN_KEY_COUNT] = {
#define NAME(upper, lower) #lower,
    FL_SPAN_KEYS(NAME)
#undef NAME
};

/* ---- bytes ---- */

struct reader {
  const uint8_t *at, *end;
  bool has_failed;
};

static uint64_t take_varint(struct reader *reader) {
  uint64_t number = 0;
  for (unsigned shift = 0; reader->at < reader->end && shift < VARINT_BITS; shift += 7) {
    uint8_t byte = *reader->at++;
    number |= (uint64_t)(byte & 0x7f) << shift;
    if (byte < 0x80) return number;
  }
  reader->has_failed = true;
  return 0;
}

static int64_t take_int(struct reader *reader) {
  uint64_t number = take_varint(reader);
  return (int64_t)(number >> 1 ^ (0 - (number & 1)));
}

static fl_slice take_bytes(struct reader *reader, uint64_t size) {
  if (size > (uint64_t)(reader->end - reader->at)) reader->has_failed = true;
  if (reader->has_failed) return (fl_slice){0};
  reader->at += size;
  return fl_slice_n((const char *)reader->at - size, (size_t)size);
}

/* A text as it can be told: in `copy`, which the caller frees. */
static const char *take_text(struct reader *reader, struct fl_buf *copy) {
  fl_slice text = take_bytes(reader, take_varint(reader));
  fl_buf_clear(copy);
  fl_utf8_repair(copy, text);
  return copy->data != NULL ? copy->data : "";
}

static void take_attribute(struct reader *reader, uint8_t key, struct fl_value *attributes, struct fl_buf *copy) {
  char id[FL_UUID_SIZE];
  unsigned which = key / 4 - 1;
  const char *name = which < FL_SPAN_KEY_COUNT ? key_names[which] : NULL;
  int64_t number = 0;
  fl_slice bytes;
  switch (key % 4) {
  case FL_SPAN_INT:
    number = take_int(reader);
    if (name != NULL && !reader->has_failed) fl_set_int(attributes, name, number);
    return;
  case FL_SPAN_TEXT:
    take_text(reader, copy);
    if (name != NULL && !reader->has_failed) fl_set_string(attributes, name, copy->data != NULL ? copy->data : "");
    return;
  case FL_SPAN_ID:
    bytes = take_bytes(reader, FL_SPAN_ID_BYTES);
    if (bytes.data != NULL) fl_uuid_text((const uint8_t *)bytes.data, id);
    if (name != NULL && bytes.data != NULL) fl_set_string(attributes, name, id);
    return;
  default: reader->has_failed = true;
  }
}

static void take_attributes(struct reader *reader, struct fl_span *span, struct fl_buf *copy) {
  while (!reader->has_failed) {
    uint64_t key = take_varint(reader);
    if (key == 0 || reader->has_failed) return;
    if (key < 4 || key > UINT8_MAX) reader->has_failed = true;
    else {
      if (span->attributes == NULL) span->attributes = fl_object();
      take_attribute(reader, (uint8_t)key, span->attributes, copy);
    }
  }
}

static bool take_span(struct reader *reader, struct fl_span *ret_span, struct fl_buf *name, struct fl_buf *copy) {
  uint64_t kind = take_varint(reader), n = take_varint(reader), parent = take_varint(reader);
  *ret_span = (struct fl_span){.kind = kind < FL_SPAN_KIND_COUNT ? (enum fl_span_kind)kind : FL_SPAN_KIND_COUNT,
                               .n = (uint32_t)n,
                               .parent = (uint32_t)parent,
                               .start_us = take_int(reader),
                               .duration_us = 0};
  ret_span->duration_us = take_int(reader);
  ret_span->name = take_text(reader, name);
  take_attributes(reader, ret_span, copy);
  return !reader->has_failed && n > 0 && n <= UINT32_MAX && parent <= UINT32_MAX;
}

typedef void visit_fn(const struct fl_span *span, void *user);

static bool read_bytes(fl_slice row, visit_fn *visit, void *user) {
  struct reader reader = {(const uint8_t *)row.data + 1, (const uint8_t *)row.data + row.size, false};
  FL_BUF_AUTO name = {0}, copy = {0};
  bool is_row = true;
  while (is_row && reader.at < reader.end) {
    struct fl_span span;
    is_row = take_span(&reader, &span, &name, &copy);
    if (is_row && span.kind < FL_SPAN_KIND_COUNT) visit(&span, user);
    fl_value_unref(span.attributes);
  }
  return is_row;
}

/* ---- JSON ---- */

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

static bool read_json(fl_slice row, visit_fn *visit, void *user) {
  FL_VALUE_AUTO spans = NULL;
  bool is_row = fl_json_read(row, FL_JSON_STRICT, &spans, NULL) == 0 && fl_is(spans, FL_ARRAY);
  for (size_t i = 0; is_row && i < fl_size(spans); i++) {
    struct fl_span span;
    is_row = fl_is(fl_at(spans, i), FL_ARRAY) && read_span(fl_at(spans, i), &span);
    if (is_row && span.kind < FL_SPAN_KIND_COUNT) visit(&span, user);
  }
  return is_row;
}

int fl_spans_read(fl_slice row, visit_fn *visit, void *user, struct fl_error *err) {
  bool is_new = row.size > 0 && row.data[0] == FL_SPANS_FORMAT;
  bool is_row = is_new ? read_bytes(row, visit, user) : read_json(row, visit, user);
  return is_row ? 0 : fl_error_set(err, FL_E_CORRUPT, "a row of spans is damaged");
}
