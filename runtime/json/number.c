/* SPDX-License-Identifier: MIT */
#include "runtime/json/number.h"

#include "runtime/base/mem.h"
#include "runtime/json/powers.h"

#include <endian.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DIGITS_MAX = 19 /* any 19 digits fit 64 bits */, MANTISSA_BITS = 52, EXPONENT_BIAS = 1023, EXPONENT_MAX = 2047 };

typedef unsigned __int128 uint128;

static double double_of_bits(uint64_t mantissa, uint64_t exponent) {
  uint64_t bits = exponent << MANTISSA_BITS | mantissa;
  double real;
  memcpy(&real, &bits, sizeof real);
  return real;
}

/* The leading bits of digits * 5^exponent; the second half of the table row matters only when the first leaves the bits
 * below the mantissa all ones. */
static uint128 multiply_by_power(uint64_t digits, int exponent) {
  bool is_up = exponent < 0 && exponent >= -27; /* so that halves come out exact */
  struct fl_power power = is_up ? fl_power_ceil(exponent) : fl_power_floor(exponent);
  uint128 product = (uint128)digits * power.high;
  uint64_t below = UINT64_MAX >> (MANTISSA_BITS + 3);
  if (((uint64_t)(product >> 64) & below) == below) product += (uint64_t)((uint128)digits * power.low >> 64);
  return product;
}

static double round_subnormal(uint64_t mantissa, int exponent) {
  if (exponent < -62) return 0;
  mantissa >>= 1 - exponent;
  mantissa = (mantissa + (mantissa & 1)) >> 1;
  bool is_normal = mantissa >> MANTISSA_BITS != 0;
  return double_of_bits(mantissa & ((UINT64_C(1) << MANTISSA_BITS) - 1), is_normal);
}

bool fl_number_from_decimal(uint64_t digits, int64_t exponent, double *ret_real) {
  if (exponent < FL_POWER_MIN) return *ret_real = 0, true;
  if (exponent > 308) return *ret_real = INFINITY, true;
  int power = (int)exponent, shift = __builtin_clzll(digits);
  uint128 product = multiply_by_power(digits << shift, power);
  uint64_t low = (uint64_t)product, high = (uint64_t)(product >> 64);
  if (low == UINT64_MAX && (power < -27 || power > FL_POWER_EXACT_MAX)) return false;
  int top = (int)(high >> 63);
  int drop = top + 64 - MANTISSA_BITS - 3;
  uint64_t mantissa = high >> drop; /* one bit more than the mantissa takes, to round by */
  int binary = ((217706 * power) >> 16) + 63 + top - shift + EXPONENT_BIAS; /* 217706 / 2^16 is log2(10) */
  if (binary <= 0) return *ret_real = round_subnormal(mantissa, binary), true;
  bool may_be_half = low <= 1 && power >= -4 && power <= 23 && (mantissa & 3) == 1;
  if (may_be_half && mantissa << drop == high) mantissa &= ~UINT64_C(1); /* exactly the middle: to even */
  mantissa = (mantissa + (mantissa & 1)) >> 1;
  if (mantissa >> (MANTISSA_BITS + 1) != 0) {
    mantissa >>= 1;
    binary++;
  }
  if (binary >= EXPONENT_MAX) return *ret_real = INFINITY, true;
  *ret_real = double_of_bits(mantissa & ((UINT64_C(1) << MANTISSA_BITS) - 1), (uint64_t)binary);
  return true;
}

/* Where the digits are, before their value is known. */
struct decimal {
  const char *start; /* of the number, at its sign */
  const char *end;
  const char *first_digit;
  uint64_t digits;     /* wrapped around when there are more than 19 */
  int64_t digit_count; /* without leading zeros */
  int64_t exponent;
};

static bool is_digit(const char *at, const char *end) { return at < end && (uint8_t)(*at - '0') < 10; }

/* A program that embeds us may have set a locale whose decimal point is a comma. */
static double strtod_plain(const char *text, char **ret_end) {
  locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
  if (plain == (locale_t)0) fl_out_of_memory();
  double real = strtod_l(text, ret_end, plain);
  freelocale(plain);
  return real;
}

static double by_library(const struct decimal *decimal) {
  size_t size = (size_t)(decimal->end - decimal->start);
  char near_text[128];
  FL_FREE_AUTO char *far_text = size < sizeof near_text ? NULL : fl_alloc(size + 1);
  char *text = far_text != NULL ? far_text : near_text;
  memcpy(text, decimal->start, size);
  text[size] = '\0';
  char *end;
  return fabs(strtod_plain(text, &end));
}

bool fl_number_from_text(const char *text, double *ret_real) {
  if (text[0] == '\0' || text[strspn(text, "+-.0123456789eE")] != '\0')
    return false; /* no blanks, "inf", hexadecimal */
  char *end;
  double real = strtod_plain(text, &end);
  if (end == text || *end != '\0' || !isfinite(real)) return false;
  *ret_real = real;
  return true;
}

/* More than 19 digits: when the first 19, and one more in the last place, give the same double, the rest does not
 * matter. */
static double from_many_digits(const struct decimal *decimal) {
  uint64_t digits = 0;
  int64_t left = DIGITS_MAX, exponent = decimal->exponent + decimal->digit_count - DIGITS_MAX;
  const char *at = decimal->first_digit;
  while (*at == '0' || *at == '.') at++;
  for (; left > 0; at++) {
    if (*at == '.') continue;
    digits = digits * 10 + (uint64_t)(*at - '0');
    left--;
  }
  double below, above;
  if (!fl_number_from_decimal(digits, exponent, &below)) return by_library(decimal);
  if (!fl_number_from_decimal(digits + 1, exponent, &above)) return by_library(decimal);
  return below == above ? below : by_library(decimal);
}

