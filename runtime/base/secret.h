/* SPDX-License-Identifier: MIT */
/* Secrets: tokens, keys, passwords. They stand in memory that is locked (never in swap), surrounded by guard pages and
 * wiped when it is given back; there is no function that prints one. Beside them what is done with secrets:
 * sealing with XChaCha20-Poly1305, comparing without telling by time. By libsodium; pure but for the locked memory. */
#pragma once
#include "runtime/base/buf.h"
#include "runtime/base/sha256.h"

#include <fairlead/error.h>

/* A zeroed one is empty. `data` is terminated; NULL when empty. */
struct fl_secret {
  char *data;
  size_t size;
};

void fl_secret_set(struct fl_secret *secret, fl_slice bytes); /* copies; what stood there is wiped. Empty: unset. */
void fl_secret_deinit(struct fl_secret *secret);              /* wipes; repeatable */
void fl_secret_move(struct fl_secret *to, struct fl_secret *from);
bool fl_secret_equal(const struct fl_secret *a, const struct fl_secret *b); /* in time that depends on sizes alone */
static inline fl_slice fl_secret_slice(const struct fl_secret *secret) {
  return (fl_slice){secret->data != NULL ? secret->data : "", secret->size};
}
#define FL_SECRET_AUTO __attribute__((cleanup(fl_secret_deinit))) struct fl_secret

void fl_wipe(void *memory, size_t size); /* cannot be optimised away */
void fl_buf_wipe(struct fl_buf *buf);    /* wipes the whole capacity, then deinit */
void fl_wipe_text(char *text);           /* wipes a heap text and frees it; NULL allowed */
bool fl_equal_in_constant_time(fl_slice a, fl_slice b);

enum { FL_SEAL_KEY_SIZE = 32, FL_SEAL_NONCE_SIZE = 24, FL_SEAL_TAG_SIZE = 16 };

/* Appends nonce, ciphertext and tag. `context` is authenticated with it and must be the same for opening; the nonce is
 * random, given by the caller. FL_E_LIMIT as the buffer's. */
int fl_seal(struct fl_buf *buf, const uint8_t key[FL_SEAL_KEY_SIZE], const uint8_t nonce[FL_SEAL_NONCE_SIZE],
            fl_slice context, fl_slice plain);
/* The same without a buffer, for many small texts: writes size + FL_SEAL_TAG_SIZE bytes behind the nonce's place. And
 * back, `sealed` being ciphertext and tag, to size - FL_SEAL_TAG_SIZE bytes; false when anything was changed. */
void fl_seal_into(uint8_t *place, const uint8_t key[FL_SEAL_KEY_SIZE], const uint8_t nonce[FL_SEAL_NONCE_SIZE],
                  fl_slice context, fl_slice plain);
bool fl_unseal_into(uint8_t *place, const uint8_t key[FL_SEAL_KEY_SIZE], const uint8_t nonce[FL_SEAL_NONCE_SIZE],
                    fl_slice context, fl_slice sealed);

/* Zeroed memory of the same kind, for a structure of secrets; aligned for any. The free wipes; NULL allowed. */
void *fl_locked_new(size_t size);
void fl_locked_free(void *memory);

/* Random bytes without a system call for each: ChaCha20 under a seed of the world's. Not for two threads at once. */
struct fl_random_stream {
  uint8_t seed[32];
  uint64_t counter;
};
void fl_random_take(struct fl_random_stream *stream, uint8_t *ret_bytes, size_t size);

/* BLAKE2b-256 under a key of 32 bytes: two texts that are equal are known to be so only to whoever has the key. */
void fl_hash_keyed(const uint8_t key[FL_SEAL_KEY_SIZE], fl_slice text, uint8_t ret_hash[32]);

/* Sets ret_plain. FL_E_CORRUPT when the bytes, the context or the key are others than at sealing. */
int fl_unseal(struct fl_secret *ret_plain, const uint8_t key[FL_SEAL_KEY_SIZE], fl_slice context, fl_slice sealed);
