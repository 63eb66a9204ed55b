/* SPDX-License-Identifier: MIT */
/* The audit log: what transactions leave in it, and that whoever changes, exchanges, drops or cuts off records without
 * the key is found out, by the number of the first bad record. */
#include "tests/unit/store/fixture.h"

#include "runtime/store/audit_write.h"

#include <sqlite3.h>
#include <sys/stat.h>

enum { COUNT = 1000 };

/* ---- writing some ---- */

static void add_audit(struct fl_records *records, const char *what, const char *body) {
  struct fl_record *record = fl_records_add(records, FL_RECORD_AUDIT, "");
  record->audit.what = fl_strdup(what);
  record->audit.wall_ms = 1796000000000 + (int64_t)records->count;
  set_body(record, body);
}

static void write_some(struct fixture *f, size_t count) {
  struct fl_records records = {0};
  char body[96];
  for (size_t i = 0; i < count; i++) {
    snprintf(body, sizeof body, "{\"tool\":\"bank/pay\",\"call_id\":\"%zu\",\"rule\":\"/tools/%zu\"}", i, i % 7);
    add_audit(&records, i % 3 == 0 ? "call.denied" : "call.allowed", body);
  }
  struct waiting waiting = {.txn = {.kind = FL_TXN_AUDIT, .audit = &records}};
  assert_int_equal(submit_and_wait(f, &waiting), 0);
  fl_records_deinit(&records);
}

static struct fl_audit_report verify(struct fixture *f, const struct fl_audit_check *check) {
  struct fl_audit_report report;
  if (fl_store_verify_audit(f->store, check, &report, &f->err) != 0) fail_msg("verify: %s", f->err.text);
  return report;
}

static void assert_holds(struct fixture *f, uint64_t count) {
  struct fl_audit_report report = verify(f, NULL);
  assert_string_equal(report.fault, "");
  assert_int_equal(report.bad_no, 0);
  assert_int_equal(report.count, count);
}

static void assert_bad(struct fixture *f, uint64_t no, const char *says) {
  struct fl_audit_report report = verify(f, NULL);
  if (report.bad_no != no || strstr(report.fault, says) == NULL)
    fail_msg("bad %llu (%s), not %llu (%s)", (unsigned long long)report.bad_no, report.fault, (unsigned long long)no,
             says);
}

/* ---- somebody with the file, and without the key ---- */

static void attack(const struct fixture *f, const char *sql, ...) {
  char text[512], *why = NULL;
  va_list arguments;
  va_start(arguments, sql);
  vsnprintf(text, sizeof text, sql, arguments);
  va_end(arguments);
  sqlite3 *handle;
  assert_int_equal(sqlite3_open(f->path, &handle), SQLITE_OK);
  sqlite3_exec(handle, "DROP TRIGGER audit_changed; DROP TRIGGER audit_dropped", NULL, NULL, NULL);
  if (sqlite3_exec(handle, text, NULL, NULL, &why) != SQLITE_OK) fail_msg("%s", why);
  assert_int_equal(sqlite3_close(handle), SQLITE_OK);
}

static void save(const struct fixture *f) { attack(f, "CREATE TABLE kept AS SELECT * FROM audit"); }
static void restore(const struct fixture *f) { attack(f, "DELETE FROM audit; INSERT INTO audit SELECT * FROM kept"); }

/* ---- what is written ---- */

static bool collect(const struct fl_audit_record *record, void *user) {
  struct fl_buf *text = user;
  fl_buf_addf(text, "%llu %s %s %.*s\n", (unsigned long long)record->no, record->what, record->thread,
              (int)record->body.size, record->body.data);
  return true;
}

static void assert_list(struct fixture *f, struct fl_audit_query query, const char *expected) {
  FL_BUF_AUTO text = {0};
  query.visit = collect;
  query.user = &text;
  assert_int_equal(fl_store_list_audit(f->store, &query, &f->err), 0);
  assert_string_equal(text.data != NULL ? text.data : "", expected);
}

