/* SPDX-License-Identifier: MIT */
/* Keeping threads small and moving them, for every kind of store: what goes and what stays, who may, and that a file of
 * a thread that was changed imports nothing. */
#include "runtime/store/plan.h"
#include "tests/unit/store/fixture.h"

#include <sqlite3.h>
#include <sys/stat.h>

/* ---- threads to work on ---- */

/* Checkpoints 1 to `count`: each appends a message and sets x; the message of step n is "m<n>". */
static uint64_t make_chat(struct fixture *f, const char *thread, uint64_t count) {
  uint64_t fence = acquire(f, thread);
  for (uint64_t no = 1; no <= count; no++) {
    struct fl_records records = {0};
    char message[32], x[32], body[160];
    snprintf(message, sizeof message, "[\"m%d\"]", (int)no);
    snprintf(x, sizeof x, "%d", (int)no);
    snprintf(body, sizeof body, "{\"channels\":{\"messages\":[%d,%d],\"x\":[%d,%d]}}", (int)no, (int)no * 2, (int)no,
             (int)no * 2 + 1);
    add_delta(&records, no == 1 ? FL_BODY_LIST : FL_BODY_APPEND, no * 2, no == 1 ? 0 : no * 2 - 2, no, message);
    add_value(&records, "x", no * 2 + 1, x);
    add_checkpoint(&records, no, no - 1, no == 1 ? "input" : "loop", body);
    commit_ok(f, thread, fence, no - 1, &records);
  }
  return fence;
}

static void give_back(struct fixture *f, const char *thread, uint64_t fence) {
  assert_int_equal(lease(f, FL_TXN_LEASE_RELEASE, thread, fence), 0);
}

static struct waiting prune_with(struct fixture *f, const char *thread, uint64_t fence, const struct fl_prune *prune) {
  struct waiting waiting = {.txn = {.kind = FL_TXN_PRUNE, .thread = thread, .fence = fence, .prune = prune}};
  submit_and_wait(f, &waiting);
  return waiting;
}

static uint64_t prune_ok(struct fixture *f, const char *thread, const struct fl_prune *prune) {
  struct waiting waiting = prune_with(f, thread, 0, prune);
  if (waiting.status != 0) fail_msg("prune: %s", f->err.text);
  return waiting.txn.count;
}

static bool add_no(const struct fl_checkpoint_info *info, void *user) {
  fl_buf_addf(user, "%d ", (int)info->no);
  return true;
}

static void assert_checkpoints(struct fixture *f, const char *thread, const char *ns, const char *expected) {
  FL_BUF_AUTO text = {0};
  fl_buf_add_text(&text, "");
  assert_int_equal(fl_store_list_checkpoints(f->store, thread, ns, 0, 0, add_no, &text, NULL), 0);
  assert_string_equal(text.data != NULL ? text.data : "", expected);
}

static void assert_channel(struct fixture *f, const char *thread, uint64_t no, const char *name, const char *expected) {
  struct fl_loaded loaded;
  load(f, thread, no, &loaded);
  assert_string_equal(channel_text(&loaded, name), expected);
  fl_loaded_deinit(&loaded);
}

static int count_kind(const struct fl_record *record, void *user, struct fl_error *err) {
  ((size_t *)user)[record->kind]++;
  return 0;
}

static size_t rows_of(struct fixture *f, const char *thread, enum fl_record_kind kind) {
  size_t counts[8] = {0};
  assert_int_equal(fl_store_read_all(f->store, thread, count_kind, counts, NULL), 0);
  return counts[kind];
}

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

