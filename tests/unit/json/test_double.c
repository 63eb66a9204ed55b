/* SPDX-License-Identifier: MIT */
/* Doubles: the table of powers against long arithmetic, printing against known ECMAScript output, and both directions
 * against each other and the C library over random bit patterns. */
#include "runtime/json/json.h"
#include "runtime/json/number.h"
#include "runtime/json/powers.h"
#include "tests/support/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Long arithmetic for the table: little-endian 32-bit limbs, numbers up to 2^1024. */
enum { LIMBS = 34 };

struct big {
  uint32_t limbs[LIMBS];
};

static void big_times_five(struct big *big) {
  uint64_t carry = 0;
  for (int i = 0; i < LIMBS; i++) {
    carry += (uint64_t)big->limbs[i] * 5;
    big->limbs[i] = (uint32_t)carry;
    carry >>= 32;
  }
}

static int big_bits(const struct big *big) {
  int i = LIMBS - 1;
  while (i >= 0 && big->limbs[i] == 0) i--;
  return i < 0 ? 0 : i * 32 + 32 - __builtin_clz(big->limbs[i]);
}

static bool big_bit(const struct big *big, int bit) {
  return bit >= 0 && (big->limbs[bit / 32] >> (bit % 32) & 1) != 0;
}

static void big_shift_in(struct big *big, bool bit) {
  for (int i = LIMBS - 1; i > 0; i--) big->limbs[i] = big->limbs[i] << 1 | big->limbs[i - 1] >> 31;
  big->limbs[0] = big->limbs[0] << 1 | bit;
}

static int big_compare(const struct big *a, const struct big *b) {
  for (int i = LIMBS - 1; i >= 0; i--)
    if (a->limbs[i] != b->limbs[i]) return a->limbs[i] < b->limbs[i] ? -1 : 1;
  return 0;
}

static void big_subtract(struct big *a, const struct big *b) {
  int64_t borrow = 0;
  for (int i = 0; i < LIMBS; i++) {
    borrow += (int64_t)a->limbs[i] - b->limbs[i];
    a->limbs[i] = (uint32_t)borrow;
    borrow >>= 32;
  }
}

static struct fl_power leading_bits(const struct big *big) {
  struct fl_power power = {0, 0};
  int top = big_bits(big) - 1;
  for (int i = 0; i < 128; i++) {
    power.high = power.high << 1 | power.low >> 63;
    power.low = power.low << 1 | big_bit(big, top - i);
  }
  return power;
}

/* The leading bits of 1 / big, by long division. */
static struct fl_power leading_bits_of_inverse(const struct big *big) {
  struct big rest = {.limbs = {1}};
  struct fl_power power = {0, 0};
  while (power.high >> 63 == 0) {
    big_shift_in(&rest, false);
    bool bit = big_compare(&rest, big) >= 0;
    if (bit) big_subtract(&rest, big);
    power.high = power.high << 1 | power.low >> 63;
    power.low = power.low << 1 | bit;
  }
  return power;
}

static void the_table_of_powers_is_right(void **state) {
  struct big five = {.limbs = {1}};
  for (int exponent = 0; exponent <= -FL_POWER_MIN; exponent++) {
    if (exponent <= FL_POWER_MAX) {
      struct fl_power expected = leading_bits(&five), row = fl_power_floor(exponent);
      assert_true(row.high == expected.high && row.low == expected.low);
      assert_int_equal(exponent <= FL_POWER_EXACT_MAX, big_bits(&five) <= 128);
      assert_true(exponent <= FL_POWER_EXACT_MAX || row.low != UINT64_MAX);
    }
    if (exponent > 0) {
      struct fl_power expected = leading_bits_of_inverse(&five), row = fl_power_floor(-exponent);
      assert_true(row.high == expected.high && row.low == expected.low);
      assert_true(row.low != UINT64_MAX);
    }
    big_times_five(&five);
  }
}

