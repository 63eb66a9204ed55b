/* SPDX-License-Identifier: MIT */
/* The store on SQLite, its parts. Private to runtime/store/sqlite*.c.
 *
 * Invariants. (1) Of a process's two connections, `writer` belongs to the writer thread while that runs and alone
 * writes and checkpoints; `reader` belongs to the loop. (2) Whatever writes or checkpoints, opens or closes, does so
 * under the side lock. (3) A transaction is acknowledged after the COMMIT that holds it, in the order of submission.
 *
 * Layout. Values and checkpoints are rows of one table with rising numbers, so that whatever is committed together lies
 * together at its end, for one thread and for sixty-four. Measured on one superstep of one value and one checkpoint
 * (650 bytes): one table with an index over (thread, k) 8,400 commits/s for one thread and 71,000 to 98,000
 * supersteps/s in batches of 64; two tables with an index each 7,700 and 71,000 to 106,000; two tables clustered by
 * thread 8,700 and 34,000. */
#pragma once
#include "runtime/store/assemble.h"
#include "runtime/store/audit.h"
#include "runtime/store/impl.h"
#include "runtime/store/lease.h"
#include "runtime/store/lock.h"

#include <pthread.h>
#include <sqlite3.h>

/* ---- rows ---- */

/* The column `k` of a row: what it is, and its number within the thread. */
enum fl_key_kind { FL_KEY_VALUE, FL_KEY_CHECKPOINT, FL_KEY_SUB_CHECKPOINT };
static inline int64_t fl_key(enum fl_key_kind kind, uint64_t no) { return (int64_t)((uint64_t)kind << 32 | no); }
static inline uint64_t fl_key_no(int64_t key) { return (uint64_t)key & UINT32_MAX; }

/* A check sum over the numbers and the text of a row: a row that fits was written by us. */
uint32_t fl_row_sum(const int64_t *numbers, size_t count, fl_slice text);

/* ---- one connection ---- */

