/* SPDX-License-Identifier: MIT */
/* What an agent may do. fl_policy_decide is pure, total and bounded; it decides what is listed to the model and what
 * may be called, and every tool call passes it. A policy is the allow-list of a graph file, or a manifest within
 * another policy, which it can only narrow. Forbid beats allow, and what is not named is denied. */
#pragma once
#include "tools/policy/labels.h"

enum fl_verdict { FL_VERDICT_DENY, FL_VERDICT_ASK, FL_VERDICT_ALLOW };

/* What budgets count. In the facts, the words of fl_spending_word. */
enum fl_spending {
  FL_SPENT_CALLS, /* of tools */
  FL_SPENT_TOKENS,
  FL_SPENT_STEPS,
  FL_SPENT_WALL_MS,
  FL_SPENT_COST_USD,
  FL_SPENT_OUTPUT, /* bytes */
  FL_SPENT_CONCURRENT,
  FL_SPENDING_COUNT
};
const char *fl_spending_word(enum fl_spending what);

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
/* The patterns of an allow-list, NULL-terminated; lent until it gets one more. Of a manifest: none. */
const char *const *fl_policy_allowed(const struct fl_policy *policy);
void fl_policy_destroy(struct fl_policy *policy);
/* The hash of the policy's manifest, or of the nearest around it; NULL: there is none. Lent. */
const char *fl_policy_manifest_hash(const struct fl_policy *policy);

/* What a policy needs to be told, so that whoever runs under it gathers no more. */
struct fl_policy_needs {
  bool labels;   /* it has a manifest: values carry labels */
  bool spending; /* max_calls or budgets: what was spent is kept */
  bool by_user;  /* budgets of users */
  bool prompt;   /* arguments that come from the user's text */
  bool costs;    /* budgets in money: what calls of models cost */
  bool hosts;    /* arguments that are URLs or hosts: their addresses */
  bool listings; /* pins of servers: what these say of their tools */
};
struct fl_policy_needs fl_policy_needs(const struct fl_policy *policy);

/* Labels of the results of a tool, by its class and every manifest that the policy is made of. */
uint64_t fl_policy_source_labels(const struct fl_policy *policy, const char *tool, const struct fl_tool_class *class);
/* Calls back with each "server/tool#/pointer" that an argument may come from, for one tool. */
void fl_policy_visit_origins(const struct fl_policy *policy, const char *tool,
                             void (*visit)(const char *origin, const char *pointer, void *user), void *user);
/* Appends what the pointer of an origin leads to in a result of its tool ("*": any name or index), at most `max`
 * values; the result's structured content, or its text when that is JSON. */
void fl_origin_collect(const char *pointer, const struct fl_value *result, size_t max, struct fl_value *array);

/* What decide cannot know by itself. A rule that needs a fact which is not known denies. */
struct fl_policy_facts {
  int64_t now_s;                    /* since 1970; 0: not known */
  const struct fl_value *calls;     /* {TOOL: how often it was called in this run}; NULL: not known */
  const struct fl_value *resolved;  /* {PATH: what it leads to, or null when that is outside}; NULL: not known */
  const struct fl_value *addresses; /* {HOST: [ADDRESS, …]}; NULL: nobody has looked; a host without any is refused */
  struct fl_value *wanted;          /* an array that gets the paths which `resolved` could speak of; or NULL */
  struct fl_value *wanted_hosts;    /* and one for the hosts that `addresses` could */
  uint64_t labels;                  /* of all that the caller has seen */
  uint64_t run_labels;              /* of all that the run holds */
  struct fl_tool_class class;       /* of the tool itself */
  const struct fl_value *origins;   /* {"prompt": [TEXT, …], "server/tool#/pointer": [VALUE, …]}; NULL: not known */
  bool has_price;                   /* of a model's call: what it costs is known, so that it can be counted */
  const char *listing; /* the pin (pin.h) of what the tool's server says of its tools just now; NULL: not known */
  const struct fl_value *spent; /* {"run"|"thread"|"user": {WORD: NUMBER}}; NULL: not known */
  const struct fl_value
      *grants; /* [{"tool","rule","args": SCHEMA}]: what persons have allowed from now on; NULL: nothing */
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
  int effect;           /* enum fl_call_effect as int: 0 read, 1 keyed, 2 once */
  char rule[320];       /* the rule that decided, for people: "tools of node agent: math/add" */
  char pointer[256];    /* the rule in its manifest: "/tools/3/args/properties/amount/maximum"; "": of the graph file */
  const char *manifest; /* its hash, lent by the policy; NULL: of the graph file */
  char file[128];       /* that manifest's name; "": of the graph file */
  int64_t ask_ttl_ms;   /* with ASK: how long an answer is good for; 0: it does not say */
  const struct fl_value *approvers; /* with ASK: names of users who may approve; lent by the policy; NULL: anybody */
  uint64_t labels;                  /* that a flow rule spoke of; 0: none did */
  bool is_spent;                    /* denied because a budget is used up */
  bool is_suspended;                /* denied because the tool's server is not, or not known to be, as it was pinned */
  bool ends_run;                    /* and such a change ends the run */
  const char *key_arg;   /* the argument that is the call's key, for effect keyed; lent by the policy; NULL: none */
  struct fl_value *args; /* a reference: what is to be called, in its one spelling; NULL when denied or listing */
};

/* What a policy's manifests pin of a tool's server: the innermost that pins it. NULL: none does. Lent. */
const char *fl_policy_pin(const struct fl_policy *policy, const char *tool);
void fl_policy_decide(const struct fl_policy *policy, const struct fl_policy_call *call,
                      struct fl_decision *ret_decision);
/* A call of a model by its name in the graph: `args` and `tool` of a call are not looked at. Its budgets and endpoints.
 */
void fl_policy_decide_model(const struct fl_policy *policy, const char *model, const struct fl_policy_facts *facts,
                            struct fl_decision *ret_decision);
/* Whether a task may begin at all: budgets of steps and time. */
void fl_policy_decide_step(const struct fl_policy *policy, const struct fl_policy_facts *facts,
                           struct fl_decision *ret_decision);
void fl_labels_of_policy(const struct fl_policy *policy, uint64_t labels, struct fl_buf *text); /* their names */
void fl_decision_deinit(struct fl_decision *decision);                                          /* repeatable */
