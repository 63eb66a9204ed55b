/* SPDX-License-Identifier: MIT */
/* Files of threads: any bytes, and any lines with sums that fit and a right end, so that what is behind the sums is
 * reached as well. What can be read is imported into a store; what was imported can be loaded or is told as damaged,
 * can be pruned, and its export reads as the same number of records. */
#include "runtime/base/check.h"
#include "runtime/base/mem.h"
#include "runtime/io/world_sim.h"
#include "runtime/store/store.h"

#include <stdio.h>
#include <string.h>

static void add_line(struct fl_buf *text, fl_slice rest) {
  uint8_t hash[FL_HASH_SIZE];
  char hex[2 * FL_HASH_SIZE + 1];
  fl_hash_bytes(rest, hash);
  fl_hex(hash, FL_HASH_SIZE, hex);
  fl_buf_addf(text, "{\"sum\":\"%.16s\",", hex);
  fl_buf_add(text, rest.data, rest.size);
  fl_buf_add_char(text, '\n');
}

/* Each line of `body` as one with its sum, between a header and an end. */
static void dress(fl_slice body, struct fl_buf *text) {
  uint64_t lines = 1;
  add_line(text, FL_SLICE("\"fairlead\":\"thread\",\"format\":1,\"id\":\"t\",\"created_ms\":1}"));
  while (body.size > 0) {
    const char *end = memchr(body.data, '\n', body.size);
    size_t size = end != NULL ? (size_t)(end - body.data) : body.size;
    if (size > 0) add_line(text, fl_slice_n(body.data, size)), lines++;
    size_t used = size + (end != NULL);
    body = fl_slice_n(body.data + used, body.size - used);
  }
  uint8_t hash[FL_HASH_SIZE];
  char hex[2 * FL_HASH_SIZE + 1], rest[200];
  fl_hash_bytes(fl_buf_slice(text), hash);
  fl_hex(hash, FL_HASH_SIZE, hex);
  snprintf(rest, sizeof rest, "\"end\":{\"lines\":%d,\"hash\":\"%s\"}}", (int)lines, hex);
  add_line(text, fl_slice_of(rest));
}

static void on_done(struct fl_txn *txn, int status, const struct fl_error *err) {
  fl_check((status == 0) == (err == NULL));
  *(int *)txn->user = status;
}

static int submit(struct fl_world *world, struct fl_store *store, struct fl_txn *txn) {
  int status = 1;
  txn->on_done = on_done;
  txn->user = &status;
  fl_store_submit(store, txn);
  fl_world_sim_run(world);
  fl_check(status <= 0);
  return status;
}

static void look(struct fl_store *store, size_t count) {
  struct fl_loaded loaded = {0};
  struct fl_thread_file again;
  FL_BUF_AUTO text = {0};
  int status = fl_store_load(store, "t", "", 0, &loaded, NULL);
  fl_check(status == 0 || status == FL_E_CORRUPT);
  fl_loaded_deinit(&loaded);
  fl_check(fl_thread_export(store, "t", &text, NULL) == 0);
  status = fl_thread_file_read(fl_buf_slice(&text), &again, NULL);
  fl_check(status == 0);
  fl_check(again.records.count <= count);
  fl_thread_file_deinit(&again);
}

static void import(const struct fl_thread_file *file) {
  struct fl_world *world = fl_world_sim_create(1);
  struct fl_store *store = fl_store_memory_create(world);
  const struct fl_import import = {.records = &file->records, .created_ms = file->created_ms};
  const struct fl_prune prune = {.keep_last = 1};
  if (submit(world, store, &(struct fl_txn){.kind = FL_TXN_IMPORT, .thread = "t", .import = &import}) == 0) {
    look(store, file->records.count);
    if (submit(world, store, &(struct fl_txn){.kind = FL_TXN_PRUNE, .thread = "t", .prune = &prune}) == 0)
      look(store, file->records.count);
  }
  fl_store_close(store);
  fl_world_destroy(world);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  FL_BUF_AUTO text = {0};
  struct fl_thread_file file;
  struct fl_error err = {0};
  fl_slice bytes = fl_slice_n((const char *)data, size);
  if (fl_thread_file_read(bytes, &file, &err) == 0) {
    import(&file);
    fl_thread_file_deinit(&file);
  }
  dress(bytes, &text);
  if (fl_thread_file_read(fl_buf_slice(&text), &file, &err) == 0) {
    import(&file);
    fl_thread_file_deinit(&file);
  }
  return 0;
}
