/* SPDX-License-Identifier: MIT */
#include "mcp/auth/jwt.h"
#include "runtime/base/check.h"
#include "runtime/json/json.h"
#include "runtime/wire/base64.h"

/* ---- reading ---- */

static int read_part(fl_slice text, const char *what, struct fl_value **ret_value, struct fl_error *err) {
  FL_BUF_AUTO bytes = {.limit = FL_JWT_SIZE_MAX};
  struct fl_value *value = NULL;
  int failure = fl_base64_decode(&bytes, text, FL_BASE64_URL, NULL);
  if (failure == 0) failure = fl_json_read(fl_buf_slice(&bytes), FL_JSON_STRICT, &value, NULL);
  fl_wipe(bytes.data, bytes.capacity);
  if (failure == 0 && fl_is(value, FL_OBJECT)) {
    *ret_value = value;
    return 0;
  }
  fl_value_unref(value);
  return fl_error_set(err, FL_E_SYNTAX, "the %s of the token is not a JSON object in base64url", what);
}

static bool cut(fl_slice *rest, fl_slice *ret_part) {
  const char *dot = rest->size > 0 ? memchr(rest->data, '.', rest->size) : NULL;
  if (dot == NULL) return false;
  *ret_part = fl_slice_n(rest->data, (size_t)(dot - rest->data));
  *rest = fl_slice_n(dot + 1, rest->size - ret_part->size - 1);
  return true;
}

static int check_header(struct fl_jwt *jwt, struct fl_error *err) {
  jwt->alg = fl_jose_alg_of(fl_get_string(jwt->header, "alg", NULL));
  if (jwt->alg == FL_JOSE_NONE)
    return fl_error_set(err, FL_E_UNSUPPORTED, "the token's algorithm is neither RS256, ES256 nor EdDSA");
  if (fl_get(jwt->header, "crit") != NULL)
    return fl_error_set(err, FL_E_UNSUPPORTED, "the token demands extensions (crit) that are not known here");
  return 0;
}

int fl_jwt_read(fl_slice text, struct fl_jwt *ret_jwt, struct fl_error *err) {
  if (text.size > FL_JWT_SIZE_MAX)
    return fl_error_set(err, FL_E_LIMIT, "the token is larger than %d bytes", FL_JWT_SIZE_MAX);
  FL_JWT_AUTO jwt = {.signature = {.limit = FL_JWT_SIZE_MAX}};
  fl_slice rest = text, header, claims;
  if (!cut(&rest, &header) || !cut(&rest, &claims) || rest.size == 0 || memchr(rest.data, '.', rest.size) != NULL)
    return fl_error_set(err, FL_E_SYNTAX, "the token is not three parts with dots between");
  jwt.signed_part = fl_slice_n(text.data, header.size + 1 + claims.size);
  int failure = read_part(header, "header", &jwt.header, err);
  if (failure == 0) failure = check_header(&jwt, err);
  if (failure == 0) failure = read_part(claims, "claims", &jwt.claims, err);
  if (failure != 0) return failure;
  if (fl_base64_decode(&jwt.signature, rest, FL_BASE64_URL, NULL) != 0)
    return fl_error_set(err, FL_E_SYNTAX, "the signature of the token is not base64url");
  *ret_jwt = jwt;
  jwt = (struct fl_jwt){0};
  return 0;
}

void fl_jwt_deinit(struct fl_jwt *jwt) {
  fl_value_unref(jwt->header);
  fl_value_unref(jwt->claims);
  fl_buf_deinit(&jwt->signature);
  *jwt = (struct fl_jwt){0};
}

bool fl_jwt_has_audience(const struct fl_value *claims, const char *audience) {
  const struct fl_value *aud = fl_get(claims, "aud");
  const char *only = fl_as_string(aud);
  if (only != NULL) return strcmp(only, audience) == 0;
  for (size_t i = 0; i < fl_size(aud) && fl_is(aud, FL_ARRAY); i++) {
    const char *one = fl_as_string(fl_at(aud, i));
    if (one != NULL && strcmp(one, audience) == 0) return true;
  }
  return false;
}

/* ---- writing ---- */