static void prints_as_ecmascript_does(void **state) {
  static const struct {
    double number;
    const char *text;
  } rows[] = {{0.0, "0"},
              {-0.0, "0"},
              {1.0, "1"},
              {-1.5, "-1.5"},
              {0.1, "0.1"},
              {0.1 + 0.2, "0.30000000000000004"},
              {1e21, "1e+21"},
              {1e20, "100000000000000000000"},
              {123456789012345680000.0, "123456789012345680000"},
              {5e-324, "5e-324"},
              {1.7976931348623157e308, "1.7976931348623157e+308"},
              {2.2250738585072014e-308, "2.2250738585072014e-308"},
              {2.225073858507201e-308, "2.225073858507201e-308"},
              {1e-6, "0.000001"},
              {1e-7, "1e-7"},
              {1.5e-7, "1.5e-7"},
              {123e-7, "0.0000123"},
              {-1.2345678901234567e-6, "-0.0000012345678901234567"},
              {9007199254740993.0, "9007199254740992"},
              {4.35, "4.35"},
              {0x1p63, "9223372036854776000"},
              {1e23, "1e+23"},
              {9.5e-323, "9.4e-323"},
              {2e-323, "2e-323"},
              {1e300, "1e+300"},
              {333333333.33333329, "333333333.3333333"},
              {1e30, "1e+30"},
              {4.50, "4.5"},
              {2e-3, "0.002"},
              {1e-27, "1e-27"},
              {295147905179352830000.0, "295147905179352830000"},
              {9.999999999999997e22, "9.999999999999997e+22"},
              {999999999999999868928.0, "999999999999999900000"},
              {0x1p-1022, "2.2250738585072014e-308"},
              {0x1p1023, "8.98846567431158e+307"},
              {1.0 / 3, "0.3333333333333333"},
              {100.0, "100"},
              {1234.5678, "1234.5678"},
              {0x1p-24, "5.960464477539063e-8"}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    char text[32];
    size_t size = fl_json_format_double(rows[i].number, text);
    assert_string_equal(text, rows[i].text);
    assert_int_equal(size, strlen(text));
  }
  char text[32];
  assert_int_equal(fl_json_format_double(NAN, text), 4);
  assert_string_equal(text, "null");
}

static double read_double(const char *text) {
  struct fl_number number = {0};
  const char *end = fl_number_read(text, text + strlen(text), &number);
  if (number.kind == FL_NUMBER_BAD || number.kind == FL_NUMBER_INFINITE || *end != '\0') fail_msg("not read: %s", text);
  return number.kind == FL_NUMBER_INT ? (double)number.integer : number.real;
}

static void assert_reads(const char *text) {
  double expected = strtod(text, NULL), read = read_double(text);
  if (expected != read) fail_msg("%s: %a instead of %a", text, read, expected);
}

/* How many digits the shortest text has must be the least at which the C library's rounding reads back. */
static void assert_shortest(double number, const char *text) {
  char tried[40];
  int digits = 0, zeros = 0;
  for (const char *at = text; *at != '\0' && *at != 'e'; at++) {
    if (*at < '0' || *at > '9' || (digits == 0 && *at == '0')) continue;
    digits++;
    zeros = *at == '0' ? zeros + 1 : 0;
  }
  int precision = digits - zeros - 1;
  if (precision < 1) return;
  snprintf(tried, sizeof tried, "%.*e", precision - 1, number);
  if (strtod(tried, NULL) == number) fail_msg("%s is shorter than %s", tried, text);
}

static uint64_t next_random(void) {
  static uint64_t random_state = 0x9E3779B97F4A7C15u;
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  return random_state ^= random_state << 17;
}

static void check_double(double number) {
  char text[40];
  if (!isfinite(number)) return;
  size_t size = fl_json_format_double(number, text);
  assert_true(size <= 25);
  if (strtod(text, NULL) != number || read_double(text) != number) fail_msg("%a prints as %s", number, text);
  assert_shortest(number, text);
  for (int digits = 17; digits <= 25; digits += 4) {
    snprintf(text, sizeof text, "%.*e", digits - 1, number);
    assert_reads(text);
  }
}

static void random_doubles_round_trip(void **state) {
  for (int i = 0; i < 200000; i++) {
    uint64_t bits = next_random();
    double number;
    memcpy(&number, &bits, sizeof number);
    check_double(number);
    check_double((double)(int64_t)(bits >> 20) / 1000.0);
  }
}

static void powers_of_two_and_their_neighbours_round_trip(void **state) {
  for (int exponent = -1074; exponent <= 1023; exponent++) {
    double power = ldexp(1, exponent);
    check_double(power);
    check_double(nextafter(power, INFINITY));
    check_double(nextafter(power, 0));
  }
}

/* Texts that lie exactly between two doubles, and a little beside: 19 digits do not decide them. */
static void halves_round_to_even(void **state) {
  for (int i = 0; i < 2000; i++) {
    uint64_t mantissa = (next_random() >> 11) | UINT64_C(1) << 52;
    int exponent = (int)(next_random() % 200) - 100;
    char text[900];
    long double half = ldexpl((long double)(2 * mantissa + 1), exponent);
    int size = snprintf(text, 400, "%.300Lf", half);
    assert_reads(text);
    snprintf(text + size, 500, "%0*d1", 200, 0);
    assert_reads(text);
  }
}

