/* SPDX-License-Identifier: MIT */
#include "mcp/proto/catalog.h"

#include "mcp/proto/rpc.h"
#include "runtime/base/mem.h"
#include "runtime/json/json.h"

#include <stdlib.h>

enum { LEGACY_TEXTS, MODERN_TEXTS, TTL_MS = 300000 };

static void add(struct fl_buf *buf, const char *text) { fl_buf_add_text(buf, text); }

/* "key":"text" with a comma in front, or nothing when there is no text. */
static void add_member(struct fl_buf *buf, const char *key, const char *text) {
  if (text == NULL) return;
  if (buf->size > 0 && buf->data[buf->size - 1] != '{') add(buf, ",");
  fl_buf_addf(buf, "\"%s\":", key);
  fl_rpc_add_text(buf, text);
}

static void add_value(struct fl_buf *buf, const char *key, const struct fl_value *value) {
  if (value == NULL) return;
  fl_buf_addf(buf, ",\"%s\":", key);
  fl_json_write(buf, value, FL_JSON_COMPACT);
}

static void bufs_free(struct fl_buf *bufs, size_t count) {
  for (size_t i = 0; bufs != NULL && i < count; i++) fl_buf_deinit(&bufs[i]);
  fl_free(bufs);
}

static void drop_pages(struct fl_mcp_catalog *catalog) {
  for (int era = 0; era < 2; era++) {
    bufs_free(catalog->pages[era], catalog->page_count);
    catalog->pages[era] = NULL;
  }
  catalog->page_count = 0;
}

void fl_mcp_catalog_init(struct fl_mcp_catalog *catalog, const struct fl_mcp_identity *identity, size_t page_size) {
  *catalog = (struct fl_mcp_catalog){.page_size = page_size != 0 ? page_size : FL_MCP_PAGE_SIZE};
  catalog->identity = (struct fl_mcp_identity){.name = fl_strdup(identity->name),
                                               .version = fl_strdup(identity->version),
                                               .title = fl_strdup(identity->title),
                                               .instructions = fl_strdup(identity->instructions),
                                               .lists_change = identity->lists_change};
  fl_map_init(&catalog->by_name);
  struct fl_buf *info = &catalog->server_info;
  add(info, "{");
  add_member(info, "name", identity->name);
  add_member(info, "title", identity->title);
  add_member(info, "version", identity->version);
  add(info, "}");
  fl_buf_addf(&catalog->meta, ",\"_meta\":{\"" FL_MCP_META_SERVER_INFO "\":%s}}", info->data);
}

void fl_mcp_catalog_clear(struct fl_mcp_catalog *catalog) {
  drop_pages(catalog);
  for (int era = 0; era < 2; era++) {
    bufs_free(catalog->tools[era], catalog->tool_count);
    catalog->tools[era] = NULL;
  }
  catalog->tool_count = 0;
  fl_map_deinit(&catalog->by_name);
  fl_map_init(&catalog->by_name);
}

void fl_mcp_catalog_deinit(struct fl_mcp_catalog *catalog) {
  fl_mcp_catalog_clear(catalog);
  fl_map_deinit(&catalog->by_name);
  fl_buf_deinit(&catalog->server_info);
  fl_buf_deinit(&catalog->meta);
  fl_free((void *)(uintptr_t)catalog->identity.name);
  fl_free((void *)(uintptr_t)catalog->identity.version);
  fl_free((void *)(uintptr_t)catalog->identity.title);
  fl_free((void *)(uintptr_t)catalog->identity.instructions);
  *catalog = (struct fl_mcp_catalog){0};
}

static bool is_object_schema(const struct fl_value *schema) {
  return strcmp(fl_get_string(schema, "type", ""), "object") == 0;
}

/* Older revisions know the newer members too or ignore them; only an output schema that is not an object's would break
 * one. */
static void write_tool(struct fl_buf *buf, const struct fl_mcp_offered_tool *tool, int era) {
  add(buf, "{");
  add_member(buf, "name", tool->name);
  add_member(buf, "title", tool->title);
  add_member(buf, "description", tool->description);
  add_value(buf, "inputSchema", tool->input_schema);
  if (era == MODERN_TEXTS || is_object_schema(tool->output_schema)) add_value(buf, "outputSchema", tool->output_schema);
  add_value(buf, "annotations", tool->annotations);
  add(buf, "}");
}

