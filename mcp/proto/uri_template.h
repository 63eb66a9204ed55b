/* SPDX-License-Identifier: MIT */
/* URI templates (RFC 6570) read backwards: which values of its variables make a given URI? Forms without explode and
 * prefix: {a}, {+a}, {#a}, {/a}, {.a}, {?a,b}, {&a,b}. Matching goes once from left to right: a variable ends at the
 * first place where the literal behind it stands, so that no URI costs more than its length (templates that would need
 * to be tried again and again are how servers were brought to a halt). Pure. */
#pragma once
#include <fairlead/value.h>

enum { FL_URI_TEMPLATE_PARTS_MAX = 64, FL_URI_TEMPLATE_SIZE_MAX = 2048 };

struct fl_uri_template;
/* Errors: FL_E_INVALID. */
int fl_uri_template_parse(const char *text, struct fl_uri_template **ret_template, struct fl_error *err);
void fl_uri_template_destroy(struct fl_uri_template *uri_template); /* NULL allowed */
bool fl_uri_template_has(const struct fl_uri_template *uri_template, const char *variable);
/* True when the URI can have come from it; then *ret_variables is a new object of strings, percent-decoded. */
bool fl_uri_template_match(const struct fl_uri_template *uri_template, const char *uri,
                           struct fl_value **ret_variables);
