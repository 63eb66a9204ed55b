/* SPDX-License-Identifier: MIT */
#include "mcp/proto/param_header.h"

#include "runtime/base/map.h"
#include "runtime/base/mem.h"
#include "runtime/json/json.h"
#include "runtime/wire/base64.h"

#include <ctype.h>
#include <strings.h>

enum { DEPTH_MAX = 32 };

static bool is_token(const char *name) {
  size_t size = strlen(name);
  for (size_t i = 0; i < size; i++)
    if (!isalnum((unsigned char)name[i]) && strchr("!#$%&'*+-.^_`|~", name[i]) == NULL) return false;
  return size > 0;
}

static bool is_simple(const struct fl_value *property) {
  const char *type = fl_get_string(property, "type", "");
  return strcmp(type, "string") == 0 || strcmp(type, "integer") == 0 || strcmp(type, "boolean") == 0;
}

/* ---- check ---- */

struct check {
  struct fl_map names; /* in lower case */
  size_t allowed_count;
  struct fl_error *err;
};

static int check_property(struct check *check, const char *key, const struct fl_value *property) {
  const struct fl_value *annotation = fl_get(property, FL_MCP_PARAM_HEADER_KEY);
  if (annotation == NULL) return 0;
  const char *name = fl_as_string(annotation);
  if (name == NULL || !is_token(name))
    return fl_error_set(check->err, FL_E_INVALID, "the x-mcp-header of \"%.100s\" is not the name of a header", key);
  if (!is_simple(property))
    return fl_error_set(check->err, FL_E_INVALID, "\"%.100s\" has an x-mcp-header but is no string, integer or boolean",
                        key);
  FL_FREE_AUTO char *lower = fl_strdup(name);
  for (char *c = lower; *c != '\0'; c++) *c = (char)tolower((unsigned char)*c);
  if (fl_map_set(&check->names, lower, check) != NULL)
    return fl_error_set(check->err, FL_E_INVALID, "two parameters have the x-mcp-header \"%.100s\"", name);
  check->allowed_count++;
  return 0;
}

static int check_properties(struct check *check, const struct fl_value *schema, int depth) {
  struct fl_member member = {0};
  const struct fl_value *properties = fl_get(schema, "properties");
  while (depth < DEPTH_MAX && fl_is(properties, FL_OBJECT) && fl_next_member(properties, &member)) {
    int status = check_property(check, member.key, member.value);
    if (status == 0) status = check_properties(check, member.value, depth + 1);
    if (status < 0) return status;
  }
  return 0;
}

/* Annotations anywhere in the schema. Members of `properties` are names, not keywords; constants are data. */
static size_t count_all(const struct fl_value *value, bool are_names, int depth) {
  size_t count = 0;
  struct fl_member member = {0};
  if (depth > FL_JSON_DEPTH_STRICT) return 0;
  for (size_t i = 0; fl_is(value, FL_ARRAY) && i < fl_size(value); i++)
    count += count_all(fl_at(value, i), false, depth + 1);
  while (fl_is(value, FL_OBJECT) && fl_next_member(value, &member)) {
    bool is_data = strcmp(member.key, "const") == 0 || strcmp(member.key, "enum") == 0 ||
                   strcmp(member.key, "default") == 0 || strcmp(member.key, "examples") == 0;
    if (!are_names && strcmp(member.key, FL_MCP_PARAM_HEADER_KEY) == 0) count++;
    else if (are_names || !is_data)
      count += count_all(member.value, !are_names && strcmp(member.key, "properties") == 0, depth + 1);
  }
  return count;
}

int fl_mcp_param_headers_check(const struct fl_value *input_schema, struct fl_error *err) {
  struct check check = {.err = err};
  fl_map_init(&check.names);
  int status = check_properties(&check, input_schema, 0);
  if (status == 0 && count_all(input_schema, false, 0) != check.allowed_count)
    status = fl_error_set(err, FL_E_INVALID, "an x-mcp-header stands where it cannot be followed");
  fl_map_deinit(&check.names);
  return status;
}

/* ---- values ---- */

static void add_values(struct fl_value **headers, const struct fl_value *schema, const struct fl_value *args,
                       int depth) {
  struct fl_member member = {0};
  const struct fl_value *properties = fl_get(schema, "properties");
  while (depth < DEPTH_MAX && fl_is(properties, FL_OBJECT) && fl_next_member(properties, &member)) {
    const struct fl_value *arg = fl_get_n(args, member.key, member.key_size);
    const char *name = fl_get_string(member.value, FL_MCP_PARAM_HEADER_KEY, NULL);
    if (fl_is(arg, FL_OBJECT)) add_values(headers, member.value, arg, depth + 1);
    bool is_value = fl_is(arg, FL_STRING) || fl_is(arg, FL_BOOL) || fl_is_number(arg);
    if (name == NULL || !is_value) continue;
    if (*headers == NULL) *headers = fl_object();
    char *text = fl_is(arg, FL_STRING) ? NULL : fl_dump(arg, NULL);
    fl_set_string(*headers, name, text != NULL ? text : fl_as_string(arg));
    fl_text_free(text);
  }
}

struct fl_value *fl_mcp_param_headers(const struct fl_value *input_schema, const struct fl_value *args) {
  struct fl_value *headers = NULL;
  add_values(&headers, input_schema, args, 0);
  return headers;
}

static bool is_plain(fl_slice text) {
  static const char front[] = "=?base64?";
  if (text.size >= sizeof front - 1 && strncasecmp(text.data, front, sizeof front - 1) == 0) return false;
  for (size_t i = 0; i < text.size; i++)
    if (text.data[i] < 0x20 || text.data[i] > 0x7e) return false;
  return text.size == 0 || (text.data[0] != ' ' && text.data[text.size - 1] != ' ');
}

void fl_mcp_header_encode(struct fl_buf *buf, fl_slice text) {
  if (is_plain(text)) {
    fl_buf_add(buf, text.data, text.size);
    return;
  }
  fl_buf_add_text(buf, "=?base64?");
  fl_base64_encode(buf, text, 0);
  fl_buf_add_text(buf, "?=");
}
