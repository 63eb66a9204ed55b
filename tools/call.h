/* SPDX-License-Identifier: MIT */
/* Calls of C tools: the one implementation of `struct fl_call`, for the MCP server and the local source.
 *
 * Invariants. (1) A handler runs on the pool (one that says FL_TOOL_QUICK: on the loop, at
 * its start); handlers without FL_TOOL_PARALLEL run one at a time per runner, in the order of
 * their start. (2) on_done comes on the loop, once, and never from inside fl_call_start or fl_call_cancel. (3) A call
 * that was cancelled or timed out is done for its caller at once; the object lives until its handler has really ended,
 * because the handler still holds it. (4) What other threads send (progress, log, completion) crosses over in one
 * lock-free list that the loop empties; progress is folded to the newest, so a handler cannot fill the memory with it.
 */
#pragma once
#include "runtime/io/world.h"
#include "tools/toolset.h"

struct fl_call;
struct fl_call_node;

struct fl_call_runner {
  struct fl_world *world;
  struct fl_call *waiting_first, *waiting_last; /* serialised calls that have not started */
  struct fl_call *serial;                       /* the serialised call whose handler runs */
  struct fl_call *quick_first, *quick_last;     /* quick calls whose handlers have run */
  struct fl_call *all;                          /* every call that lives */
  bool delivers_quick; /* set by a driver that calls fl_call_deliver_quick after each round of starts; saves a post */
  bool is_quick_posted;
  struct fl_post quick_post;
  size_t live_count;                              /* including those that are done for their callers */
  void (*on_idle)(struct fl_call_runner *runner); /* set by fl_call_runner_close */
  void *user;
  bool is_idle_posted;
  struct fl_post idle_post;
  _Atomic(struct fl_call_node *) inbox; /* newest first */
  _Atomic(bool) is_posted;
  _Atomic(unsigned) sender_count; /* threads between "put into the inbox" and "told the loop" */
  struct fl_post post;
};

enum { FL_CALL_FAILED = 3 /* a status of on_done */, FL_CALL_MISSING_CAPABILITY = -32021 };

struct fl_call_options {
  const struct fl_tool_def *def;
  struct fl_value *args;                      /* borrowed; NULL: {} */
  const char *id;                             /* idempotency key; copied; NULL: "" */
  const char *traceparent, *tracestate;       /* of the caller's trace, unchecked; lent until on_done; NULL: none */
  uint32_t idle_timeout_ms;                   /* without progress; 0: none */
  uint32_t total_timeout_ms;                  /* 0: none */
  struct fl_value *answers, *state;           /* of an earlier entry; borrowed; may be NULL */
  const struct fl_value *client_capabilities; /* lent until on_done; NULL: nothing can be asked */
  const char *principal, *task_id;            /* copied; NULL: "" */
  /* A result may come plain, which costs no tree of values: a string, which is its text, or a number n, which is the
   * structured content {"result": n} and its text (fl_json_format_double). */
  bool takes_plain;
  bool knows_failures; /* a client that cannot be asked is a failure, rather than an error for the model */
  /* status 0, and `result` as MCP has it (lent); FL_CALL_ASKING, and {"requests", "state"}; FL_CALL_FAILED, and
   * {"code", "message"} and, when a client lacks what it takes, "missing"; or FL_E_CANCELLED, FL_E_TIMEOUT. `started`:
   * the handler was entered. */
  void (*on_done)(struct fl_call *call, int status, struct fl_value *result, bool started);
  void (*on_progress)(struct fl_call *call, double done, double total, const char *message); /* NULL: not wanted */
  void (*on_log)(struct fl_call *call, const char *level, const char *text);                 /* NULL: not wanted */
  void (*on_task)(struct fl_call *call);         /* it wants to be a task; may be NULL */
  void (*on_close_stream)(struct fl_call *call); /* may be NULL */
  void *user;
};

void fl_call_runner_init(struct fl_call_runner *runner, struct fl_world *world);
/* Cancels every call; on_idle comes (posted) when the last handler has ended. */
void fl_call_runner_close(struct fl_call_runner *runner, void (*on_idle)(struct fl_call_runner *runner), void *user);

/* Reports the quick calls that have ended since; see delivers_quick. */
void fl_call_deliver_quick(struct fl_call_runner *runner);

struct fl_call *fl_call_start(struct fl_call_runner *runner, const struct fl_call_options *options);
/* On the loop: `on_cancel` comes, once at most, when the call is cancelled or out of time while its handler is at work,
 * from inside of what ends it. For handlers that live on the loop and wait. NULL: not any more. */
void fl_call_watch(struct fl_call *call, void (*on_cancel)(void *user), void *user);
void fl_call_cancel(struct fl_call *call); /* before on_done only; on_done(FL_E_CANCELLED) follows */
void *fl_call_user(const struct fl_call *call);
const char *fl_call_traceparent(const struct fl_call *call); /* as its options have them */
const char *fl_call_tracestate(const struct fl_call *call);
const struct fl_tool_def *fl_call_def(const struct fl_call *call);
