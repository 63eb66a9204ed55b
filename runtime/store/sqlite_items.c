/* SPDX-License-Identifier: MIT */
/* Items in their tables: writing on the connection that writes, searching on the loop's. A search ranks by row numbers
 * alone and reads the items in that order, until it has what was asked for. */
#include "runtime/base/check.h"
#include "runtime/base/mem.h"
#include "runtime/base/vector.h"
#include "runtime/json/json.h"
#include "runtime/store/items.h"
#include "runtime/store/seal.h"
#include "runtime/store/seal_words.h"
#include "runtime/store/side.h"
#include "runtime/store/sqlite.h"

#include <stdlib.h>

enum { SWEEP_COUNT = 32, RANK_OFFSET = 60, FOUND_MAX = 100000 };

/* ---- sealing ---- */

static struct fl_seal_row item_row(const fl_slice names[2]) {
  return (struct fl_seal_row){.table = "item", .thread = "", .what = "an item", .texts = names, .text_count = 2};
}

static struct fl_seal_row vector_row(const int64_t *seq, const fl_slice *model) {
  return (struct fl_seal_row){.table = "item_vector",
                              .thread = "",
                              .what = "the vector of an item",
                              .numbers = seq,
                              .number_count = 1,
                              .texts = model,
                              .text_count = 1};
}

/* ---- writing ---- */

static int find_row(struct fl_db *db, const struct fl_item_op *op, int64_t *ret_seq, int64_t *ret_created_ms,
                    struct fl_error *err) {
  sqlite3_stmt *statement = fl_db_use(db, FL_SQL_ITEM_FIND, err);
  if (statement == NULL) return err->code;
  sqlite3_bind_text(statement, 1, op->ns, -1, SQLITE_STATIC);
  sqlite3_bind_text(statement, 2, op->key, -1, SQLITE_STATIC);
  int status = fl_db_row(db, statement, err);
  if (status != 0) return status;
  *ret_seq = sqlite3_column_int64(statement, 0);
  *ret_created_ms = sqlite3_column_int64(statement, 1);
  sqlite3_reset(statement);
  return 0;
}

static int drop_row(struct fl_db *db, int64_t seq, struct fl_error *err) {
  static const enum fl_sql all[] = {FL_SQL_ITEM_TEXT_DROP, FL_SQL_ITEM_VECTORS_DROP, FL_SQL_ITEM_DROP};
  int status = 0;
  for (size_t i = 0; status == 0 && i < sizeof all / sizeof all[0]; i++) {
    sqlite3_stmt *statement = fl_db_use(db, all[i], err);
    if (statement == NULL) return err->code;
    sqlite3_bind_int64(statement, 1, seq);
    status = fl_db_run(db, statement, err);
  }
  return status;
}

static int add_text(struct fl_db *db, int64_t seq, const char *text, struct fl_error *err) {
  FL_BUF_AUTO sealed = {0};
  if (text == NULL) return 0;
  if (db->sealer != NULL && fl_words_seal(db, text, &sealed, err) != 0) return err->code;
  sqlite3_stmt *statement = fl_db_use(db, FL_SQL_ITEM_TEXT_ADD, err);
  if (statement == NULL) return err->code;
  sqlite3_bind_int64(statement, 1, seq);
  sqlite3_bind_text(statement, 2, db->sealer != NULL ? sealed.data : text, -1, SQLITE_STATIC);
  return fl_db_run(db, statement, err);
}

static int add_vectors(struct fl_db *db, int64_t seq, const struct fl_item_op *op, struct fl_error *err) {
  int status = 0;
  for (size_t i = 0; status == 0 && i < op->vector_count; i++) {
    fl_slice body = fl_slice_n((const char *)(op->vectors + i * op->dims), op->dims * sizeof(float));
    const fl_slice model = fl_slice_of(op->model);
    const struct fl_seal_row row = vector_row(&seq, &model);
    if (fl_seal_text(db, &row, body, &body, err) != 0) return err->code;
    sqlite3_stmt *statement = fl_db_use(db, FL_SQL_ITEM_VECTOR_ADD, err);
    if (statement == NULL) return err->code;
    sqlite3_bind_int64(statement, 1, seq);
    sqlite3_bind_text(statement, 2, op->model, -1, SQLITE_STATIC);
    sqlite3_bind_blob64(statement, 3, body.data, body.size, SQLITE_STATIC);
    status = fl_db_run(db, statement, err);
  }
  return status;
}

