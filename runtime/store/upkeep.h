/* SPDX-License-Identifier: MIT */
/* Keeping a thread small, and moving it as a whole: pruning, going back, copies, what it takes, and the thread as a
 * file. The transactions go through fl_store_submit like all others. */
#pragma once
#include "graph/record.h"
#include "runtime/base/buf.h"

#include <fairlead/error.h>

struct fl_store;

/* ---- FL_TXN_PRUNE ---- */

/* Drops old checkpoints with what only they need. A root checkpoint stays when it is among the last `keep_last`, or
 * when it was made at `since_ms` or later; the head stays always. At least one of the two rules must be given. With a
 * checkpoint stay: the writes and calls beside it, the checkpoints of subgraphs that were made in its superstep or that
 * its body names, every value it shows and every row that those build on. A list whose earlier states went is written
 * anew as a whole when that frees a quarter of its size at least. Of events the last `keep_events` stay.
 *
 * Needs the lease (`fence`), or, with fence 0, that nobody holds it (FL_E_BUSY). Answers `count` checkpoints and
 * `bytes` of rows that went. */
struct fl_prune {
  uint64_t keep_last;   /* 0: not by count */
  int64_t since_ms;     /* 0: not by age */
  uint64_t keep_events; /* 0: all events stay */
  uint64_t slack;       /* nothing happens unless so many checkpoints would go; 0: 1 */
};

/* ---- FL_TXN_ROLLBACK ---- */

/* Takes back every checkpoint, of the root and of subgraphs, with a number above `to_no`, and what stood beside them; 0
 * takes back all. Whoever still holds such a state is refused from then on: with fence 0 nobody may hold the lease, and
 * the thread gets a new fence. Answers `count` checkpoints. */
struct fl_rollback {
  uint64_t to_no;
  const char *status;            /* of the thread afterwards; NULL: as it was */
  const struct fl_record *trace; /* the END of the run that is taken back, whose spans and content go; NULL: none */
};

/* ---- FL_TXN_COPY ---- */

/* Makes thread `to` with the checkpoints of this one, the same numbers and ids, its metadata and its status; no events.
 * `until_no`: only what ROLLBACK to that number would leave (0: all). FL_E_EXISTS when `to` is there. What is under way
 * in the copy is under way as in the original: a call that had left counts as such in both. */
struct fl_copy {
  const char *to; /* fl_is_thread_id */
  uint64_t until_no;
};

/* ---- FL_TXN_IMPORT ---- */

/* Makes the transaction's thread out of records: one FL_RECORD_THREAD first, then the others in the order of
 * fl_store_read_all. Before anything is written, it is checked that every value and checkpoint that is built on or
 * shown is among them (FL_E_CORRUPT). FL_E_EXISTS when there is such a thread. */
struct fl_import {
  const struct fl_records *records;
  int64_t created_ms;
};

/* ---- the file ---- */

/* Gives all free pages of the file back, by writing the whole file anew: takes its size in disk space and its time, in
 * which nothing else is written. Rarely needed, since a file gives pages back by itself while nothing waits, unless
 * format 1 made it. Errors: as of fl_store_open. */
int fl_store_compact(struct fl_store *store, struct fl_error *err);

/* ---- verifying ---- */

/* Reads every thread as a whole, and of a sealed store also whether anything is missing, was added, or was put back to
 * an earlier state: in a thread, in the memory, in the record of runs, and as a whole. One finding each, also when all
 * is well; what is lent is lent for the visit. A file that was put back as a whole is not found out: for that keep the
 * head of the audit log elsewhere. Errors: FL_E_IO, FL_E_VERSION (sealed by an older fairlead). */
struct fl_store_finding {
  const char *thread; /* NULL: of none */
  const char *what;   /* "thread", "memory", "runs", "store" */
  uint64_t count;     /* of sealed texts */
  const char *fault;  /* NULL: none */
};
typedef void fl_store_finding_fn(const struct fl_store_finding *finding, void *user);
int fl_store_verify(struct fl_store *store, fl_store_finding_fn *visit, void *user, struct fl_error *err);

/* ---- reading ---- */

/* Everything of a thread, from one moment: its THREAD record, values, checkpoints (numbers rising), writes, intents
 * each followed by its result, events. Lent for the visit, which returns a negative code to stop with it. */
typedef int fl_record_fn(const struct fl_record *record, void *user, struct fl_error *err);
int fl_store_read_all(struct fl_store *store, const char *thread, fl_record_fn *visit, void *user,
                      struct fl_error *err);

/* What a thread takes. Bytes are those of the stored texts and a measured 64 for the columns of each row; shared rows
 * count once. */
struct fl_storage_part {
  char *name; /* a channel; "(checkpoints)", "(writes)", "(calls)", "(events)" */
  uint64_t rows, bytes;
};
struct fl_storage {
  struct fl_storage_part *parts; /* channels by name, then the others */
  size_t part_count;
  uint64_t rows, bytes; /* of all parts */
};
int fl_store_read_storage(struct fl_store *store, const char *thread, struct fl_storage *ret_storage,
                          struct fl_error *err);
void fl_storage_deinit(struct fl_storage *storage);

/* ---- a thread as a file ---- */

/* JSON lines, format 1 (docs/thread-file.md): a header, a line for every record, an end that vouches for all of them.
 * Every line begins with the check sum of its rest. Appends to `text`; FL_E_LIMIT at its limit. */
int fl_thread_export(struct fl_store *store, const char *thread, struct fl_buf *text, struct fl_error *err);

/* The records of such a file, for FL_TXN_IMPORT, and the id it was exported under (ret_id: FL_ID_MAX + 1). Errors:
 * FL_E_SYNTAX (not such a file), FL_E_VERSION, FL_E_CORRUPT (changed, or cut off; names the line), FL_E_TRUNCATED. */
struct fl_thread_file {
  char id[FL_ID_MAX + 1];
  int64_t created_ms;
  struct fl_records records;
};
int fl_thread_file_read(fl_slice text, struct fl_thread_file *ret_file, struct fl_error *err);
void fl_thread_file_deinit(struct fl_thread_file *file);
