/* SPDX-License-Identifier: MIT */
#include "runtime/model/lower.h"

#include "runtime/base/mem.h"
#include "runtime/json/json.h"
#include "runtime/model/lower_merge.h"

struct lowering {
  const struct fl_value *root;
  enum fl_lower_dialect dialect;
  int node_count;
  int depth_seen;
  bool is_lossy;                                       /* strict: it cannot be said */
  const struct fl_value *open[FL_LOWER_DEPTH_MAX + 1]; /* what references have led to, around here */
  size_t open_count;
};

static const char *const strict_keys[] = {
    "type",     "description", "title",   "enum",    "const",   "properties", "required",         "items",
    "anyOf",    "format",      "pattern", "minimum", "maximum", "minItems",   "exclusiveMinimum", "exclusiveMaximum",
    "maxItems", "multipleOf",  NULL};
static const char *const gemini_keys[] = {"type",       "description",   "title",    "nullable",      "enum",
                                          "properties", "required",      "items",    "anyOf",         "format",
                                          "minimum",    "maximum",       "minItems", "maxItems",      "minLength",
                                          "maxLength",  "minProperties", "pattern",  "maxProperties", NULL};
/* Of what a provider does not take, that which a model can keep to when it reads it. */
static const char *const told_keys[] = {"default",
                                        "examples",
                                        "const",
                                        "format",
                                        "minLength",
                                        "maxLength",
                                        "pattern",
                                        "multipleOf",
                                        "exclusiveMinimum",
                                        "exclusiveMaximum",
                                        "uniqueItems",
                                        "minProperties",
                                        "maxProperties",
                                        "not",
                                        "minContains",
                                        "dependentRequired",
                                        "minItems",
                                        "maxItems",
                                        "propertyNames",
                                        NULL};

static struct fl_value *lower(struct lowering *lowering, const struct fl_value *schema, int depth);

static bool is_in(const char *const *words, const char *word) {
  for (; *words != NULL; words++)
    if (strcmp(*words, word) == 0) return true;
  return false;
}

static bool needs_nothing_else(const struct lowering *lowering) { return lowering->dialect == FL_LOWER_OPENAI_STRICT; }
static bool is_gemini(const struct lowering *lowering) { return lowering->dialect == FL_LOWER_GEMINI; }
static bool is_small(const struct lowering *lowering) { return needs_nothing_else(lowering) || is_gemini(lowering); }

bool fl_lower_allows(const struct fl_value *schema, const char *type) {
  const struct fl_value *given = fl_get(schema, "type");
  if (fl_is(given, FL_STRING)) return strcmp(fl_as_string(given), type) == 0;
  for (size_t i = 0; i < fl_size(given); i++) {
    const char *name = fl_as_string(fl_at(given, i));
    if (name != NULL && strcmp(name, type) == 0) return true;
  }
  return false;
}

static bool is_object(const struct fl_value *schema) {
  return fl_lower_allows(schema, "object") || (fl_get(schema, "type") == NULL && fl_get(schema, "properties") != NULL);
}

/* ---- words for what is lost ---- */

static void add_description(struct fl_value *lowered, const char *words) {
  const char *known = fl_get_string(lowered, "description", "");
  fl_set_take(lowered, "description", fl_stringf("%s%s%s", known, known[0] != '\0' ? " " : "", words));
}

static bool takes_format(const struct lowering *lowering, const struct fl_value *schema) {
  static const char *const strict[] = {"date-time", "time", "date", "duration", "email",
                                       "hostname",  "ipv4", "ipv6", "uuid",     NULL};
  static const char *const gemini[] = {"date-time", "enum", "int32", "int64", "float", "double", NULL};
  const char *format = fl_get_string(schema, "format", "");
  return is_in(is_gemini(lowering) ? gemini : strict, format);
}

static bool takes_key(const struct lowering *lowering, const struct fl_value *schema, const char *key) {
  if (strcmp(key, "format") == 0) return takes_format(lowering, schema);
  return is_in(is_gemini(lowering) ? gemini_keys : strict_keys, key);
}

