/* SPDX-License-Identifier: MIT */
/* Showing a run as it happens: for a person (steps on standard error, the answer on standard output), or as JSON lines.
 */
#pragma once
#include "runtime/cli/cli.h"

#include <fairlead/runtime.h>

struct fl_follower {
  const struct fl_args *args;
  unsigned modes; /* what the user asked to see, enum fl_follow; 0: the ordinary view */
  bool shows_steps;
  bool has_subgraphs; /* what was asked to be seen is asked of subgraphs, too */
  bool streams_text; /* tokens as they come: standard output is a terminal */
  bool is_in_line;   /* tokens were printed and the line is not ended */
  bool is_step_open;
  bool said_scripted;
  struct fl_buf streamed; /* text of the model call under way */
  char call_id[64];
  int64_t attempt;
  bool is_last_streamed; /* the last message was printed as it came */
};

void fl_follower_init(struct fl_follower *follower, const struct fl_args *args, unsigned modes);
void fl_follower_deinit(struct fl_follower *follower);

/* What to ask the runtime for. */
unsigned fl_follower_wants(const struct fl_follower *follower);
void fl_follower_event(const struct fl_run_event *event, void *user);

/* Prints the end: the answer when it was not streamed, what is waited for, or the error. Returns the exit code. `file`
 * is for saying how to go on; NULL in a conversation, which asks by itself. */
int fl_follower_end(struct fl_follower *follower, const char *file, const struct fl_invoke_result *result,
                    const struct fl_error *err);
/* "values,updates" to bits; -1 after a message. */
int fl_follow_modes(const struct fl_args *args, const char *text);
