/* SPDX-License-Identifier: MIT */
#include "runtime/engine/replay.h"

#include "runtime/base/mem.h"
#include "runtime/engine/tracing.h"
#include "runtime/json/json.h"

void fl_replay_set_take(struct fl_runtime *runtime, struct fl_value *steps) {
  struct fl_tracing *tracing = fl_tracing_of(runtime);
  fl_value_unref(tracing->replayed);
  tracing->replayed = steps;
}

static struct fl_value *steps_of(const struct fl_task *task) {
  const struct fl_tracing *tracing = task->invocation->runtime->tracing;
  return tracing != NULL ? tracing->replayed : NULL;
}

/* What is known of the task's superstep; NULL: nothing. */
static struct fl_value *step_of(const struct fl_task *task) {
  char step[FL_DECIMAL_SIZE];
  if (!fl_frame_is_root(task->frame) || task->start.step < 0) return NULL;
  fl_decimal((uint64_t)task->start.step, step);
  return fl_get(steps_of(task), step);
}

static bool is_of_type(const struct fl_task *task, const char *type) { return strcmp(task->node->type, type) == 0; }

/* ---- messages ---- */

/* Where the messages of a task came in: its superstep, or, in a graph inside, that of the node of the root graph which
 * runs it, when that was the only task of its superstep. Otherwise nobody knows whose they are. */
static struct fl_value *messages_step_of(const struct fl_task *task) {
  int64_t count = 0;
  if (fl_frame_is_root(task->frame)) return step_of(task);
  while (!fl_frame_is_root(task->frame)) task = task->frame->parent;
  struct fl_value *step = step_of(task);
  for (struct fl_member m = {0}; fl_next_member(fl_get(step, "nodes"), &m);) count += fl_as_int(m.value, 0);
  return count == 1 ? step : NULL;
}

/* Whether a tool's message answers a call of the message that stands last in the task's state. A superstep of a graph
 * inside is one of several that the messages are of. */
static bool is_for(const struct fl_task *task, const struct fl_value *message) {
  const char *channel = fl_get_string(task->node->config, "channel", "messages");
  const char *id = fl_get_string(message, "tool_call_id", "");
  const struct fl_value *known = fl_state_get(fl_task_state((struct fl_task *)task), channel);
  const struct fl_value *calls = fl_get(fl_at(known, fl_size(known) - 1), "tool_calls");
  for (size_t i = 0; i < fl_size(calls); i++)
    if (strcmp(fl_get_string(fl_at(calls, i), "id", ""), id) == 0) return true;
  return fl_frame_is_root(task->frame);
}

/* Takes the first message of a role; a new reference. */
static struct fl_value *take_message(const struct fl_task *task, const char *role) {
  struct fl_value *step = messages_step_of(task), *taken = NULL, *rest = fl_array();
  bool is_tool = strcmp(role, "tool") == 0;
  const struct fl_value *messages = fl_get(step, "messages");
  for (size_t i = 0; i < fl_size(messages); i++) {
    struct fl_value *message = fl_at(messages, i);
    bool fits =
        taken == NULL && strcmp(fl_get_string(message, "role", ""), role) == 0 && (!is_tool || is_for(task, message));
    if (fits) taken = fl_value_ref(message);
    else fl_append_take(rest, fl_value_ref(message));
  }
  if (taken != NULL) fl_set_take(step, "messages", rest);
  else fl_value_unref(rest);
  return taken;
}

/* ---- what a node wrote ---- */

/* How many tasks of the superstep wrote the channel by their `write` or `resume`. */
static int64_t writers_of(const struct fl_task *task, const char *channel) {
  int64_t count = 0;
  for (struct fl_member m = {0}; fl_next_member(fl_get(step_of(task), "nodes"), &m);) {
    ptrdiff_t index = fl_definition_node(task->frame->definition, m.key);
    const struct fl_value *config = index >= 0 ? task->frame->definition->nodes[index].config : NULL;
    bool writes = strcmp(fl_get_string(config, "write", ""), channel) == 0 ||
                  strcmp(fl_get_string(config, "resume", ""), channel) == 0;
    count += writes ? fl_as_int(m.value, 0) : 0;
  }
  return count;
}

