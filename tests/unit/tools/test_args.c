/* SPDX-License-Identifier: MIT */
/* Arguments as a table: the schema that is made of it, and the struct that is filled by it. */
#include "runtime/json/schema.h"
#include "tests/support/support.h"
#include "tools/args.h"

#include <stddef.h>
#include <string.h>

struct trip {
  const char *from;
  int64_t crew;
  double knots;
  bool at_night;
  const struct fl_value *cargo;
};

static const char *const PORTS[] = {"lisbon", "le havre", NULL};
static const struct fl_arg ARGS[] = {
    {FL_ARG(struct trip, from, FL_ARG_STRING), .description = "A port.", .is_required = true, .values = PORTS},
    {FL_ARG(struct trip, crew, FL_ARG_INT), .least = 1, .most = 40},
    {FL_ARG(struct trip, knots, FL_ARG_DOUBLE), .least = 0.5, .most = 30},
    {FL_ARG(struct trip, at_night, FL_ARG_BOOL)},
    {FL_ARG(struct trip, cargo, FL_ARG_VALUE)},
    {0}};

static struct fl_value *parse(const char *text) {
  struct fl_value *value = NULL;
  assert_int_equal(fl_parse(text, strlen(text), &value, NULL), 0);
  return value;
}

static void the_schema_says_what_the_table_says(void **state) {
  FL_VALUE_AUTO schema = fl_args_schema(ARGS);
  char *text = fl_dump(schema, NULL);
  assert_string_equal(
      text,
      "{\"type\":\"object\",\"properties\":{"
      "\"from\":{\"type\":\"string\",\"description\":\"A port.\",\"enum\":[\"lisbon\",\"le havre\"]},"
      "\"crew\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":40},"
      "\"knots\":{\"type\":\"number\",\"minimum\":0.5,\"maximum\":30.0},"
      "\"at_night\":{\"type\":\"boolean\"},\"cargo\":{}},\"required\":[\"from\"],\"additionalProperties\":false}");
  fl_text_free(text);
}

static void the_schema_refuses_what_has_no_place(void **state) {
  static const struct {
    const char *args;
    bool fits;
  } cases[] = {{"{\"from\":\"lisbon\"}", true},
               {"{\"from\":\"lisbon\",\"crew\":40,\"knots\":0.5,\"at_night\":false,\"cargo\":[1]}", true},
               {"{}", false},
               {"{\"from\":\"rome\"}", false},
               {"{\"from\":\"lisbon\",\"crew\":0}", false},
               {"{\"from\":\"lisbon\",\"crew\":1.5}", false},
               {"{\"from\":\"lisbon\",\"knots\":31}", false},
               {"{\"from\":\"lisbon\",\"at_night\":1}", false},
               {"{\"from\":\"lisbon\",\"captain\":\"x\"}", false}};
  FL_VALUE_AUTO schema = fl_args_schema(ARGS);
  struct fl_schema *compiled = NULL;
  assert_int_equal(fl_schema_create(schema, NULL, &compiled, NULL), 0);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    FL_VALUE_AUTO args = parse(cases[i].args);
    struct fl_schema_result violations = {0};
    if ((fl_schema_validate(compiled, args, &violations) == 0) != cases[i].fits) fail_msg("%s", cases[i].args);
    fl_schema_result_deinit(&violations);
  }
  fl_schema_destroy(compiled);
}

static void a_struct_is_filled(void **state) {
  FL_VALUE_AUTO args =
      parse("{\"from\":\"lisbon\",\"crew\":12,\"knots\":7,\"at_night\":true,\"cargo\":{\"fish\":3},\"more\":1}");
  struct trip trip = {0};
  assert_int_equal(fl_args_read(args, ARGS, &trip, NULL), 0);
  assert_string_equal(trip.from, "lisbon");
  assert_int_equal(trip.crew, 12);
  assert_true(trip.knots == 7.0);
  assert_true(trip.at_night);
  assert_int_equal(fl_get_int(trip.cargo, "fish", 0), 3);
}

static void what_is_not_given_stays(void **state) {
  FL_VALUE_AUTO args = parse("{\"from\":\"le havre\",\"crew\":3.0}");
  struct trip trip = {.crew = 1, .knots = 5.5, .at_night = true};
  assert_int_equal(fl_args_read(args, ARGS, &trip, NULL), 0);
  assert_int_equal(trip.crew, 3);
  assert_true(trip.knots == 5.5 && trip.at_night && trip.cargo == NULL);
}

static void what_does_not_fit_is_named(void **state) {
  static const char *const wrong[][2] = {
      {"{}", "argument \"from\" is missing"},
      {"{\"from\":5}", "argument \"from\" must be a string"},
      {"{\"from\":\"x\",\"crew\":\"1\"}", "argument \"crew\" must be a integer"},
      {"{\"from\":\"x\",\"crew\":1.5}", "argument \"crew\" must be a integer"},
      {"{\"from\":\"x\",\"knots\":true}", "argument \"knots\" must be a number"},
      {"{\"from\":\"x\",\"at_night\":0}", "argument \"at_night\" must be a boolean"}};
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    FL_VALUE_AUTO args = parse(wrong[i][0]);
    struct trip trip = {0};
    struct fl_error err = {0};
    assert_int_equal(fl_args_read(args, ARGS, &trip, &err), FL_E_INVALID);
    assert_string_equal(err.text, wrong[i][1]);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(the_schema_says_what_the_table_says),
                                     cmocka_unit_test(the_schema_refuses_what_has_no_place),
                                     cmocka_unit_test(a_struct_is_filled), cmocka_unit_test(what_is_not_given_stays),
                                     cmocka_unit_test(what_does_not_fit_is_named)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
