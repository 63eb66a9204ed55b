/* SPDX-License-Identifier: MIT */
#include "runtime/base/secret.h"
#include "runtime/base/id.h"
#include "tests/support/support.h"

static const uint8_t key[FL_SEAL_KEY_SIZE] = {1, 2, 3}, nonce[FL_SEAL_NONCE_SIZE] = {9};

static void a_secret_is_copied_and_moved(void **state) {
  struct fl_secret a = {0}, b = {0};
  char text[] = "hush";
  fl_secret_set(&a, fl_slice_of(text));
  text[0] = 'x';
  assert_string_equal(a.data, "hush");
  fl_secret_move(&b, &a);
  assert_null(a.data);
  assert_int_equal(b.size, 4);
  fl_secret_set(&b, fl_secret_slice(&b)); /* of itself */
  assert_string_equal(b.data, "hush");
  fl_secret_set(&b, (fl_slice){0});
  assert_null(b.data);
  fl_secret_deinit(&b);
}

static void equality_is_of_size_and_bytes(void **state) {
  assert_true(fl_equal_in_constant_time(FL_SLICE("abc"), FL_SLICE("abc")));
  assert_false(fl_equal_in_constant_time(FL_SLICE("abc"), FL_SLICE("abd")));
  assert_false(fl_equal_in_constant_time(FL_SLICE("abc"), FL_SLICE("ab")));
  assert_true(fl_equal_in_constant_time((fl_slice){0}, (fl_slice){0}));
}

/* FIPS 180-2, appendix B.1. */
static void sha256_is_that_of_the_standard(void **state) {
  uint8_t hash[FL_SHA256_SIZE];
  char hex[2 * FL_SHA256_SIZE + 1];
  fl_sha256(FL_SLICE("abc"), hash);
  fl_hex(hash, sizeof hash, hex);
  assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void what_is_sealed_can_be_opened(void **state) {
  FL_BUF_AUTO sealed = {0};
  FL_SECRET_AUTO plain = {0};
  assert_int_equal(fl_seal(&sealed, key, nonce, FL_SLICE("name"), FL_SLICE("the token")), 0);
  assert_int_equal(sealed.size, FL_SEAL_NONCE_SIZE + 9 + FL_SEAL_TAG_SIZE);
  assert_null(memmem(sealed.data, sealed.size, "token", 5));
  assert_int_equal(fl_unseal(&plain, key, FL_SLICE("name"), fl_buf_slice(&sealed)), 0);
  assert_string_equal(plain.data, "the token");
}

static void nothing_at_all_can_be_sealed_too(void **state) {
  FL_BUF_AUTO sealed = {0};
  FL_SECRET_AUTO plain = {0};
  assert_int_equal(fl_seal(&sealed, key, nonce, FL_SLICE(""), FL_SLICE("")), 0);
  assert_int_equal(fl_unseal(&plain, key, FL_SLICE(""), fl_buf_slice(&sealed)), 0);
  assert_int_equal(plain.size, 0);
}

static void every_changed_bit_is_noticed(void **state) {
  FL_BUF_AUTO sealed = {0};
  FL_SECRET_AUTO plain = {0};
  fl_seal(&sealed, key, nonce, FL_SLICE("name"), FL_SLICE("the token"));
  for (size_t i = 0; i < sealed.size * 8; i++) {
    sealed.data[i / 8] ^= (char)(1 << i % 8);
    assert_int_equal(fl_unseal(&plain, key, FL_SLICE("name"), fl_buf_slice(&sealed)), FL_E_CORRUPT);
    sealed.data[i / 8] ^= (char)(1 << i % 8);
  }
  for (size_t size = 0; size < sealed.size; size++)
    assert_int_equal(fl_unseal(&plain, key, FL_SLICE("name"), fl_slice_n(sealed.data, size)), FL_E_CORRUPT);
  assert_int_equal(fl_unseal(&plain, key, FL_SLICE("other"), fl_buf_slice(&sealed)), FL_E_CORRUPT);
  const uint8_t other[FL_SEAL_KEY_SIZE] = {1, 2, 4};
  assert_int_equal(fl_unseal(&plain, other, FL_SLICE("name"), fl_buf_slice(&sealed)), FL_E_CORRUPT);
  assert_null(plain.data);
}

static void a_wiped_buffer_is_empty(void **state) {
  struct fl_buf buf = {0};
  fl_buf_add_text(&buf, "secret");
  fl_buf_wipe(&buf);
  assert_null(buf.data);
  fl_buf_wipe(&buf);
  char text[] = "secret";
  fl_wipe(text, 6);
  assert_memory_equal(text, "\0\0\0\0\0\0", 6);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_secret_is_copied_and_moved),     cmocka_unit_test(equality_is_of_size_and_bytes),
      cmocka_unit_test(sha256_is_that_of_the_standard),   cmocka_unit_test(what_is_sealed_can_be_opened),
      cmocka_unit_test(nothing_at_all_can_be_sealed_too), cmocka_unit_test(every_changed_bit_is_noticed),
      cmocka_unit_test(a_wiped_buffer_is_empty),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
