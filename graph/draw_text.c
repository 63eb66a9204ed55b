/* SPDX-License-Identifier: MIT */
/* A graph in a terminal, from START downwards. What follows in one way stands on one line, what parts is drawn as
 * branches below the node where it parts; a node is drawn once, where it is reached first, and named with "↑" after
 * that. Pure.
 *
 *   START ──▶ agent
 *             ├┄ size(last(state.messages).tool_calls) > 0 ┄▶ tools ──▶ agent ↑
 *             └┄ otherwise ┄▶ count ══▶ approve (after count, each) ──▶ END */
#include "graph/draw.h"

#include "runtime/base/mem.h"

enum { LINE_WIDTH = 100, INDENT_MAX = 4096 };

struct pen {
  const struct fl_ways *ways;
  struct fl_buf *text;
  bool *is_drawn;
  size_t line_start;    /* in text */
  size_t vertex_column; /* where the last vertex stands */
  struct fl_buf margin; /* what every line begins with here */
};

/* Characters, not bytes. */
static size_t width(const char *text, size_t size) {
  size_t count = 0;
  for (size_t i = 0; i < size; i++) count += ((unsigned char)text[i] & 0xc0) != 0x80;
  return count;
}

static size_t column(const struct pen *pen) {
  return pen->text->data != NULL ? width(pen->text->data + pen->line_start, pen->text->size - pen->line_start) : 0;
}

static void break_line(struct pen *pen) {
  fl_buf_add_char(pen->text, '\n');
  pen->line_start = pen->text->size;
  fl_buf_add(pen->text, pen->margin.data, pen->margin.size);
}

static void write_arrow(struct pen *pen, const struct fl_way *way) {
  if (way->kind == FL_WAY_PLAIN) fl_buf_add_text(pen->text, "──▶ ");
  else if (way->kind == FL_WAY_JOIN) fl_buf_add_text(pen->text, "══▶ ");
  else if (way->label == NULL) fl_buf_add_text(pen->text, "┄┄▶ ");
  else fl_buf_addf(pen->text, "┄ %s ┄▶ ", way->label);
}

static void write_after(struct pen *pen, const struct fl_way *way) {
  char **names = pen->ways->definition->channels[way->join].names;
  fl_buf_add_text(pen->text, " (after");
  for (size_t i = 0; names[i] != NULL; i++) fl_buf_addf(pen->text, "%s %s", i > 0 ? "," : "", names[i]);
  fl_buf_add_char(pen->text, ')');
}

static void write_vertex(struct pen *pen, size_t vertex) {
  pen->vertex_column = column(pen);
  fl_buf_add_text(pen->text, fl_ways_name(pen->ways, vertex));
  if (vertex >= pen->ways->definition->node_count) return;
  if (pen->is_drawn[vertex]) {
    fl_buf_add_text(pen->text, " ↑");
    return;
  }
  const struct fl_node_def *node = &pen->ways->definition->nodes[vertex];
  if (node->is_deferred) fl_buf_add_text(pen->text, " [runs last]");
  if (node->interrupt_before) fl_buf_add_text(pen->text, " [stops before]");
  if (node->interrupt_after) fl_buf_add_text(pen->text, " [stops after]");
}

static size_t ways_from(const struct pen *pen, size_t vertex, size_t *ret_first) {
  size_t count = 0;
  for (size_t i = pen->ways->count; i > 0; i--) {
    if (pen->ways->items[i - 1].from != vertex) continue;
    *ret_first = i - 1;
    count++;
  }
  return count;
}

static void draw_from(struct pen *pen, size_t vertex);

/* Returns whether the target is to be drawn on from there. */
static bool draw_way(struct pen *pen, const struct fl_way *way) {
  write_arrow(pen, way);
  write_vertex(pen, way->to);
  if (way->to == pen->ways->end || pen->is_drawn[way->to]) return false;
  if (way->kind == FL_WAY_JOIN) write_after(pen, way);
  return true;
}

static void draw_ways(struct pen *pen, size_t vertex, size_t count, size_t indent) {
  size_t outer = pen->margin.size;
  while (pen->margin.size - outer < indent && pen->margin.size < INDENT_MAX) fl_buf_add_char(&pen->margin, ' ');
  size_t inner = pen->margin.size;
  for (size_t i = 0, left = count; i < pen->ways->count && left > 0; i++) {
    if (pen->ways->items[i].from != vertex) continue;
    bool is_last = --left == 0;
    break_line(pen);
    fl_buf_add_text(pen->text, is_last ? "└" : "├");
    fl_buf_add_text(&pen->margin, is_last ? " " : "│");
    if (draw_way(pen, &pen->ways->items[i])) draw_from(pen, pen->ways->items[i].to);
    pen->margin.size = inner;
  }
  pen->margin.size = outer;
}

/* `vertex` has just been written. */
static void draw_from(struct pen *pen, size_t vertex) {
  size_t first = 0, count;
  pen->is_drawn[vertex] = true;
  while ((count = ways_from(pen, vertex, &first)) == 1) {
    if (column(pen) >= LINE_WIDTH) break_line(pen);
    fl_buf_add_text(pen->text, column(pen) > width(pen->margin.data, pen->margin.size) ? " " : "  ");
    if (!draw_way(pen, &pen->ways->items[first])) return;
    vertex = pen->ways->items[first].to;
    pen->is_drawn[vertex] = true;
  }
  size_t margin = width(pen->margin.data, pen->margin.size);
  size_t indent = pen->vertex_column < LINE_WIDTH && pen->vertex_column > margin ? pen->vertex_column - margin : 2;
  draw_ways(pen, vertex, count, indent);
}

void fl_draw_text(const struct fl_ways *ways, struct fl_buf *text) {
  struct pen pen = {.ways = ways,
                    .text = text,
                    .line_start = text->size,
                    .is_drawn = fl_new_array(bool, ways->definition->node_count + 2)};
  write_vertex(&pen, ways->start);
  draw_from(&pen, ways->start);
  fl_buf_add_char(text, '\n');
  fl_buf_deinit(&pen.margin);
  fl_free(pen.is_drawn);
}
