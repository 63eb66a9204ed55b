/* SPDX-License-Identifier: MIT */
/* The writer thread: takes what waits, commits it as one transaction of SQLite, hands it back to the loop.
 *
 * Happy path: take a batch; side lock; BEGIN; each transaction in order; COMMIT; unlock; acknowledge; when nothing
 * waits and the log has grown, checkpoint. While a commit runs, the next batch gathers: nobody waits for a batch to
 * fill.
 * Failure modes: a transaction that does not fit and wrote nothing fails alone; one that wrote something is
 * rolled back with the batch, which runs again without it; when the lock, the BEGIN or the COMMIT fails, the whole
 * batch fails with that error and the next one starts afresh. */
#include "runtime/base/check.h"
#include "runtime/base/mem.h"
#include "runtime/store/audit_write.h"
#include "runtime/store/seal_head.h"
#include "runtime/store/sqlite.h"
#include "runtime/store/sqlite_trace.h"

enum {
  BATCH_COUNT_MAX = 256,
  BATCH_SIZE_MAX = 4 * 1024 * 1024,
  /* Pages of 4 KiB in the log. A log that is written over is twice as fast as one that grows (8,900 against 4,300
   * commits/s), so it is kept short while there is time, and forced short when there is none. */
  WAL_PAGES_IDLE = 512,
  WAL_PAGES_MAX = 16384,
};

/* ---- queues ---- */

void fl_sqlite_jobs_init(struct fl_sqlite_jobs *jobs) { *jobs = (struct fl_sqlite_jobs){.last = &jobs->first}; }

void fl_sqlite_jobs_push(struct fl_sqlite_jobs *jobs, struct fl_sqlite_job *job) {
  job->next = NULL;
  *jobs->last = job;
  jobs->last = &job->next;
}

struct fl_sqlite_job *fl_sqlite_jobs_pop(struct fl_sqlite_jobs *jobs) {
  struct fl_sqlite_job *job = jobs->first;
  if (job == NULL) return NULL;
  jobs->first = job->next;
  if (jobs->first == NULL) jobs->last = &jobs->first;
  job->next = NULL;
  return job;
}

static size_t size_of(const struct fl_txn *txn) {
  size_t size = 0;
  if (txn->kind == FL_TXN_WRITE && txn->records != NULL)
    for (size_t i = 0; i < txn->records->count; i++) size += txn->records->items[i].body_size;
  return size;
}

/* Waits for work and takes it; false when the store closes and nothing is left. */
static bool take_batch(struct fl_sqlite_store *store, struct fl_sqlite_jobs *batch) {
  size_t count = 0, size = 0;
  fl_sqlite_jobs_init(batch);
  pthread_mutex_lock(&store->mutex);
  while (store->waiting.first == NULL && !store->is_closing) pthread_cond_wait(&store->has_work, &store->mutex);
  while (store->waiting.first != NULL && count < BATCH_COUNT_MAX && size < BATCH_SIZE_MAX) {
    struct fl_sqlite_job *job = fl_sqlite_jobs_pop(&store->waiting);
    size += size_of(job->txn);
    count++;
    fl_sqlite_jobs_push(batch, job);
  }
  pthread_mutex_unlock(&store->mutex);
  return count > 0;
}

static void hand_back(struct fl_sqlite_store *store, struct fl_sqlite_jobs *batch) {
  pthread_mutex_lock(&store->mutex);
  *store->done.last = batch->first;
  store->done.last = batch->last;
  fl_mailbox_post(store->mailbox, store->base.world);
  pthread_mutex_unlock(&store->mutex);
}

/* ---- batches ---- */

static void job_fail(struct fl_sqlite_job *job, int status, const struct fl_error *err) {
  job->status = status;
  if (job->err == NULL) job->err = fl_new(struct fl_error);
  *job->err = *err;
}

static void fail_rest(struct fl_sqlite_jobs *batch, int status, const struct fl_error *err) {
  for (struct fl_sqlite_job *job = batch->first; job != NULL; job = job->next)
    if (job->status == 0) job_fail(job, status, err);
}

/* SQLite rolls back by itself after some errors. */
static void roll_back(struct fl_sqlite_store *store) {
  struct fl_error ignored = {0};
  fl_trace_forget_known(&store->writer);
  fl_seal_batch_forget(&store->writer);
  if (!sqlite3_get_autocommit(store->writer.handle)) fl_db_do(&store->writer, FL_SQL_ROLLBACK, &ignored);
  store->writer.has_audited = false;
}

static bool is_of_the_file(int status) {
  return status == FL_E_NO_SPACE || status == FL_E_IO || status == FL_E_CORRUPT;
}

/* 0 when every job that has not failed stands in the open transaction; FL_E_STATE when it has to start again without
 * the job that was marked; otherwise an error of the file. */
