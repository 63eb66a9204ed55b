/* SPDX-License-Identifier: MIT */
#include "check_trace.h"

#include "runtime/base/mem.h"
#include "runtime/trace/tree.h"
#include "tests/support/support.h"

#include <string.h>

struct checking {
  struct fl_store *store;
  const char *thread;
  unsigned long long seed;
  struct fl_trace traces[64];
  size_t count;
  struct fl_buf written, answered; /* ids of the tasks and calls whose outcome the store holds */
  long spans;
};

static bool keep_trace(const struct fl_trace_run *run, void *user) {
  struct checking *checking = user;
  struct fl_error err = {0};
  if (checking->count == sizeof checking->traces / sizeof checking->traces[0]) fail_msg("too many runs");
  int rc = fl_trace_load_run(checking->store, run, &checking->traces[checking->count++], &err);
  if (rc < 0) fail_msg("seed %llu: %s", checking->seed, err.text);
  return true;
}

static const struct fl_span *span_of(const struct fl_trace *trace, uint32_t n) {
  for (size_t i = 0; i < trace->count; i++)
    if (trace->nodes[i].span.n == n) return &trace->nodes[i].span;
  return NULL;
}

static bool has_checkpoint(const struct checking *checking, const char *ns, const char *id) {
  uint64_t no = 0;
  return fl_store_find_checkpoint(checking->store, checking->thread, ns, id, &no, NULL) == 0 && no > 0;
}

static int keep_row(const struct fl_record *record, void *user, struct fl_error *err) {
  struct checking *checking = user;
  if (record->kind == FL_RECORD_WRITE) fl_buf_addf(&checking->written, "%s ", record->write.task_id);
  if (record->kind == FL_RECORD_RESULT) fl_buf_addf(&checking->answered, "%s ", record->result.call_id);
  return 0;
}

static bool has_word(const struct fl_buf *words, const char *word) {
  return words->size > 0 && word[0] != '\0' && strstr(words->data, word) != NULL;
}

static const struct fl_span *node_above(const struct fl_trace *trace, const struct fl_span *node) {
  const struct fl_span *step = span_of(trace, node->parent);
  const struct fl_span *above = step != NULL ? span_of(trace, step->parent) : NULL;
  return above != NULL && above->kind == FL_SPAN_NODE ? above : NULL;
}

/* What the task wrote stands beside a checkpoint, or its superstep has ended in the store, or that of the node around
 * it. */
static bool has_outcome(const struct checking *checking, const struct fl_trace *trace, const struct fl_span *node) {
  for (; node != NULL; node = node_above(trace, node)) {
    const struct fl_span *step = span_of(trace, node->parent);
    if (has_word(&checking->written, fl_get_string(node->attributes, "task", ""))) return true;
    if (step != NULL && fl_get_string(step->attributes, "checkpoint", NULL) != NULL) return true;
  }
  return false;
}

/* Its result is in the journal, or the task that made it has ended. */
static bool has_call(const struct checking *checking, const struct fl_trace *trace, const struct fl_span *call) {
  const struct fl_span *node = span_of(trace, call->parent);
  if (has_word(&checking->answered, fl_get_string(call->attributes, "call", ""))) return true;
  return node != NULL && has_outcome(checking, trace, node);
}

static void check_span(struct checking *checking, const struct fl_trace *trace, const struct fl_span *span) {
  const char *checkpoint = fl_get_string(span->attributes, "checkpoint", NULL);
  const char *outcome = fl_get_string(span->attributes, "outcome", NULL);
  checking->spans++;
  if (span->kind == FL_SPAN_STEP && checkpoint != NULL && !has_checkpoint(checking, span->name, checkpoint))
    fail_msg("seed %llu: run %s claims checkpoint %s of \"%s\"", checking->seed, trace->run_id, checkpoint, span->name);
  bool is_newest = trace == &checking->traces[0];
  if (!is_newest) return; /* what stood beside older checkpoints is gone with their supersteps */
  if (span->kind == FL_SPAN_NODE && outcome == NULL && !has_outcome(checking, trace, span))
    fail_msg("seed %llu: run %s claims that node %s was done", checking->seed, trace->run_id, span->name);
  bool has_failed = fl_get_string(span->attributes, "code", NULL) != NULL;
  if (span->kind == FL_SPAN_TOOL && !has_failed && !has_call(checking, trace, span))
    fail_msg("seed %llu: run %s claims the result of %s", checking->seed, trace->run_id, span->name);
}

static bool is_told(const struct checking *checking, const char *checkpoint_id) {
  for (size_t t = 0; t < checking->count; t++)
    for (size_t i = 0; i < checking->traces[t].count; i++) {
      const struct fl_value *attributes = checking->traces[t].nodes[i].span.attributes;
      if (strcmp(fl_get_string(attributes, "checkpoint", ""), checkpoint_id) == 0) return true;
    }
  return false;
}

static bool check_checkpoint(const struct fl_checkpoint_info *info, void *user) {
  const struct checking *checking = user;
  if (!is_told(checking, info->id))
    fail_msg("seed %llu: no run tells of checkpoint %s (step %lld)", checking->seed, info->id, (long long)info->step);
  return true;
}

long check_trace(struct fl_store *store, const char *thread, unsigned long long seed) {
  struct checking checking = {.store = store, .thread = thread, .seed = seed};
  struct fl_trace_query query = {.thread = thread, .visit = keep_trace, .user_data = &checking};
  struct fl_error err = {0};
  if (fl_store_read_all(store, thread, keep_row, &checking, NULL) < 0) return 0; /* it died before it began */
  if (fl_store_list_runs(store, &query, &err) < 0) fail_msg("%s", err.text);
  for (size_t t = 0; t < checking.count; t++)
    for (size_t i = 0; i < checking.traces[t].count; i++)
      check_span(&checking, &checking.traces[t], &checking.traces[t].nodes[i].span);
  assert_int_equal(fl_store_list_checkpoints(store, thread, "", 0, 0, check_checkpoint, &checking, NULL), 0);
  for (size_t t = 0; t < checking.count; t++) fl_trace_deinit(&checking.traces[t]);
  fl_buf_deinit(&checking.written);
  fl_buf_deinit(&checking.answered);
  return checking.spans;
}
