/* SPDX-License-Identifier: MIT */
/* Requests in the format of OpenAI's chat completions, POST {base}/chat/completions. Pure.
 *
 * A tool message takes text alone here, so the images of tool results follow the run of tool messages as a user
 * message. Reasoning goes back only where the server asked for it: `reasoning_details` as they came, or as text under
 * the name that the setting `reasoning_field` gives. */
#include "runtime/model/wire_openai.h"

#include "runtime/base/mem.h"
#include "runtime/json/json.h"
#include "runtime/model/lower.h"
#include "runtime/model/remote.h"
#include "runtime/model/request.h"

static const char default_base_url[] = "https://api.openai.com/v1";

static struct fl_value *new_message(const char *role, struct fl_value *content) {
  struct fl_value *message = fl_object();
  fl_set_string(message, "role", role);
  fl_set_take(message, "content", content);
  return message;
}

static struct fl_value *text_part(struct fl_value *text) {
  struct fl_value *part = fl_object();
  fl_set_string(part, "type", "text");
  fl_set_take(part, "text", text);
  return part;
}

static struct fl_value *image_part(const struct fl_value *from) {
  struct fl_value *image = fl_object(), *part = fl_object();
  const char *url = fl_get_string(from, "url", NULL);
  if (url != NULL) fl_set_string(image, "url", url);
  else
    fl_set_take(image, "url",
                fl_stringf("data:%s;base64,%s", fl_get_string(from, "mime_type", "image/png"),
                           fl_get_string(from, "data", "")));
  fl_set_string(part, "type", "image_url");
  fl_set_take(part, "image_url", image);
  return part;
}

/* The content of a user message: a text as it is, otherwise parts. */
static int build_user_content(const struct fl_value *content, struct fl_value **ret_content, struct fl_error *err) {
  if (!fl_is(content, FL_ARRAY)) {
    *ret_content = fl_request_text(content);
    return 0;
  }
  FL_VALUE_AUTO parts = fl_array();
  for (size_t i = 0; i < fl_size(content); i++) {
    const struct fl_value *part = fl_at(content, i);
    if (fl_request_is_part(part, "text")) fl_append_take(parts, text_part(fl_value_ref(fl_get(part, "text"))));
    else if (fl_request_is_part(part, "image")) fl_append_take(parts, image_part(part));
    else if (fl_request_is_provider_part(part, FL_OPENAI_PROVIDER))
      fl_append_take(parts, fl_value_ref(fl_get(part, "value")));
    else if (!fl_request_is_part(part, "provider")) return fl_request_unknown_part(part, "openai", err);
  }
  *ret_content = fl_value_ref(parts);
  return 0;
}

static struct fl_value *build_call(const struct fl_value *from) {
  struct fl_value *call = fl_object(), *function = fl_object();
  const struct fl_value *args = fl_get(from, "args");
  fl_set_string(call, "id", fl_get_string(from, "id", ""));
  fl_set_string(call, "type", "function");
  fl_set_string(function, "name", fl_get_string(from, "name", ""));
  char *text = args != NULL ? fl_dump(args, NULL) : NULL;
  fl_set_string(function, "arguments", text != NULL ? text : fl_get_string(from, "text", ""));
  fl_text_free(text);
  fl_set_take(call, "function", function);
  return call;
}

static void add_reasoning(struct fl_value *message, const struct fl_value *content, const struct fl_value *settings) {
  const char *field = fl_get_string(settings, "reasoning_field", NULL);
  FL_BUF_AUTO text = {0};
  for (size_t i = 0; fl_is(content, FL_ARRAY) && i < fl_size(content); i++) {
    const struct fl_value *part = fl_at(content, i);
    if (fl_request_is_part(part, "reasoning")) fl_buf_add_text(&text, fl_get_string(part, "text", ""));
    const struct fl_value *details = fl_get(fl_get(part, "value"), "reasoning_details");
    if (fl_request_is_provider_part(part, FL_OPENAI_PROVIDER) && details != NULL)
      fl_set_take(message, "reasoning_details", fl_value_ref((struct fl_value *)details));
  }
  if (field != NULL && text.size > 0) fl_set_take(message, field, fl_string_n(text.data, text.size));
}

