/* SPDX-License-Identifier: MIT */
/* The trace of a run as it is read again: its beginning, its end if it has one, and its spans as a tree. */
#pragma once
#include "runtime/store/trace.h"
#include "runtime/trace/span.h"

struct fl_trace_node {
  struct fl_span span; /* `name` and `attributes` are owned here */
  size_t depth;        /* below the run: 0 for its supersteps */
  bool is_last;        /* of its parent's children */
};

/* Invariants. (1) `nodes` stands in the order of a walk: a parent before its children, those in the order of their
 * beginnings. (2) A span whose parent is not there stands below the run. */
struct fl_trace {
  uint64_t no;
  char run_id[FL_UUID_SIZE];
  char *thread, *graph, *user; /* user: NULL when nobody was named */
  int64_t began_ms;
  bool has_content;
  struct fl_value *begin, *end; /* objects; end: NULL while the run goes on, or when its process died */
  struct fl_value *content;     /* {"N": what was said in the call of span N}; NULL: nothing was kept */
  struct fl_trace_node *nodes;
  size_t count;
};

/* Reads the run whose id begins so. FL_E_NOT_FOUND, FL_E_INVALID when several do, FL_E_CORRUPT, FL_E_IO. */
int fl_trace_load(struct fl_store *store, const char *run_id, struct fl_trace *ret_trace, struct fl_error *err);
/* The spans of a run that was listed (the texts of `run` are read, not kept). */
int fl_trace_load_run(struct fl_store *store, const struct fl_trace_run *run, struct fl_trace *ret_trace,
                      struct fl_error *err);
/* Only what the run says of itself: no span. */
int fl_trace_load_head(const struct fl_trace_run *run, struct fl_trace *ret_trace, struct fl_error *err);
void fl_trace_deinit(struct fl_trace *trace); /* repeatable */

/* How long it took: of a run that has not ended up to its last span. */
int64_t fl_trace_duration_us(const struct fl_trace *trace);
