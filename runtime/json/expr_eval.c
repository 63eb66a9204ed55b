/* SPDX-License-Identifier: MIT */
/* Evaluation of the tree: one function per kind of node, on variables that own what they hold. Recursion is bounded by
 * the depth of the tree. Pure. */
#include "runtime/json/expr_internal.h"

#include "runtime/json/json.h"

#include <math.h>
#include <stdio.h>

/* ---- errors and budgets ---- */

static int fail_with(struct fl_eval *eval, const struct fl_expr_node *node, int code, const char *format, va_list args)
    FL_PRINTF(4, 0);
static int fail_with(struct fl_eval *eval, const struct fl_expr_node *node, int code, const char *format,
                     va_list args) {
  if (eval->err == NULL) return code;
  char message[FL_ERROR_TEXT_MAX - 32];
  vsnprintf(message, sizeof message, format, args);
  return fl_error_set(eval->err, code, "column %u: %s", fl_expr_column(fl_slice_of(eval->expr->text), node->offset),
                      message);
}

int fl_eval_fail(struct fl_eval *eval, const struct fl_expr_node *node, const char *format, ...) {
  va_list args;
  va_start(args, format);
  int rc = fail_with(eval, node, FL_E_EXPRESSION, format, args);
  va_end(args);
  return rc;
}

static int fail_limit(struct fl_eval *eval, const struct fl_expr_node *node, const char *format, ...) FL_PRINTF(3, 4);
static int fail_limit(struct fl_eval *eval, const struct fl_expr_node *node, const char *format, ...) {
  va_list args;
  va_start(args, format);
  int rc = fail_with(eval, node, FL_E_LIMIT, format, args);
  va_end(args);
  return rc;
}

int fl_eval_charge(struct fl_eval *eval, const struct fl_expr_node *node, size_t steps) {
  if (steps <= FL_EXPR_STEPS_MAX && eval->steps <= FL_EXPR_STEPS_MAX - steps) {
    eval->steps += steps;
    return 0;
  }
  return fail_limit(eval, node, "the evaluation takes more than %d steps; read less of the state", FL_EXPR_STEPS_MAX);
}

int fl_eval_spend(struct fl_eval *eval, const struct fl_expr_node *node, size_t bytes) {
  if (bytes <= FL_EXPR_OUTPUT_MAX && eval->output <= FL_EXPR_OUTPUT_MAX - bytes) {
    eval->output += bytes;
    return 0;
  }
  return fail_limit(eval, node, "the evaluation builds more than %d MB of values", FL_EXPR_OUTPUT_MAX / 1024 / 1024);
}

void fl_eval_keep_error(struct fl_eval *eval, struct fl_kept_error *kept, int code) {
  if (kept->code != 0) return;
  kept->code = code;
  if (eval->err != NULL) kept->text = fl_strdup(eval->err->text);
}

int fl_eval_throw_kept(struct fl_eval *eval, struct fl_kept_error *kept) {
  return fl_error_set(eval->err, kept->code, "%s", kept->text != NULL ? kept->text : "");
}

/* ---- making results ---- */

int fl_eval_string(struct fl_eval *eval, const struct fl_expr_node *node, fl_slice text, struct fl_var *ret) {
  int rc = fl_eval_spend(eval, node, text.size + 16);
  if (rc < 0) return rc;
  ret->value = fl_string_n(text.size > 0 ? text.data : "", text.size);
  return 0;
}

int fl_eval_double(struct fl_eval *eval, const struct fl_expr_node *node, double number, struct fl_var *ret) {
  if (!isfinite(number)) return fl_eval_fail(eval, node, "the result is too large for a double");
  ret->value = fl_double(number);
  return 0;
}

int fl_eval_to_value(struct fl_eval *eval, const struct fl_expr_node *node, const struct fl_var *var,
                     struct fl_value **ret_value) {
  if (var->list == NULL) {
    *ret_value = var->value != NULL ? fl_value_ref(var->value) : fl_null();
    return 0;
  }
  int rc = fl_eval_spend(eval, node, fl_list_size(var->list) * sizeof(void *));
  if (rc < 0) return rc;
  *ret_value = fl_list_to_array(var->list);
  return 0;
}

const char *fl_var_type_name(const struct fl_var *var) {
  if (var->list != NULL) return "list";
  switch (fl_type_of(var->value)) {
  case FL_NULL: return "null_type";
  case FL_BOOL: return "bool";
  case FL_INT: return "int";
  case FL_DOUBLE: return "double";
  case FL_STRING: return "string";
  case FL_ARRAY: return "list";
  case FL_OBJECT: return "map";
  }
  return "dyn";
}

