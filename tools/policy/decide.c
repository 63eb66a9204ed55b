/* SPDX-License-Identifier: MIT */
/* The allow-list policy, and policies within policies. See policy.h. Pure and total.
 *
 * Invariants. (1) What no pattern names is denied. (2) A node's own list can only take away, and so can a manifest from
 * the policy that it is within. (3) To an allow-list the arguments of a call do not matter, so what is listed to the
 * model is what may be called. (4) An effect that nothing states is `once`, the one that is repeated least. */
#include "tools/policy/policy.h"

#include "runtime/base/mem.h"
#include "tools/policy/canonical.h"
#include "tools/policy/manifest_decide.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum effect { EFFECT_READ = 0, EFFECT_KEYED = 1, EFFECT_ONCE = 2 };

struct effect_rule {
  char *pattern;
  enum effect effect;
};

struct fl_policy {
  char **allow; /* NULL-terminated */
  struct effect_rule *effects;
  size_t effect_count;
  struct fl_manifest *manifest;   /* NULL: an allow-list */
  const struct fl_policy *within; /* of a manifest; lent */
};

/* The pattern of a list that fits best, or NULL. */
static const char *find_pattern(const char *const *patterns, const char *tool) {
  const char *best = NULL;
  size_t best_fit = 0;
  for (; patterns != NULL && *patterns != NULL; patterns++) {
    size_t this_fit = fl_pattern_fit(*patterns, tool);
    if (this_fit <= best_fit) continue;
    best = *patterns;
    best_fit = this_fit;
  }
  return best;
}

static enum effect read_effect(const struct fl_value *word) {
  const char *text = fl_as_string(word);
  if (text != NULL && strcmp(text, "read") == 0) return EFFECT_READ;
  return text != NULL && strcmp(text, "keyed") == 0 ? EFFECT_KEYED : EFFECT_ONCE;
}

struct fl_policy *fl_policy_create_allow_list(const char *const *allow, const struct fl_value *effects) {
  struct fl_policy *policy = fl_new(struct fl_policy);
  size_t count = 0;
  while (allow != NULL && allow[count] != NULL) count++;
  policy->allow = fl_new_array(char *, count + 1);
  for (size_t i = 0; i < count; i++) policy->allow[i] = fl_strdup(allow[i]);
  policy->effects = fl_new_array(struct effect_rule, fl_size(effects) + 1);
  struct fl_member member = {0};
  while (fl_is(effects, FL_OBJECT) && fl_next_member(effects, &member))
    policy->effects[policy->effect_count++] = (struct effect_rule){fl_strdup(member.key), read_effect(member.value)};
  return policy;
}

void fl_policy_add_allowed(struct fl_policy *policy, const char *pattern) {
  size_t count = 0;
  while (policy->allow[count] != NULL) count++;
  policy->allow = fl_realloc(policy->allow, (count + 2) * sizeof *policy->allow);
  policy->allow[count] = fl_strdup(pattern);
  policy->allow[count + 1] = NULL;
}

const char *const *fl_policy_allowed(const struct fl_policy *policy) { return (const char *const *)policy->allow; }

struct fl_policy *fl_policy_create_manifest(struct fl_manifest *manifest, const struct fl_policy *within) {
  struct fl_policy *policy = fl_policy_create_allow_list(NULL, NULL);
  policy->manifest = fl_manifest_ref(manifest);
  policy->within = within;
  return policy;
}

const char *fl_policy_manifest_hash(const struct fl_policy *policy) {
  while (policy != NULL && policy->manifest == NULL) policy = policy->within;
  return policy != NULL ? fl_manifest_hash(policy->manifest) : NULL;
}

void fl_policy_destroy(struct fl_policy *policy) {
  if (policy == NULL) return;
  fl_manifest_unref(policy->manifest);
  for (size_t i = 0; policy->allow[i] != NULL; i++) fl_free(policy->allow[i]);
  for (size_t i = 0; i < policy->effect_count; i++) fl_free(policy->effects[i].pattern);
  fl_free(policy->allow);
  fl_free(policy->effects);
  fl_free(policy);
}

static enum effect find_effect(const struct fl_policy *policy, const char *tool) {
  enum effect effect = EFFECT_ONCE;
  size_t best_fit = 0;
  for (size_t i = 0; i < policy->effect_count; i++) {
    size_t this_fit = fl_pattern_fit(policy->effects[i].pattern, tool);
    if (this_fit <= best_fit) continue;
    effect = policy->effects[i].effect;
    best_fit = this_fit;
  }
  return effect;
}