#define FL_SQL_TABLE(X)                                                                                                \
  X(BEGIN, "BEGIN IMMEDIATE")                                                                                          \
  X(BEGIN_READ, "BEGIN")                                                                                               \
  X(COMMIT, "COMMIT")                                                                                                  \
  X(ROLLBACK, "ROLLBACK")                                                                                              \
  X(THREAD_FIND, "SELECT row, fence, lease_pid, lease_start, lease_token, lease_place, lease_expires_ms"               \
                 " FROM thread WHERE id = ?1")                                                                         \
  X(THREAD_MAKE, "INSERT INTO thread(id, status, created_ms, updated_ms, fence) VALUES(?1, 'idle', ?2, ?2,"            \
                 " coalesce((SELECT value FROM meta WHERE name = 'fence_floor'), 0))")                                 \
  X(THREAD_LEASE,                                                                                                      \
    "UPDATE thread SET fence = ?2, lease_pid = ?3, lease_start = ?4, lease_token = ?5, lease_place = ?6,"              \
    " lease_expires_ms = ?7, updated_ms = max(updated_ms, ?8) WHERE row = ?1")                                         \
  X(THREAD_METADATA, "SELECT metadata FROM thread WHERE row = ?1")                                                     \
  X(THREAD_SAY, "UPDATE thread SET graph_name = coalesce(?2, graph_name), graph_file = coalesce(?3, graph_file),"      \
                " status = coalesce(?4, status), metadata = coalesce(?5, metadata),"                                   \
                " updated_ms = max(updated_ms, ?6) WHERE row = ?1")                                                    \
  X(THREAD_FLOOR, "INSERT INTO meta VALUES('fence_floor', ?1) ON CONFLICT DO UPDATE SET value = max(value, ?1)")       \
  X(THREAD_DELETE, "DELETE FROM thread WHERE row = ?1")                                                                \
  X(LEASES_RELEASE, "UPDATE thread SET lease_pid = 0, lease_expires_ms = 0 WHERE lease_token = ?1 AND lease_pid <> 0") \
  X(ROWS_DELETE, "DELETE FROM row WHERE thread = ?1")                                                                  \
  X(WRITES_DELETE, "DELETE FROM pending WHERE thread = ?1")                                                            \
  X(CALLS_DELETE, "DELETE FROM call WHERE thread = ?1")                                                                \
  X(EVENTS_DELETE, "DELETE FROM event WHERE thread = ?1")                                                              \
  X(LAST_KEY, "SELECT k FROM row WHERE thread = ?1 AND k BETWEEN ?2 AND ?3 ORDER BY k DESC LIMIT 1")                   \
  X(VALUE_ADD, "INSERT INTO row(thread, k, ns, parent, kind, count, name, labels, origin, sum, body)"                  \
               " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)")                                                \
  X(CHECKPOINT_ADD, "INSERT INTO row(thread, k, ns, parent, id, step, name, wall_ms, manifest, sum, body,"             \
                    " trace_no, trace_sum, trace) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13,"      \
                    " ?14)")                                                                                           \
  X(WRITE_KEEP, "INSERT INTO pending(thread, checkpoint, task, place, ns, channel, labels, origin, sum, body)"         \
                " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT DO NOTHING")                             \
  X(WRITE_REPLACE, "INSERT INTO pending(thread, checkpoint, task, place, ns, channel, labels, origin, sum, body)"      \
                   " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT DO UPDATE SET channel = ?6,"          \
                   " labels = ?7, origin = ?8, sum = ?9, body = ?10")                                                  \
  X(WRITES_END, "DELETE FROM pending WHERE thread = ?1 AND checkpoint = ?2")                                           \
  X(INTENT_ADD, "INSERT INTO call(thread, checkpoint, id, task, place, ns, kind, effect, name, key, argument_hash,"    \
                " manifest, sum, arguments) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)"       \
                " ON CONFLICT DO UPDATE SET task = ?4, place = ?5, kind = ?7, effect = ?8, name = ?9, key = ?10,"      \
                " argument_hash = ?11, manifest = ?12, sum = ?13, arguments = ?14 WHERE is_error IS NULL")             \
  X(RESULT_ADD, "UPDATE call SET is_error = ifnull(is_error, ?4),"                                                     \
                " labels = iif(is_error IS NULL, ?5, labels), origin = iif(is_error IS NULL, ?6, origin),"             \
                " result_sum = iif(is_error IS NULL, ?7, result_sum), result = iif(is_error IS NULL, ?8, result)"      \
                " WHERE thread = ?1 AND checkpoint = ?2 AND id = ?3")                                                  \
  X(CALLS_END, "DELETE FROM call WHERE thread = ?1 AND checkpoint = ?2")                                               \
  X(EVENT_ADD, "INSERT INTO event(thread, run, sum, body, no) VALUES(?1, ?2, ?3, ?4, ?5)")                             \
  X(VALUE_SCAN, "SELECT k, parent, kind, count, sum, body, labels, seq FROM row WHERE thread = ?1 AND k BETWEEN 1"     \
                " AND ?2 ORDER BY k DESC")                                                                             \
  X(VALUE_WINDOW, "SELECT k, parent, kind, count, sum, body, labels FROM row NOT INDEXED WHERE seq BETWEEN ?2"         \
                  " AND ?3 AND k < 4294967296 AND thread = ?1 ORDER BY seq DESC")                                      \
  X(CHECKPOINT_READ, "SELECT k, ns, parent, id, step, name, wall_ms, sum, body FROM row WHERE thread = ?1 AND k = ?2") \
  X(SUB_HEAD, "SELECT k FROM row WHERE thread = ?1 AND ns = ?2 AND k > 8589934592 ORDER BY k DESC LIMIT 1")            \
  X(WRITES_READ, "SELECT task, place, channel, sum, body, labels FROM pending WHERE thread = ?1 AND checkpoint = ?2")  \
  X(CALLS_READ, "SELECT id, task, place, kind, effect, name, argument_hash, sum, arguments, is_error, result_sum,"     \
                " result, labels FROM call WHERE thread = ?1 AND checkpoint = ?2")                                     \
  X(ROW_DROP, "DELETE FROM row WHERE thread = ?1 AND k = ?2")                                                          \
  X(VALUE_REBASE, "UPDATE row SET parent = 0, kind = 1, sum = ?3, body = ?4 WHERE thread = ?1 AND k = ?2")             \
  X(EVENTS_KEEP, "DELETE FROM event WHERE thread = ?1 AND no <= (SELECT no FROM event WHERE thread = ?1"               \
                 " ORDER BY no DESC LIMIT 1 OFFSET ?2)")                                                               \
  X(THREAD_STATUS, "UPDATE thread SET status = ?2 WHERE row = ?1")                                                     \
  X(THREAD_COPY, "INSERT INTO thread(id, graph_name, graph_file, status, metadata, created_ms, updated_ms, fence)"     \
                 " SELECT ?2, graph_name, graph_file, status, metadata, ?3, ?3,"                                       \
                 " coalesce((SELECT value FROM meta WHERE name = 'fence_floor'), 0) FROM thread WHERE row = ?1")       \
  X(ROWS_COPY, "INSERT INTO row(thread, k, parent, ns, name, kind, count, labels, origin, id, step, wall_ms,"          \
               " manifest, sum, body) SELECT ?2, k, parent, ns, name, kind, count, labels, origin, id, step, wall_ms," \
               " manifest, sum, body FROM row WHERE thread = ?1 ORDER BY seq")                                         \
  X(WRITES_COPY, "INSERT INTO pending(thread, checkpoint, task, place, ns, channel, labels, origin, sum, body)"        \
                 " SELECT ?2, checkpoint, task, place, ns, channel, labels, origin, sum, body FROM pending"            \
                 " WHERE thread = ?1 ORDER BY seq")                                                                    \
  X(CALLS_COPY,                                                                                                        \
    "INSERT INTO call(thread, checkpoint, id, task, place, ns, kind, effect, name, key, argument_hash,"                \
    " manifest, sum, arguments, is_error, labels, origin, result_sum, result) SELECT ?2, checkpoint, id,"              \
    " task, place, ns, kind, effect, name, key, argument_hash, manifest, sum, arguments, is_error, labels,"            \
    " origin, result_sum, result FROM call WHERE thread = ?1 ORDER BY seq")                                            \
  X(ITEM_FIND, "SELECT seq, created_ms FROM item WHERE ns = ?1 AND key = ?2")                                          \
  X(ITEM_ADD, "INSERT INTO item(ns, key, created_ms, updated_ms, ttl_ms, expires_ms, sum, body)"                       \
              " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")                                                               \
  X(ITEM_DROP, "DELETE FROM item WHERE seq = ?1")                                                                      \
  X(ITEM_TOUCH, "UPDATE item SET expires_ms = ?3 + ttl_ms WHERE ns = ?1 AND key = ?2 AND ttl_ms IS NOT NULL"           \
                " AND expires_ms > ?3")                                                                                \
  X(ITEM_EXPIRED, "SELECT seq FROM item WHERE expires_ms <= ?1 LIMIT 1")                                               \
  X(ITEM_TEXT_ADD, "INSERT INTO item_text(rowid, body) VALUES(?1, ?2)")                                                \
  X(ITEM_TEXT_DROP, "DELETE FROM item_text WHERE rowid = ?1")                                                          \
  X(ITEM_VECTOR_ADD, "INSERT INTO item_vector(item, model, body) VALUES(?1, ?2, ?3)")                                  \
  X(ITEM_VECTORS_DROP, "DELETE FROM item_vector WHERE item = ?1")                                                      \
  X(ITEM_READ, "SELECT ns, key, body, sum, created_ms, updated_ms, ttl_ms, expires_ms FROM item WHERE ns = ?1"         \
               " AND key = ?2 AND (expires_ms IS NULL OR expires_ms > ?3)")                                            \
  X(ITEM_ROW, "SELECT ns, key, body, sum, created_ms, updated_ms, ttl_ms, expires_ms FROM item WHERE seq = ?1")        \
  X(CACHE_READ, "SELECT sum, body FROM cache WHERE graph = ?1 AND node = ?2 AND key = ?3"                              \
                " AND (expires_ms IS NULL OR expires_ms > ?4)")                                                        \
  X(CACHE_DROP, "DELETE FROM cache WHERE graph = ?1 AND node = ?2 AND key = ?3")                                       \
  X(CACHE_ADD, "INSERT INTO cache(graph, node, key, created_ms, expires_ms, sum, body)"                                \
               " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)")                                                                  \
  X(CACHE_EXPIRE, "DELETE FROM cache WHERE seq IN (SELECT seq FROM cache WHERE expires_ms <= ?1 LIMIT ?2)")            \
  X(CACHE_DROP_TO, "DELETE FROM cache WHERE seq <= ?1")                                                                \
  X(CACHE_DROP_FIRST, "DELETE FROM cache WHERE seq IN (SELECT seq FROM cache ORDER BY seq LIMIT ?1)")                  \
  X(CACHE_CLEAR, "DELETE FROM cache WHERE (?1 IS NULL OR graph = ?1) AND (?2 IS NULL OR node = ?2)")                   \
  X(CACHE_SIZE, "SELECT value FROM meta WHERE name = 'cache_size'")                                                    \
  X(REQUEST_PUT, "INSERT INTO request(thread, fence, kind, asker, wall_ms) VALUES(?1, ?2, ?3, ?4, ?5)"                 \
                 " ON CONFLICT DO UPDATE SET fence = ?2, wall_ms = ?5")                                                \
  X(REQUESTS_DROP, "DELETE FROM request WHERE thread = ?1")                                                            \
  X(TRACE_RUN_FIND, "SELECT no FROM trace_run WHERE run = ?1")                                                         \
  X(TRACE_RUN_ADD, "INSERT INTO trace_run(run, thread, graph, user, began_ms, begin_sum, begin, first)"                \
                   " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING")                                   \
  X(TRACE_RUN_END, "UPDATE trace_run SET end_sum = ?2, end = ?3, last = ?4 WHERE no = ?1")                             \
  X(TRACE_RUN_PLACE, "SELECT (SELECT row FROM thread WHERE id = trace_run.thread), first, last"                        \
                     " FROM trace_run WHERE no = ?1")                                                                  \
  X(TRACE_ROWS_DROP, "UPDATE row SET trace_no = NULL, trace_sum = NULL, trace = NULL WHERE thread = ?1"                \
                     " AND k BETWEEN ?2 AND ?3 AND trace_no BETWEEN ?4 AND ?5")                                        \
  X(TRACE_ROW_MOVE, "INSERT INTO trace_span(no, sum, body) SELECT trace_no, trace_sum, trace FROM row"                 \
                    " WHERE thread = ?1 AND k = ?2 AND trace_no IS NOT NULL ON CONFLICT DO NOTHING")                   \
  X(TRACE_ROWS_MOVE, "INSERT INTO trace_span(no, sum, body) SELECT trace_no, trace_sum, trace FROM row"                \
                     " WHERE thread = ?1 AND trace_no IS NOT NULL ON CONFLICT DO NOTHING")                             \
  X(TRACE_SPAN_ADD, "INSERT INTO trace_span(no, sum, body) VALUES(?1, ?2, ?3) ON CONFLICT DO NOTHING")                 \
  X(TRACE_CONTENT_ADD, "INSERT INTO trace_content(no, sum, body) VALUES(?1, ?2, ?3) ON CONFLICT DO NOTHING")           \
  X(TRACE_SPANS_DROP, "DELETE FROM trace_span WHERE no BETWEEN ?1 AND ?2")                                             \
  X(TRACE_CONTENT_DROP, "DELETE FROM trace_content WHERE no BETWEEN ?1 AND ?2")                                        \
  X(TRACE_RUN_DROP, "DELETE FROM trace_run WHERE no = ?1")                                                             \
  X(EVENT_LAST, "SELECT no FROM event ORDER BY no DESC LIMIT 1")                                                       \
  X(THREAD_NEXT, "SELECT row, id FROM thread WHERE row > ?1 ORDER BY row LIMIT 1")                                     \
  X(SEAL_KEY_READ, "SELECT master, wrapped FROM seal_key WHERE owner = ?1")                                            \
  X(SEAL_KEY_ANY, "SELECT master FROM seal_key LIMIT 1")                                                               \
  X(SEAL_KEY_BELOW, "SELECT owner, (SELECT id FROM thread WHERE row = owner) FROM seal_key WHERE owner < ?1"           \
                    " ORDER BY owner DESC LIMIT 1")                                                                    \
  X(SEAL_KEY_ADD, "INSERT INTO seal_key(owner, master, wrapped) VALUES(?1, ?2, ?3)")                                   \
  X(SEAL_KEY_PUT, "UPDATE seal_key SET master = ?2, wrapped = ?3 WHERE owner = ?1")                                    \
  X(SEAL_KEY_WIPE, "UPDATE seal_key SET wrapped = zeroblob(length(wrapped)) WHERE owner = ?1")                         \
  X(SEAL_KEY_DROP, "DELETE FROM seal_key WHERE owner = ?1")                                                            \
  X(SEALED_BESIDE, "SELECT 3, body FROM pending WHERE thread = ?1 UNION ALL SELECT 4, arguments FROM call WHERE"       \
                   " thread = ?1 UNION ALL SELECT 5, result FROM call WHERE thread = ?1")                              \
  X(SEAL_HEAD_READ, "SELECT head FROM seal_head WHERE owner = ?1")                                                     \
  X(SEAL_HEAD_ADD, "INSERT INTO seal_head(owner, head) VALUES(?1, ?2)")                                                \
  X(SEAL_HEAD_PUT, "UPDATE seal_head SET head = ?2 WHERE owner = ?1")                                                  \
  X(SEAL_HEAD_DROP, "DELETE FROM seal_head WHERE owner = ?1")                                                          \
  X(SEAL_HEAD_BELOW, "SELECT owner FROM seal_head WHERE owner < ?1 ORDER BY owner DESC LIMIT 1")                       \
  X(AUDIT_LAST, "SELECT no, wall_ms, hash FROM audit ORDER BY no DESC LIMIT 1")                                        \
  X(AUDIT_ADD, "INSERT INTO audit(no, wall_ms, what, thread, body, hash) VALUES(?1, ?2, ?3, ?4, ?5, ?6)")              \
  X(AUDIT_HEAD, "SELECT no, wall_ms, hash, key, signature FROM audit_head")                                            \
  X(AUDIT_HEAD_PUT, "INSERT OR REPLACE INTO audit_head(row, no, wall_ms, hash, key, signature)"                        \
                    " VALUES(1, ?1, ?2, ?3, ?4, ?5)")

