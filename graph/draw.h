/* SPDX-License-Identifier: MIT */
/* What a drawing shows: the ways of a graph, one after the other, as draw.c collects them for each format. Pure. */
#pragma once
#include "graph/definition.h"
#include "runtime/base/buf.h"

enum fl_way_kind {
  FL_WAY_PLAIN,
  FL_WAY_BRANCH, /* conditional: drawn dashed */
  FL_WAY_JOIN,   /* one of several that are waited for */
};

/* Vertices: nodes by index, then START, then END. */
struct fl_way {
  enum fl_way_kind kind;
  size_t from, to;
  const char *label; /* lent; NULL: none */
  size_t join;       /* JOIN: the barrier's channel */
};

struct fl_ways {
  const struct fl_definition *definition;
  struct fl_way *items;
  size_t count, capacity;
  size_t start, end; /* vertices */
};

void fl_ways_init(struct fl_ways *ways, const struct fl_definition *definition);
void fl_ways_deinit(struct fl_ways *ways);
const char *fl_ways_name(const struct fl_ways *ways, size_t vertex);

void fl_draw_text(const struct fl_ways *ways, struct fl_buf *text);
