/* SPDX-License-Identifier: MIT */
/* Transactions to rows, on the writer's connection and thread. Checks come first; what fails after a row was written is
 * undone by the batch, which rolls back and leaves that transaction out. */
#include "runtime/base/check.h"
#include "runtime/base/mem.h"
#include "runtime/json/json.h"
#include "runtime/store/audit_write.h"
#include "runtime/store/seal.h"
#include "runtime/store/side.h"
#include "runtime/store/sqlite.h"
#include "runtime/store/sqlite_trace.h"

#include <inttypes.h>

/* What every record is written with. */
struct target {
  struct fl_db *db;
  const char *id;
  int64_t thread;
};

static sqlite3_stmt *use_at(const struct target *target, enum fl_sql sql, struct fl_error *err) {
  sqlite3_stmt *statement = fl_db_use(target->db, sql, err);
  if (statement != NULL) sqlite3_bind_int64(statement, 1, target->thread);
  return statement;
}

/* The text to store for a record. */
static int seal(const struct target *target, const struct fl_record *record, fl_slice *ret_text, struct fl_error *err) {
  return fl_seal_record(&(struct fl_seal_thread){target->db, target->id, target->thread}, record, ret_text, err);
}

/* ---- values and checkpoints ---- */

static int run_unique(const struct target *target, sqlite3_stmt *statement, const char *what, uint64_t no,
                      struct fl_error *err) {
  int status = fl_db_run(target->db, statement, err);
  if (status != FL_E_CONFLICT) return status;
  return fl_error_set(err, FL_E_CONFLICT, "thread %s has a %s %" PRIu64 " already", target->id, what, no);
}

static int put_value(const struct target *target, const struct fl_record *record, struct fl_error *err) {
  fl_slice text;
  if (seal(target, record, &text, err) != 0) return err->code;
  sqlite3_stmt *statement = use_at(target, FL_SQL_VALUE_ADD, err);
  if (statement == NULL) return err->code;
  int64_t key = fl_key(FL_KEY_VALUE, record->value.no);
  const int64_t numbers[] = {key, (int64_t)record->value.parent_no, record->value.kind, (int64_t)record->value.count};
  sqlite3_bind_int64(statement, 2, key);
  fl_db_bind_text(statement, 3, record->ns);
  sqlite3_bind_int64(statement, 4, numbers[1]);
  sqlite3_bind_int64(statement, 5, numbers[2]);
  sqlite3_bind_int64(statement, 6, numbers[3]);
  fl_db_bind_text(statement, 7, record->value.channel);
  sqlite3_bind_int64(statement, 8, (int64_t)record->value.labels);
  fl_db_bind_text(statement, 9, record->value.origin);
  sqlite3_bind_int64(statement, 10, fl_row_sum(numbers, 4, text));
  fl_db_bind_slice(statement, 11, text);
  return run_unique(target, statement, "value", record->value.no, err);
}

/* The root graph and subgraphs count with the same numbers, but their keys differ. */
static int check_other_key(const struct target *target, enum fl_key_kind kind, uint64_t no, struct fl_error *err) {
  enum fl_key_kind other = kind == FL_KEY_CHECKPOINT ? FL_KEY_SUB_CHECKPOINT : FL_KEY_CHECKPOINT;
  sqlite3_stmt *statement = use_at(target, FL_SQL_LAST_KEY, err);
  if (statement == NULL) return err->code;
  sqlite3_bind_int64(statement, 2, fl_key(other, no));
  sqlite3_bind_int64(statement, 3, fl_key(other, no));
  int status = fl_db_row(target->db, statement, err);
  sqlite3_reset(statement);
  if (status == FL_E_NOT_FOUND) return 0;
  if (status != 0) return status;
  return fl_error_set(err, FL_E_CONFLICT, "thread %s has a checkpoint %" PRIu64 " already", target->id, no);
}

