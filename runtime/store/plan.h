/* SPDX-License-Identifier: MIT */
/* Which rows of a thread may go: the decision behind pruning, going back and importing, as a pure function over the
 * numbers of its rows. Private to this folder.
 *
 * Fill with every checkpoint and every value in the order of their numbers, decide once, read is_kept and is_rebased. A
 * value that is to be rebased is a list: it takes the place of all rows below it, which are not kept. */
#pragma once
#include "runtime/base/buf.h"
#include "runtime/store/upkeep.h"

enum { FL_ROW_OVERHEAD = 64 }; /* bytes of a row besides its text: measured over a long thread */

struct fl_plan_checkpoint {
  uint64_t no;
  int64_t wall_ms;
  bool is_sub, is_lasting; /* lasting: of a subgraph that has one history for the whole thread */
  bool is_kept;
  uint64_t owner_no; /* of a subgraph's: the root checkpoint whose superstep made it */
  uint64_t *value_nos, *child_nos;
  size_t value_count, child_count, size;
  char *ns;
};

struct fl_plan_value {
  uint64_t no, parent_no;
  enum fl_body_kind kind;
  uint64_t size;
  bool is_kept, is_rebased, is_shown;
  uint32_t child_count; /* kept rows that build on it */
};

struct fl_plan {
  const char *thread; /* for errors; lent */
  struct fl_plan_checkpoint *checkpoints;
  size_t checkpoint_count, checkpoint_capacity;
  struct fl_plan_value *values;
  size_t value_count, value_capacity;
  uint64_t dropped_count, dropped_bytes; /* checkpoints that go; the bytes of all rows that go */
};

/* FL_E_CORRUPT when the body is not a checkpoint's. */
int fl_plan_add_checkpoint(struct fl_plan *plan, const struct fl_record *checkpoint, struct fl_error *err);
void fl_plan_add_value(struct fl_plan *plan, const struct fl_plan_value *value);

/* False when less than prune->slack checkpoints would go: then nothing may be done. */
bool fl_plan_prune(struct fl_plan *plan, const struct fl_prune *prune);
/* Whether writing the list of a value that is_rebased anew, in `new_size` bytes, is worth it; then the rows below it
 * are no longer kept. */
bool fl_plan_rebase(struct fl_plan *plan, struct fl_plan_value *value, uint64_t new_size);
void fl_plan_roll_back(struct fl_plan *plan, uint64_t to_no);
/* Whether all that is built on or shown is there: FL_E_CORRUPT. */
int fl_plan_check(const struct fl_plan *plan, struct fl_error *err);

void fl_plan_deinit(struct fl_plan *plan);