void fl_policy_trim(char *text) {
  size_t size = strlen(text), end = size;
  while (end > 0 && (text[end - 1] & 0xc0) == 0x80) end--;
  if (end == 0 || (text[end - 1] & 0x80) == 0) return;
  unsigned char first = (unsigned char)text[end - 1];
  size_t wanted = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (size - (end - 1) < wanted) text[end - 1] = '\0';
}

static void decide_by_list(const struct fl_policy *policy, const struct fl_policy_call *call,
                           struct fl_decision *decision) {
  const char *node = call->node != NULL ? call->node : "", *tool = call->tool;
  const char *allowed = tool[0] != '\0' ? find_pattern((const char *const *)policy->allow, tool) : NULL;
  const char *of_node = allowed != NULL ? find_pattern(call->node_allow, tool) : NULL;
  decision->effect = (int)find_effect(policy, tool);
  if (allowed == NULL) snprintf(decision->rule, sizeof decision->rule, "no tool list of the graph names %s", tool);
  else if (call->node_allow != NULL && of_node == NULL)
    snprintf(decision->rule, sizeof decision->rule, "the tools of node %s do not name %s", node, tool);
  else {
    decision->verdict = FL_VERDICT_ALLOW;
    if (call->args != NULL) decision->args = fl_value_ref(call->args);
    if (of_node != NULL) snprintf(decision->rule, sizeof decision->rule, "tools of node %s: %s", node, of_node);
    else snprintf(decision->rule, sizeof decision->rule, "tools of the graph: %s", allowed);
  }
  fl_policy_trim(decision->rule);
}

/* The one around is asked about the arguments as this one spells them. The stricter verdict counts; when both say the
 * same, the rule of this one is told. */
static void narrow(const struct fl_policy *policy, const struct fl_policy_call *call, struct fl_decision *decision) {
  struct fl_decision outer = {0};
  struct fl_policy_call spelled = *call;
  if (decision->args != NULL) spelled.args = decision->args;
  fl_policy_decide(policy->within, &spelled, &outer);
  int effect = decision->effect < 0 ? outer.effect : decision->effect;
  bool is_stricter = outer.verdict < decision->verdict;
  bool both_ask = outer.verdict == FL_VERDICT_ASK && decision->verdict == FL_VERDICT_ASK;
  if (both_ask && outer.approvers != NULL) decision->approvers = outer.approvers; /* who stands around decides who */
  if (decision->key_arg == NULL) decision->key_arg = outer.key_arg;
  decision->labels |= outer.labels;
  /* Two manifests: the effect that is repeated less. A graph file's word counts only where no manifest says anything.
   */
  if (fl_policy_manifest_hash(policy->within) != NULL && outer.effect > effect) effect = outer.effect;
  if (outer.args != NULL) {
    fl_value_unref(decision->args);
    decision->args = fl_value_ref(outer.args);
  }
  if (is_stricter) {
    struct fl_value *args = decision->args;
    *decision = outer;
    decision->args = args;
    fl_value_unref(outer.args);
  } else {
    fl_value_unref(outer.args);
  }
  decision->effect = effect;
}

void fl_policy_decide(const struct fl_policy *policy, const struct fl_policy_call *call,
                      struct fl_decision *ret_decision) {
  struct fl_policy_call named = *call;
  struct fl_decision decision = {.verdict = FL_VERDICT_DENY};
  if (named.tool == NULL) named.tool = "";
  if (policy->manifest == NULL) decide_by_list(policy, &named, &decision);
  else {
    fl_manifest_decide(policy->manifest, &named, &decision);
    decision.effect = fl_manifest_effect(policy->manifest, named.tool);
    if (policy->within != NULL) narrow(policy, &named, &decision);
    if (decision.effect < 0) decision.effect = EFFECT_ONCE;
  }
  if (decision.verdict == FL_VERDICT_DENY) fl_decision_deinit(&decision);
  *ret_decision = decision;
}

/* ---- models and tasks: every manifest around is asked, the first that denies decides ---- */

void fl_policy_decide_model(const struct fl_policy *policy, const char *model, const struct fl_policy_facts *facts,
                            struct fl_decision *ret_decision) {
  *ret_decision = (struct fl_decision){.verdict = FL_VERDICT_ALLOW};
  for (; policy != NULL && ret_decision->verdict == FL_VERDICT_ALLOW; policy = policy->within)
    if (policy->manifest != NULL) fl_manifest_decide_model(policy->manifest, model, facts, ret_decision);
}

