/* SPDX-License-Identifier: MIT */
/* Retention: a thread whose metadata says {"retention":{"keep_last":N,"max_age_ms":T}} is pruned now and then, by
 * whoever holds it. Nothing depends on it: what fails is tried again another time. */
#include "runtime/engine/engine.h"

#include "runtime/base/mem.h"

enum { RUNS_BETWEEN = 8, SLACK_MIN = 8, SLACK_FRACTION = 4 };

struct retention {
  struct fl_txn txn;
  struct fl_prune prune;
  char thread[FL_ID_MAX + 1];
  struct fl_runtime *runtime;
};

bool fl_retention_read(const struct fl_value *metadata, int64_t wall_ms, struct fl_prune *ret_prune) {
  const struct fl_value *retention = fl_get(metadata, "retention");
  int64_t keep_last = fl_get_int(retention, "keep_last", 0), max_age_ms = fl_get_int(retention, "max_age_ms", 0);
  *ret_prune = (struct fl_prune){.keep_last = keep_last > 0 ? (uint64_t)keep_last : 0,
                                 .since_ms = max_age_ms > 0 && max_age_ms < wall_ms ? wall_ms - max_age_ms : 0};
  return ret_prune->keep_last > 0 || ret_prune->since_ms > 0;
}

static void on_pruned(struct fl_txn *txn, int status, const struct fl_error *err) {
  struct retention *retention = txn->user;
  struct fl_runtime *runtime = retention->runtime;
  fl_free(retention);
  fl_runtime_end_txn(runtime);
}

/* The slack spares writing a part of the thread anew for every checkpoint that comes. */
static void submit(struct fl_runtime *runtime, struct fl_thread *thread, const struct fl_prune *prune) {
  struct retention *retention = fl_new(struct retention);
  retention->runtime = runtime;
  retention->prune = *prune;
  retention->prune.slack = SLACK_MIN + prune->keep_last / SLACK_FRACTION;
  memcpy(retention->thread, thread->id, sizeof retention->thread);
  retention->txn = (struct fl_txn){.kind = FL_TXN_PRUNE,
                                   .thread = retention->thread,
                                   .fence = thread->fence,
                                   .prune = &retention->prune,
                                   .wall_ms = fl_world_wall_ms(runtime->world),
                                   .on_done = on_pruned,
                                   .user = retention};
  fl_runtime_begin_txn(runtime);
  fl_store_submit(runtime->store, &retention->txn);
}

static void retain(struct fl_runtime *runtime, struct fl_thread *thread) {
  struct fl_thread_info info = {0};
  struct fl_prune prune;
  thread->run_count = 0;
  if (fl_store_read_thread(runtime->store, thread->id, &info, NULL) != 0) return;
  if (fl_retention_read(info.metadata, fl_world_wall_ms(runtime->world), &prune)) submit(runtime, thread, &prune);
  fl_thread_info_deinit(&info);
}

void fl_thread_note_run(struct fl_runtime *runtime, struct fl_thread *thread) {
  if (++thread->run_count >= RUNS_BETWEEN) retain(runtime, thread);
}

void fl_thread_retain(struct fl_runtime *runtime, struct fl_thread *thread) {
  if (thread->run_count > 0 && thread->fence != 0) retain(runtime, thread);
}
