/* SPDX-License-Identifier: MIT */
/* Heads: what a sealed store should hold. Each sealed text is bound to its place, but a row that is missing, and an
 * older state of a row that was put back, are told by no row. So there is a head for each thread, one for the memory,
 * one for the record of runs, and one over all of them: how many sealed texts there are, and the sum (modulo 2^64, in
 * four numbers) of a keyed hash of each one's place and tag. A head is sealed like any text, and written in the
 * transaction that changes what it tells of. Private to this folder.
 *
 * Triggers of the writing connection alone (they stand in no file) tell of each text that comes, changes or goes, so
 * that no statement which does so can be forgotten, and a store without a key has nothing of this.
 *
 * Invariants. (1) With a key, a thread that is loaded has the newest checkpoint that its head names, and exactly the
 * calls and writes beside it that its head sums up; FL_E_CORRUPT otherwise. (2) fl_store_verify sums up all of it. (3)
 * A file that was put back as a whole fits its heads: against that stands the head of the audit log, kept elsewhere. */
#pragma once
#include "runtime/store/sqlite.h"

/* Owners beside the threads, whose owners are their rows. */
enum { FL_HEAD_OF_MEMORY = 0, FL_HEAD_OF_RUNS = -1, FL_HEAD_OF_ALL = -2 };

/* What stands beside the newest checkpoint comes and goes, is short, and is looked at whenever the thread is loaded. */
enum fl_head_part { FL_HEAD_LASTING, FL_HEAD_BESIDE, FL_HEAD_PARTS };
enum { FL_HEAD_LANES = 4 };

struct fl_seal_head {
  struct {
    uint64_t count, sum[FL_HEAD_LANES];
  } parts[FL_HEAD_PARTS];
  uint64_t newest; /* number of the newest checkpoint; 0: none, or no thread */
};

struct fl_seal_changes;

/* The writing connection, once it has its key. */
int fl_seal_heads_watch(struct fl_db *db, struct fl_error *err);
void fl_seal_changes_destroy(struct fl_seal_changes *changes); /* NULL allowed */
/* A batch: after its BEGIN, before its COMMIT, and when it was rolled back. What is known of keys and heads is known
 * until somebody else writes to the file, or something is rolled back. */
int fl_seal_batch_begin(struct fl_db *db, struct fl_error *err);
int fl_seal_batch_end(struct fl_db *db, struct fl_error *err);
void fl_seal_batch_forget(struct fl_db *db);
/* What stands there is taken as it is; and so is all, at the end of sealing a store. */
int fl_seal_heads_count_again(struct fl_db *db, int64_t owner, struct fl_error *err);
void fl_seal_heads_sum_again(struct fl_db *db);

/* FL_E_NOT_FOUND: there is none; FL_E_CORRUPT. */
int fl_seal_head_read(struct fl_db *db, int64_t owner, struct fl_seal_head *ret_head, struct fl_error *err);
/* Sums up what stands there; and only what is beside the checkpoint of a thread. */
int fl_seal_head_count(struct fl_db *db, int64_t owner, struct fl_seal_head *ret_head, struct fl_error *err);
int fl_seal_head_count_beside(struct fl_db *db, int64_t owner, struct fl_seal_head *ret_head, struct fl_error *err);
void fl_seal_head_add(struct fl_seal_head *to, const struct fl_seal_head *head, bool is_minus);

/* seal_verify.c: a thread that is about to be loaded. */
int fl_seal_check_thread(struct fl_db *db, const char *thread, int64_t row, struct fl_error *err);
