/* SPDX-License-Identifier: MIT */
/* A sealed store: everything is found again, nothing of it is in the files, and whatever is changed, moved, cut off or
 * put in the clear is refused by name. */
#include "tests/unit/store/sealed.h"

#include "runtime/io/vault.h"
#include "runtime/store/seal.h"
#include "runtime/store/trace.h"

enum { COUNT = 1000 };

static bool take_event(const struct fl_event_info *event, void *user) {
  return fl_buf_add(user, event->body.data, event->body.size) == 0;
}

static bool take_run(const struct fl_trace_run *run, void *user) {
  fl_buf_add(user, run->begin.data, run->begin.size);
  fl_buf_addf(user, " %llu", (unsigned long long)run->no);
  return true;
}

static bool take_span(uint32_t no, fl_slice text, void *user) { return fl_buf_add(user, text.data, text.size) == 0; }

static void assert_thread(struct fixture *f, const char *thread, bool has_events) {
  struct fl_loaded loaded;
  load(f, thread, 0, &loaded);
  assert_string_equal(channel_text(&loaded, "x"), "\"value Canary4711\"");
  assert_string_equal(channel_text(&loaded, "messages"), "[\"list Canary4711\",\"more Canary4711\"]");
  assert_int_equal(loaded.write_count, 2);
  assert_string_equal(fl_as_string(loaded.writes[1].value), "write Canary4711");
  assert_int_equal(loaded.call_count, 1);
  assert_string_equal(fl_get_string(loaded.calls[0].args, "arg", ""), canary);
  assert_string_equal(fl_as_string(loaded.calls[0].result), "result Canary4711");
  fl_loaded_deinit(&loaded);
  struct fl_thread_info info;
  assert_int_equal(fl_store_read_thread(f->store, thread, &info, &f->err), 0);
  assert_string_equal(fl_get_string(info.metadata, "about", ""), canary);
  fl_thread_info_deinit(&info);
  FL_BUF_AUTO told = {0};
  assert_int_equal(fl_store_list_events(f->store, thread, NULL, 0, take_event, &told, &f->err), 0);
  assert_string_equal(told.data != NULL ? told.data : "", has_events ? "{\"event\":\"Canary4711\"}" : "");
}

static void assert_trace(struct fixture *f, const char *thread, unsigned no) {
  FL_BUF_AUTO told = {0};
  FL_FREE_AUTO char *expected = fl_format("{\"trace\":\"Canary4711\"} %u{\"span\":\"Canary4711\"}", no);
  const struct fl_trace_query query = {.thread = thread, .visit = take_run, .user_data = &told};
  assert_int_equal(fl_store_list_runs(f->store, &query, &f->err), 0);
  const struct fl_trace_rows rows = {.run_no = no, .part = FL_TRACE_SPANS, .visit = take_span, .user_data = &told};
  assert_int_equal(fl_store_read_trace(f->store, &rows, &f->err), 0);
  assert_string_equal(told.data, expected);
}

static bool take_item(const struct fl_memory_item *item, void *user) {
  return fl_buf_add(user, item->body.data, item->body.size) == 0;
}

static void assert_found(struct fixture *f, const char *words, bool is_there) {
  static const float vector[4] = {0.5f, 0.5f, 0.5f, 0.5f};
  FL_BUF_AUTO told = {0};
  const struct fl_items_query query = {.words = words,
                                       .model = words == NULL ? "m" : NULL,
                                       .vector = vector,
                                       .dims = 4,
                                       .limit = 10,
                                       .wall_ms = 1,
                                       .visit = take_item,
                                       .user = &told};
  assert_int_equal(fl_store_search_items(f->store, &query, &f->err), 0);
  assert_string_equal(told.data != NULL ? told.data : "", is_there ? "{\"likes\":\"Canary4711\"}" : "");
}

static void assert_beside(struct fixture *f) {
  assert_found(f, "canary4711", true);
  assert_found(f, "zoe nobody", true); /* words are folded as without a key */
  assert_found(f, "nobody", false);
  assert_found(f, NULL, true);
}

/* ---- looking at the files ---- */

static bool file_has(const struct fixture *f, const char *ending, fl_slice what) {
  FL_FREE_AUTO char *path = fl_format("%s%s", f->path, ending);
  size_t size = 0;
  if (access(path, F_OK) != 0) return false;
  char *bytes = test_read_file(path, &size);
  bool has = bytes != NULL && memmem(bytes, size, what.data, what.size) != NULL;
  free(bytes);
  return has;
}