/* Of a list: one element for each writer, in the order of the tasks, or all of it for the only one. */
static struct fl_value *take_from_list(const struct fl_task *task, const char *channel, const struct fl_value *before,
                                       const struct fl_value *after) {
  struct fl_value *step = step_of(task), *taken = fl_get(step, "taken");
  int64_t writers = writers_of(task, channel), at = fl_get_int(taken, channel, 0);
  size_t old = fl_size(before), added = fl_size(after) - old;
  if (fl_size(after) < old || writers == 0) return NULL;
  if ((size_t)writers == added && (size_t)at < added) {
    if (taken == NULL) fl_set_take(step, "taken", taken = fl_object());
    fl_set_int(taken, channel, at + 1);
    struct fl_value *element = fl_at(after, old + (size_t)at);
    if (!fl_is(element, FL_ARRAY)) return fl_value_ref(element);
    struct fl_value *wrapped = fl_array(); /* a list would be joined to the other */
    fl_append_take(wrapped, fl_value_ref(element));
    return wrapped;
  }
  if (writers != 1) return NULL;
  struct fl_value *all = fl_array();
  for (size_t i = old; i < old + added; i++) fl_append_take(all, fl_value_ref(fl_at(after, i)));
  return all;
}

static struct fl_value *take_from_sum(const struct fl_value *before, const struct fl_value *after) {
  size_t old = fl_string_size(before);
  if (before == NULL) return fl_value_ref((struct fl_value *)after);
  if (fl_is(before, FL_INT) && fl_is(after, FL_INT)) return fl_int(fl_as_int(after, 0) - fl_as_int(before, 0));
  if (fl_is_number(before) && fl_is_number(after)) return fl_double(fl_as_double(after, 0) - fl_as_double(before, 0));
  if (fl_is(before, FL_STRING) && fl_is(after, FL_STRING) && fl_string_size(after) >= old)
    return fl_string_n(fl_as_string(after) + old, fl_string_size(after) - old);
  return NULL;
}

/* What folds into the channel as what the node wrote did; a new reference. NULL: nobody can say. */
static struct fl_value *take_written(const struct fl_task *task, const char *channel) {
  const struct fl_value *step = step_of(task), *after = fl_get(fl_get(step, "after"), channel);
  const struct fl_value *before = fl_get(fl_get(step, "before"), channel);
  ptrdiff_t index = fl_definition_channel(task->frame->definition, channel);
  if (after == NULL || index < 0) return NULL;
  const struct fl_channel_def *def = &task->frame->definition->channels[index];
  switch (def->reducer) {
  case FL_APPEND: return take_from_list(task, channel, before, after);
  case FL_TOPIC: return take_from_list(task, channel, def->accumulates ? before : NULL, after);
  case FL_SUM: return writers_of(task, channel) == 1 ? take_from_sum(before, after) : NULL;
  case FL_MESSAGES:
  case FL_CUSTOM:
  case FL_UNTRACKED: return NULL;
  default: return fl_value_ref((struct fl_value *)after); /* what it came to, folded in again, comes to the same */
  }
}

/* ---- calls ---- */

static const char *written_channel(const struct fl_task *task) {
  const char *key = is_of_type(task, "interrupt") ? "resume" : "write";
  return fl_get_string(task->node->config, key, NULL);
}

static struct fl_value *answer_of_judge(const struct fl_task *task) {
  FL_VALUE_AUTO verdict = take_written(task, fl_get_string(task->node->config, "write", ""));
  if (verdict == NULL) return NULL;
  char *text = fl_dump(verdict, NULL);
  struct fl_value *message = fl_object();
  fl_set_string(message, "role", "assistant");
  fl_set_string(message, "content", text);
  fl_text_free(text);
  return message;
}

static struct fl_value *answer_of_model(const struct fl_task *task) {
  if (is_of_type(task, "judge")) return answer_of_judge(task);
  FL_VALUE_AUTO found = take_message(task, "assistant");
  if (found == NULL) return NULL;
  struct fl_value *message = fl_copy_shallow(found);
  fl_unset(message, "id"); /* it gets its own again */
  return message;
}

