/* SPDX-License-Identifier: MIT */
/* The official tests of JSON Schema 2020-12 (github.com/json-schema-org/JSON-Schema-Test-Suite), one row per file: the
 * required ones must all pass; of the optional ones those that we claim. */
#include "runtime/json/json.h"
#include "runtime/json/schema.h"
#include "tests/support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char base_uri[] = "http://localhost:1234/";

struct suite {
  char remotes[4200];
  struct fl_value *documents; /* remotes by URI; keeps what was lent */
  size_t group_count, test_count, passed_count;
  bool check_format;
};

static struct fl_value *read_json(const char *path) {
  size_t size;
  char *text = test_read_file(path, &size);
  if (text == NULL) return NULL;
  struct fl_value *value = NULL;
  struct fl_error err;
  int rc = fl_json_read(fl_slice_n(text, size), FL_JSON_FULL, &value, &err);
  if (rc != 0) printf("# %s: %s\n", path, err.text);
  free(text);
  return value;
}

static struct fl_value *resolve(const char *uri, void *user) {
  struct suite *suite = user;
  if (strncmp(uri, base_uri, sizeof base_uri - 1) != 0) return NULL;
  struct fl_value *known = fl_get(suite->documents, uri);
  if (known != NULL) return known;
  char path[8600];
  snprintf(path, sizeof path, "%s/%s", suite->remotes, uri + sizeof base_uri - 1);
  struct fl_value *document = read_json(path);
  if (document != NULL) fl_set_take(suite->documents, uri, document);
  return document;
}

static void check_test(struct suite *suite, const struct fl_schema *schema, const char *where,
                       const struct fl_value *test) {
  struct fl_schema_result result;
  bool must_be_valid = fl_get_bool(test, "valid", false);
  int quiet = fl_schema_validate(schema, fl_get(test, "data"), NULL);
  int rc = fl_schema_validate(schema, fl_get(test, "data"), &result);
  bool is_fine = rc == (must_be_valid ? 0 : 1) && quiet == rc && (rc == 0) == (result.count == 0);
  suite->test_count++;
  suite->passed_count += is_fine;
  if (!is_fine) printf("# %s: %s: got %d\n", where, fl_get_string(test, "description", ""), rc);
  fl_schema_result_deinit(&result);
}

static void check_group(struct suite *suite, const char *file, const struct fl_value *group) {
  struct fl_schema *schema = NULL;
  struct fl_error err = {0};
  struct fl_schema_options options = {sizeof options, resolve, suite, suite->check_format};
  const struct fl_value *tests = fl_get(group, "tests");
  char where[1024];
  snprintf(where, sizeof where, "%s: %s", file, fl_get_string(group, "description", ""));
  suite->group_count++;
  if (fl_schema_create(fl_get(group, "schema"), &options, &schema, &err) != 0) {
    printf("# %s: %s\n", where, err.text);
    suite->test_count += fl_size(tests);
    return;
  }
  for (size_t i = 0; i < fl_size(tests); i++) check_test(suite, schema, where, fl_at(tests, i));
  fl_schema_destroy(schema);
}

/* One row; adds to the totals. */
static void run_file(struct suite *totals, const char *path, const char *name, size_t failures_allowed) {
  struct suite suite = *totals;
  suite.group_count = suite.test_count = suite.passed_count = 0;
  struct fl_value *groups = read_json(path);
  for (size_t i = 0; i < fl_size(groups); i++) check_group(&suite, name, fl_at(groups, i));
  fl_value_unref(groups);
  tap_ok(suite.test_count > 0 && suite.test_count - suite.passed_count <= failures_allowed,
         "%s: %zu groups, %zu of %zu tests", name, suite.group_count, suite.passed_count, suite.test_count);
  totals->group_count += suite.group_count;
  totals->test_count += suite.test_count;
  totals->passed_count += suite.passed_count;
}

static void visit_required(const char *path, const char *name, void *user) { run_file(user, path, name, 0); }

