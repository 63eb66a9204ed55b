/* SPDX-License-Identifier: MIT */
/* What a server offers: tools (in a tool set), prompts, resources, templates and skills; and its changes. Before the
 * server serves, a change is made at once; while it serves, by whatever thread, it is checked here and made on the
 * loop, which owns the lists then. */
#include "mcp/serving.h"
#include "runtime/base/mem.h"
#include "runtime/json/json.h"

#include <stddef.h>

enum { OFFERS_MAX = 100000 };

/* ---- offers ---- */

static void offer_destroy(struct fl_server_offer *offer) {
  if (offer == NULL) return;
  fl_tool_def_unref(offer->run);
  fl_tool_def_unref(offer->complete);
  fl_value_unref(offer->arguments);
  fl_value_unref(offer->annotations);
  fl_value_unref(offer->icons);
  fl_value_unref(offer->meta);
  fl_free(offer->owned_path);
  fl_free(offer->name);
  fl_free(offer);
}

void fl_server_offers_init(struct fl_server *server) {
  for (size_t i = 0; i < FL_MCP_LIST_COUNT; i++) fl_map_init(&server->offers[i].by_name);
}

void fl_server_change_destroy(struct fl_server_change *change) {
  fl_tool_def_unref(change->tool);
  offer_destroy(change->offer);
  fl_free(change->name);
  fl_free(change);
}

void fl_server_offers_deinit(struct fl_server *server) {
  for (size_t i = 0; i < FL_MCP_LIST_COUNT; i++) {
    struct fl_server_offers *offers = &server->offers[i];
    for (size_t k = 0; k < offers->count; k++) offer_destroy(offers->items[k]);
    fl_free(offers->items);
    fl_map_deinit(&offers->by_name);
  }
  struct fl_server_change *change = atomic_exchange(&server->changes, NULL);
  while (change != NULL) {
    struct fl_server_change *next = change->next;
    fl_server_change_destroy(change);
    change = next;
  }
}

struct fl_server_offer *fl_server_offer_find(const struct fl_server *server, enum fl_mcp_list list, const char *name) {
  return fl_map_get(&server->offers[list].by_name, name);
}

static void put_take(struct fl_server_offers *offers, struct fl_server_offer *offer) {
  struct fl_server_offer *old = fl_map_get(&offers->by_name, offer->name);
  size_t index = 0;
  while (old != NULL && offers->items[index] != old) index++;
  if (old == NULL) {
    index = offers->count++;
    if (offers->count > offers->capacity) {
      offers->capacity = offers->capacity == 0 ? 8 : offers->capacity * 2;
      offers->items = fl_realloc(offers->items, offers->capacity * sizeof offers->items[0]);
    }
  }
  offers->items[index] = offer;
  fl_map_set(&offers->by_name, offer->name, offer);
  offer_destroy(old);
}

static bool remove_offer(struct fl_server_offers *offers, const char *name) {
  struct fl_server_offer *offer = fl_map_remove(&offers->by_name, name);
  if (offer == NULL) return false;
  size_t index = 0;
  while (offers->items[index] != offer) index++;
  offers->count--;
  memmove(offers->items + index, offers->items + index + 1, (offers->count - index) * sizeof offers->items[0]);
  offer_destroy(offer);
  return true;
}

/* ---- changes ---- */

bool fl_server_apply(struct fl_server *server, struct fl_server_change *change) {
  switch (change->type) {
  case FL_CHANGE_PUT_TOOL: {
    struct fl_tool_def *tool = change->tool;
    change->tool = NULL;
    return fl_tool_set_put_take(&server->tools, tool, NULL) == 0;
  }
  case FL_CHANGE_PUT:
    if (server->offers[change->list].count >= OFFERS_MAX) return false;
    put_take(&server->offers[change->list], change->offer);
    change->offer = NULL;
    return true;
  case FL_CHANGE_REMOVE:
    if (change->list == FL_MCP_TOOLS) return fl_tool_set_remove(&server->tools, change->name);
    if (remove_offer(&server->offers[change->list], change->name)) return true;
    return change->list == FL_MCP_RESOURCES && remove_offer(&server->offers[FL_MCP_TEMPLATES], change->name);
  case FL_CHANGE_UPDATED:
  case FL_CHANGE_SAVED: return false;
  }
  return false;
}

