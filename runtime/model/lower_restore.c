/* SPDX-License-Identifier: MIT */
#include "runtime/json/json.h"
#include "runtime/model/lower_merge.h"

struct restoring {
  const struct fl_value *root;
  enum fl_lower_dialect dialect;
};

/* The schema that a value is said to have; references followed. */
static const struct fl_value *schema_of(const struct restoring *restoring, const struct fl_value *schema) {
  for (int step = 0; step < FL_LOWER_DEPTH_MAX; step++) {
    const char *reference = fl_get_string(schema, "$ref", NULL);
    if (reference == NULL) break;
    schema = fl_lower_target(restoring->root, reference);
  }
  return schema;
}

/* As far as `depth` levels of alternatives tell. */
static bool may_be_in(const struct restoring *restoring, const struct fl_value *schema, const char *type, int depth) {
  schema = schema_of(restoring, schema);
  static const char *const either[] = {"anyOf", "oneOf", "allOf"};
  if (fl_lower_allows(schema, type)) return true;
  for (size_t i = 0; i < 3; i++) {
    const struct fl_value *list = fl_get(schema, either[i]);
    for (size_t k = 0; k < fl_size(list); k++)
      if (depth > 0 && may_be_in(restoring, fl_at(list, k), type, depth - 1)) return true;
  }
  const struct fl_value *values = fl_get(schema, "enum");
  for (size_t i = 0; strcmp(type, "null") == 0 && i < fl_size(values); i++)
    if (fl_is(fl_at(values, i), FL_NULL)) return true;
  return fl_get(schema, "type") == NULL && values == NULL && fl_get(schema, "const") == NULL &&
         fl_get(schema, "anyOf") == NULL && fl_get(schema, "oneOf") == NULL && fl_get(schema, "allOf") == NULL;
}

static bool may_be(const struct restoring *restoring, const struct fl_value *schema, const char *type) {
  enum { ALTERNATIVES_DEPTH_MAX = 4 };
  return may_be_in(restoring, schema, type, ALTERNATIVES_DEPTH_MAX);
}

static struct fl_value *restore(const struct restoring *restoring, const struct fl_value *schema,
                                const struct fl_value *value, int depth);

static struct fl_value *read_text(const struct restoring *restoring, const struct fl_value *schema,
                                  const struct fl_value *value) {
  struct fl_value *read = NULL;
  bool is_asked = restoring->dialect == FL_LOWER_GEMINI && fl_is(value, FL_STRING) &&
                  may_be(restoring, schema, "object") && !may_be(restoring, schema, "string");
  if (!is_asked) return NULL;
  if (fl_json_read(fl_slice_n(fl_as_string(value), fl_string_size(value)), FL_JSON_STRICT, &read, NULL) < 0)
    return NULL;
  return read;
}

static const char *original_key(const struct fl_value *properties, const char *key) {
  if (fl_get(properties, key) != NULL) return key;
  for (struct fl_member m = {0}; fl_next_member(properties, &m);) {
    char told[FL_LOWER_KEY_MAX + 1];
    fl_lower_key(m.key, told);
    if (strcmp(told, key) == 0) return m.key;
  }
  return key;
}

static struct fl_value *restore_object(const struct restoring *restoring, const struct fl_value *schema,
                                       const struct fl_value *value, int depth) {
  const struct fl_value *properties = fl_get(schema, "properties");
  struct fl_value *restored = fl_object();
  for (struct fl_member m = {0}; fl_next_member(value, &m);) {
    bool is_renamed = restoring->dialect == FL_LOWER_ANTHROPIC && depth == 0;
    const char *key = is_renamed ? original_key(properties, m.key) : m.key;
    const struct fl_value *property = fl_get(properties, key);
    bool is_left_out = restoring->dialect == FL_LOWER_OPENAI_STRICT && fl_is(m.value, FL_NULL) && property != NULL &&
                       !fl_lower_requires(schema, key) && !may_be(restoring, property, "null");
    if (is_left_out) continue;
    fl_set_take(restored, key, restore(restoring, property, m.value, depth + 1));
  }
  return restored;
}

static struct fl_value *restore(const struct restoring *restoring, const struct fl_value *schema,
                                const struct fl_value *value, int depth) {
  if (depth > FL_LOWER_DEPTH_MAX || schema == NULL) return fl_value_ref((struct fl_value *)value);
  schema = schema_of(restoring, schema);
  struct fl_value *read = read_text(restoring, schema, value);
  if (read != NULL) return read;
  if (fl_is(value, FL_OBJECT)) return restore_object(restoring, schema, value, depth);
  const struct fl_value *items = fl_get(schema, "items");
  if (!fl_is(value, FL_ARRAY) || items == NULL) return fl_value_ref((struct fl_value *)value);
  struct fl_value *restored = fl_array();
  for (size_t i = 0; i < fl_size(value); i++)
    fl_append_take(restored, restore(restoring, items, fl_at(value, i), depth + 1));
  return restored;
}

struct fl_value *fl_lower_restore(const struct fl_value *schema, enum fl_lower_dialect dialect,
                                  const struct fl_value *args) {
  struct restoring restoring = {schema, dialect};
  if (dialect == FL_LOWER_NONE) return fl_value_ref((struct fl_value *)args);
  return restore(&restoring, schema, args, 0);
}
