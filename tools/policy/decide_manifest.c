/* SPDX-License-Identifier: MIT */
/* What a manifest says about a call. Pure and total: every way out of here is a verdict with the rule that gave it.
 *
 * Order. (1) A tool's name that is no name is denied. (2) Expired, or nobody knows what time it is: denied. (3) What is
 * forbidden is denied. (4) What no rule names is denied, and what is of a server whose tools are not those that were
 * pinned. (5) The calls are used up: denied. Listing ends here, so that nothing is listed that no arguments could make
 * callable. (6) Arguments that have no one spelling, or are not as the
 * rule wants them, as they are and as their paths lead: denied. (7) Arguments that come from elsewhere than the rule
 * says: denied. (8) What is forbidden for such arguments is denied. (9) So is what a flow rule denies. (10) What a
 * person must see, by the rule of the tool or by one of flows, is asked, unless a person has granted such calls. An
 * expression that cannot be evaluated decides against the call. */
#include "runtime/base/mem.h"
#include "runtime/json/json.h"
#include "runtime/json/utf8.h"
#include "tools/policy/canonical.h"
#include "tools/policy/manifest_decide.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void keep(char *place, size_t size, const char *text) {
  size_t length = strnlen(text, size - 1);
  memcpy(place, text, length);
  place[length] = '\0';
  fl_policy_trim(place);
}

void fl_question_say(const struct fl_question *question, enum fl_verdict verdict, const char *pointer,
                     const char *format, ...) {
  struct fl_decision *decision = question->decision;
  const char *file = fl_manifest_file(question->manifest);
  FL_BUF_AUTO rule = {0};
  va_list args;
  va_start(args, format);
  fl_buf_addf(&rule, "%s#%s: ", file, pointer);
  fl_buf_vaddf(&rule, format, args);
  va_end(args);
  FL_BUF_AUTO whole = {0}; /* a name that was cut in the middle may have been cut within a character */
  fl_utf8_repair(&whole, fl_buf_slice(&rule));
  decision->verdict = verdict;
  decision->manifest = fl_manifest_hash(question->manifest);
  keep(decision->file, sizeof decision->file, file);
  keep(decision->pointer, sizeof decision->pointer, pointer);
  keep(decision->rule, sizeof decision->rule, whole.data);
}

/* ---- names, time, numbers of calls ---- */

/* "server/tool" and nothing that a pattern, a path or an eye could take for something else. */
static bool is_tool_name(const char *tool) {
  const char *slash = strchr(tool, '/');
  if (slash == NULL || slash == tool || slash[1] == '\0' || strstr(tool, "..") != NULL) return false;
  for (const unsigned char *at = (const unsigned char *)tool; *at != '\0'; at++)
    if (*at <= ' ' || *at >= 0x7f || strchr("*\\%\"", *at) != NULL) return false;
  return strstr(tool, "//") == NULL && strstr(tool, "/./") == NULL;
}

static bool is_over(const struct fl_question *question) {
  const struct fl_policy_facts *facts = question->call->facts;
  int64_t expires_s = fl_manifest_expires(question->manifest), now_s = facts != NULL ? facts->now_s : 0;
  return expires_s != INT64_MAX && (now_s <= 0 || now_s >= expires_s);
}

static const struct fl_tool_rule *find_rule(const struct fl_manifest *manifest, const char *tool) {
  const struct fl_tool_rule *best = NULL;
  size_t best_fit = 0;
  for (size_t i = 0; i < manifest->rule_count; i++) {
    size_t fit = fl_pattern_fit(manifest->rules[i].match, tool);
    if (fit <= best_fit) continue;
    best = &manifest->rules[i];
    best_fit = fit;
  }
  return best;
}

/* Calls of all tools that the same rule decides. */
static int64_t calls_of_rule(const struct fl_question *question, const struct fl_value *calls) {
  int64_t sum = 0;
  for (struct fl_member m = {0}; fl_next_member(calls, &m);)
    if (find_rule(question->manifest, m.key) == question->rule) sum += fl_as_int(m.value, INT32_MAX);
  return sum;
}

