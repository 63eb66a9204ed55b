/* SPDX-License-Identifier: MIT */
/* One spelling for each value, before anything is compared: what was decided about is what is called. Pure.
 *
 * Where a text says whom or what a call reaches (its schema has a `format` of the table below, or limits it by pattern,
 * enum or const), spellings that people or parsers read differently are refused; spellings that mean the same become
 * one. Numbers are brought together everywhere: 1e2 is 100, -0 is 0. Other texts are left alone. */
#pragma once
#include "runtime/base/buf.h"

#include <fairlead/value.h>

enum fl_canonical {
  FL_CANONICAL_NONE,
  FL_CANONICAL_TEXT, /* pattern, enum or const: no invisible, bidirectional, tag, combining or look-alike characters */
  FL_CANONICAL_URL, /* format uri, url, iri: http or https, a host, no user name; the normal form of runtime/wire/url */
  FL_CANONICAL_HOST,  /* format hostname, ipv4, ipv6: lower case, no dot at the end, addresses in one notation */
  FL_CANONICAL_EMAIL, /* format email: local@domain, the domain as a host */
  FL_CANONICAL_PATH,  /* format path: no "..", no backslash, no encoded separator; "." and "//" go */
};

struct fl_canonical_facts {
  bool allows_private;              /* hosts of this machine or a private network */
  bool uses_resolved;               /* put what a path leads to in its place */
  const struct fl_value *resolved;  /* {PATH: what it leads to, or null when that is outside}; NULL: nothing is known */
  const struct fl_value *addresses; /* {HOST: [ADDRESS, …]}; NULL: nobody has looked; a host without any is refused */
  struct fl_value *wanted;          /* an array that gets every path; NULL: nobody wants them */
  struct fl_value *wanted_hosts;    /* an array that gets every host whose addresses count; NULL likewise */
};

enum fl_canonical fl_canonical_kind(const struct fl_value *schema); /* of a text that this schema describes */

/* The text in its one spelling, appended to `ret_text`. FL_E_INVALID: refused, and why. `facts` may be NULL. */
int fl_canonical_text(enum fl_canonical kind, fl_slice text, const struct fl_canonical_facts *facts,
                      struct fl_buf *ret_text, struct fl_error *err);

struct fl_canonical_problem {
  struct fl_buf pointer; /* where in the value; the caller's to release */
  struct fl_error why;
};

/* The value in its one spelling, a new reference (to the same value when nothing changes). FL_E_INVALID: refused, see
 * ret_problem. `schema` is a closed one, NULL when there is none. */
int fl_canonical_value(const struct fl_value *schema, struct fl_value *value, const struct fl_canonical_facts *facts,
                       struct fl_value **ret_value, struct fl_canonical_problem *ret_problem);

/* canonical_rune.c: why a character cannot stand in a destination, or NULL. */
const char *fl_canonical_objection(uint32_t rune, bool may_break_lines);
