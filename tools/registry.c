/* SPDX-License-Identifier: MIT */
/* Happy path: sources are added, opened on first need, their tools indexed by both names; calls go to the source.
 * Failure modes: a source does not open (everybody who waits hears why, and the next need tries again); a server
 * changes its list (its tools are indexed anew); a call to a server that is not open yet (it waits); two tools with one
 * name in one server's list (the first counts). */
#include "tools/registry.h"

#include "runtime/base/check.h"
#include "runtime/base/map.h"
#include "runtime/base/mem.h"
#include "runtime/json/json.h"

#include <stdlib.h>

enum { DEFINITION_FRAME_SIZE = 42 }; /* {"name":"","description":"","input_schema":}, */

enum entry_state { ENTRY_NEW, ENTRY_OPENING, ENTRY_OPEN, ENTRY_FAILED, ENTRY_CLOSED };

struct waiting_call {
  struct fl_tool_request *request;
  struct waiting_call *next;
};

struct entry {
  struct fl_registry *registry;
  struct fl_tool_source *source;
  enum entry_state state;
  bool was_opened;
  struct fl_registry_tool *tools;
  size_t tool_count;
  struct waiting_call *calls_first, *calls_last;
};

struct fl_registry {
  struct fl_world *world;
  struct entry **entries;
  size_t entry_count;
  struct fl_map by_server;          /* struct entry */
  struct fl_map by_full_name;       /* struct fl_registry_tool */
  struct fl_map by_model_name;      /* struct fl_registry_tool */
  struct fl_registry_tool **sorted; /* by full name */
  size_t sorted_count;
  uint64_t generation;
  struct fl_registry_open *opens; /* those that wait */
  void (*on_log)(const char *server, const char *level, const char *text, void *user);
  void *log_user;
  bool is_closing;
  size_t closing_count;
  void (*on_closed)(void *user);
  void *closed_user;
  struct fl_post closed_post;
};

/* ---- index ---- */

static void entry_clear_tools(struct entry *entry) {
  for (size_t i = 0; i < entry->tool_count; i++) {
    fl_free(entry->tools[i].full_name);
    fl_free(entry->tools[i].schema_error);
    fl_schema_destroy(entry->tools[i].input);
  }
  fl_free(entry->tools);
  entry->tools = NULL;
  entry->tool_count = 0;
}

static void tool_init(struct fl_registry_tool *tool, const struct fl_tool_source *source,
                      const struct fl_tool_info *info) {
  struct fl_error err = {0};
  const char *server = source->name;
  tool->server = server;
  tool->identity = source->identity;
  tool->info = info;
  tool->full_name = fl_format("%s/%s", server, info->name);
  fl_registry_model_name(server, info->name, tool->model_name);
  FL_BUF_AUTO text = {0};
  bool is_short = fl_json_write(&text, info->input_schema, FL_JSON_COMPACT) == 0;
  tool->told_size = (is_short ? text.size : FL_BUF_LIMIT_DEFAULT) + strlen(tool->model_name) + DEFINITION_FRAME_SIZE +
                    (info->description != NULL ? strlen(info->description) : 0);
  if (info->input_schema == NULL) tool->schema_error = fl_strdup("the tool has no input schema");
  else if (fl_schema_create(info->input_schema, NULL, &tool->input, &err) < 0) tool->schema_error = fl_strdup(err.text);
}

static void entry_take_tools(struct entry *entry) {
  const struct fl_tool_source *source = entry->source;
  entry_clear_tools(entry);
  entry->tools = fl_new_array(struct fl_registry_tool, source->tool_count + 1);
  entry->tool_count = source->tool_count;
  for (size_t i = 0; i < source->tool_count; i++) tool_init(&entry->tools[i], source, &source->tools[i]);
}

static int compare_tools(const void *a, const void *b) {
  const struct fl_registry_tool *const *left = a, *const *right = b;
  return strcmp((*left)->full_name, (*right)->full_name);
}

static void index_tool(struct fl_registry *registry, struct fl_registry_tool *tool) {
  if (fl_map_get(&registry->by_full_name, tool->full_name) != NULL) return; /* the first of two with one name counts */
  if (fl_map_get(&registry->by_model_name, tool->model_name) != NULL) return;
  fl_map_set(&registry->by_full_name, tool->full_name, tool);
  fl_map_set(&registry->by_model_name, tool->model_name, tool);
  registry->sorted[registry->sorted_count++] = tool;
}