enum fl_sql {
#define X(name, text) FL_SQL_##name,
  FL_SQL_TABLE(X)
#undef X
      FL_SQL_COUNT
};

/* Runs whose number is known, so that a piece of their trace needs no search; cleared when anything is rolled back. */
enum { FL_KNOWN_RUNS = 64 };
struct fl_known_run {
  char run_id[FL_UUID_SIZE];
  int64_t no;
};
/* The formats of the file that brought something which a file that is only read may lack. */
enum { FL_FORMAT_AUDIT = 4, FL_FORMAT_SEAL = 5, FL_FORMAT_SEAL_HEAD = 6, FL_FORMAT_TRACE_IN_ROWS = 7 };

struct fl_db {
  sqlite3 *handle;
  const char *path;                /* lent by the store */
  int version;                     /* format of the file; 0: it is new */
  bool has_erased;                 /* a key went: its bytes must leave the log of the file, too */
  struct fl_sealer *sealer;        /* seal.h; NULL: nothing is sealed */
  struct fl_seal_changes *changes; /* seal_head.h; of the connection that writes sealed texts */
  bool has_audited;                /* records of the audit log came since its head was signed */
  sqlite3_stmt *statements[FL_SQL_COUNT];
  struct fl_known_run known_runs[FL_KNOWN_RUNS];
};

