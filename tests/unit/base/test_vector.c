/* SPDX-License-Identifier: MIT */
/* The dot product of this machine against plain C, at every length and offset; with an argument, how fast both are. */
#include "runtime/base/vector.h"

#include "tests/support/support.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

static float drawn(unsigned *state) {
  *state = *state * 1664525u + 1013904223u;
  return (float)(*state >> 8) / (1 << 23) - 1;
}

static void best_agrees_with_plain(void **state) {
  static float a[1100], b[1100];
  unsigned seed = 7;
  fl_dot_fn *best = fl_dot_best();
  for (size_t i = 0; i < 1100; i++) a[i] = drawn(&seed), b[i] = drawn(&seed);
  for (size_t count = 0; count < 1090; count += count < 100 ? 1 : 37)
    for (size_t at = 0; at < 4; at++) {
      float one = best(a + at, b + 2 * at, count), two = fl_dot_plain(a + at, b + 2 * at, count);
      if (fabsf(one - two) > 1e-4f)
        fail_msg("%s, %zu numbers from %zu: %f, plain %f", fl_dot_best_name(), count, at, (double)one, (double)two);
    }
}

static void exact_products_are_exact(void **state) {
  static float a[100], b[100];
  for (size_t i = 0; i < 100; i++) a[i] = (float)i, b[i] = 2;
  assert_true(fl_dot_best()(a, b, 100) == 9900);
  assert_true(fl_dot_plain(a, b, 100) == 9900);
  assert_true(fl_dot_best()(a, b, 0) == 0);
}

static void vectors_get_length_one(void **state) {
  float numbers[3] = {3, 0, 4};
  assert_int_equal(fl_vector_normalize(numbers, 3), 0);
  assert_true(fabsf(numbers[0] - 0.6f) < 1e-6f && fabsf(numbers[2] - 0.8f) < 1e-6f);
  float none[2] = {0, 0}, wild[2] = {1, INFINITY}, tiny[2] = {1e-30f, 0};
  assert_int_equal(fl_vector_normalize(none, 2), -1);
  assert_int_equal(fl_vector_normalize(wild, 2), -1);
  assert_int_equal(fl_vector_normalize(tiny, 2), 0);
  assert_true(fabsf(tiny[0] - 1) < 1e-6f);
}

static double seconds_of(fl_dot_fn *dot, const float *a, const float *b, size_t count) {
  struct timespec from, to;
  volatile float sink = 0;
  clock_gettime(CLOCK_MONOTONIC, &from);
  for (int i = 0; i < 200000; i++) sink += dot(a, b, count);
  clock_gettime(CLOCK_MONOTONIC, &to);
  return (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
}

static int bench(void) {
  static float a[1536], b[1536];
  unsigned seed = 7;
  for (size_t i = 0; i < 1536; i++) a[i] = drawn(&seed), b[i] = drawn(&seed);
  double best = seconds_of(fl_dot_best(), a, b, 1536), plain = seconds_of(fl_dot_plain, a, b, 1536);
  printf("1,536 numbers: %s %.0f ns, plain %.0f ns, %.1f times\n", fl_dot_best_name(), best * 5000, plain * 5000,
         plain / best);
  return 0;
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(best_agrees_with_plain),
      cmocka_unit_test(exact_products_are_exact),
      cmocka_unit_test(vectors_get_length_one),
  };
  return argc > 1 ? bench() : cmocka_run_group_tests(tests, NULL, NULL);
}
