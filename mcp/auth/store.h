/* SPDX-License-Identifier: MIT */
/* What is kept of authorization: for each issuer one file with our client there and the tokens for each MCP server.
 *
 * Format: "FLA1", nonce, XChaCha20-Poly1305 of JSON {"issuer", "client": {…}, "servers": {URL: tokens}}; the context is
 * the file's name, so that a file moved to another name is refused. The key is 32 bytes: $FAIRLEAD_AUTH_KEY (64 hex
 * digits), else the file `key`, 0600, made on first use. Files are replaced whole (write, fsync, rename, fsync of the
 * folder); a lock is held over read, change and write, so that two processes lose nothing of each other.
 *
 * Reading and writing are done at once: files of a few KB, some times a day. */
#pragma once
#include "mcp/auth/config.h"
#include "runtime/io/world.h"

struct fl_auth_store;

/* folder NULL: kept in memory, for the life of the store. A folder that is not there is made when something is to be
 * kept. Errors: FL_E_IO; FL_E_DENIED when others may read the key;
 * FL_E_INVALID for a key that is none. */
int fl_auth_store_open(struct fl_world *world, const char *folder, struct fl_auth_store **ret_store,
                       struct fl_error *err);
void fl_auth_store_close(struct fl_auth_store *store); /* NULL allowed */

/* A record, ours alone, to be given to fl_auth_wipe_value; an object without members when there is none. FL_E_IO,
 * FL_E_CORRUPT (another key, or damaged). */
int fl_auth_store_read(struct fl_auth_store *store, const char *issuer, struct fl_value **ret_record,
                       struct fl_error *err);

/* Reads, calls `change` (which edits the record; false: leave all as it is), writes. FL_E_BUSY when another process
 * holds the lock for a second; otherwise as above. */
int fl_auth_store_change(struct fl_auth_store *store, const char *issuer,
                         bool (*change)(struct fl_value *record, void *user), void *user, struct fl_error *err);

/* Every record; `visit` borrows it and may not change the store. Records that cannot be opened are passed over, their
 * number goes to *ret_failed (NULL: not wanted). */
int fl_auth_store_visit(struct fl_auth_store *store, void (*visit)(const struct fl_value *record, void *user),
                        void *user, size_t *ret_failed, struct fl_error *err);

/* Over a refresh, so that two processes do not use one refresh token: a descriptor, or FL_E_BUSY, FL_E_IO. A store in
 * memory gives a descriptor too (-1). */
int fl_auth_store_lock_refresh(struct fl_auth_store *store, const char *server, int *ret_lock);
void fl_auth_store_unlock(int lock);
