/* SPDX-License-Identifier: MIT */
/* Traces as OTLP's JSON form: see the header. What an attribute of ours is called outside stands in one table. */
#include "runtime/trace/otlp.h"

#include "runtime/base/mem.h"
#include "runtime/trace/context.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { KIND_INTERNAL = 1, KIND_CLIENT = 3, STATUS_ERROR = 2 };

/* ---- attributes ---- */

static void add_attribute(struct fl_value *list, const char *key, const char *type, struct fl_value *value) {
  struct fl_value *attribute = fl_object(), *any = fl_object();
  fl_set_take(any, type, value);
  fl_set_string(attribute, "key", key);
  fl_set_take(attribute, "value", any);
  fl_append_take(list, attribute);
}

static void add_text(struct fl_value *list, const char *key, const char *text) {
  if (text != NULL) add_attribute(list, key, "stringValue", fl_string(text));
}

static void add_int(struct fl_value *list, const char *key, int64_t value) {
  add_attribute(list, key, "intValue", fl_stringf("%" PRId64, value));
}

static void add_double(struct fl_value *list, const char *key, double value) {
  add_attribute(list, key, "doubleValue", fl_double(value));
}

static void add_texts(struct fl_value *list, const char *key, const char *only) {
  struct fl_value *values = fl_array(), *one = fl_object(), *array = fl_object();
  fl_set_string(one, "stringValue", only);
  fl_append_take(values, one);
  fl_set_take(array, "values", values);
  add_attribute(list, key, "arrayValue", array);
}

enum form { AS_IT_IS, TEXTS, SECONDS, DOLLARS };

struct naming {
  const char *ours;
  const char *name, *latest; /* latest NULL: the same */
  enum form form;
};

static const struct naming namings[] = {
    {"provider", "gen_ai.provider.name", NULL, AS_IT_IS},
    {"model", "gen_ai.request.model", NULL, AS_IT_IS},
    {"answered_by", "gen_ai.response.model", NULL, AS_IT_IS},
    {"stop", "gen_ai.response.finish_reasons", NULL, TEXTS},
    {"input_tokens", "gen_ai.usage.input_tokens", NULL, AS_IT_IS},
    {"output_tokens", "gen_ai.usage.output_tokens", NULL, AS_IT_IS},
    {"cached_tokens", "gen_ai.usage.cache_read.input_tokens", NULL, AS_IT_IS},
    {"cache_write_tokens", "gen_ai.usage.cache_creation.input_tokens", "gen_ai.usage.cache_write.input_tokens",
     AS_IT_IS},
    {"reasoning_tokens", "fairlead.usage.reasoning_tokens", "gen_ai.usage.reasoning.output_tokens", AS_IT_IS},
    {"first_token_us", "fairlead.response.time_to_first_token", "gen_ai.response.time_to_first_chunk", SECONDS},
    {"attempts", "fairlead.model.attempts", NULL, AS_IT_IS},
    {"cost_nusd", "fairlead.cost_usd", NULL, DOLLARS},
    {"call", "gen_ai.tool.call.id", NULL, AS_IT_IS},
    {"arguments_hash", "fairlead.tool.arguments_hash", NULL, AS_IT_IS},
    {"effect", "fairlead.tool.effect", NULL, AS_IT_IS},
    {"decision", "fairlead.policy.decision", NULL, AS_IT_IS},
    {"rule", "fairlead.policy.rule", NULL, AS_IT_IS},
    {"labels", "fairlead.labels", NULL, AS_IT_IS},
    {"sandbox", "fairlead.sandbox", NULL, AS_IT_IS},
    {"answer", "fairlead.resume.answer", NULL, AS_IT_IS},
    {"exit", "process.exit.code", NULL, AS_IT_IS},
    {"signal", "fairlead.process.signal", NULL, AS_IT_IS},
    {"bytes", "fairlead.bytes", NULL, AS_IT_IS},
    {"rows", "fairlead.rows", NULL, AS_IT_IS},
    {"step", "fairlead.step", NULL, AS_IT_IS},
    {"checkpoint", "fairlead.checkpoint.id", NULL, AS_IT_IS},
    {"source", "fairlead.checkpoint.source", NULL, AS_IT_IS},
    {"task", "fairlead.task.id", NULL, AS_IT_IS},
    {"attempt", "fairlead.node.attempt", NULL, AS_IT_IS},
    {"outcome", "fairlead.outcome", NULL, AS_IT_IS},
    {"code", "error.type", NULL, AS_IT_IS},
    {"tool", "fairlead.interrupt.tool", NULL, AS_IT_IS},
    {"manifest", "fairlead.manifest", NULL, AS_IT_IS},
    {"way", "fairlead.run.way", NULL, AS_IT_IS},
    {"file", "fairlead.graph.file", NULL, AS_IT_IS},
    {"status", "fairlead.run.status", NULL, AS_IT_IS},
    {"steps", "fairlead.run.steps", NULL, AS_IT_IS},
    {"model_calls", "fairlead.run.model_calls", NULL, AS_IT_IS},
    {"tool_calls", "fairlead.run.tool_calls", NULL, AS_IT_IS},
    {"answered_as", "fairlead.resume.user_hash", NULL, AS_IT_IS},
    {"input", "gen_ai.input.messages", NULL, AS_IT_IS},
    {"system", "gen_ai.system_instructions", NULL, AS_IT_IS},
    {"output", "gen_ai.output.messages", NULL, AS_IT_IS},
    {"arguments", "gen_ai.tool.call.arguments", NULL, AS_IT_IS},
    {"result", "gen_ai.tool.call.result", NULL, AS_IT_IS},
};

