/* SPDX-License-Identifier: MIT */
#include "mcp/proto/level.h"

#include <stddef.h>
#include <string.h>

static const char *const LEVELS[] = {"debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"};
enum { LEVEL_COUNT = sizeof LEVELS / sizeof LEVELS[0], LEVEL_INFO = 1 };

int fl_mcp_level_rank(const char *level) {
  for (int rank = 0; level != NULL && rank < LEVEL_COUNT; rank++)
    if (strcmp(level, LEVELS[rank]) == 0) return rank;
  return -1;
}

const char *fl_mcp_level_name(int rank) { return LEVELS[rank >= 0 && rank < LEVEL_COUNT ? rank : LEVEL_INFO]; }
