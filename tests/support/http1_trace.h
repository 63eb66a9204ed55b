/* SPDX-License-Identifier: MIT */
/* What a server would see of a connection's bytes, as text: "GET /path [body]" for each whole request, "!400" where one
 * is refused, "…" where the bytes end inside one. Feeds the bytes in pieces, as they come from a socket. */
#pragma once
#include "runtime/wire/http1.h"

struct http1_trace {
  struct fl_buf held, out;
  struct fl_http1_head head;
  struct fl_http1_body body;
  size_t accepted;                   /* whole requests */
  bool in_body, is_refused, is_over; /* over: the connection closes after that request */
};

static inline void http1_trace_deinit(struct http1_trace *trace) {
  fl_buf_deinit(&trace->held);
  fl_buf_deinit(&trace->out);
}

static inline void http1_trace_refuse(struct http1_trace *trace, int status) {
  trace->is_refused = true;
  fl_buf_addf(&trace->out, "!%d", status);
}

static inline bool http1_trace_head(struct http1_trace *trace, fl_slice *bytes) {
  size_t used = 0;
  enum fl_http1_verdict verdict = fl_http1_parse_head(*bytes, &trace->head, &used);
  if (verdict == FL_HTTP1_REFUSED) http1_trace_refuse(trace, trace->head.status);
  if (verdict != FL_HTTP1_DONE) return false;
  *bytes = fl_slice_n(bytes->data + used, bytes->size - used);
  fl_buf_addf(&trace->out, "%s ", fl_http1_method_name(trace->head.method));
  fl_buf_add(&trace->out, trace->head.target.data, trace->head.target.size);
  fl_buf_add_text(&trace->out, " [");
  fl_http1_body_init(&trace->body, &trace->head);
  trace->in_body = true;
  return true;
}

static inline bool http1_trace_body(struct http1_trace *trace, fl_slice *bytes) {
  fl_slice piece;
  enum fl_http1_verdict verdict = fl_http1_body_next(&trace->body, bytes, &piece);
  if (verdict == FL_HTTP1_PIECE) fl_buf_add(&trace->out, piece.data, piece.size);
  if (verdict == FL_HTTP1_REFUSED) http1_trace_refuse(trace, trace->body.status);
  if (verdict == FL_HTTP1_DONE) {
    fl_buf_add_text(&trace->out, "]");
    trace->in_body = false;
    trace->accepted++;
    trace->is_over = !trace->head.keeps_alive;
  }
  return verdict == FL_HTTP1_PIECE || verdict == FL_HTTP1_DONE;
}

static inline void http1_trace_feed(struct http1_trace *trace, fl_slice data) {
  fl_buf_add(&trace->held, data.data, data.size);
  fl_slice bytes = fl_buf_slice(&trace->held);
  bool goes_on = true;
  while (goes_on && !trace->is_refused && !trace->is_over && (bytes.size > 0 || trace->in_body))
    goes_on = trace->in_body ? http1_trace_body(trace, &bytes) : http1_trace_head(trace, &bytes);
  fl_buf_consume(&trace->held, trace->held.size - bytes.size);
}

static inline void http1_trace_end(struct http1_trace *trace) {
  if (!trace->is_refused && !trace->is_over && (trace->in_body || trace->held.size > 0))
    fl_buf_add_text(&trace->out, "…");
  fl_buf_add_text(&trace->out, "");
}
