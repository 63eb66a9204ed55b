/* SPDX-License-Identifier: MIT */
/* A graph as a picture that stands alone: SVG with its own styles, for light and dark, without scripts or anything from
 * elsewhere. The places come from layout.c. Pure. */
#include "graph/draw.h"
#include "graph/layout.h"

#include "runtime/base/mem.h"

#include <stdio.h>
#include <stdlib.h>

enum { LABEL_LINE_MAX = 30, LABEL_LINES_MAX = 3, NAME_MAX_CHARACTERS = 40, CAPTION_MAX = 96 };
static const double margin = 16, name_character = 8.2, small_character = 6.4, small_line = 14, title_height = 24;

/* ---- text ---- */

static size_t count_characters(const char *text, size_t size) {
  size_t count = 0;
  for (size_t i = 0; i < size; i++) count += ((unsigned char)text[i] & 0xc0) != 0x80;
  return count;
}

static void add_escaped(struct fl_buf *svg, const char *text, size_t size) {
  for (size_t i = 0; i < size; i++) {
    if (text[i] == '<') fl_buf_add_text(svg, "&lt;");
    else if (text[i] == '>') fl_buf_add_text(svg, "&gt;");
    else if (text[i] == '&') fl_buf_add_text(svg, "&amp;");
    else if (text[i] == '"') fl_buf_add_text(svg, "&quot;");
    else fl_buf_add_char(svg, (unsigned char)text[i] < 0x20 ? ' ' : text[i]);
  }
}

/* Numbers of a picture need no more than a tenth; without the locale's comma. */
static void add_number(struct fl_buf *svg, double number) {
  long tenths = (long)(number * 10 + (number < 0 ? -0.5 : 0.5));
  if (tenths % 10 == 0) fl_buf_addf(svg, "%ld", tenths / 10);
  else fl_buf_addf(svg, "%s%ld.%ld", tenths < 0 ? "-" : "", labs(tenths) / 10, labs(tenths) % 10);
}

static void add_attribute(struct fl_buf *svg, const char *name, double number) {
  fl_buf_addf(svg, " %s=\"", name);
  add_number(svg, number);
  fl_buf_add_char(svg, '"');
}

/* ---- labels in lines ---- */

struct label {
  fl_slice lines[LABEL_LINES_MAX];
  size_t count, widest; /* in characters */
  bool is_cut;
};

/* The bytes of the first characters, up to a space where there is one. */
static size_t line_size(fl_slice rest) {
  size_t size = 0, characters = 0, space = 0;
  while (size < rest.size && characters < LABEL_LINE_MAX) {
    if (rest.data[size] == ' ') space = size;
    size++;
    while (size < rest.size && ((unsigned char)rest.data[size] & 0xc0) == 0x80) size++;
    characters++;
  }
  return size < rest.size && space > 0 ? space : size;
}

static struct label break_label(const char *text) {
  struct label label = {0};
  fl_slice rest = fl_slice_of(text);
  while (rest.size > 0 && label.count < LABEL_LINES_MAX) {
    size_t size = line_size(rest), characters = count_characters(rest.data, size);
    label.lines[label.count++] = fl_slice_n(rest.data, size);
    if (characters > label.widest) label.widest = characters;
    rest = fl_slice_n(rest.data + size, rest.size - size);
    while (rest.size > 0 && rest.data[0] == ' ') rest = fl_slice_n(rest.data + 1, rest.size - 1);
  }
  label.is_cut = rest.size > 0;
  return label;
}

/* ---- boxes ---- */

struct picture {
  const struct fl_ways *ways;
  struct fl_layout layout;
  size_t *boxes;    /* box of each vertex; SIZE_MAX: not in the picture */
  size_t *vertices; /* vertex of each box */
  size_t *join_boxes, *join_channels;
  size_t join_count;
  struct inner **inner; /* of each vertex: the graph inside it; NULL: not shown */
};

struct inner {
  struct fl_ways ways;
  struct picture picture;
};

static void picture_init(struct picture *picture, const struct fl_ways *ways);
static double width_of(const struct picture *picture);

static const struct fl_node_def *node_of(const struct picture *picture, size_t vertex) {
  return vertex < picture->ways->definition->node_count ? &picture->ways->definition->nodes[vertex] : NULL;
}

