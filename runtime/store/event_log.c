/* SPDX-License-Identifier: MIT */
/* Happy path: what is asked for stands in a list; one job at a time takes the whole list to the pool, where it becomes
 * one transaction; back on the loop the reads among it are answered, and the next list goes.
 * Failure modes: the disk is full or broken (the transaction is taken back, on_error, the users go on); too much waits
 * (it is not kept); the file is not ours (refused at open). */
#include "runtime/store/event_log.h"

#include "runtime/base/buf.h"
#include "runtime/base/check.h"
#include "runtime/base/mem.h"

#include <sqlite3.h>
#include <sys/stat.h>

enum { APPLICATION_ID = 0x464c6576, FORMAT = 1, BUSY_MS = 2000 };

enum kind { ADD, PUT_SESSION, DROP_SESSION, READ };

struct job {
  struct job *next;
  enum kind kind;
  char *session;
  uint64_t stream, number;
  char *data;
  size_t size;
  struct fl_event_log_read *read; /* the rest is its answer */
  struct fl_logged_event *events;
  size_t count;
  uint64_t last_stream;
  char *opening;
};

struct fl_event_log {
  struct fl_world *world;
  struct fl_event_log_options options;
  struct job *waiting, **waiting_end, *running;
  size_t waiting_size;
  struct fl_work work;
  struct fl_post closed;
  bool is_working, is_closing, has_failed;
  void (*on_closed)(void *user);
  void *closed_user;
  /* the pool's while it works */
  sqlite3 *handle;
  char *path;
  int status;
  struct fl_error error;
  int64_t now_ms;
};

/* ---- on the pool ---- */

static int fail(struct fl_event_log *log, struct fl_error *err) {
  int code = sqlite3_errcode(log->handle) & 0xff;
  int ours = code == SQLITE_FULL                               ? FL_E_NO_SPACE
             : code == SQLITE_CORRUPT || code == SQLITE_NOTADB ? FL_E_CORRUPT
                                                               : FL_E_IO;
  return fl_error_set(err, ours, "%s: %s", log->path, sqlite3_errmsg(log->handle));
}

static int run_text(struct fl_event_log *log, const char *text, struct fl_error *err) {
  return sqlite3_exec(log->handle, text, NULL, NULL, NULL) == SQLITE_OK ? 0 : fail(log, err);
}

static sqlite3_stmt *prepare(struct fl_event_log *log, const char *text) {
  sqlite3_stmt *statement = NULL;
  if (sqlite3_prepare_v2(log->handle, text, -1, &statement, NULL) != SQLITE_OK) fail(log, &log->error);
  return statement;
}

/* A statement for a job, as many as it has of: ?1 session, ?2 stream, ?3 number, ?4 the time, ?5 the data. */
static sqlite3_stmt *bind(struct fl_event_log *log, const char *text, const struct job *job) {
  sqlite3_stmt *statement = prepare(log, text);
  if (statement == NULL) return NULL;
  sqlite3_bind_text(statement, 1, job->session, -1, SQLITE_STATIC);
  int count = sqlite3_bind_parameter_count(statement);
  if (count >= 2) sqlite3_bind_int64(statement, 2, (int64_t)job->stream);
  if (count >= 3) sqlite3_bind_int64(statement, 3, (int64_t)job->number);
  if (count >= 4) sqlite3_bind_int64(statement, 4, log->now_ms);
  if (count >= 5) sqlite3_bind_blob64(statement, 5, job->data, job->size, SQLITE_STATIC);
  return statement;
}

static int finish(struct fl_event_log *log, sqlite3_stmt *statement) {
  int code = statement != NULL ? sqlite3_step(statement) : SQLITE_ERROR;
  while (code == SQLITE_ROW) code = sqlite3_step(statement);
  int status = code == SQLITE_DONE ? 0 : statement != NULL ? fail(log, &log->error) : log->error.code;
  sqlite3_finalize(statement);
  return status;
}

