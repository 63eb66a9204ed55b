/* SPDX-License-Identifier: MIT */
/* Changing threads without running them: thread.h, second half. An update is an invocation that feeds its core an
 * update and ends; copies and deletions are transactions of the store.
 *
 * Callbacks in the order of time: on_updated; on_copied, on_changed. */
#include "runtime/engine/engine.h"

#include "graph/option.h"
#include "runtime/base/mem.h"

#include <fairlead/thread.h>
#include <stdio.h>

static int check_thread(const char *thread, struct fl_error *err) {
  if (thread != NULL && fl_is_thread_id(thread)) return 0;
  return fl_error_set(err, FL_E_INVALID, "\"%.200s\" cannot be a thread id: 1 to 128 of A-Z a-z 0-9 . _ : -",
                      thread != NULL ? thread : "");
}

/* ---- updates ---- */

struct update {
  fl_thread_done_fn *on_done;
  void *user;
};

static void on_updated(struct fl_invoke_result *result, const struct fl_error *err, void *user) {
  struct update update = *(struct update *)user;
  char checkpoint[FL_UUID_SIZE];
  int status = result->status < 0 ? result->status : 0;
  memcpy(checkpoint, result->checkpoint, sizeof checkpoint);
  fl_invoke_result_deinit(result);
  fl_free(user);
  update.on_done(status, checkpoint, err, update.user);
}

static int check_update(const struct fl_update_options *options, struct fl_error *err) {
  int rc = check_thread(options->thread, err);
  if (rc < 0) return rc;
  if (options->definition == NULL)
    return fl_error_set(err, FL_E_INVALID, "an update needs the graph of the thread, whose edges it follows");
  if (options->supersteps != NULL && (options->values != NULL || options->as_node != NULL))
    return fl_error_set(err, FL_E_INVALID, "give values and the node to write them as, or supersteps, not both");
  if (fl_size(options->supersteps) > FL_SUPERSTEPS_MAX)
    return fl_error_set(err, FL_E_LIMIT, "%zu supersteps of updates are too many for one transaction (at most %d)",
                        fl_size(options->supersteps), FL_SUPERSTEPS_MAX);
  return 0;
}

static struct fl_queued_event *event_of(const struct fl_update_options *options) {
  bool is_bulk = options->supersteps != NULL;
  struct fl_queued_event *event = fl_queued_event_create(is_bulk ? FL_EV_BULK_UPDATE : FL_EV_UPDATE);
  event->value = fl_value_ref(is_bulk ? options->supersteps : options->values);
  event->node = fl_strdup(options->as_node);
  return event;
}

int fl_thread_update(struct fl_runtime *runtime, const struct fl_update_options *given, fl_thread_done_fn *on_done,
                     void *user, struct fl_error *err) {
  struct fl_update_options options = {.definition = fl_option(given, definition, NULL),
                                      .thread = fl_option(given, thread, NULL),
                                      .checkpoint = fl_option(given, checkpoint, NULL),
                                      .values = fl_option(given, values, NULL),
                                      .as_node = fl_option(given, as_node, NULL),
                                      .supersteps = fl_option(given, supersteps, NULL),
                                      .metadata = fl_option(given, metadata, NULL)};
  struct fl_invoke_options run = {.size = sizeof run,
                                  .thread = options.thread,
                                  .checkpoint = options.checkpoint,
                                  .metadata = options.metadata,
                                  .no_output = true};
  struct fl_invocation *invocation = NULL;
  int rc = check_update(&options, err);
  if (rc == 0) rc = fl_invocation_create(runtime, options.definition, &run, &invocation, err);
  if (rc < 0) return rc;
  struct update *update = fl_new(struct update);
  *update = (struct update){on_done, user};
  invocation->update = event_of(&options);
  fl_invocation_start(invocation, on_updated, update);
  return 0;
}

/* ---- copies and deletions ---- */

struct change {
  struct fl_txn txn;
  struct fl_runtime *runtime;
  char thread[FL_ID_MAX + 1], to[FL_ID_MAX + 1];
  struct fl_copy copy;
  struct fl_prune prune;
  bool state_only;
  fl_thread_done_fn *on_done;
  void *user;
};

