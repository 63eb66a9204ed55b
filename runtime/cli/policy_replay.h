/* SPDX-License-Identifier: MIT */
/* Recorded calls decided again, in order, as calls of one run: what a line does not say about a call is what the lines
 * before it came to (how often a tool was called, labels of what was read, values that results held). */
#pragma once
#include "tools/policy/policy.h"

struct fl_policy_replay {
  const struct fl_policy *policy;
  int64_t now_s;
  uint64_t labels;
  struct fl_value *calls, *origins, *spent;
};
void fl_policy_replay_init(struct fl_policy_replay *replay, const struct fl_policy *policy, int64_t now_s);
void fl_policy_replay_deinit(struct fl_policy_replay *replay);
/* `line`: {"tool","args","resolved","addresses","labels","origins","prompt","result","annotations"}; of a line without
 * "tool" only the facts are taken, and false is the answer. The decision is the caller's to deinit. */
bool fl_policy_replay_line(struct fl_policy_replay *replay, const struct fl_value *line,
                           struct fl_decision *ret_decision);
