/* SPDX-License-Identifier: MIT */
/* Budgets: what may be spent in a run, by a thread, by a user. What was spent is a fact; that it is at the limit denies
 * what would spend more, so that a limit is passed by one call at most. Pure. */
#include "runtime/base/mem.h"
#include "tools/policy/manifest_decide.h"

#include <string.h>

const char *fl_spending_word(enum fl_spending what) {
  static const char *const words[FL_SPENDING_COUNT] = {"calls",    "tokens", "steps",     "wall_ms",
                                                       "cost_usd", "output", "concurrent"};
  return words[what];
}

/* What asks: calls of tools, listing tools, calls of models, the beginning of a task. */
static bool is_asked_about(enum fl_spending what, unsigned kinds) {
  static const unsigned asked[FL_SPENDING_COUNT] = {
      [FL_SPENT_CALLS] = FL_SPENDING_BIT_TOOL | FL_SPENDING_BIT_LISTING,
      [FL_SPENT_TOKENS] = FL_SPENDING_BIT_MODEL,
      [FL_SPENT_STEPS] = FL_SPENDING_BIT_STEP,
      [FL_SPENT_WALL_MS] = FL_SPENDING_BIT_TOOL | FL_SPENDING_BIT_MODEL | FL_SPENDING_BIT_STEP,
      [FL_SPENT_COST_USD] = FL_SPENDING_BIT_MODEL,
      [FL_SPENT_OUTPUT] = FL_SPENDING_BIT_TOOL | FL_SPENDING_BIT_MODEL,
      [FL_SPENT_CONCURRENT] = FL_SPENDING_BIT_TOOL | FL_SPENDING_BIT_MODEL};
  return (asked[what] & kinds) != 0;
}

static void say_spent(const struct fl_question *question, const struct fl_budget *budget, double spent) {
  static const char *const whose[] = {"this run", "this thread", "this user today"};
  size_t scope = budget->scope[0] == 'r' ? 0 : budget->scope[0] == 't' ? 1 : 2;
  fl_question_say(question, FL_VERDICT_DENY, budget->pointer, "the budget of %s is used up: %.15g of %.15g %s",
                  whose[scope], spent, budget->limit, fl_spending_word(budget->what));
  question->decision->is_spent = true;
}

bool fl_question_is_spent(const struct fl_question *question, unsigned kinds) {
  const struct fl_manifest *manifest = question->manifest;
  const struct fl_policy_facts *facts = question->call->facts;
  for (size_t i = 0; i < manifest->budget_count; i++) {
    const struct fl_budget *budget = &manifest->budgets[i];
    if (!is_asked_about(budget->what, kinds)) continue;
    const struct fl_value *of_scope = facts != NULL ? fl_get(facts->spent, budget->scope) : NULL;
    if (!fl_is(of_scope, FL_OBJECT)) {
      fl_question_say(question, FL_VERDICT_DENY, budget->pointer, "what this %s has spent is not known", budget->scope);
      return true;
    }
    double spent = fl_as_double(fl_get(of_scope, fl_spending_word(budget->what)), 0);
    if (spent < budget->limit) continue;
    say_spent(question, budget, spent);
    return true;
  }
  return false;
}

/* ---- calls of models, and tasks ---- */

static bool is_endpoint(const struct fl_manifest *manifest, const char *model) {
  const struct fl_value *endpoints = fl_get(fl_get(manifest->document.root, "model"), "endpoints");
  for (size_t i = 0; i < fl_size(endpoints); i++)
    if (strcmp(fl_as_string(fl_at(endpoints, i)), model) == 0) return true;
  return endpoints == NULL;
}

/* A budget in money that a call of unknown price would be left out of; NULL: there is none, or it may be. */
static const struct fl_budget *find_unpriced(const struct fl_manifest *manifest, const struct fl_policy_facts *facts) {
  const struct fl_value *model = fl_get(manifest->document.root, "model");
  if (facts != NULL && facts->has_price) return NULL;
  if (strcmp(fl_get_string(model, "unpriced", "refuse"), "allow") == 0) return NULL;
  for (size_t i = 0; i < manifest->budget_count; i++)
    if (manifest->budgets[i].what == FL_SPENT_COST_USD) return &manifest->budgets[i];
  return NULL;
}

static bool is_over(const struct fl_manifest *manifest, const struct fl_policy_facts *facts) {
  int64_t expires_s = fl_manifest_expires(manifest), now_s = facts != NULL ? facts->now_s : 0;
  return expires_s != INT64_MAX && (now_s <= 0 || now_s >= expires_s);
}

void fl_manifest_decide_model(const struct fl_manifest *manifest, const char *model,
                              const struct fl_policy_facts *facts, struct fl_decision *ret_decision) {
  struct fl_policy_call call = {.tool = model, .facts = facts};
  struct fl_question question = {.manifest = manifest, .call = &call, .decision = ret_decision};
  const struct fl_budget *unpriced = find_unpriced(manifest, facts);
  ret_decision->verdict = FL_VERDICT_ALLOW;
  if (is_over(manifest, facts))
    fl_question_say(&question, FL_VERDICT_DENY, "/expires", "the manifest is no longer valid");
  else if (!is_endpoint(manifest, model))
    fl_question_say(&question, FL_VERDICT_DENY, "/model/endpoints",
                    "\"%.64s\" is none of the models that may be called", model);
  else if (unpriced != NULL)
    fl_question_say(
        &question, FL_VERDICT_DENY, unpriced->pointer,
        "no price is known for what \"%.64s\" calls, so its cost cannot be counted: FAIRLEAD_PRICES names a "
        "table that has one, or the manifest says model.unpriced: allow",
        model);
  else fl_question_is_spent(&question, FL_SPENDING_BIT_MODEL);
}

void fl_manifest_decide_step(const struct fl_manifest *manifest, const struct fl_policy_facts *facts,
                             struct fl_decision *ret_decision) {
  struct fl_policy_call call = {.tool = "", .facts = facts};
  struct fl_question question = {.manifest = manifest, .call = &call, .decision = ret_decision};
  ret_decision->verdict = FL_VERDICT_ALLOW;
  fl_question_is_spent(&question, FL_SPENDING_BIT_STEP);
}
