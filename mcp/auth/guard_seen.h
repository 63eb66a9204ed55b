/* SPDX-License-Identifier: MIT */
/* Which proofs were seen, so that none counts twice (RFC 9449, section 11.1). Two generations: a proof is remembered
 * for as long as it could be taken, and no longer than twice that. Pure: the time is an argument. */
#pragma once
#include "runtime/base/map.h"

#include <fairlead/error.h>

enum { FL_GUARD_SEEN_MAX = 100 * 1000, FL_GUARD_SEEN_S = 600, FL_GUARD_SEEN_KEY_SIZE = 32 };

struct fl_guard_seen {
  struct fl_map now, before;
  int64_t since_s; /* when `now` began */
  bool has_begun;
};

/* 0: new, and now seen. FL_E_EXISTS: seen before. FL_E_LIMIT: more than FL_GUARD_SEEN_MAX within the time. */
int fl_guard_seen_add(struct fl_guard_seen *seen, const uint8_t proof[FL_GUARD_SEEN_KEY_SIZE], int64_t now_s);
void fl_guard_seen_deinit(struct fl_guard_seen *seen); /* repeatable; a zeroed one is valid */
