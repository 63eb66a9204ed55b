/* SPDX-License-Identifier: MIT */
/* The order within the ranks: by the mean place of the neighbours, down and up in turn. */
#include "graph/layout.h"
#include "runtime/base/mem.h"

#include <stdlib.h>
#include <string.h>

struct wish {
  double mean;
  size_t place, knot;
};

static int compare_wishes(const void *a, const void *b) {
  const struct wish *left = a, *right = b;
  if (left->mean != right->mean) return left->mean < right->mean ? -1 : 1;
  return left->place < right->place ? -1 : left->place > right->place;
}

static double mean_place(const struct fl_knots *knots, const size_t *linked, size_t count, double fallback) {
  double sum = 0;
  for (size_t i = 0; i < count; i++) sum += (double)knots->items[linked[i]].place;
  return count > 0 ? sum / (double)count : fallback;
}

static void set_places(struct fl_knots *knots, struct fl_rank *rank) {
  for (size_t i = 0; i < rank->count; i++) knots->items[rank->knots[i]].place = i;
}

static void order_rank(struct fl_knots *knots, struct fl_rank *rank, bool by_above, struct wish *wishes) {
  for (size_t i = 0; i < rank->count; i++) {
    const struct fl_knot *knot = &knots->items[rank->knots[i]];
    double mean = mean_place(knots, by_above ? knot->above : knot->below,
                             by_above ? knot->above_count : knot->below_count, (double)i);
    wishes[i] = (struct wish){mean, i, rank->knots[i]};
  }
  qsort(wishes, rank->count, sizeof *wishes, compare_wishes);
  for (size_t i = 0; i < rank->count; i++) rank->knots[i] = wishes[i].knot;
  set_places(knots, rank);
}

/* ---- crossings ---- */

struct link {
  size_t upper, lower;
};

static size_t crossings_below(const struct fl_knots *knots, const struct fl_rank *rank, struct link *links) {
  size_t count = 0, crossings = 0;
  for (size_t i = 0; i < rank->count; i++) {
    const struct fl_knot *knot = &knots->items[rank->knots[i]];
    for (size_t j = 0; j < knot->below_count; j++)
      links[count++] = (struct link){i, knots->items[knot->below[j]].place};
  }
  for (size_t i = 0; i < count; i++)
    for (size_t j = 0; j < i; j++) crossings += links[j].upper < links[i].upper && links[j].lower > links[i].lower;
  return crossings;
}

size_t fl_layout_crossings(const struct fl_knots *knots) {
  size_t most = 0, crossings = 0;
  for (size_t i = 0; i < knots->count; i++) most += knots->items[i].below_count;
  struct link *links = fl_new_array(struct link, most + 1);
  for (size_t i = 0; i < knots->rank_count; i++) crossings += crossings_below(knots, &knots->ranks[i], links);
  fl_free(links);
  return crossings;
}

/* ---- sweeping ---- */

static void save(const struct fl_knots *knots, size_t *places) {
  for (size_t i = 0; i < knots->count; i++) places[i] = knots->items[i].place;
}

static void restore(struct fl_knots *knots, const size_t *places) {
  for (size_t i = 0; i < knots->count; i++) {
    struct fl_knot *knot = &knots->items[i];
    knot->place = places[i];
    knots->ranks[knot->rank].knots[knot->place] = i;
  }
}

void fl_layout_order(struct fl_knots *knots) {
  size_t *best = fl_new_array(size_t, knots->count + 1);
  struct wish *wishes = fl_new_array(struct wish, knots->count + 1);
  for (size_t i = 0; i < knots->rank_count; i++) set_places(knots, &knots->ranks[i]);
  save(knots, best);
  size_t fewest = fl_layout_crossings(knots);
  for (int sweep = 0; sweep < FL_LAYOUT_SWEEPS && fewest > 0; sweep++) {
    bool goes_down = sweep % 2 == 0;
    for (size_t i = 0; i < knots->rank_count; i++)
      order_rank(knots, &knots->ranks[goes_down ? i : knots->rank_count - 1 - i], goes_down, wishes);
    size_t crossings = fl_layout_crossings(knots);
    if (crossings >= fewest) continue;
    fewest = crossings;
    save(knots, best);
  }
  restore(knots, best);
  fl_free(best);
  fl_free(wishes);
}
