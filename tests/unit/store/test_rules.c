/* SPDX-License-Identifier: MIT */
/* One set of tests for every kind of store: what a transaction does, what is found afterwards, who may write. */
#include "tests/unit/store/fixture.h"

/* ---- threads and leases ---- */

static void thread_comes_with_its_first_lease(void **state) {
  struct fixture *f = *state;
  struct waiting waiting = {.txn = {.kind = FL_TXN_LEASE_ACQUIRE, .thread = "t1"}};
  assert_int_equal(submit_and_wait(f, &waiting), FL_E_NOT_FOUND);
  struct fl_thread_info info;
  assert_int_equal(fl_store_read_thread(f->store, "t1", &info, NULL), FL_E_NOT_FOUND);
  uint64_t fence;
  assert_int_equal(acquire_at(f, "t1", 5000, &fence), 0);
  assert_true(fence > 0);
  assert_int_equal(fl_store_read_thread(f->store, "t1", &info, NULL), 0);
  assert_string_equal(info.id, "t1");
  assert_string_equal(info.status, "idle");
  assert_int_equal(info.created_ms, 5000);
  assert_int_equal(info.head_no, 0);
  assert_int_equal(info.lease_pid, 0); /* taken in 1970 */
  assert_null(info.graph_name);
  assert_int_equal(fl_size(info.metadata), 0);
  fl_thread_info_deinit(&info);
}

static void ids_that_are_not_ids_are_refused(void **state) {
  struct fixture *f = *state;
  uint64_t fence;
  assert_int_equal(acquire_at(f, "no/slash", 0, &fence), FL_E_INVALID);
  assert_non_null(strstr(f->err.text, "no/slash"));
  assert_int_equal(acquire_at(f, "", 0, &fence), FL_E_INVALID);
}

static void one_lease_at_a_time(void **state) {
  struct fixture *f = *state;
  uint64_t first = acquire(f, "t"), second = 77;
  assert_int_equal(acquire_at(f, "t", 0, &second), FL_E_BUSY);
  char pid[32];
  snprintf(pid, sizeof pid, "pid %d", getpid());
  assert_non_null(strstr(f->err.text, pid));
  assert_int_equal(second, 0);
  struct fl_thread_info info;
  assert_int_equal(fl_store_read_thread(f->store, "t", &info, NULL), 0);
  assert_int_equal(info.lease_pid, getpid());
  fl_thread_info_deinit(&info);
  assert_int_equal(lease(f, FL_TXN_LEASE_RELEASE, "t", first), 0);
  second = acquire(f, "t");
  assert_true(second > first);
}

static void expired_lease_is_free_and_its_holder_loses(void **state) {
  struct fixture *f = *state;
  uint64_t first, second;
  assert_int_equal(acquire_at(f, "t", 1000000, &first), 0);
  assert_int_equal(acquire_at(f, "t", 1000000 + FL_LEASE_MS - 1, &second), FL_E_BUSY);
  assert_int_equal(acquire_at(f, "t", 1000000 + FL_LEASE_MS, &second), 0);
  assert_int_equal(lease(f, FL_TXN_LEASE_RENEW, "t", first), FL_E_CONFLICT);
  assert_int_equal(lease(f, FL_TXN_LEASE_RELEASE, "t", first), FL_E_CONFLICT);
  struct fl_records records = {0};
  add_checkpoint(&records, 1, 0, "input", "{}");
  assert_int_equal(commit(f, "t", first, 0, &records), FL_E_CONFLICT);
  assert_non_null(strstr(f->err.text, "lost its lease to pid"));
  add_checkpoint(&records, 1, 0, "input", "{}");
  commit_ok(f, "t", second, 0, &records);
}

static void renewed_lease_lasts(void **state) {
  struct fixture *f = *state;
  uint64_t fence, other;
  assert_int_equal(acquire_at(f, "t", 1000000, &fence), 0);
  struct waiting renew = {.txn = {.kind = FL_TXN_LEASE_RENEW, .thread = "t", .fence = fence, .wall_ms = 1020000}};
  assert_int_equal(submit_and_wait(f, &renew), 0);
  assert_int_equal(acquire_at(f, "t", 1020000 + FL_LEASE_MS - 1, &other), FL_E_BUSY);
  assert_int_equal(lease(f, FL_TXN_LEASE_RELEASE, "t", fence), 0);
  assert_int_equal(lease(f, FL_TXN_LEASE_RENEW, "t", fence), FL_E_CONFLICT);
}

