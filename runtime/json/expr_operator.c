/* SPDX-License-Identifier: MIT */
/* Arithmetic, comparison and membership. Integers are 64-bit and overflow is an error; with a double beside it an
 * integer becomes one, but comparison of the two is exact. Pure. */
#include "runtime/json/expr_internal.h"

#include <math.h>

/* ---- order and equality ---- */

static int sign_of(double a, double b) { return a < b ? -1 : a > b; }

/* Exact also where the double does not hold the integer: compares whole parts as integers, then the fraction. */
static int compare_int_double(int64_t a, double b) {
  if (b >= 9223372036854775808.0) return -1;
  if (b < -9223372036854775808.0) return 1;
  int64_t whole = (int64_t)b;
  if (a != whole) return a < whole ? -1 : 1;
  return sign_of(0, b - (double)whole);
}

static int compare_numbers(const struct fl_value *a, const struct fl_value *b) {
  if (fl_is(a, FL_INT) && fl_is(b, FL_INT)) {
    int64_t x = fl_as_int(a, 0), y = fl_as_int(b, 0);
    return x < y ? -1 : x > y;
  }
  if (fl_is(a, FL_INT)) return compare_int_double(fl_as_int(a, 0), fl_as_double(b, 0));
  if (fl_is(b, FL_INT)) return -compare_int_double(fl_as_int(b, 0), fl_as_double(a, 0));
  return sign_of(fl_as_double(a, 0), fl_as_double(b, 0));
}

/* By code points, which is by bytes in UTF-8. */
static int compare_text(fl_slice a, fl_slice b) {
  size_t size = a.size < b.size ? a.size : b.size;
  int order = size > 0 ? memcmp(a.data, b.data, size) : 0;
  if (order == 0) return a.size < b.size ? -1 : a.size > b.size;
  return order < 0 ? -1 : 1;
}

int fl_eval_compare(struct fl_eval *eval, const struct fl_expr_node *node, const struct fl_var *a,
                    const struct fl_var *b, int *ret_order) {
  if (fl_is_number(a->value) && fl_is_number(b->value)) {
    *ret_order = compare_numbers(a->value, b->value);
  } else if (fl_is(a->value, FL_STRING) && fl_is(b->value, FL_STRING)) {
    int rc = fl_eval_charge(eval, node, fl_string_size(a->value) / 64);
    if (rc < 0) return rc;
    *ret_order = compare_text(fl_var_text(a), fl_var_text(b));
  } else if (fl_is(a->value, FL_BOOL) && fl_is(b->value, FL_BOOL)) {
    *ret_order = (int)fl_as_bool(a->value, false) - (int)fl_as_bool(b->value, false);
  } else {
    return fl_eval_fail(eval, node, "%s and %s have no order", fl_var_type_name(a), fl_var_type_name(b));
  }
  return 0;
}

static int equal_lists(struct fl_eval *eval, const struct fl_expr_node *node, const struct fl_var *a,
                       const struct fl_var *b, bool *ret_equal) {
  size_t size = fl_var_size(a);
  bool equal = size == fl_var_size(b);
  for (size_t i = 0; i < size && equal; i++) {
    struct fl_var x = {.value = fl_var_at(a, i)}, y = {.value = fl_var_at(b, i)};
    int rc = fl_eval_equal(eval, node, &x, &y, &equal);
    if (rc < 0) return rc;
  }
  *ret_equal = equal;
  return 0;
}

static int equal_maps(struct fl_eval *eval, const struct fl_expr_node *node, const struct fl_value *a,
                      const struct fl_value *b, bool *ret_equal) {
  bool equal = fl_size(a) == fl_size(b);
  for (struct fl_member m = {0}; equal && fl_next_member(a, &m);) {
    struct fl_var x = {.value = m.value}, y = {.value = fl_get_n(b, m.key, m.key_size)};
    equal = y.value != NULL;
    int rc = equal ? fl_eval_equal(eval, node, &x, &y, &equal) : 0;
    if (rc < 0) return rc;
  }
  *ret_equal = equal;
  return 0;
}

