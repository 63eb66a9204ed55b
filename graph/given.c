/* SPDX-License-Identifier: MIT */
/* Commands from outside: values and gotos that join what is planned, without a superstep of their own. They are stored
 * as writes of no task (its id is all zeros) beside the checkpoint, so that the tasks which wait keep their ids, their
 * answers and what they wrote; the next superstep folds them in before its own writes. As in LangGraph. Pure.
 *
 * Invariant: in memory and after a load the same comes out, since both apply the same writes to the same checkpoint. */
#include "graph/core.h"
#include "graph/send.h"
#include "runtime/base/mem.h"

static const char no_task[FL_UUID_SIZE] = "00000000-0000-0000-0000-000000000000";

const struct fl_state *fl_run_base(const struct fl_run *run) {
  return run->given_state != NULL ? run->given_state : run->state;
}

/* ---- folding ---- */

static int fold_writes(const struct fl_run *run, const struct fl_writes *writes, struct fl_folds *folds,
                       struct fl_error *err) {
  int rc = 0;
  for (size_t i = 0; i < writes->count && rc == 0; i++)
    if (writes->items[i].channel < run->definition->state_channel_count)
      rc = fl_folds_write(folds, writes->items[i].channel, writes->items[i].value, FL_START, err);
  return rc;
}

int fl_given_fold(const struct fl_run *run, struct fl_folds *folds, struct fl_error *err) {
  if (run->given.count == 0) return 0;
  int rc = 0;
  size_t first = 0;
  for (size_t i = 0; i < run->given_count && rc == 0; i++) { /* each command counts as a superstep */
    struct fl_writes part = {run->given.items + first, run->given_ends[i] - first, 0};
    rc = fold_writes(run, &part, folds, err);
    first = run->given_ends[i];
    fl_folds_next_step(folds);
  }
  return rc;
}

/* What cannot be folded any more (the graph has changed) is passed over as a whole. */
static void refresh_state(struct fl_run *run) {
  struct fl_folds folds;
  fl_folds_init(&folds, run->state, false);
  fl_state_unref(run->given_state);
  run->given_state = fl_given_fold(run, &folds, NULL) == 0 ? fl_state_with(run->state, &folds) : NULL;
  fl_folds_deinit(&folds);
  fl_state_unref(run->seen_state);
  run->seen_state = NULL;
}

void fl_given_clear(struct fl_run *run) {
  fl_writes_deinit(&run->given);
  fl_free(run->given_ends);
  run->given_ends = NULL;
  run->given_count = 0;
  fl_state_unref(run->given_state);
  run->given_state = NULL;
}

void fl_given_drop(struct fl_run *run, size_t channel) {
  if (run->given.count == 0) return;
  for (size_t i = run->given_count; i > 0; i--) {
    size_t dropped = 0;
    for (size_t j = 0; j < run->given_ends[i - 1]; j++) dropped += run->given.items[j].channel == channel;
    run->given_ends[i - 1] -= dropped;
  }
  fl_writes_drop(&run->given, channel);
  refresh_state(run);
}

/* ---- planning ---- */

static void start_sends(struct fl_run *run, const struct fl_writes *writes, size_t first) {
  struct fl_value *all = NULL;
  for (size_t i = first; i < writes->count; i++) {
    if (writes->items[i].channel != run->definition->tasks_channel) continue;
    if (all == NULL) all = run->sends != NULL ? fl_copy_shallow(run->sends) : fl_array();
    fl_append_take(all, fl_value_ref(writes->items[i].value));
  }
  if (all == NULL) return;
  fl_value_unref(run->sends);
  run->sends = all;
}

/* The commands' own triggers fire; tasks that are there stay as they are. */
static void apply(struct fl_run *run, size_t first) {
  start_sends(run, &run->given, first);
  for (size_t i = first; i < run->given.count; i++)
    if (run->given.items[i].channel >= run->definition->state_channel_count &&
        run->given.items[i].channel != run->definition->tasks_channel)
      fl_control_write(run, run->given.items[i].channel, FL_START, run->version + 1);
  run->version++;
  fl_control_finish(run, run->push_count > 0 || run->sends != NULL);
  fl_plan_add(run);
  refresh_state(run);
}

static size_t end_part(struct fl_run *run, struct fl_writes *taken) {
  size_t first = run->given.count;
  for (size_t i = 0; i < taken->count; i++)
    fl_writes_add_take(&run->given, taken->items[i].channel, taken->items[i].value);
  taken->count = 0;
  fl_writes_deinit(taken);
  run->given_ends = fl_realloc(run->given_ends, (run->given_count + 1) * sizeof *run->given_ends);
  run->given_ends[run->given_count++] = run->given.count;
  return first;
}