static void a_lease_lasts_as_long_as_was_asked_for(void **state) {
  struct fixture *f = *state;
  uint64_t other;
  struct waiting asked = {
      .txn = {.kind = FL_TXN_LEASE_ACQUIRE, .thread = "t", .creates = true, .wall_ms = 1000000, .lease_ms = 300}};
  assert_int_equal(submit_and_wait(f, &asked), 0);
  assert_int_equal(acquire_at(f, "t", 1000299, &other), FL_E_BUSY);
  struct waiting renew = {
      .txn = {
          .kind = FL_TXN_LEASE_RENEW, .thread = "t", .fence = asked.txn.fence, .wall_ms = 1000299, .lease_ms = 500}};
  assert_int_equal(submit_and_wait(f, &renew), 0);
  assert_int_equal(acquire_at(f, "t", 1000798, &other), FL_E_BUSY);
  assert_int_equal(acquire_at(f, "t", 1000799, &other), 0);
}

static void closed_process_leaves_no_lease(void **state) {
  struct fixture *f = *state;
  uint64_t first = acquire(f, "t");
  fixture_reopen(f);
  uint64_t second = acquire(f, "t");
  assert_true(second > first);
  struct fl_records records = {0};
  add_checkpoint(&records, 1, 0, "input", "{}");
  assert_int_equal(commit(f, "t", first, 0, &records), FL_E_CONFLICT);
}

static void deleting_takes_everything_but_the_fence(void **state) {
  struct fixture *f = *state;
  uint64_t first = acquire(f, "t");
  struct fl_records records = {0};
  add_value(&records, "x", 1, "1");
  add_checkpoint(&records, 1, 0, "input", "{\"channels\":{\"x\":[1,1]}}");
  add_write(&records, 1, "task", 0, "1");
  add_intent(&records, 1, "task", 0, "call");
  set_body(fl_records_add(&records, FL_RECORD_EVENT, ""), "{}");
  commit_ok(f, "t", first, 0, &records);
  assert_int_equal(lease(f, FL_TXN_DELETE_THREAD, "t", 0), FL_E_BUSY);
  assert_int_equal(lease(f, FL_TXN_LEASE_RELEASE, "t", first), 0);
  assert_int_equal(lease(f, FL_TXN_DELETE_THREAD, "t", 0), 0);
  assert_int_equal(lease(f, FL_TXN_DELETE_THREAD, "t", 0), FL_E_NOT_FOUND);
  struct fl_loaded loaded;
  assert_int_equal(fl_store_load(f->store, "t", "", 0, &loaded, NULL), FL_E_NOT_FOUND);
  uint64_t second = acquire(f, "t");
  assert_true(second > first);
  load(f, "t", 0, &loaded);
  assert_int_equal(loaded.checkpoint_no, 0);
  assert_int_equal(loaded.next_checkpoint_no, 1);
  assert_int_equal(loaded.next_value_no, 1);
  fl_loaded_deinit(&loaded);
  add_checkpoint(&records, 1, 0, "input", "{}");
  assert_int_equal(commit(f, "t", first, 0, &records), FL_E_CONFLICT);
}

static void metadata_merges_also_while_somebody_runs(void **state) {
  struct fixture *f = *state;
  uint64_t fence = acquire(f, "t");
  struct fl_records records = {0};
  add_thread(&records, "busy", 9000, "{\"owner\":\"ann\",\"tag\":1}");
  commit_ok(f, "t", fence, 0, &records);
  add_thread(&records, NULL, 9500, "{\"tag\":null,\"more\":[1]}");
  commit_ok(f, "t", 0, 0, &records);
  add_thread(&records, "idle", 9600, NULL);
  assert_int_equal(commit(f, "t", 0, 0, &records), FL_E_CONFLICT); /* the status is the runner's */
  add_thread(&records, NULL, 9600, "[]");
  assert_int_equal(commit(f, "t", 0, 0, &records), FL_E_INVALID);
  static const char *const kept[] = {"{\"fairlead\":null}", "{\"x\":1,\"\\u0066airlead\":{\"run\":{\"calls\":0}}}"};
  for (size_t i = 0; i < 2; i++) { /* what runs keep there is theirs */
    add_thread(&records, NULL, 9600, kept[i]);
    assert_int_equal(commit(f, "t", 0, 0, &records), FL_E_DENIED);
  }
  add_thread(&records, "busy", 9600, "{\"fairlead\":{\"run\":{\"calls\":1}}}");
  commit_ok(f, "t", fence, 0, &records);
  add_thread(&records, "busy", 9600, "{\"fairlead\":null}");
  commit_ok(f, "t", fence, 0, &records);
  fixture_reopen(f);
  struct fl_thread_info info;
  assert_int_equal(fl_store_read_thread(f->store, "t", &info, NULL), 0);
  assert_string_equal(info.status, "busy");
  assert_string_equal(info.graph_name, "chat");
  assert_string_equal(info.graph_file, "/graphs/chat.yaml");
  char *text = fl_dump(info.metadata, NULL);
  assert_string_equal(text, "{\"owner\":\"ann\",\"more\":[1]}");
  fl_text_free(text);
  fl_thread_info_deinit(&info);
}

