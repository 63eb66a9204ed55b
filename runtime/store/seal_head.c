/* SPDX-License-Identifier: MIT */
/* Keeping heads: what triggers tell is gathered for a batch, and written before its commit. */
#include "runtime/store/seal_head.h"

#include "runtime/base/check.h"
#include "runtime/base/id.h"
#include "runtime/base/mem.h"
#include "runtime/store/seal.h"

#include <endian.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { HEAD_NUMBERS = FL_HEAD_PARTS * (1 + FL_HEAD_LANES) + 1, SQL_SIZE = 512 };

/* Every column that holds sealed texts; not what is made again when it is missing (the cache). FL_SQL_SEALED_BESIDE
 * names those of FL_HEAD_BESIDE by their places here. A place is part of what is hashed: another comes at the end. */
static const struct text {
  const char *table, *column;
  const char *owner; /* the column with the thread's row; NULL: it is `beside` */
  int64_t beside;
  enum fl_head_part part;
} texts[] = {{"row", "body", "thread", 0, FL_HEAD_LASTING},
             {"event", "body", "thread", 0, FL_HEAD_LASTING},
             {"thread", "metadata", "row", 0, FL_HEAD_LASTING},
             {"pending", "body", "thread", 0, FL_HEAD_BESIDE},
             {"call", "arguments", "thread", 0, FL_HEAD_BESIDE},
             {"call", "result", "thread", 0, FL_HEAD_BESIDE},
             {"item", "body", NULL, FL_HEAD_OF_MEMORY, FL_HEAD_LASTING},
             {"item_vector", "body", NULL, FL_HEAD_OF_MEMORY, FL_HEAD_LASTING},
             {"trace_run", "begin", NULL, FL_HEAD_OF_RUNS, FL_HEAD_LASTING},
             {"trace_run", "end", NULL, FL_HEAD_OF_RUNS, FL_HEAD_LASTING},
             {"trace_span", "body", NULL, FL_HEAD_OF_RUNS, FL_HEAD_LASTING},
             {"trace_content", "body", NULL, FL_HEAD_OF_RUNS, FL_HEAD_LASTING}};
enum { TEXT_COUNT = sizeof texts / sizeof texts[0] };

struct change {
  int64_t owner;
  bool starts_anew; /* the head before does not count */
  struct fl_seal_head delta;
};

/* Heads that were read or written last, while nobody else has written to the file. */
enum { KNOWN_HEADS = 16 };
struct known_head {
  bool is_known, is_there;
  int64_t owner;
  struct fl_seal_head head;
};

struct fl_seal_changes {
  struct change *items;
  size_t count, capacity;
  bool must_sum;
  unsigned version; /* of the file, when what is known was found */
  struct known_head known[KNOWN_HEADS];
};

/* ---- sums ---- */

void fl_seal_head_add(struct fl_seal_head *to, const struct fl_seal_head *head, bool is_minus) {
  uint64_t sign = is_minus ? UINT64_MAX : 1;
  for (size_t i = 0; i < FL_HEAD_PARTS; i++) {
    to->parts[i].count += sign * head->parts[i].count;
    for (size_t j = 0; j < FL_HEAD_LANES; j++) to->parts[i].sum[j] += sign * head->parts[i].sum[j];
  }
}

/* Where a text stands, or stood. */
struct spot {
  struct fl_db *db;
  const struct text *text;
  int64_t owner;
  bool is_gone;
};

/* A text in the clear is not counted: while there is a key it is refused by name. */
static int note(const struct spot *spot, fl_slice sealed, struct fl_seal_head *head, struct fl_error *err) {
  uint8_t bytes[5 + 2 * sizeof(uint64_t) + FL_SEAL_TAG_SIZE] = "head", hash[32];
  const uint64_t place[2] = {htole64((uint64_t)(spot->text - texts)), htole64((uint64_t)spot->owner)};
  struct fl_seal_head one = {0};
  if (!fl_is_sealed(sealed) || sealed.size < FL_SEALED_OVERHEAD) return 0;
  memcpy(bytes + 5, place, sizeof place);
  memcpy(bytes + 5 + sizeof place, sealed.data + sealed.size - FL_SEAL_TAG_SIZE, FL_SEAL_TAG_SIZE);
  int status = fl_seal_hash(spot->db, fl_slice_n((const char *)bytes, sizeof bytes), hash, err);
  if (status != 0) return status;
  one.parts[spot->text->part].count = 1;
  for (size_t i = 0; i < FL_HEAD_LANES; i++) {
    uint64_t lane;
    memcpy(&lane, hash + i * sizeof lane, sizeof lane);
    one.parts[spot->text->part].sum[i] = le64toh(lane);
  }
  fl_seal_head_add(head, &one, spot->is_gone);
  return 0;
}

