/* SPDX-License-Identifier: MIT */
/* The rules that look at one value and at no subschema: JSON Schema validation, section 6, and format. A rule for
 * another type than the instance's is satisfied. Pure. */
#include "runtime/base/mem.h"
#include "runtime/json/schema_run.h"

#include <math.h>
#include <stdlib.h>

enum { REGEX_WORK = 16 }; /* units of a pattern's work to one of ours */

bool fl_schema_spend(const struct fl_schema_eval *eval, uint64_t work) {
  struct fl_schema_run *run = eval->run;
  if (work <= run->work_left) {
    run->work_left -= work;
    return run->error == 0;
  }
  run->work_left = 0;
  run->error = FL_E_LIMIT;
  return false;
}

static fl_slice string_slice(const struct fl_value *value) {
  return fl_slice_n(fl_as_string(value), fl_string_size(value));
}

static bool check_type(const struct fl_schema_rule *rule, const struct fl_schema_eval *eval) {
  enum fl_type type = fl_type_of(eval->instance);
  if ((rule->types >> type & 1) != 0) return true;
  double number = type == FL_DOUBLE ? fl_as_double(eval->instance, 0) : 0.5;
  if ((rule->types >> FL_INT & 1) != 0 && floor(number) == number) return true;
  return fl_schema_complain_type(rule, eval);
}

/* rule->least is the work of comparing with all that is allowed. */
static bool check_allowed(const struct fl_schema_rule *rule, const struct fl_schema_eval *eval) {
  if (!fl_schema_spend(eval, rule->least)) return false;
  if (rule->kind == FL_RULE_CONST)
    return fl_equal(rule->value, eval->instance) || fl_schema_complain_allowed(rule, eval);
  for (size_t i = 0; i < fl_size(rule->value); i++)
    if (fl_equal(fl_at(rule->value, i), eval->instance)) return true;
  return fl_schema_complain_allowed(rule, eval);
}

static bool check_number(const struct fl_schema_rule *rule, const struct fl_schema_eval *eval) {
  if (!fl_is_number(eval->instance)) return true;
  bool is_multiple = rule->kind == FL_RULE_MULTIPLE_OF;
  int order = is_multiple ? 0 : fl_schema_compare(eval->instance, rule->value);
  const char *must = NULL;
  if (is_multiple && !fl_schema_is_multiple(eval->instance, rule->value)) must = "a multiple of";
  else if (rule->kind == FL_RULE_MAXIMUM && order > 0) must = "at most";
  else if (rule->kind == FL_RULE_EXCLUSIVE_MAXIMUM && order >= 0) must = "less than";
  else if (rule->kind == FL_RULE_MINIMUM && order < 0) must = "at least";
  else if (rule->kind == FL_RULE_EXCLUSIVE_MINIMUM && order <= 0) must = "greater than";
  if (must == NULL) return true;
  FL_BUF_AUTO bound = {0};
  if (eval->report != NULL) fl_json_write(&bound, rule->value, FL_JSON_COMPACT);
  return fl_schema_complain_value(rule, eval, "but must be %s %s", must, bound.data);
}

/* Characters, not bytes. */
static size_t count_characters(fl_slice text) {
  size_t count = 0;
  for (size_t i = 0; i < text.size; i++) count += (text.data[i] & 0xc0) != 0x80;
  return count;
}

struct noun {
  const char *one, *many;
};

static bool check_count(const struct fl_schema_rule *rule, const struct fl_schema_eval *eval, size_t count,
                        struct noun noun) {
  bool is_maximum =
      rule->kind == FL_RULE_MAX_LENGTH || rule->kind == FL_RULE_MAX_ITEMS || rule->kind == FL_RULE_MAX_PROPERTIES;
  if (is_maximum ? count <= rule->least : count >= rule->least) return true;
  return fl_schema_complain(rule, eval, "must have at %s %llu %s, but has %zu", is_maximum ? "most" : "least",
                            (unsigned long long)rule->least, rule->least == 1 ? noun.one : noun.many, count);
}

