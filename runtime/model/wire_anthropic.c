/* SPDX-License-Identifier: MIT */
/* Requests in the format of Anthropic's messages interface, POST {base}/v1/messages. Pure.
 *
 * Invariants. (1) The roles alternate: messages of one role in a row become one, and the results of tools stand in
 * front of what the user says next. (2) Reasoning goes back only with its signature, provider parts of ours go back as
 * they came, those of others are left out. (3) Empty texts are left out: the interface refuses them. */
#include "runtime/model/wire_anthropic.h"

#include "runtime/base/mem.h"
#include "runtime/json/json.h"
#include "runtime/model/lower.h"
#include "runtime/model/remote.h"
#include "runtime/model/request.h"

enum { DEFAULT_MAX_TOKENS = 8192 };
static const char default_base_url[] = "https://api.anthropic.com";

static struct fl_value *new_block(const char *type) {
  struct fl_value *block = fl_object();
  fl_set_string(block, "type", type);
  return block;
}

static void add_text(struct fl_value *blocks, const struct fl_value *part) {
  struct fl_value *text = fl_get(part, "text");
  if (fl_string_size(text) == 0) return;
  struct fl_value *block = new_block("text");
  fl_set_take(block, "text", fl_value_ref(text));
  if (strcmp(fl_get_string(part, "provider", ""), FL_ANTHROPIC_PROVIDER) == 0)
    fl_request_copy(block, "citations", part, "citations");
  fl_append_take(blocks, block);
}

static void add_image(struct fl_value *blocks, const struct fl_value *part) {
  struct fl_value *block = new_block("image");
  struct fl_value *source = new_block(fl_get(part, "url") != NULL ? "url" : "base64");
  fl_request_copy(source, "url", part, "url");
  if (fl_get(part, "url") == NULL) {
    fl_set_string(source, "media_type", fl_get_string(part, "mime_type", "image/png"));
    fl_request_copy(source, "data", part, "data");
  }
  fl_set_take(block, "source", source);
  fl_append_take(blocks, block);
}

static void add_reasoning(struct fl_value *blocks, const struct fl_value *part) {
  bool is_ours = strcmp(fl_get_string(part, "provider", ""), FL_ANTHROPIC_PROVIDER) == 0;
  if (is_ours && fl_get(part, "redacted") != NULL) {
    struct fl_value *block = new_block("redacted_thinking");
    fl_request_copy(block, "data", part, "redacted");
    fl_append_take(blocks, block);
  } else if (is_ours && fl_get(part, "signature") != NULL) {
    struct fl_value *block = new_block("thinking");
    fl_set_string(block, "thinking", fl_get_string(part, "text", ""));
    fl_request_copy(block, "signature", part, "signature");
    fl_append_take(blocks, block);
  }
}

static int add_parts(struct fl_value *blocks, const struct fl_value *content, struct fl_error *err) {
  FL_VALUE_AUTO parts = fl_request_parts(content);
  for (size_t i = 0; i < fl_size(parts); i++) {
    const struct fl_value *part = fl_at(parts, i);
    if (fl_request_is_part(part, "text")) add_text(blocks, part);
    else if (fl_request_is_part(part, "image")) add_image(blocks, part);
    else if (fl_request_is_part(part, "reasoning")) add_reasoning(blocks, part);
    else if (fl_request_is_provider_part(part, FL_ANTHROPIC_PROVIDER))
      fl_append_take(blocks, fl_value_ref(fl_get(part, "value")));
    else if (!fl_request_is_part(part, "provider")) return fl_request_unknown_part(part, FL_ANTHROPIC_PROVIDER, err);
  }
  return 0;
}

/* `input` must be an object: the text of an invalid call goes under a name that says what it is. */
static void add_call(struct fl_value *blocks, const struct fl_value *call) {
  struct fl_value *block = new_block("tool_use"), *input = fl_value_ref(fl_get(call, "args"));
  if (input == NULL) {
    input = fl_object();
    fl_set_string(input, "invalid_arguments", fl_get_string(call, "text", ""));
  }
  fl_request_copy(block, "id", call, "id");
  fl_request_copy(block, "name", call, "name");
  fl_set_take(block, "input", input);
  fl_request_copy(block, "caller", call, "caller");
  fl_append_take(blocks, block);
}