/* ---- kinds of nodes ---- */

static int eval_literal(struct fl_eval *eval, const struct fl_expr_node *node, struct fl_var *ret) {
  ret->value = fl_value_ref(node->literal);
  return 0;
}

static int eval_local(struct fl_eval *eval, const struct fl_expr_node *node, struct fl_var *ret) {
  ret->value = fl_value_ref(eval->locals[node->local_index].value);
  return 0;
}

static int fail_name(struct fl_eval *eval, const struct fl_expr_node *node) {
  const struct fl_expr_env *env = eval->env;
  size_t scope_count = 0;
  for (; env != NULL && env->scopes != NULL && env->scopes[scope_count] != NULL; scope_count++) {
    if (strcmp(env->scopes[scope_count], node->name) == 0)
      return fl_eval_fail(eval, node, "\"%s\" is not a value by itself; write %s.NAME", node->name, node->name);
  }
  const char *nearest = scope_count > 0 ? fl_nearest(node->name, env->scopes, scope_count) : NULL;
  if (nearest != NULL)
    return fl_eval_fail(eval, node, "there is no \"%s\" here; did you mean \"%s\"?", node->name, nearest);
  return fl_eval_fail(eval, node, "there is no \"%s\" here", node->name);
}

/* The names of types (int, list, …) are words of the language; a name of the environment comes first. */
static int eval_name(struct fl_eval *eval, const struct fl_expr_node *node, struct fl_var *ret) {
  const struct fl_expr_env *env = eval->env;
  struct fl_var var = {0};
  if (env != NULL && env->lookup != NULL) var = env->lookup(node->name, env->user);
  if (var.value == NULL && var.list == NULL) {
    if (!fl_expr_is_type_name(node->name)) return fail_name(eval, node);
    ret->value = fl_string(node->name);
    return 0;
  }
  *ret = (struct fl_var){fl_value_ref(var.value), var.list != NULL ? fl_list_ref(var.list) : NULL};
  return 0;
}

static int eval_list(struct fl_eval *eval, const struct fl_expr_node *node, struct fl_var *ret) {
  int rc = fl_eval_spend(eval, node, 64 + node->arg_count * 16);
  if (rc < 0) return rc;
  FL_VALUE_AUTO array = fl_array();
  for (size_t i = 0; i < node->arg_count; i++) {
    FL_VAR_AUTO element = {0};
    struct fl_value *value = NULL;
    if ((rc = fl_eval_node(eval, node->args[i], &element)) < 0) return rc;
    if ((rc = fl_eval_to_value(eval, node->args[i], &element, &value)) < 0) return rc;
    fl_append_take(array, value);
  }
  ret->value = fl_value_ref(array);
  return 0;
}

static int set_entry(struct fl_eval *eval, const struct fl_expr_node *const *pair, struct fl_value *object) {
  FL_VAR_AUTO key = {0};
  FL_VAR_AUTO element = {0};
  struct fl_value *value = NULL;
  int rc = fl_eval_node(eval, pair[0], &key);
  if (rc < 0 || (rc = fl_eval_node(eval, pair[1], &element)) < 0) return rc;
  if (!fl_is(key.value, FL_STRING))
    return fl_eval_fail(eval, pair[0], "the keys of a map are strings, not %s", fl_var_type_name(&key));
  fl_slice text = fl_var_text(&key);
  if (fl_get_n(object, text.data, text.size) != NULL)
    return fl_eval_fail(eval, pair[0], "the key \"%s\" is there twice", text.data);
  if ((rc = fl_eval_to_value(eval, pair[1], &element, &value)) < 0) return rc;
  fl_set_take_n(object, text.data, text.size, value);
  return 0;
}

static int eval_map(struct fl_eval *eval, const struct fl_expr_node *node, struct fl_var *ret) {
  int rc = fl_eval_spend(eval, node, 128 + node->arg_count * 32);
  if (rc < 0) return rc;
  FL_VALUE_AUTO object = fl_object();
  for (size_t i = 0; i < node->arg_count; i += 2) {
    if ((rc = set_entry(eval, (const struct fl_expr_node *const *)&node->args[i], object)) < 0) return rc;
  }
  ret->value = fl_value_ref(object);
  return 0;
}

int fl_eval_bool_node(struct fl_eval *eval, const struct fl_expr_node *node, const char *what, bool *ret_value) {
  FL_VAR_AUTO result = {0};
  int rc = fl_eval_node(eval, node, &result);
  if (rc < 0) return rc;
  if (!fl_is(result.value, FL_BOOL))
    return fl_eval_fail(eval, node, "%s must be true or false, not %s", what, fl_var_type_name(&result));
  *ret_value = fl_as_bool(result.value, false);
  return 0;
}

