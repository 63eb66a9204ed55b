/* SPDX-License-Identifier: MIT */
/* Sealing at rest: the texts of rows as XChaCha20-Poly1305, with a key for each thread (and one for what stands beside
 * the threads), each wrapped by a master key that is never in the store. Private to this folder.
 *
 * Format 1 of a sealed text: 0xFE (which no UTF-8 has), 1, nonce, ciphertext and tag. What is authenticated with it:
 * "fairlead row 1", the table, the thread's id, and the columns of the row that every reader of it reads. So a text
 * that was moved to another row, table or thread is refused like one that was changed. A wrapped key is nonce,
 * ciphertext and tag under the master key, with "fairlead key 1" and the thread's id.
 *
 * Invariants. (1) With a master key no row is written in the clear, and one that is in the clear is refused by name.
 * (2) Without one, nothing of this is reached but a look at the first byte of a text. (3) A thread without its wrapped
 * key cannot be read by anybody: deleting the thread overwrites it. */
#pragma once
#include "runtime/base/secret.h"
#include "runtime/store/sqlite.h"

struct fl_sealer;

enum { FL_SEAL_MARK = 0xFE, FL_SEAL_FORMAT = 1, FL_SEALED_OVERHEAD = 2 + FL_SEAL_NONCE_SIZE + FL_SEAL_TAG_SIZE };

/* Which row a text is of. `owner` is the thread's row; 0: of no thread. Numbers and texts in an order of the table's
 * own. What a message calls it: "thread t: value 3". */
struct fl_seal_row {
  const char *table;
  int64_t owner;
  const char *thread; /* "" of no thread */
  const char *what;   /* "value" */
  const int64_t *numbers;
  size_t number_count;
  const fl_slice *texts;
  size_t text_count;
};

/* One for each connection; the one that reads never makes a key. */
struct fl_sealer *fl_sealer_create(const struct fl_secret *master, const uint8_t seed[32]);
void fl_sealer_destroy(struct fl_sealer *sealer); /* NULL allowed */
/* When somebody else wrote, or something was rolled back: what is known of keys may be wrong. */
void fl_sealer_forget(struct fl_sealer *sealer);

/* *ret_text is what to store: `plain` itself without a sealer; otherwise lent until the next call on this connection.
 * A text of no bytes at all (data NULL) stays as it is. */
int fl_seal_text(struct fl_db *db, const struct fl_seal_row *row, fl_slice plain, fl_slice *ret_text,
                 struct fl_error *err);
/* *ret_text is what was sealed, lent until the next call on this connection; or `stored` itself without a sealer.
 * FL_E_DENIED: in the clear though there is a key, or sealed though there is none; FL_E_CORRUPT: changed or moved. */
int fl_unseal_text(struct fl_db *db, const struct fl_seal_row *row, fl_slice stored, fl_slice *ret_text,
                   struct fl_error *err);
static inline bool fl_is_sealed(fl_slice text) { return text.size > 0 && (uint8_t)text.data[0] == FL_SEAL_MARK; }
static inline bool fl_needs_unsealing(const struct fl_db *db, fl_slice text) {
  return db->sealer != NULL || fl_is_sealed(text);
}

/* Overwrites the key of a thread and drops its row. */
int fl_seal_erase(struct fl_db *db, int64_t owner, struct fl_error *err);
/* The store as it is opened: FL_E_DENIED when it is sealed and there is no key, or another. */
int fl_seal_check_open(struct fl_db *db, bool read_only, struct fl_error *err);
/* Wraps every key anew; the count of keys. The sealer uses the new one from then on. */
int fl_seal_rotate(struct fl_db *db, const struct fl_secret *new_master, uint64_t *ret_count, struct fl_error *err);

/* seal_step.c: FL_TXN_SEAL. */
int fl_seal_step(struct fl_sqlite_store *store, const struct fl_txn *txn, struct fl_error *err);
/* While it goes on, texts in the clear are read as they are. */
void fl_sealer_allow_plain(struct fl_sealer *sealer, bool allows);

/* A hash under the key of what stands beside the threads. */
int fl_seal_hash(struct fl_db *db, fl_slice bytes, uint8_t ret_hash[32], struct fl_error *err);

/* A word of a text as the index of words has it: its hash under the key of what stands beside the threads. */
enum { FL_SEALED_WORD_SIZE = 23 };
int fl_seal_word(struct fl_db *db, fl_slice word, char ret_word[FL_SEALED_WORD_SIZE], struct fl_error *err);

/* ---- rows by their tables: seal_rows.c ---- */

struct fl_seal_thread {
  struct fl_db *db;
  const char *id;
  int64_t row;
};
/* Each names the columns that are authenticated; the same for writing and reading. */
int fl_seal_record(const struct fl_seal_thread *thread, const struct fl_record *record, fl_slice *ret_text,
                   struct fl_error *err);
int fl_unseal_record(const struct fl_seal_thread *thread, const struct fl_record *record, fl_slice stored,
                     fl_slice *ret_text, struct fl_error *err);
