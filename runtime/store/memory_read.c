/* SPDX-License-Identifier: MIT */
/* Reading the store in memory: the same answers as the one on disk gives, through the same assembly. */
#include "runtime/base/mem.h"
#include "runtime/json/json.h"
#include "runtime/store/assemble.h"
#include "runtime/store/memory.h"

#include <inttypes.h>
#include <stdlib.h>

static int find_thread(struct fl_store *base, const char *id, struct fl_memory_thread **ret_thread,
                       struct fl_error *err) {
  struct fl_memory_store *store = (struct fl_memory_store *)base;
  struct fl_memory_thread *thread = fl_map_get(&store->threads, id);
  if (thread == NULL) return fl_error_set(err, FL_E_NOT_FOUND, "there is no thread %.200s", id);
  *ret_thread = thread;
  return 0;
}

/* ---- threads ---- */

static void describe(const struct fl_memory_store *store, const struct fl_memory_thread *thread,
                     struct fl_thread_info *info) {
  struct fl_lease_ask ask = {
      .self = &store->self, .is_gone = fl_holder_is_other, .wall_ms = fl_world_wall_ms(store->base.world)};
  const struct fl_record *head = thread->head_no != 0 ? fl_memory_find(&thread->checkpoints, thread->head_no) : NULL;
  *info = (struct fl_thread_info){.graph_name = fl_strdup(thread->graph_name),
                                  .graph_file = fl_strdup(thread->graph_file),
                                  .status = fl_strdup(thread->status),
                                  .created_ms = thread->created_ms,
                                  .updated_ms = thread->updated_ms,
                                  .head_no = thread->head_no,
                                  .metadata = fl_value_ref(thread->metadata)};
  memcpy(info->id, thread->id, sizeof info->id);
  if (head != NULL) {
    info->step = head->checkpoint.step;
    if (head->checkpoint.wall_ms > info->updated_ms) info->updated_ms = head->checkpoint.wall_ms;
  }
  if (fl_lease_is_held(&thread->lease, &ask)) info->lease_pid = thread->lease.holder.pid;
}

int fl_memory_read_thread(struct fl_store *base, const char *id, struct fl_thread_info *ret_info,
                          struct fl_error *err) {
  struct fl_memory_thread *thread = NULL;
  int status = find_thread(base, id, &thread, err);
  if (status == 0) describe((struct fl_memory_store *)base, thread, ret_info);
  return status;
}

static int compare_newest(const void *left, const void *right) {
  const struct fl_memory_thread *a = *(struct fl_memory_thread *const *)left,
                                *b = *(struct fl_memory_thread *const *)right;
  if (a->updated_ms != b->updated_ms) return a->updated_ms < b->updated_ms ? 1 : -1;
  return (a->order < b->order) - (a->order > b->order);
}

static bool fits(const struct fl_memory_thread *thread, const struct fl_threads_query *query) {
  if (query->prefix != NULL && strncmp(thread->id, query->prefix, strlen(query->prefix)) != 0) return false;
  return query->status == NULL || strcmp(thread->status, query->status) == 0;
}

int fl_memory_list_threads(struct fl_store *base, const struct fl_threads_query *query,
                           bool (*visit)(const struct fl_thread_info *info, void *user), void *user,
                           struct fl_error *err) {
  struct fl_memory_store *store = (struct fl_memory_store *)base;
  FL_FREE_AUTO struct fl_memory_thread **found = fl_new_array(struct fl_memory_thread *, store->threads.count + 1);
  size_t count = 0, cursor = 0;
  for (struct fl_map_entry *entry; (entry = fl_map_next(&store->threads, &cursor)) != NULL;)
    if (fits(entry->value, query)) found[count++] = entry->value;
  qsort(found, count, sizeof *found, compare_newest);
  if (query->limit != 0 && count > query->limit) count = query->limit;
  bool goes_on = true;
  for (size_t i = 0; goes_on && i < count; i++) {
    struct fl_thread_info info;
    describe(store, found[i], &info);
    goes_on = visit(&info, user);
    fl_thread_info_deinit(&info);
  }
  return 0;
}

/* ---- checkpoints ---- */

static const struct fl_record *head_of(const struct fl_memory_thread *thread, const char *ns) {
  if (ns[0] == 0) return thread->head_no != 0 ? fl_memory_find(&thread->checkpoints, thread->head_no) : NULL;
  for (size_t i = thread->checkpoints.count; i > 0; i--)
    if (strcmp(thread->checkpoints.items[i - 1].ns, ns) == 0) return &thread->checkpoints.items[i - 1];
  return NULL;
}

static int find_value(struct fl_row_source *base, uint64_t no, struct fl_value_row *ret_row, struct fl_error *err) {
  const struct fl_memory_source *source = (struct fl_memory_source *)base;
  const struct fl_record *record = fl_memory_find(&source->thread->values, no);
  if (record == NULL) return FL_E_NOT_FOUND;
  *ret_row = (struct fl_value_row){.no = no,
                                   .parent_no = record->value.parent_no,
                                   .kind = record->value.kind,
                                   .count = record->value.count,
                                   .labels = record->value.labels,
                                   .body = fl_slice_n(record->body, record->body_size)};
  return 0;
}

