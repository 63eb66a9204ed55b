/* SPDX-License-Identifier: MIT */
/* Drawings of a graph for Mermaid and Graphviz, for a terminal (draw_text.c) and as a picture (draw_svg.c). Conditional
 * ways are dashed and carry their condition; a join is a hexagon that its sources lead to. Pure. */
#include "graph/draw.h"

#include "graph/builder.h"
#include "graph/core.h"
#include "runtime/base/mem.h"

/* ---- the ways ---- */

/* Takes the label. */
static void add_way(struct fl_ways *ways, struct fl_way way) {
  if (ways->count == ways->capacity) {
    ways->capacity = ways->capacity > 0 ? ways->capacity * 2 : 16;
    ways->items = fl_realloc(ways->items, ways->capacity * sizeof *ways->items);
  }
  if (way.to == FL_NODE_END) way.to = ways->end;
  ways->items[ways->count++] = way;
}

static void add_named(struct fl_ways *ways, size_t from, const char *to, const char *label) {
  ptrdiff_t index = fl_is_end(to) ? -1 : fl_definition_node(ways->definition, to);
  add_way(ways, (struct fl_way){.kind = FL_WAY_BRANCH,
                                .from = from,
                                .to = index >= 0 ? (size_t)index : FL_NODE_END,
                                .label = fl_strdup(label)});
}

/* One task for each element of a list, or one with its own argument; and where to go when the list is empty. */
static void add_send(struct fl_ways *ways, size_t from, const struct fl_send_def *send, const char *when) {
  struct fl_buf label = {0};
  if (when != NULL) fl_buf_addf(&label, "%s: ", when);
  if (send->each != NULL) fl_buf_addf(&label, "each %s of %s", send->as, fl_expr_text(send->each));
  else fl_buf_add_text(&label, "send");
  ptrdiff_t index = fl_definition_node(ways->definition, send->node);
  add_way(ways, (struct fl_way){.kind = FL_WAY_SEND,
                                .from = from,
                                .to = index >= 0 ? (size_t)index : FL_NODE_END,
                                .label = fl_buf_take(&label, NULL)});
  for (size_t i = 0; i < send->otherwise_count; i++) add_named(ways, from, send->otherwise[i], "none to send");
}

static void add_branch(struct fl_ways *ways, size_t from, const struct fl_branch_def *branch) {
  if (branch->choose != NULL) {
    for (size_t i = 0; i < branch->target_count; i++)
      add_way(ways, (struct fl_way){.kind = FL_WAY_BRANCH, .from = from, .to = branch->targets[i]});
    return;
  }
  for (size_t i = 0; i < branch->arm_count; i++) {
    const struct fl_branch_arm *arm = &branch->arms[i];
    const char *label = arm->label != NULL ? arm->label : branch->arm_count > 1 ? "otherwise" : NULL;
    for (size_t j = 0; j < arm->target_count; j++)
      add_way(ways,
              (struct fl_way){.kind = FL_WAY_BRANCH, .from = from, .to = arm->targets[j], .label = fl_strdup(label)});
    if (arm->send != NULL) add_send(ways, from, arm->send, label);
  }
  if (branch->arms[branch->arm_count - 1].when != NULL) /* no way taken ends the path */
    add_way(ways,
            (struct fl_way){.kind = FL_WAY_BRANCH, .from = from, .to = FL_NODE_END, .label = fl_strdup("otherwise")});
}

/* Where a node goes by itself. What it says to the graph above leads out of this one. */
static void add_gotos(struct fl_ways *ways, size_t from, const struct fl_node_def *node) {
  for (size_t i = 0; i < node->way_count; i++) {
    const struct fl_way_def *way = &node->ways[i];
    const char *when = way->when != NULL ? fl_expr_text(way->when) : NULL;
    for (size_t j = 0; j < way->target_count; j++) {
      FL_FREE_AUTO char *label = node->is_for_parent ? fl_format("%s%sto %s above", when != NULL ? when : "",
                                                                 when != NULL ? ": " : "", way->targets[j])
                                                     : NULL;
      add_named(ways, from, node->is_for_parent ? FL_END : way->targets[j], label != NULL ? label : when);
    }
    if (way->send != NULL && !node->is_for_parent) add_send(ways, from, way->send, when);
  }
  for (char **name = node->destinations; name != NULL && *name != NULL; name++) add_named(ways, from, *name, NULL);
}

static size_t join_target(const struct fl_definition *definition, size_t channel) {
  for (size_t i = 0; i < definition->node_count; i++)
    for (size_t j = 1; j < definition->nodes[i].trigger_channel_count; j++)
      if (definition->nodes[i].trigger_channels[j] == channel) return i;
  return FL_NODE_END;
}

