/* SPDX-License-Identifier: MIT */
/* The tools that ship: what they compute, and what they say about what they cannot. */
#include "tests/support/support.h"
#include "tools/builtin/builtin.h"
#include "tools/builtin/calculator.h"
#include "tools/builtin/zone.h"
#include "runtime/io/world_sim.h"
#include "tools/source.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- calculator ---- */

static void expressions_have_their_values(void **state) {
  static const struct {
    const char *text;
    double value;
  } rows[] = {
      {"007 + 0", 7},
      {"999999999999999", 999999999999999},
      {"9999999999999999", 9999999999999999.0},
      {"123456789012345 * 2", 246913578024690},
      {"18446744073709551617", 18446744073709551616.0},
      {"1", 1},
      {" 1 + 2 * 3 ", 7},
      {"(1+2)*3", 9},
      {"2^3^2", 512},
      {"-2^2", -4},
      {"2^-1", 0.5},
      {"--3", 3},
      {"+-+3", -3},
      {"7 % 4", 3},
      {"-7 % 4", -3},
      {"10 - 4 - 3", 3},
      {"100 / 10 / 5", 2},
      {".5 + 5.", 5.5},
      {"1e3", 1000},
      {"1.5E-2", 0.015},
      {"007", 7},
      {"0", 0},
      {"000.250", 0.25},
      {"123456789012345678901234567890", 123456789012345678901234567890.0},
      {"sqrt(16)", 4},
      {"cbrt(27)", 3},
      {"abs(-2)", 2},
      {"sign(-9)", -1},
      {"sign(0)", 0},
      {"floor(-1.5)", -2},
      {"ceil(1.2)", 2},
      {"round(2.5)", 3},
      {"trunc(-2.7)", -2},
      {"ln(e)", 1},
      {"log(1000)", 3},
      {"log2(8)", 3},
      {"log10(0.01)", -2},
      {"cos(0)", 1},
      {"sin(pi/2)", 1},
      {"tau - 2*pi", 0},
      {"atan2(1, 1) * 4 - pi", 0},
      {"hypot(3,4)", 5},
      {"pow(2, 10)", 1024},
      {"mod(7, 4)", 3},
      {"min(3, 1, 2)", 1},
      {"max(3)", 3},
      {"sum(1,2,3,4)", 10},
      {"max(1, min(5, 3)) ^ 2", 9},
      {"exp(0)", 1},
      {"0.1 + 0.2", 0.1 + 0.2},
      {"2 e", 0},
  };
  char error[FL_CALCULATOR_ERROR_MAX];
  for (size_t i = 0; i + 1 < sizeof rows / sizeof rows[0]; i++) {
    double value = NAN;
    if (!fl_calculate(rows[i].text, &value, error)) fail_msg("%s: %s", rows[i].text, error);
    if (value != rows[i].value) fail_msg("%s gives %.17g", rows[i].text, value);
  }
}

static void wrong_expressions_are_explained(void **state) {
  static const char *const rows[][2] = {
      {"", "The expression ends where a value is expected (position 1)"},
      {"1 +", "The expression ends where a value is expected (position 4)"},
      {"1 + * 2", "Expected a number, a name or \"(\" (position 5)"},
      {"(1 + 2", "This \"(\" is never closed (position 1)"},
      {"1 + 2)", "This \")\" closes nothing (position 6)"},
      {"1 2", "Expected an operator (+ - * / % ^) (position 3)"},
      {"2 e", "Expected an operator (+ - * / % ^) (position 3)"},
      {"2x", "Expected an operator after the number (position 2)"},
      {"1.2.3", "Expected an operator after the number (position 4)"},
      {".", "\".\" is not a number (position 1)"},
      {"1/0", "Division by zero (position 2)"},
      {"5 % (2-2)", "Division by zero (position 3)"},
      {"sqrt(-1)", "sqrt has no finite real value here (position 1)"},
      {"ln(0)", "ln has no finite real value here (position 1)"},
      {"(-8)^(1/3)", "\"^\" has no finite real value here (position 5)"},
      {"1e308 * 10", "The result has no finite real value here (position 7)"},
      {"1e999", "\"1e999\" is too large (position 1)"},
      {"sqrt(1, 2)", "sqrt takes 1 argument, not 2 (position 1)"},
      {"atan2(1)", "atan2 takes 2 arguments, not 1 (position 1)"},
      {"sqrt 4", "\"sqrt\" is not a constant (pi, e, tau), and a function needs \"(\" after its name (position 1)"},
      {"nope(1)", "There is no function \"nope\" (position 1)"},
      {"max()", "Expected a number, a name or \"(\" (position 5)"},
      {"max(1;2)", "Expected \")\" or \",\" in the arguments of max (position 6)"},
      {"system(\"x\")", "Expected a number, a name or \"(\" (position 8)"},
  };
  char error[FL_CALCULATOR_ERROR_MAX];
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    double value = 7;
    if (fl_calculate(rows[i][0], &value, error)) fail_msg("%s gives %.17g", rows[i][0], value);
    if (strcmp(error, rows[i][1]) != 0) fail_msg("%s: %s", rows[i][0], error);
    assert_true(value == 7);
  }
}