/* Spans that came with a checkpoint stand in its row; `ret_is_bound` is false when they need one of their own. */
static int bind_spans(const struct target *target, const struct fl_record *spans, sqlite3_stmt *statement,
                      bool *ret_is_bound, struct fl_error *err) {
  *ret_is_bound = false;
  int status = spans != NULL ? fl_trace_bind_spans(target->db, spans, statement, ret_is_bound, err) : 0;
  for (int i = 12; !*ret_is_bound && i <= 14; i++) sqlite3_bind_null(statement, i);
  return status;
}

static int put_checkpoint(const struct target *target, const struct fl_record *record, const struct fl_record **spans,
                          struct fl_error *err) {
  enum fl_key_kind kind = record->ns[0] == 0 ? FL_KEY_CHECKPOINT : FL_KEY_SUB_CHECKPOINT;
  int64_t key = fl_key(kind, record->checkpoint.no);
  fl_slice text = {0};
  int status = check_other_key(target, kind, record->checkpoint.no, err);
  if (status == 0) status = seal(target, record, &text, err);
  sqlite3_stmt *statement = status == 0 ? use_at(target, FL_SQL_CHECKPOINT_ADD, err) : NULL;
  if (statement == NULL) return err->code;
  const int64_t numbers[] = {key, (int64_t)record->checkpoint.parent_no, record->checkpoint.step};
  sqlite3_bind_int64(statement, 2, key);
  fl_db_bind_text(statement, 3, record->ns);
  sqlite3_bind_int64(statement, 4, numbers[1]);
  fl_db_bind_id(statement, 5, record->checkpoint.id);
  sqlite3_bind_int64(statement, 6, numbers[2]);
  fl_db_bind_text(statement, 7, record->checkpoint.source);
  sqlite3_bind_int64(statement, 8, record->checkpoint.wall_ms);
  fl_db_bind_text(statement, 9, record->checkpoint.manifest_hash);
  sqlite3_bind_int64(statement, 10, fl_row_sum(numbers, 3, text));
  fl_db_bind_slice(statement, 11, text);
  bool is_bound;
  status = bind_spans(target, *spans, statement, &is_bound, err);
  if (!is_bound) *spans = NULL;
  return status == 0 ? run_unique(target, statement, "checkpoint", record->checkpoint.no, err) : status;
}

/* ---- beside a checkpoint ---- */

static int put_write(const struct target *target, const struct fl_record *record, struct fl_error *err) {
  fl_slice text;
  if (seal(target, record, &text, err) != 0) return err->code;
  sqlite3_stmt *statement = use_at(target, record->write.index < 0 ? FL_SQL_WRITE_REPLACE : FL_SQL_WRITE_KEEP, err);
  if (statement == NULL) return err->code;
  sqlite3_bind_int64(statement, 2, (int64_t)record->write.checkpoint_no);
  fl_db_bind_id(statement, 3, record->write.task_id);
  sqlite3_bind_int64(statement, 4, record->write.index);
  fl_db_bind_text(statement, 5, record->ns);
  fl_db_bind_text(statement, 6, record->write.channel);
  sqlite3_bind_int64(statement, 7, (int64_t)record->write.labels);
  fl_db_bind_text(statement, 8, record->write.origin);
  sqlite3_bind_int64(statement, 9, fl_row_sum(NULL, 0, text));
  fl_db_bind_slice(statement, 10, text);
  return fl_db_run(target->db, statement, err);
}

