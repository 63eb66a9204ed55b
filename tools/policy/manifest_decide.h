/* SPDX-License-Identifier: MIT */
/* What decide.c and decide_manifest.c share. */
#pragma once
#include "tools/policy/manifest_impl.h"
#include "tools/policy/policy.h"

#include <fairlead/error.h>

/* One question under way. */
struct fl_question {
  const struct fl_manifest *manifest;
  const struct fl_policy_call *call;
  const struct fl_tool_rule *rule;
  struct fl_value *args; /* canonical; owned by the decision */
  struct fl_decision *decision;
};
void fl_question_say(const struct fl_question *question, enum fl_verdict verdict, const char *pointer,
                     const char *format, ...) FL_PRINTF(4, 5);

/* decide_from.c: false when an argument has another origin; it has been said then. */
bool fl_question_has_origins(const struct fl_question *question);
/* decide_flow.c: denies or asks when data would flow where a rule says it must not; true when it has said so. */
bool fl_question_flows(const struct fl_question *question, enum fl_verdict wanted);
uint64_t fl_manifest_source_labels(const struct fl_manifest *manifest, const char *tool);
/* decide_grant.c: whether a person has allowed such calls where the rule at `pointer` would ask. */
bool fl_question_is_granted(const struct fl_question *question, const char *pointer);
/* manifest_pin.c: true when the tool's server does not say of its tools what was pinned; it has been said then. */
bool fl_question_is_suspended(const struct fl_question *question);
void fl_manifest_decide_model(const struct fl_manifest *manifest, const char *model,
                              const struct fl_policy_facts *facts, struct fl_decision *ret_decision);
void fl_manifest_decide_step(const struct fl_manifest *manifest, const struct fl_policy_facts *facts,
                             struct fl_decision *ret_decision);
/* decide_budget.c: true when one of these kinds is used up; it has been said then. */
bool fl_question_is_spent(const struct fl_question *question, unsigned kinds);
enum { FL_SPENDING_BIT_TOOL = 1, FL_SPENDING_BIT_MODEL = 2, FL_SPENDING_BIT_STEP = 4, FL_SPENDING_BIT_LISTING = 8 };

/* All but the effect. ret_decision is zeroed before; its `args` may be set whatever the verdict. */
void fl_manifest_decide(const struct fl_manifest *manifest, const struct fl_policy_call *call,
                        struct fl_decision *ret_decision);
/* 0 read, 1 keyed, 2 once; -1: the manifest does not say. */
int fl_manifest_effect(const struct fl_manifest *manifest, const char *tool);

/* A text that was cut may end in the middle of a character, which goes. */
void fl_policy_trim(char *text);
