/* SPDX-License-Identifier: MIT */
/* One execution of one node: what the node function sees and does. Implements the task half of <fairlead/graph.h>.
 *
 * Happy path: start enters the node function; it writes and answers FL_DONE, or FL_PENDING and completes later, from
 * the reply of a call; the task's end becomes an event for the core.
 * Failure modes: a cancel tells the calls, whose
 * replies let the node complete; a node that has no call under way is ended for it; whatever it does afterwards is
 * ignored. */
#include "runtime/engine/engine.h"

#include "runtime/base/check.h"
#include "runtime/base/mem.h"
#include "runtime/engine/audit.h"
#include "runtime/engine/elicit.h"
#include "runtime/engine/replay.h"
#include "runtime/engine/tracing.h"
#include "runtime/engine/ledger.h"
#include "runtime/engine/permit.h"

#include <stdio.h>

enum { FL_TASK_WRITES_MAX = 100000 };

/* ---- what a node reads ---- */

const struct fl_state *fl_task_state(const struct fl_task *task) { return task->start.state; }
const char *fl_task_node(const struct fl_task *task) { return task->start.node; }
const char *fl_task_id(const struct fl_task *task) { return task->start.id; }
const struct fl_value *fl_task_error(const struct fl_task *task) { return task->start.error; }
const struct fl_value *fl_task_context(const struct fl_task *task) { return task->invocation->context; }
const struct fl_node_def *fl_task_def(const struct fl_task *task) { return task->node; }
bool fl_task_is_cancelled(const struct fl_task *task) { return task->is_cancelled; }

/* ---- what a node does ---- */

int fl_task_fail(struct fl_task *task, int code, const char *format, ...) {
  va_list args;
  if (task->error == NULL) task->error = fl_new(struct fl_error);
  va_start(args, format);
  fl_error_vset(task->error, code, format, args);
  va_end(args);
  return code;
}

int fl_task_write_take(struct fl_task *task, const char *channel, struct fl_value *value) {
  const struct fl_definition *definition = task->frame->definition;
  ptrdiff_t index = fl_definition_channel(definition, channel);
  if (index < 0 || definition->channels[index].kind != FL_CHANNEL_STATE || task->write_count == FL_TASK_WRITES_MAX) {
    fl_value_unref(value);
    if (task->write_count == FL_TASK_WRITES_MAX)
      return fl_task_fail(task, FL_E_LIMIT, "node %s wrote more than %d times in one task", task->start.node,
                          FL_TASK_WRITES_MAX);
    return fl_task_fail(task, FL_E_NOT_FOUND, "node %s writes to \"%s\", which is not a channel of this graph",
                        task->start.node, channel);
  }
  if (task->write_count == task->write_capacity) {
    task->write_capacity = task->write_capacity > 0 ? task->write_capacity * 2 : 4;
    task->writes = fl_realloc(task->writes, task->write_capacity * sizeof *task->writes);
  }
  task->writes[task->write_count++] = (struct fl_write){definition->channels[index].name, value};
  return 0;
}

int fl_task_interrupt(struct fl_task *task, struct fl_value *question, struct fl_value **ret_answer) {
  size_t index = fl_elicit_unclaimed(task, task->answer_count++);
  if (index < fl_size(task->start.answers)) {
    *ret_answer = fl_at(task->start.answers, index);
    return 0;
  }
  if (task->question == NULL) task->question = fl_value_ref(question); /* one after the other, as answers are given */
  return FL_INTERRUPT;
}

/* Nothing that a node says may be seen before what it is based on is on disk. */
void fl_task_emit_take(struct fl_task *task, struct fl_value *value) {
  fl_task_heartbeat(task);
  bool is_wanted = fl_invocation_tells(task->invocation) && (task->invocation->options.follow & FL_FOLLOW_CUSTOM) != 0;
  if (!is_wanted) fl_value_unref(value);
  else fl_frame_tell(task->frame, "custom", task->start.node, value, task->invocation->last_ticket);
}

/* ---- its end ---- */

