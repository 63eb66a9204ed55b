/* SPDX-License-Identifier: MIT */
/* The memory across threads on disk: putting, and searching in 10,000 items by words, by vectors of 1,536 numbers and
 * by both; in one namespace of a hundred and in all. And what pruning a long thread costs. */
#include "bench.h"
#include "runtime/base/mem.h"
#include "runtime/base/vector.h"
#include "runtime/store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ITEMS = 10000, USERS = 100, DIMS = 1536, BATCH = 50, SEARCHES = 20 };

static struct fl_world *world;
static struct fl_store *store;

static void on_done(struct fl_txn *txn, int status, const struct fl_error *err) {
  if (status != 0) fprintf(stderr, "%s\n", err->text), exit(1);
}

static void submit(struct fl_txn *txn) {
  txn->wall_ms = fl_world_wall_ms(world);
  txn->on_done = on_done;
  fl_store_submit(store, txn);
  fl_world_run(world);
}

static unsigned seed = 7;
static float drawn(void) {
  seed = seed * 1664525u + 1013904223u;
  return (float)(seed >> 8) / (1 << 23) - 1;
}

static void draw_vector(float *numbers) {
  for (size_t i = 0; i < DIMS; i++) numbers[i] = drawn();
  fl_vector_normalize(numbers, DIMS);
}

static const char *const words[] = {"green", "black", "tea", "coffee", "morning", "evening", "likes", "hates",
                                    "car",   "train", "red", "blue",   "house",   "garden",  "music", "film"};

static void draw_text(char text[256]) {
  text[0] = 0;
  for (size_t i = 0, at = 0; i < 20; i++) {
    seed = seed * 1664525u + 1013904223u;
    at += (size_t)snprintf(text + at, 256 - at, "%s ", words[seed >> 28]);
  }
}

struct drawn {
  char ns[32], key[32], text[256], body[300];
  float vector[DIMS];
};

static void put_batch(int from, struct drawn *items) {
  struct fl_item_op ops[BATCH];
  for (int i = 0; i < BATCH; i++) {
    struct drawn *item = &items[i];
    snprintf(item->ns, sizeof item->ns, "users.u%03d", (from + i) % USERS);
    snprintf(item->key, sizeof item->key, "k%d", from + i);
    draw_text(item->text);
    draw_vector(item->vector);
    snprintf(item->body, sizeof item->body, "{\"text\":\"%s\"}", item->text);
    ops[i] = (struct fl_item_op){.kind = FL_ITEM_PUT,
                                 .ns = item->ns,
                                 .key = item->key,
                                 .body = fl_slice_of(item->body),
                                 .text = item->text,
                                 .model = "m",
                                 .vectors = item->vector,
                                 .vector_count = 1,
                                 .dims = DIMS};
  }
  const struct fl_item_ops list = {ops, BATCH};
  submit(&(struct fl_txn){.kind = FL_TXN_ITEMS, .items = &list});
}

static bool count_item(const struct fl_memory_item *item, void *user) {
  ++*(int *)user;
  return true;
}

static double search(const char *what, const char *ns, const char *text, const float *vector) {
  int count = 0;
  double from = bench_cpu_us();
  for (int i = 0; i < SEARCHES; i++) {
    const struct fl_items_query query = {.ns = ns,
                                         .words = text,
                                         .model = vector != NULL ? "m" : NULL,
                                         .vector = vector,
                                         .dims = DIMS,
                                         .limit = 10,
                                         .wall_ms = 1,
                                         .visit = count_item,
                                         .user = &count};
    if (fl_store_search_items(store, &query, NULL) != 0) exit(1);
  }
  double ms = (bench_cpu_us() - from) / 1000 / SEARCHES;
  printf("%-44s %8.2f ms  (%d found)\n", what, ms, count / SEARCHES);
  return ms;
}

