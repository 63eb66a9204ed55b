/* SPDX-License-Identifier: MIT */
/* Large results of tools: what is above a node's cap (`spill_above`) is kept beside the threads, in the memory under
 * ["results", thread], and the model gets its beginning, a link, and the tool read_result, which reads on and finds
 * lines in it. The whole is kept before the message that refers to it is written.
 *
 * Failure mode: it cannot be kept (the disk is full, say): the model gets the beginning and hears that there is no more
 * of it. */
#pragma once
#include "runtime/engine/engine.h"

enum {
  FL_SPILL_ABOVE_DEFAULT = 64 * 1024, /* bytes */
  FL_SPILL_HEAD_SIZE = 4000,
  FL_SPILL_SLICE_DEFAULT = 8000,
  FL_SPILL_SLICE_MAX = 64000,
};

typedef void fl_spill_fn(struct fl_task *task, size_t index, struct fl_value *content, bool is_error); /* takes it */

/* Whether the content of a message is above the task's cap. */
bool fl_spill_is_due(const struct fl_task *task, const struct fl_value *content);
/* Keeps the content of the index-th result of the task; on_done comes later, once, with what the model gets. */
void fl_spill_keep(struct fl_task *task, size_t index, struct fl_value *content, fl_spill_fn *on_done);

/* Whether a call of a model is for read_result. */
bool fl_spill_is_read(const struct fl_value *call);
/* Answers such a call later, once. */
void fl_spill_read(struct fl_task *task, size_t index, const struct fl_value *call, fl_spill_fn *on_done);

/* Adds read_result to the definitions when results of the task's thread are kept. */
void fl_spill_add_tool(struct fl_task *task, struct fl_value *definitions);

/* Pure: a piece of a text from `offset`, whole characters, at most `size` bytes, with where it stands; and the lines
 * that have `words`, with their offsets. */
struct fl_value *fl_spill_slice(fl_slice text, int64_t offset, int64_t size);
struct fl_value *fl_spill_lines(fl_slice text, const char *words);
