/* SPDX-License-Identifier: MIT */
/* The table of functions, and those on any type: sizes, conversions, the ends of lists, least and greatest. Pure. */
#include "runtime/json/expr_internal.h"

#include "runtime/json/json.h"
#include "runtime/json/number.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

static size_t code_point_count(fl_slice text) {
  size_t count = 0;
  for (size_t i = 0; i < text.size; i++) count += ((unsigned char)text.data[i] & 0xc0) != 0x80;
  return count;
}

static int call_size(struct fl_eval *eval, const struct fl_expr_node *node, struct fl_var *args, size_t arg_count,
                     struct fl_var *ret) {
  if (fl_is(args[0].value, FL_STRING)) {
    int rc = fl_eval_charge(eval, node, fl_string_size(args[0].value) / 64);
    if (rc < 0) return rc;
    ret->value = fl_int((int64_t)code_point_count(fl_var_text(&args[0])));
    return 0;
  }
  if (!fl_var_is_list(&args[0]) && !fl_is(args[0].value, FL_OBJECT))
    return fl_eval_fail(eval, node, "size() is for strings, lists and maps, not for %s", fl_var_type_name(&args[0]));
  ret->value = fl_int((int64_t)fl_var_size(&args[0]));
  return 0;
}

static int call_last(struct fl_eval *eval, const struct fl_expr_node *node, struct fl_var *args, size_t arg_count,
                     struct fl_var *ret) {
  if (!fl_var_is_list(&args[0]))
    return fl_eval_fail(eval, node, "last() is for lists, not for %s", fl_var_type_name(&args[0]));
  size_t size = fl_var_size(&args[0]);
  if (size == 0) return fl_eval_fail(eval, node, "last() of an empty list");
  ret->value = fl_value_ref(fl_var_at(&args[0], size - 1));
  return 0;
}

/* The calls of the last assistant's message that no tool's message after it answers. */
static int call_pending(struct fl_eval *eval, const struct fl_expr_node *node, struct fl_var *args, size_t arg_count,
                        struct fl_var *ret) {
  if (!fl_var_is_list(&args[0]))
    return fl_eval_fail(eval, node, "pending_calls() is for lists of messages, not for %s",
                        fl_var_type_name(&args[0]));
  size_t size = fl_var_size(&args[0]), at = size;
  while (at > 0 && strcmp(fl_get_string(fl_var_at(&args[0], at - 1), "role", ""), "assistant") != 0) at--;
  const struct fl_value *calls = at > 0 ? fl_get(fl_var_at(&args[0], at - 1), "tool_calls") : NULL;
  int rc = fl_eval_charge(eval, node, (size - at + 1) * (fl_size(calls) + 1));
  if (rc < 0) return rc;
  ret->value = fl_array();
  for (size_t i = 0; i < fl_size(calls); i++) {
    const struct fl_value *id = fl_get(fl_at(calls, i), "id");
    bool is_open = true;
    for (size_t j = at; id != NULL && j < size && is_open; j++)
      is_open = !fl_equal(fl_get(fl_var_at(&args[0], j), "tool_call_id"), id);
    if (is_open) fl_append_take(ret->value, fl_value_ref(fl_at(calls, i)));
  }
  return 0;
}

static int call_type(struct fl_eval *eval, const struct fl_expr_node *node, struct fl_var *args, size_t arg_count,
                     struct fl_var *ret) {
  ret->value = fl_string(fl_var_type_name(&args[0]));
  return 0;
}

static int call_dyn(struct fl_eval *eval, const struct fl_expr_node *node, struct fl_var *args, size_t arg_count,
                    struct fl_var *ret) {
  *ret = args[0];
  args[0] = (struct fl_var){0};
  return 0;
}

/* ---- conversions ---- */

