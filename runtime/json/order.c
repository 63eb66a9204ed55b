/* SPDX-License-Identifier: MIT */
/* The order of keys in canonical text: by UTF-16 code units. UTF-8 sorts by bytes as UTF-32 does; UTF-16 differs in one
 * thing: runes beyond U+FFFF (lead byte 0xF0 and up) start with a surrogate and so come before U+E000 to U+FFFF (lead
 * bytes 0xEE and 0xEF). Two keys that first differ inside a sequence have the same lead byte, so the differing bytes
 * decide. */
#include "runtime/json/writer.h"

#include <stdlib.h>

static int compare_bytes(uint8_t a, uint8_t b) {
  bool a_is_high = a >= 0xF0, b_is_high = b >= 0xF0;
  if (a_is_high != b_is_high && (a_is_high ? b : a) >= 0xEE) return a_is_high ? -1 : 1;
  return a < b ? -1 : 1;
}

static int compare_keys(const void *left, const void *right) {
  const struct fl_member *a = left, *b = right;
  size_t common = a->key_size < b->key_size ? a->key_size : b->key_size;
  for (size_t i = 0; i < common; i++)
    if (a->key[i] != b->key[i]) return compare_bytes((uint8_t)a->key[i], (uint8_t)b->key[i]);
  return a->key_size < b->key_size ? -1 : a->key_size > b->key_size;
}

struct fl_member *fl_members_sorted(const struct fl_value *object) {
  struct fl_member *members = fl_alloc(fl_size(object) * sizeof members[0]);
  struct fl_member member = {0};
  size_t count = 0;
  while (fl_next_member(object, &member)) members[count++] = member;
  qsort(members, count, sizeof members[0], compare_keys);
  return members;
}