static int run_job(struct fl_event_log *log, const char *text, const struct job *job) {
  return finish(log, bind(log, text, job));
}

static void read_session(struct fl_event_log *log, struct job *job) {
  sqlite3_stmt *statement = bind(log, "SELECT opening FROM session WHERE id = ?1", job);
  if (statement != NULL && sqlite3_step(statement) == SQLITE_ROW)
    job->opening =
        fl_strndup((const char *)sqlite3_column_blob(statement, 0), (size_t)sqlite3_column_bytes(statement, 0));
  sqlite3_finalize(statement);
  statement = bind(log, "SELECT max(stream) FROM event WHERE session = ?1", job);
  if (statement != NULL && sqlite3_step(statement) == SQLITE_ROW)
    job->last_stream = (uint64_t)sqlite3_column_int64(statement, 0);
  sqlite3_finalize(statement);
}

static int read_events(struct fl_event_log *log, struct job *job) {
  size_t max = job->read->events_max > 0 ? job->read->events_max : 10000, capacity = 0;
  read_session(log, job);
  sqlite3_stmt *statement = bind(log,
                                 "SELECT number, data FROM event WHERE session = ?1 AND stream = ?2 AND number > ?3"
                                 " ORDER BY number",
                                 job);
  if (statement == NULL) return log->error.code;
  while (job->count < max && sqlite3_step(statement) == SQLITE_ROW) {
    if (job->count == capacity) {
      capacity = capacity > 0 ? capacity * 2 : 16;
      job->events = fl_realloc(job->events, capacity * sizeof *job->events);
    }
    size_t size = (size_t)sqlite3_column_bytes(statement, 1);
    const void *data = sqlite3_column_blob(statement, 1);
    job->events[job->count++] = (struct fl_logged_event){.number = (uint64_t)sqlite3_column_int64(statement, 0),
                                                         .data = {fl_strndup(data != NULL ? data : "", size), size}};
  }
  return finish(log, statement);
}

static int perform(struct fl_event_log *log, struct job *job) {
  switch (job->kind) {
  case ADD:
    return run_job(log, "INSERT OR REPLACE INTO event(session, stream, number, at_ms, data) VALUES(?1, ?2, ?3, ?4, ?5)",
                   job);
  case PUT_SESSION: return run_job(log, "INSERT OR REPLACE INTO session(id, at_ms, opening) VALUES(?1, ?4, ?5)", job);
  case DROP_SESSION: {
    int status = run_job(log, "DELETE FROM event WHERE session = ?1", job);
    return status == 0 ? run_job(log, "DELETE FROM session WHERE id = ?1", job) : status;
  }
  default: return read_events(log, job);
  }
}

static int trim(struct fl_event_log *log) {
  char text[256];
  sqlite3_snprintf(sizeof text, text,
                   "DELETE FROM event WHERE seq <= (SELECT max(seq) FROM event) - %lld OR at_ms < %lld;"
                   "DELETE FROM session WHERE at_ms < %lld",
                   (long long)log->options.events_max, (long long)(log->now_ms - log->options.keep_ms),
                   (long long)(log->now_ms - 24 * log->options.keep_ms));
  return run_text(log, text, &log->error);
}

static void run(struct fl_work *work) {
  struct fl_event_log *log = work->user;
  log->error = (struct fl_error){0};
  log->status = run_text(log, "BEGIN IMMEDIATE", &log->error);
  for (struct job *job = log->running; job != NULL && log->status == 0; job = job->next)
    log->status = perform(log, job);
  if (log->status == 0) log->status = trim(log);
  if (log->status == 0) log->status = run_text(log, "COMMIT", &log->error);
  if (log->status != 0) sqlite3_exec(log->handle, "ROLLBACK", NULL, NULL, NULL);
}

/* ---- on the loop ---- */

static void start(struct fl_event_log *log);

