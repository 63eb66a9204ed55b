/* SPDX-License-Identifier: MIT */
/* A store that an older fairlead wrote (store-v1.sql) is brought to the format of this one when it is opened, whole or
 * not at all: with a disk that fills up, fails or loses power at every write, sync and truncation on the way. */
#include "tests/unit/store/faulty_vfs.h"

#include <sys/wait.h>

static void fresh_path(char path[512]) {
  static char folder[256];
  static int count;
  if (count == 0) snprintf(folder, sizeof folder, "%s", test_folder());
  snprintf(path, 512, "%s/%d.db", folder, ++count);
}

static void make_v1(const char *path) {
  char source[600];
  sqlite3 *handle;
  snprintf(source, sizeof source, "%s/tests/unit/store/store-v1.sql", getenv("FL_SOURCE_ROOT"));
  char *text = test_read_file(source, NULL), *why = NULL;
  assert_non_null(text);
  assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
  if (sqlite3_exec(handle, text, NULL, NULL, &why) != SQLITE_OK) fail_msg("%s", why);
  sqlite3_close(handle);
  free(text);
}

static int open_store(struct fixture *f, bool read_only) {
  const struct fl_store_options options = {.size = sizeof options, .read_only = read_only};
  f->world = fl_world_uv_create(NULL);
  int status = fl_store_open(f->world, f->path, &options, &f->store, &f->err);
  if (status != 0) fl_world_destroy(f->world);
  return status;
}

static int64_t format_of(const char *path) {
  sqlite3 *handle;
  sqlite3_stmt *statement;
  assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
  assert_int_equal(sqlite3_prepare_v2(handle, "PRAGMA user_version", -1, &statement, NULL), SQLITE_OK);
  assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
  int64_t version = sqlite3_column_int64(statement, 0);
  sqlite3_finalize(statement);
  sqlite3_close(handle);
  return version;
}

/* What the old store held. */
static void assert_content(struct fixture *f) {
  struct fl_loaded loaded;
  load(f, "done", 0, &loaded);
  assert_int_equal(loaded.step, 6);
  assert_string_equal(channel_text(&loaded, "notes"), "[\"noted\",\"aside\",\"noted\",\"aside\"]");
  assert_string_equal(channel_text(&loaded, "answer"), "\"no\"");
  fl_loaded_deinit(&loaded);
  load(f, "waiting", 0, &loaded);
  assert_int_equal(loaded.write_count, 3);
  assert_string_equal(channel_text(&loaded, "turns"), "1");
  fl_loaded_deinit(&loaded);
}

static int put_result(struct fixture *f) {
  struct fl_cache_entry entry = {.graph = "g", .node = "n", .body = FL_SLICE("1")};
  struct waiting waiting = {.txn = {.kind = FL_TXN_CACHE_PUT, .cache = &entry}};
  return submit_and_wait(f, &waiting);
}

static void old_store_is_brought_up_to_date(void **state) {
  struct fixture f = {0};
  fresh_path(f.path);
  make_v1(f.path);
  assert_int_equal(open_store(&f, false), 0);
  assert_content(&f);
  assert_int_equal(put_result(&f), 0);
  uint64_t fence = acquire(&f, "done");
  struct fl_records records = {0};
  add_checkpoint(&records, 7, 6, "loop", "{\"channels\":{}}");
  commit_ok(&f, "done", fence, 6, &records);
  fixture_close(&f);
  assert_int_equal(format_of(f.path), 7);
  assert_int_equal(open_store(&f, false), 0); /* and nothing is left to do the next time */
  fixture_close(&f);
}

static void old_store_is_read_as_it_is(void **state) {
  struct fixture f = {0};
  fresh_path(f.path);
  make_v1(f.path);
  assert_int_equal(open_store(&f, true), 0);
  assert_content(&f);
  struct fl_cache_entry entry = {.graph = "g", .node = "n"};
  char *body;
  assert_int_equal(fl_store_read_cache(f.store, &entry, 1, &body, &f.err), FL_E_NOT_FOUND);
  assert_int_equal(fl_store_list_requests(f.store, &(struct fl_requests_query){"done", 1, NULL, NULL}, &f.err), 0);
  fixture_close(&f);
  assert_int_equal(format_of(f.path), 1);
}

static void sweep(int fail_code, bool fails_on, int expected) {
  struct fixture f = {0};
  long last = 1, failed = 0;
  for (long at = 1; at <= last; at++) {
    fresh_path(f.path);
    disk.is_on = false;
    make_v1(f.path);
    disk_reset();
    disk.is_on = true;
    disk.fail_at = at;
    disk.fail_code = fail_code;
    disk.fails_on = fails_on;
    int status = open_store(&f, false);
    bool was_reached = disk.op_count >= at;
    if (status != 0) {
      failed++;
      assert_int_equal(status, expected);
      disk.is_broken = false;
      if (open_store(&f, false) != 0) fail_msg("at %ld, once the disk was mended: %s", at, f.err.text);
    }
    disk.fail_at = 0;
    disk.is_broken = false;
    assert_content(&f);
    assert_int_equal(put_result(&f), 0);
    fixture_close(&f);
    disk.is_on = false;
    assert_int_equal(format_of(f.path), 7);
    if (was_reached) last = at + 1;
  }
  assert_true(last > 8); /* the migration writes more often than that */
  assert_true(failed > 4);
  disk_reset();
}

static void full_disk_keeps_the_old_store(void **state) { sweep(SQLITE_FULL, true, FL_E_NO_SPACE); }
static void failing_disk_keeps_the_old_store(void **state) { sweep(SQLITE_IOERR_WRITE, false, FL_E_IO); }

/* A process of its own is killed at the n-th write of the migration; what it leaves is opened here. */
static long kill_at;
static void kill_now(void) {
  if (disk.op_count == kill_at) kill(getpid(), SIGKILL);
}

static bool is_killed_at(const char *path, long at) {
  pid_t child = fork();
  if (child == 0) {
    struct fixture f = {0};
    snprintf(f.path, sizeof f.path, "%s", path);
    kill_at = at;
    disk.on_op = kill_now;
    disk.is_on = true;
    _exit(open_store(&f, false) == 0 ? 0 : 1);
  }
  int status;
  assert_int_equal(waitpid(child, &status, 0), child);
  if (!WIFSIGNALED(status)) assert_int_equal(WEXITSTATUS(status), 0);
  return WIFSIGNALED(status);
}

static void killed_migration_is_done_again(void **state) {
  struct fixture f = {0};
  long kills = 0;
  for (long at = 1;; at++) {
    fresh_path(f.path);
    disk_reset();
    make_v1(f.path);
    if (!is_killed_at(f.path, at)) break;
    kills++;
    if (open_store(&f, false) != 0) fail_msg("after the kill at write %ld: %s", at, f.err.text);
    assert_content(&f);
    assert_int_equal(put_result(&f), 0);
    fixture_close(&f);
    assert_int_equal(format_of(f.path), 7);
  }
  assert_true(kills > 8);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(old_store_is_brought_up_to_date), cmocka_unit_test(old_store_is_read_as_it_is),
      cmocka_unit_test(full_disk_keeps_the_old_store),   cmocka_unit_test(failing_disk_keeps_the_old_store),
      cmocka_unit_test(killed_migration_is_done_again),
  };
  disk_install();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
