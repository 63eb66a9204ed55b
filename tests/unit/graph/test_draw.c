/* SPDX-License-Identifier: MIT */
/* Drawings, compared with tests/golden/graph/draw-*.txt. */
#include "tests/unit/graph/fixture.h"

#include "graph/definition.h"
#include "runtime/base/mem.h"

#include <stdio.h>
#include <stdlib.h>

static struct fl_expr *expr(const char *text) {
  struct fl_expr *parsed;
  assert_int_equal(fl_expr_create(fl_slice_of(text), &parsed, NULL), 0);
  return parsed;
}

static void behave(struct test_call *call) {}

static int choose(const struct fl_state *state, struct fl_targets *targets, void *user, struct fl_error *err) {
  return 0;
}

/* An agent with tools, then two that run side by side, a join, and a person. */
static struct fl_definition *support(void) {
  struct fl_graph *graph = fl_graph_create("support");
  test_channel(graph, "messages", FL_MESSAGES, NULL);
  const char *const nodes[] = {"agent", "tools", "check", "count", "each", "approve", "say \"no\""};
  for (size_t i = 0; i < sizeof nodes / sizeof nodes[0]; i++) test_node(graph, nodes[i], behave);
  fl_graph_edge(graph, FL_START, "agent");
  fl_graph_expr_branch_take(graph, "agent",
                            (struct fl_branch_arm_spec[]){
                                {expr("size(last(state.messages).tool_calls) > 0"), (const char *const[]){"tools"}, 1},
                                {expr("state.x == \"<y>\""), (const char *const[]){"say \"no\""}, 1},
                                {NULL, (const char *const[]){"check"}, 1}},
                            3);
  fl_graph_edge(graph, "tools", "agent");
  fl_graph_edge(graph, "check", "count");
  fl_graph_edge(graph, "check", "each");
  test_join2(graph, "count", "each", "approve");
  fl_graph_branch(graph, "approve", choose, NULL, (const char *const[]){"agent", FL_END}, 2);
  struct fl_definition *definition;
  struct fl_error err;
  const struct fl_compile_options options = {.size = sizeof options,
                                             .interrupt_before = (const char *const[]){"approve", NULL}};
  if (fl_graph_compile(graph, &options, &definition, &err) < 0) fail_msg("%s", err.text);
  return definition;
}

/* Takes the drawing. */
static void compare_texts(char *drawing, const char *name) {
  FL_FREE_AUTO char *path = fl_format("%s/tests/golden/graph/%s.txt", getenv("FL_SOURCE_ROOT"), name);
  if (getenv("FL_GOLDEN_WRITE") != NULL) {
    FILE *file = fopen(path, "w");
    fputs(drawing, file);
    fclose(file);
  }
  char *expected = test_read_file(path, NULL);
  assert_non_null(expected);
  assert_string_equal(drawing, expected);
  free(expected);
  fl_text_free(drawing);
}

/* Takes the definition. */
static void compare_with(struct fl_definition *definition, enum fl_drawing format, const char *name) {
  compare_texts(fl_definition_draw(definition, format), name);
  fl_definition_unref(definition);
}

static void compare(enum fl_drawing format, const char *name) { compare_with(support(), format, name); }

static char **names(const char *first) {
  char **list = fl_new_array(char *, 2);
  list[0] = fl_strdup(first);
  return list;
}

/* A send for each element, a way that a node goes by itself, a deferred node, an error's handler, a loop to itself. */
static struct fl_definition *report(void) {
  struct fl_graph *graph = fl_graph_create("report <1>");
  test_channel(graph, "docs", FL_LAST, NULL);
  test_node(graph, "plan", behave);
  struct fl_node_def *plan = fl_graph_last_node(graph);
  plan->ways = fl_new_array(struct fl_way_def, 1);
  plan->ways[plan->way_count++] =
      (struct fl_way_def){.when = expr("size(state.docs) == 0"), .targets = names("collect"), .target_count = 1};
  test_node_with(graph, "write", behave,
                 &(struct fl_node_options){
                     .size = sizeof(struct fl_node_options), .description = "Writes a <part>.", .on_error = "mend"});
  test_node(graph, "mend", behave);
  test_node(graph, "collect", behave);
  fl_graph_last_node(graph)->is_deferred = true;
  fl_graph_edge(graph, FL_START, "plan");
  struct fl_send_def *send = fl_new(struct fl_send_def);
  *send = (struct fl_send_def){.node = fl_strdup("write"),
                               .each = expr("state.docs"),
                               .as = fl_strdup("doc"),
                               .otherwise = names("END"),
                               .otherwise_count = 1};
  fl_graph_expr_branch_take(graph, "plan", &(struct fl_branch_arm_spec){.send = send}, 1);
  fl_graph_edge(graph, "plan", "write");
  fl_graph_edge(graph, "plan", "mend");
  fl_graph_edge(graph, "write", "collect");
  fl_graph_expr_branch_take(
      graph, "collect",
      &(struct fl_branch_arm_spec){expr("state.docs.exists(d, d == 'a text that is so long that it takes more than "
                                        "three lines of a label, and is cut')"),
                                   (const char *const[]){"collect"}, 1, NULL},
      1);
  return test_compile(graph);
}

