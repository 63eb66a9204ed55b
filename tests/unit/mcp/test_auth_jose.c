/* SPDX-License-Identifier: MIT */
/* Signatures, tokens, keys and proofs: against the examples of the RFCs, and against ourselves. */
#include "mcp/auth/dpop.h"
#include "runtime/json/json.h"
#include "runtime/wire/base64.h"
#include "tests/support/support.h"

#define RSA_N                                                                                                      \
  "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-" \
  "pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2Ca" \
  "pHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb5" \
  "4h4FRWyuXpoQ"
#define CLAIMS "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"

struct example {
  const char *source, *jwk, *token;
};
static const struct example examples[] = {
    {"RFC 7515 A.2", "{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"" RSA_N "\"}",
     "eyJhbGciOiJSUzI1NiJ9." CLAIMS
     ".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUA"
     "r7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--x"
     "i12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_Ioyp"
     "GlUPQGe77Rw"},
    {"RFC 7515 A.3",
     "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
     "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}",
     "eyJhbGciOiJFUzI1NiJ9." CLAIMS
     ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"},
};

static struct fl_value *parse(const char *text) {
  struct fl_value *value = NULL;
  assert_int_equal(fl_parse(text, strlen(text), &value, NULL), 0);
  return value;
}

static struct fl_jose_key *key_of(const char *jwk) {
  FL_VALUE_AUTO value = parse(jwk);
  struct fl_jose_public parts;
  struct fl_jose_key *key = NULL;
  assert_int_equal(fl_jwk_read(value, &parts, NULL), 0);
  assert_int_equal(fl_jose_read_public(&parts, &key, NULL), 0);
  return key;
}

static void the_examples_of_the_rfc_verify(void **state) {
  for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
    FL_JWT_AUTO jwt = {0};
    struct fl_jose_key *key = key_of(examples[i].jwk);
    assert_int_equal(fl_jwt_read(fl_slice_of(examples[i].token), &jwt, NULL), 0);
    assert_string_equal(fl_get_string(jwt.claims, "iss", ""), "joe");
    assert_int_equal(fl_jose_verify(key, jwt.signed_part, fl_buf_slice(&jwt.signature)), 0);
    for (size_t bit = 0; bit < jwt.signature.size * 8; bit += 7) {
      jwt.signature.data[bit / 8] ^= (char)(1 << bit % 8);
      assert_int_equal(fl_jose_verify(key, jwt.signed_part, fl_buf_slice(&jwt.signature)), FL_E_AUTH);
      jwt.signature.data[bit / 8] ^= (char)(1 << bit % 8);
    }
    fl_slice shorter = fl_slice_n(jwt.signature.data, jwt.signature.size - 1);
    assert_int_equal(fl_jose_verify(key, jwt.signed_part, shorter), FL_E_AUTH);
    assert_int_equal(fl_jose_verify(key, FL_SLICE("something else"), fl_buf_slice(&jwt.signature)), FL_E_AUTH);
    fl_jose_key_destroy(key);
  }
}

