/* SPDX-License-Identifier: MIT */
#include "mcp/auth/address.h"

#include <arpa/inet.h>
#include <stdlib.h>

/* IPv6, with IPv4 mapped into it. */
static bool to_bytes(const char *text, uint8_t bytes[16]) {
  struct in6_addr six;
  struct in_addr four;
  if (inet_pton(AF_INET, text, &four) == 1) {
    memset(bytes, 0, 10);
    memset(bytes + 10, 0xff, 2);
    memcpy(bytes + 12, &four, 4);
    return true;
  }
  if (inet_pton(AF_INET6, text, &six) != 1) return false;
  memcpy(bytes, &six, 16);
  return true;
}

struct block {
  uint8_t bytes[16];
  uint8_t bits;
  uint8_t kind;
};

static bool lies_in(const uint8_t *bytes, const uint8_t *block, unsigned bits) {
  unsigned whole = bits / 8, rest = bits % 8;
  if (memcmp(bytes, block, whole) != 0) return false;
  return rest == 0 || ((bytes[whole] ^ block[whole]) >> (8 - rest)) == 0;
}

/* IANA's special-purpose registries; the first that fits counts. */
static const struct block four_blocks[] = {{{127}, 8, FL_ADDRESS_LOOPBACK},
                                           {{10}, 8, FL_ADDRESS_PRIVATE},
                                           {{172, 16}, 12, FL_ADDRESS_PRIVATE},
                                           {{192, 168}, 16, FL_ADDRESS_PRIVATE},
                                           {{100, 64}, 10, FL_ADDRESS_PRIVATE},
                                           {{0}, 8, FL_ADDRESS_RESERVED},
                                           {{169, 254}, 16, FL_ADDRESS_RESERVED},
                                           {{192, 0, 0}, 24, FL_ADDRESS_RESERVED},
                                           {{192, 0, 2}, 24, FL_ADDRESS_RESERVED},
                                           {{198, 18}, 15, FL_ADDRESS_RESERVED},
                                           {{198, 51, 100}, 24, FL_ADDRESS_RESERVED},
                                           {{203, 0, 113}, 24, FL_ADDRESS_RESERVED},
                                           {{224}, 3, FL_ADDRESS_RESERVED}};

static enum fl_address_kind kind_of_four(const uint8_t bytes[4]) {
  for (size_t i = 0; i < sizeof four_blocks / sizeof *four_blocks; i++)
    if (lies_in(bytes, four_blocks[i].bytes, four_blocks[i].bits)) return (enum fl_address_kind)four_blocks[i].kind;
  return FL_ADDRESS_PUBLIC;
}

static const struct block six_blocks[] = {{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 128, FL_ADDRESS_LOOPBACK},
                                          {{0xfc}, 7, FL_ADDRESS_PRIVATE},
                                          {{0x20, 0x01, 0x0d, 0xb8}, 32, FL_ADDRESS_RESERVED},
                                          {{0x20, 0x01, 0}, 23, FL_ADDRESS_RESERVED}, /* Teredo and other assignments */
                                          {{0x20}, 3, FL_ADDRESS_PUBLIC}};

static const struct {
  uint8_t bytes[12];
  uint8_t bits, at; /* where the inner address begins */
} inner_blocks[] = {
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96, 12}, {{0, 0x64, 0xff, 0x9b}, 96, 12}, {{0x20, 0x02}, 16, 2}};

enum fl_address_kind fl_address_kind(const char *address) {
  uint8_t bytes[16];
  if (!to_bytes(address, bytes)) return FL_ADDRESS_RESERVED;
  for (size_t i = 0; i < sizeof inner_blocks / sizeof *inner_blocks; i++)
    if (lies_in(bytes, inner_blocks[i].bytes, inner_blocks[i].bits)) return kind_of_four(bytes + inner_blocks[i].at);
  for (size_t i = 0; i < sizeof six_blocks / sizeof *six_blocks; i++)
    if (lies_in(bytes, six_blocks[i].bytes, six_blocks[i].bits)) return (enum fl_address_kind)six_blocks[i].kind;
  return FL_ADDRESS_RESERVED; /* what is not global unicast */
}

int fl_networks_add(struct fl_networks *networks, const char *text, struct fl_error *err) {
  char address[64];
  size_t size = strcspn(text, "/");
  if (networks->count == FL_NETWORKS_MAX)
    return fl_error_set(err, FL_E_LIMIT, "more than %d networks are named", FL_NETWORKS_MAX);
  if (size >= sizeof address) return fl_error_set(err, FL_E_INVALID, "\"%.100s\" is no network", text);
  memcpy(address, text, size);
  address[size] = '\0';
  uint8_t *bytes = networks->items[networks->count].bytes;
  bool is_four = strchr(address, ':') == NULL, has_bits = text[size] == '/';
  char *end = NULL;
  unsigned long most = is_four ? 32 : 128, bits = has_bits ? strtoul(text + size + 1, &end, 10) : most;
  bool is_number = !has_bits || (text[size + 1] >= '0' && text[size + 1] <= '9' && *end == '\0');
  if (!to_bytes(address, bytes) || !is_number || bits > most)
    return fl_error_set(err, FL_E_INVALID, "\"%.100s\" is no network (as 10.0.0.0/8 is one)", text);
  networks->items[networks->count++].bits = (uint8_t)(is_four ? bits + 96 : bits);
  return 0;
}

bool fl_networks_have(const struct fl_networks *networks, const char *address) {
  uint8_t bytes[16];
  if (!to_bytes(address, bytes)) return false;
  for (size_t i = 0; i < networks->count; i++)
    if (lies_in(bytes, networks->items[i].bytes, networks->items[i].bits)) return true;
  return false;
}

int fl_auth_check_url(const struct fl_url *server, const char *url, const char *what, struct fl_error *err) {
  struct fl_url parsed = {0};
  if (fl_url_parse(fl_slice_of(url), FL_URL_HTTP, &parsed, err) < 0) return fl_error_context(err, "%s", what);
  bool is_loopback = fl_url_is_loopback(&parsed), is_plain = strcmp(parsed.scheme, "http") == 0;
  bool has_fragment = parsed.fragment != NULL;
  fl_url_deinit(&parsed);
  if (has_fragment) return fl_error_set(err, FL_E_INVALID, "%s: %.500s has a fragment", what, url);
  if (is_loopback && !fl_url_is_loopback(server))
    return fl_error_set(err, FL_E_DENIED, "%s is on this machine (%.500s), and the MCP server is not", what, url);
  if (is_plain && !is_loopback) return fl_error_set(err, FL_E_DENIED, "%s is not https: %.500s", what, url);
  return 0;
}
