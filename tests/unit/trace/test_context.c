/* SPDX-License-Identifier: MIT */
/* W3C Trace Context: what is valid, what is not, and ids that follow from a run and a number. */
#include "runtime/trace/context.h"

#include "tests/support/support.h"

#include <stdio.h>
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

/* A character so many times, and what stands around it. */
static const char *repeated(const char *before, char c, size_t count, const char *after) {
  static char text[2000];
  char middle[1000] = "";
  memset(middle, c, count);
  middle[count] = '\0';
  snprintf(text, sizeof text, "%s%s%s", before, middle, after);
  return text;
}

static const char *members(size_t count) {
  static char text[1000];
  size_t size = 0;
  for (size_t i = 0; i < count; i++) size += (size_t)snprintf(text + size, sizeof text - size, "k%zu=v,", i);
  text[size - 1] = '\0';
  return text;
}

static void tracestates_that_the_grammar_has_are_handed_on(void **state) {
  static const char *const texts[] = {"vendor=1,other=x y",
                                      "a=1",
                                      "a=1,",
                                      " a=1 ,\tb=2\t",
                                      ",,a=1,,",
                                      "a_-*/9=1",
                                      "1tenant@system=1",
                                      "t_-*/@s_-*/=1",
                                      "a= 1",
                                      "a=!\"#$%&'()*+-./:;<>?@[\\]^_`{|}~",
                                      "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
    if (!fl_tracestate_is_valid(texts[i])) fail_msg("\"%s\" was refused", texts[i]);
  assert_true(fl_tracestate_is_valid(members(32)));
  assert_true(fl_tracestate_is_valid(repeated("a=", 'v', 256, "")));
  assert_true(fl_tracestate_is_valid(repeated("", 'k', 256, "=1")));
  assert_true(fl_tracestate_is_valid(repeated("", 't', 241, "@abcdefghijklmn=1")));
  assert_true(fl_tracestate_is_valid(repeated("a=1", ' ', FL_TRACESTATE_MAX - 3, "")));
}

static void others_are_not(void **state) {
  static const char *const texts[] = {"",           " ",
                                      ",",          "a",
                                      "=1",         "a=",
                                      "a=1=2",      "A=1",
                                      "1a=1",       "a =1",
                                      "a=1,b",      "a=1;b=2",
                                      "a=1,a=2",    "@s=1",
                                      "t@=1",       "t@S=1",
                                      "t@1=1",      "-t@s=1",
                                      "a@b@c=1",    "a.b=1",
                                      "a=\xc3\xa9", "a=1\r\nX-Evil: 1",
                                      "a=\t1"};
  assert_false(fl_tracestate_is_valid(NULL));
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
    if (fl_tracestate_is_valid(texts[i])) fail_msg("\"%s\" was taken", texts[i]);
  assert_false(fl_tracestate_is_valid(members(33)));
  assert_false(fl_tracestate_is_valid(repeated("a=", 'v', 257, "")));
  assert_false(fl_tracestate_is_valid(repeated("", 'k', 257, "=1")));
  assert_false(fl_tracestate_is_valid(repeated("", 't', 242, "@s=1")));
  assert_false(fl_tracestate_is_valid(repeated("t@", 's', 15, "=1")));
  assert_false(fl_tracestate_is_valid(repeated("a=1", ' ', FL_TRACESTATE_MAX - 2, "")));
}

static void flags_that_nobody_knows_go_no_further(void **state) {
  struct fl_trace_context context = {0}, again = {0};
  char text[FL_TRACEPARENT_SIZE];
  assert_true(fl_traceparent_read("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-fe", &context));
  fl_traceparent_write(&context, run, 2, text);
  assert_true(fl_traceparent_read(text, &again));
  assert_int_equal(again.flags, 2); /* not sampled, of a random id */
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
      cmocka_unit_test(tracestates_that_the_grammar_has_are_handed_on),
      cmocka_unit_test(others_are_not),
      cmocka_unit_test(flags_that_nobody_knows_go_no_further),
      cmocka_unit_test(users_are_hashed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
