/* SPDX-License-Identifier: MIT */
/* Keeping threads small, for every kind of store: what goes and what stays, and who may. */
#include "tests/unit/store/threads.h"

#include <sqlite3.h>
#include <sys/stat.h>

/* ---- pruning ---- */

static void last_checkpoints_stay(void **state) {
  struct fixture *f = *state;
  give_back(f, "t", make_chat(f, "t", 10));
  assert_int_equal(prune_ok(f, "t", &(struct fl_prune){.keep_last = 3}), 7);
  assert_checkpoints(f, "t", "", "10 9 8 ");
  assert_channel(f, "t", 8, "messages", "[\"m1\",\"m2\",\"m3\",\"m4\",\"m5\",\"m6\",\"m7\",\"m8\"]");
  assert_channel(f, "t", 0, "x", "10");
  assert_int_equal(rows_of(f, "t", FL_RECORD_VALUE), 3 + 3); /* the list was written anew: it freed its rows */
  assert_int_equal(prune_ok(f, "t", &(struct fl_prune){.keep_last = 3}), 0);
  fixture_reopen(f);
  assert_channel(f, "t", 9, "messages", "[\"m1\",\"m2\",\"m3\",\"m4\",\"m5\",\"m6\",\"m7\",\"m8\",\"m9\"]");
}

static void young_checkpoints_stay(void **state) {
  struct fixture *f = *state;
  give_back(f, "t", make_chat(f, "t", 10)); /* made at 1001 to 1010 */
  assert_int_equal(prune_ok(f, "t", &(struct fl_prune){.since_ms = 1007}), 6);
  assert_checkpoints(f, "t", "", "10 9 8 7 ");
  assert_int_equal(prune_ok(f, "t", &(struct fl_prune){.keep_last = 2, .since_ms = 5000}), 2); /* either rule keeps */
  assert_checkpoints(f, "t", "", "10 9 ");
  assert_int_equal(prune_ok(f, "t", &(struct fl_prune){.since_ms = 5000}), 1); /* the head stays always */
  assert_checkpoints(f, "t", "", "10 ");
}

static void pruned_thread_goes_on(void **state) {
  struct fixture *f = *state;
  uint64_t fence = make_chat(f, "t", 6);
  struct waiting waiting = prune_with(f, "t", fence, &(struct fl_prune){.keep_last = 1});
  assert_int_equal(waiting.status, 0);
  assert_int_equal(waiting.txn.count, 5);
  assert_true(waiting.txn.bytes > 5 * FL_ROW_OVERHEAD);
  struct fl_records records = {0};
  add_delta(&records, FL_BODY_APPEND, 14, 12, 7, "[\"more\"]");
  add_checkpoint(&records, 7, 6, "loop", "{\"channels\":{\"messages\":[7,14]}}");
  commit_ok(f, "t", fence, 6, &records);
  assert_channel(f, "t", 0, "messages", "[\"m1\",\"m2\",\"m3\",\"m4\",\"m5\",\"m6\",\"more\"]");
}

static void rule_is_needed(void **state) {
  struct fixture *f = *state;
  give_back(f, "t", make_chat(f, "t", 2));
  assert_int_equal(prune_with(f, "t", 0, &(struct fl_prune){0}).status, FL_E_INVALID);
  assert_int_equal(prune_with(f, "none", 0, &(struct fl_prune){.keep_last = 1}).status, FL_E_NOT_FOUND);
}

static void thread_that_runs_is_pruned_by_its_holder_only(void **state) {
  struct fixture *f = *state;
  uint64_t fence = make_chat(f, "t", 4);
  const struct fl_prune prune = {.keep_last = 1};
  assert_int_equal(prune_with(f, "t", 0, &prune).status, FL_E_BUSY);
  assert_int_equal(prune_with(f, "t", fence + 1, &prune).status, FL_E_CONFLICT);
  assert_checkpoints(f, "t", "", "4 3 2 1 ");
  assert_int_equal(prune_with(f, "t", fence, &prune).status, 0);
}

static void slack_spares_small_gains(void **state) {
  struct fixture *f = *state;
  give_back(f, "t", make_chat(f, "t", 8));
  assert_int_equal(prune_ok(f, "t", &(struct fl_prune){.keep_last = 4, .slack = 5}), 0);
  assert_int_equal(prune_ok(f, "t", &(struct fl_prune){.keep_last = 4, .slack = 4}), 4);
}

