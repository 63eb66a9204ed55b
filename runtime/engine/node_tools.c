/* SPDX-License-Identifier: MIT */
/* The tools node: one task that answers all open tool calls of the model's last message. They run side by side; results
 * are written in the order of the calls. What goes wrong with a call goes back to the model as content that it can act
 * on: an unknown tool, arguments that do not fit the schema, a refusal, a time-out, a result that is too large, a
 * server that died. */
#include "runtime/base/diag.h"
#include "runtime/base/mem.h"
#include "runtime/engine/permit.h"
#include "runtime/engine/shown.h"
#include "runtime/engine/discovery.h"
#include "runtime/engine/node_kinds.h"
#include "runtime/engine/opening.h"
#include "runtime/engine/spill.h"

#include <stdio.h>

/* The tool calls of one message, on their way. */
struct round {
  struct fl_value *calls; /* of the message */
  struct fl_value **messages;
  size_t count, open_count;
  const char *channel;
};

static void round_free(void *data) {
  struct round *round = data;
  for (size_t i = 0; i < round->count; i++) fl_value_unref(round->messages[i]);
  fl_free(round->messages);
  fl_value_unref(round->calls);
  fl_free(round);
}

/* ---- results as messages ---- */

static struct fl_value *tool_message(const struct fl_value *call, struct fl_value *content, bool is_error) {
  struct fl_value *message = fl_object();
  fl_set_string(message, "role", "tool");
  fl_set_take(message, "content", content);
  fl_set_take(message, "tool_call_id", fl_value_ref(fl_get(call, "id")));
  fl_set_string(message, "name", fl_get_string(call, "name", ""));
  fl_set_string(message, "status", is_error ? "error" : "ok");
  return message;
}

/* What the model reads when a call came to nothing. */
static struct fl_value *error_content(const struct fl_error *err) {
  switch (err->code) {
  case FL_E_TIMEOUT:
    return fl_stringf("Error: the tool did not answer in time (%s). Try again with less work, or do without.",
                      err->text);
  case FL_E_LIMIT:
    return fl_stringf("Error: the result is too large (%s). Ask for less: a filter, a range or a page.", err->text);
  case FL_E_CLOSED:
    return fl_stringf("Error: the tool's server stopped during the call (%s). It is being restarted.", err->text);
  case FL_E_DENIED: return fl_stringf("Error: %s. Do not try it again.", err->text);
  default: return fl_stringf("Error: %s", err->text);
  }
}

/* ---- a round of calls ---- */

static int finish_round(struct fl_task *task, struct round *round) {
  for (size_t i = 0; i < round->count; i++) {
    int rc = fl_task_write_take(task, round->channel, fl_value_ref(round->messages[i]));
    if (rc < 0) return rc;
  }
  return FL_DONE;
}

/* A result that is the answer says so, so that the agent knows it also after a crash. */
static void mark_direct(const struct fl_task *task, struct fl_value *message, const char *model_name) {
  const struct fl_value *direct = fl_get(fl_task_def(task)->config, "return_direct");
  const struct fl_registry_tool *tool =
      direct != NULL ? fl_registry_find_model_name(task->invocation->runtime->registry, model_name) : NULL;
  for (size_t i = 0; tool != NULL && i < fl_size(direct); i++)
    if (fl_registry_matches(fl_as_string(fl_at(direct, i)), tool->full_name))
      fl_set_bool(message, "return_direct", true);
}

/* The index-th call has its answer; the last one ends the round. */
static void take_message(struct fl_task *task, size_t index, struct fl_value *content, bool is_error) {
  struct round *round = task->node_data;
  const struct fl_value *call = fl_at(round->calls, index);
  round->messages[index] = tool_message(call, content, is_error);
  if (!is_error) mark_direct(task, round->messages[index], fl_discovery_name(call));
  if (--round->open_count > 0) return;
  fl_task_complete(task, fl_task_is_cancelled(task) ? FL_E_CANCELLED : finish_round(task, round));
}

static void on_result(struct fl_task *task, struct fl_value *result, const struct fl_error *err, void *user) {
  size_t index = (size_t)(uintptr_t)user;
  if (result != NULL) fl_spill_show(task, index, result, take_message);
  else take_message(task, index, error_content(err), true);
}

enum { FL_NAMES_MAX = 200 };
struct names {
  const struct fl_task *task;
  const char *items[FL_NAMES_MAX];
  size_t count;
};

static bool add_name(const struct fl_registry_tool *tool, void *user) {
  struct names *names = user;
  if (fl_task_knows_tool(names->task, tool->full_name)) names->items[names->count++] = tool->model_name;
  return names->count < FL_NAMES_MAX;
}

static struct fl_value *unknown_tool(const struct fl_task *task, const char *name) {
  struct names names = {.task = task};
  fl_registry_visit(task->invocation->runtime->registry, add_name, &names);
  const char *nearest = fl_nearest(name, names.items, names.count);
  if (nearest != NULL) return fl_stringf("Error: there is no tool named \"%s\". Did you mean \"%s\"?", name, nearest);
  return fl_stringf("Error: there is no tool named \"%s\". Use only the tools that you were given.", name);
}

