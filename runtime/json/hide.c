/* SPDX-License-Identifier: MIT */
#include "runtime/json/hide.h"

#include "runtime/json/json.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static fl_slice slice_of(const struct fl_value *value) {
  return fl_slice_n(fl_as_string(value), fl_string_size(value));
}

/* A number as its digits, when numbers are looked at. */
static fl_slice digits_of(const struct fl_known *known, const struct fl_value *value, char room[24]) {
  if (!fl_known_has_digits(known) || !fl_is(value, FL_INT)) return (fl_slice){0};
  snprintf(room, 24, "%" PRId64, fl_as_int(value, 0));
  return fl_slice_of(room);
}

static bool finds(const struct fl_known *known, const struct fl_value *value) {
  char room[24];
  if (fl_is(value, FL_STRING)) return fl_known_finds(known, slice_of(value));
  for (size_t i = 0; fl_is(value, FL_ARRAY) && i < fl_size(value); i++)
    if (finds(known, fl_at(value, i))) return true;
  for (struct fl_member m = {0}; fl_is(value, FL_OBJECT) && fl_next_member(value, &m);)
    if (fl_known_finds(known, fl_slice_n(m.key, m.key_size)) || finds(known, m.value)) return true;
  return fl_known_finds(known, digits_of(known, value, room));
}

static struct fl_value *hide_text(const struct fl_known *known, fl_slice text) {
  FL_BUF_AUTO out = {.limit = FL_KNOWN_TEXT_MAX};
  fl_known_hide(known, text, &out);
  return fl_string_n(out.data != NULL ? out.data : "", out.size);
}

static struct fl_value *rebuild(const struct fl_known *known, const struct fl_value *value);

static struct fl_value *rebuild_members(const struct fl_known *known, const struct fl_value *value) {
  struct fl_value *copy = fl_object();
  for (struct fl_member m = {0}; fl_next_member(value, &m);) {
    FL_BUF_AUTO key = {0};
    fl_known_hide(known, fl_slice_n(m.key, m.key_size), &key);
    fl_set_take_n(copy, key.data != NULL ? key.data : "", key.size, rebuild(known, m.value));
  }
  return copy;
}

/* Of a value that holds one, somewhere: looking again at each level would cost the depth. */
static struct fl_value *rebuild(const struct fl_known *known, const struct fl_value *value) {
  char room[24];
  fl_slice digits = digits_of(known, value, room);
  if (fl_is(value, FL_STRING)) return hide_text(known, slice_of(value));
  if (fl_is(value, FL_OBJECT)) return rebuild_members(known, value);
  if (fl_known_finds(known, digits)) return hide_text(known, digits);
  if (!fl_is(value, FL_ARRAY)) return fl_value_ref((struct fl_value *)(uintptr_t)value);
  struct fl_value *copy = fl_array();
  for (size_t i = 0; i < fl_size(value); i++) fl_append_take(copy, rebuild(known, fl_at(value, i)));
  return copy;
}

struct fl_value *fl_hide_value(const struct fl_known *known, const struct fl_value *value) {
  bool has_one = known != NULL && value != NULL && finds(known, value);
  return has_one ? rebuild(known, value) : fl_value_ref((struct fl_value *)(uintptr_t)value);
}

bool fl_hide_json(const struct fl_known *known, fl_slice json, struct fl_buf *out) {
  if (known == NULL) return false;
  FL_VALUE_AUTO value = NULL;
  if (fl_parse(json.data, json.size, &value, NULL) < 0) {
    bool is_found = fl_known_finds(known, json);
    if (is_found) fl_known_hide(known, json, out);
    return is_found;
  }
  FL_VALUE_AUTO shown = fl_hide_value(known, value);
  if (shown == value) return false;
  fl_json_write(out, shown, FL_JSON_COMPACT);
  return true;
}