static void writes_and_calls_stay_with_their_checkpoint(void **state) {
  struct fixture *f = *state;
  uint64_t fence = make_chat(f, "t", 3);
  struct fl_records records = {0};
  add_write(&records, 2, "old-task", 0, "1"); /* beside a checkpoint that was left */
  add_intent(&records, 2, "old-task", 0, "old-call");
  add_write(&records, 3, "task", FL_WRITE_INTERRUPT, "{\"id\":\"i\"}");
  add_intent(&records, 3, "task", 0, "call");
  add_result(&records, 3, "task", "call", "2");
  commit_ok(f, "t", fence, 0, &records);
  assert_int_equal(prune_with(f, "t", fence, &(struct fl_prune){.keep_last = 1}).status, 0);
  struct fl_loaded loaded;
  load(f, "t", 0, &loaded);
  assert_int_equal(loaded.write_count, 1);
  assert_int_equal(loaded.call_count, 1);
  assert_true(loaded.calls[0].has_result);
  fl_loaded_deinit(&loaded);
  assert_int_equal(rows_of(f, "t", FL_RECORD_WRITE), 1);
  assert_int_equal(rows_of(f, "t", FL_RECORD_INTENT), 1);
}

/* Root 1, subgraph 2 and 3 in its superstep, root 4, subgraph 5 (a task's) and 6 (lasting), root 7, root 8. */
static uint64_t make_family(struct fixture *f) {
  uint64_t fence = acquire(f, "t");
  struct fl_records records = {0};
  add_value(&records, "y", 1, "\"of a task\"");
  add_value(&records, "y", 2, "\"lasting\"");
  add_checkpoint(&records, 1, 0, "input", "{\"channels\":{}}");
  add_sub(&records, 2, 0, "each:task-1", "{\"channels\":{\"y\":[1,1]}}");
  add_sub(&records, 3, 0, "own", "{\"channels\":{\"y\":[1,1]}}");
  add_checkpoint(&records, 4, 1, "loop", "{\"channels\":{},\"children\":{\"own\":3}}");
  add_sub(&records, 5, 0, "each:task-2", "{\"channels\":{\"y\":[1,1]}}");
  add_sub(&records, 6, 3, "own", "{\"channels\":{\"y\":[1,2]}}");
  add_checkpoint(&records, 7, 4, "loop", "{\"channels\":{},\"children\":{\"own\":6}}");
  add_checkpoint(&records, 8, 7, "loop", "{\"channels\":{}}");
  commit_ok(f, "t", fence, 0, &records);
  return fence;
}

static void children_stay_with_their_superstep(void **state) {
  struct fixture *f = *state;
  uint64_t fence = make_family(f);
  assert_int_equal(prune_with(f, "t", fence, &(struct fl_prune){.keep_last = 3}).status, 0);
  assert_checkpoints(f, "t", "", "8 7 4 ");
  assert_checkpoints(f, "t", "each:task-1", "");
  assert_checkpoints(f, "t", "each:task-2", "5 ");
  assert_checkpoints(f, "t", "own", "6 3 "); /* 3: named by 4 */
}

static void lasting_child_keeps_its_newest(void **state) {
  struct fixture *f = *state;
  uint64_t fence = make_family(f);
  assert_int_equal(prune_with(f, "t", fence, &(struct fl_prune){.keep_last = 1}).status, 0);
  assert_checkpoints(f, "t", "", "8 ");
  assert_checkpoints(f, "t", "each:task-2", "");
  assert_checkpoints(f, "t", "own", "6 ");
  struct fl_loaded loaded;
  struct fl_error err;
  assert_int_equal(fl_store_load(f->store, "t", "own", 0, &loaded, &err), 0);
  assert_string_equal(channel_text(&loaded, "y"), "\"lasting\"");
  fl_loaded_deinit(&loaded);
  assert_int_equal(rows_of(f, "t", FL_RECORD_VALUE), 1);
}

