/* SPDX-License-Identifier: MIT */
/* What only the store on disk does: files and their modes, files of others, several processes, processes that are
 * killed, files that are damaged. */
#include "tests/unit/store/fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

static void path_in_fresh_folder(char path[512]) { snprintf(path, 512, "%s/store.db", test_folder()); }

static void open_at(struct fixture *f, const char *path) {
  snprintf(f->path, sizeof f->path, "%s", path);
  f->world = fl_world_uv_create(NULL);
  if (fl_store_open(f->world, path, NULL, &f->store, &f->err) != 0) fail_msg("open: %s", f->err.text);
}

/* One superstep of a thread: a message and a checkpoint. */
static int step(struct fixture *f, const char *thread, uint64_t fence, uint64_t no) {
  struct fl_records records = {0};
  char body[128], checkpoint[128];
  snprintf(body, sizeof body, "[\"message %d of %s\"]", (int)no, thread);
  snprintf(checkpoint, sizeof checkpoint, "{\"channels\":{\"messages\":[%d,%d]}}", (int)no, (int)no);
  add_delta(&records, FL_BODY_APPEND, no, no - 1, no, body);
  add_checkpoint(&records, no, no - 1, "loop", checkpoint);
  return commit(f, thread, fence, no - 1, &records);
}

static size_t messages_of(struct fixture *f, const char *thread) {
  struct fl_loaded loaded;
  load(f, thread, 0, &loaded);
  size_t size = loaded.checkpoint_no == 0 ? 0 : fl_list_size(loaded.channels[0].var.list);
  assert_int_equal(size, loaded.checkpoint_no);
  fl_loaded_deinit(&loaded);
  return size;
}

/* ---- files ---- */

static void files_are_private(void **state) {
  struct fixture f = {0};
  struct stat status;
  fixture_open(&f, false); /* below folders that are made */
  acquire(&f, "t");
  assert_int_equal(stat(f.path, &status), 0);
  assert_int_equal(status.st_mode & 0777, 0600);
  static const char *const suffixes[] = {"-wal", "-shm", ".lock"};
  char path[600];
  for (size_t i = 0; i < 3; i++) {
    snprintf(path, sizeof path, "%s%s", f.path, suffixes[i]);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
  }
  snprintf(path, sizeof path, "%s", f.path);
  *strrchr(path, '/') = 0;
  assert_int_equal(stat(path, &status), 0);
  assert_int_equal(status.st_mode & 0777, 0700);
  fixture_close(&f);
}

static int open_fails(const char *path, const struct fl_store_options *options, struct fl_error *err) {
  struct fl_world *world = fl_world_uv_create(NULL);
  struct fl_store *store = NULL;
  int status = fl_store_open(world, path, options, &store, err);
  if (status == 0) fl_store_close(store);
  fl_world_destroy(world);
  return status;
}

static void run_sql(const char *path, const char *text) {
  sqlite3 *handle;
  assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
  assert_int_equal(sqlite3_exec(handle, text, NULL, NULL, NULL), SQLITE_OK);
  sqlite3_close(handle);
}

static void files_of_others_are_left_alone(void **state) {
  char path[512];
  struct fl_error err;
  path_in_fresh_folder(path);
  run_sql(path, "CREATE TABLE theirs(x)");
  assert_int_equal(open_fails(path, NULL, &err), FL_E_INVALID);
  assert_non_null(strstr(err.text, "another program"));
  assert_int_equal(open_fails("", NULL, &err), FL_E_INVALID);
  assert_non_null(strstr(err.text, "empty"));
  path_in_fresh_folder(path);
  int fd = open(path, O_WRONLY | O_CREAT, 0600);
  for (int i = 0; i < 100; i++) assert_int_equal(write(fd, "this is a letter, not a store\n", 30), 30);
  close(fd);
  assert_int_equal(open_fails(path, NULL, &err), FL_E_CORRUPT);
  char *text = test_read_file(path, NULL);
  assert_memory_equal(text, "this is a letter", 16);
  free(text);
  path_in_fresh_folder(path);
  mkdir(path, 0700);
  assert_int_equal(open_fails(path, NULL, &err), FL_E_IO);
  assert_int_equal(open_fails("/proc/nowhere/store.db", NULL, &err), FL_E_IO);
}

