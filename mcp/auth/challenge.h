/* SPDX-License-Identifier: MIT */
/* The header WWW-Authenticate (RFC 9110, section 11.6.1), of which several may stand in one line, and what MCP reads of
 * it: the challenge Bearer (RFC 6750) or DPoP (RFC 9449). Pure. */
#pragma once
#include "runtime/base/buf.h"

#include <fairlead/error.h>

enum { FL_CHALLENGE_SIZE_MAX = 16 * 1024 };

enum fl_challenge_scheme { FL_CHALLENGE_NONE, FL_CHALLENGE_BEARER, FL_CHALLENGE_DPOP };

struct fl_challenge {
  enum fl_challenge_scheme scheme; /* NONE: neither of the two is there */
  /* Each NULL when absent. */
  char *resource_metadata; /* a URL, not yet checked */
  char *scope;             /* space-separated */
  char *error;             /* "invalid_token", "insufficient_scope", "use_dpop_nonce", … */
  char *error_description;
};

/* The first challenge of Bearer or DPoP that names resource_metadata, else the first of them; others are read over. An
 * empty `text` is no challenge. A parameter that stands twice, or a text that breaks the grammar, is FL_E_SYNTAX;
 * FL_E_LIMIT. */
int fl_challenge_read(fl_slice text, struct fl_challenge *ret_challenge, struct fl_error *err);
void fl_challenge_deinit(struct fl_challenge *challenge); /* repeatable */
#define FL_CHALLENGE_AUTO __attribute__((cleanup(fl_challenge_deinit))) struct fl_challenge

/* Appends ', name="value"' (the comma only behind another parameter), with quotes and backslashes escaped and what no
 * header may hold left out. */
int fl_challenge_add(struct fl_buf *buf, const char *name, const char *value);

/* Scopes: lists of words with single spaces. */
bool fl_scope_has(const char *scope, fl_slice word);         /* NULL scope: no word */
bool fl_scope_covers(const char *scope, const char *wanted); /* every word of `wanted` */
char *fl_scope_union(const char *a, const char *b);          /* a's words, then b's others; NULL when there are none */