static double to_double(const struct decimal *decimal) {
  static const double tens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  double real;
  if (decimal->digit_count > DIGITS_MAX) return from_many_digits(decimal);
  if (decimal->digits == 0) return 0;
  int64_t exponent = decimal->exponent;
  if (decimal->digits <= UINT64_C(1) << 53 && exponent >= -22 && exponent <= 22)
    return exponent < 0 ? (double)decimal->digits / tens[-exponent] : (double)decimal->digits * tens[exponent];
  return fl_number_from_decimal(decimal->digits, exponent, &real) ? real : by_library(decimal);
}

/* Eight digits at once (three multiplications); false when one of the eight bytes is no digit. */
static bool read_eight_digits(const char *at, uint64_t *digits) {
  uint64_t word;
  memcpy(&word, at, sizeof word);
  word = le64toh(word);
  uint64_t high_nibbles = UINT64_C(0xF0F0F0F0F0F0F0F0), carry = UINT64_C(0x0606060606060606);
  if (((word & high_nibbles) | ((word + carry) & high_nibbles) >> 4) != UINT64_C(0x3333333333333333)) return false;
  word = (word & UINT64_C(0x0F0F0F0F0F0F0F0F)) * 2561 >> 8;
  word = (word & UINT64_C(0x00FF00FF00FF00FF)) * 6553601 >> 16;
  word = (word & UINT64_C(0x0000FFFF0000FFFF)) * UINT64_C(42949672960001) >> 32;
  *digits = *digits * 100000000 + word;
  return true;
}

static const char *read_digits(const char *at, const char *end, uint64_t *digits) {
  for (; is_digit(at, end); at++) *digits = *digits * 10 + (uint64_t)(*at - '0');
  return at;
}

/* What follows the point; returns NULL when that is no digit. */
static const char *read_fraction(const char *at, const char *end, struct decimal *decimal) {
  const char *first = at;
  if (!is_digit(at, end)) return NULL;
  while (end - at >= 8 && read_eight_digits(at, &decimal->digits)) at += 8;
  at = read_digits(at, end, &decimal->digits);
  decimal->exponent -= at - first;
  decimal->digit_count += at - first;
  return at;
}

/* What follows the "e"; *ret_bad is where a digit is missing. */
static const char *read_exponent(const char *at, const char *end, struct decimal *decimal, const char **ret_bad) {
  bool is_negative = at < end && *at == '-';
  if (at < end && (*at == '-' || *at == '+')) at++;
  *ret_bad = at;
  if (!is_digit(at, end)) return NULL;
  int64_t exponent = 0;
  for (; is_digit(at, end); at++)
    if (exponent < INT64_C(1000000000000)) exponent = exponent * 10 + (*at - '0');
  decimal->exponent += is_negative ? -exponent : exponent;
  return at;
}

/* Leading zeros ("0.00012") are no digits that take room. */
static void drop_leading_zeros(struct decimal *decimal) {
  if (decimal->digit_count <= DIGITS_MAX) return;
  for (const char *at = decimal->first_digit; at < decimal->end && (*at == '0' || *at == '.'); at++)
    if (*at == '0') decimal->digit_count--;
}

static const char *bad(const char *at, struct fl_number *ret_number) {
  ret_number->kind = FL_NUMBER_BAD;
  return at;
}

static const char *finish(struct decimal *decimal, const char *end, enum fl_number_kind kind,
                          struct fl_number *ret_number) {
  decimal->end = end;
  drop_leading_zeros(decimal);
  double real = to_double(decimal);
  ret_number->kind = isinf(real) ? FL_NUMBER_INFINITE : kind;
  ret_number->real = *decimal->start == '-' ? -real : real;
  return end;
}

const char *fl_number_read(const char *at, const char *end, struct fl_number *ret_number) {
  struct decimal decimal = {.start = at};
  const char *wrong;
  bool is_negative = *at == '-';
  decimal.first_digit = at += is_negative;
  at = read_digits(at, end, &decimal.digits);
  decimal.digit_count = at - decimal.first_digit;
  if (decimal.digit_count == 0) return bad(at, ret_number);
  if (decimal.digit_count > 1 && *decimal.first_digit == '0') return bad(decimal.first_digit + 1, ret_number);
  if (at == end || (*at != '.' && *at != 'e' && *at != 'E')) {
    bool fits = decimal.digit_count <= DIGITS_MAX && decimal.digits <= (uint64_t)INT64_MAX + is_negative;
    if (!fits) return finish(&decimal, at, FL_NUMBER_WIDE, ret_number);
    ret_number->kind = FL_NUMBER_INT;
    ret_number->integer = (int64_t)(is_negative ? 0 - decimal.digits : decimal.digits);
    return at;
  }
  if (*at == '.') {
    wrong = at + 1;
    at = read_fraction(at + 1, end, &decimal);
    if (at == NULL) return bad(wrong, ret_number);
  }
  if (at < end && (*at == 'e' || *at == 'E')) {
    at = read_exponent(at + 1, end, &decimal, &wrong);
    if (at == NULL) return bad(wrong, ret_number);
  }
  return finish(&decimal, at, FL_NUMBER_DOUBLE, ret_number);
}
