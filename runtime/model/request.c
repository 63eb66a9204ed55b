/* SPDX-License-Identifier: MIT */
#include "runtime/model/request.h"

#include "runtime/base/mem.h"
#include "runtime/json/json.h"
#include "runtime/wire/url.h"

int fl_request_url(const struct fl_model_config *config, const char *fallback, const char *path, char **ret_url,
                   struct fl_error *err) {
  const char *base = config->base_url != NULL ? config->base_url : fallback;
  struct fl_url url = {0};
  int rc = fl_url_parse(fl_slice_of(base), FL_URL_HTTP, &url, err);
  if (rc < 0) return fl_error_context(err, "the base URL of model \"%s\"", config->model);
  size_t size = strlen(url.path);
  while (size > 0 && url.path[size - 1] == '/') size--;
  size_t folder_size = strcspn(path + 1, "/") + 1;
  bool is_doubled = size >= folder_size && strncmp(url.path + size - folder_size, path, folder_size) == 0;
  char *whole = fl_format("%.*s%s", (int)size, url.path, is_doubled ? path + folder_size : path);
  fl_free(url.path);
  url.path = whole;
  *ret_url = fl_url_format(&url);
  fl_url_deinit(&url);
  return 0;
}

int fl_request_check_key(const struct fl_model_config *config, const char *provider, const char *variable,
                         struct fl_error *err) {
  if (config->base_url != NULL || (config->api_key != NULL && config->api_key[0] != '\0')) return 0;
  return fl_error_set(err, FL_E_AUTH, "there is no key for %s: set %s, or api_key in the model's entry", provider,
                      variable);
}

int fl_headers_add(struct fl_headers *headers, const char *name, const char *prefix, const char *value,
                   struct fl_error *err) {
  for (const char *c = value; *c != '\0'; c++)
    if ((unsigned char)*c < 0x20 || *c == 0x7F)
      return fl_error_set(err, FL_E_INVALID,
                          "the value for the header %s has a line break or control character in it; "
                          "check the key or setting it comes from",
                          name);
  headers->lines = fl_realloc(headers->lines, (headers->count + 2) * sizeof *headers->lines);
  headers->lines[headers->count++] = fl_format("%s: %s%s", name, prefix, value);
  headers->lines[headers->count] = NULL;
  return 0;
}

char **fl_headers_take(struct fl_headers *headers) {
  char **lines = headers->lines;
  *headers = (struct fl_headers){0};
  return lines;
}

/* They hold the key. */
void fl_model_headers_free(char **headers) {
  for (size_t i = 0; headers != NULL && headers[i] != NULL; i++) {
    explicit_bzero(headers[i], strlen(headers[i]));
    fl_free(headers[i]);
  }
  fl_free(headers);
}

struct fl_value *fl_request_text(const struct fl_value *content) {
  if (fl_is(content, FL_STRING)) return fl_value_ref((struct fl_value *)content);
  FL_BUF_AUTO text = {0};
  for (size_t i = 0; i < fl_size(content); i++) {
    const struct fl_value *part = fl_at(content, i), *piece = fl_get(part, "text");
    if (fl_request_is_part(part, "text") && fl_is(piece, FL_STRING))
      fl_buf_add(&text, fl_as_string(piece), fl_string_size(piece));
  }
  return fl_string_n(text.size > 0 ? text.data : "", text.size);
}

struct fl_value *fl_request_parts(const struct fl_value *content) {
  if (fl_is(content, FL_ARRAY)) return fl_value_ref((struct fl_value *)content);
  struct fl_value *parts = fl_array();
  if (fl_string_size(content) == 0) return parts;
  struct fl_value *part = fl_object();
  fl_set_string(part, "type", "text");
  fl_set_take(part, "text", fl_value_ref((struct fl_value *)content));
  fl_append_take(parts, part);
  return parts;
}

bool fl_request_is_part(const struct fl_value *part, const char *type) {
  return strcmp(fl_get_string(part, "type", ""), type) == 0;
}

bool fl_request_is_provider_part(const struct fl_value *part, const char *provider) {
  return fl_request_is_part(part, "provider") && strcmp(fl_get_string(part, "provider", ""), provider) == 0;
}

