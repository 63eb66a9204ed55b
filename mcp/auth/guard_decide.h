/* SPDX-License-Identifier: MIT */
/* The decision of a guard: from rules, keys, the time and one request's headers to who it is, or a refusal. Pure. The
 * checks stand in the order of their price: what the token says first, its signature then, the proof last. */
#pragma once
#include "mcp/auth/guard_keys.h"

enum { FL_GUARD_LEEWAY_S = 60 };

struct fl_guard_rules {
  const char *issuer, *audience;
  const char *scope;        /* that every token must have; NULL: none */
  const char *metadata_url; /* of the protected resource, for challenges */
  bool requires_dpop;
};

struct fl_guard_request {
  const char *method, *url;
  const char *authorization, *dpop; /* the headers; NULL: absent */
  int64_t now_s;
};

struct fl_guard_decision {
  int status;                    /* 200, 400, 401, 403 */
  bool wants_keys;               /* with 401: the key that the token names is not there; ask again with newer ones */
  bool has_proof;                /* with 200 */
  uint8_t proof[FL_SHA256_SIZE]; /* may be seen once */
  char *principal;
  struct fl_value *claims;
  const char *error; /* the word of RFC 6750 or 9449; NULL: no token was given */
  char text[256];    /* for people; never of the token itself */
  bool is_dpop;      /* the challenge is DPoP's */
};

void fl_guard_decide(const struct fl_guard_rules *rules, const struct fl_jwks *keys,
                     const struct fl_guard_request *request, struct fl_guard_decision *ret_decision);
/* Makes it a refusal. */
void fl_guard_refuse(struct fl_guard_decision *decision, int status, const char *error, const char *text);
void fl_guard_decision_deinit(struct fl_guard_decision *decision);

/* The value of WWW-Authenticate for a refusal; the caller frees it. */
char *fl_guard_challenge(const struct fl_guard_rules *rules, const struct fl_guard_decision *decision);
