/* SPDX-License-Identifier: MIT */
/* Reading and verifying the audit log, on the connection that reads, each from one snapshot. */
#include "runtime/store/audit_write.h"

#include "runtime/base/mem.h"
#include "runtime/io/key_file.h"
#include "runtime/json/json.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A file that is only read may have a format without the log. */
static bool has_tables(const struct fl_db *db) { return db->version >= FL_FORMAT_AUDIT; }

/* ---- heads ---- */

static void set_hex(struct fl_value *object, const char *key, const uint8_t *bytes, size_t size) {
  char hex[2 * FL_SIGNATURE_SIZE + 1];
  fl_hex(bytes, size, hex);
  fl_set_string(object, key, hex);
}

struct fl_value *fl_audit_head_value(const struct fl_audit_head *head) {
  struct fl_value *value = fl_object();
  fl_set_int(value, "no", (int64_t)head->no);
  fl_set_int(value, "wall_ms", head->wall_ms);
  set_hex(value, "hash", head->hash, sizeof head->hash);
  set_hex(value, "key", head->key, sizeof head->key);
  set_hex(value, "signature", head->signature, sizeof head->signature);
  return value;
}

static bool take_hex(const struct fl_value *object, const char *key, uint8_t *ret_bytes, size_t size) {
  return fl_key_unhex(fl_slice_of(fl_get_string(object, key, "")), ret_bytes, size);
}

int fl_audit_head_read(fl_slice text, struct fl_audit_head *ret_head, struct fl_error *err) {
  FL_VALUE_AUTO value = NULL;
  struct fl_audit_head head = {0};
  int status = fl_json_read(text, FL_JSON_STRICT, &value, err);
  if (status != 0) return fl_error_context(err, "the head of an audit log");
  const struct fl_value *inner = fl_get(value, "head") != NULL ? fl_get(value, "head") : value;
  head.no = (uint64_t)fl_get_int(inner, "no", 0);
  head.wall_ms = fl_get_int(inner, "wall_ms", 0);
  bool is_fine = head.no > 0 && head.no <= INT64_MAX && take_hex(inner, "hash", head.hash, sizeof head.hash) &&
                 take_hex(inner, "key", head.key, sizeof head.key) &&
                 take_hex(inner, "signature", head.signature, sizeof head.signature);
  if (!is_fine) return fl_error_set(err, FL_E_INVALID, "it is not the head of an audit log");
  *ret_head = head;
  return 0;
}

bool fl_audit_head_is_signed(const struct fl_audit_head *head, const uint8_t public_key[FL_SIGN_KEY_SIZE]) {
  uint8_t digest[FL_HASH_SIZE];
  fl_audit_head_digest(head, digest);
  return memcmp(head->key, public_key, FL_SIGN_KEY_SIZE) == 0 &&
         fl_sign_holds(public_key, fl_slice_n((const char *)digest, sizeof digest), head->signature);
}

static bool take_blob(sqlite3_stmt *statement, int index, uint8_t *ret_bytes, size_t size) {
  const void *bytes = sqlite3_column_blob(statement, index);
  if (bytes == NULL || (size_t)sqlite3_column_bytes(statement, index) != size) return false;
  memcpy(ret_bytes, bytes, size);
  return true;
}

int fl_audit_read_head(struct fl_db *db, struct fl_audit_head *ret_head, struct fl_error *err) {
  *ret_head = (struct fl_audit_head){0};
  sqlite3_stmt *statement = fl_db_use(db, FL_SQL_AUDIT_HEAD, err);
  if (statement == NULL) return err->code;
  int status = fl_db_row(db, statement, err);
  if (status == FL_E_NOT_FOUND) return 0;
  if (status != 0) return status;
  ret_head->no = (uint64_t)sqlite3_column_int64(statement, 0);
  ret_head->wall_ms = sqlite3_column_int64(statement, 1);
  take_blob(statement, 2, ret_head->hash, sizeof ret_head->hash); /* what is not whole is not signed */
  take_blob(statement, 3, ret_head->key, sizeof ret_head->key);
  take_blob(statement, 4, ret_head->signature, sizeof ret_head->signature);
  sqlite3_reset(statement);
  return 0;
}

/* ---- records ---- */

/* no, wall_ms, what, thread, body, hash */
static void take_record(sqlite3_stmt *statement, struct fl_audit_record *record) {
  fl_slice what = fl_db_text(statement, 2), thread = fl_db_text(statement, 3);
  *record = (struct fl_audit_record){.no = (uint64_t)sqlite3_column_int64(statement, 0),
                                     .wall_ms = sqlite3_column_int64(statement, 1),
                                     .what = what.data != NULL ? what.data : "",
                                     .thread = thread.data != NULL ? thread.data : "",
                                     .body = fl_db_text(statement, 4)};
}

