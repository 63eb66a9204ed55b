/* SPDX-License-Identifier: MIT */
#include "runtime/base/sign.h"
#include "runtime/base/check.h"

#include <sodium/core.h>
#include <sodium/crypto_sign_ed25519.h>

void fl_sign_key(const struct fl_secret *seed, struct fl_secret *ret_key) {
  uint8_t public_key[crypto_sign_ed25519_PUBLICKEYBYTES], key[crypto_sign_ed25519_SECRETKEYBYTES];
  fl_check(seed->size == FL_SIGN_SEED_SIZE && sodium_init() >= 0);
  fl_check(crypto_sign_ed25519_seed_keypair(public_key, key, (const unsigned char *)seed->data) == 0);
  fl_secret_set(ret_key, fl_slice_n((const char *)key, sizeof key));
  fl_wipe(key, sizeof key);
}

void fl_sign_public(const struct fl_secret *key, uint8_t ret_public[FL_SIGN_KEY_SIZE]) {
  fl_check(key->size == crypto_sign_ed25519_SECRETKEYBYTES);
  fl_check(crypto_sign_ed25519_sk_to_pk(ret_public, (const unsigned char *)key->data) == 0);
}

void fl_sign(const struct fl_secret *key, fl_slice text, uint8_t ret_signature[FL_SIGNATURE_SIZE]) {
  fl_check(key->size == crypto_sign_ed25519_SECRETKEYBYTES);
  fl_check(crypto_sign_ed25519_detached(ret_signature, NULL, (const unsigned char *)text.data, text.size,
                                        (const unsigned char *)key->data) == 0);
}

bool fl_sign_holds(const uint8_t public_key[FL_SIGN_KEY_SIZE], fl_slice text,
                   const uint8_t signature[FL_SIGNATURE_SIZE]) {
  return crypto_sign_ed25519_verify_detached(signature, (const unsigned char *)text.data, text.size, public_key) == 0;
}