static void make_caption(const struct fl_node_def *node, char caption[CAPTION_MAX]) {
  const char *stop = fl_draw_note(node);
  snprintf(caption, CAPTION_MAX, "%s%s%s", node->run != NULL ? "C" : node->type, stop != NULL ? " · " : "",
           stop != NULL ? stop : "");
}

/* A node with a graph in it is as large as that, with its name above. */
static void add_inner(struct picture *picture, size_t vertex, struct fl_layout_box *box) {
  const struct fl_definition *definition = fl_ways_inner(picture->ways, vertex);
  if (definition == NULL) return;
  struct inner *inner = fl_new(struct inner);
  picture->inner[vertex] = inner;
  fl_ways_init(&inner->ways, definition);
  inner->ways.depth = picture->ways->depth - 1;
  picture_init(&inner->picture, &inner->ways);
  double width = width_of(&inner->picture);
  if (width > box->width) box->width = width;
  box->height = inner->picture.layout.height + 2 * margin + title_height;
}

static void measure(const struct picture *picture, size_t vertex, struct fl_layout_box *box) {
  const struct fl_node_def *node = node_of(picture, vertex);
  const char *name = fl_ways_name(picture->ways, vertex);
  size_t characters = count_characters(name, strlen(name));
  if (characters > NAME_MAX_CHARACTERS) characters = NAME_MAX_CHARACTERS;
  box->width = (double)characters * name_character + 28;
  box->height = node != NULL ? 44 : 30;
  if (node == NULL) return;
  char caption[CAPTION_MAX];
  make_caption(node, caption);
  double width = (double)count_characters(caption, strlen(caption)) * small_character + 24;
  if (width > box->width) box->width = width;
}

static void add_box(struct picture *picture, size_t vertex) {
  size_t box = picture->layout.box_count++;
  picture->boxes[vertex] = box;
  picture->vertices[box] = vertex;
  measure(picture, vertex, &picture->layout.boxes[box]);
  add_inner(picture, vertex, &picture->layout.boxes[box]);
}

static size_t join_box(struct picture *picture, size_t channel) {
  for (size_t i = 0; i < picture->join_count; i++)
    if (picture->join_channels[i] == channel) return picture->join_boxes[i];
  size_t box = picture->layout.box_count++;
  picture->layout.boxes[box] = (struct fl_layout_box){.width = 40, .height = 24};
  picture->vertices[box] = SIZE_MAX;
  picture->join_channels[picture->join_count] = channel;
  picture->join_boxes[picture->join_count++] = box;
  return box;
}

/* ---- lines ---- */

static void add_line(struct picture *picture, size_t from, size_t to, const char *label) {
  struct fl_layout_line *line = &picture->layout.lines[picture->layout.line_count++];
  *line = (struct fl_layout_line){.from = from, .to = to};
  if (label == NULL) return;
  struct label broken = break_label(label);
  line->label_width = (double)broken.widest * small_character + 8;
  line->label_height = (double)broken.count * small_line + 4;
}

/* Line i of the picture is way i; behind them come the lines from joins to where they lead. */
static void add_lines(struct picture *picture) {
  const struct fl_ways *ways = picture->ways;
  for (size_t i = 0; i < ways->count; i++) {
    const struct fl_way *way = &ways->items[i];
    size_t to = way->kind == FL_WAY_JOIN ? join_box(picture, way->join) : picture->boxes[way->to];
    add_line(picture, picture->boxes[way->from], to, way->label);
  }
  for (size_t i = 0; i < picture->join_count; i++)
    for (size_t j = 0; j < ways->count; j++) {
      if (ways->items[j].kind != FL_WAY_JOIN || ways->items[j].join != picture->join_channels[i]) continue;
      add_line(picture, picture->join_boxes[i], picture->boxes[ways->items[j].to], NULL);
      break;
    }
}

