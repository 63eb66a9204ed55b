/* SPDX-License-Identifier: MIT */
/* Vectors of floats: their dot product by the widest instructions that this machine has (AVX2 with FMA, NEON, or plain
 * C), chosen at run time. Pure but for that choice. */
#pragma once
#include <stddef.h>

typedef float fl_dot_fn(const float *a, const float *b, size_t count);

/* The fastest of this machine, and plain C, which every other is compared with. Sums differ in the last digits, since
 * they are added in another order. */
fl_dot_fn *fl_dot_best(void);
float fl_dot_plain(const float *a, const float *b, size_t count);
const char *fl_dot_best_name(void); /* "avx2", "neon", "plain" */

/* Makes the length 1; a vector of length 0, or with a number that is not finite, stays and gives -1. */
int fl_vector_normalize(float *numbers, size_t count);
