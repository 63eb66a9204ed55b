/* SPDX-License-Identifier: MIT */
/* Reducers of plain values: what a channel holds and what was written give what it holds next. Lists that grow are in
 * channel.c and messages.c. Pure. */
#include "graph/channel.h"
#include "runtime/base/buf.h"
#include "runtime/json/json.h"

#include <math.h>

static int refuse(enum fl_reducer reducer, const struct fl_value *held, const struct fl_value *written,
                  struct fl_error *err) {
  if (held == NULL)
    return fl_error_set(err, FL_E_INVALID, "its reducer %s does not take a value of type %s", fl_reducer_name(reducer),
                        fl_type_name(fl_type_of(written)));
  return fl_error_set(err, FL_E_INVALID, "its reducer %s cannot combine a value of type %s with one of type %s",
                      fl_reducer_name(reducer), fl_type_name(fl_type_of(held)), fl_type_name(fl_type_of(written)));
}

static int add_numbers(struct fl_value *held, struct fl_value *written, struct fl_value **ret_value,
                       struct fl_error *err) {
  if (!fl_is(held, FL_INT) || !fl_is(written, FL_INT)) {
    double total = fl_as_double(held, 0) + fl_as_double(written, 0);
    if (!isfinite(total))
      return fl_error_set(err, FL_E_LIMIT, "the sum does not fit a double"); /* JSON has no infinity */
    *ret_value = fl_double(total);
    return 0;
  }
  int64_t sum;
  if (__builtin_add_overflow(fl_as_int(held, 0), fl_as_int(written, 0), &sum))
    return fl_error_set(err, FL_E_LIMIT, "the sum does not fit 64 bits");
  *ret_value = fl_int(sum);
  return 0;
}

static struct fl_value *join_strings(struct fl_value *held, struct fl_value *written) {
  FL_BUF_AUTO text = {.limit = SIZE_MAX / 4};
  fl_buf_add(&text, fl_as_string(held), fl_string_size(held));
  fl_buf_add(&text, fl_as_string(written), fl_string_size(written));
  return fl_string_n(text.data != NULL ? text.data : "", text.size);
}

static struct fl_value *join_arrays(struct fl_value *held, struct fl_value *written) {
  struct fl_value *joined = fl_copy_shallow(held);
  for (size_t i = 0; i < fl_size(written); i++) fl_append_take(joined, fl_value_ref(fl_at(written, i)));
  return joined;
}

static int reduce_sum(struct fl_value *held, struct fl_value *written, struct fl_value **ret_value,
                      struct fl_error *err) {
  bool fits = fl_is_number(written) || fl_is(written, FL_STRING) || fl_is(written, FL_ARRAY);
  if (!fits) return refuse(FL_SUM, NULL, written, err);
  if (held == NULL) {
    *ret_value = fl_value_ref(written);
    return 0;
  }
  if (fl_is_number(held) && fl_is_number(written)) return add_numbers(held, written, ret_value, err);
  if (fl_is(held, FL_STRING) && fl_is(written, FL_STRING)) *ret_value = join_strings(held, written);
  else if (fl_is(held, FL_ARRAY) && fl_is(written, FL_ARRAY)) *ret_value = join_arrays(held, written);
  else return refuse(FL_SUM, held, written, err);
  return 0;
}

static int reduce_bool(enum fl_reducer reducer, struct fl_value *held, struct fl_value *written,
                       struct fl_value **ret_value, struct fl_error *err) {
  if (!fl_is(written, FL_BOOL)) return refuse(reducer, NULL, written, err);
  if (held != NULL && !fl_is(held, FL_BOOL)) return refuse(reducer, held, written, err);
  bool a = fl_as_bool(held, reducer == FL_AND), b = fl_as_bool(written, false);
  *ret_value = fl_bool(reducer == FL_AND ? a && b : a || b);
  return 0;
}

static int compare_texts(const struct fl_value *a, const struct fl_value *b) {
  size_t a_size = fl_string_size(a), b_size = fl_string_size(b);
  int order = memcmp(fl_as_string(a), fl_as_string(b), a_size < b_size ? a_size : b_size);
  return order != 0 ? order : (a_size > b_size) - (a_size < b_size);
}

static int compare_numbers(const struct fl_value *a, const struct fl_value *b) {
  if (fl_is(a, FL_INT) && fl_is(b, FL_INT))
    return (fl_as_int(a, 0) > fl_as_int(b, 0)) - (fl_as_int(a, 0) < fl_as_int(b, 0));
  return (fl_as_double(a, 0) > fl_as_double(b, 0)) - (fl_as_double(a, 0) < fl_as_double(b, 0));
}

static int reduce_extreme(enum fl_reducer reducer, struct fl_value *held, struct fl_value *written,
                          struct fl_value **ret_value, struct fl_error *err) {
  bool is_text = fl_is(written, FL_STRING);
  if (!is_text && !fl_is_number(written)) return refuse(reducer, NULL, written, err);
  if (held != NULL && fl_is(held, FL_STRING) != is_text) return refuse(reducer, held, written, err);
  if (held != NULL && !is_text && !fl_is_number(held)) return refuse(reducer, held, written, err);
  int order = held == NULL ? 0 : is_text ? compare_texts(written, held) : compare_numbers(written, held);
  bool takes = held == NULL || (reducer == FL_MIN ? order < 0 : order > 0);
  *ret_value = fl_value_ref(takes ? written : held);
  return 0;
}

static int reduce_merge(struct fl_value *held, struct fl_value *written, struct fl_value **ret_value,
                        struct fl_error *err) {
  if (!fl_is(written, FL_OBJECT)) return refuse(FL_MERGE, NULL, written, err);
  if (held != NULL && !fl_is(held, FL_OBJECT)) return refuse(FL_MERGE, held, written, err);
  FL_VALUE_AUTO empty = fl_object();
  *ret_value = fl_json_merge(held != NULL ? held : empty, written);
  return 0;
}

int fl_reduce(enum fl_reducer reducer, struct fl_value *held, struct fl_value *written, struct fl_value **ret_value,
              struct fl_error *err) {
  switch (reducer) {
  case FL_SUM: return reduce_sum(held, written, ret_value, err);
  case FL_AND:
  case FL_OR: return reduce_bool(reducer, held, written, ret_value, err);
  case FL_MIN:
  case FL_MAX: return reduce_extreme(reducer, held, written, ret_value, err);
  case FL_MERGE: return reduce_merge(held, written, ret_value, err);
  case FL_LAST:
  case FL_APPEND:
  case FL_ANY:
  case FL_EPHEMERAL:
  case FL_TOPIC:
  case FL_UNTRACKED:
  case FL_CUSTOM:
  case FL_MESSAGES: break;
  }
  *ret_value = fl_value_ref(written);
  return 0;
}
