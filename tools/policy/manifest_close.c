/* SPDX-License-Identifier: MIT */
/* A schema of arguments as an operator writes it, made into one that lets nothing through by silence. Pure.
 *
 * Invariants. (1) An object that does not say otherwise has no members that it does not name, and all that it names.
 * (2) A pattern is one of the whole text. (3) What stands under `not` and `if` is left as it is: there, closing and
 * anchoring would let more through, and a reference out of it could not be judged, so it is refused. */
#include "runtime/base/mem.h"
#include "runtime/json/json.h"
#include "runtime/json/regex.h"
#include "tools/policy/canonical.h"
#include "tools/policy/manifest_impl.h"

#include <string.h>

enum place { WHOLE, PART, RAW }; /* the whole value; one of several schemas of it; under not or if */

struct closing {
  struct fl_buf *pointer;
  struct fl_error *err;
};

static struct fl_value *close_one(const struct closing *closing, const struct fl_value *schema, enum place place);

static const struct {
  const char *key;
  enum { ONE, LIST, MAP } shape;
  enum place place;
} keywords[] = {{"properties", MAP, WHOLE},
                {"patternProperties", MAP, WHOLE},
                {"$defs", MAP, WHOLE},
                {"definitions", MAP, WHOLE},
                {"items", ONE, WHOLE},
                {"prefixItems", LIST, WHOLE},
                {"additionalProperties", ONE, WHOLE},
                {"unevaluatedProperties", ONE, WHOLE},
                {"allOf", LIST, PART},
                {"anyOf", LIST, PART},
                {"oneOf", LIST, PART},
                {"then", ONE, PART},
                {"else", ONE, PART},
                {"dependentSchemas", MAP, PART},
                {"if", ONE, RAW},
                {"not", ONE, RAW},
                {"contains", ONE, RAW}};

/* ---- pointers of what is wrong ---- */

static size_t enter(const struct closing *closing, fl_slice token) {
  size_t size = closing->pointer->size;
  fl_json_pointer_add(closing->pointer, token);
  return size;
}

static void leave(const struct closing *closing, size_t size) {
  closing->pointer->size = size;
  closing->pointer->data[size] = '\0';
}

/* ---- one keyword ---- */

static struct fl_value *close_map(const struct closing *closing, const struct fl_value *map, enum place place) {
  FL_VALUE_AUTO closed = fl_object();
  for (struct fl_member m = {0}; fl_next_member(map, &m);) {
    size_t size = enter(closing, fl_slice_n(m.key, m.key_size));
    struct fl_value *value = close_one(closing, m.value, place);
    if (value == NULL) return NULL;
    leave(closing, size);
    fl_set_take_n(closed, m.key, m.key_size, value);
  }
  return fl_value_ref(closed);
}

static struct fl_value *close_list(const struct closing *closing, const struct fl_value *list, enum place place) {
  FL_VALUE_AUTO closed = fl_array();
  for (size_t i = 0; i < fl_size(list); i++) {
    char number[FL_DECIMAL_SIZE];
    size_t size = enter(closing, fl_slice_n(number, fl_decimal(i, number)));
    struct fl_value *value = close_one(closing, fl_at(list, i), place);
    if (value == NULL) return NULL;
    leave(closing, size);
    fl_append_take(closed, value);
  }
  return fl_value_ref(closed);
}

static bool close_keyword(const struct closing *closing, struct fl_value *schema, size_t index, enum place outer) {
  const char *key = keywords[index].key;
  const struct fl_value *value = fl_get(schema, key);
  enum place place = outer == RAW ? RAW : keywords[index].place;
  if (place == WHOLE && outer == PART && strcmp(key, "properties") != 0 && strcmp(key, "items") != 0) place = PART;
  if (value == NULL) return true;
  size_t size = enter(closing, fl_slice_of(key));
  struct fl_value *closed = NULL;
  if (keywords[index].shape == MAP && fl_is(value, FL_OBJECT)) closed = close_map(closing, value, place);
  else if (fl_is(value, FL_ARRAY)) closed = close_list(closing, value, place); /* also items of draft-07 */
  else closed = close_one(closing, value, place);
  if (closed == NULL) return false;
  leave(closing, size);
  fl_set_take(schema, key, closed);
  return true;
}

/* ---- what silence means ---- */

static bool has_any(const struct fl_value *schema, const char *const *keys) {
  for (; *keys != NULL; keys++)
    if (fl_get(schema, *keys) != NULL) return true;
  return false;
}

static bool is_of_objects(const struct fl_value *schema) {
  static const char *const members[] = {"properties", "patternProperties", "required", NULL};
  const struct fl_value *type = fl_get(schema, "type");
  bool is_object = strcmp(fl_get_string(schema, "type", ""), "object") == 0;
  for (size_t i = 0; fl_is(type, FL_ARRAY) && i < fl_size(type); i++)
    is_object |= fl_as_string(fl_at(type, i)) != NULL && strcmp(fl_as_string(fl_at(type, i)), "object") == 0;
  return is_object || has_any(schema, members);
}

