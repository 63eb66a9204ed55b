/* SPDX-License-Identifier: MIT */
/* What one `fairlead run` holds: the runtime, the graph, the thread, who follows, and Ctrl-C. */
#pragma once
#include "runtime/cli/follow.h"
#include "runtime/io/world.h"

struct fl_session {
  const struct fl_args *args;
  struct fl_runtime *runtime;
  struct fl_definition *definition;
  struct fl_follower follower;
  char *file;               /* of the graph */
  char *thread;             /* NULL: a new one for each run */
  struct fl_value *context; /* of its runs; NULL: none was given */
  enum fl_durability durability;
  enum fl_on_busy on_busy;
  const char *stops_before[17], *stops_after[17]; /* NULL-terminated */
  struct fl_signal on_int, on_term, on_stop;
  struct fl_invocation *invocation; /* under way */
  bool is_chat;                     /* the one who answers sits at the prompt */
  bool is_over, was_cancelled;
  struct fl_invoke_result result;
  struct fl_error error;
};

/* 0, or an exit code after a message. */
int fl_session_open(struct fl_session *session, const struct fl_args *args);
/* On a thread that is there, with the graph file that it was run with last, or --graph. */
int fl_session_open_thread(struct fl_session *session, const struct fl_args *args, const char *thread);
void fl_session_close(struct fl_session *session);

/* Runs and shows; Ctrl-C cancels. Fills in model, limits and follower. Returns the exit code; the caller deinits the
 * result. */
int fl_session_invoke(struct fl_session *session, struct fl_invoke_options *options,
                      struct fl_invoke_result *ret_result);

/* Stops the process, for Ctrl-Z: no other process may wait for the lock of a stopped one, so the batch under way is
 * finished first. Returns when it goes on. */
void fl_session_stop(struct fl_session *session);

bool fl_session_has_messages(const struct fl_session *session);
struct fl_value *fl_session_user_message(const char *text); /* {"messages":[{"role":"user","content":TEXT}]} */

/* The thread as fl_run_describe tells it, NULL when there is none. */
struct fl_value *fl_session_describe(struct fl_session *session);
/* Whether the thread's last run ended by waiting for a person. */
bool fl_session_is_interrupted(struct fl_session *session);
/* Whether the thread stands in the middle of a turn that this very input began. */
bool fl_session_is_unfinished(struct fl_session *session, const struct fl_value *input);
/* Whether an answer is a map from ids of interrupts to answers: an object whose members all have the form of such ids.
 * An id that nobody asks under is then refused, and not taken for a part of an answer. */
bool fl_session_are_interrupt_ids(const struct fl_value *answers);
