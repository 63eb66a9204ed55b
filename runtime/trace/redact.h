/* SPDX-License-Identifier: MIT */
/* Personal data and secrets are taken out of texts before they are stored in a trace or sent anywhere: mail addresses,
 * card numbers (13 to 19 digits with Luhn's check digit), IBANs (mod 97, ISO 13616), and keys (private keys in PEM,
 * JSON web tokens, bearer tokens, and keys with the prefixes of well-known services). In their place stands what they
 * were: [email], [card], [iban], [key]. Pure; linear in the size of the text.
 *
 * Which kinds are taken out, `kinds` says; keys always are. */
#pragma once
#include "runtime/base/buf.h"

#include <fairlead/value.h>

enum { FL_REDACT_EMAIL = 1, FL_REDACT_CARD = 2, FL_REDACT_IBAN = 4, FL_REDACT_ALL = 7 };

/* Appends the text without what is personal or secret; returns how many were taken out. */
size_t fl_redact(fl_slice text, unsigned kinds, struct fl_buf *out);
/* The value with every string in it redacted, the names of members not; a new reference (to the same value when nothing
 * was found). *ret_count grows by what was taken out. */
struct fl_value *fl_redact_value(const struct fl_value *value, unsigned kinds, size_t *ret_count);
/* A text, whose memory the caller owns; NULL gives NULL. */
char *fl_redact_text_of(const char *text, unsigned kinds);
static inline char *fl_redact_text(const char *text) { return fl_redact_text_of(text, FL_REDACT_ALL); }
