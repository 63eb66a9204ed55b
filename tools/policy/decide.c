/* SPDX-License-Identifier: MIT */
/* The allow-list policy. See policy.h. Pure and total: it allocates when it is made, never when it decides.
 *
 * Invariants. (1) What no pattern names is denied. (2) A node's own list can only take away. (3) The arguments of a
 * call do not matter here, so what is listed to the model is what may be called. (4) An effect that nothing states is
 * `once`, the one that is repeated least. */
#include "tools/policy/policy.h"

#include "runtime/base/mem.h"

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
};

/* How well a pattern fits a tool: 0 not at all, otherwise the more it says the higher; a full name beats every
 * prefix. */
static size_t fit(const char *pattern, const char *tool) {
  size_t size = strlen(pattern);
  if (size > 0 && pattern[size - 1] == '*') return strncmp(pattern, tool, size - 1) == 0 ? size : 0;
  return strcmp(pattern, tool) == 0 ? SIZE_MAX : 0;
}

/* The pattern of a list that fits best, or NULL. */
static const char *find_pattern(const char *const *patterns, const char *tool) {
  const char *best = NULL;
  size_t best_fit = 0;
  for (; patterns != NULL && *patterns != NULL; patterns++) {
    size_t this_fit = fit(*patterns, tool);
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

void fl_policy_destroy(struct fl_policy *policy) {
  if (policy == NULL) return;
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
    size_t this_fit = fit(policy->effects[i].pattern, tool);
    if (this_fit <= best_fit) continue;
    effect = policy->effects[i].effect;
    best_fit = this_fit;
  }
  return effect;
}

/* A text that was cut may end in the middle of a character. */
static void trim(char *text) {
  size_t size = strlen(text), end = size;
  while (end > 0 && (text[end - 1] & 0xc0) == 0x80) end--;
  if (end == 0 || (text[end - 1] & 0x80) == 0) return;
  unsigned char first = (unsigned char)text[end - 1];
  size_t wanted = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (size - (end - 1) < wanted) text[end - 1] = '\0';
}

void fl_policy_decide(const struct fl_policy *policy, const struct fl_policy_call *call,
                      struct fl_decision *ret_decision) {
  const char *node = call->node != NULL ? call->node : "", *tool = call->tool != NULL ? call->tool : "";
  const char *allowed = tool[0] != '\0' ? find_pattern((const char *const *)policy->allow, tool) : NULL;
  const char *of_node = allowed != NULL ? find_pattern(call->node_allow, tool) : NULL;
  struct fl_decision decision = {.verdict = FL_VERDICT_DENY, .effect = (int)find_effect(policy, tool)};
  if (allowed == NULL) snprintf(decision.rule, sizeof decision.rule, "no tool list of the graph names %s", tool);
  else if (call->node_allow != NULL && of_node == NULL)
    snprintf(decision.rule, sizeof decision.rule, "the tools of node %s do not name %s", node, tool);
  else {
    decision.verdict = FL_VERDICT_ALLOW;
    if (of_node != NULL) snprintf(decision.rule, sizeof decision.rule, "tools of node %s: %s", node, of_node);
    else snprintf(decision.rule, sizeof decision.rule, "tools of the graph: %s", allowed);
  }
  trim(decision.rule);
  *ret_decision = decision;
}