static int add_part(struct fl_buf *buf, const struct fl_value *value) {
  FL_BUF_AUTO text = {.limit = FL_JWT_SIZE_MAX};
  int failure = fl_json_write(&text, value, FL_JSON_COMPACT);
  return failure != 0 ? failure : fl_base64_encode(buf, fl_buf_slice(&text), FL_BASE64_URL);
}

int fl_jwt_write(struct fl_value *header, const struct fl_value *claims, const struct fl_jose_key *key,
                 struct fl_buf *buf, struct fl_error *err) {
  FL_BUF_AUTO token = {.limit = FL_JWT_SIZE_MAX};
  FL_BUF_AUTO signature = {.limit = FL_JWT_SIZE_MAX};
  fl_set_string(header, "alg", fl_jose_alg_name(fl_jose_key_alg(key)));
  int failure = add_part(&token, header);
  if (failure == 0) failure = fl_buf_add_char(&token, '.');
  if (failure == 0) failure = add_part(&token, claims);
  if (failure != 0) return fl_error_set(err, failure, "the token would be too large");
  failure = fl_jose_sign(key, fl_buf_slice(&token), &signature, err);
  if (failure != 0) return failure;
  fl_buf_add_char(&token, '.');
  fl_base64_encode(&token, fl_buf_slice(&signature), FL_BASE64_URL);
  if (token.failed || fl_buf_add(buf, token.data, token.size) != 0)
    return fl_error_set(err, FL_E_LIMIT, "the token would be too large");
  return 0;
}

/* ---- keys ---- */

struct key_kind {
  const char *kty, *crv; /* crv NULL: the type has none */
  enum fl_jose_alg alg;
};
static const struct key_kind kinds[] = {
    {"EC", "P-256", FL_JOSE_ES256}, {"RSA", NULL, FL_JOSE_RS256}, {"OKP", "Ed25519", FL_JOSE_EDDSA}};

static enum fl_jose_alg kind_of(const struct fl_value *jwk) {
  const char *kty = fl_get_string(jwk, "kty", ""), *crv = fl_get_string(jwk, "crv", "");
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (strcmp(kinds[i].kty, kty) == 0 && (kinds[i].crv == NULL || strcmp(kinds[i].crv, crv) == 0)) return kinds[i].alg;
  return FL_JOSE_NONE;
}

static bool allows_verify(const struct fl_value *jwk) {
  const struct fl_value *ops = fl_get(jwk, "key_ops");
  if (ops == NULL) return true;
  for (size_t i = 0; i < fl_size(ops) && fl_is(ops, FL_ARRAY); i++)
    if (strcmp(fl_as_string(fl_at(ops, i)) != NULL ? fl_as_string(fl_at(ops, i)) : "", "verify") == 0) return true;
  return false;
}

static int check_use(const struct fl_value *jwk, enum fl_jose_alg alg, struct fl_error *err) {
  static const char *const secret[] = {"d", "p", "q", "dp", "dq", "qi", "k", "oth"};
  for (size_t i = 0; i < sizeof secret / sizeof *secret; i++)
    if (fl_get(jwk, secret[i]) != NULL)
      return fl_error_set(err, FL_E_INVALID, "the key has the private member \"%s\"", secret[i]);
  const char *named = fl_get_string(jwk, "alg", NULL);
  if (alg == FL_JOSE_NONE || (named != NULL && fl_jose_alg_of(named) != alg))
    return fl_error_set(err, FL_E_UNSUPPORTED, "the key is of no type or algorithm that is known here");
  if (strcmp(fl_get_string(jwk, "use", "sig"), "sig") != 0 || !allows_verify(jwk))
    return fl_error_set(err, FL_E_UNSUPPORTED, "the key is not for signatures");
  return 0;
}

