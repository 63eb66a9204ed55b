/* SPDX-License-Identifier: MIT */
/* Tables that fit the terminal. The columns of a table say what may be done to them when there is too little room:
 * first those that may go are left out, one after the other, then the last column is cut. An id is never cut: it is
 * there to be copied. Where nobody knows how wide the reader is (a pipe, a file) everything is shown. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { FL_TABLE_COLUMNS_MAX = 8, FL_TABLE_WIDE = 1 << 20 };

struct fl_column {
  const char *name;
  int leaves;    /* 0: it stays; of the others the one with the highest number goes first */
  int width_min; /* of the last column, in characters: with less room for it, columns leave */
  bool is_number; /* stands at the right */
};

struct fl_table {
  const struct fl_column *columns;
  size_t column_count, row_count, row_room;
  char **cells; /* owned; row after row */
};

/* The columns are lent for the table's life. */
void fl_table_init(struct fl_table *table, const struct fl_column *columns, size_t column_count);
void fl_table_deinit(struct fl_table *table);
/* Adds a row: as many texts as there are columns, copied, with what a terminal would obey made visible. */
void fl_table_add(struct fl_table *table, const char *const *cells);
/* Prints the names and the rows, `width` characters wide at most where that can be done; nothing without rows. */
void fl_table_print(const struct fl_table *table, FILE *out, int width);