int fl_request_unknown_part(const struct fl_value *part, const char *provider, struct fl_error *err) {
  return fl_error_set(err, FL_E_UNSUPPORTED, "a message has a content part of type \"%.100s\", which %s does not take",
                      fl_get_string(part, "type", "(none)"), provider);
}

static bool is_answered(const struct fl_list *messages, size_t index, const char *id) {
  for (size_t i = index + 1; i < fl_list_size(messages); i++) {
    const struct fl_value *message = fl_list_at(messages, i);
    const char *role = fl_get_string(message, "role", "");
    if (strcmp(role, "assistant") == 0) return false;
    if (strcmp(role, "tool") == 0 && strcmp(fl_get_string(message, "tool_call_id", ""), id) == 0) return true;
  }
  return false;
}

struct fl_value *fl_request_calls(const struct fl_list *messages, size_t index) {
  const struct fl_value *message = fl_list_at(messages, index);
  const struct fl_value *valid = fl_get(message, "tool_calls"), *invalid = fl_get(message, "invalid_tool_calls");
  struct fl_value *calls = fl_array();
  for (size_t i = 0; i < fl_size(valid); i++) fl_append_take(calls, fl_value_ref(fl_at(valid, i)));
  for (size_t i = 0; i < fl_size(invalid); i++)
    if (is_answered(messages, index, fl_get_string(fl_at(invalid, i), "id", "")))
      fl_append_take(calls, fl_value_ref(fl_at(invalid, i)));
  return calls;
}

void fl_request_copy(struct fl_value *body, const char *to, const struct fl_value *settings, const char *from) {
  struct fl_value *value = fl_get(settings, from);
  if (!fl_is(value, FL_NULL)) fl_set_take(body, to, fl_value_ref(value));
}

void fl_request_add_extra(struct fl_value *body, const struct fl_value *settings) {
  struct fl_member member = {0};
  while (fl_next_member(fl_get(settings, "extra"), &member)) fl_set_take(body, member.key, fl_value_ref(member.value));
}

int fl_request_write(struct fl_buf *ret_body, const struct fl_value *body, struct fl_error *err) {
  int rc = fl_json_write(ret_body, body, FL_JSON_COMPACT);
  if (rc < 0)
    return fl_error_set(err, rc, "the request is too long (the limit is %zu bytes); shorten the conversation",
                        ret_body->limit > 0 ? ret_body->limit : (size_t)FL_BUF_LIMIT_DEFAULT);
  return 0;
}

static int add_headers(const struct fl_request_shape *shape, const struct fl_model_request *request,
                       struct fl_headers *headers, struct fl_error *err) {
  const char *key = request->config->api_key;
  int rc = fl_headers_add(headers, "Content-Type", "", "application/json", err);
  if (rc == 0) rc = fl_headers_add(headers, "Accept", "", "text/event-stream", err);
  if (rc == 0 && shape->header != NULL) rc = fl_headers_add(headers, shape->header, "", shape->header_value, err);
  if (rc == 0 && key != NULL && key[0] != '\0')
    rc = fl_headers_add(headers, shape->key_header, shape->key_prefix, key, err);
  if (rc == 0 && request->traceparent != NULL)
    rc = fl_headers_add(headers, "traceparent", "", request->traceparent, err);
  if (rc == 0 && request->traceparent != NULL && request->tracestate != NULL)
    rc = fl_headers_add(headers, "tracestate", "", request->tracestate, err);
  return rc;
}

int fl_request_build(const struct fl_request_shape *shape, const struct fl_model_request *request,
                     const struct fl_request_out *out, struct fl_error *err) {
  struct fl_headers headers = {0};
  char *url = NULL;
  int rc = fl_request_url(request->config, shape->base_url, shape->path, &url, err);
  if (rc == 0) rc = fl_request_check_key(request->config, shape->provider, shape->key_variable, err);
  if (rc == 0) rc = shape->build_body(request, out->ret_body, err);
  if (rc == 0) rc = add_headers(shape, request, &headers, err);
  if (rc == 0) {
    *out->ret_url = url;
    *out->ret_headers = fl_headers_take(&headers);
    return 0;
  }
  fl_free(url);
  fl_model_headers_free(fl_headers_take(&headers));
  return rc;
}