/* What the node does not write it has only accepted. */
static struct fl_value *answer_of_tool(const struct fl_task *task) {
  const char *channel = written_channel(task);
  bool is_http = is_of_type(task, "http");
  if (step_of(task) == NULL || !(is_http || is_of_type(task, "tool"))) return NULL;
  struct fl_value *value = channel != NULL ? take_written(task, channel) : fl_object();
  if (value == NULL) return NULL;
  if (channel == NULL && is_http)
    fl_set_int(value, "status", fl_as_int(fl_at(fl_get(task->node->config, "accept"), 0), 200));
  struct fl_value *result = fl_object();
  fl_set_take(result, "structuredContent", value);
  return result;
}

/* Whether the arguments are those of then, as far as that is known. Takes the call's place among those of the node. */
static bool has_same_arguments(const struct fl_task_call *call) {
  enum { HASH_SHOWN = 8 };
  uint8_t hash[FL_HASH_SIZE];
  char hex[2 * HASH_SHOWN + 1];
  struct fl_value *calls = fl_get(step_of(call->task), "calls"), *rest = fl_array();
  FL_VALUE_AUTO known = fl_value_ref(fl_get(calls, call->task->start.node));
  for (size_t i = 1; i < fl_size(known); i++) fl_append_take(rest, fl_value_ref(fl_at(known, i)));
  if (fl_size(known) > 0) fl_set_take(calls, call->task->start.node, rest);
  else fl_value_unref(rest);
  fl_json_hash(call->args, hash);
  fl_hex(hash, HASH_SHOWN, hex);
  const char *then = fl_as_string(fl_at(known, 0));
  return then == NULL || strcmp(then, hex) == 0;
}

bool fl_replay_is_on(const struct fl_runtime *runtime) {
  return runtime->tracing != NULL && runtime->tracing->replayed != NULL;
}

bool fl_replay_approves(const struct fl_task_call *call) {
  return call->task->invocation->runtime->tracing != NULL && step_of(call->task) != NULL;
}

bool fl_replay_call(struct fl_task_call *call) {
  struct fl_task *task = call->task;
  if (steps_of(task) == NULL) return false;
  struct fl_error err = {0};
  bool is_tool = call->kind == FL_CALL_TOOL, is_same = !is_tool || has_same_arguments(call);
  FL_VALUE_AUTO answer = !is_same                      ? NULL
                         : is_tool                     ? answer_of_tool(task)
                         : call->kind == FL_CALL_MODEL ? answer_of_model(task)
                                                       : NULL;
  if (!is_same) {
    FL_FREE_AUTO char *args = fl_dump(call->args, NULL);
    fl_error_set(&err, FL_E_CONFLICT, "%s is called with other arguments than then: %.200s", call->name, args);
  } else if (answer == NULL) {
    fl_error_set(&err, FL_E_NOT_FOUND, "the history has no answer to this call of %s, and a replay asks nobody",
                 call->name);
  }
  fl_call_ended(call, answer, &err);
  return true;
}

/* ---- nodes ---- */

static int write_messages(struct fl_task *task) {
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

/* An answer of a person, or what the memory said: neither is there any more. */
static int write_outcome(struct fl_task *task) {
  const char *channel = written_channel(task);
  if (channel == NULL) return 1;
  struct fl_value *value = take_written(task, channel);
  if (value == NULL)
    return fl_task_fail(task, FL_E_NOT_FOUND, "the history does not tell what node %s wrote to %s", task->start.node,
                        channel);
  int rc = fl_task_write_take(task, channel, value);
  return rc < 0 ? rc : 1;
}

int fl_replay_node(struct fl_task *task) {
  if (steps_of(task) == NULL) return 0;
  if (is_of_type(task, "tools")) return write_messages(task);
  bool is_outside = is_of_type(task, "interrupt") || is_of_type(task, "memory");
  return is_outside && step_of(task) != NULL ? write_outcome(task) : 0;
}
