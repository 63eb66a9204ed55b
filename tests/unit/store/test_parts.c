/* SPDX-License-Identifier: MIT */
/* The parts below the store: records, leases and who is alive, the side lock, check sums. */
#include "runtime/store/lease.h"
#include "runtime/store/lock.h"
#include "runtime/store/sqlite.h"
#include "tests/unit/store/fixture.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

/* ---- records ---- */

static void records_own_their_strings(void **state) {
  struct fl_records records = {0};
  add_value(&records, "x", 1, "1")->value.origin = fl_strdup("web/get");
  add_checkpoint(&records, 1, 0, "input", "{}")->checkpoint.manifest_hash = fl_strdup("00");
  add_write(&records, 1, "task", 0, "1")->write.origin = fl_strdup("web/get");
  add_intent(&records, 1, "task", 0, "call")->intent.manifest_hash = fl_strdup("00");
  add_result(&records, 1, "task", "call", "1")->result.origin = fl_strdup("web/get");
  set_body(fl_records_add(&records, FL_RECORD_EVENT, NULL), "{}");
  add_thread(&records, "idle", 1, "{}");
  assert_int_equal(records.count, 7);
  assert_string_equal(records.items[5].ns, "");
  fl_records_deinit(&records);
  assert_int_equal(records.count, 0);
  fl_records_deinit(&records);
}

static void records_move_in_order(void **state) {
  struct fl_records to = {0}, from = {0};
  for (uint64_t i = 1; i <= 3; i++) add_value(&from, "x", i, "1");
  fl_records_move(&to, &from); /* into nothing: takes the array */
  assert_int_equal(to.count, 3);
  assert_int_equal(from.count, 0);
  fl_records_move(&to, &from); /* of nothing */
  for (uint64_t i = 4; i <= 40; i++) add_value(&from, "x", i, "1");
  fl_records_move(&to, &from);
  assert_int_equal(from.count, 0);
  assert_int_equal(to.count, 40);
  for (uint64_t i = 0; i < 40; i++) assert_int_equal(to.items[i].value.no, i + 1);
  add_value(&from, "x", 1, "1");
  fl_records_deinit(&from);
  fl_records_deinit(&to);
}

/* ---- leases ---- */

static void this_process_is_alive(void **state) {
  struct fl_holder self;
  fl_holder_self(5, &self);
  assert_int_equal(self.pid, getpid());
  assert_true(strlen(self.place) > 37); /* a boot id, a slash, a number */
  assert_true(self.start_ticks > 0);
  assert_false(fl_holder_is_dead(&self, &self));
}

static void reused_pid_is_another_process(void **state) {
  struct fl_holder self, holder;
  fl_holder_self(5, &self);
  holder = self;
  holder.start_ticks--;
  assert_true(fl_holder_is_dead(&holder, &self));
  snprintf(holder.place, sizeof holder.place, "another machine");
  assert_false(fl_holder_is_dead(&holder, &self)); /* nothing is known about it */
}

static void ended_process_is_dead_before_it_is_reaped(void **state) {
  struct fl_holder self, holder;
  fl_holder_self(5, &self);
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  pid_t child = fork();
  if (child == 0) {
    char c;
    close(ends[1]);
    _exit(read(ends[0], &c, 1) == 0 ? 0 : 1);
  }
  close(ends[0]);
  holder = self;
  holder.pid = child;
  /* Its start time is not ours, or is by chance when both began within a tick: what counts is the end. */
  close(ends[1]);
  siginfo_t info;
  assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
  assert_true(fl_holder_is_dead(&holder, &self));
  waitpid(child, NULL, 0);
  assert_true(fl_holder_is_dead(&holder, &self));
}

static void *wait_for_end(void *user) {
  char c;
  _exit(read(*(int *)user, &c, 1) == 0 ? 0 : 1);
}

static void read_stat(pid_t pid, char *text, size_t text_max) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
  FILE *file = fopen(path, "r");
  assert_non_null(file);
  text[fread(text, 1, text_max - 1, file)] = 0;
  fclose(file);
}

/* A program may end its first thread and go on in others: /proc calls it a zombie, and it is none. */
static void process_without_its_first_thread_lives(void **state) {
  struct fl_holder self, holder;
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  pid_t child = fork();
  if (child == 0) {
    pthread_t thread;
    close(ends[1]);
    if (pthread_create(&thread, NULL, wait_for_end, &ends[0]) == 0) pthread_exit(NULL);
    _exit(1);
  }
  close(ends[0]);
  char text[1024] = "";
  for (int i = 0; i < 2000 && strstr(text, ") Z ") == NULL; i++) {
    usleep(1000);
    read_stat(child, text, sizeof text);
  }
  assert_non_null(strstr(text, ") Z "));
  fl_holder_self(5, &self);
  holder = self;
  holder.pid = child;
  assert_int_equal(
      sscanf(strrchr(text, ')'), ") %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %lu",
             &holder.start_ticks),
      1);
  assert_false(fl_holder_is_dead(&holder, &self));
  close(ends[1]);
  waitpid(child, NULL, 0);
  assert_true(fl_holder_is_dead(&holder, &self));
}

