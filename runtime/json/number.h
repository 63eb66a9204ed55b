/* SPDX-License-Identifier: MIT */
/* Numbers as JSON writes them, to binary. Reading is exact (round to nearest, ties to even) and knows no locale.
 * Method: W. Clinger's fast path, then D. Lemire, "Number Parsing at a Gigabyte per Second" (2021), and the C library
 * for the few texts with more than 19 digits that lie too near the middle of two doubles. Pure. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum fl_number_kind {
  FL_NUMBER_INT,
  FL_NUMBER_DOUBLE,
  FL_NUMBER_WIDE,     /* digits only, beyond 64 bits: `real` is the nearest double */
  FL_NUMBER_INFINITE, /* beyond the range of doubles */
  FL_NUMBER_BAD,      /* no number; the returned pointer is where it goes wrong */
};

struct fl_number {
  enum fl_number_kind kind;
  int64_t integer;
  double real;
};

/* Reads the number at the front of [at, end), at < end; returns where it ends. */
const char *fl_number_read(const char *at, const char *end, struct fl_number *ret_number);

/* What strtod reads in the C locale, whatever the locale of the process or thread is: for texts of people, which allow
 * more than JSON does (".5", "1.", "+1"). The whole text must be such a number; false when it is not, or beyond the
 * doubles. */
bool fl_number_from_text(const char *text, double *ret_real);

/* The double nearest to digits * 10^exponent, digits not 0; false in the rare case that 128 bits do not decide it. */
bool fl_number_from_decimal(uint64_t digits, int64_t exponent, double *ret_real);