static void edits_that_replaced_are_freed(void **state) {
  struct fixture *f = *state;
  uint64_t fence = acquire(f, "t");
  char large[600], edit[700], body[100];
  memset(large, 'x', sizeof large - 1);
  large[sizeof large - 1] = 0;
  for (int no = 1; no <= 8; no++) {
    struct fl_records records = {0};
    snprintf(edit, sizeof edit, no == 1 ? "[\"%s%d\"]" : "[[\"set\",0,\"%s%d\"]]", large, no);
    add_delta(&records, no == 1 ? FL_BODY_LIST : FL_BODY_EDIT, (uint64_t)no, (uint64_t)no - 1, 1, edit);
    snprintf(body, sizeof body, "{\"channels\":{\"messages\":[%d,%d]}}", no, no);
    add_checkpoint(&records, (uint64_t)no, (uint64_t)no - 1, "loop", body);
    commit_ok(f, "t", fence, (uint64_t)no - 1, &records);
  }
  struct waiting waiting = prune_with(f, "t", fence, &(struct fl_prune){.keep_last = 2});
  assert_int_equal(waiting.status, 0);
  assert_true(waiting.txn.bytes > 6 * 600);
  assert_int_equal(rows_of(f, "t", FL_RECORD_VALUE), 2); /* the list of 7 as a whole, the edit of 8 */
  struct fl_loaded loaded;
  load(f, "t", 0, &loaded);
  assert_int_equal(strlen(channel_text(&loaded, "messages")), 604);
  fl_loaded_deinit(&loaded);
}

static void fork_keeps_what_it_shares(void **state) {
  struct fixture *f = *state;
  uint64_t fence = make_chat(f, "t", 4);
  struct fl_records records = {0};
  add_delta(&records, FL_BODY_APPEND, 20, 4, 3, "[\"other\"]"); /* builds on the list of checkpoint 2 */
  add_checkpoint(&records, 5, 2, "fork", "{\"channels\":{\"messages\":[3,20]}}");
  commit_ok(f, "t", fence, 4, &records);
  assert_int_equal(prune_with(f, "t", fence, &(struct fl_prune){.keep_last = 2}).status, 0);
  assert_checkpoints(f, "t", "", "5 4 ");
  assert_channel(f, "t", 5, "messages", "[\"m1\",\"m2\",\"other\"]");
  assert_channel(f, "t", 4, "messages", "[\"m1\",\"m2\",\"m3\",\"m4\"]");
}

static void events_are_kept_by_count(void **state) {
  struct fixture *f = *state;
  uint64_t fence = acquire(f, "t");
  struct fl_records records = {0};
  for (int i = 0; i < 9; i++) set_body(fl_records_add(&records, FL_RECORD_EVENT, ""), "{}");
  commit_ok(f, "t", fence, 0, &records);
  assert_int_equal(prune_with(f, "t", fence, &(struct fl_prune){.keep_events = 4}).status, 0);
  assert_int_equal(rows_of(f, "t", FL_RECORD_EVENT), 4);
  assert_int_equal(prune_with(f, "t", fence, &(struct fl_prune){.keep_events = 4}).status, 0);
  assert_int_equal(rows_of(f, "t", FL_RECORD_EVENT), 4);
}

/* Whatever is pruned, what stays says what it said. */
static void what_stays_says_what_it_said(void **state) {
  struct fixture *f = *state;
  for (int seed = 1; seed <= 12; seed++) {
    char thread[16], before[8][4096];
    snprintf(thread, sizeof thread, "t%d", seed);
    uint64_t count = 8 + (uint64_t)seed;
    give_back(f, thread, make_chat(f, thread, count));
    for (uint64_t i = 0; i < 4; i++) {
      struct fl_loaded loaded;
      load(f, thread, count - i, &loaded);
      snprintf(before[i], sizeof before[i], "%s", channel_text(&loaded, "messages"));
      fl_loaded_deinit(&loaded);
    }
    prune_ok(f, thread, &(struct fl_prune){.keep_last = 4 + (uint64_t)seed % 3});
    prune_ok(f, thread, &(struct fl_prune){.keep_last = 4});
    for (uint64_t i = 0; i < 4; i++) assert_channel(f, thread, count - i, "messages", before[i]);
  }
}

/* ---- going back ---- */

