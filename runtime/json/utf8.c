/* SPDX-License-Identifier: MIT */
#include "runtime/json/utf8.h"

#define HIGH_BITS 0x8080808080808080u

static bool is_continuation(uint8_t byte) { return (byte & 0xC0) == 0x80; }

static size_t three_bytes(const uint8_t *at) {
  if (!is_continuation(at[1]) || !is_continuation(at[2])) return 0;
  if (at[0] == 0xE0 && at[1] < 0xA0) return 0; /* overlong */
  if (at[0] == 0xED && at[1] > 0x9F) return 0; /* surrogate */
  return 3;
}

static size_t four_bytes(const uint8_t *at) {
  if (!is_continuation(at[1]) || !is_continuation(at[2]) || !is_continuation(at[3])) return 0;
  if (at[0] == 0xF0 && at[1] < 0x90) return 0; /* overlong */
  if (at[0] == 0xF4 && at[1] > 0x8F) return 0; /* beyond U+10FFFF */
  return 4;
}

size_t fl_utf8_sequence(const char *text, size_t size) {
  const uint8_t *at = (const uint8_t *)text;
  if (at[0] < 0x80) return 1;
  if (at[0] >= 0xC2 && at[0] <= 0xDF) return size >= 2 && is_continuation(at[1]) ? 2 : 0;
  if (at[0] >= 0xE0 && at[0] <= 0xEF) return size >= 3 ? three_bytes(at) : 0;
  if (at[0] >= 0xF0 && at[0] <= 0xF4) return size >= 4 ? four_bytes(at) : 0;
  return 0;
}

size_t fl_utf8_valid_size(const char *text, size_t size) {
  size_t used = 0;
  while (used < size) {
    uint64_t word, words[4];
    while (size - used >= sizeof words) {
      memcpy(words, text + used, sizeof words);
      if (((words[0] | words[1] | words[2] | words[3]) & HIGH_BITS) != 0) break;
      used += sizeof words;
    }
    while (size - used >= sizeof word) {
      memcpy(&word, text + used, sizeof word);
      if ((word & HIGH_BITS) != 0) break;
      used += sizeof word;
    }
    if (used == size) break;
    size_t step = fl_utf8_sequence(text + used, size - used);
    if (step == 0) break;
    used += step;
  }
  return used;
}

int fl_utf8_repair(struct fl_buf *buf, fl_slice text) {
  size_t used = 0;
  while (used < text.size) {
    size_t good = fl_utf8_valid_size(text.data + used, text.size - used);
    int rc = fl_buf_add(buf, text.data + used, good);
    if (rc < 0) return rc;
    used += good;
    if (used == text.size) break;
    rc = fl_buf_add(buf, "\xEF\xBF\xBD", 3);
    if (rc < 0) return rc;
    used++;
  }
  return 0;
}

size_t fl_utf8_encode(uint32_t rune, char ret_text[4]) {
  if (rune < 0x80) {
    ret_text[0] = (char)rune;
    return 1;
  }
  if (rune < 0x800) {
    ret_text[0] = (char)(0xC0 | rune >> 6);
    ret_text[1] = (char)(0x80 | (rune & 0x3F));
    return 2;
  }
  if (rune < 0x10000) {
    ret_text[0] = (char)(0xE0 | rune >> 12);
    ret_text[1] = (char)(0x80 | (rune >> 6 & 0x3F));
    ret_text[2] = (char)(0x80 | (rune & 0x3F));
    return 3;
  }
  ret_text[0] = (char)(0xF0 | rune >> 18);
  ret_text[1] = (char)(0x80 | (rune >> 12 & 0x3F));
  ret_text[2] = (char)(0x80 | (rune >> 6 & 0x3F));
  ret_text[3] = (char)(0x80 | (rune & 0x3F));
  return 4;
}

uint32_t fl_utf8_decode(const char *text, size_t sequence_size) {
  const uint8_t *at = (const uint8_t *)text;
  switch (sequence_size) {
  case 1: return at[0];
  case 2: return (at[0] & 0x1Fu) << 6 | (at[1] & 0x3Fu);
  case 3: return (at[0] & 0x0Fu) << 12 | (at[1] & 0x3Fu) << 6 | (at[2] & 0x3Fu);
  default: return (at[0] & 0x07u) << 18 | (at[1] & 0x3Fu) << 12 | (at[2] & 0x3Fu) << 6 | (at[3] & 0x3Fu);
  }
}
