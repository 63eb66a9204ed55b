/* SPDX-License-Identifier: MIT */
/* When a thread is being run already: by another run of this process, or by another process.
 *
 * Here: who comes later waits in the runtime's list until the run before has finished; interrupt and rollback cancel
 * that run and go first. Elsewhere: the holder of the lease is asked in the store, and the lease is tried for again ten
 * times a second. A holder looks once a second what is asked of it: it gives back threads that nothing runs on, and
 * after the present run those that somebody waits for; it cancels a run that is to make place.
 *
 * Processes come in no order; in one process the first comes first.
 *
 * Happy path: on_acquired (busy) … on_asked, on_poll, on_acquired … on_open of the invocation.
 * Failure modes: too many wait (FL_E_LIMIT); the one who waits is cancelled; the holder died (its lease ends, and the
 * next try gets it). */
#include "runtime/engine/engine.h"

#include "runtime/base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

enum {
  FL_WAITING_MAX = 1000,       /* runs that wait for one thread */
  FL_POLL_MS = 100,            /* between two tries for a lease */
  FL_ASK_MS = 1000,            /* between two looks at what is asked, and between two requests */
  FL_YIELD_WAIT_MS = 3000,     /* how long `reject` waits for a process that only holds the thread */
  FL_ASIDE_MS = 3 * FL_POLL_MS /* how long a process steps aside for others that have asked */
};

/* ---- the list of those who wait in this process ---- */

static size_t count_waiting(const struct fl_runtime *runtime, const char *id) {
  size_t count = 0;
  for (struct fl_thread_open *open = runtime->waiting; open != NULL; open = open->next)
    count += strcmp(open->id, id) == 0;
  return count;
}

static void line_up(struct fl_thread_open *open, bool is_first) {
  struct fl_thread_open **place = &open->runtime->waiting;
  while (!is_first && *place != NULL) place = &(*place)->next;
  open->next = *place;
  *place = open;
  open->is_waiting = true;
}

static void leave_line(struct fl_thread_open *open) {
  struct fl_thread_open **place = &open->runtime->waiting;
  while (*place != open) place = &(*place)->next;
  *place = open->next;
  open->is_waiting = false;
}

static void cancel_runner(struct fl_thread *thread, bool rolls_back, const char *asker) {
  if (thread->runner == NULL) return;
  thread->rolls_back |= rolls_back;
  snprintf(thread->asker, sizeof thread->asker, "%s", asker);
  fl_invocation_cancel(thread->runner->user);
}

int fl_busy_here(struct fl_thread_open *open, struct fl_thread *thread, struct fl_error *err) {
  if (open->on_busy == FL_ON_BUSY_REJECT)
    return fl_error_set(err, FL_E_BUSY,
                        "thread %s is being run by this process already; wait for that run or cancel it", open->id);
  if (open->is_cancelled) return fl_error_set(err, FL_E_CANCELLED, "the run was cancelled before it began");
  if (count_waiting(open->runtime, open->id) >= FL_WAITING_MAX)
    return fl_error_set(err, FL_E_LIMIT, "%d runs wait for thread %s already", FL_WAITING_MAX, open->id);
  bool takes_over = open->on_busy != FL_ON_BUSY_ENQUEUE;
  open->has_cancelled |= takes_over;
  line_up(open, takes_over);
  if (takes_over) cancel_runner(thread, open->on_busy == FL_ON_BUSY_ROLLBACK, "another run of this process");
  return 0;
}

/* ---- trying for a lease that another process holds ---- */

static void on_poll(struct fl_timer *timer) {
  struct fl_thread_open *open = timer->user;
  open->is_polling = false;
  if (open->is_cancelled) fl_thread_open_failed(open, FL_E_CANCELLED, NULL);
  else fl_thread_acquire(open);
}

void fl_busy_poll(struct fl_thread_open *open, uint64_t delay_ms) {
  open->is_polling = true;
  open->poll_timer = (struct fl_timer){.on_fire = on_poll, .user = open};
  fl_timer_start(open->runtime->world, &open->poll_timer, delay_ms);
}

/* Whatever came of the request, the lease shows it: a holder that ended in the meantime, say. */
static void on_asked(struct fl_txn *txn, int status, const struct fl_error *err) {
  struct fl_thread_open *open = txn->user;
  fl_busy_poll(open, open->is_cancelled || status == FL_E_STATE ? 0 : FL_POLL_MS);
}

