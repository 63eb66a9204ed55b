/* SPDX-License-Identifier: MIT */
/* Spans of calls: of models, tools and functions. They wait with their task. */
#include "runtime/engine/tracing.h"

#include "runtime/base/mem.h"
#include "runtime/json/json.h"

static const char *const provider_names[] = {"openai", "anthropic", "scripted"};

struct fl_traced_call *fl_traced_call_of(struct fl_task_call *call) {
  if (call->trace == NULL) call->trace = fl_new(struct fl_traced_call);
  return call->trace;
}

void fl_traced_call_free(struct fl_task_call *call) {
  if (call->trace == NULL) return;
  fl_free(call->trace->rule);
  fl_free(call->trace);
  call->trace = NULL;
}

/* The rule that decided, until the call has ended. */
void fl_tracing_call_decided(struct fl_task_call *call, const struct fl_decision *decision) {
  static const char *const verdicts[] = {"deny", "ask", "allow"};
  struct fl_traced_call *traced = fl_traced_call_of(call);
  fl_free(traced->rule);
  traced->rule = fl_strdup(decision->rule);
  traced->verdict = verdicts[decision->verdict];
}

static uint32_t span_of(struct fl_task_call *call) {
  struct fl_traced_call *traced = fl_traced_call_of(call);
  if (traced->span == 0) traced->span = ++call->task->invocation->trace->last_span;
  return traced->span;
}

void fl_tracing_call_leaves(struct fl_task_call *call) {
  const struct fl_invocation *invocation = call->task->invocation;
  if (call->kind == FL_CALL_FUNCTION) return;
  const char *state = fl_tracestate_is_valid(invocation->options.tracestate) ? invocation->options.tracestate : NULL;
  if (!invocation->trace->has_parent) state = NULL;
  uint32_t span = span_of(call);
  fl_traceparent_write(&invocation->trace->context, invocation->run_id, span, call->trace->traceparent);
  if (call->kind == FL_CALL_MODEL) {
    call->model.request.traceparent = call->trace->traceparent;
    call->model.request.tracestate = state;
  } else {
    call->tool.traceparent = call->trace->traceparent;
    call->tool.tracestate = state;
  }
}

/* ---- models ---- */

static int64_t take_tokens(const struct fl_value *usage, const char *key, int64_t *total) {
  int64_t count = fl_get_int(usage, key, 0);
  *total += count;
  return count;
}

static void add_if(struct fl_buf *row, enum fl_span_key key, int64_t value) {
  if (value != 0) fl_span_add_int(row, key, value);
}

static void add_usage(struct fl_buf *row, const struct fl_value *usage, struct fl_trace_totals *totals) {
  int64_t ignored = 0;
  fl_span_add_int(row, FL_SPAN_INPUT_TOKENS_KEY, take_tokens(usage, "input_tokens", &totals->input_tokens));
  fl_span_add_int(row, FL_SPAN_OUTPUT_TOKENS_KEY, take_tokens(usage, "output_tokens", &totals->output_tokens));
  add_if(row, FL_SPAN_CACHED_TOKENS_KEY, take_tokens(usage, "cached_tokens", &totals->cached_tokens));
  add_if(row, FL_SPAN_CACHE_WRITE_TOKENS_KEY, take_tokens(usage, "cache_write_tokens", &ignored));
  add_if(row, FL_SPAN_REASONING_TOKENS_KEY, take_tokens(usage, "reasoning_tokens", &totals->reasoning_tokens));
}

static void add_cost(struct fl_buf *row, const struct fl_task_call *call, const struct fl_value *usage) {
  const struct fl_model_config *config = call->model.request.config;
  struct fl_trace_totals *totals = &call->task->invocation->trace->totals;
  const struct fl_tokens tokens = {.input = fl_get_int(usage, "input_tokens", 0),
                                   .output = fl_get_int(usage, "output_tokens", 0),
                                   .cached = fl_get_int(usage, "cached_tokens", 0),
                                   .cache_write = fl_get_int(usage, "cache_write_tokens", 0)};
  if (config->provider == FL_MODEL_SCRIPTED || config->model == NULL) return;
  const struct fl_prices *prices = fl_tracing_prices(call->task->invocation->runtime);
  int64_t cost = fl_prices_cost(prices, provider_names[config->provider], config->model, &tokens);
  if (cost < 0) return;
  fl_span_add_int(row, FL_SPAN_COST_NUSD_KEY, cost);
  totals->cost_nusd += cost;
  totals->has_cost = true;
}

