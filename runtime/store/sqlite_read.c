/* SPDX-License-Identifier: MIT */
/* Reading, on the loop's own connection: each answer from one snapshot. Every row's check sum is looked at before its
 * text is believed. */
#include "runtime/base/check.h"
#include "runtime/base/mem.h"
#include "runtime/json/json.h"
#include "runtime/store/assemble.h"
#include "runtime/store/seal.h"
#include "runtime/store/seal_head.h"
#include "runtime/store/sqlite.h"

#include <inttypes.h>

/* Steps taken past rows of other chains before it is cheaper to seek. And of windows: after so many steps down a chain
 * the next one is opened, over so many places of the file, of which so many must be values of the thread. */
enum { SCAN_STEPS_MAX = 16, WINDOW_AFTER = 8, WINDOW_SIZE = 256, WINDOW_HITS_MIN = WINDOW_SIZE / 8 };

/* A visit may read again: only the outermost answer begins and ends the snapshot. */
int fl_sqlite_begin_read(struct fl_sqlite_store *store, bool *ret_is_outer, struct fl_error *err) {
  *ret_is_outer = sqlite3_get_autocommit(store->reader.handle) != 0;
  return *ret_is_outer ? fl_db_do(&store->reader, FL_SQL_BEGIN_READ, err) : 0;
}

void fl_sqlite_end_read(struct fl_sqlite_store *store, bool is_outer) {
  struct fl_error ignored = {0};
  if (is_outer && !sqlite3_get_autocommit(store->reader.handle)) fl_db_do(&store->reader, FL_SQL_COMMIT, &ignored);
}

static int damaged(const char *thread, const char *what, uint64_t no, struct fl_error *err) {
  return fl_error_set(err, FL_E_CORRUPT, "thread %s: %s %" PRIu64 " is damaged: its check sum does not fit", thread,
                      what, no);
}

/* ---- threads ---- */

#define THREAD_COLUMNS                                                                                               \
  "SELECT id, graph_name, graph_file, status, metadata, created_ms, updated_ms, row, fence, lease_pid, lease_start," \
  " lease_token, lease_place, lease_expires_ms FROM thread"

static int read_head(struct fl_db *db, int64_t row, struct fl_thread_info *info, struct fl_error *err) {
  int status = fl_db_last_no(db, row, FL_KEY_CHECKPOINT, &info->head_no, err);
  if (status != 0 || info->head_no == 0) return status;
  sqlite3_stmt *statement = fl_db_use(db, FL_SQL_CHECKPOINT_READ, err);
  if (statement == NULL) return err->code;
  sqlite3_bind_int64(statement, 1, row);
  sqlite3_bind_int64(statement, 2, fl_key(FL_KEY_CHECKPOINT, info->head_no));
  status = fl_db_row(db, statement, err);
  if (status != 0) return status;
  info->step = sqlite3_column_int64(statement, 4);
  int64_t wall_ms = sqlite3_column_int64(statement, 6);
  if (wall_ms > info->updated_ms) info->updated_ms = wall_ms;
  sqlite3_reset(statement);
  return 0;
}

static int64_t running_pid(const struct fl_sqlite_store *store, sqlite3_stmt *statement) {
  struct fl_lease lease = {.fence = (uint64_t)sqlite3_column_int64(statement, 8),
                           .holder = {.pid = sqlite3_column_int64(statement, 9),
                                      .start_ticks = (uint64_t)sqlite3_column_int64(statement, 10),
                                      .token = (uint64_t)sqlite3_column_int64(statement, 11)},
                           .expires_ms = sqlite3_column_int64(statement, 13)};
  const struct fl_lease_ask ask = {
      .self = &store->self, .is_gone = fl_holder_is_dead, .wall_ms = fl_world_wall_ms(store->base.world)};
  fl_slice place = fl_db_text(statement, 12);
  if (place.size > 0 && place.size < sizeof lease.holder.place) memcpy(lease.holder.place, place.data, place.size);
  return fl_lease_is_held(&lease, &ask) ? lease.holder.pid : 0;
}

