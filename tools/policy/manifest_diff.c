/* SPDX-License-Identifier: MIT */
/* What differs between two manifests: see learn.h. Pure. */
#include "runtime/base/mem.h"
#include "runtime/json/json.h"
#include "tools/policy/learn.h"
#include "tools/policy/manifest_impl.h"

#include <string.h>

struct diffing {
  void (*visit)(const struct fl_manifest_change *change, void *user);
  void *user;
  struct fl_buf at;
};

/* What a key does when it is there, or when it grows: +1 lets more through, -1 less, 0: nobody can say. */
static int weight_of(const char *key, bool is_number) {
  static const char *const more[] = {"max_calls", "maximum",    "exclusiveMaximum", "maxLength",
                                     "maxItems",  "calls",      "tokens",           "steps",
                                     "cost_usd",  "concurrent", "cost_usd_per_run", "tokens_per_run"};
  static const char *const less[] = {"minimum", "exclusiveMinimum", "minLength", "minItems"};
  static const char *const limits[] = {"approval", "from",    "args",    "when", "pattern",    "enum",
                                       "const",    "expires", "budgets", "pin",  "exec_sha256"};
  for (size_t i = 0; is_number && i < sizeof more / sizeof more[0]; i++)
    if (strcmp(more[i], key) == 0) return 1;
  for (size_t i = 0; is_number && i < sizeof less / sizeof less[0]; i++)
    if (strcmp(less[i], key) == 0) return -1;
  for (size_t i = 0; !is_number && i < sizeof limits / sizeof limits[0]; i++)
    if (strcmp(limits[i], key) == 0) return -1;
  return 0;
}

static bool is_number(const struct fl_value *value) {
  return fl_type_of(value) == FL_INT || fl_type_of(value) == FL_DOUBLE;
}

/* Whether every element of one list stands in the other. */
static bool is_part_of(const struct fl_value *part, const struct fl_value *whole) {
  for (size_t i = 0; i < fl_size(part); i++) {
    bool is_there = false;
    for (size_t j = 0; j < fl_size(whole) && !is_there; j++) is_there = fl_equal(fl_at(part, i), fl_at(whole, j));
    if (!is_there) return false;
  }
  return true;
}

static enum fl_manifest_way way_of(const char *key, const struct fl_value *from, const struct fl_value *to) {
  int grows = 0;
  bool are_lists = strcmp(key, "enum") == 0 && fl_is(from, FL_ARRAY) && fl_is(to, FL_ARRAY);
  if (are_lists && is_part_of(from, to)) return FL_MANIFEST_WIDER;
  if (are_lists && is_part_of(to, from)) return FL_MANIFEST_NARROWER;
  if (from != NULL && to != NULL && is_number(from) && is_number(to))
    grows = weight_of(key, true) * (fl_as_double(to, 0) > fl_as_double(from, 0) ? 1 : -1);
  else if (from == NULL || to == NULL) { /* a limit that comes narrows, whatever its number */
    bool is_limit = weight_of(key, true) != 0 || weight_of(key, false) != 0;
    grows = !is_limit ? 0 : to != NULL ? -1 : 1;
  }
  return grows > 0 ? FL_MANIFEST_WIDER : grows < 0 ? FL_MANIFEST_NARROWER : FL_MANIFEST_CHANGED;
}

static void tell(struct diffing *diffing, const struct fl_value *from, const struct fl_value *to,
                 enum fl_manifest_way way) {
  struct fl_manifest_change change = {diffing->at.data, from, to, way};
  diffing->visit(&change, diffing->user);
}

static size_t enter(struct diffing *diffing, const char *key) {
  size_t size = diffing->at.size;
  fl_json_pointer_add(&diffing->at, fl_slice_of(key));
  return size;
}

static void leave(struct diffing *diffing, size_t size) {
  diffing->at.size = size;
  if (diffing->at.data != NULL) diffing->at.data[size] = '\0';
}

static void diff_values(struct diffing *diffing, const char *key, const struct fl_value *from,
                        const struct fl_value *to);

static void diff_members(struct diffing *diffing, const struct fl_value *from, const struct fl_value *to,
                         const char *except) {
  for (struct fl_member m = {0}; fl_next_member(from, &m);)
    if (except == NULL || strcmp(m.key, except) != 0) diff_values(diffing, m.key, m.value, fl_get(to, m.key));
  for (struct fl_member m = {0}; fl_next_member(to, &m);)
    if (fl_get(from, m.key) == NULL) diff_values(diffing, m.key, NULL, m.value);
}

static void diff_values(struct diffing *diffing, const char *key, const struct fl_value *from,
                        const struct fl_value *to) {
  if (from != NULL && to != NULL && fl_equal(from, to)) return;
  size_t size = enter(diffing, key);
  if (fl_is(from, FL_OBJECT) && fl_is(to, FL_OBJECT)) diff_members(diffing, from, to, NULL);
  else tell(diffing, from, to, way_of(key, from, to));
  leave(diffing, size);
}

/* ---- rules, by their pattern ---- */

static const struct fl_value *find_rule(const struct fl_value *rules, const char *match, const char *when) {
  for (size_t i = 0; i < fl_size(rules); i++) {
    const struct fl_value *rule = fl_at(rules, i);
    if (strcmp(fl_get_string(rule, "match", ""), match) != 0) continue;
    if (when == NULL || strcmp(fl_get_string(rule, "when", ""), when) == 0) return rule;
  }
  return NULL;
}

/* `lets`: whether such a rule lets something through, so that one more is wider. Rules of `forbid` are told apart by
 * their conditions, too. */
static void diff_rules(struct diffing *diffing, const char *key, const struct fl_value *from, const struct fl_value *to,
                       bool lets) {
  for (int side = 0; side < 2; side++) {
    const struct fl_value *rules = side == 0 ? from : to, *others = side == 0 ? to : from;
    for (size_t i = 0; i < fl_size(rules); i++) {
      const struct fl_value *rule = fl_at(rules, i);
      const char *match = fl_get_string(rule, "match", ""), *when = lets ? NULL : fl_get_string(rule, "when", "");
      const struct fl_value *other = find_rule(others, match, when);
      if (side == 1 && other != NULL) continue;
      leave(diffing, 0);
      fl_buf_addf(&diffing->at, "%s %s ", key, match);
      bool widens = (side == 1) == lets;
      if (other == NULL)
        tell(diffing, side == 0 ? rule : NULL, side == 0 ? NULL : rule,
             widens ? FL_MANIFEST_WIDER : FL_MANIFEST_NARROWER);
      else diff_members(diffing, rule, other, "match");
    }
  }
  leave(diffing, 0);
}

void fl_manifest_diff(const struct fl_manifest *from, const struct fl_manifest *to,
                      void (*visit)(const struct fl_manifest_change *change, void *user), void *user) {
  struct diffing diffing = {.visit = visit, .user = user};
  const struct fl_value *a = from->document.root, *b = to->document.root;
  FL_VALUE_AUTO rest_a = fl_copy_shallow(a);
  FL_VALUE_AUTO rest_b = fl_copy_shallow(b);
  fl_buf_add_text(&diffing.at, "");
  diff_rules(&diffing, "tools", fl_get(a, "tools"), fl_get(b, "tools"), true);
  diff_rules(&diffing, "forbid", fl_get(a, "forbid"), fl_get(b, "forbid"), false);
  fl_unset(rest_a, "tools");
  fl_unset(rest_b, "tools");
  fl_unset(rest_a, "forbid");
  fl_unset(rest_b, "forbid");
  diff_members(&diffing, rest_a, rest_b, NULL);
  fl_buf_deinit(&diffing.at);
}
