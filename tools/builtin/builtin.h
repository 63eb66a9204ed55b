/* SPDX-License-Identifier: MIT */
#pragma once
#include <fairlead/tools.h>
extern const struct fl_tool fl_builtin_tools[];
extern const size_t fl_builtin_tool_count;
