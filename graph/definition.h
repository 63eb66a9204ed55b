/* SPDX-License-Identifier: MIT */
/* The immutable definition of a graph: what the builder and the graph file both end in, and what step, plan, draw and
 * the engine read. Names are resolved to indices once. Public for our own floors only. */
#pragma once
#include "graph/retry.h"
#include "runtime/base/map.h"
#include "runtime/json/expr.h"
#include "runtime/json/schema.h"

#include <fairlead/graph.h>

enum { FL_GRAPH_DEPTH_MAX = 16 }; /* graphs inside one another, the outermost counted */
enum { FL_GRAPH_NODES_MAX = 1000, FL_GRAPH_CHANNELS_MAX = 1000 };

/* Channels that users declare, and the hidden ones that carry control: "branch:to:NODE" (ephemeral), "join:A+B:NODE" (a
 * barrier over names) and "__tasks__" (the sends of a superstep). */
enum fl_channel_kind { FL_CHANNEL_STATE, FL_CHANNEL_TRIGGER, FL_CHANNEL_BARRIER, FL_CHANNEL_TASKS };
#define FL_TASKS_CHANNEL "__tasks__"

struct fl_channel_def {
  char *name;
  enum fl_channel_kind kind;
  enum fl_reducer reducer;        /* STATE */
  struct fl_value *default_value; /* STATE; NULL: none */
  struct fl_value *schema_value;  /* STATE; NULL: any */
  struct fl_schema *schema;       /* STATE; NULL: any */
  bool checks_items; /* STATE of a list: the schema speaks of elements only, so that only new ones are checked */
  struct fl_schema *item_schema;        /* what each element must satisfy then; NULL: any */
  char **names;                         /* BARRIER: the nodes it waits for; NULL-terminated */
  bool accumulates, is_guarded;         /* STATE: TOPIC; EPHEMERAL and UNTRACKED */
  bool is_private, is_input, is_output; /* STATE */
  fl_reduce_fn *reduce;                 /* STATE, CUSTOM */
  void *reduce_user;
  bool is_deferred; /* TRIGGER, BARRIER: available only when nothing else is left to run */
};

/* A send of a graph file: one task of `node` for each element of a list, or one task in all. */
struct fl_send_member {
  char *name;
  struct fl_expr *value;
};
struct fl_send_def {
  char *node;
  struct fl_expr *each;        /* the list; NULL: one task */
  char *as;                    /* the element's name, in the argument and in expressions; NULL without a list */
  struct fl_send_member *with; /* what else the argument holds */
  size_t with_count;
  char **otherwise; /* where to go when the list is empty: names or FL_END; nowhere without any */
  size_t otherwise_count;
};
void fl_send_def_destroy(struct fl_send_def *send); /* NULL allowed */

/* One arm of a branch in a graph file: the first whose condition holds (NULL: always) is taken. */
struct fl_branch_arm {
  struct fl_expr *when;
  struct fl_send_def *send; /* beside the targets; NULL: none */
  size_t *targets;          /* node indices; FL_NODE_END for the end */
  size_t target_count;
  char *label; /* NULL without a condition; for drawings: the condition's text */
};
#define FL_NODE_END ((size_t)-1)

/* A way that a node of a graph file goes by itself (`goto`): every one whose condition holds is taken. */
struct fl_way_def {
  struct fl_expr *when; /* NULL: always */
  char **targets;       /* names, of this graph or of the one above; FL_END: nowhere */
  size_t target_count;
  struct fl_send_def *send; /* NULL: none */
};

struct fl_branch_def {
  fl_branch_fn *choose; /* C branch; NULL for a branch of a file */
  void *user;
  struct fl_branch_arm *arms; /* file branch, in order */
  size_t arm_count;
  size_t *targets; /* all possible targets, for validation and drawing */
  size_t target_count;
};