static void add_node(struct fl_ways *ways, size_t index) {
  const struct fl_node_def *node = &ways->definition->nodes[index];
  size_t before = ways->count;
  for (size_t i = 0; i < node->plain_target_count; i++)
    add_way(ways, (struct fl_way){.from = index, .to = node->plain_targets[i]});
  for (size_t i = 0; i < node->branch_count; i++) add_branch(ways, index, &node->branches[i]);
  for (size_t i = 0; i < node->barrier_channel_count; i++) {
    size_t channel = node->barrier_channels[i];
    add_way(ways,
            (struct fl_way){
                .kind = FL_WAY_JOIN, .from = index, .to = join_target(ways->definition, channel), .join = channel});
  }
  add_gotos(ways, index, node);
  if (ways->count == before) add_way(ways, (struct fl_way){.from = index, .to = FL_NODE_END});
  if (node->policy.on_error != NULL)
    add_way(ways, (struct fl_way){
                      .kind = FL_WAY_ERROR, .from = index, .to = node->policy.handler, .label = fl_strdup("on error")});
}

void fl_ways_init(struct fl_ways *ways, const struct fl_definition *definition) {
  *ways = (struct fl_ways){
      .definition = definition, .start = definition->node_count, .end = definition->node_count + 1, .prefix = ""};
  for (size_t i = 0; i < definition->entry_target_count; i++)
    add_way(ways, (struct fl_way){.from = ways->start, .to = definition->entry_targets[i]});
  for (size_t i = 0; i < definition->entry_branch_count; i++)
    add_branch(ways, ways->start, &definition->entry_branches[i]);
  for (size_t i = 0; i < definition->node_count; i++) add_node(ways, i);
}

void fl_ways_deinit(struct fl_ways *ways) {
  for (size_t i = 0; i < ways->count; i++) fl_free(ways->items[i].label);
  fl_free(ways->items);
  ways->items = NULL;
  ways->count = ways->capacity = 0;
}

const char *fl_ways_name(const struct fl_ways *ways, size_t vertex) {
  if (vertex == ways->start) return FL_START;
  return vertex == ways->end ? FL_END : ways->definition->nodes[vertex].name;
}

const struct fl_definition *fl_ways_inner(const struct fl_ways *ways, size_t vertex) {
  return ways->depth > 0 && vertex < ways->definition->node_count ? ways->definition->nodes[vertex].subgraph : NULL;
}

/* ---- Mermaid ---- */

/* Text between quotes: the format's own signs as entities. */
static void mermaid_text(struct fl_buf *text, const char *name) {
  for (; *name != '\0'; name++) {
    if (*name == '"') fl_buf_add_text(text, "#quot;");
    else if (*name == '#') fl_buf_add_text(text, "#35;");
    else if (*name == '<') fl_buf_add_text(text, "#lt;");
    else if (*name == '>') fl_buf_add_text(text, "#gt;");
    else fl_buf_add_char(text, *name == '\n' ? ' ' : *name);
  }
}

const char *fl_draw_way_class(const struct fl_way *way) {
  static const char *const classes[] = {"", " class=\"dash\"", "", " class=\"each\"", " class=\"dot error\""};
  return classes[way->kind];
}

bool fl_draw_stops(const struct fl_node_def *node) { return node->interrupt_before || node->interrupt_after; }

const char *fl_draw_note(const struct fl_node_def *node) {
  static const char *const notes[2][2][2] = {
      {{NULL, "stops after"}, {"stops before", "stops before and after"}},
      {{"runs last", "runs last, stops after"}, {"runs last, stops before", "runs last, stops before and after"}}};
  return notes[node->is_deferred][node->interrupt_before][node->interrupt_after];
}

static void mermaid_vertex(const struct fl_ways *ways, size_t vertex, struct fl_buf *text) {
  fl_buf_add_text(text, ways->prefix);
  if (vertex == ways->start) fl_buf_add_text(text, FL_START);
  else if (vertex == ways->end) fl_buf_add_text(text, FL_END);
  else fl_buf_addf(text, "n%zu", vertex);
}

static bool is_first_of_join(const struct fl_ways *ways, size_t index) {
  for (size_t i = 0; i < index; i++)
    if (ways->items[i].kind == FL_WAY_JOIN && ways->items[i].join == ways->items[index].join) return false;
  return true;
}

