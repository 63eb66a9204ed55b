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

/* Only to nodes further on, and twice in a graph, so that a superstep has at most nine tasks of a node. */
static bool draw_sends(struct shape *shape, int from, struct shape_ends *to) {
  if (shape->send_edges < 0 || shape->send_edges == 2 || to->nodes[0] <= from || !chance(40)) return false;
  const struct shape *child = shape->nodes[to->nodes[0]].child;
  if (child != NULL && child->may_fail) return false;
  shape->send_edges++;
  to->sends = 1 + (int)draw(3);
  to->count = 1;
  return true;
}

static struct shape_arm draw_arm(struct shape *shape, int from, bool is_last) {
  struct shape_arm arm = {.when = is_last && chance(60) ? WHEN_ALWAYS : (enum shape_when)(1 + draw(4))};
  arm.bound = arm.when == WHEN_LOG_BELOW ? 2 + (int)draw(8) : (int)draw(6);
  if (chance(15)) {
    arm.to = (struct shape_ends){.nodes = {SHAPE_END}, .count = 1};
    return arm;
  }
  arm.to.count = chance(30) ? 2 : 1;
  arm.to.nodes[0] = (int)draw((unsigned)shape->node_count);
  if (draw_sends(shape, from, &arm.to)) return arm;
  arm.to.nodes[1] = (arm.to.nodes[0] + 1 + (int)draw((unsigned)shape->node_count - 1)) % shape->node_count;
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
    struct shape_edge *edge = add_edge(shape, EDGE_PLAIN, from);
    edge->to = (struct shape_ends){.nodes = {to}, .count = 1};
    if (to > 0) draw_sends(shape, from, &edge->to);
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

/* A graph inside writes much at once: fewer steps. */
static void draw_steps(struct shape *shape, bool has_children) {
  shape->step_count = has_children ? 3 : 3 + (int)draw(SHAPE_STEPS_MAX - 2);
  for (int i = 0; i < shape->step_count; i++)
    shape->steps[i] = (struct shape_step){.is_input = i == 0, .number = (int)draw(4)};
}

static struct shape *draw_shape(unsigned nodes_max) {
  struct shape *shape = fl_new(struct shape);
  shape->node_count = 2 + (int)draw(nodes_max - 1);
  shape->recursion_limit = 6 + (int)draw(8);
  for (int i = 0; i < shape->node_count; i++) draw_node(&shape->nodes[i]);
  return shape;
}

/* Two or three nodes, where nobody stops from outside. */
static struct shape *draw_child(bool may_fail) {
  struct shape *child = draw_shape(3);
  child->may_fail = may_fail;
  for (int i = 0; i < child->node_count; i++) {
    struct shape_node *node = &child->nodes[i];
    node->stops_before = node->stops_after = false;
    if (may_fail) continue;
    node->writes_x = false;
    if (node->kind == NODE_FAIL) node->kind = NODE_SET;
  }
  draw_edges(child);
  for (int i = 0; i < child->edge_count && !may_fail; i++)
    if (child->edges[i].kind == EDGE_BRANCH) child->edges[i--] = child->edges[--child->edge_count];
  return child;
}

/* A task that fails cancels those that still run, and how far a graph inside a task has come by then is chance: so
 * either one of these may fail, and nothing else does, or none of them. */
static void draw_children(struct shape *shape) {
  bool may_fail = chance(40);
  int count = 0;
  for (int i = 0; i < shape->node_count; i++) {
    struct shape_node *node = &shape->nodes[i];
    if (node->kind == NODE_FAIL) node->kind = NODE_SET;
    if (node->kind != NODE_SET || (may_fail && count > 0) || !chance(35)) continue;
    node->kind = NODE_CHILD;
    node->child = draw_child(may_fail);
    count++;
  }
}

/* A graph has sends or deferred nodes, but not both: there LangGraph differs, see docs/langgraph-differences.md. */
struct shape *shape_create(uint64_t seed) {
  draw_state = seed * 2654435761u + 88172645463325252u;
  struct shape *shape = draw_shape(SHAPE_NODES_MAX);
  bool defers = chance(25);
  if (defers) shape->send_edges = -1;
  for (int i = 0; i < shape->node_count && defers; i++) shape->nodes[i].is_deferred = chance(30);
  bool has_children = chance(30);
  if (has_children) draw_children(shape);
  draw_edges(shape);
  draw_steps(shape, has_children);
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

static void set_ends(struct fl_value *object, const struct shape_ends *to) {
  static const char *const lists[] = {"", "[1]", "[1, 2]", "[1, 2, 3]"};
  if (to->sends == 0) {
    fl_set_take(object, "to", names_of(to->nodes, to->count));
    return;
  }
  struct fl_value *send = fl_object();
  fl_set_string(send, "to", shape_name(to->nodes[0]));
  fl_set_string(send, "for", lists[to->sends]);
  fl_set_string(send, "as", "e");
  fl_set_take(object, "send", send);
}

static struct fl_value *arm_of(const struct shape_arm *arm) {
  struct fl_value *value = fl_object(), *condition = condition_of(arm);
  if (condition != NULL) fl_set_take(value, "when", condition);
  set_ends(value, &arm->to);
  return value;
}

static struct fl_value *edge_of(const struct shape_edge *edge) {
  struct fl_value *value = fl_object();
  fl_set_take(value, "from", names_of(edge->from, edge->from_count));
  if (edge->kind != EDGE_BRANCH) {
    set_ends(value, &edge->to);
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

/* What a node shows of what it sees: the element of the send that started it, or n. */
static struct fl_value *seen_of(const char *text, bool is_sent) {
  if (!is_sent) return fl_stringf("'%s' + string(state.n)", text);
  return fl_stringf("has(state.e) ? '%se' + string(state.e) : '%s' + string(state.n)", text, text);
}

static struct fl_value *writes_of(const struct shape_node *node, const char *name, bool is_sent) {
  struct fl_value *write = fl_object();
  fl_set_take(write, "log", seen_of(name, is_sent));
  if (node->writes_n) fl_set_take(write, "n", fl_stringf("%d", node->add));
  if (node->writes_x) fl_set_take(write, "x", fl_stringf("'%s'", name));
  return write;
}

static void set_child(struct fl_value *node, const char *name, bool is_sent) {
  struct fl_value *input = fl_object(), *output = fl_object();
  fl_set_take(node, "graph", fl_stringf("inside_%s", name));
  fl_set_string(input, "n", is_sent ? "has(state.e) ? state.e : state.n" : "state.n");
  fl_set_string(output, "log", "state.log");
  fl_set_take(node, "input", input);
  fl_set_take(node, "output", output);
}

static struct fl_value *node_of(const struct shape_node *node, const char *name, bool is_sent) {
  static const char *const types[] = {"set", "interrupt", "fail", "graph"};
  struct fl_value *value = fl_object();
  FL_FREE_AUTO char *question = fl_format("%s ", name);
  fl_set_string(value, "type", types[node->kind]);
  if (node->is_deferred) fl_set_bool(value, "defer", true);
  if (node->kind == NODE_CHILD) set_child(value, name, is_sent);
  if (node->kind == NODE_SET) fl_set_take(value, "write", writes_of(node, name, is_sent));
  if (node->kind == NODE_FAIL) fl_set_take(value, "message", fl_stringf("'%s fails'", name));
  if (node->kind == NODE_ASK) fl_set_take(value, "value", seen_of(question, is_sent));
  if (node->kind == NODE_ASK) fl_set_string(value, "resume", "log");
  return value;
}

static bool sends_to(const struct shape *shape, int node) {
  bool sends = false;
  for (int i = 0; i < shape->edge_count; i++) {
    const struct shape_edge *edge = &shape->edges[i];
    sends |= edge->to.sends > 0 && edge->to.nodes[0] == node;
    for (int j = 0; j < edge->arm_count; j++) sends |= edge->arms[j].to.sends > 0 && edge->arms[j].to.nodes[0] == node;
  }
  return sends;
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
  struct fl_value *graphs = fl_object();
  fl_set_take(graph, "state", json("{'log':{'reducer':'append'},'n':{'reducer':'sum','default':0},'x':{}}"));
  for (int i = 0; i < shape->node_count; i++) {
    const struct shape_node *node = &shape->nodes[i];
    FL_FREE_AUTO char *inside = fl_format("inside_%s", shape_name(i));
    fl_set_take(nodes, shape_name(i), node_of(node, shape_name(i), sends_to(shape, i)));
    if (node->child != NULL) fl_set_take(graphs, inside, graph_of(node->child));
  }
  if (fl_size(graphs) > 0) fl_set_take(graph, "graphs", graphs);
  else fl_value_unref(graphs);
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
  fl_set_take(value, step->is_input ? "input" : "go_on", input);
  fl_set_int(value, "recursion_limit", shape->recursion_limit);
  return value;
}

struct fl_value *shape_case(const struct shape *shape, uint64_t seed) {
  struct fl_value *test = fl_object(), *steps = fl_array();
  fl_set_take(test, "name", fl_stringf("seed %llu", (unsigned long long)seed));
  fl_set_string(test, "about", "generated");
  struct fl_value *graph = graph_of(shape);
  fl_set_int(graph, "fairlead", 1);
  fl_set_take(test, "graph", graph);
  for (int i = 0; i < shape->step_count; i++) fl_append_take(steps, step_of(shape, i));
  fl_set_take(test, "steps", steps);
  return test;
}