/* How a node is run: what graph.h says in fl_node_options, with every default filled in. */
struct fl_node_policy {
  struct fl_retry *retries;
  size_t retry_count;
  uint32_t run_timeout_ms, idle_timeout_ms; /* 0: none */
  bool caches;
  fl_cache_key_fn *cache_key;
  void *cache_user;
  const struct fl_expr *cache_expr; /* lent by the node's exprs or the graph's default; both NULL: all that it sees */
  uint64_t cache_ttl_ms;            /* 0: until it is cleared */
  uint32_t concurrency;             /* 0: no limit */
  char *on_error;                   /* NULL: none */
  size_t handler;                   /* the node on_error names, or FL_NODE_END */
  bool says_retry, says_timeout, says_cache, says_on_error; /* the graph's defaults do not count */
};

struct fl_node_def {
  char *name;
  char *type; /* "c" for a C function, otherwise the graph file's node type: agent, tools, tool, set, fail, interrupt, …
               */
  char *description;
  fl_node_fn *run; /* type "c"; NULL otherwise: the engine knows the type */
  void *user;
  struct fl_value *config; /* the node's entry in the graph file, without the common keys; NULL for "c" */
  struct fl_map exprs; /* compiled expressions of config, by JSON pointer into it ("/write/turns"): struct fl_expr * */
  struct fl_definition *subgraph; /* type "graph": what it runs; a reference; NULL otherwise */
  enum fl_checkpoints checkpoints;
  size_t trigger_channel; /* "branch:to:NODE" */
  char **input_names;     /* of the channels that it sees; NULL-terminated; NULL: all */
  size_t *input_channels; /* the same by index */
  size_t input_count;
  size_t *plain_targets; /* node indices or FL_NODE_END */
  size_t plain_target_count;
  size_t *barrier_channels; /* barrier channels that this node reports to */
  size_t barrier_channel_count;
  size_t *trigger_channels; /* every channel that can start it: its own and the barriers that lead to it */
  size_t trigger_channel_count;
  size_t first_trigger_slot; /* the sum of trigger_channel_count of the nodes before it */
  struct fl_branch_def *branches;
  size_t branch_count;
  bool interrupt_before, interrupt_after;
  struct fl_node_policy policy;
  bool is_handler;         /* some node's policy names it */
  bool is_deferred;        /* runs when nothing else is left to run */
  struct fl_way_def *ways; /* where it goes by itself, of a graph file */
  size_t way_count;
  bool is_for_parent;  /* what it writes and where it goes is said to the graph above */
  char **destinations; /* of a C node: where it may go by itself; NULL-terminated; NULL: anywhere */
};

struct fl_definition {
  unsigned ref_count; /* atomic */
  char *name;
  struct fl_channel_def *channels; /* STATE first, in declaration order */
  size_t channel_count, state_channel_count;
  size_t tasks_channel;    /* "__tasks__", the last */
  size_t *fading_channels; /* STATE: emptied by a superstep that does not write them */
  size_t fading_count;
  bool has_untracked;
  struct fl_map channel_index; /* name -> index + 1, as (void *)(uintptr_t) */
  struct fl_node_def *nodes;   /* in declaration order; that is also the order of tasks within a step */
  size_t node_count;
  struct fl_map node_index;  /* likewise */
  size_t trigger_slot_count; /* sum of the nodes' trigger_channel_count */
  size_t *entry_targets;     /* plain edges from START */
  size_t entry_target_count;
  struct fl_branch_def *entry_branches;
  size_t entry_branch_count;
  uint32_t recursion_limit, max_concurrency; /* max_concurrency 0: no limit */
  enum fl_durability durability;             /* never DEFAULT */
  struct fl_value *context_schema_value;     /* NULL: runs have no context */
  struct fl_schema *context_schema;
  struct fl_value *context_defaults; /* an object */
  bool has_deferred;
  uint32_t depth;              /* 1, and one more than that of the deepest subgraph */
  struct fl_map default_exprs; /* of policies that nodes have from the graph's defaults: struct fl_expr * */
  char hash[65];               /* hex of BLAKE2b over the definition's structure: tells whether a graph changed */
};

