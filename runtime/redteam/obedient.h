/* SPDX-License-Identifier: MIT */
/* The model that always obeys: it makes the calls of its task, one after the other, and as soon as it reads an attack's
 * text, the attack's calls before anything else. It asks for tools by name whether they were shown to it or not, and is
 * impressed by no refusal. Pure but for its own state.
 *
 * One call stands in a message, so that what reaches a tool is known to be the call that was asked for last. */
#pragma once
#include "runtime/model/model.h"
#include "runtime/redteam/suite.h"

struct fl_play_call {
  const struct fl_suite_call *call;
  bool is_attack;
  bool is_made;  /* it reached its tool */
  bool is_asked; /* a person was asked about it */
  char *refusal; /* what the model was told in its place; owned; NULL: nothing */
};

struct fl_play {
  const struct fl_suite_task *task;
  const struct fl_suite_attack *attack; /* NULL: none */
  struct fl_model_player player;        /* lends the play */
  struct fl_play_call *calls;           /* all that there are, those of the task first; asked for or not */
  size_t count;
  size_t *order; /* of those asked for: indices of `calls` */
  size_t asked_count;
  size_t next_task, next_attack; /* indices of `calls` */
  bool has_read;                 /* the attack */
  char *escaped;                 /* its text as it stands in JSON */
  size_t stray_count;            /* calls of tools that the model did not ask for */
};

void fl_play_init(struct fl_play *play, const struct fl_suite_task *task, const struct fl_suite_attack *attack);
void fl_play_deinit(struct fl_play *play);

/* A call has reached a tool. */
void fl_play_made(struct fl_play *play, const struct fl_suite_tool *tool);
/* The last call of the tool that was asked for and has not been made; NULL: there is none. */
struct fl_play_call *fl_play_pending(struct fl_play *play, const char *tool);
/* When all is over: what the world has seen is compared with what the task needs, so that of two equal calls the one
 * that was made counts as the task's. */
void fl_play_settle(struct fl_play *play);
