/* SPDX-License-Identifier: MIT */
/* Whether a store holds what its heads say (seal_head.h): a thread as it is loaded, in what matters for going on; and
 * all of it, by fl_store_verify. */
#include "runtime/base/mem.h"
#include "runtime/store/impl.h"
#include "runtime/store/seal.h"
#include "runtime/store/seal_head.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define TAKE_IT "; 'fairlead store seal' takes what is there as it is, if you know that it is yours"

static bool is_same(const struct fl_seal_head *a, const struct fl_seal_head *b, enum fl_head_part part) {
  return memcmp(&a->parts[part], &b->parts[part], sizeof a->parts[part]) == 0;
}

/* ---- a thread that is loaded ---- */

static int has_key(struct fl_db *db, int64_t owner, bool *ret_has, struct fl_error *err) {
  sqlite3_stmt *statement = fl_db_use(db, FL_SQL_SEAL_KEY_READ, err);
  if (statement == NULL) return err->code;
  sqlite3_bind_int64(statement, 1, owner);
  int status = fl_db_row(db, statement, err);
  *ret_has = status == 0;
  sqlite3_reset(statement);
  return status == FL_E_NOT_FOUND ? 0 : status;
}

/* A thread that nothing sealed was written to has neither a key nor a head: what is in it is in the clear, and is
 * refused for that. */
static int refuse_headless(struct fl_db *db, const char *thread, int64_t row, struct fl_error *err) {
  bool has = false;
  int status = has_key(db, row, &has, err);
  if (status != 0 || !has) return status;
  return fl_error_set(err, FL_E_CORRUPT, "thread %s: nothing says what should stand in it%s", thread, TAKE_IT);
}

int fl_seal_check_thread(struct fl_db *db, const char *thread, int64_t row, struct fl_error *err) {
  struct fl_seal_head head, counted;
  if (db->sealer == NULL) return 0;
  int status = db->version < FL_FORMAT_SEAL_HEAD ? FL_E_NOT_FOUND : fl_seal_head_read(db, row, &head, err);
  if (status == FL_E_NOT_FOUND) return refuse_headless(db, thread, row, err);
  if (status == 0) status = fl_seal_head_count_beside(db, row, &counted, err);
  if (status != 0) return status;
  if (counted.newest != head.newest)
    return fl_error_set(err, FL_E_CORRUPT,
                        "thread %s: its newest checkpoint is %" PRIu64 ", and should be %" PRIu64
                        ": it was put back to an earlier state",
                        thread, counted.newest, head.newest);
  if (is_same(&counted, &head, FL_HEAD_BESIDE)) return 0;
  return fl_error_set(err, FL_E_CORRUPT,
                      "thread %s: beside its checkpoint are %" PRIu64 " texts of calls and writes, not the %" PRIu64
                      " that should be there: some are missing, or were put back to an earlier state",
                      thread, counted.parts[FL_HEAD_BESIDE].count, head.parts[FL_HEAD_BESIDE].count);
}

/* ---- the whole store ---- */

struct verifying {
  struct fl_db *db;
  fl_store_finding_fn *visit;
  void *user;
  const char *thread;      /* "": what is looked at is of none */
  struct fl_seal_head all; /* of the heads that are there */
  char fault[FL_ERROR_TEXT_MAX];
};

static int pass_record(const struct fl_record *record, void *user, struct fl_error *err) { return 0; }

static void find(struct verifying *verifying, const char *format, ...) FL_PRINTF(2, 3);
static void find(struct verifying *verifying, const char *format, ...) {
  va_list args;
  if (verifying->fault[0] != '\0') return; /* the first one is told */
  va_start(args, format);
  vsnprintf(verifying->fault, sizeof verifying->fault, format, args);
  va_end(args);
}

static void compare(struct verifying *verifying, const struct fl_seal_head *head, const struct fl_seal_head *counted) {
  uint64_t should = head->parts[0].count + head->parts[1].count, is = counted->parts[0].count + counted->parts[1].count;
  if (is < should) find(verifying, "%" PRIu64 " of %" PRIu64 " texts are missing", should - is, should);
  else if (is > should) find(verifying, "%" PRIu64 " texts are there that should not be", is - should);
  else if (!is_same(head, counted, FL_HEAD_LASTING) || !is_same(head, counted, FL_HEAD_BESIDE))
    find(verifying, "some texts were put back to an earlier state");
  else if (head->newest != counted->newest) find(verifying, "its newest checkpoint is not %" PRIu64, head->newest);
}

/* What is wrong with the rows is a finding; what is wrong with the disk ends it. */
static int settle(struct verifying *verifying, int status, const struct fl_error *err) {
  char front[FL_ID_MAX + 16];
  if (status != FL_E_CORRUPT && status != FL_E_DENIED) return status;
  size_t size = (size_t)snprintf(front, sizeof front, "thread %s: ", verifying->thread);
  find(verifying, "%s", strncmp(err->text, front, size) == 0 ? err->text + size : err->text);
  return 0;
}

