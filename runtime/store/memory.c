/* SPDX-License-Identifier: MIT */
/* The store in memory: threads as objects, transactions in a queue that is worked off one turn of the loop later, or
 * after a delay. A transaction happens at the moment it is acknowledged, so what a simulated crash drops is what nobody
 * was told.
 *
 * Happy path: submit pushes on the queue and posts; on_mail pops what was there, applies each, calls back in order.
 * Failure modes: a transaction that does not fit fails alone; a restart empties the queue and leaves the post or timer
 * of the old world to that world. */
#include "runtime/store/memory.h"

#include "runtime/base/check.h"
#include "runtime/base/mem.h"
#include "runtime/store/audit_write.h"
#include "runtime/store/side.h"
#include "runtime/store/sqlite.h"
#include "runtime/store/sqlite_trace.h"

#include <inttypes.h>
#include <unistd.h>

/* ---- beside the threads ---- */

static int open_side(struct fl_memory_store *store, struct fl_error *err) {
  if (store->side != NULL) return 0;
  struct fl_db *db = fl_new(struct fl_db);
  int status = fl_db_open_memory(db, err);
  if (status == 0) store->side = db;
  else fl_free(db);
  return status;
}

static int apply_beside(struct fl_memory_store *store, struct fl_txn *txn, struct fl_error *err) {
  struct fl_txn_answer answer = {0};
  struct fl_error ignored = {0};
  int status = open_side(store, err);
  if (status == 0) status = fl_db_do(store->side, FL_SQL_BEGIN, err);
  if (status != 0) return status;
  status = fl_side_apply(store->side, txn, &answer, err);
  if (status == 0) txn->count = answer.count;
  fl_db_do(store->side, status == 0 ? FL_SQL_COMMIT : FL_SQL_ROLLBACK, &ignored); /* of memory: it cannot fail */
  return status;
}

static int apply_request(struct fl_memory_store *store, const struct fl_memory_thread *thread, const struct fl_txn *txn,
                         const struct fl_lease_ask *ask, struct fl_error *err) {
  int status = fl_lease_check_held(&thread->lease, ask, err);
  if (status == 0) status = open_side(store, err);
  return status == 0 ? fl_side_put_request(store->side, txn, thread->lease.fence, err) : status;
}

static void drop_requests(struct fl_memory_store *store, const char *thread) {
  struct fl_error ignored = {0};
  if (store->side != NULL) fl_side_drop_requests(store->side, thread, &ignored);
}

static struct fl_db *memory_side(struct fl_store *base) { return ((struct fl_memory_store *)base)->side; }

/* ---- transactions ---- */

static struct fl_memory_thread *make_thread(struct fl_memory_store *store, const char *id, int64_t created_ms) {
  struct fl_memory_thread *thread = fl_memory_thread_create(id);
  thread->order = ++store->last_order;
  thread->created_ms = thread->updated_ms = created_ms;
  thread->lease.fence = store->fence_floor;
  fl_map_set(&store->threads, id, thread);
  return thread;
}

static int find_or_make(struct fl_memory_store *store, const struct fl_txn *txn, struct fl_memory_thread **ret_thread,
                        struct fl_error *err) {
  bool may_make = txn->creates && (txn->kind == FL_TXN_LEASE_ACQUIRE || (txn->kind == FL_TXN_WRITE && txn->fence == 0));
  struct fl_memory_thread *thread = fl_map_get(&store->threads, txn->thread);
  if (thread == NULL && may_make) thread = make_thread(store, txn->thread, txn->wall_ms);
  if (thread == NULL) return fl_error_set(err, FL_E_NOT_FOUND, "there is no thread %s", txn->thread);
  *ret_thread = thread;
  return 0;
}