static void bind_time(sqlite3_stmt *statement, int index, int64_t ms) {
  if (ms == 0) sqlite3_bind_null(statement, index);
  else sqlite3_bind_int64(statement, index, ms);
}

static int add_row(struct fl_db *db, const struct fl_item_op *op, int64_t created_ms, int64_t wall_ms,
                   struct fl_error *err) {
  const fl_slice names[] = {fl_slice_of(op->ns), fl_slice_of(op->key)};
  const struct fl_seal_row row = item_row(names);
  fl_slice body;
  if (fl_seal_text(db, &row, op->body, &body, err) != 0) return err->code;
  sqlite3_stmt *statement = fl_db_use(db, FL_SQL_ITEM_ADD, err);
  if (statement == NULL) return err->code;
  sqlite3_bind_text(statement, 1, op->ns, -1, SQLITE_STATIC);
  sqlite3_bind_text(statement, 2, op->key, -1, SQLITE_STATIC);
  sqlite3_bind_int64(statement, 3, created_ms);
  sqlite3_bind_int64(statement, 4, wall_ms);
  bind_time(statement, 5, op->ttl_ms);
  bind_time(statement, 6, op->ttl_ms != 0 ? wall_ms + op->ttl_ms : 0);
  sqlite3_bind_int64(statement, 7, fl_row_sum(NULL, 0, body));
  fl_db_bind_slice(statement, 8, body);
  return fl_db_run(db, statement, err);
}

/* Deletes at most `limit` (-1: all) of what has expired. */
static int sweep(struct fl_db *db, int64_t wall_ms, int limit, uint64_t *ret_count, struct fl_error *err) {
  for (; limit != 0; limit--) {
    sqlite3_stmt *statement = fl_db_use(db, FL_SQL_ITEM_EXPIRED, err);
    if (statement == NULL) return err->code;
    sqlite3_bind_int64(statement, 1, wall_ms);
    int status = fl_db_row(db, statement, err);
    if (status == FL_E_NOT_FOUND) return 0;
    if (status != 0) return status;
    int64_t seq = sqlite3_column_int64(statement, 0);
    sqlite3_reset(statement);
    status = drop_row(db, seq, err);
    if (status != 0) return status;
    (*ret_count)++;
  }
  return 0;
}

static int put(struct fl_db *db, const struct fl_item_op *op, int64_t wall_ms, struct fl_error *err) {
  int64_t seq, created_ms = wall_ms;
  uint64_t ignored = 0;
  int status = sweep(db, wall_ms, SWEEP_COUNT, &ignored, err);
  if (status == 0) status = find_row(db, op, &seq, &created_ms, err);
  if (status == 0) status = drop_row(db, seq, err);
  else if (status == FL_E_NOT_FOUND) status = 0;
  if (status == 0) status = add_row(db, op, created_ms, wall_ms, err);
  seq = sqlite3_last_insert_rowid(db->handle);
  if (status == 0) status = add_text(db, seq, op->text, err);
  return status == 0 ? add_vectors(db, seq, op, err) : status;
}

static int drop(struct fl_db *db, const struct fl_item_op *op, uint64_t *ret_count, struct fl_error *err) {
  int64_t seq, created_ms;
  int status = find_row(db, op, &seq, &created_ms, err);
  if (status == FL_E_NOT_FOUND) return 0;
  if (status == 0) status = drop_row(db, seq, err);
  *ret_count += status == 0;
  return status;
}

static int touch(struct fl_db *db, const struct fl_item_op *op, int64_t wall_ms, struct fl_error *err) {
  sqlite3_stmt *statement = fl_db_use(db, FL_SQL_ITEM_TOUCH, err);
  if (statement == NULL) return err->code;
  sqlite3_bind_text(statement, 1, op->ns, -1, SQLITE_STATIC);
  sqlite3_bind_text(statement, 2, op->key, -1, SQLITE_STATIC);
  sqlite3_bind_int64(statement, 3, wall_ms);
  return fl_db_run(db, statement, err);
}