static void writing_can_make_a_thread(void **state) {
  struct fixture *f = *state;
  struct fl_records records = {0};
  add_thread(&records, NULL, 9000, "{\"a\":1}");
  assert_int_equal(commit(f, "made", 0, 0, &records), FL_E_NOT_FOUND);
  add_thread(&records, NULL, 9000, "{\"a\":1}");
  struct waiting waiting = {.txn = {.kind = FL_TXN_WRITE, .thread = "made", .creates = true, .records = &records}};
  assert_int_equal(submit_and_wait(f, &waiting), 0);
  fl_records_deinit(&records);
  struct fl_thread_info info;
  assert_int_equal(fl_store_read_thread(f->store, "made", &info, NULL), 0);
  assert_int_equal(fl_get_int(info.metadata, "a", 0), 1);
  fl_thread_info_deinit(&info);
  add_thread(&records, NULL, 9000, "7"); /* not an object: makes nothing */
  struct waiting bad = {.txn = {.kind = FL_TXN_WRITE, .thread = "other", .creates = true, .records = &records}};
  assert_int_equal(submit_and_wait(f, &bad), FL_E_INVALID);
  fl_records_deinit(&records);
  assert_int_equal(fl_store_read_thread(f->store, "other", &info, NULL), FL_E_NOT_FOUND);
}

/* ---- listing threads ---- */

static bool note_id(const struct fl_thread_info *info, void *user) {
  char *ids = user;
  strcat(strcat(ids, info->id), " ");
  return strcmp(info->id, "stop") != 0;
}

static void make_thread_at(struct fixture *f, const char *id, const char *status, int64_t wall_ms) {
  uint64_t fence;
  assert_int_equal(acquire_at(f, id, 1, &fence), 0);
  struct fl_records records = {0};
  add_thread(&records, status, wall_ms, NULL);
  commit_ok(f, id, fence, 0, &records);
}

static void threads_are_listed_newest_first(void **state) {
  struct fixture *f = *state;
  make_thread_at(f, "a-1", "idle", 300);
  make_thread_at(f, "a-2", "error", 100);
  make_thread_at(f, "b-1", "idle", 200);
  make_thread_at(f, "a-3", "idle", 300);
  make_thread_at(f, "a_4", "idle", 50);
  char ids[256] = "";
  assert_int_equal(fl_store_list_threads(f->store, NULL, note_id, ids, NULL), 0);
  assert_string_equal(ids, "a-3 a-1 b-1 a-2 a_4 ");
  ids[0] = 0;
  assert_int_equal(fl_store_list_threads(f->store, &(struct fl_threads_query){.prefix = "a-"}, note_id, ids, NULL), 0);
  assert_string_equal(ids, "a-3 a-1 a-2 ");
  ids[0] = 0;
  assert_int_equal(fl_store_list_threads(f->store, &(struct fl_threads_query){.prefix = "a_"}, note_id, ids, NULL), 0);
  assert_string_equal(ids, "a_4 ");
  ids[0] = 0;
  const struct fl_threads_query two = {.limit = 2, .prefix = "", .status = "idle"};
  assert_int_equal(fl_store_list_threads(f->store, &two, note_id, ids, NULL), 0);
  assert_string_equal(ids, "a-3 a-1 ");
  ids[0] = 0;
  make_thread_at(f, "stop", "idle", 250);
  assert_int_equal(fl_store_list_threads(f->store, NULL, note_id, ids, NULL), 0);
  assert_string_equal(ids, "a-3 a-1 stop ");
}

/* ---- checkpoints and values ---- */

static void checkpoint_is_found_again(void **state) {
  struct fixture *f = *state;
  uint64_t fence = acquire(f, "t");
  struct fl_records records = {0};
  add_value(&records, "name", 3, "\"Ann\"")->value.origin = fl_strdup("mail/read");
  add_value(&records, "count", 4, "41");
  add_checkpoint(&records, 5, 0, "input",
                 "{\"channels\":{\"name\":[1,3],\"count\":[2,4],\"none\":[0,0]},\"next\":[\"bot\"]}");
  records.items[2].checkpoint.manifest_hash = fl_strdup("00ff");
  commit_ok(f, "t", fence, 0, &records);
  fixture_reopen(f);
  struct fl_loaded loaded;
  load(f, "t", 0, &loaded);
  assert_int_equal(loaded.checkpoint_no, 5);
  assert_int_equal(loaded.parent_no, 0);
  assert_int_equal(loaded.next_checkpoint_no, 6);
  assert_int_equal(loaded.next_value_no, 5);
  assert_string_equal(loaded.checkpoint_id, "1f0a0005-0000-6000-8000-0123456789ab");
  assert_int_equal(loaded.step, 3);
  assert_int_equal(loaded.wall_ms, 1005);
  assert_string_equal(loaded.source, "input");
  assert_string_equal(fl_as_string(fl_at(fl_get(loaded.body, "next"), 0)), "bot");
  assert_string_equal(channel_text(&loaded, "name"), "\"Ann\"");
  assert_string_equal(channel_text(&loaded, "count"), "41");
  assert_string_equal(channel_text(&loaded, "none"), "absent");
  assert_int_equal(loaded.channel_count, 3);
  assert_int_equal(loaded.channels[1].version, 2);
  assert_int_equal(loaded.channels[1].value_no, 4);
  fl_loaded_deinit(&loaded);
  fl_loaded_deinit(&loaded);
}

