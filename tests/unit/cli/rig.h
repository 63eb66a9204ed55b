/* SPDX-License-Identifier: MIT */
/* The command line in this very process: what it prints is caught, and compared with tests/golden/cli/NAME.txt (written
 * there instead when $FL_GOLDEN_WRITE is set). */
#pragma once
#include "runtime/base/mem.h"
#include "runtime/cli/cli.h"
#include "tests/support/support.h"

#include <string.h>

struct caught {
  int code;
  char *out, *err; /* never NULL after rig_release */
};

/* From here on both streams go to files; standard input is empty. */
void rig_catch(void);
void rig_release(struct caught *ret_caught);
void caught_deinit(struct caught *caught);

/* One command: words are split at blanks, '…' keeps blanks, "$F" at the front of a word is `rig_folder`. */
void rig_command(struct caught *ret_caught, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same with a text on standard input. */
void rig_command_with(struct caught *ret_caught, const char *input, const char *line);

/* One command into the `caught` of the test, which must end with that exit code. */
#define RUN(code, ...)                 \
  do {                                 \
    caught_deinit(&caught);            \
    rig_command(&caught, __VA_ARGS__); \
    assert_code(&caught, code);        \
  } while (0)
/* One command whose both streams, made steady, are compared with a golden text. */
void rig_expect(const char *golden, int code, const char *line);

/* A folder of the test, made once; the store of all commands is in it. */
const char *rig_folder(void);
/* Writes a file of that folder. */
void rig_write(const char *name, const char *text);

/* Fails the test, showing both streams. */
void assert_code(const struct caught *caught, int code);
void assert_says(const char *text, const char *part);
void assert_lacks(const char *text, const char *part);
size_t rig_count(const char *text, const char *part); /* how often it is there */

/* `text` with what differs from run to run made the same: the folder, ids, times, milliseconds. The caller frees. */
char *rig_steady(const char *text);
void assert_golden_text(const char *name, const char *text);