static void acts_leave_records(void **state) {
  struct fixture *f = *state;
  uint64_t fence = acquire(f, "t");
  struct fl_records records = {0};
  add_value(&records, "x", 1, "1");
  add_checkpoint(&records, 1, 0, "input", "{\"channels\":{\"x\":[1,1]}}");
  add_audit(&records, "call.denied", "{\"tool\":\"a/b\"}");
  commit_ok(f, "t", fence, 0, &records);
  struct fl_records edit = {0};
  add_checkpoint(&edit, 2, 1, "update", "{\"channels\":{\"x\":[1,1]}}");
  commit_ok(f, "t", fence, 1, &edit);
  assert_int_equal(lease(f, FL_TXN_LEASE_RELEASE, "t", fence), 0);
  const struct fl_copy copy = {.to = "u"};
  struct waiting copies = {.txn = {.kind = FL_TXN_COPY, .thread = "t", .copy = &copy}};
  assert_int_equal(submit_and_wait(f, &copies), 0);
  assert_int_equal(lease(f, FL_TXN_DELETE_THREAD, "t", 0), 0);
  assert_int_equal(lease(f, FL_TXN_DELETE_THREAD, "t", 0), FL_E_NOT_FOUND); /* what did not happen leaves nothing */
  char expected[400];
  snprintf(expected, sizeof expected,
           "1 call.denied t {\"tool\":\"a/b\"}\n"
           "2 thread.edited t {\"checkpoint\":\"1f0a0002-0000-6000-8000-0123456789ab\",\"uid\":%d}\n"
           "3 thread.copied t {\"to\":\"u\",\"uid\":%d}\n"
           "4 thread.deleted t {\"uid\":%d}\n",
           (int)getuid(), (int)getuid(), (int)getuid());
  assert_list(f, (struct fl_audit_query){0}, expected);
  assert_list(f, (struct fl_audit_query){.what = "call."}, "1 call.denied t {\"tool\":\"a/b\"}\n");
  assert_list(f, (struct fl_audit_query){.what = "call"}, "");
  assert_list(f, (struct fl_audit_query){.thread = "nobody"}, "");
  assert_list(f, (struct fl_audit_query){.after_no = 3}, strstr(expected, "4 "));
  assert_list(f, (struct fl_audit_query){.limit = 1}, strstr(expected, "4 "));
  assert_holds(f, 4);
}

static void a_refused_write_leaves_no_record(void **state) {
  struct fixture *f = *state;
  uint64_t fence = acquire(f, "t");
  struct fl_records records = {0};
  add_audit(&records, "call.denied", "{}");
  add_result(&records, 1, "task", "call", "1"); /* has no intent */
  assert_int_equal(commit(f, "t", fence, 0, &records), FL_E_INVALID);
  assert_list(f, (struct fl_audit_query){0}, "");
  struct fl_records silent = {0};
  fl_records_add(&silent, FL_RECORD_AUDIT, "");
  assert_int_equal(commit(f, "t", fence, 0, &silent), FL_E_INVALID);
  assert_holds(f, 0);
}

static void a_store_without_records_has_no_key(void **state) {
  struct fixture *f = *state;
  char path[600];
  snprintf(path, sizeof path, "%s.audit-key", f->path);
  acquire(f, "t");
  assert_int_not_equal(access(path, F_OK), 0);
  assert_holds(f, 0);
  write_some(f, 1);
  struct stat info;
  assert_int_equal(stat(path, &info), 0);
  assert_int_equal(info.st_mode & 07777, 0600);
  fixture_reopen(f);
  write_some(f, 1);
  assert_holds(f, 2);
  chmod(path, 0644); /* a key that others read signs nothing, and what would need it does not happen */
  fixture_reopen(f);
  struct fl_records records = {0};
  add_audit(&records, "x.y", "{}");
  struct waiting waiting = {.txn = {.kind = FL_TXN_AUDIT, .audit = &records}};
  assert_int_equal(submit_and_wait(f, &waiting), FL_E_DENIED);
  fl_records_deinit(&records);
  chmod(path, 0600);
  assert_holds(f, 2);
}

/* ---- what is found out ---- */

