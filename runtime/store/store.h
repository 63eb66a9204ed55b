/* SPDX-License-Identifier: MIT */
/* The store: threads, their checkpoints, values, pending writes, intents and results. Two kinds behind one interface:
 * SQLite (one writer thread with group commit, as design says in docs/architecture.md) and memory (for tests and for
 * runs that keep nothing). Both pass the same tests.
 *
 * Writes are transactions, submitted to the writer and acknowledged on the loop in order. Reads are synchronous. */
#pragma once
#include "graph/record.h"
#include "runtime/io/world.h"
#include "runtime/store/audit.h"
#include "runtime/store/items.h"
#include "runtime/store/upkeep.h"

struct fl_store;

/* ---- opening ---- */

struct fl_store_options {
  size_t size;
  bool read_only;
  const struct fl_secret *key; /* 32 bytes, copied: what is written is sealed (docs/how-to/seal-a-store.md), and what is
                                  not sealed is refused; NULL or empty: nothing is sealed */
  bool finds_key;              /* without one here: as fl_key_source_store says */
  bool synchronous_normal;     /* may lose the last commits on power loss, never consistency; default FULL */
};

/* SQLite at `path` (made when absent, with its folder, mode 0600/0700; FL_E_NOT_FOUND when read_only). Errors:
 * FL_E_DENIED (it is sealed, and the key is missing or another),
 * FL_E_VERSION (a newer fairlead wrote it), FL_E_INVALID (another program's database), FL_E_CORRUPT, FL_E_IO,
 * FL_E_NO_SPACE, FL_E_UNSUPPORTED (a network file system), FL_E_BUSY (another process holds the side lock for over 5 s;
 * names its pid). `path` is followed by
 * "-wal", "-shm" and ".lock" files. Several processes may open one store. */
int fl_store_open(struct fl_world *world, const char *path, const struct fl_store_options *options,
                  struct fl_store **ret_store, struct fl_error *err);

/* In memory. For simulated crashes: fl_store_memory_restart drops what was not acknowledged (without its on_done) and
 * serves a new world, for which the holders of all leases are dead. The delay is the time from submission to
 * acknowledgement (0: the next turn of the loop). While an error code is set, every transaction fails with it, as on a
 * full disk. */
struct fl_store *fl_store_memory_create(struct fl_world *world);
void fl_store_memory_restart(struct fl_store *store, struct fl_world *world);
void fl_store_memory_set_delay(struct fl_store *store, uint64_t delay_ms);
void fl_store_memory_set_error(struct fl_store *store, int code);

/* Before the process stops itself (SIGTSTP): returns when no batch is under way, so that other processes do not wait
 * for the lock of a stopped one; nothing is written until fl_store_resume. Nothing may be closed in between. */
void fl_store_pause(struct fl_store *store);
void fl_store_resume(struct fl_store *store);

/* Waits for what is under way (its on_done comes from inside this call) and gives back the leases that it still holds.
 * NULL is allowed. */
void fl_store_close(struct fl_store *store);

/* ---- writing ---- */

enum fl_txn_kind {
  FL_TXN_WRITE,         /* records, if fence and head still fit */
  FL_TXN_LEASE_ACQUIRE, /* makes the thread when `creates`; gives the fence; FL_E_BUSY names the holder, FL_E_NOT_FOUND
                         */
  FL_TXN_LEASE_RENEW,   /* FL_E_CONFLICT when somebody else took it */
  FL_TXN_LEASE_RELEASE,
  FL_TXN_DELETE_THREAD, /* with everything of it; FL_E_BUSY while a lease is held, FL_E_NOT_FOUND */
  FL_TXN_REQUEST, /* asks the holder of the lease for something; FL_E_STATE when nobody holds it, FL_E_NOT_FOUND */
  FL_TXN_PRUNE,   /* these four: upkeep.h */
  FL_TXN_ROLLBACK,
  FL_TXN_COPY,
  FL_TXN_IMPORT,
  FL_TXN_CACHE_PUT,   /* of no thread, as the next */
  FL_TXN_CACHE_CLEAR, /* `count`: how many went */
  FL_TXN_ITEMS,       /* items.h; of no thread; `count`: those deleted */
  FL_TXN_TRACE_DROP,  /* trace.h; of no thread; `count`: runs */
  FL_TXN_SEAL,        /* seals what is in the clear, a thread at a time; of no thread */
  FL_TXN_ROTATE,      /* another master key; of no thread; `count`: keys. The store is to be opened anew then */
  FL_TXN_AUDIT,       /* nothing but what `audit` has; of no thread */
};

