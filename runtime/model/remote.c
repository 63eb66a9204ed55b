/* SPDX-License-Identifier: MIT */
#include "runtime/model/remote.h"

#include "runtime/json/json.h"

#include <stdio.h>
#include <stdlib.h>

/* Bytes of the UTF-8 character at the front; 0 when it is broken. */
static size_t character_size(fl_slice text) {
  unsigned char lead = (unsigned char)text.data[0];
  size_t size = lead < 0x80                   ? 1
                : lead >= 0xC2 && lead < 0xE0 ? 2
                : lead >= 0xE0 && lead < 0xF0 ? 3
                : lead >= 0xF0 && lead < 0xF5 ? 4
                                              : 0;
  if (size > text.size) return 0;
  for (size_t i = 1; i < size; i++)
    if (((unsigned char)text.data[i] & 0xC0) != 0x80) return 0;
  return size;
}

void fl_remote_excerpt(fl_slice text, char ret_excerpt[FL_REMOTE_EXCERPT_SIZE]) {
  static const char ellipsis[] = "…";
  size_t used = 0, room = FL_REMOTE_EXCERPT_SIZE - sizeof ellipsis;
  while (text.size > 0) {
    size_t size = character_size(text);
    size_t width = size > 0 ? size : 1;
    if (used + width > room) {
      memcpy(ret_excerpt + used, ellipsis, sizeof ellipsis);
      return;
    }
    bool is_control = size == 1 && ((unsigned char)text.data[0] < 0x20 || text.data[0] == 0x7F);
    if (size == 0) ret_excerpt[used] = '?';
    else if (is_control) ret_excerpt[used] = ' ';
    else memcpy(ret_excerpt + used, text.data, size);
    used += width;
    text = fl_slice_n(text.data + width, text.size - width);
  }
  ret_excerpt[used] = '\0';
}

static bool is_set(const struct fl_value *value) {
  return !fl_is(value, FL_NULL) && !(fl_is(value, FL_BOOL) && !fl_as_bool(value, false)) &&
         !(fl_is(value, FL_STRING) && fl_string_size(value) == 0);
}

bool fl_remote_has_error(const struct fl_value *value) {
  if (fl_is(value, FL_ARRAY) && fl_size(value) > 0) value = fl_at(value, 0);
  return is_set(fl_get(value, "error")) || strcmp(fl_get_string(value, "type", ""), "error") == 0 ||
         strcmp(fl_get_string(value, "object", ""), "error") == 0;
}

/* What was said: the message, the provider's word for the kind of error, and the status that the body repeats. */
struct said {
  fl_slice message;
  const char *kind;
  int64_t status;
};

static int64_t number_of(const struct fl_value *value) {
  const char *text = fl_as_string(value);
  return text != NULL ? strtol(text, NULL, 10) : fl_as_int(value, 0);
}

static int64_t status_of(const struct fl_value *error) {
  static const char *const keys[] = {"status_code", "code", "status"};
  for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
    int64_t status = number_of(fl_get(error, keys[i]));
    if (status >= 400 && status < 600) return status;
  }
  return 0;
}

static const char *kind_of(const struct fl_value *error) {
  static const char *const keys[] = {"code", "type", "status"};
  for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
    const char *text = fl_get_string(error, keys[i], "");
    bool is_word = text[0] != '\0' && (text[0] < '0' || text[0] > '9') && strcmp(text, "error") != 0;
    if (is_word) return text;
  }
  return "";
}

static fl_slice text_of(const struct fl_value *value) { return fl_slice_n(fl_as_string(value), fl_string_size(value)); }

static fl_slice message_of(const struct fl_value *error) {
  static const char *const keys[] = {"message", "detail", "error", "msg", "title"};
  if (fl_is(error, FL_STRING)) return text_of(error);
  for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
    if (fl_string_size(fl_get(error, keys[i])) > 0) return text_of(fl_get(error, keys[i]));
  return (fl_slice){0};
}

