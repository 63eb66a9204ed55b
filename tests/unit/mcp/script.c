/* SPDX-License-Identifier: MIT */
#include "script.h"

#include <stdio.h>
#include <stdlib.h>

void script_fail(struct script *script, const char *format, ...) {
  if (script->problem[0] != '\0') return;
  size_t size = (size_t)snprintf(script->problem, sizeof script->problem, "%s:%d: ", script->name, script->line_number);
  va_list args;
  va_start(args, format);
  vsnprintf(script->problem + size, sizeof script->problem - size, format, args);
  va_end(args);
}

static void push(struct script *script, char *text) {
  if (script->output_count == SCRIPT_OUTPUTS_MAX) abort();
  script->outputs[script->output_count++] = text;
}

void script_output(struct script *script, char kind, const char *format, ...) {
  va_list args;
  va_start(args, format);
  char *text, *whole;
  if (vasprintf(&text, format, args) < 0 || asprintf(&whole, "%c %s", kind, text) < 0) abort();
  va_end(args);
  free(text);
  push(script, whole);
}

void script_output_lines(struct script *script, fl_slice lines) {
  while (lines.size > 0) {
    const char *end = memchr(lines.data, '\n', lines.size);
    if (end == NULL) {
      script_fail(script, "a line that goes out has no end: %.*s", (int)lines.size, lines.data);
      return;
    }
    size_t size = (size_t)(end - lines.data);
    script_output(script, '<', "%.*s", (int)size, lines.data);
    lines = fl_slice_n(end + 1, lines.size - size - 1);
  }
}

char *script_word(char **text) {
  char *word = *text + strspn(*text, " ");
  if (*word == '\0') return NULL;
  char *end = word + strcspn(word, " ");
  *text = *end != '\0' ? end + 1 : end;
  *end = '\0';
  return word;
}

/* An expectation that ends in an ellipsis is a prefix. */
static bool fits(const char *expected, const char *got) {
  static const char ellipsis[] = "\u2026";
  size_t size = strlen(expected), mark = sizeof ellipsis - 1;
  if (size < mark || strcmp(expected + size - mark, ellipsis) != 0) return strcmp(expected, got) == 0;
  return strncmp(expected, got, size - mark) == 0;
}

static void expect(struct script *script, const char *line) {
  if (script->output_next == script->output_count) {
    script_fail(script, "expected, but nothing came:\n  %s", line);
    return;
  }
  const char *got = script->outputs[script->output_next++];
  if (!fits(line, got)) script_fail(script, "expected\n  %s\nbut got\n  %s", line, got);
}

static void forget_outputs(struct script *script) {
  if (script->output_next < script->output_count)
    script_fail(script, "nobody expected\n  %s", script->outputs[script->output_next]);
  for (size_t i = 0; i < script->output_count; i++) free(script->outputs[i]);
  script->output_count = script->output_next = 0;
}

bool script_run(struct script *script, const char *name, const char *text, script_event_fn *event, void *user) {
  *script = (struct script){.name = name, .next = text};
  while (*script->next != '\0' && script->problem[0] == '\0') {
    size_t size = strcspn(script->next, "\n");
    char *line = strndup(script->next, size);
    script->next += size + (script->next[size] == '\n');
    script->line_number++;
    if (line[0] == '<' || line[0] == '!') expect(script, line);
    else if (line[0] == '>' || line[0] == '@') {
      forget_outputs(script);
      if (script->problem[0] == '\0') event(script, line[0], line + (size > 1 ? 2 : 1), user);
    } else if (line[0] != '#' && line[0] != '\0') script_fail(script, "a script line starts with > < ! @ or #");
    free(line);
  }
  forget_outputs(script);
  return script->problem[0] == '\0';
}
