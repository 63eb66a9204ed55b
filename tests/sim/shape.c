/* SPDX-License-Identifier: MIT */
#include "tests/sim/shape.h"

#include "runtime/json/json.h"

#include <stdio.h>

/* ---- drawing ---- */

static uint64_t draw_state;

static unsigned draw(unsigned below) {
  draw_state = draw_state * 6364136223846793005u + 1442695040888963407u;
  return (unsigned)((draw_state >> 33) % below);
}

static bool chance(unsigned percent) { return draw(100) < percent; }

/* ---- a random graph ---- */

static struct shape_arm draw_arm(const struct shape *shape, int from, bool is_last) {
  struct shape_arm arm = {.when = is_last && chance(60) ? WHEN_ALWAYS : (enum shape_when)(1 + draw(4))};
  arm.bound = arm.when == WHEN_LOG_BELOW ? 2 + (int)draw(8) : (int)draw(6);
  if (chance(15)) {
    arm.to = (struct shape_ends){.nodes = {SHAPE_END}, .count = 1};
    return arm;
  }
  arm.to.count = chance(30) ? 2 : 1;
  arm.to.nodes[0] = (int)draw((unsigned)shape->node_count);
  arm.to.nodes[1] = (arm.to.nodes[0] + 1 + (int)draw((unsigned)shape->node_count - 1)) % shape->node_count;
  (void)from;
  return arm;
}

static struct shape_edge *add_edge(struct shape *shape, enum shape_edge_kind kind, int from) {
  struct shape_edge *edge = &shape->edges[shape->edge_count++];
  *edge = (struct shape_edge){.kind = kind, .from = {from}, .from_count = 1};
  return edge;
}

static void draw_branch(struct shape *shape, int from) {
  struct shape_edge *edge = add_edge(shape, EDGE_BRANCH, from);
  edge->arm_count = 1 + (int)draw(SHAPE_ARMS_MAX);
  for (int i = 0; i < edge->arm_count; i++) edge->arms[i] = draw_arm(shape, from, i == edge->arm_count - 1);
}

/* Plain edges and joins lead forward, so that only branches make loops. */
static void draw_edges(struct shape *shape) {
  int count = shape->node_count;
  for (int to = 0; to < count; to++) {
    int from = to == 0 || chance(20) ? SHAPE_START : (int)draw((unsigned)to);
    if (to >= 2 && chance(35)) {
      struct shape_edge *join = add_edge(shape, EDGE_JOIN, (int)draw((unsigned)to));
      join->from[join->from_count++] = (join->from[0] + 1 + (int)draw((unsigned)to - 1)) % to;
      join->to = (struct shape_ends){.nodes = {to}, .count = 1};
      if (chance(80)) continue;
    }
    add_edge(shape, EDGE_PLAIN, from)->to = (struct shape_ends){.nodes = {to}, .count = 1};
  }
  for (int from = 0; from < count && shape->edge_count < SHAPE_EDGES_MAX; from++)
    if (chance(35)) draw_branch(shape, from);
  if (chance(10) && shape->edge_count < SHAPE_EDGES_MAX) draw_branch(shape, SHAPE_START);
}

static void draw_node(struct shape_node *node) {
  unsigned kind = draw(100);
  *node = (struct shape_node){.kind = kind < 12 ? NODE_ASK : kind < 15 ? NODE_FAIL : NODE_SET};
  node->add = 1 + (int)draw(3);
  node->writes_n = chance(40);
  node->writes_x = chance(8);
  node->stops_before = chance(4);
  node->stops_after = chance(4);
}

static void draw_steps(struct shape *shape) {
  shape->step_count = 3 + (int)draw(SHAPE_STEPS_MAX - 2);
  for (int i = 0; i < shape->step_count; i++)
    shape->steps[i] = (struct shape_step){.kind = i == 0 ? STEP_INPUT : STEP_GO_ON, .number = (int)draw(4)};
}

struct shape *shape_create(uint64_t seed) {
  draw_state = seed * 2654435761u + 88172645463325252u;
  struct shape *shape = fl_new(struct shape);
  shape->node_count = 2 + (int)draw(SHAPE_NODES_MAX - 1);
  shape->recursion_limit = 6 + (int)draw(8);
  for (int i = 0; i < shape->node_count; i++) draw_node(&shape->nodes[i]);
  draw_edges(shape);
  draw_steps(shape);
  return shape;
}

void shape_free(struct shape *shape) {
  for (int i = 0; i < shape->node_count; i++)
    if (shape->nodes[i].child != NULL) shape_free(shape->nodes[i].child);
  fl_free(shape);
}

/* ---- as a graph file ---- */

const char *shape_name(int node) {
  static const char *const names[] = {"a", "b", "c", "d", "e", "f"};
  return node == SHAPE_START ? "START" : node == SHAPE_END ? "END" : names[node];
}

static struct fl_value *names_of(const int *nodes, int count) {
  if (count == 1) return fl_string(shape_name(nodes[0]));
  struct fl_value *names = fl_array();
  for (int i = 0; i < count; i++) fl_append_take(names, fl_string(shape_name(nodes[i])));
  return names;
}