static int put_intent(const struct target *target, const struct fl_record *record, struct fl_error *err) {
  fl_slice text;
  if (seal(target, record, &text, err) != 0) return err->code;
  sqlite3_stmt *statement = use_at(target, FL_SQL_INTENT_ADD, err);
  if (statement == NULL) return err->code;
  sqlite3_bind_int64(statement, 2, (int64_t)record->intent.checkpoint_no);
  fl_db_bind_id(statement, 3, record->intent.call_id);
  fl_db_bind_id(statement, 4, record->intent.task_id);
  sqlite3_bind_int64(statement, 5, record->intent.index);
  fl_db_bind_text(statement, 6, record->ns);
  sqlite3_bind_int64(statement, 7, record->intent.kind);
  sqlite3_bind_int64(statement, 8, record->intent.effect);
  fl_db_bind_text(statement, 9, record->intent.name);
  fl_db_bind_text(statement, 10, record->intent.key);
  sqlite3_bind_blob(statement, 11, record->intent.argument_hash, FL_HASH_SIZE, SQLITE_STATIC);
  fl_db_bind_text(statement, 12, record->intent.manifest_hash);
  sqlite3_bind_int64(statement, 13, fl_row_sum(NULL, 0, text));
  fl_db_bind_slice(statement, 14, text);
  return fl_db_run(target->db, statement, err);
}

static int put_result(const struct target *target, const struct fl_record *record, struct fl_error *err) {
  fl_slice text;
  if (seal(target, record, &text, err) != 0) return err->code;
  sqlite3_stmt *statement = use_at(target, FL_SQL_RESULT_ADD, err);
  if (statement == NULL) return err->code;
  sqlite3_bind_int64(statement, 2, (int64_t)record->result.checkpoint_no);
  fl_db_bind_id(statement, 3, record->result.call_id);
  sqlite3_bind_int64(statement, 4, record->result.is_error);
  sqlite3_bind_int64(statement, 5, (int64_t)record->result.labels);
  fl_db_bind_text(statement, 6, record->result.origin);
  sqlite3_bind_int64(statement, 7, fl_row_sum(NULL, 0, text));
  fl_db_bind_slice(statement, 8, text);
  int status = fl_db_run(target->db, statement, err);
  if (status != 0 || sqlite3_changes(target->db->handle) == 1) return status;
  return fl_error_set(err, FL_E_INVALID, "thread %s: the result of call %s has no intent before it", target->id,
                      record->result.call_id);
}

/* A sealed event is bound to its number, which must be known before. */
static int number_event(const struct target *target, struct fl_record *event, struct fl_error *err) {
  event->event.no = 0;
  if (target->db->sealer == NULL) return 0;
  sqlite3_stmt *statement = fl_db_use(target->db, FL_SQL_EVENT_LAST, err);
  if (statement == NULL) return err->code;
  int status = fl_db_row(target->db, statement, err);
  event->event.no = status == 0 ? (uint64_t)sqlite3_column_int64(statement, 0) + 1 : 1;
  sqlite3_reset(statement);
  return status == FL_E_NOT_FOUND ? 0 : status;
}

static int put_event(const struct target *target, const struct fl_record *record, struct fl_error *err) {
  fl_slice text = {0};
  struct fl_record event = *record;
  int status = number_event(target, &event, err);
  if (status == 0) status = seal(target, &event, &text, err);
  sqlite3_stmt *statement = status == 0 ? use_at(target, FL_SQL_EVENT_ADD, err) : NULL;
  if (statement == NULL) return err->code;
  fl_db_bind_id(statement, 2, record->event.run_id);
  sqlite3_bind_int64(statement, 3, fl_row_sum(NULL, 0, text));
  fl_db_bind_slice(statement, 4, text);
  if (event.event.no != 0) sqlite3_bind_int64(statement, 5, (int64_t)event.event.no);
  else sqlite3_bind_null(statement, 5);
  return fl_db_run(target->db, statement, err);
}

/* ---- the thread ---- */

