/* SPDX-License-Identifier: MIT */
#include "graph/layout.h"

#include "runtime/base/mem.h"

/* A line on its way: its knots from the upper box to the lower one. */
struct path {
  size_t *knots;
  size_t count;
  bool is_turned; /* the line goes up */
  size_t label;   /* the knot that is its label; SIZE_MAX: none */
};

struct plan {
  struct fl_layout *layout;
  struct fl_knots knots;
  struct path *paths; /* of each line; a line from a box to itself has none */
  size_t *ranks;      /* of the boxes */
  double *rank_y, *rank_height;
  bool has_labels, is_straight; /* straight: too many bends */
};

/* ---- ranks ---- */

enum { NEW, OPEN, CLOSED };

/* Turns every line round that leads back to a box on the way to it. Without recursion: chains may be long. */
static void turn_cycles(struct plan *plan) {
  const struct fl_layout *layout = plan->layout;
  char *states = fl_new_array(char, layout->box_count + 1);
  size_t *stack = fl_new_array(size_t, layout->box_count + 1), *next = fl_new_array(size_t, layout->box_count + 1);
  for (size_t root = 0; root < layout->box_count; root++) {
    size_t depth = 0;
    if (states[root] != NEW) continue;
    stack[depth++] = root;
    states[root] = OPEN;
    while (depth > 0) {
      size_t box = stack[depth - 1], line = next[box]++;
      if (line >= layout->line_count) {
        states[box] = CLOSED;
        depth--;
      } else if (layout->lines[line].from == box && layout->lines[line].to != box) {
        size_t to = layout->lines[line].to;
        plan->paths[line].is_turned = states[to] == OPEN;
        if (states[to] == NEW) stack[depth++] = to;
        if (states[to] == NEW) states[to] = OPEN;
      }
    }
  }
  fl_free(states);
  fl_free(stack);
  fl_free(next);
}

static size_t upper_of(const struct plan *plan, size_t line) {
  return plan->paths[line].is_turned ? plan->layout->lines[line].to : plan->layout->lines[line].from;
}

static size_t lower_of(const struct plan *plan, size_t line) {
  return plan->paths[line].is_turned ? plan->layout->lines[line].from : plan->layout->lines[line].to;
}

/* The longest way from the top; with labels, every other rank is theirs. */
static void give_ranks(struct plan *plan) {
  const struct fl_layout *layout = plan->layout;
  size_t step = plan->has_labels ? 2 : 1;
  bool has_changed = true;
  for (size_t round = 0; has_changed && round <= layout->box_count; round++) {
    has_changed = false;
    for (size_t i = 0; i < layout->line_count; i++) {
      size_t upper = upper_of(plan, i), lower = lower_of(plan, i);
      if (upper == lower || plan->ranks[lower] >= plan->ranks[upper] + step) continue;
      plan->ranks[lower] = plan->ranks[upper] + step;
      has_changed = true;
    }
  }
}

/* ---- knots ---- */

static size_t span_of(const struct plan *plan, size_t line) {
  size_t upper = upper_of(plan, line), lower = lower_of(plan, line);
  return upper == lower ? 0 : plan->ranks[lower] - plan->ranks[upper];
}

static void add_bends(struct plan *plan, size_t line) {
  struct path *path = &plan->paths[line];
  const struct fl_layout_line *given = &plan->layout->lines[line];
  size_t span = span_of(plan, line);
  path->label = SIZE_MAX;
  if (span == 0) return;
  size_t bend_count = plan->is_straight ? 0 : span - 1;
  path->knots = fl_new_array(size_t, bend_count + 2);
  path->knots[path->count++] = upper_of(plan, line);
  for (size_t i = 0; i < bend_count; i++) {
    size_t index = plan->knots.count++;
    bool is_label = given->label_width > 0 && i == (path->is_turned ? bend_count - 1 : 0);
    struct fl_knot *knot = &plan->knots.items[index];
    *knot = (struct fl_knot){.rank = plan->ranks[upper_of(plan, line)] + 1 + i, .is_bend = true};
    if (is_label) {
      knot->width = given->label_width;
      knot->height = given->label_height;
      path->label = index;
    }
    path->knots[path->count++] = index;
  }
  path->knots[path->count++] = lower_of(plan, line);
}

static void add_link(size_t **list, size_t *count, size_t knot) {
  *list = fl_realloc(*list, (*count + 1) * sizeof **list);
  (*list)[(*count)++] = knot;
}