/* Takes what it holds. */
static void change_later(struct fl_server *server, struct fl_serving *serving, const struct fl_server_change *what) {
  struct fl_server_change *change = fl_new(struct fl_server_change);
  *change = *what;
  change->next = atomic_load(&server->changes);
  while (!atomic_compare_exchange_weak(&server->changes, &change->next, change)) continue;
  fl_serving_changed(serving);
}

static void change_take(struct fl_server *server, struct fl_server_change what) {
  struct fl_serving *serving = atomic_load(&server->serving);
  if (serving != NULL) {
    change_later(server, serving, &what);
    return;
  }
  fl_server_apply(server, &what);
  fl_tool_def_unref(what.tool);
  offer_destroy(what.offer);
  fl_free(what.name);
}

static int refuse_second(struct fl_server *server, const struct fl_server_offer *offer, const char *what,
                         struct fl_error *err) {
  if (atomic_load(&server->serving) != NULL) return 0; /* it takes the other's place */
  if (fl_server_offer_find(server, offer->list, offer->name) == NULL) return 0;
  return fl_error_set(err, FL_E_EXISTS, "there are two %s with the name \"%s\"", what, offer->name);
}

/* ---- tools ---- */

int fl_server_add_tool(struct fl_server *server, const struct fl_tool *tool, struct fl_error *err) {
  if (atomic_load(&server->serving) == NULL) return fl_tool_set_add(&server->tools, tool, err);
  struct fl_tool_def *def = NULL;
  int status = fl_tool_def_create(tool, &def, err);
  if (status == 0)
    change_take(server, (struct fl_server_change){.type = FL_CHANGE_PUT_TOOL, .list = FL_MCP_TOOLS, .tool = def});
  return status;
}

int fl_server_add_plugin(struct fl_server *server, const char *path, struct fl_error *err) {
  return fl_tool_set_load_plugin(&server->tools, server, path, err);
}

static void remove_later(struct fl_server *server, enum fl_mcp_list list, const char *name) {
  change_take(server, (struct fl_server_change){.type = FL_CHANGE_REMOVE, .list = list, .name = fl_strdup(name)});
}

void fl_server_remove_tool(struct fl_server *server, const char *name) { remove_later(server, FL_MCP_TOOLS, name); }
void fl_server_remove_prompt(struct fl_server *server, const char *name) { remove_later(server, FL_MCP_PROMPTS, name); }
void fl_server_remove_resource(struct fl_server *server, const char *uri) {
  remove_later(server, FL_MCP_RESOURCES, uri);
}

void fl_server_resource_updated(struct fl_server *server, const char *uri) {
  struct fl_serving *serving = atomic_load(&server->serving);
  if (serving == NULL) return;
  change_later(server, serving, &(struct fl_server_change){.type = FL_CHANGE_UPDATED, .name = fl_strdup(uri)});
}

void fl_server_task_saved(struct fl_server *server, const char *task_id) {
  struct fl_serving *serving = atomic_load(&server->serving);
  if (serving == NULL) return;
  change_later(server, serving, &(struct fl_server_change){.type = FL_CHANGE_SAVED, .name = fl_strdup(task_id)});
}

/* ---- prompts and resources ---- */

static int parse_extra(const char *what, enum fl_type type, const char *text, struct fl_value **ret_value,
                       struct fl_error *err) {
  if (text == NULL) return 0;
  int status = fl_parse(text, strlen(text), ret_value, err);
  if (status == 0 && !fl_is(*ret_value, type))
    status = fl_error_set(err, FL_E_INVALID, "it must be an %s", fl_type_name(type));
  if (status < 0) fl_error_context(err, "%s", what);
  return status < 0 ? FL_E_INVALID : 0;
}

static struct fl_value *arguments_of(const struct fl_prompt_arg *args) {
  struct fl_value *arguments = args != NULL ? fl_array() : NULL;
  for (; args != NULL && args->name != NULL; args++) {
    struct fl_value *argument = fl_object();
    fl_set_string(argument, "name", args->name);
    if (args->title != NULL) fl_set_string(argument, "title", args->title);
    if (args->description != NULL) fl_set_string(argument, "description", args->description);
    fl_set_bool(argument, "required", args->is_required);
    fl_append_take(arguments, argument);
  }
  return arguments;
}

