/* SPDX-License-Identifier: MIT */
/* Protocol scripts: what comes in and what must come out, line by line, in virtual time; written to be read.
 *
 *   # a comment
 *   > {"jsonrpc":…}      a line comes in
 *   < {"jsonrpc":…}      exactly this line goes out (with … at its end: a line that starts so)
 *   ! start echo {…}     exactly this effect
 *   @ done 1 {…}         another event; what there is depends on the test
 *
 * Everything that an event gives must be expected, in order, before the next event. */
#pragma once
#include "runtime/base/buf.h"

enum { SCRIPT_OUTPUTS_MAX = 256 };

struct script {
  const char *name;
  const char *next; /* text not yet read */
  int line_number;
  char *outputs[SCRIPT_OUTPUTS_MAX]; /* what the last event gave, and nobody expected yet */
  size_t output_count, output_next;
  char problem[4096]; /* "" while all is well */
};

/* The event takes one step: `kind` is '>' or '@', `text` the rest of the line. It reports by script_output. */
typedef void script_event_fn(struct script *script, char kind, char *text, void *user);

/* "< line" or "! effect"; for a buffer of whole lines, each of them. */
void script_output(struct script *script, char kind, const char *format, ...) __attribute__((format(printf, 3, 4)));
void script_output_lines(struct script *script, fl_slice lines);
void script_fail(struct script *script, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Runs a script's text; true when everything was as expected, otherwise `problem` says what was not. */
bool script_run(struct script *script, const char *name, const char *text, script_event_fn *event, void *user);

/* The next blank-separated word of *text, cut out in place; NULL at the end. */
char *script_word(char **text);