static void link_path(struct plan *plan, const struct path *path) {
  for (size_t i = 0; i + 1 < path->count; i++) {
    struct fl_knot *upper = &plan->knots.items[path->knots[i]], *lower = &plan->knots.items[path->knots[i + 1]];
    if (lower->rank != upper->rank + 1) continue; /* drawn straight: it does not count for the order */
    add_link(&upper->below, &upper->below_count, path->knots[i + 1]);
    add_link(&lower->above, &lower->above_count, path->knots[i]);
  }
}

static void fill_ranks(struct plan *plan) {
  struct fl_knots *knots = &plan->knots;
  for (size_t i = 0; i < knots->count; i++)
    if (knots->items[i].rank >= knots->rank_count) knots->rank_count = knots->items[i].rank + 1;
  knots->ranks = fl_new_array(struct fl_rank, knots->rank_count + 1);
  for (size_t i = 0; i < knots->count; i++) knots->ranks[knots->items[i].rank].count++;
  for (size_t i = 0; i < knots->rank_count; i++) {
    knots->ranks[i].knots = fl_new_array(size_t, knots->ranks[i].count + 1);
    knots->ranks[i].count = 0;
  }
  for (size_t i = 0; i < knots->count; i++) {
    struct fl_rank *rank = &knots->ranks[knots->items[i].rank];
    rank->knots[rank->count++] = i;
  }
}

static void make_knots(struct plan *plan) {
  struct fl_layout *layout = plan->layout;
  size_t bends = 0;
  for (size_t i = 0; i < layout->line_count; i++) bends += span_of(plan, i);
  plan->is_straight = bends > FL_LAYOUT_BENDS_MAX;
  plan->knots.items = fl_new_array(struct fl_knot, layout->box_count + (plan->is_straight ? 0 : bends) + 1);
  plan->knots.count = layout->box_count;
  for (size_t i = 0; i < layout->box_count; i++)
    plan->knots.items[i] =
        (struct fl_knot){.rank = plan->ranks[i], .width = layout->boxes[i].width, .height = layout->boxes[i].height};
  for (size_t i = 0; i < layout->line_count; i++) add_bends(plan, i);
  for (size_t i = 0; i < layout->line_count; i++) link_path(plan, &plan->paths[i]);
  fill_ranks(plan);
}

/* ---- places ---- */

static void set_heights(struct plan *plan) {
  double y = 0, gap = plan->has_labels ? plan->layout->gap_y / 2 : plan->layout->gap_y;
  plan->rank_y = fl_new_array(double, plan->knots.rank_count + 1);
  plan->rank_height = fl_new_array(double, plan->knots.rank_count + 1);
  for (size_t i = 0; i < plan->knots.rank_count; i++) {
    const struct fl_rank *rank = &plan->knots.ranks[i];
    for (size_t j = 0; j < rank->count; j++)
      if (plan->knots.items[rank->knots[j]].height > plan->rank_height[i])
        plan->rank_height[i] = plan->knots.items[rank->knots[j]].height;
    plan->rank_y[i] = y + plan->rank_height[i] / 2;
    y += plan->rank_height[i] + (i + 1 < plan->knots.rank_count ? gap : 0);
  }
  plan->layout->height = y;
}

static void set_widths(struct plan *plan) {
  double least = 0, most = 0;
  for (size_t i = 0; i < plan->knots.count; i++) {
    const struct fl_knot *knot = &plan->knots.items[i];
    if (i == 0 || knot->x - knot->width / 2 < least) least = knot->x - knot->width / 2;
    if (i == 0 || knot->x + knot->width / 2 > most) most = knot->x + knot->width / 2;
  }
  for (size_t i = 0; i < plan->knots.count; i++) plan->knots.items[i].x -= least;
  plan->layout->width = most - least;
  for (size_t i = 0; i < plan->layout->box_count; i++) {
    plan->layout->boxes[i].x = plan->knots.items[i].x;
    plan->layout->boxes[i].y = plan->rank_y[plan->knots.items[i].rank];
  }
}

/* ---- lines ---- */

