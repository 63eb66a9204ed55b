/* SPDX-License-Identifier: MIT */
/* What stands in the file, as numbered steps: format n is what steps 1 to n make. A file of an older format gets the
 * steps that it lacks in one transaction with its new number, so a process that dies in between leaves the old file. A
 * step that was released never changes; what a later format needs is a new step. Steps so far only add, so a process of
 * an older fairlead that has the file open goes on with it. */
#include "runtime/base/check.h"
#include "runtime/store/sqlite.h"

#include <stdio.h>

enum { APPLICATION_ID = 0x66616972 };

/* `k`: see fl_key. `name`: the channel of a value, the source of a checkpoint. `place`: a write's or call's index in
 * its task. Namespaces are null for the root graph. `pending` and `call` empty themselves as supersteps end, so their
 * pages are used again; `row` and `event` grow until they are pruned. */
static const char step_1[] =
    "CREATE TABLE meta(name TEXT PRIMARY KEY, value INTEGER) STRICT;"
    "CREATE TABLE thread(row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, graph_name TEXT, graph_file TEXT,"
    " status TEXT NOT NULL, metadata TEXT, created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL,"
    " fence INTEGER NOT NULL, lease_pid INTEGER NOT NULL DEFAULT 0, lease_start INTEGER, lease_token INTEGER,"
    " lease_place TEXT, lease_expires_ms INTEGER NOT NULL DEFAULT 0) STRICT;"
    "CREATE TABLE row(seq INTEGER PRIMARY KEY, thread INTEGER NOT NULL, k INTEGER NOT NULL, parent INTEGER, ns TEXT,"
    " name TEXT, kind INTEGER, count INTEGER, labels INTEGER, origin TEXT, id ANY, step INTEGER, wall_ms INTEGER,"
    " manifest TEXT, sum INTEGER, body TEXT) STRICT;"
    "CREATE UNIQUE INDEX row_key ON row(thread, k);"
    "CREATE INDEX row_sub ON row(thread, ns, k) WHERE ns IS NOT NULL AND k > 8589934592;"
    "CREATE TABLE pending(seq INTEGER PRIMARY KEY, thread INTEGER NOT NULL, checkpoint INTEGER NOT NULL, task ANY"
    " NOT NULL, place INTEGER NOT NULL, ns TEXT, channel TEXT, labels INTEGER, origin TEXT, sum INTEGER,"
    " body TEXT) STRICT;"
    "CREATE UNIQUE INDEX pending_place ON pending(thread, checkpoint, task, place);"
    "CREATE TABLE call(seq INTEGER PRIMARY KEY, thread INTEGER NOT NULL, checkpoint INTEGER NOT NULL, id ANY NOT NULL,"
    " task ANY, place INTEGER, ns TEXT, kind INTEGER, effect INTEGER, name TEXT, key TEXT, argument_hash BLOB,"
    " manifest TEXT, sum INTEGER, arguments TEXT, is_error INTEGER, labels INTEGER, origin TEXT, result_sum INTEGER,"
    " result TEXT) STRICT;"
    "CREATE UNIQUE INDEX call_id ON call(thread, checkpoint, id);"
    "CREATE TABLE event(no INTEGER PRIMARY KEY, thread INTEGER NOT NULL, run ANY, sum INTEGER, body TEXT) STRICT;"
    "CREATE INDEX event_thread ON event(thread);";

/* Beside the threads: results of nodes, what others ask of the holder of a lease, and the memory across threads. An
 * item's namespace is its labels joined by "."; its text and its vectors stand under its `seq`. */
