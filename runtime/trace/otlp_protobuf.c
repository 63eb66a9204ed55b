/* SPDX-License-Identifier: MIT */
/* OTLP in protobuf, out of its JSON form: each message is a table of its fields, with the numbers of the official
 * definitions (opentelemetry-proto 1.x, trace/v1 and common/v1), and one writer walks value and table together. */
#include "runtime/base/mem.h"
#include "runtime/trace/otlp.h"

#include <stdlib.h>
#include <string.h>

enum wire { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };
enum type { TEXT, HEX, VARINT, FIXED64, FIXED32, BOOLEAN, DOUBLE, MESSAGE, MESSAGES };

struct field {
  const char *name; /* in JSON */
  unsigned number;
  enum type type;
  const struct field *message; /* its fields, which end with one without a name */
};

enum { ARRAY_FIELDS = 2 };
static const struct field array_value[ARRAY_FIELDS];
static const struct field any_value[] = {{"stringValue", 1, TEXT, NULL},          {"boolValue", 2, BOOLEAN, NULL},
                                         {"intValue", 3, VARINT, NULL},           {"doubleValue", 4, DOUBLE, NULL},
                                         {"arrayValue", 5, MESSAGE, array_value}, {NULL, 0, TEXT, NULL}};
static const struct field array_value[ARRAY_FIELDS] = {{"values", 1, MESSAGES, any_value}, {NULL, 0, TEXT, NULL}};
static const struct field key_value[] = {
    {"key", 1, TEXT, NULL}, {"value", 2, MESSAGE, any_value}, {NULL, 0, TEXT, NULL}};
static const struct field status[] = {{"message", 2, TEXT, NULL}, {"code", 3, VARINT, NULL}, {NULL, 0, TEXT, NULL}};
static const struct field span[] = {{"traceId", 1, HEX, NULL},
                                    {"spanId", 2, HEX, NULL},
                                    {"traceState", 3, TEXT, NULL},
                                    {"parentSpanId", 4, HEX, NULL},
                                    {"name", 5, TEXT, NULL},
                                    {"kind", 6, VARINT, NULL},
                                    {"startTimeUnixNano", 7, FIXED64, NULL},
                                    {"endTimeUnixNano", 8, FIXED64, NULL},
                                    {"attributes", 9, MESSAGES, key_value},
                                    {"status", 15, MESSAGE, status},
                                    {"flags", 16, FIXED32, NULL},
                                    {NULL, 0, TEXT, NULL}};
static const struct field scope[] = {{"name", 1, TEXT, NULL}, {"version", 2, TEXT, NULL}, {NULL, 0, TEXT, NULL}};
static const struct field scope_spans[] = {
    {"scope", 1, MESSAGE, scope}, {"spans", 2, MESSAGES, span}, {"schemaUrl", 3, TEXT, NULL}, {NULL, 0, TEXT, NULL}};
static const struct field resource[] = {{"attributes", 1, MESSAGES, key_value}, {NULL, 0, TEXT, NULL}};
static const struct field resource_spans[] = {
    {"resource", 1, MESSAGE, resource}, {"scopeSpans", 2, MESSAGES, scope_spans}, {NULL, 0, TEXT, NULL}};
static const struct field request_fields[] = {{"resourceSpans", 1, MESSAGES, resource_spans}, {NULL, 0, TEXT, NULL}};

/* ---- numbers ---- */

static void put_varint(struct fl_buf *out, uint64_t number) {
  while (number >= 0x80) {
    fl_buf_add_char(out, (char)(number | 0x80));
    number >>= 7;
  }
  fl_buf_add_char(out, (char)number);
}

static void put_tag(struct fl_buf *out, unsigned number, enum wire wire) { put_varint(out, number << 3 | wire); }

static void put_fixed(struct fl_buf *out, uint64_t number, size_t size) {
  for (size_t i = 0; i < size; i++) fl_buf_add_char(out, (char)(number >> (8 * i)));
}

/* 64-bit numbers are texts in JSON. */
static int64_t number_of(const struct fl_value *value) {
  return fl_is(value, FL_STRING) ? strtoll(fl_as_string(value), NULL, 10) : fl_as_int(value, 0);
}

static void put_double(struct fl_buf *out, const struct field *field, const struct fl_value *value) {
  double number = fl_as_double(value, 0);
  uint64_t bits;
  memcpy(&bits, &number, sizeof bits);
  put_tag(out, field->number, WIRE_FIXED64);
  put_fixed(out, bits, sizeof bits);
}

static int nibble(char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : 0; }

static void put_hex(struct fl_buf *out, const struct field *field, const struct fl_value *value) {
  size_t size = fl_string_size(value) / 2;
  const char *text = fl_as_string(value);
  put_tag(out, field->number, WIRE_BYTES);
  put_varint(out, size);
  for (size_t i = 0; i < size; i++) fl_buf_add_char(out, (char)(nibble(text[2 * i]) << 4 | nibble(text[2 * i + 1])));
}

/* ---- messages ---- */

static void put_message(struct fl_buf *out, const struct field *fields, const struct fl_value *value);

static void put_bytes(struct fl_buf *out, unsigned number, fl_slice bytes) {
  put_tag(out, number, WIRE_BYTES);
  put_varint(out, bytes.size);
  fl_buf_add(out, bytes.data, bytes.size);
}

static void put_inner(struct fl_buf *out, const struct field *field, const struct fl_value *value) {
  FL_BUF_AUTO inner = {.limit = out->limit};
  put_message(&inner, field->message, value);
  if (inner.failed) out->failed = true;
  put_bytes(out, field->number, fl_slice_n(inner.data != NULL ? inner.data : "", inner.size));
}

static void put_field(struct fl_buf *out, const struct field *field, const struct fl_value *value) {
  switch (field->type) {
  case TEXT: put_bytes(out, field->number, fl_slice_n(fl_as_string(value), fl_string_size(value))); return;
  case HEX: put_hex(out, field, value); return;
  case VARINT:
    put_tag(out, field->number, WIRE_VARINT);
    put_varint(out, (uint64_t)number_of(value));
    return;
  case BOOLEAN:
    put_tag(out, field->number, WIRE_VARINT);
    put_varint(out, fl_as_bool(value, false));
    return;
  case FIXED64:
    put_tag(out, field->number, WIRE_FIXED64);
    put_fixed(out, (uint64_t)number_of(value), 8);
    return;
  case FIXED32:
    put_tag(out, field->number, WIRE_FIXED32);
    put_fixed(out, (uint64_t)number_of(value), 4);
    return;
  case DOUBLE: put_double(out, field, value); return;
  case MESSAGE: put_inner(out, field, value); return;
  case MESSAGES:
    for (size_t i = 0; i < fl_size(value); i++) put_inner(out, field, fl_at(value, i));
    return;
  }
}

static void put_message(struct fl_buf *out, const struct field *fields, const struct fl_value *value) {
  for (; fields->name != NULL; fields++) {
    const struct fl_value *member = fl_get(value, fields->name);
    if (member != NULL) put_field(out, fields, member);
  }
}

int fl_otlp_encode(const struct fl_value *request, struct fl_buf *out) {
  put_message(out, request_fields, request);
  return out->failed ? FL_E_LIMIT : 0;
}
