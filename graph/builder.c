/* SPDX-License-Identifier: MIT */
/* Collects the calls of the public builder and of the graph file. Nothing is judged here: fl_graph_compile is the one
 * place where a graph is accepted or refused. Pure. */
#include "graph/builder.h"

#include "runtime/base/check.h"
#include "runtime/base/mem.h"

enum { PROBLEMS_SIZE_MAX = 1300 };

/* Room for one more element of `size` bytes; returns the cleared element. */
static void *grow(void **items, size_t *count, size_t *capacity, size_t size) {
  if (*count == *capacity) {
    *capacity = *capacity > 0 ? *capacity * 2 : 8;
    *items = fl_realloc(*items, *capacity * size);
  }
  char *element = (char *)*items + (*count)++ * size;
  memset(element, 0, size);
  return element;
}
#define grow_one(graph, items, item) \
  grow((void **)&(graph)->items, &(graph)->item##_count, &(graph)->item##_capacity, sizeof *(graph)->items)

static struct fl_names names_copy(const char *const *names, size_t count) {
  struct fl_names copy = {fl_new_array(char *, count), count};
  for (size_t i = 0; i < count; i++) copy.items[i] = fl_strdup(names[i]);
  return copy;
}

static void names_deinit(struct fl_names *names) {
  for (size_t i = 0; i < names->count; i++) fl_free(names->items[i]);
  fl_free(names->items);
  *names = (struct fl_names){0};
}

struct fl_graph *fl_graph_create(const char *name) {
  struct fl_graph *graph = fl_new(struct fl_graph);
  graph->name = fl_strdup(name != NULL ? name : "");
  return graph;
}

static void branch_spec_deinit(struct fl_branch_spec *branch) {
  fl_free(branch->from);
  for (size_t i = 0; i < branch->arm_count; i++) {
    fl_expr_destroy(branch->arms[i].when);
    fl_send_def_destroy(branch->arms[i].send);
    names_deinit(&branch->arms[i].targets);
  }
  fl_free(branch->arms);
  names_deinit(&branch->targets);
}

void fl_graph_destroy(struct fl_graph *graph) {
  if (graph == NULL) return;
  for (size_t i = 0; i < graph->channel_count; i++) fl_channel_def_deinit(&graph->channels[i]);
  for (size_t i = 0; i < graph->node_count; i++) fl_node_def_deinit(&graph->nodes[i]);
  for (size_t i = 0; i < graph->edge_count; i++) {
    fl_free(graph->edges[i].from);
    fl_free(graph->edges[i].to);
  }
  for (size_t i = 0; i < graph->join_count; i++) {
    names_deinit(&graph->joins[i].from);
    fl_free(graph->joins[i].to);
  }
  for (size_t i = 0; i < graph->branch_count; i++) branch_spec_deinit(&graph->branches[i]);
  fl_node_policy_deinit(&graph->defaults);
  fl_exprs_deinit(&graph->default_exprs);
  fl_free(graph->channels);
  fl_free(graph->nodes);
  fl_free(graph->edges);
  fl_free(graph->joins);
  fl_free(graph->branches);
  fl_free(graph->name);
  fl_free(graph);
}

void fl_graph_channel(struct fl_graph *graph, const char *name, const struct fl_channel_options *options) {
  struct fl_channel_def *channel = grow_one(graph, channels, channel);
  channel->name = fl_strdup(name != NULL ? name : "");
  channel->kind = FL_CHANNEL_STATE;
  channel->reduce = fl_option(options, reduce, NULL);
  channel->reduce_user = fl_option(options, reduce_user, NULL);
  channel->reducer = channel->reduce != NULL ? FL_CUSTOM : fl_option(options, reducer, FL_LAST);
  channel->accumulates = fl_option(options, accumulate, false);
  channel->is_guarded = !fl_option(options, no_guard, false);
  channel->is_private = fl_option(options, is_private, false);
  channel->default_value = fl_value_ref(fl_option(options, default_value, NULL));
  channel->schema_value = fl_value_ref(fl_option(options, schema, NULL));
}

/* A NULL-terminated list; NULL stays NULL. */
static char **names_dup(const char *const *names) {
  size_t count = 0;
  if (names == NULL) return NULL;
  while (names[count] != NULL) count++;
  char **copy = fl_new_array(char *, count + 1);
  for (size_t i = 0; i < count; i++) copy[i] = fl_strdup(names[i]);
  return copy;
}

void fl_graph_node(struct fl_graph *graph, const char *name, fl_node_fn *run, void *user,
                   const struct fl_node_options *options) {
  struct fl_node_def *node = grow_one(graph, nodes, node);
  node->name = fl_strdup(name != NULL ? name : "");
  node->type = fl_strdup("c");
  node->description = fl_strdup(fl_option(options, description, NULL));
  node->run = run;
  node->user = user;
  fl_node_policy_read(&node->policy, options);
  node->is_deferred = fl_option(options, defer, false);
  node->destinations = names_dup(fl_option(options, destinations, NULL));
  node->input_names = names_dup(fl_option(options, input, NULL));
}

struct fl_node_def *fl_graph_last_node(struct fl_graph *graph) {
  return &graph->nodes[graph->node_count - 1];
}

void fl_graph_typed_node_take(struct fl_graph *graph, const char *name, const char *type, const char *description,
                              struct fl_value *config, struct fl_map *exprs) {
  struct fl_node_def *node = grow_one(graph, nodes, node);
  node->name = fl_strdup(name);
  node->type = fl_strdup(type);
  node->description = fl_strdup(description);
  node->config = config;
  if (exprs == NULL) return;
  node->exprs = *exprs;
  fl_map_init(exprs);
}

struct fl_node_policy *fl_graph_last_policy(struct fl_graph *graph) {
  return &graph->nodes[graph->node_count - 1].policy;
}

struct fl_node_policy *fl_graph_default_policy(struct fl_graph *graph) {
  return &graph->defaults;
}

struct fl_map *fl_graph_default_exprs(struct fl_graph *graph) {
  return &graph->default_exprs;
}

void fl_graph_edge(struct fl_graph *graph, const char *from, const char *to) {
  struct fl_edge_spec *edge = grow_one(graph, edges, edge);
  *edge = (struct fl_edge_spec){fl_strdup(from != NULL ? from : ""), fl_strdup(to != NULL ? to : "")};
}

/* Waiting for one node is what an edge does. */
void fl_graph_join(struct fl_graph *graph, const char *const *from, size_t from_count, const char *to) {
  if (from_count == 1) {
    fl_graph_edge(graph, from[0], to);
    return;
  }
  struct fl_join_spec *join = grow_one(graph, joins, join);
  *join = (struct fl_join_spec){names_copy(from, from_count), fl_strdup(to != NULL ? to : "")};
}

void fl_graph_branch(struct fl_graph *graph, const char *from, fl_branch_fn *choose, void *user,
                     const char *const *targets, size_t target_count) {
  struct fl_branch_spec *branch = grow_one(graph, branches, branch);
  branch->from = fl_strdup(from != NULL ? from : "");
  branch->choose = choose;
  branch->user = user;
  branch->targets = names_copy(targets, target_count);
}

void fl_graph_expr_branch_take(struct fl_graph *graph, const char *from, const struct fl_branch_arm_spec *arms,
                               size_t arm_count) {
  struct fl_branch_spec *branch = grow_one(graph, branches, branch);
  branch->from = fl_strdup(from);
  branch->arms = fl_new_array(struct fl_arm_spec, arm_count);
  branch->arm_count = arm_count;
  for (size_t i = 0; i < arm_count; i++)
    branch->arms[i] =
        (struct fl_arm_spec){arms[i].when, arms[i].send, names_copy(arms[i].targets, arms[i].target_count)};
}

/* As many as an error's text has room for; the rest is counted. */
void fl_problems_add(struct fl_problems *problems, const char *format, ...) {
  if (problems->count++ > 0 && problems->text.size > PROBLEMS_SIZE_MAX) {
    problems->dropped_count++;
    return;
  }
  va_list args;
  va_start(args, format);
  fl_buf_add_text(&problems->text, problems->count > 1 ? "\n  " : "  ");
  fl_buf_vaddf(&problems->text, format, args);
  va_end(args);
}

int fl_graph_compile(struct fl_graph *graph, const struct fl_compile_options *options,
                     struct fl_definition **ret_definition, struct fl_error *err) {
  struct fl_problems problems = {0};
  fl_graph_validate(graph, options, &problems);
  int rc = 0;
  if (problems.dropped_count > 0) fl_buf_addf(&problems.text, "\n  … and %zu more", problems.dropped_count);
  if (problems.count > 0)
    rc = fl_error_set(err, FL_E_GRAPH, "graph \"%s\" has %zu mistake%s:\n%s", graph->name, problems.count,
                      problems.count > 1 ? "s" : "", problems.text.data);
  else *ret_definition = fl_graph_resolve(graph, options);
  fl_buf_deinit(&problems.text);
  fl_graph_destroy(graph);
  return rc;
}

/* ---- leading elsewhere ---- */

static void rename_one(char **name, const char *from, const char *to) {
  if (strcmp(*name, from) != 0) return;
  fl_free(*name);
  *name = fl_strdup(to);
}

static void rename_all(char **names, size_t count, const char *from, const char *to) {
  for (size_t i = 0; i < count; i++) rename_one(&names[i], from, to);
}

static void redirect_send(struct fl_send_def *send, const char *from, const char *to) {
  if (send == NULL) return;
  rename_one(&send->node, from, to);
  rename_all(send->otherwise, send->otherwise_count, from, to);
}

static void redirect_node(struct fl_node_def *node, const char *from, const char *to) {
  for (size_t i = 0; i < node->way_count && !node->is_for_parent; i++) {
    rename_all(node->ways[i].targets, node->ways[i].target_count, from, to);
    redirect_send(node->ways[i].send, from, to);
  }
}

void fl_graph_redirect(struct fl_graph *graph, const char *from, const char *to) {
  for (size_t i = 0; i < graph->edge_count; i++) rename_one(&graph->edges[i].to, from, to);
  for (size_t i = 0; i < graph->join_count; i++) rename_one(&graph->joins[i].to, from, to);
  for (size_t i = 0; i < graph->branch_count; i++) {
    struct fl_branch_spec *branch = &graph->branches[i];
    rename_all(branch->targets.items, branch->targets.count, from, to);
    for (size_t j = 0; j < branch->arm_count; j++) {
      rename_all(branch->arms[j].targets.items, branch->arms[j].targets.count, from, to);
      redirect_send(branch->arms[j].send, from, to);
    }
  }
  for (size_t i = 0; i < graph->node_count; i++) redirect_node(&graph->nodes[i], from, to);
}
