/* SPDX-License-Identifier: MIT */
/* What an agent may do. fl_policy_decide is pure, total and bounded; it decides what is listed to the model and what
 * may be called, and every tool call passes it. A policy is the allow-list of a graph file, or a manifest within
 * another policy, which it can only narrow. Forbid beats allow, and what is not named is denied. */
#pragma once
#include <fairlead/value.h>

enum fl_verdict { FL_VERDICT_DENY, FL_VERDICT_ASK, FL_VERDICT_ALLOW };

struct fl_policy;
struct fl_manifest;

/* `allow`: NULL-terminated patterns, "server/tool" or a prefix followed by a star. Copied. `effects` is the graph
 * file's {"pattern": "read"|"keyed"|"once"} or NULL. */
struct fl_policy *fl_policy_create_allow_list(const char *const *allow, const struct fl_value *effects);
/* One pattern more, for a program that adds tools later; policies that are within this one see it. */
void fl_policy_add_allowed(struct fl_policy *policy, const char *pattern);
/* `within` (borrowed, outlives it; NULL: none) decides every call, too, and the stricter verdict counts. The manifest
 * is referenced. */
struct fl_policy *fl_policy_create_manifest(struct fl_manifest *manifest, const struct fl_policy *within);
void fl_policy_destroy(struct fl_policy *policy);
/* The hash of the policy's manifest, or of the nearest around it; NULL: there is none. Lent. */
const char *fl_policy_manifest_hash(const struct fl_policy *policy);

/* What decide cannot know by itself. A rule that needs a fact which is not known denies. */
struct fl_policy_facts {
  int64_t now_s;                    /* since 1970; 0: not known */
  const struct fl_value *calls;     /* {TOOL: how often it was called in this run}; NULL: not known */
  const struct fl_value *resolved;  /* {PATH: what it leads to, or null when that is outside}; NULL: not known */
  const struct fl_value *addresses; /* {HOST: [ADDRESS, …]}; NULL: not known */
};

struct fl_policy_call {
  const char *node;                    /* which node calls */
  const char *tool;                    /* "server/tool" */
  struct fl_value *args;               /* lent; NULL when listing */
  const char *const *node_allow;       /* the node's own list, which only narrows; NULL: no narrowing */
  const struct fl_policy_facts *facts; /* NULL: none is known */
};

struct fl_decision {
  enum fl_verdict verdict;
  int effect;         /* enum fl_call_effect as int: 0 read, 1 keyed, 2 once */
  char rule[320];     /* the rule that decided, for people: "tools of node agent: math/add" */
  char pointer[256];  /* the rule in its manifest: "/tools/3/args/properties/amount/maximum"; "": of the graph file */
  char file[128];     /* that manifest's name; "": of the graph file */
  int64_t ask_ttl_ms; /* with ASK: how long an answer is good for; 0: it does not say */
  struct fl_value *args; /* a reference: what is to be called, in its one spelling; NULL when denied or listing */
};

void fl_policy_decide(const struct fl_policy *policy, const struct fl_policy_call *call,
                      struct fl_decision *ret_decision);
void fl_decision_deinit(struct fl_decision *decision); /* repeatable */
