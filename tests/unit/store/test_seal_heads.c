/* SPDX-License-Identifier: MIT */
/* What no sealed text tells of itself: that it is missing, that it is an older one, that there is one too many. Honest
 * work never looks like that. */
#include "tests/unit/store/sealed.h"

#include "runtime/store/seal.h"
#include "runtime/store/seal_head.h"

/* A second superstep: the calls beside the first checkpoint go, others come. */
static void go_on(struct fixture *f, const char *thread, uint64_t no) {
  uint64_t fence = acquire(f, thread);
  struct fl_records records = {0};
  char body[128];
  snprintf(body, sizeof body, "{\"channels\":{\"x\":[%llu,%llu],\"messages\":[2,3]}}", (unsigned long long)no,
           (unsigned long long)(no + 2));
  add_value(&records, "x", no + 2, "\"another\"");
  add_checkpoint(&records, no, no - 1, "loop", body);
  set_body(add_intent(&records, no, "task-2", 0, "call-2"), "{\"arg\":2}");
  add_result(&records, no, "task-2", "call-2", "\"result 2\"");
  add_write(&records, no, "task-2", 0, "\"write 2\"");
  commit_ok(f, thread, fence, no - 1, &records);
  assert_int_equal(lease(f, FL_TXN_LEASE_RELEASE, thread, fence), 0);
}

static int load_only(struct fixture *f, const char *thread) {
  struct fl_loaded loaded = {0};
  f->err = (struct fl_error){0};
  int status = fl_store_load(f->store, thread, "", 0, &loaded, &f->err);
  fl_loaded_deinit(&loaded);
  return status;
}

static void write_all(struct fixture *f) {
  write_thread(f, "t");
  go_on(f, "t", 2);
  write_thread(f, "other");
  write_beside(f);
}

/* ---- what a run would go on from ---- */

/* Each of these was read without a word when only texts were sealed: the run would have made its calls again. */
static void a_thread_that_was_put_back_is_not_loaded(void **state) {
  static const struct {
    const char *sql, *says;
  } rows[] = {
      {"DELETE FROM row WHERE thread = 1 AND k = (SELECT max(k) FROM row WHERE thread = 1 AND k < 8589934592)",
       "its newest checkpoint is 1, and should be 2"},
      {"DELETE FROM row WHERE thread = 1", "its newest checkpoint is 0, and should be 2"},
      {"DELETE FROM call WHERE thread = 1 AND id = (SELECT max(id) FROM call WHERE thread = 1)",
       "texts of calls and writes, not the"},
      {"UPDATE call SET result = NULL, result_sum = NULL, is_error = NULL WHERE thread = 1",
       "texts of calls and writes, not the"},
      {"DELETE FROM pending WHERE thread = 1", "texts of calls and writes, not the"},
      {"DELETE FROM seal_head WHERE owner = 1", "nothing says what should stand in it"},
      {"DELETE FROM seal_head", "nothing says what should stand in it"},
      {"UPDATE seal_head SET head = (SELECT head FROM seal_head WHERE owner = 2) WHERE owner = 1", "a head is damaged"},
      {"UPDATE seal_head SET head = zeroblob(129) WHERE owner = 1", "a head is not sealed"},
  };
  struct fixture *f = *state;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    close_fixture(state);
    assert_int_equal(open_sealed(state), 0);
    f = *state;
    write_all(f);
    assert_int_equal(load_only(f, "t"), 0);
    attack(f, rows[i].sql);
    if (load_only(f, "t") == 0) fail_msg("%s passes", rows[i].sql);
    if (strstr(f->err.text, rows[i].says) == NULL) fail_msg("%s: %s", rows[i].sql, f->err.text);
    if (verify(f).faults == 0) fail_msg("%s is not found by looking at all", rows[i].sql);
  }
}

/* ---- what only looking at all of it finds ---- */