/* ---- taking a command ---- */

static int accept(struct fl_run *run, struct fl_writes *writes, struct fl_error *err) {
  struct fl_accepting to = {writes, run->ev->checkpoint_id, 0};
  struct fl_member member = {0};
  int rc = 0;
  if (run->ev->update != NULL && !fl_is(run->ev->update, FL_OBJECT))
    return fl_error_set(err, FL_E_INVALID, "its update must be an object of channel values");
  while (rc == 0 && run->ev->update != NULL && fl_next_member(run->ev->update, &member))
    rc = fl_writes_accept(run, &to, &(struct fl_write){(char *)member.key, member.value}, err);
  if (rc == 0) rc = fl_route_gotos(run, run->ev->gotos, run->ev->goto_count, writes, err);
  struct fl_folds folds;
  fl_folds_init(&folds, fl_run_base(run), false);
  if (rc == 0) rc = fold_writes(run, writes, &folds, err);
  if (rc == 0) rc = fl_folds_check(&folds, err);
  fl_folds_deinit(&folds);
  return rc;
}

/* A place says of which command it is, so that each is folded as a superstep of its own again. */
static int store(struct fl_run *run, const struct fl_writes *writes, struct fl_records *records, struct fl_error *err) {
  enum { PER_COMMAND = 1 << 20 };
  if (run->ephemeral) return 0;
  if (run->given_count >= 1000 || writes->count >= PER_COMMAND)
    return fl_error_set(err, FL_E_LIMIT, "too much was written from outside without a superstep in between");
  for (size_t i = 0; i < writes->count; i++) {
    int index = (int)(run->given_count * PER_COMMAND + i);
    int rc = fl_checkpoint_given(run, no_task, index, &writes->items[i], records);
    if (rc < 0) return fl_error_set(err, rc, "what it writes is too large or too deep to be stored");
  }
  return 0;
}

bool fl_given_take(struct fl_run *run, struct fl_records *records) {
  struct fl_writes writes = {0};
  struct fl_error err = {0};
  if (run->ev->update == NULL && run->ev->goto_count == 0) return true;
  int rc = accept(run, &writes, &err);
  if (rc == 0) rc = store(run, &writes, records, &err);
  if (rc < 0) {
    fl_writes_deinit(&writes);
    fl_records_deinit(records);
    fl_run_refuse(run, rc, "the command: %s", err.text);
    return false;
  }
  apply(run, end_part(run, &writes));
  return true;
}

void fl_given_load(struct fl_run *run, const struct fl_loaded *loaded) {
  enum { PER_COMMAND = 1 << 20 };
  struct fl_writes writes = {0};
  int part = 0;
  for (size_t i = 0; i <= loaded->write_count; i++) {
    const struct fl_loaded_write *write = i < loaded->write_count ? &loaded->writes[i] : NULL;
    bool is_given = write != NULL && write->index >= 0 && strcmp(write->task_id, no_task) == 0;
    bool is_next = write == NULL || (is_given && write->index / PER_COMMAND != part);
    if (is_next && writes.count > 0) apply(run, end_part(run, &writes));
    if (!is_given) continue;
    part = write->index / PER_COMMAND;
    ptrdiff_t channel = fl_definition_channel(run->definition, write->channel);
    if (channel < 0) continue;
    bool has_value =
        (size_t)channel < run->definition->state_channel_count || (size_t)channel == run->definition->tasks_channel;
    fl_writes_add_take(&writes, (size_t)channel, has_value ? fl_value_ref(write->value) : NULL);
  }
}

/* On a new thread it is an input. */
static void begin_with(struct fl_run *run) {
  FL_VALUE_AUTO nothing = fl_object();
  struct fl_ev input = *run->ev;
  input.kind = FL_EV_INPUT;
  input.value = input.update != NULL ? input.update : nothing;
  const struct fl_ev *before = run->ev;
  run->ev = &input;
  fl_run_on_input(run);
  run->ev = before;
}

void fl_run_on_command(struct fl_run *run) {
  struct fl_records records = {0};
  if (run->ev->update == NULL && run->ev->goto_count == 0) {
    fl_run_refuse(run, FL_E_INVALID, "a command needs an update or a node to go to");
    return;
  }
  if (run->checkpoint_no == 0) {
    begin_with(run);
    return;
  }
  if (!fl_run_may_begin(run)) return;
  fl_run_pass_stops(run);
  if (fl_run_is_past(run)) fl_run_fork(run, false);
  if (!fl_given_take(run, &records)) return;
  fl_run_commit(run, &records, run->checkpoint_no);
  fl_emit_values(run);
  fl_run_proceed(run);
}
