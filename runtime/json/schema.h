/* SPDX-License-Identifier: MIT */
/* JSON Schema 2020-12 (json-schema.org/draft/2020-12), with draft-07's `definitions`, array-form `items` and
 * `additionalItems` when `$schema` says so. Compiled once, then immutable; validation is bounded in depth and work
 * and makes no network access: a `$ref` outside the document and the known metaschemas is an error at compile time.
 * Pure. */
#pragma once
#include "runtime/base/buf.h"

#include <fairlead/value.h>

struct fl_schema;

struct fl_schema_options {
  size_t size;
  /* Gives a document for an absolute URI that the schema refers to (lent, kept referenced by the schema), or NULL. The
   * metaschemas are known without it. May be NULL. */
  struct fl_value *(*resolve)(const char *uri, void *user);
  void *user;
  /* `format` asserts (date-time, date, time, duration, email, hostname, ipv4, ipv6, uri, uri-reference, uuid, …);
   * otherwise it is an annotation. An unknown format asserts nothing. */
  bool check_format;
};

/* `options` may be NULL. Errors: FL_E_INVALID (the schema is wrong: JSON pointer and reason), FL_E_NOT_FOUND (a $ref
 * that leads nowhere), FL_E_LIMIT. The schema value is referenced, not copied. */
int fl_schema_create(struct fl_value *schema, const struct fl_schema_options *options, struct fl_schema **ret_schema,
                     struct fl_error *err);
void fl_schema_destroy(struct fl_schema *schema); /* NULL allowed */

struct fl_schema_violation {
  char *instance_pointer; /* where in the data */
  char *schema_pointer;   /* which rule, "/properties/a/type" */
  char *keyword;          /* "type" */
  char *message;          /* "is a string, but must be an integer" */
};

enum { FL_SCHEMA_VIOLATIONS_MAX = 32 };

struct fl_schema_result {
  struct fl_schema_violation violations[FL_SCHEMA_VIOLATIONS_MAX];
  size_t count;
};

/* 0 valid, 1 not valid, negative: FL_E_LIMIT (work or depth). With result != NULL it collects what is wrong (the first
 * FL_SCHEMA_VIOLATIONS_MAX); without, it stops at the first. */
int fl_schema_validate(const struct fl_schema *schema, const struct fl_value *instance,
                       struct fl_schema_result *result);
void fl_schema_result_deinit(struct fl_schema_result *result);

/* "/a/b: is a string, but must be an integer; /c: …": one text for a message to a person or to a model. */
void fl_schema_result_text(const struct fl_schema_result *result, struct fl_buf *ret_text);
