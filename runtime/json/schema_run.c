/* SPDX-License-Identifier: MIT */
/* Following a compiled schema through an instance: the rules that hold subschemas (JSON Schema core, sections 10 and
 * 11). Recursion is bounded by FL_SCHEMA_DEPTH_MAX, work by FL_SCHEMA_WORK_MAX; a reference that runs in a circle meets
 * the first.
 *
 * Marks: a subschema that applies to the same instance marks what it evaluated in eval->marks. One that may fail while
 * its parent stands (an alternative, a condition) gets marks of its own, which are merged when it holds. */
#include "runtime/json/schema_run.h"

#include "runtime/base/mem.h"

typedef bool rule_fn(const struct fl_schema_rule *rule, const struct fl_schema_eval *eval);

static fl_slice member_name(const struct fl_member *member) { return fl_slice_n(member->key, member->key_size); }

/* Whether to look further: after a fault only for the sake of the report. */
static bool goes_on(bool is_valid, const struct fl_schema_eval *eval) {
  return (is_valid || eval->report != NULL) && eval->run->error == 0;
}

static bool evaluate_item(const struct fl_schema_node *node, const struct fl_schema_eval *eval, size_t index) {
  struct fl_schema_path path = {.up = eval->path, .index = index};
  struct fl_schema_eval inner = *eval;
  inner.instance = fl_at(eval->instance, index);
  inner.path = &path;
  inner.marks = NULL;
  return fl_schema_evaluate(node, &inner);
}

static bool evaluate_member(const struct fl_schema_node *node, const struct fl_schema_eval *eval,
                            const struct fl_member *member) {
  struct fl_schema_path path = {.up = eval->path, .key = member_name(member)};
  struct fl_schema_eval inner = *eval;
  inner.instance = member->value;
  inner.path = &path;
  inner.marks = NULL;
  return fl_schema_evaluate(node, &inner);
}

/* A subschema whose failure is not the failure of the whole. */
static bool evaluate_branch(const struct fl_schema_node *node, const struct fl_schema_eval *eval,
                            struct fl_schema_report *report) {
  struct fl_schema_eval inner = *eval;
  struct fl_schema_marks marks = {0};
  inner.report = report;
  if (eval->marks != NULL) {
    fl_schema_marks_init(&marks, eval->instance);
    inner.marks = &marks;
  }
  bool is_valid = fl_schema_evaluate(node, &inner);
  if (is_valid && eval->marks != NULL) fl_schema_marks_merge(eval->marks, &marks);
  fl_schema_marks_deinit(&marks);
  return is_valid;
}

/* ---- references and combinations ---- */

static bool run_ref(const struct fl_schema_rule *rule, const struct fl_schema_eval *eval) {
  return fl_schema_evaluate(rule->node, eval);
}

/* The outermost resource on the way here that has the anchor decides. */
static bool run_dynamic_ref(const struct fl_schema_rule *rule, const struct fl_schema_eval *eval) {
  const struct fl_schema_node *node = rule->node;
  for (const struct fl_schema_scope *scope = eval->scope; scope != NULL; scope = scope->outer) {
    const struct fl_schema_anchor *anchor = fl_map_get(&scope->resource->dynamic_anchors, rule->text);
    if (anchor != NULL) node = anchor->node;
    if (!fl_schema_spend(eval, 1)) return false;
  }
  return fl_schema_evaluate(node, eval);
}

static bool run_all_of(const struct fl_schema_rule *rule, const struct fl_schema_eval *eval) {
  bool is_valid = true;
  for (size_t i = 0; i < rule->node_count && goes_on(is_valid, eval); i++)
    is_valid &= fl_schema_evaluate(rule->nodes[i], eval);
  return is_valid;
}

/* How many alternatives hold, up to `enough`; ret_ends: the first and the last of them. */
static size_t count_branches(const struct fl_schema_rule *rule, const struct fl_schema_eval *eval, size_t enough,
                             struct fl_schema_report *reports, size_t ret_ends[2]) {
  size_t count = 0;
  for (size_t i = 0; i < rule->node_count && count < enough && eval->run->error == 0; i++) {
    if (!evaluate_branch(rule->nodes[i], eval, reports != NULL ? &reports[i] : NULL)) continue;
    if (count++ == 0) ret_ends[0] = i;
    ret_ends[1] = i;
  }
  return count;
}

