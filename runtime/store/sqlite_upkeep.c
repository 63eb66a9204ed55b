/* SPDX-License-Identifier: MIT */
/* Pruning, going back, copying and importing, on the writer's connection, each within the transaction of its batch. The
 * decision which rows go is plan.c's. */
#include "runtime/base/mem.h"
#include "runtime/store/plan.h"
#include "runtime/store/seal.h"
#include "runtime/store/side.h"
#include "runtime/store/sqlite.h"
#include "runtime/store/sqlite_trace.h"

/* ---- the plan of a thread ---- */

static int fill_values(struct fl_db *db, int64_t row, struct fl_plan *plan, struct fl_error *err) {
  sqlite3_stmt *statement = fl_db_prepare(
      db, "SELECT k, parent, kind, body FROM row WHERE thread = ?1 AND k BETWEEN 1 AND 4294967295 ORDER BY k", err);
  if (statement == NULL) return err->code;
  sqlite3_bind_int64(statement, 1, row);
  int status;
  while ((status = fl_db_row(db, statement, err)) == 0)
    fl_plan_add_value(plan, &(struct fl_plan_value){.no = fl_key_no(sqlite3_column_int64(statement, 0)),
                                                    .parent_no = (uint64_t)sqlite3_column_int64(statement, 1),
                                                    .kind = (enum fl_body_kind)sqlite3_column_int(statement, 2),
                                                    .size = (uint64_t)sqlite3_column_bytes(statement, 3)});
  sqlite3_finalize(statement);
  return status == FL_E_NOT_FOUND ? 0 : status;
}

static int fill_checkpoint(struct fl_db *db, int64_t row, sqlite3_stmt *statement, struct fl_plan *plan,
                           struct fl_error *err) {
  FL_FREE_AUTO char *ns = fl_db_copy(statement, 1), *source = fl_db_copy(statement, 6);
  fl_slice body = fl_db_text(statement, 3);
  struct fl_record record = {.kind = FL_RECORD_CHECKPOINT,
                             .ns = ns != NULL ? ns : (char[]){""},
                             .checkpoint = {.no = fl_key_no(sqlite3_column_int64(statement, 0)),
                                            .parent_no = (uint64_t)sqlite3_column_int64(statement, 4),
                                            .step = sqlite3_column_int64(statement, 5),
                                            .source = source != NULL ? source : (char[]){""},
                                            .wall_ms = sqlite3_column_int64(statement, 2)}};
  fl_db_id(statement, 7, record.checkpoint.id);
  int status = fl_unseal_record(&(struct fl_seal_thread){db, plan->thread, row}, &record, body, &body, err);
  if (status != 0) return status;
  record.body = (char *)body.data;
  record.body_size = body.size;
  return fl_plan_add_checkpoint(plan, &record, err);
}

static int fill_checkpoints(struct fl_db *db, int64_t row, struct fl_plan *plan, struct fl_error *err) {
  sqlite3_stmt *statement =
      fl_db_prepare(db,
                    "SELECT k, ns, wall_ms, body, parent, step, name, id FROM row WHERE thread = ?1 AND k > 4294967296"
                    " ORDER BY k & 4294967295",
                    err);
  if (statement == NULL) return err->code;
  sqlite3_bind_int64(statement, 1, row);
  int status;
  while ((status = fl_db_row(db, statement, err)) == 0) {
    status = fill_checkpoint(db, row, statement, plan, err);
    if (status != 0) break;
  }
  sqlite3_finalize(statement);
  return status == FL_E_NOT_FOUND ? 0 : status;
}

static int fill(struct fl_db *db, int64_t row, struct fl_plan *plan, struct fl_error *err) {
  int status = fill_checkpoints(db, row, plan, err);
  return status == 0 ? fill_values(db, row, plan, err) : status;
}

/* ---- carrying it out ---- */

static int run_two(struct fl_db *db, enum fl_sql sql, int64_t first, int64_t second, struct fl_error *err) {
  sqlite3_stmt *statement = fl_db_use(db, sql, err);
  if (statement == NULL) return err->code;
  sqlite3_bind_int64(statement, 1, first);
  sqlite3_bind_int64(statement, 2, second);
  return fl_db_run(db, statement, err);
}

static int drop_checkpoint(struct fl_db *db, int64_t row, const struct fl_plan_checkpoint *checkpoint,
                           struct fl_error *err) {
  enum fl_key_kind kind = checkpoint->is_sub ? FL_KEY_SUB_CHECKPOINT : FL_KEY_CHECKPOINT;
  int status = run_two(db, FL_SQL_TRACE_ROW_MOVE, row, fl_key(kind, checkpoint->no), err);
  if (status == 0) status = run_two(db, FL_SQL_ROW_DROP, row, fl_key(kind, checkpoint->no), err);
  if (status == 0) status = run_two(db, FL_SQL_WRITES_END, row, (int64_t)checkpoint->no, err);
  return status == 0 ? run_two(db, FL_SQL_CALLS_END, row, (int64_t)checkpoint->no, err) : status;
}