/* The row that `statement` (THREAD_COLUMNS) stands on. */
static int describe(struct fl_sqlite_store *store, sqlite3_stmt *statement, struct fl_thread_info *info,
                    struct fl_error *err) {
  static const struct fl_record row = {.kind = FL_RECORD_THREAD};
  fl_slice id = fl_db_text(statement, 0), metadata = fl_db_text(statement, 4);
  if (id.size == 0 || id.size > FL_ID_MAX)
    return fl_error_set(err, FL_E_CORRUPT, "%s: the id of a thread is damaged", store->path);
  *info = (struct fl_thread_info){.created_ms = sqlite3_column_int64(statement, 5),
                                  .updated_ms = sqlite3_column_int64(statement, 6),
                                  .lease_pid = running_pid(store, statement)};
  memcpy(info->id, id.data, id.size);
  int status = fl_unseal_record(&(struct fl_seal_thread){&store->reader, info->id, sqlite3_column_int64(statement, 7)},
                                &row, metadata, &metadata, err);
  if (status != 0) return status;
  if (metadata.size > 0 && fl_json_read(metadata, FL_JSON_FULL, &info->metadata, NULL) != 0)
    return fl_error_set(err, FL_E_CORRUPT, "thread %s: its metadata is damaged", info->id);
  if (info->metadata == NULL) info->metadata = fl_object();
  info->graph_name = fl_db_copy(statement, 1);
  info->graph_file = fl_db_copy(statement, 2);
  info->status = fl_db_copy(statement, 3);
  if (info->status == NULL) info->status = fl_strdup("");
  return read_head(&store->reader, sqlite3_column_int64(statement, 7), info, err);
}

/* Visits the threads of a bound statement of its own and finalizes it. */
static int visit_threads(struct fl_sqlite_store *store, sqlite3_stmt *statement,
                         bool (*visit)(const struct fl_thread_info *info, void *user), void *user,
                         struct fl_error *err) {
  bool goes_on = true;
  int status = 0;
  while (goes_on && (status = fl_db_row(&store->reader, statement, err)) == 0) {
    struct fl_thread_info info = {0};
    status = describe(store, statement, &info, err);
    goes_on = status == 0 && visit(&info, user);
    fl_thread_info_deinit(&info);
  }
  sqlite3_finalize(statement);
  return status == FL_E_NOT_FOUND ? 0 : status;
}

static bool take_info(const struct fl_thread_info *info, void *user) {
  struct fl_thread_info *taken = user;
  *taken = *info;
  taken->graph_name = fl_strdup(info->graph_name);
  taken->graph_file = fl_strdup(info->graph_file);
  taken->status = fl_strdup(info->status);
  taken->metadata = fl_value_ref(info->metadata);
  return false;
}

int fl_sqlite_read_thread(struct fl_store *base, const char *id, struct fl_thread_info *ret_info,
                          struct fl_error *err) {
  struct fl_sqlite_store *store = (struct fl_sqlite_store *)base;
  struct fl_thread_info info = {0};
  sqlite3_stmt *statement = fl_db_prepare(&store->reader, THREAD_COLUMNS " WHERE id = ?1", err);
  if (statement == NULL) return err->code;
  sqlite3_bind_text(statement, 1, id, -1, SQLITE_STATIC);
  int status = visit_threads(store, statement, take_info, &info, err);
  if (status != 0) return status;
  if (info.id[0] == 0) return fl_error_set(err, FL_E_NOT_FOUND, "there is no thread %.200s", id);
  *ret_info = info;
  return 0;
}

