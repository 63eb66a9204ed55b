/* SPDX-License-Identifier: MIT */
#include "tools/sandbox/sha256.h"

#include <string.h>

enum { BLOCK = 64, ROUNDS = 64 };

static const uint32_t constants[ROUNDS] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t turn(uint32_t word, unsigned bits) { return word >> bits | word << (32 - bits); }

static void expand(const uint8_t *block, uint32_t schedule[ROUNDS]) {
  for (size_t i = 0; i < 16; i++)
    schedule[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 | (uint32_t)block[4 * i + 2] << 8 |
                  block[4 * i + 3];
  for (size_t i = 16; i < ROUNDS; i++) {
    uint32_t a = schedule[i - 15], b = schedule[i - 2];
    uint32_t small = turn(a, 7) ^ turn(a, 18) ^ a >> 3, large = turn(b, 17) ^ turn(b, 19) ^ b >> 10;
    schedule[i] = schedule[i - 16] + small + schedule[i - 7] + large;
  }
}

/* The letters a to h of the standard are state[0] to state[7]. */
static void mix(uint32_t hash[8], const uint8_t *block) {
  uint32_t schedule[ROUNDS], state[8];
  expand(block, schedule);
  memcpy(state, hash, sizeof state);
  for (size_t i = 0; i < ROUNDS; i++) {
    uint32_t a = state[0], e = state[4];
    uint32_t choice = (e & state[5]) ^ (~e & state[6]);
    uint32_t majority = (a & state[1]) ^ (a & state[2]) ^ (state[1] & state[2]);
    uint32_t first = state[7] + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + choice + constants[i] + schedule[i];
    uint32_t second = (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + majority;
    memmove(state + 1, state, 7 * sizeof *state);
    state[4] += first;
    state[0] = first + second;
  }
  for (size_t i = 0; i < 8; i++) hash[i] += state[i];
}

void fl_launch_sha256(const uint8_t *bytes, size_t size, uint8_t ret_hash[FL_LAUNCH_SHA256_SIZE]) {
  uint32_t hash[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  uint8_t last[2 * BLOCK] = {0};
  size_t whole = size - size % BLOCK, rest = size - whole, ending = rest < BLOCK - 8 ? BLOCK : 2 * BLOCK;
  for (size_t at = 0; at < whole; at += BLOCK) mix(hash, bytes + at);
  if (rest > 0) memcpy(last, bytes + whole, rest);
  last[rest] = 0x80;
  for (size_t i = 0; i < 8; i++) last[ending - 1 - i] = (uint8_t)((uint64_t)size * 8 >> (8 * i));
  for (size_t at = 0; at < ending; at += BLOCK) mix(hash, last + at);
  for (size_t i = 0; i < FL_LAUNCH_SHA256_SIZE; i++) ret_hash[i] = (uint8_t)(hash[i / 4] >> (24 - 8 * (i % 4)));
}