/* Exactly `size` bytes, or, with `ret_size`, 1 to `size` without a leading zero. */
static int read_number(const struct fl_value *jwk, const char *name, uint8_t *bytes, size_t size, size_t *ret_size) {
  const char *text = fl_get_string(jwk, name, NULL);
  FL_BUF_AUTO raw = {.limit = FL_JOSE_RSA_BYTES_MAX};
  if (text == NULL || fl_base64_decode(&raw, fl_slice_of(text), FL_BASE64_URL, NULL) != 0) return FL_E_INVALID;
  bool is_fine = ret_size == NULL ? raw.size == size : raw.size > 0 && raw.size <= size && raw.data[0] != 0;
  if (!is_fine) return FL_E_INVALID;
  memcpy(bytes, raw.data, raw.size);
  if (ret_size != NULL) *ret_size = raw.size;
  return 0;
}

static int read_numbers(const struct fl_value *jwk, struct fl_jose_public *parts, struct fl_error *err) {
  const char *name = "n";
  int failure;
  if (parts->alg == FL_JOSE_RS256) {
    failure = read_number(jwk, name, parts->n, sizeof parts->n, &parts->n_size);
    if (failure == 0 && parts->n_size < FL_JOSE_RSA_BYTES_MIN)
      return fl_error_set(err, FL_E_INVALID, "the RSA key has fewer than 2048 bits");
    if (failure == 0) failure = read_number(jwk, name = "e", parts->e, sizeof parts->e, &parts->e_size);
  } else {
    failure = read_number(jwk, name = "x", parts->x, sizeof parts->x, NULL);
    if (failure == 0 && parts->alg == FL_JOSE_ES256)
      failure = read_number(jwk, name = "y", parts->y, sizeof parts->y, NULL);
  }
  return failure == 0 ? 0 : fl_error_set(err, failure, "the key's member \"%s\" is missing or no such number", name);
}

int fl_jwk_read(const struct fl_value *jwk, struct fl_jose_public *ret_parts, struct fl_error *err) {
  struct fl_jose_public parts = {.alg = kind_of(jwk)};
  int failure = check_use(jwk, parts.alg, err);
  if (failure == 0) failure = read_numbers(jwk, &parts, err);
  if (failure == 0) *ret_parts = parts;
  return failure;
}

static void set_number(struct fl_value *jwk, const char *name, const uint8_t *bytes, size_t size) {
  FL_BUF_AUTO text = {0};
  int failure = fl_base64_encode(&text, fl_slice_n((const char *)bytes, size), FL_BASE64_URL);
  fl_check(failure == 0);
  fl_set_string(jwk, name, text.data);
}

struct fl_value *fl_jwk_write(const struct fl_jose_public *parts) {
  struct fl_value *jwk = fl_object();
  if (parts->alg == FL_JOSE_RS256) {
    set_number(jwk, "e", parts->e, parts->e_size);
    fl_set_string(jwk, "kty", "RSA");
    set_number(jwk, "n", parts->n, parts->n_size);
    return jwk;
  }
  fl_set_string(jwk, "crv", parts->alg == FL_JOSE_ES256 ? "P-256" : "Ed25519");
  fl_set_string(jwk, "kty", parts->alg == FL_JOSE_ES256 ? "EC" : "OKP");
  set_number(jwk, "x", parts->x, sizeof parts->x);
  if (parts->alg == FL_JOSE_ES256) set_number(jwk, "y", parts->y, sizeof parts->y);
  return jwk;
}

void fl_sha256_text(fl_slice text, char ret_text[FL_JWK_THUMBPRINT_SIZE]) {
  uint8_t hash[FL_SHA256_SIZE];
  FL_BUF_AUTO encoded = {0};
  fl_sha256(text, hash);
  int failure = fl_base64_encode(&encoded, fl_slice_n((char *)hash, sizeof hash), FL_BASE64_URL);
  fl_check(failure == 0 && encoded.size == FL_JWK_THUMBPRINT_SIZE - 1);
  memcpy(ret_text, encoded.data, FL_JWK_THUMBPRINT_SIZE);
}

void fl_jwk_thumbprint(const struct fl_jose_public *parts, char ret_text[FL_JWK_THUMBPRINT_SIZE]) {
  FL_VALUE_AUTO jwk = fl_jwk_write(parts);
  FL_BUF_AUTO text = {0};
  int failure = fl_json_write(&text, jwk, FL_JSON_COMPACT);
  fl_check(failure == 0);
  fl_sha256_text(fl_buf_slice(&text), ret_text);
}
