/* SPDX-License-Identifier: MIT */
/* A command that gives a key or a secret: what it prints, in bounded time and size, into locked memory. Blocks. */
#pragma once
#include "runtime/base/secret.h"

struct fl_command {
  const char *const *argv; /* NULL-terminated; argv[0] is looked up in PATH; no shell */
  const char *gives;       /* for messages: "key" */
  const char *folder;      /* where it runs; NULL: here */
  size_t output_max;       /* bytes */
  int wait_ms;
  bool is_quiet; /* what it says on standard error is dropped */
};

/* Everything that it prints. Errors: FL_E_REMOTE (it does not start, or fails), FL_E_TIMEOUT, FL_E_LIMIT; the text
 * repeats nothing of the output. */
int fl_command_output(const struct fl_command *command, struct fl_secret *ret_output, struct fl_error *err);