static bool files_have(const struct fixture *f, fl_slice what) {
  return file_has(f, "", what) || file_has(f, "-wal", what) || file_has(f, "-shm", what) ||
         file_has(f, "-journal", what);
}

static void assert_no_canary(const struct fixture *f) {
  static const char *const texts[] = {"Canary4711", "canary4711", "anary47", "likes", "zoe", "Zö"};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
    if (files_have(f, fl_slice_of(texts[i]))) fail_msg("%s is in a file", texts[i]);
}

/* ---- everything is found again ---- */

static void what_is_sealed_is_found_again(void **state) {
  struct fixture *f = *state;
  write_thread(f, "t");
  write_beside(f);
  assert_thread(f, "t", true);
  assert_no_canary(f); /* the log has not been moved to the file yet */
  assert_int_equal(reopen_with(f, key_bytes), 0);
  assert_thread(f, "t", true);
  assert_trace(f, "t", 1);
  assert_beside(f);
  assert_no_canary(f);
  assert_whole(f);
}

static void threads_are_copied_moved_and_pruned(void **state) {
  struct fixture *f = *state;
  write_thread(f, "t");
  const struct fl_copy copy = {.to = "copy"};
  struct waiting copies = {.txn = {.kind = FL_TXN_COPY, .thread = "t", .copy = &copy}};
  assert_int_equal(submit_and_wait(f, &copies), 0);
  assert_thread(f, "copy", false);
  FL_BUF_AUTO text = {0};
  assert_int_equal(fl_thread_export(f->store, "t", &text, &f->err), 0);
  assert_non_null(strstr(text.data, canary));
  struct fl_thread_file file;
  assert_int_equal(fl_thread_file_read(fl_buf_slice(&text), &file, &f->err), 0);
  const struct fl_import import = {.records = &file.records, .created_ms = 1};
  struct waiting imports = {.txn = {.kind = FL_TXN_IMPORT, .thread = "imported", .import = &import}};
  assert_int_equal(submit_and_wait(f, &imports), 0);
  fl_thread_file_deinit(&file);
  assert_thread(f, "imported", true);
  uint64_t fence = acquire(f, "t");
  struct fl_records records = {0};
  add_delta(&records, FL_BODY_APPEND, 4, 3, 3, "[\"third\"]");
  add_checkpoint(&records, 2, 1, "loop", "{\"channels\":{\"x\":[1,1],\"messages\":[3,4]}}");
  commit_ok(f, "t", fence, 1, &records);
  assert_int_equal(lease(f, FL_TXN_LEASE_RELEASE, "t", fence), 0);
  const struct fl_prune prune = {.keep_last = 1};
  struct waiting prunes = {.txn = {.kind = FL_TXN_PRUNE, .thread = "t", .prune = &prune}};
  assert_int_equal(submit_and_wait(f, &prunes), 0);
  struct fl_loaded loaded;
  load(f, "t", 0, &loaded);
  assert_string_equal(channel_text(&loaded, "messages"), "[\"list Canary4711\",\"more Canary4711\",\"third\"]");
  fl_loaded_deinit(&loaded);
  const struct fl_rollback rollback = {.to_no = 0};
  struct waiting rolls = {.txn = {.kind = FL_TXN_ROLLBACK, .thread = "copy", .rollback = &rollback}};
  assert_int_equal(submit_and_wait(f, &rolls), 0);
  assert_no_canary(f);
  assert_whole(f);
}

/* ---- keys ---- */

static void a_sealed_store_needs_its_key(void **state) {
  struct fixture *f = *state;
  write_thread(f, "t");
  assert_int_equal(reopen_with(f, NULL), FL_E_DENIED);
  assert_non_null(strstr(f->err.text, "FAIRLEAD_STORE_KEY_FILE"));
  assert_int_equal(open_with(f, other_bytes, false), FL_E_DENIED);
  assert_non_null(strstr(f->err.text, "another key"));
  assert_int_equal(open_with(f, other_bytes, true), FL_E_DENIED);
  assert_int_equal(open_with(f, NULL, true), 0); /* what is not sealed can be looked at: the audit log */
  struct fl_loaded loaded = {0};
  assert_int_equal(fl_store_load(f->store, "t", "", 0, &loaded, &f->err), FL_E_DENIED);
  assert_non_null(strstr(f->err.text, "thread t: checkpoint 1 is sealed, and no key is configured"));
  assert_int_equal(reopen_with(f, key_bytes), 0);
}

