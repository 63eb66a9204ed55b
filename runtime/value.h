/* SPDX-License-Identifier: MIT */
/* Values: JSON data that tools take and give, that channels hold and that checkpoints store. A value is built by its
 * one owner (array_append, object_set), then published, and from then on nobody changes it: it may be shared by any
 * number of readers and threads. The reference count is atomic. A function that changes a value checks that the caller
 * is its only owner and stops the process otherwise: that is a bug, not an error.
 *
 * Ownership: `fl_value_*` constructors return a new reference; getters lend; arguments are borrowed, except where the
 * name ends in `_take`, which takes the reference over (also on failure). Integers are 64-bit; other numbers are finite
 * doubles and print in the shortest form that reads back equal (ECMAScript's Number::toString order of digits). */
#pragma once
#include <fairlead/error.h>
#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct fl_value;

enum fl_type { FL_NULL, FL_BOOL, FL_INT, FL_DOUBLE, FL_STRING, FL_ARRAY, FL_OBJECT };

FL_API struct fl_value *fl_value_ref(struct fl_value *value); /* NULL allowed; returns its argument */
FL_API void fl_value_unref(struct fl_value *value);           /* NULL allowed */
static inline void fl_value_unrefp(struct fl_value **value) { fl_value_unref(*value); }
#define FL_VALUE_AUTO __attribute__((cleanup(fl_value_unrefp))) struct fl_value *

/* Constructors. Strings must be UTF-8; an invalid byte becomes U+FFFD. A double that is not finite becomes null. */
FL_API struct fl_value *fl_null(void);
FL_API struct fl_value *fl_bool(bool value);
FL_API struct fl_value *fl_int(int64_t value);
FL_API struct fl_value *fl_double(double value);
FL_API struct fl_value *fl_string(const char *text);
FL_API struct fl_value *fl_string_n(const char *text, size_t size);
FL_API struct fl_value *fl_stringf(const char *format, ...) FL_PRINTF(1, 2);
FL_API struct fl_value *fl_array(void);
FL_API struct fl_value *fl_object(void);

/* What a value is. NULL is of type FL_NULL, so absent members read as null. */
FL_API enum fl_type fl_type_of(const struct fl_value *value);
FL_API const char *fl_type_name(enum fl_type type); /* "null", "boolean", "integer", "number", "string", "array",
    "object" */
static inline bool fl_is(const struct fl_value *value, enum fl_type type) { return fl_type_of(value) == type; }
static inline bool fl_is_number(const struct fl_value *value) {
  return fl_is(value, FL_INT) || fl_is(value, FL_DOUBLE);
}

/* Readers: the value when the type fits, otherwise the fallback. fl_as_double converts an integer; fl_as_int converts a
 * double that is a whole number within range. fl_as_string returns NULL for anything but a string. */
FL_API bool fl_as_bool(const struct fl_value *value, bool fallback);
FL_API int64_t fl_as_int(const struct fl_value *value, int64_t fallback);
FL_API double fl_as_double(const struct fl_value *value, double fallback);
FL_API const char *fl_as_string(const struct fl_value *value);
FL_API size_t fl_string_size(const struct fl_value *value); /* bytes; 0 for anything but a string */

/* Arrays and objects. size: elements or members, 0 for anything else. at/get lend, NULL when absent. */
FL_API size_t fl_size(const struct fl_value *value);
FL_API struct fl_value *fl_at(const struct fl_value *array, size_t index);
FL_API struct fl_value *fl_get(const struct fl_value *object, const char *key);
FL_API struct fl_value *fl_get_n(const struct fl_value *object, const char *key, size_t key_size);
FL_API const char *fl_get_string(const struct fl_value *object, const char *key, const char *fallback);
FL_API int64_t fl_get_int(const struct fl_value *object, const char *key, int64_t fallback);
FL_API double fl_get_double(const struct fl_value *object, const char *key, double fallback);
FL_API bool fl_get_bool(const struct fl_value *object, const char *key, bool fallback);

/* Members in insertion order: struct fl_member m = {0}; while (fl_next_member(object, &m)) use m.key, m.value (lent).
 * */
struct fl_member {
  const char *key;
  size_t key_size;
  struct fl_value *value;
  void *cursor;
};
FL_API bool fl_next_member(const struct fl_value *object, struct fl_member *member);

/* Building. The container must be the caller's alone. A NULL value stands for null. */
FL_API void fl_append_take(struct fl_value *array, struct fl_value *value);
FL_API void fl_set_take(struct fl_value *object, const char *key, struct fl_value *value);
FL_API void fl_set_take_n(struct fl_value *object, const char *key, size_t key_size, struct fl_value *value);
FL_API void fl_set_string(struct fl_value *object, const char *key, const char *text);
FL_API void fl_set_int(struct fl_value *object, const char *key, int64_t value);
FL_API void fl_set_bool(struct fl_value *object, const char *key, bool value);
FL_API void fl_unset(struct fl_value *object, const char *key);

/* A new container with the same members (the members themselves are shared): the way to change a published value. */
FL_API struct fl_value *fl_copy_shallow(const struct fl_value *value);

/* Deep equality; 1 and 1.0 are equal, member order does not count. */
FL_API bool fl_equal(const struct fl_value *a, const struct fl_value *b);

/* Strict JSON text to value: UTF-8, no duplicate keys, no NUL, depth at most 128, integers within 64 bits. The error
 * names line and column. `text` need not be terminated. Errors: FL_E_SYNTAX, FL_E_LIMIT. */
FL_API int fl_parse(const char *text, size_t size, struct fl_value **ret_value, struct fl_error *err);

/* Compact text of a value, terminated; the caller frees it with fl_text_free. ret_size may be NULL. A whole double
 * keeps its type ("1.0"). NULL when the value is nested deeper than 2,048, which no text can be. */
FL_API char *fl_dump(const struct fl_value *value, size_t *ret_size);
FL_API void fl_text_free(char *text);

#ifdef __cplusplus
}
#endif
