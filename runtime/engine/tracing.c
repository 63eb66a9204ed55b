/* SPDX-License-Identifier: MIT */
/* Spans of runs, supersteps, tasks and commits; those of calls are in tracing_calls.c. See the header. */
#include "runtime/engine/tracing.h"

#include "runtime/base/mem.h"
#include "runtime/json/json.h"

static int64_t now_us(const struct fl_invocation *invocation) {
  return fl_world_now_us(invocation->runtime->world) - invocation->trace->began_us;
}

/* ---- the run ---- */

bool fl_tracing_is_on(const struct fl_invocation *invocation) {
  struct fl_runtime *runtime = invocation->runtime;
  if (invocation->is_ephemeral || runtime->keeps_nothing || invocation->update != NULL) return false;
  return !fl_tracing_rule_of(invocation)->policy.is_off;
}

static void take_user(struct fl_invocation *invocation) {
  const char *user = invocation->options.user_id;
  if (user == NULL) user = fl_get_string(invocation->context, "user", NULL);
  if (user == NULL) return;
  invocation->trace->user_hash = fl_alloc(FL_USER_HASH_SIZE);
  fl_user_hash(user, invocation->trace->user_hash);
}

void fl_tracing_begin(struct fl_invocation *invocation) {
  if (!fl_tracing_is_on(invocation)) return;
  struct fl_world *world = invocation->runtime->world;
  struct fl_run_trace *trace = fl_new(struct fl_run_trace);
  trace->began_us = fl_world_now_us(world);
  trace->began_wall_ms = fl_world_wall_ms(world);
  trace->last_span = FL_SPAN_OF_RUN;
  invocation->trace = trace;
  trace->has_parent = fl_traceparent_read(invocation->options.traceparent, &trace->context);
  if (!trace->has_parent) trace->context.flags = 1;
  if (!trace->has_parent) fl_trace_id_of_run(invocation->run_id, trace->context.trace_id);
  take_user(invocation);
  fl_tracing_content_begin(invocation);
  fl_tracing_retain(invocation);
}

void fl_tracing_ended(struct fl_invocation *invocation) {
  bool is_stored = invocation->trace != NULL && invocation->trace->has_begun && !invocation->has_lost_store;
  if (is_stored) fl_tracing_send(invocation);
}

void fl_tracing_free(struct fl_invocation *invocation) {
  if (invocation->trace == NULL) return;
  fl_buf_deinit(&invocation->trace->pending);
  if (invocation->trace->said != NULL) fl_buf_deinit(invocation->trace->said);
  fl_free(invocation->trace->said);
  fl_free(invocation->trace->user_hash);
  fl_free(invocation->trace->end);
  fl_free(invocation->trace);
}

static const char *way_of(const struct fl_invoke_options *options) {
  if (options->input != NULL) return "input";
  if (options->resume != NULL) return "resume";
  return fl_options_command(options) ? "command" : "continue";
}

static char *begin_text(const struct fl_invocation *invocation, size_t *ret_size) {
  FL_VALUE_AUTO begin = fl_object();
  const struct fl_run_trace *trace = invocation->trace;
  const char *file = invocation->root.graph->file.path;
  const char *manifest = fl_policy_manifest_hash(fl_frame_policy(&invocation->root));
  fl_set_string(begin, "graph", fl_definition_name(invocation->root.definition));
  if (file != NULL) fl_set_string(begin, "file", file);
  fl_set_string(begin, "way", way_of(&invocation->options));
  if (manifest != NULL) fl_set_string(begin, "manifest", manifest);
  if (trace->has_parent) {
    fl_set_string(begin, "trace_id", trace->context.trace_id);
    fl_set_string(begin, "parent_id", trace->context.parent_id);
    fl_set_int(begin, "flags", trace->context.flags);
    if (fl_tracestate_is_valid(invocation->options.tracestate))
      fl_set_string(begin, "tracestate", invocation->options.tracestate);
  }
  return fl_dump(begin, ret_size);
}

static const char *status_word(enum fl_run_status status) {
  switch (status) {
  case FL_RUN_DONE: return "done";
  case FL_RUN_INTERRUPTED: return "interrupted";
  case FL_RUN_CANCELLED: return "cancelled";
  case FL_RUN_TO_PARENT:
  case FL_RUN_FAILED: break;
  }
  return "failed";
}

static void set_if(struct fl_value *object, const char *key, int64_t value) {
  if (value != 0) fl_set_int(object, key, value);
}

