/* SPDX-License-Identifier: MIT */
/* The superstep, on one page. Bulk-synchronous, as in Pregel and LangGraph: the tasks of a step run side by side on one
 * state; when the last of them has ended, `complete_superstep` folds their writes in task order, moves the hidden
 * channels on, plans what follows, emits one commit, and then starts the next tasks. Everything else here says what
 * happens when a task ends in another way. Pure; the invariants are those of run.h.
 *
 *   INPUT ─► seal(input) ─┐
 *   CONTINUE, RESUME ─────┴─► proceed ─► START_TASK … ─► all done ─► complete_superstep ─► seal(loop) ─► proceed
 *                             proceed, and nothing is left to run ─► END
 *                             ended, and some asked, failed or were cancelled ─► END */
#include "graph/core.h"

#include "runtime/base/check.h"
#include "runtime/base/mem.h"
#include "graph/send.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- the end ---- */

void fl_run_end(struct fl_run *run, enum fl_run_status status, const struct fl_error *err) {
  struct fl_value *interrupts = status == FL_RUN_INTERRUPTED ? fl_run_interrupts(run) : NULL;
  if (interrupts != NULL) fl_emit_interrupts(run, interrupts);
  struct fl_do *effect = fl_effects_add(run->effects, FL_DO_END);
  effect->after = run->end_seq = run->is_broken ? 0 : run->last_seq; /* a commit that failed is never acknowledged */
  effect->status = status;
  effect->interrupts = interrupts;
  if (status == FL_RUN_TO_PARENT) {
    effect->to_parent = run->to_parent;
    run->to_parent = (struct fl_parent_command){0};
  }
  if (err != NULL && err == run->error) {
    effect->error = run->error;
    run->error = NULL;
  } else if (err != NULL) {
    effect->error = fl_new(struct fl_error);
    *effect->error = *err;
  }
  run->phase = FL_PHASE_IDLE;
}

void fl_run_refuse(struct fl_run *run, int code, const char *format, ...) {
  struct fl_error err;
  va_list args;
  va_start(args, format);
  fl_error_vset(&err, code, format, args);
  va_end(args);
  fl_run_end(run, FL_RUN_FAILED, &err);
}

/* ---- one checkpoint: fold, check, move on, plan, commit ---- */

void fl_seal_begin(struct fl_run *run, struct fl_seal *seal, const char *source, int64_t step) {
  *seal = (struct fl_seal){.source = source, .step = step};
  fl_folds_init(&seal->folds, run->state, !run->ephemeral);
  if (fl_given_fold(run, &seal->folds, NULL) < 0) fl_folds_deinit(&seal->folds);
}

void fl_seal_abandon(struct fl_seal *seal) {
  fl_value_unref(seal->sends);
  fl_folds_deinit(&seal->folds);
  fl_records_deinit(&seal->records);
}

/* What a branch of the task has folded already is taken over: folding it twice would copy the lists it appended to. */
int fl_seal_fold_task(struct fl_run *run, struct fl_seal *seal, struct fl_planned *task, struct fl_error *err) {
  if (task->has_view && run->given.count == 0) fl_folds_adopt(&seal->folds, &task->view, task);
  seal->folds.labels = fl_task_labels(run, task);
  for (size_t i = 0; i < task->writes.count; i++) {
    const struct fl_task_write *write = &task->writes.items[i];
    if (write->channel >= run->definition->state_channel_count) continue;
    struct fl_fold *fold = fl_folds_find(&seal->folds, write->channel);
    if (fold != NULL && fold->owner == task) continue;
    int rc = fl_folds_write(&seal->folds, write->channel, write->value, fl_run_node(run, task)->name, err);
    if (rc < 0) return rc;
  }
  return 0;
}

void fl_seal_add_sends(const struct fl_run *run, struct fl_seal *seal, const struct fl_writes *writes) {
  for (size_t i = 0; i < writes->count; i++) {
    if (writes->items[i].channel != run->definition->tasks_channel) continue;
    if (seal->sends == NULL) seal->sends = fl_array();
    fl_append_take(seal->sends, fl_value_ref(writes->items[i].value));
  }
}

int fl_seal_values(struct fl_run *run, struct fl_seal *seal, struct fl_error *err) {
  if (fl_size(seal->sends) > FL_SENDS_MAX)
    return fl_error_set(err, FL_E_LIMIT, "the superstep sends %zu times; the limit is %d", fl_size(seal->sends),
                        FL_SENDS_MAX);
  int rc = fl_folds_check(&seal->folds, err);
  if (rc == 0) rc = fl_checkpoint_values(run, &seal->folds, &seal->records, err);
  return rc < 0 ? rc : fl_checkpoint_sends(run, seal, err);
}

