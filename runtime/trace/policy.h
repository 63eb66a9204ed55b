/* SPDX-License-Identifier: MIT */
/* How much of what is said in a run is kept in its trace, and for how long. Pure.
 *
 * The text, as FAIRLEAD_TRACE_CONTENT holds it: "PERCENT" of the runs, and behind it, in any order and divided by
 * commas, "floor=N" (at least N runs of each graph in an hour, whatever the percentage) and "errors" (of runs that
 * fail, always, as far as it fits into FL_CONTENT_HELD_MAX before the failure). "0" keeps nothing; that is the default.
 */
#pragma once
#include "runtime/base/slice.h"

#include <fairlead/error.h>
#include <stdint.h>

enum { FL_CONTENT_HELD_MAX = 1 << 20, FL_CONTENT_TEXT_MAX = 64 << 10 };

struct fl_trace_policy {
  double content_percent;
  uint32_t content_floor; /* runs of a graph in an hour */
  bool content_of_errors;
  int64_t keep_ms, keep_content_ms; /* 0: for ever */
};

/* NULL texts say nothing. FL_E_INVALID says what is wrong with which. Ages are "90s", "45m", "12h", "30d", "4w". */
struct fl_trace_policy_texts {
  const char *content, *keep, *keep_content;
};
int fl_trace_policy_read(const struct fl_trace_policy_texts *texts, struct fl_trace_policy *ret_policy,
                         struct fl_error *err);

/* Whether the run is one of the percentage: the same answer each time for the same run. */
bool fl_trace_policy_draws(const struct fl_trace_policy *policy, const char *run_id);
