/* SPDX-License-Identifier: MIT */
/* A layered layout (after Sugiyama, Tagawa and Toda 1981): boxes in ranks from top to bottom, lines between them with
 * few crossings, labels that lie on their lines and on nothing else. Pure and deterministic.
 *
 * The steps: turn lines of cycles round (layout.c); give ranks by the longest way; put a bend into every rank that a
 * line passes, with the size of its label in one of them; order the ranks by the mean of their neighbours, back and
 * forth, and keep the order with the fewest crossings (layout_order.c); place each rank as near to its neighbours as
 * the widths allow (layout_place.c); lead the lines through their bends.
 * Invariants. (1) Boxes do not overlap. (2) A line goes from the lower border of one box to the upper border of another
 * one, or back. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  FL_LAYOUT_BENDS_MAX = 20000, /* beyond, lines are drawn straight through */
  FL_LAYOUT_SWEEPS = 12,
};

struct fl_layout_point {
  double x, y;
};

struct fl_layout_box {
  double width, height; /* given */
  double x, y;          /* of its middle */
};

struct fl_layout_line {
  size_t from, to;                  /* given: boxes */
  double label_width, label_height; /* given; 0: no label */
  struct fl_layout_point label;     /* its middle */
  struct fl_layout_point *points;   /* from border to border; owned */
  size_t point_count;
};

struct fl_layout {
  struct fl_layout_box *boxes; /* owned by the caller, as the lines are; boxes[0] is on top */
  size_t box_count;
  struct fl_layout_line *lines;
  size_t line_count;
  double gap_x, gap_y;  /* given: between boxes, between ranks */
  double width, height; /* of the whole, from 0, 0 */
};

void fl_layout_run(struct fl_layout *layout);
void fl_layout_deinit(struct fl_layout *layout); /* the points of the lines; repeatable */

/* ---- inside: a graph whose links span one rank each ---- */

/* A box, or a bend of a line. */
struct fl_knot {
  size_t rank, place; /* place: within the rank */
  double width, height, x;
  bool is_bend;
  size_t *above, *below; /* knots it is linked with, one rank up and down */
  size_t above_count, below_count;
};

struct fl_rank {
  size_t *knots; /* in order */
  size_t count;
};

struct fl_knots {
  struct fl_knot *items;
  size_t count;
  struct fl_rank *ranks;
  size_t rank_count;
};

void fl_layout_order(struct fl_knots *knots);
size_t fl_layout_crossings(const struct fl_knots *knots);
void fl_layout_place(struct fl_knots *knots, double gap_x);
/* The least squares to the wishes in rising order, at least `distances[i]` between i and i + 1 (pool adjacent
 * violators). Writes the places to `wishes`. */
void fl_layout_settle(double *wishes, const double *weights, const double *distances, size_t count);