static void head_moves_by_compare_and_set(void **state) {
  struct fixture *f = *state;
  uint64_t fence = acquire(f, "t");
  struct fl_records records = {0};
  add_checkpoint(&records, 1, 0, "input", "{}");
  add_checkpoint(&records, 2, 1, "loop", "{}");
  commit_ok(f, "t", fence, 0, &records);
  add_value(&records, "x", 1, "1");
  add_checkpoint(&records, 3, 1, "loop", "{}");
  assert_int_equal(commit(f, "t", fence, 1, &records), FL_E_CONFLICT);
  add_checkpoint(&records, 2, 1, "loop", "{}");
  assert_int_equal(commit(f, "t", fence, 2, &records), FL_E_CONFLICT);
  add_value(&records, "x", 1, "2"); /* the refused one left nothing behind */
  add_checkpoint(&records, 3, 1, "fork", "{\"channels\":{\"x\":[1,1]}}");
  commit_ok(f, "t", fence, 2, &records);
  add_value(&records, "x", 1, "3");
  assert_int_equal(commit(f, "t", fence, 3, &records), FL_E_CONFLICT);
  struct fl_loaded loaded;
  load(f, "t", 0, &loaded);
  assert_int_equal(loaded.checkpoint_no, 3);
  assert_string_equal(channel_text(&loaded, "x"), "2");
  fl_loaded_deinit(&loaded);
  load(f, "t", 2, &loaded);
  assert_int_equal(loaded.checkpoint_no, 2);
  assert_int_equal(loaded.next_checkpoint_no, 4);
  fl_loaded_deinit(&loaded);
  assert_int_equal(fl_store_load(f->store, "t", "", 9, &loaded, &f->err), FL_E_NOT_FOUND);
  assert_int_equal(fl_store_load(f->store, "t", "sub", 2, &loaded, &f->err), FL_E_NOT_FOUND);
}

static void lists_are_put_together_from_what_was_appended(void **state) {
  struct fixture *f = *state;
  uint64_t fence = acquire(f, "t");
  struct fl_records records = {0};
  add_delta(&records, FL_BODY_APPEND, 1, 0, 1, "[{\"id\":\"a\",\"text\":\"[,]\\\"\"}]");
  add_delta(&records, FL_BODY_APPEND, 2, 1, 1, "[]");
  add_delta(&records, FL_BODY_APPEND, 3, 2, 4, "[\"b,]\",[1,[2]],{}]");
  add_delta(&records, FL_BODY_EDIT, 4, 3, 4, "[[\"append\",5],[\"set\",0,{\"x\":[]}],[\"cut\",2]]");
  add_delta(&records, FL_BODY_APPEND, 5, 3, 5, "[null]"); /* a fork */
  add_delta(&records, FL_BODY_LIST, 6, 4, 2, "[1,2]");
  add_delta(&records, FL_BODY_EDIT, 7, 6, 2, "[]");
  add_delta(&records, FL_BODY_APPEND, 8, 7, 3, "[3]");
  add_delta(&records, FL_BODY_LIST, 9, 0, 0, "[]");
  add_checkpoint(&records, 1, 0, "input",
                 "{\"channels\":{\"1\":[1,1],\"3\":[1,3],\"4\":[1,4],\"5\":[1,5],\"8\":[1,8],\"9\":[1,9]}}");
  commit_ok(f, "t", fence, 0, &records);
  struct fl_loaded loaded;
  load(f, "t", 0, &loaded);
  assert_string_equal(channel_text(&loaded, "1"), "[{\"id\":\"a\",\"text\":\"[,]\\\"\"}]");
  assert_string_equal(channel_text(&loaded, "3"), "[{\"id\":\"a\",\"text\":\"[,]\\\"\"},\"b,]\",[1,[2]],{}]");
  assert_string_equal(channel_text(&loaded, "4"), "[{\"x\":[]},\"b,]\",{},5]");
  assert_string_equal(channel_text(&loaded, "5"), "[{\"id\":\"a\",\"text\":\"[,]\\\"\"},\"b,]\",[1,[2]],{},null]");
  assert_string_equal(channel_text(&loaded, "8"), "[1,2,3]");
  assert_string_equal(channel_text(&loaded, "9"), "[]");
  assert_int_equal(fl_list_size(loaded.channels[2].var.list), 4);
  fl_loaded_deinit(&loaded);
}