int fl_mcp_catalog_add(struct fl_mcp_catalog *catalog, const struct fl_mcp_offered_tool *tool, struct fl_error *err) {
  if (fl_mcp_catalog_has(catalog, tool->name))
    return fl_error_set(err, FL_E_EXISTS, "there are two tools with the name \"%s\"", tool->name);
  drop_pages(catalog);
  size_t index = catalog->tool_count++;
  for (int era = 0; era < 2; era++) {
    catalog->tools[era] = fl_realloc(catalog->tools[era], catalog->tool_count * sizeof(struct fl_buf));
    catalog->tools[era][index] = (struct fl_buf){0};
    write_tool(&catalog->tools[era][index], tool, era);
  }
  fl_map_set(&catalog->by_name, tool->name, (void *)(uintptr_t)catalog->tool_count);
  return 0;
}

bool fl_mcp_catalog_has(const struct fl_mcp_catalog *catalog, const char *name) {
  return fl_map_get(&catalog->by_name, name) != NULL;
}

/* ---- pages ---- */

static void write_page(struct fl_mcp_catalog *catalog, int era, size_t page, struct fl_buf *buf) {
  size_t first = page * catalog->page_size, end = first + catalog->page_size;
  bool is_last = end >= catalog->tool_count;
  if (is_last) end = catalog->tool_count;
  add(buf, era == MODERN_TEXTS ? "{\"resultType\":\"complete\",\"tools\":[" : "{\"tools\":[");
  for (size_t i = first; i < end; i++) {
    if (i > first) add(buf, ",");
    fl_buf_add(buf, catalog->tools[era][i].data, catalog->tools[era][i].size);
  }
  add(buf, "]");
  if (!is_last) fl_buf_addf(buf, ",\"nextCursor\":\"page-%zu\"", page + 1);
  if (era == MODERN_TEXTS)
    fl_buf_addf(buf, ",\"ttlMs\":%d,\"cacheScope\":\"public\"%s", catalog->identity.lists_change ? 0 : TTL_MS,
                catalog->meta.data);
  else add(buf, "}");
}

static void make_pages(struct fl_mcp_catalog *catalog) {
  catalog->page_count =
      catalog->tool_count == 0 ? 1 : (catalog->tool_count + catalog->page_size - 1) / catalog->page_size;
  for (int era = 0; era < 2; era++) {
    catalog->pages[era] = fl_new_array(struct fl_buf, catalog->page_count);
    for (size_t page = 0; page < catalog->page_count; page++)
      write_page(catalog, era, page, &catalog->pages[era][page]);
  }
}

/* "page-N" as write_page wrote it, N from 1; anything else is refused. */
static bool read_cursor(const char *cursor, size_t page_count, size_t *ret_page) {
  if (strncmp(cursor, "page-", 5) != 0) return false;
  const char *digits = cursor + 5;
  size_t size = strlen(digits);
  if (size == 0 || size > 9 || strspn(digits, "0123456789") != size || digits[0] == '0') return false;
  *ret_page = strtoul(digits, NULL, 10);
  return *ret_page < page_count;
}

const struct fl_buf *fl_mcp_catalog_page(struct fl_mcp_catalog *catalog, enum fl_mcp_era era, const char *cursor) {
  if (catalog->page_count == 0) make_pages(catalog);
  size_t page = 0;
  if (cursor != NULL && !read_cursor(cursor, catalog->page_count, &page)) return NULL;
  return &catalog->pages[era == FL_MCP_MODERN ? MODERN_TEXTS : LEGACY_TEXTS][page];
}

/* ---- handshakes ---- */

static void write_capabilities(const struct fl_mcp_catalog *catalog, struct fl_buf *buf) {
  add(buf, "\"capabilities\":{\"logging\":{},\"tools\":");
  add(buf, catalog->identity.lists_change ? "{\"listChanged\":true}}" : "{}}");
}

void fl_mcp_catalog_discover(const struct fl_mcp_catalog *catalog, struct fl_buf *ret_text) {
  add(ret_text, "{\"resultType\":\"complete\",\"supportedVersions\":[\"" FL_MCP_REVISION_MODERN "\"],");
  write_capabilities(catalog, ret_text);
  add_member(ret_text, "instructions", catalog->identity.instructions);
  fl_buf_addf(ret_text, ",\"ttlMs\":%d,\"cacheScope\":\"public\"%s", TTL_MS, catalog->meta.data);
}

void fl_mcp_catalog_initialize(const struct fl_mcp_catalog *catalog, const char *revision, struct fl_buf *ret_text) {
  fl_buf_addf(ret_text, "{\"protocolVersion\":\"%s\",", revision);
  write_capabilities(catalog, ret_text);
  fl_buf_addf(ret_text, ",\"serverInfo\":%s", catalog->server_info.data);
  add_member(ret_text, "instructions", catalog->identity.instructions);
  add(ret_text, "}");
}
