/* SPDX-License-Identifier: MIT */
/* The trace of the newest run of a thread, as the store has it. */
#pragma once
#include "rig.h"

#include "runtime/trace/tree.h"

struct newest {
  struct rig *rig;
  struct fl_trace *trace;
  size_t count;
};

static bool take_newest(const struct fl_trace_run *run, void *user) {
  struct newest *newest = user;
  struct fl_error err = {0};
  if (newest->count++ > 0) return true;
  if (fl_trace_load_run(newest->rig->store, run, newest->trace, &err) < 0) fail_msg("%s", err.text);
  return true;
}

/* Returns how many runs the thread has; `ret_trace` is zeroed at first, or of a run before. */
static inline size_t load_newest(struct rig *rig, const char *thread, struct fl_trace *ret_trace) {
  struct newest newest = {.rig = rig, .trace = ret_trace};
  struct fl_trace_query query = {.thread = thread, .visit = take_newest, .user_data = &newest};
  struct fl_error err = {0};
  fl_trace_deinit(ret_trace);
  if (fl_store_list_runs(rig->store, &query, &err) < 0) fail_msg("%s", err.text);
  return newest.count;
}

static inline const struct fl_span *span_named(const struct fl_trace *trace, enum fl_span_kind kind, const char *name) {
  for (size_t i = 0; i < trace->count; i++) {
    const struct fl_span *span = &trace->nodes[i].span;
    if (span->kind == kind && strcmp(span->name, name) == 0) return span;
  }
  fail_msg("there is no %s %s", fl_span_kind_name(kind), name);
  return NULL;
}
