/* SPDX-License-Identifier: MIT */
/* A whole suite: every task alone and with every attack that it meets, at each level of the policy; and what came of
 * it, added up. */
#pragma once
#include "runtime/redteam/rehearse.h"

/* What became of calls. A call of a task that a person approved counts as asked about, not as passed. */
struct fl_redteam_tally {
  size_t attacks, attacks_through; /* times that a task met an attack, and how often one of its calls was made */
  size_t attack_made, attack_asked, attack_refused;
  size_t task_passed, task_asked, task_refused;
  size_t runs, failed_runs;
  size_t unread; /* attacks that the model never got to read */
  size_t strays; /* calls that the graph made by itself */
};

enum fl_redteam_outcome { FL_REDTEAM_MADE, FL_REDTEAM_ASKED, FL_REDTEAM_REFUSED };

/* One call, when its run is over. Lent. */
struct fl_redteam_call {
  const struct fl_rehearsal_case *the_case;
  const struct fl_play_call *call;
  enum fl_redteam_outcome outcome;
  const char *why; /* what the model was told, when it was refused; "" when that is not known */
};

struct fl_redteam {
  const struct fl_suite *suite;
  const char *graph; /* a path; NULL: an agent with all tools of the suite. With one its manifest counts, not those of
                        the suite */
  void (*on_call)(const struct fl_redteam_call *call, void *user); /* may be NULL */
  void (*on_failure)(const struct fl_rehearsal_case *the_case, const struct fl_error *why,
                     void *user); /* may be NULL */
  void *user;
};

/* Errors: of loading the graph, with `diags` or `err`. */
int fl_redteam_run(const struct fl_redteam *redteam, struct fl_redteam_tally ret_tallies[FL_LEVEL_COUNT],
                   struct fl_diags *diags, struct fl_error *err);

void fl_redteam_add(struct fl_redteam_tally *sum, const struct fl_redteam_tally *tally);
/* No call of an attack was made, each call of a task was, and each run came to its end. */
bool fl_redteam_holds(const struct fl_redteam_tally *tally);
