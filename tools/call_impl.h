/* SPDX-License-Identifier: MIT */
/* Inside of a call; for call.c (life cycle, on the loop) and call_api.c (what handlers use, from any thread) alone. */
#pragma once
#include "tools/call.h"

#include <stdatomic.h>

enum fl_call_node_kind {
  FL_NODE_PROGRESS,
  FL_NODE_LOG,
  FL_NODE_COMPLETE,
  FL_NODE_CANCEL,
  FL_NODE_TASK,
  FL_NODE_STREAM
};
enum { FL_CALL_LOGS_WAITING_MAX = 256, FL_CALL_LOG_TEXT_MAX = 64 * 1024 };

struct fl_call_node {
  struct fl_call_node *next;
  struct fl_call *call;
  enum fl_call_node_kind kind;
};

struct fl_call_progress_note {
  double done, total;
  char *message;
};

struct fl_call_log_note {
  struct fl_call_node node;
  const char *level;
  char *text;
};

struct fl_call {
  struct fl_call_options options; /* `args` holds a reference */
  struct fl_call_runner *runner;
  const char *id, *principal, *task_id; /* owned unless "" */
  struct fl_call *next_waiting;
  struct fl_call *previous, *next; /* in runner->all */

  /* the loop's */
  bool is_started, has_ended, is_pending, is_complete, is_done, is_cancel_posted;
  int64_t start_ms, activity_ms;
  struct fl_timer timer;
  struct fl_work work;
  void (*on_cancel)(void *user); /* see fl_call_watch */
  void *watch_user;

  /* the handler's, handed over by work.on_done or by the completion */
  int returned;
  struct fl_value *result;  /* may be plain: see `takes_plain` of the options */
  struct fl_value *asks;    /* what was asked and is not answered, by key; NULL: nothing */
  struct fl_value *state;   /* what the handler keeps; NULL: what it had */
  struct fl_value *failure; /* an error of the protocol */
  struct fl_value *missing; /* what the client would need for what was asked */

  /* shared */
  _Atomic(bool) is_cancelled;
  _Atomic(bool) is_completed;
  _Atomic(bool) is_task_wanted, is_stream_closed;
  _Atomic(struct fl_call_progress_note *) progress;
  _Atomic(unsigned) logs_waiting;
  struct fl_call_node progress_node, complete_node, cancel_node, task_node, stream_node;
};

/* From any thread. The node stays the call's (or the loop frees it: log notes). */
void fl_call_send(struct fl_call *call, struct fl_call_node *node);
/* How it ended: 0, FL_CALL_ASKING or FL_CALL_FAILED; then *ret_result is a new reference to what on_done gets. */
int fl_call_outcome(const struct fl_call *call, struct fl_value **ret_result);
/* The result that is a text. */
struct fl_value *fl_call_result_of_text_take(struct fl_value *text);
/* A result as MCP has it, of one that may be plain; NULL stays NULL. */
struct fl_value *fl_call_whole_result_take(struct fl_value *result);
/* It asks, or failed: there is no result to check. `returned`: what the handler returned. */
bool fl_call_has_other_end(struct fl_call *call, int returned);
/* Checks the result against the tool's promise; a result that breaks it, or none, becomes an error for the model.
 * `returned` is what the handler returned. */
void fl_call_check_result(struct fl_call *call, int returned);
void fl_call_progress_note_destroy(struct fl_call_progress_note *note);
