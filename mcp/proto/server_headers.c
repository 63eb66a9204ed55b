/* SPDX-License-Identifier: MIT */
/* The header fields of Streamable HTTP that mirror the body (2026-07-28): whoever routes by them must not be told
 * something else than whoever reads the body, so they are compared before anything is done. */
#include "mcp/proto/server_internal.h"
#include "runtime/json/json.h"
#include "runtime/wire/base64.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

static bool mismatch(struct fl_mcp_step *step, const char *format, ...) FL_PRINTF(2, 3);
static bool mismatch(struct fl_mcp_step *step, const char *format, ...) {
  FL_BUF_AUTO text = {0};
  va_list args;
  va_start(args, format);
  fl_buf_add_text(&text, "Header mismatch: ");
  fl_buf_vaddf(&text, format, args);
  va_end(args);
  fl_mcp_reply_error_data(step, FL_RPC_HEADER_MISMATCH, text.data, NULL);
  return false;
}

/* "=?base64?…?=" stands for a text that a field cannot hold; false: what is inside is not base64 of a text. */
static bool decode(const char *field, struct fl_buf *ret_text) {
  static const char front[] = "=?base64?", back[] = "?=";
  size_t size = strlen(field), least = sizeof front - 1 + sizeof back - 1;
  bool is_coded = size >= least && strncmp(field, front, sizeof front - 1) == 0 &&
                  strcmp(field + size - (sizeof back - 1), back) == 0;
  if (!is_coded) return fl_buf_add_text(ret_text, field) == 0;
  fl_slice inner = fl_slice_n(field + sizeof front - 1, size - least);
  if (fl_base64_decode(ret_text, inner, FL_BASE64_STANDARD, NULL) < 0) return false;
  return fl_buf_add(ret_text, "", 0) == 0;
}

static bool has_plain_chars(const char *field) {
  for (; *field != '\0'; field++)
    if ((*field < 0x20 && *field != '\t') || *field == 0x7f || (*field & 0x80) != 0) return false;
  return true;
}

static bool is_equal(const struct fl_buf *text, const char *value, size_t size) {
  return text->size == size && (size == 0 || memcmp(text->data, value, size) == 0);
}

static bool check_field(struct fl_mcp_step *step, const char *field_name, const char *field, const char *value) {
  if (field == NULL) return mismatch(step, "%s is missing", field_name);
  if (has_plain_chars(field) && strcmp(field, value) == 0 && field[0] != '=') return true; /* nearly always */
  FL_BUF_AUTO text = {0};
  if (!has_plain_chars(field) || !decode(field, &text)) return mismatch(step, "%s cannot be read", field_name);
  if (is_equal(&text, value, strlen(value))) return true;
  return mismatch(step, "%s is not what the body says", field_name);
}

/* A number in a field may be written in several ways; it is the value that counts. */
static bool is_same_integer(const struct fl_buf *text, const struct fl_value *value) {
  char *end = NULL;
  double number = text->size > 0 ? strtod(text->data, &end) : NAN;
  return end != NULL && *end == '\0' && number == fl_as_double(value, NAN);
}

static bool is_same(const struct fl_buf *text, const struct fl_value *value) {
  switch (fl_type_of(value)) {
  case FL_STRING: return is_equal(text, fl_as_string(value), fl_string_size(value));
  case FL_BOOL: return is_equal(text, fl_as_bool(value, false) ? "true" : "false", fl_as_bool(value, false) ? 4 : 5);
  case FL_INT:
  case FL_DOUBLE: return is_same_integer(text, value);
  default: return false;
  }
}

static const struct fl_value *argument_at(const struct fl_mcp_step *step, const struct fl_value *path) {
  const struct fl_value *value = fl_get(step->params, "arguments");
  for (size_t i = 0; i < fl_size(path); i++) {
    const struct fl_value *name = fl_at(path, i);
    value = fl_get_n(value, fl_as_string(name), fl_string_size(name));
  }
  return value;
}

static bool check_param(struct fl_mcp_step *step, const struct fl_mcp_param *param) {
  const struct fl_value *value = argument_at(step, param->path);
  const char *field = step->headers->param != NULL ? step->headers->param(step->headers->user, param->header) : NULL;
  bool is_absent = fl_is(value, FL_NULL);
  if (is_absent && field == NULL) return true;
  if (is_absent) return mismatch(step, "Mcp-Param-%s is there, and the argument is not", param->header);
  if (field == NULL) return mismatch(step, "Mcp-Param-%s is missing", param->header);
  FL_BUF_AUTO text = {0};
  if (!has_plain_chars(field) || !decode(field, &text))
    return mismatch(step, "Mcp-Param-%s cannot be read", param->header);
  return is_same(&text, value) || mismatch(step, "Mcp-Param-%s is not what the body says", param->header);
}

static bool check_params(struct fl_mcp_step *step) {
  if (strcmp(step->message->method, "tools/call") != 0) return true;
  const struct fl_mcp_entry *entry =
      fl_mcp_catalog_find(&step->session->core->catalog, FL_MCP_TOOLS, fl_get_string(step->params, "name", ""));
  for (size_t i = 0; entry != NULL && i < entry->param_count; i++)
    if (!check_param(step, &entry->params[i])) return false;
  return true;
}

bool fl_mcp_check_version_header(struct fl_mcp_step *step, const char *version) {
  return step->headers == NULL || check_field(step, "MCP-Protocol-Version", step->headers->protocol_version, version);
}

bool fl_mcp_check_headers(struct fl_mcp_step *step, const char *name_field) {
  const struct fl_mcp_headers *headers = step->headers;
  if (headers == NULL || step->revision == NULL || step->revision->era != FL_MCP_MODERN) return true;
  if (!check_field(step, "Mcp-Method", headers->method, step->message->method)) return false;
  const char *name = name_field != NULL ? fl_get_string(step->params, name_field, NULL) : NULL;
  if (name != NULL && !check_field(step, "Mcp-Name", headers->name, name)) return false;
  return check_params(step);
}
