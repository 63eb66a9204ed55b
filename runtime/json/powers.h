/* SPDX-License-Identifier: MIT */
/* Powers of ten to 128 bits, the table behind reading and printing doubles. A power of ten is 5^q times a power of two,
 * and the latter only moves the binary point: the rows hold the leading 128 bits of 5^q. Exact for 0 <= q <= 55. */
#pragma once
#include <stdint.h>

enum { FL_POWER_MIN = -342, FL_POWER_MAX = 324, FL_POWER_EXACT_MAX = 55 };

struct fl_power {
  uint64_t high;
  uint64_t low;
};

extern const struct fl_power fl_powers[FL_POWER_MAX - FL_POWER_MIN + 1];

/* Rounded down. */
static inline struct fl_power fl_power_floor(int exponent) { return fl_powers[exponent - FL_POWER_MIN]; }

/* Rounded up; no row has a low half of all ones. */
static inline struct fl_power fl_power_ceil(int exponent) {
  struct fl_power power = fl_power_floor(exponent);
  power.low += exponent < 0 || exponent > FL_POWER_EXACT_MAX;
  return power;
}
