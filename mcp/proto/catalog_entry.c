/* SPDX-License-Identifier: MIT */
#include "mcp/proto/catalog_entry.h"

#include "mcp/proto/param_header.h"
#include "mcp/proto/rpc.h"
#include "mcp/proto/uri_template.h"
#include "runtime/base/mem.h"
#include "runtime/json/json.h"

#include <inttypes.h>

struct fl_mcp_entry *fl_mcp_entry_create(const char *name) {
  struct fl_mcp_entry *entry = fl_new(struct fl_mcp_entry);
  entry->name = fl_strdup(name);
  return entry;
}

void fl_mcp_entry_destroy(struct fl_mcp_entry *entry) {
  for (size_t i = 0; i < entry->param_count; i++) {
    fl_free(entry->params[i].header);
    fl_value_unref(entry->params[i].path);
  }
  fl_free(entry->params);
  fl_uri_template_destroy(entry->uri_template);
  fl_value_unref(entry->text);
  fl_free(entry->name);
  fl_free(entry);
}

/* ---- x-mcp-header ---- */

static void add_param(struct fl_mcp_entry *entry, const char *header, const struct fl_value *path) {
  entry->params = fl_realloc(entry->params, (entry->param_count + 1) * sizeof entry->params[0]);
  entry->params[entry->param_count++] =
      (struct fl_mcp_param){.header = fl_strdup(header), .path = fl_copy_shallow(path)};
}

/* Only along "properties": what is reached through items, compositions or references has no place of its own. */
static void visit(struct fl_mcp_entry *entry, const struct fl_value *schema, const struct fl_value *path) {
  const char *header = fl_get_string(schema, FL_MCP_PARAM_HEADER_KEY, NULL);
  if (header != NULL) add_param(entry, header, path);
  struct fl_member member = {0};
  const struct fl_value *properties = fl_get(schema, "properties");
  while (fl_is(properties, FL_OBJECT) && fl_next_member(properties, &member)) {
    FL_VALUE_AUTO inner = fl_copy_shallow(path);
    fl_append_take(inner, fl_string_n(member.key, member.key_size));
    visit(entry, member.value, inner);
  }
}

int fl_mcp_entry_read_params(struct fl_mcp_entry *entry, const struct fl_value *input_schema, struct fl_error *err) {
  int status = fl_mcp_param_headers_check(input_schema, err);
  if (status < 0) {
    fl_error_context(err, "tool \"%s\"", entry->name);
    return status;
  }
  FL_VALUE_AUTO path = fl_array();
  visit(entry, input_schema, path);
  return 0;
}

/* ---- texts ---- */

static void add(struct fl_buf *buf, const char *text) { fl_buf_add_text(buf, text); }

static void add_comma(struct fl_buf *buf) {
  if (buf->size > 0 && buf->data[buf->size - 1] != '{') add(buf, ",");
}

void fl_mcp_add_member(struct fl_buf *buf, const char *key, const char *text) {
  if (text == NULL) return;
  add_comma(buf);
  fl_buf_addf(buf, "\"%s\":", key);
  fl_rpc_add_text(buf, text);
}

static void add_value(struct fl_buf *buf, const char *key, const struct fl_value *value) {
  if (value == NULL) return;
  add_comma(buf);
  fl_buf_addf(buf, "\"%s\":", key);
  fl_json_write(buf, value, FL_JSON_COMPACT);
}

static bool is_object_schema(const struct fl_value *schema) {
  return strcmp(fl_get_string(schema, "type", ""), "object") == 0;
}

/* Older revisions know the newer members too or ignore them; only an output schema that is not an object's would break
 * one. */
void fl_mcp_write_tool(struct fl_buf *buf, const struct fl_mcp_offered_tool *tool, bool is_modern) {
  add(buf, "{");
  fl_mcp_add_member(buf, "name", tool->name);
  fl_mcp_add_member(buf, "title", tool->title);
  fl_mcp_add_member(buf, "description", tool->description);
  add_value(buf, "icons", tool->icons);
  add_value(buf, "inputSchema", tool->input_schema);
  if (is_modern || is_object_schema(tool->output_schema)) add_value(buf, "outputSchema", tool->output_schema);
  add_value(buf, "annotations", tool->annotations);
  add_value(buf, "_meta", tool->meta);
  add(buf, "}");
}

void fl_mcp_write_prompt(struct fl_buf *buf, const struct fl_mcp_offered_prompt *prompt) {
  add(buf, "{");
  fl_mcp_add_member(buf, "name", prompt->name);
  fl_mcp_add_member(buf, "title", prompt->title);
  fl_mcp_add_member(buf, "description", prompt->description);
  add_value(buf, "icons", prompt->icons);
  add_value(buf, "arguments", prompt->arguments);
  add_value(buf, "_meta", prompt->meta);
  add(buf, "}");
}

void fl_mcp_write_resource(struct fl_buf *buf, const struct fl_mcp_offered_resource *resource, const char *uri_key) {
  add(buf, "{");
  fl_mcp_add_member(buf, uri_key, resource->uri);
  fl_mcp_add_member(buf, "name", resource->name);
  fl_mcp_add_member(buf, "title", resource->title);
  fl_mcp_add_member(buf, "description", resource->description);
  fl_mcp_add_member(buf, "mimeType", resource->mime_type);
  add_value(buf, "icons", resource->icons);
  add_value(buf, "annotations", resource->annotations);
  if (resource->size >= 0 && strcmp(uri_key, "uri") == 0) fl_buf_addf(buf, ",\"size\":%" PRId64, resource->size);
  add_value(buf, "_meta", resource->meta);
  add(buf, "}");
}