/* The connection that writes: makes the schema when the file is empty; FL_E_VERSION, FL_E_CORRUPT when not ours. */
int fl_db_open_writer(struct fl_db *db, const char *path, bool synchronous_normal, struct fl_error *err);
int fl_db_open_reader(struct fl_db *db, const char *path, struct fl_error *err);
/* A database of its own in memory, for what the store in memory keeps beside its threads. */
int fl_db_open_memory(struct fl_db *db, struct fl_error *err);
void fl_db_close(struct fl_db *db); /* repeatable */

/* sqlite_schema.c. Whether the file is ours and of a format that this fairlead knows: sets db->version. */
int fl_db_check_file(struct fl_db *db, struct fl_error *err);
/* Takes the steps from db->version to the newest format, in one transaction. */
int fl_db_update_schema(struct fl_db *db, struct fl_error *err);

/* A prepared statement, reset, or NULL with `err` set; every parameter is bound anew each time. `err` is never NULL
 * here. */
sqlite3_stmt *fl_db_use(struct fl_db *db, enum fl_sql id, struct fl_error *err);
/* A statement of the caller's own, for visits that may read in between. */
sqlite3_stmt *fl_db_prepare(struct fl_db *db, const char *text, struct fl_error *err);

/* Steps: 0 when a row is there, FL_E_NOT_FOUND at the end (without text; the statement is reset), or an error. */
int fl_db_row(struct fl_db *db, sqlite3_stmt *statement, struct fl_error *err);
int fl_db_run(struct fl_db *db, sqlite3_stmt *statement, struct fl_error *err); /* for those without rows */
int fl_db_do(struct fl_db *db, enum fl_sql id, struct fl_error *err);

