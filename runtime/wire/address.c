/* SPDX-License-Identifier: MIT */
#include "runtime/wire/address.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <string.h>

struct range {
  uint8_t bytes[16];
  unsigned bits;
};

static bool is_in(const uint8_t *address, const struct range *range) {
  unsigned whole = range->bits / 8, rest = range->bits % 8;
  if (memcmp(address, range->bytes, whole) != 0) return false;
  uint8_t mask = (uint8_t)(0xff00 >> rest);
  return rest == 0 || (address[whole] & mask) == (range->bytes[whole] & mask);
}

static bool is_private_v4(const uint8_t *address) {
  static const struct range ranges[] = {
      {{0}, 8},         {{10}, 8},       {{100, 64}, 10},      {{127}, 8},
      {{169, 254}, 16}, {{172, 16}, 12}, {{192, 0, 0}, 24},    {{192, 0, 2}, 24},
      {{192, 168}, 16}, {{198, 18}, 15}, {{198, 51, 100}, 24}, {{203, 0, 113}, 24},
      {{224}, 4},       {{240}, 4},
  };
  for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
    if (is_in(address, &ranges[i])) return true;
  return false;
}

/* Addresses that stand for one of version 4 are judged by that. */
static bool is_private_v6(const uint8_t *address) {
  static const struct range mapped = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96};
  static const struct range translated = {{0, 0x64, 0xff, 0x9b}, 96};
  static const struct range six_to_four = {{0x20, 0x02}, 16};
  static const struct range global = {{0x20}, 3}, documentation = {{0x20, 0x01, 0x0d, 0xb8}, 32};
  if (is_in(address, &mapped) || is_in(address, &translated)) return is_private_v4(address + 12);
  if (is_in(address, &six_to_four)) return is_private_v4(address + 2);
  return !is_in(address, &global) || is_in(address, &documentation);
}

bool fl_http_is_private_address(const char *address) {
  uint8_t bytes[16];
  if (inet_pton(AF_INET, address, bytes) == 1) return is_private_v4(bytes);
  if (inet_pton(AF_INET6, address, bytes) == 1) return is_private_v6(bytes);
  return true;
}
