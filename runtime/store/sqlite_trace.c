/* SPDX-License-Identifier: MIT */
/* The record of runs: see the header. */
#include "runtime/store/sqlite_trace.h"

#include "runtime/base/mem.h"
#include "runtime/store/seal.h"
#include "runtime/store/sqlite.h"

#include <string.h>

enum { NO_BITS = 24 };

static int64_t first_row(int64_t run_no) { return run_no << NO_BITS; }
static int64_t last_row(int64_t run_no) { return first_row(run_no) | FL_TRACE_NO_MAX; }

/* ---- which number a run has ---- */

static struct fl_known_run *known_place(struct fl_db *db, const char *run_id) {
  uint32_t sum = 0;
  for (const char *c = run_id; *c != '\0'; c++) sum = sum * 31 + (unsigned char)*c;
  return &db->known_runs[sum % FL_KNOWN_RUNS];
}

static void know(struct fl_db *db, const char *run_id, int64_t no) {
  struct fl_known_run *known = known_place(db, run_id);
  memcpy(known->run_id, run_id, FL_UUID_SIZE);
  known->no = no;
}

void fl_trace_forget_known(struct fl_db *db) { memset(db->known_runs, 0, sizeof db->known_runs); }

/* 0: it is not there. */
static int find_run(struct fl_db *db, const char *run_id, int64_t *ret_no, struct fl_error *err) {
  const struct fl_known_run *known = known_place(db, run_id);
  *ret_no = known->no;
  if (known->no != 0 && strcmp(known->run_id, run_id) == 0) return 0;
  sqlite3_stmt *statement = fl_db_use(db, FL_SQL_TRACE_RUN_FIND, err);
  if (statement == NULL) return err->code;
  fl_db_bind_id(statement, 1, run_id);
  int status = fl_db_row(db, statement, err);
  *ret_no = status == 0 ? sqlite3_column_int64(statement, 0) : 0;
  sqlite3_reset(statement);
  if (status == 0) know(db, run_id, *ret_no);
  return status == FL_E_NOT_FOUND ? 0 : status;
}

/* ---- writing ---- */

/* Which row a text is of: the number of a span or of content, of the other parts the run. */
static void describe_row(struct fl_seal_row *row, enum fl_trace_part part, const int64_t *no, const fl_slice *run) {
  static const char *const tables[] = {[FL_TRACE_BEGIN] = "trace_begin",
                                       [FL_TRACE_SPANS] = "trace_span",
                                       [FL_TRACE_CONTENT] = "trace_content",
                                       [FL_TRACE_END] = "trace_end"};
  bool is_row = part == FL_TRACE_SPANS || part == FL_TRACE_CONTENT;
  row->table = tables[part];
  row->what = "the record of a run";
  row->numbers = no;
  row->number_count = is_row;
  row->texts = run;
  row->text_count = !is_row;
}

/* Without data: it cannot be sealed, `err` says why. */
static fl_slice seal_body(struct fl_db *db, const char *thread, int64_t row_no, const struct fl_record *record,
                          struct fl_error *err) {
  fl_slice body = fl_slice_n(record->body, record->body_size);
  if (db->sealer == NULL) return body;
  struct fl_thread_row owner;
  const fl_slice run = fl_slice_of(record->trace.run_id);
  if (fl_db_find_thread(db, thread, &owner, err) != 0) return (fl_slice){0};
  struct fl_seal_row row = {.owner = owner.row, .thread = thread};
  describe_row(&row, record->trace.part, &row_no, &run);
  return fl_seal_text(db, &row, body, &body, err) == 0 ? body : (fl_slice){0};
}

static void bind_body(sqlite3_stmt *statement, int index, fl_slice body) {
  sqlite3_bind_int64(statement, index, fl_row_sum(NULL, 0, body));
  fl_db_bind_slice(statement, index + 1, body);
}