static void bench_items(void) {
  struct drawn *items = malloc(BATCH * sizeof *items);
  static float vector[DIMS];
  double from = bench_cpu_us();
  for (int i = 0; i < ITEMS; i += BATCH) put_batch(i, items);
  printf("%d items of 1,536 numbers, 50 a transaction: %.0f us each\n", ITEMS, (bench_cpu_us() - from) / ITEMS);
  free(items);
  draw_vector(vector);
  search("one namespace of 100: the last updated", "users.u007", NULL, NULL);
  search("one namespace of 100: words", "users.u007", "green tea", NULL);
  bench_limit("memory-namespace", search("one namespace of 100: vectors", "users.u007", NULL, vector), "ms", 2);
  search("10,000 items: words", "users", "green tea", NULL);
  bench_limit("memory-vectors", search("10,000 items: vectors", "users", NULL, vector), "ms", 100);
  search("10,000 items: both", "users", "green tea", vector);
}

/* ---- pruning ---- */

static void step(uint64_t no, uint64_t fence) {
  struct fl_records records = {0};
  char text[260], body[160];
  memset(text, 'x', sizeof text);
  struct fl_record *value = fl_records_add(&records, FL_RECORD_VALUE, "");
  value->value.channel = fl_strdup("messages");
  value->value.no = no;
  value->value.parent_no = no - 1;
  value->value.kind = no == 1 ? FL_BODY_LIST : FL_BODY_APPEND;
  value->value.count = no;
  snprintf(text, sizeof text, "[{\"id\":\"%d\",\"content\":\"%0200d\"}]", (int)no, 7);
  value->body = fl_strdup(text);
  value->body_size = strlen(text);
  struct fl_record *checkpoint = fl_records_add(&records, FL_RECORD_CHECKPOINT, "");
  checkpoint->checkpoint.no = no;
  checkpoint->checkpoint.parent_no = no - 1;
  checkpoint->checkpoint.source = fl_strdup("loop");
  snprintf(checkpoint->checkpoint.id, sizeof checkpoint->checkpoint.id, "1f0a%04x-0000-6000-8000-0123456789ab",
           (unsigned)no);
  snprintf(body, sizeof body, "{\"channels\":{\"messages\":[%d,%d]}}", (int)no, (int)no);
  checkpoint->body = fl_strdup(body);
  checkpoint->body_size = strlen(body);
  submit(&(struct fl_txn){
      .kind = FL_TXN_WRITE, .thread = "t", .fence = fence, .expected_head = no - 1, .records = &records});
  fl_records_deinit(&records);
}

static void bench_prune(void) {
  struct fl_txn lease = {.kind = FL_TXN_LEASE_ACQUIRE, .thread = "t", .creates = true};
  submit(&lease);
  for (uint64_t no = 1; no <= 5000; no++) step(no, lease.fence);
  const struct fl_prune prune = {.keep_last = 50};
  struct fl_txn txn = {.kind = FL_TXN_PRUNE, .thread = "t", .fence = lease.fence, .prune = &prune};
  double from = bench_cpu_us();
  submit(&txn);
  printf("pruning 5,000 checkpoints of a long list to 50: %d and %.2f MB went\n", (int)txn.count,
         (double)txn.bytes / 1e6);
  bench_limit("prune-5000", (bench_cpu_us() - from) / 1000, "ms", 200);
  from = bench_cpu_us();
  struct fl_txn again = {.kind = FL_TXN_PRUNE, .thread = "t", .fence = lease.fence, .prune = &prune};
  submit(&again);
  printf("pruning again, when nothing is to be done: %.2f ms\n", (bench_cpu_us() - from) / 1000);
}

int main(void) {
  char file[600];
  snprintf(file, sizeof file, "%s/memory.db", bench_folder());
  world = fl_world_uv_create(NULL);
  const struct fl_store_options options = {.size = sizeof options, .synchronous_normal = true};
  if (fl_store_open(world, file, &options, &store, NULL) != 0) return 1;
  bench_items();
  bench_prune();
  fl_store_close(store);
  fl_world_destroy(world);
  return bench_done();
}
