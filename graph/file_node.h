/* SPDX-License-Identifier: MIT */
/* A node being loaded, and what the checks of the node types share. For graph/file_node*.c only. */
#pragma once
#include "graph/file_loader.h"

/* `config` is what the engine will read, `exprs` its expressions by pointer into it. */
struct fl_node_load {
  struct fl_loader *loader;
  struct fl_entry *entry;
  const struct fl_spot *spot;
  struct fl_value *config;
  struct fl_map exprs;
  struct fl_node_policy policy;
  struct fl_way_def *ways; /* where it goes by itself */
  size_t way_count;
  bool is_for_parent;             /* what it writes and where it goes is of the graph above */
  struct fl_definition *subgraph; /* of a node of type graph; lent; NULL: it is wrong */
  enum fl_checkpoints checkpoints;
};

typedef void fl_node_check_fn(struct fl_node_load *load);

/* Keys that every type has. */
#define FL_NODE_COMMON "type", "description", "retry", "timeout", "cache", "on_error", "concurrency", "defer", "input"

/* ---- file_node.c ---- */

/* Compiles the expression at a spot somewhere below the node's entry; an absent one is none. */
void fl_node_load_expr(struct fl_node_load *load, const struct fl_spot *spot);
void fl_node_load_required_expr(struct fl_node_load *load, const char *key);
/* A map whose values are expressions; with `of_channels` its keys are channels. */
void fl_node_load_expr_map(struct fl_node_load *load, const char *key, bool of_channels);
/* A member that names a channel; may be absent. */
void fl_node_load_channel(struct fl_node_load *load, const char *key);

/* ---- file_way.c ---- */

/* `goto` and `graph` of a node of type set. */
void fl_node_load_ways(struct fl_node_load *load);

/* ---- file_node_model.c: types that ask a model ---- */

extern const char *const fl_node_agent_keys[],
    *const fl_node_react_keys[], *const fl_node_tools_keys[], *const fl_node_judge_keys[], *const fl_node_http_keys[];
extern const struct fl_file_shape fl_shape_prompt, fl_shape_answer, fl_shape_history;
fl_node_check_fn fl_node_check_agent, fl_node_check_tools, fl_node_check_judge;

/* ---- file_graph.c: nodes that run a graph ---- */

extern const char *const fl_node_graph_keys[];
fl_node_check_fn fl_node_check_graph;

/* ---- file_node_http.c ---- */

extern const struct fl_file_shape fl_shape_http;
fl_node_check_fn fl_node_check_http;

/* ---- file_node_memory.c ---- */

extern const char *const fl_node_memory_keys[];
fl_node_check_fn fl_node_check_memory;