/* One owner against its head. */
static int verify_owner(struct verifying *verifying, const char *thread, int64_t owner, struct fl_error *err) {
  struct fl_seal_head head = {0}, counted = {0};
  struct fl_db *db = verifying->db;
  const struct fl_ask ask = {.thread = thread, .on_record = pass_record};
  verifying->thread = thread;
  verifying->fault[0] = '\0';
  int status = owner > 0 ? settle(verifying, fl_sqlite_walk(db, owner, &ask, true, err), err) : 0;
  if (status == 0 && db->sealer != NULL) {
    status = fl_seal_head_count(db, owner, &counted, err);
    int found = status == 0 ? fl_seal_head_read(db, owner, &head, err) : status;
    if (status == 0 && found != FL_E_NOT_FOUND) status = settle(verifying, found, err);
    if (status == 0) compare(verifying, &head, &counted);
    fl_seal_head_add(&verifying->all, &head, false);
  }
  if (status != 0) return status;
  const struct fl_store_finding finding = {.thread = owner > 0 ? thread : NULL,
                                           .what = owner > 0                    ? "thread"
                                                   : owner == FL_HEAD_OF_MEMORY ? "memory"
                                                                                : "runs",
                                           .count = counted.parts[0].count + counted.parts[1].count,
                                           .fault = verifying->fault[0] != '\0' ? verifying->fault : NULL};
  verifying->visit(&finding, verifying->user);
  return 0;
}

static int verify_threads(struct verifying *verifying, struct fl_error *err) {
  int64_t after = 0;
  for (;;) {
    sqlite3_stmt *statement = fl_db_use(verifying->db, FL_SQL_THREAD_NEXT, err);
    if (statement == NULL) return err->code;
    sqlite3_bind_int64(statement, 1, after);
    int status = fl_db_row(verifying->db, statement, err);
    if (status != 0) return status == FL_E_NOT_FOUND ? 0 : status;
    after = sqlite3_column_int64(statement, 0);
    FL_FREE_AUTO char *id = fl_db_copy(statement, 1);
    sqlite3_reset(statement);
    status = verify_owner(verifying, id != NULL ? id : "", after, err);
    if (status != 0) return status;
  }
}

/* A thread that went with its head, or was put back with it, is missing or too much in the sum of all heads. */
static int verify_all(struct verifying *verifying, struct fl_error *err) {
  struct fl_seal_head all = {0};
  verifying->fault[0] = '\0';
  int status = fl_seal_head_read(verifying->db, FL_HEAD_OF_ALL, &all, err);
  status = status == FL_E_NOT_FOUND ? 0 : settle(verifying, status, err);
  if (status != 0) return status;
  if (!is_same(&all, &verifying->all, FL_HEAD_LASTING) || !is_same(&all, &verifying->all, FL_HEAD_BESIDE))
    find(verifying, "a part of the store is missing as a whole, or was put back to an earlier state as a whole");
  const struct fl_store_finding finding = {.what = "store",
                                           .count = all.parts[0].count + all.parts[1].count,
                                           .fault = verifying->fault[0] != '\0' ? verifying->fault : NULL};
  verifying->visit(&finding, verifying->user);
  return 0;
}

static int verify(struct verifying *verifying, struct fl_error *err) {
  struct fl_db *db = verifying->db;
  int status = verify_threads(verifying, err);
  if (status != 0 || db->sealer == NULL) return status;
  status = verify_owner(verifying, "", FL_HEAD_OF_MEMORY, err);
  if (status == 0) status = verify_owner(verifying, "", FL_HEAD_OF_RUNS, err);
  return status == 0 ? verify_all(verifying, err) : status;
}

int fl_store_verify(struct fl_store *store, fl_store_finding_fn *visit, void *user, struct fl_error *err) {
  struct fl_error ignored = {0};
  if (err == NULL) err = &ignored;
  struct fl_db *db = store->ops->side(store);
  if (db == NULL) return 0; /* there is nothing yet */
  if (db->sealer != NULL && db->version < FL_FORMAT_SEAL_HEAD)
    return fl_error_set(err, FL_E_VERSION, "%s: it was sealed by an older fairlead, which kept no heads%s", db->path,
                        TAKE_IT);
  struct verifying verifying = {.db = db, .visit = visit, .user = user, .thread = ""};
  bool is_outer = sqlite3_get_autocommit(db->handle) != 0;
  int status = is_outer ? fl_db_do(db, FL_SQL_BEGIN_READ, err) : 0;
  if (status == 0) status = verify(&verifying, err);
  if (is_outer && !sqlite3_get_autocommit(db->handle)) fl_db_do(db, FL_SQL_COMMIT, &ignored);
  return status;
}
