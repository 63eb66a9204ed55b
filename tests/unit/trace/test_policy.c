/* SPDX-License-Identifier: MIT */
/* How much is kept of what is said: the texts that say so, and the draw. */
#include "runtime/trace/policy.h"

#include "tests/support/support.h"

#include <fairlead/value.h>
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

static struct fl_trace_policy taken(const char *section) {
  struct fl_trace_policy policy = fl_trace_policy_default();
  struct fl_value *value = NULL;
  assert_int_equal(fl_parse(section, strlen(section), &value, NULL), 0);
  fl_trace_policy_take(value, &policy);
  fl_value_unref(value);
  return policy;
}

static void a_section_says_it_too(void **state) {
  struct fl_trace_policy policy = taken("{}");
  assert_true(!policy.is_off && !policy.shows_arguments && policy.redacts == FL_REDACT_ALL);
  assert_true(policy.content_percent == 0 && policy.content_floor == 0 && !policy.content_of_errors);
  assert_true(policy.keep_ms == 0 && policy.keep_content_ms == 0);
  policy = taken("{\"record\":false,\"content\":{\"percent\":2.5,\"floor\":4,\"errors\":true},\"arguments\":\"value\","
                 "\"redact\":{\"card\":false},\"keep\":\"4w\",\"keep_content\":\"7d\"}");
  assert_true(policy.is_off && policy.shows_arguments && policy.redacts == (FL_REDACT_EMAIL | FL_REDACT_IBAN));
  assert_true(policy.content_percent == 2.5 && policy.content_floor == 4 && policy.content_of_errors);
  assert_true(policy.keep_ms == INT64_C(28) * 86400000 && policy.keep_content_ms == INT64_C(7) * 86400000);
  policy = taken("{\"content\":{\"percent\":3},\"record\":true,\"arguments\":\"hash\",\"redact\":{\"email\":true}}");
  assert_true(policy.content_percent == 3 && !policy.is_off && !policy.shows_arguments);
  assert_int_equal(policy.redacts, FL_REDACT_ALL);
}

static void the_environment_overrides_it(void **state) {
  struct fl_trace_policy policy =
      taken("{\"record\":false,\"content\":{\"percent\":2,\"floor\":4,\"errors\":true},\"keep\":\"4w\",\"arguments\":"
            "\"value\",\"redact\":{\"card\":false}}");
  struct fl_trace_policy file = policy;
  assert_int_equal(fl_trace_policy_read(&(struct fl_trace_policy_texts){0}, &policy, NULL), 0);
  assert_memory_equal(&policy, &file, sizeof policy);
  struct fl_trace_policy_texts texts = {.content = "50", .record = "on", .redact = "email, card"};
  assert_int_equal(fl_trace_policy_read(&texts, &policy, NULL), 0);
  assert_true(policy.content_percent == 50 && policy.content_floor == 0 && !policy.content_of_errors); /* as a whole */
  assert_true(!policy.is_off && policy.shows_arguments && policy.keep_ms == file.keep_ms);
  assert_int_equal(policy.redacts, FL_REDACT_EMAIL | FL_REDACT_CARD);
  texts = (struct fl_trace_policy_texts){.record = "off", .arguments = "hash", .redact = "none", .keep = "1d"};
  assert_int_equal(fl_trace_policy_read(&texts, &policy, NULL), 0);
  assert_true(policy.is_off && !policy.shows_arguments && policy.redacts == 0 && policy.keep_ms == 86400000);
  assert_int_equal(fl_trace_policy_read(&(struct fl_trace_policy_texts){.redact = "all"}, &policy, NULL), 0);
  assert_int_equal(policy.redacts, FL_REDACT_ALL);
}

static void wrong_words_are_said(void **state) {
  static const struct fl_trace_policy_texts wrong[] = {{.record = "no"},        {.record = ""},
                                                       {.arguments = "values"}, {.redact = "key"},
                                                       {.redact = "email,all"}, {.redact = ","}};
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    struct fl_trace_policy policy = {.redacts = 2};
    if (fl_trace_policy_read(&wrong[i], &policy, NULL) != FL_E_INVALID) fail_msg("row %zu was read", i);
    assert_true(policy.redacts == 2 && !policy.is_off);
  }
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
      cmocka_unit_test(texts_are_read),        cmocka_unit_test(mistakes_are_said),
      cmocka_unit_test(a_section_says_it_too), cmocka_unit_test(the_environment_overrides_it),
      cmocka_unit_test(wrong_words_are_said),  cmocka_unit_test(the_draw_is_fair_and_stays),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
