/* SPDX-License-Identifier: MIT */
/* The node types of graph files that compute and decide on their own: set, fail, interrupt, tool; and the table of all
 * types. They are node functions like any program's, on the public headers. */
#include "runtime/engine/engine.h"

#include "runtime/base/mem.h"
#include "runtime/engine/node_kinds.h"
#include "runtime/json/json.h"

/* ---- expressions of a node, on its state ---- */

int fl_task_eval(struct fl_task *task, const char *pointer, struct fl_value **ret_value) {
  const struct fl_expr *expr = fl_map_get(&task->node->exprs, pointer);
  if (expr == NULL) return fl_task_fail(task, FL_E_BUG, "node %s has no expression at %s", task->start.node, pointer);
  struct fl_scope scope = fl_task_scope(task);
  struct fl_expr_env env = fl_scope_env(&scope);
  struct fl_error err = {0};
  int rc = fl_expr_eval(expr, &env, ret_value, &err);
  fl_scope_deinit(&scope);
  if (rc < 0) return fl_task_fail(task, rc, "%s: %s: %s", pointer, fl_expr_text(expr), err.text);
  return 0;
}

static int eval_member(struct fl_task *task, const char *group, const char *key, struct fl_value **ret_value) {
  FL_BUF_AUTO pointer = {0};
  fl_json_pointer_add(&pointer, fl_slice_of(group));
  if (key != NULL) fl_json_pointer_add(&pointer, fl_slice_of(key));
  return fl_task_eval(task, pointer.data, ret_value);
}

/* ---- set: writes the values of expressions, and goes where its ways lead ---- */

static int run_set(struct fl_task *task, void *user) {
  struct fl_member member = {0};
  while (fl_next_member(fl_get(fl_task_def(task)->config, "write"), &member)) {
    struct fl_value *value = NULL;
    int rc = eval_member(task, "write", member.key, &value);
    if (rc == 0)
      rc = task->node->is_for_parent ? fl_task_write_parent_take(task, member.key, value)
                                     : fl_task_write_take(task, member.key, value);
    if (rc < 0) return rc;
  }
  int rc = fl_task_go_ways(task);
  return rc < 0 ? rc : FL_DONE;
}

/* ---- fail: ends the run with a message ---- */

static int run_fail(struct fl_task *task, void *user) {
  FL_VALUE_AUTO message = NULL;
  int rc = eval_member(task, "message", NULL, &message);
  if (rc < 0) return rc;
  FL_FREE_AUTO char *text = fl_as_string(message) != NULL ? fl_strdup(fl_as_string(message)) : fl_dump(message, NULL);
  return fl_task_fail(task, FL_E_TASK, "%s", text);
}

/* ---- interrupt: asks a person, and writes the answer ---- */

static int run_interrupt(struct fl_task *task, void *user) {
  FL_VALUE_AUTO question = NULL;
  int rc = eval_member(task, "value", NULL, &question);
  if (rc < 0) return rc;
  struct fl_value *answer = NULL;
  rc = fl_task_interrupt(task, question, &answer);
  const char *channel = fl_get_string(fl_task_def(task)->config, "resume", NULL);
  if (rc != 0 || channel == NULL) return rc;
  rc = fl_task_write_take(task, channel, fl_value_ref(answer));
  return rc < 0 ? rc : FL_DONE;
}

/* ---- tool: one named tool with computed arguments ---- */

static int write_tool_result(struct fl_task *task, const struct fl_value *result) {
  const char *channel = fl_get_string(fl_task_def(task)->config, "write", NULL);
  if (channel == NULL) return FL_DONE;
  struct fl_value *structured = fl_get(result, "structuredContent");
  struct fl_value *value = structured != NULL ? fl_value_ref(structured) : fl_tool_result_text(result);
  int rc = fl_task_write_take(task, channel, value);
  return rc < 0 ? rc : FL_DONE;
}

static void on_tool(struct fl_task *task, struct fl_value *result, const struct fl_error *err, void *user) {
  int outcome;
  if (result == NULL) {
    outcome = fl_task_fail(task, err->code, "%s", err->text);
  } else if (fl_get_bool(result, "isError", false)) {
    FL_VALUE_AUTO text = fl_tool_result_text(result);
    outcome = fl_task_fail(task, FL_E_REMOTE, "the tool answered: %s", fl_as_string(text));
  } else {
    outcome = write_tool_result(task, result);
  }
  fl_task_complete(task, outcome);
}

static int run_tool(struct fl_task *task, void *user) {
  const struct fl_value *config = fl_task_def(task)->config;
  FL_VALUE_AUTO args = fl_object();
  struct fl_member member = {0};
  while (fl_next_member(fl_get(config, "args"), &member)) {
    struct fl_value *value = NULL;
    int rc = eval_member(task, "args", member.key, &value);
    if (rc < 0) return rc;
    fl_set_take(args, member.key, value);
  }
  int rc = fl_task_call_tool(task, fl_get_string(config, "tool", ""), args, on_tool, NULL);
  return rc < 0 ? rc : FL_PENDING;
}

/* ---- the table ---- */

fl_node_fn *fl_node_kind(const char *type) {
  static const struct {
    const char *type;
    fl_node_fn *run;
  } kinds[] = {
      {"agent", fl_node_agent}, {"tools", fl_node_tools},     {"tool", run_tool}, {"graph", fl_node_graph},
      {"set", run_set},         {"interrupt", run_interrupt}, {"fail", run_fail}, {"judge", fl_node_judge},
      {"http", fl_node_http},   {"memory", fl_node_memory},
  };
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
    if (strcmp(kinds[i].type, type) == 0) return kinds[i].run;
  return NULL;
}
