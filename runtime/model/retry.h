/* SPDX-License-Identifier: MIT */
/* When to try a model again. Pure: time and randomness are arguments. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum {
  FL_RETRY_COUNT_DEFAULT = 2,
  FL_RETRY_BASE_MS = 500,
  FL_RETRY_BACKOFF_MAX_MS = 20000,
  FL_RETRY_AFTER_MAX_MS = 60000,
};

/* Failures of the transport that may be gone next time: FL_E_NETWORK, FL_E_TIMEOUT, FL_E_TRUNCATED, FL_E_CLOSED. */
bool fl_retry_is_transient(int code);

/* What "Retry-After" (seconds or an HTTP date, RFC 9110, 10.2.3) or "retry-after-ms" asks for, at most
 * FL_RETRY_AFTER_MAX_MS; -1 when neither says anything readable. Either may be NULL. */
int64_t fl_retry_after_ms(const char *retry_after, const char *retry_after_ms, int64_t wall_ms);

/* Full jitter: between 0 and base * 2^(attempt - 1), bounded. attempt counts from 1; `random` is uniform. */
uint64_t fl_retry_backoff_ms(unsigned attempt, uint32_t random);
