/* SPDX-License-Identifier: MIT */
/* Signatures: Ed25519 (RFC 8032), by libsodium. Pure: the seed of a key is an argument. */
#pragma once
#include "runtime/base/secret.h"

enum { FL_SIGN_SEED_SIZE = 32, FL_SIGN_KEY_SIZE = 32, FL_SIGNATURE_SIZE = 64 };

/* The key that signs, made of its seed (FL_SIGN_SEED_SIZE bytes): a secret of this module's own form. */
void fl_sign_key(const struct fl_secret *seed, struct fl_secret *ret_key);
/* Its public half. */
void fl_sign_public(const struct fl_secret *key, uint8_t ret_public[FL_SIGN_KEY_SIZE]);
void fl_sign(const struct fl_secret *key, fl_slice text, uint8_t ret_signature[FL_SIGNATURE_SIZE]);
bool fl_sign_holds(const uint8_t public_key[FL_SIGN_KEY_SIZE], fl_slice text,
                   const uint8_t signature[FL_SIGNATURE_SIZE]);
