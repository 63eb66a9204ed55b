/* SPDX-License-Identifier: MIT */
#include "mcp/auth/dpop.h"
#include "runtime/base/id.h"
#include "runtime/base/mem.h"
#include "runtime/wire/url.h"

/* The URL without query and fragment, in normal form. */
static char *target_of(const char *text) {
  struct fl_url url = {0};
  if (fl_url_parse(fl_slice_of(text), FL_URL_HTTP, &url, NULL) < 0) return NULL;
  fl_free(url.query);
  fl_free(url.fragment);
  url.query = url.fragment = NULL;
  char *target = fl_url_format(&url);
  fl_url_deinit(&url);
  return target;
}

static struct fl_value *make_claims(const struct fl_dpop_facts *facts, const char *target) {
  struct fl_value *claims = fl_object();
  char jti[2 * FL_DPOP_JTI_SIZE + 1], hash[FL_JWK_THUMBPRINT_SIZE];
  fl_hex(facts->jti, FL_DPOP_JTI_SIZE, jti);
  fl_set_string(claims, "jti", jti);
  fl_set_string(claims, "htm", facts->method);
  fl_set_string(claims, "htu", target);
  fl_set_int(claims, "iat", facts->now_s);
  if (facts->token != NULL) {
    fl_sha256_text(fl_secret_slice(facts->token), hash);
    fl_set_string(claims, "ath", hash);
  }
  if (facts->nonce != NULL) fl_set_string(claims, "nonce", facts->nonce);
  return claims;
}

int fl_dpop_write(const struct fl_jose_key *key, const struct fl_dpop_facts *facts, struct fl_buf *buf,
                  struct fl_error *err) {
  struct fl_jose_public parts = {0};
  FL_FREE_AUTO char *target = target_of(facts->url);
  if (target == NULL) return fl_error_set(err, FL_E_INVALID, "there is no proof for what is no URL");
  int failure = fl_jose_key_public(key, &parts, err);
  if (failure != 0) return failure;
  FL_VALUE_AUTO header = fl_object();
  fl_set_string(header, "typ", "dpop+jwt");
  fl_set_take(header, "jwk", fl_jwk_write(&parts));
  FL_VALUE_AUTO claims = make_claims(facts, target);
  return fl_jwt_write(header, claims, key, buf, err);
}

/* ---- reading ---- */

static int check_target(const struct fl_value *claims, const struct fl_dpop_facts *facts, struct fl_error *err) {
  const char *htu = fl_get_string(claims, "htu", NULL);
  if (strcmp(fl_get_string(claims, "htm", ""), facts->method) != 0)
    return fl_error_set(err, FL_E_AUTH, "the proof is for another method");
  FL_FREE_AUTO char *named = htu != NULL ? target_of(htu) : NULL;
  FL_FREE_AUTO char *target = target_of(facts->url);
  if (named == NULL || target == NULL || strcmp(named, target) != 0)
    return fl_error_set(err, FL_E_AUTH, "the proof is for another URL");
  return 0;
}

static int check_claims(const struct fl_value *claims, const struct fl_dpop_facts *facts, struct fl_error *err) {
  int64_t age = facts->now_s - fl_get_int(claims, "iat", INT64_MIN / 2);
  if (age > FL_DPOP_AGE_MAX_S || age < -FL_DPOP_AGE_MAX_S)
    return fl_error_set(err, FL_E_AUTH, "the proof is too old or from the future");
  if (facts->nonce != NULL && strcmp(fl_get_string(claims, "nonce", ""), facts->nonce) != 0)
    return fl_error_set(err, FL_E_AUTH, "the proof has not the nonce that was given");
  char hash[FL_JWK_THUMBPRINT_SIZE];
  if (facts->token != NULL) {
    fl_sha256_text(fl_secret_slice(facts->token), hash);
    if (strcmp(fl_get_string(claims, "ath", ""), hash) != 0)
      return fl_error_set(err, FL_E_AUTH, "the proof is for another token");
  }
  return check_target(claims, facts, err);
}

static int check_signature(const struct fl_jwt *jwt, struct fl_jose_public *ret_parts, struct fl_error *err) {
  int failure = fl_jwk_read(fl_get(jwt->header, "jwk"), ret_parts, err);
  if (failure != 0) {
    fl_error_context(err, "the proof");
    return failure;
  }
  if (ret_parts->alg != jwt->alg) return fl_error_set(err, FL_E_AUTH, "the proof's key is not for its algorithm");
  struct fl_jose_key *key = NULL;
  failure = fl_jose_read_public(ret_parts, &key, err);
  if (failure != 0) return failure;
  failure = fl_jose_verify(key, jwt->signed_part, fl_buf_slice(&jwt->signature));
  fl_jose_key_destroy(key);
  return failure == 0 ? 0 : fl_error_set(err, failure, "the proof's signature is not that of its key");
}

int fl_dpop_read(fl_slice proof, const struct fl_dpop_facts *facts, char ret_thumbprint[FL_JWK_THUMBPRINT_SIZE],
                 uint8_t ret_jti[FL_SHA256_SIZE], struct fl_error *err) {
  FL_JWT_AUTO jwt = {0};
  struct fl_jose_public parts = {0};
  int failure = fl_jwt_read(proof, &jwt, err);
  if (failure != 0) {
    fl_error_context(err, "the proof");
    return failure;
  }
  if (strcmp(fl_get_string(jwt.header, "typ", ""), "dpop+jwt") != 0)
    return fl_error_set(err, FL_E_SYNTAX, "the proof is not of the type dpop+jwt");
  const char *jti = fl_get_string(jwt.claims, "jti", "");
  if (*jti == '\0') return fl_error_set(err, FL_E_SYNTAX, "the proof has no jti");
  failure = check_claims(jwt.claims, facts, err);
  if (failure == 0) failure = check_signature(&jwt, &parts, err);
  if (failure != 0) return failure;
  fl_jwk_thumbprint(&parts, ret_thumbprint);
  fl_sha256(fl_slice_of(jti), ret_jti);
  return 0;
}