static void tell_end(struct fl_task *task, const char *outcome) {
  if (task->invocation->trace != NULL) fl_tracing_task_ended(task, outcome);
  if (!fl_invocation_is_followed(task->invocation)) return;
  struct fl_value *data = fl_object();
  fl_set_string(data, "type", "node_end");
  fl_set_string(data, "outcome", outcome);
  fl_set_int(data, "step", task->start.step);
  fl_set_take(data, "ms",
              fl_double((double)(fl_world_now_us(task->invocation->runtime->world) - task->started_us) / 1000.0));
  if (strcmp(outcome, "failed") == 0) fl_set_string(data, "error", task->error->text);
  struct fl_item *item = fl_new(struct fl_item);
  *item = (struct fl_item){.kind = FL_ITEM_EVENT, .mode = "events", .node = fl_strdup(task->start.node), .data = data};
  *task->late_tail = item;
  task->late_tail = &item->next;
}

static struct fl_queued_event *end_event(struct fl_task *task, enum fl_ev_kind kind) {
  struct fl_queued_event *event = fl_new(struct fl_queued_event);
  event->ev.kind = kind;
  event->task = task;
  event->heads = fl_value_ref(task->heads);
  return event;
}

static void end_interrupted(struct fl_task *task) {
  char index[16];
  snprintf(index, sizeof index, "%zu", fl_size(task->start.answers));
  char id[FL_UUID_SIZE];
  fl_derived_id((fl_slice[]){fl_slice_of(task->start.id), FL_SLICE("interrupt"), fl_slice_of(index)}, 3, id);
  struct fl_queued_event *event = end_event(task, FL_EV_TASK_INTERRUPTED);
  event->interrupt_id = fl_strdup(id);
  event->value = fl_value_ref(task->question);
  event->children = fl_value_ref(task->waits);
  tell_end(task, "interrupted");
  fl_frame_enqueue(task->frame, event);
}

static void end_failed(struct fl_task *task) {
  struct fl_queued_event *event = end_event(task, FL_EV_TASK_FAILED);
  event->error = fl_new(struct fl_error);
  *event->error = *task->error;
  bool was_cancelled = task->is_cancelled && (task->is_unwanted || !task->is_timed_out);
  tell_end(task, was_cancelled ? "cancelled" : "failed");
  fl_frame_enqueue(task->frame, event);
}

/* Tried again, if the node's policy says so. */
static void fail(struct fl_task *task, int outcome) {
  if (task->error == NULL) fl_task_fail(task, outcome, "%s", fl_error_sentence(outcome));
  if (!fl_attempt_again(task)) end_failed(task);
}

static void end_done(struct fl_task *task) {
  fl_cached_put(task);
  struct fl_queued_event *event = end_event(task, FL_EV_TASK_DONE);
  event->ev.is_cached = task->is_cached;
  event->writes = task->writes;
  event->write_count = task->write_count;
  task->writes = NULL;
  task->write_count = task->write_capacity = 0;
  event->gotos = task->gotos;
  event->to_parent = task->to_parent;
  task->gotos = (struct fl_gotos){0};
  task->to_parent = NULL;
  tell_end(task, task->is_cached ? "cached" : "done");
  fl_frame_enqueue(task->frame, event);
}

void fl_task_complete(struct fl_task *task, int outcome) {
  if (task->has_outcome && task->is_cancelled) { /* it was ended for the node by a cancel */
    task->is_pending = false;
    fl_task_free_if_gone(task);
    return;
  }
  fl_check(!task->has_outcome);
  fl_task_heartbeat(task);
  task->has_outcome = true;
  task->is_pending = false;
  bool is_late = task->is_timed_out && !task->is_unwanted;
  if (task->is_cancelled && outcome >= 0 && outcome != FL_DONE) outcome = FL_E_CANCELLED;
  if (is_late) fl_attempt_say_timeout(task);
  if (is_late) outcome = FL_E_TIMEOUT;
  if (task->error != NULL && outcome >= 0) outcome = task->error->code; /* a write that failed is not forgotten */
  if (outcome == FL_INTERRUPT && task->question == NULL && task->waits == NULL)
    outcome = fl_task_fail(task, FL_E_BUG, "node %s answered FL_INTERRUPT without fl_task_interrupt", task->start.node);
  task->outcome = outcome;
  fl_task_cancel_frames(task); /* nobody waits for them any more */
  if (outcome == FL_INTERRUPT && task->open_call_count > 0) {
    task->is_asking = true;
    fl_invocation_wake(task->invocation);
    return;
  }
  /* Results of calls are kept by what the task writes, once the core has taken it; see fl_task_settle. */
  if (outcome != FL_DONE) fl_task_flush_results(task);
  if (outcome == FL_DONE) end_done(task);
  else if (outcome == FL_INTERRUPT) end_interrupted(task);
  else fail(task, outcome);
}

