/* SPDX-License-Identifier: MIT */
/* Spans as text: what is written is read again, and what is no row is refused. */
#include "runtime/trace/span.h"

#include "runtime/base/mem.h"
#include "tests/support/support.h"

#include <stdio.h>
#include <string.h>

static struct fl_span span_of(enum fl_span_kind kind, uint32_t n, const char *name) {
  return (struct fl_span){.kind = kind, .n = n, .parent = 1, .start_us = 10 * n, .duration_us = 5, .name = name};
}

static void add(struct fl_buf *row, enum fl_span_kind kind, uint32_t n, const char *name) {
  struct fl_span span = span_of(kind, n, name);
  struct fl_span_writer writer = fl_span_begin(row, &span);
  fl_span_end(&writer);
}

static void spans_are_written_as_arrays(void **state) {
  struct fl_buf row = {0};
  struct fl_span span = span_of(FL_SPAN_MODEL, 7, "gpt \"4\"\n");
  add(&row, FL_SPAN_NODE, 2, "agent");
  struct fl_span_writer writer = fl_span_begin(&row, &span);
  fl_span_add_int(&writer, "input_tokens", -12);
  fl_span_add_text(&writer, "stop", NULL);
  fl_span_add_text(&writer, "error", "h\xc3\xa9 \xff");
  fl_span_end(&writer);
  FL_FREE_AUTO char *text = fl_spans_take(&row, NULL);
  assert_string_equal(text, "[[2,2,1,20,5,\"agent\"],[3,7,1,70,5,\"gpt \\\"4\\\"\\n\","
                            "{\"input_tokens\":-12,\"error\":\"h\xc3\xa9 \xef\xbf\xbd\"}]]");
}

static void spans_of_two_buffers_stand_behind_one_another(void **state) {
  struct fl_buf first = {0}, second = {0};
  fl_spans_move(&first, &second);
  assert_int_equal(first.size, 0);
  add(&second, FL_SPAN_NODE, 2, "a");
  fl_spans_move(&first, &second);
  assert_int_equal(second.size, 0);
  add(&second, FL_SPAN_NODE, 3, "b");
  fl_spans_move(&first, &second);
  FL_FREE_AUTO char *text = fl_spans_take(&first, NULL);
  assert_string_equal(text, "[[2,2,1,20,5,\"a\"],[2,3,1,30,5,\"b\"]]");
  fl_buf_deinit(&second);
}

struct seen {
  size_t count;
  char text[256];
};

static void see(const struct fl_span *span, void *user) {
  struct seen *seen = user;
  size_t used = strlen(seen->text);
  seen->count++;
  snprintf(seen->text + used, sizeof seen->text - used, "%s %u<%u %lld+%lld %s %d;", fl_span_kind_name(span->kind),
           span->n, span->parent, (long long)span->start_us, (long long)span->duration_us, span->name,
           (int)fl_get_int(span->attributes, "step", -1));
}

static int read_text(const char *text, struct seen *seen, struct fl_error *err) {
  *seen = (struct seen){0};
  return fl_spans_read(fl_slice_of(text), see, seen, err);
}

static void rows_are_read(void **state) {
  struct seen seen;
  struct fl_error err = {0};
  assert_int_equal(read_text("[]", &seen, &err), 0);
  assert_int_equal(seen.count, 0);
  assert_int_equal(read_text("[[1,2,1,0,9,\"\",{\"step\":4}],[8,3,1,0,0,\"resume\"]]", &seen, &err), 0);
  assert_string_equal(seen.text, "step 2<1 0+9  4;resume 3<1 0+0 resume -1;");
  assert_int_equal(read_text("[[99,2,1,0,9,\"of later\"],[2,3,1,0,0,\"known\"]]", &seen, &err), 0);
  assert_string_equal(seen.text, "node 3<1 0+0 known -1;");
}

static void what_is_no_row_is_refused(void **state) {
  static const char *const texts[] = {"",
                                      "{}",
                                      "[1]",
                                      "[[]]",
                                      "[[1,2,1,0,\"\"]]",
                                      "[[1,2,1,0,9,null]]",
                                      "[[1,0,1,0,9,\"\"]]",
                                      "[[1,-2,1,0,9,\"\"]]",
                                      "[[1,4294967296,1,0,9,\"\"]]",
                                      "[[1,2,-1,0,9,\"\"]]",
                                      "[[1,2,1,0.5,9,\"\"]]",
                                      "[[1,2,1,0,9,\"\",7]]",
                                      "[[1,2,1,0,9,\"\"]"};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    struct seen seen;
    struct fl_error err = {0};
    if (read_text(texts[i], &seen, &err) != FL_E_CORRUPT) fail_msg("%s was read", texts[i]);
    assert_string_equal(err.text, "a row of spans is damaged");
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(spans_are_written_as_arrays),
      cmocka_unit_test(spans_of_two_buffers_stand_behind_one_another),
      cmocka_unit_test(rows_are_read),
      cmocka_unit_test(what_is_no_row_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