static void reindex(struct fl_registry *registry) {
  fl_map_deinit(&registry->by_full_name);
  fl_map_deinit(&registry->by_model_name);
  fl_map_init(&registry->by_full_name);
  fl_map_init(&registry->by_model_name);
  size_t most = 1;
  for (size_t i = 0; i < registry->entry_count; i++) most += registry->entries[i]->tool_count;
  fl_free(registry->sorted);
  registry->sorted = fl_new_array(struct fl_registry_tool *, most);
  registry->sorted_count = 0;
  registry->generation++;
  for (size_t i = 0; i < registry->entry_count; i++)
    for (size_t j = 0; j < registry->entries[i]->tool_count; j++) index_tool(registry, &registry->entries[i]->tools[j]);
  qsort(registry->sorted, registry->sorted_count, sizeof registry->sorted[0], compare_tools);
}

/* ---- late answers: never from inside the call that asked ---- */

static void refuse(struct fl_registry *registry, struct fl_tool_request *request, const struct fl_error *err) {
  request->route = NULL;
  fl_tool_request_refuse(registry->world, request, err);
}

struct late_ready {
  struct fl_post post;
  struct fl_registry_open *open;
};

static void tell_ready(struct fl_post *post) {
  struct late_ready *late = post->user;
  struct fl_registry_open *open = late->open;
  fl_free(late);
  open->on_ready(open, open->error.code, open->error.code != 0 ? &open->error : NULL);
}

static void post_ready(struct fl_registry *registry, struct fl_registry_open *open) {
  struct late_ready *late = fl_new(struct late_ready);
  *late = (struct late_ready){.open = open};
  late->post = (struct fl_post){.on_post = tell_ready, .user = late};
  fl_world_post(registry->world, &late->post);
}

/* ---- sources report ---- */

static bool waits_for(const struct fl_registry_open *open, const char *server) {
  if (open->names == NULL) return true;
  for (size_t i = 0; open->names[i] != NULL; i++)
    if (strcmp(open->names[i], server) == 0) return true;
  return false;
}

/* `waiting_count` counts the sources that were not open when it asked; all of those report exactly once. */
static void tell_opens(struct entry *entry, int status, const struct fl_error *err) {
  struct fl_registry *registry = entry->registry;
  for (struct fl_registry_open **link = &registry->opens; *link != NULL;) {
    struct fl_registry_open *open = *link;
    if (waits_for(open, entry->source->name)) {
      if (status != 0 && open->error.code == 0)
        fl_error_set(&open->error, status, "%s", err != NULL ? err->text : fl_error_sentence(status));
      open->waiting_count--;
    }
    if (open->waiting_count > 0) {
      link = &open->next;
      continue;
    }
    *link = open->next;
    post_ready(registry, open);
  }
}

static void release_calls(struct entry *entry, int status, const struct fl_error *err) {
  struct waiting_call *waiting = entry->calls_first;
  entry->calls_first = entry->calls_last = NULL;
  while (waiting != NULL) {
    struct waiting_call *next = waiting->next;
    struct fl_tool_request *request = waiting->request;
    struct fl_error why = {0};
    fl_free(waiting);
    if (status == 0) entry->source->ops->call(entry->source, request);
    else {
      fl_error_set(&why, status, "%s", err != NULL ? err->text : fl_error_sentence(status));
      refuse(entry->registry, request, &why);
    }
    waiting = next;
  }
}

static void on_source_ready(struct fl_tool_source *source, int status, const struct fl_error *err) {
  struct entry *entry = source->user;
  if (entry->state != ENTRY_OPENING) return;
  entry->state = status == 0 ? ENTRY_OPEN : ENTRY_FAILED;
  if (status == 0) {
    entry_take_tools(entry);
    reindex(entry->registry);
  }
  tell_opens(entry, status, err);
  release_calls(entry, status, err);
}

static void on_source_tools_changed(struct fl_tool_source *source) {
  struct entry *entry = source->user;
  entry_take_tools(entry);
  reindex(entry->registry);
}

static void on_source_log(struct fl_tool_source *source, const char *level, const char *text) {
  struct fl_registry *registry = ((struct entry *)source->user)->registry;
  if (registry->on_log != NULL) registry->on_log(source->name, level, text, registry->log_user);
}

static void tell_closed(struct fl_post *post) {
  struct fl_registry *registry = post->user;
  registry->on_closed(registry->closed_user);
}

static void close_one(struct fl_registry *registry) {
  if (--registry->closing_count > 0) return;
  registry->closed_post = (struct fl_post){.on_post = tell_closed, .user = registry};
  fl_world_post(registry->world, &registry->closed_post);
}