static void tell_lost(const struct lowering *lowering, const struct fl_value *schema, struct fl_value *lowered) {
  enum { TOLD_SIZE_MAX = 300 };
  FL_BUF_AUTO words = {0};
  for (size_t i = 0; told_keys[i] != NULL; i++) {
    const struct fl_value *value = fl_get(schema, told_keys[i]);
    if (value == NULL || takes_key(lowering, schema, told_keys[i])) continue;
    FL_BUF_AUTO text = {0};
    if (fl_json_write(&text, value, FL_JSON_COMPACT) < 0 || text.size > TOLD_SIZE_MAX) continue;
    fl_buf_addf(&words, "%s%s: %s", words.size > 0 ? ", " : "", told_keys[i], text.data);
  }
  if (words.size == 0) return;
  FL_FREE_AUTO char *note = fl_format("[%s]", words.data);
  add_description(lowered, note);
}

/* ---- types ---- */

static struct fl_value *null_schema(void) {
  struct fl_value *schema = fl_object();
  fl_set_string(schema, "type", "null");
  return schema;
}

static void append_null(struct fl_value *object, const char *key, struct fl_value *null) {
  struct fl_value *list = fl_copy_shallow(fl_get(object, key));
  fl_append_take(list, null);
  fl_set_take(object, key, list);
}

/* Strict: what may be left out may be null instead. */
static struct fl_value *or_null_take(struct fl_value *lowered) {
  struct fl_value *type = fl_get(lowered, "type");
  if (fl_lower_allows(lowered, "null")) return lowered;
  if (type != NULL && fl_get(lowered, "anyOf") == NULL) {
    struct fl_value *types = fl_array();
    if (fl_is(type, FL_STRING)) fl_append_take(types, fl_value_ref(type));
    for (size_t i = 0; i < fl_size(type); i++) fl_append_take(types, fl_value_ref(fl_at(type, i)));
    fl_append_take(types, fl_string("null"));
    fl_set_take(lowered, "type", types);
    if (fl_get(lowered, "enum") != NULL) append_null(lowered, "enum", fl_null());
    return lowered;
  }
  struct fl_value *either = fl_object(), *list = fl_array();
  const struct fl_value *alternatives = fl_size(lowered) == 1 ? fl_get(lowered, "anyOf") : NULL;
  for (size_t i = 0; i < fl_size(alternatives); i++) fl_append_take(list, fl_value_ref(fl_at(alternatives, i)));
  if (alternatives == NULL) fl_append_take(list, fl_value_ref(lowered));
  fl_append_take(list, null_schema());
  fl_set_take(either, "anyOf", list);
  fl_value_unref(lowered);
  return either;
}

/* Gemini: one type; null is a flag; several types are alternatives. */
static void lower_types(const struct fl_value *schema, struct fl_value *lowered) {
  const struct fl_value *types = fl_get(schema, "type");
  if (!fl_is(types, FL_ARRAY)) return;
  struct fl_value *alternatives = fl_array();
  const char *only = NULL;
  fl_unset(lowered, "type");
  for (size_t i = 0; i < fl_size(types); i++) {
    const char *name = fl_as_string(fl_at(types, i));
    if (name == NULL) continue;
    if (strcmp(name, "null") == 0) {
      fl_set_bool(lowered, "nullable", true);
      continue;
    }
    struct fl_value *alternative = fl_object();
    fl_set_string(alternative, "type", name);
    if (strcmp(name, "array") == 0) fl_set_take(alternative, "items", fl_value_ref(fl_get(lowered, "items")));
    fl_append_take(alternatives, alternative);
    only = name;
  }
  if (fl_size(alternatives) == 1) fl_set_string(lowered, "type", only);
  if (fl_size(alternatives) > 1) {
    fl_unset(lowered, "items");
    fl_set_take(lowered, "anyOf", fl_value_ref(alternatives));
  }
  fl_value_unref(alternatives);
}

static bool are_texts(const struct fl_value *list) {
  for (size_t i = 0; i < fl_size(list); i++)
    if (!fl_is(fl_at(list, i), FL_STRING)) return false;
  return true;
}

