/* SPDX-License-Identifier: MIT */
/* Expressions: a subset of CEL (Common Expression Language), parsed once, evaluated on values with a budget of steps
 * and of output bytes. Total: no loops but all/exists/filter/map over a finite list, no input, no output, no
 * environment. Pure.
 *
 * Ours beside CEL: last(list), negative list indices, mixed int and double arithmetic and comparison by promotion. */
#pragma once
#include "runtime/base/slice.h"
#include "runtime/json/list.h"

#include <fairlead/value.h>

enum {
  FL_EXPR_SIZE_MAX = 16 * 1024,
  FL_EXPR_DEPTH_MAX = 64,
  FL_EXPR_STEPS_MAX = 100000,
  FL_EXPR_OUTPUT_MAX = 4 * 1024 * 1024,
};

struct fl_expr;

/* What a name stands for: a value or a persistent list; both NULL: the name is unknown. Lent for the evaluation. */
struct fl_var {
  struct fl_value *value;
  struct fl_list *list;
};

/* The names an expression may use. `lookup` answers for a top-level name ("args"); a name that is a scope ("state") is
 * answered by `lookup_in` for its members, so that `state.messages` costs no copy of the state: `scopes` is the
 * NULL-terminated list of such names. has(state.x) asks the same way. */
struct fl_expr_env {
  struct fl_var (*lookup)(const char *name, void *user);
  struct fl_var (*lookup_in)(const char *scope, const char *name, void *user);
  const char *const *scopes;
  void *user;
};

/* Errors: FL_E_SYNTAX with the column, FL_E_LIMIT. */
int fl_expr_create(fl_slice text, struct fl_expr **ret_expr, struct fl_error *err);
void fl_expr_destroy(struct fl_expr *expr); /* NULL allowed */
const char *fl_expr_text(const struct fl_expr *expr);

/* Calls `visit` for each name that the expression reads freely: (scope or NULL, name, column), where
 * scope is what stands before the dot, be it a scope or a value: args.x gives ("args", "x"). For checks of graph files.
 * The names of types (int, double, string, bool, list, map, null_type) always have a meaning and are not visited. */
void fl_expr_visit_names(const struct fl_expr *expr,
                         void (*visit)(const char *scope, const char *name, size_t column, void *user), void *user);

/* A new reference. Errors: FL_E_EXPRESSION (unknown name, no such member, wrong types, division by zero, overflow, …:
 * the text says what and at which column), FL_E_LIMIT (budget). */
int fl_expr_eval(const struct fl_expr *expr, const struct fl_expr_env *env, struct fl_value **ret_value,
                 struct fl_error *err);

/* As fl_expr_eval for a condition: the result must be a boolean. */
int fl_expr_eval_bool(const struct fl_expr *expr, const struct fl_expr_env *env, bool *ret_value, struct fl_error *err);
