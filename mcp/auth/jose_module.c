/* SPDX-License-Identifier: MIT */
/* The module of signatures: libcrypto behind the table of jose_module.h. Everything goes through EVP; the only format
 * of its own is ES256's signature, which libcrypto has as DER and JOSE as two numbers of 32 bytes. */
#include "mcp/auth/jose_module.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>

enum { P256_BYTES = 32, ES256_BYTES = 64, SIGNATURE_MAX = FL_JOSE_RSA_BYTES_MAX, RSA_NEW_BITS = 2048 };

/* The queue of libcrypto's errors is emptied: its texts may speak of what was read. */
static int fail(struct fl_error *err, int code, const char *text) {
  ERR_clear_error();
  return fl_error_set(err, code, "%s", text);
}

static void free_key(void *key) { EVP_PKEY_free(key); }

static int generate(enum fl_jose_alg alg, void **ret_key, struct fl_error *err) {
  EVP_PKEY *key = NULL;
  if (alg == FL_JOSE_ES256) key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
  else if (alg == FL_JOSE_EDDSA) key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
  else if (alg == FL_JOSE_RS256) key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)RSA_NEW_BITS);
  if (key == NULL) return fail(err, FL_E_UNSUPPORTED, "libcrypto made no key");
  *ret_key = key;
  return 0;
}

/* ---- private keys as text ---- */

static bool is_p256(const EVP_PKEY *key) {
  char group[64];
  size_t size = 0;
  return EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof group, &size) == 1 &&
         (strcmp(group, "prime256v1") == 0 || strcmp(group, "P-256") == 0);
}

static enum fl_jose_alg alg_of(const EVP_PKEY *key) {
  if (EVP_PKEY_is_a(key, "EC")) return is_p256(key) ? FL_JOSE_ES256 : FL_JOSE_NONE;
  if (EVP_PKEY_is_a(key, "ED25519")) return FL_JOSE_EDDSA;
  int bytes = EVP_PKEY_is_a(key, "RSA") ? EVP_PKEY_get_size(key) : 0;
  return bytes >= FL_JOSE_RSA_BYTES_MIN && bytes <= FL_JOSE_RSA_BYTES_MAX ? FL_JOSE_RS256 : FL_JOSE_NONE;
}

/* Nobody is there to be asked for a pass phrase. */
static int no_pass_phrase(char *buf, int size, int is_writing, void *user) { return -1; }

static int read_private(fl_slice pem, void **ret_key, enum fl_jose_alg *ret_alg, struct fl_error *err) {
  BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.size);
  EVP_PKEY *key = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, no_pass_phrase, NULL) : NULL;
  BIO_free(bio);
  if (key == NULL) return fail(err, FL_E_INVALID, "it is not a private key in PEM (without a pass phrase)");
  *ret_alg = alg_of(key);
  if (*ret_alg == FL_JOSE_NONE) {
    EVP_PKEY_free(key);
    return fail(err, FL_E_INVALID, "the private key is neither P-256, nor Ed25519, nor RSA of 2048 to 8192 bits");
  }
  *ret_key = key;
  return 0;
}

static int write_private(const void *key, struct fl_secret *ret_pem, struct fl_error *err) {
  BIO *bio = BIO_new(BIO_s_secmem());
  char *data = NULL;
  long size = 0;
  if (bio != NULL && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1)
    size = BIO_get_mem_data(bio, &data);
  if (size > 0) fl_secret_set(ret_pem, fl_slice_n(data, (size_t)size));
  BIO_free(bio);
  return size > 0 ? 0 : fail(err, FL_E_UNSUPPORTED, "libcrypto does not write the key");
}

/* ---- public keys as numbers ---- */

static EVP_PKEY *from_params(const char *type, OSSL_PARAM *params) {
  EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
  EVP_PKEY *key = NULL;
  if (ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1) EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params);
  EVP_PKEY_CTX_free(ctx);
  return key;
}

