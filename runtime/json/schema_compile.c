/* SPDX-License-Identifier: MIT */
/* From keywords to rules, one small function per shape of operand. Nodes are compiled one after the other, never inside
 * one another, so that neither deep nor recursive schemas take stack. Pure. */
#include "runtime/json/schema_compile.h"

#include "runtime/base/mem.h"

#include <math.h>
#include <stdio.h>

#define COMPILE_ARGS                                                                                         \
  struct fl_schema_compiler *compiler, struct fl_schema_node *node, const struct fl_schema_keyword *keyword, \
      struct fl_value *value

static int wrong(const struct fl_schema_compiler *compiler, const struct fl_schema_node *node, const char *must) {
  return fl_error_set(compiler->err, FL_E_INVALID, "schema %s/%s: %s", node->location, compiler->keyword, must);
}

static struct fl_schema_rule *add_rule(struct fl_schema_node *node, const struct fl_schema_keyword *keyword) {
  struct fl_schema_rule *rule = &node->rules[node->rule_count++];
  rule->kind = keyword->kind;
  rule->keyword = keyword->name;
  return rule;
}

/* The rule that adjacent keywords share. */
static struct fl_schema_rule *share_rule(struct fl_schema_node *node, const struct fl_schema_keyword *keyword) {
  bool is_there = node->rule_count > 0 && node->rules[node->rule_count - 1].kind == keyword->kind;
  return is_there ? &node->rules[node->rule_count - 1] : add_rule(node, keyword);
}

/* ---- nodes ---- */

static struct fl_schema_node *create_node(struct fl_schema_compiler *compiler, struct fl_schema_resource *resource,
                                          const char *location) {
  struct fl_schema_node *node = fl_schema_new(compiler->schema, struct fl_schema_node, 1);
  node->resource = resource;
  node->location = fl_schema_copy(compiler->schema, location);
  return node;
}

int fl_schema_compile_node(struct fl_schema_compiler *compiler, struct fl_schema_resource *resource,
                           struct fl_value *value, const char *location, struct fl_schema_node **ret_node) {
  const void *identity[2] = {value, resource};
  fl_slice key = {(const char *)identity, sizeof identity};
  if (!fl_is(value, FL_OBJECT) && !fl_is(value, FL_BOOL))
    return fl_error_set(compiler->err, FL_E_INVALID, "schema %s: is %s, but a schema must be an object, true or false",
                        location[0] != '\0' ? location : "(root)", fl_type_name(fl_type_of(value)));
  struct fl_schema_node *known = fl_is(value, FL_OBJECT) ? fl_map_get_n(&compiler->nodes, key) : NULL;
  if (known != NULL) {
    *ret_node = known;
    return 0;
  }
  if (++compiler->node_count > FL_SCHEMA_NODE_COUNT_MAX)
    return fl_error_set(compiler->err, FL_E_LIMIT, "the schema has more than %d subschemas", FL_SCHEMA_NODE_COUNT_MAX);
  struct fl_schema_node *node = create_node(compiler, resource, location);
  node->value = value;
  node->is_never = fl_is(value, FL_BOOL) && !fl_as_bool(value, true);
  *ret_node = node;
  if (fl_is(value, FL_BOOL)) return 0;
  fl_map_set_n(&compiler->nodes, key, node);
  node->rules = fl_schema_new(compiler->schema, struct fl_schema_rule, fl_size(value));
  node->next_pending = compiler->pending;
  compiler->pending = node;
  return 0;
}

/* A subschema below the keyword being compiled; `token` says where, data NULL: the keyword's value itself. */
static int compile_child(struct fl_schema_compiler *compiler, const struct fl_schema_node *node, fl_slice token,
                         struct fl_value *value, struct fl_schema_node **ret_node) {
  FL_BUF_AUTO location = {0};
  fl_buf_add_text(&location, node->location);
  fl_json_pointer_add(&location, fl_slice_of(compiler->keyword));
  if (token.data != NULL) fl_json_pointer_add(&location, token);
  struct fl_schema_resource *resource = fl_schema_load_resource_at(compiler, node->resource, value);
  return fl_schema_compile_node(compiler, resource, value, location.data, ret_node);
}

