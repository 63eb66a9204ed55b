/* SPDX-License-Identifier: MIT */
/* Happy path: start, (wait for the serialised slot), the handler on the pool, the loop hears of its end, on_done, free.
 * Failure modes: cancelled while waiting (never enters the handler); cancelled or out of time while it runs (done for
 * the caller at once, freed when the handler ends); the handler returns nothing, or breaks its own output schema (an
 * error for the model); it returns FL_CALL_PENDING and completes before it has even returned (both notices are
 * awaited). */
#include "tools/call.h"

#include "runtime/base/check.h"
#include "runtime/base/mem.h"
#include "tools/call_impl.h"

#include <sched.h>

static void start_next(struct fl_call_runner *runner);

/* ---- from other threads ---- */

void fl_call_send(struct fl_call *call, struct fl_call_node *node) {
  struct fl_call_runner *runner = call->runner; /* once the node is in, the call may be gone */
  atomic_fetch_add(&runner->sender_count, 1);
  node->next = atomic_load(&runner->inbox);
  while (!atomic_compare_exchange_weak(&runner->inbox, &node->next, node)) continue;
  if (!atomic_exchange(&runner->is_posted, true)) fl_world_post(runner->world, &runner->post);
  atomic_fetch_sub(&runner->sender_count, 1);
}

static void call_run(struct fl_call *call) {
  const struct fl_tool_def *def = call->options.def;
  struct fl_schema_result violations = {0};
  int verdict = def->input != NULL ? fl_schema_validate(def->input, call->options.args, &violations) : 0;
  if (verdict == 0) {
    call->returned = def->tool.run(call, call->options.args, def->tool.user);
  } else if (verdict < 0) {
    call->returned = fl_call_return_error(call, "The arguments are too large or too deep to be checked.");
  } else {
    FL_BUF_AUTO text = {0};
    fl_schema_result_text(&violations, &text);
    call->returned = fl_call_return_error(call, "Invalid arguments for tool %s: %s", def->tool.name, text.data);
  }
  fl_schema_result_deinit(&violations);
  if (call->returned != FL_CALL_PENDING) fl_call_check_result(call, call->returned);
}

static void run_handler(struct fl_work *work) { call_run(work->user); }

/* ---- life, on the loop ---- */

static void call_unlink(struct fl_call *call) {
  struct fl_call_runner *runner = call->runner;
  if (call->previous != NULL) call->previous->next = call->next;
  else runner->all = call->next;
  if (call->next != NULL) call->next->previous = call->previous;
}

static void tell_idle(struct fl_post *post) {
  struct fl_call_runner *runner = post->user;
  runner->on_idle(runner);
}

/* The runner may be freed by on_idle, so nobody may be about to touch it: neither a sender nor the posted inbox. */
static void check_idle(struct fl_call_runner *runner) {
  if (runner->on_idle == NULL || runner->live_count > 0 || runner->is_idle_posted) return;
  while (atomic_load(&runner->sender_count) > 0) sched_yield();
  if (atomic_load(&runner->is_posted) || runner->is_quick_posted) return; /* those ask again */
  runner->is_idle_posted = true;
  runner->idle_post = (struct fl_post){.on_post = tell_idle, .user = runner};
  fl_world_post(runner->world, &runner->idle_post);
}

/* Most calls have none of their texts, so an empty one costs no memory. */
static const char *keep_text(const char *text) { return text != NULL && text[0] != '\0' ? fl_strdup(text) : ""; }

static void drop_text(const char *text) {
  if (text[0] != '\0') fl_free((void *)(uintptr_t)text);
}

static void call_free(struct fl_call *call) {
  struct fl_value *values[] = {call->options.args, call->options.answers, call->options.state, call->result,
                               call->asks,         call->state,           call->failure,       call->missing};
  for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) fl_value_unref(values[i]);
  fl_tool_def_unref((struct fl_tool_def *)(uintptr_t)call->options.def);
  drop_text(call->id);
  drop_text(call->principal);
  drop_text(call->task_id);
  fl_free(call);
}

static void free_when_over(struct fl_call *call) {
  bool handler_over = !call->is_started || (call->has_ended && (!call->is_pending || call->is_complete));
  if (!call->is_done || !handler_over || call->is_cancel_posted) return;
  struct fl_call_runner *runner = call->runner;
  fl_call_progress_note_destroy(atomic_load(&call->progress));
  call_unlink(call);
  call_free(call);
  runner->live_count--;
  fl_world_release(runner->world);
}

/* Done for the caller; the call itself lives on until its handler has ended. */
static void finish(struct fl_call *call, int status) {
  if (call->is_done) return;
  call->is_done = true;
  if (call->is_cancel_posted) status = FL_E_CANCELLED; /* it ended while the cancel was on its way */
  fl_timer_stop(call->runner->world, &call->timer);
  FL_VALUE_AUTO result = NULL;
  if (status == 0) status = fl_call_outcome(call, &result);
  call->options.on_done(call, status, result, call->is_started);
}

