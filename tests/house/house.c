/* SPDX-License-Identifier: MIT */
/* The house rules as a test: first that each rule finds what breaks it, then that this tree breaks none beyond what
 * ratchet.txt still allows. A count that got better is said, so that the ratchet can be tightened. */
#include "tests/house/house.h"

#include "tests/support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN_COUNT_MAX = 40 };

/* What ratchet.txt allows for a measure. */
static size_t read_allowed(const char *ratchet, enum house_measure measure) {
  const char *name = house_measure_name(measure);
  size_t size = strlen(name);
  for (const char *line = ratchet; line != NULL && *line != '\0';) {
    if (strncmp(line, name, size) == 0 && line[size] == ' ') return (size_t)strtoul(line + size, NULL, 10);
    line = strchr(line, '\n');
    if (line != NULL) line++;
  }
  return 0;
}

static void print_findings(const struct house *house, enum house_measure measure) {
  size_t shown = 0;
  for (size_t i = 0; i < house->finding_count; i++)
    if (house->findings[i].measure == measure && shown++ < SHOWN_COUNT_MAX) printf("# %s\n", house->findings[i].text);
  if (shown > SHOWN_COUNT_MAX) printf("# and %zu more\n", shown - SHOWN_COUNT_MAX);
}

static void check_measure(const struct house *house, enum house_measure measure, const char *ratchet) {
  size_t count = house->counts[measure], allowed = read_allowed(ratchet, measure);
  bool is_share = measure == HOUSE_TEST_SHARE;
  bool is_fine = is_share ? count >= allowed : count <= allowed;
  bool is_better = is_share ? count > allowed : count < allowed;
  tap_ok(is_fine, "%s: %zu (%s %zu)", house_measure_name(measure), count, is_share ? "at least" : "at most", allowed);
  if (!is_fine || getenv("FL_HOUSE_ALL") != NULL) print_findings(house, measure);
  if (is_better) printf("# better: put \"%s %zu\" into tests/house/ratchet.txt\n", house_measure_name(measure), count);
}

int main(void) {
  const char *root = getenv("FL_SOURCE_ROOT");
  char path[4096];
  struct house house = {0};
  if (root == NULL) root = ".";
  house_check_itself();
  snprintf(path, sizeof path, "%s/tests/house/exceptions.txt", root);
  house_read_exceptions(&house, path);
  snprintf(path, sizeof path, "%s/tests/house/ratchet.txt", root);
  char *ratchet = test_read_file(path, NULL);
  tap_ok(ratchet != NULL && house_measure_tree(&house, root) == 0 && house.file_count > 50, "the tree can be read");
  for (int i = 0; i < HOUSE_MEASURE_COUNT; i++) check_measure(&house, (enum house_measure)i, ratchet);
  for (size_t i = 0; i < house.exception_count; i++)
    if (!house.exceptions[i].is_used)
      printf("# not needed any more: \"%s %s\" in exceptions.txt\n", house.exceptions[i].rule,
             house.exceptions[i].name);
  printf("# %zu files, %zu functions, %zu lines of code, %zu of tests\n", house.file_count, house.function_count,
         house.code_lines, house.test_lines);
  free(ratchet);
  house_deinit(&house);
  return tap_done();
}