static void free_job(struct job *job) {
  for (size_t i = 0; i < job->count; i++) fl_free((void *)(uintptr_t)job->events[i].data.data);
  fl_free(job->events);
  fl_free(job->opening);
  fl_free(job->session);
  fl_free(job->data);
  fl_free(job);
}

static void answer(struct fl_event_log *log, struct job *job) {
  struct fl_event_log_read *read = job->read;
  read->events = job->events;
  read->count = job->count;
  read->opening = job->opening;
  read->last_stream = job->last_stream;
  read->impl = NULL;
  read->on_read(read, log->status, log->status != 0 ? &log->error : NULL);
}

static void free_log(struct fl_event_log *log) {
  fl_check(log->handle == NULL || sqlite3_close(log->handle) == SQLITE_OK);
  fl_free(log->path);
  fl_free(log);
}

static void on_closed_post(struct fl_post *post) {
  struct fl_event_log *log = post->user;
  void (*on_closed)(void *) = log->on_closed;
  void *user = log->closed_user;
  free_log(log);
  if (on_closed != NULL) on_closed(user);
}

static void on_done(struct fl_work *work) {
  struct fl_event_log *log = work->user;
  log->is_working = false;
  bool is_first = log->status != 0 && !log->has_failed;
  log->has_failed = log->status != 0;
  if (is_first && log->options.on_error != NULL) log->options.on_error(&log->error, log->options.user);
  struct job *done = log->running;
  log->running = NULL;
  for (struct job *next; done != NULL; done = next) {
    next = done->next;
    if (done->kind == READ) answer(log, done);
    free_job(done);
  }
  if (log->waiting != NULL) start(log);
  else if (log->is_closing) fl_world_post(log->world, &log->closed);
}

static void start(struct fl_event_log *log) {
  if (log->is_working) return;
  log->is_working = true;
  log->running = log->waiting;
  log->waiting = NULL;
  log->waiting_end = &log->waiting;
  log->waiting_size = 0;
  log->now_ms = fl_world_wall_ms(log->world);
  log->work = (struct fl_work){.run = run, .on_done = on_done, .user = log};
  fl_work_start(log->world, &log->work);
}

static void push(struct fl_event_log *log, const struct job *values, fl_slice data) {
  fl_check(!log->is_closing);
  struct job *job = fl_new(struct job);
  *job = *values;
  job->session = fl_strdup(values->session);
  if (data.data != NULL) job->data = fl_strndup(data.data, data.size);
  job->size = data.size;
  *log->waiting_end = job;
  log->waiting_end = &job->next;
  log->waiting_size += data.size;
  start(log);
}

void fl_event_log_add(struct fl_event_log *log, const char *session, uint64_t stream, uint64_t number, fl_slice data) {
  if (log->waiting_size + data.size > log->options.waiting_max) {
    if (!log->has_failed && log->options.on_error != NULL) {
      struct fl_error err;
      fl_error_set(&err, FL_E_LIMIT, "%s: events come faster than they can be written", log->path);
      log->options.on_error(&err, log->options.user);
    }
    log->has_failed = true;
    return;
  }
  push(log, &(struct job){.kind = ADD, .session = (char *)(uintptr_t)session, .stream = stream, .number = number},
       data);
}

void fl_event_log_put_session(struct fl_event_log *log, const char *session, fl_slice opening) {
  push(log, &(struct job){.kind = PUT_SESSION, .session = (char *)(uintptr_t)session}, opening);
}

void fl_event_log_drop_session(struct fl_event_log *log, const char *session) {
  push(log, &(struct job){.kind = DROP_SESSION, .session = (char *)(uintptr_t)session}, (fl_slice){0});
}

void fl_event_log_read(struct fl_event_log *log, struct fl_event_log_read *read) {
  fl_check(read->impl == NULL && read->on_read != NULL);
  read->impl = log;
  push(log,
       &(struct job){.kind = READ,
                     .session = (char *)(uintptr_t)read->session,
                     .stream = read->stream,
                     .number = read->after,
                     .read = read},
       (fl_slice){0});
}

