/* SPDX-License-Identifier: MIT */
/* SHA-256 (FIPS 180-4) for the launcher, which links no library that has it. Pure. */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { FL_LAUNCH_SHA256_SIZE = 32 };
void fl_launch_sha256(const uint8_t *bytes, size_t size, uint8_t ret_hash[FL_LAUNCH_SHA256_SIZE]);
