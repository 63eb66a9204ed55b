/* SPDX-License-Identifier: MIT */
#include "runtime/base/secret.h"
#include "runtime/base/check.h"
#include "runtime/base/mem.h"

#include <sodium/core.h>
#include <sodium/crypto_aead_xchacha20poly1305.h>
#include <sodium/crypto_generichash_blake2b.h>
#include <sodium/crypto_stream_chacha20.h>
#include <sodium/utils.h>

static char *secret_alloc(size_t size) {
  fl_check(sodium_init() >= 0); /* repeatable, and safe from several threads */
  char *memory = sodium_malloc(size + 1);
  if (memory == NULL) fl_out_of_memory();
  memory[size] = '\0';
  return memory;
}

void fl_secret_set(struct fl_secret *secret, fl_slice bytes) {
  char *copy = NULL;
  if (bytes.size > 0) {
    copy = secret_alloc(bytes.size);
    memcpy(copy, bytes.data, bytes.size);
  }
  fl_secret_deinit(secret);
  *secret = (struct fl_secret){copy, bytes.size};
}

void fl_secret_deinit(struct fl_secret *secret) {
  if (secret->data != NULL) sodium_free(secret->data);
  *secret = (struct fl_secret){0};
}

void fl_secret_move(struct fl_secret *to, struct fl_secret *from) {
  fl_secret_deinit(to);
  *to = *from;
  *from = (struct fl_secret){0};
}

bool fl_equal_in_constant_time(fl_slice a, fl_slice b) {
  return a.size == b.size && (a.size == 0 || sodium_memcmp(a.data, b.data, a.size) == 0);
}

bool fl_secret_equal(const struct fl_secret *a, const struct fl_secret *b) {
  return fl_equal_in_constant_time(fl_secret_slice(a), fl_secret_slice(b));
}

void fl_wipe(void *memory, size_t size) {
  if (size > 0) sodium_memzero(memory, size);
}

void fl_buf_wipe(struct fl_buf *buf) {
  fl_wipe(buf->data, buf->capacity);
  fl_buf_deinit(buf);
}

void fl_wipe_text(char *text) {
  if (text != NULL) fl_wipe(text, strlen(text));
  fl_free(text);
}

void fl_seal_into(uint8_t *place, const uint8_t key[FL_SEAL_KEY_SIZE], const uint8_t nonce[FL_SEAL_NONCE_SIZE],
                  fl_slice context, fl_slice plain) {
  crypto_aead_xchacha20poly1305_ietf_encrypt(place, NULL, (const unsigned char *)plain.data, plain.size,
                                             (const unsigned char *)context.data, context.size, NULL, nonce, key);
}

bool fl_unseal_into(uint8_t *place, const uint8_t key[FL_SEAL_KEY_SIZE], const uint8_t nonce[FL_SEAL_NONCE_SIZE],
                    fl_slice context, fl_slice sealed) {
  return sealed.size >= FL_SEAL_TAG_SIZE &&
         crypto_aead_xchacha20poly1305_ietf_decrypt(place, NULL, NULL, (const unsigned char *)sealed.data, sealed.size,
                                                    (const unsigned char *)context.data, context.size, nonce, key) == 0;
}

void *fl_locked_new(size_t size) {
  size_t whole = (size + 15) / 16 * 16; /* the end lies at the end of a page */
  fl_check(sodium_init() >= 0);
  void *memory = sodium_malloc(whole);
  if (memory == NULL) fl_out_of_memory();
  memset(memory, 0, whole);
  return memory;
}

void fl_locked_free(void *memory) {
  if (memory != NULL) sodium_free(memory);
}

void fl_random_take(struct fl_random_stream *stream, uint8_t *ret_bytes, size_t size) {
  uint8_t nonce[crypto_stream_chacha20_NONCEBYTES];
  memcpy(nonce, &stream->counter, sizeof nonce);
  stream->counter++;
  crypto_stream_chacha20(ret_bytes, size, nonce, stream->seed);
}

void fl_hash_keyed(const uint8_t key[FL_SEAL_KEY_SIZE], fl_slice text, uint8_t ret_hash[32]) {
  crypto_generichash_blake2b(ret_hash, 32, (const unsigned char *)text.data, text.size, key, FL_SEAL_KEY_SIZE);
}

int fl_seal(struct fl_buf *buf, const uint8_t key[FL_SEAL_KEY_SIZE], const uint8_t nonce[FL_SEAL_NONCE_SIZE],
            fl_slice context, fl_slice plain) {
  int failure = fl_buf_reserve(buf, FL_SEAL_NONCE_SIZE + plain.size + FL_SEAL_TAG_SIZE);
  if (failure != 0) return failure;
  fl_buf_add(buf, nonce, FL_SEAL_NONCE_SIZE);
  unsigned long long written = 0;
  unsigned char *place = (unsigned char *)buf->data + buf->size;
  crypto_aead_xchacha20poly1305_ietf_encrypt(place, &written, (const unsigned char *)plain.data, plain.size,
                                             (const unsigned char *)context.data, context.size, NULL, nonce, key);
  buf->size += (size_t)written;
  buf->data[buf->size] = '\0';
  return 0;
}

int fl_unseal(struct fl_secret *ret_plain, const uint8_t key[FL_SEAL_KEY_SIZE], fl_slice context, fl_slice sealed) {
  if (sealed.size < FL_SEAL_NONCE_SIZE + FL_SEAL_TAG_SIZE) return FL_E_CORRUPT;
  const unsigned char *nonce = (const unsigned char *)sealed.data;
  size_t size = sealed.size - FL_SEAL_NONCE_SIZE;
  FL_SECRET_AUTO plain = {.data = secret_alloc(size - FL_SEAL_TAG_SIZE), .size = size - FL_SEAL_TAG_SIZE};
  unsigned long long written = 0;
  if (crypto_aead_xchacha20poly1305_ietf_decrypt((unsigned char *)plain.data, &written, NULL,
                                                 nonce + FL_SEAL_NONCE_SIZE, size, (const unsigned char *)context.data,
                                                 context.size, nonce, key) != 0)
    return FL_E_CORRUPT;
  fl_secret_move(ret_plain, &plain);
  return 0;
}