/* Every bit of every field of 1,000 records, against the hash that is stored. */
static void each_bit_counts(void **state) {
  uint8_t before[FL_HASH_SIZE] = {0}, hash[FL_HASH_SIZE], other[FL_HASH_SIZE];
  for (size_t i = 0; i < COUNT; i++) {
    char what[] = "call.denied", thread[] = "t", body[48];
    snprintf(body, sizeof body, "{\"tool\":\"a/b\",\"n\":%zu}", i);
    struct fl_audit_record record = {
        .no = i + 1, .wall_ms = 1796000000000 + (int64_t)i, .what = what, .thread = thread};
    record.body = fl_slice_of(body);
    fl_audit_hash(before, &record, hash);
    struct {
      void *at;
      size_t size;
    } fields[] = {{&record.no, 8}, {&record.wall_ms, 8},     {what, 11},
                  {thread, 1},     {body, record.body.size}, {before, 32}};
    for (size_t k = 0; k < sizeof fields / sizeof fields[0]; k++)
      for (size_t bit = 0; bit < fields[k].size * 8; bit++) {
        uint8_t *byte = (uint8_t *)fields[k].at + bit / 8, mask = (uint8_t)(1 << bit % 8);
        *byte ^= mask;
        fl_audit_hash(before, &record, other);
        *byte ^= mask;
        if (memcmp(hash, other, sizeof hash) == 0) fail_msg("record %zu, field %zu, bit %zu", i, k, bit);
      }
    memcpy(before, hash, sizeof before);
  }
}

static void changed_records_are_named(void **state) {
  struct fixture *f = *state;
  static const char *const changes[] = {"body = replace(body, 'pay', 'pax')",
                                        "wall_ms = wall_ms + 1",
                                        "what = 'call.approved'",
                                        "thread = 't'",
                                        "hash = zeroblob(32)",
                                        "body = body || ' '",
                                        "hash = x'00'"};
  write_some(f, COUNT);
  assert_holds(f, COUNT);
  save(f);
  for (size_t i = 0; i < 42; i++) {
    unsigned no = (unsigned)(1 + i * 977 % COUNT);
    attack(f, "UPDATE audit SET %s WHERE no = %u", changes[i % 7], no);
    assert_bad(f, no, "was changed");
    restore(f);
  }
  assert_holds(f, COUNT);
}

static void swapped_and_dropped_records_are_named(void **state) {
  struct fixture *f = *state;
  write_some(f, COUNT);
  save(f);
  for (unsigned no = 1; no < COUNT; no += 111) {
    attack(f,
           "UPDATE audit SET no = -1 WHERE no = %u; UPDATE audit SET no = %u WHERE no = %u;"
           "UPDATE audit SET no = %u WHERE no = -1",
           no, no, no + 1, no + 1);
    assert_bad(f, no, "was changed");
    restore(f);
    attack(f, "DELETE FROM audit WHERE no = %u", no);
    assert_bad(f, no, "is missing");
    attack(f, "UPDATE audit SET no = no - 1 WHERE no > %u", no); /* and the gap closed */
    assert_bad(f, no, "was changed");
    restore(f);
  }
  attack(f, "INSERT INTO audit VALUES(%d, 1, 'call.denied', '', '{}', zeroblob(32))", COUNT + 1);
  assert_bad(f, COUNT + 1, "was changed");
}

/* The records that fit an unkeyed chain, made by whoever knows how it is made, end where the signature ends. */
static void a_chain_that_goes_on_is_not_signed(void **state) {
  struct fixture *f = *state;
  write_some(f, 3);
  struct fl_audit_report report = verify(f, NULL);
  const struct fl_audit_record forged = {
      .no = 4, .wall_ms = 5, .what = "call.denied", .thread = "", .body = FL_SLICE("{}")};
  uint8_t hash[FL_HASH_SIZE];
  char hex[2 * FL_HASH_SIZE + 1];
  fl_audit_hash(report.head.hash, &forged, hash);
  fl_hex(hash, sizeof hash, hex);
  attack(f, "INSERT INTO audit VALUES(4, 5, 'call.denied', '', '{}', x'%s')", hex);
  assert_bad(f, 4, "is not signed");
  attack(f, "UPDATE audit_head SET no = 4, wall_ms = 5, hash = x'%s'", hex);
  assert_bad(f, 4, "is not signed by the key");
  attack(f, "DELETE FROM audit_head");
  assert_bad(f, 1, "is not signed");
}

