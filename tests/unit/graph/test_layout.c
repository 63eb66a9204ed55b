/* SPDX-License-Identifier: MIT */
/* The layout of pictures: what every layout must hold, on graphs of all kinds. */
#include "graph/layout.h"
#include "runtime/base/mem.h"
#include "tests/support/support.h"

#include <math.h>
#include <string.h>

/* ---- graphs as text: "ab ac bd cd" are lines, boxes by letter; "ab!" has a label ---- */

struct graph {
  struct fl_layout layout;
};

static struct graph make(const char *text) {
  struct graph graph = {{.gap_x = 30, .gap_y = 40}};
  struct fl_layout *layout = &graph.layout;
  layout->boxes = fl_new_array(struct fl_layout_box, 26);
  layout->lines = fl_new_array(struct fl_layout_line, strlen(text) + 1);
  for (; *text != '\0'; text++) {
    if (*text == ' ') continue;
    struct fl_layout_line *line = &layout->lines[layout->line_count++];
    line->from = (size_t)(text[0] - 'a');
    line->to = (size_t)(text[1] - 'a');
    if (line->from >= layout->box_count) layout->box_count = line->from + 1;
    if (line->to >= layout->box_count) layout->box_count = line->to + 1;
    text++;
    if (text[1] != '!') continue;
    line->label_width = 90;
    line->label_height = 30;
    text++;
  }
  for (size_t i = 0; i < layout->box_count; i++)
    layout->boxes[i] = (struct fl_layout_box){.width = 60 + 10 * (double)(i % 5), .height = 30 + 4 * (double)(i % 3)};
  fl_layout_run(layout);
  return graph;
}

static void free_graph(struct graph *graph) {
  fl_layout_deinit(&graph->layout);
  fl_free(graph->layout.boxes);
  fl_free(graph->layout.lines);
}

static bool overlap(double ax, double ay, double aw, double ah, const struct fl_layout_box *b) {
  return fabs(ax - b->x) < (aw + b->width) / 2 - 0.01 && fabs(ay - b->y) < (ah + b->height) / 2 - 0.01;
}

static void check_boxes(const struct fl_layout *layout, const char *text) {
  for (size_t i = 0; i < layout->box_count; i++) {
    const struct fl_layout_box *box = &layout->boxes[i];
    if (box->x - box->width / 2 < -0.01 || box->x + box->width / 2 > layout->width + 0.01 ||
        box->y - box->height / 2 < -0.01 || box->y + box->height / 2 > layout->height + 0.01)
      fail_msg("%s: box %zu stands out", text, i);
    for (size_t j = 0; j < i; j++)
      if (overlap(layout->boxes[j].x, layout->boxes[j].y, layout->boxes[j].width, layout->boxes[j].height, box))
        fail_msg("%s: boxes %zu and %zu overlap", text, j, i);
  }
}

static void check_lines(const struct fl_layout *layout, const char *text) {
  for (size_t i = 0; i < layout->line_count; i++) {
    const struct fl_layout_line *line = &layout->lines[i];
    const struct fl_layout_box *from = &layout->boxes[line->from], *to = &layout->boxes[line->to];
    if (line->from == line->to) {
      assert_int_equal(line->point_count, 0);
      continue;
    }
    const struct fl_layout_point *first = &line->points[0], *last = &line->points[line->point_count - 1];
    bool goes_down = from->y < to->y;
    if (fabs(first->y - (from->y + (goes_down ? 1 : -1) * from->height / 2)) > 0.01 ||
        fabs(last->y - (to->y - (goes_down ? 1 : -1) * to->height / 2)) > 0.01 ||
        fabs(first->x - from->x) > from->width / 2 || fabs(last->x - to->x) > to->width / 2)
      fail_msg("%s: line %zu does not go from border to border", text, i);
    for (size_t j = 0; line->label_width > 0 && j < layout->box_count; j++)
      if (overlap(line->label.x, line->label.y, line->label_width, line->label_height, &layout->boxes[j]))
        fail_msg("%s: the label of line %zu lies on box %zu", text, i, j);
  }
}

static void boxes_and_labels_have_their_places(void **state) {
  static const char *const texts[] = {"ab",
                                      "ab bc",
                                      "ab ac bd cd",
                                      "ab ba",
                                      "ab bb bc",
                                      "ab bc ca cd",
                                      "ab! ac! ad! be ce de",
                                      "ab bc! cb! cd",
                                      "ab ac ad ae af ag ah bi ci di ei fi gi hi",
                                      "ab bc cd de ef af! ae! ad!",
                                      "ab ab! ab! bc",
                                      "ab cd",
                                      "ab bc cd da! db! ac!"};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    struct graph graph = make(texts[i]);
    check_boxes(&graph.layout, texts[i]);
    check_lines(&graph.layout, texts[i]);
    free_graph(&graph);
  }
}