/* Gemini: enumerations are of texts. */
static void lower_enum(const struct fl_value *schema, struct fl_value *lowered) {
  const struct fl_value *constant = fl_get(schema, "const"), *values = fl_get(schema, "enum");
  if (fl_is(constant, FL_STRING) && values == NULL) {
    struct fl_value *only = fl_array();
    fl_append_take(only, fl_value_ref((struct fl_value *)constant));
    fl_set_take(lowered, "enum", only);
    fl_set_string(lowered, "type", "string");
    return;
  }
  if (values == NULL) return;
  if (are_texts(values)) {
    fl_set_string(lowered, "type", "string");
    return;
  }
  fl_unset(lowered, "enum");
  FL_BUF_AUTO text = {0};
  if (fl_json_write(&text, values, FL_JSON_COMPACT) < 0) return;
  FL_FREE_AUTO char *note = fl_format("[one of %s]", text.data);
  add_description(lowered, note);
}

/* ---- parts ---- */

static struct fl_value *lower_list(struct lowering *lowering, const struct fl_value *list, int depth) {
  struct fl_value *lowered = fl_array();
  for (size_t i = 0; i < fl_size(list); i++) fl_append_take(lowered, lower(lowering, fl_at(list, i), depth));
  return lowered;
}

bool fl_lower_requires(const struct fl_value *schema, const char *name) {
  const struct fl_value *required = fl_get(schema, "required");
  for (size_t i = 0; i < fl_size(required); i++) {
    const char *text = fl_as_string(fl_at(required, i));
    if (text != NULL && strcmp(text, name) == 0) return true;
  }
  return false;
}

static void lower_properties(struct lowering *lowering, const struct fl_value *schema, struct fl_value *lowered,
                             int depth) {
  struct fl_value *properties = fl_object(), *required = fl_array();
  for (struct fl_member m = {0}; fl_next_member(fl_get(schema, "properties"), &m);) {
    struct fl_value *property = lower(lowering, m.value, depth + 1);
    bool is_required = fl_lower_requires(schema, m.key);
    if (needs_nothing_else(lowering) && !is_required) property = or_null_take(property);
    if (is_required || needs_nothing_else(lowering)) fl_append_take(required, fl_string(m.key));
    fl_set_take_n(properties, m.key, m.key_size, property);
  }
  fl_set_take(lowered, "properties", properties);
  if (is_small(lowering)) {
    if (fl_size(required) > 0 || needs_nothing_else(lowering)) fl_set_take(lowered, "required", fl_value_ref(required));
    else fl_unset(lowered, "required");
  }
  fl_value_unref(required);
}

/* An object that may have any members is no object to say in these dialects. */
static void lower_object(struct lowering *lowering, const struct fl_value *schema, struct fl_value *lowered,
                         int depth) {
  const struct fl_value *more = fl_get(schema, "additionalProperties");
  bool is_map = fl_is(more, FL_OBJECT) || (fl_is(more, FL_BOOL) && fl_as_bool(more, false)) ||
                fl_get(schema, "patternProperties") != NULL;
  lower_properties(lowering, schema, lowered, depth);
  bool is_empty = fl_size(fl_get(lowered, "properties")) == 0;
  if (needs_nothing_else(lowering)) {
    if (is_map || (is_empty && more == NULL)) lowering->is_lossy = true;
    fl_set_bool(lowered, "additionalProperties", false);
  }
  if (!is_gemini(lowering) || !is_empty || depth == 0) return;
  fl_unset(lowered, "properties");
  fl_unset(lowered, "required");
  fl_set_string(lowered, "type", "string");
  add_description(lowered, "[a JSON object, written as text]");
}