static void delete_thread(struct fl_memory_store *store, struct fl_memory_thread *thread) {
  drop_requests(store, thread->id);
  if (store->side != NULL) fl_check(fl_trace_forget_thread(store->side, thread->id, &(struct fl_error){0}) == 0);
  if (thread->lease.fence > store->fence_floor) store->fence_floor = thread->lease.fence;
  fl_map_remove(&store->threads, thread->id);
  fl_memory_thread_destroy(thread);
}

static bool has_side_records(const struct fl_records *records) {
  for (size_t i = records->count; i > 0; i--)
    if (records->items[i - 1].kind == FL_RECORD_TRACE || records->items[i - 1].kind == FL_RECORD_AUDIT) return true;
  return false;
}

static int apply_write(struct fl_memory_store *store, struct fl_memory_thread *thread, const struct fl_txn *txn,
                       const struct fl_lease_ask *ask, struct fl_error *err) {
  int status = fl_txn_is_metadata(txn) ? 0 : fl_lease_check(&thread->lease, ask, err);
  if (status == 0) status = fl_memory_check_write(thread, txn, err);
  if (status == 0 && has_side_records(txn->records)) status = open_side(store, err);
  if (status == 0) fl_memory_apply_write(store, thread, txn);
  return status;
}

static int apply_delete(struct fl_memory_store *store, struct fl_memory_thread *thread, const struct fl_lease_ask *ask,
                        struct fl_error *err) {
  int status = fl_lease_check_free(&thread->lease, ask, err);
  if (status == 0) delete_thread(store, thread);
  return status;
}

static int apply_acquire(struct fl_memory_thread *thread, struct fl_txn *txn, const struct fl_lease_ask *ask,
                         struct fl_error *err) {
  int status = fl_lease_acquire(&thread->lease, ask, err);
  if (status != 0) return status;
  txn->fence = thread->lease.fence;
  if (txn->wall_ms > thread->updated_ms) thread->updated_ms = txn->wall_ms;
  return 0;
}

static int apply_upkeep(struct fl_memory_store *store, struct fl_memory_thread *thread, struct fl_txn *txn,
                        const struct fl_lease_ask *ask, struct fl_error *err) {
  int status =
      txn->fence == 0 ? fl_lease_check_free(&thread->lease, ask, err) : fl_lease_check(&thread->lease, ask, err);
  if (status != 0) return status;
  if (txn->kind == FL_TXN_PRUNE) return fl_memory_prune(thread, txn, err);
  bool has_record = txn->rollback->trace != NULL && store->side != NULL;
  status = fl_memory_roll_back(thread, txn, err);
  return status == 0 && has_record ? fl_trace_take_back(store->side, txn->thread, txn->rollback->trace, err) : status;
}

static int check_absent(struct fl_memory_store *store, const char *id, struct fl_error *err) {
  if (fl_map_get(&store->threads, id) == NULL) return 0;
  return fl_error_set(err, FL_E_EXISTS, "there is a thread %s already; choose another id or delete it", id);
}

static int apply_copy(struct fl_memory_store *store, struct fl_memory_thread *from, const struct fl_txn *txn,
                      struct fl_error *err) {
  int status = check_absent(store, txn->copy->to, err);
  if (status != 0) return status;
  struct fl_memory_thread *to = make_thread(store, txn->copy->to, txn->wall_ms);
  status = fl_memory_copy(from, to, txn, err);
  if (status != 0) delete_thread(store, to);
  return status;
}

static int apply_import(struct fl_memory_store *store, const struct fl_txn *txn, struct fl_error *err) {
  int status = check_absent(store, txn->thread, err);
  if (status == 0) status = fl_import_check(txn, err);
  if (status != 0) return status;
  struct fl_memory_thread *thread = make_thread(store, txn->thread, txn->import->created_ms);
  status = fl_memory_check_records(thread, txn->import->records, err);
  if (status == 0) fl_memory_put_records(store, thread, txn->import->records);
  else delete_thread(store, thread);
  return status;
}