static int put_begin(struct fl_db *db, const struct fl_trace_place *place, const struct fl_record *record,
                     struct fl_error *err) {
  fl_slice body = seal_body(db, place->thread, 0, record, err);
  if (body.data == NULL) return err->code;
  sqlite3_stmt *statement = fl_db_use(db, FL_SQL_TRACE_RUN_ADD, err);
  if (statement == NULL) return err->code;
  fl_db_bind_id(statement, 1, record->trace.run_id);
  sqlite3_bind_text(statement, 2, place->thread, -1, SQLITE_STATIC);
  fl_db_bind_text(statement, 3, record->trace.graph);
  fl_db_bind_text(statement, 4, record->trace.user);
  sqlite3_bind_int64(statement, 5, record->trace.wall_ms);
  bind_body(statement, 6, body);
  sqlite3_bind_int64(statement, 8, (int64_t)place->checkpoint_no);
  int status = fl_db_run(db, statement, err);
  if (status == 0 && sqlite3_changes(db->handle) == 1)
    know(db, record->trace.run_id, sqlite3_last_insert_rowid(db->handle));
  return status;
}

static int put_end(struct fl_db *db, const struct fl_trace_place *place, int64_t run_no, const struct fl_record *record,
                   struct fl_error *err) {
  fl_slice body = seal_body(db, place->thread, 0, record, err);
  if (body.data == NULL) return err->code;
  sqlite3_stmt *statement = fl_db_use(db, FL_SQL_TRACE_RUN_END, err);
  if (statement == NULL) return err->code;
  sqlite3_bind_int64(statement, 1, run_no);
  bind_body(statement, 2, body);
  if (place->checkpoint_no != 0) sqlite3_bind_int64(statement, 4, (int64_t)place->checkpoint_no);
  else sqlite3_bind_null(statement, 4);
  return fl_db_run(db, statement, err);
}

/* A sealed text would stand where that of the checkpoint is still needed: it gets a row. */
int fl_trace_bind_spans(struct fl_db *db, const struct fl_record *spans, sqlite3_stmt *statement, bool *ret_is_bound,
                        struct fl_error *err) {
  enum { NO = 12, SUM = 13 };
  int64_t run_no = 0;
  int status = db->sealer == NULL ? find_run(db, spans->trace.run_id, &run_no, err) : 0;
  *ret_is_bound = status == 0 && run_no != 0;
  if (!*ret_is_bound) return status;
  sqlite3_bind_int64(statement, NO, first_row(run_no) | spans->trace.no);
  bind_body(statement, SUM, fl_slice_n(spans->body, spans->body_size));
  return 0;
}

static int put_row(struct fl_db *db, const char *thread, int64_t run_no, const struct fl_record *record,
                   struct fl_error *err) {
  fl_slice body = seal_body(db, thread, first_row(run_no) | record->trace.no, record, err);
  if (body.data == NULL) return err->code;
  bool is_content = record->trace.part == FL_TRACE_CONTENT;
  sqlite3_stmt *statement = fl_db_use(db, is_content ? FL_SQL_TRACE_CONTENT_ADD : FL_SQL_TRACE_SPAN_ADD, err);
  if (statement == NULL) return err->code;
  sqlite3_bind_int64(statement, 1, first_row(run_no) | record->trace.no);
  bind_body(statement, 2, body);
  return fl_db_run(db, statement, err);
}

int fl_trace_put(struct fl_db *db, const struct fl_trace_place *place, const struct fl_record *record,
                 struct fl_error *err) {
  if (record->trace.part == FL_TRACE_BEGIN) return put_begin(db, place, record, err);
  int64_t run_no = 0;
  int status = find_run(db, record->trace.run_id, &run_no, err);
  if (status != 0 || run_no == 0) return status;
  return record->trace.part == FL_TRACE_END ? put_end(db, place, run_no, record, err)
                                            : put_row(db, place->thread, run_no, record, err);
}

/* ---- dropping ---- */

static int drop_rows(struct fl_db *db, enum fl_sql sql, int64_t run_no, struct fl_error *err) {
  sqlite3_stmt *statement = fl_db_use(db, sql, err);
  if (statement == NULL) return err->code;
  sqlite3_bind_int64(statement, 1, first_row(run_no));
  sqlite3_bind_int64(statement, 2, last_row(run_no));
  return fl_db_run(db, statement, err);
}

/* Where spans of a run stand in rows of checkpoints. */
struct row_range {
  int64_t thread;       /* its row; 0: there is none */
  uint64_t first, last; /* checkpoints */
};

