/* SPDX-License-Identifier: MIT */
/* The rows of one thread in memory: copied in by a write, checked before so that a write happens whole or not. */
#include "runtime/base/check.h"
#include "runtime/base/mem.h"
#include "runtime/store/audit_write.h"
#include "runtime/store/memory.h"
#include "runtime/store/sqlite_trace.h"

#include <inttypes.h>
#include <stdio.h>

struct fl_memory_thread *fl_memory_thread_create(const char *id) {
  struct fl_memory_thread *thread = fl_new(struct fl_memory_thread);
  snprintf(thread->id, sizeof thread->id, "%s", id);
  thread->status = fl_strdup("idle");
  thread->metadata = fl_object();
  return thread;
}

void fl_memory_free_call(struct fl_memory_call *call) {
  struct fl_records rows = {.items = fl_alloc(2 * sizeof(struct fl_record)), .count = call->has_result ? 2 : 1};
  rows.items[0] = call->intent;
  rows.items[1] = call->result;
  fl_records_deinit(&rows);
}

void fl_memory_thread_destroy(struct fl_memory_thread *thread) {
  fl_free(thread->graph_name);
  fl_free(thread->graph_file);
  fl_free(thread->status);
  fl_value_unref(thread->metadata);
  fl_records_deinit(&thread->values);
  fl_records_deinit(&thread->checkpoints);
  fl_records_deinit(&thread->writes);
  fl_map_deinit(&thread->write_places);
  for (size_t i = 0; i < thread->call_count; i++) fl_memory_free_call(&thread->calls[i]);
  fl_free(thread->calls);
  for (size_t i = 0; i < thread->event_count; i++) fl_free(thread->events[i].body);
  fl_free(thread->events);
  fl_free(thread);
}

/* ---- finding ---- */

static uint64_t number_of(const struct fl_record *record) {
  return record->kind == FL_RECORD_VALUE ? record->value.no : record->checkpoint.no;
}

/* The first row whose number is not below `no`. */
static size_t place_of(const struct fl_records *rows, uint64_t no) {
  size_t low = 0, high = rows->count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (number_of(&rows->items[middle]) < no) low = middle + 1;
    else high = middle;
  }
  return low;
}

const struct fl_record *fl_memory_find(const struct fl_records *rows, uint64_t no) {
  size_t place = place_of(rows, no);
  return place < rows->count && number_of(&rows->items[place]) == no ? &rows->items[place] : NULL;
}

static struct fl_memory_call *find_call(const struct fl_memory_thread *thread, uint64_t checkpoint_no,
                                        const char *call_id) {
  for (size_t i = 0; i < thread->call_count; i++) {
    struct fl_record *intent = &thread->calls[i].intent;
    if (intent->intent.checkpoint_no == checkpoint_no && strcmp(intent->intent.call_id, call_id) == 0)
      return &thread->calls[i];
  }
  return NULL;
}

/* Cleared, so that it can be compared as bytes. */
struct write_key {
  uint64_t checkpoint_no;
  int64_t index;
  char task_id[FL_UUID_SIZE];
};

static struct write_key key_of(const struct fl_record *record) {
  struct write_key key;
  memset(&key, 0, sizeof key);
  key.checkpoint_no = record->write.checkpoint_no;
  key.index = record->write.index;
  snprintf(key.task_id, sizeof key.task_id, "%s", record->write.task_id);
  return key;
}

static struct fl_record *find_write(const struct fl_memory_thread *thread, const struct fl_record *like) {
  struct write_key key = key_of(like);
  uintptr_t place = (uintptr_t)fl_map_get_n(&thread->write_places, fl_slice_n((const char *)&key, sizeof key));
  return place > 0 ? &thread->writes.items[place - 1] : NULL;
}

static void note_place(struct fl_memory_thread *thread, size_t place) {
  struct write_key key = key_of(&thread->writes.items[place]);
  fl_map_set_n(&thread->write_places, fl_slice_n((const char *)&key, sizeof key), (void *)(uintptr_t)(place + 1));
}

/* ---- checking ---- */

static bool has_intent(const struct fl_records *records, size_t before, const struct fl_record *result) {
  for (size_t i = 0; i < before; i++) {
    const struct fl_record *record = &records->items[i];
    if (record->kind == FL_RECORD_INTENT && record->intent.checkpoint_no == result->result.checkpoint_no &&
        strcmp(record->intent.call_id, result->result.call_id) == 0)
      return true;
  }
  return false;
}

static bool has_number(const struct fl_records *records, size_t before, const struct fl_record *row) {
  for (size_t i = 0; i < before; i++) {
    const struct fl_record *record = &records->items[i];
    if (record->kind == row->kind && number_of(record) == number_of(row)) return true;
  }
  return false;
}

static int check_number(const struct fl_memory_thread *thread, const struct fl_records *records, size_t index,
                        struct fl_error *err) {
  const struct fl_record *record = &records->items[index];
  bool is_value = record->kind == FL_RECORD_VALUE;
  const struct fl_records *rows = is_value ? &thread->values : &thread->checkpoints;
  if (fl_memory_find(rows, number_of(record)) == NULL && !has_number(records, index, record)) return 0;
  return fl_error_set(err, FL_E_CONFLICT, "thread %s has a %s %" PRIu64 " already", thread->id,
                      is_value ? "value" : "checkpoint", number_of(record));
}

