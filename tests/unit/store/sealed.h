/* SPDX-License-Identifier: MIT */
/* Stores with a key, what is written to them, and somebody who changes the file behind them. */
#pragma once
#include "tests/unit/store/fixture.h"

#include "runtime/store/upkeep.h"

#include <sqlite3.h>

static const uint8_t key_bytes[32] = {7, 1, 2}, other_bytes[32] = {8};

/* ---- stores with a key ---- */

static inline int open_with(struct fixture *f, const uint8_t *bytes, bool read_only) {
  FL_SECRET_AUTO key = {0};
  if (bytes != NULL) fl_secret_set(&key, fl_slice_n((const char *)bytes, 32));
  const struct fl_store_options options = {.size = sizeof options, .key = &key, .read_only = read_only};
  f->err = (struct fl_error){0};
  return fl_store_open(f->world, f->path, &options, &f->store, &f->err);
}

static inline int reopen_with(struct fixture *f, const uint8_t *bytes) {
  fl_store_close(f->store);
  f->store = NULL;
  return open_with(f, bytes, false);
}

static inline int open_sealed(void **state) {
  struct fixture *f = calloc(1, sizeof *f);
  f->world = fl_world_uv_create(NULL);
  snprintf(f->path, sizeof f->path, "%s/sealed.db", test_folder());
  static const char *const endings[] = {"", "-wal", "-shm", ".audit-key", ".audit-head"};
  for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
    FL_FREE_AUTO char *path = fl_format("%s%s", f->path, endings[i]);
    unlink(path);
  }
  if (open_with(f, key_bytes, false) != 0) fail_msg("open: %s", f->err.text);
  *state = f;
  return 0;
}

/* ---- what is written: every kind of text has the same word in it ---- */

static const char canary[] = "Canary4711";

static inline void add_trace(struct fl_records *records, const char *thread, enum fl_trace_part part, uint32_t no,
                             const char *body) {
  struct fl_record *record = fl_records_add(records, FL_RECORD_TRACE, "");
  record->trace.part = part;
  record->trace.no = no;
  snprintf(record->trace.run_id, FL_UUID_SIZE, "018f0000-0000-7000-8000-%012x", (unsigned)strlen(thread));
  set_body(record, body);
}

static inline void write_thread(struct fixture *f, const char *thread) {
  uint64_t fence = acquire(f, thread);
  struct fl_records records = {0};
  add_value(&records, "x", 1, "\"value Canary4711\"");
  add_delta(&records, FL_BODY_APPEND, 2, 0, 1, "[\"list Canary4711\"]");
  add_delta(&records, FL_BODY_APPEND, 3, 2, 2, "[\"more Canary4711\"]");
  add_checkpoint(&records, 1, 0, "input", "{\"channels\":{\"x\":[1,1],\"messages\":[2,3]},\"note\":\"Canary4711\"}");
  add_write(&records, 1, "task-1", 0, "\"write Canary4711\"");
  add_write(&records, 1, "task-1", -4, "\"resume Canary4711\"");
  set_body(add_intent(&records, 1, "task-1", 0, "call-1"), "{\"arg\":\"Canary4711\"}");
  add_result(&records, 1, "task-1", "call-1", "\"result Canary4711\"");
  add_thread(&records, "idle", 5, "{\"about\":\"Canary4711\"}");
  struct fl_record *event = fl_records_add(&records, FL_RECORD_EVENT, "");
  snprintf(event->event.run_id, sizeof event->event.run_id, "%s", "run-1");
  set_body(event, "{\"event\":\"Canary4711\"}");
  add_trace(&records, thread, FL_TRACE_BEGIN, 0, "{\"trace\":\"Canary4711\"}");
  add_trace(&records, thread, FL_TRACE_SPANS, 1, "{\"span\":\"Canary4711\"}");
  commit_ok(f, thread, fence, 0, &records);
  assert_int_equal(lease(f, FL_TXN_LEASE_RELEASE, thread, fence), 0);
}

static inline void write_beside(struct fixture *f) {
  static const float vector[4] = {0.5f, 0.5f, 0.5f, 0.5f};
  const struct fl_item_op op = {.kind = FL_ITEM_PUT,
                                .ns = "users",
                                .key = "ann",
                                .body = FL_SLICE("{\"likes\":\"Canary4711\"}"),
                                .text = "she likes Canary4711 and Zöe",
                                .model = "m",
                                .vectors = vector,
                                .vector_count = 1,
                                .dims = 4};
  const struct fl_item_ops ops = {&op, 1};
  struct waiting put = {.txn = {.kind = FL_TXN_ITEMS, .items = &ops}};
  assert_int_equal(submit_and_wait(f, &put), 0);
  struct fl_cache_entry entry = {.graph = "g", .node = "n", .body = FL_SLICE("\"cached Canary4711\"")};
  struct waiting cached = {.txn = {.kind = FL_TXN_CACHE_PUT, .cache = &entry}};
  assert_int_equal(submit_and_wait(f, &cached), 0);
}

/* ---- whether it is whole ---- */

struct findings {
  size_t count, faults;
  uint64_t texts;
  char said[1024]; /* the faults, "WHAT THREAD: FAULT" a line */
};

static inline void take_finding(const struct fl_store_finding *finding, void *user) {
  struct findings *findings = user;
  size_t size = strlen(findings->said);
  findings->count++;
  findings->texts += strcmp(finding->what, "store") != 0 ? finding->count : 0;
  if (finding->fault == NULL) return;
  findings->faults++;
  snprintf(findings->said + size, sizeof findings->said - size, "%s %s: %s\n", finding->what,
           finding->thread != NULL ? finding->thread : "-", finding->fault);
}

static inline struct findings verify(struct fixture *f) {
  struct findings findings = {0};
  if (fl_store_verify(f->store, take_finding, &findings, &f->err) != 0) fail_msg("verify: %s", f->err.text);
  return findings;
}

static inline void assert_whole(struct fixture *f) {
  struct findings findings = verify(f);
  if (findings.faults > 0) fail_msg("%s", findings.said);
}

static inline void attack(const struct fixture *f, const char *sql) {
  sqlite3 *handle;
  char *why = NULL;
  assert_int_equal(sqlite3_open(f->path, &handle), SQLITE_OK);
  if (sqlite3_exec(handle, sql, NULL, NULL, &why) != SQLITE_OK) fail_msg("%s: %s", sql, why);
  assert_int_equal(sqlite3_close(handle), SQLITE_OK);
}