/* The rows of a statement that gives the number of a text among `texts`, and the text. */
static int count_rows(struct fl_db *db, sqlite3_stmt *statement, int64_t owner, struct fl_seal_head *head,
                      struct fl_error *err) {
  int status;
  while ((status = fl_db_row(db, statement, err)) == 0) {
    const struct spot spot = {db, &texts[sqlite3_column_int(statement, 0)], owner, false};
    const char *bytes = sqlite3_column_blob(statement, 1);
    fl_slice sealed = fl_slice_n(bytes, bytes != NULL ? (size_t)sqlite3_column_bytes(statement, 1) : 0);
    status = note(&spot, sealed, head, err);
    if (status != 0) break;
  }
  sqlite3_reset(statement);
  return status == FL_E_NOT_FOUND ? 0 : status;
}

static int count_text(struct fl_db *db, const struct text *text, int64_t owner, struct fl_seal_head *head,
                      struct fl_error *err) {
  char sql[SQL_SIZE];
  snprintf(sql, sizeof sql, "SELECT %zu, %s FROM %s WHERE %s = ?1", (size_t)(text - texts), text->column, text->table,
           text->owner != NULL ? text->owner : "0");
  sqlite3_stmt *statement = fl_db_prepare(db, sql, err);
  if (statement == NULL) return err->code;
  sqlite3_bind_int64(statement, 1, text->owner != NULL ? owner : 0);
  int status = count_rows(db, statement, owner, head, err);
  sqlite3_finalize(statement);
  return status;
}

int fl_seal_head_count(struct fl_db *db, int64_t owner, struct fl_seal_head *ret_head, struct fl_error *err) {
  *ret_head = (struct fl_seal_head){0};
  int status = owner > 0 ? fl_db_last_no(db, owner, FL_KEY_CHECKPOINT, &ret_head->newest, err) : 0;
  for (size_t i = 0; status == 0 && i < TEXT_COUNT; i++) {
    bool is_owners = texts[i].owner != NULL ? owner > 0 : texts[i].beside == owner;
    if (is_owners) status = count_text(db, &texts[i], owner, ret_head, err);
  }
  return status;
}

int fl_seal_head_count_beside(struct fl_db *db, int64_t owner, struct fl_seal_head *ret_head, struct fl_error *err) {
  *ret_head = (struct fl_seal_head){0};
  int status = fl_db_last_no(db, owner, FL_KEY_CHECKPOINT, &ret_head->newest, err);
  sqlite3_stmt *statement = status == 0 ? fl_db_use(db, FL_SQL_SEALED_BESIDE, err) : NULL;
  if (statement == NULL) return err->code;
  sqlite3_bind_int64(statement, 1, owner);
  return count_rows(db, statement, owner, ret_head, err);
}

/* ---- what triggers tell ---- */

static struct change *find_change(struct fl_seal_changes *changes, int64_t owner) {
  for (size_t i = changes->count; i > 0; i--)
    if (changes->items[i - 1].owner == owner) return &changes->items[i - 1];
  if (changes->count == changes->capacity) {
    changes->capacity = changes->capacity * 2 + 8;
    changes->items = fl_realloc(changes->items, changes->capacity * sizeof *changes->items);
  }
  changes->items[changes->count] = (struct change){.owner = owner};
  return &changes->items[changes->count++];
}

