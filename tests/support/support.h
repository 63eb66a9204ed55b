/* SPDX-License-Identifier: MIT */
/* What every test uses: cmocka with the headers it wants, files, and the shared test material that may be absent. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Whole file, terminated; NULL when it cannot be read. Free with free(). */
char *test_read_file(const char *path, size_t *ret_size);

/* Folder of the shared test material ("../shared/data" beside the source tree, or $FL_SHARED), NULL when absent. */
const char *test_shared_data(void);

/* Calls `visit` for every regular file of a folder whose name ends in `suffix`, in name order; -1 when there is no
 * folder. */
int test_each_file(const char *folder, const char *suffix,
                   void (*visit)(const char *path, const char *name, void *user), void *user);

/* A fresh folder below $TMPDIR or /tmp, removed with all it holds at exit. Static buffer, good until the next call. */
const char *test_folder(void);

/* TAP for data-driven suites that have their own rows: ok/not ok lines, plan at the end, exit code. */
void tap_ok(bool ok, const char *format, ...) __attribute__((format(printf, 2, 3)));
void tap_skip(const char *name, const char *why);
int tap_done(void); /* returns the exit code */
