/* SPDX-License-Identifier: MIT */
/* The record of runs in SQLite: of the store on disk in its file, of the store in memory in its database beside the
 * threads. Private to this folder. */
#pragma once
#include "runtime/store/sqlite.h"
#include "runtime/store/trace.h"

/* Where a record comes from: its thread, and which checkpoint of it stands beside (of a BEGIN the first that the run
 * made, of an END the last; 0: not known). */
struct fl_trace_place {
  const char *thread;
  uint64_t checkpoint_no;
};

/* One record, within the transaction that it came with. A piece of a run that is not there (any more) is dropped. */
int fl_trace_put(struct fl_db *db, const struct fl_trace_place *place, const struct fl_record *record,
                 struct fl_error *err);
/* Spans on their way into the row of the checkpoint that they came with: bound at ?12, ?13 and ?14 of CHECKPOINT_ADD.
 * `ret_is_bound` is false when their run is not there, or the store is sealed. */
int fl_trace_bind_spans(struct fl_db *db, const struct fl_record *spans, sqlite3_stmt *statement, bool *ret_is_bound,
                        struct fl_error *err);
/* Everything of a thread's runs. */
int fl_trace_forget_thread(struct fl_db *db, const char *thread, struct fl_error *err);
/* Spans and content of the run of `end` go, and `end` is what it came to. */
int fl_trace_take_back(struct fl_db *db, const char *thread, const struct fl_record *end, struct fl_error *err);
int fl_trace_drop(struct fl_db *db, const struct fl_trace_drop *drop, uint64_t *ret_count, struct fl_error *err);
/* What is known of the numbers of runs may be of a transaction that did not happen. */
void fl_trace_forget_known(struct fl_db *db);

int fl_trace_list(struct fl_db *db, const struct fl_trace_query *query, struct fl_error *err);
int fl_trace_read(struct fl_db *db, const struct fl_trace_rows *rows, struct fl_error *err);
