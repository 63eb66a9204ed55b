/* SPDX-License-Identifier: MIT */
#include "runtime/cli/table.h"

#include "runtime/base/check.h"
#include "runtime/base/mem.h"
#include "runtime/cli/cli.h"

#include <stdint.h>
#include <string.h>

enum { GAP = 2 };

void fl_table_init(struct fl_table *table, const struct fl_column *columns, size_t column_count) {
  fl_check(column_count > 0 && column_count <= FL_TABLE_COLUMNS_MAX);
  *table = (struct fl_table){.columns = columns, .column_count = column_count};
}

void fl_table_deinit(struct fl_table *table) {
  for (size_t i = 0; i < table->row_count * table->column_count; i++) fl_free(table->cells[i]);
  fl_free(table->cells);
  *table = (struct fl_table){0};
}

void fl_table_add(struct fl_table *table, const char *const *cells) {
  if (table->row_count == table->row_room) {
    table->row_room = table->row_room > 0 ? table->row_room * 2 : 16;
    table->cells = fl_realloc(table->cells, table->row_room * table->column_count * sizeof *table->cells);
  }
  char **row = table->cells + table->row_count++ * table->column_count;
  for (size_t i = 0; i < table->column_count; i++) row[i] = fl_visible(cells[i], SIZE_MAX);
}

/* ---- what fits ---- */

/* Characters, not bytes; one that is twice as wide counts as one. */
static size_t width_of(const char *text) {
  size_t width = 0;
  for (; *text != '\0'; text++) width += ((unsigned char)*text & 0xc0) != 0x80;
  return width;
}

static void measure(const struct fl_table *table, size_t widths[]) {
  for (size_t i = 0; i < table->column_count; i++) widths[i] = width_of(table->columns[i].name);
  for (size_t i = 0; i < table->row_count * table->column_count; i++) {
    size_t width = width_of(table->cells[i]), *widest = &widths[i % table->column_count];
    if (width > *widest) *widest = width;
  }
}

/* The width that the last column can have; negative when the others alone are too wide. */
static long room_for_last(const struct fl_table *table, const size_t widths[], int width) {
  long room = width;
  for (size_t i = 0; i + 1 < table->column_count; i++)
    if (widths[i] > 0) room -= (long)widths[i] + GAP;
  return room;
}

/* The column that goes next, or -1. */
static ptrdiff_t find_leaver(const struct fl_table *table, const size_t widths[]) {
  ptrdiff_t found = -1;
  for (size_t i = 0; i < table->column_count; i++) {
    bool may_leave = table->columns[i].leaves > 0 && widths[i] > 0;
    if (may_leave && (found < 0 || table->columns[i].leaves > table->columns[found].leaves)) found = (ptrdiff_t)i;
  }
  return found;
}

/* What the last column needs at least. */
static long least_of_last(const struct fl_table *table, size_t wanted) {
  long least = table->columns[table->column_count - 1].width_min;
  return wanted == 0 ? -GAP : least > 0 && least < (long)wanted ? least : (long)wanted;
}

/* Widths of 0 are columns that are left out. */
static void fit(const struct fl_table *table, int width, size_t widths[]) {
  size_t *last = &widths[table->column_count - 1];
  ptrdiff_t leaver = 0;
  measure(table, widths);
  while (room_for_last(table, widths, width) < least_of_last(table, *last) &&
         (leaver = find_leaver(table, widths)) >= 0)
    widths[leaver] = 0;
  long room = room_for_last(table, widths, width), least = least_of_last(table, *last);
  if (room < least) room = least;
  if (room > 0 && (long)*last > room) *last = (size_t)room;
}

/* ---- printing ---- */

static void add_cell(struct fl_buf *line, const char *text, size_t width, bool is_number) {
  size_t wide = width_of(text), size = strlen(text);
  if (line->size > 0) fl_buf_addf(line, "%*s", GAP, "");
  if (is_number && wide < width) fl_buf_addf(line, "%*s", (int)(width - wide), "");
  if (wide > width) {
    size_t kept = 0;
    for (size_t seen = 0; kept < size; kept++)
      if (((unsigned char)text[kept] & 0xc0) != 0x80 && ++seen == width) break;
    fl_buf_add(line, text, kept);
    fl_buf_add_text(line, "…");
    return;
  }
  fl_buf_add(line, text, size);
  if (!is_number && wide < width) fl_buf_addf(line, "%*s", (int)(width - wide), "");
}

static void print_line(const struct fl_table *table, const size_t widths[], const char *const *cells, FILE *out) {
  FL_BUF_AUTO line = {0};
  for (size_t i = 0; i < table->column_count; i++)
    if (widths[i] > 0)
      add_cell(&line, cells != NULL ? cells[i] : table->columns[i].name, widths[i], table->columns[i].is_number);
  size_t size = line.size;
  while (size > 0 && line.data[size - 1] == ' ') size--;
  fprintf(out, "%.*s\n", (int)size, line.data);
}

void fl_table_print(const struct fl_table *table, FILE *out, int width) {
  size_t widths[FL_TABLE_COLUMNS_MAX];
  if (table->row_count == 0) return;
  fit(table, width, widths);
  print_line(table, widths, NULL, out);
  for (size_t i = 0; i < table->row_count; i++)
    print_line(table, widths, (const char *const *)table->cells + i * table->column_count, out);
}