/* Lists and maps become JSON text: ours. */
static int call_string(struct fl_eval *eval, const struct fl_expr_node *node, struct fl_var *args, size_t arg_count,
                       struct fl_var *ret) {
  if (fl_is(args[0].value, FL_STRING)) return call_dyn(eval, node, args, arg_count, ret);
  if (fl_is(args[0].value, FL_DOUBLE)) {
    char text[32];
    size_t size = fl_json_format_double(fl_as_double(args[0].value, 0), text);
    return fl_eval_string(eval, node, fl_slice_n(text, size), ret);
  }
  FL_VALUE_AUTO value = NULL;
  int rc = fl_eval_to_value(eval, node, &args[0], &value);
  if (rc < 0) return rc;
  FL_BUF_AUTO text;
  fl_buf_init(&text, FL_EXPR_OUTPUT_MAX);
  if (fl_json_write(&text, value, FL_JSON_COMPACT) < 0) return fl_eval_spend(eval, node, FL_EXPR_OUTPUT_MAX + 1);
  rc = fl_eval_charge(eval, node, text.size / 64);
  return rc < 0 ? rc : fl_eval_string(eval, node, fl_buf_slice(&text), ret);
}

static int fail_conversion(struct fl_eval *eval, const struct fl_expr_node *node, const char *to,
                           const struct fl_var *arg) {
  const char *text = fl_as_string(arg->value);
  if (text == NULL) return fl_eval_fail(eval, node, "%s() does not convert %s", to, fl_var_type_name(arg));
  return fl_eval_fail(eval, node, "\"%.40s\" is not %s", text,
                      strcmp(to, "int") == 0    ? "an integer of 64 bits"
                      : strcmp(to, "bool") == 0 ? "true or false"
                                                : "a number");
}

static bool parse_int(const char *text, int64_t *ret_number) {
  const char *digits = text + (text[0] == '-');
  if (digits[0] == '\0' || digits[strspn(digits, "0123456789")] != '\0') return false;
  errno = 0;
  *ret_number = strtoll(text, NULL, 10);
  return errno == 0;
}

static int call_int(struct fl_eval *eval, const struct fl_expr_node *node, struct fl_var *args, size_t arg_count,
                    struct fl_var *ret) {
  if (fl_is(args[0].value, FL_INT)) return call_dyn(eval, node, args, arg_count, ret);
  int64_t number = 0;
  if (fl_is(args[0].value, FL_DOUBLE)) {
    double whole = trunc(fl_as_double(args[0].value, 0));
    if (whole <= -9223372036854775808.0 || whole >= 9223372036854775808.0)
      return fl_eval_fail(eval, node, "the number does not fit in a 64-bit integer");
    number = (int64_t)whole;
  } else if (!fl_is(args[0].value, FL_STRING) || !parse_int(fl_as_string(args[0].value), &number)) {
    return fail_conversion(eval, node, "int", &args[0]);
  }
  ret->value = fl_int(number);
  return 0;
}

static int call_double(struct fl_eval *eval, const struct fl_expr_node *node, struct fl_var *args, size_t arg_count,
                       struct fl_var *ret) {
  double number = 0;
  if (fl_is_number(args[0].value)) number = fl_as_double(args[0].value, 0);
  else if (!fl_is(args[0].value, FL_STRING) || !fl_number_from_text(fl_as_string(args[0].value), &number))
    return fail_conversion(eval, node, "double", &args[0]);
  ret->value = fl_double(number);
  return 0;
}

static int call_bool(struct fl_eval *eval, const struct fl_expr_node *node, struct fl_var *args, size_t arg_count,
                     struct fl_var *ret) {
  static const char *const words[] = {"false", "true", "False", "True", "FALSE", "TRUE", "f", "t", "0", "1"};
  if (fl_is(args[0].value, FL_BOOL)) return call_dyn(eval, node, args, arg_count, ret);
  for (size_t i = 0; fl_is(args[0].value, FL_STRING) && i < sizeof words / sizeof *words; i++) {
    if (strcmp(fl_as_string(args[0].value), words[i]) != 0) continue;
    ret->value = fl_bool(i % 2 == 1);
    return 0;
  }
  return fail_conversion(eval, node, "bool", &args[0]);
}

/* ---- least and greatest: min(list), min(a, b, …) ---- */

