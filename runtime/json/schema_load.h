/* SPDX-License-Identifier: MIT */
/* Documents, resources, anchors and references of a schema under compilation (JSON Schema core, sections 8 and 9). No
 * network: what a reference means is in the document, in the built-in metaschemas, or asked from the caller. */
#pragma once
#include "runtime/json/schema_private.h"

/* The metaschemas of 2020-12, verbatim; ends with a NULL. Generated from runtime/json/metaschema. */
struct fl_schema_embedded {
  const char *uri;
  const char *text;
};
extern const struct fl_schema_embedded fl_schema_embedded[];

struct fl_schema_compiler {
  struct fl_schema *schema;
  struct fl_schema_options options;
  struct fl_map resources; /* URI to struct fl_schema_resource */
  struct fl_map nodes;     /* (value, resource) to struct fl_schema_node */
  struct fl_map regexes;   /* pattern to struct fl_regex */
  struct fl_schema_node *pending;
  size_t node_count, document_count;
  size_t nesting;      /* of the subschema being walked */
  const char *keyword; /* being compiled; for messages and locations */
  struct fl_error *err;
};

/* Where a reference leads. */
struct fl_schema_target {
  struct fl_schema_resource *resource;
  struct fl_value *value;
  struct fl_schema_anchor *dynamic; /* set when the fragment names a dynamic anchor */
  char location[1024];
};

/* Takes a document in under `uri` and finds its identities. */
int fl_schema_load_document(struct fl_schema_compiler *compiler, struct fl_value *document, const char *uri,
                            struct fl_schema_resource **ret_resource);

/* Follows `reference` as written in a schema of `from`. */
int fl_schema_load_target(struct fl_schema_compiler *compiler, const struct fl_schema_resource *from,
                          const char *reference, struct fl_schema_target *ret_target);

/* The resource that `value` is the root of, or the one around it. */
struct fl_schema_resource *fl_schema_load_resource_at(struct fl_schema_compiler *compiler,
                                                      struct fl_schema_resource *around, const struct fl_value *value);
