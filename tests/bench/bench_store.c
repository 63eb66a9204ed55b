/* SPDX-License-Identifier: MIT */
/* What durability costs. A durable superstep is one appended message of about 300 bytes and one checkpoint of about
 * 350, both in one transaction that is acknowledged before the next begins.
 *
 *   store-single    supersteps of one thread a second, against append and fdatasync of the same bytes beside it
 *   store-group-64  supersteps a second of 64 threads that each wait for their own, against one thread
 *   store-thread    a thread of 5,000 messages of 200 characters in 2,500 turns: bytes on disk, time to load
 *
 * Rounds take turns, so that a busy machine disturbs all alike; the middle one counts, of loads the quickest. Prints
 * "ratio NAME VALUE floor FLOOR ok" and "limit NAME VALUE UNIT at most LIMIT ok"; exits with 1 when one is not ok. The
 * folder of the database is the argument, or $FL_BUILD_ROOT, or the current one: it must be on a real disk. */
#include "runtime/base/mem.h"
#include "runtime/store/store.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 7, SINGLE_STEPS = 600, GROUP_THREADS = 64, GROUP_STEPS = 40, LOADS = 7 };
enum { VALUE_SIZE = 300, CHECKPOINT_SIZE = 350 };

static bool all_ok = true;
static char folder[512];