/* Each row: a value that cannot be right, and a word of what is said about it. */
static void damaged_rows_are_named(void **state) {
  static const struct {
    enum fl_body_kind kind;
    uint64_t parent_no, count;
    const char *body, *says;
  } rows[] = {
      {FL_BODY_APPEND, 1, 2, "{}", "not an array"},
      {FL_BODY_APPEND, 1, 2, "", "not an array"},
      {FL_BODY_APPEND, 1, 3, "[1,2", "not an array"},
      {FL_BODY_APPEND, 1, 3, "[1 2]", "not an array"},
      {FL_BODY_APPEND, 1, 3, "[1]]", "not an array"},
      {FL_BODY_APPEND, 1, 9, "[1]", "not as long"},
      {FL_BODY_APPEND, 2, 9, "[1]", "single value"},
      {FL_BODY_APPEND, 7, 9, "[1]", "missing"},
      {FL_BODY_EDIT, 1, 1, "[[\"set\",1,2]]", "do not fit"},
      {FL_BODY_EDIT, 1, 1, "[[\"set\",-1,2]]", "do not fit"},
      {FL_BODY_EDIT, 1, 0, "[[\"cut\",99999999999999999999]]", "do not fit"},
      {FL_BODY_EDIT, 1, 0, "[[\"cut\",0,1]]", "do not fit"},
      {FL_BODY_EDIT, 1, 0, "[[\"drop\",0]]", "do not fit"},
      {FL_BODY_EDIT, 1, 0, "[[\"cut\"]]", "do not fit"},
      {FL_BODY_EDIT, 1, 0, "[1]", "do not fit"},
      {FL_BODY_EDIT, 1, 1, "[[\"set\",0,1,2]]", "do not fit"},
      {FL_BODY_VALUE, 0, 0, "{\"a\":", "damaged"},
  };
  struct fixture *f = *state;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    char thread[16];
    snprintf(thread, sizeof thread, "t%zu", i);
    uint64_t fence = acquire(f, thread);
    struct fl_records records = {0};
    add_delta(&records, FL_BODY_APPEND, 1, 0, 1, "[0]");
    add_value(&records, "x", 2, "{}");
    add_delta(&records, rows[i].kind, 10, rows[i].parent_no, rows[i].count, rows[i].body);
    add_checkpoint(&records, 1, 0, "input", "{\"channels\":{\"messages\":[1,10]}}");
    commit_ok(f, thread, fence, 0, &records);
    struct fl_loaded loaded;
    if (fl_store_load(f->store, thread, "", 0, &loaded, &f->err) != FL_E_CORRUPT) fail_msg("row %zu passed", i);
    if (strstr(f->err.text, rows[i].says) == NULL || strstr(f->err.text, thread) == NULL)
      fail_msg("row %zu says: %s", i, f->err.text);
  }
}

static void damaged_checkpoints_are_named(void **state) {
  static const char *const bodies[] = {"",
                                       "{",
                                       "{\"channels\":[]}",
                                       "{\"channels\":{\"x\":[1]}}",
                                       "{\"channels\":{\"x\":[-1,0]}}",
                                       "{\"channels\":{\"x\":[1,99]}}"};
  struct fixture *f = *state;
  uint64_t fence = acquire(f, "t");
  for (uint64_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
    struct fl_records records = {0};
    add_checkpoint(&records, i + 1, i, "input", bodies[i]);
    commit_ok(f, "t", fence, i, &records);
    struct fl_loaded loaded = {0};
    int status = fl_store_load(f->store, "t", "", 0, &loaded, &f->err);
    assert_int_equal(status, i == 0 ? 0 : FL_E_CORRUPT); /* an empty body is a null */
    fl_loaded_deinit(&loaded);
  }
}

static void subgraphs_have_heads_of_their_own(void **state) {
  struct fixture *f = *state;
  uint64_t fence = acquire(f, "t");
  struct fl_records records = {0};
  add_checkpoint(&records, 1, 0, "input", "{}");
  commit_ok(f, "t", fence, 0, &records);
  static const char *const names[] = {"child:1", "child:2", "child:1"};
  for (uint64_t i = 0; i < 3; i++) {
    struct fl_record *record = add_checkpoint(&records, i + 2, 0, "input", "{}");
    fl_free(record->ns);
    record->ns = fl_strdup(names[i]);
    commit_ok(f, "t", fence, 0, &records); /* the head of the root does not matter */
  }
  struct fl_loaded loaded;
  load(f, "t", 0, &loaded);
  assert_int_equal(loaded.checkpoint_no, 1);
  assert_int_equal(loaded.next_checkpoint_no, 5);
  fl_loaded_deinit(&loaded);
  assert_int_equal(fl_store_load(f->store, "t", "child:1", 0, &loaded, NULL), 0);
  assert_int_equal(loaded.checkpoint_no, 4);
  fl_loaded_deinit(&loaded);
  assert_int_equal(fl_store_load(f->store, "t", "child:2", 3, &loaded, NULL), 0);
  assert_int_equal(loaded.checkpoint_no, 3);
  fl_loaded_deinit(&loaded);
  assert_int_equal(fl_store_load(f->store, "t", "child:9", 0, &loaded, NULL), 0);
  assert_int_equal(loaded.checkpoint_no, 0);
  assert_int_equal(loaded.next_checkpoint_no, 5);
  fl_loaded_deinit(&loaded);
}

