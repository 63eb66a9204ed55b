/* SPDX-License-Identifier: MIT */
/* Names for tests of expressions, from one JSON object: its members are the names, and "state" is a scope. With
 * `as_lists` arrays are handed out as persistent lists, as the engine does with append channels. */
#pragma once
#include "runtime/base/buf.h"
#include "runtime/base/mem.h"
#include "runtime/json/expr.h"
#include "tests/support/support.h"

enum { TEST_LIST_MAX = 32 };

struct test_env {
  struct fl_value *names;
  bool as_lists;
  struct fl_list *lists[TEST_LIST_MAX]; /* lent until the end */
  size_t list_count;
  size_t lookup_count;
};

static inline struct fl_var test_env_var(struct test_env *env, struct fl_value *value) {
  env->lookup_count++;
  if (!env->as_lists || !fl_is(value, FL_ARRAY) || env->list_count == TEST_LIST_MAX)
    return (struct fl_var){.value = value};
  struct fl_list *list = fl_list_from_array(value);
  env->lists[env->list_count++] = list;
  return (struct fl_var){.list = list};
}

static inline struct fl_var test_env_lookup(const char *name, void *user) {
  struct test_env *env = user;
  if (strcmp(name, "state") == 0) return (struct fl_var){0};
  return test_env_var(env, fl_get(env->names, name));
}

static inline struct fl_var test_env_lookup_in(const char *scope, const char *name, void *user) {
  struct test_env *env = user;
  return test_env_var(env, fl_get(fl_get(env->names, scope), name));
}

static const char *const test_env_scopes[] = {"state", NULL};

static inline struct fl_expr_env test_env_of(struct test_env *env) {
  return (struct fl_expr_env){test_env_lookup, test_env_lookup_in, test_env_scopes, env};
}

static inline void test_env_deinit(struct test_env *env) {
  for (size_t i = 0; i < env->list_count; i++) fl_list_unref(env->lists[i]);
  fl_value_unref(env->names);
  *env = (struct test_env){0};
}

static inline struct fl_value *test_value(const char *json) {
  struct fl_value *value = NULL;
  struct fl_error err = {0};
  if (fl_parse(json, strlen(json), &value, &err) < 0) fail_msg("%s: %s", json, err.text);
  return value;
}