static void any_graph_is_laid_out(void **state) {
  unsigned long seed = 11;
  for (int round = 0; round < 150; round++) {
    char text[256] = {0};
    size_t size = 0;
    seed = seed * 6364136223846793005UL + 1442695040888963407UL;
    size_t boxes = 2 + (seed >> 33) % 14, lines = 1 + (seed >> 40) % 30;
    for (size_t i = 0; i < lines; i++) {
      seed = seed * 6364136223846793005UL + 1442695040888963407UL;
      text[size++] = (char)('a' + (seed >> 33) % boxes);
      text[size++] = (char)('a' + (seed >> 45) % boxes);
      if ((seed >> 55) % 3 == 0) text[size++] = '!';
      text[size++] = ' ';
    }
    struct graph graph = make(text);
    check_boxes(&graph.layout, text);
    check_lines(&graph.layout, text);
    free_graph(&graph);
  }
}

static void ways_lead_down_and_only_cycles_up(void **state) {
  struct graph graph = make("ab bc cd db");
  const struct fl_layout_box *boxes = graph.layout.boxes;
  assert_true(boxes[0].y < boxes[1].y && boxes[1].y < boxes[2].y && boxes[2].y < boxes[3].y);
  assert_true(graph.layout.lines[3].points[0].y > graph.layout.lines[3].points[2].y);
  free_graph(&graph);
}

static void a_straight_chain_is_straight(void **state) {
  struct graph graph = make("ab bc cd");
  for (size_t i = 1; i < 4; i++) assert_true(fabs(graph.layout.boxes[i].x - graph.layout.boxes[0].x) < 0.01);
  free_graph(&graph);
}

/* ---- the parts ---- */

static void crossings_are_undone(void **state) {
  size_t top[] = {0, 1}, bottom[] = {2, 3}, to3[] = {3}, to2[] = {2}, of1[] = {1}, of0[] = {0};
  struct fl_knot items[] = {{.rank = 0, .place = 0, .below = to3, .below_count = 1},
                            {.rank = 0, .place = 1, .below = to2, .below_count = 1},
                            {.rank = 1, .place = 0, .above = of1, .above_count = 1},
                            {.rank = 1, .place = 1, .above = of0, .above_count = 1}};
  struct fl_rank ranks[] = {{top, 2}, {bottom, 2}};
  struct fl_knots knots = {items, 4, ranks, 2};
  assert_int_equal(fl_layout_crossings(&knots), 1);
  fl_layout_order(&knots);
  assert_int_equal(fl_layout_crossings(&knots), 0);
  assert_int_equal(items[ranks[1].knots[0]].above[0], ranks[0].knots[0]);
}

static void wishes_are_settled_by_least_squares(void **state) {
  static const struct {
    double wishes[3], weights[3], distances[2], places[3];
  } rows[] = {{{0, 20, 40}, {1, 1, 1}, {10, 10}, {0, 20, 40}},  {{0, 0, 0}, {1, 1, 1}, {10, 10}, {-10, 0, 10}},
              {{5, 5, 100}, {1, 1, 1}, {10, 10}, {0, 10, 100}}, {{5, 5, 100}, {3, 1, 1}, {10, 10}, {2.5, 12.5, 100}},
              {{30, 20, 10}, {1, 1, 1}, {0, 0}, {20, 20, 20}},  {{30, 0, 0}, {1, 1, 2}, {5, 5}, {1.25, 6.25, 11.25}}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    double wishes[3];
    memcpy(wishes, rows[i].wishes, sizeof wishes);
    fl_layout_settle(wishes, rows[i].weights, rows[i].distances, 3);
    for (size_t j = 0; j < 3; j++)
      if (fabs(wishes[j] - rows[i].places[j]) > 0.001) fail_msg("row %zu: %g at %zu", i, wishes[j], j);
  }
}

/* A thousand boxes, each linked with the first and the last: drawn in a moment, lines straight where bends would be too
 * many. */
static void great_graphs_are_drawn_too(void **state) {
  enum { COUNT = 1000 };
  struct fl_layout layout = {.gap_x = 30, .gap_y = 40, .box_count = COUNT};
  layout.boxes = fl_new_array(struct fl_layout_box, COUNT);
  layout.lines = fl_new_array(struct fl_layout_line, 2 * COUNT);
  for (size_t i = 0; i < COUNT; i++) layout.boxes[i] = (struct fl_layout_box){.width = 50, .height = 20};
  for (size_t i = 0; i + 1 < COUNT; i++) {
    layout.lines[layout.line_count++] = (struct fl_layout_line){.from = i, .to = i + 1};
    layout.lines[layout.line_count++] = (struct fl_layout_line){.from = 0, .to = i + 1};
  }
  fl_layout_run(&layout);
  check_boxes(&layout, "great");
  check_lines(&layout, "great");
  fl_layout_deinit(&layout);
  fl_free(layout.boxes);
  fl_free(layout.lines);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(boxes_and_labels_have_their_places),
      cmocka_unit_test(any_graph_is_laid_out),
      cmocka_unit_test(ways_lead_down_and_only_cycles_up),
      cmocka_unit_test(a_straight_chain_is_straight),
      cmocka_unit_test(crossings_are_undone),
      cmocka_unit_test(wishes_are_settled_by_least_squares),
      cmocka_unit_test(great_graphs_are_drawn_too),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
