/* SPDX-License-Identifier: MIT */
/* ECMAScript's pattern syntax (ECMA-262, "Patterns", with the u flag) to pcre2's. Pure. What pcre2 reads differently is
 * spelled out (white space, dots, code points, properties), what only pcre2 knows is refused, and what the web's older
 * grammar tolerates is tolerated (a brace or bracket that opens nothing, an escaped punctuation mark, a hyphen beside
 * \w in a class).
 *
 * The result carries a callout "(?C)" at its start, after each opening parenthesis and after each quantifier, so
 * that the matcher can count its work. */
#pragma once
#include "runtime/base/buf.h"

#include <fairlead/error.h>

enum { FL_REGEX_REWRITTEN_MAX = 256 * 1024, FL_REGEX_NESTING_MAX = 200 };

/* Errors: FL_E_SYNTAX with the offset in bytes, FL_E_LIMIT. */
int fl_regex_rewrite(fl_slice pattern, struct fl_buf *ret_text, struct fl_error *err);

/* Which offset of the pattern stands behind an offset of the rewritten text; for the matcher's own complaints. */
size_t fl_regex_rewrite_origin(fl_slice pattern, size_t rewritten_offset);

/* The name pcre2 knows for what stands in \p{…}, or NULL; regex_property.c. `scratch` holds the names that are put
 * together. */
enum { FL_REGEX_PROPERTY_MAX = 64 };
const char *fl_regex_property(fl_slice name, char scratch[FL_REGEX_PROPERTY_MAX]);