static void finish_when_answered(struct fl_call *call) {
  if (!call->has_ended || (call->is_pending && !call->is_complete)) return;
  finish(call, 0);
}

static void deliver_progress(struct fl_call *call) {
  struct fl_call_progress_note *note = atomic_exchange(&call->progress, NULL);
  if (note == NULL) return;
  call->activity_ms = fl_world_now_ms(call->runner->world);
  if (!call->is_done && call->options.on_progress != NULL)
    call->options.on_progress(call, note->done, note->total, note->message);
  fl_call_progress_note_destroy(note);
}

static void deliver_log(struct fl_call_log_note *note) {
  struct fl_call *call = note->node.call;
  atomic_fetch_sub(&call->logs_waiting, 1);
  if (!call->is_done && call->options.on_log != NULL) call->options.on_log(call, note->level, note->text);
  fl_free(note->text);
  fl_free(note);
}

static void deliver(struct fl_call_node *node) {
  struct fl_call *call = node->call;
  switch (node->kind) {
  case FL_NODE_PROGRESS: deliver_progress(call); return;
  case FL_NODE_LOG: deliver_log((struct fl_call_log_note *)(void *)node); return;
  case FL_NODE_COMPLETE:
    call->is_complete = true;
    finish_when_answered(call);
    break;
  case FL_NODE_TASK:
    if (!call->is_done && call->options.on_task != NULL) call->options.on_task(call);
    return;
  case FL_NODE_STREAM:
    if (!call->is_done && call->options.on_close_stream != NULL) call->options.on_close_stream(call);
    return;
  case FL_NODE_CANCEL:
    call->is_cancel_posted = false;
    finish(call, FL_E_CANCELLED);
    break;
  }
  free_when_over(call);
}

static void empty_inbox(struct fl_call_runner *runner) {
  struct fl_call_node *newest = atomic_exchange(&runner->inbox, NULL), *oldest = NULL;
  while (newest != NULL) {
    struct fl_call_node *next = newest->next;
    newest->next = oldest;
    oldest = newest;
    newest = next;
  }
  while (oldest != NULL) {
    struct fl_call_node *next = oldest->next; /* before it is delivered: a node may be sent again at once */
    deliver(oldest);
    oldest = next;
  }
}

static void on_inbox(struct fl_post *post) {
  struct fl_call_runner *runner = post->user;
  atomic_store(&runner->is_posted, false);
  empty_inbox(runner);
  check_idle(runner);
}

static void on_handler_end(struct fl_work *work) {
  struct fl_call *call = work->user;
  struct fl_call_runner *runner = call->runner;
  empty_inbox(runner); /* its progress and logs come before its end */
  call->has_ended = true;
  call->is_pending = call->returned == FL_CALL_PENDING;
  if (runner->serial == call) runner->serial = NULL;
  start_next(runner);
  finish_when_answered(call);
  free_when_over(call);
  check_idle(runner);
}

/* ---- quick handlers ---- */

void fl_call_deliver_quick(struct fl_call_runner *runner) {
  while (runner->quick_first != NULL) {
    struct fl_call *call = runner->quick_first;
    runner->quick_first = call->next_waiting;
    if (runner->quick_first == NULL) runner->quick_last = NULL;
    empty_inbox(runner);
    call->has_ended = true;
    call->is_pending = call->returned == FL_CALL_PENDING;
    finish_when_answered(call);
    free_when_over(call);
  }
  check_idle(runner);
}

static void on_quick_post(struct fl_post *post) {
  struct fl_call_runner *runner = post->user;
  runner->is_quick_posted = false;
  fl_call_deliver_quick(runner);
}

static void start_quick(struct fl_call *call) {
  struct fl_call_runner *runner = call->runner;
  call->is_started = true;
  call_run(call);
  call->next_waiting = NULL;
  if (runner->quick_last != NULL) runner->quick_last->next_waiting = call;
  else runner->quick_first = call;
  runner->quick_last = call;
  if (runner->delivers_quick || runner->is_quick_posted) return;
  runner->is_quick_posted = true;
  runner->quick_post = (struct fl_post){.on_post = on_quick_post, .user = runner};
  fl_world_post(runner->world, &runner->quick_post);
}

static void start_handler(struct fl_call *call) {
  call->is_started = true;
  call->work = (struct fl_work){.run = run_handler, .on_done = on_handler_end, .user = call};
  fl_work_start(call->runner->world, &call->work);
}

static void start_next(struct fl_call_runner *runner) {
  struct fl_call *call = runner->waiting_first;
  if (runner->serial != NULL || call == NULL) return;
  runner->waiting_first = call->next_waiting;
  if (runner->waiting_first == NULL) runner->waiting_last = NULL;
  runner->serial = call;
  start_handler(call);
}

static void wait_for_turn(struct fl_call *call) {
  struct fl_call_runner *runner = call->runner;
  if (runner->waiting_last != NULL) runner->waiting_last->next_waiting = call;
  else runner->waiting_first = call;
  runner->waiting_last = call;
  start_next(runner);
}

