/* SPDX-License-Identifier: MIT */
/* Pins of tool definitions: the hash of everything that a server says of its tools, and what differs between two
 * listings. Pure.
 *
 * A listing is an array of {"name", "title"?, "description"?, "inputSchema"?, "outputSchema"?, "annotations"?}, in any
 * order. Its pin is "blake2b:" and BLAKE2b-256 of the listing in the order of names, as canonical JSON (RFC 8785). */
#pragma once
#include "runtime/base/buf.h"

#include <fairlead/value.h>

enum { FL_PIN_SIZE = 8 + 64 + 1 };
/* In the place of a pin: whoever asks takes the server to be as it was pinned, for it is not there to be looked at. */
#define FL_PIN_AS_PINNED "as pinned"

/* FL_E_LIMIT: a number of a schema is too large to be exact, and such a listing has no pin. */
int fl_pin_hash(const struct fl_value *listing, char ret_pin[FL_PIN_SIZE], struct fl_error *err);
/* Whether two pins are one: the name of the hash may be left out. */
bool fl_pin_equal(const char *pin, const char *other);

/* [{"tool", "change": "added" | "removed" | "changed", "member"?: JSON POINTER, "old"?, "new"?}…] in the order of
 * names, one for each member of a changed tool that differs; a new reference. */
struct fl_value *fl_pin_diff(const struct fl_value *old_listing, const struct fl_value *new_listing);
/* The same for people, a line each; texts are cut and control characters are as they came. */
void fl_pin_diff_text(const struct fl_value *diff, struct fl_buf *text);

/* ---- the file beside a manifest that keeps what was pinned ---- */

#define FL_PINS_SUFFIX ".pins.json" /* behind the manifest's own name */
/* {"pins": 1, "servers": {NAME: LISTING}}: what was pinned of a server, so that a diff can be shown. It vouches for
 * nothing: a listing counts only when its hash is `pin`. Lent by `kept`; NULL: there is none that counts. */
const struct fl_value *fl_pin_kept(const struct fl_value *kept, const char *server, const char *pin);