/* Values of different types are not equal, except numbers. Recursion is bounded by the depth of values. */
int fl_eval_equal(struct fl_eval *eval, const struct fl_expr_node *node, const struct fl_var *a, const struct fl_var *b,
                  bool *ret_equal) {
  int rc = fl_eval_charge(eval, node, 1);
  if (rc < 0) return rc;
  if (fl_var_is_list(a) && fl_var_is_list(b)) return equal_lists(eval, node, a, b, ret_equal);
  if (a->list != NULL || b->list != NULL) {
    *ret_equal = false;
    return 0;
  }
  if (fl_is_number(a->value) && fl_is_number(b->value)) {
    *ret_equal = compare_numbers(a->value, b->value) == 0;
    return 0;
  }
  if (fl_type_of(a->value) != fl_type_of(b->value)) {
    *ret_equal = false;
    return 0;
  }
  if (fl_is(a->value, FL_OBJECT)) return equal_maps(eval, node, a->value, b->value, ret_equal);
  if (fl_is(a->value, FL_STRING)) {
    rc = fl_eval_charge(eval, node, fl_string_size(a->value) / 64);
    if (rc == 0) *ret_equal = fl_slice_equal(fl_var_text(a), fl_var_text(b));
    return rc;
  }
  *ret_equal = fl_is(a->value, FL_NULL) || fl_as_bool(a->value, false) == fl_as_bool(b->value, false);
  return 0;
}

/* ---- arithmetic ---- */

static const char *name_of_operator(int op) {
  switch (op) {
  case '+': return "add";
  case '-': return "subtract";
  case '*': return "multiply";
  case '/': return "divide";
  default: return "take the remainder of";
  }
}

static int calculate_ints(struct fl_eval *eval, const struct fl_expr_node *node, int64_t a, int64_t b,
                          struct fl_var *ret) {
  int64_t result = 0;
  bool overflow = false;
  if ((node->op == '/' || node->op == '%') && b == 0) return fl_eval_fail(eval, node, "division by zero");
  switch (node->op) {
  case '+': overflow = __builtin_add_overflow(a, b, &result); break;
  case '-': overflow = __builtin_sub_overflow(a, b, &result); break;
  case '*': overflow = __builtin_mul_overflow(a, b, &result); break;
  default:
    overflow = a == INT64_MIN && b == -1;
    if (!overflow) result = node->op == '/' ? a / b : a % b;
  }
  if (overflow) return fl_eval_fail(eval, node, "the result does not fit in a 64-bit integer");
  ret->value = fl_int(result);
  return 0;
}

static int calculate_doubles(struct fl_eval *eval, const struct fl_expr_node *node, double a, double b,
                             struct fl_var *ret) {
  switch (node->op) {
  case '+': return fl_eval_double(eval, node, a + b, ret);
  case '-': return fl_eval_double(eval, node, a - b, ret);
  case '*': return fl_eval_double(eval, node, a * b, ret);
  case '/': return b == 0 ? fl_eval_fail(eval, node, "division by zero") : fl_eval_double(eval, node, a / b, ret);
  default: return fl_eval_fail(eval, node, "the remainder is for integers");
  }
}

static int join_text(struct fl_eval *eval, const struct fl_expr_node *node, fl_slice a, fl_slice b,
                     struct fl_var *ret) {
  int rc = fl_eval_spend(eval, node, a.size + b.size);
  if (rc < 0) return rc;
  FL_BUF_AUTO text = {0};
  fl_buf_add(&text, a.data, a.size);
  fl_buf_add(&text, b.data, b.size);
  ret->value = fl_string_n(text.data, text.size);
  return 0;
}

static int join_lists(struct fl_eval *eval, const struct fl_expr_node *node, const struct fl_var *a,
                      const struct fl_var *b, struct fl_var *ret) {
  const struct fl_var *parts[] = {a, b};
  size_t count = fl_var_size(a) + fl_var_size(b);
  int rc = fl_eval_spend(eval, node, count * 16 + 64);
  if (rc < 0 || (rc = fl_eval_charge(eval, node, count / 16)) < 0) return rc;
  struct fl_value *array = fl_array();
  for (size_t p = 0; p < 2; p++) {
    for (size_t i = 0, size = fl_var_size(parts[p]); i < size; i++)
      fl_append_take(array, fl_value_ref(fl_var_at(parts[p], i)));
  }
  ret->value = array;
  return 0;
}

