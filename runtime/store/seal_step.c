/* SPDX-License-Identifier: MIT */
/* Sealing a store that was written without a key, a step in each transaction: a thread as a whole is read, dropped and
 * written again; what stands beside the threads is sealed row by row. What is sealed already is passed over. */
#include "runtime/store/seal.h"

#include "runtime/base/mem.h"
#include "runtime/store/seal_head.h"
#include "runtime/store/seal_words.h"

#include <string.h>

/* ---- rows in place ---- */

/* A statement over what is to be sealed, and how a row of it becomes sealed. */
struct sweep {
  struct fl_db *db;
  const char *thread;
  int64_t owner;
  bool is_blob; /* the column */
  bool did_seal;
};
typedef int seal_fn(struct sweep *sweep, sqlite3_stmt *statement, struct fl_error *err);

static int sweep_rows(struct sweep *sweep, const char *sql, seal_fn *seal, struct fl_error *err) {
  sqlite3_stmt *statement = fl_db_prepare(sweep->db, sql, err);
  if (statement == NULL) return err->code;
  if (sqlite3_bind_parameter_count(statement) > 0) sqlite3_bind_text(statement, 1, sweep->thread, -1, SQLITE_STATIC);
  int status;
  while ((status = fl_db_row(sweep->db, statement, err)) == 0) {
    status = seal(sweep, statement, err);
    if (status != 0) break;
  }
  sqlite3_finalize(statement);
  return status == FL_E_NOT_FOUND ? 0 : status;
}

/* ?1 row number, ?2 sum, ?3 text. */
static int update(struct sweep *sweep, const char *sql, int64_t no, fl_slice text, struct fl_error *err) {
  sqlite3_stmt *statement = fl_db_prepare(sweep->db, sql, err);
  if (statement == NULL) return err->code;
  sqlite3_bind_int64(statement, 1, no);
  sqlite3_bind_int64(statement, 2, fl_row_sum(NULL, 0, text));
  if (sweep->is_blob) sqlite3_bind_blob64(statement, 3, text.data, text.size, SQLITE_STATIC);
  else fl_db_bind_slice(statement, 3, text);
  int code = sqlite3_step(statement);
  sqlite3_finalize(statement);
  sweep->did_seal = true;
  return code == SQLITE_DONE ? 0 : fl_db_fail(sweep->db, code, err);
}

/* ---- the record of runs ---- */

/* no, body */
static int seal_trace(struct sweep *sweep, sqlite3_stmt *statement, const char *table, const char *sql,
                      struct fl_error *err) {
  int64_t no = sqlite3_column_int64(statement, 0);
  fl_slice text = fl_db_text(statement, 1);
  if (text.data == NULL || fl_is_sealed(text)) return 0;
  const struct fl_seal_row row = {
      .table = table, .owner = sweep->owner, .thread = sweep->thread, .numbers = &no, .number_count = 1};
  int status = fl_seal_text(sweep->db, &row, text, &text, err);
  return status == 0 ? update(sweep, sql, no, text, err) : status;
}

static int seal_span(struct sweep *sweep, sqlite3_stmt *statement, struct fl_error *err) {
  return seal_trace(sweep, statement, "trace_span", "UPDATE trace_span SET sum = ?2, body = ?3 WHERE no = ?1", err);
}

static int seal_content(struct sweep *sweep, sqlite3_stmt *statement, struct fl_error *err) {
  return seal_trace(sweep, statement, "trace_content", "UPDATE trace_content SET sum = ?2, body = ?3 WHERE no = ?1",
                    err);
}

