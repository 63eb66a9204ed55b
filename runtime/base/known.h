/* SPDX-License-Identifier: MIT */
/* Secrets whose values are known, and texts without them: wherever a value stands in a text, as it is, in base64 (at
 * each of the three offsets, both alphabets), in hexadecimal (upper or lower case), and each of these percent-encoded
 * (once or twice) or as JSON writes it (up to three times), whole or in part, or broken over lines, "[secret NAME]"
 * stands instead.
 *
 * How: one automaton (Aho and Corasick, 1975) of all spellings, which several readings of the text pass side by side:
 * as it is, without line breaks, with percent-encoding undone, with JSON's escapes undone. So time is linear in the
 * text, whatever stands in it. What readings find is laid together: bytes that any of them found are gone.
 *
 * Invariants. (1) A stream's output does not depend on where it is cut, and is that of the whole text. (2) A stream
 * holds back what may be the beginning of a value, at most 50 bytes for each byte of the longest spelling. (3) Values
 * stand in locked memory alone (secret.h), which is in no core file. Pure; of one thread. */
#pragma once
#include "runtime/base/buf.h"

#include <fairlead/error.h>
#include <stdint.h>

/* Shorter ones would be found where they are not meant. */
enum { FL_KNOWN_SIZE_MIN = 8, FL_KNOWN_SIZE_MAX = 8192, FL_KNOWN_COUNT_MAX = 256, FL_KNOWN_NAME_MAX = 128 };
#define FL_KNOWN_TEXT_MAX (SIZE_MAX / 4) /* a limit for buffers of texts that have one already */

struct fl_known;

struct fl_known *fl_known_create(void);
void fl_known_destroy(struct fl_known *known); /* streams may outlive it; NULL allowed */

/* A value that is known already keeps its first name. FL_E_INVALID: too short or too long, or all its bytes are the
 * same; FL_E_LIMIT: there are FL_KNOWN_COUNT_MAX. Neither says the value. */
int fl_known_add(struct fl_known *known, const char *name, fl_slice value, struct fl_error *err);
/* Whether a value is nothing but digits: then numbers are looked at as well. */
bool fl_known_has_digits(const struct fl_known *known);

/* NULL as `known`, everywhere: no secret is known, which costs nothing. */

bool fl_known_finds(const struct fl_known *known, fl_slice text);
/* Appends the text without the values; how many places there were. */
size_t fl_known_hide(const struct fl_known *known, fl_slice text, struct fl_buf *out);
/* The same for a text of the caller's, which is wiped and replaced when something is found; NULL allowed. */
void fl_known_hide_text(const struct fl_known *known, char **text);
void fl_known_hide_error(const struct fl_known *known, struct fl_error *err); /* NULL allowed */

struct fl_known_stream;

/* Values that become known later count from the next feed on. */
struct fl_known_stream *fl_known_stream_create(void);
void fl_known_stream_destroy(struct fl_known_stream *stream); /* NULL allowed */
/* Appends what can be told of the text so far. */
void fl_known_stream_feed(struct fl_known_stream *stream, const struct fl_known *known, fl_slice bytes,
                          struct fl_buf *out);
/* Appends the rest; what is fed then begins a new text. */
void fl_known_stream_end(struct fl_known_stream *stream, struct fl_buf *out);
