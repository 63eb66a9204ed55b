/* SPDX-License-Identifier: MIT */
/* What was said in a run, where its policy keeps it: the messages and replies of models, the arguments and results of
 * tools, redacted. It waits and goes with the spans that it belongs to. Of a run whose content is kept only if it fails
 * it is held back, up to a limit, and goes with the commit that says so.
 *
 * The text of a row: [[N, {"input","system","output"} or {"arguments","result"}]…], N being the span. */
#include "runtime/engine/tracing.h"

#include "runtime/base/mem.h"
#include "runtime/json/json.h"
#include "runtime/trace/redact.h"

enum { HOUR_MS = 3600000 };

/* ---- which runs ---- */

static bool count_content(const struct fl_trace_run *run, void *user) {
  *(uint32_t *)user += run->has_content;
  return true;
}

static bool is_below_floor(const struct fl_invocation *invocation, const struct fl_trace_policy *policy) {
  uint32_t count = 0;
  struct fl_trace_query query = {.graph = fl_definition_name(invocation->root.definition),
                                 .since_ms = invocation->trace->began_wall_ms - HOUR_MS,
                                 .visit = count_content,
                                 .user_data = &count};
  if (policy->content_floor == 0) return false;
  return fl_store_list_runs(invocation->runtime->store, &query, NULL) == 0 && count < policy->content_floor;
}

void fl_tracing_content_begin(struct fl_invocation *invocation) {
  const struct fl_trace_policy *policy = &fl_tracing_rule_of(invocation)->policy;
  bool is_kept = fl_trace_policy_draws(policy, invocation->run_id) || is_below_floor(invocation, policy);
  invocation->trace->content = is_kept                     ? FL_CONTENT_KEPT
                               : policy->content_of_errors ? FL_CONTENT_HELD
                                                           : FL_CONTENT_NONE;
}

void fl_tracing_failed(struct fl_run_trace *trace) {
  if (trace->content == FL_CONTENT_HELD) trace->content = FL_CONTENT_KEPT;
}

/* ---- what of a call ---- */

/* The newest messages that fit; those before them are left out. */
static struct fl_value *newest_of(const struct fl_list *messages) {
  size_t count = messages != NULL ? fl_list_size(messages) : 0, first = count, size = 0;
  while (first > 0) {
    size += fl_json_weight(fl_list_at(messages, first - 1));
    if (size > FL_CONTENT_TEXT_MAX && first < count) break;
    first--;
  }
  struct fl_value *newest = fl_array();
  for (size_t i = first; i < count; i++) fl_append_take(newest, fl_value_ref(fl_list_at(messages, i)));
  return newest;
}

static struct fl_value *said_in(const struct fl_task_call *call) {
  struct fl_value *said = fl_object();
  bool is_model = call->kind == FL_CALL_MODEL;
  if (is_model && call->system != NULL) fl_set_string(said, "system", call->system);
  if (is_model) fl_set_take(said, "input", newest_of(call->messages));
  else fl_set_take(said, "arguments", fl_value_ref(call->args));
  if (call->result != NULL) fl_set_take(said, is_model ? "output" : "result", fl_value_ref(call->result));
  return said;
}

void fl_tracing_said(struct fl_task_call *call) {
  const struct fl_run_trace *trace = call->task->invocation->trace;
  size_t count = 0;
  if (trace->content == FL_CONTENT_NONE) return;
  struct fl_buf *row = &fl_traced_waits_of(&call->task->trace)->content;
  if (trace->content == FL_CONTENT_HELD && row->size > FL_CONTENT_HELD_MAX) return;
  FL_VALUE_AUTO said = said_in(call);
  FL_VALUE_AUTO redacted = fl_redact_value(said, fl_tracing_rule_of(call->task->invocation)->policy.redacts, &count);
  fl_buf_addf(row, "%s[%u,", row->size == 0 ? "[" : ",", call->trace->span);
  if (fl_json_write(row, redacted, FL_JSON_COMPACT) < 0) fl_buf_add_text(row, "{}");
  fl_buf_add_char(row, ']');
}

void fl_contents_move(struct fl_buf *to, struct fl_buf *from) {
  if (from->size == 0) return;
  if (to->size > 0) fl_buf_add_char(to, ',');
  fl_buf_add(to, from->data + (to->size > 0), from->size - (to->size > 0));
  fl_buf_clear(from);
}

void fl_tracing_content_leaves(struct fl_run_trace *trace, struct fl_traced_waits *waits) {
  if (waits->content.size == 0) return;
  if (trace->said == NULL) trace->said = fl_new(struct fl_buf);
  fl_contents_move(trace->said, &waits->content);
}

void fl_tracing_content_attach(struct fl_invocation *invocation, struct fl_records *records) {
  struct fl_run_trace *trace = invocation->trace;
  if (trace->said == NULL) return;
  if (trace->content == FL_CONTENT_HELD && trace->said->size > FL_CONTENT_HELD_MAX) fl_buf_clear(trace->said);
  if (trace->content != FL_CONTENT_KEPT || trace->said->size == 0) return;
  struct fl_record *record = fl_records_add(records, FL_RECORD_TRACE, "");
  memcpy(record->trace.run_id, invocation->run_id, FL_UUID_SIZE);
  record->trace.part = FL_TRACE_CONTENT;
  record->trace.no = ++trace->last_content;
  fl_buf_add_char(trace->said, ']');
  record->body = fl_buf_take(trace->said, &record->body_size);
}
