/* SPDX-License-Identifier: MIT */
/* A value and its schema, walked together. Pure; the depth of the walk is that of the value, which the reader of JSON
 * bounds, and the search in a schema has a bound of its own. */
#include "tools/policy/canonical.h"

#include "runtime/base/id.h"
#include "runtime/base/mem.h"
#include "runtime/json/json.h"

#include <fairlead/error.h>
#include <string.h>

enum { SEARCH_MAX = 256 }; /* schemas that are looked at for one value */

struct walk {
  const struct fl_value *root; /* references are into it */
  const struct fl_canonical_facts *facts;
  struct fl_buf *pointer;
  struct fl_error *err;
};

/* ---- what a schema says about a place ---- */

static enum fl_canonical kind_of_format(const char *format) {
  static const struct {
    const char *format;
    enum fl_canonical kind;
  } rows[] = {{"uri", FL_CANONICAL_URL},       {"url", FL_CANONICAL_URL},   {"iri", FL_CANONICAL_URL},
              {"hostname", FL_CANONICAL_HOST}, {"ipv4", FL_CANONICAL_HOST}, {"ipv6", FL_CANONICAL_HOST},
              {"email", FL_CANONICAL_EMAIL},   {"path", FL_CANONICAL_PATH}};
  for (size_t i = 0; format != NULL && i < sizeof rows / sizeof rows[0]; i++)
    if (strcmp(rows[i].format, format) == 0) return rows[i].kind;
  return FL_CANONICAL_NONE;
}

enum fl_canonical fl_canonical_kind(const struct fl_value *schema) {
  enum fl_canonical kind = kind_of_format(fl_get_string(schema, "format", NULL));
  if (kind != FL_CANONICAL_NONE) return kind;
  bool is_limited =
      fl_get(schema, "pattern") != NULL || fl_get(schema, "enum") != NULL || fl_get(schema, "const") != NULL;
  return is_limited ? FL_CANONICAL_TEXT : FL_CANONICAL_NONE;
}

/* Looks at a schema and at those that stand for the same value, until `look` says that it has found something. */
struct search {
  bool (*look)(const struct fl_value *schema, struct search *search);
  const char *key; /* of the member that is looked for */
  enum fl_canonical kind;
  const struct fl_value *child;
  size_t left;
};

static bool search_in(const struct walk *walk, const struct fl_value *schema, struct search *search) {
  static const char *const lists[] = {"allOf", "anyOf", "oneOf"}, *const ones[] = {"then", "else"};
  if (!fl_is(schema, FL_OBJECT) || search->left == 0) return false;
  search->left--;
  if (search->look(schema, search)) return true;
  for (size_t i = 0; i < 3; i++)
    for (size_t j = 0; j < fl_size(fl_get(schema, lists[i])); j++)
      if (search_in(walk, fl_at(fl_get(schema, lists[i]), j), search)) return true;
  for (size_t i = 0; i < 2; i++)
    if (search_in(walk, fl_get(schema, ones[i]), search)) return true;
  const char *reference = fl_get_string(schema, "$ref", NULL);
  return reference != NULL && reference[0] == '#' &&
         search_in(walk, fl_json_pointer(walk->root, reference + 1), search);
}

/* A format says more than a limit, wherever it stands. */
static bool look_for_kind(const struct fl_value *schema, struct search *search) {
  enum fl_canonical kind = fl_canonical_kind(schema);
  if (kind > search->kind) search->kind = kind;
  return kind > FL_CANONICAL_TEXT;
}

static bool look_for_member(const struct fl_value *schema, struct search *search) {
  struct fl_member first = {0};
  const struct fl_value *patterns = fl_get(schema, "patternProperties"), *rest = fl_get(schema, "additionalProperties");
  search->child = fl_get(fl_get(schema, "properties"), search->key);
  if (search->child == NULL && fl_is(patterns, FL_OBJECT) && fl_next_member(patterns, &first))
    search->child = first.value;
  if (search->child == NULL && fl_is(rest, FL_OBJECT)) search->child = rest;
  return search->child != NULL;
}

static bool look_for_items(const struct fl_value *schema, struct search *search) {
  const struct fl_value *front = fl_get(schema, "prefixItems");
  search->child = fl_get(schema, "items");
  if (!fl_is(search->child, FL_OBJECT) && fl_size(front) > 0) search->child = fl_at(front, 0);
  return fl_is(search->child, FL_OBJECT);
}

/* ---- values ---- */

static struct fl_value *walk_value(const struct walk *walk, const struct fl_value *schema, struct fl_value *value);

