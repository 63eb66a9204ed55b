/* SPDX-License-Identifier: MIT */
/* Errors as providers tell them: a dozen JSON shapes and plain text, with a status or in the middle of a stream. What
 * comes out is one code, one text (which quotes the provider, cleaned and cut) and whether trying again may help.
 * Pure. */
#pragma once
#include "runtime/base/slice.h"

#include <fairlead/value.h>

enum { FL_REMOTE_EXCERPT_SIZE = 600 };

/* Up to FL_REMOTE_EXCERPT_SIZE - 1 bytes of a foreign text for a message: controls become spaces, broken UTF-8 "?", and
 * no character is cut in two. */
void fl_remote_excerpt(fl_slice text, char ret_excerpt[FL_REMOTE_EXCERPT_SIZE]);

/* Whether a reply or an event is an error: {"error": …} that is not null, {"type": "error"}, {"object": "error"}. */
bool fl_remote_has_error(const struct fl_value *value);

struct fl_remote_failure {
  const char *provider;
  int http_status;              /* 0: in the stream */
  fl_slice body;                /* as it came */
  const struct fl_value *value; /* the body read; NULL when it is not JSON */
};
/* Returns the code: FL_E_AUTH, FL_E_RATE, FL_E_NOT_FOUND, FL_E_TIMEOUT or FL_E_REMOTE. ret_retryable may be NULL. */
int fl_remote_error(const struct fl_remote_failure *failure, bool *ret_retryable, struct fl_error *err);

/* decoder-free form for fl_model_wire.read_error */
int fl_remote_error_read(const char *provider, int http_status, fl_slice body, bool *ret_retryable,
                         struct fl_error *err);