static void close_members(struct fl_value *schema) {
  static const char *const said[] = {"additionalProperties", "unevaluatedProperties", NULL};
  static const char *const beside[] = {"allOf",       "anyOf", "oneOf", "then", "else", "$ref", "dependentSchemas",
                                       "$dynamicRef", NULL};
  bool has_more = has_any(schema, beside);
  if (!has_any(schema, said)) fl_set_bool(schema, has_more ? "unevaluatedProperties" : "additionalProperties", false);
  if (fl_get(schema, "required") != NULL || fl_get(schema, "properties") == NULL) return;
  struct fl_value *required = fl_array();
  for (struct fl_member m = {0}; fl_next_member(fl_get(schema, "properties"), &m);)
    fl_append_take(required, fl_string_n(m.key, m.key_size));
  fl_set_take(schema, "required", required);
}

/* Alone it must be a pattern, too: "a)|(?:b" would break out of the group. NULL when it is none. */
static char *anchor_text(const struct closing *closing, fl_slice pattern) {
  struct fl_regex *regex = NULL;
  if (fl_regex_create(pattern, &regex, closing->err) < 0) return NULL;
  fl_regex_destroy(regex);
  return fl_format("^(?:%s)$", pattern.data);
}

static bool anchor(const struct closing *closing, struct fl_value *schema) {
  const struct fl_value *pattern = fl_get(schema, "pattern");
  if (!fl_is(pattern, FL_STRING)) return true;
  size_t size = enter(closing, FL_SLICE("pattern"));
  FL_FREE_AUTO char *anchored = anchor_text(closing, fl_slice_n(fl_as_string(pattern), fl_string_size(pattern)));
  if (anchored == NULL) return false;
  leave(closing, size);
  fl_set_string(schema, "pattern", anchored);
  return true;
}

/* The names of patternProperties are patterns, too. */
static bool anchor_names(const struct closing *closing, struct fl_value *schema) {
  const struct fl_value *map = fl_get(schema, "patternProperties");
  if (!fl_is(map, FL_OBJECT)) return true;
  size_t size = enter(closing, FL_SLICE("patternProperties"));
  FL_VALUE_AUTO anchored = fl_object();
  for (struct fl_member m = {0}; fl_next_member(map, &m);) {
    FL_FREE_AUTO char *name = anchor_text(closing, fl_slice_n(m.key, m.key_size));
    if (name == NULL) return false;
    fl_set_take(anchored, name, fl_value_ref(m.value));
  }
  leave(closing, size);
  fl_set_take(schema, "patternProperties", fl_value_ref(anchored));
  return true;
}

/* Constants are compared with values in their one spelling, so they take it, too. */
static struct fl_value *spell(const struct closing *closing, enum fl_canonical kind, const struct fl_value *constant) {
  static const struct fl_canonical_facts anywhere = {.allows_private = true};
  if (!fl_is(constant, FL_STRING)) return fl_value_ref((struct fl_value *)constant);
  FL_BUF_AUTO text = {0};
  fl_slice given = fl_slice_n(fl_as_string(constant), fl_string_size(constant));
  if (fl_canonical_text(kind, given, &anywhere, &text, closing->err) < 0) return NULL;
  return fl_string_n(text.size > 0 ? text.data : "", text.size);
}

static bool spell_constants(const struct closing *closing, struct fl_value *schema) {
  enum fl_canonical kind = fl_canonical_kind(schema);
  const struct fl_value *constant = fl_get(schema, "const"), *list = fl_get(schema, "enum");
  size_t size = enter(closing, constant != NULL ? FL_SLICE("const") : FL_SLICE("enum"));
  struct fl_value *spelled = constant != NULL ? spell(closing, kind, constant) : NULL;
  if (constant != NULL && spelled == NULL) return false;
  if (spelled != NULL) fl_set_take(schema, "const", spelled);
  FL_VALUE_AUTO all = fl_array();
  for (size_t i = 0; fl_is(list, FL_ARRAY) && i < fl_size(list); i++) {
    struct fl_value *one = spell(closing, kind, fl_at(list, i));
    if (one == NULL) return false;
    fl_append_take(all, one);
  }
  if (fl_size(all) > 0) fl_set_take(schema, "enum", fl_value_ref(all));
  leave(closing, size);
  return true;
}

static struct fl_value *close_one(const struct closing *closing, const struct fl_value *schema, enum place place) {
  static const char *const references[] = {"$ref", "$dynamicRef", NULL};
  if (!fl_is(schema, FL_OBJECT)) return fl_value_ref((struct fl_value *)schema);
  if (place == RAW && has_any(schema, references)) {
    fl_error_set(closing->err, FL_E_INVALID, "a $ref under \"not\", \"if\" or \"contains\" is not read: write it out");
    return NULL;
  }
  FL_VALUE_AUTO closed = fl_copy_shallow(schema);
  for (size_t i = 0; i < sizeof keywords / sizeof keywords[0]; i++)
    if (!close_keyword(closing, closed, i, place)) return NULL;
  if (place != RAW && (!anchor(closing, closed) || !anchor_names(closing, closed))) return NULL;
  if (!spell_constants(closing, closed)) return NULL;
  if (place == WHOLE && is_of_objects(closed)) close_members(closed);
  return fl_value_ref(closed);
}

struct fl_value *fl_manifest_close_args(const struct fl_value *args, struct fl_buf *ret_pointer, struct fl_error *err) {
  FL_VALUE_AUTO typed = fl_copy_shallow(args);
  if (fl_get(typed, "type") == NULL) fl_set_string(typed, "type", "object");
  return close_one(&(struct closing){ret_pointer, err}, typed, WHOLE);
}
