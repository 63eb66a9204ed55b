/* SPDX-License-Identifier: MIT */
/* From rows to values: what every kind of store does the same way once it has found its rows. Reads through a source
 * that finds one row at a time; a chain of deltas is walked from its newest row to the one it rests on, and its
 * elements stay text. Whatever does not fit is FL_E_CORRUPT with thread and row. */
#pragma once
#include "runtime/store/store.h"

struct fl_value_row {
  uint64_t no, parent_no;
  enum fl_body_kind kind;
  uint64_t count, labels;
  fl_slice body; /* lent until the next call */
};

struct fl_row_source {
  const char *thread;
  /* The row with number `no`. Asked in falling order along a chain. FL_E_NOT_FOUND when there is none. */
  int (*find_value)(struct fl_row_source *source, uint64_t no, struct fl_value_row *ret_row, struct fl_error *err);
};

/* Channels of a checkpoint whose body stands in `loaded`. */
int fl_assemble_channels(struct fl_row_source *source, struct fl_loaded *loaded, struct fl_error *err);

/* The list that value `no` of a channel stands for, as one JSON array. FL_E_CORRUPT when it is no list. */
int fl_assemble_list_text(struct fl_row_source *source, const char *channel, uint64_t no, struct fl_buf *text,
                          struct fl_error *err);

/* Grow by one cleared item, in any order; fl_loaded_sort orders them by task, then index. */
struct fl_loaded_write *fl_loaded_add_write(struct fl_loaded *loaded);
struct fl_loaded_call *fl_loaded_add_call(struct fl_loaded *loaded);
void fl_loaded_sort(struct fl_loaded *loaded);

/* Which row it is, for errors: "thread T: WHAT NO is damaged". */
struct fl_row_name {
  const char *thread, *what;
  uint64_t no;
};

/* Stored text to value; an empty text is null. The error says which row. */
int fl_assemble_value(const struct fl_row_name *row, fl_slice text, struct fl_value **ret_value, struct fl_error *err);
