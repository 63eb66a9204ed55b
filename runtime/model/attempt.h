/* SPDX-License-Identifier: MIT */
/* A model call in flight, as client.c drives it: tries, one after the other, each run by a way to the model
 * (attempt_http.c, scripted.c). All in the loop's thread.
 *
 * Happy path: start the try; deltas; fl_attempt_ended with the message; on_done.
 * Failure modes: the try ends with an error; when another one may help and is left, on_retry and a wait; cancel in any
 * state.
 *
 * Invariants. (1) A way to the model calls fl_attempt_ended exactly once for each start, and never from inside start or
 * cancel. (2) After it, nothing of the try is under way. (3) on_done comes once, last, never from inside
 * fl_model_call_start or _cancel. */
#pragma once
#include "runtime/model/model.h"

struct fl_attempt;

struct fl_attempt_way {
  int (*open)(struct fl_attempt *attempt,
              struct fl_error *err);          /* once per call: the request; an error ends the call */
  void (*start)(struct fl_attempt *attempt);  /* each try */
  void (*cancel)(struct fl_attempt *attempt); /* during a try: it ends soon */
  void (*close)(struct fl_attempt *attempt);  /* once, after open, also when that failed */
};
extern const struct fl_attempt_way fl_attempt_way_http;
extern const struct fl_attempt_way fl_attempt_way_script;

enum fl_attempt_state { FL_ATTEMPT_FAILED_EARLY, FL_ATTEMPT_TRYING, FL_ATTEMPT_WAITING };

struct fl_attempt {
  struct fl_world *world;
  struct fl_model_call *call;
  const struct fl_attempt_way *way;
  void *own; /* of the way */
  enum fl_attempt_state state;
  unsigned number; /* of the try, from 1 */
  unsigned retries_left;
  bool is_cancelled;
  struct fl_known_stream *shown; /* of the deltas of one kind, once secrets are known; NULL: none */
  const char *shown_kind;
  struct fl_timer timer; /* until the next try, or until on_done */
  int early_code;        /* of open, or of a cancel during the wait */
  struct fl_error early_error;
};

/* How a try ended. `message` is taken (NULL unless code is 0). */
struct fl_attempt_end {
  int code;
  struct fl_value *message;
  const struct fl_error *err;
  bool may_retry;
  int64_t retry_after_ms; /* -1: not said */
};
void fl_attempt_ended(struct fl_attempt *attempt, const struct fl_attempt_end *end);

/* A delta, unless the call was cancelled. */
void fl_attempt_delta(struct fl_attempt *attempt, const char *kind, fl_slice text);

/* "openai" or "scripted": for error texts. */
const char *fl_attempt_provider(const struct fl_attempt *attempt);
