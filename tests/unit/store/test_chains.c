/* SPDX-License-Identifier: MIT */
/* Long lists, read back from a store that was opened anew: every way in which the rows of a chain may lie in the file
 * gives the same list, and what is wrong in the middle of one is named. */
#include "tests/unit/store/fixture.h"

#include <sqlite3.h>

enum { LONG = 900 };

/* The n-th message of a thread says so; the list of `count` of them is value `count`. */
static void add_message(struct fl_records *records, const char *thread, uint64_t no) {
  char body[160];
  snprintf(body, sizeof body, "[{\"id\":\"%s-%d\",\"n\":%d}]", thread, (int)no, (int)no);
  add_delta(records, FL_BODY_APPEND, no, no - 1, no, body);
}

static void add_head(struct fl_records *records, uint64_t no, uint64_t parent_no, uint64_t value_no) {
  char body[96];
  snprintf(body, sizeof body, "{\"channels\":{\"messages\":[1,%d]}}", (int)value_no);
  add_checkpoint(records, no, parent_no, "loop", body);
}

static void assert_messages(struct fixture *f, const char *thread, size_t count) {
  struct fl_loaded loaded;
  load(f, thread, 0, &loaded);
  const struct fl_list *list = loaded.channels[0].var.list;
  assert_int_equal(fl_list_size(list), count);
  for (size_t i = 0; i < count; i++) {
    char id[64];
    snprintf(id, sizeof id, "%s-%d", thread, (int)i + 1);
    assert_int_equal(fl_get_int(fl_list_at(list, i), "n", 0), i + 1);
    assert_string_equal(fl_get_string(fl_list_at(list, i), "id", ""), id);
    assert_int_equal(fl_list_find_id(list, id), i);
  }
  fl_loaded_deinit(&loaded);
}

/* One transaction of messages in the order of `no_of`. */
static void write_in_order(struct fixture *f, const char *thread, uint64_t (*no_of)(uint64_t index)) {
  struct fl_records records = {0};
  uint64_t fence = acquire(f, thread);
  for (uint64_t i = 0; i < LONG; i++) add_message(&records, thread, no_of(i));
  add_head(&records, 1, 0, LONG);
  commit_ok(f, thread, fence, 0, &records);
}

static uint64_t rising(uint64_t index) { return index + 1; }
static uint64_t falling(uint64_t index) { return LONG - index; }
static uint64_t scattered(uint64_t index) { return index * 457 % LONG + 1; } /* a permutation: 457 is prime */
static uint64_t in_blocks(uint64_t index) { return index / 30 * 30 + (29 - index % 30) + 1; }

static void order_in_the_file_does_not_matter(void **state) {
  struct fixture *f = *state;
  write_in_order(f, "rising", rising);
  write_in_order(f, "falling", falling);
  write_in_order(f, "scattered", scattered);
  write_in_order(f, "blocks", in_blocks);
  fixture_reopen(f);
  static const char *const threads[] = {"rising", "falling", "scattered", "blocks"};
  for (size_t i = 0; i < 4; i++) assert_messages(f, threads[i], LONG);
}

/* Three threads, whose rows have the same numbers, in turns that are short, long, and longer than anything that is read
 * at once. */
static void threads_that_take_turns_keep_their_rows_apart(void **state) {
  static const char *const threads[] = {"a", "b", "c"};
  static const uint64_t turns[] = {1, 7, 300, 2, 40, 1, 1, 290, 16, 17, 3, 222};
  struct fixture *f = *state;
  uint64_t fences[3], written = 0;
  for (size_t i = 0; i < 3; i++) fences[i] = acquire(f, threads[i]);
  for (uint64_t turn = 0; turn < sizeof turns / sizeof turns[0]; turn++) {
    for (size_t i = 0; i < 3; i++) {
      struct fl_records records = {0};
      for (uint64_t no = written + 1; no <= written + turns[turn]; no++) add_message(&records, threads[i], no);
      add_head(&records, turn + 1, turn, written + turns[turn]);
      commit_ok(f, threads[i], fences[i], turn, &records);
    }
    written += turns[turn];
  }
  assert_int_equal(written, LONG);
  fixture_reopen(f);
  for (size_t i = 0; i < 3; i++) assert_messages(f, threads[i], LONG);
}

/* Values of another channel lie between those of the list: none, a few, and more than are passed over. */
static void values_of_other_channels_are_passed_over(void **state) {
  struct fixture *f = *state;
  struct fl_records records = {0};
  uint64_t fence = acquire(f, "t"), no = 0, last = 0, count = 0;
  for (; count < 400; count++) {
    for (uint64_t i = 0; i < (count < 200 ? count % 3 : count % 40); i++) add_value(&records, "x", ++no, "0");
    char body[96];
    snprintf(body, sizeof body, "[{\"id\":\"t-%d\",\"n\":%d}]", (int)count + 1, (int)count + 1);
    add_delta(&records, FL_BODY_APPEND, ++no, last, count + 1, body);
    last = no;
  }
  add_head(&records, 1, 0, last);
  commit_ok(f, "t", fence, 0, &records);
  fixture_reopen(f);
  assert_messages(f, "t", 400);
}

/* ---- what is wrong ---- */

static int load_after(const char *sql, struct fl_error *err) {
  struct fixture f = {0};
  struct fl_loaded loaded;
  sqlite3 *handle;
  fixture_open(&f, false);
  write_in_order(&f, "t", rising);
  fl_store_close(f.store);
  assert_int_equal(sqlite3_open(f.path, &handle), SQLITE_OK);
  assert_int_equal(sqlite3_exec(handle, sql, NULL, NULL, NULL), SQLITE_OK);
  sqlite3_close(handle);
  assert_int_equal(fl_store_open(f.world, f.path, NULL, &f.store, &f.err), 0);
  int status = fl_store_load(f.store, "t", "", 0, &loaded, err);
  if (status == 0) fl_loaded_deinit(&loaded);
  fixture_close(&f);
  return status;
}

static void a_row_that_is_missing_or_damaged_far_down_is_named(void **state) {
  struct fl_error err = {0};
  assert_int_equal(load_after("SELECT 1", &err), 0);
  assert_int_equal(load_after("DELETE FROM row WHERE k = 300", &err), FL_E_CORRUPT);
  assert_non_null(strstr(err.text, "value 301 "));
  assert_non_null(strstr(err.text, "missing"));
  assert_int_equal(load_after("UPDATE row SET body = replace(body, ':', ' :') WHERE k = 300", &err), FL_E_CORRUPT);
  assert_non_null(strstr(err.text, "value 300 is damaged"));
  assert_int_equal(load_after("UPDATE row SET parent = 12 WHERE k = 300", &err), FL_E_CORRUPT);
  assert_non_null(strstr(err.text, "value 300 is damaged"));
  assert_int_equal(load_after("UPDATE row SET thread = 77 WHERE k = 300", &err), FL_E_CORRUPT);
  assert_non_null(strstr(err.text, "missing"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      EACH(order_in_the_file_does_not_matter),
      EACH(threads_that_take_turns_keep_their_rows_apart),
      EACH(values_of_other_channels_are_passed_over),
      cmocka_unit_test(a_row_that_is_missing_or_damaged_far_down_is_named),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
