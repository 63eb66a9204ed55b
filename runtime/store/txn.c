/* SPDX-License-Identifier: MIT */
/* The rules about transactions that hold for every kind of store, and the queue and mailbox they travel by. Pure but
 * for the post. */
#include "runtime/base/check.h"
#include "runtime/base/mem.h"
#include "runtime/json/json.h"
#include "runtime/store/impl.h"
#include "runtime/store/plan.h"

#include <inttypes.h>

/* ---- checks ---- */

static const char *value_fault(const struct fl_record *record) {
  if (record->value.channel == NULL) return "a value without a channel";
  if (record->value.kind > FL_BODY_EDIT) return "a value of an unknown kind";
  bool builds_on = record->value.kind == FL_BODY_APPEND || record->value.kind == FL_BODY_EDIT;
  if (builds_on && record->value.parent_no >= record->value.no) return "a value that builds on a later one";
  return NULL;
}

/* What is wrong with a record, or NULL. */
static const char *record_fault(const struct fl_record *record) {
  bool has_body = record->body != NULL;
  switch (record->kind) {
  case FL_RECORD_VALUE: return has_body ? value_fault(record) : "a value without a body";
  case FL_RECORD_CHECKPOINT:
    if (record->checkpoint.source == NULL || record->checkpoint.id[0] == 0) return "a checkpoint without id or source";
    if (record->checkpoint.parent_no >= record->checkpoint.no) return "a checkpoint before its parent";
    return has_body ? NULL : "a checkpoint without a body";
  case FL_RECORD_WRITE:
    if (record->write.channel == NULL || record->write.task_id[0] == 0) return "a write without task or channel";
    return NULL;
  case FL_RECORD_INTENT:
    if (record->intent.name == NULL || record->intent.call_id[0] == 0) return "an intent without call id or name";
    return NULL;
  case FL_RECORD_RESULT: return record->result.call_id[0] != 0 ? NULL : "a result without a call id";
  case FL_RECORD_EVENT: return has_body ? NULL : "an event without a body";
  case FL_RECORD_THREAD: return NULL;
  case FL_RECORD_TRACE:
    if (record->trace.run_id[0] == 0 || record->trace.no > FL_TRACE_NO_MAX) return "a piece of a trace without a run";
    return has_body ? NULL : "a piece of a trace without a body";
  case FL_RECORD_AUDIT: return has_body && record->audit.what != NULL ? NULL : "an audit record that says nothing";
  }
  return "a record of an unknown kind";
}

static int record_check(const struct fl_record *record, const char *thread, struct fl_error *err) {
  uint64_t no = record->kind == FL_RECORD_VALUE        ? record->value.no
                : record->kind == FL_RECORD_CHECKPOINT ? record->checkpoint.no
                                                       : 1;
  if (no > FL_NO_MAX)
    return fl_error_set(err, FL_E_LIMIT, "thread %s has more than %d rows; go on with a copy of it", thread, FL_NO_MAX);
  const char *fault = no == 0              ? "a row without a number"
                      : record->ns == NULL ? "a row without a namespace"
                                           : record_fault(record);
  return fault == NULL ? 0 : fl_error_set(err, FL_E_INVALID, "thread %s: %s cannot be stored", thread, fault);
}

static int cache_check(const struct fl_txn *txn, struct fl_error *err) {
  const struct fl_cache_entry *entry = txn->cache;
  if (txn->kind != FL_TXN_CACHE_PUT) return 0;
  if (entry->graph == NULL || entry->node == NULL || entry->body.data == NULL)
    return fl_error_set(err, FL_E_INVALID, "a cached result without graph, node or body");
  if (entry->body.size <= FL_CACHE_BODY_MAX) return 0;
  return fl_error_set(err, FL_E_LIMIT, "a result of %zu bytes is too large for the cache (%d MiB at most)",
                      entry->body.size, FL_CACHE_BODY_MAX >> 20);
}

static int request_check(const struct fl_txn *txn, struct fl_error *err) {
  const struct fl_request *request = txn->request;
  size_t size = request->asker != NULL ? strlen(request->asker) : 0;
  if (size > 0 && size <= FL_ID_MAX && request->kind <= FL_REQUEST_ROLLBACK) return 0;
  return fl_error_set(err, FL_E_INVALID, "thread %s: a request needs a kind and the name of who asks", txn->thread);
}

static int prune_check(const struct fl_txn *txn, struct fl_error *err) {
  if (txn->prune->keep_last != 0 || txn->prune->since_ms != 0 || txn->prune->keep_events != 0) return 0;
  return fl_error_set(err, FL_E_INVALID, "thread %s: say how many checkpoints are kept, or how long", txn->thread);
}

