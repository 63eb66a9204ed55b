/* SPDX-License-Identifier: MIT */
#include "mcp/proto/catalog.h"

#include "mcp/proto/catalog_entry.h"
#include "mcp/proto/rpc.h"
#include "mcp/proto/uri_template.h"
#include "runtime/base/mem.h"
#include "runtime/json/json.h"

#include <stdlib.h>

enum { TTL_MS = 300000 };

static const char *const LIST_KEYS[FL_MCP_LIST_COUNT] = {"tools", "prompts", "resources", "resourceTemplates",
                                                         "skills"};

static void add(struct fl_buf *buf, const char *text) { fl_buf_add_text(buf, text); }

static void bufs_free(struct fl_buf *bufs, size_t count) {
  for (size_t i = 0; bufs != NULL && i < count; i++) fl_buf_deinit(&bufs[i]);
  fl_free(bufs);
}

static void drop_pages(struct fl_mcp_catalog_list *list) {
  for (int era = 0; era < 2; era++) {
    bufs_free(list->pages[era], list->page_count);
    list->pages[era] = NULL;
  }
  list->page_count = 0;
}

/* ---- life ---- */

void fl_mcp_catalog_init(struct fl_mcp_catalog *catalog, const struct fl_mcp_identity *identity, size_t page_size) {
  *catalog = (struct fl_mcp_catalog){.page_size = page_size != 0 ? page_size : FL_MCP_PAGE_SIZE};
  catalog->identity = (struct fl_mcp_identity){.name = fl_strdup(identity->name),
                                               .version = fl_strdup(identity->version),
                                               .title = fl_strdup(identity->title),
                                               .instructions = fl_strdup(identity->instructions),
                                               .lists_change = identity->lists_change};
  for (size_t i = 0; i < FL_MCP_LIST_COUNT; i++) fl_map_init(&catalog->lists[i].by_name);
  fl_map_init(&catalog->hidden);
  fl_map_init(&catalog->directories);
  struct fl_buf *info = &catalog->server_info;
  add(info, "{");
  fl_mcp_add_member(info, "name", identity->name);
  fl_mcp_add_member(info, "title", identity->title);
  fl_mcp_add_member(info, "version", identity->version);
  add(info, "}");
  fl_buf_addf(&catalog->meta, ",\"_meta\":{\"" FL_MCP_META_SERVER_INFO "\":%s}}", info->data);
}

static void drop_entries(struct fl_map *map) {
  size_t cursor = 0;
  for (struct fl_map_entry *entry; (entry = fl_map_next(map, &cursor)) != NULL;) fl_mcp_entry_destroy(entry->value);
  fl_map_deinit(map);
  fl_map_init(map);
}

void fl_mcp_catalog_clear(struct fl_mcp_catalog *catalog) {
  for (size_t i = 0; i < FL_MCP_LIST_COUNT; i++) {
    struct fl_mcp_catalog_list *list = &catalog->lists[i];
    drop_pages(list);
    for (int era = 0; era < 2; era++) {
      bufs_free(list->texts[era], list->count);
      list->texts[era] = NULL;
    }
    list->count = 0;
    drop_entries(&list->by_name);
  }
  drop_entries(&catalog->hidden);
  drop_entries(&catalog->directories);
}

void fl_mcp_catalog_deinit(struct fl_mcp_catalog *catalog) {
  fl_mcp_catalog_clear(catalog);
  for (size_t i = 0; i < FL_MCP_LIST_COUNT; i++) fl_map_deinit(&catalog->lists[i].by_name);
  fl_map_deinit(&catalog->hidden);
  fl_map_deinit(&catalog->directories);
  fl_buf_deinit(&catalog->server_info);
  fl_buf_deinit(&catalog->meta);
  fl_free((void *)(uintptr_t)catalog->identity.name);
  fl_free((void *)(uintptr_t)catalog->identity.version);
  fl_free((void *)(uintptr_t)catalog->identity.title);
  fl_free((void *)(uintptr_t)catalog->identity.instructions);
  *catalog = (struct fl_mcp_catalog){0};
}

/* ---- adding ---- */

static int refuse_second(const struct fl_map *map, const char *what, const char *name, struct fl_error *err) {
  if (fl_map_get(map, name) == NULL) return 0;
  return fl_error_set(err, FL_E_EXISTS, "there are two %s with the name \"%s\"", what, name);
}