static int drop_rows(struct fl_db *db, int64_t row, const struct fl_plan *plan, struct fl_error *err) {
  int status = 0;
  for (size_t i = 0; status == 0 && i < plan->checkpoint_count; i++)
    if (!plan->checkpoints[i].is_kept) status = drop_checkpoint(db, row, &plan->checkpoints[i], err);
  for (size_t i = 0; status == 0 && i < plan->value_count; i++)
    if (!plan->values[i].is_kept)
      status = run_two(db, FL_SQL_ROW_DROP, row, fl_key(FL_KEY_VALUE, plan->values[i].no), err);
  return status;
}

/* The count of the list and its labels stay, and so they stay in the sum and the seal. */

static int write_anew(struct fl_sqlite_source *source, const struct fl_value_row *value, const struct fl_buf *text,
                      struct fl_error *err) {
  struct fl_db *db = source->db;
  const struct fl_record record = {
      .kind = FL_RECORD_VALUE,
      .value = {.no = value->no, .kind = FL_BODY_LIST, .count = value->count, .labels = value->labels},
      .body = text->data,
      .body_size = text->size};
  fl_slice body;
  if (fl_seal_record(&(struct fl_seal_thread){db, source->base.thread, source->row}, &record, &body, err) != 0)
    return err->code;
  int64_t numbers[] = {fl_key(FL_KEY_VALUE, value->no), 0, FL_BODY_LIST, (int64_t)value->count};
  sqlite3_stmt *statement = fl_db_use(db, FL_SQL_VALUE_REBASE, err);
  if (statement == NULL) return err->code;
  sqlite3_bind_int64(statement, 1, source->row);
  sqlite3_bind_int64(statement, 2, numbers[0]);
  sqlite3_bind_int64(statement, 3, fl_row_sum(numbers, 4, body));
  fl_db_bind_slice(statement, 4, body);
  return fl_db_run(db, statement, err);
}

static int rebase(struct fl_sqlite_source *source, struct fl_plan *plan, struct fl_plan_value *value,
                  struct fl_error *err) {
  FL_BUF_AUTO text = {.limit = 1 << 30};
  struct fl_value_row row = {0};
  int status = fl_assemble_list_text(&source->base, "", value->no, &text, err);
  if (status == 0) status = source->base.find_value(&source->base, value->no, &row, err);
  fl_sqlite_source_end(source);
  if (status != 0 || !fl_plan_rebase(plan, value, text.size)) return status;
  return write_anew(source, &row, &text, err);
}

int fl_sqlite_prune(struct fl_sqlite_store *store, const struct fl_thread_row *thread, const struct fl_txn *txn,
                    struct fl_txn_answer *ret_answer, struct fl_error *err) {
  struct fl_db *db = &store->writer;
  struct fl_plan plan = {.thread = txn->thread};
  int status = txn->prune->keep_events > 0
                   ? run_two(db, FL_SQL_EVENTS_KEEP, thread->row, (int64_t)txn->prune->keep_events, err)
                   : 0;
  bool has_rule = txn->prune->keep_last != 0 || txn->prune->since_ms != 0;
  if (status == 0 && has_rule) status = fill(db, thread->row, &plan, err);
  if (status == 0 && fl_plan_prune(&plan, txn->prune)) {
    struct fl_sqlite_source source;
    fl_sqlite_source_init(&source, db, txn->thread, thread->row);
    for (size_t i = 0; status == 0 && i < plan.value_count; i++)
      if (plan.values[i].is_rebased) status = rebase(&source, &plan, &plan.values[i], err);
    if (status == 0) status = drop_rows(db, thread->row, &plan, err);
    *ret_answer = (struct fl_txn_answer){.count = plan.dropped_count, .bytes = plan.dropped_bytes};
  }
  fl_plan_deinit(&plan);
  return status;
}

/* ---- going back ---- */

static int set_status(struct fl_db *db, int64_t row, const char *word, struct fl_error *err) {
  sqlite3_stmt *statement = fl_db_use(db, FL_SQL_THREAD_STATUS, err);
  if (statement == NULL) return err->code;
  sqlite3_bind_int64(statement, 1, row);
  sqlite3_bind_text(statement, 2, word, -1, SQLITE_STATIC);
  return fl_db_run(db, statement, err);
}

static int roll_back(struct fl_db *db, int64_t row, struct fl_plan *plan, uint64_t to_no, struct fl_error *err) {
  int status = fill(db, row, plan, err);
  if (status != 0) return status;
  fl_plan_roll_back(plan, to_no);
  return drop_rows(db, row, plan, err);
}

