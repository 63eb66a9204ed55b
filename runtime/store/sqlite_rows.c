/* SPDX-License-Identifier: MIT */
/* Every row of a thread as the record it was written from, on the loop's connection, from one snapshot. */
#include "runtime/base/mem.h"
#include "runtime/json/json.h"
#include "runtime/store/seal.h"
#include "runtime/store/sqlite.h"

#include <inttypes.h>

/* One answer under way. */
struct walk {
  struct fl_db *db;
  const struct fl_ask *ask;
  int64_t row; /* of the thread */
};

/* Makes the record of the row that `statement` stands on; the caller frees it. FL_E_CORRUPT for a wrong sum. */
typedef int make_fn(sqlite3_stmt *statement, struct fl_records *records);

static char *copy_or_empty(sqlite3_stmt *statement, int index) {
  char *text = fl_db_copy(statement, index);
  return text != NULL ? text : fl_strdup("");
}

static void take_body(struct fl_record *record, sqlite3_stmt *statement, int index) {
  record->body = fl_db_copy(statement, index);
  record->body_size = fl_db_text(statement, index).size;
}

static struct fl_record *add(struct fl_records *records, enum fl_record_kind kind, sqlite3_stmt *statement, int ns) {
  FL_FREE_AUTO char *text = fl_db_copy(statement, ns);
  return fl_records_add(records, kind, text);
}

static bool has_sum(sqlite3_stmt *statement, int index, const int64_t *numbers, size_t count, fl_slice body) {
  return fl_row_sum(numbers, count, body) == (uint32_t)sqlite3_column_int64(statement, index);
}

/* k, ns, parent, kind, count, name, labels, origin, sum, body */
static int make_value(sqlite3_stmt *statement, struct fl_records *records) {
  struct fl_record *record = add(records, FL_RECORD_VALUE, statement, 1);
  const int64_t numbers[] = {sqlite3_column_int64(statement, 0), sqlite3_column_int64(statement, 2),
                             sqlite3_column_int64(statement, 3), sqlite3_column_int64(statement, 4)};
  record->value.no = fl_key_no(numbers[0]);
  record->value.parent_no = (uint64_t)numbers[1];
  record->value.kind = (enum fl_body_kind)numbers[2];
  record->value.count = (uint64_t)numbers[3];
  record->value.channel = copy_or_empty(statement, 5);
  record->value.labels = (uint64_t)sqlite3_column_int64(statement, 6);
  record->value.origin = fl_db_copy(statement, 7);
  take_body(record, statement, 9);
  return has_sum(statement, 8, numbers, 4, fl_db_text(statement, 9)) ? 0 : FL_E_CORRUPT;
}

/* k, ns, parent, id, step, name, wall_ms, manifest, sum, body */
static int make_checkpoint(sqlite3_stmt *statement, struct fl_records *records) {
  struct fl_record *record = add(records, FL_RECORD_CHECKPOINT, statement, 1);
  const int64_t numbers[] = {sqlite3_column_int64(statement, 0), sqlite3_column_int64(statement, 2),
                             sqlite3_column_int64(statement, 4)};
  record->checkpoint.no = fl_key_no(numbers[0]);
  record->checkpoint.parent_no = (uint64_t)numbers[1];
  fl_db_id(statement, 3, record->checkpoint.id);
  record->checkpoint.step = numbers[2];
  record->checkpoint.source = copy_or_empty(statement, 5);
  record->checkpoint.wall_ms = sqlite3_column_int64(statement, 6);
  record->checkpoint.manifest_hash = fl_db_copy(statement, 7);
  take_body(record, statement, 9);
  return has_sum(statement, 8, numbers, 3, fl_db_text(statement, 9)) ? 0 : FL_E_CORRUPT;
}

/* checkpoint, ns, task, place, channel, labels, origin, sum, body */
static int make_write(sqlite3_stmt *statement, struct fl_records *records) {
  struct fl_record *record = add(records, FL_RECORD_WRITE, statement, 1);
  record->write.checkpoint_no = (uint64_t)sqlite3_column_int64(statement, 0);
  fl_db_id(statement, 2, record->write.task_id);
  record->write.index = sqlite3_column_int(statement, 3);
  record->write.channel = copy_or_empty(statement, 4);
  record->write.labels = (uint64_t)sqlite3_column_int64(statement, 5);
  record->write.origin = fl_db_copy(statement, 6);
  take_body(record, statement, 8);
  return has_sum(statement, 7, NULL, 0, fl_db_text(statement, 8)) ? 0 : FL_E_CORRUPT;
}

/* checkpoint, ns, task, id, place, kind, effect, name, key, argument_hash, manifest, sum, arguments, and from 13:
 * is_error, labels, origin, result_sum, result */
