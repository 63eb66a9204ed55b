/* SPDX-License-Identifier: MIT */
/* The tools that ship with fairlead. They see the public headers only, like anybody's. */
#pragma once
#include <fairlead/tools.h>

extern const struct fl_tool fl_builtin_tools[];
extern const size_t fl_builtin_tool_count;

fl_tool_fn fl_builtin_calculator, fl_builtin_time;
