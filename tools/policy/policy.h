/* SPDX-License-Identifier: MIT */
/* What an agent may do. fl_policy_decide is pure, total and bounded; it decides what is listed to the model and what
 * may be called, and every tool call passes it. Today's policy is the allow-list of the graph file; forbid beats allow,
 * and what is not named is denied. */
#pragma once
#include <fairlead/value.h>

enum fl_verdict { FL_VERDICT_DENY, FL_VERDICT_ASK, FL_VERDICT_ALLOW };

struct fl_policy;

/* `allow`: NULL-terminated patterns, "server/tool" or a prefix followed by a star. Copied. `effects` is the graph
 * file's {"pattern": "read"|"keyed"|"once"} or NULL. */
struct fl_policy *fl_policy_create_allow_list(const char *const *allow, const struct fl_value *effects);
void fl_policy_destroy(struct fl_policy *policy);

struct fl_policy_call {
  const char *node;              /* which node calls */
  const char *tool;              /* "server/tool" */
  const struct fl_value *args;   /* NULL when listing */
  const char *const *node_allow; /* the node's own list, which only narrows; NULL: no narrowing */
};

struct fl_decision {
  enum fl_verdict verdict;
  int effect;     /* enum fl_call_effect as int: 0 read, 1 keyed, 2 once */
  char rule[192]; /* the rule that decided, for people: "tools of node agent: math/add" */
};

void fl_policy_decide(const struct fl_policy *policy, const struct fl_policy_call *call,
                      struct fl_decision *ret_decision);
