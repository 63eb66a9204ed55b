/* SPDX-License-Identifier: MIT */
/* Where the value of a secret comes from. It goes into locked memory and is copied nowhere else on its way. */
#pragma once
#include "runtime/base/secret.h"

enum fl_secret_kind { FL_SECRET_ENV, FL_SECRET_FILE, FL_SECRET_CREDENTIAL, FL_SECRET_COMMAND };

struct fl_secret_source {
  enum fl_secret_kind kind;
  const char *text;        /* the variable, the path, the credential */
  const char *const *argv; /* the command, NULL-terminated */
  const char *folder;      /* where relative paths start and the command runs; NULL: here */
};

enum { FL_SECRET_VALUE_MAX = 8192, FL_SECRET_WAIT_MS = 10000 };

/* Line ends behind the value of a file, credential or command are dropped.
 *
 * FL_SECRET_ENV: a variable of this process. It is taken away: wiped where it stands and unset, so that no process
 * started from then on inherits it and /proc does not show it; it is kept, locked, for the next who asks. (Another
 * thread that reads the environment at this moment is the caller's affair.)
 * FL_SECRET_FILE: a regular file of this user's (of root's for root) which nobody else may read or write, no link.
 * FL_SECRET_CREDENTIAL: a file of $CREDENTIALS_DIRECTORY, this user's or root's (systemd shares it by an access list).
 * FL_SECRET_COMMAND: what it prints within FL_SECRET_WAIT_MS. Blocks.
 *
 * Errors, none of which repeats any of the value: FL_E_NOT_FOUND, FL_E_DENIED (others may read it, it is another
 * user's, a link), FL_E_INVALID (empty, larger than FL_SECRET_VALUE_MAX, with a NUL), FL_E_IO, FL_E_REMOTE,
 * FL_E_TIMEOUT, FL_E_LIMIT. */
int fl_secret_source_read(const struct fl_secret_source *source, struct fl_secret *ret_value, struct fl_error *err);

/* "the variable BANK_TOKEN": what messages and records call it. The caller frees it. */
char *fl_secret_source_name(const struct fl_secret_source *source);
