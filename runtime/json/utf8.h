/* SPDX-License-Identifier: MIT */
/* UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing beyond U+10FFFF. Pure. */
#pragma once
#include "runtime/base/buf.h"

#include <stdint.h>

/* Size of the well-formed sequence at the front of `text` (1 to 4), 0 when there is none. `size` is at least 1. */
size_t fl_utf8_sequence(const char *text, size_t size);

/* How many bytes at the front are well-formed. */
size_t fl_utf8_valid_size(const char *text, size_t size);

/* Appends `text` with U+FFFD for every byte that is not part of a well-formed sequence. */
int fl_utf8_repair(struct fl_buf *buf, fl_slice text);

/* Writes the sequence of a scalar value (no surrogate); returns its size. */
size_t fl_utf8_encode(uint32_t rune, char ret_text[4]);

/* The scalar value of a sequence that fl_utf8_sequence accepted. */
uint32_t fl_utf8_decode(const char *text, size_t sequence_size);
