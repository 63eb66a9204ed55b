/* SPDX-License-Identifier: MIT */
/* The canonical message being put together from what a provider said: parts, tool calls, why it stopped, what it cost.
 * Every wire format ends here, so that the rules about what may be executed stand in one place. Pure.
 *
 * Invariants. (1) A call in "tool_calls" has a name, an id that no other call of the message has, and arguments that
 * are a whole JSON object. (2) A message that was cut off (stop reason "length") or refused has no tool calls, only
 * invalid ones. */
#pragma once
#include "runtime/base/slice.h"

#include <fairlead/value.h>

enum { FL_ANSWER_PART_COUNT_MAX = 4096, FL_ANSWER_CALL_COUNT_MAX = 512 };

/* Tokens; -1: the provider did not say. input_tokens counts all of the input, cached or not. */
struct fl_usage {
  int64_t input_tokens, output_tokens, cached_tokens, cache_write_tokens, reasoning_tokens;
};
#define FL_USAGE_UNKNOWN ((struct fl_usage){-1, -1, -1, -1, -1})

struct fl_answer_call {
  const char *id;         /* NULL or "": one is made up from the place of the call */
  const char *name;       /* NULL or "": the call is invalid */
  fl_slice args;          /* JSON text; empty stands for {} */
  struct fl_value *extra; /* members that go back to the provider with the call; NULL: none */
};

struct fl_answer {
  struct fl_value *parts; /* canonical content parts */
  struct fl_value *calls; /* canonical, valid ones */
  struct fl_value *invalid_calls;
  const char *stop_reason; /* canonical; NULL: the provider did not say */
  char *model;             /* as the provider names it; NULL */
  struct fl_usage usage;
};

void fl_answer_init(struct fl_answer *answer);
void fl_answer_deinit(struct fl_answer *answer); /* repeatable */

void fl_answer_set_model(struct fl_answer *answer, const char *model); /* the first one that is not empty counts */
void fl_answer_add_text(struct fl_answer *answer, fl_slice text);      /* nothing for an empty text */
/* {"type":"reasoning","text"} with the members of `extra` (taken; may be NULL). */
void fl_answer_add_reasoning_take(struct fl_answer *answer, fl_slice text, struct fl_value *extra);
/* {"type":"provider","provider","value"} */
void fl_answer_add_provider_take(struct fl_answer *answer, const char *provider, struct fl_value *value);
void fl_answer_add_call(struct fl_answer *answer, const struct fl_answer_call *call);

/* The message, a new reference; the answer keeps nothing of it. `model` is used when the provider named none. */
struct fl_value *fl_answer_finish(struct fl_answer *answer, const char *model);
