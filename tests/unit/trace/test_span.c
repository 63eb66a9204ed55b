/* SPDX-License-Identifier: MIT */
/* Spans as bytes: what is written is read again, and what is no row is refused. */
#include "runtime/trace/span.h"

#include "runtime/base/mem.h"
#include "runtime/json/json.h"
#include "tests/support/support.h"

#include <stdio.h>
#include <string.h>

static struct fl_span span_of(enum fl_span_kind kind, uint32_t n, const char *name) {
  return (struct fl_span){.kind = kind, .n = n, .parent = 1, .start_us = 10 * n, .duration_us = 5, .name = name};
}

static void add(struct fl_buf *row, enum fl_span_kind kind, uint32_t n, const char *name) {
  struct fl_span span = span_of(kind, n, name);
  fl_span_begin(row, &span);
  fl_span_end(row);
}

static void tell(const struct fl_span *span, void *user) {
  struct fl_buf *told = user;
  fl_buf_addf(told, "[%d,%u,%u,%lld,%lld,\"%s\"", span->kind, span->n, span->parent, (long long)span->start_us,
              (long long)span->duration_us, span->name);
  if (span->attributes != NULL) {
    fl_buf_add_char(told, ',');
    fl_json_write(told, span->attributes, FL_JSON_COMPACT);
  }
  fl_buf_add_char(told, ']');
}

static void assert_told(struct fl_buf *row, const char *expected) {
  size_t size;
  FL_FREE_AUTO char *bytes = fl_spans_take(row, &size);
  FL_BUF_AUTO told = {0};
  struct fl_error err = {0};
  if (fl_spans_read(fl_slice_n(bytes, size), tell, &told, &err) != 0) fail_msg("%s", err.text);
  assert_string_equal(told.data, expected);
}

static void spans_are_written_and_read(void **state) {
  struct fl_buf row = {0};
  struct fl_span span = span_of(FL_SPAN_MODEL, 7, "gpt \n \xff");
  add(&row, FL_SPAN_NODE, 2, "agent");
  fl_span_begin(&row, &span);
  fl_span_add_int(&row, FL_SPAN_INPUT_TOKENS_KEY, -12);
  fl_span_add_text(&row, FL_SPAN_STOP_KEY, NULL);
  fl_span_add_text(&row, FL_SPAN_ERROR_KEY, "h\xc3\xa9 \xff");
  fl_span_end(&row);
  assert_told(&row, "[2,2,1,20,5,\"agent\"][3,7,1,70,5,\"gpt \n \xef\xbf\xbd\",{\"input_tokens\":-12,"
                    "\"error\":\"h\xc3\xa9 \xef\xbf\xbd\"}]");
}

static void numbers_of_every_size_are_kept(void **state) {
  static const int64_t numbers[] = {0, 1, -1, 63, 64, -64, -65, 8191, 8192, INT64_MAX, INT64_MIN};
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
    struct fl_buf row = {0};
    char expected[200];
    struct fl_span span = {.kind = FL_SPAN_STEP,
                           .n = UINT32_MAX,
                           .parent = UINT32_MAX,
                           .start_us = numbers[i],
                           .duration_us = numbers[i],
                           .name = ""};
    fl_span_begin(&row, &span);
    fl_span_add_int(&row, FL_SPAN_EXIT_KEY, numbers[i]);
    fl_span_end(&row);
    snprintf(expected, sizeof expected, "[1,4294967295,4294967295,%lld,%lld,\"\",{\"exit\":%lld}]",
             (long long)numbers[i], (long long)numbers[i], (long long)numbers[i]);
    assert_told(&row, expected);
  }
}

/* Those that come later take a byte more. */
static void every_attribute_is_read_again(void **state) {
#define NAME(upper, lower) #lower,
  static const char *const names[] = {FL_SPAN_KEYS(NAME)};
#undef NAME
  for (size_t i = 0; i < FL_SPAN_KEY_COUNT; i++) {
    struct fl_buf row = {0};
    char expected[300];
    struct fl_span span = span_of(FL_SPAN_TOOL, 2, "t");
    const char *id = "0192f3c1-5a4d-7645-a680-810e05f019d6";
    fl_span_begin(&row, &span);
    fl_span_add_int(&row, (enum fl_span_key)i, 5);
    fl_span_end(&row);
    fl_span_begin(&row, &span);
    fl_span_add_text(&row, (enum fl_span_key)i, "x");
    fl_span_end(&row);
    fl_span_begin(&row, &span);
    fl_span_add_id(&row, (enum fl_span_key)i, id);
    fl_span_end(&row);
    snprintf(expected, sizeof expected,
             "[4,2,1,20,5,\"t\",{\"%s\":5}][4,2,1,20,5,\"t\",{\"%s\":\"x\"}][4,2,1,20,5,\"t\",{\"%s\":\"%s\"}]",
             names[i], names[i], names[i], id);
    assert_told(&row, expected);
  }
}