static void newer_format_is_refused_forward(void **state) {
  struct fixture f = {0};
  struct fl_error err;
  fixture_open(&f, false);
  fixture_close(&f);
  run_sql(f.path, "PRAGMA user_version = 8");
  assert_int_equal(open_fails(f.path, NULL, &err), FL_E_VERSION);
  assert_non_null(strstr(err.text, "newer fairlead"));
  run_sql(f.path, "PRAGMA user_version = -3");
  assert_int_equal(open_fails(f.path, NULL, &err), FL_E_CORRUPT);
  run_sql(f.path, "PRAGMA user_version = 7");
  assert_int_equal(open_fails(f.path, NULL, &err), 0);
}

static void reader_reads_and_writes_nothing(void **state) {
  struct fixture f = {0}, reader = {0};
  const struct fl_store_options options = {.size = sizeof options, .read_only = true};
  fixture_open(&f, false);
  char missing[600];
  snprintf(missing, sizeof missing, "%s.missing", f.path);
  assert_int_equal(open_fails(missing, &options, &f.err), FL_E_NOT_FOUND);
  uint64_t fence = acquire(&f, "t");
  assert_int_equal(step(&f, "t", fence, 1), 0);
  reader.world = fl_world_uv_create(NULL);
  assert_int_equal(fl_store_open(reader.world, f.path, &options, &reader.store, &reader.err), 0);
  assert_int_equal(messages_of(&reader, "t"), 1);
  assert_int_equal(step(&f, "t", fence, 2), 0);
  assert_int_equal(messages_of(&reader, "t"), 2);
  assert_int_equal(step(&reader, "t", fence, 3), FL_E_STATE);
  fixture_close(&reader);
  fixture_close(&f);
}

static void normal_is_an_option(void **state) {
  struct fixture f = {0};
  char path[512];
  path_in_fresh_folder(path);
  const struct fl_store_options options = {.size = sizeof options, .synchronous_normal = true};
  f.world = fl_world_uv_create(NULL);
  assert_int_equal(fl_store_open(f.world, path, &options, &f.store, &f.err), 0);
  uint64_t fence = acquire(&f, "t");
  for (uint64_t i = 1; i <= 20; i++) assert_int_equal(step(&f, "t", fence, i), 0);
  assert_int_equal(messages_of(&f, "t"), 20);
  fixture_close(&f);
}

static void log_is_kept_short(void **state) {
  struct fixture f = {0};
  struct stat status;
  char wal[600];
  fixture_open(&f, false);
  uint64_t fence = acquire(&f, "t");
  for (uint64_t i = 1; i <= 1500; i++) assert_int_equal(step(&f, "t", fence, i), 0);
  snprintf(wal, sizeof wal, "%s-wal", f.path);
  assert_int_equal(stat(wal, &status), 0);
  assert_in_range(status.st_size, 1, 4 * 1024 * 1024);
  fixture_close(&f);
  assert_int_equal(stat(wal, &status), 0);
  assert_int_equal(status.st_size, 0);
}

static void paused_store_writes_when_it_goes_on(void **state) {
  struct fixture f = {0};
  fixture_open(&f, false);
  uint64_t fence = acquire(&f, "t");
  struct fl_records records = {0};
  add_checkpoint(&records, 1, 0, "input", "{}");
  struct waiting waiting = {.txn = {.kind = FL_TXN_WRITE, .thread = "t", .fence = fence, .records = &records}};
  fl_store_pause(f.store);
  submit(&f, &waiting);
  usleep(50000);
  struct fl_loaded loaded;
  load(&f, "t", 0, &loaded);
  assert_int_equal(loaded.checkpoint_no, 0);
  fl_loaded_deinit(&loaded);
  fl_store_resume(f.store);
  fl_world_run(f.world);
  assert_int_equal(waiting.status, 0);
  assert_int_equal(waiting.done_count, 1);
  fl_records_deinit(&records);
  fixture_close(&f);
}

/* ---- several processes ---- */

/* The child: takes steps on `thread` until `count` or for ever, and writes a byte for each that was acknowledged. */
static void walk_in_child(const char *path, const char *thread, uint64_t count, int to) {
  struct fixture f = {0};
  uint64_t fence;
  open_at(&f, path);
  if (acquire_at(&f, thread, 0, &fence) != 0) _exit(2);
  uint64_t no = messages_of(&f, thread);
  for (uint64_t i = 0; count == 0 || i < count; i++) {
    if (step(&f, thread, fence, ++no) != 0) _exit(3);
    if (write(to, "x", 1) != 1) _exit(4);
  }
  fixture_close(&f);
  _exit(0);
}

