/* SPDX-License-Identifier: MIT */
/* Pruning, going back and copying in memory. The decision which rows go is plan.c's. */
#include "runtime/base/mem.h"
#include "runtime/store/memory.h"
#include "runtime/store/plan.h"

/* ---- the plan of a thread ---- */

static int fill(const struct fl_memory_thread *thread, struct fl_plan *plan, struct fl_error *err) {
  int status = 0;
  for (size_t i = 0; status == 0 && i < thread->checkpoints.count; i++)
    status = fl_plan_add_checkpoint(plan, &thread->checkpoints.items[i], err);
  for (size_t i = 0; i < thread->values.count; i++) {
    const struct fl_record *record = &thread->values.items[i];
    fl_plan_add_value(plan, &(struct fl_plan_value){.no = record->value.no,
                                                    .parent_no = record->value.parent_no,
                                                    .kind = record->value.kind,
                                                    .size = record->body_size});
  }
  return status;
}

/* ---- carrying it out ---- */

static bool is_dropped(const void *user, uint64_t checkpoint_no) {
  const struct fl_plan *plan = user;
  size_t low = 0, high = plan->checkpoint_count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (plan->checkpoints[middle].no < checkpoint_no) low = middle + 1;
    else high = middle;
  }
  return low < plan->checkpoint_count && plan->checkpoints[low].no == checkpoint_no && !plan->checkpoints[low].is_kept;
}

/* The plan holds the thread's values and checkpoints in the same order. */
static void drop_rows(struct fl_memory_thread *thread, const struct fl_plan *plan) {
  size_t kept = 0;
  fl_memory_drop_beside(thread, is_dropped, plan);
  thread->head_no = 0;
  for (size_t i = 0; i < thread->checkpoints.count; i++) {
    struct fl_record *record = &thread->checkpoints.items[i];
    if (!plan->checkpoints[i].is_kept) {
      fl_memory_free_record(record);
      continue;
    }
    if (record->ns[0] == 0) thread->head_no = record->checkpoint.no;
    thread->checkpoints.items[kept++] = *record;
  }
  thread->checkpoints.count = kept;
  kept = 0;
  for (size_t i = 0; i < thread->values.count; i++) {
    if (plan->values[i].is_kept) thread->values.items[kept++] = thread->values.items[i];
    else fl_memory_free_record(&thread->values.items[i]);
  }
  thread->values.count = kept;
}

/* A list that is put together, and is written once nothing can fail any more. */
struct rebased {
  size_t index;
  struct fl_buf text;
};

static void write_anew(struct fl_memory_thread *thread, struct rebased *rebased) {
  struct fl_record *record = &thread->values.items[rebased->index];
  fl_free(record->body);
  record->value.kind = FL_BODY_LIST;
  record->value.parent_no = 0;
  record->body = fl_buf_take(&rebased->text, &record->body_size);
}

static int rebase(struct fl_memory_thread *thread, struct fl_plan *plan, struct fl_error *err) {
  struct fl_memory_source source;
  FL_FREE_AUTO struct rebased *all = fl_new_array(struct rebased, plan->value_count + 1);
  size_t count = 0;
  int status = 0;
  fl_memory_source_init(&source, thread);
  for (size_t i = 0; status == 0 && i < plan->value_count; i++) {
    if (!plan->values[i].is_rebased) continue;
    struct rebased *rebased = &all[count++];
    *rebased = (struct rebased){.index = i, .text = {.limit = 1 << 30}};
    status = fl_assemble_list_text(&source.base, thread->values.items[i].value.channel, plan->values[i].no,
                                   &rebased->text, err);
  }
  for (size_t i = 0; i < count; i++) {
    if (status == 0 && fl_plan_rebase(plan, &plan->values[all[i].index], all[i].text.size)) write_anew(thread, &all[i]);
    fl_buf_deinit(&all[i].text);
  }
  return status;
}