int fl_sqlite_list_threads(struct fl_store *base, const struct fl_threads_query *query,
                           bool (*visit)(const struct fl_thread_info *info, void *user), void *user,
                           struct fl_error *err) {
  struct fl_sqlite_store *store = (struct fl_sqlite_store *)base;
  sqlite3_stmt *statement = fl_db_prepare(
      &store->reader,
      THREAD_COLUMNS " WHERE (?1 IS NULL OR substr(id, 1, length(?1)) = ?1) AND (?2 IS NULL OR status = ?2)"
                     " ORDER BY updated_ms DESC, row DESC LIMIT ?3",
      err);
  if (statement == NULL) return err->code;
  fl_db_bind_text(statement, 1, query->prefix);
  fl_db_bind_text(statement, 2, query->status);
  sqlite3_bind_int64(statement, 3, query->limit == 0 || query->limit > INT32_MAX ? -1 : (int64_t)query->limit);
  return visit_threads(store, statement, visit, user, err);
}

/* ---- values ---- */

/* A row is found through the index on (thread, k), and the next ones of its chain by going down that index, which
 * looks up each row in the table. In a thread that has the file to itself for a while the rows of a chain also follow
 * each other in the table, and reading a window of it looks nothing up: half the instructions. A window may be wrong
 * about neither: a row is taken from it when its thread and number fit (they are unique), and what is not found in it
 * is sought in the index. */

enum { LABELS = 6, SEQ = 7 }; /* columns of VALUE_SCAN; a window has the first of them, too */

static int next_row(struct fl_sqlite_source *source, struct fl_error *err) {
  int status = fl_db_row(source->db, source->scan, err);
  if (status != 0) source->scan = NULL; /* it was reset */
  else source->no = fl_key_no(sqlite3_column_int64(source->scan, 0));
  return status;
}

static int seek(struct fl_sqlite_source *source, uint64_t no, struct fl_error *err) {
  fl_sqlite_source_end(source);
  sqlite3_stmt *statement = fl_db_use(source->db, FL_SQL_VALUE_SCAN, err);
  if (statement == NULL) return err->code;
  sqlite3_bind_int64(statement, 1, source->row);
  sqlite3_bind_int64(statement, 2, fl_key(FL_KEY_VALUE, no));
  source->scan = statement;
  return next_row(source, err);
}

/* A scan of the places that end before `place`; it stands on no row yet. */
static int open_window(struct fl_sqlite_source *source, int64_t place, struct fl_error *err) {
  fl_sqlite_source_end(source);
  sqlite3_stmt *statement = fl_db_use(source->db, FL_SQL_VALUE_WINDOW, err);
  if (statement == NULL) return err->code;
  source->scan = statement;
  source->is_window = true;
  source->window_first = place - WINDOW_SIZE;
  source->window_hits = 0;
  sqlite3_bind_int64(statement, 1, source->row);
  sqlite3_bind_int64(statement, 2, source->window_first);
  sqlite3_bind_int64(statement, 3, place - 1);
  return 0;
}

/* The next row of the thread's values in this window or the one below; FL_E_NOT_FOUND when that is not worth it. */
static int next_in_window(struct fl_sqlite_source *source, struct fl_error *err) {
  int status = next_row(source, err);
  if (status == FL_E_NOT_FOUND && source->window_hits >= WINDOW_HITS_MIN) {
    status = open_window(source, source->window_first, err);
    if (status == 0) status = next_row(source, err);
  }
  source->window_hits++;
  return status;
}

/* Leaves the scan on the row with the number, which is not far below in the file; or seeks. */
static int step_window(struct fl_sqlite_source *source, uint64_t no, struct fl_error *err) {
  for (size_t i = 0; i < SCAN_STEPS_MAX; i++) {
    int status = next_in_window(source, err);
    if (status == FL_E_NOT_FOUND) break;
    if (status != 0 || source->no == no) return status;
  }
  source->is_scattered = true;
  return seek(source, no, err);
}

/* Leaves the scan on the row with the highest number that is not above `no`, when a few steps down lead there. */
static int step_index(struct fl_sqlite_source *source, uint64_t no, struct fl_error *err) {
  for (size_t i = 0; i < SCAN_STEPS_MAX; i++) {
    int status = next_row(source, err);
    if (status != 0 || source->no <= no) return status;
  }
  return seek(source, no, err);
}