static int apply_one(struct fl_memory_store *store, struct fl_txn *txn, struct fl_error *err) {
  struct fl_memory_thread *thread = NULL;
  struct fl_lease_ask ask = {.thread = txn->thread,
                             .self = &store->self,
                             .is_gone = fl_holder_is_other,
                             .fence = txn->fence,
                             .wall_ms = txn->wall_ms,
                             .lease_ms = txn->lease_ms};
  if (store->error_code != 0)
    return fl_error_set(err, store->error_code, "thread %s: %s", txn->thread != NULL ? txn->thread : "-",
                        fl_error_sentence(store->error_code));
  size_t before = store->threads.count;
  int status = fl_txn_check(txn, err);
  if (status == 0 && fl_txn_is_beside(txn)) return apply_beside(store, txn, err);
  if (status == 0 && txn->kind == FL_TXN_IMPORT) return apply_import(store, txn, err);
  if (status == 0) status = find_or_make(store, txn, &thread, err);
  if (status != 0) return status;
  switch (txn->kind) {
  case FL_TXN_WRITE: status = apply_write(store, thread, txn, &ask, err); break;
  case FL_TXN_LEASE_ACQUIRE: status = apply_acquire(thread, txn, &ask, err); break;
  case FL_TXN_LEASE_RENEW: status = fl_lease_renew(&thread->lease, &ask, err); break;
  case FL_TXN_LEASE_RELEASE: status = fl_lease_release(&thread->lease, &ask, err); break;
  case FL_TXN_DELETE_THREAD: return apply_delete(store, thread, &ask, err);
  case FL_TXN_REQUEST: return apply_request(store, thread, txn, &ask, err);
  case FL_TXN_PRUNE:
  case FL_TXN_ROLLBACK: return apply_upkeep(store, thread, txn, &ask, err);
  case FL_TXN_COPY: return apply_copy(store, thread, txn, err);
  default: return fl_error_set(err, FL_E_BUG, "a transaction of an unknown kind %d", (int)txn->kind);
  }
  if (status == 0 && (txn->kind == FL_TXN_LEASE_ACQUIRE || txn->kind == FL_TXN_LEASE_RELEASE))
    drop_requests(store, txn->thread);
  if (status != 0 && store->threads.count > before)
    delete_thread(store, thread); /* a write that failed makes no thread */
  return status;
}

/* A log in memory that cannot be written has no disk to blame. */
static int apply(struct fl_memory_store *store, struct fl_txn *txn, struct fl_error *err) {
  int status = apply_one(store, txn, err);
  if (status == 0 && fl_audit_has_note(txn)) {
    status = open_side(store, err);
    if (status == 0) status = fl_audit_note(store->side, txn, err);
    fl_check(status == 0);
  }
  return status;
}

/* Works off what is in the queue now; what the callbacks submit waits for the next turn. */
static void work_off(struct fl_memory_store *store) {
  struct fl_txn_queue queue = store->queue;
  if (queue.first == NULL) return;
  fl_txn_queue_init(&store->queue);
  for (struct fl_txn *txn; (txn = fl_txn_queue_pop(&queue)) != NULL;) {
    struct fl_error err = {0};
    int status = apply(store, txn, &err);
    fl_world_release(store->base.world);
    txn->on_done(txn, status, status != 0 ? &err : NULL);
  }
}

/* ---- the turn of the loop ---- */

static void on_mail(void *user) {
  struct fl_memory_dispatch *dispatch = user;
  dispatch->mailbox->is_posted = false;
  if (dispatch->store != NULL) work_off(dispatch->store);
}

static void on_timer(struct fl_timer *timer) {
  struct fl_memory_dispatch *dispatch = timer->user;
  dispatch->is_timed = false;
  if (dispatch->store != NULL) work_off(dispatch->store);
}

