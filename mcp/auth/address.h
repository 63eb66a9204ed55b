/* SPDX-License-Identifier: MIT */
/* Which URLs and addresses authorization may reach (server-side request forgery): metadata, registration and tokens are
 * asked for at URLs that a server names, and a server must not make us knock at doors behind our own wall. Pure.
 *
 * Invariants. (1) Only https; http to loopback alone, and only when the MCP server itself is on loopback. (2) An
 * address that is not public is reached only when the MCP server is of the same kind, or the configuration names its
 * network. (3) The decision falls on the resolved address at connect, not on the name. */
#pragma once
#include "runtime/wire/url.h"

#include <fairlead/value.h>

enum fl_address_kind {
  FL_ADDRESS_PUBLIC,
  FL_ADDRESS_LOOPBACK,
  FL_ADDRESS_PRIVATE,  /* RFC 1918, 6598, 4193 */
  FL_ADDRESS_RESERVED, /* link-local (cloud metadata), multicast, unspecified, documentation, whatever is no address */
};

/* "127.0.0.1", "::1", "::ffff:10.0.0.1": addresses inside addresses (mapped, NAT64, 6to4) count as the inner one. */
enum fl_address_kind fl_address_kind(const char *address);

enum { FL_NETWORKS_MAX = 16 };
struct fl_networks {
  struct {
    uint8_t bytes[16]; /* IPv4 as ::ffff:a.b.c.d */
    uint8_t bits;
  } items[FL_NETWORKS_MAX];
  size_t count;
};
/* "10.0.0.0/8", "fd00::/8", "192.0.2.7". FL_E_INVALID, FL_E_LIMIT. */
int fl_networks_add(struct fl_networks *networks, const char *text, struct fl_error *err);
bool fl_networks_have(const struct fl_networks *networks, const char *address);

/* A URL that `what` ("the token endpoint") names. `server` is the MCP server's. Errors: FL_E_INVALID (no URL, a user
 * name or a fragment in it), FL_E_DENIED (http, or loopback from a server that is not). */
int fl_auth_check_url(const struct fl_url *server, const char *url, const char *what, struct fl_error *err);