static double now_s(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void die(const char *what, const char *text) {
  fprintf(stderr, "bench_store: %s: %s\n", what, text);
  exit(2);
}

static int compare_doubles(const void *left, const void *right) {
  double a = *(const double *)left, b = *(const double *)right;
  return (a > b) - (a < b);
}

static double middle(double *values, size_t count) {
  qsort(values, count, sizeof *values, compare_doubles);
  return values[count / 2];
}

static void print_ratio(const char *name, double value, double floor) {
  bool ok = value >= floor;
  printf("ratio %s %.2f floor %.1f %s\n", name, value, floor, ok ? "ok" : "LOW");
  all_ok = all_ok && ok;
}

static void print_limit(const char *name, double value, const char *unit, double limit) {
  bool ok = value <= limit;
  printf("limit %s %.2f %s at most %.1f %s\n", name, value, unit, limit, ok ? "ok" : "HIGH");
  all_ok = all_ok && ok;
}

/* ---- one thread that takes supersteps ---- */

struct walker {
  struct fl_store *store;
  char thread[64];
  struct fl_txn txn;
  struct fl_records records;
  uint64_t step;
  size_t left;
};

static char *fill(char *text, size_t size) {
  size_t at = strlen(text);
  char *filled = fl_alloc(size + 1);
  memcpy(filled, text, at);
  memset(filled + at, 'm', size - at);
  memcpy(filled + size - 3, "\"}]", 3);
  filled[size] = 0;
  return filled;
}

static void add_message(struct walker *walker) {
  struct fl_record *record = fl_records_add(&walker->records, FL_RECORD_VALUE, "");
  record->value.channel = fl_strdup("messages");
  record->value.no = walker->step;
  record->value.parent_no = walker->step - 1;
  record->value.kind = FL_BODY_APPEND;
  record->value.count = walker->step;
  char start[160];
  snprintf(start, sizeof start, "[{\"id\":\"01890a5d-ac96-874b-bcce-%012llx\",\"role\":\"user\",\"content\":\"",
           (unsigned long long)walker->step);
  record->body = fill(start, VALUE_SIZE);
  record->body_size = VALUE_SIZE;
}

static void add_checkpoint(struct walker *walker) {
  uint8_t node[6] = {1, 2, 3, 4, 5, 6};
  struct fl_record *record = fl_records_add(&walker->records, FL_RECORD_CHECKPOINT, "");
  record->checkpoint.no = walker->step;
  record->checkpoint.parent_no = walker->step - 1;
  record->checkpoint.step = (int64_t)walker->step;
  record->checkpoint.source = fl_strdup("loop");
  record->checkpoint.wall_ms = 1700000000000 + (int64_t)walker->step;
  fl_uuid6((int64_t)walker->step * 10000, 0, node, record->checkpoint.id);
  char start[256];
  snprintf(start, sizeof start,
           "{\"channels\":{\"messages\":[%llu,%llu]},\"seen\":{\"bot\":{\"messages\":%llu}},\"next\":[\"",
           (unsigned long long)walker->step, (unsigned long long)walker->step, (unsigned long long)walker->step);
  record->body = fill(start, CHECKPOINT_SIZE);
  memcpy(record->body + CHECKPOINT_SIZE - 3, "\"]}", 3);
  record->body_size = CHECKPOINT_SIZE;
}

static void walker_step(struct walker *walker);

static void on_step(struct fl_txn *txn, int status, const struct fl_error *err) {
  struct walker *walker = txn->user;
  if (status != 0) die("commit", err->text);
  fl_records_deinit(&walker->records);
  if (--walker->left > 0) walker_step(walker);
}

static void walker_step(struct walker *walker) {
  uint64_t fence = walker->txn.fence;
  walker->step++;
  add_message(walker);
  add_checkpoint(walker);
  walker->txn = (struct fl_txn){.kind = FL_TXN_WRITE,
                                .thread = walker->thread,
                                .fence = fence,
                                .expected_head = walker->step - 1,
                                .records = &walker->records,
                                .wall_ms = 1700000000000,
                                .on_done = on_step,
                                .user = walker};
  fl_store_submit(walker->store, &walker->txn);
}

static void on_lease(struct fl_txn *txn, int status, const struct fl_error *err) {
  if (status != 0) die("lease", err->text);
}

static void walker_init(struct walker *walker, struct fl_store *store, const char *name, size_t index) {
  *walker = (struct walker){.store = store};
  snprintf(walker->thread, sizeof walker->thread, "01890a5d-ac96-774b-%s-%012zu", name, index);
  walker->txn = (struct fl_txn){.kind = FL_TXN_LEASE_ACQUIRE,
                                .thread = walker->thread,
                                .creates = true,
                                .wall_ms = 1700000000000,
                                .on_done = on_lease,
                                .user = walker};
  fl_store_submit(store, &walker->txn);
}

/* Supersteps a second of `count` threads that take `steps` each. */
static double walk(struct fl_world *world, struct walker *walkers, size_t count, size_t steps) {
  double start = now_s();
  for (size_t i = 0; i < count; i++) {
    walkers[i].left = steps;
    walker_step(&walkers[i]);
  }
  fl_world_run(world);
  return (double)(count * steps) / (now_s() - start);
}

/* ---- the floor ---- */

static double append_and_sync(int fd, size_t count) {
  char bytes[VALUE_SIZE + CHECKPOINT_SIZE];
  memset(bytes, 'f', sizeof bytes);
  double start = now_s();
  for (size_t i = 0; i < count; i++)
    if (write(fd, bytes, sizeof bytes) != sizeof bytes || fdatasync(fd) != 0) die("floor", "write failed");
  return (double)count / (now_s() - start);
}

static void compare_rates(struct fl_world *world, struct fl_store *store) {
  static struct walker group[GROUP_THREADS], single;
  double floors[ROUNDS], singles[ROUNDS], groups[ROUNDS], single_ratios[ROUNDS], group_ratios[ROUNDS];
  char path[600];
  snprintf(path, sizeof path, "%s/bench_store.floor", folder);
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (fd < 0) die(path, "cannot be written");
  walker_init(&single, store, "aaaa", 0);
  for (size_t i = 0; i < GROUP_THREADS; i++) walker_init(&group[i], store, "bbbb", i);
  fl_world_run(world);
  walk(world, &single, 1, SINGLE_STEPS); /* warm: the log has its length */
  for (size_t i = 0; i < ROUNDS; i++) {
    floors[i] = append_and_sync(fd, SINGLE_STEPS);
    singles[i] = walk(world, &single, 1, SINGLE_STEPS);
    groups[i] = walk(world, group, GROUP_THREADS, GROUP_STEPS);
    single_ratios[i] = singles[i] / floors[i];
    group_ratios[i] = groups[i] / singles[i];
  }
  close(fd);
  unlink(path);
  printf("rate store-floor %.0f /s\nrate store-single %.0f /s\nrate store-group-64 %.0f /s\n", middle(floors, ROUNDS),
         middle(singles, ROUNDS), middle(groups, ROUNDS));
  print_ratio("store-single", middle(single_ratios, ROUNDS), 0.6);
  print_ratio("store-group-64", middle(group_ratios, ROUNDS), 4.0);
}

/* ---- a long thread ---- */

static long file_size(const char *path, const char *suffix) {
  char full[640];
  struct stat status;
  snprintf(full, sizeof full, "%s%s", path, suffix);
  return stat(full, &status) == 0 ? (long)status.st_size : 0;
}

static struct fl_store *open_store(struct fl_world *world, const char *path) {
  struct fl_store *store;
  struct fl_error err = {0};
  if (fl_store_open(world, path, NULL, &store, &err) != 0) die("open", err.text);
  return store;
}

static double load_once(struct fl_store *store, const char *thread, size_t messages) {
  struct fl_loaded loaded = {0};
  struct fl_error err = {0};
  double start = now_s();
  if (fl_store_load(store, thread, "", 0, &loaded, &err) != 0) die("load", err.text);
  double ms = (now_s() - start) * 1000;
  if (fl_list_size(loaded.channels[0].var.list) != messages) die("load", "messages are missing");
  fl_loaded_deinit(&loaded);
  return ms;
}

/* The quickest of some openings: each finds the file in the system's memory, and nothing in ours. */
static void measure_loads(struct fl_world *world, const char *path, const char *thread, size_t messages) {
  double open_ms = 1e9, first_ms = 1e9, again_ms = 1e9;
  for (size_t i = 0; i < LOADS; i++) {
    double start = now_s();
    struct fl_store *store = open_store(world, path);
    double times[] = {(now_s() - start) * 1000, load_once(store, thread, messages), load_once(store, thread, messages)};
    if (times[0] < open_ms) open_ms = times[0];
    if (times[1] < first_ms) first_ms = times[1];
    if (times[2] < again_ms) again_ms = times[2];
    fl_store_close(store);
  }
  printf("thread %zu: open %.2f ms, load %.2f ms, again %.2f ms\n", messages, open_ms, first_ms, again_ms);
  if (messages == 5000) print_limit("store-thread-5000-load", first_ms, "ms", 5);
}

/* A turn is two supersteps with a message each; the store's time for it is what both commits take. */
static void measure_thread(struct fl_world *world, const char *path, size_t messages) {
  struct walker walker;
  struct fl_store *store = open_store(world, path);
  walker_init(&walker, store, "cccc", messages);
  fl_world_run(world);
  double rate = walk(world, &walker, 1, messages);
  fl_store_close(store);
  long bytes = file_size(path, "") + file_size(path, "-wal");
  printf("thread %zu: %ld bytes on disk, %.0f per message, turn %.3f ms\n", messages, bytes,
         (double)bytes / (double)messages, 2000 / rate);
  if (messages == 5000) print_limit("store-thread-5000-bytes", (double)bytes / 1e6, "MB", 5);
  measure_loads(world, path, walker.thread, messages);
}

static void remove_store(const char *path) {
  static const char *const suffixes[] = {"", "-wal", "-shm", ".lock"};
  char full[640];
  for (size_t i = 0; i < 4; i++) {
    snprintf(full, sizeof full, "%s%s", path, suffixes[i]);
    unlink(full);
  }
}

int main(int count, char **args) {
  static const size_t lengths[] = {10, 100, 1000, 5000};
  char path[600];
  struct fl_world *world = fl_world_uv_create(NULL);
  const char *build = getenv("FL_BUILD_ROOT");
  snprintf(folder, sizeof folder, "%s", count > 1 ? args[1] : build != NULL ? build : ".");
  snprintf(path, sizeof path, "%s/bench_store.db", folder);
  remove_store(path);
  struct fl_store *store = open_store(world, path);
  compare_rates(world, store);
  fl_store_close(store);
  for (size_t i = 0; i < 4; i++) {
    remove_store(path);
    measure_thread(world, path, lengths[i]);
  }
  remove_store(path);
  fl_world_run(world);
  fl_world_destroy(world);
  return all_ok ? 0 : 1;
}
