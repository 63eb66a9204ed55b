/* SPDX-License-Identifier: MIT */
/* Numbers as people wrote them: 0.0075 is a multiple of 0.0001, though no binary fraction says so. A number is read as
 * a decimal mantissa and exponent (of its shortest text) and divided exactly. Pure. */
#include "runtime/json/schema_run.h"

#include <math.h>
#include <stdlib.h>

__extension__ typedef unsigned __int128 wide_t;

/* mantissa * 10^exponent; the mantissa has at most 19 digits. */
struct decimal {
  uint64_t mantissa;
  int exponent;
};

/* 64 bits of mantissa hold every integer and every double: comparing in long double is exact. */
int fl_schema_compare(const struct fl_value *a, const struct fl_value *b) {
  if (fl_is(a, FL_INT) && fl_is(b, FL_INT)) {
    int64_t x = fl_as_int(a, 0), y = fl_as_int(b, 0);
    return (x > y) - (x < y);
  }
  long double x = fl_is(a, FL_INT) ? (long double)fl_as_int(a, 0) : (long double)fl_as_double(a, 0);
  long double y = fl_is(b, FL_INT) ? (long double)fl_as_int(b, 0) : (long double)fl_as_double(b, 0);
  return (x > y) - (x < y);
}

static struct decimal read_decimal(const struct fl_value *number) {
  struct decimal decimal = {0};
  if (fl_is(number, FL_INT)) {
    int64_t integer = fl_as_int(number, 0);
    decimal.mantissa = integer < 0 ? (uint64_t)0 - (uint64_t)integer : (uint64_t)integer;
    return decimal;
  }
  char text[32];
  size_t size = fl_json_format_double(fabs(fl_as_double(number, 0)), text);
  bool is_fraction = false;
  for (size_t i = 0; i < size; i++) {
    if (text[i] == 'e') {
      decimal.exponent += (int)strtol(text + i + 1, NULL, 10);
      break;
    }
    if (text[i] == '.') is_fraction = true;
    else if (decimal.mantissa < UINT64_MAX / 100) {
      decimal.mantissa = decimal.mantissa * 10 + (uint64_t)(text[i] - '0');
      decimal.exponent -= is_fraction;
    } else decimal.exponent += !is_fraction; /* zeros in front of the point: doubles have 17 digits */
  }
  while (decimal.mantissa != 0 && decimal.mantissa % 10 == 0) {
    decimal.mantissa /= 10;
    decimal.exponent++;
  }
  return decimal;
}

static uint64_t power_of_ten_modulo(unsigned exponent, uint64_t modulus) {
  wide_t result = 1 % modulus, factor = 10 % modulus;
  for (; exponent != 0; exponent >>= 1) {
    if (exponent & 1) result = result * factor % modulus;
    factor = factor * factor % modulus;
  }
  return (uint64_t)result;
}

bool fl_schema_is_multiple(const struct fl_value *number, const struct fl_value *divisor) {
  struct decimal a = read_decimal(number), b = read_decimal(divisor);
  if (a.mantissa == 0) return true;
  if (b.mantissa == 0) return false;
  if (a.exponent >= b.exponent) {
    wide_t scaled =
        (wide_t)(a.mantissa % b.mantissa) * power_of_ten_modulo((unsigned)(a.exponent - b.exponent), b.mantissa);
    return scaled % b.mantissa == 0;
  }
  unsigned shift = (unsigned)(b.exponent - a.exponent);
  if (shift > 19) return false; /* the divisor is larger than any mantissa */
  wide_t scaled = b.mantissa;
  for (unsigned i = 0; i < shift; i++) scaled *= 10;
  return (wide_t)a.mantissa % scaled == 0;
}