static struct fl_memory_dispatch *dispatch_create(struct fl_memory_store *store) {
  struct fl_memory_dispatch *dispatch = fl_new(struct fl_memory_dispatch);
  dispatch->store = store;
  dispatch->mailbox = fl_mailbox_create(on_mail, dispatch);
  dispatch->timer = (struct fl_timer){.on_fire = on_timer, .user = dispatch};
  return dispatch;
}

static void memory_submit(struct fl_store *base, struct fl_txn *txn) {
  struct fl_memory_store *store = (struct fl_memory_store *)base;
  struct fl_memory_dispatch *dispatch = store->dispatch;
  fl_world_hold(base->world);
  fl_txn_queue_push(&store->queue, txn);
  if (store->delay_ms == 0) {
    fl_mailbox_post(dispatch->mailbox, base->world);
  } else if (!dispatch->is_timed) {
    dispatch->is_timed = true;
    fl_timer_start(base->world, &dispatch->timer, store->delay_ms);
  }
}

/* ---- life ---- */

static void retired_free(struct fl_memory_store *store) {
  while (store->retired != NULL) {
    struct fl_memory_dispatch *dispatch = store->retired;
    store->retired = dispatch->next;
    fl_free(dispatch->mailbox); /* its world is gone, and the post with it */
    fl_free(dispatch);
  }
}

static void memory_close(struct fl_store *base) {
  struct fl_memory_store *store = (struct fl_memory_store *)base;
  while (store->queue.first != NULL) work_off(store);
  if (store->dispatch->is_timed) fl_timer_stop(base->world, &store->dispatch->timer);
  fl_mailbox_close(store->dispatch->mailbox);
  fl_free(store->dispatch);
  retired_free(store);
  size_t cursor = 0;
  for (struct fl_map_entry *entry; (entry = fl_map_next(&store->threads, &cursor)) != NULL;)
    fl_memory_thread_destroy(entry->value);
  fl_map_deinit(&store->threads);
  if (store->side != NULL) fl_db_close(store->side);
  fl_free(store->side);
  fl_free(store);
}

/* Nothing is under way between two turns of the loop. */
static void memory_pause(struct fl_store *base, bool pauses) {}

static int memory_compact(struct fl_store *base, struct fl_error *err) { return 0; }

static const struct fl_store_ops memory_ops = {
    .submit = memory_submit,
    .pause = memory_pause,
    .compact = memory_compact,
    .close = memory_close,
    .read_thread = fl_memory_read_thread,
    .list_threads = fl_memory_list_threads,
    .load = fl_memory_load,
    .list_checkpoints = fl_memory_list_checkpoints,
    .find_checkpoint = fl_memory_find_checkpoint,
    .list_events = fl_memory_list_events,
    .read_all = fl_memory_read_all,
    .side = memory_side,
};

struct fl_store *fl_store_memory_create(struct fl_world *world) {
  struct fl_memory_store *store = fl_new(struct fl_memory_store);
  store->base = (struct fl_store){.ops = &memory_ops, .world = world};
  store->self = (struct fl_holder){.pid = getpid(), .token = 1};
  fl_txn_queue_init(&store->queue);
  store->dispatch = dispatch_create(store);
  return &store->base;
}

static struct fl_memory_store *memory_store(struct fl_store *base) {
  fl_check(base->ops == &memory_ops);
  return (struct fl_memory_store *)base;
}

void fl_store_memory_restart(struct fl_store *base, struct fl_world *world) {
  struct fl_memory_store *store = memory_store(base);
  fl_txn_queue_init(&store->queue);
  store->dispatch->store = NULL;
  store->dispatch->next = store->retired;
  store->retired = store->dispatch;
  store->base.world = world;
  store->self.token++;
  store->dispatch = dispatch_create(store);
}

void fl_store_memory_set_delay(struct fl_store *base, uint64_t delay_ms) { memory_store(base)->delay_ms = delay_ms; }

void fl_store_memory_set_error(struct fl_store *base, int code) { memory_store(base)->error_code = code; }
