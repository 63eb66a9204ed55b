/* SPDX-License-Identifier: MIT */
/* Regular expressions in ECMAScript's syntax (as JSON Schema wants them), on pcre2 with limits on pattern size and on
 * match work. Pure. A pattern is immutable once compiled. */
#pragma once
#include "runtime/base/slice.h"

#include <fairlead/error.h>
#include <stdint.h>

enum { FL_REGEX_PATTERN_MAX = 16 * 1024, FL_REGEX_MATCH_LIMIT = 1000000 };

struct fl_regex;

/* Errors: FL_E_SYNTAX with the offset, FL_E_LIMIT. */
int fl_regex_create(fl_slice pattern, struct fl_regex **ret_regex, struct fl_error *err);
void fl_regex_destroy(struct fl_regex *regex); /* NULL allowed */

/* 1 matches somewhere in the text, 0 does not, FL_E_LIMIT when the work limit is hit, FL_E_INVALID for text that is not
 * UTF-8. */
int fl_regex_search(const struct fl_regex *regex, fl_slice text);

/* As fl_regex_search, for a caller that has a bound on many searches: *work is what may be spent (a unit is some 3 ns),
 * and is lowered by what was. */
int fl_regex_search_within(const struct fl_regex *regex, fl_slice text, uint64_t *work);

/* As fl_regex_search, and gives the groups of the match (slices into `text`; group 0 is the whole match). */
enum { FL_REGEX_GROUP_MAX = 16 };
int fl_regex_match(const struct fl_regex *regex, fl_slice text, fl_slice ret_groups[FL_REGEX_GROUP_MAX],
                   size_t *ret_group_count);