static void drop_events(struct fl_memory_thread *thread, uint64_t keep_events) {
  if (keep_events == 0 || thread->event_count <= keep_events) return;
  size_t dropped = thread->event_count - (size_t)keep_events;
  for (size_t i = 0; i < dropped; i++) fl_free(thread->events[i].body);
  thread->event_count -= dropped;
  memmove(thread->events, thread->events + dropped, thread->event_count * sizeof *thread->events);
}

int fl_memory_prune(struct fl_memory_thread *thread, struct fl_txn *txn, struct fl_error *err) {
  struct fl_plan plan = {.thread = thread->id};
  bool has_rule = txn->prune->keep_last != 0 || txn->prune->since_ms != 0;
  int status = has_rule ? fill(thread, &plan, err) : 0;
  txn->count = txn->bytes = 0;
  if (status == 0 && fl_plan_prune(&plan, txn->prune)) {
    status = rebase(thread, &plan, err);
    if (status == 0) {
      drop_rows(thread, &plan);
      txn->count = plan.dropped_count;
      txn->bytes = plan.dropped_bytes;
    }
  }
  if (status == 0) drop_events(thread, txn->prune->keep_events);
  fl_plan_deinit(&plan);
  return status;
}

/* ---- going back ---- */

static int roll_back(struct fl_memory_thread *thread, uint64_t to_no, uint64_t *ret_count, struct fl_error *err) {
  struct fl_plan plan = {.thread = thread->id};
  int status = fill(thread, &plan, err);
  if (status == 0) {
    fl_plan_roll_back(&plan, to_no);
    drop_rows(thread, &plan);
    *ret_count = plan.dropped_count;
  }
  fl_plan_deinit(&plan);
  return status;
}

int fl_memory_roll_back(struct fl_memory_thread *thread, struct fl_txn *txn, struct fl_error *err) {
  int status = roll_back(thread, txn->rollback->to_no, &txn->count, err);
  if (status != 0) return status;
  if (txn->rollback->status != NULL) {
    fl_free(thread->status);
    thread->status = fl_strdup(txn->rollback->status);
  }
  if (txn->fence != 0) return 0;
  thread->lease = (struct fl_lease){.fence = thread->lease.fence + 1};
  if (txn->wall_ms > thread->updated_ms) thread->updated_ms = txn->wall_ms;
  return 0;
}

/* ---- copies ---- */

static void copy_records(const struct fl_records *from, struct fl_records *to) {
  for (size_t i = 0; i < from->count; i++) {
    struct fl_record *record = fl_records_add(to, from->items[i].kind, "");
    fl_free(record->ns);
    *record = fl_memory_copy_record(&from->items[i]);
  }
}

int fl_memory_copy(const struct fl_memory_thread *from, struct fl_memory_thread *to, const struct fl_txn *txn,
                   struct fl_error *err) {
  uint64_t ignored;
  to->graph_name = fl_strdup(from->graph_name);
  to->graph_file = fl_strdup(from->graph_file);
  fl_free(to->status);
  to->status = fl_strdup(from->status);
  fl_value_unref(to->metadata);
  to->metadata = fl_value_ref(from->metadata);
  to->head_no = from->head_no;
  copy_records(&from->values, &to->values);
  copy_records(&from->checkpoints, &to->checkpoints);
  for (size_t i = 0; i < from->writes.count; i++) fl_memory_add_write(to, &from->writes.items[i]);
  to->calls = fl_new_array(struct fl_memory_call, from->call_count + 1);
  for (to->call_count = 0; to->call_count < from->call_count; to->call_count++) {
    const struct fl_memory_call *call = &from->calls[to->call_count];
    to->calls[to->call_count] =
        (struct fl_memory_call){.intent = fl_memory_copy_record(&call->intent), .has_result = call->has_result};
    if (call->has_result) to->calls[to->call_count].result = fl_memory_copy_record(&call->result);
  }
  return txn->copy->until_no != 0 ? roll_back(to, txn->copy->until_no, &ignored, err) : 0;
}