static void size_and_depth_are_limited(void **state) {
  char text[FL_CALCULATOR_TEXT_MAX + 2], error[FL_CALCULATOR_ERROR_MAX];
  double value;
  memset(text, '(', sizeof text);
  text[FL_CALCULATOR_TEXT_MAX] = '\0';
  assert_false(fl_calculate(text, &value, error));
  assert_non_null(strstr(error, "nested more than 100 deep"));
  memset(text, '-', FL_CALCULATOR_TEXT_MAX);
  assert_false(fl_calculate(text, &value, error));
  assert_non_null(strstr(error, "nested more than 100 deep"));
  memset(text, '1', sizeof text);
  text[FL_CALCULATOR_TEXT_MAX + 1] = '\0';
  assert_false(fl_calculate(text, &value, error));
  assert_non_null(strstr(error, "more than 4096 characters"));
  memset(text, '1', 100);
  text[100] = '\0';
  assert_false(fl_calculate(text, &value, error));
  assert_non_null(strstr(error, "a number has more than 64 characters"));
}

/* ---- zones ---- */

static void dates_and_days_agree(void **state) {
  assert_int_equal(fl_days_of_date(1970, 1, 1), 0);
  assert_int_equal(fl_days_of_date(2000, 3, 1), 11017);
  assert_int_equal(fl_days_of_date(1969, 12, 31), -1);
  for (int64_t days = -800000; days < 800000; days += 13) {
    int64_t year;
    int month, day;
    fl_date_of_days(days, &year, &month, &day);
    assert_int_equal(fl_days_of_date(year, month, day), days);
    struct tm parts;
    time_t seconds = (time_t)days * 86400;
    gmtime_r(&seconds, &parts);
    assert_int_equal(year, parts.tm_year + 1900);
    assert_int_equal(month, parts.tm_mon + 1);
    assert_int_equal(day, parts.tm_mday);
  }
}

static void rules_give_offsets(void **state) {
  static const struct {
    const char *rule;
    int64_t unix_s;
    int offset_s;
  } rows[] = {
      {"UTC0", 0, 0},
      {"<+03>-3", 0, 10800},
      {"EST5", 0, -18000},
      {"<-0330>3:30", 0, -12600},
      {"CET-1CEST,M3.5.0,M10.5.0/3", 1774745999, 3600}, /* 2026-03-29T00:59:59Z */
      {"CET-1CEST,M3.5.0,M10.5.0/3", 1774746000, 7200},
      {"CET-1CEST,M3.5.0,M10.5.0/3", 1792889999, 7200}, /* 2026-10-25T00:59:59Z */
      {"CET-1CEST,M3.5.0,M10.5.0/3", 1792890000, 3600},
      {"AEST-10AEDT,M10.1.0,M4.1.0/3", 1767225600, 39600}, /* summer in January */
      {"AEST-10AEDT,M10.1.0,M4.1.0/3", 1782864000, 36000},
      {"AAA3BBB2,J60/0,J300/0", 1772323200, -10800}, /* 2026-03-01T00:00:00Z is 21:00 of the day before */
      {"AAA3BBB2,J60/0,J300/0", 1772334000, -7200},
      {"AAA3BBB,59/0,299/0", 1772334000, -7200},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    int offset = 12345;
    assert_true(fl_posix_offset(rows[i].rule, rows[i].unix_s, &offset));
    if (offset != rows[i].offset_s) fail_msg("%s at %lld: %d", rows[i].rule, (long long)rows[i].unix_s, offset);
  }
  static const char *const wrong[] = {"",
                                      "A5",
                                      "EST",
                                      "CET-1CEST",
                                      "CET-1CEST,M3.5.0",
                                      "CET-1CEST,M13.5.0,M10.5.0",
                                      "CET-1CEST,M3.6.0,M10.5.0",
                                      "CET-1CEST,M3.5.0,M10.5.0x",
                                      "<>5",
                                      "<abc5",
                                      "EST999"};
  int offset;
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
    if (fl_posix_offset(wrong[i], 0, &offset)) fail_msg("accepted \"%s\"", wrong[i]);
}