/* ---- beside the checkpoint ---- */

static void writes_wait_beside_their_checkpoint(void **state) {
  struct fixture *f = *state;
  uint64_t fence = acquire(f, "t");
  struct fl_records records = {0};
  add_checkpoint(&records, 1, 0, "input", "{}");
  commit_ok(f, "t", fence, 0, &records);
  add_write(&records, 1, "task-b", 1, "\"one\"");
  add_write(&records, 1, "task-b", 0, "{\"zero\":0}");
  add_write(&records, 1, "task-a", FL_WRITE_INTERRUPT, "{\"question\":1}");
  add_write(&records, 1, "task-a", 0, NULL);
  commit_ok(f, "t", fence, 0, &records);
  add_write(&records, 1, "task-b", 0, "\"kept as it was\"");
  add_write(&records, 1, "task-a", FL_WRITE_INTERRUPT, "{\"question\":2}");
  commit_ok(f, "t", fence, 0, &records);
  fixture_reopen(f);
  struct fl_loaded loaded;
  load(f, "t", 0, &loaded);
  assert_int_equal(loaded.write_count, 4);
  assert_int_equal(loaded.writes[0].index, FL_WRITE_INTERRUPT);
  assert_int_equal(fl_get_int(loaded.writes[0].value, "question", 0), 2);
  assert_string_equal(loaded.writes[1].task_id, "task-a");
  assert_true(fl_is(loaded.writes[1].value, FL_NULL));
  assert_string_equal(loaded.writes[2].task_id, "task-b");
  assert_int_equal(fl_get_int(loaded.writes[2].value, "zero", -1), 0);
  assert_int_equal(loaded.writes[3].index, 1);
  assert_string_equal(loaded.writes[3].channel, "out");
  fl_loaded_deinit(&loaded);
}

static void calls_are_found_with_their_results(void **state) {
  static const char task[] = "01890a5d-ac96-774b-bcce-b302099a8057", call[] = "01890a5d-ac96-874b-bcce-b302099a8058";
  struct fixture *f = *state;
  uint64_t fence = acquire(f, "t");
  struct fl_records records = {0};
  add_checkpoint(&records, 1, 0, "input", "{}");
  add_intent(&records, 1, task, 1, call);
  add_intent(&records, 1, task, 0, "asked");
  commit_ok(f, "t", fence, 0, &records);
  add_result(&records, 1, task, "unheard", "1");
  assert_int_equal(commit(f, "t", fence, 0, &records), FL_E_INVALID);
  assert_non_null(strstr(f->err.text, "unheard"));
  add_result(&records, 1, task, call, "{\"content\":\"42\"}")->result.is_error = true;
  commit_ok(f, "t", fence, 0, &records);
  add_result(&records, 1, task, call, "\"again\"");
  set_body(add_intent(&records, 1, task, 1, call), NULL);
  commit_ok(f, "t", fence, 0, &records); /* what has ended stays as it was */
  fixture_reopen(f);
  struct fl_loaded loaded;
  load(f, "t", 0, &loaded);
  assert_int_equal(loaded.call_count, 2);
  assert_string_equal(loaded.calls[0].call_id, "asked");
  assert_false(loaded.calls[0].has_result);
  assert_null(loaded.calls[0].result);
  const struct fl_loaded_call *found = &loaded.calls[1];
  assert_string_equal(found->call_id, call);
  assert_string_equal(found->task_id, task);
  assert_string_equal(found->name, "math/add");
  assert_int_equal(found->index, 1);
  assert_int_equal(found->kind, FL_CALL_TOOL);
  assert_int_equal(found->effect, FL_EFFECT_ONCE);
  assert_int_equal(found->argument_hash[FL_HASH_SIZE - 1], 7);
  assert_int_equal(fl_get_int(found->args, "a", 0), 1);
  assert_true(found->has_result && found->is_error);
  assert_string_equal(fl_get_string(found->result, "content", ""), "42");
  fl_loaded_deinit(&loaded);
}