/* thread, first, last: NULL while the run goes on */
static struct row_range range_at(sqlite3_stmt *statement, int index) {
  bool has_last = sqlite3_column_type(statement, index + 2) != SQLITE_NULL;
  return (struct row_range){.thread = sqlite3_column_int64(statement, index),
                            .first = (uint64_t)sqlite3_column_int64(statement, index + 1),
                            .last = has_last ? (uint64_t)sqlite3_column_int64(statement, index + 2) : FL_NO_MAX};
}

static int find_range(struct fl_db *db, int64_t run_no, struct row_range *ret_range, struct fl_error *err) {
  *ret_range = (struct row_range){0};
  sqlite3_stmt *statement = fl_db_use(db, FL_SQL_TRACE_RUN_PLACE, err);
  if (statement == NULL) return err->code;
  sqlite3_bind_int64(statement, 1, run_no);
  int status = fl_db_row(db, statement, err);
  if (status == 0) *ret_range = range_at(statement, 0);
  if (status == 0) sqlite3_reset(statement);
  return status == FL_E_NOT_FOUND ? 0 : status;
}

/* What stands in rows of checkpoints: those stay, without it. */
static int clear_rows(struct fl_db *db, int64_t run_no, struct fl_error *err) {
  static const enum fl_key_kind kinds[] = {FL_KEY_CHECKPOINT, FL_KEY_SUB_CHECKPOINT};
  struct row_range range;
  int status = find_range(db, run_no, &range, err);
  for (size_t i = 0; status == 0 && range.thread != 0 && i < 2; i++) {
    sqlite3_stmt *statement = fl_db_use(db, FL_SQL_TRACE_ROWS_DROP, err);
    if (statement == NULL) return err->code;
    sqlite3_bind_int64(statement, 1, range.thread);
    sqlite3_bind_int64(statement, 2, fl_key(kinds[i], range.first));
    sqlite3_bind_int64(statement, 3, fl_key(kinds[i], range.last));
    sqlite3_bind_int64(statement, 4, first_row(run_no));
    sqlite3_bind_int64(statement, 5, last_row(run_no));
    status = fl_db_run(db, statement, err);
  }
  return status;
}

static int drop_spans(struct fl_db *db, int64_t run_no, struct fl_error *err) {
  int status = clear_rows(db, run_no, err);
  return status == 0 ? drop_rows(db, FL_SQL_TRACE_SPANS_DROP, run_no, err) : status;
}

static int drop_run(struct fl_db *db, int64_t run_no, struct fl_error *err) {
  int status = drop_spans(db, run_no, err);
  if (status == 0) status = drop_rows(db, FL_SQL_TRACE_CONTENT_DROP, run_no, err);
  sqlite3_stmt *statement = status == 0 ? fl_db_use(db, FL_SQL_TRACE_RUN_DROP, err) : NULL;
  if (statement == NULL) return err->code;
  sqlite3_bind_int64(statement, 1, run_no);
  return fl_db_run(db, statement, err);
}

int fl_trace_take_back(struct fl_db *db, const char *thread, const struct fl_record *end, struct fl_error *err) {
  int64_t run_no = 0;
  int status = find_run(db, end->trace.run_id, &run_no, err);
  if (status != 0 || run_no == 0) return status;
  status = drop_spans(db, run_no, err);
  if (status == 0) status = drop_rows(db, FL_SQL_TRACE_CONTENT_DROP, run_no, err);
  return status == 0 ? put_end(db, &(struct fl_trace_place){.thread = thread}, run_no, end, err) : status;
}

/* The runs that a drop is about, oldest first. ?1 to ?5: run, user, thread, before when, graph. */
static const char about[] = "SELECT no FROM trace_run WHERE (?1 IS NULL OR run = ?1) AND (?2 IS NULL OR user = ?2)"
                            " AND (?3 IS NULL OR thread = ?3) AND began_ms < ?4"
                            " AND (?5 IS NULL OR graph = ?5) ORDER BY no";

struct numbers {
  int64_t *items;
  size_t count, capacity;
};