static void the_master_key_is_exchanged(void **state) {
  struct fixture *f = *state;
  FL_SECRET_AUTO next = {0};
  write_thread(f, "t");
  write_thread(f, "second");
  write_beside(f);
  fl_secret_set(&next, fl_slice_n((const char *)other_bytes, 32));
  struct waiting rotates = {.txn = {.kind = FL_TXN_ROTATE, .new_key = &next}};
  assert_int_equal(submit_and_wait(f, &rotates), 0);
  assert_int_equal(rotates.txn.count, 3);
  assert_int_equal(reopen_with(f, key_bytes), FL_E_DENIED);
  assert_int_equal(open_with(f, other_bytes, false), 0);
  assert_thread(f, "t", true);
  assert_thread(f, "second", true);
  assert_beside(f);
  assert_whole(f);
}

static void read_wrapped(const struct fixture *f, uint8_t *ret_wrapped, size_t size) {
  sqlite3 *handle;
  sqlite3_stmt *statement;
  assert_int_equal(sqlite3_open(f->path, &handle), SQLITE_OK);
  assert_int_equal(sqlite3_prepare_v2(handle,
                                      "SELECT wrapped FROM seal_key WHERE owner = (SELECT row FROM thread"
                                      " WHERE id = 'gone')",
                                      -1, &statement, NULL),
                   SQLITE_OK);
  assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
  assert_int_equal(sqlite3_column_bytes(statement, 0), size);
  memcpy(ret_wrapped, sqlite3_column_blob(statement, 0), size);
  sqlite3_finalize(statement);
  sqlite3_close(handle);
}

static void a_deleted_thread_is_erased(void **state) {
  struct fixture *f = *state;
  uint8_t wrapped[72];
  write_thread(f, "gone");
  write_thread(f, "stays");
  read_wrapped(f, wrapped, sizeof wrapped);
  fl_slice bytes = fl_slice_n((char *)wrapped, sizeof wrapped);
  assert_true(files_have(f, bytes));
  assert_int_equal(lease(f, FL_TXN_DELETE_THREAD, "gone", 0), 0);
  for (int i = 0; i < 100 && files_have(f, bytes); i++) usleep(20000); /* the writer tidies behind the answer */
  assert_false(files_have(f, bytes));
  write_thread(f, "gone"); /* which may have the same row, and another key */
  assert_thread(f, "gone", true);
  assert_thread(f, "stays", true);
  assert_whole(f);
}

/* ---- what is refused: every bit, in memory ---- */

struct sealed_row {
  struct fl_record record;
  fl_slice text;
};

static void make_rows(struct fl_db *db, struct sealed_row *rows) {
  for (size_t i = 0; i < COUNT; i++) {
    char body[32];
    snprintf(body, sizeof body, "{\"row\":%zu}", i);
    rows[i].record = (struct fl_record){.kind = i % 2 == 0 ? FL_RECORD_VALUE : FL_RECORD_EVENT};
    if (i % 2 == 0) rows[i].record.value.no = i + 1;
    else rows[i].record.event.no = i + 1;
    rows[i].record.body = body;
    rows[i].record.body_size = strlen(body);
    fl_slice text;
    struct fl_error err = {0};
    assert_int_equal(fl_seal_record(&(struct fl_seal_thread){db, "t", 1}, &rows[i].record, &text, &err), 0);
    rows[i].text = fl_slice_n(malloc(text.size), text.size);
    memcpy((char *)rows[i].text.data, text.data, text.size);
  }
}

static int open_row(struct fl_db *db, const struct fl_record *record, fl_slice text) {
  struct fl_error err = {0};
  fl_slice plain;
  int status = fl_unseal_record(&(struct fl_seal_thread){db, "t", 1}, record, text, &plain, &err);
  assert_true(status == 0 || err.text[0] != '\0');
  return status;
}

static void attack_row(struct fl_db *db, const struct sealed_row *row, const struct sealed_row *next) {
  char *bytes = (char *)row->text.data;
  assert_int_equal(open_row(db, &row->record, row->text), 0);
  for (size_t bit = 0; bit < row->text.size * 8; bit++) {
    bytes[bit / 8] ^= (char)(1 << bit % 8);
    int status = open_row(db, &row->record, row->text);
    bytes[bit / 8] ^= (char)(1 << bit % 8);
    if (status != FL_E_CORRUPT && status != FL_E_DENIED) fail_msg("bit %zu passes", bit);
  }
  for (size_t size = 0; size < row->text.size; size++)
    assert_int_not_equal(open_row(db, &row->record, fl_slice_n(bytes, size)), 0);
  assert_int_equal(open_row(db, &next->record, row->text), FL_E_CORRUPT);             /* swapped */
  assert_int_equal(open_row(db, &row->record, FL_SLICE("{\"row\":0}")), FL_E_DENIED); /* in the clear */
}