static const fl_slice no_token = {NULL, 0};

static int compile_children(struct fl_schema_compiler *compiler, const struct fl_schema_node *node,
                            struct fl_value *list, struct fl_schema_rule *rule) {
  rule->node_count = fl_size(list);
  rule->nodes = fl_schema_new(compiler->schema, struct fl_schema_node *, rule->node_count);
  for (size_t i = 0; i < rule->node_count; i++) {
    char index[24];
    int size = snprintf(index, sizeof index, "%zu", i);
    int rc = compile_child(compiler, node, fl_slice_n(index, (size_t)size), fl_at(list, i), &rule->nodes[i]);
    if (rc != 0) return rc;
  }
  return 0;
}

static void release_map(void *memory) { fl_map_deinit(memory); }

static struct fl_map *create_map(struct fl_schema *schema) {
  struct fl_map *map = fl_schema_new(schema, struct fl_map, 1);
  fl_schema_keep(schema, map, release_map);
  return map;
}

/* ---- operands that are data ---- */

static int compile_type(COMPILE_ARGS) {
  static const struct {
    const char *name;
    unsigned types;
  } words[] = {
      {"null", 1u << FL_NULL},     {"boolean", 1u << FL_BOOL},
      {"integer", 1u << FL_INT},   {"number", 1u << FL_INT | 1u << FL_DOUBLE},
      {"string", 1u << FL_STRING}, {"array", 1u << FL_ARRAY},
      {"object", 1u << FL_OBJECT},
  };
  unsigned types = 0;
  size_t word_count = fl_is(value, FL_ARRAY) ? fl_size(value) : 1;
  for (size_t i = 0; i < word_count; i++) {
    const char *word = fl_as_string(fl_is(value, FL_ARRAY) ? fl_at(value, i) : value);
    unsigned found = 0;
    for (size_t k = 0; word != NULL && k < sizeof words / sizeof *words; k++)
      if (strcmp(word, words[k].name) == 0) found = words[k].types;
    if (found == 0)
      return wrong(compiler, node,
                   "must be null, boolean, integer, number, string, array, object, or an array of these");
    types |= found;
  }
  if (types == 0) return wrong(compiler, node, "must name at least one type");
  add_rule(node, keyword)->types = types;
  return 0;
}

static int compile_value(COMPILE_ARGS) {
  if (keyword->kind == FL_RULE_ENUM && !fl_is(value, FL_ARRAY)) return wrong(compiler, node, "must be an array");
  struct fl_schema_rule *rule = add_rule(node, keyword);
  rule->value = value;
  rule->least = fl_size(value) + fl_json_weight(value) / FL_SCHEMA_BYTES_OF_WORK;
  return 0;
}

static int compile_number(COMPILE_ARGS) {
  if (!fl_is_number(value)) return wrong(compiler, node, "must be a number");
  if (keyword->kind == FL_RULE_MULTIPLE_OF && !(fl_as_double(value, 0) > 0))
    return wrong(compiler, node, "must be a number greater than 0");
  add_rule(node, keyword)->value = value;
  return 0;
}

/* A count may be written as 2.0; beyond 64 bits it is as good as endless. */
static int read_count(const struct fl_schema_compiler *compiler, const struct fl_schema_node *node,
                      const struct fl_value *value, uint64_t *ret_count) {
  double number = fl_as_double(value, -1);
  if (!fl_is_number(value) || number < 0 || floor(number) != number)
    return wrong(compiler, node, "must be a whole number that is not negative");
  *ret_count = number < 9e18 ? (uint64_t)fl_as_int(value, 0) : UINT64_MAX;
  return 0;
}

static int compile_count(COMPILE_ARGS) {
  struct fl_schema_rule *rule = add_rule(node, keyword);
  return read_count(compiler, node, value, &rule->least);
}

static int compile_unique(COMPILE_ARGS) {
  if (!fl_is(value, FL_BOOL)) return wrong(compiler, node, "must be true or false");
  if (fl_as_bool(value, false)) add_rule(node, keyword);
  return 0;
}

