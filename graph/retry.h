/* SPDX-License-Identifier: MIT */
/* Whether a task that failed is tried again, and when: the policies of a node as plain data, and the decision as a
 * function of them. Pure: the attempt, the error and the random number are arguments.
 *
 * The rules are LangGraph's: of several policies the first that speaks of the error counts; the pause before attempt
 * n + 1 is initial_ms * factor^(n - 1), at most max_ms, and with jitter up to a second more. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  FL_RETRY_ATTEMPTS_DEFAULT = 3,
  FL_RETRY_INITIAL_MS_DEFAULT = 500,
  FL_RETRY_MAX_MS_DEFAULT = 128000,
  FL_RETRY_JITTER_MS = 1000,
  FL_RETRY_ATTEMPTS_MAX = 1000,
  FL_RETRY_MS_MAX = 86400000, /* a day */
  FL_RETRY_POLICIES_MAX = 16,
};

struct fl_retry {
  uint32_t max_attempts; /* in all, the first one counted; at least 1 */
  uint32_t initial_ms, max_ms;
  double factor;
  bool jitter;
  uint64_t codes; /* bit -code for each FL_E_* it speaks of; 0: fl_retry_is_usual */
};

/* A policy with every default. */
struct fl_retry fl_retry_default(void);

/* The bit of an error code; 0 for a number that is none. */
uint64_t fl_retry_bit(int code);

/* What a policy without a list speaks of: everything but what another attempt cannot change, that is mistakes of the
 * program, the graph or the request (invalid, syntax, not_found, exists, denied, version, auth, unsupported, state,
 * graph, recursion, expression, bug), limits, damaged data, conflicts, and a run that was cancelled. */
bool fl_retry_is_usual(int code);

/* How long to wait before the next attempt, -1: give up. `attempt`: how many there were, 1 after the first. `random` is
 * uniform. */
int64_t fl_retry_delay_ms(const struct fl_retry *policies, size_t count, uint32_t attempt, int code, uint32_t random);