static void two_processes_share_a_store(void **state) {
  enum { CHILDREN = 3, STEPS = 60 };
  char path[512], thread[16];
  path_in_fresh_folder(path);
  int null = open("/dev/null", O_WRONLY);
  pid_t children[CHILDREN];
  for (int i = 0; i < CHILDREN; i++) {
    snprintf(thread, sizeof thread, "t%d", i);
    children[i] = fork();
    if (children[i] == 0) walk_in_child(path, thread, STEPS, null);
  }
  for (int i = 0; i < CHILDREN; i++) {
    int status;
    waitpid(children[i], &status, 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
  }
  struct fixture f = {0};
  open_at(&f, path);
  for (int i = 0; i < CHILDREN; i++) {
    snprintf(thread, sizeof thread, "t%d", i);
    assert_int_equal(messages_of(&f, thread), STEPS);
  }
  fixture_close(&f);
  close(null);
}

/* Kills a process that commits without pause, again and again: what it was told is there, nobody waits for its lock,
 * and nobody waits for its lease. */
static void killed_process_loses_nothing_it_was_told(void **state) {
  enum { KILLS = 12 };
  struct fixture f = {0};
  char path[512], bytes[4096];
  path_in_fresh_folder(path);
  size_t told = 0;
  for (int i = 0; i < KILLS; i++) {
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) walk_in_child(path, "t", 0, ends[1]);
    close(ends[1]);
    told += (size_t)read(ends[0], bytes, 1);
    usleep((useconds_t)(1000 + i * 1700));
    kill(child, SIGKILL);
    for (ssize_t size; (size = read(ends[0], bytes, sizeof bytes)) > 0;) told += (size_t)size;
    close(ends[0]);
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
    open_at(&f, path); /* not reaped yet: a zombie holds nothing */
    size_t found = messages_of(&f, "t");
    assert_in_range(found, told, told + 1);
    told = found;
    uint64_t fence = acquire(&f, "t");
    assert_int_equal(step(&f, "t", fence, ++told), 0);
    fixture_close(&f);
    waitpid(child, NULL, 0);
  }
  assert_true(told > KILLS * 2);
}

/* A stopped process loses its lease when it expires; what it writes when it goes on is refused. */
static void stopped_process_is_fenced_off(void **state) {
  struct fixture slow = {0}, quick = {0};
  char path[512];
  path_in_fresh_folder(path);
  open_at(&slow, path);
  open_at(&quick, path);
  uint64_t old_fence, new_fence;
  assert_int_equal(acquire_at(&slow, "t", 1000000, &old_fence), 0);
  assert_int_equal(acquire_at(&quick, "t", 1000000 + FL_LEASE_MS, &new_fence), 0);
  assert_int_equal(step(&quick, "t", new_fence, 1), 0);
  assert_int_equal(step(&slow, "t", old_fence, 1), FL_E_CONFLICT);
  assert_non_null(strstr(slow.err.text, "lost its lease"));
  assert_int_equal(messages_of(&slow, "t"), 1);
  fixture_close(&quick);
  assert_int_equal(step(&slow, "t", old_fence, 2), FL_E_CONFLICT);
  fixture_close(&slow);
}

/* ---- damage ---- */

static bool look_at_thread(const struct fl_thread_info *info, void *user) {
  struct fixture *f = user;
  struct fl_loaded loaded = {0};
  struct fl_error err;
  if (fl_store_load(f->store, info->id, "", 0, &loaded, &err) == 0) fl_loaded_deinit(&loaded);
  if (fl_store_load(f->store, info->id, "sub", 0, &loaded, &err) == 0) fl_loaded_deinit(&loaded);
  return true;
}

static bool look_at_checkpoint(const struct fl_checkpoint_info *info, void *user) {
  return fl_size(info->body) < SIZE_MAX;
}
static bool look_at_event(const struct fl_event_info *info, void *user) { return info->body.size < SIZE_MAX; }