static int copy_check(const struct fl_txn *txn, struct fl_error *err) {
  if (fl_is_thread_id(txn->copy->to)) return 0;
  return fl_error_set(err, FL_E_INVALID, "\"%.*s\" is not a thread id: use 1 to 128 of A-Z a-z 0-9 . _ : -", 200,
                      txn->copy->to);
}

static int records_check(const struct fl_records *records, const char *thread, struct fl_error *err) {
  if (records == NULL) return fl_error_set(err, FL_E_INVALID, "thread %s: a write without records", thread);
  for (size_t i = 0; i < records->count; i++) {
    int status = record_check(&records->items[i], thread, err);
    if (status != 0) return status;
  }
  return 0;
}

/* What runs keep with a thread (its member "fairlead") is not for those who only change its metadata. */
static int metadata_check(const struct fl_txn *txn, struct fl_error *err) {
  for (size_t i = 0; txn->fence == 0 && i < txn->records->count; i++) {
    const struct fl_record *record = &txn->records->items[i];
    FL_VALUE_AUTO patch = NULL;
    if (record->kind != FL_RECORD_THREAD || record->body == NULL) continue;
    if (fl_json_read(fl_slice_n(record->body, record->body_size), FL_JSON_FULL, &patch, NULL) < 0) continue;
    if (fl_get(patch, "fairlead") != NULL)
      return fl_error_set(err, FL_E_DENIED, "thread %s: \"fairlead\" in its metadata is kept by its runs alone",
                          txn->thread);
  }
  return 0;
}

static int write_check(const struct fl_txn *txn, struct fl_error *err) {
  int status = records_check(txn->records, txn->thread, err);
  return status == 0 ? metadata_check(txn, err) : status;
}

bool fl_txn_is_beside(const struct fl_txn *txn) {
  switch (txn->kind) {
  case FL_TXN_CACHE_PUT:
  case FL_TXN_CACHE_CLEAR:
  case FL_TXN_ITEMS:
  case FL_TXN_TRACE_DROP:
  case FL_TXN_SEAL:
  case FL_TXN_ROTATE:
  case FL_TXN_AUDIT: return true;
  default: return false;
  }
}

int fl_txn_check(const struct fl_txn *txn, struct fl_error *err) {
  if (fl_txn_is_beside(txn)) return cache_check(txn, err);
  if (!fl_is_thread_id(txn->thread))
    return fl_error_set(err, FL_E_INVALID, "\"%.*s\" is not a thread id: use 1 to 128 of A-Z a-z 0-9 . _ : -", 200,
                        txn->thread);
  switch (txn->kind) {
  case FL_TXN_REQUEST: return request_check(txn, err);
  case FL_TXN_PRUNE: return prune_check(txn, err);
  case FL_TXN_COPY: return copy_check(txn, err);
  case FL_TXN_IMPORT: return records_check(txn->import->records, txn->thread, err);
  case FL_TXN_WRITE: return write_check(txn, err);
  default: return 0;
  }
}

bool fl_txn_is_metadata(const struct fl_txn *txn) {
  if (txn->fence != 0) return false;
  for (size_t i = 0; i < txn->records->count; i++) {
    const struct fl_record *record = &txn->records->items[i];
    if (record->kind != FL_RECORD_THREAD || record->thread.status != NULL) return false;
  }
  return true;
}

int fl_txn_move_head(const struct fl_txn *txn, uint64_t head, uint64_t *ret_head, struct fl_error *err) {
  bool is_first = true;
  for (size_t i = 0; i < txn->records->count; i++) {
    const struct fl_record *record = &txn->records->items[i];
    if (record->kind != FL_RECORD_CHECKPOINT || record->ns[0] != 0) continue;
    if (is_first && head != txn->expected_head)
      return fl_error_set(err, FL_E_CONFLICT,
                          "thread %s went on to checkpoint %" PRIu64 " in the meantime (this step started from %" PRIu64
                          ")",
                          txn->thread, head, txn->expected_head);
    if (record->checkpoint.no <= head)
      return fl_error_set(err, FL_E_CONFLICT,
                          "thread %s is at checkpoint %" PRIu64 " already; %" PRIu64 " does not come after it",
                          txn->thread, head, record->checkpoint.no);
    head = record->checkpoint.no;
    is_first = false;
  }
  *ret_head = head;
  return 0;
}

/* ---- supersteps that end ---- */

static bool ends_superstep(const struct fl_record *record) {
  if (record->kind != FL_RECORD_CHECKPOINT || record->checkpoint.parent_no == 0) return false;
  return strcmp(record->checkpoint.source, "loop") == 0 || strcmp(record->checkpoint.source, "input") == 0;
}

void fl_ended_init(struct fl_ended *ended, const struct fl_txn *txn) {
  *ended = (struct fl_ended){0};
  for (size_t i = 0; i < txn->records->count; i++) {
    const struct fl_record *record = &txn->records->items[i];
    if (!ends_superstep(record)) continue;
    ended->nos = fl_realloc(ended->nos, (ended->count + 1) * sizeof *ended->nos);
    ended->nos[ended->count++] = record->checkpoint.parent_no;
  }
}