void fl_task_end_asking(struct fl_task *task) {
  task->is_asking = false;
  fl_task_flush_results(task);
  if (!task->is_cancelled) {
    end_interrupted(task);
    return;
  }
  task->outcome = fl_task_fail(task, FL_E_CANCELLED, "node %s was cancelled", task->start.node);
  end_failed(task);
}

static void tell_late(struct fl_task *task, uint64_t ticket) {
  for (struct fl_item *item = task->late, *next; item != NULL; item = next) {
    next = item->next;
    fl_frame_tell(task->frame, item->mode, item->node, item->data, ticket);
    fl_free(item->node);
    fl_free(item);
  }
  task->late = NULL;
  task->late_tail = &task->late;
}

bool fl_task_flush_results(struct fl_task *task) {
  size_t count = task->results.count + task->audit.count;
  if (count == 0 || (task->has_outcome && task->outcome == FL_DONE)) return false;
  uint64_t ticket = 0;
  fl_tracing_results_left(task);
  fl_audit_join(task, &task->results);
  if (task->invocation->is_ephemeral) fl_records_deinit(&task->results);
  else ticket = fl_invocation_commit(task->invocation, &task->results);
  tell_late(task, ticket);
  return true;
}

static bool tells_failure(const struct fl_do *effect, const char *task_id) {
  for (size_t i = 0; effect->kind == FL_DO_COMMIT && i < effect->records.count; i++) {
    const struct fl_record *record = &effect->records.items[i];
    if (record->kind == FL_RECORD_WRITE && record->write.index == FL_WRITE_ERROR &&
        strcmp(record->write.task_id, task_id) == 0)
      return true;
  }
  return false;
}

void fl_task_settle(struct fl_task *task, struct fl_effects *effects) {
  if (task->audit.count > 0) fl_audit_settle(task, effects);
  for (size_t i = 0; i < effects->count; i++)
    if (tells_failure(&effects->items[i], task->start.id)) {
      fl_records_move(&effects->items[i].records, &task->results);
      break;
    }
  /* What is written in a run that is not stored does not stand for them. */
  bool is_kept = !task->invocation->is_ephemeral && fl_frame_is_ephemeral(task->frame) && task->results.count > 0;
  if (is_kept) fl_invocation_commit(task->invocation, &task->results);
  fl_records_deinit(&task->results);
}

/* ---- its beginning ---- */

static fl_node_fn *function_of(struct fl_task *task, void **ret_user) {
  const struct fl_node_def *node = task->node;
  *ret_user = node->user;
  if (node->run != NULL) return node->run;
  const char *function = fl_get_string(node->config, "function", NULL);
  if (strcmp(node->type, "c") != 0 || function == NULL) return fl_node_kind(node->type);
  struct fl_runtime_function *found = fl_map_get(&task->invocation->runtime->functions, function);
  if (found == NULL) return NULL;
  *ret_user = found->user;
  return found->run;
}

static void tell_start(struct fl_task *task) {
  if (!fl_invocation_is_followed(task->invocation)) return;
  struct fl_value *data = fl_object();
  fl_set_string(data, "type", "node_start");
  fl_set_int(data, "step", task->start.step);
  fl_set_string(data, "task_id", task->start.id);
  if (task->attempt > 1) fl_set_int(data, "attempt", task->attempt);
  fl_frame_tell(task->frame, "events", task->start.node, data, task->invocation->acked_ticket);
}

struct fl_task *fl_task_create(struct fl_frame *frame, struct fl_start_task *start) {
  struct fl_invocation *invocation = frame->invocation;
  struct fl_task *task = fl_new(struct fl_task);
  task->frame = frame;
  task->invocation = invocation;
  task->start = *start;
  *start = (struct fl_start_task){0};
  task->attempt = 1;
  task->node = &frame->definition->nodes[task->start.node_index];
  task->late_tail = &task->late;
  task->link = invocation->tasks_tail;
  *task->link = task;
  invocation->tasks_tail = &task->next;
  frame->use_count++;
  return task;
}