static int roll_back(struct fixture *f, const char *thread, uint64_t fence, const struct fl_rollback *rollback) {
  struct waiting waiting = {.txn = {.kind = FL_TXN_ROLLBACK, .thread = thread, .fence = fence, .rollback = rollback}};
  return submit_and_wait(f, &waiting);
}

static void thread_goes_back_to_a_checkpoint(void **state) {
  struct fixture *f = *state;
  uint64_t fence = make_chat(f, "t", 6);
  give_back(f, "t", fence);
  assert_int_equal(roll_back(f, "t", 0, &(struct fl_rollback){.to_no = 4, .status = "idle"}), 0);
  assert_checkpoints(f, "t", "", "4 3 2 1 ");
  assert_channel(f, "t", 0, "messages", "[\"m1\",\"m2\",\"m3\",\"m4\"]");
  assert_int_equal(rows_of(f, "t", FL_RECORD_VALUE), 8);
  struct fl_thread_info info;
  assert_int_equal(fl_store_read_thread(f->store, "t", &info, NULL), 0);
  assert_int_equal(info.head_no, 4);
  assert_string_equal(info.status, "idle");
  fl_thread_info_deinit(&info);
}

static void stale_holder_is_refused_after_going_back(void **state) {
  struct fixture *f = *state;
  uint64_t fence = make_chat(f, "t", 3);
  give_back(f, "t", fence);
  assert_int_equal(roll_back(f, "t", 0, &(struct fl_rollback){.to_no = 2}), 0);
  struct fl_records records = {0};
  add_checkpoint(&records, 4, 3, "loop", "{\"channels\":{}}");
  assert_int_equal(commit(f, "t", fence, 3, &records), FL_E_CONFLICT);
  assert_true(acquire(f, "t") > fence + 1);
}

static void holder_goes_back_and_goes_on(void **state) {
  struct fixture *f = *state;
  uint64_t fence = make_chat(f, "t", 3);
  assert_int_equal(roll_back(f, "t", 0, &(struct fl_rollback){.to_no = 2}), FL_E_BUSY);
  assert_int_equal(roll_back(f, "t", fence, &(struct fl_rollback){.to_no = 2}), 0);
  struct fl_records records = {0};
  add_checkpoint(&records, 3, 2, "loop", "{\"channels\":{}}");
  commit_ok(f, "t", fence, 2, &records);
}

static void going_back_to_nothing_empties_the_thread(void **state) {
  struct fixture *f = *state;
  uint64_t fence = make_family(f);
  assert_int_equal(roll_back(f, "t", fence, &(struct fl_rollback){0}), 0);
  struct fl_loaded loaded;
  load(f, "t", 0, &loaded);
  assert_int_equal(loaded.checkpoint_no, 0);
  assert_int_equal(loaded.next_checkpoint_no, 1);
  assert_int_equal(loaded.next_value_no, 1);
  fl_loaded_deinit(&loaded);
}

static void children_go_back_by_number(void **state) {
  struct fixture *f = *state;
  uint64_t fence = make_family(f);
  assert_int_equal(roll_back(f, "t", fence, &(struct fl_rollback){.to_no = 5}), 0);
  assert_checkpoints(f, "t", "", "4 1 ");
  assert_checkpoints(f, "t", "own", "3 ");
  assert_checkpoints(f, "t", "each:task-2", "5 "); /* of the superstep that is under way again */
}

/* ---- the file ---- */

static uint64_t file_size(const char *path) {
  struct stat status;
  assert_int_equal(stat(path, &status), 0);
  return (uint64_t)status.st_size;
}

/* A thread with values of 3 MB in all. */
static void make_large(struct fixture *f, const char *thread) {
  uint64_t fence = acquire(f, thread);
  char *body = calloc(1, 30003), checkpoint[100];
  memset(body, 'x', 30002);
  body[0] = body[30001] = '"';
  for (uint64_t no = 1; no <= 100; no++) {
    struct fl_records records = {0};
    add_value(&records, "x", no, body);
    snprintf(checkpoint, sizeof checkpoint, "{\"channels\":{\"x\":[%d,%d]}}", (int)no, (int)no);
    add_checkpoint(&records, no, no - 1, "loop", checkpoint);
    commit_ok(f, thread, fence, no - 1, &records);
  }
  free(body);
  give_back(f, thread, fence);
}