static EVP_PKEY *read_p256(const struct fl_jose_public *parts) {
  uint8_t point[1 + 2 * P256_BYTES] = {4}; /* not compressed */
  char group[] = "prime256v1";
  memcpy(point + 1, parts->x, P256_BYTES);
  memcpy(point + 1 + P256_BYTES, parts->y, P256_BYTES);
  OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
                         OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point),
                         OSSL_PARAM_construct_end()};
  return from_params("EC", params); /* refuses a point that is not on the curve */
}

static EVP_PKEY *read_rsa(const struct fl_jose_public *parts) {
  BIGNUM *n = BN_bin2bn(parts->n, (int)parts->n_size, NULL), *e = BN_bin2bn(parts->e, (int)parts->e_size, NULL);
  OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
  OSSL_PARAM *params = NULL;
  EVP_PKEY *key = NULL;
  bool is_fine = n != NULL && e != NULL && builder != NULL && BN_is_odd(n) && BN_is_odd(e) && !BN_is_one(e);
  if (is_fine && OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
      OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e) == 1)
    params = OSSL_PARAM_BLD_to_param(builder);
  if (params != NULL) key = from_params("RSA", params);
  OSSL_PARAM_free(params);
  OSSL_PARAM_BLD_free(builder);
  BN_free(n);
  BN_free(e);
  return key;
}

static int read_public(const struct fl_jose_public *parts, void **ret_key, struct fl_error *err) {
  EVP_PKEY *key = NULL;
  if (parts->alg == FL_JOSE_ES256) key = read_p256(parts);
  else if (parts->alg == FL_JOSE_RS256) key = read_rsa(parts);
  else if (parts->alg == FL_JOSE_EDDSA) key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, parts->x, 32);
  if (key != NULL && alg_of(key) == parts->alg) {
    *ret_key = key;
    return 0;
  }
  EVP_PKEY_free(key);
  return fail(err, FL_E_INVALID, "the numbers are not those of a public key");
}

static bool get_number(const EVP_PKEY *key, const char *name, uint8_t *bytes, size_t *size) {
  BIGNUM *number = NULL;
  size_t max = *size;
  bool is_fine = EVP_PKEY_get_bn_param(key, name, &number) == 1 && (size_t)BN_num_bytes(number) <= max;
  if (is_fine) *size = (size_t)BN_bn2bin(number, bytes);
  BN_free(number);
  return is_fine;
}

static bool get_coordinate(const EVP_PKEY *key, const char *name, uint8_t bytes[P256_BYTES]) {
  BIGNUM *number = NULL;
  bool is_fine =
      EVP_PKEY_get_bn_param(key, name, &number) == 1 && BN_bn2binpad(number, bytes, P256_BYTES) == P256_BYTES;
  BN_free(number);
  return is_fine;
}

static int write_public(const void *key, enum fl_jose_alg alg, struct fl_jose_public *ret_parts, struct fl_error *err) {
  struct fl_jose_public parts = {.alg = alg, .n_size = sizeof parts.n, .e_size = sizeof parts.e};
  size_t size = sizeof parts.x;
  bool is_fine = false;
  if (alg == FL_JOSE_ES256)
    is_fine = get_coordinate(key, OSSL_PKEY_PARAM_EC_PUB_X, parts.x) &&
              get_coordinate(key, OSSL_PKEY_PARAM_EC_PUB_Y, parts.y);
  else if (alg == FL_JOSE_RS256)
    is_fine = get_number(key, OSSL_PKEY_PARAM_RSA_N, parts.n, &parts.n_size) &&
              get_number(key, OSSL_PKEY_PARAM_RSA_E, parts.e, &parts.e_size);
  else is_fine = EVP_PKEY_get_raw_public_key(key, parts.x, &size) == 1;
  if (!is_fine) return fail(err, FL_E_UNSUPPORTED, "libcrypto does not tell the public key");
  *ret_parts = parts;
  return 0;
}

/* ---- signatures ---- */

