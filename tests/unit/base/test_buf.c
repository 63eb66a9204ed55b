/* SPDX-License-Identifier: MIT */
#include "runtime/base/buf.h"
#include "tests/support/support.h"

#include <fairlead/error.h>

static void appends_and_terminates(void **state) {
  FL_BUF_AUTO buf = {0};
  assert_int_equal(fl_buf_add_text(&buf, "ab"), 0);
  assert_int_equal(fl_buf_addf(&buf, "%d", 12), 0);
  assert_string_equal(buf.data, "ab12");
  fl_buf_consume(&buf, 3);
  assert_string_equal(buf.data, "2");
}

static void refuses_what_passes_the_limit_and_changes_nothing(void **state) {
  FL_BUF_AUTO buf;
  fl_buf_init(&buf, 4);
  assert_int_equal(fl_buf_add_text(&buf, "abc"), 0);
  assert_int_equal(fl_buf_add_text(&buf, "de"), FL_E_LIMIT);
  assert_true(buf.failed);
  assert_string_equal(buf.data, "abc");
  assert_int_equal(fl_buf_add_text(&buf, "d"), 0);
}

static void a_huge_size_does_not_wrap(void **state) {
  FL_BUF_AUTO buf = {0};
  assert_int_equal(fl_buf_add_text(&buf, "x"), 0);
  assert_int_equal(fl_buf_reserve(&buf, SIZE_MAX - 1), FL_E_LIMIT);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(appends_and_terminates),
      cmocka_unit_test(refuses_what_passes_the_limit_and_changes_nothing),
      cmocka_unit_test(a_huge_size_does_not_wrap),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
