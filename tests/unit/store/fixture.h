/* SPDX-License-Identifier: MIT */
/* What the store's tests share: a world and a store of either kind, transactions that are waited for, and short ways to
 * write records. Everything is static, so that each test is one file. */
#pragma once
#include "runtime/base/mem.h"
#include "runtime/json/json.h"
#include "runtime/store/store.h"
#include "tests/support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct fixture {
  bool is_memory;
  char path[512];
  struct fl_world *world;
  struct fl_store *store;
  struct fl_error err; /* of the last transaction */
};

/* ---- life ---- */

__attribute__((unused)) static void fixture_open(struct fixture *f, bool is_memory) {
  f->is_memory = is_memory;
  f->world = fl_world_uv_create(NULL);
  if (is_memory) {
    f->store = fl_store_memory_create(f->world);
    return;
  }
  snprintf(f->path, sizeof f->path, "%s/deep/er/store.db", test_folder());
  int status = fl_store_open(f->world, f->path, NULL, &f->store, &f->err);
  if (status != 0) fail_msg("open: %s", f->err.text);
}

__attribute__((unused)) static void fixture_close(struct fixture *f) {
  fl_store_close(f->store);
  f->store = NULL;
  fl_world_run(f->world);
  fl_world_destroy(f->world);
}

/* As after a restart of the process, as far as that is possible within one. */
__attribute__((unused)) static void fixture_reopen(struct fixture *f) {
  if (f->is_memory) {
    struct fl_world *old = f->world;
    f->world = fl_world_uv_create(NULL);
    fl_store_memory_restart(f->store, f->world);
    fl_world_run(old);
    fl_world_destroy(old);
    return;
  }
  fl_store_close(f->store);
  int status = fl_store_open(f->world, f->path, NULL, &f->store, &f->err);
  if (status != 0) fail_msg("reopen: %s", f->err.text);
}

/* Set-up and tear-down of tests that run on each kind of store. */
__attribute__((unused)) static int open_memory(void **state) {
  struct fixture *f = calloc(1, sizeof *f);
  fixture_open(f, true);
  *state = f;
  return 0;
}

__attribute__((unused)) static int open_sqlite(void **state) {
  struct fixture *f = calloc(1, sizeof *f);
  fixture_open(f, false);
  *state = f;
  return 0;
}

__attribute__((unused)) static int close_fixture(void **state) {
  fixture_close(*state);
  free(*state);
  return 0;
}

#define EACH(test)                                                   \
  cmocka_unit_test_setup_teardown(test, open_memory, close_fixture), \
      cmocka_unit_test_setup_teardown(test, open_sqlite, close_fixture)

/* ---- transactions ---- */

struct waiting {
  struct fl_txn txn;
  struct fl_error err;
  int status;
  unsigned done_count;
  unsigned order; /* of acknowledgement */
};
static unsigned acknowledged_count;

__attribute__((unused)) static void waiting_on_done(struct fl_txn *txn, int status, const struct fl_error *err) {
  struct waiting *waiting = txn->user;
  waiting->status = status;
  waiting->done_count++;
  waiting->order = ++acknowledged_count;
  if (err != NULL) waiting->err = *err;
}

__attribute__((unused)) static void submit(struct fixture *f, struct waiting *waiting) {
  waiting->txn.user = waiting;
  waiting->txn.on_done = waiting_on_done;
  if (waiting->txn.wall_ms == 0) waiting->txn.wall_ms = fl_world_wall_ms(f->world);
  fl_store_submit(f->store, &waiting->txn);
}

__attribute__((unused)) static int submit_and_wait(struct fixture *f, struct waiting *waiting) {
  submit(f, waiting);
  fl_world_run(f->world);
  assert_int_equal(waiting->done_count, 1);
  f->err = waiting->err;
  assert_int_equal(f->err.code, waiting->status);
  return waiting->status;
}

__attribute__((unused)) static int acquire_at(struct fixture *f, const char *thread, int64_t wall_ms,
                                              uint64_t *ret_fence) {
  struct waiting waiting = {
      .txn = {.kind = FL_TXN_LEASE_ACQUIRE, .thread = thread, .creates = true, .wall_ms = wall_ms}};
  int status = submit_and_wait(f, &waiting);
  *ret_fence = waiting.txn.fence;
  return status;
}

__attribute__((unused)) static uint64_t acquire(struct fixture *f, const char *thread) {
  uint64_t fence;
  if (acquire_at(f, thread, 0, &fence) != 0) fail_msg("acquire: %s", f->err.text);
  return fence;
}

__attribute__((unused)) static int lease(struct fixture *f, enum fl_txn_kind kind, const char *thread, uint64_t fence) {
  struct waiting waiting = {.txn = {.kind = kind, .thread = thread, .fence = fence}};
  return submit_and_wait(f, &waiting);
}

/* Takes the records. */
__attribute__((unused)) static int commit(struct fixture *f, const char *thread, uint64_t fence, uint64_t expected_head,
                                          struct fl_records *records) {
  struct waiting waiting = {
      .txn = {
          .kind = FL_TXN_WRITE, .thread = thread, .fence = fence, .expected_head = expected_head, .records = records}};
  int status = submit_and_wait(f, &waiting);
  fl_records_deinit(records);
  return status;
}

__attribute__((unused)) static void commit_ok(struct fixture *f, const char *thread, uint64_t fence,
                                              uint64_t expected_head, struct fl_records *records) {
  if (commit(f, thread, fence, expected_head, records) != 0) fail_msg("commit: %s", f->err.text);
}

