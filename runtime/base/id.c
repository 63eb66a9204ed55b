/* SPDX-License-Identifier: MIT */
#include "runtime/base/id.h"

#include <sodium/crypto_generichash_blake2b.h>

/* 100 ns intervals between 1582-10-15 and 1970-01-01 (RFC 9562, section 5.1). */
static const uint64_t gregorian_offset = 0x01b21dd213814000u;

static const char digits[] = "0123456789abcdef";

void fl_hex(const uint8_t *bytes, size_t size, char *ret_text) {
  for (size_t i = 0; i < size; i++) {
    ret_text[2 * i] = digits[bytes[i] >> 4];
    ret_text[2 * i + 1] = digits[bytes[i] & 15];
  }
  ret_text[2 * size] = '\0';
}

void fl_uuid_text(const uint8_t bytes[16], char ret_text[FL_UUID_SIZE]) {
  char *at = ret_text;
  for (size_t i = 0; i < 16; i++) {
    if (i == 4 || i == 6 || i == 8 || i == 10) *at++ = '-';
    *at++ = digits[bytes[i] >> 4];
    *at++ = digits[bytes[i] & 15];
  }
  *at = '\0';
}

size_t fl_decimal(uint64_t number, char ret_text[FL_DECIMAL_SIZE]) {
  char backwards[FL_DECIMAL_SIZE];
  size_t size = 0;
  do backwards[size++] = (char)('0' + number % 10);
  while ((number /= 10) > 0);
  for (size_t i = 0; i < size; i++) ret_text[i] = backwards[size - 1 - i];
  ret_text[size] = '\0';
  return size;
}

static void format_uuid(uint8_t bytes[16], unsigned version, char ret_text[FL_UUID_SIZE]) {
  bytes[6] = (uint8_t)((bytes[6] & 0x0f) | (version << 4));
  bytes[8] = (uint8_t)((bytes[8] & 0x3f) | 0x80);
  fl_uuid_text(bytes, ret_text);
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

/* What is short is put together first: the hash takes its text in blocks, and is slow with crumbs. */
struct hashing {
  crypto_generichash_blake2b_state state;
  uint8_t crumbs[512];
  size_t size; /* of the crumbs */
};

static void hash_flush(struct hashing *hashing) {
  crypto_generichash_blake2b_update(&hashing->state, hashing->crumbs, hashing->size);
  hashing->size = 0;
}

static void hash_add(struct hashing *hashing, const void *bytes, size_t size) {
  if (size > sizeof hashing->crumbs - hashing->size) hash_flush(hashing);
  if (size > sizeof hashing->crumbs) {
    crypto_generichash_blake2b_update(&hashing->state, bytes, size);
  } else if (size > 0) {
    memcpy(hashing->crumbs + hashing->size, bytes, size);
    hashing->size += size;
  }
}

void fl_hash_parts(const fl_slice *parts, size_t part_count, uint8_t ret_hash[FL_HASH_SIZE]) {
  struct hashing hashing;
  hashing.size = 0;
  crypto_generichash_blake2b_init(&hashing.state, NULL, 0, FL_HASH_SIZE);
  for (size_t i = 0; i < part_count; i++) {
    uint8_t size[8];
    for (int j = 0; j < 8; j++) size[j] = (uint8_t)((uint64_t)parts[i].size >> (8 * j));
    hash_add(&hashing, size, sizeof size);
    hash_add(&hashing, parts[i].data, parts[i].size);
  }
  hash_flush(&hashing);
  crypto_generichash_blake2b_final(&hashing.state, ret_hash, FL_HASH_SIZE);
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

/* The value of a digit and 1, 0 for what is none. */
static const uint8_t hex_digits[256] = {
    ['0'] = 1, ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
    ['8'] = 9, ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16};

bool fl_uuid_bytes(const char *text, uint8_t ret_bytes[16]) {
  size_t at = 0;
  for (size_t i = 0; i < 16; i++) {
    if ((i == 4 || i == 6 || i == 8 || i == 10) && text[at++] != '-') return false;
    unsigned high = hex_digits[(unsigned char)text[at]];
    unsigned low = high > 0 ? hex_digits[(unsigned char)text[at + 1]] : 0;
    if (low == 0) return false;
    ret_bytes[i] = (uint8_t)((high - 1) << 4 | (low - 1));
    at += 2;
  }
  return text[at] == '\0';
}

bool fl_is_uuid(const char *text) {
  uint8_t bytes[16];
  return fl_uuid_bytes(text, bytes);
}
