/* SPDX-License-Identifier: MIT */
/* The records of tasks, as items of the store in a namespace of fairlead's own; key: the task's id.
 *
 * Happy path: a record changes, is written, and the server hears that it is durable. While one is being written the
 * newest of those that follow waits. Failure modes: the store does not take it (said on standard error, and tried again
 * every second: the client does not hear of the task before). */
#include "runtime/api/graph_tool.h"

#include "mcp/proto/server_session.h"
#include "runtime/base/mem.h"
#include "runtime/json/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char NAMESPACE[] = "fairlead.mcp-tasks";
enum { RETRY_MS = 1000, TASKS_READ_MAX = 10000 };

/* The records of one task on their way to the store. */
struct saving {
  struct fl_graph_tasks *tasks;
  char *id;
  char *body;                          /* the newest that is not being written; NULL: none, or it is deleted */
  int64_t ttl_ms;                      /* of that */
  size_t waiting_count, writing_count; /* saves that the server wants to hear of */
  bool is_waiting, is_writing;
  char *written; /* the body under way */
  struct fl_item_op op;
  struct fl_item_ops ops;
  struct fl_txn txn;
  struct fl_timer timer;
};

struct fl_graph_tasks {
  struct fl_graph_host *host;
  struct fl_map savings; /* struct saving by id */
  struct fl_map others;  /* ids of tasks that another process has ended */
  size_t writing_count;
  bool is_settling;
};

static void write_next(struct saving *saving);

/* ---- writing ---- */

static void saving_free(struct saving *saving) {
  fl_free(saving->id);
  fl_free(saving->body);
  fl_free(saving->written);
  fl_free(saving);
}

static void on_retry(struct fl_timer *timer) { write_next(timer->user); }

/* What could not be written waits again, unless something newer does. */
static void put_back(struct saving *saving) {
  if (!saving->is_waiting) {
    saving->body = saving->written;
    saving->written = NULL;
    saving->ttl_ms = saving->op.ttl_ms;
  }
  saving->is_waiting = true;
  saving->waiting_count += saving->writing_count;
  saving->writing_count = 0;
}

static void on_written(struct fl_txn *txn, int status, const struct fl_error *err) {
  struct saving *saving = txn->user;
  struct fl_graph_tasks *tasks = saving->tasks;
  saving->is_writing = false;
  tasks->writing_count--;
  if (tasks->is_settling) fl_world_stop(fl_runtime_world(tasks->host->runtime));
  if (status < 0) {
    fprintf(stderr, "fairlead: task %s cannot be written down, trying again: %s\n", saving->id, err->text);
    put_back(saving);
    saving->timer = (struct fl_timer){.on_fire = on_retry, .user = saving, .is_background = true};
    fl_timer_start(fl_runtime_world(tasks->host->runtime), &saving->timer, RETRY_MS);
    return;
  }
  for (; saving->writing_count > 0; saving->writing_count--) fl_server_task_saved(tasks->host->server, saving->id);
  fl_free(saving->written);
  saving->written = NULL;
  if (saving->is_waiting) {
    write_next(saving);
    return;
  }
  fl_map_remove(&tasks->savings, saving->id);
  saving_free(saving);
}

static void write_next(struct saving *saving) {
  struct fl_runtime *runtime = saving->tasks->host->runtime;
  saving->written = saving->body;
  saving->body = NULL;
  saving->writing_count = saving->waiting_count;
  saving->waiting_count = 0;
  saving->is_waiting = false;
  saving->is_writing = true;
  saving->tasks->writing_count++;
  saving->op = (struct fl_item_op){.kind = saving->written != NULL ? FL_ITEM_PUT : FL_ITEM_DELETE,
                                   .ns = NAMESPACE,
                                   .key = saving->id,
                                   .body = fl_slice_of(saving->written != NULL ? saving->written : ""),
                                   .ttl_ms = saving->ttl_ms};
  saving->ops = (struct fl_item_ops){&saving->op, 1};
  saving->txn = (struct fl_txn){.kind = FL_TXN_ITEMS,
                                .items = &saving->ops,
                                .wall_ms = fl_world_wall_ms(fl_runtime_world(runtime)),
                                .on_done = on_written,
                                .user = saving};
  fl_store_submit(fl_runtime_store(runtime), &saving->txn);
}

/* ---- records ---- */

static const struct fl_graph_tool *find_tool(const struct fl_graph_host *host, const char *name) {
  const struct fl_graph_tool *tool = host->tools;
  while (tool != NULL && strcmp(tool->name, name) != 0) tool = tool->next;
  return tool;
}

static bool has_ended(const struct fl_value *record) {
  const char *status = fl_get_string(record, "status", "");
  return strcmp(status, "working") != 0 && strcmp(status, "input_required") != 0;
}

static char *body_of(const struct fl_graph_tasks *tasks, const struct fl_value *record) {
  const struct fl_graph_tool *tool = find_tool(tasks->host, fl_get_string(record, "tool", ""));
  FL_VALUE_AUTO stored = fl_object();
  if (tool != NULL) fl_set_string(stored, "graph", tool->path);
  fl_set_take(stored, "record", fl_copy_shallow(record));
  char *dumped = fl_dump(stored, NULL), *body = fl_strdup(dumped);
  fl_text_free(dumped);
  return body;
}