static int eval_not(struct fl_eval *eval, const struct fl_expr_node *node, struct fl_var *ret) {
  bool value;
  int rc = fl_eval_bool_node(eval, node->args[0], "what ! negates", &value);
  if (rc == 0) ret->value = fl_bool(!value);
  return rc;
}

static int eval_negate(struct fl_eval *eval, const struct fl_expr_node *node, struct fl_var *ret) {
  FL_VAR_AUTO operand = {0};
  int rc = fl_eval_node(eval, node->args[0], &operand);
  if (rc < 0) return rc;
  if (fl_is(operand.value, FL_DOUBLE)) return fl_eval_double(eval, node, -fl_as_double(operand.value, 0), ret);
  if (!fl_is(operand.value, FL_INT)) return fl_eval_fail(eval, node, "cannot negate %s", fl_var_type_name(&operand));
  int64_t result;
  if (__builtin_sub_overflow((int64_t)0, fl_as_int(operand.value, 0), &result))
    return fl_eval_fail(eval, node, "the result does not fit in a 64-bit integer");
  ret->value = fl_int(result);
  return 0;
}

/* CEL's && and ||: commutative. One side that decides absorbs an error on the other, whichever comes first. */
static int eval_logic(struct fl_eval *eval, const struct fl_expr_node *node, struct fl_var *ret) {
  FL_KEPT_ERROR_AUTO kept = {0};
  bool decisive = node->kind == FL_EXPR_OR;
  for (size_t i = 0; i < node->arg_count; i++) {
    bool value = !decisive;
    int rc = fl_eval_bool_node(eval, node->args[i], decisive ? "what || joins" : "what && joins", &value);
    if (rc == FL_E_LIMIT) return rc;
    if (rc < 0) fl_eval_keep_error(eval, &kept, rc);
    if (value != decisive) continue;
    ret->value = fl_bool(decisive);
    return 0;
  }
  if (kept.code != 0) return fl_eval_throw_kept(eval, &kept);
  ret->value = fl_bool(!decisive);
  return 0;
}

static int eval_condition(struct fl_eval *eval, const struct fl_expr_node *node, struct fl_var *ret) {
  bool value;
  int rc = fl_eval_bool_node(eval, node->args[0], "what stands before ?", &value);
  return rc < 0 ? rc : fl_eval_node(eval, node->args[value ? 1 : 2], ret);
}

static int eval_call(struct fl_eval *eval, const struct fl_expr_node *node, struct fl_var *ret) {
  struct fl_var args[FL_EXPR_ARG_MAX] = {0};
  int rc = 0;
  for (size_t i = 0; i < node->arg_count && rc == 0; i++) rc = fl_eval_node(eval, node->args[i], &args[i]);
  if (rc == 0) rc = node->function->call(eval, node, args, node->arg_count, ret);
  for (size_t i = 0; i < node->arg_count; i++) fl_var_release(&args[i]);
  return rc;
}

int fl_eval_node(struct fl_eval *eval, const struct fl_expr_node *node, struct fl_var *ret) {
  int rc = fl_eval_charge(eval, node, 1);
  if (rc < 0) return rc;
  switch (node->kind) {
  case FL_EXPR_LITERAL: return eval_literal(eval, node, ret);
  case FL_EXPR_NAME: return eval_name(eval, node, ret);
  case FL_EXPR_LOCAL: return eval_local(eval, node, ret);
  case FL_EXPR_SELECT:
  case FL_EXPR_HAS:
  case FL_EXPR_INDEX: return fl_eval_member(eval, node, ret);
  case FL_EXPR_LIST: return eval_list(eval, node, ret);
  case FL_EXPR_MAP: return eval_map(eval, node, ret);
  case FL_EXPR_NOT: return eval_not(eval, node, ret);
  case FL_EXPR_NEGATE: return eval_negate(eval, node, ret);
  case FL_EXPR_BINARY: return fl_eval_binary(eval, node, ret);
  case FL_EXPR_AND:
  case FL_EXPR_OR: return eval_logic(eval, node, ret);
  case FL_EXPR_CONDITION: return eval_condition(eval, node, ret);
  case FL_EXPR_CALL: return eval_call(eval, node, ret);
  case FL_EXPR_FOLD: return fl_eval_fold(eval, node, ret);
  }
  return fl_eval_fail(eval, node, "this operation is not known");
}