/* Returns whether anything that users see has changed. */
static bool take_values(struct fl_run *run, struct fl_seal *seal) {
  bool is_changed = false, is_seen = false;
  for (size_t i = 0; i < seal->folds.count; i++) {
    const struct fl_fold *fold = &seal->folds.items[i];
    if (!fold->is_changed) continue;
    struct fl_slot *slot = &run->slots[fold->channel];
    *slot = (struct fl_slot){.version = run->version + 1,
                             .value_no = fold->value_no,
                             .labels = fold->is_written ? slot->labels | fold->labels : 0,
                             .live_size = fold->live_size,
                             .stored_size = fold->stored_size};
    is_changed = true;
    is_seen |= fold->is_written && run->definition->channels[fold->channel].is_output;
  }
  if (!is_changed) return false;
  struct fl_state *next = fl_state_with(run->state, &seal->folds);
  fl_state_unref(run->state);
  run->state = next;
  return is_seen;
}

static void take_sends(struct fl_run *run, struct fl_seal *seal) {
  fl_value_unref(run->sends);
  run->sends = seal->sends;
  run->sends_version = run->version + 1;
  run->sends_no = seal->sends_no;
  run->sends_labels = seal->sends_labels;
  seal->sends = NULL;
}

static void take_checkpoint(struct fl_run *run, const struct fl_seal *seal) {
  memcpy(run->parent_id, run->checkpoint_id, FL_UUID_SIZE);
  memcpy(run->checkpoint_id, run->ev->checkpoint_id, FL_UUID_SIZE);
  run->parent_no = run->checkpoint_no;
  run->checkpoint_no = run->head_no = run->numbers->next_checkpoint_no++;
  run->step = seal->step;
  run->has_said_upward = false; /* it was said at another checkpoint */
  run->wall_ms = run->ev->wall_ms;
  snprintf(run->source, sizeof run->source, "%s", seal->source);
  char *writer = fl_strdup(seal->writer); /* may be the run's own */
  fl_free(run->writer);
  run->writer = writer;
  run->version++;
  fl_given_clear(run);
  fl_state_unref(run->seen_state);
  run->seen_state = NULL;
}

void fl_seal_end(struct fl_run *run, struct fl_seal *seal, const struct fl_planned *last) {
  bool is_superstep = strcmp(seal->source, "loop") == 0, is_input = strcmp(seal->source, "input") == 0;
  run->before = fl_state_ref(run->state);
  bool is_changed = take_values(run, seal);
  if (strcmp(seal->source, "fork") != 0) { /* which has the same ahead of it */
    fl_control_finish(run, seal->sends != NULL);
    take_sends(run, seal);
  }
  struct fl_planned ended = {0};
  if (!seal->keeps_stops) {
    fl_value_unref(run->stops);
    run->stops = NULL;
  }
  if (is_superstep) fl_run_note_stops(run, true);
  if (last != NULL) {
    ended = *last; /* its stream events come after the commit, when the plan has moved on */
    run->tasks[last - run->tasks] =
        (struct fl_planned){.status = FL_TASK_DONE, .node = last->node, .planned = last->planned};
  }
  uint64_t head = run->head_no;
  take_checkpoint(run, seal);
  fl_plan(run);
  if (run->stops == NULL && (is_superstep || is_input)) fl_run_note_stops(run, false);
  fl_checkpoint_record(run, &seal->records);
  fl_run_commit(run, &seal->records, head);
  if (last != NULL) {
    fl_emit_ended(run, &ended);
    fl_planned_deinit(&ended);
  }
  if (is_changed || is_input) fl_emit_values(run);
  fl_emit_checkpoint(run);
  fl_state_unref(run->before);
  run->before = NULL;
  fl_seal_abandon(seal);
}

static int by_arrival(const void *a, const void *b) {
  const struct fl_planned *x = *(struct fl_planned *const *)a, *y = *(struct fl_planned *const *)b;
  return (x->arrival > y->arrival) - (x->arrival < y->arrival);
}