static bool is_string_list(const struct fl_value *value) {
  if (!fl_is(value, FL_ARRAY)) return false;
  for (size_t i = 0; i < fl_size(value); i++)
    if (!fl_is(fl_at(value, i), FL_STRING)) return false;
  return true;
}

static int compile_required(COMPILE_ARGS) {
  if (!is_string_list(value)) return wrong(compiler, node, "must be an array of strings");
  add_rule(node, keyword)->value = value;
  return 0;
}

static int compile_dependent_required(COMPILE_ARGS) {
  if (!fl_is(value, FL_OBJECT)) return wrong(compiler, node, "must be an object");
  struct fl_member member = {0};
  while (fl_next_member(value, &member))
    if (!is_string_list(member.value)) return wrong(compiler, node, "must be an object of arrays of strings");
  add_rule(node, keyword)->value = value;
  return 0;
}

static void release_regex(void *memory) { fl_regex_destroy(memory); }

static int compile_regex(struct fl_schema_compiler *compiler, const struct fl_schema_node *node, fl_slice pattern,
                         struct fl_regex **ret_regex) {
  *ret_regex = fl_map_get_n(&compiler->regexes, pattern);
  if (*ret_regex != NULL) return 0;
  int rc = fl_regex_create(pattern, ret_regex, compiler->err);
  if (rc != 0) {
    fl_error_context(compiler->err, "schema %s/%s", node->location, compiler->keyword);
    return rc;
  }
  fl_schema_keep(compiler->schema, *ret_regex, release_regex);
  fl_map_set_n(&compiler->regexes, pattern, *ret_regex);
  return 0;
}

static int compile_pattern(COMPILE_ARGS) {
  if (!fl_is(value, FL_STRING)) return wrong(compiler, node, "must be a string");
  struct fl_schema_rule *rule = add_rule(node, keyword);
  rule->text = fl_as_string(value);
  return compile_regex(compiler, node, fl_slice_n(fl_as_string(value), fl_string_size(value)), &rule->regex);
}

static int compile_format(COMPILE_ARGS) {
  if (!fl_is(value, FL_STRING)) return wrong(compiler, node, "must be a string");
  bool is_asserted =
      compiler->schema->check_format || (node->resource->dialect.vocabularies & FL_SCHEMA_FORMAT_ASSERTION);
  const struct fl_schema_format *format = fl_schema_format_find(fl_as_string(value));
  if (is_asserted && format != NULL) add_rule(node, keyword)->format = format;
  return 0;
}

/* ---- operands that are schemas ---- */

static int compile_schema(COMPILE_ARGS) {
  struct fl_schema_rule *rule = add_rule(node, keyword);
  bool is_unevaluated = rule->kind == FL_RULE_UNEVALUATED_ITEMS || rule->kind == FL_RULE_UNEVALUATED_PROPERTIES;
  node->has_unevaluated |= is_unevaluated;
  return compile_child(compiler, node, no_token, value, &rule->node);
}

static int compile_schema_list(COMPILE_ARGS) {
  if (!fl_is(value, FL_ARRAY) || fl_size(value) == 0)
    return wrong(compiler, node, "must be an array with at least one schema");
  return compile_children(compiler, node, value, add_rule(node, keyword));
}

static int compile_ref(COMPILE_ARGS) {
  if (!fl_is(value, FL_STRING)) return wrong(compiler, node, "must be a string");
  struct fl_schema_target target;
  struct fl_schema_rule *rule = add_rule(node, keyword);
  int rc = fl_schema_load_target(compiler, node->resource, fl_as_string(value), &target);
  if (rc != 0) {
    fl_error_context(compiler->err, "schema %s/%s", node->location, keyword->name);
    return rc;
  }
  /* A dynamic reference to anything but a dynamic anchor is a plain one. */
  if (rule->kind == FL_RULE_DYNAMIC_REF && target.dynamic == NULL) rule->kind = FL_RULE_REF;
  if (rule->kind == FL_RULE_DYNAMIC_REF) rule->text = strchr(fl_as_string(value), '#') + 1;
  return fl_schema_compile_node(compiler, target.resource, target.value, target.location, &rule->node);
}

