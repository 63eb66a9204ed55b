/* SPDX-License-Identifier: MIT */
/* What tasks and calls carry for their spans, until those are written (tracing.h). In a run that is not traced a task's
 * is zero, and a call has none. */
#pragma once
#include "runtime/base/buf.h"
#include "runtime/base/id.h"

struct fl_traced_call {
  uint32_t span;          /* its number in the trace; 0: none yet */
  char traceparent[56];   /* that went with it; "": none */
  int64_t first_token_us; /* of a model's reply; 0: none came */
  unsigned tries;         /* of a model's call */
  const char *verdict;    /* of the policy; NULL: it was not asked */
  char *rule;             /* that decided; owned */
  bool has_args_hash;
  uint8_t args_hash[FL_HASH_SIZE]; /* once the call is made: span and journal both want it */
};

/* What waits with a task for the commit that it goes with. */
struct fl_traced_waits {
  struct fl_buf spans;       /* of its calls, until the commit that holds their results; at last its own */
  struct fl_buf inner_spans; /* of graphs inside it that are not stored by themselves, until its end is */
  struct fl_buf content;     /* what was said in its calls, where that is kept */
};

struct fl_traced_task {
  uint32_t span, step_span;      /* its own number, and its superstep's; 0: it is not traced */
  struct fl_traced_waits *waits; /* owned; NULL: nothing does, as while the first call of a task is under way */
};
struct fl_traced_waits *fl_traced_waits_of(struct fl_traced_task *task); /* made when it is first asked for */
