/* SPDX-License-Identifier: MIT */
/* W3C Trace Context: what is valid, what is not, and ids that follow from a run and a number. */
#include "runtime/trace/context.h"

#include "tests/support/support.h"

#include <string.h>

static const char run[] = "0192f3c1-5a4d-7645-a680-810e05f019d6";

static void what_is_valid_is_read(void **state) {
  struct fl_trace_context context = {0};
  assert_true(fl_traceparent_read("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", &context));
  assert_string_equal(context.trace_id, "0af7651916cd43dd8448eb211c80319c");
  assert_string_equal(context.parent_id, "b7ad6b7169203331");
  assert_int_equal(context.flags, 1);
  /* a later version may have more behind a hyphen */
  assert_true(fl_traceparent_read("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-ff-more", &context));
  assert_int_equal(context.flags, 255);
  assert_true(fl_traceparent_read("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00", &context));
}

static void what_is_not_begins_another_trace(void **state) {
  static const char *const texts[] = {"",
                                      "00",
                                      "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
                                      "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1",
                                      "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
                                      "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                                      "0x-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                                      "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
                                      "00-00000000000000000000000000000000-b7ad6b7169203331-01",
                                      "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
                                      "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                                      "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00x",
                                      " 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"};
  struct fl_trace_context context = {0};
  assert_false(fl_traceparent_read(NULL, &context));
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
    if (fl_traceparent_read(texts[i], &context)) fail_msg("\"%s\" was read", texts[i]);
  assert_string_equal(context.trace_id, "");
}

static void what_is_written_is_read_again(void **state) {
  struct fl_trace_context context = {.flags = 1}, again = {0};
  char text[FL_TRACEPARENT_SIZE], span_id[17];
  fl_trace_id_of_run(run, context.trace_id);
  assert_string_equal(context.trace_id, "0192f3c15a4d7645a680810e05f019d6");
  fl_traceparent_write(&context, run, 7, text);
  assert_true(fl_traceparent_read(text, &again));
  fl_span_id(run, 7, span_id);
  assert_string_equal(again.parent_id, span_id);
  assert_string_equal(again.trace_id, context.trace_id);
}

static void spans_have_different_ids(void **state) {
  enum { COUNT = 500 };
  static char ids[COUNT][17];
  for (uint32_t n = 0; n < COUNT; n++) {
    fl_span_id(run, n, ids[n]);
    assert_int_equal(strlen(ids[n]), 16);
    for (uint32_t before = 0; before < n; before++) assert_string_not_equal(ids[n], ids[before]);
  }
  char again[17];
  fl_span_id(run, 3, again);
  assert_string_equal(again, ids[3]);
}

static void tracestates_are_handed_on_when_they_are_harmless(void **state) {
  char longest[FL_TRACESTATE_MAX + 2];
  memset(longest, 'a', sizeof longest - 1);
  longest[sizeof longest - 1] = '\0';
  assert_true(fl_tracestate_is_valid("vendor=1,other=x y"));
  assert_true(fl_tracestate_is_valid(longest + 1));
  assert_false(fl_tracestate_is_valid(longest));
  assert_false(fl_tracestate_is_valid(NULL));
  assert_false(fl_tracestate_is_valid(""));
  assert_false(fl_tracestate_is_valid("a=1\r\nX-Evil: 1"));
}

static void users_are_hashed(void **state) {
  char ada[FL_USER_HASH_SIZE], again[FL_USER_HASH_SIZE], bob[FL_USER_HASH_SIZE];
  fl_user_hash("ada@example.org", ada);
  fl_user_hash("ada@example.org", again);
  fl_user_hash("bob@example.org", bob);
  assert_string_equal(ada, again);
  assert_string_not_equal(ada, bob);
  assert_int_equal(strspn(ada, "0123456789abcdef"), 32);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_valid_is_read),
      cmocka_unit_test(what_is_not_begins_another_trace),
      cmocka_unit_test(what_is_written_is_read_again),
      cmocka_unit_test(spans_have_different_ids),
      cmocka_unit_test(tracestates_are_handed_on_when_they_are_harmless),
      cmocka_unit_test(users_are_hashed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