/* The metadata after the record as text, NULL when it does not speak of it. */
static int merge_metadata(const struct target *target, const struct fl_record *record, char **ret_text,
                          struct fl_error *err) {
  FL_VALUE_AUTO metadata = NULL;
  *ret_text = NULL;
  if (record->body == NULL) return 0;
  sqlite3_stmt *statement = use_at(target, FL_SQL_THREAD_METADATA, err);
  if (statement == NULL) return err->code;
  int status = fl_db_row(target->db, statement, err);
  if (status != 0) return status;
  fl_slice text = fl_db_text(statement, 0);
  status = fl_unseal_record(&(struct fl_seal_thread){target->db, target->id, target->thread}, record, text, &text, err);
  if (status == 0 && text.size > 0 && fl_json_read(text, FL_JSON_FULL, &metadata, NULL) != 0)
    status = fl_error_set(err, FL_E_CORRUPT, "thread %s: its metadata is damaged", target->id);
  sqlite3_reset(statement);
  if (status != 0) return status;
  status = fl_metadata_merge(&metadata, record, err);
  if (status == 0) *ret_text = fl_dump(metadata, NULL);
  return status;
}

static int put_thread(const struct target *target, const struct fl_record *record, struct fl_error *err) {
  char *metadata;
  int status = merge_metadata(target, record, &metadata, err);
  if (status != 0) return status;
  struct fl_record merged = {.kind = FL_RECORD_THREAD, .body = metadata};
  merged.body_size = metadata != NULL ? strlen(metadata) : 0;
  fl_slice text;
  status = seal(target, &merged, &text, err);
  sqlite3_stmt *statement = status == 0 ? use_at(target, FL_SQL_THREAD_SAY, err) : NULL;
  if (statement != NULL) {
    fl_db_bind_text(statement, 2, record->thread.graph_name);
    fl_db_bind_text(statement, 3, record->thread.graph_file);
    fl_db_bind_text(statement, 4, record->thread.status);
    fl_db_bind_slice(statement, 5, text);
    sqlite3_bind_int64(statement, 6, record->thread.wall_ms);
  }
  status = statement != NULL ? fl_db_run(target->db, statement, err) : err->code;
  fl_text_free(metadata);
  return status;
}

static int put_record(const struct target *target, const struct fl_record *record, struct fl_error *err) {
  switch (record->kind) {
  case FL_RECORD_VALUE: return put_value(target, record, err);
  case FL_RECORD_WRITE: return put_write(target, record, err);
  case FL_RECORD_INTENT: return put_intent(target, record, err);
  case FL_RECORD_RESULT: return put_result(target, record, err);
  case FL_RECORD_EVENT: return put_event(target, record, err);
  case FL_RECORD_THREAD: return put_thread(target, record, err);
  case FL_RECORD_AUDIT: return fl_audit_put(target->db, target->id, record, err);
  case FL_RECORD_CHECKPOINT:
  case FL_RECORD_TRACE: break; /* put_records */
  }
  return FL_E_BUG;
}

/* ---- writes ---- */

static int end_supersteps(const struct target *target, const struct fl_ended *ended, struct fl_error *err) {
  static const enum fl_sql both[] = {FL_SQL_WRITES_END, FL_SQL_CALLS_END};
  for (size_t i = 0; i < ended->count * 2; i++) {
    sqlite3_stmt *statement = use_at(target, both[i % 2], err);
    if (statement == NULL) return err->code;
    sqlite3_bind_int64(statement, 2, (int64_t)ended->nos[i / 2]);
    int status = fl_db_run(target->db, statement, err);
    if (status != 0) return status;
  }
  return 0;
}

/* The checkpoint among the records that is their first or last, or the last that the thread has. */
static int find_checkpoint(const struct target *target, const struct fl_records *records, bool is_first,
                           uint64_t *ret_no, struct fl_error *err) {
  uint64_t last = 0, sub_last = 0;
  *ret_no = 0;
  for (size_t i = 0; i < records->count && (*ret_no == 0 || !is_first); i++)
    if (records->items[i].kind == FL_RECORD_CHECKPOINT) *ret_no = records->items[i].checkpoint.no;
  if (*ret_no != 0) return 0;
  int status = fl_db_last_no(target->db, target->thread, FL_KEY_CHECKPOINT, &last, err);
  if (status == 0) status = fl_db_last_no(target->db, target->thread, FL_KEY_SUB_CHECKPOINT, &sub_last, err);
  *ret_no = last > sub_last ? last : sub_last;
  return status;
}