static struct fl_value *condition_of(const struct shape_arm *arm) {
  switch (arm->when) {
  case WHEN_ALWAYS: return NULL;
  case WHEN_N_BELOW: return fl_stringf("state.n < %d", arm->bound);
  case WHEN_N_ODD: return fl_string("state.n % 2 == 1");
  case WHEN_LOG_BELOW: return fl_stringf("size(state.log) < %d", arm->bound);
  case WHEN_HAS_X: return fl_string("has(state.x)");
  }
  return NULL;
}

static struct fl_value *arm_of(const struct shape_arm *arm) {
  struct fl_value *value = fl_object(), *condition = condition_of(arm);
  if (condition != NULL) fl_set_take(value, "when", condition);
  fl_set_take(value, "to", names_of(arm->to.nodes, arm->to.count));
  return value;
}

static struct fl_value *edge_of(const struct shape_edge *edge) {
  struct fl_value *value = fl_object();
  fl_set_take(value, "from", names_of(edge->from, edge->from_count));
  if (edge->kind != EDGE_BRANCH) {
    fl_set_take(value, "to", names_of(edge->to.nodes, edge->to.count));
    return value;
  }
  struct fl_value *arms = fl_array();
  for (int i = 0; i < edge->arm_count; i++) {
    fl_append_take(arms, arm_of(&edge->arms[i]));
    if (edge->arms[i].when == WHEN_ALWAYS) break;
  }
  fl_set_take(value, "branch", arms);
  return value;
}

static struct fl_value *writes_of(const struct shape_node *node, const char *name) {
  struct fl_value *write = fl_object();
  fl_set_take(write, "log", fl_stringf("'%s' + string(state.n)", name));
  if (node->writes_n) fl_set_take(write, "n", fl_stringf("%d", node->add));
  if (node->writes_x) fl_set_take(write, "x", fl_stringf("'%s'", name));
  return write;
}

static struct fl_value *node_of(const struct shape_node *node, const char *name) {
  static const char *const types[] = {"set", "interrupt", "fail", "graph"};
  struct fl_value *value = fl_object();
  fl_set_string(value, "type", types[node->kind]);
  if (node->kind == NODE_SET) fl_set_take(value, "write", writes_of(node, name));
  if (node->kind == NODE_FAIL) fl_set_take(value, "message", fl_stringf("'%s fails'", name));
  if (node->kind == NODE_ASK) fl_set_take(value, "value", fl_stringf("'%s ' + string(state.n)", name));
  if (node->kind == NODE_ASK) fl_set_string(value, "resume", "log");
  return value;
}

static void add_stops(struct fl_value *graph, const struct shape *shape, bool after) {
  struct fl_value *names = fl_array();
  for (int i = 0; i < shape->node_count; i++)
    if (after ? shape->nodes[i].stops_after : shape->nodes[i].stops_before)
      fl_append_take(names, fl_string(shape_name(i)));
  if (fl_size(names) > 0) fl_set_take(graph, after ? "interrupt_after" : "interrupt_before", names);
  else fl_value_unref(names);
}

static struct fl_value *graph_of(const struct shape *shape) {
  struct fl_value *graph = fl_object(), *nodes = fl_object(), *edges = fl_array();
  fl_set_int(graph, "fairlead", 1);
  fl_set_take(graph, "state", json("{'log':{'reducer':'append'},'n':{'reducer':'sum','default':0},'x':{}}"));
  for (int i = 0; i < shape->node_count; i++)
    fl_set_take(nodes, shape_name(i), node_of(&shape->nodes[i], shape_name(i)));
  for (int i = 0; i < shape->edge_count; i++) fl_append_take(edges, edge_of(&shape->edges[i]));
  fl_set_take(graph, "nodes", nodes);
  fl_set_take(graph, "edges", edges);
  add_stops(graph, shape, false);
  add_stops(graph, shape, true);
  return graph;
}

static struct fl_value *step_of(const struct shape *shape, int at) {
  const struct shape_step *step = &shape->steps[at];
  struct fl_value *value = fl_object(), *input = fl_object();
  fl_set_take(input, "log", fl_stringf("in%d", at));
  fl_set_int(input, "n", step->number);
  fl_set_take(value, step->kind == STEP_INPUT ? "input" : "go_on", input);
  fl_set_int(value, "recursion_limit", shape->recursion_limit);
  return value;
}

struct fl_value *shape_case(const struct shape *shape, uint64_t seed) {
  struct fl_value *test = fl_object(), *steps = fl_array();
  fl_set_take(test, "name", fl_stringf("seed %llu", (unsigned long long)seed));
  fl_set_string(test, "about", "generated");
  fl_set_take(test, "graph", graph_of(shape));
  for (int i = 0; i < shape->step_count; i++) fl_append_take(steps, step_of(shape, i));
  fl_set_take(test, "steps", steps);
  return test;
}