static struct fl_value *build_assistant(const struct fl_model_request *request, size_t index) {
  const struct fl_value *from = fl_list_at(request->messages, index), *content = fl_get(from, "content");
  FL_VALUE_AUTO from_calls = fl_request_calls(request->messages, index);
  FL_VALUE_AUTO text = fl_request_text(content);
  bool is_silent = fl_string_size(text) == 0 && fl_size(from_calls) > 0;
  struct fl_value *message = new_message("assistant", is_silent ? NULL : fl_value_ref(text));
  add_reasoning(message, content, request->config->settings);
  if (fl_size(from_calls) == 0) return message;
  struct fl_value *calls = fl_array();
  for (size_t i = 0; i < fl_size(from_calls); i++) fl_append_take(calls, build_call(fl_at(from_calls, i)));
  fl_set_take(message, "tool_calls", calls);
  return message;
}

/* The text of a tool's result; its images are added to `images`. */
static struct fl_value *build_tool(const struct fl_value *from, struct fl_value *images) {
  const struct fl_value *content = fl_get(from, "content");
  for (size_t i = 0; fl_is(content, FL_ARRAY) && i < fl_size(content); i++)
    if (fl_request_is_part(fl_at(content, i), "image")) fl_append_take(images, image_part(fl_at(content, i)));
  struct fl_value *message = new_message("tool", fl_request_text(content));
  fl_set_string(message, "tool_call_id", fl_get_string(from, "tool_call_id", ""));
  return message;
}

static struct fl_value *flush_images(struct fl_value *messages, struct fl_value *images) {
  if (fl_size(images) == 0) return images;
  struct fl_value *parts = fl_array();
  fl_append_take(parts, text_part(fl_string("Images from the tool results above:")));
  for (size_t i = 0; i < fl_size(images); i++) fl_append_take(parts, fl_value_ref(fl_at(images, i)));
  fl_append_take(messages, new_message("user", parts));
  fl_value_unref(images);
  return fl_array();
}

static int build_message(const struct fl_model_request *request, size_t index, struct fl_value **ret_message,
                         struct fl_error *err) {
  const struct fl_value *from = fl_list_at(request->messages, index);
  const char *role = fl_get_string(from, "role", "(none)");
  if (strcmp(role, "assistant") == 0) {
    *ret_message = build_assistant(request, index);
    return 0;
  }
  if (strcmp(role, "user") != 0 && strcmp(role, "system") != 0)
    return fl_error_set(err, FL_E_INVALID,
                        "message %zu has the role \"%.40s\"; it must be system, user, assistant or tool", index, role);
  struct fl_value *content = NULL;
  int rc = build_user_content(fl_get(from, "content"), &content, err);
  if (rc == 0) *ret_message = new_message(role, content);
  return rc;
}

static int build_messages(const struct fl_model_request *request, struct fl_value *messages, struct fl_error *err) {
  FL_VALUE_AUTO images = fl_array();
  if (request->system != NULL && request->system[0] != '\0')
    fl_append_take(messages, new_message("system", fl_string(request->system)));
  for (size_t i = 0; i < fl_list_size(request->messages); i++) {
    const struct fl_value *from = fl_list_at(request->messages, i);
    if (strcmp(fl_get_string(from, "role", ""), "tool") == 0) {
      fl_append_take(messages, build_tool(from, images));
      continue;
    }
    images = flush_images(messages, images);
    struct fl_value *message = NULL;
    int rc = build_message(request, i, &message, err);
    if (rc < 0) return rc;
    fl_append_take(messages, message);
  }
  images = flush_images(messages, images);
  return 0;
}

