/* SPDX-License-Identifier: MIT */
/* The shortest decimal text of a double that reads back equal, and of those the nearest. Method: R. Giulietti, "The
 * Schubfach way to render doubles" (2020): the interval that rounds to the double, scaled by a power of ten so that one
 * or two integers at most fall into it. All arithmetic is on 64 and 128 bits; nothing is tried. Layout: ECMAScript,
 * Number::toString. Pure. */
#include "runtime/json/json.h"
#include "runtime/json/powers.h"

#include <math.h>

enum { MANTISSA_BITS = 52, EXPONENT_BIAS = 1075, DIGITS_SIZE = 20 };

/* digits * 10^exponent */
struct decimal {
  uint64_t digits;
  int exponent;
};

typedef unsigned __int128 uint128;

/* The high 64 bits of the product, the lowest bit set when anything was cut off: comparisons stay exact. */
static uint64_t multiply_sticky(struct fl_power power, uint64_t factor) {
  uint128 product = (uint128)power.high * factor + (uint64_t)((uint128)power.low * factor >> 64);
  return (uint64_t)(product >> 64) | ((uint64_t)product > 1);
}

static struct decimal shortest(uint64_t mantissa, int exponent, bool is_edge) {
  uint64_t odd = mantissa & 1; /* the ends of the interval round to an even mantissa only */
  int scale = (exponent * 1262611 - (is_edge ? 524031 : 0)) >> 22; /* log10 of 2^exponent, or of 3/4 of it */
  int shift = exponent + ((-scale * 1741647) >> 19) + 1;
  struct fl_power power = fl_power_ceil(-scale);
  uint64_t low = multiply_sticky(power, (4 * mantissa - 2 + is_edge) << shift) + odd; /* all in quarters */
  uint64_t middle = multiply_sticky(power, (4 * mantissa) << shift);
  uint64_t high = multiply_sticky(power, (4 * mantissa + 2) << shift) - odd;
  uint64_t digits = middle / 4, tens = middle / 40;
  if (tens > 0) {
    bool below = low <= 40 * tens, above = 40 * tens + 40 <= high;
    if (below != above) return (struct decimal){tens + above, scale + 1};
  }
  bool below = low <= 4 * digits, above = 4 * digits + 4 <= high;
  if (below == above) above = middle > 4 * digits + 2 || (middle == 4 * digits + 2 && (digits & 1) != 0);
  return (struct decimal){digits + above, scale};
}

/* `number` is finite and positive. */
static struct decimal decimal_of(double number) {
  uint64_t bits;
  memcpy(&bits, &number, sizeof bits);
  uint64_t mantissa = bits & ((UINT64_C(1) << MANTISSA_BITS) - 1);
  int biased = (int)(bits >> MANTISSA_BITS);
  if (biased == 0) return shortest(mantissa, 1 - EXPONENT_BIAS, false);
  bool is_edge = mantissa == 0 && biased > 1; /* the neighbour below is nearer than the one above */
  mantissa |= UINT64_C(1) << MANTISSA_BITS;
  int exponent = biased - EXPONENT_BIAS;
  bool is_small_integer = exponent <= 0 && exponent > -53 && (mantissa & ((UINT64_C(1) << -exponent) - 1)) == 0;
  if (is_small_integer) return (struct decimal){mantissa >> -exponent, 0};
  return shortest(mantissa, exponent, is_edge);
}

/* Writes the digits without trailing zeros, which go into the exponent; returns how many. */
static int write_digits(struct decimal *decimal, char ret_digits[DIGITS_SIZE]) {
  char reversed[DIGITS_SIZE];
  int count = 0;
  while (decimal->digits % 10 == 0) {
    decimal->digits /= 10;
    decimal->exponent++;
  }
  for (uint64_t rest = decimal->digits; rest > 0; rest /= 10) reversed[count++] = (char)('0' + rest % 10);
  for (int i = 0; i < count; i++) ret_digits[i] = reversed[count - 1 - i];
  return count;
}

static char *put(char *to, const char *from, int size) {
  memcpy(to, from, (size_t)size);
  return to + size;
}

static char *put_zeros(char *to, int count) {
  memset(to, '0', (size_t)count);
  return to + count;
}

static char *put_exponent(char *to, int exponent) {
  *to++ = 'e';
  *to++ = exponent < 0 ? '-' : '+';
  if (exponent < 0) exponent = -exponent;
  if (exponent >= 100) *to++ = (char)('0' + exponent / 100);
  if (exponent >= 10) *to++ = (char)('0' + exponent / 10 % 10);
  *to++ = (char)('0' + exponent % 10);
  return to;
}

/* `point` is where the decimal point falls, counted from the first digit. */
static char *lay_out(char *to, const char *digits, int count, int point) {
  if (count <= point && point <= 21) return put_zeros(put(to, digits, count), point - count);
  if (0 < point && point <= 21) {
    to = put(to, digits, point);
    *to++ = '.';
    return put(to, digits + point, count - point);
  }
  if (-6 < point && point <= 0) return put(put_zeros(put(to, "0.", 2), -point), digits, count);
  *to++ = digits[0];
  if (count > 1) {
    *to++ = '.';
    to = put(to, digits + 1, count - 1);
  }
  return put_exponent(to, point - 1);
}

size_t fl_json_format_double(double number, char ret_text[32]) {
  char *to = ret_text;
  if (!isfinite(number)) {
    to = put(to, "null", 4);
  } else if (number == 0) {
    *to++ = '0';
  } else {
    char digits[DIGITS_SIZE];
    if (number < 0) *to++ = '-';
    struct decimal decimal = decimal_of(fabs(number));
    int count = write_digits(&decimal, digits);
    to = lay_out(to, digits, count, count + decimal.exponent);
  }
  *to = '\0';
  return (size_t)(to - ret_text);
}