static struct said read_said(const struct fl_remote_failure *failure) {
  const struct fl_value *body = failure->value;
  if (fl_is(body, FL_ARRAY)) body = fl_at(body, 0);
  const struct fl_value *inner = fl_get(body, "error");
  const struct fl_value *error = is_set(inner) ? inner : body;
  struct said said = {.message = message_of(error), .kind = kind_of(error), .status = status_of(error)};
  if (said.message.size == 0) said.message = message_of(body);
  if (said.kind[0] == '\0') said.kind = kind_of(body);
  if (said.message.size == 0) said.message = failure->body;
  if (failure->http_status > 0) said.status = failure->http_status;
  return said;
}

struct rule {
  const char *kind; /* contained in the provider's word */
  int64_t status;
  int code;
  bool is_retryable;
};

/* The first rule that fits by word or by status decides; words stand in front where they say more than the status. */
static const struct rule rules[] = {
    {"insufficient_quota", 0, FL_E_RATE, false},
    {"billing", 402, FL_E_LIMIT, false},
    {"authentication", 401, FL_E_AUTH, false},
    {"invalid_api_key", 0, FL_E_AUTH, false},
    {"permission", 403, FL_E_AUTH, false},
    {"rate_limit", 429, FL_E_RATE, true},
    {"overloaded", 529, FL_E_RATE, true},
    {"RESOURCE_EXHAUSTED", 0, FL_E_RATE, true},
    {"not_found", 404, FL_E_NOT_FOUND, false},
    {"tool_use_failed", 0, FL_E_REMOTE, true}, /* the model wrote a call that is none: it may do better next time */
    {"invalid_request", 0, FL_E_INVALID, false},
    {"timeout", 408, FL_E_TIMEOUT, true},
    {NULL, 504, FL_E_TIMEOUT, true},
    {NULL, 409, FL_E_REMOTE, true},
    {"api_error", 0, FL_E_REMOTE, true},
    {"server_error", 0, FL_E_REMOTE, true},
    {"InternalServerError", 0, FL_E_REMOTE, true},
};

static struct rule find_rule(const struct said *said) {
  for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
    bool by_kind = rules[i].kind != NULL && strstr(said->kind, rules[i].kind) != NULL;
    if (by_kind || (rules[i].status != 0 && rules[i].status == said->status)) return rules[i];
  }
  /* What is left below 500 is a mistake of the request or of its address, which another attempt would not change. */
  if (said->status >= 300 && said->status < 500) return (struct rule){.code = FL_E_INVALID};
  return (struct rule){.code = FL_E_REMOTE, .is_retryable = said->status >= 500};
}

int fl_remote_error(const struct fl_remote_failure *failure, bool *ret_retryable, struct fl_error *err) {
  struct said said = read_said(failure);
  struct rule rule = find_rule(&said);
  char message[FL_REMOTE_EXCERPT_SIZE], kind[FL_REMOTE_EXCERPT_SIZE], where[32] = "in the stream";
  fl_remote_excerpt(said.message, message);
  fl_remote_excerpt(fl_slice_of(said.kind), kind);
  if (failure->http_status > 0) snprintf(where, sizeof where, "with HTTP %d", failure->http_status);
  if (ret_retryable != NULL) *ret_retryable = rule.is_retryable;
  bool has_kind = kind[0] != '\0', has_message = message[0] != '\0';
  return fl_error_set(err, rule.code, "%s answered %s%s%s%s: %s", failure->provider, where, has_kind ? " (" : "", kind,
                      has_kind ? ")" : "", has_message ? message : "no text");
}

int fl_remote_error_read(const char *provider, int http_status, fl_slice body, bool *ret_retryable,
                         struct fl_error *err) {
  FL_VALUE_AUTO value = NULL;
  if (body.size > 0 && fl_json_read(body, FL_JSON_STRICT, &value, NULL) < 0) value = NULL;
  struct fl_remote_failure failure = {.provider = provider, .http_status = http_status, .body = body, .value = value};
  return fl_remote_error(&failure, ret_retryable, err);
}
