/* SPDX-License-Identifier: MIT */
/* Signatures of JOSE (RFC 7515, 7518, 8037): three algorithms, asymmetric all, and no others ("none" and HMAC cannot be
 * expressed). The work is done by libcrypto in a module of its own, loaded on first use. */
#pragma once
#include "runtime/base/secret.h"

enum fl_jose_alg { FL_JOSE_NONE, FL_JOSE_ES256, FL_JOSE_RS256, FL_JOSE_EDDSA }; /* NONE: not one of ours */
enum fl_jose_alg fl_jose_alg_of(const char *name); /* "ES256", …; NULL and unknown names: FL_JOSE_NONE */
const char *fl_jose_alg_name(enum fl_jose_alg alg);

/* The numbers of a public key, big endian. */
enum { FL_JOSE_RSA_BYTES_MIN = 256, FL_JOSE_RSA_BYTES_MAX = 1024, FL_JOSE_EXPONENT_BYTES_MAX = 8 };
struct fl_jose_public {
  enum fl_jose_alg alg;
  uint8_t x[32], y[32]; /* ES256: both; EdDSA: x */
  uint8_t n[FL_JOSE_RSA_BYTES_MAX], e[FL_JOSE_EXPONENT_BYTES_MAX];
  size_t n_size, e_size;
};

struct fl_jose_key;

/* A new key (RS256: 2048 bits, which takes a good part of a second). All four: FL_E_NOT_FOUND, FL_E_VERSION,
 * FL_E_UNSUPPORTED of the module; FL_E_INVALID for a key that is none, without repeating it. */
int fl_jose_generate(enum fl_jose_alg alg, struct fl_jose_key **ret_key, struct fl_error *err);
int fl_jose_read_private(fl_slice pem, struct fl_jose_key **ret_key,
                         struct fl_error *err); /* PKCS #8, SEC 1, PKCS #1 */
int fl_jose_read_public(const struct fl_jose_public *parts, struct fl_jose_key **ret_key, struct fl_error *err);
int fl_jose_write_private(const struct fl_jose_key *key, struct fl_secret *ret_pem, struct fl_error *err); /* PKCS #8 */
void fl_jose_key_destroy(struct fl_jose_key *key); /* NULL allowed */

enum fl_jose_alg fl_jose_key_alg(const struct fl_jose_key *key);
int fl_jose_key_public(const struct fl_jose_key *key, struct fl_jose_public *ret_parts, struct fl_error *err);

/* Appends the raw signature (ES256: r and s, 64 bytes). */
int fl_jose_sign(const struct fl_jose_key *key, fl_slice data, struct fl_buf *ret_signature, struct fl_error *err);
/* 0, or FL_E_AUTH when it is not this key's signature of this data. */
int fl_jose_verify(const struct fl_jose_key *key, fl_slice data, fl_slice signature);
