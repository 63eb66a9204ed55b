/* SPDX-License-Identifier: MIT */
/* The manifest: what an agent may do, at worst. One JSON or YAML document of a closed format (manifest.schema.json),
 * read once and then immutable. Pure.
 *
 * Invariants. (1) A key that the format does not have is an error, and nothing is made of a manifest with an error.
 * (2) Everything that deciding needs is compiled here, so that deciding cannot fail for want of it. (3) What the format
 * has is enforced: a promise that nobody keeps is worse than none. */
#pragma once
#include "runtime/base/diag.h"
#include "runtime/base/slice.h"

#include <fairlead/value.h>

enum { FL_MANIFEST_HASH_SIZE = 65 }; /* 64 hexadecimal digits and the end */

struct fl_manifest;

/* `file` is its name for messages. Everything that is wrong is added to `diags`. Errors: FL_E_SYNTAX, FL_E_INVALID,
 * FL_E_LIMIT, each with at least one error in `diags`. */
int fl_manifest_load(const char *file, fl_slice text, struct fl_manifest **ret_manifest, struct fl_diags *diags);
struct fl_manifest *fl_manifest_ref(struct fl_manifest *manifest);
void fl_manifest_unref(struct fl_manifest *manifest); /* NULL allowed */

const char *fl_manifest_file(const struct fl_manifest *manifest);
const char *fl_manifest_id(const struct fl_manifest *manifest);
const struct fl_value *fl_manifest_root(const struct fl_manifest *manifest); /* the document; lent */
/* BLAKE2b-256 of the document without its signature, keys sorted, in hexadecimal: the same for JSON and YAML. */
const char *fl_manifest_hash(const struct fl_manifest *manifest);
/* Seconds since 1970 from which on it allows nothing; INT64_MAX: it does not expire. */
int64_t fl_manifest_expires(const struct fl_manifest *manifest);
size_t fl_manifest_rule_count(const struct fl_manifest *manifest); /* of `tools` */

/* ---- servers: what each may start, reach and take ---- */

/* Whether it has `servers`: then what it does not name there is not started. */
bool fl_manifest_names_servers(const struct fl_manifest *manifest);
/* What it says of a server, as the schema has it; lent. NULL: it does not name it. */
const struct fl_value *fl_manifest_server(const struct fl_manifest *manifest, const char *name);
int64_t fl_manifest_bytes(const char *text);   /* "256KiB"; the schema has checked the form of these */
int64_t fl_manifest_time_ms(const char *text); /* "30s" */
int64_t fl_manifest_rate(const char *text, int64_t *ret_per_ms); /* "10/min": 10, in 60,000 ms */

/* "2027-06-30" or RFC 3339: the first second that is over when it is the end of something; a date includes its last
 * second, UTC. FL_E_SYNTAX; ret is untouched then. */
int fl_manifest_date(const char *text, int64_t *ret_first_invalid_s);

const char *fl_manifest_schema(void); /* the published JSON Schema */
