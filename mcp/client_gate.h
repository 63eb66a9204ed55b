/* SPDX-License-Identifier: MIT */
/* How many calls a server gets: so many in a time, so many at once. Pure. */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { FL_MCP_RATE_MAX = 10000 };

struct fl_mcp_gate {
  int64_t rate, per_ms; /* calls in so many milliseconds; 0: any number */
  int64_t concurrent;   /* calls at a time; 0: any number */
  int64_t *times;       /* a ring of the last `rate` beginnings */
  size_t next;
  size_t running;
};

void fl_mcp_gate_init(struct fl_mcp_gate *gate, int64_t rate, int64_t per_ms, int64_t concurrent);
void fl_mcp_gate_deinit(struct fl_mcp_gate *gate);

/* Milliseconds until one more call may be made; 0: now, and it counts as made. */
int64_t fl_mcp_gate_take(struct fl_mcp_gate *gate, int64_t now_ms);
static inline int fl_mcp_gate_has_room(const struct fl_mcp_gate *gate) {
  return gate->concurrent == 0 || gate->running < (size_t)gate->concurrent;
}