static int list_about(struct fl_db *db, const struct fl_trace_drop *drop, int64_t before_ms, struct numbers *runs,
                      struct fl_error *err) {
  sqlite3_stmt *statement = fl_db_prepare(db, about, err);
  if (statement == NULL) return err->code;
  if (drop->run_id != NULL) fl_db_bind_id(statement, 1, drop->run_id);
  fl_db_bind_text(statement, 2, drop->user);
  fl_db_bind_text(statement, 3, drop->thread);
  sqlite3_bind_int64(statement, 4, before_ms);
  fl_db_bind_text(statement, 5, drop->graph);
  int status;
  while ((status = fl_db_row(db, statement, err)) == 0) {
    if (runs->count == runs->capacity) {
      runs->capacity = runs->capacity * 2 + 64;
      runs->items = fl_realloc(runs->items, runs->capacity * sizeof *runs->items);
    }
    runs->items[runs->count++] = sqlite3_column_int64(statement, 0);
  }
  sqlite3_finalize(statement);
  return status == FL_E_NOT_FOUND ? 0 : status;
}

static int drop_runs(struct fl_db *db, const struct fl_trace_drop *drop, uint64_t *ret_count, struct fl_error *err) {
  struct numbers runs = {0};
  int status = list_about(db, drop, drop->before_ms, &runs, err);
  for (size_t i = 0; status == 0 && i < runs.count; i++) status = drop_run(db, runs.items[i], err);
  *ret_count += runs.count;
  fl_trace_forget_known(db);
  fl_free(runs.items);
  return status;
}

static int drop_contents(struct fl_db *db, const struct fl_trace_drop *drop, uint64_t *ret_count,
                         struct fl_error *err) {
  struct numbers runs = {0};
  int status = list_about(db, drop, drop->content_before_ms, &runs, err);
  for (size_t i = 0; status == 0 && i < runs.count; i++) {
    status = drop_rows(db, FL_SQL_TRACE_CONTENT_DROP, runs.items[i], err);
    *ret_count += sqlite3_changes(db->handle) > 0;
  }
  fl_free(runs.items);
  return status;
}

int fl_trace_drop(struct fl_db *db, const struct fl_trace_drop *drop, uint64_t *ret_count, struct fl_error *err) {
  int status = drop->before_ms > 0 ? drop_runs(db, drop, ret_count, err) : 0;
  return status == 0 && drop->content_before_ms > 0 ? drop_contents(db, drop, ret_count, err) : status;
}

int fl_trace_forget_thread(struct fl_db *db, const char *thread, struct fl_error *err) {
  uint64_t count = 0;
  return fl_trace_drop(db, &(struct fl_trace_drop){.thread = thread, .before_ms = INT64_MAX}, &count, err);
}

/* ---- reading ---- */

/* ?1: below this number; ?2, ?3: the run's id between; ?4 thread, ?5 graph, ?6 user, ?7 since, ?8 until, ?9 limit. */
static const char list[] =
    "SELECT no, run, thread, graph, user, began_ms, begin_sum, begin, end_sum, end, EXISTS(SELECT 1 FROM trace_content"
    " WHERE trace_content.no BETWEEN trace_run.no << 24 AND (trace_run.no << 24) | 16777215),"
    " (SELECT row FROM thread WHERE id = trace_run.thread) FROM trace_run"
    " WHERE no < ?1 AND run >= ?2 AND run <= ?3 AND (?4 IS NULL OR thread = ?4) AND (?5 IS NULL OR graph = ?5)"
    " AND (?6 IS NULL OR user = ?6) AND began_ms >= ?7 AND began_ms < ?8 ORDER BY no DESC LIMIT ?9";

static int nibble(char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; }

/* The lowest and the highest id that begin so; false when none does. */
static bool read_front(const char *front, uint8_t ret_low[16], uint8_t ret_high[16]) {
  size_t digit = 0;
  memset(ret_low, 0, 16);
  memset(ret_high, 0xff, 16);
  for (; front != NULL && *front != '\0'; front++) {
    int value = nibble(*front);
    if (*front == '-') continue;
    if (value < 0 || digit == 32) return false;
    int shift = digit % 2 == 0 ? 4 : 0;
    ret_low[digit / 2] |= (uint8_t)(value << shift);
    ret_high[digit / 2] &= (uint8_t)(value << shift | (shift == 4 ? 0x0f : 0xf0));
    digit++;
  }
  return true;
}