/* ---- the side lock ---- */

static const char *lock_path(void) {
  static char path[512];
  snprintf(path, sizeof path, "%s/db", test_folder());
  return path;
}

static void lock_excludes_and_is_private(void **state) {
  struct fl_lock first = {.fd = -1}, second = {.fd = -1};
  struct fl_error err;
  struct stat status;
  const char *path = lock_path();
  assert_int_equal(fl_lock_open(&first, path, &err), 0);
  assert_int_equal(fl_lock_open(&second, path, &err), 0);
  assert_int_equal(stat(first.path, &status), 0);
  assert_int_equal(status.st_mode & 0777, 0600);
  assert_int_equal(fl_lock_take(&first, &err), 0);
  assert_false(fl_lock_try(&second));
  fl_lock_drop(&first);
  assert_true(fl_lock_try(&second));
  fl_lock_close(&second); /* closing drops it */
  assert_true(fl_lock_try(&first));
  fl_lock_close(&first);
  fl_lock_close(&first);
  assert_int_equal(fl_lock_open(&first, "/nowhere/at/all", &err), FL_E_IO);
}

static void lock_that_is_kept_names_its_holder(void **state) {
  struct fl_lock mine = {.fd = -1};
  struct fl_error err;
  int ends[2];
  char c;
  const char *path = lock_path();
  assert_int_equal(fl_lock_open(&mine, path, &err), 0);
  assert_int_equal(pipe(ends), 0);
  pid_t child = fork();
  if (child == 0) {
    struct fl_lock theirs = {.fd = -1};
    if (fl_lock_open(&theirs, path, &err) != 0 || fl_lock_take(&theirs, &err) != 0 || write(ends[1], "x", 1) != 1)
      _exit(1);
    raise(SIGSTOP);
    _exit(0);
  }
  assert_int_equal(read(ends[0], &c, 1), 1);
  struct timespec start, end;
  clock_gettime(CLOCK_MONOTONIC, &start);
  assert_int_equal(fl_lock_take(&mine, &err), FL_E_BUSY);
  clock_gettime(CLOCK_MONOTONIC, &end);
  assert_in_range((end.tv_sec - start.tv_sec) * 1000 + (end.tv_nsec - start.tv_nsec) / 1000000, FL_LOCK_WAIT_MS - 1000,
                  FL_LOCK_WAIT_MS + 5000);
  char pid[32];
  snprintf(pid, sizeof pid, "pid %d", (int)child);
  assert_non_null(strstr(err.text, pid));
  kill(child, SIGKILL);
  assert_int_equal(fl_lock_take(&mine, &err), 0); /* the dead hold nothing */
  waitpid(child, NULL, 0);
  fl_lock_close(&mine);
  close(ends[0]);
  close(ends[1]);
}

/* ---- check sums ---- */

static void every_flipped_bit_changes_the_sum(void **state) {
  char text[] = "[{\"role\":\"user\",\"content\":\"hello\"}]";
  const int64_t numbers[] = {1, 2};
  uint32_t sum = fl_row_sum(numbers, 2, fl_slice_of(text));
  for (size_t i = 0; i < strlen(text) * 8; i++) {
    text[i / 8] = (char)(text[i / 8] ^ (1 << i % 8));
    assert_int_not_equal(fl_row_sum(numbers, 2, fl_slice_n(text, sizeof text - 1)), sum);
    text[i / 8] = (char)(text[i / 8] ^ (1 << i % 8));
  }
  assert_int_not_equal(fl_row_sum((const int64_t[]){2, 1}, 2, fl_slice_of(text)), sum);
  assert_int_not_equal(fl_row_sum(numbers, 2, fl_slice_n(text, sizeof text - 2)), sum);
  assert_int_equal(fl_row_sum(numbers, 2, fl_slice_of(text)), sum);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(records_own_their_strings),
      cmocka_unit_test(records_move_in_order),
      cmocka_unit_test(this_process_is_alive),
      cmocka_unit_test(reused_pid_is_another_process),
      cmocka_unit_test(ended_process_is_dead_before_it_is_reaped),
      cmocka_unit_test(process_without_its_first_thread_lives),
      cmocka_unit_test(lock_excludes_and_is_private),
      cmocka_unit_test(lock_that_is_kept_names_its_holder),
      cmocka_unit_test(every_flipped_bit_changes_the_sum),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
