/* SPDX-License-Identifier: MIT */
/* Diagnostics: everything that is wrong with a user's file, collected in one pass and shown at once, each with the
 * place and, where there is one, the nearest thing that would have been right. */
#pragma once
#include "runtime/base/slice.h"

#include <stdint.h>

enum { FL_DIAG_COUNT_MAX = 100 };
enum fl_severity { FL_SEVERITY_ERROR, FL_SEVERITY_WARNING };

struct fl_diag {
  enum fl_severity severity;
  const char *file;       /* as the user named it */
  uint32_t line;          /* from 1; 0 when unknown */
  uint32_t column;        /* from 1, in characters; 0 when unknown */
  const char *pointer;    /* RFC 6901 JSON pointer, "" for the document */
  const char *message;    /* what is wrong */
  const char *suggestion; /* what to write instead; NULL when there is none */
};

struct fl_diags {
  struct fl_diag *items;
  size_t count;
  size_t error_count;
  size_t dropped_count; /* beyond FL_DIAG_COUNT_MAX */
};

void fl_diags_init(struct fl_diags *diags);
void fl_diags_deinit(struct fl_diags *diags);

/* Copies every text of `diag` (strings may be NULL). */
void fl_diags_add(struct fl_diags *diags, const struct fl_diag *diag);

/* In the order of the file: by line, then column; what has no place comes first. */
void fl_diags_sort(struct fl_diags *diags);

/* "FILE:LINE:COLUMN: error: MESSAGE (at POINTER); SUGGESTION", the caller frees it. */
char *fl_diag_format(const struct fl_diag *diag);

/* The nearest of `names` to `word` by edit distance, or NULL when none is near (more than a third of the letters off).
 */
const char *fl_nearest(const char *word, const char *const *names, size_t name_count);
