/* SPDX-License-Identifier: MIT */
/* The audit log of a store: decisions, approvals, secrets that were given out, and what administrators did. It is
 * written in the transaction that does what it tells of, and stays when the thread goes.
 *
 * Format 1. The hash of a record is BLAKE2b-256 over ("fairlead audit 1", the hash of the record before or 32 zeros,
 * number, time, what, thread, body), as fl_hash_parts does; numbers and times are 8 bytes little endian. Numbers rise
 * by one from 1. A head is the last record's number, time and hash, signed with Ed25519 over the hash of ("fairlead
 * audit head 1", number, time, hash). It is written with each transaction that has records, into the store and, once
 * that is committed, into the file STORE.audit-head. The key that signs is made on first use: STORE.audit-key, 0600.
 *
 * What it proves: without the key nobody can change, drop, add or exchange a record unseen, nor cut records off the
 * end. Who can write the store, the key and the head file can make all of it anew: keep heads elsewhere for that
 * (`fairlead audit verify --json` prints one, --head compares with it). */
#pragma once
#include "runtime/base/sign.h"
#include "runtime/base/buf.h"
#include "runtime/base/id.h"

#include <fairlead/error.h>
#include <fairlead/value.h>

struct fl_store;

/* ---- reading ---- */

struct fl_audit_record {
  uint64_t no;
  int64_t wall_ms;
  const char *what;   /* "call.denied" */
  const char *thread; /* "": of none */
  fl_slice body;      /* JSON object */
};

/* Oldest first; what is lent is lent for the visit, which returns false to stop. A record that does not fit the one
 * before it is shown as well: fl_store_verify_audit tells. */
struct fl_audit_query {
  const char *thread; /* NULL: all */
  const char *what;   /* this kind, or with a dot at its end all that begin so; NULL: all */
  uint64_t after_no;
  size_t limit; /* the last so many; 0: all */
  bool (*visit)(const struct fl_audit_record *record, void *user);
  void *user;
};
int fl_store_list_audit(struct fl_store *store, const struct fl_audit_query *query, struct fl_error *err);

/* ---- verifying ---- */

struct fl_audit_head {
  uint64_t no; /* 0: there is none */
  int64_t wall_ms;
  uint8_t hash[FL_HASH_SIZE];
  uint8_t key[FL_SIGN_KEY_SIZE]; /* public */
  uint8_t signature[FL_SIGNATURE_SIZE];
};

struct fl_audit_check {
  const uint8_t *key;               /* the public key that must have signed; NULL: that of the store's key file */
  const struct fl_audit_head *kept; /* a head from before, which must be on the way to the present one; NULL: none */
};

struct fl_audit_report {
  uint64_t count;            /* of records that fit */
  uint64_t bad_no;           /* the first that does not; 0: all do */
  char fault[256];           /* what is wrong with it, or with the head; "": nothing is */
  struct fl_audit_head head; /* of the store, as it stands there */
};
/* 0 also when the log does not hold: the report tells. Errors: FL_E_IO, FL_E_NOT_FOUND and FL_E_DENIED of the key file,
 * FL_E_CORRUPT of the database itself. */
int fl_store_verify_audit(struct fl_store *store, const struct fl_audit_check *check,
                          struct fl_audit_report *ret_report, struct fl_error *err);

/* A head as one JSON object {"no","wall_ms","hash","key","signature"}, and back. FL_E_INVALID. */
struct fl_value *fl_audit_head_value(const struct fl_audit_head *head);
int fl_audit_head_read(fl_slice text, struct fl_audit_head *ret_head, struct fl_error *err);
bool fl_audit_head_is_signed(const struct fl_audit_head *head, const uint8_t public_key[FL_SIGN_KEY_SIZE]);
