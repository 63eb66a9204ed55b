/* SPDX-License-Identifier: MIT */
/* The local source: C functions of this process, or of a plugin, as a tool source. Handlers run on the pool. */
#pragma once
#include "tools/source.h"
#include "tools/toolset.h"

/* Takes what `set` holds and leaves it empty. */
struct fl_tool_source *fl_tool_source_local_take(struct fl_world *world, const char *name, struct fl_tool_set *set);
