/* SPDX-License-Identifier: MIT */
#include "runtime/base/sha256.h"

#include <sodium/crypto_hash_sha256.h>

void fl_sha256(fl_slice bytes, uint8_t ret_hash[FL_SHA256_SIZE]) {
  crypto_hash_sha256(ret_hash, (const unsigned char *)(bytes.size > 0 ? bytes.data : ""), bytes.size);
}