static void lower_array(struct lowering *lowering, const struct fl_value *schema, struct fl_value *lowered, int depth) {
  const struct fl_value *items = fl_get(schema, "items"), *first = fl_get(schema, "prefixItems");
  if (first != NULL && needs_nothing_else(lowering)) lowering->is_lossy = true;
  if (fl_is(items, FL_OBJECT)) fl_set_take(lowered, "items", lower(lowering, items, depth + 1));
  else if (first != NULL && is_small(lowering))
    fl_set_take(lowered, "items", lower(lowering, fl_at(first, 0), depth + 1));
  else if (!fl_is(items, FL_OBJECT)) fl_set_take(lowered, "items", fl_object());
  const struct fl_value *made = fl_get(lowered, "items");
  if (!is_gemini(lowering) || fl_size(made) > 0) return;
  struct fl_value *text = fl_object();
  fl_set_string(text, "type", "string");
  fl_set_take(lowered, "items", text);
}

/* Alternatives of which one is null are the others, nullable. */
static void lower_alternatives(struct lowering *lowering, const struct fl_value *schema, struct fl_value *lowered,
                               int depth) {
  const struct fl_value *any = fl_get(schema, "anyOf");
  if (any == NULL) any = fl_get(schema, "oneOf");
  if (any == NULL) return;
  struct fl_value *list = fl_array();
  for (size_t i = 0; i < fl_size(any); i++) {
    bool is_null = strcmp(fl_get_string(fl_at(any, i), "type", ""), "null") == 0;
    if (is_gemini(lowering) && is_null) fl_set_bool(lowered, "nullable", true);
    else fl_append_take(list, lower(lowering, fl_at(any, i), depth + 1));
  }
  if (is_gemini(lowering) && fl_size(list) == 1) {
    for (struct fl_member m = {0}; fl_next_member(fl_at(list, 0), &m);)
      if (fl_get(lowered, m.key) == NULL) fl_set_take(lowered, m.key, fl_value_ref(m.value));
    fl_unset(lowered, "anyOf");
  } else {
    fl_set_take(lowered, "anyOf", fl_value_ref(list));
  }
  fl_value_unref(list);
}

/* Gemini takes nothing but words beside alternatives. */
static void keep_alternatives_alone(struct fl_value *lowered) {
  if (fl_get(lowered, "anyOf") == NULL) return;
  FL_VALUE_AUTO copy = fl_copy_shallow(lowered);
  for (struct fl_member m = {0}; fl_next_member(copy, &m);)
    if (strcmp(m.key, "anyOf") != 0 && strcmp(m.key, "description") != 0 && strcmp(m.key, "nullable") != 0 &&
        strcmp(m.key, "title") != 0)
      fl_unset(lowered, m.key);
}

/* ---- one schema ---- */

/* The schema with its reference followed and its allOf merged in; a new reference. */
static struct fl_value *flatten(struct lowering *lowering, const struct fl_value *schema, int depth) {
  struct fl_value *flat = fl_copy_shallow(schema);
  for (int step = 0; step < FL_LOWER_DEPTH_MAX; step++) {
    const char *reference = fl_get_string(flat, "$ref", NULL);
    const struct fl_value *all = fl_get(flat, "allOf"), *target = NULL;
    if (reference == NULL && all == NULL) break;
    FL_VALUE_AUTO before = flat;
    flat = fl_copy_shallow(before);
    fl_unset(flat, "$ref");
    fl_unset(flat, "allOf");
    if (reference != NULL) target = fl_lower_target(lowering->root, reference);
    bool is_circle = false;
    for (size_t i = 0; i < lowering->open_count; i++) is_circle = is_circle || lowering->open[i] == target;
    if (reference != NULL && (target == NULL || is_circle || lowering->open_count >= FL_LOWER_DEPTH_MAX)) {
      lowering->is_lossy = true;
      add_description(flat, "[the same again, as far as it is needed]");
    } else if (reference != NULL) {
      lowering->open[lowering->open_count++] = target;
      FL_VALUE_AUTO own = flat;
      flat = fl_lower_merge(own, target);
    }
    for (size_t i = 0; i < fl_size(all); i++) {
      FL_VALUE_AUTO own = flat;
      flat = fl_lower_merge(own, fl_at(all, i));
    }
  }
  return flat;
}