struct row {
  const char *name;
  size_t failures_allowed; /* what we do not claim */
  const char *skipped;     /* why the file is not run */
};

static void run_rows(struct suite *totals, const char *folder, const struct row *rows, size_t row_count) {
  for (size_t i = 0; i < row_count; i++) {
    char path[8600];
    snprintf(path, sizeof path, "%s/%s.json", folder, rows[i].name);
    if (rows[i].skipped != NULL) tap_skip(rows[i].name, rows[i].skipped);
    else run_file(totals, path, rows[i].name, rows[i].failures_allowed);
  }
}

static const struct row optional_rows[] = {
    {"optional/anchor", 0, NULL},
    {"optional/bignum", 0, NULL},
    {"optional/cross-draft", 0, NULL},
    {"optional/dependencies-compatibility", 0, NULL},
    {"optional/dynamicRef", 0, NULL},
    {"optional/ecmascript-regex", 0, NULL},
    {"optional/float-overflow", 0, NULL},
    {"optional/format-assertion", 0, NULL},
    {"optional/id", 0, NULL},
    {"optional/no-schema", 0, NULL},
    {"optional/non-bmp-regex", 0, NULL},
    {"optional/refOfUnknownKeyword", 0, NULL},
    {"optional/unknownKeyword", 0, NULL},
};

static const struct row format_rows[] = {
    {"optional/format/date", 0, NULL},
    {"optional/format/date-time", 0, NULL},
    {"optional/format/duration", 0, NULL},
    {"optional/format/ecmascript-regex", 0, NULL},
    {"optional/format/email", 0, NULL},
    {"optional/format/hostname", 22, NULL}, /* what an A-label stands for is not checked */
    {"optional/format/idn-email", 0, "internationalised addresses are not checked"},
    {"optional/format/idn-hostname", 0, "internationalised host names are not checked"},
    {"optional/format/ipv4", 0, NULL},
    {"optional/format/ipv6", 0, NULL},
    {"optional/format/iri", 0, NULL},
    {"optional/format/iri-reference", 0, NULL},
    {"optional/format/json-pointer", 0, NULL},
    {"optional/format/regex", 0, NULL},
    {"optional/format/relative-json-pointer", 0, NULL},
    {"optional/format/time", 0, NULL},
    {"optional/format/unknown", 0, NULL},
    {"optional/format/uri", 0, NULL},
    {"optional/format/uri-reference", 0, NULL},
    {"optional/format/uri-template", 0, NULL},
    {"optional/format/uuid", 0, NULL},
};

static void print_totals(const char *what, const struct suite *totals) {
  printf("# %s: %zu groups, %zu of %zu tests\n", what, totals->group_count, totals->passed_count, totals->test_count);
}

int main(void) {
  const char *shared = test_shared_data();
  char folder[8300];
  struct suite start = {.documents = fl_object()};
  if (shared != NULL) {
    snprintf(start.remotes, sizeof start.remotes, "%s/json-schema-2020-12/remotes", shared);
    snprintf(folder, sizeof folder, "%s/json-schema-2020-12/tests/draft2020-12", shared);
  }
  struct suite required = start, optional = start, format = start;
  format.check_format = true;
  if (shared == NULL || test_each_file(folder, ".json", visit_required, &required) != 0) {
    tap_skip("JSON Schema 2020-12", "the official tests are not here");
    fl_value_unref(start.documents);
    return tap_done();
  }
  tap_ok(required.test_count >= 1299 && required.passed_count == required.test_count,
         "required: %zu groups, %zu of %zu tests", required.group_count, required.passed_count, required.test_count);
  run_rows(&optional, folder, optional_rows, sizeof optional_rows / sizeof *optional_rows);
  print_totals("optional", &optional);
  run_rows(&format, folder, format_rows, sizeof format_rows / sizeof *format_rows);
  print_totals("format", &format);
  fl_value_unref(start.documents);
  return tap_done();
}
