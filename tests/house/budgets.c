/* SPDX-License-Identifier: MIT */
/* Sizes, columns, first lines, words that are not used. The budgets are those of the style page. */
#include "tests/house/house.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

struct visit {
  struct house *house;
  const struct house_file *file;
};

static void on_function(const struct house_function *function, void *user) {
  const struct visit *visit = user;
  const char *name = function->name;
  struct house *house = visit->house;
  size_t lines = function->line_count, count = function->parameter_count;
  house->function_count++;
  if (lines > HOUSE_FUNCTION_LINES_MAX && !house_is_excused(house, "function", function->name))
    house_find(house, HOUSE_FUNCTION_LONG, visit->file, function->first_line, "%s has %zu lines", name, lines);
  if (lines > HOUSE_FUNCTION_LINES_AIM)
    house_find(house, HOUSE_FUNCTION_AIM, visit->file, function->first_line, "%s has %zu lines", name, lines);
  if (count > HOUSE_PARAMETERS_MAX && !house_is_excused(house, "parameters", function->name))
    house_find(house, HOUSE_PARAMETERS, visit->file, function->first_line, "%s has %zu parameters", name, count);
}

void house_check_functions(struct house *house, const struct house_file *file) {
  struct visit visit = {house, file};
  house_each_function(file->clean, on_function, &visit);
}

static size_t count_columns(const char *line, size_t size) {
  size_t columns = 0;
  for (size_t i = 0; i < size; i++) columns += ((unsigned char)line[i] & 0xc0) != 0x80;
  return columns;
}

void house_check_lines(struct house *house, const struct house_file *file) {
  static const char license[] = "/* SPDX-License-Identifier: MIT */\n";
  if (file->line_count > HOUSE_FILE_LINES_MAX && !house_is_excused(house, "file", file->path))
    house_find(house, HOUSE_FILE_LONG, file, 1, "has %zu lines", file->line_count);
  if (file->line_count > HOUSE_FILE_LINES_AIM)
    house_find(house, HOUSE_FILE_AIM, file, 1, "has %zu lines", file->line_count);
  if (strncmp(file->text, license, sizeof license - 1) != 0)
    house_find(house, HOUSE_SPDX, file, 1, "does not say its license");
  if (file->is_header && strstr(file->text, "\n#pragma once\n") == NULL)
    house_find(house, HOUSE_PRAGMA, file, 1, "lacks #pragma once");
  size_t line = 1;
  for (const char *at = file->text; *at != '\0'; line++) {
    size_t size = strcspn(at, "\n"), columns = count_columns(at, size);
    if (memchr(at, '\t', size) != NULL) house_find(house, HOUSE_TAB, file, line, "has a tab");
    if (columns > HOUSE_COLUMNS_MAX) house_find(house, HOUSE_WIDE, file, line, "has %zu columns", columns);
    at += size + (at[size] == '\n');
  }
}

static bool is_name(char c) { return isalnum((unsigned char)c) || c == '_'; }

/* Whether a call of the word stands at `at`: not part of a longer name, not a member. */
static bool is_call(const char *text, const char *at, size_t size) {
  if (at > text && (is_name(at[-1]) || at[-1] == '.')) return false;
  if (at > text + 1 && at[-1] == '>' && at[-2] == '-') return false;
  at += size;
  while (*at == ' ') at++;
  return *at == '(';
}

void house_check_words(struct house *house, const struct house_file *file) {
  static const char *const banned[] = {"strcpy", "strcat", "sprintf", "vsprintf", "gets", "strtok", "atoi",
                                       "atol",   "atof",   "system",  "popen",    "rand", "srand",  "alloca"};
  for (size_t i = 0; i < sizeof banned / sizeof *banned; i++) {
    size_t size = strlen(banned[i]);
    for (const char *at = file->clean; (at = strstr(at, banned[i])) != NULL; at += size)
      if (is_call(file->clean, at, size))
        house_find(house, HOUSE_BANNED, file, house_line_of(file->clean, at), "calls %s", banned[i]);
  }
}

/* Machines and folders that mean something only where the text was written. In two pieces, so that this file is
 * clean. */
void house_check_places(struct house *house, const struct house_file *file) {
  static const char *const places[][2] = {
      {"/tmp", "/wt"},
      {"/work", "/main"},
      {"/work", "/shared"},
      {"registry.npm", "js.org"},
      {"registry.yarn", "pkg"},
      {"py", "pi.org"},
      {"files.python", "hosted"},
      {"crates", ".io"},
      {"proxy.go", "lang.org"},
      {"sum.go", "lang.org"},
      {"ruby", "gems.org"},
      {"repo.ma", "ven.apache"},
      {"deb.de", "bian.org"},
      {"registry-1.do", "cker.io"},
      {"hub.do", "cker.com"},
      {"gh", "cr.io"},
      {"qu", "ay.io"},
      {"conda.ana", "conda.org"},
      {"hugging", "face.co"},
  };
  char place[64];
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    snprintf(place, sizeof place, "%s%s", places[i][0], places[i][1]);
    for (const char *at = file->text; (at = strstr(at, place)) != NULL; at++)
      house_find(house, HOUSE_PLACE, file, house_line_of(file->text, at), "names %s", place);
  }
}