static int run_node(struct fl_task *task) {
  int known = fl_cached_look(task);
  if (known == 0 && task->invocation->runtime->tracing != NULL) known = fl_replay_node(task);
  if (known != 0) return known > 0 ? FL_DONE : known;
  void *user = NULL;
  fl_node_fn *run = function_of(task, &user);
  if (run != NULL) return run(task, user);
  return fl_task_fail(task, FL_E_UNSUPPORTED, "node %s: this program has no function for its type \"%s\"",
                      task->start.node, task->node->type);
}

void fl_task_enter(struct fl_task *task) {
  struct fl_world *world = task->invocation->runtime->world;
  task->started_us = fl_world_now_us(world);
  task->began_ms = task->alive_ms = fl_world_now_ms(world);
  if (task->invocation->trace != NULL) fl_tracing_task_started(task);
  tell_start(task);
  int outcome = 0;
  if (task->invocation->ledger != NULL) {
    fl_ledger_step(task);
    outcome = fl_permit_step(task);
  }
  if (outcome == 0) outcome = run_node(task);
  if (outcome != FL_PENDING) {
    fl_task_complete(task, outcome);
  } else if (!task->has_outcome) {
    task->is_pending = true;
    fl_attempt_watch(task);
  }
}

void fl_task_start(struct fl_frame *frame, struct fl_start_task *start) { fl_task_enter(fl_task_create(frame, start)); }

/* ---- its end from outside ---- */

void fl_task_end_stopped(struct fl_task *task) {
  task->has_outcome = true;
  if (task->is_timed_out && !task->is_unwanted) fl_attempt_say_timeout(task);
  else fl_task_fail(task, FL_E_CANCELLED, "it was cancelled");
  task->outcome = task->error->code;
  fail(task, task->outcome);
}

static void stop(struct fl_task *task) {
  task->is_cancelled = true;
  if (task->opening != NULL)
    task->is_pending = false; /* nothing will complete it: the servers are not waited for any more */
  fl_task_cancel_calls(task);
  fl_task_cancel_frames(task);
  if (task->open_call_count + task->open_frame_count == 0)
    fl_task_end_stopped(task); /* otherwise their replies let the node complete */
}

void fl_task_time_out(struct fl_task *task) {
  if (task->has_outcome || task->is_cancelled) return;
  task->is_timed_out = true;
  stop(task);
}

void fl_task_cancel(struct fl_task *task) {
  task->is_unwanted = true;
  if (task->is_waiting || task->is_retrying) {
    fl_timer_stop(task->invocation->runtime->world, &task->timer);
    task->is_waiting = task->is_retrying = false;
    task->is_cancelled = true;
    fl_task_end_stopped(task);
  } else if (!task->is_cancelled && (!task->has_outcome || task->is_asking)) {
    stop(task);
  }
}

/* ---- its memory ---- */

void fl_task_free(struct fl_task *task) {
  *task->link = task->next;
  if (task->next != NULL) task->next->link = task->link;
  else task->invocation->tasks_tail = task->link;
  task->frame->use_count--;
  fl_timer_stop(task->invocation->runtime->world, &task->timer);
  fl_task_calls_free(task);
  fl_free(task->cache_key);
  fl_free(task->error);
  for (size_t i = 0; i < task->write_count; i++) fl_value_unref(task->writes[i].value);
  fl_free(task->writes);
  if (task->invocation->trace != NULL) fl_tracing_task_free(task);
  fl_task_forget_commands(task);
  fl_records_deinit(&task->audit);
  fl_records_deinit(&task->results);
  if (task->node_data_free != NULL) task->node_data_free(task->node_data);
  fl_value_unref(task->question);
  fl_value_unref(task->waits);
  fl_value_unref(task->heads);
  fl_value_unref(task->start.answers);
  fl_value_unref(task->start.error);
  fl_value_unref(task->start.arg);
  fl_value_unref(task->start.resume);
  fl_value_unref(task->start.children);
  fl_state_unref(task->start.state);
  fl_free(task);
}

void fl_task_free_if_gone(struct fl_task *task) {
  if (task->phase != FL_TASK_ENDED || task->open_call_count + task->frame_use_count > 0) return;
  if (task->is_pending || task->is_advancing) return;
  struct fl_invocation *invocation = task->invocation;
  if (task->results.count + task->audit.count > 0) { /* of calls that ended after the node */
    fl_task_flush_results(task);
    fl_audit_settle(task, &(struct fl_effects){0});
  }
  if (task->late != NULL) tell_late(task, invocation->last_ticket);
  fl_task_free(task);
  fl_invocation_task_gone(invocation);
}