void fl_ended_deinit(struct fl_ended *ended) {
  fl_free(ended->nos);
  *ended = (struct fl_ended){0};
}

bool fl_ended_has(const struct fl_ended *ended, uint64_t checkpoint_no) {
  for (size_t i = 0; i < ended->count; i++)
    if (ended->nos[i] == checkpoint_no) return true;
  return false;
}

uint64_t fl_record_superstep(const struct fl_record *record) {
  switch (record->kind) {
  case FL_RECORD_WRITE: return record->write.checkpoint_no;
  case FL_RECORD_INTENT: return record->intent.checkpoint_no;
  case FL_RECORD_RESULT: return record->result.checkpoint_no;
  default: return 0;
  }
}

int fl_metadata_merge(struct fl_value **metadata, const struct fl_record *record, struct fl_error *err) {
  if (record->body == NULL) return 0;
  FL_VALUE_AUTO patch = NULL;
  int status = fl_json_read(fl_slice_n(record->body, record->body_size), FL_JSON_FULL, &patch, err);
  if (status != 0) return fl_error_context(err, "metadata");
  if (!fl_is(patch, FL_OBJECT))
    return fl_error_set(err, FL_E_INVALID, "metadata must be an object, not %s", fl_type_name(fl_type_of(patch)));
  struct fl_value *merged = fl_json_merge(*metadata, patch);
  fl_value_unref(*metadata);
  *metadata = merged;
  return 0;
}

int fl_checkpoint_found(const struct fl_ask *ask, const struct fl_search *search, uint64_t *ret_no,
                        struct fl_error *err) {
  if (search->found == 0 || ask->id[0] == 0)
    return fl_error_set(err, FL_E_NOT_FOUND, "thread %.200s has no checkpoint \"%.100s\"", ask->thread, ask->id);
  if (search->found > 1)
    return fl_error_set(err, FL_E_INVALID,
                        "\"%.100s\" is the front of %zu checkpoints of thread %.200s; give more of the id", ask->id,
                        search->found, ask->thread);
  *ret_no = search->no;
  return 0;
}

/* ---- queue and mailbox ---- */

void fl_txn_queue_init(struct fl_txn_queue *queue) { *queue = (struct fl_txn_queue){.last = &queue->first}; }

void fl_txn_queue_push(struct fl_txn_queue *queue, struct fl_txn *txn) {
  txn->next = NULL;
  *queue->last = txn;
  queue->last = &txn->next;
}

struct fl_txn *fl_txn_queue_pop(struct fl_txn_queue *queue) {
  struct fl_txn *txn = queue->first;
  if (txn == NULL) return NULL;
  queue->first = txn->next;
  if (queue->first == NULL) queue->last = &queue->first;
  txn->next = NULL;
  return txn;
}

static void mailbox_on_post(struct fl_post *post) {
  struct fl_mailbox *mailbox = post->user;
  if (mailbox->user == NULL) fl_free(mailbox);
  else mailbox->on_mail(mailbox->user);
}

struct fl_mailbox *fl_mailbox_create(void (*on_mail)(void *user), void *user) {
  struct fl_mailbox *mailbox = fl_new(struct fl_mailbox);
  *mailbox = (struct fl_mailbox){.on_mail = on_mail, .user = user};
  mailbox->post = (struct fl_post){.on_post = mailbox_on_post, .user = mailbox};
  return mailbox;
}

void fl_mailbox_post(struct fl_mailbox *mailbox, struct fl_world *world) {
  if (mailbox->is_posted) return;
  mailbox->is_posted = true;
  fl_world_post(world, &mailbox->post);
}

void fl_mailbox_close(struct fl_mailbox *mailbox) {
  if (mailbox->is_posted) mailbox->user = NULL;
  else fl_free(mailbox);
}

/* ---- rows to rows ---- */

int fl_import_check(const struct fl_txn *txn, struct fl_error *err) {
  const struct fl_records *records = txn->import->records;
  struct fl_plan plan = {.thread = txn->thread};
  int status = 0;
  for (size_t i = 0; status == 0 && i < records->count; i++) {
    const struct fl_record *record = &records->items[i];
    if (record->kind == FL_RECORD_CHECKPOINT) status = fl_plan_add_checkpoint(&plan, record, err);
    if (record->kind == FL_RECORD_VALUE)
      fl_plan_add_value(&plan,
                        &(struct fl_plan_value){
                            .no = record->value.no, .parent_no = record->value.parent_no, .kind = record->value.kind});
  }
  if (status == 0) status = fl_plan_check(&plan, err);
  fl_plan_deinit(&plan);
  return status;
}