int fl_audit_list(struct fl_db *db, const struct fl_audit_query *query, struct fl_error *err) {
  if (!has_tables(db)) return 0;
  sqlite3_stmt *statement = fl_db_prepare(
      db,
      "SELECT * FROM (SELECT no, wall_ms, what, thread, body FROM audit WHERE no > ?1 AND (?2 IS NULL OR thread = ?2)"
      " AND (?3 IS NULL OR what = ?3 OR (?3 GLOB '*.' AND substr(what, 1, length(?3)) = ?3)) ORDER BY no DESC LIMIT ?4)"
      " ORDER BY no",
      err);
  if (statement == NULL) return err->code;
  sqlite3_bind_int64(statement, 1, query->after_no > INT64_MAX ? INT64_MAX : (int64_t)query->after_no);
  fl_db_bind_text(statement, 2, query->thread);
  fl_db_bind_text(statement, 3, query->what);
  sqlite3_bind_int64(statement, 4, query->limit == 0 || query->limit > INT32_MAX ? -1 : (int64_t)query->limit);
  bool goes_on = true;
  int status = 0;
  while (goes_on && (status = fl_db_row(db, statement, err)) == 0) {
    struct fl_audit_record record;
    take_record(statement, &record);
    goes_on = query->visit(&record, query->user);
  }
  sqlite3_finalize(statement);
  return status == FL_E_NOT_FOUND ? 0 : status;
}

/* ---- verifying ---- */

struct walk {
  const struct fl_audit_check *check;
  struct fl_audit_report *report;
  uint8_t hash[FL_HASH_SIZE]; /* of the last record that fits */
  bool has_passed_kept, has_passed_file;
  struct fl_audit_head file; /* what the head file says; no 0: nothing */
};

FL_PRINTF(3, 4)
static bool find_fault(struct walk *walk, uint64_t no, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  walk->report->bad_no = no;
  vsnprintf(walk->report->fault, sizeof walk->report->fault, format, arguments);
  va_end(arguments);
  return false;
}

/* A head from before must name a record that is there, with its hash. */
static bool passes(struct walk *walk, const struct fl_audit_head *head, const char *which) {
  if (head == NULL || head->no != walk->report->count || memcmp(head->hash, walk->hash, FL_HASH_SIZE) == 0) return true;
  return find_fault(walk, walk->report->count, "record %" PRIu64 " is another than %s says", walk->report->count,
                    which);
}

static bool check_record(struct walk *walk, sqlite3_stmt *statement) {
  struct fl_audit_record record;
  uint8_t hash[FL_HASH_SIZE], stored[FL_HASH_SIZE];
  uint64_t expected = walk->report->count + 1;
  take_record(statement, &record);
  if (record.no != expected)
    return find_fault(walk, expected, "record %" PRIu64 " is missing: %" PRIu64 " follows", expected, record.no);
  fl_audit_hash(walk->hash, &record, hash);
  if (!take_blob(statement, 5, stored, sizeof stored) || memcmp(hash, stored, sizeof hash) != 0)
    return find_fault(walk, expected, "record %" PRIu64 " was changed: it does not fit its hash and the record before",
                      expected);
  memcpy(walk->hash, hash, sizeof hash);
  walk->report->count = expected;
  return passes(walk, walk->check->kept, "the head that was kept") && passes(walk, &walk->file, "the head file");
}

static int check_records(struct fl_db *db, struct walk *walk, struct fl_error *err) {
  sqlite3_stmt *statement =
      fl_db_prepare(db, "SELECT no, wall_ms, what, thread, body, hash FROM audit ORDER BY no", err);
  if (statement == NULL) return err->code;
  int status = 0;
  while (walk->report->bad_no == 0 && (status = fl_db_row(db, statement, err)) == 0) check_record(walk, statement);
  sqlite3_finalize(statement);
  return status == FL_E_NOT_FOUND ? 0 : status;
}

static bool reaches(struct walk *walk, const struct fl_audit_head *head, const char *which) {
  uint64_t count = walk->report->count;
  if (head == NULL || head->no <= count) return true;
  return find_fault(walk, count + 1, "records %" PRIu64 " to %" PRIu64 " were cut off: %s names the last of them",
                    count + 1, head->no, which);
}

