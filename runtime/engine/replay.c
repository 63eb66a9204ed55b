/* SPDX-License-Identifier: MIT */
#include "runtime/engine/replay.h"

#include "runtime/base/mem.h"
#include "runtime/engine/tracing.h"

void fl_replay_set_take(struct fl_runtime *runtime, struct fl_value *steps) {
  struct fl_tracing *tracing = fl_tracing_of(runtime);
  fl_value_unref(tracing->replayed);
  tracing->replayed = steps;
}

static struct fl_value *steps_of(const struct fl_task *task) {
  const struct fl_tracing *tracing = task->invocation->runtime->tracing;
  return tracing != NULL ? tracing->replayed : NULL;
}

/* The messages of the task's superstep that nobody has taken yet; NULL: there are none. */
static struct fl_value *messages_of(const struct fl_task *task) {
  char step[FL_DECIMAL_SIZE];
  if (!fl_frame_is_root(task->frame) || task->start.step < 0) return NULL;
  fl_decimal((uint64_t)task->start.step, step);
  return fl_get(steps_of(task), step);
}

/* Takes the first message of a role; a new reference. */
static struct fl_value *take_message(const struct fl_task *task, const char *role) {
  char step[FL_DECIMAL_SIZE];
  const struct fl_value *messages = messages_of(task);
  struct fl_value *taken = NULL, *rest = fl_array();
  for (size_t i = 0; i < fl_size(messages); i++) {
    struct fl_value *message = fl_at(messages, i);
    bool fits = taken == NULL && strcmp(fl_get_string(message, "role", ""), role) == 0;
    if (fits) taken = fl_value_ref(message);
    else fl_append_take(rest, fl_value_ref(message));
  }
  if (taken != NULL) {
    fl_decimal((uint64_t)task->start.step, step);
    fl_set_take(steps_of(task), step, rest);
  } else {
    fl_value_unref(rest);
  }
  return taken;
}

bool fl_replay_call(struct fl_task_call *call) {
  if (steps_of(call->task) == NULL) return false;
  struct fl_error err = {0};
  FL_VALUE_AUTO found = call->kind == FL_CALL_MODEL ? take_message(call->task, "assistant") : NULL;
  FL_VALUE_AUTO message = found != NULL ? fl_copy_shallow(found) : NULL;
  if (message != NULL) fl_unset(message, "id"); /* it gets its own again */
  if (message == NULL)
    fl_error_set(&err, FL_E_NOT_FOUND, "the history has no answer to this call of %s, and a replay asks nobody",
                 call->name);
  fl_call_ended(call, message, &err);
  return true;
}

int fl_replay_node(struct fl_task *task) {
  if (steps_of(task) == NULL || strcmp(task->node->type, "tools") != 0) return 0;
  const char *channel = fl_get_string(task->node->config, "channel", "messages");
  struct fl_value *message;
  size_t count = 0;
  while ((message = take_message(task, "tool")) != NULL) {
    struct fl_value *copy = fl_copy_shallow(message);
    fl_unset(copy, "id");
    fl_value_unref(message);
    int rc = fl_task_write_take(task, channel, copy);
    if (rc < 0) return rc;
    count++;
  }
  if (count > 0) return 1;
  return fl_task_fail(task, FL_E_NOT_FOUND,
                      "the history has no results for the tools of node %s, and a replay calls none", task->start.node);
}
