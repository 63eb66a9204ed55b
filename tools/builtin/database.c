/* SPDX-License-Identifier: MIT */
#include "tools/builtin/database.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

enum { BUSY_MS = 2000, STEPS_BETWEEN_LOOKS = 10000, BLOB_SHOWN_MAX = 64, VALUE_SIZE_MAX = 1024 * 1024 };

/* ---- opening ---- */

static const struct fl_database *find(struct fl_call *call, const struct fl_databases *databases,
                                      const struct fl_value *args) {
  const char *name = fl_get_string(args, "database", NULL);
  if (name == NULL && databases->count == 1) return &databases->items[0];
  for (size_t i = 0; name != NULL && i < databases->count; i++)
    if (strcmp(databases->items[i].name, name) == 0) return &databases->items[i];
  if (name == NULL) fl_call_return_error(call, "Say which database: there are %zu", databases->count);
  else fl_call_return_error(call, "There is no database \"%.100s\"", name);
  return NULL;
}

/* What a pragma may be asked about; a value behind it would change something. */
static bool is_question(const char *pragma, const char *value) {
  static const char *const with_name[] = {"table_info", "table_xinfo", "index_list",
                                          "index_info", "index_xinfo", "foreign_key_list"};
  static const char *const alone[] = {"table_list", "database_list",   "user_version", "encoding",         "page_count",
                                      "page_size",  "integrity_check", "quick_check",  "foreign_key_check"};
  for (size_t i = 0; i < sizeof with_name / sizeof *with_name; i++)
    if (strcmp(pragma, with_name[i]) == 0) return true;
  for (size_t i = 0; i < sizeof alone / sizeof *alone; i++)
    if (strcmp(pragma, alone[i]) == 0) return value == NULL;
  return false;
}

static int authorize(void *user, int action, const char *first, const char *second, const char *third,
                     const char *fourth) {
  (void)user, (void)third, (void)fourth;
  if (action == SQLITE_ATTACH || action == SQLITE_DETACH) return SQLITE_DENY;
  if (action == SQLITE_PRAGMA) return is_question(first, second) ? SQLITE_OK : SQLITE_DENY;
  if (action == SQLITE_FUNCTION && second != NULL && strcmp(second, "load_extension") == 0) return SQLITE_DENY;
  return SQLITE_OK;
}

static int on_steps(void *user) { return fl_call_is_cancelled(user); }