static int apply_batch(struct fl_sqlite_store *store, struct fl_sqlite_jobs *batch, struct fl_error *err) {
  for (struct fl_sqlite_job *job = batch->first; job != NULL; job = job->next) {
    if (job->status != 0) continue;
    int changes = sqlite3_total_changes(store->writer.handle);
    int status = fl_sqlite_apply(store, job->txn, &job->answer, err);
    if (status == 0) continue;
    if (is_of_the_file(status)) return status;
    job_fail(job, status, err);
    if (sqlite3_total_changes(store->writer.handle) != changes) return FL_E_STATE;
  }
  return 0;
}

static int try_batch(struct fl_sqlite_store *store, struct fl_sqlite_jobs *batch, struct fl_error *err) {
  int status = fl_db_do(&store->writer, FL_SQL_BEGIN, err);
  if (status == 0) status = fl_seal_batch_begin(&store->writer, err);
  if (status == 0) status = apply_batch(store, batch, err);
  if (status == 0) status = fl_audit_sign(store, err);
  if (status == 0) status = fl_seal_batch_end(&store->writer, err);
  if (status == 0) status = fl_db_do(&store->writer, FL_SQL_COMMIT, err);
  if (status != 0) roll_back(store);
  else fl_audit_keep_head(store);
  return status;
}

static void run_batch(struct fl_sqlite_store *store, struct fl_sqlite_jobs *batch) {
  struct fl_error err = {0};
  int status = fl_lock_take(&store->lock, &err);
  if (status != 0) {
    fail_rest(batch, status, &err);
    return;
  }
  do status = try_batch(store, batch, &err);
  while (status == FL_E_STATE);
  fl_lock_drop(&store->lock);
  if (status != 0) fail_rest(batch, status, &err);
}

/* ---- checkpoints of the log ---- */

static int on_wal(void *user, sqlite3 *handle, const char *name, int pages) {
  struct fl_sqlite_store *store = user;
  store->wal_pages = pages;
  return SQLITE_OK;
}

static bool is_idle(struct fl_sqlite_store *store) {
  pthread_mutex_lock(&store->mutex);
  bool is_idle = store->waiting.first == NULL;
  pthread_mutex_unlock(&store->mutex);
  return is_idle;
}

/* Pages that came since the last checkpoint; a log that is shorter than it was has begun anew. */
static int pages_since(struct fl_sqlite_store *store) {
  if (store->wal_pages < store->wal_pages_before) store->wal_pages_before = 0;
  return store->wal_pages - store->wal_pages_before;
}

/* The log still has the pages on which a key stood that is gone: until it is cut to nothing. A reader that lasts puts
 * it off to the next batch. */
static void forget_log(struct fl_sqlite_store *store) {
  if (!store->writer.has_erased || !fl_lock_try(&store->lock)) return;
  int code = sqlite3_wal_checkpoint_v2(store->writer.handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
  store->writer.has_erased = code != SQLITE_OK;
  fl_lock_drop(&store->lock);
}

/* Failure costs nothing but time: the log stays, and the next batch tries again. A reader that lasts keeps the log from
 * beginning anew, so what counts is what came since the last time. */
static void tidy_log(struct fl_sqlite_store *store) {
  int pages = pages_since(store);
  if (pages < WAL_PAGES_IDLE || (pages < WAL_PAGES_MAX && !is_idle(store)) || !fl_lock_try(&store->lock)) return;
  sqlite3_wal_checkpoint_v2(store->writer.handle, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
  fl_lock_drop(&store->lock);
  store->wal_pages_before = store->wal_pages;
}

static void note_freed(struct fl_sqlite_store *store, const struct fl_sqlite_jobs *batch) {
  for (const struct fl_sqlite_job *job = batch->first; job != NULL; job = job->next) {
    enum fl_txn_kind kind = job->txn->kind;
    bool frees = kind == FL_TXN_DELETE_THREAD || kind == FL_TXN_PRUNE || kind == FL_TXN_ROLLBACK;
    store->has_freed |= frees && job->status == 0;
  }
}

/* While nothing waits, in parts, so that what comes need not wait for all of it. */
static void tidy_file(struct fl_sqlite_store *store) {
  while (store->has_freed && is_idle(store) && fl_lock_try(&store->lock)) {
    store->has_freed = fl_db_give_back(&store->writer);
    fl_lock_drop(&store->lock);
  }
}

void *fl_sqlite_write(void *user) {
  struct fl_sqlite_store *store = user;
  struct fl_sqlite_jobs batch;
  sqlite3_wal_hook(store->writer.handle, on_wal, store);
  while (take_batch(store, &batch)) {
    pthread_mutex_lock(&store->batch_mutex);
    run_batch(store, &batch);
    note_freed(store, &batch); /* before the jobs belong to the loop again */
    hand_back(store, &batch);
    tidy_file(store);
    forget_log(store);
    tidy_log(store);
    pthread_mutex_unlock(&store->batch_mutex);
  }
  sqlite3_wal_hook(store->writer.handle, NULL, NULL);
  return NULL;
}
