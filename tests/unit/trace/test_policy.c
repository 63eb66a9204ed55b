/* SPDX-License-Identifier: MIT */
/* How much is kept of what is said: the texts that say so, and the draw. */
#include "runtime/trace/policy.h"

#include "tests/support/support.h"

#include <stdio.h>
#include <string.h>

static int read_texts(const char *content, const char *keep, struct fl_trace_policy *ret_policy, char ret_text[256]) {
  struct fl_error err = {0};
  struct fl_trace_policy_texts texts = {.content = content, .keep = keep, .keep_content = keep};
  int rc = fl_trace_policy_read(&texts, ret_policy, &err);
  snprintf(ret_text, 256, "%.255s", err.text);
  return rc;
}

static void texts_are_read(void **state) {
  struct fl_trace_policy policy = {0};
  char text[256];
  assert_int_equal(read_texts(NULL, NULL, &policy, text), 0);
  assert_true(policy.content_percent == 0 && policy.content_floor == 0 && !policy.content_of_errors);
  assert_int_equal(read_texts("12.5, floor=3 ,errors", "30d", &policy, text), 0);
  assert_true(policy.content_percent == 12.5 && policy.content_floor == 3 && policy.content_of_errors);
  assert_int_equal(policy.keep_ms, INT64_C(30) * 86400000);
  assert_int_equal(policy.keep_content_ms, policy.keep_ms);
  assert_int_equal(read_texts("errors", "90s", &policy, text), 0);
  assert_true(policy.content_percent == 0 && policy.content_of_errors);
  assert_int_equal(policy.keep_ms, 90000);
}

static void mistakes_are_said(void **state) {
  static const char *const contents[] = {"101", "-1", "1e3", "ten", "floor=", "floor=x", "5,5", "errors,sometimes",
                                         ","};
  static const char *const ages[] = {"", "30", "d", "0d", "-1d", "1y", "1dd"};
  struct fl_trace_policy policy = {.content_percent = 7};
  char text[256];
  for (size_t i = 0; i < sizeof contents / sizeof contents[0]; i++)
    if (read_texts(contents[i], NULL, &policy, text) != FL_E_INVALID) fail_msg("\"%s\" was read", contents[i]);
  for (size_t i = 0; i < sizeof ages / sizeof ages[0]; i++)
    if (read_texts(NULL, ages[i], &policy, text) != FL_E_INVALID) fail_msg("\"%s\" was read", ages[i]);
  assert_true(policy.content_percent == 7); /* untouched */
  read_texts("5, often", NULL, &policy, text);
  assert_string_equal(text, "\"often\" is no percentage, floor=N or errors");
}

static void the_draw_is_fair_and_stays(void **state) {
  struct fl_trace_policy policy = {.content_percent = 20};
  size_t drawn = 0;
  for (int i = 0; i < 5000; i++) {
    char run[64];
    snprintf(run, sizeof run, "0192f3c1-5a4d-7645-a680-%012x", i);
    bool is_drawn = fl_trace_policy_draws(&policy, run);
    assert_int_equal(fl_trace_policy_draws(&policy, run), is_drawn);
    drawn += is_drawn;
  }
  assert_in_range(drawn, 900, 1100);
  policy.content_percent = 0;
  assert_false(fl_trace_policy_draws(&policy, "x"));
  policy.content_percent = 100;
  assert_true(fl_trace_policy_draws(&policy, "x"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(texts_are_read),
      cmocka_unit_test(mistakes_are_said),
      cmocka_unit_test(the_draw_is_fair_and_stays),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