static char *end_text(const struct fl_invocation *invocation, const char *status, const struct fl_error *err,
                      size_t *ret_size) {
  const struct fl_trace_totals *totals = &invocation->trace->totals;
  FL_VALUE_AUTO end = fl_object();
  fl_set_string(end, "status", status);
  fl_set_int(end, "us", now_us(invocation));
  fl_set_int(end, "steps", totals->steps);
  set_if(end, "nodes", totals->nodes);
  set_if(end, "model_calls", totals->model_calls);
  set_if(end, "tool_calls", totals->tool_calls);
  set_if(end, "model_errors", totals->model_errors);
  set_if(end, "tool_errors", totals->tool_errors);
  set_if(end, "input_tokens", totals->input_tokens);
  set_if(end, "output_tokens", totals->output_tokens);
  set_if(end, "cached_tokens", totals->cached_tokens);
  set_if(end, "reasoning_tokens", totals->reasoning_tokens);
  set_if(end, "first_token_us", invocation->trace->first_token_us);
  if (totals->has_cost) fl_set_int(end, "cost_nusd", totals->cost_nusd);
  if (err != NULL) {
    FL_FREE_AUTO char *text = fl_tracing_redact(invocation, err->text);
    fl_set_string(end, "code", fl_error_word(err->code));
    fl_set_string(end, "error", text);
  }
  return fl_dump(end, ret_size);
}

void fl_tracing_resumed(struct fl_invocation *invocation) {
  struct fl_run_trace *trace = invocation->trace;
  if (trace == NULL) return;
  struct fl_span span = {.kind = FL_SPAN_RESUME,
                         .n = ++trace->last_span,
                         .parent = FL_SPAN_OF_RUN,
                         .start_us = now_us(invocation),
                         .name = "resume"};
  struct fl_buf *row = &trace->pending;
  fl_span_begin(row, &span);
  fl_tracing_add_answer_facts(row, invocation);
  fl_span_end(row);
}

/* ---- supersteps ---- */

static uint32_t parent_of(const struct fl_frame *frame) {
  return frame->parent != NULL ? frame->parent->trace.span : FL_SPAN_OF_RUN;
}

/* Where spans of a frame's supersteps and tasks wait: what is not stored by itself stands or falls with the task around
 * it. */
static struct fl_buf *place_of(const struct fl_frame *frame) {
  bool has_own = frame->parent == NULL || !fl_frame_is_ephemeral(frame);
  return has_own ? &frame->invocation->trace->pending : &fl_traced_waits_of(&frame->parent->trace)->inner_spans;
}

static void end_step(struct fl_frame *frame, int64_t step, const char *checkpoint_id, const char *source) {
  struct fl_run_trace *trace = frame->invocation->trace;
  bool is_open = frame->step_span != 0 && frame->traced_step == step;
  int64_t now = now_us(frame->invocation);
  int64_t began = is_open ? frame->step_began_us - trace->began_us : now;
  struct fl_span span = {.kind = FL_SPAN_STEP,
                         .n = is_open ? frame->step_span : ++trace->last_span,
                         .parent = parent_of(frame),
                         .start_us = began,
                         .duration_us = now - began,
                         .name = frame->ns};
  struct fl_buf *row = place_of(frame);
  fl_span_begin(row, &span);
  fl_span_add_int(row, FL_SPAN_STEP_KEY, step);
  fl_span_add_id(row, FL_SPAN_CHECKPOINT_KEY, checkpoint_id);
  if (source != NULL && strcmp(source, "loop") != 0) fl_span_add_text(row, FL_SPAN_SOURCE_KEY, source);
  if (source == NULL) fl_span_add_text(row, FL_SPAN_OUTCOME_KEY, "open");
  fl_span_end(row);
  trace->totals.steps += source != NULL && strcmp(source, "loop") == 0;
  if (is_open) frame->step_span = 0;
}

static void checkpoints_of(struct fl_frame *frame, const struct fl_records *records) {
  for (size_t i = 0; i < records->count; i++) {
    const struct fl_record *record = &records->items[i];
    if (record->kind == FL_RECORD_CHECKPOINT)
      end_step(frame, record->checkpoint.step, record->checkpoint.id, record->checkpoint.source);
  }
}

void fl_tracing_effects(struct fl_frame *frame, const struct fl_effects *effects) {
  struct fl_invocation *invocation = frame->invocation;
  struct fl_run_trace *trace = invocation->trace;
  const struct fl_do *end = NULL;
  size_t commit_count = 0;
  if (trace == NULL) return;
  for (size_t i = 0; i < effects->count; i++) {
    const struct fl_do *effect = &effects->items[i];
    if (effect->kind == FL_DO_END) end = effect;
    if (effect->kind != FL_DO_COMMIT) continue;
    checkpoints_of(frame, &effect->records);
    commit_count++;
  }
  trace->skips = commit_count > 1 ? (uint32_t)commit_count - 1 : 0;
  if (end == NULL) return;
  if (frame->step_span != 0) end_step(frame, frame->traced_step, NULL, NULL);
  if (!fl_frame_is_root(frame)) return;
  fl_free(trace->end);
  if (end->status == FL_RUN_FAILED) fl_tracing_failed(trace);
  trace->end = end_text(invocation, status_word(end->status), end->error, &trace->end_size);
}