int fl_side_apply_items(struct fl_db *db, const struct fl_txn *txn, uint64_t *ret_count, struct fl_error *err) {
  int status = 0;
  for (size_t i = 0; status == 0 && i < txn->items->count; i++) {
    const struct fl_item_op *op = &txn->items->items[i];
    switch (op->kind) {
    case FL_ITEM_PUT: status = put(db, op, txn->wall_ms, err); break;
    case FL_ITEM_DELETE: status = drop(db, op, ret_count, err); break;
    case FL_ITEM_TOUCH: status = touch(db, op, txn->wall_ms, err); break;
    case FL_ITEM_SWEEP: status = sweep(db, txn->wall_ms, -1, ret_count, err); break;
    }
  }
  return status;
}

/* ---- reading one ---- */

/* ns, key, body, sum, created, updated, ttl, expires */
static int take_item(struct fl_db *db, sqlite3_stmt *statement, struct fl_memory_item *item, struct fl_error *err) {
  fl_slice body = fl_db_text(statement, 2);
  const fl_slice names[] = {fl_db_text(statement, 0), fl_db_text(statement, 1)};
  const struct fl_seal_row row = item_row(names);
  *item = (struct fl_memory_item){.ns = fl_db_text(statement, 0).data,
                                  .key = fl_db_text(statement, 1).data,
                                  .body = body,
                                  .created_ms = sqlite3_column_int64(statement, 4),
                                  .updated_ms = sqlite3_column_int64(statement, 5),
                                  .ttl_ms = sqlite3_column_int64(statement, 6),
                                  .expires_ms = sqlite3_column_int64(statement, 7)};
  if (fl_row_sum(NULL, 0, body) == (uint32_t)sqlite3_column_int64(statement, 3))
    return fl_unseal_text(db, &row, body, &item->body, err);
  return fl_error_set(err, FL_E_CORRUPT, "%s: item \"%.100s\" of %.200s is damaged: its check sum does not fit",
                      db->path, item->key, item->ns);
}

int fl_side_read_item(struct fl_db *db, const struct fl_item_name *name, fl_item_fn *visit, void *user,
                      struct fl_error *err) {
  sqlite3_stmt *statement = fl_db_use(db, FL_SQL_ITEM_READ, err);
  if (statement == NULL) return err->code;
  sqlite3_bind_text(statement, 1, name->ns, -1, SQLITE_STATIC);
  sqlite3_bind_text(statement, 2, name->key, -1, SQLITE_STATIC);
  sqlite3_bind_int64(statement, 3, name->wall_ms);
  int status = fl_db_row(db, statement, err);
  if (status == FL_E_NOT_FOUND) return fl_error_set(err, status, "there is no item \"%.100s\"", name->key);
  if (status != 0) return status;
  struct fl_memory_item item;
  status = take_item(db, statement, &item, err);
  if (status == 0) visit(&item, user);
  sqlite3_reset(statement);
  return status;
}

/* ---- ranking ---- */

struct found {
  int64_t seq;
  double score;
};

struct founds {
  struct found *items;
  size_t count, capacity;
};

static void founds_deinit(struct founds *founds) { fl_free(founds->items); }

static void add_found(struct founds *founds, int64_t seq, double score) {
  if (founds->count == founds->capacity) {
    founds->capacity = founds->capacity * 2 + 64;
    founds->items = fl_realloc(founds->items, founds->capacity * sizeof *founds->items);
  }
  founds->items[founds->count++] = (struct found){seq, score};
}

static int compare_score(const void *left, const void *right) {
  const struct found *a = left, *b = right;
  if (a->score != b->score) return a->score < b->score ? 1 : -1;
  return (a->seq > b->seq) - (a->seq < b->seq);
}

static int compare_seq(const void *left, const void *right) {
  const struct found *a = left, *b = right;
  return (a->seq > b->seq) - (a->seq < b->seq);
}

static void sort(struct founds *founds, int (*compare)(const void *left, const void *right)) {
  if (founds->count > 1) qsort(founds->items, founds->count, sizeof *founds->items, compare);
}

/* One of an item's vectors after the other: the best counts. The rows of an item follow each other. */
static void add_best(struct founds *founds, int64_t seq, double score) {
  struct found *last = founds->count > 0 ? &founds->items[founds->count - 1] : NULL;
  if (last == NULL || last->seq != seq) add_found(founds, seq, score);
  else if (score > last->score) last->score = score;
}

/* Of what lies in the namespace ?1 and has not expired at ?2. Labels hold no ".", and "/" is the character after it: so
 * a namespace and all below it lie between ?1 and ?3, with few others, and the index finds them. What fairlead keeps
 * for itself is found by who asks for it alone. */