/* fl_seal_note(TEXT, OWNER, BEFORE, AFTER) */
static void on_note(sqlite3_context *context, int count, sqlite3_value **values) {
  struct fl_db *db = sqlite3_user_data(context);
  const struct text *text = &texts[sqlite3_value_int(values[0]) % TEXT_COUNT];
  int64_t owner = sqlite3_value_int64(values[1]);
  struct change *change = find_change(db->changes, owner);
  struct fl_error err = {0};
  int status = 0;
  for (int i = 2; status == 0 && i < 4; i++) {
    const char *bytes = sqlite3_value_blob(values[i]);
    fl_slice sealed = fl_slice_n(bytes, bytes != NULL ? (size_t)sqlite3_value_bytes(values[i]) : 0);
    const struct spot spot = {db, text, owner, i == 2};
    status = note(&spot, sealed, &change->delta, &err);
  }
  if (status != 0) sqlite3_result_error(context, err.text, -1);
}

/* fl_seal_gone(OWNER): the thread with all that was in it. */
static void on_gone(sqlite3_context *context, int count, sqlite3_value **values) {
  struct fl_db *db = sqlite3_user_data(context);
  struct change *change = find_change(db->changes, sqlite3_value_int64(values[0]));
  *change = (struct change){.owner = change->owner, .starts_anew = true};
}

static int make_triggers(struct fl_db *db, size_t index, struct fl_error *err) {
  const struct text *text = &texts[index];
  char sql[3 * SQL_SIZE], before[64], after[64];
  snprintf(before, sizeof before, "%s%s", text->owner != NULL ? "OLD." : "", text->owner != NULL ? text->owner : "");
  snprintf(after, sizeof after, "%s%s", text->owner != NULL ? "NEW." : "", text->owner != NULL ? text->owner : "");
  if (text->owner == NULL) snprintf(before, sizeof before, "%" PRId64, text->beside);
  if (text->owner == NULL) snprintf(after, sizeof after, "%" PRId64, text->beside);
  const char *table = text->table, *column = text->column;
  snprintf(sql, sizeof sql,
           "CREATE TEMP TRIGGER seal_%zu_added AFTER INSERT ON %s WHEN NEW.%s IS NOT NULL BEGIN"
           " SELECT fl_seal_note(%zu, %s, NULL, NEW.%s); END;"
           "CREATE TEMP TRIGGER seal_%zu_changed AFTER UPDATE OF %s ON %s WHEN OLD.%s IS NOT NEW.%s BEGIN"
           " SELECT fl_seal_note(%zu, %s, OLD.%s, NEW.%s); END;"
           "CREATE TEMP TRIGGER seal_%zu_dropped AFTER DELETE ON %s WHEN OLD.%s IS NOT NULL BEGIN"
           " SELECT fl_seal_note(%zu, %s, OLD.%s, NULL); END;",
           index, table, column, index, after, column, index, column, table, column, column, index, before, column,
           column, index, table, column, index, before, column);
  return fl_db_run_text(db, sql, err);
}

int fl_seal_heads_watch(struct fl_db *db, struct fl_error *err) {
  static const char gone[] = "CREATE TEMP TRIGGER seal_gone AFTER DELETE ON thread BEGIN"
                             " SELECT fl_seal_gone(OLD.row); END;";
  if (db->sealer == NULL) return 0;
  db->changes = fl_new(struct fl_seal_changes);
  int code = sqlite3_create_function(db->handle, "fl_seal_note", 4, SQLITE_UTF8, db, on_note, NULL, NULL);
  if (code == SQLITE_OK)
    code = sqlite3_create_function(db->handle, "fl_seal_gone", 1, SQLITE_UTF8, db, on_gone, NULL, NULL);
  if (code != SQLITE_OK) return fl_db_fail(db, code, err);
  int status = 0;
  for (size_t i = 0; status == 0 && i < TEXT_COUNT; i++) status = make_triggers(db, i, err);
  return status == 0 ? fl_db_run_text(db, gone, err) : status; /* after that for its metadata */
}

void fl_seal_changes_destroy(struct fl_seal_changes *changes) {
  if (changes != NULL) fl_free(changes->items);
  fl_free(changes);
}

/* ---- heads ---- */

static struct fl_seal_row head_row(const int64_t *owner) {
  return (struct fl_seal_row){
      .table = "seal_head", .thread = "", .what = "a head", .numbers = owner, .number_count = 1};
}

