/* SPDX-License-Identifier: MIT */
/* Happy path: the model's reply is JSON that satisfies the schema. Failure modes: it is not, and goes back with what is
 * wrong until the attempts are used up; the call fails, which is the end of it. */
#include "runtime/engine/ask.h"

#include "runtime/base/mem.h"
#include "runtime/json/schema.h"

struct fl_ask {
  struct fl_schema *schema;
  struct fl_value *schema_value, *messages, *tools;
  char *model, *system, *channel;
  int attempts_left;
  fl_ask_done_fn *on_done;
};

enum { ATTEMPTS_DEFAULT = 2 };

/* ---- what a reply says ---- */

char *fl_reply_text(const struct fl_value *message) {
  const struct fl_value *content = fl_get(message, "content");
  struct fl_buf text = {0};
  if (fl_as_string(content) != NULL) fl_buf_add(&text, fl_as_string(content), fl_string_size(content));
  for (size_t i = 0; fl_is(content, FL_ARRAY) && i < fl_size(content); i++) {
    const struct fl_value *part = fl_at(content, i);
    if (strcmp(fl_get_string(part, "type", ""), "text") == 0) fl_buf_add_text(&text, fl_get_string(part, "text", ""));
  }
  return fl_buf_take(&text, NULL);
}

/* What stands between the first ``` and the last, when the text begins and ends so; models like to wrap JSON in it. */
static fl_slice unwrap(const char *text) {
  fl_slice all = fl_slice_of(text);
  while (all.size > 0 && strchr(" \t\r\n", all.data[all.size - 1]) != NULL) all.size--;
  while (all.size > 0 && strchr(" \t\r\n", all.data[0]) != NULL) all = fl_slice_n(all.data + 1, all.size - 1);
  if (all.size < 6 || memcmp(all.data, "```", 3) != 0 || memcmp(all.data + all.size - 3, "```", 3) != 0) return all;
  const char *line_end = memchr(all.data, '\n', all.size);
  if (line_end == NULL) return all;
  return fl_slice_n(line_end + 1, (size_t)(all.data + all.size - 3 - (line_end + 1)));
}

int fl_reply_json(const struct fl_value *message, struct fl_value **ret_value, struct fl_error *err) {
  FL_FREE_AUTO char *text = fl_reply_text(message);
  fl_slice json = unwrap(text);
  if (json.size == 0) return fl_error_set(err, FL_E_SYNTAX, "the answer is empty");
  struct fl_error why = {0};
  if (fl_parse(json.data, json.size, ret_value, &why) == 0) return 0;
  return fl_error_set(err, FL_E_SYNTAX, "the answer is not JSON: %s", why.text);
}

static int read_answer(const struct fl_ask *ask, const struct fl_value *message, struct fl_value **ret_answer,
                       struct fl_error *err) {
  FL_VALUE_AUTO value = NULL;
  int rc = fl_reply_json(message, &value, err);
  if (rc < 0) return rc;
  struct fl_schema_result result = {0};
  int verdict = fl_schema_validate(ask->schema, value, &result);
  if (verdict != 0) {
    FL_BUF_AUTO text = {0};
    fl_schema_result_text(&result, &text);
    rc = fl_error_set(err, FL_E_INVALID, "the answer does not satisfy the schema: %s",
                      text.size > 0 ? text.data : "it is too large to be checked");
  }
  fl_schema_result_deinit(&result);
  if (rc == 0) *ret_answer = fl_value_ref(value);
  return rc;
}

/* ---- the calls ---- */

static void on_message(struct fl_task *task, struct fl_value *message, const struct fl_error *err, void *user);

static int send(struct fl_task *task, struct fl_ask *ask) {
  FL_VALUE_AUTO request = fl_object();
  if (ask->system != NULL) fl_set_string(request, "system", ask->system);
  if (ask->channel != NULL) fl_set_string(request, "channel", ask->channel);
  else fl_set_take(request, "messages", fl_value_ref(ask->messages));
  if (ask->tools != NULL) fl_set_take(request, "tools", fl_value_ref(ask->tools));
  ask->attempts_left--;
  return fl_task_call_model(task, ask->model, request, on_message, ask);
}

/* From here on the messages are the call's own: the reply and what is wrong with it do not go to the channel. */
static void add_complaint(struct fl_task *task, struct fl_ask *ask, struct fl_value *message,
                          const struct fl_error *err) {
  const struct fl_value *said = ask->channel != NULL ? fl_state_get(fl_task_state(task), ask->channel) : ask->messages;
  struct fl_value *messages = said != NULL ? fl_copy_shallow(said) : fl_array();
  struct fl_value *complaint = fl_object();
  char *schema = fl_dump(ask->schema_value, NULL);
  fl_set_string(complaint, "role", "user");
  fl_set_take(complaint, "content",
              fl_stringf("This cannot be used: %s. Answer again, with JSON only, no other text, that satisfies this "
                         "JSON Schema: %s",
                         err->text, schema));
  fl_text_free(schema);
  fl_append_take(messages, fl_value_ref(message));
  fl_append_take(messages, complaint);
  fl_value_unref(ask->messages);
  ask->messages = messages;
  fl_free(ask->channel);
  ask->channel = NULL;
}

static void on_message(struct fl_task *task, struct fl_value *message, const struct fl_error *err, void *user) {
  struct fl_ask *ask = user;
  FL_VALUE_AUTO answer = NULL;
  struct fl_error wrong = {0};
  int status = message == NULL ? fl_task_fail(task, err->code, "%s", err->text) : 0;
  bool asks_for_tools = fl_size(fl_get(message, "tool_calls")) > 0;
  if (status == 0 && ask->schema != NULL && !asks_for_tools && read_answer(ask, message, &answer, &wrong) < 0) {
    if (ask->attempts_left > 0) {
      add_complaint(task, ask, message, &wrong);
      status = send(task, ask);
      if (status == 0) return;
    } else {
      status = fl_task_fail(task, FL_E_INVALID, "the model's answer cannot be used: %s", wrong.text);
    }
  }
  ask->on_done(task, status, message, answer);
}

/* ---- its life ---- */

int fl_ask_start(struct fl_task *task, struct fl_ask **place, const struct fl_ask_options *options) {
  struct fl_ask *ask = fl_new(struct fl_ask);
  fl_ask_destroy(*place);
  *place = ask;
  ask->model = fl_strdup(options->model);
  ask->system = fl_strdup(options->system);
  ask->channel = fl_strdup(options->channel);
  ask->messages = fl_value_ref(options->messages);
  ask->tools = fl_value_ref((struct fl_value *)options->tools);
  ask->attempts_left = options->attempts > 0 ? options->attempts : ATTEMPTS_DEFAULT;
  ask->on_done = options->on_done;
  struct fl_error err = {0};
  if (options->schema != NULL) {
    ask->schema_value = fl_value_ref((struct fl_value *)options->schema);
    int rc = fl_schema_create(ask->schema_value, NULL, &ask->schema, &err);
    if (rc < 0) return fl_task_fail(task, rc, "the schema of the answer: %s", err.text);
  }
  return send(task, ask);
}

void fl_ask_destroy(struct fl_ask *ask) {
  if (ask == NULL) return;
  fl_schema_destroy(ask->schema);
  fl_value_unref(ask->schema_value);
  fl_value_unref(ask->messages);
  fl_value_unref(ask->tools);
  fl_free(ask->model);
  fl_free(ask->system);
  fl_free(ask->channel);
  fl_free(ask);
}