static void each_bit_of_a_row_counts(void **state) {
  struct fl_db db;
  struct fl_error err = {0};
  FL_SECRET_AUTO key = {0};
  assert_int_equal(fl_db_open_memory(&db, &err), 0);
  fl_secret_set(&key, fl_slice_n((const char *)key_bytes, 32));
  db.sealer = fl_sealer_create(&key, other_bytes);
  struct sealed_row *rows = calloc(COUNT, sizeof *rows);
  make_rows(&db, rows);
  for (size_t i = 0; i < COUNT; i++) attack_row(&db, &rows[i], &rows[(i + 2) % COUNT]);
  fl_slice plain;
  assert_int_equal(fl_unseal_record(&(struct fl_seal_thread){&db, "u", 1}, &rows[0].record, rows[0].text, &plain, &err),
                   FL_E_CORRUPT);
  assert_int_equal(fl_unseal_record(&(struct fl_seal_thread){&db, "t", 2}, &rows[0].record, rows[0].text, &plain, &err),
                   FL_E_CORRUPT);
  for (size_t i = 0; i < COUNT; i++) free((char *)rows[i].text.data);
  free(rows);
  fl_db_close(&db);
}

/* ---- what is refused: in the file ---- */

static int read_all_of(struct fixture *f, const char *thread) {
  FL_BUF_AUTO text = {0};
  struct fl_loaded loaded = {0};
  f->err = (struct fl_error){0};
  int status = fl_store_load(f->store, thread, "", 0, &loaded, &f->err);
  fl_loaded_deinit(&loaded);
  return status == 0 ? fl_thread_export(f->store, thread, &text, &f->err) : status;
}