static void odd_texts_read_exactly(void **state) {
  static const char *const texts[] = {
      "0.0",
      "0e5",
      "0.000e-999999999999999999999",
      "1e-400",
      "-1e-400",
      "2.4703282292062327e-324",
      "2.4703282292062328e-324",
      "2.47032822920623272088284396434110686182e-324",
      "9007199254740993",
      "9007199254740993.0",
      "9007199254740992.99999999999999999",
      "9007199254740993.00000000000000000000000000000000000001",
      "17976931348623158079372897140530341507993413271003782693617377898044496829276475094664901797758720709e208",
      "1.7976931348623158e308",
      "2.2250738585072011e-308",
      "2.2250738585072012e-308",
      "0.1e1",
      "123456789012345678901234567890",
      "1.00000000000000011102230246251565404236316680908203125",
      "1.00000000000000011102230246251565404236316680908203124",
      "1.00000000000000011102230246251565404236316680908203126",
      "0.00000000000000000000000000000000000000000000000000000000000000000000012345678901234567890123456789e60",
      "8.5e22",
      "1e22",
      "1e23",
      "3e-22",
      "9007199254740991e22",
      "12345678901234567890e-20",
      "18446744073709551615e0",
      "18446744073709551616e0",
      "10000000000000000000000e-22",
      "0.50000000e0",
      "1.2345678",
      "1.23456789012345678"};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) assert_reads(texts[i]);
}

static void kinds_of_numbers(void **state) {
  static const struct {
    const char *text;
    enum fl_number_kind kind;
    size_t used;
  } rows[] = {{"0", FL_NUMBER_INT, 1},
              {"-0", FL_NUMBER_INT, 2},
              {"9223372036854775807", FL_NUMBER_INT, 19},
              {"-9223372036854775808", FL_NUMBER_INT, 20},
              {"9223372036854775808", FL_NUMBER_WIDE, 19},
              {"-9223372036854775809", FL_NUMBER_WIDE, 20},
              {"99999999999999999999999", FL_NUMBER_WIDE, 23},
              {"18446744073709551617", FL_NUMBER_WIDE, 20},
              {"1.0", FL_NUMBER_DOUBLE, 3},
              {"1e5", FL_NUMBER_DOUBLE, 3},
              {"1E-5,", FL_NUMBER_DOUBLE, 4},
              {"1e309", FL_NUMBER_INFINITE, 5},
              {"1e99999999999999999999", FL_NUMBER_INFINITE, 22},
              {"1.7976931348623159e308", FL_NUMBER_INFINITE, 22},
              {"-", FL_NUMBER_BAD, 1},
              {"-x", FL_NUMBER_BAD, 1},
              {"01", FL_NUMBER_BAD, 1},
              {"-01", FL_NUMBER_BAD, 2},
              {"1.", FL_NUMBER_BAD, 2},
              {"1.e5", FL_NUMBER_BAD, 2},
              {"1e", FL_NUMBER_BAD, 2},
              {"1e+", FL_NUMBER_BAD, 3},
              {"1.5ex", FL_NUMBER_BAD, 4},
              {"12 ", FL_NUMBER_INT, 2},
              {"1.5.5", FL_NUMBER_DOUBLE, 3}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct fl_number number = {0};
    const char *end = fl_number_read(rows[i].text, rows[i].text + strlen(rows[i].text), &number);
    if (number.kind != rows[i].kind || (size_t)(end - rows[i].text) != rows[i].used) fail_msg("%s", rows[i].text);
  }
  static const char lowest[] = "-9223372036854775808";
  struct fl_number number = {0};
  fl_number_read(lowest, lowest + sizeof lowest - 1, &number);
  assert_true(number.integer == INT64_MIN);
}

static void the_sign_of_zero_is_kept(void **state) {
  assert_true(signbit(read_double("-0.0")) != 0);
  assert_true(signbit(read_double("0.0")) == 0);
  assert_true(signbit(read_double("-1e-400")) != 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_table_of_powers_is_right),
      cmocka_unit_test(prints_as_ecmascript_does),
      cmocka_unit_test(random_doubles_round_trip),
      cmocka_unit_test(powers_of_two_and_their_neighbours_round_trip),
      cmocka_unit_test(halves_round_to_even),
      cmocka_unit_test(odd_texts_read_exactly),
      cmocka_unit_test(kinds_of_numbers),
      cmocka_unit_test(the_sign_of_zero_is_kept),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