void fl_memory_source_init(struct fl_memory_source *source, const struct fl_memory_thread *thread) {
  *source = (struct fl_memory_source){.base = {.thread = thread->id, .find_value = find_value}, .thread = thread};
}

static int load_writes(const struct fl_memory_thread *thread, struct fl_loaded *loaded, struct fl_error *err) {
  for (size_t i = 0; i < thread->writes.count; i++) {
    const struct fl_record *record = &thread->writes.items[i];
    if (record->write.checkpoint_no != loaded->checkpoint_no) continue;
    struct fl_loaded_write *write = fl_loaded_add_write(loaded);
    memcpy(write->task_id, record->write.task_id, sizeof write->task_id);
    write->index = record->write.index;
    write->labels = record->write.labels;
    write->channel = fl_strdup(record->write.channel);
    int status = fl_assemble_value(&(struct fl_row_name){thread->id, "write", i},
                                   fl_slice_n(record->body, record->body_size), &write->value, err);
    if (status != 0) return status;
  }
  return 0;
}

static int load_call(const struct fl_memory_thread *thread, const struct fl_memory_call *found,
                     struct fl_loaded_call *call, struct fl_error *err) {
  const struct fl_record *intent = &found->intent, *result = &found->result;
  memcpy(call->task_id, intent->intent.task_id, sizeof call->task_id);
  memcpy(call->call_id, intent->intent.call_id, sizeof call->call_id);
  memcpy(call->argument_hash, intent->intent.argument_hash, sizeof call->argument_hash);
  call->index = intent->intent.index;
  call->kind = intent->intent.kind;
  call->effect = intent->intent.effect;
  call->name = fl_strdup(intent->intent.name);
  call->has_result = found->has_result;
  int status = fl_assemble_value(&(struct fl_row_name){thread->id, "call", (uint64_t)call->index},
                                 fl_slice_n(intent->body, intent->body_size), &call->args, err);
  if (status != 0 || !found->has_result) return status;
  call->is_error = result->result.is_error;
  call->labels = result->result.labels;
  return fl_assemble_value(&(struct fl_row_name){thread->id, "result", (uint64_t)call->index},
                           fl_slice_n(result->body, result->body_size), &call->result, err);
}

static int load_checkpoint(const struct fl_memory_thread *thread, const struct fl_record *record,
                           struct fl_loaded *loaded, struct fl_error *err) {
  loaded->checkpoint_no = record->checkpoint.no;
  loaded->parent_no = record->checkpoint.parent_no;
  loaded->step = record->checkpoint.step;
  loaded->wall_ms = record->checkpoint.wall_ms;
  loaded->source = fl_strdup(record->checkpoint.source);
  memcpy(loaded->checkpoint_id, record->checkpoint.id, sizeof loaded->checkpoint_id);
  int status = fl_assemble_value(&(struct fl_row_name){thread->id, "checkpoint", loaded->checkpoint_no},
                                 fl_slice_n(record->body, record->body_size), &loaded->body, err);
  struct fl_memory_source source;
  fl_memory_source_init(&source, thread);
  if (status == 0) status = fl_assemble_channels(&source.base, loaded, err);
  if (status == 0) status = load_writes(thread, loaded, err);
  for (size_t i = 0; status == 0 && i < thread->call_count; i++)
    if (thread->calls[i].intent.intent.checkpoint_no == loaded->checkpoint_no)
      status = load_call(thread, &thread->calls[i], fl_loaded_add_call(loaded), err);
  fl_loaded_sort(loaded);
  return status;
}

int fl_memory_load(struct fl_store *base, const struct fl_ask *ask, struct fl_loaded *loaded, struct fl_error *err) {
  struct fl_memory_thread *thread = NULL;
  int status = find_thread(base, ask->thread, &thread, err);
  if (status != 0) return status;
  const struct fl_records *checkpoints = &thread->checkpoints, *values = &thread->values;
  loaded->next_checkpoint_no =
      checkpoints->count > 0 ? checkpoints->items[checkpoints->count - 1].checkpoint.no + 1 : 1;
  loaded->next_value_no = values->count > 0 ? values->items[values->count - 1].value.no + 1 : 1;
  const struct fl_record *head = head_of(thread, ask->ns);
  const struct fl_record *record = ask->no != 0 ? fl_memory_find(checkpoints, ask->no) : head;
  loaded->head_no = head != NULL ? head->checkpoint.no : 0;
  if (record == NULL && ask->no == 0) return 0;
  if (record == NULL || strcmp(record->ns, ask->ns) != 0)
    return fl_error_set(err, FL_E_NOT_FOUND, "thread %s has no checkpoint %" PRIu64, ask->thread, ask->no);
  return load_checkpoint(thread, record, loaded, err);
}