/* Lines of a box leave it side by side, in the order of where they lead: the share of `line` among them. */
static double port_of(const struct plan *plan, size_t line, bool is_upper) {
  const struct path *path = &plan->paths[line];
  size_t box = path->knots[is_upper ? 0 : path->count - 1], before = 0, count = 0;
  double x = plan->knots.items[path->knots[is_upper ? 1 : path->count - 2]].x;
  for (size_t i = 0; i < plan->layout->line_count; i++) {
    const struct path *other = &plan->paths[i];
    if (other->count == 0 || other->knots[is_upper ? 0 : other->count - 1] != box) continue;
    double other_x = plan->knots.items[other->knots[is_upper ? 1 : other->count - 2]].x;
    before += other_x < x || (other_x == x && i < line);
    count++;
  }
  double step = plan->knots.items[box].width / ((double)count + 1);
  if (step > 22) step = 22;
  return plan->knots.items[box].x + ((double)before - ((double)count - 1) / 2) * step;
}

static void add_point(struct fl_layout_line *line, double x, double y) {
  size_t last = line->point_count;
  if (last > 0 && line->points[last - 1].x == x && line->points[last - 1].y == y) return;
  line->points[line->point_count++] = (struct fl_layout_point){x, y};
}

/* Upright through each rank, whatever stands beside it there, and over between the ranks. */
static void add_points(struct plan *plan, size_t index) {
  struct fl_layout_line *line = &plan->layout->lines[index];
  const struct path *path = &plan->paths[index];
  for (size_t i = 0; i < path->count; i++) {
    const struct fl_knot *knot = &plan->knots.items[path->knots[i]];
    bool is_first = i == 0, is_last = i + 1 == path->count;
    double x = is_first || is_last ? port_of(plan, index, is_first) : knot->x;
    double middle = plan->rank_y[knot->rank], half = plan->rank_height[knot->rank] / 2;
    add_point(line, x, is_first ? middle + knot->height / 2 : middle - half);
    add_point(line, x, is_last ? middle - knot->height / 2 : middle + half);
  }
}

static void turn_points(struct fl_layout_line *line) {
  for (size_t i = 0, j = line->point_count - 1; i < j; i++, j--) {
    struct fl_layout_point point = line->points[i];
    line->points[i] = line->points[j];
    line->points[j] = point;
  }
}

static void lead_line(struct plan *plan, size_t index) {
  struct fl_layout_line *line = &plan->layout->lines[index];
  const struct path *path = &plan->paths[index];
  const struct fl_knot *knots = plan->knots.items;
  if (path->count == 0) return;
  line->points = fl_new_array(struct fl_layout_point, 2 * path->count);
  add_points(plan, index);
  if (path->is_turned) turn_points(line);
  if (path->label != SIZE_MAX)
    line->label = (struct fl_layout_point){knots[path->label].x, plan->rank_y[knots[path->label].rank]};
  else
    line->label = (struct fl_layout_point){(line->points[0].x + line->points[line->point_count - 1].x) / 2,
                                           (line->points[0].y + line->points[line->point_count - 1].y) / 2};
}

/* ---- all of it ---- */

static void plan_deinit(struct plan *plan) {
  for (size_t i = 0; i < plan->knots.count; i++) {
    fl_free(plan->knots.items[i].above);
    fl_free(plan->knots.items[i].below);
  }
  for (size_t i = 0; i < plan->knots.rank_count; i++) fl_free(plan->knots.ranks[i].knots);
  for (size_t i = 0; i < plan->layout->line_count; i++) fl_free(plan->paths[i].knots);
  fl_free(plan->knots.items);
  fl_free(plan->knots.ranks);
  fl_free(plan->paths);
  fl_free(plan->ranks);
  fl_free(plan->rank_y);
  fl_free(plan->rank_height);
}

void fl_layout_run(struct fl_layout *layout) {
  struct plan plan = {.layout = layout,
                      .paths = fl_new_array(struct path, layout->line_count + 1),
                      .ranks = fl_new_array(size_t, layout->box_count + 1)};
  for (size_t i = 0; i < layout->line_count; i++) plan.has_labels |= layout->lines[i].label_width > 0;
  turn_cycles(&plan);
  give_ranks(&plan);
  make_knots(&plan);
  fl_layout_order(&plan.knots);
  fl_layout_place(&plan.knots, layout->gap_x);
  set_heights(&plan);
  set_widths(&plan);
  for (size_t i = 0; i < layout->line_count; i++) lead_line(&plan, i);
  plan_deinit(&plan);
}

void fl_layout_deinit(struct fl_layout *layout) {
  for (size_t i = 0; i < layout->line_count; i++) {
    fl_free(layout->lines[i].points);
    layout->lines[i].points = NULL;
    layout->lines[i].point_count = 0;
  }
}