/* Invariant 1: task order. */
static int fold_all(struct fl_run *run, struct fl_seal *seal, struct fl_error *err) {
  FL_FREE_AUTO struct fl_planned **order = fl_new_array(struct fl_planned *, run->task_count);
  for (size_t i = 0; i < run->task_count; i++) order[i] = fl_plan_in_order(run, i);
  if (fl_run_faults.fold_in_arrival_order) qsort(order, run->task_count, sizeof *order, by_arrival);
  int rc = 0;
  for (size_t i = 0; i < run->task_count && rc == 0; i++) {
    rc = fl_seal_fold_task(run, seal, order[i], err);
    seal->sends_labels |= fl_task_labels(run, order[i]);
    fl_seal_add_sends(run, seal, &order[i]->writes);
  }
  return rc;
}

static void move_hidden_channels(struct fl_run *run) {
  for (size_t i = 0; i < run->task_count; i++)
    if (run->tasks[i].kind == FL_TASK_PULL) fl_control_mark_seen(run, fl_run_planned_node(run, &run->tasks[i]));
  fl_control_clear_triggers(run);
  for (size_t i = 0; i < run->task_count; i++)
    fl_control_write_all(run, &run->tasks[i].writes, fl_run_node(run, &run->tasks[i])->name);
}

/* Beside the checkpoint, while the superstep is not complete. */
static int store_writes(struct fl_run *run, const struct fl_planned *task, struct fl_error *err) {
  struct fl_records records = {0};
  int rc = run->ephemeral ? 0 : fl_checkpoint_writes(run, task, &records, err);
  fl_checkpoint_heads(run, task, &records);
  if (rc < 0) fl_records_deinit(&records);
  else fl_run_commit(run, &records, run->checkpoint_no);
  return rc;
}

/* What the tasks wrote stays: a graph that is put right goes on from here. What cannot be stored is forgotten. */
static void superstep_failed(struct fl_run *run, struct fl_planned *last, const struct fl_error *err) {
  if (last != NULL && store_writes(run, last, NULL) < 0) {
    fl_planned_forget(last);
    last->status = FL_TASK_READY;
  } else if (last != NULL) fl_emit_ended(run, last);
  fl_run_end(run, FL_RUN_FAILED, err);
}

static void complete_superstep(struct fl_run *run, struct fl_planned *last) {
  struct fl_seal seal;
  struct fl_error err;
  fl_seal_begin(run, &seal, "loop", run->step + 1);
  int rc = fold_all(run, &seal, &err);
  fl_folds_fade(&seal.folds);
  if (rc == 0) rc = fl_seal_values(run, &seal, &err);
  if (rc < 0) {
    fl_seal_abandon(&seal);
    superstep_failed(run, last, &err);
    return;
  }
  move_hidden_channels(run);
  fl_seal_end(run, &seal, last);
  fl_run_proceed(run);
}

/* ---- going on ---- */

/* Whether all tasks but `task` (NULL: all) are done. */
static bool is_last_to_end(const struct fl_run *run, const struct fl_planned *task) {
  if (run->running_count > (task != NULL)) return false;
  for (size_t i = 0; i < run->task_count; i++)
    if (&run->tasks[i] != task && run->tasks[i].status != FL_TASK_DONE) return false;
  return true;
}

static bool stands_after(const struct fl_run *run) {
  return run->stops != NULL && strcmp(fl_get_string(fl_at(run->stops, 0), "when", ""), "after") == 0;
}

static void start_ready(struct fl_run *run) {
  run->phase = FL_PHASE_RUNNING;
  run->steps_used++;
  run->first_ready = 0;
  fl_run_start_more(run);
  if (run->running_count == 0) fl_run_end(run, FL_RUN_INTERRUPTED, NULL); /* the rest waits for answers */
}

void fl_run_proceed(struct fl_run *run) {
  if (run->has_said_upward) {
    run->has_said_upward = false;
    fl_run_end(run, FL_RUN_TO_PARENT, NULL);
    return;
  }
  if (stands_after(run)) fl_run_end(run, FL_RUN_INTERRUPTED, NULL);
  else if (run->task_count == 0) fl_run_end(run, FL_RUN_DONE, NULL);
  else if (run->steps_used >= run->recursion_limit)
    fl_run_refuse(
        run, FL_E_RECURSION,
        "the recursion limit of %u was reached before superstep %lld (GRAPH_RECURSION_LIMIT); raise recursion_limit in "
        "the graph or in the run, or look for a loop that does not end; the thread can be continued",
        run->recursion_limit, (long long)run->step + 1);
  else if (run->stops != NULL) fl_run_end(run, FL_RUN_INTERRUPTED, NULL);
  else if (is_last_to_end(run, NULL)) /* each task's writes were stored, but the superstep was not completed */
    complete_superstep(run, NULL);
  else start_ready(run);
}

