/* SPDX-License-Identifier: MIT */
/* Tables fit: columns leave in their order, the last one is cut, an id never is. */
#include "rig.h"
#include "runtime/cli/table.h"

#include <stdio.h>
#include <stdlib.h>

static const struct fl_column columns[] = {
    {.name = "ID"},
    {.name = "WHEN", .leaves = 2},
    {.name = "N", .leaves = 1, .is_number = true},
    {.name = "WHAT", .width_min = 4},
};

static char *print(int width) {
  struct fl_table table;
  char *text = NULL;
  size_t size = 0;
  fl_table_init(&table, columns, 4);
  fl_table_add(&table, (const char *const[]){"thread-1", "monday", "7", "one two three"});
  fl_table_add(&table, (const char *const[]){"t", "tuesday", "12", ""});
  FILE *out = open_memstream(&text, &size);
  fl_table_print(&table, out, width);
  fclose(out);
  fl_table_deinit(&table);
  return text;
}

static void what_does_not_fit_leaves_or_is_cut(void **state) {
  static const struct {
    int width;
    const char *shown;
  } rows[] = {
      {FL_TABLE_WIDE, "ID        WHEN      N  WHAT\nthread-1  monday    7  one two three\nt         tuesday  12\n"},
      {36, "ID        WHEN      N  WHAT\nthread-1  monday    7  one two three\nt         tuesday  12\n"},
      {35, "ID        WHEN      N  WHAT\nthread-1  monday    7  one two thr…\nt         tuesday  12\n"},
      {27, "ID        WHEN      N  WHAT\nthread-1  monday    7  one…\nt         tuesday  12\n"},
      {26, "ID         N  WHAT\nthread-1   7  one two thr…\nt         12\n"},
      {18, "ID         N  WHAT\nthread-1   7  one…\nt         12\n"},
      {17, "ID        WHAT\nthread-1  one tw…\nt\n"},
      {14, "ID        WHAT\nthread-1  one…\nt\n"},
      {3, "ID        WHAT\nthread-1  one…\nt\n"}, /* nothing more can leave: the id stays whole */
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    char *shown = print(rows[i].width);
    if (strcmp(shown, rows[i].shown) != 0) fail_msg("%d:\n%s", rows[i].width, shown);
    free(shown);
  }
}

/* No line is wider than it may be, ids are whole, all rows are there. */
static void every_width_is_kept(void **state) {
  for (int width = 14; width < 60; width++) {
    char *shown = print(width);
    int lines = 0;
    for (const char *line = shown; *line != '\0'; lines++) {
      size_t size = strcspn(line, "\n");
      int wide = 0;
      for (size_t i = 0; i < size; i++) wide += ((unsigned char)line[i] & 0xc0) != 0x80;
      if (wide > width) fail_msg("%d: %s", width, line);
      assert_true(size > 0 && line[size - 1] != ' ');
      if (lines == 1) assert_memory_equal(line, "thread-1", 8);
      line += size + 1;
    }
    assert_int_equal(lines, 3);
    free(shown);
  }
}

static void nothing_is_printed_without_rows(void **state) {
  struct fl_table table;
  char *text = NULL;
  size_t size = 0;
  fl_table_init(&table, columns, 4);
  FILE *out = open_memstream(&text, &size);
  fl_table_print(&table, out, 80);
  fclose(out);
  assert_int_equal(size, 0);
  free(text);
  fl_table_deinit(&table);
}

static void letters_count_as_one_and_controls_are_shown(void **state) {
  static const struct fl_column one[] = {{.name = "WHAT", .width_min = 3}};
  struct fl_table table;
  char *text = NULL;
  size_t size = 0;
  fl_table_init(&table, one, 1);
  fl_table_add(&table, (const char *const[]){"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"});
  fl_table_add(&table, (const char *const[]){"a\033b"});
  FILE *out = open_memstream(&text, &size);
  fl_table_print(&table, out, 6);
  fclose(out);
  assert_string_equal(text, "WHAT\n\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\na\\x1bb\n");
  free(text);
  fl_table_deinit(&table);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_does_not_fit_leaves_or_is_cut),
      cmocka_unit_test(every_width_is_kept),
      cmocka_unit_test(nothing_is_printed_without_rows),
      cmocka_unit_test(letters_count_as_one_and_controls_are_shown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
