/* SPDX-License-Identifier: MIT */
#include "runtime/model/answer.h"

#include "runtime/base/buf.h"
#include "runtime/base/mem.h"
#include "runtime/json/json.h"

static struct fl_value *text_value(fl_slice text) { return fl_string_n(text.size > 0 ? text.data : "", text.size); }

void fl_answer_init(struct fl_answer *answer) {
  *answer = (struct fl_answer){
      .parts = fl_array(), .calls = fl_array(), .invalid_calls = fl_array(), .usage = FL_USAGE_UNKNOWN};
}

void fl_answer_deinit(struct fl_answer *answer) {
  fl_value_unref(answer->parts);
  fl_value_unref(answer->calls);
  fl_value_unref(answer->invalid_calls);
  fl_free(answer->model);
  *answer = (struct fl_answer){0};
}

void fl_answer_set_model(struct fl_answer *answer, const char *model) {
  if (answer->model == NULL && model != NULL && model[0] != '\0') answer->model = fl_strdup(model);
}

void fl_answer_add_text(struct fl_answer *answer, fl_slice text) {
  if (text.size == 0) return;
  struct fl_value *part = fl_object();
  fl_set_string(part, "type", "text");
  fl_set_take(part, "text", text_value(text));
  fl_append_take(answer->parts, part);
}

void fl_answer_add_reasoning_take(struct fl_answer *answer, fl_slice text, struct fl_value *extra) {
  struct fl_value *part = fl_object();
  fl_set_string(part, "type", "reasoning");
  fl_set_take(part, "text", text_value(text));
  struct fl_member member = {0};
  while (fl_next_member(extra, &member)) fl_set_take(part, member.key, fl_value_ref(member.value));
  fl_value_unref(extra);
  fl_append_take(answer->parts, part);
}

void fl_answer_add_provider_take(struct fl_answer *answer, const char *provider, struct fl_value *value) {
  struct fl_value *part = fl_object();
  fl_set_string(part, "type", "provider");
  fl_set_string(part, "provider", provider);
  fl_set_take(part, "value", value);
  fl_append_take(answer->parts, part);
}

static bool has_id(const struct fl_value *calls, const char *id) {
  for (size_t i = 0; i < fl_size(calls); i++)
    if (strcmp(fl_get_string(fl_at(calls, i), "id", ""), id) == 0) return true;
  return false;
}

/* Results are matched to calls by id, so two calls of a message must not share one. */
static char *unique_id(const struct fl_answer *answer, const char *wanted) {
  size_t index = fl_size(answer->calls) + fl_size(answer->invalid_calls);
  char *id = wanted != NULL && wanted[0] != '\0' ? fl_strdup(wanted) : fl_format("call_%zu", index);
  for (unsigned n = 2; has_id(answer->calls, id) || has_id(answer->invalid_calls, id); n++) {
    fl_free(id);
    id = fl_format("%s_%u", wanted != NULL && wanted[0] != '\0' ? wanted : "call", n);
  }
  return id;
}

static bool is_blank(fl_slice text) {
  for (size_t i = 0; i < text.size; i++)
    if (text.data[i] != ' ' && text.data[i] != '\t' && text.data[i] != '\n' && text.data[i] != '\r') return false;
  return true;
}

static int read_args(fl_slice text, struct fl_value **ret_args, struct fl_error *err) {
  if (is_blank(text)) {
    *ret_args = fl_object();
    return 0;
  }
  FL_VALUE_AUTO args = NULL;
  int rc = fl_json_read(text, FL_JSON_STRICT, &args, err);
  if (rc < 0) return fl_error_context(err, "the arguments are not JSON");
  if (!fl_is(args, FL_OBJECT))
    return fl_error_set(err, FL_E_INVALID, "the arguments are a JSON %s; they must be an object",
                        fl_type_name(fl_type_of(args)));
  *ret_args = fl_value_ref(args);
  return 0;
}

static void add_invalid(struct fl_answer *answer, const char *id, const char *name, fl_slice text, const char *error) {
  struct fl_value *call = fl_object();
  fl_set_string(call, "id", id);
  fl_set_string(call, "name", name);
  fl_set_take(call, "text", text_value(text));
  fl_set_string(call, "error", error);
  fl_append_take(answer->invalid_calls, call);
}