bool fl_schema_check_pattern(const struct fl_schema_eval *eval, const struct fl_regex *regex, fl_slice text) {
  if (!fl_schema_spend(eval, 1 + text.size / FL_SCHEMA_BYTES_OF_WORK)) return false;
  uint64_t before = eval->run->work_left * REGEX_WORK, work = before;
  int rc = fl_regex_search_within(regex, text, &work);
  fl_schema_spend(eval, (before - work) / REGEX_WORK);
  if (rc < 0 && eval->run->error == 0) eval->run->error = FL_E_LIMIT;
  return rc == 1;
}

static bool check_string(const struct fl_schema_rule *rule, const struct fl_schema_eval *eval) {
  if (!fl_is(eval->instance, FL_STRING)) return true;
  fl_slice text = string_slice(eval->instance);
  if (rule->kind == FL_RULE_PATTERN)
    return fl_schema_check_pattern(eval, rule->regex, text) ||
           fl_schema_complain_value(rule, eval, "but must match the pattern %s", rule->text);
  if (!fl_schema_spend(eval, text.size / FL_SCHEMA_BYTES_OF_WORK)) return false;
  if (rule->kind == FL_RULE_FORMAT)
    return rule->format->is_valid(text) || fl_schema_complain_value(rule, eval, "but must be a valid %s, as %s",
                                                                    rule->format->name, rule->format->example);
  return check_count(rule, eval, count_characters(text), (struct noun){"character", "characters"});
}

/* ---- uniqueItems: sorted by a hash of their contents; only equal hashes are compared ---- */

struct hashed {
  uint64_t hash;
  size_t index;
};

static uint64_t mix(uint64_t hash, uint64_t more) {
  hash = (hash ^ more) * UINT64_C(0x9e3779b97f4a7c15);
  return hash ^ hash >> 32;
}

static uint64_t hash_bytes(uint64_t hash, fl_slice bytes) {
  for (size_t i = 0; i < bytes.size; i++) hash = (hash ^ (unsigned char)bytes.data[i]) * UINT64_C(0x100000001b3);
  return mix(hash, bytes.size);
}

/* Equal values, equal hash: numbers by their double, members in any order. */
static uint64_t hash_value(const struct fl_schema_eval *eval, const struct fl_value *value) {
  uint64_t hash = 17, sum = 0;
  if (!fl_schema_spend(eval, 1)) return 0;
  if (fl_is_number(value)) {
    double number = fl_as_double(value, 0) + 0.0; /* no negative zero */
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    return mix(2, bits);
  }
  hash = mix(hash, (uint64_t)fl_type_of(value));
  if (fl_is(value, FL_BOOL)) return mix(hash, fl_as_bool(value, false));
  if (fl_is(value, FL_STRING)) return hash_bytes(hash, string_slice(value));
  for (size_t i = 0; fl_is(value, FL_ARRAY) && i < fl_size(value); i++)
    hash = mix(hash, hash_value(eval, fl_at(value, i)));
  struct fl_member member = {0};
  while (fl_is(value, FL_OBJECT) && fl_next_member(value, &member))
    sum += mix(hash_bytes(3, fl_slice_n(member.key, member.key_size)), hash_value(eval, member.value));
  return mix(hash, sum);
}

static int by_hash(const void *a, const void *b) {
  const struct hashed *x = a, *y = b;
  if (x->hash != y->hash) return x->hash < y->hash ? -1 : 1;
  return (x->index > y->index) - (x->index < y->index);
}

/* Whether items[i] equals one before it with the same hash; *ret_other is that one. */
static bool has_equal_before(const struct fl_schema_eval *eval, const struct hashed *items, size_t i,
                             size_t *ret_other) {
  for (size_t k = i; k > 0 && items[k - 1].hash == items[i].hash; k--) {
    if (!fl_schema_spend(eval, 1)) return false;
    *ret_other = items[k - 1].index;
    if (fl_equal(fl_at(eval->instance, items[i].index), fl_at(eval->instance, *ret_other))) return true;
  }
  return false;
}