static sqlite3 *open_database(struct fl_call *call, const struct fl_database *database) {
  sqlite3 *db = NULL;
  int flags = database->may_write ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
  if (sqlite3_open_v2(database->path, &db, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
    fl_call_return_error(call, "Cannot open the database \"%s\": %s", database->name, sqlite3_errmsg(db));
    sqlite3_close(db);
    return NULL;
  }
  sqlite3_busy_timeout(db, BUSY_MS);
  sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
  sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
  sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
  sqlite3_limit(db, SQLITE_LIMIT_LENGTH, VALUE_SIZE_MAX);
  sqlite3_limit(db, SQLITE_LIMIT_SQL_LENGTH, FL_DATABASE_SQL_MAX);
  sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
  sqlite3_set_authorizer(db, authorize, NULL);
  sqlite3_progress_handler(db, STEPS_BETWEEN_LOOKS, on_steps, call);
  return db;
}

static int fail(struct fl_call *call, sqlite3 *db) {
  int code = sqlite3_errcode(db) & 0xff;
  const char *more = "";
  if (code == SQLITE_READONLY) more = "; this database may only be read";
  if (code == SQLITE_BUSY) more = "; another program writes to it";
  if (code == SQLITE_AUTH) more = "; statements that reach beyond the database, or change its settings, are refused";
  return fl_call_return_error(call, "%s%s", sqlite3_errmsg(db), more);
}

/* ---- parameters ---- */

static int bind_value(sqlite3_stmt *statement, int index, const struct fl_value *value) {
  switch (fl_type_of(value)) {
  case FL_BOOL: return sqlite3_bind_int(statement, index, fl_as_bool(value, false));
  case FL_INT: return sqlite3_bind_int64(statement, index, fl_as_int(value, 0));
  case FL_DOUBLE: return sqlite3_bind_double(statement, index, fl_as_double(value, 0));
  case FL_STRING:
    return sqlite3_bind_text64(statement, index, fl_as_string(value), fl_string_size(value), SQLITE_TRANSIENT,
                               SQLITE_UTF8);
  case FL_NULL: return sqlite3_bind_null(statement, index);
  default: break;
  }
  char *text = fl_dump(value, NULL);
  int rc = text != NULL ? sqlite3_bind_text(statement, index, text, -1, SQLITE_TRANSIENT) : SQLITE_TOOBIG;
  fl_text_free(text);
  return rc;
}

static bool bind_named(struct fl_call *call, sqlite3_stmt *statement, const struct fl_value *params) {
  for (int i = 1; i <= sqlite3_bind_parameter_count(statement); i++) {
    const char *name = sqlite3_bind_parameter_name(statement, i);
    const struct fl_value *value = name != NULL ? fl_get(params, name + 1) : NULL;
    if (value == NULL) {
      fl_call_return_error(call, "The parameter %s has no value in params", name != NULL ? name : "?");
      return false;
    }
    if (bind_value(statement, i, value) == SQLITE_OK) continue;
    fl_call_return_error(call, "The parameter %s is too large", name);
    return false;
  }
  return true;
}

static bool bind_listed(struct fl_call *call, sqlite3_stmt *statement, const struct fl_value *params) {
  int count = sqlite3_bind_parameter_count(statement);
  if (fl_size(params) != (size_t)count) {
    fl_call_return_error(call, "The statement has %d parameters, and params has %zu values", count, fl_size(params));
    return false;
  }
  for (int i = 1; i <= count; i++) {
    if (bind_value(statement, i, fl_at(params, (size_t)i - 1)) == SQLITE_OK) continue;
    fl_call_return_error(call, "The parameter %d is too large", i);
    return false;
  }
  return true;
}

/* ---- results ---- */

struct rows {
  struct fl_value *rows;
  int64_t rows_max;
  size_t size, bytes_max;
  bool is_cut;
};

static struct fl_value *read_blob(const unsigned char *bytes, int size) {
  struct fl_value *blob = fl_object();
  char hex[2 * BLOB_SHOWN_MAX + 1] = "";
  for (int i = 0; i < size && i < BLOB_SHOWN_MAX; i++) snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
  fl_set_int(blob, "blob_size", size);
  fl_set_string(blob, "hex", hex);
  return blob;
}

static struct fl_value *read_column(sqlite3_stmt *statement, int column) {
  switch (sqlite3_column_type(statement, column)) {
  case SQLITE_INTEGER: return fl_int(sqlite3_column_int64(statement, column));
  case SQLITE_FLOAT: return fl_double(sqlite3_column_double(statement, column));
  case SQLITE_TEXT: {
    const char *text = (const char *)sqlite3_column_text(statement, column);
    return fl_string_n(text, (size_t)sqlite3_column_bytes(statement, column));
  }
  case SQLITE_BLOB: {
    const unsigned char *bytes = sqlite3_column_blob(statement, column);
    return read_blob(bytes, sqlite3_column_bytes(statement, column));
  }
  default: return fl_null();
  }
}

/* False: no more is taken. */
static bool add_row(struct rows *rows, sqlite3_stmt *statement) {
  if ((int64_t)fl_size(rows->rows) >= rows->rows_max) rows->is_cut = true;
  struct fl_value *row = fl_array();
  for (int i = 0; i < sqlite3_column_count(statement); i++) {
    fl_append_take(row, read_column(statement, i));
    int type = sqlite3_column_type(statement, i);
    rows->size += 8 + (type == SQLITE_TEXT ? (size_t)sqlite3_column_bytes(statement, i) : 16);
  }
  if (rows->size > rows->bytes_max) rows->is_cut = true;
  if (rows->is_cut) fl_value_unref(row);
  else fl_append_take(rows->rows, row);
  return !rows->is_cut;
}

static int answer_rows(struct fl_call *call, sqlite3 *db, sqlite3_stmt *statement, struct rows *rows) {
  rows->rows = fl_array();
  int rc;
  while ((rc = sqlite3_step(statement)) == SQLITE_ROW)
    if (!add_row(rows, statement)) break;
  if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
    fl_value_unref(rows->rows);
    return fail(call, db);
  }
  struct fl_value *result = fl_object(), *columns = fl_array();
  for (int i = 0; i < sqlite3_column_count(statement); i++)
    fl_append_take(columns, fl_string(sqlite3_column_name(statement, i)));
  fl_set_take(result, "columns", columns);
  fl_set_take(result, "rows", rows->rows);
  fl_set_bool(result, "truncated", rows->is_cut);
  if (!sqlite3_stmt_readonly(statement)) fl_set_int(result, "changes", sqlite3_changes(db));
  return fl_call_return_take(call, result);
}

/* ---- the tools ---- */

static bool is_blank(const char *text) { return text[strspn(text, " \t\r\n;")] == '\0'; }

static int run_sql(struct fl_call *call, sqlite3 *db, const struct fl_value *args, struct rows *rows) {
  const char *sql = fl_get_string(args, "sql", ""), *rest = "";
  const struct fl_value *params = fl_get(args, "params");
  sqlite3_stmt *statement = NULL;
  if (sqlite3_prepare_v2(db, sql, -1, &statement, &rest) != SQLITE_OK) return fail(call, db);
  int rc = 0;
  if (statement == NULL) rc = fl_call_return_error(call, "There is no statement in it");
  else if (!is_blank(rest)) rc = fl_call_return_error(call, "Only one statement at a time");
  else if (fl_is(params, FL_OBJECT) ? bind_named(call, statement, params) : bind_listed(call, statement, params))
    rc = answer_rows(call, db, statement, rows);
  sqlite3_finalize(statement);
  return rc;
}

int fl_database_query_tool(struct fl_call *call, const struct fl_value *args, void *user) {
  const struct fl_databases *databases = user;
  const struct fl_database *database = find(call, databases, args);
  sqlite3 *db = database != NULL ? open_database(call, database) : NULL;
  if (db == NULL) return 0;
  struct rows rows = {.rows_max = fl_get_int(args, "max_rows", databases->rows_max), .bytes_max = databases->bytes_max};
  if (rows.rows_max > databases->rows_max) rows.rows_max = databases->rows_max;
  int rc = run_sql(call, db, args, &rows);
  sqlite3_close(db);
  return rc;
}

int fl_database_describe_tool(struct fl_call *call, const struct fl_value *args, void *user) {
  const struct fl_databases *databases = user;
  const struct fl_database *database = find(call, databases, args);
  sqlite3 *db = database != NULL ? open_database(call, database) : NULL;
  if (db == NULL) return 0;
  static const char sql[] = "SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' "
                            "AND sql IS NOT NULL ORDER BY type = 'index', name";
  struct fl_value *query = fl_object();
  fl_set_string(query, "sql", sql);
  struct rows rows = {.rows_max = databases->rows_max, .bytes_max = databases->bytes_max};
  int rc = run_sql(call, db, query, &rows);
  fl_value_unref(query);
  sqlite3_close(db);
  return rc;
}
