/* SPDX-License-Identifier: MIT */
#include "runtime/base/diag.h"
#include "runtime/base/mem.h"
#include "tests/support/support.h"

#include <fairlead/error.h>

static void finds_the_nearest_name(void **state) {
  const char *const names[] = {"messages", "recursion_limit", "nodes"};
  assert_string_equal(fl_nearest("mesages", names, 3), "messages");
  assert_string_equal(fl_nearest("recursionlimit", names, 3), "recursion_limit");
  assert_null(fl_nearest("zzz", names, 3));
}

static void formats_as_compilers_do(void **state) {
  struct fl_diag diag = {.file = "a.yaml",
                         .line = 3,
                         .column = 5,
                         .pointer = "/nodes/x",
                         .message = "unknown type",
                         .suggestion = "did you mean \"agent\"?"};
  char *text = fl_diag_format(&diag);
  assert_string_equal(text, "a.yaml:3:5: error: unknown type (at /nodes/x); did you mean \"agent\"?");
  fl_free(text);
}

static void sorts_by_place(void **state) {
  struct fl_diags diags = {0};
  fl_diags_add(&diags, &(struct fl_diag){.file = "a", .line = 6, .column = 2, .message = "third"});
  fl_diags_add(&diags, &(struct fl_diag){.file = "a", .line = 4, .column = 9, .message = "second"});
  fl_diags_add(&diags, &(struct fl_diag){.message = "first"});
  fl_diags_sort(&diags);
  assert_string_equal(diags.items[0].message, "first");
  assert_string_equal(diags.items[1].message, "second");
  assert_string_equal(diags.items[2].message, "third");
  fl_diags_deinit(&diags);
}

static void counts_what_it_drops(void **state) {
  struct fl_diags diags = {0};
  for (int i = 0; i < FL_DIAG_COUNT_MAX + 7; i++) fl_diags_add(&diags, &(struct fl_diag){.message = "m"});
  assert_int_equal(diags.count, FL_DIAG_COUNT_MAX);
  assert_int_equal(diags.dropped_count, 7);
  assert_int_equal(diags.error_count, FL_DIAG_COUNT_MAX + 7);
  fl_diags_deinit(&diags);
}

static void an_error_gets_its_context_in_front(void **state) {
  struct fl_error err = {0};
  assert_int_equal(fl_error_set(&err, FL_E_IO, "cannot read %s", "x"), FL_E_IO);
  assert_int_equal(fl_error_context(&err, "loading %s", "y"), FL_E_IO);
  assert_string_equal(err.text, "loading y: cannot read x");
  assert_string_equal(fl_error_word(FL_E_NO_SPACE), "no_space");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(finds_the_nearest_name),
      cmocka_unit_test(formats_as_compilers_do),
      cmocka_unit_test(counts_what_it_drops),
      cmocka_unit_test(sorts_by_place),
      cmocka_unit_test(an_error_gets_its_context_in_front),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
