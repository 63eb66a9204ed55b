/* SPDX-License-Identifier: MIT */
#include "graph/retry.h"

#include <fairlead/error.h>

struct fl_retry fl_retry_default(void) {
  return (struct fl_retry){.max_attempts = FL_RETRY_ATTEMPTS_DEFAULT,
                           .initial_ms = FL_RETRY_INITIAL_MS_DEFAULT,
                           .max_ms = FL_RETRY_MAX_MS_DEFAULT,
                           .factor = 2,
                           .jitter = true};
}

uint64_t fl_retry_bit(int code) { return code < 0 && code > -64 ? UINT64_C(1) << -code : 0; }

bool fl_retry_is_usual(int code) {
  static const int usual[] = {FL_E_BUSY,   FL_E_IO,       FL_E_NO_SPACE, FL_E_TIMEOUT, FL_E_CLOSED,   FL_E_NETWORK,
                              FL_E_REMOTE, FL_E_PROTOCOL, FL_E_RATE,     FL_E_TASK,    FL_E_TRUNCATED};
  for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++)
    if (usual[i] == code) return true;
  return false;
}

static bool speaks_of(const struct fl_retry *policy, int code) {
  return policy->codes == 0 ? fl_retry_is_usual(code) : (policy->codes & fl_retry_bit(code)) != 0;
}

static int64_t pause_ms(const struct fl_retry *policy, uint32_t attempt, uint32_t random) {
  double pause = policy->initial_ms;
  for (uint32_t i = 1; i < attempt && pause < policy->max_ms; i++) {
    pause *= policy->factor;
    if (pause < 1) break; /* a factor below one ends at nothing */
  }
  if (pause > policy->max_ms) pause = policy->max_ms;
  int64_t jitter = policy->jitter ? (int64_t)((uint64_t)random * (FL_RETRY_JITTER_MS + 1) >> 32) : 0;
  return (int64_t)pause + jitter;
}

int64_t fl_retry_delay_ms(const struct fl_retry *policies, size_t count, uint32_t attempt, int code, uint32_t random) {
  for (size_t i = 0; i < count; i++) {
    if (!speaks_of(&policies[i], code)) continue;
    return attempt < policies[i].max_attempts ? pause_ms(&policies[i], attempt, random) : -1;
  }
  return -1;
}