static void on_source_closed(struct fl_tool_source *source) {
  struct entry *entry = source->user;
  struct fl_error err;
  fl_error_set(&err, FL_E_CLOSED, "%s is closed", source->name);
  if (entry->state == ENTRY_OPENING) tell_opens(entry, err.code, &err);
  release_calls(entry, err.code, &err);
  entry->state = ENTRY_CLOSED;
  close_one(entry->registry);
}

/* ---- life ---- */

struct fl_registry *fl_registry_create(struct fl_world *world) {
  struct fl_registry *registry = fl_new(struct fl_registry);
  registry->world = world;
  fl_map_init(&registry->by_server);
  fl_map_init(&registry->by_full_name);
  fl_map_init(&registry->by_model_name);
  return registry;
}

void fl_registry_destroy(struct fl_registry *registry) {
  if (registry == NULL) return;
  for (size_t i = 0; i < registry->entry_count; i++) {
    struct entry *entry = registry->entries[i];
    entry_clear_tools(entry);
    entry->source->ops->destroy(entry->source);
    fl_free(entry);
  }
  fl_free(registry->entries);
  fl_free(registry->sorted);
  fl_map_deinit(&registry->by_server);
  fl_map_deinit(&registry->by_full_name);
  fl_map_deinit(&registry->by_model_name);
  fl_free(registry);
}

void fl_registry_close(struct fl_registry *registry, void (*on_closed)(void *user), void *user) {
  fl_check(!registry->is_closing);
  registry->is_closing = true;
  registry->on_closed = on_closed;
  registry->closed_user = user;
  registry->closing_count = 1; /* ours, so that it cannot reach 0 while we walk */
  for (size_t i = 0; i < registry->entry_count; i++) {
    struct entry *entry = registry->entries[i];
    if (!entry->was_opened) continue;
    registry->closing_count++;
    entry->source->ops->close(entry->source);
  }
  close_one(registry);
}

static bool is_server_name(const char *name) {
  if (name == NULL || name[0] == '\0' || strlen(name) > FL_MODEL_TOOL_NAME_MAX) return false;
  for (const char *c = name; *c != '\0'; c++)
    if (*c == '/' || *c == '*' || (unsigned char)*c <= ' ') return false;
  return true;
}

int fl_registry_add_take(struct fl_registry *registry, struct fl_tool_source *source, struct fl_error *err) {
  int status = 0;
  if (!is_server_name(source->name))
    status = fl_error_set(err, FL_E_INVALID, "server name \"%.64s\": 1 to %d characters, no blank, \"/\" or \"*\"",
                          source->name != NULL ? source->name : "", FL_MODEL_TOOL_NAME_MAX);
  else if (fl_map_get(&registry->by_server, source->name) != NULL)
    status = fl_error_set(err, FL_E_EXISTS, "there are two tool servers with the name \"%s\"", source->name);
  if (status < 0) {
    source->ops->destroy(source);
    return status;
  }
  struct entry *entry = fl_new(struct entry);
  *entry = (struct entry){.registry = registry, .source = source};
  source->on_ready = on_source_ready;
  source->on_tools_changed = on_source_tools_changed;
  source->on_log = on_source_log;
  source->on_closed = on_source_closed;
  source->user = entry;
  registry->entries = fl_realloc(registry->entries, (registry->entry_count + 1) * sizeof(struct entry *));
  registry->entries[registry->entry_count++] = entry;
  fl_map_set(&registry->by_server, source->name, entry);
  return 0;
}

void fl_registry_on_log(struct fl_registry *registry,
                        void (*on_log)(const char *server, const char *level, const char *text, void *user),
                        void *user) {
  registry->on_log = on_log;
  registry->log_user = user;
}

/* ---- opening ---- */

static void entry_open(struct entry *entry) {
  if (entry->state != ENTRY_NEW && entry->state != ENTRY_FAILED) return;
  entry->state = ENTRY_OPENING;
  entry->was_opened = true;
  entry->source->ops->open(entry->source);
}

static int check_names(const struct fl_registry *registry, struct fl_registry_open *open) {
  if (registry->is_closing) return fl_error_set(&open->error, FL_E_CLOSED, "the tools are being closed");
  for (size_t i = 0; open->names != NULL && open->names[i] != NULL; i++)
    if (fl_map_get(&registry->by_server, open->names[i]) == NULL)
      return fl_error_set(&open->error, FL_E_NOT_FOUND, "there is no tool server \"%s\"", open->names[i]);
  return 0;
}

