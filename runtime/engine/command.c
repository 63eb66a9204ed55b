/* SPDX-License-Identifier: MIT */
/* Where a task goes by itself (gotos and sends), and what it says to the graph above its own. They leave with the
 * task's writes, when it is done. */
#include "runtime/engine/engine.h"

#include "runtime/base/mem.h"

/* ---- from outside ---- */

bool fl_options_command(const struct fl_invoke_options *options) {
  return options->update != NULL || (options->goto_nodes != NULL && options->goto_nodes[0] != NULL);
}

void fl_event_take_command(struct fl_queued_event *event, const struct fl_invoke_options *options) {
  event->update = fl_value_ref(options->update);
  for (size_t i = 0; options->goto_nodes != NULL && options->goto_nodes[i] != NULL; i++)
    fl_gotos_add_take(&event->gotos, options->goto_nodes[i], NULL);
}

/* ---- what expressions of a task read ---- */

struct fl_scope fl_task_scope(const struct fl_task *task) {
  return (struct fl_scope){.state = task->start.state,
                           .has_run = true,
                           .step = task->start.step,
                           .remaining_steps = task->start.remaining_steps,
                           .attempt = task->attempt,
                           .context = task->invocation->context,
                           .error = task->start.error,
                           .thread_id = task->invocation->thread_id};
}

struct fl_value *fl_task_arg(const struct fl_task *task) {
  return task->start.arg;
}

/* ---- its own graph ---- */

static int refuse_node(struct fl_task *task, const char *node) {
  const struct fl_definition *definition = task->frame->definition;
  const char *nearest = fl_definition_nearest_node(definition, node);
  return fl_task_fail(task, FL_E_NOT_FOUND, "it goes to \"%.128s\", which is not a node of this graph%s%s%s", node,
                      nearest != NULL ? "; did you mean \"" : "", nearest != NULL ? nearest : "",
                      nearest != NULL ? "\"?" : "");
}

static bool is_destination(const struct fl_node_def *def, const char *node) {
  for (size_t i = 0; def->destinations != NULL && def->destinations[i] != NULL; i++)
    if (strcmp(def->destinations[i], node) == 0) return true;
  return def->destinations == NULL;
}

static int check_goal(struct fl_task *task, const char *node, size_t count, bool is_send) {
  const struct fl_definition *definition = task->frame->definition;
  if (count >= FL_SENDS_MAX) return fl_task_fail(task, FL_E_LIMIT, "it goes on to more than %d tasks", FL_SENDS_MAX);
  if (strcmp(node, FL_END) == 0)
    return is_send ? fl_task_fail(task, FL_E_GRAPH, "it sends to END, where nothing runs") : 0;
  if (fl_definition_node(definition, node) < 0) return refuse_node(task, node);
  if (is_destination(task->node, node)) return 0;
  return fl_task_fail(task, FL_E_GRAPH, "it goes to \"%s\", which is not among its declared destinations", node);
}

int fl_task_goto(struct fl_task *task, const char *node) {
  int rc = check_goal(task, node, task->gotos.count, false);
  if (rc == 0) fl_gotos_add_take(&task->gotos, node, NULL);
  return rc;
}

int fl_task_send_take(struct fl_task *task, const char *node, struct fl_value *arg) {
  struct fl_value *taken = arg != NULL ? arg : fl_null();
  int rc = check_goal(task, node, task->gotos.count, true);
  if (rc == 0) fl_gotos_add_take(&task->gotos, node, taken);
  else fl_value_unref(taken);
  return rc;
}

/* ---- the graph above ---- */

/* Whether there is room for one more; the graph above itself is asked when it takes the command. */
static int open_command(struct fl_task *task, size_t count) {
  if (task->to_parent == NULL) task->to_parent = fl_new(struct fl_parent_command);
  return count < FL_SENDS_MAX
             ? 0
             : fl_task_fail(task, FL_E_LIMIT, "it tells the graph above more than %d things", FL_SENDS_MAX);
}

int fl_task_write_parent_take(struct fl_task *task, const char *channel, struct fl_value *value) {
  int rc = open_command(task, task->to_parent != NULL ? task->to_parent->write_count : 0);
  if (rc < 0) {
    fl_value_unref(value);
    return rc;
  }
  struct fl_parent_command *command = task->to_parent;
  command->writes = fl_realloc(command->writes, (command->write_count + 1) * sizeof *command->writes);
  command->writes[command->write_count++] = (struct fl_write){fl_strdup(channel), value};
  return 0;
}

int fl_task_goto_parent(struct fl_task *task, const char *node) { return fl_task_send_parent_take(task, node, NULL); }

int fl_task_send_parent_take(struct fl_task *task, const char *node, struct fl_value *arg) {
  int rc = open_command(task, task->to_parent != NULL ? task->to_parent->goto_count : 0);
  if (rc < 0) {
    fl_value_unref(arg);
    return rc;
  }
  struct fl_parent_command *command = task->to_parent;
  command->gotos = fl_realloc(command->gotos, (command->goto_count + 1) * sizeof *command->gotos);
  command->gotos[command->goto_count++] = (struct fl_goto){fl_strdup(node), arg};
  return 0;
}

/* ---- the ways of a graph file ---- */

int fl_task_go_ways(struct fl_task *task) {
  const struct fl_node_def *def = task->node;
  struct fl_gotos gotos = {0};
  struct fl_scope scope = fl_task_scope(task);
  struct fl_error err = {0};
  int rc = fl_ways_eval(def->ways, def->way_count, &scope, &gotos, &err);
  if (rc < 0) fl_task_fail(task, rc, "goto: %s", err.text);
  for (size_t i = 0; i < gotos.count && rc == 0; i++) {
    struct fl_value *arg = gotos.items[i].arg;
    gotos.items[i].arg = NULL;
    if (def->is_for_parent) rc = fl_task_send_parent_take(task, gotos.items[i].node, arg);
    else if (arg != NULL) rc = fl_task_send_take(task, gotos.items[i].node, arg);
    else rc = fl_task_goto(task, gotos.items[i].node);
  }
  fl_scope_deinit(&scope);
  fl_gotos_deinit(&gotos);
  return rc;
}

void fl_task_forget_commands(struct fl_task *task) {
  fl_gotos_deinit(&task->gotos);
  if (task->to_parent == NULL) return;
  fl_parent_command_deinit(task->to_parent);
  fl_free(task->to_parent);
  task->to_parent = NULL;
}
