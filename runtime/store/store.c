/* SPDX-License-Identifier: MIT */
/* The store's face: hands every call to its kind. */
#include "runtime/store/impl.h"

#include "runtime/base/check.h"
#include "runtime/base/mem.h"
#include "runtime/store/audit_write.h"
#include "runtime/store/side.h"
#include "runtime/store/sqlite_trace.h"

/* Below this file `err` is never NULL. */
#define WITH_ERROR(err)            \
  struct fl_error own_error = {0}; \
  if ((err) == NULL) (err) = &own_error

void fl_store_close(struct fl_store *store) {
  if (store != NULL) store->ops->close(store);
}

void fl_store_pause(struct fl_store *store) { store->ops->pause(store, true); }

void fl_store_resume(struct fl_store *store) { store->ops->pause(store, false); }

int fl_store_compact(struct fl_store *store, struct fl_error *err) {
  WITH_ERROR(err);
  return store->ops->compact(store, err);
}

void fl_store_submit(struct fl_store *store, struct fl_txn *txn) {
  fl_check((txn->thread != NULL || fl_txn_is_beside(txn)) && txn->on_done != NULL);
  txn->next = NULL;
  store->ops->submit(store, txn);
}

void fl_thread_info_deinit(struct fl_thread_info *info) {
  fl_free(info->graph_name);
  fl_free(info->graph_file);
  fl_free(info->status);
  fl_value_unref(info->metadata);
  *info = (struct fl_thread_info){0};
}

int fl_store_read_thread(struct fl_store *store, const char *thread, struct fl_thread_info *ret_info,
                         struct fl_error *err) {
  WITH_ERROR(err);
  return store->ops->read_thread(store, thread, ret_info, err);
}

int fl_store_list_threads(struct fl_store *store, const struct fl_threads_query *query,
                          bool (*visit)(const struct fl_thread_info *info, void *user), void *user,
                          struct fl_error *err) {
  WITH_ERROR(err);
  static const struct fl_threads_query all = {0};
  return store->ops->list_threads(store, query != NULL ? query : &all, visit, user, err);
}

int fl_store_load(struct fl_store *store, const char *thread, const char *ns, uint64_t checkpoint_no,
                  struct fl_loaded *ret_loaded, struct fl_error *err) {
  WITH_ERROR(err);
  const struct fl_ask ask = {.thread = thread, .ns = ns != NULL ? ns : "", .no = checkpoint_no};
  struct fl_loaded loaded = {0};
  int status = store->ops->load(store, &ask, &loaded, err);
  if (status == 0) *ret_loaded = loaded;
  else fl_loaded_deinit(&loaded);
  return status;
}

int fl_store_list_checkpoints(struct fl_store *store, const char *thread, const char *ns, uint64_t before_no,
                              size_t limit, bool (*visit)(const struct fl_checkpoint_info *info, void *user),
                              void *user, struct fl_error *err) {
  WITH_ERROR(err);
  const struct fl_ask ask = {.thread = thread,
                             .ns = ns != NULL ? ns : "",
                             .no = before_no,
                             .limit = limit,
                             .on_checkpoint = visit,
                             .user = user};
  return store->ops->list_checkpoints(store, &ask, err);
}

int fl_store_list_events(struct fl_store *store, const char *thread, const char *run_id, uint64_t after_no,
                         bool (*visit)(const struct fl_event_info *info, void *user), void *user,
                         struct fl_error *err) {
  WITH_ERROR(err);
  const struct fl_ask ask = {.thread = thread, .id = run_id, .no = after_no, .on_event = visit, .user = user};
  return store->ops->list_events(store, &ask, err);
}

int fl_store_find_checkpoint(struct fl_store *store, const char *thread, const char *ns, const char *id,
                             uint64_t *ret_no, struct fl_error *err) {
  WITH_ERROR(err);
  const struct fl_ask ask = {.thread = thread, .ns = ns != NULL ? ns : "", .id = id};
  return store->ops->find_checkpoint(store, &ask, ret_no, err);
}

int fl_store_read_all(struct fl_store *store, const char *thread, fl_record_fn *visit, void *user,
                      struct fl_error *err) {
  WITH_ERROR(err);
  const struct fl_ask ask = {.thread = thread, .on_record = visit, .user = user};
  return store->ops->read_all(store, &ask, err);
}

/* ---- the audit log ---- */

int fl_store_list_audit(struct fl_store *store, const struct fl_audit_query *query, struct fl_error *err) {
  WITH_ERROR(err);
  struct fl_db *db = store->ops->side(store);
  return db == NULL ? 0 : fl_audit_list(db, query, err);
}

int fl_store_verify_audit(struct fl_store *store, const struct fl_audit_check *check,
                          struct fl_audit_report *ret_report, struct fl_error *err) {
  WITH_ERROR(err);
  struct fl_db *db = store->ops->side(store);
  if (db != NULL) return fl_audit_verify(db, check, ret_report, err);
  *ret_report = (struct fl_audit_report){0};
  return 0;
}

/* ---- beside the threads ---- */

int fl_store_read_cache(struct fl_store *store, const struct fl_cache_entry *entry, int64_t wall_ms, char **ret_body,
                        struct fl_error *err) {
  WITH_ERROR(err);
  struct fl_db *db = store->ops->side(store);
  if (db == NULL) return fl_error_set(err, FL_E_NOT_FOUND, "there is no such result in the cache");
  return fl_side_read_cache(db, entry, wall_ms, ret_body, err);
}

int fl_store_list_requests(struct fl_store *store, const struct fl_requests_query *query, struct fl_error *err) {
  WITH_ERROR(err);
  struct fl_db *db = store->ops->side(store);
  return db == NULL ? 0 : fl_side_list_requests(db, query, err);
}

int fl_store_read_item(struct fl_store *store, const struct fl_item_name *name, fl_item_fn *visit, void *user,
                       struct fl_error *err) {
  WITH_ERROR(err);
  struct fl_db *db = store->ops->side(store);
  if (db == NULL) return fl_error_set(err, FL_E_NOT_FOUND, "there is no item \"%.100s\"", name->key);
  return fl_side_read_item(db, name, visit, user, err);
}

int fl_store_search_items(struct fl_store *store, const struct fl_items_query *query, struct fl_error *err) {
  WITH_ERROR(err);
  struct fl_db *db = store->ops->side(store);
  return db == NULL ? 0 : fl_side_search_items(db, query, err);
}

int fl_store_list_namespaces(struct fl_store *store, const struct fl_namespaces_query *query, struct fl_error *err) {
  WITH_ERROR(err);
  struct fl_db *db = store->ops->side(store);
  return db == NULL ? 0 : fl_side_list_namespaces(db, query, err);
}

int fl_store_list_runs(struct fl_store *store, const struct fl_trace_query *query, struct fl_error *err) {
  WITH_ERROR(err);
  struct fl_db *db = store->ops->side(store);
  return db == NULL ? 0 : fl_trace_list(db, query, err);
}

int fl_store_read_trace(struct fl_store *store, const struct fl_trace_rows *rows, struct fl_error *err) {
  WITH_ERROR(err);
  struct fl_db *db = store->ops->side(store);
  return db == NULL ? 0 : fl_trace_read(db, rows, err);
}
