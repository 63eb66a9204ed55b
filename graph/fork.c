/* SPDX-License-Identifier: MIT */
/* Going on from a checkpoint that is not the head: what follows hangs on a copy of it, so that its tasks have new ids,
 * and what was written, asked and answered beside the old one stays with the old one. Pure. */
#include "graph/core.h"
#include "runtime/base/mem.h"

void fl_run_fork(struct fl_run *run, bool keeps_stops) {
  struct fl_seal seal;
  fl_seal_begin(run, &seal, "fork", run->step + 1);
  seal.writer = run->writer;
  seal.keeps_stops = keeps_stops;
  fl_seal_end(run, &seal, NULL);
}

/* ---- answers to questions of the past ---- */

/* The task whose first question had this id, as its place in the plan; task_count when there is none. */
static size_t find_by_id(const struct fl_run *run, const char *interrupt_id) {
  for (size_t i = 0; i < run->task_count; i++) {
    char id[FL_UUID_SIZE];
    fl_interrupt_id(run->tasks[i].id, 0, id);
    if (strcmp(id, interrupt_id) == 0) return i;
  }
  return run->task_count;
}

/* Which task each answer is for, as places in the plan; they stay the same in the copy. */
static bool find_places(struct fl_run *run, size_t *places) {
  const struct fl_ev *ev = run->ev;
  bool is_map = ev->is_map && fl_is(ev->value, FL_OBJECT) && fl_size(ev->value) > 0;
  if (ev->value == NULL || (ev->is_map && !is_map)) {
    fl_run_refuse(run, FL_E_INVALID, "a resume needs an answer%s",
                  ev->is_map ? ": an object of interrupt ids and answers" : "");
    return false;
  }
  if (!ev->is_map && run->task_count != 1) {
    fl_run_refuse(run, FL_E_INVALID,
                  "%zu tasks follow this checkpoint, so it is not clear which is answered: name the interrupt id that "
                  "the question had, or run it without an answer, so that it asks anew",
                  run->task_count);
    return false;
  }
  size_t count = 0;
  struct fl_member member = {0};
  if (!ev->is_map) places[count++] = 0;
  while (ev->is_map && fl_next_member(ev->value, &member)) {
    size_t place = find_by_id(run, member.key);
    if (place == run->task_count) {
      fl_run_refuse(run, FL_E_CONFLICT,
                    "\"%.64s\" is not the first question of a task that follows this checkpoint; run it without an "
                    "answer, so that it asks anew",
                    member.key);
      return false;
    }
    places[count++] = place;
  }
  return true;
}

bool fl_run_answer_past(struct fl_run *run) {
  FL_FREE_AUTO size_t *places = fl_new_array(size_t, fl_size(run->ev->value) + 1);
  if (!find_places(run, places)) return false;
  fl_run_fork(run, false);
  struct fl_records records = {0};
  size_t count = 0;
  struct fl_member member = {0};
  if (!run->ev->is_map) fl_task_answer(run, &run->tasks[places[0]], run->ev->value, &records);
  while (run->ev->is_map && fl_next_member(run->ev->value, &member))
    fl_task_answer(run, &run->tasks[places[count++]], member.value, &records);
  fl_run_commit(run, &records, run->checkpoint_no);
  return true;
}
