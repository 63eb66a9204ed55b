/* SPDX-License-Identifier: MIT */
/* Cached results and requests: see the header. */
#include "runtime/base/mem.h"
#include "runtime/store/seal.h"
#include "runtime/store/side.h"
#include "runtime/store/sqlite.h"
#include "runtime/store/sqlite_trace.h"

enum { SWEEP_COUNT = 32 }; /* rows that a put clears away at most, besides those it needs the room of */

/* ---- the cache ---- */

static int run_with(struct fl_db *db, enum fl_sql sql, int64_t number, struct fl_error *err) {
  sqlite3_stmt *statement = fl_db_use(db, sql, err);
  if (statement == NULL) return err->code;
  sqlite3_bind_int64(statement, 1, number);
  return fl_db_run(db, statement, err);
}

/* Binds graph, node and key as ?1 to ?3. */
static sqlite3_stmt *use_entry(struct fl_db *db, enum fl_sql sql, const struct fl_cache_entry *entry,
                               struct fl_error *err) {
  sqlite3_stmt *statement = fl_db_use(db, sql, err);
  if (statement == NULL) return NULL;
  sqlite3_bind_text(statement, 1, entry->graph, -1, SQLITE_STATIC);
  sqlite3_bind_text(statement, 2, entry->node, -1, SQLITE_STATIC);
  sqlite3_bind_blob(statement, 3, entry->key, FL_HASH_SIZE, SQLITE_STATIC);
  return statement;
}

/* The sum of all bodies; the counter that puts keep up to date. */
static int read_size(struct fl_db *db, int64_t *ret_size, struct fl_error *err) {
  sqlite3_stmt *statement = fl_db_use(db, FL_SQL_CACHE_SIZE, err);
  if (statement == NULL) return err->code;
  int status = fl_db_row(db, statement, err);
  *ret_size = status == 0 ? sqlite3_column_int64(statement, 0) : 0;
  sqlite3_reset(statement);
  return status == FL_E_NOT_FOUND ? 0 : status;
}

/* Row numbers rise with every put, so those that are more than the limit behind the last are too many. */
static int make_room(struct fl_db *db, int64_t wall_ms, struct fl_error *err) {
  int64_t last = sqlite3_last_insert_rowid(db->handle), size;
  sqlite3_stmt *statement = fl_db_use(db, FL_SQL_CACHE_EXPIRE, err);
  if (statement == NULL) return err->code;
  sqlite3_bind_int64(statement, 1, wall_ms);
  sqlite3_bind_int64(statement, 2, SWEEP_COUNT);
  int status = fl_db_run(db, statement, err);
  if (status == 0 && last > FL_CACHE_COUNT_MAX)
    status = run_with(db, FL_SQL_CACHE_DROP_TO, last - FL_CACHE_COUNT_MAX, err);
  if (status == 0) status = read_size(db, &size, err);
  while (status == 0 && size > FL_CACHE_SIZE_MAX) {
    status = run_with(db, FL_SQL_CACHE_DROP_FIRST, SWEEP_COUNT, err);
    if (status == 0) status = read_size(db, &size, err);
  }
  return status;
}

static void entry_texts(const struct fl_cache_entry *entry, fl_slice ret_texts[3]) {
  ret_texts[0] = fl_slice_of(entry->graph);
  ret_texts[1] = fl_slice_of(entry->node);
  ret_texts[2] = fl_slice_n((const char *)entry->key, FL_HASH_SIZE);
}

static struct fl_seal_row entry_row(const fl_slice texts[3]) {
  return (struct fl_seal_row){
      .table = "cache", .thread = "", .what = "a cached result", .texts = texts, .text_count = 3};
}

static int apply_put(struct fl_db *db, const struct fl_txn *txn, struct fl_error *err) {
  const struct fl_cache_entry *entry = txn->cache;
  fl_slice texts[3], body;
  entry_texts(entry, texts);
  const struct fl_seal_row row = entry_row(texts);
  if (fl_seal_text(db, &row, entry->body, &body, err) != 0) return err->code;
  sqlite3_stmt *statement = use_entry(db, FL_SQL_CACHE_DROP, entry, err);
  if (statement == NULL) return err->code;
  int status = fl_db_run(db, statement, err);
  if (status != 0) return status;
  statement = use_entry(db, FL_SQL_CACHE_ADD, entry, err);
  if (statement == NULL) return err->code;
  sqlite3_bind_int64(statement, 4, txn->wall_ms);
  if (entry->expires_ms == 0) sqlite3_bind_null(statement, 5);
  else sqlite3_bind_int64(statement, 5, entry->expires_ms);
  sqlite3_bind_int64(statement, 6, fl_row_sum(NULL, 0, body));
  fl_db_bind_slice(statement, 7, body);
  status = fl_db_run(db, statement, err);
  return status == 0 ? make_room(db, txn->wall_ms, err) : status;
}