static void mermaid(void **state) { compare(FL_DRAW_MERMAID, "draw-mermaid"); }
static void dot(void **state) { compare(FL_DRAW_DOT, "draw-dot"); }
static void text(void **state) { compare(FL_DRAW_TEXT, "draw-text"); }
static void svg(void **state) { compare(FL_DRAW_SVG, "draw-svg"); }

static void sends_gotos_handlers_and_deferred_nodes(void **state) {
  compare_with(report(), FL_DRAW_MERMAID, "draw-report-mermaid");
  compare_with(report(), FL_DRAW_DOT, "draw-report-dot");
  compare_with(report(), FL_DRAW_TEXT, "draw-report-text");
  compare_with(report(), FL_DRAW_SVG, "draw-report-svg");
}

/* Two levels of graphs inside nodes; each format shows as many as it is asked for. */
static struct fl_definition *nested(void) {
  struct fl_graph *deep = fl_graph_create("deep"), *inner = fl_graph_create("inner"), *outer = fl_graph_create("outer");
  test_node(deep, "x", behave);
  fl_graph_edge(deep, FL_START, "x");
  struct fl_definition *deep_definition = test_compile(deep);
  test_node(inner, "step", behave);
  fl_graph_subgraph(inner, "two", deep_definition, NULL);
  fl_graph_edge(inner, FL_START, "step");
  fl_graph_edge(inner, "step", "two");
  struct fl_definition *inner_definition = test_compile(inner);
  fl_graph_subgraph(outer, "team", inner_definition, NULL);
  test_node(outer, "other", behave);
  test_node(outer, "last", behave);
  fl_graph_edge(outer, FL_START, "team");
  fl_graph_edge(outer, FL_START, "other");
  test_join2(outer, "team", "other", "last");
  fl_definition_unref(deep_definition);
  fl_definition_unref(inner_definition);
  return test_compile(outer);
}

static void graphs_inside_nodes_are_boxes(void **state) {
  static const enum fl_drawing formats[] = {FL_DRAW_MERMAID, FL_DRAW_DOT, FL_DRAW_TEXT, FL_DRAW_SVG};
  static const char *const names[] = {"mermaid", "dot", "text", "svg"};
  struct fl_definition *definition = nested();
  for (size_t i = 0; i < 4; i++) {
    char *flat = fl_definition_draw(definition, formats[i]), *one = fl_definition_draw_deep(definition, formats[i], 1);
    assert_null(strstr(flat, "step"));
    assert_non_null(strstr(one, "step"));
    assert_non_null(strstr(one, "two"));
    fl_text_free(flat);
    fl_text_free(one);
    FL_FREE_AUTO char *name = fl_format("draw-nested-%s", names[i]);
    compare_texts(fl_definition_draw_deep(definition, formats[i], 2), name);
  }
  fl_definition_unref(definition);
}

/* Whatever stands in a graph: a picture holds no script and nothing from elsewhere. */
static void pictures_stand_alone(void **state) {
  struct fl_graph *graph = fl_graph_create("<script>alert(1)</script>");
  test_node(graph, "<a href='x'>&", behave);
  fl_graph_edge(graph, FL_START, "<a href='x'>&");
  struct fl_definition *definition = test_compile(graph);
  char *drawing = fl_definition_draw(definition, FL_DRAW_SVG);
  static const char *const unwanted[] = {"<script", "<a ", "href", "@import", "url(h", "<image", "&a"};
  for (size_t i = 0; i < sizeof unwanted / sizeof unwanted[0]; i++) {
    const char *found = strstr(drawing, unwanted[i]);
    if (strcmp(unwanted[i], "href") == 0) assert_non_null(strstr(drawing, "&lt;a href='x'&gt;&amp;"));
    else if (found != NULL && strncmp(found, "&amp;", 5) != 0) fail_msg("%s", unwanted[i]);
  }
  fl_text_free(drawing);
  fl_definition_unref(definition);
}

static void long_chains_are_broken_into_lines(void **state) {
  struct fl_graph *graph = fl_graph_create("long");
  char name[16], last[16] = FL_START;
  for (int i = 0; i < 300; i++) {
    snprintf(name, sizeof name, "node%d", i);
    test_node(graph, name, behave);
    fl_graph_edge(graph, last, name);
    memcpy(last, name, sizeof last);
  }
  struct fl_definition *definition = test_compile(graph);
  char *drawing = fl_definition_draw(definition, FL_DRAW_TEXT);
  size_t widest = 0, width = 0;
  for (const char *c = drawing; *c != '\0'; c++) {
    width = *c == '\n' ? 0 : width + (((unsigned char)*c & 0xc0) != 0x80);
    if (width > widest) widest = width;
  }
  assert_in_range(widest, 60, 130);
  assert_non_null(strstr(drawing, "node299 ──▶ END"));
  fl_text_free(drawing);
  fl_definition_unref(definition);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(mermaid),
      cmocka_unit_test(dot),
      cmocka_unit_test(text),
      cmocka_unit_test(svg),
      cmocka_unit_test(sends_gotos_handlers_and_deferred_nodes),
      cmocka_unit_test(graphs_inside_nodes_are_boxes),
      cmocka_unit_test(pictures_stand_alone),
      cmocka_unit_test(long_chains_are_broken_into_lines),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