static int pick(struct fl_eval *eval, const struct fl_expr_node *node, const struct fl_var *items, size_t count,
                struct fl_var *ret) {
  int wanted = strcmp(node->function->name, "max") == 0 ? 1 : -1;
  const struct fl_var *best = &items[0];
  for (size_t i = 1; i < count; i++) {
    int order = 0;
    int rc = fl_eval_compare(eval, node, &items[i], best, &order);
    if (rc < 0) return rc;
    if (order == wanted) best = &items[i];
  }
  int self = 0;
  int rc = fl_eval_compare(eval, node, best, best, &self); /* also one element alone must have an order */
  if (rc == 0) ret->value = fl_value_ref(best->value);
  return rc;
}

static int call_extreme(struct fl_eval *eval, const struct fl_expr_node *node, struct fl_var *args, size_t arg_count,
                        struct fl_var *ret) {
  if (arg_count > 1) return pick(eval, node, args, arg_count, ret);
  const char *name = node->function->name;
  if (!fl_var_is_list(&args[0])) return fl_eval_fail(eval, node, "%s() takes a list or several values", name);
  size_t size = fl_var_size(&args[0]);
  if (size == 0) return fl_eval_fail(eval, node, "%s() of an empty list", name);
  int rc = fl_eval_charge(eval, node, size);
  if (rc < 0) return rc;
  FL_FREE_AUTO struct fl_var *items = fl_new_array(struct fl_var, size);
  for (size_t i = 0; i < size; i++) items[i].value = fl_var_at(&args[0], i);
  return pick(eval, node, items, size, ret);
}

/* ---- the table ---- */

static const struct fl_expr_function functions[] = {
    {"size", true, true, 1, 1, call_size},
    {"last", true, true, 1, 1, call_last},
    {"pending_calls", true, false, 1, 1, call_pending},
    {"min", true, false, 1, FL_EXPR_ARG_MAX, call_extreme},
    {"max", true, false, 1, FL_EXPR_ARG_MAX, call_extreme},
    {"type", true, false, 1, 1, call_type},
    {"dyn", true, false, 1, 1, call_dyn},
    {"string", true, false, 1, 1, call_string},
    {"int", true, false, 1, 1, call_int},
    {"double", true, false, 1, 1, call_double},
    {"bool", true, false, 1, 1, call_bool},
    {"matches", true, true, 2, 2, fl_expr_matches},
    {"startsWith", false, true, 2, 2, fl_expr_starts_with},
    {"endsWith", false, true, 2, 2, fl_expr_ends_with},
    {"contains", false, true, 2, 2, fl_expr_contains},
    {"lowerAscii", false, true, 1, 1, fl_expr_lower_ascii},
    {"upperAscii", false, true, 1, 1, fl_expr_upper_ascii},
    {"trim", false, true, 1, 1, fl_expr_trim},
    {"split", false, true, 2, 3, fl_expr_split},
    {"join", false, true, 1, 2, fl_expr_join},
    {"replace", false, true, 3, 4, fl_expr_replace},
    {"substring", false, true, 2, 3, fl_expr_substring},
    {"indexOf", false, true, 2, 2, fl_expr_index_of},
};
enum { FUNCTION_COUNT = sizeof functions / sizeof *functions };

/* Words of the grammar, for suggestions only. */
static const char *const macro_names[] = {"has", "all", "exists", "exists_one", "filter", "map"};
enum { MACRO_COUNT = sizeof macro_names / sizeof *macro_names };

const struct fl_expr_function *fl_expr_function_find(const char *name, bool is_method, const char **ret_nearest) {
  const char *names[FUNCTION_COUNT + MACRO_COUNT];
  for (size_t i = 0; i < FUNCTION_COUNT; i++) {
    const struct fl_expr_function *function = &functions[i];
    if (strcmp(function->name, name) == 0 && (is_method ? function->is_method : function->is_global)) return function;
    names[i] = function->name;
  }
  memcpy(names + FUNCTION_COUNT, macro_names, sizeof macro_names);
  if (ret_nearest != NULL) *ret_nearest = fl_nearest(name, names, FUNCTION_COUNT + MACRO_COUNT);
  return NULL;
}

bool fl_expr_is_type_name(const char *name) {
  static const char *const names[] = {"int", "double", "string", "bool", "list", "map", "null_type"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    if (strcmp(name, names[i]) == 0) return true;
  }
  return false;
}