static void add_named(struct fl_value *list, const struct naming *naming, const struct fl_value *value,
                      enum fl_semconv semconv) {
  const char *key = semconv == FL_SEMCONV_LATEST && naming->latest != NULL ? naming->latest : naming->name;
  if (naming->form == TEXTS) add_texts(list, key, fl_as_string(value) != NULL ? fl_as_string(value) : "");
  else if (naming->form == SECONDS) add_double(list, key, fl_as_double(value, 0) / 1e6);
  else if (naming->form == DOLLARS) add_double(list, key, fl_as_double(value, 0) / 1e9);
  else if (fl_is(value, FL_INT)) add_int(list, key, fl_as_int(value, 0));
  else if (fl_is(value, FL_STRING)) add_text(list, key, fl_as_string(value));
  else if (value != NULL) {
    FL_FREE_AUTO char *text = fl_dump(value, NULL);
    add_text(list, key, text);
  }
}

static void add_all(struct fl_value *list, const struct fl_value *ours, enum fl_semconv semconv) {
  for (size_t i = 0; i < sizeof namings / sizeof namings[0]; i++) {
    const struct fl_value *value = fl_get(ours, namings[i].ours);
    if (value != NULL) add_named(list, &namings[i], value, semconv);
  }
}

/* ---- spans ---- */

static struct fl_value *nanoseconds(int64_t wall_ms, int64_t us) {
  return fl_stringf("%" PRId64, wall_ms * 1000000 + us * 1000);
}

static void set_times(struct fl_value *span, const struct fl_trace *trace, int64_t start_us, int64_t duration_us) {
  fl_set_take(span, "startTimeUnixNano", nanoseconds(trace->began_ms, start_us));
  fl_set_take(span, "endTimeUnixNano", nanoseconds(trace->began_ms, start_us + duration_us));
}

static void set_status(struct fl_value *span, const struct fl_value *attributes) {
  const char *outcome = fl_get_string(attributes, "outcome", "");
  bool is_error = fl_get(attributes, "code") != NULL || strcmp(outcome, "tool_error") == 0;
  if (!is_error) return;
  struct fl_value *status = fl_object();
  fl_set_int(status, "code", STATUS_ERROR);
  fl_set_string(status, "message", fl_get_string(attributes, "error", outcome));
  fl_set_take(span, "status", status);
}

static struct fl_value *new_span(const struct fl_trace *trace, uint32_t n, int kind) {
  char trace_id[33], span_id[17];
  struct fl_value *span = fl_object();
  fl_trace_id_of_run(trace->run_id, trace_id);
  fl_span_id(trace->run_id, n, span_id);
  fl_set_string(span, "traceId", fl_get_string(trace->begin, "trace_id", trace_id));
  fl_set_string(span, "spanId", span_id);
  const char *state = fl_get_string(trace->begin, "tracestate", NULL);
  if (state != NULL) fl_set_string(span, "traceState", state);
  fl_set_int(span, "kind", kind);
  fl_set_int(span, "flags", fl_get_int(trace->begin, "flags", 1));
  return span;
}

static struct fl_value *run_span(const struct fl_trace *trace, enum fl_semconv semconv) {
  struct fl_value *attributes = fl_array(), *span = new_span(trace, FL_SPAN_OF_RUN, KIND_INTERNAL);
  const char *parent = fl_get_string(trace->begin, "parent_id", NULL),
             *graph = trace->graph != NULL ? trace->graph : "";
  if (parent != NULL) fl_set_string(span, "parentSpanId", parent);
  fl_set_take(span, "name", fl_stringf("invoke_agent %s", graph));
  set_times(span, trace, 0, fl_trace_duration_us(trace));
  add_text(attributes, "gen_ai.operation.name", "invoke_agent");
  add_text(attributes, "gen_ai.agent.name", graph);
  add_text(attributes, "gen_ai.conversation.id", trace->thread);
  add_text(attributes, "fairlead.run.id", trace->run_id);
  add_text(attributes, "user.hash", trace->user);
  add_all(attributes, trace->begin, semconv);
  add_all(attributes, trace->end, semconv);
  fl_set_take(span, "attributes", attributes);
  set_status(span, trace->end);
  return span;
}