/* no, run, begin or end */
static int seal_run(struct sweep *sweep, sqlite3_stmt *statement, const char *table, const char *sql,
                    struct fl_error *err) {
  char run_id[FL_UUID_SIZE];
  fl_slice text = fl_db_text(statement, 2);
  if (text.data == NULL || fl_is_sealed(text)) return 0;
  fl_db_id(statement, 1, run_id);
  const fl_slice run = fl_slice_of(run_id);
  const struct fl_seal_row row = {
      .table = table, .owner = sweep->owner, .thread = sweep->thread, .texts = &run, .text_count = 1};
  int status = fl_seal_text(sweep->db, &row, text, &text, err);
  return status == 0 ? update(sweep, sql, sqlite3_column_int64(statement, 0), text, err) : status;
}

static int seal_begin(struct sweep *sweep, sqlite3_stmt *statement, struct fl_error *err) {
  return seal_run(sweep, statement, "trace_begin", "UPDATE trace_run SET begin_sum = ?2, begin = ?3 WHERE no = ?1",
                  err);
}

static int seal_end(struct sweep *sweep, sqlite3_stmt *statement, struct fl_error *err) {
  return seal_run(sweep, statement, "trace_end", "UPDATE trace_run SET end_sum = ?2, end = ?3 WHERE no = ?1", err);
}

static int seal_traces(struct sweep *sweep, struct fl_error *err) {
#define OF_RUNS(table)                                                          \
  "SELECT " table ".no, " table ".body FROM trace_run JOIN " table " ON " table \
  ".no BETWEEN trace_run.no << 24 AND (trace_run.no << 24) | 16777215 WHERE trace_run.thread = ?1"
  int status = sweep_rows(sweep, OF_RUNS("trace_span"), seal_span, err);
  if (status == 0) status = sweep_rows(sweep, OF_RUNS("trace_content"), seal_content, err);
  if (status == 0)
    status = sweep_rows(sweep, "SELECT no, run, begin FROM trace_run WHERE thread = ?1", seal_begin, err);
  if (status == 0) status = sweep_rows(sweep, "SELECT no, run, end FROM trace_run WHERE thread = ?1", seal_end, err);
  return status;
#undef OF_RUNS
}

/* ---- a thread ---- */

static const char is_plain[] =
    "SELECT EXISTS(SELECT 1 FROM row WHERE thread = ?1 AND substr(CAST(body AS BLOB), 1, 1) <> x'FE')"
    " OR EXISTS(SELECT 1 FROM pending WHERE thread = ?1 AND substr(CAST(body AS BLOB), 1, 1) <> x'FE')"
    " OR EXISTS(SELECT 1 FROM call WHERE thread = ?1 AND (substr(CAST(arguments AS BLOB), 1, 1) <> x'FE'"
    " OR substr(CAST(result AS BLOB), 1, 1) <> x'FE'))"
    " OR EXISTS(SELECT 1 FROM event WHERE thread = ?1 AND substr(CAST(body AS BLOB), 1, 1) <> x'FE')"
    " OR EXISTS(SELECT 1 FROM thread WHERE row = ?1 AND substr(CAST(metadata AS BLOB), 1, 1) <> x'FE')";

static int has_plain(struct fl_db *db, int64_t row, bool *ret_has, struct fl_error *err) {
  sqlite3_stmt *statement = fl_db_prepare(db, is_plain, err);
  if (statement == NULL) return err->code;
  sqlite3_bind_int64(statement, 1, row);
  int status = fl_db_row(db, statement, err);
  if (status == 0) *ret_has = sqlite3_column_int(statement, 0) != 0;
  sqlite3_finalize(statement);
  return status;
}

/* The visit lends: what is written again is moved out of the record. */
static int keep_record(const struct fl_record *record, void *user, struct fl_error *err) {
  struct fl_records *kept = user;
  struct fl_record *to = fl_records_add(kept, record->kind, "");
  fl_free(to->ns);
  *to = *record;
  fl_record_forget((struct fl_record *)record);
  return 0;
}

