/* SPDX-License-Identifier: MIT */
/* A trace as OpenTelemetry has it: an ExportTraceServiceRequest (OTLP 1.x), as JSON or as protobuf. The attributes
 * follow the semantic conventions for generative AI and MCP; what they do not name begins with "fairlead.". Pure. */
#pragma once
#include "runtime/trace/tree.h"

enum fl_semconv {
  FL_SEMCONV_1_41,  /* OpenTelemetry semantic conventions 1.41 */
  FL_SEMCONV_LATEST /* the names of semantic-conventions-genai, to which they have moved since */
};

struct fl_otlp_options {
  enum fl_semconv semconv;
  const char *service; /* service.name; NULL: fairlead */
};

/* Begins a request, adds traces, ends as a value of OTLP's JSON form (lower-case hex ids, 64-bit numbers as texts). */
struct fl_value *fl_otlp_request(const struct fl_otlp_options *options);
void fl_otlp_add(struct fl_value *request, const struct fl_trace *trace, const struct fl_otlp_options *options);
size_t fl_otlp_span_count(const struct fl_value *request);

/* The same request in protobuf. FL_E_LIMIT when the buffer is full. */
int fl_otlp_encode(const struct fl_value *request, struct fl_buf *out);
