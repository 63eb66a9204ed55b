/* SPDX-License-Identifier: MIT */
/* A call that a person must decide about: the question, and what the answers mean. */
#pragma once
#include "runtime/engine/engine.h"

/* 1: a person has approved this very call. 0: it waits for an answer, or was rejected and has ended. -1: the answer has
 * edited its arguments, and it is to be decided about anew. *ret_answer, when there was one, is lent by the task. */
int fl_approval_ask(struct fl_task_call *call, const struct fl_decision *decision, const struct fl_value **ret_answer);

/* The answer of a resume as it goes to the run: whoever answers an approval is noted in it, by the caller's word and
 * not by the answer's own. A new reference. */
struct fl_value *fl_approval_sign(struct fl_value *resume, const struct fl_invoke_options *options);
