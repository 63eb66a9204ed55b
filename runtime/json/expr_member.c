/* SPDX-License-Identifier: MIT */
/* Members, indices and has(): on maps, lists and scopes; and the operations that walk a list (all, exists, exists_one,
 * filter, map). A persistent list is read element by element, never copied. Pure. */
#include "runtime/json/expr_internal.h"

#include <inttypes.h>

enum { NEAREST_NAMES_MAX = 64 };

static int fail_member(struct fl_eval *eval, const struct fl_expr_node *node, const struct fl_value *object,
                       const char *name) {
  if (eval->err == NULL) return FL_E_EXPRESSION;
  const char *names[NEAREST_NAMES_MAX];
  size_t count = 0;
  for (struct fl_member m = {0}; count < NEAREST_NAMES_MAX && fl_next_member(object, &m);) names[count++] = m.key;
  const char *nearest = fl_nearest(name, names, count);
  if (nearest != NULL)
    return fl_eval_fail(eval, node, "the map has no member \"%s\"; did you mean \"%s\"?", name, nearest);
  return fl_eval_fail(eval, node, "the map has no member \"%s\"; has(…) asks whether there is one", name);
}

static const char *scope_of(const struct fl_eval *eval, const struct fl_expr_node *base) {
  const struct fl_expr_env *env = eval->env;
  if (base->kind != FL_EXPR_NAME || env == NULL || env->scopes == NULL || env->lookup_in == NULL) return NULL;
  for (size_t i = 0; env->scopes[i] != NULL; i++) {
    if (strcmp(env->scopes[i], base->name) == 0) return base->name;
  }
  return NULL;
}

/* has(a.b) answers whether; a.b and a["b"] give the member or fail. */
static int finish_member(struct fl_eval *eval, const struct fl_expr_node *node, struct fl_var member,
                         struct fl_var *ret) {
  if (node->kind == FL_EXPR_HAS) {
    ret->value = fl_bool(member.value != NULL || member.list != NULL);
    return 0;
  }
  *ret = (struct fl_var){fl_value_ref(member.value), member.list != NULL ? fl_list_ref(member.list) : NULL};
  return 0;
}

static int member_of_scope(struct fl_eval *eval, const struct fl_expr_node *node, const char *scope, const char *name,
                           struct fl_var *ret) {
  struct fl_var member = eval->env->lookup_in(scope, name, eval->env->user);
  if (member.value == NULL && member.list == NULL && node->kind != FL_EXPR_HAS)
    return fl_eval_fail(eval, node, "%s.%s has no value; has(%s.%s) asks whether it has", scope, name, scope, name);
  return finish_member(eval, node, member, ret);
}

static int member_of_var(struct fl_eval *eval, const struct fl_expr_node *node, const struct fl_var *base,
                         const char *name, struct fl_var *ret) {
  if (!fl_is(base->value, FL_OBJECT) || base->list != NULL)
    return fl_eval_fail(eval, node, "a member \"%s\" is asked of %s; only maps have members", name,
                        fl_var_type_name(base));
  struct fl_value *value = fl_get(base->value, name);
  if (value == NULL && node->kind != FL_EXPR_HAS) return fail_member(eval, node, base->value, name);
  return finish_member(eval, node, (struct fl_var){.value = value}, ret);
}

/* Whole doubles index lists too, as numbers of both kinds are equal. */
static int element_of_list(struct fl_eval *eval, const struct fl_expr_node *node, const struct fl_var *base,
                           const struct fl_var *index, struct fl_var *ret) {
  if (!fl_is_number(index->value) ||
      (fl_is(index->value, FL_DOUBLE) && fl_as_int(index->value, 0) != fl_as_double(index->value, 0)))
    return fl_eval_fail(eval, node, "the index of a list is a whole number, not %s", fl_var_type_name(index));
  int64_t at = fl_as_int(index->value, 0), size = (int64_t)fl_var_size(base);
  if (at < -size || at >= size)
    return fl_eval_fail(eval, node, "there is no element %" PRId64 ": the list has %" PRId64, at, size);
  ret->value = fl_value_ref(fl_var_at(base, (size_t)(at < 0 ? at + size : at)));
  return 0;
}

static int eval_index(struct fl_eval *eval, const struct fl_expr_node *node, struct fl_var *ret) {
  FL_VAR_AUTO base = {0};
  FL_VAR_AUTO index = {0};
  const char *scope = scope_of(eval, node->args[0]);
  int rc = scope != NULL ? 0 : fl_eval_node(eval, node->args[0], &base);
  if (rc < 0 || (rc = fl_eval_node(eval, node->args[1], &index)) < 0) return rc;
  if (scope == NULL && fl_var_is_list(&base)) return element_of_list(eval, node, &base, &index, ret);
  if (!fl_is(index.value, FL_STRING))
    return fl_eval_fail(eval, node, "%s cannot be indexed by %s", scope != NULL ? scope : fl_var_type_name(&base),
                        fl_var_type_name(&index));
  const char *name = fl_as_string(index.value);
  if (scope != NULL) return member_of_scope(eval, node, scope, name, ret);
  return member_of_var(eval, node, &base, name, ret);
}

int fl_eval_member(struct fl_eval *eval, const struct fl_expr_node *node, struct fl_var *ret) {
  if (node->kind == FL_EXPR_INDEX) return eval_index(eval, node, ret);
  const char *scope = scope_of(eval, node->args[0]);
  if (scope != NULL) return member_of_scope(eval, node, scope, node->name, ret);
  FL_VAR_AUTO base = {0};
  int rc = fl_eval_node(eval, node->args[0], &base);
  return rc < 0 ? rc : member_of_var(eval, node, &base, node->name, ret);
}

