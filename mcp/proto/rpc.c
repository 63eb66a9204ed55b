/* SPDX-License-Identifier: MIT */
#include "mcp/proto/rpc.h"

#include "runtime/json/json.h"
#include "runtime/json/known.h"

#include <inttypes.h>

enum { PEEK_SIZE = 4096 }; /* bytes of a front in which members are looked for */

/* ---- reading ---- */

bool fl_rpc_is_id(const struct fl_value *value) {
  return value != NULL && (fl_is(value, FL_INT) || fl_is(value, FL_STRING));
}

/* By hand: every call makes its key twice, and printf costs more than the map that it is for. */
static void add_integer_key(struct fl_buf *ret_key, int64_t number) {
  char text[24], *at = text + sizeof text;
  uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
  do *--at = (char)('0' + rest % 10);
  while ((rest /= 10) > 0);
  if (number < 0) *--at = '-';
  *--at = 'i';
  fl_buf_add(ret_key, at, (size_t)(text + sizeof text - at));
}

void fl_rpc_id_key(const struct fl_value *id, struct fl_buf *ret_key) {
  fl_buf_clear(ret_key);
  if (fl_is(id, FL_INT)) add_integer_key(ret_key, fl_as_int(id, 0));
  else {
    fl_buf_add_char(ret_key, 's');
    fl_buf_add(ret_key, fl_as_string(id), fl_string_size(id));
  }
}

static void fault(struct fl_rpc_message *message, int code, const char *text) {
  message->kind = FL_RPC_FAULT;
  message->fault_code = code;
  message->fault = text;
}

static const struct fl_json_place MEMBERS[] = {
    FL_JSON_PLACE("jsonrpc", struct fl_rpc_members, jsonrpc), FL_JSON_PLACE("id", struct fl_rpc_members, id),
    FL_JSON_PLACE("method", struct fl_rpc_members, method),   FL_JSON_PLACE("params", struct fl_rpc_members, params),
    FL_JSON_PLACE("result", struct fl_rpc_members, result),   FL_JSON_PLACE("error", struct fl_rpc_members, error),
};

static void classify_call(struct fl_rpc_message *message, const struct fl_rpc_members *members) {
  message->kind = members->id != NULL ? FL_RPC_REQUEST : FL_RPC_NOTIFICATION;
  message->params = members->params;
  message->meta = fl_get(message->params, "_meta");
  if (message->params == NULL || fl_is(message->params, FL_OBJECT)) return;
  if (fl_is(message->params, FL_ARRAY)) fault(message, FL_RPC_INVALID_PARAMS, "\"params\" must be an object");
  else fault(message, FL_RPC_INVALID_REQUEST, "\"params\" must be an object");
}

static void classify_response(struct fl_rpc_message *message, const struct fl_rpc_members *members) {
  message->result = members->result;
  message->error = members->error;
  if ((message->result != NULL) == (message->error != NULL))
    fault(message, FL_RPC_INVALID_REQUEST,
          "a message has a \"method\", a \"result\" or an \"error\", and only one of them");
  else if (message->result != NULL) {
    message->kind = FL_RPC_RESULT;
    if (message->id == NULL) fault(message, FL_RPC_INVALID_REQUEST, "a result needs an \"id\"");
  } else {
    message->kind = FL_RPC_ERROR;
    if (!fl_is(message->error, FL_OBJECT) || !fl_is(fl_get(message->error, "code"), FL_INT) ||
        fl_get_string(message->error, "message", NULL) == NULL)
      fault(message, FL_RPC_INVALID_REQUEST, "an \"error\" needs an integer \"code\" and a \"message\"");
  }
}

static void classify_members(struct fl_rpc_message *message, const struct fl_rpc_members *members) {
  const struct fl_value *id = members->id, *method = members->method;
  const char *version = fl_as_string(members->jsonrpc);
  if (fl_rpc_is_id(id)) message->id = id;
  if (version == NULL || strcmp(version, "2.0") != 0)
    fault(message, FL_RPC_INVALID_REQUEST, "\"jsonrpc\" must be \"2.0\"");
  else if (method != NULL && !fl_is(method, FL_STRING))
    fault(message, FL_RPC_INVALID_REQUEST, "\"method\" must be a string");
  else if (id != NULL && message->id == NULL && (method != NULL || !fl_is(id, FL_NULL)))
    fault(message, FL_RPC_INVALID_REQUEST, "\"id\" must be a string or an integer");
  else if (method != NULL) {
    message->method = fl_as_string(method);
    classify_call(message, members);
  } else classify_response(message, members);
}

