/* SPDX-License-Identifier: MIT */
/* What is recorded of runs, what of it is kept, and for how long: as the section `trace` of a graph file says it, or
 * the environment, which overrides the file text by text. Pure.
 *
 * FAIRLEAD_TRACE_CONTENT: "PERCENT" of the runs, and behind it, in any order and divided by commas, "floor=N" (at least
 * N runs of each graph in an hour, whatever the percentage) and "errors" (of runs that fail, always, as far as it fits
 * into FL_CONTENT_HELD_MAX before the failure). "0" keeps nothing; that is the default. */
#pragma once
#include "runtime/base/slice.h"
#include "runtime/trace/redact.h"

#include <fairlead/error.h>
#include <stdint.h>

enum { FL_CONTENT_HELD_MAX = 1 << 20, FL_CONTENT_TEXT_MAX = 64 << 10 };

struct fl_trace_policy {
  double content_percent;
  uint32_t content_floor; /* runs of a graph in an hour */
  bool content_of_errors;
  int64_t keep_ms, keep_content_ms; /* 0: for ever */
  bool is_off;                      /* nothing is recorded */
  bool shows_arguments;             /* spans of calls of tools have their arguments, beside the hash */
  unsigned redacts;                 /* FL_REDACT_* */
};

/* What is said nowhere: recorded is, without contents, redacted, for ever. */
struct fl_trace_policy fl_trace_policy_default(void);
/* What the section of a graph file says, checked by graph/file_trace.c, over what stands in the policy. */
void fl_trace_policy_take(const struct fl_value *section, struct fl_trace_policy *policy);

/* What the environment says over that; NULL texts say nothing. FL_E_INVALID says what is wrong with which, and the
 * policy is untouched then. */
struct fl_trace_policy_texts {
  const char *content; /* FAIRLEAD_TRACE_CONTENT, as above */
  const char *keep,
      *keep_content;     /* FAIRLEAD_TRACE_KEEP, FAIRLEAD_TRACE_KEEP_CONTENT: "90s", "45m", "12h", "30d", "4w" */
  const char *record;    /* FAIRLEAD_TRACE: "off", "on" */
  const char *arguments; /* FAIRLEAD_TRACE_ARGUMENTS: "hash", "value" */
  const char *redact;    /* FAIRLEAD_TRACE_REDACT: "all", "none", or of email, card, iban those that go */
};
int fl_trace_policy_read(const struct fl_trace_policy_texts *texts, struct fl_trace_policy *policy,
                         struct fl_error *err);

/* Whether the run is one of the percentage: the same answer each time for the same run. */
bool fl_trace_policy_draws(const struct fl_trace_policy *policy, const char *run_id);