/* ---- records ---- */

static inline void set_body(struct fl_record *record, const char *body) {
  fl_free(record->body);
  record->body = fl_strdup(body);
  record->body_size = body != NULL ? strlen(body) : 0;
}

__attribute__((unused)) static struct fl_record *add_value(struct fl_records *records, const char *channel, uint64_t no,
                                                           const char *body) {
  struct fl_record *record = fl_records_add(records, FL_RECORD_VALUE, "");
  record->value.channel = fl_strdup(channel);
  record->value.no = no;
  set_body(record, body);
  return record;
}

__attribute__((unused)) static struct fl_record *add_delta(struct fl_records *records, enum fl_body_kind kind,
                                                           uint64_t no, uint64_t parent_no, uint64_t count,
                                                           const char *body) {
  struct fl_record *record = add_value(records, "messages", no, body);
  record->value.kind = kind;
  record->value.parent_no = parent_no;
  record->value.count = count;
  return record;
}

__attribute__((unused)) static struct fl_record *add_checkpoint(struct fl_records *records, uint64_t no,
                                                                uint64_t parent_no, const char *source,
                                                                const char *body) {
  struct fl_record *record = fl_records_add(records, FL_RECORD_CHECKPOINT, "");
  record->checkpoint.no = no;
  record->checkpoint.parent_no = parent_no;
  record->checkpoint.step = (int64_t)no - 2;
  record->checkpoint.source = fl_strdup(source);
  record->checkpoint.wall_ms = 1000 + (int64_t)no;
  snprintf(record->checkpoint.id, sizeof record->checkpoint.id, "1f0a%04x-0000-6000-8000-0123456789ab", (unsigned)no);
  set_body(record, body);
  return record;
}

__attribute__((unused)) static struct fl_record *add_write(struct fl_records *records, uint64_t checkpoint_no,
                                                           const char *task_id, int index, const char *body) {
  struct fl_record *record = fl_records_add(records, FL_RECORD_WRITE, "");
  record->write.checkpoint_no = checkpoint_no;
  record->write.index = index;
  record->write.channel = fl_strdup("out");
  snprintf(record->write.task_id, sizeof record->write.task_id, "%s", task_id);
  set_body(record, body);
  return record;
}

__attribute__((unused)) static struct fl_record *add_intent(struct fl_records *records, uint64_t checkpoint_no,
                                                            const char *task_id, int index, const char *call_id) {
  struct fl_record *record = fl_records_add(records, FL_RECORD_INTENT, "");
  record->intent.checkpoint_no = checkpoint_no;
  record->intent.index = index;
  record->intent.kind = FL_CALL_TOOL;
  record->intent.effect = FL_EFFECT_ONCE;
  record->intent.name = fl_strdup("math/add");
  record->intent.key = fl_strdup("key-1");
  memset(record->intent.argument_hash, 7, FL_HASH_SIZE);
  snprintf(record->intent.task_id, sizeof record->intent.task_id, "%s", task_id);
  snprintf(record->intent.call_id, sizeof record->intent.call_id, "%s", call_id);
  set_body(record, "{\"a\":1}");
  return record;
}

__attribute__((unused)) static struct fl_record *add_result(struct fl_records *records, uint64_t checkpoint_no,
                                                            const char *task_id, const char *call_id,
                                                            const char *body) {
  struct fl_record *record = fl_records_add(records, FL_RECORD_RESULT, "");
  record->result.checkpoint_no = checkpoint_no;
  snprintf(record->result.task_id, sizeof record->result.task_id, "%s", task_id);
  snprintf(record->result.call_id, sizeof record->result.call_id, "%s", call_id);
  set_body(record, body);
  return record;
}

__attribute__((unused)) static struct fl_record *add_thread(struct fl_records *records, const char *status,
                                                            int64_t wall_ms, const char *metadata) {
  struct fl_record *record = fl_records_add(records, FL_RECORD_THREAD, "");
  record->thread.graph_name = fl_strdup("chat");
  record->thread.graph_file = fl_strdup("/graphs/chat.yaml");
  record->thread.status = fl_strdup(status);
  record->thread.wall_ms = wall_ms;
  set_body(record, metadata);
  return record;
}

/* ---- what is found ---- */

__attribute__((unused)) static void load(struct fixture *f, const char *thread, uint64_t no, struct fl_loaded *loaded) {
  struct fl_error err = {0};
  if (fl_store_load(f->store, thread, "", no, loaded, &err) != 0) fail_msg("load: %s", err.text);
}

/* The text of a channel, "absent" when it has no value; static buffer. */
__attribute__((unused)) static const char *channel_text(const struct fl_loaded *loaded, const char *name) {
  static char text[4096];
  for (size_t i = 0; i < loaded->channel_count; i++) {
    const struct fl_loaded_channel *channel = &loaded->channels[i];
    if (strcmp(channel->name, name) != 0) continue;
    if (channel->var.value == NULL && channel->var.list == NULL) break;
    struct fl_value *value =
        channel->var.list != NULL ? fl_list_to_array(channel->var.list) : fl_value_ref(channel->var.value);
    char *dumped = fl_dump(value, NULL);
    snprintf(text, sizeof text, "%s", dumped);
    fl_text_free(dumped);
    fl_value_unref(value);
    return text;
  }
  return "absent";
}