/* ---- life ---- */

static int64_t number_of(struct fl_event_log *log, const char *text) {
  sqlite3_stmt *statement = prepare(log, text);
  int64_t number = statement != NULL && sqlite3_step(statement) == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : -1;
  sqlite3_finalize(statement);
  return number;
}

static int make_schema(struct fl_event_log *log, struct fl_error *err) {
  char text[640];
  sqlite3_snprintf(sizeof text, text,
                   "BEGIN IMMEDIATE; PRAGMA application_id = %d; PRAGMA user_version = %d;"
                   "CREATE TABLE event(seq INTEGER PRIMARY KEY, session TEXT NOT NULL, stream INTEGER NOT NULL,"
                   " number INTEGER NOT NULL, at_ms INTEGER NOT NULL, data BLOB NOT NULL,"
                   " UNIQUE(session, stream, number)) STRICT;"
                   "CREATE INDEX event_age ON event(at_ms);"
                   "CREATE TABLE session(id TEXT PRIMARY KEY, at_ms INTEGER NOT NULL, opening BLOB NOT NULL) STRICT;"
                   "COMMIT",
                   APPLICATION_ID, FORMAT);
  return run_text(log, text, err);
}

static int check_schema(struct fl_event_log *log, struct fl_error *err) {
  int64_t tables = number_of(log, "SELECT count(*) FROM sqlite_schema");
  if (tables < 0) return fail(log, err);
  if (tables == 0) return make_schema(log, err);
  if (number_of(log, "PRAGMA application_id") != APPLICATION_ID)
    return fl_error_set(err, FL_E_CORRUPT, "%s: it is not an event log of fairlead", log->path);
  if (number_of(log, "PRAGMA user_version") != FORMAT)
    return fl_error_set(err, FL_E_VERSION, "%s: a newer fairlead wrote it", log->path);
  return 0;
}

static int open_file(struct fl_event_log *log, struct fl_error *err) {
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
  bool is_file = log->options.path != NULL;
  if (sqlite3_open_v2(is_file ? log->path : ":memory:", &log->handle, flags, NULL) != SQLITE_OK) return fail(log, err);
  sqlite3_busy_timeout(log->handle, BUSY_MS);
  sqlite3_db_config(log->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
  sqlite3_db_config(log->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
  if (is_file && chmod(log->path, 0600) != 0) return fl_error_set(err, FL_E_IO, "%s: cannot set its mode", log->path);
  int status = run_text(log, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -1000", err);
  return status == 0 ? check_schema(log, err) : status;
}

int fl_event_log_open(struct fl_world *world, const struct fl_event_log_options *options, struct fl_event_log **ret_log,
                      struct fl_error *err) {
  fl_check(options->size == sizeof *options);
  struct fl_event_log *log = fl_new(struct fl_event_log);
  log->world = world;
  log->options = *options;
  log->path = fl_strdup(options->path != NULL ? options->path : "event log in memory");
  log->waiting_end = &log->waiting;
  log->closed = (struct fl_post){.on_post = on_closed_post, .user = log};
  if (log->options.keep_ms == 0) log->options.keep_ms = (int64_t)60 * 60 * 1000;
  if (log->options.events_max == 0) log->options.events_max = 100000;
  if (log->options.waiting_max == 0) log->options.waiting_max = 64u * 1024 * 1024;
  int status = open_file(log, err);
  if (status != 0) free_log(log);
  else *ret_log = log;
  return status;
}

void fl_event_log_close(struct fl_event_log *log, void (*on_closed)(void *user), void *user) {
  log->is_closing = true;
  log->on_closed = on_closed;
  log->closed_user = user;
  if (!log->is_working) fl_world_post(log->world, &log->closed);
}