static int check_text(struct fl_db *db, sqlite3_stmt *statement, int index, fl_slice *ret_text, struct fl_error *err) {
  *ret_text = fl_db_text(statement, index + 1);
  if (ret_text->size == 0 || fl_row_sum(NULL, 0, *ret_text) == (uint32_t)sqlite3_column_int64(statement, index))
    return 0;
  return fl_error_set(err, FL_E_CORRUPT, "%s: the record of a run is damaged; 'fairlead trace erase --run' drops it",
                      db->path != NULL ? db->path : "the store");
}

static int visit_run(struct fl_db *db, sqlite3_stmt *statement, const struct fl_trace_query *query, bool *ret_goes_on,
                     struct fl_error *err) {
  FL_FREE_AUTO char *thread = fl_db_copy(statement, 2), *graph = fl_db_copy(statement, 3);
  FL_FREE_AUTO char *user = fl_db_copy(statement, 4);
  struct fl_trace_run run = {.no = (uint64_t)sqlite3_column_int64(statement, 0),
                             .thread = thread,
                             .graph = graph,
                             .user = user,
                             .began_ms = sqlite3_column_int64(statement, 5),
                             .has_content = sqlite3_column_int(statement, 10) != 0};
  fl_db_id(statement, 1, run.run_id);
  FL_BUF_AUTO begin = {0};
  struct fl_seal_row row = {.owner = sqlite3_column_int64(statement, 11), .thread = thread != NULL ? thread : ""};
  const fl_slice id = fl_slice_of(run.run_id);
  describe_row(&row, FL_TRACE_BEGIN, NULL, &id);
  int status = check_text(db, statement, 6, &run.begin, err);
  if (status == 0) status = fl_unseal_text(db, &row, run.begin, &run.begin, err);
  if (status == 0 && db->sealer != NULL) { /* the end is unsealed to the same place */
    fl_buf_add(&begin, run.begin.data, run.begin.size);
    run.begin = fl_buf_slice(&begin);
  }
  describe_row(&row, FL_TRACE_END, NULL, &id);
  if (status == 0) status = check_text(db, statement, 8, &run.end, err);
  if (status == 0) status = fl_unseal_text(db, &row, run.end, &run.end, err);
  if (status == 0) *ret_goes_on = query->visit(&run, query->user_data);
  return status;
}

/* A file that is only read may have a format that had no record of runs. */
static bool has_tables(const struct fl_db *db) { return db->version > 2; }

int fl_trace_list(struct fl_db *db, const struct fl_trace_query *query, struct fl_error *err) {
  uint8_t low[16], high[16];
  if (!has_tables(db) || !read_front(query->run_id, low, high)) return 0;
  sqlite3_stmt *statement = fl_db_prepare(db, list, err);
  if (statement == NULL) return err->code;
  sqlite3_bind_int64(statement, 1, query->before_no > 0 ? (int64_t)query->before_no : INT64_MAX);
  sqlite3_bind_blob(statement, 2, low, sizeof low, SQLITE_STATIC);
  sqlite3_bind_blob(statement, 3, high, sizeof high, SQLITE_STATIC);
  fl_db_bind_text(statement, 4, query->thread);
  fl_db_bind_text(statement, 5, query->graph);
  fl_db_bind_text(statement, 6, query->user);
  sqlite3_bind_int64(statement, 7, query->since_ms);
  sqlite3_bind_int64(statement, 8, query->until_ms > 0 ? query->until_ms : INT64_MAX);
  sqlite3_bind_int64(statement, 9, query->limit > 0 ? (int64_t)query->limit : -1);
  bool goes_on = true;
  int status = 0;
  while (goes_on && status == 0) {
    status = fl_db_row(db, statement, err);
    if (status == 0) status = visit_run(db, statement, query, &goes_on, err);
  }
  sqlite3_finalize(statement);
  return status == FL_E_NOT_FOUND ? 0 : status;
}

