/* SPDX-License-Identifier: MIT */
#include "runtime/store/audit_write.h"

#include "runtime/base/mem.h"
#include "runtime/io/key_file.h"
#include "runtime/json/json.h"

#include <endian.h>
#include <string.h>
#include <unistd.h>

/* ---- the chain ---- */

static fl_slice number_part(uint64_t number, uint64_t *place) {
  *place = htole64(number);
  return fl_slice_n((const char *)place, sizeof *place);
}

void fl_audit_hash(const uint8_t before[FL_HASH_SIZE], const struct fl_audit_record *record,
                   uint8_t ret_hash[FL_HASH_SIZE]) {
  uint64_t no, wall_ms;
  const fl_slice parts[] = {FL_SLICE("fairlead audit 1"),
                            fl_slice_n((const char *)before, FL_HASH_SIZE),
                            number_part(record->no, &no),
                            number_part((uint64_t)record->wall_ms, &wall_ms),
                            fl_slice_of(record->what),
                            fl_slice_of(record->thread),
                            record->body};
  fl_hash_parts(parts, sizeof parts / sizeof parts[0], ret_hash);
}

void fl_audit_head_digest(const struct fl_audit_head *head, uint8_t ret_hash[FL_HASH_SIZE]) {
  uint64_t no, wall_ms;
  const fl_slice parts[] = {FL_SLICE("fairlead audit head 1"), number_part(head->no, &no),
                            number_part((uint64_t)head->wall_ms, &wall_ms),
                            fl_slice_n((const char *)head->hash, FL_HASH_SIZE)};
  fl_hash_parts(parts, sizeof parts / sizeof parts[0], ret_hash);
}

/* What the next record comes behind. */
static int read_last(struct fl_db *db, struct fl_audit_head *last, struct fl_error *err) {
  *last = (struct fl_audit_head){0};
  sqlite3_stmt *statement = fl_db_use(db, FL_SQL_AUDIT_LAST, err);
  if (statement == NULL) return err->code;
  int status = fl_db_row(db, statement, err);
  if (status == FL_E_NOT_FOUND) return 0;
  if (status != 0) return status;
  const void *hash = sqlite3_column_blob(statement, 2);
  last->no = (uint64_t)sqlite3_column_int64(statement, 0);
  last->wall_ms = sqlite3_column_int64(statement, 1);
  if (hash != NULL && sqlite3_column_bytes(statement, 2) == FL_HASH_SIZE) memcpy(last->hash, hash, FL_HASH_SIZE);
  sqlite3_reset(statement);
  return 0;
}

static int put_row(struct fl_db *db, const struct fl_audit_record *record, const uint8_t hash[FL_HASH_SIZE],
                   struct fl_error *err) {
  sqlite3_stmt *statement = fl_db_use(db, FL_SQL_AUDIT_ADD, err);
  if (statement == NULL) return err->code;
  sqlite3_bind_int64(statement, 1, (int64_t)record->no);
  sqlite3_bind_int64(statement, 2, record->wall_ms);
  sqlite3_bind_text(statement, 3, record->what, -1, SQLITE_STATIC);
  sqlite3_bind_text(statement, 4, record->thread, -1, SQLITE_STATIC);
  sqlite3_bind_text64(statement, 5, record->body.data, record->body.size, SQLITE_STATIC, SQLITE_UTF8);
  sqlite3_bind_blob(statement, 6, hash, FL_HASH_SIZE, SQLITE_STATIC);
  return fl_db_run(db, statement, err);
}

int fl_audit_put(struct fl_db *db, const char *thread, const struct fl_record *record, struct fl_error *err) {
  struct fl_audit_head last;
  uint8_t hash[FL_HASH_SIZE];
  int status = read_last(db, &last, err);
  if (status != 0) return status;
  const struct fl_audit_record next = {.no = last.no + 1,
                                       .wall_ms = record->audit.wall_ms,
                                       .what = record->audit.what,
                                       .thread = thread != NULL ? thread : "",
                                       .body = fl_slice_n(record->body, record->body_size)};
  fl_audit_hash(last.hash, &next, hash);
  status = put_row(db, &next, hash, err);
  db->has_audited |= status == 0;
  return status;
}

/* ---- what transactions leave by themselves ---- */

/* Who administers: the user of this process. */
static int put_act(struct fl_db *db, const struct fl_txn *txn, const char *what, struct fl_value *body,
                   struct fl_error *err) {
  struct fl_record record = {.kind = FL_RECORD_AUDIT, .audit = {.what = (char *)what, .wall_ms = txn->wall_ms}};
  fl_set_int(body, "uid", (int64_t)getuid());
  char *text = fl_dump(body, &record.body_size);
  record.body = text;
  int status = fl_audit_put(db, txn->thread, &record, err);
  fl_text_free(text);
  return status;
}

/* A checkpoint that no run made: somebody wrote to the thread from outside. */
static const char *outside_act(const struct fl_record *record) {
  if (record->kind != FL_RECORD_CHECKPOINT || record->ns[0] != 0) return NULL;
  if (strcmp(record->checkpoint.source, "update") == 0) return "thread.edited";
  return strcmp(record->checkpoint.source, "fork") == 0 ? "thread.forked" : NULL;
}

