/* SPDX-License-Identifier: MIT */
/* Sends and ways of graph files: see send.h. */
#include "graph/send.h"

#include "runtime/base/mem.h"

void fl_gotos_deinit(struct fl_gotos *gotos) {
  for (size_t i = 0; i < gotos->count; i++) {
    fl_free(gotos->items[i].node);
    fl_value_unref(gotos->items[i].arg);
  }
  fl_free(gotos->items);
  *gotos = (struct fl_gotos){0};
}

void fl_gotos_add_take(struct fl_gotos *gotos, const char *node, struct fl_value *arg) {
  if (gotos->count == gotos->capacity) {
    gotos->capacity = gotos->capacity > 0 ? gotos->capacity * 2 : 4;
    gotos->items = fl_realloc(gotos->items, gotos->capacity * sizeof *gotos->items);
  }
  gotos->items[gotos->count++] = (struct fl_goto){fl_strdup(node), arg};
}

/* {AS: element, NAME: value of its expression, …} */
static int make_arg(const struct fl_send_def *send, struct fl_scope *scope, struct fl_value **ret_arg,
                    struct fl_error *err) {
  struct fl_expr_env env = fl_scope_env(scope);
  struct fl_value *arg = fl_object();
  if (scope->element_name != NULL) fl_set_take(arg, scope->element_name, fl_value_ref(scope->element));
  for (size_t i = 0; i < send->with_count; i++) {
    struct fl_value *value = NULL;
    int rc = fl_expr_eval(send->with[i].value, &env, &value, err);
    if (rc < 0) {
      fl_value_unref(arg);
      return fl_error_context(err, "with.%s \"%.200s\"", send->with[i].name, fl_expr_text(send->with[i].value));
    }
    fl_set_take(arg, send->with[i].name, value);
  }
  *ret_arg = arg;
  return 0;
}

static int send_one(const struct fl_send_def *send, struct fl_scope *scope, struct fl_gotos *gotos,
                    struct fl_error *err) {
  struct fl_value *arg = NULL;
  if (gotos->count >= FL_SENDS_MAX)
    return fl_error_set(err, FL_E_LIMIT, "it starts more than %d tasks in one superstep", FL_SENDS_MAX);
  int rc = make_arg(send, scope, &arg, err);
  if (rc == 0) fl_gotos_add_take(gotos, send->node, arg);
  return rc;
}

static int send_each(const struct fl_send_def *send, struct fl_scope *scope, const struct fl_value *list,
                     struct fl_gotos *gotos, struct fl_error *err) {
  if (!fl_is(list, FL_ARRAY))
    return fl_error_set(err, FL_E_EXPRESSION, "it is %s, not a list", fl_type_name(fl_type_of(list)));
  int rc = 0;
  for (size_t i = 0; i < fl_size(list) && rc == 0; i++) {
    scope->element = fl_at((struct fl_value *)list, i);
    rc = send_one(send, scope, gotos, err);
  }
  for (size_t i = 0; fl_size(list) == 0 && i < send->otherwise_count; i++)
    fl_gotos_add_take(gotos, send->otherwise[i], NULL);
  return rc;
}

int fl_send_eval(const struct fl_send_def *send, struct fl_scope *scope, struct fl_gotos *gotos, struct fl_error *err) {
  if (send->each == NULL) return send_one(send, scope, gotos, err);
  FL_VALUE_AUTO list = NULL;
  struct fl_expr_env env = fl_scope_env(scope);
  int rc = fl_expr_eval(send->each, &env, &list, err);
  scope->element_name = send->as;
  if (rc == 0) rc = send_each(send, scope, list, gotos, err);
  scope->element_name = NULL;
  scope->element = NULL;
  return rc < 0 ? fl_error_context(err, "the list \"%.200s\" of a send", fl_expr_text(send->each)) : 0;
}

int fl_ways_eval(const struct fl_way_def *ways, size_t count, struct fl_scope *scope, struct fl_gotos *gotos,
                 struct fl_error *err) {
  struct fl_expr_env env = fl_scope_env(scope);
  for (size_t i = 0; i < count; i++) {
    bool holds = true;
    int rc = ways[i].when != NULL ? fl_expr_eval_bool(ways[i].when, &env, &holds, err) : 0;
    if (rc < 0) return fl_error_context(err, "condition \"%.200s\"", fl_expr_text(ways[i].when));
    if (!holds) continue;
    for (size_t j = 0; j < ways[i].target_count; j++) fl_gotos_add_take(gotos, ways[i].targets[j], NULL);
    rc = ways[i].send != NULL ? fl_send_eval(ways[i].send, scope, gotos, err) : 0;
    if (rc < 0) return rc;
  }
  return 0;
}