static void rows_that_were_touched_are_named(void **state) {
  struct fixture *f = *state;
  static const struct {
    const char *sql, *says;
  } rows[] = {
      {"UPDATE row SET count = 9 WHERE k = 3", ""},
      {"UPDATE row SET labels = 8 WHERE k = 3", "value 3 is damaged"},
      {"UPDATE pending SET labels = 8 WHERE place = 0", "a write beside checkpoint 1 is damaged"},
      {"UPDATE call SET labels = 8", "a result beside checkpoint 1 is damaged"},
      {"UPDATE row SET body = (SELECT body FROM row WHERE k = 2), sum = (SELECT sum FROM row WHERE k = 2) WHERE k = 3",
       ""},
      {"UPDATE pending SET channel = 'in' WHERE place = 0", "a write beside checkpoint"},
      {"UPDATE pending SET task = 'other' WHERE place = 0", "a write beside checkpoint"},
      {"UPDATE call SET name = 'bank/pay'", "a call beside checkpoint 1 is damaged"},
      {"UPDATE call SET effect = 0", "a call beside checkpoint 1 is damaged"},
      {"UPDATE call SET argument_hash = zeroblob(32)", "a call beside checkpoint 1 is damaged"},
      {"UPDATE call SET is_error = 1", "a result beside checkpoint 1 is damaged"},
      {"UPDATE event SET run = 'other'", "event 1 is damaged"},
      {"UPDATE thread SET metadata = '{\"about\":\"nothing\"}'", "its metadata is not sealed, and a key is configured"},
      {"UPDATE row SET name = 'fork' WHERE name = 'input'", "checkpoint 1 is damaged"},
      {"UPDATE row SET wall_ms = 1 WHERE name = 'input'", "checkpoint 1 is damaged"},
      {"UPDATE seal_key SET wrapped = zeroblob(72) WHERE owner > 0", "its sealed key is damaged"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    FL_FREE_AUTO char *thread = fl_format("t");
    write_thread(f, thread);
    assert_int_equal(read_all_of(f, thread), 0);
    attack(f, rows[i].sql);
    assert_int_equal(reopen_with(f, key_bytes), 0);
    if (read_all_of(f, thread) == 0) fail_msg("%s passes", rows[i].sql);
    if (strstr(f->err.text, rows[i].says) == NULL) fail_msg("%s: %s", rows[i].sql, f->err.text);
    assert_int_equal(lease(f, FL_TXN_DELETE_THREAD, thread, 0), 0);
  }
}

static void a_row_in_the_clear_is_refused(void **state) {
  struct fixture *f = *state;
  write_thread(f, "t");
  attack(f, "UPDATE row SET body = '{\"channels\":{}}', sum = 0 WHERE name = 'input'");
  struct fl_loaded loaded = {0};
  int status = fl_store_load(f->store, "t", "", 0, &loaded, &f->err);
  assert_true(status == FL_E_CORRUPT || status == FL_E_DENIED);
  fl_loaded_deinit(&loaded);
}

/* ---- sealing what was not ---- */

static int step(struct fixture *f, struct fl_seal_step *step) {
  struct waiting waiting = {.txn = {.kind = FL_TXN_SEAL, .seal = step}};
  return submit_and_wait(f, &waiting);
}

/* Two threads, of which the first is sealed, and what stands beside. */
static void finish_sealing(struct fixture *f) {
  struct fl_seal_step steps = {0};
  bool did[3];
  for (size_t i = 0; i < 3; i++) {
    assert_int_equal(step(f, &steps), 0);
    did[i] = steps.did_seal;
    assert_int_equal(steps.is_last, i == 2);
    steps.after = steps.next;
  }
  assert_false(did[0]);
  assert_true(did[1] && did[2]);
}

static void a_store_is_sealed_afterwards(void **state) {
  struct fixture *f = *state;
  fl_store_close(f->store);
  unlink(f->path);
  f->store = NULL;
  assert_int_equal(open_with(f, NULL, false), 0);
  write_thread(f, "one");
  write_thread(f, "other");
  write_beside(f);
  assert_true(files_have(f, fl_slice_of(canary)));
  struct fl_seal_step steps = {0};
  assert_int_equal(step(f, &steps), FL_E_STATE); /* there is no key */
  assert_int_equal(reopen_with(f, key_bytes), 0);
  struct fl_loaded loaded = {0};
  assert_int_equal(fl_store_load(f->store, "one", "", 0, &loaded, &f->err), FL_E_DENIED);
  assert_non_null(strstr(f->err.text, "thread one: checkpoint 1 is not sealed, and a key is configured"));
  fl_loaded_deinit(&loaded);
  assert_int_equal(step(f, &steps), 0);
  assert_string_equal(steps.thread, "one");
  assert_true(steps.did_seal);
  assert_int_equal(reopen_with(f, key_bytes), 0); /* whoever was killed here begins again */
  assert_thread(f, "one", true);
  assert_int_equal(fl_store_load(f->store, "other", "", 0, &loaded, &f->err), FL_E_DENIED);
  fl_loaded_deinit(&loaded);
  finish_sealing(f);
  assert_int_equal(fl_store_compact(f->store, &f->err), 0);
  assert_thread(f, "one", true);
  assert_thread(f, "other", true);
  assert_trace(f, "one", 1);
  assert_beside(f);
  assert_no_canary(f);
  assert_whole(f);
}

/* Of a key that the store finds itself: also as it stands in its file. */
static void a_key_that_was_found_is_a_known_secret(void **state) {
  static const char hex[] = "1123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
  struct fixture *f = *state;
  FL_FREE_AUTO char *command = fl_format("echo %s", hex), *path = fl_format("%s.found", f->path);
  struct fl_store *store = NULL;
  const struct fl_store_options options = {.size = sizeof options, .finds_key = true};
  assert_null(fl_vault_known(f->world)); /* one that was given is its giver's affair */
  setenv("FAIRLEAD_STORE_KEY_COMMAND", command, 1);
  int status = fl_store_open(f->world, path, &options, &store, &f->err);
  unsetenv("FAIRLEAD_STORE_KEY_COMMAND");
  if (status != 0) fail_msg("%s", f->err.text);
  fl_store_close(store);
  FL_BUF_AUTO shown = {0};
  assert_int_equal(fl_known_hide(fl_vault_known(f->world), fl_slice_of(hex), &shown), 1);
  assert_string_equal(shown.data, "[secret STORE_KEY]");
}

int main(void) {
#define SEALED(test) cmocka_unit_test_setup_teardown(test, open_sealed, close_fixture)
  const struct CMUnitTest tests[] = {
      SEALED(what_is_sealed_is_found_again),          SEALED(threads_are_copied_moved_and_pruned),
      SEALED(a_sealed_store_needs_its_key),           SEALED(the_master_key_is_exchanged),
      SEALED(a_key_that_was_found_is_a_known_secret), SEALED(a_deleted_thread_is_erased),
      cmocka_unit_test(each_bit_of_a_row_counts),     SEALED(rows_that_were_touched_are_named),
      SEALED(a_row_in_the_clear_is_refused),          SEALED(a_store_is_sealed_afterwards),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