void fl_rpc_classify(struct fl_value *value, struct fl_rpc_message *ret_message) {
  *ret_message = (struct fl_rpc_message){.root = fl_value_ref(value)};
  if (fl_is(value, FL_ARRAY)) {
    ret_message->kind = FL_RPC_BATCH;
    return;
  }
  if (!fl_is(value, FL_OBJECT)) {
    fault(ret_message, FL_RPC_INVALID_REQUEST, "a message must be an object");
    return;
  }
  struct fl_rpc_members members = {0};
  fl_json_members(value, MEMBERS, sizeof MEMBERS / sizeof MEMBERS[0], &members);
  classify_members(ret_message, &members);
}

void fl_rpc_read(fl_slice line, struct fl_rpc_message *ret_message) { fl_rpc_read_memo(line, NULL, ret_message); }

void fl_rpc_read_memo(fl_slice line, struct fl_json_memo *meta, struct fl_rpc_message *ret_message) {
  const struct fl_json_known how = {.places = MEMBERS, .count = sizeof MEMBERS / sizeof MEMBERS[0], .memo = meta};
  struct fl_rpc_members members;
  FL_VALUE_AUTO other = NULL;
  struct fl_error err;
  int status = fl_json_read_known(line, &how, &other, &members, &err);
  if (status == 0 && other != NULL) {
    fl_rpc_classify(other, ret_message);
    return;
  }
  *ret_message = (struct fl_rpc_message){.held = members};
  if (status == 0) {
    classify_members(ret_message, &members);
    return;
  }
  ret_message->json_error = err;
  fault(ret_message, FL_RPC_PARSE_ERROR, ret_message->json_error.text);
}

void fl_rpc_message_deinit(struct fl_rpc_message *message) {
  struct fl_value *held[] = {message->root,        message->held.jsonrpc, message->held.id,   message->held.method,
                             message->held.params, message->held.result,  message->held.error};
  for (size_t i = 0; i < sizeof held / sizeof held[0]; i++) fl_value_unref(held[i]);
  message->root = NULL;
  message->held = (struct fl_rpc_members){0};
}

/* ---- the id of a message that was cut off ---- */

static size_t skip_blank(fl_slice text, size_t at) {
  while (at < text.size && strchr(" \t\r\n", text.data[at]) != NULL && text.data[at] != '\0') at++;
  return at;
}

/* Past the string that starts at `at`; text.size when it does not end. */
static size_t skip_string(fl_slice text, size_t at) {
  for (at++; at < text.size && text.data[at] != '"'; at++)
    if (text.data[at] == '\\') at++;
  return at < text.size ? at + 1 : text.size;
}

/* Past the value that starts at `at`, by brackets alone. */
static size_t skip_value(fl_slice text, size_t at) {
  size_t depth = 0;
  while (at < text.size) {
    char c = text.data[at];
    if (depth == 0 && (c == ',' || c == '}')) return at;
    if (c == '{' || c == '[') depth++;
    if ((c == '}' || c == ']') && depth > 0) depth--;
    at = c == '"' ? skip_string(text, at) : at + 1;
  }
  return at;
}

/* Where the value of a member of the outermost object starts; text.size: there is none as far as the text goes. */
static size_t find_member(fl_slice text, const char *quoted_key) {
  size_t at = skip_blank(text, 0);
  if (at >= text.size || text.data[at] != '{') return text.size;
  while (at < text.size && text.data[at] != '}') {
    at = skip_blank(text, at + 1);
    if (at >= text.size || text.data[at] != '"') return text.size;
    size_t key_start = at;
    at = skip_string(text, at);
    bool is_it = fl_slice_equal(fl_slice_n(text.data + key_start, at - key_start), fl_slice_of(quoted_key));
    at = skip_blank(text, at);
    if (at >= text.size || text.data[at] != ':') return text.size;
    size_t value_start = skip_blank(text, at + 1);
    if (is_it) return value_start;
    at = skip_value(text, value_start);
  }
  return text.size;
}