/* The C library reads the same files in its own way. */
static void zone_files_are_read_as_the_system_reads_them(void **state) {
  static const char *const names[] = {"Europe/Berlin",       "America/New_York",  "Asia/Kolkata",
                                      "Australia/Lord_Howe", "Africa/Casablanca", "America/St_Johns",
                                      "Asia/Tehran",         "Pacific/Apia",      "Europe/Dublin"};
  struct fl_zone zone;
  if (!fl_zone_open(&zone, names[0])) skip();
  fl_zone_close(&zone);
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    if (!fl_zone_open(&zone, names[i])) fail_msg("no zone %s", names[i]);
    setenv("TZ", names[i], 1);
    tzset();
    for (time_t moment = -2000000000; moment < 4000000000; moment += 1234567) {
      struct tm parts;
      localtime_r(&moment, &parts);
      if (fl_zone_offset(&zone, moment) != parts.tm_gmtoff)
        fail_msg("%s at %lld: %d, not %ld", names[i], (long long)moment, fl_zone_offset(&zone, moment),
                 parts.tm_gmtoff);
    }
    fl_zone_close(&zone);
  }
  unsetenv("TZ");
}

static void zones_that_do_not_exist_are_refused(void **state) {
  static const char *const wrong[] = {"",   "Europe/Atlantis", "../../etc/passwd", "/etc/passwd", "Europe", "+25:00",
                                      "+1", "+01:0",           "+01:000",          "-",           "a b"};
  struct fl_zone zone;
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
    if (fl_zone_open(&zone, wrong[i])) fail_msg("accepted \"%s\"", wrong[i]);
  int offset;
  assert_false(fl_tzif_offset((const uint8_t *)"TZif2", 5, 0, &offset));
}

/* ---- as tools ---- */

static struct fl_world *world;
static struct fl_tool_source *source;
static char answer[2000];

static void on_done(struct fl_tool_request *request, int status, struct fl_value *result, bool sent,
                    const struct fl_error *err) {
  assert_int_equal(status, 0);
  char *text = fl_dump(fl_get_bool(result, "isError", false) ? fl_get(fl_at(fl_get(result, "content"), 0), "text")
                                                             : fl_get(result, "structuredContent"),
                       NULL);
  snprintf(answer, sizeof answer, "%s", text);
  fl_text_free(text);
}

static const char *ask(const char *tool, const char *args_text) {
  FL_VALUE_AUTO args = NULL;
  assert_int_equal(fl_parse(args_text, strlen(args_text), &args, NULL), 0);
  struct fl_tool_request request = {.tool = tool, .args = args, .on_done = on_done};
  answer[0] = '\0';
  source->ops->call(source, &request);
  fl_world_sim_run(world);
  return answer;
}

static void on_closed(struct fl_tool_source *from) {}

static int setup(void **state) {
  world = fl_world_sim_create(1);
  struct fl_local_tools builtin = {"builtin", fl_builtin_tools, fl_builtin_tool_count};
  assert_int_equal(fl_tool_source_local(world, &builtin, &source, NULL), 0);
  source->on_closed = on_closed;
  return 0;
}

static int teardown(void **state) {
  source->ops->close(source);
  fl_world_sim_run(world);
  source->ops->destroy(source);
  fl_world_destroy(world);
  return 0;
}

static void the_calculator_answers(void **state) {
  assert_string_equal(ask("calculator", "{\"expression\":\"6*7\"}"), "{\"result\":42}");
  assert_string_equal(ask("calculator", "{\"expression\":\"1/4\"}"), "{\"result\":0.25}");
  assert_string_equal(ask("calculator", "{\"expression\":\"1/0\"}"), "\"Division by zero (position 2): 1/0\"");
  assert_non_null(strstr(ask("calculator", "{}"), "Invalid arguments for tool calculator"));
}

