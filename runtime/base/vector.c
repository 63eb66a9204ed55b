/* SPDX-License-Identifier: MIT */
#include "runtime/base/vector.h"

#include <math.h>
#include <stdbool.h>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

float fl_dot_plain(const float *a, const float *b, size_t count) {
  float sum = 0;
  for (size_t i = 0; i < count; i++) sum += a[i] * b[i];
  return sum;
}

#if defined(__x86_64__)

/* Four sums side by side, so that an addition need not wait for the one before. */
__attribute__((target("avx2,fma"))) static float dot_avx2(const float *a, const float *b, size_t count) {
  __m256 sums[4] = {_mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps()};
  size_t i = 0;
  for (; i + 32 <= count; i += 32)
    for (size_t j = 0; j < 4; j++)
      sums[j] = _mm256_fmadd_ps(_mm256_loadu_ps(a + i + 8 * j), _mm256_loadu_ps(b + i + 8 * j), sums[j]);
  for (; i + 8 <= count; i += 8) sums[0] = _mm256_fmadd_ps(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i), sums[0]);
  __m256 sum = _mm256_add_ps(_mm256_add_ps(sums[0], sums[1]), _mm256_add_ps(sums[2], sums[3]));
  __m128 half = _mm_add_ps(_mm256_castps256_ps128(sum), _mm256_extractf128_ps(sum, 1));
  half = _mm_add_ps(half, _mm_movehl_ps(half, half));
  half = _mm_add_ss(half, _mm_movehdup_ps(half));
  return _mm_cvtss_f32(half) + fl_dot_plain(a + i, b + i, count - i);
}

static fl_dot_fn *best(const char **ret_name) {
  bool has = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  *ret_name = has ? "avx2" : "plain";
  return has ? dot_avx2 : fl_dot_plain;
}

#elif defined(__aarch64__)

static float dot_neon(const float *a, const float *b, size_t count) {
  float32x4_t sums[4] = {vdupq_n_f32(0), vdupq_n_f32(0), vdupq_n_f32(0), vdupq_n_f32(0)};
  size_t i = 0;
  for (; i + 16 <= count; i += 16)
    for (size_t j = 0; j < 4; j++) sums[j] = vfmaq_f32(sums[j], vld1q_f32(a + i + 4 * j), vld1q_f32(b + i + 4 * j));
  float32x4_t sum = vaddq_f32(vaddq_f32(sums[0], sums[1]), vaddq_f32(sums[2], sums[3]));
  return vaddvq_f32(sum) + fl_dot_plain(a + i, b + i, count - i);
}

static fl_dot_fn *best(const char **ret_name) {
  *ret_name = "neon"; /* every processor of this kind has it */
  return dot_neon;
}

#else

static fl_dot_fn *best(const char **ret_name) {
  *ret_name = "plain";
  return fl_dot_plain;
}

#endif

fl_dot_fn *fl_dot_best(void) {
  const char *name;
  return best(&name);
}

const char *fl_dot_best_name(void) {
  const char *name;
  best(&name);
  return name;
}

int fl_vector_normalize(float *numbers, size_t count) {
  double sum = 0;
  for (size_t i = 0; i < count; i++) sum += (double)numbers[i] * numbers[i];
  if (!(sum > 0) || !isfinite(sum)) return -1;
  double scale = 1 / sqrt(sum);
  for (size_t i = 0; i < count; i++) numbers[i] = (float)(numbers[i] * scale);
  return 0;
}