struct fl_value *fl_rpc_peek_id(fl_slice front) {
  size_t start = find_member(front, "\"id\""), end = skip_value(front, start);
  struct fl_value *id = NULL;
  if (end >= front.size) return NULL;
  if (fl_json_read(fl_slice_n(front.data + start, end - start), FL_JSON_STRICT, &id, NULL) != 0) return NULL;
  if (fl_rpc_is_id(id)) return id;
  fl_value_unref(id);
  return NULL;
}

bool fl_rpc_peek_is_answer(fl_slice front) {
  fl_slice keys = fl_slice_n(front.data, front.size < PEEK_SIZE ? front.size : PEEK_SIZE);
  return find_member(keys, "\"result\"") < keys.size || find_member(keys, "\"error\"") < keys.size;
}

/* ---- writing ---- */

static void add(struct fl_buf *buf, fl_slice text) { fl_buf_add(buf, text.data, text.size); }

static void add_id(struct fl_buf *buf, const struct fl_value *id) { fl_json_write(buf, id, FL_JSON_COMPACT); }

static void add_method(struct fl_buf *buf, const char *method) {
  add(buf, FL_SLICE("\"method\":\""));
  fl_buf_add_text(buf, method); /* ours: nothing in it needs an escape */
  add(buf, FL_SLICE("\",\"params\":"));
}

struct fl_rpc_line fl_rpc_begin_result(struct fl_buf *buf, const struct fl_value *id) {
  struct fl_rpc_line line = {buf, buf->size};
  add(buf, FL_SLICE("{\"jsonrpc\":\"2.0\",\"id\":"));
  add_id(buf, id);
  add(buf, FL_SLICE(",\"result\":"));
  return line;
}

struct fl_rpc_line fl_rpc_begin_request(struct fl_buf *buf, int64_t id, const char *method) {
  struct fl_rpc_line line = {buf, buf->size};
  fl_buf_addf(buf, "{\"jsonrpc\":\"2.0\",\"id\":%" PRId64 ",", id);
  add_method(buf, method);
  return line;
}

struct fl_rpc_line fl_rpc_begin_notification(struct fl_buf *buf, const char *method) {
  struct fl_rpc_line line = {buf, buf->size};
  add(buf, FL_SLICE("{\"jsonrpc\":\"2.0\","));
  add_method(buf, method);
  return line;
}

int fl_rpc_shown(const char *text, int most) {
  int size = (int)strnlen(text, (size_t)most + 1);
  if (size <= most) return size;
  for (size = most; size > 0 && (text[size] & 0xC0) == 0x80;) size--;
  return size;
}

void fl_rpc_add_text(struct fl_buf *buf, const char *text) {
  FL_VALUE_AUTO value = fl_string(text);
  fl_json_write(buf, value, FL_JSON_COMPACT);
}

int fl_rpc_end(struct fl_rpc_line line) {
  add(line.buf, FL_SLICE("}\n"));
  if (!line.buf->failed) return 0;
  line.buf->size = line.start;
  if (line.buf->data != NULL) line.buf->data[line.start] = '\0';
  line.buf->failed = false;
  return FL_E_LIMIT;
}

int fl_rpc_write_error(struct fl_buf *buf, const struct fl_rpc_fault *fault) {
  struct fl_rpc_line line = {buf, buf->size};
  add(buf, FL_SLICE("{\"jsonrpc\":\"2.0\","));
  if (fault->id != NULL) {
    add(buf, FL_SLICE("\"id\":"));
    add_id(buf, fault->id);
    fl_buf_add_char(buf, ',');
  } else if (fault->has_null_id) add(buf, FL_SLICE("\"id\":null,"));
  fl_buf_addf(buf, "\"error\":{\"code\":%d,\"message\":", fault->code);
  fl_rpc_add_text(buf, fault->message);
  if (fault->data != NULL) {
    add(buf, FL_SLICE(",\"data\":"));
    fl_json_write(buf, fault->data, FL_JSON_COMPACT);
  }
  fl_buf_add_char(buf, '}');
  return fl_rpc_end(line);
}