enum { BRANCH_COMPLAINTS_MAX = 4, BRANCHES_REPORTED_MAX = 64 };

/* As count_branches; complains when there is none. Each branch is entered once, also for the report, so that
 * alternatives inside alternatives do not multiply; hundreds of them are not explained one by one. */
static size_t choose_branches(const struct fl_schema_rule *rule, const struct fl_schema_eval *eval, size_t enough,
                              size_t ret_ends[2]) {
  bool explains = eval->report != NULL && rule->node_count <= BRANCHES_REPORTED_MAX;
  FL_FREE_AUTO struct fl_schema_report *reports =
      explains ? fl_new_array(struct fl_schema_report, rule->node_count) : NULL;
  for (size_t i = 0; explains && i < rule->node_count; i++) reports[i].limit = BRANCH_COMPLAINTS_MAX;
  size_t count = count_branches(rule, eval, enough, reports, ret_ends);
  if (count == 0 && explains) fl_schema_complain_branches(rule, eval, reports);
  else if (count == 0) fl_schema_complain(rule, eval, "fits none of the %zu allowed forms", rule->node_count);
  for (size_t i = 0; explains && i < rule->node_count; i++) fl_schema_report_deinit(&reports[i]);
  return count;
}

static bool run_any_of(const struct fl_schema_rule *rule, const struct fl_schema_eval *eval) {
  size_t ends[2];
  return choose_branches(rule, eval, eval->marks != NULL ? rule->node_count : 1, ends) > 0;
}

static bool run_one_of(const struct fl_schema_rule *rule, const struct fl_schema_eval *eval) {
  size_t ends[2] = {0, 0};
  size_t count = choose_branches(rule, eval, 2, ends);
  if (count <= 1) return count == 1;
  return fl_schema_complain(rule, eval, "fits more than one of the %zu forms (%zu and %zu), but must fit exactly one",
                            rule->node_count, ends[0] + 1, ends[1] + 1);
}

static bool run_not(const struct fl_schema_rule *rule, const struct fl_schema_eval *eval) {
  struct fl_schema_eval inner = *eval;
  inner.marks = NULL;
  inner.report = NULL;
  return !fl_schema_evaluate(rule->node, &inner) ||
         fl_schema_complain_value(rule, eval, "which is just what it must not be");
}

static bool run_if(const struct fl_schema_rule *rule, const struct fl_schema_eval *eval) {
  const struct fl_schema_node *branch = rule->nodes[evaluate_branch(rule->node, eval, NULL) ? 0 : 1];
  return branch == NULL || fl_schema_evaluate(branch, eval);
}

static bool run_dependent_schemas(const struct fl_schema_rule *rule, const struct fl_schema_eval *eval) {
  bool is_valid = true;
  size_t cursor = 0;
  if (!fl_is(eval->instance, FL_OBJECT)) return true;
  for (struct fl_map_entry *entry; goes_on(is_valid, eval) && (entry = fl_map_next(rule->members, &cursor)) != NULL;)
    if (fl_get_n(eval->instance, entry->key, entry->key_size) != NULL)
      is_valid &= fl_schema_evaluate(entry->value, eval);
  return is_valid;
}

/* ---- arrays ---- */

static bool run_items(const struct fl_schema_rule *rule, const struct fl_schema_eval *eval) {
  bool is_valid = true;
  size_t count = fl_is(eval->instance, FL_ARRAY) ? fl_size(eval->instance) : 0;
  if (rule->node == NULL && count > rule->node_count) count = rule->node_count;
  for (size_t i = 0; i < count && goes_on(is_valid, eval); i++) {
    const struct fl_schema_node *node = i < rule->node_count ? rule->nodes[i] : rule->node;
    if (node->is_never && i >= rule->node_count && rule->node_count > 0)
      return fl_schema_complain(rule, eval, "must have at most %zu item%s, but has %zu", rule->node_count,
                                rule->node_count == 1 ? "" : "s", count);
    is_valid &= evaluate_item(node, eval, i);
    fl_schema_marks_set(eval->marks, i);
  }
  return is_valid;
}

