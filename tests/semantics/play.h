/* SPDX-License-Identifier: MIT */
/* Plays one case (README.md) on the thread "t" of a fresh runtime in the simulated world. */
#pragma once
#include "tests/semantics/trace.h"

struct play {
  struct rig rig;
  struct trace trace;
  struct fl_definition *definition;
  struct fl_value *last; /* what the last step came to */
  struct fl_error error; /* what the last step said when it failed; code 0: it did not */
};

/* Loads the graph of the case; to be ended in any case. A negative error when the file is refused. */
int play_begin(struct play *play, const struct fl_value *test, struct fl_error *err);
/* Does a step; what it came to, a new object. */
struct fl_value *play_step(struct play *play, const struct fl_value *step);
void play_end(struct play *play);
