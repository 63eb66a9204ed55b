/* SPDX-License-Identifier: MIT */
/* graph: a node that runs a graph. What goes in and comes out is said by expressions, or is what both graphs have by
 * one name. */
#include "graph/scope.h"
#include "runtime/base/mem.h"
#include "runtime/engine/node_kinds.h"
#include "runtime/json/json.h"

static int map_input(struct fl_task *task, struct fl_value *input) {
  const struct fl_value *given = fl_get(fl_task_def(task)->config, "input");
  const struct fl_definition *child = fl_task_def(task)->subgraph;
  for (size_t i = 0; given == NULL && i < child->state_channel_count; i++) {
    if (!child->channels[i].is_input) continue;
    struct fl_value *value = fl_state_get(fl_task_state(task), child->channels[i].name);
    if (value != NULL) fl_set_take(input, child->channels[i].name, fl_value_ref(value));
  }
  for (struct fl_member m = {0}; fl_next_member(given, &m);) {
    FL_BUF_AUTO pointer = {0};
    fl_json_pointer_add(&pointer, FL_SLICE("input"));
    fl_json_pointer_add(&pointer, fl_slice_of(m.key));
    struct fl_value *value = NULL;
    int rc = fl_task_eval(task, pointer.data, &value);
    if (rc < 0) return rc;
    fl_set_take(input, m.key, value);
  }
  return 0;
}

/* One member of `output`, on the state that the graph ended with. */
static int write_output(struct fl_task *task, const struct fl_state *state, const char *key) {
  FL_BUF_AUTO pointer = {0};
  fl_json_pointer_add(&pointer, FL_SLICE("output"));
  fl_json_pointer_add(&pointer, fl_slice_of(key));
  const struct fl_expr *expr = fl_map_get(&fl_task_def(task)->exprs, pointer.data);
  struct fl_expr_env env = fl_state_env(state);
  struct fl_error err = {0};
  struct fl_value *value = NULL;
  int rc = fl_expr_eval(expr, &env, &value, &err);
  if (rc < 0) return fl_task_fail(task, rc, "%s: %s: %s", pointer.data, fl_expr_text(expr), err.text);
  return fl_task_write_take(task, key, value);
}

static int map_output(struct fl_task *task, const struct fl_state *state) {
  const struct fl_value *wanted = fl_get(fl_task_def(task)->config, "output");
  const struct fl_definition *outer = task->frame->definition, *child = fl_task_def(task)->subgraph;
  int rc = 0;
  for (struct fl_member m = {0}; rc == 0 && fl_next_member(wanted, &m);) rc = write_output(task, state, m.key);
  for (size_t i = 0; wanted == NULL && rc == 0 && i < outer->state_channel_count; i++) {
    ptrdiff_t index = fl_definition_channel(child, outer->channels[i].name);
    bool is_output = index >= 0 && (size_t)index < child->state_channel_count && child->channels[index].is_output;
    struct fl_value *value = is_output ? fl_state_get(state, outer->channels[i].name) : NULL;
    if (value != NULL) rc = fl_task_write_take(task, outer->channels[i].name, fl_value_ref(value));
  }
  return rc;
}

static void on_graph(struct fl_task *task, const struct fl_state *state, const struct fl_error *err, void *user) {
  int rc = state != NULL ? map_output(task, state) : fl_task_fail(task, err->code, "%s", err->text);
  fl_task_complete(task, rc < 0 ? rc : FL_DONE);
}

int fl_node_graph(struct fl_task *task, void *user) {
  const struct fl_node_def *node = fl_task_def(task);
  struct fl_value *input = fl_object();
  int rc = map_input(task, input);
  if (rc < 0) {
    fl_value_unref(input);
    return rc;
  }
  struct fl_child_call call = {node->subgraph, node->checkpoints, input, on_graph, NULL};
  rc = fl_task_run_graph(task, &call);
  return rc < 0 ? rc : FL_PENDING;
}
