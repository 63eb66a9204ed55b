/* SPDX-License-Identifier: MIT */
/* The public face of expressions: making, asking for names, evaluating within the budget. */
#include "runtime/json/expr_internal.h"

int fl_expr_create(fl_slice text, struct fl_expr **ret_expr, struct fl_error *err) {
  if (text.size > FL_EXPR_SIZE_MAX)
    return fl_error_set(err, FL_E_LIMIT, "the expression has %zu bytes; at most %d are allowed", text.size,
                        FL_EXPR_SIZE_MAX);
  if (text.size > 0 && memchr(text.data, '\0', text.size) != NULL)
    return fl_error_set(err, FL_E_SYNTAX, "the expression contains a NUL character");
  struct fl_expr *expr = fl_new(struct fl_expr);
  expr->text = fl_strndup(text.data, text.size);
  int rc = fl_expr_parse(expr, fl_slice_of(expr->text), err);
  if (rc < 0) fl_expr_destroy(expr);
  else *ret_expr = expr;
  return rc;
}

static void destroy_node(struct fl_expr_node *node) {
  fl_free(node->name);
  fl_value_unref(node->literal);
  fl_regex_destroy(node->regex);
  fl_free(node->args);
  fl_free(node);
}

void fl_expr_destroy(struct fl_expr *expr) {
  if (expr == NULL) return;
  for (size_t i = 0; i < expr->node_count; i++) destroy_node(expr->nodes[i]);
  fl_free(expr->nodes);
  fl_free(expr->text);
  fl_free(expr);
}

const char *fl_expr_text(const struct fl_expr *expr) { return expr->text; }

/* The member that a node reads from a free name, when the text itself says which: state.x, state["x"], has(state.x). */
static const char *member_of_name(const struct fl_expr_node *node) {
  if (node->arg_count == 0 || node->args[0]->kind != FL_EXPR_NAME) return NULL;
  if (node->kind == FL_EXPR_SELECT || node->kind == FL_EXPR_HAS) return node->name;
  if (node->kind == FL_EXPR_INDEX && node->args[1]->kind == FL_EXPR_LITERAL)
    return fl_as_string(node->args[1]->literal);
  return NULL;
}

/* Any other base, such as `state[x]`, is reported with no member by its own node. */
static bool is_reported_by_parent(const struct fl_expr *expr, const struct fl_expr_node *name) {
  for (size_t i = 0; i < expr->node_count; i++) {
    const struct fl_expr_node *node = expr->nodes[i];
    if (member_of_name(node) != NULL && node->args[0] == name) return true;
  }
  return false;
}

void fl_expr_visit_names(const struct fl_expr *expr,
                         void (*visit)(const char *scope, const char *name, size_t column, void *user), void *user) {
  for (size_t i = 0; i < expr->node_count; i++) {
    const struct fl_expr_node *node = expr->nodes[i];
    const char *member = member_of_name(node);
    const struct fl_expr_node *name = member != NULL ? node->args[0] : node;
    size_t column = fl_expr_column(fl_slice_of(expr->text), name->offset);
    if (member != NULL) visit(name->name, member, column, user);
    else if (node->kind == FL_EXPR_NAME && !fl_expr_is_type_name(node->name) &&
             !(node->is_base && is_reported_by_parent(expr, node)))
      visit(NULL, node->name, column, user);
  }
}

int fl_expr_eval(const struct fl_expr *expr, const struct fl_expr_env *env, struct fl_value **ret_value,
                 struct fl_error *err) {
  struct fl_eval eval = {.expr = expr, .env = env, .err = err};
  FL_VAR_AUTO result = {0};
  int rc = fl_eval_node(&eval, expr->root, &result);
  return rc < 0 ? rc : fl_eval_to_value(&eval, expr->root, &result, ret_value);
}

int fl_expr_eval_bool(const struct fl_expr *expr, const struct fl_expr_env *env, bool *ret_value,
                      struct fl_error *err) {
  struct fl_eval eval = {.expr = expr, .env = env, .err = err};
  return fl_eval_bool_node(&eval, expr->root, "a condition", ret_value);
}