/* What is not stored lasts for a run, also when the thread stays in memory: it starts again at its default, and what
 * tasks of an unfinished superstep wrote is gone. */
static void drop_untracked(struct fl_run *run) {
  struct fl_state *next = fl_state_clone(run->state);
  for (size_t i = 0; i < run->definition->state_channel_count; i++) {
    const struct fl_channel_def *channel = &run->definition->channels[i];
    if (channel->reducer != FL_UNTRACKED) continue;
    fl_state_set_take(next, i, (struct fl_var){.value = fl_value_ref(channel->default_value)});
    for (size_t j = 0; j < run->task_count; j++) fl_writes_drop(&run->tasks[j].writes, i);
  }
  fl_state_unref(run->state);
  run->state = next;
  for (size_t i = 0; i < run->definition->state_channel_count; i++)
    if (run->definition->channels[i].reducer == FL_UNTRACKED) fl_given_drop(run, i);
  fl_state_unref(run->seen_state);
  run->seen_state = NULL;
}

bool fl_run_may_begin(struct fl_run *run) {
  fl_check(run->phase == FL_PHASE_IDLE); /* one run at a time on a thread is the engine's part */
  if (run->is_broken) {
    fl_run_refuse(run, FL_E_STATE, "the last commit of this thread failed: load the thread again before it goes on");
    return false;
  }
  run->steps_used = 0;
  if (run->definition->has_untracked) drop_untracked(run);
  return true;
}

static void on_continue(struct fl_run *run) {
  if (!fl_run_may_begin(run)) return;
  if (run->checkpoint_no == 0) {
    fl_run_refuse(run, FL_E_STATE, "the thread has nothing to go on from: give it an input first");
    return;
  }
  if (!run->ev->keeps_stops) fl_run_pass_stops(run);
  if (fl_run_is_past(run)) fl_run_fork(run, false);
  fl_emit_values(run);
  fl_run_proceed(run);
}

/* ---- a task has ended ---- */

static void cancel_running(struct fl_run *run) {
  for (size_t i = 0; i < run->task_count; i++) {
    if (run->tasks[i].status != FL_TASK_RUNNING) continue;
    struct fl_do *effect = fl_effects_add(run->effects, FL_DO_CANCEL_TASK);
    effect->after = run->tasks[i].start_seq;
    memcpy(effect->task_id, run->tasks[i].id, FL_UUID_SIZE);
  }
}

/* The superstep is not complete: what waits for its turn has it now; when nothing runs any more, the run ends. */
static void end_incomplete(struct fl_run *run) {
  if (run->phase == FL_PHASE_RUNNING) fl_run_start_more(run);
  if (run->running_count > 0) return;
  if (run->phase == FL_PHASE_FAILING) fl_run_end(run, FL_RUN_FAILED, run->error);
  else if (run->phase == FL_PHASE_LEAVING) fl_run_end(run, FL_RUN_TO_PARENT, NULL);
  else fl_run_end(run, run->phase == FL_PHASE_CANCELLING ? FL_RUN_CANCELLED : FL_RUN_INTERRUPTED, NULL);
}

static void set_error(struct fl_planned *task, const char *node, const struct fl_error *err) {
  int code = err != NULL && err->code < 0 ? err->code : FL_E_TASK;
  if (task->error == NULL) task->error = fl_new(struct fl_error);
  fl_error_set(task->error, code, "node \"%s\": %s", node,
               err != NULL && err->text[0] != '\0' ? err->text : fl_error_sentence(code));
}

/* `handler`: what says that another node takes the task's place; NULL: none does. */
static void store_error(struct fl_run *run, const struct fl_planned *task, struct fl_value *handler) {
  if (run->ephemeral) return;
  struct fl_records records = {0};
  FL_VALUE_AUTO stored = fl_object();
  fl_set_int(stored, "code", task->error->code);
  fl_set_string(stored, "word", fl_error_word(task->error->code));
  fl_set_string(stored, "message", task->error->text);
  fl_checkpoint_write(run, task, FL_WRITE_ERROR, stored, &records);
  fl_checkpoint_heads(run, task, &records);
  if (handler != NULL) fl_checkpoint_write(run, task, FL_WRITE_ERROR_SOURCE, handler, &records);
  fl_run_commit(run, &records, run->checkpoint_no);
}