static struct fl_value *build_tools(const struct fl_model_request *request) {
  const struct fl_value *from = request->tools;
  struct fl_value *tools = fl_array();
  for (size_t i = 0; i < fl_size(from); i++) {
    struct fl_value *tool = fl_object(), *function = fl_object();
    fl_request_copy(function, "name", fl_at(from, i), "name");
    fl_request_copy(function, "description", fl_at(from, i), "description");
    struct fl_lowered lowered = fl_lower_tool(request->config, fl_at(from, i));
    if (lowered.schema != NULL) fl_set_take(function, "parameters", lowered.schema);
    if (lowered.is_strict) fl_set_bool(function, "strict", true);
    fl_set_string(tool, "type", "function");
    fl_set_take(tool, "function", function);
    fl_append_take(tools, tool);
  }
  return tools;
}

/* "auto", "none", "required", or the name of a tool. */
static struct fl_value *build_tool_choice(const char *choice) {
  bool is_word = strcmp(choice, "auto") == 0 || strcmp(choice, "none") == 0 || strcmp(choice, "required") == 0;
  if (is_word) return fl_string(choice);
  struct fl_value *value = fl_object(), *function = fl_object();
  fl_set_string(function, "name", choice);
  fl_set_string(value, "type", "function");
  fl_set_take(value, "function", function);
  return value;
}

static void add_settings(struct fl_value *body, const struct fl_model_request *request) {
  const struct fl_value *settings = request->config->settings;
  static const char *const same[] = {"temperature", "top_p", "stop", "seed", "reasoning_effort"};
  for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) fl_request_copy(body, same[i], settings, same[i]);
  /* OpenAI itself refuses max_tokens for its reasoning models; the other servers know only that. */
  bool is_openai = request->config->base_url == NULL || strstr(request->config->base_url, "://api.openai.com") != NULL;
  fl_request_copy(body, is_openai ? "max_completion_tokens" : "max_tokens", settings, "max_tokens");
  if (fl_size(request->tools) > 0) {
    const char *choice = fl_get_string(settings, "tool_choice", NULL);
    fl_set_take(body, "tools", build_tools(request));
    if (choice != NULL) fl_set_take(body, "tool_choice", build_tool_choice(choice));
    fl_request_copy(body, "parallel_tool_calls", settings, "parallel_tool_calls");
  }
  fl_request_add_extra(body, settings);
}

static int build_body(const struct fl_model_request *request, struct fl_buf *ret_body, struct fl_error *err) {
  FL_VALUE_AUTO body = fl_object();
  FL_VALUE_AUTO messages = fl_array();
  fl_set_string(body, "model", request->config->model);
  int rc = build_messages(request, messages, err);
  if (rc < 0) return rc;
  fl_set_take(body, "messages", fl_value_ref(messages));
  fl_set_bool(body, "stream", true);
  struct fl_value *options = fl_object();
  fl_set_bool(options, "include_usage", true);
  fl_set_take(body, "stream_options", options);
  add_settings(body, request);
  return fl_request_write(ret_body, body, err);
}

static int build(const struct fl_model_request *request, char **ret_url, char ***ret_headers, struct fl_buf *ret_body,
                 struct fl_error *err) {
  const struct fl_request_shape shape = {.provider = FL_OPENAI_PROVIDER,
                                         .key_variable = "OPENAI_API_KEY",
                                         .base_url = default_base_url,
                                         .path = "/chat/completions",
                                         .key_header = "Authorization",
                                         .key_prefix = "Bearer ",
                                         .build_body = build_body};
  struct fl_request_out out = {ret_url, ret_headers, ret_body};
  return fl_request_build(&shape, request, &out, err);
}

static int read_error(int http_status, fl_slice body, bool *ret_retryable, struct fl_error *err) {
  return fl_remote_error_read(FL_OPENAI_PROVIDER, http_status, body, ret_retryable, err);
}

const struct fl_model_wire fl_wire_openai = {
    .name = FL_OPENAI_PROVIDER,
    .build = build,
    .decoder_create = fl_openai_decoder_create,
    .decoder_feed = fl_decoder_feed,
    .decoder_finish = fl_decoder_finish,
    .decoder_is_done = fl_decoder_is_done,
    .decoder_may_retry = fl_decoder_may_retry,
    .decoder_destroy = fl_decoder_destroy,
    .read_error = read_error,
    .read_whole = fl_openai_read_whole,
};
