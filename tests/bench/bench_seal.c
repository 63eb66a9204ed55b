/* SPDX-License-Identifier: MIT */
/* What sealing costs.
 *
 *   seal-row-300, seal-row-4096      texts of rows sealed a second, against libsodium alone on the same bytes
 *   unseal-row-300, unseal-row-4096  the same backwards
 *   seal-turn                        processor time of a superstep that is committed (one value of 300 bytes, one
 *                                    checkpoint of 350), without a key against with one
 *   seal-load                        a thread of 1,000 such supersteps loaded, likewise
 *
 * Rounds take turns; the best of each counts. */
#include "runtime/base/mem.h"
#include "runtime/store/seal.h"
#include "runtime/store/store.h"
#include "tests/bench/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 5, BYTES = 8 << 20, STEPS = 1000, TEXT_MAX = 4096 };

static const uint8_t key_bytes[32] = {1}, nonce[FL_SEAL_NONCE_SIZE] = {2};

static void die(const struct fl_error *err) {
  fprintf(stderr, "bench_seal: %s\n", err->text);
  exit(2);
}

static double best(double now, double before) { return before == 0 || now < before ? now : before; }

/* ---- texts ---- */

struct texts {
  struct fl_db db;
  char plain[TEXT_MAX];
  uint8_t sealed[TEXT_MAX + FL_SEALED_OVERHEAD], place[TEXT_MAX + FL_SEALED_OVERHEAD];
  struct fl_record record;
  size_t size, count;
};

static double seal_rows(struct texts *texts) {
  struct fl_error err = {0};
  fl_slice text;
  double start = bench_cpu_us();
  for (size_t i = 0; i < texts->count; i++) {
    texts->record.value.no = i + 1;
    if (fl_seal_record(&(struct fl_seal_thread){&texts->db, "thread", 1}, &texts->record, &text, &err) != 0) die(&err);
  }
  double took = bench_cpu_us() - start;
  memcpy(texts->sealed, text.data, text.size);
  return took;
}

static double seal_plain(struct texts *texts) {
  double start = bench_cpu_us();
  for (size_t i = 0; i < texts->count; i++)
    fl_seal_into(texts->place, key_bytes, nonce, FL_SLICE("context"), fl_slice_n(texts->plain, texts->size));
  return bench_cpu_us() - start;
}

static double unseal_rows(struct texts *texts) {
  struct fl_error err = {0};
  fl_slice text, sealed = fl_slice_n((char *)texts->sealed, texts->size + FL_SEALED_OVERHEAD);
  double start = bench_cpu_us();
  for (size_t i = 0; i < texts->count; i++)
    if (fl_unseal_record(&(struct fl_seal_thread){&texts->db, "thread", 1}, &texts->record, sealed, &text, &err) != 0)
      die(&err);
  return bench_cpu_us() - start;
}

static double unseal_plain(struct texts *texts) {
  static uint8_t out[TEXT_MAX];
  fl_slice sealed = fl_slice_n((char *)texts->place, texts->size + FL_SEAL_TAG_SIZE);
  double start = bench_cpu_us();
  for (size_t i = 0; i < texts->count; i++)
    if (!fl_unseal_into(out, key_bytes, nonce, FL_SLICE("context"), sealed)) exit(2);
  return bench_cpu_us() - start;
}

static void measure_texts(struct texts *texts, size_t size) {
  double row = 0, plain = 0, row_back = 0, plain_back = 0;
  char name[64];
  texts->size = size;
  texts->count = BYTES / size;
  texts->record = (struct fl_record){.kind = FL_RECORD_VALUE, .body = texts->plain, .body_size = size};
  for (int round = 0; round < ROUNDS; round++) {
    row = best(seal_rows(texts), row);
    plain = best(seal_plain(texts), plain);
    row_back = best(unseal_rows(texts), row_back);
    plain_back = best(unseal_plain(texts), plain_back);
  }
  snprintf(name, sizeof name, "seal-row-%zu", size);
  bench_ratio(name, plain / row, 0.5);
  snprintf(name, sizeof name, "unseal-row-%zu", size);
  bench_ratio(name, plain_back / row_back, 0.5);
  snprintf(name, sizeof name, "seal-row-%zu-throughput", size);
  bench_figure(name, (double)(texts->count * size) / row, "MB/s");
}

/* ---- supersteps ---- */

struct turn {
  struct fl_world *world;
  struct fl_store *store;
  char path[600];
  int status;
  struct fl_error error;
};

static void on_done(struct fl_txn *txn, int status, const struct fl_error *err) {
  struct turn *turn = txn->user;
  turn->status = status;
  if (err != NULL) turn->error = *err;
  fl_world_stop(turn->world);
}

static void submit(struct turn *turn, struct fl_txn *txn) {
  txn->user = turn;
  txn->on_done = on_done;
  txn->wall_ms = fl_world_wall_ms(turn->world);
  turn->status = 1;
  fl_store_submit(turn->store, txn);
  while (turn->status == 1) fl_world_run(turn->world);
  if (turn->status < 0) die(&turn->error);
}

