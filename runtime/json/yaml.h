/* SPDX-License-Identifier: MIT */
/* A user's file, JSON or YAML, as a value with the position of every key and value. The YAML is the JSON-compatible
 * subset of 1.2 (core schema): no anchors, aliases, tags, merge keys or second document; keys are strings; duplicates
 * are errors. The format is told by the content: a file whose first character is `{` or `[` is read as JSON first.
 * Pure. */
#pragma once
#include "runtime/base/diag.h"
#include "runtime/base/slice.h"

#include <fairlead/value.h>

enum { FL_DOCUMENT_SIZE_MAX = 4 * 1024 * 1024, FL_DOCUMENT_DEPTH_MAX = 64 };

struct fl_document {
  struct fl_value *root;
  char *file;                     /* name for messages */
  struct fl_positions *positions; /* private */
};

/* Adds what is wrong to `diags`; returns 0, or FL_E_SYNTAX / FL_E_LIMIT / FL_E_INVALID when nothing usable came out.
 * With 0 there may still be errors (a duplicate key, an anchor): the document then serves to find more of them, not to
 * work with; look at diags->error_count. */
int fl_document_parse(const char *file, fl_slice text, struct fl_document *ret_document, struct fl_diags *diags);
void fl_document_deinit(struct fl_document *document); /* repeatable */

/* Line and column (from 1) of the value at a JSON pointer; with `of_key` of its key. The nearest existing parent when
 * absent. */
void fl_document_position(const struct fl_document *document, const char *pointer, bool of_key, uint32_t *ret_line,
                          uint32_t *ret_column);

/* Adds a diagnostic at a pointer of this document. `suggestion` may be NULL. */
void fl_document_diag(const struct fl_document *document, struct fl_diags *diags, enum fl_severity severity,
                      const char *pointer, bool of_key, const char *suggestion, const char *format, ...)
    FL_PRINTF(7, 8);
