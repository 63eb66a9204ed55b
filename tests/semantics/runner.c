/* SPDX-License-Identifier: MIT */
/* Runs cases of the semantics (tests/golden/semantics, README.md says how they are written) through the whole thing:
 * graph file, engine, store, in the simulated world. A TAP row for each case.
 *   test-semantics PATH…            compares; a folder stands for the .json files in it
 *   test-semantics --accept PATH…   fills in what is expected where it is missing or different, and says so
 *   test-semantics --trace PATH…    prints [{"name", "steps": [what each came to]}]
 *   test-semantics --covers TABLE PATH…  plays nothing: each row of the table (coverage.md) names cases that are there,
 * or what else tests the rule */
#include "runtime/json/json.h"
#include "tests/semantics/play.h"

#include <stdio.h>
#include <stdlib.h>

enum mode { COMPARE, ACCEPT, TRACE, COVERS };

struct suite {
  enum mode mode;
  bool has_changed;
  struct fl_value *traces; /* TRACE */
  struct fl_map names;     /* COVERS: "FILE: NAME" of each case */
};

static void write_text(const char *path, const char *text) {
  FILE *file = fopen(path, "we");
  if (file == NULL) abort();
  fputs(text, file);
  fclose(file);
}

/* ---- the cases ---- */

static void diag(const char *head, const char *text) {
  printf("# %s ", head);
  for (const char *c = text; *c != '\0'; c++) {
    if (*c != '\n') putchar(*c);
    else if (c[1] != '\0') printf("\n#   ");
  }
  putchar('\n');
}

static void tell_difference(const char *what, const struct fl_value *expected, const struct fl_value *found) {
  printf("# %s\n", what);
  FL_FREE_AUTO char *left = trace_pretty(expected);
  FL_FREE_AUTO char *right = trace_pretty(found);
  diag("expected", left);
  diag("found   ", right);
}

/* The step with what it came to, when that is new; otherwise the step. */
static struct fl_value *settle(struct suite *suite, struct fl_value *step, struct fl_value *came_to, bool *ok) {
  const struct fl_value *expected = fl_get(step, "expect");
  if (expected != NULL && fl_equal(expected, came_to)) return fl_value_ref(step);
  if (suite->mode == COMPARE) {
    *ok = false;
    tell_difference(text_of(step), expected, came_to);
    return fl_value_ref(step);
  }
  suite->has_changed = true;
  struct fl_value *settled = fl_copy_shallow(step);
  fl_set_take(settled, "expect", fl_value_ref(came_to));
  return settled;
}

static bool check_refused(const struct fl_value *test, int rc, const struct fl_error *err) {
  const char *part = fl_get_string(test, "refused", NULL);
  if (part != NULL && rc < 0 && strstr(err->text, part) != NULL) return true;
  if (part == NULL && rc == 0) return true;
  diag("the graph file:", rc < 0 ? err->text : "was not refused");
  return false;
}

/* Plays a case; the case with what its steps came to. */
static struct fl_value *play_case(struct suite *suite, const struct fl_value *test, bool *ok) {
  struct play play;
  struct fl_error err = {0};
  int rc = play_begin(&play, test, &err);
  struct fl_value *settled = fl_copy_shallow(test), *steps = fl_array(), *traces = fl_array();
  *ok = check_refused(test, rc, &err);
  for (size_t i = 0; rc == 0 && i < fl_size(fl_get(test, "steps")); i++) {
    struct fl_value *step = fl_at(fl_get(test, "steps"), i);
    FL_VALUE_AUTO came_to = play_step(&play, step);
    fl_append_take(steps, settle(suite, step, came_to, ok));
    fl_append_take(traces, fl_value_ref(came_to));
    if (!*ok && play.error.code != 0) diag("the run said:", play.error.text);
    play.error.code = 0;
  }
  if (fl_size(steps) > 0) fl_set_take(settled, "steps", fl_value_ref(steps));
  fl_value_unref(steps);
  if (suite->mode == TRACE) {
    struct fl_value *entry = fl_object();
    fl_set_take(entry, "name", fl_value_ref(fl_get(test, "name")));
    fl_set_take(entry, "steps", fl_value_ref(traces));
    fl_append_take(suite->traces, entry);
  }
  fl_value_unref(traces);
  play_end(&play);
  return settled;
}

