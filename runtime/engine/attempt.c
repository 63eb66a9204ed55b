/* SPDX-License-Identifier: MIT */
/* Attempts of a task: each has its own task object; time-outs end one, and the node's retry policy says whether another
 * follows. The core hears of the last one only.
 *
 * Happy path: the node completes in time, and this file has only started a timer.
 * Failure modes: time is up (the attempt's calls are cancelled, as when a run is cancelled, and it has failed with
 * FL_E_TIMEOUT; a node that waits for something of its own and does not react is ended for it); an attempt fails and
 * may be tried again (its open calls are cancelled and waited for, so that none is made twice, then comes the pause,
 * then a new attempt that finds the results of the calls of those before it).
 *
 * Callbacks in the order of time: on_time (time-out), on_pause_over. */
#include "runtime/engine/engine.h"

#include "runtime/base/mem.h"
#include "runtime/engine/tracing.h"

uint32_t fl_task_attempt(const struct fl_task *task) { return task->attempt; }

/* ---- time-outs ---- */

static int64_t now_ms(const struct fl_task *task) { return fl_world_now_ms(task->invocation->runtime->world); }

/* What a node inside a graph node does is a sign of life of that one as well. */
void fl_task_heartbeat(struct fl_task *task) {
  for (; task != NULL; task = task->frame->parent) task->alive_ms = now_ms(task);
}

static int64_t left_ms(const struct fl_task *task) {
  const struct fl_node_policy *policy = &task->node->policy;
  int64_t now = now_ms(task), left = INT64_MAX;
  if (policy->run_timeout_ms > 0) left = task->began_ms + policy->run_timeout_ms - now;
  if (policy->idle_timeout_ms > 0 && task->alive_ms + policy->idle_timeout_ms - now < left)
    left = task->alive_ms + policy->idle_timeout_ms - now;
  return left > 0 ? left : 0;
}

/* A sign of life since the timer was started has put the end off. */
static void on_time(struct fl_timer *timer) {
  struct fl_task *task = timer->user;
  if (left_ms(task) > 0) fl_timer_start(task->invocation->runtime->world, timer, (uint64_t)left_ms(task));
  else fl_task_time_out(task);
}

void fl_attempt_watch(struct fl_task *task) {
  const struct fl_node_policy *policy = &task->node->policy;
  if (policy->run_timeout_ms == 0 && policy->idle_timeout_ms == 0) return;
  task->timer = (struct fl_timer){.on_fire = on_time, .user = task};
  fl_timer_start(task->invocation->runtime->world, &task->timer, (uint64_t)left_ms(task));
}

void fl_attempt_say_timeout(struct fl_task *task) {
  const struct fl_node_policy *policy = &task->node->policy;
  bool is_idle = policy->run_timeout_ms == 0 || now_ms(task) < task->began_ms + policy->run_timeout_ms;
  uint32_t limit_ms = is_idle ? policy->idle_timeout_ms : policy->run_timeout_ms;
  fl_task_fail(task, FL_E_TIMEOUT,
               is_idle ? "there was no sign of life for %u ms (timeout.idle_ms), so it was ended"
                       : "it took longer than %u ms (timeout), so it was ended",
               limit_ms);
}

/* ---- another attempt ---- */

static void tell_retry(struct fl_task *task, int64_t delay_ms) {
  if (!fl_invocation_is_followed(task->invocation)) return;
  struct fl_value *data = fl_object();
  fl_set_string(data, "type", "node_retry");
  fl_set_int(data, "attempt", task->attempt);
  fl_set_int(data, "delay_ms", delay_ms);
  fl_set_string(data, "code", fl_error_word(task->error->code));
  fl_set_string(data, "error", task->error->text);
  fl_frame_tell(task->frame, "events", task->start.node, data, task->invocation->acked_ticket);
}

bool fl_attempt_again(struct fl_task *task) {
  const struct fl_node_policy *policy = &task->node->policy;
  const struct fl_invocation *invocation = task->invocation;
  if (policy->retry_count == 0 || task->is_unwanted || task->is_stuck) return false;
  if (invocation->is_cancelled || invocation->has_lost_store) return false;
  uint32_t random = 0;
  fl_world_random(invocation->runtime->world, &random, sizeof random);
  int64_t delay_ms = fl_retry_delay_ms(policy->retries, policy->retry_count, task->attempt, task->error->code, random);
  if (delay_ms < 0) return false;
  task->is_retrying = true;
  task->retry_ms = (uint64_t)delay_ms;
  task->retry_ticket = invocation->last_ticket;
  fl_tracing_task_ended(task, "retried");
  fl_invocation_flush(task->invocation);
  tell_retry(task, delay_ms);
  fl_task_cancel_calls(task);
  fl_invocation_wake(task->invocation);
  return true;
}

static void on_pause_over(struct fl_timer *timer) {
  struct fl_task *task = timer->user;
  task->is_waiting = false;
  fl_task_enter(task);
  fl_invocation_wake(task->invocation);
}

static struct fl_start_task copy_start(const struct fl_start_task *start) {
  struct fl_start_task copy = *start;
  copy.state = fl_state_ref(start->state);
  fl_value_ref(copy.answers);
  fl_value_ref(copy.arg);
  fl_value_ref(copy.error);
  fl_value_ref(copy.resume);
  fl_value_ref(copy.children);
  return copy;
}

/* A graph that ran in it is loaded by the next attempt: what it did must be stored by then. */
bool fl_attempt_may_follow(const struct fl_task *task) {
  if (!task->is_retrying || task->open_call_count + task->open_frame_count > 0) return false;
  return !task->has_run_graph || task->invocation->acked_ticket >= task->retry_ticket;
}

void fl_attempt_follow(struct fl_task *task) {
  struct fl_start_task start = copy_start(&task->start);
  struct fl_task *next = fl_task_create(task->frame, &start);
  next->attempt = task->attempt + 1;
  next->has_run_graph = task->has_run_graph;
  next->labels = task->labels;
  next->trace.waits = task->trace.waits;
  task->trace.waits = NULL;
  fl_task_calls_take_past(next, task);
  next->is_waiting = true;
  next->timer = (struct fl_timer){.on_fire = on_pause_over, .user = next};
  fl_timer_start(task->invocation->runtime->world, &next->timer, task->retry_ms);
  task->is_retrying = false;
  task->phase = FL_TASK_ENDED;
}
