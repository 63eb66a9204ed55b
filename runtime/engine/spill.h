/* SPDX-License-Identifier: MIT */
/* Results of tools that a model does not get whole: text above a node's cap (`spill_above`), and what is neither text
 * nor an image that models see (shown.h), is kept beside the threads, in the memory under ["results", thread]. The
 * model gets the beginning of the text or a note, a link, and the tool read_result, which reads on and finds lines. All
 * of it is kept before the message that refers to it is written.
 *
 * Failure mode: it cannot be kept (the disk is full, say): the model gets the beginning and hears that there is no more
 * of it. */
#pragma once
#include "runtime/engine/engine.h"

#include <fairlead/memory.h>

enum {
  FL_SPILL_ABOVE_DEFAULT = 64 * 1024, /* bytes */
  FL_SPILL_SLICE_DEFAULT = 8000,
  FL_SPILL_SLICE_MAX = 64000,
};

typedef void fl_spill_fn(struct fl_task *task, size_t index, struct fl_value *content, bool is_error); /* takes it */

/* Makes the message's content of the index-th result of the task, and keeps what is left out of it. on_done comes once,
 * at once when nothing is left out. */
void fl_spill_show(struct fl_task *task, size_t index, struct fl_value *result, fl_spill_fn *on_done);

/* As fl_memory_put, of a value that may have 64 MiB (memory.c). */
void fl_memory_put_long(struct fl_memory *memory, const struct fl_memory_put *put, fl_memory_fn *on_done, void *user);

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