/* How long the store keeps it: what has ended, for the task's time; the rest until it has. 0: no end. */
static int64_t ttl_of(const struct fl_graph_tasks *tasks, const struct fl_value *record) {
  if (!has_ended(record)) return 0;
  int64_t now_ms = fl_world_wall_ms(fl_runtime_world(tasks->host->runtime));
  int64_t left_ms = fl_get_int(record, "created", now_ms) + FL_MCP_TASK_TTL_MS - now_ms;
  return left_ms > 0 ? left_ms : 1;
}

static void save(void *user, const char *task_id, const struct fl_value *record) {
  struct fl_graph_tasks *tasks = user;
  struct saving *saving = fl_map_get(&tasks->savings, task_id);
  if (record != NULL && fl_map_get(&tasks->others, task_id) != NULL) {
    fl_server_task_saved(tasks->host->server, task_id); /* what the other wrote stays */
    return;
  }
  if (saving == NULL) {
    saving = fl_new(struct saving);
    *saving = (struct saving){.tasks = tasks, .id = fl_strdup(task_id)};
    fl_map_set(&tasks->savings, task_id, saving);
  }
  fl_free(saving->body);
  saving->body = record != NULL ? body_of(tasks, record) : NULL;
  saving->ttl_ms = record != NULL ? ttl_of(tasks, record) : 0;
  saving->waiting_count += record != NULL;
  saving->is_waiting = true;
  if (!saving->is_writing && saving->timer.impl == NULL) write_next(saving);
}

/* ---- reading ---- */

struct reading {
  struct fl_graph_tasks *tasks;
  struct fl_value *records; /* an array */
};

static struct fl_value *parse(fl_slice body) {
  struct fl_value *value = NULL;
  return fl_json_read(body, FL_JSON_FULL, &value, NULL) == 0 ? value : NULL;
}

/* Of tools that this server offers, and that are the same graph. */
static bool take_record(const struct fl_memory_item *item, void *user) {
  struct reading *reading = user;
  FL_VALUE_AUTO stored = parse(item->body);
  struct fl_value *record = fl_get(stored, "record");
  const char *name = fl_get_string(record, "tool", ""), *path = fl_get_string(stored, "graph", NULL);
  const struct fl_graph_tool *tool = find_tool(reading->tasks->host, name);
  bool is_ours = path != NULL && tool != NULL && strcmp(tool->path, path) == 0;
  bool is_other = path == NULL && tool == NULL && fl_tool_set_find(&reading->tasks->host->server->tools, name) != NULL;
  if (is_ours || is_other) fl_append_take(reading->records, fl_value_ref(record));
  return true;
}

int fl_graph_tasks_restore(struct fl_graph_tasks *tasks, struct fl_error *err) {
  struct fl_runtime *runtime = tasks->host->runtime;
  FL_VALUE_AUTO records = fl_array();
  struct reading reading = {tasks, records};
  const struct fl_items_query query = {.ns = NAMESPACE,
                                       .limit = TASKS_READ_MAX,
                                       .wall_ms = fl_world_wall_ms(fl_runtime_world(runtime)),
                                       .visit = take_record,
                                       .user = &reading};
  int rc = fl_store_search_items(fl_runtime_store(runtime), &query, err);
  for (size_t i = 0; rc == 0 && i < fl_size(records); i++)
    fl_server_restore_task(tasks->host->server, fl_at(records, i));
  return rc;
}

static bool take_end(const struct fl_memory_item *item, void *user) {
  struct fl_value **ret_record = user;
  FL_VALUE_AUTO stored = parse(item->body);
  struct fl_value *record = fl_get(stored, "record");
  if (record != NULL && has_ended(record)) *ret_record = fl_value_ref(record);
  return false;
}

struct fl_value *fl_graph_tasks_take_end(struct fl_graph_tasks *tasks, const char *task_id) {
  struct fl_runtime *runtime = tasks->host->runtime;
  const struct fl_item_name name = {NAMESPACE, task_id, fl_world_wall_ms(fl_runtime_world(runtime))};
  struct fl_value *record = NULL;
  fl_store_read_item(fl_runtime_store(runtime), &name, take_end, &record, NULL);
  if (record != NULL) fl_map_set(&tasks->others, task_id, tasks);
  return record;
}

/* ---- life ---- */

struct fl_graph_tasks *fl_graph_tasks_create(struct fl_graph_host *host) {
  struct fl_graph_tasks *tasks = fl_new(struct fl_graph_tasks);
  *tasks = (struct fl_graph_tasks){.host = host};
  const struct fl_task_store store = {.size = sizeof store, .save = save, .user = tasks};
  fl_server_set_task_store(host->server, &store);
  return tasks;
}

void fl_graph_tasks_settle(struct fl_graph_tasks *tasks) {
  tasks->is_settling = true;
  while (tasks->writing_count > 0) fl_world_run(fl_runtime_world(tasks->host->runtime));
}

void fl_graph_tasks_destroy(struct fl_graph_tasks *tasks) {
  struct fl_world *world = fl_runtime_world(tasks->host->runtime);
  size_t cursor = 0;
  for (struct fl_map_entry *at; (at = fl_map_next(&tasks->savings, &cursor)) != NULL;) {
    struct saving *saving = at->value;
    fl_timer_stop(world, &saving->timer);
    saving_free(saving);
  }
  fl_map_deinit(&tasks->savings);
  fl_map_deinit(&tasks->others);
  fl_free(tasks);
}