static void add_sub(struct fl_records *records, uint64_t no, uint64_t parent_no, const char *ns, const char *body) {
  struct fl_record *record = add_checkpoint(records, no, parent_no, "loop", body);
  fl_free(record->ns);
  record->ns = fl_strdup(ns);
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

/* ---- copies ---- */

static int copy_to(struct fixture *f, const char *thread, const char *to, uint64_t until_no) {
  const struct fl_copy copy = {to, until_no};
  struct waiting waiting = {.txn = {.kind = FL_TXN_COPY, .thread = thread, .copy = &copy}};
  return submit_and_wait(f, &waiting);
}

static void add_beside_head(struct fixture *f, uint64_t fence) {
  struct fl_records records = {0};
  add_write(&records, 3, "task", 0, "{\"w\":1}");
  add_intent(&records, 3, "task", 0, "call");
  add_result(&records, 3, "task", "call", "\"r\"");
  add_intent(&records, 3, "task", 1, "open");
  add_thread(&records, "interrupted", 7000, "{\"user\":\"ann\"}");
  set_body(fl_records_add(&records, FL_RECORD_EVENT, ""), "{\"event\":1}");
  commit_ok(f, "t", fence, 0, &records);
}

static void copy_is_a_thread_of_its_own(void **state) {
  struct fixture *f = *state;
  uint64_t fence = make_chat(f, "t", 3);
  add_beside_head(f, fence);
  assert_int_equal(copy_to(f, "t", "u", 0), 0); /* also while somebody holds it */
  struct fl_thread_info info;
  assert_int_equal(fl_store_read_thread(f->store, "u", &info, NULL), 0);
  assert_string_equal(info.graph_name, "chat");
  assert_string_equal(info.status, "interrupted");
  assert_string_equal(fl_get_string(info.metadata, "user", ""), "ann");
  assert_int_equal(info.lease_pid, 0);
  fl_thread_info_deinit(&info);
  struct fl_loaded loaded;
  load(f, "u", 0, &loaded);
  assert_int_equal(loaded.write_count, 1);
  assert_int_equal(loaded.call_count, 2);
  fl_loaded_deinit(&loaded);
  uint64_t other = acquire(f, "u");
  struct fl_records records = {0};
  add_checkpoint(&records, 4, 3, "loop", "{\"channels\":{}}");
  commit_ok(f, "u", other, 3, &records);
  assert_checkpoints(f, "t", "", "3 2 1 ");
  assert_checkpoints(f, "u", "", "4 3 2 1 ");
  assert_int_equal(rows_of(f, "u", FL_RECORD_EVENT), 0);
}

static void copy_can_end_at_a_checkpoint(void **state) {
  struct fixture *f = *state;
  make_chat(f, "t", 5);
  assert_int_equal(copy_to(f, "t", "u", 2), 0);
  assert_checkpoints(f, "u", "", "2 1 ");
  assert_channel(f, "u", 0, "messages", "[\"m1\",\"m2\"]");
  assert_checkpoints(f, "t", "", "5 4 3 2 1 ");
}

static void copy_needs_a_free_id(void **state) {
  struct fixture *f = *state;
  make_chat(f, "t", 1);
  acquire(f, "u");
  assert_int_equal(copy_to(f, "t", "u", 0), FL_E_EXISTS);
  assert_int_equal(copy_to(f, "t", "t", 0), FL_E_EXISTS);
  assert_int_equal(copy_to(f, "none", "v", 0), FL_E_NOT_FOUND);
  assert_int_equal(copy_to(f, "t", "not an id", 0), FL_E_INVALID);
  struct fl_thread_info info;
  assert_int_equal(fl_store_read_thread(f->store, "v", &info, NULL), FL_E_NOT_FOUND);
}

/* ---- files ---- */

static int import_as(struct fixture *f, const char *id, fl_slice text) {
  struct fl_thread_file file;
  int status = fl_thread_file_read(text, &file, &f->err);
  if (status != 0) return status;
  const struct fl_import import = {.records = &file.records, .created_ms = file.created_ms};
  struct waiting waiting = {.txn = {.kind = FL_TXN_IMPORT, .thread = id != NULL ? id : file.id, .import = &import}};
  status = submit_and_wait(f, &waiting);
  fl_thread_file_deinit(&file);
  return status;
}

static void export_ok(struct fixture *f, const char *thread, struct fl_buf *text) {
  if (fl_thread_export(f->store, thread, text, &f->err) != 0) fail_msg("export: %s", f->err.text);
}

static void make_full(struct fixture *f) {
  uint64_t fence = make_chat(f, "t", 3);
  add_beside_head(f, fence);
  struct fl_records records = {0};
  add_sub(&records, 9, 0, "child:x", "{\"channels\":{}}");
  set_body(fl_records_add(&records, FL_RECORD_EVENT, ""), "no\njson \"at\" all");
  commit_ok(f, "t", fence, 0, &records);
}

static void thread_travels_as_a_file(void **state) {
  struct fixture *f = *state;
  FL_BUF_AUTO one = {0};
  FL_BUF_AUTO two = {0};
  make_full(f);
  export_ok(f, "t", &one);
  assert_int_equal(import_as(f, "u", fl_buf_slice(&one)), 0);
  struct fl_loaded loaded;
  load(f, "u", 0, &loaded);
  assert_string_equal(channel_text(&loaded, "messages"), "[\"m1\",\"m2\",\"m3\"]");
  assert_int_equal(loaded.call_count, 2);
  assert_int_equal(loaded.calls[0].argument_hash[5], 7);
  fl_loaded_deinit(&loaded);
  export_ok(f, "u", &two); /* nothing was lost on the way: it exports the same, but for the id */
  char *front_one = strchr(one.data, '\n'), *front_two = strchr(two.data, '\n');
  char *end_one = strstr(one.data, "\"end\""), *end_two = strstr(two.data, "\"end\"");
  assert_int_equal(end_one - front_one, end_two - front_two);
  assert_memory_equal(front_one, front_two, (size_t)(end_one - front_one) - 30);
  uint64_t fence = acquire(f, "u");
  struct fl_records records = {0};
  add_checkpoint(&records, 10, 3, "loop", "{\"channels\":{}}");
  commit_ok(f, "u", fence, 3, &records);
}

static void file_goes_from_one_kind_of_store_to_the_other(void **state) {
  struct fixture *f = *state, other = {0};
  FL_BUF_AUTO one = {0};
  FL_BUF_AUTO two = {0};
  fixture_open(&other, !f->is_memory);
  make_full(f);
  export_ok(f, "t", &one);
  assert_int_equal(import_as(&other, NULL, fl_buf_slice(&one)), 0);
  export_ok(&other, "t", &two);
  assert_string_equal(one.data, two.data); /* byte for byte */
  fixture_close(&other);
}

static void import_needs_a_free_id(void **state) {
  struct fixture *f = *state;
  FL_BUF_AUTO text = {0};
  make_full(f);
  export_ok(f, "t", &text);
  assert_int_equal(import_as(f, NULL, fl_buf_slice(&text)), FL_E_EXISTS);
  assert_int_equal(import_as(f, "not an id", fl_buf_slice(&text)), FL_E_INVALID);
}

static void file_that_was_cut_off_imports_nothing(void **state) {
  struct fixture *f = *state;
  FL_BUF_AUTO text = {0};
  make_full(f);
  export_ok(f, "t", &text);
  for (size_t size = 0; size < text.size; size += size < 150 ? 1 : 97) {
    int status = import_as(f, "u", fl_slice_n(text.data, size));
    if (status != FL_E_TRUNCATED && status != FL_E_SYNTAX) fail_msg("cut at %zu: %d %s", size, status, f->err.text);
  }
  assert_int_equal(import_as(f, "u", fl_slice_n(text.data, text.size - 1)), FL_E_TRUNCATED);
  struct fl_thread_info info;
  assert_int_equal(fl_store_read_thread(f->store, "u", &info, NULL), FL_E_NOT_FOUND);
}

static void file_that_was_changed_imports_nothing(void **state) {
  struct fixture *f = *state;
  FL_BUF_AUTO text = {0};
  make_full(f);
  export_ok(f, "t", &text);
  for (size_t at = 0; at < text.size; at += 29) {
    char before = text.data[at];
    text.data[at] = before == 'z' ? 'y' : 'z';
    int status = import_as(f, "u", fl_buf_slice(&text));
    if (status != FL_E_CORRUPT && status != FL_E_SYNTAX && status != FL_E_TRUNCATED)
      fail_msg("byte %zu changed from %c: status %d", at, before, status);
    text.data[at] = before;
  }
  assert_int_equal(import_as(f, "u", fl_buf_slice(&text)), 0); /* as it was, it goes in */
}

static void file_that_lacks_or_repeats_a_line_imports_nothing(void **state) {
  struct fixture *f = *state;
  FL_BUF_AUTO text = {0};
  make_full(f);
  export_ok(f, "t", &text);
  size_t from = (size_t)(strchr(text.data, '\n') - text.data) + 1;
  size_t size = (size_t)(strchr(text.data + from, '\n') - text.data) + 1 - from;
  FL_BUF_AUTO without = {0};
  fl_buf_add(&without, text.data, from);
  fl_buf_add(&without, text.data + from + size, text.size - from - size);
  assert_int_equal(import_as(f, "u", fl_buf_slice(&without)), FL_E_CORRUPT);
  assert_non_null(strstr(f->err.text, "missing, doubled"));
  FL_BUF_AUTO twice = {0};
  fl_buf_add(&twice, text.data, from + size);
  fl_buf_add(&twice, text.data + from, text.size - from);
  assert_int_equal(import_as(f, "u", fl_buf_slice(&twice)), FL_E_CORRUPT);
  fl_buf_add(&text, text.data, from);
  assert_int_equal(import_as(f, "u", fl_buf_slice(&text)), FL_E_CORRUPT);
  assert_non_null(strstr(f->err.text, "follows the end"));
}

static void other_files_are_told_apart(void **state) {
  struct fixture *f = *state;
  assert_int_equal(import_as(f, "u", FL_SLICE("")), FL_E_SYNTAX);
  assert_int_equal(import_as(f, "u", FL_SLICE("{\"a\":1}\n")), FL_E_SYNTAX);
  assert_int_equal(import_as(f, "u", FL_SLICE("a letter, not a thread, and quite a long one at that\n")), FL_E_SYNTAX);
  const char *rest = "\"fairlead\":\"thread\",\"format\":2,\"id\":\"t\",\"created_ms\":1}";
  uint8_t hash[FL_HASH_SIZE];
  char sum[2 * FL_HASH_SIZE + 1], line[200];
  fl_hash_bytes(fl_slice_of(rest), hash);
  fl_hex(hash, FL_HASH_SIZE, sum);
  snprintf(line, sizeof line, "{\"sum\":\"%.16s\",%s\n", sum, rest);
  assert_int_equal(import_as(f, "u", fl_slice_of(line)), FL_E_VERSION);
  assert_non_null(strstr(f->err.text, "update fairlead"));
}

static void import_checks_that_rows_fit(void **state) {
  struct fixture *f = *state;
  struct fl_records records = {0};
  add_thread(&records, "idle", 1, NULL);
  add_delta(&records, FL_BODY_APPEND, 2, 1, 2, "[1]");
  const struct fl_import import = {.records = &records};
  struct waiting waiting = {.txn = {.kind = FL_TXN_IMPORT, .thread = "t", .import = &import}};
  assert_int_equal(submit_and_wait(f, &waiting), FL_E_CORRUPT);
  assert_non_null(strstr(f->err.text, "value 1, which value 2 needs, is missing"));
  fl_records_deinit(&records);
  add_checkpoint(&records, 1, 0, "input", "{\"channels\":{\"x\":[1,5]}}");
  waiting = (struct waiting){.txn = {.kind = FL_TXN_IMPORT, .thread = "t", .import = &import}};
  assert_int_equal(submit_and_wait(f, &waiting), FL_E_CORRUPT);
  assert_non_null(strstr(f->err.text, "value 5, which checkpoint 1 needs"));
  fl_records_deinit(&records);
  struct fl_thread_info info;
  assert_int_equal(fl_store_read_thread(f->store, "t", &info, NULL), FL_E_NOT_FOUND);
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
      EACH(copy_is_a_thread_of_its_own),
      EACH(copy_can_end_at_a_checkpoint),
      EACH(copy_needs_a_free_id),
      EACH(thread_travels_as_a_file),
      EACH(file_goes_from_one_kind_of_store_to_the_other),
      EACH(import_needs_a_free_id),
      EACH(file_that_was_cut_off_imports_nothing),
      EACH(file_that_was_changed_imports_nothing),
      EACH(file_that_lacks_or_repeats_a_line_imports_nothing),
      EACH(other_files_are_told_apart),
      EACH(import_checks_that_rows_fit),
      cmocka_unit_test_setup_teardown(file_gives_space_back_by_itself, open_sqlite, close_fixture),
      cmocka_unit_test_setup_teardown(old_file_gives_space_back_when_compacted, open_sqlite, close_fixture),
      EACH(storage_is_told_by_channel),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