static int step_down(struct fl_sqlite_source *source, uint64_t no, struct fl_error *err) {
  if (source->is_window) return step_window(source, no, err);
  if (source->is_scattered || ++source->step_count <= WINDOW_AFTER) return step_index(source, no, err);
  int status = open_window(source, sqlite3_column_int64(source->scan, SEQ), err);
  return status == 0 ? step_window(source, no, err) : status;
}

static int unseal_value(struct fl_sqlite_source *source, const int64_t numbers[4], fl_slice *body,
                        struct fl_error *err) {
  const struct fl_record record = {.kind = FL_RECORD_VALUE,
                                   .value = {.no = fl_key_no(numbers[0]),
                                             .parent_no = (uint64_t)numbers[1],
                                             .kind = (enum fl_body_kind)numbers[2],
                                             .count = (uint64_t)numbers[3],
                                             .labels = (uint64_t)sqlite3_column_int64(source->scan, LABELS)}};
  return fl_unseal_record(&(struct fl_seal_thread){source->db, source->base.thread, source->row}, &record, *body, body,
                          err);
}

static int find_value(struct fl_row_source *base, uint64_t no, struct fl_value_row *ret_row, struct fl_error *err) {
  struct fl_sqlite_source *source = (struct fl_sqlite_source *)base;
  bool is_below = source->scan != NULL && no < source->no;
  int status = is_below ? step_down(source, no, err) : seek(source, no, err);
  if (status != 0) return status;
  if (source->no != no) return FL_E_NOT_FOUND;
  int64_t numbers[4] = {fl_key(FL_KEY_VALUE, no)};
  for (int i = 1; i < 4; i++) numbers[i] = sqlite3_column_int64(source->scan, i);
  fl_slice body = fl_db_text(source->scan, 5);
  if (fl_row_sum(numbers, 4, body) != (uint32_t)sqlite3_column_int64(source->scan, 4))
    return damaged(base->thread, "value", no, err);
  if (fl_needs_unsealing(source->db, body) && unseal_value(source, numbers, &body, err) != 0) return err->code;
  *ret_row = (struct fl_value_row){.no = no,
                                   .parent_no = (uint64_t)numbers[1],
                                   .kind = (enum fl_body_kind)numbers[2],
                                   .count = (uint64_t)numbers[3],
                                   .labels = (uint64_t)sqlite3_column_int64(source->scan, LABELS),
                                   .body = body};
  return 0;
}

void fl_sqlite_source_init(struct fl_sqlite_source *source, struct fl_db *db, const char *thread, int64_t row) {
  *source = (struct fl_sqlite_source){.base = {.thread = thread, .find_value = find_value}, .db = db, .row = row};
}

void fl_sqlite_source_end(struct fl_sqlite_source *source) {
  if (source->scan != NULL) sqlite3_reset(source->scan);
  source->scan = NULL;
  source->is_window = false;
  source->step_count = 0;
}

/* ---- beside a checkpoint ---- */

/* Where one answer reads. */
struct place {
  struct fl_db *db;
  const char *thread;
  int64_t row; /* of the thread */
};

static int use_beside(const struct place *place, enum fl_sql sql, uint64_t no, sqlite3_stmt **ret_statement,
                      struct fl_error *err) {
  *ret_statement = fl_db_use(place->db, sql, err);
  if (*ret_statement == NULL) return err->code;
  sqlite3_bind_int64(*ret_statement, 1, place->row);
  sqlite3_bind_int64(*ret_statement, 2, (int64_t)no);
  return 0;
}

/* The text of a record in a column, whose check sum stands in the one before. */
struct column {
  sqlite3_stmt *statement;
  int index;
  const char *what;
};
static int read_text(const struct place *place, const struct column *column, const struct fl_record *record,
                     struct fl_value **ret_value, struct fl_error *err) {
  fl_slice text = fl_db_text(column->statement, column->index);
  if (fl_row_sum(NULL, 0, text) != (uint32_t)sqlite3_column_int64(column->statement, column->index - 1))
    return damaged(place->thread, column->what, 0, err);
  const struct fl_seal_thread thread = {place->db, place->thread, place->row};
  if (fl_unseal_record(&thread, record, text, &text, err) != 0) return err->code;
  return fl_assemble_value(&(struct fl_row_name){place->thread, column->what, 0}, text, ret_value, err);
}