/* Where a path leads, when that is known and asked for. NULL: refused. */
static const char *resolve(const struct walk *walk, const char *path) {
  const struct fl_canonical_facts *facts = walk->facts;
  if (facts != NULL && facts->wanted != NULL) fl_append_take(facts->wanted, fl_string(path));
  if (facts == NULL || fl_get(facts->resolved, path) == NULL) return path;
  const char *target = fl_as_string(fl_get(facts->resolved, path));
  if (target == NULL) {
    fl_error_set(walk->err, FL_E_INVALID, "leads outside of what may be reached");
    return NULL;
  }
  return facts->uses_resolved ? target : path;
}

static struct fl_value *walk_text(const struct walk *walk, const struct fl_value *schema, struct fl_value *value) {
  struct search search = {.look = look_for_kind, .left = SEARCH_MAX};
  search_in(walk, schema, &search);
  if (search.kind == FL_CANONICAL_NONE) return fl_value_ref(value);
  fl_slice given = fl_slice_n(fl_as_string(value), fl_string_size(value));
  FL_BUF_AUTO text = {0};
  fl_buf_reserve(&text, given.size + 2);
  if (fl_canonical_text(search.kind, given, walk->facts, &text, walk->err) < 0) return NULL;
  const char *said = text.size > 0 ? text.data : "";
  if (search.kind == FL_CANONICAL_PATH) said = resolve(walk, said);
  if (said == NULL) return NULL;
  fl_slice canonical = said == text.data ? fl_buf_slice(&text) : fl_slice_of(said);
  return fl_slice_equal(given, canonical) ? fl_value_ref(value) : fl_string_n(canonical.data, canonical.size);
}

static struct fl_value *walk_double(struct fl_value *value) {
  enum { EXACT_BITS = 53 };
  double number = fl_as_double(value, 0), limit = (double)(INT64_C(1) << EXACT_BITS);
  bool is_whole = number >= -limit && number <= limit && number == (double)(int64_t)number;
  return is_whole ? fl_int((int64_t)number) : fl_value_ref(value);
}

/* A copy is made at the first child that changes. */
static struct fl_value *walk_object(const struct walk *walk, const struct fl_value *schema, struct fl_value *value) {
  FL_VALUE_AUTO changed = NULL;
  for (struct fl_member m = {0}; fl_next_member(value, &m);) {
    struct search search = {.look = look_for_member, .key = m.key, .left = SEARCH_MAX};
    if (schema != NULL) search_in(walk, schema, &search);
    size_t size = walk->pointer->size;
    fl_json_pointer_add(walk->pointer, fl_slice_n(m.key, m.key_size));
    FL_VALUE_AUTO child = walk_value(walk, search.child, m.value);
    if (child == NULL) return NULL;
    walk->pointer->size = size;
    if (child == m.value) continue;
    if (changed == NULL) changed = fl_copy_shallow(value);
    fl_set_take_n(changed, m.key, m.key_size, fl_value_ref(child));
  }
  return fl_value_ref(changed != NULL ? changed : value);
}

static struct fl_value *walk_array(const struct walk *walk, const struct fl_value *schema, struct fl_value *value) {
  struct search search = {.look = look_for_items, .left = SEARCH_MAX};
  if (schema != NULL) search_in(walk, schema, &search);
  FL_VALUE_AUTO all = fl_array();
  bool is_changed = false;
  for (size_t i = 0; i < fl_size(value); i++) {
    size_t size = walk->pointer->size;
    fl_json_pointer_add_index(walk->pointer, i);
    struct fl_value *child = walk_value(walk, search.child, fl_at(value, i));
    if (child == NULL) return NULL;
    walk->pointer->size = size;
    is_changed |= child != fl_at(value, i);
    fl_append_take(all, child);
  }
  return fl_value_ref(is_changed ? all : value);
}

/* A new reference, or NULL: refused. */
static struct fl_value *walk_value(const struct walk *walk, const struct fl_value *schema, struct fl_value *value) {
  switch (fl_type_of(value)) {
  case FL_STRING: return walk_text(walk, schema, value);
  case FL_DOUBLE: return walk_double(value);
  case FL_OBJECT: return walk_object(walk, schema, value);
  case FL_ARRAY: return walk_array(walk, schema, value);
  default: return fl_value_ref(value);
  }
}

int fl_canonical_value(const struct fl_value *schema, struct fl_value *value, const struct fl_canonical_facts *facts,
                       struct fl_value **ret_value, struct fl_canonical_problem *ret_problem) {
  struct walk walk = {schema, facts, &ret_problem->pointer, &ret_problem->why};
  struct fl_value *canonical = walk_value(&walk, schema, value);
  if (canonical == NULL) return FL_E_INVALID;
  *ret_value = canonical;
  return 0;
}