static int compile_if(COMPILE_ARGS) {
  static const char *const branches[] = {"then", "else"};
  struct fl_schema_rule *rule = add_rule(node, keyword);
  rule->nodes = fl_schema_new(compiler->schema, struct fl_schema_node *, 2);
  int rc = compile_child(compiler, node, no_token, value, &rule->node);
  for (size_t i = 0; i < 2 && rc == 0; i++) {
    compiler->keyword = branches[i];
    struct fl_value *branch = fl_get(node->value, branches[i]);
    if (branch != NULL) rc = compile_child(compiler, node, no_token, branch, &rule->nodes[i]);
  }
  return rc;
}

static int compile_contains(COMPILE_ARGS) {
  struct fl_schema_rule *rule = add_rule(node, keyword);
  rule->least = 1;
  rule->most = UINT64_MAX;
  int rc = compile_child(compiler, node, no_token, value, &rule->node);
  bool has_bounds = (node->resource->dialect.vocabularies & FL_SCHEMA_VALIDATION) &&
                    node->resource->dialect.draft != FL_SCHEMA_DRAFT7;
  struct fl_value *least = has_bounds ? fl_get(node->value, "minContains") : NULL;
  struct fl_value *most = has_bounds ? fl_get(node->value, "maxContains") : NULL;
  compiler->keyword = "minContains";
  if (rc == 0 && least != NULL) rc = read_count(compiler, node, least, &rule->least);
  compiler->keyword = "maxContains";
  if (rc == 0 && most != NULL) rc = read_count(compiler, node, most, &rule->most);
  return rc;
}

static int compile_prefix(COMPILE_ARGS) {
  if (!fl_is(value, FL_ARRAY)) return wrong(compiler, node, "must be an array of schemas");
  return compile_children(compiler, node, value, share_rule(node, keyword));
}

static int compile_items(COMPILE_ARGS) {
  bool is_old = node->resource->dialect.draft != FL_SCHEMA_2020;
  if (!fl_is(value, FL_ARRAY)) {
    struct fl_schema_rule *rule = share_rule(node, keyword);
    rule->text = keyword->name;
    return compile_child(compiler, node, no_token, value, &rule->node);
  }
  if (!is_old)
    return wrong(
        compiler, node,
        "must be a schema; for one schema per item write prefixItems (or say in $schema that this is draft-07)");
  return compile_prefix(compiler, node, keyword, value);
}

/* Means something beside an array of `items` only. */
static int compile_additional_items(COMPILE_ARGS) {
  if (!fl_is(fl_get(node->value, "items"), FL_ARRAY)) return 0;
  struct fl_schema_rule *rule = share_rule(node, keyword);
  rule->text = keyword->name;
  return compile_child(compiler, node, no_token, value, &rule->node);
}

static int compile_properties(COMPILE_ARGS) {
  if (!fl_is(value, FL_OBJECT)) return wrong(compiler, node, "must be an object of schemas");
  struct fl_schema_rule *rule = share_rule(node, keyword);
  rule->members = create_map(compiler->schema);
  struct fl_member member = {0};
  while (fl_next_member(value, &member)) {
    fl_slice name = {member.key, member.key_size};
    struct fl_schema_node *child;
    int rc = compile_child(compiler, node, name, member.value, &child);
    if (rc != 0) return rc;
    fl_map_set_n(rule->members, name, child);
  }
  return 0;
}

static int compile_pattern_properties(COMPILE_ARGS) {
  if (!fl_is(value, FL_OBJECT)) return wrong(compiler, node, "must be an object of schemas");
  struct fl_schema_rule *rule = share_rule(node, keyword);
  rule->patterns = fl_schema_new(compiler->schema, struct fl_schema_pattern, fl_size(value));
  struct fl_member member = {0};
  while (fl_next_member(value, &member)) {
    fl_slice text = {member.key, member.key_size};
    struct fl_schema_pattern *pattern = &rule->patterns[rule->pattern_count++];
    pattern->text = member.key;
    int rc = compile_regex(compiler, node, text, &pattern->regex);
    if (rc == 0) rc = compile_child(compiler, node, text, member.value, &pattern->node);
    if (rc != 0) return rc;
  }
  return 0;
}

