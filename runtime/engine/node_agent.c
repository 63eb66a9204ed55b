/* SPDX-License-Identifier: MIT */
/* The agent: one answer of a model to the messages so far. With the `tools` node and the edges between them this is the
 * ReAct loop: the model answers, or asks for tools; their results go back to it; until it answers.
 *
 * Happy path: what the model gets is chosen (the channel, what `sees` says, or what the history's budget leaves, with a
 * summary of the rest if so wanted); it is asked; its message is written, and its answer as data where a schema asks
 * for one. Failure modes: an expression fails; the model does, or its answer never satisfies the schema. */
#include "graph/channel.h"
#include "runtime/base/mem.h"
#include "runtime/engine/ask.h"
#include "runtime/engine/history.h"
#include "runtime/engine/node_kinds.h"

enum { KEEP_SUMMARIZED = 20 };

static const char summary_prompt[] =
    "You condense conversations. The user gives you the beginning of a conversation between a user and an assistant "
    "who goes on with it and will see your summary in its place. Keep names, numbers, decisions, what was asked and "
    "is still open, and what tools answered that may matter. Reply with the summary only.";
static const char summary_head[] = "Here is a summary of the conversation to date:\n\n";

struct agent {
  char *system;
  struct fl_ask *ask;
  size_t kept_from; /* while the messages before are summarized */
};

static void agent_free(void *data) {
  struct agent *agent = data;
  fl_ask_destroy(agent->ask);
  fl_free(agent->system);
  fl_free(agent);
}

static const char *channel_of(const struct fl_task *task) {
  return fl_get_string(fl_task_def(task)->config, "messages", "messages");
}

static struct fl_list *messages_of(const struct fl_task *task) {
  return fl_state_var(fl_task_state(task), channel_of(task)).list;
}

/* ---- what it is told ---- */

static int read_prompt(struct fl_task *task, struct fl_buf *system) {
  const struct fl_value *prompt = fl_get(fl_task_def(task)->config, "prompt");
  if (!fl_is(prompt, FL_OBJECT)) {
    fl_buf_add_text(system, fl_as_string(prompt) != NULL ? fl_as_string(prompt) : "");
    return 0;
  }
  FL_VALUE_AUTO text = NULL;
  int rc = fl_task_eval(task, "/prompt/expr", &text);
  if (rc < 0) return rc;
  if (!fl_is(text, FL_STRING))
    return fl_task_fail(task, FL_E_INVALID, "/prompt/expr: a prompt is a text, not of type %s",
                        fl_type_name(fl_type_of(text)));
  fl_buf_add_text(system, fl_as_string(text));
  return 0;
}

static int make_system(struct fl_task *task, char **ret_system) {
  FL_BUF_AUTO system = {0};
  int rc = read_prompt(task, &system);
  if (rc < 0) return rc;
  const struct fl_value *schema = fl_get(fl_get(fl_task_def(task)->config, "answer"), "schema");
  if (schema != NULL) {
    char *text = fl_dump(schema, NULL);
    fl_buf_addf(&system, "%sGive your final answer as JSON only, no other text, that satisfies this JSON Schema: %s",
                system.size > 0 ? "\n\n" : "", text);
    fl_text_free(text);
  }
  *ret_system = system.size > 0 ? fl_strndup(system.data, system.size) : NULL;
  return 0;
}

/* ---- its answer ---- */

static int write_answer(struct fl_task *task, struct fl_value *message, struct fl_value *answer) {
  const char *channel = fl_get_string(fl_get(fl_task_def(task)->config, "answer"), "write", NULL);
  int rc = fl_task_write_take(task, channel_of(task), fl_value_ref(message));
  if (rc == 0 && answer != NULL && channel != NULL) rc = fl_task_write_take(task, channel, fl_value_ref(answer));
  return rc < 0 ? rc : FL_DONE;
}

/* As LangGraph's agent does it: a call whose tools could not run any more would end the run in an error, and leave a
 * call without a result in the conversation. */
static struct fl_value *out_of_steps(const struct fl_value *reply) {
  struct fl_value *message = fl_object();
  fl_set_string(message, "role", "assistant");
  fl_set_string(message, "content", "Sorry, need more steps to process this request.");
  fl_set_take(message, "tool_calls", fl_array());
  if (fl_get(reply, "id") != NULL) fl_set_take(message, "id", fl_value_ref(fl_get(reply, "id")));
  return message;
}

static void on_answer(struct fl_task *task, int status, struct fl_value *message, struct fl_value *answer) {
  bool is_last = fl_get_bool(fl_task_def(task)->config, "loops", false) && task->start.remaining_steps < 2;
  FL_VALUE_AUTO sorry =
      status == 0 && is_last && fl_size(fl_get(message, "tool_calls")) > 0 ? out_of_steps(message) : NULL;
  if (sorry != NULL) message = sorry;
  fl_task_complete(task, status < 0 ? status : write_answer(task, message, answer));
}

/* `messages` NULL: all that the channel holds. */
static int ask(struct fl_task *task, struct fl_value *messages) {
  struct agent *agent = task->node_data;
  const struct fl_value *config = fl_task_def(task)->config, *answer = fl_get(config, "answer");
  const struct fl_ask_options options = {.model = fl_get_string(config, "model", NULL),
                                         .system = agent->system,
                                         .channel = messages == NULL ? channel_of(task) : NULL,
                                         .messages = messages,
                                         .tools = fl_get(config, "tools"),
                                         .schema = fl_get(answer, "schema"),
                                         .attempts = (int)fl_get_int(answer, "attempts", 0),
                                         .on_done = on_answer};
  int rc = fl_ask_start(task, &agent->ask, &options);
  return rc < 0 ? rc : FL_PENDING;
}

