/* SPDX-License-Identifier: MIT */
/* The house rules as measures of a source tree: each is a count that may not exceed what ratchet.txt allows (0 where it
 * says nothing), except the share of tests, which may not fall below. exceptions.txt names what is excused, with the
 * reason. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

enum {
  HOUSE_FILE_LINES_MAX = 1000,
  HOUSE_FILE_LINES_AIM = 600,
  HOUSE_FUNCTION_LINES_MAX = 70,
  HOUSE_FUNCTION_LINES_AIM = 40,
  HOUSE_PARAMETERS_MAX = 5,
  HOUSE_COLUMNS_MAX = 120,
};

enum house_measure {
  HOUSE_FLOOR,
  HOUSE_LIBRARY,
  HOUSE_FILE_LONG,
  HOUSE_FUNCTION_LONG,
  HOUSE_PARAMETERS,
  HOUSE_TAB,
  HOUSE_WIDE,
  HOUSE_SPDX,
  HOUSE_PRAGMA,
  HOUSE_BANNED,
  HOUSE_PLACE,
  HOUSE_FILE_AIM,
  HOUSE_FUNCTION_AIM,
  HOUSE_TEST_SHARE, /* lines of tests per 1000 lines of code */
  HOUSE_MEASURE_COUNT,
};

/* What is wrong, "path:line: text". */
struct house_finding {
  enum house_measure measure;
  char *text;
};

/* rule, name (a shell pattern), reason: "function fl_error_word a flat table". */
struct house_exception {
  char rule[16];
  char name[256];
  bool is_used;
};

struct house {
  struct house_finding *findings;
  size_t finding_count, finding_capacity;
  struct house_exception *exceptions;
  size_t exception_count;
  size_t counts[HOUSE_MEASURE_COUNT];
  size_t code_lines, test_lines, function_count, file_count;
};

/* A file of the tree. `clean` is `text` with the contents of comments, strings and preprocessor lines blanked out. */
struct house_file {
  const char *path; /* from the root */
  char *text;
  size_t size;
  char *clean; /* C only */
  size_t line_count;
  bool is_c, is_header;
};

struct house_function {
  char name[128];
  size_t first_line, line_count, parameter_count;
};

const char *house_measure_name(enum house_measure measure);
void house_find(struct house *house, enum house_measure measure, const struct house_file *file, size_t line,
                const char *format, ...) __attribute__((format(printf, 5, 6)));
bool house_is_excused(struct house *house, const char *rule, const char *name);
void house_deinit(struct house *house);

/* Reads lines "rule name reason…"; a file that is not there has none. */
void house_read_exceptions(struct house *house, const char *path);

/* Measures all that lies below `root`; -1 when it cannot be read. */
int house_measure_tree(struct house *house, const char *root);

/* source.c */
char *house_clean(const char *text, size_t size);
void house_each_function(const char *clean, void (*visit)(const struct house_function *function, void *user),
                         void *user);
size_t house_line_of(const char *text, const char *at);

/* The rules; each looks at one file. */
void house_check_includes(struct house *house, const struct house_file *file);
void house_check_functions(struct house *house, const struct house_file *file);
void house_check_lines(struct house *house, const struct house_file *file);
void house_check_words(struct house *house, const struct house_file *file);
void house_check_places(struct house *house, const struct house_file *file);

/* Plants violations in a tree of its own and looks whether they are found; TAP rows. */
void house_check_itself(void);