int fl_seal_head_read(struct fl_db *db, int64_t owner, struct fl_seal_head *ret_head, struct fl_error *err) {
  uint64_t numbers[HEAD_NUMBERS];
  sqlite3_stmt *statement = fl_db_use(db, FL_SQL_SEAL_HEAD_READ, err);
  if (statement == NULL) return err->code;
  sqlite3_bind_int64(statement, 1, owner);
  int status = fl_db_row(db, statement, err);
  if (status != 0) return status;
  const char *bytes = sqlite3_column_blob(statement, 0);
  fl_slice sealed = fl_slice_n(bytes, bytes != NULL ? (size_t)sqlite3_column_bytes(statement, 0) : 0), plain;
  const struct fl_seal_row row = head_row(&owner);
  status = fl_unseal_text(db, &row, sealed, &plain, err);
  if (status == 0 && plain.size != sizeof numbers) status = fl_error_set(err, FL_E_CORRUPT, "a head is damaged");
  if (status == 0) memcpy(numbers, plain.data, sizeof numbers);
  sqlite3_reset(statement);
  if (status != 0) return status;
  const uint64_t *at = numbers;
  for (size_t i = 0; i < FL_HEAD_PARTS; i++) {
    ret_head->parts[i].count = le64toh(*at++);
    for (size_t j = 0; j < FL_HEAD_LANES; j++) ret_head->parts[i].sum[j] = le64toh(*at++);
  }
  ret_head->newest = le64toh(*at);
  return 0;
}

static struct known_head *place_of(struct fl_seal_changes *changes, int64_t owner) {
  return &changes->known[(uint64_t)(owner - FL_HEAD_OF_ALL) % KNOWN_HEADS];
}

static void know(struct fl_db *db, int64_t owner, const struct fl_seal_head *head) {
  *place_of(db->changes, owner) = (struct known_head){true, head != NULL, owner, {{{0}}, 0}};
  if (head != NULL) place_of(db->changes, owner)->head = *head;
}

/* As fl_seal_head_read; zeros where there is none. */
static int recall(struct fl_db *db, int64_t owner, struct fl_seal_head *ret_head, bool *ret_is_there,
                  struct fl_error *err) {
  const struct known_head *known = place_of(db->changes, owner);
  if (!known->is_known || known->owner != owner) {
    struct fl_seal_head head = {0};
    int status = fl_seal_head_read(db, owner, &head, err);
    if (status != 0 && status != FL_E_NOT_FOUND) return status;
    know(db, owner, status == 0 ? &head : NULL);
  }
  *ret_head = known->head;
  *ret_is_there = known->is_there;
  return 0;
}

static int write_head(struct fl_db *db, int64_t owner, const struct fl_seal_head *head, bool is_there,
                      struct fl_error *err) {
  uint64_t numbers[HEAD_NUMBERS], *at = numbers;
  for (size_t i = 0; i < FL_HEAD_PARTS; i++) {
    *at++ = htole64(head->parts[i].count);
    for (size_t j = 0; j < FL_HEAD_LANES; j++) *at++ = htole64(head->parts[i].sum[j]);
  }
  *at = htole64(head->newest);
  fl_slice sealed;
  const struct fl_seal_row row = head_row(&owner);
  int status = fl_seal_text(db, &row, fl_slice_n((const char *)numbers, sizeof numbers), &sealed, err);
  sqlite3_stmt *statement =
      status == 0 ? fl_db_use(db, is_there ? FL_SQL_SEAL_HEAD_PUT : FL_SQL_SEAL_HEAD_ADD, err) : NULL;
  if (statement == NULL) return err->code;
  know(db, owner, head);
  sqlite3_bind_int64(statement, 1, owner);
  sqlite3_bind_blob64(statement, 2, sealed.data, sealed.size, SQLITE_STATIC);
  return fl_db_run(db, statement, err);
}

static int drop_head(struct fl_db *db, int64_t owner, struct fl_error *err) {
  know(db, owner, NULL);
  sqlite3_stmt *statement = fl_db_use(db, FL_SQL_SEAL_HEAD_DROP, err);
  if (statement == NULL) return err->code;
  sqlite3_bind_int64(statement, 1, owner);
  return fl_db_run(db, statement, err);
}

