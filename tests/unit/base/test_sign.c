/* SPDX-License-Identifier: MIT */
#include "runtime/base/sign.h"
#include "runtime/base/id.h"
#include "tests/support/support.h"

#include <stdio.h>

static const char seed_hex[] = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
static const char public_hex[] = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
static const char signature_hex[] =
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
    "d25bf5f0595bbe24655141438e7a100b";

static void bytes_of(const char *hex, uint8_t *ret_bytes) {
  for (size_t i = 0; hex[2 * i] != '\0'; i++) {
    unsigned byte = 0;
    assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
    ret_bytes[i] = (uint8_t)byte;
  }
}

static void make_key(struct fl_secret *ret_key) {
  uint8_t bytes[FL_SIGN_SEED_SIZE];
  FL_SECRET_AUTO seed = {0};
  bytes_of(seed_hex, bytes);
  fl_secret_set(&seed, fl_slice_n((char *)bytes, sizeof bytes));
  fl_sign_key(&seed, ret_key);
}

/* RFC 8032, 7.1, test 1. */
static void signatures_are_those_of_the_standard(void **state) {
  uint8_t public_key[FL_SIGN_KEY_SIZE], signature[FL_SIGNATURE_SIZE];
  char hex[2 * FL_SIGNATURE_SIZE + 1];
  FL_SECRET_AUTO key = {0};
  make_key(&key);
  fl_sign_public(&key, public_key);
  fl_hex(public_key, sizeof public_key, hex);
  assert_string_equal(hex, public_hex);
  fl_sign(&key, FL_SLICE(""), signature);
  fl_hex(signature, sizeof signature, hex);
  assert_string_equal(hex, signature_hex);
}

static void a_signature_is_of_one_text_by_one_key(void **state) {
  uint8_t public_key[FL_SIGN_KEY_SIZE], signature[FL_SIGNATURE_SIZE];
  FL_SECRET_AUTO key = {0};
  make_key(&key);
  fl_sign_public(&key, public_key);
  fl_sign(&key, FL_SLICE("one text"), signature);
  assert_true(fl_sign_holds(public_key, FL_SLICE("one text"), signature));
  assert_false(fl_sign_holds(public_key, FL_SLICE("one tex"), signature));
  for (size_t bit = 0; bit < sizeof signature * 8; bit++) {
    signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
    assert_false(fl_sign_holds(public_key, FL_SLICE("one text"), signature));
    signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
  }
  public_key[0] ^= 1;
  assert_false(fl_sign_holds(public_key, FL_SLICE("one text"), signature));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(signatures_are_those_of_the_standard),
                                     cmocka_unit_test(a_signature_is_of_one_text_by_one_key)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