static const char step_2[] =
    "CREATE TABLE cache(seq INTEGER PRIMARY KEY, graph TEXT NOT NULL, node TEXT NOT NULL, key BLOB NOT NULL,"
    " created_ms INTEGER NOT NULL, expires_ms INTEGER, sum INTEGER, body TEXT NOT NULL) STRICT;"
    "CREATE UNIQUE INDEX cache_key ON cache(graph, node, key);"
    "CREATE INDEX cache_expires ON cache(expires_ms) WHERE expires_ms IS NOT NULL;"
    "INSERT INTO meta VALUES('cache_size', 0);"
    "CREATE TRIGGER cache_added AFTER INSERT ON cache BEGIN"
    " UPDATE meta SET value = value + length(NEW.body) WHERE name = 'cache_size'; END;"
    "CREATE TRIGGER cache_dropped AFTER DELETE ON cache BEGIN"
    " UPDATE meta SET value = value - length(OLD.body) WHERE name = 'cache_size'; END;"
    "CREATE TABLE request(seq INTEGER PRIMARY KEY, thread TEXT NOT NULL, fence INTEGER NOT NULL, kind INTEGER NOT NULL,"
    " asker TEXT NOT NULL, wall_ms INTEGER NOT NULL) STRICT;"
    "CREATE UNIQUE INDEX request_asker ON request(thread, asker, kind);"
    "CREATE TABLE item(seq INTEGER PRIMARY KEY, ns TEXT NOT NULL, key TEXT NOT NULL, created_ms INTEGER NOT NULL,"
    " updated_ms INTEGER NOT NULL, ttl_ms INTEGER, expires_ms INTEGER, sum INTEGER, body TEXT NOT NULL) STRICT;"
    "CREATE UNIQUE INDEX item_key ON item(ns, key);"
    "CREATE INDEX item_expires ON item(expires_ms) WHERE expires_ms IS NOT NULL;"
    "CREATE TABLE item_vector(seq INTEGER PRIMARY KEY, item INTEGER NOT NULL, model TEXT NOT NULL, body BLOB NOT NULL)"
    " STRICT;"
    "CREATE INDEX item_vector_item ON item_vector(item);"
    "CREATE VIRTUAL TABLE item_text USING fts5(body, tokenize = 'unicode61 remove_diacritics 2');";

/* The record of runs. Rows of spans and of content have the number of their run in front: (run << 24 | number), so that
 * those of a run lie together, and the newest at the end. */
static const char step_3[] =
    "CREATE TABLE trace_run(no INTEGER PRIMARY KEY, run ANY NOT NULL UNIQUE, thread TEXT NOT NULL, graph TEXT,"
    " user TEXT, began_ms INTEGER NOT NULL, begin_sum INTEGER, begin TEXT NOT NULL, end_sum INTEGER, end TEXT) STRICT;"
    "CREATE INDEX trace_run_thread ON trace_run(thread);"
    "CREATE INDEX trace_run_began ON trace_run(began_ms);"
    "CREATE INDEX trace_run_user ON trace_run(user) WHERE user IS NOT NULL;"
    "CREATE TABLE trace_span(no INTEGER PRIMARY KEY, sum INTEGER, body TEXT NOT NULL) STRICT;"
    "CREATE TABLE trace_content(no INTEGER PRIMARY KEY, sum INTEGER, body TEXT NOT NULL) STRICT;";
/* The audit log: rows come at the end, and none changes or goes. */
static const char step_4[] =
    "CREATE TABLE audit(no INTEGER PRIMARY KEY, wall_ms INTEGER NOT NULL, what TEXT NOT NULL, thread TEXT NOT NULL,"
    " body TEXT NOT NULL, hash BLOB NOT NULL) STRICT;"
    "CREATE TRIGGER audit_changed BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log only grows'); END;"
    "CREATE TRIGGER audit_dropped BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log only grows'); END;"
    "CREATE TABLE audit_head(row INTEGER PRIMARY KEY, no INTEGER NOT NULL, wall_ms INTEGER NOT NULL,"
    " hash BLOB NOT NULL, key BLOB NOT NULL, signature BLOB NOT NULL) STRICT;";

/* Keys of sealed texts: `owner` is the row of a thread, 0 for what stands beside the threads; `master` names the key
 * that `wrapped` is wrapped with. */
static const char step_5[] =
    "CREATE TABLE seal_key(owner INTEGER PRIMARY KEY, master BLOB NOT NULL, wrapped BLOB NOT NULL)"
    " STRICT;";

/* What a sealed store should hold: seal_head.h. */
static const char step_6[] = "CREATE TABLE seal_head(owner INTEGER PRIMARY KEY, head BLOB NOT NULL) STRICT;";

/* Spans that came with a checkpoint stand in its row, in place of a row and a page of their own: `trace_no` as
 * trace_span.no. A run knows between which checkpoints of its thread they are. */
static const char step_7[] =
    "ALTER TABLE row ADD COLUMN trace_no INTEGER; ALTER TABLE row ADD COLUMN trace_sum INTEGER;"
    "ALTER TABLE row ADD COLUMN trace TEXT;"
    "ALTER TABLE trace_run ADD COLUMN first INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE trace_run ADD COLUMN last INTEGER;";

