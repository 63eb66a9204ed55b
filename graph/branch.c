/* SPDX-License-Identifier: MIT */
/* Where a node leads: plain edges, joins it reports to, and branches, which decide on the state with the node's own
 * writes and nobody else's. What they decide is written to hidden channels, like any other write of the task. Pure. */
#include "graph/core.h"
#include "graph/send.h"
#include "runtime/base/mem.h"

/* Sends mostly go to one node: its name is shared with the send before, and so planned without being looked up. */
static struct fl_value *node_name(const struct fl_definition *definition, const char *node,
                                  const struct fl_writes *writes) {
  const struct fl_task_write *last = writes->count > 0 ? &writes->items[writes->count - 1] : NULL;
  struct fl_value *name =
      last != NULL && last->channel == definition->tasks_channel ? fl_get(last->value, "node") : NULL;
  return name != NULL && strcmp(fl_as_string(name), node) == 0 ? fl_value_ref(name) : fl_string(node);
}

static void add_send(const struct fl_definition *definition, const char *node, struct fl_value *arg,
                     struct fl_writes *writes) {
  struct fl_value *send = fl_object();
  fl_set_take(send, "node", node_name(definition, node, writes));
  fl_set_take(send, "arg", fl_value_ref(arg));
  fl_writes_add_take(writes, definition->tasks_channel, send);
}

/* What a C branch has chosen. */
struct fl_targets {
  const struct fl_definition *definition;
  const struct fl_branch_def *branch;
  struct fl_writes *writes;
  struct fl_error *err;
  int rc;
};

static bool is_target(const struct fl_branch_def *branch, size_t node) {
  for (size_t i = 0; i < branch->target_count; i++)
    if (branch->targets[i] == node) return true;
  return false;
}

/* The same target twice is one start. */
static void lead_to(const struct fl_definition *definition, size_t node, struct fl_writes *writes) {
  if (node == FL_NODE_END) return;
  size_t channel = definition->nodes[node].trigger_channel;
  for (size_t i = 0; i < writes->count; i++)
    if (writes->items[i].channel == channel) return;
  fl_writes_add_take(writes, channel, NULL);
}

/* The node's index, when the branch may choose it; otherwise the error is kept. */
static ptrdiff_t choose_node(struct fl_targets *targets, const char *name) {
  ptrdiff_t node = fl_definition_node(targets->definition, name);
  if (node >= 0 && is_target(targets->branch, (size_t)node)) return node;
  const char *nearest = fl_definition_nearest_node(targets->definition, name);
  if (node >= 0)
    targets->rc =
        fl_error_set(targets->err, FL_E_GRAPH, "it chose node \"%s\", which is not among its declared targets", name);
  else
    targets->rc = fl_error_set(targets->err, FL_E_GRAPH, "it chose the unknown node \"%.128s\"%s%s%s", name,
                               nearest != NULL ? "; did you mean \"" : "", nearest != NULL ? nearest : "",
                               nearest != NULL ? "\"?" : "");
  return -1;
}

void fl_targets_add(struct fl_targets *targets, const char *name) {
  if (targets->rc < 0 || strcmp(name, FL_END) == 0) return;
  ptrdiff_t node = choose_node(targets, name);
  if (node >= 0) lead_to(targets->definition, (size_t)node, targets->writes);
}

void fl_targets_send_take(struct fl_targets *targets, const char *name, struct fl_value *arg) {
  FL_VALUE_AUTO taken = arg != NULL ? arg : fl_null();
  if (targets->rc < 0) return;
  if (strcmp(name, FL_END) == 0) {
    targets->rc = fl_error_set(targets->err, FL_E_GRAPH, "it sends to END, where nothing runs");
    return;
  }
  if (choose_node(targets, name) >= 0) add_send(targets->definition, name, taken, targets->writes);
}

static int choose(const struct fl_definition *definition, const struct fl_branch_def *branch,
                  const struct fl_state *view, struct fl_writes *writes, struct fl_error *err) {
  struct fl_targets targets = {definition, branch, writes, err, 0};
  struct fl_error why = {0};
  int rc = branch->choose(view, &targets, branch->user, &why);
  if (rc < 0) return fl_error_set(err, rc, "%s", why.text[0] != '\0' ? why.text : fl_error_sentence(rc));
  return targets.rc;
}

