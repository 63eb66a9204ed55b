/* SPDX-License-Identifier: MIT */
/* A tool call whose server asks a person: it pauses, the task becomes an interrupt, and the call goes on with the
 * answer, in whatever process the thread is resumed.
 *
 * Happy path: the source ends the request with a pause. The pause is the result of the call's place in the journal; its
 * questions are asked one after the other, each by a row at the next place that says which of the task's answers it
 * takes; with all answers there the call leaves again, from the place behind those, with the pause. Each step is on
 * disk before the next is taken, so a run that was killed finds where the call stands by walking its places.
 * Failure modes: an answer that does not fit is asked for again; a call that left with its answers, and of which no
 * more is known, is one whose outcome is unknown, as everywhere (a task excepted, which is taken up again); so is one
 * that its source no longer holds, and there the answers are kept for a repetition; a server that says that it does not
 * know any more what it asked (a state that has run out, or that another process sealed) is called from the beginning,
 * and finds the answers.
 *
 * Invariant. An answer belongs to the question that the interrupt showed, whatever order calls come to ask in: the row
 * that claims it is on disk with the interrupt, and nobody else takes an answer that is claimed. */
#pragma once
#include "runtime/engine/engine.h"

/* on_pause of a tool's request. The call has then: `pause`, which it goes on with (NULL: it is made from its
 * beginning); `answers`, {key of a question: result} so far; `kept`, [{"question", "answer"}] of all that was answered;
 * `known`, what is left of that from before it began again. */
void fl_elicit_pause(struct fl_task_call *call, const struct fl_value *pause);

/* Whether a row of the journal is a step of this, and not how a call ended. */
bool fl_elicit_is_step(const struct fl_loaded_call *found);
/* The call as of this step: true: look at the next place. False: its question is open, and it waits. */
bool fl_elicit_take(struct fl_task_call *call, const struct fl_loaded_call *found);
/* At a place that the journal does not know: true: a question is open, and the call waits. */
bool fl_elicit_waits(struct fl_task_call *call);

/* Whether the pause is gone with the connection or the process that held it. */
bool fl_elicit_is_lost(const struct fl_task_call *call);
/* Whether it may leave again without harm. */
bool fl_elicit_is_repeatable(const struct fl_task_call *call);
/* The call is made from its beginning; what was answered is kept for the same questions. */
void fl_elicit_start_over(struct fl_task_call *call);
void fl_elicit_forget(struct fl_task_call *call); /* and nothing is kept; repeatable */

/* The server does not know the call any more that paused: it is begun again, with what was answered. False: it ends. */
bool fl_elicit_begin_again(struct fl_task_call *call);

/* What the request that leaves now says of it. */
void fl_elicit_fill(struct fl_task_call *call, struct fl_tool_request *request);

/* The task is about to wait: its question is one that is claimed already, or else the first that is open, unless it has
 * one. Adds the claim to the task's results. */
void fl_elicit_ask(struct fl_task *task);

/* The place of the count-th answer (from 0) that no question of this kind has claimed. */
size_t fl_elicit_unclaimed(const struct fl_task *task, size_t count);

/* ---- the places of a call in the journal: calls.c, past.c, unknown.c ---- */

void fl_call_next_place(struct fl_task_call *call); /* of the journal: the same call, one step on */
void fl_call_made_anew(struct fl_task_call *call);  /* the same, as a call that the tool has not seen */
/* A step at its place, which is not its end: journalled with the results of the task. */
void fl_call_record_step(struct fl_task_call *call, const struct fl_value *step);
/* unknown.c: the call left and nobody knows more. Each attempt takes one answer of the task that says something, also
 * when the task runs again. Returns whether there is another attempt to look at. */
bool fl_call_ask_about_unknown(struct fl_task_call *call);
/* A step of a call that goes on, for an attempt of the task that follows. */
void fl_task_past_add(struct fl_task_call *call, struct fl_value *step);
/* Whether the other side said what came of the call, so that it is known to have failed. */
bool fl_call_was_answered(const struct fl_loaded_call *found);