/* The first hard error that no node handles ends the run; what a cancelled sibling says about its own end is no news.
 */
static void task_failed(struct fl_run *run, struct fl_planned *task, const struct fl_error *err) {
  bool was_cancelled = run->phase != FL_PHASE_RUNNING && err != NULL && err->code == FL_E_CANCELLED;
  bool is_handled = run->phase == FL_PHASE_RUNNING && fl_task_has_handler(run, task);
  FL_VALUE_AUTO handler = is_handled ? fl_task_handler_record(run, task, err) : NULL;
  fl_planned_forget(task);
  fl_run_task_stopped(run, task);
  task->status = was_cancelled ? FL_TASK_READY : FL_TASK_FAILED;
  if (!was_cancelled) {
    set_error(task, fl_run_node(run, task)->name, err);
    store_error(run, task, handler);
    fl_emit_task_end(run, task);
  }
  if (is_handled) {
    fl_task_hand_over(run, task, handler);
  } else if (run->phase == FL_PHASE_RUNNING) {
    run->phase = FL_PHASE_FAILING;
    if (run->error == NULL) run->error = fl_new(struct fl_error);
    *run->error = *task->error;
    cancel_running(run);
  }
  end_incomplete(run);
}

/* The event's writes by channel index, messages in their normal form. */
static int accept_writes(struct fl_run *run, struct fl_planned *task, struct fl_error *err) {
  struct fl_accepting to = {&task->writes, task->id, 0};
  for (size_t i = 0; i < run->ev->write_count; i++) {
    int rc = fl_writes_accept(run, &to, &run->ev->writes[i], err);
    if (rc < 0) return rc;
  }
  return 0;
}

/* A branch decides on the state with the task's own writes, and nobody else's. */
static int find_ways(struct fl_run *run, struct fl_planned *task, struct fl_error *err) {
  const struct fl_node_def *node = fl_run_node(run, task);
  if (node->branch_count == 0) return fl_route(run, node, NULL, &task->writes, err);
  struct fl_seal own = {0};
  fl_folds_init(&own.folds, fl_run_base(run), !run->ephemeral);
  int rc = fl_seal_fold_task(run, &own, task, err);
  struct fl_state *view = fl_state_with(fl_run_base(run), &own.folds);
  if (rc == 0) rc = fl_route(run, node, view, &task->writes, err);
  fl_state_unref(view);
  task->view = own.folds;
  task->has_view = true;
  return rc;
}

static void copy_command(const struct fl_parent_command *command, struct fl_parent_command *ret_copy) {
  *ret_copy = (struct fl_parent_command){.writes = fl_new_array(struct fl_write, command->write_count),
                                         .write_count = command->write_count,
                                         .gotos = fl_new_array(struct fl_goto, command->goto_count),
                                         .goto_count = command->goto_count};
  for (size_t i = 0; i < command->write_count; i++)
    ret_copy->writes[i] =
        (struct fl_write){fl_strdup(command->writes[i].channel), fl_value_ref(command->writes[i].value)};
  for (size_t i = 0; i < command->goto_count; i++)
    ret_copy->gotos[i] = (struct fl_goto){fl_strdup(command->gotos[i].node), fl_value_ref(command->gotos[i].arg)};
}

/* The run ends as with a failure: siblings are cancelled and the superstep stays incomplete. What was said is stored,
 * so that it is said again, without the task, should the graph above not have heard it. The first command counts. */
static void task_leaves(struct fl_run *run, struct fl_planned *task) {
  if (!run->has_parent) {
    struct fl_error err;
    fl_error_set(&err, FL_E_GRAPH,
                 "it gave a command to the graph above (graph: parent), but this graph is not inside another");
    task_failed(run, task, &err);
    return;
  }
  task->status = FL_TASK_READY;
  fl_run_task_stopped(run, task);
  if (run->phase == FL_PHASE_RUNNING) {
    run->phase = FL_PHASE_LEAVING;
    fl_parent_command_deinit(&run->to_parent); /* of an earlier checkpoint, found stored */
    copy_command(run->ev->to_parent, &run->to_parent);
    fl_upward_store(run, task);
    cancel_running(run);
  }
  end_incomplete(run);
}