/* Everything that can be asked, and a write: whatever the file holds, the answer is an answer. */
static void ask_everything(const char *path) {
  struct fixture f = {0};
  struct fl_error err;
  uint64_t no;
  f.world = fl_world_uv_create(NULL);
  if (fl_store_open(f.world, path, NULL, &f.store, &err) == 0) {
    fl_store_list_threads(f.store, NULL, look_at_thread, &f, &err);
    fl_store_list_checkpoints(f.store, "t", "", 0, 0, look_at_checkpoint, NULL, &err);
    fl_store_find_checkpoint(f.store, "t", "", "1f0a0003", &no, &err);
    fl_store_list_events(f.store, "t", NULL, 0, look_at_event, NULL, &err);
    if (acquire_at(&f, "t", 0, &no) == 0) step(&f, "t", no, 31);
    fl_store_close(f.store);
  }
  fl_world_run(f.world);
  fl_world_destroy(f.world);
}

static void write_whole(const char *path, const char *bytes, size_t size) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, bytes, size), (ssize_t)size);
  close(fd);
}

static void make_sample(char path[512]) {
  struct fixture f = {0};
  path_in_fresh_folder(path);
  open_at(&f, path);
  uint64_t fence = acquire(&f, "t");
  for (uint64_t i = 1; i <= 30; i++) assert_int_equal(step(&f, "t", fence, i), 0);
  struct fl_records records = {0};
  add_write(&records, 30, "task", 0, "1");
  add_intent(&records, 30, "task", 0, "call");
  add_result(&records, 30, "task", "call", "{\"a\":1}");
  add_thread(&records, "busy", 1, "{\"a\":1}");
  set_body(fl_records_add(&records, FL_RECORD_EVENT, ""), "{\"e\":1}");
  commit_ok(&f, "t", fence, 30, &records);
  fixture_close(&f);
}

static uint64_t next_random(void) {
  static uint64_t state = 0x2545f4914f6cdd1d;
  state ^= state << 13;
  state ^= state >> 7;
  return state ^= state << 17;
}

static void damaged_files_are_answered(void **state) {
  char path[512], copy[600], side[640];
  size_t size;
  make_sample(path);
  char *good = test_read_file(path, &size), *bad = malloc(size);
  snprintf(copy, sizeof copy, "%s.copy", path);
  for (int round = 0; round < 150; round++) {
    size_t length = round % 5 == 0 ? next_random() % size : size;
    memcpy(bad, good, size);
    for (uint64_t i = 0, count = 1 + next_random() % 20; i < count; i++)
      bad[next_random() % size] = (char)(round % 3 == 0 ? 0xff : next_random());
    if (round % 2 == 0) memcpy(bad, good, 100); /* the header of the file alone would stop most of them */
    write_whole(copy, bad, length);
    ask_everything(copy);
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < 3; i++) {
      snprintf(side, sizeof side, "%s%s", copy, suffixes[i]);
      unlink(side);
    }
  }
  free(good);
  free(bad);
}

/* A flipped letter inside a stored text is found by the row's check sum and named. */
static void flipped_letter_is_named(void **state) {
  char path[512];
  size_t size;
  make_sample(path);
  char *bytes = test_read_file(path, &size);
  char *at = memmem(bytes, size, "message 17 of t", 15);
  assert_non_null(at);
  at[3] = 'S';
  write_whole(path, bytes, size);
  free(bytes);
  struct fixture f = {0};
  struct fl_loaded loaded;
  open_at(&f, path);
  assert_int_equal(fl_store_load(f.store, "t", "", 0, &loaded, &f.err), FL_E_CORRUPT);
  assert_non_null(strstr(f.err.text, "thread t: value 17"));
  assert_int_equal(fl_store_load(f.store, "t", "", 16, &loaded, &f.err), 0); /* what does not need it is as it was */
  fl_loaded_deinit(&loaded);
  fixture_close(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(two_processes_share_a_store), /* those that fork come first */
      cmocka_unit_test(killed_process_loses_nothing_it_was_told),
      cmocka_unit_test(files_are_private),
      cmocka_unit_test(files_of_others_are_left_alone),
      cmocka_unit_test(newer_format_is_refused_forward),
      cmocka_unit_test(reader_reads_and_writes_nothing),
      cmocka_unit_test(normal_is_an_option),
      cmocka_unit_test(log_is_kept_short),
      cmocka_unit_test(paused_store_writes_when_it_goes_on),
      cmocka_unit_test(stopped_process_is_fenced_off),
      cmocka_unit_test(damaged_files_are_answered),
      cmocka_unit_test(flipped_letter_is_named),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
