/* SPDX-License-Identifier: MIT */
/* Disks that fill up, that fail, that lose power: at every write, sync and truncation of a run of the store. */
#include "tests/unit/store/faulty_vfs.h"

#include <stdatomic.h>

enum { SESSIONS = 2, STEPS = 3 }; /* a session is: open, steps, close */

static uint64_t random_state = 0x2545f4914f6cdd1d;
static uint64_t next_random(void) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  return random_state ^= random_state << 17;
}

static atomic_ulong acknowledged; /* supersteps that were told to be durable */

/* A superstep as the engine writes it: an intent, then in one transaction result, write, message and checkpoint. */
static int step(struct fixture *f, uint64_t fence, uint64_t no) {
  struct fl_records records = {0};
  char body[64], checkpoint[128];
  if (no > 1) {
    add_intent(&records, no - 1, "task", 0, "call");
    int status = commit(f, "t", fence, 0, &records);
    if (status != 0) return status;
    add_result(&records, no - 1, "task", "call", "{\"answer\":42}");
    add_write(&records, no - 1, "task", 0, "1");
  }
  snprintf(body, sizeof body, "[\"message %d\"]", (int)no);
  snprintf(checkpoint, sizeof checkpoint, "{\"channels\":{\"messages\":[%d,%d]}}", (int)no, (int)no);
  add_delta(&records, FL_BODY_APPEND, no, no - 1, no, body);
  add_checkpoint(&records, no, no - 1, "loop", checkpoint);
  int status = commit(f, "t", fence, no - 1, &records);
  if (status == 0) atomic_store(&acknowledged, no);
  return status;
}

static int open_store(struct fixture *f) {
  f->world = fl_world_uv_create(NULL);
  int status = fl_store_open(f->world, f->path, NULL, &f->store, &f->err);
  if (status != 0) fl_world_destroy(f->world);
  return status;
}

/* The length of the thread, which must be whole. */
static uint64_t length_of(struct fixture *f) {
  struct fl_loaded loaded;
  struct fl_error err;
  int status = fl_store_load(f->store, "t", "", 0, &loaded, &err);
  if (status == FL_E_NOT_FOUND) return 0;
  if (status != 0) fail_msg("load: %s", err.text);
  uint64_t length = loaded.checkpoint_no;
  if (length > 0) assert_int_equal(fl_list_size(loaded.channels[0].var.list), length);
  fl_loaded_deinit(&loaded);
  return length;
}

/* A path in a folder of its own, which the store makes. */
static void fresh_path(char path[512]) {
  static char folder[256];
  static int count;
  if (count == 0) snprintf(folder, sizeof folder, "%s", test_folder());
  snprintf(path, 512, "%s/%d/store.db", folder, ++count);
}

/* ---- full and failing disks ---- */

static bool is_disk_error(int status) { return status == FL_E_NO_SPACE || status == FL_E_IO; }

/* Each session comes after the lease of the one before has run out: a full disk does not take back a lease either. */
static int64_t session_ms = 1000000;

/* A step that must succeed once the disk is mended, whatever happened before. */
static void step_at_last(struct fixture *f, uint64_t *fence, uint64_t no, int expected) {
  int status = *fence == 0 ? acquire_at(f, "t", session_ms, fence) : 0;
  if (status == 0) status = step(f, *fence, no);
  if (status == 0) return;
  assert_int_equal(status, expected);
  assert_int_equal(length_of(f), no - 1); /* what is there can be read, also now */
  disk.is_broken = false;
  if (*fence == 0 && acquire_at(f, "t", session_ms, fence) != 0) fail_msg("acquire: %s", f->err.text);
  if (step(f, *fence, no) != 0) fail_msg("step %d after the disk was mended: %s", (int)no, f->err.text);
}

/* Opens, however often it takes: at most twice. */
static void open_at_last(struct fixture *f, int expected) {
  int status = open_store(f);
  if (status == 0) return;
  assert_true(is_disk_error(status));
  assert_int_equal(status, expected);
  disk.is_broken = false;
  if (open_store(f) != 0) fail_msg("open after the disk was mended: %s", f->err.text);
}