static int make_result(sqlite3_stmt *statement, struct fl_records *records) {
  if (sqlite3_column_type(statement, 13) == SQLITE_NULL) return 0;
  struct fl_record *record = add(records, FL_RECORD_RESULT, statement, 1);
  record->result.checkpoint_no = (uint64_t)sqlite3_column_int64(statement, 0);
  fl_db_id(statement, 2, record->result.task_id);
  fl_db_id(statement, 3, record->result.call_id);
  record->result.is_error = sqlite3_column_int(statement, 13) != 0;
  record->result.labels = (uint64_t)sqlite3_column_int64(statement, 14);
  record->result.origin = fl_db_copy(statement, 15);
  take_body(record, statement, 17);
  return has_sum(statement, 16, NULL, 0, fl_db_text(statement, 17)) ? 0 : FL_E_CORRUPT;
}

static int make_call(sqlite3_stmt *statement, struct fl_records *records) {
  struct fl_record *record = add(records, FL_RECORD_INTENT, statement, 1);
  record->intent.checkpoint_no = (uint64_t)sqlite3_column_int64(statement, 0);
  fl_db_id(statement, 2, record->intent.task_id);
  fl_db_id(statement, 3, record->intent.call_id);
  record->intent.index = sqlite3_column_int(statement, 4);
  record->intent.kind = (enum fl_call_kind)sqlite3_column_int(statement, 5);
  record->intent.effect = (enum fl_call_effect)sqlite3_column_int(statement, 6);
  record->intent.name = copy_or_empty(statement, 7);
  record->intent.key = fl_db_copy(statement, 8);
  const void *hash = sqlite3_column_blob(statement, 9);
  if (hash != NULL && sqlite3_column_bytes(statement, 9) == FL_HASH_SIZE)
    memcpy(record->intent.argument_hash, hash, FL_HASH_SIZE);
  record->intent.manifest_hash = fl_db_copy(statement, 10);
  take_body(record, statement, 12);
  if (!has_sum(statement, 11, NULL, 0, fl_db_text(statement, 12))) return FL_E_CORRUPT;
  return make_result(statement, records);
}

/* no, run, sum, body */
static int make_event(sqlite3_stmt *statement, struct fl_records *records) {
  struct fl_record *record = fl_records_add(records, FL_RECORD_EVENT, "");
  record->event.no = (uint64_t)sqlite3_column_int64(statement, 0);
  fl_db_id(statement, 1, record->event.run_id);
  take_body(record, statement, 3);
  return has_sum(statement, 2, NULL, 0, fl_db_text(statement, 3)) ? 0 : FL_E_CORRUPT;
}

/* graph_name, graph_file, status, metadata, updated_ms */
static int make_thread(sqlite3_stmt *statement, struct fl_records *records) {
  struct fl_record *record = fl_records_add(records, FL_RECORD_THREAD, "");
  record->thread.graph_name = fl_db_copy(statement, 0);
  record->thread.graph_file = fl_db_copy(statement, 1);
  record->thread.status = copy_or_empty(statement, 2);
  take_body(record, statement, 3);
  record->thread.wall_ms = sqlite3_column_int64(statement, 4);
  return 0;
}

static const struct {
  const char *what, *sql;
  make_fn *make;
} tables[] = {
    {"its row", "SELECT graph_name, graph_file, status, metadata, updated_ms FROM thread WHERE row = ?1", make_thread},
    {"a value",
     "SELECT k, ns, parent, kind, count, name, labels, origin, sum, body FROM row WHERE thread = ?1 AND k < 4294967296"
     " ORDER BY k",
     make_value},
    {"a checkpoint",
     "SELECT k, ns, parent, id, step, name, wall_ms, manifest, sum, body FROM row WHERE thread = ?1 AND k > 4294967296"
     " ORDER BY k & 4294967295",
     make_checkpoint},
    {"a write",
     "SELECT checkpoint, ns, task, place, channel, labels, origin, sum, body FROM pending WHERE thread = ?1"
     " ORDER BY seq",
     make_write},
    {"a call",
     "SELECT checkpoint, ns, task, id, place, kind, effect, name, key, argument_hash, manifest, sum, arguments,"
     " is_error, labels, origin, result_sum, result FROM call WHERE thread = ?1 ORDER BY seq",
     make_call},
    {"an event", "SELECT no, run, sum, body FROM event WHERE thread = ?1 ORDER BY no", make_event},
};

static void drop_body(struct fl_record *record) {
  fl_free(record->body);
  record->body = NULL;
  record->body_size = 0;
}

static int unseal(const struct walk *walk, struct fl_record *record, struct fl_error *err) {
  fl_slice stored = fl_slice_n(record->body, record->body_size), plain;
  int status =
      fl_unseal_record(&(struct fl_seal_thread){walk->db, walk->ask->thread, walk->row}, record, stored, &plain, err);
  if (status == 0 && plain.data != stored.data) {
    char *body = fl_strndup(plain.data, plain.size);
    drop_body(record);
    record->body = body;
    record->body_size = plain.size;
  }
  if (status == 0 && record->kind == FL_RECORD_THREAD && record->body_size <= 2) drop_body(record); /* "{}" */
  return status;
}

