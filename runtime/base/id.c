/* SPDX-License-Identifier: MIT */
#include "runtime/base/id.h"

#include <sodium/crypto_generichash_blake2b.h>
#include <stdio.h>

/* 100 ns intervals between 1582-10-15 and 1970-01-01 (RFC 9562, section 5.1). */
static const uint64_t gregorian_offset = 0x01b21dd213814000u;

void fl_hex(const uint8_t *bytes, size_t size, char *ret_text) {
  static const char digits[] = "0123456789abcdef";
  for (size_t i = 0; i < size; i++) {
    ret_text[2 * i] = digits[bytes[i] >> 4];
    ret_text[2 * i + 1] = digits[bytes[i] & 15];
  }
  ret_text[2 * size] = '\0';
}

static void format_uuid(uint8_t bytes[16], unsigned version, char ret_text[FL_UUID_SIZE]) {
  bytes[6] = (uint8_t)((bytes[6] & 0x0f) | (version << 4));
  bytes[8] = (uint8_t)((bytes[8] & 0x3f) | 0x80);
  char hex[33];
  fl_hex(bytes, 16, hex);
  snprintf(ret_text, FL_UUID_SIZE, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

void fl_uuid7(int64_t wall_ms, const uint8_t random[10], char ret_text[FL_UUID_SIZE]) {
  uint8_t bytes[16];
  for (int i = 0; i < 6; i++) bytes[i] = (uint8_t)((uint64_t)wall_ms >> (40 - 8 * i));
  memcpy(bytes + 6, random, 10);
  format_uuid(bytes, 7, ret_text);
}

void fl_uuid6(int64_t ticks, uint16_t sequence, const uint8_t node[6], char ret_text[FL_UUID_SIZE]) {
  uint64_t time = (uint64_t)ticks + gregorian_offset;
  uint8_t bytes[16];
  for (int i = 0; i < 6; i++) bytes[i] = (uint8_t)(time >> (52 - 8 * i));
  bytes[6] = (uint8_t)((time >> 8) & 0x0f);
  bytes[7] = (uint8_t)time;
  bytes[8] = (uint8_t)((sequence >> 8) & 0x3f);
  bytes[9] = (uint8_t)sequence;
  memcpy(bytes + 10, node, 6);
  format_uuid(bytes, 6, ret_text);
}

void fl_hash_parts(const fl_slice *parts, size_t part_count, uint8_t ret_hash[FL_HASH_SIZE]) {
  crypto_generichash_blake2b_state state;
  crypto_generichash_blake2b_init(&state, NULL, 0, FL_HASH_SIZE);
  for (size_t i = 0; i < part_count; i++) {
    uint8_t size[8];
    for (int j = 0; j < 8; j++) size[j] = (uint8_t)((uint64_t)parts[i].size >> (8 * j));
    crypto_generichash_blake2b_update(&state, size, sizeof size);
    crypto_generichash_blake2b_update(&state, (const unsigned char *)parts[i].data, parts[i].size);
  }
  crypto_generichash_blake2b_final(&state, ret_hash, FL_HASH_SIZE);
}

void fl_hash_bytes(fl_slice bytes, uint8_t ret_hash[FL_HASH_SIZE]) {
  crypto_generichash_blake2b(ret_hash, FL_HASH_SIZE, (const unsigned char *)bytes.data, bytes.size, NULL, 0);
}

void fl_derived_id(const fl_slice *parts, size_t part_count, char ret_text[FL_UUID_SIZE]) {
  uint8_t hash[FL_HASH_SIZE];
  fl_hash_parts(parts, part_count, hash);
  format_uuid(hash, 8, ret_text);
}

bool fl_is_thread_id(const char *text) {
  size_t size = strlen(text);
  if (size < 1 || size > FL_ID_MAX) return false;
  return strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-") == size;
}
