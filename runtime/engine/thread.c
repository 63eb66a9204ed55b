/* SPDX-License-Identifier: MIT */
/* Threads that this process holds.
 *
 * Happy path: acquire the lease, load the head, run; the thread then stays held, with its state in memory, so that the
 * next turn costs its delta.
 * Failure modes: somebody else holds the lease (FL_E_BUSY names the process); the thread
 * does not exist; what is stored is damaged. A held thread whose lease may have lapsed is given back and taken anew. */
#include "runtime/engine/engine.h"

#include "runtime/base/check.h"
#include "runtime/base/mem.h"

enum { FL_THREADS_HELD_MAX = 64 };

void fl_thread_forget(struct fl_thread *thread) {
  fl_run_destroy(thread->run);
  thread->run = NULL;
  fl_definition_unref(thread->definition);
  thread->definition = NULL;
  fl_loaded_deinit(&thread->loaded);
}

void fl_runtime_begin_txn(struct fl_runtime *runtime) {
  runtime->release_count++;
  fl_world_hold(runtime->world);
}

void fl_runtime_end_txn(struct fl_runtime *runtime) {
  fl_world_release(runtime->world);
  runtime->release_count--;
  if (runtime->release_count == 0 && runtime->is_closing && runtime->owns_world) fl_world_stop(runtime->world);
}

struct release {
  struct fl_txn txn;
  char thread[FL_ID_MAX + 1];
  struct fl_runtime *runtime;
};

/* A lease that the store could not take back (its disk is full, say) is given back before the thread is taken anew. One
 * that was lost needs no release. */
static void remember_unreturned(struct fl_runtime *runtime, const struct fl_txn *txn) {
  struct fl_unreturned *kept = fl_map_get(&runtime->unreturned, txn->thread);
  if (kept == NULL) kept = fl_new(struct fl_unreturned);
  kept->fence = txn->fence;
  fl_map_set(&runtime->unreturned, txn->thread, kept);
}

static void on_released(struct fl_txn *txn, int status, const struct fl_error *err) {
  struct release *release = txn->user;
  struct fl_runtime *runtime = release->runtime;
  bool is_over = status == 0 || status == FL_E_CONFLICT || status == FL_E_NOT_FOUND || runtime->is_closing;
  if (txn->kind == FL_TXN_LEASE_RELEASE && !is_over) remember_unreturned(runtime, txn);
  fl_free(release);
  fl_runtime_end_txn(runtime);
}

static void submit_lease(struct fl_runtime *runtime, const char *thread, uint64_t fence, enum fl_txn_kind kind) {
  struct release *release = fl_new(struct release);
  memcpy(release->thread, thread, strlen(thread) + 1);
  release->runtime = runtime;
  release->txn = (struct fl_txn){.kind = kind,
                                 .thread = release->thread,
                                 .fence = fence,
                                 .wall_ms = fl_world_wall_ms(runtime->world),
                                 .lease_ms = runtime->lease_ms,
                                 .on_done = on_released,
                                 .user = release};
  fl_runtime_begin_txn(runtime);
  fl_store_submit(runtime->store, &release->txn);
}

int64_t fl_lease_renew_ms(const struct fl_runtime *runtime) { return runtime->lease_ms / 3; }

void fl_thread_renew(struct fl_runtime *runtime, struct fl_thread *thread) {
  thread->renewed_ms = fl_world_now_ms(runtime->world);
  submit_lease(runtime, thread->id, thread->fence, FL_TXN_LEASE_RENEW);
}

void fl_thread_close(struct fl_runtime *runtime, struct fl_thread *thread) {
  struct fl_thread **place = &runtime->threads;
  while (*place != thread) place = &(*place)->next;
  *place = thread->next;
  fl_thread_retain(runtime, thread);
  if (thread->fence != 0) submit_lease(runtime, thread->id, thread->fence, FL_TXN_LEASE_RELEASE);
  fl_thread_forget(thread);
  fl_free(thread);
}

static void give_back_unreturned(struct fl_runtime *runtime, const char *id) {
  struct fl_unreturned *kept = fl_map_remove(&runtime->unreturned, id);
  if (kept != NULL) submit_lease(runtime, id, kept->fence, FL_TXN_LEASE_RELEASE);
  fl_free(kept);
}

struct fl_thread *fl_thread_held(struct fl_runtime *runtime, const char *id) {
  for (struct fl_thread *thread = runtime->threads; thread != NULL; thread = thread->next)
    if (strcmp(thread->id, id) == 0) return thread;
  return NULL;
}