/* What is taken as it is; the parts that are schemas themselves are lowered and added where the type has them. */
static struct fl_value *filter(const struct lowering *lowering, const struct fl_value *schema) {
  static const char *const parts[] = {"properties", "required", "items", "anyOf", NULL};
  struct fl_value *kept = fl_object();
  for (struct fl_member m = {0}; fl_next_member(schema, &m);)
    if (takes_key(lowering, schema, m.key) && !is_in(parts, m.key)) fl_set_take(kept, m.key, fl_value_ref(m.value));
  return kept;
}

/* Of schemas that may be said whole: arrays have items, objects have properties, what providers insist on. */
static struct fl_value *lower_lightly(struct lowering *lowering, const struct fl_value *schema, int depth) {
  static const char *const inner[] = {"anyOf", "oneOf", "allOf", NULL};
  static const char *const maps[] = {"$defs", "definitions", NULL};
  struct fl_value *lowered = fl_copy_shallow(schema);
  if (is_object(schema)) lower_properties(lowering, schema, lowered, depth);
  if (fl_lower_allows(schema, "array")) lower_array(lowering, schema, lowered, depth);
  for (size_t i = 0; inner[i] != NULL; i++)
    if (fl_is(fl_get(schema, inner[i]), FL_ARRAY))
      fl_set_take(lowered, inner[i], lower_list(lowering, fl_get(schema, inner[i]), depth + 1));
  for (size_t i = 0; maps[i] != NULL; i++) {
    struct fl_value *made = fl_object();
    for (struct fl_member m = {0}; fl_next_member(fl_get(schema, maps[i]), &m);)
      fl_set_take(made, m.key, lower(lowering, m.value, depth + 1));
    if (fl_get(schema, maps[i]) != NULL) fl_set_take(lowered, maps[i], fl_value_ref(made));
    fl_value_unref(made);
  }
  return lowered;
}

static struct fl_value *lower_hard(struct lowering *lowering, const struct fl_value *schema, int depth) {
  size_t open_before = lowering->open_count;
  FL_VALUE_AUTO flat = flatten(lowering, schema, depth);
  struct fl_value *lowered = filter(lowering, flat);
  if (is_object(flat)) lower_object(lowering, flat, lowered, depth);
  if (fl_lower_allows(flat, "array")) lower_array(lowering, flat, lowered, depth);
  lower_alternatives(lowering, flat, lowered, depth);
  tell_lost(lowering, flat, lowered);
  if (is_gemini(lowering)) {
    lower_enum(flat, lowered);
    lower_types(flat, lowered);
    keep_alternatives_alone(lowered);
    if (fl_get(lowered, "type") == NULL && fl_get(lowered, "anyOf") == NULL) fl_set_string(lowered, "type", "string");
  }
  lowering->open_count = open_before;
  return lowered;
}

static struct fl_value *lower(struct lowering *lowering, const struct fl_value *schema, int depth) {
  if (depth > lowering->depth_seen) lowering->depth_seen = depth;
  if (!fl_is(schema, FL_OBJECT) || depth > FL_LOWER_DEPTH_MAX || ++lowering->node_count > FL_LOWER_NODES_MAX) {
    lowering->is_lossy = true;
    return fl_object();
  }
  if (fl_size(schema) == 0 && is_small(lowering)) lowering->is_lossy = true; /* any value cannot be said */
  return is_small(lowering) ? lower_hard(lowering, schema, depth) : lower_lightly(lowering, schema, depth);
}

/* ---- the root ---- */