static int read_write(const struct place *place, sqlite3_stmt *statement, uint64_t checkpoint_no,
                      struct fl_loaded_write *write, struct fl_error *err) {
  fl_db_id(statement, 0, write->task_id);
  write->index = sqlite3_column_int(statement, 1);
  write->channel = fl_db_copy(statement, 2);
  if (write->channel == NULL) write->channel = fl_strdup("");
  write->labels = (uint64_t)sqlite3_column_int64(statement, 5);
  struct fl_record record = {
      .kind = FL_RECORD_WRITE,
      .write = {
          .checkpoint_no = checkpoint_no, .index = write->index, .channel = write->channel, .labels = write->labels}};
  memcpy(record.write.task_id, write->task_id, FL_UUID_SIZE);
  const struct column column = {statement, 4, "a write beside checkpoint"};
  return read_text(place, &column, &record, &write->value, err);
}

static int load_writes(const struct place *place, struct fl_loaded *loaded, struct fl_error *err) {
  sqlite3_stmt *statement;
  int status = use_beside(place, FL_SQL_WRITES_READ, loaded->checkpoint_no, &statement, err);
  while (status == 0 && (status = fl_db_row(place->db, statement, err)) == 0) {
    status = read_write(place, statement, loaded->checkpoint_no, fl_loaded_add_write(loaded), err);
    if (status != 0) sqlite3_reset(statement);
  }
  return status == FL_E_NOT_FOUND ? 0 : status;
}

static void fill_call(sqlite3_stmt *statement, struct fl_loaded_call *call) {
  fl_db_id(statement, 0, call->call_id);
  fl_db_id(statement, 1, call->task_id);
  call->index = sqlite3_column_int(statement, 2);
  call->kind = (enum fl_call_kind)sqlite3_column_int(statement, 3);
  call->effect = (enum fl_call_effect)sqlite3_column_int(statement, 4);
  call->name = fl_db_copy(statement, 5);
  if (call->name == NULL) call->name = fl_strdup("");
  const void *hash = sqlite3_column_blob(statement, 6);
  if (hash != NULL && sqlite3_column_bytes(statement, 6) == FL_HASH_SIZE)
    memcpy(call->argument_hash, hash, FL_HASH_SIZE);
}

static int read_args(const struct place *place, sqlite3_stmt *statement, uint64_t checkpoint_no,
                     struct fl_loaded_call *call, struct fl_error *err) {
  struct fl_record intent = {.kind = FL_RECORD_INTENT,
                             .intent = {.checkpoint_no = checkpoint_no,
                                        .index = call->index,
                                        .kind = call->kind,
                                        .effect = call->effect,
                                        .name = call->name}};
  memcpy(intent.intent.task_id, call->task_id, FL_UUID_SIZE);
  memcpy(intent.intent.call_id, call->call_id, FL_UUID_SIZE);
  memcpy(intent.intent.argument_hash, call->argument_hash, FL_HASH_SIZE);
  const struct column column = {statement, 8, "a call beside checkpoint"};
  return read_text(place, &column, &intent, &call->args, err);
}

static int load_call(const struct place *place, sqlite3_stmt *statement, uint64_t checkpoint_no,
                     struct fl_loaded_call *call, struct fl_error *err) {
  fill_call(statement, call);
  int status = read_args(place, statement, checkpoint_no, call, err);
  call->has_result = sqlite3_column_type(statement, 9) != SQLITE_NULL;
  if (status != 0 || !call->has_result) return status;
  call->is_error = sqlite3_column_int(statement, 9) != 0;
  call->labels = (uint64_t)sqlite3_column_int64(statement, 12);
  struct fl_record result = {
      .kind = FL_RECORD_RESULT,
      .result = {.checkpoint_no = checkpoint_no, .is_error = call->is_error, .labels = call->labels}};
  memcpy(result.result.call_id, call->call_id, FL_UUID_SIZE);
  const struct column column = {statement, 11, "a result beside checkpoint"};
  return read_text(place, &column, &result, &call->result, err);
}