static void open_turn(struct turn *turn, const char *name, bool is_sealed) {
  FL_SECRET_AUTO key = {0};
  if (is_sealed) fl_secret_set(&key, fl_slice_n((const char *)key_bytes, sizeof key_bytes));
  const struct fl_store_options options = {.size = sizeof options, .key = &key, .synchronous_normal = true};
  snprintf(turn->path, sizeof turn->path, "%s/%s.db", bench_folder(), name);
  turn->world = fl_world_uv_create(NULL);
  if (fl_store_open(turn->world, turn->path, &options, &turn->store, &turn->error) != 0) die(&turn->error);
}

static char *text_of(const char *front, size_t size) {
  char *text = fl_alloc(size + 1);
  memset(text, 'm', size);
  memcpy(text, front, strlen(front));
  memcpy(text + size - 2, "\"}", 2);
  text[size] = '\0';
  return text;
}

static void add_step(struct fl_records *records, uint64_t no) {
  struct fl_record *value = fl_records_add(records, FL_RECORD_VALUE, "");
  value->value.channel = fl_strdup("text");
  value->value.no = no;
  value->body = text_of("{\"text\":\"", 300);
  value->body_size = 300;
  struct fl_record *checkpoint = fl_records_add(records, FL_RECORD_CHECKPOINT, "");
  checkpoint->checkpoint.no = no;
  checkpoint->checkpoint.parent_no = no - 1;
  checkpoint->checkpoint.source = fl_strdup("loop");
  snprintf(checkpoint->checkpoint.id, FL_UUID_SIZE, "1f0a0000-0000-6000-8000-%012x", (unsigned)no);
  FL_FREE_AUTO char *front = fl_format("{\"channels\":{\"text\":[%u,%u]},\"x\":\"", (unsigned)no, (unsigned)no);
  checkpoint->body = text_of(front, 350);
  checkpoint->body_size = 350;
}

/* Processor time of a step, in microseconds. */
static double take_steps(struct turn *turn, int round) {
  FL_FREE_AUTO char *thread = fl_format("thread-%d", round);
  struct fl_txn acquire = {.kind = FL_TXN_LEASE_ACQUIRE, .thread = thread, .creates = true};
  submit(turn, &acquire);
  double start = bench_cpu_us();
  for (uint64_t no = 1; no <= STEPS; no++) {
    struct fl_records records = {0};
    add_step(&records, no);
    struct fl_txn write = {
        .kind = FL_TXN_WRITE, .thread = thread, .fence = acquire.fence, .expected_head = no - 1, .records = &records};
    submit(turn, &write);
    fl_records_deinit(&records);
  }
  return (bench_cpu_us() - start) / STEPS;
}

static double load_all(struct turn *turn, int round) {
  FL_FREE_AUTO char *thread = fl_format("thread-%d", round);
  double start = bench_cpu_us();
  for (uint64_t no = 1; no <= STEPS; no++) {
    struct fl_loaded loaded = {0};
    if (fl_store_load(turn->store, thread, "", no, &loaded, &turn->error) != 0) die(&turn->error);
    fl_loaded_deinit(&loaded);
  }
  return (bench_cpu_us() - start) / STEPS;
}

static void measure_turns(void) {
  struct turn plain = {0}, sealed = {0};
  double step[2] = {0}, load[2] = {0};
  open_turn(&plain, "plain", false);
  open_turn(&sealed, "sealed", true);
  for (int round = 0; round < ROUNDS; round++) {
    step[0] = best(take_steps(&plain, round), step[0]);
    step[1] = best(take_steps(&sealed, round), step[1]);
    load[0] = best(load_all(&plain, round), load[0]);
    load[1] = best(load_all(&sealed, round), load[1]);
  }
  bench_figure("seal-turn-plain", step[0], "us");
  bench_figure("seal-turn-sealed", step[1], "us");
  bench_ratio("seal-turn", step[0] / step[1], 0.5);
  bench_figure("seal-load-plain", load[0], "us");
  bench_figure("seal-load-sealed", load[1], "us");
  bench_ratio("seal-load", load[0] / load[1], 0.5);
  fl_store_close(plain.store);
  fl_world_destroy(plain.world);
  fl_store_close(sealed.store);
  fl_world_destroy(sealed.world);
}

int main(void) {
  static struct texts texts;
  struct fl_error err = {0};
  FL_SECRET_AUTO key = {0};
  fl_secret_set(&key, fl_slice_n((const char *)key_bytes, sizeof key_bytes));
  memset(texts.plain, 'm', sizeof texts.plain);
  if (fl_db_open_memory(&texts.db, &err) != 0) die(&err);
  texts.db.sealer = fl_sealer_create(&key, key_bytes);
  measure_texts(&texts, 300);
  measure_texts(&texts, TEXT_MAX);
  fl_db_close(&texts.db);
  measure_turns();
  return bench_done();
}
