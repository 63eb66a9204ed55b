/* SPDX-License-Identifier: MIT */
/* What the program lends to the built-in tools that reach out: one way to read URLs, for the check and for the use,
 * requests whose connections are checked by address, and processes below the launcher. */
#pragma once
#include "tools/builtin/reach.h"

extern const struct fl_builtin_host fl_builtin_real_host;

bool fl_builtin_run_process(struct fl_process_run *run); /* builtin_process.c */