/* Beside the threads, in every kind of store: results of nodes that may be used again. `graph` and `node` are names of
 * the caller's own (a hash of what the result depends on, say). A put replaces; the oldest results make room when there
 * are more than FL_CACHE_COUNT_MAX or more than FL_CACHE_SIZE_MAX bytes of them. */
enum { FL_CACHE_COUNT_MAX = 100000, FL_CACHE_SIZE_MAX = 256 << 20, FL_CACHE_BODY_MAX = 4 << 20 };
struct fl_cache_entry {
  const char *graph, *node; /* CLEAR: NULL stands for all */
  uint8_t key[FL_HASH_SIZE];
  int64_t expires_ms; /* wall clock; 0: never */
  fl_slice body;      /* JSON text, at most FL_CACHE_BODY_MAX (FL_E_LIMIT) */
};

/* What a process that found a thread busy asks of the process that runs it. One row per thread, asker and kind; it
 * holds for the lease of that moment only and is gone when that lease is given back or taken by another. */
enum fl_request_kind {
  FL_REQUEST_YIELD,     /* give the lease back once nothing runs */
  FL_REQUEST_INTERRUPT, /* cancel the run, keep what it has written */
  FL_REQUEST_ROLLBACK,  /* cancel it, and drop what it has written */
};
struct fl_request {
  enum fl_request_kind kind;
  const char *asker; /* who it is, for the log and for telling askers apart: 1 to 128 bytes */
  int64_t wall_ms;   /* of the transaction; out of a listing */
};

/* One step of sealing a store that was written without a key: the next thread behind `after`, or at the end what stands
 * beside the threads. Steps that were done stay done: who was interrupted begins with 0 again, and what is sealed is
 * passed over. FL_E_BUSY while somebody runs the thread. Afterwards fl_store_compact, since free pages hold what was
 * there. */
struct fl_seal_step {
  int64_t after;              /* 0 at first, then `next` of the step before */
  int64_t next;               /* out */
  bool is_last;               /* out: nothing is left */
  bool did_seal;              /* out */
  char thread[FL_ID_MAX + 1]; /* out: which; "": what stands beside */
};

enum { FL_LEASE_MS = 30000 };

/* One atomic unit for one thread. Embedded in the caller; everything in it is lent until on_done, which comes once,
 * from the loop, in the order of submission. A holder of a lease that is a dead process of this machine holds nothing.
 *
 * Fences rise with every acquisition and are never used twice for one thread id, not even after its deletion. A WRITE
 * needs the newest fence (FL_E_CONFLICT otherwise), except one with fence 0 that holds nothing but THREAD records
 * without a status: the metadata of a thread may be changed while somebody runs it. A WRITE with `creates` and fence 0
 * makes the thread when absent.
 *
 * Ordinary writes that are there already, results that are there already and intents that have a result stay as they
 * are. A checkpoint by source "input" or "loop" ends the superstep of its parent: the parent's writes and calls are
 * dropped with it, so that what they said is stored once. */
struct fl_txn {
  enum fl_txn_kind kind;
  const char *thread;     /* fl_is_thread_id; NULL for CACHE_*, ITEMS and TRACE_DROP */
  bool creates;           /* ACQUIRE, WRITE */
  uint64_t fence;         /* in for WRITE, RENEW, RELEASE; out for ACQUIRE */
  uint64_t expected_head; /* WRITE with a checkpoint of the root namespace: the head it replaces; else FL_E_CONFLICT */
  struct fl_records *records;
  const struct fl_records *audit; /* AUDIT records for the audit log, written with whatever this is; NULL: none. A
                                     WRITE may have some among `records`; deleting, importing, copying and changing a
                                     thread leave theirs by themselves. */
  union {                         /* what the other kinds need */
    const struct fl_cache_entry *cache;
    const struct fl_request *request;
    const struct fl_prune *prune;
    const struct fl_rollback *rollback;
    const struct fl_copy *copy;
    const struct fl_import *import;
    const struct fl_item_ops *items;
    struct fl_seal_step *seal;
    const struct fl_secret *new_key; /* 32 bytes */
    const struct fl_trace_drop *trace_drop;
  };
  int64_t wall_ms;  /* now, by the caller's world */
  int64_t lease_ms; /* ACQUIRE, RENEW: how long from now; 0: FL_LEASE_MS */
  uint64_t count;   /* out, where the kind says so; and `bytes` */
  uint64_t bytes;
  void (*on_done)(struct fl_txn *txn, int status, const struct fl_error *err);
  void *user;
  struct fl_txn *next; /* private */
};
void fl_store_submit(struct fl_store *store, struct fl_txn *txn);