static void task_done(struct fl_run *run, struct fl_planned *task) {
  struct fl_error err;
  if (run->ev->to_parent != NULL) {
    task_leaves(run, task);
    return;
  }
  task->is_cached = run->ev->is_cached;
  int rc = accept_writes(run, task, &err);
  if (rc == 0) rc = fl_route_gotos(run, run->ev->gotos, run->ev->goto_count, &task->writes, &err);
  if (rc == 0) rc = find_ways(run, task, &err);
  bool is_last = run->phase == FL_PHASE_RUNNING && is_last_to_end(run, task);
  if (rc == 0 && !is_last) rc = store_writes(run, task, &err);
  if (rc < 0) {
    task_failed(run, task, &err);
    return;
  }
  task->status = FL_TASK_DONE;
  task->arrival = ++run->arrivals;
  fl_run_task_stopped(run, task);
  if (is_last) {
    complete_superstep(run, task);
    return;
  }
  fl_emit_ended(run, task);
  end_incomplete(run);
}

static void task_interrupted(struct fl_run *run, struct fl_planned *task) {
  fl_run_task_stopped(run, task);
  fl_task_ask(run, task);
  fl_emit_task_end(run, task);
  end_incomplete(run);
}

static void on_task_event(struct fl_run *run) {
  struct fl_planned *task = fl_plan_find(run, run->ev->task_id);
  if (task == NULL || task->status != FL_TASK_RUNNING) return; /* a report that comes too late says nothing */
  fl_state_unref(run->seen_state);
  run->seen_state = NULL;
  fl_run_take_heads(run, run->ev->heads);
  task->labels |= run->ev->labels;
  fl_run_note_labels(run, run->ev->labels);
  if (run->ev->kind == FL_EV_TASK_DONE) task_done(run, task);
  else if (run->ev->kind == FL_EV_TASK_FAILED) task_failed(run, task, run->ev->error);
  else task_interrupted(run, task);
}

/* ---- cancelling, and a store that fails ---- */

static void on_cancel(struct fl_run *run) {
  if (run->phase == FL_PHASE_IDLE) {
    fl_run_end(run, FL_RUN_CANCELLED, NULL);
    return;
  }
  if (run->phase != FL_PHASE_RUNNING) return; /* it is ending already */
  run->phase = FL_PHASE_CANCELLING;
  cancel_running(run);
}

/* The engine drops what waits for this commit or a later one: tasks that had not started never will, and an END that
 * waited is said again as a failure. */
static void on_commit_failed(struct fl_run *run) {
  bool end_is_dropped = run->phase == FL_PHASE_IDLE && run->end_seq >= run->ev->seq;
  run->is_broken = true;
  if (run->phase == FL_PHASE_IDLE && !end_is_dropped) return;
  if (run->phase != FL_PHASE_FAILING) {
    if (run->error == NULL) run->error = fl_new(struct fl_error);
    fl_error_set(run->error, run->ev->error != NULL ? run->ev->error->code : FL_E_IO,
                 "what the run did could not be stored: %s",
                 run->ev->error != NULL ? run->ev->error->text : "the store gave no reason");
  }
  run->phase = FL_PHASE_FAILING;
  for (size_t i = 0; i < run->task_count; i++) {
    bool has_started = run->starts_early || run->tasks[i].start_seq < run->ev->seq;
    if (run->tasks[i].status != FL_TASK_RUNNING || has_started) continue;
    run->tasks[i].status = FL_TASK_READY;
    fl_run_task_stopped(run, &run->tasks[i]);
  }
  cancel_running(run);
  end_incomplete(run);
}

void fl_run_step(struct fl_run *run, const struct fl_ev *ev, struct fl_effects *effects) {
  run->ev = ev;
  run->effects = effects;
  switch (ev->kind) {
  case FL_EV_INPUT: fl_run_on_input(run); break;
  case FL_EV_CONTINUE: on_continue(run); break;
  case FL_EV_RESUME: fl_run_on_resume(run); break;
  case FL_EV_UPDATE: fl_run_on_update(run); break;
  case FL_EV_COMMAND: fl_run_on_command(run); break;
  case FL_EV_BULK_UPDATE: fl_run_on_bulk_update(run); break;
  case FL_EV_TASK_DONE:
  case FL_EV_TASK_FAILED:
  case FL_EV_TASK_INTERRUPTED: on_task_event(run); break;
  case FL_EV_COMMITTED: break; /* effects name the commit they wait for; the engine holds them */
  case FL_EV_COMMIT_FAILED: on_commit_failed(run); break;
  case FL_EV_CANCEL: on_cancel(run); break;
  }
  run->ev = NULL;
  run->effects = NULL;
}
