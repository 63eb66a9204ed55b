/* SPDX-License-Identifier: MIT */
/* Tokens and keys: what is read as a key is written and read the same; a token's parts stay within it. */
#include "mcp/auth/guard_keys.h"
#include "mcp/auth/jwt.h"
#include "runtime/base/check.h"
#include "runtime/json/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_key(fl_slice text) {
  FL_VALUE_AUTO jwk = NULL;
  struct fl_jose_public parts, again;
  if (fl_json_read(text, FL_JSON_STRICT, &jwk, NULL) != 0 || fl_jwk_read(jwk, &parts, NULL) != 0) return;
  FL_VALUE_AUTO written = fl_jwk_write(&parts);
  char one[FL_JWK_THUMBPRINT_SIZE], two[FL_JWK_THUMBPRINT_SIZE];
  fl_check(fl_jwk_read(written, &again, NULL) == 0);
  fl_jwk_thumbprint(&parts, one);
  fl_jwk_thumbprint(&again, two);
  fl_check(strcmp(one, two) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  fl_slice text = fl_slice_n((const char *)data, size);
  FL_JWT_AUTO jwt = {0};
  try_key(text);
  if (fl_jwt_read(text, &jwt, NULL) != 0) return 0;
  fl_check(jwt.alg != FL_JOSE_NONE && fl_is(jwt.header, FL_OBJECT) && fl_is(jwt.claims, FL_OBJECT));
  fl_check(jwt.signed_part.data == text.data && jwt.signed_part.size < text.size);
  fl_jwt_has_audience(jwt.claims, "x");
  return 0;
}