static void next_checkpoint_ends_the_superstep(void **state) {
  struct fixture *f = *state;
  uint64_t fence = acquire(f, "t");
  struct fl_records records = {0};
  add_checkpoint(&records, 1, 0, "input", "{}");
  add_intent(&records, 1, "task", 0, "call");
  add_write(&records, 1, "task", 0, "1");
  commit_ok(f, "t", fence, 0, &records);
  add_checkpoint(&records, 2, 1, "update", "{}"); /* a state written from outside ends nothing */
  commit_ok(f, "t", fence, 1, &records);
  struct fl_loaded loaded;
  load(f, "t", 1, &loaded);
  assert_int_equal(loaded.write_count, 1);
  assert_int_equal(loaded.call_count, 1);
  fl_loaded_deinit(&loaded);
  add_write(&records, 1, "last", 0, "1"); /* the last task's, in one transaction with the checkpoint */
  add_result(&records, 1, "task", "call", "1");
  add_checkpoint(&records, 3, 1, "loop", "{}");
  add_write(&records, 3, "next", 0, "2");
  commit_ok(f, "t", fence, 2, &records);
  load(f, "t", 1, &loaded);
  assert_int_equal(loaded.write_count, 0);
  assert_int_equal(loaded.call_count, 0);
  fl_loaded_deinit(&loaded);
  load(f, "t", 0, &loaded);
  assert_int_equal(loaded.write_count, 1);
  assert_string_equal(loaded.writes[0].task_id, "next");
  fl_loaded_deinit(&loaded);
}

static void refused_transaction_changes_nothing(void **state) {
  struct fixture *f = *state;
  uint64_t fence = acquire(f, "t");
  struct fl_records records = {0};
  add_checkpoint(&records, 1, 0, "input", "{}");
  commit_ok(f, "t", fence, 0, &records);
  add_thread(&records, "error", 99999, "{\"x\":1}");
  add_write(&records, 1, "task", 0, "1");
  add_value(&records, "x", 1, "1");
  add_value(&records, "x", 1, "1");
  assert_int_equal(commit(f, "t", fence, 0, &records), FL_E_CONFLICT);
  add_value(&records, "x", 0, "1");
  assert_int_equal(commit(f, "t", fence, 0, &records), FL_E_INVALID);
  add_value(&records, "x", 1ull << 40, "1");
  assert_int_equal(commit(f, "t", fence, 0, &records), FL_E_LIMIT);
  struct fl_loaded loaded;
  load(f, "t", 0, &loaded);
  assert_int_equal(loaded.write_count, 0);
  assert_int_equal(loaded.next_value_no, 1);
  fl_loaded_deinit(&loaded);
  struct fl_thread_info info;
  assert_int_equal(fl_store_read_thread(f->store, "t", &info, NULL), 0);
  assert_string_equal(info.status, "idle");
  fl_thread_info_deinit(&info);
}

/* ---- history ---- */

static bool note_no(const struct fl_checkpoint_info *info, void *user) {
  char *nos = user;
  sprintf(nos + strlen(nos), "%d<%d:%s:%d ", (int)info->no, (int)info->parent_no, info->source,
          (int)fl_get_int(info->body, "n", -1));
  return info->no != 4;
}

static void history_is_listed_and_searched(void **state) {
  struct fixture *f = *state;
  uint64_t fence = acquire(f, "t"), no = 0;
  struct fl_records records = {0};
  for (uint64_t i = 1; i <= 20; i++) {
    char body[16];
    snprintf(body, sizeof body, "{\"n\":%d}", (int)i);
    add_checkpoint(&records, i, i - 1, "loop", body);
  }
  commit_ok(f, "t", fence, 0, &records);
  char nos[512] = "";
  assert_int_equal(fl_store_list_checkpoints(f->store, "t", "", 0, 2, note_no, nos, NULL), 0);
  assert_string_equal(nos, "20<19:loop:20 19<18:loop:19 ");
  nos[0] = 0;
  assert_int_equal(fl_store_list_checkpoints(f->store, "t", "", 6, 0, note_no, nos, NULL), 0);
  assert_string_equal(nos, "5<4:loop:5 4<3:loop:4 ");
  assert_int_equal(fl_store_list_checkpoints(f->store, "nobody", "", 6, 0, note_no, nos, NULL), FL_E_NOT_FOUND);
  assert_int_equal(fl_store_find_checkpoint(f->store, "t", "", "1f0a0011", &no, NULL), 0);
  assert_int_equal(no, 17);
  assert_int_equal(fl_store_find_checkpoint(f->store, "t", "", "1f0a0001-0000-6000-8000-0123456789ab", &no, NULL), 0);
  assert_int_equal(no, 1);
  assert_int_equal(fl_store_find_checkpoint(f->store, "t", "", "1f0a001", &no, &f->err), FL_E_INVALID);
  assert_non_null(strstr(f->err.text, "5 checkpoints"));
  assert_int_equal(fl_store_find_checkpoint(f->store, "t", "", "1f0a9", &no, NULL), FL_E_NOT_FOUND);
  assert_int_equal(fl_store_find_checkpoint(f->store, "t", "", "", &no, NULL), FL_E_NOT_FOUND);
  assert_int_equal(fl_store_find_checkpoint(f->store, "t", "sub", "1f0a0011", &no, NULL), FL_E_NOT_FOUND);
}

static bool note_event(const struct fl_event_info *info, void *user) {
  uint64_t *last = user;
  assert_true(info->no > *last);
  *last = info->no;
  assert_int_equal(info->body.size, 1);
  return info->body.data[0] != 'd';
}

