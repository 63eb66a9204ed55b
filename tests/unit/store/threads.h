/* SPDX-License-Identifier: MIT */
/* Threads with a history, for the tests that prune, copy and move them. */
#pragma once
#include "runtime/store/plan.h"
#include "tests/unit/store/fixture.h"

/* Checkpoints 1 to `count`: each appends a message and sets x; the message of step n is "m<n>". */
static inline uint64_t make_chat(struct fixture *f, const char *thread, uint64_t count) {
  uint64_t fence = acquire(f, thread);
  for (uint64_t no = 1; no <= count; no++) {
    struct fl_records records = {0};
    char message[32], x[32], body[160];
    snprintf(message, sizeof message, "[\"m%d\"]", (int)no);
    snprintf(x, sizeof x, "%d", (int)no);
    snprintf(body, sizeof body, "{\"channels\":{\"messages\":[%d,%d],\"x\":[%d,%d]}}", (int)no, (int)no * 2, (int)no,
             (int)no * 2 + 1);
    add_delta(&records, no == 1 ? FL_BODY_LIST : FL_BODY_APPEND, no * 2, no == 1 ? 0 : no * 2 - 2, no, message);
    add_value(&records, "x", no * 2 + 1, x);
    add_checkpoint(&records, no, no - 1, no == 1 ? "input" : "loop", body);
    commit_ok(f, thread, fence, no - 1, &records);
  }
  return fence;
}

static inline void give_back(struct fixture *f, const char *thread, uint64_t fence) {
  assert_int_equal(lease(f, FL_TXN_LEASE_RELEASE, thread, fence), 0);
}

static inline struct waiting prune_with(struct fixture *f, const char *thread, uint64_t fence,
                                        const struct fl_prune *prune) {
  struct waiting waiting = {.txn = {.kind = FL_TXN_PRUNE, .thread = thread, .fence = fence, .prune = prune}};
  submit_and_wait(f, &waiting);
  return waiting;
}

static inline uint64_t prune_ok(struct fixture *f, const char *thread, const struct fl_prune *prune) {
  struct waiting waiting = prune_with(f, thread, 0, prune);
  if (waiting.status != 0) fail_msg("prune: %s", f->err.text);
  return waiting.txn.count;
}

static inline bool add_no(const struct fl_checkpoint_info *info, void *user) {
  fl_buf_addf(user, "%d ", (int)info->no);
  return true;
}

static inline void assert_checkpoints(struct fixture *f, const char *thread, const char *ns, const char *expected) {
  FL_BUF_AUTO text = {0};
  fl_buf_add_text(&text, "");
  assert_int_equal(fl_store_list_checkpoints(f->store, thread, ns, 0, 0, add_no, &text, NULL), 0);
  assert_string_equal(text.data != NULL ? text.data : "", expected);
}

static inline void assert_channel(struct fixture *f, const char *thread, uint64_t no, const char *name,
                                  const char *expected) {
  struct fl_loaded loaded;
  load(f, thread, no, &loaded);
  assert_string_equal(channel_text(&loaded, name), expected);
  fl_loaded_deinit(&loaded);
}

static inline int count_kind(const struct fl_record *record, void *user, struct fl_error *err) {
  ((size_t *)user)[record->kind]++;
  return 0;
}

static inline size_t rows_of(struct fixture *f, const char *thread, enum fl_record_kind kind) {
  size_t counts[8] = {0};
  assert_int_equal(fl_store_read_all(f->store, thread, count_kind, counts, NULL), 0);
  return counts[kind];
}

static inline void add_sub(struct fl_records *records, uint64_t no, uint64_t parent_no, const char *ns,
                           const char *body) {
  struct fl_record *record = add_checkpoint(records, no, parent_no, "loop", body);
  fl_free(record->ns);
  record->ns = fl_strdup(ns);
}

static inline void add_beside_head(struct fixture *f, uint64_t fence) {
  struct fl_records records = {0};
  add_write(&records, 3, "task", 0, "{\"w\":1}");
  add_intent(&records, 3, "task", 0, "call");
  add_result(&records, 3, "task", "call", "\"r\"");
  add_intent(&records, 3, "task", 1, "open");
  add_thread(&records, "interrupted", 7000, "{\"user\":\"ann\"}");
  set_body(fl_records_add(&records, FL_RECORD_EVENT, ""), "{\"event\":1}");
  commit_ok(f, "t", fence, 0, &records);
}

static inline void make_full(struct fixture *f) {
  uint64_t fence = make_chat(f, "t", 3);
  add_beside_head(f, fence);
  struct fl_records records = {0};
  add_sub(&records, 9, 0, "child:x", "{\"channels\":{}}");
  set_body(fl_records_add(&records, FL_RECORD_EVENT, ""), "no\njson \"at\" all");
  commit_ok(f, "t", fence, 0, &records);
}
