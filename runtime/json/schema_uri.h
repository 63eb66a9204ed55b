/* SPDX-License-Identifier: MIT */
/* URI references (RFC 3986) as far as schemas need them: resolving, the fragment, and whether a text is one. Pure. */
#pragma once
#include "runtime/base/buf.h"

/* Appends `reference` resolved against `base` (section 5.2), without the fragment. An empty base leaves it as it is. */
void fl_schema_uri_resolve(fl_slice base, fl_slice reference, struct fl_buf *ret_uri);

/* What follows '#'; data is NULL when there is no '#'. */
fl_slice fl_schema_uri_fragment(fl_slice reference);

/* Appends `text` with %XX decoded; false when a % is not followed by two hexadecimal digits. */
bool fl_schema_uri_decode(fl_slice text, struct fl_buf *ret_text);

enum fl_schema_uri_kind {
  FL_SCHEMA_URI = 0,           /* has a scheme */
  FL_SCHEMA_URI_REFERENCE = 1, /* may be relative */
  FL_SCHEMA_IRI = 2,           /* letters beyond ASCII allowed (RFC 3987); may be combined with the above */
};
bool fl_schema_uri_is_valid(fl_slice text, unsigned kind);