int fl_sqlite_roll_back(struct fl_sqlite_store *store, struct fl_thread_row *thread, const struct fl_txn *txn,
                        struct fl_txn_answer *ret_answer, struct fl_error *err) {
  struct fl_db *db = &store->writer;
  const struct fl_rollback *rollback = txn->rollback;
  __attribute__((cleanup(fl_plan_deinit))) struct fl_plan plan = {.thread = txn->thread};
  int status = roll_back(db, thread->row, &plan, rollback->to_no, err);
  *ret_answer = (struct fl_txn_answer){.count = plan.dropped_count, .bytes = plan.dropped_bytes};
  if (status == 0 && rollback->status != NULL) status = set_status(db, thread->row, rollback->status, err);
  if (status == 0 && rollback->trace != NULL) status = fl_trace_take_back(db, txn->thread, rollback->trace, err);
  if (status != 0 || txn->fence != 0) return status;
  thread->lease = (struct fl_lease){.fence = thread->lease.fence + 1};
  return fl_sqlite_put_lease(store, thread, txn->wall_ms, err);
}

/* ---- whole threads ---- */

static int check_absent(struct fl_db *db, const char *id, struct fl_error *err) {
  struct fl_thread_row thread;
  int status = fl_db_find_thread(db, id, &thread, err);
  if (status == FL_E_NOT_FOUND) return 0;
  return status != 0
             ? status
             : fl_error_set(err, FL_E_EXISTS, "there is a thread %s already; choose another id or delete it", id);
}

static int copy_thread(struct fl_db *db, int64_t from, const struct fl_txn *txn, struct fl_error *err) {
  sqlite3_stmt *statement = fl_db_use(db, FL_SQL_THREAD_COPY, err);
  if (statement == NULL) return err->code;
  sqlite3_bind_int64(statement, 1, from);
  sqlite3_bind_text(statement, 2, txn->copy->to, -1, SQLITE_STATIC);
  sqlite3_bind_int64(statement, 3, txn->wall_ms);
  return fl_db_run(db, statement, err);
}

/* As they are. */
static int copy_rows(struct fl_db *db, int64_t from, const struct fl_txn *txn, struct fl_thread_row *to,
                     struct fl_error *err) {
  static const enum fl_sql tables[] = {FL_SQL_ROWS_COPY, FL_SQL_WRITES_COPY, FL_SQL_CALLS_COPY};
  int status = copy_thread(db, from, txn, err);
  if (status == 0) status = fl_db_find_thread(db, txn->copy->to, to, err);
  for (size_t i = 0; status == 0 && i < sizeof tables / sizeof tables[0]; i++)
    status = run_two(db, tables[i], from, to->row, err);
  return status;
}

struct sealed_copy {
  struct fl_db *db;
  const struct fl_txn *txn;
  int64_t to;
};

static int copy_record(const struct fl_record *record, void *user, struct fl_error *err) {
  const struct sealed_copy *copy = user;
  struct fl_record one = *record;
  if (one.kind == FL_RECORD_THREAD) one.thread.wall_ms = copy->txn->wall_ms;
  const struct fl_records records = {.items = &one, .count = 1};
  return fl_sqlite_put_records(copy->db, copy->txn->copy->to, copy->to, &records, err);
}

/* Each thread has its own key: sealed rows are opened and sealed anew. */
static int copy_sealed(struct fl_db *db, int64_t from, const struct fl_txn *txn, struct fl_thread_row *to,
                       struct fl_error *err) {
  int status = fl_sqlite_make_thread(db, txn->copy->to, txn->wall_ms, to, err);
  struct sealed_copy copy = {db, txn, to->row};
  const struct fl_ask ask = {.thread = txn->thread, .on_record = copy_record, .user = &copy};
  return status == 0 ? fl_sqlite_walk(db, from, &ask, false, err) : status;
}

int fl_sqlite_copy(struct fl_sqlite_store *store, const struct fl_thread_row *thread, const struct fl_txn *txn,
                   struct fl_error *err) {
  struct fl_db *db = &store->writer;
  struct fl_thread_row to = {0};
  int status = check_absent(db, txn->copy->to, err);
  if (status == 0)
    status =
        db->sealer != NULL ? copy_sealed(db, thread->row, txn, &to, err) : copy_rows(db, thread->row, txn, &to, err);
  if (status != 0 || txn->copy->until_no == 0) return status;
  __attribute__((cleanup(fl_plan_deinit))) struct fl_plan plan = {.thread = txn->copy->to};
  return roll_back(db, to.row, &plan, txn->copy->until_no, err);
}

int fl_sqlite_import(struct fl_sqlite_store *store, const struct fl_txn *txn, struct fl_error *err) {
  struct fl_thread_row thread;
  int status = check_absent(&store->writer, txn->thread, err);
  if (status == 0) status = fl_import_check(txn, err);
  if (status == 0) status = fl_sqlite_make_thread(&store->writer, txn->thread, txn->import->created_ms, &thread, err);
  return status == 0 ? fl_sqlite_put_records(&store->writer, txn->thread, thread.row, txn->import->records, err)
                     : status;
}