static void file_gives_space_back_by_itself(void **state) {
  struct fixture *f = *state;
  make_large(f, "t");
  fixture_reopen(f);
  uint64_t before = file_size(f->path);
  assert_true(before > 3000000);
  assert_int_equal(prune_ok(f, "t", &(struct fl_prune){.keep_last = 2}), 98);
  fixture_reopen(f); /* closing waits for the writer, which tidies up first */
  if (file_size(f->path) > before / 2) fail_msg("%d of %d bytes", (int)file_size(f->path), (int)before);
  assert_checkpoints(f, "t", "", "100 99 ");
}

static void old_file_gives_space_back_when_compacted(void **state) {
  struct fixture *f = *state;
  fl_store_close(f->store);
  sqlite3 *handle; /* as format 1 made it: without the map that moving pages needs */
  assert_int_equal(sqlite3_open(f->path, &handle), SQLITE_OK);
  assert_int_equal(
      sqlite3_exec(handle, "PRAGMA journal_mode = DELETE; PRAGMA auto_vacuum = NONE; VACUUM", NULL, NULL, NULL),
      SQLITE_OK);
  sqlite3_close(handle);
  assert_int_equal(fl_store_open(f->world, f->path, NULL, &f->store, &f->err), 0);
  make_large(f, "t");
  prune_ok(f, "t", &(struct fl_prune){.keep_last = 2});
  fixture_reopen(f);
  assert_true(file_size(f->path) > 3000000);
  assert_int_equal(fl_store_compact(f->store, &f->err), 0);
  assert_true(file_size(f->path) < 1000000);
  assert_checkpoints(f, "t", "", "100 99 ");
  assert_true(acquire(f, "t") > 0);
}

/* ---- what a thread takes ---- */

static void storage_is_told_by_channel(void **state) {
  struct fixture *f = *state;
  struct fl_storage storage;
  make_full(f);
  assert_int_equal(fl_store_read_storage(f->store, "t", &storage, NULL), 0);
  assert_int_equal(storage.part_count, 6);
  assert_string_equal(storage.parts[0].name, "messages");
  assert_int_equal(storage.parts[0].rows, 3);
  assert_int_equal(storage.parts[0].bytes, 3 * (6 + FL_ROW_OVERHEAD));
  assert_string_equal(storage.parts[1].name, "x");
  assert_int_equal(storage.parts[1].bytes, 3 * (1 + FL_ROW_OVERHEAD));
  assert_string_equal(storage.parts[2].name, "(calls)");
  assert_int_equal(storage.parts[2].rows, 2);
  uint64_t sum = 0;
  for (size_t i = 0; i < storage.part_count; i++) sum += storage.parts[i].bytes;
  assert_int_equal(sum, storage.bytes);
  fl_storage_deinit(&storage);
  assert_int_equal(fl_store_read_storage(f->store, "none", &storage, NULL), FL_E_NOT_FOUND);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      EACH(last_checkpoints_stay),
      EACH(young_checkpoints_stay),
      EACH(pruned_thread_goes_on),
      EACH(rule_is_needed),
      EACH(thread_that_runs_is_pruned_by_its_holder_only),
      EACH(slack_spares_small_gains),
      EACH(writes_and_calls_stay_with_their_checkpoint),
      EACH(children_stay_with_their_superstep),
      EACH(lasting_child_keeps_its_newest),
      EACH(edits_that_replaced_are_freed),
      EACH(fork_keeps_what_it_shares),
      EACH(events_are_kept_by_count),
      EACH(what_stays_says_what_it_said),
      EACH(thread_goes_back_to_a_checkpoint),
      EACH(stale_holder_is_refused_after_going_back),
      EACH(holder_goes_back_and_goes_on),
      EACH(going_back_to_nothing_empties_the_thread),
      EACH(children_go_back_by_number),
      cmocka_unit_test_setup_teardown(file_gives_space_back_by_itself, open_sqlite, close_fixture),
      cmocka_unit_test_setup_teardown(old_file_gives_space_back_when_compacted, open_sqlite, close_fixture),
      EACH(storage_is_told_by_channel),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