static void ids_are_sixteen_bytes_or_a_text(void **state) {
  static const char uuid[] = "0192f3c1-5a4d-7645-a680-810e05f019d6";
  struct fl_buf row = {0}, longer = {0};
  struct fl_span span = span_of(FL_SPAN_NODE, 2, "n");
  fl_span_begin(&row, &span);
  fl_span_begin(&longer, &span);
  fl_span_add_id(&row, FL_SPAN_TASK_KEY, uuid);
  fl_span_add_text(&longer, FL_SPAN_TASK_KEY, uuid);
  assert_int_equal(longer.size - row.size, 21);
  fl_span_add_id(&row, FL_SPAN_CALL_KEY, "call-7");
  fl_span_add_id(&row, FL_SPAN_CHECKPOINT_KEY, NULL);
  fl_span_end(&row);
  assert_told(&row, "[2,2,1,20,5,\"n\",{\"task\":\"0192f3c1-5a4d-7645-a680-810e05f019d6\",\"call\":\"call-7\"}]");
  fl_buf_deinit(&longer);
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
  assert_told(&first, "[2,2,1,20,5,\"a\"][2,3,1,30,5,\"b\"]");
  fl_buf_deinit(&second);
}

static void ignore(const struct fl_span *span, void *user) {}

/* A row that ends anywhere but behind a span is none; and what a later version adds is passed over. */
static void bytes_that_are_no_row_are_refused(void **state) {
  struct fl_buf row = {0};
  struct fl_span span = span_of(FL_SPAN_TOOL, 2, "files/read");
  fl_span_begin(&row, &span);
  fl_span_add_id(&row, FL_SPAN_CALL_KEY, "0192f3c1-5a4d-7645-a680-810e05f019d6");
  fl_span_add_text(&row, FL_SPAN_EFFECT_KEY, "read");
  fl_span_add_int(&row, FL_SPAN_BYTES_KEY, 70000);
  fl_span_end(&row);
  for (size_t size = 2; size < row.size; size++)
    if (fl_spans_read(fl_slice_n(row.data, size), ignore, NULL, NULL) != FL_E_CORRUPT)
      fail_msg("%zu of %zu bytes were read", size, row.size);
  fl_buf_deinit(&row);
  static const struct {
    const char *bytes;
    size_t size;
    int rc;
  } cases[] = {{"\1", 1, 0},
               {"\1\2\2\1\0\0\1a\0", 9, 0},
               {"\1\2\0\1\0\0\1a\0", 9, FL_E_CORRUPT},    /* a span without a number */
               {"\1\2\2\1\0\0\1a\3\0", 10, FL_E_CORRUPT}, /* an attribute of no key */
               {"\1\2\2\1\0\0\1a\7\0", 10, FL_E_CORRUPT}, /* a way to write that is not known */
               {"\1\2\2\1\0\0\1a\xfc\1\6\0", 12, 0},      /* an attribute of a later version */
               {"\1\x63\2\1\0\0\1a\0", 9, 0},             /* a kind of a later version */
               {"\1\2\2\1\0\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\1a\0", 18, FL_E_CORRUPT}, /* a size of 2^64 */
               {"\1\2\2\1\0\0\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\1", 18, FL_E_CORRUPT},
               {"\2\2\2\1\0\0\1a\0", 9, FL_E_CORRUPT}}; /* another format */
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    if (fl_spans_read(fl_slice_n(cases[i].bytes, cases[i].size), ignore, NULL, NULL) != cases[i].rc)
      fail_msg("case %zu", i);
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

static void rows_of_json_are_read(void **state) {
  struct seen seen;
  struct fl_error err = {0};
  assert_int_equal(read_text("[]", &seen, &err), 0);
  assert_int_equal(seen.count, 0);
  assert_int_equal(read_text("[[1,2,1,0,9,\"\",{\"step\":4}],[8,3,1,0,0,\"resume\"]]", &seen, &err), 0);
  assert_string_equal(seen.text, "step 2<1 0+9  4;resume 3<1 0+0 resume -1;");
  assert_int_equal(read_text("[[99,2,1,0,9,\"of later\"],[2,3,1,0,0,\"known\"]]", &seen, &err), 0);
  assert_string_equal(seen.text, "node 3<1 0+0 known -1;");
}

static void json_that_is_no_row_is_refused(void **state) {
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
      cmocka_unit_test(spans_are_written_and_read),
      cmocka_unit_test(numbers_of_every_size_are_kept),
      cmocka_unit_test(every_attribute_is_read_again),
      cmocka_unit_test(ids_are_sixteen_bytes_or_a_text),
      cmocka_unit_test(bytes_that_are_no_row_are_refused),
      cmocka_unit_test(spans_of_two_buffers_stand_behind_one_another),
      cmocka_unit_test(rows_of_json_are_read),
      cmocka_unit_test(json_that_is_no_row_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
