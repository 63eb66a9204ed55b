/* SPDX-License-Identifier: MIT */
/* Values without their containers: references, constructors, types, readers. Containers are in container.c. */
#include "runtime/json/raw.h"
#include "runtime/json/utf8.h"

#include <math.h>
#include <stdio.h>

struct fl_value *fl_value_ref(struct fl_value *value) {
  return fl_cooked(json_incref(fl_raw(value)));
}

void fl_value_unref(struct fl_value *value) { json_decref(fl_raw(value)); }

struct fl_value *fl_null(void) {
  return fl_cooked(json_null());
}

struct fl_value *fl_bool(bool value) {
  return fl_cooked(json_boolean(value));
}

struct fl_value *fl_int(int64_t value) {
  return fl_cooked(fl_raw_must(json_integer(value)));
}

struct fl_value *fl_double(double value) {
  return isfinite(value) ? fl_cooked(fl_raw_must(json_real(value))) : fl_null();
}

struct fl_value *fl_string(const char *text) {
  return fl_string_n(text, strlen(text));
}

struct fl_value *fl_string_n(const char *text, size_t size) {
  if (size == 0) text = "";
  if (fl_utf8_valid_size(text, size) == size) return fl_cooked(fl_raw_must(json_stringn_nocheck(text, size)));
  FL_BUF_AUTO repaired;
  fl_buf_init(&repaired, SIZE_MAX / 2);
  fl_utf8_repair(&repaired, fl_slice_n(text, size));
  return fl_cooked(fl_raw_must(json_stringn_nocheck(repaired.data, repaired.size)));
}

struct fl_value *fl_stringf(const char *format, ...) {
  va_list args;
  va_start(args, format);
  FL_BUF_AUTO text;
  fl_buf_init(&text, SIZE_MAX / 2);
  fl_buf_vaddf(&text, format, args);
  va_end(args);
  return fl_string_n(text.data, text.size);
}

struct fl_value *fl_array(void) {
  return fl_cooked(fl_raw_must(json_array()));
}

struct fl_value *fl_object(void) {
  return fl_cooked(fl_raw_must(json_object()));
}

enum fl_type fl_type_of(const struct fl_value *value) {
  if (value == NULL) return FL_NULL;
  switch (json_typeof(fl_raw(value))) {
  case JSON_OBJECT: return FL_OBJECT;
  case JSON_ARRAY: return FL_ARRAY;
  case JSON_STRING: return FL_STRING;
  case JSON_INTEGER: return FL_INT;
  case JSON_REAL: return FL_DOUBLE;
  case JSON_TRUE:
  case JSON_FALSE: return FL_BOOL;
  case JSON_NULL: break;
  }
  return FL_NULL;
}

const char *fl_type_name(enum fl_type type) {
  static const char *const names[] = {"null", "boolean", "integer", "number", "string", "array", "object"};
  return names[type];
}

bool fl_as_bool(const struct fl_value *value, bool fallback) {
  return fl_is(value, FL_BOOL) ? json_is_true(fl_raw(value)) : fallback;
}

int64_t fl_as_int(const struct fl_value *value, int64_t fallback) {
  if (fl_is(value, FL_INT)) return json_integer_value(fl_raw(value));
  if (!fl_is(value, FL_DOUBLE)) return fallback;
  double number = json_real_value(fl_raw(value));
  bool fits = number >= -0x1p63 && number < 0x1p63 && number == trunc(number);
  return fits ? (int64_t)number : fallback;
}

double fl_as_double(const struct fl_value *value, double fallback) {
  return fl_is_number(value) ? json_number_value(fl_raw(value)) : fallback;
}

const char *fl_as_string(const struct fl_value *value) { return json_string_value(fl_raw(value)); }

size_t fl_string_size(const struct fl_value *value) { return json_string_length(fl_raw(value)); }