/* ---- reading ---- */

struct fl_thread_info {
  char id[FL_ID_MAX + 1];
  char *graph_name, *graph_file;
  char *status;
  int64_t created_ms, updated_ms;
  uint64_t head_no; /* checkpoint; 0: none yet */
  int64_t step;
  struct fl_value *metadata;
  int64_t lease_pid; /* who runs it now; 0: nobody */
};
void fl_thread_info_deinit(struct fl_thread_info *info);

/* Errors of all: FL_E_NOT_FOUND, FL_E_CORRUPT, FL_E_IO. */
int fl_store_read_thread(struct fl_store *store, const char *thread, struct fl_thread_info *ret_info,
                         struct fl_error *err);

/* Newest first. `prefix` may be NULL; visit returns false to stop. */
struct fl_threads_query {
  size_t limit; /* 0: no limit */
  const char *prefix;
  const char *status;
};
int fl_store_list_threads(struct fl_store *store, const struct fl_threads_query *query,
                          bool (*visit)(const struct fl_thread_info *info, void *user), void *user,
                          struct fl_error *err);

/* A checkpoint with its values, and the writes and calls beside it. checkpoint_no 0: the head (a thread without one
 * gives checkpoint_no 0 in `ret_loaded`, and 0). */
int fl_store_load(struct fl_store *store, const char *thread, const char *ns, uint64_t checkpoint_no,
                  struct fl_loaded *ret_loaded, struct fl_error *err);

struct fl_checkpoint_info {
  uint64_t no, parent_no;
  const char *id;
  int64_t step;
  const char *source;
  int64_t wall_ms;
  struct fl_value *body;
};
/* Newest first, `before_no` exclusive (0: from the newest), `limit` 0: all. Everything lent for the visit. */
int fl_store_list_checkpoints(struct fl_store *store, const char *thread, const char *ns, uint64_t before_no,
                              size_t limit, bool (*visit)(const struct fl_checkpoint_info *info, void *user),
                              void *user, struct fl_error *err);

/* The number of a checkpoint by its id (a unique prefix is enough). FL_E_NOT_FOUND, FL_E_INVALID when ambiguous. */
int fl_store_find_checkpoint(struct fl_store *store, const char *thread, const char *ns, const char *id,
                             uint64_t *ret_no, struct fl_error *err);

/* The events of a thread (run_id NULL: of all its runs), oldest first, those with a number above `after_no`. The
 * numbers are the store's own and rise; `body` is lent for the visit. */
struct fl_event_info {
  uint64_t no;
  const char *run_id;
  fl_slice body;
};
int fl_store_list_events(struct fl_store *store, const char *thread, const char *run_id, uint64_t after_no,
                         bool (*visit)(const struct fl_event_info *info, void *user), void *user, struct fl_error *err);

/* ---- reading beside the threads ---- */

/* The result under graph, node and key of `entry` that has not expired at `wall_ms`; free the text with fl_free. */
int fl_store_read_cache(struct fl_store *store, const struct fl_cache_entry *entry, int64_t wall_ms, char **ret_body,
                        struct fl_error *err);

/* What is asked of the holder of the lease with this fence, oldest first; everything lent for the visit. Cheap enough
 * to be asked about once a second for every thread held. */
struct fl_requests_query {
  const char *thread;
  uint64_t fence;
  bool (*visit)(const struct fl_request *request, void *user);
  void *user;
};
int fl_store_list_requests(struct fl_store *store, const struct fl_requests_query *query, struct fl_error *err);
