/* SPDX-License-Identifier: MIT */
/* Comparing and weighing whole values. Recursive: depth is bounded where values come from (the readers). */
#include "runtime/json/raw.h"

/* Whether a number is whole and within 64 bits. */
static bool is_integer(const struct fl_value *number, int64_t *ret_integer) {
  *ret_integer = fl_as_int(number, 0);
  return *ret_integer != 0 || fl_as_int(number, 1) == 0;
}

static bool numbers_equal(const struct fl_value *a, const struct fl_value *b) {
  if (fl_is(a, FL_DOUBLE) && fl_is(b, FL_DOUBLE)) return fl_as_double(a, 0) == fl_as_double(b, 0);
  int64_t x, y;
  return is_integer(a, &x) && is_integer(b, &y) && x == y;
}

static bool arrays_equal(const struct fl_value *a, const struct fl_value *b) {
  if (fl_size(a) != fl_size(b)) return false;
  for (size_t i = 0; i < fl_size(a); i++)
    if (!fl_equal(fl_at(a, i), fl_at(b, i))) return false;
  return true;
}

static bool objects_equal(const struct fl_value *a, const struct fl_value *b) {
  if (fl_size(a) != fl_size(b)) return false;
  struct fl_member member = {0};
  while (fl_next_member(a, &member)) {
    struct fl_value *other = fl_get_n(b, member.key, member.key_size);
    if (other == NULL || !fl_equal(member.value, other)) return false;
  }
  return true;
}

static fl_slice string_slice(const struct fl_value *string) {
  return fl_slice_n(fl_as_string(string), fl_string_size(string));
}

bool fl_equal(const struct fl_value *a, const struct fl_value *b) {
  if (a == b) return true;
  if (fl_is_number(a) && fl_is_number(b)) return numbers_equal(a, b);
  enum fl_type type = fl_type_of(a);
  if (type != fl_type_of(b)) return false;
  switch (type) {
  case FL_BOOL: return fl_as_bool(a, false) == fl_as_bool(b, false);
  case FL_STRING: return fl_slice_equal(string_slice(a), string_slice(b));
  case FL_ARRAY: return arrays_equal(a, b);
  case FL_OBJECT: return objects_equal(a, b);
  default: return true; /* null */
  }
}

/* What jansson 2.14 and malloc take: measured against mallinfo2 within a quarter. */
enum { SCALAR_WEIGHT = 32, STRING_WEIGHT = 64, ARRAY_WEIGHT = 64, OBJECT_WEIGHT = 96, MEMBER_WEIGHT = 96 };

static size_t object_weight(const struct fl_value *object) {
  size_t weight = OBJECT_WEIGHT + 128;
  struct fl_member member = {0};
  while (fl_next_member(object, &member)) weight += MEMBER_WEIGHT + member.key_size + fl_json_weight(member.value);
  return weight;
}

size_t fl_json_weight(const struct fl_value *value) {
  switch (fl_type_of(value)) {
  case FL_INT:
  case FL_DOUBLE: return SCALAR_WEIGHT;
  case FL_STRING: return STRING_WEIGHT + fl_string_size(value);
  case FL_OBJECT: return object_weight(value);
  case FL_ARRAY: break;
  default: return 0; /* null and booleans are shared by all */
  }
  size_t weight = ARRAY_WEIGHT + sizeof(void *) * (fl_size(value) < 8 ? 8 : fl_size(value));
  for (size_t i = 0; i < fl_size(value); i++) weight += fl_json_weight(fl_at(value, i));
  return weight;
}