static struct fl_server_offer *offer_create(enum fl_mcp_list list, const char *name) {
  struct fl_server_offer *offer = fl_new(struct fl_server_offer);
  offer->list = list;
  offer->name = fl_strdup(name);
  return offer;
}

static int add_take(struct fl_server *server, struct fl_server_offer *offer, const char *what, int status,
                    struct fl_error *err) {
  if (status == 0) status = refuse_second(server, offer, what, err);
  /* While it serves, the lists are the loop's alone to look at; then the change is dropped there. */
  if (status == 0 && atomic_load(&server->serving) == NULL && server->offers[offer->list].count >= OFFERS_MAX)
    status = fl_error_set(err, FL_E_LIMIT, "more than %d %s", OFFERS_MAX, what);
  if (status < 0) offer_destroy(offer);
  else change_take(server, (struct fl_server_change){.type = FL_CHANGE_PUT, .list = offer->list, .offer = offer});
  return status;
}

/* What later versions append reads as zero here; what is shorter than the first version is none. */
static int copy_struct(void *to, size_t to_size, const void *from, size_t least, struct fl_error *err) {
  size_t size;
  memcpy(&size, from, sizeof size);
  if (size < least) return fl_error_set(err, FL_E_INVALID, "the struct says that its size is %zu bytes", size);
  memset(to, 0, to_size);
  memcpy(to, from, size < to_size ? size : to_size);
  return 0;
}

int fl_server_add_prompt(struct fl_server *server, const struct fl_prompt *prompt, struct fl_error *err) {
  struct fl_prompt own;
  int status = copy_struct(&own, sizeof own, prompt, sizeof own, err);
  if (status < 0) return status;
  if (own.name == NULL || own.name[0] == '\0' || own.run == NULL)
    return fl_error_set(err, FL_E_INVALID, "a prompt needs a name and a function");
  struct fl_server_offer *offer = offer_create(FL_MCP_PROMPTS, own.name);
  offer->prompt = own;
  offer->run = fl_tool_def_of_handler(own.name, own.run, own.user, own.flags);
  if (own.complete != NULL) offer->complete = fl_tool_def_of_handler(own.name, own.complete, own.user, own.flags);
  offer->arguments = arguments_of(own.args);
  status = parse_extra("icons", FL_ARRAY, own.icons, &offer->icons, err);
  if (status == 0) status = parse_extra("meta", FL_OBJECT, own.meta, &offer->meta, err);
  return add_take(server, offer, "prompts", status, err);
}

static int add_resource(struct fl_server *server, enum fl_mcp_list list, const struct fl_resource *resource,
                        struct fl_error *err) {
  struct fl_resource own;
  int status = copy_struct(&own, sizeof own, resource, sizeof own, err);
  if (status < 0) return status;
  if (own.uri == NULL || strchr(own.uri, ':') == NULL || own.name == NULL || own.run == NULL)
    return fl_error_set(err, FL_E_INVALID, "a resource needs a URI, a name and a function");
  struct fl_server_offer *offer = offer_create(list, own.uri);
  offer->resource = own;
  offer->run = fl_tool_def_of_handler(own.name, own.run, own.user, own.flags);
  if (own.complete != NULL) offer->complete = fl_tool_def_of_handler(own.name, own.complete, own.user, own.flags);
  status = parse_extra("annotations", FL_OBJECT, own.annotations, &offer->annotations, err);
  if (status == 0) status = parse_extra("icons", FL_ARRAY, own.icons, &offer->icons, err);
  if (status == 0) status = parse_extra("meta", FL_OBJECT, own.meta, &offer->meta, err);
  return add_take(server, offer, list == FL_MCP_TEMPLATES ? "resource templates" : "resources", status, err);
}

int fl_server_add_resource(struct fl_server *server, const struct fl_resource *resource, struct fl_error *err) {
  return add_resource(server, FL_MCP_RESOURCES, resource, err);
}