static void describe_model(struct fl_buf *row, struct fl_task_call *call) {
  struct fl_run_trace *trace = call->task->invocation->trace;
  const struct fl_model_config *config = call->model.request.config;
  const char *answered = fl_get_string(call->result, "model", NULL);
  const struct fl_value *usage = fl_get(call->result, "usage");
  fl_span_add_text(row, FL_SPAN_PROVIDER_KEY, provider_names[config->provider]);
  fl_span_add_text(row, FL_SPAN_MODEL_KEY, config->model);
  if (answered != NULL && (config->model == NULL || strcmp(answered, config->model) != 0))
    fl_span_add_text(row, FL_SPAN_ANSWERED_BY_KEY, answered);
  if (call->trace->tries > 1) fl_span_add_int(row, FL_SPAN_ATTEMPTS_KEY, call->trace->tries);
  if (call->trace->first_token_us > 0) {
    fl_span_add_int(row, FL_SPAN_FIRST_TOKEN_US_KEY, call->trace->first_token_us - call->started_us);
    if (trace->first_token_us == 0) trace->first_token_us = call->trace->first_token_us - trace->began_us;
  }
  if (usage != NULL) add_usage(row, usage, &trace->totals);
  if (usage != NULL) add_cost(row, call, usage);
  fl_span_add_text(row, FL_SPAN_STOP_KEY, fl_get_string(call->result, "stop_reason", NULL));
  trace->totals.model_calls++;
  trace->totals.model_errors += call->error != NULL;
}

/* ---- tools ---- */

static int64_t content_size(const struct fl_value *result) {
  const struct fl_value *content = fl_get(result, "content");
  int64_t size = 0;
  for (size_t i = 0; i < fl_size(content); i++) {
    size += (int64_t)fl_string_size(fl_get(fl_at(content, i), "text"));
    size += (int64_t)fl_string_size(fl_get(fl_at(content, i), "data"));
  }
  return size;
}

static void describe_tool(struct fl_buf *row, struct fl_task_call *call) {
  enum { HASH_SHOWN = 8 };
  struct fl_trace_totals *totals = &call->task->invocation->trace->totals;
  static const char *const effects[] = {"read", "keyed", "once"};
  uint8_t hash[FL_HASH_SIZE];
  char hex[2 * HASH_SHOWN + 1];
  fl_call_hash_args(call, hash);
  fl_hex(hash, HASH_SHOWN, hex);
  const struct fl_registry_tool *tool = fl_registry_find(call->task->invocation->runtime->registry, call->name);
  if (tool != NULL && tool->identity != NULL) fl_span_add_int(row, FL_SPAN_MCP_KEY, 1);
  fl_span_add_id(row, FL_SPAN_CALL_KEY, call->call_id);
  fl_span_add_text(row, FL_SPAN_ARGUMENTS_HASH_KEY, hex);
  fl_span_add_text(row, FL_SPAN_EFFECT_KEY, effects[call->effect]);
  fl_span_add_text(row, FL_SPAN_DECISION_KEY, call->trace->verdict);
  fl_span_add_text(row, FL_SPAN_RULE_KEY, call->trace->rule);
  fl_tracing_add_tool_facts(row, call);
  bool is_error = fl_get_bool(call->result, "isError", false);
  if (is_error) fl_span_add_text(row, FL_SPAN_OUTCOME_KEY, "tool_error");
  if (call->result != NULL) fl_span_add_int(row, FL_SPAN_BYTES_KEY, content_size(call->result));
  totals->tool_calls++;
  totals->tool_errors += is_error || call->error != NULL;
}

/* ---- all of them ---- */

void fl_tracing_call_ended(struct fl_task_call *call, bool was_journalled) {
  static const enum fl_span_kind kinds[] = {FL_SPAN_MODEL, FL_SPAN_TOOL, FL_SPAN_FUNCTION};
  struct fl_task *task = call->task;
  struct fl_run_trace *trace = task->invocation->trace;
  if (was_journalled) return; /* it stands in the trace of the run that made it */
  int64_t now = fl_world_now_us(task->invocation->runtime->world);
  struct fl_span span = {.kind = kinds[call->kind],
                         .n = span_of(call),
                         .parent = task->trace.span,
                         .start_us = call->started_us - trace->began_us,
                         .duration_us = now - call->started_us,
                         .name = call->name};
  struct fl_buf *row = &fl_traced_waits_of(&task->trace)->spans;
  fl_span_begin(row, &span);
  if (call->kind == FL_CALL_MODEL) describe_model(row, call);
  if (call->kind == FL_CALL_TOOL) describe_tool(row, call);
  if (call->error != NULL) {
    fl_span_add_text(row, FL_SPAN_CODE_KEY, fl_error_word(call->error->code));
    FL_FREE_AUTO char *text = fl_tracing_redact(task->invocation, call->error->text);
    fl_span_add_text(row, FL_SPAN_ERROR_KEY, text);
  }
  fl_span_end(row);
  fl_tracing_said(call);
}
