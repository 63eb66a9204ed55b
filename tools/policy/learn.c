/* SPDX-License-Identifier: MIT */
/* See the header. What is learned is no more than what was seen: an argument that was always there is required, a value
 * among the few that occurred is the only one, a number is within what occurred. */
#include "tools/policy/learn.h"

#include "runtime/base/mem.h"
#include "runtime/json/json.h"

#include <string.h>

enum { VALUES_MAX = 8, DEPTH_MAX = 6 };

void fl_manifest_learn_call(struct fl_value *recorded, const char *tool, struct fl_value *args) {
  struct fl_value *entry = fl_get(recorded, tool);
  if (entry == NULL) {
    fl_set_take(recorded, tool, fl_object());
    entry = fl_get(recorded, tool);
    fl_set_take(entry, "args", fl_array());
  }
  fl_set_int(entry, "count", fl_get_int(entry, "count", 0) + 1);
  fl_append_take(fl_get(entry, "args"), args != NULL ? fl_value_ref(args) : fl_object());
}

/* ---- schemas of what was seen ---- */

static struct fl_value *schema_of(const struct fl_value *values, int depth);

static bool holds(const struct fl_value *values, const struct fl_value *value) {
  for (size_t i = 0; i < fl_size(values); i++)
    if (fl_equal(fl_at(values, i), value)) return true;
  return false;
}

/* Those that differ, as far as there are no more than a few; NULL: there are more. */
static struct fl_value *distinct(const struct fl_value *values) {
  struct fl_value *found = fl_array();
  for (size_t i = 0; i < fl_size(values); i++) {
    if (holds(found, fl_at(values, i))) continue;
    if (fl_size(found) == VALUES_MAX) {
      fl_value_unref(found);
      return NULL;
    }
    fl_append_take(found, fl_value_ref(fl_at(values, i)));
  }
  return found;
}

static bool are_all(const struct fl_value *values, enum fl_type type) {
  for (size_t i = 0; i < fl_size(values); i++)
    if (fl_type_of(fl_at(values, i)) != type) return false;
  return fl_size(values) > 0;
}

static bool are_numbers(const struct fl_value *values) {
  for (size_t i = 0; i < fl_size(values); i++)
    if (fl_type_of(fl_at(values, i)) != FL_INT && fl_type_of(fl_at(values, i)) != FL_DOUBLE) return false;
  return fl_size(values) > 0;
}

static struct fl_value *number_schema(const struct fl_value *values) {
  struct fl_value *schema = fl_object(), *least = fl_at(values, 0), *most = least;
  for (size_t i = 1; i < fl_size(values); i++) {
    struct fl_value *one = fl_at(values, i);
    if (fl_as_double(one, 0) < fl_as_double(least, 0)) least = one;
    if (fl_as_double(one, 0) > fl_as_double(most, 0)) most = one;
  }
  fl_set_string(schema, "type", are_all(values, FL_INT) ? "integer" : "number");
  fl_set_take(schema, "minimum", fl_value_ref(least));
  fl_set_take(schema, "maximum", fl_value_ref(most));
  return schema;
}

static struct fl_value *text_schema(const struct fl_value *values) {
  struct fl_value *schema = fl_object();
  size_t longest = 0;
  for (size_t i = 0; i < fl_size(values); i++) {
    const char *text = fl_as_string(fl_at(values, i));
    size_t length = 0; /* in characters, as maxLength counts */
    for (size_t j = 0; j < fl_string_size(fl_at(values, i)); j++) length += ((unsigned char)text[j] & 0xc0) != 0x80;
    if (length > longest) longest = length;
  }
  fl_set_string(schema, "type", "string");
  fl_set_int(schema, "maxLength", (int64_t)longest);
  return schema;
}

static struct fl_value *list_schema(const struct fl_value *values, int depth) {
  struct fl_value *schema = fl_object();
  FL_VALUE_AUTO elements = fl_array();
  size_t longest = 0;
  for (size_t i = 0; i < fl_size(values); i++) {
    const struct fl_value *list = fl_at(values, i);
    if (fl_size(list) > longest) longest = fl_size(list);
    for (size_t j = 0; j < fl_size(list); j++) fl_append_take(elements, fl_value_ref(fl_at(list, j)));
  }
  fl_set_string(schema, "type", "array");
  fl_set_int(schema, "maxItems", (int64_t)longest);
  if (fl_size(elements) > 0) fl_set_take(schema, "items", schema_of(elements, depth - 1));
  return schema;
}

/* The values that a member had; *ret_always: it was never left out. */
static struct fl_value *members(const struct fl_value *values, const char *key, bool *ret_always) {
  struct fl_value *found = fl_array();
  for (size_t i = 0; i < fl_size(values); i++) {
    struct fl_value *one = fl_get(fl_at(values, i), key);
    if (one != NULL) fl_append_take(found, fl_value_ref(one));
  }
  *ret_always = fl_size(found) == fl_size(values);
  return found;
}

static struct fl_value *object_schema(const struct fl_value *values, int depth) {
  struct fl_value *schema = fl_object(), *properties = fl_object(), *required = fl_array();
  fl_set_string(schema, "type", "object");
  for (size_t i = 0; i < fl_size(values); i++)
    for (struct fl_member m = {0}; fl_next_member(fl_at(values, i), &m);) {
      bool is_always = false;
      if (fl_get(properties, m.key) != NULL) continue;
      FL_VALUE_AUTO seen = members(values, m.key, &is_always);
      fl_set_take(properties, m.key, schema_of(seen, depth - 1));
      if (is_always) fl_append_take(required, fl_string_n(m.key, m.key_size));
    }
  bool are_all_required = fl_size(required) == fl_size(properties);
  fl_set_take(schema, "properties", properties);
  if (are_all_required) fl_value_unref(required); /* which silence means */
  else fl_set_take(schema, "required", required);
  fl_set_bool(schema, "additionalProperties", false);
  return schema;
}

static struct fl_value *schema_of(const struct fl_value *values, int depth) {
  if (depth > 0 && are_all(values, FL_OBJECT)) return object_schema(values, depth);
  if (depth > 0 && are_all(values, FL_ARRAY)) return list_schema(values, depth);
  struct fl_value *few = distinct(values);
  if (few == NULL && are_numbers(values)) return number_schema(values);
  if (few == NULL && are_all(values, FL_STRING)) return text_schema(values);
  struct fl_value *schema = fl_object();
  if (few != NULL) fl_set_take(schema, "enum", few);
  return schema;
}

struct fl_value *fl_manifest_learned(const struct fl_value *recorded, const char *id) {
  struct fl_value *manifest = fl_object(), *tools = fl_array();
  fl_set_int(manifest, "manifest", 1);
  fl_set_string(manifest, "id", id);
  fl_set_string(manifest, "description", "Learned from recorded calls: read it before you rely on it.");
  for (struct fl_member m = {0}; fl_next_member(recorded, &m);) {
    struct fl_value *rule = fl_object();
    fl_set_string(rule, "match", m.key);
    fl_set_take(rule, "args", object_schema(fl_get(m.value, "args"), DEPTH_MAX));
    fl_set_int(rule, "max_calls", fl_get_int(m.value, "count", 0));
    fl_append_take(tools, rule);
  }
  fl_set_take(manifest, "tools", tools);
  return manifest;
}