static void mermaid_way(const struct fl_ways *ways, size_t index, struct fl_buf *text) {
  const struct fl_way *way = &ways->items[index];
  if (way->kind == FL_WAY_JOIN && is_first_of_join(ways, index)) {
    fl_buf_addf(text, "  %sj%zu{{\"all\"}} --> ", ways->prefix, way->join);
    mermaid_vertex(ways, way->to, text);
    fl_buf_add_char(text, '\n');
  }
  fl_buf_add_text(text, "  ");
  mermaid_vertex(ways, way->from, text);
  if (way->kind == FL_WAY_PLAIN || way->kind == FL_WAY_JOIN) fl_buf_add_text(text, " --> ");
  else if (way->label == NULL) fl_buf_add_text(text, " -.-> ");
  else {
    bool is_send = way->kind == FL_WAY_SEND;
    fl_buf_add_text(text, is_send ? " == \"" : " -. \"");
    mermaid_text(text, way->label);
    fl_buf_add_text(text, is_send ? "\" ==> " : "\" .-> ");
  }
  if (way->kind == FL_WAY_JOIN) fl_buf_addf(text, "%sj%zu", ways->prefix, way->join);
  else mermaid_vertex(ways, way->to, text);
  fl_buf_add_char(text, '\n');
}

bool fl_ways_lead_to_end(const struct fl_ways *ways) {
  for (size_t i = 0; i < ways->count; i++)
    if (ways->items[i].to == ways->end) return true;
  return false;
}

static void mermaid_graph(const struct fl_ways *ways, struct fl_buf *text);

/* A graph inside a node is a box that holds it; ways lead to the box. */
static void mermaid_inner(const struct fl_ways *ways, size_t index, struct fl_buf *text) {
  struct fl_ways inner;
  fl_ways_init(&inner, ways->definition->nodes[index].subgraph);
  FL_FREE_AUTO char *prefix = fl_format("%sn%zu_", ways->prefix, index);
  inner.depth = ways->depth - 1;
  inner.prefix = prefix;
  fl_buf_addf(text, "  subgraph %sn%zu[\"", ways->prefix, index);
  mermaid_text(text, ways->definition->nodes[index].name);
  fl_buf_add_text(text, "\"]\n");
  mermaid_graph(&inner, text);
  fl_buf_add_text(text, "  end\n");
  fl_ways_deinit(&inner);
}

static void mermaid_graph(const struct fl_ways *ways, struct fl_buf *text) {
  fl_buf_addf(text, "  %sSTART([START])\n", ways->prefix);
  for (size_t i = 0; i < ways->definition->node_count; i++) {
    const struct fl_node_def *node = &ways->definition->nodes[i];
    if (fl_ways_inner(ways, i) != NULL) {
      mermaid_inner(ways, i, text);
      continue;
    }
    fl_buf_addf(text, "  %sn%zu[\"", ways->prefix, i);
    mermaid_text(text, node->name);
    if (fl_draw_note(node) != NULL) fl_buf_addf(text, "<br/><small>%s</small>", fl_draw_note(node));
    fl_buf_add_text(text, "\"]\n");
  }
  if (fl_ways_lead_to_end(ways)) fl_buf_addf(text, "  %sEND([END])\n", ways->prefix);
  for (size_t i = 0; i < ways->count; i++) mermaid_way(ways, i, text);
}

static void draw_mermaid(const struct fl_ways *ways, struct fl_buf *text) {
  fl_buf_add_text(text, "flowchart TD\n");
  mermaid_graph(ways, text);
}

/* ---- Graphviz ---- */

static void dot_text(struct fl_buf *text, const char *name) {
  fl_buf_add_char(text, '"');
  for (; *name != '\0'; name++) {
    if (*name == '"' || *name == '\\') fl_buf_add_char(text, '\\');
    fl_buf_add_char(text, *name == '\n' ? ' ' : *name);
  }
  fl_buf_add_char(text, '"');
}

/* Where a line begins or ends: a graph inside a node is entered at its START and left at its END. */
static void dot_vertex(const struct fl_ways *ways, size_t vertex, bool is_left, struct fl_buf *text) {
  const struct fl_definition *inner = fl_ways_inner(ways, vertex);
  FL_FREE_AUTO char *name = fl_format("%s%s%s%s", ways->prefix, fl_ways_name(ways, vertex), inner != NULL ? "/" : "",
                                      inner == NULL ? ""
                                      : is_left     ? FL_END
                                                    : FL_START);
  dot_text(text, name);
}

static void dot_way(const struct fl_ways *ways, size_t index, struct fl_buf *text) {
  const struct fl_way *way = &ways->items[index];
  FL_FREE_AUTO char *join = fl_format("%sj%zu", ways->prefix, way->join);
  if (way->kind == FL_WAY_JOIN && is_first_of_join(ways, index)) {
    fl_buf_add_text(text, "  ");
    dot_text(text, join);
    fl_buf_add_text(text, " [label=\"all\", shape=hexagon, style=solid];\n  ");
    dot_text(text, join);
    fl_buf_add_text(text, " -> ");
    dot_vertex(ways, way->to, false, text);
    fl_buf_add_text(text, ";\n");
  }
  fl_buf_add_text(text, "  ");
  dot_vertex(ways, way->from, true, text);
  fl_buf_add_text(text, " -> ");
  if (way->kind == FL_WAY_JOIN) dot_text(text, join);
  else dot_vertex(ways, way->to, false, text);
  static const char *const styles[] = {NULL, "dashed", NULL, "bold", "dotted"};
  if (styles[way->kind] != NULL) {
    fl_buf_addf(text, " [style=%s", styles[way->kind]);
    if (way->label != NULL) fl_buf_add_text(text, ", label=");
    if (way->label != NULL) dot_text(text, way->label);
    fl_buf_add_char(text, ']');
  }
  fl_buf_add_text(text, ";\n");
}

