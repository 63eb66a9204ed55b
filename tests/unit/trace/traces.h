/* SPDX-License-Identifier: MIT */
/* Traces for tests, made of texts. */
#pragma once
#include "runtime/base/mem.h"
#include "runtime/trace/tree.h"
#include "tests/support/support.h"

#include <string.h>

__attribute__((unused)) static struct fl_value *json_of(const char *text) {
  struct fl_value *value = NULL;
  struct fl_error err = {0};
  if (fl_parse(text, strlen(text), &value, &err) < 0) fail_msg("%s: %s", text, err.text);
  return value;
}

static void take_span(const struct fl_span *span, void *user) {
  struct fl_trace *trace = user;
  trace->nodes = fl_realloc(trace->nodes, (trace->count + 1) * sizeof *trace->nodes);
  trace->nodes[trace->count] = (struct fl_trace_node){.span = *span};
  trace->nodes[trace->count].span.name = fl_strdup(span->name);
  fl_value_ref(span->attributes);
  trace->count++;
}

__attribute__((unused)) static struct fl_trace trace_of(const char *end, const char *spans) {
  struct fl_trace trace = {.thread = fl_strdup("t"),
                           .graph = fl_strdup("chat"),
                           .began_ms = 1796059506273,
                           .begin = json_of("{\"way\":\"input\"}"),
                           .end = end != NULL ? json_of(end) : NULL};
  memcpy(trace.run_id, "0192f3c1-5a4d-7645-a680-810e05f019d6", FL_UUID_SIZE);
  assert_int_equal(fl_spans_read(fl_slice_of(spans), take_span, &trace, NULL), 0);
  return trace;
}