int fl_db_run_text(struct fl_db *db, const char *text, struct fl_error *err); /* statements without parameters */

/* What SQLite's result code means, with the file's name and what to do. */
int fl_db_fail(struct fl_db *db, int code, struct fl_error *err);

/* Bindings: NULL and "" of an optional text are null; an id in the form of a UUID takes 16 bytes. */
void fl_db_bind_text(sqlite3_stmt *statement, int index, const char *text);
void fl_db_bind_slice(sqlite3_stmt *statement, int index, fl_slice text); /* its bytes as text; NULL data: null */
void fl_db_bind_id(sqlite3_stmt *statement, int index, const char *id);
/* For a binding that SQLite copies: without memory for it the process stops, as it does for any other. */
void fl_db_bound(int code);

/* Columns: lent until the next step; an id that is neither reads as "". */
fl_slice fl_db_text(sqlite3_stmt *statement, int index);
void fl_db_id(sqlite3_stmt *statement, int index, char ret_id[FL_UUID_SIZE]);
char *fl_db_copy(sqlite3_stmt *statement, int index); /* NULL when null */

/* ---- threads ---- */

struct fl_thread_row {
  int64_t row;
  struct fl_lease lease;
};
int fl_db_find_thread(struct fl_db *db, const char *id, struct fl_thread_row *ret_thread, struct fl_error *err);
/* The highest number of a kind in a thread; 0 when there is none. */
int fl_db_last_no(struct fl_db *db, int64_t thread, enum fl_key_kind kind, uint64_t *ret_no, struct fl_error *err);

