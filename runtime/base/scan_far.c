/* SPDX-License-Identifier: MIT */
#include "runtime/base/scan_far.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { WIDTH = 32, COUNT = 4, BLOCK = WIDTH * COUNT };

typedef uint8_t wide __attribute__((vector_size(32), aligned(1), may_alias));
typedef int8_t wide_signed __attribute__((vector_size(32), aligned(1), may_alias));

/* As a signed number, a byte that is not ASCII is below the control characters: one comparison finds both. */
static inline __attribute__((always_inline)) bool is_clean(const char *at, bool plain) {
  wide marks = {0};
  for (int i = 0; i < COUNT; i++) {
    wide block;
    memcpy(&block, at + i * WIDTH, sizeof block);
    marks |= (wide)(block == '"') | (wide)(block == '\\');
    if (plain) marks |= (wide)((wide_signed)block < 0x20);
    else marks |= (wide)(block < 0x20);
  }
  uint64_t words[WIDTH / sizeof(uint64_t)];
  memcpy(words, &marks, sizeof words);
  return (words[0] | words[1] | words[2] | words[3]) == 0;
}

static inline __attribute__((always_inline)) const char *scan(const char *at, const char *end, bool plain) {
  if (plain) {
    while (end - at >= BLOCK && is_clean(at, true)) at += BLOCK;
  } else {
    while (end - at >= BLOCK && is_clean(at, false)) at += BLOCK;
  }
  return at;
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static const char *scan_avx2(const char *at, const char *end, bool plain) {
  return scan(at, end, plain);
}

const char *fl_scan_far(const char *at, const char *end, bool plain) {
  return __builtin_cpu_supports("avx2") ? scan_avx2(at, end, plain) : scan(at, end, plain);
}
#else
const char *fl_scan_far(const char *at, const char *end, bool plain) { return scan(at, end, plain); }
#endif