static void dot_graph(const struct fl_ways *ways, struct fl_buf *text);

static void dot_inner(const struct fl_ways *ways, size_t index, struct fl_buf *text) {
  struct fl_ways inner;
  fl_ways_init(&inner, ways->definition->nodes[index].subgraph);
  FL_FREE_AUTO char *prefix = fl_format("%s%s/", ways->prefix, ways->definition->nodes[index].name);
  FL_FREE_AUTO char *cluster = fl_format("cluster_%s", prefix);
  inner.depth = ways->depth - 1;
  inner.prefix = prefix;
  fl_buf_add_text(text, "  subgraph ");
  dot_text(text, cluster);
  fl_buf_add_text(text, " {\n  label=");
  dot_text(text, ways->definition->nodes[index].name);
  fl_buf_add_text(text, ";\n");
  dot_graph(&inner, text);
  fl_buf_add_text(text, "  }\n");
  fl_ways_deinit(&inner);
}

static void dot_box(const struct fl_ways *ways, size_t vertex, struct fl_buf *text) {
  const struct fl_node_def *node = vertex < ways->definition->node_count ? &ways->definition->nodes[vertex] : NULL;
  fl_buf_add_text(text, "  ");
  dot_vertex(ways, vertex, false, text);
  fl_buf_add_text(text, " [");
  if (node == NULL) fl_buf_add_text(text, "shape=oval, style=solid, ");
  fl_buf_add_text(text, "label=");
  dot_text(text, fl_ways_name(ways, vertex));
  if (node != NULL && fl_draw_note(node) != NULL) fl_buf_addf(text, ", xlabel=\"%s\"", fl_draw_note(node));
  fl_buf_add_text(text, "];\n");
}

static void dot_graph(const struct fl_ways *ways, struct fl_buf *text) {
  dot_box(ways, ways->start, text);
  for (size_t i = 0; i < ways->definition->node_count; i++) {
    if (fl_ways_inner(ways, i) != NULL) dot_inner(ways, i, text);
    else dot_box(ways, i, text);
  }
  if (fl_ways_lead_to_end(ways) || ways->prefix[0] != '\0') dot_box(ways, ways->end, text);
  for (size_t i = 0; i < ways->count; i++) dot_way(ways, i, text);
}

static void draw_dot(const struct fl_ways *ways, struct fl_buf *text) {
  fl_buf_add_text(text, "digraph ");
  dot_text(text, ways->definition->name);
  fl_buf_add_text(text, " {\n  node [shape=box, style=rounded];\n");
  dot_graph(ways, text);
  fl_buf_add_text(text, "}\n");
}

/* A graph inside a node stands below the one that holds it. */
static void draw_texts(const struct fl_ways *ways, struct fl_buf *text) {
  fl_draw_text(ways, text);
  for (size_t i = 0; i < ways->definition->node_count; i++) {
    if (fl_ways_inner(ways, i) == NULL) continue;
    struct fl_ways inner;
    fl_ways_init(&inner, fl_ways_inner(ways, i));
    FL_FREE_AUTO char *prefix = fl_format("%s%s/", ways->prefix, ways->definition->nodes[i].name);
    inner.depth = ways->depth - 1;
    inner.prefix = prefix;
    fl_buf_addf(text, "\nin %s%s:\n", ways->prefix, ways->definition->nodes[i].name);
    draw_texts(&inner, text);
    fl_ways_deinit(&inner);
  }
}

char *fl_definition_draw_deep(const struct fl_definition *definition, enum fl_drawing format, unsigned depth) {
  struct fl_buf text = {0};
  struct fl_ways ways;
  fl_ways_init(&ways, definition);
  ways.depth = depth;
  if (format == FL_DRAW_MERMAID) draw_mermaid(&ways, &text);
  else if (format == FL_DRAW_DOT) draw_dot(&ways, &text);
  else if (format == FL_DRAW_SVG) fl_draw_svg(&ways, &text);
  else draw_texts(&ways, &text);
  fl_ways_deinit(&ways);
  return fl_buf_take(&text, NULL);
}

char *fl_definition_draw(const struct fl_definition *definition, enum fl_drawing format) {
  return fl_definition_draw_deep(definition, format, 0);
}