static int check_record(const struct fl_memory_thread *thread, const struct fl_records *records, size_t index,
                        struct fl_error *err) {
  const struct fl_record *record = &records->items[index];
  if (record->kind == FL_RECORD_VALUE || record->kind == FL_RECORD_CHECKPOINT)
    return check_number(thread, records, index, err);
  if (record->kind == FL_RECORD_RESULT &&
      find_call(thread, record->result.checkpoint_no, record->result.call_id) == NULL &&
      !has_intent(records, index, record))
    return fl_error_set(err, FL_E_INVALID, "thread %s: the result of call %s has no intent before it", thread->id,
                        record->result.call_id);
  if (record->kind != FL_RECORD_THREAD) return 0;
  FL_VALUE_AUTO metadata = fl_value_ref(thread->metadata);
  return fl_metadata_merge(&metadata, record, err);
}

int fl_memory_check_write(const struct fl_memory_thread *thread, const struct fl_txn *txn, struct fl_error *err) {
  uint64_t head;
  struct fl_ended ended;
  int status = fl_txn_move_head(txn, thread->head_no, &head, err);
  fl_ended_init(&ended, txn);
  for (size_t i = 0; status == 0 && i < txn->records->count; i++)
    if (!fl_ended_has(&ended, fl_record_superstep(&txn->records->items[i])))
      status = check_record(thread, txn->records, i, err);
  fl_ended_deinit(&ended);
  return status;
}

/* fl_import_check has looked at the numbers. */
int fl_memory_check_records(const struct fl_memory_thread *thread, const struct fl_records *records,
                            struct fl_error *err) {
  int status = 0;
  for (size_t i = 0; status == 0 && i < records->count; i++)
    if (records->items[i].kind != FL_RECORD_VALUE && records->items[i].kind != FL_RECORD_CHECKPOINT)
      status = check_record(thread, records, i, err);
  return status;
}

/* ---- writing ---- */

static void copy_strings(struct fl_record *to, const struct fl_record *from) {
  switch (from->kind) {
  case FL_RECORD_VALUE:
    to->value.channel = fl_strdup(from->value.channel);
    to->value.origin = fl_strdup(from->value.origin);
    break;
  case FL_RECORD_CHECKPOINT:
    to->checkpoint.source = fl_strdup(from->checkpoint.source);
    to->checkpoint.manifest_hash = fl_strdup(from->checkpoint.manifest_hash);
    break;
  case FL_RECORD_WRITE:
    to->write.channel = fl_strdup(from->write.channel);
    to->write.origin = fl_strdup(from->write.origin);
    break;
  case FL_RECORD_INTENT:
    to->intent.name = fl_strdup(from->intent.name);
    to->intent.key = fl_strdup(from->intent.key);
    to->intent.manifest_hash = fl_strdup(from->intent.manifest_hash);
    break;
  case FL_RECORD_RESULT: to->result.origin = fl_strdup(from->result.origin); break;
  default: fl_check(false);
  }
}

struct fl_record fl_memory_copy_record(const struct fl_record *from) {
  struct fl_record to = *from;
  to.ns = fl_strdup(from->ns);
  to.body = from->body != NULL ? fl_strndup(from->body, from->body_size) : NULL;
  copy_strings(&to, from);
  return to;
}

static void insert_row(struct fl_records *rows, const struct fl_record *record) {
  size_t place = place_of(rows, number_of(record));
  fl_free(fl_records_add(rows, record->kind, "")->ns); /* makes room */
  memmove(rows->items + place + 1, rows->items + place, (rows->count - 1 - place) * sizeof *rows->items);
  rows->items[place] = fl_memory_copy_record(record);
}

void fl_memory_free_record(struct fl_record *record) {
  struct fl_records one = {.items = fl_alloc(sizeof *record), .count = 1};
  *one.items = *record;
  fl_records_deinit(&one);
}

void fl_memory_add_write(struct fl_memory_thread *thread, const struct fl_record *record) {
  struct fl_record *added = fl_records_add(&thread->writes, FL_RECORD_WRITE, "");
  fl_free(added->ns);
  *added = fl_memory_copy_record(record);
  note_place(thread, thread->writes.count - 1);
}

static void put_write(struct fl_memory_thread *thread, const struct fl_record *record) {
  struct fl_record *old = find_write(thread, record);
  if (old == NULL) {
    fl_memory_add_write(thread, record);
  } else if (record->write.index < 0) {
    fl_memory_free_record(old);
    *old = fl_memory_copy_record(record);
  }
}

static void put_intent(struct fl_memory_thread *thread, const struct fl_record *record) {
  struct fl_memory_call *call = find_call(thread, record->intent.checkpoint_no, record->intent.call_id);
  if (call != NULL && call->has_result) return;
  if (call != NULL) {
    fl_memory_free_call(call);
  } else {
    thread->calls = fl_realloc(thread->calls, (thread->call_count + 1) * sizeof *thread->calls);
    call = &thread->calls[thread->call_count++];
  }
  *call = (struct fl_memory_call){.intent = fl_memory_copy_record(record)};
}