static int note_write(struct fl_db *db, const struct fl_txn *txn, struct fl_error *err) {
  int status = 0;
  for (size_t i = 0; status == 0 && i < txn->records->count; i++) {
    const char *what = outside_act(&txn->records->items[i]);
    if (what == NULL) continue;
    FL_VALUE_AUTO body = fl_object();
    fl_set_string(body, "checkpoint", txn->records->items[i].checkpoint.id);
    status = put_act(db, txn, what, body, err);
  }
  return status;
}

static int note_kind(struct fl_db *db, const struct fl_txn *txn, struct fl_error *err) {
  FL_VALUE_AUTO body = fl_object();
  switch (txn->kind) {
  case FL_TXN_WRITE: return note_write(db, txn, err);
  case FL_TXN_ROTATE: return put_act(db, txn, "store.key_rotated", body, err);
  case FL_TXN_SEAL: return txn->seal->is_last ? put_act(db, txn, "store.sealed", body, err) : 0;
  case FL_TXN_DELETE_THREAD: return put_act(db, txn, "thread.deleted", body, err);
  case FL_TXN_IMPORT:
    fl_set_int(body, "records", (int64_t)txn->import->records->count);
    return put_act(db, txn, "thread.imported", body, err);
  case FL_TXN_COPY: fl_set_string(body, "to", txn->copy->to); return put_act(db, txn, "thread.copied", body, err);
  case FL_TXN_ROLLBACK:
    fl_set_int(body, "to", (int64_t)txn->rollback->to_no);
    return put_act(db, txn, "thread.rolled_back", body, err);
  default: return 0;
  }
}

bool fl_audit_has_note(const struct fl_txn *txn) {
  if (txn->audit != NULL && txn->audit->count > 0) return true;
  switch (txn->kind) {
  case FL_TXN_ROTATE:
  case FL_TXN_SEAL:
  case FL_TXN_DELETE_THREAD:
  case FL_TXN_IMPORT:
  case FL_TXN_COPY:
  case FL_TXN_ROLLBACK: return true;
  case FL_TXN_WRITE: break;
  default: return false;
  }
  for (size_t i = 0; i < txn->records->count; i++)
    if (outside_act(&txn->records->items[i]) != NULL) return true;
  return false;
}

int fl_audit_note(struct fl_db *db, const struct fl_txn *txn, struct fl_error *err) {
  int status = note_kind(db, txn, err);
  for (size_t i = 0; status == 0 && txn->audit != NULL && i < txn->audit->count; i++)
    status = fl_audit_put(db, txn->thread, &txn->audit->items[i], err);
  return status;
}

/* ---- heads ---- */

char *fl_audit_key_path(const struct fl_db *db) { return fl_format("%s.audit-key", db->path); }
char *fl_audit_head_path(const struct fl_db *db) { return fl_format("%s.audit-head", db->path); }

static int load_key(struct fl_sqlite_store *store, struct fl_error *err) {
  if (store->audit_key.data != NULL) return 0;
  FL_SECRET_AUTO seed = {0};
  FL_FREE_AUTO char *path = fl_audit_key_path(&store->writer);
  int status = fl_key_file_read(path, &seed, err);
  if (status == FL_E_NOT_FOUND) {
    status = fl_key_file_make(path, store->fresh_seed, err);
    if (status == 0) status = fl_key_file_read(path, &seed, err);
  }
  if (status == 0) fl_sign_key(&seed, &store->audit_key);
  return status;
}

static int put_head(struct fl_db *db, const struct fl_audit_head *head, struct fl_error *err) {
  sqlite3_stmt *statement = fl_db_use(db, FL_SQL_AUDIT_HEAD_PUT, err);
  if (statement == NULL) return err->code;
  sqlite3_bind_int64(statement, 1, (int64_t)head->no);
  sqlite3_bind_int64(statement, 2, head->wall_ms);
  sqlite3_bind_blob(statement, 3, head->hash, sizeof head->hash, SQLITE_STATIC);
  sqlite3_bind_blob(statement, 4, head->key, sizeof head->key, SQLITE_STATIC);
  sqlite3_bind_blob(statement, 5, head->signature, sizeof head->signature, SQLITE_STATIC);
  return fl_db_run(db, statement, err);
}

int fl_audit_sign(struct fl_sqlite_store *store, struct fl_error *err) {
  struct fl_audit_head *head = &store->audit_head;
  uint8_t digest[FL_HASH_SIZE];
  if (!store->writer.has_audited) return 0;
  int status = load_key(store, err);
  if (status == 0) status = read_last(&store->writer, head, err);
  if (status != 0) return status;
  fl_audit_head_digest(head, digest);
  fl_sign_public(&store->audit_key, head->key);
  fl_sign(&store->audit_key, fl_slice_n((const char *)digest, sizeof digest), head->signature);
  return put_head(&store->writer, head, err);
}

void fl_audit_keep_head(struct fl_sqlite_store *store) {
  struct fl_error ignored = {0};
  if (!store->writer.has_audited) return;
  store->writer.has_audited = false;
  FL_FREE_AUTO char *path = fl_audit_head_path(&store->writer);
  FL_VALUE_AUTO value = fl_audit_head_value(&store->audit_head);
  size_t size = 0;
  char *text = fl_dump(value, &size);
  fl_key_file_replace(path, fl_slice_n(text, size), false, &ignored);
  fl_text_free(text);
}