#define IN_NAMESPACE                                                             \
  "i.ns >= ?1 AND i.ns < ?3 AND (i.expires_ms IS NULL OR i.expires_ms > ?2) AND" \
  " CASE WHEN ?1 = '' THEN i.ns NOT GLOB 'fairlead.*' ELSE i.ns = ?1 OR i.ns >= ?1 || '.' END"

static sqlite3_stmt *prepare(struct fl_db *db, const char *text, const struct fl_items_query *query,
                             struct fl_error *err) {
  static const char last[] = "\xff"; /* comes after all that is UTF-8 */
  const char *ns = query->ns != NULL ? query->ns : "";
  FL_FREE_AUTO char *end = ns[0] == 0 ? fl_strdup(last) : fl_format("%s/", ns);
  sqlite3_stmt *statement = fl_db_prepare(db, text, err);
  if (statement == NULL) return NULL;
  sqlite3_bind_text(statement, 1, ns, -1, SQLITE_STATIC);
  sqlite3_bind_int64(statement, 2, query->wall_ms);
  fl_db_bound(sqlite3_bind_text(statement, 3, end, -1, SQLITE_TRANSIENT));
  return statement;
}

static int rank_words(struct fl_db *db, const struct fl_items_query *query, struct founds *founds,
                      struct fl_error *err) {
  FL_FREE_AUTO char *words = db->sealer == NULL ? fl_item_words_query(query->words) : NULL;
  if (db->sealer != NULL && fl_words_query(db, query->words, &words, err) != 0) return err->code;
  if (words == NULL) return 0;
  sqlite3_stmt *statement = prepare(db,
                                    "SELECT i.seq, -bm25(item_text) FROM item_text JOIN item i ON i.seq ="
                                    " item_text.rowid WHERE item_text MATCH ?4 AND " IN_NAMESPACE " LIMIT ?5",
                                    query, err);
  if (statement == NULL) return err->code;
  sqlite3_bind_text(statement, 4, words, -1, SQLITE_STATIC);
  sqlite3_bind_int64(statement, 5, FOUND_MAX);
  int status;
  while ((status = fl_db_row(db, statement, err)) == 0)
    add_found(founds, sqlite3_column_int64(statement, 0), sqlite3_column_double(statement, 1));
  sqlite3_finalize(statement);
  sort(founds, compare_score);
  return status == FL_E_NOT_FOUND ? 0 : status;
}

static int rank_vectors(struct fl_db *db, const struct fl_items_query *query, struct founds *founds,
                        struct fl_error *err) {
  fl_dot_fn *dot = fl_dot_best();
  sqlite3_stmt *statement = prepare(db,
                                    "SELECT v.item, v.body FROM item i CROSS JOIN item_vector v ON v.item = i.seq"
                                    " WHERE v.model = ?4 AND " IN_NAMESPACE,
                                    query, err);
  if (statement == NULL) return err->code;
  sqlite3_bind_text(statement, 4, query->model, -1, SQLITE_STATIC);
  FL_FREE_AUTO float *numbers = fl_new_array(float, query->dims); /* a row's bytes lie as they come */
  const fl_slice model = fl_slice_of(query->model);
  int status;
  while ((status = fl_db_row(db, statement, err)) == 0) {
    int64_t seq = sqlite3_column_int64(statement, 0);
    const void *bytes = sqlite3_column_blob(statement, 1);
    fl_slice body = fl_slice_n(bytes, bytes != NULL ? (size_t)sqlite3_column_bytes(statement, 1) : 0);
    const struct fl_seal_row row = vector_row(&seq, &model);
    if (db->sealer != NULL && (status = fl_unseal_text(db, &row, body, &body, err)) != 0) break;
    if (body.data == NULL || body.size != query->dims * sizeof *numbers) continue;
    memcpy(numbers, body.data, query->dims * sizeof *numbers);
    add_best(founds, seq, dot(numbers, query->vector, query->dims));
  }
  sqlite3_finalize(statement);
  sort(founds, compare_score);
  return status == FL_E_NOT_FOUND ? 0 : status;
}