static void run_with_fault(const char *path, int expected) {
  struct fixture f = {0};
  uint64_t no = 0;
  snprintf(f.path, sizeof f.path, "%s", path);
  atomic_store(&acknowledged, 0);
  for (int session = 0; session < SESSIONS; session++) {
    uint64_t fence = 0;
    session_ms += FL_LEASE_MS;
    open_at_last(&f, expected);
    assert_int_equal(length_of(&f), no);
    for (int i = 0; i < STEPS; i++) step_at_last(&f, &fence, ++no, expected);
    fixture_close(&f);
  }
  disk.is_broken = false;
  open_at_last(&f, 0);
  assert_int_equal(length_of(&f), SESSIONS * STEPS);
  fixture_close(&f);
}

static void sweep(int fail_code, bool fails_on, int expected) {
  char path[512];
  long last = 1;
  for (long at = 1; at <= last; at++) {
    fresh_path(path);
    disk_reset();
    disk.is_on = true;
    disk.fail_at = at;
    disk.fail_code = fail_code;
    disk.fails_on = fails_on;
    run_with_fault(path, expected);
    if (disk.op_count > at) last = at + 1;
  }
  assert_true(last > 40); /* the run did not end early */
  disk_reset();
}

static void full_disk_is_named_and_survived(void **state) { sweep(SQLITE_FULL, true, FL_E_NO_SPACE); }
static void failing_disk_is_named_and_survived(void **state) { sweep(SQLITE_IOERR_WRITE, false, FL_E_IO); }

/* ---- loss of power ---- */

struct picture {
  struct disk_file files[DISK_FILES];
  unsigned long acknowledged;
};
static struct picture *pictures;
static size_t picture_count;

static void take_picture(void) {
  pictures = realloc(pictures, (picture_count + 1) * sizeof *pictures);
  struct picture *picture = &pictures[picture_count++];
  for (size_t i = 0; i < DISK_FILES; i++) picture->files[i] = disk_picture(&disk.files[i], next_random);
  picture->acknowledged = atomic_load(&acknowledged);
}

static void take_pictures(void) {
  for (int i = 0; i < 3; i++) take_picture();
}

static void write_file(const char *path, const struct disk_file *file) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, file->bytes, file->size), (ssize_t)file->size);
  close(fd);
}

static void make_folder_of(const char *path) {
  char folder[512];
  snprintf(folder, sizeof folder, "%s", path);
  *strrchr(folder, '/') = 0;
  assert_int_equal(mkdir(folder, 0700), 0);
}

static void look_at_picture(const struct picture *picture, size_t index) {
  struct fixture f = {0};
  char wal[600];
  fresh_path(f.path);
  make_folder_of(f.path);
  snprintf(wal, sizeof wal, "%s-wal", f.path);
  write_file(f.path, &picture->files[0]);
  if (picture->files[1].size > 0) write_file(wal, &picture->files[1]);
  if (open_store(&f) != 0) fail_msg("picture %zu: open: %s", index, f.err.text);
  uint64_t length = length_of(&f);
  if (length < picture->acknowledged || length > picture->acknowledged + 1)
    fail_msg("picture %zu: %d steps are there, %d were acknowledged", index, (int)length, (int)picture->acknowledged);
  uint64_t fence;
  int64_t later_ms = fl_world_wall_ms(f.world) + FL_LEASE_MS; /* this process still lives, and with it the lease */
  assert_int_equal(acquire_at(&f, "t", later_ms, &fence), 0);
  assert_int_equal(step(&f, fence, length + 1), 0);
  fixture_close(&f);
}

static void lost_power_loses_nothing_acknowledged(void **state) {
  struct fixture f = {0};
  uint64_t no = 0;
  fresh_path(f.path);
  disk_reset();
  atomic_store(&acknowledged, 0);
  disk.is_on = true;
  disk.on_op = take_pictures;
  for (int session = 0; session < SESSIONS; session++) {
    assert_int_equal(open_store(&f), 0);
    uint64_t fence = acquire(&f, "t");
    for (int i = 0; i < STEPS; i++) assert_int_equal(step(&f, fence, ++no), 0);
    fixture_close(&f);
  }
  disk.is_on = false;
  disk.on_op = NULL;
  assert_true(picture_count > 100);
  for (size_t i = 0; i < picture_count; i++) {
    look_at_picture(&pictures[i], i);
    for (size_t j = 0; j < DISK_FILES; j++) free(pictures[i].files[j].bytes);
  }
  free(pictures);
  disk_reset();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(full_disk_is_named_and_survived),
      cmocka_unit_test(failing_disk_is_named_and_survived),
      cmocka_unit_test(lost_power_loses_nothing_acknowledged),
  };
  disk_install();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