/* Takes the entry. Its texts are to be written into texts[era][count - 1]. */
static void append(struct fl_mcp_catalog_list *list, struct fl_mcp_entry *entry) {
  drop_pages(list);
  entry->index = list->count++;
  for (int era = 0; era < 2; era++) {
    if ((entry->index & (entry->index - 1)) == 0) /* room for twice as many at each power of two */
      list->texts[era] =
          fl_realloc(list->texts[era], (entry->index == 0 ? 1 : entry->index * 2) * sizeof(struct fl_buf));
    list->texts[era][entry->index] = (struct fl_buf){0};
  }
  fl_map_set(&list->by_name, entry->name, entry);
}

int fl_mcp_catalog_add(struct fl_mcp_catalog *catalog, const struct fl_mcp_offered_tool *tool, struct fl_error *err) {
  struct fl_mcp_catalog_list *list = &catalog->lists[FL_MCP_TOOLS];
  int status = refuse_second(&list->by_name, "tools", tool->name, err);
  if (status < 0) return status;
  struct fl_mcp_entry *entry = fl_mcp_entry_create(tool->name);
  status = fl_mcp_entry_read_params(entry, tool->input_schema, err);
  if (status < 0) {
    fl_mcp_entry_destroy(entry);
    return status;
  }
  entry->task_support = tool->task_support;
  entry->needs_task = tool->needs_task;
  entry->is_single_use = tool->is_single_use;
  append(list, entry);
  for (int era = 0; era < 2; era++)
    fl_mcp_write_tool(&list->texts[era][entry->index], tool, era == FL_MCP_TEXTS_MODERN);
  return 0;
}

int fl_mcp_catalog_add_prompt(struct fl_mcp_catalog *catalog, const struct fl_mcp_offered_prompt *prompt,
                              struct fl_error *err) {
  struct fl_mcp_catalog_list *list = &catalog->lists[FL_MCP_PROMPTS];
  int status = refuse_second(&list->by_name, "prompts", prompt->name, err);
  if (status < 0) return status;
  struct fl_mcp_entry *entry = fl_mcp_entry_create(prompt->name);
  entry->completes = prompt->completes;
  entry->text = fl_value_ref((struct fl_value *)(uintptr_t)prompt->arguments);
  append(list, entry);
  for (int era = 0; era < 2; era++) fl_mcp_write_prompt(&list->texts[era][entry->index], prompt);
  return 0;
}

int fl_mcp_catalog_add_resource(struct fl_mcp_catalog *catalog, const struct fl_mcp_offered_resource *resource,
                                struct fl_error *err) {
  struct fl_mcp_catalog_list *list = &catalog->lists[FL_MCP_RESOURCES];
  int status = refuse_second(&list->by_name, "resources", resource->uri, err);
  if (status == 0) status = refuse_second(&catalog->hidden, "resources", resource->uri, err);
  if (status < 0) return status;
  struct fl_mcp_entry *entry = fl_mcp_entry_create(resource->uri);
  append(list, entry);
  for (int era = 0; era < 2; era++) fl_mcp_write_resource(&list->texts[era][entry->index], resource, "uri");
  return 0;
}

int fl_mcp_catalog_add_template(struct fl_mcp_catalog *catalog, const struct fl_mcp_offered_resource *resource,
                                struct fl_error *err) {
  struct fl_mcp_catalog_list *list = &catalog->lists[FL_MCP_TEMPLATES];
  int status = refuse_second(&list->by_name, "resource templates", resource->uri, err);
  struct fl_uri_template *uri_template = NULL;
  if (status == 0) status = fl_uri_template_parse(resource->uri, &uri_template, err);
  if (status < 0) return status;
  struct fl_mcp_entry *entry = fl_mcp_entry_create(resource->uri);
  entry->uri_template = uri_template;
  entry->completes = resource->completes;
  append(list, entry);
  for (int era = 0; era < 2; era++) fl_mcp_write_resource(&list->texts[era][entry->index], resource, "uriTemplate");
  return 0;
}

int fl_mcp_catalog_add_hidden(struct fl_mcp_catalog *catalog, const char *uri, struct fl_error *err) {
  int status = refuse_second(&catalog->lists[FL_MCP_RESOURCES].by_name, "resources", uri, err);
  if (status == 0) status = refuse_second(&catalog->hidden, "resources", uri, err);
  if (status == 0) fl_map_set(&catalog->hidden, uri, fl_mcp_entry_create(uri));
  return status;
}