/* "last", "append", …, as graph files say it. */
const char *fl_reducer_name(enum fl_reducer reducer);
static inline bool fl_reducer_makes_list(enum fl_reducer reducer) {
  return reducer == FL_APPEND || reducer == FL_MESSAGES || reducer == FL_TOPIC;
}
/* Whether several writes in one superstep are an error. */
static inline bool fl_channel_holds_one(const struct fl_channel_def *channel) {
  return channel->reducer == FL_LAST ||
         (channel->is_guarded && (channel->reducer == FL_EPHEMERAL || channel->reducer == FL_UNTRACKED));
}
/* Whether it holds nothing after a superstep that does not write it. */
static inline bool fl_channel_fades(const struct fl_channel_def *channel) {
  return channel->reducer == FL_ANY || channel->reducer == FL_EPHEMERAL ||
         (channel->reducer == FL_TOPIC && !channel->accumulates);
}
/* Whether writes are folded into what is held, so that one may ask for it to be overwritten instead. */
static inline bool fl_reducer_folds(enum fl_reducer reducer) {
  return (reducer >= FL_APPEND && reducer <= FL_MESSAGES) || reducer == FL_CUSTOM;
}

/* -1 when there is none. */
ptrdiff_t fl_definition_node(const struct fl_definition *definition, const char *name);
ptrdiff_t fl_definition_channel(const struct fl_definition *definition, const char *name);

/* The nearest name of a state channel (of a node) to `name`, for messages; NULL when none is near. */
const char *fl_definition_nearest_channel(const struct fl_definition *definition, const char *name);
const char *fl_definition_nearest_node(const struct fl_definition *definition, const char *name);

/* ---- for the graph file: the builder's calls that C programs do not have ---- */

/* Makes the node that was added last one that runs a graph; references the definition. */
void fl_graph_set_subgraph(struct fl_graph *graph, struct fl_definition *definition, enum fl_checkpoints checkpoints);
/* A node of a type that the engine knows. Takes `config` and the expressions in `exprs` (emptied). */
void fl_graph_typed_node_take(struct fl_graph *graph, const char *name, const char *type, const char *description,
                              struct fl_value *config, struct fl_map *exprs);
/* The node that was added last, for what goes beyond the builder's calls: its ways, whether it is deferred. */
struct fl_node_def *fl_graph_last_node(struct fl_graph *graph);
/* A branch with conditions as expressions; names of targets, FL_END for the end. Takes the expressions and sends. */
struct fl_branch_arm_spec {
  struct fl_expr *when; /* NULL: always */
  const char *const *targets;
  size_t target_count;
  struct fl_send_def *send; /* NULL: none */
};
void fl_graph_expr_branch_take(struct fl_graph *graph, const char *from, const struct fl_branch_arm_spec *arms,
                               size_t arm_count);

/* ---- node_policy.c ---- */

void fl_node_policy_deinit(struct fl_node_policy *policy);
void fl_node_policy_copy(struct fl_node_policy *to, const struct fl_node_policy *from);
/* From the options of a C program, which name what they say. */
void fl_node_policy_read(struct fl_node_policy *policy, const struct fl_node_options *options);
/* Gives the policy what the defaults say and it does not. */
void fl_node_policy_fill(struct fl_node_policy *policy, const struct fl_node_policy *defaults);

/* For the graph file: of the node that was added last, and of nodes that say nothing. Filled in by the caller. */
struct fl_node_policy *fl_graph_last_policy(struct fl_graph *graph);
struct fl_node_policy *fl_graph_default_policy(struct fl_graph *graph);
struct fl_map *fl_graph_default_exprs(struct fl_graph *graph); /* owns what the default policy lends */

/* What a run sees as its context: `given` (NULL: nothing; borrowed) with the defaults, a new reference. Errors:
 * FL_E_INVALID with what does not fit. */
int fl_definition_context(const struct fl_definition *definition, struct fl_value *given, struct fl_value **ret_context,
                          struct fl_error *err);
