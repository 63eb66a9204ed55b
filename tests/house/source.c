/* SPDX-License-Identifier: MIT */
/* Reading C well enough for house rules: comments and strings are blanked, functions are what stands between braces
 * behind a parameter list at the outermost level. The uniform style is what makes that enough. */
#include "tests/house/house.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static bool is_name(char c) { return isalnum((unsigned char)c) || c == '_'; }

static void blank(char *from, char *to) {
  for (; from < to; from++)
    if (*from != '\n') *from = ' ';
}

/* End of a string or character constant that starts at `at`. */
static char *skip_quoted(char *at) {
  char quote = *at++;
  while (*at != '\0' && *at != quote && *at != '\n') at += *at == '\\' && at[1] != '\0' ? 2 : 1;
  return *at == quote ? at + 1 : at;
}

/* End of a preprocessor line, with what a backslash continues; a comment on it may span lines. */
static char *skip_directive(char *at) {
  for (; *at != '\0' && *at != '\n'; at++) {
    if (*at == '\\' && at[1] == '\n') at++;
    else if (at[0] == '/' && at[1] == '*') {
      char *end = strstr(at + 2, "*/");
      if (end == NULL) return at + strlen(at);
      at = end + 1;
    }
  }
  return at;
}

char *house_clean(const char *text, size_t size) {
  char *clean = malloc(size + 1);
  memcpy(clean, text, size);
  clean[size] = '\0';
  for (char *at = clean; *at != '\0';) {
    char *start = at;
    bool is_line_start = at == clean || at[-1] == '\n';
    if (at[0] == '/' && at[1] == '*') {
      char *end = strstr(at + 2, "*/");
      at = end != NULL ? end + 2 : at + strlen(at);
      blank(start, at);
    } else if (at[0] == '/' && at[1] == '/') {
      at += strcspn(at, "\n");
      blank(start, at);
    } else if (*at == '"' || *at == '\'') {
      at = skip_quoted(at);
      blank(start + 1, at - 1 > start ? at - 1 : start + 1);
    } else if (is_line_start && *at == '#') {
      at = skip_directive(at);
      blank(start, at);
    } else at++;
  }
  return clean;
}

size_t house_line_of(const char *text, const char *at) {
  size_t line = 1;
  for (; text < at; text++) line += *text == '\n';
  return line;
}

/* The opening parenthesis that belongs to the closing one at `close`, or NULL. */
static const char *find_open(const char *start, const char *close) {
  int depth = 0;
  for (const char *at = close; at >= start; at--) {
    depth += (*at == ')') - (*at == '(');
    if (depth == 0) return at;
  }
  return NULL;
}

static size_t count_parameters(const char *open, const char *close) {
  size_t count = 1;
  int depth = 0;
  bool is_empty = true, is_void = close - open == 5 && strncmp(open + 1, "void", 4) == 0;
  for (const char *at = open + 1; at < close; at++) {
    depth += (*at == '(') - (*at == ')');
    count += *at == ',' && depth == 0;
    is_empty &= isspace((unsigned char)*at) != 0;
  }
  bool is_variadic = close - open > 3 && strncmp(close - 3, "...", 3) == 0;
  return is_empty || is_void ? 0 : count - is_variadic;
}

/* Fills in the function whose brace is at `brace`, when it is one. `start` is where the last outermost thing ended. */
static bool read_function(const char *clean, const char *start, const char *brace, struct house_function *function) {
  const char *close = brace - 1;
  while (close > start && isspace((unsigned char)*close)) close--;
  const char *open = close > start && *close == ')' ? find_open(start, close) : NULL;
  if (open == NULL) return false;
  const char *end = open;
  while (end > start && isspace((unsigned char)end[-1])) end--;
  const char *name = end;
  while (name > start && is_name(name[-1])) name--;
  size_t size = (size_t)(end - name);
  if (size == 0 || size >= sizeof function->name) return false;
  while (start < name && isspace((unsigned char)*start)) start++;
  memcpy(function->name, name, size);
  function->name[size] = '\0';
  function->first_line = house_line_of(clean, start);
  function->parameter_count = count_parameters(open, close);
  return true;
}

/* `extern "C" {` opens nothing. */
static bool is_linkage(const char *start, const char *brace) {
  const char *at = brace - 1;
  while (at > start && isspace((unsigned char)*at)) at--;
  return at > start && *at == '"';
}

void house_each_function(const char *clean, void (*visit)(const struct house_function *function, void *user),
                         void *user) {
  struct house_function function;
  const char *start = clean;
  int depth = 0;
  bool is_function = false;
  for (const char *at = clean; *at != '\0'; at++) {
    if (*at == '{' && depth == 0 && is_linkage(start, at)) start = at + 1;
    else if (*at == '{') {
      if (depth++ == 0) is_function = read_function(clean, start, at, &function);
    } else if (*at == '}' && depth > 0) {
      if (--depth > 0) continue;
      start = at + 1;
      if (!is_function) continue;
      function.line_count = house_line_of(clean, at) - function.first_line + 1;
      visit(&function, user);
    } else if (depth == 0 && (*at == ';' || *at == '}')) start = at + 1;
  }
}