/* ---- the store ---- */

struct fl_sqlite_job {
  struct fl_txn *txn;
  struct fl_sqlite_job *next;
  struct fl_error *err; /* NULL unless it failed */
  struct fl_txn_answer answer;
  int status;
};

struct fl_sqlite_jobs {
  struct fl_sqlite_job *first, **last;
};

struct fl_sqlite_store {
  struct fl_store base;
  char *path;
  bool read_only;
  struct fl_db reader, writer;
  struct fl_lock lock;
  struct fl_holder self;
  uint8_t fresh_seed[FL_SIGN_SEED_SIZE]; /* for the key of the audit log, should it have to be made */
  struct fl_secret audit_key;            /* the writer's; empty until it signs */
  struct fl_audit_head audit_head;       /* the writer's: what it signed last */
  bool has_acquired;                     /* the writer's: some lease was taken */
  int wal_pages, wal_pages_before;       /* the writer's: length of the log now, and at the last checkpoint */
  bool has_freed;                        /* the writer's: rows went since the file was last looked at for free pages */
  pthread_t thread;
  pthread_mutex_t batch_mutex; /* held around a batch and a checkpoint */
  pthread_mutex_t mutex;       /* guards what follows */
  pthread_cond_t has_work;
  bool is_closing;
  struct fl_sqlite_jobs waiting, done;
  struct fl_mailbox *mailbox;
};

void fl_sqlite_jobs_init(struct fl_sqlite_jobs *jobs);
void fl_sqlite_jobs_push(struct fl_sqlite_jobs *jobs, struct fl_sqlite_job *job);
struct fl_sqlite_job *fl_sqlite_jobs_pop(struct fl_sqlite_jobs *jobs);

/* Gives free pages back to the file system, as far as there are many: a part of them at a time. False when nothing is
 * left to do. And all of them, after which the file is one that can give pages back. Both under the side lock; what
 * fails is tried again another time. */
