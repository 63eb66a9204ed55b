/* SPDX-License-Identifier: MIT */
/* Random graphs, as plain arrays: what a naive executor can run (reference.c), what a graph file can say (shape.c), and
 * so what the engine runs. All graphs keep the same channels: `log` (append: what happened, in order), `n` (sum) and
 * `x` (last, without a default). */
#pragma once
#include "tests/semantics/trace.h"

enum {
  SHAPE_NODES_MAX = 6,
  SHAPE_EDGES_MAX = 12,
  SHAPE_ARMS_MAX = 3,
  SHAPE_ENDS_MAX = 3,
  SHAPE_STEPS_MAX = 8,
  SHAPE_START = -1,
  SHAPE_END = -2,
};

enum shape_when { WHEN_ALWAYS, WHEN_N_BELOW, WHEN_N_ODD, WHEN_LOG_BELOW, WHEN_HAS_X };

/* The nodes that something leads to. */
struct shape_ends {
  int nodes[SHAPE_ENDS_MAX];
  int count;
  int sends; /* a send of each of 1 … sends to the only node; 0: none, it is started as by an edge */
};

struct shape_arm {
  enum shape_when when;
  int bound;
  struct shape_ends to;
};

enum shape_edge_kind { EDGE_PLAIN, EDGE_JOIN, EDGE_BRANCH };
struct shape_edge {
  enum shape_edge_kind kind;
  int from[SHAPE_ENDS_MAX]; /* one, but for a join */
  int from_count;
  struct shape_ends to;
  struct shape_arm arms[SHAPE_ARMS_MAX]; /* the first that holds */
  int arm_count;
};

enum shape_node_kind { NODE_SET, NODE_ASK, NODE_FAIL, NODE_CHILD };
struct shape_node {
  enum shape_node_kind kind;
  bool writes_n, writes_x, is_deferred;
  bool stops_before, stops_after;
  int add;             /* to n */
  struct shape *child; /* CHILD: gets n, and gives its log; owned */
};

/* What is done to the thread: an input, or whatever lets it go on. */
struct shape_step {
  bool is_input;
  int number; /* the n of an input */
};

struct shape {
  struct shape_node nodes[SHAPE_NODES_MAX];
  int node_count;
  struct shape_edge edges[SHAPE_EDGES_MAX];
  int edge_count;
  struct shape_step steps[SHAPE_STEPS_MAX];
  int step_count;
  int recursion_limit;
  int send_edges; /* how many ways send */
  bool may_fail;  /* of a graph inside a node: it has nodes that fail, or loops */
};

/* ---- shape.c ---- */
struct shape *shape_create(uint64_t seed);
void shape_free(struct shape *shape);
const char *shape_name(int node); /* "a", "b", … */
/* As a case of tests/semantics: {"name", "about", "graph", "steps"}; new. */
struct fl_value *shape_case(const struct shape *shape, uint64_t seed);

/* ---- reference_told.c ---- */
/* What the steps of the case come to, in the form of tests/semantics (`expect`): a new array. */
struct fl_value *reference_play(const struct shape *shape);
