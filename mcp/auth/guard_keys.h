/* SPDX-License-Identifier: MIT */
/* The keys of an issuer (a JWK set, RFC 7517): those that are for signatures of our algorithms; others are passed over,
 * as the RFC says. Pure, but that reading a key loads the module of signatures. */
#pragma once
#include "mcp/auth/jwt.h"

enum { FL_JWKS_SIZE_MAX = 256 * 1024, FL_JWKS_KEYS_MAX = 64 };

struct fl_jwks {
  struct {
    char *kid; /* NULL: none */
    struct fl_jose_key *key;
  } items[FL_JWKS_KEYS_MAX];
  size_t count;
};

/* FL_E_SYNTAX (not a JWK set), FL_E_NOT_FOUND (no key in it is for us), FL_E_LIMIT; and the module's errors. */
int fl_jwks_read(fl_slice text, struct fl_jwks *ret_keys, struct fl_error *err);
void fl_jwks_deinit(struct fl_jwks *keys); /* repeatable */

/* The key with this kid and algorithm; without a kid the only one of the algorithm. NULL: none, or several. */
const struct fl_jose_key *fl_jwks_find(const struct fl_jwks *keys, const char *kid, enum fl_jose_alg alg);