static int load_calls(const struct place *place, struct fl_loaded *loaded, struct fl_error *err) {
  sqlite3_stmt *statement;
  int status = use_beside(place, FL_SQL_CALLS_READ, loaded->checkpoint_no, &statement, err);
  while (status == 0 && (status = fl_db_row(place->db, statement, err)) == 0) {
    status = load_call(place, statement, loaded->checkpoint_no, fl_loaded_add_call(loaded), err);
    if (status != 0) sqlite3_reset(statement);
  }
  return status == FL_E_NOT_FOUND ? 0 : status;
}

/* ---- checkpoints ---- */

/* The text of the checkpoint that `statement` (as CHECKPOINT_READ) stands on, unsealed and parsed. */
static int unseal_body(const struct place *place, sqlite3_stmt *statement, fl_slice *text, struct fl_error *err) {
  FL_FREE_AUTO char *ns = fl_db_copy(statement, 1), *source = fl_db_copy(statement, 5);
  struct fl_record record = {.kind = FL_RECORD_CHECKPOINT,
                             .ns = ns != NULL ? ns : (char[]){""},
                             .checkpoint = {.no = fl_key_no(sqlite3_column_int64(statement, 0)),
                                            .parent_no = (uint64_t)sqlite3_column_int64(statement, 2),
                                            .step = sqlite3_column_int64(statement, 4),
                                            .source = source != NULL ? source : (char[]){""},
                                            .wall_ms = sqlite3_column_int64(statement, 6)}};
  fl_db_id(statement, 3, record.checkpoint.id);
  return fl_unseal_record(&(struct fl_seal_thread){place->db, place->thread, place->row}, &record, *text, text, err);
}

static int read_body(const struct place *place, sqlite3_stmt *statement, struct fl_value **ret_body,
                     struct fl_error *err) {
  const int64_t numbers[] = {sqlite3_column_int64(statement, 0), sqlite3_column_int64(statement, 2),
                             sqlite3_column_int64(statement, 4)};
  uint64_t no = fl_key_no(numbers[0]);
  fl_slice text = fl_db_text(statement, 8);
  if (fl_row_sum(numbers, 3, text) != (uint32_t)sqlite3_column_int64(statement, 7))
    return damaged(place->thread, "checkpoint", no, err);
  if (fl_needs_unsealing(place->db, text) && unseal_body(place, statement, &text, err) != 0) return err->code;
  return fl_assemble_value(&(struct fl_row_name){place->thread, "checkpoint", no}, text, ret_body, err);
}

static int load_row(const struct place *place, int64_t key, const char *ns, struct fl_loaded *loaded,
                    struct fl_error *err) {
  sqlite3_stmt *statement;
  int status = use_beside(place, FL_SQL_CHECKPOINT_READ, (uint64_t)key, &statement, err);
  if (status == 0) status = fl_db_row(place->db, statement, err);
  if (status == 0 && !fl_slice_equal(fl_db_text(statement, 1), fl_slice_of(ns))) status = FL_E_NOT_FOUND;
  if (status == FL_E_NOT_FOUND) {
    sqlite3_reset(statement);
    return fl_error_set(err, FL_E_NOT_FOUND, "thread %s has no checkpoint %" PRIu64, place->thread, fl_key_no(key));
  }
  if (status != 0) return status;
  loaded->checkpoint_no = fl_key_no(key);
  loaded->parent_no = (uint64_t)sqlite3_column_int64(statement, 2);
  fl_db_id(statement, 3, loaded->checkpoint_id);
  loaded->step = sqlite3_column_int64(statement, 4);
  loaded->source = fl_db_copy(statement, 5);
  if (loaded->source == NULL) loaded->source = fl_strdup("");
  loaded->wall_ms = sqlite3_column_int64(statement, 6);
  status = read_body(place, statement, &loaded->body, err);
  sqlite3_reset(statement);
  return status;
}