/* ---- tasks ---- */

struct fl_traced_waits *fl_traced_waits_of(struct fl_traced_task *task) {
  if (task->waits == NULL) task->waits = fl_new(struct fl_traced_waits);
  return task->waits;
}

void fl_tracing_task_started(struct fl_task *task) {
  struct fl_run_trace *trace = task->invocation->trace;
  struct fl_frame *frame = task->frame;
  if (trace == NULL) return;
  bool is_new = frame->step_span == 0 || frame->traced_step != task->start.step;
  if (is_new && frame->step_span != 0) end_step(frame, frame->traced_step, NULL, "loop"); /* nothing stores it */
  if (is_new) {
    frame->step_span = ++trace->last_span;
    frame->step_began_us = task->started_us;
    frame->traced_step = task->start.step;
  }
  task->trace.step_span = frame->step_span;
  task->trace.span = ++trace->last_span;
}

static void interrupt_span(struct fl_task *task) {
  struct fl_run_trace *trace = task->invocation->trace;
  const char *kind = fl_get_string(task->question, "kind", NULL);
  struct fl_span span = {.kind = FL_SPAN_INTERRUPT,
                         .n = ++trace->last_span,
                         .parent = task->trace.span,
                         .start_us = now_us(task->invocation),
                         .name = kind != NULL             ? kind
                                 : task->question != NULL ? "question"
                                                          : "inside"};
  struct fl_buf *row = &fl_traced_waits_of(&task->trace)->spans;
  fl_span_begin(row, &span);
  fl_span_add_text(row, FL_SPAN_TOOL_KEY, fl_get_string(task->question, "tool", NULL));
  fl_span_add_text(row, FL_SPAN_RULE_KEY, fl_get_string(task->question, "rule", NULL));
  fl_span_end(row);
}

void fl_tracing_task_ended(struct fl_task *task, const char *outcome) {
  struct fl_run_trace *trace = task->invocation->trace;
  if (trace == NULL || task->trace.span == 0) return;
  bool is_done = strcmp(outcome, "done") == 0, has_failed = strcmp(outcome, "failed") == 0;
  int64_t began = task->started_us - trace->began_us;
  struct fl_span span = {.kind = FL_SPAN_NODE,
                         .n = task->trace.span,
                         .parent = task->trace.step_span,
                         .start_us = began,
                         .duration_us = now_us(task->invocation) - began,
                         .name = task->start.node};
  if (strcmp(outcome, "interrupted") == 0) interrupt_span(task);
  struct fl_buf *row = &fl_traced_waits_of(&task->trace)->spans;
  fl_span_begin(row, &span);
  fl_span_add_id(row, FL_SPAN_TASK_KEY, task->start.id);
  if (!is_done) fl_span_add_text(row, FL_SPAN_OUTCOME_KEY, outcome);
  if (task->attempt > 1) fl_span_add_int(row, FL_SPAN_ATTEMPT_KEY, task->attempt);
  if (has_failed || strcmp(outcome, "retried") == 0) {
    FL_FREE_AUTO char *text = fl_tracing_redact(task->invocation, task->error->text);
    fl_span_add_text(row, FL_SPAN_CODE_KEY, fl_error_word(task->error->code));
    fl_span_add_text(row, FL_SPAN_ERROR_KEY, text);
  }
  fl_span_end(row);
  if (has_failed) fl_tracing_failed(trace);
  trace->totals.nodes++;
}

void fl_tracing_results_left(struct fl_task *task) {
  struct fl_run_trace *trace = task->invocation->trace;
  struct fl_traced_waits *waits = task->trace.waits;
  if (trace == NULL || waits == NULL) return;
  fl_spans_move(&trace->pending, &waits->spans);
  fl_tracing_content_leaves(trace, waits);
}

void fl_tracing_task_free(struct fl_task *task) {
  struct fl_traced_waits *waits = task->trace.waits;
  if (waits == NULL) return;
  fl_buf_deinit(&waits->spans);
  fl_buf_deinit(&waits->inner_spans);
  fl_buf_deinit(&waits->content);
  fl_free(waits);
  task->trace.waits = NULL;
}

