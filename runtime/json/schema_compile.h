/* SPDX-License-Identifier: MIT */
/* The keywords of JSON Schema: which vocabulary and drafts know them, where their values hold subschemas, and how they
 * become rules. */
#pragma once
#include "runtime/json/schema_load.h"

/* What a keyword's value holds. */
enum fl_schema_shape {
  FL_SHAPE_PLAIN,        /* no subschemas */
  FL_SHAPE_SCHEMA,       /* one */
  FL_SHAPE_LIST,         /* an array of them */
  FL_SHAPE_MAP,          /* an object of them */
  FL_SHAPE_ITEMS,        /* one, or an array: the `items` of older drafts */
  FL_SHAPE_DEPENDENCIES, /* an object of them or of arrays of names */
};

struct fl_schema_keyword {
  const char *name;
  unsigned vocabulary;
  unsigned drafts;
  enum fl_schema_shape shape;
  enum fl_schema_rule_kind kind;
  /* Adds rules to the node; NULL: nothing to check. `value` is the keyword's value. */
  int (*compile)(struct fl_schema_compiler *compiler, struct fl_schema_node *node,
                 const struct fl_schema_keyword *keyword, struct fl_value *value);
};

/* All keywords, in the order in which their rules are checked; ends with a NULL name. */
extern const struct fl_schema_keyword fl_schema_keywords[];

/* Whether a keyword means something in a dialect; otherwise it is an unknown word, which is ignored. */
bool fl_schema_keyword_is_known(const struct fl_schema_keyword *keyword, const struct fl_schema_dialect *dialect);

/* The node of a subschema, compiled now or later. */
int fl_schema_compile_node(struct fl_schema_compiler *compiler, struct fl_schema_resource *resource,
                           struct fl_value *value, const char *location, struct fl_schema_node **ret_node);

/* Compiles what is pending, until nothing is. */
int fl_schema_compile_pending(struct fl_schema_compiler *compiler);