static void what_is_missing_is_found(void **state) {
  static const struct {
    const char *sql, *says;
  } rows[] = {
      {"DELETE FROM event", "thread t: 1 of "},
      {"UPDATE thread SET metadata = NULL WHERE row = 1", "thread t: 1 of "},
      {"DELETE FROM item", "memory -: 1 of 2 texts are missing"},
      {"DELETE FROM item_vector", "memory -: 1 of 2 texts are missing"},
      {"DELETE FROM trace_span", "runs -: "},
      {"DELETE FROM trace_run", "runs -: "},
      {"DELETE FROM row WHERE thread = 2 AND k < 4294967296", "thread other: "},
      {"DELETE FROM seal_head WHERE owner = -2", "store -: a part of the store is missing as a whole"},
      {"DELETE FROM seal_head WHERE owner = 2; DELETE FROM seal_key WHERE owner = 2; DELETE FROM row WHERE thread = 2;"
       "DELETE FROM call WHERE thread = 2; DELETE FROM pending WHERE thread = 2; DELETE FROM event WHERE thread = 2;"
       "DELETE FROM thread WHERE row = 2",
       "store -: a part of the store is missing as a whole"},
      {"INSERT INTO row(thread, k, sum, body) SELECT thread, k + 100, sum, body FROM row WHERE thread = 2 AND k = 1",
       "thread other: "},
  };
  struct fixture *f = *state;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    close_fixture(state);
    assert_int_equal(open_sealed(state), 0);
    f = *state;
    write_all(f);
    assert_whole(f);
    attack(f, rows[i].sql);
    struct findings findings = verify(f);
    if (strstr(findings.said, rows[i].says) == NULL) fail_msg("%s: \"%s\"", rows[i].sql, findings.said);
  }
}

/* An item as it was, with its own seal and its own check sum; and a thread as it was, with its own head. */
static void what_was_put_back_is_found(void **state) {
  struct fixture *f = *state;
  write_all(f);
  attack(f, "CREATE TABLE old_item AS SELECT * FROM item; CREATE TABLE old_vector AS SELECT * FROM item_vector");
  write_beside(f);
  assert_whole(f);
  attack(f, "UPDATE item SET body = (SELECT body FROM old_item), sum = (SELECT sum FROM old_item)");
  assert_non_null(strstr(verify(f).said, "memory -: some texts were put back to an earlier state"));
  write_beside(f); /* going on does not cover it up */
  assert_true(verify(f).faults > 0);
}

static void a_part_that_was_put_back_with_its_head_is_found(void **state) {
  struct fixture *f = *state;
  write_thread(f, "t");
  attack(f, "CREATE TABLE old_row AS SELECT * FROM row; CREATE TABLE old_call AS SELECT * FROM call;"
            "CREATE TABLE old_pending AS SELECT * FROM pending; CREATE TABLE old_head AS SELECT * FROM seal_head");
  go_on(f, "t", 2);
  assert_whole(f);
  attack(f, "DELETE FROM row; INSERT INTO row SELECT * FROM old_row; DELETE FROM call; INSERT INTO call SELECT * FROM"
            " old_call; DELETE FROM pending; INSERT INTO pending SELECT * FROM old_pending;"
            "UPDATE seal_head SET head = (SELECT head FROM old_head WHERE owner = 1) WHERE owner = 1");
  assert_int_equal(load_only(f, "t"), 0); /* by itself it is whole */
  struct findings findings = verify(f);
  assert_int_equal(findings.faults, 1);
  assert_non_null(strstr(findings.said, "store -: a part of the store is missing as a whole, or was put back"));
}

/* ---- a store without heads, and one that is sealed again ---- */