static const char *const steps[] = {step_1, step_2, step_3, step_4, step_5, step_6, step_7};
enum { SCHEMA_VERSION = sizeof steps / sizeof steps[0] };

static int ask_number(struct fl_db *db, const char *text, int64_t *ret_number, struct fl_error *err) {
  sqlite3_stmt *statement = fl_db_prepare(db, text, err);
  if (statement == NULL) return err->code;
  int code = sqlite3_step(statement);
  *ret_number = code == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
  sqlite3_finalize(statement);
  return code == SQLITE_ROW || code == SQLITE_DONE ? 0 : fl_db_fail(db, code, err);
}

int fl_db_check_file(struct fl_db *db, struct fl_error *err) {
  int64_t application = 0, version = 0, objects = 0;
  int status = ask_number(db, "PRAGMA application_id", &application, err);
  if (status == 0) status = ask_number(db, "PRAGMA user_version", &version, err);
  if (status == 0) status = ask_number(db, "SELECT count(*) FROM sqlite_schema", &objects, err);
  if (status != 0) return status;
  db->version = 0;
  if (application == 0 && version == 0 && objects == 0) return 0;
  if (application != APPLICATION_ID)
    return fl_error_set(err, FL_E_INVALID, "%s: it is a database of another program; choose another path", db->path);
  if (version > SCHEMA_VERSION)
    return fl_error_set(err, FL_E_VERSION,
                        "%s: written by a newer fairlead (format %lld, this one knows %d); update fairlead, or choose"
                        " another path with --store",
                        db->path, (long long)version, SCHEMA_VERSION);
  if (version < 1)
    return fl_error_set(err, FL_E_CORRUPT, "%s: its format number %lld is damaged", db->path, (long long)version);
  db->version = (int)version;
  return 0;
}

static int take_steps(struct fl_db *db, struct fl_error *err) {
  char marks[96];
  int status = 0;
  for (int step = db->version; status == 0 && step < SCHEMA_VERSION; step++)
    status = fl_db_run_text(db, steps[step], err);
  if (status != 0) return status;
  snprintf(marks, sizeof marks, "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT", APPLICATION_ID,
           SCHEMA_VERSION);
  return fl_db_run_text(db, marks, err);
}

int fl_db_update_schema(struct fl_db *db, struct fl_error *err) {
  if (db->version == SCHEMA_VERSION) return 0;
  if (sqlite3_compileoption_used("ENABLE_FTS5") == 0)
    return fl_error_set(err, FL_E_UNSUPPORTED, "%s: this SQLite (%s) was built without FTS5, which a store needs",
                        db->path, sqlite3_libversion());
  int status = fl_db_run_text(db, "BEGIN IMMEDIATE", err);
  if (status != 0) return status;
  status = take_steps(db, err);
  if (status != 0) sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
  else db->version = SCHEMA_VERSION;
  return status;
}

/* ---- free pages ---- */

enum { FREE_PAGES_MIN = 256, FREE_FRACTION = 8, GIVE_BACK_PAGES = 1024 };

bool fl_db_give_back(struct fl_db *db) {
  struct fl_error ignored = {0};
  int64_t free_count = 0, count = 0, mode = 0;
  if (ask_number(db, "PRAGMA auto_vacuum", &mode, &ignored) != 0 || mode != 2) return false;
  if (ask_number(db, "PRAGMA freelist_count", &free_count, &ignored) != 0) return false;
  if (ask_number(db, "PRAGMA page_count", &count, &ignored) != 0) return false;
  if (free_count < FREE_PAGES_MIN || free_count * FREE_FRACTION < count) return false;
  char text[64];
  snprintf(text, sizeof text, "PRAGMA incremental_vacuum(%d)", GIVE_BACK_PAGES);
  return fl_db_run_text(db, text, &ignored) == 0;
}

int fl_db_compact(struct fl_db *db, struct fl_error *err) {
  int status = fl_db_run_text(db, "PRAGMA auto_vacuum = INCREMENTAL; VACUUM", err);
  if (status != 0) return status;
  int code = sqlite3_wal_checkpoint_v2(db->handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
  return code == SQLITE_OK || code == SQLITE_BUSY ? 0 : fl_db_fail(db, code, err);
}
