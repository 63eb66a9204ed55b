/* SPDX-License-Identifier: MIT */
/* Writing the audit log, within an open transaction of the connection that writes. Private to this folder. */
#pragma once
#include "runtime/store/audit.h"
#include "runtime/store/sqlite.h"

/* One record behind the last. `thread` may be NULL. */
int fl_audit_put(struct fl_db *db, const char *thread, const struct fl_record *record, struct fl_error *err);

/* The records that a transaction brings besides its own (txn->audit), and those that its kind leaves by itself. */
bool fl_audit_has_note(const struct fl_txn *txn);
int fl_audit_note(struct fl_db *db, const struct fl_txn *txn, struct fl_error *err);

/* Before the COMMIT of a batch: signs the head when records came. The key file is made if it must be. And behind it:
 * the head goes to its file; that this fails costs nothing but a head that is older there. */
int fl_audit_sign(struct fl_sqlite_store *store, struct fl_error *err);
void fl_audit_keep_head(struct fl_sqlite_store *store);

void fl_audit_hash(const uint8_t before[FL_HASH_SIZE], const struct fl_audit_record *record,
                   uint8_t ret_hash[FL_HASH_SIZE]);
void fl_audit_head_digest(const struct fl_audit_head *head, uint8_t ret_hash[FL_HASH_SIZE]);
int fl_audit_read_head(struct fl_db *db, struct fl_audit_head *ret_head, struct fl_error *err); /* no 0: none */
char *fl_audit_key_path(const struct fl_db *db);
char *fl_audit_head_path(const struct fl_db *db);

int fl_audit_list(struct fl_db *db, const struct fl_audit_query *query, struct fl_error *err);
int fl_audit_verify(struct fl_db *db, const struct fl_audit_check *check, struct fl_audit_report *ret_report,
                    struct fl_error *err);
