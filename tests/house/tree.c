/* SPDX-License-Identifier: MIT */
/* Walking the tree and keeping the account. Left out: what begins with a dot, build folders, and what is not text. */
#include "tests/house/house.h"

#include "tests/support/support.h"

#include <dirent.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const char *house_measure_name(enum house_measure measure) {
  static const char *const names[] = {
      "include-breaks-a-floor", "library-out-of-its-folder",
      "file-over-1000-lines",   "function-over-70-lines",
      "more-than-5-parameters", "tab",
      "line-over-120-columns",  "no-license-line",
      "no-pragma-once",         "banned-function",
      "place-of-one-machine",   "file-over-600-lines",
      "function-over-40-lines", "test-lines-per-1000-code-lines",
  };
  return names[measure];
}

void house_find(struct house *house, enum house_measure measure, const struct house_file *file, size_t line,
                const char *format, ...) {
  char text[600], whole[1200];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  snprintf(whole, sizeof whole, "%s:%zu: %s", file->path, line, text);
  if (house->finding_count == house->finding_capacity) {
    house->finding_capacity = house->finding_capacity * 2 + 64;
    house->findings = realloc(house->findings, house->finding_capacity * sizeof *house->findings);
  }
  house->findings[house->finding_count++] = (struct house_finding){measure, strdup(whole)};
  house->counts[measure]++;
}

bool house_is_excused(struct house *house, const char *rule, const char *name) {
  for (size_t i = 0; i < house->exception_count; i++) {
    struct house_exception *exception = &house->exceptions[i];
    if (strcmp(exception->rule, rule) != 0 || fnmatch(exception->name, name, 0) != 0) continue;
    exception->is_used = true;
    return true;
  }
  return false;
}

void house_deinit(struct house *house) {
  for (size_t i = 0; i < house->finding_count; i++) free(house->findings[i].text);
  free(house->findings);
  free(house->exceptions);
  memset(house, 0, sizeof *house);
}

void house_read_exceptions(struct house *house, const char *path) {
  char *text = test_read_file(path, NULL);
  char *rest = text;
  for (char *line; text != NULL && (line = strsep(&rest, "\n")) != NULL;) {
    struct house_exception exception = {0};
    char reason[8];
    if (line[0] == '#' || sscanf(line, "%15s %255s %7s", exception.rule, exception.name, reason) != 3) continue;
    house->exceptions = realloc(house->exceptions, (house->exception_count + 1) * sizeof exception);
    house->exceptions[house->exception_count++] = exception;
  }
  free(text);
}

static bool ends_with(const char *text, const char *suffix) {
  size_t size = strlen(text), suffix_size = strlen(suffix);
  return size >= suffix_size && strcmp(text + size - suffix_size, suffix) == 0;
}

static bool starts(const char *text, const char *prefix) { return strncmp(text, prefix, strlen(prefix)) == 0; }

static size_t count_lines(const char *text) {
  size_t count = 0;
  for (; *text != '\0'; text++) count += *text == '\n' || text[1] == '\0';
  return count;
}

static void count_in(struct house *house, const struct house_file *file) {
  bool is_script = ends_with(file->path, ".sh") || ends_with(file->path, ".py") || ends_with(file->path, ".mjs");
  if (starts(file->path, "tests/") && (file->is_c || is_script)) house->test_lines += file->line_count;
  else if (file->is_c) house->code_lines += file->line_count;
  house->file_count++;
}

static void check_file(struct house *house, const char *root, const char *path) {
  char whole[8192];
  snprintf(whole, sizeof whole, "%s/%s", root, path);
  struct house_file file = {.path = path};
  file.text = test_read_file(whole, &file.size);
  bool is_text = file.text != NULL && strlen(file.text) == file.size;
  if (is_text) {
    file.is_header = ends_with(path, ".h");
    file.is_c = file.is_header || ends_with(path, ".c");
    file.line_count = count_lines(file.text);
    count_in(house, &file);
    house_check_places(house, &file);
  }
  if (is_text && file.is_c) {
    file.clean = house_clean(file.text, file.size);
    house_check_includes(house, &file);
    house_check_functions(house, &file);
    house_check_lines(house, &file);
    house_check_words(house, &file);
  }
  free(file.clean);
  free(file.text);
}

static bool is_left_out(const char *name) {
  return name[0] == '.' || starts(name, "build") || strcmp(name, "node_modules") == 0 ||
         strcmp(name, "__pycache__") == 0;
}

static int walk(struct house *house, const char *root, const char *folder) {
  char path[4096], whole[8192];
  struct dirent **entries;
  snprintf(whole, sizeof whole, "%s/%s", root, folder);
  int count = scandir(whole, &entries, NULL, alphasort);
  if (count < 0) return -1;
  for (int i = 0; i < count; i++) {
    struct stat info;
    snprintf(path, sizeof path, "%s%s%s", folder, folder[0] != '\0' ? "/" : "", entries[i]->d_name);
    snprintf(whole, sizeof whole, "%s/%s", root, path);
    if (!is_left_out(entries[i]->d_name) && lstat(whole, &info) == 0) {
      if (S_ISDIR(info.st_mode)) walk(house, root, path);
      else if (S_ISREG(info.st_mode)) check_file(house, root, path);
    }
    free(entries[i]);
  }
  free(entries);
  return 0;
}

int house_measure_tree(struct house *house, const char *root) {
  if (walk(house, root, "") != 0) return -1;
  house->counts[HOUSE_TEST_SHARE] = house->code_lines > 0 ? house->test_lines * 1000 / house->code_lines : 0;
  return 0;
}