int fl_mcp_catalog_add_skill(struct fl_mcp_catalog *catalog, const struct fl_mcp_offered_skill *skill,
                             struct fl_error *err) {
  struct fl_mcp_catalog_list *list = &catalog->lists[FL_MCP_SKILLS];
  int status = refuse_second(&list->by_name, "skills", skill->uri, err);
  if (status < 0) return status;
  struct fl_mcp_entry *entry = fl_mcp_entry_create(skill->uri);
  append(list, entry);
  for (int era = 0; era < 2; era++) fl_json_write(&list->texts[era][entry->index], skill->entry, FL_JSON_COMPACT);
  return 0;
}

int fl_mcp_catalog_add_directory(struct fl_mcp_catalog *catalog, const char *uri, struct fl_value *children,
                                 struct fl_error *err) {
  int status = refuse_second(&catalog->directories, "directories", uri, err);
  if (status < 0) return status;
  struct fl_mcp_entry *entry = fl_mcp_entry_create(uri);
  entry->text = fl_value_ref(children);
  fl_map_set(&catalog->directories, uri, entry);
  return 0;
}

/* ---- finding ---- */

const struct fl_mcp_entry *fl_mcp_catalog_find(const struct fl_mcp_catalog *catalog, enum fl_mcp_list list,
                                               const char *name) {
  const struct fl_mcp_entry *entry = fl_map_get(&catalog->lists[list].by_name, name);
  if (entry == NULL && list == FL_MCP_RESOURCES) entry = fl_map_get(&catalog->hidden, name);
  return entry;
}

bool fl_mcp_catalog_has(const struct fl_mcp_catalog *catalog, const char *name) {
  return fl_mcp_catalog_find(catalog, FL_MCP_TOOLS, name) != NULL;
}

const struct fl_mcp_entry *fl_mcp_catalog_match(const struct fl_mcp_catalog *catalog, const char *uri,
                                                struct fl_value **ret_variables) {
  size_t cursor = 0;
  struct fl_map_entry *at;
  while ((at = fl_map_next(&catalog->lists[FL_MCP_TEMPLATES].by_name, &cursor)) != NULL) {
    const struct fl_mcp_entry *entry = at->value;
    if (fl_uri_template_match(entry->uri_template, uri, ret_variables)) return entry;
  }
  return NULL;
}

const struct fl_mcp_entry *fl_mcp_catalog_directory(const struct fl_mcp_catalog *catalog, const char *uri) {
  return fl_map_get(&catalog->directories, uri);
}

/* ---- pages ---- */

void fl_mcp_catalog_add_caching(const struct fl_mcp_catalog *catalog, struct fl_buf *buf) {
  fl_buf_addf(buf, ",\"ttlMs\":%d,\"cacheScope\":\"public\"", catalog->identity.lists_change ? 0 : TTL_MS);
}

static void write_page(struct fl_mcp_catalog *catalog, enum fl_mcp_list which, int era, size_t page,
                       struct fl_buf *buf) {
  const struct fl_mcp_catalog_list *list = &catalog->lists[which];
  bool is_modern = era == FL_MCP_TEXTS_MODERN;
  size_t first = page * catalog->page_size, end = first + catalog->page_size;
  bool is_last = end >= list->count;
  if (is_last) end = list->count;
  fl_buf_addf(buf, "%s\"%s\":[", is_modern ? "{\"resultType\":\"complete\"," : "{", LIST_KEYS[which]);
  for (size_t i = first; i < end; i++) {
    if (i > first) add(buf, ",");
    fl_buf_add(buf, list->texts[era][i].data, list->texts[era][i].size);
  }
  add(buf, "]");
  if (!is_last) fl_buf_addf(buf, ",\"nextCursor\":\"page-%zu\"", page + 1);
  if (is_modern) {
    fl_mcp_catalog_add_caching(catalog, buf);
    add(buf, catalog->meta.data);
  } else add(buf, "}");
}

