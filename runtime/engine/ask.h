/* SPDX-License-Identifier: MIT */
/* Asking a model until its answer has the form that is wanted: JSON that satisfies a schema. A reply that does not is
 * given back to it with what is wrong, a few times. For nodes that ask a model. */
#pragma once
#include "runtime/engine/engine.h"

struct fl_ask;

/* 0: `message` is the reply (lent), `answer` what it says (lent; NULL when it asks for tools, or nothing was asked
 * for). Negative: the failure is recorded in the task already. */
typedef void fl_ask_done_fn(struct fl_task *task, int status, struct fl_value *message, struct fl_value *answer);

struct fl_ask_options {
  const char *model;             /* NULL: the only one */
  const char *system;            /* NULL: none; copied */
  const char *channel;           /* of messages; NULL: `messages` */
  struct fl_value *messages;     /* an array; borrowed */
  const struct fl_value *tools;  /* patterns; NULL: none */
  const struct fl_value *schema; /* of the answer; NULL: any text will do */
  int attempts;                  /* how often it may be tried; 0: 2 */
  fl_ask_done_fn *on_done;
};

/* Asks; on_done comes once, while the task is pending. Freed with the task. At most one at a time in a task. Returns 0,
 * or a negative code that is recorded in the task: then on_done does not come. */
int fl_ask_start(struct fl_task *task, struct fl_ask **place, const struct fl_ask_options *options);
void fl_ask_destroy(struct fl_ask *ask); /* NULL allowed; when its call has ended */

/* The JSON of a reply: its whole text, or the only block of code in it that is marked as such. A new reference. Returns
 * 0, or FL_E_SYNTAX with what the model is to be told. Pure. */
int fl_reply_json(const struct fl_value *message, struct fl_value **ret_value, struct fl_error *err);

/* The text of a reply; freed with fl_free. Pure. */
char *fl_reply_text(const struct fl_value *message);