static int find_head(struct fl_db *db, int64_t row, const char *ns, uint64_t *ret_no, struct fl_error *err) {
  if (ns[0] == 0) return fl_db_last_no(db, row, FL_KEY_CHECKPOINT, ret_no, err);
  sqlite3_stmt *statement = fl_db_use(db, FL_SQL_SUB_HEAD, err);
  if (statement == NULL) return err->code;
  sqlite3_bind_int64(statement, 1, row);
  sqlite3_bind_text(statement, 2, ns, -1, SQLITE_STATIC);
  int status = fl_db_row(db, statement, err);
  *ret_no = status == 0 ? fl_key_no(sqlite3_column_int64(statement, 0)) : 0;
  sqlite3_reset(statement);
  return status == FL_E_NOT_FOUND ? 0 : status;
}

static int read_next_numbers(struct fl_db *db, int64_t row, struct fl_loaded *loaded, struct fl_error *err) {
  uint64_t value_no, root_no, sub_no;
  int status = fl_db_last_no(db, row, FL_KEY_VALUE, &value_no, err);
  if (status == 0) status = fl_db_last_no(db, row, FL_KEY_CHECKPOINT, &root_no, err);
  if (status == 0) status = fl_db_last_no(db, row, FL_KEY_SUB_CHECKPOINT, &sub_no, err);
  if (status != 0) return status;
  loaded->next_value_no = value_no + 1;
  loaded->next_checkpoint_no = (root_no > sub_no ? root_no : sub_no) + 1;
  return 0;
}

static int load_all(struct fl_db *db, const struct fl_ask *ask, struct fl_loaded *loaded, struct fl_error *err) {
  struct fl_thread_row thread;
  uint64_t no = ask->no;
  int status = fl_db_find_thread(db, ask->thread, &thread, err);
  if (status == 0) status = fl_seal_check_thread(db, ask->thread, thread.row, err);
  if (status == 0) status = read_next_numbers(db, thread.row, loaded, err);
  if (status == 0) status = find_head(db, thread.row, ask->ns, &loaded->head_no, err);
  if (no == 0) no = loaded->head_no;
  if (status != 0 || no == 0) return status;
  if (no > FL_NO_MAX) return fl_error_set(err, FL_E_NOT_FOUND, "thread %s has no checkpoint %" PRIu64, ask->thread, no);
  int64_t key = fl_key(ask->ns[0] == 0 ? FL_KEY_CHECKPOINT : FL_KEY_SUB_CHECKPOINT, no);
  const struct place place = {db, ask->thread, thread.row};
  struct fl_sqlite_source source;
  fl_sqlite_source_init(&source, db, ask->thread, thread.row);
  status = load_row(&place, key, ask->ns, loaded, err);
  if (status == 0) status = fl_assemble_channels(&source.base, loaded, err);
  fl_sqlite_source_end(&source);
  if (status == 0) status = load_writes(&place, loaded, err);
  if (status == 0) status = load_calls(&place, loaded, err);
  fl_loaded_sort(loaded);
  return status;
}

int fl_sqlite_load(struct fl_store *base, const struct fl_ask *ask, struct fl_loaded *loaded, struct fl_error *err) {
  struct fl_sqlite_store *store = (struct fl_sqlite_store *)base;
  bool is_outer;
  int status = fl_sqlite_begin_read(store, &is_outer, err);
  if (status != 0) return status;
  status = load_all(&store->reader, ask, loaded, err);
  fl_sqlite_end_read(store, is_outer);
  return status;
}