static int apply_clear(struct fl_db *db, const struct fl_cache_entry *entry, uint64_t *ret_count,
                       struct fl_error *err) {
  sqlite3_stmt *statement = fl_db_use(db, FL_SQL_CACHE_CLEAR, err);
  if (statement == NULL) return err->code;
  fl_db_bind_text(statement, 1, entry != NULL ? entry->graph : NULL);
  fl_db_bind_text(statement, 2, entry != NULL ? entry->node : NULL);
  int status = fl_db_run(db, statement, err);
  if (status == 0) *ret_count = (uint64_t)sqlite3_changes(db->handle);
  return status;
}

int fl_side_read_cache(struct fl_db *db, const struct fl_cache_entry *entry, int64_t wall_ms, char **ret_body,
                       struct fl_error *err) {
  sqlite3_stmt *statement = use_entry(db, FL_SQL_CACHE_READ, entry, err);
  if (statement == NULL) return err->code;
  sqlite3_bind_int64(statement, 4, wall_ms);
  int status = fl_db_row(db, statement, err);
  if (status == FL_E_NOT_FOUND) return fl_error_set(err, status, "there is no such result in the cache");
  if (status != 0) return status;
  fl_slice body = fl_db_text(statement, 1);
  if (fl_row_sum(NULL, 0, body) != (uint32_t)sqlite3_column_int64(statement, 0))
    status = fl_error_set(err, FL_E_CORRUPT, "%s: a cached result of node %s is damaged; clear the cache", db->path,
                          entry->node);
  fl_slice texts[3];
  entry_texts(entry, texts);
  const struct fl_seal_row row = entry_row(texts);
  if (status == 0) status = fl_unseal_text(db, &row, body, &body, err);
  if (status == 0) *ret_body = fl_strndup(body.data, body.size);
  sqlite3_reset(statement);
  return status;
}

/* ---- requests ---- */

int fl_side_put_request(struct fl_db *db, const struct fl_txn *txn, uint64_t fence, struct fl_error *err) {
  sqlite3_stmt *statement = fl_db_use(db, FL_SQL_REQUEST_PUT, err);
  if (statement == NULL) return err->code;
  sqlite3_bind_text(statement, 1, txn->thread, -1, SQLITE_STATIC);
  sqlite3_bind_int64(statement, 2, (int64_t)fence);
  sqlite3_bind_int64(statement, 3, txn->request->kind);
  sqlite3_bind_text(statement, 4, txn->request->asker, -1, SQLITE_STATIC);
  sqlite3_bind_int64(statement, 5, txn->wall_ms);
  return fl_db_run(db, statement, err);
}

int fl_side_drop_requests(struct fl_db *db, const char *thread, struct fl_error *err) {
  sqlite3_stmt *statement = fl_db_use(db, FL_SQL_REQUESTS_DROP, err);
  if (statement == NULL) return err->code;
  sqlite3_bind_text(statement, 1, thread, -1, SQLITE_STATIC);
  return fl_db_run(db, statement, err);
}

int fl_side_list_requests(struct fl_db *db, const struct fl_requests_query *query, struct fl_error *err) {
  sqlite3_stmt *statement =
      fl_db_prepare(db, "SELECT kind, asker, wall_ms FROM request WHERE thread = ?1 AND fence = ?2 ORDER BY seq", err);
  if (statement == NULL) return err->code;
  sqlite3_bind_text(statement, 1, query->thread, -1, SQLITE_STATIC);
  sqlite3_bind_int64(statement, 2, (int64_t)query->fence);
  bool goes_on = true;
  int status = 0;
  while (goes_on && (status = fl_db_row(db, statement, err)) == 0) {
    FL_FREE_AUTO char *asker = fl_db_copy(statement, 1);
    const struct fl_request request = {.kind = (enum fl_request_kind)sqlite3_column_int(statement, 0),
                                       .asker = asker,
                                       .wall_ms = sqlite3_column_int64(statement, 2)};
    goes_on = query->visit(&request, query->user);
  }
  sqlite3_finalize(statement);
  return status == FL_E_NOT_FOUND ? 0 : status;
}

/* ---- transactions ---- */

int fl_side_apply(struct fl_db *db, const struct fl_txn *txn, struct fl_txn_answer *ret_answer, struct fl_error *err) {
  if (txn->kind == FL_TXN_CACHE_PUT) return apply_put(db, txn, err);
  if (txn->kind == FL_TXN_TRACE_DROP) return fl_trace_drop(db, txn->trace_drop, &ret_answer->count, err);
  if (txn->kind == FL_TXN_ROTATE) return fl_seal_rotate(db, txn->new_key, &ret_answer->count, err);
  if (txn->kind == FL_TXN_SEAL) return fl_error_set(err, FL_E_STATE, "a store in memory is not sealed");
  if (txn->kind == FL_TXN_AUDIT) return 0; /* what it brings is put beside */
  if (txn->kind == FL_TXN_ITEMS) return fl_side_apply_items(db, txn, &ret_answer->count, err);
  return apply_clear(db, txn->cache, &ret_answer->count, err);
}