/* An object without references and combinations, for every dialect. */
static struct fl_value *open_root(struct lowering *lowering, const struct fl_value *schema) {
  static const char *const unwanted[] = {"anyOf", "oneOf", "allOf", "not",  "enum", "const",
                                         "if",    "then",  "else",  "$ref", NULL};
  struct fl_value *root = flatten(lowering, schema, 0);
  static const char *const either[] = {"anyOf", "oneOf"};
  for (size_t i = 0; i < 2; i++) {
    const struct fl_value *alternatives = fl_get(root, either[i]);
    if (fl_size(alternatives) == 0) continue;
    FL_VALUE_AUTO before = root;
    FL_VALUE_AUTO flat = fl_array();
    for (size_t k = 0; k < fl_size(alternatives); k++)
      if (fl_is(fl_at(alternatives, k), FL_OBJECT)) fl_append_take(flat, flatten(lowering, fl_at(alternatives, k), 1));
    root = fl_lower_union(before, flat);
  }
  for (size_t i = 0; unwanted[i] != NULL; i++) fl_unset(root, unwanted[i]);
  fl_unset(root, "$schema");
  fl_unset(root, "$id");
  fl_set_string(root, "type", "object");
  if (!fl_is(fl_get(root, "properties"), FL_OBJECT)) fl_set_take(root, "properties", fl_object());
  lowering->open_count = 0;
  return root;
}

/* The name under which a property is told where names have an alphabet. */
void fl_lower_key(const char *key, char ret_key[FL_LOWER_KEY_MAX + 1]) {
  size_t size = 0;
  for (; key[size] != '\0' && size < FL_LOWER_KEY_MAX; size++) {
    char c = key[size];
    bool is_fine =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("_.-", c) != NULL;
    ret_key[size] = is_fine ? c : '_';
  }
  if (size == 0) ret_key[size++] = '_';
  ret_key[size] = '\0';
}

static void rename_keys(struct fl_value *root) {
  struct fl_value *properties = fl_object(), *required = fl_array();
  for (struct fl_member m = {0}; fl_next_member(fl_get(root, "properties"), &m);) {
    char key[FL_LOWER_KEY_MAX + 1];
    fl_lower_key(m.key, key);
    fl_set_take(properties, key, fl_value_ref(m.value));
    if (fl_lower_requires(root, m.key)) fl_append_take(required, fl_string(key));
  }
  fl_set_take(root, "properties", properties);
  if (fl_get(root, "required") != NULL) fl_set_take(root, "required", fl_value_ref(required));
  fl_value_unref(required);
}

static struct fl_value *lower_root(struct lowering *lowering, const struct fl_value *schema) {
  FL_VALUE_AUTO root = open_root(lowering, schema);
  struct fl_value *lowered = lower(lowering, root, 0);
  if (lowering->dialect == FL_LOWER_ANTHROPIC) rename_keys(lowered);
  return lowered;
}

bool fl_lower_dialect_of(const char *word, enum fl_lower_dialect *ret_dialect) {
  static const char *const words[] = {[FL_LOWER_NONE] = "none",
                                      [FL_LOWER_OPENAI] = "openai",
                                      [FL_LOWER_OPENAI_STRICT] = "openai-strict",
                                      [FL_LOWER_ANTHROPIC] = "anthropic",
                                      [FL_LOWER_GEMINI] = "gemini"};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    if (strcmp(words[i], word) != 0) continue;
    *ret_dialect = (enum fl_lower_dialect)i;
    return true;
  }
  return false;
}

struct fl_lowered fl_lower_schema(const struct fl_value *schema, enum fl_lower_dialect dialect) {
  if (dialect == FL_LOWER_NONE) return (struct fl_lowered){.schema = fl_value_ref((struct fl_value *)schema)};
  FL_VALUE_AUTO nothing = fl_object(); /* a tool without a schema */
  if (!fl_is(schema, FL_OBJECT)) schema = nothing;
  struct lowering lowering = {.root = schema, .dialect = dialect};
  struct fl_value *lowered = lower_root(&lowering, schema);
  bool is_strict =
      needs_nothing_else(&lowering) && !lowering.is_lossy && lowering.depth_seen <= FL_LOWER_STRICT_DEPTH_MAX;
  if (needs_nothing_else(&lowering) && !is_strict) {
    fl_value_unref(lowered);
    return fl_lower_schema(schema, FL_LOWER_OPENAI);
  }
  bool is_nothing = is_gemini(&lowering) && fl_size(fl_get(lowered, "properties")) == 0;
  if (is_nothing) {
    fl_value_unref(lowered);
    lowered = NULL;
  }
  return (struct fl_lowered){.schema = lowered, .is_strict = is_strict};
}