static void events_are_kept_in_order(void **state) {
  struct fixture *f = *state;
  uint64_t fence = acquire(f, "t"), last = 0, third;
  struct fl_records records = {0};
  for (int i = 0; i < 4; i++) {
    struct fl_record *record = fl_records_add(&records, FL_RECORD_EVENT, "");
    snprintf(record->event.run_id, FL_UUID_SIZE, "run-%d", i % 2);
    set_body(record, (const char *const[]){"a", "b", "c", "d"}[i]);
  }
  commit_ok(f, "t", fence, 0, &records);
  assert_int_equal(fl_store_list_events(f->store, "t", "run-0", 0, note_event, &last, NULL), 0);
  third = last;
  assert_int_equal(fl_store_list_events(f->store, "t", NULL, 0, note_event, &(uint64_t){0}, NULL), 0);
  assert_int_equal(fl_store_list_events(f->store, "t", "run-0", third, note_event, &last, NULL), 0);
  assert_int_equal(last, third); /* nothing after it */
  assert_int_equal(fl_store_list_events(f->store, "t", NULL, third, note_event, &last, NULL), 0);
  assert_int_equal(last, third + 1);
}

/* ---- order ---- */

static void acknowledgements_come_in_order_and_fail_alone(void **state) {
  enum { COUNT = 300 };
  struct fixture *f = *state;
  static struct waiting waiting[COUNT];
  static struct fl_records records[COUNT];
  uint64_t fences[3] = {acquire(f, "t0"), acquire(f, "t1"), acquire(f, "t2")};
  const char *const threads[3] = {"t0", "t1", "t2"};
  memset(waiting, 0, sizeof waiting);
  acknowledged_count = 0;
  for (uint64_t i = 0; i < COUNT; i++) {
    bool is_stale = i % 10 == 9;
    add_value(&records[i], "x", i + 1, "1");
    waiting[i].txn = (struct fl_txn){
        .kind = FL_TXN_WRITE, .thread = threads[i % 3], .fence = fences[i % 3] + is_stale, .records = &records[i]};
    submit(f, &waiting[i]);
    assert_int_equal(waiting[i].done_count, 0); /* never from inside the call */
  }
  fl_world_run(f->world);
  for (size_t i = 0; i < COUNT; i++) {
    assert_int_equal(waiting[i].done_count, 1);
    assert_int_equal(waiting[i].order, i + 1);
    assert_int_equal(waiting[i].status, i % 10 == 9 ? FL_E_CONFLICT : 0);
    fl_records_deinit(&records[i]);
  }
  struct fl_loaded loaded;
  load(f, "t0", 0, &loaded);
  assert_int_equal(loaded.next_value_no, 299); /* 298 is the last of t0 that was not stale */
  fl_loaded_deinit(&loaded);
}

static void closing_waits_for_what_is_under_way(void **state) {
  struct fixture *f = *state;
  struct fl_records records = {0};
  uint64_t fence = acquire(f, "t");
  add_checkpoint(&records, 1, 0, "input", "{}");
  struct waiting waiting = {.txn = {.kind = FL_TXN_WRITE, .thread = "t", .fence = fence, .records = &records}};
  submit(f, &waiting);
  fl_store_close(f->store);
  assert_int_equal(waiting.done_count, 1);
  assert_int_equal(waiting.status, 0);
  f->store = NULL;
  fl_records_deinit(&records);
  fl_world_run(f->world);
  assert_int_equal(waiting.done_count, 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      EACH(thread_comes_with_its_first_lease),
      EACH(ids_that_are_not_ids_are_refused),
      EACH(one_lease_at_a_time),
      EACH(expired_lease_is_free_and_its_holder_loses),
      EACH(renewed_lease_lasts),
      EACH(a_lease_lasts_as_long_as_was_asked_for),
      EACH(closed_process_leaves_no_lease),
      EACH(deleting_takes_everything_but_the_fence),
      EACH(metadata_merges_also_while_somebody_runs),
      EACH(writing_can_make_a_thread),
      EACH(threads_are_listed_newest_first),
      EACH(checkpoint_is_found_again),
      EACH(head_moves_by_compare_and_set),
      EACH(lists_are_put_together_from_what_was_appended),
      EACH(damaged_rows_are_named),
      EACH(damaged_checkpoints_are_named),
      EACH(subgraphs_have_heads_of_their_own),
      EACH(writes_wait_beside_their_checkpoint),
      EACH(calls_are_found_with_their_results),
      EACH(next_checkpoint_ends_the_superstep),
      EACH(refused_transaction_changes_nothing),
      EACH(history_is_listed_and_searched),
      EACH(events_are_kept_in_order),
      EACH(acknowledgements_come_in_order_and_fail_alone),
      EACH(closing_waits_for_what_is_under_way),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