/* ---- what it sees ---- */

static int ask_about_seen(struct fl_task *task) {
  FL_VALUE_AUTO seen = NULL;
  FL_VALUE_AUTO messages = NULL;
  int rc = fl_task_eval(task, "/sees", &seen);
  if (rc < 0) return rc;
  size_t index = 0;
  struct fl_error err = {0};
  rc = fl_messages_normalise(seen, fl_task_id(task), &index, &messages, &err);
  if (rc < 0) return fl_task_fail(task, rc, "/sees: %s", err.text);
  return ask(task, messages);
}

static void add_range(struct fl_value *messages, const struct fl_list *list, size_t from, size_t to) {
  for (size_t i = from; i < to; i++) fl_append_take(messages, fl_value_ref(fl_list_at(list, i)));
}

/* The system messages at the front, then the summary if there is one, then what is kept. */
static struct fl_value *kept_messages(const struct fl_list *list, size_t from, struct fl_value *summary) {
  struct fl_value *messages = fl_array();
  add_range(messages, list, 0, fl_history_head(list));
  if (summary != NULL) fl_append_take(messages, fl_value_ref(summary));
  add_range(messages, list, from, fl_list_size(list));
  return messages;
}

/* ---- a summary in the place of the oldest ---- */

static int write_history(struct fl_task *task, const struct fl_value *messages) {
  struct fl_value *all = fl_object();
  fl_set_string(all, "role", "remove");
  fl_set_string(all, "id", "__remove_all__");
  int rc = fl_task_write_take(task, channel_of(task), all);
  for (size_t i = 0; rc == 0 && i < fl_size(messages); i++)
    rc = fl_task_write_take(task, channel_of(task), fl_value_ref(fl_at(messages, i)));
  return rc;
}

static void on_summary(struct fl_task *task, int status, struct fl_value *message, struct fl_value *answer) {
  struct agent *agent = task->node_data;
  if (status == 0) {
    FL_FREE_AUTO char *text = fl_reply_text(message);
    FL_VALUE_AUTO summary = fl_object();
    fl_set_string(summary, "role", "user");
    fl_set_take(summary, "content", fl_stringf("%s%s", summary_head, text));
    FL_VALUE_AUTO messages = kept_messages(messages_of(task), agent->kept_from, summary);
    status = write_history(task, messages);
    if (status == 0) status = ask(task, messages);
  }
  if (status != FL_PENDING) fl_task_complete(task, status);
}

static int summarize(struct fl_task *task, const struct fl_value *history) {
  struct agent *agent = task->node_data;
  const struct fl_list *list = messages_of(task);
  FL_BUF_AUTO text = {0};
  fl_history_transcript(list, fl_history_head(list), agent->kept_from, &text);
  FL_VALUE_AUTO messages = fl_array();
  struct fl_value *message = fl_object();
  fl_set_string(message, "role", "user");
  fl_set_take(message, "content", fl_string_n(text.data != NULL ? text.data : "", text.size));
  fl_append_take(messages, message);
  const char *own = fl_get_string(fl_task_def(task)->config, "model", NULL);
  const struct fl_ask_options options = {.model = fl_get_string(history, "model", own),
                                         .system = fl_get_string(history, "prompt", summary_prompt),
                                         .messages = messages,
                                         .on_done = on_summary};
  int rc = fl_ask_start(task, &agent->ask, &options);
  return rc < 0 ? rc : FL_PENDING;
}

static int ask_within_budget(struct fl_task *task, const struct fl_value *history) {
  struct agent *agent = task->node_data;
  const struct fl_list *list = messages_of(task);
  if (list == NULL) return ask(task, NULL);
  bool summarizes = strcmp(fl_get_string(history, "strategy", "trim"), "summarize") == 0;
  size_t tokens_max = (size_t)fl_get_int(history, "max_tokens", 0);
  size_t keep_last = (size_t)fl_get_int(history, "keep_last", summarizes ? KEEP_SUMMARIZED : 1);
  agent->kept_from =
      summarizes ? fl_history_split(list, tokens_max, keep_last) : fl_history_trim(list, tokens_max, keep_last);
  if (agent->kept_from == fl_history_head(list)) return ask(task, NULL);
  if (summarizes) return summarize(task, history);
  FL_VALUE_AUTO messages = kept_messages(list, agent->kept_from, NULL);
  return ask(task, messages);
}

/* ---- its beginning ---- */

/* The results since the last reply hold one that is the answer. */
static bool is_answered_by_tool(const struct fl_task *task) {
  const struct fl_state *state = fl_task_state(task);
  const char *channel = channel_of(task);
  for (size_t i = fl_state_list_size(state, channel); i > 0; i--) {
    const struct fl_value *message = fl_state_list_at(state, channel, i - 1);
    if (strcmp(fl_get_string(message, "role", ""), "tool") != 0) return false;
    if (fl_get_bool(message, "return_direct", false)) return true;
  }
  return false;
}

int fl_node_agent(struct fl_task *task, void *user) {
  const struct fl_value *config = fl_task_def(task)->config, *history = fl_get(config, "history");
  if (fl_get(config, "return_direct") != NULL && is_answered_by_tool(task)) return FL_DONE;
  struct agent *agent = fl_new(struct agent);
  task->node_data = agent;
  task->node_data_free = agent_free;
  int rc = make_system(task, &agent->system);
  if (rc < 0) return rc;
  if (fl_get(config, "sees") != NULL) return ask_about_seen(task);
  return history != NULL ? ask_within_budget(task, history) : ask(task, NULL);
}