static void put_result(struct fl_memory_thread *thread, const struct fl_record *record) {
  struct fl_memory_call *call = find_call(thread, record->result.checkpoint_no, record->result.call_id);
  fl_check(call != NULL);
  if (call->has_result) return;
  call->result = fl_memory_copy_record(record);
  call->has_result = true;
}

static void put_event(struct fl_memory_store *store, struct fl_memory_thread *thread, const struct fl_record *record) {
  if (thread->event_count == thread->event_capacity) {
    thread->event_capacity = thread->event_capacity * 2 + 16;
    thread->events = fl_realloc(thread->events, thread->event_capacity * sizeof *thread->events);
  }
  struct fl_memory_event *event = &thread->events[thread->event_count++];
  *event = (struct fl_memory_event){.no = ++store->last_event_no,
                                    .body = fl_strndup(record->body, record->body_size),
                                    .body_size = record->body_size};
  memcpy(event->run_id, record->event.run_id, sizeof event->run_id);
}

static void replace_text(char **text, const char *with) {
  if (with == NULL) return;
  fl_free(*text);
  *text = fl_strdup(with);
}

static void put_thread(struct fl_memory_thread *thread, const struct fl_record *record) {
  replace_text(&thread->graph_name, record->thread.graph_name);
  replace_text(&thread->graph_file, record->thread.graph_file);
  replace_text(&thread->status, record->thread.status);
  fl_check(fl_metadata_merge(&thread->metadata, record, NULL) == 0);
  if (record->thread.wall_ms > thread->updated_ms) thread->updated_ms = record->thread.wall_ms;
}

static void put_record(struct fl_memory_store *store, struct fl_memory_thread *thread, const struct fl_record *record) {
  switch (record->kind) {
  case FL_RECORD_VALUE: insert_row(&thread->values, record); return;
  case FL_RECORD_CHECKPOINT: insert_row(&thread->checkpoints, record); return;
  case FL_RECORD_WRITE: put_write(thread, record); return;
  case FL_RECORD_INTENT: put_intent(thread, record); return;
  case FL_RECORD_RESULT: put_result(thread, record); return;
  case FL_RECORD_EVENT: put_event(store, thread, record); return;
  case FL_RECORD_THREAD: put_thread(thread, record); return;
  case FL_RECORD_TRACE:
    fl_check(fl_trace_put(store->side, &(struct fl_trace_place){.thread = thread->id}, record, &(struct fl_error){0}) ==
             0);
    return;
  case FL_RECORD_AUDIT: fl_check(fl_audit_put(store->side, thread->id, record, &(struct fl_error){0}) == 0); return;
  }
}

void fl_memory_drop_beside(struct fl_memory_thread *thread, bool (*goes)(const void *user, uint64_t checkpoint_no),
                           const void *user) {
  size_t kept = 0, call_kept = 0;
  fl_map_deinit(&thread->write_places);
  for (size_t i = 0; i < thread->writes.count; i++) {
    struct fl_record *record = &thread->writes.items[i];
    if (goes(user, record->write.checkpoint_no)) {
      fl_memory_free_record(record);
      continue;
    }
    thread->writes.items[kept] = *record;
    note_place(thread, kept++);
  }
  thread->writes.count = kept;
  for (size_t i = 0; i < thread->call_count; i++) {
    struct fl_memory_call *call = &thread->calls[i];
    if (goes(user, call->intent.intent.checkpoint_no)) fl_memory_free_call(call);
    else thread->calls[call_kept++] = *call;
  }
  thread->call_count = call_kept;
}

static bool has_ended(const void *ended, uint64_t checkpoint_no) { return fl_ended_has(ended, checkpoint_no); }

void fl_memory_put_records(struct fl_memory_store *store, struct fl_memory_thread *thread,
                           const struct fl_records *records) {
  for (size_t i = 0; i < records->count; i++) {
    const struct fl_record *record = &records->items[i];
    put_record(store, thread, record);
    bool is_root = record->kind == FL_RECORD_CHECKPOINT && record->ns[0] == 0;
    if (is_root && record->checkpoint.no > thread->head_no) thread->head_no = record->checkpoint.no;
  }
}

void fl_memory_apply_write(struct fl_memory_store *store, struct fl_memory_thread *thread, const struct fl_txn *txn) {
  struct fl_ended ended;
  fl_check(fl_txn_move_head(txn, thread->head_no, &thread->head_no, NULL) == 0);
  fl_ended_init(&ended, txn);
  if (ended.count > 0) fl_memory_drop_beside(thread, has_ended, &ended);
  for (size_t i = 0; i < txn->records->count; i++)
    if (!fl_ended_has(&ended, fl_record_superstep(&txn->records->items[i])))
      put_record(store, thread, &txn->records->items[i]);
  fl_ended_deinit(&ended);
}
