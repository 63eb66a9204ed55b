/* SPDX-License-Identifier: MIT */
/* A graph under construction, as builder.c collects it, validate.c looks at it and compile.c turns it into a
 * definition. Names are still texts here; nothing is checked while it is collected, so that all that is wrong is said
 * at once. Pure. */
#pragma once
#include "graph/definition.h"
#include "graph/option.h"
#include "runtime/base/buf.h"

enum { FL_GRAPH_NAME_SIZE_MAX = 128, FL_GRAPH_RECURSION_DEFAULT = 25 };

struct fl_names {
  char **items;
  size_t count;
};

struct fl_edge_spec {
  char *from, *to;
};

struct fl_join_spec {
  struct fl_names from;
  char *to;
};

struct fl_arm_spec {
  struct fl_expr *when;     /* owned; NULL: always */
  struct fl_send_def *send; /* owned; NULL: none */
  struct fl_names targets;
};

struct fl_branch_spec {
  char *from;
  fl_branch_fn *choose; /* NULL: arms */
  void *user;
  struct fl_arm_spec *arms;
  size_t arm_count;
  struct fl_names targets; /* of `choose`; empty: any node */
};

/* Channels and nodes are the definition's own structs, of which only what the caller gave is filled in. */
struct fl_graph {
  char *name;
  struct fl_channel_def *channels;
  size_t channel_count, channel_capacity;
  struct fl_node_def *nodes;
  size_t node_count, node_capacity;
  struct fl_edge_spec *edges;
  size_t edge_count, edge_capacity;
  struct fl_join_spec *joins;
  size_t join_count, join_capacity;
  struct fl_branch_spec *branches;
  size_t branch_count, branch_capacity;
  struct fl_node_policy defaults;
  struct fl_map default_exprs;
};

/* What leads to one node leads to another one instead, whichever way. */
void fl_graph_redirect(struct fl_graph *graph, const char *from, const char *to);

/* What is wrong, a line each. */
struct fl_problems {
  struct fl_buf text;
  size_t count, dropped_count;
};
void fl_problems_add(struct fl_problems *problems, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Looks for everything that is wrong with names, edges, defaults and interrupts, and compiles the channels' schemas. */
void fl_graph_validate(struct fl_graph *graph, const struct fl_compile_options *options, struct fl_problems *problems);

/* The definition of a graph without problems; moves what it can out of the graph. */
struct fl_definition *fl_graph_resolve(struct fl_graph *graph, const struct fl_compile_options *options);

/* subgraph.c: what is wrong with the nodes that run a graph; compiles the expressions that a C program gave as texts.
 */
void fl_graph_check_subgraphs(struct fl_graph *graph, struct fl_problems *problems);

void fl_channel_def_deinit(struct fl_channel_def *channel);
void fl_exprs_deinit(struct fl_map *exprs); /* and what they hold */
void fl_node_def_deinit(struct fl_node_def *node);

static inline bool fl_is_start(const char *name) { return strcmp(name, FL_START) == 0; }
static inline bool fl_is_end(const char *name) { return strcmp(name, FL_END) == 0; }

/* Whether a NULL-terminated list of node names (may be NULL) holds `name` or "*". */
/* policy_check.c: what is wrong with the nodes' policies and the context; gives nodes the graph's defaults. */
void fl_graph_check_policies(struct fl_graph *graph, const struct fl_compile_options *options,
                             struct fl_problems *problems);
/* node_policy.c: resolves handlers and takes what the options say of the whole graph. */
void fl_graph_resolve_policies(struct fl_definition *definition, const struct fl_compile_options *options);

bool fl_names_hold(const char *const *names, const char *name);
