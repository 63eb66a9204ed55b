/* SPDX-License-Identifier: MIT */
/* The agent: one model call on the messages so far. With the `tools` node and the edges between them this is the ReAct
 * loop: the model answers, or asks for tools; their results go back to it; until it answers. */
#include "runtime/base/mem.h"
#include "runtime/engine/node_kinds.h"

static void on_message(struct fl_task *task, struct fl_value *message, const struct fl_error *err, void *user) {
  if (message == NULL) {
    fl_task_complete(task, fl_task_fail(task, err->code, "%s", err->text));
    return;
  }
  const char *channel = fl_get_string(fl_task_def(task)->config, "messages", "messages");
  int rc = fl_task_write_take(task, channel, fl_value_ref(message));
  fl_task_complete(task, rc < 0 ? rc : FL_DONE);
}

int fl_node_agent(struct fl_task *task, void *user) {
  const struct fl_value *config = fl_task_def(task)->config;
  FL_VALUE_AUTO request = fl_object();
  fl_set_string(request, "channel", fl_get_string(config, "messages", "messages"));
  const char *prompt = fl_get_string(config, "prompt", NULL);
  if (prompt != NULL) fl_set_string(request, "system", prompt);
  struct fl_value *tools = fl_get(config, "tools");
  if (tools != NULL) fl_set_take(request, "tools", fl_value_ref(tools));
  int rc = fl_task_call_model(task, fl_get_string(config, "model", NULL), request, on_message, NULL);
  return rc < 0 ? rc : FL_PENDING;
}
