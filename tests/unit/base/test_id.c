/* SPDX-License-Identifier: MIT */
#include "runtime/base/id.h"
#include "tests/support/support.h"

/* The examples of RFC 9562, appendix A.5 and A.6. */
static void follows_the_rfc(void **state) {
  char text[FL_UUID_SIZE];
  const uint8_t node[6] = {0x9f, 0x6b, 0xde, 0xce, 0xd8, 0x46};
  fl_uuid6(16455577420000000, 0x33c8, node, text);
  assert_string_equal(text, "1ec9414c-232a-6b00-b3c8-9f6bdeced846");
  const uint8_t random[10] = {0x0c, 0xc3, 0x18, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f};
  fl_uuid7(1645557742000, random, text);
  assert_string_equal(text, "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
}

static void uuid6_sorts_by_time(void **state) {
  char earlier[FL_UUID_SIZE], later[FL_UUID_SIZE];
  const uint8_t node[6] = {0};
  for (int64_t ticks = 17600000000000000; ticks < 17600000000100000; ticks += 997) {
    fl_uuid6(ticks, 0x3fff, node, earlier);
    fl_uuid6(ticks + 1, 0, node, later);
    assert_true(strcmp(earlier, later) < 0);
  }
}

static void parts_do_not_run_together(void **state) {
  char one[FL_UUID_SIZE], two[FL_UUID_SIZE];
  fl_derived_id((fl_slice[]){FL_SLICE("ab"), FL_SLICE("c")}, 2, one);
  fl_derived_id((fl_slice[]){FL_SLICE("a"), FL_SLICE("bc")}, 2, two);
  assert_string_not_equal(one, two);
}

static void thread_ids(void **state) {
  assert_true(fl_is_thread_id("a.B-1:2_3"));
  assert_false(fl_is_thread_id(""));
  assert_false(fl_is_thread_id("a b"));
  assert_false(fl_is_thread_id("../x"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(follows_the_rfc),
      cmocka_unit_test(uuid6_sorts_by_time),
      cmocka_unit_test(parts_do_not_run_together),
      cmocka_unit_test(thread_ids),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
