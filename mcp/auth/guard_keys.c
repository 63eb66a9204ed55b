/* SPDX-License-Identifier: MIT */
#include "mcp/auth/guard_keys.h"
#include "runtime/base/mem.h"
#include "runtime/json/json.h"

static int add_key(struct fl_jwks *keys, const struct fl_value *jwk, struct fl_error *err) {
  struct fl_jose_public parts;
  struct fl_jose_key *key = NULL;
  if (fl_jwk_read(jwk, &parts, NULL) < 0) return 0; /* of another kind: not for us */
  int failure = fl_jose_read_public(&parts, &key, err);
  if (failure == FL_E_INVALID) return 0;
  if (failure != 0) return failure;
  keys->items[keys->count].kid = fl_strdup(fl_get_string(jwk, "kid", NULL));
  keys->items[keys->count++].key = key;
  return 0;
}

int fl_jwks_read(fl_slice text, struct fl_jwks *ret_keys, struct fl_error *err) {
  FL_VALUE_AUTO set = NULL;
  struct fl_jwks keys = {0};
  if (text.size > FL_JWKS_SIZE_MAX)
    return fl_error_set(err, FL_E_LIMIT, "the keys of the issuer are more than %d bytes", FL_JWKS_SIZE_MAX);
  int failure = fl_json_read(text, FL_JSON_STRICT, &set, NULL);
  const struct fl_value *list = fl_get(set, "keys");
  if (failure != 0 || !fl_is(list, FL_ARRAY)) return fl_error_set(err, FL_E_SYNTAX, "it is not a JWK set");
  for (size_t i = 0; failure == 0 && i < fl_size(list) && keys.count < FL_JWKS_KEYS_MAX; i++)
    failure = add_key(&keys, fl_at(list, i), err);
  if (failure == 0 && keys.count == 0)
    failure = fl_error_set(err, FL_E_NOT_FOUND, "the JWK set has no key for RS256, ES256 or EdDSA");
  if (failure == 0) *ret_keys = keys;
  else fl_jwks_deinit(&keys);
  return failure;
}

void fl_jwks_deinit(struct fl_jwks *keys) {
  for (size_t i = 0; i < keys->count; i++) {
    fl_free(keys->items[i].kid);
    fl_jose_key_destroy(keys->items[i].key);
  }
  *keys = (struct fl_jwks){0};
}

const struct fl_jose_key *fl_jwks_find(const struct fl_jwks *keys, const char *kid, enum fl_jose_alg alg) {
  const struct fl_jose_key *found = NULL;
  for (size_t i = 0; i < keys->count; i++) {
    if (fl_jose_key_alg(keys->items[i].key) != alg) continue;
    const char *name = keys->items[i].kid;
    if (kid != NULL && (name == NULL || strcmp(name, kid) != 0)) continue;
    if (found != NULL) return NULL; /* which one cannot be said */
    found = keys->items[i].key;
  }
  return found;
}