/* The strategy is asked for once; whoever holds the thread after that is only asked to give it back. */
static void ask_holder(struct fl_thread_open *open) {
  static const enum fl_request_kind kinds[] = {
      [FL_ON_BUSY_REJECT] = FL_REQUEST_YIELD,
      [FL_ON_BUSY_ENQUEUE] = FL_REQUEST_YIELD,
      [FL_ON_BUSY_INTERRUPT] = FL_REQUEST_INTERRUPT,
      [FL_ON_BUSY_ROLLBACK] = FL_REQUEST_ROLLBACK,
  };
  snprintf(open->asker, sizeof open->asker, "pid %d", (int)getpid());
  open->request =
      (struct fl_request){.kind = open->has_asked ? FL_REQUEST_YIELD : kinds[open->on_busy], .asker = open->asker};
  open->has_asked = true;
  open->has_cancelled |= open->request.kind != FL_REQUEST_YIELD;
  open->asked_ms = fl_world_now_ms(open->runtime->world);
  open->txn = (struct fl_txn){.kind = FL_TXN_REQUEST,
                              .thread = open->thread->id,
                              .request = &open->request,
                              .wall_ms = fl_world_wall_ms(open->runtime->world),
                              .on_done = on_asked,
                              .user = open};
  fl_store_submit(open->runtime->store, &open->txn);
}

/* Whether a run is under way on the thread, as far as the store knows. */
static bool is_run(const struct fl_thread_open *open) {
  struct fl_thread_info info = {0};
  int rc = fl_store_read_thread(open->runtime->store, open->id, &info, NULL);
  bool is_run = rc != 0 || (info.status != NULL && strcmp(info.status, "busy") == 0);
  fl_thread_info_deinit(&info);
  return is_run;
}

bool fl_busy_elsewhere(struct fl_thread_open *open) {
  int64_t now_ms = fl_world_now_ms(open->runtime->world);
  if (!open->has_asked) open->since_ms = now_ms;
  bool gives_up = open->on_busy == FL_ON_BUSY_REJECT && (is_run(open) || now_ms - open->since_ms > FL_YIELD_WAIT_MS);
  if (gives_up) return false;
  if (!open->has_asked || now_ms - open->asked_ms >= FL_ASK_MS) ask_holder(open);
  else fl_busy_poll(open, FL_POLL_MS);
  return true;
}

void fl_thread_open_cancel(struct fl_thread_open *open) {
  open->is_cancelled = true;
  if (open->is_waiting) {
    leave_line(open);
    open->thread = NULL;
    fl_busy_poll(open, 0);
  } else if (open->is_polling) {
    fl_timer_start(open->runtime->world, &open->poll_timer, 0);
  }
}

/* ---- the end of a run ---- */

static void start_next(struct fl_runtime *runtime, const char *id, bool steps_aside) {
  struct fl_thread_open *open = runtime->waiting;
  while (open != NULL && strcmp(open->id, id) != 0) open = open->next;
  if (open == NULL) return;
  leave_line(open);
  fl_thread_open_again(open, steps_aside ? FL_ASIDE_MS : 0);
}

void fl_thread_finished(struct fl_runtime *runtime, struct fl_thread *thread, bool keeps) {
  char id[sizeof thread->id];
  memcpy(id, thread->id, sizeof id);
  bool is_asked = thread->is_asked;
  thread->is_busy = false;
  thread->runner = NULL;
  thread->asker[0] = '\0';
  thread->rolls_back = false;
  if (!keeps || is_asked) fl_thread_close(runtime, thread);
  start_next(runtime, id, is_asked);
}

/* ---- what others ask of this process ---- */

struct asked {
  enum fl_request_kind kind; /* the strongest */
  bool is_asked;
  char asker[sizeof((struct fl_thread *)0)->asker];
};

static bool on_request(const struct fl_request *request, void *user) {
  struct asked *asked = user;
  if (asked->is_asked && request->kind <= asked->kind) return true;
  asked->is_asked = true;
  asked->kind = request->kind;
  snprintf(asked->asker, sizeof asked->asker, "%s", request->asker);
  return true;
}

static void answer(struct fl_runtime *runtime, struct fl_thread *thread) {
  struct asked asked = {0};
  struct fl_requests_query query = {.thread = thread->id, .fence = thread->fence, .visit = on_request, .user = &asked};
  if (fl_store_list_requests(runtime->store, &query, NULL) < 0 || !asked.is_asked) return;
  if (!thread->is_busy) {
    fl_thread_close(runtime, thread);
    return;
  }
  bool is_new = !thread->is_asked;
  thread->is_asked = true;
  if (is_new && asked.kind != FL_REQUEST_YIELD) cancel_runner(thread, asked.kind == FL_REQUEST_ROLLBACK, asked.asker);
}

static void on_look(struct fl_timer *timer) {
  struct fl_runtime *runtime = timer->user;
  bool holds = false;
  for (struct fl_thread *thread = runtime->threads, *next; thread != NULL; thread = next) {
    next = thread->next;
    if (thread->fence == 0) continue;
    answer(runtime, thread);
    holds = true;
  }
  if (holds) fl_timer_start(runtime->world, timer, FL_ASK_MS);
}

void fl_busy_look(struct fl_runtime *runtime) {
  if (runtime->look_timer.impl != NULL) return;
  runtime->look_timer = (struct fl_timer){.on_fire = on_look, .user = runtime, .is_background = true};
  fl_timer_start(runtime->world, &runtime->look_timer, FL_ASK_MS);
}