static int drop_rows(struct fl_db *db, int64_t row, struct fl_error *err) {
  static const enum fl_sql all[] = {FL_SQL_TRACE_ROWS_MOVE, FL_SQL_ROWS_DELETE, FL_SQL_WRITES_DELETE,
                                    FL_SQL_CALLS_DELETE, FL_SQL_EVENTS_DELETE};
  int status = 0;
  for (size_t i = 0; status == 0 && i < sizeof all / sizeof all[0]; i++) {
    sqlite3_stmt *statement = fl_db_use(db, all[i], err);
    if (statement == NULL) return err->code;
    sqlite3_bind_int64(statement, 1, row);
    status = fl_db_run(db, statement, err);
  }
  return status;
}

static int write_again(struct fl_db *db, const char *id, int64_t row, struct fl_error *err) {
  struct fl_records records = {0};
  const struct fl_ask ask = {.thread = id, .on_record = keep_record, .user = &records};
  int status = fl_sqlite_walk(db, row, &ask, true, err);
  if (status == 0) status = drop_rows(db, row, err);
  if (status == 0) status = fl_sqlite_put_records(db, id, row, &records, err);
  fl_records_deinit(&records);
  return status;
}

static int seal_thread(struct fl_sqlite_store *store, const struct fl_txn *txn, const char *id, int64_t row,
                       struct fl_error *err) {
  struct fl_db *db = &store->writer;
  struct fl_thread_row thread;
  bool has = false;
  const struct fl_lease_ask ask = {
      .thread = id, .self = &store->self, .is_gone = fl_holder_is_dead, .wall_ms = txn->wall_ms};
  int status = fl_db_find_thread(db, id, &thread, err);
  if (status == 0) status = fl_lease_check_free(&thread.lease, &ask, err);
  if (status == 0) status = has_plain(db, row, &has, err);
  if (status == 0 && has) status = write_again(db, id, row, err);
  struct sweep sweep = {.db = db, .thread = id, .owner = row, .did_seal = has};
  if (status == 0) status = seal_traces(&sweep, err);
  if (status == 0) status = fl_seal_heads_count_again(db, row, err);
  txn->seal->did_seal = sweep.did_seal;
  return status;
}

/* ---- beside the threads ---- */

/* rowid, body: in place of the words their hashes */
static int seal_index(struct sweep *sweep, int64_t seq, struct fl_error *err) {
  FL_BUF_AUTO words = {0};
  FL_FREE_AUTO char *text = NULL;
  sqlite3_stmt *statement = fl_db_prepare(sweep->db, "SELECT body FROM item_text WHERE rowid = ?1", err);
  if (statement == NULL) return err->code;
  sqlite3_bind_int64(statement, 1, seq);
  int status = fl_db_row(sweep->db, statement, err);
  if (status == 0) text = fl_db_copy(statement, 0);
  sqlite3_finalize(statement);
  if (status != 0 || text == NULL) return status == FL_E_NOT_FOUND ? 0 : status;
  status = fl_words_seal(sweep->db, text, &words, err);
  if (status != 0) return status;
  return update(sweep, "UPDATE item_text SET body = ?3 WHERE rowid = ?1 AND ?2 IS NOT NULL", seq, fl_buf_slice(&words),
                err);
}

/* seq, ns, key, body */
static int seal_item(struct sweep *sweep, sqlite3_stmt *statement, struct fl_error *err) {
  int64_t seq = sqlite3_column_int64(statement, 0);
  fl_slice text = fl_db_text(statement, 3);
  if (text.data == NULL || fl_is_sealed(text)) return 0;
  const fl_slice names[] = {fl_db_text(statement, 1), fl_db_text(statement, 2)};
  const struct fl_seal_row row = {.table = "item", .thread = "", .texts = names, .text_count = 2};
  int status = fl_seal_text(sweep->db, &row, text, &text, err);
  if (status == 0) status = update(sweep, "UPDATE item SET sum = ?2, body = ?3 WHERE seq = ?1", seq, text, err);
  return status == 0 ? seal_index(sweep, seq, err) : status;
}

