/* SPDX-License-Identifier: MIT */
/* JSONTestSuite (N. Seriot), test_parsing: y_ must be taken, n_ refused, i_ either, by the full mode. Every file is
 * also read cut off at every byte, up to a size. One row per file. */
#include "runtime/json/json.h"
#include "tests/support/support.h"

#include <stdio.h>
#include <stdlib.h>

enum { CUT_SIZE_MAX = 4096 };

static int y_count, n_count;

static int read_exact(const char *text, size_t size) {
  char *exact = malloc(size + (size == 0));
  struct fl_value *value = NULL;
  memcpy(exact, text, size);
  int rc = fl_json_read(fl_slice_n(exact, size), FL_JSON_FULL, &value, NULL);
  free(exact);
  fl_value_unref(value);
  return rc;
}

static bool is_expected(const char *name, int rc) {
  if (strcmp(name, "y_object_escaped_null_in_key.json") == 0) return rc == FL_E_SYNTAX; /* by design: no NUL in keys */
  if (name[0] == 'y') return rc == 0;
  return name[0] == 'n' ? rc < 0 : true;
}

static void visit(const char *path, const char *name, void *user) {
  size_t size = 0;
  char *text = test_read_file(path, &size);
  y_count += name[0] == 'y';
  n_count += name[0] == 'n';
  int rc = text != NULL ? read_exact(text, size) : -1000;
  tap_ok(is_expected(name, rc), "%s: %s", name, rc == 0 ? "taken" : fl_error_word(rc));
  for (size_t cut = 0; text != NULL && cut < size && size <= CUT_SIZE_MAX; cut++) read_exact(text, cut);
  free(text);
}

int main(void) {
  const char *shared = test_shared_data();
  char folder[4096];
  snprintf(folder, sizeof folder, "%s/json-test-suite/test_parsing", shared != NULL ? shared : "");
  bool is_here = shared != NULL && test_each_file(folder, ".json", visit, NULL) == 0;
  if (!is_here) tap_skip("JSONTestSuite", "not on this machine");
  else tap_ok(y_count == 95 && n_count == 188, "%d files to take and %d to refuse", y_count, n_count);
  return tap_done();
}
