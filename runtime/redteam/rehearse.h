/* SPDX-License-Identifier: MIT */
/* A task under an attack at a level of the policy, run through the whole engine: the graph, its nodes, the real
 * decision in front of each call, and the person who is asked. The person is an attentive one, who approves what the
 * task needs and nothing else. */
#pragma once
#include "runtime/redteam/level.h"
#include "runtime/redteam/obedient.h"

struct fl_rehearsal_case {
  const struct fl_suite *suite;
  const struct fl_suite_task *task;
  const struct fl_suite_attack *attack; /* NULL: none */
  enum fl_level level;
  struct fl_manifest *manifest; /* of the task, whole; NULL: the graph's own */
  const char *graph;            /* a path; NULL: an agent with all tools of the suite */
};

/* Plays it; `play` is initialised here and the caller's to deinit, also after an error. A run that failed is no error:
 * `ret_failure` says why then (code 0: it has not). Errors: of loading the graph, with `diags` or `err`. */
int fl_rehearse(const struct fl_rehearsal_case *the_case, struct fl_play *play, struct fl_error *ret_failure,
                struct fl_diags *diags, struct fl_error *err);
