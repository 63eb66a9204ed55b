/* SPDX-License-Identifier: MIT */
/* SHA-256 (FIPS 180-4), for digests that others have chosen; our own are BLAKE2b (id.h). */
#pragma once
#include "runtime/base/slice.h"

#include <stdint.h>

enum { FL_SHA256_SIZE = 32 };
void fl_sha256(fl_slice bytes, uint8_t ret_hash[FL_SHA256_SIZE]);