static void what_is_cut_off_is_missed(void **state) {
  struct fixture *f = *state;
  write_some(f, COUNT);
  save(f);
  for (unsigned left = 0; left < COUNT; left += 83) {
    attack(f, "DELETE FROM audit WHERE no > %u", left);
    assert_bad(f, left + 1, "were cut off");
    restore(f);
  }
  attack(f, "DELETE FROM audit WHERE no > 500; DELETE FROM audit_head");
  assert_bad(f, 501, "the head file names the last");
  attack(f, "DELETE FROM audit");
  char path[600];
  snprintf(path, sizeof path, "%s.audit-head", f->path);
  unlink(path);
  assert_bad(f, 1, "the log is gone");
}

/* The whole database as it was before, with its head of then: the head file tells, or a head that was kept. */
static void an_earlier_state_is_found_out(void **state) {
  struct fixture *f = *state;
  write_some(f, 400);
  attack(f, "CREATE TABLE old AS SELECT * FROM audit; CREATE TABLE old_head AS SELECT * FROM audit_head");
  write_some(f, 600);
  struct fl_audit_head kept = verify(f, NULL).head;
  assert_int_equal(kept.no, COUNT);
  attack(f, "DELETE FROM audit; INSERT INTO audit SELECT * FROM old; DELETE FROM audit_head;"
            "INSERT INTO audit_head SELECT * FROM old_head");
  assert_bad(f, 401, "the head file names the last");
  char path[600];
  snprintf(path, sizeof path, "%s.audit-head", f->path);
  unlink(path);
  assert_holds(f, 400); /* both put back: nothing here can tell */
  const struct fl_audit_check check = {.kept = &kept};
  struct fl_audit_report report = verify(f, &check);
  assert_int_equal(report.bad_no, 401);
  write_some(f, 599); /* and not even when as many came since */
  write_some(f, 1);
  report = verify(f, &check);
  assert_int_equal(report.bad_no, COUNT);
  assert_non_null(strstr(report.fault, "is another than the head that was kept says"));
}

static void heads_are_read_back(void **state) {
  struct fixture *f = *state;
  write_some(f, 2);
  struct fl_audit_head head = verify(f, NULL).head, back;
  FL_VALUE_AUTO value = fl_audit_head_value(&head);
  char *text = fl_dump(value, NULL);
  assert_int_equal(fl_audit_head_read(fl_slice_of(text), &back, &f->err), 0);
  assert_memory_equal(&back, &head, sizeof head);
  assert_true(fl_audit_head_is_signed(&back, head.key));
  back.no = 1;
  assert_false(fl_audit_head_is_signed(&back, head.key));
  for (size_t size = 0; text[size] != '\0'; size++)
    assert_int_not_equal(fl_audit_head_read(fl_slice_n(text, size), &back, NULL), 0);
  fl_text_free(text);
  const uint8_t stranger[FL_SIGN_KEY_SIZE] = {1};
  struct fl_audit_report report = verify(f, &(struct fl_audit_check){.key = stranger});
  assert_non_null(strstr(report.fault, "is not signed by the key of this log"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      EACH(acts_leave_records),
      EACH(a_refused_write_leaves_no_record),
      cmocka_unit_test(each_bit_counts),
#define ON_DISK(test) cmocka_unit_test_setup_teardown(test, open_sqlite, close_fixture)
      ON_DISK(a_store_without_records_has_no_key),
      ON_DISK(changed_records_are_named),
      ON_DISK(swapped_and_dropped_records_are_named),
      ON_DISK(a_chain_that_goes_on_is_not_signed),
      ON_DISK(what_is_cut_off_is_missed),
      ON_DISK(an_earlier_state_is_found_out),
      ON_DISK(heads_are_read_back),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