static int add_tool_result(struct fl_value *blocks, const struct fl_value *message, struct fl_error *err) {
  FL_VALUE_AUTO content = fl_array();
  int rc = add_parts(content, fl_get(message, "content"), err);
  if (rc < 0) return rc;
  struct fl_value *block = new_block("tool_result");
  fl_set_string(block, "tool_use_id", fl_get_string(message, "tool_call_id", ""));
  fl_set_take(block, "content", fl_value_ref(content));
  if (strcmp(fl_get_string(message, "status", "ok"), "error") == 0) fl_set_bool(block, "is_error", true);
  fl_append_take(blocks, block);
  return 0;
}

static int add_assistant(struct fl_value *blocks, const struct fl_model_request *request, size_t index,
                         struct fl_error *err) {
  FL_VALUE_AUTO calls = fl_request_calls(request->messages, index);
  int rc = add_parts(blocks, fl_get(fl_list_at(request->messages, index), "content"), err);
  for (size_t i = 0; i < fl_size(calls) && rc == 0; i++) add_call(blocks, fl_at(calls, i));
  return rc;
}

static int add_blocks(struct fl_value *blocks, const struct fl_model_request *request, size_t index,
                      struct fl_error *err) {
  const struct fl_value *message = fl_list_at(request->messages, index);
  const char *role = fl_get_string(message, "role", "(none)");
  if (strcmp(role, "assistant") == 0) return add_assistant(blocks, request, index, err);
  if (strcmp(role, "tool") == 0) return add_tool_result(blocks, message, err);
  if (strcmp(role, "user") == 0) return add_parts(blocks, fl_get(message, "content"), err);
  return fl_error_set(err, FL_E_INVALID,
                      "message %zu has the role \"%.40s\"; it must be system, user, assistant or tool", index, role);
}

/* Puts blocks into the last message when it is of the same role. */
static void append_blocks(struct fl_value *messages, const char *role, struct fl_value *blocks) {
  struct fl_value *last = fl_size(messages) > 0 ? fl_at(messages, fl_size(messages) - 1) : NULL;
  if (last != NULL && strcmp(fl_get_string(last, "role", ""), role) == 0) {
    for (size_t i = 0; i < fl_size(blocks); i++)
      fl_append_take(fl_get(last, "content"), fl_value_ref(fl_at(blocks, i)));
    fl_value_unref(blocks);
    return;
  }
  struct fl_value *message = fl_object();
  fl_set_string(message, "role", role);
  fl_set_take(message, "content", blocks);
  fl_append_take(messages, message);
}

static void add_system(struct fl_buf *system, const struct fl_value *message) {
  FL_VALUE_AUTO text = fl_request_text(fl_get(message, "content"));
  if (system->size > 0) fl_buf_add_text(system, "\n\n");
  fl_buf_add(system, fl_as_string(text), fl_string_size(text));
}

static int build_messages(const struct fl_model_request *request, struct fl_value *messages, struct fl_buf *system,
                          struct fl_error *err) {
  if (request->system != NULL) fl_buf_add_text(system, request->system);
  for (size_t i = 0; i < fl_list_size(request->messages); i++) {
    const struct fl_value *message = fl_list_at(request->messages, i);
    const char *role = fl_get_string(message, "role", "");
    if (strcmp(role, "system") == 0) {
      add_system(system, message);
      continue;
    }
    FL_VALUE_AUTO blocks = fl_array();
    int rc = add_blocks(blocks, request, i, err);
    if (rc < 0) return rc;
    if (fl_size(blocks) == 0) continue;
    append_blocks(messages, strcmp(role, "assistant") == 0 ? "assistant" : "user", blocks);
    blocks = NULL;
  }
  return 0;
}

static struct fl_value *build_tools(const struct fl_model_request *request) {
  const struct fl_value *from = request->tools;
  struct fl_value *tools = fl_array();
  for (size_t i = 0; i < fl_size(from); i++) {
    struct fl_value *tool = fl_object();
    fl_request_copy(tool, "name", fl_at(from, i), "name");
    fl_request_copy(tool, "description", fl_at(from, i), "description");
    struct fl_lowered lowered = fl_lower_tool(request->config, fl_at(from, i));
    fl_set_take(tool, "input_schema", lowered.schema != NULL ? lowered.schema : fl_object());
    fl_append_take(tools, tool);
  }
  return tools;
}

