/* SPDX-License-Identifier: MIT */
/* The names of expressions, in one place: `state.CHANNEL`, `context.NAME`, `run.step`, `run.remaining_steps`,
 * `run.is_last_step`, `run.thread_id`, `run.attempt`, `error.node`, `error.message`, `error.code`, and one plain name
 * for the element of a send. Pure.
 *
 * A name whose value is not there (no context, no error, no element) is unknown: has() says so, reading it is an error
 * of the expression. */
#pragma once
#include "graph/run.h"

/* All is lent, but `made`: fl_scope_deinit. Whoever evaluates fills in what there is and leaves the rest cleared. */
struct fl_scope {
  const struct fl_state *state;
  const struct fl_value *context; /* an object; NULL: none */
  const struct fl_value *error;   /* an object; NULL: none */
  bool has_run;                   /* whether the next four say anything */
  int64_t step;
  uint32_t remaining_steps;
  uint32_t attempt; /* from 1; 0: not known here */
  const char *thread_id;
  const char *element_name; /* NULL: there is no element */
  struct fl_value *element;
  struct fl_value *made[5]; /* values of run.*, made when asked for */
};
void fl_scope_deinit(struct fl_scope *scope); /* repeatable */

/* The environment lends the scope. */
struct fl_expr_env fl_scope_env(struct fl_scope *scope);

/* A state and nothing else: the environment lends the state. */
struct fl_expr_env fl_state_env(const struct fl_state *state);

/* Members of `run` and `error`, NULL-terminated, for checks of graph files. */
extern const char *const fl_scope_run_names[];
extern const char *const fl_scope_error_names[];
