/* SPDX-License-Identifier: MIT */
/* Commits of an invocation: each gets a ticket, they are acknowledged in order, and the core's own numbers of its
 * commits
 * (`seq`) are found again as tickets. After a commit that failed no later one counts: what waited for it never happens.
 */
#include "runtime/engine/engine.h"

#include "runtime/base/check.h"
#include "runtime/base/mem.h"

static void on_committed(struct fl_txn *txn, int status, const struct fl_error *err);

uint64_t fl_invocation_commit(struct fl_invocation *invocation, struct fl_records *records, uint64_t seq,
                              uint64_t expected_head) {
  struct fl_commit *commit = fl_new(struct fl_commit);
  commit->invocation = invocation;
  commit->seq = seq;
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
  fl_store_submit(invocation->runtime->store, &commit->txn);
  return commit->ticket;
}

static void on_committed(struct fl_txn *txn, int status, const struct fl_error *err) {
  struct fl_commit *commit = txn->user;
  struct fl_invocation *invocation = commit->invocation;
  invocation->commit_count--;
  struct fl_queued_event *event = fl_queued_event_create(status == 0 ? FL_EV_COMMITTED : FL_EV_COMMIT_FAILED);
  event->ev.seq = commit->seq;
  event->ticket = commit->ticket;
  if (status == 0) {
    if (!invocation->has_lost_store) invocation->acked_ticket = commit->ticket;
  } else {
    invocation->has_lost_store = true;
    event->error = fl_new(struct fl_error);
    *event->error = *err;
  }
  if (commit->seq > 0 || status < 0) fl_invocation_enqueue(invocation, event);
  else fl_queued_event_free(event);
  fl_invocation_wake(invocation);
  fl_records_deinit(&commit->records);
  fl_free(commit);
}

uint64_t fl_invocation_ticket_of(const struct fl_invocation *invocation, uint64_t seq) {
  if (seq == 0 || invocation->seq_count == 0 || seq < invocation->seq_base) return 0;
  size_t index = (size_t)(seq - invocation->seq_base);
  return index < invocation->seq_count ? invocation->seq_tickets[index] : 0;
}

uint64_t fl_invocation_seq_behind(const struct fl_invocation *invocation, uint64_t ticket) {
  if (invocation->seq_count == 0) return UINT64_MAX; /* nothing waits */
  size_t index = 0;
  while (index < invocation->seq_count && invocation->seq_tickets[index] <= ticket) index++;
  return invocation->seq_base + index;
}

void fl_invocation_remember_seq(struct fl_invocation *invocation, uint64_t seq, uint64_t ticket) {
  if (invocation->seq_count == 0) invocation->seq_base = seq;
  fl_check(seq == invocation->seq_base + invocation->seq_count);
  invocation->seq_tickets =
      fl_realloc(invocation->seq_tickets, (invocation->seq_count + 1) * sizeof *invocation->seq_tickets);
  invocation->seq_tickets[invocation->seq_count++] = ticket;
}
