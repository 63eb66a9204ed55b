/* SPDX-License-Identifier: MIT */
/* One SQLite connection: how it is opened, prepared statements, and what its errors mean to us. */
#include "runtime/base/check.h"
#include "runtime/base/id.h"
#include "runtime/base/mem.h"
#include "runtime/store/seal.h"
#include "runtime/store/seal_head.h"
#include "runtime/store/sqlite.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>

enum { BUSY_MS = 5000, WAL_SIZE_MAX = 8 * 1024 * 1024 };

static const char *const statement_texts[FL_SQL_COUNT] = {
#define X(name, text) text,
    FL_SQL_TABLE(X)
#undef X
};

/* ---- errors ---- */

static bool is_out_of_space(struct fl_db *db) {
  int number = db->handle != NULL ? sqlite3_system_errno(db->handle) : 0;
  return number == ENOSPC || number == EDQUOT;
}

int fl_db_fail(struct fl_db *db, int code, struct fl_error *err) {
  const char *text = db->handle != NULL ? sqlite3_errmsg(db->handle) : sqlite3_errstr(code);
  switch (code & 0xff) {
  case SQLITE_FULL:
    return fl_error_set(err, FL_E_NO_SPACE, "%s: the disk is full; nothing was changed, free some space and try again",
                        db->path);
  case SQLITE_IOERR:
    if (is_out_of_space(db))
      return fl_error_set(err, FL_E_NO_SPACE,
                          "%s: the disk is full; nothing was changed, free some space and try again", db->path);
    return fl_error_set(err, FL_E_IO, "%s: %s (%s)", db->path, text, strerror(sqlite3_system_errno(db->handle)));
  case SQLITE_CORRUPT:
    return fl_error_set(err, FL_E_CORRUPT, "%s: %s; restore it from a copy, or try the recover command of sqlite3",
                        db->path, text);
  case SQLITE_NOTADB:
    return fl_error_set(err, FL_E_CORRUPT, "%s: it is not a store of fairlead, or it is damaged", db->path);
  case SQLITE_CANTOPEN:
    return fl_error_set(err, FL_E_IO, "%s: %s (%s)", db->path, text, strerror(sqlite3_system_errno(db->handle)));
  case SQLITE_READONLY: return fl_error_set(err, FL_E_IO, "%s: it may not be written", db->path);
  case SQLITE_BUSY: return fl_error_set(err, FL_E_BUSY, "%s: another program holds it", db->path);
  case SQLITE_TOOBIG: return fl_error_set(err, FL_E_LIMIT, "%s: a value is larger than a store can hold", db->path);
  case SQLITE_CONSTRAINT: return fl_error_set(err, FL_E_CONFLICT, "%s: %s", db->path, text);
  case SQLITE_NOMEM: return fl_error_set(err, FL_E_LIMIT, "%s: memory is out", db->path);
  default: return fl_error_set(err, FL_E_IO, "%s: %s", db->path, text);
  }
}

/* ---- opening ---- */

int fl_db_run_text(struct fl_db *db, const char *text, struct fl_error *err) {
  int code = sqlite3_exec(db->handle, text, NULL, NULL, NULL);
  return code == SQLITE_OK ? 0 : fl_db_fail(db, code, err);
}

