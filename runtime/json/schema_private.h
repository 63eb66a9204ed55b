/* SPDX-License-Identifier: MIT */
/* A compiled schema: nodes (one per subschema), each a list of rules in the order in which they are checked. For the
 * schema_* files alone.
 *
 * Invariants. (1) Everything below struct fl_schema belongs to it and lives as long; rules lend values from the
 * documents it holds. (2) A subschema that several references reach is one node, so that recursive schemas are finite.
 * (3) After compilation nothing changes: any thread may validate. */
#pragma once
#include "runtime/base/map.h"
#include "runtime/json/json.h"
#include "runtime/json/regex.h"
#include "runtime/json/schema.h"
#include "runtime/json/schema_format.h"

enum {
  FL_SCHEMA_NODE_COUNT_MAX = 50000,
  FL_SCHEMA_DOCUMENT_COUNT_MAX = 64,
  FL_SCHEMA_NESTING_MAX = 256,  /* subschemas inside subschemas, as written */
  FL_SCHEMA_DEPTH_MAX = 1000,   /* subschemas inside subschemas, as followed while validating */
  FL_SCHEMA_BYTES_OF_WORK = 64, /* of a text that is walked through or compared, to one unit of work */
  FL_SCHEMA_WORK_MAX = 10000000 /* subschemas entered and values looked at */
};

enum fl_schema_draft { FL_SCHEMA_2020 = 1, FL_SCHEMA_2019 = 2, FL_SCHEMA_DRAFT7 = 4 };

enum fl_schema_vocabulary {
  FL_SCHEMA_CORE = 1,
  FL_SCHEMA_APPLICATOR = 2,
  FL_SCHEMA_UNEVALUATED = 4,
  FL_SCHEMA_VALIDATION = 8,
  FL_SCHEMA_FORMAT_ANNOTATION = 16,
  FL_SCHEMA_FORMAT_ASSERTION = 32,
  FL_SCHEMA_ANNOTATION = 64, /* meta-data and content: nothing to check */
};

struct fl_schema_dialect {
  unsigned draft;
  unsigned vocabularies;
};

struct fl_schema_node;

/* A subschema with a name of its own. */
struct fl_schema_anchor {
  struct fl_value *value;
  char *location;
  struct fl_schema_node *node; /* compiled for dynamic anchors only */
};

/* A schema with an identity ($id, or the address it came from). */
struct fl_schema_resource {
  char *uri; /* without fragment; "" for a document without any */
  struct fl_value *root;
  char *location;
  struct fl_schema_dialect dialect;
  struct fl_map anchors;         /* name to struct fl_schema_anchor */
  struct fl_map dynamic_anchors; /* a subset of the above */
  struct fl_schema_resource *next;
};

enum fl_schema_rule_kind {
  FL_RULE_TYPE,
  FL_RULE_CONST,
  FL_RULE_ENUM,
  FL_RULE_MULTIPLE_OF,
  FL_RULE_MAXIMUM,
  FL_RULE_EXCLUSIVE_MAXIMUM,
  FL_RULE_MINIMUM,
  FL_RULE_EXCLUSIVE_MINIMUM,
  FL_RULE_MAX_LENGTH,
  FL_RULE_MIN_LENGTH,
  FL_RULE_PATTERN,
  FL_RULE_FORMAT,
  FL_RULE_MAX_ITEMS,
  FL_RULE_MIN_ITEMS,
  FL_RULE_UNIQUE_ITEMS,
  FL_RULE_MAX_PROPERTIES,
  FL_RULE_MIN_PROPERTIES,
  FL_RULE_REQUIRED,
  FL_RULE_DEPENDENT_REQUIRED,
  FL_RULE_REF,
  FL_RULE_DYNAMIC_REF,
  FL_RULE_ALL_OF,
  FL_RULE_ANY_OF,
  FL_RULE_ONE_OF,
  FL_RULE_NOT,
  FL_RULE_IF,
  FL_RULE_DEPENDENT_SCHEMAS,
  FL_RULE_ITEMS,
  FL_RULE_CONTAINS,
  FL_RULE_MEMBERS,
  FL_RULE_PROPERTY_NAMES,
  FL_RULE_UNEVALUATED_ITEMS,
  FL_RULE_UNEVALUATED_PROPERTIES,
  FL_RULE_KIND_COUNT,
};

struct fl_schema_pattern {
  struct fl_regex *regex;
  const char *text;
  struct fl_schema_node *node;
};

struct fl_schema_rule {
  enum fl_schema_rule_kind kind;
  const char *keyword;
  struct fl_schema_node *node;   /* the one operand; or "rest": items behind the prefix, additionalProperties, if */
  struct fl_schema_node **nodes; /* allOf & co; prefixItems; then and else (may be NULL) */
  size_t node_count;
  struct fl_value *value; /* const, enum, bounds, required, dependentRequired */
  uint64_t least, most;   /* counts */
  unsigned types;         /* bits 1 << enum fl_type */
  const char *text;       /* pattern; name of a dynamic anchor; keyword of the rest */
  struct fl_regex *regex;
  const struct fl_schema_format *format;
  struct fl_map *members; /* name to node */
  struct fl_schema_pattern *patterns;
  size_t pattern_count;
};

struct fl_schema_node {
  struct fl_schema_resource *resource;
  struct fl_value *value;
  char *location; /* JSON pointer, behind "URI#" in a document that was referred to */
  bool is_never;  /* the schema `false` */
  bool has_unevaluated;
  struct fl_schema_rule *rules;
  size_t rule_count;
  struct fl_schema_node *next_pending; /* while compiling */
};

/* Something to be freed with the schema. */
struct fl_schema_kept {
  void *memory;
  void (*release)(void *memory);
};

struct fl_schema {
  struct fl_schema_node *root;
  struct fl_schema_resource *resources;
  struct fl_schema_kept *kept;
  size_t kept_count, kept_capacity;
  bool check_format;
};

/* Memory that the schema owns, cleared; schema.c. */
void *fl_schema_alloc(struct fl_schema *schema, size_t count, size_t size);
char *fl_schema_copy(struct fl_schema *schema, const char *text);
void fl_schema_keep(struct fl_schema *schema, void *memory, void (*release)(void *memory));
#define fl_schema_new(schema, type, count) ((type *)fl_schema_alloc((schema), (count), sizeof(type)))