/* Between libcrypto's DER and JOSE's two numbers. */
static int add_es256(struct fl_buf *buf, const uint8_t *der, size_t size) {
  uint8_t raw[ES256_BYTES];
  ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &der, (long)size);
  bool is_fine = signature != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(signature), raw, P256_BYTES) == P256_BYTES &&
                 BN_bn2binpad(ECDSA_SIG_get0_s(signature), raw + P256_BYTES, P256_BYTES) == P256_BYTES;
  ECDSA_SIG_free(signature);
  return is_fine ? fl_buf_add(buf, raw, sizeof raw) : FL_E_UNSUPPORTED;
}

static size_t es256_to_der(fl_slice raw, uint8_t der[SIGNATURE_MAX]) {
  if (raw.size != ES256_BYTES) return 0;
  ECDSA_SIG *signature = ECDSA_SIG_new();
  BIGNUM *r = BN_bin2bn((const uint8_t *)raw.data, P256_BYTES, NULL);
  BIGNUM *s = BN_bin2bn((const uint8_t *)raw.data + P256_BYTES, P256_BYTES, NULL);
  int size = -1;
  if (signature != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(signature, r, s) == 1) {
    r = s = NULL; /* they are the signature's now */
    size = i2d_ECDSA_SIG(signature, &der);
  }
  BN_free(r);
  BN_free(s);
  ECDSA_SIG_free(signature);
  return size > 0 ? (size_t)size : 0;
}

static const EVP_MD *digest_of(enum fl_jose_alg alg) { return alg == FL_JOSE_EDDSA ? NULL : EVP_sha256(); }

static int sign(const void *key, enum fl_jose_alg alg, fl_slice data, struct fl_buf *ret_signature,
                struct fl_error *err) {
  uint8_t bytes[SIGNATURE_MAX];
  size_t size = sizeof bytes;
  EVP_MD_CTX *ctx = EVP_MD_CTX_new();
  bool is_fine = ctx != NULL && EVP_DigestSignInit(ctx, NULL, digest_of(alg), NULL, (EVP_PKEY *)key) == 1 &&
                 EVP_DigestSign(ctx, bytes, &size, (const uint8_t *)data.data, data.size) == 1;
  EVP_MD_CTX_free(ctx);
  if (!is_fine) return fail(err, FL_E_UNSUPPORTED, "libcrypto does not sign with this key");
  int failure = alg == FL_JOSE_ES256 ? add_es256(ret_signature, bytes, size) : fl_buf_add(ret_signature, bytes, size);
  return failure != 0 ? fail(err, failure, "the signature finds no room") : 0;
}

static int verify(const void *key, enum fl_jose_alg alg, fl_slice data, fl_slice signature) {
  uint8_t der[SIGNATURE_MAX];
  if (alg == FL_JOSE_ES256) signature = fl_slice_n((char *)der, es256_to_der(signature, der));
  if (signature.size == 0) return FL_E_AUTH;
  EVP_MD_CTX *ctx = EVP_MD_CTX_new();
  bool is_fine = ctx != NULL && EVP_DigestVerifyInit(ctx, NULL, digest_of(alg), NULL, (EVP_PKEY *)key) == 1 &&
                 EVP_DigestVerify(ctx, (const uint8_t *)signature.data, signature.size, (const uint8_t *)data.data,
                                  data.size) == 1;
  EVP_MD_CTX_free(ctx);
  ERR_clear_error();
  return is_fine ? 0 : FL_E_AUTH;
}

extern const struct fl_jose_module fl_jose_module_v1;
FL_API const struct fl_jose_module fl_jose_module_v1 = {
    .version = FL_JOSE_VERSION,
    .size = sizeof(struct fl_jose_module),
    .generate = generate,
    .read_private = read_private,
    .write_private = write_private,
    .read_public = read_public,
    .write_public = write_public,
    .sign = sign,
    .verify = verify,
    .free_key = free_key,
};