/* RFC 8037, appendices A.3 and A.4; its payload is no JSON. */
static void the_example_of_eddsa_verifies(void **state) {
  FL_VALUE_AUTO jwk =
      parse("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}");
  struct fl_jose_public parts;
  char thumbprint[FL_JWK_THUMBPRINT_SIZE];
  assert_int_equal(fl_jwk_read(jwk, &parts, NULL), 0);
  fl_jwk_thumbprint(&parts, thumbprint);
  assert_string_equal(thumbprint, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
  struct fl_jose_key *key = NULL;
  FL_BUF_AUTO signature = {0};
  fl_base64_decode(&signature,
                   FL_SLICE("hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"),
                   FL_BASE64_URL, NULL);
  assert_int_equal(fl_jose_read_public(&parts, &key, NULL), 0);
  fl_slice text = FL_SLICE("eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc");
  assert_int_equal(fl_jose_verify(key, text, fl_buf_slice(&signature)), 0);
  assert_int_equal(fl_jose_verify(key, FL_SLICE("x"), fl_buf_slice(&signature)), FL_E_AUTH);
  fl_jose_key_destroy(key);
}

/* RFC 7638, section 3.1. */
static void thumbprint_of_the_rfc(void **state) {
  FL_VALUE_AUTO jwk = parse(
      "{\"kty\":\"RSA\",\"n\":\"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_"
      "BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs"
      "8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls"
      "1jF44-csFCur-kEgU8awapJzKnqDKgw\",\"e\":\"AQAB\",\"alg\":\"RS256\",\"kid\":\"2011-04-29\"}");
  struct fl_jose_public parts;
  char thumbprint[FL_JWK_THUMBPRINT_SIZE];
  assert_int_equal(fl_jwk_read(jwk, &parts, NULL), 0);
  fl_jwk_thumbprint(&parts, thumbprint);
  assert_string_equal(thumbprint, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}

static struct fl_jose_key *new_key(enum fl_jose_alg alg) {
  struct fl_jose_key *key = NULL;
  struct fl_error err = {0};
  if (fl_jose_generate(alg, &key, &err) < 0) fail_msg("%s", err.text);
  return key;
}

static void what_we_sign_verifies_with_the_public_key_alone(void **state) {
  for (enum fl_jose_alg alg = FL_JOSE_ES256; alg <= FL_JOSE_EDDSA; alg++) {
    struct fl_jose_key *key = new_key(alg), *again = NULL, *public_key = NULL;
    FL_SECRET_AUTO pem = {0};
    FL_BUF_AUTO token = {0};
    FL_VALUE_AUTO header = fl_object();
    FL_VALUE_AUTO claims = fl_object();
    struct fl_jose_public parts;
    fl_set_string(claims, "sub", "me");
    assert_int_equal(fl_jose_write_private(key, &pem, NULL), 0);
    assert_int_equal(fl_jose_read_private(fl_secret_slice(&pem), &again, NULL), 0);
    assert_int_equal(fl_jose_key_alg(again), alg);
    assert_int_equal(fl_jwt_write(header, claims, again, &token, NULL), 0);
    assert_int_equal(fl_jose_key_public(key, &parts, NULL), 0);
    FL_VALUE_AUTO jwk = fl_jwk_write(&parts);
    struct fl_jose_public read;
    assert_int_equal(fl_jwk_read(jwk, &read, NULL), 0);
    assert_int_equal(fl_jose_read_public(&read, &public_key, NULL), 0);
    FL_JWT_AUTO jwt = {0};
    assert_int_equal(fl_jwt_read(fl_buf_slice(&token), &jwt, NULL), 0);
    assert_int_equal(jwt.alg, alg);
    assert_int_equal(fl_jose_verify(public_key, jwt.signed_part, fl_buf_slice(&jwt.signature)), 0);
    fl_jose_key_destroy(key);
    fl_jose_key_destroy(again);
    fl_jose_key_destroy(public_key);
  }
}

static void a_private_key_must_be_one(void **state) {
  struct fl_jose_key *key = NULL;
  struct fl_error err = {0};
  assert_int_equal(
      fl_jose_read_private(FL_SLICE("-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n"), &key, &err),
      FL_E_INVALID);
  assert_null(strstr(err.text, "c2VjcmV0"));
  assert_int_equal(fl_jose_read_private(FL_SLICE(""), &key, &err), FL_E_INVALID);
}

static void tokens_that_are_refused(void **state) {
  static const struct {
    const char *token;
    int code;
  } cases[] = {
      {"", FL_E_SYNTAX},
      {"a.b", FL_E_SYNTAX},
      {"eyJhbGciOiJFUzI1NiJ9.e30.", FL_E_SYNTAX},
      {"eyJhbGciOiJFUzI1NiJ9.e30.AA.AA", FL_E_SYNTAX},
      {"eyJhbGciOiJub25lIn0.e30.AA", FL_E_UNSUPPORTED},                      /* none */
      {"eyJhbGciOiJIUzI1NiJ9.e30.AA", FL_E_UNSUPPORTED},                     /* HS256 */
      {"eyJhbGciOiJFUzI1NiIsImNyaXQiOlsiYjY0Il19.e30.AA", FL_E_UNSUPPORTED}, /* crit */
      {"eyJhbGciOiJFUzI1NiJ9.e30.A", FL_E_SYNTAX},                           /* not base64url */
      {"eyJhbGciOiJFUzI1NiJ9.e30.AA==", FL_E_SYNTAX},                        /* padded */
      {"eyJhbGciOiJFUzI1NiJ9.W10.AA", FL_E_SYNTAX},                          /* claims are a list */
      {"eyJhbGciOiJFUzI1NiIsImFsZyI6Im5vbmUifQ.e30.AA", FL_E_SYNTAX},        /* alg twice */
      {" eyJhbGciOiJFUzI1NiJ9.e30.AA", FL_E_SYNTAX},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct fl_jwt jwt = {0};
    assert_int_equal(fl_jwt_read(fl_slice_of(cases[i].token), &jwt, NULL), cases[i].code);
    assert_null(jwt.claims);
  }
  FL_BUF_AUTO huge = {0};
  while (huge.size <= FL_JWT_SIZE_MAX) fl_buf_add_char(&huge, 'a');
  struct fl_jwt jwt = {0};
  assert_int_equal(fl_jwt_read(fl_buf_slice(&huge), &jwt, NULL), FL_E_LIMIT);
}

#define EC_KEY                                                                              \
  "\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\"," \
  "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\""

static void keys_that_are_refused(void **state) {
  static const struct {
    const char *jwk;
    int code;
  } cases[] = {
      {"{}", FL_E_UNSUPPORTED},
      {"{\"kty\":\"oct\",\"k\":\"AAAA\"}", FL_E_INVALID},
      {"{" EC_KEY ",\"d\":\"AAAA\"}", FL_E_INVALID},
      {"{" EC_KEY ",\"use\":\"enc\"}", FL_E_UNSUPPORTED},
      {"{" EC_KEY ",\"key_ops\":[\"sign\"]}", FL_E_UNSUPPORTED},
      {"{" EC_KEY ",\"alg\":\"RS256\"}", FL_E_UNSUPPORTED},
      {"{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"AA\",\"y\":\"AA\"}", FL_E_UNSUPPORTED},
      {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"AA\"}", FL_E_INVALID},
      {"{\"kty\":\"RSA\",\"n\":\"0vx7\",\"e\":\"AQAB\"}", FL_E_INVALID},        /* too short */
      {"{\"kty\":\"RSA\",\"n\":\"" RSA_N "\",\"e\":\"AAEAAQ\"}", FL_E_INVALID}, /* a zero in front */
      {"{\"kty\":\"RSA\",\"n\":\"" RSA_N "\"}", FL_E_INVALID},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    FL_VALUE_AUTO jwk = parse(cases[i].jwk);
    struct fl_jose_public parts;
    assert_int_equal(fl_jwk_read(jwk, &parts, NULL), cases[i].code);
  }
  FL_VALUE_AUTO fine = parse("{" EC_KEY ",\"alg\":\"ES256\",\"use\":\"sig\",\"key_ops\":[\"verify\"]}");
  struct fl_jose_public parts;
  struct fl_jose_key *key = NULL;
  assert_int_equal(fl_jwk_read(fine, &parts, NULL), 0);
  parts.x[0] ^= 1; /* beside the curve */
  assert_int_equal(fl_jose_read_public(&parts, &key, NULL), FL_E_INVALID);
}

static void audiences(void **state) {
  FL_VALUE_AUTO one = parse("{\"aud\":\"a\"}");
  FL_VALUE_AUTO many = parse("{\"aud\":[\"b\",1,\"a\"]}");
  FL_VALUE_AUTO none = parse("{\"aud\":{\"a\":\"a\"}}");
  assert_true(fl_jwt_has_audience(one, "a"));
  assert_false(fl_jwt_has_audience(one, "aa"));
  assert_true(fl_jwt_has_audience(many, "a"));
  assert_false(fl_jwt_has_audience(none, "a"));
}

/* ---- proofs ---- */

static const uint8_t jti[FL_DPOP_JTI_SIZE] = {7};

static int read_proof(fl_slice proof, struct fl_dpop_facts facts) {
  char thumbprint[FL_JWK_THUMBPRINT_SIZE];
  uint8_t hash[FL_SHA256_SIZE];
  return fl_dpop_read(proof, &facts, thumbprint, hash, NULL);
}

static void a_proof_is_for_one_request_and_token(void **state) {
  struct fl_jose_key *key = new_key(FL_JOSE_ES256);
  FL_SECRET_AUTO token = {0};
  FL_SECRET_AUTO other = {0};
  fl_secret_set(&token, FL_SLICE("the-token"));
  fl_secret_set(&other, FL_SLICE("another"));
  struct fl_dpop_facts facts = {
      .method = "POST", .url = "https://a.example/mcp?x=1", .token = &token, .nonce = "n", .now_s = 1000, .jti = jti};
  FL_BUF_AUTO proof = {0};
  assert_int_equal(fl_dpop_write(key, &facts, &proof, NULL), 0);
  fl_slice text = fl_buf_slice(&proof);
  struct fl_dpop_facts changed = facts;
  assert_int_equal(read_proof(text, facts), 0);
  changed.url = "https://a.example/mcp"; /* the query does not count */
  assert_int_equal(read_proof(text, changed), 0);
  changed.url = "https://a.example/other";
  assert_int_equal(read_proof(text, changed), FL_E_AUTH);
  changed = facts, changed.method = "GET";
  assert_int_equal(read_proof(text, changed), FL_E_AUTH);
  changed = facts, changed.token = &other;
  assert_int_equal(read_proof(text, changed), FL_E_AUTH);
  changed = facts, changed.nonce = "m";
  assert_int_equal(read_proof(text, changed), FL_E_AUTH);
  changed = facts, changed.now_s += FL_DPOP_AGE_MAX_S + 1;
  assert_int_equal(read_proof(text, changed), FL_E_AUTH);
  changed = facts, changed.now_s -= FL_DPOP_AGE_MAX_S + 1;
  assert_int_equal(read_proof(text, changed), FL_E_AUTH);
  proof.data[proof.size - 10] = proof.data[proof.size - 10] == 'A' ? 'B' : 'A';
  assert_int_equal(read_proof(text, facts), FL_E_AUTH);
  fl_jose_key_destroy(key);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_examples_of_the_rfc_verify),
      cmocka_unit_test(the_example_of_eddsa_verifies),
      cmocka_unit_test(thumbprint_of_the_rfc),
      cmocka_unit_test(what_we_sign_verifies_with_the_public_key_alone),
      cmocka_unit_test(a_private_key_must_be_one),
      cmocka_unit_test(tokens_that_are_refused),
      cmocka_unit_test(keys_that_are_refused),
      cmocka_unit_test(audiences),
      cmocka_unit_test(a_proof_is_for_one_request_and_token),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
