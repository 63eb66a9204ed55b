/* SPDX-License-Identifier: MIT */
/* JSON behind one internal header. A `struct fl_value` is a jansson value; no file outside runtime/json knows that. The
 * reader and the writer are ours (jansson's own codec is 3 to 7 times slower). Pure.
 *
 * Two reading modes. STRICT, for everything from outside: duplicate keys, NUL, invalid UTF-8, a byte order mark, depth
 * over 128 and integers outside 64 bits are errors. FULL, for the test suites and schema constants: the last duplicate
 * wins, NUL is allowed in strings (not in keys), integers outside 64 bits become doubles, depth up to 2,048. */
#pragma once
#include "runtime/base/buf.h"
#include "runtime/base/slice.h"

#include <fairlead/value.h>

enum { FL_JSON_DEPTH_STRICT = 128, FL_JSON_DEPTH_FULL = 2048 };
enum fl_json_mode { FL_JSON_STRICT, FL_JSON_FULL };

/* Reads exactly one value; white space around it is allowed. The error names line and column (in characters). */
int fl_json_read(fl_slice text, enum fl_json_mode mode, struct fl_value **ret_value, struct fl_error *err);

/* Reads one value at the front of `text`; *ret_used is how many bytes it took (for concatenated or embedded values). */
int fl_json_read_prefix(fl_slice text, enum fl_json_mode mode, struct fl_value **ret_value, size_t *ret_used,
                        struct fl_error *err);

enum fl_json_style {
  FL_JSON_COMPACT = 0,
  FL_JSON_PRETTY = 1,    /* two spaces */
  FL_JSON_CANONICAL = 2, /* RFC 8785: sorted by UTF-16 units, ECMAScript numbers; integers beyond 2^53 are FL_E_LIMIT */
};

/* Appends the text of `value`. In the styles compact and pretty a whole double keeps its type ("1.0", "-0.0"). Errors:
 * FL_E_LIMIT (the buffer's limit, or depth over FL_JSON_DEPTH_FULL); then nothing was appended. */
int fl_json_write(struct fl_buf *buf, const struct fl_value *value, enum fl_json_style style);

/* Appends `text` as a JSON string with quotes and escapes; U+FFFD stands in for bytes that are not UTF-8. */
int fl_json_write_string(struct fl_buf *buf, fl_slice text);

/* Shortest decimal text of a finite double, as ECMAScript prints it; returns its size (at most 26 with the
 * terminator). Negative zero is "0"; a number that is not finite is "null". */
size_t fl_json_format_double(double number, char ret_text[32]);

/* RFC 6901. A lent value or NULL. */
struct fl_value *fl_json_pointer(const struct fl_value *root, const char *pointer);

/* Appends "/token" with ~ and / escaped. */
int fl_json_pointer_add(struct fl_buf *pointer, fl_slice token);
int fl_json_pointer_add_index(struct fl_buf *pointer, size_t index);

/* RFC 7396 merge patch: a new value. */
struct fl_value *fl_json_merge(const struct fl_value *target, const struct fl_value *patch);

/* BLAKE2b-256 of the compact text with sorted keys: equal values, equal hash. */
void fl_json_hash(const struct fl_value *value, uint8_t ret_hash[32]);

/* Memory that a value holds, roughly, in bytes; for limits. */
size_t fl_json_weight(const struct fl_value *value);

/* Whether the caller is the only owner (then it may be changed in place). */
bool fl_json_is_unshared(const struct fl_value *value);

/* The size of the JSON value at the front of `text`, without building it; 0 when it does not end. Trusts that the text
 * is well-formed (it was written by us); leading white space is not allowed. */
size_t fl_json_skip(fl_slice text);

/* The value of member `key` (plain text, no escapes) as JSON text, out of the text of an object; empty when the object
 * has no such member or the text is no object. Trusts the text as fl_json_skip does; the last of several equal keys
 * counts. */
fl_slice fl_json_find_member(fl_slice object, fl_slice key);