static int visit_checkpoint(const struct place *place, sqlite3_stmt *statement, const struct fl_ask *ask,
                            bool *ret_goes_on, struct fl_error *err) {
  char id[FL_UUID_SIZE];
  FL_VALUE_AUTO body = NULL;
  FL_FREE_AUTO char *source = fl_db_copy(statement, 5);
  struct fl_checkpoint_info info = {.no = fl_key_no(sqlite3_column_int64(statement, 0)),
                                    .parent_no = (uint64_t)sqlite3_column_int64(statement, 2),
                                    .id = id,
                                    .step = sqlite3_column_int64(statement, 4),
                                    .source = source != NULL ? source : "",
                                    .wall_ms = sqlite3_column_int64(statement, 6)};
  fl_db_id(statement, 3, id);
  int status = read_body(place, statement, &body, err);
  if (status != 0) return status;
  info.body = body;
  *ret_goes_on = ask->on_checkpoint(&info, ask->user);
  return 0;
}

/* Binds thread, namespace and the range of numbers of a statement on `row`: ?1 thread, ?2 namespace, ?3 and ?4 keys. */
static void bind_range(sqlite3_stmt *statement, int64_t row, const char *ns, uint64_t before_no) {
  enum fl_key_kind kind = ns[0] == 0 ? FL_KEY_CHECKPOINT : FL_KEY_SUB_CHECKPOINT;
  uint64_t last_no = before_no != 0 && before_no <= FL_NO_MAX ? before_no - 1 : FL_NO_MAX;
  sqlite3_bind_int64(statement, 1, row);
  fl_db_bind_text(statement, 2, ns);
  sqlite3_bind_int64(statement, 3, fl_key(kind, 1));
  sqlite3_bind_int64(statement, 4, fl_key(kind, last_no));
}

int fl_sqlite_list_checkpoints(struct fl_store *base, const struct fl_ask *ask, struct fl_error *err) {
  struct fl_db *db = &((struct fl_sqlite_store *)base)->reader;
  struct fl_thread_row thread;
  int status = fl_db_find_thread(db, ask->thread, &thread, err);
  sqlite3_stmt *statement =
      status != 0 ? NULL
                  : fl_db_prepare(db,
                                  "SELECT k, ns, parent, id, step, name, wall_ms, sum, body FROM row"
                                  " WHERE thread = ?1 AND ns IS ?2 AND k BETWEEN ?3 AND ?4 ORDER BY k DESC LIMIT ?5",
                                  err);
  if (statement == NULL) return err->code;
  bind_range(statement, thread.row, ask->ns, ask->no);
  sqlite3_bind_int64(statement, 5, ask->limit == 0 || ask->limit > INT32_MAX ? -1 : (int64_t)ask->limit);
  bool goes_on = true;
  while (goes_on && (status = fl_db_row(db, statement, err)) == 0) {
    status = visit_checkpoint(&(struct place){db, ask->thread, thread.row}, statement, ask, &goes_on, err);
    if (status != 0) break;
  }
  sqlite3_finalize(statement);
  return status == FL_E_NOT_FOUND ? 0 : status;
}

int fl_sqlite_find_checkpoint(struct fl_store *base, const struct fl_ask *ask, uint64_t *ret_no, struct fl_error *err) {
  struct fl_db *db = &((struct fl_sqlite_store *)base)->reader;
  struct fl_thread_row thread;
  int status = fl_db_find_thread(db, ask->thread, &thread, err);
  sqlite3_stmt *statement =
      status != 0
          ? NULL
          : fl_db_prepare(db, "SELECT k, id FROM row WHERE thread = ?1 AND ns IS ?2 AND k BETWEEN ?3 AND ?4", err);
  if (statement == NULL) return err->code;
  bind_range(statement, thread.row, ask->ns, 0);
  struct fl_search search = {0};
  while ((status = fl_db_row(db, statement, err)) == 0) {
    char this_id[FL_UUID_SIZE];
    fl_db_id(statement, 1, this_id);
    if (strncmp(this_id, ask->id, strlen(ask->id)) != 0) continue;
    search.no = fl_key_no(sqlite3_column_int64(statement, 0));
    search.found++;
  }
  sqlite3_finalize(statement);
  return status == FL_E_NOT_FOUND ? fl_checkpoint_found(ask, &search, ret_no, err) : status;
}