void fl_policy_decide_step(const struct fl_policy *policy, const struct fl_policy_facts *facts,
                           struct fl_decision *ret_decision) {
  *ret_decision = (struct fl_decision){.verdict = FL_VERDICT_ALLOW};
  for (; policy != NULL && ret_decision->verdict == FL_VERDICT_ALLOW; policy = policy->within)
    if (policy->manifest != NULL) fl_manifest_decide_step(policy->manifest, facts, ret_decision);
}

/* ---- what a policy needs to be told ---- */

/* Whether a part of a schema describes a URL or a host. As deep as documents are. */
static bool has_hosts(const struct fl_value *schema) {
  enum fl_canonical kind = fl_is(schema, FL_OBJECT) ? fl_canonical_kind(schema) : FL_CANONICAL_NONE;
  if (kind == FL_CANONICAL_URL || kind == FL_CANONICAL_HOST) return true;
  for (struct fl_member m = {0}; fl_is(schema, FL_OBJECT) && fl_next_member(schema, &m);)
    if (has_hosts(m.value)) return true;
  for (size_t i = 0; fl_is(schema, FL_ARRAY) && i < fl_size(schema); i++)
    if (has_hosts(fl_at(schema, i))) return true;
  return false;
}

static void add_needs(const struct fl_manifest *manifest, struct fl_policy_needs *needs) {
  needs->labels = true;
  needs->spending |= manifest->budget_count > 0;
  needs->listings |= manifest->pin_count > 0;
  for (size_t i = 0; i < manifest->budget_count; i++) {
    needs->by_user |= strcmp(manifest->budgets[i].scope, "user") == 0;
    needs->costs |= manifest->budgets[i].what == FL_SPENT_COST_USD;
  }
  for (size_t i = 0; i < manifest->rule_count; i++) {
    const struct fl_tool_rule *rule = &manifest->rules[i];
    needs->spending |= rule->max_calls >= 0;
    needs->hosts |= !rule->allows_private && has_hosts(rule->args);
    for (struct fl_member m = {0}; fl_next_member(rule->from, &m);)
      for (size_t j = 0; j < fl_size(m.value); j++) {
        const char *origin = fl_as_string(fl_at(m.value, j));
        needs->prompt |= origin != NULL && strcmp(origin, "prompt") == 0;
      }
  }
}

struct fl_policy_needs fl_policy_needs(const struct fl_policy *policy) {
  struct fl_policy_needs needs = {0};
  for (; policy != NULL; policy = policy->within)
    if (policy->manifest != NULL) add_needs(policy->manifest, &needs);
  return needs;
}

const char *fl_policy_pin(const struct fl_policy *policy, const char *tool) {
  const struct fl_server_pin *pin = NULL;
  for (; policy != NULL && pin == NULL; policy = policy->within)
    if (policy->manifest != NULL) pin = fl_manifest_pin_of(policy->manifest, tool);
  return pin != NULL ? pin->tools : NULL;
}

uint64_t fl_policy_source_labels(const struct fl_policy *policy, const char *tool, const struct fl_tool_class *class) {
  uint64_t labels = class->gives;
  for (; policy != NULL; policy = policy->within)
    if (policy->manifest != NULL) labels |= fl_manifest_source_labels(policy->manifest, tool);
  return labels;
}

void fl_policy_visit_origins(const struct fl_policy *policy, const char *tool,
                             void (*visit)(const char *origin, const char *pointer, void *user), void *user) {
  size_t tool_size = strlen(tool);
  for (; policy != NULL; policy = policy->within)
    for (size_t i = 0; policy->manifest != NULL && i < policy->manifest->rule_count; i++)
      for (struct fl_member m = {0}; fl_next_member(policy->manifest->rules[i].from, &m);)
        for (size_t j = 0; j < fl_size(m.value); j++) {
          const char *origin = fl_as_string(fl_at(m.value, j));
          bool is_of_tool = origin != NULL && strncmp(origin, tool, tool_size) == 0 && origin[tool_size] == '#';
          if (is_of_tool) visit(origin, origin + tool_size + 1, user);
        }
}

void fl_labels_of_policy(const struct fl_policy *policy, uint64_t labels, struct fl_buf *text) {
  while (policy != NULL && policy->manifest == NULL) policy = policy->within;
  fl_labels_text(labels, policy != NULL ? policy->manifest->label_names : NULL, text);
}

void fl_decision_deinit(struct fl_decision *decision) {
  fl_value_unref(decision->args);
  decision->args = NULL;
}