/* Whose run it is, and where its spans are. */
static int find_owner(struct fl_db *db, uint64_t run_no, char **ret_thread, struct row_range *ret_range,
                      struct fl_error *err) {
  bool has_range = db->version >= FL_FORMAT_TRACE_IN_ROWS;
  sqlite3_stmt *statement = fl_db_prepare(
      db,
      has_range
          ? "SELECT thread, (SELECT row FROM thread WHERE id = trace_run.thread), first, last FROM trace_run"
            " WHERE no = ?1"
          : "SELECT thread, (SELECT row FROM thread WHERE id = trace_run.thread), 0, 0 FROM trace_run WHERE no = ?1",
      err);
  if (statement == NULL) return err->code;
  sqlite3_bind_int64(statement, 1, (int64_t)run_no);
  int status = fl_db_row(db, statement, err);
  if (status == 0) *ret_thread = fl_db_copy(statement, 0);
  if (status == 0) *ret_range = range_at(statement, 1);
  sqlite3_finalize(statement);
  return status == FL_E_NOT_FOUND ? 0 : status;
}

static const char read_content[] = "SELECT no, sum, body FROM trace_content WHERE no > ?1 AND no <= ?2 ORDER BY no";
static const char read_old_spans[] = "SELECT no, sum, body FROM trace_span WHERE no > ?1 AND no <= ?2 ORDER BY no";
static const char read_spans[] =
    "SELECT no, sum, body FROM trace_span WHERE no > ?1 AND no <= ?2"
    " UNION ALL SELECT trace_no, trace_sum, trace FROM row WHERE thread = ?3 AND k BETWEEN ?4 AND ?5"
    " AND trace_no > ?1 AND trace_no <= ?2"
    " UNION ALL SELECT trace_no, trace_sum, trace FROM row WHERE thread = ?3 AND k BETWEEN ?6 AND ?7"
    " AND trace_no > ?1 AND trace_no <= ?2 ORDER BY 1";

static sqlite3_stmt *prepare_rows(struct fl_db *db, const struct fl_trace_rows *rows, const struct row_range *range,
                                  struct fl_error *err) {
  bool is_content = rows->part == FL_TRACE_CONTENT, is_old = db->version < FL_FORMAT_TRACE_IN_ROWS;
  sqlite3_stmt *statement = fl_db_prepare(db, is_content ? read_content : is_old ? read_old_spans : read_spans, err);
  if (statement == NULL) return NULL;
  sqlite3_bind_int64(statement, 1, first_row((int64_t)rows->run_no) | rows->after);
  sqlite3_bind_int64(statement, 2, last_row((int64_t)rows->run_no));
  if (is_content || is_old) return statement;
  sqlite3_bind_int64(statement, 3, range->thread);
  sqlite3_bind_int64(statement, 4, fl_key(FL_KEY_CHECKPOINT, range->first));
  sqlite3_bind_int64(statement, 5, fl_key(FL_KEY_CHECKPOINT, range->last));
  sqlite3_bind_int64(statement, 6, fl_key(FL_KEY_SUB_CHECKPOINT, range->first));
  sqlite3_bind_int64(statement, 7, fl_key(FL_KEY_SUB_CHECKPOINT, range->last));
  return statement;
}

int fl_trace_read(struct fl_db *db, const struct fl_trace_rows *rows, struct fl_error *err) {
  FL_FREE_AUTO char *thread = NULL;
  struct row_range range = {0};
  if (!has_tables(db)) return 0;
  if (find_owner(db, rows->run_no, &thread, &range, err) != 0) return err->code;
  struct fl_seal_row row = {.owner = range.thread, .thread = thread != NULL ? thread : ""};
  sqlite3_stmt *statement = prepare_rows(db, rows, &range, err);
  if (statement == NULL) return err->code;
  bool goes_on = true;
  int status = 0;
  while (goes_on && status == 0) {
    fl_slice text;
    status = fl_db_row(db, statement, err);
    if (status == 0) status = check_text(db, statement, 1, &text, err);
    int64_t no = status == 0 ? sqlite3_column_int64(statement, 0) : 0;
    describe_row(&row, rows->part, &no, NULL);
    if (status == 0) status = fl_unseal_text(db, &row, text, &text, err);
    if (status == 0)
      goes_on = rows->visit((uint32_t)(sqlite3_column_int64(statement, 0) & FL_TRACE_NO_MAX), text, rows->user_data);
  }
  sqlite3_finalize(statement);
  return status == FL_E_NOT_FOUND ? 0 : status;
}