/* The name of the span, what it does in the words of the conventions, and who is on the other side. */
static struct fl_value *name_of(const struct fl_span *span, struct fl_value *attributes, int *ret_kind) {
  const struct fl_value *ours = span->attributes;
  const char *tool = strchr(span->name, '/');
  tool = tool != NULL ? tool + 1 : span->name;
  *ret_kind = KIND_INTERNAL;
  switch (span->kind) {
  case FL_SPAN_MODEL:
    *ret_kind = KIND_CLIENT;
    add_text(attributes, "gen_ai.operation.name", "chat");
    return fl_stringf("chat %s", fl_get_string(ours, "model", span->name));
  case FL_SPAN_TOOL:
    add_text(attributes, "gen_ai.operation.name", "execute_tool");
    add_text(attributes, "gen_ai.tool.name", tool);
    add_attribute(attributes, "fairlead.tool.server", "stringValue",
                  fl_string_n(span->name, tool > span->name ? (size_t)(tool - span->name) - 1 : 0));
    if (fl_get_int(ours, "mcp", 0) == 0) return fl_stringf("execute_tool %s", tool);
    *ret_kind = KIND_CLIENT;
    add_text(attributes, "mcp.method.name", "tools/call");
    return fl_stringf("tools/call %s", tool);
  case FL_SPAN_STEP:
    if (span->name[0] != '\0') add_text(attributes, "fairlead.namespace", span->name);
    return fl_stringf("superstep %" PRId64, fl_get_int(ours, "step", 0));
  case FL_SPAN_NODE: add_text(attributes, "fairlead.node.name", span->name); return fl_stringf("node %s", span->name);
  default: return fl_stringf("%s%s%s", fl_span_kind_name(span->kind), span->name[0] != '\0' ? " " : "", span->name);
  }
}

static struct fl_value *span_value(const struct fl_trace *trace, const struct fl_span *ours,
                                   const struct fl_otlp_options *options) {
  int kind;
  char parent_id[17], number[16];
  struct fl_value *attributes = fl_array(), *name = name_of(ours, attributes, &kind);
  struct fl_value *span = new_span(trace, ours->n, kind);
  fl_span_id(trace->run_id, ours->parent, parent_id);
  fl_set_string(span, "parentSpanId", parent_id);
  fl_set_take(span, "name", name);
  set_times(span, trace, ours->start_us, ours->duration_us);
  add_all(attributes, ours->attributes, options->semconv);
  snprintf(number, sizeof number, "%u", ours->n);
  add_all(attributes, fl_get(trace->content, number), options->semconv);
  fl_set_take(span, "attributes", attributes);
  set_status(span, ours->attributes);
  return span;
}

/* ---- the request ---- */

static struct fl_value *spans_of(const struct fl_value *request) {
  return fl_get(fl_at(fl_get(fl_at(fl_get(request, "resourceSpans"), 0), "scopeSpans"), 0), "spans");
}

struct fl_value *fl_otlp_request(const struct fl_otlp_options *options) {
  struct fl_value *request = fl_object(), *all = fl_array(), *one = fl_object(), *resource = fl_object();
  struct fl_value *scopes = fl_array(), *scope_spans = fl_object(), *scope = fl_object(), *attributes = fl_array();
  add_text(attributes, "service.name", options->service != NULL ? options->service : "fairlead");
  add_text(attributes, "telemetry.sdk.name", "fairlead");
  add_text(attributes, "telemetry.sdk.language", "c");
  add_text(attributes, "telemetry.sdk.version", FL_VERSION);
  fl_set_take(resource, "attributes", attributes);
  fl_set_take(one, "resource", resource);
  fl_set_string(scope, "name", "fairlead");
  fl_set_string(scope, "version", FL_VERSION);
  fl_set_take(scope_spans, "scope", scope);
  fl_set_take(scope_spans, "spans", fl_array());
  if (options->semconv == FL_SEMCONV_1_41)
    fl_set_string(scope_spans, "schemaUrl", "https://opentelemetry.io/schemas/1.41.0");
  fl_append_take(scopes, scope_spans);
  fl_set_take(one, "scopeSpans", scopes);
  fl_append_take(all, one);
  fl_set_take(request, "resourceSpans", all);
  return request;
}

void fl_otlp_add(struct fl_value *request, const struct fl_trace *trace, const struct fl_otlp_options *options) {
  struct fl_value *spans = spans_of(request);
  fl_append_take(spans, run_span(trace, options->semconv));
  for (size_t i = 0; i < trace->count; i++) fl_append_take(spans, span_value(trace, &trace->nodes[i].span, options));
}

size_t fl_otlp_span_count(const struct fl_value *request) { return fl_size(spans_of(request)); }
