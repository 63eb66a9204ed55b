/* SPDX-License-Identifier: MIT */
/* What cases look at beside a run's end (README.md): the streams in full, states, and the history. */
#pragma once
#include <fairlead/runtime.h>

/* The mode by its name, as a bit of enum fl_follow; 0 when there is none. */
unsigned look_mode(const char *name);
/* [MODE, DATA], with the node's path in front of DATA for an event from inside a graph; without ids, times and what
 * else no two implementations share. NULL: the event is not compared. A new array. */
struct fl_value *look_event(const struct fl_run_event *event);

/* {"values","next","step","source","tasks"} of the thread "t" at a checkpoint (NULL: where it stands). */
struct fl_value *look_state(struct fl_runtime *runtime, struct fl_definition *definition, const char *checkpoint,
                            bool with_subgraphs);
/* [[SOURCE, STEP, [NEXT…], VALUES]…], newest first. `query`: {"limit","source"}, all of them optional. */
struct fl_value *look_history(struct fl_runtime *runtime, struct fl_definition *definition,
                              const struct fl_value *query, const char *before);