/* ---- walking lists ---- */

/* A map is walked by its keys. */
static int range_of(struct fl_eval *eval, const struct fl_expr_node *node, struct fl_var *range) {
  int rc = fl_eval_node(eval, node->args[0], range);
  if (rc < 0 || fl_var_is_list(range)) return rc;
  if (!fl_is(range->value, FL_OBJECT))
    return fl_eval_fail(eval, node, "only lists and maps can be walked, not %s", fl_var_type_name(range));
  if ((rc = fl_eval_charge(eval, node, fl_size(range->value))) < 0) return rc;
  if ((rc = fl_eval_spend(eval, node, fl_size(range->value) * 32)) < 0) return rc;
  struct fl_value *keys = fl_array();
  for (struct fl_member m = {0}; fl_next_member(range->value, &m);)
    fl_append_take(keys, fl_string_n(m.key, m.key_size));
  fl_value_unref(range->value);
  range->value = keys;
  return 0;
}

/* Sets the variable to an element for the time of one round; the reference ends with the round. */
static void bind(struct fl_eval *eval, const struct fl_expr_node *node, const struct fl_var *range, size_t index) {
  eval->locals[node->local_index].value = fl_value_ref(fl_var_at(range, index));
}
static void unbind(struct fl_eval *eval, const struct fl_expr_node *node) {
  fl_var_release(&eval->locals[node->local_index]);
}

static int test_element(struct fl_eval *eval, const struct fl_expr_node *node, bool *ret_holds) {
  return fl_eval_bool_node(eval, node->args[1], "the condition", ret_holds);
}

/* all is a chain of &&, exists one of ||: the deciding element absorbs errors of the others. */
static int fold_quantifier(struct fl_eval *eval, const struct fl_expr_node *node, const struct fl_var *range,
                           struct fl_var *ret) {
  FL_KEPT_ERROR_AUTO kept = {0};
  bool decisive = node->op == FL_FOLD_EXISTS;
  for (size_t i = 0, size = fl_var_size(range); i < size; i++) {
    bool holds = !decisive;
    bind(eval, node, range, i);
    int rc = test_element(eval, node, &holds);
    unbind(eval, node);
    if (rc == FL_E_LIMIT) return rc;
    if (rc < 0) fl_eval_keep_error(eval, &kept, rc);
    if (holds != decisive) continue;
    ret->value = fl_bool(decisive);
    return 0;
  }
  if (kept.code != 0) return fl_eval_throw_kept(eval, &kept);
  ret->value = fl_bool(!decisive);
  return 0;
}

static int fold_exists_one(struct fl_eval *eval, const struct fl_expr_node *node, const struct fl_var *range,
                           struct fl_var *ret) {
  size_t found = 0;
  for (size_t i = 0, size = fl_var_size(range); i < size; i++) {
    bool holds = false;
    bind(eval, node, range, i);
    int rc = test_element(eval, node, &holds);
    unbind(eval, node);
    if (rc < 0) return rc;
    found += holds;
  }
  ret->value = fl_bool(found == 1);
  return 0;
}

/* What one element adds to the result of filter or map: nothing, itself or what the expression makes of it. */
static int collect_element(struct fl_eval *eval, const struct fl_expr_node *node, struct fl_value *array) {
  bool is_map = node->op == FL_FOLD_MAP, holds = true;
  int rc = is_map ? 0 : test_element(eval, node, &holds);
  if (rc < 0 || !holds) return rc;
  if ((rc = fl_eval_spend(eval, node, 16)) < 0) return rc;
  if (node->op == FL_FOLD_FILTER) {
    fl_append_take(array, fl_value_ref(eval->locals[node->local_index].value));
    return 0;
  }
  const struct fl_expr_node *body = node->args[is_map ? 1 : 2];
  FL_VAR_AUTO made = {0};
  struct fl_value *value = NULL;
  if ((rc = fl_eval_node(eval, body, &made)) < 0 || (rc = fl_eval_to_value(eval, body, &made, &value)) < 0) return rc;
  fl_append_take(array, value);
  return 0;
}

static int fold_collect(struct fl_eval *eval, const struct fl_expr_node *node, const struct fl_var *range,
                        struct fl_var *ret) {
  int rc = fl_eval_spend(eval, node, 64);
  if (rc < 0) return rc;
  FL_VALUE_AUTO array = fl_array();
  for (size_t i = 0, size = fl_var_size(range); i < size; i++) {
    bind(eval, node, range, i);
    rc = fl_eval_charge(eval, node, 1);
    if (rc == 0) rc = collect_element(eval, node, array);
    unbind(eval, node);
    if (rc < 0) return rc;
  }
  ret->value = fl_value_ref(array);
  return 0;
}

int fl_eval_fold(struct fl_eval *eval, const struct fl_expr_node *node, struct fl_var *ret) {
  FL_VAR_AUTO range = {0};
  int rc = range_of(eval, node, &range);
  if (rc < 0) return rc;
  switch (node->op) {
  case FL_FOLD_ALL:
  case FL_FOLD_EXISTS: return fold_quantifier(eval, node, &range, ret);
  case FL_FOLD_EXISTS_ONE: return fold_exists_one(eval, node, &range, ret);
  default: return fold_collect(eval, node, &range, ret);
  }
}
