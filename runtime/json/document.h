/* SPDX-License-Identifier: MIT */
/* What the JSON and the YAML reader of user files share: the positions. For yaml.c and document*.c only. Pure.
 *
 * A place for each value, in the order of the text, a container before what it contains; `end` is the index behind its
 * last descendant. The n-th child place of a container belongs to its n-th element or member, so that no keys are kept
 * twice. */
#pragma once
#include "runtime/json/yaml.h"

#include <fairlead/value.h>

struct fl_place {
  uint32_t line, column;
  uint32_t key_line, key_column; /* 0 for elements and the root */
  uint32_t end;
};

struct fl_positions {
  struct fl_place *items;
  uint32_t count, capacity;
};

/* The index of the new place; `end` is set by close. */
uint32_t fl_positions_open(struct fl_positions *positions, const struct fl_place *place);
void fl_positions_close(struct fl_positions *positions, uint32_t index);

/* Reads into `document` (file and positions are there; root is set on success) and says what is wrong. */
int fl_document_read_json(struct fl_document *document, fl_slice text, struct fl_diags *diags);
int fl_document_read_yaml(struct fl_document *document, fl_slice text, struct fl_diags *diags);

/* An error at a line and column. */
void fl_document_error(const struct fl_document *document, struct fl_diags *diags, uint32_t line, uint32_t column,
                       const char *suggestion, const char *format, ...) FL_PRINTF(6, 7);