static bool run_contains(const struct fl_schema_rule *rule, const struct fl_schema_eval *eval) {
  if (!fl_is(eval->instance, FL_ARRAY)) return true;
  struct fl_schema_eval quiet = *eval;
  quiet.report = NULL;
  uint64_t found = 0;
  bool must_see_all = eval->marks != NULL || rule->most != UINT64_MAX || eval->report != NULL;
  for (size_t i = 0; i < fl_size(eval->instance) && (must_see_all || found < rule->least) && eval->run->error == 0;
       i++) {
    if (!evaluate_item(rule->node, &quiet, i)) continue;
    found++;
    fl_schema_marks_set(eval->marks, i);
  }
  if (found >= rule->least && found <= rule->most) return true;
  bool is_few = found < rule->least;
  unsigned long long bound = is_few ? rule->least : rule->most;
  return fl_schema_complain(rule, eval, "must hold at %s %llu item%s `contains`, but holds %llu",
                            is_few ? "least" : "most", bound, bound == 1 ? " that fits" : "s that fit",
                            (unsigned long long)found);
}

static bool run_unevaluated_items(const struct fl_schema_rule *rule, const struct fl_schema_eval *eval) {
  bool is_valid = true;
  size_t count = fl_is(eval->instance, FL_ARRAY) ? fl_size(eval->instance) : 0;
  for (size_t i = 0; i < count && goes_on(is_valid, eval); i++) {
    if (fl_schema_marks_has(eval->marks, i)) continue;
    is_valid &= evaluate_item(rule->node, eval, i);
    fl_schema_marks_set(eval->marks, i);
  }
  return is_valid;
}

/* ---- objects ---- */

/* The schema for members that no other keyword knows. */
static bool evaluate_rest(const struct fl_schema_rule *rule, const struct fl_schema_eval *eval,
                          const struct fl_member *member, const char *keyword) {
  if (!rule->node->is_never) return evaluate_member(rule->node, eval, member);
  struct fl_schema_path path = {.up = eval->path, .key = member_name(member)};
  struct fl_schema_eval inner = *eval;
  inner.path = &path;
  inner.instance = member->value;
  return fl_schema_complain_member(rule, &inner, keyword, rule->members);
}

/* properties, patternProperties and additionalProperties for one member. */
static bool run_member(const struct fl_schema_rule *rule, const struct fl_schema_eval *eval,
                       const struct fl_member *member, bool *ret_is_known) {
  bool is_valid = true;
  const struct fl_schema_node *node = rule->members != NULL ? fl_map_get_n(rule->members, member_name(member)) : NULL;
  *ret_is_known = node != NULL;
  if (node != NULL) is_valid = evaluate_member(node, eval, member);
  for (size_t i = 0; i < rule->pattern_count && goes_on(is_valid, eval); i++) {
    if (!fl_schema_check_pattern(eval, rule->patterns[i].regex, member_name(member))) continue;
    *ret_is_known = true;
    is_valid &= evaluate_member(rule->patterns[i].node, eval, member);
  }
  if (*ret_is_known || rule->node == NULL || eval->run->error != 0) return is_valid;
  *ret_is_known = true;
  return evaluate_rest(rule, eval, member, "additionalProperties");
}

static bool run_members(const struct fl_schema_rule *rule, const struct fl_schema_eval *eval) {
  bool is_valid = true, is_known;
  struct fl_member member = {0};
  if (!fl_is(eval->instance, FL_OBJECT)) return true;
  for (size_t i = 0; goes_on(is_valid, eval) && fl_next_member(eval->instance, &member); i++) {
    if (!fl_schema_spend(eval, 1)) return false;
    is_valid &= run_member(rule, eval, &member, &is_known);
    if (is_known) fl_schema_marks_set(eval->marks, i);
  }
  return is_valid;
}

static bool run_unevaluated_properties(const struct fl_schema_rule *rule, const struct fl_schema_eval *eval) {
  bool is_valid = true;
  struct fl_member member = {0};
  if (!fl_is(eval->instance, FL_OBJECT)) return true;
  for (size_t i = 0; goes_on(is_valid, eval) && fl_next_member(eval->instance, &member); i++) {
    if (fl_schema_marks_has(eval->marks, i)) continue;
    is_valid &= evaluate_rest(rule, eval, &member, rule->keyword);
    fl_schema_marks_set(eval->marks, i);
  }
  return is_valid;
}