static int compile_additional_properties(COMPILE_ARGS) {
  struct fl_schema_rule *rule = share_rule(node, keyword);
  return compile_child(compiler, node, no_token, value, &rule->node);
}

/* An array of names becomes a node that requires them. */
static int compile_dependency(struct fl_schema_compiler *compiler, struct fl_schema_node *node,
                              const struct fl_schema_keyword *keyword, const struct fl_member *member,
                              struct fl_schema_node **ret_node) {
  fl_slice name = {member->key, member->key_size};
  bool is_old_form = keyword->shape == FL_SHAPE_DEPENDENCIES && fl_is(member->value, FL_ARRAY);
  if (!is_old_form) return compile_child(compiler, node, name, member->value, ret_node);
  if (!is_string_list(member->value)) return wrong(compiler, node, "must hold schemas or arrays of strings");
  struct fl_schema_node *child = create_node(compiler, node->resource, node->location);
  child->rules = fl_schema_new(compiler->schema, struct fl_schema_rule, 1);
  child->rules[child->rule_count++] =
      (struct fl_schema_rule){.kind = FL_RULE_REQUIRED, .keyword = keyword->name, .value = member->value};
  *ret_node = child;
  return 0;
}

static int compile_dependencies(COMPILE_ARGS) {
  if (!fl_is(value, FL_OBJECT)) return wrong(compiler, node, "must be an object");
  struct fl_schema_rule *rule = add_rule(node, keyword);
  rule->members = create_map(compiler->schema);
  struct fl_member member = {0};
  while (fl_next_member(value, &member)) {
    struct fl_schema_node *child;
    int rc = compile_dependency(compiler, node, keyword, &member, &child);
    if (rc != 0) return rc;
    fl_map_set_n(rule->members, fl_slice_n(member.key, member.key_size), child);
  }
  return 0;
}

/* ---- the table ---- */

enum {
  ANY = FL_SCHEMA_2020 | FL_SCHEMA_2019 | FL_SCHEMA_DRAFT7,
  NEW = FL_SCHEMA_2020 | FL_SCHEMA_2019,
  OLD = FL_SCHEMA_2019 | FL_SCHEMA_DRAFT7,
  V_FORMAT = FL_SCHEMA_FORMAT_ANNOTATION | FL_SCHEMA_FORMAT_ASSERTION,
};

