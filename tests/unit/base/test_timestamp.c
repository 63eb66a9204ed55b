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

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(tells_the_time)};
  return cmocka_run_group_tests_name("timestamp", tests, NULL, NULL);
}