static struct fl_value *read_file(const char *path) {
  size_t size = 0;
  char *text = test_read_file(path, &size);
  struct fl_value *file = NULL;
  struct fl_error err = {0};
  if (text == NULL || fl_parse(text, size, &file, &err) < 0) {
    tap_ok(false, "%s: %s", path, text == NULL ? "cannot be read" : err.text);
  }
  free(text);
  return file;
}

/* ---- what the cases cover ---- */

static void note_names(struct suite *suite, const char *path, const struct fl_value *file) {
  const char *slash = strrchr(path, '/'), *stem = slash != NULL ? slash + 1 : path;
  for (size_t i = 0; i < fl_size(fl_get(file, "cases")); i++) {
    const char *name = fl_get_string(fl_at(fl_get(file, "cases"), i), "name", "?");
    FL_FREE_AUTO char *full = fl_format("%.*s: %s", (int)strcspn(stem, "."), stem, name);
    fl_map_set(&suite->names, full, suite);
  }
}

/* A row "| RULE | `FILE: NAME`; … |", cut at its line's end. */
static void check_row(struct suite *suite, char *row) {
  char *cases = strchr(row + 1, '|');
  bool is_ok = cases != NULL && strlen(cases) > strlen("|  |");
  for (char *open = is_ok ? strchr(cases, '`') : NULL, *close; open != NULL; open = strchr(close + 1, '`')) {
    close = strchr(open + 1, '`');
    if (close == NULL) break;
    *close = '\0';
    bool looks_like_a_case = strstr(open + 1, ": ") != NULL;
    if (looks_like_a_case && fl_map_get(&suite->names, open + 1) == NULL) {
      printf("# there is no case \"%s\"\n", open + 1);
      is_ok = false;
    }
  }
  tap_ok(is_ok, "%.*s", (int)strcspn(row + 1, "|"), row + 1);
}

static void check_coverage(struct suite *suite, const char *path) {
  size_t size = 0;
  char *text = test_read_file(path, &size), *rest = text;
  if (text == NULL) tap_ok(false, "%s cannot be read", path);
  for (char *line; text != NULL && (line = strsep(&rest, "\n")) != NULL;)
    if (line[0] == '|' && strncmp(line, "| rule", 6) != 0 && line[1] != '-') check_row(suite, line);
  free(text);
}

static void play_file(struct suite *suite, const char *path) {
  FL_VALUE_AUTO file = read_file(path);
  if (file == NULL) return;
  if (suite->mode == COVERS) {
    note_names(suite, path, file);
    return;
  }
  struct fl_value *cases = fl_array();
  for (size_t i = 0; i < fl_size(fl_get(file, "cases")); i++) {
    const struct fl_value *test = fl_at(fl_get(file, "cases"), i);
    bool ok = true;
    fl_append_take(cases, play_case(suite, test, &ok));
    if (suite->mode != TRACE) tap_ok(ok, "%s", fl_get_string(test, "name", "a case without a name"));
  }
  FL_VALUE_AUTO settled = fl_copy_shallow(file);
  fl_set_take(settled, "cases", cases);
  if (suite->mode == ACCEPT && suite->has_changed) {
    FL_FREE_AUTO char *text = trace_pretty(settled);
    write_text(path, text);
    printf("# %s has changed: compare it with git diff, and with sh tests/interop/langgraph.sh\n", path);
    suite->has_changed = false;
  }
}

static void play_found(const char *path, const char *name, void *user) { play_file(user, path); }

static void play_path(struct suite *suite, const char *path) {
  if (test_each_file(path, ".json", play_found, suite) < 0) play_file(suite, path);
}

int main(int argc, char **argv) {
  struct suite suite = {.traces = fl_array()};
  int first = 1;
  if (argc > 1 && strcmp(argv[1], "--accept") == 0) suite.mode = ACCEPT;
  if (argc > 1 && strcmp(argv[1], "--trace") == 0) suite.mode = TRACE;
  if (argc > 2 && strcmp(argv[1], "--covers") == 0) suite.mode = COVERS;
  if (suite.mode != COMPARE) first = suite.mode == COVERS ? 3 : 2;
  for (int i = first; i < argc; i++) play_path(&suite, argv[i]);
  if (suite.mode == COVERS) check_coverage(&suite, argv[2]);
  fl_map_deinit(&suite.names);
  if (suite.mode == TRACE) {
    char *text = fl_dump(suite.traces, NULL);
    puts(text);
    fl_text_free(text);
  }
  fl_value_unref(suite.traces);
  return suite.mode == TRACE ? 0 : tap_done();
}