static int open_connection(struct fl_db *db, const char *path, int flags, struct fl_error *err) {
  *db = (struct fl_db){.path = path};
  int code = sqlite3_open_v2(path, &db->handle, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE, NULL);
  if (code != SQLITE_OK) return fl_db_fail(db, code, err);
  sqlite3_extended_result_codes(db->handle, 1);
  sqlite3_busy_timeout(db->handle, BUSY_MS);
  sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
  sqlite3_db_config(db->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
  sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
  return fl_db_run_text(db,
                        "PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 0;"
                        "PRAGMA wal_autocheckpoint = 0; PRAGMA secure_delete = FAST",
                        err);
}

/* Where memory cannot be shared between processes, SQLite stays with its old journal and says so. */
static int switch_to_wal(struct fl_db *db, struct fl_error *err) {
  sqlite3_stmt *statement = fl_db_prepare(db, "PRAGMA journal_mode = WAL", err);
  if (statement == NULL) return err->code;
  int code = sqlite3_step(statement);
  bool is_wal = code == SQLITE_ROW && fl_slice_equal(fl_db_text(statement, 0), FL_SLICE("wal"));
  sqlite3_finalize(statement);
  if (code != SQLITE_ROW) return fl_db_fail(db, code, err);
  if (is_wal) return 0;
  return fl_error_set(err, FL_E_UNSUPPORTED, "%s: this file system cannot hold a store; choose a path on a local disk",
                      db->path);
}

int fl_db_open_writer(struct fl_db *db, const char *path, bool synchronous_normal, struct fl_error *err) {
  char settings[160];
  snprintf(settings, sizeof settings,
           "PRAGMA synchronous = %s; PRAGMA journal_size_limit = %d; PRAGMA cache_size = -2000",
           synchronous_normal ? "NORMAL" : "FULL", WAL_SIZE_MAX);
  int status = open_connection(db, path, SQLITE_OPEN_READWRITE, err);
  if (status == 0) status = fl_db_check_file(db, err);
  if (status == 0 && db->version == 0) /* before the first page is written, or never */
    status = fl_db_run_text(db, "PRAGMA auto_vacuum = INCREMENTAL", err);
  if (status == 0) status = switch_to_wal(db, err);
  if (status == 0) status = fl_db_run_text(db, settings, err);
  if (status == 0) status = fl_db_update_schema(db, err);
  if (status != 0) fl_db_close(db);
  return status;
}

/* A thread is read from its end to its beginning and not again: a small cache takes the same pages once more, where a
 * large one would have fresh memory from the kernel for each. A turn at 5,000 messages after a restart: 0.3 ms less. */
int fl_db_open_reader(struct fl_db *db, const char *path, struct fl_error *err) {
  int status = open_connection(db, path, SQLITE_OPEN_READONLY, err);
  if (status == 0) status = fl_db_run_text(db, "PRAGMA cache_size = -256", err);
  if (status == 0) status = fl_db_check_file(db, err);
  if (status == 0 && db->version == 0) status = fl_error_set(err, FL_E_NOT_FOUND, "%s: there is nothing in it", path);
  if (status != 0) fl_db_close(db);
  return status;
}

int fl_db_open_memory(struct fl_db *db, struct fl_error *err) {
  int status = open_connection(db, ":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, err);
  if (status == 0) status = fl_db_update_schema(db, err);
  if (status != 0) fl_db_close(db);
  return status;
}

void fl_db_close(struct fl_db *db) {
  for (size_t i = 0; i < FL_SQL_COUNT; i++) sqlite3_finalize(db->statements[i]);
  if (db->handle != NULL) fl_check(sqlite3_close(db->handle) == SQLITE_OK);
  fl_sealer_destroy(db->sealer);
  fl_seal_changes_destroy(db->changes);
  *db = (struct fl_db){0};
}

/* ---- statements ---- */

sqlite3_stmt *fl_db_prepare(struct fl_db *db, const char *text, struct fl_error *err) {
  sqlite3_stmt *statement = NULL;
  int code = sqlite3_prepare_v2(db->handle, text, -1, &statement, NULL);
  if (code != SQLITE_OK) fl_db_fail(db, code, err);
  return statement;
}

sqlite3_stmt *fl_db_use(struct fl_db *db, enum fl_sql id, struct fl_error *err) {
  sqlite3_stmt **statement = &db->statements[id];
  if (*statement != NULL) {
    sqlite3_reset(*statement);
    return *statement;
  }
  int code = sqlite3_prepare_v3(db->handle, statement_texts[id], -1, SQLITE_PREPARE_PERSISTENT, statement, NULL);
  if (code != SQLITE_OK) fl_db_fail(db, code, err);
  return *statement;
}

int fl_db_row(struct fl_db *db, sqlite3_stmt *statement, struct fl_error *err) {
  int code = sqlite3_step(statement);
  if (code == SQLITE_ROW) return 0;
  int status = code == SQLITE_DONE ? FL_E_NOT_FOUND : fl_db_fail(db, code, err);
  sqlite3_reset(statement);
  return status;
}

int fl_db_run(struct fl_db *db, sqlite3_stmt *statement, struct fl_error *err) {
  int code = sqlite3_step(statement);
  int status = code == SQLITE_DONE || code == SQLITE_ROW ? 0 : fl_db_fail(db, code, err);
  sqlite3_reset(statement);
  return status;
}

int fl_db_do(struct fl_db *db, enum fl_sql id, struct fl_error *err) {
  sqlite3_stmt *statement = fl_db_use(db, id, err);
  return statement != NULL ? fl_db_run(db, statement, err) : err->code;
}

/* ---- bindings and columns ---- */

void fl_db_bind_text(sqlite3_stmt *statement, int index, const char *text) {
  if (text == NULL || text[0] == 0) sqlite3_bind_null(statement, index);
  else sqlite3_bind_text(statement, index, text, -1, SQLITE_STATIC);
}

void fl_db_bind_slice(sqlite3_stmt *statement, int index, fl_slice text) {
  if (text.data == NULL) sqlite3_bind_null(statement, index);
  else sqlite3_bind_text64(statement, index, text.data, text.size, SQLITE_STATIC, SQLITE_UTF8);
}

/* A binding that was not made would be stored as NULL, and the commit would be acknowledged. */
void fl_db_bound(int code) {
  if (code == SQLITE_NOMEM) fl_out_of_memory();
}

void fl_db_bind_id(sqlite3_stmt *statement, int index, const char *id) {
  uint8_t bytes[16];
  if (fl_uuid_bytes(id, bytes)) fl_db_bound(sqlite3_bind_blob(statement, index, bytes, sizeof bytes, SQLITE_TRANSIENT));
  else sqlite3_bind_text(statement, index, id, -1, SQLITE_STATIC);
}

fl_slice fl_db_text(sqlite3_stmt *statement, int index) {
  const char *text = (const char *)sqlite3_column_text(statement, index);
  if (text == NULL && sqlite3_column_type(statement, index) != SQLITE_NULL) fl_out_of_memory();
  return fl_slice_n(text, text != NULL ? (size_t)sqlite3_column_bytes(statement, index) : 0);
}

void fl_db_id(sqlite3_stmt *statement, int index, char ret_id[FL_UUID_SIZE]) {
  ret_id[0] = 0;
  if (sqlite3_column_type(statement, index) == SQLITE_TEXT) {
    fl_slice text = fl_db_text(statement, index);
    if (text.size < FL_UUID_SIZE && memchr(text.data, 0, text.size) == NULL) memcpy(ret_id, text.data, text.size + 1);
    return;
  }
  const uint8_t *bytes = sqlite3_column_blob(statement, index);
  if (bytes == NULL || sqlite3_column_bytes(statement, index) != 16) return;
  fl_uuid_text(bytes, ret_id);
}

char *fl_db_copy(sqlite3_stmt *statement, int index) {
  fl_slice text = fl_db_text(statement, index);
  return text.data != NULL ? fl_strndup(text.data, text.size) : NULL;
}

/* ---- what both directions ask ---- */

uint32_t fl_row_sum(const int64_t *numbers, size_t count, fl_slice text) {
  uint64_t sum = 0x9e3779b97f4a7c15u ^ text.size, word;
  for (size_t i = 0; i < count; i++) sum = (sum ^ (uint64_t)numbers[i]) * 0xd6e8feb86659fd93u, sum ^= sum >> 32;
  for (; text.size >= sizeof word; text.data += sizeof word, text.size -= sizeof word) {
    memcpy(&word, text.data, sizeof word);
    sum = (sum ^ le64toh(word)) * 0xd6e8feb86659fd93u;
    sum ^= sum >> 32;
  }
  for (; text.size > 0; text.data++, text.size--) sum = (sum ^ (unsigned char)text.data[0]) * 0x100000001b3u;
  sum ^= sum >> 29;
  sum *= 0xd6e8feb86659fd93u;
  return (uint32_t)(sum >> 32);
}

int fl_db_find_thread(struct fl_db *db, const char *id, struct fl_thread_row *ret_thread, struct fl_error *err) {
  sqlite3_stmt *statement = fl_db_use(db, FL_SQL_THREAD_FIND, err);
  if (statement == NULL) return err->code;
  sqlite3_bind_text(statement, 1, id, -1, SQLITE_STATIC);
  int status = fl_db_row(db, statement, err);
  if (status == FL_E_NOT_FOUND) return fl_error_set(err, FL_E_NOT_FOUND, "there is no thread %.200s", id);
  if (status != 0) return status;
  *ret_thread = (struct fl_thread_row){.row = sqlite3_column_int64(statement, 0)};
  struct fl_lease *lease = &ret_thread->lease;
  lease->fence = (uint64_t)sqlite3_column_int64(statement, 1);
  lease->holder.pid = sqlite3_column_int64(statement, 2);
  lease->holder.start_ticks = (uint64_t)sqlite3_column_int64(statement, 3);
  lease->holder.token = (uint64_t)sqlite3_column_int64(statement, 4);
  fl_slice place = fl_db_text(statement, 5);
  if (place.size < sizeof lease->holder.place)
    memcpy(lease->holder.place, place.size > 0 ? place.data : "", place.size);
  lease->expires_ms = sqlite3_column_int64(statement, 6);
  sqlite3_reset(statement);
  return 0;
}

int fl_db_last_no(struct fl_db *db, int64_t thread, enum fl_key_kind kind, uint64_t *ret_no, struct fl_error *err) {
  sqlite3_stmt *statement = fl_db_use(db, FL_SQL_LAST_KEY, err);
  if (statement == NULL) return err->code;
  sqlite3_bind_int64(statement, 1, thread);
  sqlite3_bind_int64(statement, 2, fl_key(kind, 1));
  sqlite3_bind_int64(statement, 3, fl_key(kind, FL_NO_MAX));
  int status = fl_db_row(db, statement, err);
  if (status == 0) {
    *ret_no = fl_key_no(sqlite3_column_int64(statement, 0));
    sqlite3_reset(statement);
  } else if (status == FL_E_NOT_FOUND) {
    *ret_no = 0;
  }
  return status == FL_E_NOT_FOUND ? 0 : status;
}
