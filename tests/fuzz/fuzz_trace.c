/* SPDX-License-Identifier: MIT */
/* Any bytes as a row of spans, a traceparent and tracestate, a table of prices, headers for a collector, what is kept
 * of runs, an age, and as a text to be redacted, once and again. */
#include "runtime/base/check.h"
#include "runtime/base/mem.h"
#include "runtime/base/timestamp.h"
#include "runtime/trace/context.h"
#include "runtime/trace/export.h"
#include "runtime/trace/policy.h"
#include "runtime/trace/prices.h"
#include "runtime/trace/redact.h"
#include "runtime/trace/span.h"

#include <string.h>

static void on_span(const struct fl_span *span, void *user) {
  fl_check(span->name != NULL && span->n > 0 && span->kind < FL_SPAN_KIND_COUNT);
}

/* What is read is within its bounds; what is not changes nothing. */
static void read_policy(const struct fl_trace_policy_texts *texts) {
  struct fl_trace_policy policy = fl_trace_policy_default(), before = policy;
  if (fl_trace_policy_read(texts, &policy, NULL) < 0) {
    fl_check(policy.redacts == before.redacts && policy.keep_ms == 0 && policy.content_percent == 0);
    return;
  }
  fl_check(policy.content_percent >= 0 && policy.content_percent <= 100 && policy.content_floor <= 1000000);
  fl_check(policy.keep_ms >= 0 && (policy.redacts & ~(unsigned)FL_REDACT_ALL) == 0);
}

static void read_policies(const char *text) {
  const struct fl_trace_policy_texts all[] = {{.content = text}, {.keep = text}, {.redact = text}, {.record = text}};
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) read_policy(&all[i]);
  int64_t age_ms = fl_age_ms(text);
  fl_check(age_ms == -1 || age_ms >= 1000);
}

/* What is handed on is valid again. */
static void read_context(const char *text) {
  struct fl_trace_context context, again;
  char written[FL_TRACEPARENT_SIZE];
  fl_tracestate_is_valid(text);
  if (!fl_traceparent_read(text, &context)) return;
  fl_traceparent_write(&context, "0192f3c1-5a4d-7645-a680-810e05f019d6", 2, written);
  fl_check(fl_traceparent_read(written, &again) && strcmp(again.trace_id, context.trace_id) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  fl_slice bytes = fl_slice_n((const char *)data, size);
  char *text = fl_strndup((const char *)data, size), **headers = NULL;
  struct fl_prices *prices = NULL;
  FL_BUF_AUTO once = {0}, twice = {0};
  fl_spans_read(bytes, on_span, NULL, NULL);
  read_context(text);
  read_policies(text);
  if (fl_prices_create(bytes, &prices, NULL) == 0) {
    const struct fl_tokens tokens = {.input = 10, .output = 5, .cached = 3};
    fl_check(fl_prices_cost(prices, "openai", text, &tokens) >= -1);
  }
  fl_prices_destroy(prices);
  if (fl_export_headers(text, &headers, NULL) == 0) fl_export_headers_free(headers);
  fl_redact(bytes, FL_REDACT_ALL, &once);
  fl_redact(fl_buf_slice(&once), FL_REDACT_ALL, &twice);
  fl_free(text);
  return 0;
}