static int put_trace(const struct target *target, const struct fl_records *records, const struct fl_record *record,
                     struct fl_error *err) {
  bool is_begin = record->trace.part == FL_TRACE_BEGIN, is_end = record->trace.part == FL_TRACE_END;
  struct fl_trace_place place = {.thread = target->id};
  int status = is_begin || is_end ? find_checkpoint(target, records, is_begin, &place.checkpoint_no, err) : 0;
  return status == 0 ? fl_trace_put(target->db, &place, record, err) : status;
}

static bool is_part(const struct fl_record *record, enum fl_trace_part part) {
  return record->kind == FL_RECORD_TRACE && record->trace.part == part;
}

/* The spans that came with the checkpoint at `i`: behind it and before the next one. */
static const struct fl_record *spans_with(const struct fl_records *records, size_t i) {
  for (i++; i < records->count && records->items[i].kind != FL_RECORD_CHECKPOINT; i++)
    if (is_part(&records->items[i], FL_TRACE_SPANS)) return &records->items[i];
  return NULL;
}

/* A run must be known before its spans. */
static int put_begins(const struct target *target, const struct fl_records *records, struct fl_error *err) {
  int status = 0;
  for (size_t i = 0; status == 0 && i < records->count; i++)
    if (is_part(&records->items[i], FL_TRACE_BEGIN)) status = put_trace(target, records, &records->items[i], err);
  return status;
}

static int put_records(const struct target *target, const struct fl_records *records, const struct fl_ended *ended,
                       struct fl_error *err) {
  const struct fl_record *placed = NULL; /* spans that stand in the row of their checkpoint */
  int status = put_begins(target, records, err);
  for (size_t i = 0; status == 0 && i < records->count; i++) {
    const struct fl_record *record = &records->items[i];
    if (record->kind == FL_RECORD_CHECKPOINT) {
      placed = spans_with(records, i);
      status = put_checkpoint(target, record, &placed, err);
    } else if (record->kind == FL_RECORD_TRACE) {
      if (record != placed && record->trace.part != FL_TRACE_BEGIN) status = put_trace(target, records, record, err);
    } else if (!fl_ended_has(ended, fl_record_superstep(record))) {
      status = put_record(target, record, err);
    }
  }
  return status;
}

int fl_sqlite_put_records(struct fl_db *db, const char *id, int64_t thread, const struct fl_records *records,
                          struct fl_error *err) {
  const struct target target = {.db = db, .id = id, .thread = thread};
  return put_records(&target, records, &(struct fl_ended){0}, err);
}

static int apply_write(struct fl_sqlite_store *store, const struct fl_thread_row *thread, const struct fl_txn *txn,
                       const struct fl_lease_ask *ask, struct fl_error *err) {
  const struct target target = {.db = &store->writer, .id = txn->thread, .thread = thread->row};
  uint64_t head;
  int status = fl_txn_is_metadata(txn) ? 0 : fl_lease_check(&thread->lease, ask, err);
  if (status == 0) status = fl_db_last_no(&store->writer, thread->row, FL_KEY_CHECKPOINT, &head, err);
  if (status == 0) status = fl_txn_move_head(txn, head, &head, err);
  if (status != 0) return status;
  struct fl_ended ended;
  fl_ended_init(&ended, txn);
  status = end_supersteps(&target, &ended, err);
  if (status == 0) status = put_records(&target, txn->records, &ended, err);
  fl_ended_deinit(&ended);
  return status;
}

/* ---- leases ---- */

