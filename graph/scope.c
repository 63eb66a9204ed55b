/* SPDX-License-Identifier: MIT */
/* The names of expressions: see scope.h. */
#include "graph/scope.h"

enum { RUN_STEP, RUN_REMAINING_STEPS, RUN_IS_LAST_STEP, RUN_THREAD_ID, RUN_ATTEMPT, RUN_COUNT };

const char *const fl_scope_run_names[] = {"step", "remaining_steps", "is_last_step", "thread_id", "attempt", NULL};
const char *const fl_scope_error_names[] = {"node", "message", "code", NULL};

static const char *const scopes[] = {"state", "context", "run", "error", NULL};

void fl_scope_deinit(struct fl_scope *scope) {
  for (size_t i = 0; i < RUN_COUNT; i++) {
    fl_value_unref(scope->made[i]);
    scope->made[i] = NULL;
  }
}

static struct fl_value *make(const struct fl_scope *scope, size_t index) {
  switch (index) {
  case RUN_STEP: return fl_int(scope->step);
  case RUN_REMAINING_STEPS: return fl_int(scope->remaining_steps);
  case RUN_IS_LAST_STEP: return fl_bool(scope->remaining_steps <= 1);
  case RUN_THREAD_ID: return fl_string(scope->thread_id != NULL ? scope->thread_id : "");
  default: return scope->attempt > 0 ? fl_int(scope->attempt) : NULL;
  }
}

static struct fl_value *run_member(struct fl_scope *scope, const char *name) {
  for (size_t i = 0; scope->has_run && i < RUN_COUNT; i++) {
    if (strcmp(name, fl_scope_run_names[i]) != 0) continue;
    if (scope->made[i] == NULL) scope->made[i] = make(scope, i);
    return scope->made[i];
  }
  return NULL;
}

static struct fl_var lookup(const char *name, void *user) {
  struct fl_scope *scope = user;
  bool is_element = scope->element_name != NULL && strcmp(name, scope->element_name) == 0;
  return (struct fl_var){.value = is_element ? scope->element : NULL};
}

static struct fl_var lookup_in(const char *of, const char *name, void *user) {
  struct fl_scope *scope = user;
  if (strcmp(of, "state") == 0) return fl_state_var(scope->state, name);
  if (strcmp(of, "run") == 0) return (struct fl_var){.value = run_member(scope, name)};
  const struct fl_value *object = strcmp(of, "context") == 0 ? scope->context : scope->error;
  return (struct fl_var){.value = object != NULL ? fl_get(object, name) : NULL};
}

struct fl_expr_env fl_scope_env(struct fl_scope *scope) {
  return (struct fl_expr_env){.lookup = lookup, .lookup_in = lookup_in, .scopes = scopes, .user = scope};
}

static struct fl_var lookup_nothing(const char *name, void *user) { return (struct fl_var){0}; }

static struct fl_var lookup_channel(const char *of, const char *name, void *user) { return fl_state_var(user, name); }

struct fl_expr_env fl_state_env(const struct fl_state *state) {
  static const char *const only_state[] = {"state", NULL};
  return (struct fl_expr_env){
      .lookup = lookup_nothing, .lookup_in = lookup_channel, .scopes = only_state, .user = (void *)state};
}