void fl_registry_open(struct fl_registry *registry, struct fl_registry_open *open) {
  open->error = (struct fl_error){0};
  open->waiting_count = 0;
  open->next = NULL;
  int status = check_names(registry, open);
  for (size_t i = 0; status == 0 && i < registry->entry_count; i++) {
    struct entry *entry = registry->entries[i];
    if (entry->state == ENTRY_OPEN || !waits_for(open, entry->source->name)) continue;
    open->waiting_count++;
    entry_open(entry);
  }
  if (open->waiting_count == 0) {
    post_ready(registry, open);
    return;
  }
  open->next = registry->opens;
  registry->opens = open;
}

/* ---- asking ---- */

uint64_t fl_registry_generation(const struct fl_registry *registry) { return registry->generation; }

const struct fl_registry_tool *fl_registry_find(const struct fl_registry *registry, const char *full_name) {
  return fl_map_get(&registry->by_full_name, full_name);
}

const struct fl_registry_tool *fl_registry_find_model_name(const struct fl_registry *registry, const char *model_name) {
  return fl_map_get(&registry->by_model_name, model_name);
}

void fl_registry_visit(const struct fl_registry *registry,
                       bool (*visit)(const struct fl_registry_tool *tool, void *user), void *user) {
  for (size_t i = 0; i < registry->sorted_count; i++)
    if (!visit(registry->sorted[i], user)) return;
}

int fl_registry_check_args(const struct fl_registry_tool *tool, const struct fl_value *args, struct fl_buf *ret_text) {
  if (tool->input == NULL) return 0; /* the server itself checks */
  struct fl_schema_result violations = {0};
  int verdict = fl_schema_validate(tool->input, args, &violations);
  if (verdict == 1) {
    fl_buf_addf(ret_text, "Invalid arguments for tool %s: ", tool->full_name);
    fl_schema_result_text(&violations, ret_text);
  }
  fl_schema_result_deinit(&violations);
  return verdict;
}

/* ---- calling ---- */

static struct entry *entry_of_call(const struct fl_registry *registry, const char *full_name) {
  const char *slash = strchr(full_name, '/');
  if (slash == NULL) return NULL;
  return fl_map_get_n(&registry->by_server, fl_slice_n(full_name, (size_t)(slash - full_name)));
}

static void wait_until_open(struct entry *entry, struct fl_tool_request *request) {
  struct waiting_call *waiting = fl_new(struct waiting_call);
  waiting->request = request;
  if (entry->calls_last != NULL) entry->calls_last->next = waiting;
  else entry->calls_first = waiting;
  entry->calls_last = waiting;
  entry_open(entry);
}

void fl_registry_call(struct fl_registry *registry, struct fl_tool_request *request) {
  struct entry *entry = entry_of_call(registry, request->tool);
  struct fl_error err = {0};
  request->impl = NULL;
  request->route = NULL;
  if (entry == NULL) fl_error_set(&err, FL_E_NOT_FOUND, "there is no tool \"%s\"", request->tool);
  else if (registry->is_closing) fl_error_set(&err, FL_E_CLOSED, "%s is closed", entry->source->name);
  if (err.code != 0) {
    refuse(registry, request, &err);
    return;
  }
  request->tool += strlen(entry->source->name) + 1;
  request->route = entry;
  if (entry->state == ENTRY_OPEN) entry->source->ops->call(entry->source, request);
  else wait_until_open(entry, request);
}

bool fl_registry_holds(const struct fl_registry *registry, const char *full_name, const struct fl_value *pause) {
  const struct entry *entry = entry_of_call(registry, full_name);
  if (entry == NULL || entry->source->ops->holds == NULL) return false;
  return entry->source->ops->holds(entry->source, pause);
}

static bool leave_queue(struct entry *entry, const struct fl_tool_request *request) {
  struct waiting_call **link = &entry->calls_first, *before = NULL;
  while (*link != NULL && (*link)->request != request) {
    before = *link;
    link = &(*link)->next;
  }
  struct waiting_call *found = *link;
  if (found == NULL) return false;
  *link = found->next;
  if (entry->calls_last == found) entry->calls_last = before;
  fl_free(found);
  return true;
}

void fl_registry_cancel(struct fl_registry *registry, struct fl_tool_request *request) {
  struct entry *entry = request->route;
  if (entry == NULL) return; /* refused already; on_done is on its way */
  if (!leave_queue(entry, request)) {
    entry->source->ops->cancel(entry->source, request);
    return;
  }
  struct fl_error err;
  fl_error_set(&err, FL_E_CANCELLED, "the call of %s was cancelled before its server was ready", request->tool);
  refuse(registry, request, &err);
}