/* clang-format off */
const struct fl_schema_keyword fl_schema_keywords[] = {
    {"type", FL_SCHEMA_VALIDATION, ANY, FL_SHAPE_PLAIN, FL_RULE_TYPE, compile_type},
    {"const", FL_SCHEMA_VALIDATION, ANY, FL_SHAPE_PLAIN, FL_RULE_CONST, compile_value},
    {"enum", FL_SCHEMA_VALIDATION, ANY, FL_SHAPE_PLAIN, FL_RULE_ENUM, compile_value},
    {"multipleOf", FL_SCHEMA_VALIDATION, ANY, FL_SHAPE_PLAIN, FL_RULE_MULTIPLE_OF, compile_number},
    {"maximum", FL_SCHEMA_VALIDATION, ANY, FL_SHAPE_PLAIN, FL_RULE_MAXIMUM, compile_number},
    {"exclusiveMaximum", FL_SCHEMA_VALIDATION, ANY, FL_SHAPE_PLAIN, FL_RULE_EXCLUSIVE_MAXIMUM, compile_number},
    {"minimum", FL_SCHEMA_VALIDATION, ANY, FL_SHAPE_PLAIN, FL_RULE_MINIMUM, compile_number},
    {"exclusiveMinimum", FL_SCHEMA_VALIDATION, ANY, FL_SHAPE_PLAIN, FL_RULE_EXCLUSIVE_MINIMUM, compile_number},
    {"maxLength", FL_SCHEMA_VALIDATION, ANY, FL_SHAPE_PLAIN, FL_RULE_MAX_LENGTH, compile_count},
    {"minLength", FL_SCHEMA_VALIDATION, ANY, FL_SHAPE_PLAIN, FL_RULE_MIN_LENGTH, compile_count},
    {"pattern", FL_SCHEMA_VALIDATION, ANY, FL_SHAPE_PLAIN, FL_RULE_PATTERN, compile_pattern},
    {"format", V_FORMAT, ANY, FL_SHAPE_PLAIN, FL_RULE_FORMAT, compile_format},
    {"maxItems", FL_SCHEMA_VALIDATION, ANY, FL_SHAPE_PLAIN, FL_RULE_MAX_ITEMS, compile_count},
    {"minItems", FL_SCHEMA_VALIDATION, ANY, FL_SHAPE_PLAIN, FL_RULE_MIN_ITEMS, compile_count},
    {"uniqueItems", FL_SCHEMA_VALIDATION, ANY, FL_SHAPE_PLAIN, FL_RULE_UNIQUE_ITEMS, compile_unique},
    {"maxProperties", FL_SCHEMA_VALIDATION, ANY, FL_SHAPE_PLAIN, FL_RULE_MAX_PROPERTIES, compile_count},
    {"minProperties", FL_SCHEMA_VALIDATION, ANY, FL_SHAPE_PLAIN, FL_RULE_MIN_PROPERTIES, compile_count},
    {"required", FL_SCHEMA_VALIDATION, ANY, FL_SHAPE_PLAIN, FL_RULE_REQUIRED, compile_required},
    {"dependentRequired", FL_SCHEMA_VALIDATION, NEW, FL_SHAPE_PLAIN, FL_RULE_DEPENDENT_REQUIRED,
     compile_dependent_required},
    {"$ref", FL_SCHEMA_CORE, ANY, FL_SHAPE_PLAIN, FL_RULE_REF, compile_ref},
    {"$dynamicRef", FL_SCHEMA_CORE, FL_SCHEMA_2020, FL_SHAPE_PLAIN, FL_RULE_DYNAMIC_REF, compile_ref},
    {"$recursiveRef", FL_SCHEMA_CORE, FL_SCHEMA_2019, FL_SHAPE_PLAIN, FL_RULE_REF, compile_ref},
    {"$defs", FL_SCHEMA_CORE, NEW, FL_SHAPE_MAP, FL_RULE_REF, NULL},
    {"definitions", FL_SCHEMA_CORE, ANY, FL_SHAPE_MAP, FL_RULE_REF, NULL},
    {"allOf", FL_SCHEMA_APPLICATOR, ANY, FL_SHAPE_LIST, FL_RULE_ALL_OF, compile_schema_list},
    {"anyOf", FL_SCHEMA_APPLICATOR, ANY, FL_SHAPE_LIST, FL_RULE_ANY_OF, compile_schema_list},
    {"oneOf", FL_SCHEMA_APPLICATOR, ANY, FL_SHAPE_LIST, FL_RULE_ONE_OF, compile_schema_list},
    {"not", FL_SCHEMA_APPLICATOR, ANY, FL_SHAPE_SCHEMA, FL_RULE_NOT, compile_schema},
    {"if", FL_SCHEMA_APPLICATOR, ANY, FL_SHAPE_SCHEMA, FL_RULE_IF, compile_if},
    {"then", FL_SCHEMA_APPLICATOR, ANY, FL_SHAPE_SCHEMA, FL_RULE_IF, NULL},
    {"else", FL_SCHEMA_APPLICATOR, ANY, FL_SHAPE_SCHEMA, FL_RULE_IF, NULL},
    {"dependentSchemas", FL_SCHEMA_APPLICATOR, NEW, FL_SHAPE_MAP, FL_RULE_DEPENDENT_SCHEMAS, compile_dependencies},
    {"dependencies", FL_SCHEMA_APPLICATOR, ANY, FL_SHAPE_DEPENDENCIES, FL_RULE_DEPENDENT_SCHEMAS, compile_dependencies},
    {"prefixItems", FL_SCHEMA_APPLICATOR, FL_SCHEMA_2020, FL_SHAPE_LIST, FL_RULE_ITEMS, compile_prefix},
    {"items", FL_SCHEMA_APPLICATOR, ANY, FL_SHAPE_ITEMS, FL_RULE_ITEMS, compile_items},
    {"additionalItems", FL_SCHEMA_APPLICATOR, OLD, FL_SHAPE_SCHEMA, FL_RULE_ITEMS, compile_additional_items},
    {"contains", FL_SCHEMA_APPLICATOR, ANY, FL_SHAPE_SCHEMA, FL_RULE_CONTAINS, compile_contains},
    {"properties", FL_SCHEMA_APPLICATOR, ANY, FL_SHAPE_MAP, FL_RULE_MEMBERS, compile_properties},
    {"patternProperties", FL_SCHEMA_APPLICATOR, ANY, FL_SHAPE_MAP, FL_RULE_MEMBERS, compile_pattern_properties},
    {"additionalProperties", FL_SCHEMA_APPLICATOR, ANY, FL_SHAPE_SCHEMA, FL_RULE_MEMBERS,
     compile_additional_properties},
    {"propertyNames", FL_SCHEMA_APPLICATOR, ANY, FL_SHAPE_SCHEMA, FL_RULE_PROPERTY_NAMES, compile_schema},
    {"contentSchema", FL_SCHEMA_ANNOTATION, NEW, FL_SHAPE_SCHEMA, FL_RULE_REF, NULL},
    {"unevaluatedItems", FL_SCHEMA_UNEVALUATED, NEW, FL_SHAPE_SCHEMA, FL_RULE_UNEVALUATED_ITEMS, compile_schema},
    {"unevaluatedProperties", FL_SCHEMA_UNEVALUATED, NEW, FL_SHAPE_SCHEMA, FL_RULE_UNEVALUATED_PROPERTIES,
     compile_schema},
    {NULL, 0, 0, FL_SHAPE_PLAIN, FL_RULE_KIND_COUNT, NULL},
};
/* clang-format on */