/* Begins one call; answers at once, without a call, when it cannot be made. `call` is what the model's call stands for;
 * the message answers the model's own. */
static int begin_known(struct fl_task *task, struct round *round, size_t index, const struct fl_value *call) {
  const struct fl_value *asked = fl_at(round->calls, index);
  struct fl_registry *registry = task->invocation->runtime->registry;
  const char *name = fl_get_string(call, "name", "");
  const struct fl_registry_tool *tool = fl_registry_find_model_name(registry, name);
  if (tool == NULL) {
    round->messages[index] = tool_message(asked, unknown_tool(task, name), true);
    return 0;
  }
  FL_VALUE_AUTO args = fl_get(call, "args") != NULL ? fl_value_ref(fl_get(call, "args")) : fl_object();
  FL_BUF_AUTO text = {0};
  bool is_known = fl_task_knows_tool(task, tool->full_name); /* otherwise the call is refused, whatever its arguments */
  if (is_known && fl_registry_check_args(tool, args, &text) != 0) {
    struct fl_value *content =
        fl_stringf("Error: the arguments do not fit the tool's schema: %s. Correct them and call again.",
                   text.size > 0 ? text.data : "they are too large or too deep to be checked");
    round->messages[index] = tool_message(asked, content, true);
    return 0;
  }
  round->open_count++;
  return fl_task_call_tool(task, tool->full_name, args, on_result, (void *)(uintptr_t)index);
}

static int begin_call(struct fl_task *task, struct round *round, size_t index) {
  const struct fl_value *asked = fl_at(round->calls, index);
  struct fl_value *content = NULL, *call = NULL;
  bool is_error = false;
  if (fl_spill_is_read(asked)) {
    round->open_count++;
    fl_spill_read(task, index, asked, take_message);
    return 0;
  }
  if (!fl_discovery_answer(task, asked, &content, &is_error, &call)) return begin_known(task, round, index, asked);
  if (content != NULL) {
    round->messages[index] = tool_message(asked, content, is_error);
    return 0;
  }
  int rc = begin_known(task, round, index, call);
  fl_value_unref(call);
  return rc;
}

static int begin_round(struct fl_task *task) {
  struct round *round = task->node_data;
  for (size_t i = 0; i < round->count; i++) {
    int rc = begin_call(task, round, i);
    if (rc < 0) return rc;
  }
  return round->open_count > 0 ? FL_PENDING : finish_round(task, round);
}

static void on_servers(int status, const struct fl_error *err, void *user) {
  struct fl_task *task = user;
  task->opening = NULL;
  int outcome = status < 0 ? fl_task_fail(task, status, "%s", err->text) : begin_round(task);
  if (outcome != FL_PENDING) fl_task_complete(task, outcome);
}

/* What any node of the graph names, and what the embedding program has granted to all. */
static struct fl_value *patterns_of_graph(const struct fl_frame *frame) {
  const struct fl_runtime *runtime = frame->invocation->runtime;
  struct fl_value *patterns = fl_opening_patterns(frame->definition);
  for (size_t i = 0; i < runtime->granted_count; i++) fl_append_take(patterns, fl_string(runtime->granted[i]));
  return patterns;
}

/* Whether a message from `from` on answers the call: somebody has answered in the tool's place. */
static bool has_answer(const struct fl_state *state, const char *channel, size_t from, const struct fl_value *call) {
  const struct fl_value *id = fl_get(call, "id");
  for (size_t i = from; id != NULL && i < fl_state_list_size(state, channel); i++)
    if (fl_equal(fl_get(fl_state_list_at(state, channel, i), "tool_call_id"), id)) return true;
  return false;
}

/* The calls of the model's last message that are open. A new reference. */
static struct fl_value *open_calls(const struct fl_state *state, const char *channel) {
  size_t size = fl_state_list_size(state, channel), at = size;
  struct fl_value *open = fl_array();
  while (at > 0 && strcmp(fl_get_string(fl_state_list_at(state, channel, at - 1), "role", ""), "assistant") != 0) at--;
  const struct fl_value *calls = at > 0 ? fl_get(fl_state_list_at(state, channel, at - 1), "tool_calls") : NULL;
  for (size_t i = 0; i < fl_size(calls); i++)
    if (!has_answer(state, channel, at, fl_at(calls, i))) fl_append_take(open, fl_value_ref(fl_at(calls, i)));
  return open;
}

int fl_node_tools(struct fl_task *task, void *user) {
  const char *channel = fl_get_string(fl_task_def(task)->config, "messages", "messages");
  FL_VALUE_AUTO calls = open_calls(fl_task_state(task), channel);
  if (fl_size(calls) == 0) return FL_DONE;
  struct round *round = fl_new(struct round);
  round->calls = fl_value_ref(calls);
  round->count = fl_size(calls);
  round->messages = fl_new_array(struct fl_value *, round->count);
  round->channel = channel;
  task->node_data = round;
  task->node_data_free = round_free;
  const struct fl_value *own = fl_task_tool_patterns(task);
  FL_VALUE_AUTO all = own == NULL ? patterns_of_graph(task->frame) : NULL;
  task->opening = fl_opening_start(task->invocation->runtime->registry, own != NULL ? own : all, on_servers, task);
  return FL_PENDING;
}
