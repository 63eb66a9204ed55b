/* SPDX-License-Identifier: MIT */
/* The record of runs in SQLite: of the store on disk in its file, of the store in memory in its database beside the
 * threads. Private to this folder. */
#pragma once
#include "runtime/store/impl.h"
#include "runtime/store/trace.h"

/* One record, within the transaction that it came with. A piece of a run that is not there (any more) is dropped. */
int fl_trace_put(struct fl_db *db, const char *thread, const struct fl_record *record, struct fl_error *err);
/* Everything of a thread's runs. */
int fl_trace_forget_thread(struct fl_db *db, const char *thread, struct fl_error *err);
/* Spans and content of the run of `end` go, and `end` is what it came to. */
int fl_trace_take_back(struct fl_db *db, const char *thread, const struct fl_record *end, struct fl_error *err);
int fl_trace_drop(struct fl_db *db, const struct fl_trace_drop *drop, uint64_t *ret_count, struct fl_error *err);
/* What is known of the numbers of runs may be of a transaction that did not happen. */
void fl_trace_forget_known(struct fl_db *db);

int fl_trace_list(struct fl_db *db, const struct fl_trace_query *query, struct fl_error *err);
int fl_trace_read(struct fl_db *db, const struct fl_trace_rows *rows, struct fl_error *err);
