/* SPDX-License-Identifier: MIT */
/* Base64 (RFC 4648), both alphabets. Decoding is strict: one text for every sequence of bytes, so no white space, no
 * stray bits, padding exactly as the kind says. Pure. */
#pragma once
#include "runtime/base/buf.h"

#include <fairlead/error.h>

enum fl_base64_kind {
  FL_BASE64_STANDARD, /* section 4: + and /, padded */
  FL_BASE64_URL,      /* section 5: - and _, not padded (as in JWT and PKCE) */
};

/* Characters that `size` bytes become. */
size_t fl_base64_size(size_t size, enum fl_base64_kind kind);

/* Appends; FL_E_LIMIT when the buffer is full, which then holds what it held before. */
int fl_base64_encode(struct fl_buf *buf, fl_slice bytes, enum fl_base64_kind kind);

/* Appends; FL_E_SYNTAX with the offset of the first wrong character, FL_E_LIMIT. On failure the buffer is as it was. */
int fl_base64_decode(struct fl_buf *buf, fl_slice text, enum fl_base64_kind kind, struct fl_error *err);