bool fl_schema_keyword_is_known(const struct fl_schema_keyword *keyword, const struct fl_schema_dialect *dialect) {
  return (keyword->drafts & dialect->draft) != 0 && (keyword->vocabulary & dialect->vocabularies) != 0;
}

static int compile_rules(struct fl_schema_compiler *compiler, struct fl_schema_node *node) {
  const struct fl_schema_dialect *dialect = &node->resource->dialect;
  /* Up to draft-07 a reference stands alone: what is beside it is ignored. */
  bool is_reference = dialect->draft == FL_SCHEMA_DRAFT7 && fl_get(node->value, "$ref") != NULL;
  int rc = 0;
  for (const struct fl_schema_keyword *keyword = fl_schema_keywords; rc == 0 && keyword->name != NULL; keyword++) {
    if (keyword->compile == NULL || !fl_schema_keyword_is_known(keyword, dialect)) continue;
    if (is_reference && strcmp(keyword->name, "$ref") != 0) continue;
    struct fl_value *value = fl_get(node->value, keyword->name);
    if (value == NULL) continue;
    compiler->keyword = keyword->name;
    rc = keyword->compile(compiler, node, keyword, value);
  }
  return rc;
}

/* Any dynamic anchor may become the target of a dynamic reference. */
static int compile_dynamic_anchors(struct fl_schema_compiler *compiler) {
  for (struct fl_schema_resource *resource = compiler->schema->resources; resource != NULL; resource = resource->next) {
    size_t cursor = 0;
    for (struct fl_map_entry *entry; (entry = fl_map_next(&resource->dynamic_anchors, &cursor)) != NULL;) {
      struct fl_schema_anchor *anchor = entry->value;
      if (anchor->node != NULL) continue;
      int rc = fl_schema_compile_node(compiler, resource, anchor->value, anchor->location, &anchor->node);
      if (rc != 0) return rc;
    }
  }
  return 0;
}

int fl_schema_compile_pending(struct fl_schema_compiler *compiler) {
  do {
    while (compiler->pending != NULL) {
      struct fl_schema_node *node = compiler->pending;
      compiler->pending = node->next_pending;
      int rc = compile_rules(compiler, node);
      if (rc != 0) return rc;
    }
    int rc = compile_dynamic_anchors(compiler);
    if (rc != 0) return rc;
  } while (compiler->pending != NULL);
  return 0;
}