static void picture_init(struct picture *picture, const struct fl_ways *ways) {
  size_t vertex_count = ways->definition->node_count + 2;
  *picture = (struct picture){.ways = ways};
  picture->inner = fl_new_array(struct inner *, vertex_count);
  picture->boxes = fl_new_array(size_t, vertex_count);
  picture->vertices = fl_new_array(size_t, vertex_count + ways->count);
  picture->join_boxes = fl_new_array(size_t, ways->count + 1);
  picture->join_channels = fl_new_array(size_t, ways->count + 1);
  picture->layout = (struct fl_layout){.boxes = fl_new_array(struct fl_layout_box, vertex_count + ways->count),
                                       .lines = fl_new_array(struct fl_layout_line, 2 * ways->count + 1),
                                       .gap_x = 36,
                                       .gap_y = 44};
  for (size_t i = 0; i < vertex_count; i++) picture->boxes[i] = SIZE_MAX;
  add_box(picture, ways->start);
  for (size_t i = 0; i < ways->definition->node_count; i++) add_box(picture, i);
  if (fl_ways_lead_to_end(ways)) add_box(picture, ways->end);
  add_lines(picture);
  fl_layout_run(&picture->layout);
}

static void picture_deinit(struct picture *picture) {
  for (size_t i = 0; i < picture->ways->definition->node_count; i++) {
    struct inner *inner = picture->inner[i];
    if (inner == NULL) continue;
    picture_deinit(&inner->picture);
    fl_ways_deinit(&inner->ways);
    fl_free(inner);
  }
  fl_free(picture->inner);
  fl_layout_deinit(&picture->layout);
  fl_free(picture->layout.boxes);
  fl_free(picture->layout.lines);
  fl_free(picture->boxes);
  fl_free(picture->vertices);
  fl_free(picture->join_boxes);
  fl_free(picture->join_channels);
}

/* ---- writing ---- */

static const char style[] =
    "<style>\n"
    ".fl{--ink:#1f2933;--soft:#6b7683;--line:#7b8794;--box:#f5f7fa;--edge:#9aa5b1;--end:#e4e7eb;--paper:#ffffff;"
    "--stop:#b7791f;--error:#b42318}\n"
    "@media(prefers-color-scheme:dark){.fl{--ink:#e8ecf0;--soft:#9fabb8;--line:#8a96a3;--box:#27313b;--edge:#55616e;"
    "--end:#3a4551;--paper:#161c22;--stop:#e0b04a;--error:#f97066}}\n"
    ".fl .paper{fill:var(--paper)}.fl text{fill:var(--ink);font-family:ui-sans-serif,system-ui,sans-serif;"
    "text-anchor:middle}\n"
    ".fl .name{font-size:14px}.fl .small{font-size:11px;fill:var(--soft)}\n"
    ".fl .label{font-size:11px;fill:var(--soft);paint-order:stroke;stroke:var(--paper);stroke-width:4px;"
    "stroke-linejoin:round}\n"
    ".fl .box{fill:var(--box);stroke:var(--edge)}.fl .end{fill:var(--end);stroke:var(--edge)}.fl .stop{stroke:"
    "var(--stop);stroke-width:2}\n"
    ".fl path{fill:none;stroke:var(--line);stroke-width:1.4}.fl .dash{stroke-dasharray:5 4}.fl "
    ".each{stroke-width:2.6}.fl .dot{stroke-dasharray:"
    "1.5 3.5;stroke-linecap:round}.fl .error{stroke:var(--error)}\n"
    ".fl marker path{fill:var(--line);stroke:none}\n"
    "</style>\n"
    "<defs><marker id=\"fl-arrow\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" "
    "markerUnits=\"userSpaceOnUse\" orient=\"auto\"><path d=\"M0 0.5 L8 4 L0 7.5 Z\"/></marker></defs>\n";

static void add_text(struct fl_buf *svg, const char *class_name, double x, double y) {
  fl_buf_addf(svg, "<text class=\"%s\"", class_name);
  add_attribute(svg, "x", x);
  add_attribute(svg, "y", y);
  fl_buf_add_char(svg, '>');
}

static void add_point(struct fl_buf *svg, double x, double y) {
  add_number(svg, x + margin);
  fl_buf_add_char(svg, ' ');
  add_number(svg, y + margin);
}

