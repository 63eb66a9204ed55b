/* SPDX-License-Identifier: MIT */
/* What the two kinds of store share: the table of operations, the rules about transactions that are the same for both,
 * and the mailbox by which acknowledgements reach the loop. Private to this folder. */
#pragma once
#include "runtime/store/store.h"

/* A question about one thread, as store.h explains it. What an operation does not need is not looked at. */
struct fl_ask {
  const char *thread, *ns;
  const char *id; /* find_checkpoint: the front of a checkpoint's; list_events: the run's, or NULL */
  uint64_t no;    /* load: the checkpoint; list_checkpoints: below it; list_events: above it */
  size_t limit;   /* list_checkpoints */
  bool (*on_checkpoint)(const struct fl_checkpoint_info *info, void *user);
  bool (*on_event)(const struct fl_event_info *info, void *user);
  fl_record_fn *on_record;
  void *user;
};

struct fl_db; /* one SQLite connection: sqlite.h */

struct fl_store_ops {
  void (*submit)(struct fl_store *store, struct fl_txn *txn);
  void (*pause)(struct fl_store *store, bool pauses);
  int (*compact)(struct fl_store *store, struct fl_error *err);
  void (*close)(struct fl_store *store);
  int (*read_thread)(struct fl_store *store, const char *thread, struct fl_thread_info *ret_info, struct fl_error *err);
  int (*list_threads)(struct fl_store *store, const struct fl_threads_query *query,
                      bool (*visit)(const struct fl_thread_info *info, void *user), void *user, struct fl_error *err);
  int (*load)(struct fl_store *store, const struct fl_ask *ask, struct fl_loaded *ret_loaded, struct fl_error *err);
  int (*list_checkpoints)(struct fl_store *store, const struct fl_ask *ask, struct fl_error *err);
  int (*find_checkpoint)(struct fl_store *store, const struct fl_ask *ask, uint64_t *ret_no, struct fl_error *err);
  int (*list_events)(struct fl_store *store, const struct fl_ask *ask, struct fl_error *err);
  int (*read_all)(struct fl_store *store, const struct fl_ask *ask, struct fl_error *err);
  /* The connection that reads what stands beside the threads; NULL when there is nothing yet. */
  struct fl_db *(*side)(struct fl_store *store);
};

/* The first member of both kinds. */
struct fl_store {
  const struct fl_store_ops *ops;
  struct fl_world *world;
};

/* ---- transactions ---- */

/* What a transaction gives back besides its status. */
struct fl_txn_answer {
  uint64_t fence, count, bytes;
};

enum { FL_TRACE_NO_MAX = (1 << 24) - 1 }; /* rows of a part of a run's trace */
enum { FL_NO_MAX = INT32_MAX };           /* row numbers of a thread: half of a 64-bit row id */

/* Whether the transaction makes sense by itself; FL_E_INVALID says what does not, FL_E_LIMIT a thread too long. */
int fl_txn_check(const struct fl_txn *txn, struct fl_error *err);

/* Whether the records of an import fit together. */
int fl_import_check(const struct fl_txn *txn, struct fl_error *err);

/* Whether it is about what stands beside the threads. */
bool fl_txn_is_beside(const struct fl_txn *txn);

/* Whether it changes nothing but what a thread says about itself, and so needs no lease. */
bool fl_txn_is_metadata(const struct fl_txn *txn);

/* The head after the transaction, when it starts from `head`. FL_E_CONFLICT when the head is not the expected one, or a
 * checkpoint would not come after it. */
int fl_txn_move_head(const struct fl_txn *txn, uint64_t head, uint64_t *ret_head, struct fl_error *err);

/* The checkpoints whose supersteps end with this transaction. */
struct fl_ended {
  uint64_t *nos;
  size_t count;
};
void fl_ended_init(struct fl_ended *ended, const struct fl_txn *txn);
void fl_ended_deinit(struct fl_ended *ended);
bool fl_ended_has(const struct fl_ended *ended, uint64_t checkpoint_no);

/* The checkpoint whose superstep a record belongs to; 0 for the kinds that belong to none. */
uint64_t fl_record_superstep(const struct fl_record *record);

/* What a thread says about itself after `record`: metadata merged. FL_E_INVALID when the record's body is not an
 * object. */
int fl_metadata_merge(struct fl_value **metadata, const struct fl_record *record, struct fl_error *err);

/* A search by the front of an id: the last checkpoint that fits, and how many do. */
struct fl_search {
  uint64_t no;
  size_t found;
};
int fl_checkpoint_found(const struct fl_ask *ask, const struct fl_search *search, uint64_t *ret_no,
                        struct fl_error *err);

/* ---- acknowledgements ---- */

/* Lives on its own, since a post that is under way may outlive the store. One post is under way at a time. */
struct fl_mailbox {
  struct fl_post post;
  void (*on_mail)(void *user);
  void *user; /* NULL once the store is closed */
  bool is_posted;
};
struct fl_mailbox *fl_mailbox_create(void (*on_mail)(void *user), void *user);
void fl_mailbox_post(struct fl_mailbox *mailbox, struct fl_world *world); /* the caller guards is_posted */
void fl_mailbox_close(struct fl_mailbox *mailbox);                        /* freed now, or by the post under way */

/* A queue of transactions, first in first out. */
struct fl_txn_queue {
  struct fl_txn *first, **last;
};
void fl_txn_queue_init(struct fl_txn_queue *queue);
void fl_txn_queue_push(struct fl_txn_queue *queue, struct fl_txn *txn);
struct fl_txn *fl_txn_queue_pop(struct fl_txn_queue *queue); /* NULL when empty */
