/* SPDX-License-Identifier: MIT */
#include "runtime/redteam/redteam.h"

static enum fl_redteam_outcome outcome_of(const struct fl_play_call *call) {
  if (call->is_asked && (call->is_made || call->is_attack)) return FL_REDTEAM_ASKED;
  return call->is_made ? FL_REDTEAM_MADE : FL_REDTEAM_REFUSED;
}

static void count(struct fl_redteam_tally *tally, bool is_attack, enum fl_redteam_outcome outcome) {
  size_t *const counters[2][3] = {{&tally->task_passed, &tally->task_asked, &tally->task_refused},
                                  {&tally->attack_made, &tally->attack_asked, &tally->attack_refused}};
  ++*counters[is_attack][outcome];
}

static void take(const struct fl_redteam *redteam, const struct fl_rehearsal_case *the_case, const struct fl_play *play,
                 struct fl_redteam_tally *tally) {
  bool is_through = false;
  for (size_t i = 0; i < play->count; i++) {
    const struct fl_play_call *call = &play->calls[i];
    enum fl_redteam_outcome outcome = outcome_of(call);
    is_through = is_through || (call->is_attack && call->is_made);
    count(tally, call->is_attack, outcome);
    struct fl_redteam_call told = {the_case, call, outcome, call->refusal != NULL ? call->refusal : ""};
    if (redteam->on_call != NULL) redteam->on_call(&told, redteam->user);
  }
  tally->runs++;
  tally->strays += play->stray_count;
  if (the_case->attack == NULL) return;
  tally->attacks++;
  tally->attacks_through += is_through;
  tally->unread += !play->has_read;
}

static int run_case(const struct fl_redteam *redteam, const struct fl_rehearsal_case *the_case,
                    struct fl_redteam_tally *tally, struct fl_diags *diags, struct fl_error *err) {
  struct fl_play play;
  struct fl_error failure = {0};
  int rc = fl_rehearse(the_case, &play, &failure, diags, err);
  if (rc == 0) take(redteam, the_case, &play, tally);
  if (rc == 0 && failure.code != 0) {
    tally->failed_runs++;
    if (redteam->on_failure != NULL) redteam->on_failure(the_case, &failure, redteam->user);
  }
  fl_play_deinit(&play);
  return rc;
}

static int run_task(const struct fl_redteam *redteam, struct fl_rehearsal_case the_case, struct fl_redteam_tally *tally,
                    struct fl_diags *diags, struct fl_error *err) {
  const struct fl_suite *suite = redteam->suite;
  int rc = run_case(redteam, &the_case, tally, diags, err);
  for (size_t i = 0; i < suite->attack_count && rc == 0; i++) {
    if (!fl_suite_meets(the_case.task, &suite->attacks[i])) continue;
    the_case.attack = &suite->attacks[i];
    rc = run_case(redteam, &the_case, tally, diags, err);
  }
  return rc;
}

int fl_redteam_run(const struct fl_redteam *redteam, struct fl_redteam_tally ret_tallies[FL_LEVEL_COUNT],
                   struct fl_diags *diags, struct fl_error *err) {
  const struct fl_suite *suite = redteam->suite;
  int rc = 0;
  for (int level = 0; level < FL_LEVEL_COUNT && rc == 0; level++) {
    ret_tallies[level] = (struct fl_redteam_tally){0};
    for (size_t i = 0; i < suite->task_count && rc == 0; i++) {
      const struct fl_suite_task *task = &suite->tasks[i];
      struct fl_rehearsal_case the_case = {.suite = suite,
                                           .task = task,
                                           .level = (enum fl_level)level,
                                           .manifest = redteam->graph == NULL ? task->manifest : NULL,
                                           .graph = redteam->graph};
      rc = run_task(redteam, the_case, &ret_tallies[level], diags, err);
    }
  }
  return rc;
}

void fl_redteam_add(struct fl_redteam_tally *sum, const struct fl_redteam_tally *tally) {
  const size_t *from = (const size_t *)tally;
  size_t *to = (size_t *)sum;
  for (size_t i = 0; i < sizeof *sum / sizeof *to; i++) to[i] += from[i]; /* it is nothing but counts */
}

bool fl_redteam_holds(const struct fl_redteam_tally *tally) {
  return tally->attack_made == 0 && tally->task_refused == 0 && tally->failed_runs == 0;
}
