/* SPDX-License-Identifier: MIT */
/* Proofs of possession (RFC 9449): a token that is bound to a key is of no use to a thief without the key. Both sides:
 * making a proof and reading one. Pure: time and random bytes are arguments. */
#pragma once
#include "mcp/auth/jwt.h"

enum { FL_DPOP_JTI_SIZE = 16, FL_DPOP_AGE_MAX_S = 300 };

struct fl_dpop_facts {
  const char *method, *url;      /* of the request; query and fragment are left out */
  const struct fl_secret *token; /* NULL: a request for a token */
  const char *nonce;             /* NULL: none */
  int64_t now_s;                 /* since the Unix epoch */
  const uint8_t *jti;            /* FL_DPOP_JTI_SIZE random bytes; for making only */
};

/* Appends the value of the header DPoP. */
int fl_dpop_write(const struct fl_jose_key *key, const struct fl_dpop_facts *facts, struct fl_buf *buf,
                  struct fl_error *err);

/* A proof that was sent to us: for this request and token, young enough (FL_DPOP_AGE_MAX_S, either way), signed by the
 * key that it names. ret_thumbprint is the key's, ret_jti the SHA-256 of its jti (to see a repetition). FL_E_SYNTAX,
 * FL_E_UNSUPPORTED, FL_E_AUTH; and the errors of the module. */
int fl_dpop_read(fl_slice proof, const struct fl_dpop_facts *facts, char ret_thumbprint[FL_JWK_THUMBPRINT_SIZE],
                 uint8_t ret_jti[FL_SHA256_SIZE], struct fl_error *err);
