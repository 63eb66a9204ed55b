/* SPDX-License-Identifier: MIT */
#include "runtime/base/buf.h"
#include "runtime/base/id.h"
#include "tests/support/support.h"

#include <stdio.h>

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

static void numbers_are_written_as_printf_does(void **state) {
  static const uint64_t numbers[] = {0, 7, 10, 99, 100, 4294967296, 9999999999999999999u, UINT64_MAX};
  char text[FL_DECIMAL_SIZE], expected[FL_DECIMAL_SIZE];
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
    int size = snprintf(expected, sizeof expected, "%llu", (unsigned long long)numbers[i]);
    assert_int_equal(fl_decimal(numbers[i], text), size);
    assert_string_equal(text, expected);
  }
}

static void uuids_are_written_in_groups(void **state) {
  char text[FL_UUID_SIZE];
  uint8_t bytes[16];
  for (size_t i = 0; i < 16; i++) bytes[i] = (uint8_t)(17 * i);
  fl_uuid_text(bytes, text);
  assert_string_equal(text, "00112233-4455-6677-8899-aabbccddeeff");
}

/* A hash of parts is that of their sizes and bytes in one piece, however the parts lie to the buffer in between. */
static void parts_of_any_size_are_hashed_alike(void **state) {
  static const size_t sizes[][3] = {{0, 0, 0},     {1, 2, 3},       {488, 0, 0},   {480, 24, 1},  {503, 1, 1},
                                    {504, 504, 9}, {512, 512, 512}, {513, 1, 700}, {3, 5000, 496}};
  static char bytes[5002];
  for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (char)(i * 31 + i / 251);
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    FL_BUF_AUTO whole = {0};
    fl_slice parts[3];
    uint8_t hash[FL_HASH_SIZE], expected[FL_HASH_SIZE];
    for (size_t j = 0; j < 3; j++) {
      parts[j] = fl_slice_n(bytes + j, sizes[i][j]);
      for (size_t k = 0; k < 8; k++) fl_buf_add_char(&whole, (char)(parts[j].size >> (8 * k)));
      fl_buf_add(&whole, parts[j].data, parts[j].size);
    }
    fl_hash_parts(parts, 3, hash);
    fl_hash_bytes(fl_buf_slice(&whole), expected);
    assert_memory_equal(hash, expected, FL_HASH_SIZE);
  }
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
      cmocka_unit_test(numbers_are_written_as_printf_does),
      cmocka_unit_test(uuids_are_written_in_groups),
      cmocka_unit_test(parts_of_any_size_are_hashed_alike),
      cmocka_unit_test(thread_ids),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
