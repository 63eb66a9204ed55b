/* SPDX-License-Identifier: MIT */
/* Finding programs and our own companions (the launcher, the network module) in the file system. */
#pragma once
#include <fairlead/error.h>

/* Whether `program` can be started: by name in the PATH of `env` (NULL: ours), as execvp looks; with a slash as a path,
 * below `cwd` when that is given. Errors: FL_E_NOT_FOUND, FL_E_IO (it is there and cannot be run). */
int fl_locate_program(const char *program, const char *const *env, const char *cwd, struct fl_error *err);

/* The path of that program, as we look for it; the caller frees it. Errors as above. */
int fl_locate_path(const char *program, const char *cwd, char **ret_path, struct fl_error *err);

/* The path of a companion: $variable, else folder/name, else beside our own executable; the first that exists (the
 * variable counts even when nothing is there, so that a wrong one is noticed). The caller frees it. FL_E_NOT_FOUND
 * names the places. */
int fl_locate_companion(const char *variable, const char *folder, const char *name, char **ret_path,
                        struct fl_error *err);