/* Down to half the way, over, and down: a line that is upright at each of its points. */
static void add_curve(struct fl_buf *svg, const struct fl_layout_line *line) {
  fl_buf_add_char(svg, 'M');
  add_point(svg, line->points[0].x, line->points[0].y);
  for (size_t i = 1; i < line->point_count; i++) {
    const struct fl_layout_point *from = &line->points[i - 1], *to = &line->points[i];
    double middle = (from->y + to->y) / 2;
    fl_buf_add_text(svg, " C");
    add_point(svg, from->x, middle);
    fl_buf_add_text(svg, ", ");
    add_point(svg, to->x, middle);
    fl_buf_add_text(svg, ", ");
    add_point(svg, to->x, to->y);
  }
}

/* A line from a box to itself leaves it at its right side and comes back there. */
static void add_loop(struct fl_buf *svg, const struct fl_layout_box *box) {
  double x = box->x + box->width / 2, y = box->y;
  fl_buf_add_char(svg, 'M');
  add_point(svg, x, y - 8);
  fl_buf_add_text(svg, " C");
  add_point(svg, x + 26, y - 18);
  fl_buf_add_text(svg, ", ");
  add_point(svg, x + 26, y + 18);
  fl_buf_add_text(svg, ", ");
  add_point(svg, x, y + 8);
}

static void add_line_svg(struct fl_buf *svg, const struct picture *picture, size_t index) {
  const struct fl_layout_line *line = &picture->layout.lines[index];
  const struct fl_way *way = index < picture->ways->count ? &picture->ways->items[index] : NULL;
  fl_buf_addf(svg, "<path%s marker-end=\"url(#fl-arrow)\" d=\"", way != NULL ? fl_draw_way_class(way) : "");
  if (line->point_count > 0) add_curve(svg, line);
  else add_loop(svg, &picture->layout.boxes[line->from]);
  fl_buf_add_text(svg, "\"/>\n");
}

static void add_label(struct fl_buf *svg, const struct picture *picture, size_t index) {
  const struct fl_layout_line *line = &picture->layout.lines[index];
  const char *text = picture->ways->items[index].label;
  if (text == NULL) return;
  struct label label = break_label(text);
  const struct fl_layout_box *box = &picture->layout.boxes[line->from];
  double x = line->point_count > 0 ? line->label.x : box->x + box->width / 2 + 24 + line->label_width / 2;
  double y = (line->point_count > 0 ? line->label.y : box->y) - ((double)label.count - 1) * small_line / 2 + 4;
  fl_buf_add_text(svg, "<g><title>");
  add_escaped(svg, text, strlen(text));
  fl_buf_add_text(svg, "</title>");
  for (size_t i = 0; i < label.count; i++) {
    add_text(svg, "label", x + margin, y + (double)i * small_line + margin);
    add_escaped(svg, label.lines[i].data, label.lines[i].size);
    fl_buf_addf(svg, "%s</text>", label.is_cut && i + 1 == label.count ? "…" : "");
  }
  fl_buf_add_text(svg, "</g>\n");
}

static void add_rect(struct fl_buf *svg, const struct fl_layout_box *box, const char *class_name, double radius) {
  fl_buf_addf(svg, "<rect class=\"%s\"", class_name);
  add_attribute(svg, "x", box->x - box->width / 2 + margin);
  add_attribute(svg, "y", box->y - box->height / 2 + margin);
  add_attribute(svg, "width", box->width);
  add_attribute(svg, "height", box->height);
  add_attribute(svg, "rx", radius);
  fl_buf_add_text(svg, "/>");
}

static void add_join(struct fl_buf *svg, const struct fl_layout_box *box) {
  static const double corners[][2] = {{-20, 0}, {-12, -12}, {12, -12}, {20, 0}, {12, 12}, {-12, 12}};
  fl_buf_add_text(svg, "<polygon class=\"end\" points=\"");
  for (size_t i = 0; i < 6; i++) {
    if (i > 0) fl_buf_add_char(svg, ' ');
    add_point(svg, box->x + corners[i][0], box->y + corners[i][1]);
  }
  fl_buf_add_text(svg, "\"/>");
  add_text(svg, "small", box->x + margin, box->y + margin + 4);
  fl_buf_add_text(svg, "all</text>\n");
}

static void add_name(struct fl_buf *svg, const char *name, double x, double y) {
  size_t size = 0, characters = 0;
  while (name[size] != '\0' && characters <= NAME_MAX_CHARACTERS)
    characters += ((unsigned char)name[size++] & 0xc0) != 0x80;
  bool is_cut = characters > NAME_MAX_CHARACTERS;
  add_text(svg, "name", x, y);
  add_escaped(svg, name, is_cut ? size - 1 : size);
  fl_buf_addf(svg, "%s</text>", is_cut ? "…" : "");
}