/* seq, item, model, body: numbers of 4 bytes, so that a sealed one is no multiple of them */
static int seal_vector(struct sweep *sweep, sqlite3_stmt *statement, struct fl_error *err) {
  int64_t item = sqlite3_column_int64(statement, 1);
  const fl_slice model = fl_db_text(statement, 2);
  fl_slice body = fl_slice_n(sqlite3_column_blob(statement, 3), (size_t)sqlite3_column_bytes(statement, 3));
  if (body.data == NULL || body.size % sizeof(float) != 0) return 0;
  const struct fl_seal_row row = {
      .table = "item_vector", .thread = "", .numbers = &item, .number_count = 1, .texts = &model, .text_count = 1};
  int status = fl_seal_text(sweep->db, &row, body, &body, err);
  return status == 0 ? update(sweep, "UPDATE item_vector SET body = ?3 WHERE seq = ?1 AND ?2 IS NOT NULL",
                              sqlite3_column_int64(statement, 0), body, err)
                     : status;
}

/* Cached results are made again when they are needed. */
static int seal_beside(struct fl_sqlite_store *store, const struct fl_txn *txn, struct fl_error *err) {
  struct sweep sweep = {.db = &store->writer, .thread = ""};
  int status = fl_db_run_text(sweep.db, "DELETE FROM cache", err);
  if (status == 0) status = sweep_rows(&sweep, "SELECT seq, ns, key, body FROM item", seal_item, err);
  sweep.is_blob = true;
  if (status == 0) status = sweep_rows(&sweep, "SELECT seq, item, model, body FROM item_vector", seal_vector, err);
  if (status == 0 && sweep.did_seal) /* words that went stay in the index until it is merged */
    status = fl_db_run_text(sweep.db, "INSERT INTO item_text(item_text) VALUES('optimize')", err);
  if (status == 0) status = fl_seal_heads_count_again(sweep.db, FL_HEAD_OF_MEMORY, err);
  if (status == 0) status = fl_seal_heads_count_again(sweep.db, FL_HEAD_OF_RUNS, err);
  if (status == 0) fl_seal_heads_sum_again(sweep.db);
  txn->seal->did_seal = sweep.did_seal;
  txn->seal->is_last = true;
  return status;
}

/* ---- one step ---- */

static int do_step(struct fl_sqlite_store *store, const struct fl_txn *txn, struct fl_error *err) {
  struct fl_seal_step *step = txn->seal;
  sqlite3_stmt *statement = fl_db_use(&store->writer, FL_SQL_THREAD_NEXT, err);
  if (statement == NULL) return err->code;
  sqlite3_bind_int64(statement, 1, step->after);
  int status = fl_db_row(&store->writer, statement, err);
  if (status == FL_E_NOT_FOUND) return seal_beside(store, txn, err);
  if (status != 0) return status;
  FL_FREE_AUTO char *id = fl_db_copy(statement, 1);
  step->next = sqlite3_column_int64(statement, 0);
  sqlite3_reset(statement);
  if (id == NULL || strlen(id) > FL_ID_MAX)
    return fl_error_set(err, FL_E_CORRUPT, "%s: the id of a thread is damaged", store->path);
  memcpy(step->thread, id, strlen(id) + 1);
  return seal_thread(store, txn, id, step->next, err);
}

int fl_seal_step(struct fl_sqlite_store *store, const struct fl_txn *txn, struct fl_error *err) {
  struct fl_sealer *sealer = store->writer.sealer;
  struct fl_seal_step *step = txn->seal;
  *step = (struct fl_seal_step){.after = step->after};
  if (sealer == NULL)
    return fl_error_set(err, FL_E_STATE, "%s: no key is configured; name its file in FAIRLEAD_STORE_KEY_FILE",
                        store->path);
  fl_sealer_allow_plain(sealer, true);
  int status = do_step(store, txn, err);
  fl_sealer_allow_plain(sealer, false);
  return status;
}
