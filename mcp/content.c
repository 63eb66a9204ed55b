/* SPDX-License-Identifier: MIT */
/* Content blocks of MCP, and the answers of handlers that are no tools: messages of prompts, contents of resources,
 * values of completions. */
#include "runtime/base/mem.h"
#include "runtime/wire/base64.h"
#include "tools/call_impl.h"

#include <fairlead/mcp.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- blocks ---- */

static struct fl_value *base64(const void *bytes, size_t size) {
  FL_BUF_AUTO text = {.limit = SIZE_MAX / 2};
  fl_base64_encode(&text, fl_slice_n(bytes, size), FL_BASE64_STANDARD);
  return fl_string_n(text.data != NULL ? text.data : "", text.size);
}

static struct fl_value *block(const char *type) {
  struct fl_value *made = fl_object();
  fl_set_string(made, "type", type);
  return made;
}

struct fl_value *fl_content_text(const char *text) {
  struct fl_value *made = block("text");
  fl_set_string(made, "text", text);
  return made;
}

static struct fl_value *media(const char *type, const char *mime_type, const void *bytes, size_t size) {
  struct fl_value *made = block(type);
  fl_set_take(made, "data", base64(bytes, size));
  fl_set_string(made, "mimeType", mime_type);
  return made;
}

struct fl_value *fl_content_image(const char *mime_type, const void *bytes, size_t size) {
  return media("image", mime_type, bytes, size);
}

struct fl_value *fl_content_audio(const char *mime_type, const void *bytes, size_t size) {
  return media("audio", mime_type, bytes, size);
}

static struct fl_value *contents(const char *uri, const char *mime_type) {
  struct fl_value *made = fl_object();
  fl_set_string(made, "uri", uri);
  fl_set_string(made, "mimeType", mime_type);
  return made;
}

static struct fl_value *embedded_take(struct fl_value *resource) {
  struct fl_value *made = block("resource");
  fl_set_take(made, "resource", resource);
  return made;
}

struct fl_value *fl_content_resource_text(const char *uri, const char *mime_type, const char *text) {
  struct fl_value *resource = contents(uri, mime_type != NULL ? mime_type : "text/plain");
  fl_set_string(resource, "text", text);
  return embedded_take(resource);
}

struct fl_value *fl_content_resource_bytes(const char *uri, const char *mime_type, const void *bytes, size_t size) {
  struct fl_value *resource = contents(uri, mime_type != NULL ? mime_type : "application/octet-stream");
  fl_set_take(resource, "blob", base64(bytes, size));
  return embedded_take(resource);
}

struct fl_value *fl_content_link(const char *uri, const char *name, const char *mime_type) {
  struct fl_value *made = block("resource_link");
  fl_set_string(made, "uri", uri);
  fl_set_string(made, "name", name);
  if (mime_type != NULL) fl_set_string(made, "mimeType", mime_type);
  return made;
}

/* ---- answers ---- */

/* Adds to the list `key` of the answer under way, which it begins. Takes `entry`. */
static void add_take(struct fl_call *call, const char *key, struct fl_value *entry) {
  if (call->result == NULL || fl_get(call->result, key) == NULL) {
    fl_value_unref(call->result);
    call->result = fl_object();
    fl_set_take(call->result, key, fl_array());
  }
  fl_append_take(fl_get(call->result, key), entry);
}

int fl_call_return_message_take(struct fl_call *call, const char *role, struct fl_value *content) {
  struct fl_value *message = fl_object();
  fl_set_string(message, "role", role);
  fl_set_take(message, "content", content);
  add_take(call, "messages", message);
  return 0;
}

int fl_call_return_message(struct fl_call *call, const char *role, const char *format, ...) {
  va_list args;
  va_start(args, format);
  char *text = NULL;
  if (vasprintf(&text, format, args) < 0) fl_out_of_memory();
  va_end(args);
  struct fl_value *content = fl_content_text(text);
  free(text);
  return fl_call_return_message_take(call, role, content);
}

static const char *uri_of(const struct fl_call *call) { return fl_get_string(call->options.args, "uri", ""); }

int fl_call_return_resource_text(struct fl_call *call, const char *mime_type, const char *text) {
  struct fl_value *part = contents(uri_of(call), mime_type != NULL ? mime_type : "text/plain");
  fl_set_string(part, "text", text);
  add_take(call, "contents", part);
  return 0;
}

int fl_call_return_resource_bytes(struct fl_call *call, const char *mime_type, const void *bytes, size_t size) {
  struct fl_value *part = contents(uri_of(call), mime_type != NULL ? mime_type : "application/octet-stream");
  fl_set_take(part, "blob", base64(bytes, size));
  add_take(call, "contents", part);
  return 0;
}

int fl_call_return_values(struct fl_call *call, const char *const *values) {
  const char *typed = fl_get_string(call->options.args, "value", "");
  size_t size = strlen(typed);
  fl_value_unref(call->result);
  call->result = fl_object();
  fl_set_take(call->result, "values", fl_array());
  for (; *values != NULL; values++)
    if (strncmp(*values, typed, size) == 0) add_take(call, "values", fl_string(*values));
  return 0;
}