static bool is_signed(struct walk *walk, const struct fl_audit_head *head, const uint8_t *key, const char *which) {
  if (head == NULL || head->no == 0 || fl_audit_head_is_signed(head, key)) return true;
  return find_fault(walk, head->no, "%s is not signed by the key of this log", which);
}

/* What ends the chain. */
static bool check_heads(struct walk *walk, const uint8_t *key) {
  struct fl_audit_report *report = walk->report;
  const struct fl_audit_head *head = &report->head, *kept = walk->check->kept;
  if (!is_signed(walk, head, key, "the head") || !is_signed(walk, &walk->file, key, "the head file") ||
      !is_signed(walk, kept, key, "the head that was kept"))
    return false;
  if (!reaches(walk, kept, "the head that was kept") || !reaches(walk, &walk->file, "the head file") ||
      !reaches(walk, head, "the head"))
    return false;
  if (head->no < report->count)
    return find_fault(walk, head->no + 1, "record %" PRIu64 " and what follows is not signed", head->no + 1);
  if (head->no > 0 && memcmp(head->hash, walk->hash, FL_HASH_SIZE) != 0)
    return find_fault(walk, head->no, "record %" PRIu64 " is another than the head says", head->no);
  return true;
}

/* What stands in the head file; a file that holds no head is said to be damaged. */
static int read_file(struct fl_db *db, struct walk *walk, struct fl_error *err) {
  char text[1024];
  FL_FREE_AUTO char *path = fl_audit_head_path(db);
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) return 0; /* it comes with the first record; the store itself has a head */
  ssize_t size = read(fd, text, sizeof text);
  close(fd);
  if (size < 0) return fl_error_set(err, FL_E_IO, "%s: it cannot be read", path);
  struct fl_error why = {0};
  if (fl_audit_head_read(fl_slice_n(text, (size_t)size), &walk->file, &why) != 0)
    find_fault(walk, 0, "the head file %.180s is damaged", path);
  return 0;
}

/* The public key that must have signed. A log that never had a record has none. */
static int find_key(struct fl_db *db, const struct walk *walk, uint8_t ret_key[FL_SIGN_KEY_SIZE],
                    struct fl_error *err) {
  if (walk->check->key != NULL) {
    memcpy(ret_key, walk->check->key, FL_SIGN_KEY_SIZE);
    return 0;
  }
  FL_SECRET_AUTO seed = {0}, key = {0};
  FL_FREE_AUTO char *path = fl_audit_key_path(db);
  int status = fl_key_file_read(path, &seed, err);
  if (status == FL_E_NOT_FOUND)
    return fl_error_set(err, status,
                        "the key %s, which signs the audit log, is not there; name its public half (--key)", path);
  if (status != 0) return status;
  fl_sign_key(&seed, &key);
  fl_sign_public(&key, ret_key);
  return 0;
}

static bool never_was(struct fl_db *db, const struct walk *walk) {
  FL_FREE_AUTO char *path = fl_audit_key_path(db);
  return walk->report->count == 0 && walk->report->head.no == 0 && walk->file.no == 0 && walk->check->kept == NULL &&
         walk->check->key == NULL && access(path, F_OK) != 0;
}

static int verify(struct fl_db *db, struct walk *walk, struct fl_error *err) {
  uint8_t key[FL_SIGN_KEY_SIZE];
  struct fl_audit_report *report = walk->report;
  if (strcmp(db->path, ":memory:") == 0) return check_records(db, walk, err); /* nobody signs what nobody keeps */
  int status = read_file(db, walk, err);
  if (status == 0) status = fl_audit_read_head(db, &report->head, err);
  if (status == 0) status = check_records(db, walk, err);
  if (status != 0 || report->fault[0] != '\0' || never_was(db, walk)) return status;
  status = find_key(db, walk, key, err);
  if (status != 0) return status;
  if (check_heads(walk, key) && report->head.no == 0)
    find_fault(walk, report->count + 1, "the log is gone: there is a key, and no signed head");
  return 0;
}

int fl_audit_verify(struct fl_db *db, const struct fl_audit_check *check, struct fl_audit_report *ret_report,
                    struct fl_error *err) {
  static const struct fl_audit_check nothing = {0};
  struct fl_audit_report report = {0};
  struct walk walk = {.check = check != NULL ? check : &nothing, .report = &report};
  int status = has_tables(db) ? fl_db_do(db, FL_SQL_BEGIN_READ, err) : 0;
  if (status == 0 && has_tables(db)) {
    status = verify(db, &walk, err);
    struct fl_error ignored = {0};
    fl_db_do(db, FL_SQL_COMMIT, &ignored);
  }
  if (status == 0) *ret_report = report;
  return status;
}
