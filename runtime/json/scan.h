/* SPDX-License-Identifier: MIT */
/* Scanning strings eight bytes at a time, in ordinary 64-bit arithmetic. Pure. The trick: an ASCII byte is below n
 * exactly when subtracting n sets its high bit. Only such a byte borrows from the next one, so bytes above it may be
 * marked wrongly, but the lowest mark is always right; that is why the word is taken as little endian. */
#pragma once
#include "runtime/base/scan_far.h"

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define FL_SCAN_ONES UINT64_C(0x0101010101010101)
#define FL_SCAN_HIGHS UINT64_C(0x8080808080808080)

enum { FL_SCAN_LONG = 64 }; /* below this, words are as good as vectors */

static inline uint64_t fl_scan_load(const char *at) {
  uint64_t word;
  memcpy(&word, at, sizeof word);
  return le64toh(word);
}

/* Marks quotes, backslashes and control characters; only the lowest mark counts. */
static inline uint64_t fl_scan_special(uint64_t word) {
  uint64_t quote = (word ^ FL_SCAN_ONES * '"') - FL_SCAN_ONES;
  uint64_t backslash = (word ^ FL_SCAN_ONES * '\\') - FL_SCAN_ONES;
  uint64_t control = word - FL_SCAN_ONES * 0x20;
  return (quote | backslash | control) & ~word & FL_SCAN_HIGHS;
}

/* The same for 16 bytes at a time, which every machine that has vectors can: how far `at` may go by whole blocks
 * without meeting a quote, a backslash, a control character, or with `plain` a byte that is not ASCII. */
typedef uint8_t fl_scan_block __attribute__((vector_size(16), aligned(1), may_alias));

static inline bool fl_scan_is_any(fl_scan_block marks) {
  uint64_t words[2];
  memcpy(words, &marks, sizeof words);
  return (words[0] | words[1]) != 0;
}

static inline bool fl_scan_is_clean(const char *at, bool plain) {
  fl_scan_block block;
  memcpy(&block, at, sizeof block);
  fl_scan_block marks = (fl_scan_block)(block == '"') | (fl_scan_block)(block == '\\') | (fl_scan_block)(block < 0x20);
  if (plain) marks |= block & 0x80;
  return !fl_scan_is_any(marks);
}

/* Escapes stand close together or not at all: what is far is looked at once nothing was near. */
static inline const char *fl_scan_blocks(const char *at, const char *end, bool plain) {
  enum { SIZE = sizeof(fl_scan_block) };
  const char *near = end - at < FL_SCAN_FAR ? end : at + FL_SCAN_FAR / 2;
  for (; near - at >= SIZE; at += SIZE)
    if (!fl_scan_is_clean(at, plain)) return at;
  if (near == end) return at;
  for (at = fl_scan_far(at, end, plain); end - at >= SIZE; at += SIZE)
    if (!fl_scan_is_clean(at, plain)) return at;
  return at;
}

static inline bool fl_scan_is_special(char c) { return (uint8_t)c < 0x20 || c == '"' || c == '\\'; }

/* The first special or non-ASCII byte, or end. */
static inline const char *fl_scan_plain(const char *at, const char *end) {
  if (end - at >= FL_SCAN_LONG) at = fl_scan_blocks(at, end, true);
  for (; end - at >= 8; at += 8) {
    uint64_t word = fl_scan_load(at);
    uint64_t marks = fl_scan_special(word) | (word & FL_SCAN_HIGHS);
    if (marks != 0) return at + (__builtin_ctzll(marks) >> 3);
  }
  while (at < end && !fl_scan_is_special(*at) && (*at & 0x80) == 0) at++;
  return at;
}

/* The first byte that a string in JSON must escape, or end. For text that is known to be UTF-8. */
static inline const char *fl_scan_unescaped(const char *at, const char *end) {
  if (end - at >= FL_SCAN_LONG) at = fl_scan_blocks(at, end, false);
  for (; end - at >= 8; at += 8) {
    uint64_t marks = fl_scan_special(fl_scan_load(at));
    if (marks != 0) return at + (__builtin_ctzll(marks) >> 3);
  }
  while (at < end && !fl_scan_is_special(*at)) at++;
  return at;
}
