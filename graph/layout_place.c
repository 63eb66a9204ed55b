/* SPDX-License-Identifier: MIT */
/* Where the knots of each rank stand: as near to the knots they are linked with as their widths allow. */
#include "graph/layout.h"
#include "runtime/base/mem.h"

enum { PLACE_SWEEPS = 16, BEND_WEIGHT = 3 };

/* ---- one rank ---- */

struct block {
  double sum, weight; /* of the wishes in it, moved by what lies between them */
  size_t first;
};

/* Moves every wish by the distances before it, so that "at least so far apart" becomes "not falling". */
void fl_layout_settle(double *wishes, const double *weights, const double *distances, size_t count) {
  struct block *blocks = fl_new_array(struct block, count + 1);
  size_t block_count = 0;
  double offset = 0;
  for (size_t i = 0; i < count; i++) {
    blocks[block_count++] = (struct block){(wishes[i] - offset) * weights[i], weights[i], i};
    if (i + 1 < count) offset += distances[i];
    while (block_count > 1 && blocks[block_count - 2].sum / blocks[block_count - 2].weight >
                                  blocks[block_count - 1].sum / blocks[block_count - 1].weight) {
      block_count--;
      blocks[block_count - 1].sum += blocks[block_count].sum;
      blocks[block_count - 1].weight += blocks[block_count].weight;
    }
  }
  offset = 0;
  for (size_t i = 0, block = 0; i < count; i++) {
    while (block + 1 < block_count && blocks[block + 1].first <= i) block++;
    wishes[i] = blocks[block].sum / blocks[block].weight + offset;
    if (i + 1 < count) offset += distances[i];
  }
  fl_free(blocks);
}

/* ---- all ranks ---- */

struct scratch {
  double *wishes, *weights, *distances;
};

enum side { ABOVE = 1, BELOW = 2 };

static double mean_x(const struct fl_knots *knots, const struct fl_knot *knot, unsigned sides) {
  double sum = 0;
  size_t count = 0;
  for (size_t i = 0; (sides & ABOVE) != 0 && i < knot->above_count; i++, count++) sum += knots->items[knot->above[i]].x;
  for (size_t i = 0; (sides & BELOW) != 0 && i < knot->below_count; i++, count++) sum += knots->items[knot->below[i]].x;
  return count > 0 ? sum / (double)count : knot->x;
}

/* A bend between boxes needs less room than a box. */
static double distance(const struct fl_knot *left, const struct fl_knot *right, double gap) {
  double between = left->is_bend || right->is_bend ? gap * 0.6 : gap;
  return (left->width + right->width) / 2 + between;
}

static void place_rank(struct fl_knots *knots, const struct fl_rank *rank, unsigned sides, double gap,
                       struct scratch *scratch) {
  for (size_t i = 0; i < rank->count; i++) {
    const struct fl_knot *knot = &knots->items[rank->knots[i]];
    scratch->wishes[i] = mean_x(knots, knot, sides);
    scratch->weights[i] = knot->is_bend ? BEND_WEIGHT : 1;
    if (i + 1 < rank->count) scratch->distances[i] = distance(knot, &knots->items[rank->knots[i + 1]], gap);
  }
  fl_layout_settle(scratch->wishes, scratch->weights, scratch->distances, rank->count);
  for (size_t i = 0; i < rank->count; i++) knots->items[rank->knots[i]].x = scratch->wishes[i];
}

static void begin(struct fl_knots *knots, double gap) {
  for (size_t i = 0; i < knots->rank_count; i++) {
    const struct fl_rank *rank = &knots->ranks[i];
    double x = 0;
    for (size_t j = 0; j < rank->count; j++) {
      struct fl_knot *knot = &knots->items[rank->knots[j]];
      if (j > 0) x += distance(&knots->items[rank->knots[j - 1]], knot, gap);
      knot->x = x;
    }
    for (size_t j = 0; j < rank->count; j++) knots->items[rank->knots[j]].x -= x / 2;
  }
}

void fl_layout_place(struct fl_knots *knots, double gap_x) {
  struct scratch scratch = {fl_new_array(double, knots->count + 1), fl_new_array(double, knots->count + 1),
                            fl_new_array(double, knots->count + 1)};
  begin(knots, gap_x);
  for (int sweep = 0; sweep < PLACE_SWEEPS; sweep++) {
    bool goes_down = sweep % 2 == 0;
    unsigned sides = sweep >= PLACE_SWEEPS / 2 ? ABOVE | BELOW : goes_down ? ABOVE : BELOW;
    for (size_t i = 0; i < knots->rank_count; i++)
      place_rank(knots, &knots->ranks[goes_down ? i : knots->rank_count - 1 - i], sides, gap_x, &scratch);
  }
  fl_free(scratch.wishes);
  fl_free(scratch.weights);
  fl_free(scratch.distances);
}
