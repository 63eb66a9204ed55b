/* SPDX-License-Identifier: MIT */
#include "runtime/base/timestamp.h"
#include "tests/support/support.h"

static const struct {
  int64_t wall_ms;
  const char *text;
} rows[] = {
    {0, "1970-01-01T00:00:00.000Z"},
    {1, "1970-01-01T00:00:00.001Z"},
    {-1, "1969-12-31T23:59:59.999Z"},
    {951782400000, "2000-02-29T00:00:00.000Z"},
    {1795387930123, "2026-11-22T22:52:10.123Z"},
    {-62167219200000, "0000-01-01T00:00:00.000Z"},
    {253402300799999, "9999-12-31T23:59:59.999Z"},
    {253402300800000, "1970-01-01T00:00:00.000Z"},
    {INT64_MIN, "1970-01-01T00:00:00.000Z"},
};

static void tells_the_time(void **state) {
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    char text[FL_TIMESTAMP_SIZE];
    fl_timestamp(rows[i].wall_ms, text);
    assert_string_equal(text, rows[i].text);
  }
}

static void ages_are_read(void **state) {
  static const char *const wrong[] = {"",
                                      "0s",
                                      "d",
                                      "30",
                                      "30D",
                                      "30 d",
                                      " 30d",
                                      "+3d",
                                      "-3d",
                                      "1.5h",
                                      "30dd",
                                      "3ms",
                                      "99999999999999999999s",
                                      "9223372036854775807s"};
  assert_int_equal(fl_age_ms("90s"), 90000);
  assert_int_equal(fl_age_ms("045m"), 45 * 60000);
  assert_int_equal(fl_age_ms("12h"), 12 * 3600000);
  assert_true(fl_age_ms("30d") == (int64_t)30 * 86400000);
  assert_true(fl_age_ms("4w") == (int64_t)28 * 86400000);
  assert_true(fl_age_ms("9223372036854775s") == 9223372036854775000);
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
    if (fl_age_ms(wrong[i]) != -1) fail_msg("\"%s\" was read", wrong[i]);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(tells_the_time), cmocka_unit_test(ages_are_read)};
  return cmocka_run_group_tests_name("timestamp", tests, NULL, NULL);
}