int fl_memory_list_checkpoints(struct fl_store *base, const struct fl_ask *ask, struct fl_error *err) {
  struct fl_memory_thread *thread = NULL;
  int status = find_thread(base, ask->thread, &thread, err);
  size_t visited = 0;
  bool goes_on = status == 0;
  for (size_t i = status == 0 ? thread->checkpoints.count : 0;
       goes_on && i > 0 && (ask->limit == 0 || visited < ask->limit); i--) {
    const struct fl_record *record = &thread->checkpoints.items[i - 1];
    if ((ask->no != 0 && record->checkpoint.no >= ask->no) || strcmp(record->ns, ask->ns) != 0) continue;
    FL_VALUE_AUTO body = NULL;
    status = fl_assemble_value(&(struct fl_row_name){ask->thread, "checkpoint", record->checkpoint.no},
                               fl_slice_n(record->body, record->body_size), &body, err);
    if (status != 0) return status;
    struct fl_checkpoint_info info = {.no = record->checkpoint.no,
                                      .parent_no = record->checkpoint.parent_no,
                                      .id = record->checkpoint.id,
                                      .step = record->checkpoint.step,
                                      .source = record->checkpoint.source,
                                      .wall_ms = record->checkpoint.wall_ms,
                                      .body = body};
    goes_on = ask->on_checkpoint(&info, ask->user);
    visited++;
  }
  return status;
}

int fl_memory_find_checkpoint(struct fl_store *base, const struct fl_ask *ask, uint64_t *ret_no, struct fl_error *err) {
  struct fl_memory_thread *thread = NULL;
  int status = find_thread(base, ask->thread, &thread, err);
  if (status != 0) return status;
  struct fl_search search = {0};
  for (size_t i = 0; i < thread->checkpoints.count; i++) {
    const struct fl_record *record = &thread->checkpoints.items[i];
    if (strcmp(record->ns, ask->ns) != 0 || strncmp(record->checkpoint.id, ask->id, strlen(ask->id)) != 0) continue;
    search.no = record->checkpoint.no;
    search.found++;
  }
  return fl_checkpoint_found(ask, &search, ret_no, err);
}

int fl_memory_list_events(struct fl_store *base, const struct fl_ask *ask, struct fl_error *err) {
  struct fl_memory_thread *thread = NULL;
  int status = find_thread(base, ask->thread, &thread, err);
  bool goes_on = status == 0;
  for (size_t i = 0; goes_on && i < thread->event_count; i++) {
    const struct fl_memory_event *event = &thread->events[i];
    if (event->no <= ask->no || (ask->id != NULL && strcmp(ask->id, event->run_id) != 0)) continue;
    struct fl_event_info info = {
        .no = event->no, .run_id = event->run_id, .body = fl_slice_n(event->body, event->body_size)};
    goes_on = ask->on_event(&info, ask->user);
  }
  return status;
}

/* ---- everything ---- */

static int visit_all(const struct fl_records *records, const struct fl_ask *ask, struct fl_error *err) {
  int status = 0;
  for (size_t i = 0; status == 0 && i < records->count; i++)
    status = ask->on_record(&records->items[i], ask->user, err);
  return status;
}

static int visit_thread(const struct fl_memory_thread *thread, const struct fl_ask *ask, struct fl_error *err) {
  char *metadata = fl_size(thread->metadata) > 0 ? fl_dump(thread->metadata, NULL) : NULL;
  const struct fl_record record = {.kind = FL_RECORD_THREAD,
                                   .ns = (char[]){""},
                                   .thread = {.graph_name = thread->graph_name,
                                              .graph_file = thread->graph_file,
                                              .status = thread->status,
                                              .wall_ms = thread->updated_ms},
                                   .body = metadata,
                                   .body_size = metadata != NULL ? strlen(metadata) : 0};
  int status = ask->on_record(&record, ask->user, err);
  fl_text_free(metadata);
  return status;
}

static int visit_call(const struct fl_memory_call *call, const struct fl_ask *ask, struct fl_error *err) {
  int status = ask->on_record(&call->intent, ask->user, err);
  return status == 0 && call->has_result ? ask->on_record(&call->result, ask->user, err) : status;
}

static int visit_event(const struct fl_memory_event *event, const struct fl_ask *ask, struct fl_error *err) {
  struct fl_record record = {
      .kind = FL_RECORD_EVENT, .ns = (char[]){""}, .body = event->body, .body_size = event->body_size};
  memcpy(record.event.run_id, event->run_id, sizeof record.event.run_id);
  return ask->on_record(&record, ask->user, err);
}

int fl_memory_read_all(struct fl_store *base, const struct fl_ask *ask, struct fl_error *err) {
  struct fl_memory_thread *thread = NULL;
  int status = find_thread(base, ask->thread, &thread, err);
  if (status == 0) status = visit_thread(thread, ask, err);
  if (status == 0) status = visit_all(&thread->values, ask, err);
  if (status == 0) status = visit_all(&thread->checkpoints, ask, err);
  if (status == 0) status = visit_all(&thread->writes, ask, err);
  for (size_t i = 0; status == 0 && i < thread->call_count; i++) status = visit_call(&thread->calls[i], ask, err);
  for (size_t i = 0; status == 0 && i < thread->event_count; i++) status = visit_event(&thread->events[i], ask, err);
  return status;
}
