/* SPDX-License-Identifier: MIT */
/* What the commands about traces share. */
#pragma once
#include "runtime/cli/threads.h"
#include "runtime/trace/tree.h"

enum { FL_SPAN_TIME_SIZE = 48 };

/* "812 µs", "34.1 ms", "2.31 s", "4 min 10 s". */
void fl_format_span_time(int64_t us, char ret_text[FL_SPAN_TIME_SIZE]);
/* "done", "failed", …; "running" or "unfinished" without an end. */
const char *fl_trace_status(struct fl_store *store, const struct fl_trace *trace);
/* What a run says of itself, for --json; a new reference. */
struct fl_value *fl_trace_run_value(struct fl_store *store, const struct fl_trace *trace);
int64_t fl_trace_now_ms(void); /* the wall clock */
/* The same with all spans in "spans"; a new reference. */
struct fl_value *fl_trace_whole_value(struct fl_store *store, const struct fl_trace *trace);
/* The options of a listing: --thread, --graph, --user, --since, --limit. 0, or an exit code after a message. */
int fl_trace_read_query(const struct fl_args *args, struct fl_trace_query *query);
