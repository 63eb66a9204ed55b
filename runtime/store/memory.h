/* SPDX-License-Identifier: MIT */
/* The rows of the store in memory: one object per thread, with copies of the records that were written. Private. */
#pragma once
#include "runtime/base/map.h"
#include "runtime/store/assemble.h"
#include "runtime/store/impl.h"
#include "runtime/store/lease.h"

struct fl_memory_call {
  struct fl_record intent, result;
  bool has_result;
};

struct fl_memory_event {
  uint64_t no;
  char run_id[FL_UUID_SIZE];
  char *body;
  size_t body_size;
};

/* Invariants. (1) values and checkpoints stand in the order of their numbers. (2) `head_no` is the last root
 * checkpoint. */
struct fl_memory_thread {
  char id[FL_ID_MAX + 1];
  uint64_t order; /* of creation */
  char *graph_name, *graph_file, *status;
  struct fl_value *metadata;
  int64_t created_ms, updated_ms;
  uint64_t head_no;
  struct fl_lease lease;
  struct fl_records values, checkpoints, writes;
  struct fl_map write_places; /* checkpoint, task and index of a write to its place among `writes`, plus 1 */
  struct fl_memory_call *calls;
  size_t call_count;
  struct fl_memory_event *events;
  size_t event_count, event_capacity;
};

struct fl_memory_dispatch {
  struct fl_memory_store *store; /* NULL after a restart */
  struct fl_mailbox *mailbox;
  struct fl_timer timer;
  bool is_timed;
  struct fl_memory_dispatch *next; /* those of worlds that are gone */
};

struct fl_memory_store {
  struct fl_store base;
  struct fl_map threads; /* id to fl_memory_thread */
  uint64_t fence_floor;  /* above the fences of all threads that were deleted */
  uint64_t last_order, last_event_no;
  struct fl_holder self;
  struct fl_txn_queue queue;
  struct fl_memory_dispatch *dispatch;
  struct fl_memory_dispatch *retired;
  uint64_t delay_ms;
  int error_code;
  struct fl_db *side; /* what stands beside the threads; NULL until something does */
};

struct fl_memory_thread *fl_memory_thread_create(const char *id);
void fl_memory_thread_destroy(struct fl_memory_thread *thread);

/* Lent; NULL when absent. */
const struct fl_record *fl_memory_find(const struct fl_records *rows, uint64_t no);

/* Whether the records of a write fit the thread's rows, and writing them (which cannot fail). */
int fl_memory_check_write(const struct fl_memory_thread *thread, const struct fl_txn *txn, struct fl_error *err);
void fl_memory_apply_write(struct fl_memory_store *store, struct fl_memory_thread *thread, const struct fl_txn *txn);

/* The rows of records, as they are: whether they may be put into a new thread, and putting them. */
int fl_memory_check_records(const struct fl_memory_thread *thread, const struct fl_records *records,
                            struct fl_error *err);
void fl_memory_put_records(struct fl_memory_store *store, struct fl_memory_thread *thread,
                           const struct fl_records *records);
/* An owned copy of a record; not of those about threads or events. */
struct fl_record fl_memory_copy_record(const struct fl_record *from);
void fl_memory_free_record(struct fl_record *record);
void fl_memory_free_call(struct fl_memory_call *call);

/* Adds a write that is not there yet, as an owned copy. */
void fl_memory_add_write(struct fl_memory_thread *thread, const struct fl_record *record);
/* Drops the writes and calls beside the checkpoints that `goes` names. */
void fl_memory_drop_beside(struct fl_memory_thread *thread, bool (*goes)(const void *user, uint64_t checkpoint_no),
                           const void *user);

/* memory_upkeep.c: the transactions of upkeep.h. */
int fl_memory_prune(struct fl_memory_thread *thread, struct fl_txn *txn, struct fl_error *err);
int fl_memory_roll_back(struct fl_memory_thread *thread, struct fl_txn *txn, struct fl_error *err);
/* Into a thread that is new. */
int fl_memory_copy(const struct fl_memory_thread *from, struct fl_memory_thread *to, const struct fl_txn *txn,
                   struct fl_error *err);

/* Finds a thread's values for assembling; memory_read.c. */
struct fl_memory_source {
  struct fl_row_source base;
  const struct fl_memory_thread *thread;
};
void fl_memory_source_init(struct fl_memory_source *source, const struct fl_memory_thread *thread);

/* The reading half of the table of operations. */
int fl_memory_read_thread(struct fl_store *base, const char *id, struct fl_thread_info *ret_info, struct fl_error *err);
int fl_memory_list_threads(struct fl_store *base, const struct fl_threads_query *query,
                           bool (*visit)(const struct fl_thread_info *info, void *user), void *user,
                           struct fl_error *err);
int fl_memory_load(struct fl_store *base, const struct fl_ask *ask, struct fl_loaded *loaded, struct fl_error *err);
int fl_memory_list_checkpoints(struct fl_store *base, const struct fl_ask *ask, struct fl_error *err);
int fl_memory_find_checkpoint(struct fl_store *base, const struct fl_ask *ask, uint64_t *ret_no, struct fl_error *err);
int fl_memory_list_events(struct fl_store *base, const struct fl_ask *ask, struct fl_error *err);
int fl_memory_read_all(struct fl_store *base, const struct fl_ask *ask, struct fl_error *err);