/* Names are strings, and are evaluated as such. */
static bool run_property_names(const struct fl_schema_rule *rule, const struct fl_schema_eval *eval) {
  bool is_valid = true;
  struct fl_member member = {0};
  if (!fl_is(eval->instance, FL_OBJECT)) return true;
  while (goes_on(is_valid, eval) && fl_next_member(eval->instance, &member)) {
    FL_VALUE_AUTO name = fl_string_n(member.key, member.key_size);
    struct fl_schema_path path = {.up = eval->path, .key = member_name(&member)};
    struct fl_schema_eval inner = *eval;
    inner.instance = name;
    inner.path = &path;
    inner.marks = NULL;
    inner.report = NULL;
    if (fl_schema_evaluate(rule->node, &inner)) continue;
    struct fl_schema_report report = {.limit = 1};
    inner.report = &report;
    if (eval->report != NULL) fl_schema_evaluate(rule->node, &inner);
    inner.report = eval->report;
    is_valid = fl_schema_complain(rule, &inner, "the name of this property %s",
                                  report.count > 0 ? report.complaints[0].text.message : "is not allowed");
    fl_schema_report_deinit(&report);
  }
  return is_valid;
}

/* ---- the walk ---- */

static rule_fn *const runners[FL_RULE_KIND_COUNT] = {
    [FL_RULE_REF] = run_ref,
    [FL_RULE_DYNAMIC_REF] = run_dynamic_ref,
    [FL_RULE_ALL_OF] = run_all_of,
    [FL_RULE_ANY_OF] = run_any_of,
    [FL_RULE_ONE_OF] = run_one_of,
    [FL_RULE_NOT] = run_not,
    [FL_RULE_IF] = run_if,
    [FL_RULE_DEPENDENT_SCHEMAS] = run_dependent_schemas,
    [FL_RULE_ITEMS] = run_items,
    [FL_RULE_CONTAINS] = run_contains,
    [FL_RULE_MEMBERS] = run_members,
    [FL_RULE_PROPERTY_NAMES] = run_property_names,
    [FL_RULE_UNEVALUATED_ITEMS] = run_unevaluated_items,
    [FL_RULE_UNEVALUATED_PROPERTIES] = run_unevaluated_properties,
};

/* What is unevaluated is known only once all else holds; these rules come last. */
static bool run_rules(const struct fl_schema_node *node, const struct fl_schema_eval *eval) {
  bool is_valid = true;
  for (size_t i = 0; i < node->rule_count && goes_on(is_valid, eval); i++) {
    const struct fl_schema_rule *rule = &node->rules[i];
    bool is_last = rule->kind == FL_RULE_UNEVALUATED_ITEMS || rule->kind == FL_RULE_UNEVALUATED_PROPERTIES;
    if (is_last && !is_valid) break;
    rule_fn *runner = runners[rule->kind] != NULL ? runners[rule->kind] : fl_schema_check;
    is_valid &= runner(rule, eval);
  }
  return is_valid && eval->run->error == 0;
}

static bool run_node(const struct fl_schema_node *node, const struct fl_schema_eval *outer) {
  struct fl_schema_scope scope = {node->resource, outer->scope};
  struct fl_schema_eval eval = *outer;
  struct fl_schema_marks marks = {0};
  eval.node = node;
  if (outer->scope == NULL || outer->scope->resource != node->resource) eval.scope = &scope;
  if (!node->has_unevaluated) return run_rules(node, &eval);
  if (!fl_schema_spend(&eval, fl_size(eval.instance) / 64)) return false; /* the marks are as many bits */
  fl_schema_marks_init(&marks, eval.instance);
  eval.marks = &marks;
  bool is_valid = run_rules(node, &eval);
  if (is_valid && outer->marks != NULL) fl_schema_marks_merge(outer->marks, &marks);
  fl_schema_marks_deinit(&marks);
  return is_valid;
}

bool fl_schema_evaluate(const struct fl_schema_node *node, const struct fl_schema_eval *eval) {
  static const struct fl_schema_rule never = {.keyword = "false"};
  struct fl_schema_run *run = eval->run;
  if (!fl_schema_spend(eval, 1)) return false;
  if (node->is_never) {
    struct fl_schema_eval inner = *eval;
    inner.node = node;
    return fl_schema_complain(&never, &inner, "is not allowed here");
  }
  if (node->rule_count == 0) return true;
  if (run->depth == FL_SCHEMA_DEPTH_MAX) {
    run->error = FL_E_LIMIT;
    return false;
  }
  run->depth++;
  bool is_valid = run_node(node, eval);
  run->depth--;
  return is_valid;
}