void fl_answer_add_call(struct fl_answer *answer, const struct fl_answer_call *from) {
  FL_FREE_AUTO char *id = unique_id(answer, from->id);
  FL_VALUE_AUTO args = NULL;
  struct fl_error err = {0};
  const char *name = from->name != NULL ? from->name : "";
  int rc = name[0] == '\0' ? fl_error_set(&err, FL_E_INVALID, "the call does not name a tool")
                           : read_args(from->args, &args, &err);
  if (rc < 0) {
    add_invalid(answer, id, name, from->args, err.text);
    return;
  }
  struct fl_value *call = fl_object();
  fl_set_string(call, "id", id);
  fl_set_string(call, "name", name);
  fl_set_take(call, "args", fl_value_ref(args));
  struct fl_member member = {0};
  while (fl_next_member(from->extra, &member)) fl_set_take(call, member.key, fl_value_ref(member.value));
  fl_append_take(answer->calls, call);
}

/* Invariant 2. */
static void invalidate_calls(struct fl_answer *answer, const char *error) {
  for (size_t i = 0; i < fl_size(answer->calls); i++) {
    const struct fl_value *call = fl_at(answer->calls, i);
    char *text = fl_dump(fl_get(call, "args"), NULL);
    add_invalid(answer, fl_get_string(call, "id", ""), fl_get_string(call, "name", ""), fl_slice_of(text), error);
    fl_text_free(text);
  }
  fl_value_unref(answer->calls);
  answer->calls = fl_array();
}

static void settle_stop_reason(struct fl_answer *answer) {
  bool has_calls = fl_size(answer->calls) > 0 || fl_size(answer->invalid_calls) > 0;
  const char *reason = answer->stop_reason != NULL ? answer->stop_reason : "stop";
  if (has_calls && strcmp(reason, "stop") == 0) reason = "tool_calls";
  if (!has_calls && strcmp(reason, "tool_calls") == 0) reason = "stop";
  answer->stop_reason = reason;
  if (strcmp(reason, "length") == 0) invalidate_calls(answer, "the answer was cut off at its token limit");
  if (strcmp(reason, "refusal") == 0) invalidate_calls(answer, "the model refused to answer");
}

/* A text when there is nothing but text, otherwise the parts. */
static struct fl_value *content_of(const struct fl_value *parts) {
  FL_BUF_AUTO text = {0};
  for (size_t i = 0; i < fl_size(parts); i++) {
    const struct fl_value *part = fl_at(parts, i);
    const struct fl_value *piece = fl_get(part, "text");
    bool is_plain = strcmp(fl_get_string(part, "type", ""), "text") == 0 && fl_size(part) == 2;
    if (!is_plain || fl_buf_add(&text, fl_as_string(piece), fl_string_size(piece)) < 0)
      return fl_value_ref((struct fl_value *)parts);
  }
  return text_value(fl_buf_slice(&text));
}

static void set_count(struct fl_value *usage, const char *key, int64_t count) {
  if (count >= 0) fl_set_int(usage, key, count);
}

static struct fl_value *usage_value(const struct fl_usage *usage) {
  struct fl_value *value = fl_object();
  fl_set_int(value, "input_tokens", usage->input_tokens > 0 ? usage->input_tokens : 0);
  fl_set_int(value, "output_tokens", usage->output_tokens > 0 ? usage->output_tokens : 0);
  set_count(value, "cached_tokens", usage->cached_tokens);
  set_count(value, "cache_write_tokens", usage->cache_write_tokens);
  set_count(value, "reasoning_tokens", usage->reasoning_tokens);
  return value;
}

struct fl_value *fl_answer_finish(struct fl_answer *answer, const char *model) {
  settle_stop_reason(answer);
  struct fl_value *message = fl_object();
  fl_set_string(message, "role", "assistant");
  fl_set_take(message, "content", content_of(answer->parts));
  fl_set_take(message, "tool_calls", fl_value_ref(answer->calls));
  if (fl_size(answer->invalid_calls) > 0)
    fl_set_take(message, "invalid_tool_calls", fl_value_ref(answer->invalid_calls));
  fl_set_string(message, "stop_reason", answer->stop_reason);
  if (answer->usage.input_tokens >= 0 || answer->usage.output_tokens >= 0)
    fl_set_take(message, "usage", usage_value(&answer->usage));
  if (answer->model != NULL || model != NULL)
    fl_set_string(message, "model", answer->model != NULL ? answer->model : model);
  fl_answer_deinit(answer);
  return message;
}