void fl_tracing_task_left(struct fl_task *task) {
  struct fl_run_trace *trace = task->invocation->trace;
  struct fl_traced_waits *waits = task->trace.waits;
  if (trace == NULL || waits == NULL) return;
  struct fl_buf *place = place_of(task->frame);
  fl_spans_move(place, &waits->inner_spans);
  fl_spans_move(place, &waits->spans);
  if (place == &trace->pending) fl_tracing_content_leaves(trace, waits);
  else fl_contents_move(&task->frame->parent->trace.waits->content, &waits->content);
}

/* ---- commits ---- */

static struct fl_record *add_record(const struct fl_invocation *invocation, struct fl_records *records,
                                    enum fl_trace_part part) {
  struct fl_record *record = fl_records_add(records, FL_RECORD_TRACE, "");
  memcpy(record->trace.run_id, invocation->run_id, FL_UUID_SIZE);
  record->trace.part = part;
  return record;
}

static void add_begin(struct fl_invocation *invocation, struct fl_records *records) {
  struct fl_record *record = add_record(invocation, records, FL_TRACE_BEGIN);
  record->trace.wall_ms = invocation->trace->began_wall_ms;
  record->trace.graph = fl_strdup(fl_definition_name(invocation->root.definition));
  if (invocation->trace->user_hash != NULL) record->trace.user = fl_strdup(invocation->trace->user_hash);
  record->body = begin_text(invocation, &record->body_size);
  invocation->trace->has_begun = true;
}

/* How long it takes nobody will write down any more; that it was made, and when it began, stands in itself. */
static void last_commit(const struct fl_invocation *invocation, const struct fl_records *records) {
  struct fl_run_trace *trace = invocation->trace;
  struct fl_span span = {.kind = FL_SPAN_COMMIT,
                         .n = ++trace->last_span,
                         .parent = FL_SPAN_OF_RUN,
                         .start_us = now_us(invocation),
                         .name = ""};
  fl_span_begin(&trace->pending, &span);
  fl_span_add_int(&trace->pending, FL_SPAN_ROWS_KEY, (int64_t)records->count + 2); /* spans and end, too */
  fl_span_add_text(&trace->pending, FL_SPAN_OUTCOME_KEY, "open");
  fl_span_end(&trace->pending);
}

void fl_tracing_attach(struct fl_invocation *invocation, struct fl_records *records) {
  struct fl_run_trace *trace = invocation->trace;
  if (!trace->has_begun) add_begin(invocation, records);
  if (trace->skips > 0) {
    trace->skips--;
    return;
  }
  fl_tracing_content_attach(invocation, records);
  if (trace->end != NULL) last_commit(invocation, records);
  if (trace->pending.size > 0) {
    struct fl_record *record = add_record(invocation, records, FL_TRACE_SPANS);
    record->trace.no = ++trace->last_row;
    record->body = fl_spans_take(&trace->pending, &record->body_size);
  }
  if (trace->end == NULL) return;
  struct fl_record *record = add_record(invocation, records, FL_TRACE_END);
  record->body = trace->end;
  record->body_size = trace->end_size;
  trace->end = NULL;
}

void fl_tracing_flushed(struct fl_commit *commit) {
  commit->left_us = fl_world_now_us(commit->invocation->runtime->world);
}

void fl_tracing_committed(const struct fl_commit *commit) {
  struct fl_invocation *invocation = commit->invocation;
  struct fl_run_trace *trace = invocation->trace;
  if (invocation->root.has_ended) return;
  int64_t began = commit->left_us - trace->began_us;
  size_t size = 0;
  for (size_t i = 0; i < commit->records.count; i++) size += commit->records.items[i].body_size;
  struct fl_span span = {.kind = FL_SPAN_COMMIT,
                         .n = ++trace->last_span,
                         .parent = FL_SPAN_OF_RUN,
                         .start_us = began,
                         .duration_us = now_us(invocation) - began,
                         .name = ""};
  struct fl_buf *row = &trace->pending;
  fl_span_begin(row, &span);
  fl_span_add_int(row, FL_SPAN_ROWS_KEY, (int64_t)commit->records.count);
  fl_span_add_int(row, FL_SPAN_BYTES_KEY, (int64_t)size);
  fl_span_end(row);
}

void fl_tracing_taken_back(const struct fl_invocation *invocation, struct fl_records *ret_records) {
  if (invocation->trace == NULL || !invocation->trace->has_begun) return;
  struct fl_record *record = add_record(invocation, ret_records, FL_TRACE_END);
  record->body = end_text(invocation, "taken_back", NULL, &record->body_size);
}