static void end_change(struct change *change, int status, const struct fl_error *err) {
  struct fl_runtime *runtime = change->runtime;
  struct fl_loaded loaded = {0};
  if (status == 0 && change->to[0] != '\0') fl_store_load(runtime->store, change->to, "", 0, &loaded, NULL);
  change->on_done(status, loaded.checkpoint_id, err, change->user);
  fl_loaded_deinit(&loaded);
  fl_free(change);
  fl_runtime_end_txn(runtime);
}

static void on_changed(struct fl_txn *txn, int status, const struct fl_error *err) {
  end_change(txn->user, status, err);
}

/* The copy is whole; when only the state is wanted, the rest of it is pruned. */
static void on_copied(struct fl_txn *txn, int status, const struct fl_error *err) {
  struct change *change = txn->user;
  if (status < 0 || !change->state_only) {
    end_change(change, status, err);
    return;
  }
  change->prune = (struct fl_prune){.keep_last = 1};
  change->txn = (struct fl_txn){.kind = FL_TXN_PRUNE,
                                .thread = change->to,
                                .prune = &change->prune,
                                .wall_ms = change->txn.wall_ms,
                                .on_done = on_changed,
                                .user = change};
  fl_store_submit(change->runtime->store, &change->txn);
}

static void submit_change(struct fl_runtime *runtime, struct change *change, enum fl_txn_kind kind) {
  change->runtime = runtime;
  change->txn.kind = kind;
  change->txn.thread = change->thread;
  change->txn.wall_ms = fl_world_wall_ms(runtime->world);
  change->txn.on_done = kind == FL_TXN_COPY ? on_copied : on_changed;
  change->txn.user = change;
  fl_runtime_begin_txn(runtime);
  fl_store_submit(runtime->store, &change->txn);
}

int fl_thread_copy(struct fl_runtime *runtime, const struct fl_copy_options *options, fl_thread_done_fn *on_done,
                   void *user, struct fl_error *err) {
  const char *from = fl_option(options, from, NULL), *to = fl_option(options, to, NULL);
  const char *checkpoint = fl_option(options, checkpoint, NULL);
  uint64_t no = 0;
  int rc = check_thread(from, err);
  if (rc == 0) rc = check_thread(to, err);
  if (rc == 0 && checkpoint != NULL) rc = fl_store_find_checkpoint(runtime->store, from, "", checkpoint, &no, err);
  if (rc < 0) return rc;
  struct change *change = fl_new(struct change);
  snprintf(change->thread, sizeof change->thread, "%s", from);
  snprintf(change->to, sizeof change->to, "%s", to);
  change->copy = (struct fl_copy){.to = change->to, .until_no = no};
  change->txn.copy = &change->copy;
  change->state_only = fl_option(options, state_only, false);
  change->on_done = on_done;
  change->user = user;
  submit_change(runtime, change, FL_TXN_COPY);
  return 0;
}

/* A thread that this process holds and nobody runs is given back first: leases are looked at in the order of
 * submission. */
static int give_back(struct fl_runtime *runtime, const char *thread, struct fl_error *err) {
  struct fl_thread *held = fl_thread_held(runtime, thread);
  if (held != NULL && held->is_busy)
    return fl_error_set(err, FL_E_BUSY, "thread %s is being run by this process; wait for that run or cancel it",
                        thread);
  if (held != NULL) fl_thread_close(runtime, held);
  return 0;
}

int fl_thread_delete(struct fl_runtime *runtime, const char *thread, fl_thread_done_fn *on_done, void *user,
                     struct fl_error *err) {
  int rc = check_thread(thread, err);
  if (rc == 0) rc = give_back(runtime, thread, err);
  if (rc < 0) return rc;
  struct change *change = fl_new(struct change);
  snprintf(change->thread, sizeof change->thread, "%s", thread);
  change->on_done = on_done;
  change->user = user;
  submit_change(runtime, change, FL_TXN_DELETE_THREAD);
  return 0;
}