static bool is_used_up(const struct fl_question *question) {
  const struct fl_tool_rule *rule = question->rule;
  const struct fl_value *calls = question->call->facts != NULL ? question->call->facts->calls : NULL;
  if (rule->max_calls < 0 || (calls != NULL && calls_of_rule(question, calls) < rule->max_calls)) return false;
  FL_FREE_AUTO char *pointer = fl_format("%s/max_calls", rule->pointer);
  if (calls == NULL)
    fl_question_say(question, FL_VERDICT_DENY, pointer, "how often it was called in this run is not known");
  else
    fl_question_say(question, FL_VERDICT_DENY, pointer, "the %lld calls of a run are used up",
                    (long long)rule->max_calls);
  return true;
}

/* ---- expressions ---- */

static struct fl_var lookup(const char *name, void *user) {
  struct fl_value **values = user; /* args, tool */
  struct fl_var var = {0};
  if (strcmp(name, "args") == 0) var.value = values[0];
  if (strcmp(name, "tool") == 0) var.value = values[1];
  return var;
}

/* True also when it cannot be said: then `ret_why` says why. */
static bool holds(const struct fl_question *question, const struct fl_expr *expr, struct fl_error *ret_why) {
  FL_VALUE_AUTO tool = fl_string(question->call->tool);
  struct fl_value *values[] = {question->args, tool};
  struct fl_expr_env env = {.lookup = lookup, .user = values};
  bool is_true = true;
  return fl_expr_eval_bool(expr, &env, &is_true, ret_why) < 0 || is_true;
}

/* With arguments, the rules with a condition; without, those that need none. */
static bool is_forbidden(const struct fl_question *question) {
  for (size_t i = 0; i < question->manifest->forbid_count; i++) {
    const struct fl_forbid_rule *rule = &question->manifest->forbids[i];
    struct fl_error why = {0};
    if (fl_pattern_fit(rule->match, question->call->tool) == 0) continue;
    if ((rule->when != NULL) != (question->args != NULL)) continue;
    if (rule->when != NULL && !holds(question, rule->when, &why)) continue;
    if (why.text[0] != '\0')
      fl_question_say(question, FL_VERDICT_DENY, rule->pointer, "forbidden, for its condition fails: %s", why.text);
    else fl_question_say(question, FL_VERDICT_DENY, rule->pointer, "%s is forbidden", rule->match);
    return true;
  }
  return false;
}

/* ---- arguments ---- */

/* Validates a second time, to say what is wrong: only for calls that are denied. */
static void say_violation(const struct fl_question *question, const struct fl_value *args, const char *what) {
  struct fl_schema_result result = {0};
  const struct fl_tool_rule *rule = question->rule;
  fl_schema_validate(rule->schema, args, &result);
  const struct fl_schema_violation *first = result.count > 0 ? &result.violations[0] : NULL;
  FL_FREE_AUTO char *pointer = fl_format("%s/args%s", rule->pointer, first != NULL ? first->schema_pointer : "");
  if (first == NULL) fl_question_say(question, FL_VERDICT_DENY, pointer, "the arguments are too much to be checked");
  else
    fl_question_say(question, FL_VERDICT_DENY, pointer, "%s%s %s", what,
                    first->instance_pointer[0] != '\0' ? first->instance_pointer : "the call", first->message);
  fl_schema_result_deinit(&result);
}

static bool fits(const struct fl_question *question, const struct fl_value *args, const char *what) {
  if (question->rule->schema == NULL || fl_schema_validate(question->rule->schema, args, NULL) == 0) return true;
  say_violation(question, args, what);
  return false;
}

static struct fl_value *spell(const struct fl_question *question, bool uses_resolved) {
  static const struct fl_policy_facts none = {0};
  const struct fl_policy_facts *known = question->call->facts != NULL ? question->call->facts : &none;
  struct fl_canonical_facts facts = {.allows_private = question->rule->allows_private,
                                     .uses_resolved = uses_resolved,
                                     .resolved = known->resolved,
                                     .addresses = known->addresses,
                                     .wanted = known->wanted,
                                     .wanted_hosts = known->wanted_hosts};
  struct fl_value *args = NULL;
  struct fl_canonical_problem problem = {0};
  if (fl_canonical_value(question->rule->args, question->call->args, &facts, &args, &problem) < 0) {
    FL_FREE_AUTO char *pointer = fl_format("%s/args", question->rule->pointer);
    const struct fl_buf *at = &problem.pointer;
    fl_question_say(question, FL_VERDICT_DENY, pointer, "%.*s %s", (int)at->size, at->size > 0 ? at->data : "",
                    problem.why.text);
  }
  fl_buf_deinit(&problem.pointer);
  return args;
}

