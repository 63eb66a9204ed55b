/* SPDX-License-Identifier: MIT */
/* Who a span is to the rest of the world: W3C Trace Context (traceparent and tracestate), and the ids of our runs and
 * spans in it. Pure.
 *
 * A run that nobody called from a trace of their own has its own id (a UUID, 16 bytes) as the id of its trace. Span n
 * of a run has 8 bytes that follow from the run's id and n, one to one, so that they need not be stored. */
#pragma once
#include "runtime/base/id.h"

#include <fairlead/error.h>

enum { FL_TRACEPARENT_SIZE = 56, FL_TRACESTATE_MAX = 512, FL_USER_HASH_SIZE = 33 };

struct fl_trace_context {
  char trace_id[33], parent_id[17]; /* lower-case hex; parent_id "": none */
  uint8_t flags;
};

/* Reads a traceparent (W3C Trace Context, 3.2). False when it is not valid: then a trace of its own begins. */
bool fl_traceparent_read(const char *text, struct fl_trace_context *ret_context);
/* Whether a tracestate may be handed on (3.3): at most FL_TRACESTATE_MAX characters and 32 members, each a key and a
 * value as the grammar has them, no key twice. Members may be empty, with blanks around them; all of them may not. */
bool fl_tracestate_is_valid(const char *text);

void fl_trace_id_of_run(const char *run_id, char ret_trace_id[33]);
void fl_span_id(const char *run_id, uint32_t n, char ret_span_id[17]);
/* "00-TRACE-SPAN-FLAGS" for what is called from span n. Of the flags those go out that are known: sampled, random. */
void fl_traceparent_write(const struct fl_trace_context *context, const char *run_id, uint32_t n,
                          char ret_text[FL_TRACEPARENT_SIZE]);

/* What stands in the place of a user's id: 32 hex digits of its BLAKE2b hash. */
void fl_user_hash(const char *user_id, char ret_hash[FL_USER_HASH_SIZE]);
