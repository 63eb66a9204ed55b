/* SPDX-License-Identifier: MIT */
/* A user's file against the published schema of its format: every mistake with its place, and for a key that the format
 * does not have the nearest one that it has. Pure. */
#pragma once
#include "runtime/json/yaml.h"

/* Adds an error for everything that the schema (JSON text, ours) does not allow. `what`: "a manifest", for messages. */
void fl_document_check_form(const struct fl_document *document, const char *schema_text, const char *what,
                            struct fl_diags *diags);
