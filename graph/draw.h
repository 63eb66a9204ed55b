/* SPDX-License-Identifier: MIT */
/* What a drawing shows: the ways of a graph, one after the other, as draw.c collects them for each format. Pure. */
#pragma once
#include "graph/definition.h"
#include "runtime/base/buf.h"

enum fl_way_kind {
  FL_WAY_PLAIN,
  FL_WAY_BRANCH, /* conditional: drawn dashed */
  FL_WAY_JOIN,   /* one of several that are waited for */
  FL_WAY_SEND,   /* one task for each element of a list: drawn thick */
  FL_WAY_ERROR,  /* to the node that runs in its place when it has failed: drawn dotted */
};

/* Vertices: nodes by index, then START, then END. */
struct fl_way {
  enum fl_way_kind kind;
  size_t from, to;
  char *label; /* owned; NULL: none */
  size_t join; /* JOIN: the barrier's channel */
};

struct fl_ways {
  const struct fl_definition *definition;
  struct fl_way *items;
  size_t count, capacity;
  size_t start, end;  /* vertices */
  size_t depth;       /* how many levels of graphs inside nodes are to be shown; 0 at first */
  const char *prefix; /* lent: what the names of a graph inside a node begin with; "" at first */
};

void fl_ways_init(struct fl_ways *ways, const struct fl_definition *definition);
void fl_ways_deinit(struct fl_ways *ways);
const char *fl_ways_name(const struct fl_ways *ways, size_t vertex);
/* The graph inside a vertex, if it is to be shown; NULL otherwise. */
const struct fl_definition *fl_ways_inner(const struct fl_ways *ways, size_t vertex);

bool fl_ways_lead_to_end(const struct fl_ways *ways);

bool fl_draw_stops(const struct fl_node_def *node);
/* That it runs last, stops before or after; NULL: nothing to note. */
const char *fl_draw_note(const struct fl_node_def *node);
/* How a way looks in a picture, as an attribute with a space before it; "" for a plain one. */
const char *fl_draw_way_class(const struct fl_way *way);

void fl_draw_text(const struct fl_ways *ways, struct fl_buf *text);
void fl_draw_svg(const struct fl_ways *ways, struct fl_buf *svg);