static struct fl_value *build_tool_choice(const struct fl_value *settings) {
  const char *choice = fl_get_string(settings, "tool_choice", "auto");
  bool is_word = strcmp(choice, "auto") == 0 || strcmp(choice, "none") == 0;
  bool is_any = strcmp(choice, "required") == 0;
  struct fl_value *value = new_block(is_word ? choice : is_any ? "any" : "tool");
  if (!is_word && !is_any) fl_set_string(value, "name", choice);
  if (!fl_get_bool(settings, "parallel_tool_calls", true) && strcmp(choice, "none") != 0)
    fl_set_bool(value, "disable_parallel_tool_use", true);
  return value;
}

/* Thinking needs a budget here; it must stay below max_tokens. */
static void add_thinking(struct fl_value *body, const struct fl_value *settings) {
  static const struct {
    const char *effort;
    int64_t budget;
  } efforts[] = {{"low", 2048}, {"medium", 8192}, {"high", 16384}};
  const char *effort = fl_get_string(settings, "reasoning_effort", "");
  for (size_t i = 0; i < sizeof efforts / sizeof efforts[0]; i++) {
    if (strcmp(effort, efforts[i].effort) != 0) continue;
    struct fl_value *thinking = new_block("enabled");
    fl_set_int(thinking, "budget_tokens", efforts[i].budget);
    fl_set_take(body, "thinking", thinking);
    fl_set_int(body, "max_tokens", fl_get_int(body, "max_tokens", 0) + efforts[i].budget);
  }
}

static void add_settings(struct fl_value *body, const struct fl_model_request *request) {
  const struct fl_value *settings = request->config->settings, *stop = fl_get(settings, "stop");
  fl_set_int(body, "max_tokens", fl_get_int(settings, "max_tokens", DEFAULT_MAX_TOKENS));
  fl_request_copy(body, "temperature", settings, "temperature");
  fl_request_copy(body, "top_p", settings, "top_p");
  if (fl_is(stop, FL_STRING)) {
    struct fl_value *list = fl_array();
    fl_append_take(list, fl_value_ref((struct fl_value *)stop));
    fl_set_take(body, "stop_sequences", list);
  } else fl_request_copy(body, "stop_sequences", settings, "stop");
  add_thinking(body, settings);
  if (fl_size(request->tools) > 0) {
    fl_set_take(body, "tools", build_tools(request));
    bool has_choice = fl_get(settings, "tool_choice") != NULL || fl_get(settings, "parallel_tool_calls") != NULL;
    if (has_choice) fl_set_take(body, "tool_choice", build_tool_choice(settings));
  }
  fl_request_add_extra(body, settings);
}

static int build_body(const struct fl_model_request *request, struct fl_buf *ret_body, struct fl_error *err) {
  FL_VALUE_AUTO body = fl_object();
  FL_VALUE_AUTO messages = fl_array();
  FL_BUF_AUTO system = {0};
  int rc = build_messages(request, messages, &system, err);
  if (rc < 0) return rc;
  fl_set_string(body, "model", request->config->model);
  if (system.size > 0) fl_set_take(body, "system", fl_string_n(system.data, system.size));
  fl_set_take(body, "messages", fl_value_ref(messages));
  fl_set_bool(body, "stream", true);
  add_settings(body, request);
  return fl_request_write(ret_body, body, err);
}

static int build(const struct fl_model_request *request, char **ret_url, char ***ret_headers, struct fl_buf *ret_body,
                 struct fl_error *err) {
  const struct fl_request_shape shape = {.provider = FL_ANTHROPIC_PROVIDER,
                                         .key_variable = "ANTHROPIC_API_KEY",
                                         .base_url = default_base_url,
                                         .path = "/v1/messages",
                                         .key_header = "x-api-key",
                                         .key_prefix = "",
                                         .header = "anthropic-version",
                                         .header_value = "2023-06-01",
                                         .build_body = build_body};
  struct fl_request_out out = {ret_url, ret_headers, ret_body};
  return fl_request_build(&shape, request, &out, err);
}

static int read_error(int http_status, fl_slice body, bool *ret_retryable, struct fl_error *err) {
  return fl_remote_error_read(FL_ANTHROPIC_PROVIDER, http_status, body, ret_retryable, err);
}

const struct fl_model_wire fl_wire_anthropic = {
    .name = FL_ANTHROPIC_PROVIDER,
    .build = build,
    .decoder_create = fl_anthropic_decoder_create,
    .decoder_feed = fl_decoder_feed,
    .decoder_finish = fl_decoder_finish,
    .decoder_is_done = fl_decoder_is_done,
    .decoder_may_retry = fl_decoder_may_retry,
    .decoder_destroy = fl_decoder_destroy,
    .read_error = read_error,
    .read_whole = fl_anthropic_read_whole,
};