static void leave_queue(struct fl_call *call) {
  struct fl_call_runner *runner = call->runner;
  struct fl_call **link = &runner->waiting_first, *before = NULL;
  while (*link != NULL && *link != call) {
    before = *link;
    link = &(*link)->next_waiting;
  }
  if (*link == NULL) return;
  *link = call->next_waiting;
  if (runner->waiting_last == call) runner->waiting_last = before;
}

/* ---- time ---- */

static int64_t deadline_of(const struct fl_call *call) {
  int64_t idle = call->activity_ms + call->options.idle_timeout_ms;
  int64_t total = call->start_ms + call->options.total_timeout_ms;
  if (call->options.idle_timeout_ms == 0) return total;
  return call->options.total_timeout_ms == 0 || idle < total ? idle : total;
}

static void tell_watcher(struct fl_call *call) {
  void (*on_cancel)(void *user) = call->on_cancel;
  call->on_cancel = NULL;
  if (on_cancel != NULL) on_cancel(call->watch_user);
}

static void on_timer(struct fl_timer *timer) {
  struct fl_call *call = timer->user;
  struct fl_call_runner *runner = call->runner;
  int64_t left = deadline_of(call) - fl_world_now_ms(runner->world);
  if (left > 0) { /* progress has moved the deadline */
    fl_timer_start(runner->world, timer, (uint64_t)left);
    return;
  }
  atomic_store(&call->is_cancelled, true);
  if (!call->is_started) leave_queue(call);
  tell_watcher(call);
  finish(call, FL_E_TIMEOUT);
  free_when_over(call);
  check_idle(runner);
}

static void start_timer(struct fl_call *call) {
  call->timer = (struct fl_timer){.on_fire = on_timer, .user = call};
  if (call->options.idle_timeout_ms == 0 && call->options.total_timeout_ms == 0) return;
  call->start_ms = call->activity_ms = fl_world_now_ms(call->runner->world);
  fl_timer_start(call->runner->world, &call->timer, (uint64_t)(deadline_of(call) - call->start_ms));
}

/* ---- public ---- */

void fl_call_runner_init(struct fl_call_runner *runner, struct fl_world *world) {
  *runner = (struct fl_call_runner){.world = world};
  runner->post = (struct fl_post){.on_post = on_inbox, .user = runner};
}

void fl_call_runner_close(struct fl_call_runner *runner, void (*on_idle)(struct fl_call_runner *runner), void *user) {
  runner->on_idle = on_idle;
  runner->user = user;
  for (struct fl_call *call = runner->all; call != NULL; call = call->next)
    if (!call->is_done) fl_call_cancel(call);
  check_idle(runner);
}

struct fl_call *fl_call_start(struct fl_call_runner *runner, const struct fl_call_options *options) {
  fl_check(runner->on_idle == NULL);
  struct fl_call *call = fl_new(struct fl_call);
  call->options = *options;
  call->options.args = options->args != NULL ? fl_value_ref(options->args) : fl_object();
  fl_value_ref(options->answers);
  fl_value_ref(options->state);
  fl_tool_def_ref((struct fl_tool_def *)(uintptr_t)options->def);
  call->runner = runner;
  call->id = keep_text(options->id);
  call->principal = keep_text(options->principal);
  call->task_id = keep_text(options->task_id);
  call->progress_node = (struct fl_call_node){.call = call, .kind = FL_NODE_PROGRESS};
  call->complete_node = (struct fl_call_node){.call = call, .kind = FL_NODE_COMPLETE};
  call->cancel_node = (struct fl_call_node){.call = call, .kind = FL_NODE_CANCEL};
  call->task_node = (struct fl_call_node){.call = call, .kind = FL_NODE_TASK};
  call->stream_node = (struct fl_call_node){.call = call, .kind = FL_NODE_STREAM};
  call->next = runner->all;
  if (call->next != NULL) call->next->previous = call;
  runner->all = call;
  runner->live_count++;
  fl_world_hold(runner->world);
  start_timer(call);
  if ((options->def->tool.flags & FL_TOOL_QUICK) != 0) start_quick(call);
  else if ((options->def->tool.flags & FL_TOOL_PARALLEL) != 0) start_handler(call);
  else wait_for_turn(call);
  return call;
}

void fl_call_cancel(struct fl_call *call) {
  if (call->is_done || atomic_exchange(&call->is_cancelled, true)) return;
  if (!call->is_started) leave_queue(call);
  call->is_cancel_posted = true;
  fl_call_send(call, &call->cancel_node);
  tell_watcher(call);
}

void fl_call_watch(struct fl_call *call, void (*on_cancel)(void *user), void *user) {
  call->on_cancel = on_cancel;
  call->watch_user = user;
}

void *fl_call_user(const struct fl_call *call) { return call->options.user; }

const char *fl_call_traceparent(const struct fl_call *call) { return call->options.traceparent; }

const char *fl_call_tracestate(const struct fl_call *call) { return call->options.tracestate; }
const struct fl_tool_def *fl_call_def(const struct fl_call *call) { return call->options.def; }