static void sealing_takes_what_is_there(void **state) {
  struct fixture *f = *state;
  write_all(f);
  uint64_t texts = verify(f).texts;
  attack(f, "DELETE FROM seal_head");
  assert_int_equal(load_only(f, "t"), FL_E_CORRUPT);
  assert_non_null(strstr(f->err.text, "'fairlead store seal' takes what is there as it is"));
  struct fl_seal_step step = {0};
  while (!step.is_last) {
    struct waiting waiting = {.txn = {.kind = FL_TXN_SEAL, .seal = &step}};
    assert_int_equal(submit_and_wait(f, &waiting), 0);
    assert_false(step.did_seal);
    step.after = step.next;
  }
  assert_int_equal(load_only(f, "t"), 0);
  assert_whole(f);
  assert_int_equal(verify(f).texts, texts);
}

/* Batches that fail, and threads that go and come within one, leave heads as they should be. */
static void what_was_rolled_back_does_not_count(void **state) {
  struct fixture *f = *state;
  write_all(f);
  for (int i = 0; i < 3; i++) {
    uint64_t fence = acquire(f, "t");
    struct fl_records records = {0};
    add_value(&records, "x", 9, "\"nine\"");
    add_checkpoint(&records, 3, 2, "loop", "{\"channels\":{}}");
    struct waiting waiting = {
        .txn = {.kind = FL_TXN_WRITE, .thread = "t", .fence = fence, .expected_head = 7, .records = &records}};
    assert_int_not_equal(submit_and_wait(f, &waiting), 0);
    fl_records_deinit(&records);
    assert_int_equal(lease(f, FL_TXN_LEASE_RELEASE, "t", fence), 0);
    assert_int_equal(lease(f, FL_TXN_DELETE_THREAD, "other", 0), 0);
    write_thread(f, "other");
    write_beside(f);
    assert_whole(f);
  }
  assert_int_equal(reopen_with(f, key_bytes), 0);
  assert_whole(f);
}

/* Two who write in turns: what one knows of heads and keys is not believed after the other has written. */
static void two_writers_keep_one_sum(void **state) {
  struct fixture *f = *state;
  struct fl_store *first = f->store, *second;
  f->store = NULL;
  assert_int_equal(open_with(f, key_bytes, false), 0);
  second = f->store;
  for (int i = 0; i < 6; i++) {
    char thread[16];
    snprintf(thread, sizeof thread, "t%d", i / 2);
    f->store = i % 2 == 0 ? first : second;
    if (i % 2 == 0) write_thread(f, thread);
    else go_on(f, thread, 2);
    write_beside(f);
    assert_whole(f);
  }
  f->store = first; /* the row of this thread is another's next */
  assert_int_equal(lease(f, FL_TXN_DELETE_THREAD, "t2", 0), 0);
  f->store = second;
  write_thread(f, "again");
  assert_int_equal(load_only(f, "again"), 0);
  assert_whole(f);
  f->store = first;
  go_on(f, "again", 2);
  assert_whole(f);
  fl_store_close(second);
}

/* Without a key every row is read, and there is nothing to compare with. */
static void a_store_without_a_key_is_read_as_a_whole(void **state) {
  struct fixture *f = *state;
  fl_store_close(f->store);
  unlink(f->path);
  assert_int_equal(open_with(f, NULL, false), 0);
  write_thread(f, "t");
  struct findings findings = verify(f);
  assert_int_equal(findings.count, 1);
  assert_int_equal(findings.faults, 0);
  attack(f, "UPDATE row SET body = '\"changed\"' WHERE k = 1");
  findings = verify(f);
  if (strstr(findings.said, "thread t: a value is damaged") == NULL) fail_msg("\"%s\"", findings.said);
}

int main(void) {
#define SEALED(test) cmocka_unit_test_setup_teardown(test, open_sealed, close_fixture)
  const struct CMUnitTest tests[] = {
      SEALED(a_thread_that_was_put_back_is_not_loaded),
      SEALED(what_is_missing_is_found),
      SEALED(what_was_put_back_is_found),
      SEALED(a_part_that_was_put_back_with_its_head_is_found),
      SEALED(sealing_takes_what_is_there),
      SEALED(what_was_rolled_back_does_not_count),
      SEALED(two_writers_keep_one_sum),
      SEALED(a_store_without_a_key_is_read_as_a_whole),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
