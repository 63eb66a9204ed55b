/* SPDX-License-Identifier: MIT */
/* Folding: how the writes of a superstep become the next values of channels. A fold starts from the value that a state
 * holds and takes writes one by one, in task order; the state it started from stays as it was. Pure.
 *
 * Invariants. (1) A fold that fails leaves no trace: nothing is in the state before all channels are folded and
 * checked. (2) A list is never copied to append to it; what happened to it is noted as edits, which is what gets
 * stored. */
#pragma once
#include "graph/definition.h"
#include "graph/run.h"

enum fl_list_edit_kind { FL_EDIT_APPEND, FL_EDIT_SET, FL_EDIT_CUT };

struct fl_list_edit {
  enum fl_list_edit_kind kind;
  size_t index;             /* SET, CUT */
  struct fl_value *element; /* APPEND, SET; owned */
};

struct fl_fold {
  size_t channel;
  struct fl_var var;  /* the value so far; owned */
  size_t write_count; /* writes of this superstep */
  const char *writer; /* node that wrote first; lent */
  const void *owner;  /* whose view it was taken from; NULL: folded here */
  uint64_t labels;    /* of its writers */
  bool is_changed;
  bool is_written;     /* somebody wrote it; otherwise it was emptied */
  bool is_overwritten; /* in this superstep: plain values do not count any more */
  bool is_replaced;    /* the list has nothing of the held one: edits are not noted */
  struct fl_list_edit *edits;
  size_t edit_count, edit_capacity;
  size_t dead_size; /* bytes of text of held elements that were cut or replaced */
  /* filled in by checkpoint.c when it makes the record, taken over when the superstep is complete */
  uint64_t value_no;
  size_t live_size, stored_size;
};

struct fl_folds {
  const struct fl_state *base;
  bool measures;   /* keep dead_size, for what will be stored */
  uint64_t labels; /* of what is written next */
  struct fl_fold *items;
  size_t count, capacity;
};

void fl_folds_init(struct fl_folds *folds, const struct fl_state *base, bool measures);
void fl_folds_deinit(struct fl_folds *folds);
struct fl_fold *fl_folds_find(const struct fl_folds *folds, size_t channel); /* NULL when it has no writes */

/* Folds one write into a channel. Errors: FL_E_GRAPH (a second write to a channel that holds one value), FL_E_INVALID.
 */
int fl_folds_write(struct fl_folds *folds, size_t channel, struct fl_value *value, const char *writer,
                   struct fl_error *err);

/* Empties the channels that hold nothing after a superstep which did not write them. */
void fl_folds_fade(struct fl_folds *folds);

/* What a write asks to be put in place of the held value: the V of {"__overwrite__": V} and of {"type":
 * "__overwrite__", "value": V}, lent; NULL: it is a plain value. */
struct fl_value *fl_overwrite_of(const struct fl_value *written);

/* Moves the folds of `view` for channels that have none here yet; `owner` marks them. */
void fl_folds_adopt(struct fl_folds *folds, struct fl_folds *view, const void *owner);

/* From now on the writes count as those of another superstep. */
void fl_folds_next_step(struct fl_folds *folds);

/* Checks what changed against the channels' schemas. The error names channel, node and path. */
int fl_folds_check(const struct fl_folds *folds, struct fl_error *err);

/* ---- state.c ---- */

/* The values at the start of a thread: defaults and empty lists. */
struct fl_state *fl_state_create(struct fl_definition *definition);
/* What a task of a send sees: the members of its argument in place of the channels, and those that are no channels as
 * well. Lists of messages take their normal form, with ids derived from `task_id`. */
struct fl_state *fl_state_create_arg(struct fl_definition *definition, struct fl_value *arg, const char *task_id);
/* Some of the channels, as a node sees them that names its input. */
struct fl_state *fl_state_restrict(const struct fl_state *state, const size_t *channels, size_t count);
struct fl_state *fl_state_clone(const struct fl_state *state);
bool fl_state_is_unshared(const struct fl_state *state);
struct fl_var fl_state_at(const struct fl_state *state, size_t channel); /* lent */
void fl_state_set_take(struct fl_state *state, size_t channel, struct fl_var var);
/* A copy of the state in which the folded channels have their new values. */
struct fl_state *fl_state_with(const struct fl_state *state, const struct fl_folds *folds);
const struct fl_definition *fl_state_definition(const struct fl_state *state);

/* ---- reducer.c: reducers of plain values; `held` NULL: the first value ---- */
int fl_reduce(enum fl_reducer reducer, struct fl_value *held, struct fl_value *written, struct fl_value **ret_value,
              struct fl_error *err);

/* ---- messages.c ---- */

/* What a node may write to a messages channel, as an array of message objects with role and id. Takes a text (a user's
 * message), a message or an array of texts, messages and [role, content] pairs; missing ids are derived from `task_id`
 * and a running index. Errors: FL_E_INVALID. */
int fl_messages_normalise(struct fl_value *written, const char *task_id, size_t *index, struct fl_value **ret_messages,
                          struct fl_error *err);
/* Folds an array made by fl_messages_normalise. Errors: FL_E_NOT_FOUND (removing an id that is not there). */
int fl_messages_fold(struct fl_fold *fold, struct fl_value *messages, bool measures, struct fl_error *err);

/* Edits of a list under fold, for channel.c and messages.c. */
void fl_fold_append(struct fl_fold *fold, struct fl_value *element);
void fl_fold_set(struct fl_fold *fold, size_t index, struct fl_value *element, bool measures);
void fl_fold_cut(struct fl_fold *fold, size_t index, bool measures);
void fl_fold_clear(struct fl_fold *fold);
