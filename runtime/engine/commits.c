/* SPDX-License-Identifier: MIT */
/* Commits of an invocation: each gets a ticket, they are acknowledged in order, and the core's own numbers of
 * its commits (`seq`) are found again as tickets. After a commit that failed no later one counts: what waited for it
 * never happens.
 *
 * With FL_DURABLE_EXIT commits are gathered into one, which has one ticket and leaves when the run ends, when a call
 * waits for its intent, or when it has become too large to be held. */
#include "runtime/engine/engine.h"

#include "runtime/base/check.h"
#include "runtime/base/mem.h"
#include "runtime/engine/tracing.h"

static void on_committed(struct fl_txn *txn, int status, const struct fl_error *err);

enum { FL_HELD_RECORDS_MAX = 4096, FL_HELD_SIZE_MAX = 16 * 1024 * 1024 };

static size_t size_of(const struct fl_records *records) {
  size_t size = 0;
  for (size_t i = 0; i < records->count; i++) size += records->items[i].body_size;
  return size;
}

/* Adds to what is held back; frees `commit`. The head that the whole expects is that of its first commit of the root.
 */
static uint64_t hold(struct fl_commit *held, struct fl_commit *commit, struct fl_records *records) {
  if (held->frame == NULL) {
    held->frame = commit->frame;
    held->seq = commit->seq;
  } else if (commit->frame != NULL) {
    commit->frame->use_count--;
  }
  if (!held->has_head && commit->has_head) {
    held->has_head = true;
    held->txn.expected_head = commit->txn.expected_head;
  }
  fl_records_move(&held->records, records);
  fl_records_deinit(records); /* its empty list */
  fl_free(commit);
  return held->ticket;
}

static uint64_t submit(struct fl_invocation *invocation, struct fl_commit *commit, struct fl_records *records,
                       uint64_t expected_head) {
  if (invocation->trace != NULL) fl_tracing_attach(invocation, records);
  commit->txn.expected_head = expected_head;
  commit->has_head = commit->frame == &invocation->root;
  invocation->held_size += size_of(records);
  if (invocation->held != NULL) {
    uint64_t held_ticket = hold(invocation->held, commit, records);
    bool is_large = invocation->held->records.count > FL_HELD_RECORDS_MAX || invocation->held_size > FL_HELD_SIZE_MAX;
    if (is_large) fl_invocation_flush(invocation);
    return held_ticket;
  }
  commit->invocation = invocation;
  commit->ticket = ++invocation->last_ticket;
  fl_records_move(&commit->records, records);
  commit->txn = (struct fl_txn){.kind = FL_TXN_WRITE,
                                .thread = invocation->thread_id,
                                .fence = invocation->thread->fence,
                                .expected_head = expected_head,
                                .records = &commit->records,
                                .wall_ms = fl_world_wall_ms(invocation->runtime->world),
                                .on_done = on_committed,
                                .user = commit};
  invocation->commit_count++;
  uint64_t ticket = commit->ticket;
  invocation->held = commit;
  if (invocation->durability != FL_DURABLE_EXIT) fl_invocation_flush(invocation);
  return ticket;
}

void fl_invocation_flush(struct fl_invocation *invocation) {
  struct fl_commit *held = invocation->held;
  if (held == NULL) return;
  invocation->held = NULL;
  invocation->held_size = 0;
  held->txn.wall_ms = fl_world_wall_ms(invocation->runtime->world);
  if (invocation->trace != NULL) fl_tracing_flushed(held);
  fl_store_submit(invocation->runtime->store, &held->txn);
}

uint64_t fl_invocation_commit(struct fl_invocation *invocation, struct fl_records *records) {
  return submit(invocation, fl_new(struct fl_commit), records, 0);
}

static void remember_seq(struct fl_frame *frame, uint64_t seq, uint64_t ticket) {
  if (frame->seq_count == 0) frame->seq_base = seq;
  fl_check(seq == frame->seq_base + frame->seq_count);
  frame->seq_tickets = fl_realloc(frame->seq_tickets, (frame->seq_count + 1) * sizeof *frame->seq_tickets);
  frame->seq_tickets[frame->seq_count++] = ticket;
}

void fl_frame_commit(struct fl_frame *frame, struct fl_do *effect) {
  struct fl_commit *commit = fl_new(struct fl_commit);
  commit->frame = frame;
  frame->use_count++;
  commit->seq = effect->seq;
  remember_seq(frame, effect->seq, submit(frame->invocation, commit, &effect->records, effect->expected_head));
}

static void tell_failure(struct fl_frame *frame, const struct fl_commit *commit, const struct fl_error *err) {
  struct fl_queued_event *event = fl_queued_event_create(FL_EV_COMMIT_FAILED);
  event->ev.seq = commit->frame == frame ? commit->seq : 0;
  event->ticket = commit->ticket - 1; /* several commits of a core may share the ticket */
  event->error = fl_new(struct fl_error);
  *event->error = *err;
  fl_frame_enqueue(frame, event);
}

/* Every core must know that what it had stored behind the lost commit will not be. */
static void tell_failure_to_all(struct fl_invocation *invocation, const struct fl_commit *commit,
                                const struct fl_error *err) {
  tell_failure(&invocation->root, commit, err);
  for (struct fl_frame *frame = invocation->frames; frame != NULL; frame = frame->next)
    if (!frame->has_ended) tell_failure(frame, commit, err);
}

static void on_committed(struct fl_txn *txn, int status, const struct fl_error *err) {
  struct fl_commit *commit = txn->user;
  struct fl_invocation *invocation = commit->invocation;
  invocation->commit_count--;
  if (status < 0) {
    invocation->has_lost_store = true;
    tell_failure_to_all(invocation, commit, err);
  } else if (!invocation->has_lost_store) {
    invocation->acked_ticket = commit->ticket;
    if (invocation->trace != NULL) fl_tracing_committed(commit);
  }
  if (status == 0 && commit->frame != NULL) {
    struct fl_queued_event *event = fl_queued_event_create(FL_EV_COMMITTED);
    event->ev.seq = commit->seq;
    event->ticket = commit->ticket;
    fl_frame_enqueue(commit->frame, event);
  }
  if (commit->frame != NULL) commit->frame->use_count--;
  fl_invocation_wake(invocation);
  fl_records_deinit(&commit->records);
  fl_free(commit);
}

uint64_t fl_frame_ticket_of(const struct fl_frame *frame, uint64_t seq) {
  if (seq == 0 || frame->seq_count == 0 || seq < frame->seq_base) return 0;
  size_t index = (size_t)(seq - frame->seq_base);
  return index < frame->seq_count ? frame->seq_tickets[index] : 0;
}

uint64_t fl_frame_seq_behind(const struct fl_frame *frame, uint64_t ticket) {
  if (frame->seq_count == 0) return UINT64_MAX; /* nothing waits */
  size_t index = 0;
  while (index < frame->seq_count && frame->seq_tickets[index] <= ticket) index++;
  return frame->seq_base + index;
}
