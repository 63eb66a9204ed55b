/* SPDX-License-Identifier: MIT */
/* Any bytes as an expression: it parses or not, evaluates or not, and does neither for long. What parses also parses
 * from its own text, and names are visited without a complaint. */
#include "runtime/json/expr.h"

#include <stdint.h>
#include <stdlib.h>

static struct fl_value *known;

static struct fl_var lookup(const char *name, void *user) {
  return (struct fl_var){.value = name[0] == 'x' ? known : NULL};
}

static struct fl_var lookup_in(const char *scope, const char *name, void *user) {
  return name[0] == 'l' ? (struct fl_var){.list = user} : lookup(name, user);
}

static void on_name(const char *scope, const char *name, size_t column, void *user) {
  if (name == NULL || column == 0) abort();
}

static void evaluate(const struct fl_expr *expr, struct fl_list *list) {
  static const char *const scopes[] = {"state", NULL};
  struct fl_expr_env env = {lookup, lookup_in, scopes, list};
  struct fl_value *value = NULL;
  struct fl_error err = {0};
  int rc = fl_expr_eval(expr, &env, &value, &err);
  if ((rc == 0) != (value != NULL) || (rc < 0 && err.code != rc)) abort();
  fl_value_unref(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const char json[] = "{\"a\":[1,2.5,\"three\",null,{\"b\":true}],\"s\":\"a,b,c\"}";
  struct fl_error err = {0};
  struct fl_expr *expr = NULL;
  if (fl_expr_create(fl_slice_n((const char *)data, size), &expr, &err) < 0) return 0;
  fl_parse(json, sizeof json - 1, &known, NULL);
  struct fl_list *list = fl_list_from_array(fl_get(known, "a"));
  fl_expr_visit_names(expr, on_name, NULL);
  evaluate(expr, list);
  struct fl_expr *again = NULL;
  if (fl_expr_create(fl_slice_of(fl_expr_text(expr)), &again, &err) < 0) abort();
  fl_expr_destroy(again);
  fl_expr_destroy(expr);
  fl_list_unref(list);
  fl_value_unref(known);
  return 0;
}