int fl_sqlite_put_lease(struct fl_sqlite_store *store, const struct fl_thread_row *thread, int64_t updated_ms,
                        struct fl_error *err) {
  const struct fl_lease *lease = &thread->lease;
  sqlite3_stmt *statement = fl_db_use(&store->writer, FL_SQL_THREAD_LEASE, err);
  if (statement == NULL) return err->code;
  sqlite3_bind_int64(statement, 1, thread->row);
  sqlite3_bind_int64(statement, 2, (int64_t)lease->fence);
  sqlite3_bind_int64(statement, 3, lease->holder.pid);
  sqlite3_bind_int64(statement, 4, (int64_t)lease->holder.start_ticks);
  sqlite3_bind_int64(statement, 5, (int64_t)lease->holder.token);
  fl_db_bind_text(statement, 6, lease->holder.place);
  sqlite3_bind_int64(statement, 7, lease->expires_ms);
  sqlite3_bind_int64(statement, 8, updated_ms);
  return fl_db_run(&store->writer, statement, err);
}

static int apply_acquire(struct fl_sqlite_store *store, struct fl_thread_row *thread, const struct fl_lease_ask *ask,
                         uint64_t *ret_fence, struct fl_error *err) {
  int status = fl_lease_acquire(&thread->lease, ask, err);
  if (status == 0) status = fl_sqlite_put_lease(store, thread, ask->wall_ms, err);
  if (status == 0) status = fl_side_drop_requests(&store->writer, ask->thread, err);
  if (status != 0) return status;
  *ret_fence = thread->lease.fence;
  store->has_acquired = true;
  return 0;
}

static int apply_keep(struct fl_sqlite_store *store, struct fl_thread_row *thread, const struct fl_txn *txn,
                      const struct fl_lease_ask *ask, struct fl_error *err) {
  bool renews = txn->kind == FL_TXN_LEASE_RENEW;
  int status = renews ? fl_lease_renew(&thread->lease, ask, err) : fl_lease_release(&thread->lease, ask, err);
  if (status == 0) status = fl_sqlite_put_lease(store, thread, 0, err);
  return status == 0 && !renews ? fl_side_drop_requests(&store->writer, ask->thread, err) : status;
}

static int apply_request(struct fl_sqlite_store *store, const struct fl_thread_row *thread, const struct fl_txn *txn,
                         const struct fl_lease_ask *ask, struct fl_error *err) {
  int status = fl_lease_check_held(&thread->lease, ask, err);
  return status == 0 ? fl_side_put_request(&store->writer, txn, thread->lease.fence, err) : status;
}

static int apply_delete(struct fl_sqlite_store *store, const struct fl_thread_row *thread,
                        const struct fl_lease_ask *ask, struct fl_error *err) {
  static const enum fl_sql all[] = {FL_SQL_ROWS_DELETE, FL_SQL_WRITES_DELETE, FL_SQL_CALLS_DELETE, FL_SQL_EVENTS_DELETE,
                                    FL_SQL_THREAD_DELETE};
  int status = fl_lease_check_free(&thread->lease, ask, err);
  sqlite3_stmt *statement = status == 0 ? fl_db_use(&store->writer, FL_SQL_THREAD_FLOOR, err) : NULL;
  if (statement == NULL) return err->code;
  sqlite3_bind_int64(statement, 1, (int64_t)thread->lease.fence);
  status = fl_db_run(&store->writer, statement, err);
  if (status == 0) status = fl_side_drop_requests(&store->writer, ask->thread, err);
  if (status == 0) status = fl_trace_forget_thread(&store->writer, ask->thread, err);
  if (status == 0) status = fl_seal_erase(&store->writer, thread->row, err);
  for (size_t i = 0; status == 0 && i < sizeof all / sizeof all[0]; i++) {
    statement = fl_db_use(&store->writer, all[i], err);
    if (statement == NULL) return err->code;
    sqlite3_bind_int64(statement, 1, thread->row);
    status = fl_db_run(&store->writer, statement, err);
  }
  return status;
}

/* ---- transactions ---- */

