/* SPDX-License-Identifier: MIT */
/* JSON web tokens in their compact form (RFC 7519, 7515) and keys as JSON (RFC 7517, 7518, 8037): reading, which is
 * strict and believes nothing, and writing. A token that is read is not yet verified. Pure. */
#pragma once
#include "mcp/auth/jose.h"

#include <fairlead/value.h>

enum { FL_JWT_SIZE_MAX = 16 * 1024, FL_JWK_THUMBPRINT_SIZE = 44 };

struct fl_jwt {
  enum fl_jose_alg alg;
  struct fl_value *header, *claims; /* objects */
  fl_slice signed_part;             /* of the text that was read: header.claims */
  struct fl_buf signature;
};

/* Errors: FL_E_SYNTAX (what is wrong, without the token), FL_E_UNSUPPORTED for an algorithm that is not ours or for
 * `crit`, FL_E_LIMIT. The text must live as long as signed_part is used. */
int fl_jwt_read(fl_slice text, struct fl_jwt *ret_jwt, struct fl_error *err);
void fl_jwt_deinit(struct fl_jwt *jwt); /* repeatable; wipes */
#define FL_JWT_AUTO __attribute__((cleanup(fl_jwt_deinit))) struct fl_jwt

/* Appends the signed token. `header` gets the member "alg"; both must be the caller's alone. */
int fl_jwt_write(struct fl_value *header, const struct fl_value *claims, const struct fl_jose_key *key,
                 struct fl_buf *buf, struct fl_error *err);

/* Whether `aud` (a string or an array of strings) has `audience`. */
bool fl_jwt_has_audience(const struct fl_value *claims, const char *audience);

/* A public key. FL_E_INVALID names the member; FL_E_UNSUPPORTED for another type, curve, use or algorithm. A JWK with
 * private members is FL_E_INVALID. */
int fl_jwk_read(const struct fl_value *jwk, struct fl_jose_public *ret_parts, struct fl_error *err);
struct fl_value *fl_jwk_write(const struct fl_jose_public *parts); /* required members only, in thumbprint order */
void fl_jwk_thumbprint(const struct fl_jose_public *parts, char ret_text[FL_JWK_THUMBPRINT_SIZE]); /* RFC 7638 */

/* The SHA-256 of `text` in base64url: PKCE's challenge, DPoP's `ath`. */
void fl_sha256_text(fl_slice text, char ret_text[FL_JWK_THUMBPRINT_SIZE]);