bool fl_db_give_back(struct fl_db *db);
int fl_db_compact(struct fl_db *db, struct fl_error *err);

/* The writer thread; ends when the store is closing and nothing waits. */
void *fl_sqlite_write(void *store);

/* One transaction within the open one of the batch. An error leaves its rows behind: the caller rolls back. The answer
 * (the fence of a new lease, a count) is the caller's to give out, once it is committed. */
int fl_sqlite_apply(struct fl_sqlite_store *store, const struct fl_txn *txn, struct fl_txn_answer *ret_answer,
                    struct fl_error *err);

/* sqlite_apply.c: the rows of records, as they are; and the lease of a thread. */
int fl_sqlite_put_records(struct fl_db *db, const char *id, int64_t thread, const struct fl_records *records,
                          struct fl_error *err);
int fl_sqlite_put_lease(struct fl_sqlite_store *store, const struct fl_thread_row *thread, int64_t updated_ms,
                        struct fl_error *err);
int fl_sqlite_make_thread(struct fl_db *db, const char *id, int64_t created_ms, struct fl_thread_row *ret_thread,
                          struct fl_error *err);

/* sqlite_upkeep.c: the transactions of upkeep.h. The thread of an import must not be there, that of the others is
 * `thread`. */
int fl_sqlite_import(struct fl_sqlite_store *store, const struct fl_txn *txn, struct fl_error *err);
int fl_sqlite_copy(struct fl_sqlite_store *store, const struct fl_thread_row *thread, const struct fl_txn *txn,
                   struct fl_error *err);
int fl_sqlite_prune(struct fl_sqlite_store *store, const struct fl_thread_row *thread, const struct fl_txn *txn,
                    struct fl_txn_answer *ret_answer, struct fl_error *err);
int fl_sqlite_roll_back(struct fl_sqlite_store *store, struct fl_thread_row *thread, const struct fl_txn *txn,
                        struct fl_txn_answer *ret_answer, struct fl_error *err);

/* Values of a thread by their numbers, through any connection; sqlite_read.c. */
struct fl_sqlite_source {
  struct fl_row_source base;
  struct fl_db *db;
  int64_t row;
  sqlite3_stmt *scan; /* NULL until it stands on a row */
  uint64_t no;        /* of that row */
  size_t step_count;  /* down one chain since the last seek */
  bool is_window;     /* the scan goes by place in the file, from `window_first` up to where it stands */
  bool is_scattered;  /* rows that follow each other in a chain do not in the file: windows are not worth it */
  int64_t window_first;
  size_t window_hits; /* values of the thread in it */
};
void fl_sqlite_source_init(struct fl_sqlite_source *source, struct fl_db *db, const char *thread, int64_t row);
void fl_sqlite_source_end(struct fl_sqlite_source *source);
/* One snapshot for several answers: only the outermost begins and ends it. */
int fl_sqlite_begin_read(struct fl_sqlite_store *store, bool *ret_is_outer, struct fl_error *err);
void fl_sqlite_end_read(struct fl_sqlite_store *store, bool is_outer);

/* The reading half of the table of operations. */
int fl_sqlite_read_thread(struct fl_store *base, const char *id, struct fl_thread_info *ret_info, struct fl_error *err);
int fl_sqlite_list_threads(struct fl_store *base, const struct fl_threads_query *query,
                           bool (*visit)(const struct fl_thread_info *info, void *user), void *user,
                           struct fl_error *err);
int fl_sqlite_load(struct fl_store *base, const struct fl_ask *ask, struct fl_loaded *loaded, struct fl_error *err);
int fl_sqlite_list_checkpoints(struct fl_store *base, const struct fl_ask *ask, struct fl_error *err);
int fl_sqlite_find_checkpoint(struct fl_store *base, const struct fl_ask *ask, uint64_t *ret_no, struct fl_error *err);
int fl_sqlite_list_events(struct fl_store *base, const struct fl_ask *ask, struct fl_error *err);
/* The same from any connection, of a thread by its row, in the transaction that is open; events are the last. */
int fl_sqlite_walk(struct fl_db *db, int64_t row, const struct fl_ask *ask, bool with_events, struct fl_error *err);
int fl_sqlite_read_all(struct fl_store *base, const struct fl_ask *ask, struct fl_error *err); /* sqlite_rows.c */