static int visit_row(const struct walk *walk, sqlite3_stmt *statement, size_t table, struct fl_error *err) {
  struct fl_records records = {0};
  int status = tables[table].make(statement, &records);
  if (status != 0)
    fl_error_set(err, status, "thread %s: %s is damaged: its check sum does not fit", walk->ask->thread,
                 tables[table].what);
  for (size_t i = 0; status == 0 && i < records.count; i++) {
    status = unseal(walk, &records.items[i], err);
    if (status == 0) status = walk->ask->on_record(&records.items[i], walk->ask->user, err);
  }
  fl_records_deinit(&records);
  return status;
}

static int walk_table(const struct walk *walk, size_t table, struct fl_error *err) {
  sqlite3_stmt *statement = fl_db_prepare(walk->db, tables[table].sql, err);
  if (statement == NULL) return err->code;
  sqlite3_bind_int64(statement, 1, walk->row);
  int status;
  while ((status = fl_db_row(walk->db, statement, err)) == 0) {
    status = visit_row(walk, statement, table, err);
    if (status != 0) break;
  }
  sqlite3_finalize(statement);
  return status == FL_E_NOT_FOUND ? 0 : status;
}

int fl_sqlite_walk(struct fl_db *db, int64_t row, const struct fl_ask *ask, bool with_events, struct fl_error *err) {
  const struct walk walk = {.db = db, .ask = ask, .row = row};
  size_t count = sizeof tables / sizeof tables[0] - !with_events;
  int status = 0;
  for (size_t i = 0; status == 0 && i < count; i++) status = walk_table(&walk, i, err);
  return status;
}

int fl_sqlite_read_all(struct fl_store *base, const struct fl_ask *ask, struct fl_error *err) {
  struct fl_sqlite_store *store = (struct fl_sqlite_store *)base;
  struct fl_thread_row thread;
  bool is_outer;
  int status = fl_sqlite_begin_read(store, &is_outer, err);
  if (status != 0) return status;
  status = fl_db_find_thread(&store->reader, ask->thread, &thread, err);
  if (status == 0) status = fl_sqlite_walk(&store->reader, thread.row, ask, true, err);
  fl_sqlite_end_read(store, is_outer);
  return status;
}

/* ---- events ---- */

/* The visit may read again, so what was unsealed is kept for it. */
static int unseal_event(const struct fl_seal_thread *thread, sqlite3_stmt *statement, struct fl_event_info *info,
                        struct fl_buf *kept, struct fl_error *err) {
  if (fl_row_sum(NULL, 0, info->body) != (uint32_t)sqlite3_column_int64(statement, 2))
    return fl_error_set(err, FL_E_CORRUPT, "thread %s: event %" PRIu64 " is damaged: its check sum does not fit",
                        thread->id, info->no);
  if (!fl_needs_unsealing(thread->db, info->body)) return 0;
  struct fl_record record = {.kind = FL_RECORD_EVENT, .event = {.no = info->no}};
  memcpy(record.event.run_id, info->run_id, FL_UUID_SIZE);
  int status = fl_unseal_record(thread, &record, info->body, &info->body, err);
  if (status != 0) return status;
  fl_buf_add(kept, info->body.data, info->body.size);
  info->body = fl_buf_slice(kept);
  return 0;
}

int fl_sqlite_list_events(struct fl_store *base, const struct fl_ask *ask, struct fl_error *err) {
  struct fl_db *db = &((struct fl_sqlite_store *)base)->reader;
  struct fl_thread_row thread;
  int status = fl_db_find_thread(db, ask->thread, &thread, err);
  sqlite3_stmt *statement =
      status != 0
          ? NULL
          : fl_db_prepare(db, "SELECT no, run, sum, body FROM event WHERE thread = ?1 AND no > ?2 ORDER BY no", err);
  if (statement == NULL) return err->code;
  sqlite3_bind_int64(statement, 1, thread.row);
  sqlite3_bind_int64(statement, 2, ask->no > INT64_MAX ? INT64_MAX : (int64_t)ask->no);
  bool goes_on = true;
  while (goes_on && (status = fl_db_row(db, statement, err)) == 0) {
    char this_id[FL_UUID_SIZE];
    fl_db_id(statement, 1, this_id);
    if (ask->id != NULL && strcmp(ask->id, this_id) != 0) continue;
    struct fl_event_info info = {
        .no = (uint64_t)sqlite3_column_int64(statement, 0), .run_id = this_id, .body = fl_db_text(statement, 3)};
    FL_BUF_AUTO kept = {0};
    status = unseal_event(&(struct fl_seal_thread){db, ask->thread, thread.row}, statement, &info, &kept, err);
    if (status != 0) break;
    goes_on = ask->on_event(&info, ask->user);
  }
  sqlite3_finalize(statement);
  return status == FL_E_NOT_FOUND ? 0 : status;
}
