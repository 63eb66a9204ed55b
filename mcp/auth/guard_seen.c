/* SPDX-License-Identifier: MIT */
#include "mcp/auth/guard_seen.h"

static void turn(struct fl_guard_seen *seen, int64_t now_s) {
  int64_t age_s = now_s - seen->since_s;
  if (seen->has_begun && age_s < FL_GUARD_SEEN_S) return;
  fl_map_deinit(&seen->before);
  if (seen->has_begun && age_s < 2 * FL_GUARD_SEEN_S) {
    seen->before = seen->now;
    seen->now = (struct fl_map){0};
  } else {
    fl_map_deinit(&seen->now);
  }
  fl_map_init(&seen->now);
  seen->since_s = now_s;
  seen->has_begun = true;
}

int fl_guard_seen_add(struct fl_guard_seen *seen, const uint8_t proof[FL_GUARD_SEEN_KEY_SIZE], int64_t now_s) {
  static char mark;
  fl_slice key = fl_slice_n((const char *)proof, FL_GUARD_SEEN_KEY_SIZE);
  turn(seen, now_s);
  if (fl_map_get_n(&seen->now, key) != NULL || fl_map_get_n(&seen->before, key) != NULL) return FL_E_EXISTS;
  if (seen->now.count >= FL_GUARD_SEEN_MAX) return FL_E_LIMIT;
  fl_map_set_n(&seen->now, key, &mark);
  return 0;
}

void fl_guard_seen_deinit(struct fl_guard_seen *seen) {
  fl_map_deinit(&seen->now);
  fl_map_deinit(&seen->before);
  *seen = (struct fl_guard_seen){0};
}