static int rank_newest(struct fl_db *db, const struct fl_items_query *query, struct founds *founds,
                       struct fl_error *err) {
  sqlite3_stmt *statement =
      prepare(db, "SELECT i.seq FROM item i WHERE " IN_NAMESPACE " ORDER BY i.updated_ms DESC, i.seq DESC", query, err);
  if (statement == NULL) return err->code;
  int status;
  while ((status = fl_db_row(db, statement, err)) == 0) add_found(founds, sqlite3_column_int64(statement, 0), 0);
  sqlite3_finalize(statement);
  return status == FL_E_NOT_FOUND ? 0 : status;
}

/* Reciprocal ranks, as in Cormack, Clarke and Büttcher (SIGIR 2009). */
static void fuse(struct founds *founds, const struct founds *other) {
  for (size_t i = 0; i < founds->count; i++) founds->items[i].score = 1.0 / (RANK_OFFSET + (double)i + 1);
  for (size_t i = 0; i < other->count; i++) add_found(founds, other->items[i].seq, 1.0 / (RANK_OFFSET + (double)i + 1));
  sort(founds, compare_seq);
  size_t kept = 0;
  for (size_t i = 0; i < founds->count; i++) {
    bool is_same = kept > 0 && founds->items[kept - 1].seq == founds->items[i].seq;
    if (is_same) founds->items[kept - 1].score += founds->items[i].score;
    else founds->items[kept++] = founds->items[i];
  }
  founds->count = kept;
  sort(founds, compare_score);
}

static int rank(struct fl_db *db, const struct fl_items_query *query, struct founds *founds, struct fl_error *err) {
  if (query->words == NULL && query->model == NULL) return rank_newest(db, query, founds, err);
  if (query->words == NULL) return rank_vectors(db, query, founds, err);
  int status = rank_words(db, query, founds, err);
  if (status != 0 || query->model == NULL) return status;
  __attribute__((cleanup(founds_deinit))) struct founds by_vectors = {0};
  status = rank_vectors(db, query, &by_vectors, err);
  if (status == 0) fuse(founds, &by_vectors);
  return status;
}

/* ---- giving what was found ---- */

struct giving {
  const struct fl_items_query *query;
  size_t skipped, given;
  bool goes_on;
};

static bool passes(const struct fl_items_query *query, fl_slice body) {
  FL_VALUE_AUTO value = NULL;
  if (query->filter == NULL) return true;
  return fl_json_read(body, FL_JSON_FULL, &value, NULL) == 0 && fl_item_filter_holds(query->filter, value);
}

static int give_one(struct fl_db *db, const struct found *found, struct giving *giving, struct fl_error *err) {
  const struct fl_items_query *query = giving->query;
  sqlite3_stmt *statement = fl_db_use(db, FL_SQL_ITEM_ROW, err);
  if (statement == NULL) return err->code;
  sqlite3_bind_int64(statement, 1, found->seq);
  int status = fl_db_row(db, statement, err);
  if (status != 0) return status == FL_E_NOT_FOUND ? 0 : status;
  struct fl_memory_item item;
  status = take_item(db, statement, &item, err);
  if (status == 0 && passes(query, item.body) && giving->skipped++ >= query->offset) {
    item.has_score = query->words != NULL || query->model != NULL;
    item.score = found->score;
    giving->given++;
    giving->goes_on = query->visit(&item, query->user) && giving->given < query->limit;
  }
  sqlite3_reset(statement);
  return status;
}

int fl_side_search_items(struct fl_db *db, const struct fl_items_query *query, struct fl_error *err) {
  __attribute__((cleanup(founds_deinit))) struct founds founds = {0};
  struct giving giving = {.query = query, .goes_on = query->limit > 0};
  int status = rank(db, query, &founds, err);
  for (size_t i = 0; status == 0 && giving.goes_on && i < founds.count; i++)
    status = give_one(db, &founds.items[i], &giving, err);
  return status;
}

int fl_side_list_namespaces(struct fl_db *db, const struct fl_namespaces_query *query, struct fl_error *err) {
  const struct fl_items_query within = {.ns = query->prefix, .wall_ms = query->wall_ms};
  sqlite3_stmt *statement =
      prepare(db, "SELECT DISTINCT i.ns FROM item i WHERE " IN_NAMESPACE " ORDER BY i.ns", &within, err);
  if (statement == NULL) return err->code;
  bool goes_on = true;
  int status = 0;
  while (goes_on && (status = fl_db_row(db, statement, err)) == 0)
    goes_on = query->visit(fl_db_text(statement, 0).data, query->user);
  sqlite3_finalize(statement);
  return status == FL_E_NOT_FOUND ? 0 : status;
}