static void make_pages(struct fl_mcp_catalog *catalog, enum fl_mcp_list which) {
  struct fl_mcp_catalog_list *list = &catalog->lists[which];
  list->page_count = list->count == 0 ? 1 : (list->count + catalog->page_size - 1) / catalog->page_size;
  for (int era = 0; era < 2; era++) {
    list->pages[era] = fl_new_array(struct fl_buf, list->page_count);
    for (size_t page = 0; page < list->page_count; page++)
      write_page(catalog, which, era, page, &list->pages[era][page]);
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

const struct fl_buf *fl_mcp_catalog_page(struct fl_mcp_catalog *catalog, enum fl_mcp_list list, enum fl_mcp_era era,
                                         const char *cursor) {
  struct fl_mcp_catalog_list *pages = &catalog->lists[list];
  if (pages->page_count == 0) make_pages(catalog, list);
  size_t page = 0;
  if (cursor != NULL && !read_cursor(cursor, pages->page_count, &page)) return NULL;
  return &pages->pages[era == FL_MCP_MODERN ? FL_MCP_TEXTS_MODERN : FL_MCP_TEXTS_LEGACY][page];
}

/* ---- handshakes ---- */

static bool has_any(const struct fl_mcp_catalog *catalog, enum fl_mcp_list list) {
  return catalog->lists[list].count > 0;
}

static bool has_tasks(const struct fl_mcp_catalog *catalog) {
  size_t cursor = 0;
  struct fl_map_entry *at;
  while ((at = fl_map_next(&catalog->lists[FL_MCP_TOOLS].by_name, &cursor)) != NULL)
    if (((const struct fl_mcp_entry *)at->value)->task_support != FL_MCP_TASK_NEVER) return true;
  return false;
}

static bool completes(const struct fl_mcp_catalog *catalog, enum fl_mcp_list list) {
  size_t cursor = 0;
  struct fl_map_entry *at;
  while ((at = fl_map_next(&catalog->lists[list].by_name, &cursor)) != NULL)
    if (((const struct fl_mcp_entry *)at->value)->completes) return true;
  return false;
}

static void write_extensions(const struct fl_mcp_catalog *catalog, struct fl_buf *buf) {
  bool tasks = has_tasks(catalog), skills = has_any(catalog, FL_MCP_SKILLS);
  if (!tasks && !skills) return;
  add(buf, ",\"extensions\":{");
  if (tasks) add(buf, "\"" FL_MCP_EXTENSION_TASKS "\":{}");
  if (skills) fl_buf_addf(buf, "%s\"" FL_MCP_EXTENSION_SKILLS "\":{\"directoryRead\":true}", tasks ? "," : "");
  add(buf, "}");
}

/* Tools are always stated (a server without any may get some); the others when there is something, or may be. */
static void write_capabilities(const struct fl_mcp_catalog *catalog, bool is_modern, struct fl_buf *buf) {
  bool changes = catalog->identity.lists_change;
  const char *lists = changes ? "{\"listChanged\":true}" : "{}";
  bool resources =
      has_any(catalog, FL_MCP_RESOURCES) || has_any(catalog, FL_MCP_TEMPLATES) || has_any(catalog, FL_MCP_SKILLS);
  fl_buf_addf(buf, "\"capabilities\":{\"logging\":{},\"tools\":%s", lists);
  if (changes || has_any(catalog, FL_MCP_PROMPTS)) fl_buf_addf(buf, ",\"prompts\":%s", lists);
  if (changes || resources)
    fl_buf_addf(buf, ",\"resources\":{\"subscribe\":true%s}", changes ? ",\"listChanged\":true" : "");
  if (completes(catalog, FL_MCP_PROMPTS) || completes(catalog, FL_MCP_TEMPLATES)) add(buf, ",\"completions\":{}");
  if (is_modern) write_extensions(catalog, buf);
  add(buf, "}");
}

void fl_mcp_catalog_discover(const struct fl_mcp_catalog *catalog, struct fl_buf *ret_text) {
  add(ret_text, "{\"resultType\":\"complete\",\"supportedVersions\":[\"" FL_MCP_REVISION_MODERN "\"],");
  write_capabilities(catalog, true, ret_text);
  fl_mcp_add_member(ret_text, "instructions", catalog->identity.instructions);
  fl_buf_addf(ret_text, ",\"ttlMs\":%d,\"cacheScope\":\"public\"%s", TTL_MS, catalog->meta.data);
}

void fl_mcp_catalog_initialize(const struct fl_mcp_catalog *catalog, const char *revision, struct fl_buf *ret_text) {
  fl_buf_addf(ret_text, "{\"protocolVersion\":\"%s\",", revision);
  write_capabilities(catalog, false, ret_text);
  fl_buf_addf(ret_text, ",\"serverInfo\":%s", catalog->server_info.data);
  fl_mcp_add_member(ret_text, "instructions", catalog->identity.instructions);
  add(ret_text, "}");
}
