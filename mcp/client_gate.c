/* SPDX-License-Identifier: MIT */
#include "mcp/client_gate.h"

#include "runtime/base/mem.h"

void fl_mcp_gate_init(struct fl_mcp_gate *gate, int64_t rate, int64_t per_ms, int64_t concurrent) {
  *gate = (struct fl_mcp_gate){.rate = rate < FL_MCP_RATE_MAX ? rate : FL_MCP_RATE_MAX, .per_ms = per_ms};
  gate->concurrent = concurrent;
  if (gate->rate > 0) gate->times = fl_new_array(int64_t, (size_t)gate->rate);
  for (int64_t i = 0; i < gate->rate; i++) gate->times[i] = INT64_MIN / 2;
}

void fl_mcp_gate_deinit(struct fl_mcp_gate *gate) {
  fl_free(gate->times);
  gate->times = NULL;
}

int64_t fl_mcp_gate_take(struct fl_mcp_gate *gate, int64_t now_ms) {
  if (gate->rate == 0) return 0;
  int64_t oldest_ms = gate->times[gate->next];
  if (now_ms - oldest_ms < gate->per_ms) return gate->per_ms - (now_ms - oldest_ms);
  gate->times[gate->next] = now_ms;
  gate->next = (gate->next + 1) % (size_t)gate->rate;
  return 0;
}