static void the_clock_converts(void **state) {
  static const char *const rows[][2] = {
      {"{\"time\":\"2026-03-29T12:00:00Z\",\"zone\":\"+05:30\"}",
       "{\"time\":\"2026-03-29T17:30:00+05:30\",\"zone\":\"+05:30\",\"utc\":\"2026-03-29T12:00:00Z\",\"unix\":"
       "1774785600,\"weekday\":\"Sunday\"}"},
      {"{\"time\":\"2026-03-29T12:00\"}", "{\"time\":\"2026-03-29T12:00:00+00:00\",\"zone\":\"UTC\",\"utc\":\"2026-03-"
                                          "29T12:00:00Z\",\"unix\":1774785600,\"weekday\":\"Sunday\"}"},
      {"{\"time\":\"2026-01-01 00:30:15.25-08:00\",\"zone\":\"-0330\"}",
       "{\"time\":\"2026-01-01T05:00:15-03:30\",\"zone\":\"-0330\",\"utc\":\"2026-01-01T08:30:15Z\",\"unix\":"
       "1767256215,\"weekday\":\"Thursday\"}"},
      {"{\"time\":\"1969-12-31\",\"zone\":\"+01\",\"from_zone\":\"+01\"}",
       "{\"time\":\"1969-12-31T00:00:00+01:00\",\"zone\":\"+01\",\"utc\":\"1969-12-30T23:00:00Z\",\"unix\":-90000,"
       "\"weekday\":\"Wednesday\"}"},
      {"{\"time\":\"2026-02-29\"}",
       "\"\\\"2026-02-29\\\" is not a time; write it as 2026-03-29T12:00 or 2026-03-29T12:00:00+02:00\""},
      {"{\"zone\":\"Mars\"}",
       "\"There is no time zone \\\"Mars\\\"; use a name such as Europe/Berlin, UTC, or an offset such as +05:30\""},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) assert_string_equal(ask("time", rows[i][0]), rows[i][1]);
  static const char *const wrong[] = {"",
                                      "now",
                                      "2026-13-01",
                                      "2026-00-01",
                                      "2026-01-00",
                                      "2026-01-01T",
                                      "2026-01-01T24:00",
                                      "2026-01-01T12:60",
                                      "2026-01-01T12:00:60",
                                      "2026-01-01T12:00x",
                                      "2026-01-01T12:00+2",
                                      "20260101",
                                      "2026-1-1"};
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    char args[200];
    snprintf(args, sizeof args, "{\"time\":\"%s\"}", wrong[i]);
    if (strstr(ask("time", args), "is not a time") == NULL) fail_msg("%s: %s", wrong[i], answer);
  }
}

static void clocks_that_are_set_do_not_confuse_it(void **state) {
  struct fl_zone zone;
  if (!fl_zone_open(&zone, "Europe/Berlin")) skip();
  fl_zone_close(&zone);
  static const char *const rows[][2] = {
      {"2026-03-29T01:59:59", "2026-03-29T01:59:59+01:00"}, {"2026-03-29T03:00:00", "2026-03-29T03:00:00+02:00"},
      {"2026-03-29T02:30:00", "2026-03-29T03:30:00+02:00"}, /* skipped */
      {"2026-10-25T02:30:00", "2026-10-25T02:30:00+02:00"}, /* comes twice: the first */
      {"2026-10-25T03:00:00", "2026-10-25T03:00:00+01:00"}, {"2126-07-01T12:00:00", "2126-07-01T12:00:00+02:00"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    char args[200];
    snprintf(args, sizeof args, "{\"time\":\"%s\",\"from_zone\":\"Europe/Berlin\",\"zone\":\"Europe/Berlin\"}",
             rows[i][0]);
    if (strstr(ask("time", args), rows[i][1]) == NULL) fail_msg("%s: %s", rows[i][0], answer);
  }
}

static void the_clock_tells_now(void **state) {
  int64_t before = (int64_t)time(NULL);
  FL_VALUE_AUTO told = NULL;
  const char *text = ask("time", "{}");
  assert_int_equal(fl_parse(text, strlen(text), &told, NULL), 0);
  int64_t now = fl_get_int(told, "unix", 0);
  assert_true(now >= before && now <= (int64_t)time(NULL));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(expressions_have_their_values),
      cmocka_unit_test(wrong_expressions_are_explained),
      cmocka_unit_test(size_and_depth_are_limited),
      cmocka_unit_test(dates_and_days_agree),
      cmocka_unit_test(rules_give_offsets),
      cmocka_unit_test(zone_files_are_read_as_the_system_reads_them),
      cmocka_unit_test(zones_that_do_not_exist_are_refused),
      cmocka_unit_test_setup_teardown(the_calculator_answers, setup, teardown),
      cmocka_unit_test_setup_teardown(the_clock_converts, setup, teardown),
      cmocka_unit_test_setup_teardown(clocks_that_are_set_do_not_confuse_it, setup, teardown),
      cmocka_unit_test_setup_teardown(the_clock_tells_now, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