static void add_contents(struct fl_buf *svg, const struct picture *picture);

static void add_inner_svg(struct fl_buf *svg, const struct picture *inner, const struct fl_layout_box *box) {
  fl_buf_add_text(svg, "<g transform=\"translate(");
  add_number(svg, box->x - width_of(inner) / 2 + margin);
  fl_buf_add_char(svg, ' ');
  add_number(svg, box->y - box->height / 2 + title_height + margin);
  fl_buf_add_text(svg, ")\">\n");
  add_contents(svg, inner);
  fl_buf_add_text(svg, "</g>");
}

static void add_box_svg(struct fl_buf *svg, const struct picture *picture, size_t index) {
  const struct fl_layout_box *box = &picture->layout.boxes[index];
  size_t vertex = picture->vertices[index];
  if (vertex == SIZE_MAX) {
    add_join(svg, box);
    return;
  }
  const struct fl_node_def *node = node_of(picture, vertex);
  const char *name = fl_ways_name(picture->ways, vertex);
  fl_buf_add_text(svg, "<g>");
  if (node != NULL && node->description != NULL) {
    fl_buf_add_text(svg, "<title>");
    add_escaped(svg, node->description, strlen(node->description));
    fl_buf_add_text(svg, "</title>");
  }
  add_rect(svg, box, node == NULL ? "end" : fl_draw_stops(node) ? "box stop" : "box", node == NULL ? 15 : 8);
  const struct inner *inner = picture->inner[vertex];
  double name_y = inner != NULL ? 20 - box->height / 2 : node != NULL ? -2 : 5;
  add_name(svg, name, box->x + margin, box->y + margin + name_y);
  if (inner != NULL) {
    add_inner_svg(svg, &inner->picture, box);
  } else if (node != NULL) {
    char caption[CAPTION_MAX];
    make_caption(node, caption);
    add_text(svg, "small", box->x + margin, box->y + margin + 14);
    add_escaped(svg, caption, strlen(caption));
    fl_buf_add_text(svg, "</text>");
  }
  fl_buf_add_text(svg, "</g>\n");
}

/* Loops and their labels stand out at the right. */
static double width_of(const struct picture *picture) {
  double width = picture->layout.width;
  for (size_t i = 0; i < picture->layout.line_count; i++) {
    const struct fl_layout_line *line = &picture->layout.lines[i];
    const struct fl_layout_box *box = &picture->layout.boxes[line->from];
    if (line->point_count == 0 && box->x + box->width / 2 + 28 + line->label_width > width)
      width = box->x + box->width / 2 + 28 + line->label_width;
  }
  return width + 2 * margin;
}

static void add_contents(struct fl_buf *svg, const struct picture *picture) {
  for (size_t i = 0; i < picture->layout.line_count; i++) add_line_svg(svg, picture, i);
  for (size_t i = 0; i < picture->layout.box_count; i++) add_box_svg(svg, picture, i);
  for (size_t i = 0; i < picture->ways->count; i++) add_label(svg, picture, i);
}

void fl_draw_svg(const struct fl_ways *ways, struct fl_buf *svg) {
  struct picture picture;
  picture_init(&picture, ways);
  double width = width_of(&picture), height = picture.layout.height + 2 * margin;
  fl_buf_add_text(svg, "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"fl\" role=\"img\"");
  add_attribute(svg, "width", width);
  add_attribute(svg, "height", height);
  fl_buf_add_text(svg, " viewBox=\"0 0 ");
  add_number(svg, width);
  fl_buf_add_char(svg, ' ');
  add_number(svg, height);
  fl_buf_add_text(svg, "\">\n<title>");
  add_escaped(svg, ways->definition->name, strlen(ways->definition->name));
  fl_buf_addf(svg, "</title>\n%s<rect class=\"paper\" width=\"100%%\" height=\"100%%\"/>\n", style);
  add_contents(svg, &picture);
  fl_buf_add_text(svg, "</svg>\n");
  picture_deinit(&picture);
}