static int calculate(struct fl_eval *eval, const struct fl_expr_node *node, const struct fl_var *a,
                     const struct fl_var *b, struct fl_var *ret) {
  if (fl_is(a->value, FL_INT) && fl_is(b->value, FL_INT))
    return calculate_ints(eval, node, fl_as_int(a->value, 0), fl_as_int(b->value, 0), ret);
  if (fl_is_number(a->value) && fl_is_number(b->value))
    return calculate_doubles(eval, node, fl_as_double(a->value, 0), fl_as_double(b->value, 0), ret);
  if (node->op == '+' && fl_is(a->value, FL_STRING) && fl_is(b->value, FL_STRING))
    return join_text(eval, node, fl_var_text(a), fl_var_text(b), ret);
  if (node->op == '+' && fl_var_is_list(a) && fl_var_is_list(b)) return join_lists(eval, node, a, b, ret);
  bool has_text = node->op == '+' && (fl_is(a->value, FL_STRING) || fl_is(b->value, FL_STRING));
  return fl_eval_fail(eval, node, "cannot %s %s and %s%s", name_of_operator(node->op), fl_var_type_name(a),
                      fl_var_type_name(b), has_text ? "; string(x) makes a string" : "");
}

/* ---- the rest ---- */

static int test_order(struct fl_eval *eval, const struct fl_expr_node *node, const struct fl_var *a,
                      const struct fl_var *b, struct fl_var *ret) {
  int order = 0;
  int rc = fl_eval_compare(eval, node, a, b, &order);
  if (rc < 0) return rc;
  switch (node->op) {
  case '<': ret->value = fl_bool(order < 0); break;
  case '>': ret->value = fl_bool(order > 0); break;
  case FL_TOKEN_LESS_EQUAL: ret->value = fl_bool(order <= 0); break;
  default: ret->value = fl_bool(order >= 0);
  }
  return 0;
}

static int test_in(struct fl_eval *eval, const struct fl_expr_node *node, const struct fl_var *element,
                   const struct fl_var *range, struct fl_var *ret) {
  bool found = false;
  if (fl_is(range->value, FL_OBJECT)) {
    fl_slice key = fl_var_text(element);
    ret->value = fl_bool(key.data != NULL && fl_get_n(range->value, key.data, key.size) != NULL);
    return 0;
  }
  if (!fl_var_is_list(range))
    return fl_eval_fail(eval, node, "\"in\" looks into lists and maps, not into %s%s", fl_var_type_name(range),
                        fl_is(range->value, FL_STRING) ? "; for strings there is text.contains(part)" : "");
  for (size_t i = 0, size = fl_var_size(range); i < size && !found; i++) {
    struct fl_var candidate = {.value = fl_var_at(range, i)};
    int rc = fl_eval_equal(eval, node, element, &candidate, &found);
    if (rc < 0) return rc;
  }
  ret->value = fl_bool(found);
  return 0;
}

int fl_eval_binary(struct fl_eval *eval, const struct fl_expr_node *node, struct fl_var *ret) {
  FL_VAR_AUTO a = {0};
  FL_VAR_AUTO b = {0};
  bool equal = false;
  int rc = fl_eval_node(eval, node->args[0], &a);
  if (rc < 0 || (rc = fl_eval_node(eval, node->args[1], &b)) < 0) return rc;
  switch (node->op) {
  case FL_TOKEN_EQUAL:
  case FL_TOKEN_NOT_EQUAL:
    if ((rc = fl_eval_equal(eval, node, &a, &b, &equal)) == 0)
      ret->value = fl_bool(equal == (node->op == FL_TOKEN_EQUAL));
    return rc;
  case FL_TOKEN_IN: return test_in(eval, node, &a, &b, ret);
  case '<':
  case '>':
  case FL_TOKEN_LESS_EQUAL:
  case FL_TOKEN_GREATER_EQUAL: return test_order(eval, node, &a, &b, ret);
  default: return calculate(eval, node, &a, &b, ret);
  }
}