static bool check_unique(const struct fl_schema_rule *rule, const struct fl_schema_eval *eval) {
  size_t count = fl_is(eval->instance, FL_ARRAY) ? fl_size(eval->instance) : 0, other = 0;
  if (count < 2) return true;
  FL_FREE_AUTO struct hashed *items = fl_new_array(struct hashed, count);
  for (size_t i = 0; i < count; i++) items[i] = (struct hashed){hash_value(eval, fl_at(eval->instance, i)), i};
  if (eval->run->error != 0) return false;
  qsort(items, count, sizeof *items, by_hash);
  for (size_t i = 1; i < count; i++)
    if (has_equal_before(eval, items, i, &other))
      return fl_schema_complain(rule, eval, "items %zu and %zu are equal, but all items must be different", other,
                                items[i].index);
  return eval->run->error == 0;
}

/* ---- objects ---- */

static bool check_required(const struct fl_schema_rule *rule, const struct fl_schema_eval *eval) {
  if (!fl_is(eval->instance, FL_OBJECT)) return true;
  bool is_valid = true;
  if (!fl_schema_spend(eval, fl_size(rule->value))) return false;
  for (size_t i = 0; i < fl_size(rule->value) && (is_valid || eval->report != NULL); i++) {
    const struct fl_value *name = fl_at(rule->value, i);
    if (fl_get_n(eval->instance, fl_as_string(name), fl_string_size(name)) == NULL)
      is_valid = fl_schema_complain(rule, eval, "lacks the required property \"%s\"", fl_as_string(name));
  }
  return is_valid;
}

static bool check_dependent(const struct fl_schema_rule *rule, const struct fl_schema_eval *eval) {
  bool is_valid = true;
  struct fl_member member = {0};
  while (fl_is(eval->instance, FL_OBJECT) && fl_next_member(rule->value, &member)) {
    if (!fl_schema_spend(eval, 1 + fl_size(member.value))) return false;
    if (fl_get_n(eval->instance, member.key, member.key_size) == NULL) continue;
    for (size_t i = 0; i < fl_size(member.value); i++) {
      const struct fl_value *name = fl_at(member.value, i);
      if (fl_get_n(eval->instance, fl_as_string(name), fl_string_size(name)) == NULL)
        is_valid = fl_schema_complain(rule, eval, "has the property \"%s\", and so must have \"%s\" too", member.key,
                                      fl_as_string(name));
    }
  }
  return is_valid;
}

bool fl_schema_check(const struct fl_schema_rule *rule, const struct fl_schema_eval *eval) {
  bool is_array = fl_is(eval->instance, FL_ARRAY), is_object = fl_is(eval->instance, FL_OBJECT);
  switch (rule->kind) {
  case FL_RULE_TYPE: return check_type(rule, eval);
  case FL_RULE_CONST:
  case FL_RULE_ENUM: return check_allowed(rule, eval);
  case FL_RULE_MULTIPLE_OF:
  case FL_RULE_MAXIMUM:
  case FL_RULE_EXCLUSIVE_MAXIMUM:
  case FL_RULE_MINIMUM:
  case FL_RULE_EXCLUSIVE_MINIMUM: return check_number(rule, eval);
  case FL_RULE_MAX_LENGTH:
  case FL_RULE_MIN_LENGTH:
  case FL_RULE_PATTERN:
  case FL_RULE_FORMAT: return check_string(rule, eval);
  case FL_RULE_MAX_ITEMS:
  case FL_RULE_MIN_ITEMS:
    return !is_array || check_count(rule, eval, fl_size(eval->instance), (struct noun){"item", "items"});
  case FL_RULE_UNIQUE_ITEMS: return check_unique(rule, eval);
  case FL_RULE_MAX_PROPERTIES:
  case FL_RULE_MIN_PROPERTIES:
    return !is_object || check_count(rule, eval, fl_size(eval->instance), (struct noun){"property", "properties"});
  case FL_RULE_REQUIRED: return check_required(rule, eval);
  default: return check_dependent(rule, eval);
  }
}