static bool may_have_args(struct fl_question *question) {
  if (!fl_is(question->call->args, FL_OBJECT)) {
    fl_question_say(question, FL_VERDICT_DENY, question->rule->pointer, "the arguments are %s, not an object",
                    fl_type_name(fl_type_of(question->call->args)));
    return false;
  }
  question->args = question->decision->args = spell(question, false);
  if (question->args == NULL || !fits(question, question->args, "")) return false;
  if (question->call->facts == NULL || question->call->facts->resolved == NULL) return true;
  FL_VALUE_AUTO resolved = spell(question, true);
  return resolved != NULL && fits(question, resolved, "where it leads, ");
}

/* ---- the verdict ---- */

static void ask_or_allow(const struct fl_question *question) {
  const struct fl_tool_rule *rule = question->rule;
  struct fl_error why = {0};
  question->decision->key_arg = rule->key_arg;
  if (question->args != NULL && fl_question_flows(question, FL_VERDICT_ASK)) {
    question->decision->approvers = rule->approvers;
    question->decision->ask_ttl_ms = rule->approval_ttl_ms;
    return;
  }
  FL_FREE_AUTO char *pointer = fl_format("%s/approval", rule->pointer);
  bool has_condition = rule->ask_when != NULL && question->args != NULL;
  if (!rule->has_approval || (has_condition && !holds(question, rule->ask_when, &why)) ||
      fl_question_is_granted(question, pointer)) {
    fl_question_say(question, FL_VERDICT_ALLOW, rule->pointer, "%s", rule->match);
    return;
  }
  question->decision->ask_ttl_ms = rule->approval_ttl_ms;
  question->decision->approvers = rule->approvers;
  if (why.text[0] != '\0')
    fl_question_say(question, FL_VERDICT_ASK, pointer, "a person decides, for its condition fails: %s", why.text);
  else fl_question_say(question, FL_VERDICT_ASK, pointer, "a person decides about calls of %s", rule->match);
}

/* For what it is called with. */
static bool is_refused(struct fl_question *question) {
  return !may_have_args(question) || !fl_question_has_origins(question) || is_forbidden(question) ||
         fl_question_flows(question, FL_VERDICT_DENY);
}

void fl_manifest_decide(const struct fl_manifest *manifest, const struct fl_policy_call *call,
                        struct fl_decision *ret_decision) {
  struct fl_question question = {manifest, call, NULL, NULL, ret_decision};
  if (!is_tool_name(call->tool)) {
    fl_question_say(&question, FL_VERDICT_DENY, "/tools", "\"%.64s\" is not the name of a tool", call->tool);
    return;
  }
  question.rule = find_rule(manifest, call->tool);
  if (is_over(&question)) fl_question_say(&question, FL_VERDICT_DENY, "/expires", "the manifest is no longer valid");
  else if (is_forbidden(&question)) return;
  else if (question.rule == NULL)
    fl_question_say(&question, FL_VERDICT_DENY, "/tools", "no rule names %.64s", call->tool);
  else if (fl_question_is_suspended(&question)) return;
  else if (is_used_up(&question)) return;
  else if (fl_question_is_spent(&question, call->args != NULL ? FL_SPENDING_BIT_TOOL : FL_SPENDING_BIT_LISTING)) return;
  else if (call->args != NULL && is_refused(&question)) return;
  else ask_or_allow(&question);
}

int fl_manifest_effect(const struct fl_manifest *manifest, const char *tool) {
  const struct fl_tool_rule *rule = find_rule(manifest, tool);
  return rule != NULL && rule->effect != FL_MANIFEST_UNSTATED ? (int)rule->effect : -1;
}