int fl_server_add_template(struct fl_server *server, const struct fl_resource *resource, struct fl_error *err) {
  struct fl_uri_template *uri_template = NULL;
  int status = resource->uri != NULL ? fl_uri_template_parse(resource->uri, &uri_template, err) : 0;
  fl_uri_template_destroy(uri_template);
  return status < 0 ? status : add_resource(server, FL_MCP_TEMPLATES, resource, err);
}

int fl_server_add_hidden_file(struct fl_server *server, const struct fl_resource *file, char *owned_path,
                              struct fl_error *err) {
  struct fl_server_offer *offer = offer_create(FL_MCP_RESOURCES, file->uri);
  offer->owned_path = owned_path;
  offer->is_hidden = true;
  offer->run = fl_tool_def_of_handler(offer->name, file->run, owned_path, file->flags);
  return add_take(server, offer, "resources", 0, err);
}

/* ---- the catalog ---- */

static void fill_tool(const struct fl_tool_def *def, struct fl_mcp_catalog *catalog) {
  unsigned flags = def->tool.flags;
  struct fl_mcp_offered_tool offered = {.name = def->tool.name,
                                        .title = def->tool.title,
                                        .description = def->tool.description,
                                        .input_schema = def->input_schema,
                                        .output_schema = def->output_schema,
                                        .annotations = def->annotations,
                                        .icons = def->icons,
                                        .meta = def->meta,
                                        .is_single_use = (flags & FL_TOOL_DESTRUCTIVE) != 0,
                                        .needs_task = (flags & FL_TOOL_TASK_REQUIRED) != 0};
  if ((flags & FL_TOOL_TASK) != 0) offered.task_support = FL_MCP_TASK_AT_ONCE;
  else if ((flags & FL_TOOL_TASK_LATER) != 0) offered.task_support = FL_MCP_TASK_ALLOWED;
  fl_mcp_catalog_add(catalog, &offered, NULL); /* the set has unique names */
}

static void fill_offer(const struct fl_server_offer *offer, struct fl_mcp_catalog *catalog) {
  if (offer->is_hidden) {
    fl_mcp_catalog_add_hidden(catalog, offer->name, NULL);
    return;
  }
  if (offer->list == FL_MCP_PROMPTS) {
    struct fl_mcp_offered_prompt prompt = {.name = offer->name,
                                           .title = offer->prompt.title,
                                           .description = offer->prompt.description,
                                           .arguments = offer->arguments,
                                           .icons = offer->icons,
                                           .meta = offer->meta,
                                           .completes = offer->complete != NULL};
    fl_mcp_catalog_add_prompt(catalog, &prompt, NULL);
    return;
  }
  struct fl_mcp_offered_resource resource = {.uri = offer->name,
                                             .name = offer->resource.name,
                                             .title = offer->resource.title,
                                             .description = offer->resource.description,
                                             .mime_type = offer->resource.mime_type,
                                             .size = -1,
                                             .annotations = offer->annotations,
                                             .icons = offer->icons,
                                             .meta = offer->meta,
                                             .completes = offer->complete != NULL};
  if (offer->list == FL_MCP_RESOURCES) fl_mcp_catalog_add_resource(catalog, &resource, NULL);
  else fl_mcp_catalog_add_template(catalog, &resource, NULL);
}

void fl_server_fill(const struct fl_server *server, struct fl_mcp_catalog *catalog) {
  for (size_t i = 0; i < server->tools.count; i++) fill_tool(server->tools.defs[i], catalog);
  for (size_t list = 0; list < FL_MCP_LIST_COUNT; list++)
    for (size_t i = 0; i < server->offers[list].count; i++) fill_offer(server->offers[list].items[i], catalog);
  for (size_t i = 0; i < server->skill_count; i++) {
    const struct fl_server_skill *skill = &server->skills[i];
    fl_mcp_catalog_add_skill(catalog, &(struct fl_mcp_offered_skill){.uri = skill->uri, .entry = skill->entry}, NULL);
    struct fl_member member = {0};
    while (fl_next_member(skill->directories, &member))
      fl_mcp_catalog_add_directory(catalog, member.key, member.value, NULL);
  }
}