int fl_sqlite_make_thread(struct fl_db *db, const char *id, int64_t created_ms, struct fl_thread_row *ret_thread,
                          struct fl_error *err) {
  sqlite3_stmt *statement = fl_db_use(db, FL_SQL_THREAD_MAKE, err);
  if (statement == NULL) return err->code;
  sqlite3_bind_text(statement, 1, id, -1, SQLITE_STATIC);
  sqlite3_bind_int64(statement, 2, created_ms);
  int status = fl_db_run(db, statement, err);
  return status == 0 ? fl_db_find_thread(db, id, ret_thread, err) : status;
}

static int find_or_make(struct fl_db *db, const struct fl_txn *txn, struct fl_thread_row *ret_thread,
                        struct fl_error *err) {
  bool may_make = txn->creates && (txn->kind == FL_TXN_LEASE_ACQUIRE || (txn->kind == FL_TXN_WRITE && txn->fence == 0));
  int status = fl_db_find_thread(db, txn->thread, ret_thread, err);
  if (status != FL_E_NOT_FOUND || !may_make) return status;
  return fl_sqlite_make_thread(db, txn->thread, txn->wall_ms, ret_thread, err);
}

/* By whoever holds the lease, or by anybody while nobody does. */
static int check_upkeep(const struct fl_thread_row *thread, const struct fl_lease_ask *ask, struct fl_error *err) {
  return ask->fence == 0 ? fl_lease_check_free(&thread->lease, ask, err) : fl_lease_check(&thread->lease, ask, err);
}

static int apply(struct fl_sqlite_store *store, const struct fl_txn *txn, struct fl_txn_answer *ret_answer,
                 struct fl_error *err) {
  struct fl_thread_row thread;
  struct fl_lease_ask ask = {.thread = txn->thread,
                             .self = &store->self,
                             .is_gone = fl_holder_is_dead,
                             .fence = txn->fence,
                             .wall_ms = txn->wall_ms,
                             .lease_ms = txn->lease_ms};
  int status = fl_txn_check(txn, err);
  if (status == 0 && txn->kind == FL_TXN_SEAL) return fl_seal_step(store, txn, err);
  if (status == 0 && fl_txn_is_beside(txn)) return fl_side_apply(&store->writer, txn, ret_answer, err);
  if (status == 0 && txn->kind == FL_TXN_IMPORT) return fl_sqlite_import(store, txn, err);
  if (status == 0) status = find_or_make(&store->writer, txn, &thread, err);
  if (status != 0) return status;
  switch (txn->kind) {
  case FL_TXN_WRITE: return apply_write(store, &thread, txn, &ask, err);
  case FL_TXN_LEASE_ACQUIRE: return apply_acquire(store, &thread, &ask, &ret_answer->fence, err);
  case FL_TXN_LEASE_RENEW:
  case FL_TXN_LEASE_RELEASE: return apply_keep(store, &thread, txn, &ask, err);
  case FL_TXN_DELETE_THREAD: return apply_delete(store, &thread, &ask, err);
  case FL_TXN_REQUEST: return apply_request(store, &thread, txn, &ask, err);
  case FL_TXN_PRUNE:
    status = check_upkeep(&thread, &ask, err);
    return status == 0 ? fl_sqlite_prune(store, &thread, txn, ret_answer, err) : status;
  case FL_TXN_ROLLBACK:
    status = check_upkeep(&thread, &ask, err);
    return status == 0 ? fl_sqlite_roll_back(store, &thread, txn, ret_answer, err) : status;
  case FL_TXN_COPY: return fl_sqlite_copy(store, &thread, txn, err);
  default: break;
  }
  return fl_error_set(err, FL_E_BUG, "a transaction of an unknown kind %d", (int)txn->kind);
}

int fl_sqlite_apply(struct fl_sqlite_store *store, const struct fl_txn *txn, struct fl_txn_answer *ret_answer,
                    struct fl_error *err) {
  int status = apply(store, txn, ret_answer, err);
  return status == 0 ? fl_audit_note(&store->writer, txn, err) : status;
}
