/* SPDX-License-Identifier: MIT */
/* Any bytes as a row of spans, a traceparent, a table of prices, headers for a collector, and as a text to be redacted,
 * once and again. */
#include "runtime/base/check.h"
#include "runtime/base/mem.h"
#include "runtime/trace/context.h"
#include "runtime/trace/export.h"
#include "runtime/trace/prices.h"
#include "runtime/trace/redact.h"
#include "runtime/trace/span.h"

static void on_span(const struct fl_span *span, void *user) {
  fl_check(span->name != NULL && span->n > 0 && span->kind < FL_SPAN_KIND_COUNT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  fl_slice bytes = fl_slice_n((const char *)data, size);
  char *text = fl_strndup((const char *)data, size), **headers = NULL;
  struct fl_trace_context context;
  struct fl_prices *prices = NULL;
  FL_BUF_AUTO once = {0}, twice = {0};
  fl_spans_read(bytes, on_span, NULL, NULL);
  fl_traceparent_read(text, &context);
  fl_tracestate_is_valid(text);
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
