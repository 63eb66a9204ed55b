/* SPDX-License-Identifier: MIT */
/* A tool server for the simulated world: a program that speaks MCP (initialize, tools/list, tools/call) by a few lines
 * of its own, independent of ours, with delays drawn by the world, and that notes each call outside of everything that
 * can crash. */
#pragma once
#include "runtime/io/world_sim.h"

enum { SIM_CALLS_MAX = 64 };

struct sim_tools {
  uint32_t mark; /* 0 */
  struct {
    char key[64];
    int begun, ended;
  } calls[SIM_CALLS_MAX];
  int call_count;
  uint32_t delay_ms; /* of each answer; 0: at once */
};

/* The program "math-tools" with add and multiply. `tools` outlives the worlds. */
void sim_tools_install(struct fl_world *world, struct sim_tools *tools);
/* How often a call began, over all worlds: "add 1 2". */
int sim_tools_begun(const struct sim_tools *tools, const char *key);