/* Gives back the thread that was added first and is idle, when too many are held. */
static void make_room(struct fl_runtime *runtime) {
  size_t count = 0;
  struct fl_thread *oldest = NULL;
  for (struct fl_thread *thread = runtime->threads; thread != NULL; thread = thread->next, count++)
    if (!thread->is_busy) oldest = thread;
  if (count >= FL_THREADS_HELD_MAX && oldest != NULL) fl_thread_close(runtime, oldest);
}

/* Without a thread when it waited for a run of this process. */
void fl_thread_open_failed(struct fl_thread_open *open, int status, const struct fl_error *err) {
  struct fl_error cancelled = {0};
  struct fl_thread *thread = open->thread;
  open->thread = NULL;
  if (status == FL_E_CANCELLED)
    fl_error_set(&cancelled, status, "the run was cancelled while it waited for thread %s", open->id);
  if (thread != NULL) fl_thread_finished(open->runtime, thread, false);
  open->on_open(open, status, status == FL_E_CANCELLED ? &cancelled : err);
}

static void on_acquired(struct fl_txn *txn, int status, const struct fl_error *err) {
  struct fl_thread_open *open = txn->user;
  struct fl_thread *thread = open->thread;
  if (status == FL_E_BUSY && !open->is_cancelled && fl_busy_elsewhere(open)) return;
  if (status < 0) {
    fl_thread_open_failed(open, open->is_cancelled ? FL_E_CANCELLED : status, err);
    return;
  }
  thread->fence = txn->fence;
  thread->renewed_ms = fl_world_now_ms(open->runtime->world);
  fl_busy_look(open->runtime);
  struct fl_error load_error = {0};
  int rc = fl_store_load(open->runtime->store, thread->id, "", 0, &thread->loaded, &load_error);
  if (rc < 0) fl_thread_open_failed(open, rc, &load_error);
  else open->on_open(open, 0, NULL);
}

void fl_thread_acquire(struct fl_thread_open *open) {
  open->txn = (struct fl_txn){.kind = FL_TXN_LEASE_ACQUIRE,
                              .thread = open->thread->id,
                              .creates = open->creates,
                              .wall_ms = fl_world_wall_ms(open->runtime->world),
                              .lease_ms = open->runtime->lease_ms,
                              .on_done = on_acquired,
                              .user = open};
  fl_store_submit(open->runtime->store, &open->txn);
}

/* The thread in the runtime's list, held by the opening from now on. */
static struct fl_thread *enter_thread(struct fl_thread_open *open) {
  struct fl_runtime *runtime = open->runtime;
  make_room(runtime);
  struct fl_thread *thread = fl_new(struct fl_thread);
  memcpy(thread->id, open->id, strlen(open->id) + 1);
  thread->next = runtime->threads;
  runtime->threads = thread;
  return thread;
}

static void hold(struct fl_thread_open *open, struct fl_thread *thread) {
  thread->is_busy = true;
  thread->runner = open;
  open->thread = thread;
}

/* Whether the thread can be gone on with as it is held. */
static bool is_at_hand(struct fl_runtime *runtime, const struct fl_thread *thread) {
  return thread != NULL && !thread->is_busy &&
         fl_world_now_ms(runtime->world) - thread->renewed_ms <= fl_lease_renew_ms(runtime);
}

static void take(struct fl_thread_open *open, struct fl_thread *thread) {
  if (is_at_hand(open->runtime, thread)) {
    hold(open, thread);
    open->on_open(open, 0, NULL);
    return;
  }
  if (thread != NULL) fl_thread_close(open->runtime, thread);
  give_back_unreturned(open->runtime, open->id);
  hold(open, enter_thread(open));
  fl_thread_acquire(open);
}

void fl_thread_open_start(struct fl_runtime *runtime, struct fl_thread_open *open) {
  struct fl_error err = {0};
  open->runtime = runtime;
  struct fl_thread *thread = fl_thread_held(runtime, open->id);
  if (thread == NULL || !thread->is_busy) {
    take(open, thread);
    return;
  }
  int status = fl_busy_here(open, thread, &err);
  if (status < 0) open->on_open(open, status, &err);
}

void fl_thread_open_again(struct fl_thread_open *open, uint64_t delay_ms) {
  struct fl_thread *thread = fl_thread_held(open->runtime, open->id);
  if (thread != NULL || delay_ms == 0) {
    take(open, thread);
    return;
  }
  hold(open, enter_thread(open));
  fl_busy_poll(open, delay_ms);
}