static bool is_empty(const struct fl_seal_head *head) {
  return head->parts[FL_HEAD_LASTING].count == 0 && head->parts[FL_HEAD_BESIDE].count == 0;
}

/* The new head of one owner; what it is more than the one before is added to `all`. */
static int put_change(struct fl_db *db, const struct change *change, struct fl_seal_head *all, struct fl_error *err) {
  struct fl_seal_head before = {0}, head = {0};
  bool was_there = false;
  int status = recall(db, change->owner, &before, &was_there, err);
  if (status != 0) return status;
  if (!change->starts_anew) head = before;
  fl_seal_head_add(&head, &change->delta, false);
  status = change->owner > 0 ? fl_db_last_no(db, change->owner, FL_KEY_CHECKPOINT, &head.newest, err) : 0;
  if (status != 0) return status;
  fl_seal_head_add(all, &head, false);
  fl_seal_head_add(all, &before, true);
  if (!is_empty(&head)) return write_head(db, change->owner, &head, was_there, err);
  return was_there ? drop_head(db, change->owner, err) : 0;
}

/* Over all heads, from the highest owner down. */
static int sum_all(struct fl_db *db, struct fl_seal_head *ret_all, struct fl_error *err) {
  int64_t owner = INT64_MAX;
  *ret_all = (struct fl_seal_head){0};
  for (;;) {
    struct fl_seal_head head;
    sqlite3_stmt *statement = fl_db_use(db, FL_SQL_SEAL_HEAD_BELOW, err);
    if (statement == NULL) return err->code;
    sqlite3_bind_int64(statement, 1, owner);
    int status = fl_db_row(db, statement, err);
    if (status == FL_E_NOT_FOUND) return 0;
    if (status != 0) return status;
    owner = sqlite3_column_int64(statement, 0);
    sqlite3_reset(statement);
    if (owner == FL_HEAD_OF_ALL) continue;
    status = fl_seal_head_read(db, owner, &head, err);
    if (status != 0) return status;
    fl_seal_head_add(ret_all, &head, false);
  }
}

/* ---- a batch ---- */

void fl_seal_batch_forget(struct fl_db *db) {
  fl_sealer_forget(db->sealer);
  if (db->changes != NULL) memset(db->changes->known, 0, sizeof db->changes->known);
}

/* The key of heads is there before the first trigger needs it: a trigger could not make it. */
int fl_seal_batch_begin(struct fl_db *db, struct fl_error *err) {
  uint8_t ignored[32];
  unsigned version = 0;
  if (db->changes == NULL) return 0;
  int code = sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_DATA_VERSION, &version);
  if (code != SQLITE_OK || version != db->changes->version) fl_seal_batch_forget(db);
  db->changes->version = version;
  db->changes->count = 0;
  db->changes->must_sum = false;
  return fl_seal_hash(db, FL_SLICE("head"), ignored, err);
}

int fl_seal_batch_end(struct fl_db *db, struct fl_error *err) {
  struct fl_seal_head all = {0};
  bool is_there = false;
  if (db->changes == NULL || (db->changes->count == 0 && !db->changes->must_sum)) return 0;
  int status = recall(db, FL_HEAD_OF_ALL, &all, &is_there, err);
  for (size_t i = 0; status == 0 && i < db->changes->count; i++)
    status = put_change(db, &db->changes->items[i], &all, err);
  if (status == 0 && db->changes->must_sum) status = sum_all(db, &all, err);
  return status == 0 ? write_head(db, FL_HEAD_OF_ALL, &all, is_there, err) : status;
}

int fl_seal_heads_count_again(struct fl_db *db, int64_t owner, struct fl_error *err) {
  struct fl_seal_head counted;
  int status = fl_seal_head_count(db, owner, &counted, err);
  if (status != 0) return status;
  *find_change(db->changes, owner) = (struct change){owner, true, counted};
  return 0;
}

void fl_seal_heads_sum_again(struct fl_db *db) { db->changes->must_sum = true; }
