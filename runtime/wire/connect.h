/* SPDX-License-Identifier: MIT */
/* CONNECT (RFC 9110, section 9.3.6), the server's side: where a client wants to be connected to, and whether that is
 * among what was granted. Pure.
 *
 * A host has one spelling here: lower case, no dot at the end, an address of version 4 as four decimal numbers. What
 * looks like a number and is not written so is refused, for resolvers read such texts in ways of their own. */
#pragma once
#include "runtime/base/slice.h"

#include <fairlead/error.h>
#include <stdbool.h>
#include <stdint.h>

enum { FL_CONNECT_HEAD_MAX = 16 * 1024, FL_CONNECT_HOST_SIZE = 256 };

struct fl_connect {
  char host[FL_CONNECT_HOST_SIZE]; /* of an address of version 6 without brackets */
  uint16_t port;
  bool is_address;  /* numeric */
  size_t head_size; /* bytes of the request; what follows is for the other side */
};

/* Errors: FL_E_TRUNCATED (there is more of the head to come), FL_E_SYNTAX, FL_E_UNSUPPORTED (another method),
 * FL_E_LIMIT. */
int fl_connect_parse(fl_slice text, struct fl_connect *ret_connect);

/* Whether a pattern is well-formed, "NAME:PORT" or "*.NAME:PORT", and whether it grants the connection. */
bool fl_connect_is_pattern(const char *pattern);
bool fl_connect_fits(const char *pattern, const struct fl_connect *connect);
