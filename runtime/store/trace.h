/* SPDX-License-Identifier: MIT */
/* The record of runs, as the store sees it: texts that it keeps as they are, in the transaction that they came with
 * (FL_RECORD_TRACE). A run has a text for its beginning, one for its end, and rows of spans and of content, which go
 * with separate rules: content first. A run that did not end has no text for its end. */
#pragma once
#include "runtime/store/store.h"

/* ---- FL_TXN_TRACE_DROP ---- */

/* What goes; several may be named, and each of them holds for the runs that `run_id`, `user`, `thread` and `graph` name
 * (NULL: all). Answers `count` runs that are gone or lost their content. */
struct fl_trace_drop {
  int64_t before_ms;         /* runs that began before it go as a whole; 0: none */
  int64_t content_before_ms; /* the content of runs that began before it; 0: none */
  const char *run_id, *user, *thread, *graph;
};

/* ---- reading ---- */

struct fl_trace_run {
  uint64_t no; /* of the store; rises with the beginning of runs */
  char run_id[FL_UUID_SIZE];
  const char *thread, *graph, *user; /* user: as it was written, NULL: none */
  int64_t began_ms;
  bool has_content;
  fl_slice begin, end; /* end: empty while the run goes on, or when its process died */
};

/* Newest first; everything lent for the visit, which returns false to stop. Fields that are NULL or 0 do not count.
 * Errors: FL_E_CORRUPT, FL_E_IO. */
struct fl_trace_query {
  const char *run_id; /* or its front */
  const char *thread, *graph, *user;
  int64_t since_ms, until_ms; /* began at or after; before */
  uint64_t before_no;         /* runs with a smaller number only */
  size_t limit;
  bool (*visit)(const struct fl_trace_run *run, void *user_data);
  void *user_data;
};
int fl_store_list_runs(struct fl_store *store, const struct fl_trace_query *query, struct fl_error *err);

/* The rows of a run in the order in which they were written, those of a part after the number `after`. */
struct fl_trace_rows {
  uint64_t run_no;
  enum fl_trace_part part; /* SPANS or CONTENT */
  uint32_t after;          /* 0: from the first on */
  bool (*visit)(uint32_t no, fl_slice text, void *user_data);
  void *user_data;
};
int fl_store_read_trace(struct fl_store *store, const struct fl_trace_rows *rows, struct fl_error *err);