static int first_arm(const struct fl_run *run, const struct fl_branch_def *branch, struct fl_scope *scope,
                     struct fl_writes *writes, struct fl_error *err) {
  struct fl_expr_env env = fl_scope_env(scope);
  for (size_t i = 0; i < branch->arm_count; i++) {
    const struct fl_branch_arm *arm = &branch->arms[i];
    bool holds = true;
    int rc = arm->when != NULL ? fl_expr_eval_bool(arm->when, &env, &holds, err) : 0;
    if (rc < 0) return fl_error_context(err, "condition \"%.200s\"", arm->label);
    if (!holds) continue;
    for (size_t j = 0; j < arm->target_count; j++) lead_to(run->definition, arm->targets[j], writes);
    if (arm->send == NULL) return 0;
    struct fl_gotos gotos = {0};
    rc = fl_send_eval(arm->send, scope, &gotos, err);
    if (rc == 0) rc = fl_route_gotos(run, gotos.items, gotos.count, writes, err);
    fl_gotos_deinit(&gotos);
    return rc;
  }
  return 0;
}

uint32_t fl_run_remaining_steps(const struct fl_run *run) {
  uint32_t used = run->steps_used > 0 ? run->steps_used : 1; /* ways from START: the input is the first */
  return used > run->recursion_limit ? 0 : run->recursion_limit - used + 1;
}

static struct fl_scope scope_of(const struct fl_run *run, const struct fl_state *view) {
  return (struct fl_scope){.state = view,
                           .context = run->context,
                           .has_run = true,
                           .step = run->step + 1,
                           .remaining_steps = fl_run_remaining_steps(run),
                           .thread_id = run->thread_id};
}

int fl_route(struct fl_run *run, const struct fl_node_def *node, const struct fl_state *view, struct fl_writes *writes,
             struct fl_error *err) {
  const struct fl_definition *definition = run->definition;
  const size_t *targets = node != NULL ? node->plain_targets : definition->entry_targets;
  size_t target_count = node != NULL ? node->plain_target_count : definition->entry_target_count;
  const struct fl_branch_def *branches = node != NULL ? node->branches : definition->entry_branches;
  size_t branch_count = node != NULL ? node->branch_count : definition->entry_branch_count;
  for (size_t i = 0; i < target_count; i++) lead_to(definition, targets[i], writes);
  for (size_t i = 0; node != NULL && i < node->barrier_channel_count; i++)
    fl_writes_add_take(writes, node->barrier_channels[i], NULL);
  for (size_t i = 0; i < branch_count; i++) {
    struct fl_scope scope = scope_of(run, view);
    int rc = branches[i].choose != NULL ? choose(definition, &branches[i], view, writes, err)
                                        : first_arm(run, &branches[i], &scope, writes, err);
    fl_scope_deinit(&scope);
    if (rc < 0) return fl_error_context(err, "the branch after \"%s\"", node != NULL ? node->name : FL_START);
  }
  return 0;
}

/* ---- where a node itself wants to go ---- */

static int unknown_goal(const struct fl_run *run, const char *name, struct fl_error *err) {
  if (strcmp(name, FL_END) == 0) return fl_error_set(err, FL_E_GRAPH, "it sends to END, where nothing runs");
  const char *nearest = fl_definition_nearest_node(run->definition, name);
  return fl_error_set(err, FL_E_NOT_FOUND, "it goes to the unknown node \"%.128s\"%s%s%s", name,
                      nearest != NULL ? "; did you mean \"" : "", nearest != NULL ? nearest : "",
                      nearest != NULL ? "\"?" : "");
}

int fl_route_gotos(const struct fl_run *run, const struct fl_goto *gotos, size_t count, struct fl_writes *writes,
                   struct fl_error *err) {
  for (size_t i = 0; i < count; i++) {
    if (strcmp(gotos[i].node, FL_END) == 0 && gotos[i].arg == NULL) continue;
    ptrdiff_t node = fl_definition_node(run->definition, gotos[i].node);
    if (node < 0) return unknown_goal(run, gotos[i].node, err);
    if (gotos[i].arg != NULL) add_send(run->definition, gotos[i].node, gotos[i].arg, writes);
    else lead_to(run->definition, (size_t)node, writes);
  }
  return 0;
}
